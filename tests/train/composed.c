/* SPDX-License-Identifier: MIT */
/* composed.c: trainings of flows whose layers have a state or draw random numbers: actnorm, which
 * is fitted to the first batch, running statistics of batch norm, and dropout. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "flows.h"
#include "training.h"

static const char mixed[] = "2: actnorm, coupling(affine, mlp(6x2, silu, dropout=0.3)), batchnorm, "
                            "~actnorm, ar(affine, made(6x1, residual=0, bn=1)) -> normal";

/* One family of kernels is enough: families only differ in how operations are computed. */
static int is_elsewhere(void) {
  return strcmp(where, "cpu") && strcmp(where, "cpu64") && strcmp(where, "opencl");
}

static clf_flow *flow_of(const char *text) { return flows_of(dev, text, 3); }

/* The elements of a parameter. */
static int read_param(const clf_flow *f, const char *name, double *v) {
  for (int i = 0; i < clf_flow_param_count(f); i++) {
    const clf_param p = clf_flow_param(f, i);
    if (strcmp(p.name, name)) continue;
    WORKS(clf_read64(dev, p.at, v));
    return (int)clf__count(&p.at);
  }
  ck_abort_msg("there is no %s", name);
}

static void write_param(const clf_flow *f, const char *name, double value) {
  for (int i = 0; i < clf_flow_param_count(f); i++)
    if (strcmp(clf_flow_param(f, i).name, name) == 0)
      WORKS(clf_do(dev, fill, .y = clf_flow_param(f, i).at, .value = (float)value));
}

/* ---- The first batch ---------------------------------------------------------------------------
 */

/* Mean and unbiased standard deviation of rows first .. first + n - 1. */
static void moments(const clf_table *t, int64_t first, int64_t n, int d, double *mean,
                    double *std) {
  *mean = *std = 0;
  for (int64_t i = first; i < first + n; i++) *mean += t->at[2 * i + d] / (double)n;
  for (int64_t i = first; i < first + n; i++)
    *std += (t->at[2 * i + d] - *mean) * (t->at[2 * i + d] - *mean) / (double)(n - 1);
  *std = sqrt(*std);
}

/* Each actnorm is fitted to the output of the layers before it, for the first batch only. */
START_TEST(first_batch_decides) {
  if (is_elsewhere()) return;
  clf_table data = make_data(40, 2);
  clf_train_options o = options_of(2, 8);
  o.lr = still;
  o.shuffle = 0;
  clf_flow *f = flow_of("2: actnorm, shift-scale(shift=3, scale=2), actnorm -> normal");
  clf_trainer *t = make_trainer(f, &data, &o);
  WORKS(clf_trainer_run(t, NULL, NULL));
  double scale[2], shift[2], fitted;
  const double bound = dev->bits == 64 ? 1e-9 : 1e-5;
  read_param(f, "layers.0.log_scale", scale);
  read_param(f, "layers.0.shift", shift);
  for (int d = 0; d < 2; d++) {
    double mean, std;
    moments(&data, 0, 8, d, &mean, &std);
    ck_assert_double_eq_tol(scale[d], -log(std), bound);
    ck_assert_double_eq_tol(shift[d], -mean / std, bound);
  }
  read_param(f, "layers.2.log_scale", scale);
  read_param(f, "layers.2.shift", shift);
  for (int d = 0; d < 2; d++) {
    ck_assert_double_eq_tol(scale[d], -log(2), bound);
    ck_assert_double_eq_tol(shift[d], -1.5, bound);
  }
  ck_assert_int_eq(read_param(f, "layers.2.fitted", &fitted), 1);
  ck_assert(fitted == 1);
  done(t, f, &data);
}
END_TEST

/* A training that continues with other rows does not fit actnorm again. */
START_TEST(first_batch_of_all) {
  if (is_elsewhere()) return;
  clf_table data = make_data(40, 2), other = make_data(40, 2);
  clf_train_options o = options_of(1, 8);
  double before[2], after[2];
  o.lr = still;
  for (int i = 0; i < 80; i++) other.at[i] = 10 * other.at[i] - 4;
  clf_flow *f = flow_of("2: actnorm -> normal");
  clf_trainer *t = make_trainer(f, &data, &o);
  WORKS(clf_trainer_run(t, NULL, NULL));
  clf_trainer_free(t);
  read_param(f, "layers.0.log_scale", before);
  t = make_trainer(f, &other, &o);
  WORKS(clf_trainer_run(t, NULL, NULL));
  read_param(f, "layers.0.log_scale", after);
  ck_assert(before[0] != 0 && before[0] == after[0] && before[1] == after[1]);
  clf_table_free(&other);
  done(t, f, &data);
}
END_TEST

/* ---- Bits --------------------------------------------------------------------------------------
 */

static int stop_after(const clf_progress *p, void *step) {
  return p->first + p->count >= *(const int64_t *)step;
}

static clf_train_options mixed_options(int activations) {
  clf_train_options o = options_of(4, 9);
  o.valid_split = 0.2;
  o.activations = activations;
  return o;
}

/* Trains to the end, or stops after `stop` steps and resumes from the file. */
static clf_flow *trained(const clf_table *data, int activations, int64_t stop, const char *file) {
  clf_train_options o = mixed_options(activations);
  clf_flow *f = flow_of(mixed);
  clf_trainer *t = make_trainer(f, data, &o);
  if (stop) {
    ck_assert_int_eq(clf_trainer_run(t, stop_after, &stop), CLF_ESTOPPED);
    WORKS(clf_trainer_save(t, path_of("half")));
    clf_trainer_free(t);
    clf_flow_free(f);
    WORKS(clf_flow_load(dev, path_of("half"), NULL, &f));
    t = make_trainer(f, data, &o);
    WORKS(clf_trainer_resume(t, path_of("half")));
  }
  WORKS(clf_trainer_run(t, NULL, NULL));
  WORKS(clf_trainer_save(t, path_of(file)));
  clf_trainer_free(t);
  return f;
}

/* The bits are the same wherever it stops, with stored or recomputed activations. */
START_TEST(interruptions_of_layers_with_states) {
  static const int64_t stops[] = {1, 3, 6, 13};
  if (is_elsewhere()) return;
  clf_table data = make_data(50, 2);
  clf_flow_free(trained(&data, _i, 0, "whole"));
  for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
    clf_flow_free(trained(&data, _i, stops[i], "parts"));
    ck_assert_msg(same_files("whole", "parts"), "a stop at step %d shows", (int)stops[i]);
  }
  clf_table_free(&data);
}
END_TEST

/* Recomputed activations give the same losses with less memory. */
START_TEST(recomputed_layers_with_states) {
  if (is_elsewhere()) return;
  clf_table data = make_data(50, 2);
  const clf_train_options o = mixed_options(CLF_ACTIVATIONS_REVERSE);
  clf_flow *a = trained(&data, CLF_ACTIVATIONS_STORE, 0, "stored"),
           *b = trained(&data, CLF_ACTIVATIONS_REVERSE, 0, "rebuilt");
  clf_train_plan plan;
  const size_t n = (size_t)a->w.dim[0];
  double *u = weights_of(a), *v = weights_of(b);
  for (size_t i = 0; i < n; i++)
    ck_assert_double_eq_tol(u[i], v[i], dev->bits == 64 ? 1e-10 : 1e-4);
  WORKS(clf_train_plan_of(b, &o, 40, &plan));
  ck_assert_int_eq(plan.way, CLF_ACTIVATIONS_REVERSE);
  ck_assert_uint_lt(plan.rebuilt, plan.stored);
  free(u);
  free(v);
  clf_flow_free(a);
  clf_flow_free(b);
  clf_table_free(&data);
}
END_TEST

/* ---- Numbers that are not finite
 * ----------------------------------------------------------------- */

/* Everything that a step can change: weights and running statistics. */
static double *state_of(const clf_flow *f, size_t *n) {
  const size_t w = clf__count(&f->w), c = clf__count(&f->c);
  double *all = malloc((w + c) * sizeof *all);
  ck_assert_ptr_nonnull(all);
  WORKS(clf_read64(dev, f->w, all));
  WORKS(clf_read64(dev, f->c, all + w));
  *n = w + c;
  return all;
}

static void finite(const clf_flow *f) {
  size_t n;
  double *s = state_of(f, &n);
  for (size_t i = 0; i < n; i++) ck_assert_msg(isfinite(s[i]), "number %zu", i);
  free(s);
}

/* A net that overflows, before and after layers with states: it is named, and the states do not
 * change. */
START_TEST(nets_that_overflow) {
  static const char *const names[] = {"layers.1.net.2.bias", "layers.4.net.final.bias"};
  static const char *const layers[] = {": layers.1 is the first layer", ": layers.4 is the first"};
  if (is_elsewhere()) return;
  clf_table data = make_data(40, 2);
  const clf_train_options o = options_of(2, 8);
  clf_flow *f = flow_of(mixed);
  size_t n;
  write_param(f, names[_i], INFINITY);
  clf_trainer *t = make_trainer(f, &data, &o);
  double *before = state_of(f, &n);
  ck_assert_int_eq(clf_trainer_run(t, NULL, NULL), CLF_ENUM);
  ck_assert_msg(strncmp(clf_errmsg(), "step 1 (epoch 1): the loss is ", 30) == 0 &&
                    strstr(clf_errmsg(), layers[_i]),
                "%s", clf_errmsg());
  double *after = state_of(f, &n);
  ck_assert_int_eq(memcmp(before, after, n * sizeof *after), 0);
  free(before);
  free(after);
  done(t, f, &data);
}
END_TEST

/* A learning rate that destroys the weights: the flow gets a state that has a finite loss. */
START_TEST(rate_that_explodes_behind_batch_norm) {
  if (is_elsewhere()) return;
  clf_table data = make_data(40, 2);
  clf_train_options o = options_of(30, 8);
  o.lr = 1e4;
  clf_flow *f = flow_of("2: batchnorm, coupling(affine(scale=exp), mlp(6x1)), actnorm, "
                        "coupling(affine(scale=exp), mlp(6x1, dropout=0.2)) -> normal");
  clf_trainer *t = make_trainer(f, &data, &o);
  ck_assert_int_eq(clf_trainer_run(t, NULL, NULL), CLF_ENUM);
  finite(f);
  ck_assert(isfinite(mean_logp(f, data.at, 40)));
  done(t, f, &data);
}
END_TEST

/* A row that overflows in float does not change running statistics. */
START_TEST(row_that_overflows) {
  if (is_elsewhere()) return;
  clf_table data = make_data(40, 2);
  clf_train_options o = options_of(1, 8);
  o.shuffle = 0;
  data.at[2 * 20] = dev->bits == 64 ? 1e200 : 1e25;
  clf_flow *f = flow_of("2: batchnorm, coupling(affine, mlp(6x1, dropout=0.2)), actnorm -> normal");
  clf_trainer *t = make_trainer(f, &data, &o);
  ck_assert_int_eq(clf_trainer_run(t, NULL, NULL), CLF_ENUM);
  ck_assert_msg(strncmp(clf_errmsg(), "step 3 (epoch 1): ", 18) == 0, "%s", clf_errmsg());
  finite(f);
  done(t, f, &data);
}
END_TEST

void tests_of_composed(TCase *tc) {
  tcase_add_test(tc, first_batch_decides);
  tcase_add_test(tc, first_batch_of_all);
  tcase_add_loop_test(tc, interruptions_of_layers_with_states, CLF_ACTIVATIONS_STORE,
                      CLF_ACTIVATIONS_REVERSE + 1);
  tcase_add_test(tc, recomputed_layers_with_states);
  tcase_add_loop_test(tc, nets_that_overflow, 0, 2);
  tcase_add_test(tc, rate_that_explodes_behind_batch_norm);
  tcase_add_test(tc, row_that_overflows);
}
