/* SPDX-License-Identifier: MIT */
/* tails.c: rows far outside of the training rows: -log p grows with the square of the distance, as
 * in the base, and not with exponentials of maps. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "flows.h"
#include "training.h"

enum { ROWS = 400, D = 3 };

/* Layers of a flow of three columns, and the maximum of -log p for rows at 10 deviations, in nats.
 * At 50 deviations it may be 25 times as much, as the square, and a quarter more. */
static const struct {
  const char *layers;
  double most;
} flows[] = {
    {"(lu, coupling(rq(bins=6, tail=5), mlp(16x2, tanh, zero=1)))*4 -> normal", 200},
    {"(lu, coupling(rq(bins=6, tail=3), mlp(16x2, relu, zero=1)))*4 -> normal", 200},
    {"(lu, coupling(rq(bins=6, tail=5), resnet(16x1)))*4 -> normal", 200},
    {"(ar(rq(bins=6, tail=5), made(16x2, tanh, residual=0)), perm(reverse))*3 -> normal", 200},
    {"(ar(rq(bins=6, tail=5, like=zuko), masked(16x2), order=$alt))*3 -> normal", 200},
    {"(lu, coupling(affine(scale=sigmoid2), mlp(16x2, tanh, zero=1)))*4 -> normal", 1000},
    {"(lu, coupling(affine(scale=tanh, clamp=1), mlp(16x2, tanh, zero=1)))*4 -> normal", 1000},
    {"(lu, coupling(affine(scale=softplus), mlp(16x2, tanh, zero=1)))*4 -> normal", 1000},
    {"lu(whiten=1), coupling(rq(bins=6, tail=5), mlp(16x2, tanh, zero=1)) -> mixture(4, cov=full)",
     200},
    {"lu, coupling(rq(bins=6, tail=5), mlp(16x2, tanh, zero=1)) -> student(4, trained=1)", 60},
};
enum { FLOWS = sizeof flows / sizeof *flows };

static uint64_t drawn;
static double uniform(void) {
  drawn = drawn * 6364136223846793005u + 1442695040888963407u;
  return ((double)(drawn >> 11) + 0.5) / 9007199254740992.0;
}
static double normal(void) { return sqrt(-2 * log(uniform())) * cos(2 * CLF_PI * uniform()); }

/* A curve, and a spread that depends on another column. */
static clf_table curved(void) {
  clf_table t;
  WORKS(clf_table_new(ROWS, D, &t));
  drawn = 11;
  for (int64_t i = 0; i < ROWS; i++) {
    double *const x = t.at + i * D;
    x[0] = normal();
    x[1] = 0.5 * x[0] * x[0] + 0.3 * normal();
    x[2] = exp(0.5 * x[0]) * normal();
  }
  return t;
}

static clf_flow *trained(const char *layers, const clf_table *data) {
  char text[256];
  clf_train_options o = options_of(50, 100);
  o.lr = 0.005;
  o.clip = 5;
  snprintf(text, sizeof text, "3: standardize, %s", layers);
  clf_flow *f = flows_of(dev, text, 3);
  clf_trainer *t = make_trainer(f, data, &o);
  WORKS(clf_trainer_run(t, NULL, NULL));
  clf_trainer_free(t);
  return f;
}

/* The largest -log p at a distance of `far` deviations, along the columns and between them. */
static double worst(clf_flow *f, double far, double *least) {
  const double *mean, *std;
  double x[26 * D], logp[26];
  int n = 0;
  clf_flow_scaling(f, &mean, &std);
  for (int k = 0; k < 27; k++) {
    const int sign[D] = {k % 3 - 1, k / 3 % 3 - 1, k / 9 - 1};
    const double size = sqrt(abs(sign[0]) + abs(sign[1]) + abs(sign[2]));
    if (size == 0) continue;
    for (int d = 0; d < D; d++) x[n * D + d] = mean[d] + std[d] * far * sign[d] / size;
    n++;
  }
  WORKS(clf_log_prob(f, x, n, logp));
  double most = 0;
  *least = INFINITY;
  for (int i = 0; i < n; i++) {
    ck_assert(isfinite(logp[i]));
    most = fmax(most, -logp[i]);
    *least = fmin(*least, -logp[i]);
  }
  return most;
}

START_TEST(rows_far_out) {
  clf_table data = curved();
  clf_flow *f = trained(flows[_i].layers, &data);
  double least;
  const double near = worst(f, 10, &least), far = worst(f, 50, &least);
  if (getenv("CLF_VERBOSE"))
    printf("%s: %.0f nats at 10 deviations, %.0f to %.0f at 50\n", flows[_i].layers, near, least,
           far);
  ck_assert_msg(near < flows[_i].most, "%s: %g nats", flows[_i].layers, near);
  ck_assert_msg(far < 31 * near, "%s: %g nats, and %g", flows[_i].layers, near, far);
  ck_assert_msg(least > 10, "%s: %g nats", flows[_i].layers, least);
  clf_flow_free(f);
  clf_table_free(&data);
}
END_TEST

void tests_of_tails(TCase *tc) { tcase_add_loop_test(tc, rows_far_out, 0, FLOWS); }
