/* SPDX-License-Identifier: MIT */
/* poly.c: monotonic linear and quadratic splines (Müller et al. 2019), as in nflows. */
#include <stdlib.h>
#include "spline.h"

/* As poly_spline_fwd takes them. */
typedef struct poly {
  clf__spline spline;
  int order, tails;
  double min_width, min_height, scale;
} poly;

static const poly *own_of(const clf__map *m) { return m->own; }

/* Of the first and last bin, relative to the heights at both ends; exact would be 1/2. */
static const float nflows_end_share = 0.25f;

static clf_status make(clf__map *m, clf__slots *slots, const char *name, int order,
                       const clf__tails *tails, const clf__reals *box) {
  poly *o = m->own = calloc(1, sizeof *o);
  if (!o) return clf__fail(CLF_ENOMEM, "no memory for a spline");
  for (int32_t i = 0; i < tails->n; i++) {
    if (tails->at[i].kind == CLF__TAIL_CIRCULAR)
      return clf__fail(CLF_EINVAL, "%s: has no circular tails; rq has", name);
    if (tails->at[i].kind != tails->at[0].kind)
      return clf__fail(CLF_EINVAL, "%s: all dimensions have bounds, or none; rq can mix them",
                       name);
  }
  o->spline = (clf__spline){.name = name, .tails = tails, .box = box};
  o->order = order;
  o->tails = tails->at[0].kind == CLF__TAIL_LINEAR;
  o->scale = 1;
  return clf__spline_make(&o->spline, m, slots);
}

static clf_status make_linear(clf__map *m, clf__slots *slots, const char *path) {
  const clf__arch_linear *a = (const clf__arch_linear *)m->node;
  (void)path;
  m->numbers = a->bins;
  return make(m, slots, "linear", 1, &a->tail, &a->box);
}

static clf_status make_quadratic(clf__map *m, clf__slots *slots, const char *path) {
  const clf__arch_quadratic *a = (const clf__arch_quadratic *)m->node;
  (void)path;
  CLF_TRY(make(m, slots, "quadratic", 2, &a->tail, &a->box));
  poly *o = m->own;
  o->min_width = a->min.at[0];
  o->min_height = a->min.at[1];
  o->scale = clf__spline_factor(m, a->scaled);
  m->numbers = 2 * a->bins + (o->tails ? -1 : 1);
  return CLF_OK;
}

static void unmake(clf__map *m) {
  poly *o = m->own;
  if (!o) return;
  clf__spline_free(&o->spline);
  free(o);
  m->own = NULL;
}

#define POLY(o, p)                                                                                 \
  .box = clf__slot_tensor(&(p)->weights, &(o)->spline.intervals), .order = (o)->order,             \
  .tails = (o)->tails, CLF__EXACT(left, (o)->spline.left), CLF__EXACT(right, (o)->spline.right),   \
  CLF__EXACT(bottom, (o)->spline.left), CLF__EXACT(top, (o)->spline.right),                        \
  CLF__EXACT(min_width, (o)->min_width), CLF__EXACT(min_height, (o)->min_height),                  \
  CLF__EXACT(scale, (o)->scale), .end_share = nflows_end_share

static clf_status forward(const clf__map *m, const clf__pass *p, clf_tensor x, clf_tensor at,
                          clf_tensor u, clf_tensor y, clf_tensor logdet) {
  return clf_do(p->dev, poly_spline_fwd, .x = x, .at = at, .u = clf__by_dimension(u, m->numbers),
                .y = y, .logdet = logdet, POLY(own_of(m), p));
}

static clf_status inverse(const clf__map *m, const clf__pass *p, clf_tensor y, clf_tensor at,
                          clf_tensor u, clf_tensor x, clf_tensor logdet) {
  return clf_do(p->dev, poly_spline_inv, .y = y, .at = at, .u = clf__by_dimension(u, m->numbers),
                .x = x, .logdet = logdet, POLY(own_of(m), p));
}

static clf_status backward(const clf__map *m, const clf__pass *p, clf_tensor x, clf_tensor at,
                           clf_tensor u, clf_tensor dy, clf_tensor dx, clf_tensor du) {
  return clf_do(p->dev, poly_spline_bwd, .x = x, .at = at, .u = clf__by_dimension(u, m->numbers),
                .dy = dy, .dl = p->each, .dx = dx, .du = clf__by_dimension(du, m->numbers),
                .dlogdet = p->dlogdet, POLY(own_of(m), p));
}

static clf_status backward_inverse(const clf__map *m, const clf__pass *p, clf_tensor x,
                                   clf_tensor at, clf_tensor u, clf_tensor dx, clf_tensor dy,
                                   clf_tensor du) {
  return clf_do(p->dev, poly_spline_inv_bwd, .x = x, .at = at,
                .u = clf__by_dimension(u, m->numbers), .dx = dx, .dl = p->each, .dy = dy,
                .du = clf__by_dimension(du, m->numbers), .dlogdet = p->dlogdet, POLY(own_of(m), p));
}

/* Equal bins: the identity, except near the ends of nflows' quadratic tails. */
static void start(const clf__map *m, clf__host_random *r, double *u) {
  (void)r;
  for (int64_t i = 0; i < (int64_t)m->dims * m->numbers; i++) u[i] = 0;
}

static void derive(const clf__map *m, const int32_t *columns, double *c) {
  clf__spline_derive(&own_of(m)->spline, m, columns, c);
}
static int inside(const clf__map *m, int32_t j, double x, double interval[2]) {
  return clf__spline_inside(&own_of(m)->spline, j, x, interval);
}

#define POLY_MAP                                                                                   \
  .unmake = unmake, .forward = forward, .inverse = inverse, .backward = CLF_TRAINS(backward),      \
  .backward_inverse = CLF_TRAINS(backward_inverse), .derive = derive, .start = start,              \
  .inside = inside
const clf__map_ops clf__map_linear = {.name = "linear", .make = make_linear, POLY_MAP};
const clf__map_ops clf__map_quadratic = {.name = "quadratic", .make = make_quadratic, POLY_MAP};
