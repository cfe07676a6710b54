/* SPDX-License-Identifier: MIT */
/* layernorm.cl: a work-group for each row, lanes along its columns. */
#include "lanes.clh"
#include "samples.clh"

#define EACH_OF_ROW(D, d) for (int d = get_local_id(0) * LANES; d < D; d += GROUP * LANES)
#define LOAD(t, n, d) lanes_load(PTR(t, n, d), p.t.stride[1], p.t.dim[1] - d)

kernel BY_SAMPLE void layernorm_fwd(CLF_IN(x), CLF_OUT(y), const layernorm_fwd_args p) {
  GROUP_MEMORY(memory);
  const int n = get_group_id(0), D = p.x.dim[1];
  V sum = 0, squares = 0;
  EACH_OF_ROW(D, d) sum += LOAD(x, n, d);
  const float mean = GROUP_SUM(memory, lanes_sum(sum)) / D;
  EACH_OF_ROW(D, d) {
    const V c = lanes_first(LOAD(x, n, d) - mean, D - d);
    squares += c * c;
  }
  const float all = GROUP_SUM(memory, lanes_sum(squares)),
              rstd = 1 / sqrt(all / (D - p.ddof) + p.eps);
  EACH_OF_ROW(D, d) lanes_store((LOAD(x, n, d) - mean) * rstd, PTR(y, n, d), p.y.stride[1], D - d);
}

kernel BY_SAMPLE void layernorm_bwd(CLF_IN(x), CLF_IN(dy), CLF_OUT(dx),
                                    const layernorm_bwd_args p) {
  GROUP_MEMORY(memory);
  const int n = get_group_id(0), D = p.x.dim[1];
  V sum = 0, squares = 0, dsum = 0, along = 0;
  EACH_OF_ROW(D, d) {
    sum += LOAD(x, n, d);
    dsum += LOAD(dy, n, d);
  }
  const float mean = GROUP_SUM(memory, lanes_sum(sum)) / D;
  const float dmean = GROUP_SUM(memory, lanes_sum(dsum)) / D;
  EACH_OF_ROW(D, d) {
    const V c = lanes_first(LOAD(x, n, d) - mean, D - d);
    squares += c * c;
    along += c * LOAD(dy, n, d);
  }
  const float all = GROUP_SUM(memory, lanes_sum(squares)),
              rstd = 1 / sqrt(all / (D - p.ddof) + p.eps);
  const float slope = GROUP_SUM(memory, lanes_sum(along)) * rstd * rstd / (D - p.ddof);
  EACH_OF_ROW(D, d)
    lanes_store(rstd * (LOAD(dy, n, d) - dmean - (LOAD(x, n, d) - mean) * slope), PTR(dx, n, d),
                p.dx.stride[1], D - d);
}
