/* SPDX-License-Identifier: MIT */
/* test_density.c: built-in log-densities, and importance sampling of given ones. */
#define _XOPEN_SOURCE 700 /* M_PI */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clflow/clflow.h"
#include "suite.h"

static double value(const clf_density *d, const double *x, double *g) {
  double logp;
  WORKS(d->log_density(x, 1, &logp, g, d->context));
  return logp;
}

/* ---- Targets ------------------------------------------------------------------------------- */

static const char *const spelled[] = {"normal:dim=3,mean=0.5,std=2",
                                      "double_well",
                                      "many_well:dim=6",
                                      "mixture:dim=4,modes=5,radius=2,std=0.7",
                                      "funnel:dim=5,scale=1.5",
                                      "banana:dim=3,scale=1.3,bend=0.4",
                                      "phi4:dim=9,kappa=0.2,lambda=0.1",
                                      "phi4:dim=1"};
enum { SPELLED = sizeof spelled / sizeof *spelled };

/* By central differences, at points over the densities' range. */
START_TEST(gradients) {
  clf_density d;
  double x[16], g[16], at[16];
  WORKS(clf_density_open(spelled[_i], &d));
  for (int k = 0; k < 20; k++) {
    for (int32_t i = 0; i < d.dim; i++) at[i] = 2.5 * sin(1.7 * k + 2.3 * i + 0.4);
    memcpy(x, at, sizeof x);
    const double logp = value(&d, x, g);
    ck_assert(value(&d, x, NULL) == logp); /* with or without the gradient */
    for (int32_t i = 0; i < d.dim; i++) {
      const double h = 1e-5;
      x[i] = at[i] + h;
      const double above = value(&d, x, NULL);
      x[i] = at[i] - h;
      const double slope = (above - value(&d, x, NULL)) / (2 * h);
      x[i] = at[i];
      ck_assert_msg(fabs(slope - g[i]) <= 1e-7 * (1 + fabs(g[i]) + fabs(logp)),
                    "%s: column %d of the gradient is %.9g, not %.9g", spelled[_i], (int)i, g[i],
                    slope);
    }
  }
  clf_density_free(&d);
  clf_density_free(&d);
}
END_TEST

/* log of the integral over a square, by the trapezoidal rule. */
static double quadrature(const clf_density *d, double side, int steps) {
  double sum = 0, x[2] = {0};
  const double h = 2 * side / steps;
  for (int i = 0; i <= steps; i++)
    for (int k = 0; k <= (d->dim == 2 ? steps : 0); k++) {
      x[0] = i * h - side;
      x[1] = k * h - side;
      sum += exp(value(d, x, NULL)) * (d->dim == 2 ? h * h : h);
    }
  return log(sum);
}

START_TEST(integrals) {
  static const struct {
    const char *target;
    double side;
  } plane[] = {{"normal:mean=0.5,std=0.8", 8},          {"double_well", 8},
               {"mixture:modes=3,radius=2,std=0.4", 8}, {"funnel:dim=2,scale=0.5", 16},
               {"banana:scale=0.8,bend=0.6", 16},       {"phi4:dim=1,kappa=0.1,lambda=0", 10}};
  clf_density d;
  for (size_t i = 0; i < sizeof plane / sizeof *plane; i++) {
    WORKS(clf_density_open(plane[i].target, &d));
    const double got = quadrature(&d, plane[i].side, 1200), log_z = clf_density_log_z(&d);
    ck_assert_msg(fabs(got - log_z) < 1e-6, "%s: log Z is %.9g by quadrature, said to be %.9g",
                  plane[i].target, got, log_z);
    clf_density_free(&d);
  }
  /* 164.6957 in the literature (Midgley et al. 2023). */
  WORKS(clf_density_open("many_well", &d));
  ck_assert_double_eq_tol(clf_density_log_z(&d), 164.6957, 1e-3);
  clf_density_free(&d);
  WORKS(clf_density_open("phi4", &d));
  ck_assert(isnan(clf_density_log_z(&d)));
  clf_density_free(&d);
  ck_assert(isnan(clf_density_log_z(NULL)));
}
END_TEST

static const struct {
  const char *target, *says;
} refused[] = {
    {"funnle", "there is no target \"funnle\"; there are normal, double_well, many_well, mixture, "
               "funnel, banana, phi4"},
    {"funnel:dim=1", "funnel: dim is 1; it must be at least 2"},
    {"double_well:dim=3", "double_well: dim is 3; it must be at least 2, and even"},
    {"funnel:dim=0", "0"},
    {"funnel:scale=0", "funnel: scale is 0; it must be above 0"},
    {"funnel:depth=2", "there is no key \"depth\"; there are dim and scale"},
    {"normal:std=nan", "nan"},
    {"phi4:dim=8", "phi4: dim is 8; it must be the square of a lattice's side"},
    {"phi4:lambda=0", "phi4: kappa is 0.3; without lambda it must be below 0.25"},
};

START_TEST(targets_that_are_refused) {
  clf_density d = {.dim = 7};
  ck_assert_int_eq(clf_density_open(refused[_i].target, &d), CLF_EINVAL);
  ck_assert_msg(strstr(clf_errmsg(), refused[_i].says), "%s", clf_errmsg());
  ck_assert_int_eq(d.dim, 7);
}
END_TEST

/* The text that describes a target's parameters opens it. */
START_TEST(every_target_opens) {
  for (int i = 0; i < clf_target_count(); i++) {
    char text[256];
    clf_density d, usual;
    const clf_target t = clf_target_at(i);
    snprintf(text, sizeof text, "%s:%s", t.name, t.parameters);
    WORKS(clf_density_open(text, &d));
    WORKS(clf_density_open(t.name, &usual));
    ck_assert(d.dim == usual.dim && d.id == usual.id && *t.help);
    clf_density_free(&d);
    clf_density_free(&usual);
  }
  ck_assert(!clf_target_at(-1).name && !clf_target_at(clf_target_count()).name);
}
END_TEST

/* ---- Weights ------------------------------------------------------------------------------- */

/* w = 1, 2, 3 times e^1000: no sum of them is a double. */
START_TEST(scores_of_weights) {
  const double lw[] = {1000, 1000 + log(2), 1000 + log(3), -INFINITY};
  clf_importance_score s;
  WORKS(clf_importance_score_of(lw, 3, &s));
  ck_assert_double_eq_tol(s.log_z, 1000 + log(2), 1e-12);
  ck_assert_double_eq_tol(s.ess, 36.0 / (3 * 14), 1e-12);
  ck_assert_double_eq_tol(s.top, 0.5, 1e-12);
  /* The standard deviation of w over its mean, 1 / 2, over the root of 3 samples. */
  ck_assert_double_eq_tol(s.log_z_error, 0.5 / sqrt(3), 1e-12);
  ck_assert_double_eq_tol(s.bound, 1000 + log(6) / 3, 1e-12);
  WORKS(clf_importance_score_of(lw, 4, &s));
  ck_assert_int_eq(s.zeros, 1);
  ck_assert(s.bound == -INFINITY && isnan(s.bound_error));
  ck_assert_double_eq_tol(s.log_z, 1000 + log(1.5), 1e-12);
  ck_assert_double_eq_tol(s.ess, 36.0 / (4 * 14), 1e-12);
  WORKS(clf_importance_score_of(lw + 3, 1, &s));
  ck_assert(s.log_z == -INFINITY && s.ess == 0 && s.top == 0 && isnan(s.log_z_error));
  REFUSED(clf_importance_score_of(lw, 0, &s), CLF_EINVAL, "0 samples: there must be at least 1");
  REFUSED(clf_importance_score_of((double[]){0, NAN}, 2, &s), CLF_ENUM,
          "the log-weight of sample 1 is nan");
}
END_TEST

static clf_device *dev;
static clf_flow *flow;

static void set_up(void) {
  clf_flow_spec spec = clf_flow_spec_default(CLF_NVP, 2);
  spec.seed = 3;
  WORKS(clf_open("cpu64", &dev));
  WORKS(clf_flow_create(dev, &spec, &flow));
}

static void tear_down(void) {
  clf_flow_free(flow);
  clf_close(dev);
}

/* The flow itself, three times as high. */
static clf_status own_density(const double *x, int64_t n, double *logp, double *g, void *context) {
  const clf_status s = clf_log_prob(context, x, n, logp);
  for (int64_t i = 0; i < n; i++) logp[i] += log(3);
  for (int64_t i = 0; i < 2 * n && g; i++) g[i] = 0;
  return s;
}

START_TEST(weights_of_the_flow_itself) {
  const clf_density d = {.dim = 2, .log_density = own_density, .context = flow};
  clf_importance_score s;
  double x[20], lw[10], z[20];
  WORKS(clf_importance(flow, &d, 5, 7, 10, &s, x, lw));
  ck_assert_double_eq_tol(s.log_z, log(3), 1e-12);
  ck_assert(s.ess > 1 - 1e-12 && fabs(s.top - 0.1) < 1e-12 && s.log_z_error < 1e-7);
  WORKS(clf_sample(flow, 5, 7, 10, z));
  ck_assert_int_eq(memcmp(x, z, sizeof x), 0);
  for (int i = 0; i < 10; i++) ck_assert_double_eq_tol(lw[i], log(3), 1e-12);
}
END_TEST

/* Reflected samples do not have the flow's density: weights are those of samples beyond limits. */
START_TEST(weights_beyond_limits) {
  static const clf_column_grid grid[2] = {{0, 0, DBL_MAX}, {0, -1, 1}};
  const clf_density d = {.dim = 2, .log_density = own_density, .context = flow};
  clf_importance_score s;
  double x[400], z[400], lw[200];
  WORKS(clf_sample(flow, 5, 0, 200, z));
  WORKS(clf_flow_set_grid(flow, grid));
  WORKS(clf_importance(flow, &d, 5, 0, 200, &s, x, lw));
  ck_assert_int_eq(memcmp(x, z, sizeof x), 0);
  ck_assert_double_eq_tol(s.log_z, log(3), 1e-12);
  ck_assert_int_eq(memcmp(clf_flow_grid(flow), grid, sizeof grid), 0);
  WORKS(clf_sample(flow, 5, 0, 200, x));
  int reflected = 0;
  for (int i = 0; i < 200; i++) {
    ck_assert(x[2 * i] >= 0 && fabs(x[2 * i + 1]) <= 1);
    reflected += x[2 * i] != z[2 * i];
  }
  ck_assert_int_gt(reflected, 20);
  WORKS(clf_flow_remove_limits(flow));
  ck_assert_ptr_null(clf_flow_grid(flow));
}
END_TEST

/* log Z of targets within its error; with more samples than a chunk. */
START_TEST(integrals_of_targets) {
  static const char *const targets[] = {"normal:std=0.8", "mixture:modes=2,radius=0.5,std=0.9",
                                        "banana:scale=0.8,bend=0.3"};
  clf_importance_score s;
  for (int i = 0; i < 3; i++) {
    clf_density d;
    WORKS(clf_density_open(targets[i], &d));
    WORKS(clf_importance(flow, &d, 1, 0, 40000, &s, NULL, NULL));
    ck_assert_msg(s.log_z_error < 0.05 && fabs(s.log_z) < 4 * s.log_z_error,
                  "%s: log Z is %g +- %g", targets[i], s.log_z, s.log_z_error);
    ck_assert(s.bound < s.log_z && s.ess > 0.05 && s.ess < 1);
    clf_density_free(&d);
  }
}
END_TEST

static clf_status broken(const double *x, int64_t n, double *logp, double *g, void *context) {
  const int how = *(const int *)context;
  for (int64_t i = 0; i < n; i++) logp[i] = how == 1 && i == 2 ? NAN : how == 2 ? INFINITY : 0;
  for (int64_t i = 0; i < 2 * n && g; i++) g[i] = x[i];
  return how == 3 ? clf_fail(CLF_EIO, "the simulator is away") : CLF_OK;
}

START_TEST(broken_densities) {
  int how = 1;
  clf_importance_score s;
  clf_density d = {.dim = 2, .log_density = broken, .context = &how};
  ck_assert_int_eq(clf_importance(flow, &d, 1, 4, 5, &s, NULL, NULL), CLF_ENUM);
  ck_assert_msg(strstr(clf_errmsg(), "the log-density of sample 6 is nan, at ("), "%s",
                clf_errmsg());
  how = 2;
  ck_assert_int_eq(clf_importance(flow, &d, 1, 4, 5, &s, NULL, NULL), CLF_ENUM);
  ck_assert_msg(strstr(clf_errmsg(), "the log-density of sample 4 is inf, at ("), "%s",
                clf_errmsg());
  how = 3;
  REFUSED(clf_importance(flow, &d, 1, 0, 5, &s, NULL, NULL), CLF_EIO, "the simulator is away");
  d.dim = 3;
  REFUSED(clf_importance(flow, &d, 1, 0, 5, &s, NULL, NULL), CLF_ESHAPE,
          "the density has 3 dimensions, the flow has 2");
  d.dim = 2;
  REFUSED(clf_importance(flow, &d, 1, 0, 0, &s, NULL, NULL), CLF_EINVAL,
          "0 samples: there must be at least 1");
  REFUSED(clf_importance(flow, &d, 1, -1, 5, &s, NULL, NULL), CLF_EINVAL,
          "the first sample is -1; they count from 0");
  d.log_density = NULL;
  REFUSED(clf_importance(flow, &d, 1, 0, 5, &s, NULL, NULL), CLF_EINVAL,
          "the density has no function");
}
END_TEST

static TCase *tests(void) {
  TCase *tc = tcase_create("density");
  tcase_add_unchecked_fixture(tc, set_up, tear_down);
  tcase_add_loop_test(tc, gradients, 0, SPELLED);
  tcase_add_test(tc, integrals);
  tcase_add_loop_test(tc, targets_that_are_refused, 0, sizeof refused / sizeof *refused);
  tcase_add_test(tc, every_target_opens);
  tcase_add_test(tc, scores_of_weights);
  tcase_add_test(tc, weights_of_the_flow_itself);
  tcase_add_test(tc, weights_beyond_limits);
  tcase_add_test(tc, integrals_of_targets);
  tcase_add_test(tc, broken_densities);
  return tc;
}

int main(void) {
  Suite *suite = suite_create("density");
  suite_add_tcase(suite, tests());
  return suite_run(suite);
}
