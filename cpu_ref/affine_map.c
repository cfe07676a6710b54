/* SPDX-License-Identifier: MIT */
/* affine_map.c: affine and additive maps of single elements (Dinh et al. 2017, eq. 7), both ways
 * and their gradients. */
#include "maps.h"

/* What scales.def wants. */
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

/* What a call says of its scales. */
typedef struct scales {
  const clf_tensor *s; /* left out: 1 */
  int kind, first;
  real a, b, rate;
} scales;
#define SCALES_OF(p)                                                                               \
  {                                                                                                \
    .s = &(p)->s, .kind = (p)->scale, .first = (p)->first, .a = (p)->a, .b = (p)->b,               \
    .rate = (p)->scale == CLF_SCALE_soft ? 1 / real_abs(real_log((p)->a)) : 0                      \
  }

/* The log-scales L of a block and, unless NULL, their slopes by the raw numbers. */
static void block_scales(const scales *q, const block *b_, lanes L, lanes slope) {
  const real a = q->a, b = q->b, rate = q->rate, one = 1;
  lanes raw;
  (void)a, (void)b, (void)rate, (void)one;
  EACH_LANE L[l] = 0;
  if (!q->s->buf) return;
  block_get_of(b_, q->s, raw);
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

CLF_REF_MAP(affine_map_fwd, x, 60.0) {
  const scales q = SCALES_OF(p);
  copy_samples(&p->x, &p->y, first, end);
  MAP_BLOCKS(x, b) {
    lanes x, t, y, L;
    block_get(&b, &p->x, x);
    block_get_of(&b, &p->t, t);
    block_scales(&q, &b, L, NULL);
    EACH_LANE {
      const real scale = real_exp(L[l]);
      y[l] = q.first ? (x[l] + t[l]) * scale : x[l] * scale + t[l];
    }
    block_put(&b, &p->y, y);
    if (p->s.buf) block_add(&b, &p->logdet, 1, L);
  }
}

CLF_REF_MAP(affine_map_inv, y, 60.0) {
  const scales q = SCALES_OF(p);
  copy_samples(&p->y, &p->x, first, end);
  MAP_BLOCKS(y, b) {
    lanes x, t, y, L;
    block_get(&b, &p->y, y);
    block_get_of(&b, &p->t, t);
    block_scales(&q, &b, L, NULL);
    EACH_LANE {
      const real scale = real_exp(-L[l]);
      x[l] = q.first ? y[l] * scale - t[l] : (y[l] - t[l]) * scale;
    }
    block_put(&b, &p->x, x);
    if (p->s.buf) block_add(&b, &p->logdet, -1, L);
  }
}

CLF_REF_MAP(affine_map_bwd, x, 90.0) {
  const scales q = SCALES_OF(p);
  copy_samples(&p->dy, &p->dx, first, end);
  MAP_BLOCKS(x, b) {
    lanes x, t, dy, dl, dx, ds, dt, L, slope;
    block_get(&b, &p->x, x);
    block_get_of(&b, &p->t, t);
    block_get(&b, &p->dy, dy);
    block_get_dl(&b, &p->dl, p->dlogdet, dl);
    EACH_LANE slope[l] = 0;
    block_scales(&q, &b, L, slope);
    EACH_LANE {
      dx[l] = dy[l] * real_exp(L[l]);
      dt[l] = q.first ? dx[l] : dy[l];
      ds[l] = (dx[l] * (q.first ? x[l] + t[l] : x[l]) + dl[l]) * slope[l];
    }
    block_put(&b, &p->dx, dx);
    block_put_of(&b, &p->dt, dt);
    if (p->ds.buf) block_put_of(&b, &p->ds, ds);
  }
}

CLF_REF_MAP(affine_map_inv_bwd, x, 90.0) {
  const scales q = SCALES_OF(p);
  copy_samples(&p->dx, &p->dy, first, end);
  MAP_BLOCKS(x, b) {
    lanes x, t, dy, dl, dx, ds, dt, L, slope;
    block_get(&b, &p->x, x);
    block_get_of(&b, &p->t, t);
    block_get(&b, &p->dx, dx);
    block_get_dl(&b, &p->dl, p->dlogdet, dl);
    EACH_LANE slope[l] = 0;
    block_scales(&q, &b, L, slope);
    EACH_LANE {
      dy[l] = dx[l] * real_exp(-L[l]);
      dt[l] = q.first ? -dx[l] : -dy[l];
      ds[l] = -(dx[l] * (q.first ? x[l] + t[l] : x[l]) + dl[l]) * slope[l];
    }
    block_put(&b, &p->dy, dy);
    block_put_of(&b, &p->dt, dt);
    if (p->ds.buf) block_put_of(&b, &p->ds, ds);
  }
}
