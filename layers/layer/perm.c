/* SPDX-License-Identifier: MIT */
/* perm.c: y[j] = x[perm[j]]: a fixed permutation of a sample's dimensions, or of the channels of an
 * image. */
#include <stdlib.h>
#include "arch_private.h"
#include "channels.h"

typedef struct permutation {
  clf__slot perm, inverse;
} permutation;

static const clf__arch_perm *node_of(const clf__layer *l) {
  return (const clf__arch_perm *)l->node;
}

static clf_status make(clf__layer *l, clf__slots *slots, const char *path) {
  const int32_t D = clf__channels(l), listed = node_of(l)->list.n;
  if (node_of(l)->kind == CLF__PERM_LIST && listed != D)
    return clf__fail(CLF_EINVAL, "%s: its list has %d numbers; there are %d %s to permute",
                     l->label, (int)listed, (int)D, clf__is_image(l) ? "channels" : "dimensions");
  permutation *o = l->own = calloc(1, sizeof *o);
  if (!o) return clf__fail(CLF_ENOMEM, "no memory for %s", l->label);
  clf__slots_add(slots, &o->perm, CLF_CONSTANT, 0, 0, 1, &D, "%s.perm", path);
  clf__slots_add(slots, &o->inverse, CLF_CONSTANT, 0, 0, 1, &D, NULL);
  return CLF_OK;
}

static void draw(const clf__layer *l, clf__host_random *r, double *c) {
  double *const perm = c + ((const permutation *)l->own)->perm.at;
  const int32_t D = clf__channels(l);
  for (int32_t j = 0; j < D; j++)
    perm[j] = node_of(l)->kind == CLF__PERM_LIST      ? node_of(l)->list.at[j]
              : node_of(l)->kind == CLF__PERM_REVERSE ? D - 1 - j
                                                      : j;
  for (int32_t j = D - 1; j > 0 && node_of(l)->kind == CLF__PERM_RANDOM;
       j--) { /* Fisher-Yates shuffle */
    const int64_t i = clf__host_below(r, j + 1);
    const double at = perm[j];
    perm[j] = perm[i];
    perm[i] = at;
  }
}

/* The inverse of a permutation, which may come from a file. */
static clf_status derive(const clf__layer *l, double *c) {
  const permutation *o = l->own;
  const int32_t D = clf__channels(l);
  double *const inverse = c + o->inverse.at;
  for (int32_t j = 0; j < D; j++) inverse[j] = -1;
  for (int32_t j = 0; j < D; j++) {
    const double i = c[o->perm.at + j];
    if (!(i >= 0 && i < D) || i != floor(i) || inverse[(int32_t)i] >= 0)
      return clf__fail(CLF_EFORMAT, "%s.perm has %g at %d; a permutation has each of 0 .. %d once",
                       l->label, i, (int)j, (int)D - 1);
    inverse[(int32_t)i] = j;
  }
  return CLF_OK;
}

/* to[j] = from[by[j]]. */
static clf_status take(const clf__layer *l, const clf__pass *p, const clf__slot *by,
                       clf_tensor from, clf_tensor to) {
  return clf_do(p->dev, columns_take, .x = clf__by_channel(l, from), .at = clf__weight(p, by),
                .y = clf__by_channel(l, to));
}
static clf_status permute(const clf__layer *l, const clf__pass *p, clf_tensor from, clf_tensor to) {
  return take(l, p, &((const permutation *)l->own)->perm, from, to);
}
static clf_status permute_back(const clf__layer *l, const clf__pass *p, clf_tensor from,
                               clf_tensor to) {
  return take(l, p, &((const permutation *)l->own)->inverse, from, to);
}

static clf_status forward(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                          clf_tensor x, clf_tensor y, clf_tensor logdet) {
  (void)k, (void)logdet;
  return permute(l, p, x, y);
}
static clf_status inverse(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                          clf_tensor y, clf_tensor x, clf_tensor logdet) {
  (void)k, (void)logdet;
  return permute_back(l, p, y, x);
}
static clf_status backward(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                           clf_tensor x, clf_tensor y, clf_tensor dy, clf_tensor dx) {
  (void)k, (void)x, (void)y;
  return permute_back(l, p, dy, dx);
}
static clf_status backward_inverse(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                                   clf_tensor y, clf_tensor x, clf_tensor dx, clf_tensor dy) {
  (void)k, (void)y, (void)x;
  return permute(l, p, dx, dy);
}

const clf__layer_ops clf__layer_perm = {
    .name = "perm",
    .make = make,
    .unmake = clf__layer_free_own,
    .draw = draw,
    .derive = derive,
    .forward = forward,
    .inverse = inverse,
    .backward = CLF_TRAINS(backward),
    .backward_inverse = CLF_TRAINS(backward_inverse),
    .traits = CLF_FIXED_VOLUME | CLF_KEEPS_VOLUME,
};
