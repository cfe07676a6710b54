/* SPDX-License-Identifier: MIT */
/* source_table.c: samples of a table, which is stored on the device. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "mlp_coupling.h"
#include "names.h"
#include "source.h"

static clf__table_source *of(clf__source *s) { return (clf__table_source *)(void *)s; }

/* ---- Scaling --------------------------------------------------------------------------------- */

/* The data after the bounds at the head of the flow. */
static clf_status bounded(const clf__table_source *t, clf_table *copy) {
  const clf_table *data = t->all.data;
  const size_t n = (size_t)data->rows * (size_t)data->cols;
  *copy = *data;
  copy->at = malloc(n * sizeof *copy->at);
  if (!copy->at) return clf__fail(CLF_ENOMEM, "no memory for %lld rows", (long long)copy->rows);
  memcpy(copy->at, data->at, n * sizeof *copy->at);
  for (int64_t i = 0; i < copy->rows; i++) clf__head_bounds(t->base.f, copy->at + i * copy->cols);
  return CLF_OK;
}

static clf_status fit_scaling(const clf__table_source *t) {
  const size_t D = (size_t)t->all.data->cols;
  double *v = malloc(2 * D * sizeof *v);
  clf_table copy;
  if (!v) return clf__fail(CLF_ENOMEM, "no memory for the scaling of %zu columns", D);
  clf_status s = bounded(t, &copy);
  if (!s) s = clf__source_moments(&t->base, &copy, "", v);
  if (!s) s = clf_flow_set_scaling(t->base.f, v, v + D);
  free(copy.at);
  free(v);
  return s;
}

/* ---- Upload ---------------------------------------------------------------------------------- */

/* Columns of data and context of a row. */
static int32_t width(const clf__table_source *t) {
  return t->all.data->cols + (t->all.given ? t->all.given->cols : 0);
}

/* Weights are normalised to mean 1 over the n rows `index`. */
static double mean_weight(const clf__table_rows *r, const int64_t *index, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += r->weights[index ? index[i] : i];
  return sum / (double)n;
}

/* Uploads rows `index` (NULL: the first ones), followed by their weights if `to` has a column
 * for them; shift: their mean log-det of bounds. */
static clf_status upload(const clf__table_source *t, const clf__table_rows *r, const int64_t *index,
                         clf_tensor to, double *shift) {
  const int32_t n = to.dim[0], W = to.dim[1];
  const double mean = r->weights ? mean_weight(r, index, n) : 1;
  double *host = malloc((size_t)n * (size_t)W * sizeof *host), sum = 0;
  if (!host) return clf__fail(CLF_ENOMEM, "no memory for %d rows of data", (int)n);
  clf_status s = CLF_OK;
  for (int64_t i = 0; i < n && !s; i++) {
    const int64_t row = index ? index[i] : i;
    const double weight = r->weights ? r->weights[row] / mean : 1;
    double logdet = 0;
    s = clf__rows_put(r, t->base.f, row, host + i * W, &logdet);
    if (W > width(t)) host[i * W + W - 1] = weight;
    if (weight > 0) sum += weight * logdet;
  }
  if (!s) s = clf_write64(t->base.f->dev, to, host);
  *shift = sum / n;
  free(host);
  return s;
}

/* ---- As a source ----------------------------------------------------------------------------- */

static clf_status lay_out(clf__source *s, clf_arena *a, int32_t part) {
  clf__table_source *t = of(s);
  const int32_t W = width(t) + (t->all.weights ? 1 : 0);
  CLF_TRY(clf_new(a, (int32_t[4]){(int32_t)s->rows, W}, &t->train));
  if (s->held_out) CLF_TRY(clf_new(a, (int32_t[4]){(int32_t)s->held_out, width(t)}, &t->valid));
  return clf_new(a, (int32_t[4]){part, W}, &t->shuffled);
}

static clf_status fill(clf__source *s) {
  clf__table_source *t = of(s);
  CLF_TRY(upload(t, &t->all, clf__source_trained(s), t->train, &s->shift));
  if (!s->held_out) return CLF_OK;
  return s->apart ? upload(t, &t->apart, NULL, t->valid, &t->valid_shift)
                  : upload(t, &t->all, s->index, t->valid, &t->valid_shift);
}

/* Views of rows on the device: the data, the context, weights. */
static clf_tensor data_of(const clf__table_source *t, clf_tensor rows) {
  return clf_slice(rows, 1, 0, t->all.data->cols);
}
static clf_tensor given_of(const clf__table_source *t, clf_tensor rows) {
  if (!t->all.given) return (clf_tensor){0};
  return clf_slice(rows, 1, t->all.data->cols, width(t));
}
static clf_tensor weights_of(const clf__table_source *t, clf_tensor rows) {
  if (!t->all.weights) return (clf_tensor){0};
  return clf__vector(rows, width(t), rows.dim[0], rows.stride[0]);
}

static clf_status batch(clf__source *s, const clf__positions *at, const clf__positions *next,
                        clf_tensor *x) {
  const clf__table_source *t = of(s);
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
  const clf__table_source *t = of(s);
  CLF_TRY(clf__flow_mean_logp(s->f, data_of(t, t->valid), given_of(t, t->valid), t->valid_weights,
                              mean));
  *mean += clf__flow_scaling_logdet(s->f) + t->valid_shift;
  return CLF_OK;
}

/* The operation for all couplings has no weights of samples. */
static void unfuse(clf_flow *f, int on) {
  for (int i = 0; i < f->layers; i++) clf__mlp_unfuse(&f->layer[i], on);
  clf__flow_drop_workspace(f);
}

static void free_source(clf__source *s) {
  if (clf__source_is_weighted(s)) unfuse(s->f, 0);
  clf__rows_free(&of(s)->all);
  clf__rows_free(&of(s)->apart);
  free(of(s)->valid_weights);
  free(s);
}

static const clf__source_ops table_ops = {
    .lay_out = lay_out, .fill = fill, .batch = batch, .validate = validate, .free = free_source};

/* ---- Making ------------------------------------------------------------------------------- */

/* Weights of the validation rows, in their order. */
static clf_status take_weights(clf__table_source *t) {
  const clf__table_rows *r = t->base.apart ? &t->apart : &t->all;
  const int64_t n = t->base.held_out;
  double sum = 0;
  if (!r->weights || !n) return CLF_OK;
  t->valid_weights = malloc((size_t)n * sizeof *t->valid_weights);
  if (!t->valid_weights) return clf__fail(CLF_ENOMEM, "no memory for %lld weights", (long long)n);
  for (int64_t i = 0; i < n; i++)
    sum += t->valid_weights[i] = r->weights[t->base.apart ? i : t->base.index[i]];
  return sum > 0 ? CLF_OK : clf__fail(CLF_ENUM, "the weights of all validation rows are 0");
}

/* Weights of the training rows must not all be 0 either. */
static clf_status check_trained(const clf__table_source *t) {
  if (!t->all.weights || mean_weight(&t->all, clf__source_trained(&t->base), t->base.rows) > 0)
    return CLF_OK;
  return clf__fail(CLF_ENUM, "the weights of all training rows are 0");
}

static clf_status split(clf__table_source *t, const clf_train_data *data) {
  clf__source *s = &t->base;
  if (!data->valid) return clf__source_split(s, t->all.data->rows);
  CLF_TRY(clf__rows_open(&t->apart, s->f, &t->all));
  s->sum = s->sum << 32 | clf__rows_sum(&t->apart);
  s->resident += t->apart.data->rows;
  return clf__source_split_apart(s, t->all.data->rows, t->apart.data->rows);
}

/* Separate validation rows get other noise than the rows of the data with the same index. */
static clf_status add_noise(clf__table_source *t) {
  const uint64_t seed = t->base.o.seed;
  CLF_TRY(clf__rows_add_noise(&t->all, t->base.f, seed));
  return t->base.apart ? clf__rows_add_noise(&t->apart, t->base.f, ~seed) : CLF_OK;
}

static clf_status prepare(clf__table_source *t, const clf_train_data *data) {
  clf_flow *f = t->base.f;
  CLF_TRY(clf__rows_open(&t->all, f, NULL));
  if (data->weights && f->traits & CLF_TAKES_PIXELS)
    return clf__fail(CLF_ENOTSUP, "image flows do not support weights of rows");
  t->base.resident = t->all.data->rows;
  t->base.sum = clf__rows_sum(&t->all);
  CLF_TRY(split(t, data));
  CLF_TRY(check_trained(t));
  CLF_TRY(take_weights(t));
  CLF_TRY(add_noise(t));
  if (t->all.weights) unfuse(f, 1);
  if (t->base.o.standardize || (f->standardizes & CLF_THE_DATA && !f->mean))
    CLF_TRY(fit_scaling(t));
  return clf__source_fit_context(&t->base, t->all.given);
}

/* Validation rows are either a share of the data or a separate table. */
static clf_status check_valid(const clf_train_data *data, const clf_train_options *o) {
  if (data->valid && o->valid_split > 0)
    return clf__fail(CLF_EINVAL, "valid_split is %g, but validation rows are given; it must be 0",
                     o->valid_split);
  if (!data->valid && (data->valid_given || data->valid_weights))
    return clf__fail(CLF_EINVAL, "a context or weights of validation rows are given, but no rows");
  return CLF_OK;
}

clf_status clf__source_of_table(clf_flow *f, const clf_train_data *data, const clf_train_options *o,
                                clf__source **out) {
  CLF_TRY(check_valid(data, o));
  clf__table_source *t = calloc(1, sizeof *t);
  if (!t) return clf__fail(CLF_ENOMEM, "no memory for a source of samples");
  t->base = (clf__source){.ops = &table_ops, .f = f, .o = *o};
  t->all = (clf__table_rows){
      .data = data->x, .given = data->given, .weights = data->weights, .what = ""};
  t->apart = (clf__table_rows){.data = data->valid,
                               .given = data->valid_given,
                               .weights = data->valid_weights,
                               .what = "validation "};
  const clf_status s = prepare(t, data);
  if (s)
    clf__source_free(&t->base);
  else
    *out = &t->base;
  return s;
}

clf_tensor clf__source_table(const clf__source *s) {
  return ((const clf__table_source *)(const void *)s)->train;
}

clf_tensor clf__source_spread(clf__source *s, int32_t n) {
  const clf__table_source *t = (const clf__table_source *)(const void *)s;
  clf_tensor rows = t->train;
  rows.stride[0] *= rows.dim[0] / n;
  rows.dim[0] = n;
  s->c = given_of(t, rows);
  s->each = weights_of(t, rows);
  return data_of(t, rows);
}

const clf_table *clf__source_data(const clf__source *s) {
  return s->ops == &table_ops ? ((const clf__table_source *)(const void *)s)->all.data : NULL;
}

int clf__source_is_weighted(const clf__source *s) {
  return s->ops == &table_ops && ((const clf__table_source *)(const void *)s)->all.weights;
}
