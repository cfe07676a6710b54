/* SPDX-License-Identifier: MIT */
/* weightnorm.cl: a group per row n, LANES elements at a time where the rows of all tensors
 * are dense in the same order, else one. */
static int wn_at(clf_view t, int n, int i, int flat) {
  const int first = t.offset + n * t.stride[0];
  if (flat) return first + i;
  const int w = i % t.dim[3], h = i / t.dim[3] % t.dim[2], c = i / (t.dim[2] * t.dim[3]);
  return first + c * t.stride[1] + h * t.stride[2] + w * t.stride[3];
}
#define FOR_WEIGHTS                                                                                \
  for (int i = get_local_id(0) * (flat ? LANES : 1); i < size; i += GROUP * (flat ? LANES : 1))
#define LEFT_OF (flat ? size - i : 1)
#define WEIGHTS(t) lanes_load(t##_ + wn_at(p.t, n, i, flat), 1, LEFT_OF)
#define SET(t, v) lanes_store(v, t##_ + wn_at(p.t, n, i, flat), 1, LEFT_OF)

kernel BY_SAMPLE void wn_fwd(CLF_IN(v), CLF_IN(g), CLF_OUT(w), const wn_fwd_args p) {
  GROUP_MEMORY(part);
  const int n = get_group_id(0), size = p.v.dim[1] * p.v.dim[2] * p.v.dim[3];
  const int flat = dense_order(p.v) > 0 && dense_order(p.v) == dense_order(p.w);
  V sum = 0;
  FOR_WEIGHTS {
    const V v = WEIGHTS(v);
    sum += v * v;
  }
  const float norm = sqrt(GROUP_SUM(part, lanes_sum(sum)));
  const float scale = (p.g.dim[0] ? AT(g, n, 0, 0, 0) : 1) / norm;
  FOR_WEIGHTS SET(w, scale * WEIGHTS(v));
}

kernel BY_SAMPLE void wn_bwd(CLF_IN(v), CLF_IN(g), CLF_IN(dw), CLF_OUT(dv), CLF_OUT(dg),
                             const wn_bwd_args p) {
  GROUP_MEMORY(part);
  const int n = get_group_id(0), size = p.v.dim[1] * p.v.dim[2] * p.v.dim[3];
  const int flat = dense_order(p.v) > 0 && dense_order(p.v) == dense_order(p.dw) &&
                   dense_order(p.v) == dense_order(p.dv);
  V squares = 0, products = 0;
  FOR_WEIGHTS {
    const V v = WEIGHTS(v);
    squares += v * v;
    products += v * WEIGHTS(dw);
  }
  const float square = GROUP_SUM(part, lanes_sum(squares)), norm = sqrt(square);
  const float along = GROUP_SUM(part, lanes_sum(products));
  const float scale = (p.g.dim[0] ? AT(g, n, 0, 0, 0) : 1) / norm, back = along / square;
  FOR_WEIGHTS SET(dv, WEIGHTS(dv) + scale * (WEIGHTS(dw) - back * WEIGHTS(v)));
  if (get_local_id(0) == 0 && p.dg.dim[0]) AT(dg, n, 0, 0, 0) += along / norm;
}
#undef FOR_WEIGHTS
#undef LEFT_OF
#undef WEIGHTS
#undef SET
