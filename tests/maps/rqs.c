/* SPDX-License-Identifier: MIT */
/* rqs.c: rational-quadratic splines for test_maps.c. */
#include "maps.h"

typedef struct rqs { /* the parameters of ops.def */
  int like, ends, outside;
  float left, right, bottom, top, min_width, min_height, min_slope, end_slope;
  float scale, gain, beta, shift;
  const double *box, *kinds; /* of each column, or NULL */
} rqs;

#define RQS_PARAMS(r)                                                                              \
  .like = (r)->like, .ends = (r)->ends, .outside = (r)->outside, .left = (r)->left,                \
  .right = (r)->right, .bottom = (r)->bottom, .top = (r)->top, .min_width = (r)->min_width,        \
  .min_height = (r)->min_height, .min_slope = (r)->min_slope, .end_slope = (r)->end_slope,         \
  .scale = (r)->scale, .gain = (r)->gain, .beta = (r)->beta, .shift = (r)->shift, .box = box,      \
  .kinds = kinds

static clf_status run(clf_device *dev, const rqs *r, maps_what what, const maps_views *v,
                      clf_tensor box, clf_tensor kinds) {
  switch (what) {
  case MAPS_FWD:
    return clf_do(dev, rqs_fwd, .x = v->x, .at = v->at, .u = v->u, .y = v->y, .logdet = v->logdet,
                  RQS_PARAMS(r));
  case MAPS_INV:
    return clf_do(dev, rqs_inv, .y = v->y, .at = v->at, .u = v->u, .x = v->x, .logdet = v->logdet,
                  RQS_PARAMS(r));
  case MAPS_BWD:
    return clf_do(dev, rqs_bwd, .x = v->x, .at = v->at, .u = v->u, .dy = v->dy, .dl = v->dl,
                  .dx = v->dx, .du = v->du, .dlogdet = 1, RQS_PARAMS(r));
  default:
    return clf_do(dev, rqs_inv_bwd, .x = v->x, .at = v->at, .u = v->u, .dx = v->dx, .dl = v->dl,
                  .dy = v->dy, .du = v->du, .dlogdet = 1, RQS_PARAMS(r));
  }
}

static clf_status call(clf_device *dev, const maps_case *c, maps_what what, const maps_views *v) {
  const rqs *r = c->own;
  clf_arena a = {.dev = dev};
  clf_tensor box = {0}, kinds = {0};
  const int d = v->at.dim[0];
  CLF_TRY(clf_arena_init(&a, dev, 256));
  clf_status s = CLF_OK;
  if (r->box) {
    s = clf_new(&a, (int32_t[4]){d, 4, 1, 1}, &box);
    if (!s) s = clf_write64(dev, box, r->box);
    if (!s) s = clf_new(&a, (int32_t[4]){d, 1, 1, 1}, &kinds);
    if (!s) s = clf_write64(dev, kinds, r->kinds);
  }
  if (!s) s = run(dev, r, what, v, box, kinds);
  if (!s) s = clf_sync(dev);
  clf_arena_free(&a);
  return s;
}

#define MINIMA .min_width = 1e-3f, .min_height = 1e-3f, .min_slope = 1e-3f, .end_slope = 1
#define PLAIN MINIMA, .gain = 1, .beta = 1
#define SQUARE(B) .left = -(B), .right = (B), .bottom = -(B), .top = (B)
#define RQS(...)                                                                                   \
  .call = call, .own = &(const rqs) { __VA_ARGS__ }
#define PI 3.14159274f

/* In the order of all_columns(): the last column first. */
static const double boxes[12] = {-PI, PI, -PI, PI, -0.7f, 0.7f, -0.7f, 0.7f, -2, 2, -2, 2};
static const double kinds[3] = {CLF_LINEAR_ENDS, CLF_CIRCULAR_ENDS, CLF_LINEAR_ENDS};
static const double all_kinds[3] = {CLF_FREE_ENDS, CLF_CIRCULAR_ENDS, CLF_LINEAR_ENDS};

const maps_case maps_rqs[] = {
    {"nflows", "rqs_nflows", 2, 23, -4, 4, 1.5, RQS(SQUARE(3), PLAIN, .scale = 1)},
    {"scaled", "rqs_scaled", 2, 14, -1, 1, 4, RQS(SQUARE(1), PLAIN, .scale = 0.125f)},
    {"box", "rqs_box", 2, 13, -1, 2, 1, .refuses = 1,
     RQS(.ends = CLF_FREE_ENDS, .outside = CLF_OUTSIDE_REFUSED, .left = -1, .right = 2,
         .bottom = 0.5f, .top = 1, PLAIN, .scale = 1)},
    {"circular", "rqs_circular", 2, 15, -PI, PI, 1,
     RQS(.ends = CLF_CIRCULAR_ENDS, SQUARE(PI), PLAIN, .scale = 1)},
    {"columns", "rqs_columns", 3, 13, -0.7, 0.7, 1,
     RQS(.ends = CLF_FREE_ENDS, PLAIN, .scale = 1, .box = boxes, .kinds = kinds)},
    {"zuko", "rqs_zuko", 2, 23, -6, 6, 2,
     RQS(.like = CLF_RQS_ZUKO, SQUARE(5), .min_slope = 1e-3f, .end_slope = 1)},
    {"zuko, steep", "rqs_zuko_steep", 2, 8, -1.5, 1.5, 2,
     RQS(.like = CLF_RQS_ZUKO, SQUARE(1.5f), .min_slope = 1e-4f, .end_slope = 1)},
    {"lines", NULL, 2, 13, -4, 4, 1,
     RQS(.ends = CLF_FREE_ENDS, .outside = CLF_OUTSIDE_LINE, .left = -1, .right = 2, .bottom = 0.5f,
         .top = 1, PLAIN, .scale = 1)},
    {"one bin", NULL, 2, 2, -4, 4, 1, RQS(SQUARE(3), PLAIN, .scale = 1)},
    {"all kinds", NULL, 3, 10, -0.7, 0.7, 1,
     RQS(.ends = CLF_FREE_ENDS, PLAIN, .scale = 0.5f, .box = boxes, .kinds = all_kinds)},
    {"shifted", NULL, 1, 8, -4, 4, 2,
     RQS(SQUARE(3), MINIMA, .gain = 1.5f, .beta = 0.7f, .shift = 0.5f, .scale = 1)},
};
const int maps_rqs_count = sizeof maps_rqs / sizeof *maps_rqs;
