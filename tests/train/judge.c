/* SPDX-License-Identifier: MIT */
/* judge.c: remarks about data that have no density, or that overflow. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "training.h"

typedef struct judged {
  clf_table data;
  clf_flow *f;
  clf_trainer *t;
} judged;

static char *const names[] = {"age", "height of a person"};

/* Two independent columns with a normal distribution: the latents of a flow. */
static void with(judged *j, int64_t rows, void (*change)(double *x, int64_t i)) {
  const clf_train_options o = options_of(1, 10);
  *j = (judged){.f = make_flow(CLF_NVP, 2)};
  WORKS(clf_table_new(rows, 2, &j->data));
  WORKS(clf_sample_latents(j->f, 1, 0, rows, 1, j->data.at));
  for (int64_t i = 0; change && i < rows; i++) change(j->data.at + 2 * i, i);
  j->t = make_trainer(j->f, &j->data, &o);
}
static void clear(judged *j) {
  j->data.names = NULL;
  done(j->t, j->f, &j->data);
}

/* ---- Densities that grow without bound --------------------------------------------------------
 */

/* The remark at the end of epoch 7 with this mean log p; "": none. */
static const char *said(judged *j, double mean) {
  *j->t->unbounded = 0;
  j->t->last_mean = mean;
  clf__trainer_note_growth(j->t, 7);
  return j->t->unbounded;
}

static void says(judged *j, const char *what) {
  ck_assert_str_eq(said(j, j->t->ceiling - 0.01), "");
  const char *got = said(j, j->t->ceiling + 0.01);
  ck_assert_msg(strstr(got, what) != NULL, "%s", got);
  ck_assert_msg(strncmp(got, "epoch 7: the density grows without bound: mean log p is ", 56) == 0,
                "%s", got);
  ck_assert_str_eq(said(j, j->t->ceiling + 2), ""); /* it was made before */
  clear(j);
}

/* A standard normal has a mean log p of -1.419 for each column. */
START_TEST(room_that_data_leave) {
  judged j;
  with(&j, 3000, NULL);
  ck_assert_str_eq(said(&j, NAN), "");
  ck_assert_str_eq(said(&j, INFINITY), "");
  ck_assert_str_eq(said(&j, -2.838), "");
  ck_assert_double_eq_tol(j.t->ceiling, -2 * 1.419 + 3 + 1, 0.1);
  says(&j, "hold rows out (--valid-split)");
}
END_TEST

static void bits(double *x, int64_t i) { x[0] = 3.0 * (double)(i % 2); }
START_TEST(a_column_of_two_values) {
  judged j;
  with(&j, 3000, bits);
  j.data.names = (char **)names;
  ck_assert_str_eq(said(&j, -5), "");
  ck_assert_double_eq_tol(j.t->ceiling, log(0.5) - log(3) - 1.419 + 3 + 1, 0.1);
  says(&j,
       "; column 1 (age) has only 2 distinct values in 3000 rows, so it has no density: add noise "
       "of one step, 3, to it (--discrete 1)");
}
END_TEST

static void constant(double *x, int64_t i) {
  x[0] = 0.25 * round(4 * x[0]);
  x[1] = i < 0 ? 0 : 2.5;
}
START_TEST(a_column_of_one_value) {
  judged j;
  with(&j, 200, constant);
  ck_assert_str_eq(said(&j, -5), "");
  says(&j, "; column 2 is 2.5 in every row, so it has no density: leave it out");
}
END_TEST

static void often_zero(double *x, int64_t i) {
  if (i % 5 == 0) x[1] = 0;
}
START_TEST(a_value_that_is_frequent) {
  judged j;
  with(&j, 500, often_zero);
  ck_assert_str_eq(said(&j, -5), "");
  ck_assert(isfinite(j.t->ceiling));
  says(&j, "; column 2 is 0 in 100 of 500 rows, so it has no density there: leave these rows out");
}
END_TEST

/* A single row far away does not mean that the others are concentrated. */
static void outlier(double *x, int64_t i) {
  if (i == 17) x[0] = x[1] = 1e6;
}
START_TEST(an_outlier_leaves_no_more_room) {
  judged j;
  with(&j, 3000, outlier);
  ck_assert_str_eq(said(&j, -5), "");
  ck_assert_double_lt(j.t->ceiling, 2);
  clear(&j);
}
END_TEST

START_TEST(too_few_rows_to_judge) {
  judged j;
  with(&j, 19, bits);
  ck_assert_str_eq(said(&j, 1e6), "");
  clear(&j);
}
END_TEST

static int tell(const clf_progress *p, void *context) {
  int *told = context;
  if (!p->unbounded) return 0;
  ck_assert_msg(p->epoch_done && strstr(p->unbounded, "column 1 has only 2 distinct"), "%s",
                p->unbounded);
  ++*told;
  return 0;
}

/* The remark is reported once. */
START_TEST(it_is_reported) {
  int told = 0;
  judged j;
  with(&j, 40, bits);
  j.t->ceiling = -1e6;
  j.t->o.epochs = 3;
  WORKS(clf_trainer_run(j.t, tell, &told));
  ck_assert_int_eq(told, 1);
  clear(&j);
}
END_TEST

/* ---- Remedies ----------------------------------------------------------------------------------
 */

static void helps(judged *j, const char *want) {
  char text[CLF_SENTENCE];
  clf__trainer_remedy(j->t, text, sizeof text);
  ck_assert_str_eq(text, want);
  clear(j);
}

static void far_away(double *x, int64_t i) { x[1] = i == 3 ? 320 : 293 + x[1]; }
static void typo(double *x, int64_t i) {
  if (i == 17) x[1] = -2e4;
}

START_TEST(what_helps) {
  judged j;
  with(&j, 100, far_away);
  j.data.names = (char **)names;
  helps(&j, "column 2 (height of a person) has values as large as 320: standardised data "
            "(--standardize) may keep them finite");
  with(&j, 100, typo);
  helps(&j, "column 2 of row 18 is -20000, far from the other rows: check it or leave it out");
  with(&j, 100, bits);
  helps(&j, "column 1 has only 2 distinct values in 100 rows, so it has no density: add noise of "
            "one step, 3, to it (--discrete 1)");
  with(&j, 100, NULL);
  helps(&j, "a smaller lr, a clip or a bound s_max may keep them finite");
  with(&j, 100, NULL);
  j.t->o.clip = 5;
  j.f->spec.s_max = 2;
  helps(&j, "a smaller lr, a smaller clip or a smaller s_max may keep them finite");
}
END_TEST

/* Large values do not matter once they are standardised. */
START_TEST(what_helps_standardised_data) {
  const double mean[2] = {0, 293}, std[2] = {1, 5};
  judged j;
  with(&j, 100, far_away);
  WORKS(clf_flow_set_scaling(j.f, mean, std));
  helps(&j, "a smaller lr, a clip or a bound s_max may keep them finite");
}
END_TEST

void tests_of_judge(TCase *tc) {
  tcase_add_test(tc, room_that_data_leave);
  tcase_add_test(tc, a_column_of_two_values);
  tcase_add_test(tc, a_column_of_one_value);
  tcase_add_test(tc, a_value_that_is_frequent);
  tcase_add_test(tc, an_outlier_leaves_no_more_room);
  tcase_add_test(tc, too_few_rows_to_judge);
  tcase_add_test(tc, it_is_reported);
  tcase_add_test(tc, what_helps);
  tcase_add_test(tc, what_helps_standardised_data);
}
