/* SPDX-License-Identifier: MIT */
/* density.c: densities and latents of rows. */
#include <math.h>
#include <string.h>
#include "blocks.h"
#include "chunk.h"
#include "names.h"

/* ---- Refused rows ---------------------------------------------------------------------------- */

/* The column in which a row is farthest from zero, in the units of the device. */
static int32_t farthest(const clf_flow *f, const double *x) {
  int32_t maximum = 0;
  double distance = -1;
  for (int32_t d = 0; d < f->spec.dim; d++) {
    const double u = fabs(clf__flow_scaled(f, d, x[d]));
    if (u > distance) maximum = d, distance = u;
  }
  return maximum;
}

static clf_status refuse_far(const clf_flow *f, int64_t row, const double *x) {
  const int32_t far = farthest(f, x);
  return clf__fail(CLF_ENUM, "the data: row %lld, %s is %.9g: the flow overflows there",
                   (long long)row + 1, clf__column_label(f->columns, far).s, x[far]);
}

clf_status clf__refuse_row(const clf_flow *f, int64_t row, const double *x) {
  double interval[2] = {0, 0};
  unsigned traits = 0;
  const int32_t d = clf__flow_outside(f, x, interval, &traits);
  if (d < 0) return refuse_far(f, row, x);
  const char *label = clf__column_label(f->columns, d).s;
  if (f->traits & CLF_TAKES_PIXELS)
    return clf__fail(CLF_ENUM, "the data: row %lld, %s is %.9g; pixels are 0 to %d",
                     (long long)row + 1, label, x[d], (int)interval[1]);
  return clf__fail(CLF_ENUM, "the data: row %lld, %s is %.9g, outside the interval %g to %g%s",
                   (long long)row + 1, label, x[d], interval[0], interval[1],
                   traits & CLF_COULD_HAVE_TAILS ? "; linear tails would continue the flow there"
                                                 : "");
}

clf_status clf_require_density(const clf_flow *f, const double *x, int64_t n, const double *logp) {
  CLF_GIVEN("flow, x, logp", f, x, logp);
  for (int64_t i = 0; i < n; i++)
    if (!isfinite(logp[i])) return clf__refuse_row(f, clf__row_number(f, i), x + i * f->spec.dim);
  return CLF_OK;
}

/* ---- Densities ------------------------------------------------------------------------------- */

static clf_status evaluate_rows(clf__chunk *c, clf_tensor logp) {
  clf_tensor x;
  CLF_TRY(clf__put_context(c, CLF_EVAL));
  CLF_TRY(clf__put_rows(c, &x));
  return clf__flow_evaluate(c->f, x, logp);
}

/* If the flow overflows at a finite row, NaN results from inf - inf: the density is smaller than
 * any number, so it counts as zero, as outside of the support. */
static clf_status logp_chunk(clf__chunk *c) {
  const clf_tensor logp = clf__rows(c->f->ws.logp, c->n);
  CLF_TRY(evaluate_rows(c, logp));
  double *out = c->a->out + c->first;
  CLF_TRY(clf_read64(c->f->dev, logp, out));
  for (int32_t i = 0; i < c->n; i++) {
    const double v = out[i] + c->head[i];
    out[i] = isfinite(v) ? v : -INFINITY;
  }
  return CLF_OK;
}

clf_status clf_log_prob(clf_flow *f, const double *x, int64_t n, double *logp) {
  CLF_GIVEN("flow, x, logp", f, x, logp);
  return clf__in_chunks(f, n, &(clf__arrays){.in = x, .out = logp}, CLF_VALUES, logp_chunk);
}

clf_status clf_log_prob_given(clf_flow *f, const double *x, const double *c, int64_t n,
                              double *logp) {
  CLF_GIVEN("flow, x, c, logp", f, x, c, logp);
  return clf__in_chunks(f, n, &(clf__arrays){.in = x, .c = c, .out = logp}, CLF_VALUES, logp_chunk);
}

/* ---- Latents --------------------------------------------------------------------------------- */

/* The log-det is checked even if the caller does not need it: outside of a flow's support it may
 * be the only sign that f(x) is not defined. */
static clf_status transform_chunk(clf__chunk *c) {
  const clf__arrays *a = c->a;
  const int32_t D = c->f->spec.dim;
  double *out = a->out + c->first * D;
  CLF_TRY(evaluate_rows(c, (clf_tensor){0}));
  CLF_TRY(clf_read64(c->f->dev, clf__latents(c->f, c->n), out));
  CLF_TRY(clf_read64(c->f->dev, clf__rows(c->f->ws.logdet, c->n), c->host));
  for (int32_t i = 0; i < c->n; i++) c->host[i] += c->head[i];
  const int32_t there = clf__first_bad(c, out, D), alone = clf__first_bad(c, c->host, 1);
  const int32_t bad = there < alone ? there : alone;
  if (bad < c->n)
    return clf__refuse_row(c->f, clf__row_number(c->f, c->first + bad),
                           a->in + (c->first + bad) * D);
  if (a->logdet) memcpy(a->logdet + c->first, c->host, (size_t)c->n * sizeof *c->host);
  return CLF_OK;
}

clf_status clf_transform(clf_flow *f, const double *x, int64_t n, double *z, double *logdet) {
  CLF_GIVEN("flow, x, z", f, x, z);
  CLF_TRY(clf__needs_latents(f));
  return clf__in_chunks(f, n, &(clf__arrays){.in = x, .out = z, .logdet = logdet}, CLF_VALUES,
                        transform_chunk);
}

clf_status clf_transform_given(clf_flow *f, const double *x, const double *c, int64_t n, double *z,
                               double *logdet) {
  CLF_GIVEN("flow, x, c, z", f, x, c, z);
  CLF_TRY(clf__needs_latents(f));
  return clf__in_chunks(f, n, &(clf__arrays){.in = x, .c = c, .out = z, .logdet = logdet},
                        CLF_VALUES, transform_chunk);
}
