/* SPDX-License-Identifier: MIT */
/* degrees.h: which units of a masked net see which dimensions.  Private.
 *
 * Dimension j of the net's input has a place in the order of its autoregressive layer, 0 first;
 * those of one group have the same.  As an input it has the degree place + 1, the m numbers that
 * are made for it have the degree place, the context has degree 0; a unit sees what is of no larger
 * degree. */
#ifndef CLF_DEGREES_H
#define CLF_DEGREES_H
#include "chain.h"

/* Dimensions of a group, and how many groups there are. */
static inline int32_t clf__group_size(const clf__net *n) {
  return n->passes > 0 && n->passes < n->in ? (n->in - 1) / n->passes + 1 : 1;
}
static inline int32_t clf__groups(const clf__net *n) {
  return (n->in - 1) / clf__group_size(n) + 1;
}
static inline int32_t clf__group_of(const clf__net *n, int32_t j) {
  return n->order[j] / clf__group_size(n);
}

/* Memory for the degrees of a chain whose layers are described; those of inputs and outputs are set
 * by clf__degrees_ends(), once the order is known. */
clf_status clf__degrees_new(clf__net *n, clf__slots *slots);
void clf__degrees_ends(const clf__net *n);
/* Constants that follow from the order. */
void clf__degrees_derive(const clf__net *n, double *c);

static inline int32_t clf__smallest(const int32_t *degree, int32_t count) {
  int32_t least = degree[0];
  for (int32_t i = 1; i < count; i++) least = degree[i] < least ? degree[i] : least;
  return least;
}

/* What a masked net wants of an autoregressive layer. */
clf_status clf__masked_check(const clf__net *n);

#endif
