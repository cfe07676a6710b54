/* SPDX-License-Identifier: MIT */
/* gemm.c: with one lane an item, a launch of local-memory tiles, or a BLAS and a
 * launch for bias and activation; with more, b is packed into panels of TN columns,
 * zero-padded, then every item computes a register tile. */
#include "launch.h"

static clf_status by_blas(clf_call *call, const clf_gemm_args *p, int *done) {
  CLF_TRY(call->blas(call, done));
  if (!*done || (!p->bias.buf && !p->act)) return CLF_OK;
  return call->enqueue(call, "gemm_finish", clf_items(call, clf_elements(&p->c)), NULL);
}

static clf_status by_panels(clf_call *call, int rows, int cols, int K) {
  const int pack_rows = 64; /* of b, by one item */
  CLF_TRY(call->reserve(call, (size_t)K * (size_t)(cols * call->traits->tn)));
  CLF_TRY(call->enqueue(call, "gemm_pack", clf_groups(clf_ceil(K, pack_rows), cols, 1, 1),
                        (int[4]){pack_rows}));
  return call->enqueue(call, "gemm", clf_groups(rows, cols, 1, 1), NULL);
}

CLF_LAUNCH(gemm) {
  const clf_traits *t = call->traits;
  const int M = p->c.dim[0], N = p->c.dim[1], K = p->a.dim[!p->ta];
  const int rows = clf_ceil(M, t->tm), cols = clf_ceil(N, t->tn);
  int done = 0;
  if (call->blas && (double)M * N * K > 1 << 18) CLF_TRY(by_blas(call, p, &done));
  if (done) return CLF_OK;
  if (t->lanes > 1) return by_panels(call, rows, cols, K);
  const int small = clf_small_tiles(call, M, N);
  return call->enqueue(call, small ? "gemm_small" : "gemm", clf_by_tiles(call, M, N, small), NULL);
}
