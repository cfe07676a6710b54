/* SPDX-License-Identifier: MIT */
/* launches.c: launches of the operations that are one kernel, from the last column of ops.def.  The
 * others (BY_HOST) have a host half in cl/<file>.c. */
#include "launch.h"

#define ONE_KERNEL(op, grid)                                                                       \
  static clf_status launch_##op(clf_call *call) {                                                  \
    const clf_##op##_args *p = call->args;                                                         \
    const int lanes = call->traits->lanes;                                                         \
    (void)p, (void)lanes;                                                                          \
    return call->enqueue(call, #op, grid, CLF_NO_PLAN);                                            \
  }                                                                                                \
  CLF_LAUNCHES(op, {.name = "only", .launch = launch_##op})

#define LAUNCH_BY_HOST(op, ...)
#define LAUNCH_BY_ITEM(op, n, ...) ONE_KERNEL(op, clf_items(call, n))
#define LAUNCH_BY_LANES(op, n, rows, ...) ONE_KERNEL(op, clf_by_lanes(call, n, rows))
#define LAUNCH_BY_SAMPLE(op, n, ...) ONE_KERNEL(op, clf_by_samples(call, n))
#define LAUNCH_BY_PIXELS(op, image, ...) ONE_KERNEL(op, clf_by_pixels(call, image))
#define LAUNCH_BY_MAP(op, n, d, ...) ONE_KERNEL(op, clf_by_maps(call, n, d))
#define LAUNCH_SINGLE(op, ...) ONE_KERNEL(op, clf_groups(1, 1, 1, 1))

/* The kind of launch comes first; the 0 stands where a kind has no numbers. */
#define LAUNCH_OF(op, kind, ...) LAUNCH_##kind(op, __VA_ARGS__)
#define CLF_OP(file, name, tensors, params, rules, ...) LAUNCH_OF(name, __VA_ARGS__, 0)
#include "clflow/ops.def"
#undef CLF_OP
