/* SPDX-License-Identifier: MIT */
/* degrees.c: degrees of the inputs and outputs of masked nets. */
#include "degrees.h"
#include <stdlib.h>
#include "angles.h"

clf_status clf__degrees_new(clf__net *n, clf__slots *slots) {
  clf__chain *c = clf__chain_of(n);
  const size_t inputs = (size_t)c->layer[0].in;
  size_t count = inputs;
  for (int l = 0; l < c->count; l++) count += (size_t)c->layer[l].out;
  int32_t *at = c->degrees = calloc(count, sizeof *at);
  if (!at) return clf__fail(CLF_ENOMEM, "no memory for the degrees of %zu units", count);
  at += inputs;
  for (int l = 0; l < c->count; l++) {
    clf__dense_layer *d = &c->layer[l];
    d->in_degree = l ? c->layer[l - 1].out_degree : c->degrees;
    d->out_degree = at;
    at += d->out;
  }
  clf__slots_add(slots, &c->ranks, CLF_CONSTANT, 0, 0, 1, &n->in, NULL);
  return CLF_OK;
}

void clf__degrees_ends(const clf__net *n) {
  const clf__chain *c = clf__chain_of(n);
  int32_t *last = c->layer[c->count - 1].out_degree;
  for (int32_t i = 0; i < c->layer[0].in; i++)
    c->degrees[i] = clf__group_of(n, c->angles ? clf__angles_source(c->angles, i) : i) + 1;
  for (int32_t j = 0; j < n->in; j++) {
    for (int32_t k = 0; k < n->numbers; k++) last[j * n->numbers + k] = clf__group_of(n, j);
  }
}

void clf__degrees_derive(const clf__net *n, double *c) {
  double *rank = c + clf__chain_of(n)->ranks.at;
  clf__degrees_ends(n);
  for (int32_t g = 0; g < clf__groups(n); g++)
    for (int32_t j = 0; j < n->in; j++)
      if (clf__group_of(n, j) == g) *rank++ = j;
}

clf_status clf__masked_check(const clf__net *n) {
  if (n->order && n->numbers > 0 && n->out == n->in * n->numbers) return CLF_OK;
  return clf__fail(CLF_EINVAL, "%s: masked nets are for autoregressive layers; use mlp or resnet",
                   n->ops->name);
}
