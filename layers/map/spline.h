/* SPDX-License-Identifier: MIT */
/* spline.h: shared by all splines: the interval of each transformed dimension, what happens
 * outside of it, and views of parameters.  Private. */
#ifndef CLF_SPLINE_H
#define CLF_SPLINE_H
#include "map.h"

typedef struct clf__spline {
  const char *name;           /* of its row in arch.def */
  const clf__tails *tails;    /* one, or one for each dimension of the flow */
  const clf__reals *box;      /* empty: the default ends */
  int by_column;              /* 1: the arrays `intervals` and `kinds` replace the members below */
  int ends;                   /* of splines.def, for all columns */
  double left, right;         /* for all columns; the square left .. right contains the spline */
  clf__slot intervals, kinds; /* (d, 4) and (d), as rqs_fwd takes them */
  double (*own)[2];           /* by_column: the interval of each transformed dimension */
  unsigned char *refused;     /* whether values outside of it are refused */
} clf__spline;

/* Reads `tails` and `box` of s, where name is set, for the dimensions of m, and sets m->traits.
 * Errors: EINVAL if the number of tails differs from the number of dimensions; ENOMEM. */
clf_status clf__spline_make(clf__spline *s, clf__map *m, clf__slots *slots);
void clf__spline_free(clf__spline *s);
/* The functions derive() and inside() of a map. */
void clf__spline_derive(const clf__spline *s, const clf__map *m, const int32_t *columns, double *c);
int clf__spline_inside(const clf__spline *s, int32_t j, double x, double interval[2]);

/* Parameters u (n, d m), dimension by dimension, as (n, d, m). */
static inline clf_tensor clf__by_dimension(clf_tensor u, int32_t m) {
  return (clf_tensor){.buf = u.buf,
                      .offset = u.offset,
                      .dim = {u.dim[0], u.dim[1] / m, m, 1},
                      .stride = {u.stride[0], m * u.stride[1], u.stride[1], 1}};
}

/* The factor of raw widths and heights: nflows divides them by the root of a residual net's
 * hidden units.  `scaled` is a word of arch.def. */
double clf__spline_factor(const clf__map *m, int scaled);

#endif
