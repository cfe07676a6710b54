/* SPDX-License-Identifier: MIT */
/* kolmogorov.h: the probability of a Kolmogorov-Smirnov distance.  Private. */
#ifndef CLF_KOLMOGOROV_H
#define CLF_KOLMOGOROV_H
#include <math.h>

/* The probability of a distance at least this large between n numbers and their true
 * distribution: Kolmogorov's distribution with Stephens' correction (Press et al. 2007, 14.3.3). */
static inline double clf__ks_probability(double distance, double n) {
  const double root = sqrt(n), lambda = (root + 0.12 + 0.11 / root) * distance;
  if (lambda < 0.2) return 1; /* 1 to 13 digits, and the series converges slowly */
  double sum = 0;
  for (int k = 1; k <= 100; k++) {
    const double term = exp(-2.0 * k * k * lambda * lambda);
    sum += k % 2 ? term : -term;
    if (term < 1e-17) break;
  }
  return fmin(fmax(2 * sum, 0), 1);
}

#endif
