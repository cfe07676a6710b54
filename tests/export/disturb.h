/* SPDX-License-Identifier: MIT */
/* disturb.h: flows with weights away from the initial ones. */
#ifndef CLF_EXPORT_DISTURB_H
#define CLF_EXPORT_DISTURB_H
#include "clflow/clflow.h"
#include "compose/draw.h"

/* Adds noise to trained numbers; those that are 0 because a mask hides them stay 0. */
void disturb(clf_flow *f, draw_random *r);

/* Rounds every number of a flow to float, as files of float have them. */
void round_to_float(clf_flow *f);

#endif
