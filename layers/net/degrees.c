/* SPDX-License-Identifier: MIT */
/* degrees.c: degrees of the inputs and outputs of masked nets. */
#include "degrees.h"
#include <stdlib.h>
#include "angles.h"

static void sort_rows(clf__slot *s, int32_t period) { s->period[0] = s->rank ? period : 0; }

/* What a layer has of its input's units, and of its own, is stored sorted by degree. */
static void sort_layer(clf__chain *c, int l) {
  clf__dense_layer *d = &c->layer[l];
  const int32_t in = l ? c->period : 0, out = l + 1 < c->count ? c->period : 0;
  clf__slot *const inputs[] = {&d->norm_before.weight, &d->norm_before.bias,  &d->norm_before.mean,
                               &d->norm_before.var,    &d->norm_after.weight, &d->norm_after.bias,
                               &d->norm_after.mean,    &d->norm_after.var};
  clf__slot *const units[] = {&d->weight,       &d->mask,       &d->bias,
                              &d->joint.weight, &d->joint.bias, &d->rank};
  for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) sort_rows(inputs[i], in);
  for (size_t i = 0; i < sizeof units / sizeof *units; i++) sort_rows(units[i], out);
  d->weight.period[1] = d->mask.period[1] = in;
}

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
    clf__slots_add(slots, &d->rank, CLF_CONSTANT, 0, 0, 1, &d->out, NULL);
    sort_layer(c, l);
  }
  clf__slots_add(slots, &c->ranks, CLF_CONSTANT, 0, 0, 1, &n->in, NULL);
  clf__slots_add(slots, &c->rank, CLF_CONSTANT, 0, 0, 1, &c->layer[0].in, NULL);
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

/* Masks in files may be others than those that were drawn. */
static int follows(const clf__dense_layer *d, const double *mask) {
  for (int32_t i = 0; i < d->out; i++, mask += d->mask.dim[1])
    for (int32_t j = 0; j < d->in; j++)
      if ((mask[j] != 0) != (d->out_degree[i] >= d->in_degree[j])) return 0;
  return 1;
}

/* The degrees as arrays, and whether the masks follow them. */
static void derive_ranks(clf__chain *chain, double *c) {
  const clf__dense_layer *first = &chain->layer[0];
  for (int32_t j = 0; j < first->in; j++) c[chain->rank.at + j] = first->in_degree[j];
  chain->follows = 1;
  for (int l = 0; l < chain->count; l++) {
    const clf__dense_layer *d = &chain->layer[l];
    for (int32_t i = 0; i < d->out; i++) c[d->rank.at + i] = d->out_degree[i];
    chain->follows &= follows(d, c + d->mask.at);
  }
}

void clf__degrees_derive(const clf__net *n, double *c) {
  double *rank = c + clf__chain_of(n)->ranks.at;
  clf__degrees_ends(n);
  derive_ranks(clf__chain_of(n), c);
  for (int32_t g = 0; g < clf__groups(n); g++)
    for (int32_t j = 0; j < n->in; j++)
      if (clf__group_of(n, j) == g) *rank++ = j;
}

clf_status clf__masked_check(const clf__net *n) {
  if (n->order && n->numbers > 0 && n->out == n->in * n->numbers) return CLF_OK;
  return clf__fail(CLF_EINVAL, "%s: masked nets are for autoregressive layers; use mlp or resnet",
                   n->ops->name);
}
