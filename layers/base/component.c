/* SPDX-License-Identifier: MIT */
/* component.c: a flow inside a blend. */
#include "component.h"
#include <stdio.h>
#include <stdlib.h>
#include "column.h"

clf_status clf__component_check_path(int length) {
  if (length < CLF_COMPONENT_PATH) return CLF_OK;
  return clf__fail(CLF_EINVAL,
                   "blend: names of %d letters are too long; write blends of blends as one blend",
                   length);
}

/* ---- Making ---------------------------------------------------------------------------------- */

/* A unique index among all layers of the flow, which selects the masks of dropout in nets. */
static int index_of(const clf__component *q, int32_t component) {
  return (int)((component + 1) % 32767 * CLF_ARCH_LAYERS + q->layers);
}

static clf_status make_layer(clf__component *q, clf__base *b, int32_t component, clf__slots *slots,
                             const char *path, int32_t dim) {
  clf__layer *l = &q->layer[q->layers];
  const clf__node *node = q->list.at[q->layers].node;
  *l = (clf__layer){.node = node,
                    .dev = b->dev,
                    .index = index_of(q, component),
                    .count = 1,
                    .inverted = node->inverted,
                    .prev = q->layers ? l - 1 : NULL,
                    .context = b->context,
                    .in = {.dim = dim},
                    .out = {.dim = dim}};
  CLF_TRY(clf__component_check_path(
      snprintf(l->label, CLF_COMPONENT_PATH, "%s.layers.%d", path, (int)q->layers)));
  CLF_TRY(clf__layer_of(node, &l->ops));
  q->layers++;
  l->traits = l->ops->traits;
  if (l->ops->make) CLF_TRY(l->ops->make(l, slots, l->label));
  l->traits = clf__layer_traits(l);
  b->traits |= l->traits & (CLF_HAS_BATCH_STATISTICS | CLF_FITS_ROWS);
  q->sent += l->to_z;
  if (!(l->traits & CLF_TAKES_PIXELS)) return CLF_OK;
  return clf__fail(CLF_EINVAL, "%s: %s cannot stand in a blend; put it before the blend", l->label,
                   l->ops->name);
}

clf_status clf__component_make(clf__component *q, clf__base *b, int32_t i,
                               const clf__arch_flow *flow, clf__slots *slots, const char *path) {
  char name[CLF_COMPONENT_PATH];
  int32_t dim = q->dim = b->dim;
  CLF_TRY(clf__arch_expand(flow, &q->list));
  q->layer = calloc((size_t)q->list.n + 1, sizeof *q->layer);
  if (!q->layer) return clf__fail(CLF_ENOMEM, "no memory for %d layers", (int)q->list.n);
  for (int32_t k = 0; k < q->list.n; k++) {
    CLF_TRY(make_layer(q, b, i, slots, path, dim));
    dim = q->layer[k].out.dim;
  }
  q->base = (clf__base){.node = flow->base, .dev = b->dev, .dim = dim, .context = b->context};
  CLF_TRY(clf__component_check_path(snprintf(name, sizeof name, "%s.base", path)));
  CLF_TRY(clf__base_of(flow->base, &q->base.ops));
  if (q->base.ops->make) CLF_TRY(q->base.ops->make(&q->base, slots, name));
  b->traits |= q->base.traits & (CLF_HAS_BATCH_STATISTICS | CLF_FITS_ROWS);
  return CLF_OK;
}

void clf__component_unmake(clf__component *q) {
  for (int32_t i = 0; i < q->layers; i++)
    if (q->layer[i].ops && q->layer[i].ops->unmake) q->layer[i].ops->unmake(&q->layer[i]);
  if (q->base.ops && q->base.ops->unmake) q->base.ops->unmake(&q->base);
  clf__arch_list_free(&q->list);
  free(q->layer);
}

/* ---- Memory ---------------------------------------------------------------------------------- */

clf_status clf__component_keep(const clf__component *q, clf__component_memory *k) {
  const size_t n = (size_t)q->layers + 1;
  k->layer = calloc(n, sizeof *k->layer);
  k->x = calloc(n, sizeof *k->x);
  return k->layer && k->x ? CLF_OK : clf__fail(CLF_ENOMEM, "no memory for a blend");
}

void clf__component_release(const clf__component *q, clf__component_memory *k) {
  for (int32_t i = 0; k->layer && i < q->layers; i++)
    clf__layer_release(&q->layer[i], &k->layer[i]);
  if (q->base.ops->release) q->base.ops->release(&q->base, &k->base);
  free(k->base.own);
  free(k->layer);
  free(k->x);
}

clf_status clf__component_plan(const clf__component *q, int32_t rows, int train, clf_arena *a,
                               clf__component_memory *k) {
  for (int32_t i = 0; i < q->layers; i++) {
    const clf__layer *l = &q->layer[i];
    CLF_TRY(clf_new(a, (int32_t[4]){rows, l->in.dim}, &k->x[i]));
    CLF_TRY(clf__layer_plan(l, rows, train, a, &k->layer[i]));
    CLF_TRY(clf__layer_keep(l, rows, train, a, &k->layer[i]));
    CLF_TRY(clf__layer_scratch(l, rows, train, a, &k->layer[i]));
  }
  CLF_TRY(clf_new(a, (int32_t[4]){rows, q->base.dim}, &k->x[q->layers]));
  if (q->sent) {
    CLF_TRY(clf_new(a, (int32_t[4]){rows, q->sent}, &k->z));
    CLF_TRY(clf_new(a, (int32_t[4]){rows}, &k->between));
    if (train) CLF_TRY(clf_new(a, (int32_t[4]){rows, q->sent}, &k->dz));
  }
  return q->base.ops->plan ? q->base.ops->plan(&q->base, rows, train, a, &k->base) : CLF_OK;
}

/* Gives splits their columns of n rows of latents, and of the gradient. */
static void place_latents(const clf__component *q, clf__component_memory *k, int32_t n) {
  const clf_tensor none = {0};
  int32_t at = 0;
  for (int32_t i = 0; i < q->layers && q->sent; i++)
    clf__layer_place(&q->layer[i], &k->layer[i], clf__rows(k->z, n),
                     k->dz.buf ? clf__rows(k->dz, n) : none, &at);
}

/* ---- Passes ---------------------------------------------------------------------------------- */

clf_status clf__component_logp(const clf__component *q, const clf__pass *p,
                               clf__component_memory *k, clf_tensor x, clf_tensor logdet,
                               clf_tensor logp) {
  const int32_t n = x.dim[0];
  place_latents(q, k, n);
  CLF_TRY(clf_do(p->dev, fill, .y = logdet, .value = 0));
  for (int32_t i = 0; i < q->layers; i++) {
    const clf_tensor y = clf__rows(k->x[i + 1], n);
    CLF_TRY(clf__layer_forward(&q->layer[i], p, &k->layer[i], x, y, logdet));
    x = y;
  }
  if (q->sent) { /* splits send N(0, I) */
    const clf_tensor between = clf__rows(k->between, n);
    CLF_TRY(
        clf_do(p->dev, normal_logp, .z = clf__rows(k->z, n), .logdet = logdet, .logp = between));
    logdet = between;
  }
  return q->base.ops->logp(&q->base, p, &k->base, x, logdet, logp);
}

clf_status clf__component_backward(const clf__component *q, const clf__pass *p,
                                   clf__component_memory *k, clf_tensor x,
                                   const clf_tensor buffers[2], clf_tensor *dx) {
  const int32_t n = x.dim[0];
  clf_tensor y = q->layers ? clf__rows(k->x[q->layers], n) : x;
  *dx = clf_slice(clf__rows(buffers[0], n), 1, 0, q->base.dim);
  if (q->sent)
    CLF_TRY(clf__base_normal.backward(NULL, p, NULL, clf__rows(k->z, n), clf__rows(k->dz, n)));
  CLF_TRY(q->base.ops->backward(&q->base, p, &k->base, y, *dx));
  for (int32_t i = q->layers - 1, turn = 1; i >= 0; i--, turn = !turn) {
    const clf__layer *l = &q->layer[i];
    const clf_tensor in = i ? clf__rows(k->x[i], n) : x;
    const clf_tensor to = clf_slice(clf__rows(buffers[turn], n), 1, 0, l->in.dim);
    CLF_TRY(clf__layer_backward(l, p, &k->layer[i], in, y, *dx, to));
    y = in;
    *dx = to;
  }
  return CLF_OK;
}

clf_status clf__component_sample(const clf__component *q, const clf__pass *p,
                                 clf__component_memory *k, uint64_t seed, int64_t first, int32_t n,
                                 clf_tensor logdet) {
  clf_tensor y = clf__rows(k->x[q->layers], n);
  place_latents(q, k, n);
  if (q->sent)
    CLF_TRY(clf_do(p->dev, random_normal, .y = clf__rows(k->z, n), .stream = CLF_STREAM_SENT,
                   CLF_STREAM(seed, first)));
  CLF_TRY(q->base.ops->sample(&q->base, p, &k->base, seed, first, y));
  for (int32_t i = q->layers - 1; i >= 0; i--) {
    const clf_tensor x = clf__rows(k->x[i], n);
    CLF_TRY(clf__layer_inverse(&q->layer[i], p, &k->layer[i], y, x, logdet));
    y = x;
  }
  return CLF_OK;
}

clf_status clf__component_fit(const clf__component *q, const clf__pass *p, clf__component_memory *k,
                              clf_tensor x, clf_tensor logdet) {
  place_latents(q, k, x.dim[0]);
  for (int32_t i = 0; i < q->layers; i++) {
    const clf__layer *l = &q->layer[i];
    const clf_tensor y = clf__rows(k->x[i + 1], x.dim[0]);
    if (l->ops->fit && !l->inverted) CLF_TRY(l->ops->fit(l, p, &k->layer[i], x));
    if (l->ops->prepare) CLF_TRY(l->ops->prepare(l, p));
    CLF_TRY(clf__layer_forward(l, p, &k->layer[i], x, y, logdet));
    x = y;
  }
  return q->base.ops->fit ? q->base.ops->fit(&q->base, p, &k->base, x) : CLF_OK;
}

int32_t clf__component_outside(const clf__component *q, const double *x, double interval[2]) {
  const clf__layer *l = q->layer;
  if (q->layers) return l->ops->outside && !l->inverted ? l->ops->outside(l, x, interval) : -1;
  return q->base.ops->outside ? q->base.ops->outside(&q->base, x, interval) : -1;
}
