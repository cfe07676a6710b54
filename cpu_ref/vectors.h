/* SPDX-License-Identifier: MIT */
/* vectors.h: the processor's vectors, for tiles whose sums stay in registers.  Uses GNU C's
 * vector types: loops over arrays are vectorised, too, but gcc then keeps their sums in memory. */
#ifndef CLF_REF_VECTORS_H
#define CLF_REF_VECTORS_H
#include "ref.h"
#include "transpose.h"

/* Rows of a tile, with two vectors each, of which the registers hold TM or OTHER; and the most. */
#ifdef __AVX512F__
enum { TM = 8, OTHER = 10, HIGH = OTHER };
#else
enum { TM = 6, OTHER = 5, HIGH = TM };
#endif
enum { LANES = VECTOR_BYTES / sizeof(real), TN = 2 * LANES };
typedef real vec __attribute__((vector_size(VECTOR_BYTES)));
typedef vec vec_at __attribute__((aligned(sizeof(real)), may_alias)); /* at any alignment */
#define VEC(p) (*(vec_at *)(p))
#define VEC_IN(p) ((vec) * (const vec_at *)(p)) /* access as plain elements */

/* The first n elements of a vector, 1 .. LANES: the others read as 0, and are not written. */
#ifdef __AVX512F__
static inline vec load_first(const real *from, int n) {
  return (vec)_mm512_maskz_loadu_ps(first_lanes(n), from);
}
static inline void store_first(real *to, vec v, int n) {
  _mm512_mask_storeu_ps(to, first_lanes(n), (__m512)v);
}
#else
static inline vec load_first(const real *from, int n) {
  real v[LANES] = {0};
  if (n == LANES) return VEC_IN(from);
  for (int i = 0; i < n; i++) v[i] = from[i];
  return VEC_IN(v);
}
static inline void store_first(real *to, vec v, int n) {
  if (n == LANES) {
    VEC(to) = v;
    return;
  }
  real all[LANES] = {0};
  VEC(all) = v;
  for (int i = 0; i < n; i++) to[i] = all[i];
}
#endif

/* Transposes LANES rows of `from` at distance `pitch`, of which `rows` exist and `cols` elements
 * are used, into `cols` rows of `to` at distance TN. */
static inline void transpose(const real *from, ptrdiff_t pitch, int rows, int cols, real *to) {
#ifdef __AVX512F__
  __m512 v[16];
#pragma GCC unroll 16
  for (int r = 0; r < 16; r++)
    v[r] =
        r < rows ? _mm512_maskz_loadu_ps(first_lanes(cols), from + r * pitch) : _mm512_setzero_ps();
  transpose_16(v);
#pragma GCC unroll 16
  for (int c = 0; c < 16; c++)
    if (c < cols) _mm512_storeu_ps(to + c * TN, v[c]);
#else
#ifdef __AVX__
  if (rows == LANES && cols == LANES) {
    __m256 v[LANES];
    transpose_8(from, pitch, v);
    for (int c = 0; c < LANES; c++) VEC(to + c * TN) = (vec)v[c];
    return;
  }
#endif
  for (int c = 0; c < cols; c++)
    for (int r = 0; r < LANES; r++) to[c * TN + r] = r < rows ? from[r * pitch + c] : 0;
#endif
}

/* n rounded up to a multiple of `by`. */
static inline int up(int n, int by) { return (n + by - 1) / by * by; }
static inline int min_int(int a, int b) { return a < b ? a : b; }
static inline int max_int(int a, int b) { return a > b ? a : b; }
#endif
