/* SPDX-License-Identifier: MIT */
/* dropout.c: masks from counters, several blocks of four elements at once. */
#include "philox.h"
#include "ref.h"

enum { SIDE = 16 };

/* Words of blocks b0 .. b0 + SIDE - 1 of row n: word j of the i-th block is at [j][i]. */
static void draw(const clf_dropout_args *p, int n, int b0, uint32_t word[4][SIDE]) {
  for (int i = 0; i < SIDE; i++) {
    const clf__words k = CLF_WORDS(p, b0 + i, n);
    for (int j = 0; j < 4; j++) word[j][i] = k.v[j];
  }
}

CLF_REF_LOOP(dropout, 30.0 * (double)clf__count(&p->x), p->x.dim[0], n) {
  const int H = p->x.dim[2], W = p->x.dim[3], size = p->x.dim[1] * H * W;
  const real scale = 1 / (1 - (real)p->drop);
  for (int e0 = 0; e0 < size; e0 += 4 * SIDE) {
    uint32_t word[4][SIDE];
    draw(p, n, e0 / 4, word);
    for (int e = e0; e < size && e < e0 + 4 * SIDE; e++) {
      const int c = e / (H * W), h = e / W % H, w = e % W;
      const real kept = clf__uniform(word[e % 4][(e - e0) / 4]) >= (double)p->drop ? scale : 0;
      *at(&p->y, n, c, h, w) = kept * *at(&p->x, n, c, h, w);
    }
  }
}
