/* SPDX-License-Identifier: MIT */
/* philox.h: counter-based random words (Salmon, Moraes, Dror, Shaw 2011: "Parallel
 * random numbers: as easy as 1, 2, 3", Philox4x32-10). */
#ifndef CLF_REF_PHILOX_H
#define CLF_REF_PHILOX_H
#include <stdint.h>

typedef struct words {
  uint32_t v[4];
} words;

static inline words philox(words c, uint32_t k0, uint32_t k1) {
  for (int round = 0; round < 10; round++) {
    const uint64_t a = (uint64_t)0xD2511F53 * c.v[0], b = (uint64_t)0xCD9E8D57 * c.v[2];
    c = (words){{(uint32_t)(b >> 32) ^ c.v[1] ^ k0, (uint32_t)b, (uint32_t)(a >> 32) ^ c.v[3] ^ k1,
                 (uint32_t)a}};
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  return c;
}

/* Words 4 block .. 4 block + 3 of sample first + n. */
#define WORDS(p, block, n)                                                                         \
  philox_at((uint32_t)(block), (uint32_t)(p)->first_lo, (uint32_t)(p)->first_hi, (uint32_t)(n),    \
            (uint32_t)(p)->stream, (uint32_t)(p)->seed_lo, (uint32_t)(p)->seed_hi)
static inline words philox_at(uint32_t block, uint32_t lo, uint32_t hi, uint32_t n, uint32_t stream,
                              uint32_t k0, uint32_t k1) {
  const uint64_t i = ((uint64_t)hi << 32 | lo) + n;
  return philox((words){{block, (uint32_t)i, (uint32_t)(i >> 32), stream}}, k0, k1);
}
#endif
