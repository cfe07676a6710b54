/* SPDX-License-Identifier: MIT */
/* pixels.cl: bytes made continuous: LANES blocks of random words at a time, four elements each,
 * none of them rounded up to the next byte.  Logits: a work-group for each sample. */
#include "images.clh"
#include "random.clh"

/* The float before a whole number. */
INLINE V pixels_below(V x) { return x * (1 - 0x1p-24f); }
INLINE float pixels_below_one(float x) { return x * (1 - 0x1p-24f); }

kernel BY_LANES void dequantize(CLF_IN(x), CLF_OUT(y), const dequantize_args p) {
  const int size = sample_size(p.x), blocks = (size + 3) / 4;
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
        lanes_store(fmin(x + u.v, pixels_below(x + 1)), PTR(y, n, i), 4 * p.y.stride[1], left);
        continue;
      }
      for (int lane = 0; lane < LANES && i < size; lane++, i += 4) {
        const clf_element q = element_of(p.x, i);
        const float x = AT(x, n, q.c, q.h, q.w);
        AT(y, n, q.c, q.h, q.w) = fmin(x + u.f[lane], pixels_below_one(x + 1));
      }
    }
  }
}

/* p = alpha + slope x and 1 - p of a pixel x, where slope = (1 - alpha - omega) / levels. */
typedef struct {
  float alpha, omega, levels, slope;
} logit_scale;
INLINE logit_scale logit_scale_of(float alpha, float omega, float levels) {
  const float span = 1 - alpha - omega;
  const logit_scale s = {alpha, omega, levels, span / levels};
  return s;
}
INLINE V logit_p(logit_scale s, V x) { return s.alpha + s.slope * x; }
INLINE V logit_rest(logit_scale s, V x) { return s.omega + s.slope * (s.levels - x); }

kernel BY_SAMPLE void logit_fwd(CLF_IN(x), CLF_OUT(y), CLF_OUT(logdet), const logit_fwd_args p) {
  GROUP_MEMORY(memory);
  const logit_scale s = logit_scale_of(p.alpha, p.omega, p.levels);
  const int n = get_group_id(0);
  V sum = 0;
  for (int h = 0; h < p.x.dim[2]; h++)
    FOR_ROW(r, n, h, p.x, CLF_PIXELS_ALL) {
      const V x = GET(x, r.v), log_p = log(logit_p(s, x)), log_rest = log(logit_rest(s, x));
      PUT(y, r.v, log_p - log_rest);
      sum += lanes_first(log_p + log_rest, r.v.left);
    }
  const float all = GROUP_SUM(memory, lanes_sum(sum));
  if (get_local_id(0) == 0) AT(logdet, n, 0, 0, 0) += sample_size(p.x) * log(s.slope) - all;
}

kernel BY_SAMPLE void logit_inv(CLF_IN(y), CLF_OUT(x), CLF_OUT(logdet), const logit_inv_args p) {
  GROUP_MEMORY(memory);
  const logit_scale s = logit_scale_of(p.alpha, p.omega, p.levels);
  const int n = get_group_id(0);
  V sum = 0;
  for (int h = 0; h < p.y.dim[2]; h++)
    FOR_ROW(r, n, h, p.y, CLF_PIXELS_ALL) {
      const V y = GET(y, r.v), far = fabs(y), small = exp(-far);
      PUT(x, r.v, ((y > 0 ? (V)1 : small) / (1 + small) - s.alpha) / s.slope);
      sum += lanes_first(far + 2 * log(1 + small), r.v.left);
    }
  const float all = GROUP_SUM(memory, lanes_sum(sum));
  if (get_local_id(0) == 0) AT(logdet, n, 0, 0, 0) -= sample_size(p.y) * log(s.slope) + all;
}

kernel BY_SAMPLE void logit_bwd(CLF_IN(x), CLF_IN(dy), CLF_OUT(dx), const logit_bwd_args p) {
  const logit_scale s = logit_scale_of(p.alpha, p.omega, p.levels);
  const int n = get_group_id(0);
  for (int h = 0; h < p.x.dim[2]; h++)
    FOR_ROW(r, n, h, p.x, CLF_PIXELS_ALL) {
      const V x = GET(x, r.v), one = logit_p(s, x), rest = logit_rest(s, x);
      PUT(dx, r.v, (GET(dy, r.v) + p.dlogdet * (one - rest)) * s.slope / (one * rest));
    }
}
