/* SPDX-License-Identifier: MIT */
/* rows.c: which rows are for training, validation and test.
 *
 * Tables with fewer than 300 rows cannot spare rows for validation: the rows that are not for
 * testing are divided into five folds, each candidate is fitted five times, and each row
 * validates the one model that was not trained on it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "fit_private.h"
#include "names.h"
#include "table_rows.h"

/* ---- Copies -------------------------------------------------------------------------------- */

void clf__fit_rows_free(clf__fit_rows *r) {
  r->x.names = r->given.names = NULL; /* owned by the data, as the descriptions are */
  r->x.columns = r->given.columns = NULL;
  clf_table_free(&r->x);
  clf_table_free(&r->given);
  free(r->weights);
  *r = (clf__fit_rows){0};
}

static clf_status copy_table(const clf_table *from, const int64_t *index, int64_t n,
                             clf_table *to) {
  CLF_TRY(clf_table_new(n, from->cols, to));
  to->names = from->names;
  to->columns = from->columns;
  for (int64_t i = 0; i < n; i++)
    memcpy(to->at + i * from->cols, from->at + index[i] * from->cols,
           (size_t)from->cols * sizeof *to->at);
  return CLF_OK;
}

static clf_status copy_rows(const clf_fit_data *from, const int64_t *index, int64_t n,
                            clf__fit_rows *to) {
  *to = (clf__fit_rows){0};
  if (!n) return CLF_OK;
  CLF_TRY(copy_table(from->x, index, n, &to->x));
  if (from->given) CLF_TRY(copy_table(from->given, index, n, &to->given));
  if (!from->weights) return CLF_OK;
  to->weights = malloc((size_t)n * sizeof *to->weights);
  if (!to->weights) return clf__fail(CLF_ENOMEM, "no memory for the weights of rows");
  for (int64_t i = 0; i < n; i++) to->weights[i] = from->weights[index[i]];
  return CLF_OK;
}

clf_train_data clf__fit_train_data(const clf__fit_rows *train, const clf__fit_rows *valid) {
  clf_train_data d = {
      .x = &train->x, .given = train->given.at ? &train->given : NULL, .weights = train->weights};
  if (!valid) return d;
  d.valid = &valid->x;
  d.valid_given = valid->given.at ? &valid->given : NULL;
  d.valid_weights = valid->weights;
  return d;
}

/* ---- Division ------------------------------------------------------------------------------ */

static int64_t rows_in(const clf__fit *f, int role) {
  int64_t n = 0;
  for (int64_t i = 0; i < f->data->x->rows; i++) n += f->role[i] == role;
  return n;
}

/* If a given split has no validation rows: draws some of the training rows. */
static clf_status draw_valid(clf__fit *f) {
  const int64_t N = f->data->x->rows, train = rows_in(f, CLF_ROW_TRAIN);
  uint8_t *drawn = malloc((size_t)train);
  if (!drawn) return clf__fail(CLF_ENOMEM, "no memory to divide the rows");
  const clf_status s = clf_split_rows(train, f->o.valid, 0, f->o.seed, drawn);
  for (int64_t i = 0, j = 0; i < N && !s; i++)
    if (f->role[i] == CLF_ROW_TRAIN) f->role[i] = drawn[j++];
  free(drawn);
  return s;
}

static clf_status take_roles(clf__fit *f) {
  const int64_t N = f->data->x->rows;
  memcpy(f->role, f->data->part, (size_t)N);
  for (int64_t i = 0; i < N; i++)
    if (f->role[i] > CLF_ROW_TEST)
      return clf__fail(
          CLF_EINVAL,
          "part %d of row %lld is unknown; 0 is for training, 1 for validation, 2 for testing",
          f->role[i], (long long)i + 1);
  const int folds = rows_in(f, CLF_ROW_TRAIN) < CLF_FIT_FEW_ROWS;
  return folds || rows_in(f, CLF_ROW_VALID) ? CLF_OK : draw_valid(f);
}

static clf_status assign(clf__fit *f) {
  const int64_t N = f->data->x->rows;
  f->role = malloc((size_t)N);
  if (!f->role) return clf__fail(CLF_ENOMEM, "no memory to divide the rows");
  if (f->data->part) return take_roles(f);
  const double valid = N < CLF_FIT_FEW_ROWS ? 0 : f->o.valid;
  return clf_split_rows(N, valid, f->o.test, f->o.seed, f->role);
}

/* The rows whose mark is (or is not) `mark`, in order. */
static int64_t list(const uint8_t *marks, int64_t n, int mark, int is, int64_t *index) {
  int64_t count = 0;
  for (int64_t i = 0; i < n; i++)
    if ((marks[i] == mark) == is) index[count++] = i;
  return count;
}

/* The training rows, with a fold each, drawn by the seed. */
static clf_status draw_folds(const clf__fit *f, int64_t rows, uint8_t *fold) {
  int64_t next = 0;
  uint8_t *order = malloc((size_t)rows);
  if (!order) return clf__fail(CLF_ENOMEM, "no memory for folds");
  clf_status s = CLF_OK;
  memset(fold, CLF_FIT_FOLDS - 1, (size_t)rows);
  for (int k = 0; k < CLF_FIT_FOLDS - 1 && !s; k++) {
    const int64_t left = rows - next, take = rows * (k + 1) / CLF_FIT_FOLDS - next;
    s = clf_split_rows(left, (double)take / (double)left, 0, f->o.seed + 1 + (uint64_t)k, order);
    int64_t j = 0; /* among those without a fold */
    for (int64_t i = 0; i < rows && !s; i++)
      if (fold[i] == CLF_FIT_FOLDS - 1 && order[j++] == CLF_ROW_VALID) fold[i] = (uint8_t)k;
    next += take;
  }
  free(order);
  return s;
}

static clf_fit_data view(const clf__fit_rows *r) {
  return (clf_fit_data){.x = &r->x, .given = r->given.at ? &r->given : NULL, .weights = r->weights};
}

static clf_status make_folds(clf__fit *f, int64_t *index) {
  const int64_t N = f->learn.x.rows;
  const clf_fit_data all = view(&f->learn);
  uint8_t *fold = malloc((size_t)N);
  if (!fold) return clf__fail(CLF_ENOMEM, "no memory for folds");
  clf_status s = draw_folds(f, N, fold);
  int64_t first = 0;
  f->splits = CLF_FIT_FOLDS;
  for (int k = 0; k < CLF_FIT_FOLDS && !s; k++) {
    clf__fit_split *to = &f->split[k];
    s = copy_rows(&all, index, list(fold, N, k, 0, index), &to->train);
    if (!s) s = copy_rows(&all, index, list(fold, N, k, 1, index), &to->valid);
    to->first = first;
    first += to->valid.x.rows;
  }
  free(fold);
  return s;
}

static clf_status make_split(clf__fit *f, int64_t *index) {
  const int64_t N = f->data->x->rows;
  clf__fit_split *to = &f->split[0];
  f->splits = 1;
  CLF_TRY(copy_rows(f->data, index, list(f->role, N, CLF_ROW_TRAIN, 1, index), &to->train));
  return copy_rows(f->data, index, list(f->role, N, CLF_ROW_VALID, 1, index), &to->valid);
}

static clf_status check_weights(const clf__fit *f, const clf__fit_rows *rows, const char *name,
                                int k) {
  char which[48], of[24] = "";
  if (f->splits > 1) snprintf(of, sizeof of, " of fold %d", k + 1);
  snprintf(which, sizeof which, "%s rows%s", name, of);
  return clf__check_weights(rows->weights, rows->x.rows, "", which);
}

/* Each part needs a weight of its own: all weights together may be those of other parts. */
static clf_status check_parts(const clf__fit *f) {
  for (int k = 0; k < f->splits; k++) {
    CLF_TRY(check_weights(f, &f->split[k].train, "training", k));
    CLF_TRY(check_weights(f, &f->split[k].valid, "validation", k));
  }
  return f->test.x.rows ? clf__check_weights(f->test.weights, f->test.x.rows, "", "test rows")
                        : CLF_OK;
}

/* The weights of the validation rows, in the order of the splits. */
static clf_status gather_weights(clf__fit *f) {
  for (int k = 0; k < f->splits; k++) f->judges += f->split[k].valid.x.rows;
  if (!f->data->weights) return CLF_OK;
  f->judge_weights = malloc((size_t)f->judges * sizeof *f->judge_weights);
  if (!f->judge_weights) return clf__fail(CLF_ENOMEM, "no memory for the weights of rows");
  for (int k = 0; k < f->splits; k++)
    memcpy(f->judge_weights + f->split[k].first, f->split[k].valid.weights,
           (size_t)f->split[k].valid.x.rows * sizeof *f->judge_weights);
  return CLF_OK;
}

static clf_status divide(clf__fit *f, int64_t *index) {
  const int64_t N = f->data->x->rows;
  CLF_TRY(copy_rows(f->data, index, list(f->role, N, CLF_ROW_TEST, 1, index), &f->test));
  CLF_TRY(copy_rows(f->data, index, list(f->role, N, CLF_ROW_TEST, 0, index), &f->learn));
  CLF_TRY(rows_in(f, CLF_ROW_VALID) ? make_split(f, index) : make_folds(f, index));
  CLF_TRY(check_parts(f));
  return gather_weights(f);
}

static clf_status check_enough(const clf__fit *f) {
  const int64_t N = f->data->x->rows, train = N - rows_in(f, CLF_ROW_TEST);
  if (train >= 2 * CLF_FIT_FOLDS) return CLF_OK;
  return clf__fail(CLF_EINVAL,
                   "there are %lld rows to train and validate on; at least %d are needed",
                   (long long)train, 2 * CLF_FIT_FOLDS);
}

clf_status clf__fit_divide(clf__fit *f) {
  const int64_t N = f->data->x->rows;
  CLF_TRY(assign(f));
  CLF_TRY(check_enough(f));
  int64_t *index = calloc((size_t)N, sizeof *index);
  if (!index) return clf__fail(CLF_ENOMEM, "no memory to divide the rows");
  const clf_status s = divide(f, index);
  free(index);
  return s;
}

clf_status clf__fit_thin(const clf__fit_rows *from, int64_t maximum, clf__fit_rows *to) {
  const clf_fit_data all = view(from);
  int64_t *index = malloc((size_t)maximum * sizeof *index);
  if (!index) return clf__fail(CLF_ENOMEM, "no memory for %lld rows", (long long)maximum);
  for (int64_t i = 0; i < maximum; i++) index[i] = i * from->x.rows / maximum;
  const clf_status s = copy_rows(&all, index, maximum, to);
  free(index);
  return s;
}

clf_status clf__fit_copy_all(clf__fit *f) {
  const int64_t N = f->data->x->rows;
  int64_t *index = malloc((size_t)N * sizeof *index);
  if (!index) return clf__fail(CLF_ENOMEM, "no memory for %lld rows", (long long)N);
  for (int64_t i = 0; i < N; i++) index[i] = i;
  const clf_status s = copy_rows(f->data, index, N, &f->all);
  free(index);
  return s;
}

void clf__fit_divide_free(clf__fit *f) {
  for (int k = 0; k < CLF_FIT_FOLDS; k++) {
    clf__fit_rows_free(&f->split[k].train);
    clf__fit_rows_free(&f->split[k].valid);
  }
  clf__fit_rows_free(&f->learn);
  clf__fit_rows_free(&f->test);
  clf__fit_rows_free(&f->all);
  free(f->judge_weights);
  free(f->role);
}
