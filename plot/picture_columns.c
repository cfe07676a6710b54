/* SPDX-License-Identifier: MIT */
/* picture_columns.c: columns of data and samples overlaid: single ones, and pairs. */
#include "pictures.h"
#include "statistics.h"
#include "view.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static void name_into(const clf__facts *f, int32_t d, char *text, size_t size) {
  char name[32];
  clf__text_clean(text, size, clf__name_of(f, d, name));
}

/* ---- Marginals ----------------------------------------------------------------------------- */

static int marginal_panels(const clf__facts *f) { return f->dim; }

/* Up to this many values have separate bars. */
enum { BARS_MOST = 16 };

/* A number of bins that grows with the number of rows.  A discrete column has one per value or,
 * if these are too many, bins of several values, which may widen the axis. */
static int bins_for(const clf__facts *f, clf__axis *a) {
  const int usual = (int)fmin(fmax(2.2 * cbrt((double)f->shown), 8), 48);
  if (!(a->step > 0)) return usual;
  const int values = (int)lround((a->range.hi - a->range.lo) / a->step);
  if (values <= BARS_MOST || values <= usual) return values;
  const int each = (values + usual - 1) / usual, bins = (values + each - 1) / each;
  a->range.hi = a->range.lo + bins * each * a->step;
  return bins;
}

/* Whether each bin holds a single value, and there are few bins. */
static int has_bars(const clf__axis *a, int bins) {
  return a->step > 0 && bins <= BARS_MOST && lround((a->range.hi - a->range.lo) / a->step) == bins;
}

/* A bar for each value, and a line across it at the samples' share. */
static void draw_values(const clf__frame *f, const clf__bins *data, const clf__bins *sample) {
  const double zero = clf__frame_y(f, 0), wide = f->w / data->count;
  for (int k = 0; k < data->count; k++) {
    const double x = f->x + (k + 0.15) * wide, y = clf__frame_y(f, data->share[k]);
    const double at = clf__frame_y(f, sample->share[k]);
    clf__canvas_rect(f->canvas, x, y, 0.7 * wide, zero - y, CLF__INK_DATA, 0.45);
    clf__canvas_line(f->canvas, (const double[]){x - 0.07 * wide, at, x + 0.77 * wide, at}, 2,
                     (clf__stroke){CLF__INK_MODEL, 2.2, 0, 0});
  }
}

static clf_status draw_marginal(const clf__facts *f, int panel, clf__canvas *c) {
  char name[160];
  const int32_t d = f->worst[panel];
  clf__axis ax;
  name_into(f, d, name, sizeof name);
  CLF_TRY(clf__column_axis(f, d, name, &ax));
  const int bins = bins_for(f, &ax);
  clf__bins data = {.over = ax.range, .count = bins}, sample = data;
  clf__bins_fill(&data, f->show + d, f->shown, f->dim);
  clf__bins_fill(&sample, f->shadow + d, f->shadows, f->dim);
  double top = 0;
  for (int k = 0; k < data.count; k++) top = fmax(top, fmax(data.share[k], sample.share[k]));
  const clf__axis ay = {.range = {0, top > 0 ? 1.08 * top : 1}, .hidden = 1};
  clf__frame frame = clf__frame_begin(c, 0, 0, c->width, c->height, &ax, &ay);
  if (has_bars(&ax, bins)) {
    draw_values(&frame, &data, &sample);
  } else {
    clf__draw_bins(&frame, &data, CLF__INK_DATA, 1);
    clf__draw_bins(&frame, &sample, CLF__INK_MODEL, 0);
  }
  clf__frame_end(&frame);
  return CLF_OK;
}

static void describe_marginal(const clf__facts *f, int panel, char *text, size_t size) {
  char name[160];
  name_into(f, f->worst[panel], name, sizeof name);
  snprintf(text, size, "Histograms of %s: data and samples", name);
}

const clf__picture clf__picture_marginals = {.title = "Columns of data and samples",
                                             .panels = marginal_panels,
                                             .width = 264,
                                             .height = 168,
                                             .draw = draw_marginal,
                                             .describe = describe_marginal,
                                             .keys = {"data", "samples of the model"}};

/* ---- Pairs --------------------------------------------------------------------------------- */

int clf__pair_columns(const clf__facts *f, int32_t column[CLF__PAIRS_MOST]) {
  const clf_report_source *const s = f->source;
  const int asked = s->pairs && s->pair_count > 0;
  const int all = asked ? s->pair_count : f->dim;
  const int count = all < CLF__PAIRS_MOST ? all : CLF__PAIRS_MOST;
  for (int i = 0; i < count; i++) column[i] = asked ? s->pairs[i] : f->worst[i];
  for (int i = 1; i < count && !asked; i++) /* automatic choices are in the table's order */
    for (int j = i; j > 0 && column[j - 1] > column[j]; j--) {
      const int32_t swap = column[j];
      column[j] = column[j - 1];
      column[j - 1] = swap;
    }
  return count;
}

static int pair_panels(const clf__facts *f) {
  int32_t column[CLF__PAIRS_MOST];
  const int count = clf__pair_columns(f, column);
  return count * (count - 1) / 2;
}

/* The lower triangle, row by row: panel 0 is (1, 0), panels 1 and 2 are (2, 0) and (2, 1). */
static void pair_cell(const clf__facts *f, int panel, int *row, int *col) {
  (void)f;
  int r = 1;
  while (panel >= r) panel -= r++;
  *row = r - 1;
  *col = panel;
}

/* Spreads values of discrete columns over part of their cell, since they would hide each other. */
static double spread(const clf__axis *a, double v, uint64_t point, uint64_t stream) {
  return a->step > 0 ? v + 0.6 * a->step * (clf__hash_uniform(1, point, stream) - 0.5) : v;
}

/* Points first, first + step, ... of `count` evenly spaced rows of v (n, D). */
static void draw_points(const clf__facts *f, const clf__frame *frame, const double *v, int64_t n,
                        const int32_t d[2], int first, int count, clf__ink ink) {
  enum { STEP = 4, MOST = 1024 };
  double xy[2 * MOST];
  int used = 0;
  for (int k = first; k < count && used < MOST; k += STEP) {
    const int64_t i = (int64_t)((double)k * (double)n / (double)count);
    const double x = spread(&frame->ax, v[i * f->dim + d[0]], (uint64_t)i, ink);
    const double y = spread(&frame->ay, v[i * f->dim + d[1]], (uint64_t)i, ink + 100);
    if (!(x >= frame->ax.range.lo && x <= frame->ax.range.hi)) continue;
    if (!(y >= frame->ay.range.lo && y <= frame->ay.range.hi)) continue;
    xy[2 * used] = clf__frame_x(frame, x);
    xy[2 * used++ + 1] = clf__frame_y(frame, y);
  }
  clf__canvas_dots(frame->canvas, xy, used, count > 1500 ? 1.1 : 1.5, ink,
                   count > 1500 ? 0.45 : 0.55);
}

static clf_status draw_pair(const clf__facts *f, int panel, clf__canvas *c) {
  int32_t column[CLF__PAIRS_MOST];
  char x_name[160], y_name[160];
  const int columns = clf__pair_columns(f, column);
  const int64_t maximum = columns == 2 ? 3000 : columns <= 4 ? 1000 : 600;
  int row, col;
  clf__axis ax, ay;
  pair_cell(f, panel, &row, &col);
  const int32_t d[2] = {column[col], column[row + 1]};
  name_into(f, d[0], x_name, sizeof x_name);
  name_into(f, d[1], y_name, sizeof y_name);
  CLF_TRY(clf__column_axis(f, d[0], x_name, &ax));
  CLF_TRY(clf__column_axis(f, d[1], y_name, &ay));
  clf__frame frame = clf__frame_begin(c, 0, 0, c->width, c->height, &ax, &ay);
  const int data = (int)(f->shown < maximum ? f->shown : maximum);
  const int64_t like = f->shown < 200 ? 200 : f->shown;
  const int samples = (int)(like < maximum ? like : maximum);
  for (int k = 0; k < 4; k++) { /* alternately, so that neither hides the other */
    draw_points(f, &frame, f->shadow, f->shadows, d, k, samples, CLF__INK_MODEL);
    draw_points(f, &frame, f->show, f->shown, d, k, data, CLF__INK_DATA);
  }
  clf__frame_end(&frame);
  return CLF_OK;
}

/* So that six columns fill the width of the page. */
static void pair_size(const clf__facts *f, double *width, double *height) {
  int32_t column[CLF__PAIRS_MOST];
  const int columns = clf__pair_columns(f, column);
  *width = columns == 2 ? 500 : columns == 3 ? 380 : columns == 4 ? 300 : 216;
  *height = columns == 2 ? 440 : columns == 3 ? 330 : columns == 4 ? 260 : 196;
}

static void describe_pair(const clf__facts *f, int panel, char *text, size_t size) {
  int32_t column[CLF__PAIRS_MOST];
  char x_name[160], y_name[160];
  int row, col;
  clf__pair_columns(f, column);
  pair_cell(f, panel, &row, &col);
  name_into(f, column[col], x_name, sizeof x_name);
  name_into(f, column[row + 1], y_name, sizeof y_name);
  snprintf(text, size, "Points of %s and %s: data and samples", x_name, y_name);
}

const clf__picture clf__picture_pairs = {.title = "Pairs of columns of data and samples",
                                         .panels = pair_panels,
                                         .absent = "a pair plot needs two columns",
                                         .size = pair_size,
                                         .draw = draw_pair,
                                         .describe = describe_pair,
                                         .keys = {"data", "samples of the model"},
                                         .place = pair_cell};
