/* SPDX-License-Identifier: MIT */
/* mlp_coupling_lanes.cl: couplings by vectors: products by tiles, forward and inverse. */
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
static int up(int n, int by) { return (n + by - 1) / by * by; }

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
static int net_room(shape z) { return up(z.H, TM) * (2 * z.D + 1 + TM) + z.D + TM; }
static int packed_room(shape z) { return z.D + 2 + (z.add ? 1 : 2) * net_room(z); }

/* Where the weights of coupling l are; net 0 is t's, 1 is s's.  Structs are filled, not
 * returned: Oclgrind cannot run what becomes of these. */
static void split_of(split *q, global const float *packed, shape z, int l) {
  global const int *n = (global const int *)(packed + (size_t)l * packed_room(z));
  q->keeps = n[0];
  q->moves = n[1];
  q->kept = n + 2;
  q->moved = n + 2 + n[0];
}
static void panels_of(panels *p, global float *packed, shape z, split q, int l, int net) {
  const int H = up(z.H, TM);
  p->H = H;
  p->in = packed + (size_t)l * packed_room(z) + z.D + 2 + net * net_room(z);
  p->out_t = p->in + (q.keeps + 1) * H;
  p->bias = p->out_t + q.moves * H;
  p->out = p->bias + up(q.moves, TM);
  p->in_t = p->out + up(q.moves, HALF) * H;
}

/* Where row r of `rows` begins in panels of H columns, and how far its columns lie apart. */
static int panel_at(int r, int H) { return r / TM * TM * H + r % TM; }
static int panel_high(int r, int rows) { return rows - r / TM * TM > HALF ? TM : HALF; }

static void pack_net(global const float *A1, global const float *A2, shape z, split q, panels p) {
  for (int j = 0; j < p.H; j++) {
    const int live = j < z.H;
    global const float *row = A1 + (live ? j : 0) * (z.D + 1);
    global float *in = p.in + j / TM * TM * (q.keeps + 1) + j % TM;
    in[0] = live ? row[z.D] : 0;
    for (int k = 0; k < q.keeps; k++) in[(k + 1) * TM] = live ? row[q.kept[k]] : 0;
  }
  for (int m = 0; m < up(q.moves, HALF); m++) {
    global float *out = p.out + panel_at(m, p.H);
    global const float *row = A2 + (m < q.moves ? q.moved[m] : 0) * (z.H + 1);
    const int high = panel_high(m, q.moves);
    p.bias[m] = m < q.moves ? row[z.H] : 0;
    for (int j = 0; j < p.H; j++) out[j * high] = m < q.moves && j < z.H ? row[j] : 0;
  }
}
/* And for the way back. */
static void pack_back(global const float *A1, global const float *A2, shape z, split q, panels p) {
  for (int j = 0; j < p.H; j++) {
    global float *out_t = p.out_t + j / TM * TM * q.moves + j % TM;
    for (int m = 0; m < q.moves; m++) out_t[m * TM] = j < z.H ? A2[q.moved[m] * (z.H + 1) + j] : 0;
  }
  for (int k = 0; k < up(q.keeps, HALF); k++) {
    global float *in_t = p.in_t + panel_at(k, p.H);
    const int high = panel_high(k, q.keeps);
    for (int j = 0; j < p.H; j++)
      in_t[j * high] = k < q.keeps && j < z.H ? A1[j * (z.D + 1) + q.kept[k]] : 0;
  }
}

/* Coupling l, from its row of masks and of weights, for the way `back` too. */
static void pack(global const float *b, int stride, global const float *w, shape z, int back,
                 global float *packed, int l) {
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
  if (back) pack_back(A.T1, A.T2, z, q, T);
  if (z.add) return;
  pack_net(A.S1, A.S2, z, q, S);
  if (back) pack_back(A.S1, A.S2, z, q, S);
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
static void hidden(panels p, int keeps, int j, int rows, global const V *x, global V *h) {
  for (int j1 = j + rows; j < j1; j += TM, h += TM * WIDE) {
    global const float *w = p.in + j * (keeps + 1);
    for (int v0 = 0; v0 < WIDE; v0 += 2) {
      V acc[TM][2];
      EACH_OF_TILE(TM, 2) acc[r][v] = w[r];
      TILE2(keeps, w + TM, x + v0)
      EACH_OF_TILE(TM, 2) h[r * WIDE + v0 + v] = tanh_v(acc[r][v]);
    }
  }
}

/* y[rows] (+)= w x, columns j .. j + cols - 1 of panels; without `add` the bias, where there is
 * one, is what it begins with.  y is written in whole tiles. */
static void add_rows(global const float *w, int rows, int H, int j, int cols, int add,
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
#define PACK_ALL(back)                                                                             \
  for (int l = 0; l < p.b.dim[0]; l++)                                                             \
  pack(PTR(b, l, 0), p.b.stride[1], PTR(w, l, 0), z, back, PACKED, l)

/* Column i of a matrix, samples n0 and on, into the vectors of a row; `left` are there. */
static void load_row(global const float *s, int stride, int left, global V *row) {
  for (int v = 0; v < WIDE; v++)
    row[v] = lanes_load(s + v * LANES * stride, stride, left - v * LANES);
}
static void store_row(global const V *row, global float *d, int stride, int left) {
  for (int v = 0; v < WIDE; v++)
    lanes_store(row[v], d + v * LANES * stride, stride, left - v * LANES);
}

typedef struct { /* rows of a block; the hidden units are those of whichever block is next */
  global V *X, *kept, *s, *t, *logdet, *h;
} mlp_place;
static int mlp_place_rows(shape z) { return 4 * z.D + 2 * TM + 1; }
static void mlp_place_of(mlp_place *a, global V *mine, shape z, int k) {
  a->h = mine;
  a->X = AT_ROW(mine, PART + k * mlp_place_rows(z));
  a->kept = AT_ROW(a->X, z.D);
  a->s = AT_ROW(a->kept, z.D);
  a->t = AT_ROW(a->s, z.D + TM);
  a->logdet = AT_ROW(a->t, z.D + TM);
}

static global V *rows_in(global V *mine, shape z, int k) {
  return AT_ROW(mine, PART + k * mlp_place_rows(z));
}
static global V *logdet_of(global V *mine, shape z, int k) {
  mlp_place a;
  mlp_place_of(&a, mine, z, k);
  return a.logdet;
}

static void keep_rows(split q, global const V *X, global V *kept) {
  for (int k = 0; k < q.keeps; k++)
    for (int v = 0; v < WIDE; v++) AT_ROW(kept, k)[v] = AT_ROW(X, q.kept[k])[v];
}

/* A block's moving rows, from s and t. */
static void move_rows(shape z, split q, mlp_place a, int inverse) {
  for (int m = 0; m < q.moves; m++)
    for (int v = 0; v < WIDE; v++) {
      global V *x = AT_ROW(a.X, q.moved[m]) + v;
      const V s = z.add ? (V)0 : bounded_v(AT_ROW(a.s, m)[v], z.s_max), t = AT_ROW(a.t, m)[v];
      *x = inverse ? (*x - t) * exp(-s) : *x * exp(s) + t;
      a.logdet[v] += inverse ? -s : s;
    }
}

/* `count` blocks through coupling l. */
static void through(global float *packed, shape z, int l, int inverse, global V *mine, int count) {
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
#define PACK_ONE(back)                                                                             \
  const int l = get_global_id(0);                                                                  \
  pack(PTR(b, l, 0), p.b.stride[1], PTR(w, l, 0), z, back, PACKED, l)
kernel BY_LANES void mlp_coupling_fwd_pack(FWD) {
  const shape z = SHAPE(x);
  PACK_ONE(0);
}
kernel BY_LANES void mlp_coupling_inv_pack(INV) {
  const shape z = SHAPE(y);
  PACK_ONE(0);
}

kernel BY_LANES void mlp_coupling_fwd(FWD) {
  const shape z = SHAPE(x);
  if (ITEMS == 1) PACK_ALL(0);
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
  if (ITEMS == 1) PACK_ALL(0);
  FOR_BLOCKS {
    BEGIN(y)
    for (int l = p.b.dim[0] - 1; l >= 0; l--) through(PACKED, z, l, 1, MINE, count);
    FINISH(x)
  }
}
#endif
