/* SPDX-License-Identifier: MIT */
/* dense.c: y = W x + b with trained W (nflows' NaiveLinear), and the 1x1 convolution of Glow
 * (Kingma and Dhariwal 2018, section 3.2), which is the same, or L U, on the channels of each
 * pixel. */
#include <stdio.h>
#include "arch_private.h"
#include "lu.h"

static clf_status make_dense(clf__layer *l, clf__slots *slots, const char *path) {
  clf__linear *m;
  CLF_TRY(clf__linear_new(l, slots, CLF_LINEAR_V | CLF_LINEAR_LOGDET, &m));
  clf__slots_add(slots, &m->w, CLF_PLAIN, 0, 0, 2, m->v.dim, "%s.weight", path);
  m->w.is_factor = 1;
  clf__linear_add_bias(l, slots, path);
  return CLF_OK;
}

static void init_dense(const clf__layer *l, clf__host_random *r, double *w) {
  clf__linear_init_orthogonal(&((const clf__linear *)l->own)->w, r, w);
}

static clf_status prepare_dense(const clf__layer *l, const clf__pass *p) {
  const clf__linear *m = l->own;
  CLF_TRY(clf_do(p->dev, dense_compose, .w = clf__weight(p, &m->w), .v = clf__weight(p, &m->v),
                 .logdet = clf__weight(p, &m->logdet)));
  return clf__linear_prepare_bias(m, p);
}

/* A singular W is refused when values are computed; in training the loss is not finite. */
static clf_status refuse_singular(const clf__layer *l, const clf__pass *p) {
  int singular = 0;
  if (p->mode == CLF_EVAL) CLF_TRY(clf__linear_is_singular(l->own, p, &singular));
  if (!singular) return CLF_OK;
  return clf__fail(CLF_EINVAL, "%s: its matrix is singular, so that it has no inverse", l->label);
}

static clf_status forward_dense(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                                clf_tensor x, clf_tensor y, clf_tensor logdet) {
  CLF_TRY(refuse_singular(l, p));
  return clf__linear_forward(l, p, k, x, y, logdet);
}
static clf_status inverse_dense(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                                clf_tensor y, clf_tensor x, clf_tensor logdet) {
  CLF_TRY(refuse_singular(l, p));
  return clf__linear_inverse(l, p, k, y, x, logdet);
}

static clf_status finish_dense(const clf__layer *l, const clf__pass *p) {
  const clf__linear *m = l->own;
  return clf_do(p->dev, dense_bwd, .v = clf__weight(p, &m->v), .dl = clf__gradient(p, &m->logdet),
                .dw = clf__gradient(p, &m->w), .dlogdet = 1);
}

static clf_status find_bad(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                           clf_tensor x, clf_tensor y, char *name, size_t size) {
  int singular;
  (void)k, (void)x, (void)y;
  CLF_TRY(clf__linear_is_singular(l->own, p, &singular));
  if (singular) snprintf(name, size, "%s, whose matrix is singular,", l->label);
  return CLF_OK;
}

const clf__layer_ops clf__layer_dense = {
    .name = "dense",
    .make = make_dense,
    .init = init_dense,
    .prepare = prepare_dense,
    .finish = CLF_TRAINS(finish_dense),
    .find_bad = CLF_TRAINS(find_bad),
    .traits = CLF_FIXED_VOLUME,
    .unmake = clf__linear_free,
    .forward = forward_dense,
    .inverse = inverse_dense,
    .backward = CLF_TRAINS(clf__linear_backward),
    .backward_inverse = CLF_TRAINS(clf__linear_backward_inverse),
};

/* ---- 1x1 convolution ------------------------------------------------------------------------- */

static int is_lu(const clf__layer *l) {
  return ((const clf__arch_conv1x1 *)l->node)->kind == CLF__MATRIX_LU;
}

static clf_status make_conv(clf__layer *l, clf__slots *slots, const char *path) {
  if (!clf__is_image(l))
    return clf__fail(
        CLF_EINVAL,
        "%s: conv1x1 mixes the channels of images, and its input is %d numbers; lu and "
        "dense mix these",
        l->label, (int)l->in.dim);
  return is_lu(l) ? clf__lu_make(l, slots, path, 1) : make_dense(l, slots, path);
}
static void init_conv(const clf__layer *l, clf__host_random *r, double *w) {
  if (!is_lu(l)) init_dense(l, r, w);
}
static clf_status prepare_conv(const clf__layer *l, const clf__pass *p) {
  return is_lu(l) ? clf__lu_prepare(l, p) : prepare_dense(l, p);
}
static clf_status forward_conv(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                               clf_tensor x, clf_tensor y, clf_tensor logdet) {
  return (is_lu(l) ? clf__linear_forward : forward_dense)(l, p, k, x, y, logdet);
}
static clf_status inverse_conv(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                               clf_tensor y, clf_tensor x, clf_tensor logdet) {
  return (is_lu(l) ? clf__linear_inverse : inverse_dense)(l, p, k, y, x, logdet);
}
static clf_status finish_conv(const clf__layer *l, const clf__pass *p) {
  return is_lu(l) ? clf__lu_finish(l, p) : finish_dense(l, p);
}

const clf__layer_ops clf__layer_conv1x1 = {
    .name = "conv1x1",
    .make = make_conv,
    .init = init_conv,
    .prepare = prepare_conv,
    .finish = CLF_TRAINS(finish_conv),
    .find_bad = CLF_TRAINS(find_bad),
    .traits = CLF_FIXED_VOLUME,
    .unmake = clf__linear_free,
    .forward = forward_conv,
    .inverse = inverse_conv,
    .backward = CLF_TRAINS(clf__linear_backward),
    .backward_inverse = CLF_TRAINS(clf__linear_backward_inverse),
};
