/* SPDX-License-Identifier: MIT */
/* made.c: the inverse of masked autoregressive layers.  The weights are packed first; then a
 * work-item takes LANES samples (with one lane: one) through the net. */
#include "launch.h"
#include "plans.h"

/* TILE as in made.cl; work-items at most, since each has scratch memory of its own. */
enum { TILE = 4, ITEMS = 64, NARROW_ITEMS = 1 << 14 };

/* A line of packed weights: MADE_LINE in made.cl. */
static int line(int count) { return clf_round_up(count, TILE) + TILE; }

typedef struct net {
  int D, hidden, layers, residual, numbers;
} net;

static clf_status launch(clf_call *call, const char *pack, const char *kernel, int N, net q) {
  const clf_traits *t = call->traits;
  const int outputs = q.D * q.numbers, largest = (q.hidden > q.D ? q.hidden : q.D) + 1;
  const int widest = q.hidden > outputs ? q.hidden : outputs;
  const int weights = (q.D + 1) * line(q.hidden) +
                      (q.layers - 1) * (q.hidden + 1) * line(q.hidden) +
                      (q.hidden + 1) * line(outputs);
  const int rows = q.D + (q.layers + (q.residual != 0)) * (q.hidden + TILE) + q.numbers;
  const int blocks = clf_ceil(N, t->lanes), most = t->lanes > 1 ? ITEMS : NARROW_ITEMS;
  const int items = blocks < most ? blocks : most, wg = t->lanes > 1 ? 1 : t->wg;
  const int groups = clf_ceil(items, wg), pitch = t->lanes > 1 ? t->lanes : t->wg;
  const made_plan e = {weights, rows, blocks};
  CLF_TRY(call->reserve(call, (size_t)weights + (size_t)groups * (size_t)rows * (size_t)pitch));
  CLF_TRY(call->enqueue(call, pack,
                        clf_groups(clf_ceil(largest * line(widest), t->wg), q.layers + 1, t->wg, 1),
                        CLF_PLAN(e)));
  return call->enqueue(call, kernel, clf_by_lanes(call, items, 1), CLF_PLAN(e));
}

CLF_LAUNCH(made_affine_inv) {
  const net q = {p->y.dim[1], p->hidden, p->layers, p->residual, p->numbers};
  return launch(call, "made_affine_inv_pack", "made_affine_inv", p->y.dim[0], q);
}
CLF_LAUNCH(made_rqs_inv) {
  const net q = {p->y.dim[1], p->hidden, p->layers, p->residual, p->numbers};
  return launch(call, "made_rqs_inv_pack", "made_rqs_inv", p->y.dim[0], q);
}
