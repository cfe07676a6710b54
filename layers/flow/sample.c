/* SPDX-License-Identifier: MIT */
/* sample.c: the inverse, and samples. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "blocks.h"
#include "chunk.h"

/* Refuses row i of the chunk, at which the inverse overflows: given latents, or a sample. */
static clf_status refuse_inverse(const clf__chunk *c, int32_t i) {
  const clf__arrays *a = c->a;
  const int32_t D = c->f->spec.dim;
  if (!a->in)
    return clf__fail(
        CLF_ENUM,
        "the inverse of the flow overflows at sample %lld of seed %llu: its maps multiply by "
        "too much there; affine(scale=atan) bounds the factor",
        (long long)(a->first + c->first + i), (unsigned long long)a->seed);
  const double *z = a->in + (c->first + i) * D;
  int32_t far = 0;
  for (int32_t d = 1; d < D; d++)
    if (fabs(z[d]) > fabs(z[far])) far = d;
  return clf__fail(CLF_ENUM,
                   "the latents: row %lld, column %d is %.9g: the inverse overflows there",
                   (long long)clf__row_number(c->f, c->first + i) + 1, (int)far + 1, z[far]);
}

static clf_status get_rows(clf__chunk *c, clf_tensor from) {
  const int32_t D = c->f->spec.dim;
  double *x = c->a->out + c->first * D;
  CLF_TRY(clf_read64(c->f->dev, from, x));
  for (int32_t i = 0; i < c->n; i++) c->head[i] = clf__head_inverse(c->f, x + (int64_t)i * D);
  const int32_t bad = clf__first_bad(c, x, D);
  return bad < c->n ? refuse_inverse(c, bad) : CLF_OK;
}

/* From latents, given or drawn, to x[0]. */
static clf_status inverse_block(clf_flow *f, int32_t first, int32_t n, void *context) {
  const clf__chunk *c = context;
  const clf_tensor z = clf__latents(f, n);
  clf_tensor x, logdet;
  if (!c->a->in) CLF_TRY(clf__flow_draw_latents(f, c->a->seed, c->a->first + c->first + first, z));
  CLF_TRY(clf__zeroed(f, n, &logdet));
  return clf__flow_inverse(f, z, logdet, CLF_EVAL, &x);
}

static clf_status inverse_rows(clf__chunk *c) {
  const int shows = c->a->in ? CLF_CALLS_X | CLF_CALLS_Z : CLF_CALLS_X;
  CLF_TRY(clf__flow_in_blocks(c->f, c->n, shows, inverse_block, c));
  CLF_TRY(get_rows(c, clf__rows(c->f->ws.x[0], c->n)));
  if (!c->a->logdet) return CLF_OK;
  CLF_TRY(clf_read64(c->f->dev, clf__rows(c->f->ws.logdet, c->n), c->host));
  for (int32_t i = 0; i < c->n; i++) c->host[i] += c->head[i];
  const int32_t bad = clf__first_bad(c, c->host, 1);
  if (bad < c->n) return refuse_inverse(c, bad);
  memcpy(c->a->logdet + c->first, c->host, (size_t)c->n * sizeof *c->host);
  return CLF_OK;
}

static clf_status invert_chunk(clf__chunk *c) {
  const int32_t D = c->f->spec.dim;
  const clf_tensor z = clf__latents(c->f, c->n);
  const double *in = c->a->in + c->first * D;
  for (int64_t i = 0; i < (int64_t)c->n * D; i++)
    if (!isfinite(in[i]))
      return clf__fail(CLF_ENUM, "the latents: row %lld, column %d is %g",
                       (long long)clf__row_number(c->f, c->first + i / D) + 1, (int)(i % D) + 1,
                       in[i]);
  CLF_TRY(clf__put_context(c, CLF_EVAL));
  CLF_TRY(clf_write64(c->f->dev, z, in));
  return inverse_rows(c);
}

clf_status clf_invert(clf_flow *f, const double *z, int64_t n, double *x, double *logdet) {
  CLF_GIVEN("flow, z, x", f, z, x);
  CLF_TRY(clf__needs_latents(f));
  return clf__in_chunks(f, n, &(clf__arrays){.in = z, .out = x, .logdet = logdet}, CLF_VALUES,
                        invert_chunk);
}

clf_status clf_invert_given(clf_flow *f, const double *z, const double *c, int64_t n, double *x,
                            double *logdet) {
  CLF_GIVEN("flow, z, c, x", f, z, c, x);
  CLF_TRY(clf__needs_latents(f));
  return clf__in_chunks(f, n, &(clf__arrays){.in = z, .c = c, .out = x, .logdet = logdet},
                        CLF_VALUES, invert_chunk);
}

/* ---- Samples --------------------------------------------------------------------------------- */

static clf_status sample_chunk(clf__chunk *c) {
  CLF_TRY(clf__put_context(c, CLF_EVAL));
  return inverse_rows(c);
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
  return clf__in_chunks(f, n, &(clf__arrays){.out = x, .seed = seed, .first = first}, CLF_VALUES,
                        sample_chunk);
}

static clf_status check_contexts(int64_t rows, int64_t n) {
  if (rows >= 1 && n >= 1 && n <= INT64_MAX / rows) return CLF_OK;
  return clf__fail(CLF_EINVAL, "%lld samples for each of %lld contexts: both must be at least 1",
                   (long long)n, (long long)rows);
}

/* Of n samples for each of `rows` contexts, `count` from number `first` on. */
static clf_status check_part(int64_t rows, int64_t n, int64_t first, int64_t count) {
  CLF_TRY(check_contexts(rows, n));
  if (first >= 0 && count >= 1 && count <= rows * n && first <= rows * n - count) return CLF_OK;
  return clf__fail(CLF_EINVAL,
                   "%lld samples from number %lld on: there are %lld, which count from 0",
                   (long long)count, (long long)first, (long long)(rows * n));
}

clf_status clf_sample_given_part(clf_flow *f, const double *c, int64_t rows, uint64_t seed,
                                 int64_t n, int64_t first, int64_t count, double *x) {
  CLF_GIVEN("flow, c, x", f, c, x);
  CLF_TRY(check_part(rows, n, first, count));
  const clf__arrays a = {.c = c, .repeat = n, .out = x, .seed = seed, .first = first};
  return clf__in_chunks(f, count, &a, CLF_VALUES, sample_chunk);
}

clf_status clf_sample_given(clf_flow *f, const double *c, int64_t rows, uint64_t seed, int64_t n,
                            double *x) {
  CLF_GIVEN("flow, c, x", f, c, x);
  CLF_TRY(check_contexts(rows, n));
  return clf_sample_given_part(f, c, rows, seed, n, 0, rows * n, x);
}

/* Multiplies the distances of the latents in `out` from their centres by the temperature. */
static clf_status scale_spread(clf__chunk *c, clf_tensor z, double *out) {
  const int64_t size = (int64_t)c->n * c->f->spec.dim;
  double *centre = malloc((size_t)size * sizeof *centre);
  if (!centre) return clf__fail(CLF_ENOMEM, "no memory for the centres of %d latents", (int)c->n);
  clf_status s = clf__flow_draw_centres(c->f, c->a->seed, c->a->first + c->first, z);
  if (!s) s = clf_read64(c->f->dev, z, centre);
  for (int64_t i = 0; i < size && !s; i++)
    out[i] = centre[i] + c->a->temperature * (out[i] - centre[i]);
  free(centre);
  return s;
}

static clf_status latents_chunk(clf__chunk *c) {
  const clf_tensor z = clf__latents(c->f, c->n);
  double *out = c->a->out + c->first * c->f->spec.dim;
  CLF_TRY(clf__put_context(c, CLF_EVAL));
  CLF_TRY(clf__flow_draw_latents(c->f, c->a->seed, c->a->first + c->first, z));
  CLF_TRY(clf_read64(c->f->dev, z, out));
  return c->a->temperature == 1 ? CLF_OK : scale_spread(c, z, out);
}

static clf_status check_temperature(double temperature) {
  if (temperature >= 0 && isfinite(temperature)) return CLF_OK;
  return clf__fail(CLF_EINVAL, "the temperature is %g; it must be 0 or above", temperature);
}

clf_status clf_sample_latents(clf_flow *f, uint64_t seed, int64_t first, int64_t n,
                              double temperature, double *z) {
  CLF_GIVEN("flow, z", f, z);
  CLF_TRY(clf__needs_latents(f));
  CLF_TRY(check_first(first, n));
  CLF_TRY(check_temperature(temperature));
  const clf__arrays a = {.out = z, .seed = seed, .first = first, .temperature = temperature};
  return clf__in_chunks(f, n, &a, CLF_VALUES, latents_chunk);
}

clf_status clf_sample_latents_given(clf_flow *f, const double *c, int64_t rows, uint64_t seed,
                                    int64_t n, int64_t first, int64_t count, double temperature,
                                    double *z) {
  CLF_GIVEN("flow, c, z", f, c, z);
  CLF_TRY(clf__needs_latents(f));
  CLF_TRY(check_part(rows, n, first, count));
  CLF_TRY(check_temperature(temperature));
  const clf__arrays a = {
      .c = c, .repeat = n, .out = z, .seed = seed, .first = first, .temperature = temperature};
  return clf__in_chunks(f, count, &a, CLF_VALUES, latents_chunk);
}
