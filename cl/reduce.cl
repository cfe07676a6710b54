/* SPDX-License-Identifier: MIT */
/* reduce.cl: sums over samples, and of squares, by bands:
 *
 *             columns ->
 *    band 0   [ LANES ][ LANES ] ..   a work-item each  -> [ sums of band 0 ]  |  then a work-item
 *    band 1   [ LANES ][ LANES ] ..                     -> [ sums of band 1 ]  |  for each column
 *    ...                                                    scratch memory      v  adds the bands
 *
 * A band is e.size rows (256; of a single column 16384, in vectors), or elements of
 * sum_squares. */
#include "lanes.clh"
#include "samples.clh"

kernel BY_LANES void sum_rows(CLF_IN(x), CLF_OUT(y), const sum_rows_args p,
                              CLF_SCRATCH(bands_plan)) {
  const int d = get_global_id(0) * LANES, band = get_global_id(1), D = p.x.dim[1];
  const int first = band * e.size, end = min(first + e.size, p.x.dim[0]);
  if (d >= D) return;
  V sum = 0;
  if (D == 1) { /* lanes along the rows */
    for (int n = first; n < end; n += LANES)
      sum += lanes_load(PTR(x, n, 0), p.x.stride[0], end - n);
    scratch[band] = lanes_sum(sum);
    return;
  }
  for (int n = first; n < end; n++) sum += lanes_load(PTR(x, n, d), p.x.stride[1], D - d);
  lanes_store(sum, scratch + band * D + d, 1, D - d);
}

kernel BY_ITEM void sum_rows_add(CLF_IN(x), CLF_OUT(y), const sum_rows_args p,
                                 CLF_SCRATCH(bands_plan)) {
  const int d = get_global_id(0), D = p.x.dim[1];
  if (d >= D) return;
  float sum = 0;
  for (int band = 0; band < e.count; band++) sum += scratch[band * D + d];
  AT(y, d, 0, 0, 0) = p.beta != 0 ? sum + p.beta * AT(y, d, 0, 0, 0) : sum;
}

/* Work-group g has the elements from e.size g on, and stores their sum in scratch[g]. */
kernel BY_SAMPLE void sum_squares(CLF_IN(x), CLF_OUT(y), const sum_squares_args p,
                                  CLF_SCRATCH(bands_plan)) {
  GROUP_MEMORY(memory);
  const int size = sample_size(p.x), g = get_group_id(0), l = get_local_id(0);
  const int first = g * e.size, count = min(e.size, p.x.dim[0] * size - first);
  V sum = 0;
  if (dense_order(p.x) && (p.x.dim[0] == 1 || p.x.stride[0] == size))
    for (int k = l * LANES; k < count; k += GROUP * LANES) {
      const V x = lanes_load(PTR(x, 0, 0) + first + k, 1, count - k);
      sum += x * x;
    }
  else
    FOR_BATCH_ELEMENTS(p.x, first, first + count, q) {
      const V x = lanes_load(&AT(x, q.n, q.c, q.h, q.w), 1, 1);
      sum += x * x;
    }
  const float all = GROUP_SUM(memory, lanes_sum(sum));
  if (l == 0) scratch[g] = all;
}

/* One work-group: the e.count sums. */
kernel BY_SAMPLE void sum_squares_add(CLF_IN(x), CLF_OUT(y), const sum_squares_args p,
                                      CLF_SCRATCH(bands_plan)) {
  GROUP_MEMORY(memory);
  V sum = 0;
  for (int g = get_local_id(0) * LANES; g < e.count; g += GROUP * LANES)
    sum += lanes_load(scratch + g, 1, e.count - g);
  const float all = GROUP_SUM(memory, lanes_sum(sum));
  if (get_local_id(0) != 0) return;
  AT(y, 0, 0, 0, 0) = p.beta != 0 ? all + p.beta * AT(y, 0, 0, 0, 0) : all;
}
