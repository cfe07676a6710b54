/* SPDX-License-Identifier: MIT */
/* mixture.cl: mixtures of K densities: a work-item for each sample, or for each element. */
#include "random.clh"

/* The weight of component k for sample n; 0 if weights were left out. */
INLINE float mixture_weight(global const float *weights, clf_view v, int n, int k) {
  return weights ? weights[v.offset + n * v.stride[0] + k * v.stride[1]] : 0.0f;
}
#define WEIGHT(n, k) mixture_weight(weights_, p.weights, n, k)

/* The logarithm of the sum of exp(weights). */
INLINE float mixture_total(global const float *weights, clf_view v, int n, int K) {
  float highest = -INFINITY, total = 0;
  for (int k = 0; k < K; k++) highest = fmax(highest, mixture_weight(weights, v, n, k));
  for (int k = 0; k < K; k++) total += exp(mixture_weight(weights, v, n, k) - highest);
  return highest + log(total);
}

kernel BY_ITEM void mixture_combine(CLF_IN(logps), CLF_IN(weights), CLF_IN(logdet), CLF_OUT(logp),
                                    CLF_OUT(resp), const mixture_combine_args p) {
  const int n = get_global_id(0), K = p.logps.dim[1];
  if (n >= p.logps.dim[0]) return;
  const float total = mixture_total(weights_, p.weights, n, K);
  float most = -INFINITY, plain = 0, sum = 0;
  for (int k = 0; k < K; k++) {
    const float a = WEIGHT(n, k) + *PTR(logps, n, k);
    most = a > most ? a : most;
    plain += a;
  }
  const int none = most == -INFINITY; /* then `plain` is -inf or NaN as well */
  if (!none)
    for (int k = 0; k < K; k++) sum += exp(WEIGHT(n, k) + *PTR(logps, n, k) - most);
  if (resp_)
    for (int k = 0; k < K; k++)
      *PTR(resp, n, k) = none ? 0.0f : exp(WEIGHT(n, k) + *PTR(logps, n, k) - most) / sum;
  float mixed = none ? plain : most - total + log(sum);
  if (logdet_) mixed += *PTR(logdet, n, 0);
  *PTR(logp, n, 0) = p.beta != 0 ? mixed + p.beta * *PTR(logp, n, 0) : mixed;
}

kernel BY_ITEM void mixture_bwd(CLF_IN(resp), CLF_IN(weights), CLF_IN(dl), CLF_OUT(dlogps),
                                CLF_OUT(dweights), const mixture_bwd_args p) {
  const int n = get_global_id(0), K = p.resp.dim[1];
  if (n >= p.resp.dim[0]) return;
  const float total = mixture_total(weights_, p.weights, n, K);
  const float weight = p.dlogdet * (dl_ ? *PTR(dl, n, 0) : 1.0f);
  float sum = 0; /* of responsibilities: 1, or 0 */
  for (int k = 0; k < K; k++) sum += *PTR(resp, n, k);
  for (int k = 0; k < K; k++) {
    const float resp = *PTR(resp, n, k);
    *PTR(dlogps, n, k) = weight * resp;
    if (dweights_)
      *PTR(dweights, n, k) = sum != 0 ? weight * (resp - exp(WEIGHT(n, k) - total)) : 0.0f;
  }
}

kernel BY_ITEM void mixture_cdf(CLF_IN(weights), CLF_OUT(cdf), const mixture_cdf_args p) {
  const int n = get_global_id(0), K = p.cdf.dim[1];
  if (n >= p.cdf.dim[0]) return;
  const float total = mixture_total(weights_, p.weights, n, K);
  float sum = 0;
  for (int k = 0; k < K; k++) {
    sum += exp(WEIGHT(n, k) - total);
    *PTR(cdf, n, k) = k < K - 1 ? sum : 1.0f;
  }
}

kernel BY_ITEM void mixture_pick(CLF_IN(cdf), CLF_OUT(index), const mixture_pick_args p) {
  const int n = get_global_id(0), K = p.cdf.dim[1];
  if (n >= p.cdf.dim[0]) return;
  const words w = words_of(0, n, p.first_lo, p.first_hi, p.stream, p.seed_lo, p.seed_hi);
  const float u = (w.at[0] >> 8) * 0x1p-24f;
  int k = 0;
  while (k < K - 1 && *PTR(cdf, n, k) <= u) k++;
  *PTR(index, n, 0) = k;
}

kernel BY_ITEM void mixture_take(CLF_IN(index), CLF_IN(x), CLF_OUT(y), const mixture_take_args p) {
  const int n = get_global_id(0) / p.x.dim[1], d = get_global_id(0) % p.x.dim[1];
  if (n >= p.x.dim[0]) return;
  if (*PTR(index, n, 0) == p.k) *PTR(y, n, d) = *PTR(x, n, d);
}

kernel BY_ITEM void mixture_select(CLF_IN(x), CLF_IN(index), CLF_OUT(y),
                                   const mixture_select_args p) {
  const int n = get_global_id(0) / p.y.dim[1], d = get_global_id(0) % p.y.dim[1];
  if (n >= p.y.dim[0]) return;
  *PTR(y, n, d) = AT(x, n, (int)*PTR(index, n, 0), d, 0);
}

kernel BY_ITEM void one_hot(CLF_IN(x), CLF_OUT(y), const one_hot_args p) {
  const int n = get_global_id(0) / p.y.dim[1], k = get_global_id(0) % p.y.dim[1];
  if (n >= p.y.dim[0]) return;
  *PTR(y, n, k) = *PTR(x, n, 0) == k ? 1.0f : 0.0f;
}
