/* SPDX-License-Identifier: MIT */
/* judge.c: what the data say about a training that goes wrong: whether its density is larger
 * than they allow, and which columns may be the cause.  Only for tables. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "mlp_coupling.h"
#include "trainer.h"

enum { SOME_ROWS = 2048, FEWEST_ROWS = 20 }; /* for the inspection of a column */

/* How many nats the dependence of each column after the first on the others may add to log p:
 * data that are 20 times closer to a surface than their spread have 3.  The rest allows for
 * estimation errors. */
#define DEPENDENCE 3.0
#define INEXACT 1.0

/* Magnitudes: a column whose median exceeds LARGE should be standardised; a value more than FAR
 * times the other values of its column is an outlier. */
#define LARGE 10.0
#define FAR 1000.0

typedef struct column {
  int32_t number;           /* from 1; 0: none */
  int64_t distinct, common; /* number of distinct values; how often the most common one occurs */
  double step;              /* the smallest distance of two distinct values; 0: there is only one */
  double usual;             /* the most common value */
} column;

/* The training rows of a table. */
typedef struct rows {
  const clf_table *table;
  const int64_t *index;
  int64_t all;
  double *v; /* scratch memory for one of their columns */
} rows;

/* 0 for images, or without memory: then nothing is reported. */
static int look_at(const clf_trainer *t, rows *r) {
  const clf__source *s = t->source;
  *r = (rows){clf__source_data(s), clf__source_trained(s), s->rows, NULL};
  if (!(t->f->traits & CLF_TAKES_PIXELS) && r->table) r->v = malloc((size_t)r->all * sizeof *r->v);
  return r->v != NULL;
}

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double value(const rows *r, int64_t row, int32_t d) {
  return r->table->at[r->index[row] * r->table->cols + d];
}

/* From n evenly spaced rows; their values are left sorted.  Values that are equal up to
 * rounding, such as 0.3 and 0.1 + 0.2, count as one. */
static column column_of(const rows *r, int32_t d, int64_t n) {
  for (int64_t i = 0; i < n; i++) r->v[i] = value(r, i * r->all / n, d);
  qsort(r->v, (size_t)n, sizeof *r->v, by_value);
  column c = {.number = d + 1, .distinct = 1, .common = 1, .usual = r->v[0]};
  const double same = 1e-12 * fmax(fabs(r->v[0]), fabs(r->v[n - 1]));
  int64_t count = 1;
  for (int64_t i = 1; i < n; i++) {
    const double step = r->v[i] - r->v[i - 1];
    count = step <= same ? count + 1 : 1;
    if (count > c.common) {
      c.common = count;
      c.usual = r->v[i];
    }
    if (step <= same) continue;
    c.distinct++;
    if (c.step == 0 || step < c.step) c.step = step;
  }
  return c;
}

/* Samples of a density hardly have equal values.  A column is discrete if most of its values
 * repeat, or one value occurs in a twentieth of all rows. */
static int is_discrete(const column *c, int64_t n) {
  return n >= FEWEST_ROWS && 2 * c->distinct <= n;
}
static int has_atom(const column *c, int64_t n) {
  return n >= FEWEST_ROWS && 20 * c->common >= n && c->common > 2;
}

/* The discrete column with the fewest values, or else the one with the largest atom. */
static column least_continuous(const rows *r, int64_t n) {
  column worst = {0};
  for (int32_t d = 0; d < r->table->cols; d++) {
    const column c = column_of(r, d, n);
    if (!is_discrete(&c, n) && !has_atom(&c, n)) continue;
    if (!worst.number ||
        (is_discrete(&c, n) == is_discrete(&worst, n)
             ? (is_discrete(&c, n) ? c.distinct < worst.distinct : c.common > worst.common)
             : is_discrete(&c, n)))
      worst = c;
  }
  return worst;
}

static int64_t some_of(const rows *r) { return r->all < SOME_ROWS ? r->all : SOME_ROWS; }

/* "column 3 (sex)" */
static const char *name_of(const clf_table *t, int32_t number, char *text, size_t size) {
  const char *name = t->names ? t->names[number - 1] : NULL;
  snprintf(text, size, name && *name ? "column %d (%.60s)" : "column %d", (int)number, name);
  return text;
}

/* "column 1 has only 2 distinct values in 3000 rows, so it has no density: add noise ..." */
static void blame(const rows *r, int32_t number, char *text, size_t size) {
  char name[96];
  const column c = column_of(r, number - 1, r->all);
  name_of(r->table, number, name, sizeof name);
  if (c.distinct == 1)
    snprintf(text, size, "%s is %g in every row, so it has no density: leave it out", name,
             r->v[0]);
  else if (is_discrete(&c, r->all))
    snprintf(text, size,
             "%s has only %lld distinct values in %lld rows, so it has no density: add noise of "
             "one step, %.6g, to it (--discrete %d)",
             name, (long long)c.distinct, (long long)r->all, c.step, (int)number);
  else
    snprintf(text, size,
             "%s is %g in %lld of %lld rows, so it has no density there: leave these rows out, or "
             "add noise to the column",
             name, c.usual, (long long)c.common, (long long)r->all);
}

/* ---- A density that grows without bound --------------------------------------------------- */

/* The largest mean log p that a density of a single column can have.  For discrete values, each
 * spread over one step, it is the mean log of their frequency in that step. */
static double best_of_discrete(const rows *r, const column *c, int64_t n) {
  double sum = 0;
  const double same = c->step / 2;
  for (int64_t i = 0, end; i < n; i = end) {
    for (end = i + 1; end < n && r->v[end] - r->v[i] < same;) end++;
    sum += (double)(end - i) * log((double)(end - i) / (double)n);
  }
  return sum / (double)n - (c->step > 0 ? log(c->step) : 0);
}

/* For other columns it is estimated from the distances of every 2 m-th of the sorted values:
 * Vasicek 1976, "A test for normality based on sample entropy".  Distances of 0 count as the
 * smallest other distance. */
static double best_of_continuous(const rows *r, int64_t n) {
  const int64_t m = (int64_t)sqrt((double)n);
  double minimum = INFINITY, sum = 0;
  for (int pass = 0; pass < 2; pass++)
    for (int64_t i = 0; i < n; i++) {
      const int64_t a = i < m ? 0 : i - m, b = i + m < n ? i + m : n - 1;
      const double gap = (r->v[b] - r->v[a]) / (double)(b - a);
      if (pass)
        sum -= log((double)n * fmax(gap, minimum));
      else if (gap > 0)
        minimum = fmin(minimum, gap);
    }
  return sum / (double)n;
}

/* The largest mean log p that is plausible for these rows. */
static double ceiling_of(const rows *r) {
  const int32_t D = r->table->cols;
  const int64_t n = some_of(r);
  double sum = INEXACT + DEPENDENCE * (D - 1);
  for (int32_t d = 0; d < D; d++) {
    const column c = column_of(r, d, n);
    sum += is_discrete(&c, n) ? best_of_discrete(r, &c, n) : best_of_continuous(r, n);
  }
  return n < FEWEST_ROWS ? INFINITY : sum;
}

static void tell_growth(clf_trainer *t, const rows *r, int64_t epoch) {
  char why[CLF_SENTENCE - 160];
  const column worst = least_continuous(r, some_of(r));
  if (worst.number)
    blame(r, worst.number, why, sizeof why);
  else
    snprintf(why, sizeof why,
             "columns that others determine, rows that repeat, or more weights than the rows can "
             "fill: leave them out, or hold rows out (--valid-split)");
  snprintf(t->unbounded, sizeof t->unbounded,
           "epoch %lld: the density grows without bound: mean log p is %.4g nats, where the data "
           "leave room for about %.4g; %s",
           (long long)epoch, t->last_mean, t->ceiling, why);
}

void clf__trainer_note_growth(clf_trainer *t, int64_t epoch) {
  rows r = {0};
  if (t->ceiling_told || !isfinite(t->last_mean)) return;
  if (isnan(t->ceiling) && look_at(t, &r)) t->ceiling = ceiling_of(&r);
  if (t->last_mean > t->ceiling && (r.v || look_at(t, &r))) {
    tell_growth(t, &r, epoch);
    t->ceiling_told = 1;
  }
  free(r.v);
}

/* ---- Non-finite numbers ---------------------------------------------------------------------- */

/* Whether values far from those of a standard normal may be the cause: in a whole column, or a
 * single one. */
static int blame_scale(const rows *r, char *text, size_t size) {
  char name[96];
  int64_t row = 0;
  int32_t col = 0;
  for (int64_t i = 0; i < r->all; i++)
    for (int32_t d = 0; d < r->table->cols; d++)
      if (fabs(value(r, i, d)) > fabs(value(r, row, col))) {
        row = i;
        col = d;
      }
  const double maximum = value(r, row, col);
  for (int64_t i = 0; i < r->all; i++) r->v[i] = fabs(value(r, i, col));
  qsort(r->v, (size_t)r->all, sizeof *r->v, by_value);
  const double median = r->v[r->all / 2];
  name_of(r->table, col + 1, name, sizeof name);
  if (median > LARGE) {
    snprintf(text, size,
             "%s has values as large as %g: standardised data (--standardize) may keep them finite",
             name, maximum);
    return 1;
  }
  if (fabs(maximum) <= FAR * fmax(median, 1)) return 0;
  snprintf(text, size, "%s of row %lld is %g, far from the other rows: check it or leave it out",
           name, (long long)r->index[row] + 1, maximum);
  return 1;
}

/* Whether couplings have scales that s_max bounds. */
static int has_scales(const clf_flow *f) {
  const clf__layer *l = f->layers ? &f->layer[0] : NULL;
  return l && l->ops == &clf__mlp_coupling && !(l->traits & CLF_KEEPS_VOLUME);
}

/* "a smaller lr, a clip or a bound s_max may keep them finite" */
static void blame_options(const clf_trainer *t, char *text, size_t size) {
  const char *clip = t->o.clip > 0 ? "a smaller clip" : "a clip";
  if (has_scales(t->f))
    snprintf(text, size, "a smaller lr, %s or a %s s_max may keep them finite", clip,
             t->f->spec.s_max > 0 ? "smaller" : "bound");
  else
    snprintf(text, size, "a smaller lr or %s may keep them finite", clip);
}

void clf__trainer_remedy(const clf_trainer *t, char *text, size_t size) {
  rows r;
  const int there = look_at(t, &r);
  if (!there || t->f->mean || !blame_scale(&r, text, size)) {
    const column worst = there ? least_continuous(&r, some_of(&r)) : (column){0};
    if (worst.number)
      blame(&r, worst.number, text, size);
    else
      blame_options(t, text, size);
  }
  free(r.v);
}
