/* SPDX-License-Identifier: MIT */
/* mlp_steps.c: whole training steps of small flows.  Values are rows of BLOCK samples, so that
 * the inner loops run along samples and everything stays in the L1 cache; a single thread,
 * because waking another one takes longer than a step. */
#include "orders.h"
#include "ref.h"

enum { BLOCK = 64 };

typedef struct shape { /* of the flow */
  int D, H, L, P, W, add, scaling;
  real s_max;
} shape;
static shape shape_of(const clf_mlp_steps_args *p) {
  const int D = p->x.dim[1], H = p->hidden, nets = p->add ? 1 : 2;
  return (shape){D,           H,      p->b.dim[0], nets * (H * (2 * D + 1) + D),
                 p->w.dim[0], p->add, p->scaling,  p->s_max};
}

/* Rows of a block, BLOCK numbers each. */
typedef struct rows {
  real *x, *dx, *t, *loss, *net_values; /* kept: of each coupling, net_rows() */
} rows;
static int net_rows(const shape *z) { return 3 * z->D + 2 * z->H; }
static int all_rows(const shape *z) { return 3 * z->D + 1 + z->L * net_rows(z); }
static real *row(real *r, int f) { return r + (ptrdiff_t)f * BLOCK; }
#define EACH for (int n = 0; n < BLOCK; n++)

/* The values of a coupling: its input, its h and exp(s), its nets' hidden units. */
typedef struct net_values {
  real *x, *h, *e, *hs, *ht;
} net_values;
static net_values kept_of(const rows *r, int l, const shape *z) {
  real *x = row(r->net_values, l * net_rows(z)), *h = row(x, z->D), *e = row(h, z->D);
  real *hs = row(e, z->D);
  return (net_values){x, h, e, hs, row(hs, z->H)};
}

typedef struct coupling { /* one of them: its mask, weights and gradients */
  const real *b;
  int stride;
  const real *w;
  real *g;
} coupling;
static int moves(const coupling *c, int i) { return c->b[(ptrdiff_t)i * c->stride] == 0; }
static int one_net(const shape *z) { return z->H * (2 * z->D + 1) + z->D; }

static void add(real a, const real *restrict x, real *restrict y) {
  EACH
    y[n] += a * x[n];
}
static real dot(const real *restrict x, const real *restrict y) {
  real sum = 0;
  VECTOR_SUM(sum)
  EACH
    sum += x[n] * y[n];
  return sum;
}
static real total(const real *x) {
  real sum = 0;
  VECTOR_SUM(sum)
  EACH
    sum += x[n];
  return sum;
}
static void set(real v, real *x) {
  EACH
    x[n] = v;
}

/* ---- One net, forward and backward ----------------------------------------------------------- */

static void net(const shape *z, const coupling *c, const real *A1, real *x, real *h, real *out) {
  const real *A2 = A1 + (ptrdiff_t)z->H * (z->D + 1);
  for (int j = 0; j < z->H; j++, A1 += z->D + 1) {
    real *hj = row(h, j);
    set(A1[z->D], hj);
    for (int i = 0; i < z->D; i++)
      if (!moves(c, i)) add(A1[i], row(x, i), hj);
    EACH
      hj[n] = real_tanh(hj[n]);
  }
  for (int i = 0; i < z->D; i++, A2 += z->H + 1) {
    if (!moves(c, i)) continue;
    set(A2[z->H], row(out, i));
    for (int j = 0; j < z->H; j++) add(A2[j], row(h, j), row(out, i));
  }
}

/* Adds the gradients of the weights to g, and that of the input to dx. */
static void net_back(const shape *z, const coupling *c, const real *A1, real *g, real *x, real *h,
                     real *dout, real *dx) {
  const int C = z->H + 1;
  const real *A2 = A1 + (ptrdiff_t)z->H * (z->D + 1);
  real *g2 = g + (ptrdiff_t)z->H * (z->D + 1), da[BLOCK];
  for (int i = 0; i < z->D; i++)
    if (moves(c, i)) g2[i * C + z->H] += total(row(dout, i));
  for (int j = 0; j < z->H; j++, A1 += z->D + 1, g += z->D + 1) {
    const real *hj = row(h, j);
    set(0, da);
    for (int i = 0; i < z->D; i++) {
      if (!moves(c, i)) continue;
      add(A2[i * C + j], row(dout, i), da);
      g2[i * C + j] += dot(row(dout, i), hj);
    }
    EACH
      da[n] *= 1 - hj[n] * hj[n];
    g[z->D] += total(da);
    for (int i = 0; i < z->D; i++) {
      if (moves(c, i)) continue;
      g[i] += dot(da, row(x, i));
      add(A1[i], da, row(dx, i));
    }
  }
}

/* ---- One coupling, forward and backward ------------------------------------------------------ */

static void forward(const shape *z, const coupling *c, const rows *r, net_values k) {
  for (int i = 0; i < z->D; i++)
    EACH
      row(k.x, i)[n] = row(r->x, i)[n];
  if (!z->add) net(z, c, c->w, k.x, k.hs, k.h);
  net(z, c, z->add ? c->w : c->w + one_net(z), k.x, k.ht, r->t);
  for (int i = 0; i < z->D; i++) {
    real *x = row(r->x, i), *e = row(k.e, i);
    const real *h = row(k.h, i), *t = row(r->t, i);
    if (!moves(c, i)) continue;
    if (z->add) {
      EACH
        x[n] += t[n];
      continue;
    }
    EACH {
      const real s = bounded(h[n], z->s_max);
      e[n] = real_exp(s);
      x[n] = x[n] * e[n] + t[n];
      r->loss[n] -= s;
    }
  }
}

/* weight of each sample; h and t become their gradients. */
static void back(const shape *z, const coupling *c, const real *weight, const rows *r,
                 net_values k) {
  for (int i = 0; i < z->D; i++) {
    real *d = row(r->dx, i), *h = row(k.h, i), *t = row(r->t, i);
    const real *x = row(k.x, i), *e = row(k.e, i);
    if (!moves(c, i)) continue;
    EACH
      t[n] = d[n];
    if (z->add) continue;
    EACH {
      h[n] = (d[n] * x[n] * e[n] - weight[n]) * bounded_slope(h[n], z->s_max);
      d[n] *= e[n];
    }
  }
  if (!z->add) net_back(z, c, c->w, c->g, k.x, k.hs, k.h, r->dx);
  const int second = z->add ? 0 : one_net(z);
  net_back(z, c, c->w + second, c->g + second, k.x, k.ht, r->t, r->dx);
}

/* ---- A step --------------------------------------------------------------------------------- */

/* Samples n0 and following of the `count` of a batch that begins at position `first`; those past
 * the end repeat the last one, with weight zero. */
static void load(const clf_mlp_steps_args *p, const clf__order *order, int first, int n0, int count,
                 real *weight, real *x) {
  uint32_t i[BLOCK];
  EACH
    i[n] = (uint32_t)(first + (n0 + n < count ? n0 + n : count - 1));
  EACH
    weight[n] = n0 + n < count ? 1 / (real)count : 0;
  if (p->shuffle) orders_at(order, i, BLOCK);
  for (int d = 0; d < p->x.dim[1]; d++)
    EACH
      row(x, d)[n] = *at(&p->x, (int)i[n], d, 0, 0);
}

/* log p under N(0, I), through the diagonal scaling; dx is its gradient. */
static void ends(const shape *z, const real *log_s, real *dlog_s, const real *weight,
                 const rows *r) {
  for (int i = 0; i < z->D; i++) {
    const real s = z->scaling ? log_s[i] : 0, e = real_exp(s), *x = row(r->x, i);
    real *dx = row(r->dx, i), sum = 0;
    EACH {
      const real y = x[n] * e;
      dx[n] = weight[n] * y * e;
      r->loss[n] += (real)0.5 * y * y - s;
      sum += dx[n] * x[n] - weight[n];
    }
    if (z->scaling) dlog_s[i] += sum;
  }
}

static real block(const shape *z, const clf_mlp_steps_args *p, const real *w, real *g,
                  const real *weight, const rows *r) {
  set((real)z->D * (real)0.918938533204672742, r->loss); /* log(2 pi) / 2 */
  for (int l = 0; l < z->L; l++) {
    const coupling c = {at(&p->b, l, 0, 0, 0), p->b.stride[1], w + l * z->P, g + l * z->P};
    forward(z, &c, r, kept_of(r, l, z));
  }
  ends(z, w + z->L * z->P, g + z->L * z->P, weight, r);
  for (int l = z->L - 1; l >= 0; l--) {
    const coupling c = {at(&p->b, l, 0, 0, 0), p->b.stride[1], w + l * z->P, g + l * z->P};
    back(z, &c, weight, r, kept_of(r, l, z));
  }
  return dot(weight, r->loss);
}

static void adam(const clf_mlp_steps_args *p, int number, const real *restrict g, real *restrict w,
                 real *restrict m, real *restrict v) {
  const real b1 = p->beta1, b2 = p->beta2;
  const real c1 = (real)-expm1(number * log((double)b1)),
             c2 = (real)-expm1(number * log((double)b2));
  const real eps = p->eps_hat ? p->eps / real_sqrt(c2) : p->eps;
  for (int i = 0; i < p->w.dim[0]; i++) {
    m[i] = b1 * m[i] + (1 - b1) * g[i];
    v[i] = b2 * v[i] + (1 - b2) * g[i] * g[i];
    w[i] -= p->lr * (m[i] / c1) / (real_sqrt(v[i] / c2) + eps);
  }
}

/* As clip_norm; the square is stored in its slot. */
static void clip(const clf_mlp_steps_args *p, int slot, real *g) {
  real square = 0;
  const int W = p->w.dim[0];
  CLF_PRAGMA(omp simd reduction(+ : square))
  for (int i = 0; i < W; i++) square += g[i] * g[i];
  *at(&p->square, slot, 0, 0, 0) = square;
  const real norm = real_sqrt(square);
  const real scale = !isfinite(square) ? NAN : norm > p->clip ? p->clip / norm : 1;
  if (scale == 1) return;
  for (int i = 0; i < W; i++) g[i] *= scale;
}

CLF_REF(mlp_steps) {
  const shape z = shape_of(p);
  const size_t need = (size_t)all_rows(&z) * BLOCK + (size_t)z.W;
  real *memory = clf_scratch_get(scratch, need), weight[BLOCK];
  CLF_NEED(memory, need);
  real *g = row(memory, all_rows(&z)), *w = at(&p->w, 0, 0, 0, 0);
  real *dx = row(memory, z.D), *t = row(dx, z.D), *loss = row(t, z.D);
  const rows r = {memory, dx, t, loss, row(loss, 1)};
  const int S = (p->x.dim[0] - 1) / p->batch + 1;
  for (int k = 0; k < p->count; k++) {
    const int epoch = p->epoch + (p->at + k) / S, first = (p->at + k) % S * p->batch;
    const int n = p->batch < p->x.dim[0] - first ? p->batch : p->x.dim[0] - first;
    const clf__order order =
        clf__order_of(clf__join(p->seed_lo, p->seed_hi), (uint32_t)epoch, (uint32_t)p->x.dim[0]);
    real sum = 0;
    for (int i = 0; i < z.W; i++) g[i] = 0;
    for (int n0 = 0; n0 < n; n0 += BLOCK) {
      load(p, &order, first, n0, n, weight, r.x);
      sum += block(&z, p, w, g, weight, &r);
    }
    const int slot = (p->slot + k) % p->loss.dim[0];
    if (p->clip > 0) clip(p, slot, g);
    adam(p, p->done + k + 1, g, w, at(&p->m, 0, 0, 0, 0), at(&p->v, 0, 0, 0, 0));
    *at(&p->loss, slot, 0, 0, 0) = sum;
  }
  return CLF_OK;
}
