/* SPDX-License-Identifier: MIT */
/* bounds.cl: scalar maps, a kind for each column: a group per sample.  The maps are in
 * runtime/core/bounds.def. */
#define COLUMN_MAP(d)                                                                              \
  const bounds_column q = {(int)AT(how, d, 0, 0, 0), AT(how, d, 1, 0, 0), AT(how, d, 2, 0, 0),     \
                           AT(how, d, 3, 0, 0)}
#define BOUNDS_WEIGHT(n) (p.dlogdet * (p.dl.dim[0] ? AT(dl, n, 0, 0, 0) : 1))

kernel BY_SAMPLE void bounds_fwd(CLF_IN(x), CLF_IN(how), CLF_OUT(y), CLF_OUT(logdet),
                                 const bounds_fwd_args p) {
  GROUP_MEMORY(part);
  float sum = 0;
  FOR_SAMPLE(x) {
    COLUMN_MAP(i);
    const float x = AT(x, n, i, 0, 0);
    const bounds_pair m = bounds_forward(q, x);
    AT(y, n, i, 0, 0) = m.value;
    sum += bounds_inside(q, x) ? m.of_log : -INFINITY;
  }
  sum = GROUP_SUM(part, sum);
  if (get_local_id(0) == 0) AT(logdet, n, 0, 0, 0) += sum;
}

kernel BY_SAMPLE void bounds_inv(CLF_IN(y), CLF_IN(how), CLF_OUT(x), CLF_OUT(logdet),
                                 const bounds_inv_args p) {
  GROUP_MEMORY(part);
  float sum = 0;
  FOR_SAMPLE(y) {
    COLUMN_MAP(i);
    const bounds_pair m = bounds_inverse(q, AT(y, n, i, 0, 0));
    AT(x, n, i, 0, 0) = m.value;
    sum += m.of_log;
  }
  sum = GROUP_SUM(part, sum);
  if (get_local_id(0) == 0) AT(logdet, n, 0, 0, 0) -= sum;
}

kernel BY_SAMPLE void bounds_bwd(CLF_IN(x), CLF_IN(how), CLF_IN(dy), CLF_IN(dl), CLF_OUT(dx),
                                 const bounds_bwd_args p) {
  FOR_SAMPLE(x) {
    COLUMN_MAP(i);
    const bounds_pair s = bounds_slopes(q, AT(x, n, i, 0, 0));
    AT(dx, n, i, 0, 0) = AT(dy, n, i, 0, 0) * s.value + BOUNDS_WEIGHT(n) * s.of_log;
  }
}

kernel BY_SAMPLE void bounds_inv_bwd(CLF_IN(x), CLF_IN(how), CLF_IN(dx), CLF_IN(dl), CLF_OUT(dy),
                                     const bounds_inv_bwd_args p) {
  FOR_SAMPLE(x) {
    COLUMN_MAP(i);
    const bounds_pair s = bounds_inverse_slopes(q, AT(x, n, i, 0, 0));
    AT(dy, n, i, 0, 0) = AT(dx, n, i, 0, 0) * s.value - BOUNDS_WEIGHT(n) * s.of_log;
  }
}
#undef COLUMN_MAP
#undef BOUNDS_WEIGHT
