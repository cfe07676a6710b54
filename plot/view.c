/* SPDX-License-Identifier: MIT */
/* view.c: robust ranges, histograms, checks of tables. */
#include "view.h"
#include "fail.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

clf_status clf__quantiles(const double *v, int64_t n, int stride, const double *q, int count,
                          double *result) {
  const int64_t maximum = 200000, picked = n < maximum ? n : maximum;
  double *sorted = malloc((size_t)picked * sizeof *sorted);
  if (!sorted) return clf__plot_fail(CLF_ENOMEM, "no memory to sort %" PRId64 " numbers", picked);
  int64_t finite = 0;
  for (int64_t k = 0; k < picked; k++) {
    const int64_t i = (int64_t)((double)k * (double)n / (double)picked);
    if (isfinite(v[i * stride])) sorted[finite++] = v[i * stride];
  }
  qsort(sorted, (size_t)finite, sizeof *sorted, ascending);
  for (int k = 0; k < count; k++) {
    const double at = q[k] * (double)(finite - 1);
    const int64_t i = (int64_t)at, j = i + 1 < finite ? i + 1 : i;
    result[k] = finite ? sorted[i] + (at - (double)i) * (sorted[j] - sorted[i]) : NAN;
  }
  free(sorted);
  return CLF_OK;
}

clf__range clf__range_open(clf__range r) {
  const double huge = 1e307, far = fmax(fabs(r.lo), fabs(r.hi));
  r.lo = fmax(r.lo, -huge);
  r.hi = fmin(r.hi, huge);
  const double minimum = far > 0 ? 1e-9 * far : 1e-9;
  if (r.hi - r.lo >= minimum) return r;
  const double pad = far > 0 ? 0.1 * far : 1;
  return (clf__range){r.lo - pad, r.hi + pad};
}

clf_status clf__view(const double *v, int64_t n, int stride, clf__range *r) {
  const double q[2] = {0.005, 0.995};
  double at[2];
  CLF_TRY(clf__quantiles(v, n, stride, q, 2, at));
  if (isnan(at[0])) return clf__plot_fail(CLF_ENUM, "there is no finite number to draw");
  const clf__range open = clf__range_open((clf__range){at[0], at[1]});
  const double margin = 0.15 * (open.hi - open.lo);
  *r = (clf__range){open.lo - margin, open.hi + margin};
  return CLF_OK;
}

static void widen(clf__range *r, double span) {
  const double middle = (r->lo + r->hi) / 2;
  *r = (clf__range){middle - span / 2, middle + span / 2};
}

void clf__view_equal(clf__range *x, clf__range *y, double w, double h) {
  const double unit_x = (x->hi - x->lo) / w, unit_y = (y->hi - y->lo) / h;
  if (unit_x > 6 * unit_y || unit_y > 6 * unit_x) return;
  if (unit_x < unit_y)
    widen(x, unit_y * w);
  else
    widen(y, unit_x * h);
}

static int bins_for(double spread, int64_t n, clf__range over) {
  const int maximum = (int)(sizeof((clf__hist *)0)->height / sizeof(double));
  const double width = 2 * spread / cbrt((double)n);
  const double bins = width > 0 ? ceil((over.hi - over.lo) / width) : sqrt((double)n);
  return (int)fmin(fmax(bins, 9), maximum);
}

clf_status clf__histogram(const double *v, int64_t n, clf__range r, clf__hist *h) {
  const double q[4] = {0, 0.25, 0.75, 1};
  double at[4];
  CLF_TRY(clf__quantiles(v, n, 1, q, 4, at));
  *h = (clf__hist){.over = clf__range_open((clf__range){fmax(r.lo, at[0]), fmin(r.hi, at[3])})};
  h->bins = bins_for(at[2] - at[1], n, h->over);
  const double width = (h->over.hi - h->over.lo) / h->bins;
  for (int64_t i = 0; i < n; i++) {
    if (!(v[i] >= h->over.lo && v[i] <= h->over.hi)) continue;
    const int k = (int)((v[i] - h->over.lo) / width);
    h->height[k < h->bins ? k : h->bins - 1] += 1 / ((double)n * width);
  }
  for (int k = 0; k < h->bins; k++) h->top = fmax(h->top, h->height[k]);
  return CLF_OK;
}

clf_status clf__table_check(const clf_table *t) {
  if (t->rows < 1 || !t->at) return clf__plot_fail(CLF_ESHAPE, "the table has no rows to draw");
  CLF_TRY(clf__rows_fit(t->rows, t->cols, sizeof *t->at));
  for (int64_t i = 0; i < t->rows * t->cols; i++)
    if (!isfinite(t->at[i]))
      return clf__plot_fail(
          CLF_ENUM, "row %" PRId64 ", column %" PRId64 " of the table is not a finite number",
          i / t->cols + 1, i % t->cols + 1);
  return CLF_OK;
}

const char *clf__column(const clf_table *t, int i, const char *fallback) {
  return t && t->names && t->names[i] && t->names[i][0] ? t->names[i] : fallback;
}
