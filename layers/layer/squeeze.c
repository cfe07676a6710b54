/* SPDX-License-Identifier: MIT */
/* squeeze.c: turns squares of 2 x 2 pixels into 4 times the channels (Dinh et al. 2017, section
 * 3.6): a fixed permutation of the elements of a sample. */
#include <stdlib.h>
#include <string.h>
#include "layer.h"

typedef struct squeeze {
  clf__shape large, small;
  clf__slot there, back; /* (D) source index of each element, forward and inverse, for orders that
                            no operation has */
} squeeze;

static const squeeze *own_of(const clf__layer *l) { return l->own; }
static int order_of(const clf__layer *l) { return ((const clf__arch_squeeze *)l->node)->order; }

/* ---- Making ---------------------------------------------------------------------------------- */

/* From the shape of the input, which is the smaller image if the layer is inverted. */
static clf_status set_shapes(clf__layer *l, squeeze *o) {
  const clf__shape *in = &l->in;
  if (!in->height)
    return clf__fail(CLF_EINVAL, "%s: a squeeze needs images, and its input is not an image",
                     l->label);
  if (l->inverted && in->channels % 4)
    return clf__fail(CLF_EINVAL,
                     "%s: %d channels cannot be unsqueezed; their number must be a multiple of 4",
                     l->label, (int)in->channels);
  if (!l->inverted && (in->height % 2 || in->width % 2))
    return clf__fail(CLF_EINVAL, "%s: images of %d x %d cannot be halved; both sides must be even",
                     l->label, (int)in->height, (int)in->width);
  if (l->inverted)
    l->out = (clf__shape){in->dim, 2 * in->height, 2 * in->width, in->channels / 4};
  else
    l->out = (clf__shape){in->dim, in->height / 2, in->width / 2, 4 * in->channels};
  o->large = l->inverted ? l->out : l->in;
  o->small = l->inverted ? l->in : l->out;
  return CLF_OK;
}

static clf_status make(clf__layer *l, clf__slots *slots, const char *path) {
  squeeze *o = l->own = calloc(1, sizeof *o);
  (void)path; /* it has no weights */
  if (!o) return clf__fail(CLF_ENOMEM, "no memory for a squeeze");
  CLF_TRY(set_shapes(l, o));
  if (order_of(l) != CLF__SQUEEZE_SPACE) return CLF_OK;
  clf__slots_add(slots, &o->there, CLF_CONSTANT, 0, 0, 1, &l->in.dim, NULL);
  clf__slots_add(slots, &o->back, CLF_CONSTANT, 0, 0, 1, &l->in.dim, NULL);
  return CLF_OK;
}

/* ---- Places ---------------------------------------------------------------------------------- */

/* The new index of channel `c` of pixel (h, w): pixels row by row, the channel is the fastest
 * index. */
static int32_t column_of(const clf__layer *l, int32_t h, int32_t w, int32_t c) {
  static const int32_t of_checker[4] = {0, 2, 3, 1}; /* positions with even h + w first */
  const int32_t corner = h % 2 * 2 + w % 2, C = own_of(l)->large.channels;
  const clf__shape *small = &own_of(l)->small;
  const int32_t channel = order_of(l) == CLF__SQUEEZE_C         ? 4 * c + corner
                          : order_of(l) == CLF__SQUEEZE_CHECKER ? of_checker[corner] * C + c
                                                                : corner * C + c;
  return (h / 2 * small->width + w / 2) * small->channels + channel;
}

/* to[i]: the index in the small image of element i of the large one. */
static void columns_of(const clf__layer *l, int32_t *to) {
  const clf__shape *large = &own_of(l)->large;
  for (int32_t h = 0; h < large->height; h++)
    for (int32_t w = 0; w < large->width; w++)
      for (int32_t c = 0; c < large->channels; c++) *to++ = column_of(l, h, w, c);
}

static clf_status derive(const clf__layer *l, double *c) {
  const squeeze *o = own_of(l);
  if (!o->there.rank) return CLF_OK;
  int32_t *const to = malloc((size_t)l->in.dim * sizeof *to);
  if (!to) return clf__fail(CLF_ENOMEM, "no memory for the indices of %d numbers", (int)l->in.dim);
  columns_of(l, to);
  for (int32_t i = 0; i < l->in.dim; i++) {
    c[o->there.at + to[i]] = i;
    c[o->back.at + i] = to[i];
  }
  free(to);
  return CLF_OK;
}

static clf_status trace(const clf__layer *l, int32_t *places, int32_t *sent) {
  const size_t D = (size_t)l->in.dim;
  int32_t *const to = malloc(2 * D * sizeof *to);
  if (!to) return clf__fail(CLF_ENOMEM, "no memory for the indices of %zu numbers", D);
  int32_t *const before = to + D;
  (void)sent;
  columns_of(l, to);
  memcpy(before, places, D * sizeof *before);
  for (size_t i = 0; i < D; i++)
    if (l->inverted)
      places[i] = before[to[i]];
    else
      places[to[i]] = before[i];
  free(to);
  return CLF_OK;
}

/* ---- Passes ---------------------------------------------------------------------------------- */

/* From the large image to the small one, or back. */
static clf_status move(const clf__layer *l, const clf__pass *p, int back, clf_tensor x,
                       clf_tensor y) {
  const squeeze *o = own_of(l);
  if (o->there.rank)
    return clf_do(p->dev, columns_take, .x = x, .at = clf__weight(p, back ? &o->back : &o->there),
                  .y = y);
  return clf_do(p->dev, squeeze, .x = clf__images_of(x, back ? o->small : o->large),
                .y = clf__images_of(y, back ? o->large : o->small),
                .ordered = order_of(l) == CLF__SQUEEZE_CHECKER, .inverse = back);
}

static clf_status forward(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                          clf_tensor x, clf_tensor y, clf_tensor logdet) {
  (void)k, (void)logdet;
  return move(l, p, 0, x, y);
}
static clf_status inverse(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                          clf_tensor y, clf_tensor x, clf_tensor logdet) {
  (void)k, (void)logdet;
  return move(l, p, 1, y, x);
}
static clf_status backward(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                           clf_tensor x, clf_tensor y, clf_tensor dy, clf_tensor dx) {
  (void)k, (void)x, (void)y;
  return move(l, p, 1, dy, dx);
}
static clf_status backward_inverse(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                                   clf_tensor y, clf_tensor x, clf_tensor dx, clf_tensor dy) {
  (void)k, (void)x, (void)y;
  return move(l, p, 0, dx, dy);
}

const clf__layer_ops clf__layer_squeeze = {
    .name = "squeeze",
    .make = make,
    .unmake = clf__layer_free_own,
    .derive = derive,
    .trace = trace,
    .forward = forward,
    .inverse = inverse,
    .backward = CLF_TRAINS(backward),
    .backward_inverse = CLF_TRAINS(backward_inverse),
    .traits = CLF_KEEPS_VOLUME,
};
