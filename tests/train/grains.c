/* SPDX-License-Identifier: MIT */
/* grains.c: batches that are cut into grains: the gradient is that of the batch, statistics are
 * means over grains weighted by rows, layers are fitted to whole batches; errors. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "flows.h"
#include "training.h"

enum { ROWS = 50, BATCH = 22 }; /* the last batch of an epoch has 6 rows, fewer than 8 grains */

static const char plain[] = "2: actnorm, coupling(rq(bins=5, tail=4), resnet(6x1, dropout=0.3)), "
                            "lu, ar(affine, made(6x1, silu)) -> normal";
/* Flows with running statistics, as a layer and in a net. */
static const char normed[] = "2: batchnorm, coupling(affine, mlp(6x1, silu, dropout=0.3)), "
                             "ar(affine, made(6x1, residual=0, bn=1)) -> normal";

static clf_train_options in_grains(const char *grains, int64_t epochs) {
  clf_train_options o = options_of(epochs, BATCH);
  o.lr = 0.01;
  o.clip = 5;
  WORKS(clf_train_options_set(&o, "grains", grains));
  return o;
}

static double *values(clf_tensor t) {
  double *v = flows_array(clf__count(&t));
  WORKS(clf_read64(dev, t, v));
  return v;
}

/* The gradient that Adam gets in the first step, and the loss. */
typedef struct first_step {
  double *g, loss;
  size_t n;
} first_step;

static first_step first_step_of(const char *text, const char *grains, const clf_table *data) {
  clf_train_options o = in_grains(grains, 1);
  o.beta1 = 0; /* so that the first moments are the gradient */
  o.clip = 0;
  clf_flow *f = flows_of(dev, text, 3);
  clf_trainer *t = make_trainer(f, data, &o);
  WORKS(clf__trainer_steps(t, 1));
  first_step s = {.g = values(t->m), .n = clf__count(&t->m)};
  double *loss = values(clf__trainer_slot(t, 0));
  s.loss = loss[0];
  free(loss);
  clf_trainer_free(t);
  clf_flow_free(f);
  return s;
}

/* Without batch statistics the gradient is that of the batch, with the same masks of dropout. */
START_TEST(gradient_of_grains) {
  static const char *const grains[] = {"1", "4", "32"};
  clf_table data = make_data(ROWS, 2);
  const first_step whole = first_step_of(plain, "0", &data);
  const double most = dev->bits == 64 ? 1e-6 : 2e-4;
  double largest = 0;
  for (size_t k = 0; k < whole.n; k++) largest = fmax(largest, fabs(whole.g[k]));
  for (int i = 0; i < 3; i++) {
    const first_step s = first_step_of(plain, grains[i], &data);
    ck_assert_double_eq_tol(s.loss, whole.loss, most);
    for (size_t k = 0; k < s.n; k++)
      ck_assert_msg(fabs(s.g[k] - whole.g[k]) <= most * largest,
                    "%s grains, weight %zu: %g, not %g", grains[i], k, s.g[k], whole.g[k]);
    free(s.g);
  }
  free(whole.g);
  clf_table_free(&data);
}
END_TEST

/* ---- Statistics --------------------------------------------------------------------------------
 */

/* Mean and variance of column 0 of rows first .. end - 1; the divisor is n - 1, and a single row
 * has variance 0. */
static void moments(const clf_table *data, int64_t first, int64_t end, double *mean, double *var) {
  const double n = (double)(end - first);
  *mean = *var = 0;
  for (int64_t i = first; i < end; i++) *mean += data->at[2 * i] / n;
  for (int64_t i = first; i < end && n > 1; i++) *var += pow(data->at[2 * i] - *mean, 2) / (n - 1);
}

/* Running statistics are updated once in a step, with the mean over grains weighted by rows. */
START_TEST(statistics_of_grains) {
  clf_table data = make_data(ROWS, 2);
  clf_train_options o = in_grains("4", 1);
  o.shuffle = 0;
  o.lr = still;
  clf_flow *f = flows_of(dev, "2: batchnorm -> normal", 3);
  clf_trainer *t = make_trainer(f, &data, &o);
  double mean = 0, var = 1;
  for (int step = 0; step < 3; step++) {
    const int64_t n = step < 2 ? BATCH : ROWS - 2 * BATCH;
    double of_grains[2] = {0, 0};
    for (int i = 0; i < 4; i++) {
      const int64_t a = step * BATCH + i * n / 4, b = step * BATCH + (i + 1) * n / 4;
      double m, v;
      moments(&data, a, b, &m, &v);
      of_grains[0] += (double)(b - a) / (double)n * m;
      of_grains[1] += (double)(b - a) / (double)n * v;
    }
    mean += 0.1 * (of_grains[0] - mean);
    var += 0.1 * (of_grains[1] - var);
    WORKS(clf__trainer_steps(t, step + 1));
  }
  double *w = weights_of(f);
  const size_t at = (size_t)f->w.dim[0] - (size_t)f->slots.size[CLF_STATE];
  ck_assert_double_eq_tol(w[at], mean, 1e-6);
  ck_assert_double_eq_tol(w[at + 2], var, 1e-6);
  free(w);
  done(t, f, &data);
}
END_TEST

/* Layers that are fitted to the first batch see all of it. */
START_TEST(fit_of_grains) {
  clf_table data = make_data(ROWS, 2);
  double *w[2];
  size_t n = 0;
  for (int i = 0; i < 2; i++) {
    clf_train_options o = in_grains(i ? "8" : "0", 1);
    o.lr = still;
    clf_flow *f = flows_of(dev, "2: actnorm, coupling(affine, mlp(6x1)), actnorm -> normal", 3);
    clf_trainer *t = make_trainer(f, &data, &o);
    WORKS(clf__trainer_steps(t, 1));
    w[i] = weights_of(f);
    n = clf__count(&f->w);
    clf_trainer_free(t);
    clf_flow_free(f);
  }
  for (size_t k = 0; k < n; k++) ck_assert_double_eq_tol(w[0][k], w[1][k], 1e-6);
  free(w[0]);
  free(w[1]);
  clf_table_free(&data);
}
END_TEST

/* ---- Bits ----------------------------------------------------------------------------------- */

typedef struct ending {
  int64_t stop;
} ending;
static int stop_at(const clf_progress *p, void *context) {
  const ending *e = context;
  return e->stop && p->step >= e->stop;
}

static void finish(clf_flow *f, const clf_table *data, const clf_train_options *o, const char *from,
                   int64_t stop, const char *to) {
  ending e = {stop};
  clf_trainer *t = make_trainer(f, data, o);
  if (from) WORKS(clf_trainer_resume(t, path_of(from)));
  ck_assert_int_eq(clf_trainer_run(t, stop_at, &e), stop ? CLF_ESTOPPED : CLF_OK);
  WORKS(clf_trainer_save(t, path_of(to)));
  clf_trainer_free(t);
}

/* Stored and recomputed activations; a file is resumed with the grains that it began with. */
START_TEST(resume_of_grains) {
  if (checking()) return;
  clf_table data = make_data(ROWS, 2);
  clf_train_options o = in_grains("8", 6);
  o.valid_split = 0.1;
  o.activations = _i ? CLF_ACTIVATIONS_REVERSE : CLF_ACTIVATIONS_STORE;
  clf_flow *f = flows_of(dev, normed, 3), *g = flows_of(dev, normed, 3), *h = NULL;
  finish(f, &data, &o, NULL, 0, "whole");
  finish(g, &data, &o, NULL, 7, "half");
  WORKS(clf_flow_load(dev, path_of("half"), NULL, &h));
  clf_train_options had;
  WORKS(clf_train_options_load(path_of("half"), &had));
  finish(h, &data, &had, "half", 0, "resumed");
  ck_assert(same_files("whole", "resumed"));
  o = in_grains("4", 6);
  o.valid_split = 0.1;
  o.activations = had.activations;
  clf_trainer *t = make_trainer(h, &data, &o);
  ck_assert_int_eq(clf_trainer_resume(t, path_of("half")), CLF_EFORMAT);
  ck_assert_msg(strstr(clf_errmsg(), "its training began with another value of grains") != NULL,
                "%s", clf_errmsg());
  clf_trainer_free(t);
  clf_flow_free(f);
  clf_flow_free(g);
  done(NULL, h, &data);
}
END_TEST

/* One grain is the batch itself, so the calls and the bits are the same. */
START_TEST(one_grain) {
  clf_table data = make_data(ROWS, 2);
  clf_flow *f[2];
  for (int i = 0; i < 2; i++) {
    const clf_train_options o = in_grains(i ? "1" : "0", 2);
    f[i] = flows_of(dev, "2: coupling(rq(bins=5, tail=4), resnet(6x1)), lu -> normal", 3);
    clf_trainer *t = make_trainer(f[i], &data, &o);
    WORKS(clf_trainer_run(t, NULL, NULL));
    clf_trainer_free(t);
  }
  ck_assert(same_weights(f[0], f[1]));
  clf_flow_free(f[0]);
  done(NULL, f[1], &data);
}
END_TEST

/* A grain whose recomputed inputs are too inexact is repeated with stored ones; after that step all
 * grains store theirs. */
START_TEST(grains_that_explode) {
  if (checking()) return;
  clf_table data = make_data(20, 2);
  clf_train_options o = in_grains("4", 2);
  o.activations = CLF_ACTIVATIONS_REVERSE;
  o.clip = 0;
  clf_flow *f = make_flow(CLF_NVP, 2);
  double *w = weights_of(f);
  for (size_t k = 0; k < clf__count(&f->w); k++) w[k] *= 60; /* large scales */
  WORKS(clf_write64(dev, f->w, w));
  clf_trainer *t = make_trainer(f, &data, &o);
  WORKS(clf__trainer_steps(t, 1));
  ck_assert_int_gt(t->grains.off, 0);
  ck_assert_int_eq(t->stored_from, 1);
  ck_assert_msg(strstr(t->notice, "step 1: the input rebuilt from the output is too inexact in ") &&
                    strstr(t->notice, " of 4 grains; from this step on"),
                "%s", t->notice);
  free(w);
  done(t, f, &data);
}
END_TEST

START_TEST(refused_grains) {
  clf_table data = make_data(ROWS, 2);
  clf_train_options o = in_grains("3", 1);
  clf_train_plan plan;
  clf_flow *f = flows_of(dev, plain, 3);
  clf_trainer *t = NULL;
  REFUSED(clf_trainer_create(f, &data, &o, &t), CLF_EINVAL,
          "grains is 3; it must be a power of two, or 0");
  REFUSED(clf_train_options_set(&o, "grains", "8192"), CLF_EINVAL,
          "grains is 8192; it must be 0 to 4096");
  o = in_grains("4", 1);
  o.part = 5;
  REFUSED(clf_trainer_create(f, &data, &o, &t), CLF_EINVAL,
          "part is 5, but 4 grains cut a batch of 22 into pieces of 6: leave part at 0, or choose "
          "other grains");
  o.part = 6;
  WORKS(clf_train_plan_of(f, &o, ROWS, &plan));
  ck_assert_int_eq(plan.part, 6);
  o.memory = plan.total - 1;
  ck_assert_int_eq(clf_train_plan_of(f, &o, ROWS, &plan), CLF_ENOMEM);
  ck_assert_msg(strstr(clf_errmsg(), "training with 6 samples at a time takes ") &&
                    strstr(clf_errmsg(), "; more grains need less"),
                "%s", clf_errmsg());
  done(NULL, f, &data);
}
END_TEST

void tests_of_grains(TCase *tc) {
  tcase_add_test(tc, gradient_of_grains);
  tcase_add_test(tc, statistics_of_grains);
  tcase_add_test(tc, fit_of_grains);
  tcase_add_loop_test(tc, resume_of_grains, 0, 2);
  tcase_add_test(tc, one_grain);
  tcase_add_test(tc, grains_that_explode);
  tcase_add_test(tc, refused_grains);
}
