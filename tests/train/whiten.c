/* SPDX-License-Identifier: MIT */
/* whiten.c: layers that are initialised with the covariance of the training rows. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "flows.h"
#include "training.h"

enum { ROWS = 20000, D = 4 }; /* enough that shrinkage does not matter */

static uint64_t drawn;
static double uniform(void) {
  drawn = drawn * 6364136223846793005u + 1442695040888963407u;
  return (double)(drawn >> 11) / 9007199254740992.0;
}
static double normal(void) { return sqrt(-2 * log(1 - uniform())) * cos(2 * CLF_PI * uniform()); }

/* Correlated columns, of means and spreads that differ. */
static clf_table correlated(int64_t rows) {
  clf_table t;
  WORKS(clf_table_new(rows, D, &t));
  drawn = 5;
  for (int64_t i = 0; i < rows; i++) {
    double *const x = t.at + i * D;
    x[0] = 2 + 3 * normal();
    x[1] = 0.5 * x[0] + normal();
    x[2] = -40 * x[1] + 30 * normal();
    x[3] = x[0] + 0.02 * x[2] + 0.5 * normal();
  }
  return t;
}

/* The largest distance of the mean of z from 0, and of its covariance from I, with rows weighted.
 */
static double off(const double *z, int64_t rows, int d, const double *weights) {
  double most = 0, all = 0;
  for (int64_t i = 0; i < rows; i++) all += weights ? weights[i] : 1;
  for (int a = 0; a < d; a++)
    for (int b = -1; b <= a; b++) { /* -1: the mean */
      double sum = 0;
      for (int64_t i = 0; i < rows; i++)
        sum += (weights ? weights[i] : 1) * z[i * d + a] * (b < 0 ? 1 : z[i * d + b]);
      most = fmax(most, fabs(sum / all - (a == b)));
    }
  return most;
}

/* The latents of the rows after a new trainer initialised the flow. */
static double *latents(clf_flow *f, const clf_train_data *data) {
  clf_train_options o = options_of(1, 16);
  clf_trainer *t = NULL;
  const int64_t n = data->x->rows;
  double *z = malloc((size_t)(n * data->x->cols) * sizeof *z);
  WORKS(clf_trainer_create_with(f, data, &o, &t));
  if (data->given)
    WORKS(clf_transform_given(f, data->x->at, data->given->at, n, z, NULL));
  else
    WORKS(clf_transform(f, data->x->at, n, z, NULL));
  clf_trainer_free(t);
  return z;
}

/* The output of the layer has mean 0 and covariance I after any layers, except that correlations
 * shrink by (8 D / ROWS)^2. */
START_TEST(output_is_white) {
  static const char *const texts[] = {
      "4: standardize, lu(whiten=1) -> normal",
      "4: lu(whiten=1) -> normal", /* no spread is above 1000 */
      "4: standardize, lu(whiten=1), perm(reverse), coupling(rq, mlp(6x1)), lu(whiten=1) -> normal",
      "4: actnorm, coupling(affine, mlp(6x1)), shift-scale(shift=5, scale=3), lu(whiten=1) -> "
      "normal",
      "4|1: standardize, coupling(affine(scale=exp), mlp(6x1)), lu(whiten=1) -> normal; "
      "context: standardize, mlp(4x1)->2"};
  clf_table data = correlated(ROWS), given;
  WORKS(clf_table_new(ROWS, 1, &given));
  for (int i = 0; i < ROWS; i++) given.at[i] = normal();
  clf_flow *f = flows_of(dev, texts[_i], 3);
  const int with = strchr(texts[_i], '|') != NULL;
  double *z = latents(f, &(clf_train_data){.x = &data, .given = with ? &given : NULL});
  const double far = off(z, ROWS, D, NULL);
  ck_assert_msg(far < 2e-4, "%s: %g", texts[_i], far);
  free(z);
  clf_flow_free(f);
  clf_table_free(&data);
  clf_table_free(&given);
}
END_TEST

/* Rows count by their weights; those of weight 0 have no influence. */
START_TEST(weights_count) {
  clf_table data = correlated(ROWS);
  double *weights = malloc(ROWS * sizeof *weights);
  for (int i = 0; i < ROWS; i++) {
    weights[i] = i % 3;
    if (i % 3 == 0) data.at[i * D] = 1e3;
  }
  clf_flow *f = flows_of(dev, "4: standardize, lu(whiten=1) -> normal", 3);
  double *z = latents(f, &(clf_train_data){.x = &data, .weights = weights});
  const double far = off(z, ROWS, D, weights);
  ck_assert_msg(far < 1e-3, "%g", far);
  free(z);
  free(weights);
  clf_flow_free(f);
  clf_table_free(&data);
}
END_TEST

/* Columns that follow from others, a constant one, fewer rows than columns, one row: new rows have
 * latents of a reasonable size. */
START_TEST(degenerate_rows) {
  static const int counts[] = {1, 2, 3, 12, 60, 400};
  const int n = counts[_i];
  clf_table t, other;
  WORKS(clf_table_new(n, 6, &t));
  WORKS(clf_table_new(200, 6, &other));
  drawn = 7;
  for (int64_t i = 0; i < n + 200; i++) {
    double *const x = i < n ? t.at + 6 * i : other.at + 6 * (i - n);
    x[0] = normal(), x[1] = normal(), x[2] = x[0] + x[1], x[3] = -7, x[4] = x[0];
    x[5] = x[1] + normal();
  }
  clf_flow *f = flows_of(dev, "6: lu(whiten=1) -> normal", 3);
  double *z = latents(f, &(clf_train_data){.x = &t}), square = 0;
  free(z);
  z = malloc(1200 * sizeof *z);
  WORKS(clf_transform(f, other.at, 200, z, NULL));
  for (int i = 0; i < 1200; i++) square += z[i] * z[i] / 200;
  ck_assert_msg(square < 40, "%d rows: %g", n, square);
  free(z);
  clf_flow_free(f);
  clf_table_free(&t);
  clf_table_free(&other);
}
END_TEST

/* A second trainer, or one of a loaded file, does not change the layer. */
START_TEST(rows_decide_once) {
  clf_table data = correlated(ROWS), other = correlated(ROWS);
  for (int i = 0; i < ROWS * D; i++) other.at[i] = 2 * other.at[i] * (i % 5);
  clf_flow *f = flows_of(dev, "4: lu(whiten=1), coupling(affine, mlp(6x1)) -> normal", 3), *loaded;
  free(latents(f, &(clf_train_data){.x = &data}));
  double *before = weights_of(f);
  void *bytes;
  size_t size;
  WORKS(clf_flow_save_memory(f, &bytes, &size));
  WORKS(clf_flow_load_memory(dev, bytes, size, NULL, &loaded));
  free(latents(f, &(clf_train_data){.x = &other}));
  free(latents(loaded, &(clf_train_data){.x = &other}));
  double *after = weights_of(f);
  ck_assert_mem_eq(before, after, (size_t)f->w.dim[0] * sizeof *before);
  ck_assert(same_weights(f, loaded));
  free(before), free(after), free(bytes);
  clf_flow_free(f);
  clf_flow_free(loaded);
  clf_table_free(&data);
  clf_table_free(&other);
}
END_TEST

/* A layer in a component of a blend is fitted to the output of the layers of that component. */
START_TEST(components_are_white) {
  clf_table data = correlated(ROWS);
  clf_train_options o = options_of(1, 16);
  clf_flow *f =
      flows_of(dev, "4: standardize -> blend(1: lu(whiten=1) -> normal; 1: -> normal)", 3);
  clf_flow *alone = flows_of(dev, "4: standardize, lu(whiten=1) -> normal", 3);
  clf_trainer *t = make_trainer(f, &data, &o);
  free(latents(alone, &(clf_train_data){.x = &data}));
  double *of_blend = weights_of(f), *want = weights_of(alone);
  int found = 0;
  for (int64_t i = 0; i + 16 <= f->w.dim[0]; i++)
    found |= !memcmp(of_blend + i, want, 16 * sizeof *want);
  ck_assert(found);
  free(of_blend), free(want);
  clf_trainer_free(t);
  clf_flow_free(f);
  clf_flow_free(alone);
  clf_table_free(&data);
}
END_TEST

/* A matrix that lu cannot represent is refused with a remedy, and the layer does not change. */
START_TEST(spreads_too_large) {
  clf_table data = correlated(ROWS);
  clf_train_options o = options_of(1, 16);
  clf_trainer *t = NULL;
  for (int i = 0; i < ROWS * D; i++) data.at[i] *= 1e4;
  clf_flow *f = flows_of(dev, "4: lu(whiten=1) -> normal", 3);
  double *before = weights_of(f);
  ck_assert_int_eq(clf_trainer_create(f, &data, &o, &t), CLF_ENUM);
  ck_assert_msg(strstr(clf_errmsg(), "put standardize before it"), "%s", clf_errmsg());
  double *after = weights_of(f);
  ck_assert_mem_eq(before, after, (size_t)f->w.dim[0] * sizeof *before);
  free(before), free(after);
  clf_flow_free(f);
  clf_table_free(&data);
}
END_TEST

START_TEST(inverted_layers) {
  clf_arch *arch = NULL;
  clf_flow *f = NULL;
  WORKS(clf_arch_parse("3: ~lu(whiten=1) -> normal", &arch));
  ck_assert_int_eq(clf_flow_create_arch(dev, arch, 1, &f), CLF_EINVAL);
  ck_assert_msg(strstr(clf_errmsg(), "leave out its ~"), "%s", clf_errmsg());
  clf_arch_free(arch);
}
END_TEST

void tests_of_whitening(TCase *tc) {
  tcase_add_loop_test(tc, output_is_white, 0, 5);
  tcase_add_test(tc, weights_count);
  tcase_add_loop_test(tc, degenerate_rows, 0, 6);
  tcase_add_test(tc, rows_decide_once);
  tcase_add_test(tc, components_are_white);
  tcase_add_test(tc, spreads_too_large);
  tcase_add_test(tc, inverted_layers);
}
