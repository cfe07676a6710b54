/* SPDX-License-Identifier: MIT */
/* table_rows.c: the rows of a table for training: checks, and conversion for the device. */
#include "table_rows.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include "names.h"

/* ---- Checks ------------------------------------------------------------------------------- */

static clf_status check_finite(const clf_table *t, const char *what, const char *of) {
  for (int64_t i = 0; i < t->rows * t->cols; i++)
    if (!isfinite(t->at[i]))
      return clf__fail(CLF_ENUM, "row %lld, %s of the %s%s is %g", (long long)(i / t->cols) + 1,
                       clf__column_label(t->names, (int32_t)(i % t->cols)).s, what, of, t->at[i]);
  return CLF_OK;
}

static clf_status check_data(const clf__table_rows *r, const clf_flow *f) {
  const clf_table *data = r->data;
  if (!data->at || data->rows < 1) return clf__fail(CLF_EINVAL, "the %sdata have no rows", r->what);
  if (data->cols != f->spec.dim)
    return clf__fail(CLF_ESHAPE, "the %sdata have %d columns, the flow has %d dimensions", r->what,
                     (int)data->cols, (int)f->spec.dim);
  if (data->rows > INT32_MAX / data->cols)
    return clf__fail(CLF_ENOTSUP, "%lld rows of %d columns are more than one device buffer holds",
                     (long long)data->rows, (int)data->cols);
  CLF_TRY(clf__flow_check_columns(f, data->names));
  return check_finite(data, r->what, "data");
}

clf_status clf__check_given_rows(const clf_flow *f, const clf_table *given, int64_t rows,
                                 const char *what, const char *sample) {
  if (!f->context && !given) return CLF_OK;
  if (!given)
    return clf__fail(CLF_EINVAL,
                     "the flow takes a context of %d number%s with each %s%s, and none is given",
                     (int)f->context, f->context == 1 ? "" : "s", what, sample);
  if (!f->context) return clf__fail(CLF_EINVAL, "the flow takes no context");
  if (given->cols != f->context)
    return clf__fail(CLF_ESHAPE, "the %scontext has %d columns, the flow takes %d", what,
                     (int)given->cols, (int)f->context);
  if (!given->at || given->rows != rows)
    return clf__fail(CLF_ESHAPE, "the %scontext has %lld rows, the %sdata have %lld", what,
                     (long long)given->rows, what, (long long)rows);
  CLF_TRY(check_finite(given, what, "context"));
  for (int64_t i = 0; i < given->rows && !(f->standardizes & CLF_THE_CONTEXT); i++)
    CLF_TRY(clf__check_given(f, given->at + i * given->cols, i));
  return CLF_OK;
}

clf_status clf__check_weights(const double *weights, int64_t rows, const char *what,
                              const char *which) {
  double sum = 0;
  for (int64_t i = 0; i < rows && weights; i++) {
    if (!(weights[i] >= 0 && isfinite(weights[i])))
      return clf__fail(CLF_ENUM, "the %sweight of row %lld is %g; it must be 0 or above", what,
                       (long long)i + 1, weights[i]);
    sum += weights[i];
  }
  if (weights && !isfinite(sum))
    return clf__fail(CLF_ENUM, "the sum of the %sweights is too large; divide them by a constant",
                     what);
  return !weights || sum > 0 ? CLF_OK : clf__fail(CLF_ENUM, "the weights of all %s are 0", which);
}

/* ---- Columns by name ---------------------------------------------------------------------- */

static int same_names(const clf_table *t, const clf_table *like) {
  if (!t->names || !like->names) return 1;
  if (t->cols != like->cols) return 0;
  for (int32_t d = 0; d < t->cols; d++)
    if (!t->names[d] || !like->names[d] || strcmp(t->names[d], like->names[d]) != 0) return 0;
  return 1;
}

/* Replaces *t by a copy with the columns in the order of `like`, if that differs. */
static clf_status match(const clf_table **t, const clf_table *like, const char *of,
                        clf_table *copy) {
  const clf_table *from = *t;
  char why[512];
  if (!from || !like || !from->at || from->rows < 1 || same_names(from, like)) return CLF_OK;
  CLF_TRY(clf_table_new(from->rows, from->cols, copy));
  memcpy(copy->at, from->at, (size_t)from->rows * (size_t)from->cols * sizeof *copy->at);
  copy->names = clf__names_copy(from->names, from->cols);
  if (!copy->names) return clf__fail(CLF_ENOMEM, "no memory for %d names", (int)from->cols);
  const clf_status s = clf_table_match(copy, like->names, like->cols);
  *t = copy;
  if (!s) return CLF_OK;
  snprintf(why, sizeof why, "%s", clf_errmsg());
  return clf__fail(s, "the validation %s: %s", of, why);
}

clf_status clf__rows_open(clf__table_rows *r, const clf_flow *f, const clf__table_rows *like) {
  if (like) {
    CLF_TRY(match(&r->data, like->data, "data", &r->copy[0]));
    CLF_TRY(match(&r->given, like->given, "context", &r->copy[1]));
  }
  CLF_TRY(check_data(r, f));
  CLF_TRY(clf__check_given_rows(f, r->given, r->data->rows, r->what, "row"));
  return clf__check_weights(r->weights, r->data->rows, r->what,
                            like ? "validation rows" : "training rows");
}

void clf__rows_free(clf__table_rows *r) {
  clf_table_free(&r->copy[0]);
  clf_table_free(&r->copy[1]);
  free(r->noisy.at);
}

/* ---- Conversion for the device --------------------------------------------------------------- */

clf_status clf__rows_add_noise(clf__table_rows *r, const clf_flow *f, uint64_t seed) {
  const clf_table *data = r->data;
  if (!clf__flow_is_discrete(f)) return CLF_OK;
  r->noisy = (clf_table){.rows = data->rows, .cols = data->cols, .names = data->names};
  r->noisy.at = malloc((size_t)data->rows * (size_t)data->cols * sizeof *r->noisy.at);
  if (!r->noisy.at) return clf__fail(CLF_ENOMEM, "no memory for %lld rows", (long long)data->rows);
  r->data = &r->noisy;
  return clf__add_noise(f, data, seed, r->noisy.at);
}

static clf_status refuse(const clf__table_rows *r, const clf_flow *f, int64_t row,
                         const double *x) {
  double interval[2] = {0, 0};
  unsigned traits = 0;
  const int32_t d = clf__flow_outside(f, x, interval, &traits);
  const char *label = clf__column_label(r->data->names, d < 0 ? 0 : d).s;
  if (d < 0) return CLF_OK;
  if (f->traits & CLF_TAKES_PIXELS)
    return clf__fail(CLF_ENUM, "row %lld, column %lld of the %sdata is %g; pixels are 0 to %d",
                     (long long)row + 1, (long long)d + 1, r->what, x[d], (int)interval[1]);
  if (traits & CLF_COULD_HAVE_TAILS)
    return clf__fail(CLF_ENUM,
                     "row %lld of the %sdata is %g, outside the interval %g to %g; widen it, "
                     "or continue the flow by linear tails",
                     (long long)row + 1, r->what, x[d], interval[0], interval[1]);
  return clf__fail(CLF_ENUM, "row %lld, %s of the %sdata is %g, outside the interval %g to %g",
                   (long long)row + 1, label, r->what, x[d], interval[0], interval[1]);
}

clf_status clf__rows_put(const clf__table_rows *r, const clf_flow *f, int64_t row, double *to,
                         double *logdet) {
  const int32_t D = r->data->cols, C = r->given ? r->given->cols : 0;
  const double *x = r->data->at + row * D;
  *logdet = clf__head_forward(f, x, to) - clf__flow_scaling_logdet(f);
  if (f->traits & CLF_IS_BOUNDED || f->head) CLF_TRY(refuse(r, f, row, x));
  for (int32_t d = 0; d < D; d++)
    if (f->dev->bits == 32 && !isfinite((float)to[d]))
      return clf__fail(CLF_ENUM, "row %lld, %s of the %sdata is %g: too large for a float",
                       (long long)row + 1, clf__column_label(r->data->names, d).s, r->what, x[d]);
  for (int32_t j = 0; j < C; j++) to[D + j] = clf__given_scaled(f, r->given, row, j);
  return CLF_OK;
}

static uint64_t add_sum(uint64_t sum, const double *v, int64_t n) {
  return v ? crc32_z((uLong)sum, (const unsigned char *)v, (size_t)n * sizeof *v) : sum;
}

uint64_t clf__rows_sum(const clf__table_rows *r) {
  return add_sum(clf_table_checksum(r->data, r->given), r->weights, r->data->rows);
}
