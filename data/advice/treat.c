/* SPDX-License-Identifier: MIT */
/* treat.c: chooses a map for each column of a table, by the density of small mixtures after it. */
#include "clflow/treat.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "grids.h"
#include "names.h"
#include "random.h"
#include "status.h"
#include "table.h"
#include "treat_score.h"

enum { FEWEST = 20 /* rows; fewer do not show a distribution */ };

/* A column under evaluation. */
typedef struct column {
  const clf_table *t;
  const int64_t *index; /* rows; NULL: all */
  int64_t count;
  int32_t d;
  double step;      /* of its grid; 0: none */
  double low, high; /* its least and greatest value, without noise */
  double *sorted;   /* (count) with noise within the step */
  double *v;        /* (n) of them in random order, with point masses reduced */
  int32_t n;
  double mean, std;
  double common; /* the most frequent value, its relative frequency, and that of the next one */
  double share, next;
} column;

static double quantile(const column *c, double p) {
  return c->sorted[(int64_t)(p * (double)(c->count - 1) + 0.5)];
}

/* ---- Sampling -------------------------------------------------------------------------------- */

static clf_status take(column *c) {
  double sum = 0, squares = 0;
  c->low = INFINITY;
  c->high = -INFINITY;
  for (int64_t i = 0; i < c->count; i++) {
    const int64_t row = c->index ? c->index[i] : i;
    if (row < 0 || row >= c->t->rows)
      return clf__fail(CLF_EINVAL, "there is no row %lld; the table has %lld", (long long)row,
                       (long long)c->t->rows);
    const double x = c->t->at[row * c->t->cols + c->d];
    if (!isfinite(x))
      return clf__fail(CLF_ENUM, "row %lld, %s of the data is %g", (long long)row + 1,
                       clf__column_label(c->t->names, c->d).s, x);
    c->low = fmin(c->low, x);
    c->high = fmax(c->high, x);
    c->sorted[i] = x + c->step * (clf__uniform(1, (uint64_t)i) - 0.5);
    sum += c->sorted[i];
  }
  c->mean = sum / (double)c->count;
  for (int64_t i = 0; i < c->count; i++) squares += pow(c->sorted[i] - c->mean, 2);
  c->std = sqrt(squares / (double)c->count);
  clf__sort_column(c->sorted, c->count);
  return CLF_OK;
}

static void find_common(column *c) {
  int64_t longest = 0, next = 0;
  for (int64_t i = 0, end; i < c->count; i = end) {
    for (end = i; end < c->count && c->sorted[end] == c->sorted[i];) end++;
    if (end - i > longest) {
      next = longest;
      longest = end - i;
      c->common = c->sorted[i];
    } else if (end - i > next) {
      next = end - i;
    }
  }
  c->share = (double)longest / (double)c->count;
  c->next = (double)next / (double)c->count;
}

/* Each value at most as often as 1 % of the rows, and twice; of these, random rows. */
static clf_status draw(column *c) {
  const int64_t most = c->count / 100 > 2 ? c->count / 100 : 2;
  double *left = malloc((size_t)c->count * sizeof *left);
  if (!left) return clf__fail(CLF_ENOMEM, "no memory for %lld numbers", (long long)c->count);
  int64_t n = 0, run = 0;
  for (int64_t i = 0; i < c->count; i++) {
    run = i && c->sorted[i] == c->sorted[i - 1] ? run + 1 : 1;
    if (run <= most) left[n++] = c->sorted[i];
  }
  const int64_t room = 20 * CLF_TREAT_ROWS / c->t->cols; /* wide tables take no more time */
  const int64_t rows = room < 500 ? 500 : room < CLF_TREAT_ROWS ? room : CLF_TREAT_ROWS;
  c->n = (int32_t)(n < rows ? n : rows);
  for (int32_t i = 0; i < c->n; i++) { /* the first steps of a shuffle */
    const int64_t k = i + (int64_t)(clf__uniform(2, (uint64_t)i) * (double)(n - i));
    c->v[i] = left[k];
    left[k] = left[i];
  }
  free(left);
  return CLF_OK;
}

/* ---- Candidates ------------------------------------------------------------------------------ */

typedef struct candidate {
  clf_treatment_kind kind;
  bounds_column map;
  double least; /* minimum gain, nats per row */
} candidate;

/* The minimum gain of maps.  The logit of a column that is uniform, or whose density ends
 * softly, gains up to 0.11 nats by itself, but a joint density of two such columns loses up to
 * 0.05, as in the data sets checkerboard and moons. */
#define CLEAR 0.02
#define CLEAR_LOGIT 0.12

enum { CANDIDATES = 32 };
typedef struct candidates {
  candidate at[CANDIDATES];
  int n;
} candidates;

static const bounds_column no_map = {BOUNDS_IDENTITY, 0, 0, 0};

/* The standard deviation of a normal distribution with these quantiles. */
static double spread_between(const column *c, double p, double deviations) {
  return (quantile(c, 1 - p) - quantile(c, p)) / deviations;
}
/* From the middle half or, if that is a single value, from the middle 90 %. */
static double spread_of(const column *c) {
  const double half = spread_between(c, 0.25, 1.349);
  return half > 0 ? half : spread_between(c, 0.05, 3.29);
}

/* To a hundredth of `unit`, so that a text has few digits. */
static double rounded(double v, double unit) {
  const double step = pow(10, floor(log10(unit)) - 2);
  return round(v / step) * step + 0.; /* no -0 */
}

static void add(candidates *s, clf_treatment_kind kind, int map, double a, double b, double c,
                double least) {
  if (s->n < CANDIDATES) s->at[s->n++] = (candidate){kind, {map, a, b, c}, least};
}

/* A logarithm if all values are positive or 0 and differ by a large factor; its offset is half
 * of the smallest distance to 0, or a quantile if small values do not matter. */
static void add_logs(const column *c, candidates *s) {
  const double zero = c->step > 0 ? -0.5 * c->step : 0, most = c->sorted[c->count - 1] - zero;
  int64_t i = 0;
  if (c->sorted[0] < zero) return;
  while (i < c->count - 1 && c->sorted[i] - zero <= 1e-6 * most) i++;
  const double from[] = {0.5 * (c->sorted[i] - zero), quantile(c, 0.03) - zero,
                         quantile(c, 0.15) - zero};
  for (int k = 0; k < 3; k++) {
    const double start = fmax(from[k], 0.5 * c->step);
    if (start >= from[0] && most > 5 * start)
      add(s, CLF_TREAT_LOG, BOUNDS_SOFTLOG, zero, rounded(start, start), 0, CLEAR);
  }
}

/* The minimum gain of a logit; INFINITY without rows at both ends: 1 % of them within 5 % of the
 * interval at each end.  A density that is higher there, 15 % of the rows at both ends instead
 * of 10 %, is sufficient evidence. */
static double least_of_logit(const column *c, double low, double high) {
  const double near = 0.05 * (high - low), all = (double)c->count;
  int64_t below = 0, above = 0;
  for (int64_t i = 0; i < c->count; i++) {
    below += c->sorted[i] < low + near;
    above += c->sorted[i] > high - near;
  }
  if ((double)below < 0.01 * all || (double)above < 0.01 * all) return INFINITY;
  return (double)(below + above) < 0.15 * all ? CLEAR_LOGIT : CLEAR;
}

/* Usual bounds, and those that the rows show. */
static void add_logits(const column *c, candidates *s) {
  static const double natural[][2] = {{0, 1}, {0, 100}, {-1, 1}};
  static const double tails[] = {0.01, 0.001};
  const double least = c->sorted[0], most = c->sorted[c->count - 1], half = 0.5 * c->step;
  const double margin = fmax((most - least) / (double)c->count, half), unit = 0.1 * margin;
  for (size_t k = 0; k < 2; k++) {
    for (size_t i = 0; i < sizeof natural / sizeof *natural; i++) {
      const double low = natural[i][0] - half, high = natural[i][1] + half;
      if (least >= low && most <= high)
        add(s, CLF_TREAT_LOGIT, BOUNDS_SOFTLOGIT, low, high, tails[k],
            least_of_logit(c, low, high));
    }
    add(s, CLF_TREAT_LOGIT, BOUNDS_SOFTLOGIT, rounded(least - margin, unit),
        rounded(most + margin, unit), tails[k], least_of_logit(c, least, most));
  }
}

/* Around the median; and around a low or a high quantile if the opposite side is longer. */
static void add_asinhs(const column *c, double spread, candidates *s) {
  static const double around[] = {2, 0.7, 0.25}, aside[] = {0.6, 0.2, 0.05};
  const double below = quantile(c, 0.5) - quantile(c, 0.05);
  const double above = quantile(c, 0.95) - quantile(c, 0.5);
  const double longer = fmax(below, above), shorter = fmin(below, above);
  const double aside_of = quantile(c, above > below ? 0.02 : 0.98);
  for (int k = 0; k < 3; k++)
    add(s, CLF_TREAT_ASINH, BOUNDS_ASINH, rounded(quantile(c, 0.5), spread),
        rounded(around[k] * spread, spread), 0, CLEAR);
  for (int k = 0; k < 3 && longer > 1.5 * shorter; k++)
    add(s, CLF_TREAT_ASINH, BOUNDS_ASINH, rounded(aside_of, aside[k] * spread),
        rounded(aside[k] * spread, aside[k] * spread), 0, CLEAR);
}

/* ---- The choice ------------------------------------------------------------------------------ */

/* Mean gain of scores over those of the untransformed column, and its standard error; the gain
 * of a single row counts as at most 20 nats. */
static double gain_of(const double *score, const double *plain, int32_t n, double *error) {
  double sum = 0, squares = 0;
  for (int32_t i = 0; i < n; i++) {
    const double g = fmax(-20, fmin(score[i] - plain[i], 20));
    sum += g;
    squares += g * g;
  }
  *error = sqrt(fmax(squares / n - pow(sum / n, 2), 0) / n);
  return sum / n;
}

/* A later candidate must be better than an earlier one by this. */
#define PREFERRED 0.005

static double choose(const column *c, const candidates *s, candidate *best) {
  double plain[CLF_TREAT_ROWS], score[CLF_TREAT_ROWS], most = 0;
  clf__treat_score(c->v, c->n, no_map, plain);
  for (int i = 0; i < s->n; i++) {
    double error;
    clf__treat_score(c->v, c->n, s->at[i].map, score);
    const double gain = gain_of(score, plain, c->n, &error);
    if (gain < s->at[i].least || gain < 3 * error || (most > 0 && gain < most + PREFERRED))
      continue;
    most = gain;
    *best = s->at[i];
  }
  return most;
}

/* Whether single values determine the standard deviation, or are so far out that they would
 * dominate what a flow learns. */
static int is_ruled_by_few(const column *c) {
  const double bulk =
      c->count >= 500 ? spread_between(c, 0.01, 4.653) : spread_between(c, 0.05, 3.29);
  const double middle = quantile(c, 0.5);
  const double far = fmax(c->sorted[c->count - 1] - middle, middle - c->sorted[0]);
  return bulk > 0 && (c->std > 3 * bulk || far > 10 * bulk);
}

/* ---- Sentences ------------------------------------------------------------------------------- */

/* The value of the table from which a value with noise was made. */
static double on_grid(const column *c, double v) {
  return c->step > 0 ? c->low + c->step * round((v - c->low) / c->step) : v;
}

static void say_seen(const column *c, clf_treatment_kind kind, double spread, char *to,
                     size_t size) {
  const double low = c->sorted[0], high = c->sorted[c->count - 1], middle = quantile(c, 0.5);
  int64_t near = 0;
  for (int64_t i = 0; i < c->count; i++)
    near += fmin(c->sorted[i] - low, high - c->sorted[i]) < 0.02 * (high - low);
  if (kind == CLF_TREAT_LOG)
    snprintf(to, size, "values are not negative, with a median of %.6g and a maximum of %.6g",
             on_grid(c, middle), c->high);
  else if (kind == CLF_TREAT_LOGIT)
    snprintf(to, size, "values end at %.6g and %.6g, with %.0f%% of the rows near these ends",
             c->low, c->high, 100 * (double)near / (double)c->count);
  else
    snprintf(to, size,
             "values reach from %.6g to %.6g, up to %.3g times the spread of the middle half away "
             "from the median",
             c->low, c->high, fmax(high - middle, middle - low) / spread);
}

/* A value that stands out; rounded numbers repeat too, but none of them more than all others. */
static int has_point(const column *c) {
  return c->step == 0 && c->share >= 0.05 && c->share > 5 * c->next && c->std > 0;
}

static void say(const column *c, double spread, clf_treatment *t) {
  static const char *const done[] = {[CLF_TREAT_LOG] = "the logarithm",
                                     [CLF_TREAT_LOGIT] = "the logit",
                                     [CLF_TREAT_ASINH] = "asinh"};
  char seen[192], more[64] = "", point[64] = "";
  say_seen(c, t->kind, spread, seen, sizeof seen);
  if (t->gain > 0) snprintf(more, sizeof more, ", which gains %.2g nats a row", t->gain);
  if (has_point(c))
    snprintf(point, sizeof point, "; %.0f%% of the rows are exactly %.6g", 100 * c->share,
             c->common);
  snprintf(t->sentence, sizeof t->sentence, "%s: %s; it is modelled by %s%s%s",
           clf__column_label(c->t->names, c->d).s, seen, done[t->kind], more, point);
}

/* A point mass is not a matter of scale, but it should be mentioned. */
static void say_point(const column *c, clf_treatment *t) {
  if (!has_point(c)) return;
  snprintf(t->sentence, sizeof t->sentence,
           "%s: %.0f%% of the rows are exactly %.6g, a point that no density describes",
           clf__column_label(c->t->names, c->d).s, 100 * c->share, c->common);
}

static void treat(const column *c, clf_treatment *t) {
  const double spread = spread_of(c);
  candidates s = {.n = 0};
  candidate best = {CLF_TREAT_NONE, no_map, 0};
  *t = (clf_treatment){.kind = CLF_TREAT_NONE};
  if (!(spread > 0) || c->n < FEWEST) {
    say_point(c, t);
    return;
  }
  add_logs(c, &s);
  add_logits(c, &s);
  add_asinhs(c, spread, &s);
  t->gain = choose(c, &s, &best);
  if (best.kind == CLF_TREAT_NONE && is_ruled_by_few(c))
    best = (candidate){
        CLF_TREAT_ASINH,
        {BOUNDS_ASINH, rounded(quantile(c, 0.5), spread), rounded(2 * spread, spread), 0},
        0};
  t->kind = best.kind;
  t->a = best.map.a;
  t->b = best.map.b;
  t->c = best.map.c;
  if (t->kind == CLF_TREAT_NONE)
    say_point(c, t);
  else
    say(c, spread, t);
}

/* ---- All columns ----------------------------------------------------------------------------- */

static int is_left_alone(const clf_table *t, int32_t d) {
  if (!t->columns) return 0;
  return t->columns[d].kind == CLF_COLUMN_CATEGORY || t->columns[d].kind == CLF_COLUMN_BOOLEAN;
}

static clf_status treat_all(column *c, const clf_column_grid *grid, clf_treatment *to) {
  for (c->d = 0; c->d < c->t->cols; c->d++) {
    c->step = grid ? grid[c->d].step : 0;
    if (is_left_alone(c->t, c->d)) continue;
    CLF_TRY(take(c));
    find_common(c);
    CLF_TRY(draw(c));
    treat(c, &to[c->d]);
  }
  return CLF_OK;
}

static void put(char *to, size_t size, size_t *used, const clf_treatment *t, int32_t d) {
  static const char *const names[] = {
      [CLF_TREAT_LOG] = "softlog", [CLF_TREAT_LOGIT] = "softlogit", [CLF_TREAT_ASINH] = "asinh"};
  *used += (size_t)snprintf(to + *used, size - *used, "%s%d: %s(%.12g, %.12g",
                            *used ? ", " : "columns(", (int)d, names[t->kind], t->a, t->b);
  if (t->kind == CLF_TREAT_LOGIT)
    *used += (size_t)snprintf(to + *used, size - *used, ", tail=%.12g", t->c);
  *used += (size_t)snprintf(to + *used, size - *used, ")");
}

static clf_status write_head(clf_treatments *s) {
  const size_t size = 32 + 128 * (size_t)s->cols;
  size_t used = 0;
  s->head = malloc(size);
  if (!s->head) return clf__fail(CLF_ENOMEM, "no memory for an architecture");
  for (int32_t d = 0; d < s->cols; d++)
    if (s->column[d].kind != CLF_TREAT_NONE) put(s->head, size, &used, &s->column[d], d);
  snprintf(s->head + used, size - used, "%sstandardize", used ? "), " : "");
  return CLF_OK;
}

void clf_treatments_free(clf_treatments *s) {
  if (!s) return;
  free(s->column);
  free(s->head);
  *s = (clf_treatments){0};
}

clf_status clf_table_treat(const clf_table *t, const int64_t *index, int64_t count,
                           const clf_column_grid *grid, clf_treatments *out) {
  CLF_GIVEN("table, treatments", t, out);
  CLF_TRY(clf__table_has_rows(t));
  column c = {.t = t, .index = index, .count = index ? count : t->rows};
  if (c.count < 1) return clf__fail(CLF_EINVAL, "no rows are listed to choose treatments");
  clf_treatments all = {.cols = t->cols};
  all.column = calloc((size_t)t->cols, sizeof *all.column);
  c.sorted = malloc((size_t)c.count * sizeof *c.sorted);
  c.v = malloc(CLF_TREAT_ROWS * sizeof *c.v);
  clf_status s = all.column && c.sorted && c.v
                     ? CLF_OK
                     : clf__fail(CLF_ENOMEM, "no memory for %lld rows", (long long)c.count);
  if (!s) s = treat_all(&c, grid, all.column);
  if (!s) s = write_head(&all);
  free(c.v);
  free(c.sorted);
  if (s)
    clf_treatments_free(&all);
  else
    *out = all;
  return s;
}
