/* SPDX-License-Identifier: MIT */
/* real.h: exp, tanh, log and the like in `real`.  In double they are libm's.  In
 * float exp and tanh are branch-free, so that loops over them become vectors with
 * any compiler and any libm; exp is within 3 ulp and tanh within 2, NaN stays NaN,
 * overflow is inf. */
#ifndef CLF_REF_REAL_H
#define CLF_REF_REAL_H
#include <math.h>
#include <stdint.h>
#include <string.h>

#ifdef CLF_REAL64
static inline real real_exp(real x) { return exp(x); }
static inline real real_tanh(real x) { return tanh(x); }
static inline real real_log(real x) { return log(x); }
static inline real real_sqrt(real x) { return sqrt(x); }
static inline real real_abs(real x) { return fabs(x); }
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
  return float_of((uint32_t)(n + 127) << 23);
}

/* exp(x) = 2^n exp(r), |r| <= log(2) / 2, exp(r) by its series; 2^n in two factors,
 * so that the range reaches down to denormals and up to the last float. */
static inline float real_exp(float x) {
  const float to_integer = 12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer */
  const float c = x < -104.0f ? -104.0f : x > 89.0f ? 89.0f : x;
  const float shifted = c * 1.44269504f + to_integer, n = shifted - to_integer;
  const float r = (c - n * 0.693359375f) + n * 2.12194440e-4f;
  const float series =
      1 +
      r * (1 + r * (0.5f + r * (1.66666667e-1f +
                                r * (4.16666667e-2f + r * (8.33333377e-3f + r * 1.3888889e-3f)))));
  int32_t k = (int32_t)bits_of(shifted) - 0x4B400000; /* the bits of to_integer */
  k = k < -252 ? -252 : k > 254 ? 254 : k;            /* NaN has any bits here */
  const int32_t half = k / 2;
  return series * power_of_two(half) * power_of_two(k - half);
}

/* Near 0 a polynomial in x^2 (Cephes, tanhf), elsewhere 1 - 2 / (exp 2|x| + 1). */
static inline float real_tanh(float x) {
  const float z = x * x, a = fabsf(x);
  const float poly =
      x + x * z *
              (-3.33332819e-1f +
               z * (1.33314422e-1f +
                    z * (-5.37397155e-2f + z * (2.06390887e-2f - z * 5.70498872e-3f))));
  const float far = copysignf(1 - 2 / (real_exp(2 * a) + 1), x);
  return a < 0.625f ? poly : far;
}
static inline float real_log(float x) { return logf(x); }
static inline float real_sqrt(float x) { return sqrtf(x); }
static inline float real_abs(float x) { return fabsf(x); }
#endif

/* The coupling's log-scale s = s_max tanh(q), q = h / s_max, from its network's output,
 * and ds/dh = 1 - tanh(q)^2 = 4 e / (1 + e)^2 with e = exp(-2 |q|), which keeps its
 * digits where tanh is flat. */
static inline real bounded(real h, real s_max) {
  return s_max > 0 ? s_max * real_tanh(h / s_max) : h;
}
static inline real bounded_slope(real h, real s_max) {
  const real e = s_max > 0 ? real_exp(-2 * real_abs(h / s_max)) : 1;
  return 4 * e / ((1 + e) * (1 + e));
}
#endif
