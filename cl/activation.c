/* SPDX-License-Identifier: MIT */
/* activation.c: an item for some rows of an image. */
#include "launch.h"

CLF_LAUNCH(act_fwd) { return call->enqueue(call, "act_fwd", clf_by_pixels(call, &p->x), NULL); }
CLF_LAUNCH(act_bwd) { return call->enqueue(call, "act_bwd", clf_by_pixels(call, &p->y), NULL); }
CLF_LAUNCH(crelu_fwd) { return call->enqueue(call, "crelu_fwd", clf_by_pixels(call, &p->x), NULL); }
CLF_LAUNCH(crelu_bwd) { return call->enqueue(call, "crelu_bwd", clf_by_pixels(call, &p->x), NULL); }
