/* SPDX-License-Identifier: MIT */
/* bounds.c: elementwise layers with a fixed scalar map: logit, log and softplus map intervals to
 * the real line, as do softclip and wrap; asinh, softlog and softlogit map the real line to
 * itself. */
#include <math.h>
#include <stdlib.h>
#include "arch_private.h"
#include "bounds64.h"
#include "channels.h"

enum { KIND, A, B, C, NUMBERS }; /* columns of the operations' table */

typedef struct bounds {
  clf__slot fixed; /* (D, 4) the table, with the architecture's numbers */
  clf__slot shift; /* (D) for wrap, if it is trained */
  clf__slot how;   /* (D, 4) the table with trained shifts; otherwise `fixed` */
} bounds;

static bounds_column column_of(const clf__layer *l) {
  const clf__arch_logit *logit = (const clf__arch_logit *)l->node;
  const clf__arch_wrap *wrap = (const clf__arch_wrap *)l->node;
  const clf__arch_asinh *asinh = (const clf__arch_asinh *)l->node;
  const clf__arch_softlog *softlog = (const clf__arch_softlog *)l->node;
  const clf__arch_within *within = (const clf__arch_within *)l->node;
  const clf__arch_softlogit *softlogit = (const clf__arch_softlogit *)l->node;
  switch (l->node->type->id) {
  case CLF__ARCH_logit: return (bounds_column){BOUNDS_LOGIT, logit->a, logit->b, logit->eps};
  case CLF__ARCH_within: return (bounds_column){BOUNDS_WITHIN, within->a, within->b, 0};
  case CLF__ARCH_log:
    return (bounds_column){BOUNDS_LOG_ABOVE, ((const clf__arch_log *)l->node)->a, 0, 0};
  case CLF__ARCH_softplus:
    return (bounds_column){BOUNDS_SOFTPLUS, ((const clf__arch_softplus *)l->node)->a, 0, 0};
  case CLF__ARCH_softclip:
    return (bounds_column){BOUNDS_SOFTCLIP, ((const clf__arch_softclip *)l->node)->bound, 0, 0};
  case CLF__ARCH_asinh: return (bounds_column){BOUNDS_ASINH, asinh->center, asinh->scale, 0};
  case CLF__ARCH_softlog: return (bounds_column){BOUNDS_SOFTLOG, softlog->a, softlog->from, 0};
  case CLF__ARCH_softlogit:
    return (bounds_column){BOUNDS_SOFTLOGIT, softlogit->a, softlogit->b, softlogit->tail};
  default: return (bounds_column){BOUNDS_WRAP, wrap->bound, wrap->shift, 0};
  }
}

static clf_status make(clf__layer *l, clf__slots *slots, const char *path) {
  const int32_t D = l->in.dim, table[2] = {D, NUMBERS};
  const clf__arch_wrap *wrap = (const clf__arch_wrap *)l->node;
  bounds *b = l->own = calloc(1, sizeof *b);
  if (!b) return clf__fail(CLF_ENOMEM, "no memory for %s", l->label);
  clf__slots_add(slots, &b->fixed, CLF_CONSTANT, 0, 0, 2, table, NULL);
  if (l->node->type->id != CLF__ARCH_wrap || !wrap->trained) return CLF_OK;
  clf__slots_add(slots, &b->shift, CLF_PLAIN, wrap->shift, 0, 1, &D, "%s.shift", path);
  clf__slots_add(slots, &b->how, CLF_DERIVED, 0, 0, 2, table, NULL);
  return CLF_OK;
}
static clf_status derive(const clf__layer *l, double *c) {
  const bounds_column q = column_of(l);
  const double row[NUMBERS] = {q.kind, q.a, q.b, q.c};
  double *const table = c + ((const bounds *)l->own)->fixed.at;
  for (int32_t i = 0; i < l->in.dim * NUMBERS; i++) table[i] = row[i % NUMBERS];
  return CLF_OK;
}

static clf_tensor table_of(const clf__layer *l, const clf__pass *p) {
  const bounds *b = l->own;
  return clf__weight(p, b->how.rank ? &b->how : &b->fixed);
}

/* Updates the table with the current shifts. */
static clf_status prepare(const clf__layer *l, const clf__pass *p) {
  const bounds *b = l->own;
  if (!b->how.rank) return CLF_OK;
  const clf_tensor how = table_of(l, p);
  CLF_TRY(clf_do(p->dev, copy, .x = clf__weight(p, &b->fixed), .y = how));
  return clf_do(p->dev, copy, .x = clf__weight(p, &b->shift), .y = clf_slice(how, 1, B, B + 1));
}

/* ---- On the host ----------------------------------------------------------------------------- */

static int32_t outside(const clf__layer *l, const double *x, double interval[2]) {
  const bounds_column q = column_of(l);
  interval[0] = q.a;
  interval[1] = q.kind == BOUNDS_LOGIT || q.kind == BOUNDS_WITHIN ? q.b : INFINITY;
  for (int32_t d = 0; d < l->in.dim; d++)
    if (!bounds_inside(q, x[d])) return d;
  return -1;
}

static double host_forward(const clf__layer *l, double *x) {
  const bounds_column q = column_of(l);
  double logdet = 0;
  for (int32_t d = 0; d < l->in.dim; d++) {
    const bounds_pair m = bounds_forward(q, x[d]);
    logdet += bounds_inside(q, x[d]) ? m.of_log : -INFINITY;
    x[d] = m.value;
  }
  return logdet;
}
static double host_inverse(const clf__layer *l, double *y) {
  const bounds_column q = column_of(l);
  double logdet = 0;
  for (int32_t d = 0; d < l->in.dim; d++) {
    const bounds_pair m = bounds_inverse(q, y[d]);
    logdet -= m.of_log;
    y[d] = m.value;
  }
  return logdet;
}
static void host_backward(const clf__layer *l, const double *x, double dlogdet, double *dx) {
  const bounds_column q = column_of(l);
  for (int32_t d = 0; d < l->in.dim; d++) {
    const bounds_pair s = bounds_slopes(q, x[d]);
    dx[d] = dx[d] * s.value + dlogdet * s.of_log;
  }
}

/* ---- Passes ---------------------------------------------------------------------------------- */

static clf_status forward(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                          clf_tensor x, clf_tensor y, clf_tensor logdet) {
  (void)k;
  return clf_do(p->dev, bounds_fwd, .x = x, .how = table_of(l, p), .y = y, .logdet = logdet);
}
static clf_status inverse(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                          clf_tensor y, clf_tensor x, clf_tensor logdet) {
  (void)k;
  return clf_do(p->dev, bounds_inv, .y = y, .how = table_of(l, p), .x = x, .logdet = logdet);
}

static clf_status backward(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                           clf_tensor x, clf_tensor y, clf_tensor dy, clf_tensor dx) {
  const clf_tensor dshift = clf__gradient(p, &((const bounds *)l->own)->shift);
  (void)k, (void)y;
  CLF_TRY(clf_do(p->dev, bounds_bwd, .x = x, .how = table_of(l, p), .dy = dy, .dl = p->each,
                 .dx = dx, .dlogdet = p->dlogdet));
  return dshift.buf ? clf_do(p->dev, sum_rows, .x = dy, .y = dshift, .beta = 1) : CLF_OK;
}

static clf_status backward_inverse(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                                   clf_tensor y, clf_tensor x, clf_tensor dx, clf_tensor dy) {
  const clf_tensor dshift = clf__gradient(p, &((const bounds *)l->own)->shift);
  (void)k, (void)y;
  CLF_TRY(clf_do(p->dev, bounds_inv_bwd, .x = x, .how = table_of(l, p), .dx = dx, .dl = p->each,
                 .dy = dy, .dlogdet = p->dlogdet));
  if (!dshift.buf) return CLF_OK;
  CLF_TRY(clf__negate(p, dx, dy)); /* x = y - shift: the shift's gradient is the sum of -dy */
  CLF_TRY(clf_do(p->dev, sum_rows, .x = dy, .y = dshift, .beta = 1));
  return clf__negate(p, dx, dy);
}

#define PASSES                                                                                     \
  .make = make, .unmake = clf__layer_free_own, .derive = derive, .prepare = prepare,               \
  .forward = forward, .inverse = inverse, .backward = CLF_TRAINS(backward),                        \
  .backward_inverse = CLF_TRAINS(backward_inverse)
#define ON_HOST                                                                                    \
  .outside = outside, .host_forward = host_forward, .host_inverse = host_inverse,                  \
  .host_backward = CLF_TRAINS(host_backward)
const clf__layer_ops clf__layer_logit = {
    .name = "logit", PASSES, ON_HOST, .traits = CLF_IS_BOUNDED};
const clf__layer_ops clf__layer_log = {.name = "log", PASSES, ON_HOST, .traits = CLF_IS_BOUNDED};
const clf__layer_ops clf__layer_softplus = {
    .name = "softplus", PASSES, ON_HOST, .traits = CLF_IS_BOUNDED};
const clf__layer_ops clf__layer_within = {
    .name = "within", PASSES, ON_HOST, .traits = CLF_IS_BOUNDED};
const clf__layer_ops clf__layer_asinh = {.name = "asinh", PASSES, ON_HOST};
const clf__layer_ops clf__layer_softlog = {.name = "softlog", PASSES, ON_HOST};
const clf__layer_ops clf__layer_softlogit = {.name = "softlogit", PASSES, ON_HOST};
const clf__layer_ops clf__layer_softclip = {.name = "softclip", PASSES};
/* Its shifts may be trained, which needs passes on the device. */
const clf__layer_ops clf__layer_wrap = {
    .name = "wrap", PASSES, .traits = CLF_FIXED_VOLUME | CLF_KEEPS_VOLUME};
