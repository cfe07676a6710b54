/* SPDX-License-Identifier: MIT */
/* reduce.cl: sums over samples, an item for LANES columns of a band of e.x rows;
 * then an item a column adds up the bands, [e.y][D] in the pool, in their order. */
kernel BY_LANES void sum_rows(CLF_IN(x), CLF_OUT(y), const sum_rows_args p, CLF_POOL) {
  const int d = get_global_id(0) * LANES, band = get_global_id(1), D = p.x.dim[1];
  const int n0 = band * e.x, n1 = min(n0 + e.x, p.x.dim[0]);
  if (d >= D) return;
  V sum = 0;
  for (int n = n0; n < n1; n++) sum += lanes_load(PTR(x, n, d), p.x.stride[1], D - d);
  lanes_store(sum, pool + band * D + d, 1, D - d);
}

kernel BY_ITEM void sum_rows_add(CLF_IN(x), CLF_OUT(y), const sum_rows_args p, CLF_POOL) {
  const int d = get_global_id(0), D = p.x.dim[1];
  if (d >= D) return;
  float sum = 0;
  for (int band = 0; band < e.y; band++) sum += pool[band * D + d];
  AT(y, d, 0, 0, 0) = p.beta != 0 ? sum + p.beta * AT(y, d, 0, 0, 0) : sum;
}
