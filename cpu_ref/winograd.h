/* SPDX-License-Identifier: MIT */
/* winograd.h: 3x3 convolutions by Winograd's algorithm, for conv.c and conv_weights.c; only for
 * floats, so that cpu64 remains the direct sum.  The transforms are in runtime/core/winograd.def.
 * A block of tiles stays in its job's slice of the scratch memory for all steps.  Matrices are
 * SPACE elements apart, because at powers of two they would share few cache sets. */
#ifndef CLF_REF_WINOGRAD_H
#define CLF_REF_WINOGRAD_H
#include "conv.h"

typedef vec V;
#define WINO_FMA(number, v, w) ((number) * (v) + (w))
#define WINO_UNROLL CLF_PRAGMA(GCC unroll 8)
#define WINO_INLINE static inline __attribute__((always_inline))
#include "winograd.def"

enum { POINTS = 36, SPACE = 16, LINE = 16 }; /* LINE: floats of a cache line */

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
static void wino_pixels(const clf_tensor *x, wino_tile q, int from, int side, const real *outside,
                        const real **pixels) {
  for (int i = 0; i < side * side; i++) {
    const int h = q.h + from + i / side, w = q.w + from + i % side;
    const int in = h >= 0 && h < x->dim[2] && w >= 0 && w < x->dim[3];
    pixels[i] = in ? at(x, q.n, 0, h, w) : outside;
  }
}

/* ---- Transforms ------------------------------------------------------------------------------ */

/* What the transforms read and write: vectors in 36 matrices, `matrix` elements apart. */
typedef struct wino_points {
  real *at;
  ptrdiff_t matrix;
} wino_points;
WINO_INLINE void wino_put_point(wino_points m, int i, int j, V v) {
  VEC(m.at + (i * 6 + j) * m.matrix) = v;
}

/* side x side vectors in registers. */
typedef struct wino_vectors {
  V *at;
  int side;
} wino_vectors;
WINO_INLINE V wino_vector(wino_vectors q, int i, int j) { return q.at[i * q.side + j]; }
WINO_INLINE void wino_put_vector(wino_vectors q, int i, int j, V v) { q.at[i * q.side + j] = v; }

/* Of 6 x 6 pixels, channels c .. c + LANES - 1, normalised where there are a scale and an offset.
 */
typedef struct wino_channels {
  const real *const *pixels;
  int c;
  V scale, offset;
} wino_channels;
WINO_INLINE V wino_channel(wino_channels q, int i, int j) {
  return VEC_IN(q.pixels[i * 6 + j] + q.c);
}
WINO_INLINE V wino_normal(wino_channels q, int i, int j) {
  return vec_normal(wino_channel(q, i, j), q.scale, q.offset);
}

/* to[36][tiles][C], `matrix` elements each and `pitch` from tile to tile: B' d B of `count` tiles;
 * those past the end repeat the last one.  The last vector of a pixel's channels, of which there
 * are at least LANES, may overlap the one before. */
static void wino_in(const clf_tensor *x, const norm *m, int first, int count, real *to, int pitch,
                    ptrdiff_t matrix) {
  const int C = x->dim[1], last = wino_tiles(x) - 1;
  for (int t = 0; t < count; t++, to += pitch) {
    const real *pixels[36];
    wino_pixels(x, wino_tile_of(x, min_int(first + t, last)), -1, 6, m->outside, pixels);
    for (int c = 0; c < C && !m->scale; c += LANES) {
      const wino_channels from = {.pixels = pixels, .c = min_int(c, C - LANES)};
      const wino_points points = {to + from.c, matrix};
      WINO_BOTH(wino_b, 6, 6, wino_channel, from, wino_put_point, points)
    }
    for (int c = 0; c < C && m->scale; c += LANES) {
      const int c0 = min_int(c, C - LANES);
      const wino_channels from = {pixels, c0, VEC_IN(m->scale + c0), VEC_IN(m->offset + c0)};
      const wino_points points = {to + c0, matrix};
      WINO_BOTH(wino_b, 6, 6, wino_normal, from, wino_put_point, points)
    }
  }
}

/* Whether an image of C channels, transformed as a whole, fits into the cache that cores share.
 * Then the weights of its many channels do not fit, once they are transformed: 36 instead of 9
 * elements for each pair. */
enum { FEW = 1 << 20 }; /* elements */
static int wino_is_few(int tiles, int C) { return (double)POINTS * tiles * C <= FEW; }

/* ---- When it runs ---------------------------------------------------------------------------- */

/* Whether it applies: 3x3 weights, contiguous channels, at least one vector of them. */
static int winograd_applies(const clf_tensor *x, const clf_tensor *y, int k) {
  return FLOATS && k == 3 && x->stride[1] == 1 && y->stride[1] == 1 && x->dim[1] >= LANES;
}
/* Whether it is faster: compares products with the cost of transforming tiles and weights, which
 * was measured. */
static int winograd_is_faster(const clf_tensor *x, const clf_tensor *y) {
  const double Ci = x->dim[1], Co = y->dim[1], tiles = wino_tiles(x);
  const double pixels = (double)x->dim[0] * x->dim[2] * x->dim[3];
  const double ours = POINTS * (tiles * Ci * Co + 16 * (tiles * (Ci + Co) + Ci * Co));
  return 9 * pixels * Ci * Co > 1.2 * ours;
}
#endif
