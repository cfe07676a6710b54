/* SPDX-License-Identifier: MIT */
/* arch_check.c: checks that involve several members of a node. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "arch_private.h"
#include "status.h"

static clf_status refuse(const clf__node *node, const char *why) {
  return clf__fail(CLF_EINVAL, "%s: %s", node->type->name, why);
}

clf_status clf__member_in_range(const clf__node_type *type, const clf__member *m, double v) {
  if (v >= m->low && v <= m->high) return CLF_OK;
  return clf__fail(CLF_EINVAL, "%s of %s is %.9g; it must be %.9g to %.9g", m->name, type->name, v,
                   m->low, m->high);
}

/* ---- Lists ----------------------------------------------------------------------------------- */

/* list= is required if the word is `list`, and only allowed then. */
static clf_status check_list(const clf__node *node, const char *choice, int wanted, int32_t n) {
  if (wanted == (n > 0)) return CLF_OK;
  if (wanted)
    return clf__fail(CLF_EINVAL, "%s: %s=list needs the list, as list=...", node->type->name,
                     choice);
  return clf__fail(CLF_EINVAL, "%s: list= is read with %s=list only", node->type->name, choice);
}

static clf_status check_permutation(const clf__node *node, clf__ints list) {
  char *const seen = calloc((size_t)list.n + 1, 1);
  if (!seen) return clf__fail(CLF_ENOMEM, "no memory for an architecture");
  clf_status s = CLF_OK;
  for (int32_t i = 0; i < list.n && !s; i++) {
    const int32_t k = list.at[i];
    if (k >= list.n || seen[k])
      s = clf__fail(
          CLF_EINVAL, "%s: its list of %d holds %d%s; it must contain each of 0 to %d once",
          node->type->name, (int)list.n, (int)k, k < list.n ? " twice" : "", (int)list.n - 1);
    else
      seen[k] = 1;
  }
  free(seen);
  return s;
}

/* Whether ranges, of one part or of several, share a column. */
static int overlap(clf__range a, clf__range b) {
  return (b.last < 0 || a.first <= b.last) && (a.last < 0 || b.first <= a.last);
}

static int by_first(const void *a, const void *b) {
  const clf__range *const x = a, *const y = b;
  return (x->first > y->first) - (x->first < y->first);
}

static clf_status check_disjoint(const clf__node *node, const clf__pieces *pieces) {
  int32_t n = 0;
  for (int32_t i = 0; i < pieces->n; i++) n += pieces->at[i].columns.n;
  clf__range *const all = malloc((size_t)(n + 1) * sizeof *all);
  if (!all) return clf__fail(CLF_ENOMEM, "no memory for an architecture");
  n = 0;
  for (int32_t i = 0; i < pieces->n; i++)
    for (int32_t k = 0; k < pieces->at[i].columns.n; k++) all[n++] = pieces->at[i].columns.at[k];
  qsort(all, (size_t)n, sizeof *all, by_first);
  clf_status s = CLF_OK;
  for (int32_t i = 1; i < n && !s; i++)
    if (overlap(all[i - 1], all[i]))
      s = clf__fail(CLF_EINVAL, "%s: dimension %d is in two of its ranges", node->type->name,
                    (int)all[i].first);
  free(all);
  return s;
}

/* ---- Nodes inside nodes ---------------------------------------------------------------------- */

static clf_status check_net(const clf__node *node, const clf__node *net) {
  if (!net || !clf__net_is_masked(net)) return CLF_OK;
  return clf__fail(CLF_EINVAL, "%s: the net %s is for autoregressive layers; use mlp or resnet",
                   node->type->name, net->type->name);
}

static int may_be_in_columns(const clf__node *node) {
  switch (node->type->id) {
  case CLF__ARCH_elementwise:
  case CLF__ARCH_logit:
  case CLF__ARCH_within:
  case CLF__ARCH_log:
  case CLF__ARCH_softplus:
  case CLF__ARCH_softclip:
  case CLF__ARCH_asinh:
  case CLF__ARCH_softlog:
  case CLF__ARCH_softlogit:
  case CLF__ARCH_wrap:
  case CLF__ARCH_shift_scale:
  case CLF__ARCH_standardize:
  case CLF__ARCH_normal:
  case CLF__ARCH_box:
  case CLF__ARCH_mixture:
  case CLF__ARCH_student:
  case CLF__ARCH_logistic:
  case CLF__ARCH_laplace: return 1;
  default: return 0;
  }
}

static clf_status check_columns(const clf__node *node, const clf__pieces *pieces) {
  for (int32_t i = 0; i < pieces->n; i++) {
    if (!may_be_in_columns(pieces->at[i].node))
      return clf__fail(
          CLF_EINVAL,
          "columns: %s is not possible here; only %s that act on each dimension separately are",
          pieces->at[i].node->type->name,
          node->type->group == CLF__GROUP_LAYER ? "layers" : "bases");
  }
  return check_disjoint(node, pieces);
}

/* ---- Layers ---------------------------------------------------------------------------------- */

static clf_status check_coupling(const clf__node *node) {
  const clf__arch_coupling *const c = (const clf__arch_coupling *)node;
  CLF_TRY(check_list(node, "mask", c->mask == CLF__MASK_LIST, c->list.n));
  return check_net(node, c->net);
}

static clf_status check_ar(const clf__node *node) {
  const clf__arch_ar *const a = (const clf__arch_ar *)node;
  CLF_TRY(check_list(node, "order", a->order == CLF__ORDER_LIST, a->list.n));
  CLF_TRY(check_permutation(node, a->list));
  if (clf__net_is_masked(a->net)) return CLF_OK;
  return clf__fail(CLF_EINVAL, "ar: the net %s has no masks; use made or masked",
                   a->net->type->name);
}

static clf_status check_perm(const clf__node *node) {
  const clf__arch_perm *const p = (const clf__arch_perm *)node;
  CLF_TRY(check_list(node, "kind", p->kind == CLF__PERM_LIST, p->list.n));
  return check_permutation(node, p->list);
}

static clf_status check_interval(const clf__node *node, const char *low, double a, const char *high,
                                 double b) {
  if (a < b) return CLF_OK;
  return clf__fail(CLF_EINVAL, "%s: %s %.9g must be below %s %.9g", node->type->name, low, a, high,
                   b);
}

static clf_status check_shift_scale(const clf__node *node) {
  const clf__arch_shift_scale *const s = (const clf__arch_shift_scale *)node;
  for (int32_t i = 0; i < s->scale.n; i++)
    if (s->scale.at[i] == 0) return refuse(node, "a scale of 0 cannot be inverted");
  if (s->shift.n > 1 && s->scale.n > 1 && s->shift.n != s->scale.n)
    return clf__fail(CLF_EINVAL, "shift-scale: %d shifts and %d scales", (int)s->shift.n,
                     (int)s->scale.n);
  return CLF_OK;
}

/* ---- Maps, nets and bases -------------------------------------------------------------------- */

static clf_status check_spline(const clf__node *node, int32_t bins, clf__reals box, clf__reals min,
                               int sizes) {
  if (box.n && box.n != 2) return refuse(node, "box= takes two numbers, its ends");
  if (box.n && !(box.at[0] < box.at[1])) return refuse(node, "the box ends before it begins");
  if (min.n != sizes)
    return clf__fail(CLF_EINVAL, "%s: min= takes %d numbers, not %d", node->type->name, sizes,
                     (int)min.n);
  for (int i = 0; i < sizes && i < 2; i++)
    if (min.at[i] * bins >= 1)
      return clf__fail(CLF_EINVAL, "%s: %d bins of at least %.9g of the interval each do not fit",
                       node->type->name, (int)bins, min.at[i]);
  return CLF_OK;
}

static clf_status check_kernels(const clf__node *node) {
  const clf__arch_conv *const c = (const clf__arch_conv *)node;
  for (int32_t i = 0; i < c->kernels.n; i++)
    if (c->kernels.at[i] % 2 == 0)
      return clf__fail(CLF_EINVAL, "conv: a kernel of side %d has no centre; sides must be odd",
                       (int)c->kernels.at[i]);
  return CLF_OK;
}

static clf_status check_normal(const clf__node *node) {
  const clf__arch_normal *const b = (const clf__arch_normal *)node;
  if (b->trained && b->net) return refuse(node, "it is either trained or computed by a net");
  if (b->cov != CLF__COV_DIAG && !b->trained) return refuse(node, "cov= needs `trained`");
  return check_net(node, b->net);
}

static clf_status check_blend(const clf__node *node) {
  const clf__pieces *const pieces = &((const clf__arch_blend *)node)->parts;
  double sum = 0;
  for (int32_t i = 0; i < pieces->n; i++) {
    if (!(pieces->at[i].weight > 0)) return refuse(node, "weights must be above 0");
    sum += pieces->at[i].weight;
  }
  return isfinite(sum) ? CLF_OK : refuse(node, "the weights are too large to be added");
}

static clf_status check_flow(const clf__node *node) {
  const clf__node *const base = ((const clf__arch_flow *)node)->base;
  if (base->type->id == CLF__ARCH_base_conv)
    return clf__fail(CLF_EINVAL, "conv: this base is one of a split, as split(prior=conv)");
  return CLF_OK;
}

clf_status clf__node_check(const clf__node *node) {
  switch (node->type->id) {
  case CLF__ARCH_coupling: return check_coupling(node);
  case CLF__ARCH_ar: return check_ar(node);
  case CLF__ARCH_perm: return check_perm(node);
  case CLF__ARCH_elementwise: return check_net(node, ((const clf__arch_elementwise *)node)->net);
  case CLF__ARCH_allinone: return check_net(node, ((const clf__arch_allinone *)node)->net);
  case CLF__ARCH_embed: return check_net(node, ((const clf__arch_embed *)node)->net);
  case CLF__ARCH_shift_scale: return check_shift_scale(node);
  case CLF__ARCH_columns: return check_columns(node, &((const clf__arch_columns *)node)->parts);
  case CLF__ARCH_base_columns:
    return check_columns(node, &((const clf__arch_base_columns *)node)->parts);
  case CLF__ARCH_conv: return check_kernels(node);
  case CLF__ARCH_normal: return check_normal(node);
  case CLF__ARCH_blend: return check_blend(node);
  case CLF__ARCH_repeat:
    return ((const clf__arch_repeat *)node)->layers.n ? CLF_OK : refuse(node, "there is no layer");
  case CLF__ARCH_flow: return check_flow(node);
  case CLF__ARCH_piecewise: {
    const clf__arch_piecewise *const p = (const clf__arch_piecewise *)node;
    return check_interval(node, "xmin", p->xmin, "xmax", p->xmax);
  }
  case CLF__ARCH_logit: {
    const clf__arch_logit *const l = (const clf__arch_logit *)node;
    return check_interval(node, "a", l->a, "b", l->b);
  }
  case CLF__ARCH_within: {
    const clf__arch_within *const l = (const clf__arch_within *)node;
    return check_interval(node, "a", l->a, "b", l->b);
  }
  case CLF__ARCH_softlogit: {
    const clf__arch_softlogit *const l = (const clf__arch_softlogit *)node;
    return check_interval(node, "a", l->a, "b", l->b);
  }
  case CLF__ARCH_box: {
    const clf__arch_box *const b = (const clf__arch_box *)node;
    return check_interval(node, "low", b->low, "high", b->high);
  }
  case CLF__ARCH_rq: {
    const clf__arch_rq *const r = (const clf__arch_rq *)node;
    return check_spline(node, r->bins, r->box, r->min, 3);
  }
  case CLF__ARCH_linear: {
    const clf__arch_linear *const l = (const clf__arch_linear *)node;
    return check_spline(node, l->bins, l->box, (clf__reals){0}, 0);
  }
  case CLF__ARCH_quadratic: {
    const clf__arch_quadratic *const q = (const clf__arch_quadratic *)node;
    return check_spline(node, q->bins, q->box, q->min, 2);
  }
  case CLF__ARCH_made: {
    const clf__arch_made *const m = (const clf__arch_made *)node;
    return m->random && m->residual ? refuse(node, "random degrees need residual=0") : CLF_OK;
  }
  default: return CLF_OK;
  }
}
