/* SPDX-License-Identifier: MIT */
/* pixels.cl: bytes made continuous, an item for four elements that share a block of random
 * words; logits, a group per sample. */
kernel BY_ITEM void dequantize(CLF_IN(x), CLF_OUT(y), const dequantize_args p) {
  const int H = p.x.dim[2], W = p.x.dim[3], size = p.x.dim[1] * H * W, blocks = (size + 3) / 4;
  const int id = get_global_id(0), n = id / blocks, block = id % blocks;
  if (n >= p.x.dim[0]) return;
  const words k = words_of(block, n, p.first_lo, p.first_hi, p.stream, p.seed_lo, p.seed_hi);
  int c = 4 * block / (H * W), h = 4 * block / W % H, w = 4 * block % W;
  for (int j = 0; j < 4 && 4 * block + j < size; j++) {
    AT(y, n, c, h, w) = AT(x, n, c, h, w) + (float)(k.at[j] >> 8) * 0x1p-24f;
    if (++w < W) continue;
    w = 0;
    if (++h < H) continue;
    h = 0;
    c++;
  }
}

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
      const V y = RUN(y, 0), far = fabs(y);
      SET_RUN(x, 0, (1 / (1 + exp(-y)) - p.alpha) / slope);
      sum += lanes_first(far + 2 * log1p(exp(-far)), r.left);
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
