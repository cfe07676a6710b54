/* SPDX-License-Identifier: MIT */
/* mlp_tiles.h: the couplings of mlp_coupling_tiles.c.  A block is WIDE vectors of samples,
 * [row][BLOCK]; a tile of a product is TM rows by two of its vectors, or TM / 2 by four, whose
 * sums stay in registers.  Each coupling packs its weights into panels, without the columns and
 * rows that its mask removes.  Hidden units are processed in groups, so that the weights of a
 * group stay in L1 for all current blocks (8 to 16 TM are equally fast).  Same method as
 * cl/mlp_coupling_lanes.cl. */
#include "vectors.h"

enum { WIDE = 4, BLOCK = WIDE * LANES, HALF = TM / 2, PART = 12 * TM };
typedef float quad __attribute__((vector_size(16)));
typedef quad quad_at __attribute__((aligned(sizeof(float)), may_alias)); /* at any alignment */
#define UNROLL CLF_PRAGMA(GCC unroll 8)
#define EACH_OF_TILE(R, VECS)                                                                      \
  UNROLL for (int r = 0; r < R; r++) UNROLL for (int v = 0; v < VECS; v++)

typedef struct shape { /* of the layer, from the arguments of a call */
  int N, D, H, L, add;
  float s_max;
  const clf_tensor *b;
} shape;

/* ---- Packed weights ------------------------------------------------------------------------ */

/* A net's weights: `in` [H / TM][1 + identity][TM], the bias first, `out` [transformed /
 * TM][H][TM] and its bias; for the backward pass `out_t` [H / TM][transformed][TM], `in_t`
 * [identity / TM][H][TM].  If the rows do not fill TM, the last panel is TM / 2 high. */
typedef struct panels {
  float *in, *out, *bias, *out_t, *in_t;
} panels;
typedef struct split { /* a coupling's identity and transformed dimensions, its nets t and s */
  int identity, transformed, H, live; /* H: `live` units, rounded up to whole tiles */
  const int *identity_x, *moved;
  panels net[2];
} split;

static size_t net_room(const shape *z) {
  const size_t D = (size_t)z->D, H = (size_t)up(z->H, TM);
  return H * (2 * D + 1 + TM) + D + TM;
}
static int nets_of(const shape *z) { return z->add ? 1 : 2; }
static size_t coupling_room(const shape *z) {
  return (size_t)z->D + (size_t)nets_of(z) * net_room(z);
}
static size_t packed_room(const shape *z) { return (size_t)z->L * coupling_room(z); }

/* Offset of a net's weights in a row of w or dw. */
static float *first_of(const clf_tensor *w, const shape *z, int l, int net, int second) {
  const ptrdiff_t one = (ptrdiff_t)z->H * (z->D + 1), two = (ptrdiff_t)z->D * (z->H + 1);
  return at(w, l, 0, 0, 0) + (net || z->add ? 0 : one + two) + (second ? one : 0);
}

/* The height of the panel with row r of `rows`. */
static int panel_high(int r, int rows) { return rows - r / TM * TM > HALF ? TM : HALF; }

/* A panel [cols][high]: element (r, c) of the matrix is row[r][column[c] * step], without `column`
 * row[r][c * step]; rows from `there` on are 0. */
static float *pack_panel(float *to, int high, const float *const row[TM], int there, int cols,
                         const int *column, ptrdiff_t step) {
  for (int c = 0; c < cols; c++, to += high) {
    const ptrdiff_t from = (column ? column[c] : c) * step;
    for (int r = 0; r < there; r++) to[r] = row[r][from];
    for (int r = there; r < high; r++) to[r] = 0;
  }
  return to;
}

/* Panels of hidden units: their inputs, the bias first; or the outputs that they go to. */
static void pack_units(const float *A, const shape *z, const split *q, const panels *p, int back) {
  const float *row[TM];
  for (int j = 0; j < q->H; j += TM) {
    const int there = min_int(z->H - j, TM);
    for (int r = 0; r < there; r++) row[r] = A + (ptrdiff_t)(j + r) * (back ? 1 : z->D + 1);
    float *to = back ? p->out_t + j * q->transformed : p->in + j * (q->identity + 1);
    if (!back) to = pack_panel(to, TM, row, there, 1, &z->D, 1);
    pack_panel(to, TM, row, there, back ? q->transformed : q->identity,
               back ? q->moved : q->identity_x, back ? z->H + 1 : 1);
  }
}

/* Panels of outputs, or of inputs, with what they have of each hidden unit: unit j of dimension i
 * is A[i * dimension + j * unit]. */
static void pack_dimensions(const float *A, const shape *z, const split *q, float *to,
                            const int *index, int count, ptrdiff_t dimension, ptrdiff_t unit) {
  const float *row[TM];
  for (int m = 0; m < count; m += TM) {
    const int there = min_int(count - m, TM), high = panel_high(m, count);
    for (int r = 0; r < there; r++) row[r] = A + index[m + r] * dimension;
    to = pack_panel(to, high, row, there, z->H, NULL, unit);
    memset(to, 0, (size_t)((q->H - z->H) * high) * sizeof *to);
    to += (q->H - z->H) * high;
  }
}

static void pack_net(const clf_tensor *w, const shape *z, int l, int net, const split *q) {
  const float *A1 = first_of(w, z, l, net, 0), *A2 = first_of(w, z, l, net, 1);
  const panels *p = &q->net[net];
  pack_units(A1, z, q, p, 0);
  pack_dimensions(A2, z, q, p->out, q->moved, q->transformed, z->H + 1, 1);
  for (int m = 0; m < up(q->transformed, HALF); m++)
    p->bias[m] = m < q->transformed ? A2[(ptrdiff_t)q->moved[m] * (z->H + 1) + z->H] : 0;
}
/* For the backward pass. */
static void pack_back(const clf_tensor *w, const shape *z, int l, int net, const split *q) {
  const float *A1 = first_of(w, z, l, net, 0), *A2 = first_of(w, z, l, net, 1);
  const panels *p = &q->net[net];
  pack_units(A2, z, q, p, 1);
  pack_dimensions(A1, z, q, p->in_t, q->identity_x, q->identity, 1, z->D + 1);
}

/* Packs coupling l into its place in `packed`. */
static split split_of(const shape *z, int l, float *packed) {
  float *block_values = packed + (size_t)l * coupling_room(z);
  int *order = (int *)(void *)block_values;
  split q = {.H = up(z->H, TM), .live = z->H, .identity_x = order};
  for (int i = 0; i < z->D; i++) q.identity += *at(z->b, l, i, 0, 0) != 0;
  q.transformed = z->D - q.identity;
  q.moved = order + q.identity;
  for (int net = 0; net < nets_of(z); net++) {
    float *in = block_values + z->D + (size_t)net * net_room(z),
          *out_t = in + (q.identity + 1) * q.H;
    float *bias = out_t + q.transformed * q.H, *out = bias + up(q.transformed, TM);
    q.net[net] = (panels){in, out, bias, out_t, out + up(q.transformed, HALF) * q.H};
  }
  return q;
}
static void pack(const clf_tensor *w, const shape *z, int l, int back, float *packed) {
  const split q = split_of(z, l, packed);
  int *order = (int *)(void *)(packed + (size_t)l * coupling_room(z));
  int identity = 0, transformed = q.identity;
  for (int i = 0; i < z->D; i++)
    if (*at(z->b, l, i, 0, 0) != 0)
      order[identity++] = i;
    else
      order[transformed++] = i;
  for (int net = 0; net < nets_of(z); net++) {
    pack_net(w, z, l, net, &q);
    if (back) pack_back(w, z, l, net, &q);
  }
}

/* ---- Tiles ----------------------------------------------------------------------------------- */

/* acc[r][v] += sum over K of w[k][r] x[k][v]. */
#define TILE2(K, w, x)                                                                             \
  for (int k = 0; k < (K); k++) {                                                                  \
    const vec x0 = VEC_IN((x) + k * BLOCK), x1 = VEC_IN((x) + k * BLOCK + LANES);                  \
    UNROLL for (int r = 0; r < TM; r++) {                                                          \
      const float a = (w)[k * TM + r];                                                             \
      acc[r][0] += a * x0;                                                                         \
      acc[r][1] += a * x1;                                                                         \
    }                                                                                              \
  }
#define TILE4(K, w, x)                                                                             \
  for (int k = 0; k < (K); k++) {                                                                  \
    vec a[HALF];                                                                                   \
    UNROLL for (int r = 0; r < HALF; r++) a[r] = (w)[k * HALF + r] - (vec){0};                     \
    UNROLL for (int v = 0; v < WIDE; v++) {                                                        \
      const vec xv = VEC_IN((x) + k * BLOCK + v * LANES);                                          \
      UNROLL for (int r = 0; r < HALF; r++) acc[r][v] += a[r] * xv;                                \
    }                                                                                              \
  }

static void tanh_rows(float *restrict h, int count) {
  for (int i = 0; i < count; i++) h[i] = real_tanh(h[i]);
}

/* h[rows] = tanh of the hidden units j .. j + rows - 1, whole tiles, at a block's identity x. */
static void hidden(const split *q, int net, int j, int rows, const float *x, float *h) {
  for (int j1 = j + rows; j < j1; j += TM, h += TM * BLOCK) {
    const float *w = q->net[net].in + j * (q->identity + 1);
    for (int v0 = 0; v0 < BLOCK; v0 += 2 * LANES) {
      vec acc[TM][2];
      EACH_OF_TILE(TM, 2) acc[r][v] = w[r] - (vec){0};
      TILE2(q->identity, w + TM, x + v0)
      EACH_OF_TILE(TM, 2) VEC(h + r * BLOCK + v0 + v * LANES) = acc[r][v];
    }
    tanh_rows(h, min_int(TM, q->live - j) * BLOCK); /* padded units are 0 already */
  }
}

/* y[rows] (+)= w x, columns j .. j + cols - 1 of panels; without `add` it starts from the bias,
 * if there is one.  y is written in whole tiles. */
static void add_rows(const float *w, int rows, int H, int j, int cols, int add, const float *bias,
                     const float *x, float *y) {
  static const float none[TM];
  for (int r0 = 0; r0 < rows; r0 += TM, w += TM * H, y += TM * BLOCK) {
    const float *b = bias ? bias + r0 : none;
    if (rows - r0 <= HALF) {
      vec acc[HALF][WIDE];
      EACH_OF_TILE(HALF, WIDE)
      acc[r][v] = add ? VEC_IN(y + r * BLOCK + v * LANES) : b[r] - (vec){0};
      TILE4(cols, w + j * HALF, x)
      EACH_OF_TILE(HALF, WIDE) VEC(y + r * BLOCK + v * LANES) = acc[r][v];
    } else
      for (int v0 = 0; v0 < BLOCK; v0 += 2 * LANES) {
        vec acc[TM][2];
        EACH_OF_TILE(TM, 2)
        acc[r][v] = add ? VEC_IN(y + r * BLOCK + v0 + v * LANES) : b[r] - (vec){0};
        TILE2(cols, w + j * TM, x + v0)
        EACH_OF_TILE(TM, 2) VEC(y + r * BLOCK + v0 + v * LANES) = acc[r][v];
      }
  }
}

/* The gradient before tanh of units j .. j + rows - 1, from that of the outputs. */
static void hidden_back(const split *q, int net, int j, int rows, const float *d, const float *h,
                        float *da) {
  for (int j1 = j + rows; j < j1; j += TM, h += TM * BLOCK, da += TM * BLOCK) {
    const float *w = q->net[net].out_t + j * q->transformed;
    for (int v0 = 0; v0 < BLOCK; v0 += 2 * LANES) {
      vec acc[TM][2];
      EACH_OF_TILE(TM, 2) acc[r][v] = (vec){0};
      TILE2(q->transformed, w, d + v0)
      EACH_OF_TILE(TM, 2) {
        const vec y = VEC_IN(h + r * BLOCK + v0 + v * LANES);
        VEC(da + r * BLOCK + v0 + v * LANES) = acc[r][v] * (1 - y * y);
      }
    }
  }
}

/* The sum of the elements of each of four vectors: the upper half of a sum is added to the lower
 * one until one element is left.  Over few samples this takes as long as the products. */
#ifdef __AVX512F__
static inline quad sums_of_four(const vec v[4]) {
  vec two[2];
  for (int i = 0; i < 2; i++) {
    const __m512 a = (__m512)v[2 * i], b = (__m512)v[2 * i + 1];
    two[i] = (vec)_mm512_shuffle_f32x4(a, b, 0x44) + (vec)_mm512_shuffle_f32x4(a, b, 0xee);
  }
  const __m512 a = (__m512)two[0], b = (__m512)two[1];
  vec s = (vec)_mm512_shuffle_f32x4(a, b, 0x88) + (vec)_mm512_shuffle_f32x4(a, b, 0xdd);
  s += (vec)_mm512_permute_ps((__m512)s, 0x4e);
  s += (vec)_mm512_permute_ps((__m512)s, 0xb1);
  const __m512i firsts = _mm512_setr_epi32(0, 4, 8, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  return (quad)_mm512_castps512_ps128(_mm512_permutexvar_ps(firsts, (__m512)s));
}
#else
static quad quarter(vec v) {
  union {
    vec v;
    quad q[LANES / 4];
  } u = {v};
  for (int i = LANES / 8; i > 0; i /= 2)
    for (int k = 0; k < i; k++) u.q[k] += u.q[k + i];
  return u.q[0];
}
static inline quad sums_of_four(const vec v[4]) {
  quad sums = {0};
  for (int i = 0; i < 4; i++) {
    const quad s = quarter(v[i]);
    sums[i] = (s[0] + s[2]) + (s[1] + s[3]);
  }
  return sums;
}
#endif

/* Where sums go: with `before`, before[i] is added to each; with `add`, they are added to to[i]. */
typedef struct sums_to {
  float *to;
  const float *before;
  int add;
} sums_to;

/* s.to[rows][cols, rounded up to fours] (+)= (before +) a b^T over the samples, in order. */
static void add_outer(const float *a, int rows, const float *b, int cols, int step, int blocks,
                      sums_to s) {
  for (int r0 = 0; r0 < rows; r0 += HALF)
    for (int c0 = 0; c0 < cols; c0 += 4) {
      vec acc[HALF][4];
      EACH_OF_TILE(HALF, 4) acc[r][v] = (vec){0};
      const float *ar = a + r0 * BLOCK, *bc = b + c0 * BLOCK;
      for (int k = 0; k < blocks; k++, ar += step, bc += step) CLF_PRAGMA(GCC unroll 1)
      for (int n = 0; n < BLOCK; n += LANES) {
        vec av[HALF];
        UNROLL for (int r = 0; r < HALF; r++) av[r] = VEC_IN(ar + r * BLOCK + n);
        UNROLL for (int v = 0; v < 4; v++) {
          const vec bv = VEC_IN(bc + v * BLOCK + n);
          UNROLL for (int r = 0; r < HALF; r++) acc[r][v] += av[r] * bv;
        }
      }
      UNROLL for (int r = 0; r < HALF; r++) {
        const ptrdiff_t i = (ptrdiff_t)(r0 + r) * up(cols, 4) + c0;
        quad_at *to = (quad_at *)(s.to + i);
        quad sum = sums_of_four(acc[r]);
        if (s.before) sum = (quad) * (const quad_at *)(s.before + i) + sum;
        *to = (s.add ? (quad)*to : (quad){0}) + sum;
      }
    }
}
