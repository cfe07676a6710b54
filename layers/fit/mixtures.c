/* SPDX-License-Identifier: MIT */
/* mixtures.c: the best Gaussian mixtures; kinds of covariances share the time. */
#include <math.h>
#include <stdio.h>
#include "mixtures.h"

/* The number of components needs no more rows; then all rows improve the mixture. */
enum { MANY = 16384, MOST_ITERATIONS = 20 };
#define ITERATING 0.02 /* share of the budget for these iterations of a mixture */

static int64_t rows_of(const clf__fit *f) {
  const int64_t rows = f->split[0].train.x.rows;
  return rows < MANY ? rows : MANY;
}

/* Kinds of covariances. */
static const struct {
  const char *cov,
      *options;         /* additional options of expectation maximisation; NULL: the Gaussian's */
  int family;           /* whose best is a candidate */
  int64_t most_rows;    /* of a table: large ones need no prior */
  double rows_a_column; /* parameters per component that rows must determine, in columns: with
                           one covariance for all, many components act as kernels */
  double share;         /* of the time, relative to other kinds; 0: after the first kind */
} kinds[] = {
    {"full", "", 0, INT64_MAX, 2, 4},         {"full", NULL, 0, INT64_MAX, 0.5, 2},
    {"full", ", prior=10", 0, 5000, 2, 0},    {"full", ", prior=30, reg=0.01", 0, 2000, 2, 0},
    {"full", ", tied=1", 1, INT64_MAX, 0, 1}, {"diag", "", 2, INT64_MAX, 1, 2}};
enum { KINDS = sizeof kinds / sizeof *kinds, FAMILIES = 3 };
static const char *const family_names[FAMILIES] = {"mixture", "mixture of one covariance",
                                                   "mixture of diagonal covariances"};

/* Fewer rows per component than this do not determine a covariance. */
static double fewest_rows(const clf__fit *f, int kind) {
  return 2 + kinds[kind].rows_a_column * f->data->x->cols;
}

/* With many components starts differ little, and take long. */
static int starts_of(const clf__fit *f, int32_t K) {
  const int64_t rows = rows_of(f);
  return rows >= 5000 || K > 24 ? 3 : rows >= 1000 || K > 8 ? 5 : 10;
}

/* How the Gaussian's covariance was estimated; "": plainly. */
static const char *gaussian_options(const clf__fit *f) {
  return f->candidates ? f->candidate[0].options : "";
}

/* Tries one mixture, and keeps it in *best if it is better; *better says so. */
static clf_status try_one(clf__fit *f, int kind, int32_t K, clf__fit_candidate *best, int *better) {
  char base[64], options[96], some[24] = "";
  const char *const more = kinds[kind].options;
  clf__fit_candidate c;
  snprintf(base, sizeof base, "mixture(%d, cov=%s%s)", (int)K, kinds[kind].cov,
           f->data->given ? ", joint=1" : "");
  if (f->split[0].train.x.rows > MANY) snprintf(some, sizeof some, ", rows=%d", MANY);
  snprintf(options, sizeof options, "starts=%d%s%.32s%s", starts_of(f, K), more ? more : ", ",
           more ? "" : gaussian_options(f), some);
  CLF_TRY(clf__fit_mixture(f, family_names[kinds[kind].family], base, options, &c));
  *better = c.arch && clf__fit_keep_better(best, &c);
  return CLF_OK;
}

/* The sizes of one kind, while they grow. */
typedef struct growth {
  clf__fit_candidate best;
  size_t next;    /* index of the next size */
  double seconds; /* so far */
  double of_one;  /* seconds for each component */
  int worse;      /* sizes in a row that were no better than the best; -1: the kind is over */
  double end;     /* of the time for mixtures */
} growth;

enum { ITERATIONS = 20 }; /* of expectation maximisation, as a first guess of the time */

static const int32_t sizes[] = {2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256};
enum { SIZES = sizeof sizes / sizeof *sizes };

/* A kind ends after two sizes in a row that were no better, or without rows or time for more. */
static clf_status grow(clf__fit *f, int kind, growth *g) {
  const double began = clf__fit_seconds(f);
  const int32_t K = g->next < SIZES ? sizes[g->next++] : INT32_MAX;
  int better = 0;
  if (K * fewest_rows(f, kind) > (double)rows_of(f) ||
      !clf__fit_has_time(f, g->of_one * K, g->end)) {
    g->worse = -1;
    return CLF_OK;
  }
  CLF_TRY(try_one(f, kind, K, &g->best, &better));
  g->worse = better ? 0 : g->worse + 1;
  if (g->worse == 2) g->worse = -1;
  g->of_one = (clf__fit_seconds(f) - began) / K;
  g->seconds += clf__fit_seconds(f) - began;
  return CLF_OK;
}

/* The best of each family becomes a candidate; the best of all comes first. */
static clf_status take_best(clf__fit *f, clf__fit_candidate best[FAMILIES]) {
  int top = -1;
  for (int i = 0; i < FAMILIES; i++)
    if (best[i].arch && (top < 0 || best[i].valid.mean > best[top].valid.mean)) top = i;
  for (int i = 0; i < FAMILIES && top >= 0; i++) {
    clf__fit_candidate *c = &best[i == 0 ? top : i == top ? 0 : i];
    if (!c->arch) continue;
    if (i == 0)
      snprintf(c->title, sizeof c->title, "%s", family_names[0]);
    else if (c == &best[0])
      snprintf(c->title, sizeof c->title, "mixture of full covariances");
    CLF_TRY(clf__fit_end(f, c));
    *c = (clf__fit_candidate){0};
  }
  return CLF_OK;
}

static int applies(const clf__fit *f, int kind) {
  const int one = f->data->x->cols == 1 && !f->data->given; /* full covariances are variances */
  return rows_of(f) <= kinds[kind].most_rows && !(one && kinds[kind].family > 0) &&
         (kinds[kind].options || *gaussian_options(f));
}

/* The kind that has had the smallest part of its share of the time; -1: all are over.  A prior only
 * helps sizes that are too large without it, so these kinds wait. */
static int next_kind(const growth all[KINDS]) {
  int next = -1;
  for (int k = 0; k < KINDS; k++)
    if (all[k].worse >= 0 && kinds[k].share > 0 &&
        (next < 0 || all[k].seconds / kinds[k].share < all[next].seconds / kinds[next].share))
      next = k;
  for (int k = 0; k < KINDS && (next < 0 || all[0].worse < 0); k++)
    if (all[k].worse >= 0 && kinds[k].share == 0) return k;
  return next;
}

static clf_status try_kinds(clf__fit *f, double end, clf__fit_candidate best[FAMILIES]) {
  growth all[KINDS] = {0};
  const double gaussian = f->candidates ? f->candidate[0].seconds : 0;
  const double share = (double)rows_of(f) / (double)f->split[0].train.x.rows;
  for (int k = 0; k < KINDS; k++) {
    all[k].of_one = ITERATIONS * share * gaussian;
    all[k].end = end;
    if (!applies(f, k)) all[k].worse = -1;
  }
  clf_status s = CLF_OK;
  for (int k = next_kind(all); k >= 0 && !s; k = next_kind(all)) s = grow(f, k, &all[k]);
  for (int k = 0; k < KINDS; k++)
    if (all[k].best.arch) clf__fit_keep_better(&best[kinds[k].family], &all[k].best);
  return s;
}

/* Improves a mixture of some rows by all of them, for as many iterations as there is time for. */
static clf_status improve(clf__fit *f, clf__fit_candidate *c) {
  if (!c->arch || !c->done) return CLF_OK;
  const double rows = (double)f->split[0].train.x.rows / MANY;
  const double one = c->seconds / (double)c->done * rows;
  const double iterations = fmin(ITERATING * f->o.seconds / one, MOST_ITERATIONS);
  return iterations < 1 ? CLF_OK : clf__fit_improve(f, c, (int)iterations);
}

/* In large tables some of the rows decide how many components there should be. */
static clf_status try_all(clf__fit *f, double end, clf__fit_candidate best[FAMILIES]) {
  if (f->split[0].train.x.rows <= MANY) return try_kinds(f, end, best);
  clf_status s = try_kinds(f, end - FAMILIES * ITERATING * f->o.seconds, best);
  for (int i = 0; i < FAMILIES && !s && !f->stopped; i++) s = improve(f, &best[i]);
  return s;
}

static clf_status mixtures(clf__fit *f, double end) {
  clf__fit_candidate best[FAMILIES] = {0};
  clf_status s = try_all(f, end, best);
  if (f->stopped && s == CLF_ESTOPPED) s = CLF_OK;
  if (!s) s = take_best(f, best);
  for (int i = 0; i < FAMILIES; i++) clf__fit_candidate_free(&best[i]);
  return s;
}

clf_status clf__fit_mixtures(clf__fit *f, double end) {
  CLF_TRY(clf__fit_gaussian(f, end));
  return f->stopped ? CLF_OK : mixtures(f, end);
}
