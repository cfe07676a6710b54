/* SPDX-License-Identifier: MIT */
/* real.h: exp, tanh, log etc. in `real`, and with them the activations.  In double they are
 * libm's.  In float exp and tanh are branch-free, so that loops over them are vectorised with
 * any compiler and any libm; exp is within 3 ulp, NaN stays NaN, overflow is inf. */
#ifndef CLF_REF_REAL_H
#define CLF_REF_REAL_H
#include <math.h>
#include <stdint.h>
#include <string.h>

#ifdef CLF_REAL64
static inline real real_exp(real x) { return exp(x); }
static inline real real_exp_below(real x) { return exp(x); } /* x <= 0 */
static inline real real_tanh(real x) { return tanh(x); }
static inline real real_log(real x) { return log(x); }
static inline real real_sqrt(real x) { return sqrt(x); }
static inline real real_abs(real x) { return fabs(x); }
static inline real real_expm1(real x) { return expm1(x); } /* x <= 0 */
static inline real real_log1p(real x) { return log1p(x); } /* 0 <= x <= 1 */
static inline real real_phi(real x) { return 0.5 * erfc(x * -0.70710678118654752); }
#else
static inline float float_of(uint32_t bits) {
  float f;
  memcpy(&f, &bits, sizeof f);
  return f;
}
static inline uint32_t bits_of(float f) {
  uint32_t bits;
  memcpy(&bits, &f, sizeof bits);
  return bits;
}
static inline float power_of_two(int32_t n) { /* -126 .. 127 */
  return float_of(((uint32_t)n + 127) << 23);
}

/* exp(x) = 2^n exp(r), |r| <= log(2) / 2, exp(r) by its series. */
typedef struct exp_parts {
  float series;
  int32_t n; /* arbitrary for NaN, but `series` stays NaN */
} exp_parts;
static inline exp_parts exp_parts_of(float x) {
  const float to_integer = 12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer */
  const float shifted = x * 1.44269504f + to_integer, n = shifted - to_integer;
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  const float series =
      1 +
      r * (1 + r * (0.5f + r * (1.66666667e-1f +
                                r * (4.16666667e-2f + r * (8.33333377e-3f + r * 1.3888889e-3f)))));
  return (exp_parts){series, (int32_t)(bits_of(shifted) - 0x4B400000u)};
}
/* 2^n in two factors, so that the range includes denormals and the largest floats. */
static inline float real_exp(float x) {
  const float below = 89.0f < x ? 89.0f : x, c = below < -104.0f ? -104.0f : below;
  const exp_parts p = exp_parts_of(c);
  const int32_t half = p.n / 2;
  return p.series * power_of_two(half) * power_of_two(p.n - half);
}
/* For x <= 0; at least 1e-38. */
static inline float real_exp_below(float x) {
  const exp_parts p = exp_parts_of(x < -87.0f ? -87.0f : x);
  return p.series * power_of_two(p.n);
}

/* tanh as x p(x^2) / q(x^2), fitted with an error of 2e-8; in floats within 5.2 ulp, without
 * fused multiply-adds 6.2, and 0.6 on average.  (A p of degree 3 in x^2 saved 10 % and lost digits;
 * two of degree 3 saved 18 % with an error of 2.5e-6; expm1 in the exponent bits took 20 % longer.)
 * At `last` the fit is 1 in floats, with either rounding, and below it never larger.  The sign goes
 * around: one comparison is faster than two. */
static inline float real_tanh(float x) {
  const float last = 8.02147961f, size = float_of(bits_of(x) & 0x7FFFFFFFu);
  const float a = last < size ? last : size, z = a * a;
  const float p =
      (((1.33368605e-08f * z + 2.05962824e-05f) * z + 0.00349481171f) * z + 0.133803725f) * z + 1;
  const float q =
      (((7.76928857e-07f * z + 0.000328436407f) * z + 0.0258740298f) * z + 0.46713689f) * z + 1;
  return float_of(bits_of(a * p / q) | (bits_of(x) & 0x80000000u));
}
static inline float real_log(float x) { return logf(x); }
static inline float real_sqrt(float x) { return sqrtf(x); }
static inline float real_abs(float x) { return fabsf(x); }

#define V float
#include "special.def"
#undef V
/* For x <= 0, by tanh, because exp(x) - 1 would cancel near 0. */
static inline float real_expm1(float x) {
  const float t = real_tanh(x / 2);
  return 2 * t / (1 - t);
}
static inline float real_log1p(float x) { return special_log1p(x); } /* 0 <= x <= 1 */
/* The distribution function of the standard normal. */
static inline float real_phi(float x) { return 0.5f + 0.5f * special_erf(x * 0.707106781f); }
#endif

/* Definitions for activations.def. */
#define ACT_NUMBER(v) ((real)(v))
#define ACT_EXP real_exp
#define ACT_TANH real_tanh
#define ACT_ABS real_abs
#define ACT_EXPM1 real_expm1
#define ACT_LOG1P real_log1p
#define ACT_PHI real_phi

/* The coupling's log-scale s = s_max tanh(q), q = h / s_max, from its net's output, and ds/dh =
 * 1 - tanh(q)^2 = 4 e / (1 + e)^2 with e = exp(-2 |q|), which keeps its precision where tanh is
 * flat. */
static inline real bounded(real h, real s_max) {
  return s_max > 0 ? s_max * real_tanh(h / s_max) : h;
}
static inline real bounded_slope(real h, real s_max) {
  const real e = s_max > 0 ? real_exp(-2 * real_abs(h / s_max)) : 1;
  return 4 * e / ((1 + e) * (1 + e));
}
#endif
