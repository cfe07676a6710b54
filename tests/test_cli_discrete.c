/* SPDX-License-Identifier: MIT */
/* test_cli_discrete.c: what `clflow train` says about data that a flow cannot learn directly,
 * and --discrete. */
#define _GNU_SOURCE
#include "program.h"
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clflow/data.h"

#define LECTURE "--device cpu --preset lecture --clip 10 --s-max 3 "
#define TRAIN "train " LECTURE "--epochs 2 --hidden 4 "

/* It succeeds, and stderr contains this, or not. */
static void says(const char *command, const char *err) {
  const result r = run(command);
  expect_code(command, &r, 0);
  expect_text(command, "stderr", r.err, err);
  release(r);
}
static void keeps_quiet(const char *command, const char *err) {
  const result r = run(command);
  expect_code(command, &r, 0);
  ck_assert_msg(!strstr(r.err, err), "clflow %s said %s", command, r.err);
  release(r);
}

/* ---- Advice --------------------------------------------------------------------------------- */

START_TEST(advice_with_its_remedy) {
  says(TRAIN "--data natural.csv --out a.safetensors",
       "train: natural.csv: column 1 (\"kelvin\") has mean 29");
  says(TRAIN "--data natural.csv --out a.safetensors",
       ", far from 0 and 1, where training starts; --standardize scales the columns\n");
  keeps_quiet(TRAIN "--data natural.csv --standardize --out a.safetensors", "natural.csv: ");
  write_text("bounds", "2: log(-1e4) -> normal\n");
  keeps_quiet("train --device cpu --epochs 1 --data natural.csv --flow @bounds --out b.safetensors",
              "far from 0 and 1");
  keeps_quiet(
      "train --device cpu --epochs 2 --data natural.csv --init a.safetensors --out b.safetensors",
      "natural.csv: ");
  says(TRAIN "--data counts.csv --discrete none --out a.safetensors",
       "train: counts.csv: column 2 (\"n\") is discrete: 7 different values 0.5 apart in 300 rows, "
       "which have no density; --discrete auto adds noise within one step and rounds samples\n");
  keeps_quiet(TRAIN "--data counts.csv --discrete auto --out a.safetensors", "counts.csv: ");
  keeps_quiet("train --device cpu --resume --epochs 3 --data counts.csv --out a.safetensors",
              "counts.csv: ");
  says(TRAIN "--data far.csv --standardize --out a.safetensors",
       "train: far.csv: column 1 (\"x\") has a value far from all others, which determines its "
       "scale: 1e+06 in row 18, where others are within ");
  says(TRAIN "--data far.csv --standardize --dry-run",
       "check such rows, and leave them out if they are wrong\n");
  says(TRAIN "--data twice.csv --out a.safetensors", " is a linear combination of column ");
  says(TRAIN "--data twice.csv --out a.safetensors",
       "so the rows have no density; train without such columns\n");
  says(TRAIN "--data constant.csv --out a.safetensors",
       "train: constant.csv: column 2 (\"c\") is 5 in every row and has no density; train without "
       "such columns\n");
  keeps_quiet(TRAIN "--data moons:n=300 --out a.safetensors", "moons");
}
END_TEST

START_TEST(constant_columns_that_are_refused) {
  refuses(1, TRAIN "--data constant.csv --standardize --out never.safetensors",
          "column 2 (\"c\") is 5 in every training row: it cannot be standardised; leave it out\n");
  refuses(
      1, "train --data one.csv --out never.safetensors",
      "the column of one.csv is 5 in every row, so it has no density; there is nothing to fit\n");
}
END_TEST

/* ---- --discrete ----------------------------------------------------------------------------- */

/* All numbers of a column are first + k step with k = 0 to n - 1. */
static void on_grid(const char *file, int32_t column, double first, double step, int n) {
  clf_table t;
  ck_assert_msg(clf_table_read(file, &t) == CLF_OK, "%s", clf_errmsg());
  int seen = 0;
  for (int64_t i = 0; i < t.rows; i++) {
    const double k = (t.at[i * t.cols + column] - first) / step;
    ck_assert_msg(k == round(k) && k >= 0 && k < n, "row %d of %s is %g", (int)i, file,
                  t.at[i * t.cols + column]);
    seen |= 1 << (int)k;
  }
  ck_assert_msg((seen & (seen - 1)) != 0, "%s has one value", file);
  clf_table_free(&t);
}

START_TEST(discrete_columns) {
  succeeds(TRAIN "--data counts.csv --discrete auto --out d.safetensors", "");
  succeeds(TRAIN "--data counts.csv --discrete n --out n.safetensors", "");
  succeeds(TRAIN "--data counts.csv --discrete 2 --out 2.safetensors", "");
  same_files("d.safetensors", "n.safetensors");
  same_files("d.safetensors", "2.safetensors");
  succeeds(TRAIN "--data counts.csv --discrete none --out none.safetensors", "");
  says(TRAIN "--data counts.csv --out usual.safetensors",
       "counts.csv: discrete columns: n (step 0.5); noise of one step is added in training, and "
       "samples are rounded (--discrete none turns both off)\n");
  same_files("d.safetensors", "usual.safetensors");
  succeeds("info d.safetensors", "\ndiscrete  x1: 1 to 4 in steps of 0.5\n");
  result r = run("info d.safetensors --json");
  json_t *info = json_loads(r.out, 0, NULL), *list = json_object_get(info, "discrete");
  ck_assert_ptr_nonnull(info);
  ck_assert_int_eq((int)json_array_size(list), 2);
  ck_assert(json_is_null(json_array_get(list, 0)));
  ck_assert_double_eq(json_real_value(json_object_get(json_array_get(list, 1), "step")), 0.5);
  json_decref(info);
  release(r);
  succeeds("sample d.safetensors -n 500 --out s.csv", "");
  on_grid("s.csv", 1, 1, 0.5, 7);
  succeeds("transform d.safetensors --data counts.csv --out z.npy", "");
  succeeds("invert d.safetensors --data z.npy --out x.csv", "");
  on_grid("x.csv", 1, 1, 0.5, 7);
  succeeds("eval d.safetensors --data counts.csv", "samples              300\n");
}
END_TEST

/* For one column the default is a piecewise flow, whose interval includes the noise. */
START_TEST(one_discrete_column) {
  succeeds("train --device cpu --data dice.csv --discrete auto --epochs 2 --bins 12 --out "
           "dice.safetensors",
           "12 bins from 0.4");
  succeeds("train --device cpu --data dice.csv --discrete auto --standardize --epochs 2 --out "
           "dice.safetensors",
           "mean log-likelihood  -");
  succeeds("sample dice.safetensors -n 300 --out s.npy", "");
  on_grid("s.npy", 0, 1, 1, 6);
}
END_TEST

START_TEST(resumed) {
#define MORE "train --device cpu --resume --epochs 4 --data counts.csv "
  succeeds(TRAIN "--data counts.csv --discrete n --out part.safetensors", "");
  succeeds("train " LECTURE "--hidden 4 --epochs 4 --data counts.csv --discrete n --out "
           "whole.safetensors",
           "");
  refuses(2, MORE "--discrete none --out part.safetensors",
          "--discrete none does not agree with part.safetensors, which has another grid for column "
          "2; leave it out\n");
  succeeds(MORE "--discrete auto --out part.safetensors", "");
  same_files("part.safetensors", "whole.safetensors");
#undef MORE
}
END_TEST

START_TEST(discrete_that_is_refused) {
#define D TRAIN "--data counts.csv --out never.safetensors --discrete "
  refuses(1, D "x",
          "--discrete x: the values of column 1 of counts.csv are not evenly spaced, or all the "
          "same\n");
  refuses(2, D "m",
          "--discrete takes columns by name or by number from 1 to 2, separated by commas, auto or "
          "none; got \"m\"\n");
  refuses(2, D "3", "auto or none; got \"3\"\n");
  refuses(2, D "0", "auto or none; got \"0\"\n");
  refuses(2, D "n,", "auto or none; got \"\"\n");
  refuses(2, D "99999999999", "auto or none; got \"99999999999\"\n");
  refuses(2, "train --data glyphs:n=9,size=8 --discrete auto --out never.safetensors",
          "--discrete has no meaning for the preset realnvp\n");
#undef D
}
END_TEST

/* ---- Files ---------------------------------------------------------------------------------- */

static void write_rows(const char *path, const char *header, int rows, const char *row(int i)) {
  FILE *f = fopen(path, "w");
  ck_assert_ptr_nonnull(f);
  fprintf(f, "%s\n", header);
  for (int i = 0; i < rows; i++) fprintf(f, "%s\n", row(i));
  ck_assert_int_eq(fclose(f), 0);
}

/* Between -1.7 and 1.7, without a pattern. */
static double some(int i, int k) {
  return 3.4 * (fmod(fabs(43758.5453 * sin(12.9898 * i + 78.233 * k)), 1) - 0.5);
}
#define ROW(name, ...)                                                                             \
  static const char *name(int i) {                                                                 \
    static char line[128];                                                                         \
    snprintf(line, sizeof line, __VA_ARGS__);                                                      \
    return line;                                                                                   \
  }
ROW(natural, "%.10g,%.10g", 293 + 5 * some(i, 0), some(i, 1))
ROW(count, "%.10g,%.10g", some(i, 0), 1 + 0.5 * (i % 7))
ROW(far, "%.10g,%.10g", i == 17 ? 1e6 : some(i, 0), some(i, 1))
ROW(twice, "%.10g,%.10g", some(i, 0), 3 * some(i, 0) + 1)
ROW(constant, "%.10g,5", some(i, 0))
ROW(dice, "%d", 1 + i % 6)
ROW(five, "%s", i >= 0 ? "5" : "")

static void set_up(void) {
  write_rows("natural.csv", "kelvin,b", 300, natural);
  write_rows("counts.csv", "x,n", 300, count);
  write_rows("far.csv", "x,y", 300, far);
  write_rows("twice.csv", "a,b", 300, twice);
  write_rows("constant.csv", "a,c", 300, constant);
  write_rows("dice.csv", "eyes", 300, dice);
  write_rows("one.csv", "x", 30, five);
}

int main(int argc, char **argv) {
  const TTest *const tests[] = {advice_with_its_remedy,
                                constant_columns_that_are_refused,
                                discrete_columns,
                                one_discrete_column,
                                resumed,
                                discrete_that_is_refused};
  return program_main(argc, argv, "cli discrete", set_up, tests, sizeof tests / sizeof *tests);
}
