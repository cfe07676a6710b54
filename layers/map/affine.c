/* SPDX-License-Identifier: MIT */
/* affine.c: affine and additive maps (Dinh et al. 2015, 2017), with the scales (scales.def) and
 * layouts of several libraries. */
#include <math.h>
#include <stdlib.h>
#include "map.h"
#include "sweep.h"

/* How affine_map_fwd computes scales from raw parameters, and the parameter for scale 1. */
typedef struct scale {
  int kind;
  double a, b, one;
} scale;

typedef struct affine {
  scale scale;
  clf__slot g, g0; /* (1) trained: the log-scale is g tanh(u) + g0 */
  int layout;      /* of arch.def, never auto */
  int first;
} affine;

static const affine *own_of(const clf__map *m) { return m->own; }

/* ---- Making ---------------------------------------------------------------------------------- */

static const double minimum = 1e-3; /* of nflows' scales */

static clf_status set_scale(const clf__arch_affine *a, scale *s) {
  const double clamp = a->clamp, freia = 2; /* its default */
  switch (a->scale) {
  case CLF__SCALE_EXP:
    *s = (scale){clamp > 0 ? CLF_SCALE_exp_clip : CLF_SCALE_exp, clamp, 0, 0};
    return CLF_OK;
  case CLF__SCALE_SIGMOID2:
    *s = (scale){CLF_SCALE_sigmoid, 2, minimum, log((1 - minimum) / minimum) - 2};
    return CLF_OK;
  case CLF__SCALE_GLOW: /* below 1: begins as near to it as sigmoid2 does */
    *s = (scale){CLF_SCALE_sigmoid, 2, 0, log((1 - minimum) / minimum) - 2};
    return CLF_OK;
  case CLF__SCALE_SOFTPLUS:
    *s = (scale){CLF_SCALE_softplus, 0, minimum, log(expm1(1 - minimum))};
    return CLF_OK;
  case CLF__SCALE_GENERAL:
    *s = (scale){CLF_SCALE_general, 3, minimum, log(expm1(1 - minimum))};
    return CLF_OK;
  case CLF__SCALE_ZUKO: *s = (scale){CLF_SCALE_soft, a->slope, 0, 0}; return CLF_OK;
  case CLF__SCALE_ATAN:
    *s = (scale){CLF_SCALE_atan, clamp > 0 ? clamp : freia, 0, 0};
    return CLF_OK;
  case CLF__SCALE_TANH:
    *s = (scale){clamp > 0 ? CLF_SCALE_tanh : CLF_SCALE_exp, clamp, 0, 0};
    return CLF_OK;
  case CLF__SCALE_SIGMOID:
    *s = (scale){CLF_SCALE_sigmoid_log, clamp > 0 ? clamp : freia, 0, 0};
    return CLF_OK;
  default: *s = (scale){CLF_SCALE_tanh_wide, 1, 0, 0}; return CLF_OK; /* realnvp; multiplied by g */
  }
}

/* Parameters from a masked net, and trained ones, come dimension by dimension; the layout gives
 * the order of the two.  zuko always has the shift first. */
static int layout_of(const clf__map *m, const clf__arch_affine *a) {
  const int by_dimension = m->masked || !m->hidden;
  switch (a->layout) {
  case CLF__LAYOUT_AUTO:
    if (a->scale == CLF__SCALE_ZUKO) return CLF__LAYOUT_INTERLEAVED;
    return by_dimension ? CLF__LAYOUT_PAIRS : CLF__LAYOUT_BLOCKS;
  case CLF__LAYOUT_BLOCKS: return by_dimension ? CLF__LAYOUT_INTERLEAVED : CLF__LAYOUT_BLOCKS;
  case CLF__LAYOUT_HALVES: return by_dimension ? CLF__LAYOUT_PAIRS : CLF__LAYOUT_HALVES;
  default: return a->layout;
  }
}

void clf__affine_add_trained(clf__slots *slots, clf__slot *g, clf__slot *g0, int board,
                             int channels, int normalised, const char *path) {
  static const int32_t one[1] = {1};
  const clf__group group = channels ? CLF_PLAIN : CLF_DECAYED;
  clf__slots_add(slots, g, group, !board, 0, 1, one, "%s.scale", path);
  if (!normalised) clf__slots_add(slots, g0, CLF_PLAIN, 0, 0, 1, one, "%s.scale_shift", path);
}

static clf_status make(clf__map *m, clf__slots *slots, const char *path) {
  const clf__arch_affine *a = (const clf__arch_affine *)m->node;
  affine *o = m->own = calloc(1, sizeof *o);
  if (!o) return clf__fail(CLF_ENOMEM, "no memory for an affine map");
  m->numbers = 2;
  o->layout = layout_of(m, a);
  o->first = a->first;
  if (a->scale == CLF__SCALE_REALNVP)
    clf__affine_add_trained(slots, &o->g, &o->g0, m->board, m->channels, m->normalised, path);
  return set_scale(a, &o->scale);
}

static void unmake(clf__map *m) {
  free(m->own);
  m->own = NULL;
}

/* ---- Passes ---------------------------------------------------------------------------------- */

/* Element j of the elements that start at `begin` with distance `step`. */
static clf_tensor every(clf_tensor u, int32_t begin, int32_t step, int32_t d) {
  return (clf_tensor){.buf = u.buf,
                      .offset = u.offset + begin * u.stride[1],
                      .dim = {u.dim[0], d, 1, 1},
                      .stride = {u.stride[0], step * u.stride[1], 1, 1}};
}
static clf_tensor scales(const clf__map *m, clf_tensor u) {
  const int32_t d = m->dims;
  switch (own_of(m)->layout) {
  case CLF__LAYOUT_BLOCKS: return every(u, d, 1, d);
  case CLF__LAYOUT_HALVES: return every(u, 0, 1, d);
  case CLF__LAYOUT_PAIRS: return every(u, 0, 2, d);
  default: return every(u, 1, 2, d);
  }
}
static clf_tensor shifts(const clf__map *m, clf_tensor u) {
  const int32_t d = m->dims;
  switch (own_of(m)->layout) {
  case CLF__LAYOUT_BLOCKS: return every(u, 0, 1, d);
  case CLF__LAYOUT_HALVES: return every(u, d, 1, d);
  case CLF__LAYOUT_PAIRS: return every(u, 1, 2, d);
  default: return every(u, 0, 2, d);
  }
}

#define AFFINE(m, p, u)                                                                            \
  .g = clf__weight(p, &own_of(m)->g), .g0 = clf__weight(p, &own_of(m)->g0), .s = scales(m, u),     \
  .t = shifts(m, u), .scale = own_of(m)->scale.kind, .first = own_of(m)->first,                    \
  CLF__EXACT(a, own_of(m)->scale.a), CLF__EXACT(b, own_of(m)->scale.b)

static clf_status forward(const clf__map *m, const clf__pass *p, clf_tensor x, clf_tensor at,
                          clf_tensor u, clf_tensor y, clf_tensor logdet) {
  return clf_do(p->dev, affine_map_fwd, .x = x, .at = at, .y = y, .logdet = logdet,
                AFFINE(m, p, u));
}

static clf_status inverse(const clf__map *m, const clf__pass *p, clf_tensor y, clf_tensor at,
                          clf_tensor u, clf_tensor x, clf_tensor logdet) {
  return clf_do(p->dev, affine_map_inv, .y = y, .at = at, .x = x, .logdet = logdet,
                AFFINE(m, p, u));
}

/* The parameters from a masked net come dimension by dimension. */
static clf_status sweep(const clf__map *m, const clf__pass *p, const clf__sweep *s, clf_tensor y,
                        clf_tensor x, clf_tensor logdet) {
  const affine *o = own_of(m);
  const int scale_at = o->layout == CLF__LAYOUT_PAIRS ? 0 : 1;
  return clf_do(p->dev, made_affine_inv, .y = y, CLF_SWEEP(s), .g = clf__weight(p, &o->g),
                .g0 = clf__weight(p, &o->g0), .x = x, .logdet = logdet, .scale_at = scale_at,
                .shift_at = 1 - scale_at, .scale = o->scale.kind, .first = o->first,
                CLF__EXACT(a, o->scale.a), CLF__EXACT(b, o->scale.b));
}

/* From the gradient by log-scales to those by the factor and by raw parameters. */
static clf_status trained_backward(const clf__map *m, const clf__pass *p, clf_tensor u,
                                   clf_tensor du) {
  const affine *o = own_of(m);
  if (!o->g.rank) return CLF_OK;
  return clf_do(p->dev, trained_scale_bwd, .s = scales(m, u), .g = clf__weight(p, &o->g),
                .ds = scales(m, du), .dg = clf__gradient(p, &o->g),
                .dg0 = clf__gradient(p, &o->g0));
}

static clf_status backward(const clf__map *m, const clf__pass *p, clf_tensor x, clf_tensor at,
                           clf_tensor u, clf_tensor dy, clf_tensor dx, clf_tensor du) {
  CLF_TRY(clf_do(p->dev, affine_map_bwd, .x = x, .at = at, .dy = dy, .dl = p->each, .dx = dx,
                 .ds = scales(m, du), .dt = shifts(m, du), .dlogdet = p->dlogdet, AFFINE(m, p, u)));
  return trained_backward(m, p, u, du);
}

static clf_status backward_inverse(const clf__map *m, const clf__pass *p, clf_tensor x,
                                   clf_tensor at, clf_tensor u, clf_tensor dx, clf_tensor dy,
                                   clf_tensor du) {
  CLF_TRY(clf_do(p->dev, affine_map_inv_bwd, .x = x, .at = at, .dx = dx, .dl = p->each, .dy = dy,
                 .ds = scales(m, du), .dt = shifts(m, du), .dlogdet = p->dlogdet, AFFINE(m, p, u)));
  return trained_backward(m, p, u, du);
}

/* The identity: trained parameters come in pairs. */
static void start(const clf__map *m, clf__host_random *r, double *u) {
  const int at = own_of(m)->layout == CLF__LAYOUT_INTERLEAVED;
  (void)r;
  for (int32_t j = 0; j < m->dims; j++) {
    u[2 * j + at] = own_of(m)->scale.one;
    u[2 * j + 1 - at] = 0;
  }
}

const clf__map_ops clf__map_affine = {
    .name = "affine",
    .make = make,
    .unmake = unmake,
    .forward = forward,
    .inverse = inverse,
    .sweep = sweep,
    .backward = CLF_TRAINS(backward),
    .backward_inverse = CLF_TRAINS(backward_inverse),
    .start = start,
};

/* ---- Additive -------------------------------------------------------------------------------- */

static clf_status make_add(clf__map *m, clf__slots *slots, const char *path) {
  (void)slots;
  (void)path;
  m->numbers = 1;
  return CLF_OK;
}

static clf_status forward_add(const clf__map *m, const clf__pass *p, clf_tensor x, clf_tensor at,
                              clf_tensor u, clf_tensor y, clf_tensor logdet) {
  (void)m;
  return clf_do(p->dev, affine_map_fwd, .x = x, .at = at, .t = u, .y = y, .logdet = logdet);
}

static clf_status inverse_add(const clf__map *m, const clf__pass *p, clf_tensor y, clf_tensor at,
                              clf_tensor u, clf_tensor x, clf_tensor logdet) {
  (void)m;
  return clf_do(p->dev, affine_map_inv, .y = y, .at = at, .t = u, .x = x, .logdet = logdet);
}

static clf_status sweep_add(const clf__map *m, const clf__pass *p, const clf__sweep *s,
                            clf_tensor y, clf_tensor x, clf_tensor logdet) {
  (void)m;
  return clf_do(p->dev, made_affine_inv, .y = y, CLF_SWEEP(s), .x = x, .logdet = logdet,
                .scale_at = -1);
}

static clf_status backward_add(const clf__map *m, const clf__pass *p, clf_tensor x, clf_tensor at,
                               clf_tensor u, clf_tensor dy, clf_tensor dx, clf_tensor du) {
  (void)m;
  return clf_do(p->dev, affine_map_bwd, .x = x, .at = at, .t = u, .dy = dy, .dx = dx, .dt = du);
}

static clf_status backward_inverse_add(const clf__map *m, const clf__pass *p, clf_tensor x,
                                       clf_tensor at, clf_tensor u, clf_tensor dx, clf_tensor dy,
                                       clf_tensor du) {
  (void)m;
  return clf_do(p->dev, affine_map_inv_bwd, .x = x, .at = at, .t = u, .dx = dx, .dy = dy, .dt = du);
}

static void start_add(const clf__map *m, clf__host_random *r, double *u) {
  (void)r;
  for (int32_t j = 0; j < m->dims; j++) u[j] = 0;
}

const clf__map_ops clf__map_add = {
    .name = "add",
    .make = make_add,
    .forward = forward_add,
    .inverse = inverse_add,
    .sweep = sweep_add,
    .backward = CLF_TRAINS(backward_add),
    .backward_inverse = CLF_TRAINS(backward_inverse_add),
    .start = start_add,
    .traits = CLF_KEEPS_VOLUME,
};
