/* SPDX-License-Identifier: MIT */
/* masked.c: masked nets with zuko's masks (MaskedMLP).
 *
 * A hidden unit sees what the parameters of one dimension see: unit i of a layer copies row i
 * mod R of the R rows that see anything through the layer before.  Rows are the distinct sets of
 * dimensions, in lexicographic order of their indicators, as torch.unique sorts them. */
#include <stdio.h>
#include "chain.h"
#include "degrees.h"

static const clf__arch_masked *members(const clf__net *n) {
  return (const clf__arch_masked *)n->node;
}

/* zuko puts a block after each hidden layer, and has no linear layers between blocks. */
static void residual_layers(clf__net *n) {
  const clf__arch_masked *m = members(n);
  clf__chain *c = clf__chain_of(n);
  for (int b = 0; b < m->layers; b++) {
    clf__dense_layer *first = &c->layer[2 * b + 1], *second = first + 1;
    first->in = first->out = second->in = second->out = m->hidden;
    second->act = clf__net_act(m->act);
    second->dropout = m->dropout;
    second->stream = 2 * b;
  }
}

static void feedforward_layers(clf__net *n) {
  const clf__arch_masked *m = members(n);
  clf__chain *c = clf__chain_of(n);
  for (int l = 1; l <= m->layers; l++) {
    clf__dense_layer *d = &c->layer[l];
    d->in = d->out = m->hidden;
    d->act = clf__net_act(m->act);
    d->dropout = m->dropout;
  }
}

static clf_status make(clf__net *n, clf__slots *slots, const char *path) {
  const clf__arch_masked *m = members(n);
  clf__chain *c;
  CLF_TRY(clf__masked_check(n));
  CLF_TRY(clf__chain_new(n, (m->residual ? 2 : 1) * m->layers + (m->residual && m->layers ? 2 : 1),
                         &c));
  (m->residual ? residual_layers : feedforward_layers)(n);
  c->layer[0].in = n->in;
  c->layer[0].join = n->context ? CLF_JOIN_INPUT : CLF_JOIN_NONE;
  if (m->layers) c->layer[0].out = m->hidden;
  c->layer[c->count - 1].in = m->layers ? m->hidden : n->in;
  c->layer[c->count - 1].out = n->out;
  if (m->zero) c->layer[c->count - 1].spread = 0;
  for (int l = 0; l < c->count; l++) {
    char name[16];
    snprintf(name, sizeof name, "%d", l);
    clf__chain_add(n, slots, l, path, name, "", "");
  }
  c->from = c->layer[0].join == CLF_JOIN_NONE;
  c->period = clf__groups(n) > c->from ? clf__groups(n) - c->from : 1;
  return clf__degrees_new(n, slots);
}

/* The sets of rows are the groups before a given one: of any two sets one contains the other,
 * and the lexicographic order is the order of size.  Without a context the empty set sees
 * nothing, and no unit copies it: not in the first layer, nor in the others, which see its
 * units. */
static void draw(const clf__net *n, clf__host_random *r, double *constants) {
  const clf__chain *c = clf__chain_of(n);
  (void)r;
  clf__degrees_ends(n);
  for (int l = 0; l + 1 < c->count; l++)
    for (int32_t i = 0; i < c->layer[l].out; i++)
      c->layer[l].out_degree[i] = i % c->period + c->from;
  clf__chain_draw_masks(n, constants);
}

const clf__net_ops clf__net_masked = {
    .name = "masked", .make = make, .draw = draw, CLF_MASKED_CHAIN};
