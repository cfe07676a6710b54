/* SPDX-License-Identifier: MIT */
/* mask_weights.c: an item for some rows. */
#include "launch.h"

CLF_LAUNCH(mask_weights) {
  return call->enqueue(call, "mask_weights", clf_by_pixels(call, &p->w), NULL);
}
