/* SPDX-License-Identifier: MIT */
/* mlp_coupling.c: couplings (Dinh et al. 2017, eq. 7-8) whose s and t come from nets with one
 * hidden layer: the plain algorithm, which is the specification; in float it is
 * mlp_coupling_tiles.c.
 *
 * Values are rows of N samples, so the inner loops run along samples; each thread takes BLOCK
 * samples through everything.  A weight matrix has its bias as last column, and its input rows
 * end in ones. */
#include "ref.h"
#ifdef CLF_REAL64

enum { BLOCK = 64 };

typedef struct rows { /* row f, samples n0 .. n1 - 1 of N */
  real *v;
  int N, n0, n1;
} rows;

static real *row(rows r, int f) { return r.v + (ptrdiff_t)f * r.N; }
static rows skip(rows r, int n) { return (rows){r.v + (ptrdiff_t)n * r.N, r.N, r.n0, r.n1}; }
#define EACH(r) for (int n = (r).n0; n < (r).n1; n++)

static void add(real a, const real *restrict x, real *restrict y, int n0, int n1) {
  for (int n = n0; n < n1; n++) y[n] += a * x[n];
}
static void fill_row(rows r, int f, real v) {
  EACH(r) row(r, f)[n] = v;
}

/* y = A x, A is [R,C] */
static void product(const real *A, int R, int C, rows x, rows y) {
  for (int i = 0; i < R; i++) {
    fill_row(y, i, 0);
    for (int c = 0; c < C; c++) add(A[(ptrdiff_t)i * C + c], row(x, c), row(y, i), y.n0, y.n1);
  }
}
/* x += A^T y, without the bias column */
static void product_t(const real *A, int R, int C, rows y, rows x) {
  for (int i = 0; i < R; i++)
    for (int c = 0; c < C - 1; c++) add(A[(ptrdiff_t)i * C + c], row(y, i), row(x, c), y.n0, y.n1);
}
/* dA += sum over all samples of d x^T */
typedef struct outer_call {
  real *dA;
  int C;
  rows d, x;
} outer_call;
CLF_LOOP(outer_row, outer_call, q, i) {
  const int N = q->d.N;
  for (int c = 0; c < q->C; c++) {
    const real *di = row(q->d, i), *xc = row(q->x, c);
    real sum = 0;
    VECTOR_SUM(sum)
    for (int n = 0; n < N; n++) sum += di[n] * xc[n];
    q->dA[(ptrdiff_t)i * q->C + c] += sum;
  }
}
static void outer(real *dA, int R, int C, rows d, rows x) {
  const outer_call q = {dA, C, d, x};
  in_threads(2.0 * R * C * d.N, R, outer_row, &q);
}
static void tanh_rows(rows r, int count) {
  for (int f = 0; f < count; f++) {
    real *v = row(r, f);
    EACH(r) v[n] = real_tanh(v[n]);
  }
}

/* ---- The nets -------------------------------------------------------------------------------- */

typedef struct shape { /* of the layer, from the arguments of a call */
  int N, D, H, L, add;
  real s_max;
  const clf_tensor *b;
} shape;
#define SHAPE(p, x)                                                                                \
  { (x).dim[0], (x).dim[1], (p)->hidden, (p)->b.dim[0], (p)->add, (p)->s_max, &(p)->b }

static int is_transformed(const shape *z, int l, int i) { return *at(z->b, l, i, 0, 0) == 0; }

typedef struct nets { /* a row of w or dw; S1 = NULL for additive couplings */
  real *S1, *S2, *T1, *T2;
} nets;
static nets nets_of(const clf_tensor *w, int l, const shape *z) {
  real *first = at(w, l, 0, 0, 0);
  const ptrdiff_t one = (ptrdiff_t)z->H * (z->D + 1), two = (ptrdiff_t)z->D * (z->H + 1);
  nets A = {.T1 = first, .T2 = first + one};
  if (z->add) return A;
  return (nets){first, first + one, first + one + two, first + 2 * one + two};
}

/* The values of one coupling: its nets' input, their hidden units and outputs. */
typedef struct net_values {
  rows xb, hs, ht, h, t;
} net_values;
static int net_rows(const shape *z) { return 3 * z->D + 2 * z->H + 3; }
static net_values net_values_at(rows r, const shape *z) {
  const rows hs = skip(r, z->D + 1), ht = skip(hs, z->H + 1), h = skip(ht, z->H + 1);
  return (net_values){r, hs, ht, h, skip(h, z->D)};
}

static void network(const real *A1, const real *A2, const shape *z, rows xb, rows h, rows out) {
  fill_row(h, z->H, 1);
  product(A1, z->H, z->D + 1, xb, h);
  tanh_rows(h, z->H);
  product(A2, z->D, z->H + 1, h, out);
}

static void run_nets(nets A, const shape *z, int l, rows X, net_values k) {
  for (int i = 0; i < z->D; i++) {
    const int keep = !is_transformed(z, l, i);
    EACH(X) row(k.xb, i)[n] = keep ? row(X, i)[n] : 0;
  }
  fill_row(k.xb, z->D, 1);
  network(A.T1, A.T2, z, k.xb, k.ht, k.t);
  if (!z->add) network(A.S1, A.S2, z, k.xb, k.hs, k.h);
}
static real log_scale(const shape *z, real h) { return z->add ? 0 : bounded(h, z->s_max); }

/* ---- Forward and inverse ------------------------------------------------------------ */

static rows block_of(real *memory, const shape *z, int block) {
  const int n0 = block * BLOCK;
  return (rows){memory, z->N, n0, z->N - n0 > BLOCK ? n0 + BLOCK : z->N};
}
static int blocks_of(const shape *z) { return (z->N - 1) / BLOCK + 1; }

/* The context of a loop over blocks. */
typedef struct by_blocks {
  const void *args;
  shape z;
  real *memory;
  int l; /* the coupling, if it is a single one */
} by_blocks;
static double work(const shape *z) { return (double)z->N * z->H * (8 * z->D + 40) * z->L; }

static void load(const clf_tensor *t, int D, rows X) {
  for (int i = 0; i < D; i++)
    EACH(X) row(X, i)[n] = *at(t, n, i, 0, 0);
}
static void save(const clf_tensor *t, int D, rows X) {
  for (int i = 0; i < D; i++)
    EACH(X) *at(t, n, i, 0, 0) = row(X, i)[n];
}

CLF_LOOP(fwd_block, by_blocks, c, block) {
  const clf_mlp_coupling_fwd_args *p = c->args;
  const shape *z = &c->z;
  const rows X = block_of(c->memory, z, block);
  const net_values k = net_values_at(skip(X, z->D), z);
  load(&p->x, z->D, X);
  for (int l = 0; l < z->L; l++) {
    if (p->acts.buf)
      for (int i = 0; i < z->D; i++)
        EACH(X) *at(&p->acts, l, i, n, 0) = row(X, i)[n];
    run_nets(nets_of(&p->w, l, z), z, l, X, k);
    for (int i = 0; i < z->D; i++) {
      real *x = row(X, i);
      const real *h = row(k.h, i), *t = row(k.t, i);
      if (!is_transformed(z, l, i)) continue;
      EACH(X) x[n] = x[n] * real_exp(log_scale(z, h[n])) + t[n];
      EACH(X) *at(&p->logdet, n, 0, 0, 0) += log_scale(z, h[n]);
    }
  }
  save(&p->y, z->D, X);
}

CLF_REF(mlp_coupling_fwd) {
  by_blocks c = {.args = p, .z = SHAPE(p, p->x)};
  const size_t need = (size_t)(c.z.D + net_rows(&c.z)) * (size_t)c.z.N;
  c.memory = clf_scratch_get(scratch, need);
  CLF_NEED(c.memory, need);
  in_threads(work(&c.z), blocks_of(&c.z), fwd_block, &c);
  return CLF_OK;
}

CLF_LOOP(inv_block, by_blocks, c, block) {
  const clf_mlp_coupling_inv_args *p = c->args;
  const shape *z = &c->z;
  const rows X = block_of(c->memory, z, block);
  const net_values k = net_values_at(skip(X, z->D), z);
  load(&p->y, z->D, X);
  for (int l = z->L - 1; l >= 0; l--) {
    run_nets(nets_of(&p->w, l, z), z, l, X, k);
    for (int i = 0; i < z->D; i++) {
      real *x = row(X, i);
      const real *h = row(k.h, i), *t = row(k.t, i);
      if (!is_transformed(z, l, i)) continue;
      EACH(X) x[n] = (x[n] - t[n]) * real_exp(-log_scale(z, h[n]));
      EACH(X) *at(&p->logdet, n, 0, 0, 0) -= log_scale(z, h[n]);
    }
  }
  save(&p->x, z->D, X);
}

CLF_REF(mlp_coupling_inv) {
  by_blocks c = {.args = p, .z = SHAPE(p, p->y)};
  const size_t need = (size_t)(c.z.D + net_rows(&c.z)) * (size_t)c.z.N;
  c.memory = clf_scratch_get(scratch, need);
  CLF_NEED(c.memory, need);
  in_threads(work(&c.z), blocks_of(&c.z), inv_block, &c);
  return CLF_OK;
}

/* ---- Backward ------------------------------------------------------------------------ */

/* Rows of all samples: the state, its gradient, the gradient through the nets, the values of the
 * nets, and the gradients before their tanh. */
typedef struct backward_rows {
  rows X, DX, through, das, dat;
  net_values k;
} backward_rows;
static backward_rows backward_rows_of(rows r, const shape *z) {
  const rows DX = skip(r, z->D), through = skip(DX, z->D), k = skip(through, z->D);
  const rows das = skip(k, net_rows(z));
  return (backward_rows){r, DX, through, das, skip(das, z->H), net_values_at(k, z)};
}
static int back_rows(const shape *z) { return 3 * z->D + net_rows(z) + 2 * z->H; }

/* Replaces h and t by their gradients, x by the coupling's input, dx by the direct part of its
 * gradient.  With acts, x is the input already; otherwise it is rebuilt. */
static void coupling_back(const shape *z, int l, real dlogdet, int rebuild, backward_rows q) {
  for (int i = 0; i < z->D; i++) {
    real *h = row(q.k.h, i), *t = row(q.k.t, i), *x = row(q.X, i), *d = row(q.DX, i);
    if (is_transformed(z, l, i))
      EACH(q.X) {
        const real s = log_scale(z, h[n]), es = real_exp(s), dn = d[n];
        const real xs = rebuild ? x[n] - t[n] : x[n] * es;
        if (rebuild) x[n] = xs * real_exp(-s);
        d[n] = dn * es;
        h[n] = (dn * xs + dlogdet) * bounded_slope(h[n], z->s_max);
        t[n] = dn;
      }
    else
      EACH(q.X) h[n] = t[n] = 0;
    fill_row(q.through, i, 0);
  }
}

/* Backward through one net: dout -> the gradient before tanh, and on to its input. */
static void net_back(const real *A1, const real *A2, const shape *z, rows dout, rows h, rows da,
                     rows through) {
  for (int j = 0; j < z->H; j++) fill_row(da, j, 0);
  product_t(A2, z->D, z->H + 1, dout, da);
  for (int j = 0; j < z->H; j++)
    EACH(da) row(da, j)[n] *= 1 - row(h, j)[n] * row(h, j)[n];
  product_t(A1, z->H, z->D + 1, da, through);
}

/* Coupling l: recomputes its values from X, its input or, with `rebuild`, its output; then
 * backward. */
static void block_back(const clf_tensor *w, const shape *z, int l, real dlogdet, int rebuild,
                       backward_rows q) {
  const nets A = nets_of(w, l, z);
  run_nets(A, z, l, q.X, q.k);
  coupling_back(z, l, dlogdet, rebuild, q);
  net_back(A.T1, A.T2, z, q.k.t, q.k.ht, q.dat, q.through);
  if (!z->add) net_back(A.S1, A.S2, z, q.k.h, q.k.hs, q.das, q.through);
  for (int i = 0; i < z->D; i++)
    if (!is_transformed(z, l, i)) add(1, row(q.through, i), row(q.DX, i), q.X.n0, q.X.n1);
}

static void add_outers(const clf_tensor *dw, const shape *z, int l, backward_rows q) {
  const nets dA = nets_of(dw, l, z);
  outer(dA.T1, z->H, z->D + 1, q.dat, q.k.xb);
  outer(dA.T2, z->D, z->H + 1, q.k.t, q.k.ht);
  if (z->add) return;
  outer(dA.S1, z->H, z->D + 1, q.das, q.k.xb);
  outer(dA.S2, z->D, z->H + 1, q.k.h, q.k.hs);
}

CLF_LOOP(bwd_block, by_blocks, c, block) {
  const clf_mlp_coupling_bwd_args *p = c->args;
  const backward_rows here = backward_rows_of(block_of(c->memory, &c->z, block), &c->z);
  for (int i = 0; i < c->z.D && p->acts.buf; i++)
    EACH(here.X) row(here.X, i)[n] = *at(&p->acts, c->l, i, n, 0);
  block_back(&p->w, &c->z, c->l, p->dlogdet, !p->acts.buf, here);
}

CLF_REF(mlp_coupling_bwd) {
  const shape z = SHAPE(p, p->y);
  const size_t need = (size_t)back_rows(&z) * (size_t)z.N;
  real *memory = clf_scratch_get(scratch, need);
  CLF_NEED(memory, need);
  const rows all = {memory, z.N, 0, z.N};
  const backward_rows q = backward_rows_of(all, &z);
  load(&p->y, z.D, all);
  load(&p->dy, z.D, q.DX);
  for (int l = z.L - 1; l >= 0; l--) {
    const by_blocks c = {p, z, memory, l};
    in_threads(3 * work(&z) / z.L, blocks_of(&z), bwd_block, &c);
    add_outers(&p->dw, &z, l, q);
  }
  if (p->x.buf) save(&p->x, z.D, q.X);
  save(&p->dx, z.D, q.DX);
  return CLF_OK;
}

/* ---- The loss and its gradient --------------------------------------------------------------- */

/* Forward, storing every coupling's input in rows of `inputs`; DX receives the output. */
static void nll_on(const clf_tensor *w, const shape *z, rows inputs, real *logdet,
                   backward_rows q) {
  for (int l = 0; l < z->L; l++) {
    const rows X = skip(inputs, l * z->D), next = l + 1 < z->L ? skip(X, z->D) : q.DX;
    run_nets(nets_of(w, l, z), z, l, X, q.k);
    for (int i = 0; i < z->D; i++) {
      const int move = is_transformed(z, l, i);
      EACH(X) {
        const real s = move ? log_scale(z, row(q.k.h, i)[n]) : 0, x = row(X, i)[n];
        row(next, i)[n] = move ? x * real_exp(s) + row(q.k.t, i)[n] : x;
        logdet[n] += s;
      }
    }
  }
}

/* Replaces z in DX by its gradient. */
static real nll_turn(const shape *z, rows DX, const real *logdet, real weight) {
  const real half_log_2pi = (real)0.91893853320467274178;
  real loss = 0;
  for (int n = 0; n < z->N; n++) loss += half_log_2pi * z->D - logdet[n];
  for (int i = 0; i < z->D; i++)
    EACH(DX) {
      real *x = &row(DX, i)[n];
      loss += *x * *x / 2;
      *x *= weight;
    }
  return weight * loss;
}

/* A block's rows are those of back_rows(), then every coupling's input, then log-determinants. */
CLF_LOOP(nll_block_on, by_blocks, c, block) {
  const clf_mlp_coupling_nll_args *p = c->args;
  const shape *z = &c->z;
  const rows here = block_of(c->memory, z, block), inputs = skip(here, back_rows(z));
  const int last = back_rows(z) + z->L * z->D;
  fill_row(here, last, 0);
  load(&p->x, z->D, inputs);
  nll_on(&p->w, z, inputs, row(here, last), backward_rows_of(here, z));
}
CLF_LOOP(nll_block_back, by_blocks, c, block) {
  const clf_mlp_coupling_nll_args *p = c->args;
  const shape *z = &c->z;
  const rows here = block_of(c->memory, z, block);
  backward_rows q = backward_rows_of(here, z);
  q.X = skip(here, back_rows(z) + c->l * z->D);
  block_back(&p->w, z, c->l, -p->weight, 0, q);
}

CLF_REF(mlp_coupling_nll) {
  const shape z = SHAPE(p, p->x);
  const int shared = back_rows(&z), L = z.L;
  const size_t need = (size_t)(shared + L * z.D + 1) * (size_t)z.N;
  real *memory = clf_scratch_get(scratch, need);
  CLF_NEED(memory, need);
  const rows all = {memory, z.N, 0, z.N};
  real *logdet = row(all, shared + L * z.D);
  by_blocks c = {.args = p, .z = z, .memory = memory};
  in_threads(work(&z), blocks_of(&z), nll_block_on, &c);
  *at(&p->loss, 0, 0, 0, 0) = nll_turn(&z, backward_rows_of(all, &z).DX, logdet, p->weight);
  for (int l = L - 1; l >= 0; l--) {
    c.l = l;
    in_threads(3 * work(&z) / L, blocks_of(&z), nll_block_back, &c);
    add_outers(&p->dw, &z, l, backward_rows_of(all, &z));
  }
  return CLF_OK;
}
#endif
