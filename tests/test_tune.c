/* SPDX-License-Identifier: MIT */
/* test_tune.c: the algorithms of an operation: which one runs, what tuning chooses, and how it
 * treats foreign files.  The algorithms are made up: cpu's own function with a delay, an error
 * or a failure. */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "backend.h"
#include "cache.h"
#include "clflow/clflow.h"
#include "suite.h"

static char folder[] = "/tmp/clflow-tune-XXXXXX";

/* ---- Made-up algorithms ---------------------------------------------------------------------- */

static clf_status own(const void *args, struct clf_scratch *scratch) {
  const struct clf_traits *traits;
  clf_device *cpu;
  CLF_TRY(clf__open("cpu", &cpu));
  const clf_algorithm *algorithm = cpu->backend->algorithms(cpu, CLF_OP_gemm, &traits);
  while (algorithm[1].name) algorithm++;
  clf_close(cpu);
  return algorithm->compute(args, scratch);
}
static clf_status slow(const void *args, struct clf_scratch *scratch) {
  nanosleep(&(struct timespec){0, 2000000}, NULL);
  return own(args, scratch);
}
static clf_status slower(const void *args, struct clf_scratch *scratch) {
  nanosleep(&(struct timespec){0, 2000000}, NULL);
  return slow(args, scratch);
}
/* Slow in the two trials before the rounds. */
static int runs;
static clf_status warms_up(const void *args, struct clf_scratch *scratch) {
  return runs++ < 4 ? slower(args, scratch) : own(args, scratch);
}
static clf_status wrong(const void *args, struct clf_scratch *scratch) {
  const clf_gemm_args *p = args;
  (void)scratch;
  ((float *)p->c.buf->handle)[p->c.offset] = 7;
  return CLF_OK;
}
static clf_status broken(const void *args, struct clf_scratch *scratch) {
  (void)args;
  (void)scratch;
  return clf__fail(CLF_EDEVICE, "it is broken");
}
static int takes_few_rows(const void *args, const struct clf_traits *traits) {
  (void)traits;
  return ((const clf_gemm_args *)args)->c.dim[0] < 30;
}
static int suits_one_row(const void *args, const struct clf_traits *traits) {
  (void)traits;
  return ((const clf_gemm_args *)args)->c.dim[0] == 1;
}

static const clf_algorithm made_up[] = {
    {.name = "few", .takes = takes_few_rows, .suits = suits_one_row, .compute = own},
    {.name = "slow", .compute = slow},
    {.name = "wrong", .compute = wrong},
    {.name = "broken", .compute = broken},
    {.name = "fast", .compute = own},
    {.name = NULL}};
static const clf_algorithm only_slow[] = {
    {.name = "slow", .compute = slow}, {.name = "slower", .compute = slower}, {.name = NULL}};
static const clf_algorithm warming[] = {
    {.name = "slow", .compute = slow}, {.name = "warms up", .compute = warms_up}, {.name = NULL}};
static const clf_algorithm *now_made_up = made_up;

static const clf_algorithm *algorithms(const clf_device *dev, clf_op op,
                                       const struct clf_traits **traits) {
  *traits = NULL;
  return op == CLF_OP_gemm ? now_made_up : clf__cpu.algorithms(dev, op, traits);
}
static clf_backend faked;

/* A device `cpu` with these algorithms and the choices for `key`. */
static clf_device *open_faked(const char *key) {
  clf_device *dev;
  WORKS(clf__open("cpu", &dev));
  faked = clf__cpu;
  faked.algorithms = algorithms;
  dev->backend = &faked;
  free(dev->tuned);
  free(dev->tuned_key);
  dev->tuned = NULL;
  dev->tuned_count = 0;
  WORKS(clf__tuned_load(dev, &key, 1));
  return dev;
}

/* ---- The workload: products of these shapes -------------------------------------------------- */

typedef struct product {
  int32_t M, N, K;
  int ta;
} product;

static clf_status multiply(clf_device *dev, product p) {
  clf_arena a;
  clf_tensor t[3];
  const size_t most = (size_t)(p.M * p.K + p.K * p.N + p.M * p.N + 64);
  CLF_TRY(clf_arena_init(&a, dev, most));
  CLF_TRY(clf_new(&a, (int32_t[4]){p.ta ? p.K : p.M, p.ta ? p.M : p.K}, &t[0]));
  CLF_TRY(clf_new(&a, (int32_t[4]){p.K, p.N}, &t[1]));
  CLF_TRY(clf_new(&a, (int32_t[4]){p.M, p.N}, &t[2]));
  for (int i = 0; i < 3; i++) CLF_TRY(clf_do(dev, fill, .y = t[i], .value = 1));
  const clf_status s = clf_do(dev, gemm, .a = t[0], .b = t[1], .c = t[2], .ta = p.ta, .alpha = 1);
  clf_arena_free(&a);
  return s;
}
/* `context` ends with M = 0. */
static clf_status products(clf_device *dev, void *context) {
  for (const product *p = context; p->M; p++) CLF_TRY(multiply(dev, *p));
  return CLF_OK;
}

typedef struct reports {
  clf_tuned at[8];
  int count, announced;
} reports;
static void keep_report(const clf_tuned *t, void *context) {
  reports *r = context;
  if (t->count == 0)
    r->announced++;
  else
    r->at[r->count++] = *t;
}

static reports tune(clf_device *dev, product *work, int kept_wanted) {
  reports r = {0};
  int kept = -1;
  WORKS(clf__tune(dev, products, work, keep_report, &r, &kept));
  ck_assert_int_eq(kept, kept_wanted);
  ck_assert_int_eq(r.announced, r.count);
  return r;
}

/* The algorithm that a product of M rows would use. */
static const char *way_of(const clf_device *dev, int32_t M, int32_t N, int32_t K) {
  static clf_buffer memory;
  const clf_gemm_args p = {.a = {&memory, 0, {M, K, 1, 1}, {K, 1, 1, 1}},
                           .b = {&memory, 0, {K, N, 1, 1}, {N, 1, 1, 1}},
                           .c = {&memory, 0, {M, N, 1, 1}, {N, 1, 1, 1}},
                           .alpha = 1};
  return clf__algorithm(dev, CLF_OP_gemm, &p)->name;
}

/* ---- Tests --------------------------------------------------------------------------------- */

START_TEST(rules) {
  clf_device *dev = open_faked("rules");
  ck_assert_str_eq(way_of(dev, 1, 8, 8), "few");
  ck_assert_str_eq(way_of(dev, 2, 8, 8), "slow");
  dev->forced = 1;
  ck_assert_str_eq(way_of(dev, 2, 8, 8), "few");
  ck_assert_str_eq(way_of(dev, 40, 8, 8), "slow"); /* which it does not take */
  clf_close(dev);
}
END_TEST

START_TEST(tuner_picks) {
  clf_device *dev = open_faked("picks");
  const reports r =
      tune(dev, (product[]){{40, 8, 8, 0}, {40, 8, 8, 0}, {20, 8, 8, 1}, {0, 0, 0, 0}}, 1);
  ck_assert_int_eq(r.count, 2);
  ck_assert_int_eq((int)r.at[0].calls, 2);
  ck_assert_int_eq((int)r.at[1].calls, 1);
  ck_assert_double_eq(r.at[0].flops, 2 * 40 * 8 * 8);
  static const clf_verdict wanted[] = {CLF_WAY_USUAL, CLF_WAY_WRONG, CLF_WAY_FAILED,
                                       CLF_WAY_FASTER};
  ck_assert_int_eq(r.at[0].count, 4);
  for (int i = 0; i < 4; i++) {
    ck_assert_str_eq(r.at[0].way[i].name, made_up[i + 1].name);
    ck_assert_int_eq(r.at[0].way[i].verdict, wanted[i]);
  }
  ck_assert_int_eq(r.at[0].best, 3);
  ck_assert_str_eq(r.at[0].way[2].why, "it is broken");
  ck_assert_ptr_nonnull(strstr(r.at[0].way[1].why, "element 0 is 7, the reference has"));
  ck_assert_int_eq(r.at[1].count, 5);
  ck_assert_str_ne(r.at[1].way[r.at[1].best].name, "wrong");
  clf_close(dev);
  dev = open_faked("picks"); /* and uses it, for calls with the same key */
  ck_assert_int_eq(clf_device_tuned(dev), 2);
  ck_assert_str_eq(way_of(dev, 40, 8, 8), "fast");
  ck_assert_str_eq(way_of(dev, 47, 8, 8), "fast");
  ck_assert_str_eq(way_of(dev, 48, 8, 8), "slow");
  ck_assert_str_eq(way_of(dev, 40, 9, 8), "slow");
  clf_close(dev);
  dev = open_faked("others");
  ck_assert_int_eq(clf_device_tuned(dev), 0);
  clf_close(dev);
}
END_TEST

/* If nothing is clearly faster an earlier choice is removed; others stay. */
START_TEST(tuner_takes_back) {
  clf_device *dev = open_faked("back");
  tune(dev, (product[]){{40, 8, 8, 0}, {64, 8, 8, 0}, {0, 0, 0, 0}}, 1);
  ck_assert_int_eq(clf_device_tuned(dev), 2);
  now_made_up = only_slow;
  const reports r = tune(dev, (product[]){{40, 8, 8, 0}, {0, 0, 0, 0}}, 1);
  now_made_up = made_up;
  ck_assert_int_eq(r.at[0].way[1].verdict, CLF_WAY_SLOWER);
  ck_assert_int_eq(clf_device_tuned(dev), 1);
  ck_assert_str_eq(way_of(dev, 40, 8, 8), "slow");
  clf_close(dev);
}
END_TEST

/* The rounds measure every algorithm, the last one too. */
START_TEST(tuner_repeats) {
  clf_device *dev = open_faked("repeats");
  now_made_up = warming;
  runs = 0;
  const reports r = tune(dev, (product[]){{40, 8, 8, 0}, {0, 0, 0, 0}}, 1);
  now_made_up = made_up;
  ck_assert_str_eq(r.at[0].way[r.at[0].best].name, "warms up");
  clf_close(dev);
}
END_TEST

static void empty_folder(void) {
  DIR *d = opendir(folder);
  char path[512];
  for (const struct dirent *e; d && (e = readdir(d));) {
    snprintf(path, sizeof path, "%s/%.200s", folder, e->d_name);
    if (e->d_name[0] != '.') remove(path);
  }
  if (d) closedir(d);
}

/* Calls `change` on the only file of the folder, then checks that no choices are read. */
static void spoilt(void (*change)(FILE *f)) {
  empty_folder();
  clf_device *dev = open_faked("spoilt");
  tune(dev, (product[]){{40, 8, 8, 0}, {0, 0, 0, 0}}, 1);
  clf_close(dev);
  char path[512] = "";
  DIR *d = opendir(folder);
  for (const struct dirent *e; (e = readdir(d));)
    if (strstr(e->d_name, ".bin")) snprintf(path, sizeof path, "%s/%.200s", folder, e->d_name);
  closedir(d);
  FILE *f = fopen(path, "r+b");
  ck_assert_ptr_nonnull(f);
  change(f);
  fclose(f);
  dev = open_faked("spoilt");
  ck_assert_int_eq(clf_device_tuned(dev), 0);
  ck_assert_str_eq(way_of(dev, 40, 8, 8), "slow");
  clf_close(dev);
}
static void flip_last(FILE *f) {
  fseek(f, -3, SEEK_END);
  const int c = fgetc(f);
  fseek(f, -3, SEEK_END);
  fputc(c ^ 1, f);
}
static void cut(FILE *f) { ck_assert_int_eq(ftruncate(fileno(f), 40), 0); }
static void empty(FILE *f) { ck_assert_int_eq(ftruncate(fileno(f), 0), 0); }
static void garble(FILE *f) {
  for (int i = 0; i < 5000; i++) fputc(i * 37 & 255, f);
}
START_TEST(damaged_files) {
  void (*const changes[])(FILE *) = {flip_last, cut, empty, garble};
  for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) spoilt(changes[i]);
}
END_TEST

/* Lines of another version: unknown ones are skipped. */
START_TEST(foreign_lines) {
  static const char text[] = "gemm 0000000000000001 fast\nno_such 0000000000000002 fast\n"
                             "gemm 0000000000000003 no_such\n\nnonsense\ngemm 4 few";
  clf_device *dev = open_faked("lines");
  ck_assert_int_eq(clf__cache_put(dev->tuned_key, text, sizeof text - 1), 1);
  clf_close(dev);
  dev = open_faked("lines");
  ck_assert_int_eq(clf_device_tuned(dev), 2);
  ck_assert(dev->tuned[0].key == 1 && dev->tuned[0].algorithm == 4);
  ck_assert(dev->tuned[1].key == 4 && dev->tuned[1].algorithm == 0);
  clf_close(dev);
}
END_TEST

START_TEST(no_folder) {
  setenv("CLFLOW_CACHE_DIR", "/dev/null/none", 1);
  clf_device *dev = open_faked("none");
  const reports r = tune(dev, (product[]){{40, 8, 8, 0}, {0, 0, 0, 0}}, 0);
  ck_assert_int_eq(r.at[0].best, 3);
  clf_close(dev);
  setenv("CLFLOW_CACHE_DIR", folder, 1);
}
END_TEST

static clf_status fails(clf_device *dev, void *context) {
  (void)dev;
  (void)context;
  return clf__fail(CLF_EINVAL, "there is no work");
}
START_TEST(refusals) {
  REFUSED(clf_tune("cpu64", products, NULL, NULL, NULL, NULL), CLF_ENOTSUP,
          "cpu64 has no choice of algorithms");
  REFUSED(clf_tune("trace:cpu64", products, NULL, NULL, NULL, NULL), CLF_ENOTSUP,
          "trace:cpu64 has no choice of algorithms");
  REFUSED(clf_tune("cpu", fails, NULL, NULL, NULL, NULL), CLF_EINVAL, "there is no work");
  ck_assert_int_eq(clf_tune("nothing", fails, NULL, NULL, NULL, NULL), CLF_ENODEV);
}
END_TEST

/* By name, on existing devices: whatever wins, devices opened later load the same number of
 * choices. */
START_TEST(public_call) {
  int kept = 0;
  reports r = {0};
  WORKS(clf_tune("cpu", products, (product[]){{70, 40, 30, 0}, {70, 40, 30, 1}, {0, 0, 0, 0}},
                 keep_report, &r, &kept));
  ck_assert_int_eq(kept, 1);
  ck_assert_int_eq(r.count, 2);
  int choices = 0;
  for (int i = 0; i < r.count; i++) choices += r.at[i].way[r.at[i].best].verdict == CLF_WAY_FASTER;
  clf_device *dev;
  WORKS(clf_open("cpu", &dev));
  ck_assert_int_eq(clf_device_tuned(dev), choices);
  clf_close(dev);
}
END_TEST

/* On a CPU's families an element is one chain of multiply-adds, with any algorithm. */
START_TEST(same_bits) {
  enum { M = 61, N = 45, K = 530 };
  clf_device *dev;
  clf_arena a;
  clf_tensor t[3];
  static float first[M * N], other[M * N];
  if (clf__open("opencl", &dev)) return; /* none available */
  WORKS(clf_arena_init(&a, dev, K * M + K * N + M * N + 64));
  WORKS(clf_new(&a, (int32_t[4]){K, M}, &t[0]));
  WORKS(clf_new(&a, (int32_t[4]){K, N}, &t[1]));
  WORKS(clf_new(&a, (int32_t[4]){M, N}, &t[2]));
  for (int i = 0; i < 2; i++) WORKS(clf_do(dev, random_normal, .y = t[i], .seed_lo = i));
  for (int algorithm = 0; algorithm < 3 && dev->wide_cores; algorithm++) {
    dev->forced = algorithm + 1;
    WORKS(clf_do(dev, gemm, .a = t[0], .b = t[1], .c = t[2], .ta = 1, .alpha = 0.5f,
                 .act = CLF_ACT_tanh));
    WORKS(clf_read(dev, t[2], algorithm ? other : first));
    if (algorithm) ck_assert_mem_eq(first, other, sizeof first);
  }
  clf_arena_free(&a);
  clf_close(dev);
}
END_TEST

int main(void) {
  if (!mkdtemp(folder)) return 1;
  setenv("CLFLOW_CACHE_DIR", folder, 1);
  Suite *suite = suite_create("tune");
  TCase *tc = tcase_create("tune");
  const TTest *const tests[] = {rules,         tuner_picks,   tuner_takes_back, tuner_repeats,
                                damaged_files, foreign_lines, no_folder,        refusals,
                                public_call,   same_bits};
  for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) tcase_add_test(tc, tests[i]);
  suite_add_tcase(suite, tc);
  const int failed = suite_run(suite);
  suite_remove(folder);
  return failed;
}
