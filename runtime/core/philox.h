/* SPDX-License-Identifier: MIT */
/* philox.h: counter-based random words (Salmon, Moraes, Dror, Shaw 2011: "Parallel random
 * numbers: as easy as 1, 2, 3", Philox4x32-10), and the order of an epoch, in C: for operations
 * on `cpu`, and for the host. */
#ifndef CLF_PHILOX_H
#define CLF_PHILOX_H
#include <stdint.h>

typedef struct clf__words {
  uint32_t v[4];
} clf__words;

static inline clf__words clf__philox(clf__words c, uint64_t key) {
  uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
  _Pragma("GCC unroll 10") for (int round = 0; round < 10; round++) {
    const uint64_t a = (uint64_t)0xD2511F53 * c.v[0], b = (uint64_t)0xCD9E8D57 * c.v[2];
    c = (clf__words){{(uint32_t)(b >> 32) ^ c.v[1] ^ k0, (uint32_t)b,
                      (uint32_t)(a >> 32) ^ c.v[3] ^ k1, (uint32_t)a}};
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  return c;
}

/* Words 4 block .. 4 block + 3 of a sample of a stream. */
static inline clf__words clf__philox_at(uint32_t block, uint64_t sample, uint32_t stream,
                                        uint64_t seed) {
  return clf__philox((clf__words){{block, (uint32_t)sample, (uint32_t)(sample >> 32), stream}},
                     seed);
}

/* In [0, 1): the upper 24 bits, which a float represents exactly. */
static inline double clf__uniform(uint32_t word) { return (word >> 8) * 0x1p-24; }

static inline uint64_t clf__join(int lo, int hi) {
  return (uint64_t)(uint32_t)hi << 32 | (uint32_t)lo;
}

/* Words 4 block .. 4 block + 3 of row n of an operation's call. */
#define CLF_WORDS(p, block, n)                                                                     \
  clf__philox_at((uint32_t)(block), clf__join((p)->first_lo, (p)->first_hi) + (uint32_t)(n),       \
                 (uint32_t)(p)->stream, clf__join((p)->seed_lo, (p)->seed_hi))

/* ---- The order of an epoch: a permutation of 0 .. rows 1 as a function ----------------------- */

enum { CLF_ROUNDS = 8 };
typedef struct clf__order {
  uint32_t key[CLF_ROUNDS], rows;
  int half;
} clf__order;

static inline clf__order clf__order_of(uint64_t seed, uint32_t epoch, uint32_t rows) {
  clf__order o = {.rows = rows, .half = 1};
  for (uint32_t b = 0; b < CLF_ROUNDS / 4; b++) {
    const clf__words k = clf__philox((clf__words){{b, 0, 0, epoch}}, seed);
    for (uint32_t i = 0; i < 4; i++) o.key[4 * b + i] = k.v[i];
  }
  while (o.half < 16 && (uint32_t)1 << 2 * o.half < rows) o.half++;
  return o;
}

static inline uint32_t clf__scramble(uint32_t x) { /* the finaliser of MurmurHash3 */
  x ^= x >> 16;
  x *= 0x85EBCA6B;
  x ^= x >> 13;
  x *= 0xC2B2AE35;
  return x ^ x >> 16;
}

/* A permutation of 0 .. 4^half - 1. */
static inline uint32_t clf__feistel(const clf__order *o, uint32_t i) {
  const uint32_t mask = ((uint32_t)1 << o->half) - 1;
  uint32_t l = i >> o->half, r = i & mask;
  for (int k = 0; k < CLF_ROUNDS; k++) {
    const uint32_t next = l ^ (clf__scramble(r ^ o->key[k]) & mask);
    l = r;
    r = next;
  }
  return l << o->half | r;
}

/* The row at position `place`.  Values outside of the range are mapped again until they are
 * inside, which keeps the function a permutation. */
static inline uint32_t clf__order_at(const clf__order *o, uint32_t place) {
  uint32_t i = clf__feistel(o, place);
  while (i >= o->rows) i = clf__feistel(o, i);
  return i;
}
#endif
