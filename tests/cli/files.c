/* SPDX-License-Identifier: MIT */
/* files.c: tables, arrays and models that are read, and files that cannot be written. */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include "cli/values.h"
#include "program.h"

static void refuses_data(const char *file, const char *err) {
  char command[256];
  snprintf(command, sizeof command, "train --data %s --out never.safetensors", file);
  refuses(1, command, err);
  snprintf(command, sizeof command, "log-prob m.safetensors --data %s --out never.csv", file);
  refuses(1, command, err);
}

START_TEST(test_csv) {
  write_text("empty.csv", "");
  write_text("ragged.csv", "1,2\n3,4,5\n");
  write_text("word.csv", "x,y\n1,2\n3,four\n");
  write_text("nan.csv", "1,2\n3,4\n5,nan\n");
  write_text("inf.csv", "1,2\n-inf,4\n");
  refuses_data("empty.csv", "empty.csv: the file is empty");
  refuses_data("ragged.csv", "ragged.csv: line 2 has 3 fields, line 1 has 2");
  refuses_data("word.csv", "word.csv: line 3, column 2 (\"y\"): \"four\" is not a number");
  refuses(1, "train --data nan.csv --missing refuse --out never.safetensors",
          "nan.csv: line 3, column 2: \"nan\" marks a missing value; --missing drop leaves such "
          "rows out");
  refuses_data("inf.csv", "inf.csv: line 2, column 1: \"-inf\" is not a finite number");
  refuses_data("absent.csv", "absent.csv: cannot be read: No such file or directory");
  refuses_data("moon", "there are moons, circles, ");
  refuses_data("moons:n=0", "moons:n=0: n must be ");
}
END_TEST

START_TEST(test_npy) {
  const double rows[8] = {0.5, 1, 2, 3, 4, 5, 6, 7};
  const double bad[4] = {0.5, 1, __builtin_nan(""), 3};
  write_npy("good.npy", "<f8", "(4, 2)", rows, sizeof rows);
  write_npy("type.npy", "<U2", "(4, 2)", rows, sizeof rows);
  write_npy("shape.npy", "<i8", "(2, 2, 2)", rows, sizeof rows);
  write_npy("length.npy", "<f8", "(5, 2)", rows, sizeof rows);
  write_npy("nan.npy", "<f8", "(2, 2)", bad, sizeof bad);
  write_text("foreign.npy", "not numpy at all");
  succeeds("eval m.safetensors --data good.npy", "samples              4\n");
  refuses_data("type.npy", "type.npy: holds strings (dtype <U2); numbers to read");
  refuses_data("shape.npy", "shape.npy: the shape is (2, 2, 2); a table is (N, D) or (N,)");
  refuses_data("length.npy",
               "length.npy: shape (5, 2) of dtype <f8 takes 80 bytes, the file has 64");
  refuses_data("foreign.npy", "foreign.npy: this is not an NPY file");
  refuses(1, "train --data nan.npy --missing refuse --out never.safetensors",
          "nan.npy: row 2, column 1 (from 1): nan is not a finite number");
}
END_TEST

START_TEST(test_columns) {
  write_text("three.csv", "1,2,3\n4,5,6\n");
#define WANTED "three.csv has 3 columns, the model m.safetensors takes 2"
  refuses(1, "eval m.safetensors --data three.csv", WANTED);
  refuses(1, "invert m.safetensors --data three.csv --out never.csv", WANTED);
  refuses(1, "plot m.safetensors --data three.csv --out never.png", WANTED);
  refuses(1, "train --init m.safetensors --data three.csv --out never.safetensors", WANTED);
  refuses(1, "train --resume --data three.csv --out m.safetensors", WANTED);
#undef WANTED
  refuses(1, "train --flow piecewise --data moons --out never.safetensors",
          "--flow piecewise takes data of one column, moons has 2");
}
END_TEST

START_TEST(test_model_files) {
  size_t size;
  char *bytes = read_file("m.safetensors", &size);
  write_bytes("half.safetensors", bytes, size / 2);
  write_bytes("head.safetensors", bytes, 5);
  free(bytes);
  write_text("foreign.safetensors", "this is a letter and no model\n");
  write_text("nothing.safetensors", "");
  refuses(1, "info half.safetensors", "clflow: info: half.safetensors: ");
  refuses(1, "info head.safetensors", "clflow: info: head.safetensors: ");
  refuses(1, "info foreign.safetensors", "clflow: info: foreign.safetensors: ");
  refuses(1, "info nothing.safetensors", "clflow: info: nothing.safetensors: ");
  refuses(1, "sample absent.safetensors -n 1 --out never.csv",
          "absent.safetensors: cannot be read: No such file or directory");
  refuses(1, "train --init half.safetensors --data moons --out never.safetensors",
          "half.safetensors: ");
}
END_TEST

START_TEST(test_outputs) {
  refuses(1, "train --data moons --out nowhere/m.safetensors", "the folder nowhere: No such file");
  refuses(1, "train --data moons --out never.safetensors --log nowhere/l", "--log nowhere/l: ");
  refuses(2, "train --data moons --out never.safetensors --plot p.jpg",
          "--plot takes a file name that ends in .png, got \"p.jpg\"");
  refuses(1, "train --data moons --out .", "--out . is a folder; give the name of a file");
  refuses(1, "sample m.safetensors -n 5 --out nowhere/s.csv", "nowhere");
  refuses(1, "sample m.safetensors -n 5 --out nowhere/s.png", "nowhere");
  refuses(2, "sample m.safetensors -n 5 --out s.dat", "\"s.dat\" is not a name for a table");
  refuses(2, "transform m.safetensors --data moons --out - --logdet -", "cannot both go to");
  refuses(1, "log-prob m.safetensors --data moons --out nowhere/l.npy", "nowhere");
  refuses(1, "plot m.safetensors --out nowhere/p.png", "nowhere");
}
END_TEST

/* Rows of zero density are output, counted and, on request, refused. */
START_TEST(test_zero_density) {
  write_text("fit.csv", "x\n0\n1\n2\n3\n4\n");
  write_text("beyond.csv", "x\n1\n-7\n2\n3\n4.5\n");
  write_text("inside.csv", "x\n1\n2\n3\n");
  write_text("far.csv", "x\n-7\n9\n");
#define OUTSIDE(row, x) "the data: row " row ", column 1 (\"x\") is " x ", outside the interval -"
  succeeds("train --data fit.csv --out z.safetensors --epochs 1 --bins 2", "over all 5 samples\n");
  result r = run("log-prob z.safetensors --data beyond.csv --out -");
  expect_code("log-prob", &r, 0);
  expect_text("log-prob", "stdout", r.out, "\n-inf\n");
  expect_text("log-prob", "stderr", r.err,
              "log-prob: log p is -inf at 2 of 5 rows, where the density is zero\n");
  release(r);
  succeeds("eval z.safetensors --data beyond.csv", "samples              5\n"
                                                   "mean log-likelihood  -inf nats\n"
                                                   "bits/dim             inf\n"
                                                   "zero density         2 of 5 samples\n"
                                                   "without them:\n"
                                                   "mean log-likelihood  -");
  json_t *all = json_of("eval z.safetensors --data beyond.csv --json");
  json_t *inside = json_of("eval z.safetensors --data inside.csv --json");
  const json_t *rest = json_object_get(all, "without_zero_density");
  ck_assert(json_is_null(json_object_get(all, "mean")));
  ck_assert(json_is_null(json_object_get(all, "std_error")));
  ck_assert(json_is_null(json_object_get(all, "bits_per_dim")));
  ck_assert_int_eq(integer_at(all, "n"), 5);
  ck_assert_int_eq(integer_at(all, "zero_density"), 2);
  ck_assert_int_eq(integer_at(rest, "n"), 3);
  ck_assert_int_eq(integer_at(inside, "zero_density"), 0);
  ck_assert_double_eq(real_at(rest, "mean"), real_at(inside, "mean"));
  ck_assert_double_eq(real_at(rest, "std_error"), real_at(inside, "std_error"));
  ck_assert_double_eq(real_at(rest, "bits_per_dim"), real_at(inside, "bits_per_dim"));
  json_decref(all);
  json_decref(inside);
  succeeds("eval z.safetensors --data far.csv", "zero density         2 of 2 samples\n");
  json_t *none = json_of("eval z.safetensors --data far.csv --json");
  rest = json_object_get(none, "without_zero_density");
  ck_assert_int_eq(integer_at(rest, "n"), 0);
  ck_assert(json_is_null(json_object_get(rest, "mean")));
  json_decref(none);
  succeeds("eval z.safetensors --data inside.csv --strict", "samples              3\n");
  refuses(1, "eval z.safetensors --data beyond.csv --strict", OUTSIDE("2", "-7"));
  refuses(1, "log-prob z.safetensors --data beyond.csv --strict --out never.csv",
          OUTSIDE("2", "-7"));
  refuses(1, "transform z.safetensors --data beyond.csv --out never.csv", OUTSIDE("2", "-7"));
  refuses(1, "jacobian z.safetensors --data beyond.csv --index 4", OUTSIDE("5", "4.5"));
  refuses(1, "interpolate z.safetensors --data beyond.csv --index 0,2,4,1 --out never.csv",
          OUTSIDE("5", "4.5"));
  refuses(1, "train --init z.safetensors --data beyond.csv --out never.safetensors",
          "row 2 of the data is -7, outside the interval -");
  succeeds("plot z.safetensors --data beyond.csv --out z.png", "");
#undef OUTSIDE
}
END_TEST

void tests_of_files(TCase *tc) {
  tcase_add_test(tc, test_csv);
  tcase_add_test(tc, test_npy);
  tcase_add_test(tc, test_columns);
  tcase_add_test(tc, test_model_files);
  tcase_add_test(tc, test_outputs);
  tcase_add_test(tc, test_zero_density);
}
