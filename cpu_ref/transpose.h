/* SPDX-License-Identifier: MIT */
/* transpose.h: transposes 16 x 16 or 8 x 8 numbers in registers, for the variants with vectors of
 * 16 and of 8. */
#ifndef CLF_REF_TRANSPOSE_H
#define CLF_REF_TRANSPOSE_H
#ifdef __AVX__
#include <immintrin.h>
#endif
#ifdef __AVX512F__

/* The first n of 16 numbers, 1 .. 16. */
static inline __mmask16 first_lanes(int n) { return (__mmask16)(0xffffu >> (16 - n)); }

static inline void transpose_16(__m512 v[16]) {
  __m512 w[16];
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
  for (int r = 0; r < 16; r++) v[r] = w[r];
}
#endif

#ifdef __AVX__
/* Transposes the four rows of 4 numbers in each half. */
static inline void transpose_quarters(const __m256 v[4], __m256 to[4]) {
  __m256 w[4];
#pragma GCC unroll 2
  for (int r = 0; r < 4; r += 2) { /* pairs of numbers */
    w[r] = _mm256_unpacklo_ps(v[r], v[r + 1]);
    w[r + 1] = _mm256_unpackhi_ps(v[r], v[r + 1]);
  }
#pragma GCC unroll 2
  for (int h = 0; h < 2; h++) { /* fours */
    to[2 * h] = _mm256_shuffle_ps(w[h], w[h + 2], 0x44);
    to[2 * h + 1] = _mm256_shuffle_ps(w[h], w[h + 2], 0xee);
  }
}

/* to[c] = elements c of 8 rows: rows r and r + 4 are loaded as halves of one vector. */
static inline void transpose_8(const float *from, ptrdiff_t pitch, __m256 to[8]) {
  __m256 v[4];
#pragma GCC unroll 2
  for (int c = 0; c < 8; c += 4) {
#pragma GCC unroll 4
    for (int r = 0; r < 4; r++)
      v[r] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(from + r * pitch + c)),
                                  _mm_loadu_ps(from + (r + 4) * pitch + c), 1);
    transpose_quarters(v, to + c);
  }
}
#endif
#endif
