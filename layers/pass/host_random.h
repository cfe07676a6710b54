/* SPDX-License-Identifier: MIT */
/* host_random.h: random numbers for what is drawn once, on the host: initial weights, masks,
 * validation rows.  SplitMix64 (Steele, Lea and Flood 2014). */
#ifndef CLF_HOST_RANDOM_H
#define CLF_HOST_RANDOM_H
#include <math.h>
#include <stdint.h>

typedef struct clf__host_random {
  uint64_t state;
} clf__host_random;

static inline uint64_t clf__host_bits(clf__host_random *r) {
  uint64_t z = r->state += 0x9E3779B97F4A7C15u;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return z ^ z >> 31;
}
/* In [0, 1). */
static inline double clf__host_uniform(clf__host_random *r) {
  return (double)(clf__host_bits(r) >> 11) * 0x1p-53;
}
/* In 0 .. n - 1, with negligible bias because n is far below 2^64. */
static inline int64_t clf__host_below(clf__host_random *r, int64_t n) {
  return (int64_t)(clf__host_uniform(r) * (double)n);
}
static inline double clf__host_normal(clf__host_random *r) {
  const double u = 1 - clf__host_uniform(r), v = clf__host_uniform(r);
  return sqrt(-2 * log(u)) * cos(6.283185307179586477 * v);
}
#endif
