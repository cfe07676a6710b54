/* SPDX-License-Identifier: MIT */
/* results.c: what the verbs compute with a model: scores, samples, transformed rows, pictures. */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clflow/clflow.h"
#include "cli/values.h"
#include "program.h"

START_TEST(test_info) {
  succeeds("info m.safetensors", "kind      nvp\ndim       2\nhidden    4\ndepth     2\n");
  succeeds("info m.safetensors", "trained   3 epochs, 12 steps\n");
  succeeds("info m.safetensors",
           "resume    yes: --epochs 3 --batch 50 --lr 0.02 --seed 7 --clip 10\n");
  json_t *info = json_of("info m.safetensors --json");
  const json_t *spec = json_object_get(info, "spec"), *tensors = json_object_get(info, "tensors");
  ck_assert_str_eq(json_string_value(json_object_get(spec, "kind")), "nvp");
  ck_assert_int_eq(integer_at(spec, "hidden"), 4);
  ck_assert_int_eq(integer_at(json_object_get(info, "history"), "steps"), 12);
  ck_assert(json_is_true(json_object_get(info, "resumable")));
  json_int_t weights = 0;
  for (size_t i = 0; i < json_array_size(tensors); i++) {
    const json_t *tensor = json_array_get(tensors, i), *shape = json_object_get(tensor, "shape");
    json_int_t count = json_integer_value(json_array_get(shape, 0));
    if (json_array_size(shape) == 2) count *= json_integer_value(json_array_get(shape, 1));
    if (json_is_true(json_object_get(tensor, "trainable"))) weights += count;
  }
  ck_assert_int_eq(integer_at(info, "weights"), weights);
  json_decref(info);
}
END_TEST

START_TEST(test_eval) {
  succeeds("eval m.safetensors --data moons:n=100", "samples              100\n");
  succeeds("eval m.safetensors --data moons:n=100", "\nbits/dim             ");
  json_t *score = json_of("eval m.safetensors --data moons:n=100 --json");
  ck_assert_int_eq(integer_at(score, "n"), 100);
  ck_assert_double_eq_tol(real_at(score, "bits_per_dim"), -real_at(score, "mean") / 2 / 0.69314718,
                          1e-6);
  ck_assert_double_gt(real_at(score, "std_error"), 0);
  result r = run("log-prob m.safetensors --data moons:n=100 --out -");
  ck_assert_int_eq(r.code, 0);
  ck_assert_int_eq(lines(r.out), 101);
  ck_assert_int_eq(strncmp(r.out, "logp\n", 5), 0);
  double sum = 0;
  for (char *line = strchr(r.out, '\n') + 1; *line; line = strchr(line, '\n') + 1)
    sum += strtod(line, NULL);
  ck_assert_double_eq_tol(sum / 100, real_at(score, "mean"), 1e-9);
  json_decref(score);
  release(r);
}
END_TEST

/* The standard error with few rows, where n and n - 1 differ. */
START_TEST(test_standard_error) {
  double sum = 0, square = 0;
  json_t *score = json_of("eval m.safetensors --data moons:n=4 --json");
  clf_table t;
  succeeds("log-prob m.safetensors --data moons:n=4 --out few.csv", "");
  WORKS(clf_table_read("few.csv", &t));
  ck_assert_int_eq(t.rows * t.cols, 4);
  for (int i = 0; i < 4; i++) sum += t.at[i];
  for (int i = 0; i < 4; i++) square += (t.at[i] - sum / 4) * (t.at[i] - sum / 4);
  ck_assert_double_eq_tol(real_at(score, "std_error"), sqrt(square / 3 / 4), 1e-6);
  clf_table_free(&t);
  json_decref(score);
}
END_TEST

START_TEST(test_round_trip) {
  write_text("two.csv", "0.5,0.25\n-1,0.75\n1.5,-0.5\n");
  succeeds("transform m.safetensors --data two.csv --out z.csv --logdet ld.csv", "");
  succeeds("invert m.safetensors --data z.csv --out x.csv --logdet back.csv", "");
  char *z = read_file("z.csv", NULL), *x = read_file("x.csv", NULL);
  char *ld = read_file("ld.csv", NULL), *back = read_file("back.csv", NULL);
  ck_assert_int_eq(strncmp(z, "z0,z1\n", 6), 0);
  ck_assert_int_eq(strncmp(x, "x0,x1\n", 6), 0);
  ck_assert_int_eq(strncmp(ld, "logdet\n", 7), 0);
  double x0, x1, forth, there;
  ck_assert_int_eq(sscanf(x, "x0,x1 %lf,%lf", &x0, &x1), 2);
  ck_assert_double_eq_tol(x0, 0.5, 1e-5);
  ck_assert_double_eq_tol(x1, 0.25, 1e-5);
  ck_assert_int_eq(sscanf(ld, "logdet %lf", &forth) + sscanf(back, "logdet %lf", &there), 2);
  ck_assert_double_eq_tol(forth, -there, 1e-5);
  free(z);
  free(x);
  free(ld);
  free(back);
}
END_TEST

START_TEST(test_sample) {
  succeeds("sample m.safetensors -n 10 --seed 3 --out all.csv", "");
  succeeds("sample m.safetensors -n 4 --first 6 --seed 3 --out - ", "x0,x1\n");
  result part = run("sample m.safetensors -n 4 --first 6 --seed 3 --out -");
  char *all = read_file("all.csv", NULL), *tail = all;
  for (int i = 0; i < 7; i++) tail = strchr(tail, '\n') + 1;
  ck_assert_str_eq(strchr(part.out, '\n') + 1, tail);
  free(all);
  release(part);
  succeeds("sample m.safetensors -n 10 --out s.npy", "");
  succeeds("sample m.safetensors -n 10 --out s.png", "");
  is_png("s.png");
}
END_TEST

/* Options reach the library: the file is what it writes for these numbers. */
START_TEST(test_sample_options) {
  static const struct {
    const char *options;
    uint64_t seed;
    int64_t first;
    double temperature;
  } calls[] = {
      {"", 1, 0, 1},
      {"--seed 4294967297", (UINT64_C(1) << 32) + 1, 0, 1},
      {"--seed 18446744073709551615", UINT64_MAX, 0, 1},
      {"--seed 2 --first 4294967299", 2, (INT64_C(1) << 32) + 3, 1},
      {"--temperature 0.5", 1, 0, 0.5},
      {"--temperature 2", 1, 0, 2},
      {"--temperature 1.25 --seed 8589934593 --first 7", (UINT64_C(1) << 33) + 1, 7, 1.25},
  };
  enum { N = 6, D = 2 };
  clf_device *dev;
  clf_flow *flow;
  WORKS(clf_open("cpu", &dev));
  WORKS(clf_flow_load(dev, "m.safetensors", NULL, &flow));
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
    double z[N * D], x[N * D];
    char command[256];
    clf_table t;
    snprintf(command, sizeof command, "sample m.safetensors -n 6 --device cpu --out some.npy %s",
             calls[i].options);
    succeeds(command, "");
    WORKS(clf_sample_latents(flow, calls[i].seed, calls[i].first, N, calls[i].temperature, z));
    WORKS(clf_invert(flow, z, N, x, NULL));
    WORKS(clf_table_read("some.npy", &t));
    ck_assert_int_eq(t.rows * t.cols, N * D);
    for (int k = 0; k < N * D; k++)
      ck_assert_msg(t.at[k] == x[k], "%s: number %d is %.17g, not %.17g", command, k, t.at[k],
                    x[k]);
    clf_table_free(&t);
  }
  clf_flow_free(flow);
  clf_close(dev);
}
END_TEST

START_TEST(test_jacobian) {
  succeeds("jacobian m.safetensors --data moons:n=5 --row 5", "tensor([[");
  succeeds("jacobian m.safetensors --data moons:n=5 --row 5", "log |det J|, by elimination  ");
  json_t *j = json_of("jacobian m.safetensors --data moons:n=5 --row 5 --json");
  ck_assert_uint_eq(json_array_size(json_object_get(j, "jacobian")), 2);
  ck_assert_double_eq_tol(real_at(j, "difference"), 0, 1e-4);
  ck_assert_double_eq_tol(real_at(j, "log_det"), real_at(j, "log_abs_det"), 1e-4);
  json_decref(j);
  refuses(1, "jacobian m.safetensors --data moons:n=5 --row 6",
          "there is no row 6 in moons:n=5, which has 5 rows");
  refuses(1, "jacobian m.safetensors --data moons:n=5 --index 5", "there is no row 6 in moons:n=5");
}
END_TEST

START_TEST(test_plot) {
  succeeds("plot m.safetensors --data moons:n=200 --out p.png", "");
  is_png("p.png");
  succeeds("plot m.safetensors --out q.png --seed 4", "");
  is_png("q.png");
}
END_TEST

void tests_of_results(TCase *tc) {
  tcase_add_test(tc, test_info);
  tcase_add_test(tc, test_eval);
  tcase_add_test(tc, test_standard_error);
  tcase_add_test(tc, test_round_trip);
  tcase_add_test(tc, test_sample);
  tcase_add_test(tc, test_sample_options);
  tcase_add_test(tc, test_jacobian);
  tcase_add_test(tc, test_plot);
}
