/* SPDX-License-Identifier: MIT */
/* test_group_ends.c: how a training of several members ends, in each way in which it can end, when
 * one member fails on the way: a call of its device, an allocation of its thread.  All members end
 * alike and none waits for the deadline: with the result of an undisturbed training, or with
 * messages that name the member. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clflow/clflow.h"
#include "faults/device.h"
#include "faults/hooks.h"
#include "group/threads.h"
#include "suite.h"
#include "trainer.h"

enum { SIZE = 3, OTHER = 1, ROWS = 40 }; /* members, the one that fails, rows of the table */

/* ---- Endings --------------------------------------------------------------------------------- */

static void few_rounds(clf_train_options *o) {
  WORKS(clf_train_options_set(o, "patience", "2"));
  o->lr = 1e-30;
}
static void few_drops(clf_train_options *o) { o->drops = 2; }
static void rebuilt(clf_train_options *o) { o->activations = CLF_ACTIVATIONS_REVERSE; }

/* What rank 0 does after the second epoch. */
typedef enum caller { GOES_ON, STOPS, SAVES } caller;

static const struct ending {
  const char *name;
  clf_status status;
  void (*set)(clf_train_options *o);
  caller caller;
  int32_t far, apart; /* a row without a finite density, which is in the first batch, and the
                         distance to the next; 0: there is none */
} endings[] = {
    {"the last step", CLF_OK, NULL, GOES_ON, 0, 0},
    {"patience", CLF_OK, few_rounds, GOES_ON, 0, 0},
    {"a skipped step", CLF_OK, NULL, GOES_ON, 1, ROWS},
    {"too many of them", CLF_ENUM, few_drops, GOES_ON, 1, 3},
    {"a caller that stops", CLF_ESTOPPED, NULL, STOPS, 0, 0},
    {"a file that cannot be written", CLF_OK, NULL, SAVES, 0, 0},
    {"an inverse that explodes", CLF_OK, rebuilt, GOES_ON, 0, 0},
};
enum { ENDINGS = sizeof endings / sizeof *endings, SKIPS = 2, EXPLODES = 6 };

/* ---- A training ------------------------------------------------------------------------------ */

static clf_device *device[SIZE];
static const struct ending *e;
static clf_table table;

/* What fails on rank OTHER once the training runs. */
static struct failure {
  long call, again, allocation;
  int for_good;
  int no_plan; /* fits the device: its memory is 1 byte */
} failure;

/* Its layers rebuild their inputs by their inverse. */
static const char fused[] = "2: (coupling(affine(scale=tanh), mlp(2x1, tanh, separate=1), "
                            "mask=random, inputs=masked))*4 -> "
                            "normal";

/* How each member ended. */
static outcomes end;
static int64_t steps[SIZE];
static int stores[SIZE]; /* how often it reported that activations are stored from now on */
static void *model[SIZE];
static size_t size[SIZE];

typedef struct watcher {
  int32_t rank;
  int epochs, stores; /* reported */
} watcher;

/* What a rank other than 0 returns has no effect. */
static int watch(const clf_progress *p, void *context) {
  watcher *w = context;
  w->stores += p->stored != NULL;
  if (!p->epoch_done) return 0;
  w->epochs++;
  return w->rank ? w->rank == 2 : e->caller != GOES_ON && w->epochs == 2;
}

/* Between two runs rank 0 may save; without the file training continues. */
static clf_status run(clf_group *g, clf_trainer *t) {
  watcher w = {.rank = clf_group_rank(g)};
  clf_status s;
  while ((s = clf_trainer_run(t, watch, &w)) == CLF_ESTOPPED) {
    int32_t stop = e->caller == STOPS;
    if (!w.rank && !stop) ck_assert_int_ne(clf_trainer_save(t, "/nowhere/model"), CLF_OK);
    CLF_TRY(clf_group_broadcast(g, 0, &stop, sizeof stop));
    if (stop) return CLF_ESTOPPED;
  }
  stores[w.rank] = w.stores;
  return s;
}

/* Large scales, whose inverse loses digits in the first step already. */
static void enlarge(clf_flow *f) {
  double w[256];
  if (e != &endings[EXPLODES]) return;
  ck_assert_uint_le(clf__count(&f->w), 256);
  WORKS(clf_read64(f->dev, f->w, w));
  for (size_t k = 0; k < clf__count(&f->w); k++) w[k] *= 60;
  WORKS(clf_write64(f->dev, f->w, w));
}

static clf_status train(clf_group *g, void *arch) {
  const int32_t rank = clf_group_rank(g);
  clf_train_options o = clf_train_options_default();
  clf_arch *a = NULL;
  clf_flow *f = NULL;
  clf_trainer *t = NULL;
  const uint64_t memory = device[rank]->memory;
  char why[1024];
  fault_spares = 1;
  o.epochs = 3, o.batch = 16, o.valid_split = 0.2, o.clip = 1, o.drops = 8;
  WORKS(clf_train_options_set(&o, "grains", "8"));
  WORKS(clf_train_options_set(&o, "ema", "0.9"));
  if (e->set) e->set(&o);
  WORKS(clf_arch_parse(arch, &a));
  WORKS(clf_flow_create_arch(device[rank], a, 3, &f));
  enlarge(f);
  WORKS(clf_trainer_create(f, &table, &o, &t));
  WORKS(clf_trainer_set_group(t, g, NULL));
  if (rank == OTHER) {
    faulty = (struct faulty){failure.call, 0, failure.for_good, failure.again};
    fault_memory = (fault_hook){.n = failure.allocation, .from_then_on = failure.for_good};
    fault_spares = 0;
    if (failure.no_plan) device[rank]->memory = 1;
  }
  const clf_status s = run(g, t);
  fault_spares = 1;
  if (rank == OTHER) faulty.n = 0, device[rank]->memory = memory;
  snprintf(why, sizeof why, "%s", clf_errmsg());
  steps[rank] = t->step;
  if (!s || s == CLF_ESTOPPED) WORKS(clf_flow_save_memory(f, &model[rank], &size[rank]));
  clf_trainer_free(t);
  clf_flow_free(f);
  clf_arch_free(a);
  return s ? clf__fail(s, "%s", why) : s;
}

static void train_all(const char *arch) {
  if (e == &endings[EXPLODES]) arch = fused;
  for (int r = 0; r < SIZE; r++) free(model[r]), model[r] = NULL;
  end = run_group(SIZE, train, (void *)(uintptr_t)arch);
}

/* ---- Checks ---------------------------------------------------------------------------------- */

static char what[128];
static void *result;
static size_t result_size;

/* Without a failure: the result that all others must have. */
static void undisturbed(const char *arch) {
  for (int i = 0; i < ROWS; i++) table.at[2 * i] = sin(i);
  for (int i = e->far; i < ROWS && e->apart; i += e->apart) table.at[2 * i] = 1e30;
  failure = (struct failure){0};
  train_all(arch);
  for (int r = 0; r < SIZE; r++) {
    ck_assert_msg(end.status[r] == e->status, "%s: rank %d: %s", e->name, r, end.why[r]);
    ck_assert_int_eq(steps[r], steps[0]);
    ck_assert_int_eq(stores[r], e == &endings[EXPLODES]);
  }
  free(result);
  result = model[0], result_size = size[0], model[0] = NULL;
}

/* All members have the result, or all have messages, those of the others with the member's name. */
static void check(const char *arch, int must_work) {
  train_all(arch);
  const int same = end.status[0] == e->status;
  ck_assert_msg(same || !must_work, "%s, %s: %s", e->name, what, end.why[0]);
  for (int r = 0; r < SIZE; r++) {
    const int failed = end.status[r] && end.status[r] != e->status;
    ck_assert_msg(same ? end.status[r] == e->status : failed, "%s, %s: rank 0: %s; rank %d: %s",
                  e->name, what, end.why[0], r, end.why[r]);
    if (model[r])
      ck_assert_msg(size[r] == result_size && !memcmp(model[r], result, result_size),
                    "%s, %s: rank %d has other bits", e->name, what, r);
    if (!same && r != OTHER)
      ck_assert_msg(strstr(end.why[r], "rank 1") && !strstr(end.why[r], "silent"),
                    "%s, %s: rank %d: %s", e->name, what, r, end.why[r]);
  }
}

/* ---- Failures -------------------------------------------------------------------------------- */

/* Members divide the update of the large flow, because it has many weights. */
static const char small[] = "2: (coupling(affine, mlp(4x1)), batchnorm, perm(reverse))*2 -> normal";
static const char large[] = "2: coupling(affine, mlp(512x2)) -> normal";

/* Some calls of a training, and some of the last ones. */
static void fail_calls(const char *arch, int places) {
  undisturbed(arch);
  const long all = faulty.calls;
  for (long n = all / places; n <= all; n += n + 9 < all ? all / places : 4)
    for (int for_good = 0; for_good < 2; for_good++) {
      failure = (struct failure){.call = n, .for_good = for_good};
      snprintf(what, sizeof what, "call %ld of %ld%s", n, all, for_good ? "+" : "");
      check(arch, !for_good);
    }
}

START_TEST(calls_of_a_device) {
  for (e = endings; e < endings + ENDINGS; e++) fail_calls(small, 5);
  e = &endings[SKIPS];
  fail_calls(large, 2);
}
END_TEST

/* The second failure is in the steps that are repeated after the first one, which is in the last
 * step but one. */
START_TEST(calls_in_repeated_steps) {
  e = &endings[SKIPS];
  undisturbed(small);
  const long n = faulty.calls * 4 / 5;
  for (long again = 1; again < 30; again++) {
    failure = (struct failure){.call = n, .again = again};
    snprintf(what, sizeof what, "calls %ld and %ld", n, n + again);
    check(small, 1);
  }
}
END_TEST

START_TEST(allocations) {
  for (e = endings; e < endings + ENDINGS; e++) {
    undisturbed(small);
    const long all = fault_memory.calls;
    ck_assert_int_gt(all, 10);
    for (long n = 1; n <= all; n += 1 + all / 12)
      for (int for_good = 0; for_good < 2; for_good++) {
        failure = (struct failure){.allocation = n, .for_good = for_good};
        snprintf(what, sizeof what, "allocation %ld of %ld%s", n, all, for_good ? "+" : "");
        check(small, 0);
      }
  }
}
END_TEST

/* The member cannot plan the activations that all store from the second step on, and stores them
 * nevertheless: the device has the memory. */
START_TEST(member_without_a_plan) {
  e = &endings[EXPLODES];
  undisturbed(small);
  failure = (struct failure){.no_plan = 1};
  snprintf(what, sizeof what, "no plan");
  check(small, 1);
}
END_TEST

static char *deadline;

static void set_up(void) {
  fault_spares = 1;
  clf_set_threads(1);
  deadline = suite_setenv("CLFLOW_GROUP_DEADLINE", "30");
  WORKS(clf_table_read("moons:n=40", &table));
  faulty = (struct faulty){0};
  for (int r = 0; r < SIZE; r++)
    if (r != OTHER) WORKS(clf_open("cpu", &device[r]));
  device[OTHER] = open_faulty("cpu");
  device[OTHER]->many_callers = device[0]->many_callers; /* it divides rows as the others do */
}
static void tear_down(void) {
  for (int r = 0; r < SIZE; r++) free(model[r]);
  free(result);
  for (int r = 0; r < SIZE; r++) clf_close(device[r]);
  clf_table_free(&table);
  suite_putenv_back("CLFLOW_GROUP_DEADLINE", deadline);
}

int main(void) {
  Suite *s = suite_create("group_ends");
  TCase *tc = tcase_create("all");
  tcase_set_timeout(tc, 600);
  tcase_add_unchecked_fixture(tc, set_up, tear_down);
  tcase_add_test(tc, calls_of_a_device);
  tcase_add_test(tc, calls_in_repeated_steps);
  tcase_add_test(tc, allocations);
  tcase_add_test(tc, member_without_a_plan);
  suite_add_tcase(s, tc);
  return suite_run(s);
}
