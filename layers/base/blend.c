/* SPDX-License-Identifier: MIT */
/* blend.c: a mixture of whole flows: p(x) = sum over k of w_k p_k(x), with w the softmax of trained
 * logits.  It has no latents: log p and samples are all that it offers. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "column.h"
#include "layer.h"
#include "pieces.h"

enum { PICKS = 1 }; /* the stream that components are picked by */

typedef struct component {
  clf__arch_list list;
  clf__layer *layer;
  int32_t layers;
  clf__base base;
} component;

typedef struct blend {
  component *at;
  int32_t count;
  clf__part logits; /* (count) */
} blend;

static blend *own_of(const clf__base *b) { return b->own; }
static const clf__pieces *pieces_of(const clf__base *b) {
  return &((const clf__arch_blend *)b->node)->parts;
}

/* ---- Making ---------------------------------------------------------------------------------- */

/* Parts' names go on behind a path, and have room for so long a one; blends of blends reach it. */
enum { PATH = 35 };
typedef char path_of[PATH];
static clf_status check_path(int length) {
  if (length < PATH) return CLF_OK;
  return clf__fail(CLF_EINVAL,
                   "blend: names of %d letters are too long; write blends of blends as "
                   "one blend",
                   length);
}

static clf_status check_layer(const clf__layer *l) {
  if (l->to_z || l->traits & (CLF_IS_STANDARDIZE | CLF_TAKES_PIXELS))
    return clf__fail(CLF_EINVAL, "%s: %s cannot stand in a blend; put it before the blend",
                     l->label, l->ops->name);
  return CLF_OK;
}

/* A number of its own among all layers of the flow, from which nets have their dropout. */
static int index_of(const clf__base *b, const component *q) {
  return (int)((q - own_of(b)->at + 1) % 32767 * CLF_ARCH_LAYERS + q->layers);
}

static clf_status make_layer(clf__base *b, component *q, clf__parts *parts, const char *path,
                             int32_t dim) {
  clf__layer *l = &q->layer[q->layers];
  const clf__node *node = q->list.at[q->layers].node;
  *l = (clf__layer){.node = node,
                    .dev = b->dev,
                    .index = index_of(b, q),
                    .count = 1,
                    .inverted = node->inverted,
                    .context = b->context,
                    .in = {.dim = dim},
                    .out = {.dim = dim}};
  CLF_TRY(check_path(snprintf(l->label, PATH, "%s.layers.%d", path, (int)q->layers)));
  CLF_TRY(clf__layer_of(node, &l->ops));
  q->layers++;
  l->traits = l->ops->traits;
  if (l->ops->make) CLF_TRY(l->ops->make(l, parts, l->label));
  b->traits |= l->traits & CLF_HAS_BATCH_STATISTICS;
  return check_layer(l);
}

static clf_status make_component(clf__base *b, component *q, const clf__arch_flow *flow,
                                 clf__parts *parts, const char *path) {
  path_of name;
  int32_t dim = b->dim;
  CLF_TRY(clf__arch_expand(flow, &q->list));
  q->layer = calloc((size_t)q->list.n + 1, sizeof *q->layer);
  if (!q->layer) return clf__fail(CLF_ENOMEM, "no memory for %d layers", (int)q->list.n);
  for (int32_t i = 0; i < q->list.n; i++) {
    CLF_TRY(make_layer(b, q, parts, path, dim));
    dim = q->layer[i].out.dim;
  }
  q->base = (clf__base){.node = flow->base, .dev = b->dev, .dim = dim, .context = b->context};
  CLF_TRY(check_path(snprintf(name, sizeof name, "%s.base", path)));
  CLF_TRY(clf__base_of(flow->base, &q->base.ops));
  if (q->base.ops->make) CLF_TRY(q->base.ops->make(&q->base, parts, name));
  b->traits |= q->base.traits;
  return CLF_OK;
}

static clf_status make(clf__base *b, clf__parts *parts, const char *path) {
  const clf__pieces *pieces = pieces_of(b);
  path_of name;
  blend *o = b->own = calloc(1, sizeof *o);
  if (o) o->at = calloc((size_t)pieces->n, sizeof *o->at);
  if (!o || !o->at) return clf__fail(CLF_ENOMEM, "no memory for a blend");
  clf__parts_add(parts, &o->logits, CLF_PLAIN, 0, 0, 1, &pieces->n, "%s.logits", path);
  for (int32_t i = 0; i < pieces->n; i++) {
    CLF_TRY(check_path(snprintf(name, sizeof name, "%s.parts.%d", path, (int)i)));
    CLF_TRY(make_component(b, &o->at[o->count++], (const clf__arch_flow *)pieces->at[i].node, parts,
                           name));
  }
  return CLF_OK;
}

static void unmake_component(component *q) {
  for (int32_t i = 0; i < q->layers; i++)
    if (q->layer[i].ops && q->layer[i].ops->unmake) q->layer[i].ops->unmake(&q->layer[i]);
  if (q->base.ops && q->base.ops->unmake) q->base.ops->unmake(&q->base);
  clf__arch_list_free(&q->list);
  free(q->layer);
}

static void unmake(clf__base *b) {
  blend *o = own_of(b);
  for (int32_t i = 0; o && i < o->count; i++) unmake_component(&o->at[i]);
  if (o) free(o->at);
  free(o);
  b->own = NULL;
}

/* ---- Everything that is done to each layer and base -------------------------------------------
 */

/* For each component q, its layers l and its base: member(...) where there is one. */
#define EACH_COMPONENT(o, q)                                                                       \
  for (component *q = (o)->at, *const end_ = q + (o)->count; q < end_; q++)
#define DO_EACH(o, member, ...)                                                                    \
  EACH_COMPONENT(o, q) {                                                                           \
    for (const clf__layer *l = q->layer; l < q->layer + q->layers; l++)                            \
      if (l->ops->member) DO(l->ops->member(l, __VA_ARGS__));                                      \
    if (q->base.ops->member) DO(q->base.ops->member(&q->base, __VA_ARGS__));                       \
  }

#define DO(call) call
static void draw(const clf__base *b, clf__host_random *r, double *c) {
  DO_EACH(own_of(b), draw, r, c)
}
/* Weights start as the architecture has them. */
static void init(const clf__base *b, clf__host_random *r, double *w) {
  const clf__pieces *pieces = pieces_of(b);
  double sum = 0;
  for (int32_t i = 0; i < pieces->n; i++) sum += pieces->at[i].weight;
  for (int32_t i = 0; i < pieces->n; i++)
    w[own_of(b)->logits.at + i] = log(pieces->at[i].weight / sum);
  DO_EACH(own_of(b), init, r, w)
}
#undef DO

#define DO(call) CLF_TRY(call)
static clf_status derive(const clf__base *b, double *c) {
  DO_EACH(own_of(b), derive, c)
  return CLF_OK;
}
static clf_status prepare(const clf__base *b, const clf__pass *p) {
  DO_EACH(own_of(b), prepare, p)
  return CLF_OK;
}
static clf_status finish(const clf__base *b, const clf__pass *p) {
  DO_EACH(own_of(b), finish, p)
  return CLF_OK;
}
#undef DO
#undef DO_EACH

/* ---- Memory ------------------------------------------------------------------------------------
 */

/* Of a component: what its layers keep; x[i] is what layer i reads, x[layers] what its base does.
 */
typedef struct kept_component {
  clf__kept *layer;
  clf_tensor *x;
  clf__base_kept base;
} kept_component;

typedef struct kept {
  kept_component *at;
  clf_tensor logps, resp, logdet, index, cdf; /* (n, K) and (n, K), (n), (n), (1, K) */
  clf_tensor dlogps, dlogits, dx[2];          /* for backward: (n, K) and (n, K), (n, D) each */
} kept;

static void release_component(const component *q, kept_component *k) {
  for (int32_t i = 0; k->layer && i < q->layers; i++) free(k->layer[i].own);
  if (q->base.ops->release) q->base.ops->release(&q->base, &k->base);
  free(k->base.own);
  free(k->layer);
  free(k->x);
}

static void release(const clf__base *b, clf__base_kept *k) {
  kept *m = k->own;
  for (int32_t i = 0; m && m->at && i < own_of(b)->count; i++)
    release_component(&own_of(b)->at[i], &m->at[i]);
  if (m) free(m->at);
}

static clf_status allocate(const blend *o, clf__base_kept *k) {
  if (k->own) return CLF_OK;
  kept *m = k->own = calloc(1, sizeof *m);
  if (m) m->at = calloc((size_t)o->count, sizeof *m->at);
  for (int32_t i = 0; m && m->at && i < o->count; i++) {
    const size_t n = (size_t)o->at[i].layers + 1;
    m->at[i].layer = calloc(n, sizeof *m->at[i].layer);
    m->at[i].x = calloc(n, sizeof *m->at[i].x);
    if (!m->at[i].layer || !m->at[i].x) return clf__fail(CLF_ENOMEM, "no memory for a blend");
  }
  return m && m->at ? CLF_OK : clf__fail(CLF_ENOMEM, "no memory for a blend");
}

static clf_status plan_component(const component *q, int32_t rows, int train, clf_arena *a,
                                 kept_component *k) {
  for (int32_t i = 0; i < q->layers; i++) {
    const clf__layer *l = &q->layer[i];
    CLF_TRY(clf_new(a, (int32_t[4]){rows, l->in.dim}, &k->x[i]));
    if (l->ops->plan) CLF_TRY(l->ops->plan(l, rows, train, a, &k->layer[i]));
  }
  CLF_TRY(clf_new(a, (int32_t[4]){rows, q->base.dim}, &k->x[q->layers]));
  return q->base.ops->plan ? q->base.ops->plan(&q->base, rows, train, a, &k->base) : CLF_OK;
}

/* The largest number of columns between layers. */
static int32_t width(const blend *o, int32_t dim) {
  EACH_COMPONENT(o, q)
  for (int32_t i = 0; i < q->layers; i++)
    if (q->layer[i].out.dim > dim) dim = q->layer[i].out.dim;
  return dim;
}

/* Components store activations whatever the flow does: what is computed again is of its layers. */
static clf_status plan(const clf__base *b, int32_t rows, int train, clf_arena *a,
                       clf__base_kept *k) {
  const blend *o = own_of(b);
  const int32_t each[4] = {rows, o->count};
  CLF_TRY(allocate(o, k));
  kept *m = k->own;
  for (int32_t i = 0; i < o->count; i++)
    CLF_TRY(plan_component(&o->at[i], rows, train ? CLF_STORED : CLF_VALUES, a, &m->at[i]));
  CLF_TRY(clf_new(a, each, &m->logps));
  CLF_TRY(clf_new(a, each, &m->resp));
  CLF_TRY(clf_new(a, (int32_t[4]){rows}, &m->logdet));
  CLF_TRY(clf_new(a, (int32_t[4]){rows}, &m->index));
  CLF_TRY(clf_new(a, (int32_t[4]){1, o->count}, &m->cdf));
  if (!train) return CLF_OK;
  CLF_TRY(clf_new(a, each, &m->dlogps));
  CLF_TRY(clf_new(a, each, &m->dlogits));
  for (int i = 0; i < 2; i++) CLF_TRY(clf_new(a, (int32_t[4]){rows, width(o, b->dim)}, &m->dx[i]));
  return CLF_OK;
}

/* ---- Log-densities
 * ------------------------------------------------------------------------------- */

/* Column k of the first n rows, as a vector. */
static clf_tensor column_of(clf_tensor t, int32_t n, int32_t k) {
  return clf__vector(clf__rows(t, n), k, n, t.stride[0]);
}

static clf_status forward(const component *q, const clf__pass *p, kept_component *k, clf_tensor *x,
                          clf_tensor logdet) {
  for (int32_t i = 0; i < q->layers; i++) {
    const clf_tensor y = clf__rows(k->x[i + 1], x->dim[0]);
    CLF_TRY(clf__layer_forward(&q->layer[i], p, &k->layer[i], *x, y, logdet));
    *x = y;
  }
  return CLF_OK;
}

static clf_status logp(const clf__base *b, const clf__pass *p, clf__base_kept *k, clf_tensor z,
                       clf_tensor logdet, clf_tensor out) {
  const blend *o = own_of(b);
  const int32_t n = z.dim[0];
  kept *m = k->own;
  const clf_tensor own = clf__rows(m->logdet, n);
  for (int32_t i = 0; i < o->count; i++) {
    const component *q = &o->at[i];
    clf_tensor x = z;
    CLF_TRY(clf_do(p->dev, fill, .y = own, .value = 0));
    CLF_TRY(forward(q, p, &m->at[i], &x, own));
    CLF_TRY(q->base.ops->logp(&q->base, p, &m->at[i].base, x, own, column_of(m->logps, n, i)));
  }
  return clf_do(p->dev, mixture_combine, .logps = clf__rows(m->logps, n),
                .weights = clf__same_for_all(clf__weight(p, &o->logits), n), .logdet = logdet,
                .logp = out, .resp = clf__rows(m->resp, n));
}

/* p->each holds dL / dlogp of the component; *dx becomes dL / dz by it. */
static clf_status backward_component(const component *q, const clf__pass *p, const kept *m,
                                     kept_component *k, clf_tensor z, clf_tensor *dx) {
  const int32_t n = z.dim[0];
  clf_tensor y = q->layers ? clf__rows(k->x[q->layers], n) : z;
  *dx = clf_slice(clf__rows(m->dx[0], n), 1, 0, q->base.dim);
  CLF_TRY(q->base.ops->backward(&q->base, p, &k->base, y, *dx));
  for (int32_t i = q->layers - 1, turn = 1; i >= 0; i--, turn = !turn) {
    const clf__layer *l = &q->layer[i];
    const clf_tensor x = i ? clf__rows(k->x[i], n) : z;
    const clf_tensor to = clf_slice(clf__rows(m->dx[turn], n), 1, 0, l->in.dim);
    CLF_TRY(clf__layer_backward(l, p, &k->layer[i], x, y, *dx, to));
    y = x;
    *dx = to;
  }
  return CLF_OK;
}

static clf_status backward(const clf__base *b, const clf__pass *p, clf__base_kept *k, clf_tensor z,
                           clf_tensor dz) {
  const blend *o = own_of(b);
  const int32_t n = z.dim[0];
  kept *m = k->own;
  CLF_TRY(clf_do(p->dev, mixture_bwd, .resp = clf__rows(m->resp, n),
                 .weights = clf__same_for_all(clf__weight(p, &o->logits), n), .dl = p->each,
                 .dlogps = clf__rows(m->dlogps, n), .dweights = clf__rows(m->dlogits, n),
                 .dlogdet = p->dlogdet));
  CLF_TRY(clf__sum_for_all(p, clf__rows(m->dlogits, n), &o->logits));
  for (int32_t i = 0; i < o->count; i++) {
    clf__pass of = *p;
    clf_tensor dx;
    of.dlogdet = 1;
    of.each = column_of(m->dlogps, n, i);
    CLF_TRY(backward_component(&o->at[i], &of, m, &m->at[i], z, &dx));
    CLF_TRY(clf_do(p->dev, axpby, .x = dx, .y = dz, .a = 1, .b = i > 0));
  }
  return CLF_OK;
}

/* Sets what the first batch decides, component by component. */
static clf_status fit(const clf__base *b, const clf__pass *p, clf__base_kept *k, clf_tensor z) {
  kept *m = k->own;
  EACH_COMPONENT(own_of(b), q) {
    kept_component *const own = &m->at[q - own_of(b)->at];
    clf_tensor x = z;
    for (int32_t i = 0; i < q->layers; i++) {
      const clf__layer *l = &q->layer[i];
      const clf_tensor y = clf__rows(own->x[i + 1], z.dim[0]);
      if (l->ops->fit && !l->inverted) CLF_TRY(l->ops->fit(l, p, &own->layer[i], x));
      CLF_TRY(prepare(b, p));
      CLF_TRY(clf__layer_forward(l, p, &own->layer[i], x, y, clf__rows(m->logdet, z.dim[0])));
      x = y;
    }
    if (q->base.ops->fit) CLF_TRY(q->base.ops->fit(&q->base, p, &own->base, x));
  }
  return CLF_OK;
}

static clf_status check_context(const clf__base *b, const double *c, int64_t row) {
  EACH_COMPONENT(own_of(b), q)
  if (q->base.ops->check_context) CLF_TRY(q->base.ops->check_context(&q->base, c, row));
  return CLF_OK;
}

/* ---- Samples
 * ------------------------------------------------------------------------------------- */

/* Samples of a component, whatever is picked; they end in x[0]. */
static clf_status sample_component(const component *q, const clf__pass *p, const kept *m,
                                   kept_component *k, uint64_t seed, int64_t first, int32_t n) {
  clf_tensor y = clf__rows(k->x[q->layers], n);
  CLF_TRY(q->base.ops->sample(&q->base, p, &k->base, seed, first, y));
  for (int32_t i = q->layers - 1; i >= 0; i--) {
    const clf_tensor x = clf__rows(k->x[i], n);
    CLF_TRY(clf__layer_inverse(&q->layer[i], p, &k->layer[i], y, x, clf__rows(m->logdet, n)));
    y = x;
  }
  return CLF_OK;
}

/* Components draw from seeds of their own, as pieces of columns do. */
static clf_status sample(const clf__base *b, const clf__pass *p, clf__base_kept *k, uint64_t seed,
                         int64_t first, clf_tensor z) {
  const blend *o = own_of(b);
  const int32_t n = z.dim[0];
  kept *m = k->own;
  const clf_tensor index = clf__rows(m->index, n);
  CLF_TRY(prepare(b, p));
  CLF_TRY(clf_do(p->dev, mixture_cdf, .weights = clf__same_for_all(clf__weight(p, &o->logits), 1),
                 .cdf = m->cdf));
  CLF_TRY(clf_do(p->dev, mixture_pick, .cdf = clf__same_for_all(m->cdf, n), .index = index,
                 .stream = PICKS, CLF_STREAM(seed, first)));
  for (int32_t i = 0; i < o->count; i++) {
    kept_component *const own = &m->at[i];
    seed += CLF_NEXT_SEED;
    CLF_TRY(sample_component(&o->at[i], p, m, own, seed, first, n));
    CLF_TRY(
        clf_do(p->dev, mixture_take, .index = index, .x = clf__rows(own->x[0], n), .y = z, .k = i));
  }
  return CLF_OK;
}

const clf__base_ops clf__base_blend = {
    .name = "blend",
    .make = make,
    .unmake = unmake,
    .draw = draw,
    .init = init,
    .derive = derive,
    .plan = plan,
    .release = release,
    .prepare = prepare,
    .finish = finish,
    .fit = fit,
    .logp = logp,
    .backward = backward,
    .sample = sample,
    .check_context = check_context,
    .no_latents = 1,
};
