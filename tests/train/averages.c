/* SPDX-License-Identifier: MIT */
/* averages.c: the average of the weights, compared with one computed here. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "flows.h"
#include "training.h"

enum { ROWS = 40, STEPS = 12 };

static clf_train_options averaging(const char *ema, double valid_split) {
  clf_train_options o = options_of(3, 8);
  o.lr = 0.05;
  o.valid_split = valid_split;
  WORKS(clf_train_options_set(&o, "ema", ema));
  return o;
}

/* Flows whose layers have states: flags and running statistics. */
static clf_flow *flow_of(void) {
  return flows_of(dev, "2: actnorm, coupling(affine, mlp(6x1, silu)), batchnorm -> normal", 3);
}

static double *read(clf_tensor t) {
  double *v = flows_array(clf__count(&t));
  WORKS(clf_read64(dev, t, v));
  return v;
}

static int64_t trained(const clf_flow *f) {
  return f->slots.size[CLF_PLAIN] + f->slots.size[CLF_DECAYED];
}

/* The sum of x^(n - i) w_i divided by the sum of x^(n - i), where w_i are the weights after step i.
 */
START_TEST(average_by_hand) {
  clf_table data = make_data(ROWS, 2);
  const double x = 0.7;
  clf_train_options o = averaging("0.7", 0);
  o.epochs = 9;
  clf_flow *f = flow_of();
  clf_trainer *t = make_trainer(f, &data, &o);
  const int64_t n = trained(f);
  ck_assert_int_gt(f->w.dim[0], n);
  double *sum = flows_array((size_t)n), all = 0;
  memset(sum, 0, (size_t)n * sizeof *sum);
  for (int step = 1; step <= STEPS; step++) {
    WORKS(clf__trainer_steps(t, step));
    double *w = weights_of(f), *mean = read(t->mean);
    for (int64_t k = 0; k < n; k++) {
      sum[k] = x * sum[k] + w[k];
      ck_assert_double_eq_tol(mean[k], sum[k] / (x * all + 1), dev->bits == 64 ? 1e-7 : 1e-5);
    }
    all = x * all + 1;
    free(w);
    free(mean);
  }
  /* Repeated steps give the same average. */
  double *before = read(t->mean);
  WORKS(clf__trainer_snapshot(t));
  WORKS(clf__trainer_steps(t, STEPS + 5));
  double *after = read(t->mean);
  WORKS(clf__trainer_restore(t, &t->snapshot[0]));
  double *back = read(t->mean);
  WORKS(clf__trainer_steps(t, STEPS + 5));
  double *again = read(t->mean);
  ck_assert_int_eq(memcmp(before, back, (size_t)n * sizeof *back), 0);
  ck_assert_int_eq(memcmp(after, again, (size_t)n * sizeof *again), 0);
  ck_assert_int_ne(memcmp(before, after, (size_t)n * sizeof *after), 0);
  double *const all_of_them[] = {sum, before, after, back, again};
  for (int i = 0; i < 5; i++) free(all_of_them[i]);
  done(t, f, &data);
}
END_TEST

/* Mean log p of the validation rows under the current weights. */
static double valid_of(const clf_trainer *t) {
  const clf__table_source *s = table_of(t);
  double sum = 0;
  for (int64_t i = 0; i < s->base.held_out; i++)
    sum += mean_logp(t->f, s->all.data->at + s->base.index[i] * 2, 1);
  return sum / (double)s->base.held_out;
}

typedef struct seen {
  clf_trainer *t;
  double best, *weights;
  int averaged, rounds, of_average;
} seen;

static int compare(const clf_progress *p, void *context) {
  seen *e = context;
  clf_trainer *t = e->t;
  if (!p->epoch_done) return 0;
  const double last = valid_of(t);
  double *w[2] = {weights_of(t->f), NULL};
  WORKS(clf__trainer_use_average(t));
  const double average = valid_of(t);
  w[1] = weights_of(t->f);
  ck_assert_int_eq(memcmp(w[0] + trained(t->f), w[1] + trained(t->f),
                          (size_t)(t->f->w.dim[0] - trained(t->f)) * sizeof *w[0]),
                   0);
  WORKS(clf_write64(dev, t->f->w, w[0]));
  ck_assert_double_eq_tol(p->valid, fmax(last, average), 1e-5);
  ck_assert_int_eq(p->averaged, average > last);
  e->rounds++;
  e->of_average += p->averaged;
  ck_assert_int_eq(p->best, p->valid > e->best);
  if (p->best) {
    free(e->weights);
    e->weights = w[p->averaged];
    w[p->averaged] = NULL;
    e->best = p->valid;
    e->averaged = p->averaged;
  }
  free(w[0]);
  free(w[1]);
  return 0;
}

/* At each validation, the validation rows choose between the current weights and the average. */
START_TEST(better_of_both) {
  clf_table data = make_data(ROWS, 2);
  clf_train_options o = averaging(_i ? "0.99" : "0.5", 0.25);
  o.lr = _i ? 0.002 : 0.3; /* each step is better, or weights jump about */
  o.epochs = 8;
  clf_flow *f = flow_of();
  clf_trainer *t = make_trainer(f, &data, &o);
  seen e = {.t = t, .best = -INFINITY};
  WORKS(clf_trainer_run(t, compare, &e));
  ck_assert_int_eq(e.rounds, 8);
  ck_assert_int_eq(e.of_average > 0, !_i);
  const clf_history h = clf_flow_history(f);
  ck_assert_int_eq(h.averaged, e.averaged);
  ck_assert_double_eq(h.valid, e.best);
  double *w = weights_of(f);
  ck_assert_int_eq(memcmp(w, e.weights, (size_t)f->w.dim[0] * sizeof *w), 0);
  free(w);
  free(e.weights);
  done(t, f, &data);
}
END_TEST

/* Without validation rows the average is the result, and a continued training starts from the last
 * weights. */
START_TEST(average_as_the_result) {
  clf_table data = make_data(ROWS, 2);
  clf_train_options o = averaging("0.9", 0);
  clf_flow *f = flow_of(), *loaded = NULL;
  clf_trainer *t = make_trainer(f, &data, &o);
  WORKS(clf_trainer_run(t, NULL, NULL));
  WORKS(clf_trainer_save(t, path_of("average")));
  double *w = weights_of(f), *mean = read(t->mean), *last = read(t->snapshot[0].w);
  ck_assert_int_eq(memcmp(w, mean, (size_t)trained(f) * sizeof *w), 0);
  ck_assert_int_ne(memcmp(w, last, (size_t)trained(f) * sizeof *w), 0);
  ck_assert_int_eq(
      memcmp(w + trained(f), last + trained(f), (size_t)(f->w.dim[0] - trained(f)) * sizeof *w), 0);
  ck_assert_int_eq(clf_flow_history(f).averaged, 1);
  ck_assert_int_eq(clf_flow_history(f).best_epoch, 0);
  WORKS(clf_flow_load(dev, path_of("average"), NULL, &loaded));
  ck_assert(same_weights(f, loaded));
  ck_assert_int_eq(clf_flow_history(loaded).averaged, 1);
  free(w);
  free(mean);
  free(last);
  clf_flow_free(loaded);
  done(t, f, &data);
}
END_TEST

/* Averaging takes memory for two more vectors, and for one in each snapshot. */
START_TEST(memory_of_the_average) {
  clf_flow *f = flow_of();
  clf_train_plan with, without;
  const clf_train_options o = averaging("0.9", 0), plain = averaging("0", 0);
  WORKS(clf_train_plan_of(f, &o, ROWS, &with));
  WORKS(clf_train_plan_of(f, &plain, ROWS, &without));
  ck_assert_uint_eq(with.optimiser - without.optimiser, (uint64_t)(2 + CLF_SNAPSHOTS) *
                                                            (uint64_t)f->w.dim[0] *
                                                            (uint64_t)dev->bits / 8);
  clf_flow_free(f);
}
END_TEST

void tests_of_averages(TCase *tc) {
  tcase_add_test(tc, average_by_hand);
  tcase_add_loop_test(tc, better_of_both, 0, 2);
  tcase_add_test(tc, average_as_the_result);
  tcase_add_test(tc, memory_of_the_average);
}
