/* SPDX-License-Identifier: MIT */
/* emulated_avx512.h: AVX-512 for processors without it, included before every file by
 * scripts/avx512: files compiled for AVX2 then take their paths for AVX-512, by SIMDe and, for what
 * it lacks, by the loops below.  (Intel's intrinsics guide says what each does.) */
#if defined __AVX2__ && !defined __AVX512F__
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>

typedef float clf_floats __attribute__((vector_size(64), may_alias));
typedef double clf_doubles __attribute__((vector_size(64), may_alias));

static inline __m512 clf_shuffle(__m512 a, __m512 b, int by) {
  const clf_floats x = (clf_floats)a, y = (clf_floats)b;
  clf_floats r;
  for (int i = 0; i < 16; i++) {
    const int from = 4 * (by >> i / 4 * 2 & 3) + i % 4;
    r[i] = i < 8 ? x[from] : y[from];
  }
  return (__m512)r;
}
static inline __m512 clf_permute(__m512 a, int by) {
  const clf_floats x = (clf_floats)a;
  clf_floats r;
  for (int i = 0; i < 16; i++) r[i] = x[i / 4 * 4 + (by >> i % 4 * 2 & 3)];
  return (__m512)r;
}
static inline clf_doubles clf_convert(__m256 a) {
  float x[8];
  clf_doubles r;
  _mm256_storeu_ps(x, a);
  for (int i = 0; i < 8; i++) r[i] = x[i];
  return r;
}
static inline __m512 clf_load(unsigned mask, const float *from) {
  clf_floats r;
  for (int i = 0; i < 16; i++) r[i] = mask >> i & 1 ? from[i] : 0;
  return (__m512)r;
}
static inline void clf_store(float *to, unsigned mask, __m512 a) {
  const clf_floats x = (clf_floats)a;
  for (int i = 0; i < 16; i++)
    if (mask >> i & 1) to[i] = x[i];
}
/* _CMP_NEQ_UQ, the only comparison in use. */
static inline unsigned clf_differ(unsigned mask, __m512 a, __m512 b) {
  const clf_floats x = (clf_floats)a, y = (clf_floats)b;
  unsigned bits = 0;
  for (int i = 0; i < 16; i++) bits |= (unsigned)(x[i] != y[i]) << i;
  return bits & mask;
}

#undef _mm512_shuffle_f32x4
#undef _mm512_permute_ps
#undef _mm512_cvtps_pd
#undef _mm512_maskz_loadu_ps
#undef _mm512_mask_storeu_ps
#undef _mm512_mask_cmp_ps_mask
#define _mm512_shuffle_f32x4 clf_shuffle
#define _mm512_permute_ps clf_permute
#define _mm512_cvtps_pd clf_convert
#define _mm512_maskz_loadu_ps clf_load
#define _mm512_mask_storeu_ps clf_store
#define _mm512_mask_cmp_ps_mask(mask, a, b, how) clf_differ(mask, a, b)
#define __AVX512F__ 1
#endif
