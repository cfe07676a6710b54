/* SPDX-License-Identifier: MIT */
/* weightnorm.cl: a work-group for each row n of the weights.  It takes LANES elements at a time
 * where the rows of all tensors are contiguous in the same order, else one. */
#include "lanes.clh"
#include "samples.clh"

/* Element i of row n; `flat`: i counts elements in the order of memory. */
static int wn_at(clf_view t, int n, int i, int flat) {
  const int first = t.offset + n * t.stride[0];
  if (flat) return first + i;
  const clf_element q = element_of(t, i);
  return first + q.c * t.stride[1] + q.h * t.stride[2] + q.w * t.stride[3];
}
#define FOR_WEIGHTS(i, size, flat)                                                                 \
  for (int i = get_local_id(0) * (flat ? LANES : 1); i < size; i += GROUP * (flat ? LANES : 1))
/* A vector of row n of tensor t, or one element, and how it is loaded and stored. */
#define FROM(t, n, i, size, flat) t##_ + wn_at(p.t, n, i, flat), 1, (flat ? size - i : 1)

kernel BY_SAMPLE void wn_fwd(CLF_IN(v), CLF_IN(g), CLF_OUT(w), const wn_fwd_args p) {
  GROUP_MEMORY(memory);
  const int n = get_group_id(0), size = sample_size(p.v);
  const int flat = dense_order(p.v) > 0 && dense_order(p.v) == dense_order(p.w);
  V sum = 0;
  FOR_WEIGHTS(i, size, flat) {
    const V v = lanes_load(FROM(v, n, i, size, flat));
    sum += v * v;
  }
  const float norm = sqrt(GROUP_SUM(memory, lanes_sum(sum)));
  const float scale = (p.g.dim[0] ? AT(g, n, 0, 0, 0) : 1) / norm;
  FOR_WEIGHTS(i, size, flat)
    lanes_store(scale * lanes_load(FROM(v, n, i, size, flat)), FROM(w, n, i, size, flat));
}

kernel BY_SAMPLE void wn_bwd(CLF_IN(v), CLF_IN(g), CLF_IN(dw), CLF_OUT(dv), CLF_OUT(dg),
                             const wn_bwd_args p) {
  GROUP_MEMORY(memory);
  const int n = get_group_id(0), size = sample_size(p.v);
  const int flat = dense_order(p.v) > 0 && dense_order(p.v) == dense_order(p.dw) &&
                   dense_order(p.v) == dense_order(p.dv);
  V squares = 0, products = 0;
  FOR_WEIGHTS(i, size, flat) {
    const V v = lanes_load(FROM(v, n, i, size, flat));
    squares += v * v;
    products += v * lanes_load(FROM(dw, n, i, size, flat));
  }
  const float square = GROUP_SUM(memory, lanes_sum(squares)), norm = sqrt(square);
  const float along = GROUP_SUM(memory, lanes_sum(products));
  const float scale = (p.g.dim[0] ? AT(g, n, 0, 0, 0) : 1) / norm, back = along / square;
  FOR_WEIGHTS(i, size, flat) {
    const V v = lanes_load(FROM(v, n, i, size, flat)), dw = lanes_load(FROM(dw, n, i, size, flat));
    const V dv = lanes_load(FROM(dv, n, i, size, flat));
    lanes_store(dv + scale * (dw - back * v), FROM(dv, n, i, size, flat));
  }
  if (get_local_id(0) == 0 && p.dg.dim[0]) AT(dg, n, 0, 0, 0) += along / norm;
}
