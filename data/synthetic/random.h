/* SPDX-License-Identifier: MIT */
/* random.h: random numbers as a function of seed and position, without state.  Private. */
#ifndef CLF_DATA_RANDOM_H
#define CLF_DATA_RANDOM_H
#include <stdint.h>

#define CLF_RANDOM_STEP UINT64_C(0x9e3779b97f4a7c15) /* the increment of splitmix64 */

/* The output function of splitmix64 (Steele, Lea, Flood 2014). */
static inline uint64_t clf__mix(uint64_t x) {
  x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
  return x ^ (x >> 31);
}

/* The k-th number of splitmix64, as a double in [0, 1).  The seed is mixed first: otherwise
 * seeds that differ by a multiple of the increment would share numbers. */
static inline double clf__uniform(uint64_t seed, uint64_t k) {
  return (double)(clf__mix(clf__mix(seed + CLF_RANDOM_STEP) + (k + 1) * CLF_RANDOM_STEP) >> 11) *
         0x1p-53;
}

#endif
