/* SPDX-License-Identifier: MIT */
/* layernorm.cl: one group per row, lanes along its columns. */
#define FOR_ROW(D) for (int d = get_local_id(0) * LANES; d < D; d += GROUP * LANES)
#define OF_ROW(t) lanes_load(PTR(t, n, d), p.t.stride[1], D - d)

kernel BY_SAMPLE void layernorm_fwd(CLF_IN(x), CLF_OUT(y), const layernorm_fwd_args p) {
  GROUP_MEMORY(part);
  const int n = get_group_id(0), D = p.x.dim[1];
  V sum = 0, squares = 0;
  FOR_ROW(D) sum += OF_ROW(x);
  const float mean = GROUP_SUM(part, lanes_sum(sum)) / D;
  FOR_ROW(D) {
    const V c = lanes_first(OF_ROW(x) - mean, D - d);
    squares += c * c;
  }
  const float all = GROUP_SUM(part, lanes_sum(squares)),
              rstd = 1 / sqrt(all / (D - p.ddof) + p.eps);
  FOR_ROW(D) lanes_store((OF_ROW(x) - mean) * rstd, PTR(y, n, d), p.y.stride[1], D - d);
}

kernel BY_SAMPLE void layernorm_bwd(CLF_IN(x), CLF_IN(dy), CLF_OUT(dx),
                                    const layernorm_bwd_args p) {
  GROUP_MEMORY(part);
  const int n = get_group_id(0), D = p.x.dim[1];
  V sum = 0, squares = 0, dsum = 0, along = 0;
  FOR_ROW(D) {
    sum += OF_ROW(x);
    dsum += OF_ROW(dy);
  }
  const float mean = GROUP_SUM(part, lanes_sum(sum)) / D;
  const float dmean = GROUP_SUM(part, lanes_sum(dsum)) / D;
  FOR_ROW(D) {
    const V c = lanes_first(OF_ROW(x) - mean, D - d);
    squares += c * c;
    along += c * OF_ROW(dy);
  }
  const float all = GROUP_SUM(part, lanes_sum(squares)),
              rstd = 1 / sqrt(all / (D - p.ddof) + p.eps);
  const float slope = GROUP_SUM(part, lanes_sum(along)) * rstd * rstd / (D - p.ddof);
  FOR_ROW(D)
  lanes_store(rstd * (OF_ROW(dy) - dmean - (OF_ROW(x) - mean) * slope), PTR(dx, n, d),
              p.dx.stride[1], D - d);
}
#undef FOR_ROW
#undef OF_ROW
