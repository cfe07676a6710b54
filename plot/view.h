/* SPDX-License-Identifier: MIT */
/* view.h: which numbers are shown, and queries of flows.  Private. */
#ifndef CLF_PLOT_VIEW_H
#define CLF_PLOT_VIEW_H
#include "chart.h"
#include "clflow/data.h"
#include "clflow/flow.h"

/* The q-quantile of the finite ones of n numbers, `stride` apart; if there are many, of an even
 * selection.  NaN if none is finite.  Errors: ENOMEM. */
clf_status clf__quantiles(const double *v, int64_t n, int stride, const double *q, int count,
                          double *result);

/* From the 0.5 % to the 99.5 % quantile, plus 15 % of that at both ends. */
clf_status clf__view(const double *v, int64_t n, int stride, clf__range *r);

/* Widens a range that is (nearly) a single point. */
clf__range clf__range_open(clf__range r);

/* Widens one of the two so that a unit has the same length on both axes of a w x h panel, unless
 * that would make one vanish. */
void clf__view_equal(clf__range *x, clf__range *y, double w, double h);

typedef struct clf__hist {
  clf__range over;
  int bins;
  double height[120]; /* share of all numbers, per unit length: a density */
  double top;         /* the largest height */
} clf__hist;

/* Over the numbers in r; the bin width follows Freedman and Diaconis. */
clf_status clf__histogram(const double *v, int64_t n, clf__range r, clf__hist *h);

/* The name of column i, or `fallback`. */
const char *clf__column(const clf_table *t, int i, const char *fallback);

/* ENUM unless the whole table is finite, ESHAPE unless it has rows. */
clf_status clf__table_check(const clf_table *t);

/* clf_transform() or clf_invert() */
typedef clf_status (*clf__map)(clf_flow *flow, const double *in, int64_t n, double *out,
                               double *logdet);

/* Applies `map` to n rows of `dim` numbers.  Rows that the flow refuses as not finite, outside
 * of its interval or because it overflows, become NaN: the plot shows the others. */
clf_status clf__apply(clf_flow *flow, clf__map map, int32_t dim, const double *in, int64_t n,
                      double *out, double *logdet);

#endif
