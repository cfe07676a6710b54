/* SPDX-License-Identifier: MIT */
/* column_base.cl: densities of single columns: a work-group for each sample where they are summed,
 * else a work-item for each element. */
#include "random.clh"
#include "samples.clh"

/* A parameter of column d of sample n; 0 if it was left out. */
#define COLUMN_NUMBER(t, n, d) (t##_ ? *PTR(t, n, d) : 0.0f)

INLINE float column_degrees(int kind, float shape) {
  if (kind != CLF_COLUMN_student_free) return shape;
  const float v = (shape > 0 ? shape : 0.0f) + log1p(exp(-fabs(shape)));
  return v > 1e-30f ? v : v == v ? 1e-30f : v;
}

/* log C(v) of Student's t and its derivative by v, as in cpu_ref/column_base.c; for floats the
 * series holds from 4 on. */
INLINE float column_student(float v, float *slope) {
  const float x = v / 2;
  float y = x, ratio = 1, sum = 0;
  for (; y < 4; y++) {
    ratio *= y / (y + 0.5f);
    sum += 0.5f / (y * (y + 0.5f));
  }
  const float q = 1 / (y * y);
  const float series = ((q * 1.18582589e-3f - 1.5625e-3f) * q + 5.20833333e-3f) * q - 0.125f;
  const float by_y = ((q * -8.30078125e-3f + 7.8125e-3f) * q - 1.5625e-2f) * q + 0.125f;
  *slope = 0.5f * (0.5f * (1 / y - 1 / x) + by_y * q + sum);
  return log(ratio * sqrt(y / (6.28318531f * x))) + series / y;
}

/* log p(t) at scale 1; *slope = -d log p / dt, *by_df = d log p / dv. */
INLINE float column_point(int kind, float t, float v, float *slope, float *by_df) {
  const float a = fabs(t), e = exp(-a), sign = t < 0 ? -1.0f : t > 0 ? 1.0f : t;
  *by_df = 0;
  if (kind == CLF_COLUMN_normal) {
    *slope = t;
    return -0.5f * t * t - HALF_LOG_2PI;
  }
  if (kind == CLF_COLUMN_logistic) {
    *slope = sign * (1 - e) / (1 + e);
    return -a - 2 * log1p(e);
  }
  if (kind == CLF_COLUMN_laplace) {
    *slope = sign;
    return -a - 0.693147181f;
  }
  /* log(1 + t^2 / v), where t^2 overflows too. */
  const float tail = a < 1e15f ? log1p(t * (t / v)) : 2 * log(a) - log(v);
  float by_v;
  const float constant_ = column_student(v, &by_v);
  *slope = (v + 1) / (t + v / t);
  *by_df = by_v - tail / 2 + t * *slope / (2 * v);
  return constant_ - (v + 1) / 2 * tail;
}

kernel BY_SAMPLE void column_logp(CLF_IN(z), CLF_IN(loc), CLF_IN(log_scale), CLF_IN(shape),
                                  CLF_IN(logdet), CLF_OUT(logp), const column_logp_args p) {
  GROUP_MEMORY(memory);
  const int n = get_group_id(0), size = sample_size(p.z);
  float sum = 0;
  FOR_SLICE(i, size) {
    const float z = *PTR(z, n, i), loc = COLUMN_NUMBER(loc, n, i);
    const float shape = COLUMN_NUMBER(shape, n, i), log_s = COLUMN_NUMBER(log_scale, n, i);
    float slope, by_df;
    if (p.kind == CLF_COLUMN_box)
      sum += z < loc || z > shape ? -INFINITY : 0 * z - log(shape - loc);
    else
      sum += column_point(p.kind, (z - loc) * exp(-log_s), column_degrees(p.kind, shape), &slope,
                          &by_df) -
             log_s;
  }
  sum = GROUP_SUM(memory, sum);
  if (get_local_id(0) != 0) return;
  sum += COLUMN_NUMBER(logdet, n, 0);
  *PTR(logp, n, 0) = p.beta != 0 ? sum + p.beta * *PTR(logp, n, 0) : sum;
}

/* Stores to a tensor that may have been left out. */
#define COLUMN_PUT(t, n, d, v)                                                                     \
  if (t##_) *PTR(t, n, d) = v
kernel BY_ITEM void column_bwd(CLF_IN(z), CLF_IN(loc), CLF_IN(log_scale), CLF_IN(shape), CLF_IN(dl),
                               CLF_OUT(dz), CLF_OUT(dloc), CLF_OUT(dlog_scale), CLF_OUT(dshape),
                               const column_bwd_args p) {
  const int n = get_global_id(0) / p.z.dim[1], d = get_global_id(0) % p.z.dim[1];
  if (n >= p.z.dim[0]) return;
  const float weight = p.dlogdet * (dl_ ? *PTR(dl, n, 0) : 1.0f), z = *PTR(z, n, d);
  const float loc = COLUMN_NUMBER(loc, n, d), shape = COLUMN_NUMBER(shape, n, d);
  if (p.kind == CLF_COLUMN_box) {
    const float share = z < loc || z > shape ? 0.0f : weight / (shape - loc);
    *PTR(dz, n, d) = 0;
    COLUMN_PUT(dloc, n, d, share);
    COLUMN_PUT(dlog_scale, n, d, 0);
    COLUMN_PUT(dshape, n, d, -share);
    return;
  }
  const float inverse = exp(-COLUMN_NUMBER(log_scale, n, d)), t = (z - loc) * inverse;
  float slope, by_df;
  column_point(p.kind, t, column_degrees(p.kind, shape), &slope, &by_df);
  if (p.kind == CLF_COLUMN_student_free) by_df /= 1 + exp(-shape);
  *PTR(dz, n, d) = -weight * slope * inverse;
  COLUMN_PUT(dloc, n, d, weight * slope * inverse);
  COLUMN_PUT(dlog_scale, n, d, weight * (t * slope - 1));
  COLUMN_PUT(dshape, n, d, weight * by_df);
}

INLINE float column_uniform(words k) {
  return ldexp(1 + ((k.at[1] >> 10) + 0.5f) * 0x1p-22f, -1 - (int)clz(k.at[0]));
}

kernel BY_ITEM void column_noise(CLF_IN(shape), CLF_OUT(y), const column_noise_args p) {
  const int n = get_global_id(0) / p.y.dim[1], d = get_global_id(0) % p.y.dim[1];
  if (n >= p.y.dim[0]) return;
  const words k = words_of(d, n, p.first_lo, p.first_hi, p.stream, p.seed_lo, p.seed_hi);
  const float u = column_uniform(k);
  const float sign = k.at[2] >> 31 ? -1.0f : 1.0f;
  float y;
  if (p.kind == CLF_COLUMN_logistic)
    y = sign * (log1p(-u / 2) - log(u / 2));
  else if (p.kind == CLF_COLUMN_laplace)
    y = sign * -log(u);
  else {
    const float v = column_degrees(p.kind, COLUMN_NUMBER(shape, n, d)), a = -log(u) / v;
    const float radius = a < 30 ? sqrt(expm1(2 * a)) : exp(a < 80 ? a : 80.0f);
    y = sqrt(v) * radius * cospi((k.at[2] >> 8) * 0x1p-23f);
  }
  *PTR(y, n, d) = y;
}

kernel BY_ITEM void column_place(CLF_IN(e), CLF_IN(loc), CLF_IN(log_scale), CLF_IN(shape),
                                 CLF_OUT(z), const column_place_args p) {
  const int n = get_global_id(0) / p.z.dim[1], d = get_global_id(0) % p.z.dim[1];
  if (n >= p.z.dim[0]) return;
  const float e = *PTR(e, n, d), loc = COLUMN_NUMBER(loc, n, d);
  const float shape = COLUMN_NUMBER(shape, n, d), in_box = loc + (shape - loc) * e;
  *PTR(z, n, d) = p.kind != CLF_COLUMN_box ? loc + exp(COLUMN_NUMBER(log_scale, n, d)) * e
                  : in_box < shape         ? in_box
                                           : shape;
}

/* v times student_radius_slope() of cpu_ref/column_base.c; for small a by its series. */
INLINE float column_radius_slope(float a) {
  const float q = a * a;
  if (a < 0.25f) return -a * (0.5f + a / 6 - a * q * (1.11111111e-2f - q * 1.05820106e-3f));
  return 0.5f - (a < 80 ? a / -expm1(-2 * a) : 0.0f);
}

kernel BY_ITEM void column_place_bwd(CLF_IN(z), CLF_IN(loc), CLF_IN(log_scale), CLF_IN(shape),
                                     CLF_IN(dz), CLF_OUT(dloc), CLF_OUT(dlog_scale),
                                     CLF_OUT(dshape), const column_place_bwd_args p) {
  const int n = get_global_id(0) / p.z.dim[1], d = get_global_id(0) % p.z.dim[1];
  if (n >= p.z.dim[0]) return;
  const float dz = *PTR(dz, n, d), by_scale = dz * (*PTR(z, n, d) - COLUMN_NUMBER(loc, n, d));
  float by_shape = 0;
  if (p.kind == CLF_COLUMN_student_free) {
    const words k = words_of(d, n, p.first_lo, p.first_hi, p.stream, p.seed_lo, p.seed_hi);
    const float shape = COLUMN_NUMBER(shape, n, d), v = column_degrees(p.kind, shape);
    const float a = -log(column_uniform(k)) / v;
    by_shape = by_scale * column_radius_slope(a) / (v * (1 + exp(-shape)));
  }
  COLUMN_PUT(dloc, n, d, dz);
  COLUMN_PUT(dlog_scale, n, d, by_scale);
  COLUMN_PUT(dshape, n, d, by_shape);
}
