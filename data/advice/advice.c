/* SPDX-License-Identifier: MIT */
/* advice.c: detects what keeps a flow from learning the density of a table: columns that are far
 * from unit scale, constant, discrete, with a point mass, or linear combinations of others, and
 * single values that dominate a column's scale.
 *
 * Thresholds spare ordinary data (heavy tails, skewed columns, numbers rounded to a few digits,
 * strongly correlated measurements): tests/data/advice.c lists them. */
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "combinations.h"
#include "grids.h"
#include "names.h"
#include "status.h"
#include "table.h"

enum {
  FEWEST = 20,    /* rows; with fewer only constant columns and far scales are reported */
  FEW = 32,       /* number of values that makes a column discrete, however they are spaced */
  SAMPLE = 20000, /* rows of each column that are sorted, fewer in wide tables */
  WIDEST = 1000   /* maximum number of columns for linear combinations */
};

/* Statistics of a column. */
typedef struct profile {
  double mean, std;     /* of all rows */
  double middle, reach; /* values farther than `reach` from the median are outliers */
  int64_t distinct;     /* distinct values among the `sampled` rows */
  double common;        /* the most frequent of them, and its relative frequency */
  double share;
  clf_column_grid grid;
  int64_t far, farthest;      /* number of outliers, and the row of the farthest one */
  double rest_mean, rest_std; /* of the other values */
  double least, most;
} profile;

typedef struct study {
  const clf_table *t;
  const clf_column_grid *grid; /* t->cols, or NULL */
  int64_t sampled;             /* rows */
  profile *col;                /* t->cols */
  clf_advice *list;
  int count;
} study;

/* ---- Statistics of columns ------------------------------------------------------------------- */

static void count_values(const double *v, int64_t n, profile *c) {
  int64_t run = 0, longest = 0;
  for (int64_t i = 0; i < n; i++) {
    run = i > 0 && v[i] == v[i - 1] ? run + 1 : 1;
    if (run == 1) c->distinct++;
    if (run > longest) longest = run, c->common = v[i];
  }
  c->share = (double)longest / (double)n;
}

/* The interquartile range, or the spread of nearly all values if that is wider, in units of a
 * normal distribution's deviation.  No ordinary distribution has relevant values more than 30
 * times that far out. */
static void find_reach(const double *v, int64_t n, profile *c) {
  const double middle = (v[3 * (n - 1) / 4] - v[(n - 1) / 4]) / 1.349;
  const double nearly_all = (v[99 * (n - 1) / 100] - v[(n - 1) / 100]) / 4.65;
  c->middle = v[n / 2];
  c->reach = 30 * fmax(middle, nearly_all);
}

static clf_status sort_columns(study *s) {
  for (int32_t d = 0; d < s->t->cols; d++) {
    profile *c = &s->col[d];
    double *v = NULL;
    CLF_TRY(clf__copy_column(s->t, d, s->sampled, &v));
    clf__sort_column(v, s->sampled);
    count_values(v, s->sampled, c);
    find_reach(v, s->sampled, c);
    if (c->distinct > 1 && c->distinct <= s->sampled / 10) c->grid = clf__grid_of(v, s->sampled);
    free(v);
  }
  return CLF_OK;
}

static int is_far(const profile *c, double v) {
  return c->reach > 0 && fabs(v - c->middle) > c->reach;
}

/* Mean, deviation and outliers of all rows. */
static clf_status measure_columns(study *s) {
  const clf_table *t = s->t;
  const size_t D = (size_t)t->cols;
  double *v = malloc(2 * D * sizeof *v), farthest;
  if (!v) return clf__fail(CLF_ENOMEM, "no memory to look at %zu columns", D);
  clf_table_moments(t, NULL, 0, v, v + D);
  for (size_t d = 0; d < D; d++) {
    profile *c = &s->col[d];
    c->mean = v[d];
    c->std = v[D + d];
    c->least = INFINITY;
    c->most = -INFINITY;
  }
  free(v);
  for (int64_t i = 0; i < t->rows; i++)
    for (size_t d = 0; d < D; d++) {
      profile *c = &s->col[d];
      const double x = t->at[i * t->cols + (int64_t)d], off = x - c->middle;
      if (!is_far(c, x)) {
        c->rest_mean += off;
        c->rest_std += off * off;
        c->least = fmin(c->least, x);
        c->most = fmax(c->most, x);
        continue;
      }
      farthest = c->far ? fabs(t->at[c->farthest * t->cols + (int64_t)d] - c->middle) : 0;
      if (c->far++ == 0 || fabs(off) > farthest) c->farthest = i;
    }
  for (size_t d = 0; d < D; d++) {
    profile *c = &s->col[d];
    const double n = (double)(t->rows - c->far);
    c->rest_mean /= n;
    c->rest_std = sqrt(fmax(c->rest_std / n - c->rest_mean * c->rest_mean, 0));
  }
  return CLF_OK;
}

/* ---- Judging columns ---------------------------------------------------------------- */

static int is_constant(const study *s, const profile *c) {
  (void)s;
  return c->far == 0 && c->least == c->most;
}

static int has_few_values(const study *s, const profile *c) {
  return s->sampled >= FEWEST && c->distinct > 1 && c->distinct <= s->sampled / 10;
}

/* On a grid that is coarse compared with the column's deviation, or with few values. */
static int is_discrete(const study *s, const profile *c) {
  return has_few_values(s, c) && c->grid.step > 0 &&
         (c->distinct <= FEW || c->grid.step >= c->rest_std / 20);
}

/* Few values that are not evenly spaced. */
static int is_scattered(const study *s, const profile *c) {
  return has_few_values(s, c) && c->grid.step == 0 && c->distinct <= FEW;
}

/* Noise of one step spreads a value over its neighbours, unless the steps are narrow. */
static int is_spread_by_noise(const study *s, const profile *c) {
  return s->grid && s->grid[c - s->col].step >= c->rest_std / 20;
}

static int has_point_mass(const study *s, const profile *c) {
  return s->sampled >= FEWEST && c->distinct > 1 && c->share > 0.25 && !is_discrete(s, c) &&
         !is_scattered(s, c) && !is_spread_by_noise(s, c);
}

static int is_ruled(const study *s, const profile *c) {
  return s->t->rows >= FEWEST && c->far > 0 && (c->far == 1 || c->far <= s->t->rows / 200) &&
         c->std > 2 * c->rest_std;
}

/* Outliers are reported separately. */
static int is_off_scale(const study *s, const profile *c) {
  const int ruled = is_ruled(s, c);
  const double mean = ruled ? c->middle + c->rest_mean : c->mean,
               std = ruled ? c->rest_std : c->std;
  return !is_constant(s, c) && !(fabs(mean) <= 10 && std <= 10 && std >= 0.1);
}

/* ---- Sentences ---------------------------------------------------------------------- */

enum { NAMED = 3 }; /* columns named in a sentence */

static void add(study *s, clf_advice_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void add(study *s, clf_advice_kind kind, const char *fmt, ...) {
  clf_advice *a = &s->list[s->count++];
  va_list args;
  a->kind = kind;
  va_start(args, fmt);
  vsnprintf(a->sentence, sizeof a->sentence, fmt, args);
  va_end(args);
}

typedef struct names {
  char s[320];
} names;

/* "column 1 ("a"), column 2 ("b") and 5 more" */
static names name_columns(const study *s, const int32_t *list, int32_t count) {
  names n = {""};
  const int32_t shown = count > NAMED + 1 ? NAMED : count;
  for (int32_t k = 0; k < shown; k++) {
    const size_t used = strlen(n.s);
    const char *gap = k == 0 ? "" : k + 1 == count ? " and " : ", ";
    snprintf(n.s + used, sizeof n.s - used, "%s%s", gap, clf__column_label(s->t->names, list[k]).s);
  }
  const size_t used = strlen(n.s);
  if (shown < count) snprintf(n.s + used, sizeof n.s - used, " and %d more", (int)(count - shown));
  return n;
}

typedef int (*judge)(const study *s, const profile *c);

/* The columns for which `is` holds, except those in `skip` (may be NULL). */
static int32_t collect(const study *s, judge is, const clf_column_grid *skip, int32_t *list) {
  int32_t n = 0;
  for (int32_t d = 0; d < s->t->cols; d++)
    if (!(skip && skip[d].step > 0) && is(s, &s->col[d])) list[n++] = d;
  return n;
}

/* A clause about the columns of a list, with figures for the first one. */
static void say_scale(study *s, const int32_t *list, int32_t n) {
  const profile *c = &s->col[list[0]];
  if (n == 1)
    add(s, CLF_ADVICE_SCALE,
        "%s has mean %.3g and standard deviation %.3g, far from 0 and 1, where training starts",
        name_columns(s, list, n).s, c->mean, c->std);
  else
    add(s, CLF_ADVICE_SCALE,
        "%s are far from mean 0 and standard deviation 1, where training starts (%s has %.3g and "
        "%.3g)",
        name_columns(s, list, n).s, clf__column_label(s->t->names, list[0]).s, c->mean, c->std);
}

static void say_constant(study *s, const int32_t *list, int32_t n) {
  if (n == 1)
    add(s, CLF_ADVICE_CONSTANT, "%s is %g in every row and has no density",
        name_columns(s, list, n).s, s->col[list[0]].mean);
  else
    add(s, CLF_ADVICE_CONSTANT, "%s are each the same in every row and have no density",
        name_columns(s, list, n).s);
}

static void say_discrete(study *s, const int32_t *list, int32_t n) {
  const profile *c = &s->col[list[0]];
  if (n == 1)
    add(s, CLF_ADVICE_DISCRETE,
        "%s is discrete: %" PRId64 " different values %.6g apart in %" PRId64
        " rows, which have no density",
        name_columns(s, list, n).s, c->distinct, c->grid.step, s->sampled);
  else
    add(s, CLF_ADVICE_DISCRETE,
        "%s are discrete and have no density (%s has %" PRId64 " different values %.6g apart in "
        "%" PRId64 " rows)",
        name_columns(s, list, n).s, clf__column_label(s->t->names, list[0]).s, c->distinct,
        c->grid.step, s->sampled);
}

static void say_scattered(study *s, const int32_t *list, int32_t n) {
  add(s, CLF_ADVICE_FEW_VALUES,
      "%s %s few different values, not evenly spaced, and no density (%" PRId64 " in %" PRId64
      " rows)",
      name_columns(s, list, n).s, n == 1 ? "has" : "have", s->col[list[0]].distinct, s->sampled);
}

static void say_point_mass(study *s, const int32_t *list, int32_t n) {
  const profile *c = &s->col[list[0]];
  add(s, CLF_ADVICE_POINT_MASS,
      "%s %s one value in many rows, a point mass without a density (%g in %.0f %% of the rows)",
      name_columns(s, list, n).s, n == 1 ? "has" : "have", c->common, 100 * c->share);
}

static void say_ruled(study *s, const int32_t *list, int32_t n) {
  const profile *c = &s->col[list[0]];
  char values[64] = "a value", more[96] = "";
  if (c->far > 1) snprintf(values, sizeof values, "%" PRId64 " values", c->far);
  if (n > 1)
    snprintf(more, sizeof more, "; %d other column%s such values", (int)n - 1,
             n == 2 ? " has" : "s have");
  add(s, CLF_ADVICE_OUTLIER,
      "%s has %s far from all others, which determine%s its scale: %.6g in row %" PRId64
      ", where others are within %.6g to %.6g (standard deviation %.3g with %s, %.3g without)%s",
      clf__column_label(s->t->names, list[0]).s, values, c->far > 1 ? "" : "s",
      s->t->at[c->farthest * s->t->cols + list[0]], c->farthest + 1, c->least, c->most, c->std,
      c->far > 1 ? "them" : "it", c->rest_std, more);
}

/* ---- Linear combinations ------------------------------------------------------------ */

/* Rows without outliers, which would correlate columns by themselves. */
static int is_ordinary(const study *s, const int32_t *list, int32_t n, const double *x) {
  for (int32_t k = 0; k < n; k++)
    if (is_far(&s->col[list[k]], x[list[k]])) return 0;
  return 1;
}

/* Sums of products of the listed columns, standardised, over evenly spaced rows; row n of C
 * receives the sums.  Returns the number of rows. */
static int64_t sum_products(const study *s, const int32_t *list, int32_t n, int64_t rows, double *C,
                            double *z) {
  int64_t used = 0;
  for (int64_t i = 0; i < rows; i++) {
    const int64_t row = (int64_t)((double)i * (double)s->t->rows / (double)rows);
    const double *x = s->t->at + row * s->t->cols;
    if (!is_ordinary(s, list, n, x)) continue;
    used++;
    for (int32_t k = 0; k < n; k++) {
      const profile *c = &s->col[list[k]];
      z[k] = (x[list[k]] - c->middle - c->rest_mean) / c->rest_std;
      C[(int64_t)n * n + k] += z[k];
    }
    for (int32_t k = 0; k < n; k++)
      for (int32_t j = 0; j <= k; j++) C[(int64_t)k * n + j] += z[k] * z[j];
  }
  return used;
}

/* From sums of products to correlations. */
static void correlate(double *C, int32_t n, int64_t rows, double *root) {
  const double *sum = C + (int64_t)n * n, m = (double)rows;
  for (int32_t k = 0; k < n; k++)
    for (int32_t j = 0; j <= k; j++) C[(int64_t)k * n + j] -= sum[k] * sum[j] / m;
  for (int32_t k = 0; k < n; k++) root[k] = sqrt(fmax(C[(int64_t)k * n + k], DBL_MIN));
  for (int32_t k = 0; k < n; k++)
    for (int32_t j = 0; j <= k; j++)
      C[(int64_t)k * n + j] = C[(int64_t)j * n + k] = C[(int64_t)k * n + j] / root[k] / root[j];
}

static int varies(const study *s, const profile *c) {
  (void)s;
  return c->rest_std > 0;
}

static void say_combination(study *s, const int32_t *list, const clf__combination *c) {
  int32_t of[CLF_TERMS];
  char more[64] = "";
  for (int32_t k = 0; k < CLF_TERMS && k < c->terms; k++) {
    int32_t i = k;
    for (; i > 0 && of[i - 1] > list[c->of[k]]; i--) of[i] = of[i - 1];
    of[i] = list[c->of[k]];
  }
  if (c->dependent > 1)
    snprintf(more, sizeof more, "; %d other column%s such a combination", (int)c->dependent - 1,
             c->dependent == 2 ? " is" : "s are each");
  const clf__label label = clf__column_label(s->t->names, list[c->column]);
  if (c->terms > CLF_TERMS)
    add(s, CLF_ADVICE_COLLINEAR,
        "%s is a linear combination of %d other columns, so the rows have no density%s", label.s,
        (int)c->terms, more);
  else
    add(s, CLF_ADVICE_COLLINEAR, "%s is a linear combination of %s, so the rows have no density%s",
        label.s, name_columns(s, of, c->terms).s, more);
}

/* Columns with a grid are left out, since noise makes them independent.  Uses as many rows as
 * are cheap, but at least four per column. */
static clf_status find_combinations(study *s, int32_t *list) {
  const int32_t n = collect(s, varies, s->grid, list);
  const double fair = 3e8 / ((double)n * n + 1);
  int64_t rows = s->t->rows;
  if ((double)rows > fmax(fair, 4.0 * n)) rows = (int64_t)fmax(fair, 4.0 * n);
  if (n < 2 || n > WIDEST || rows < 2 * (int64_t)n || rows < FEWEST) return CLF_OK;
  const size_t N = (size_t)n;
  double *C = calloc(N * N + 3 * N, sizeof *C);
  if (!C) return clf__fail(CLF_ENOMEM, "no memory for the correlations of %d columns", (int)n);
  clf__combination found = {0};
  const int64_t used = sum_products(s, list, n, rows, C, C + N * N + N);
  clf_status status = CLF_OK;
  if (used >= 2 * (int64_t)n) {
    correlate(C, n, used, C + N * N + 2 * N);
    status = clf__find_combination(C, n, 1e-5, &found);
  }
  free(C);
  if (!status && found.dependent) say_combination(s, list, &found);
  return status;
}

/* ---- All advice ------------------------------------------------------------------------------ */

static clf_status give_advice(study *s, int scaled, int32_t *list) {
  static const struct {
    judge is;
    void (*say)(study *s, const int32_t *list, int32_t n);
  } rules[] = {{is_constant, say_constant},      {is_off_scale, say_scale},
               {is_discrete, say_discrete},      {is_scattered, say_scattered},
               {has_point_mass, say_point_mass}, {is_ruled, say_ruled}};
  for (size_t r = 0; r < sizeof rules / sizeof *rules; r++) {
    if (rules[r].is == is_off_scale && scaled) continue;
    const int32_t n = collect(s, rules[r].is, rules[r].is == is_discrete ? s->grid : NULL, list);
    if (n) rules[r].say(s, list, n);
  }
  return find_combinations(s, list);
}

static clf_status make_study(const clf_table *t, study *s) {
  const int64_t wide = 1000000 / (int64_t)t->cols, most = wide < 2000 ? 2000 : wide;
  s->t = t;
  s->sampled = t->rows < most ? t->rows : most;
  if (s->sampled > SAMPLE) s->sampled = SAMPLE;
  s->col = calloc((size_t)t->cols, sizeof *s->col);
  s->list = calloc(CLF_ADVICE_KINDS, sizeof *s->list);
  if (!s->col || !s->list)
    return clf__fail(CLF_ENOMEM, "no memory to look at %d columns", (int)t->cols);
  CLF_TRY(sort_columns(s));
  return measure_columns(s);
}

clf_status clf_table_advise(const clf_table *t, int scaled, const clf_column_grid *grid,
                            clf_advice **advice, int *count) {
  CLF_GIVEN("t, advice, count", t, advice, count);
  CLF_TRY(clf__table_has_rows(t));
  study s = {.grid = grid};
  clf_status status = make_study(t, &s);
  int32_t *list = malloc((size_t)t->cols * sizeof *list);
  if (!status && !list) status = clf__fail(CLF_ENOMEM, "no memory to look at %d columns", t->cols);
  if (!status) status = give_advice(&s, scaled, list);
  free(list);
  free(s.col);
  if (status) {
    free(s.list);
    return status;
  }
  *advice = s.list;
  *count = s.count;
  return CLF_OK;
}
