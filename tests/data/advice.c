/* SPDX-License-Identifier: MIT */
/* advice.c: grids of columns, and the advice of clf_table_advise() about unusual tables; it has
 * none for ordinary ones. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tables.h"

/* ---- Random columns ------------------------------------------------------------------------- */

static uint64_t state;

static double uniform(void) {
  state += 0x9E3779B97F4A7C15u;
  uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return ((double)((z ^ (z >> 31)) >> 11) + 0.5) / 9007199254740992.0;
}
static double normal(void) {
  return sqrt(-2 * log(uniform())) * cos(6.283185307179586 * uniform());
}
static double student5(void) {
  double square = 0;
  for (int i = 0; i < 5; i++) square += pow(normal(), 2);
  return normal() / sqrt(square / 5);
}
static double exponential(void) { return -log(uniform()); }
static double lognormal(void) { return exp(0.8 * normal()); }
static double two_peaks(void) { return (uniform() < 0.5 ? -4 : 4) + normal(); }
static double rounded(void) { return round(100 * normal()) / 100; }
static double ages(void) { return floor(90 * uniform()) / 30; }
static double classes(void) { return floor(30 * uniform()) / 30; }

static clf_table make(int64_t rows, int32_t cols, double (*draw)(void), uint64_t seed) {
  clf_table t;
  ck_assert_int_eq(clf_table_new(rows, cols, &t), CLF_OK);
  state = seed;
  for (int64_t i = 0; i < rows * cols; i++) t.at[i] = draw();
  return t;
}

/* ---- The advice --------------------------------------------------------------------------- */

/* All advice about a table, one sentence on each line. */
static const char *advice_with(const clf_table *t, int scaled, const clf_column_grid *grid) {
  static char all[8192];
  clf_advice *list;
  int count;
  ck_assert_msg(clf_table_advise(t, scaled, grid, &list, &count) == CLF_OK, "%s", clf_errmsg());
  *all = 0;
  for (int i = 0; i < count; i++) {
    const size_t used = strlen(all);
    snprintf(all + used, sizeof all - used, "%d %s\n", (int)list[i].kind, list[i].sentence);
  }
  free(list);
  return all;
}
static const char *advice(const clf_table *t) { return advice_with(t, 0, NULL); }

static void says(const clf_table *t, clf_advice_kind kind, const char *sentence) {
  char want[800];
  snprintf(want, sizeof want, "%d %s\n", (int)kind, sentence);
  ck_assert_str_eq(advice(t), want);
}

/* Normal columns; `is` computes the last one from the index of the row and the other columns. */
static clf_table with_last(int32_t cols, double (*is)(int64_t i, const double *x)) {
  clf_table t = make(3000, cols, normal, 3);
  for (int64_t i = 0; i < t.rows; i++) t.at[i * cols + cols - 1] = is(i, t.at + i * cols);
  return t;
}

/* ---- Ordinary data -------------------------------------------------------------------------- */

START_TEST(silent_on_ordinary_data) {
  static double (*const draws[])(void) = {normal,    student5,  uniform, exponential,
                                          lognormal, two_peaks, rounded, ages};
  static const int64_t rows[] = {21, 100, 1000, 20000};
  for (size_t d = 0; d < SIZE(draws); d++)
    for (size_t n = 0; n < SIZE(rows); n++)
      for (uint64_t seed = 1; seed <= (rows[n] > 1000 ? 2 : 20); seed++) {
        clf_table t = make(rows[n], 4, draws[d], seed);
        const char *said = advice(&t);
        ck_assert_msg(!*said, "of distribution %zu, %d rows, seed %d: %s", d, (int)rows[n],
                      (int)seed, said);
        clf_table_free(&t);
      }
}
END_TEST

START_TEST(silent_on_known_sets) {
  for (const char *const *name = clf_synthetic(); *name; name++) {
    clf_table t;
    ck_assert_int_eq(clf_table_read(*name, &t), CLF_OK);
    const char *const said = advice_with(&t, t.cols > 2, NULL); /* wide tables have units */
    ck_assert_msg(!*said, "%s: %s", *name, said);
    clf_table_free(&t);
  }
  clf_table penguins;
  ck_assert_msg(clf_table_read(CLF_GOLDEN "/../../examples/penguins.csv", &penguins) == CLF_OK,
                "%s", clf_errmsg());
  ck_assert_str_eq(advice_with(&penguins, 1, NULL), "");
  clf_table_free(&penguins);
}
END_TEST

/* Strong correlation is not an exact relation: another column may explain 0.999 of the variance. */
static double nearly_first(int64_t i, const double *x) {
  return x[0] + 0.03 * sin(12.9898 * (double)i);
}
START_TEST(silent_on_correlation) {
  clf_table t = with_last(3, nearly_first);
  ck_assert_str_eq(advice(&t), "");
  clf_table_free(&t);
}
END_TEST

/* ---- Each kind ------------------------------------------------------------------------------ */

START_TEST(scale) {
  clf_table t = make(3000, 3, normal, 1);
  char *names[] = {"kelvin", "b", "c"};
  for (int64_t i = 0; i < t.rows; i++) t.at[3 * i] = 293 + 5 * t.at[3 * i];
  t.names = names;
  ck_assert_msg(
      strncmp(advice(&t), "1 column 1 (\"kelvin\") has mean 293 and standard deviation ", 55) == 0,
      "%s", advice(&t));
  ck_assert_str_eq(advice_with(&t, 1, NULL), "");
  for (int64_t i = 0; i < t.rows; i++) t.at[3 * i + 2] *= 1e-3;
  ck_assert_msg(
      strncmp(advice(&t),
              "1 column 1 (\"kelvin\") and column 3 (\"c\") are far from mean 0 and "
              "standard deviation 1, where training starts (column 1 (\"kelvin\") has 293",
              133) == 0,
      "%s", advice(&t));
  t.names = NULL;
  clf_table_free(&t);
  t = make(100, 1, normal, 1);
  for (int64_t i = 0; i < t.rows; i++) t.at[i] *= 1e200; /* squares overflow */
  ck_assert_msg(strncmp(advice(&t), "1 column 1 has mean ", 20) == 0, "%s", advice(&t));
  for (int64_t i = 0; i < t.rows; i++) t.at[i] *= 1e-300; /* or underflow */
  ck_assert_msg(strncmp(advice(&t), "1 column 1 has mean ", 20) == 0, "%s", advice(&t));
  clf_table_free(&t);
}
END_TEST

static double seven(int64_t i, const double *x) { return (void)i, (void)x, 7; }
static double binary(int64_t i, const double *x) { return (void)x, (double)(i % 3 == 0); }
static double halves(int64_t i, const double *x) {
  return (void)x, 0.25 + 0.5 * (double)(i * i % 9);
}
static double tenths(int64_t i, const double *x) {
  return (void)x, (double)((float)(i * i % 7) * 0.1f);
}
static double spread(int64_t i, const double *x) {
  static const double values[] = {0.1, 2.718281828459045, 15.707963267948966};
  return (void)x, values[i % 3];
}
static double zeros(int64_t i, const double *x) { return i % 2 ? 0 : x[1]; }
static double sum(int64_t i, const double *x) { return (void)i, x[0] + 2 * x[1] - x[2]; }
static double fahrenheit(int64_t i, const double *x) { return (void)i, (x[1] * 9 + 1.25) / 5; }
static double sentinel(int64_t i, const double *x) {
  return i == 17 ? -99999 : i == 600 ? -999 : x[1];
}
static double outlier(int64_t i, const double *x) { return i == 17 ? 1e6 : x[1]; }

START_TEST(each_kind) {
  static const struct {
    double (*last)(int64_t i, const double *x);
    int32_t cols;
    clf_advice_kind kind;
    const char *sentence;
  } list[] = {
      {seven, 2, CLF_ADVICE_CONSTANT, "column 2 is 7 in every row and has no density"},
      {binary, 2, CLF_ADVICE_DISCRETE,
       "column 2 is discrete: 2 different values 1 apart in 3000 rows, which have no density"},
      {halves, 2, CLF_ADVICE_DISCRETE,
       "column 2 is discrete: 4 different values 0.5 apart in 3000 rows, which have no density"},
      {tenths, 2, CLF_ADVICE_DISCRETE,
       "column 2 is discrete: 4 different values 0.1 apart in 3000 rows, which have no density"},
      {spread, 2, CLF_ADVICE_FEW_VALUES,
       "column 2 has few different values, not evenly spaced, and no density (3 in 3000 rows)"},
      {zeros, 2, CLF_ADVICE_POINT_MASS,
       "column 2 has one value in many rows, a point mass without a density (0 in 50 % of the "
       "rows)"},
      {sum, 4, CLF_ADVICE_COLLINEAR,
       "column 4 is a linear combination of column 1, column 2 and column 3, so the rows have no "
       "density"},
  };
  for (size_t i = 0; i < SIZE(list); i++) {
    clf_table t = with_last(list[i].cols, list[i].last);
    says(&t, list[i].kind, list[i].sentence);
    clf_table_free(&t);
  }
}
END_TEST

/* Noise over steps of 2 leaves no point mass of a column whose deviation is 10, noise over steps of
 * 0.001 does. */
START_TEST(point_masses_on_a_grid) {
  const clf_column_grid coarse[] = {{0}, {2, 0, 38}}, fine[] = {{0}, {0.001, 0, 38}};
  clf_table t = make(40, 2, normal, 1);
  for (int64_t i = 0; i < t.rows; i++) t.at[2 * i + 1] = i % 2 ? 8 : (double)i;
  ck_assert_str_eq(advice_with(&t, 1, coarse), "");
  ck_assert_ptr_nonnull(strstr(advice_with(&t, 1, fine), "(8 in 52 % of the rows)"));
  clf_table_free(&t);
}
END_TEST

START_TEST(far_values) {
  clf_table t = with_last(2, outlier);
  ck_assert_msg(strncmp(advice(&t),
                        "5 column 2 has a value far from all others, which determines its scale: "
                        "1e+06 in row 18, where others are within -",
                        114) == 0,
                "%s", advice(&t));
  clf_table_free(&t);
  t = with_last(2, sentinel);
  ck_assert_msg(strncmp(advice(&t),
                        "5 column 2 has 2 values far from all others, which determine its scale: "
                        "-99999 in row 18, where",
                        95) == 0,
                "%s", advice(&t));
  /* Outliers in the same row of two columns do not make these collinear. */
  t.at[17 * 2] = -99999;
  t.at[600 * 2] = -999;
  ck_assert_msg(strstr(advice(&t), "; 1 other column has such values\n") != NULL, "%s", advice(&t));
  ck_assert_ptr_null(strstr(advice(&t), "combination"));
  clf_table_free(&t);
}
END_TEST

/* One of two columns that only differ in their unit is named. */
START_TEST(same_column_twice) {
  clf_table t = with_last(3, fahrenheit);
  const char *said = advice(&t);
  ck_assert_msg(strstr(said, " is a linear combination of column ") && !strstr(said, " and "), "%s",
                said);
  /* Noise within a grid makes them differ. */
  for (int64_t i = 0; i < t.rows; i++) t.at[3 * i] = t.at[3 * i + 2] = (double)(i % 5);
  const clf_column_grid grid[3] = {{1, 0, 4}, {0, 0, 0}, {1, 0, 4}}, first[3] = {{1, 0, 4}};
  ck_assert_str_eq(advice_with(&t, 0, grid), "");
  ck_assert_msg(strstr(advice_with(&t, 0, first), "2 column 3 is discrete") != NULL, "%s",
                advice_with(&t, 0, first));
  clf_table_free(&t);
}
END_TEST

START_TEST(few_rows) {
  clf_table t = make(2, 3, normal, 1);
  ck_assert_str_eq(advice(&t), "");
  clf_table_free(&t);
  t = make(1, 2, normal, 1);
  says(&t, CLF_ADVICE_CONSTANT,
       "column 1 and column 2 are each the same in every row and have no density");
  clf_table_free(&t);
}
END_TEST

/* ---- Grids ---------------------------------------------------------------------------------- */

static void grid_is(int64_t n, const double *v, double step, double first, double last) {
  clf_column_grid g = {9, 9, 9};
  ck_assert_int_eq(clf_table_grid(&(clf_table){.rows = n, .cols = 1, .at = (double *)v}, 0, &g),
                   CLF_OK);
  ck_assert_msg(fabs(g.step - step) <= 1e-12 * step && g.first == first && g.last == last,
                "the grid is %.17g from %g to %g, not %g from %g to %g", g.step, g.first, g.last,
                step, first, last);
}

START_TEST(grids) {
  grid_is(4, (const double[]){3, 0, 5, 3}, 1, 0, 5); /* no two neighbours are one apart */
  grid_is(3, (const double[]){-0.25, 0.5, 1.25}, 0.75, -0.25, 1.25);
  grid_is(4, (const double[]){0.1, 0.7, 0.3, 1.1}, 0.2, 0.1, 1.1);
  grid_is(3, (const double[]){1e6, 1e6 + 6, 1e6 + 15}, 3, 1e6, 1e6 + 15);
  grid_is(3, (const double[]){2, 2, 2}, 0, 0, 0);
  grid_is(3, (const double[]){0, 1, 3.14159265358979}, 0, 0, 0);
  grid_is(2, (const double[]){-1e308, 1e308}, 0, 0, 0);
  grid_is(2, (const double[]){0, NAN}, 0, 0, 0);
  clf_column_grid g;
  const double one = 1;
  expect(clf_table_grid(&(clf_table){.rows = 1, .cols = 1, .at = (double *)&one}, 1, &g),
         CLF_EINVAL, "there is no column 2; the table has 1");
  expect(clf_table_discrete(&(clf_table){.rows = 1, .cols = 1, .at = (double *)&one}, -1, &g),
         CLF_EINVAL, "there is no column 0; the table has 1");
}
END_TEST

/* --discrete auto takes columns that are on one grid in all rows, not only in the first ones. */
START_TEST(discrete_columns) {
  clf_table t = with_last(2, halves);
  clf_column_grid g;
  ck_assert_int_eq(clf_table_discrete(&t, 0, &g), CLF_OK);
  ck_assert_double_eq(g.step, 0);
  ck_assert_int_eq(clf_table_discrete(&t, 1, &g), CLF_OK);
  ck_assert_double_eq(g.step, 0.5);
  ck_assert_double_eq(g.first, 0.25);
  clf_table_free(&t);
  t = make(60000, 1, classes, 1);
  ck_assert_int_eq(clf_table_discrete(&t, 0, &g), CLF_OK);
  ck_assert_double_eq_tol(g.step, 1.0 / 30, 1e-12);
  t.at[59999] = 0.5 / 30; /* a finer grid */
  ck_assert_int_eq(clf_table_discrete(&t, 0, &g), CLF_OK);
  ck_assert_double_eq_tol(g.step, 0.5 / 30, 1e-12);
  t.at[59999] = 0.7182818 / 30; /* none */
  ck_assert_int_eq(clf_table_discrete(&t, 0, &g), CLF_OK);
  ck_assert_double_eq(g.step, 0);
  clf_table_free(&t);
}
END_TEST

/* A value may repeat in up to half of the rows before the density is unbounded. Codes of labels are
 * always discrete, unless the column has a single label. */
START_TEST(columns_that_repeat) {
  char *labels[] = {"a", "b", "c"};
  const clf_column category = {
      .kind = CLF_COLUMN_CATEGORY, .category_count = 3, .categories = labels};
  const double at[4][6] = {
      {1, 2, 3, 5, 5, 5}, {1, 2, 3, 3, 5, 5}, {1, 2, 2, 4, 4, 5.5}, {0.1, 0.1, 0.3, 0.3, 0.7, 0.9}};
  const double step[] = {0, 1, 0.5, 0.2};
  clf_column_grid g;
  for (int i = 0; i < 4; i++) {
    clf_table t = {.rows = 6, .cols = 1, .at = (double *)(uintptr_t)at[i]};
    ck_assert_int_eq(clf_table_discrete(&t, 0, &g), CLF_OK);
    ck_assert_double_eq_tol(g.step, step[i], 1e-12);
  }
  double codes[] = {0, 1, 0, 0}, one[] = {1, 1, 1, 1};
  clf_table t = {.rows = 4, .cols = 1, .at = codes, .columns = (clf_column *)(uintptr_t)&category};
  ck_assert_int_eq(clf_table_discrete(&t, 0, &g), CLF_OK);
  ck_assert(g.step == 1 && g.first == 0 && g.last == 2);
  t.at = one;
  ck_assert_int_eq(clf_table_discrete(&t, 0, &g), CLF_OK);
  ck_assert_double_eq(g.step, 0);
}
END_TEST

void tests_of_advice(Suite *s) {
  TCase *c = tcase_create("advice");
  tcase_add_test(c, silent_on_ordinary_data);
  tcase_add_test(c, silent_on_known_sets);
  tcase_add_test(c, silent_on_correlation);
  tcase_add_test(c, scale);
  tcase_add_test(c, each_kind);
  tcase_add_test(c, point_masses_on_a_grid);
  tcase_add_test(c, far_values);
  tcase_add_test(c, same_column_twice);
  tcase_add_test(c, few_rows);
  tcase_add_test(c, grids);
  tcase_add_test(c, discrete_columns);
  tcase_add_test(c, columns_that_repeat);
  suite_add_tcase(s, c);
}
