/* SPDX-License-Identifier: MIT */
/* made.c: masked nets with the masks of nflows' MADE (Germain et al. 2015).
 *
 * Hidden degrees are those of nflows, i mod max(1, D - 1) + min(1, D - 1) for unit i, in every
 * layer.  A residual block is h = h + W2 dropout(act(bn(W1 act(bn(h)) + b1 [+ J c + j]))) + b2,
 * or as in nsf and normflows with a gate by the context after W2; a feedforward one is h =
 * dropout(act(W bn(h) + b)).  The first layer adds act(J c + j), in nsf J c + j; before
 * feedforward blocks an activation follows, except in nsf.  Cosine and sine of an angle have its
 * degree. */
#include <stdio.h>
#include "angles.h"
#include "chain.h"
#include "degrees.h"

static const clf__arch_made *members(const clf__net *n) { return (const clf__arch_made *)n->node; }

static clf__dense_layer hidden_layer(const clf__arch_made *m) {
  return (clf__dense_layer){
      .in = m->hidden, .out = m->hidden, .act = clf__net_act(m->act), .stream = -1, .spread = -1};
}

static void residual_block(clf__net *n, clf__slots *slots, int b, const char *name) {
  const clf__arch_made *m = members(n);
  clf__dense_layer *first = &clf__chain_of(n)->layer[2 * b + 1], *second = first + 1;
  *first = hidden_layer(m);
  first->before = m->bn ? CLF_BATCH_NORM : CLF_NO_NORM;
  *second = *first;
  second->dropout = m->dropout;
  second->stream = 2 * b;
  second->spread = 1e-3;
  if (n->context && m->context == CLF__MADE_JOIN_NFLOWS) first->join = CLF_JOIN_ADD;
  if (n->context && m->context == CLF__MADE_JOIN_NSF) second->join = CLF_JOIN_GATE;
  clf__chain_add(n, slots, 2 * b + 1, name, "linear0", "context", "bn0");
  clf__chain_add(n, slots, 2 * b + 2, name, "linear1", "context", "bn1");
}

/* The input of feedforward layer l: that of the first one has no dropout and, in nsf, no
 * activation. */
static void feedforward_input(const clf__arch_made *m, int l, clf__dense_layer *d) {
  const int nsf = m->context == CLF__MADE_JOIN_NSF;
  d->act = l == 1 && nsf ? CLF_ACT_none : clf__net_act(m->act);
  d->dropout = l > 1 ? m->dropout : 0;
}

static void feedforward_block(clf__net *n, clf__slots *slots, int b, const char *name) {
  const clf__arch_made *m = members(n);
  clf__dense_layer *d = &clf__chain_of(n)->layer[b + 1];
  *d = hidden_layer(m);
  feedforward_input(m, b + 1, d);
  d->after = m->bn ? CLF_BATCH_NORM : CLF_NO_NORM;
  clf__chain_add(n, slots, b + 1, name, "linear0", "context", "bn0");
}

static clf_status make(clf__net *n, clf__slots *slots, const char *path) {
  const clf__arch_made *m = members(n);
  clf__chain *c;
  CLF_TRY(clf__masked_check(n));
  CLF_TRY(clf__chain_new(n, (m->residual ? 2 : 1) * m->blocks + 2, &c));
  clf__dense_layer *initial = &c->layer[0], *final = &c->layer[c->count - 1];
  CLF_TRY(clf__angles_make(m->angles, &m->rate, n->in, slots, &c->angles));
  initial->in = c->angles ? clf__angles_features(c->angles) : n->in;
  initial->out = final->in = m->hidden;
  final->out = n->out;
  if (m->zero) final->spread = 0;
  c->join_act = clf__net_act(m->act);
  if (n->context) initial->join = m->context == CLF__MADE_JOIN_NFLOWS ? CLF_JOIN_ACT : CLF_JOIN_ADD;
  if (!m->residual) feedforward_input(m, c->count - 1, final);
  clf__chain_add(n, slots, 0, path, "initial", "context", "");
  for (int b = 0; b < m->blocks; b++) {
    char name[80];
    snprintf(name, sizeof name, "%s.blocks.%d", path, b);
    (m->residual ? residual_block : feedforward_block)(n, slots, b, name);
  }
  clf__chain_add(n, slots, c->count - 1, path, "final", "", "");
  if (!m->random) {
    c->period = clf__groups(n) > 2 ? clf__groups(n) - 1 : 1;
    c->from = clf__groups(n) > 1;
  }
  return clf__degrees_new(n, slots);
}

static void draw(const clf__net *n, clf__host_random *r, double *constants) {
  const clf__arch_made *m = members(n);
  const clf__chain *c = clf__chain_of(n);
  const int32_t groups = clf__groups(n);
  clf__degrees_ends(n);
  if (c->angles) clf__angles_draw(c->angles, constants);
  for (int l = 0; l + 1 < c->count; l++) {
    const clf__dense_layer *d = &c->layer[l];
    const int32_t minimum = clf__smallest(d->in_degree, d->in),
                  low = minimum < groups - 1 ? minimum : groups - 1;
    for (int32_t i = 0; i < d->out; i++)
      d->out_degree[i] =
          m->random ? low + (int32_t)clf__host_below(r, groups - low) : i % c->period + c->from;
  }
  clf__chain_draw_masks(n, constants);
}

const clf__net_ops clf__net_made = {
    .name = "made", .make = make, .draw = draw, .keep = clf__chain_keep, CLF_MASKED_CHAIN};
