/* SPDX-License-Identifier: MIT */
/* learning.c: initial weights of spline flows, and the result of training one with the defaults of
 * arch.def. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "clflow/data.h"
#include "flows.h"
#include "training.h"

#define SIZE(array) (sizeof(array) / sizeof *(array))

static clf_flow *flow_of(const char *text) { return flows_of(dev, text, 1); }

/* ---- The start ------------------------------------------------------------------------------ */

/* With weights of 0 in the last layer, the map is the identity inside its interval too. */
START_TEST(splines_start_as_the_identity) {
  static const char *const texts[] = {
      "2: coupling(rq, mlp(8x1, zero=1)) -> normal",
      "2: coupling(rq(bins=3), mlp(8x1, zero=1, separate=1)) -> normal",
      "2: coupling(rq(like=zuko), mlp(8x1, zero=1)) -> normal",
      "2: elementwise(rq), ~coupling(rq, mlp(8x1, zero=1)) -> normal"};
  const double x[] = {0.3, -1.7, -4.9, 2.2, 6, 4.4};
  for (size_t i = 0; i < SIZE(texts); i++) {
    double z[6], logdet[3];
    clf_flow *f = flow_of(texts[i]);
    WORKS(clf_transform(f, x, 3, z, logdet));
    for (int k = 0; k < 6; k++)
      ck_assert_msg(fabs(z[k] - x[k]) < 3e-6, "%s: z[%d] is %g, not %g", texts[i], k, z[k], x[k]);
    for (int k = 0; k < 3; k++) ck_assert_double_eq_tol(logdet[k], 0, 3e-6);
    clf_flow_free(f);
  }
}
END_TEST

/* Biases of the last layer are drawn within 1 / sqrt(16): those of slopes around log(exp(0.999) -
 * 1), which gives a slope of 1, the others around 0. */
START_TEST(nets_of_splines_start_there_too) {
  static const char *const cases[][2] = {
      {"4: coupling(rq(bins=5), resnet(16x1)) -> normal", "layers.0.net.final.bias"},
      {"4: ar(rq(bins=5), made(16x1)) -> normal", "layers.0.net.final.bias"},
      {"4: ~ar(rq(bins=5), masked(16x1)) -> normal", "layers.0.net.1.bias"}};
  for (size_t i = 0; i < SIZE(cases); i++) {
    clf_flow *f = flow_of(cases[i][0]);
    int found = 0;
    for (int k = 0; k < clf_flow_param_count(f); k++) {
      const clf_param p = clf_flow_param(f, k);
      if (strcmp(p.name, cases[i][1]) != 0) continue;
      float b[4 * 14];
      ck_assert_int_eq(p.at.dim[0] % 14, 0);
      WORKS(clf_read(dev, p.at, b));
      for (int n = 0; n < p.at.dim[0]; n++)
        ck_assert_double_eq_tol(b[n], (n % 14 < 10 ? 0 : 0.540402), 0.25);
      for (int n = 0; n < p.at.dim[0]; n += 14)
        found += b[n + 10] + b[n + 11] + b[n + 12] + b[n + 13] > 4 * 0.3;
    }
    ck_assert_msg(found >= 2, "%s: %d", cases[i][0], found);
    clf_flow_free(f);
  }
}
END_TEST

/* ---- What is learned ------------------------------------------------------------------------ */

/* The mean log-density of the data set `gaussians` at its own samples. */
static double eight_normals(const clf_table *t) {
  double sum = 0;
  for (int64_t i = 0; i < t->rows; i++) {
    double p = 0;
    for (int k = 0; k < 8; k++) {
      const double a = k * acos(-1) / 4;
      const double u = t->at[2 * i] - 4 * cos(a), v = t->at[2 * i + 1] - 4 * sin(a);
      p += exp(-2 * (u * u + v * v)) / 8 * 2 / acos(-1); /* deviations of 0.5 */
    }
    sum += log(p);
  }
  return sum / (double)t->rows;
}

/* A neural spline flow comes within 0.12 nats of the truth on new samples, in 400 steps. */
START_TEST(learns_eight_normals) {
  clf_table data, test;
  WORKS(clf_table_read("gaussians:n=4000", &data));
  WORKS(clf_table_read("gaussians:n=4000,seed=2", &test));
  clf_flow *f = flow_of("2: standardize, (coupling(rq, resnet), lu)*5 -> normal");
  clf_train_options o = options_of(10, 100);
  o.lr = 0.002;
  o.clip = 5;
  WORKS(clf_train_options_set(&o, "schedule", "cosine"));
  clf_trainer *t = make_trainer(f, &data, &o);
  WORKS(clf_trainer_run(t, NULL, NULL));
  const double truth = eight_normals(&test), mean = mean_logp(f, test.at, test.rows);
  ck_assert_msg(mean > truth - 0.12, "%g nats, the truth is %g", mean, truth);
  ck_assert_msg(mean < truth, "%g nats, above the truth of %g", mean, truth);
  clf_table_free(&test);
  done(t, f, &data);
}
END_TEST

void tests_of_learning(TCase *tc) {
  tcase_add_test(tc, splines_start_as_the_identity);
  tcase_add_test(tc, nets_of_splines_start_there_too);
  tcase_add_test(tc, learns_eight_normals);
}
