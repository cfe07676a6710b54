/* SPDX-License-Identifier: MIT */
/* view.h: what of the numbers is shown, and how flows are asked for them.  Private. */
#ifndef CLF_PLOT_VIEW_H
#define CLF_PLOT_VIEW_H
#include "chart.h"
#include "clflow/data.h"
#include "clflow/flow.h"

/* The q-quantile of the finite ones of n numbers, `stride` apart; of many, evenly picked
 * ones stand for all.  NaN if none is finite.  Errors: ENOMEM. */
clf_status clf__quantiles(const double *v, int64_t n, int stride, const double *q, int count,
                          double *result);

/* From the 0.5 % to the 99.5 % quantile, and 15 % of that beyond either end. */
clf_status clf__view(const double *v, int64_t n, int stride, clf__range *r);

/* The range made wide enough to be told apart from a point. */
clf__range clf__range_open(clf__range r);

/* Widens one of the two so that a unit has the same length on both axes of a
 * w x h panel, unless they differ so much that one would vanish. */
void clf__view_equal(clf__range *x, clf__range *y, double w, double h);

typedef struct clf__hist {
  clf__range over;
  int bins;
  double height[120]; /* share of all numbers, by unit length: a density */
  double top;         /* the largest height */
} clf__hist;

/* Over the numbers in r; the width of bins follows Freedman and Diaconis. */
clf_status clf__histogram(const double *v, int64_t n, clf__range r, clf__hist *h);

/* ENUM unless all of the table is finite, ESHAPE unless it has rows. */
clf_status clf__table_check(const clf_table *t);

/* clf_transform() or clf_invert() */
typedef clf_status (*clf__map)(clf_flow *flow, const double *in, int64_t n, double *out,
                               double *logdet);

/* Applies `map` to n rows of `dim` numbers.  Rows that the flow refuses as not finite, be it
 * outside of its interval or where it overflows, become NaN: a picture shows the rest. */
clf_status clf__apply(clf_flow *flow, clf__map map, int32_t dim, const double *in, int64_t n,
                      double *out, double *logdet);

#endif
