/* SPDX-License-Identifier: MIT */
/* linear.c: the passes of linear layers, as matrix products or 1x1 convolutions. */
#include "linear.h"
#include <stdlib.h>

/* ---- Parts --------------------------------------------------------------------------------- */

/* Rows and columns of W. */
static int by_channel(const clf__layer *l) { return l->ops == &clf__layer_conv1x1; }
static int32_t size_of(const clf__layer *l) { return by_channel(l) ? clf__channels(l) : l->in.dim; }
static int32_t pixels_of(const clf__layer *l) { return by_channel(l) ? clf__pixels(l) : 1; }

clf_status clf__linear_new(clf__layer *l, clf__slots *slots, int derived, clf__linear **m) {
  const int32_t D = size_of(l), square[2] = {D, D}, one = 1;
  if ((int64_t)D * D > INT32_MAX)
    return clf__fail(CLF_EINVAL, "%s: a matrix of %d x %d; at most %d numbers are possible",
                     l->label, (int)D, (int)D, INT32_MAX);
  *m = l->own = calloc(1, sizeof **m);
  if (!*m) return clf__fail(CLF_ENOMEM, "no memory for %s", l->label);
  if (derived & CLF_LINEAR_W) clf__slots_add(slots, &(*m)->w, CLF_DERIVED, 0, 0, 2, square, NULL);
  if (derived & CLF_LINEAR_V) clf__slots_add(slots, &(*m)->v, CLF_DERIVED, 0, 0, 2, square, NULL);
  (*m)->w.is_factor = derived & CLF_LINEAR_W && !by_channel(l);
  (*m)->v.is_factor = derived & CLF_LINEAR_V && !by_channel(l);
  if (derived & CLF_LINEAR_LOGDET)
    clf__slots_add(slots, &(*m)->logdet, CLF_DERIVED, 0, 0, 1, &one, NULL);
  return CLF_OK;
}

void clf__linear_free(clf__layer *l) {
  free(l->own);
  l->own = NULL;
}

void clf__linear_add_bias(clf__layer *l, clf__slots *slots, const char *path) {
  clf__linear *m = l->own;
  const int32_t D = size_of(l);
  clf__slots_add(slots, &m->bias, CLF_PLAIN, 0, 0, 1, &D, "%s.bias", path);
  clf__slots_add(slots, &m->back, CLF_DERIVED, 0, 0, 1, &D, NULL);
}

void clf__linear_transpose(clf__linear *m, clf__slots *slots) {
  const int32_t dim[2] = {m->w.dim[1], m->w.dim[0]}, stride[2] = {m->w.stride[1], m->w.stride[0]};
  clf__slots_view(slots, &m->v, &m->w, 0, 2, dim, stride, NULL);
}

clf_status clf__linear_prepare_bias(const clf__linear *m, const clf__pass *p) {
  if (!m->bias.rank) return CLF_OK;
  return clf_do(p->dev, gemm, .a = clf__weight(p, &m->v), .b = clf__weight(p, &m->bias),
                .c = clf__weight(p, &m->back), .alpha = -1);
}

clf_status clf__linear_is_singular(const clf__linear *m, const clf__pass *p, int *singular) {
  double logdet;
  CLF_TRY(clf_read64(p->dev, clf__weight(p, &m->logdet), &logdet));
  *singular = logdet == -INFINITY;
  return CLF_OK;
}

/* ---- Initial values -------------------------------------------------------------------------- */

void clf__linear_init_reflections(const clf__slot *q, double *w) {
  const int32_t K = q->dim[0], D = q->dim[1];
  for (int32_t k = 0; k < K; k++)
    for (int32_t i = 0; i < D; i++) w[q->at + k * D + i] = i == k / 2 % D;
}

void clf__linear_init_orthogonal(const clf__slot *q, clf__host_random *r, double *w) {
  const int32_t D = q->dim[0];
  double *const m = w + q->at;
  for (int32_t i = 0; i < D; i++) {
    double *const row = m + (int64_t)i * D;
    for (int32_t j = 0; j < D; j++) row[j] = clf__host_normal(r);
    for (int twice = 0; twice < 2; twice++) /* a single pass leaves rounding errors */
      for (int32_t k = 0; k < i; k++) {
        double along = 0;
        for (int32_t j = 0; j < D; j++) along += row[j] * m[(int64_t)k * D + j];
        for (int32_t j = 0; j < D; j++) row[j] -= along * m[(int64_t)k * D + j];
      }
    double square = 0;
    for (int32_t j = 0; j < D; j++) square += row[j] * row[j];
    for (int32_t j = 0; j < D; j++) row[j] /= sqrt(square);
  }
}

/* ---- Passes ---------------------------------------------------------------------------------- */

/* y = x m^T + bias, for rows or for all pixels. */
static clf_status multiply(const clf__layer *l, const clf__pass *p, const clf__slot *m,
                           clf_tensor bias, clf_tensor x, clf_tensor y) {
  if (by_channel(l))
    return clf_do(p->dev, conv_fwd, .x = clf__by_channel(l, x), .w = clf__weight(p, m),
                  .bias = bias, .y = clf__by_channel(l, y));
  const clf__factor f = clf__factor_of(p, m);
  return clf_do(p->dev, gemm, .a = x, .b = f.b, .bias = bias, .c = y, .tb = f.tb, .alpha = 1);
}

/* x = y m: the gradient of multiply(). */
static clf_status multiply_back(const clf__layer *l, const clf__pass *p, clf_tensor m, clf_tensor y,
                                clf_tensor x) {
  if (by_channel(l))
    return clf_do(p->dev, conv_bwd_data, .dy = clf__by_channel(l, y), .w = m,
                  .dx = clf__by_channel(l, x));
  return clf_do(p->dev, gemm, .a = y, .b = m, .c = x, .alpha = 1);
}

/* The gradients of W, b and the log-det from dL/dy; dW is the sum of dy x^T. */
static clf_status add_gradients(const clf__layer *l, const clf__pass *p, clf_tensor dy,
                                clf_tensor x, int sign) {
  const clf__linear *m = l->own;
  const clf_tensor dw = clf__gradient(p, &m->w), db = clf__gradient(p, &m->bias);
  const clf_tensor dlogdet = clf__gradient(p, &m->logdet);
  if (by_channel(l)) {
    const clf_tensor y = clf__by_channel(l, dy);
    CLF_TRY(
        clf_do(p->dev, conv_bwd_weights, .x = clf__by_channel(l, x), .dy = y, .dw = dw, .beta = 1));
    if (db.buf) CLF_TRY(clf_do(p->dev, conv_bwd_bias, .dy = y, .db = db, .beta = 1));
  } else {
    CLF_TRY(clf_do(p->dev, gemm, .a = dy, .b = x, .c = dw, .ta = 1, .alpha = 1, .beta = 1));
    if (db.buf) CLF_TRY(clf_do(p->dev, sum_rows, .x = dy, .y = db, .beta = 1));
  }
  if (!dlogdet.buf) return CLF_OK;
  return clf__add_logdet_gradient(p, x.dim[0], sign * pixels_of(l), dlogdet);
}

static clf_status add_logdet(const clf__layer *l, const clf__pass *p, clf_tensor logdet, int sign) {
  const clf__linear *m = l->own;
  if (!m->logdet.rank) return CLF_OK;
  return clf_do(p->dev, logdet_add, .value = clf__weight(p, &m->logdet), .logdet = logdet,
                .factor = 1, .times = sign * pixels_of(l));
}

clf_status clf__linear_forward(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                               clf_tensor x, clf_tensor y, clf_tensor logdet) {
  const clf__linear *m = l->own;
  (void)k;
  CLF_TRY(multiply(l, p, &m->w, clf__weight(p, &m->bias), x, y));
  return add_logdet(l, p, logdet, 1);
}

clf_status clf__linear_inverse(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                               clf_tensor y, clf_tensor x, clf_tensor logdet) {
  const clf__linear *m = l->own;
  (void)k;
  CLF_TRY(multiply(l, p, &m->v, clf__weight(p, &m->back), y, x));
  return add_logdet(l, p, logdet, -1);
}

clf_status clf__linear_backward(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                                clf_tensor x, clf_tensor y, clf_tensor dy, clf_tensor dx) {
  const clf__linear *m = l->own;
  (void)k, (void)y;
  CLF_TRY(multiply_back(l, p, clf__weight(p, &m->w), dy, dx));
  return p->gradients.w.buf ? add_gradients(l, p, dy, x, 1) : CLF_OK;
}

/* dy = V^T dx.  The gradient of W is -V^T dV V^T = -dy x^T, so dV is not needed; that of b is
 * the sum of -dy. */
clf_status clf__linear_backward_inverse(const clf__layer *l, const clf__pass *p,
                                        clf__layer_memory *k, clf_tensor y, clf_tensor x,
                                        clf_tensor dx, clf_tensor dy) {
  const clf__linear *m = l->own;
  (void)k, (void)y;
  CLF_TRY(multiply_back(l, p, clf__weight(p, &m->v), dx, dy));
  if (!p->gradients.w.buf) return CLF_OK;
  CLF_TRY(clf__negate(p, dx, dy));
  CLF_TRY(add_gradients(l, p, dy, x, -1));
  return clf__negate(p, dx, dy);
}
