/* SPDX-License-Identifier: MIT */
/* gated.c: an item for some rows of an image. */
#include "launch.h"

CLF_LAUNCH(gated_fwd) { return call->enqueue(call, "gated_fwd", clf_by_pixels(call, &p->v), NULL); }
CLF_LAUNCH(gated_bwd) { return call->enqueue(call, "gated_bwd", clf_by_pixels(call, &p->v), NULL); }
