/* SPDX-License-Identifier: MIT */
/* rq.c: rational-quadratic splines (Durkan et al. 2019), as nflows, zuko and normflows make them of
 * raw numbers: widths, heights, then slopes of each dimension. */
#include <math.h>
#include <stdlib.h>
#include "pieces.h"

typedef struct rq {
  int32_t bins;
  int ends, outside;      /* of splines.def */
  double box[4];          /* left, right, bottom, top of all dimensions */
  clf__part boxes, kinds; /* (d, 4), (d): where dimensions differ */
} rq;

static rq *own_of(const clf__map *m) { return m->own; }
static const clf__arch_rq *arch_of(const clf__map *m) { return (const clf__arch_rq *)m->node; }

/* ---- Making -----------------------------------------------------------------------------------
 */

/* The tail of dimension d of the data; one for all where one is given. */
static clf__tail tail_of(const clf__arch_rq *a, int32_t d) {
  return a->tail.at[a->tail.n == 1 ? 0 : d < a->tail.n ? d : a->tail.n - 1];
}

static int ends_of(const clf__arch_rq *a, clf__tail t) {
  if (t.kind == CLF__TAIL_NONE) return CLF_FREE_ENDS;
  return t.kind == CLF__TAIL_CIRCULAR && a->like != CLF__LIKE_ZUKO ? CLF_CIRCULAR_ENDS
                                                                   : CLF_LINEAR_ENDS;
}

static void box_of(const clf__arch_rq *a, clf__tail t, double box[4]) {
  const int given = a->box.n == 2 && t.kind != CLF__TAIL_LINEAR;
  const double bound = t.kind == CLF__TAIL_LINEAR ? t.bound : CLF_PI;
  box[0] = given ? a->box.at[0] : t.kind == CLF__TAIL_NONE ? 0 : -bound;
  box[1] = given ? a->box.at[1] : t.kind == CLF__TAIL_NONE ? 1 : bound;
  box[2] = box[0];
  box[3] = box[1];
}

static int32_t numbers_of(int32_t bins, int ends) {
  return 3 * bins + (ends == CLF_LINEAR_ENDS ? -1 : ends == CLF_CIRCULAR_ENDS ? 0 : 1);
}

/* Dimensions with tails of several kinds have as many numbers as the one that needs most. */
static clf_status set_mixed(clf__map *m, clf__parts *parts) {
  rq *o = own_of(m);
  const clf__arch_rq *a = arch_of(m);
  for (int32_t i = 1; i < a->tail.n; i++)
    if ((a->tail.at[i].kind == CLF__TAIL_NONE) != (a->tail.at[0].kind == CLF__TAIL_NONE))
      return clf__fail(CLF_EINVAL, "rq: tail=none for all dimensions, or for none");
  o->ends = CLF_FREE_ENDS;
  clf__parts_add(parts, &o->boxes, CLF_CONSTANT, 0, 0, 2, (int32_t[2]){m->dims, 4}, NULL);
  clf__parts_add(parts, &o->kinds, CLF_CONSTANT, 0, 0, 1, &m->dims, NULL);
  return CLF_OK;
}

static clf_status make(clf__map *m, clf__parts *parts, const char *path) {
  const clf__arch_rq *a = arch_of(m);
  rq *o = m->own = calloc(1, sizeof *o);
  (void)path; /* its numbers are the net's, or those of the layer */
  if (!o) return clf__fail(CLF_ENOMEM, "no memory for a spline");
  o->bins = a->bins;
  o->ends = ends_of(a, tail_of(a, 0));
  o->outside = tail_of(a, 0).kind == CLF__TAIL_NONE ? CLF_OUTSIDE_REFUSED : CLF_OUTSIDE_IDENTITY;
  box_of(a, tail_of(a, 0), o->box);
  if (a->tail.n > 1) CLF_TRY(set_mixed(m, parts));
  m->numbers = numbers_of(a->bins, o->ends);
  if ((a->min.at[0] > a->min.at[1] ? a->min.at[0] : a->min.at[1]) * a->bins >= 1)
    return clf__fail(CLF_EINVAL,
                     "rq: %d bins of at least %g of the interval do not fit into it; take fewer, "
                     "or a smaller min",
                     (int)a->bins, a->min.at[0] > a->min.at[1] ? a->min.at[0] : a->min.at[1]);
  return CLF_OK;
}

static void unmake(clf__map *m) {
  free(m->own);
  m->own = NULL;
}

static void derive(const clf__map *m, const int32_t *columns, double *c) {
  const rq *o = own_of(m);
  for (int32_t j = 0; j < m->dims && o->boxes.rank; j++) {
    const clf__tail t = tail_of(arch_of(m), columns[j]);
    box_of(arch_of(m), t, c + o->boxes.at + 4 * (int64_t)j);
    c[o->kinds.at + j] = ends_of(arch_of(m), t);
  }
}

/* ---- What the operation is given ----------------------------------------------------------------
 */

typedef struct numbers {
  int like;
  float scale, gain, beta, shift, min_width, min_height, min_slope, end_slope;
} numbers;

/* softplus with a beta, as torch has it. */
static double softplus(double u, double beta) { return log1p(exp(beta * u)) / beta; }

static int is_scaled(const clf__map *m) {
  const int scaled = arch_of(m)->scaled;
  return m->hidden && (scaled == CLF__SCALED_ON || (scaled == CLF__SCALED_AUTO && m->residual));
}

static numbers numbers_for(const clf__map *m) {
  const clf__arch_rq *a = arch_of(m);
  if (a->like == CLF__LIKE_ZUKO)
    return (numbers){.like = CLF_RQS_ZUKO,
                     .scale = 1,
                     .gain = 1,
                     .beta = 1,
                     .min_slope = (float)a->slope,
                     .end_slope = 1};
  const double least = a->min.at[2], beta = a->identity ? log(2) / (1 - least) : 1;
  return (numbers){.like = CLF_RQS_NFLOWS,
                   .scale = is_scaled(m) ? (float)(1 / sqrt(m->hidden)) : 1,
                   .gain = (float)(1 / beta),
                   .beta = (float)beta,
                   .min_width = (float)a->min.at[0],
                   .min_height = (float)a->min.at[1],
                   .min_slope = (float)least,
                   .end_slope = (float)(least + softplus(log(exp(1 - least) - 1), beta))};
}

static clf_tensor view(const clf__map *m, clf_tensor u) {
  return (clf_tensor){.buf = u.buf,
                      .offset = u.offset,
                      .dim = {u.dim[0], m->dims, m->numbers, 1},
                      .stride = {u.stride[0], m->numbers, 1, 1}};
}

/* The members that all four operations share. */
#define SHARED(m, p, t, u_)                                                                        \
  .at = (t), .u = view(m, u_), .box = clf__weight(p, &own_of(m)->boxes),                           \
  .kinds = clf__weight(p, &own_of(m)->kinds), .like = n.like, .ends = own_of(m)->ends,             \
  .outside = own_of(m)->outside, .left = (float)own_of(m)->box[0],                                 \
  .right = (float)own_of(m)->box[1], .bottom = (float)own_of(m)->box[2],                           \
  .top = (float)own_of(m)->box[3], .min_width = n.min_width, .min_height = n.min_height,           \
  .min_slope = n.min_slope, .end_slope = n.end_slope, .scale = n.scale, .gain = n.gain,            \
  .beta = n.beta, .shift = n.shift

static clf_status forward(const clf__map *m, const clf__pass *p, clf_tensor x, clf_tensor at,
                          clf_tensor u, clf_tensor y, clf_tensor logdet) {
  const numbers n = numbers_for(m);
  return clf_do(p->dev, rqs_fwd, .x = x, SHARED(m, p, at, u), .y = y, .logdet = logdet);
}

static clf_status inverse(const clf__map *m, const clf__pass *p, clf_tensor y, clf_tensor at,
                          clf_tensor u, clf_tensor x, clf_tensor logdet) {
  const numbers n = numbers_for(m);
  return clf_do(p->dev, rqs_inv, .y = y, SHARED(m, p, at, u), .x = x, .logdet = logdet);
}

static clf_status backward(const clf__map *m, const clf__pass *p, clf_tensor x, clf_tensor at,
                           clf_tensor u, clf_tensor dy, clf_tensor dx, clf_tensor du) {
  const numbers n = numbers_for(m);
  return clf_do(p->dev, rqs_bwd, .x = x, SHARED(m, p, at, u), .dy = dy, .dl = p->each, .dx = dx,
                .du = view(m, du), .dlogdet = p->dlogdet);
}

static clf_status backward_inverse(const clf__map *m, const clf__pass *p, clf_tensor x,
                                   clf_tensor at, clf_tensor u, clf_tensor dx, clf_tensor dy,
                                   clf_tensor du) {
  const numbers n = numbers_for(m);
  return clf_do(p->dev, rqs_inv_bwd, .x = x, SHARED(m, p, at, u), .dx = dx, .dl = p->each, .dy = dy,
                .du = view(m, du), .dlogdet = p->dlogdet);
}

/* The identity: equal bins, slopes of 1. */
static void start(const clf__map *m, clf__host_random *r, double *u) {
  const clf__arch_rq *a = arch_of(m);
  const double one = a->like == CLF__LIKE_ZUKO || a->identity ? 0 : log(exp(1 - a->min.at[2]) - 1);
  (void)r;
  for (int32_t j = 0; j < m->dims; j++)
    for (int32_t k = 0; k < m->numbers; k++) *u++ = k < 2 * a->bins ? 0 : one;
}

static int inside(const clf__map *m, int32_t j, double x, double interval[2]) {
  const rq *o = own_of(m);
  (void)j;
  interval[0] = o->box[0];
  interval[1] = o->box[1];
  return o->outside != CLF_OUTSIDE_REFUSED || (x >= o->box[0] && x <= o->box[1]);
}

const clf__map_ops clf__map_rq = {
    .name = "rq",
    .make = make,
    .unmake = unmake,
    .derive = derive,
    .forward = forward,
    .inverse = inverse,
    .backward = backward,
    .backward_inverse = backward_inverse,
    .start = start,
    .inside = inside,
    .traits = CLF_IS_BOUNDED,
};
