/* SPDX-License-Identifier: MIT */
/* build.c: creates a flow's list of layers, their slots, initial values and stages. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "batchnorm.h"
#include "flow_private.h"
#include "mlp_coupling.h"

/* ---- The list of layers ---------------------------------------------------------------------- */

static clf_status new_list(clf_flow *f, int count) {
  f->layer = calloc((size_t)count + 1, sizeof *f->layer);
  f->stage = calloc((size_t)count + 1, sizeof *f->stage);
  if (!f->layer || !f->stage) return clf__fail(CLF_ENOMEM, "no memory for %d layers", count);
  return CLF_OK;
}

static clf__layer *append(clf_flow *f, const clf__layer_ops *ops) {
  clf__layer *l = &f->layer[f->layers];
  *l = (clf__layer){.ops = ops, .dev = f->dev, .spec = f->spec, .index = f->layers++, .count = 1};
  snprintf(l->label, sizeof l->label, "layers.%d", l->index);
  return l;
}

/* The context as given, or transformed by an embedding net. */
static clf_status make_context(clf_flow *f) {
  f->context = f->arch->context;
  for (int32_t i = 0; i < f->arch->items.n; i++) {
    const clf__node *item = f->arch->items.at[i];
    const clf__arch_embed *e = (const clf__arch_embed *)item;
    if (item->type->id == CLF__ARCH_context_standardize) f->standardizes |= CLF_THE_CONTEXT;
    if (item->type->id != CLF__ARCH_embed) continue;
    f->embedding.in = f->context;
    f->embedding.out = e->out;
    CLF_TRY(clf__net_make(&f->embedding, e->net, &f->slots, "context.net"));
  }
  return CLF_OK;
}

static int32_t given_context(const clf_flow *f) {
  return f->embedding.ops ? f->embedding.out : f->context;
}

/* The lecture's couplings, which have fused operations: a net with one hidden layer of tanh for
 * each output, which reads the masked input. */
static int is_mlp_coupling(const clf__node *node) {
  const clf__arch_coupling *c = (const clf__arch_coupling *)node;
  if (node->type->id != CLF__ARCH_coupling || c->net->type->id != CLF__ARCH_mlp) return 0;
  const clf__arch_mlp *m = (const clf__arch_mlp *)c->net;
  const clf__arch_affine *a = (const clf__arch_affine *)c->map;
  const int affine = c->map->type->id == CLF__ARCH_affine && a->scale == CLF__SCALE_TANH &&
                     !a->first && a->layout == CLF__LAYOUT_AUTO;
  const int add =
      c->map->type->id == CLF__ARCH_add; /* a single output, so that one net is separate */
  return ((affine && m->separate) || add) && m->layers == 1 && m->act == CLF__ACT_TANH &&
         m->dropout == 0 && !m->norm && !m->zero && !m->angles.n && c->mask == CLF__MASK_RANDOM &&
         c->inputs == CLF__INPUTS_MASKED && !c->uncond;
}

/* Copies the members of a node that layers of the presets with a kind read from a spec. */
static void read_node(clf_flow *f, clf__layer *l) {
  const clf__arch_piecewise *p = (const clf__arch_piecewise *)l->node;
  const clf__arch_coupling *c = (const clf__arch_coupling *)l->node;
  if (l->node->type->id == CLF__ARCH_piecewise) {
    l->spec.bins = p->bins;
    l->spec.xmin = p->xmin;
    l->spec.xmax = p->xmax;
    l->spec.tails = p->tails;
  }
  const clf__arch_pixels *x = (const clf__arch_pixels *)l->node;
  if (l->node->type->id == CLF__ARCH_pixels) {
    l->spec.alpha = x->alpha;
    l->spec.levels = x->levels;
    l->spec.variant.paper_logit = x->paper;
    f->spec.levels = x->levels;
  }
  if (f->context || !is_mlp_coupling(l->node)) return;
  if (l->next && clf__batchnorm_of_transformed(l->next)) return;
  l->ops = &clf__mlp_coupling;
  l->spec.hidden = ((const clf__arch_mlp *)c->net)->hidden;
  l->spec.s_max = clf__mlp_adds(l) ? 0 : ((const clf__arch_affine *)c->map)->clamp;
}

static clf_status list_of_arch(clf_flow *f) {
  CLF_TRY(clf__arch_expand(f->arch->flow, &f->list));
  CLF_TRY(new_list(f, f->list.n));
  CLF_TRY(make_context(f));
  for (int32_t i = 0; i < f->list.n; i++) {
    const clf__layer_ops *ops;
    CLF_TRY(clf__layer_of(f->list.at[i].node, &ops));
    clf__layer *l = append(f, ops);
    l->node = f->list.at[i].node;
    l->inverted = l->node->inverted;
    l->context = given_context(f);
  }
  for (int i = 0; i < f->layers; i++) {
    clf__layer *l = &f->layer[i];
    l->prev = i ? l - 1 : NULL;
    l->next = i + 1 < f->layers ? l + 1 : NULL;
    read_node(f, l);
  }
  if (f->spec.height) f->traits |= CLF_TAKES_PIXELS;
  f->base = (clf__base){.node = f->arch->flow->base, .dev = f->dev, .context = given_context(f)};
  return clf__base_of(f->base.node, &f->base.ops);
}

/* Couplings that draw their own masks alternate by their index among couplings. */
static void set_turns(clf_flow *f) {
  const clf__layer *before = NULL;
  int turn = 0;
  for (int i = 0; i < f->layers; i++) {
    clf__layer *l = &f->layer[i];
    if (!l->ops->alternates) continue;
    l->turn = turn++;
    l->before = before;
    before = l;
  }
}

static clf__shape shape_of(const clf_flow_spec *s) {
  return (clf__shape){s->dim, s->height, s->width, s->channels};
}

/* Checked while layers are made, so that no oversized flow is created. */
static clf_status check_size(const clf_flow *f) {
  const int64_t all = clf__slots_weights(&f->slots) + f->slots.size[CLF_CONSTANT];
  if (all <= INT32_MAX) return CLF_OK;
  return clf__fail(CLF_EINVAL, "a flow of more than %lld numbers; at most %d are possible",
                   (long long)all, INT32_MAX);
}

static int is_on_host(const clf__layer *l) {
  const int can = l->ops->host_forward && !(l->traits & CLF_NOT_ON_HOST);
  return (can || l->traits & CLF_IS_STANDARDIZE) && !l->inverted;
}

/* Whether a layer belongs to the head: bounds, then at most one standardisation, which ends it. */
static int is_at_head(const clf__layer *l, const clf__layer *before) {
  return l->index == 0 ||
         (before->at_head && is_on_host(before) && !(before->traits & CLF_IS_STANDARDIZE));
}

static clf_status make_layers(clf_flow *f) {
  clf__shape shape = shape_of(&f->spec);
  f->shared_traits = f->layers ? ~0U : 0;
  for (int i = 0; i < f->layers; i++) {
    clf__layer *l = &f->layer[i];
    l->in = l->out = shape;
    l->traits = l->ops->traits;
    l->at_head = is_at_head(l, l - (i > 0));
    if (l->ops->make) CLF_TRY(l->ops->make(l, &f->slots, l->label));
    l->traits = clf__layer_traits(l);
    CLF_TRY(check_size(f));
    f->traits |= l->traits;
    f->shared_traits &= l->traits;
    f->sends |= l->to_z > 0;
    shape = l->out;
  }
  f->base.dim = shape.dim;
  if (f->base.ops->make) CLF_TRY(f->base.ops->make(&f->base, &f->slots, "base"));
  f->traits |= f->base.traits;
  CLF_TRY(clf__places_make(f));
  CLF_TRY(check_size(f));
  return clf__slots_lay_out(&f->slots);
}

/* A stage continues as long as the next layer joins it. */
static void make_stages(clf_flow *f) {
  while (!f->spec.height && f->head < f->layers && is_on_host(&f->layer[f->head]))
    if (f->layer[f->head++].traits & CLF_IS_STANDARDIZE) {
      f->standardizes |= CLF_THE_DATA;
      break; /* bounds precede it */
    }
  for (int i = f->head; i < f->layers; i += f->layer[i].count) {
    clf__layer *l = &f->layer[i];
    while (i + l->count < f->layers && l->ops->joins && l->ops->joins(l, &f->layer[i + l->count]))
      l->count++;
    f->stage[f->stages++].l = l;
  }
}

clf_status clf__flow_build(clf_flow *f) {
  if (!f->arch) CLF_TRY(clf_arch_of_spec(&f->spec, &f->arch));
  CLF_TRY(list_of_arch(f));
  set_turns(f);
  CLF_TRY(make_layers(f));
  clf__preset_names(f);
  make_stages(f);
  return CLF_OK;
}

/* ---- Initial values -------------------------------------------------------------------------- */

void clf__flow_draw(const clf_flow *f, double *w, double *c) {
  clf__host_random r = {f->spec.seed};
  clf__slots_init(&f->slots, &r, NULL, c);
  for (int i = 0; i < f->layers; i++) {
    const clf__layer *l = &f->layer[i];
    if (l->ops->draw) l->ops->draw(l, &r, c);
  }
  if (f->embedding.ops && f->embedding.ops->draw) f->embedding.ops->draw(&f->embedding, &r, c);
  if (f->base.ops->draw) f->base.ops->draw(&f->base, &r, c);
  clf__slots_init(&f->slots, &r, w, NULL);
  for (int i = 0; i < f->layers; i++) {
    const clf__layer *l = &f->layer[i];
    if (l->ops->init) l->ops->init(l, &r, w);
  }
  if (f->embedding.ops && f->embedding.ops->init) f->embedding.ops->init(&f->embedding, &r, w);
  if (f->base.ops->init) f->base.ops->init(&f->base, &r, w);
}

clf_status clf__flow_derive(const clf_flow *f, double *c) {
  for (int i = 0; i < f->layers; i++)
    if (f->layer[i].ops->derive) CLF_TRY(f->layer[i].ops->derive(&f->layer[i], c));
  CLF_TRY(clf__places_derive(f, c));
  return f->base.ops->derive ? f->base.ops->derive(&f->base, c) : CLF_OK;
}

clf_status clf__flow_derive_again(clf_flow *f) {
  double *c = malloc(clf__count(&f->c) * sizeof *c);
  if (!c) return clf__fail(CLF_ENOMEM, "no memory for the constants of a flow");
  clf_status s = clf_read64(f->dev, f->c, c);
  if (!s) s = clf__flow_derive(f, c);
  if (!s) s = clf_write64(f->dev, f->c, c);
  free(c);
  return s;
}
