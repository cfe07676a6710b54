/* SPDX-License-Identifier: MIT */
/* training.c: plots of training. */
#include "clflow/plot.h"
#include "fail.h"
#include "view.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* The quantity of the curves: sign 1 if higher is better, -1 if lower is. */
typedef struct quantity {
  const char *name;
  double sign;
} quantity;

static const quantity nats = {"mean log-likelihood (nats)", 1}, bits = {"bits/dim", -1};

/* The first epochs of a long training may be far worse than all others; they are out of view so
 * that they do not flatten the rest. */
static clf_status span(double sign, const double *v, int64_t n, clf__range *r) {
  const int up = sign > 0;
  const double q[3] = {up ? 0 : 1, up ? 0.05 : 0.95, up ? 1 : 0};
  double at[3];
  CLF_TRY(clf__quantiles(v, n, 1, q, 3, at));
  const double all = fabs(at[2] - at[0]), maximum = fabs(at[2] - at[1]);
  const double worst = all > 6 * maximum ? at[1] - sign * maximum / 2 : at[0];
  r->lo = fmin(r->lo, fmin(worst, at[2]));
  r->hi = fmax(r->hi, fmax(worst, at[2]));
  return CLF_OK;
}

static int64_t best_of(double sign, const double *v, int64_t n) {
  int64_t best = -1;
  for (int64_t i = 0; i < n; i++)
    if (isfinite(v[i]) && (best < 0 || sign * v[i] > sign * v[best])) best = i;
  return best;
}

static void legend(const clf__panel *p, const double *valid, int64_t best) {
  char value[40], count[40], text[100];
  clf__key keys[3] = {{"training", clf__rgb_model, CLF__KEY_LINE},
                      {"validation", clf__rgb_second, CLF__KEY_LINE},
                      {text, clf__rgb_second, CLF__KEY_RING}};
  if (best >= 0) {
    clf__decimal(value, sizeof value, valid[best], 3);
    clf__count(count, sizeof count, best + 1);
    snprintf(text, sizeof text, "best: %s at epoch %s", value, count);
  }
  clf__panel_legend(p, keys, best >= 0 ? 3 : 1);
}

static clf_status curves(clf__chart *c, const quantity *of, const double *epoch,
                         const double *train, const double *valid, int64_t n) {
  const double share = 1;
  const int64_t best = valid ? best_of(of->sign, valid, n) : -1;
  clf__range y = {INFINITY, -INFINITY};
  CLF_TRY(span(of->sign, train, n, &y));
  if (best >= 0) CLF_TRY(span(of->sign, valid, n, &y));
  y = clf__range_open(y);
  const double margin = 0.06 * (y.hi - y.lo);
  y = (clf__range){y.lo - margin, y.hi + margin};
  const double pad = n > 1 ? 0.015 * (double)(n - 1) : 0.5;
  CLF_TRY(clf__chart_begin(c, 800, 520, 1, 1, &share));
  const clf__panel p =
      clf__panel_begin(c, 0, 0, (clf__range){n > 1 ? 1 : 1 - pad, (double)n + pad}, y);
  clf__panel_rules(&p);
  clf__panel_line(&p, epoch, train, n, (clf__pen){clf__rgb_model, 1, 2});
  if (best >= 0) clf__panel_line(&p, epoch, valid, n, (clf__pen){clf__rgb_second, 1, 2});
  if (best >= 0) clf__panel_ring(&p, epoch[best], valid[best], clf__rgb_second);
  clf__panel_end(&p, &(clf__labels){.x = "epoch", .y = of->name, .least_x = 1});
  legend(&p, valid, best);
  return CLF_OK;
}

static void describe(const double *train, const double *valid, int64_t n, char *dst, size_t size) {
  char count[40], last[40], held[40];
  const char *many = n == 1 ? "" : "s";
  clf__count(count, sizeof count, n);
  clf__decimal(last, sizeof last, train[n - 1], 3);
  if (valid) clf__decimal(held, sizeof held, valid[n - 1], 3);
  if (valid && isfinite(valid[n - 1]))
    snprintf(dst, size, "%s epoch%s, the last: training %s, validation %s", count, many, last,
             held);
  else
    snprintf(dst, size, "%s epoch%s, the last: %s", count, many, last);
}

static clf_status draw(const quantity *of, const double *train, const double *valid, int64_t n,
                       const char *path) {
  char last[160];
  clf__chart c;
  if (n < 1)
    return clf__plot_fail(CLF_EINVAL, "there is no epoch of training to draw (n = %" PRId64 ")", n);
  CLF_TRY(clf__rows_fit(n, 1, sizeof *train));
  if (best_of(of->sign, train, n) < 0)
    return clf__plot_fail(CLF_ENUM, "none of the %" PRId64 " epochs has a finite mean", n);
  CLF_TRY(clf__chart_writable(path));
  double *epoch = malloc((size_t)n * sizeof *epoch);
  if (!epoch) return clf__plot_fail(CLF_ENOMEM, "no memory for %" PRId64 " epochs", n);
  for (int64_t i = 0; i < n; i++) epoch[i] = (double)(i + 1);
  clf_status s = curves(&c, of, epoch, train, valid, n);
  free(epoch);
  CLF_TRY(s);
  describe(train, valid, n, last, sizeof last);
  clf__chart_title(&c, "Training", last);
  s = clf__chart_save(&c, path);
  clf__chart_end(&c);
  return s;
}

clf_status clf_plot_training(const double *train, const double *valid, int64_t n,
                             const char *path) {
  CLF_GIVEN("train, path", train, path);
  return draw(&nats, train, valid, n, path);
}

clf_status clf_plot_bits(const double *train, const double *valid, int64_t n, const char *path) {
  CLF_GIVEN("train, path", train, path);
  return draw(&bits, train, valid, n, path);
}
