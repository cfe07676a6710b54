/* SPDX-License-Identifier: MIT */
/* winograd.h: 3x3 convolutions by Winograd's algorithm, for conv.c, using its TM, TN, LANES and
 * VEC; the transforms are in runtime/core/winograd.def.  A block of tiles stays in its job's
 * slice of the scratch memory for all steps.  Matrices are SPACE elements apart, because at
 * powers of two they would share few cache sets. */
#ifndef CLF_REF_WINOGRAD_H
#define CLF_REF_WINOGRAD_H
#include "ref.h"

typedef vec V;
#define WINO_FMA(number, v, w) ((number) * (v) + (w))
#define WINO_UNROLL CLF_PRAGMA(GCC unroll 8)
#include "winograd.def"

enum { POINTS = 36, SPACE = 16 };

/* The first n elements from s on, at a stride; zero beyond. */
static inline V vec_load(const real *s, ptrdiff_t stride, int n) {
  if (stride == 1 && n >= LANES) return VEC_IN(s);
  real v[LANES];
  for (int i = 0; i < LANES; i++) v[i] = i < n ? s[i * stride] : 0;
  return VEC_IN(v);
}
static inline void vec_store(V v, real *d, ptrdiff_t stride, int n) {
  if (stride == 1 && n >= LANES) {
    VEC(d) = v;
    return;
  }
  real u[LANES];
  VEC(u) = v;
  for (int i = 0; i < LANES && i < n; i++) d[i * stride] = u[i];
}

/* As normal(). */
static inline V vec_normal(V x, V scale, V offset) {
  const V v = x * scale + offset;
  return (V)((__typeof__(v < v))v & ~(v < 0));
}

/* ---- Tiles of a view, counted over n, rows, columns ------------------------------------------ */

typedef struct wino_tile {
  int n, h, w; /* of the first pixel */
} wino_tile;
static int wino_across(const clf_tensor *t) { return (t->dim[3] + 3) / 4; }
static int wino_down(const clf_tensor *t) { return (t->dim[2] + 3) / 4; }
static int wino_tiles(const clf_tensor *t) { return t->dim[0] * wino_across(t) * wino_down(t); }
static wino_tile wino_tile_of(const clf_tensor *t, int i) {
  const int row = i / wino_across(t), down = wino_down(t);
  return (wino_tile){row / down, row % down * 4, i % wino_across(t) * 4};
}

/* The side x side pixels starting at `from`, or `outside`. */
static void wino_places(const clf_tensor *x, wino_tile q, int from, int side, const real *outside,
                        const real **places) {
  for (int i = 0; i < side * side; i++) {
    const int h = q.h + from + i / side, w = q.w + from + i % side;
    const int in = h >= 0 && h < x->dim[2] && w >= 0 && w < x->dim[3];
    places[i] = in ? at(x, q.n, 0, h, w) : outside;
  }
}

/* ---- Transforms -------------------------------------------------------------------------------
 */

/* to[36][tiles][C], `matrix` elements each: B' d B of `count` tiles; those past the end repeat
 * the last one.  The last vector of a pixel's channels, of which there are at least LANES, may
 * overlap the one before. */
static void wino_in(const clf_tensor *x, const norm *m, int first, int count, real *to,
                    ptrdiff_t matrix) {
  const int C = x->dim[1], last = wino_tiles(x) - 1;
  for (int t = 0; t < count; t++, to += C) {
    const real *from[36];
    wino_places(x, wino_tile_of(x, min_int(first + t, last)), -1, 6, m->outside, from);
#define TO(i, j, v) VEC(to + ((i)*6 + (j)) * matrix + c0) = v
    for (int c = 0; c < C && !m->scale; c += LANES) {
      const int c0 = min_int(c, C - LANES);
#define FROM(i, j) VEC_IN(from[(i)*6 + (j)] + c0)
      WINO_BOTH(WINO_B, 6, 6)
#undef FROM
    }
    for (int c = 0; c < C && m->scale; c += LANES) {
      const int c0 = min_int(c, C - LANES);
      const V scale = VEC_IN(m->scale + c0), offset = VEC_IN(m->offset + c0);
#define FROM(i, j) vec_normal(VEC_IN(from[(i)*6 + (j)] + c0), scale, offset)
      WINO_BOTH(WINO_B, 6, 6)
#undef FROM
    }
#undef TO
  }
}

/* to[36][tiles][columns]: A e A' of `count` tiles, from channel j0 on. */
static void wino_gradients(const clf_tensor *dy, int first, int count, int j0, const real *zeros,
                           real *to, int columns, ptrdiff_t matrix) {
  for (int t = 0; t < count; t++, to += columns) {
    const real *from[16];
    wino_places(dy, wino_tile_of(dy, first + t), 0, 4, zeros, from);
    for (int l = 0; l < columns; l += LANES) {
      const int n = dy->dim[1] - j0 - l;
#define FROM(i, j) vec_load(from[(i)*4 + (j)] + j0 + l, 1, n)
#define TO(i, j, v) VEC(to + ((i)*6 + (j)) * matrix + l) = v
      WINO_BOTH(WINO_A_BACK, 4, 6)
#undef FROM
#undef TO
    }
  }
}

/* y = beta y + bias + A' sums A of `count` tiles, at the channels of a panel. */
static void wino_out(const product *q, const real *sums, int tiles, int first, int count, int j0) {
  const clf_tensor *y = q->y;
  const ptrdiff_t stride = y->stride[1], matrix = (ptrdiff_t)tiles * TN;
  for (int t = 0; t < count; t++)
    for (int l = 0; l < TN && j0 + l < y->dim[1]; l += LANES) {
      const wino_tile to = wino_tile_of(y, first + t);
      const int n = y->dim[1] - j0 - l;
      const real *s = sums + t * TN + l;
      V sum[4][4], more = {0};
      if (q->bias) more = vec_load(at(q->bias, j0 + l, 0, 0, 0), q->bias->stride[0], n);
#define FROM(i, j) VEC_IN(s + ((i)*6 + (j)) * matrix)
#define TO(i, j, v) sum[i][j] = v
      WINO_BOTH(WINO_A, 6, 4)
#undef FROM
#undef TO
      for (int i = 0; i < 4 && to.h + i < y->dim[2]; i++)
        for (int j = 0; j < 4 && to.w + j < y->dim[3]; j++) {
          real *d = at(y, to.n, j0 + l, to.h + i, to.w + j);
          V r = sum[i][j] + more;
          if (q->beta != 0) r += q->beta * vec_load(d, stride, n);
          vec_store(r, d, stride, n);
        }
    }
}

/* ---- Products -----------------------------------------------------------------------------------
 */

/* sums[36][tiles][TN] = rows[36][tiles][C] by panel[36][C][TN]; `tiles` is a multiple of TM. */
static void wino_products(const real *rows, ptrdiff_t matrix, int C, int tiles, const real *b,
                          real *sums) {
  for (int t = 0; t < POINTS; t++, rows += matrix, b += (ptrdiff_t)C * TN)
    for (int g = 0; g < tiles; g += TM, sums += TM * TN) {
      const real *a = rows + (ptrdiff_t)g * C;
      vec sum[TM][2] = {{{0}}};
      for (int c = 0; c < C; c++) {
        const vec b0 = VEC_IN(b + c * TN), b1 = VEC_IN(b + c * TN + LANES);
#pragma GCC unroll 8
        for (int r = 0; r < TM; r++) {
          const real v = a[r * C + c];
          sum[r][0] += v * b0;
          sum[r][1] += v * b1;
        }
      }
#pragma GCC unroll 8
      for (int r = 0; r < TM; r++) {
        VEC(sums + r * TN) = sum[r][0];
        VEC(sums + r * TN + LANES) = sum[r][1];
      }
    }
}

/* d[TM][columns] (+)= the sums over `count` tiles of rows x by rows dy; only n rows of d exist. */
static void wino_outer(const real *x, int x_row, const real *dy, int dy_row, int count, real *d,
                       int columns, int n, int add) {
  vec sum[TM][2] = {{{0}}};
  for (int t = 0; t < count; t++, x += x_row, dy += dy_row) {
    const vec b0 = VEC_IN(dy), b1 = VEC_IN(dy + LANES);
#pragma GCC unroll 8
    for (int r = 0; r < TM; r++) {
      sum[r][0] += x[r] * b0;
      sum[r][1] += x[r] * b1;
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < TM; r++)
    if (r < n) {
      real *to = d + (ptrdiff_t)r * columns;
      if (add) {
        sum[r][0] += VEC(to);
        sum[r][1] += VEC(to + LANES);
      }
      VEC(to) = sum[r][0];
      VEC(to + LANES) = sum[r][1];
    }
}
#endif
