/* SPDX-License-Identifier: MIT */
/* wn_resnet.c: see wn_resnet.h. */
#include "wn_resnet.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "batch_norm.h"
#include "join.h"
#include "net.h"

typedef struct conv {
  clf__slot v, g, bias;
  int64_t at; /* offset of the normalised weights among those of the net */
} conv;

typedef struct wn_resnet {
  int32_t features, out, blocks;
  int with_norm;
  conv *conv;       /* input, its skip, three per block, output */
  clf__norm input;  /* of x */
  clf__joint joint; /* with a context: J c + j is added to the first convolution */
  clf__norm *norm;  /* two per block, and one before the output */
  int64_t weights;  /* of all convolutions */
  int64_t largest;  /* of one */
} wn_resnet;

/* Tensors of a pass, before those of blocks and of normalisations. */
enum {
  U0,   /* the input, normalised */
  A0,   /* and doubled by concat-ReLU */
  OUT,  /* the sum of all skips */
  DACT, /* gradients inside */
  DH,
  DOUT,
  DR,
  DA0, /* and before the first convolution */
  DU0,
  JOINT,   /* J c + j, or its gradient */
  WEIGHTS, /* the normalised weights; the gradient of one convolution's */
  DWEIGHTS,
  FIXED
};

static wn_resnet *own_of(const clf__net *n) { return n->own; }

/* Indices of convolutions and norms; a block has three and two. */
enum { INPUT, SKIP_IN, FIRST, SECOND, SKIP };
static int conv_of(int block, int which) { return 3 * block + which; }
static int last_conv(const wn_resnet *net) { return 3 * net->blocks + 2; }
static int last_norm(const wn_resnet *net) { return 2 * net->blocks; }

enum { AS_IS = -1 }; /* in place of a norm */

/* For a checkerboard the first convolution also reads which pixels are visible. */
static int32_t inputs(const clf__net *n) {
  return 2 * n->shape.channels + (n->pixels != CLF_PIXELS_ALL);
}
static int64_t pixels(const clf__net *n) { return (int64_t)n->shape.height * n->shape.width; }

/* ---- Making ------------------------------------------------------------------------------- */

/* As in the reference implementation: V is uniform in +- a with a = sqrt(2 / in), not counting
 * taps; g starts as a sqrt(in k^2 / 12) = k / sqrt 6. */
static void add_conv(clf__slots *p, wn_resnet *net, int i, int32_t in, int32_t out, int32_t k,
                     int with_g, int with_bias, const char *name) {
  conv *c = &net->conv[i];
  const int64_t count = (int64_t)in * out * k * k;
  clf__slots_add(p, &c->v, CLF_PLAIN, 0, sqrt(2.0 / in), 4, (int32_t[4]){out, in, k, k}, "%s.V",
                 name);
  if (with_g) clf__slots_add(p, &c->g, CLF_DECAYED, k / sqrt(6), 0, 1, &out, "%s.magnitude", name);
  if (with_bias) clf__slots_add(p, &c->bias, CLF_PLAIN, 0, 0, 1, &out, "%s.bias", name);
  c->at = net->weights;
  net->weights += count;
  if (count > net->largest) net->largest = count;
}

static void add_norm(clf__slots *p, const clf__net *n, clf__norm *norm, int32_t channels,
                     const char *name) {
  const clf__arch_convresnet *a = (const clf__arch_convresnet *)n->node;
  *norm = (clf__norm){.eps = 1e-4f, .momentum = 0.1, .rho = a->rho};
  if (own_of(n)->with_norm)
    clf__norm_add(p, norm, channels, 1, name);
  else
    clf__norm_add_without(p, norm, channels);
}

static void add_block(clf__slots *p, const clf__net *n, int b, const char *path) {
  wn_resnet *net = own_of(n);
  const int32_t F = net->features;
  char name[96];
  static const char *const norms[] = {"bn_in", "bn_0"};
  for (int i = 0; i < 2; i++) {
    snprintf(name, sizeof name, "%s.block%d.%s", path, b, norms[i]);
    add_norm(p, n, &net->norm[2 * b + i], F, name);
  }
  snprintf(name, sizeof name, "%s.block%d.h_0", path, b);
  add_conv(p, net, conv_of(b, FIRST), F, F, 3, 0, !net->with_norm, name);
  snprintf(name, sizeof name, "%s.block%d.out", path, b);
  add_conv(p, net, conv_of(b, SECOND), F, F, 3, 1, 1, name);
  snprintf(name, sizeof name, "%s.skip%d", path, b);
  add_conv(p, net, conv_of(b, SKIP), F, F, 1, 1, 1, name);
}

static clf_status check(const clf__net *n) {
  const clf__arch_convresnet *a = (const clf__arch_convresnet *)n->node;
  if (!n->shape.height)
    return clf__fail(CLF_EINVAL,
                     "convresnet: convolutions need images, and the input is not an image");
  if (n->context && a->context != CLF__JOIN_ADD)
    return clf__fail(CLF_EINVAL,
                     "convresnet: like=realnvp takes a context by context=add alone: write "
                     "convresnet(like=realnvp, context=add)");
  if (a->act != CLF__ACT_RELU || a->dropout > 0)
    return clf__fail(CLF_EINVAL, "convresnet: like=realnvp has relu and no dropout");
  if (!a->blocks) return clf__fail(CLF_EINVAL, "convresnet: like=realnvp has at least one block");
  return CLF_OK;
}

clf_status clf__wn_resnet_make_input(clf__net *n, clf__slots *slots, const char *path) {
  const clf__arch_convresnet *a = (const clf__arch_convresnet *)n->node;
  char name[96];
  CLF_TRY(check(n));
  wn_resnet *net = n->own = calloc(1, sizeof *net);
  if (!net) return clf__fail(CLF_ENOMEM, "no memory for a net");
  *net = (wn_resnet){.features = a->hidden,
                     .out = (int32_t)(n->out / pixels(n)),
                     .blocks = a->blocks,
                     .with_norm = a->bn};
  net->conv = calloc((size_t)last_conv(net) + 1, sizeof *net->conv);
  net->norm = calloc((size_t)last_norm(net) + 1, sizeof *net->norm);
  if (!net->conv || !net->norm)
    return clf__fail(CLF_ENOMEM, "no memory for a net of %d blocks", (int)net->blocks);
  n->tensors = FIXED + 2 * net->blocks + 1 + CLF_NORM_TENSORS * (last_norm(net) + 2);
  snprintf(name, sizeof name, "%s.bn_in", path);
  add_norm(slots, n, &net->input, n->shape.channels, name);
  return CLF_OK;
}

void clf__wn_resnet_make_rest(clf__net *n, clf__slots *p, const char *path) {
  wn_resnet *net = own_of(n);
  const int32_t F = net->features;
  char name[96];
  snprintf(name, sizeof name, "%s.h_in", path);
  add_conv(p, net, INPUT, inputs(n), F, 3, 0, 1, name);
  snprintf(name, sizeof name, "%s.context", path);
  if (n->context) clf__linear_add(p, &net->joint.weight, &net->joint.bias, n->context, F, -1, name);
  snprintf(name, sizeof name, "%s.skip_in", path);
  add_conv(p, net, SKIP_IN, F, F, 1, 1, 1, name);
  for (int b = 0; b < net->blocks; b++) add_block(p, n, b, path);
  snprintf(name, sizeof name, "%s.bn_pre_out", path);
  add_norm(p, n, &net->norm[last_norm(net)], F, name);
  snprintf(name, sizeof name, "%s.out", path);
  add_conv(p, net, last_conv(net), F, net->out, 1, 1, 1, name);
}

static clf_status make(clf__net *n, clf__slots *slots, const char *path) {
  CLF_TRY(clf__wn_resnet_make_input(n, slots, path));
  clf__wn_resnet_make_rest(n, slots, path);
  return CLF_OK;
}

static void unmake(clf__net *n) {
  wn_resnet *net = n->own;
  if (!net) return;
  free(net->conv);
  free(net->norm);
  free(net);
  n->own = NULL;
}

static void draw(const clf__net *n, clf__host_random *r, double *c) {
  const wn_resnet *net = own_of(n);
  (void)r;
  clf__norm_draw(&net->input, c);
  for (int i = 0; i <= last_norm(net); i++) clf__norm_draw(&net->norm[i], c);
}

/* ---- Memory ------------------------------------------------------------------------------- */

static clf_status new_images(clf_arena *a, int32_t rows, int64_t size, clf_tensor *t) {
  if (size > INT32_MAX)
    return clf__fail(CLF_ENOTSUP, "an image of %lld numbers; a tensor holds at most %d",
                     (long long)size, INT32_MAX);
  return clf_new(a, (int32_t[4]){rows, (int32_t)size}, t);
}

static int h_at(int b) { return FIXED + b; }
static int r_at(const wn_resnet *net, int b) { return FIXED + net->blocks + 1 + b; }
/* The input's normalisation, or an inner one. */
enum { OF_INPUT = -1 };
static int norm_at(const wn_resnet *net, int norm) {
  return FIXED + 2 * net->blocks + 1 + CLF_NORM_TENSORS * (norm + 1);
}

/* In evaluation a block does not need what the block before it stored. */
static clf_status plan(const clf__net *n, int32_t rows, int train, clf_arena *a,
                       clf__net_memory *k) {
  const wn_resnet *net = own_of(n);
  const int64_t features = net->features * pixels(n);
  CLF_TRY(new_images(a, rows, n->shape.channels * pixels(n), &k->t[U0]));
  CLF_TRY(new_images(a, rows, inputs(n) * pixels(n), &k->t[A0]));
  CLF_TRY(new_images(a, rows, features, &k->t[OUT]));
  for (int b = 0; b <= net->blocks; b++)
    if (train || !b)
      CLF_TRY(new_images(a, rows, features, &k->t[h_at(b)]));
    else
      k->t[h_at(b)] = k->t[h_at(0)];
  for (int b = 0; b < net->blocks; b++)
    if (train || !b)
      CLF_TRY(new_images(a, rows, features, &k->t[r_at(net, b)]));
    else
      k->t[r_at(net, b)] = k->t[r_at(net, 0)];
  return CLF_OK;
}

static clf_status keep(const clf__net *n, int32_t rows, int train, clf_arena *a,
                       clf__net_memory *k) {
  const wn_resnet *net = own_of(n);
  (void)rows;
  CLF_TRY(clf__norm_keep(&net->input, n->shape.channels, train, a, &k->t[norm_at(net, OF_INPUT)]));
  for (int i = 0; i <= last_norm(net); i++)
    CLF_TRY(clf__norm_keep(&net->norm[i], net->features, train, a, &k->t[norm_at(net, i)]));
  return CLF_OK;
}

static clf_status scratch(const clf__net *n, int32_t rows, int train, clf_arena *a,
                          clf__net_memory *k) {
  const wn_resnet *net = own_of(n);
  CLF_TRY(new_images(a, 1, net->weights, &k->t[WEIGHTS]));
  if (n->context) CLF_TRY(new_images(a, rows, net->features, &k->t[JOINT]));
  if (!train) return CLF_OK;
  for (int i = DACT; i <= DR; i++)
    CLF_TRY(new_images(a, rows, net->features * pixels(n), &k->t[i]));
  CLF_TRY(new_images(a, 1, net->largest, &k->t[DWEIGHTS]));
  CLF_TRY(new_images(a, rows, inputs(n) * pixels(n), &k->t[DA0]));
  return new_images(a, rows, n->shape.channels * pixels(n), &k->t[DU0]);
}

/* ---- Convolutions ------------------------------------------------------------------------- */

/* One pass over `rows` samples. */
typedef struct call {
  const clf__net *n;
  const wn_resnet *net;
  const clf__pass *p;
  const clf__net_memory *k;
  int32_t rows;
} call;
static call call_of(const clf__net *n, const clf__pass *p, const clf__net_memory *k, int32_t rows) {
  return (call){n, own_of(n), p, k, rows};
}

static clf_tensor image(const call *c, int which, int32_t channels) {
  return clf__images(clf__rows(c->k->t[which], c->rows), channels, c->n->shape.height,
                     c->n->shape.width);
}
static clf_tensor features(const call *c, int which) { return image(c, which, c->net->features); }

/* W in the layout of V. */
static clf_tensor weights_in(clf_tensor scratch, int64_t at, const conv *c) {
  clf__slot w = c->v;
  w.at = at;
  return clf__slot_tensor(&(clf__vectors){.w = scratch}, &w);
}
static clf_tensor weights_of(const call *c, const conv *v) {
  return weights_in(c->k->t[WEIGHTS], v->at, v);
}

static clf_status normalise_weights(const call *c) {
  for (int i = 0; i <= last_conv(c->net); i++) {
    const conv *v = &c->net->conv[i];
    CLF_TRY(clf_do(c->p->dev, wn_fwd, .v = clf__weight(c->p, &v->v), .g = clf__weight(c->p, &v->g),
                   .w = weights_of(c, v)));
  }
  return CLF_OK;
}

static clf__norm_memory norm_memory(const call *c, int norm) {
  return clf__norm_at(&c->k->t[norm_at(c->net, norm)]);
}
static clf__statistics statistics(const call *c, int norm) {
  if (norm == AS_IS) return (clf__statistics){0};
  const clf__norm_memory memory = norm_memory(c, norm);
  return clf__norm_statistics(c->p, &c->net->norm[norm], &memory, c->net->features);
}

/* y = beta y + conv(x), or conv(relu(bn(x))) with a norm, which is measured here in training. */
static clf_status convolve(const call *c, int i, clf_tensor x, int norm, float beta, clf_tensor y) {
  const conv *v = &c->net->conv[i];
  if (norm != AS_IS) {
    const clf__norm_memory memory = norm_memory(c, norm);
    CLF_TRY(clf__norm_measure(c->p, &c->net->norm[norm], &memory, x, CLF_PIXELS_ALL));
  }
  const clf__statistics s = statistics(c, norm);
  return clf_do(c->p->dev, conv_fwd, .x = x, .w = weights_of(c, v),
                .bias = clf__weight(c->p, &v->bias), .mean = s.mean, .var = s.var, .shift = s.beta,
                .y = y, .beta = beta, .eps = s.eps);
}

/* Adds to the gradients of a convolution's weights; x and norm as in forward. */
static clf_status parts_back(const call *c, int i, clf_tensor x, int norm, clf_tensor dy) {
  const conv *v = &c->net->conv[i];
  const clf_tensor dw = weights_in(c->k->t[DWEIGHTS], 0, v);
  const clf__statistics s = statistics(c, norm);
  if (!c->p->gradients.w.buf) return CLF_OK;
  CLF_TRY(clf_do(c->p->dev, conv_bwd_weights, .x = x, .mean = s.mean, .var = s.var, .shift = s.beta,
                 .dy = dy, .dw = dw, .eps = s.eps));
  CLF_TRY(clf_do(c->p->dev, wn_bwd, .v = clf__weight(c->p, &v->v), .g = clf__weight(c->p, &v->g),
                 .dw = dw, .dv = clf__gradient(c->p, &v->v), .dg = clf__gradient(c->p, &v->g)));
  if (!v->bias.rank) return CLF_OK;
  return clf_do(c->p->dev, conv_bwd_bias, .dy = dy, .db = clf__gradient(c->p, &v->bias), .beta = 1);
}

/* dx = beta dx + the gradient through the convolution. */
static clf_status data_back(const call *c, int i, clf_tensor dy, float beta, clf_tensor dx) {
  return clf_do(c->p->dev, conv_bwd_data, .dy = dy, .w = weights_of(c, &c->net->conv[i]), .dx = dx,
                .beta = beta);
}

/* ---- Forward ------------------------------------------------------------------------------ */

/* The factor of concat-ReLU: checkerboards hide half of the pixels, which the reference
 * implementation compensates if it normalises. */
static float gain(const call *c) {
  return c->n->pixels != CLF_PIXELS_ALL && c->net->with_norm ? 2 : 1;
}

static clf_status input_forward(const call *c, clf_tensor x) {
  const clf__norm_memory memory = norm_memory(c, OF_INPUT);
  const clf_tensor u0 = image(c, U0, c->n->shape.channels), a0 = image(c, A0, inputs(c->n));
  CLF_TRY(clf__norm_measure(c->p, &c->net->input, &memory, x, c->n->pixels));
  CLF_TRY(clf__norm_forward(c->p, &c->net->input, &memory, x, c->n->pixels, u0));
  return clf_do(c->p->dev, crelu_fwd, .x = u0, .y = a0, .a = gain(c), .pixels = c->n->pixels);
}

/* The context's contribution, which the first convolution is added to. */
static clf_status context_forward(const call *c, clf_tensor h) {
  if (!c->n->context) return CLF_OK;
  const clf_tensor joint = clf__rows(c->k->t[JOINT], c->rows);
  CLF_TRY(clf__joint_forward(c->p, &c->net->joint, CLF_ACT_none, joint));
  return clf_do(c->p->dev, broadcast_fwd, .x = joint, .y = h);
}

static clf_status block_forward(const call *c, int b) {
  const clf_tensor h = features(c, h_at(b)), r = features(c, r_at(c->net, b));
  const clf_tensor next = features(c, h_at(b + 1));
  CLF_TRY(convolve(c, conv_of(b, FIRST), h, 2 * b, 0, r));
  if (next.offset != h.offset) CLF_TRY(clf_do(c->p->dev, copy, .x = h, .y = next));
  CLF_TRY(convolve(c, conv_of(b, SECOND), r, 2 * b + 1, 1, next));
  return convolve(c, conv_of(b, SKIP), next, AS_IS, 1, features(c, OUT));
}

clf_status clf__wn_resnet_forward(const clf__net *n, const clf__pass *p, const clf__net_memory *k,
                                  clf_tensor x, clf_tensor u) {
  const call c = call_of(n, p, k, x.dim[0]);
  const wn_resnet *net = c.net;
  const clf_tensor out = features(&c, OUT), h = features(&c, h_at(0));
  CLF_TRY(input_forward(&c, x));
  CLF_TRY(normalise_weights(&c));
  CLF_TRY(context_forward(&c, h));
  CLF_TRY(convolve(&c, INPUT, image(&c, A0, inputs(n)), AS_IS, n->context > 0, h));
  CLF_TRY(convolve(&c, SKIP_IN, h, AS_IS, 0, out));
  for (int b = 0; b < net->blocks; b++) CLF_TRY(block_forward(&c, b));
  return convolve(&c, last_conv(net), out, last_norm(net), 0, u);
}

/* ---- Backward ----------------------------------------------------------------------------- */

/* A convolution and the activation before it: from dy to dx = add dx + dL/dx, where x is the
 * input of the normalisation. */
static clf_status layer_back(const call *c, int i, int norm, clf_tensor x, clf_tensor dy, float add,
                             clf_tensor dx) {
  const clf_tensor dact = features(c, DACT);
  const clf__norm_memory memory = norm_memory(c, norm);
  CLF_TRY(parts_back(c, i, x, norm, dy));
  CLF_TRY(data_back(c, i, dy, 0, dact));
  return clf__norm_backward(c->p, &c->net->norm[norm], &memory, x, CLF_PIXELS_ALL, CLF_ACT_relu,
                            dact, add, dx);
}

/* dh is dL/dh after the block, then before it; dout is the same for all skips. */
static clf_status block_back(const call *c, int b, clf_tensor dout, clf_tensor dh) {
  const clf_tensor h = features(c, h_at(b)), r = features(c, r_at(c->net, b));
  const clf_tensor next = features(c, h_at(b + 1)), dr = features(c, DR);
  CLF_TRY(parts_back(c, conv_of(b, SKIP), next, AS_IS, dout));
  CLF_TRY(data_back(c, conv_of(b, SKIP), dout, b < c->net->blocks - 1, dh));
  CLF_TRY(layer_back(c, conv_of(b, SECOND), 2 * b + 1, r, dh, 0, dr));
  return layer_back(c, conv_of(b, FIRST), 2 * b, h, dr, 1, dh);
}

static clf_status context_back(const call *c, clf_tensor dh) {
  if (!c->n->context) return CLF_OK;
  const clf_tensor joint = clf__rows(c->k->t[JOINT], c->rows);
  CLF_TRY(clf_do(c->p->dev, broadcast_bwd, .dy = dh, .dx = joint));
  return clf__joint_backward(c->p, &c->net->joint, joint);
}

/* From da0 to dx; if that is not needed, it overwrites da0, because the norm needs it. */
static clf_status input_back(const call *c, clf_tensor x, float add, clf_tensor dx) {
  const int32_t C = c->n->shape.channels;
  const clf_tensor du0 = image(c, DU0, C), da0 = image(c, DA0, inputs(c->n));
  const clf__norm_memory memory = norm_memory(c, OF_INPUT);
  CLF_TRY(clf_do(c->p->dev, crelu_bwd, .x = image(c, U0, C), .dy = da0, .dx = du0, .a = gain(c)));
  return clf__norm_backward(c->p, &c->net->input, &memory, x, c->n->pixels, CLF_ACT_none, du0,
                            dx.buf ? add : 0, dx.buf ? dx : clf_slice(da0, 1, 0, C));
}

clf_status clf__wn_resnet_backward(const clf__net *n, const clf__pass *p, const clf__net_memory *k,
                                   clf_tensor x, clf_tensor du, float add, clf_tensor dx) {
  const call c = call_of(n, p, k, x.dim[0]);
  const wn_resnet *net = c.net;
  const clf_tensor out = features(&c, OUT), h = features(&c, h_at(0));
  const clf_tensor dout = features(&c, DOUT), dh = features(&c, DH);
  /* When recomputing, the normalised weights are already in scratch memory. */
  if (!p->recompute) CLF_TRY(normalise_weights(&c));
  CLF_TRY(layer_back(&c, last_conv(net), last_norm(net), out, du, 0, dout));
  for (int b = net->blocks - 1; b >= 0; b--) CLF_TRY(block_back(&c, b, dout, dh));
  CLF_TRY(parts_back(&c, SKIP_IN, h, AS_IS, dout));
  CLF_TRY(data_back(&c, SKIP_IN, dout, 1, dh));
  CLF_TRY(context_back(&c, dh));
  CLF_TRY(parts_back(&c, INPUT, image(&c, A0, inputs(n)), AS_IS, dh));
  CLF_TRY(data_back(&c, INPUT, dh, 0, image(&c, DA0, inputs(n))));
  return input_back(&c, x, add, dx);
}

/* ---- For samples in rows ------------------------------------------------------------------ */

static clf_status forward(const clf__net *n, const clf__pass *p, clf__net_memory *k, clf_tensor x,
                          clf_tensor u) {
  const clf__shape s = n->shape;
  return clf__wn_resnet_forward(n, p, k, clf__images_of(x, s),
                                clf__images(u, own_of(n)->out, s.height, s.width));
}

static clf_status backward(const clf__net *n, const clf__pass *p, clf__net_memory *k, clf_tensor x,
                           clf_tensor du, clf_tensor dx) {
  const clf__shape s = n->shape;
  return clf__wn_resnet_backward(n, p, k, clf__images_of(x, s),
                                 clf__images(du, own_of(n)->out, s.height, s.width), 0,
                                 dx.buf ? clf__images_of(dx, s) : dx);
}

const clf__net_ops clf__net_wn_resnet = {.name = "convresnet",
                                         .make = make,
                                         .unmake = unmake,
                                         .draw = draw,
                                         .plan = plan,
                                         .keep = keep,
                                         .scratch = scratch,
                                         .forward = forward,
                                         .backward = CLF_TRAINS(backward)};
