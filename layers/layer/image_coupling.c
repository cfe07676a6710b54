/* SPDX-License-Identifier: MIT */
/* image_coupling.c: coupling(affine(scale=realnvp), convresnet(like=realnvp)) of images, and the
 * batchnorm(transformed=1) behind it, fused (Dinh et al. 2017, sections 3.4 and 3.7).
 *
 * From the part that stays, the net computes shift and log-scale of the part that is transformed,
 * which is then normalised.  Both parts are views of the image: channels, or the pixels of one
 * colour of a checkerboard. */
#include "image_coupling.h"
#include <stdlib.h>
#include "batch_norm.h"
#include "batchnorm.h"
#include "channels.h"
#include "coupling_mask.h"
#include "pieces.h"
#include "wn_resnet.h"

/* Tensors of clf__kept: the net's output, the transformed part before its normalisation, gradients
 * of both, log-dets that nothing wants, and the normalisation's statistics. */
enum { TH, RES, DTH, DRES, UNUSED, NORM };

typedef struct image_coupling {
  clf__region moves, stays;
  int scale_first;
  clf__part g, g0; /* log-scale s = g tanh(h) + g0 */
  clf__norm norm;
  int normed;
  clf__net net;
} image_coupling;

static image_coupling *own_of(const clf__layer *l) { return l->own; }
static const clf__arch_coupling *arch_of(const clf__layer *l) {
  return (const clf__arch_coupling *)l->node;
}

/* ---- What it takes ------------------------------------------------------------------------ */

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

/* ---- Making ------------------------------------------------------------------------------- */

static void describe_net(clf__layer *l, image_coupling *o) {
  const int32_t pixels = l->in.height * l->in.width;
  o->net.ops = &clf__net_wn_resnet;
  o->net.node = arch_of(l)->net;
  o->net.pixels = o->stays.pixels;
  o->net.shape =
      (clf__shape){o->stays.channels * pixels, l->in.height, l->in.width, o->stays.channels};
  o->net.in = o->net.shape.dim;
  o->net.out = 2 * o->moves.channels * pixels;
  o->net.key = (uint64_t)l->index;
  if (clf__net_normalises(o->net.node)) o->net.traits |= CLF_HAS_BATCH_STATISTICS;
}

static clf_status make(clf__layer *l, clf__parts *parts, const char *path) {
  image_coupling *o = l->own = calloc(1, sizeof *o);
  char name[80];
  if (!o) return clf__fail(CLF_ENOMEM, "no memory for a coupling");
  CLF_TRY(clf__coupling_mask_check(l));
  clf__coupling_region(l, &o->moves);
  o->stays = clf__region_others(o->moves, l->in);
  o->scale_first = !((const clf__arch_affine *)arch_of(l)->map)->first;
  describe_net(l, o);
  snprintf(name, sizeof name, "%s.net", path);
  CLF_TRY(clf__wn_resnet_make_input(&o->net, parts, name));
  o->normed = clf__image_coupling_joins(l, l->next);
  if (o->normed) {
    clf__batchnorm_add_parts(l->next, &o->norm, o->moves.channels, parts);
    clf__norm_add_without(parts, &o->norm, o->moves.channels);
  }
  const int board = o->moves.pixels != CLF_ALL;
  clf__affine_add_trained(parts, &o->g, &o->g0, board, !board, clf__net_normalises(o->net.node),
                          path);
  clf__wn_resnet_make_rest(&o->net, parts, name);
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

/* ---- Memory ------------------------------------------------------------------------------- */

/* Numbers of the transformed channels, off the board too. */
static int32_t size_of(const clf__layer *l) {
  return own_of(l)->moves.channels * l->in.height * l->in.width;
}
static clf_status plan(const clf__layer *l, int32_t rows, int train, clf_arena *a, clf__kept *k) {
  const image_coupling *o = own_of(l);
  CLF_TRY(clf_new(a, (int32_t[4]){rows, 2 * size_of(l)}, &k->t[TH]));
  if (o->normed) CLF_TRY(clf_new(a, (int32_t[4]){rows, size_of(l)}, &k->t[RES]));
  return clf__net_plan(&o->net, rows, train, a, &k->own);
}

static clf_status keep(const clf__layer *l, int32_t rows, int train, clf_arena *a, clf__kept *k) {
  const image_coupling *o = own_of(l);
  (void)rows;
  if (!o->normed) return CLF_OK;
  return clf__norm_keep(&o->norm, o->moves.channels, train, a, k->t + NORM);
}

static clf_status scratch(const clf__layer *l, int32_t rows, int train, clf_arena *a,
                          clf__kept *k) {
  if (!train) return CLF_OK;
  CLF_TRY(clf_new(a, (int32_t[4]){rows}, &k->t[UNUSED]));
  CLF_TRY(clf_new(a, (int32_t[4]){rows, 2 * size_of(l)}, &k->t[DTH]));
  return clf_new(a, (int32_t[4]){rows, size_of(l)}, &k->t[DRES]);
}

/* ---- Passes ------------------------------------------------------------------------------- */

/* A part of an image as a view of rows of the layer's input or output. */
static clf_tensor part(const clf__layer *l, clf__region r, clf_tensor rows) {
  return clf__region_of(r, l->in, rows);
}
/* Kept tensors of n rows. */
static clf_tensor kept(const clf__layer *l, const clf__kept *k, int which, int32_t n) {
  const int both = which == TH || which == DTH;
  return clf__images(clf__rows(k->t[which], n), (1 + both) * own_of(l)->moves.channels,
                     l->in.height, l->in.width);
}

static clf_status pass_on(const clf__layer *l, const clf__pass *p, clf_tensor x, clf_tensor y) {
  return clf__region_pass_on(p, own_of(l)->stays, l->in, x, y);
}

static clf_status forward(const clf__layer *l, const clf__pass *p, clf__kept *k, clf_tensor x,
                          clf_tensor y, clf_tensor logdet) {
  const image_coupling *o = own_of(l);
  const int32_t n = x.dim[0];
  const clf_tensor th = kept(l, k, TH, n), to = part(l, o->moves, y);
  const clf_tensor res = o->normed ? kept(l, k, RES, n) : to;
  const clf__norm_kept norm = clf__norm_at(k->t + NORM);
  CLF_TRY(clf__wn_resnet_forward(&o->net, p, k->own, part(l, o->stays, x), th));
  if (p->again && !o->normed) return CLF_OK; /* y is there */
  CLF_TRY(clf_do(p->dev, rescaled_fwd, .x = part(l, o->moves, x), .th = th,
                 .g = clf__weight(p, &o->g), .g0 = clf__weight(p, &o->g0), .y = res,
                 .logdet = logdet, .pixels = o->moves.pixels, .scale_first = o->scale_first));
  if (p->again) return CLF_OK;
  CLF_TRY(pass_on(l, p, x, y));
  if (!o->normed) return CLF_OK;
  CLF_TRY(clf__norm_measure(p, &o->norm, &norm, res, o->moves.pixels));
  return clf__norm_flow_forward(p, &o->norm, &norm, res, o->moves.pixels, to, logdet);
}

static clf_status inverse(const clf__layer *l, const clf__pass *p, clf__kept *k, clf_tensor y,
                          clf_tensor x, clf_tensor logdet) {
  const image_coupling *o = own_of(l);
  const int32_t n = y.dim[0];
  const clf_tensor th = kept(l, k, TH, n);
  clf_tensor from = part(l, o->moves, y);
  CLF_TRY(clf__wn_resnet_forward(&o->net, p, k->own, part(l, o->stays, y), th));
  if (o->normed) {
    const clf_tensor res = kept(l, k, RES, n);
    CLF_TRY(clf__norm_flow_inverse(p, &o->norm, from, o->moves.pixels, res, logdet));
    from = res;
  }
  CLF_TRY(pass_on(l, p, y, x));
  return clf_do(p->dev, rescaled_inv, .y = from, .th = th, .g = clf__weight(p, &o->g),
                .g0 = clf__weight(p, &o->g0), .x = part(l, o->moves, x), .logdet = logdet,
                .pixels = o->moves.pixels, .scale_first = o->scale_first);
}

static clf_status backward(const clf__layer *l, const clf__pass *p, clf__kept *k, clf_tensor x,
                           clf_tensor y, clf_tensor dy, clf_tensor dx) {
  const image_coupling *o = own_of(l);
  const int32_t n = x.dim[0];
  const clf_tensor dth = kept(l, k, DTH, n);
  const clf__norm_kept norm = clf__norm_at(k->t + NORM);
  clf_tensor dres = part(l, o->moves, dy);
  (void)y;
  if (o->normed) {
    const clf_tensor to = kept(l, k, DRES, n);
    CLF_TRY(
        clf__norm_flow_backward(p, &o->norm, &norm, kept(l, k, RES, n), o->moves.pixels, dres, to));
    dres = to;
  }
  CLF_TRY(clf_do(p->dev, rescaled_bwd, .x = part(l, o->moves, x), .th = kept(l, k, TH, n),
                 .g = clf__weight(p, &o->g), .g0 = clf__weight(p, &o->g0), .dy = dres,
                 .dl = p->each, .dx = part(l, o->moves, dx), .dth = dth,
                 .dg = clf__gradient(p, &o->g), .dg0 = clf__gradient(p, &o->g0),
                 .pixels = o->moves.pixels, .scale_first = o->scale_first, .dlogdet = p->dlogdet));
  CLF_TRY(pass_on(l, p, dy, dx));
  return clf__wn_resnet_backward(&o->net, p, k->own, part(l, o->stays, x), dth, 1,
                                 part(l, o->stays, dx));
}

/* to = dx exp(-s): the inverse with shift 0. */
static clf_status divide_by_scale(const clf__layer *l, const clf__pass *p, const clf__kept *k,
                                  clf_tensor dx, clf_tensor to) {
  const image_coupling *o = own_of(l);
  const int32_t n = dx.dim[0];
  const clf_tensor th = kept(l, k, DTH, n), unused = clf__rows(k->t[UNUSED], n);
  CLF_TRY(clf_do(p->dev, copy, .x = kept(l, k, TH, n), .y = th));
  CLF_TRY(clf_do(p->dev, fill, .y = clf__half(th, 0), .value = 0));
  CLF_TRY(clf_do(p->dev, fill, .y = unused, .value = 0));
  return clf_do(p->dev, rescaled_inv, .y = dx, .th = th, .g = clf__weight(p, &o->g),
                .g0 = clf__weight(p, &o->g0), .x = to, .logdet = unused, .pixels = o->moves.pixels,
                .scale_first = o->scale_first);
}

/* What comes by the net's output through the inverse is minus what comes by it through the coupling
 * at the same x, with dx exp(-s) for dy. */
static clf_status backward_inverse(const clf__layer *l, const clf__pass *p, clf__kept *k,
                                   clf_tensor y, clf_tensor x, clf_tensor dx, clf_tensor dy) {
  const image_coupling *o = own_of(l);
  const int32_t n = x.dim[0];
  const clf_tensor dres = kept(l, k, DRES, n), dth = kept(l, k, DTH, n);
  const clf_tensor to = part(l, o->moves, dy);
  CLF_TRY(divide_by_scale(l, p, k, part(l, o->moves, dx), dres));
  CLF_TRY(clf__negate(p, part(l, o->moves, dx), dres));
  CLF_TRY(clf_do(p->dev, rescaled_bwd, .x = part(l, o->moves, x), .th = kept(l, k, TH, n),
                 .g = clf__weight(p, &o->g), .g0 = clf__weight(p, &o->g0), .dy = dres,
                 .dl = p->each, .dx = to, .dth = dth, .dg = clf__gradient(p, &o->g),
                 .dg0 = clf__gradient(p, &o->g0), .pixels = o->moves.pixels,
                 .scale_first = o->scale_first, .dlogdet = -p->dlogdet));
  CLF_TRY(clf__negate(p, part(l, o->moves, dx), dres));
  if (o->normed)
    CLF_TRY(clf__norm_flow_backward_inverse(p, &o->norm, dres, o->moves.pixels,
                                            clf__rows(k->t[UNUSED], n), to));
  else
    CLF_TRY(clf_do(p->dev, copy, .x = dres, .y = to));
  CLF_TRY(pass_on(l, p, dx, dy));
  return clf__wn_resnet_backward(&o->net, p, k->own, part(l, o->stays, y), dth, 1,
                                 part(l, o->stays, dy));
}

/* ---- Looking ------------------------------------------------------------------------------ */

static clf_status find_bad(const clf__layer *l, const clf__pass *p, clf__kept *k, clf_tensor x,
                           clf_tensor y, char *name, size_t size) {
  const image_coupling *o = own_of(l);
  int finite;
  (void)y, (void)p;
  CLF_TRY(clf__is_finite(l->dev, kept(l, k, TH, x.dim[0]), &finite));
  if (finite && o->normed) CLF_TRY(clf__is_finite(l->dev, kept(l, k, RES, x.dim[0]), &finite));
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
    .backward = backward,
    .backward_inverse = backward_inverse,
    .find_bad = find_bad,
    .joins = joins,
    .alternates = 1,
};
