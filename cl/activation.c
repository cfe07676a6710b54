/* SPDX-License-Identifier: MIT */
/* activation.c: an item for some rows of an image. */
#include "launch.h"

CLF_LAUNCH(act_bwd) { return call->enqueue(call, "act_bwd", clf_by_pixels(call, &p->y), NULL); }
