/* SPDX-License-Identifier: MIT */
/* realnvp.c: the multi-scale flow of images as a layer: its parts, its memory, its passes. */
#include "realnvp.h"
#include <stdio.h>
#include <stdlib.h>

/* ---- Building ----------------------------------------------------------------------------- */

/* The first coupling keeps the pixels of one colour, the next one the others, and so on. */
static clf__image_coupling coupling_at(const clf_flow_spec *spec, int s, int i) {
  const int last = s == spec->scales - 1, channelwise = !last && i >= 3;
  const int odd_kept = (i % 2 == 1) ^ (spec->variant.odd_first != 0);
  clf__image_coupling c = {.scale = s, .channelwise = channelwise};
  c.index = channelwise ? i + 1 : i;
  if (!channelwise) {
    c.kept = odd_kept ? CLF_ODD : CLF_EVEN;
    c.changed = odd_kept ? CLF_EVEN : CLF_ODD;
  }
  c.channels = clf__scale_channels(spec, s) << channelwise;
  c.height = spec->height >> (s + channelwise);
  c.width = spec->width >> (s + channelwise);
  return c;
}

static clf_status build(clf__realnvp *r, clf__parts *parts, const clf_flow_spec *spec) {
  r->scales = spec->scales;
  r->couplings = 6 * (spec->scales - 1) + 4;
  for (int i = 0; i < r->couplings; i++) {
    const int s = i / 6 < r->scales ? i / 6 : r->scales - 1;
    clf__image_coupling *c = &r->coupling[i];
    *c = coupling_at(spec, s, i - 6 * s);
    CLF_TRY(clf__image_coupling_build(parts, c, spec));
    if (c->channels > r->most_channels) r->most_channels = c->channels;
    if (c->net.features > r->most_channels) r->most_channels = c->net.features;
  }
  clf__norm_add_constants(parts, &r->constants, r->most_channels);
  return CLF_OK;
}

static void unmake(clf__layer *l) {
  clf__realnvp *r = l->own;
  if (!r) return;
  for (int i = 0; i < r->couplings; i++) clf__resnet_free(&r->coupling[i].net);
  free(r);
  l->own = NULL;
}

static clf_status make(clf__layer *l, clf__parts *parts, const char *path) {
  clf__realnvp *r = l->own = calloc(1, sizeof *r);
  (void)path; /* files name its parts by scale and coupling */
  if (!r) return clf__fail(CLF_ENOMEM, "no memory for a flow of images");
  if (!l->spec.variant.no_norm) l->traits |= CLF_HAS_BATCH_STATISTICS;
  return build(r, parts, &l->spec);
}

static const clf__realnvp *flow_of(const clf__layer *l) { return l->own; }

static void draw(const clf__layer *l, clf__host_random *r, double *c) {
  (void)r;
  clf__norm_init_constants(&flow_of(l)->constants, c);
}

/* ---- Memory ------------------------------------------------------------------------------- */

/* The block behind clf__kept.own, with arrays of each coupling's network at its end. */
static clf__realnvp_kept *new_kept(const clf__realnvp *r) {
  size_t tensors = 0, norms = 0;
  for (int i = 0; i < r->couplings; i++) {
    tensors += (size_t)clf__resnet_tensors(&r->coupling[i].net);
    norms += (size_t)clf__resnet_norms(&r->coupling[i].net);
  }
  clf__realnvp_kept *k =
      calloc(1, sizeof *k + norms * sizeof(clf__norm_kept) + tensors * sizeof(clf_tensor));
  if (!k) return NULL;
  clf__norm_kept *norm = (clf__norm_kept *)(void *)(k + 1);
  clf_tensor *tensor = (clf_tensor *)(void *)(norm + norms);
  for (int i = 0; i < r->couplings; i++) {
    const clf__resnet *net = &r->coupling[i].net;
    clf__resnet_kept *kept = &k->coupling[i].net;
    kept->norm = norm;
    kept->h = tensor;
    kept->r = tensor + net->blocks + 1;
    norm += clf__resnet_norms(net);
    tensor += clf__resnet_tensors(net);
  }
  return k;
}

static void most(int64_t *at, int64_t value) {
  if (value > *at) *at = value;
}

/* Networks run one after the other, so that the largest decides. */
static clf_status plan_scratch(const clf__realnvp *r, int32_t rows, int train, clf_arena *a,
                               clf__image_scratch *s) {
  int64_t size = 0, features = 0, input = 0, weights = 0, dweights = 0;
  for (int i = 0; i < r->couplings; i++) {
    const clf__image_coupling *c = &r->coupling[i];
    const int64_t pixels = (int64_t)c->height * c->width;
    most(&size, pixels * c->channels);
    most(&features, pixels * c->net.features);
    most(&input, pixels * c->net.in);
    most(&weights, c->net.weights);
    most(&dweights, c->net.largest);
  }
  CLF_TRY(clf__image_vector(a, 1, weights, &s->weights));
  if (train != CLF_STORED) {
    const int64_t blocks = train ? r->coupling[0].net.blocks : 0;
    CLF_TRY(clf__image_vector(a, rows, (blocks + 1) * features, &s->h));
    CLF_TRY(clf__image_vector(a, rows, (blocks ? blocks : 1) * features, &s->r));
    CLF_TRY(clf__image_vector(a, rows, features, &s->out));
    CLF_TRY(clf__image_vector(a, rows, input, &s->a0));
    CLF_TRY(clf__image_vector(a, rows, size, &s->u0));
    CLF_TRY(clf__image_vector(a, rows, 2 * size, &s->th));
    CLF_TRY(clf__image_vector(a, rows, size, &s->res));
  }
  if (!train) return CLF_OK;
  if (train == CLF_REBUILT) CLF_TRY(clf__image_vector(a, rows, 1, &s->unused));
  clf_tensor *const wide[] = {&s->dact, &s->dh, &s->dout, &s->dr};
  for (int i = 0; i < 4; i++) CLF_TRY(clf__image_vector(a, rows, features, wide[i]));
  CLF_TRY(clf__image_vector(a, 1, dweights, &s->dweights));
  CLF_TRY(clf__image_vector(a, rows, input, &s->da0));
  CLF_TRY(clf__image_vector(a, rows, size, &s->du0));
  CLF_TRY(clf__image_vector(a, rows, 2 * size, &s->dth));
  return clf__image_vector(a, rows, size, &s->dres);
}

/* Images of scale s are all of one size, whatever their shape. */
static clf_status plan_scale(const clf_flow_spec *spec, int s, int32_t rows, int train,
                             clf_arena *a, clf__scale_kept *k) {
  const int64_t size =
      (int64_t)clf__scale_channels(spec, s) * (spec->height >> s) * (spec->width >> s);
  clf_tensor *const whole[] = {&k->squeezed, &k->full, &k->unsqueezed, &k->split, &k->latents};
  clf_tensor *const back[] = {&k->dsqueezed, &k->dfull, &k->dunsqueezed, &k->dsplit, &k->dlatents};
  for (int i = 0; i < 3; i++) CLF_TRY(clf__image_vector(a, rows, size, &k->x[i]));
  for (int i = 0; i < 2 && train; i++) CLF_TRY(clf__image_vector(a, rows, size, &k->dx[i]));
  if (s == spec->scales - 1) return CLF_OK;
  for (int i = 0; i < 5; i++) CLF_TRY(clf__image_vector(a, rows, size, whole[i]));
  CLF_TRY(clf__image_vector(a, rows, size / 2, &k->half));
  if (!train) return CLF_OK;
  for (int i = 0; i < 5; i++) CLF_TRY(clf__image_vector(a, rows, size, back[i]));
  return clf__image_vector(a, rows, size / 2, &k->dhalf);
}

static clf_status plan(const clf__layer *l, int32_t rows, int train, clf_arena *a, clf__kept *k) {
  const clf__realnvp *r = flow_of(l);
  clf__realnvp_kept *own = k->own ? k->own : new_kept(r);
  if (!own) return clf__fail(CLF_ENOMEM, "no memory for the plan of %d couplings", r->couplings);
  k->own = own;
  own->rebuilt = train == CLF_REBUILT;
  CLF_TRY(plan_scratch(r, rows, train, a, &own->scratch));
  for (int s = 0; s < r->scales; s++)
    CLF_TRY(plan_scale(&l->spec, s, rows, train, a, &own->scale[s]));
  for (int i = 0; i < r->couplings; i++)
    CLF_TRY(clf__image_coupling_plan(l, &r->coupling[i], &own->scratch, rows, train, a,
                                     &own->coupling[i]));
  return CLF_OK;
}

/* ---- Passes ------------------------------------------------------------------------------- */

static clf__image_pass pass_of(const clf__layer *l, const clf__pass *pass,
                               const clf__realnvp_kept *k, int32_t n, clf__mode mode) {
  return (clf__image_pass){.dev = pass->dev,
                           .pass = pass,
                           .l = l,
                           .constants = &flow_of(l)->constants,
                           .s = &k->scratch,
                           .n = n,
                           .mode = mode};
}

/* Rows (n, D) as images: of the first scale. */
static clf_tensor images_of(const clf__image_pass *p, clf_tensor rows) {
  clf_tensor x = clf__scale_image(p, 0, rows);
  x.stride[0] = rows.stride[0];
  return x;
}

static clf_status forward(const clf__layer *l, const clf__pass *pass, clf__kept *kept, clf_tensor x,
                          clf_tensor y, clf_tensor logdet) {
  clf__realnvp_kept *k = kept->own;
  const clf__image_pass p = pass_of(l, pass, k, x.dim[0], pass->mode);
  k->mode = pass->mode;
  return clf__scale_forward(&p, k, 0, images_of(&p, x), images_of(&p, y), logdet);
}

static clf_status inverse(const clf__layer *l, const clf__pass *pass, clf__kept *kept, clf_tensor y,
                          clf_tensor x, clf_tensor logdet) {
  clf__realnvp_kept *k = kept->own;
  const clf__image_pass p = pass_of(l, pass, k, y.dim[0], CLF_EVAL);
  return clf__scale_inverse(&p, k, 0, images_of(&p, y), images_of(&p, x), logdet);
}

static clf_status backward(const clf__layer *l, const clf__pass *pass, clf__kept *kept,
                           clf_tensor x, clf_tensor y, clf_tensor dy, clf_tensor dx) {
  const clf__realnvp_kept *k = kept->own;
  clf__image_pass p = pass_of(l, pass, k, x.dim[0], k->mode);
  (void)y;
  p.again = k->rebuilt;
  if (p.again) CLF_TRY(clf_do(pass->dev, fill, .y = clf__rows(k->scratch.unused, p.n), .value = 0));
  return clf__scale_backward(&p, k, 0, images_of(&p, x), images_of(&p, dy), pass->dlogdet,
                             images_of(&p, dx));
}

/* The first coupling, in the order in which they ran, that is not finite; -1: none. */
static clf_status bad_stored(const clf__layer *l, const clf__pass *pass, const clf__realnvp_kept *k,
                             clf_tensor y, int *bad) {
  const clf__realnvp *r = flow_of(l);
  const clf__image_pass p = pass_of(l, pass, k, y.dim[0], k->mode);
  for (int i = 0, finite; i < r->couplings && *bad < 0; i++) {
    CLF_TRY(clf__image_coupling_finite(&p, &r->coupling[i], &k->coupling[i], &finite));
    if (!finite) *bad = i;
  }
  return CLF_OK;
}

/* The same, looked at while they run again. */
static clf_status bad_again(const clf__layer *l, const clf__pass *pass, const clf__realnvp_kept *k,
                            clf_tensor x, clf_tensor y, int *bad) {
  clf__image_pass p = pass_of(l, pass, k, y.dim[0], k->mode);
  const clf_tensor logdet = clf__rows(k->scratch.unused, p.n);
  p.bad = bad;
  CLF_TRY(clf_do(pass->dev, fill, .y = logdet, .value = 0));
  return clf__scale_forward(&p, k, 0, images_of(&p, x), images_of(&p, y), logdet);
}

static clf_status find_bad(const clf__layer *l, const clf__pass *pass, clf__kept *kept,
                           clf_tensor x, clf_tensor y, char *name, size_t size) {
  const clf__realnvp_kept *k = kept->own;
  int bad = -1;
  CLF_TRY(k->rebuilt ? bad_again(l, pass, k, x, y, &bad) : bad_stored(l, pass, k, y, &bad));
  if (bad < 0) return CLF_OK;
  const clf__image_coupling *c = &flow_of(l)->coupling[bad];
  snprintf(name, size, "scale%d.coupling%d", c->scale, c->index);
  return CLF_OK;
}

const clf__layer_ops clf__realnvp_layer = {
    .name = "realnvp",
    .make = make,
    .unmake = unmake,
    .draw = draw,
    .plan = plan,
    .forward = forward,
    .inverse = inverse,
    .backward = backward,
    .find_bad = find_bad,
    .output = "the latents",
    .traits = CLF_REBUILDS_ITSELF,
};
