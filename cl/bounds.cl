/* SPDX-License-Identifier: MIT */
/* bounds.cl: scalar maps between intervals and the real line, a kind for each column (bounds.def):
 * a work-group for each sample. */
#include "lanes.clh"
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

/* A sample of a call; `inverse` is a constant. */
INLINE void bounds_sample(clf_in x, clf_in how, clf_out y, clf_out logdet, int inverse,
                          local float *memory) {
  const int n = get_group_id(0), size = sample_size(x.v);
  float sum = 0;
  FOR_SLICE(i, size) {
    bounds_column q;
    bounds_column_of(&q, how.at, how.v, i);
    const float v = in_at(x, n, i, 0, 0);
    const bounds_pair m = inverse ? bounds_inverse(q, v) : bounds_forward(q, v);
    *out_at(y, n, i, 0, 0) = m.value;
    sum += inverse || bounds_inside(q, v) ? m.of_log : -INFINITY;
  }
  sum = GROUP_SUM(memory, sum);
  if (get_local_id(0) == 0) *out_at(logdet, n, 0, 0, 0) += inverse ? -sum : sum;
}
kernel BY_SAMPLE void bounds_fwd(CLF_IN(x), CLF_IN(how), CLF_OUT(y), CLF_OUT(logdet),
                                 const bounds_fwd_args p) {
  GROUP_MEMORY(memory);
  bounds_sample(IN(x), IN(how), OUT(y), OUT(logdet), 0, memory);
}
kernel BY_SAMPLE void bounds_inv(CLF_IN(y), CLF_IN(how), CLF_OUT(x), CLF_OUT(logdet),
                                 const bounds_inv_args p) {
  GROUP_MEMORY(memory);
  bounds_sample(IN(y), IN(how), OUT(x), OUT(logdet), 1, memory);
}

/* The gradients of a sample: from dL/d(result) `out`, dL/d(argument) to `in`. */
INLINE void bounds_backward(clf_in x, clf_in how, clf_in out, float weight, clf_out in,
                            int inverse) {
  const int n = get_group_id(0), size = sample_size(x.v);
  FOR_SLICE(i, size) {
    bounds_column q;
    bounds_column_of(&q, how.at, how.v, i);
    const float v = in_at(x, n, i, 0, 0), d = in_at(out, n, i, 0, 0);
    const bounds_pair s = inverse ? bounds_inverse_slopes(q, v) : bounds_slopes(q, v);
    *out_at(in, n, i, 0, 0) =
        inverse ? d * s.value - weight * s.of_log : d * s.value + weight * s.of_log;
  }
}
kernel BY_SAMPLE void bounds_bwd(CLF_IN(x), CLF_IN(how), CLF_IN(dy), CLF_IN(dl), CLF_OUT(dx),
                                 const bounds_bwd_args p) {
  const float weight = logdet_weight(p.dlogdet, dl_, p.dl, get_group_id(0));
  bounds_backward(IN(x), IN(how), IN(dy), weight, OUT(dx), 0);
}
kernel BY_SAMPLE void bounds_inv_bwd(CLF_IN(x), CLF_IN(how), CLF_IN(dx), CLF_IN(dl), CLF_OUT(dy),
                                     const bounds_inv_bwd_args p) {
  const float weight = logdet_weight(p.dlogdet, dl_, p.dl, get_group_id(0));
  bounds_backward(IN(x), IN(how), IN(dx), weight, OUT(dy), 1);
}
