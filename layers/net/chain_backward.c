/* SPDX-License-Identifier: MIT */
/* chain_backward.c: gradients through chains of dense layers. */
#include "angles.h"
#include "chain_private.h"
#include "later.h"

/* In the backward pass one tensor of scratch memory holds dL/d of the current value; another
 * holds the gradient of an earlier layer's value that was added later, until that layer is
 * reached. */
typedef struct backward_pass {
  const clf__net *n;
  const clf__pass *p;
  const clf__net_memory *k;
  int32_t rows;
  clf_tensor waiting; /* buf NULL: nothing waits */
  int waits_for;      /* the layer whose value that gradient belongs to */
} backward_pass;

/* Scratch memory (rows, units) that none of the two uses, nor the waiting gradient. */
static clf_tensor other(const backward_pass *b, int32_t units, const clf_tensor *t1,
                        const clf_tensor *t2) {
  for (int i = 0;; i++) {
    const clf_tensor t = b->k->t[SCRATCH + i];
    const int taken = (t1 && t.buf == t1->buf && t.offset == t1->offset) ||
                      (t2 && t.buf == t2->buf && t.offset == t2->offset) ||
                      (b->waiting.buf == t.buf && t.offset == b->waiting.offset);
    if (!taken) return clf_slice(clf__rows(t, b->rows), 1, 0, units);
  }
}

static int wants_gradients(const backward_pass *b) { return b->p->gradients.w.buf != NULL; }

/* dw += dy^T x, dbias += the sum of dy's rows. */
static clf_status weights_back(const backward_pass *b, clf_tensor dy, clf_tensor x, clf_tensor dw) {
  return clf_do(b->p->dev, gemm, .a = dy, .b = x, .c = dw, .ta = 1, .alpha = 1, .beta = 1);
}
/* The same for the weights of layer l by its input, of which only those that its mask leaves are
 * computed. */
static clf_status masked_back(const backward_pass *b, int l, clf_tensor dy, clf_tensor x,
                              clf_tensor dw) {
  const clf__chain *c = clf__chain_of(b->n);
  if (!c->follows) return weights_back(b, dy, x, dw);
  return clf_do(b->p->dev, weights_bwd, .dy = dy, .x = x, .dw = dw,
                .row = clf__weight(b->p, &c->layer[l].rank),
                .column = clf__chain_inputs(c, b->p, l));
}
static clf_status bias_back(const backward_pass *b, clf_tensor dy, const clf__slot *bias) {
  return clf_do(b->p->dev, sum_rows, .x = dy, .y = clf__gradient(b->p, bias), .beta = 1);
}
/* dx = beta dx + dy W */
static clf_status input_back(const backward_pass *b, clf_tensor dy, clf_tensor w, float beta,
                             clf_tensor dx) {
  return clf_do(b->p->dev, gemm, .a = dy, .b = w, .c = dx, .alpha = 1, .beta = beta);
}

/* The same with the columns of layer l's weights for its input. */
static clf_status masked_input_back(const backward_pass *b, int l, clf_tensor dy, float beta,
                                    clf_tensor dx) {
  const clf__chain *c = clf__chain_of(b->n);
  const clf__dense_layer *d = &c->layer[l];
  const clf_tensor w = clf__of_input(d, clf__weight(b->p, &d->weight));
  if (!c->follows) return input_back(b, dy, w, beta, dx);
  return clf_do(b->p->dev, masked_bwd, .dy = dy, .w = w, .row = clf__weight(b->p, &d->rank),
                .column = clf__chain_inputs(c, b->p, l), .dx = dx, .beta = beta);
}

/* ---- The context -------------------------------------------------------------------------- */

/* act(J c + j) is recomputed, which is cheap compared with the products of a layer. */
static clf_status join_act_back(const backward_pass *b, const clf__dense_layer *d, clf_tensor dy) {
  const clf__pass *p = b->p;
  const int act = clf__chain_of(b->n)->join_act;
  const clf_tensor from = other(b, d->out, &dy, NULL), dj = other(b, d->out, &dy, &from);
  CLF_TRY(clf__joint_forward(p, &d->joint, clf_act_wants_input(act) ? CLF_ACT_none : act, from));
  CLF_TRY(clf_do(p->dev, act_bwd, .y = from, .dy = dy, .dx = dj, .act = act));
  return clf__joint_backward(p, &d->joint, dj);
}

/* From dL/d of layer l's value to that of W a + b, including the context. */
static clf_status context_back(const backward_pass *b, int l, clf_tensor dy, clf_tensor *dv) {
  const clf__dense_layer *d = &clf__chain_of(b->n)->layer[l];
  *dv = dy;
  if (d->join == CLF_JOIN_ADD) return clf__joint_backward(b->p, &d->joint, dy);
  if (d->join == CLF_JOIN_ACT) return join_act_back(b, d, dy);
  if (d->join != CLF_JOIN_GATE) return CLF_OK;
  *dv = other(b, d->out, &dy, NULL);
  const clf_tensor dg = other(b, d->out, &dy, dv);
  CLF_TRY(clf_do(b->p->dev, gated_bwd, .v = clf__chain_tensor_of(b->k, l, UNGATED, b->rows),
                 .g = clf__chain_tensor_of(b->k, l, GATE, b->rows), .dy = dy, .dv = *dv, .dg = dg));
  return clf__joint_backward(b->p, &d->joint, dg);
}

/* ---- A layer ------------------------------------------------------------------------------ */

/* Where layer l's dL/d(W a + b) stays until the end of a step; without a buffer if its gradients
 * are computed at once. */
static clf_tensor place_of(const backward_pass *b, int l) {
  if (!b->p->later || !wants_gradients(b)) return (clf_tensor){0};
  return clf__chain_tensor_of(b->k, l, DPRODUCT, b->rows);
}
/* The same if dL/d of its value is written there, because it is the same and nothing is added. */
static clf_tensor place_of_value(const backward_pass *b, int l) {
  const clf__dense_layer *d = &clf__chain_of(b->n)->layer[l];
  return d->stream < 0 && d->join != CLF_JOIN_GATE ? place_of(b, l) : (clf_tensor){0};
}

/* Leaves the gradients of W and b to the end of the step. */
static clf_status leave(const backward_pass *b, int l, clf_tensor a, clf_tensor dv, clf_tensor to) {
  const clf__chain *c = clf__chain_of(b->n);
  const clf__dense_layer *d = &c->layer[l];
  const clf_tensor dw = clf__gradient(b->p, &d->weight);
  clf__product p = {.dy = to, .x = a, .dw = dw, .db = clf__gradient(b->p, &d->bias)};
  if (dv.buf != to.buf || dv.offset != to.offset)
    CLF_TRY(clf_do(b->p->dev, copy, .x = dv, .y = to));
  if (c->follows) {
    p.row = clf__weight(b->p, &d->rank);
    p.column = clf__chain_inputs(c, b->p, l);
  }
  if (d->join == CLF_JOIN_INPUT) {
    p.dw = clf__of_input(d, dw);
    CLF_TRY(clf__later_add(b->p->later,
                           (clf__product){.dy = to, .x = b->p->c, .dw = clf__of_context(d, dw)}));
  }
  return clf__later_add(b->p->later, p);
}

/* Adds to the gradients of W and b. */
static clf_status parts_back(const backward_pass *b, int l, clf_tensor a, clf_tensor dv) {
  const clf__dense_layer *d = &clf__chain_of(b->n)->layer[l];
  if (!wants_gradients(b)) return CLF_OK;
  const clf_tensor place = place_of(b, l);
  if (place.buf) return leave(b, l, a, dv, place);
  const clf_tensor dw = clf__gradient(b->p, &d->weight);
  CLF_TRY(bias_back(b, dv, &d->bias));
  if (d->join != CLF_JOIN_INPUT) return masked_back(b, l, dv, a, dw);
  CLF_TRY(weights_back(b, dv, b->p->c, clf__of_context(d, dw)));
  return masked_back(b, l, dv, a, clf__of_input(d, dw));
}

/* From dL/d(W a + b) of layer l > 0 to *dy, that of the value of the layer before, which is
 * added to a waiting gradient if there is one. */
static clf_status layer_back(const backward_pass *b, int l, clf_tensor x, clf_tensor dv,
                             clf_tensor *dy) {
  const clf__dense_layer *d = &clf__chain_of(b->n)->layer[l];
  const clf__pass *p = b->p;
  const clf__stages s = clf__chain_stages(b->n, p, b->k, l, &x);
  const int waits = b->waiting.buf && b->waits_for == l - 1;
  const int acts = d->act != CLF_ACT_none, before = d->before != CLF_NO_NORM;
  const float add = waits ? 1 : 0;
  const clf_tensor last = waits ? b->waiting : place_of_value(b, l - 1);
  clf_tensor from = dv, to = other(b, d->in, &from, NULL);
#define TO(is_last) to = last.buf && (is_last) ? last : other(b, d->in, &from, NULL)
  CLF_TRY(parts_back(b, l, clf__stage(&s, s.a), dv));
  const int more = acts || before || s.drops || d->after != CLF_NO_NORM;
  TO(!more);
  CLF_TRY(masked_input_back(b, l, dv, more ? 0 : add, to));
  from = to;
  if (d->after != CLF_NO_NORM) {
    const clf__unit_norm_memory k = clf__chain_norm(b->k, l, 1);
    TO(0);
    const clf_tensor spare = other(b, d->in, &from, &to);
    CLF_TRY(clf__unit_norm_backward(p, &d->norm_after, d->after, &k, clf__stage(&s, s.dropped),
                                    from, spare, 0, to));
    from = to;
  }
  if (s.drops) {
    TO(0);
    CLF_TRY(clf__chain_drop(b->n, p, l, from, to));
    from = to;
  }
  if (acts) {
    TO(!before);
    CLF_TRY(clf_do(p->dev, act_bwd,
                   .y = clf__stage(&s, clf_act_wants_input(d->act) ? s.before : s.act), .dy = from,
                   .dx = to, .act = d->act, .add = before ? 0 : add));
    from = to;
  }
  if (before) {
    const clf__unit_norm_memory k = clf__chain_norm(b->k, l, 0);
    TO(1);
    const clf_tensor spare = other(b, d->in, &from, &to);
    CLF_TRY(clf__unit_norm_backward(p, &d->norm_before, d->before, &k, clf__stage(&s, s.value),
                                    from, spare, add, to));
  }
#undef TO
  *dy = to;
  return CLF_OK;
}

/* The first layer: dx = beta dx + ..., dc += ... */
static clf_status first_back(const backward_pass *b, clf_tensor x, clf_tensor dv, float beta,
                             clf_tensor dx) {
  const clf__dense_layer *d = &clf__chain_of(b->n)->layer[0];
  const clf_tensor w = clf__weight(b->p, &d->weight);
  CLF_TRY(parts_back(b, 0, x, dv));
  if (d->join == CLF_JOIN_INPUT && b->p->dc.buf)
    CLF_TRY(input_back(b, dv, clf__of_context(d, w), 1, b->p->dc));
  return dx.buf ? masked_input_back(b, 0, dv, beta, dx) : CLF_OK;
}

static clf_status layers_back(backward_pass *b, clf_tensor x, clf_tensor du, float beta,
                              clf_tensor dx) {
  const clf__chain *c = clf__chain_of(b->n);
  clf_tensor dy = du, dv;
  for (int l = c->count - 1; l > 0; l--) {
    if (c->layer[l].stream >= 0) {
      b->waiting = dy;
      b->waits_for = c->layer[l].stream;
    }
    CLF_TRY(context_back(b, l, dy, &dv));
    CLF_TRY(layer_back(b, l, x, dv, &dy));
    if (b->waiting.buf && b->waits_for == l - 1) b->waiting = (clf_tensor){0};
  }
  CLF_TRY(context_back(b, 0, dy, &dv));
  return first_back(b, x, dv, beta, dx);
}

clf_status clf__chain_backward_add(const clf__net *n, const clf__pass *p, clf__net_memory *k,
                                   clf_tensor x, clf_tensor du, float beta, clf_tensor dx) {
  const clf__chain *c = clf__chain_of(n);
  backward_pass b = {.n = n, .p = p, .k = k, .rows = du.dim[0]};
  if (!c->angles) return layers_back(&b, x, du, beta, dx);
  const clf_tensor whole = clf__rows(k->t[FEATURES], b.rows);
  const clf_tensor dwhole = clf__rows(k->t[DFEATURES], b.rows);
  const clf_tensor features = clf__angles_of(c->angles, whole);
  if (!dx.buf) return layers_back(&b, features, du, 0, dx);
  CLF_TRY(layers_back(&b, features, du, 0, clf__angles_of(c->angles, dwhole)));
  return clf__angles_backward(c->angles, p, whole, dwhole, beta, dx);
}

clf_status clf__chain_backward(const clf__net *n, const clf__pass *p, clf__net_memory *k,
                               clf_tensor x, clf_tensor du, clf_tensor dx) {
  return clf__chain_backward_add(n, p, k, x, du, 0, dx);
}
