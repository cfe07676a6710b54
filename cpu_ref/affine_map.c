/* SPDX-License-Identifier: MIT */
/* affine_map.c: affine and additive maps of single elements (Dinh et al. 2017, eq. 7), both ways
 * and their gradients. */
#include "scales.h"

#define SCALES_OF(p) SCALES(p, &(p)->s)

/* The log-scales L of a block and, unless NULL, their slopes by the raw numbers. */
static void block_scales(const scales *q, const block *b, lanes L, lanes slope) {
  lanes raw;
  EACH_LANE L[l] = 0;
  if (!q->s->buf) return;
  block_get_of(b, q->s, raw);
  scales_of(q, raw, L, slope);
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
    EACH_LANE x[l] = affine_inverse(y[l], t[l], L[l], q.first);
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
