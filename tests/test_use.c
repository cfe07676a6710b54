/* SPDX-License-Identifier: MIT */
/* test_use.c: densities, latents, samples and scores of host arrays longer than a chunk, on cpu:
 * which row an error names, which random numbers a sample uses, and the arithmetic on the host. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "backend.h"
#include "clflow/clflow.h"
#include "flow_private.h"
#include "suite.h"

enum { DIM = 2 };
static clf_device *dev;
static clf_flow *flow, *interval; /* nvp on two columns; piecewise without tails on one */
static int64_t chunk;             /* rows that are processed at a time */

static void open_all(void) {
  clf_flow_spec spec = clf_flow_spec_default(CLF_NVP, DIM), line;
  WORKS(clf_open("cpu", &dev));
  spec.hidden = 5;
  spec.depth = 3;
  WORKS(clf_flow_create(dev, &spec, &flow));
  line = clf_flow_spec_default(CLF_PIECEWISE, 1);
  line.xmin = -3;
  line.xmax = 3;
  WORKS(clf_flow_create(dev, &line, &interval));
  chunk = clf__flow_chunk(flow);
  ck_assert_int_ge(chunk, 256);
  ck_assert_int_le(clf__flow_chunk(interval), chunk); /* two chunks of one are two of both */
}

static void close_all(void) {
  clf_flow_free(flow);
  clf_flow_free(interval);
  clf_close(dev);
}

/* Numbers between -1 and 1 without a pattern. */
static double *numbers(int64_t n) {
  double *x = malloc((size_t)n * sizeof *x);
  uint64_t seed = 88172645463325252ull;
  ck_assert_ptr_nonnull(x);
  for (int64_t i = 0; i < n; i++) {
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    x[i] = (double)(seed >> 40) / (1 << 23) - 1;
  }
  return x;
}

/* ---- The row named by an error --------------------------------------------------------------- */

typedef clf_status (*use)(const double *in, int64_t n, double *out);

static clf_status log_prob(const double *in, int64_t n, double *out) {
  return clf_log_prob(flow, in, n, out);
}
static clf_status transform(const double *in, int64_t n, double *out) {
  return clf_transform(flow, in, n, out, NULL);
}
static clf_status invert(const double *in, int64_t n, double *out) {
  return clf_invert(flow, in, n, out, NULL);
}
static clf_status log_det(const double *in, int64_t n, double *out) {
  double *logdet = malloc((size_t)n * sizeof *logdet);
  ck_assert_ptr_nonnull(logdet);
  const clf_status s = clf_transform(interval, in, n, out, logdet);
  free(logdet);
  return s;
}

static const struct {
  const char *name;
  use fn;
  int32_t dim;
  double bad; /* what is refused */
} uses[] = {
    {"log_prob, NaN", log_prob, DIM, NAN},
    {"log_prob, infinite", log_prob, DIM, INFINITY},
    {"transform, NaN", transform, DIM, NAN},
    {"transform, so far out that the flow overflows", transform, DIM, 1e300},
    {"invert, NaN", invert, DIM, NAN},
    {"invert, so far out that the inverse overflows", invert, DIM, 1e300},
    {"transform, outside of the interval", log_det, 1, 99},
};
enum { USES = sizeof uses / sizeof *uses };

/* The last number of row `at` is invalid: returns the row that the message names. */
static int64_t named(int i, double *x, int64_t n, int64_t at, double *out) {
  const int64_t place = at * uses[i].dim + uses[i].dim - 1;
  const double was = x[place];
  x[place] = uses[i].bad;
  ck_assert_msg(uses[i].fn(x, n, out) == CLF_ENUM, "%s: row %lld is not refused", uses[i].name,
                (long long)at);
  x[place] = was;
  const char *row = strstr(clf_errmsg(), "row ");
  ck_assert_msg(row != NULL, "%s: no row in \"%s\"", uses[i].name, clf_errmsg());
  return strtoll(row + strlen("row "), NULL, 10) - 1;
}

/* Rows count from 1, over all chunks: tests the first and last one of each chunk. */
START_TEST(refusals_name_the_row) {
  const int64_t n = 2 * chunk + 7;
  const int64_t rows[] = {0, 5, chunk - 1, chunk, chunk + 3, 2 * chunk - 1, 2 * chunk, n - 1};
  double *x = numbers(n * DIM), *out = malloc((size_t)(n * DIM) * sizeof *out);
  ck_assert_ptr_nonnull(out);
  ck_assert_msg(!uses[_i].fn(x, n, out), "%s: %s", uses[_i].name, clf_errmsg());
  for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
    const int64_t row = named(_i, x, n, rows[k], out);
    ck_assert_msg(row == rows[k], "%s: row %lld is called %lld", uses[_i].name, (long long)rows[k],
                  (long long)row);
  }
  free(x);
  free(out);
}
END_TEST

/* Of two invalid rows, the one in the earlier chunk is named. */
START_TEST(the_first_row_is_named) {
  const int64_t n = chunk + 20;
  double *x = numbers(n * DIM), *out = malloc((size_t)(n * DIM) * sizeof *out);
  ck_assert_ptr_nonnull(out);
  x[(chunk + 2) * uses[_i].dim] = NAN;
  ck_assert_int_eq(named(_i, x, n, 9, out), 9);
  free(x);
  free(out);
}
END_TEST

/* ---- Random numbers ----------------------------------------------------------------------------
 */

/* The random numbers of sample `first` and following ones of a stream, from the operation
 * itself. */
static void normals(uint64_t seed, uint64_t first, int32_t n, double *z) {
  clf_arena arena;
  clf_tensor y;
  WORKS(clf_arena_init(&arena, dev, (size_t)n * DIM + 64));
  WORKS(clf_new(&arena, (int32_t[4]){n, DIM}, &y));
  WORKS(clf_do(dev, random_normal, .y = y, .seed_lo = (int)(uint32_t)seed,
               .seed_hi = (int)(uint32_t)(seed >> 32), .first_lo = (int)(uint32_t)first,
               .first_hi = (int)(uint32_t)(first >> 32)));
  WORKS(clf_read64(dev, y, z));
  clf_arena_free(&arena);
}

static const struct {
  uint64_t seed;
  int64_t first;
} streams[] = {{1, 0},
               {UINT64_C(1) << 32, 0},            /* all in the upper half */
               {(UINT64_C(1) << 32) + 1, 0},      /* the lower half is the first one's */
               {UINT64_C(0xfedcba9876543210), 0}, /* all bits count */
               {1, 12345},                        /* from the middle */
               {1, INT64_C(1) << 32},             /* beyond 32 bits */
               {1, (INT64_C(1) << 32) - 5},       /* across them */
               {7, (INT64_C(1) << 40) + 3}};
enum { STREAMS = sizeof streams / sizeof *streams };

/* Latents are the normals of (seed, index of the sample), in every chunk, and samples are their
 * inverse. */
START_TEST(samples_are_the_streams) {
  const int64_t n = chunk + 9, size = n * DIM;
  double *want = malloc(4 * (size_t)size * sizeof *want);
  ck_assert_ptr_nonnull(want);
  double *z = want + size, *x = z + size, *inverse = x + size;
  normals(streams[_i].seed, (uint64_t)streams[_i].first, (int32_t)n, want);
  WORKS(clf_sample_latents(flow, streams[_i].seed, streams[_i].first, n, 1, z));
  ck_assert_mem_eq(z, want, (size_t)size * sizeof *z);
  WORKS(clf_sample(flow, streams[_i].seed, streams[_i].first, n, x));
  WORKS(clf_invert(flow, want, n, inverse, NULL));
  ck_assert_mem_eq(x, inverse, (size_t)size * sizeof *x);
  free(want);
}
END_TEST

START_TEST(streams_differ) {
  double first[2 * DIM], other[2 * DIM];
  WORKS(clf_sample(flow, streams[0].seed, streams[0].first, 2, first));
  for (int i = 1; i < STREAMS; i++) {
    WORKS(clf_sample(flow, streams[i].seed, streams[i].first, 2, other));
    ck_assert_msg(memcmp(first, other, sizeof first) != 0, "stream %d is the first one", i);
  }
}
END_TEST

/* Below 1, 1 and above: latents are multiplied by it, all of them. */
START_TEST(temperatures) {
  static const double temperature[] = {0, 0.25, 1, 1.5, 3, 1000};
  const int64_t n = chunk + 3, size = n * DIM;
  double *z = malloc(2 * (size_t)size * sizeof *z), *one = z + size;
  ck_assert_ptr_nonnull(z);
  WORKS(clf_sample_latents(flow, 3, 5, n, 1, one));
  for (size_t k = 0; k < sizeof temperature / sizeof *temperature; k++) {
    WORKS(clf_sample_latents(flow, 3, 5, n, temperature[k], z));
    for (int64_t i = 0; i < size; i++)
      ck_assert_msg(z[i] == temperature[k] * one[i], "temperature %g, number %lld: %g, not %g",
                    temperature[k], (long long)i, z[i], temperature[k] * one[i]);
  }
  REFUSED(clf_sample_latents(flow, 3, 5, n, -1, z), CLF_EINVAL,
          "the temperature is -1; it must be 0 or above");
  REFUSED(clf_sample_latents(flow, 3, 5, n, INFINITY, z), CLF_EINVAL,
          "the temperature is inf; it must be 0 or above");
  free(z);
}
END_TEST

/* ---- Scores -------------------------------------------------------------------------------------
 */

static void is_near(const char *what, int64_t n, double got, double want) {
  ck_assert_msg(fabs(got - want) <= 1e-12 * (1 + fabs(want)), "%s of %lld rows: %.17g, not %.17g",
                what, (long long)n, got, want);
}

/* The standard error is sqrt(sum (log p - mean)^2 / (n - 1) / n); n and n - 1 differ most for
 * small n. */
START_TEST(scores) {
  static const int64_t counts[] = {1, 2, 3, 10, 1000};
  double *x = numbers(1000 * DIM), *logp = malloc(1000 * sizeof *logp);
  ck_assert_ptr_nonnull(logp);
  for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
    const int64_t n = counts[k];
    clf_score score;
    double mean = 0, square = 0;
    WORKS(clf_log_prob(flow, x, n, logp));
    WORKS(clf_evaluate(flow, x, n, &score));
    for (int64_t i = 0; i < n; i++) mean += logp[i] / (double)n;
    for (int64_t i = 0; i < n; i++) square += pow(logp[i] - mean, 2);
    ck_assert_int_eq(score.count, n);
    is_near("mean", n, score.mean, mean);
    is_near("bits per dimension", n, score.bits_per_dim, -mean / (DIM * log(2)));
    is_near("standard error", n, score.std_error,
            n == 1 ? 0 : sqrt(square / (double)(n - 1) / (double)n));
  }
  free(x);
  free(logp);
}
END_TEST

/* ---- Blends ---------------------------------------------------------------------------------- */

/* The density of a blend is the mean of its parts': for even and odd numbers of columns, of which
 * couplings transform halves of other sizes. */
START_TEST(blends) {
  enum { ROWS = 7 };
  static const clf_kind kinds[] = {CLF_NVP, CLF_NICE};
  const int32_t dim = 2 + _i % 4;
  clf_flow_spec spec = clf_flow_spec_default(kinds[_i / 4], dim);
  clf_flow *parts[2], *blend, *loaded;
  double *x = numbers(ROWS * dim), logp[4][ROWS];
  void *file;
  size_t size;
  spec.hidden = 5;
  spec.depth = 3;
  for (int i = 0; i < 2; i++) {
    spec.seed = (uint64_t)(i + 1);
    WORKS(clf_flow_create(dev, &spec, &parts[i]));
    WORKS(clf_log_prob(parts[i], x, ROWS, logp[i]));
  }
  WORKS(clf_flow_blend(parts, NULL, 2, &blend));
  WORKS(clf_flow_save_memory(blend, &file, &size));
  WORKS(clf_flow_load_memory(dev, file, size, NULL, &loaded));
  WORKS(clf_log_prob(blend, x, ROWS, logp[2]));
  WORKS(clf_log_prob(loaded, x, ROWS, logp[3]));
  for (int r = 0; r < ROWS; r++) {
    ck_assert_double_eq_tol(logp[2][r], log((exp(logp[0][r]) + exp(logp[1][r])) / 2), 1e-5);
    ck_assert_double_eq(logp[2][r], logp[3][r]);
  }
  clf_flow_free(loaded);
  clf_flow_free(blend);
  for (int i = 0; i < 2; i++) clf_flow_free(parts[i]);
  free(file);
  free(x);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("use");
  TCase *c = tcase_create("use");
  tcase_set_timeout(c, 60);
  tcase_add_unchecked_fixture(c, open_all, close_all);
  tcase_add_loop_test(c, refusals_name_the_row, 0, USES);
  tcase_add_loop_test(c, the_first_row_is_named, 0, USES);
  tcase_add_loop_test(c, samples_are_the_streams, 0, STREAMS);
  tcase_add_test(c, streams_differ);
  tcase_add_test(c, temperatures);
  tcase_add_test(c, scores);
  tcase_add_loop_test(c, blends, 0, 8);
  suite_add_tcase(suite, c);
  return suite_run(suite);
}
