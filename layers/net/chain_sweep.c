/* SPDX-License-Identifier: MIT */
/* chain_sweep.c: chains of masked layers in the form that the operations for the inverse of
 * autoregressive layers take (sweep.h). */
#include "chain_private.h"
#include "degrees.h"
#include "map.h"
#include "sweep.h"

static int joins(const clf__dense_layer *d) { return d->join != CLF_JOIN_NONE; }

int32_t clf__chain_contexts(const clf__net *n) {
  const clf__chain *c = clf__chain_of(n);
  int32_t columns = 0;
  for (int l = 0; l < c->count && c->period; l++)
    columns += joins(&c->layer[l]) ? c->layer[l].out : 0;
  return columns;
}

/* All weights and biases of the net, which are adjacent. */
static int64_t weights_of(const clf__chain *c) {
  const clf__slot *last = &c->layer[c->count - 1].bias;
  return last->at - c->layer[0].weight.at + last->dim[0];
}

/* Whether the operations support the net: inputs as they are, hidden layers without
 * normalisations, with degrees by the rule of made and masked, and no dropout in this pass.  Sizes
 * are ints there. */
static int is_known(const clf__chain *c, const clf__pass *p) {
  if (c->angles || weights_of(c) > 1 << 27) return 0;
  for (int l = 0; l < c->count; l++) {
    const clf__dense_layer *d = &c->layer[l];
    if (d->before != CLF_NO_NORM || d->after != CLF_NO_NORM) return 0;
    if (p->mode == CLF_TRAIN && d->dropout > 0) return 0;
  }
  return c->period && c->count > 1;
}

/* Layers after the first come in pairs: layer l, or if there is none an equal one. */
static const clf__dense_layer *layer_at(const clf__chain *c, int l) {
  return l < c->count ? &c->layer[l] : &c->layer[c->count - 1];
}
static int32_t join_of(const clf__chain *c, int l) {
  const clf__dense_layer *d = layer_at(c, l);
  return l + 1 >= c->count || !joins(d) ? 0 : d->join == CLF_JOIN_GATE ? 2 : 1;
}
/* Elements between the weights of layer l and those of the next one: its context's. */
static int32_t skip_of(const clf__chain *c, int l) {
  if (l + 1 >= c->count) return 0;
  return (int32_t)(c->layer[l + 1].weight.at - c->layer[l].bias.at) - c->layer[l].out;
}

/* The context's contribution to layer l, in separate columns. */
static clf_status context_to(const clf__net *n, const clf__pass *p, int l, clf_tensor to) {
  const clf__chain *c = clf__chain_of(n);
  const clf__dense_layer *d = &c->layer[l];
  if (d->join == CLF_JOIN_INPUT)
    return clf_do(p->dev, gemm, .a = p->c, .b = clf__of_context(d, clf__weight(p, &d->weight)),
                  .c = to, .tb = 1, .alpha = 1);
  return clf__joint_forward(p, &d->joint, d->join == CLF_JOIN_ACT ? c->join_act : CLF_ACT_none, to);
}

static clf_status contexts(const clf__net *n, const clf__pass *p, clf_tensor all) {
  const clf__chain *c = clf__chain_of(n);
  int32_t at = 0;
  for (int l = 0; l < c->count; l++) {
    if (!joins(&c->layer[l])) continue;
    CLF_TRY(context_to(n, p, l, clf_slice(all, 1, at, at + c->layer[l].out)));
    at += c->layer[l].out;
  }
  return CLF_OK;
}

clf_status clf__chain_sweep(const clf__net *n, const clf__pass *p, clf__net_memory *k,
                            const clf__map *map, clf_tensor y, clf_tensor x, clf_tensor logdet) {
  const clf__chain *c = clf__chain_of(n);
  if (!map->ops->sweep || !is_known(c, p)) return CLF_ENOTSUP;
  const clf__slot *first = &c->layer[0].weight;
  const clf_tensor w = p->weights.w;
  const clf__sweep s = {.at = clf__weight(p, &c->ranks),
                        .w = clf__vector(w, first->at, (int32_t)weights_of(c), 1),
                        .c = n->context ? clf__rows(k->t[CONTEXTS], y.dim[0]) : (clf_tensor){0},
                        .hidden = c->layer[0].out,
                        .layers = c->count - 1,
                        .residual = layer_at(c, 2)->stream >= 0,
                        .period = c->period,
                        .from = c->from,
                        .each = clf__group_size(n),
                        .numbers = n->numbers,
                        .pitch = first->dim[1],
                        .act_first = layer_at(c, 1)->act,
                        .act_odd = layer_at(c, 2)->act,
                        .act_even = layer_at(c, 3)->act,
                        .act_last = c->layer[c->count - 1].act,
                        .join_first = join_of(c, 0),
                        .join_odd = join_of(c, 1),
                        .join_even = join_of(c, 2),
                        .skip_first = skip_of(c, 0),
                        .skip_odd = skip_of(c, 1),
                        .skip_even = skip_of(c, 2)};
  if (n->context) CLF_TRY(contexts(n, p, s.c));
  return map->ops->sweep(map, p, &s, y, x, logdet);
}
