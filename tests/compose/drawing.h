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
  size_t used, node; /* bytes of the text, and of the text before the latest node */
  int dim, image[3]; /* of the input of the next layer; image[2] 0: not an image */
  int on_box;        /* maps stay within low .. high, where the base is uniform */
  double low, high;  /* the box, or the bounds of the data */
  /* What contains the next node. */
  int at_head, inverted, in_columns, masked, of_context, prior;
  int nested; /* number of blends and repetitions that contain it */
} drawing;

void drawing_put(drawing *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
int drawing_is_image(const drawing *d);

/* Draws a type that fits here. */
const clf__node_type *drawing_type(drawing *d, clf__node_group group);
/* "name(member=value, ...)" */
void drawing_put_node(drawing *d, const clf__node_type *type);
/* "layers -> base" */
void drawing_put_flow(drawing *d, int layers);

#endif
