/* SPDX-License-Identifier: MIT */
/* scales.h: scales of affine maps, for affine_map.c and the inverse of autoregressive layers. */
#ifndef CLF_REF_SCALES_H
#define CLF_REF_SCALES_H
#include "maps.h"

/* Definitions for scales.def. */
#ifdef CLF_REAL64
#define SCALE_ATAN atan
#else
#define SCALE_ATAN atanf
#endif
#define SCALE_NUMBER(v) ((real)(v))
#define SCALE_LOG lane_log
#define SCALE_ABS real_abs
#define SCALE_TANH real_tanh
#define SCALE_SIGMOID lane_sigmoid
#define SCALE_SOFTPLUS lane_softplus
#define SCALE_MIN(x, y) ((x) < (y) ? (x) : (y))
#define SCALE_MAX(x, y) ((x) > (y) ? (x) : (y))
#define SCALE_LESS(x, y) ((x) < (y) ? one : 0)

/* The description of scales in a call. */
typedef struct scales {
  const clf_tensor *s; /* absent: 1 */
  int kind, first;
  real a, b, rate;
  const real *g, *g0; /* unless NULL, the log-scale is g L + g0 */
} scales;
#define SCALES(p, tensor)                                                                          \
  {                                                                                                \
    .s = tensor, .kind = (p)->scale, .first = (p)->first, EXACT_OF(p, a), EXACT_OF(p, b),          \
    .rate = (p)->scale == CLF_SCALE_soft ? 1 / real_abs(real_log(EXACT(p, a))) : 0                 \
  }

/* The log-scales L of raw parameters and, unless NULL, their slopes. */
static inline void scales_of(const scales *q, const lanes raw, lanes L, lanes slope) {
  const real a = q->a, b = q->b, rate = q->rate, one = 1;
  (void)a, (void)b, (void)rate, (void)one;
  switch (q->kind) {
#define ROW(name, log_scale, scale_slope)                                                          \
  case CLF_SCALE_##name:                                                                           \
    EACH_LANE {                                                                                    \
      const real u = raw[l];                                                                       \
      L[l] = log_scale;                                                                            \
    }                                                                                              \
    if (slope) EACH_LANE {                                                                         \
        const real u = raw[l];                                                                     \
        (void)u;                                                                                   \
        slope[l] = scale_slope;                                                                    \
      }                                                                                            \
    break;
    CLF_SCALES(ROW)
#undef ROW
  default: break;
  }
}

/* The scales q with the trained factor of a call, if it has one. */
static inline scales trained(scales q, const clf_tensor *g, const clf_tensor *g0) {
  q.g = g->buf ? at(g, 0, 0, 0, 0) : NULL;
  q.g0 = g0->buf ? at(g0, 0, 0, 0, 0) : NULL;
  return q;
}
static inline void apply_trained(const scales *q, lanes L) {
  if (!q->g) return;
  const real g = *q->g, g0 = q->g0 ? *q->g0 : 0;
  EACH_LANE L[l] = g * L[l] + g0;
}

/* x from y, the shift and the log-scale. */
static inline real affine_inverse(real y, real t, real L, int first) {
  const real scale = real_exp(-L);
  return first ? y * scale - t : (y - t) * scale;
}
#endif
