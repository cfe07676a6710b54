/* SPDX-License-Identifier: MIT */
/* maps.h: shared by maps of single elements.
 *
 * The transformed elements of samples first .. end - 1, d of each, are computed LANES at a time,
 * in arrays with one entry per element, so that every formula is a loop over lanes without
 * branches, which compilers vectorise.  If samples are contiguous, lanes are samples of one
 * column, column by column; else they are the elements sample by sample.  Unused lanes repeat the
 * last element, so that no result depends on the number of lanes in use. */
#ifndef CLF_REF_MAPS_H
#define CLF_REF_MAPS_H
#include "ref.h"
#include "transpose.h"

/* A constant given as three floats whose sum is the double. */
#define EXACT(p, name) ((real)(p)->name + (real)(p)->name##_rest + (real)(p)->name##_last)
#define EXACT_OF(p, name) .name = EXACT(p, name)

#ifndef MAP_LANES
#define MAP_LANES 16
#endif
enum { LANES = MAP_LANES };
typedef real lanes[LANES];
#define EACH_LANE VECTOR_LOOP for (int l = 0; l < LANES; l++)

/* As many lanes as a vector of the processor holds, for loops whose results are to stay in
 * registers: compilers keep those of loops over arrays in memory. */
enum { PART = VECTOR_BYTES / sizeof(real) };
typedef real part __attribute__((vector_size(VECTOR_BYTES)));
typedef part part_at __attribute__((aligned(sizeof(real)), may_alias));
typedef __typeof__((part){0} < (part){0}) part_mask;
#define PART_OF(p) (*(part_at *)(p))
#define PART_IN(p) ((part) * (const part_at *)(p))
#define EACH_PART for (int l = 0; l < LANES; l += PART)
static inline part choose(part_mask mask, part yes, part no) {
  return (part)((mask & (part_mask)yes) | (~mask & (part_mask)no));
}

typedef struct block {
  int count;     /* lanes in use; 0: there are no more blocks */
  int by_column; /* lanes are samples n[0] and following of one column; other entries are not set */
  int first;     /* else the element n d + j of the first lane */
  int n[LANES], j[LANES], c[LANES]; /* sample, transformed dimension, column */
} block;

/* The box of dimension j: row j of a tensor [d,4]. */
static inline void box_of(const clf_tensor *box, int j, real *left, real *right, real *bottom,
                          real *top) {
  *left = *at(box, j, 0, 0, 0);
  *right = *at(box, j, 1, 0, 0);
  *bottom = *at(box, j, 2, 0, 0);
  *top = *at(box, j, 3, 0, 0);
}

/* A column index from a tensor, clamped to 0 .. D - 1. */
static inline int map_column(const clf_tensor *columns, int j, int D) {
  const real c = *at(columns, j, 0, 0, 0);
  return c > 0 ? c < (real)D ? (int)c : D - 1 : 0;
}

/* From the sample and dimension of its first lane. */
static inline void fill_by_column(block *b, const clf_tensor *x, const clf_tensor *columns, int n,
                                  int j, int end) {
  const int d = columns->dim[0];
  b->count = j == d ? 0 : end - n < LANES ? end - n : LANES;
  b->n[0] = n;
  b->j[0] = j;
  b->c[0] = j < d ? map_column(columns, j, x->dim[1]) : 0;
}
static inline void fill_by_sample(block *b, const clf_tensor *x, const clf_tensor *columns,
                                  int first, int end) {
  const int d = columns->dim[0], left = end * d - first;
  b->first = first;
  b->count = left < LANES ? left : LANES;
  for (int l = 0; l < LANES && b->count > 0; l++) {
    const int e = first + (l < b->count ? l : b->count - 1);
    b->n[l] = e / d;
    b->j[l] = e % d;
    b->c[l] = map_column(columns, b->j[l], x->dim[1]);
  }
}

static inline block block_first(const clf_tensor *x, const clf_tensor *columns, int first,
                                int end) {
  block b = {.by_column = x->stride[0] == 1 && (x->stride[1] != 1 || x->dim[1] == 1)};
  if (b.by_column)
    fill_by_column(&b, x, columns, first, first < end ? 0 : columns->dim[0], end);
  else
    fill_by_sample(&b, x, columns, first * columns->dim[0], end);
  return b;
}
static inline void block_next(block *b, const clf_tensor *x, const clf_tensor *columns, int first,
                              int end) {
  const int n = b->n[0] + LANES;
  if (!b->by_column)
    fill_by_sample(b, x, columns, b->first + LANES, end);
  else if (n < end)
    fill_by_column(b, x, columns, n, b->j[0], end);
  else
    fill_by_column(b, x, columns, first, b->j[0] + 1, end);
}
static inline int block_dimension(const block *b, int l) { return b->j[b->by_column ? 0 : l]; }

/* Elements of consecutive samples, at distance `step`. */
static inline void run_get(const block *b, const real *from, ptrdiff_t step, lanes v) {
  if (step == 1 && b->count == LANES)
    EACH_PART PART_OF(v + l) = PART_IN(from + l);
  else
    for (int l = 0; l < LANES; l++) v[l] = from[(l < b->count ? l : b->count - 1) * step];
}
static inline void run_put(const block *b, real *to, ptrdiff_t step, const lanes v) {
  if (step == 1 && b->count == LANES)
    EACH_PART PART_OF(to + l) = PART_IN(v + l);
  else
    for (int l = 0; l < b->count; l++) to[l * step] = v[l];
}

/* Elements of a tensor [N,D] in the block's columns, or one parameter per element, of a tensor
 * [N,d]. */
static inline void elements_get(const block *b, const clf_tensor *t, const int *c, lanes v) {
  if (b->by_column)
    run_get(b, at(t, b->n[0], c[0], 0, 0), t->stride[0], v);
  else
    for (int l = 0; l < LANES; l++) v[l] = *at(t, b->n[l], c[l], 0, 0);
}
static inline void elements_put(const block *b, const clf_tensor *t, const int *c, const lanes v) {
  if (b->by_column)
    run_put(b, at(t, b->n[0], c[0], 0, 0), t->stride[0], v);
  else
    for (int l = 0; l < b->count; l++) *at(t, b->n[l], c[l], 0, 0) = v[l];
}
static inline void block_get(const block *b, const clf_tensor *t, lanes v) {
  elements_get(b, t, b->c, v);
}
static inline void block_put(const block *b, const clf_tensor *t, const lanes v) {
  elements_put(b, t, b->c, v);
}
static inline void block_get_of(const block *b, const clf_tensor *t, lanes v) {
  elements_get(b, t, b->j, v);
}
static inline void block_put_of(const block *b, const clf_tensor *t, const lanes v) {
  elements_put(b, t, b->j, v);
}

/* All m parameters of each element, of a tensor [N,d,m]; and back. */
static inline void numbers_get_by_sample(const block *b, const clf_tensor *t, lanes *v) {
  const int m = t->dim[2];
  const ptrdiff_t step = t->stride[2];
  const real *from[LANES];
  int done = 0;
  for (int l = 0; l < LANES; l++) from[l] = at(t, b->n[l], b->j[l], 0, 0);
#if defined __AVX512F__ && MAP_LANES == 16 /* which transpose_16() takes */
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
static inline void numbers_put_by_sample(const block *b, const clf_tensor *t, lanes *v) {
  const int m = t->dim[2];
  const ptrdiff_t step = t->stride[2];
  real *to[LANES];
  int done = 0;
  for (int l = 0; l < LANES; l++) to[l] = at(t, b->n[l], b->j[l], 0, 0);
#if defined __AVX512F__ && MAP_LANES == 16 /* which transpose_16() takes */
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
static inline void block_get_numbers(const block *b, const clf_tensor *t, lanes *v) {
  if (!b->by_column) {
    numbers_get_by_sample(b, t, v);
    return;
  }
  const real *from = at(t, b->n[0], b->j[0], 0, 0);
  for (int k = 0; k < t->dim[2]; k++)
    run_get(b, from + k * (ptrdiff_t)t->stride[2], t->stride[0], v[k]);
}
static inline void block_put_numbers(const block *b, const clf_tensor *t, lanes *v) {
  if (!b->by_column) {
    numbers_put_by_sample(b, t, v);
    return;
  }
  real *to = at(t, b->n[0], b->j[0], 0, 0);
  for (int k = 0; k < t->dim[2]; k++)
    run_put(b, to + k * (ptrdiff_t)t->stride[2], t->stride[0], v[k]);
}
/* dL/dlogdet of each element's sample. */
static inline void block_get_dl(const block *b, const clf_tensor *dl, float dlogdet, lanes v) {
  for (int l = 0; l < LANES; l++) v[l] = (real)dlogdet;
  if (!dl->buf) return;
  for (int l = 0; l < b->count; l++) v[l] *= *at(dl, b->by_column ? b->n[0] + l : b->n[l], 0, 0, 0);
}
/* logdet[n] += sign * the sum of v over the sample's elements.  Blocks come in order. */
static inline void block_add(const block *b, const clf_tensor *logdet, real sign, const lanes v) {
  if (b->by_column) {
    lanes sum;
    real *to = at(logdet, b->n[0], 0, 0, 0);
    run_get(b, to, logdet->stride[0], sum);
    for (int l = 0; l < LANES; l++) sum[l] += sign * v[l];
    run_put(b, to, logdet->stride[0], sum);
    return;
  }
  for (int l = 0; l < b->count; l++) *at(logdet, b->n[l], 0, 0, 0) += sign * v[l];
}

static inline void copy_samples(const clf_tensor *x, const clf_tensor *y, int first, int end) {
  if (x->stride[0] == 1 && y->stride[0] == 1) {
    for (int c = 0; c < x->dim[1]; c++)
      memmove(at(y, first, c, 0, 0), at(x, first, c, 0, 0), (size_t)(end - first) * sizeof(real));
    return;
  }
  for (int n = first; n < end; n++)
    for (int c = 0; c < x->dim[1]; c++) *at(y, n, c, 0, 0) = *at(x, n, c, 0, 0);
}

/* Iterates over the blocks of samples first .. end - 1 of p->t, in order. */
#define MAP_BLOCKS(t, b)                                                                           \
  for (block b = block_first(&p->t, &p->at, first, end); b.count > 0;                              \
       block_next(&b, &p->t, &p->at, first, end))

/* Defines a map's operation as a function of a range of samples, first .. end - 1, with the
 * arguments p of its call; `flops` are per element. */
#define CLF_REF_MAP(op, t, flops)                                                                  \
  static void op##_samples(const clf_##op##_args *p, int first, int end);                          \
  static void op##_range(const void *args, int first, int end) { op##_samples(args, first, end); } \
  CLF_REF(op) {                                                                                    \
    (void)scratch;                                                                                 \
    in_threads((flops) * (double)p->t.dim[0] * (double)p->at.dim[0], p->t.dim[0], op##_range, p);  \
    return CLF_OK;                                                                                 \
  }                                                                                                \
  static void op##_samples(const clf_##op##_args *p, int first, int end)

/* ---- Functions that are vectorised in loops -------------------------------------------------- */

/* log(x), for x >= 0; the float series is fdlibm's and within 1 ulp. */
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

/* Replaces v[0 .. count-1] of each lane by their softmax. */
static inline void lane_softmax(lanes *v, int count) {
  lanes most, sum;
  EACH_LANE {
    most[l] = v[0][l];
    sum[l] = 0;
  }
  for (int k = 1; k < count; k++) EACH_LANE most[l] = v[k][l] > most[l] ? v[k][l] : most[l];
  for (int k = 0; k < count; k++) EACH_LANE {
      v[k][l] = real_exp_below(v[k][l] - most[l]);
      sum[l] += v[k][l];
    }
  EACH_LANE sum[l] = 1 / sum[l];
  for (int k = 0; k < count; k++) EACH_LANE v[k][l] *= sum[l];
}
#endif
