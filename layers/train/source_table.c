/* SPDX-License-Identifier: MIT */
/* source_table.c: samples of a table, which lies on the device whole. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include "mlp_coupling.h"
#include "names.h"
#include "source.h"

static clf_status check_table(const clf_flow *f, const clf_table *data) {
  if (!data->at || data->rows < 1) return clf__fail(CLF_EINVAL, "the data have no rows");
  if (data->cols != f->spec.dim)
    return clf__fail(CLF_ESHAPE, "the data have %d columns, the flow has %d dimensions",
                     (int)data->cols, (int)f->spec.dim);
  if (data->rows > INT32_MAX / data->cols)
    return clf__fail(CLF_ENOTSUP, "%lld rows of %d columns are more than one device buffer holds",
                     (long long)data->rows, (int)data->cols);
  CLF_TRY(clf__flow_check_columns(f, data->names));
  for (int64_t i = 0; i < data->rows * data->cols; i++)
    if (!isfinite(data->at[i]))
      return clf__fail(CLF_ENUM, "row %lld, %s of the data is %g", (long long)(i / data->cols),
                       clf__column_label(data->names, (int32_t)(i % data->cols)).s, data->at[i]);
  return CLF_OK;
}

/* ---- Context and weights ----------------------------------------------------------------------
 */

static clf_status check_given(const clf_flow *f, const clf_table *data, const clf_table *given) {
  if (!f->context && !given) return CLF_OK;
  if (!given)
    return clf__fail(CLF_EINVAL,
                     "the flow takes a context of %d number%s with each row, and none is given",
                     (int)f->context, f->context == 1 ? "" : "s");
  if (!f->context) return clf__fail(CLF_EINVAL, "the flow takes no context");
  if (given->cols != f->context)
    return clf__fail(CLF_ESHAPE, "the context has %d columns, the flow takes %d", (int)given->cols,
                     (int)f->context);
  if (!given->at || given->rows != data->rows)
    return clf__fail(CLF_ESHAPE, "the context has %lld rows, the data have %lld",
                     (long long)given->rows, (long long)data->rows);
  for (int64_t i = 0; i < given->rows * given->cols; i++)
    if (!isfinite(given->at[i]))
      return clf__fail(CLF_ENUM, "row %lld, %s of the context is %g", (long long)(i / given->cols),
                       clf__column_label(given->names, (int32_t)(i % given->cols)).s, given->at[i]);
  for (int64_t i = 0; i < given->rows && !(f->standardizes & CLF_THE_CONTEXT); i++)
    CLF_TRY(clf__check_given(f, given->at + i * given->cols, i));
  return CLF_OK;
}

static clf_status check_weights(const clf_table *data, const double *weights) {
  double sum = 0;
  for (int64_t i = 0; i < data->rows && weights; i++) {
    if (!(weights[i] >= 0 && isfinite(weights[i])))
      return clf__fail(CLF_ENUM, "the weight of row %lld is %g; it must be 0 or above",
                       (long long)i, weights[i]);
    sum += weights[i];
  }
  return !weights || sum > 0 ? CLF_OK : clf__fail(CLF_ENUM, "the weights of all rows are 0");
}

/* ---- Scaling ----------------------------------------------------------------------------------
 */

static clf_status moments(const clf__table_source *t, const clf_table *data, const char *what,
                          double *v) {
  const size_t D = (size_t)data->cols;
  clf_table_moments(data, t->base.index + t->base.held_out, t->base.rows, v, v + D);
  for (size_t d = 0; d < D; d++)
    if (v[D + d] == 0)
      return clf__fail(CLF_ENUM,
                       "%s%s is %g in every row used for training: it cannot be standardised; "
                       "leave it out",
                       what, clf__column_label(data->names, (int32_t)d).s, v[d]);
  return CLF_OK;
}

/* The data as bounds at the head of the flow leave them. */
static clf_status bounded(const clf__table_source *t, clf_table *copy) {
  const size_t n = (size_t)t->data->rows * (size_t)t->data->cols;
  *copy = *t->data;
  copy->at = malloc(n * sizeof *copy->at);
  if (!copy->at) return clf__fail(CLF_ENOMEM, "no memory for %lld rows", (long long)copy->rows);
  memcpy(copy->at, t->data->at, n * sizeof *copy->at);
  for (int64_t i = 0; i < copy->rows; i++) clf__head_bounds(t->base.f, copy->at + i * copy->cols);
  return CLF_OK;
}

static clf_status fit_scaling(const clf__table_source *t) {
  const size_t D = (size_t)t->data->cols;
  double *v = malloc(2 * D * sizeof *v);
  clf_table copy;
  if (!v) return clf__fail(CLF_ENOMEM, "no memory for the scaling of %zu columns", D);
  clf_status s = bounded(t, &copy);
  if (!s) s = moments(t, &copy, "", v);
  if (!s) s = clf_flow_set_scaling(t->base.f, v, v + D);
  free(copy.at);
  free(v);
  return s;
}

static clf_status fit_context(const clf__table_source *t) {
  clf_flow *f = t->base.f;
  const size_t C = (size_t)f->context;
  double *v = malloc(2 * C * sizeof *v);
  if (!v) return clf__fail(CLF_ENOMEM, "no memory for the scaling of %zu columns", C);
  clf_status s = moments(t, t->given, "of the context ", v);
  if (!s) s = clf__flow_set_context_scaling(f, v, v + C);
  free(v);
  return s;
}

/* ---- Rows onto the device ---------------------------------------------------------------------
 */

/* Columns of a row that lies on the device. */
static int32_t width(const clf__table_source *t) {
  return t->data->cols + (t->given ? t->given->cols : 0) + (t->weights ? 1 : 0);
}

static clf_status refuse(const clf__table_source *t, int64_t row, const double *x) {
  const clf_flow *f = t->base.f;
  double interval[2] = {0, 0};
  const int32_t d = clf__flow_outside(f, x, interval);
  const char *label = clf__column_label(t->data->names, d < 0 ? 0 : d).s;
  if (d < 0) return CLF_OK;
  if (f->traits & CLF_TAKES_PIXELS)
    return clf__fail(CLF_ENUM, "row %lld, column %lld of the data is %g; pixels are 0 to %d",
                     (long long)row, (long long)d + 1, x[d], (int)interval[1]);
  if (f->spec.kind == CLF_PIECEWISE)
    return clf__fail(CLF_ENUM,
                     "row %lld of the data is %g, outside the interval %g to %g; widen it, "
                     "or continue the flow by linear tails",
                     (long long)row, x[d], interval[0], interval[1]);
  return clf__fail(CLF_ENUM, "row %lld, %s of the data is %g, outside the interval %g to %g",
                   (long long)row, label, x[d], interval[0], interval[1]);
}

/* A row in the device's units, and its log-det of bounds. */
static clf_status put_row(const clf__table_source *t, int64_t row, double *to, double *logdet) {
  const clf_flow *f = t->base.f;
  const int32_t D = t->data->cols, C = t->given ? t->given->cols : 0;
  const double *x = t->data->at + row * D;
  *logdet = clf__head_forward(f, x, to) - clf__flow_scaling_logdet(f);
  if (f->traits & CLF_IS_BOUNDED || f->head) CLF_TRY(refuse(t, row, x));
  for (int32_t d = 0; d < D; d++)
    if (f->dev->bits == 32 && !isfinite((float)to[d]))
      return clf__fail(CLF_ENUM, "row %lld, %s of the data is %g: more than a float holds",
                       (long long)row, clf__column_label(t->data->names, d).s, x[d]);
  for (int32_t j = 0; j < C; j++) {
    const double c = t->given->at[row * C + j];
    to[D + j] = f->c_mean ? (c - f->c_mean[j]) / f->c_std[j] : c;
  }
  return CLF_OK;
}

/* Weights as they are used: 1 on average over the rows to train on. */
static double mean_weight(const clf__table_source *t) {
  double sum = 0;
  for (int64_t i = 0; i < t->base.rows; i++) sum += t->weights[t->base.index[t->base.held_out + i]];
  return sum / (double)t->base.rows;
}

/* Rows `index` of the table onto the device; shift: their mean log-det of bounds. */
static clf_status upload(const clf__table_source *t, const int64_t *index, clf_tensor to,
                         double *shift) {
  const int32_t n = to.dim[0], W = width(t);
  const double mean = t->weights ? mean_weight(t) : 1;
  double *host = malloc((size_t)n * (size_t)W * sizeof *host), sum = 0;
  if (!host) return clf__fail(CLF_ENOMEM, "no memory for %d rows of data", (int)n);
  clf_status s = CLF_OK;
  for (int64_t i = 0; i < n && !s; i++) {
    double logdet = 0;
    s = put_row(t, index[i], host + i * W, &logdet);
    if (t->weights) host[i * W + W - 1] = t->weights[index[i]] / mean;
    sum += logdet;
  }
  if (!s) s = clf_write64(t->base.f->dev, to, host);
  *shift = sum / n;
  free(host);
  return s;
}

/* ---- As a source -------------------------------------------------------------------------- */

static clf_status lay_out(clf__source *s, clf_arena *a, int32_t part) {
  clf__table_source *t = (clf__table_source *)(void *)s;
  const int32_t W = width(t);
  CLF_TRY(clf_new(a, (int32_t[4]){(int32_t)s->rows, W}, &t->train));
  if (s->held_out) CLF_TRY(clf_new(a, (int32_t[4]){(int32_t)s->held_out, W}, &t->valid));
  return clf_new(a, (int32_t[4]){part, W}, &t->shuffled);
}

static clf_status fill(clf__source *s) {
  clf__table_source *t = (clf__table_source *)(void *)s;
  CLF_TRY(upload(t, s->index + s->held_out, t->train, &s->shift));
  return s->held_out ? upload(t, s->index, t->valid, &t->valid_shift) : CLF_OK;
}

/* What rows on the device hold of each: the data, the context, weights. */
static clf_tensor data_of(const clf__table_source *t, clf_tensor rows) {
  return clf_slice(rows, 1, 0, t->data->cols);
}
static clf_tensor given_of(const clf__table_source *t, clf_tensor rows) {
  if (!t->given) return (clf_tensor){0};
  return clf_slice(rows, 1, t->data->cols, t->data->cols + t->given->cols);
}
static clf_tensor weights_of(const clf__table_source *t, clf_tensor rows) {
  const int32_t W = width(t);
  if (!t->weights) return (clf_tensor){0};
  return clf__vector(rows, W - 1, rows.dim[0], rows.stride[0]);
}

static clf_status batch(clf__source *s, const clf__places *at, const clf__places *next,
                        clf_tensor *x) {
  const clf__table_source *t = (const clf__table_source *)(const void *)s;
  clf_tensor rows = clf__rows(t->shuffled, at->n);
  (void)next;
  if (!s->o.shuffle)
    rows = clf_slice(t->train, 0, (int32_t)at->first, (int32_t)at->first + at->n);
  else
    CLF_TRY(clf_do(s->f->dev, shuffle_rows, .x = t->train, .y = rows,
                   .seed_lo = (int)(uint32_t)s->o.seed, .seed_hi = (int)(uint32_t)(s->o.seed >> 32),
                   .epoch = (int)at->epoch, .first = (int)at->first));
  *x = data_of(t, rows);
  s->c = given_of(t, rows);
  s->each = weights_of(t, rows);
  return CLF_OK;
}

static clf_status validate(clf__source *s, double *mean) {
  const clf__table_source *t = (const clf__table_source *)(const void *)s;
  CLF_TRY(clf__flow_mean_logp(s->f, data_of(t, t->valid), given_of(t, t->valid), mean));
  *mean += clf__flow_scaling_logdet(s->f) + t->valid_shift;
  return CLF_OK;
}

/* The operation of all couplings has one weight for all samples. */
static void unfuse(clf_flow *f, int on) {
  for (int i = 0; i < f->layers; i++) clf__mlp_unfuse(&f->layer[i], on);
  clf__flow_drop_workspace(f);
}

static void free_source(clf__source *s) {
  if (clf__source_is_weighted(s)) unfuse(s->f, 0);
  free(((clf__table_source *)(void *)s)->noisy.at);
  free(s);
}

/* Noise in place of the data, where there are discrete columns: for all of the training, since it
 * is uploaded again if the device loses it. */
static clf_status make_noisy(clf__table_source *t) {
  const clf_table *data = t->data;
  const size_t n = (size_t)data->rows * (size_t)data->cols;
  if (!t->base.f->grid) return CLF_OK;
  t->noisy = (clf_table){.rows = data->rows, .cols = data->cols, .names = data->names};
  t->noisy.at = malloc(n * sizeof *t->noisy.at);
  if (!t->noisy.at) return clf__fail(CLF_ENOMEM, "no memory for %lld rows", (long long)data->rows);
  t->data = &t->noisy;
  return clf__add_noise(t->base.f, data, t->base.o.seed, t->noisy.at);
}

static const clf__source_ops table_ops = {
    .lay_out = lay_out, .fill = fill, .batch = batch, .validate = validate, .free = free_source};

static clf_status fit(clf__table_source *t, const clf_train_options *o) {
  const clf_flow *f = t->base.f;
  CLF_TRY(clf__source_split(&t->base, t->data->rows));
  CLF_TRY(make_noisy(t));
  if (o->standardize || (f->standardizes & CLF_THE_DATA && !f->mean)) CLF_TRY(fit_scaling(t));
  return f->standardizes & CLF_THE_CONTEXT && !f->c_mean ? fit_context(t) : CLF_OK;
}

static uint64_t add_sum(uint64_t sum, const double *v, int64_t n) {
  return v ? crc32_z(sum, (const unsigned char *)v, (size_t)n * sizeof *v) : sum;
}

clf_status clf__source_of_table(clf_flow *f, const clf_train_data *data, const clf_train_options *o,
                                clf__source **out) {
  const clf_table *x = data->x;
  CLF_TRY(check_table(f, x));
  CLF_TRY(check_given(f, x, data->given));
  CLF_TRY(check_weights(x, data->weights));
  if (data->weights && f->traits & CLF_TAKES_PIXELS)
    return clf__fail(CLF_ENOTSUP, "a flow of images cannot weight its rows");
  clf__table_source *t = calloc(1, sizeof *t);
  if (!t) return clf__fail(CLF_ENOMEM, "no memory for a source of samples");
  t->base = (clf__source){.ops = &table_ops, .f = f, .o = *o, .resident = x->rows};
  t->data = x;
  t->given = data->given;
  t->weights = data->weights;
  t->base.sum = add_sum(crc32_z(0, NULL, 0), x->at, x->rows * x->cols);
  if (t->given) t->base.sum = add_sum(t->base.sum, t->given->at, x->rows * t->given->cols);
  t->base.sum = add_sum(t->base.sum, t->weights, x->rows);
  if (t->weights) unfuse(f, 1);
  const clf_status s = fit(t, o);
  if (s)
    clf__source_free(&t->base);
  else
    *out = &t->base;
  return s;
}

clf_tensor clf__source_table(const clf__source *s) {
  return ((const clf__table_source *)(const void *)s)->train;
}

const clf_table *clf__source_data(const clf__source *s) {
  return s->ops == &table_ops ? ((const clf__table_source *)(const void *)s)->data : NULL;
}

int clf__source_is_weighted(const clf__source *s) {
  return s->ops == &table_ops && ((const clf__table_source *)(const void *)s)->weights;
}
