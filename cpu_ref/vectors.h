/* SPDX-License-Identifier: MIT */
/* vectors.h: the processor's vectors, for tiles whose sums stay in registers.  The types are GNU
 * C's: loops over arrays become vectors too, but gcc then keeps their sums in memory. */
#ifndef CLF_REF_VECTORS_H
#define CLF_REF_VECTORS_H
#include "ref.h"
#ifdef __AVX512F__
#include <immintrin.h>
#endif

/* Bytes of a vector; rows of a tile, of two vectors each: what the registers hold. */
#if defined __AVX512F__
enum { BYTES = 64, TM = 8 };
#elif defined __AVX__
enum { BYTES = 32, TM = 6 };
#else
enum { BYTES = 16, TM = 6 };
#endif
enum { LANES = BYTES / sizeof(real), TN = 2 * LANES };
typedef real vec __attribute__((vector_size(BYTES)));
typedef vec vec_at __attribute__((aligned(sizeof(real)), may_alias)); /* anywhere in memory */
#define VEC(p) (*(vec_at *)(p))
#define VEC_IN(p) ((vec) * (const vec_at *)(p)) /* a value of the plain type */

/* The first n numbers of a vector, 1 .. LANES: the others read as 0, and are not written. */
#ifdef __AVX512F__
static inline __mmask16 first_lanes(int n) { return (__mmask16)(0xffffu >> (LANES - n)); }
static inline vec part_in(const real *from, int n) {
  return (vec)_mm512_maskz_loadu_ps(first_lanes(n), from);
}
static inline void part_out(real *to, vec v, int n) {
  _mm512_mask_storeu_ps(to, first_lanes(n), (__m512)v);
}
#else
static inline vec part_in(const real *from, int n) {
  real v[LANES] = {0};
  if (n == LANES) return VEC_IN(from);
  for (int i = 0; i < n; i++) v[i] = from[i];
  return VEC_IN(v);
}
static inline void part_out(real *to, vec v, int n) {
  real all[LANES];
  VEC(n == LANES ? to : all) = v;
  for (int i = 0; i < n && n < LANES; i++) to[i] = all[i];
}
#endif

/* LANES rows of `from`, `pitch` apart, of which `rows` exist and `cols` numbers are taken, become
 * `cols` rows of `to`, TN apart. */
#ifdef __AVX512F__
static inline void transpose(const real *from, ptrdiff_t pitch, int rows, int cols, real *to) {
  __m512 v[16], w[16];
#pragma GCC unroll 16
  for (int r = 0; r < 16; r++)
    v[r] =
        r < rows ? _mm512_maskz_loadu_ps(first_lanes(cols), from + r * pitch) : _mm512_setzero_ps();
#pragma GCC unroll 8
  for (int r = 0; r < 16; r += 2) { /* pairs of numbers */
    w[r] = _mm512_unpacklo_ps(v[r], v[r + 1]);
    w[r + 1] = _mm512_unpackhi_ps(v[r], v[r + 1]);
  }
#pragma GCC unroll 4
  for (int r = 0; r < 16; r += 4) /* fours: column c of each quarter in v[r + c] */
#pragma GCC unroll 2
    for (int h = 0; h < 2; h++) {
      v[r + 2 * h] = _mm512_shuffle_ps(w[r + h], w[r + h + 2], 0x44);
      v[r + 2 * h + 1] = _mm512_shuffle_ps(w[r + h], w[r + h + 2], 0xee);
    }
#pragma GCC unroll 4
  for (int c = 0; c < 4; c++) { /* quarters to their places */
    const __m512 a = _mm512_shuffle_f32x4(v[c], v[c + 4], 0x88);
    const __m512 b = _mm512_shuffle_f32x4(v[c], v[c + 4], 0xdd);
    const __m512 d = _mm512_shuffle_f32x4(v[c + 8], v[c + 12], 0x88);
    const __m512 e = _mm512_shuffle_f32x4(v[c + 8], v[c + 12], 0xdd);
    w[c] = _mm512_shuffle_f32x4(a, d, 0x88);
    w[c + 8] = _mm512_shuffle_f32x4(a, d, 0xdd);
    w[c + 4] = _mm512_shuffle_f32x4(b, e, 0x88);
    w[c + 12] = _mm512_shuffle_f32x4(b, e, 0xdd);
  }
#pragma GCC unroll 16
  for (int c = 0; c < 16; c++)
    if (c < cols) _mm512_storeu_ps(to + c * TN, w[c]);
}
#else
static inline void transpose(const real *from, ptrdiff_t pitch, int rows, int cols, real *to) {
  for (int c = 0; c < cols; c++)
    for (int r = 0; r < LANES; r++) to[c * TN + r] = r < rows ? from[r * pitch + c] : 0;
}
#endif

/* n filled up to a multiple of `by`. */
static inline int up(int n, int by) { return (n + by - 1) / by * by; }
static inline int least(int a, int b) { return a < b ? a : b; }
static inline int most(int a, int b) { return a > b ? a : b; }
#endif
