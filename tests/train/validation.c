/* SPDX-License-Identifier: MIT */
/* validation.c: separate validation rows, and weights of validation rows. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "flows.h"
#include "training.h"

enum { ROWS = 40, VALID = 12 };
static char *const ab[] = {"a", "b"}, *const ba[] = {"b", "a"}, *const bxa[] = {"b", "x", "a"};

/* Rows, validation rows, and a context and weights for each. */
typedef struct sets {
  clf_table x, valid, c, valid_c;
  double weights[ROWS], valid_weights[VALID];
  clf_train_data data;
} sets;

static void make(sets *s, int with_context) {
  memset(s, 0, sizeof *s);
  clf_table all = make_data(ROWS + VALID, 2);
  s->x = make_data(ROWS, 2);
  s->valid = make_data(VALID, 2);
  memcpy(s->valid.at, all.at + (int64_t)2 * ROWS, sizeof(double) * 2 * VALID);
  memcpy(s->x.at, all.at, sizeof(double) * 2 * ROWS);
  clf_table_free(&all);
  s->c = make_data(ROWS, 1);
  s->valid_c = make_data(VALID, 1);
  for (int i = 0; i < VALID; i++) s->valid_weights[i] = i % 3;
  for (int i = 0; i < ROWS; i++) s->weights[i] = 1 + i % 2;
  s->data = (clf_train_data){.x = &s->x, .valid = &s->valid};
  if (!with_context) return;
  s->data.given = &s->c;
  s->data.valid_given = &s->valid_c;
}

static void clear(sets *s) {
  clf_table *all[] = {&s->x, &s->valid, &s->c, &s->valid_c};
  for (int i = 0; i < 4; i++) all[i]->names = NULL; /* not theirs */
  for (int i = 0; i < 4; i++) clf_table_free(all[i]);
}

static clf_flow *flow_of(int with_context) {
  return with_context
             ? flows_of(dev, "2|1: coupling(rq(bins=4, tail=3), mlp(6x1, tanh)) -> normal", 3)
             : make_flow(CLF_NVP, 2);
}

static clf_trainer *trainer_of(clf_flow *f, const sets *s, const clf_train_options *o) {
  clf_trainer *t = NULL;
  WORKS(clf_trainer_create_with(f, &s->data, o, &t));
  return t;
}

/* Weighted mean of log p of the validation rows. */
static double mean_of(clf_flow *f, const sets *s) {
  double logp[VALID], sum = 0, all = 0;
  if (s->data.valid_given)
    WORKS(clf_log_prob_given(f, s->valid.at, s->valid_c.at, VALID, logp));
  else
    WORKS(clf_log_prob(f, s->valid.at, VALID, logp));
  for (int i = 0; i < VALID; i++) {
    const double w = s->data.valid_weights ? s->valid_weights[i] : 1;
    sum += w * logp[i];
    all += w;
  }
  return sum / all;
}

typedef struct seen {
  clf_flow *f;
  const sets *s;
  double best;
} seen;

static int compare(const clf_progress *p, void *context) {
  seen *e = context;
  if (!p->epoch_done) return 0;
  ck_assert_double_eq_tol(p->valid, mean_of(e->f, e->s), 1e-5);
  e->best = fmax(e->best, p->valid);
  return 0;
}

/* All rows of x are training rows; the weighted mean over the validation rows chooses the result.
 */
START_TEST(given_validation_rows) {
  sets s;
  make(&s, _i / 2);
  if (_i % 2) s.data.valid_weights = s.valid_weights;
  if (_i % 2) s.data.weights = s.weights;
  clf_train_options o = options_of(6, 8);
  o.standardize = 1;
  clf_flow *f = flow_of(_i / 2);
  clf_trainer *t = trainer_of(f, &s, &o);
  ck_assert_int_eq(t->source->rows, ROWS);
  ck_assert_int_eq(t->source->held_out, VALID);
  seen e = {f, &s, -INFINITY};
  WORKS(clf_trainer_run(t, compare, &e));
  const clf_history h = clf_flow_history(f);
  ck_assert_double_eq(h.valid, e.best);
  ck_assert_double_eq_tol(mean_of(f, &s), e.best, 1e-5);
  ck_assert_int_gt(h.best_epoch, 0);
  clf_trainer_free(t);
  clf_flow_free(f);
  clear(&s);
}
END_TEST

/* The log-det of bounds is weighted like log p. */
START_TEST(bounds_and_weights) {
  sets s;
  make(&s, 0);
  s.data.valid_weights = s.valid_weights;
  s.data.weights = s.weights;
  clf_train_options o = options_of(1, ROWS);
  o.lr = still;
  clf_flow *f = flows_of(dev, "2: logit(-5, 5), coupling(affine, mlp(4x1, tanh)) -> normal", 3);
  clf_trainer *t = trainer_of(f, &s, &o);
  seen e = {f, &s, -INFINITY};
  double logp[ROWS], sum = 0, all = 0;
  WORKS(clf_trainer_run(t, compare, &e));
  WORKS(clf_log_prob(f, s.x.at, ROWS, logp));
  for (int i = 0; i < ROWS; i++) {
    sum += s.weights[i] * logp[i];
    all += s.weights[i];
  }
  ck_assert_double_eq_tol(clf_flow_history(f).train, sum / all, 1e-5);
  clf_trainer_free(t);
  clf_flow_free(f);
  clear(&s);
}
END_TEST

/* Validation rows chosen from weighted rows have a weighted mean too. */
START_TEST(weights_of_a_split) {
  sets s;
  make(&s, 0);
  s.data = (clf_train_data){.x = &s.x, .weights = s.weights};
  for (int i = 0; i < ROWS; i++) s.weights[i] = i % 3;
  clf_train_options o = options_of(1, 8);
  o.valid_split = 0.3;
  o.lr = still;
  clf_flow *f = flow_of(0);
  clf_trainer *t = trainer_of(f, &s, &o);
  double logp[ROWS], sum = 0, all = 0;
  WORKS(clf_log_prob(f, s.x.at, ROWS, logp));
  for (int64_t i = 0; i < t->source->held_out; i++) {
    const int64_t row = t->source->index[i];
    sum += s.weights[row] * logp[row];
    all += s.weights[row];
  }
  WORKS(clf_trainer_run(t, NULL, NULL));
  ck_assert_double_eq_tol(clf_flow_history(f).valid, sum / all, 1e-5);
  clf_trainer_free(t);
  clf_flow_free(f);
  clear(&s);
}
END_TEST

/* Puts columns a, b in the order of `names`; others get 0. */
static void reorder(clf_table *t, char *const *names, int32_t cols) {
  clf_table other;
  WORKS(clf_table_new(t->rows, cols, &other));
  for (int64_t i = 0; i < t->rows; i++)
    for (int32_t d = 0; d < cols; d++)
      other.at[i * cols + d] = *names[d] == 'x' ? 0 : t->at[2 * i + (*names[d] == 'b')];
  t->names = NULL;
  clf_table_free(t);
  *t = other;
  t->names = (char **)(uintptr_t)names;
}

/* Columns in another order, or with others between, are the same validation rows. */
START_TEST(columns_by_name) {
  double best[3];
  for (int k = 0; k < 3; k++) {
    sets s;
    make(&s, 0);
    s.x.names = (char **)(uintptr_t)ab;
    s.valid.names = (char **)(uintptr_t)ab;
    if (k) reorder(&s.valid, k == 1 ? ba : bxa, k == 1 ? 2 : 3);
    const clf_train_options o = options_of(2, 8);
    clf_flow *f = flow_of(0);
    clf_trainer *t = trainer_of(f, &s, &o);
    WORKS(clf_trainer_run(t, NULL, NULL));
    best[k] = clf_flow_history(f).valid;
    clf_trainer_free(t);
    clf_flow_free(f);
    clear(&s);
  }
  ck_assert(isfinite(best[0]));
  ck_assert_double_eq(best[0], best[1]);
  ck_assert_double_eq(best[0], best[2]);
}
END_TEST

static int stop(const clf_progress *p, void *context) {
  (void)context;
  return p->epoch_done && p->epoch == 2;
}

/* A resumed training gives the same file. Other validation rows count as other data. */
START_TEST(resumes_with_the_same_rows) {
  sets s;
  make(&s, 0);
  s.data.valid_weights = s.valid_weights;
  const clf_train_options o = options_of(5, 8);
  for (int k = 0; k < 2; k++) {
    clf_flow *f = flow_of(0);
    clf_trainer *t = trainer_of(f, &s, &o);
    if (k) {
      ck_assert_int_eq(clf_trainer_run(t, stop, NULL), CLF_ESTOPPED);
      WORKS(clf_trainer_save(t, path_of("under way")));
      clf_trainer_free(t);
      clf_flow_free(f);
      WORKS(clf_flow_load(dev, path_of("under way"), NULL, &f));
      t = trainer_of(f, &s, &o);
      WORKS(clf_trainer_resume(t, path_of("under way")));
    }
    WORKS(clf_trainer_run(t, NULL, NULL));
    WORKS(clf_trainer_save(t, path_of(k ? "resumed" : "whole")));
    clf_trainer_free(t);
    clf_flow_free(f);
  }
  ck_assert(same_files("whole", "resumed"));
  for (int k = 0; k < 3; k++) {
    clf_flow *f = NULL;
    WORKS(clf_flow_load(dev, path_of("whole"), NULL, &f));
    if (k == 0) s.valid.at[3] += 1e-9;
    if (k == 1) s.valid.at[3] -= 1e-9, s.valid_weights[0] = 7;
    if (k == 2) s.data.valid = NULL, s.data.valid_weights = NULL;
    clf_trainer *t = trainer_of(f, &s, &o);
    ck_assert_int_eq(clf_trainer_resume(t, path_of("whole")), CLF_EFORMAT);
    ck_assert_ptr_nonnull(
        strstr(clf_errmsg(), "its training began with another value of the data"));
    clf_trainer_free(t);
    clf_flow_free(f);
  }
  clear(&s);
}
END_TEST

static void refused(const sets *s, int with_context, const clf_train_options *o, clf_status status,
                    const char *why) {
  clf_flow *f = flow_of(with_context);
  clf_trainer *t = NULL;
  REFUSED(clf_trainer_create_with(f, &s->data, o, &t), status, why);
  clf_flow_free(f);
}

START_TEST(validation_rows_that_are_refused) {
  sets s;
  clf_train_options o = options_of(1, 8);
  make(&s, 0);
  o.valid_split = 0.25;
  refused(&s, 0, &o, CLF_EINVAL,
          "valid_split is 0.25, but validation rows are given; it must be 0");
  o.valid_split = 0;
  s.data.valid = NULL;
  s.data.valid_weights = s.valid_weights;
  refused(&s, 0, &o, CLF_EINVAL, "a context or weights of validation rows are given, but no rows");
  s.data.valid = &s.c;
  refused(&s, 0, &o, CLF_ESHAPE, "the validation data have 1 columns, the flow has 2 dimensions");
  s.data.valid = &s.valid;
  s.valid_weights[4] = -1;
  refused(&s, 0, &o, CLF_ENUM, "the validation weight of row 5 is -1; it must be 0 or above");
  memset(s.valid_weights, 0, sizeof s.valid_weights);
  refused(&s, 0, &o, CLF_ENUM, "the weights of all validation rows are 0");
  s.data.valid_weights = NULL;
  s.valid.at[7] = NAN;
  refused(&s, 0, &o, CLF_ENUM, "row 4, column 2 of the validation data is nan");
  s.valid.at[7] = 0;
  s.x.names = (char **)(uintptr_t)ab;
  s.valid.names = (char **)(uintptr_t)(char *const[]){"a", "c"};
  refused(&s, 0, &o, CLF_EINVAL,
          "the validation data: no column is named \"b\"; the columns are: a, c");
  clear(&s);
  make(&s, 1);
  s.data.valid_given = NULL;
  refused(&s, 1, &o, CLF_EINVAL,
          "the flow takes a context of 1 number with each validation row, and none is given");
  s.data.valid_given = &s.c;
  refused(&s, 1, &o, CLF_ESHAPE, "the validation context has 40 rows, the validation data have 12");
  s.data.valid_given = &s.valid_c;
  s.valid_c.at[2] = INFINITY;
  refused(&s, 1, &o, CLF_ENUM, "row 3, column 1 of the validation context is inf");
  clear(&s);
}
END_TEST

/* The weights of all training rows, or of all validation rows, are 0. */
START_TEST(split_without_weight) {
  sets s;
  make(&s, 0);
  s.data = (clf_train_data){.x = &s.x, .weights = s.weights};
  clf_train_options o = options_of(1, 8);
  o.valid_split = 0.5;
  clf_flow *f = flow_of(0);
  clf_trainer *t = trainer_of(f, &s, &o);
  int held[ROWS] = {0};
  for (int64_t i = 0; i < t->source->held_out; i++) held[t->source->index[i]] = 1;
  clf_trainer_free(t);
  clf_flow_free(f);
  for (int i = 0; i < ROWS; i++) s.weights[i] = held[i];
  refused(&s, 0, &o, CLF_ENUM, "the weights of all training rows are 0");
  for (int i = 0; i < ROWS; i++) s.weights[i] = !held[i];
  refused(&s, 0, &o, CLF_ENUM, "the weights of all validation rows are 0");
  clear(&s);
}
END_TEST

void tests_of_validation(TCase *tc) {
  tcase_add_loop_test(tc, given_validation_rows, 0, 4);
  tcase_add_test(tc, bounds_and_weights);
  tcase_add_test(tc, weights_of_a_split);
  tcase_add_test(tc, columns_by_name);
  tcase_add_test(tc, resumes_with_the_same_rows);
  tcase_add_test(tc, validation_rows_that_are_refused);
  tcase_add_test(tc, split_without_weight);
}
