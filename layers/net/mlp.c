/* SPDX-License-Identifier: MIT */
/* mlp.c: multilayer perceptrons; or, with `separate`, one for each parameter of a map, as in the
 * lecture's NVP. */
#include <stdio.h>
#include <stdlib.h>
#include "angles.h"
#include "chain.h"

enum { MOST_NETS = 256 };

typedef struct mlps {
  int count; /* 1, or the number of parameters of the map */
  clf__net net[];
} mlps;

static const clf__arch_mlp *members(const clf__net *n) { return (const clf__arch_mlp *)n->node; }

static clf_status check(const clf__net *n, const clf__arch_mlp *m) {
  if (n->in < 1) return clf__fail(CLF_EINVAL, "mlp: it has no inputs");
  if (m->context == CLF__JOIN_GLU)
    return clf__fail(CLF_EINVAL,
                     "mlp: context=glu gates residual blocks; use resnet, or context=concat");
  if (m->norm && m->hidden < 2)
    return clf__fail(CLF_EINVAL, "mlp: norm=1 needs hidden layers of 2 units or more");
  if (m->separate && (n->numbers < 1 || n->numbers > MOST_NETS || n->out % n->numbers))
    return clf__fail(
        CLF_EINVAL,
        "mlp: separate=1 is for the nets of couplings, with at most %d parameters per dimension",
        MOST_NETS);
  return CLF_OK;
}

/* Describes and adds the layers of one perceptron. */
static clf_status make_one(clf__net *n, clf__slots *slots, const char *path) {
  const clf__arch_mlp *m = members(n);
  clf__chain *c;
  CLF_TRY(clf__chain_new(n, m->layers + 1, &c));
  CLF_TRY(clf__angles_make(m->angles, &m->rate, n->in, slots, &c->angles));
  for (int l = 0; l <= m->layers; l++) {
    clf__dense_layer *d = &c->layer[l];
    char name[16];
    d->in = l ? m->hidden : c->angles ? clf__angles_features(c->angles) : n->in;
    d->out = l < m->layers ? m->hidden : n->out;
    if (l) {
      d->act = clf__net_act(m->act);
      d->dropout = m->dropout;
      d->after = m->norm ? CLF_LAYER_NORM : CLF_NO_NORM;
    }
    if (!l && n->context) d->join = m->context == CLF__JOIN_ADD ? CLF_JOIN_ADD : CLF_JOIN_INPUT;
    if (m->zero && l == m->layers) d->spread = 0;
    snprintf(name, sizeof name, "%d", l);
    clf__chain_add(n, slots, l, path, name, "context", "");
  }
  return CLF_OK;
}

static clf_status make(clf__net *n, clf__slots *slots, const char *path) {
  const clf__arch_mlp *m = members(n);
  CLF_TRY(check(n, m));
  const int count = m->separate ? n->numbers : 1;
  mlps *all = n->own = calloc(1, sizeof *all + (size_t)count * sizeof *all->net);
  if (!all) return clf__fail(CLF_ENOMEM, "no memory for %d nets", count);
  all->count = count;
  for (int i = 0; i < count; i++) {
    clf__net *one = &all->net[i];
    char name[80];
    *one = *n;
    one->own = NULL;
    one->out = n->out / count;
    one->key = n->key ^ (uint64_t)i << 32;
    snprintf(name, sizeof name, count > 1 || m->separate ? "%s.%d" : "%s", path, i);
    CLF_TRY(make_one(one, slots, name));
    n->tensors = count * one->tensors;
  }
  return CLF_OK;
}

static void unmake(clf__net *n) {
  mlps *all = n->own;
  for (int i = 0; all && i < all->count; i++) clf__chain_free(&all->net[i]);
  free(all);
  n->own = NULL;
}

static void draw(const clf__net *n, clf__host_random *r, double *c) {
  const mlps *all = n->own;
  (void)r;
  for (int i = 0; i < all->count; i++) {
    const clf__angles *a = clf__chain_of(&all->net[i])->angles;
    if (a) clf__angles_draw(a, c);
  }
}

/* Net i of several computes parameter i of all dimensions. */
static void shift(const clf__net *n, const double *u, int32_t count, double *w) {
  const mlps *all = n->own;
  for (int i = 0; i < all->count; i++)
    clf__chain_shift(&all->net[i], u + i, all->count > 1 ? 1 : count, w);
}

/* The memory of net i. */
static clf__net_memory *memory_of(const mlps *all, clf__net_memory *k, int i) {
  return (clf__net_memory *)(k->t + (ptrdiff_t)i * all->net[i].tensors);
}

static clf_status plan(const clf__net *n, int32_t rows, int train, clf_arena *a,
                       clf__net_memory *k) {
  const mlps *all = n->own;
  for (int i = 0; i < all->count; i++)
    CLF_TRY(
        clf__chain_plan_sharing(&all->net[i], rows, train, a, memory_of(all, k, i), i ? k : NULL));
  return CLF_OK;
}

/* The outputs of net i. */
static clf_tensor numbers_of(const mlps *all, clf_tensor u, int i) {
  const int32_t each = all->net[i].out;
  return clf_slice(u, 1, i * each, (i + 1) * each);
}

static clf_status forward(const clf__net *n, const clf__pass *p, clf__net_memory *k, clf_tensor x,
                          clf_tensor u) {
  const mlps *all = n->own;
  for (int i = 0; i < all->count; i++) {
    clf__net_memory *one = memory_of(all, k, i);
    CLF_TRY(clf__chain_forward(&all->net[i], p, one, x, numbers_of(all, u, i)));
  }
  return CLF_OK;
}

static clf_status backward(const clf__net *n, const clf__pass *p, clf__net_memory *k, clf_tensor x,
                           clf_tensor du, clf_tensor dx) {
  const mlps *all = n->own;
  for (int i = 0; i < all->count; i++) {
    clf__net_memory *one = memory_of(all, k, i);
    CLF_TRY(clf__chain_backward_add(&all->net[i], p, one, x, numbers_of(all, du, i), i > 0, dx));
  }
  return CLF_OK;
}

const clf__net_ops clf__net_mlp = {.name = "mlp",
                                   .make = make,
                                   .unmake = unmake,
                                   .draw = draw,
                                   .shift = shift,
                                   .plan = plan,
                                   .forward = forward,
                                   .backward = CLF_TRAINS(backward)};
