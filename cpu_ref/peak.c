/* SPDX-License-Identifier: MIT */
/* peak.c: chains of multiply-adds.  Uses named vectors as wide as this variant's registers,
 * because some compilers would keep an array in memory. */
#include <string.h>
#include "ref.h"

#if defined __AVX512F__
#define WIDTH 64
#elif defined __AVX__
#define WIDTH 32
#else
#define WIDTH 16
#endif
typedef real vec __attribute__((vector_size(WIDTH)));
enum { CHAINS = 12, BLOCK = CHAINS * WIDTH / (int)sizeof(real) };
#define EACH_CHAIN(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)

static void chains(real *block, int rounds, real a, real b) {
  vec v[CHAINS];
  memcpy(v, block, sizeof v);
#define LOAD(k) vec v##k = v[k];
#define STEP(k) v##k = a * v##k + b;
#define STORE(k) v[k] = v##k;
  EACH_CHAIN(LOAD)
  for (int r = 0; r < rounds; r++) {
    EACH_CHAIN(STEP)
  }
  EACH_CHAIN(STORE)
  memcpy(block, v, sizeof v);
}

CLF_REF_LOOP(fma_chain, 2.0 * p->y.dim[0] * p->rounds, (p->y.dim[0] - 1) / BLOCK + 1, k) {
  real block[BLOCK] = {0};
  const int first = k * BLOCK, left = p->y.dim[0] - first, count = left < BLOCK ? left : BLOCK;
  for (int i = 0; i < count; i++) block[i] = *at(&p->y, first + i, 0, 0, 0);
  chains(block, p->rounds, p->a, p->b);
  for (int i = 0; i < count; i++) *at(&p->y, first + i, 0, 0, 0) = block[i];
}
