/* SPDX-License-Identifier: MIT */
/* gemm.c: with one lane an item, a launch of local-memory tiles, or a BLAS and a
 * launch for bias and activation.  With more, an item computes register tiles by panels of TN
 * columns of b, which are packed first, or by the item itself (`alone`), and in `blocks` it packs
 * its rows of a too. */
#include "launch.h"

enum {
  ITEMS = 32,       /* at least, where there is so much to do */
  ENOUGH = 1 << 19, /* products to an item, about */
  PACK_DEEP = 64,   /* rows of b that an item packs */
  DEEP = 256,       /* columns of a that lie packed in a core's cache, */
  BLOCK = 8         /* and tiles of rows */
};

CLF_RULE(gemm, wide) {
  (void)p;
  return traits->lanes > 1;
}
CLF_RULE(gemm, narrow) {
  (void)p;
  return traits->lanes == 1;
}
CLF_RULE(gemm, has_blas) {
  (void)p;
  return traits->blas;
}
static double products(const clf_gemm_args *p) {
  return (double)p->c.dim[0] * p->c.dim[1] * p->a.dim[!p->ta];
}
/* Columns of a lie apart: each number would be on a line of its own. */
CLF_RULE(gemm, strided) {
  (void)traits;
  return p->a.stride[!p->ta] != 1 && products(p) > 1 << 22;
}
CLF_RULE(gemm, large) {
  (void)traits;
  return products(p) > 1 << 18;
}
/* A second launch weighs more than packing a panel several times. */
CLF_RULE(gemm, small) { return products(p) <= 1 << 20 && p->c.dim[1] > 3 * traits->tn; }

/* Tiles of a column that an item computes: enough that its launch and what it packs weigh
 * little, but that there are items for all cores. */
static int tiles_of(const clf_traits *t, const clf_gemm_args *p) {
  const int rows = clf_ceil(p->c.dim[0], t->tm), cols = clf_ceil(p->c.dim[1], t->tn);
  const double tile = (double)t->tm * t->tn * p->a.dim[!p->ta];
  const int most = clf_ceil(rows, clf_ceil(ITEMS, cols)), want = (int)(ENOUGH / tile) + 1;
  return want < most ? want : most;
}

static int columns(const clf_call *call, const clf_gemm_args *p) {
  return clf_ceil(p->c.dim[1], call->traits->tn);
}
static clf_status pack(clf_call *call, const clf_gemm_args *p) {
  const int K = p->a.dim[!p->ta];
  return call->enqueue(call, "gemm_pack",
                       clf_groups(clf_ceil(K, PACK_DEEP), columns(call, p), 1, 1),
                       (int[4]){PACK_DEEP});
}

CLF_LAUNCH_ALGORITHM(gemm, by_panels) {
  const clf_traits *t = call->traits;
  const int cols = columns(call, p), tiles = tiles_of(t, p);
  CLF_TRY(call->reserve(call, (size_t)p->a.dim[!p->ta] * (size_t)(cols * t->tn)));
  CLF_TRY(pack(call, p));
  return call->enqueue(call, "gemm",
                       clf_groups(clf_ceil(clf_ceil(p->c.dim[0], t->tm), tiles), cols, 1, 1),
                       (int[4]){0, tiles});
}

CLF_LAUNCH_ALGORITHM(gemm, by_blocks) {
  const clf_traits *t = call->traits;
  const int K = p->a.dim[!p->ta], rows = clf_ceil(p->c.dim[0], t->tm), cols = columns(call, p);
  const int tiles = clf_ceil(rows, ITEMS) < BLOCK ? clf_ceil(rows, ITEMS) : BLOCK;
  const int blocks = clf_ceil(rows, tiles), items = blocks < ITEMS ? blocks : ITEMS;
  const int deep = K < DEEP ? K : DEEP, own = tiles * t->tm * (deep + (deep < K) * cols * t->tn);
  const size_t panels = (size_t)K * (size_t)(cols * t->tn);
  CLF_TRY(call->reserve(call, panels + (size_t)own * (size_t)items));
  CLF_TRY(pack(call, p));
  return call->enqueue(call, "gemm_blocks", clf_groups(items, 1, 1, 1),
                       (int[4]){deep, tiles, own, (int)panels});
}

CLF_LAUNCH_ALGORITHM(gemm, alone) {
  const clf_traits *t = call->traits;
  const int K = p->a.dim[!p->ta], cols = clf_ceil(p->c.dim[1], t->tn), tiles = tiles_of(t, p);
  const int items = clf_ceil(clf_ceil(p->c.dim[0], t->tm), tiles);
  CLF_TRY(call->reserve(call, (size_t)items * (size_t)cols * (size_t)(K * t->tn)));
  return call->enqueue(call, "gemm_alone", clf_groups(items, cols, 1, 1), (int[4]){0, tiles});
}

CLF_LAUNCH_ALGORITHM(gemm, by_tiles) {
  const int M = p->c.dim[0], N = p->c.dim[1], small = clf_small_tiles(call, M, N);
  CLF_TRY(
      call->enqueue(call, small ? "gemm_small" : "gemm", clf_by_tiles(call, M, N, small), NULL));
  if (p->act <= CLF_ACT_relu) return CLF_OK; /* the tiles' kernels have those */
  return call->enqueue(call, "gemm_act", clf_items(call, clf_elements(&p->c)), NULL);
}

CLF_LAUNCH_ALGORITHM(gemm, by_blas) {
  int done = 0;
  CLF_TRY(call->blas(call, &done));
  if (!done) return by_tiles(call);
  if (!p->bias.buf && !p->act) return CLF_OK;
  return call->enqueue(call, "gemm_finish", clf_items(call, clf_elements(&p->c)), NULL);
}

CLF_LAUNCHES(gemm, {.name = "alone", .takes = wide, .suits = small, .launch = alone},
             {.name = "blocks", .takes = wide, .suits = strided, .launch = by_blocks},
             {.name = "panels", .takes = wide, .launch = by_panels},
             {.name = "blas", .takes = has_blas, .suits = large, .launch = by_blas},
             {.name = "tiles", .takes = narrow, .launch = by_tiles})
