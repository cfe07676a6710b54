/* SPDX-License-Identifier: MIT */
/* poly.c: linear and quadratic splines for test_maps.c. */
#include "maps.h"

typedef struct poly { /* the parameters of ops.def */
  int order, tails;
  float left, right, bottom, top, min_width, min_height, scale, end_share;
} poly;

#define PARAMS(q)                                                                                  \
  .order = (q)->order, .tails = (q)->tails, .left = (q)->left, .right = (q)->right,                \
  .bottom = (q)->bottom, .top = (q)->top, .min_width = (q)->min_width,                             \
  .min_height = (q)->min_height, .scale = (q)->scale, .end_share = (q)->end_share

static clf_status call(clf_device *dev, const maps_case *c, maps_what what, const maps_views *v) {
  const poly *q = c->own;
  switch (what) {
  case MAPS_FWD:
    return clf_do(dev, poly_spline_fwd, .x = v->x, .at = v->at, .u = v->u, .y = v->y,
                  .logdet = v->logdet, PARAMS(q));
  case MAPS_INV:
    return clf_do(dev, poly_spline_inv, .y = v->y, .at = v->at, .u = v->u, .x = v->x,
                  .logdet = v->logdet, PARAMS(q));
  case MAPS_BWD:
    return clf_do(dev, poly_spline_bwd, .x = v->x, .at = v->at, .u = v->u, .dy = v->dy, .dl = v->dl,
                  .dx = v->dx, .du = v->du, .dlogdet = 1, PARAMS(q));
  default:
    return clf_do(dev, poly_spline_inv_bwd, .x = v->x, .at = v->at, .u = v->u, .dx = v->dx,
                  .dl = v->dl, .dy = v->dy, .du = v->du, .dlogdet = 1, PARAMS(q));
  }
}

#define POLY(...)                                                                                  \
  .call = call, .own = &(const poly) { __VA_ARGS__ }
#define TAILS .tails = 1, .left = -2.5f, .right = 2.5f, .bottom = -2.5f, .top = 2.5f
#define BOX .left = -1, .right = 2, .bottom = 0.5f, .top = 1
#define MINIMA .order = 2, .min_width = 1e-3f, .min_height = 1e-3f

const maps_case maps_poly[] = {
    {"linear", "linear", 2, 5, -3, 3, 1, .jumps = 1, POLY(.order = 1, .scale = 1, TAILS)},
    {"linear, box", "linear_box", 2, 4, -1, 2, 1, .refuses = 1, .jumps = 1,
     POLY(.order = 1, .scale = 1, BOX)},
    {"quadratic", "quadratic", 2, 9, -3, 3, 1, .jumps = 1,
     POLY(MINIMA, .scale = 1, .end_share = 0.25f, TAILS)},
    {"quadratic, box", "quadratic_box", 2, 9, -1, 2, 1, .refuses = 1,
     POLY(MINIMA, .scale = 1, BOX)},
    {"exact tails", NULL, 2, 9, -3, 3, 1, POLY(MINIMA, .scale = 0.5f, .end_share = 0.5f, TAILS)},
    {"two bins", NULL, 2, 3, -3, 3, 1, POLY(MINIMA, .scale = 1, .end_share = 0.5f, TAILS)},
};
const int maps_poly_count = sizeof maps_poly / sizeof *maps_poly;
