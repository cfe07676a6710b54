/* SPDX-License-Identifier: MIT */
/* maps.h: what maps of single elements share.
 *
 * The transformed elements of samples first .. end - 1, d of each, are computed LANES at a time,
 * in arrays with one entry for each element, so that every formula is a loop over lanes without
 * branches, which compilers turn into vectors.  Unused lanes of the last block repeat its last
 * element, so that no result depends on how many lanes were in use. */
#ifndef CLF_REF_MAPS_H
#define CLF_REF_MAPS_H
#include "ref.h"
#include "transpose.h"

/* A constant that a call has as three floats: their sum is the double. */
#define EXACT(p, name) ((real)(p)->name + (real)(p)->name##_rest + (real)(p)->name##_last)
#define EXACT_OF(p, name) .name = EXACT(p, name)

enum { LANES = 16 };
typedef real lanes[LANES];
#define EACH_LANE VECTOR_LOOP for (int l = 0; l < LANES; l++)

typedef struct block {
  int first, count;                 /* element n d + j of its first lane; lanes in use */
  int n[LANES], j[LANES], c[LANES]; /* sample, transformed dimension, column */
} block;

/* A column number that a tensor holds, moved into 0 .. D - 1. */
static inline int map_column(const clf_tensor *columns, int j, int D) {
  const real c = *at(columns, j, 0, 0, 0);
  return c > 0 ? c < (real)D ? (int)c : D - 1 : 0;
}

static inline block block_from(const clf_tensor *x, const clf_tensor *columns, int first, int end) {
  const int d = columns->dim[0];
  block b = {first, end - first < LANES ? end - first : LANES, {0}, {0}, {0}};
  for (int l = 0; l < LANES && b.count > 0; l++) {
    const int e = first + (l < b.count ? l : b.count - 1);
    b.n[l] = e / d;
    b.j[l] = e % d;
    b.c[l] = map_column(columns, b.j[l], x->dim[1]);
  }
  return b;
}

/* Elements of a tensor [N,D] in the blocks's columns. */
static inline void block_get(const block *b, const clf_tensor *t, lanes v) {
  for (int l = 0; l < LANES; l++) v[l] = *at(t, b->n[l], b->c[l], 0, 0);
}
static inline void block_put(const block *b, const clf_tensor *t, const lanes v) {
  for (int l = 0; l < b->count; l++) *at(t, b->n[l], b->c[l], 0, 0) = v[l];
}
/* One number of each element, of a tensor [N,d]. */
static inline void block_get_of(const block *b, const clf_tensor *t, lanes v) {
  for (int l = 0; l < LANES; l++) v[l] = *at(t, b->n[l], b->j[l], 0, 0);
}
static inline void block_put_of(const block *b, const clf_tensor *t, const lanes v) {
  for (int l = 0; l < b->count; l++) *at(t, b->n[l], b->j[l], 0, 0) = v[l];
}
/* All m numbers of each element, of a tensor [N,d,m]; and back. */
static inline void block_get_numbers(const block *b, const clf_tensor *t, lanes *v) {
  const int m = t->dim[2];
  const ptrdiff_t step = t->stride[2];
  const real *from[LANES];
  int done = 0;
  for (int l = 0; l < LANES; l++) from[l] = at(t, b->n[l], b->j[l], 0, 0);
#ifdef __AVX512F__
  for (; done < m && step == 1; done += LANES) {
    const int cols = m - done < LANES ? m - done : LANES;
    __m512 w[LANES];
#pragma GCC unroll 16
    for (int l = 0; l < LANES; l++) w[l] = _mm512_maskz_loadu_ps(first_lanes(cols), from[l] + done);
    transpose_16(w);
#pragma GCC unroll 16
    for (int k = 0; k < LANES; k++)
      if (k < cols) _mm512_storeu_ps(v[done + k], w[k]);
  }
#endif
  for (int l = 0; l < LANES; l++)
    for (int k = done; k < m; k++) v[k][l] = from[l][k * step];
}
static inline void block_put_numbers(const block *b, const clf_tensor *t, lanes *v) {
  const int m = t->dim[2];
  const ptrdiff_t step = t->stride[2];
  real *to[LANES];
  int done = 0;
  for (int l = 0; l < LANES; l++) to[l] = at(t, b->n[l], b->j[l], 0, 0);
#ifdef __AVX512F__
  for (; done < m && step == 1; done += LANES) {
    const int cols = m - done < LANES ? m - done : LANES;
    __m512 w[LANES];
#pragma GCC unroll 16
    for (int k = 0; k < LANES; k++)
      w[k] = k < cols ? _mm512_loadu_ps(v[done + k]) : _mm512_setzero_ps();
    transpose_16(w);
#pragma GCC unroll 16
    for (int l = 0; l < LANES; l++)
      if (l < b->count) _mm512_mask_storeu_ps(to[l] + done, first_lanes(cols), w[l]);
  }
#endif
  for (int l = 0; l < b->count; l++)
    for (int k = done; k < m; k++) to[l][k * step] = v[k][l];
}
/* dL/dlogdet of each element's sample. */
static inline void block_get_dl(const block *b, const clf_tensor *dl, float dlogdet, lanes v) {
  for (int l = 0; l < LANES; l++)
    v[l] = dl->buf ? dlogdet * *at(dl, b->n[l], 0, 0, 0) : (real)dlogdet;
}
/* logdet[n] += sign * the sum of v over the sample's elements.  Blocks come in order. */
static inline void block_add(const block *b, const clf_tensor *logdet, real sign, const lanes v) {
  for (int l = 0; l < b->count; l++) *at(logdet, b->n[l], 0, 0, 0) += sign * v[l];
}

static inline void copy_samples(const clf_tensor *x, const clf_tensor *y, int first, int end) {
  for (int n = first; n < end; n++)
    for (int c = 0; c < x->dim[1]; c++) *at(y, n, c, 0, 0) = *at(x, n, c, 0, 0);
}

/* The blocks of samples first .. end - 1 of p->t, in order. */
#define MAP_BLOCKS(t, b)                                                                           \
  for (block b = block_from(&p->t, &p->at, first * p->at.dim[0], end * p->at.dim[0]); b.count > 0; \
       b = block_from(&p->t, &p->at, b.first + LANES, end * p->at.dim[0]))

/* A map's operation, as a function of a range of samples, first .. end - 1, over the arguments p of
 * its call; `flops` are those of one element. */
#define CLF_REF_MAP(op, t, flops)                                                                  \
  static void op##_samples(const clf_##op##_args *p, int first, int end);                          \
  static void op##_range(const void *args, int first, int end) { op##_samples(args, first, end); } \
  CLF_REF(op) {                                                                                    \
    (void)scratch;                                                                                 \
    in_threads((flops) * (double)p->t.dim[0] * (double)p->at.dim[0], p->t.dim[0], op##_range, p);  \
    return CLF_OK;                                                                                 \
  }                                                                                                \
  static void op##_samples(const clf_##op##_args *p, int first, int end)

/* ---- Functions that are vectors in loops ----------------------------------------------------- */

/* log(x), for x >= 0; the series in float is fdlibm's and within 1 ulp. */
#ifdef CLF_REAL64
static inline double lane_log(double x) { return log(x); }
#else
static inline float lane_log(float x) {
  const int tiny = x < 1.17549435e-38f;
  const float scaled = tiny ? x * 33554432.0f : x; /* 2^25 */
  const uint32_t bits = bits_of(scaled) + (0x3F800000u - 0x3F3504F3u);
  const float e = (float)((int32_t)(bits >> 23) - 127 - (tiny ? 25 : 0));
  const float f = float_of((bits & 0x007FFFFFu) + 0x3F3504F3u) - 1, s = f / (2 + f), z = s * s;
  const float w = z * z, half = 0.5f * f * f;
  const float r =
      w * (0.40000972152f + w * 0.24279078841f) + z * (0.66666662693f + w * 0.28498786688f);
  const float v = s * (half + r) + e * 9.0580006145e-6f - half + f + e * 0.69313812256f;
  const float finite = x <= 3.40282347e38f ? v : x, positive = x > 0 ? finite : NAN;
  return x == 0 ? -INFINITY : positive;
}
#endif

static inline real lane_softplus(real x) {
  return (x > 0 ? x : 0) + real_log1p(real_exp(-real_abs(x)));
}
static inline real lane_sigmoid(real x) { /* the slope of softplus */
  const real e = real_exp(-real_abs(x));
  return (x > 0 ? 1 : e) / (1 + e);
}

/* v[0 .. count-1] of each lane become their softmax. */
static inline void lane_softmax(lanes *v, int count) {
  lanes most, sum;
  EACH_LANE {
    most[l] = v[0][l];
    sum[l] = 0;
  }
  for (int k = 1; k < count; k++) EACH_LANE most[l] = v[k][l] > most[l] ? v[k][l] : most[l];
  for (int k = 0; k < count; k++) EACH_LANE {
      v[k][l] = real_exp(v[k][l] - most[l]);
      sum[l] += v[k][l];
    }
  EACH_LANE sum[l] = 1 / sum[l];
  for (int k = 0; k < count; k++) EACH_LANE v[k][l] *= sum[l];
}
#endif
