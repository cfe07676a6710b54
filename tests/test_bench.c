/* SPDX-License-Identifier: MIT */
/* test_bench.c: `clflow bench`: its output, comparisons and messages. */
#include "program.h"
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifndef _WIN32
#include <utime.h>
#endif

static json_t *report(const char *path) {
  json_error_t error;
  json_t *json = json_load_file(path, 0, &error);
  ck_assert_msg(json != NULL, "%s: line %d: %s", path, error.line, error.text);
  return json;
}

static double number(const json_t *row, const char *key) {
  const json_t *value = json_object_get(row, key);
  ck_assert_msg(json_is_number(value), "%s has no number %s",
                json_string_value(json_object_get(row, "name")), key);
  return json_number_value(value);
}

static void near(double got, double want) {
  ck_assert_msg(fabs(got - want) <= 1e-4 * fabs(want), "%g is not near %g", got, want);
}

static int count(const char *text, const char *what) {
  int n = 0;
  for (; (text = strstr(text, what)) != NULL; text++) n++;
  return n;
}

/* ---- Files ------------------------------------------------------------------------------- */

/* The best of the measurements before, between and after. */
static void check_device(const json_t *d) {
  const json_t *around = json_object_get(d, "peak_gflops_around");
  for (size_t i = 0; i < 2; i++) {
    const double at = json_number_value(json_array_get(around, i));
    ck_assert_double_le(at, number(d, "peak_gflops"));
    ck_assert_double_ge(at, number(d, "lowest_gflops"));
  }
  ck_assert_double_gt(number(d, "peak_gflops"), 0.1);
  ck_assert_double_gt(number(d, "peak_gbs"), 0.1);
}

static void check_row(const json_t *row, const json_t *devices) {
  const json_t *of = NULL;
  size_t i;
  json_t *d;
  ck_assert_ptr_null(json_object_get(row, "error"));
  json_array_foreach((json_t *)(size_t)devices, i, d) {
    if (json_equal(json_object_get(d, "name"), json_object_get(row, "device"))) of = d;
  }
  ck_assert_ptr_nonnull(of);
  const double ms = number(row, "ms");
  ck_assert(0 < number(row, "ms_min") && number(row, "ms_min") <= number(row, "ms_q1"));
  ck_assert(number(row, "ms_q1") <= ms && ms <= number(row, "ms_q3"));
  ck_assert(number(row, "n") >= 3 && number(row, "first_ms") > 0);
  near(number(row, "spread"), (number(row, "ms_q3") - number(row, "ms_q1")) / ms);
  if (!json_is_null(json_object_get(row, "flops"))) {
    near(number(row, "gflops"), number(row, "flops") / ms * 1e-6);
    near(number(row, "peak_percent"), 100 * number(row, "gflops") / number(of, "peak_gflops"));
  }
  const json_t *others = json_object_get(row, "others");
  ck_assert(json_is_null(others) ||
            (json_number_value(others) >= 0 && json_number_value(others) <= 1));
  ck_assert_double_gt(number(row, "calibration_gflops"), 0);
  ck_assert_double_le(number(row, "calibration_gflops"), 1.000001 * number(of, "peak_gflops"));
  ck_assert(json_is_boolean(json_object_get(row, "busy")));
  const char *name = json_string_value(json_object_get(row, "name"));
  const int dense = strstr(name, "/nvp-") != NULL || strstr(name, "coupling/") != NULL;
  if (!json_is_null(json_object_get(row, "flops")))
    ck_assert_int_eq(json_is_true(json_object_get(row, "dense_equivalent")), dense);
  if (!json_is_null(json_object_get(row, "bytes"))) {
    near(number(row, "gbs"), number(row, "bytes") / ms * 1e-6);
    near(number(row, "bandwidth_percent"), 100 * number(row, "gbs") / number(of, "peak_gbs"));
  }
}

START_TEST(four_outputs) {
  succeeds("bench --quick --device cpu --device cpu64 --csv b.csv --json b.json --html b.html",
           "dense equivalents: they count work that kernels leave out");
  json_t *json = report("b.json"), *row;
  const json_t *devices = json_object_get(json, "devices"), *rows = json_object_get(json, "rows");
  ck_assert_uint_eq(json_array_size(devices), 2);
  ck_assert_uint_ge(json_array_size(rows), 2 * 6);
  size_t i;
  json_array_foreach((json_t *)(size_t)devices, i, row) check_device(row);
  json_array_foreach((json_t *)(size_t)rows, i, row) check_row(row, devices);

  /* gemm/256x256x256: 2 M N K flops, three matrices of 256 KiB */
  row = json_array_get(rows, 0);
  ck_assert_str_eq(json_string_value(json_object_get(row, "name")), "gemm/256x256x256");
  near(number(row, "flops"), 2.0 * 256 * 256 * 256);
  near(number(row, "bytes"), 3.0 * 262144);
  ck_assert_double_ge(number(row, "device_bytes"), 3.0 * 262144);
  ck_assert_double_gt(number(row, "rss_bytes"), number(row, "device_bytes"));

  char *csv = read_file("b.csv", NULL), *html = read_file("b.html", NULL);
  ck_assert_int_eq(count(csv, "\n"), 1 + (int)json_array_size(rows));
  ck_assert_int_eq(count(html, "://"), 0);
  ck_assert_int_ge(count(html, "<figure class=\"chart\">"), 8);
  ck_assert_int_eq(count(html, "<svg "), count(html, "<figure class=\"chart\">"));
  ck_assert_int_eq(count(html, "</svg>"), count(html, "<svg "));
  ck_assert_int_eq(count(html, "nan"), 0);
  ck_assert_int_eq(count(html, "How quiet the machine was: "), 1);
  ck_assert_int_eq(count(html, "* dense equivalent: "), 1);
  ck_assert_int_ge(count(csv, ",dense"), 2 * 5);
  ck_assert_int_eq(count(html, "<tr><td>"), (int)json_array_size(rows));
  free(csv);
  free(html);
  json_decref(json);
}
END_TEST

/* ---- Comparison ---------------------------------------------------------------------------- */

#define ONE "bench --quick --device cpu --time 0.05 --flows step/nvp-2-2-4-b100 "

/* The same report with scaled times, and a workload that is not run. */
static void write_baseline(const char *path, double factor) {
  json_t *json = report("one.json"), *rows = json_object_get(json, "rows"),
         *row = json_array_get(rows, 0), *other = json_deep_copy(row);
  json_object_set_new(row, "ms", json_real(factor * number(row, "ms")));
  json_object_set_new(other, "name", json_string("gemm/9x9x9"));
  json_array_append_new(rows, other);
  ck_assert_int_eq(json_dump_file(json, path, 0), 0);
  json_decref(json);
}

static void ends(const char *command, int code, const char *out, const char *err) {
  result r = run(command);
  expect_code(command, &r, code);
  expect_text(command, "stdout", r.out, out);
  expect_text(command, "stderr", r.err, err);
  release(r);
}

START_TEST(baselines) {
  succeeds(ONE "--json one.json", "step/nvp-2-2-4-b100");
  write_baseline("slow.json", 1000);
  write_baseline("fast.json", 1e-3);
  ends(ONE "--baseline slow.json", 0, "faster", "");
  ends(ONE "--baseline slow.json", 0, "only in the baseline", "");
  ends(ONE "--baseline fast.json --margin 20%", 1, "slower",
       "1 of 1 rows are slower than in fast.json by more than 20%: step/nvp-2-2-4-b100 (cpu)");
  ends("bench --quick --device cpu64 --time 0.05 --flows step/nvp-2-2-4-b100 --baseline slow.json",
       0, "not in the baseline", "");
}
END_TEST

/* Head and foot say how reliable the figures are. */
START_TEST(quiet_or_not) {
  ends(ONE, 0, "rows were disturbed", "");
  ends(ONE, 0, "; peak of cpu: ", "");
}
END_TEST

START_TEST(selections) {
  ends("bench --list --ops gemm/512x512x512 --steps step/*", 0, "gemm/512x512x512", "");
  ends("bench --list --steps step/realnvp-imagenet32-b64", 0, "full", "");
  result r = run("bench --list --flows step/*");
  expect_code("bench --list", &r, 0);
  ck_assert_ptr_null(strstr(r.out, "imagenet32"));
  ck_assert_ptr_null(strstr(r.out, "gemm"));
  release(r);
}
END_TEST

/* The products of a training step with matrix products, of 64, 512, 10, 4096 and of 6, 128, 10,
 * 1024; and sampling in the lecture's batches. */
START_TEST(products_of_flows) {
  static const char *const names[] = {"gemm/4096x512x64-tb-bias-tanh",
                                      "gemm/4096x64x512-tb",
                                      "gemm/512x64x4096-ta",
                                      "gemm/1024x128x6-tb-bias-tanh",
                                      "gemm/1024x6x128-tb-bias",
                                      "gemm/128x6x1024-ta",
                                      "gemm/6x128x1024-ta",
                                      "sample/nvp-2-2-4-n100"};
  result r = run("bench --list");
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    expect_text("bench --list", "stdout", r.out, names[i]);
  release(r);
  succeeds("bench --device cpu --time 0.05 --ops gemm/1024x6x128-tb-bias --json bias.json", "");
  json_t *json = report("bias.json");
  const json_t *row = json_array_get(json_object_get(json, "rows"), 0);
  near(number(row, "flops"), 2.0 * 1024 * 6 * 128);
  json_decref(json);
}
END_TEST

/* An interrupted bench leaves a folder, which a later one removes. */
START_TEST(folders_that_were_left) {
  POSIX_ONLY;
  static const char *const names[] = {"t/clflow-bench-2000000000-abcdef",
                                      "t/clflow-bench-2000000000-fresh", "t/clflow-bench-1-abcdef",
                                      "t/other"};
  const struct utimbuf old = {.actime = 1000000, .modtime = 1000000};
  ck_assert_int_eq(mkdir("t", 0777), 0);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char path[64];
    ck_assert_int_eq(mkdir(names[i], 0777), 0);
    snprintf(path, sizeof path, "%s/m", names[i]);
    write_text(path, "x");
    if (i != 1) ck_assert_int_eq(utime(names[i], &old), 0);
  }
  char *before = suite_setenv("TMPDIR", "t");
  succeeds("bench --quick --device cpu --steps start/*", "start/sample-nvp-2-2-4");
  suite_putenv_back("TMPDIR", before);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    ck_assert_msg((access(names[i], F_OK) == 0) == (i > 0), "%s", names[i]);
  ck_assert_int_eq(suite_entries("t"), 3);
}
END_TEST

/* ---- Refusals ------------------------------------------------------------------------------ */

START_TEST(refusals) {
  write_text("no.json", "{\"clflow_bench\": 2}");
  write_text("text.json", "hello");
  refuses(1, "bench --device nothing", "nothing");
  refuses(2, "bench --device cpu,cpu", "cpu and cpu are the same");
  refuses(2, "bench --device cpu,", "--device takes up to 16 words");
  refuses(2, "bench --ops gemm/7x7x7", "--ops gemm/7x7x7: there is no such workload");
  refuses(2, "bench --steps gemm/*", "--flows gemm/*: there is no such workload");
  refuses(2, "bench --quick --steps sample/*-b4096,step/*4096", "there is no such workload");
  refuses(2, "bench --steps step/*imagenet32*", "takes long; --full");
  refuses(2, "bench --quick --full", "exclude each other");
  refuses(2, "bench --time 0", "--time takes a number above 0");
  refuses(2, "bench --margin x", "--margin takes a percentage");
  refuses(2, "bench --json out.txt", "--json takes a file name that ends in .json");
  refuses(1, "bench --html nowhere/out.html", "nowhere");
  refuses(1, "bench --baseline missing.json", "--baseline missing.json cannot be opened");
  refuses(1, "bench --baseline no.json", "is not a file that `clflow bench --json` wrote");
  refuses(1, "bench --baseline text.json", "--baseline text.json: line 1");
}
END_TEST

static void no_files(void) {}

int main(int argc, char **argv) {
  const TTest *const tests[] = {
      four_outputs, baselines,         quiet_or_not, folders_that_were_left,
      selections,   products_of_flows, refusals};
  return program_main(argc, argv, "bench", no_files, tests, sizeof tests / sizeof *tests);
}
