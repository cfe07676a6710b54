/* SPDX-License-Identifier: MIT */
/* test_random.c: random bits, uniform and normal numbers, and orders of rows, on each device. */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "backend.h"
#include "machine.h"
#include "suite.h"

/* Philox4x32-10 of Salmon et al. 2011, implemented independently. */
static void philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
  uint32_t c[4], k[2] = {key[0], key[1]};
  memcpy(c, counter, sizeof c);
  for (int round = 0; round < 10; round++, k[0] += 0x9E3779B9u, k[1] += 0xBB67AE85u) {
    const uint64_t a = 0xD2511F53ull * c[0], b = 0xCD9E8D57ull * c[2];
    const uint32_t next[4] = {(uint32_t)(b >> 32) ^ c[1] ^ k[0], (uint32_t)b,
                              (uint32_t)(a >> 32) ^ c[3] ^ k[1], (uint32_t)a};
    memcpy(c, next, sizeof c);
  }
  memcpy(out, c, sizeof c);
}

static const struct {
  uint32_t counter[4], key[2], out[4];
} published[] = {/* kat_vectors of Random123 */
                 {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
                 {{~0u, ~0u, ~0u, ~0u},
                  {~0u, ~0u},
                  {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
                 {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                  {0xa4093822, 0x299f31d0},
                  {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}};

START_TEST(philox_of_the_test) {
  uint32_t out[4];
  philox(published[_i].counter, published[_i].key, out);
  for (int i = 0; i < 4; i++) ck_assert_uint_eq(out[i], published[_i].out[i]);
}
END_TEST

enum { ROWS = 5, WORDS = 11 };

/* Rows `lo, hi` and following of the stream, compared with the Philox above; returns word 0. */
static uint32_t check_bits(clf_device *d, clf_tensor y, const clf_random_bits_args *p) {
  float got[ROWS * 2 * WORDS];
  uint32_t first = 0;
  clf_random_bits_args args = *p;
  args.y = y;
  WORKS(clf_dispatch(d, CLF_OP_random_bits, &args));
  WORKS(clf_read(d, y, got));
  for (int n = 0; n < ROWS; n++)
    for (int e = 0; e < WORDS; e++) {
      const uint64_t i =
          ((uint64_t)(uint32_t)p->first_hi << 32 | (uint32_t)p->first_lo) + (uint64_t)n;
      uint32_t want[4];
      philox((uint32_t[4]){(uint32_t)e / 4, (uint32_t)i, (uint32_t)(i >> 32), (uint32_t)p->stream},
             (uint32_t[2]){(uint32_t)p->seed_lo, (uint32_t)p->seed_hi}, want);
      const float *half = &got[n * 2 * WORDS + 2 * e];
      const uint32_t word = (uint32_t)half[0] << 16 | (uint32_t)half[1];
      ck_assert_msg(word == want[e % 4], "sample %d, word %d is %08x, not %08x", n, e, word,
                    want[e % 4]);
      if (n + e == 0) first = word;
    }
  return first;
}

START_TEST(random_bits_are_philox) {
  clf_device *d = open_ith(_i);
  if (!d) return;
  clf_arena a;
  clf_tensor y;
  static const clf_random_bits_args at[] = {
      {.seed_lo = 0}, /* the first published vector */
      {.seed_lo = -1, .seed_hi = -1, .stream = -1, .first_lo = -1, .first_hi = -1},
      {.seed_lo = 1},
      {.seed_hi = 1},
      {.stream = 1},
      {.first_lo = 1},
      {.first_hi = 1},
      {.seed_lo = INT32_MIN, .seed_hi = INT32_MAX, .stream = 7, .first_lo = -3, .first_hi = 0},
      {.seed_lo = -559038737, .seed_hi = -2, .stream = 3, .first_lo = -3, .first_hi = 41},
      {.seed_lo = 42, .first_lo = INT32_MAX - 1}};
  WORKS(clf_arena_init(&a, d, 1024));
  WORKS(clf_new(&a, (int32_t[4]){ROWS, 2 * WORDS}, &y));
  for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
    const uint32_t first = check_bits(d, y, &at[i]);
    if (i == 0) ck_assert_uint_eq(first, published[0].out[0]);
  }
  clf_arena_free(&a);
  clf_close(d);
}
END_TEST

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

enum { SAMPLES = 100000, COLUMNS = 5 }; /* an odd row: its last number is half a pair */

static double *draw(clf_device *d, clf_op op) {
  clf_arena a;
  union {
    clf_random_normal_args normal;
    clf_random_uniform_args uniform;
  } args = {.normal = {.seed_lo = 12345, .seed_hi = -6, .stream = 1}};
  double *x = malloc(SAMPLES * sizeof *x);
  ck_assert_ptr_nonnull(x);
  WORKS(clf_arena_init(&a, d, SAMPLES + 16));
  WORKS(clf_new(&a, (int32_t[4]){SAMPLES / COLUMNS, COLUMNS}, &args.normal.y));
  WORKS(clf_dispatch(d, op, &args));
  WORKS(clf_read64(d, args.normal.y, x));
  clf_arena_free(&a);
  return x;
}

/* The largest distance of the samples' distribution from `cdf`; sorts x. */
static double kolmogorov_smirnov(double *x, double (*cdf)(double)) {
  double most = 0;
  qsort(x, SAMPLES, sizeof *x, by_value);
  for (int i = 0; i < SAMPLES; i++) {
    const double f = cdf(x[i]);
    most = fmax(most, fmax(fabs(f - (double)i / SAMPLES), fabs(f - (i + 1.0) / SAMPLES)));
  }
  return most;
}
static double normal_cdf(double x) { return 0.5 * erfc(-x / sqrt(2)); }
static double uniform_cdf(double x) { return x < 0 ? 0 : x > 1 ? 1 : x; }

/* Bounds are four standard errors; for the Kolmogorov-Smirnov test the 1 % point, 1.63 / sqrt N. */
START_TEST(normals_are_normal) {
  clf_device *d = open_ith(_i);
  if (!d) return;
  double *x = draw(d, CLF_OP_random_normal), mean = 0, m2 = 0, m4 = 0, pairs = 0;
  for (int i = 0; i < SAMPLES; i++) mean += x[i] / SAMPLES;
  for (int i = 0; i < SAMPLES; i++) {
    const double u = (x[i] - mean) * (x[i] - mean);
    m2 += u / SAMPLES;
    m4 += u * u / SAMPLES;
    if (i) pairs += x[i] * x[i - 1] / SAMPLES; /* neighbours share words and rows */
  }
  const double error = 4 / sqrt(SAMPLES);
  ck_assert_double_le(fabs(mean), error);
  ck_assert_double_le(fabs(m2 - 1), error * sqrt(2));
  ck_assert_double_le(fabs(m4 / (m2 * m2) - 3), error * sqrt(24));
  ck_assert_double_le(fabs(pairs), error);
  for (int t = 2; t <= 4; t++) { /* tails: the expected number, within four errors */
    double beyond = 0;
    const double p = erfc(t / sqrt(2));
    for (int i = 0; i < SAMPLES; i++) beyond += fabs(x[i]) > t;
    ck_assert_double_le(fabs(beyond - SAMPLES * p), 4 * sqrt(SAMPLES * p));
  }
  ck_assert_double_le(kolmogorov_smirnov(x, normal_cdf), 1.63 / sqrt(SAMPLES));
  free(x);
  x = draw(d, CLF_OP_random_uniform);
  ck_assert_double_le(kolmogorov_smirnov(x, uniform_cdf), 1.63 / sqrt(SAMPLES));
  ck_assert_double_ge(x[0], 0);
  ck_assert_double_lt(x[SAMPLES - 1], 1);
  free(x);
  clf_close(d);
}
END_TEST

/* Rows drawn a few at a time, alternately into every other element of a wider tensor, have the
 * same bits; row 100 is sample 2^33. */
START_TEST(numbers_in_pieces) {
  enum { ALL = 530, WIDEST = 13 };
  static float all[ALL * WIDEST], part[ALL * WIDEST];
  clf_device *d = open_ith(_i);
  if (!d) return;
  for (int D = 1; D <= WIDEST; D++) {
    clf_arena a;
    clf_tensor whole, y;
    WORKS(clf_arena_init(&a, d, 3 * ALL * WIDEST + 64));
    WORKS(clf_new(&a, (int32_t[4]){ALL, D}, &whole));
    WORKS(clf_do(d, random_normal, .y = whole, .seed_lo = 5, .first_lo = -100, .first_hi = 1));
    WORKS(clf_read(d, whole, all));
    WORKS(clf_new(&a, (int32_t[4]){ALL, 2 * D}, &y));
    for (int n = 0, k = 1; n < ALL; n += k, k = 2 * k + 1) {
      const int rows = n + k < ALL ? k : ALL - n, first = n - 100;
      clf_tensor to = clf_slice(clf_slice(y, 0, 0, rows), 1, 0, D);
      to.stride[1] = 1 + k % 3 / 2; /* contiguous or not */
      WORKS(clf_do(d, random_normal, .y = to, .seed_lo = 5, .first_lo = first,
                   .first_hi = first < 0 ? 1 : 2));
      WORKS(clf_read(d, to, part + n * D));
    }
    ck_assert_mem_eq(all, part, sizeof *all * (size_t)(ALL * D));
    clf_arena_free(&a);
  }
  clf_close(d);
}
END_TEST

typedef struct shuffling {
  clf_device *d;
  clf_arena a;
  clf_tensor x, y; /* row numbers; shuffled */
} shuffling;

static shuffling start_shuffling(clf_device *d, int n) {
  shuffling s = {.d = d};
  float *v = malloc((size_t)n * sizeof *v);
  for (int i = 0; i < n; i++) v[i] = (float)i;
  WORKS(clf_arena_init(&s.a, d, 2 * (size_t)n + 32));
  WORKS(clf_new(&s.a, (int32_t[4]){n}, &s.x));
  WORKS(clf_new(&s.a, (int32_t[4]){n}, &s.y));
  WORKS(clf_write(d, s.x, v));
  free(v);
  return s;
}

/* The order of all rows, in batches. */
static void order(const shuffling *s, uint64_t seed, int epoch, int batch, float *out) {
  const int n = s->x.dim[0];
  for (int at = 0; at < n; at += batch) {
    const clf_tensor y = clf_slice(s->y, 0, 0, n - at < batch ? n - at : batch);
    WORKS(clf_do(s->d, shuffle_rows, .x = s->x, .y = y, .seed_lo = (int)(uint32_t)seed,
                 .seed_hi = (int)(uint32_t)(seed >> 32), .epoch = epoch, .first = at));
    WORKS(clf_read(s->d, y, out + at));
  }
}

static int equal(const float *a, const float *b, int n) {
  return memcmp(a, b, (size_t)n * sizeof *a) == 0;
}

static void check_shuffling(clf_device *d, int n) {
  shuffling s = start_shuffling(d, n);
  float *a = malloc(2 * (size_t)n * sizeof *a), *b = a + n;
  char *seen = calloc((size_t)n, 1);
  order(&s, 7, 0, n, a);
  for (int i = 0; i < n; i++) {
    const int at = (int)a[i];
    ck_assert_msg(at >= 0 && at < n && !seen[at], "%d rows: row %d is %g", n, i, (double)a[i]);
    seen[at] = 1;
  }
  order(&s, 7, 0, 7, b);
  ck_assert_msg(equal(a, b, n), "%d rows: batches of an epoch are not parts of one order", n);
  order(&s, 7, 1, n, b);
  if (n >= 16) ck_assert_msg(!equal(a, b, n), "%d rows: epochs 0 and 1 have the same order", n);
  order(&s, 8, 0, n, b);
  if (n >= 16) ck_assert_msg(!equal(a, b, n), "%d rows: seeds 7 and 8 give the same order", n);
  order(&s, 7 | 1ull << 40, 0, n, b);
  if (n >= 16) ck_assert_msg(!equal(a, b, n), "%d rows: the upper half of a seed is lost", n);
  free(seen);
  free(a);
  clf_arena_free(&s.a);
}

START_TEST(shuffles_are_permutations) {
  static const int rows[] = {1, 2, 3, 4, 5, 16, 17, 1000, 4097};
  clf_device *d = open_ith(_i);
  if (!d) return;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) check_shuffling(d, rows[i]);
  clf_close(d);
}
END_TEST

/* Each of the 6 orders of 3 rows occurs, about equally often. */
START_TEST(shuffles_reach_every_order) {
  clf_device *d = opened("cpu/baseline");
  shuffling s = start_shuffling(d, 3);
  int count[27] = {0}, orders = 0;
  float o[3];
  for (int epoch = 0; epoch < 600; epoch++) {
    order(&s, 1, epoch, 3, o);
    count[(int)o[0] + 3 * (int)o[1] + 9 * (int)o[2]]++;
  }
  for (int i = 0; i < 27; i++) {
    orders += count[i] > 0;
    if (count[i]) ck_assert_int_ge(count[i], 60); /* of 100; the deviation is 9 */
  }
  ck_assert_int_eq(orders, 6);
  clf_arena_free(&s.a);
  clf_close(d);
}
END_TEST

static TCase *tests(void) {
  TCase *tc = tcase_create("numbers");
  tcase_set_timeout(tc, 300); /* a first build on a slow device takes its time */
  tcase_add_unchecked_fixture(tc, list_devices, free_list);
  tcase_add_loop_test(tc, philox_of_the_test, 0, 3);
  tcase_add_loop_test(tc, random_bits_are_philox, 0, EVERYWHERE);
  tcase_add_loop_test(tc, numbers_in_pieces, 0, EVERYWHERE);
  tcase_add_loop_test(tc, normals_are_normal, 0, EVERYWHERE);
  tcase_add_loop_test(tc, shuffles_are_permutations, 0, EVERYWHERE);
  tcase_add_test(tc, shuffles_reach_every_order);
  return tc;
}

int main(void) {
  Suite *suite = suite_create("random");
  suite_add_tcase(suite, tests());
  return suite_run(suite);
}
