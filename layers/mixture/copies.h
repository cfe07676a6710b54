/* SPDX-License-Identifier: MIT */
/* copies.h: parameters of one flow into another, which may be on another device.  Private. */
#ifndef CLF_COPIES_H
#define CLF_COPIES_H
#include "clflow/mixture.h"
#include "flow_private.h"

/* Copies each parameter of `from` whose name begins with `prefix` to that of `to` which has
 * `instead` in its place; dry: only looks whether all can be.  Errors: EINVAL names one that `to`
 * lacks, or has in another shape; ENOMEM. */
clf_status clf__copy_params(const clf_flow *from, const char *prefix, clf_flow *to,
                            const char *instead, int dry);
/* Copies the scaling of data and context, where `from` has them. */
clf_status clf__copy_scaling(const clf_flow *from, clf_flow *to);

#endif
