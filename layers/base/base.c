/* SPDX-License-Identifier: MIT */
/* base.c: the table of bases. */
#include "base.h"

#define CLF_BASE_ROW(id) extern const clf__base_ops clf__base_##id;
#include "arch_rows.h"

#define CLF_BASE_ROW(id) [CLF__ARCH_##id] = &clf__base_##id,
static const clf__base_ops *const bases[CLF__NODE_TYPES] = {
#include "arch_rows.h"
};

clf_status clf__base_of(const clf__node *node, const clf__base_ops **ops) {
  *ops = bases[node->type->id];
  return *ops ? CLF_OK : clf__node_misplaced(node);
}

static clf_status refuse_conv(clf__base *b, clf__slots *slots, const char *path) {
  (void)b, (void)slots, (void)path;
  return clf__fail(CLF_EINVAL, "conv is the prior of a split; a flow ends in another base");
}
const clf__base_ops clf__base_base_conv = {.name = "conv", .make = refuse_conv};
