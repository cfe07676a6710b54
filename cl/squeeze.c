/* SPDX-License-Identifier: MIT */
/* squeeze.c: a row of the small image is an item where items are vectors, else an item
 * an element. */
#include "launch.h"

CLF_LAUNCH(squeeze) {
  const clf_tensor *small = p->inverse ? &p->x : &p->y;
  const int items = call->traits->lanes > 1 ? 1 : small->dim[1] * small->dim[3];
  return call->enqueue(call, "squeeze", clf_by_lanes(call, items, small->dim[0] * small->dim[2]),
                       NULL);
}
