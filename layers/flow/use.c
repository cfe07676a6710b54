/* SPDX-License-Identifier: MIT */
/* use.c: densities, latents and samples of host arrays, in chunks of rows.
 *
 * The scaling of standardised data is applied here, on the host and in double:
 * columns may lie far from zero, where float has few digits left. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "flow_private.h"
#include "names.h"

/* Enough rows to fill a device, few enough to stay in its caches and small in memory. */
static int32_t good_chunk(const clf_flow *f) {
  if (f->spec.kind == CLF_REALNVP) { /* the features of its first scale are the most */
    const int64_t each = (int64_t)f->spec.hidden * f->spec.height * f->spec.width;
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
  const int32_t most = clf__flow_chunk(f);
  return left < most ? (int32_t)left : most;
}

/* ---- Chunks in and out ------------------------------------------------------------------ */

typedef struct chunk {
  clf_flow *f;
  double *host;  /* (rows, D) */
  int64_t first; /* row of the whole array */
  int32_t n;
} chunk;

/* The caller's arrays; in: of rows, NULL for samples. */
typedef struct arrays {
  const double *in;
  double *out, *logdet;
  uint64_t seed;
  int64_t first;
  double temperature;
} arrays;

/* names: of the columns, or NULL. */
static clf_status refuse(const char *what, char *const *names, int64_t row, int32_t d, double v) {
  return clf__fail(CLF_ENUM, "%s: row %lld, %s is %g", what, (long long)row,
                   clf__column_label(names, d).s, v);
}

/* What the caller calls row i of the call. */
static int64_t number_of(const clf_flow *f, int64_t i) {
  return (int64_t)((uint64_t)f->first_row + (uint64_t)i);
}

/* The column in which a row lies farthest from zero, in the flow's units. */
static int32_t farthest(const clf_flow *f, const double *x) {
  int32_t most = 0;
  double distance = -1;
  for (int32_t d = 0; d < f->spec.dim; d++) {
    const double u = fabs(clf__flow_scaled(f, d, x[d]));
    if (u > distance) most = d, distance = u;
  }
  return most;
}

/* The column of a row that lies outside of the flow's support, or -1. */
static int32_t outside(const clf_flow *f, const double *x) {
  const clf_flow_spec *s = &f->spec;
  if (s->kind == CLF_PIECEWISE && !s->tails) return 0;
  for (int32_t d = 0; d < s->dim && s->kind == CLF_REALNVP; d++)
    if (!(x[d] >= 0 && x[d] <= s->levels)) return d;
  return -1;
}

clf_status clf__refuse_row(const clf_flow *f, int64_t row, const double *x) {
  const clf_flow_spec *s = &f->spec;
  const int32_t d = outside(f, x), far = farthest(f, x);
  if (d < 0)
    return clf__fail(CLF_ENUM, "the data: row %lld, %s is %.9g: the flow overflows there",
                     (long long)row, clf__column_label(f->columns, far).s, x[far]);
  if (s->kind == CLF_REALNVP)
    return clf__fail(CLF_ENUM, "the data: row %lld, %s is %.9g; pixels lie in 0 to %d",
                     (long long)row, clf__column_label(f->columns, d).s, x[d], (int)s->levels);
  return clf__fail(CLF_ENUM,
                   "the data: row %lld, %s is %.9g, outside the interval %g to %g; linear tails "
                   "would continue the flow there",
                   (long long)row, clf__column_label(f->columns, 0).s, x[0],
                   clf__flow_unscaled(f, 0, s->xmin), clf__flow_unscaled(f, 0, s->xmax));
}

/* Data units to the flow's, and onto the device. */
static clf_status put_data(chunk *c, const double *x, clf_tensor to) {
  const clf_flow *f = c->f;
  const int32_t D = f->spec.dim;
  for (int32_t i = 0; i < c->n; i++)
    for (int32_t d = 0; d < D; d++) {
      const double v = x[(c->first + i) * D + d];
      if (!isfinite(v)) return refuse("the data", f->columns, number_of(c->f, c->first + i), d, v);
      c->host[(int64_t)i * D + d] = clf__flow_scaled(f, d, v);
    }
  return clf_write64(f->dev, to, c->host);
}

typedef clf_status (*chunk_fn)(chunk *c, void *ctx);

static clf_status once(chunk *c, chunk_fn each, void *ctx) {
  CLF_TRY(clf__flow_reserve(c->f, c->n, 0));
  return each(c, ctx);
}

/* A chunk, once more if its device failed, and in smaller ones where memory is short: what lies on
 * the device is read alone, and results do not depend on chunks. */
static clf_status insist(chunk *c, chunk_fn each, void *ctx) {
  clf_status s = once(c, each, ctx);
  if (s == CLF_EDEVICE || s == CLF_ENOMEM) s = once(c, each, ctx);
  while (s == CLF_ENOMEM && c->n > 1) {
    c->f->most_rows = c->n = (c->n + 1) / 2;
    clf__flow_drop_workspace(c->f);
    s = once(c, each, ctx);
  }
  return s;
}

/* Runs `each` over chunks of n rows. */
static clf_status in_chunks(clf_flow *f, int64_t n, chunk_fn each, void *ctx) {
  if (n < 1) return clf__fail(CLF_EINVAL, "%lld samples: there must be at least 1", (long long)n);
  CLF_TRY(clf__rows_fit(n, f->spec.dim, sizeof(double)));
  chunk c = {.f = f};
  const int32_t most = chunk_of(f, n);
  c.host = malloc((size_t)most * (size_t)f->spec.dim * sizeof *c.host);
  if (!c.host) return clf__fail(CLF_ENOMEM, "no memory for a chunk of %d rows", (int)most);
  clf_status s = CLF_OK;
  for (; c.first < n && !s; c.first += c.n) {
    c.n = chunk_of(f, n - c.first);
    s = insist(&c, each, ctx);
  }
  free(c.host);
  return s;
}

/* ---- Forward ------------------------------------------------------------------------------ */

static clf_status zeroed(clf_flow *f, int32_t n, clf_tensor *logdet) {
  *logdet = clf__rows(f->ws.logdet, n);
  return clf_do(f->dev, fill, .y = *logdet, .value = 0);
}

static clf_status forward_chunk(chunk *c, const double *in, clf_tensor *z, clf_tensor *logdet) {
  const clf_tensor x = clf__rows(c->f->ws.x[0], c->n);
  CLF_TRY(put_data(c, in, x));
  CLF_TRY(zeroed(c->f, c->n, logdet));
  return clf__flow_forward(c->f, x, *logdet, CLF_EVAL, z);
}

/* Where a finite row makes the flow overflow, NaN stands for inf - inf: the row is so far out that
 * its density is below any number, as outside of the support, where it is zero. */
static clf_status logp_chunk(chunk *c, void *ctx) {
  arrays *a = ctx;
  clf_tensor z, logdet;
  const clf_tensor logp = clf__rows(c->f->ws.logp, c->n);
  CLF_TRY(forward_chunk(c, a->in, &z, &logdet));
  CLF_TRY(clf__flow_logp(c->f, z, logdet, CLF_EVAL, logp));
  double *out = a->out + c->first;
  CLF_TRY(clf_read64(c->f->dev, logp, out));
  for (int32_t i = 0; i < c->n; i++) {
    const double v = out[i] + clf__flow_scaling_logdet(c->f);
    out[i] = isfinite(v) ? v : -INFINITY;
  }
  return CLF_OK;
}

clf_status clf_log_prob(clf_flow *f, const double *x, int64_t n, double *logp) {
  CLF_GIVEN("flow, x, logp", f, x, logp);
  return in_chunks(f, n, logp_chunk, &(arrays){.in = x, .out = logp});
}

clf_status clf_require_density(const clf_flow *f, const double *x, int64_t n, const double *logp) {
  CLF_GIVEN("flow, x, logp", f, x, logp);
  for (int64_t i = 0; i < n; i++)
    if (!isfinite(logp[i])) return clf__refuse_row(f, number_of(f, i), x + i * f->spec.dim);
  return CLF_OK;
}

/* The first row of the chunk in which one of `width` numbers at `v` is not finite; c->n: none. */
static int32_t first_bad(const chunk *c, const double *v, int32_t width) {
  for (int64_t i = 0; i < (int64_t)c->n * width; i++)
    if (!isfinite(v[i])) return (int32_t)(i / width);
  return c->n;
}

/* Log-dets of the chunk, `plus` that of the scaling, into c->host. */
static clf_status get_logdet(chunk *c, clf_tensor logdet, double plus) {
  CLF_TRY(clf_read64(c->f->dev, logdet, c->host));
  for (int32_t i = 0; i < c->n; i++) c->host[i] += plus;
  return CLF_OK;
}

static void copy_logdet(const chunk *c, const arrays *a) {
  if (a->logdet) memcpy(a->logdet + c->first, c->host, (size_t)c->n * sizeof *c->host);
}

/* The log-det is looked at even where nobody wants it: outside of a piecewise flow's interval it
 * alone shows that f(x) is no value of the flow. */
static clf_status transform_chunk(chunk *c, void *ctx) {
  arrays *a = ctx;
  clf_tensor z, logdet;
  const int32_t D = c->f->spec.dim;
  double *out = a->out + c->first * D;
  CLF_TRY(forward_chunk(c, a->in, &z, &logdet));
  CLF_TRY(clf_read64(c->f->dev, z, out));
  CLF_TRY(get_logdet(c, logdet, clf__flow_scaling_logdet(c->f)));
  const int32_t there = first_bad(c, out, D), alone = first_bad(c, c->host, 1);
  const int32_t bad = there < alone ? there : alone;
  if (bad < c->n)
    return clf__refuse_row(c->f, number_of(c->f, c->first + bad), a->in + (c->first + bad) * D);
  copy_logdet(c, a);
  return CLF_OK;
}

clf_status clf_transform(clf_flow *f, const double *x, int64_t n, double *z, double *logdet) {
  CLF_GIVEN("flow, x, z", f, x, z);
  return in_chunks(f, n, transform_chunk, &(arrays){.in = x, .out = z, .logdet = logdet});
}

/* ---- Inverse ------------------------------------------------------------------------------ */

/* Refuses row i of the chunk, at which the inverse overflows: latents, or a sample. */
static clf_status refuse_inverse(const chunk *c, const arrays *a, int32_t i) {
  const int32_t D = c->f->spec.dim;
  if (!a->in)
    return clf__fail(CLF_ENUM, "the inverse of the flow overflows at sample %lld of seed %llu",
                     (long long)(a->first + c->first + i), (unsigned long long)a->seed);
  const double *z = a->in + (c->first + i) * D;
  int32_t far = 0;
  for (int32_t d = 1; d < D; d++)
    if (fabs(z[d]) > fabs(z[far])) far = d;
  return clf__fail(CLF_ENUM,
                   "the latents: row %lld, column %d is %.9g: the inverse overflows there",
                   (long long)number_of(c->f, c->first + i), (int)far + 1, z[far]);
}

static clf_status get_data(chunk *c, const arrays *a, clf_tensor from) {
  const int32_t D = c->f->spec.dim;
  double *x = a->out + c->first * D;
  CLF_TRY(clf_read64(c->f->dev, from, x));
  for (int64_t i = 0; i < (int64_t)c->n * D; i++)
    x[i] = clf__flow_decoded(c->f, (int32_t)(i % D), x[i]);
  const int32_t bad = first_bad(c, x, D);
  return bad < c->n ? refuse_inverse(c, a, bad) : CLF_OK;
}

/* The inverse of what lies in z, which must not be ws.x[0]. */
static clf_status inverse_chunk(chunk *c, clf_tensor z, arrays *a) {
  clf_tensor x, logdet;
  CLF_TRY(zeroed(c->f, c->n, &logdet));
  CLF_TRY(clf__flow_inverse(c->f, z, logdet, CLF_EVAL, &x));
  CLF_TRY(get_data(c, a, x));
  if (!a->logdet) return CLF_OK;
  CLF_TRY(get_logdet(c, logdet, -clf__flow_scaling_logdet(c->f)));
  const int32_t bad = first_bad(c, c->host, 1);
  if (bad < c->n) return refuse_inverse(c, a, bad);
  copy_logdet(c, a);
  return CLF_OK;
}

/* Where latents of n samples lie. */
static clf_tensor latents_of(const clf_flow *f, int32_t n) {
  return clf__rows(f->sends ? f->ws.z : f->ws.x[f->stages], n);
}

static clf_status invert_chunk(chunk *c, void *ctx) {
  arrays *a = ctx;
  const int32_t D = c->f->spec.dim;
  const clf_tensor z = latents_of(c->f, c->n);
  const double *in = a->in + c->first * D;
  for (int64_t i = 0; i < (int64_t)c->n * D; i++)
    if (!isfinite(in[i]))
      return refuse("the latents", NULL, number_of(c->f, c->first + i / D), (int32_t)(i % D),
                    in[i]);
  CLF_TRY(clf_write64(c->f->dev, z, in));
  return inverse_chunk(c, z, a);
}

clf_status clf_invert(clf_flow *f, const double *z, int64_t n, double *x, double *logdet) {
  CLF_GIVEN("flow, z, x", f, z, x);
  return in_chunks(f, n, invert_chunk, &(arrays){.in = z, .out = x, .logdet = logdet});
}

static clf_status draw_latents(const chunk *c, const arrays *a, clf_tensor *z) {
  *z = latents_of(c->f, c->n);
  return clf__flow_draw_latents(c->f, a->seed, a->first + c->first, *z);
}

static clf_status sample_chunk(chunk *c, void *ctx) {
  clf_tensor z;
  CLF_TRY(draw_latents(c, ctx, &z));
  return inverse_chunk(c, z, ctx);
}

static clf_status check_first(int64_t first, int64_t n) {
  if (first < 0)
    return clf__fail(CLF_EINVAL, "the first sample is %lld; they count from 0", (long long)first);
  if (n < 1 || first <= INT64_MAX - n) return CLF_OK;
  return clf__fail(CLF_EINVAL, "%lld samples from sample %lld on: they count to 2^63 - 1",
                   (long long)n, (long long)first);
}

clf_status clf_sample(clf_flow *f, uint64_t seed, int64_t first, int64_t n, double *x) {
  CLF_GIVEN("flow, x", f, x);
  CLF_TRY(check_first(first, n));
  return in_chunks(f, n, sample_chunk, &(arrays){.out = x, .seed = seed, .first = first});
}

static clf_status latents_chunk(chunk *c, void *ctx) {
  const arrays *a = ctx;
  clf_tensor z;
  double *out = a->out + c->first * c->f->spec.dim;
  CLF_TRY(draw_latents(c, a, &z));
  CLF_TRY(clf_read64(c->f->dev, z, out));
  for (int64_t i = 0; i < (int64_t)c->n * c->f->spec.dim; i++) out[i] *= a->temperature;
  return CLF_OK;
}

clf_status clf_sample_latents(clf_flow *f, uint64_t seed, int64_t first, int64_t n,
                              double temperature, double *z) {
  CLF_GIVEN("flow, z", f, z);
  CLF_TRY(check_first(first, n));
  if (!(temperature >= 0 && isfinite(temperature)))
    return clf__fail(CLF_EINVAL, "the temperature is %g; it must be 0 or above", temperature);
  return in_chunks(f, n, latents_chunk,
                   &(arrays){.out = z, .seed = seed, .first = first, .temperature = temperature});
}

/* ---- Scores ------------------------------------------------------------------------------- */

/* Mean and standard error of the finite ones among n numbers, of which there are `count`. */
static void mean_of(const double *logp, int64_t n, int64_t count, double *mean, double *error) {
  double sum = 0, square = 0;
  for (int64_t i = 0; i < n; i++) sum += isfinite(logp[i]) ? logp[i] : 0;
  *mean = count ? sum / (double)count : NAN;
  for (int64_t i = 0; i < n; i++)
    square += isfinite(logp[i]) ? (logp[i] - *mean) * (logp[i] - *mean) : 0;
  const double variance = count > 1 ? square / (double)(count - 1) : 0;
  *error = count ? sqrt(variance / (double)count) : NAN;
}

clf_score clf_score_of(const double *logp, int64_t n, int32_t dim) {
  clf_score s = {.count = logp && n > 0 ? n : 0};
  n = s.count;
  for (int64_t i = 0; i < n; i++) s.zeros += !isfinite(logp[i]);
  mean_of(logp, n, n - s.zeros, &s.rest.mean, &s.rest.std_error);
  s.rest.bits_per_dim = -s.rest.mean / (dim * log(2));
  s.mean = s.zeros ? -INFINITY : s.rest.mean;
  s.std_error = s.zeros ? NAN : s.rest.std_error;
  s.bits_per_dim = s.zeros ? INFINITY : s.rest.bits_per_dim;
  return s;
}

clf_status clf_evaluate(clf_flow *f, const double *x, int64_t n, clf_score *score) {
  CLF_GIVEN("flow, x, score", f, x, score);
  CLF_TRY(clf__rows_fit(n, f->spec.dim, sizeof(double)));
  double *logp = n > 0 ? malloc((size_t)n * sizeof *logp) : NULL;
  if (n > 0 && !logp)
    return clf__fail(CLF_ENOMEM, "no memory for %lld log-densities", (long long)n);
  const clf_status s = clf_log_prob(f, x, n, logp);
  if (!s) *score = clf_score_of(logp, n, f->spec.dim);
  free(logp);
  return s;
}

clf_status clf__flow_mean_logp(clf_flow *f, clf_tensor x, double *mean) {
  const int32_t rows = x.dim[0], most = chunk_of(f, rows);
  CLF_TRY(clf__flow_reserve(f, most, 0));
  double *logp = malloc((size_t)most * sizeof *logp), sum = 0;
  clf_status s = logp ? CLF_OK : clf__fail(CLF_ENOMEM, "no memory for %d log-densities", (int)most);
  for (int32_t at = 0, n; at < rows && !s; at += n) {
    clf_tensor z, logdet;
    n = chunk_of(f, rows - at);
    s = zeroed(f, n, &logdet);
    if (!s) s = clf__flow_forward(f, clf_slice(x, 0, at, at + n), logdet, CLF_EVAL, &z);
    const clf_tensor out = clf__rows(f->ws.logp, n);
    if (!s) s = clf__flow_logp(f, z, logdet, CLF_EVAL, out);
    if (!s) s = clf_read64(f->dev, out, logp);
    for (int32_t i = 0; i < n && !s; i++) sum += isfinite(logp[i]) ? logp[i] : -INFINITY;
  }
  free(logp);
  if (!s) *mean = sum / rows + clf__flow_scaling_logdet(f);
  return s;
}
