/* SPDX-License-Identifier: MIT */
/* mixture.cl: K log-densities as one, an item per sample.  Weights that are left out are 0. */
#define MIXTURE_WEIGHT(k) (weights_ ? *PTR(weights, n, k) : 0.0f)
#define MIXTURE_ITEM(t)                                                                            \
  const int n = get_global_id(0), K = p.t.dim[1];                                                  \
  if (n >= p.t.dim[0]) return
/* float `total`: log of the sum of exp(weights). */
#define MIXTURE_TOTAL                                                                              \
  float highest = -INFINITY, total = 0;                                                            \
  for (int k = 0; k < K; k++) highest = fmax(highest, MIXTURE_WEIGHT(k));                          \
  for (int k = 0; k < K; k++) total += exp(MIXTURE_WEIGHT(k) - highest);                           \
  total = highest + log(total)

kernel BY_ITEM void mixture_combine(CLF_IN(logps), CLF_IN(weights), CLF_IN(logdet), CLF_OUT(logp),
                                    CLF_OUT(resp), const mixture_combine_args p) {
  MIXTURE_ITEM(logps);
  MIXTURE_TOTAL;
  float most = -INFINITY, plain = 0, sum = 0;
  for (int k = 0; k < K; k++) {
    const float a = MIXTURE_WEIGHT(k) + *PTR(logps, n, k);
    most = a > most ? a : most;
    plain += a;
  }
  const int none = most == -INFINITY; /* then `plain` is -inf too, or NaN */
  if (!none)
    for (int k = 0; k < K; k++) sum += exp(MIXTURE_WEIGHT(k) + *PTR(logps, n, k) - most);
  if (resp_)
    for (int k = 0; k < K; k++)
      *PTR(resp, n, k) = none ? 0.0f : exp(MIXTURE_WEIGHT(k) + *PTR(logps, n, k) - most) / sum;
  float mixed = none ? plain : most - total + log(sum);
  if (logdet_) mixed += *PTR(logdet, n, 0);
  *PTR(logp, n, 0) = p.beta != 0 ? mixed + p.beta * *PTR(logp, n, 0) : mixed;
}

kernel BY_ITEM void mixture_bwd(CLF_IN(resp), CLF_IN(weights), CLF_IN(dl), CLF_OUT(dlogps),
                                CLF_OUT(dweights), const mixture_bwd_args p) {
  MIXTURE_ITEM(resp);
  MIXTURE_TOTAL;
  const float weight = p.dlogdet * (dl_ ? *PTR(dl, n, 0) : 1.0f);
  float sum = 0; /* of responsibilities: 1, or 0 */
  for (int k = 0; k < K; k++) sum += *PTR(resp, n, k);
  for (int k = 0; k < K; k++) {
    const float resp = *PTR(resp, n, k);
    *PTR(dlogps, n, k) = weight * resp;
    if (dweights_)
      *PTR(dweights, n, k) = sum != 0 ? weight * (resp - exp(MIXTURE_WEIGHT(k) - total)) : 0.0f;
  }
}

kernel BY_ITEM void mixture_cdf(CLF_IN(weights), CLF_OUT(cdf), const mixture_cdf_args p) {
  MIXTURE_ITEM(cdf);
  MIXTURE_TOTAL;
  float sum = 0;
  for (int k = 0; k < K; k++) {
    sum += exp(MIXTURE_WEIGHT(k) - total);
    *PTR(cdf, n, k) = k < K - 1 ? sum : 1.0f;
  }
}

kernel BY_ITEM void mixture_pick(CLF_IN(cdf), CLF_OUT(index), const mixture_pick_args p) {
  MIXTURE_ITEM(cdf);
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
#undef MIXTURE_WEIGHT
#undef MIXTURE_ITEM
#undef MIXTURE_TOTAL
