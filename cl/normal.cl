/* SPDX-License-Identifier: MIT */
/* normal.cl: the log-density under N(0, I), and the loss. */
#include "lanes.clh"
#include "samples.clh"

kernel BY_SAMPLE void normal_logp(CLF_IN(z), CLF_IN(logdet), CLF_OUT(logp),
                                  const normal_logp_args p) {
  GROUP_MEMORY(memory);
  const int n = get_group_id(0), size = sample_size(p.z);
  float square = 0;
  FOR_ELEMENTS(p.z, q) {
    const float z = AT(z, n, q.c, q.h, q.w);
    square += z * z;
  }
  square = GROUP_SUM(memory, square);
  if (get_local_id(0) == 0)
    AT(logp, n, 0, 0, 0) = AT(logdet, n, 0, 0, 0) - 0.5f * square - size * HALF_LOG_2PI;
}

/* Work-group g has samples e.size g .. e.size (g + 1) - 1 and stores their loss in scratch[g].  If
 * it is alone, it writes the loss of the batch. */
kernel BY_SAMPLE void normal_nll(CLF_IN(z), CLF_OUT(logdet), CLF_OUT(dz), CLF_OUT(loss),
                                 const normal_nll_args p, CLF_SCRATCH(bands_plan)) {
  GROUP_MEMORY(memory);
  const int size = sample_size(p.z), g = get_group_id(0);
  const int n0 = g * e.size, count = min(e.size, p.z.dim[0] - n0);
  float sum = 0;
  FOR_BATCH_ELEMENTS(p.z, n0 * size, (n0 + count) * size, q) {
    const float z = AT(z, q.n, q.c, q.h, q.w);
    AT(dz, q.n, q.c, q.h, q.w) = p.weight * z;
    sum += 0.5f * z * z;
  }
  FOR_SLICE(k, count) {
    sum += size * HALF_LOG_2PI - AT(logdet, n0 + k, 0, 0, 0);
    AT(logdet, n0 + k, 0, 0, 0) = 0;
  }
  sum = GROUP_SUM(memory, sum);
  if (get_local_id(0) != 0) return;
  if (e.count == 1)
    AT(loss, 0, 0, 0, 0) = p.weight * sum;
  else
    scratch[g] = sum;
}

/* One work-item: the sums of the work-groups, in their order. */
kernel SINGLE void normal_nll_add(CLF_IN(z), CLF_OUT(logdet), CLF_OUT(dz), CLF_OUT(loss),
                                  const normal_nll_args p, CLF_SCRATCH(bands_plan)) {
  if (get_global_id(0) != 0) return;
  float sum = 0;
  for (int g = 0; g < e.count; g++) sum += scratch[g];
  AT(loss, 0, 0, 0, 0) = p.weight * sum;
}
