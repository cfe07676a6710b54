/* SPDX-License-Identifier: MIT */
/* mlp_steps.cl: whole training steps of small flows in one launch, by one group.
 *
 * An item takes every ITEMS-th block of LANES samples through all couplings and back, adding
 * what they give each weight; then the group's sums are added up and the weights moved.
 * Values of a block are rows of V in the pool: row f of item l at pool[f * ITEMS + l]. */
#define ITEMS (LANES > 1 ? 1 : WG)
#define R(r, f) (r)[(f)*ITEMS]
#define EACH_D(i) for (int i = 0; i < z.D; i++)
#define MOVED(i) (z.b[(i)*z.bs] == 0) /* by the coupling: not kept by its mask */

typedef struct {
  int D, H, bs;
  global const float *b; /* one coupling's mask */
} steps_shape;

/* out = A2 [tanh(A1 [x; 1]); 1] for those that move; h keeps the hidden units. */
static void steps_net(global const float *A1, steps_shape z, global V *x, global V *h,
                      global V *out) {
  global const float *A2 = A1 + z.H * (z.D + 1);
  for (int j = 0; j < z.H; j++, A1 += z.D + 1) {
    V sum = A1[z.D];
    EACH_D(i) if (!MOVED(i)) sum = fma((V)A1[i], R(x, i), sum);
    R(h, j) = tanh_v(sum);
  }
  EACH_D(i) {
    if (MOVED(i)) {
      V sum = A2[z.H];
      for (int j = 0; j < z.H; j++) sum = fma((V)A2[j], R(h, j), sum);
      R(out, i) = sum;
    }
    A2 += z.H + 1;
  }
}

/* Adds to the gradients G of the network's weights and to dx, given dout. */
static void steps_net_back(global const float *A1, steps_shape z, global V *x, global V *h,
                           global V *dout, global V *G1, global V *dx) {
  global const float *A2 = A1 + z.H * (z.D + 1);
  global V *G2 = G1 + z.H * (z.D + 1) * ITEMS;
  const int C = z.H + 1;
  EACH_D(i) if (MOVED(i)) R(G2, i * C + z.H) += R(dout, i);
  for (int j = 0; j < z.H; j++, A1 += z.D + 1, G1 += (z.D + 1) * ITEMS) {
    const V hj = R(h, j);
    V da = 0;
    EACH_D(i) if (MOVED(i)) {
      da = fma((V)A2[i * C + j], R(dout, i), da);
      R(G2, i * C + j) = fma(R(dout, i), hj, R(G2, i * C + j));
    }
    da *= 1 - hj * hj;
    R(G1, z.D) += da;
    EACH_D(i) if (!MOVED(i)) {
      R(G1, i) = fma(da, R(x, i), R(G1, i));
      R(dx, i) = fma((V)A1[i], da, R(dx, i));
    }
  }
}

/* What one coupling keeps of a block: its input, the log-scale's h and its exponential, the
 * hidden units of both networks. */
typedef struct {
  global V *x, *h, *e, *hs, *ht;
} steps_kept;
static steps_kept steps_kept_of(global V *kept, int l, int D, int H) {
  steps_kept k;
  k.x = kept + l * (3 * D + 2 * H) * ITEMS;
  k.h = k.x + D * ITEMS;
  k.e = k.h + D * ITEMS;
  k.hs = k.e + D * ITEMS;
  k.ht = k.hs + H * ITEMS;
  return k;
}

/* One coupling forward: X to its output; returns the block's log-determinants. */
static V steps_forward(global const float *w, int add, float s_max, steps_shape z, global V *X,
                       global V *T, steps_kept k) {
  const int one = z.H * (2 * z.D + 1) + z.D;
  V logdet = 0;
  EACH_D(i) R(k.x, i) = R(X, i);
  if (!add) steps_net(w, z, k.x, k.hs, k.h);
  steps_net(add ? w : w + one, z, k.x, k.ht, T);
  EACH_D(i) if (MOVED(i)) {
    const V s = add ? 0 : bounded_v(R(k.h, i), s_max), e = add ? 1 : exp(s);
    R(k.e, i) = e;
    R(X, i) = fma(R(X, i), e, R(T, i));
    logdet += s;
  }
  return logdet;
}

/* And back: DX from its output's gradient to its input's, dlogdet that of the
 * log-determinant; T and k.h become the gradients of t and h. */
static void steps_back(global const float *w, int add, float s_max, V dlogdet, steps_shape z,
                       global V *DX, global V *T, steps_kept k, global V *G) {
  const int one = z.H * (2 * z.D + 1) + z.D;
  EACH_D(i) if (MOVED(i)) {
    const V d = R(DX, i), e = R(k.e, i);
    R(T, i) = d;
    R(DX, i) = d * e;
    if (!add) R(k.h, i) = (d * R(k.x, i) * e + dlogdet) * bounded_slope_v(R(k.h, i), s_max);
  }
  if (!add) steps_net_back(w, z, k.x, k.hs, k.h, G, DX);
  if (!add) w += one, G += one * ITEMS;
  steps_net_back(w, z, k.x, k.ht, T, G, DX);
}

/* Rows of an item. */
typedef struct {
  global V *G, *X, *DX, *T, *kept; /* gradients and the loss, the state, its gradient, t */
} steps_rows;

/* Lanes past the last of n samples take it again, and count for nothing. */
static void steps_load(global const float *x, const mlp_steps_args *p, epoch_order order, int at,
                       int n0, int n, global V *X) {
  const U place = (uint)at + min((uint)n0 + (U)LANE_INDEX, (U)(uint)(n - 1));
  union {
    U v;
    uint i[LANES];
  } row;
  row.v = place;
  if (p->shuffle) row.v = order_at_v(order, place);
  for (int d = 0; d < p->x.dim[1]; d++) {
    clf_lanes u;
    for (int i = 0; i < LANES; i++) u.f[i] = x[row.i[i] * p->x.stride[0] + d * p->x.stride[1]];
    R(X, d) = u.v;
  }
}

/* A block's share of the loss and of all gradients, of samples that count `weight` each. */
static void steps_block(const mlp_steps_args *p, global const float *b, global const float *w,
                        int P, V weight, steps_rows r) {
  steps_shape z = {p->x.dim[1], p->hidden, p->b.stride[1], b};
  const int L = p->b.dim[0], bl = p->b.stride[0];
  V loss = z.D * HALF_LOG_2PI;
  for (int l = 0; l < L; l++, z.b += bl)
    loss -=
        steps_forward(w + l * P, p->add, p->s_max, z, r.X, r.T, steps_kept_of(r.kept, l, z.D, z.H));
  EACH_D(i) {
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
               steps_kept_of(r.kept, l, z.D, z.H), r.G + l * P * ITEMS);
  }
}

/* The sum over the group of row f: its items and lanes lie side by side. */
static float steps_total(global V *first, int f) {
#if LANES > 1
  return lanes_sum(first[f]);
#else
  float sum = 0;
  for (int i = 0; i < ITEMS; i++) sum += first[f * ITEMS + i];
  return sum;
#endif
}

#if LANES > 1
#define STEPS_BARRIER
#else
#define STEPS_BARRIER barrier(CLK_GLOBAL_MEM_FENCE)
#endif

/* The group's sums of the gradients and of the loss.  An item makes those of the weights that it
 * will move. */
static void steps_sum(int W, global V *first, global float *sums) {
  for (int f = get_local_id(0) * LANES; f <= W; f += ITEMS * LANES)
    for (int i = f; i < min(f + LANES, W + 1); i++) sums[i] = steps_total(first, i);
}

/* The square of the gradient's norm; every item of the group calls it. */
static float steps_square(int W, global const float *sums, global float *shares) {
  float square = 0;
  V share = 0;
  for (int f = get_local_id(0) * LANES; f < W; f += ITEMS * LANES) {
    const V g = lanes_load(sums + f, 1, W - f);
    share += g * g;
  }
  shares[get_local_id(0)] = lanes_sum(share);
  STEPS_BARRIER;
  for (int i = 0; i < ITEMS; i++) square += shares[i];
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
  for (int f = get_local_id(0) * LANES; f < W; f += ITEMS * LANES) {
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
                               CLF_OUT(loss), CLF_OUT(square), const mlp_steps_args p, CLF_POOL) {
  const int D = p.x.dim[1], W = p.w.dim[0], P = (W - (p.scaling ? D : 0)) / p.b.dim[0];
  const int S = (p.x.dim[0] - 1) / p.batch + 1, me = get_local_id(0);
  global V *first = (global V *)pool;
  global float *w = PTR(w, 0, 0), *m = PTR(m, 0, 0), *v = PTR(v, 0, 0);
  steps_rows r;
  r.G = first + me;
  r.X = r.G + (W + 1) * ITEMS;
  r.DX = r.X + D * ITEMS;
  r.T = r.DX + D * ITEMS;
  r.kept = r.T + D * ITEMS;
  global float *sums = (global float *)(r.kept + p.b.dim[0] * (3 * D + 2 * p.hidden) * ITEMS - me);
  for (int k = 0; k < p.count; k++) { /* all items of the group run every turn */
    const int epoch = p.epoch + (p.at + k) / S, at = (p.at + k) % S * p.batch;
    const int n = min(p.batch, p.x.dim[0] - at);
    const epoch_order order = order_of(p.seed_lo, p.seed_hi, epoch, p.x.dim[0]);
    for (int f = 0; f <= W; f++) R(r.G, f) = 0;
    for (int n0 = me * LANES; n0 < n; n0 += ITEMS * LANES) {
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
    if (me == W / LANES % ITEMS) *PTR(loss, slot, 0) = sums[W];
    STEPS_BARRIER;
  }
}
#undef ITEMS
#undef R
#undef EACH_D
#undef MOVED
#undef STEPS_BARRIER
