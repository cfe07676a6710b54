/* SPDX-License-Identifier: MIT */
/* conv_chain_backward.c: gradients through chains of convolutions. */
#include "conv_chain_private.h"

/* In the backward pass: dL/d of the current value, and of a value that a later layer added. */
typedef struct backward_pass {
  const clf__net *n;
  const clf__pass *p;
  const clf__net_memory *k;
  clf_tensor x;
  clf_tensor waiting; /* buf NULL: nothing waits */
  int waits_for;
} backward_pass;

/* Scratch memory i as images, dense for any number of channels. */
static clf_tensor scratch(const backward_pass *b, int i, int32_t channels) {
  const clf__net *n = b->n;
  clf_tensor t = clf__rows(b->k->t[SCRATCH + i], b->x.dim[0]);
  t.dim[1] = t.stride[0] = channels * n->shape.height * n->shape.width;
  return clf__conv_image(n, t, channels);
}

/* Backward through scale and shift; the gradient continues in scratch memory. */
static clf_status norm_back(const backward_pass *b, int l, clf_tensor *dy) {
  const clf__conv_layer *d = &clf__conv_chain_of(b->n)->layer[l];
  const clf_tensor to = scratch(b, 2, d->out);
  if (!d->norm) return CLF_OK;
  CLF_TRY(clf_do(b->p->dev, scale_shift_bwd, .x = clf__conv_slot(b->n, b->k, l, RAW, dy->dim[0]),
                 .u = clf__weight(b->p, &d->log_scale), .dy = *dy, .dx = to,
                 .du = clf__gradient(b->p, &d->log_scale),
                 .dshift = clf__gradient(b->p, &d->shift)));
  *dy = to;
  return CLF_OK;
}

static clf_status weights_back(const backward_pass *b, int l, clf_tensor a, clf_tensor dy) {
  const clf__conv_layer *d = &clf__conv_chain_of(b->n)->layer[l];
  if (!b->p->gradients.w.buf) return CLF_OK;
  CLF_TRY(clf_do(b->p->dev, conv_bwd_weights, .x = a, .dy = dy,
                 .dw = clf__gradient(b->p, &d->weight), .beta = 1));
  return clf_do(b->p->dev, conv_bwd_bias, .dy = dy, .db = clf__gradient(b->p, &d->bias), .beta = 1);
}

/* From da to the value before the layer: through dropout, the activation and batch norm, to
 * `to`. */
static clf_status activation_back(const backward_pass *b, int l, const clf__conv_stages *s,
                                  clf_tensor da, clf_tensor to) {
  const clf__conv_layer *d = &clf__conv_chain_of(b->n)->layer[l];
  const clf__pass *p = b->p;
  const clf_tensor spare = scratch(b, 3, d->in), gained = d->bn ? spare : to;
  if (s->drops) { /* its own gradient */
    CLF_TRY(clf_do(p->dev, dropout, .x = da, .y = spare, .drop = (float)d->dropout,
                   CLF_CONV_STREAM(b->n, p, l)));
    CLF_TRY(clf_do(p->dev, copy, .x = spare, .y = da));
  }
  if (d->act == CLF_ACT_none)
    CLF_TRY(clf_do(p->dev, copy, .x = da, .y = gained));
  else
    CLF_TRY(clf_do(p->dev, act_bwd, .y = clf_act_wants_input(d->act) ? s->normed : s->act, .dy = da,
                   .dx = gained, .act = d->act));
  if (!d->bn) return CLF_OK;
  const clf__unit_norm_memory memory = clf__conv_norm_memory(b->n, b->k, l, da.dim[0]);
  return clf__unit_norm_backward(p, &d->unit_norm, CLF_BATCH_NORM, &memory,
                                 clf__conv_pixels(s->value), clf__conv_pixels(spare),
                                 clf__conv_pixels(da), 0, clf__conv_pixels(to));
}

/* From dL/d of layer l's value to that of the value before it. */
static clf_status layer_back(backward_pass *b, int l, clf_tensor dy, clf_tensor to) {
  const clf__conv_layer *d = &clf__conv_chain_of(b->n)->layer[l];
  const clf__conv_stages s = clf__conv_stages_of(b->n, b->p, b->k, l, b->x);
  clf_tensor da = scratch(b, 1, clf__conv_inputs(b->n, l));
  CLF_TRY(norm_back(b, l, &dy));
  CLF_TRY(clf__conv_context_backward(b->n, b->p, b->k, l, scratch(b, 2, d->out),
                                     scratch(b, 1, d->out), &dy));
  CLF_TRY(weights_back(b, l, s.a, dy));
  CLF_TRY(clf_do(b->p->dev, conv_bwd_data, .dy = dy, .w = clf__weight(b->p, &d->weight), .dx = da));
  CLF_TRY(clf__conv_context_input_backward(b->n, b->p, l, &da));
  CLF_TRY(activation_back(b, l, &s, da, to));
  if (!b->waiting.buf || b->waits_for != l - 1) return CLF_OK;
  CLF_TRY(clf_do(b->p->dev, axpby, .x = b->waiting, .y = to, .a = 1, .b = 1));
  b->waiting.buf = NULL;
  return CLF_OK;
}

/* The gradient by a value that a layer adds is that of its own value: stored until the earlier
 * layer is reached. */
static clf_status keep_for(backward_pass *b, int l, clf_tensor dy) {
  const clf__conv_layer *d = &clf__conv_chain_of(b->n)->layer[l];
  if (d->stream < 0) return CLF_OK;
  b->waiting = clf__conv_image(b->n,
                               clf_slice(clf__rows(b->k->t[WAITING], dy.dim[0]), 1, 0,
                                         d->out * b->n->shape.height * b->n->shape.width),
                               d->out);
  b->waits_for = d->stream;
  return clf_do(b->p->dev, copy, .x = dy, .y = b->waiting);
}

clf_status clf__conv_chain_backward(const clf__net *n, const clf__pass *p, clf__net_memory *k,
                                    clf_tensor x, clf_tensor du, clf_tensor dx) {
  const clf__conv_chain *c = clf__conv_chain_of(n);
  backward_pass b = {.n = n, .p = p, .k = k, .x = clf__conv_image(n, x, n->shape.channels)};
  clf_tensor dy = clf__conv_image(n, du, c->layer[c->count - 1].out);
  for (int l = c->count - 1; l >= 0; l--) {
    const clf__conv_layer *d = &c->layer[l];
    const clf_tensor to = l || !dx.buf ? scratch(&b, 0, d->in) : clf__conv_image(n, dx, d->in);
    CLF_TRY(keep_for(&b, l, dy));
    CLF_TRY(layer_back(&b, l, dy, to));
    dy = to;
  }
  return CLF_OK;
}
