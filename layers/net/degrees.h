/* SPDX-License-Identifier: MIT */
/* degrees.h: which units of a masked net see which dimensions.  Private.
 *
 * Dimension j of the net's input has a position in the order of its autoregressive layer, from
 * 0; dimensions of one group have the same position.  Its degree as an input is position + 1, the
 * m parameters computed for it have the degree position, the context has degree 0; a unit sees
 * what has no larger degree. */
#ifndef CLF_DEGREES_H
#define CLF_DEGREES_H
#include "chain.h"

/* Dimensions per group, and number of groups. */
static inline int32_t clf__group_size(const clf__net *n) {
  return n->passes > 0 && n->passes < n->in ? (n->in - 1) / n->passes + 1 : 1;
}
static inline int32_t clf__groups(const clf__net *n) {
  return (n->in - 1) / clf__group_size(n) + 1;
}
static inline int32_t clf__group_of(const clf__net *n, int32_t j) {
  return n->order[j] / clf__group_size(n);
}

/* Memory for the degrees of a chain whose layers are described; clf__degrees_ends() sets those
 * of inputs and outputs, once the order is known. */
clf_status clf__degrees_new(clf__net *n, clf__slots *slots);
void clf__degrees_ends(const clf__net *n);
/* Constants that follow from the order. */
void clf__degrees_derive(const clf__net *n, double *c);

static inline int32_t clf__smallest(const int32_t *degree, int32_t count) {
  int32_t least = degree[0];
  for (int32_t i = 1; i < count; i++) least = degree[i] < least ? degree[i] : least;
  return least;
}

/* Requirements of masked nets: an autoregressive layer. */
clf_status clf__masked_check(const clf__net *n);

#endif
