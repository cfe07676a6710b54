/* SPDX-License-Identifier: MIT */
/* squeeze.c: squares of 2 x 2 pixels become 4 times the channels (Dinh et al. 2017, section 3.6): a
 * fixed permutation of the numbers of a sample. */
#include <stdlib.h>
#include "pieces.h"

typedef struct squeeze {
  clf__part there, back; /* (D) where each number comes from, forward and inverse */
} squeeze;

static const squeeze *own_of(const clf__layer *l) { return l->own; }

static clf_status make(clf__layer *l, clf__parts *parts, const char *path) {
  const clf__shape *in = &l->in;
  squeeze *o = l->own = calloc(1, sizeof *o);
  (void)path; /* it has nothing that files would hold */
  if (!o) return clf__fail(CLF_ENOMEM, "no memory for a squeeze");
  if (!in->height)
    return clf__fail(CLF_EINVAL, "%s: a squeeze is of images, and what comes to it is none",
                     l->label);
  if (in->height % 2 || in->width % 2)
    return clf__fail(CLF_EINVAL, "%s: images of %d x %d cannot be halved; both sides must be even",
                     l->label, (int)in->height, (int)in->width);
  l->out = (clf__shape){in->dim, in->height / 2, in->width / 2, 4 * in->channels};
  clf__parts_add(parts, &o->there, CLF_CONSTANT, 0, 0, 1, &in->dim, NULL);
  clf__parts_add(parts, &o->back, CLF_CONSTANT, 0, 0, 1, &in->dim, NULL);
  return CLF_OK;
}

static void unmake(clf__layer *l) {
  free(l->own);
  l->own = NULL;
}

/* Where number `c` of pixel (h, w) goes: pixels row by row, channels the fastest. */
static int64_t place_of(const clf__layer *l, int32_t h, int32_t w, int32_t c) {
  static const int32_t of_checker[4] = {0, 2, 3, 1}; /* places with even h + w first */
  const int order = ((const clf__arch_squeeze *)l->node)->order;
  const int32_t corner = h % 2 * 2 + w % 2, C = l->in.channels;
  const int32_t channel = order == CLF__SQUEEZE_C         ? 4 * c + corner
                          : order == CLF__SQUEEZE_CHECKER ? of_checker[corner] * C + c
                                                          : corner * C + c;
  return ((int64_t)(h / 2) * l->out.width + w / 2) * l->out.channels + channel;
}

static clf_status derive(const clf__layer *l, double *c) {
  double *there = c + own_of(l)->there.at, *back = c + own_of(l)->back.at;
  int64_t from = 0;
  for (int32_t h = 0; h < l->in.height; h++)
    for (int32_t w = 0; w < l->in.width; w++)
      for (int32_t k = 0; k < l->in.channels; k++, from++) {
        const int64_t to = place_of(l, h, w, k);
        there[to] = (double)from;
        back[from] = (double)to;
      }
  return CLF_OK;
}

static clf_status take(const clf__pass *p, const clf__part *at, clf_tensor x, clf_tensor y) {
  return clf_do(p->dev, columns_take, .x = x, .at = clf__weight(p, at), .y = y);
}

static clf_status forward(const clf__layer *l, const clf__pass *p, clf__kept *k, clf_tensor x,
                          clf_tensor y, clf_tensor logdet) {
  (void)k, (void)logdet;
  return take(p, &own_of(l)->there, x, y);
}
static clf_status inverse(const clf__layer *l, const clf__pass *p, clf__kept *k, clf_tensor y,
                          clf_tensor x, clf_tensor logdet) {
  (void)k, (void)logdet;
  return take(p, &own_of(l)->back, y, x);
}
static clf_status backward(const clf__layer *l, const clf__pass *p, clf__kept *k, clf_tensor x,
                           clf_tensor y, clf_tensor dy, clf_tensor dx) {
  (void)k, (void)x, (void)y;
  return take(p, &own_of(l)->back, dy, dx);
}
static clf_status backward_inverse(const clf__layer *l, const clf__pass *p, clf__kept *k,
                                   clf_tensor y, clf_tensor x, clf_tensor dx, clf_tensor dy) {
  (void)k, (void)x, (void)y;
  return take(p, &own_of(l)->there, dx, dy);
}

const clf__layer_ops clf__layer_squeeze = {
    .name = "squeeze",
    .make = make,
    .unmake = unmake,
    .derive = derive,
    .forward = forward,
    .inverse = inverse,
    .backward = backward,
    .backward_inverse = backward_inverse,
    .traits = CLF_KEEPS_VOLUME,
};
