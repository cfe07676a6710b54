/* SPDX-License-Identifier: MIT */
/* judge.c: comparison of the log-densities of two models, ranks, and the test of whether two
 * sets of numbers have the same distribution. */
#include <math.h>
#include <stdlib.h>
#include "density.h"
#include "given.h"
#include "kolmogorov.h"
#include "status.h"

/* ---- Two models ------------------------------------------------------------------------------ */

/* Counts the row; returns whether both densities are above zero. */
static int count_row(clf_comparison *c, double first, double second) {
  if (isnan(first) || isnan(second)) {
    c->missing++;
    return 0;
  }
  const int zero[] = {!isfinite(first), !isfinite(second)};
  c->rows++;
  c->zero_both += zero[0] && zero[1];
  c->zero_first += zero[0] && !zero[1];
  c->zero_second += zero[1] && !zero[0];
  c->first += zero[0] ? 0 : zero[1] || first > second;
  c->second += zero[1] ? 0 : zero[0] || second > first;
  return !zero[0] && !zero[1];
}

static clf_winner winner_of(const clf_comparison *c) {
  if (c->zero_first && c->zero_second) return CLF_UNDECIDED;
  if (c->zero_first) return CLF_SECOND_BETTER;
  if (c->zero_second) return CLF_FIRST_BETTER;
  if (c->paired < 2) return CLF_UNDECIDED;
  if (fabs(c->mean) <= 2 * c->std_error) return CLF_NO_DIFFERENCE;
  return c->mean > 0 ? CLF_FIRST_BETTER : CLF_SECOND_BETTER;
}

/* Mean and standard error in two passes, because differences may be small compared with their
 * mean. */
clf_comparison clf_compare(const double *first, const double *second, int64_t n) {
  clf_comparison c = {.mean = NAN, .std_error = NAN};
  double sum = 0, square = 0;
  for (int64_t i = 0; first && second && i < n; i++) {
    if (!count_row(&c, first[i], second[i])) continue;
    sum += first[i] - second[i];
    c.paired++;
  }
  c.equal = c.rows - c.first - c.second;
  if (c.paired) c.mean = sum / (double)c.paired;
  for (int64_t i = 0; c.paired > 1 && i < n; i++) {
    if (!isfinite(first[i]) || !isfinite(second[i])) continue;
    const double d = first[i] - second[i] - c.mean;
    square += d * d;
  }
  if (c.paired > 1) c.std_error = sqrt(square / (double)(c.paired - 1) / (double)c.paired);
  c.winner = winner_of(&c);
  return c;
}

/* ---- Places ---------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The numbers that are not NaN, sorted, for the caller to free; NULL if memory runs out. */
static double *sorted(const double *from, int64_t n, int64_t *count) {
  double *at = malloc((size_t)(n ? n : 1) * sizeof *at);
  *count = 0;
  for (int64_t i = 0; at && i < n; i++)
    if (!isnan(from[i])) at[(*count)++] = from[i];
  if (at) qsort(at, (size_t)*count, sizeof *at, by_value);
  return at;
}

/* The number of n sorted numbers that are below x or, with `equal`, at most x. */
static int64_t count_below(const double *at, int64_t n, double x, int equal) {
  int64_t low = 0;
  while (low < n) {
    const int64_t middle = low + (n - low) / 2;
    if (at[middle] < x || (equal && at[middle] == x))
      low = middle + 1;
    else
      n = middle;
  }
  return low;
}

static clf_status no_memory(int64_t n) {
  return clf__fail(CLF_ENOMEM, "no memory to sort %lld numbers", (long long)n);
}

static clf_status check_count(int64_t n) {
  if (n < 0) return clf__fail(CLF_EINVAL, "there cannot be %lld numbers", (long long)n);
  return clf__rows_fit(n, 1, sizeof(double));
}

clf_status clf_percentiles(const double *values, int64_t n, const double *others, int64_t m,
                           double *percent) {
  CLF_GIVEN("values, others, percent", values, others, percent);
  CLF_TRY(check_count(n));
  CLF_TRY(check_count(m));
  int64_t count;
  double *const at = sorted(others, m, &count);
  if (!at) return no_memory(m);
  for (int64_t i = 0; i < n; i++) {
    const double x = values[i];
    const int64_t below = count_below(at, count, x, 0), up_to = count_below(at, count, x, 1);
    percent[i] = isnan(x) || !count ? NAN : 50 * (double)(below + up_to) / (double)count;
  }
  free(at);
  return CLF_OK;
}

clf_status clf_ranks(const double *values, int64_t n, int64_t *rank) {
  CLF_GIVEN("values, rank", values, rank);
  CLF_TRY(check_count(n));
  int64_t count;
  double *const at = sorted(values, n, &count);
  if (!at) return no_memory(n);
  for (int64_t i = 0; i < n; i++)
    rank[i] = isnan(values[i]) ? 0 : 1 + count_below(at, count, values[i], 0);
  free(at);
  return CLF_OK;
}

/* ---- The Kolmogorov-Smirnov test ------------------------------------------------------------- */

/* For two sorted sets; equal numbers are passed together in both. */
static double largest_distance(const double *a, int64_t n, const double *b, int64_t m) {
  double maximum = 0;
  for (int64_t i = 0, j = 0; i < n && j < m;) {
    const double x = a[i] < b[j] ? a[i] : b[j];
    while (i < n && a[i] == x) i++;
    while (j < m && b[j] == x) j++;
    maximum = fmax(maximum, fabs((double)i / (double)n - (double)j / (double)m));
  }
  return maximum;
}

clf_status clf_deviation_of(const double *a, int64_t n, const double *b, int64_t m,
                            clf_deviation *out) {
  CLF_GIVEN("a, b, deviation", a, b, out);
  CLF_TRY(check_count(n));
  CLF_TRY(check_count(m));
  clf_deviation d = {0};
  double *const x = sorted(a, n, &d.n), *const y = sorted(b, m, &d.m);
  clf_status s = x && y ? CLF_OK : no_memory(n > m ? n : m);
  if (!s && (!d.n || !d.m))
    s = clf__fail(CLF_EINVAL, "the %s set has no numbers to compare", d.n ? "second" : "first");
  if (!s) {
    d.distance = largest_distance(x, d.n, y, d.m);
    d.p_value = clf__ks_probability(d.distance, (double)d.n / (double)(d.n + d.m) * (double)d.m);
    *out = d;
  }
  free(x);
  free(y);
  return s;
}

clf_status clf__deviation_of_uniform(const double *u, int64_t n, clf_deviation *out) {
  clf_deviation d = {0};
  double *const x = sorted(u, n, &d.n);
  if (!x) return no_memory(n);
  for (int64_t i = 0; i < d.n; i++) {
    const double below = x[i] - (double)i / (double)d.n,
                 above = (double)(i + 1) / (double)d.n - x[i];
    d.distance = fmax(d.distance, fmax(below, above));
  }
  free(x);
  d.p_value = clf__ks_probability(d.distance, (double)d.n);
  *out = d;
  return CLF_OK;
}

/* ---- Verdict ---------------------------------------------------------------- */

/* Distances from here on are obvious in a plot. */
static const double clear = 0.1;

clf_fit_verdict clf_calibration_verdict(const clf_deviation *logp, const clf_deviation *columns,
                                        int32_t dim, int32_t *worst) {
  const clf_deviation *maximum = logp;
  int32_t at = -1;
  if (!logp) return CLF_FITS;
  for (int32_t d = 0; columns && d < dim; d++) {
    const int below = columns[d].p_value < maximum->p_value,
              same = columns[d].p_value == maximum->p_value;
    if (!below && !(same && columns[d].distance > maximum->distance)) continue;
    maximum = &columns[d];
    at = d;
  }
  if (worst) *worst = at;
  if (maximum->p_value * (dim + 1) >= 0.01) return CLF_FITS;
  return maximum->distance < clear ? CLF_FITS_NEARLY : CLF_FITS_BADLY;
}
