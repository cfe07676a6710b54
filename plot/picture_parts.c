/* SPDX-License-Identifier: MIT */
/* picture_parts.c: histograms and tests shared by several plots. */
#include "fail.h"
#include "pictures.h"
#include "view.h"

#include <math.h>
#include <string.h>

/* ---- Histograms ------------------------------------------------------------------------ */

void clf__bins_fill(clf__bins *b, const double *v, int64_t n, int64_t stride) {
  const double width = (b->over.hi - b->over.lo) / b->count;
  for (int64_t i = 0; i < n; i++) {
    const double x = v[i * stride];
    if (!(x >= b->over.lo && x <= b->over.hi)) continue;
    const int k = (int)((x - b->over.lo) / width);
    b->share[k < b->count ? k : b->count - 1] += 1 / (double)n;
  }
}

void clf__draw_bins(clf__frame *f, const clf__bins *b, clf__ink ink, int filled) {
  double xy[4 * CLF__BINS_MOST + 4];
  int n = 0;
  const double zero = clf__frame_y(f, 0);
  xy[n++] = clf__frame_x(f, b->over.lo);
  xy[n++] = zero;
  for (int k = 0; k < b->count; k++)
    for (int end = 0; end < 2; end++) {
      xy[n++] = clf__frame_x(f, b->over.lo + (b->over.hi - b->over.lo) * (k + end) / b->count);
      xy[n++] = clf__frame_y(f, b->share[k]);
    }
  xy[n++] = clf__frame_x(f, b->over.hi);
  xy[n++] = zero;
  if (filled)
    clf__canvas_area(f->canvas, xy, n / 2, ink, 0.45);
  else
    clf__canvas_line(f->canvas, xy, n / 2, (clf__stroke){ink, 1.8, 0, 0});
}

/* ---- Axes of columns --------------------------------------------------------------------- */

/* The range of nearly all data; and of samples, too, unless that would leave the data a small
 * part of the plot. */
static clf_status range_of(const clf__facts *f, int32_t d, clf__range *r) {
  clf__range data, sample;
  CLF_TRY(clf__view(f->show + d, f->shown, f->dim, &data));
  CLF_TRY(clf__view(f->shadow + d, f->shadows, f->dim, &sample));
  const double span = data.hi - data.lo;
  r->lo = fmin(data.lo, fmax(sample.lo, data.lo - 0.35 * span));
  r->hi = fmax(data.hi, fmin(sample.hi, data.hi + 0.35 * span));
  return CLF_OK;
}

/* One bin per value; `first` to `last`, `step` apart. */
static void by_value(clf__axis *a, double first, double last, double step) {
  a->range = (clf__range){first - step / 2, last + step / 2};
  a->first = first;
  a->step = step;
}

static void describe_kind(const clf_column *kind, clf__axis *a) {
  const int is_named = kind->kind == CLF_COLUMN_CATEGORY || kind->kind == CLF_COLUMN_BOOLEAN;
  if (kind->kind == CLF_COLUMN_TIME) a->unit = 1;
  if (kind->kind == CLF_COLUMN_DATE)
    a->unit = kind->unit && strncmp(kind->unit, "days", 4) == 0 ? 86400 : 1;
  if (!is_named || !kind->categories || kind->category_count > CLF__BINS_MOST) return;
  a->labels = (const char *const *)kind->categories;
  a->label_count = kind->category_count;
  by_value(a, 0, kind->category_count - 1, 1);
}

clf_status clf__column_axis(const clf__facts *f, int32_t d, const char *name, clf__axis *a) {
  const clf_column_grid *const grid = clf_flow_grid(f->flow);
  const clf_column *const kind = clf__description_of(f, d);
  *a = (clf__axis){.name = name};
  CLF_TRY(range_of(f, d, &a->range));
  if (kind) describe_kind(kind, a);
  if (!grid || grid[d].step == 0 || a->labels) return CLF_OK;
  if ((grid[d].last - grid[d].first) / grid[d].step < CLF__BINS_MOST)
    by_value(a, grid[d].first, grid[d].last, grid[d].step);
  return CLF_OK;
}

/* ---- Uniformity ----------------------------------------------------------------------------- */

/* Shares at up to 200 of the numbers, with 0 at both ends. */
clf_status clf__draw_uniformity(clf__canvas *c, const clf__test *t, const char *x_name) {
  enum { MOST = 200 };
  double xy[2 * (2 * MOST + 2)];
  const double top = fmin(fmax(1.6 * t->band, 1.15 * t->distance), 1);
  const clf__axis ax = {.range = {0, 1}, .name = x_name};
  const clf__axis ay = {.range = {-top, top}, .name = "share of rows below, less expected"};
  clf__frame f = clf__frame_begin(c, 0, 0, c->width, c->height, &ax, &ay);
  clf__canvas_rect(c, f.x, clf__frame_y(&f, t->band), f.w,
                   clf__frame_y(&f, -t->band) - clf__frame_y(&f, t->band), CLF__INK_BAND, 0.16);
  clf__canvas_line(c, (const double[]){f.x, clf__frame_y(&f, 0), f.x + f.w, clf__frame_y(&f, 0)}, 2,
                   (clf__stroke){CLF__INK_FRAME, 1, 0, 1});
  const int64_t points = t->n < MOST ? t->n : MOST;
  int n = 0;
  xy[n++] = clf__frame_x(&f, 0);
  xy[n++] = clf__frame_y(&f, 0);
  for (int64_t k = 0; k < points; k++) {
    const int64_t i = (int64_t)((double)k * (double)t->n / (double)points);
    for (int step = 0; step < (points == t->n ? 2 : 1); step++) {
      xy[n++] = clf__frame_x(&f, t->u[i]);
      xy[n++] = clf__frame_y(&f, (double)(i + step) / (double)t->n - t->u[i]);
    }
  }
  xy[n++] = clf__frame_x(&f, 1);
  xy[n++] = clf__frame_y(&f, 0);
  clf__canvas_line(c, xy, n / 2,
                   (clf__stroke){t->level == CLF__FITS ? CLF__INK_DATA : CLF__INK_BAD, 1.8, 0, 0});
  clf__frame_end(&f);
  return CLF_OK;
}
