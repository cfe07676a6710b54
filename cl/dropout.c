/* SPDX-License-Identifier: MIT */
/* dropout.c: an item for LANES blocks of four elements of a row. */
#include "launch.h"

CLF_LAUNCH(dropout) {
  const int size = clf_elements(&p->x) / p->x.dim[0];
  const int items = clf_ceil(clf_ceil(size, 4), call->traits->lanes);
  return call->enqueue(call, "dropout", clf_by_lanes(call, items, p->x.dim[0]), NULL);
}
