/* SPDX-License-Identifier: MIT */
/* split.c: sends half of the channels, or of the dimensions, to the latent (Dinh et al. 2017,
 * section 3.6), standardised by a normal prior whose mean and deviation are fixed, trained, or
 * computed from the remaining half (Kingma and Dhariwal 2018): what is sent is N(0, I) under the
 * prior. */
#include <stdio.h>
#include <stdlib.h>
#include "mapped.h"
#include "layer.h"

/* Tensors of clf__layer_memory: the half that is sent, its prior's parameters, and gradients. */
enum { SENT, NUMBERS, DSENT, DNUMBERS, DKEPT, THROUGH, USED };

typedef struct split {
  int32_t remaining, sent; /* elements of a sample */
  clf__slot all;           /* (sent) 0 .. sent - 1: the columns that the map transforms */
  clf__arch_affine form;   /* of the map */
  clf__map map;            /* its inverse is z = (x - mean) / exp(log_std); ops NULL: z = x */
  clf__net net;            /* computes mean and log_std; ops NULL: they are trained */
  clf__slot trained;       /* (sent, 2) mean, log_std */
} split;

static split *own_of(const clf__layer *l) { return l->own; }
static const clf__arch_split *arch_of(const clf__layer *l) {
  return (const clf__arch_split *)l->node;
}

/* y = exp(log_std) z + mean, with (mean, log_std) of each dimension adjacent.  clamp: bound on
 * log_std, 0: none. */
static clf__arch_affine prior_map(double clamp) {
  return (clf__arch_affine){.node = {.type = &clf__node_types[CLF__ARCH_affine]},
                            .scale = CLF__SCALE_TANH,
                            .clamp = clamp,
                            .layout = CLF__LAYOUT_INTERLEAVED,
                            .slope = 1e-3};
}
/* A 3 x 3 convolution that starts at zero. */
static const clf__node *prior_conv(void) {
  static int32_t side = 3;
  static const clf__arch_conv conv = {.node = {.type = &clf__node_types[CLF__ARCH_conv]},
                                      .width = 1,
                                      .kernels = {&side, 1},
                                      .context = CLF__JOIN_ADD,
                                      .zero = 1};
  return &conv.node;
}

/* ---- Making ---------------------------------------------------------------------------------- */

static clf_status set_shapes(clf__layer *l, split *o) {
  const clf__shape *in = &l->in;
  const int32_t all = in->channels ? in->channels : in->dim, pixels = in->dim / all;
  const int32_t remaining = arch_of(l)->keep == CLF__KEEP_FIRST ? all - all / 2 : all / 2;
  if (all < 2)
    return clf__fail(CLF_EINVAL, "%s: a split needs 2 %s or more", l->label,
                     in->channels ? "channels" : "dimensions");
  o->remaining = remaining * pixels;
  o->sent = in->dim - o->remaining;
  l->to_z = o->sent;
  if (arch_of(l)->place) l->traits |= CLF_PLACES_LATENTS;
  l->out = (clf__shape){o->remaining, in->height, in->width, in->channels ? remaining : 0};
  return CLF_OK;
}

static clf_status make_net(clf__layer *l, split *o, const clf__node *node, clf__slots *slots,
                           const char *path) {
  char name[80];
  snprintf(name, sizeof name, "%s.prior", path);
  o->net.in = o->remaining;
  o->net.context = l->context;
  o->net.shape = l->out;
  o->net.out = 2 * o->sent;
  o->net.numbers = 2;
  o->net.key = (uint64_t)l->index;
  return clf__net_make(&o->net, node, slots, name);
}

static clf_status make_prior(clf__layer *l, split *o, clf__slots *slots, const char *path) {
  const clf__node *prior = arch_of(l)->prior;
  const clf__arch_normal *normal = (const clf__arch_normal *)prior;
  const int conv = prior->type->id == CLF__ARCH_base_conv;
  if (!conv && (prior->type->id != CLF__ARCH_normal || normal->cov != CLF__COV_DIAG))
    return clf__fail(CLF_EINVAL, "%s: the prior of a split is a normal with a diagonal, or conv",
                     l->label);
  if (!conv && !normal->trained && !normal->net) return CLF_OK;
  o->map.whole = o->map.dims = o->sent;
  o->form = prior_map(conv ? ((const clf__arch_base_conv *)prior)->clamp : 0);
  CLF_TRY(clf__map_make(&o->map, &o->form.node, slots, path));
  if (conv || normal->net) return make_net(l, o, conv ? prior_conv() : normal->net, slots, path);
  clf__slots_add(slots, &o->trained, CLF_PLAIN, 0, 0, 2, (int32_t[2]){o->sent, 2},
                 "%s.prior.numbers", path);
  return CLF_OK;
}

static clf_status make(clf__layer *l, clf__slots *slots, const char *path) {
  split *o = l->own = calloc(1, sizeof *o);
  if (!o) return clf__fail(CLF_ENOMEM, "no memory for a split");
  CLF_TRY(set_shapes(l, o));
  clf__slots_add(slots, &o->all, CLF_CONSTANT, 0, 0, 1, &o->sent, NULL);
  return make_prior(l, o, slots, path);
}

static void unmake(clf__layer *l) {
  split *o = l->own;
  if (!o) return;
  clf__map_unmake(&o->map);
  clf__net_unmake(&o->net);
  free(o);
  l->own = NULL;
}

static clf_status derive(const clf__layer *l, double *c) {
  const split *o = own_of(l);
  for (int32_t d = 0; d < o->sent; d++) c[o->all.at + d] = d;
  return CLF_OK;
}

static clf_status trace(const clf__layer *l, int32_t *places, int32_t *sent) {
  const int32_t all = l->in.channels ? l->in.channels : l->in.dim;
  const int32_t remaining = own_of(l)->remaining / (l->in.dim / all);
  const int first = arch_of(l)->keep == CLF__KEEP_FIRST;
  int32_t n = 0;
  for (int32_t d = 0; d < l->in.dim; d++)
    if (first ? d % all < remaining : d % all >= all - remaining)
      places[n++] = places[d];
    else
      *sent++ = places[d];
  return CLF_OK;
}

static void draw(const clf__layer *l, clf__host_random *r, double *c) {
  clf__mapped_draw(&own_of(l)->net, r, c);
}
static void init(const clf__layer *l, clf__host_random *r, double *w) {
  const clf__net *n = &own_of(l)->net;
  if (n->ops && n->ops->init) n->ops->init(n, r, w);
}

static clf_status plan(const clf__layer *l, int32_t rows, int train, clf_arena *a,
                       clf__layer_memory *k) {
  const split *o = own_of(l);
  const int32_t cols[USED] = {[SENT] = o->map.ops ? o->sent : 0,
                              [NUMBERS] = o->net.ops ? 2 * o->sent : 0,
                              [DSENT] = train && o->map.ops ? o->sent : 0,
                              [DNUMBERS] = train && o->map.ops ? 2 * o->sent : 0,
                              [DKEPT] = train ? o->remaining : 0,
                              [THROUGH] = train && o->net.ops ? o->remaining : 0};
  for (int i = 0; i < USED; i++)
    if (cols[i]) CLF_TRY(clf_new(a, (int32_t[4]){rows, cols[i]}, &k->t[i]));
  if (!o->net.ops) return CLF_OK;
  return clf__net_plan(&o->net, rows, train, a, &k->own);
}

static const clf__net *net_of(const clf__layer *l) { return clf__mapped_net(&own_of(l)->net); }

/* ---- Passes ---------------------------------------------------------------------------------- */

static clf_tensor tensor(const clf__layer_memory *k, int i, int32_t n) {
  return k->t[i].dim[0] ? clf__rows(k->t[i], n) : k->t[i];
}
/* Rows as images of `channels` channels, or unchanged. */
static clf_tensor shaped(const clf__layer *l, clf_tensor t) {
  const int32_t H = l->in.height, W = l->in.width;
  return l->in.channels ? clf__images(t, t.dim[1] / (H * W), H, W) : t;
}
/* The remaining half of x, or the half that is sent. */
static clf_tensor half_of(const clf__layer *l, clf_tensor x, int leaves) {
  const clf_tensor all = shaped(l, x);
  const int32_t end = all.dim[1], remaining = own_of(l)->remaining / (l->in.dim / end);
  if (arch_of(l)->keep == CLF__KEEP_FIRST)
    return leaves ? clf_slice(all, 1, remaining, end) : clf_slice(all, 1, 0, remaining);
  return leaves ? clf_slice(all, 1, 0, end - remaining) : clf_slice(all, 1, end - remaining, end);
}
static clf_status take(const clf__layer *l, const clf__pass *p, int leaves, clf_tensor x,
                       clf_tensor y) {
  return clf_do(p->dev, copy, .x = half_of(l, x, leaves), .y = shaped(l, y));
}
/* Writes both halves to their places. */
static clf_status join(const clf__layer *l, const clf__pass *p, clf_tensor remaining,
                       clf_tensor sent, clf_tensor x) {
  CLF_TRY(clf_do(p->dev, copy, .x = shaped(l, remaining), .y = half_of(l, x, 0)));
  return clf_do(p->dev, copy, .x = shaped(l, sent), .y = half_of(l, x, 1));
}

/* Mean and log_std of each element that is sent, from the remaining half. */
static clf_status compute_numbers(const split *o, const clf__pass *p, clf__layer_memory *k,
                                  clf_tensor remaining, clf_tensor *u) {
  return clf__mapped_compute(&o->net, &o->trained, p, k->own, remaining, k->t[NUMBERS],
                             remaining.dim[0], u);
}
static clf_tensor numbers(const split *o, const clf__pass *p, const clf__layer_memory *k,
                          int32_t n) {
  return clf__mapped_parameters(&o->net, &o->trained, p, k->t[NUMBERS], n);
}

static clf_status forward(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                          clf_tensor x, clf_tensor y, clf_tensor logdet) {
  const split *o = own_of(l);
  const clf_tensor sent = o->map.ops ? tensor(k, SENT, x.dim[0]) : k->z;
  clf_tensor u;
  CLF_TRY(take(l, p, 0, x, y));
  CLF_TRY(take(l, p, 1, x, sent));
  if (!o->map.ops) return CLF_OK;
  CLF_TRY(compute_numbers(o, p, k, y, &u));
  return o->map.ops->inverse(&o->map, p, sent, clf__weight(p, &o->all), u, k->z, logdet);
}

static clf_status inverse(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                          clf_tensor y, clf_tensor x, clf_tensor logdet) {
  const split *o = own_of(l);
  clf_tensor u;
  if (!o->map.ops) return join(l, p, y, k->z, x);
  const clf_tensor sent = tensor(k, SENT, y.dim[0]);
  CLF_TRY(compute_numbers(o, p, k, y, &u));
  CLF_TRY(o->map.ops->forward(&o->map, p, k->z, clf__weight(p, &o->all), u, sent, logdet));
  return join(l, p, y, sent, x);
}

/* From the gradient by the prior's parameters to that of its weights, and to dL/dy of the
 * remaining half. */
static clf_status numbers_backward(const split *o, const clf__pass *p, clf__layer_memory *k,
                                   clf_tensor y, clf_tensor du, clf_tensor dremaining) {
  const clf_tensor through = tensor(k, THROUGH, y.dim[0]);
  if (!o->net.ops) return clf__sum_for_all(p, du, &o->trained);
  CLF_TRY(o->net.ops->backward(&o->net, p, k->own, y, du, through));
  return clf_do(p->dev, axpby, .x = through, .y = dremaining, .a = 1, .b = 1);
}

/* From dL/dz to the gradient of what was sent, and, by its prior's parameters, of the remaining
 * half. */
static clf_status prior_backward(const split *o, const clf__pass *p, clf__layer_memory *k,
                                 clf_tensor y, clf_tensor dremaining) {
  const int32_t n = y.dim[0];
  const clf_tensor du = tensor(k, DNUMBERS, n);
  CLF_TRY(o->map.ops->backward_inverse(&o->map, p, k->z, clf__weight(p, &o->all),
                                       numbers(o, p, k, n), k->dz, tensor(k, DSENT, n), du));
  return numbers_backward(o, p, k, y, du, dremaining);
}

static clf_status backward(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                           clf_tensor x, clf_tensor y, clf_tensor dy, clf_tensor dx) {
  const split *o = own_of(l);
  const clf_tensor dremaining = tensor(k, DKEPT, x.dim[0]);
  if (!o->map.ops) return join(l, p, dy, k->dz, dx);
  CLF_TRY(clf_do(p->dev, copy, .x = dy, .y = dremaining));
  CLF_TRY(prior_backward(o, p, k, y, dremaining));
  return join(l, p, dremaining, tensor(k, DSENT, x.dim[0]), dx);
}

/* From dL/dx to the gradients of both halves. */
static clf_status backward_inverse(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                                   clf_tensor y, clf_tensor x, clf_tensor dx, clf_tensor dy) {
  const split *o = own_of(l);
  const int32_t n = x.dim[0];
  const clf_tensor dsent = o->map.ops ? tensor(k, DSENT, n) : k->dz;
  const clf_tensor du = tensor(k, DNUMBERS, n);
  CLF_TRY(take(l, p, 0, dx, dy));
  CLF_TRY(take(l, p, 1, dx, dsent));
  if (!o->map.ops) return CLF_OK;
  CLF_TRY(o->map.ops->backward(&o->map, p, k->z, clf__weight(p, &o->all), numbers(o, p, k, n),
                               dsent, k->dz, du));
  return numbers_backward(o, p, k, y, du, dy);
}

static clf_status finish(const clf__layer *l, const clf__pass *p) {
  return clf__mapped_finish(&own_of(l)->net, p);
}

const clf__layer_ops clf__layer_split = {
    .name = "split",
    .make = make,
    .unmake = unmake,
    .draw = draw,
    .derive = derive,
    .trace = trace,
    .init = init,
    .net = net_of,
    .plan = plan,
    .finish = CLF_TRAINS(finish),
    .forward = forward,
    .inverse = inverse,
    .backward = CLF_TRAINS(backward),
    .backward_inverse = CLF_TRAINS(backward_inverse),
};
