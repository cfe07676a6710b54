/* SPDX-License-Identifier: MIT */
/* source_table.c: samples of a table, which lies on the device whole. */
#include <math.h>
#include <stdlib.h>
#include <zlib.h>
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

static clf_status fit_scaling(const clf__table_source *t) {
  const size_t D = (size_t)t->data->cols;
  double *v = malloc(2 * D * sizeof *v);
  if (!v) return clf__fail(CLF_ENOMEM, "no memory for the scaling of %zu columns", D);
  clf_table_moments(t->data, t->base.index + t->base.held_out, t->base.rows, v, v + D);
  clf_status s = CLF_OK;
  for (size_t d = 0; d < D && !s; d++)
    if (v[D + d] == 0)
      s = clf__fail(CLF_ENUM,
                    "%s is %g in every row used for training: it cannot be standardised; leave "
                    "it out",
                    clf__column_label(t->data->names, (int32_t)d).s, v[d]);
  if (!s) s = clf_flow_set_scaling(t->base.f, v, v + D);
  free(v);
  return s;
}

/* In float as the device computes it, so that what passes here passes there. */
static clf_status check_interval(const clf_flow *f, int64_t row, double x) {
  const clf_flow_spec *s = &f->spec;
  if (s->kind != CLF_PIECEWISE || s->tails) return CLF_OK;
  const float u = ((float)x - (float)s->xmin) * (float)(s->bins / (s->xmax - s->xmin));
  const float Q = (float)s->bins, hair = 1e-6f * Q;
  if (u >= -hair && u <= Q + hair) return CLF_OK;
  return clf__fail(CLF_ENUM,
                   "row %lld of the data is %g, outside the interval %g to %g; widen it, "
                   "or continue the flow by linear tails",
                   (long long)row, clf__flow_unscaled(f, 0, x), clf__flow_unscaled(f, 0, s->xmin),
                   clf__flow_unscaled(f, 0, s->xmax));
}

/* Continuous pixels lie in 0 .. levels; beyond, their logit is not a number. */
static clf_status check_pixel(const clf_flow *f, int64_t row, int64_t d, double x) {
  if (f->spec.kind != CLF_REALNVP || (x >= 0 && x <= f->spec.levels)) return CLF_OK;
  return clf__fail(CLF_ENUM, "row %lld, column %lld of the data is %g; pixels lie in 0 to %d",
                   (long long)row, (long long)d + 1, x, (int)f->spec.levels);
}

/* Rows `index` of the table, scaled, onto the device. */
static clf_status upload(const clf__table_source *t, const int64_t *index, clf_tensor to) {
  const clf_flow *f = t->base.f;
  const int32_t n = to.dim[0], D = t->data->cols;
  double *host = malloc((size_t)n * (size_t)D * sizeof *host);
  if (!host) return clf__fail(CLF_ENOMEM, "no memory for %d rows of data", (int)n);
  clf_status s = CLF_OK;
  for (int64_t i = 0; i < n && !s; i++)
    for (int64_t d = 0; d < D && !s; d++) {
      const double x = t->data->at[index[i] * D + d];
      host[i * D + d] = clf__flow_scaled(f, (int32_t)d, x);
      if (f->dev->bits == 32 && !isfinite((float)host[i * D + d]))
        s = clf__fail(CLF_ENUM, "row %lld, %s of the data is %g: more than a float holds",
                      (long long)index[i], clf__column_label(t->data->names, (int32_t)d).s, x);
      else
        s = check_interval(f, index[i], host[i * D + d]);
      if (!s) s = check_pixel(f, index[i], d, x);
    }
  if (!s) s = clf_write64(f->dev, to, host);
  free(host);
  return s;
}

/* ---- As a source -------------------------------------------------------------------------- */

static clf_status lay_out(clf__source *s, clf_arena *a, int32_t part) {
  clf__table_source *t = (clf__table_source *)(void *)s;
  const int32_t D = t->data->cols;
  CLF_TRY(clf_new(a, (int32_t[4]){(int32_t)s->rows, D}, &t->train));
  if (s->held_out) CLF_TRY(clf_new(a, (int32_t[4]){(int32_t)s->held_out, D}, &t->valid));
  return clf_new(a, (int32_t[4]){part, D}, &t->shuffled);
}

static clf_status fill(clf__source *s) {
  const clf__table_source *t = (const clf__table_source *)(const void *)s;
  CLF_TRY(upload(t, s->index + s->held_out, t->train));
  return s->held_out ? upload(t, s->index, t->valid) : CLF_OK;
}

static clf_status batch(clf__source *s, const clf__places *at, const clf__places *next,
                        clf_tensor *x) {
  const clf__table_source *t = (const clf__table_source *)(const void *)s;
  (void)next;
  if (!s->o.shuffle) {
    *x = clf_slice(t->train, 0, (int32_t)at->first, (int32_t)at->first + at->n);
    return CLF_OK;
  }
  *x = clf__rows(t->shuffled, at->n);
  return clf_do(s->f->dev, shuffle_rows, .x = t->train, .y = *x,
                .seed_lo = (int)(uint32_t)s->o.seed, .seed_hi = (int)(uint32_t)(s->o.seed >> 32),
                .epoch = (int)at->epoch, .first = (int)at->first);
}

static clf_status validate(clf__source *s, double *mean) {
  return clf__flow_mean_logp(s->f, ((const clf__table_source *)(const void *)s)->valid, mean);
}

static void free_source(clf__source *s) {
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

clf_status clf__source_of_table(clf_flow *f, const clf_table *data, const clf_train_options *o,
                                clf__source **out) {
  CLF_TRY(check_table(f, data));
  clf__table_source *t = calloc(1, sizeof *t);
  if (!t) return clf__fail(CLF_ENOMEM, "no memory for a source of samples");
  t->base = (clf__source){.ops = &table_ops, .f = f, .o = *o, .resident = data->rows};
  t->data = data;
  t->base.sum = crc32_z(crc32_z(0, NULL, 0), (const unsigned char *)data->at,
                        (size_t)(data->rows * data->cols) * sizeof *data->at);
  clf_status s = clf__source_split(&t->base, data->rows);
  if (!s) s = make_noisy(t);
  if (!s && o->standardize) s = fit_scaling(t);
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
