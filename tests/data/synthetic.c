/* SPDX-License-Identifier: MIT */
/* synthetic.c: the synthetic data sets. */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "tables.h"

#define EACH_SET(name) for (const char *const *name = clf_synthetic(); *name; name++)

START_TEST(synthetic_names) {
  static const char *const names[] = {"moons",    "circles", "checkerboard", "spirals", "gaussians",
                                      "pinwheel", "meters",  "detector",     NULL};
  for (size_t i = 0; i < SIZE(names); i++) {
    const char *const name = clf_synthetic()[i];
    if (names[i])
      ck_assert_str_eq(name, names[i]);
    else
      ck_assert_ptr_null(name);
  }
}
END_TEST

/* Rows 0, 1 and 9999 with seed 1 and row 0 with seed 2: the first two columns, or the last four of
 * a wider data set. In units of 2^-20, computed from the formulas by another program. */
static const struct {
  int columns;
  int want[4][6];
} values[] = {
    {2, {{-1014612, 274119}, {1454953, -410174}, {1119252, 336598}, {1075644, 256167}}},
    {2, {{1000867, -274898}, {-366513, -340975}, {957538, 638360}, {967501, 512525}}},
    {2, {{1978798, -4099393}, {1313376, 517924}, {-3975370, -2127464}, {2274805, -330909}}},
    {2, {{3119180, 1031285}, {1006862, -2340308}, {1312556, 100121}, {1011625, 332819}}},
    {2, {{175265, 5086108}, {12523, -3867388}, {5459967, -11700}, {-2326004, 2769751}}},
    {2, {{-653596, -2241535}, {-665396, 2008893}, {602732, -3565362}, {-1831434, -2204504}}},
    {6,
     {{480845, 177006, 251217981, 255754, 644609, 5514213},
      {5314562, 51342, 244460596, 586962, 18579972, 16965782},
      {996364, 224281, 250586692, 910276, 584340, 17031256},
      {1841446, 166552, 251112918, 250814, 78879, 23974816}}},
    {43,
     {{1830952, -7810730, 3453462, 839504, -3211393, 998825},
      {1728880, -2981863, 1807622, 1385342, 933016, 248885},
      {1456704, -4905409, 2129813, 80069, 115530, 553195},
      {2284792, -326359, 788224, 597543, -1368755, 3660680}}}};

static void expect_row(const double *x, int columns, const int want[6]) {
  for (int k = 0; k < 2; k++) ck_assert_double_eq(x[k] * 0x1p20, want[k]);
  for (int k = 2; k < 6 && columns > 2; k++)
    ck_assert_double_eq(x[columns - 6 + k] * 0x1p20, want[k]);
}

START_TEST(synthetic_values) {
  EACH_SET(name) {
    const size_t set = (size_t)(name - clf_synthetic());
    const int columns = values[set].columns;
    char other[32];
    clf_table t;
    ck_assert_int_eq(clf_table_read(*name, &t), CLF_OK);
    ck_assert_int_eq(t.rows, 10000);
    ck_assert_int_eq(t.cols, columns);
    for (int r = 0; r < 3; r++)
      expect_row(t.at + (size_t)(columns * (r < 2 ? r : 9999)), columns, values[set].want[r]);
    clf_table_free(&t);
    snprintf(other, sizeof other, "%s:seed=2,n=1", *name);
    ck_assert_int_eq(clf_table_read(other, &t), CLF_OK);
    ck_assert_int_eq(t.rows, 1);
    expect_row(t.at, columns, values[set].want[3]);
    clf_table_free(&t);
  }
}
END_TEST

/* Without noise the two meters show whole units, the second near 17.5 or 0. */
START_TEST(synthetic_meters) {
  clf_table t;
  int off = 0;
  ck_assert_int_eq(clf_table_read("meters:n=20000,noise=0", &t), CLF_OK);
  for (int64_t i = 0; i < t.rows; i++) {
    const double *const x = t.at + 6 * i;
    ck_assert(x[0] > 0 && x[1] >= 0 && x[5] >= 0 && x[5] < 24);
    ck_assert(x[3] == nearbyint(x[3]) && x[4] == nearbyint(x[4]));
    ck_assert(x[4] == 0 || (x[4] >= 13 && x[4] <= 22));
    off += x[3] == 0;
  }
  ck_assert_double_eq_tol(off / 20000.0, 0.9, 0.011); /* five standard errors */
  clf_table_free(&t);
}
END_TEST

/* Skewed columns are positive. Noise changes column 1 by its own draw and, slightly, by that of
 * column 0, which bends it. */
START_TEST(synthetic_detector) {
  clf_table t, u;
  ck_assert_int_eq(clf_table_read("detector:n=2000,noise=0", &t), CLF_OK);
  ck_assert_int_eq(clf_table_read("detector:n=2000,noise=0.5", &u), CLF_OK);
  double moved = 0;
  for (int64_t i = 0; i < t.rows; i++) {
    const double *const x = t.at + 43 * i;
    for (int c = 0; c < 43; c += 3) ck_assert(x[c] > 0);
    moved += (u.at[43 * i + 1] - x[1]) * (u.at[43 * i + 1] - x[1]);
  }
  ck_assert_double_eq_tol(sqrt(moved / 2000), 0.5, 0.05);
  clf_table_free(&t);
  clf_table_free(&u);
}
END_TEST

START_TEST(synthetic_specs) {
  clf_table t, u;
  ck_assert_int_eq(clf_table_read("moons:n=7,noise=5e-2,seed=1", &t), CLF_OK);
  ck_assert_int_eq(t.rows, 7);
  ck_assert_int_eq(clf_table_read("moons:seed=18446744073709551615,n=7", &u), CLF_OK);
  ck_assert_double_ne(t.at[0], u.at[0]);
  clf_table_free(&u);
  ck_assert_int_eq(clf_table_read("moons", &u), CLF_OK);
  expect_table(&t, 7, 2, u.at);
  clf_table_free(&u);
  clf_table_free(&t);
}
END_TEST

/* Draws NAME:n=20000,noise=0 and calls `holds` on each point. */
static void every_point(const char *name, int (*holds)(double x, double y)) {
  char source[64];
  clf_table t;
  snprintf(source, sizeof source, "%s:n=20000,noise=0", name);
  ck_assert_int_eq(clf_table_read(source, &t), CLF_OK);
  for (int64_t i = 0; i < t.rows; i++)
    ck_assert_msg(holds(t.at[2 * i], t.at[2 * i + 1]), "%s: (%.17g, %.17g)", name, t.at[2 * i],
                  t.at[2 * i + 1]);
  clf_table_free(&t);
}

static int near(double a, double b) { return fabs(a - b) < 4e-6; }

static int on_moon(double x, double y) {
  return (near(hypot(x, y), 1) && y >= 0) || (near(hypot(x - 1, y - 0.5), 1) && y <= 0.5);
}

static int on_circle(double x, double y) { return near(hypot(x, y), 1) || near(hypot(x, y), 0.5); }

static int on_board(double x, double y) {
  const int column = (int)floor(x / 2), row = (int)floor(y / 2);
  return (column + row) % 2 == 0 && fabs(x) < 4 && fabs(y) < 4;
}

static int on_spiral(double x, double y) {
  const double t = 3 * hypot(x, y);
  const double u = -t * cos(t) / 3, v = t * sin(t) / 3;
  return t < 3 * 3.1416 &&
         ((fabs(x - u) < 1e-4 && fabs(y - v) < 1e-4) || (fabs(x + u) < 1e-4 && fabs(y + v) < 1e-4));
}

static int on_centre(double x, double y) {
  return near(hypot(x, y), 4) && near(sin(4 * atan2(y, x)), 0);
}

static int on_arm(double x, double y) {
  const double f = hypot(x, y) / 2, turns = (atan2(-y, x) - exp(f) / 4) * 5 / 6.283185307179586;
  /* Beyond the centre the arm continues at negative f, for one sample in 2300. */
  const double back = (atan2(y, -x) - exp(-f) / 4) * 5 / 6.283185307179586;
  return f < 0.01 || fabs(turns - nearbyint(turns)) < 1e-3 || fabs(back - nearbyint(back)) < 1e-3;
}

START_TEST(synthetic_shapes) {
  every_point("moons", on_moon);
  every_point("circles", on_circle);
  every_point("checkerboard", on_board);
  every_point("spirals", on_spiral);
  every_point("gaussians", on_centre);
  every_point("pinwheel", on_arm);
}
END_TEST

/* The bounds are five standard errors of the mean of 100000 samples. */
START_TEST(synthetic_moments) {
  clf_table t;
  double mean[2], std[2];
  ck_assert_int_eq(clf_table_read("moons:n=100000,noise=0", &t), CLF_OK);
  clf_table_moments(&t, NULL, 0, mean, std);
  ck_assert_double_eq_tol(mean[0], 0.5, 0.014);
  ck_assert_double_eq_tol(mean[1], 0.25, 0.008);
  ck_assert_double_eq_tol(std[0], sqrt(0.75), 0.01);
  for (int64_t i = 0; i < 2 * t.rows; i++)
    ck_assert(i % 2 ? fabs(t.at[i] - 0.25) <= 0.75 : fabs(t.at[i] - 0.5) <= 1.5);
  clf_table_free(&t);
  ck_assert_int_eq(clf_table_read("checkerboard:n=100000", &t), CLF_OK);
  clf_table_moments(&t, NULL, 0, mean, std);
  for (int c = 0; c < 2; c++) {
    ck_assert_double_eq_tol(mean[c], 0, 0.037);
    ck_assert_double_eq_tol(std[c], sqrt(16.0 / 3), 0.02);
  }
  clf_table_free(&t);
  ck_assert_int_eq(clf_table_read("gaussians:n=100000", &t), CLF_OK);
  clf_table_moments(&t, NULL, 0, mean, std);
  for (int c = 0; c < 2; c++) {
    ck_assert_double_eq_tol(mean[c], 0, 0.046);
    ck_assert_double_eq_tol(std[c], sqrt(8.25), 0.02);
  }
  clf_table_free(&t);
}
END_TEST

START_TEST(synthetic_refusals) {
  static const struct {
    const char *source, *message;
  } cases[] = {
      {"moons:", "moons:: there is no key \"\"; there are n, noise and seed"},
      {"moons:n=5,", "moons:n=5,: there is no key \"\"; there are n, noise and seed"},
      {"moons:N=5", "moons:N=5: there is no key \"N\"; there are n, noise and seed"},
      {"moons:n", "moons:n: n has no value; it takes a whole number from 1 to 100000000, as in "
                  "n=1"},
      {"moons:n=1,n=2", "moons:n=1,n=2: n is given twice"},
      {"moons:n=", "moons:n=: n must be a whole number from 1 to 100000000, not \"\""},
      {"moons:n=0", "moons:n=0: n must be a whole number from 1 to 100000000, not \"0\""},
      {"moons:n=1e3", "moons:n=1e3: n must be a whole number from 1 to 100000000, not \"1e3\""},
      {"moons:n=100000001,seed=1",
       "moons:n=100000001,seed=1: n must be a whole number from 1 to 100000000, not \"100000001\""},
      {"moons:noise=-0.1", "moons:noise=-0.1: noise must be a number from 0 to 100, not \"-0.1\""},
      {"moons:noise=nan", "moons:noise=nan: noise must be a number from 0 to 100, not \"nan\""},
      {"moons:noise=0x1", "moons:noise=0x1: noise must be a number from 0 to 100, not \"0x1\""},
      {"moons:noise=1e999",
       "moons:noise=1e999: noise must be a number from 0 to 100, not \"1e999\""},
      {"moons:seed=-1",
       "moons:seed=-1: seed must be a whole number from 0 to 18446744073709551615, not \"-1\""},
      {"moons:seed=18446744073709551616",
       "moons:seed=18446744073709551616: seed must be a whole number from 0 to "
       "18446744073709551615, not \"18446744073709551616\""}};
  for (size_t i = 0; i < SIZE(cases); i++) {
    clf_table t = {.rows = -1};
    expect(clf_table_read(cases[i].source, &t), CLF_EINVAL, cases[i].message);
    ck_assert_int_eq(t.rows, -1);
  }
}
END_TEST

START_TEST(unknown_sources) {
  static const char sets[] = "unknown data set \"moon\"; there are moons, circles, checkerboard, "
                             "spirals, gaussians, pinwheel, meters and detector, files ending in "
                             ".csv, .tsv, .txt, .npy or .npz, and - for standard input";
  clf_table t;
  expect(clf_table_read("moon", &t), CLF_EINVAL, sets);
  expect(clf_table_read("moon:noise=0.1", &t), CLF_EINVAL, sets);
  expect(clf_table_read("d.dat", &t), CLF_EINVAL,
         "d.dat: cannot be read: the name of a file of numbers ends in .csv, .tsv, .txt, .npy or "
         ".npz, or in one of the first four and .gz");
  expect(clf_table_read("./moons", &t), CLF_EINVAL,
         "./moons: cannot be read: the name of a file of numbers ends in .csv, .tsv, .txt, .npy or "
         ".npz, or in one of the first four and .gz");
  expect(clf_table_read("moons.csv", &t), CLF_EIO,
         "moons.csv: cannot be read: No such file or directory");
  expect(clf_table_read("gone/a:b.npy", &t), CLF_EIO,
         "gone/a:b.npy: cannot be read: No such file or directory");
  expect(clf_table_read(NULL, &t), CLF_EINVAL, "clf_table_read: source is NULL");
}
END_TEST

void tests_of_synthetic(Suite *s) {
  TCase *c = tcase_create("synthetic");
  tcase_add_test(c, synthetic_names);
  tcase_add_test(c, synthetic_values);
  tcase_add_test(c, synthetic_meters);
  tcase_add_test(c, synthetic_detector);
  tcase_add_test(c, synthetic_specs);
  tcase_add_test(c, synthetic_shapes);
  tcase_add_test(c, synthetic_moments);
  tcase_add_test(c, synthetic_refusals);
  tcase_add_test(c, unknown_sources);
  suite_add_tcase(s, c);
}
