/* SPDX-License-Identifier: MIT */
/* conv.c: convolutional nets, by default that of Glow (Kingma and Dhariwal 2018, section 3.3,
 * and its reference implementation): kernels of side 3, 1 and 3, normalised by channel, with
 * zero weights in the last layer at the start. */
#include <stdio.h>
#include "chain.h"
#include "conv_chain.h"

static clf_status make(clf__net *n, clf__slots *slots, const char *path) {
  const clf__arch_conv *a = (const clf__arch_conv *)n->node;
  const int32_t pixels = n->shape.height * n->shape.width, count = a->kernels.n;
  const int32_t width = a->width ? a->width : n->shape.channels;
  clf__conv_chain *c;
  if (a->alone) n->context = 0;
  if (n->context && a->context == CLF__JOIN_GLU)
    return clf__fail(CLF_EINVAL, "conv: context=glu gates residual blocks; use convresnet, or "
                                 "context=add");
  CLF_TRY(clf__conv_chain_new(n, count, &c));
  for (int32_t l = 0; l < count; l++) {
    clf__conv_layer *d = &c->layer[l];
    const int last = l + 1 == count;
    char name[16];
    if (a->kernels.at[l] % 2 == 0)
      return clf__fail(CLF_EINVAL, "conv: its kernel %d has a side of %d; sides must be odd",
                       (int)l, (int)a->kernels.at[l]);
    d->in = l ? width : n->shape.channels;
    d->out = last ? n->out / pixels : width;
    d->kernel = a->kernels.at[l];
    if (l) d->act = clf__net_act(a->act);
    if (!l && n->context) d->join = a->context == CLF__JOIN_ADD ? CLF_JOIN_ADD : CLF_JOIN_INPUT;
    d->norm = a->norm && !last;
    if (last && a->zero) d->spread = 0;
    snprintf(name, sizeof name, "%d", (int)l);
    clf__conv_chain_add(n, slots, l, path, name, "");
  }
  return CLF_OK;
}

const clf__net_ops clf__net_conv = {.name = "conv",
                                    .make = make,
                                    .unmake = clf__conv_chain_free,
                                    .plan = clf__conv_chain_plan,
                                    .fit = CLF_TRAINS(clf__conv_chain_fit),
                                    .forward = clf__conv_chain_forward,
                                    .backward = CLF_TRAINS(clf__conv_chain_backward)};
