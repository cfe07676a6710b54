/* SPDX-License-Identifier: MIT */
/* scaling.cl: NICE's diagonal scaling: a work-group for each sample.  Its gradient: a work-item for
 * each dimension, which adds over the samples in their order. */
#include "lanes.clh"
#include "samples.clh"

/* A sample of a call; `inverse` is a constant. */
INLINE void scaling_sample(clf_in x, clf_in log_s, clf_out y, clf_out logdet, int inverse,
                           local float *memory) {
  const int n = get_group_id(0), size = sample_size(x.v);
  float sum = 0;
  FOR_SLICE(i, size) {
    const float s = in_at(log_s, i, 0, 0, 0);
    *out_at(y, n, i, 0, 0) = in_at(x, n, i, 0, 0) * exp(inverse ? -s : s);
    sum += s;
  }
  sum = GROUP_SUM(memory, sum);
  if (get_local_id(0) == 0) *out_at(logdet, n, 0, 0, 0) += inverse ? -sum : sum;
}
kernel BY_SAMPLE void scaling_fwd(CLF_IN(x), CLF_IN(log_s), CLF_OUT(y), CLF_OUT(logdet),
                                  const scaling_fwd_args p) {
  GROUP_MEMORY(memory);
  scaling_sample(IN(x), IN(log_s), OUT(y), OUT(logdet), 0, memory);
}
kernel BY_SAMPLE void scaling_inv(CLF_IN(y), CLF_IN(log_s), CLF_OUT(x), CLF_OUT(logdet),
                                  const scaling_inv_args p) {
  GROUP_MEMORY(memory);
  scaling_sample(IN(y), IN(log_s), OUT(x), OUT(logdet), 1, memory);
}

kernel BY_ITEM void scaling_bwd(CLF_IN(x), CLF_IN(log_s), CLF_IN(dy), CLF_IN(dl), CLF_OUT(dx),
                                CLF_OUT(dlog_s), const scaling_bwd_args p) {
  const int d = get_global_id(0), N = p.x.dim[0];
  if (d >= p.x.dim[1]) return;
  const float scale = exp(AT(log_s, d, 0, 0, 0));
  float sum = 0, weights = dl_ ? 0 : N * p.dlogdet;
  for (int n = 0; n < N; n++) {
    if (dl_) weights += logdet_weight(p.dlogdet, dl_, p.dl, n);
    const float dx = AT(dy, n, d, 0, 0) * scale;
    AT(dx, n, d, 0, 0) = dx;
    sum += dx * AT(x, n, d, 0, 0);
  }
  AT(dlog_s, d, 0, 0, 0) += sum + weights;
}
