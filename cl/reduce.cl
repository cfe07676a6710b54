/* SPDX-License-Identifier: MIT */
/* reduce.cl: sums over samples, and of squares.
 *
 * sum_rows: an item for LANES columns of a band of e.x rows; then an item a column adds up
 * the bands, [e.y][D] in the pool, in their order. */
kernel BY_LANES void sum_rows(CLF_IN(x), CLF_OUT(y), const sum_rows_args p, CLF_POOL) {
  const int d = get_global_id(0) * LANES, band = get_global_id(1), D = p.x.dim[1];
  const int n0 = band * e.x, n1 = min(n0 + e.x, p.x.dim[0]);
  if (d >= D) return;
  V sum = 0;
  if (D == 1) { /* lanes along the rows */
    for (int n = n0; n < n1; n += LANES) sum += lanes_load(PTR(x, n, 0), p.x.stride[0], n1 - n);
    pool[band] = lanes_sum(sum);
    return;
  }
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

/* Group g: its share of x, the elements from e.x g on, to pool[g]. */
kernel BY_SAMPLE void sum_squares(CLF_IN(x), CLF_OUT(y), const sum_squares_args p, CLF_POOL) {
  GROUP_MEMORY(part);
  const int size = p.x.dim[1] * p.x.dim[2] * p.x.dim[3], g = get_group_id(0), l = get_local_id(0);
  const int i0 = g * e.x, count = min(e.x, p.x.dim[0] * size - i0);
  V sum = 0;
  if (dense_order(p.x) && (p.x.dim[0] == 1 || p.x.stride[0] == size))
    for (int k = l * LANES; k < count; k += GROUP * LANES) {
      const V x = lanes_load(PTR(x, 0, 0) + i0 + k, 1, count - k);
      sum += x * x;
    }
  else
    for (int k = l; k < count; k += GROUP) {
      const int n = (i0 + k) / size, i = (i0 + k) % size;
      UNPACK(x);
      const V x = lanes_load(&AT(x, n, c, h, w), 1, 1);
      sum += x * x;
    }
  const float all = GROUP_SUM(part, lanes_sum(sum));
  if (l == 0) pool[g] = all;
}

/* One group: the e.y shares. */
kernel BY_SAMPLE void sum_squares_add(CLF_IN(x), CLF_OUT(y), const sum_squares_args p, CLF_POOL) {
  GROUP_MEMORY(part);
  V sum = 0;
  for (int g = get_local_id(0) * LANES; g < e.y; g += GROUP * LANES)
    sum += lanes_load(pool + g, 1, e.y - g);
  const float all = GROUP_SUM(part, lanes_sum(sum));
  if (get_local_id(0) != 0) return;
  AT(y, 0, 0, 0, 0) = p.beta != 0 ? all + p.beta * AT(y, 0, 0, 0, 0) : all;
}
