/* SPDX-License-Identifier: MIT */
/* conv_context.c: the context of convolutional nets. */
#include "conv_chain_private.h"

static const clf__conv_layer *layer_of(const clf__net *n, int l) {
  return &clf__conv_chain_of(n)->layer[l];
}

/* Numbers of a layer's channels, (rows, out), for images of these rows. */
static clf_tensor channels(const clf__net *n, clf_tensor t, int l, int32_t rows) {
  return clf_slice(clf__rows(t, rows), 1, 0, layer_of(n, l)->out);
}
static clf_tensor gate_of(const clf__net *n, const clf__net_memory *k, int l, int32_t rows) {
  return channels(n, k->t[SHARED + SLOTS * l + GATE], l, rows);
}

/* Numbers of channels as images: they repeat at all pixels (stride 0). */
static clf_tensor at_all_pixels(const clf__net *n, clf_tensor t) {
  t.dim[2] = n->shape.height;
  t.dim[3] = n->shape.width;
  t.stride[2] = t.stride[3] = 0;
  return t;
}

/* ---- Forward --------------------------------------------------------------------------------- */

clf_status clf__conv_context_before(const clf__net *n, const clf__pass *p, const clf__net_memory *k,
                                    int l, const clf__conv_stages *s, clf_tensor y) {
  const clf__conv_layer *d = layer_of(n, l);
  if (d->join == CLF_JOIN_INPUT) {
    CLF_TRY(clf_do(p->dev, copy, .x = s->own, .y = clf_slice(s->a, 1, 0, d->in)));
    return clf_do(p->dev, broadcast_fwd, .x = p->c, .y = clf_slice(s->a, 1, d->in, s->a.dim[1]));
  }
  if (d->join != CLF_JOIN_ADD) return CLF_OK;
  const clf_tensor joint = channels(n, k->t[JOINT], l, y.dim[0]);
  CLF_TRY(clf__joint_forward(p, &d->joint, CLF_ACT_none, joint));
  return clf_do(p->dev, broadcast_fwd, .x = joint, .y = y);
}

clf_status clf__conv_context_gate(const clf__net *n, const clf__pass *p, const clf__net_memory *k,
                                  int l, clf_tensor v, clf_tensor y) {
  const clf__conv_layer *d = layer_of(n, l);
  const clf_tensor gate = gate_of(n, k, l, y.dim[0]);
  clf_tensor stream = {0};
  if (d->stream >= 0) stream = clf__conv_slot(n, k, d->stream, VALUE, y.dim[0]);
  CLF_TRY(clf__joint_forward(p, &d->joint, CLF_ACT_none, gate));
  return clf_do(p->dev, gated_fwd, .v = v, .g = at_all_pixels(n, gate), .x = stream, .y = y);
}

/* ---- Backward -------------------------------------------------------------------------------- */

clf_status clf__conv_context_backward(const clf__net *n, const clf__pass *p,
                                      const clf__net_memory *k, int l, clf_tensor dv, clf_tensor dg,
                                      clf_tensor *dy) {
  const clf__conv_layer *d = layer_of(n, l);
  const int32_t rows = dy->dim[0];
  if (d->join != CLF_JOIN_ADD && d->join != CLF_JOIN_GATE) return CLF_OK;
  const clf_tensor joint = channels(n, k->t[JOINT], l, rows);
  clf_tensor from = *dy;
  if (d->join == CLF_JOIN_GATE) {
    CLF_TRY(clf_do(p->dev, gated_bwd, .v = clf__conv_slot(n, k, l, UNGATED, rows),
                   .g = at_all_pixels(n, gate_of(n, k, l, rows)), .dy = *dy, .dv = dv, .dg = dg));
    *dy = dv;
    from = dg;
  }
  CLF_TRY(clf_do(p->dev, broadcast_bwd, .dy = from, .dx = joint));
  return clf__joint_backward(p, &d->joint, joint);
}

clf_status clf__conv_context_input_backward(const clf__net *n, const clf__pass *p, int l,
                                            clf_tensor *da) {
  const clf__conv_layer *d = layer_of(n, l);
  if (d->join != CLF_JOIN_INPUT) return CLF_OK;
  const clf_tensor of_context = clf_slice(*da, 1, d->in, da->dim[1]);
  *da = clf_slice(*da, 1, 0, d->in);
  return p->dc.buf ? clf_do(p->dev, broadcast_bwd, .dy = of_context, .dx = p->dc, .beta = 1)
                   : CLF_OK;
}
