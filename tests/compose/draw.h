/* SPDX-License-Identifier: MIT */
/* draw.h: random architectures from the table of nodes, and rows in their domain. */
#ifndef CLF_COMPOSE_DRAW_H
#define CLF_COMPOSE_DRAW_H
#include <stdint.h>

enum { DRAW_TEXT = 8192, DRAW_DIMS = 16 };

/* xorshift64*: the same numbers everywhere. */
typedef struct draw_random {
  uint64_t state;
} draw_random;
double draw_uniform(draw_random *r, double low, double high);
int draw_int(draw_random *r, int low, int high); /* both included */
int draw_chance(draw_random *r, double p);
double draw_normal(draw_random *r);

typedef struct draw_flow {
  char text[DRAW_TEXT];
  int dim, context;
  int classes; /* the number of classes that the context is one of; 0: the context is normal */
  /* Rows of data are uniform in low .. high; low == high: normal. */
  double low, high;
} draw_flow;

/* Flow `number`: 1 to 6 dimensions or an image of at most 16 elements, a context of 0 to 3, and up
 * to 4 layers. The text is valid; the library may still refuse members that do not fit each other.
 */
void draw_architecture(uint64_t number, draw_flow *f);

/* n rows of data, or of context. */
void draw_rows(draw_random *r, const draw_flow *f, int n, double *x);
void draw_contexts(draw_random *r, const draw_flow *f, int n, double *c);

#endif
