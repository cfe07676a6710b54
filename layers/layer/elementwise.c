/* SPDX-License-Identifier: MIT */
/* elementwise.c: each dimension is transformed by a map whose parameters are trained, or
 * computed by a net from the context. */
#include <stdio.h>
#include <stdlib.h>
#include "mapped.h"
#include "layer.h"

enum { NUMBERS, DNUMBERS, DCONTEXT }; /* tensors of clf__layer_memory */

typedef struct elementwise {
  clf__map map;
  clf__net net;      /* ops NULL: the parameters are trained */
  clf__slot trained; /* (D, m) */
  clf__slot all;     /* (D) 0 .. D - 1: every column is transformed */
} elementwise;

static elementwise *own_of(const clf__layer *l) { return l->own; }
static const clf__arch_elementwise *arch_of(const clf__layer *l) {
  return (const clf__arch_elementwise *)l->node;
}

static clf_status make_net(const clf__layer *l, elementwise *o, clf__slots *slots,
                           const char *path) {
  char name[64];
  snprintf(name, sizeof name, "%s.net", path);
  if (!l->context)
    return clf__fail(CLF_EINVAL,
                     "%s: its net reads the context, and the flow has none; without a net its "
                     "numbers are trained",
                     l->label);
  o->net.context = l->context;
  clf__net_read_context(&o->net);
  o->net.out = l->in.dim * o->map.numbers;
  o->net.key = (uint64_t)l->index;
  return clf__net_make(&o->net, arch_of(l)->net, slots, name);
}

static clf_status make(clf__layer *l, clf__slots *slots, const char *path) {
  const int32_t D = l->in.dim;
  elementwise *o = l->own = calloc(1, sizeof *o);
  if (!o) return clf__fail(CLF_ENOMEM, "no memory for an elementwise layer");
  clf__slots_add(slots, &o->all, CLF_CONSTANT, 0, 0, 1, &D, NULL);
  o->map.whole = o->map.dims = D;
  if (arch_of(l)->net) o->map.hidden = clf__net_hidden(arch_of(l)->net);
  CLF_TRY(clf__map_make(&o->map, arch_of(l)->map, slots, path));
  l->traits |= clf__mapped_traits(&o->map);
  if (arch_of(l)->net) return make_net(l, o, slots, path);
  clf__slots_add(slots, &o->trained, CLF_PLAIN, 0, 0, 2, (int32_t[2]){D, o->map.numbers},
                 "%s.numbers", path);
  return CLF_OK;
}

static void unmake(clf__layer *l) {
  elementwise *o = l->own;
  if (!o) return;
  clf__map_unmake(&o->map);
  clf__net_unmake(&o->net);
  free(o);
  l->own = NULL;
}

static clf_status derive(const clf__layer *l, double *c) {
  return clf__mapped_derive_all(&own_of(l)->map, &own_of(l)->all, c);
}

static void draw(const clf__layer *l, clf__host_random *r, double *c) {
  clf__mapped_draw(&own_of(l)->net, r, c);
}
static void init(const clf__layer *l, clf__host_random *r, double *w) {
  const elementwise *o = own_of(l);
  if (o->net.ops)
    clf__net_init_for(&o->net, &o->map, r, w);
  else
    o->map.ops->start(&o->map, r, w + o->trained.at);
}

static clf_status plan(const clf__layer *l, int32_t rows, int train, clf_arena *a,
                       clf__layer_memory *k) {
  const elementwise *o = own_of(l);
  const int32_t shape[4] = {rows, l->in.dim * o->map.numbers};
  if (train) CLF_TRY(clf_new(a, shape, &k->t[DNUMBERS]));
  if (!o->net.ops) return CLF_OK;
  CLF_TRY(clf_new(a, shape, &k->t[NUMBERS]));
  if (train) CLF_TRY(clf_new(a, (int32_t[4]){rows, l->context}, &k->t[DCONTEXT]));
  return clf__net_plan(&o->net, rows, train, a, &k->own);
}

static const clf__net *net_of(const clf__layer *l) { return clf__mapped_net(&own_of(l)->net); }

/* The map's parameters for n samples; backward uses the tensor of the net. */
static clf_status compute_numbers(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                                  int32_t n, clf_tensor *u) {
  const elementwise *o = own_of(l);
  return clf__mapped_compute(&o->net, &o->trained, p, k->own, p->c, k->t[NUMBERS], n, u);
}
static clf_tensor numbers(const clf__layer *l, const clf__pass *p, const clf__layer_memory *k,
                          int32_t n) {
  const elementwise *o = own_of(l);
  return clf__mapped_parameters(&o->net, &o->trained, p, k->t[NUMBERS], n);
}

static clf_status add_gradients(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                                clf_tensor du) {
  const elementwise *o = own_of(l);
  if (!o->net.ops) return clf__sum_for_all(p, du, &o->trained);
  return clf__net_backward_context(&o->net, p, k->own, du, clf__rows(k->t[DCONTEXT], du.dim[0]));
}

static clf_status forward(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                          clf_tensor x, clf_tensor y, clf_tensor logdet) {
  const elementwise *o = own_of(l);
  clf_tensor u;
  CLF_TRY(compute_numbers(l, p, k, x.dim[0], &u));
  return o->map.ops->forward(&o->map, p, x, clf__weight(p, &o->all), u, y, logdet);
}

static clf_status inverse(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                          clf_tensor y, clf_tensor x, clf_tensor logdet) {
  const elementwise *o = own_of(l);
  clf_tensor u;
  CLF_TRY(compute_numbers(l, p, k, y.dim[0], &u));
  return o->map.ops->inverse(&o->map, p, y, clf__weight(p, &o->all), u, x, logdet);
}

static clf_status backward(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                           clf_tensor x, clf_tensor y, clf_tensor dy, clf_tensor dx) {
  const elementwise *o = own_of(l);
  const clf_tensor du = clf__rows(k->t[DNUMBERS], x.dim[0]);
  (void)y;
  CLF_TRY(o->map.ops->backward(&o->map, p, x, clf__weight(p, &o->all), numbers(l, p, k, x.dim[0]),
                               dy, dx, du));
  return add_gradients(l, p, k, du);
}

static clf_status backward_inverse(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                                   clf_tensor y, clf_tensor x, clf_tensor dx, clf_tensor dy) {
  const elementwise *o = own_of(l);
  const clf_tensor du = clf__rows(k->t[DNUMBERS], x.dim[0]);
  (void)y;
  CLF_TRY(o->map.ops->backward_inverse(&o->map, p, x, clf__weight(p, &o->all),
                                       numbers(l, p, k, x.dim[0]), dx, dy, du));
  return add_gradients(l, p, k, du);
}

static clf_status finish(const clf__layer *l, const clf__pass *p) {
  return clf__mapped_finish(&own_of(l)->net, p);
}

static int32_t outside(const clf__layer *l, const double *x, double interval[2]) {
  return clf__mapped_outside(&own_of(l)->map, NULL, x, interval);
}

const clf__layer_ops clf__layer_elementwise = {
    .name = "elementwise",
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
