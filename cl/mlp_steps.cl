/* SPDX-License-Identifier: MIT */
/* mlp_steps.cl: whole training steps of small flows in one launch, by one work-group: many
 * steps, each forward, backward and Adam, for nets so small that launches would take most of
 * the time.
 *
 *   for each step
 *     each work-item: every STEPS_ITEMS-th block of LANES samples, forward and backward, adding to
 *       its own sums of gradients
 *     the sums over all work-items and lanes, then clipping and Adam: each work-item updates the
 *       weights whose sums it made
 *
 * Values of a block are rows of V, next to those of the other work-items: row f of work-item l
 * is at scratch[f * STEPS_ITEMS + l], with STEPS_ITEMS 1 for vectors, else WG.  Rows of a
 * work-item:
 *   [ gradients and loss: W + 1 ] [ X ] [ DX ] [ T ] [ what each coupling stores: steps_stored ]
 * and behind those of all work-items the sums [W + 1] and the squares [work-items]. */
#include "math.clh"
#include "shuffle.clh"

#define STEPS_ITEMS (LANES > 1 ? 1 : WG)
#define R(r, f) (r)[(f)*STEPS_ITEMS] /* row f */
#define EACH_D(z, i) for (int i = 0; i < z.D; i++)
#define TRANSFORMED(z, i) (z.b[(i)*z.bs] == 0) /* a dimension that the coupling transforms */

typedef struct {
  int D, H, bs;
  global const float *b; /* one coupling's mask */
} steps_shape;

/* out = A2 [tanh(A1 [x; 1]); 1] for transformed dimensions; the hidden units stay in h. */
static void steps_net(global const float *A1, steps_shape z, global V *x, global V *h,
                      global V *out) {
  global const float *A2 = A1 + z.H * (z.D + 1);
  for (int j = 0; j < z.H; j++, A1 += z.D + 1) {
    V sum = A1[z.D];
    EACH_D(z, i) if (!TRANSFORMED(z, i)) sum = fma((V)A1[i], R(x, i), sum);
    R(h, j) = tanh_v(sum);
  }
  EACH_D(z, i) {
    if (TRANSFORMED(z, i)) {
      V sum = A2[z.H];
      for (int j = 0; j < z.H; j++) sum = fma((V)A2[j], R(h, j), sum);
      R(out, i) = sum;
    }
    A2 += z.H + 1;
  }
}

/* Adds to the gradients G of the net's weights and to dx, given dout. */
static void steps_net_back(global const float *A1, steps_shape z, global V *x, global V *h,
                           global V *dout, global V *G1, global V *dx) {
  global const float *A2 = A1 + z.H * (z.D + 1);
  global V *G2 = G1 + z.H * (z.D + 1) * STEPS_ITEMS;
  const int C = z.H + 1;
  EACH_D(z, i) if (TRANSFORMED(z, i)) R(G2, i * C + z.H) += R(dout, i);
  for (int j = 0; j < z.H; j++, A1 += z.D + 1, G1 += (z.D + 1) * STEPS_ITEMS) {
    const V hj = R(h, j);
    V da = 0;
    EACH_D(z, i) if (TRANSFORMED(z, i)) {
      da = fma((V)A2[i * C + j], R(dout, i), da);
      R(G2, i * C + j) = fma(R(dout, i), hj, R(G2, i * C + j));
    }
    da *= 1 - hj * hj;
    R(G1, z.D) += da;
    EACH_D(z, i) if (!TRANSFORMED(z, i)) {
      R(G1, i) = fma(da, R(x, i), R(G1, i));
      R(dx, i) = fma((V)A1[i], da, R(dx, i));
    }
  }
}

/* What a coupling stores for a block: its input, the log-scale's h and its exponential, the hidden
 * units of both nets. */
typedef struct {
  global V *x, *h, *e, *hs, *ht;
} steps_stored;
static steps_stored steps_stored_of(global V *first, int l, int D, int H) {
  steps_stored k;
  k.x = first + l * (3 * D + 2 * H) * STEPS_ITEMS;
  k.h = k.x + D * STEPS_ITEMS;
  k.e = k.h + D * STEPS_ITEMS;
  k.hs = k.e + D * STEPS_ITEMS;
  k.ht = k.hs + H * STEPS_ITEMS;
  return k;
}

/* One coupling forward: X to its output; returns the block's log-determinants. */
static V steps_forward(global const float *w, int add, float s_max, steps_shape z, global V *X,
                       global V *T, steps_stored k) {
  const int one = z.H * (2 * z.D + 1) + z.D;
  V logdet = 0;
  EACH_D(z, i) R(k.x, i) = R(X, i);
  if (!add) steps_net(w, z, k.x, k.hs, k.h);
  steps_net(add ? w : w + one, z, k.x, k.ht, T);
  EACH_D(z, i) if (TRANSFORMED(z, i)) {
    const V s = add ? 0 : bounded_v(R(k.h, i), s_max), e = add ? 1 : exp(s);
    R(k.e, i) = e;
    R(X, i) = fma(R(X, i), e, R(T, i));
    logdet += s;
  }
  return logdet;
}

/* And backward: DX from its output's gradient to its input's, dlogdet that of the
 * log-determinant; T and k.h become the gradients of t and h. */
static void steps_back(global const float *w, int add, float s_max, V dlogdet, steps_shape z,
                       global V *DX, global V *T, steps_stored k, global V *G) {
  const int one = z.H * (2 * z.D + 1) + z.D;
  EACH_D(z, i) if (TRANSFORMED(z, i)) {
    const V d = R(DX, i), e = R(k.e, i);
    R(T, i) = d;
    R(DX, i) = d * e;
    if (!add) R(k.h, i) = (d * R(k.x, i) * e + dlogdet) * bounded_slope_v(R(k.h, i), s_max);
  }
  if (!add) steps_net_back(w, z, k.x, k.hs, k.h, G, DX);
  if (!add) w += one, G += one * STEPS_ITEMS;
  steps_net_back(w, z, k.x, k.ht, T, G, DX);
}

/* Rows of a work-item. */
typedef struct {
  global V *G, *X, *DX, *T, *stored; /* gradients and the loss, the state, its gradient, t */
} steps_rows;

/* Lanes past the last of n samples repeat it, with weight 0. */
static void steps_load(global const float *x, const mlp_steps_args *p, epoch_order order, int at,
                       int n0, int n, global V *X) {
  const U position = (uint)at + min((uint)n0 + (U)LANE_INDEX, (U)(uint)(n - 1));
  union {
    U v;
    uint i[LANES];
  } row;
  row.v = position;
  if (p->shuffle) row.v = order_at(order, position);
  for (int d = 0; d < p->x.dim[1]; d++) {
    clf_lanes u;
    for (int i = 0; i < LANES; i++) u.f[i] = x[row.i[i] * p->x.stride[0] + d * p->x.stride[1]];
    R(X, d) = u.v;
  }
}

/* Adds a block's loss and gradients; every sample has the weight `weight`. */
static void steps_block(const mlp_steps_args *p, global const float *b, global const float *w,
                        int P, V weight, steps_rows r) {
  steps_shape z = {p->x.dim[1], p->hidden, p->b.stride[1], b};
  const int L = p->b.dim[0], bl = p->b.stride[0];
  V loss = z.D * HALF_LOG_2PI;
  for (int l = 0; l < L; l++, z.b += bl)
    loss -= steps_forward(w + l * P, p->add, p->s_max, z, r.X, r.T,
                          steps_stored_of(r.stored, l, z.D, z.H));
  EACH_D(z, i) {
    const V x = R(r.X, i), log_s = p->scaling ? w[L * P + i] : 0, e = exp(log_s), y = x * e;
    const V dx = weight * y * e;
    loss += 0.5f * y * y - log_s;
    R(r.DX, i) = dx;
    if (p->scaling) R(r.G, L * P + i) += dx * x - weight;
  }
  R(r.G, p->w.dim[0]) += weight * loss;
  for (int l = L - 1; l >= 0; l--) {
    z.b -= bl;
    steps_back(w + l * P, p->add, p->s_max, -weight, z, r.DX, r.T,
               steps_stored_of(r.stored, l, z.D, z.H), r.G + l * P * STEPS_ITEMS);
  }
}

/* The sum of row f over the work-group: its work-items and lanes are contiguous. */
static float steps_total(global V *first, int f) {
#if LANES > 1
  return lanes_sum(first[f]);
#else
  float sum = 0;
  for (int i = 0; i < STEPS_ITEMS; i++) sum += first[f * STEPS_ITEMS + i];
  return sum;
#endif
}

#if LANES > 1
#define STEPS_BARRIER
#else
#define STEPS_BARRIER barrier(CLK_GLOBAL_MEM_FENCE)
#endif

/* The work-group's sums of the gradients and of the loss.  A work-item computes those of the
 * weights that it will move. */
static void steps_sum(int W, global V *first, global float *sums) {
  for (int f = get_local_id(0) * LANES; f <= W; f += STEPS_ITEMS * LANES)
    for (int i = f; i < min(f + LANES, W + 1); i++) sums[i] = steps_total(first, i);
}

/* The square of the gradient's norm; every work-item of the work-group calls it. */
static float steps_square(int W, global const float *sums, global float *squares) {
  float square = 0;
  V own = 0;
  for (int f = get_local_id(0) * LANES; f < W; f += STEPS_ITEMS * LANES) {
    const V g = lanes_load(sums + f, 1, W - f);
    own += g * g;
  }
  squares[get_local_id(0)] = lanes_sum(own);
  STEPS_BARRIER;
  for (int i = 0; i < STEPS_ITEMS; i++) square += squares[i];
  return square;
}

/* What clip_norm would multiply the gradient by. */
static float steps_scale(float square, float clip) {
  const float norm = sqrt(square);
  return !isfinite(square) ? NAN : norm > clip ? clip / norm : 1;
}

/* Adam's step number `number`, as adam_step, with `scale` times the gradient. */
static void steps_adam(const mlp_steps_args *p, int number, float scale, global const float *sums,
                       global float *w, global float *m, global float *v) {
  const int W = p->w.dim[0];
  const float c1 = -expm1(number * log(p->beta1)), c2 = -expm1(number * log(p->beta2));
  const float eps = p->eps_hat ? p->eps / sqrt(c2) : p->eps;
  for (int f = get_local_id(0) * LANES; f < W; f += STEPS_ITEMS * LANES) {
    const int n = W - f;
    const V g = scale * lanes_load(sums + f, 1, n);
    const V mf = p->beta1 * lanes_load(m + f, 1, n) + (1 - p->beta1) * g;
    const V vf = p->beta2 * lanes_load(v + f, 1, n) + (1 - p->beta2) * g * g;
    lanes_store(mf, m + f, 1, n);
    lanes_store(vf, v + f, 1, n);
    lanes_store(lanes_load(w + f, 1, n) - p->lr * (mf / c1) / (sqrt(vf / c2) + eps), w + f, 1, n);
  }
}

kernel BY_LANES void mlp_steps(CLF_IN(x), CLF_IN(b), CLF_OUT(w), CLF_OUT(m), CLF_OUT(v),
                               CLF_OUT(loss), CLF_OUT(square), const mlp_steps_args p,
                               CLF_SCRATCH_ALONE) {
  const int D = p.x.dim[1], W = p.w.dim[0], P = (W - (p.scaling ? D : 0)) / p.b.dim[0];
  const int S = (p.x.dim[0] - 1) / p.batch + 1, me = get_local_id(0);
  global V *first = (global V *)scratch;
  global float *w = PTR(w, 0, 0), *m = PTR(m, 0, 0), *v = PTR(v, 0, 0);
  steps_rows r;
  r.G = first + me;
  r.X = r.G + (W + 1) * STEPS_ITEMS;
  r.DX = r.X + D * STEPS_ITEMS;
  r.T = r.DX + D * STEPS_ITEMS;
  r.stored = r.T + D * STEPS_ITEMS;
  global float *sums =
      (global float *)(r.stored + p.b.dim[0] * (3 * D + 2 * p.hidden) * STEPS_ITEMS - me);
  for (int k = 0; k < p.count; k++) { /* all work-items take every turn */
    const int epoch = p.epoch + (p.at + k) / S, at = (p.at + k) % S * p.batch;
    const int n = min(p.batch, p.x.dim[0] - at);
    const epoch_order order = order_of(p.seed_lo, p.seed_hi, epoch, p.x.dim[0]);
    for (int f = 0; f <= W; f++) R(r.G, f) = 0;
    for (int n0 = me * LANES; n0 < n; n0 += STEPS_ITEMS * LANES) {
      steps_load(PTR(x, 0, 0), &p, order, at, n0, n, r.X);
      steps_block(&p, PTR(b, 0, 0), w, P, lanes_first((V)(1.0f / n), n - n0), r);
    }
    STEPS_BARRIER;
    const int slot = (p.slot + k) % p.loss.dim[0];
    float scale = 1;
    steps_sum(W, first, sums);
    if (p.clip > 0) {
      const float squared = steps_square(W, sums, sums + W + 1);
      if (me == 0) *PTR(square, slot, 0) = squared;
      scale = steps_scale(squared, p.clip);
    }
    steps_adam(&p, p.done + k + 1, scale, sums, w, m, v);
    if (me == W / LANES % STEPS_ITEMS) *PTR(loss, slot, 0) = sums[W];
    STEPS_BARRIER;
  }
}
