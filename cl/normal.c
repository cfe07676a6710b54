/* SPDX-License-Identifier: MIT */
/* normal.c: one group per sample; the loss: groups that take about MOST elements
 * each, and one item that adds up their shares. */
#include "launch.h"

CLF_LAUNCH(normal_logp) { return clf_each_sample(call, p->z.dim[0]); }

CLF_LAUNCH(normal_nll) {
  enum { MOST = 4096 };
  const int N = p->z.dim[0], size = clf_elements(&p->z) / N;
  const int each = size >= MOST ? 1 : clf_ceil(MOST, size), groups = clf_ceil(N, each);
  const int e[4] = {each, groups};
  CLF_TRY(call->reserve(call, (size_t)groups));
  CLF_TRY(call->enqueue(call, "normal_nll", clf_groups(groups, 1, call->traits->group, 1), e));
  return groups == 1 ? CLF_OK : call->enqueue(call, "normal_nll_add", clf_groups(1, 1, 1, 1), e);
}
