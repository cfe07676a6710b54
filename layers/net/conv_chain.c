/* SPDX-License-Identifier: MIT */
/* conv_chain.c: nets that are chains of convolutions: arrays, memory, forward. */
#include "conv_chain.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "conv_chain_private.h"

/* ---- Making ---------------------------------------------------------------------------------- */

clf_status clf__conv_chain_new(clf__net *n, int count, clf__conv_chain **out) {
  const char *name = n->ops->name;
  if (!n->shape.height)
    return clf__fail(CLF_EINVAL, "%s: convolutions need images, and the input is not an image",
                     name);
  clf__conv_chain *c = n->own = calloc(1, sizeof *c);
  if (c) c->layer = calloc((size_t)count, sizeof *c->layer);
  if (!c || !c->layer) return clf__fail(CLF_ENOMEM, "no memory for %d convolutions", count);
  c->count = count;
  for (int l = 0; l < count; l++)
    c->layer[l] = (clf__conv_layer){.stream = -1, .spread = -1, .kernel = 1};
  *out = c;
  return CLF_OK;
}

void clf__conv_chain_free(clf__net *n) {
  clf__conv_chain *c = n->own;
  if (!c) return;
  free(c->layer);
  free(c);
  n->own = NULL;
}

static void add_norm(clf__slots *slots, clf__conv_layer *d, const char *name) {
  const int32_t one = 1;
  clf__slots_add(slots, &d->log_scale, CLF_PLAIN, 0, 0, 1, &d->out, "%s.norm.log_scale", name);
  clf__slots_add(slots, &d->shift, CLF_PLAIN, 0, 0, 1, &d->out, "%s.norm.shift", name);
  clf__slots_add(slots, &d->fitted, CLF_STATE, 0, 0, 1, &one, "%s.norm.fitted", name);
  clf__slots_add(slots, &d->mean, CLF_DERIVED, 0, 0, 1, &d->out, NULL);
  clf__slots_add(slots, &d->var, CLF_DERIVED, 0, 0, 1, &d->out, NULL);
}

void clf__conv_chain_add(clf__net *n, clf__slots *slots, int l, const char *path, const char *name,
                         const char *bn) {
  clf__conv_chain *c = clf__conv_chain_of(n);
  clf__conv_layer *d = &c->layer[l];
  const int32_t in = clf__conv_inputs(n, l), shape[4] = {d->out, in, d->kernel, d->kernel};
  const double spread = d->spread < 0 ? 1 / sqrt((double)in * d->kernel * d->kernel) : d->spread;
  char full[96];
  snprintf(full, sizeof full, "%s.%s", path, name);
  clf__slots_add(slots, &d->weight, CLF_PLAIN, 0, spread, 4, shape, "%s.weight", full);
  clf__slots_add(slots, &d->bias, CLF_PLAIN, 0, spread, 1, &d->out, "%s.bias", full);
  if (d->norm) add_norm(slots, d, full);
  snprintf(full, sizeof full, "%s.context", path);
  if (d->join > CLF_JOIN_INPUT) /* a net that starts with zeros does so with any context */
    clf__linear_add(slots, &d->joint.weight, &d->joint.bias, n->context, d->out,
                    d->spread == 0 ? 0 : -1, full);
  snprintf(full, sizeof full, "%s.%s", path, bn);
  if (d->bn) clf__unit_norm_add(slots, &d->unit_norm, d->in, full);
  if (in > c->widest) c->widest = in;
  if (d->out > c->widest) c->widest = d->out;
  n->tensors = SHARED + SLOTS * c->count;
}

/* ---- Memory ---------------------------------------------------------------------------------- */

static clf_status new_images(const clf__net *n, clf_arena *a, int32_t rows, int32_t channels,
                             clf_tensor *t) {
  return clf_new(a, (int32_t[4]){rows, channels * n->shape.height * n->shape.width}, t);
}

/* In evaluation only values that a later layer adds are stored. */
static clf_status plan_layer(const clf__net *n, int l, int32_t rows, int train, clf_arena *a,
                             clf__net_memory *k) {
  const clf__conv_layer *d = &clf__conv_chain_of(n)->layer[l];
  clf_tensor *t = k->t + SHARED + SLOTS * l;
  const int last = l + 1 == clf__conv_chain_of(n)->count;
  (void)train;
  if (d->bn) CLF_TRY(new_images(n, a, rows, d->in, &t[NORMED]));
  if (d->bn) CLF_TRY(new_images(n, a, rows, d->in, &t[GAINED]));
  if (d->act != CLF_ACT_none) CLF_TRY(new_images(n, a, rows, d->in, &t[ACT]));
  if (d->dropout > 0) CLF_TRY(new_images(n, a, rows, d->in, &t[DROPPED]));
  if (d->join == CLF_JOIN_INPUT)
    CLF_TRY(new_images(n, a, rows, clf__conv_inputs(n, l), &t[JOINED]));
  if (d->join == CLF_JOIN_GATE) {
    CLF_TRY(clf_new(a, (int32_t[4]){rows, d->out}, &t[GATE]));
    CLF_TRY(new_images(n, a, rows, d->out, &t[UNGATED]));
  }
  if (d->norm) CLF_TRY(new_images(n, a, rows, d->out, &t[RAW]));
  return last ? CLF_OK : new_images(n, a, rows, d->out, &t[VALUE]);
}

clf_status clf__conv_chain_plan(const clf__net *n, int32_t rows, int train, clf_arena *a,
                                clf__net_memory *k) {
  const clf__conv_chain *c = clf__conv_chain_of(n);
  CLF_TRY(clf_new(a, (int32_t[4]){rows}, &k->t[UNUSED]));
  if (n->context) CLF_TRY(clf_new(a, (int32_t[4]){rows, c->widest}, &k->t[JOINT]));
  for (int i = SCRATCH; i < SHARED && train; i++)
    CLF_TRY(new_images(n, a, rows, c->widest, &k->t[i]));
  for (int l = 0; l < c->count; l++) CLF_TRY(plan_layer(n, l, rows, train, a, k));
  return CLF_OK;
}

clf_status clf__conv_chain_keep(const clf__net *n, int32_t rows, int train, clf_arena *a,
                                clf__net_memory *k) {
  const clf__conv_chain *c = clf__conv_chain_of(n);
  (void)rows;
  for (int l = 0; l < c->count && train; l++)
    if (c->layer[l].bn)
      CLF_TRY(clf_new(a, (int32_t[4]){2 * c->layer[l].in}, &k->t[SHARED + SLOTS * l + STATS]));
  return CLF_OK;
}

clf_tensor clf__conv_image(const clf__net *n, clf_tensor rows, int32_t channels) {
  const int32_t H = n->shape.height, W = n->shape.width;
  return (clf_tensor){.buf = rows.buf,
                      .offset = rows.offset,
                      .dim = {rows.dim[0], channels, H, W},
                      .stride = {rows.stride[0], 1, W * channels, channels}};
}

int32_t clf__conv_inputs(const clf__net *n, int l) {
  const clf__conv_layer *d = &clf__conv_chain_of(n)->layer[l];
  return d->in + (d->join == CLF_JOIN_INPUT ? n->context : 0);
}

clf_tensor clf__conv_slot(const clf__net *n, const clf__net_memory *k, int l, int slot,
                          int32_t rows) {
  const clf__conv_layer *d = &clf__conv_chain_of(n)->layer[l];
  const clf_tensor t = clf__rows(k->t[SHARED + SLOTS * l + slot], rows);
  const int32_t channels = slot >= UNGATED  ? d->out
                           : slot == JOINED ? clf__conv_inputs(n, l)
                                            : d->in;
  return clf__conv_image(n, clf_slice(t, 1, 0, channels * n->shape.height * n->shape.width),
                         channels);
}

/* ---- Forward --------------------------------------------------------------------------------- */

clf__conv_stages clf__conv_stages_of(const clf__net *n, const clf__pass *p,
                                     const clf__net_memory *k, int l, clf_tensor x) {
  const clf__conv_layer *d = &clf__conv_chain_of(n)->layer[l];
  const int32_t rows = x.dim[0];
  clf__conv_stages s = {.value = l ? clf__conv_slot(n, k, l - 1, VALUE, rows) : x};
  s.normed = d->bn ? clf__conv_slot(n, k, l, GAINED, rows) : s.value;
  s.act = d->act == CLF_ACT_none ? s.normed : clf__conv_slot(n, k, l, ACT, rows);
  s.drops = p->mode == CLF_TRAIN && d->dropout > 0;
  s.own = s.drops ? clf__conv_slot(n, k, l, DROPPED, rows) : s.act;
  s.a = d->join == CLF_JOIN_INPUT ? clf__conv_slot(n, k, l, JOINED, rows) : s.own;
  return s;
}

clf__unit_norm_memory clf__conv_norm_memory(const clf__net *n, const clf__net_memory *k, int l,
                                            int32_t rows) {
  return (clf__unit_norm_memory){k->t[SHARED + SLOTS * l + STATS],
                                 clf__conv_pixels(clf__conv_slot(n, k, l, NORMED, rows)),
                                 clf__conv_pixels(clf__conv_slot(n, k, l, GAINED, rows))};
}

/* The input of the convolution. */
static clf_status activate(const clf__net *n, const clf__pass *p, const clf__net_memory *k, int l,
                           const clf__conv_stages *s) {
  const clf__conv_layer *d = &clf__conv_chain_of(n)->layer[l];
  clf_tensor unused;
  if (d->bn) {
    const clf__unit_norm_memory memory = clf__conv_norm_memory(n, k, l, s->value.dim[0]);
    CLF_TRY(clf__unit_norm_forward(p, &d->unit_norm, CLF_BATCH_NORM, &memory,
                                   clf__conv_pixels(s->value), &unused));
  }
  if (d->act != CLF_ACT_none)
    CLF_TRY(clf_do(p->dev, act_fwd, .x = s->normed, .y = s->act, .act = d->act));
  if (!s->drops) return CLF_OK;
  return clf_do(p->dev, dropout, .x = s->act, .y = s->own, .drop = (float)d->dropout,
                CLF_CONV_STREAM(n, p, l));
}

static clf_status scale(const clf__net *n, const clf__pass *p, const clf__net_memory *k, int l,
                        clf_tensor raw, clf_tensor y) {
  const clf__conv_layer *d = &clf__conv_chain_of(n)->layer[l];
  return clf_do(p->dev, scale_shift_fwd, .x = raw, .u = clf__weight(p, &d->log_scale),
                .shift = clf__weight(p, &d->shift), .y = y,
                .logdet = clf__rows(k->t[UNUSED], raw.dim[0]));
}

static clf_status convolve(const clf__net *n, const clf__pass *p, const clf__net_memory *k, int l,
                           clf_tensor x, clf_tensor y) {
  const clf__conv_layer *d = &clf__conv_chain_of(n)->layer[l];
  const clf__conv_stages s = clf__conv_stages_of(n, p, k, l, x);
  const int gate = d->join == CLF_JOIN_GATE;
  const clf_tensor raw =
      gate || d->norm ? clf__conv_slot(n, k, l, gate ? UNGATED : RAW, x.dim[0]) : y;
  CLF_TRY(activate(n, p, k, l, &s));
  CLF_TRY(clf__conv_context_before(n, p, k, l, &s, raw));
  CLF_TRY(clf_do(p->dev, conv_fwd, .x = s.a, .w = clf__weight(p, &d->weight),
                 .bias = clf__weight(p, &d->bias), .y = raw, .beta = d->join == CLF_JOIN_ADD));
  if (gate) return clf__conv_context_gate(n, p, k, l, raw, y);
  if (d->norm) CLF_TRY(scale(n, p, k, l, raw, y));
  if (d->stream < 0) return CLF_OK;
  return clf_do(p->dev, axpby, .x = clf__conv_slot(n, k, d->stream, VALUE, x.dim[0]), .y = y,
                .a = 1, .b = 1);
}

clf_status clf__conv_chain_forward(const clf__net *n, const clf__pass *p, clf__net_memory *k,
                                   clf_tensor x, clf_tensor u) {
  const clf__conv_chain *c = clf__conv_chain_of(n);
  const clf_tensor in = clf__conv_image(n, x, n->shape.channels);
  const clf_tensor unused = clf__rows(k->t[UNUSED], x.dim[0]);
  CLF_TRY(clf_do(p->dev, fill, .y = unused, .value = 0));
  for (int l = 0; l < c->count; l++) {
    const int last = l + 1 == c->count;
    CLF_TRY(convolve(n, p, k, l, in,
                     last ? clf__conv_image(n, u, c->layer[l].out)
                          : clf__conv_slot(n, k, l, VALUE, x.dim[0])));
  }
  return CLF_OK;
}

/* ---- The first batch ------------------------------------------------------------------------- */

/* So that the output of a channel has mean 0 and variance 1. */
static clf_status decide(const clf__pass *p, const clf__conv_layer *d, clf_tensor raw) {
  const size_t C = (size_t)d->out;
  const double one = 1;
  CLF_TRY(clf_do(p->dev, bn_stats, .x = raw, .mean = clf__weight(p, &d->mean),
                 .var = clf__weight(p, &d->var)));
  double *const mean = malloc(2 * C * sizeof *mean);
  if (!mean) return clf__fail(CLF_ENOMEM, "no memory for the statistics of %zu channels", C);
  double *const var = mean + C;
  clf_status s = clf_read64(p->dev, clf__weight(p, &d->mean), mean);
  if (!s) s = clf_read64(p->dev, clf__weight(p, &d->var), var);
  for (size_t i = 0; i < C; i++) {
    var[i] = var[i] > 1e-12 ? -0.5 * log(var[i]) : 0;
    mean[i] *= -exp(var[i]);
  }
  if (!s) s = clf_write64(p->dev, clf__weight(p, &d->log_scale), var);
  if (!s) s = clf_write64(p->dev, clf__weight(p, &d->shift), mean);
  if (!s) s = clf_write64(p->dev, clf__weight(p, &d->fitted), &one);
  free(mean);
  return s;
}

clf_status clf__conv_chain_fit(const clf__net *n, const clf__pass *p, clf__net_memory *k,
                               clf_tensor x) {
  const clf__conv_chain *c = clf__conv_chain_of(n);
  const clf_tensor in = clf__conv_image(n, x, n->shape.channels);
  CLF_TRY(clf_do(p->dev, fill, .y = clf__rows(k->t[UNUSED], x.dim[0]), .value = 0));
  for (int l = 0; l + 1 < c->count; l++) {
    const clf__conv_layer *d = &c->layer[l];
    double fitted = 1;
    if (d->norm) CLF_TRY(clf_read64(p->dev, clf__weight(p, &d->fitted), &fitted));
    CLF_TRY(convolve(n, p, k, l, in, clf__conv_slot(n, k, l, VALUE, x.dim[0])));
    if (fitted != 0) continue;
    CLF_TRY(decide(p, d, clf__conv_slot(n, k, l, RAW, x.dim[0])));
    CLF_TRY(convolve(n, p, k, l, in, clf__conv_slot(n, k, l, VALUE, x.dim[0])));
  }
  return CLF_OK;
}
