/* SPDX-License-Identifier: MIT */
/* map.c: the table of maps, and making the map of a node. */
#include "map.h"

#define CLF_MAP_ROW(id) extern const clf__map_ops clf__map_##id;
#include "arch_rows.h"

#define CLF_MAP_ROW(id) [CLF__ARCH_##id] = &clf__map_##id,
static const clf__map_ops *const maps[CLF__NODE_TYPES] = {
#include "arch_rows.h"
};

clf_status clf__map_make(clf__map *m, const clf__node *node, clf__slots *slots, const char *path) {
  m->node = node;
  m->ops = maps[node->type->id];
  return m->ops ? m->ops->make(m, slots, path) : clf__node_misplaced(node);
}
void clf__map_unmake(clf__map *m) {
  if (m->ops && m->ops->unmake) m->ops->unmake(m);
  m->ops = NULL;
}
