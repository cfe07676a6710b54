/* SPDX-License-Identifier: MIT */
/* blend.c: a mixture of whole flows: p(x) = sum over k of w_k p_k(x), where w is the softmax of
 * trained logits.  It has log p and samples, but no latents. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "column.h"
#include "component.h"

enum { PICKS = 1 }; /* the stream that selects components */

typedef struct blend {
  clf__component *at;
  int32_t count;
  clf__slot logits; /* (count) */
} blend;

static blend *own_of(const clf__base *b) { return b->own; }
static const clf__pieces *pieces_of(const clf__base *b) {
  return &((const clf__arch_blend *)b->node)->parts;
}

/* ---- Making ---------------------------------------------------------------------------------- */

static clf_status make(clf__base *b, clf__slots *slots, const char *path) {
  const clf__pieces *pieces = pieces_of(b);
  char name[CLF_COMPONENT_PATH];
  blend *o = b->own = calloc(1, sizeof *o);
  if (o) o->at = calloc((size_t)pieces->n, sizeof *o->at);
  if (!o || !o->at) return clf__fail(CLF_ENOMEM, "no memory for a blend");
  clf__slots_add(slots, &o->logits, CLF_PLAIN, 0, 0, 1, &pieces->n, "%s.logits", path);
  for (int32_t i = 0; i < pieces->n; i++) {
    CLF_TRY(clf__component_check_path(snprintf(name, sizeof name, "%s.parts.%d", path, (int)i)));
    CLF_TRY(clf__component_make(&o->at[o->count++], b, i,
                                (const clf__arch_flow *)pieces->at[i].node, slots, name));
  }
  return CLF_OK;
}

static void unmake(clf__base *b) {
  blend *o = own_of(b);
  for (int32_t i = 0; o && i < o->count; i++) clf__component_unmake(&o->at[i]);
  if (o) free(o->at);
  free(o);
  b->own = NULL;
}

/* ---- What is done for each layer and base ---------------------------------------------------- */

/* For each component q, its layers l and its base: calls member(...) if it exists. */
#define EACH_COMPONENT(o, q)                                                                       \
  for (clf__component *q = (o)->at, *const end_ = q + (o)->count; q < end_; q++)
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
/* Weights start with the values in the architecture. */
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

/* ---- Memory ---------------------------------------------------------------------------------- */

typedef struct blend_memory {
  clf__component_memory *at;
  clf_tensor logps, resp, logdet, index, cdf; /* (n, K) and (n, K), (n), (n), (1, K) */
  clf_tensor dlogps, dlogits, dx[2];          /* for backward: (n, K) and (n, K), (n, D) each */
} blend_memory;

static void release(const clf__base *b, clf__base_memory *k) {
  blend_memory *m = k->own;
  for (int32_t i = 0; m && m->at && i < own_of(b)->count; i++)
    clf__component_release(&own_of(b)->at[i], &m->at[i]);
  if (m) free(m->at);
}

static clf_status allocate(const blend *o, clf__base_memory *k) {
  if (k->own) return CLF_OK;
  blend_memory *m = k->own = calloc(1, sizeof *m);
  if (m) m->at = calloc((size_t)o->count, sizeof *m->at);
  for (int32_t i = 0; m && m->at && i < o->count; i++)
    CLF_TRY(clf__component_keep(&o->at[i], &m->at[i]));
  return m && m->at ? CLF_OK : clf__fail(CLF_ENOMEM, "no memory for a blend");
}

/* The largest number of columns between layers. */
static int32_t width(const blend *o, int32_t dim) {
  EACH_COMPONENT(o, q)
  for (int32_t i = 0; i < q->layers; i++)
    if (q->layer[i].out.dim > dim) dim = q->layer[i].out.dim;
  return dim;
}

/* Components always store activations: recomputing applies to the flow's own layers. */
static clf_status plan(const clf__base *b, int32_t rows, int train, clf_arena *a,
                       clf__base_memory *k) {
  const blend *o = own_of(b);
  const int32_t each[4] = {rows, o->count};
  CLF_TRY(allocate(o, k));
  blend_memory *m = k->own;
  for (int32_t i = 0; i < o->count; i++)
    CLF_TRY(clf__component_plan(&o->at[i], rows, train ? CLF_STORED : CLF_VALUES, a, &m->at[i]));
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

/* ---- Log-densities --------------------------------------------------------------------------- */

/* Column k of the first n rows, as a vector. */
static clf_tensor column_of(clf_tensor t, int32_t n, int32_t k) {
  return clf__vector(t, (int64_t)k * t.stride[1], n, t.stride[0]);
}

static clf_status logp(const clf__base *b, const clf__pass *p, clf__base_memory *k, clf_tensor z,
                       clf_tensor logdet, clf_tensor out) {
  const blend *o = own_of(b);
  const int32_t n = z.dim[0];
  blend_memory *m = k->own;
  const clf_tensor own = clf__rows(m->logdet, n);
  for (int32_t i = 0; i < o->count; i++)
    CLF_TRY(clf__component_logp(&o->at[i], p, &m->at[i], z, own, column_of(m->logps, n, i)));
  return clf_do(p->dev, mixture_combine, .logps = clf__rows(m->logps, n),
                .weights = clf__same_for_all(clf__weight(p, &o->logits), n), .logdet = logdet,
                .logp = out, .resp = clf__rows(m->resp, n));
}

static clf_status backward(const clf__base *b, const clf__pass *p, clf__base_memory *k,
                           clf_tensor z, clf_tensor dz) {
  const blend *o = own_of(b);
  const int32_t n = z.dim[0];
  blend_memory *m = k->own;
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
    CLF_TRY(clf__component_backward(&o->at[i], &of, &m->at[i], z, m->dx, &dx));
    CLF_TRY(clf_do(p->dev, axpby, .x = dx, .y = dz, .a = 1, .b = i > 0));
  }
  return CLF_OK;
}

/* Sets values from the first batch, component by component. */
static clf_status fit(const clf__base *b, const clf__pass *p, clf__base_memory *k, clf_tensor z) {
  blend_memory *m = k->own;
  EACH_COMPONENT(own_of(b), q)
  CLF_TRY(clf__component_fit(q, p, &m->at[q - own_of(b)->at], z, clf__rows(m->logdet, z.dim[0])));
  return CLF_OK;
}

/* Outside of every component; the interval is the union over the components that reject the
 * first one's column. */
static int32_t outside(const clf__base *b, const double *z, double interval[2]) {
  int32_t found = -1;
  EACH_COMPONENT(own_of(b), q) {
    double own[2];
    const int32_t d = clf__component_outside(q, z, own);
    if (d < 0) return -1;
    if (found < 0) {
      found = d;
      interval[0] = own[0];
      interval[1] = own[1];
    } else if (d == found) {
      interval[0] = fmin(interval[0], own[0]);
      interval[1] = fmax(interval[1], own[1]);
    }
  }
  return found;
}

static clf_status check_context(const clf__base *b, const double *c, int64_t row) {
  EACH_COMPONENT(own_of(b), q)
  if (q->base.ops->check_context) CLF_TRY(q->base.ops->check_context(&q->base, c, row));
  return CLF_OK;
}

/* ---- Samples --------------------------------------------------------------------------------- */

/* Each component has its own seed, as pieces of columns do. */
static clf_status sample(const clf__base *b, const clf__pass *p, clf__base_memory *k, uint64_t seed,
                         int64_t first, clf_tensor z) {
  const blend *o = own_of(b);
  const int32_t n = z.dim[0];
  blend_memory *m = k->own;
  const clf_tensor index = clf__rows(m->index, n);
  CLF_TRY(prepare(b, p));
  CLF_TRY(clf_do(p->dev, mixture_cdf, .weights = clf__same_for_all(clf__weight(p, &o->logits), 1),
                 .cdf = m->cdf));
  CLF_TRY(clf_do(p->dev, mixture_pick, .cdf = clf__same_for_all(m->cdf, n), .index = index,
                 .stream = PICKS, CLF_STREAM(seed, first)));
  for (int32_t i = 0; i < o->count; i++) {
    clf__component_memory *const own = &m->at[i];
    seed += CLF_NEXT_SEED;
    CLF_TRY(clf__component_sample(&o->at[i], p, own, seed, first, n, clf__rows(m->logdet, n)));
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
    .finish = CLF_TRAINS(finish),
    .fit = CLF_TRAINS(fit),
    .logp = logp,
    .backward = CLF_TRAINS(backward),
    .sample = sample,
    .check_context = check_context,
    .outside = outside,
    .no_latents = 1,
};
