/* SPDX-License-Identifier: MIT */
/* gemm.c: which algorithm computes a product, and on how many work-items (gemm.cl shows the tiles).
 *
 *   panels  vectors: b is packed into panels of TN columns, then work-items compute register tiles
 *   alone   the same in one launch: every work-item packs the panel that it needs
 *   blocks  the same as panels, and every work-item packs its rows of a as well
 *   tiles   one lane: work-groups compute tiles in local memory
 *   blas    one lane: CLBlast, then a launch for bias and activation
 *
 * Products of masked layers take panels, alone or tiles. */
#include "launch.h"
#include "plans.h"

enum {
  ITEMS = 32,       /* work-items, at least, if there is enough to do */
  ENOUGH = 1 << 19, /* multiplications that are worth a work-item */
  PACK_ROWS = 64,   /* rows of b that a work-item packs */
  DEPTH = 256,      /* `blocks`: columns of a that stay packed in the cache of a core, */
  TILES = 8         /* and tiles of rows */
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
static double products_of(int M, int N, int K) { return (double)M * N * K; }
static double products(const clf_gemm_args *p) {
  return products_of(p->c.dim[0], p->c.dim[1], p->a.dim[!p->ta]);
}
/* Elements of a row of a are not neighbours: read in place, each would need a cache line. */
CLF_RULE(gemm, strided) {
  (void)traits;
  return p->a.stride[!p->ta] != 1 && products(p) > 1 << 22;
}
CLF_RULE(gemm, large) {
  (void)traits;
  return products(p) > 1 << 18;
}
/* A second launch would cost more than packing a panel several times. */
static int is_small(const clf_traits *t, int M, int N, int K) {
  return products_of(M, N, K) <= 1 << 20 && N > 3 * t->tn;
}
CLF_RULE(gemm, small) { return is_small(traits, p->c.dim[0], p->c.dim[1], p->a.dim[!p->ta]); }

/* Tiles of a column that a work-item computes: enough to make its launch and its packing cheap, and
 * few enough to leave work for all cores. */
static int tiles_of(const clf_traits *t, int M, int N, int K) {
  const int rows = clf_ceil(M, t->tm), cols = clf_ceil(N, t->tn);
  const double tile = (double)t->tm * t->tn * K;
  const int fair = clf_ceil(rows, clf_ceil(ITEMS, cols)), want = (int)(ENOUGH / tile) + 1;
  return want < fair ? want : fair;
}

/* A launch that packs b, of K rows and N columns, and one that computes M rows. */
static clf_status in_panels(clf_call *call, const char *pack, const char *product, int M, int N,
                            int K) {
  const clf_traits *t = call->traits;
  const int cols = clf_ceil(N, t->tn);
  const gemm_plan e = {tiles_of(t, M, N, K)};
  const gemm_pack_plan packed = {PACK_ROWS};
  CLF_TRY(call->reserve(call, (size_t)K * (size_t)(cols * t->tn)));
  CLF_TRY(
      call->enqueue(call, pack, clf_groups(clf_ceil(K, PACK_ROWS), cols, 1, 1), CLF_PLAN(packed)));
  return call->enqueue(call, product, clf_groups(clf_ceil(clf_ceil(M, t->tm), e.tiles), cols, 1, 1),
                       CLF_PLAN(e));
}
CLF_LAUNCH_ALGORITHM(gemm, by_panels) {
  return in_panels(call, "gemm_pack", "gemm", p->c.dim[0], p->c.dim[1], p->a.dim[!p->ta]);
}

/* A launch that packs b, of K rows and N columns, and one that packs blocks of a. */
static clf_status in_blocks(clf_call *call, const char *pack, const char *blocks, int M, int N,
                            int K) {
  const clf_traits *t = call->traits;
  const int rows = clf_ceil(M, t->tm), cols = clf_ceil(N, t->tn);
  const int tiles = clf_ceil(rows, ITEMS) < TILES ? clf_ceil(rows, ITEMS) : TILES;
  const int count = clf_ceil(rows, tiles), items = count < ITEMS ? count : ITEMS;
  const int depth = K < DEPTH ? K : DEPTH;
  const int own = tiles * t->tm * (depth + (depth < K) * cols * t->tn);
  const size_t panels = (size_t)K * (size_t)(cols * t->tn);
  const gemm_pack_plan packed = {PACK_ROWS};
  const gemm_blocks_plan e = {depth, tiles, own, (int)panels};
  CLF_TRY(call->reserve(call, panels + (size_t)own * (size_t)items));
  CLF_TRY(
      call->enqueue(call, pack, clf_groups(clf_ceil(K, PACK_ROWS), cols, 1, 1), CLF_PLAN(packed)));
  return call->enqueue(call, blocks, clf_groups(items, 1, 1, 1), CLF_PLAN(e));
}

CLF_LAUNCH_ALGORITHM(gemm, by_blocks) {
  return in_blocks(call, "gemm_pack", "gemm_blocks", p->c.dim[0], p->c.dim[1], p->a.dim[!p->ta]);
}

/* One launch, which does both. */
static clf_status in_one(clf_call *call, const char *product, int M, int N, int K) {
  const clf_traits *t = call->traits;
  const int cols = clf_ceil(N, t->tn);
  const gemm_plan e = {tiles_of(t, M, N, K)};
  const int items = clf_ceil(clf_ceil(M, t->tm), e.tiles);
  CLF_TRY(call->reserve(call, (size_t)items * (size_t)cols * (size_t)(K * t->tn)));
  return call->enqueue(call, product, clf_groups(items, cols, 1, 1), CLF_PLAN(e));
}
CLF_LAUNCH_ALGORITHM(gemm, alone) {
  return in_one(call, "gemm_alone", p->c.dim[0], p->c.dim[1], p->a.dim[!p->ta]);
}

CLF_LAUNCH_ALGORITHM(gemm, by_tiles) {
  const int M = p->c.dim[0], N = p->c.dim[1], small = clf_small_tiles(call, M, N);
  CLF_TRY(call->enqueue(call, small ? "gemm_small" : "gemm", clf_by_tiles(call, M, N, small),
                        CLF_NO_PLAN));
  if (p->act <= CLF_ACT_relu) return CLF_OK; /* the kernels of tiles have these */
  return call->enqueue(call, "gemm_act", clf_items(call, clf_elements(&p->c)), CLF_NO_PLAN);
}

CLF_LAUNCH_ALGORITHM(gemm, by_blas) {
  int done = 0;
  CLF_TRY(call->blas(call, &done));
  if (!done) return by_tiles(call);
  if (!p->bias.buf && !p->act) return CLF_OK;
  return call->enqueue(call, "gemm_finish", clf_items(call, clf_elements(&p->c)), CLF_NO_PLAN);
}

CLF_LAUNCHES(gemm, {.name = "alone", .takes = wide, .suits = small, .launch = alone},
             {.name = "blocks", .takes = wide, .suits = strided, .launch = by_blocks},
             {.name = "panels", .takes = wide, .launch = by_panels},
             {.name = "blas", .takes = has_blas, .suits = large, .launch = by_blas},
             {.name = "tiles", .takes = narrow, .launch = by_tiles})

CLF_LAUNCH(masked_fwd) {
  const int M = p->y.dim[0], N = p->y.dim[1], K = p->x.dim[1], small = clf_small_tiles(call, M, N);
  if (call->traits->lanes > 1 && is_small(call->traits, M, N, K))
    return in_one(call, "masked_fwd_alone", M, N, K);
  if (call->traits->lanes > 1) return in_panels(call, "masked_fwd_pack", "masked_fwd", M, N, K);
  CLF_TRY(call->enqueue(call, small ? "masked_fwd_small" : "masked_fwd",
                        clf_by_tiles(call, M, N, small), CLF_NO_PLAN));
  if (p->act <= CLF_ACT_relu) return CLF_OK;
  return call->enqueue(call, "masked_fwd_act", clf_items(call, clf_elements(&p->y)), CLF_NO_PLAN);
}

CLF_LAUNCH(masked_bwd) {
  const int M = p->dx.dim[0], N = p->dx.dim[1], K = p->dy.dim[1],
            small = clf_small_tiles(call, M, N);
  if (call->traits->lanes > 1 && is_small(call->traits, M, N, K))
    return in_one(call, "masked_bwd_alone", M, N, K);
  if (call->traits->lanes > 1) return in_panels(call, "masked_bwd_pack", "masked_bwd", M, N, K);
  return call->enqueue(call, small ? "masked_bwd_small" : "masked_bwd",
                       clf_by_tiles(call, M, N, small), CLF_NO_PLAN);
}

CLF_LAUNCH(weights_bwd) {
  const int M = p->dw.dim[0], N = p->dw.dim[1], small = clf_small_tiles(call, M, N);
  if (call->traits->lanes > 1)
    return in_blocks(call, "weights_bwd_pack", "weights_bwd", M, N, p->x.dim[0]);
  return call->enqueue(call, small ? "weights_bwd_small" : "weights_bwd",
                       clf_by_tiles(call, M, N, small), CLF_NO_PLAN);
}
