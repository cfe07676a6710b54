/* SPDX-License-Identifier: MIT */
/* test_blocks.c: passes in blocks of rows: a row has the same bits in any block, training gives
 * the same result as without blocks, and errors in a block are reported.  test_blocks DEVICE
 * (default cpu) */
#include "flows.h"
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "blocks.h"
#include "clflow/clflow.h"

enum { ROWS = 203, D = 5, STEPS = 3, BATCH = 150 };

/* A net without and one with residuals, a permuted order, an inverted layer, trained and fixed
 * bases. */
static const char *const archs[] = {
    "5: coupling(rq(bins=6, tail=3), resnet(24x2, relu))*3 -> normal",
    ("5: (ar(rq(bins=4), made(20x2, tanh)), ~coupling(rq(bins=5), mlp(16x2, silu)))*2 -> "
     "student(df=5)"),
    "5|2: coupling(rq(bins=4), mlp(33x1, tanh))*2 -> normal",
};
enum { ARCHS = sizeof archs / sizeof *archs };

/* With nets so large that blocks leave gradients of weights to the end of a step, between layers
 * that do not: residual and feedforward, with an input that is the context. */
static const char *const large[] = {
    "5: lu, ar(affine(scale=softplus), made(300x2, tanh)), lu, "
    "~ar(affine(scale=softplus), made(130x1, elu)) -> student(df=5, trained=1)",
    "5|2: ar(affine(scale=softplus), masked(310x3, relu)), lu, "
    "ar(affine(scale=softplus), made(270x2, tanh, residual=0)) -> normal"};
enum { LARGE = sizeof large / sizeof *large };

static clf_flow *flow_on(clf_device *dev, const char *text) { return flows_of(dev, text, 7); }

/* Numbers around 0, with some in the tails of splines. */
static double *numbers(size_t n) {
  double *x = flows_array(n);
  for (size_t i = 0; i < n; i++)
    x[i] = 4 * sin(1.7 * (double)i) * sin(0.37 * (double)(i * i % 101));
  return x;
}

/* ---- A row has the same bits in any block ---------------------------------------------------- */

typedef struct values {
  double logp[ROWS], z[ROWS * D], logdet[ROWS], x[ROWS * D];
} values;

/* With calls of `each` rows. */
static void values_of(clf_flow *f, const double *x, const double *c, int64_t each, values *v) {
  for (int64_t i = 0, n; i < ROWS; i += n) {
    n = each < ROWS - i ? each : ROWS - i;
    if (c) {
      WORKS(clf_log_prob_given(f, x + i * D, c + 2 * i, n, v->logp + i));
      WORKS(clf_transform_given(f, x + i * D, c + 2 * i, n, v->z + i * D, v->logdet + i));
      WORKS(clf_invert_given(f, v->z + i * D, c + 2 * i, n, v->x + i * D, NULL));
    } else {
      WORKS(clf_log_prob(f, x + i * D, n, v->logp + i));
      WORKS(clf_transform(f, x + i * D, n, v->z + i * D, v->logdet + i));
      WORKS(clf_sample(f, 5, i, n, v->x + i * D));
    }
  }
}

START_TEST(rows_in_any_block) {
  static const int64_t each[] = {1, 7, 64, 65, 128};
  clf_flow *f = flow_on(flows_dev, archs[_i]);
  double *x = numbers(ROWS * D), *c = clf_flow_context(f) ? numbers(ROWS * 2) : NULL;
  values *all = calloc(2, sizeof *all);
  ck_assert_ptr_nonnull(all);
  values_of(f, x, c, ROWS, &all[0]);
  for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
    values_of(f, x, c, each[i], &all[1]);
    ck_assert_msg(memcmp(&all[0], &all[1], sizeof *all) == 0, "%s: other bits by calls of %d rows",
                  archs[_i], (int)each[i]);
  }
  free(all);
  free(c);
  free(x);
  clf_flow_free(f);
}
END_TEST

/* ---- Training -------------------------------------------------------------------------------- */

/* The weights after some steps, and the losses of these. */
typedef struct learnt {
  double *w, loss[STEPS];
  size_t count;
} learnt;

static int note_losses(const clf_progress *p, void *context) {
  learnt *l = context;
  for (int64_t i = 0; i < p->count; i++) l->loss[p->first + i] = (double)p->losses[i];
  return 0;
}

static learnt learn(clf_device *dev, const char *text, double *x) {
  clf_flow *f = flow_on(dev, text);
  const clf_table table = {.rows = (int64_t)STEPS * BATCH, .cols = D, .at = x};
  double *c = numbers((size_t)STEPS * BATCH * 2);
  const clf_table context = {.rows = table.rows, .cols = 2, .at = c};
  clf_train_options o = clf_train_options_default();
  clf_trainer *t = NULL;
  learnt l = {.count = clf__count(&f->w)};
  o.epochs = 1;
  o.batch = BATCH;
  if (clf_flow_context(f))
    WORKS(clf_trainer_create_with(f, &(clf_train_data){.x = &table, .given = &context}, &o, &t));
  else
    WORKS(clf_trainer_create(f, &table, &o, &t));
  WORKS(clf_trainer_run(t, note_losses, &l));
  l.w = flows_array(l.count);
  WORKS(clf_read64(dev, f->w, l.w));
  clf_trainer_free(t);
  clf_flow_free(f);
  free(c);
  return l;
}

/* A wrapped device has one caller at a time, and so no blocks. */
static void expect_as_without_blocks(const char *text) {
  const double eps = flows_dev->bits == 64 ? 1e-10 : 1e-5;
  clf_device *plain = NULL;
  double *x = numbers((size_t)STEPS * BATCH * D);
  WORKS(clf_open(flows_dev->bits == 64 ? "check:cpu64" : "check:cpu", &plain));
  ck_assert_int_eq(plain->many_callers, 0);
  const learnt a = learn(flows_dev, text, x), b = learn(plain, text, x);
  for (int i = 0; i < STEPS; i++)
    ck_assert_msg(fabs(a.loss[i] - b.loss[i]) <= eps * (1 + fabs(b.loss[i])), "step %d: %.9g, %.9g",
                  i, a.loss[i], b.loss[i]);
  double most = 0; /* a gradient near zero makes a step of any sign, so that most weights count */
  size_t off = 0;
  for (size_t i = 0; i < a.count; i++) {
    const double d = fabs(a.w[i] - b.w[i]);
    most = d > most ? d : most;
    off += d > eps;
  }
  ck_assert_msg(off * 1000 < a.count, "%zu of %zu weights are off, by up to %g", off, a.count,
                most);
  free(a.w);
  free(b.w);
  free(x);
  clf_close(plain);
}

START_TEST(training_as_without_blocks) { expect_as_without_blocks(archs[_i]); }
END_TEST
START_TEST(training_that_leaves_gradients) { expect_as_without_blocks(large[_i]); }
END_TEST

/* One thread computes what the blocks leave after each of them, more threads at the end. */
START_TEST(bits_of_gradients_that_are_left) {
  double *x = numbers((size_t)STEPS * BATCH * D);
  WORKS(clf_set_threads(1));
  const learnt a = learn(flows_dev, large[_i], x);
  WORKS(clf_set_threads(3));
  const learnt b = learn(flows_dev, large[_i], x);
  WORKS(clf_set_threads(0));
  ck_assert_mem_eq(a.w, b.w, a.count * sizeof *a.w);
  ck_assert_mem_eq(a.loss, b.loss, sizeof a.loss);
  free(a.w);
  free(b.w);
  free(x);
}
END_TEST

/* ---- Every row once, and failures ------------------------------------------------------------ */

typedef struct notes {
  atomic_int times[ROWS];
  int bad; /* the row whose block fails; -1: none */
} notes;

static clf_status note_rows(clf_flow *f, int32_t first, int32_t n, void *context) {
  notes *q = context;
  ck_assert_int_le(n, f->ws.rows);
  for (int32_t i = first; i < first + n; i++) atomic_fetch_add(&q->times[i], 1);
  if (q->bad >= first && q->bad < first + n) return clf__fail(CLF_ENUM, "row %d is bad", q->bad);
  return CLF_OK;
}

START_TEST(every_row_once) {
  clf_flow *f = flow_on(flows_dev, archs[0]);
  for (int32_t n = 1; n <= ROWS; n += n < 20 ? 1 : 29) {
    notes q = {.bad = -1};
    WORKS(clf__flow_reserve(f, n, CLF_VALUES));
    WORKS(clf__flow_in_blocks(f, n, 0, note_rows, &q));
    for (int32_t i = 0; i < ROWS; i++) ck_assert_int_eq(atomic_load(&q.times[i]), i < n);
  }
  clf_flow_free(f);
}
END_TEST

START_TEST(a_block_that_fails) {
  clf_flow *f = flow_on(flows_dev, archs[0]);
  WORKS(clf__flow_reserve(f, ROWS, CLF_VALUES));
  for (int bad = 0; bad < ROWS; bad += 50) {
    notes q = {.bad = bad};
    char expected[32];
    snprintf(expected, sizeof expected, "row %d is bad", bad);
    ck_assert_int_eq(clf__flow_in_blocks(f, ROWS, 0, note_rows, &q), CLF_ENUM);
    ck_assert_str_eq(clf_errmsg(), expected);
  }
  notes q = {.bad = -1};
  WORKS(clf__flow_in_blocks(f, ROWS, 0, note_rows, &q));
  clf_flow_free(f);
}
END_TEST

/* A flow that has memory for two threads gets more when there are more. */
START_TEST(more_threads_later) {
  clf_flow *f = flow_on(flows_dev, archs[0]);
  double *x = numbers(ROWS * D), logp[2][ROWS];
  for (int i = 0; i < 4; i++) {
    WORKS(clf_set_threads((int32_t[4]){2, 5, 1, 3}[i]));
    WORKS(clf_log_prob(f, x, ROWS, logp[i > 0]));
    ck_assert_msg(memcmp(logp[0], logp[i > 0], sizeof *logp) == 0, "other bits");
  }
  WORKS(clf_set_threads(0));
  free(x);
  clf_flow_free(f);
}
END_TEST

static void add_tests(TCase *tc) {
  tcase_set_timeout(tc, 120);
  tcase_add_loop_test(tc, rows_in_any_block, 0, ARCHS);
  tcase_add_loop_test(tc, training_as_without_blocks, 0, ARCHS - 1);
  tcase_add_loop_test(tc, training_that_leaves_gradients, 0, LARGE);
  tcase_add_loop_test(tc, bits_of_gradients_that_are_left, 0, LARGE);
  tcase_add_test(tc, every_row_once);
  tcase_add_test(tc, a_block_that_fails);
  tcase_add_test(tc, more_threads_later);
}

int main(int argc, char **argv) { return flows_main(argc, argv, add_tests); }
