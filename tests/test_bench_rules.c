/* SPDX-License-Identifier: MIT */
/* test_bench_rules.c: what `clflow bench` says about figures from a busy machine, with made-up
 * figures: what is marked, and what a comparison with a baseline accepts. */
#define _GNU_SOURCE
#include "bench.h"
#include "suite.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static clf_device *dev;

/* A row of 1 ms on a quiet device of 100 GFLOP/s and 10 GB/s. */
static const bench_workload plain = {.name = "gemm/w",
                                     .group = BENCH_OP,
                                     .flops = 50e6,
                                     .bytes = 1e6},
                            dense = {
                                .name = "conv/w", .group = BENCH_OP, .flops = 50e6, .dense = 1};
static bench_row row_of(const bench_workload *w, double seconds) {
  return (bench_row){.w = w,
                     .n = 9,
                     .seconds = seconds,
                     .low = 0.99 * seconds,
                     .high = 1.01 * seconds,
                     .least = 0.98 * seconds,
                     .first = seconds,
                     .others = 0,
                     .calibration = 100};
}
static bench_report report_of(bench_row *row) {
  bench_report r = {.devices = 1, .row = row, .rows = 1, .load = {-1, -1}, .others = -1};
  r.device[0] = (bench_device){.asked = "cpu",
                               .dev = dev,
                               .gflops = 100,
                               .gbytes = 10,
                               .before = {100, 10},
                               .after = {90, 9},
                               .lowest = 80};
  return r;
}

/* ---- Marks ------------------------------------------------------------------------------ */

static void disturbed(double others, double calibration, double high, double by) {
  bench_row row = row_of(&plain, 1e-3);
  row.others = others;
  row.calibration = calibration;
  row.high = high * row.low;
  ck_assert_double_eq_tol(bench_disturbance(&row, 100), by, 1e-9);
}

START_TEST(disturbances) {
  disturbed(0, 100, 1, 1);
  disturbed(-1, 0, 1, 1);      /* unknown */
  disturbed(0.04, 96, 1.4, 1); /* chance */
  disturbed(0.5, 100, 1, 2);
  disturbed(0, 25, 1, 4);
  disturbed(0, 100, 3, 3);
  disturbed(0.5, 25, 3, 4);
  disturbed(1, 100, 1, 20);
  disturbed(0, 100, 74, 20);
}
END_TEST

static void is_noted(bench_row row, const char *notes) {
  char text[64];
  const bench_report r = report_of(&row);
  bench_notes(&row, &r.device[0], text, sizeof text);
  ck_assert_str_eq(text, notes);
}

START_TEST(notes) {
  bench_row row = row_of(&plain, 1e-3);
  is_noted(row, "");
  row = row_of(&plain, 50e-6 / 100 / 1.78 * 1e3); /* 178 % of the peak */
  is_noted(row, " above-peak");
  const bench_workload copy = {.name = "copy/w", .group = BENCH_OP, .bytes = 20e6};
  row = row_of(&copy, 1e-3); /* 20 GB/s of 10 */
  is_noted(row, " cache");
  row = row_of(&dense, 50e-6 / 100 / 1.78 * 1e3);
  is_noted(row, " dense");
  row = row_of(&plain, 1e-3);
  row.high = 74 * row.low; /* +-3691 % */
  is_noted(row, " busy");
  row = row_of(&dense, 1e-3);
  row.others = 0.5;
  is_noted(row, " dense busy");
}
END_TEST

START_TEST(quiet_text) {
  bench_row row = row_of(&plain, 1e-3);
  bench_report r = report_of(&row);
  char text[512];
  bench_quiet_text(&r, text, sizeof text);
  ck_assert_str_eq(text,
                   "0 of 1 rows were disturbed; peak of cpu: 100.0 GFLOP/s before, 90.0 after, "
                   "80.0 at least between");
  row.others = r.others = 0.25;
  r.load[0] = 1.5;
  r.load[1] = 2;
  bench_quiet_text(&r, text, sizeof text);
  ck_assert_ptr_eq(strstr(text,
                          "load average 1.50 before, 2.00 after; other programs took 25% of the "
                          "processors; 1 of 1 rows were disturbed"),
                   text);
}
END_TEST

/* Masked weights, and Winograd's convolutions; nothing else. */
START_TEST(dense_equivalents) {
  const bench_workload *const tables[] = {bench_ops, bench_steps, bench_starts};
  for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
    for (const bench_workload *w = tables[i]; w->name; w++) {
      const int masked = strncmp(w->name, "coupling/", 9) == 0 || strstr(w->name, "/nvp-");
      const int winograd = strncmp(w->name, "conv/", 5) == 0 && !strstr(w->name, "-k1");
      ck_assert_msg(w->dense == ((masked || winograd) && w->flops > 0), "%s", w->name);
    }
}
END_TEST

/* ---- Comparing -------------------------------------------------------------------------- */

/* A baseline of 1 ms on a quiet machine, and a row now; the verdict. */
static void judged(bench_row row, double old_calibration, double old_peak, int slower,
                   int excused) {
  char names[256];
  int got;
  bench_report r = report_of(&row);
  json_t *old =
      json_pack("{s:s, s:s, s:f}", "name", "gemm/w", "device", clf_device_name(dev), "ms", 1.0);
  if (old_calibration > 0)
    json_object_set_new(old, "calibration_gflops", json_real(old_calibration));
  json_t *baseline =
      json_pack("{s:s, s:s, s:[o], s:[{s:s, s:f}]}", "date", "then", "version", "0", "rows", old,
                "devices", "name", clf_device_name(dev), "peak_gflops", old_peak);
  ck_assert_ptr_nonnull(baseline);
  ck_assert_int_eq(bench_baseline_compare(baseline, &r, 0.1, names, sizeof names, &got), slower);
  ck_assert_int_eq(got, excused);
  ck_assert_str_eq(names, slower ? "gemm/w (cpu)" : "");
  json_decref(baseline);
}

START_TEST(comparisons) {
  bench_row row = row_of(&plain, 1.05e-3);
  judged(row, 100, 100, 0, 0);
  row = row_of(&plain, 1.2e-3);
  judged(row, 100, 100, 1, 0); /* quiet, and slower */
  judged(row, 0, 100, 1, 0);   /* with a baseline without calibrations */
  row = row_of(&plain, 0.5e-3);
  judged(row, 100, 100, 0, 0);

  /* The same build, 3.6 times slower on a busy machine, for any sign of that. */
  row = row_of(&plain, 3.6e-3);
  judged(row, 100, 100, 1, 0);
  row.others = 0.5;
  judged(row, 100, 100, 0, 1);
  row.others = -1;
  row.calibration = 50;
  judged(row, 100, 100, 0, 1);
  row.calibration = 25; /* explained by a quarter of the speed: steady is 0.9 */
  judged(row, 100, 100, 0, 0);
  row = row_of(&plain, 3.6e-3);
  row.high = 2 * row.low;
  judged(row, 0, 100, 0, 1);
  row = row_of(&plain, 3.6e-3); /* the whole run was slow, starting with its first calibration */
  judged(row, 200, 200, 0, 1);

  row = row_of(&plain, 12e-3); /* slower than that explains */
  row.others = 0.5;
  judged(row, 100, 100, 1, 0);
  row = row_of(&plain, 1.2e-3); /* a baseline from a busy machine neither hides nor blames */
  judged(row, 50, 100, 1, 0);
  row = row_of(&plain, 1.05e-3);
  judged(row, 50, 100, 0, 0);
}
END_TEST

static void open_it(void) { WORKS(clf_open("cpu", &dev)); }
static void close_it(void) { clf_close(dev); }

int main(void) {
  Suite *s = suite_create("bench_rules");
  TCase *c = tcase_create("rules");
  tcase_add_unchecked_fixture(c, open_it, close_it);
  tcase_add_test(c, disturbances);
  tcase_add_test(c, notes);
  tcase_add_test(c, quiet_text);
  tcase_add_test(c, dense_equivalents);
  tcase_add_test(c, comparisons);
  suite_add_tcase(s, c);
  return suite_run(s);
}
