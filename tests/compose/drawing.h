/* SPDX-License-Identifier: MIT */
/* drawing.h: an architecture while it is drawn. */
#ifndef CLF_COMPOSE_DRAWING_H
#define CLF_COMPOSE_DRAWING_H
#include <stddef.h>
#include "arch_private.h"
#include "draw.h"

typedef struct drawing {
  draw_random random;
  draw_flow *flow;
  size_t used, node; /* bytes of the text, and of it before the latest node */
  int dim, image[3]; /* of what comes to the next layer; image[2] 0: numbers without a shape */
  int on_box;        /* maps stay within low .. high, where the base is uniform */
  double low, high;  /* the box, or the bounds of the data */
  /* What the next node is part of. */
  int at_head, inverted, in_columns, masked, of_context, prior;
  int nested; /* how many blends and repetitions are around this place */
} drawing;

void drawing_put(drawing *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
int drawing_is_image(const drawing *d);

/* A type that fits here. */
const clf__node_type *drawing_type(drawing *d, clf__node_group group);
/* "name(member=value, ...)" */
void drawing_put_node(drawing *d, const clf__node_type *type);
/* "layers -> base" */
void drawing_put_flow(drawing *d, int layers);

#endif
