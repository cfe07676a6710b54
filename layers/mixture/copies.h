/* SPDX-License-Identifier: MIT */
/* copies.h: copies parameters from one flow to another, which may be on another device.
 * Private. */
#ifndef CLF_COPIES_H
#define CLF_COPIES_H
#include "clflow/mixture.h"
#include "flow_private.h"

/* Copies each parameter of `from` whose name begins with `prefix` to the one of `to` with
 * `instead` in place of the prefix; dry: only checks.  Errors: EINVAL names one that `to` lacks,
 * or has with another shape; ENOMEM. */
clf_status clf__copy_params(const clf_flow *from, const char *prefix, clf_flow *to,
                            const char *instead, int dry);
/* Copies the scaling of data and context, if `from` has them. */
clf_status clf__copy_scaling(const clf_flow *from, clf_flow *to);

#endif
