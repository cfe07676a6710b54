/* SPDX-License-Identifier: MIT */
/* mlp_coupling.c: an item takes LANES samples through all couplings.  The backward
 * pass differs between one lane and more; cl/mlp_coupling.cl tells why. */
#include "launch.h"

/* Not worth waking a second core. */
static int is_small(int N, const clf_tensor *w) { return (double)N * w->dim[0] * w->dim[1] < 1e5; }

/* Both directions: rows X, xb, h, s, t of every block. */
static clf_status through(clf_call *call, const clf_tensor *x, const clf_tensor *w, int H) {
  const int D = x->dim[1], lanes = call->traits->lanes, blocks = clf_ceil(x->dim[0], lanes);
  const int rows = 4 * D + H + 2, each = lanes > 1 && is_small(x->dim[0], w) ? blocks : 1;
  CLF_TRY(call->reserve(call, (size_t)rows * (size_t)blocks * (size_t)lanes));
  return call->enqueue(call, clf_ops[call->op].name, clf_by_lanes(call, clf_ceil(blocks, each), 1),
                       (int[4]){rows, blocks, each});
}
CLF_LAUNCH(mlp_coupling_fwd) { return through(call, &p->x, &p->w, p->hidden); }
CLF_LAUNCH(mlp_coupling_inv) { return through(call, &p->y, &p->w, p->hidden); }

/* Few items with many blocks each sum less often; many items share better: about
 * the square root of both. */
static clf_status bwd_lanes(clf_call *call, const clf_mlp_coupling_bwd_args *p, int blocks,
                            int shared, int kept) {
  const int L = p->b.dim[0], P = p->w.dim[1];
  int each = 1;
  while (each * each < blocks) each++;
  if (is_small(p->y.dim[0], &p->w)) each = blocks;
  const int items = clf_ceil(blocks, each), e[4] = {shared + kept, blocks, each, items};
  CLF_TRY(
      call->reserve(call, (size_t)(shared + kept) * (size_t)blocks * (size_t)call->traits->lanes +
                              (size_t)items * (size_t)L * (size_t)P));
  CLF_TRY(call->enqueue(call, "mlp_coupling_bwd", clf_groups(items, 1, 1, 1), e));
  if (items == 1) return CLF_OK;
  return call->enqueue(call, "mlp_coupling_bwd_add", clf_items(call, L * P), e);
}

/* As many couplings to a pair of launches as the pool may keep rows of. */
static clf_status bwd_items(clf_call *call, const clf_mlp_coupling_bwd_args *p, int blocks,
                            int shared, int kept) {
  const int L = p->b.dim[0], D = p->y.dim[1], wg = call->traits->wg;
  const int bands = (p->add ? 1 : 2) * (clf_ceil(p->hidden, 4) + clf_ceil(D, 4));
  const double fit = 1e7 / ((double)kept * blocks);
  const int at_once = fit >= L ? L : fit > 1 ? (int)fit : 1, rows = shared + at_once * kept;
  CLF_TRY(call->reserve(call, (size_t)rows * (size_t)blocks));
  for (int end = L, begin; end > 0; end = begin) {
    begin = end > at_once ? end - at_once : 0;
    const int e[4] = {rows, blocks, begin, end};
    CLF_TRY(call->enqueue(call, "mlp_coupling_bwd", clf_items(call, blocks), e));
    CLF_TRY(call->enqueue(call, "mlp_coupling_bwd_sum",
                          clf_groups(clf_ceil(bands, wg), end - begin, wg, 1), e));
  }
  return CLF_OK;
}

CLF_LAUNCH(mlp_coupling_bwd) {
  const int D = p->y.dim[1], lanes = call->traits->lanes, blocks = clf_ceil(p->y.dim[0], lanes);
  return (lanes > 1 ? bwd_lanes : bwd_items)(call, p, blocks, 3 * D, 3 * D + 4 * p->hidden + 3);
}
