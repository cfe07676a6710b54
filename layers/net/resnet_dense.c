/* SPDX-License-Identifier: MIT */
/* resnet_dense.c: residual nets of vectors: ResidualNet of nflows.
 *
 *   h = W0 [x, c] + b0;  per block: h = h + gate(W2 dropout(act(bn(W1 act(bn(h)) + b1))) + b2);
 *   u = Wf h + bf,  gate(v) = v sigmoid(J c + j) with a context, else v. */
#include <stdio.h>
#include "angles.h"
#include "chain.h"

static const clf__arch_resnet *members(const clf__net *n) {
  return (const clf__arch_resnet *)n->node;
}

/* Layers 2 b + 1 and 2 b + 2. */
static void add_block(clf__net *n, clf__slots *slots, int b, const char *path) {
  const clf__arch_resnet *m = members(n);
  clf__dense_layer *first = &clf__chain_of(n)->layer[2 * b + 1], *second = first + 1;
  char name[80];
  *first = (clf__dense_layer){.in = m->hidden,
                              .out = m->hidden,
                              .act = clf__net_act(m->act),
                              .stream = -1,
                              .spread = -1,
                              .before = m->bn ? CLF_BATCH_NORM : CLF_NO_NORM};
  *second = *first;
  second->dropout = m->dropout;
  second->stream = 2 * b;
  second->spread = 1e-3;
  if (n->context && m->context == CLF__JOIN_GLU) second->join = CLF_JOIN_GATE;
  snprintf(name, sizeof name, "%s.blocks.%d", path, b);
  clf__chain_add(n, slots, 2 * b + 1, name, "linear0", "context", "bn0");
  clf__chain_add(n, slots, 2 * b + 2, name, "linear1", "context", "bn1");
}

static clf_status make(clf__net *n, clf__slots *slots, const char *path) {
  const clf__arch_resnet *m = members(n);
  clf__chain *c;
  if (n->in < 1) return clf__fail(CLF_EINVAL, "resnet: it has no inputs");
  CLF_TRY(clf__chain_new(n, 2 * m->blocks + 2, &c));
  CLF_TRY(clf__angles_make(m->angles, &m->rate, n->in, slots, &c->angles));
  clf__dense_layer *initial = &c->layer[0], *final = &c->layer[c->count - 1];
  initial->in = c->angles ? clf__angles_features(c->angles) : n->in;
  initial->out = final->in = m->hidden;
  final->out = n->out;
  if (m->zero) final->spread = 0;
  if (n->context) initial->join = m->context == CLF__JOIN_ADD ? CLF_JOIN_ADD : CLF_JOIN_INPUT;
  clf__chain_add(n, slots, 0, path, "initial", "context", "");
  for (int b = 0; b < m->blocks; b++) add_block(n, slots, b, path);
  clf__chain_add(n, slots, c->count - 1, path, "final", "", "");
  return CLF_OK;
}

static void draw(const clf__net *n, clf__host_random *r, double *c) {
  (void)r;
  if (clf__chain_of(n)->angles) clf__angles_draw(clf__chain_of(n)->angles, c);
}

const clf__net_ops clf__net_resnet = {.name = "resnet",
                                      .make = make,
                                      .unmake = clf__chain_free,
                                      .draw = draw,
                                      .shift = clf__chain_shift,
                                      .plan = clf__chain_plan,
                                      .keep = clf__chain_keep,
                                      .forward = clf__chain_forward,
                                      .backward = CLF_TRAINS(clf__chain_backward)};
