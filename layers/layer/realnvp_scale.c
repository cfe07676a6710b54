/* SPDX-License-Identifier: MIT */
/* realnvp_scale.c: the recursion over scales: where its latents lie; forward, inverse, backward. */
#include "realnvp.h"

static const clf__realnvp *flow_of(const clf__image_pass *p) { return p->l->own; }
static int is_last(const clf__image_pass *p, int s) { return s == flow_of(p)->scales - 1; }

/* Checkerboard couplings are 0 to 2, and 3 at the last scale; channel couplings 3 to 5,
 * whose names end in 4 to 6. */
static int place(int s, int i) { return 6 * s + i; }
static const clf__image_coupling *coupling_at(const clf__image_pass *p, int s, int i) {
  return &flow_of(p)->coupling[place(s, i)];
}

static clf_status squeeze(const clf__image_pass *p, clf_tensor x, clf_tensor y, int ordered,
                          int inverse) {
  return clf_do(p->dev, squeeze, .x = x, .y = y, .ordered = ordered, .inverse = inverse);
}
enum { PLAIN, ORDERED, FORTH = 0, BACK };

/* A vector of scale s as an image, and as one that is squeezed. */
static clf_tensor image(const clf__image_pass *p, int s, clf_tensor flat) {
  return clf__scale_image(p, s, flat);
}
static clf_tensor squeezed(const clf__image_pass *p, int s, clf_tensor flat) {
  const clf_tensor x = image(p, s, flat);
  return clf__image(flat, p->n, 4 * x.dim[1], x.dim[2] / 2, x.dim[3] / 2);
}
static clf_tensor half_image(const clf__image_pass *p, int s, clf_tensor flat) {
  const clf_tensor x = image(p, s, flat);
  return clf__image(flat, p->n, 2 * x.dim[1], x.dim[2] / 2, x.dim[3] / 2);
}

static clf_status copy(const clf__image_pass *p, clf_tensor from, clf_tensor to) {
  return clf_do(p->dev, copy, .x = from, .y = to);
}

/* Of each two by two pixels an ordered squeeze sends the two with even h + w on, side by side as
 * channels of one pixel. */
int32_t clf_latent_scale(const clf_flow_spec *spec, int32_t h, int32_t w) {
  int32_t s = 0;
  if (!spec || spec->kind != CLF_REALNVP) return s;
  for (; s < spec->scales - 1 && (h ^ w) % 2 == 0; s++) {
    h /= 2;
    w /= 2;
  }
  return s;
}

/* ---- Forward ------------------------------------------------------------------------------ */

static clf_status forward_one(const clf__image_pass *p, const clf__realnvp_kept *k, int s, int i,
                              clf_tensor keep, clf_tensor x, clf_tensor y, clf_tensor logdet) {
  const clf__image_coupling *c = coupling_at(p, s, i);
  const clf__image_coupling_kept *kept = &k->coupling[place(s, i)];
  CLF_TRY(clf__image_coupling_forward(p, c, kept, keep, x, y, logdet));
  if (!p->bad || *p->bad >= 0) return CLF_OK;
  int finite;
  CLF_TRY(clf__image_coupling_finite(p, c, kept, &finite));
  if (!finite) *p->bad = place(s, i);
  return CLF_OK;
}

/* From Q, the squeezed image, to F: halves change in turns. */
static clf_status channels_forward(const clf__image_pass *p, const clf__realnvp_kept *k, int s,
                                   clf_tensor logdet) {
  const clf__scale_kept *c = &k->scale[s];
  const clf_tensor Q = squeezed(p, s, c->squeezed), F = squeezed(p, s, c->full);
  const clf_tensor B = half_image(p, s, c->half), A = clf__half(Q, 0), A1 = clf__half(F, 0);
  CLF_TRY(forward_one(p, k, s, 3, A, clf__half(Q, 1), B, logdet));
  CLF_TRY(forward_one(p, k, s, 4, B, A, A1, logdet));
  return forward_one(p, k, s, 5, A1, B, clf__half(F, 1), logdet);
}

/* Everything below the checkerboards: from x to z. */
static clf_status rest_forward(const clf__image_pass *p, const clf__realnvp_kept *k, int s,
                               clf_tensor x, clf_tensor z, clf_tensor logdet) {
  const clf__scale_kept *c = &k->scale[s];
  const clf_tensor U = image(p, s, c->unsqueezed), R = squeezed(p, s, c->split);
  const clf_tensor T = squeezed(p, s, c->latents);
  CLF_TRY(squeeze(p, x, squeezed(p, s, c->squeezed), PLAIN, FORTH));
  CLF_TRY(channels_forward(p, k, s, logdet));
  CLF_TRY(squeeze(p, squeezed(p, s, c->full), U, PLAIN, BACK));
  CLF_TRY(squeeze(p, U, R, ORDERED, FORTH));
  CLF_TRY(copy(p, clf__half(R, 1), clf__half(T, 1)));
  CLF_TRY(clf__scale_forward(p, k, s + 1, clf__half(R, 0), clf__half(T, 0), logdet));
  return squeeze(p, T, z, ORDERED, BACK);
}

clf_status clf__scale_forward(const clf__image_pass *p, const clf__realnvp_kept *k, int s,
                              clf_tensor x, clf_tensor z, clf_tensor logdet) {
  const int boards = is_last(p, s) ? 4 : 3;
  for (int i = 0; i < boards; i++) {
    const clf_tensor y = i == 3 ? z : image(p, s, k->scale[s].x[i]);
    CLF_TRY(forward_one(p, k, s, i, x, x, y, logdet));
    x = y;
  }
  return is_last(p, s) ? CLF_OK : rest_forward(p, k, s, x, z, logdet);
}

/* ---- Inverse ------------------------------------------------------------------------------ */

static clf_status inverse_one(const clf__image_pass *p, const clf__realnvp_kept *k, int s, int i,
                              clf_tensor keep, clf_tensor y, clf_tensor x, clf_tensor logdet) {
  return clf__image_coupling_inverse(p, coupling_at(p, s, i), &k->coupling[place(s, i)], keep, y, x,
                                     logdet);
}

static clf_status channels_inverse(const clf__image_pass *p, const clf__realnvp_kept *k, int s,
                                   clf_tensor logdet) {
  const clf__scale_kept *c = &k->scale[s];
  const clf_tensor Q = squeezed(p, s, c->squeezed), F = squeezed(p, s, c->full);
  const clf_tensor B = half_image(p, s, c->half), A = clf__half(Q, 0), A1 = clf__half(F, 0);
  CLF_TRY(inverse_one(p, k, s, 5, A1, clf__half(F, 1), B, logdet));
  CLF_TRY(inverse_one(p, k, s, 4, B, A1, A, logdet));
  return inverse_one(p, k, s, 3, A, B, clf__half(Q, 1), logdet);
}

static clf_status rest_inverse(const clf__image_pass *p, const clf__realnvp_kept *k, int s,
                               clf_tensor z, clf_tensor x, clf_tensor logdet) {
  const clf__scale_kept *c = &k->scale[s];
  const clf_tensor U = image(p, s, c->unsqueezed), R = squeezed(p, s, c->split);
  const clf_tensor T = squeezed(p, s, c->latents);
  CLF_TRY(squeeze(p, z, T, ORDERED, FORTH));
  CLF_TRY(copy(p, clf__half(T, 1), clf__half(R, 1)));
  CLF_TRY(clf__scale_inverse(p, k, s + 1, clf__half(T, 0), clf__half(R, 0), logdet));
  CLF_TRY(squeeze(p, R, U, ORDERED, BACK));
  CLF_TRY(squeeze(p, U, squeezed(p, s, c->full), PLAIN, FORTH));
  CLF_TRY(channels_inverse(p, k, s, logdet));
  return squeeze(p, squeezed(p, s, c->squeezed), x, PLAIN, BACK);
}

clf_status clf__scale_inverse(const clf__image_pass *p, const clf__realnvp_kept *k, int s,
                              clf_tensor z, clf_tensor x, clf_tensor logdet) {
  const int last = is_last(p, s);
  clf_tensor y = last ? z : image(p, s, k->scale[s].x[2]);
  if (!last) CLF_TRY(rest_inverse(p, k, s, z, y, logdet));
  for (int i = last ? 3 : 2; i >= 0; i--) {
    const clf_tensor to = i == 0 ? x : image(p, s, k->scale[s].x[i - 1]);
    CLF_TRY(inverse_one(p, k, s, i, y, y, to, logdet));
    y = to;
  }
  return CLF_OK;
}

/* ---- Backward ----------------------------------------------------------------------------- */

static clf_status backward_one(const clf__image_pass *p, const clf__realnvp_kept *k, int s, int i,
                               clf_tensor keep, clf_tensor x, clf_tensor dy, float dlogdet,
                               clf_tensor dx, clf_tensor dkeep) {
  return clf__image_coupling_backward(p, coupling_at(p, s, i), &k->coupling[place(s, i)], keep, x,
                                      dy, dlogdet, dx, dkeep);
}

/* The half that conditions a coupling already has a gradient, from the couplings behind
 * it or from the way that it goes on unchanged: what comes through the network is added. */
static clf_status channels_backward(const clf__image_pass *p, const clf__realnvp_kept *k, int s,
                                    float dlogdet) {
  const clf__scale_kept *c = &k->scale[s];
  const clf_tensor Q = squeezed(p, s, c->squeezed), F = squeezed(p, s, c->full);
  const clf_tensor dQ = squeezed(p, s, c->dsqueezed), dF = squeezed(p, s, c->dfull);
  const clf_tensor B = half_image(p, s, c->half), dB = half_image(p, s, c->dhalf);
  const clf_tensor A = clf__half(Q, 0), A1 = clf__half(F, 0);
  const clf_tensor dA = clf__half(dQ, 0), dA1 = clf__half(dF, 0);
  CLF_TRY(backward_one(p, k, s, 5, A1, B, clf__half(dF, 1), dlogdet, dB, dA1));
  CLF_TRY(backward_one(p, k, s, 4, B, A, dA1, dlogdet, dA, dB));
  return backward_one(p, k, s, 3, A, clf__half(Q, 1), dB, dlogdet, clf__half(dQ, 1), dA);
}

static clf_status rest_backward(const clf__image_pass *p, const clf__realnvp_kept *k, int s,
                                clf_tensor dz, float dlogdet, clf_tensor dx) {
  const clf__scale_kept *c = &k->scale[s];
  const clf_tensor dT = squeezed(p, s, c->dlatents), dR = squeezed(p, s, c->dsplit);
  const clf_tensor dU = image(p, s, c->dunsqueezed), R = squeezed(p, s, c->split);
  CLF_TRY(squeeze(p, dz, dT, ORDERED, FORTH));
  CLF_TRY(copy(p, clf__half(dT, 1), clf__half(dR, 1)));
  CLF_TRY(clf__scale_backward(p, k, s + 1, clf__half(R, 0), clf__half(dT, 0), dlogdet,
                              clf__half(dR, 0)));
  CLF_TRY(squeeze(p, dR, dU, ORDERED, BACK));
  CLF_TRY(squeeze(p, dU, squeezed(p, s, c->dfull), PLAIN, FORTH));
  CLF_TRY(channels_backward(p, k, s, dlogdet));
  return squeeze(p, squeezed(p, s, c->dsqueezed), dx, PLAIN, BACK);
}

clf_status clf__scale_backward(const clf__image_pass *p, const clf__realnvp_kept *k, int s,
                               clf_tensor x, clf_tensor dz, float dlogdet, clf_tensor dx) {
  const clf__scale_kept *c = &k->scale[s];
  const int last = is_last(p, s);
  clf_tensor dy = last ? dz : image(p, s, c->dx[1]);
  if (!last) CLF_TRY(rest_backward(p, k, s, dz, dlogdet, dy));
  for (int i = last ? 3 : 2; i >= 0; i--) { /* gradients take turns in two places */
    const clf_tensor in = i == 0 ? x : image(p, s, c->x[i - 1]);
    const clf_tensor to = i == 0 ? dx : image(p, s, c->dx[i % 2]);
    CLF_TRY(backward_one(p, k, s, i, in, in, dy, dlogdet, to, to));
    dy = to;
  }
  return CLF_OK;
}
