/* SPDX-License-Identifier: MIT */
/* statistics.c: tests of uniformity and their helper functions. */
#include "statistics.h"

#include <math.h>
#include <stdlib.h>

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

void clf__sort(double *v, int64_t n) { qsort(v, (size_t)n, sizeof *v, ascending); }

double clf__ks_distance(const double *sorted, int64_t n) {
  double maximum = 0;
  for (int64_t i = 0; i < n; i++) {
    maximum = fmax(maximum, sorted[i] - (double)i / (double)n);
    maximum = fmax(maximum, (double)(i + 1) / (double)n - sorted[i]);
  }
  return maximum;
}

double clf__ks_band(double probability, double n) {
  double lo = 0, hi = 1;
  for (int k = 0; k < 60; k++) {
    const double middle = (lo + hi) / 2;
    if (clf__ks_probability(middle, n) > probability)
      lo = middle;
    else
      hi = middle;
  }
  return hi;
}

/* By its series below a + 1, and above as 1 minus the continued fraction (Press et al. 2007,
 * 6.2). */
double clf__gamma_p(double a, double x) {
  if (!(x > 0)) return 0;
  if (isinf(x)) return 1;
  const double scale = exp(a * log(x) - x - lgamma(a));
  if (x < a + 1) {
    double term = 1 / a, sum = term;
    for (int k = 1; k < 10000 && term > sum * 1e-16; k++) sum += term *= x / (a + k);
    return fmin(sum * scale, 1);
  }
  double b = x + 1 - a, c = 1e300, d = 1 / b, h = d;
  for (int k = 1; k < 10000; k++) {
    const double an = -k * (k - a);
    b += 2;
    d = 1 / (an * d + b);
    c = b + an / c;
    h *= c * d;
    if (fabs(c * d - 1) < 1e-15) break;
  }
  return fmax(1 - h * scale, 0);
}

void clf__count_below(const double *sorted, int64_t n, double v, int64_t *below, int64_t *equal) {
  int64_t lo = 0, hi = n;
  while (lo < hi) {
    const int64_t middle = lo + (hi - lo) / 2;
    if (sorted[middle] < v)
      lo = middle + 1;
    else
      hi = middle;
  }
  *below = lo;
  hi = n;
  while (lo < hi) {
    const int64_t middle = lo + (hi - lo) / 2;
    if (sorted[middle] <= v)
      lo = middle + 1;
    else
      hi = middle;
  }
  *equal = lo - *below;
}

/* SplitMix64's finaliser (Steele et al. 2014) over the three numbers. */
double clf__hash_uniform(uint64_t seed, uint64_t row, uint64_t column) {
  uint64_t z =
      seed * 0x9E3779B97F4A7C15u + row * 0xD1B54A32D192ED03u + column * 0x8CB92BA72F3D8DD7u;
  for (int k = 0; k < 2; k++) {
    z += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    z ^= z >> 31;
  }
  return (double)(z >> 11) / 9007199254740992.0;
}

void clf__mean_of(const double *v, int64_t n, double *mean, double *error) {
  double sum = 0, square = 0;
  for (int64_t i = 0; i < n; i++) sum += v[i];
  *mean = n ? sum / (double)n : NAN;
  for (int64_t i = 0; i < n; i++) square += (v[i] - *mean) * (v[i] - *mean);
  *error = n > 1 ? sqrt(square / (double)(n - 1) / (double)n) : NAN;
}
