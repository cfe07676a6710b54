/* SPDX-License-Identifier: MIT */
/* scale_shift.c: a scale and a shift per column or channel. */
#include "ref.h"

/* The scale, and the logarithm of its magnitude with its slope by the parameter u. */
typedef struct scale {
  real value, log, log_slope;
} scale;

static real softplus(real u) { return (u > 0 ? u : 0) + real_log(1 + real_exp(-real_abs(u))); }
static real sigmoid(real u) {
  const real e = real_exp(-real_abs(u));
  return (u > 0 ? 1 : e) / (1 + e);
}

static scale scale_of(real u, int kind, real eps) {
  if (kind == CLF_FACTOR_EXP) return (scale){real_exp(u), u, 1};
  if (kind == CLF_FACTOR_PARAMETER) return (scale){u, real_log(real_abs(u)), 1 / u};
  if (kind == CLF_FACTOR_FREIA_SIGMOID)
    return (scale){10 * sigmoid(u - 2), real_log((real)10) - softplus(2 - u), sigmoid(2 - u)};
  const real value = kind == CLF_FACTOR_SOFTPLUS ? softplus(u) + eps : (real)0.2 * softplus(u / 2);
  const real slope = kind == CLF_FACTOR_SOFTPLUS ? sigmoid(u) : (real)0.1 * sigmoid(u / 2);
  return (scale){value, real_log(value), slope / value};
}

#define SCALE(c) scale_of(*at(&p->u, c, 0, 0, 0), p->kind, p->eps)
#define SHIFT(c) (p->shift.buf ? *at(&p->shift, c, 0, 0, 0) : 0)

static real log_det(const clf_tensor *u, int kind, real eps, int pixels) {
  double sum = 0;
  for (int c = 0; c < u->dim[0]; c++) sum += scale_of(*at(u, c, 0, 0, 0), kind, eps).log;
  return (real)(sum * pixels);
}

CLF_REF_LOOP(scale_shift_fwd, 3.0 * (double)clf__count(&p->x), p->x.dim[0], n) {
  for (int c = 0; c < p->x.dim[1]; c++) {
    const real s = SCALE(c).value, t = SHIFT(c);
    for (int h = 0; h < p->x.dim[2]; h++)
      for (int w = 0; w < p->x.dim[3]; w++) *at(&p->y, n, c, h, w) = s * *at(&p->x, n, c, h, w) + t;
  }
  *at(&p->logdet, n, 0, 0, 0) += log_det(&p->u, p->kind, p->eps, p->x.dim[2] * p->x.dim[3]);
}

CLF_REF_LOOP(scale_shift_inv, 3.0 * (double)clf__count(&p->y), p->y.dim[0], n) {
  for (int c = 0; c < p->y.dim[1]; c++) {
    const real s = SCALE(c).value, t = SHIFT(c);
    for (int h = 0; h < p->y.dim[2]; h++)
      for (int w = 0; w < p->y.dim[3]; w++)
        *at(&p->x, n, c, h, w) = (*at(&p->y, n, c, h, w) - t) / s;
  }
  *at(&p->logdet, n, 0, 0, 0) -= log_det(&p->u, p->kind, p->eps, p->y.dim[2] * p->y.dim[3]);
}

static double weight_of_all(const clf_tensor *dl, int N, float dlogdet) {
  double sum = N;
  if (dl->buf) {
    sum = 0;
    for (int n = 0; n < N; n++) sum += *at(dl, n, 0, 0, 0);
  }
  return sum * (double)dlogdet;
}

/* A channel of either backward pass: out = factor in; the sums of out, and of out times x. */
typedef struct sums {
  double shift, scale;
} sums;
static sums channel(const clf_tensor *x, const clf_tensor *in, const clf_tensor *out, int c,
                    real factor) {
  sums s = {0, 0};
  for (int n = 0; n < x->dim[0]; n++)
    for (int h = 0; h < x->dim[2]; h++)
      for (int w = 0; w < x->dim[3]; w++) {
        const real d = factor * *at(in, n, c, h, w);
        *at(out, n, c, h, w) = d;
        s.shift += d;
        s.scale += (double)d * *at(x, n, c, h, w);
      }
  return s;
}

CLF_REF_LOOP(scale_shift_bwd, 5.0 * (double)clf__count(&p->x), p->x.dim[1], c) {
  const scale s = SCALE(c);
  const sums sum = channel(&p->x, &p->dy, &p->dx, c, s.value);
  const double own = weight_of_all(&p->dl, p->x.dim[0], p->dlogdet) * p->x.dim[2] * p->x.dim[3];
  if (p->dshift.buf) *at(&p->dshift, c, 0, 0, 0) += (real)(sum.shift / s.value);
  if (p->du.buf) *at(&p->du, c, 0, 0, 0) += (real)((sum.scale + own) * s.log_slope);
}

CLF_REF_LOOP(scale_shift_inv_bwd, 5.0 * (double)clf__count(&p->x), p->x.dim[1], c) {
  const scale s = SCALE(c);
  const sums sum = channel(&p->x, &p->dx, &p->dy, c, 1 / s.value);
  const double own = weight_of_all(&p->dl, p->x.dim[0], p->dlogdet) * p->x.dim[2] * p->x.dim[3];
  if (p->dshift.buf) *at(&p->dshift, c, 0, 0, 0) -= (real)sum.shift;
  if (p->du.buf) *at(&p->du, c, 0, 0, 0) -= (real)((sum.scale * s.value + own) * s.log_slope);
}
