/* SPDX-License-Identifier: MIT */
/* test_group.c: groups of threads: the tree that adds grains, gathers and broadcasts, and the
 * effect of members that are silent, leave or fail. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "clflow/clflow.h"
#include "group/threads.h"
#include "members.h"
#include "suite.h"

/* ---- The tree ------------------------------------------------------------------------------ */

enum { LONG = 37 }; /* numbers of a vector */

/* A random number of any size, with zeros of both signs, subnormals and some NaNs. */
static double number(uint32_t seed, int bits) {
  uint64_t h = (seed + 1) * 0x9E3779B97F4A7C15u;
  h ^= h >> 29;
  h *= 0xBF58476D1CE4E5B9u;
  h ^= h >> 32;
  const int kind = (int)(h % 16);
  if (kind == 0) return h & 16 ? -0.0 : 0.0;
  if (kind == 1 && h % 1024 < 32) return NAN;
  const double mantissa = 1 + (double)(h >> 12 & 0xFFFFFFFF) / 4294967296.0;
  const double sign = h & 32 ? -1 : 1;
  if (kind < 4) return sign * ldexp(mantissa, bits == 64 ? -1060 : -140);
  return sign * ldexp(mantissa, (int)(h >> 44 & 31) - 16);
}

static void fill(void *to, int32_t grain, uint32_t seed, int bits) {
  for (int i = 0; i < LONG; i++) {
    const double v = number(seed * 977 + (uint32_t)grain * 61 + (uint32_t)i * 7919, bits);
    if (bits == 64)
      ((double *)to)[i] = v;
    else
      ((float *)to)[i] = (float)v;
  }
}

static void add(void *to, const void *from, int bits) {
  for (int i = 0; i < LONG; i++) {
    if (bits == 64)
      ((double *)to)[i] += ((const double *)from)[i];
    else
      ((float *)to)[i] += ((const float *)from)[i];
  }
}

typedef struct sum {
  int bits, there; /* present: some grain has rows */
  double v[LONG];  /* or floats */
} sum;

/* The definition: two halves are added, unless one of them has no rows. */
static sum reference(const clf__split *s, int32_t first, int32_t end, uint32_t seed, int bits) {
  sum all = {.bits = bits};
  if (clf__grain_begin(s, first) == clf__grain_begin(s, end)) return all;
  all.there = 1;
  if (end - first == 1) {
    fill(all.v, first, seed, bits);
    return all;
  }
  const int32_t middle = first + (end - first) / 2;
  const sum a = reference(s, first, middle, seed, bits), b = reference(s, middle, end, seed, bits);
  if (!a.there) return b;
  all = a;
  if (b.there) add(all.v, b.v, bits);
  return all;
}

/* A member: its grains one after the other, then the sum of the group. */
typedef struct adder {
  clf_group *g;
  clf__split s;
  uint32_t seed;
  int bits;
  double total[LONG];
} adder;

static void *add_up(void *context) {
  adder *a = context;
  const int32_t rank = clf_group_rank(a->g);
  static const size_t size = LONG * sizeof(double);
  double sums[CLF_ROOTS][LONG];
  void *root[CLF_ROOTS];
  clf__stack stack = {.count = 0};
  for (int i = 0; i < CLF_ROOTS; i++) root[i] = sums[i];
  for (int32_t i = a->s.first[rank]; i < a->s.first[rank + 1]; i++) {
    double here[LONG];
    clf__subtree node = {0, i};
    if (clf__grain_begin(&a->s, i) == clf__grain_begin(&a->s, i + 1)) continue;
    fill(here, i, a->seed, a->bits);
    while (clf__tree_joins(&a->s, &stack, &node)) add(here, sums[stack.count], a->bits);
    memcpy(sums[stack.count], here, size);
    stack.node[stack.count++] = node;
  }
  WORKS(clf__group_sum(a->g, &a->s, LONG, a->bits, root, a->total));
  return NULL;
}

/* NaNs count as equal. */
static int same(const void *a, const void *b, int bits) {
  for (int i = 0; i < LONG; i++) {
    if (bits == 64) {
      const double x = ((const double *)a)[i], y = ((const double *)b)[i];
      if (memcmp(&x, &y, sizeof x) != 0 && !(isnan(x) && isnan(y))) return 0;
    } else {
      const float x = ((const float *)a)[i], y = ((const float *)b)[i];
      if (memcmp(&x, &y, sizeof x) != 0 && !(isnan(x) && isnan(y))) return 0;
    }
  }
  return 1;
}

static void check_sum(int32_t P, int32_t grains, int64_t rows, const int32_t *first, int bits) {
  clf_group *members[CLF_GROUP_THREADS];
  adder a[CLF_GROUP_THREADS];
  pthread_t thread[CLF_GROUP_THREADS];
  WORKS(clf_group_threads(P, members));
  for (int32_t r = 0; r < P; r++)
    a[r] = (adder){.g = members[r], .s = {rows, grains, first}, .seed = (uint32_t)P, .bits = bits};
  for (int32_t r = 0; r < P; r++)
    ck_assert_int_eq(pthread_create(&thread[r], NULL, add_up, &a[r]), 0);
  for (int32_t r = 0; r < P; r++) pthread_join(thread[r], NULL);
  const sum want = reference(&a[0].s, 0, grains, (uint32_t)P, bits);
  for (int32_t r = 0; r < P; r++) {
    if (!same(a[r].total, want.v, bits))
      ck_abort_msg("rank %d of %d, %d grains of %lld rows, %d bits", (int)r, (int)P, (int)grains,
                   (long long)rows, bits);
    clf_group_free(members[r]);
  }
}

static void equal_shares(int32_t *first, int32_t P, int32_t grains) {
  for (int32_t r = 0; r <= P; r++) first[r] = (int32_t)((int64_t)r * grains / P);
}

START_TEST(equal) {
  int32_t first[CLF_GROUP_THREADS + 1];
  for (int32_t P = 1; P <= 17; P++) {
    for (int32_t grains = 1; grains <= 64; grains *= 4)
      for (int rows = 3; rows <= 200; rows = rows * 7 + 2) {
        equal_shares(first, P, grains);
        check_sum(P, grains, rows, first, P % 3 ? 32 : 64);
      }
  }
}
END_TEST

/* Some members have many grains, others one or none. */
START_TEST(unequal) {
  static const int32_t shares[][6] = {{0, 1, 32},         {0, 31, 32},        {0, 3, 3, 32},
                                      {0, 0, 32},         {0, 5, 11, 13, 32}, {0, 7, 8, 24, 25, 32},
                                      {0, 16, 24, 28, 32}};
  static const int32_t P[] = {2, 2, 3, 2, 4, 5, 4};
  for (int i = 0; i < 7; i++)
    for (int rows = 3; rows <= 70; rows += 67) {
      check_sum(P[i], 32, rows, shares[i], 32);
      check_sum(P[i], 32, rows, shares[i], 64);
    }
}
END_TEST

/* ---- Gathers and broadcasts ---------------------------------------------------------------------
 */

static clf_status talk(clf_group *g, void *context) {
  const int32_t P = clf_group_size(g), rank = clf_group_rank(g);
  int32_t all[17], word = rank * rank;
  (void)context;
  CLF_TRY(clf_group_gather(g, &word, sizeof word, all));
  for (int32_t r = 0; r < P; r++)
    if (all[r] != r * r) return clf__fail(CLF_EMISMATCH, "rank %d has %d", (int)r, (int)all[r]);
  for (int32_t root = 0; root < P; root++) {
    word = rank == root ? 100 + root : -1;
    CLF_TRY(clf_group_broadcast(g, root, &word, sizeof word));
    if (word != 100 + root) return clf__fail(CLF_EMISMATCH, "root %d sent %d", root, (int)word);
  }
  return clf_group_barrier(g);
}

START_TEST(everybody) {
  for (int32_t P = 1; P <= 17; P++) {
    outcomes all = run_group(P, talk, NULL);
    for (int32_t r = 0; r < P; r++) ck_assert_msg(!all.status[r], "%s", all.why[r]);
  }
}
END_TEST

static clf_status fail_on_two(clf_group *g, void *context) {
  (void)context;
  const clf_status own =
      clf_group_rank(g) == 2 ? clf__fail(CLF_ENOMEM, "no memory for rows") : CLF_OK;
  CLF_TRY(clf_group_agree(g, CLF_OK));
  return clf_group_agree(g, own);
}

START_TEST(agreement) {
  outcomes all = run_group(4, fail_on_two, NULL);
  for (int r = 0; r < 4; r++) {
    ck_assert_int_eq(all.status[r], CLF_ENOMEM);
    ck_assert_str_eq(all.why[r],
                     r == 2 ? "no memory for rows" : "rank 2 on this machine: no memory for rows");
  }
}
END_TEST

/* ---- Members that do not answer ------------------------------------------------------------- */

static clf_status leave(clf_group *g, void *context) {
  (void)context;
  CLF_TRY(clf_group_barrier(g));
  clf__group_doing(g, "step 7");
  if (clf_group_rank(g) == 1) return CLF_OK;
  CLF_TRY(clf_group_barrier(g));
  return CLF_OK;
}

START_TEST(leaving) {
  const double begin = now_seconds();
  outcomes all = run_group(2, leave, NULL);
  ck_assert_int_eq(all.status[0], CLF_EDEVICE);
  ck_assert_str_eq(all.why[0], "rank 0 on this machine, at step 7: rank 1 has left the group");
  ck_assert_int_eq(all.status[1], CLF_OK);
  ck_assert_double_lt(now_seconds() - begin, 10);
}
END_TEST

/* Rank 1 sleeps past the deadline: rank 0 stops waiting, and rank 1 gets an error. */
static clf_status sleep_long(clf_group *g, void *context) {
  (void)context;
  CLF_TRY(clf_group_barrier(g));
  clf__group_took(g, 0.01);
  clf__group_doing(g, "step 8");
  if (clf_group_rank(g) == 1) nap(1.0);
  clf_status s = clf_group_barrier(g);
  if (s && clf_group_barrier(g) != s) return CLF_OK; /* the error stays */
  return s;
}

START_TEST(silence) {
  char *before = suite_setenv("CLFLOW_GROUP_DEADLINE", "0.2");
  outcomes all = run_group(2, sleep_long, NULL);
  ck_assert_int_eq(all.status[0], CLF_EDEVICE);
  ck_assert_msg(strstr(all.why[0], "rank 0 on this machine, at step 8: rank 1 was silent for 0.3"),
                "%s", all.why[0]);
  ck_assert_int_eq(all.status[1], CLF_EDEVICE);
  ck_assert_msg(strstr(all.why[1],
                       "rank 1 on this machine, at step 8: rank 0 has left the group (rank 0 on "
                       "this machine, at step 8: rank 1 was silent for 0.3") == all.why[1],
                "%s", all.why[1]);
  suite_putenv_back("CLFLOW_GROUP_DEADLINE", before);
}
END_TEST

/* Rank 1 stops the process while rank 0 waits, and needs a moment when it goes on. */
static clf_status stop_all(clf_group *g, void *context) {
  struct timespec used = {0};
  (void)context;
  CLF_TRY(clf_group_barrier(g));
  clf__group_took(g, 0.01);
  if (clf_group_rank(g) == 1) {
    nap(0.1);
    kill(getpid(), SIGSTOP);
    do clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    while (used.tv_sec == 0 && used.tv_nsec < 20000000);
  }
  return clf_group_barrier(g);
}

/* The time in which a process was stopped does not count: rank 0 waits for a second of its own. */
START_TEST(stopped) {
  int status = 0;
  char *before = suite_setenv("CLFLOW_GROUP_DEADLINE", "1");
  const pid_t pid = suite_fork();
  if (!pid) {
    const outcomes all = run_group(2, stop_all, NULL);
    if (all.status[0]) fprintf(stderr, "%s\n", all.why[0]);
    _exit(all.status[0] || all.status[1]);
  }
  ck_assert_int_eq(waitpid(pid, &status, WUNTRACED), pid);
  ck_assert(WIFSTOPPED(status));
  nap(2.5);
  ck_assert_int_eq(kill(pid, SIGCONT), 0);
  ck_assert_int_eq(waitpid(pid, &status, 0), pid);
  ck_assert(WIFEXITED(status));
  ck_assert_int_eq(WEXITSTATUS(status), 0);
  suite_putenv_back("CLFLOW_GROUP_DEADLINE", before);
}
END_TEST

static clf_status send_other(clf_group *g, void *context) {
  char small[4] = {0}, all[64];
  (void)context;
  CLF_TRY(clf_group_barrier(g));
  return clf_group_gather(g, small, clf_group_rank(g) ? 2 : 4, all);
}

START_TEST(other_calls) {
  outcomes all = run_group(2, send_other, NULL);
  ck_assert_msg(strstr(all.why[0], "it is at another call") ||
                    strstr(all.why[1], "it is at another call"),
                "%s; %s", all.why[0], all.why[1]);
  ck_assert_int_eq(all.status[0], CLF_EDEVICE);
  ck_assert_int_eq(all.status[1], CLF_EDEVICE);
}
END_TEST

START_TEST(refusals) {
  clf_group *g[2];
  REFUSED(clf_group_threads(0, g), CLF_EINVAL, "a group of 0 threads: it must have 1 to 256");
  REFUSED(clf_group_threads(257, g), CLF_EINVAL, "a group of 257 threads: it must have 1 to 256");
  char *before = suite_setenv("CLFLOW_GROUP_DEADLINE", "soon");
  REFUSED(
      clf_group_threads(2, g), CLF_EINVAL,
      "CLFLOW_GROUP_DEADLINE is \"soon\"; it must be a number of seconds above 0 and up to 1e6");
  suite_putenv_back("CLFLOW_GROUP_DEADLINE", before);
  WORKS(clf_group_threads(1, g));
  ck_assert_str_eq(clf_group_member(g[0], 0), "rank 0");
  WORKS(clf_group_barrier(g[0]));
  ck_assert_str_eq(clf_group_member(g[0], 0), "rank 0 on this machine");
  ck_assert_ptr_null(clf_group_member(g[0], 1));
  REFUSED(clf_group_broadcast(g[0], 1, g, 1), CLF_EINVAL,
          "root is 1; it must be a rank from 0 to 0");
  clf_group_free(g[0]);
}
END_TEST

int main(void) {
  Suite *s = suite_create("group");
  TCase *tc = tcase_create("all");
  tcase_set_timeout(tc, 600);
  tcase_add_test(tc, equal);
  tcase_add_test(tc, unequal);
  tcase_add_test(tc, everybody);
  tcase_add_test(tc, agreement);
  tcase_add_test(tc, leaving);
  tcase_add_test(tc, silence);
  tcase_add_test(tc, stopped);
  tcase_add_test(tc, other_calls);
  tcase_add_test(tc, refusals);
  suite_add_tcase(s, tc);
  return suite_run(s);
}
