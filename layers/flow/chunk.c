/* SPDX-License-Identifier: MIT */
/* chunk.c: transfers host arrays to the device and back in chunks of rows. */
#include "chunk.h"
#include <math.h>
#include <stdlib.h>
#include "names.h"

/* Enough rows to use the whole device, but few enough for its caches and little memory. */
static int32_t good_chunk(const clf_flow *f) {
  if (f->spec.height) { /* the features of its first scale need the most */
    const int64_t wide = f->spec.hidden ? f->spec.hidden : 32 * f->spec.channels;
    const int64_t each = wide * f->spec.height * f->spec.width;
    const int64_t images = (1 << 23) / each;
    return images < 1 ? 1 : images > 256 ? 256 : (int32_t)images;
  }
  const int32_t size = f->spec.dim + f->spec.hidden, rows = (1 << 20) / (size ? size : 1);
  return rows < 256 ? 256 : rows > 8192 ? 8192 : rows;
}

int32_t clf__flow_chunk(const clf_flow *f) {
  const int32_t good = good_chunk(f);
  return f->most_rows && f->most_rows < good ? f->most_rows : good;
}

static int32_t chunk_of(const clf_flow *f, int64_t left) {
  const int32_t maximum = clf__flow_chunk(f);
  return left < maximum ? (int32_t)left : maximum;
}

int64_t clf__row_number(const clf_flow *f, int64_t i) {
  return (int64_t)((uint64_t)f->first_row + (uint64_t)i);
}

/* ---- Chunks ---------------------------------------------------------------------------------- */

static clf_status once(clf__chunk *c, int train, clf__chunk_fn each) {
  CLF_TRY(clf__flow_reserve(c->f, c->n, train));
  return each(c);
}

/* Runs a chunk; repeats it if its device failed, and uses smaller chunks if memory is short.
 * That is safe since weights on the device are only read, and results do not depend on chunks. */
static clf_status insist(clf__chunk *c, int train, clf__chunk_fn each) {
  clf_status s = once(c, train, each);
  if (clf__device_failed(s)) s = once(c, train, each);
  while (s == CLF_ENOMEM && c->n > 1) {
    c->f->most_rows = c->n = (c->n + 1) / 2;
    clf__flow_drop_workspace(c->f);
    s = once(c, train, each);
  }
  return s;
}

static clf_status check_context(const clf_flow *f, const clf__arrays *a) {
  if (f->context && !a->c && !f->observation)
    return clf__fail(CLF_EINVAL,
                     "the flow takes a context of %d number%s with each sample, and none is given",
                     (int)f->context, f->context == 1 ? "" : "s");
  if (!f->context && a->c) return clf__fail(CLF_EINVAL, "the flow takes no context");
  return CLF_OK;
}

clf_status clf__in_chunks(clf_flow *f, int64_t n, const clf__arrays *a, int train,
                          clf__chunk_fn each) {
  CLF_TRY(check_context(f, a));
  if (n < 1) return clf__fail(CLF_EINVAL, "%lld samples: there must be at least 1", (long long)n);
  CLF_TRY(clf__rows_fit(n, f->spec.dim, sizeof(double)));
  clf__chunk c = {.f = f, .a = a};
  const int32_t maximum = chunk_of(f, n), D = f->spec.dim, C = f->context;
  c.host = malloc((size_t)maximum * (size_t)((C > D ? C : D) + 1) * sizeof *c.host);
  if (!c.host) return clf__fail(CLF_ENOMEM, "no memory for a chunk of %d rows", (int)maximum);
  c.head = c.host + (size_t)maximum * (size_t)(C > D ? C : D);
  clf_status s = CLF_OK;
  for (; c.first < n && !s; c.first += c.n) {
    c.n = chunk_of(f, n - c.first);
    s = insist(&c, train, each);
  }
  free(c.host);
  return s;
}

/* ---- In -------------------------------------------------------------------------------------- */

clf_status clf__put_context(clf__chunk *c, clf__mode mode) {
  const clf_flow *f = c->f;
  const int32_t C = f->context;
  const int64_t repeat = c->a->repeat, first = c->first + (repeat ? c->a->first : 0);
  for (int32_t i = 0; i < c->n && C; i++) {
    const int64_t row = repeat ? (first + i) / repeat : first + i;
    for (int32_t j = 0; j < C; j++) {
      const double v = c->a->c ? c->a->c[row * C + j] : f->observation[j];
      if (!isfinite(v))
        return clf__fail(CLF_ENUM, "the context: row %lld, column %d is %g",
                         (long long)clf__row_number(f, row) + 1, (int)j + 1, v);
      c->host[(int64_t)i * C + j] = f->c_mean ? (v - f->c_mean[j]) / f->c_std[j] : v;
    }
    CLF_TRY(clf__check_given(f, c->host + (int64_t)i * C, clf__row_number(f, row)));
  }
  if (!C) return CLF_OK;
  CLF_TRY(clf_write64(f->dev, clf__rows(f->ws.c, c->n), c->host));
  return clf__flow_embed(c->f, c->n, mode);
}

clf_status clf__put_rows(clf__chunk *c, clf_tensor *x) {
  const clf_flow *f = c->f;
  const int32_t D = f->spec.dim;
  *x = clf__rows(f->ws.x[0], c->n);
  for (int32_t i = 0; i < c->n; i++) {
    const double *row = c->a->in + (c->first + i) * D;
    for (int32_t d = 0; d < D; d++)
      if (!isfinite(row[d]))
        return clf__fail(CLF_ENUM, "the data: row %lld, %s is %g",
                         (long long)clf__row_number(f, c->first + i) + 1,
                         clf__column_label(f->columns, d).s, row[d]);
    c->head[i] = clf__head_forward(f, row, c->host + (int64_t)i * D);
  }
  return clf_write64(f->dev, *x, c->host);
}

clf_status clf__zeroed(clf_flow *f, int32_t n, clf_tensor *logdet) {
  *logdet = clf__rows(f->ws.logdet, n);
  return clf_do(f->dev, fill, .y = *logdet, .value = 0);
}

clf_status clf__forward_rows(clf__chunk *c, clf__mode mode, clf_tensor *x, clf_tensor *z,
                             clf_tensor *logdet) {
  CLF_TRY(clf__put_context(c, mode));
  CLF_TRY(clf__put_rows(c, x));
  CLF_TRY(clf__zeroed(c->f, c->n, logdet));
  return clf__flow_forward(c->f, *x, *logdet, mode, z);
}

/* ---- Out ------------------------------------------------------------------------------------- */

int32_t clf__first_bad(const clf__chunk *c, const double *v, int32_t width) {
  for (int64_t i = 0; i < (int64_t)c->n * width; i++)
    if (!isfinite(v[i])) return (int32_t)(i / width);
  return c->n;
}

clf_tensor clf__latents(const clf_flow *f, int32_t n) {
  const clf__workspace *ws = &f->ws;
  return clf__rows(ws->placed.buf ? ws->placed : f->sends ? ws->z : ws->x[f->stages], n);
}
