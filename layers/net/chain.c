/* SPDX-License-Identifier: MIT */
/* chain.c: chains of dense layers: arrays, memory, forward. */
#include "chain.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "angles.h"
#include "chain_private.h"

/* ---- Making ------------------------------------------------------------------------------- */

clf_status clf__chain_new(clf__net *n, int count, clf__chain **chain) {
  clf__chain *c = calloc(1, sizeof *c);
  n->own = c;
  if (c) c->layer = calloc((size_t)count, sizeof *c->layer);
  if (!c || !c->layer) return clf__fail(CLF_ENOMEM, "no memory for a net of %d layers", count);
  c->count = count;
  n->tensors = LAYERS + count * CLF_CHAIN_TENSORS;
  for (int l = 0; l < count; l++)
    c->layer[l] = (clf__dense_layer){.stream = -1, .spread = -1, .act = CLF_ACT_none};
  *chain = c;
  return CLF_OK;
}

void clf__chain_free(clf__net *n) {
  clf__chain *c = n->own;
  if (!c) return;
  clf__angles_free(c->angles);
  free(c->degrees);
  free(c->layer);
  free(c);
  n->own = NULL;
}

static void add_norms(clf__slots *slots, clf__dense_layer *d, const char *path, const char *before,
                      const char *after) {
  char name[80];
  snprintf(name, sizeof name, "%s.%s", path, before);
  if (d->before == CLF_BATCH_NORM) clf__unit_norm_add(slots, &d->norm_before, d->in, name);
  snprintf(name, sizeof name, "%s.%s", path, after);
  if (d->after == CLF_BATCH_NORM) clf__unit_norm_add(slots, &d->norm_after, d->in, name);
}

void clf__chain_add(clf__net *n, clf__slots *slots, int l, const char *path, const char *name,
                    const char *join, const char *norm) {
  clf__chain *c = clf__chain_of(n);
  clf__dense_layer *d = &c->layer[l];
  const int32_t in = d->in + (d->join == CLF_JOIN_INPUT ? n->context : 0);
  char full[80];
  add_norms(slots, d, path, norm, norm);
  snprintf(full, sizeof full, "%s.%s", path, name);
  clf__linear_add(slots, &d->weight, &d->bias, in, d->out, d->spread, full);
  if (clf__net_is_masked(n->node))
    clf__slots_add(slots, &d->mask, CLF_CONSTANT, 1, 0, 2, (int32_t[2]){d->out, in}, "%s.mask",
                   full);
  snprintf(full, sizeof full, "%s.%s", path, join);
  if (d->join > CLF_JOIN_INPUT)
    clf__linear_add(slots, &d->joint.weight, &d->joint.bias, n->context, d->out, -1, full);
  if (d->stream >= 0) c->layer[d->stream].is_stream = 1;
  if (l + 1 < c->count && d->out > c->widest) c->widest = d->out;
}

/* ---- What a pass finds where ---------------------------------------------------------------- */

/* Whether layer l's activation is applied by the product of the layer before, which then does
 * not store its own value. */
static int is_fused(const clf__chain *c, int l) {
  const clf__dense_layer *d = &c->layer[l], *before = &c->layer[l - (l > 0)];
  return l > 0 && d->act != CLF_ACT_none && !clf_act_wants_input(d->act) &&
         d->before == CLF_NO_NORM && before->join != CLF_JOIN_GATE && before->stream < 0 &&
         !before->is_stream;
}

clf_tensor clf__chain_tensor_of(const clf__net_memory *k, int l, clf__chain_tensor s, int32_t n) {
  const clf_tensor t = k->t[LAYERS + l * CLF_CHAIN_TENSORS + (int)s];
  return t.buf ? clf__rows(t, n) : t;
}

clf__unit_norm_memory clf__chain_norm(const clf__net_memory *k, int l, int after) {
  const clf_tensor *t = k->t + LAYERS + l * CLF_CHAIN_TENSORS;
  return after ? (clf__unit_norm_memory){t[AFTER_STATS], t[AFTER_H], t[AFTER]}
               : (clf__unit_norm_memory){t[BEFORE_STATS], t[BEFORE_H], t[BEFORE]};
}

clf__stages clf__chain_stages(const clf__net *n, const clf__pass *p, const clf__net_memory *k,
                              int l, const clf_tensor *x) {
  const clf__dense_layer *d = &clf__chain_of(n)->layer[l];
  const clf_tensor *t = k->t + LAYERS + l * CLF_CHAIN_TENSORS;
  clf__stages s = {.fused = is_fused(clf__chain_of(n), l), .rows = x->dim[0]};
  if (!s.fused) s.value = l ? t - CLF_CHAIN_TENSORS + VALUE : x;
  s.before = d->before == CLF_BATCH_NORM ? t + BEFORE : s.value;
  s.act = d->act == CLF_ACT_none ? s.before : t + ACT;
  s.drops = p->mode == CLF_TRAIN && d->dropout > 0;
  s.dropped = s.drops ? t + DROPPED : s.act;
  s.a = d->after == CLF_NO_NORM ? s.dropped : t + (d->after == CLF_LAYER_NORM ? AFTER_H : AFTER);
  return s;
}

static int64_t weights_of(const clf__chain *c) {
  int64_t n = 0;
  for (int l = 0; l < c->count; l++) n += (int64_t)c->layer[l].in * c->layer[l].out;
  return n;
}

/* ---- Planning ----------------------------------------------------------------------------- */

/* Buffers for evaluation only: each tensor takes one that is no longer in use. */
enum { BUFFERS = 6, LARGE = 1 << 16 }; /* LARGE: weights of a net, see later.h */
typedef struct planning {
  const clf__chain *c;
  clf_arena *arena;
  clf__net_memory *k;
  int32_t rows;
  int train;
  int leaves; /* 1: it may leave gradients of weights to the end of a step */
  clf_tensor buffer[BUFFERS];
  int owner[BUFFERS]; /* index of the tensor that uses it, plus 1; 0: free */
} planning;

static clf_status new_tensor(planning *q, int l, clf__chain_tensor s, int32_t units) {
  clf_tensor *t = &q->k->t[LAYERS + l * CLF_CHAIN_TENSORS + (int)s];
  if (q->train) return clf_new(q->arena, (int32_t[4]){q->rows, units}, t);
  int b = 0;
  while (q->owner[b]) b++;
  if (!q->buffer[b].dim[0])
    CLF_TRY(clf_new(q->arena, (int32_t[4]){q->rows, q->c->widest}, &q->buffer[b]));
  q->owner[b] = 1 + l * CLF_CHAIN_TENSORS + (int)s;
  *t = clf_slice(q->buffer[b], 1, 0, units);
  return CLF_OK;
}
static void free_tensor(planning *q, int l, clf__chain_tensor s) {
  for (int b = 0; b < BUFFERS; b++)
    if (q->owner[b] == 1 + l * CLF_CHAIN_TENSORS + (int)s) q->owner[b] = 0;
}

/* From the value of the layer before to a. */
static clf_status plan_input(planning *q, int l) {
  const clf__dense_layer *d = &q->c->layer[l];
  if (d->before == CLF_BATCH_NORM) {
    CLF_TRY(new_tensor(q, l, BEFORE_H, d->in));
    CLF_TRY(new_tensor(q, l, BEFORE, d->in));
    free_tensor(q, l, BEFORE_H);
  }
  if (d->act != CLF_ACT_none && !is_fused(q->c, l)) CLF_TRY(new_tensor(q, l, ACT, d->in));
  free_tensor(q, l, BEFORE);
  if (d->dropout > 0 && q->train) CLF_TRY(new_tensor(q, l, DROPPED, d->in));
  if (d->after == CLF_NO_NORM) return CLF_OK;
  CLF_TRY(new_tensor(q, l, AFTER_H, d->in));
  free_tensor(q, l, ACT);
  if (d->after == CLF_LAYER_NORM) return CLF_OK;
  CLF_TRY(new_tensor(q, l, AFTER, d->in));
  free_tensor(q, l, AFTER_H);
  return CLF_OK;
}

static clf_status plan_layer(planning *q, int l) {
  const clf__dense_layer *d = &q->c->layer[l];
  CLF_TRY(plan_input(q, l));
  if (d->join == CLF_JOIN_GATE) {
    CLF_TRY(new_tensor(q, l, UNGATED, d->out));
    CLF_TRY(new_tensor(q, l, GATE, d->out));
  }
  if (l + 1 < q->c->count)
    CLF_TRY(is_fused(q->c, l + 1) ? new_tensor(q, l + 1, ACT, d->out)
                                  : new_tensor(q, l, VALUE, d->out));
  if (q->leaves) CLF_TRY(new_tensor(q, l, DPRODUCT, d->out));
  for (int s = VALUE + 1; s < CLF_CHAIN_TENSORS; s++) free_tensor(q, l, (clf__chain_tensor)s);
  if (l && !q->c->layer[l - 1].is_stream) free_tensor(q, l - 1, VALUE);
  if (d->stream >= 0) free_tensor(q, d->stream, VALUE);
  return CLF_OK;
}

clf_status clf__chain_plan_sharing(const clf__net *n, int32_t rows, int train, clf_arena *a,
                                   clf__net_memory *k, const clf__net_memory *shared) {
  const clf__chain *c = clf__chain_of(n);
  planning q = {.c = c, .arena = a, .k = k, .rows = rows, .train = train};
  q.leaves =
      clf__net_is_masked(n->node) && train == CLF_STORED && a->by_column && weights_of(c) >= LARGE;
  if (c->angles)
    CLF_TRY(clf__angles_plan(c->angles, rows, train, a, &k->t[FEATURES], &k->t[DFEATURES]));
  for (int l = 0; l < c->count; l++) CLF_TRY(plan_layer(&q, l));
  if (n->context && n->ops->sweep && clf__chain_contexts(n))
    CLF_TRY(clf_new(a, (int32_t[4]){rows, clf__chain_contexts(n)}, &k->t[CONTEXTS]));
  for (int i = SCRATCH; i < SCRATCH + SCRATCHES && train; i++)
    if (shared)
      k->t[i] = shared->t[i];
    else
      CLF_TRY(clf_new(a, (int32_t[4]){rows, c->widest > 0 ? c->widest : 1}, &k->t[i]));
  return CLF_OK;
}

clf_status clf__chain_keep(const clf__net *n, int32_t rows, int train, clf_arena *a,
                           clf__net_memory *k) {
  const clf__chain *c = clf__chain_of(n);
  (void)rows;
  for (int l = 0; l < c->count && train; l++) {
    const clf__dense_layer *d = &c->layer[l];
    clf_tensor *const t = k->t + LAYERS + l * CLF_CHAIN_TENSORS;
    if (d->before == CLF_BATCH_NORM) CLF_TRY(clf_new(a, (int32_t[4]){2 * d->in}, &t[BEFORE_STATS]));
    if (d->after == CLF_BATCH_NORM) CLF_TRY(clf_new(a, (int32_t[4]){2 * d->in}, &t[AFTER_STATS]));
  }
  return CLF_OK;
}

clf_status clf__chain_plan(const clf__net *n, int32_t rows, int train, clf_arena *a,
                           clf__net_memory *k) {
  return clf__chain_plan_sharing(n, rows, train, a, k, NULL);
}

/* ---- Forward ------------------------------------------------------------------------------ */

clf_status clf__chain_drop(const clf__net *n, const clf__pass *p, int l, clf_tensor x,
                           clf_tensor y) {
  const uint64_t first = (uint64_t)p->first, seed = p->key ^ (n->key + 1) * 0x9E3779B97F4A7C15u;
  return clf_do(p->dev, dropout, .x = x, .y = y, .drop = (float)clf__chain_of(n)->layer[l].dropout,
                .seed_lo = (int32_t)(uint32_t)seed, .seed_hi = (int32_t)(uint32_t)(seed >> 32),
                .stream = l, .first_lo = (int32_t)(uint32_t)first,
                .first_hi = (int32_t)(uint32_t)(first >> 32));
}

/* From the value of the layer before to a. */
static clf_status input_forward(const clf__net *n, const clf__pass *p, const clf__net_memory *k,
                                int l, const clf__stages *s) {
  const clf__dense_layer *d = &clf__chain_of(n)->layer[l];
  const clf__unit_norm_memory before = clf__chain_norm(k, l, 0), after = clf__chain_norm(k, l, 1);
  clf_tensor y;
  if (d->before == CLF_BATCH_NORM)
    CLF_TRY(clf__unit_norm_forward(p, &d->norm_before, d->before, &before, clf__stage(s, s->value),
                                   &y));
  if (d->act != CLF_ACT_none && !s->fused)
    CLF_TRY(clf_do(p->dev, act_fwd, .x = clf__stage(s, s->before), .y = clf__stage(s, s->act),
                   .act = d->act));
  if (s->drops) CLF_TRY(clf__chain_drop(n, p, l, clf__stage(s, s->act), clf__stage(s, s->dropped)));
  if (d->after != CLF_NO_NORM)
    CLF_TRY(
        clf__unit_norm_forward(p, &d->norm_after, d->after, &after, clf__stage(s, s->dropped), &y));
  return CLF_OK;
}

/* y = act(a W^T + b + beta y) with the columns of W for the layer's input. */
static clf_status product(const clf__chain *c, const clf__pass *p, int l, clf_tensor a, int act,
                          float beta, clf_tensor y) {
  const clf__dense_layer *d = &c->layer[l];
  const clf__factor all = clf__factor_of(p, &d->weight);
  const clf__factor w = d->join == CLF_JOIN_INPUT ? clf__factor_slice(all, 0, d->in) : all;
  const clf_tensor bias = clf__weight(p, &d->bias);
  if (c->follows)
    return clf_do(p->dev, masked_fwd, .x = a, .w = clf__factor_matrix(w),
                  .row = clf__weight(p, &d->rank), .column = clf__chain_inputs(c, p, l),
                  .bias = bias, .y = y, .act = act, .beta = beta);
  return clf_do(p->dev, gemm, .a = a, .b = w.b, .bias = bias, .c = y, .tb = w.tb, .act = act,
                .alpha = 1, .beta = beta);
}

/* The same with all of W. */
static clf_status linear(const clf__chain *c, const clf__pass *p, int l, clf_tensor a, int act,
                         float beta, clf_tensor y) {
  const clf__dense_layer *d = &c->layer[l];
  if (d->join != CLF_JOIN_INPUT) return product(c, p, l, a, act, beta, y);
  const clf__factor w = clf__factor_of(p, &d->weight);
  const clf__factor of_context = clf__factor_slice(w, d->in, w.b.dim[w.tb]);
  CLF_TRY(clf_do(p->dev, gemm, .a = p->c, .b = of_context.b, .c = y, .tb = w.tb, .alpha = 1,
                 .beta = beta));
  return product(c, p, l, a, act, 1, y);
}

/* Layer l's value, activated by `act` if the next layer's activation is fused, to y. */
static clf_status layer_forward(const clf__net *n, const clf__pass *p, const clf__net_memory *k,
                                int l, clf_tensor a, int act, clf_tensor y) {
  const clf__chain *c = clf__chain_of(n);
  const clf__dense_layer *d = &c->layer[l];
  const int32_t rows = y.dim[0];
  const clf_tensor stream =
      d->stream >= 0 ? clf__chain_tensor_of(k, d->stream, VALUE, rows) : (clf_tensor){0};
  float beta = 0;
  if (d->join == CLF_JOIN_GATE) {
    const clf_tensor v = clf__chain_tensor_of(k, l, UNGATED, rows),
                     g = clf__chain_tensor_of(k, l, GATE, rows);
    CLF_TRY(linear(c, p, l, a, CLF_ACT_none, 0, v));
    CLF_TRY(clf__joint_forward(p, &d->joint, CLF_ACT_none, g));
    return clf_do(p->dev, gated_fwd, .v = v, .g = g, .x = stream, .y = y);
  }
  if (d->join == CLF_JOIN_ADD || d->join == CLF_JOIN_ACT) {
    const int joins = d->join == CLF_JOIN_ACT ? c->join_act : CLF_ACT_none;
    CLF_TRY(clf__joint_forward(p, &d->joint, joins, y));
    beta = 1;
  }
  if (stream.buf) {
    CLF_TRY(clf_do(p->dev, axpby, .x = stream, .y = y, .a = 1, .b = beta));
    beta = 1;
  }
  return linear(c, p, l, a, act, beta, y);
}

clf_status clf__chain_forward(const clf__net *n, const clf__pass *p, clf__net_memory *k,
                              clf_tensor x, clf_tensor u) {
  const clf__chain *c = clf__chain_of(n);
  const int32_t rows = x.dim[0];
  if (c->angles) {
    const clf_tensor whole = clf__rows(k->t[FEATURES], rows);
    CLF_TRY(clf__angles_forward(c->angles, p, x, whole));
    x = clf__angles_of(c->angles, whole);
  }
  for (int l = 0; l < c->count; l++) {
    const clf__stages s = clf__chain_stages(n, p, k, l, &x);
    const int last = l + 1 == c->count, fuses = !last && is_fused(c, l + 1);
    const clf_tensor y = last    ? u
                         : fuses ? clf__chain_tensor_of(k, l + 1, ACT, rows)
                                 : clf__chain_tensor_of(k, l, VALUE, rows);
    CLF_TRY(input_forward(n, p, k, l, &s));
    CLF_TRY(layer_forward(n, p, k, l, clf__stage(&s, s.a),
                          fuses ? c->layer[l + 1].act : CLF_ACT_none, y));
  }
  return CLF_OK;
}

/* ---- Masks -------------------------------------------------------------------------------- */

/* Whether a unit sees an input of its layer; all units see the context. */
static int sees(const clf__dense_layer *d, int32_t unit, int32_t input) {
  return input >= d->in || d->out_degree[unit] >= d->in_degree[input];
}

void clf__chain_draw_masks(const clf__net *n, double *c) {
  const clf__chain *chain = clf__chain_of(n);
  for (int l = 0; l < chain->count; l++) {
    const clf__dense_layer *d = &chain->layer[l];
    const int32_t in = d->mask.dim[1];
    for (int32_t i = 0; i < d->out; i++)
      for (int32_t j = 0; j < in; j++) c[d->mask.at + (int64_t)i * in + j] = sees(d, i, j);
  }
}

void clf__chain_init_masked(const clf__net *n, clf__host_random *r, double *w) {
  const clf__chain *chain = clf__chain_of(n);
  (void)r;
  for (int l = 0; l < chain->count; l++) {
    const clf__dense_layer *d = &chain->layer[l];
    const int32_t in = d->weight.dim[1];
    for (int32_t i = 0; i < d->out; i++)
      for (int32_t j = 0; j < in; j++)
        if (!sees(d, i, j)) w[d->weight.at + (int64_t)i * in + j] = 0;
  }
}

void clf__chain_shift(const clf__net *n, const double *u, int32_t count, double *w) {
  const clf__chain *c = clf__chain_of(n);
  const clf__dense_layer *last = &c->layer[c->count - 1];
  for (int32_t i = 0; i < last->out; i++) w[last->bias.at + i] += u[i % count];
}

/* Gradients by degrees are 0 where a mask is. */
clf_status clf__chain_finish(const clf__net *n, const clf__pass *p) {
  const clf__chain *c = clf__chain_of(n);
  for (int l = 0; l < c->count && !c->follows; l++)
    CLF_TRY(clf_do(p->dev, mask_weights, .mask = clf__weight(p, &c->layer[l].mask),
                   .w = clf__gradient(p, &c->layer[l].weight)));
  return CLF_OK;
}

int clf__net_act(int word) {
  static const int act[] = {
      [CLF__ACT_RELU] = CLF_ACT_relu,       [CLF__ACT_LEAKY] = CLF_ACT_leaky_relu,
      [CLF__ACT_TANH] = CLF_ACT_tanh,       [CLF__ACT_ELU] = CLF_ACT_elu,
      [CLF__ACT_SILU] = CLF_ACT_silu,       [CLF__ACT_GELU] = CLF_ACT_gelu,
      [CLF__ACT_SIGMOID] = CLF_ACT_sigmoid, [CLF__ACT_SOFTPLUS] = CLF_ACT_softplus};
  return act[word];
}
