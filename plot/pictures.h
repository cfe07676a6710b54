/* SPDX-License-Identifier: MIT */
/* pictures.h: the plots of a report: panels drawn from facts, into a page or a PNG.  Private. */
#ifndef CLF_PLOT_PICTURES_H
#define CLF_PLOT_PICTURES_H
#include "canvas.h"
#include "judge.h"

enum { CLF__PAIRS_MOST = 6 };

/* A plot is a number of panels of the same size. */
typedef struct clf__picture {
  const char *title;
  int (*panels)(const clf__facts *f); /* 0: there are no data for it */
  const char *absent;                 /* the message in that case */
  double width, height;               /* of a panel; or */
  void (*size)(const clf__facts *f, double *width, double *height); /* unless NULL */
  /* The panel fills the canvas; ENOMEM. */
  clf_status (*draw)(const clf__facts *f, int panel, clf__canvas *c);
  /* Describes the panel, for screen readers. */
  void (*describe)(const clf__facts *f, int panel, char *text, size_t size);
  const char *keys[2]; /* the meaning of the first two colours; NULL: no legend */
  /* The position of a panel in the grid of a PNG; NULL: in sequence. */
  void (*place)(const clf__facts *f, int panel, int *row, int *col);
} clf__picture;

/* Columns of the pair plot, in the order of their axes; returns their number. */
int clf__pair_columns(const clf__facts *f, int32_t column[CLF__PAIRS_MOST]);

/* The panels of marginals, pairs, PIT, rank, curves and candidates. */
extern const clf__picture clf__picture_marginals, clf__picture_pairs, clf__picture_pit,
    clf__picture_rank, clf__picture_curves, clf__picture_candidates;

/* The axis of a column over the range of data and samples; the range of nearly all values. */
clf_status clf__column_axis(const clf__facts *f, int32_t d, const char *name, clf__axis *a);

/* ---- Shared by several plots ----------------------------------------------------------------- */

enum { CLF__BINS_MOST = 64 };
typedef struct clf__bins {
  clf__range over;
  int count;
  double share[CLF__BINS_MOST]; /* of all numbers, per bin */
} clf__bins;

/* Shares of n numbers, `stride` apart, in `bins->count` bins over `bins->over`. */
void clf__bins_fill(clf__bins *bins, const double *v, int64_t n, int64_t stride);
/* Two histograms: data filled, samples as an outline. */
void clf__draw_bins(clf__frame *f, const clf__bins *bins, clf__ink ink, int filled);

/* Shares of sorted uniform numbers below v, minus v, with the band of the test. */
clf_status clf__draw_uniformity(clf__canvas *c, const clf__test *t, const char *x_name);

#endif
