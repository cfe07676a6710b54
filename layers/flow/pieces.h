/* SPDX-License-Identifier: MIT */
/* pieces.h: the implementations of the nodes of arch.def.  Private.
 *
 * The functions of a layer are in clf__layer_<id>, those of a map in clf__map_<id>, of a net in
 * clf__net_<id>, of a base in clf__base_<id>, where <id> is that of the node's row. */
#ifndef CLF_PIECES_H
#define CLF_PIECES_H
#include "arch_private.h"
#include "base.h"
#include "layer.h"
#include "map.h"
#include "net.h"

/* EINVAL: the node has none. */
clf_status clf__layer_of(const clf__node *node, const clf__layer_ops **ops);
clf_status clf__map_of(const clf__node *node, const clf__map_ops **ops);
clf_status clf__net_of(const clf__node *node, const clf__net_ops **ops);
clf_status clf__base_of(const clf__node *node, const clf__base_ops **ops);

#endif
