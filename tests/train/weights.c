/* SPDX-License-Identifier: MIT */
/* weights.c: weights of rows. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "flows.h"
#include "training.h"

static const char *const flows[] = {"nvp", "nice", "piecewise",
                                    "2: (coupling(rq(bins=4, tail=3), mlp(8x1, tanh)))*2 -> normal",
                                    "2: (ar(rq(bins=4, tail=3), made(8x1, tanh)))*2 -> student(5)"};
enum { FLOWS = sizeof flows / sizeof *flows, ROWS = 12 };

static int32_t dim_of_flow(int i) { return i == 2 ? 1 : 2; }

static clf_flow *flow_of(int i) {
  static const clf_kind kinds[] = {CLF_NVP, CLF_NICE, CLF_PIECEWISE};
  return i < 3 ? make_flow(kinds[i], dim_of_flow(i)) : flows_of(dev, flows[i], 3);
}

/* Adam's first moments after one step over all rows, which are the gradient times 1 - beta1, and
 * the loss. */
static double *gradient_of(int flow, const clf_train_data *data, int32_t part, float *loss) {
  clf_train_options o = options_of(1, 64);
  clf_trainer *t = NULL;
  clf_flow *f = flow_of(flow);
  o.shuffle = 0;
  o.part = part;
  WORKS(clf_trainer_create_with(f, data, &o, &t));
  double *m = calloc((size_t)f->w.dim[0], sizeof *m);
  WORKS(clf__trainer_steps(t, 1));
  WORKS(clf_read(dev, clf__trainer_slot(t, 0), loss));
  WORKS(clf_read64(dev, t->m, m));
  clf_trainer_free(t);
  clf_flow_free(f);
  return m;
}

/* The first `rows` rows; with `doubled`, each odd row twice. */
static clf_table rows_of(int32_t dim, int doubled) {
  clf_table all = make_data(ROWS, dim), t;
  WORKS(clf_table_new(ROWS * (doubled ? 3 : 2) / 2, dim, &t));
  for (int64_t i = 0, at = 0; i < ROWS; i++)
    for (int k = 0; k < (doubled && i % 2 ? 2 : 1); k++, at++)
      memcpy(t.at + at * dim, all.at + i * dim, (size_t)dim * sizeof *t.at);
  clf_table_free(&all);
  return t;
}

/* A row of weight 2 equals two rows; a common factor of all weights does not matter. */
START_TEST(weights_are_repetitions) {
  const int32_t D = dim_of_flow(_i);
  clf_table once = rows_of(D, 0), twice = rows_of(D, 1);
  double weights[ROWS];
  float loss[3];
  once.rows = ROWS;
  for (int i = 0; i < ROWS; i++) weights[i] = i % 2 ? 5 : 2.5;
  double *want = gradient_of(_i, &(clf_train_data){.x = &twice}, 0, &loss[0]);
  double *got[2];
  for (int k = 0; k < 2; k++)
    got[k] =
        gradient_of(_i, &(clf_train_data){.x = &once, .weights = weights}, k ? 5 : 0, &loss[k + 1]);
  clf_flow *f = flow_of(_i);
  const double most = dev->bits == 64 ? 1e-7 : 2e-6;
  for (int k = 0; k < 2; k++) {
    ck_assert_float_eq_tol(loss[0], loss[k + 1], 1e-5f);
    for (int64_t i = 0; i < f->w.dim[0]; i++)
      ck_assert_msg(fabs(want[i] - got[k][i]) <= most * (1 + fabs(want[i])),
                    "%s: number %d of the gradient is %.9g, not %.9g", flows[_i], (int)i, got[k][i],
                    want[i]);
    free(got[k]);
  }
  clf_flow_free(f);
  free(want);
  clf_table_free(&once);
  clf_table_free(&twice);
}
END_TEST

/* Rows of weight 0 have no influence on loss and gradient. */
START_TEST(rows_without_weight) {
  clf_table all = make_data(ROWS, 2), half = make_data(ROWS, 2);
  double weights[ROWS] = {0};
  float loss[2];
  half.rows = ROWS / 2;
  for (int i = 0; i < ROWS / 2; i++) weights[i] = 1;
  double *want = gradient_of(0, &(clf_train_data){.x = &half}, 0, &loss[0]);
  double *got = gradient_of(0, &(clf_train_data){.x = &all, .weights = weights}, 0, &loss[1]);
  clf_flow *f = flow_of(0);
  ck_assert_float_eq_tol(loss[0], loss[1], 1e-5f);
  for (int64_t i = 0; i < f->w.dim[0]; i++)
    ck_assert_double_eq_tol(want[i], got[i], 1e-6 * (1 + fabs(want[i])));
  clf_flow_free(f);
  free(want);
  free(got);
  clf_table_free(&all);
  clf_table_free(&half);
}
END_TEST

/* Other weights count as other data. */
START_TEST(weights_belong_to_a_training) {
  clf_table data = make_data(ROWS, 2);
  double weights[ROWS];
  for (int i = 0; i < ROWS; i++) weights[i] = 1 + i;
  const clf_train_options o = options_of(2, 5);
  const clf_train_data with = {.x = &data, .weights = weights};
  clf_flow *f = flow_of(0), *g = NULL;
  clf_trainer *t = NULL;
  WORKS(clf_trainer_create_with(f, &with, &o, &t));
  WORKS(clf_trainer_run(t, NULL, NULL));
  WORKS(clf_trainer_save(t, path_of("weighted")));
  clf_trainer_free(t);
  for (int k = 0; k < 3; k++) {
    WORKS(clf_flow_load(dev, path_of("weighted"), NULL, &g));
    if (k == 1) weights[3] = 7;
    WORKS(k == 2 ? clf_trainer_create(g, &data, &o, &t)
                 : clf_trainer_create_with(g, &with, &o, &t));
    const clf_status s = clf_trainer_resume(t, path_of("weighted"));
    ck_assert_int_eq(s, k ? CLF_EFORMAT : CLF_OK);
    clf_trainer_free(t);
    clf_flow_free(g);
  }
  weights[4] = -1;
  REFUSED(clf_trainer_create_with(f, &with, &o, &t), CLF_ENUM,
          "the weight of row 5 is -1; it must be 0 or above");
  memset(weights, 0, sizeof weights);
  REFUSED(clf_trainer_create_with(f, &with, &o, &t), CLF_ENUM,
          "the weights of all training rows are 0");
  clf_flow_free(f);
  clf_table_free(&data);
}
END_TEST

void tests_of_weights(TCase *tc) {
  tcase_add_loop_test(tc, weights_are_repetitions, 0, FLOWS);
  tcase_add_test(tc, rows_without_weight);
  tcase_add_test(tc, weights_belong_to_a_training);
}
