/* SPDX-License-Identifier: MIT */
/* treat.c: clf_table_treat() on columns of known distributions, with 50 to 50,000 rows; errors; its
 * text is an architecture with a finite density. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clflow/clflow.h"
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
static double exponential(void) { return -log(uniform()); }
static double lognormal(void) { return exp(1 + normal()); }
static double shifted_lognormal(void) { return 1000 + exp(1.2 * normal()); }
static double negative_lognormal(void) { return 100 - exp(1.2 * normal()); }
static double arcsine(void) {
  return pow(sin(1.5707963267948966 * uniform()), 2);
} /* beta(1/2, 1/2) */
static double percent(void) { return 100 * arcsine(); }
static double beta25(void) { /* an order statistic of six uniforms */
  double least = 1, next = 1;
  for (int i = 0; i < 6; i++) {
    const double u = uniform();
    if (u < least) {
      next = least;
      least = u;
    } else if (u < next) {
      next = u;
    }
  }
  return next;
}
static double interval(void) { return 7 + 4 * uniform(); }
static double student(int df) {
  double square = 0;
  for (int i = 0; i < df; i++) square += pow(normal(), 2);
  return 5 + 0.1 * normal() / sqrt(square / df);
}
static double student1(void) { return student(1); }
static double student3(void) { return student(3); }
static double two_modes(void) { return (uniform() < 0.5 ? -4 : 4) + normal(); }
static double poisson(void) {
  int k = 0;
  for (double p = uniform(); p > exp(-3.); p *= uniform()) k++;
  return k;
}
static double geometric(void) { return floor(-8 * log(uniform())); }
static double skewed_counts(void) { return floor(exp(3 + 1.5 * normal())); }
static double often_zero(void) { return uniform() < 0.3 ? 0 : exp(normal()); }
static double one_far(void) { return normal(); } /* the test puts it there */

static clf_table drawn(double (*draw)(void), int64_t rows, uint64_t seed) {
  clf_table t;
  ck_assert_int_eq(clf_table_new(rows, 1, &t), CLF_OK);
  state = 1000 * seed + 77;
  for (int64_t i = 0; i < rows; i++) t.at[i] = draw();
  if (draw == one_far) t.at[rows / 2] = 1e6;
  return t;
}

/* ---- What is chosen -------------------------------------------------------------------------- */

enum {
  N = 1 << CLF_TREAT_NONE,
  L = 1 << CLF_TREAT_LOG,
  B = 1 << CLF_TREAT_LOGIT,
  A = 1 << CLF_TREAT_ASINH
};

/* The right treatments with few rows, and with 1000 and more. */
static const struct {
  const char *name;
  double (*draw)(void);
  int few, many;
} kinds[] = {
    {"normal", normal, N, N},
    {"two modes", two_modes, N, N},
    {"beta(2, 5)", beta25, N, N},
    {"Poisson counts", poisson, N, N},
    {"lognormal", lognormal, N | L | A, L},
    {"exponential", exponential, N | L | A, L},
    {"shifted lognormal", shifted_lognormal, N | B | A, A},
    {"negative lognormal", negative_lognormal, N | A, A},
    {"beta(1/2, 1/2)", arcsine, N | B, B},
    {"percentages", percent, N | B, B},
    {"uniform", interval, N | B, N},
    {"Student's t, 1", student1, N | A, A},
    {"Student's t, 3", student3, N | A, N | A},
    {"geometric counts", geometric, N | L | A, L | A},
    {"skewed counts", skewed_counts, N | L | A, L | A},
    {"30% zeros", often_zero, N | L | A, L | A},
    {"one value far off", one_far, A, A},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* The log-density of a value under the treatment and a normal base, from an untrained flow. */
static double density(const char *head, const clf_table *t, double x) {
  char text[256];
  clf_device *dev = NULL;
  clf_flow *f = NULL;
  clf_arch *arch = NULL;
  clf_trainer *trainer = NULL;
  double logp = NAN;
  snprintf(text, sizeof text, "1: %s -> normal", head);
  ck_assert_msg(!clf_arch_parse(text, &arch), "%s: %s", text, clf_errmsg());
  ck_assert_int_eq(clf_open("cpu", &dev), CLF_OK);
  ck_assert_msg(!clf_flow_create_arch(dev, arch, 1, &f), "%s", clf_errmsg());
  clf_train_options o = clf_train_options_default();
  ck_assert_msg(!clf_trainer_create(f, t, &o, &trainer), "%s: %s", text, clf_errmsg());
  ck_assert_msg(!clf_log_prob(f, &x, 1, &logp), "%s", clf_errmsg());
  clf_trainer_free(trainer);
  clf_flow_free(f);
  clf_arch_free(arch);
  clf_close(dev);
  return logp;
}

/* Far below, at the ends, and far above, -log p grows like the tails of a normal distribution with
 * the scale of the column, or a larger one. */
static void expect_sane(const char *what, const clf_treatments *s, const clf_table *t) {
  const clf_treatment *c = &s->column[0];
  if (c->kind == CLF_TREAT_NONE) return;
  double low = INFINITY, high = -INFINITY;
  for (int64_t i = 0; i < t->rows; i++) {
    low = fmin(low, t->at[i]);
    high = fmax(high, t->at[i]);
  }
  const double x[] = {low - (high - low), low, high, high + (high - low)};
  for (int i = 0; i < 4; i++) {
    const double logp = density(s->head, t, x[i]);
    ck_assert_msg(logp > -200 && logp < 30, "%s, %s: log p(%g) = %g", what, s->head, x[i], logp);
  }
}

START_TEST(kinds_of_columns) {
  static const int64_t rows[] = {50, 200, 1000, 5000, 50000};
  static const int seeds[] = {6, 4, 4, 2, 1};
  for (int z = 0; z < 5; z++)
    for (int seed = 0; seed < seeds[z]; seed++) {
      clf_table t = drawn(kinds[_i].draw, rows[z], (uint64_t)seed);
      clf_column_grid grid = {0};
      clf_treatments s;
      ck_assert_int_eq(clf_table_discrete(&t, 0, &grid), CLF_OK);
      ck_assert_msg(!clf_table_treat(&t, NULL, 0, &grid, &s), "%s", clf_errmsg());
      const int right = rows[z] < 1000 ? kinds[_i].few : kinds[_i].many;
      ck_assert_msg(right >> s.column[0].kind & 1, "%s, %d rows, seed %d: %s", kinds[_i].name,
                    (int)rows[z], seed, s.head);
      ck_assert_msg(!!*s.column[0].sentence >= (s.column[0].kind != CLF_TREAT_NONE), "%s", s.head);
      if (seed == 0 && rows[z] <= 1000) expect_sane(kinds[_i].name, &s, &t);
      clf_treatments_free(&s);
      clf_table_free(&t);
    }
}
END_TEST

/* Columns of one table, by name; a category is never treated. */
START_TEST(several_columns) {
  static char *names[] = {"age", "income", "class", "t"};
  clf_column columns[4] = {{.kind = CLF_COLUMN_NUMBER},
                           {.kind = CLF_COLUMN_NUMBER},
                           {.kind = CLF_COLUMN_CATEGORY},
                           {.kind = CLF_COLUMN_NUMBER}};
  clf_table t;
  clf_treatments s;
  ck_assert_int_eq(clf_table_new(2000, 4, &t), CLF_OK);
  state = 5;
  for (int64_t i = 0; i < t.rows; i++) {
    double *const x = t.at + 4 * i;
    x[0] = normal();
    x[1] = lognormal();
    x[2] = lognormal();
    x[3] = student1();
  }
  t.names = names;
  t.columns = columns;
  ck_assert_msg(!clf_table_treat(&t, NULL, 0, NULL, &s), "%s", clf_errmsg());
  ck_assert_int_eq(s.cols, 4);
  ck_assert_msg(!strncmp(s.head, "columns(1: softlog(0, ", 22) &&
                    strstr(s.head, "), 3: asinh(4.998, ") && strstr(s.head, ")), standardize"),
                "%s", s.head);
  ck_assert_str_eq(s.column[0].sentence, "");
  const char *said = s.column[1].sentence;
  ck_assert_msg(
      !strncmp(said, "column 2 (\"income\"): values are not negative, with a median of ", 63) &&
          strstr(said, "; it is modelled by the logarithm, which gains 0."),
      "%s", said);
  t.names = NULL;
  t.columns = NULL;
  clf_treatments_free(&s);
  clf_table_free(&t);
}
END_TEST

/* A value that most rows have is reported, with or without a treatment. */
START_TEST(point_masses) {
  clf_table t = drawn(often_zero, 1000, 3);
  clf_treatments s;
  ck_assert_int_eq(clf_table_treat(&t, NULL, 0, NULL, &s), CLF_OK);
  ck_assert_msg(strstr(s.column[0].sentence, "% of the rows are exactly 0") != NULL, "%s",
                s.column[0].sentence);
  clf_treatments_free(&s);
  for (int64_t i = 0; i < t.rows; i++) t.at[i] = i == 7 ? 1e6 : 3;
  ck_assert_int_eq(clf_table_treat(&t, NULL, 0, NULL, &s), CLF_OK);
  ck_assert_str_eq(s.head, "standardize");
  ck_assert_str_eq(s.column[0].sentence,
                   "column 1: 100% of the rows are exactly 3, a point that no density describes");
  clf_treatments_free(&s);
  for (int64_t i = 0; i < t.rows; i++) t.at[i] = 3;
  ck_assert_int_eq(clf_table_treat(&t, NULL, 0, NULL, &s), CLF_OK);
  ck_assert_str_eq(s.column[0].sentence, "");
  clf_treatments_free(&s);
  clf_table_free(&t);
}
END_TEST

/* The sentence has values of the table, not those with the noise of a grid. */
START_TEST(values_without_noise) {
  clf_table t;
  clf_treatments s;
  ck_assert_int_eq(clf_table_new(300, 1, &t), CLF_OK);
  for (int64_t i = 0; i < t.rows; i++) t.at[i] = 1900 + (i % 30 ? (double)(i % 5) : 100);
  ck_assert_int_eq(clf_table_treat(&t, NULL, 0, &(clf_column_grid){1, 1900, 2000}, &s), CLF_OK);
  ck_assert_msg(!strncmp(s.column[0].sentence, "column 1: values reach from 1900 to 2000, ", 42),
                "%s", s.column[0].sentence);
  clf_treatments_free(&s);
  clf_table_free(&t);
}
END_TEST

/* Rows that are not listed are ignored. */
START_TEST(listed_rows) {
  clf_table t = drawn(one_far, 1000, 1);
  int64_t index[999];
  clf_treatments s;
  for (int i = 0; i < 999; i++) index[i] = i < 500 ? i : i + 1;
  ck_assert_int_eq(clf_table_treat(&t, index, 999, NULL, &s), CLF_OK);
  ck_assert_str_eq(s.head, "standardize");
  clf_treatments_free(&s);
  index[3] = 1000;
  ck_assert_int_eq(clf_table_treat(&t, index, 999, NULL, &s), CLF_EINVAL);
  ck_assert_str_eq(clf_errmsg(), "there is no row 1000; the table has 1000");
  ck_assert_int_eq(clf_table_treat(&t, index, 0, NULL, &s), CLF_EINVAL);
  t.at[9] = NAN;
  ck_assert_int_eq(clf_table_treat(&t, NULL, 0, NULL, &s), CLF_ENUM);
  ck_assert_str_eq(clf_errmsg(), "row 10, column 1 of the data is nan");
  ck_assert_int_eq(clf_table_treat(NULL, NULL, 0, NULL, &s), CLF_EINVAL);
  clf_table_free(&t);
}
END_TEST

void tests_of_treatments(Suite *s) {
  TCase *tc = tcase_create("treatments");
  tcase_set_timeout(tc, 120);
  tcase_add_loop_test(tc, kinds_of_columns, 0, KINDS);
  tcase_add_test(tc, several_columns);
  tcase_add_test(tc, point_masses);
  tcase_add_test(tc, values_without_noise);
  tcase_add_test(tc, listed_rows);
  suite_add_tcase(s, tc);
}
