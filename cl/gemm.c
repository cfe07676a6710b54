/* SPDX-License-Identifier: MIT */
/* gemm.c: with one lane an item, a launch of local-memory tiles, or a BLAS and a
 * launch for bias and activation; with more, b is packed into panels of TN columns,
 * zero-padded, then every item computes a register tile. */
#include "launch.h"

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
CLF_RULE(gemm, large) {
  (void)traits;
  return (double)p->c.dim[0] * p->c.dim[1] * p->a.dim[!p->ta] > 1 << 18;
}

CLF_LAUNCH_WAY(gemm, by_panels) {
  const int pack_rows = 64; /* of b, by one item */
  const int K = p->a.dim[!p->ta], rows = clf_ceil(p->c.dim[0], call->traits->tm);
  const int cols = clf_ceil(p->c.dim[1], call->traits->tn);
  CLF_TRY(call->reserve(call, (size_t)K * (size_t)(cols * call->traits->tn)));
  CLF_TRY(call->enqueue(call, "gemm_pack", clf_groups(clf_ceil(K, pack_rows), cols, 1, 1),
                        (int[4]){pack_rows}));
  return call->enqueue(call, "gemm", clf_groups(rows, cols, 1, 1), NULL);
}

CLF_LAUNCH_WAY(gemm, by_tiles) {
  const clf_traits *t = call->traits;
  const int rows = clf_ceil(p->c.dim[0], t->tm), cols = clf_ceil(p->c.dim[1], t->tn);
  return call->enqueue(call, "gemm", clf_groups(cols, rows, t->tn, t->tm), NULL);
}

CLF_LAUNCH_WAY(gemm, by_blas) {
  int done = 0;
  CLF_TRY(call->blas(call, &done));
  if (!done) return by_tiles(call);
  if (!p->bias.buf && !p->act) return CLF_OK;
  return call->enqueue(call, "gemm_finish", clf_items(call, clf_elements(&p->c)), NULL);
}

CLF_LAUNCHES(gemm, {.name = "panels", .takes = wide, .launch = by_panels},
             {.name = "blas", .takes = has_blas, .suits = large, .launch = by_blas},
             {.name = "tiles", .takes = narrow, .launch = by_tiles})
