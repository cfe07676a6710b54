/* SPDX-License-Identifier: MIT */
/* ar.c: autoregressive layers: each dimension is transformed by a map whose parameters a masked net
 * computes from the preceding dimensions (Papamakarios et al. 2017; Germain et al. 2015 for the
 * net).
 *
 * The density needs one evaluation of the net.  The inverse needs a sweep, which computes each
 * hidden unit once, or, for nets without a sweep, one evaluation for each dimension. */
#include <stdio.h>
#include <stdlib.h>
#include "mapped.h"
#include "layer.h"

/* Tensors of clf__layer_memory: the map's parameters; for the inverse, values that converge;
 * gradients. */
enum { NUMBERS, VALUES, UNUSED, DNUMBERS, THROUGH, SLOPES, ONES, SOLUTION, USED };

typedef struct ar {
  clf__map map;
  clf__net net;
  clf__slot all;    /* (D) 0 .. D - 1: every column is transformed */
  int32_t *order;   /* (D) the position of each dimension in the order */
  clf__slot places; /* (D) the same as an array, in files if it is random */
} ar;

static ar *own_of(const clf__layer *l) { return l->own; }
static const clf__arch_ar *arch_of(const clf__layer *l) { return (const clf__arch_ar *)l->node; }

/* ---- Making ---------------------------------------------------------------------------------- */

static clf_status set_order(const clf__layer *l, ar *o) {
  const clf__arch_ar *a = arch_of(l);
  const int32_t D = l->in.dim;
  if (a->order == CLF__ORDER_LIST && a->list.n != D)
    return clf__fail(CLF_EINVAL, "%s: its order lists %d dimensions, and there are %d", l->label,
                     (int)a->list.n, (int)D);
  for (int32_t d = 0; d < D; d++)
    o->order[d] = a->order == CLF__ORDER_DESC   ? D - 1 - d
                  : a->order == CLF__ORDER_LIST ? a->list.at[d]
                                                : d;
  return CLF_OK;
}

static clf_status make_net(const clf__layer *l, ar *o, clf__slots *slots, const char *path) {
  const clf__arch_ar *a = arch_of(l);
  char name[64];
  snprintf(name, sizeof name, "%s.net", path);
  o->map.whole = o->map.dims = l->in.dim;
  o->map.hidden = clf__net_hidden(a->net);
  o->map.masked = 1;
  CLF_TRY(clf__map_make(&o->map, a->map, slots, path));
  o->net.in = l->in.dim;
  o->net.context = l->context;
  o->net.numbers = o->map.numbers;
  o->net.out = l->in.dim * o->map.numbers;
  o->net.order = o->order;
  o->net.passes = a->passes;
  o->net.key = (uint64_t)l->index;
  return clf__net_make(&o->net, a->net, slots, name);
}

static clf_status make(clf__layer *l, clf__slots *slots, const char *path) {
  const int32_t D = l->in.dim;
  ar *o = l->own = calloc(1, sizeof *o);
  if (!o) return clf__fail(CLF_ENOMEM, "no memory for an autoregressive layer");
  o->order = calloc((size_t)D, sizeof *o->order);
  if (!o->order) return clf__fail(CLF_ENOMEM, "no memory for an order of %d dimensions", (int)D);
  CLF_TRY(set_order(l, o));
  clf__slots_add(slots, &o->all, CLF_CONSTANT, 0, 0, 1, &D, NULL);
  if (arch_of(l)->order == CLF__ORDER_RANDOM)
    clf__slots_add(slots, &o->places, CLF_CONSTANT, 0, 0, 1, &D, "%s.order", path);
  CLF_TRY(make_net(l, o, slots, path));
  l->traits |= clf__mapped_traits(&o->map);
  return CLF_OK;
}

static void unmake(clf__layer *l) {
  ar *o = l->own;
  if (!o) return;
  clf__map_unmake(&o->map);
  clf__net_unmake(&o->net);
  free(o->order);
  free(o);
  l->own = NULL;
}

static void draw_order(const ar *o, int32_t D, clf__host_random *r, double *c) {
  double *places = c + o->places.at;
  for (int32_t d = 0; d < D; d++) places[d] = d;
  for (int32_t d = D - 1; d > 0; d--) {
    const int64_t k = clf__host_below(r, d + 1);
    const double swap = places[d];
    places[d] = places[k];
    places[k] = swap;
  }
  for (int32_t d = 0; d < D; d++) o->order[d] = (int32_t)places[d];
}

/* The order comes first: a net's masks depend on it. */
static void draw(const clf__layer *l, clf__host_random *r, double *c) {
  const ar *o = own_of(l);
  if (o->places.rank) draw_order(o, l->in.dim, r, c);
  clf__mapped_draw(&o->net, r, c);
}

static clf_status derive(const clf__layer *l, double *c) {
  const ar *o = own_of(l);
  for (int32_t d = 0; d < l->in.dim && o->places.rank; d++)
    o->order[d] = (int32_t)c[o->places.at + d];
  CLF_TRY(clf__mapped_derive_all(&o->map, &o->all, c));
  if (o->net.ops->derive) o->net.ops->derive(&o->net, c);
  return CLF_OK;
}

static void init(const clf__layer *l, clf__host_random *r, double *w) {
  const ar *o = own_of(l);
  clf__net_init_for(&o->net, &o->map, r, w);
}

static clf_status plan(const clf__layer *l, int32_t rows, int train, clf_arena *a,
                       clf__layer_memory *k) {
  const ar *o = own_of(l);
  const int32_t D = l->in.dim, out = o->net.out;
  const int32_t cols[USED] = {[NUMBERS] = out, [VALUES] = D, [UNUSED] = 1};
  for (int i = 0; i < USED; i++) {
    const int32_t n = i == DNUMBERS ? out : i > UNUSED ? D : cols[i];
    if (i <= UNUSED || train) CLF_TRY(clf_new(a, (int32_t[4]){rows, n}, &k->t[i]));
  }
  return clf__net_plan(&o->net, rows, train, a, &k->own);
}

static const clf__net *net_of(const clf__layer *l) { return &own_of(l)->net; }

/* ---- Forward, inverse ------------------------------------------------------------------------ */

static clf_status numbers(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                          clf_tensor x) {
  const clf__net *n = &own_of(l)->net;
  return n->ops->forward(n, p, k->own, x, clf__rows(k->t[NUMBERS], x.dim[0]));
}

static clf_status forward(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                          clf_tensor x, clf_tensor y, clf_tensor logdet) {
  const ar *o = own_of(l);
  CLF_TRY(numbers(l, p, k, x));
  return o->map.ops->forward(&o->map, p, x, clf__weight(p, &o->all),
                             clf__rows(k->t[NUMBERS], x.dim[0]), y, logdet);
}

/* After pass i the dimensions of the first i groups are final, whatever the others started with. */
static clf_status by_passes(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                            clf_tensor y, clf_tensor x, clf_tensor logdet) {
  const ar *o = own_of(l);
  const int32_t n = y.dim[0], D = l->in.dim;
  const int32_t passes = o->net.passes && o->net.passes < D ? o->net.passes : D;
  const clf_tensor at = clf__weight(p, &o->all), u = clf__rows(k->t[NUMBERS], n);
  const clf_tensor unused = clf__rows(k->t[UNUSED], n), values = clf__rows(k->t[VALUES], n);
  CLF_TRY(clf_do(p->dev, fill, .y = values, .value = 0));
  for (int32_t i = 0; i < passes; i++) {
    CLF_TRY(numbers(l, p, k, values));
    CLF_TRY(clf_do(p->dev, fill, .y = unused, .value = 0));
    CLF_TRY(o->map.ops->inverse(&o->map, p, y, at, u, x, unused));
    CLF_TRY(clf_do(p->dev, copy, .x = x, .y = values));
  }
  return clf_do(p->dev, axpby, .x = unused, .y = logdet, .a = 1, .b = 1);
}

static clf_status inverse(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                          clf_tensor y, clf_tensor x, clf_tensor logdet) {
  const ar *o = own_of(l);
  const clf_status s = o->net.ops->sweep
                           ? o->net.ops->sweep(&o->net, p, k->own, &o->map, y, x, logdet)
                           : CLF_ENOTSUP;
  return s == CLF_ENOTSUP ? by_passes(l, p, k, y, x, logdet) : s;
}

/* ---- Backward -------------------------------------------------------------------------------- */

/* dx = (dy/dx)^T dy + dlogdet dL/dx, and gradients of weights if the pass needs them. */
static clf_status backward(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                           clf_tensor x, clf_tensor y, clf_tensor dy, clf_tensor dx) {
  const ar *o = own_of(l);
  const int32_t n = x.dim[0];
  const clf_tensor du = clf__rows(k->t[DNUMBERS], n), through = clf__rows(k->t[THROUGH], n);
  (void)y;
  CLF_TRY(o->map.ops->backward(&o->map, p, x, clf__weight(p, &o->all), clf__rows(k->t[NUMBERS], n),
                               dy, dx, du));
  CLF_TRY(o->net.ops->backward(&o->net, p, k->own, x, du, through));
  return clf_do(p->dev, axpby, .x = through, .y = dx, .a = 1, .b = 1);
}

/* The slope of the map in every dimension: dy_d/dx_d with fixed parameters. */
static clf_status slopes(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                         clf_tensor x) {
  const ar *o = own_of(l);
  const int32_t n = x.dim[0];
  clf__pass plain = *p;
  plain.dlogdet = 0;
  CLF_TRY(clf_do(p->dev, fill, .y = clf__rows(k->t[ONES], n), .value = 1));
  return o->map.ops->backward(&o->map, &plain, x, clf__weight(p, &o->all),
                              clf__rows(k->t[NUMBERS], n), clf__rows(k->t[ONES], n),
                              clf__rows(k->t[SLOPES], n), clf__rows(k->t[DNUMBERS], n));
}

/* Solves dx - J^T v - dlogdet dL/dx = 0 for v = -dL/dy.  J is triangular, so the iteration v +=
 * residual / slope ends after as many rounds as there are groups. */
static clf_status backward_inverse(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                                   clf_tensor y, clf_tensor x, clf_tensor dx, clf_tensor dy) {
  const ar *o = own_of(l);
  const int32_t n = x.dim[0], D = l->in.dim;
  const int32_t rounds = o->net.passes && o->net.passes < D ? o->net.passes : D;
  const clf_tensor left = clf__rows(k->t[SOLUTION], n), slope = clf__rows(k->t[SLOPES], n);
  clf__pass back = *p;
  back.dlogdet = -p->dlogdet;
  CLF_TRY(numbers(l, p, k, x));
  CLF_TRY(slopes(l, p, k, x));
  CLF_TRY(clf_do(p->dev, fill, .y = dy, .value = 0));
  for (int32_t i = 0; i <= rounds; i++) {
    const int last = i == rounds;
    back.gradients = last ? p->gradients : (clf__vectors){0};
    back.dc = last ? p->dc : (clf_tensor){0};
    CLF_TRY(clf_do(p->dev, axpby, .x = dy, .y = clf__rows(k->t[ONES], n), .a = -1));
    CLF_TRY(backward(l, &back, k, x, y, clf__rows(k->t[ONES], n), left));
    CLF_TRY(clf_do(p->dev, axpby, .x = dx, .y = left, .a = 1, .b = 1));
    if (!last) CLF_TRY(clf_do(p->dev, add_ratio, .a = left, .b = slope, .y = dy));
  }
  return CLF_OK;
}

static clf_status finish(const clf__layer *l, const clf__pass *p) {
  return clf__mapped_finish(&own_of(l)->net, p);
}

static int32_t outside(const clf__layer *l, const double *x, double interval[2]) {
  return clf__mapped_outside(&own_of(l)->map, NULL, x, interval);
}

const clf__layer_ops clf__layer_ar = {
    .name = "ar",
    .make = make,
    .unmake = unmake,
    .draw = draw,
    .derive = derive,
    .init = init,
    .net = net_of,
    .plan = plan,
    .finish = CLF_TRAINS(finish),
    .forward = forward,
    .inverse = inverse,
    .backward = CLF_TRAINS(backward),
    .backward_inverse = CLF_TRAINS(backward_inverse),
    .outside = outside,
};
