/* SPDX-License-Identifier: MIT */
/* image_coupling.c: coupling(affine(scale=realnvp), convresnet(like=realnvp)) of images, fused with
 * batchnorm(transformed=1) after it (Dinh et al. 2017, sections 3.4 and 3.7).
 *
 * From the identity region of an image the net computes shift and log-scale of the transformed
 * region, which is then normalised.  Both regions are views of the image: channels, or the pixels
 * of one colour of a checkerboard. */
#include "image_coupling.h"
#include <stdlib.h>
#include "batch_norm.h"
#include "batchnorm.h"
#include "channels.h"
#include "coupling_mask.h"
#include "layer.h"
#include "map.h"
#include "wn_resnet.h"

/* Tensors of clf__layer_memory: the net's output, the transformed region before its
 * normalisation, gradients of both, unused log-dets, and the statistics of the normalisation. */
enum { TH, RES, DTH, DRES, UNUSED, NORM };

typedef struct image_coupling {
  clf__region transformed, identity;
  int scale_first;
  clf__slot g, g0; /* log-scale s = g tanh(h) + g0 */
  clf__norm norm;
  int normed;
  clf__net net;
} image_coupling;

static image_coupling *own_of(const clf__layer *l) { return l->own; }
static const clf__arch_coupling *arch_of(const clf__layer *l) {
  return (const clf__arch_coupling *)l->node;
}

/* ---- Which layers it takes ------------------------------------------------------------------- */

int clf__image_coupling_takes(const clf__layer *l) {
  const clf__arch_coupling *c = arch_of(l);
  clf__region unused;
  if (c->map->type->id != CLF__ARCH_affine || c->net->type->id != CLF__ARCH_convresnet) return 0;
  const clf__arch_affine *a = (const clf__arch_affine *)c->map;
  const clf__arch_convresnet *n = (const clf__arch_convresnet *)c->net;
  return a->scale == CLF__SCALE_REALNVP && a->layout == CLF__LAYOUT_AUTO &&
         n->like == CLF__CONV_LIKE_REALNVP && c->inputs == CLF__INPUTS_IDENTITY && !c->uncond &&
         !l->context && clf__coupling_region(l, &unused);
}

int clf__image_coupling_joins(const clf__layer *l, const clf__layer *next) {
  return l && next && l->ops == &clf__image_coupling && !l->inverted && !next->inverted &&
         clf__batchnorm_of_transformed(next);
}
static int joins(const clf__layer *l, const clf__layer *next) {
  return l->count == 1 && clf__image_coupling_joins(l, next);
}

/* ---- Making ---------------------------------------------------------------------------------- */

static void describe_net(clf__layer *l, image_coupling *o) {
  const int32_t pixels = l->in.height * l->in.width;
  o->net.ops = &clf__net_wn_resnet;
  o->net.node = arch_of(l)->net;
  o->net.pixels = o->identity.pixels;
  o->net.shape =
      (clf__shape){o->identity.channels * pixels, l->in.height, l->in.width, o->identity.channels};
  o->net.in = o->net.shape.dim;
  o->net.out = 2 * o->transformed.channels * pixels;
  o->net.key = (uint64_t)l->index;
  if (clf__net_normalises(o->net.node)) o->net.traits |= CLF_HAS_BATCH_STATISTICS;
}

static clf_status make(clf__layer *l, clf__slots *slots, const char *path) {
  image_coupling *o = l->own = calloc(1, sizeof *o);
  char name[80];
  if (!o) return clf__fail(CLF_ENOMEM, "no memory for a coupling");
  CLF_TRY(clf__coupling_mask_check(l));
  clf__coupling_region(l, &o->transformed);
  o->identity = clf__region_others(o->transformed, l->in);
  o->scale_first = !((const clf__arch_affine *)arch_of(l)->map)->first;
  describe_net(l, o);
  snprintf(name, sizeof name, "%s.net", path);
  CLF_TRY(clf__wn_resnet_make_input(&o->net, slots, name));
  o->normed = clf__image_coupling_joins(l, l->next);
  if (o->normed) {
    clf__batchnorm_add_slots(l->next, &o->norm, o->transformed.channels, slots);
    clf__norm_add_without(slots, &o->norm, o->transformed.channels);
  }
  const int board = o->transformed.pixels != CLF_PIXELS_ALL;
  clf__affine_add_trained(slots, &o->g, &o->g0, board, !board, clf__net_normalises(o->net.node),
                          path);
  clf__wn_resnet_make_rest(&o->net, slots, name);
  return CLF_OK;
}

static void unmake(clf__layer *l) {
  if (l->own) clf__net_unmake(&own_of(l)->net);
  free(l->own);
  l->own = NULL;
}

static void draw(const clf__layer *l, clf__host_random *r, double *c) {
  own_of(l)->net.ops->draw(&own_of(l)->net, r, c);
  clf__norm_draw(&own_of(l)->norm, c);
}

static const clf__net *net_of(const clf__layer *l) { return &own_of(l)->net; }

/* ---- Memory ---------------------------------------------------------------------------------- */

/* Elements of the transformed channels, at all pixels. */
static int32_t size_of(const clf__layer *l) {
  return own_of(l)->transformed.channels * l->in.height * l->in.width;
}
static clf_status plan(const clf__layer *l, int32_t rows, int train, clf_arena *a,
                       clf__layer_memory *k) {
  const image_coupling *o = own_of(l);
  CLF_TRY(clf_new(a, (int32_t[4]){rows, 2 * size_of(l)}, &k->t[TH]));
  if (o->normed) CLF_TRY(clf_new(a, (int32_t[4]){rows, size_of(l)}, &k->t[RES]));
  return clf__net_plan(&o->net, rows, train, a, &k->own);
}

static clf_status keep(const clf__layer *l, int32_t rows, int train, clf_arena *a,
                       clf__layer_memory *k) {
  const image_coupling *o = own_of(l);
  (void)rows;
  if (!o->normed) return CLF_OK;
  return clf__norm_keep(&o->norm, o->transformed.channels, train, a, k->t + NORM);
}

static clf_status scratch(const clf__layer *l, int32_t rows, int train, clf_arena *a,
                          clf__layer_memory *k) {
  if (!train) return CLF_OK;
  CLF_TRY(clf_new(a, (int32_t[4]){rows}, &k->t[UNUSED]));
  CLF_TRY(clf_new(a, (int32_t[4]){rows, 2 * size_of(l)}, &k->t[DTH]));
  return clf_new(a, (int32_t[4]){rows, size_of(l)}, &k->t[DRES]);
}

/* ---- Passes ---------------------------------------------------------------------------------- */

/* A region of the image as a view of rows of the layer's input or output. */
static clf_tensor region_in(const clf__layer *l, clf__region r, clf_tensor rows) {
  return clf__region_of(r, l->in, rows);
}
/* Tensors of n rows. */
static clf_tensor tensor(const clf__layer *l, const clf__layer_memory *k, int which, int32_t n) {
  const int both = which == TH || which == DTH;
  return clf__images(clf__rows(k->t[which], n), (1 + both) * own_of(l)->transformed.channels,
                     l->in.height, l->in.width);
}

static clf_status pass_on(const clf__layer *l, const clf__pass *p, clf_tensor x, clf_tensor y) {
  return clf__region_pass_on(p, own_of(l)->identity, l->in, x, y);
}

static clf_status forward(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                          clf_tensor x, clf_tensor y, clf_tensor logdet) {
  const image_coupling *o = own_of(l);
  const int32_t n = x.dim[0];
  const clf_tensor th = tensor(l, k, TH, n), to = region_in(l, o->transformed, y);
  const clf_tensor res = o->normed ? tensor(l, k, RES, n) : to;
  const clf__norm_memory norm = clf__norm_at(k->t + NORM);
  CLF_TRY(clf__wn_resnet_forward(&o->net, p, k->own, region_in(l, o->identity, x), th));
  if (p->recompute && !o->normed) return CLF_OK; /* y is stored */
  CLF_TRY(clf_do(p->dev, rescaled_fwd, .x = region_in(l, o->transformed, x), .th = th,
                 .g = clf__weight(p, &o->g), .g0 = clf__weight(p, &o->g0), .y = res,
                 .logdet = logdet, .pixels = o->transformed.pixels, .scale_first = o->scale_first));
  if (p->recompute) return CLF_OK;
  CLF_TRY(pass_on(l, p, x, y));
  if (!o->normed) return CLF_OK;
  CLF_TRY(clf__norm_measure(p, &o->norm, &norm, res, o->transformed.pixels));
  return clf__norm_flow_forward(p, &o->norm, &norm, res, o->transformed.pixels, to, logdet);
}

static clf_status inverse(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                          clf_tensor y, clf_tensor x, clf_tensor logdet) {
  const image_coupling *o = own_of(l);
  const int32_t n = y.dim[0];
  const clf_tensor th = tensor(l, k, TH, n);
  clf_tensor from = region_in(l, o->transformed, y);
  CLF_TRY(clf__wn_resnet_forward(&o->net, p, k->own, region_in(l, o->identity, y), th));
  if (o->normed) {
    const clf_tensor res = tensor(l, k, RES, n);
    CLF_TRY(clf__norm_flow_inverse(p, &o->norm, from, o->transformed.pixels, res, logdet));
    from = res;
  }
  CLF_TRY(pass_on(l, p, y, x));
  return clf_do(p->dev, rescaled_inv, .y = from, .th = th, .g = clf__weight(p, &o->g),
                .g0 = clf__weight(p, &o->g0), .x = region_in(l, o->transformed, x),
                .logdet = logdet, .pixels = o->transformed.pixels, .scale_first = o->scale_first);
}

static clf_status backward(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                           clf_tensor x, clf_tensor y, clf_tensor dy, clf_tensor dx) {
  const image_coupling *o = own_of(l);
  const int32_t n = x.dim[0];
  const clf_tensor dth = tensor(l, k, DTH, n);
  const clf__norm_memory norm = clf__norm_at(k->t + NORM);
  clf_tensor dres = region_in(l, o->transformed, dy);
  (void)y;
  if (o->normed) {
    const clf_tensor to = tensor(l, k, DRES, n);
    CLF_TRY(clf__norm_flow_backward(p, &o->norm, &norm, tensor(l, k, RES, n), o->transformed.pixels,
                                    dres, to));
    dres = to;
  }
  CLF_TRY(clf_do(p->dev, rescaled_bwd, .x = region_in(l, o->transformed, x),
                 .th = tensor(l, k, TH, n), .g = clf__weight(p, &o->g),
                 .g0 = clf__weight(p, &o->g0), .dy = dres, .dl = p->each,
                 .dx = region_in(l, o->transformed, dx), .dth = dth, .dg = clf__gradient(p, &o->g),
                 .dg0 = clf__gradient(p, &o->g0), .pixels = o->transformed.pixels,
                 .scale_first = o->scale_first, .dlogdet = p->dlogdet));
  CLF_TRY(pass_on(l, p, dy, dx));
  return clf__wn_resnet_backward(&o->net, p, k->own, region_in(l, o->identity, x), dth, 1,
                                 region_in(l, o->identity, dx));
}

/* to = dx exp(-s): the inverse with shift 0. */
static clf_status divide_by_scale(const clf__layer *l, const clf__pass *p,
                                  const clf__layer_memory *k, clf_tensor dx, clf_tensor to) {
  const image_coupling *o = own_of(l);
  const int32_t n = dx.dim[0];
  const clf_tensor th = tensor(l, k, DTH, n), unused = clf__rows(k->t[UNUSED], n);
  CLF_TRY(clf_do(p->dev, copy, .x = tensor(l, k, TH, n), .y = th));
  CLF_TRY(clf_do(p->dev, fill, .y = clf__half(th, 0), .value = 0));
  CLF_TRY(clf_do(p->dev, fill, .y = unused, .value = 0));
  return clf_do(p->dev, rescaled_inv, .y = dx, .th = th, .g = clf__weight(p, &o->g),
                .g0 = clf__weight(p, &o->g0), .x = to, .logdet = unused,
                .pixels = o->transformed.pixels, .scale_first = o->scale_first);
}

/* The gradient through the net in the inverse is minus that in the coupling at the same x, with
 * dx exp(-s) in place of dy. */
static clf_status backward_inverse(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                                   clf_tensor y, clf_tensor x, clf_tensor dx, clf_tensor dy) {
  const image_coupling *o = own_of(l);
  const int32_t n = x.dim[0];
  const clf_tensor dres = tensor(l, k, DRES, n), dth = tensor(l, k, DTH, n);
  const clf_tensor to = region_in(l, o->transformed, dy);
  CLF_TRY(divide_by_scale(l, p, k, region_in(l, o->transformed, dx), dres));
  CLF_TRY(clf__negate(p, region_in(l, o->transformed, dx), dres));
  CLF_TRY(clf_do(
      p->dev, rescaled_bwd, .x = region_in(l, o->transformed, x), .th = tensor(l, k, TH, n),
      .g = clf__weight(p, &o->g), .g0 = clf__weight(p, &o->g0), .dy = dres, .dl = p->each, .dx = to,
      .dth = dth, .dg = clf__gradient(p, &o->g), .dg0 = clf__gradient(p, &o->g0),
      .pixels = o->transformed.pixels, .scale_first = o->scale_first, .dlogdet = -p->dlogdet));
  CLF_TRY(clf__negate(p, region_in(l, o->transformed, dx), dres));
  if (o->normed)
    CLF_TRY(clf__norm_flow_backward_inverse(p, &o->norm, dres, o->transformed.pixels,
                                            clf__rows(k->t[UNUSED], n), to));
  else
    CLF_TRY(clf_do(p->dev, copy, .x = dres, .y = to));
  CLF_TRY(pass_on(l, p, dx, dy));
  return clf__wn_resnet_backward(&o->net, p, k->own, region_in(l, o->identity, y), dth, 1,
                                 region_in(l, o->identity, dy));
}

/* ---- Looking --------------------------------------------------------------------------------- */

static clf_status find_bad(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                           clf_tensor x, clf_tensor y, char *name, size_t size) {
  const image_coupling *o = own_of(l);
  int finite;
  (void)y, (void)p;
  CLF_TRY(clf__is_finite(l->dev, tensor(l, k, TH, x.dim[0]), &finite));
  if (finite && o->normed) CLF_TRY(clf__is_finite(l->dev, tensor(l, k, RES, x.dim[0]), &finite));
  if (!finite) snprintf(name, size, "%s", l->label);
  return CLF_OK;
}

const clf__layer_ops clf__image_coupling = {
    .name = "coupling",
    .make = make,
    .unmake = unmake,
    .draw = draw,
    .net = net_of,
    .plan = plan,
    .keep = keep,
    .scratch = scratch,
    .forward = forward,
    .inverse = inverse,
    .backward = CLF_TRAINS(backward),
    .backward_inverse = CLF_TRAINS(backward_inverse),
    .find_bad = CLF_TRAINS(find_bad),
    .joins = joins,
    .alternates = 1,
};
