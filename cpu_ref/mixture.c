/* SPDX-License-Identifier: MIT */
/* mixture.c: combines K log-densities, responsibilities, and which component a sample is from.
 * Sums are always in double. */
#include "philox.h"
#include "ref.h"

static double number(const clf_tensor *t, int n, int k) {
  return t->buf ? (double)*at(t, n, k, 0, 0) : 0;
}

/* log of the sum of exp(weights[n]), K of them. */
static double log_total(const clf_tensor *weights, int n, int K) {
  double most = number(weights, n, 0);
  for (int k = 1; k < K; k++) most = fmax(most, number(weights, n, k));
  double sum = exp(number(weights, n, 0) - most);
  for (int k = 1; k < K; k++) sum += exp(number(weights, n, k) - most);
  return most + log(sum);
}

static int shared(const clf_tensor *t) { return !t->buf || t->stride[0] == 0; }

/* Samples that are combined at once; a step is the distance between them. */
enum { SIDE = 64 };

/* weights + logps of component k. */
static void scores(const clf_mixture_combine_args *p, int n0, int n, int k, double *a) {
  const real *logps = at(&p->logps, n0, k, 0, 0);
  const ptrdiff_t step = p->logps.stride[0];
  for (int m = 0; m < n; m++) a[m] = (double)logps[m * step];
  if (!p->weights.buf) return;
  const real *weights = at(&p->weights, n0, k, 0, 0);
  const ptrdiff_t of_weights = p->weights.stride[0];
  for (int m = 0; m < n; m++) a[m] += (double)weights[m * of_weights];
}

/* exp(a - max), which is 0 if all are -inf */
static void shares(int n, const double *a, const double *most, real *e) {
  for (int m = 0; m < n; m++) e[m] = real_exp((real)(a[m] - most[m]));
}

static void put_resp(const clf_mixture_combine_args *p, int n0, int n, const double *most,
                     const double *sum) {
  double a[SIDE];
  real e[SIDE];
  for (int k = 0; p->resp.buf && k < p->logps.dim[1]; k++) {
    real *resp = at(&p->resp, n0, k, 0, 0);
    const ptrdiff_t step = p->resp.stride[0];
    scores(p, n0, n, k, a);
    shares(n, a, most, e);
    for (int m = 0; m < n; m++)
      resp[m * step] = most[m] == -INFINITY ? 0 : (real)((double)e[m] / sum[m]);
  }
}

CLF_REF_LOOP(mixture_combine, 30.0 * (double)clf__count(&p->logps),
             (p->logps.dim[0] - 1) / SIDE + 1, block) {
  const int K = p->logps.dim[1], n0 = block * SIDE, left = p->logps.dim[0] - n0;
  const int n = left < SIDE ? left : SIDE;
  double a[SIDE], most[SIDE], sum[SIDE] = {0}, plain[SIDE] = {0};
  real e[SIDE];
  for (int m = 0; m < n; m++) most[m] = -INFINITY;
  for (int k = 0; k < K; k++) {
    scores(p, n0, n, k, a);
    for (int m = 0; m < n; m++) most[m] = a[m] > most[m] ? a[m] : most[m];
    for (int m = 0; m < n; m++) plain[m] += a[m]; /* -inf if all are, or NaN */
  }
  for (int k = 0; k < K; k++) {
    scores(p, n0, n, k, a);
    shares(n, a, most, e);
    for (int m = 0; m < n; m++) sum[m] += (double)e[m];
  }
  put_resp(p, n0, n, most, sum);
  double total = log_total(&p->weights, n0, K);
  for (int m = 0; m < n; m++) {
    if (m && !shared(&p->weights)) total = log_total(&p->weights, n0 + m, K);
    const double mixed = most[m] == -INFINITY ? plain[m] : most[m] + log(sum[m]) - total;
    real *logp = at(&p->logp, n0 + m, 0, 0, 0);
    *logp = (real)(mixed + number(&p->logdet, n0 + m, 0) +
                   (p->beta != 0 ? (double)p->beta * (double)*logp : 0));
  }
}

typedef struct bwd_call {
  const clf_mixture_bwd_args *p;
  real *weights; /* (K) softmax of weights that all samples share; NULL: each sample has its own */
} bwd_call;

CLF_LOOP(bwd_row, bwd_call, c, n) {
  const clf_mixture_bwd_args *p = c->p;
  const int K = p->resp.dim[1];
  const double weight = (double)p->dlogdet * (p->dl.buf ? number(&p->dl, n, 0) : 1);
  const double total = c->weights ? 0 : log_total(&p->weights, n, K);
  double sum = 0; /* of responsibilities: 1, or 0 */
  for (int k = 0; k < K; k++) sum += number(&p->resp, n, k);
  for (int k = 0; k < K; k++) {
    const double resp = number(&p->resp, n, k);
    *at(&p->dlogps, n, k, 0, 0) = (real)(weight * resp);
    if (!p->dweights.buf) continue;
    const double w = c->weights ? (double)c->weights[k] : exp(number(&p->weights, n, k) - total);
    *at(&p->dweights, n, k, 0, 0) = (real)(sum != 0 ? weight * (resp - w) : 0);
  }
}

CLF_REF(mixture_bwd) {
  const int K = p->resp.dim[1];
  bwd_call c = {p, NULL};
  if (shared(&p->weights)) {
    const double total = log_total(&p->weights, 0, K);
    c.weights = clf_scratch_get(scratch, (size_t)K);
    CLF_NEED(c.weights, K);
    for (int k = 0; k < K; k++) c.weights[k] = (real)exp(number(&p->weights, 0, k) - total);
  }
  in_threads(20.0 * (double)clf__count(&p->resp), p->resp.dim[0], bwd_row, &c);
  return CLF_OK;
}

CLF_REF_LOOP(mixture_cdf, 40.0 * (double)clf__count(&p->cdf), p->cdf.dim[0], n) {
  const int K = p->cdf.dim[1];
  const double total = log_total(&p->weights, n, K);
  double sum = 0;
  for (int k = 0; k < K; k++) {
    sum += exp(number(&p->weights, n, k) - total);
    *at(&p->cdf, n, k, 0, 0) = k < K - 1 ? (real)sum : 1;
  }
}

CLF_REF_LOOP(mixture_pick, 30.0 * p->cdf.dim[0], p->cdf.dim[0], n) {
  const double u = clf__uniform(CLF_WORDS(p, 0, n).v[0]);
  int k = 0;
  while (k < p->cdf.dim[1] - 1 && number(&p->cdf, n, k) <= u) k++;
  *at(&p->index, n, 0, 0, 0) = (real)k;
}

CLF_REF_LOOP(mixture_take, (double)clf__count(&p->x), p->x.dim[0], n) {
  if (number(&p->index, n, 0) != p->k) return;
  for (int d = 0; d < p->x.dim[1]; d++) *at(&p->y, n, d, 0, 0) = *at(&p->x, n, d, 0, 0);
}

CLF_REF_LOOP(mixture_select, (double)clf__count(&p->y), p->y.dim[0], n) {
  const int k = (int)number(&p->index, n, 0);
  for (int d = 0; d < p->y.dim[1]; d++) *at(&p->y, n, d, 0, 0) = *at(&p->x, n, k, d, 0);
}

CLF_REF_LOOP(one_hot, (double)clf__count(&p->y), p->y.dim[0], n) {
  for (int k = 0; k < p->y.dim[1]; k++) *at(&p->y, n, k, 0, 0) = number(&p->x, n, 0) == k;
}
