/* SPDX-License-Identifier: MIT */
/* rq.c: monotonic rational-quadratic splines (Durkan et al. 2019), in the parameterisations of
 * nflows, normflows and zuko. */
#include <math.h>
#include <stdlib.h>
#include "spline.h"
#include "sweep.h"

/* As rqs_fwd takes them. */
typedef struct rq {
  clf__spline spline;
  int like, ends, turn;
  double min_width, min_height, min_slope, end_slope, scale, gain, beta;
} rq;

static const rq *own_of(const clf__map *m) { return m->own; }

/* zuko has no separate ends for angles: its circular spline is rotated by half a turn, so that
 * pi is in the middle, and is then the usual one, with slope 1 at both ends. */
static void set_zuko(rq *o, const clf__arch_rq *a) {
  o->like = CLF_RQS_ZUKO;
  o->min_slope = a->slope;
  o->end_slope = 1;
  o->turn = o->ends == CLF_CIRCULAR_ENDS;
  if (o->turn) o->ends = CLF_LINEAR_ENDS;
}

/* The raw parameter that nflows uses for the ends: slope 1 there, unless beta is given. */
static double end_number(const clf__arch_rq *a) { return log(exp(1 - a->min.at[2]) - 1); }

/* With `identity`, softplus(beta u) / beta replaces softplus(u), which is 1 - min_slope at 0;
 * the slope at the ends is then not 1, as in nflows. */
static void set_nflows(rq *o, const clf__map *m, const clf__arch_rq *a) {
  const double beta = a->identity ? log(2.0) / (1 - a->min.at[2]) : 1;
  o->like = CLF_RQS_NFLOWS;
  o->min_width = a->min.at[0];
  o->min_height = a->min.at[1];
  o->min_slope = a->min.at[2];
  o->scale = clf__spline_factor(m, a->scaled);
  o->beta = beta;
  o->gain = (1 / beta);
  o->end_slope = (a->min.at[2] + log1p(exp(beta * end_number(a))) / beta);
}

static clf_status make(clf__map *m, clf__slots *slots, const char *path) {
  const clf__arch_rq *a = (const clf__arch_rq *)m->node;
  rq *o = m->own = calloc(1, sizeof *o);
  (void)path;
  if (!o) return clf__fail(CLF_ENOMEM, "no memory for a spline");
  o->spline = (clf__spline){.name = "rq", .tails = &a->tail, .box = &a->box};
  CLF_TRY(clf__spline_make(&o->spline, m, slots));
  o->ends = o->spline.ends;
  if (a->like == CLF__LIKE_ZUKO)
    set_zuko(o, a);
  else
    set_nflows(o, m, a);
  m->numbers = 3 * a->bins - 1 + o->ends;
  return CLF_OK;
}

static void unmake(clf__map *m) {
  rq *o = m->own;
  if (!o) return;
  clf__spline_free(&o->spline);
  free(o);
  m->own = NULL;
}

#define RQS(o, p)                                                                                  \
  .box = clf__slot_tensor(&(p)->weights, &(o)->spline.intervals),                                  \
  .kinds = clf__slot_tensor(&(p)->weights, &(o)->spline.kinds), .like = (o)->like,                 \
  .ends = (o)->ends, .outside = CLF_OUTSIDE_REFUSED, .turn = (o)->turn,                            \
  CLF__EXACT(left, (o)->spline.left), CLF__EXACT(right, (o)->spline.right),                        \
  CLF__EXACT(bottom, (o)->spline.left), CLF__EXACT(top, (o)->spline.right),                        \
  CLF__EXACT(min_width, (o)->min_width), CLF__EXACT(min_height, (o)->min_height),                  \
  CLF__EXACT(min_slope, (o)->min_slope), CLF__EXACT(end_slope, (o)->end_slope),                    \
  CLF__EXACT(scale, (o)->scale), CLF__EXACT(gain, (o)->gain), CLF__EXACT(beta, (o)->beta)

static clf_status forward(const clf__map *m, const clf__pass *p, clf_tensor x, clf_tensor at,
                          clf_tensor u, clf_tensor y, clf_tensor logdet) {
  const rq *o = own_of(m);
  return clf_do(p->dev, rqs_fwd, .x = x, .at = at, .u = clf__by_dimension(u, m->numbers), .y = y,
                .logdet = logdet, RQS(o, p));
}

static clf_status inverse(const clf__map *m, const clf__pass *p, clf_tensor y, clf_tensor at,
                          clf_tensor u, clf_tensor x, clf_tensor logdet) {
  const rq *o = own_of(m);
  return clf_do(p->dev, rqs_inv, .y = y, .at = at, .u = clf__by_dimension(u, m->numbers), .x = x,
                .logdet = logdet, RQS(o, p));
}

static clf_status sweep(const clf__map *m, const clf__pass *p, const clf__sweep *s, clf_tensor y,
                        clf_tensor x, clf_tensor logdet) {
  const rq *o = own_of(m);
  return clf_do(p->dev, made_rqs_inv, .y = y, CLF_SWEEP(s), .x = x, .logdet = logdet, RQS(o, p));
}

static clf_status backward(const clf__map *m, const clf__pass *p, clf_tensor x, clf_tensor at,
                           clf_tensor u, clf_tensor dy, clf_tensor dx, clf_tensor du) {
  const rq *o = own_of(m);
  return clf_do(p->dev, rqs_bwd, .x = x, .at = at, .u = clf__by_dimension(u, m->numbers), .dy = dy,
                .dl = p->each, .dx = dx, .du = clf__by_dimension(du, m->numbers),
                .dlogdet = p->dlogdet, RQS(o, p));
}

static clf_status backward_inverse(const clf__map *m, const clf__pass *p, clf_tensor x,
                                   clf_tensor at, clf_tensor u, clf_tensor dx, clf_tensor dy,
                                   clf_tensor du) {
  const rq *o = own_of(m);
  return clf_do(p->dev, rqs_inv_bwd, .x = x, .at = at, .u = clf__by_dimension(u, m->numbers),
                .dx = dx, .dl = p->each, .dy = dy, .du = clf__by_dimension(du, m->numbers),
                .dlogdet = p->dlogdet, RQS(o, p));
}

static void derive(const clf__map *m, const int32_t *columns, double *c) {
  clf__spline_derive(&own_of(m)->spline, m, columns, c);
}
static int inside(const clf__map *m, int32_t j, double x, double interval[2]) {
  return clf__spline_inside(&own_of(m)->spline, j, x, interval);
}
/* The identity: equal bins, slopes of 1. */
static void start(const clf__map *m, clf__host_random *r, double *u) {
  const clf__arch_rq *a = (const clf__arch_rq *)m->node;
  const double one = a->like == CLF__LIKE_ZUKO || a->identity ? 0 : end_number(a);
  (void)r;
  for (int32_t j = 0; j < m->dims; j++)
    for (int32_t k = 0; k < m->numbers; k++) *u++ = k < 2 * a->bins ? 0 : one;
}

const clf__map_ops clf__map_rq = {
    .name = "rq",
    .make = make,
    .unmake = unmake,
    .forward = forward,
    .inverse = inverse,
    .sweep = sweep,
    .backward = CLF_TRAINS(backward),
    .backward_inverse = CLF_TRAINS(backward_inverse),
    .derive = derive,
    .start = start,
    .starts_nets = 1,
    .inside = inside,
};
