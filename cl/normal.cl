/* SPDX-License-Identifier: MIT */
/* normal.cl: log-density under N(0, I), and the loss. */
kernel BY_SAMPLE void normal_logp(CLF_IN(z), CLF_IN(logdet), CLF_OUT(logp),
                                  const normal_logp_args p) {
  GROUP_MEMORY(part);
  float square = 0;
  FOR_SAMPLE(z) {
    UNPACK(z);
    const float z = AT(z, n, c, h, w);
    square += z * z;
  }
  square = GROUP_SUM(part, square);
  if (get_local_id(0) == 0)
    AT(logp, n, 0, 0, 0) = AT(logdet, n, 0, 0, 0) - 0.5f * square - size_ * HALF_LOG_2PI;
}

/* Group g takes samples e.x g .. e.x (g + 1) - 1 and leaves its share of the loss
 * in pool[g]; alone it writes the loss. */
kernel BY_SAMPLE void normal_nll(CLF_IN(z), CLF_OUT(logdet), CLF_OUT(dz), CLF_OUT(loss),
                                 const normal_nll_args p, CLF_POOL) {
  GROUP_MEMORY(part);
  const int size = p.z.dim[1] * p.z.dim[2] * p.z.dim[3], g = get_group_id(0);
  const int n0 = g * e.x, count = min(e.x, p.z.dim[0] - n0);
  float sum = 0;
  for (int k = get_local_id(0); k < count * size; k += GROUP) {
    const int n = n0 + k / size, i = k % size;
    UNPACK(z);
    const float z = AT(z, n, c, h, w);
    AT(dz, n, c, h, w) = p.weight * z;
    sum += 0.5f * z * z;
  }
  for (int n = n0 + get_local_id(0); n < n0 + count; n += GROUP) {
    sum += size * HALF_LOG_2PI - AT(logdet, n, 0, 0, 0);
    AT(logdet, n, 0, 0, 0) = 0;
  }
  sum = GROUP_SUM(part, sum);
  if (get_local_id(0) != 0) return;
  if (e.y == 1)
    AT(loss, 0, 0, 0, 0) = p.weight * sum;
  else
    pool[g] = sum;
}

/* One item: the groups' shares in their order. */
kernel SINGLE void normal_nll_add(CLF_IN(z), CLF_OUT(logdet), CLF_OUT(dz), CLF_OUT(loss),
                                  const normal_nll_args p, CLF_POOL) {
  if (get_global_id(0) != 0) return;
  float sum = 0;
  for (int g = 0; g < e.y; g++) sum += pool[g];
  AT(loss, 0, 0, 0, 0) = p.weight * sum;
}
