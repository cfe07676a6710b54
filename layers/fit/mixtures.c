/* SPDX-License-Identifier: MIT */
/* mixtures.c: the baselines, a Gaussian and the best Gaussian mixture, by expectation maximisation.
 */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "../mixture/mixture_private.h"
#include "arch_private.h"
#include "clock.h"
#include "fit_private.h"

int clf__fit_is_mixture(const char *base) { return strncmp(base, "mixture(", 8) == 0; }

/* ---- One mixture --------------------------------------------------------------------------- */

static int value_of(const char *options, const char *name, double *value) {
  clf__parameter all[16];
  const int n = clf__parameters_read(options, all, 16);
  const clf__parameter *p = n > 0 ? clf__parameters_find(all, n, name, strlen(name)) : NULL;
  return p && sscanf(p->value, "%lf", value) == 1;
}

typedef struct em_watch {
  clf__fit *f;
  const clf__fit_candidate *c;
} em_watch;
static int on_iteration(void *context) {
  em_watch *w = context;
  return clf__fit_report(w->f, w->c, 0);
}

static clf_status em(const clf__fit *f, const clf__fit_rows *rows, const char *options,
                     em_watch *watch, clf_flow *flow) {
  double v;
  clf__mixture_form form = {0};
  const clf_train_data d = clf__fit_train_data(rows, NULL);
  clf_mixture_options o = clf_mixture_options_default();
  o.seed = f->o.seed;
  if (value_of(options, "starts", &v)) o.starts = (int32_t)v;
  if (value_of(options, "tied", &v)) o.tied = v != 0;
  if (value_of(options, "prior", &v)) o.prior = v;
  if (value_of(options, "reg", &v)) o.reg = v;
  if (value_of(options, "shrink", &v)) form.shrink = v;
  if (value_of(options, "factors", &v)) form.factors = (int32_t)v;
  if (value_of(options, "kernels", &v)) form.width = v;
  if (value_of(options, "neighbour", &v)) form.neighbour = (int)v;
  if (watch) o.stop = on_iteration, o.context = watch;
  return clf__mixture_fit_as(flow, &d, &o, &form, NULL);
}

clf_status clf__fit_em_base(const clf__fit *f, const clf__fit_rows *rows, const char *options,
                            clf_flow *flow) {
  return em(f, rows, options, NULL, flow);
}

clf_status clf__fit_em_again(clf__fit *f, clf__fit_candidate *c, const clf__fit_rows *rows,
                             clf_flow **flow) {
  CLF_TRY(clf__fit_flow(f, c, 0, flow));
  const clf_status s = em(f, rows, c->options, NULL, *flow);
  if (s) clf_flow_free(*flow);
  return s;
}

clf_status clf__fit_em(clf__fit *f, clf__fit_candidate *c) {
  const double began = clf__now();
  em_watch watch = {f, c};
  clf_status s = CLF_OK;
  for (int k = 0; k < f->splits && !s; k++) {
    s = clf__fit_flow(f, c, k, &c->flow[k]);
    if (!s) s = em(f, &f->split[k].train, c->options, &watch, c->flow[k]);
  }
  c->seconds = clf__now() - began;
  return s;
}

/* ---- The baselines ------------------------------------------------------------------------- */

/* A candidate with its scores; without `arch` if its likelihood is not finite. */
static clf_status fit(clf__fit *f, const char *title, const char *base, const char *options,
                      clf__fit_candidate *c) {
  CLF_TRY(clf__fit_begin(f, title, "", base, options, c));
  clf_status s = clf__fit_em(f, c);
  if (!s) s = clf__fit_score_candidate(f, c);
  if (s) clf__fit_candidate_free(c);
  return s == CLF_ENUM ? CLF_OK : s;
}

/* Keeps the better of two candidates in *best, and frees the other; 1: that was *other. */
static int keep_better(clf__fit_candidate *best, clf__fit_candidate *other) {
  const int better = !best->arch || other->valid.mean > best->valid.mean;
  if (better) {
    const clf__fit_candidate old = *best;
    *best = *other;
    *other = old;
  }
  clf__fit_candidate_free(other);
  return better;
}

/* A mixture may only start if it will probably end in time. */
static int has_time(const clf__fit *f, double seconds, double end) {
  return !f->stopped && clf__fit_seconds(f) + seconds < end;
}

/* A normal distribution of D columns that is fitted to N rows loses D (D + 3) / (4 N) nats: with
 * fewer rows than this times D (D + 3), too many. */
enum { ENOUGH_ROWS = 10 };
/* With fewer rows for each column a covariance is so close to singular that it is shrunk even if
 * there is no time. */
enum { FEW_ROWS = 10 };

/* Ways to estimate a covariance from few rows, from the mildest one to the strongest. */
static const char *const shrinks[] = {"shrink=0.03", "shrink=0.1", "shrink=0.3",
                                      "shrink=0.6",  "shrink=1",   NULL};
static const char *const factors[] = {"factors=1",  "factors=2",  "factors=3",  "factors=4",
                                      "factors=6",  "factors=8",  "factors=12", "factors=16",
                                      "factors=24", "factors=32", NULL};

static int32_t all_columns(const clf__fit *f) {
  return f->data->x->cols + (f->data->given ? f->data->given->cols : 0);
}

/* A series of candidates that ends after two in a row were no better than the best of the series.
 */
typedef struct series {
  int worse;
  double top, longest; /* the best validation, and the seconds of the slowest */
} series;

static int goes_on(const clf__fit *f, const series *r, double end) {
  return r->worse < 2 && has_time(f, r->longest, end);
}

static clf_status try_next(clf__fit *f, series *r, const char *name, const char *base,
                           const char *options, clf__fit_candidate *best) {
  const double began = clf__fit_seconds(f);
  clf__fit_candidate c;
  CLF_TRY(fit(f, name, base, options, &c));
  r->longest = fmax(r->longest, clf__fit_seconds(f) - began);
  r->worse = c.arch && c.valid.mean > r->top ? 0 : r->worse + 1;
  if (!c.arch) return CLF_OK;
  r->top = fmax(r->top, c.valid.mean);
  keep_better(best, &c);
  return CLF_OK;
}

static clf_status try_ways(clf__fit *f, const char *base, const char *const *ways, double end,
                           clf__fit_candidate *best) {
  series r = {.top = -INFINITY, .longest = best->seconds};
  double number;
  for (; *ways && goes_on(f, &r, end); ways++) {
    if (value_of(*ways, "factors", &number) && 2 * number > all_columns(f)) break;
    CLF_TRY(try_next(f, &r, "gaussian", base, *ways, best));
  }
  return CLF_OK;
}

/* Validation rows choose the way. */
static clf_status gaussian(clf__fit *f, double end) {
  const double columns = all_columns(f), rows = (double)f->split[0].train.x.rows;
  const char *const base =
      f->data->given ? "mixture(1, cov=full, joint=1)" : "normal(trained, cov=full)";
  clf__fit_candidate best = {0};
  clf_status s = fit(f, "gaussian", base, "", &best);
  if (!s && columns > 1 && rows < ENOUGH_ROWS * columns * (columns + 3)) {
    s = try_ways(f, base, shrinks, rows < FEW_ROWS * columns ? INFINITY : end, &best);
    if (!s) s = try_ways(f, base, factors, end, &best);
  }
  if (s) clf__fit_candidate_free(&best);
  if (s) return s;
  return best.arch ? clf__fit_end(f, &best)
                   : clf__fit_note(f, "gaussian was left out: %s", clf_errmsg());
}

enum { MANY = 16384 /* rows, more than the number of components needs */ };

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
  const int64_t rows = f->split[0].train.x.rows;
  return rows >= 5000 || K > 24 ? 3 : rows >= 1000 || K > 8 ? 5 : 10;
}

/* How the Gaussian's covariance was estimated; "": plainly. */
static const char *gaussian_options(const clf__fit *f) {
  return f->candidates ? f->candidate[0].options : "";
}

/* Tries one mixture, and keeps it in *best if it is better; *better says so. */
static clf_status try_one(clf__fit *f, int kind, int32_t K, clf__fit_candidate *best, int *better) {
  char base[64], options[96];
  const char *const more = kinds[kind].options;
  clf__fit_candidate c;
  snprintf(base, sizeof base, "mixture(%d, cov=%s%s)", (int)K, kinds[kind].cov,
           f->data->given ? ", joint=1" : "");
  snprintf(options, sizeof options, "starts=%d%s%.32s", starts_of(f, K), more ? more : ", ",
           more ? "" : gaussian_options(f));
  CLF_TRY(fit(f, family_names[kinds[kind].family], base, options, &c));
  *better = c.arch && keep_better(best, &c);
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
  if (K * fewest_rows(f, kind) > (double)f->split[0].train.x.rows ||
      !has_time(f, g->of_one * K, g->end)) {
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
  return f->split[0].train.x.rows <= kinds[kind].most_rows && !(one && kinds[kind].family > 0) &&
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
  for (int k = 0; k < KINDS; k++) {
    all[k].of_one = ITERATIONS * (f->candidates ? f->candidate[0].seconds : 0); /* the Gaussian's */
    all[k].end = end;
    if (!applies(f, k)) all[k].worse = -1;
  }
  clf_status s = CLF_OK;
  for (int k = next_kind(all); k >= 0 && !s; k = next_kind(all)) s = grow(f, k, &all[k]);
  for (int k = 0; k < KINDS; k++)
    if (all[k].best.arch) keep_better(&best[kinds[k].family], &all[k].best);
  return s;
}

/* Fits the same mixture to all rows instead of some. */
static clf_status fit_to_all(clf__fit *f, clf__fit_candidate *c) {
  const double seconds = c->seconds;
  if (!c->arch) return CLF_OK;
  clf_flow_free(c->flow[0]);
  c->flow[0] = NULL;
  const clf_status s = clf__fit_em(f, c);
  c->seconds += seconds;
  return s ? s : clf__fit_score_candidate(f, c);
}

/* In large tables some of the rows decide how many components there should be. */
static clf_status try_all(clf__fit *f, double end, clf__fit_candidate best[FAMILIES]) {
  clf__fit_rows some = {0}, *const train = &f->split[0].train;
  const clf__fit_rows all = *train;
  if (all.x.rows <= MANY) return try_kinds(f, end, best);
  CLF_TRY(clf__fit_thin(&all, MANY, &some));
  *train = some;
  clf_status s = try_kinds(f, end, best);
  *train = all;
  clf__fit_rows_free(&some);
  for (int i = 0; i < FAMILIES && !s; i++) s = fit_to_all(f, &best[i]);
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
  CLF_TRY(gaussian(f, end));
  return f->stopped ? CLF_OK : mixtures(f, end);
}

/* ---- Kernels --------------------------------------------------------------------------------- */

enum {
  NEIGHBOUR = 8,
  MOST_KERNELS = 4096,
  KERNEL_ELEMENTS = 1 << 16 /* kernels times dimensions */
};

static int64_t fewest_train(const clf__fit *f) {
  int64_t rows = f->split[0].train.x.rows;
  for (int k = 1; k < f->splits; k++)
    if (f->split[k].train.x.rows < rows) rows = f->split[k].train.x.rows;
  return rows;
}

/* Widths become smaller. */
static clf_status try_widths(clf__fit *f, const char *base, double width, int neighbour, double end,
                             clf__fit_candidate *best) {
  enum { WIDTHS = 20 };
  series r = {.top = -INFINITY};
  for (int i = 0; i < WIDTHS && goes_on(f, &r, end); i++, width *= 0.7) {
    char options[64];
    snprintf(options, sizeof options, "kernels=%.3g, neighbour=%d", width, neighbour);
    CLF_TRY(try_next(f, &r, CLF_FIT_KERNELS, base, options, best));
  }
  return CLF_OK;
}

clf_status clf__fit_kernels(clf__fit *f, double end) {
  const int32_t C = f->data->given ? f->data->given->cols : 0, dims = f->data->x->cols + C;
  const int64_t rows = fewest_train(f), most = KERNEL_ELEMENTS / dims;
  const int64_t K = rows < most ? rows : most;
  clf__fit_candidate best = {0};
  char base[64];
  if (K < 2 || f->stopped) return CLF_OK;
  snprintf(base, sizeof base, "mixture(%d%s)", (int)(K < MOST_KERNELS ? K : MOST_KERNELS),
           C ? ", joint=1" : "");
  clf_status s = try_widths(f, base, 1, 0, end, &best);
  if (!s) s = try_widths(f, base, 2, NEIGHBOUR, end, &best);
  if (s) clf__fit_candidate_free(&best);
  return s || !best.arch ? s : clf__fit_end(f, &best);
}
