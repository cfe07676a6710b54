/* SPDX-License-Identifier: MIT */
/* image_coupling.c: one coupling of an image flow. */
#include "image_coupling.h"
#include <stdio.h>

/* ---- Building ----------------------------------------------------------------------------- */

/* The scale starts at 0 in checkerboard couplings, which then only shift; in channel
 * couplings at 1, and outside of what L2 applies to, as in the released code. */
static void build_scale(clf__parts *p, clf__image_coupling *c, int with_norm, const char *name) {
  static const int32_t one[1] = {1};
  if (c->channelwise)
    clf__parts_add(p, &c->g, CLF_PLAIN, 1, 0, 1, one, "%s.scale", name);
  else
    clf__parts_add(p, &c->g, CLF_DECAYED, 0, 0, 1, one, "%s.rescaling_scale", name);
  if (!with_norm) clf__parts_add(p, &c->g0, CLF_PLAIN, 0, 0, 1, one, "%s.scale_shift", name);
}

clf_status clf__image_coupling_build(clf__parts *p, clf__image_coupling *c,
                                     const clf_flow_spec *spec) {
  const int with_norm = !spec->variant.no_norm;
  char name[32], path[64];
  snprintf(name, sizeof name, "scale%d.coupling%d", c->scale, c->index);
  snprintf(path, sizeof path, "%s.bn_in", name);
  if (with_norm) clf__norm_build(p, &c->bn_in, c->channels, 1, path);
  snprintf(path, sizeof path, "%s.bn_out", name);
  if (with_norm) clf__norm_build(p, &c->bn_out, c->channels, 0, path);
  build_scale(p, c, with_norm, name);
  /* Of a checkerboard the network also sees which pixels it may look at. */
  c->net.in = 2 * c->channels + !c->channelwise;
  c->net.features = spec->hidden << (c->scale + c->channelwise);
  c->net.out = 2 * c->channels;
  c->net.height = c->height;
  c->net.width = c->width;
  c->net.blocks = spec->blocks;
  snprintf(path, sizeof path, "%s.net", name);
  return clf__resnet_build(p, &c->net, with_norm, path);
}

clf_status clf__image_coupling_plan(const clf__layer *l, const clf__image_coupling *c,
                                    const clf__image_scratch *s, int32_t rows, int train,
                                    clf_arena *a, clf__image_coupling_kept *k) {
  const int64_t pixels = (int64_t)c->height * c->width, size = pixels * c->channels;
  CLF_TRY(clf__resnet_plan(l, &c->net, s, rows, train, a, &k->net));
  k->u0 = s->u0;
  k->a0 = s->a0;
  k->th = s->th;
  k->res = s->res;
  if (!train) return CLF_OK;
  if (train == CLF_STORED) {
    CLF_TRY(clf__image_vector(a, rows, size, &k->u0));
    CLF_TRY(clf__image_vector(a, rows, pixels * c->net.in, &k->a0));
    CLF_TRY(clf__image_vector(a, rows, 2 * size, &k->th));
    CLF_TRY(clf__image_vector(a, rows, size, &k->res));
  }
  CLF_TRY(clf__norm_plan(l, c->channels, a, &k->bn_in));
  return clf__norm_plan(l, c->channels, a, &k->bn_out);
}

/* ---- Passes ------------------------------------------------------------------------------- */

static clf_tensor image_of(const clf__image_pass *p, const clf__image_coupling *c, clf_tensor flat,
                           int32_t channels) {
  return clf__image(flat, p->n, channels, c->height, c->width);
}
static clf_tensor input_of(const clf__image_pass *p, const clf__image_coupling *c,
                           clf_tensor flat) {
  return image_of(p, c, flat, c->net.in);
}

/* What concat-ReLU multiplies by: checkerboards hide half of the pixels, and the released
 * code makes up for it where it normalises. */
static float gain(const clf__image_coupling *c) {
  return c->channelwise || !c->bn_in.mean.rank ? 1 : 2;
}

static clf_status network(const clf__image_pass *p, const clf__image_coupling *c,
                          const clf__image_coupling_kept *k, clf_tensor keep, clf_tensor *th) {
  const clf_tensor u0 = image_of(p, c, k->u0, c->channels), a0 = input_of(p, c, k->a0);
  *th = image_of(p, c, k->th, 2 * c->channels);
  CLF_TRY(clf__norm_measure(p, &c->bn_in, &k->bn_in, keep, c->kept));
  CLF_TRY(clf__norm_forward(p, &c->bn_in, &k->bn_in, keep, c->kept, u0));
  CLF_TRY(clf_do(p->dev, crelu_fwd, .x = u0, .y = a0, .a = gain(c), .pixels = c->kept));
  return clf__resnet_forward(p, &c->net, &k->net, a0, *th);
}

/* Network, scale and shift: res is what bn_out normalises. */
static clf_status rescale(const clf__image_pass *p, const clf__image_coupling *c,
                          const clf__image_coupling_kept *k, clf_tensor keep, clf_tensor x,
                          clf_tensor res, clf_tensor logdet) {
  clf_tensor th;
  CLF_TRY(network(p, c, k, keep, &th));
  return clf_do(p->dev, rescaled_fwd, .x = x, .th = th, .g = clf__weight(p->pass, &c->g),
                .g0 = clf__weight(p->pass, &c->g0), .y = res, .logdet = logdet,
                .pixels = c->changed, .scale_first = p->l->spec.variant.scale_first);
}

clf_status clf__image_coupling_forward(const clf__image_pass *p, const clf__image_coupling *c,
                                       const clf__image_coupling_kept *k, clf_tensor keep,
                                       clf_tensor x, clf_tensor y, clf_tensor logdet) {
  const int normed = c->bn_out.mean.rank != 0;
  const clf_tensor res = normed ? image_of(p, c, k->res, c->channels) : y;
  CLF_TRY(rescale(p, c, k, keep, x, res, logdet));
  if (!normed) return CLF_OK;
  CLF_TRY(clf__norm_measure(p, &c->bn_out, &k->bn_out, res, c->changed));
  return clf__norm_flow_forward(p, &c->bn_out, &k->bn_out, res, c->changed, y, logdet);
}

clf_status clf__image_coupling_inverse(const clf__image_pass *p, const clf__image_coupling *c,
                                       const clf__image_coupling_kept *k, clf_tensor keep,
                                       clf_tensor y, clf_tensor x, clf_tensor logdet) {
  const clf_tensor res = image_of(p, c, k->res, c->channels);
  clf_tensor th;
  CLF_TRY(network(p, c, k, keep, &th));
  if (c->bn_out.mean.rank) {
    CLF_TRY(clf__norm_flow_inverse(p, &c->bn_out, y, c->changed, res, logdet));
    y = res;
  }
  return clf_do(p->dev, rescaled_inv, .y = y, .th = th, .g = clf__weight(p->pass, &c->g),
                .g0 = clf__weight(p->pass, &c->g0), .x = x, .logdet = logdet, .pixels = c->changed,
                .scale_first = p->l->spec.variant.scale_first);
}

static clf_status network_backward(const clf__image_pass *p, const clf__image_coupling *c,
                                   const clf__image_coupling_kept *k, clf_tensor keep,
                                   clf_tensor dth, clf_tensor dkeep) {
  const clf_tensor u0 = image_of(p, c, k->u0, c->channels), a0 = input_of(p, c, k->a0);
  const clf_tensor du0 = image_of(p, c, p->s->du0, c->channels);
  const clf_tensor da0 = input_of(p, c, p->s->da0);
  CLF_TRY(clf__resnet_backward(p, &c->net, &k->net, a0, dth, da0));
  CLF_TRY(clf_do(p->dev, crelu_bwd, .x = u0, .dy = da0, .dx = du0, .a = gain(c)));
  return clf__norm_backward(p, &c->bn_in, &k->bn_in, keep, c->kept, CLF_ACT_none, du0, 1, dkeep);
}

clf_status clf__image_coupling_backward(const clf__image_pass *p, const clf__image_coupling *c,
                                        const clf__image_coupling_kept *k, clf_tensor keep,
                                        clf_tensor x, clf_tensor dy, float dlogdet, clf_tensor dx,
                                        clf_tensor dkeep) {
  const clf_tensor dth = image_of(p, c, p->s->dth, 2 * c->channels);
  if (p->again)
    CLF_TRY(rescale(p, c, k, keep, x, image_of(p, c, k->res, c->channels),
                    clf__rows(p->s->unused, p->n)));
  if (c->bn_out.mean.rank) {
    const clf_tensor dres = image_of(p, c, p->s->dres, c->channels);
    CLF_TRY(clf__norm_flow_backward(p, &c->bn_out, &k->bn_out, image_of(p, c, k->res, c->channels),
                                    c->changed, dy, dlogdet, dres));
    dy = dres;
  }
  CLF_TRY(clf_do(p->dev, rescaled_bwd, .x = x, .th = image_of(p, c, k->th, 2 * c->channels),
                 .g = clf__weight(p->pass, &c->g), .g0 = clf__weight(p->pass, &c->g0), .dy = dy,
                 .dx = dx, .dth = dth, .dg = clf__gradient(p->pass, &c->g),
                 .dg0 = clf__gradient(p->pass, &c->g0), .pixels = c->changed,
                 .scale_first = p->l->spec.variant.scale_first, .dlogdet = dlogdet));
  return network_backward(p, c, k, keep, dth, dkeep);
}

clf_status clf__image_coupling_finite(const clf__image_pass *p, const clf__image_coupling *c,
                                      const clf__image_coupling_kept *k, int *finite) {
  CLF_TRY(clf__is_finite(p->dev, image_of(p, c, k->th, 2 * c->channels), finite));
  if (!*finite || !c->bn_out.mean.rank) return CLF_OK;
  return clf__is_finite(p->dev, image_of(p, c, k->res, c->channels), finite);
}
