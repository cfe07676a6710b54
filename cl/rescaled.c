/* SPDX-License-Identifier: MIT */
/* rescaled.c: a group takes a band of a sample's rows, about BAND numbers; then the
 * bands' sums are added up: by an item per sample, and by one group for the gradient. */
#include "launch.h"

enum { BAND = 1024 };

/* e: rows of a band, bands of a sample. */
static void bands(const clf_tensor *x, int e[4]) {
  const int row = x->dim[1] * x->dim[3], H = x->dim[2], rows = row < BAND ? BAND / row : 1;
  e[0] = rows < H ? rows : H;
  e[1] = clf_ceil(H, e[0]);
}

static clf_status through(clf_call *call, const clf_tensor *x, const char *add) {
  const int N = x->dim[0];
  int e[4] = {0};
  bands(x, e);
  CLF_TRY(call->reserve(call, (size_t)N * (size_t)e[1]));
  CLF_TRY(
      call->enqueue(call, clf_ops[call->op].name, clf_groups(e[1], N, call->traits->group, 1), e));
  return e[1] == 1 ? CLF_OK : call->enqueue(call, add, clf_items(call, N), e);
}
CLF_LAUNCH(rescaled_fwd) { return through(call, &p->x, "rescaled_fwd_add"); }
CLF_LAUNCH(rescaled_inv) { return through(call, &p->y, "rescaled_inv_add"); }

CLF_LAUNCH(rescaled_bwd) {
  const int N = p->x.dim[0], group = call->traits->group;
  int e[4] = {0};
  bands(&p->x, e);
  e[2] = N * e[1];
  CLF_TRY(call->reserve(call, 2 * (size_t)e[2]));
  CLF_TRY(call->enqueue(call, "rescaled_bwd", clf_groups(e[1], N, group, 1), e));
  return call->enqueue(call, "rescaled_bwd_add", clf_groups(1, 1, group, 1), e);
}
