/* SPDX-License-Identifier: MIT */
/* made.c: weights are packed first; then an item takes LANES samples through the net, or one. */
#include "launch.h"

enum { TILE = 4, ITEMS = 64, NARROW_ITEMS = 1 << 14 }; /* that have memory of their own */

static int line(int count) { return clf_ceil(count, TILE) * TILE + TILE; }

static clf_status run(clf_call *call, const char *pack, const char *kernel, int N, int D,
                      int hidden, int layers, int residual, int numbers) {
  const clf_traits *t = call->traits;
  const int largest = (hidden > D ? hidden : D) + 1,
            widest = hidden > D * numbers ? hidden : D * numbers;
  const int packed = (D + 1) * line(hidden) + (layers - 1) * (hidden + 1) * line(hidden) +
                     (hidden + 1) * line(D * numbers);
  const int rows = D + (layers + (residual != 0)) * (hidden + TILE) + numbers;
  const int blocks = clf_ceil(N, t->lanes), most = t->lanes > 1 ? ITEMS : NARROW_ITEMS;
  const int items = blocks < most ? blocks : most, wg = t->lanes > 1 ? 1 : t->wg;
  const int shares = clf_ceil(items, wg), step = t->lanes > 1 ? t->lanes : t->wg;
  const int e[4] = {packed, rows, blocks};
  CLF_TRY(call->reserve(call, (size_t)packed + (size_t)shares * (size_t)rows * (size_t)step));
  CLF_TRY(call->enqueue(
      call, pack, clf_groups(clf_ceil(largest * line(widest), t->wg), layers + 1, t->wg, 1), e));
  return call->enqueue(call, kernel, clf_by_lanes(call, items, 1), e);
}
#define RUN(op)                                                                                    \
  run(call, #op "_pack", #op, p->y.dim[0], p->y.dim[1], p->hidden, p->layers, p->residual,         \
      p->numbers)

CLF_LAUNCH(made_affine_inv) { return RUN(made_affine_inv); }
CLF_LAUNCH(made_rqs_inv) { return RUN(made_rqs_inv); }
