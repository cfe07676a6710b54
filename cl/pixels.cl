/* SPDX-License-Identifier: MIT */
/* pixels.cl: bytes made continuous, LANES blocks of random words at a time, four elements
 * each, none of them rounded up to the next byte; logits, a group per sample. */
/* The float before a whole number. */
#define BELOW(x) ((x) * (1 - 0x1p-24f))

kernel BY_LANES void dequantize(CLF_IN(x), CLF_OUT(y), const dequantize_args p) {
  const int size = p.x.dim[1] * p.x.dim[2] * p.x.dim[3], blocks = (size + 3) / 4;
  const int n = get_global_id(1), is_row = p.x.dim[2] * p.x.dim[3] == 1;
  for (int b = get_global_id(0) * LANES; b < blocks; b += get_global_size(0) * LANES) {
    const words_v k =
        words_of_v((uint)b + LANE_INDEX, n, p.first_lo, p.first_hi, p.stream, p.seed_lo, p.seed_hi);
#pragma unroll
    for (int j = 0; j < 4; j++) {
      clf_lanes u;
      u.v = CONVERT_V(k.at[j] >> 8) * 0x1p-24f;
      int i = 4 * b + j;
      if (is_row) {
        const int left = (size - i + 3) / 4;
        const V x = lanes_load(PTR(x, n, i), 4 * p.x.stride[1], left);
        lanes_store(fmin(x + u.v, BELOW(x + 1)), PTR(y, n, i), 4 * p.y.stride[1], left);
        continue;
      }
      for (int lane = 0; lane < LANES && i < size; lane++, i += 4) {
        UNPACK(x);
        const float x = AT(x, n, c, h, w);
        AT(y, n, c, h, w) = fmin(x + u.f[lane], BELOW(x + 1));
      }
    }
  }
}

#undef BELOW

#define SAMPLE(t)                                                                                  \
  const int n = get_group_id(0), H = p.t.dim[2];                                                   \
  const float r1 = 1 - p.alpha - p.omega, slope = r1 / p.levels
#define COUNT(t) (p.t.dim[1] * H * p.t.dim[3])
#define P(x) (p.alpha + slope * (x))
#define Q(x) (p.omega + slope * (p.levels - (x))) /* 1 - p */

kernel BY_SAMPLE void logit_fwd(CLF_IN(x), CLF_OUT(y), CLF_OUT(logdet), const logit_fwd_args p) {
  GROUP_MEMORY(part);
  SAMPLE(x);
  V sum = 0;
  for (int h = 0; h < H; h++) EACH_RUN(x, 0) {
      const V x = RUN(x, 0), log_p = log(P(x)), log_q = log(Q(x));
      SET_RUN(y, 0, log_p - log_q);
      sum += lanes_first(log_p + log_q, r.left);
    }
  const float all = GROUP_SUM(part, lanes_sum(sum));
  if (get_local_id(0) == 0) AT(logdet, n, 0, 0, 0) += COUNT(x) * log(slope) - all;
}

kernel BY_SAMPLE void logit_inv(CLF_IN(y), CLF_OUT(x), CLF_OUT(logdet), const logit_inv_args p) {
  GROUP_MEMORY(part);
  SAMPLE(y);
  V sum = 0;
  for (int h = 0; h < H; h++) EACH_RUN(y, 0) {
      const V y = RUN(y, 0), far = fabs(y), small = exp(-far);
      SET_RUN(x, 0, ((y > 0 ? (V)1 : small) / (1 + small) - p.alpha) / slope);
      sum += lanes_first(far + 2 * log(1 + small), r.left);
    }
  const float all = GROUP_SUM(part, lanes_sum(sum));
  if (get_local_id(0) == 0) AT(logdet, n, 0, 0, 0) -= COUNT(y) * log(slope) + all;
}

kernel BY_SAMPLE void logit_bwd(CLF_IN(x), CLF_IN(dy), CLF_OUT(dx), const logit_bwd_args p) {
  SAMPLE(x);
  for (int h = 0; h < H; h++) EACH_RUN(x, 0) {
      const V x = RUN(x, 0), one = P(x), other = Q(x);
      SET_RUN(dx, 0, (RUN(dy, 0) + p.dlogdet * (one - other)) * slope / (one * other));
    }
}
#undef SAMPLE
#undef COUNT
#undef P
#undef Q
