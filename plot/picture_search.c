/* SPDX-License-Identifier: MIT */
/* picture_search.c: candidates and their training curves, from the flow's record. */
#include "fail.h"
#include "pictures.h"
#include "view.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- Curves ---------------------------------------------------------------------------------- */

enum { CURVES_MOST = 6 };

static int is_curve(const clf__candidate *c) { return json_array_size(c->curve) > 1; }

/* The i-th candidate with a curve; NULL after the last one. */
static const clf__candidate *curve_at(const clf__facts *f, int i) {
  for (int k = 0; k < f->record.count; k++)
    if (is_curve(&f->record.candidate[k]) && i-- == 0) return &f->record.candidate[k];
  return NULL;
}

static int curve_panels(const clf__facts *f) {
  int n = 0;
  while (n < CURVES_MOST && curve_at(f, n)) n++;
  return n;
}

static double point(const json_t *curve, size_t i, size_t part) {
  const json_t *const v = json_array_get(json_array_get(curve, i), part);
  return json_is_number(v) ? json_number_value(v) : NAN;
}

/* The first points of a training may be far below the others: they are out of view. */
static clf_status curve_range(const double *v, int64_t n, clf__range *r) {
  const double q[3] = {0, 0.1, 1};
  double at[3];
  CLF_TRY(clf__quantiles(v, n, 1, q, 3, at));
  if (isnan(at[0])) return CLF_OK;
  const double low = at[2] - at[0] > 4 * (at[2] - at[1]) ? at[1] - (at[2] - at[1]) : at[0];
  r->lo = fmin(r->lo, low);
  r->hi = fmax(r->hi, at[2]);
  return CLF_OK;
}

static void draw_curve_of(const clf__frame *f, const double *step, const double *v, int64_t n,
                          clf__ink ink, double *xy) {
  int used = 0;
  for (int64_t i = 0; i <= n; i++) { /* breaks at missing numbers */
    if (i < n && isfinite(v[i])) {
      xy[2 * used] = clf__frame_x(f, step[i]);
      xy[2 * used++ + 1] = clf__frame_y(f, v[i]);
      continue;
    }
    if (used == 1) clf__canvas_dots(f->canvas, xy, 1, 1.5, ink, 1);
    clf__canvas_line(f->canvas, xy, used, (clf__stroke){ink, 1.8, 0, 0});
    used = 0;
  }
}

static clf_status draw_curve(const clf__facts *f, int panel, clf__canvas *c) {
  const clf__candidate *const of = curve_at(f, panel);
  const int64_t n = (int64_t)json_array_size(of->curve);
  double *const step = malloc((size_t)n * 5 * sizeof *step);
  char title[200];
  if (!step) return clf__plot_fail(CLF_ENOMEM, "no memory for a curve");
  double *const train = step + n, *const valid = train + n, *const xy = valid + n;
  for (int64_t i = 0; i < n; i++) {
    step[i] = point(of->curve, (size_t)i, 0);
    train[i] = point(of->curve, (size_t)i, 1);
    valid[i] = point(of->curve, (size_t)i, 2);
  }
  clf__range y = {INFINITY, -INFINITY};
  clf_status s = curve_range(train, n, &y);
  if (!s) s = curve_range(valid, n, &y);
  if (!s) {
    y = y.lo <= y.hi ? clf__range_open(y) : (clf__range){0, 1};
    const double margin = 0.07 * (y.hi - y.lo);
    clf__text_clean(title, sizeof title, of->name);
    const clf__axis ax = {.range = clf__range_open((clf__range){step[0], step[n - 1]}),
                          .name = "step"};
    const clf__axis ay = {.range = {y.lo - margin, y.hi + margin}, .name = title};
    clf__frame frame = clf__frame_begin(c, 0, 0, c->width, c->height, &ax, &ay);
    draw_curve_of(&frame, step, train, n, CLF__INK_DATA, xy);
    draw_curve_of(&frame, step, valid, n, CLF__INK_MODEL, xy);
    clf__frame_end(&frame);
  }
  free(step);
  return s;
}

static void describe_curve(const clf__facts *f, int panel, char *text, size_t size) {
  snprintf(text, size, "Log-likelihood of %s over training steps", curve_at(f, panel)->name);
}

const clf__picture clf__picture_curves = {
    .title = "Training",
    .panels = curve_panels,
    .absent = "the model's record holds no training curve; `clflow fit` writes one",
    .width = 352,
    .height = 220,
    .draw = draw_curve,
    .describe = describe_curve,
    .keys = {"training rows", "validation rows"}};

/* ---- Candidates ---------------------------------------------------------------------- */

enum { LISTED = 16 };

/* By validation score, the best first, those without a number last. */
static int by_valid(const void *a, const void *b) {
  const clf__candidate *const x = *(const clf__candidate *const *)a,
                              *const y = *(const clf__candidate *const *)b;
  const double p = clf__valid_of(x), q = clf__valid_of(y);
  return p != q ? (p < q) - (p > q) : (x > y) - (x < y);
}

static int candidate_panels(const clf__facts *f) { return f->record.count > 1; }

static double spread_of(double error) { return isfinite(error) ? error : 0; }

/* From slightly above the best to the worst, unless that would compress the rest to a point:
 * such outliers are drawn at the edge. */
static clf__range candidate_range(const clf__candidate *const *list, int n) {
  double best = -INFINITY, worst = INFINITY, error = 0;
  for (int i = 0; i < n; i++) {
    const double v[2] = {list[i]->valid, list[i]->test};
    const double e[2] = {spread_of(list[i]->valid_se), spread_of(list[i]->test_se)};
    for (int k = 0; k < 2; k++) {
      if (!isfinite(v[k])) continue;
      best = fmax(best, v[k] + e[k]);
      worst = fmin(worst, v[k] - e[k]);
      error = fmax(error, e[k]);
    }
  }
  if (!(worst <= best)) return (clf__range){-1, 1};
  const int middle = n / 2; /* of a list by validation */
  const double half = isfinite(list[middle]->valid) ? best - list[middle]->valid : 0;
  const double far = fmax(fmax(6 * half, 8 * error), 1e-6);
  const clf__range open = clf__range_open((clf__range){fmax(worst, best - far), best});
  const double margin = 0.06 * (open.hi - open.lo);
  return (clf__range){open.lo - margin, open.hi + margin};
}

static void draw_mark(const clf__frame *f, double v, double error, double y, clf__ink ink) {
  if (!isfinite(v)) return;
  const clf__range r = f->ax.range;
  if (v < r.lo) { /* an arrow to the left */
    const double x = f->x + 4;
    clf__canvas_area(f->canvas, (const double[]){x, y, x + 7, y - 4, x + 7, y + 4}, 3, ink, 0);
    return;
  }
  const double e = spread_of(error);
  clf__canvas_line(f->canvas,
                   (const double[]){clf__frame_x(f, v - e), y, clf__frame_x(f, v + e), y}, 2,
                   (clf__stroke){ink, 2, 0, 0});
  clf__canvas_dots(f->canvas, (const double[]){clf__frame_x(f, v), y}, 1, 3.4, ink, 1);
}

static clf_status draw_candidates(const clf__facts *f, int panel, clf__canvas *c) {
  (void)panel;
  const int all = f->record.front, n = all < LISTED ? all : LISTED;
  const clf__candidate **const list = malloc((size_t)all * sizeof *list);
  if (!list) return clf__plot_fail(CLF_ENOMEM, "no memory for %d candidates", all);
  for (int i = 0; i < all; i++) list[i] = &f->record.candidate[i];
  qsort(list, (size_t)all, sizeof *list, by_valid);
  const clf__axis ax = {.range = candidate_range(list, n), .name = "log-likelihood (nats a row)"};
  const clf__axis ay = {.range = {n - 0.5, -0.5}, .hidden = 1};
  clf__frame frame = clf__frame_begin(c, 0, 0, c->width, c->height, &ax, &ay);
  for (int i = 0; i < n; i++) {
    const double y = clf__frame_y(&frame, i) + 7;
    clf__canvas_text(c, frame.x + 2, y - 13, list[i]->name,
                     (clf__write){.size = 11, .ink = CLF__INK_TEXT, .max = frame.w - 4});
    clf__canvas_line(c, (const double[]){frame.x, y, frame.x + frame.w, y}, 2,
                     (clf__stroke){CLF__INK_FAINT, 1, 0, 0});
    draw_mark(&frame, list[i]->valid, list[i]->valid_se, y - 3.5, CLF__INK_MODEL);
    draw_mark(&frame, list[i]->test, list[i]->test_se, y + 3.5, CLF__INK_DATA);
  }
  clf__frame_end(&frame);
  free(list);
  return CLF_OK;
}

static void candidate_size(const clf__facts *f, double *width, double *height) {
  *width = 440;
  *height = 50 + 38 * fmin(f->record.front, LISTED);
}

static void describe_candidates(const clf__facts *f, int panel, char *text, size_t size) {
  (void)panel;
  snprintf(text, size, "Log-likelihood of %d candidates on validation and test rows",
           f->record.front);
}

const clf__picture clf__picture_candidates = {
    .title = "Candidates",
    .panels = candidate_panels,
    .absent = "the model's record holds no candidates; `clflow fit` writes them",
    .size = candidate_size,
    .draw = draw_candidates,
    .describe = describe_candidates,
    .keys = {"test rows", "validation rows, by which the model was chosen"}};
