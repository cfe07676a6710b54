/* SPDX-License-Identifier: MIT */
/* statistics.c: layers that read statistics of a batch: initial values, running statistics,
 * gradients. */
#include <math.h>
#include "layers/lists.h"

/* Mean and variance of column c of n rows; the divisor of the variance is n - less. */
static void statistics(const double *x, int n, int D, int c, int less, double *mean, double *var) {
  *mean = *var = 0;
  for (int i = 0; i < n; i++) *mean += x[i * D + c] / n;
  for (int i = 0; i < n; i++) *var += pow(x[i * D + c] - *mean, 2) / (n - less);
}

/* Fits the first layer to n rows and expects columns of mean 0 and variance 1. The columns are the
 * dimensions, or the channels of an image. */
static void expect_normalised(list *s, const double *x, int n, int columns, int less) {
  double *z = flows_array((size_t)(n * s->dim)), logdet[ROWS], mean, var;
  const clf__pass p = new_pass(s, CLF_TRAIN);
  WORKS(clf_write64(flows_dev, clf__rows(s->x[0], n), x));
  WORKS(s->layer[0].ops->fit(&s->layer[0], &p, &s->memory[0], clf__rows(s->x[0], n)));
  forward(s, CLF_EVAL, x, n, z, logdet);
  for (int c = 0; c < columns; c++) {
    statistics(z, n * s->dim / columns, columns, c, less, &mean, &var);
    ck_assert_double_eq_tol(mean, 0, flows_exact ? 1e-13 : 1e-6);
    ck_assert_double_eq_tol(var, 1, flows_exact ? 1e-13 : 1e-5);
  }
  free(z);
}

/* The output of the first batch has mean 0 and variance 1; the second changes nothing. */
START_TEST(first_batches) {
  static const struct {
    const char *text;
    int columns, less; /* the divisor of the variance is the count minus `less` */
  } cases[] = {{"3: actnorm -> normal", 3, 1},
               {"2x2x3: actnorm -> normal", 3, 1},
               {"3: standardize -> normal", 3, 0}};
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    list s;
    begin(&s, cases[k].text);
    const size_t n = 20 * (size_t)s.dim;
    double *x = normals(5, n), *first = flows_array(n), *second = flows_array(n), logdet[ROWS];
    for (size_t i = 0; i < n; i++) x[i] = 3 + (double)(i % 3 + 1) * x[i];
    expect_normalised(&s, x, 20, cases[k].columns, cases[k].less);
    forward(&s, CLF_EVAL, x, 20, first, logdet);
    const clf__pass p = new_pass(&s, CLF_TRAIN);
    WORKS(s.layer[0].ops->fit(&s.layer[0], &p, &s.memory[0], clf__rows(s.x[0], 5)));
    forward(&s, CLF_EVAL, x, 20, second, logdet);
    ck_assert_mem_eq(first, second, n * sizeof *first);
    free(second), free(first), free(x);
    end(&s);
  }
}
END_TEST

/* A constant column: the scale stays finite. */
START_TEST(constant_columns) {
  const char *const texts[] = {"2: actnorm -> normal", "2: standardize -> normal"};
  for (int k = 0; k < 2; k++) {
    const double x[6] = {1, 5, 2, 5, 4, 5};
    double z[6], logdet[3];
    list s;
    begin(&s, texts[k]);
    const clf__pass p = new_pass(&s, CLF_TRAIN);
    WORKS(clf_write64(flows_dev, clf__rows(s.x[0], 3), x));
    WORKS(s.layer[0].ops->fit(&s.layer[0], &p, &s.memory[0], clf__rows(s.x[0], 3)));
    forward(&s, CLF_EVAL, x, 3, z, logdet);
    for (int i = 0; i < 3; i++) {
      ck_assert(isfinite(logdet[i]));
      ck_assert_double_eq_tol(z[2 * i + 1], 0, 1e-6);
    }
    end(&s);
  }
}
END_TEST

/* In training: the batch's mean and unbiased variance, gradients through both, and running
 * statistics updated with the layer's momentum or that of the pass. */
START_TEST(batch_statistics) {
  const double each[GRADIENT_ROWS] = {0.5, -1, 2, 0.25};
  double running[3], z[60], logdet[20], mean, var;
  double *x = normals(8, 60);
  list s;
  begin(&s, "3: batchnorm(momentum=0.25, eps=0.001) -> normal");
  forward(&s, CLF_TRAIN, x, 20, z, logdet);
  statistics(x, 20, 3, 1, 1, &mean, &var);
  const double slack = flows_exact ? 1e-7 : 1e-5; /* eps is a float */
  ck_assert_double_eq_tol(z[4], (x[4] - mean) / sqrt(var + 0.001), slack);
  WORKS(clf_read64(flows_dev,
                   clf__slot_tensor(&s.weights, slot_of(&s, "layers.0.running_mean")->slot),
                   running));
  ck_assert_double_eq_tol(running[1], 0.25 * mean, slack);
  WORKS(clf_read64(
      flows_dev, clf__slot_tensor(&s.weights, slot_of(&s, "layers.0.running_var")->slot), running));
  ck_assert_double_eq_tol(running[1], 0.75 + 0.25 * var, slack);
  perturb(&s);
  if (flows_exact) {
    expect_differences(&s, "batchnorm in training", CLF_TRAIN, 0, NULL);
    expect_differences(&s, "batchnorm in training", CLF_TRAIN, 0, each);
  }
  free(x);
  end(&s);
}
END_TEST

static double state(list *s, const char *name, int at) {
  double v[8];
  WORKS(clf_read64(flows_dev, clf__slot_tensor(&s->weights, slot_of(s, name)->slot), v));
  return v[at];
}

/* Of the transformed elements alone; the other pixels of an image count as zeros. */
START_TEST(statistics_of_transformed_elements) {
  const double each[GRADIENT_ROWS] = {0.5, -1, 2, 0.25}, slack = flows_exact ? 1e-7 : 1e-5;
  double z[80], logdet[20], mean[2], var[2], sum = 0, square = 0;
  double *x = normals(9, 80);
  list s;
  begin(&s, "4: coupling(add, zero), batchnorm(momentum=0.25, eps=0.001, transformed=1) -> normal");
  forward(&s, CLF_TRAIN, x, 20, z, logdet);
  for (int c = 0; c < 2; c++) statistics(x, 20, 4, 2 * c, 0, &mean[c], &var[c]);
  ck_assert_double_eq_tol(z[6], (x[6] - mean[1]) / sqrt(var[1] + 0.001), slack);
  ck_assert(z[5] == x[5] || (!flows_exact && z[5] == (float)x[5]));
  ck_assert_double_eq_tol(logdet[3], -log((var[0] + 0.001) * (var[1] + 0.001)) / 2, slack);
  ck_assert_double_eq_tol(state(&s, "layers.1.running_mean", 1), 0.25 * mean[1], slack);
  ck_assert_double_eq_tol(state(&s, "layers.1.running_var", 1), 0.75 + 0.25 * var[1], slack);
  if (flows_exact) expect_differences(&s, "transformed columns", CLF_TRAIN, 0, each);
  end(&s);

  begin(&s,
        "2x2x1: coupling(add, zero, mask=checker), batchnorm(eps=0.001, transformed=1) -> normal");
  forward(&s, CLF_TRAIN, x, 20, z, logdet);
  for (int i = 0; i < 20; i++)
    for (int d = 1; d < 3; d++) sum += x[4 * i + d], square += pow(x[4 * i + d], 2);
  const double m = sum / 80, v = square / 80 - m * m;
  ck_assert_double_eq_tol(z[6], (x[6] - m) / sqrt(v + 0.001), slack);
  ck_assert(z[7] == x[7] || (!flows_exact && z[7] == (float)x[7]));
  ck_assert_double_eq_tol(logdet[3], -log(v + 0.001), slack);
  ck_assert_double_eq_tol(state(&s, "layers.1.running_mean", 0), 0.1 * m, slack);
  if (flows_exact) expect_differences(&s, "transformed pixels", CLF_TRAIN, 0, each);
  end(&s);
  free(x);
}
END_TEST

/* A weighted mean of statistics: rho of the running ones, 1 - rho of the batch's. */
START_TEST(mixed_statistics) {
  double z[60], logdet[20], mean, var;
  double *x = normals(8, 60);
  list s;
  begin(&s, "3: batchnorm(momentum=0, rho=0.25, eps=0.001) -> normal");
  forward(&s, CLF_TRAIN, x, 20, z, logdet);
  statistics(x, 20, 3, 1, 1, &mean, &var);
  ck_assert_double_eq_tol(z[4], (x[4] - 0.75 * mean) / sqrt(0.25 + 0.75 * var + 0.001),
                          flows_exact ? 1e-7 : 1e-5);
  perturb(&s);
  if (flows_exact) expect_differences(&s, "mixed statistics", CLF_TRAIN, 0, NULL);
  free(x);
  end(&s);
}
END_TEST

/* Gradients through the statistics of a net, and of the coupling after it. */
START_TEST(nets_in_training) {
  static const char *const texts[] = {
      "2x4x1: coupling(affine(scale=realnvp), convresnet(3x1, bn=1, like=realnvp), mask=checker), "
      "batchnorm(eps=0.0001, transformed=1) -> normal",
      "2x2x2: coupling(rq(bins=3), convresnet(3x1, bn=1, like=realnvp), mask=channel) -> normal"};
  const double each[GRADIENT_ROWS] = {0.5, -1, 2, 0.25};
  list s;
  if (!flows_exact) return;
  for (int k = 0; k < 2; k++) {
    begin(&s, texts[k]);
    perturb(&s);
    expect_differences(&s, texts[k], CLF_TRAIN, 0, each);
    end(&s);
  }
}
END_TEST

void tests_of_statistics(TCase *tc) {
  tcase_add_test(tc, first_batches);
  tcase_add_test(tc, constant_columns);
  tcase_add_test(tc, batch_statistics);
  tcase_add_test(tc, statistics_of_transformed_elements);
  tcase_add_test(tc, mixed_statistics);
  tcase_add_test(tc, nets_in_training);
}
