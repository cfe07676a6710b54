/* SPDX-License-Identifier: MIT */
/* vectors.h: the processor's vectors, for tiles whose sums stay in registers.  The types are GNU
 * C's: loops over arrays become vectors too, but gcc then keeps their sums in memory. */
#ifndef CLF_REF_VECTORS_H
#define CLF_REF_VECTORS_H
#include "ref.h"

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

/* n filled up to a multiple of `by`. */
static inline int up(int n, int by) { return (n + by - 1) / by * by; }
static inline int least(int a, int b) { return a < b ? a : b; }
static inline int most(int a, int b) { return a > b ? a : b; }
#endif
