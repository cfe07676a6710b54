/* SPDX-License-Identifier: MIT */
/* mlp_coupling.c: an item takes LANES samples through all couplings.  The backward
 * pass differs between one lane and more; cl/mlp_coupling.cl tells why. */
#include <stdio.h>
#include "launch.h"

/* Not worth waking a second core. */
static int is_small(int N, const clf_tensor *w) { return (double)N * w->dim[0] * w->dim[1] < 1e5; }

/* ---- Items of several lanes: some blocks of samples each ---------------------------------------
 * The sizes are those of cl/mlp_coupling.cl. */

enum { WIDE = 4, PARTS = 12, ITEMS = 64, SUMMING = 16 };

typedef struct sharing { /* blocks in all, of an item, and at a time */
  int blocks, each, at_once;
} sharing;
static int up(int n, int by) { return clf_ceil(n, by) * by; }
static int items_of(sharing s) { return clf_ceil(s.blocks, s.each); }

/* Packed weights of all couplings: an order of the dimensions, and panels. */
static size_t packed(const clf_call *call, int D, int H, int L, int add) {
  const int tm = call->traits->tm, one = up(H, tm) * (2 * D + 1 + tm) + D + tm;
  return (size_t)L * (size_t)(D + 2 + (add ? 1 : 2) * one);
}

/* `rows` of an item, then the packed weights and `sums`. */
static clf_status share(clf_call *call, sharing s, int rows, size_t weights, size_t sums, int L) {
  const clf_op_info *op = &clf_ops[call->op];
  const int e[4] = {rows * WIDE, s.blocks, s.each, s.at_once}, items = items_of(s);
  char pack[64];
  CLF_TRY(
      call->reserve(call, (size_t)items * (size_t)(e[0] * call->traits->lanes) + weights + sums));
  snprintf(pack, sizeof pack, "%s_pack", op->name);
  if (items > 1) CLF_TRY(call->enqueue(call, pack, clf_groups(L, 1, 1, 1), e));
  return call->enqueue(call, op->name, clf_groups(items, 1, 1, 1), e);
}

/* At most `most` blocks at a time, but so few that there are several items for each core. */
static sharing sharing_of(const clf_call *call, int N, const clf_tensor *w, int most, int items) {
  sharing s = {.blocks = clf_ceil(N, WIDE * call->traits->lanes)};
  s.at_once = s.blocks / 8 < 1 ? 1 : s.blocks / 8 > most ? most : s.blocks / 8;
  s.each = up(clf_ceil(s.blocks, items), s.at_once);
  if (is_small(N, w)) s.each = s.blocks;
  return s;
}

/* Both directions. */
static clf_status through_lanes(clf_call *call, const clf_tensor *x, const clf_tensor *w, int H,
                                int add) {
  const int D = x->dim[1], tm = call->traits->tm, L = w->dim[0];
  const sharing s = sharing_of(call, x->dim[0], w, 4, ITEMS);
  return share(call, s, PARTS * tm + s.at_once * (4 * D + 2 * tm + 1), packed(call, D, H, L, add),
               0, L);
}

static clf_status bwd_lanes(clf_call *call, const clf_mlp_coupling_bwd_args *p) {
  const int D = p->y.dim[1], L = p->w.dim[0], tm = call->traits->tm, part = PARTS * tm;
  const int H = up(p->hidden, tm), nets = p->add ? 1 : 2;
  const sharing s = sharing_of(call, p->y.dim[0], &p->w, 8, SUMMING);
  const int block = 4 * D + 3 * tm + 4 + H + (p->acts.buf ? part : H) + part;
  const int items = items_of(s), rows = 2 * D * s.each + s.at_once * block;
  const size_t sums = (size_t)items * (size_t)L * (size_t)(nets * (H * (D + 7) + D));
  CLF_TRY(share(call, s, rows, packed(call, D, p->hidden, L, p->add), sums, L));
  if (items == 1) return CLF_OK;
  return call->enqueue(call, "mlp_coupling_bwd_add",
                       clf_groups(clf_ceil(p->hidden, part), L * nets, 1, 1),
                       (int[4]){rows * WIDE, s.blocks, s.each, s.at_once});
}

/* ---- Items of one lane: a sample each -----------------------------------------------------------
 */

/* Both directions: rows X, xb, h, s, t of every block. */
static clf_status through_items(clf_call *call, const clf_tensor *x, int H) {
  const int D = x->dim[1], N = x->dim[0], rows = 4 * D + H + 2;
  CLF_TRY(call->reserve(call, (size_t)rows * (size_t)N));
  return call->enqueue(call, clf_ops[call->op].name, clf_items(call, N), (int[4]){rows, N, 1});
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

static clf_status through(clf_call *call, const clf_tensor *x, const clf_tensor *w, int H,
                          int add) {
  if (call->traits->lanes > 1) return through_lanes(call, x, w, H, add);
  return through_items(call, x, H);
}
CLF_LAUNCH(mlp_coupling_fwd) { return through(call, &p->x, &p->w, p->hidden, p->add); }
CLF_LAUNCH(mlp_coupling_inv) { return through(call, &p->y, &p->w, p->hidden, p->add); }
CLF_LAUNCH(mlp_coupling_bwd) {
  if (call->traits->lanes > 1) return bwd_lanes(call, p);
  return bwd_items(call, p, p->y.dim[0], 3 * p->y.dim[1], 3 * p->y.dim[1] + 4 * p->hidden + 3);
}
