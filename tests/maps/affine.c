/* SPDX-License-Identifier: MIT */
/* affine.c: affine maps for test_maps.c; parameter 0 is that of the scale, parameter 1 the shift.
 */
#include "maps.h"

typedef struct affine { /* the parameters of ops.def */
  int scale, first;
  float a, b;
} affine;

static clf_tensor number(clf_tensor u, int32_t k) {
  return (clf_tensor){.buf = u.buf,
                      .offset = u.offset + k * u.stride[2],
                      .dim = {u.dim[0], u.dim[1], 1, 1},
                      .stride = {u.stride[0], u.stride[1], 1, 1}};
}

#define PARAMS(q, u)                                                                               \
  .s = number(u, 0), .t = number(u, 1), .scale = (q)->scale, .first = (q)->first, .a = (q)->a,     \
  .b = (q)->b

static clf_status call(clf_device *dev, const maps_case *c, maps_what what, const maps_views *v) {
  const affine *q = c->own;
  switch (what) {
  case MAPS_FWD:
    return clf_do(dev, affine_map_fwd, .x = v->x, .at = v->at, .y = v->y, .logdet = v->logdet,
                  PARAMS(q, v->u));
  case MAPS_INV:
    return clf_do(dev, affine_map_inv, .y = v->y, .at = v->at, .x = v->x, .logdet = v->logdet,
                  PARAMS(q, v->u));
  case MAPS_BWD:
    return clf_do(dev, affine_map_bwd, .x = v->x, .at = v->at, .dy = v->dy, .dl = v->dl,
                  .dx = v->dx, .ds = number(v->du, 0), .dt = number(v->du, 1), .dlogdet = 1,
                  PARAMS(q, v->u));
  default:
    return clf_do(dev, affine_map_inv_bwd, .x = v->x, .at = v->at, .dx = v->dx, .dl = v->dl,
                  .dy = v->dy, .ds = number(v->du, 0), .dt = number(v->du, 1), .dlogdet = 1,
                  PARAMS(q, v->u));
  }
}

#define AFFINE(name, ...)                                                                          \
  {                                                                                                \
    .label = #name, .d = 2, .m = 2, .lo = -3, .hi = 3, .spread = 2, .call = call,                  \
    .own = &(const affine) {                                                                       \
      .scale = CLF_SCALE_##name, __VA_ARGS__                                                       \
    }                                                                                              \
  }

const maps_case maps_affine[] = {
    AFFINE(exp, .a = 0),
    AFFINE(exp_clip, .a = 1.5f),
    AFFINE(sigmoid, .a = 2, .b = 1e-3f),
    AFFINE(sigmoid, .a = 2, .first = 1),
    AFFINE(softplus, .b = 1e-3f),
    AFFINE(general, .a = 1, .b = 1e-3f),
    AFFINE(soft, .a = 1e-3f),
    AFFINE(atan, .a = 1.9f),
    AFFINE(tanh, .a = 1.5f),
    AFFINE(tanh_wide, .a = 1.5f),
    AFFINE(sigmoid_log, .a = 2),
};
const int maps_affine_count = sizeof maps_affine / sizeof *maps_affine;
