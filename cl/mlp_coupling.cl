/* SPDX-License-Identifier: MIT */
/* mlp_coupling.cl: L couplings with one-hidden-layer networks.
 *
 * The samples are cut into blocks of LANES.  A block's values are rows of V in
 * the pool: row f of block k is at pool[f * fs + k * ks].  On CPUs a block is
 * contiguous (it stays in L1); with one lane neighbouring items touch neighbouring
 * floats.  Weight matrices have their bias as last column, so the rows they
 * multiply end in a row of ones and the bias needs no code of its own. */
typedef struct {
  global V *at;
  int fs;
} rows;

INLINE rows rows_of(global float *pool, int count, int blocks, int k) {
  const int ks = LANES > 1 ? count : 1;
  rows r = {(global V *)pool + (size_t)k * ks, LANES > 1 ? 1 : blocks};
  return r;
}
#define ROW(r, f) (r).at[(f) * (r).fs]
INLINE rows skip(rows r, int n) {
  r.at += (size_t)n * r.fs;
  return r;
}

enum { BAND = 8 }; /* rows of a product that share each load */

/* y = A x, A is [R,C] */
INLINE void product(global const float *A, int R, int C, rows x, rows y) {
  for (int r0 = 0; r0 < R; r0 += BAND) {
    global const float *a[BAND];
    V acc[BAND];
#pragma unroll
    for (int r = 0; r < BAND; r++) {
      acc[r] = 0;
      a[r] = A + min(r0 + r, R - 1) * C;
    }
    for (int c = 0; c < C; c++) {
      const V v = ROW(x, c);
#pragma unroll
      for (int r = 0; r < BAND; r++) acc[r] = fma((V)a[r][c], v, acc[r]);
    }
#pragma unroll
    for (int r = 0; r < BAND; r++)
      if (r0 + r < R) ROW(y, r0 + r) = acc[r];
  }
}

/* x = A^T y + keep * x, without the last column of A, the bias's */
INLINE void product_t(global const float *A, int R, int C, rows y, rows x, int keep) {
  for (int c0 = 0; c0 < C - 1; c0 += BAND) {
    V acc[BAND];
#pragma unroll
    for (int c = 0; c < BAND; c++) acc[c] = keep && c0 + c < C - 1 ? ROW(x, c0 + c) : 0;
    for (int r = 0; r < R; r++) {
      const V v = ROW(y, r);
#pragma unroll
      for (int c = 0; c < BAND; c++) acc[c] = fma((V)A[r * C + min(c0 + c, C - 2)], v, acc[c]);
    }
#pragma unroll
    for (int c = 0; c < BAND; c++)
      if (c0 + c < C - 1) ROW(x, c0 + c) = acc[c];
  }
}

/* ---- The networks -------------------------------------------------------------------- */

typedef struct { /* of the layer */
  int N, D, H, add;
  float s_max;
} shape;

typedef struct { /* row l of w; S1, S2 are of no use to additive couplings */
  global const float *S1, *S2, *T1, *T2;
} nets;
INLINE nets nets_of(global const float *first, shape z) {
  const int one = z.H * (z.D + 1), two = z.D * (z.H + 1);
  global const float *T1 = z.add ? first : first + one + two;
  nets A = {first, first + one, T1, T1 + one};
  return A;
}

/* out = A2 [tanh(A1 x); 1] */
INLINE void network(global const float *A1, global const float *A2, shape z, rows x, rows h,
                    rows out) {
  product(A1, z.H, z.D + 1, x, h);
  for (int j = 0; j < z.H; j++) ROW(h, j) = tanh(ROW(h, j));
  ROW(h, z.H) = 1;
  product(A2, z.D, z.H + 1, h, out);
}

INLINE void masked(global const float *b, int stride, shape z, rows X, rows xb) {
  for (int i = 0; i < z.D; i++) ROW(xb, i) = b[i * stride] != 0 ? ROW(X, i) : 0;
  ROW(xb, z.D) = 1;
}

#if LANES > 1
/* ==== An item takes blocks of samples, and its vectors lie along them ======================
 *
 * A block is WIDE vectors of samples, [row][WIDE], and a tile of a product TM rows by two of
 * its vectors, or TM / 2 by all: what sixteen registers hold.  Of a network's first matrix
 * only the columns count that are kept (b != 0), of its second only the rows that move, so
 * each coupling has its weights packed with the others left out: v0 of the products.
 * Panels [k][TM] are read as one stream, a panel TM / 2 high ends those whose rows do not
 * fill TM.  Hidden units go through in parts of PART, so that their weights stay in L1
 * while all blocks at hand pass, and are forgotten. */
enum { WIDE = 4, HALF = TM / 2, PART = 12 * TM };
int up(int n, int by) { return (n + by - 1) / by * by; }

/* Kept and moving dimensions of a coupling, in order. */
typedef struct {
  int keeps, moves;
  global const int *kept, *moved;
} split;

/* A network's weights: `in` [H / TM][1 + keeps][TM], the bias first, `out` [moves / TM][H][TM]
 * and its bias; for the way back `out_t` [H / TM][moves][TM], `in_t` [keeps / TM][H][TM]. */
typedef struct {
  int H; /* filled up to whole tiles by units without weights */
  global float *in, *out, *bias, *out_t, *in_t;
} panels;
int net_room(shape z) { return up(z.H, TM) * (2 * z.D + 1 + TM) + z.D + TM; }
int packed_room(shape z) { return z.D + 2 + (z.add ? 1 : 2) * net_room(z); }

/* Where the weights of coupling l are; net 0 is t's, 1 is s's.  Structs are filled, not
 * returned: Oclgrind cannot run what becomes of these. */
void split_of(split *q, global const float *packed, shape z, int l) {
  global const int *n = (global const int *)(packed + (size_t)l * packed_room(z));
  q->keeps = n[0];
  q->moves = n[1];
  q->kept = n + 2;
  q->moved = n + 2 + n[0];
}
void panels_of(panels *p, global float *packed, shape z, split q, int l, int net) {
  const int H = up(z.H, TM);
  p->H = H;
  p->in = packed + (size_t)l * packed_room(z) + z.D + 2 + net * net_room(z);
  p->out_t = p->in + (q.keeps + 1) * H;
  p->bias = p->out_t + q.moves * H;
  p->out = p->bias + up(q.moves, TM);
  p->in_t = p->out + up(q.moves, HALF) * H;
}

/* Where row r of `rows` begins in panels of H columns, and how far its columns lie apart. */
int panel_at(int r, int H) { return r / TM * TM * H + r % TM; }
int panel_high(int r, int rows) { return rows - r / TM * TM > HALF ? TM : HALF; }

void pack_net(global const float *A1, global const float *A2, shape z, split q, panels p) {
  for (int j = 0; j < p.H; j++) {
    const int live = j < z.H;
    global const float *row = A1 + (live ? j : 0) * (z.D + 1);
    global float *in = p.in + j / TM * TM * (q.keeps + 1) + j % TM;
    global float *out_t = p.out_t + j / TM * TM * q.moves + j % TM;
    in[0] = live ? row[z.D] : 0;
    for (int k = 0; k < q.keeps; k++) in[(k + 1) * TM] = live ? row[q.kept[k]] : 0;
    for (int m = 0; m < q.moves; m++) out_t[m * TM] = live ? A2[q.moved[m] * (z.H + 1) + j] : 0;
  }
  for (int m = 0; m < up(q.moves, HALF); m++) {
    global float *out = p.out + panel_at(m, p.H);
    global const float *row = A2 + (m < q.moves ? q.moved[m] : 0) * (z.H + 1);
    const int high = panel_high(m, q.moves);
    p.bias[m] = m < q.moves ? row[z.H] : 0;
    for (int j = 0; j < p.H; j++) out[j * high] = m < q.moves && j < z.H ? row[j] : 0;
  }
  for (int k = 0; k < up(q.keeps, HALF); k++) {
    global float *in_t = p.in_t + panel_at(k, p.H);
    const int high = panel_high(k, q.keeps);
    for (int j = 0; j < p.H; j++)
      in_t[j * high] = k < q.keeps && j < z.H ? A1[j * (z.D + 1) + q.kept[k]] : 0;
  }
}

/* Coupling l, from its row of masks and of weights. */
void pack(global const float *b, int stride, global const float *w, shape z, global float *packed,
          int l) {
  global int *n = (global int *)(packed + (size_t)l * packed_room(z));
  int keeps = 0, moves = 0;
  for (int i = 0; i < z.D; i++)
    if (b[i * stride] != 0) n[2 + keeps++] = i;
  for (int i = 0; i < z.D; i++)
    if (b[i * stride] == 0) n[2 + keeps + moves++] = i;
  n[0] = keeps;
  n[1] = moves;
  split q;
  split_of(&q, packed, z, l);
  const nets A = nets_of(w, z);
  panels T, S;
  panels_of(&T, packed, z, q, l, 0);
  panels_of(&S, packed, z, q, l, 1);
  pack_net(A.T1, A.T2, z, q, T);
  if (!z.add) pack_net(A.S1, A.S2, z, q, S);
}

/* tanh as x p(x^2) / q(x^2), a fit on [-7.9, 7.9] whose error is 6e-9; in floats within 5 ulp,
 * 0.9 on average.  |mlp_tanh| < 1, and NaN stays NaN. */
V mlp_tanh(V x) {
  const V most = 7.905f, b = most < x ? most : x, a = b < -most ? -most : b, z = a * a;
  const V p = fma(fma(fma(fma((V)1.54181905e-08f, z, (V)2.20169144e-05f), z, (V)0.00357862911f), z,
                      (V)0.134503203f),
                  z, (V)0.999999994f);
  const V q = fma(fma(fma(fma((V)8.59501232e-07f, z, (V)0.000342304323f), z, (V)0.0261908746f), z,
                      (V)0.467836483f),
                  z, (V)1);
  return a * p / q;
}

/* acc[r][v] += sum over K of w[k][r] x[k][v], for R rows and the vectors v of x at hand; what
 * there is less of is loaded first and stays in registers. */
#define TILE2(K, w, x)                                                                             \
  for (int k_ = 0; k_ < (K); k_++) {                                                               \
    const V x0_ = (x)[k_ * WIDE], x1_ = (x)[k_ * WIDE + 1];                                        \
    _Pragma("unroll") for (int r = 0; r < TM; r++) {                                               \
      const V a_ = (w)[k_ * TM + r];                                                               \
      acc[r][0] = fma(a_, x0_, acc[r][0]);                                                         \
      acc[r][1] = fma(a_, x1_, acc[r][1]);                                                         \
    }                                                                                              \
  }
#define TILE4(K, w, x)                                                                             \
  for (int k_ = 0; k_ < (K); k_++) {                                                               \
    V a_[HALF];                                                                                    \
    _Pragma("unroll") for (int r = 0; r < HALF; r++) a_[r] = (w)[k_ * HALF + r];                   \
    _Pragma("unroll") for (int v = 0; v < WIDE; v++) {                                             \
      const V x_ = (x)[k_ * WIDE + v];                                                             \
      _Pragma("unroll") for (int r = 0; r < HALF; r++) acc[r][v] = fma(a_[r], x_, acc[r][v]);      \
    }                                                                                              \
  }
#define EACH_OF_TILE(R, VECS)                                                                      \
  _Pragma("unroll") for (int r = 0; r < R; r++) _Pragma("unroll") for (int v = 0; v < VECS; v++)

/* h[rows] = tanh of the hidden units j .. j + rows - 1, whole tiles, at a block's kept x. */
void hidden(panels p, int keeps, int j, int rows, global const V *x, global V *h) {
  for (int j1 = j + rows; j < j1; j += TM, h += TM * WIDE) {
    global const float *w = p.in + j * (keeps + 1);
    for (int v0 = 0; v0 < WIDE; v0 += 2) {
      V acc[TM][2];
      EACH_OF_TILE(TM, 2) acc[r][v] = w[r];
      TILE2(keeps, w + TM, x + v0)
      EACH_OF_TILE(TM, 2) h[r * WIDE + v0 + v] = mlp_tanh(acc[r][v]);
    }
  }
}

/* y[rows] (+)= w x, columns j .. j + cols - 1 of panels; without `add` the bias, where there is
 * one, is what it begins with.  y is written in whole tiles. */
void add_rows(global const float *w, int rows, int H, int j, int cols, int add,
              global const float *bias, global const V *x, global V *y) {
  for (int r0 = 0; r0 < rows; r0 += TM, w += TM * H, y += TM * WIDE) {
    global const float *b = bias + r0;
    if (rows - r0 <= HALF) {
      V acc[HALF][WIDE];
      EACH_OF_TILE(HALF, WIDE) acc[r][v] = add ? y[r * WIDE + v] : bias ? (V)b[r] : (V)0;
      TILE4(cols, w + j * HALF, x)
      EACH_OF_TILE(HALF, WIDE) y[r * WIDE + v] = acc[r][v];
    } else
      for (int v0 = 0; v0 < WIDE; v0 += 2) {
        V acc[TM][2];
        EACH_OF_TILE(TM, 2)
        acc[r][v] = add ? y[r * WIDE + v0 + v] : bias ? (V)b[r] : (V)0;
        TILE2(cols, w + j * TM, x + v0)
        EACH_OF_TILE(TM, 2) y[r * WIDE + v0 + v] = acc[r][v];
      }
  }
}

/* ---- Forward and inverse ---------------------------------------------------------------
 * Item g takes blocks e.z g .. e.z (g + 1) - 1 of e.y, e.w at a time.  It has e.x vectors of
 * the pool; behind all items' lie the packed weights, which a lone item packs itself. */

#define ITEMS ((e.y - 1) / e.z + 1)
#define MINE ((global V *)pool + (size_t)get_global_id(0) * e.x)
#define PACKED (pool + (size_t)ITEMS * e.x * LANES)
#define AT_ROW(X, i) ((X) + (i)*WIDE)
#define SHAPE(x)                                                                                   \
  { p.x.dim[0], p.x.dim[1], p.hidden, p.add, p.s_max }
#define PACK_ALL                                                                                   \
  for (int l = 0; l < p.b.dim[0]; l++) pack(PTR(b, l, 0), p.b.stride[1], PTR(w, l, 0), z, PACKED, l)

/* Column i of a matrix, samples n0 and on, into the vectors of a row; `left` are there. */
void load_row(global const float *s, int stride, int left, global V *row) {
  for (int v = 0; v < WIDE; v++)
    row[v] = lanes_load(s + v * LANES * stride, stride, left - v * LANES);
}
void store_row(global const V *row, global float *d, int stride, int left) {
  for (int v = 0; v < WIDE; v++)
    lanes_store(row[v], d + v * LANES * stride, stride, left - v * LANES);
}

typedef struct { /* rows of a block; the hidden units are those of whichever block is next */
  global V *X, *kept, *s, *t, *logdet, *h;
} mlp_place;
int mlp_place_rows(shape z) { return 4 * z.D + 2 * TM + 1; }
void mlp_place_of(mlp_place *a, global V *mine, shape z, int k) {
  a->h = mine;
  a->X = AT_ROW(mine, PART + k * mlp_place_rows(z));
  a->kept = AT_ROW(a->X, z.D);
  a->s = AT_ROW(a->kept, z.D);
  a->t = AT_ROW(a->s, z.D + TM);
  a->logdet = AT_ROW(a->t, z.D + TM);
}

global V *rows_in(global V *mine, shape z, int k) {
  return AT_ROW(mine, PART + k * mlp_place_rows(z));
}
global V *logdet_of(global V *mine, shape z, int k) {
  mlp_place a;
  mlp_place_of(&a, mine, z, k);
  return a.logdet;
}

void keep_rows(split q, global const V *X, global V *kept) {
  for (int k = 0; k < q.keeps; k++)
    for (int v = 0; v < WIDE; v++) AT_ROW(kept, k)[v] = AT_ROW(X, q.kept[k])[v];
}

/* A block's moving rows, from s and t. */
void move_rows(shape z, split q, mlp_place a, int inverse) {
  for (int m = 0; m < q.moves; m++)
    for (int v = 0; v < WIDE; v++) {
      global V *x = AT_ROW(a.X, q.moved[m]) + v;
      const V s = z.add ? (V)0 : bounded_v(AT_ROW(a.s, m)[v], z.s_max), t = AT_ROW(a.t, m)[v];
      *x = inverse ? (*x - t) * exp(-s) : *x * exp(s) + t;
      a.logdet[v] += inverse ? -s : s;
    }
}

/* `count` blocks through coupling l. */
void through(global float *packed, shape z, int l, int inverse, global V *mine, int count) {
  split q;
  split_of(&q, packed, z, l);
  for (int k = 0; k < count; k++) {
    mlp_place a;
    mlp_place_of(&a, mine, z, k);
    keep_rows(q, a.X, a.kept);
  }
  for (int net = 0; net < (z.add ? 1 : 2); net++) {
    panels p;
    panels_of(&p, packed, z, q, l, net);
    for (int j = 0; j < p.H; j += PART) {
      const int cols = min((int)PART, p.H - j);
      for (int k = 0; k < count; k++) {
        mlp_place a;
        mlp_place_of(&a, mine, z, k);
        hidden(p, q.keeps, j, cols, a.kept, a.h);
        add_rows(p.out, q.moves, p.H, j, cols, j > 0, p.bias, a.h, net ? a.s : a.t);
      }
    }
  }
  for (int k = 0; k < count; k++) {
    mlp_place a;
    mlp_place_of(&a, mine, z, k);
    move_rows(z, q, a, inverse);
  }
}

#define FOR_BLOCKS                                                                                 \
  const int first = get_global_id(0) * e.z, end = min(first + e.z, e.y);                           \
  for (int k0 = first, count; count = min(e.w, end - k0), k0 < end; k0 += e.w)
#define FOR_ROWS(k, n0)                                                                            \
  for (int k = 0, n0 = k0 * WIDE * LANES; k < count; k++, n0 += WIDE * LANES)                      \
    for (int i = 0; i < z.D; i++)
#define X_ROW(k) AT_ROW(rows_in(MINE, z, k), i)
#define BEGIN(t)                                                                                   \
  FOR_ROWS(k, n0) load_row(PTR(t, n0, i), p.t.stride[0], z.N - n0, X_ROW(k));                      \
  for (int k = 0; k < count; k++)                                                                  \
    for (int v = 0; v < WIDE; v++) logdet_of(MINE, z, k)[v] = 0;
#define FINISH(t)                                                                                  \
  FOR_ROWS(k, n0) store_row(X_ROW(k), PTR(t, n0, i), p.t.stride[0], z.N - n0);                     \
  for (int k = 0; k < count * WIDE; k++) {                                                         \
    const int n = (k0 * WIDE + k) * LANES, stride = p.logdet.stride[0];                            \
    const V sum = logdet_of(MINE, z, k / WIDE)[k % WIDE];                                          \
    lanes_store(lanes_load(PTR(logdet, n, 0), stride, z.N - n) + sum, PTR(logdet, n, 0), stride,   \
                z.N - n);                                                                          \
  }

#define FWD                                                                                        \
  CLF_IN(x), CLF_IN(b), CLF_IN(w), CLF_OUT(acts), CLF_OUT(y), CLF_OUT(logdet),                     \
      const mlp_coupling_fwd_args p, CLF_POOL
#define INV                                                                                        \
  CLF_IN(y), CLF_IN(b), CLF_IN(w), CLF_OUT(x), CLF_OUT(logdet), const mlp_coupling_inv_args p,     \
      CLF_POOL

/* An item for each coupling. */
#define PACK_ONE                                                                                   \
  const int l = get_global_id(0);                                                                  \
  pack(PTR(b, l, 0), p.b.stride[1], PTR(w, l, 0), z, PACKED, l)
kernel BY_LANES void mlp_coupling_fwd_pack(FWD) {
  const shape z = SHAPE(x);
  PACK_ONE;
}
kernel BY_LANES void mlp_coupling_inv_pack(INV) {
  const shape z = SHAPE(y);
  PACK_ONE;
}

kernel BY_LANES void mlp_coupling_fwd(FWD) {
  const shape z = SHAPE(x);
  if (ITEMS == 1) PACK_ALL;
  FOR_BLOCKS {
    BEGIN(x)
    for (int l = 0; l < p.b.dim[0]; l++) {
      if (p.acts.dim[0] > 0) FOR_ROWS(k, n0)
      store_row(X_ROW(k), &AT(acts, l, i, n0, 0), p.acts.stride[2], z.N - n0);
      through(PACKED, z, l, 0, MINE, count);
    }
    FINISH(y)
  }
}

kernel BY_LANES void mlp_coupling_inv(INV) {
  const shape z = SHAPE(y);
  if (ITEMS == 1) PACK_ALL;
  FOR_BLOCKS {
    BEGIN(y)
    for (int l = p.b.dim[0] - 1; l >= 0; l--) through(PACKED, z, l, 1, MINE, count);
    FINISH(x)
  }
}

/* ---- Backward ------------------------------------------------------------------------
 * An item takes all its blocks through a coupling before the next.  What stays from one to
 * the next are X and DX of each block; of e.w blocks at a time it has the rows below, over
 * which it then sums the weight gradients, into sums of its own behind the packed weights.
 * A second launch adds up the items' sums. */

typedef struct { /* rows of one block: s, t and h become their gradients */
  global V *X, *DX, *kept, *s, *t, *through, *hs, *ht, *da;
  int step; /* from here on, to the same row of the next block */
} way;
int way_rows(shape z, int rebuild) {
  const int H = up(z.H, TM);
  return 4 * z.D + 3 * TM + 4 + H + (rebuild ? H : PART) + PART;
}
void way_of(way *a, global V *mine, shape z, int rebuild, int blocks, int block, int k) {
  a->step = way_rows(z, rebuild) * WIDE;
  a->X = AT_ROW(mine, 2 * z.D * block);
  a->DX = AT_ROW(a->X, z.D);
  a->kept = AT_ROW(mine, 2 * z.D * blocks) + k * a->step;
  a->s = AT_ROW(a->kept, z.D + 4); /* ones end what is kept, and its rows are taken in fours */
  a->t = AT_ROW(a->s, z.D + TM);
  a->through = AT_ROW(a->t, z.D + TM);
  a->hs = AT_ROW(a->through, z.D + TM);
  a->ht = AT_ROW(a->hs, up(z.H, TM));
  a->da = AT_ROW(a->ht, rebuild ? up(z.H, TM) : PART);
}

/* The gradient before tanh of units j .. j + rows - 1, from that of what they lead to. */
void hidden_back(panels p, int moves, int j, int rows, global const V *d, global const V *h,
                 global V *da) {
  for (int j1 = j + rows; j < j1; j += TM, h += TM * WIDE, da += TM * WIDE) {
    global const float *w = p.out_t + j * moves;
    for (int v0 = 0; v0 < WIDE; v0 += 2) {
      V acc[TM][2];
      EACH_OF_TILE(TM, 2) acc[r][v] = 0;
      TILE2(moves, w, d + v0)
      EACH_OF_TILE(TM, 2) {
        const V y = h[r * WIDE + v0 + v];
        da[r * WIDE + v0 + v] = acc[r][v] * (1 - y * y);
      }
    }
  }
}

/* sums[rows][cols, filled up to fours] (+)= a b^T over the samples, in their order. */
void add_outer(global const V *a, int rows, global const V *b, int cols, int step, int blocks,
               int add, global float *sums) {
  for (int r0 = 0; r0 < rows; r0 += HALF)
    for (int c0 = 0; c0 < cols; c0 += 4) {
      V acc[HALF][4];
      EACH_OF_TILE(HALF, 4) acc[r][v] = 0;
      global const V *ar = AT_ROW(a, r0), *bc = AT_ROW(b, c0);
      for (int k = 0; k < blocks; k++, ar += step, bc += step)
#pragma unroll 1
        for (int n = 0; n < WIDE; n++) {
          V av[HALF];
#pragma unroll
          for (int r = 0; r < HALF; r++) av[r] = AT_ROW(ar, r)[n];
#pragma unroll
          for (int v = 0; v < 4; v++) {
            const V bv = AT_ROW(bc, v)[n];
#pragma unroll
            for (int r = 0; r < HALF; r++) acc[r][v] = fma(av[r], bv, acc[r][v]);
          }
        }
#pragma unroll
      for (int r = 0; r < HALF; r++) {
        global float *to = sums + (r0 + r) * up(cols, 4) + c0;
        const float4 sum = lanes_sum4(acc[r][0], acc[r][1], acc[r][2], acc[r][3]);
        vstore4(add ? vload4(0, to) + sum : sum, 0, to);
      }
    }
}

/* Sums of a network's gradients: in [H][keeps + 1], out [H][moves], in fours; and its bias. */
int sums_room(shape z) { return (z.add ? 1 : 2) * (up(z.H, TM) * (z.D + 7) + z.D); }
global float *sums_of(global float *packed, shape z, int L, int g, int l, int net) {
  global float *at = packed + (size_t)L * packed_room(z) + ((size_t)g * L + l) * sums_room(z);
  return at + net * (up(z.H, TM) * (z.D + 7) + z.D);
}

void add_bias(way a, int net, int moves, int blocks, int add, global float *sums) {
  for (int m = 0; m < moves; m++) {
    global const V *d = AT_ROW(net ? a.s : a.t, m);
    V sum = 0;
    for (int k = 0; k < blocks; k++, d += a.step)
      for (int v = 0; v < WIDE; v++) sum += d[v];
    sums[m] = (add ? sums[m] : 0) + lanes_sum(sum);
  }
}

/* Back through one network: what comes through to its input, and its sums. */
void net_back(panels p, split q, int net, int stored, way a, int blocks, int add, int add_through,
              global float *sums) {
  const int C = up(q.keeps + 1, 4), M = up(q.moves, 4);
  global const V *d = net ? a.s : a.t;
  for (int j = 0; j < p.H; j += PART) {
    const int cols = min((int)PART, p.H - j), forgotten = !net && stored;
    global V *h = net ? AT_ROW(a.hs, j) : forgotten ? a.ht : AT_ROW(a.ht, j);
    for (int k = 0, at = 0; k < blocks; k++, at += a.step) {
      if (forgotten) hidden(p, q.keeps, j, cols, a.kept + at, h + at);
      hidden_back(p, q.moves, j, cols, d + at, h + at, a.da + at);
      add_rows(p.in_t, q.keeps, p.H, j, cols, add_through || j > 0, 0, a.da + at, a.through + at);
    }
    add_outer(a.da, cols, a.kept, q.keeps + 1, a.step, blocks, add, sums + j * C);
    add_outer(h, cols, d, q.moves, a.step, blocks, add, sums + p.H * C + j * M);
  }
  add_bias(a, net, q.moves, blocks, add, sums + p.H * (C + M));
}

/* s and t as their networks give them become their gradients, X the coupling's input, DX what
 * reaches it directly.  With what forward stored X is the input already; else it is rebuilt. */
void move_back(shape z, split q, way a, float dlogdet, int left, int stored) {
  for (int m = 0; m < q.moves; m++)
    for (int v = 0; v < WIDE; v++) {
      global V *x = AT_ROW(a.X, q.moved[m]) + v, *dx = AT_ROW(a.DX, q.moved[m]) + v;
      global V *s = AT_ROW(a.s, m) + v, *t = AT_ROW(a.t, m) + v;
      const V h = z.add ? (V)0 : *s, log_scale = bounded_v(h, z.s_max), scale = exp(log_scale);
      const V xs = stored ? *x * scale : *x - *t; /* x exp(s) */
      const V dl = lanes_first((V)dlogdet, left - v * LANES), d = *dx;
      if (!stored) *x = xs * exp(-log_scale);
      *dx = d * scale;
      *s = (d * xs + dl) * bounded_slope_v(h, z.s_max);
      *t = d;
    }
}

/* Outputs of a network, its hidden units kept. */
void net_again(panels p, split q, way a, int blocks, global V *h, global V *out) {
  for (int j = 0; j < p.H; j += PART) {
    const int cols = min((int)PART, p.H - j);
    for (int k = 0, at = 0; k < blocks; k++, at += a.step) {
      hidden(p, q.keeps, j, cols, a.kept + at, AT_ROW(h, j) + at);
      add_rows(p.out, q.moves, p.H, j, cols, j > 0, p.bias, AT_ROW(h, j) + at, out + at);
    }
  }
}

#define BWD                                                                                        \
  CLF_IN(y), CLF_IN(dy), CLF_IN(b), CLF_IN(w), CLF_IN(acts), CLF_OUT(x), CLF_OUT(dx), CLF_OUT(dw), \
      const mlp_coupling_bwd_args p, CLF_POOL

/* Adds the items' sums, in their order, of units j0 .. j1 - 1 of a network to dw. */
void add_sums(global float *packed, shape z, int L, int items, int l, int net, int j0, int j1,
              global float *dw) {
  split q;
  split_of(&q, packed, z, l);
  const nets A = nets_of(dw, z);
  global float *in = (global float *)(net ? A.S1 : A.T1),
               *out = (global float *)(net ? A.S2 : A.T2);
  const int C = up(q.keeps + 1, 4), M = up(q.moves, 4), H = up(z.H, TM), next = L * sums_room(z);
  global const float *first = sums_of(packed, z, L, 0, l, net);
  float of[4];
  for (int j = j0; j < j1; j++)
    for (int c = 0; c < C + M; c += 4) {
      global const float *at = first + (c < C ? j * C + c : H * C + j * M + c - C);
      float4 sum = 0;
      for (int g = 0; g < items; g++, at += next) sum += vload4(0, at);
      vstore4(sum, 0, of);
      for (int i = 0; i < 4; i++)
        if (c < C && c + i <= q.keeps)
          in[j * (z.D + 1) + (c + i < q.keeps ? q.kept[c + i] : z.D)] += of[i];
        else if (c >= C && c - C + i < q.moves)
          out[q.moved[c - C + i] * (z.H + 1) + j] += of[i];
    }
  for (int m = 0; m < q.moves && j0 == 0; m++) {
    global const float *at = first + H * (C + M) + m;
    float sum = 0;
    for (int g = 0; g < items; g++, at += next) sum += *at;
    out[q.moved[m] * (z.H + 1) + z.H] += sum;
  }
}

/* Blocks k0 .. of an item back through coupling l. */
void back(BWD, int l, int k0, int first, int end, int blocks) {
  const shape z = SHAPE(y);
  const int stored = p.acts.dim[0] > 0, L = p.b.dim[0], wide = WIDE * LANES;
  split q;
  split_of(&q, PACKED, z, l);
  way a;
  way_of(&a, MINE, z, !stored, end - first, k0 - first, 0);
  global float *sums = sums_of(PACKED, z, L, get_global_id(0), l, 0);
  for (int k = 0, n0 = k0 * wide; k < blocks; k++, n0 += wide) {
    way o;
    way_of(&o, MINE, z, !stored, end - first, k0 - first + k, k);
    for (int i = 0; i < z.D; i++) {
      if (stored)
        load_row(&AT(acts, l, i, n0, 0), p.acts.stride[2], z.N - n0, AT_ROW(o.X, i));
      else if (l == L - 1)
        load_row(PTR(y, n0, i), p.y.stride[0], z.N - n0, AT_ROW(o.X, i));
      if (l == L - 1) load_row(PTR(dy, n0, i), p.dy.stride[0], z.N - n0, AT_ROW(o.DX, i));
    }
    keep_rows(q, o.X, o.kept);
    for (int v = 0; v < WIDE; v++) AT_ROW(o.kept, q.keeps)[v] = 1;
  }
  panels T, S;
  panels_of(&T, PACKED, z, q, l, 0);
  panels_of(&S, PACKED, z, q, l, 1);
  if (!stored) net_again(T, q, a, blocks, a.ht, a.t);
  if (!z.add) net_again(S, q, a, blocks, a.hs, a.s);
  for (int k = 0; k < blocks; k++) {
    way o;
    way_of(&o, MINE, z, !stored, end - first, k0 - first + k, k);
    move_back(z, q, o, p.dlogdet, z.N - (k0 + k) * wide, stored);
  }
  net_back(T, q, 0, stored, a, blocks, k0 > first, 0, sums);
  if (!z.add)
    net_back(S, q, 1, stored, a, blocks, k0 > first, 1,
             sums_of(PACKED, z, L, get_global_id(0), l, 1));
  for (int k = 0; k < blocks; k++) {
    way o;
    way_of(&o, MINE, z, !stored, end - first, k0 - first + k, k);
    for (int i = 0; i < q.keeps; i++)
      for (int v = 0; v < WIDE; v++) AT_ROW(o.DX, q.kept[i])[v] += AT_ROW(o.through, i)[v];
  }
}

kernel BY_LANES void mlp_coupling_bwd_pack(BWD) {
  const shape z = SHAPE(y);
  PACK_ONE;
}

kernel BY_LANES void mlp_coupling_bwd(BWD) {
  const shape z = SHAPE(y);
  const int first = get_global_id(0) * e.z, end = min(first + e.z, e.y), L = p.b.dim[0];
  if (ITEMS == 1) PACK_ALL;
  for (int l = L - 1; l >= 0; l--)
    for (int k = first; k < end; k += e.w)
      back(y_, dy_, b_, w_, acts_, x_, dx_, dw_, p, pool, e, l, k, first, end, min(e.w, end - k));
  for (int k = first; k < end; k++) {
    const int n0 = k * WIDE * LANES;
    way o;
    way_of(&o, MINE, z, p.acts.dim[0] == 0, end - first, k - first, 0);
    for (int i = 0; i < z.D; i++) {
      store_row(AT_ROW(o.DX, i), PTR(dx, n0, i), p.dx.stride[0], z.N - n0);
      if (p.x.dim[0] > 0) store_row(AT_ROW(o.X, i), PTR(x, n0, i), p.x.stride[0], z.N - n0);
    }
  }
  for (int l = 0; l < L && ITEMS == 1; l++)
    for (int net = 0; net < (z.add ? 1 : 2); net++)
      add_sums(PACKED, z, L, 1, l, net, 0, z.H, PTR(dw, l, 0));
}

/* Item (part, l, net). */
kernel BY_LANES void mlp_coupling_bwd_add(BWD) {
  const shape z = SHAPE(y);
  const int j = get_global_id(0) * PART, l = get_global_id(1) % p.b.dim[0];
  add_sums(PACKED, z, p.b.dim[0], ITEMS, l, get_global_id(1) / p.b.dim[0], j, min(j + PART, z.H),
           PTR(dw, l, 0));
}

/* ---- The loss and its gradient ----------------------------------------------------------------
 * An item takes e.w blocks at a time forward and back, and keeps meanwhile what each coupling
 * computes of them, its hidden units too: nothing is computed twice, and what is kept is still
 * in a cache.  A block's rows are those that couplings share, then each coupling's own. */

int nll_shared(shape z) { return 3 * z.D + 2 * TM + PART; }
int nll_own(shape z) { return 3 * z.D + TM + 4 + (z.add ? 1 : 2) * up(z.H, TM); }
/* Coupling l of block k.  DX behind the last coupling's X is where its output goes. */
void nll_way_of(way *a, global V *mine, shape z, int L, int k, int l) {
  const int rows = nll_shared(z) + L * nll_own(z);
  a->step = rows * WIDE;
  a->DX = AT_ROW(mine, k * rows);
  a->t = AT_ROW(a->DX, z.D);
  a->through = AT_ROW(a->t, z.D + TM);
  a->da = AT_ROW(a->through, z.D + TM);
  a->X = AT_ROW(a->da, PART + l * nll_own(z));
  a->kept = AT_ROW(a->X, z.D);
  a->s = AT_ROW(a->kept, z.D + 4);
  a->ht = AT_ROW(a->s, z.D + TM);
  a->hs = AT_ROW(a->ht, up(z.H, TM));
}

/* A coupling's output, to `next`; the log-determinants of the first `left` samples. */
V move_on(shape z, split q, way a, int left, global V *next) {
  V logdet = 0;
  for (int k = 0; k < q.keeps; k++)
    for (int v = 0; v < WIDE; v++) AT_ROW(next, q.kept[k])[v] = AT_ROW(a.kept, k)[v];
  for (int m = 0; m < q.moves; m++)
    for (int v = 0; v < WIDE; v++) {
      const V s = z.add ? (V)0 : bounded_v(AT_ROW(a.s, m)[v], z.s_max);
      AT_ROW(next, q.moved[m])[v] = AT_ROW(a.X, q.moved[m])[v] * exp(s) + AT_ROW(a.t, m)[v];
      logdet += lanes_first(s, left - v * LANES);
    }
  return logdet;
}

/* Blocks at hand through coupling l. */
V nll_on(global float *packed, shape z, int L, int l, global V *mine, int blocks, int left) {
  split q;
  panels T, S;
  way a, o, next;
  V logdet = 0;
  split_of(&q, packed, z, l);
  panels_of(&T, packed, z, q, l, 0);
  panels_of(&S, packed, z, q, l, 1);
  nll_way_of(&a, mine, z, L, 0, l);
  for (int k = 0; k < blocks; k++) {
    nll_way_of(&o, mine, z, L, k, l);
    keep_rows(q, o.X, o.kept);
    for (int v = 0; v < WIDE; v++) AT_ROW(o.kept, q.keeps)[v] = 1;
  }
  net_again(T, q, a, blocks, a.ht, a.t);
  if (!z.add) net_again(S, q, a, blocks, a.hs, a.s);
  for (int k = 0; k < blocks; k++) {
    nll_way_of(&o, mine, z, L, k, l);
    nll_way_of(&next, mine, z, L, k, l + 1);
    logdet += move_on(z, q, o, left - k * WIDE * LANES, l + 1 < L ? next.X : o.DX);
  }
  return logdet;
}

/* z becomes its gradient; half the squares of the first `left` samples. */
V nll_turn(shape z, global V *DX, float weight, int left) {
  V half_squares = 0;
  for (int i = 0; i < z.D; i++)
    for (int v = 0; v < WIDE; v++) {
      const V x = lanes_first(AT_ROW(DX, i)[v], left - v * LANES);
      half_squares += 0.5f * x * x;
      AT_ROW(DX, i)[v] = weight * x;
    }
  return half_squares;
}

/* Blocks at hand back through coupling l. */
void nll_back(global float *packed, shape z, int L, int l, global V *mine, int blocks, int left,
              float weight, int add) {
  split q;
  panels T, S;
  way a, o;
  split_of(&q, packed, z, l);
  panels_of(&T, packed, z, q, l, 0);
  panels_of(&S, packed, z, q, l, 1);
  nll_way_of(&a, mine, z, L, 0, l);
  for (int k = 0; k < blocks; k++) {
    nll_way_of(&o, mine, z, L, k, l);
    move_back(z, q, o, -weight, left - k * WIDE * LANES, 1);
  }
  net_back(T, q, 0, 0, a, blocks, add, 0, sums_of(packed, z, L, get_global_id(0), l, 0));
  if (!z.add)
    net_back(S, q, 1, 0, a, blocks, add, 1, sums_of(packed, z, L, get_global_id(0), l, 1));
  for (int k = 0; k < blocks; k++) {
    nll_way_of(&o, mine, z, L, k, l);
    for (int i = 0; i < q.keeps; i++)
      for (int v = 0; v < WIDE; v++) AT_ROW(o.DX, q.kept[i])[v] += AT_ROW(o.through, i)[v];
  }
}

#define NLL                                                                                        \
  CLF_IN(x), CLF_IN(b), CLF_IN(w), CLF_OUT(loss), CLF_OUT(dw), const mlp_coupling_nll_args p,      \
      CLF_POOL
#define LOSSES sums_of(PACKED, z, p.b.dim[0], ITEMS, 0, 0) /* of the items */

kernel BY_LANES void mlp_coupling_nll_pack(NLL) {
  const shape z = SHAPE(x);
  PACK_ONE;
}

kernel BY_LANES void mlp_coupling_nll(NLL) {
  const shape z = SHAPE(x);
  const int g = get_global_id(0), first = g * e.z, end = min(first + e.z, e.y), L = p.b.dim[0];
  V loss = 0;
  if (ITEMS == 1) PACK_ALL;
  for (int k0 = first; k0 < end; k0 += e.w) {
    const int blocks = min(e.w, end - k0), n0 = k0 * WIDE * LANES;
    way a;
    for (int k = 0, n = n0; k < blocks; k++, n += WIDE * LANES) {
      nll_way_of(&a, MINE, z, L, k, 0);
      for (int i = 0; i < z.D; i++) load_row(PTR(x, n, i), p.x.stride[0], z.N - n, AT_ROW(a.X, i));
    }
    for (int l = 0; l < L; l++) loss -= nll_on(PACKED, z, L, l, MINE, blocks, z.N - n0);
    for (int k = 0, n = n0; k < blocks; k++, n += WIDE * LANES) {
      nll_way_of(&a, MINE, z, L, k, 0);
      loss += nll_turn(z, a.DX, p.weight, z.N - n);
    }
    for (int l = L - 1; l >= 0; l--)
      nll_back(PACKED, z, L, l, MINE, blocks, z.N - n0, p.weight, k0 > first);
  }
  LOSSES[g] = lanes_sum(loss);
  if (ITEMS > 1) return;
  *PTR(loss, 0, 0) = p.weight * (LOSSES[0] + z.N * z.D * HALF_LOG_2PI);
  for (int l = 0; l < L; l++)
    for (int net = 0; net < (z.add ? 1 : 2); net++)
      add_sums(PACKED, z, L, 1, l, net, 0, z.H, PTR(dw, l, 0));
}

/* Item (part, l, net); the first of all adds up the loss. */
kernel BY_LANES void mlp_coupling_nll_add(NLL) {
  const shape z = SHAPE(x);
  const int j = get_global_id(0) * PART, l = get_global_id(1) % p.b.dim[0];
  add_sums(PACKED, z, p.b.dim[0], ITEMS, l, get_global_id(1) / p.b.dim[0], j, min(j + PART, z.H),
           PTR(dw, l, 0));
  if (j > 0 || get_global_id(1) > 0) return;
  float loss = z.N * z.D * HALF_LOG_2PI;
  for (int g = 0; g < ITEMS; g++) loss += LOSSES[g];
  *PTR(loss, 0, 0) = p.weight * loss;
}
#undef TILE2
#undef TILE4
#undef EACH_OF_TILE
#undef ITEMS
#undef MINE
#undef PACKED
#undef AT_ROW
#undef SHAPE
#undef PACK_ALL
#undef PACK_ONE
#undef FOR_BLOCKS
#undef FOR_ROWS
#undef X_ROW
#undef BEGIN
#undef FINISH
#undef FWD
#undef INV
#undef BWD
#undef NLL
#undef LOSSES

#else
/* ---- Forward and inverse ---------------------------------------------------------------
 * A block's rows: X, xb, h, s, t.  Item g takes e.z of the e.y blocks, e.x rows each. */

typedef struct {
  rows X, xb, h, s, t;
} state;
INLINE state state_of(global float *pool, int4 e, int k, shape z) {
  state q;
  q.X = rows_of(pool, e.x, e.y, k);
  q.xb = skip(q.X, z.D);
  q.h = skip(q.xb, z.D + 1);
  q.s = skip(q.h, z.H + 1);
  q.t = skip(q.s, z.D);
  return q;
}

INLINE void nets_at(global const float *w, global const float *b, int stride, shape z, state q) {
  const nets A = nets_of(w, z);
  masked(b, stride, z, q.X, q.xb);
  network(A.T1, A.T2, z, q.xb, q.h, q.t);
  if (!z.add) network(A.S1, A.S2, z, q.xb, q.h, q.s);
}
INLINE V log_scale(shape z, state q, int i) { return z.add ? 0 : bounded_v(ROW(q.s, i), z.s_max); }

#define FOR_BLOCKS(k)                                                                              \
  for (int k = get_global_id(0) * e.z, k_end_ = min(k + e.z, e.y); k < k_end_; k++)
#define LOAD(t, n0, X)                                                                             \
  for (int i = 0; i < z.D; i++) ROW(X, i) = lanes_load(PTR(t, n0, i), p.t.stride[0], z.N - (n0))
#define STORE(t, n0, X)                                                                            \
  for (int i = 0; i < z.D; i++) lanes_store(ROW(X, i), PTR(t, n0, i), p.t.stride[0], z.N - (n0))
#define ADD_LOGDET(n0, v)                                                                          \
  lanes_store(lanes_load(PTR(logdet, n0, 0), p.logdet.stride[0], z.N - (n0)) + (v),                \
              PTR(logdet, n0, 0), p.logdet.stride[0], z.N - (n0))

kernel BY_LANES void mlp_coupling_fwd(CLF_IN(x), CLF_IN(b), CLF_IN(w), CLF_OUT(acts), CLF_OUT(y),
                                      CLF_OUT(logdet), const mlp_coupling_fwd_args p, CLF_POOL) {
  const shape z = {p.x.dim[0], p.x.dim[1], p.hidden, p.add, p.s_max};
  FOR_BLOCKS(k) {
    const int n0 = k * LANES;
    const state q = state_of(pool, e, k, z);
    V logdet = 0;
    LOAD(x, n0, q.X);
    for (int l = 0; l < p.b.dim[0]; l++) {
      for (int i = 0; i < z.D && p.acts.dim[0] > 0; i++)
        lanes_store(ROW(q.X, i), &AT(acts, l, i, n0, 0), p.acts.stride[2], z.N - n0);
      nets_at(PTR(w, l, 0), PTR(b, l, 0), p.b.stride[1], z, q);
      for (int i = 0; i < z.D; i++)
        if (*PTR(b, l, i) == 0) {
          const V s = log_scale(z, q, i);
          ROW(q.X, i) = ROW(q.X, i) * exp(s) + ROW(q.t, i);
          logdet += s;
        }
    }
    STORE(y, n0, q.X);
    ADD_LOGDET(n0, logdet);
  }
}

kernel BY_LANES void mlp_coupling_inv(CLF_IN(y), CLF_IN(b), CLF_IN(w), CLF_OUT(x), CLF_OUT(logdet),
                                      const mlp_coupling_inv_args p, CLF_POOL) {
  const shape z = {p.y.dim[0], p.y.dim[1], p.hidden, p.add, p.s_max};
  FOR_BLOCKS(k) {
    const int n0 = k * LANES;
    const state q = state_of(pool, e, k, z);
    V logdet = 0;
    LOAD(y, n0, q.X);
    for (int l = p.b.dim[0] - 1; l >= 0; l--) {
      nets_at(PTR(w, l, 0), PTR(b, l, 0), p.b.stride[1], z, q);
      for (int i = 0; i < z.D; i++)
        if (*PTR(b, l, i) == 0) {
          const V s = log_scale(z, q, i);
          ROW(q.X, i) = (ROW(q.X, i) - ROW(q.t, i)) * exp(-s);
          logdet -= s;
        }
    }
    STORE(x, n0, q.X);
    ADD_LOGDET(n0, logdet);
  }
}

/* ---- Backward ------------------------------------------------------------------------
 * Rows of a block: X, DX, tmp, then for every coupling kept what its weight
 * gradients are products of: xb, hs, ht and the gradients of s, t, S1's and T1's
 * outputs.  With one lane all samples' rows are kept and summed in a second launch.
 * On CPUs an item keeps one coupling's rows of a few blocks, sums them while they
 * are in its core's cache, and the second launch adds up the items' sums. */

typedef struct {
  rows xb, hs, ht, ds, dt, das, dat;
} kept;

INLINE kept kept_of(rows block, int l, int D, int H) {
  kept r;
  r.xb = skip(block, 3 * D + l * (3 * D + 4 * H + 3));
  r.hs = skip(r.xb, D + 1);
  r.ht = skip(r.hs, H + 1);
  r.ds = skip(r.ht, H + 1);
  r.dt = skip(r.ds, D);
  r.das = skip(r.dt, D);
  r.dat = skip(r.das, H);
  return r;
}

/* Through one network: dout -> the gradient before tanh, and on to tmp. */
INLINE void network_back(global const float *A1, global const float *A2, shape z, rows dout, rows h,
                         rows da, rows tmp, int keep) {
  product_t(A2, z.D, z.H + 1, dout, da, 0);
  for (int j = 0; j < z.H; j++) ROW(da, j) *= 1 - ROW(h, j) * ROW(h, j);
  product_t(A1, z.H, z.D + 1, da, tmp, keep);
}

#define BWD                                                                                        \
  CLF_IN(y), CLF_IN(dy), CLF_IN(b), CLF_IN(w), CLF_IN(acts), CLF_OUT(x), CLF_OUT(dx), CLF_OUT(dw), \
      const mlp_coupling_bwd_args p, CLF_POOL
#define BWD_ARGS y_, dy_, b_, w_, acts_, x_, dx_, dw_, p, pool, e

/* h and t become their gradients, X the coupling's input, DX what reaches it
 * directly.  With acts X is the input already; without, it is rebuilt. */
INLINE void coupling_back(global const float *b, int stride, shape z, V dlogdet, int rebuild,
                          rows X, rows DX, kept r) {
  for (int i = 0; i < z.D; i++) {
    if (b[i * stride] != 0) {
      ROW(r.ds, i) = ROW(r.dt, i) = 0;
      continue;
    }
    const V h = ROW(r.ds, i), s = z.add ? 0 : bounded_v(h, z.s_max);
    const V d = ROW(DX, i), scale = exp(s);
    const V xs = rebuild ? ROW(X, i) - ROW(r.dt, i) : ROW(X, i) * scale; /* x exp(s) */
    if (rebuild) ROW(X, i) = xs * exp(-s);
    ROW(DX, i) = d * scale;
    ROW(r.ds, i) = (d * xs + dlogdet) * bounded_slope_v(h, z.s_max);
    ROW(r.dt, i) = d;
  }
}

/* What a coupling computed, again, and back through it. */
INLINE void back_at(global const float *w, global const float *b, int stride, shape z, V dlogdet,
                    int rebuild, rows X, rows DX, rows tmp, kept r) {
  const nets A = nets_of(w, z);
  masked(b, stride, z, X, r.xb);
  network(A.T1, A.T2, z, r.xb, r.ht, r.dt);
  if (!z.add) network(A.S1, A.S2, z, r.xb, r.hs, r.ds);
  coupling_back(b, stride, z, dlogdet, rebuild, X, DX, r);
  network_back(A.T1, A.T2, z, r.dt, r.ht, r.dat, tmp, 0);
  if (!z.add) network_back(A.S1, A.S2, z, r.ds, r.hs, r.das, tmp, 1);
  for (int i = 0; i < z.D; i++)
    if (b[i * stride] != 0) ROW(DX, i) += ROW(tmp, i);
}

/* Block k back through coupling l. */
#define BACK                                                                                       \
  CLF_FROM(y), CLF_FROM(dy), CLF_FROM(b), CLF_FROM(w), CLF_FROM(acts), CLF_TO(x), CLF_TO(dx),      \
      CLF_TO(dw), const mlp_coupling_bwd_args p, global float *pool, const int4 e
INLINE void back(BACK, int k, int l, rows X, kept r) {
  const shape z = {p.y.dim[0], p.y.dim[1], p.hidden, p.add, p.s_max};
  const int n0 = k * LANES, live = z.N - n0, stored = p.acts.dim[0] > 0;
  const rows DX = skip(X, z.D), tmp = skip(DX, z.D);
  clf_lanes dlogdet; /* lanes past the last sample add nothing */
  for (int i = 0; i < LANES; i++) dlogdet.f[i] = i < live ? p.dlogdet : 0;
  if (l == p.b.dim[0] - 1) {
    LOAD(y, n0, X);
    LOAD(dy, n0, DX);
  }
  for (int i = 0; i < z.D && stored; i++)
    ROW(X, i) = lanes_load(&AT(acts, l, i, n0, 0), p.acts.stride[2], live);
  back_at(PTR(w, l, 0), PTR(b, l, 0), p.b.stride[1], z, dlogdet.v, !stored, X, DX, tmp, r);
  if (l > 0) return;
  STORE(dx, n0, DX);
  if (p.x.dim[0] > 0) STORE(x, n0, X);
}

/* Rows r0 .. r0 + 3 of dA (+)= sum over samples of d x^T, in the samples' order. */
INLINE void outer(global float *dA, int add, int R, int C, int r0, rows d, rows x, int blocks,
                  int ks) {
  for (int c0 = 0; c0 < C; c0 += 4) {
    V acc[4][4];
    global const V *dr[4], *xc[4];
#pragma unroll
    for (int i = 0; i < 4; i++) {
      dr[i] = &ROW(d, min(r0 + i, R - 1));
      xc[i] = &ROW(x, min(c0 + i, C - 1));
      acc[i][0] = acc[i][1] = acc[i][2] = acc[i][3] = 0;
    }
    for (int k = 0; k < blocks; k++) {
#pragma unroll
      for (int i = 0; i < 4; i++) {
        const V v = dr[i][k * ks];
#pragma unroll
        for (int j = 0; j < 4; j++) acc[i][j] = fma(v, xc[j][k * ks], acc[i][j]);
      }
    }
#pragma unroll
    for (int i = 0; i < 4; i++)
#pragma unroll
      for (int j = 0; j < 4; j++)
        if (r0 + i < R && c0 + j < C) {
          global float *to = dA + (r0 + i) * C + c0 + j;
          *to = (add ? *to : 0) + lanes_sum(acc[i][j]);
        }
  }
}

/* Band t of a coupling's weight gradients: four rows of T1, T2, S1 or S2.  There are
 * bands_of() of them, S1 and S2 last. */
INLINE void sum_band(global float *first, int add, shape z, int t, kept r, int blocks, int ks) {
  const int nh = (z.H + 3) / 4, nd = (z.D + 3) / 4, C1 = z.D + 1, C2 = z.H + 1;
  global float *S2 = first + z.H * C1, *T1 = z.add ? first : S2 + z.D * C2, *T2 = T1 + z.H * C1;
  if (t < nh)
    outer(T1, add, z.H, C1, 4 * t, r.dat, r.xb, blocks, ks);
  else if ((t -= nh) < nd)
    outer(T2, add, z.D, C2, 4 * t, r.dt, r.ht, blocks, ks);
  else if ((t -= nd) < nh)
    outer(first, add, z.H, C1, 4 * t, r.das, r.xb, blocks, ks);
  else if ((t -= nh) < nd)
    outer(S2, add, z.D, C2, 4 * t, r.ds, r.hs, blocks, ks);
}
int bands_of(shape z) { return (z.add ? 1 : 2) * ((z.H + 3) / 4 + (z.D + 3) / 4); }

/* Couplings e.w - 1 .. e.z, an item for each sample. */
kernel BY_ITEM void mlp_coupling_bwd(BWD) {
  const int k = get_global_id(0);
  if (k >= e.y) return;
  const rows X = rows_of(pool, e.x, e.y, k);
  for (int l = e.w - 1; l >= e.z; l--)
    back(BWD_ARGS, k, l, X, kept_of(X, l - e.z, p.y.dim[1], p.hidden));
}

/* An item for each band of each of these couplings. */
kernel BY_ITEM void mlp_coupling_bwd_sum(BWD) {
  const shape z = {p.y.dim[0], p.y.dim[1], p.hidden, p.add, p.s_max};
  const int l = e.z + get_global_id(1), t = get_global_id(0);
  if (t >= bands_of(z)) return;
  sum_band(PTR(dw, l, 0), 1, z, t, kept_of(rows_of(pool, e.x, e.y, 0), l - e.z, z.D, z.H), e.y, 1);
}

/* ---- The loss and its gradient: the same, an item for each sample.  Its rows are its share of
 * the loss and every coupling's input, then those above. */
#define NLL                                                                                        \
  CLF_IN(x), CLF_IN(b), CLF_IN(w), CLF_OUT(loss), CLF_OUT(dw), const mlp_coupling_nll_args p,      \
      CLF_POOL
#define NLL_SHAPE                                                                                  \
  { p.x.dim[0], p.x.dim[1], p.hidden, p.add, p.s_max }

kernel BY_ITEM void mlp_coupling_nll(NLL) {
  const shape z = NLL_SHAPE;
  const int k = get_global_id(0), L = p.b.dim[0];
  if (k >= e.y) return;
  const rows first = rows_of(pool, e.x, e.y, k), X0 = skip(first, 1), DX = skip(X0, (L + 1) * z.D);
  const kept r = kept_of(skip(X0, L * z.D), 0, z.D, z.H);
  V loss = z.D * HALF_LOG_2PI;
  LOAD(x, k, X0);
  for (int l = 0; l < L; l++) {
    const rows X = skip(X0, l * z.D), next = l + 1 < L ? skip(X, z.D) : DX;
    state q;
    q.X = X, q.xb = r.xb, q.h = r.hs, q.s = r.ds, q.t = r.dt;
    nets_at(PTR(w, l, 0), PTR(b, l, 0), p.b.stride[1], z, q);
    for (int i = 0; i < z.D; i++) {
      const int moves = *PTR(b, l, i) == 0;
      const V s = moves ? log_scale(z, q, i) : 0;
      ROW(next, i) = moves ? ROW(X, i) * exp(s) + ROW(q.t, i) : ROW(X, i);
      loss -= s;
    }
  }
  for (int i = 0; i < z.D; i++) {
    loss += 0.5f * ROW(DX, i) * ROW(DX, i);
    ROW(DX, i) *= p.weight;
  }
  ROW(first, 0) = loss;
}

kernel BY_ITEM void mlp_coupling_nll_back(NLL) {
  const shape z = NLL_SHAPE;
  const int k = get_global_id(0);
  if (k >= e.y) return;
  const rows X0 = skip(rows_of(pool, e.x, e.y, k), 1), rest = skip(X0, p.b.dim[0] * z.D);
  for (int l = e.w - 1; l >= e.z; l--)
    back_at(PTR(w, l, 0), PTR(b, l, 0), p.b.stride[1], z, -p.weight, 0, skip(X0, l * z.D),
            skip(rest, z.D), skip(rest, 2 * z.D), kept_of(rest, l - e.z, z.D, z.H));
}

kernel BY_ITEM void mlp_coupling_nll_sum(NLL) {
  const shape z = NLL_SHAPE;
  const int l = e.z + get_global_id(1), t = get_global_id(0);
  if (t >= bands_of(z)) return;
  const rows rest = skip(rows_of(pool, e.x, e.y, 0), 1 + p.b.dim[0] * z.D);
  sum_band(PTR(dw, l, 0), 1, z, t, kept_of(rest, l - e.z, z.D, z.H), e.y, 1);
}

/* One group: the samples' shares of the loss. */
kernel BY_SAMPLE void mlp_coupling_nll_add(NLL) {
  GROUP_MEMORY(part);
  float sum = 0;
  for (int n = get_local_id(0); n < e.y; n += GROUP) sum += pool[n];
  sum = GROUP_SUM(part, sum);
  if (get_local_id(0) == 0) *PTR(loss, 0, 0) = p.weight * sum;
}
#undef FOR_BLOCKS
#undef LOAD
#undef STORE
#undef ADD_LOGDET
#undef BWD
#undef BACK
#undef BWD_ARGS
#undef NLL
#undef NLL_SHAPE
#endif
#undef ROW
