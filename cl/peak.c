/* SPDX-License-Identifier: MIT */
/* peak.c: an item for as many elements as it keeps in registers. */
#include "launch.h"

CLF_LAUNCH(fma_chain) {
  const int elements = 12 * call->traits->lanes; /* CHAINS */
  return call->enqueue(call, "fma_chain", clf_by_lanes(call, clf_ceil(p->y.dim[0], elements), 1),
                       NULL);
}
