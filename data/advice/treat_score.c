/* SPDX-License-Identifier: MIT */
/* treat_score.c: mixtures of one to three normal distributions by expectation maximisation, for
 * one column; evaluated on values they were not fitted to. */
#include "treat_score.h"
#include <math.h>
#include <string.h>

enum { MOST = 3, STEPS = 20 };

typedef struct mixture {
  int count;
  double weight[MOST], mean[MOST], std[MOST];
} mixture;

/* log p(y), and each component's fraction of it. */
static double log_density(const mixture *m, double y, double share[MOST]) {
  double maximum = -INFINITY, sum = 0;
  for (int k = 0; k < m->count; k++) {
    const double z = (y - m->mean[k]) / m->std[k];
    share[k] = log(m->weight[k] / m->std[k]) - 0.5 * z * z - 0.91893853320467274;
    maximum = fmax(maximum, share[k]);
  }
  int n = 0;
  do sum += share[n] = exp(share[n] - maximum);
  while (++n < m->count);
  for (int k = 0; k < m->count; k++) share[k] /= sum;
  return maximum + log(sum);
}

static double mean_of(const double *y, int32_t n) {
  double sum = 0;
  for (int32_t i = 0; i < n; i++) sum += y[i];
  return sum / n;
}
static double std_of(const double *y, int32_t n, double mean) {
  double sum = 0;
  for (int32_t i = 0; i < n; i++) sum += (y[i] - mean) * (y[i] - mean);
  return sqrt(sum / n);
}

/* One step; returns the mean log-density before it. */
static double improve(mixture *m, const double *y, int32_t n, double minimum) {
  double sum[MOST] = {0}, first[MOST] = {0}, second[MOST] = {0}, share[MOST], all = 0;
  for (int32_t i = 0; i < n; i++) {
    all += log_density(m, y[i], share);
    for (int k = 0; k < m->count; k++) {
      const double r = y[i] - m->mean[k];
      sum[k] += share[k];
      first[k] += share[k] * r;
      second[k] += share[k] * r * r;
    }
  }
  for (int k = 0; k < m->count; k++) {
    const double count = sum[k] + 1e-9, shift = first[k] / count;
    m->weight[k] = (sum[k] + 1) / (n + m->count); /* a component never vanishes */
    m->mean[k] += shift;
    m->std[k] = sqrt(fmax(second[k] / count - shift * shift, minimum * minimum));
  }
  return all / n;
}

/* Starts with means one standard deviation apart. */
static mixture fit(const double *y, int32_t n, int count) {
  mixture m = {.count = count};
  const double mean = mean_of(y, n), std = fmax(std_of(y, n, mean), 1e-300);
  double before = -INFINITY;
  for (int k = 0; k < count; k++) {
    m.weight[k] = 1. / count;
    m.mean[k] = mean + (k - 0.5 * (count - 1)) * std;
    m.std[k] = count == 1 ? std : 0.7 * std;
  }
  for (int step = 0; step < STEPS && count > 1; step++) {
    const double now = improve(&m, y, n, 0.01 * std);
    if (now - before < 1e-4) break;
    before = now;
  }
  return m;
}

/* Log-densities of n values under a mixture fitted to the `other` ones. */
static void judge(const double *other, int32_t others, int count, const double *y, int32_t n,
                  double *score) {
  const mixture m = fit(other, others, count);
  double share[MOST];
  for (int32_t i = 0; i < n; i++) score[i] = log_density(&m, y[i], share);
}

double clf__treat_score(const double *v, int32_t n, bounds_column map, double *score) {
  double y[CLF_TREAT_ROWS], slope[CLF_TREAT_ROWS], now[CLF_TREAT_ROWS], best = -INFINITY;
  const int32_t half = n / 2;
  for (int32_t i = 0; i < n; i++) {
    const bounds_pair p = bounds_forward(map, v[i]);
    y[i] = p.value;
    slope[i] = p.of_log;
  }
  for (int count = 1; count <= MOST; count++) {
    judge(y + half, n - half, count, y, half, now);
    judge(y, half, count, y + half, n - half, now + half);
    for (int32_t i = 0; i < n; i++) now[i] += slope[i];
    const double mean = mean_of(now, n);
    if (count > 1 && !(mean > best)) continue;
    best = mean;
    memcpy(score, now, (size_t)n * sizeof *now);
  }
  return best;
}
