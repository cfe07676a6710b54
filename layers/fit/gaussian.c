/* SPDX-License-Identifier: MIT */
/* gaussian.c: a normal distribution, whose covariance few rows may not determine. */
#include <math.h>
#include "mixtures.h"

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

static clf_status try_ways(clf__fit *f, const char *base, const char *const *ways, double end,
                           clf__fit_candidate *best) {
  clf__fit_series r = {.top = -INFINITY, .longest = best->seconds};
  double number;
  for (; *ways && clf__fit_goes_on(f, &r, end); ways++) {
    if (clf__fit_value(*ways, "factors", &number) && 2 * number > all_columns(f)) break;
    CLF_TRY(clf__fit_next(f, &r, "gaussian", base, *ways, best));
  }
  return CLF_OK;
}

/* Validation rows choose the way. */
clf_status clf__fit_gaussian(clf__fit *f, double end) {
  const double columns = all_columns(f), rows = (double)f->split[0].train.x.rows;
  const char *const base =
      f->data->given ? "mixture(1, cov=full, joint=1)" : "normal(trained, cov=full)";
  clf__fit_candidate best = {0};
  clf_status s = clf__fit_mixture(f, "gaussian", base, "", &best);
  if (!s && columns > 1 && rows < ENOUGH_ROWS * columns * (columns + 3)) {
    s = try_ways(f, base, shrinks, rows < FEW_ROWS * columns ? INFINITY : end, &best);
    if (!s) s = try_ways(f, base, factors, end, &best);
  }
  if (s) clf__fit_candidate_free(&best);
  if (s) return s;
  return best.arch ? clf__fit_end(f, &best)
                   : clf__fit_note(f, "gaussian was left out: %s", clf_errmsg());
}
