/* SPDX-License-Identifier: MIT */
/* gaussians.cl: K normals by triangular factors L of their covariances: a work-item for each normal
 * of a sample, or for what its comment says. */
#include "clflow.clh"

/* Row i of normal k of sample n: the logarithm of its standard deviation (0 if left out), which may
 * be one for all rows, the diagonal of L, and number j of the row below it. */
#define LOG_STD(n, k, i) (log_std_ ? AT(log_std, n, k, p.log_std.dim[2] == 1 ? 0 : (i), 0) : 0.0f)
#define DIAGONAL(n, k, i) (exp(LOG_STD(n, k, i)) + p.eps)
#define BELOW(t, n, k, i, j) AT(t, n, k, (i) * ((i)-1) / 2 + (j), 0)

kernel BY_ITEM void gaussians_logp(CLF_IN(z), CLF_IN(loc), CLF_IN(log_std), CLF_IN(lower),
                                   CLF_OUT(t), CLF_OUT(logps), const gaussians_logp_args p) {
  const int n = get_global_id(0) % p.t.dim[0], k = get_global_id(0) / p.t.dim[0], D = p.t.dim[2];
  if (k >= p.t.dim[1]) return;
  float logp = -HALF_LOG_2PI * (D - p.first);
  for (int i = 0; i < D; i++) {
    float t = *PTR(z, n, i) - (loc_ ? AT(loc, n, k, i, 0) : 0.0f);
    if (lower_)
      for (int j = 0; j < i; j++) t -= BELOW(lower, n, k, i, j) * AT(t, n, k, j, 0);
    const float std = DIAGONAL(n, k, i);
    t /= std;
    AT(t, n, k, i, 0) = t;
    if (i >= p.first) logp -= 0.5f * t * t + log(std);
  }
  *PTR(logps, n, k) = logp;
}

/* Until the last loop, dloc holds g = L^-T t. */
kernel BY_ITEM void gaussians_bwd(CLF_IN(t), CLF_IN(log_std), CLF_IN(lower), CLF_IN(dlogps),
                                  CLF_OUT(dz), CLF_OUT(dloc), const gaussians_bwd_args p) {
  const int n = get_global_id(0) % p.t.dim[0], k = get_global_id(0) / p.t.dim[0], D = p.t.dim[2];
  if (k >= p.t.dim[1]) return;
  const float weight = *PTR(dlogps, n, k);
  for (int i = D - 1; i >= 0; i--) {
    float g = i < p.first ? 0.0f : AT(t, n, k, i, 0);
    if (lower_)
      for (int j = i + 1; j < D; j++) g -= BELOW(lower, n, k, j, i) * AT(dloc, n, k, j, 0);
    AT(dloc, n, k, i, 0) = g / DIAGONAL(n, k, i);
  }
  for (int i = 0; i < D; i++) AT(dloc, n, k, i, 0) *= weight;
}

/* dz: a work-item for each column of a sample. */
kernel BY_ITEM void gaussians_bwd_sum(CLF_IN(t), CLF_IN(log_std), CLF_IN(lower), CLF_IN(dlogps),
                                      CLF_OUT(dz), CLF_OUT(dloc), const gaussians_bwd_args p) {
  const int n = get_global_id(0) / p.dz.dim[1], i = get_global_id(0) % p.dz.dim[1];
  if (n >= p.dz.dim[0]) return;
  float sum = 0;
  for (int k = 0; k < p.t.dim[1]; k++) sum += AT(dloc, n, k, i, 0);
  *PTR(dz, n, i) = -sum;
}

/* L^-T times column j of normal k's second moments, or for j = D times its first moments, down to
 * row j: a work-item for each.  Scratch memory: [K][D + 1][D]. */
kernel BY_ITEM void gaussians_gradients(CLF_IN(s), CLF_IN(log_std), CLF_IN(lower), CLF_OUT(dloc),
                                        CLF_OUT(dlog_std), CLF_OUT(dlower),
                                        const gaussians_gradients_args p, CLF_SCRATCH_ALONE) {
  const int n = 0, K = p.dloc.dim[1], D = p.dloc.dim[2];
  const int k = get_global_id(0) / (D + 1), j = get_global_id(0) % (D + 1);
  if (k >= K) return;
  global float *v = scratch + get_global_id(0) * D;
  for (int i = D - 1; i >= (j < D ? j : 0); i--) {
    float g = 0;
    if (i >= p.first && j == D)
      g = *PTR(s, k, 1 + i);
    else if (i >= p.first && lower_)
      g = *PTR(s, k, 1 + D + i * (i + 1) / 2 + j);
    else if (i >= p.first && i == j)
      g = *PTR(s, k, 1 + D + i);
    if (lower_)
      for (int l = i + 1; l < D; l++) g -= BELOW(lower, n, k, l, i) * v[l];
    v[i] = g / DIAGONAL(n, k, i);
  }
}

/* A work-item for each row of a normal's factor. */
kernel BY_ITEM void gaussians_gradients_add(CLF_IN(s), CLF_IN(log_std), CLF_IN(lower),
                                            CLF_OUT(dloc), CLF_OUT(dlog_std), CLF_OUT(dlower),
                                            const gaussians_gradients_args p, CLF_SCRATCH_ALONE) {
  const int n = 0, K = p.dloc.dim[1], D = p.dloc.dim[2];
  const int k = get_global_id(0) / D, row = get_global_id(0) % D;
  if (k >= K) return;
  const global float *v = scratch + k * (D + 1) * D;
  const int one = p.log_std.dim[2] == 1;
  AT(dloc, n, k, row, 0) += v[D * D + row];
  if (dlower_)
    for (int j = 0; j < row; j++) BELOW(dlower, n, k, row, j) += v[j * D + row];
  if (!dlog_std_ || (one && row > 0)) return;
  float sum = 0;
  for (int i = row; i < (one ? D : row + 1); i++) {
    const float own = i < p.first ? 0.0f : *PTR(s, k, 0) / DIAGONAL(n, k, i);
    sum += (v[i * D + i] - own) * exp(LOG_STD(n, k, i));
  }
  AT(dlog_std, n, k, row, 0) += sum;
}

kernel BY_ITEM void gaussians_place(CLF_IN(e), CLF_IN(index), CLF_IN(loc), CLF_IN(log_std),
                                    CLF_IN(lower), CLF_OUT(z), const gaussians_place_args p) {
  const int n = get_global_id(0) / p.z.dim[1], i = get_global_id(0) % p.z.dim[1];
  if (n >= p.z.dim[0]) return;
  const int k = index_ ? (int)*PTR(index, n, 0) : 0;
  float z = AT(loc, n, k, i, 0) + DIAGONAL(n, k, i) * *PTR(e, n, i);
  if (lower_)
    for (int j = 0; j < i; j++) z += BELOW(lower, n, k, i, j) * *PTR(e, n, j);
  *PTR(z, n, i) = z;
}

/* A work-item for each sample. */
kernel BY_ITEM void gaussians_place_bwd(CLF_IN(e), CLF_IN(log_std), CLF_IN(dz), CLF_OUT(dloc),
                                        CLF_OUT(dlog_std), CLF_OUT(dlower),
                                        const gaussians_place_bwd_args p) {
  const int n = get_global_id(0), k = 0, one = p.log_std.dim[2] == 1;
  if (n >= p.e.dim[0]) return;
  float sum = 0;
  for (int i = 0; i < p.e.dim[1]; i++) {
    const float dz = *PTR(dz, n, i);
    const float share = dz * *PTR(e, n, i) * exp(LOG_STD(n, k, i));
    sum = one ? sum + share : share;
    AT(dloc, n, 0, i, 0) = dz;
    AT(dlog_std, n, 0, one ? 0 : i, 0) = sum;
    if (dlower_)
      for (int j = 0; j < i; j++) BELOW(dlower, n, k, i, j) = dz * *PTR(e, n, j);
  }
}

/* A work-item for sum q of normal k over a band of samples: of r, of r t[i], or of r t[i] t[j].
 * Scratch memory: [bands][K][S]. */
kernel BY_ITEM void gaussians_moments(CLF_IN(t), CLF_IN(resp), CLF_IN(weights), CLF_OUT(s),
                                      const gaussians_moments_args p, CLF_SCRATCH(bands_plan)) {
  const int g = get_global_id(0), S = p.s.dim[1], sums = p.s.dim[0] * S, D = p.t.dim[2];
  const int band = g / sums, k = g % sums / S, q = g % S;
  const int n0 = band * e.size, n1 = min(n0 + e.size, p.t.dim[0]);
  if (band >= e.count) return;
  int i = q - 1, j = -1;
  if (q > D) {
    i = 0, j = q - 1 - D;
    if (S == 1 + 2 * D)
      i = j;
    else
      while (j > i) j -= ++i;
  }
  float sum = 0;
  for (int n = n0; n < n1; n++) {
    float v = *PTR(resp, n, k) * (weights_ ? *PTR(weights, n, 0) : 1.0f);
    if (i >= 0) v *= AT(t, n, k, i, 0);
    if (j >= 0) v *= AT(t, n, k, j, 0);
    sum += v;
  }
  scratch[g] = sum;
}

kernel BY_ITEM void gaussians_moments_add(CLF_IN(t), CLF_IN(resp), CLF_IN(weights), CLF_OUT(s),
                                          const gaussians_moments_args p, CLF_SCRATCH(bands_plan)) {
  const int g = get_global_id(0), S = p.s.dim[1], sums = p.s.dim[0] * S;
  if (g >= sums) return;
  float sum = 0;
  for (int band = 0; band < e.count; band++) sum += scratch[band * sums + g];
  *PTR(s, g / S, g % S) = sum;
}
