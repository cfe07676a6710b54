/* SPDX-License-Identifier: MIT */
/* convresnet.c: convolutional residual nets: ConvResidualNet of nflows.
 *
 *   h = W0 * [x, c] + b0 (1 x 1);  per block: h = h + gate(W2 * dropout(act(bn(W1 * act(bn(h)) +
 *   b1))) + b2) (3 x 3);  u = Wf * h + bf (1 x 1);  gate(v) = v sigmoid(J c + j) with a context,
 *   else v. */
#include <stdio.h>
#include "chain.h"
#include "conv_chain.h"
#include "wn_resnet.h"

static void add_block(clf__net *n, clf__slots *slots, int b, const char *path) {
  const clf__arch_convresnet *a = (const clf__arch_convresnet *)n->node;
  clf__conv_layer *first = &clf__conv_chain_of(n)->layer[2 * b + 1], *second = first + 1;
  char name[96];
  snprintf(name, sizeof name, "%s.blocks.%d", path, b);
  first->in = first->out = a->hidden;
  first->kernel = 3;
  first->act = clf__net_act(a->act);
  first->bn = a->bn;
  *second = *first;
  second->dropout = a->dropout;
  second->stream = 2 * b;
  second->spread = 1e-3;
  if (n->context && a->context == CLF__JOIN_GLU) second->join = CLF_JOIN_GATE;
  clf__conv_chain_add(n, slots, 2 * b + 1, name, "conv0", "bn0");
  clf__conv_chain_add(n, slots, 2 * b + 2, name, "conv1", "bn1");
}

static clf_status make(clf__net *n, clf__slots *slots, const char *path) {
  const clf__arch_convresnet *a = (const clf__arch_convresnet *)n->node;
  clf__conv_chain *c;
  if (a->like == CLF__CONV_LIKE_REALNVP) {
    n->ops = &clf__net_wn_resnet;
    return n->ops->make(n, slots, path);
  }
  CLF_TRY(clf__conv_chain_new(n, 2 * a->blocks + 2, &c));
  clf__conv_layer *initial = &c->layer[0], *final = &c->layer[c->count - 1];
  initial->in = n->shape.channels;
  initial->out = final->in = a->hidden;
  if (n->context) initial->join = a->context == CLF__JOIN_ADD ? CLF_JOIN_ADD : CLF_JOIN_INPUT;
  final->out = n->out / (n->shape.height * n->shape.width);
  clf__conv_chain_add(n, slots, 0, path, "initial", "");
  for (int b = 0; b < a->blocks; b++) add_block(n, slots, b, path);
  clf__conv_chain_add(n, slots, c->count - 1, path, "final", "");
  return CLF_OK;
}

const clf__net_ops clf__net_convresnet = {.name = "convresnet",
                                          .make = make,
                                          .unmake = clf__conv_chain_free,
                                          .plan = clf__conv_chain_plan,
                                          .keep = clf__conv_chain_keep,
                                          .forward = clf__conv_chain_forward,
                                          .backward = CLF_TRAINS(clf__conv_chain_backward)};
