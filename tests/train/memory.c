/* SPDX-License-Identifier: MIT */
/* memory.c: activations that are stored or recomputed: plans of memory, and inverses that explode.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "flows.h"
#include "training.h"

static clf_flow *deep_flow(clf_kind kind, int32_t depth) {
  clf_flow_spec spec = clf_flow_spec_default(kind, 4);
  clf_flow *f = NULL;
  spec.hidden = 8;
  spec.depth = depth;
  WORKS(clf_flow_create(dev, &spec, &f));
  return f;
}

static clf_train_plan plan_of(const clf_flow *f, int activations, uint64_t memory) {
  clf_train_options o = options_of(1, 1000);
  clf_train_plan plan;
  o.activations = activations;
  o.memory = memory;
  WORKS(clf_train_plan_of(f, &o, 1000, &plan));
  return plan;
}

/* Memory with 8 and 64 couplings, fused and not. The alignment of tensors adds a little. */
START_TEST(memory_of_depths) {
  fuse(_i ? "never" : "always");
  for (int kind = CLF_NVP; kind <= CLF_NICE; kind++) {
    clf_flow *f[2] = {deep_flow((clf_kind)kind, 8), deep_flow((clf_kind)kind, 64)};
    const clf_train_plan a = plan_of(f[0], CLF_ACTIVATIONS_REVERSE, 0);
    const clf_train_plan b = plan_of(f[1], CLF_ACTIVATIONS_REVERSE, 0);
    ck_assert_int_eq(b.way, CLF_ACTIVATIONS_REVERSE);
    ck_assert_uint_eq(a.activations, b.activations);
    ck_assert_uint_eq(b.activations, b.rebuilt);
    ck_assert_uint_ge(b.stored - a.stored, (uint64_t)56 * 4 * 1000 * (unsigned)dev->bits / 8);
    WORKS(clf__flow_reserve(f[1], 1000, CLF_REBUILT)); /* the plan is the memory that is taken */
    ck_assert_uint_eq(f[1]->ws.arena.used * (unsigned)dev->bits / 8, b.activations);
    for (int i = 0; i < 2; i++) clf_flow_free(f[i]);
  }
  fuse(NULL);
}
END_TEST

/* Two blocks of 128 rows, each with a workspace, the second with a gradient of its own. */
START_TEST(memory_of_blocks) {
  clf_train_plan p;
  clf_train_options o = options_of(1, 256);
  size_t whole, block;
  if (!dev->many_callers) return;
  clf_flow *f = flows_of(dev, "5: coupling(rq(bins=6), resnet(24x2))*3, lu -> normal", 6);
  WORKS(clf__flow_measure(f, 256, CLF_STORED, 0, &whole));
  WORKS(clf__flow_measure(f, 128, CLF_STORED, 1, &block));
  const size_t gradient = (size_t)f->w.dim[0] + (size_t)f->d.dim[0];
  WORKS(clf_train_plan_of(f, &o, 1000, &p));
  const size_t planned = p.stored / (unsigned)(dev->bits / 8),
               least = whole + 2 * block + gradient + 2 * 2;
  ck_assert_uint_ge(planned, least);
  ck_assert_uint_le(planned, least + 4 * 64); /* arenas align tensors */
  clf_flow_free(f);
}
END_TEST

/* Rows of a context of one column are memory; without a context there are none. */
START_TEST(memory_of_a_context) {
  static const char *const archs[] = {"2: lu -> normal", "2|1: lu -> normal"};
  size_t elements[2];
  for (int i = 0; i < 2; i++) {
    clf_flow *f = flows_of(dev, archs[i], 6);
    WORKS(clf__flow_measure(f, 256, CLF_VALUES, 0, &elements[i]));
    clf_flow_free(f);
  }
  ck_assert_uint_eq(elements[1] - elements[0], 256);
}
END_TEST

START_TEST(memory_decides_what_is_stored) {
  clf_flow *f = deep_flow(CLF_NVP, 64);
  const clf_train_plan all = plan_of(f, CLF_ACTIVATIONS_AUTO, 0);
  ck_assert_int_eq(all.way, CLF_ACTIVATIONS_STORE);
  ck_assert_int_eq(all.part, 1000);
  const clf_train_plan less = plan_of(f, CLF_ACTIVATIONS_AUTO, all.total - 1);
  ck_assert_int_eq(less.way, CLF_ACTIVATIONS_REVERSE);
  ck_assert_int_eq(less.part, 1000);
  ck_assert_uint_eq(all.total - less.total, all.stored - all.rebuilt);
  const clf_train_plan parts = plan_of(f, CLF_ACTIVATIONS_AUTO, less.total - 1);
  ck_assert_int_eq(parts.way, CLF_ACTIVATIONS_REVERSE);
  ck_assert_int_eq(parts.part, 500);
  const clf_train_plan stored = plan_of(f, CLF_ACTIVATIONS_STORE, less.total - 1);
  ck_assert_int_eq(stored.way, CLF_ACTIVATIONS_STORE);
  ck_assert_int_lt(stored.part, 500);
  clf_flow_free(f);
}
END_TEST

/* A scale of e^-40: the rounding of the shift hides x. */
static void explode(clf_flow *f) {
  for (int i = 0; i < clf_flow_param_count(f); i++)
    if (strcmp(clf_flow_param(f, i).name, "layers.1.map_s.2.bias") == 0)
      WORKS(clf_do(dev, fill, .y = clf_flow_param(f, i).at, .value = -40));
}

typedef struct notes {
  int64_t stop_at; /* step; 0: nowhere */
  int count;
  char text[256];
} notes;
static int note(const clf_progress *p, void *context) {
  notes *n = context;
  if (p->stored) {
    snprintf(n->text, sizeof n->text, "%s", p->stored);
    n->count++;
  }
  return n->stop_at && p->step >= n->stop_at;
}
static void expect_note(const notes *n, int64_t step) {
  char begin[96];
  static const char end[] = "; from this step on activations are stored";
  snprintf(begin, sizeof begin, "step %lld: the input rebuilt from the output is off by ",
           (long long)step);
  ck_assert_int_eq(n->count, 1);
  ck_assert_msg(strncmp(n->text, begin, strlen(begin)) == 0 && strstr(n->text, end) != NULL, "%s",
                n->text);
}

/* From the first step on the results are those of stored activations. */
START_TEST(inverse_that_explodes_at_once) {
  if (checking()) return;
  clf_table data = make_data(20, 2);
  clf_train_options o = options_of(20, 8);
  clf_flow *f[2];
  setenv("CLFLOW_FUSE", "layers", 1); /* stored steps are queued one by one too */
  for (int i = 0; i < 2; i++) {
    notes n = {0};
    f[i] = make_flow(CLF_NVP, 2);
    explode(f[i]);
    o.activations = i ? CLF_ACTIVATIONS_REVERSE : CLF_ACTIVATIONS_STORE;
    clf_trainer *t = make_trainer(f[i], &data, &o);
    WORKS(clf_trainer_run(t, note, &n));
    ck_assert_int_eq(f[i]->ws.train, CLF_STORED);
    ck_assert_int_eq(clf_trainer_plan(t).way, o.activations);
    if (i) expect_note(&n, 1);
    clf_trainer_free(t);
  }
  unsetenv("CLFLOW_FUSE");
  ck_assert(same_weights(f[0], f[1]));
  clf_flow_free(f[0]);
  clf_flow_free(f[1]);
  clf_table_free(&data);
}
END_TEST

/* Weights that change after step 101 are noticed at step 201, which is repeated; a file of that
 * time leads to the same end. */
START_TEST(inverse_that_explodes_later) {
  if (checking()) return;
  clf_table data = make_data(8, 2);
  clf_train_options o = options_of(600, 8);
  notes n = {.stop_at = 101};
  o.activations = CLF_ACTIVATIONS_REVERSE;
  clf_flow *f = make_flow(CLF_NVP, 2), *g = NULL;
  clf_trainer *t = make_trainer(f, &data, &o), *u;
  ck_assert_int_eq(clf_trainer_run(t, note, &n), CLF_ESTOPPED);
  ck_assert_int_le(t->step, 200); /* losses before a guarded step are read first */
  ck_assert_int_eq(n.count, 0);
  explode(f);
  n.stop_at = 202;
  ck_assert_int_eq(clf_trainer_run(t, note, &n), CLF_ESTOPPED);
  expect_note(&n, 201);
  ck_assert_int_eq(t->stored_from, 200);
  WORKS(clf_trainer_save(t, path_of("exploded")));
  n.stop_at = 0;
  WORKS(clf_trainer_run(t, note, &n));
  WORKS(clf_flow_load(dev, path_of("exploded"), NULL, &g));
  WORKS(clf_train_options_load(path_of("exploded"), &o));
  ck_assert_int_eq(o.activations, CLF_ACTIVATIONS_REVERSE);
  u = make_trainer(g, &data, &o);
  WORKS(clf_trainer_resume(u, path_of("exploded")));
  ck_assert_int_eq(u->stored_from, 200);
  WORKS(clf_trainer_run(u, note, &n));
  ck_assert_int_eq(n.count, 1);
  ck_assert(same_weights(f, g));
  clf_trainer_free(u);
  clf_flow_free(g);
  done(t, f, &data);
}
END_TEST

/* A plan says whether micro-batches have statistics of their own; a spec has no fields of another
 * kind. */
START_TEST(what_a_plan_says) {
  static const char *const lists[] = {"2: batchnorm -> normal", "2: lu -> normal"};
  const clf_train_options o = options_of(1, 8);
  clf_train_plan plan;
  for (int i = 0; i < 2; i++) {
    clf_flow *f = flows_of(dev, lists[i], 3);
    WORKS(clf_train_plan_of(f, &o, 10, &plan));
    ck_assert_int_eq(plan.batch_statistics, i == 0);
    clf_flow_free(f);
  }
  clf_flow_spec spec = clf_flow_spec_default(CLF_NVP, 2);
  clf_flow *f = NULL;
  spec.bins = 7;
  spec.height = spec.scales = 3;
  WORKS(clf_flow_create(dev, &spec, &f));
  const clf_flow_spec *own = clf_flow_get_spec(f);
  ck_assert(own->hidden == 2 && own->depth == 4 && !own->bins && !own->height && !own->scales);
  WORKS(clf_train_plan_of(f, &o, 10, &plan));
  ck_assert_int_eq(plan.batch_statistics, 0);
  clf_flow_free(f);
}
END_TEST

void tests_of_memory(TCase *tc) {
  tcase_add_test(tc, what_a_plan_says);
  tcase_add_loop_test(tc, memory_of_depths, 0, 2);
  tcase_add_test(tc, memory_of_blocks);
  tcase_add_test(tc, memory_of_a_context);
  tcase_add_test(tc, memory_decides_what_is_stored);
  tcase_add_test(tc, inverse_that_explodes_at_once);
  tcase_add_test(tc, inverse_that_explodes_later);
}
