/* SPDX-License-Identifier: MIT */
/* scaling.cl: NICE's diagonal scaling: a group per sample; its gradient: an item
 * per dimension, which adds over the samples in their order. */
kernel BY_SAMPLE void scaling_fwd(CLF_IN(x), CLF_IN(log_s), CLF_OUT(y), CLF_OUT(logdet),
                                  const scaling_fwd_args p) {
  GROUP_MEMORY(part);
  float sum = 0;
  FOR_SAMPLE(x) {
    const float log_s = AT(log_s, i, 0, 0, 0);
    AT(y, n, i, 0, 0) = AT(x, n, i, 0, 0) * exp(log_s);
    sum += log_s;
  }
  sum = GROUP_SUM(part, sum);
  if (get_local_id(0) == 0) AT(logdet, n, 0, 0, 0) += sum;
}

kernel BY_SAMPLE void scaling_inv(CLF_IN(y), CLF_IN(log_s), CLF_OUT(x), CLF_OUT(logdet),
                                  const scaling_inv_args p) {
  GROUP_MEMORY(part);
  float sum = 0;
  FOR_SAMPLE(y) {
    const float log_s = AT(log_s, i, 0, 0, 0);
    AT(x, n, i, 0, 0) = AT(y, n, i, 0, 0) * exp(-log_s);
    sum += log_s;
  }
  sum = GROUP_SUM(part, sum);
  if (get_local_id(0) == 0) AT(logdet, n, 0, 0, 0) -= sum;
}

kernel BY_ITEM void scaling_bwd(CLF_IN(x), CLF_IN(log_s), CLF_IN(dy), CLF_IN(dl), CLF_OUT(dx),
                                CLF_OUT(dlog_s), const scaling_bwd_args p) {
  const int d = get_global_id(0), N = p.x.dim[0];
  if (d >= p.x.dim[1]) return;
  const float e = exp(AT(log_s, d, 0, 0, 0));
  float sum = 0, each = dl_ ? 0 : N * p.dlogdet;
  for (int n = 0; n < N; n++) {
    if (dl_) each += DLOGDET(n);
    const float dx = AT(dy, n, d, 0, 0) * e;
    AT(dx, n, d, 0, 0) = dx;
    sum += dx * AT(x, n, d, 0, 0);
  }
  AT(dlog_s, d, 0, 0, 0) += sum + each;
}
