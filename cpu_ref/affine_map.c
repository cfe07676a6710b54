/* SPDX-License-Identifier: MIT */
/* affine_map.c: affine and additive maps of single elements (Dinh et al. 2017, eq. 7), their
 * inverses and gradients. */
#define MAP_LANES                                                                                  \
  32 /* processors overlap what few vectors would wait for; blocks are multiples of it */
#include "scales.h"

#define SCALES_OF(p) trained((scales)SCALES(p, &(p)->s), &(p)->g, &(p)->g0)

/* The log-scales L of a block and, unless NULL, their slopes by the raw parameters, or 1 if
 * there is a trained factor in between. */
static void block_scales(const scales *q, const block *b, lanes L, lanes slope) {
  lanes raw;
  EACH_LANE L[l] = 0;
  if (!q->s->buf) return;
  block_get_of(b, q->s, raw);
  scales_of(q, raw, L, slope);
  apply_trained(q, L);
  if (q->g && slope) EACH_LANE slope[l] = 1;
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

/* ---- A trained factor --------------------------------------------------------------------- */

typedef struct by_rows {
  const clf_trained_scale_bwd_args *p;
  real *sum; /* two per sample */
} by_rows;

CLF_LOOP(trained_rows, by_rows, c, n) {
  const clf_trained_scale_bwd_args *p = c->p;
  const real g = *at(&p->g, 0, 0, 0, 0);
  double dg = 0, dg0 = 0;
  for (int j = 0; j < p->s.dim[1]; j++) {
    const real u = *at(&p->s, n, j, 0, 0), v = *at(&p->ds, n, j, 0, 0);
    dg += v * real_tanh(u);
    dg0 += v;
    *at(&p->ds, n, j, 0, 0) = v * g * bounded_slope(u, 1);
  }
  c->sum[2 * (ptrdiff_t)n] = (real)dg;
  c->sum[2 * (ptrdiff_t)n + 1] = (real)dg0;
}

CLF_REF(trained_scale_bwd) {
  const int N = p->s.dim[0];
  real *sum = clf_scratch_get(scratch, 2 * (size_t)N);
  CLF_NEED(sum, 2 * N);
  const by_rows c = {p, sum};
  in_threads(30.0 * (double)clf__count(&p->s), N, trained_rows, &c);
  double dg = 0, dg0 = 0;
  for (int n = 0; n < N; n++) {
    dg += sum[2 * (ptrdiff_t)n];
    dg0 += sum[2 * (ptrdiff_t)n + 1];
  }
  if (p->dg.buf) *at(&p->dg, 0, 0, 0, 0) += (real)dg;
  if (p->dg0.buf) *at(&p->dg0, 0, 0, 0, 0) += (real)dg0;
  return CLF_OK;
}
