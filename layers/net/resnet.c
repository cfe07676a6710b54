/* SPDX-License-Identifier: MIT */
/* resnet.c: the network of an image coupling, both ways. */
#include "resnet.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Places in the arrays of convolutions and norms; block b's are three and two. */
enum { INPUT, SKIP_IN, FIRST, SECOND, SKIP };
static int conv_of(int block, int which) { return 3 * block + which; }
static int last_conv(const clf__resnet *net) { return 3 * net->blocks + 2; }
static int last_norm(const clf__resnet *net) { return 2 * net->blocks; }

enum { AS_IS = -1 }; /* in place of a norm */

/* ---- Building ----------------------------------------------------------------------------- */

/* As the released code: V is uniform in +- a with a = sqrt(2 / in), taps not counted; g
 * begins as a sqrt(in k^2 / 12) = k / sqrt 6. */
static void build_conv(clf__parts *p, clf__resnet *net, int i, int32_t in, int32_t out, int32_t k,
                       int with_g, int with_bias, const char *name) {
  clf__conv *c = &net->conv[i];
  const int64_t count = (int64_t)in * out * k * k;
  clf__parts_add(p, &c->v, CLF_PLAIN, 0, sqrt(2.0 / in), 4, (int32_t[4]){out, in, k, k}, "%s.V",
                 name);
  if (with_g) clf__parts_add(p, &c->g, CLF_DECAYED, k / sqrt(6), 0, 1, &out, "%s.magnitude", name);
  if (with_bias) clf__parts_add(p, &c->bias, CLF_PLAIN, 0, 0, 1, &out, "%s.bias", name);
  c->at = net->weights;
  net->weights += count;
  if (count > net->largest) net->largest = count;
}

static void build_block(clf__parts *p, clf__resnet *net, int b, int with_norm, const char *name) {
  const int32_t F = net->features;
  char path[96];
  static const char *const norms[] = {"bn_in", "bn_0"};
  for (int i = 0; i < 2 && with_norm; i++) {
    snprintf(path, sizeof path, "%s.block%d.%s", name, b, norms[i]);
    clf__norm_build(p, &net->norm[2 * b + i], F, 1, path);
  }
  snprintf(path, sizeof path, "%s.block%d.h_0", name, b);
  build_conv(p, net, conv_of(b, FIRST), F, F, 3, 0, !with_norm, path);
  snprintf(path, sizeof path, "%s.block%d.out", name, b);
  build_conv(p, net, conv_of(b, SECOND), F, F, 3, 1, 1, path);
  snprintf(path, sizeof path, "%s.skip%d", name, b);
  build_conv(p, net, conv_of(b, SKIP), F, F, 1, 1, 1, path);
}

clf_status clf__resnet_build(clf__parts *p, clf__resnet *net, int with_norm, const char *name) {
  const int32_t F = net->features;
  char path[96];
  net->conv = calloc((size_t)last_conv(net) + 1, sizeof *net->conv);
  net->norm = calloc((size_t)last_norm(net) + 1, sizeof *net->norm);
  if (!net->conv || !net->norm)
    return clf__fail(CLF_ENOMEM, "no memory for a network of %d blocks", (int)net->blocks);
  snprintf(path, sizeof path, "%s.h_in", name);
  build_conv(p, net, INPUT, net->in, F, 3, 0, 1, path);
  snprintf(path, sizeof path, "%s.skip_in", name);
  build_conv(p, net, SKIP_IN, F, F, 1, 1, 1, path);
  for (int b = 0; b < net->blocks; b++) build_block(p, net, b, with_norm, name);
  snprintf(path, sizeof path, "%s.bn_pre_out", name);
  if (with_norm) clf__norm_build(p, &net->norm[last_norm(net)], F, 1, path);
  snprintf(path, sizeof path, "%s.out", name);
  build_conv(p, net, last_conv(net), F, net->out, 1, 1, 1, path);
  return CLF_OK;
}

void clf__resnet_free(clf__resnet *net) {
  free(net->conv);
  free(net->norm);
}

static clf_status plan_stored(const clf__resnet *net, int32_t rows, int64_t size, clf_arena *a,
                              clf__resnet_kept *k) {
  CLF_TRY(clf__image_vector(a, rows, size, &k->out));
  for (int b = 0; b <= net->blocks; b++) CLF_TRY(clf__image_vector(a, rows, size, &k->h[b]));
  for (int b = 0; b < net->blocks; b++) CLF_TRY(clf__image_vector(a, rows, size, &k->r[b]));
  return CLF_OK;
}

clf_status clf__resnet_plan(const clf__layer *l, const clf__resnet *net,
                            const clf__image_scratch *s, int32_t rows, int train, clf_arena *a,
                            clf__resnet_kept *k) {
  const int64_t size = (int64_t)net->features * net->height * net->width;
  const int64_t step = train ? rows * size : 0; /* values alone take one place for all */
  const int32_t one = (int32_t)size;
  k->out = s->out;
  for (int b = 0; b <= net->blocks; b++) k->h[b] = clf__matrix(s->h, b * step, rows, one, one);
  for (int b = 0; b < net->blocks; b++) k->r[b] = clf__matrix(s->r, b * step, rows, one, one);
  if (!train) return CLF_OK;
  if (train == CLF_STORED) CLF_TRY(plan_stored(net, rows, size, a, k));
  for (int i = 0; i <= last_norm(net); i++)
    CLF_TRY(clf__norm_plan(l, net->features, a, &k->norm[i]));
  return CLF_OK;
}

/* ---- Convolutions ------------------------------------------------------------------------- */

/* The features of this pass that lie in a vector. */
static clf_tensor features(const clf__image_pass *p, const clf__resnet *net, clf_tensor flat) {
  return clf__image(flat, p->n, net->features, net->height, net->width);
}

/* W as V is laid out. */
static clf_tensor weights_in(clf_tensor scratch, int64_t at, const clf__conv *c) {
  clf__part w = c->v;
  w.at = at;
  return clf__part_of(&(clf__vectors){.w = scratch}, &w);
}
static clf_tensor weights_of(const clf__image_pass *p, const clf__conv *c) {
  return weights_in(p->s->weights, c->at, c);
}

static clf_status normalise_weights(const clf__image_pass *p, const clf__resnet *net) {
  for (int i = 0; i <= last_conv(net); i++) {
    const clf__conv *c = &net->conv[i];
    CLF_TRY(clf_do(p->dev, wn_fwd, .v = clf__weight(p->pass, &c->v),
                   .g = clf__weight(p->pass, &c->g), .w = weights_of(p, c)));
  }
  return CLF_OK;
}

static clf__statistics statistics(const clf__image_pass *p, const clf__resnet *net,
                                  const clf__resnet_kept *k, int norm) {
  if (norm == AS_IS) return (clf__statistics){0};
  return clf__norm_statistics(p, &net->norm[norm], &k->norm[norm], net->features);
}

/* y = beta y + conv(x), or conv(relu(bn(x))) by a norm, which in training is measured here. */
static clf_status conv(const clf__image_pass *p, const clf__resnet *net, const clf__resnet_kept *k,
                       int i, clf_tensor x, int norm, float beta, clf_tensor y) {
  const clf__conv *c = &net->conv[i];
  if (norm != AS_IS) CLF_TRY(clf__norm_measure(p, &net->norm[norm], &k->norm[norm], x, CLF_ALL));
  const clf__statistics s = statistics(p, net, k, norm);
  return clf_do(p->dev, conv_fwd, .x = x, .w = weights_of(p, c),
                .bias = clf__weight(p->pass, &c->bias), .mean = s.mean, .var = s.var,
                .shift = s.beta, .y = y, .beta = beta, .eps = s.eps);
}

/* Adds to the gradients of a convolution's parts; x and norm as forward. */
static clf_status conv_parts_back(const clf__image_pass *p, const clf__resnet *net,
                                  const clf__resnet_kept *k, int i, clf_tensor x, int norm,
                                  clf_tensor dy) {
  const clf__conv *c = &net->conv[i];
  const clf_tensor dw = weights_in(p->s->dweights, 0, c);
  const clf__statistics s = statistics(p, net, k, norm);
  CLF_TRY(clf_do(p->dev, conv_bwd_weights, .x = x, .mean = s.mean, .var = s.var, .shift = s.beta,
                 .dy = dy, .dw = dw, .eps = s.eps));
  CLF_TRY(clf_do(p->dev, wn_bwd, .v = clf__weight(p->pass, &c->v), .g = clf__weight(p->pass, &c->g),
                 .dw = dw, .dv = clf__gradient(p->pass, &c->v),
                 .dg = clf__gradient(p->pass, &c->g)));
  if (!c->bias.rank) return CLF_OK;
  return clf_do(p->dev, conv_bwd_bias, .dy = dy, .db = clf__gradient(p->pass, &c->bias), .beta = 1);
}

/* dx = beta dx + what comes through the convolution. */
static clf_status conv_back(const clf__image_pass *p, const clf__resnet *net, int i, clf_tensor dy,
                            float beta, clf_tensor dx) {
  return clf_do(p->dev, conv_bwd_data, .dy = dy, .w = weights_of(p, &net->conv[i]), .dx = dx,
                .beta = beta);
}

/* ---- Forward ------------------------------------------------------------------------------ */

static clf_status block_forward(const clf__image_pass *p, const clf__resnet *net,
                                const clf__resnet_kept *k, int b) {
  const clf_tensor h = features(p, net, k->h[b]), r = features(p, net, k->r[b]);
  const clf_tensor next = features(p, net, k->h[b + 1]);
  CLF_TRY(conv(p, net, k, conv_of(b, FIRST), h, 2 * b, 0, r));
  if (next.offset != h.offset) CLF_TRY(clf_do(p->dev, copy, .x = h, .y = next));
  CLF_TRY(conv(p, net, k, conv_of(b, SECOND), r, 2 * b + 1, 1, next));
  return conv(p, net, k, conv_of(b, SKIP), next, AS_IS, 1, features(p, net, k->out));
}

clf_status clf__resnet_forward(const clf__image_pass *p, const clf__resnet *net,
                               const clf__resnet_kept *k, clf_tensor a0, clf_tensor th) {
  const clf_tensor out = features(p, net, k->out), h = features(p, net, k->h[0]);
  CLF_TRY(normalise_weights(p, net));
  CLF_TRY(conv(p, net, k, INPUT, a0, AS_IS, 0, h));
  CLF_TRY(conv(p, net, k, SKIP_IN, h, AS_IS, 0, out));
  for (int b = 0; b < net->blocks; b++) CLF_TRY(block_forward(p, net, k, b));
  return conv(p, net, k, last_conv(net), out, last_norm(net), 0, th);
}

/* ---- Backward ----------------------------------------------------------------------------- */

/* A convolution and the activation before it: from dy to dx = add dx + dL/dx, where x is
 * what was normalised. */
static clf_status layer_backward(const clf__image_pass *p, const clf__resnet *net,
                                 const clf__resnet_kept *k, int i, int norm, clf_tensor x,
                                 clf_tensor dy, float add, clf_tensor dx) {
  const clf_tensor dact = features(p, net, p->s->dact);
  CLF_TRY(conv_parts_back(p, net, k, i, x, norm, dy));
  CLF_TRY(conv_back(p, net, i, dy, 0, dact));
  return clf__norm_backward(p, &net->norm[norm], &k->norm[norm], x, CLF_ALL, CLF_ACT_relu, dact,
                            add, dx);
}

/* dh is dL/dh after the block, then before it; dout the same for all skips. */
static clf_status block_backward(const clf__image_pass *p, const clf__resnet *net,
                                 const clf__resnet_kept *k, int b, clf_tensor dout, clf_tensor dh) {
  const clf_tensor h = features(p, net, k->h[b]), r = features(p, net, k->r[b]);
  const clf_tensor next = features(p, net, k->h[b + 1]), dr = features(p, net, p->s->dr);
  CLF_TRY(conv_parts_back(p, net, k, conv_of(b, SKIP), next, AS_IS, dout));
  CLF_TRY(conv_back(p, net, conv_of(b, SKIP), dout, b < net->blocks - 1, dh));
  CLF_TRY(layer_backward(p, net, k, conv_of(b, SECOND), 2 * b + 1, r, dh, 0, dr));
  return layer_backward(p, net, k, conv_of(b, FIRST), 2 * b, h, dr, 1, dh);
}

clf_status clf__resnet_backward(const clf__image_pass *p, const clf__resnet *net,
                                const clf__resnet_kept *k, clf_tensor a0, clf_tensor dth,
                                clf_tensor da0) {
  const clf_tensor out = features(p, net, k->out), h = features(p, net, k->h[0]);
  const clf_tensor dout = features(p, net, p->s->dout), dh = features(p, net, p->s->dh);
  /* Evaluated again, it has just left its weights. */
  if (!p->again) CLF_TRY(normalise_weights(p, net));
  CLF_TRY(layer_backward(p, net, k, last_conv(net), last_norm(net), out, dth, 0, dout));
  for (int b = net->blocks - 1; b >= 0; b--) CLF_TRY(block_backward(p, net, k, b, dout, dh));
  CLF_TRY(conv_parts_back(p, net, k, SKIP_IN, h, AS_IS, dout));
  CLF_TRY(conv_back(p, net, SKIP_IN, dout, 1, dh));
  CLF_TRY(conv_parts_back(p, net, k, INPUT, a0, AS_IS, dh));
  return conv_back(p, net, INPUT, dh, 0, da0);
}
