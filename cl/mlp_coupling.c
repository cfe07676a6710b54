/* SPDX-License-Identifier: MIT */
/* mlp_coupling.c: an item takes LANES samples through all couplings.  The backward
 * pass differs between one lane and more; its files tell why. */
#include <stdio.h>
#include "launch.h"

/* Not worth waking a second core. */
static int is_small(int N, const clf_tensor *w) { return (double)N * w->dim[0] * w->dim[1] < 1e5; }

/* ---- Items of several lanes: some blocks of samples each ---------------------------------------
 * The sizes are those of cl/mlp_coupling_lanes*.cl. */

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

/* Blocks at a time by what they keep: about BYTES at most, which some cache holds. */
static clf_status nll_lanes(clf_call *call, const clf_mlp_coupling_nll_args *p) {
  enum { BYTES = 8 << 20 };
  const int D = p->x.dim[1], L = p->w.dim[0], tm = call->traits->tm, part = PARTS * tm;
  const int H = up(p->hidden, tm), nets = p->add ? 1 : 2;
  const int rows = 3 * D + 2 * tm + part + L * (3 * D + tm + 4 + nets * H);
  const double fit = BYTES / ((double)rows * WIDE * call->traits->lanes * sizeof(float));
  const sharing s = sharing_of(call, p->x.dim[0], &p->w,
                               fit > 4   ? 4
                               : fit > 1 ? (int)fit
                                         : 1,
                               SUMMING);
  const int items = items_of(s);
  const size_t sums = (size_t)items * (size_t)(L * nets * (H * (D + 7) + D) + 1);
  CLF_TRY(share(call, s, s.at_once * rows, packed(call, D, p->hidden, L, p->add), sums, L));
  if (items == 1) return CLF_OK;
  return call->enqueue(call, "mlp_coupling_nll_add",
                       clf_groups(clf_ceil(p->hidden, part), L * nets, 1, 1),
                       (int[4]){s.at_once * rows * WIDE, s.blocks, s.each, s.at_once});
}

/* ---- Items of one lane: a sample each -----------------------------------------------------------
 */

/* Both directions: rows X, xb, h, s, t of every block. */
static clf_status through_items(clf_call *call, const clf_tensor *x, int H) {
  const int D = x->dim[1], N = x->dim[0], rows = 4 * D + H + 2;
  CLF_TRY(call->reserve(call, (size_t)rows * (size_t)N));
  return call->enqueue(call, clf_ops[call->op].name, clf_items(call, N), (int[4]){rows, N, 1});
}

/* The way back: as many couplings to a pair of launches, `back` and `sum`, as the pool may keep
 * rows of; `shared` more for each sample.  `first`, if any, is launched before. */
typedef struct returning {
  const char *first, *back, *sum;
  int N, D, H, L, nets, shared;
} returning;

static clf_status back_items(clf_call *call, returning r) {
  const int bands = r.nets * (clf_ceil(r.H, 4) + clf_ceil(r.D, 4)), wg = call->traits->wg;
  const int kept = 3 * r.D + 4 * r.H + 3;
  const double fit = 1e7 / ((double)kept * r.N);
  const int at_once = fit >= r.L ? r.L : fit > 1 ? (int)fit : 1, rows = r.shared + at_once * kept;
  CLF_TRY(call->reserve(call, (size_t)rows * (size_t)r.N));
  if (r.first)
    CLF_TRY(call->enqueue(call, r.first, clf_items(call, r.N), (int[4]){rows, r.N, 0, r.L}));
  for (int end = r.L, begin; end > 0; end = begin) {
    begin = end > at_once ? end - at_once : 0;
    const int e[4] = {rows, r.N, begin, end};
    CLF_TRY(call->enqueue(call, r.back, clf_items(call, r.N), e));
    CLF_TRY(call->enqueue(call, r.sum, clf_groups(clf_ceil(bands, wg), end - begin, wg, 1), e));
  }
  return CLF_OK;
}

static clf_status bwd_items(clf_call *call, const clf_mlp_coupling_bwd_args *p) {
  const int D = p->y.dim[1];
  return back_items(call, (returning){NULL, "mlp_coupling_bwd", "mlp_coupling_bwd_sum", p->y.dim[0],
                                      D, p->hidden, p->b.dim[0], p->add ? 1 : 2, 3 * D});
}

static clf_status nll_items(clf_call *call, const clf_mlp_coupling_nll_args *p) {
  const int N = p->x.dim[0], D = p->x.dim[1], L = p->b.dim[0];
  const int shared = 1 + L * D + 3 * D;
  CLF_TRY(back_items(call, (returning){"mlp_coupling_nll", "mlp_coupling_nll_back",
                                       "mlp_coupling_nll_sum", N, D, p->hidden, L, p->add ? 1 : 2,
                                       shared}));
  return call->enqueue(call, "mlp_coupling_nll_add", clf_groups(1, 1, call->traits->group, 1),
                       (int[4]){0, N});
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
  return bwd_items(call, p);
}
CLF_LAUNCH(mlp_coupling_nll) {
  return call->traits->lanes > 1 ? nll_lanes(call, p) : nll_items(call, p);
}
