/* SPDX-License-Identifier: MIT */
/* mixture.c: K log-densities as one, responsibilities, and which component a sample is from.  Sums
 * are in double for either `real`. */
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

CLF_REF_LOOP(mixture_combine, 60.0 * (double)clf__count(&p->logps), p->logps.dim[0], n) {
  const int K = p->logps.dim[1];
  double most = -INFINITY, sum = 0, plain = 0;
  for (int k = 0; k < K; k++) {
    const double a = number(&p->weights, n, k) + number(&p->logps, n, k);
    if (a > most) most = a;
    plain += a;
  }
  const int none = most == -INFINITY; /* then `plain` is -inf too, or NaN */
  for (int k = 0; k < K && !none; k++)
    sum += exp(number(&p->weights, n, k) + number(&p->logps, n, k) - most);
  for (int k = 0; p->resp.buf && k < K; k++)
    *at(&p->resp, n, k, 0, 0) =
        none ? 0 : (real)(exp(number(&p->weights, n, k) + number(&p->logps, n, k) - most) / sum);
  const double mixed = none ? plain : most + log(sum) - log_total(&p->weights, n, K);
  real *logp = at(&p->logp, n, 0, 0, 0);
  *logp = (real)(mixed + number(&p->logdet, n, 0) +
                 (p->beta != 0 ? (double)p->beta * (double)*logp : 0));
}

CLF_REF_LOOP(mixture_bwd, 40.0 * (double)clf__count(&p->resp), p->resp.dim[0], n) {
  const int K = p->resp.dim[1];
  const double weight = (double)p->dlogdet * (p->dl.buf ? number(&p->dl, n, 0) : 1);
  const double total = log_total(&p->weights, n, K);
  double sum = 0; /* of responsibilities: 1, or 0 */
  for (int k = 0; k < K; k++) sum += number(&p->resp, n, k);
  for (int k = 0; k < K; k++) {
    const double resp = number(&p->resp, n, k), w = exp(number(&p->weights, n, k) - total);
    *at(&p->dlogps, n, k, 0, 0) = (real)(weight * resp);
    if (p->dweights.buf) *at(&p->dweights, n, k, 0, 0) = (real)(sum != 0 ? weight * (resp - w) : 0);
  }
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
