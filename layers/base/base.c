/* SPDX-License-Identifier: MIT */
/* base.c: the table of bases. */
#include "base.h"
#include "column.h"

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

clf_status clf__base_noise(const clf__pass *p, int stream, uint64_t seed, int64_t first,
                           clf_tensor y) {
  if (p->at_centre) return clf_do(p->dev, fill, .y = y, .value = 0);
  return clf_do(p->dev, random_normal, .y = y, .stream = stream, CLF_STREAM(seed, first));
}

static clf_status refuse_conv(clf__base *b, clf__slots *slots, const char *path) {
  (void)b, (void)slots, (void)path;
  return clf__fail(CLF_EINVAL, "conv is the prior of a split; a flow ends in another base");
}
const clf__base_ops clf__base_base_conv = {.name = "conv", .make = refuse_conv};
