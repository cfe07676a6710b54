/* SPDX-License-Identifier: MIT */
/* bounds.cl: scalar maps between intervals and the real line, a kind for each column (bounds.def):
 * a work-group for each sample. */
#include "bounds.clh"
#include "samples.clh"

/* Column d's map: its kind and numbers, in a row of `how`.  Filled, not returned: Oclgrind cannot
 * run what becomes of the latter. */
INLINE void bounds_column_of(bounds_column *q, global const float *how, clf_view v, int d) {
  global const float *at = how + v.offset + d * v.stride[0];
  q->kind = (int)at[0];
  q->a = at[v.stride[1]];
  q->b = at[2 * v.stride[1]];
  q->c = at[3 * v.stride[1]];
}

kernel BY_SAMPLE void bounds_fwd(CLF_IN(x), CLF_IN(how), CLF_OUT(y), CLF_OUT(logdet),
                                 const bounds_fwd_args p) {
  GROUP_MEMORY(memory);
  const int n = get_group_id(0), size = sample_size(p.x);
  float sum = 0;
  FOR_SHARE(i, size) {
    bounds_column q;
    bounds_column_of(&q, how_, p.how, i);
    const float x = AT(x, n, i, 0, 0);
    const bounds_pair m = bounds_forward(q, x);
    AT(y, n, i, 0, 0) = m.value;
    sum += bounds_inside(q, x) ? m.of_log : -INFINITY;
  }
  sum = GROUP_SUM(memory, sum);
  if (get_local_id(0) == 0) AT(logdet, n, 0, 0, 0) += sum;
}

kernel BY_SAMPLE void bounds_inv(CLF_IN(y), CLF_IN(how), CLF_OUT(x), CLF_OUT(logdet),
                                 const bounds_inv_args p) {
  GROUP_MEMORY(memory);
  const int n = get_group_id(0), size = sample_size(p.y);
  float sum = 0;
  FOR_SHARE(i, size) {
    bounds_column q;
    bounds_column_of(&q, how_, p.how, i);
    const bounds_pair m = bounds_inverse(q, AT(y, n, i, 0, 0));
    AT(x, n, i, 0, 0) = m.value;
    sum += m.of_log;
  }
  sum = GROUP_SUM(memory, sum);
  if (get_local_id(0) == 0) AT(logdet, n, 0, 0, 0) -= sum;
}

kernel BY_SAMPLE void bounds_bwd(CLF_IN(x), CLF_IN(how), CLF_IN(dy), CLF_IN(dl), CLF_OUT(dx),
                                 const bounds_bwd_args p) {
  const int n = get_group_id(0), size = sample_size(p.x);
  FOR_SHARE(i, size) {
    bounds_column q;
    bounds_column_of(&q, how_, p.how, i);
    const bounds_pair s = bounds_slopes(q, AT(x, n, i, 0, 0));
    AT(dx, n, i, 0, 0) =
        AT(dy, n, i, 0, 0) * s.value + logdet_weight(p.dlogdet, dl_, p.dl, n) * s.of_log;
  }
}

kernel BY_SAMPLE void bounds_inv_bwd(CLF_IN(x), CLF_IN(how), CLF_IN(dx), CLF_IN(dl), CLF_OUT(dy),
                                     const bounds_inv_bwd_args p) {
  const int n = get_group_id(0), size = sample_size(p.x);
  FOR_SHARE(i, size) {
    bounds_column q;
    bounds_column_of(&q, how_, p.how, i);
    const bounds_pair s = bounds_inverse_slopes(q, AT(x, n, i, 0, 0));
    AT(dy, n, i, 0, 0) =
        AT(dx, n, i, 0, 0) * s.value - logdet_weight(p.dlogdet, dl_, p.dl, n) * s.of_log;
  }
}
