/* SPDX-License-Identifier: MIT */
/* chart.c: figures, their panels and axes. */
#include "chart.h"
#include "fail.h"

#include <math.h>
#include <stdio.h>

/* Margins and gaps of panels. */
static const double left = 74, right = 22, bottom = 54, gap_x = 24, gap_y = 42;

/* A single panel has no title, but may have a legend. */
static double top_of(int rows, int cols) { return rows * cols > 1 ? 96 : 82; }

double clf__chart_square(double width, int rows, int cols) {
  const double side = (width - left - right - (cols - 1) * gap_x) / cols;
  return ceil(top_of(rows, cols) + bottom + rows * side + (rows - 1) * gap_y);
}

clf_status clf__chart_begin(clf__chart *c, double width, double height, int rows, int cols,
                            const double *share) {
  *c = (clf__chart){.width = width, .height = height, .rows = rows, .cols = cols};
  double sum = 0;
  for (int i = 0; i < rows; i++) sum += share[i];
  for (int i = 0; i < rows; i++) c->share[i] = share[i] / sum;
  c->surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)lround(width * CLF__CHART_SCALE),
                                          (int)lround(height * CLF__CHART_SCALE));
  c->cr = cairo_create(c->surface);
  if (cairo_status(c->cr)) {
    clf__chart_end(c);
    return clf__plot_fail(CLF_ENOMEM, "no memory for a picture of %g x %g pixels",
                          width * CLF__CHART_SCALE, height * CLF__CHART_SCALE);
  }
  /* Hinting would make glyphs depend on desktop settings. */
  cairo_font_options_t *font = cairo_font_options_create();
  cairo_font_options_set_antialias(font, CAIRO_ANTIALIAS_GRAY);
  cairo_font_options_set_hint_style(font, CAIRO_HINT_STYLE_NONE);
  cairo_font_options_set_hint_metrics(font, CAIRO_HINT_METRICS_OFF);
  cairo_set_font_options(c->cr, font);
  cairo_font_options_destroy(font);
  cairo_scale(c->cr, CLF__CHART_SCALE, CLF__CHART_SCALE);
  cairo_set_source_rgb(c->cr, 1, 1, 1);
  cairo_paint(c->cr);
  return CLF_OK;
}

void clf__chart_title(clf__chart *c, const char *title, const char *subtitle) {
  const double max = c->width - left - right;
  clf__text(c->cr, left, 34, title,
            (clf__text_style){.size = 16, .max = max, .bold = 1, .color = clf__rgb_text});
  if (subtitle)
    clf__text(c->cr, left, 54, subtitle,
              (clf__text_style){.size = 11.5, .max = max, .color = clf__rgb_soft});
}

void clf__chart_end(clf__chart *c) {
  cairo_destroy(c->cr);
  cairo_surface_destroy(c->surface);
  c->cr = NULL;
  c->surface = NULL;
}

clf__panel clf__panel_begin(clf__chart *c, int row, int col, clf__range rx, clf__range ry) {
  clf__panel p = {.chart = c, .row = row, .col = col, .rx = rx, .ry = ry};
  const double top = top_of(c->rows, c->cols);
  const double high = c->height - top - bottom - (c->rows - 1) * gap_y;
  p.w = (c->width - left - right - (c->cols - 1) * gap_x) / c->cols;
  p.h = high * c->share[row];
  p.x = left + col * (p.w + gap_x);
  p.y = top + row * gap_y;
  for (int i = 0; i < row; i++) p.y += high * c->share[i];
  cairo_save(c->cr);
  cairo_rectangle(c->cr, p.x, p.y, p.w, p.h);
  cairo_clip(c->cr);
  return p;
}

/* Cairo's coordinates are 24.8 fixed point: far points would wrap around. */
static double bounded(double v) { return fmin(fmax(v, -1e4), 1e4); }

double clf__panel_x(const clf__panel *p, double v) {
  return bounded(p->x + (v - p->rx.lo) / (p->rx.hi - p->rx.lo) * p->w);
}

double clf__panel_y(const clf__panel *p, double v) {
  return bounded(p->y + p->h - (v - p->ry.lo) / (p->ry.hi - p->ry.lo) * p->h);
}

static void stroke(cairo_t *cr, double x0, double y0, double x1, double y1) {
  cairo_move_to(cr, x0, y0);
  cairo_line_to(cr, x1, y1);
  cairo_stroke(cr);
}

static void use(cairo_t *cr, clf__rgb color, double width) {
  cairo_set_source_rgb(cr, color.r, color.g, color.b);
  cairo_set_line_width(cr, width);
}

static void y_ticks(const clf__panel *p, clf__ticks *t) {
  clf__ticks_find(t, p->ry, fmax(3.5, p->h / 45), 0);
}

void clf__panel_rules(const clf__panel *p) {
  clf__ticks t;
  y_ticks(p, &t);
  use(p->chart->cr, clf__rgb_faint, 1);
  for (int i = 0; i < t.count; i++) {
    const double y = clf__panel_y(p, t.at[i]);
    stroke(p->chart->cr, p->x, y, p->x + p->w, y);
  }
}

/* The axis' name, and the offset of its numbers. */
static void name_of(char *dst, size_t size, const char *name, double base) {
  char number[40];
  clf__number(number, sizeof number, fabs(base), 15);
  if (base == 0)
    snprintf(dst, size, "%s", name);
  else
    snprintf(dst, size, "%s %s %s", name, base > 0 ? "−" : "+", number);
}

static void x_axis(const clf__panel *p, const clf__labels *l) {
  cairo_t *cr = p->chart->cr;
  const int outer = p->row == p->chart->rows - 1;
  const clf__text_style style = {.size = 10.5, .align = 0.5, .color = clf__rgb_soft};
  clf__ticks t;
  clf__ticks_find(&t, p->rx, fmax(2, p->w / 65), l->least_x);
  for (int i = 0; i < t.count; i++) {
    const double x = clf__panel_x(p, t.at[i]), y = p->y + p->h;
    use(cr, clf__rgb_frame, 1);
    stroke(cr, x, y, x, y + 4);
    if (outer) clf__text(cr, x, y + 17, t.label[i], style);
  }
  if (!outer || !l->x) return;
  char name[256];
  name_of(name, sizeof name, l->x, t.base);
  clf__text(cr, p->x + p->w / 2, p->y + p->h + 38, name,
            (clf__text_style){.size = 12, .align = 0.5, .max = p->w, .color = clf__rgb_text});
}

static void y_axis(const clf__panel *p, const clf__labels *l) {
  cairo_t *cr = p->chart->cr;
  const clf__text_style style = {.size = 10.5, .align = 1, .max = 42, .color = clf__rgb_soft};
  double wide = 26; /* so that the names of most axes are aligned */
  clf__ticks t;
  y_ticks(p, &t);
  for (int i = 0; i < t.count; i++) {
    const double y = clf__panel_y(p, t.at[i]);
    use(cr, clf__rgb_frame, 1);
    stroke(cr, p->x - 4, y, p->x, y);
    if (p->col == 0) wide = fmax(wide, clf__text(cr, p->x - 7, y + 3.8, t.label[i], style));
  }
  if (p->col > 0 || !l->y) return;
  char name[256];
  name_of(name, sizeof name, l->y, t.base);
  cairo_save(cr);
  cairo_translate(cr, p->x - wide - 18, p->y + p->h / 2);
  cairo_rotate(cr, -acos(-1) / 2);
  clf__text(cr, 0, 0, name,
            (clf__text_style){.size = 12, .align = 0.5, .max = p->h, .color = clf__rgb_text});
  cairo_restore(cr);
}

void clf__panel_end(const clf__panel *p, const clf__labels *l) {
  cairo_t *cr = p->chart->cr;
  cairo_restore(cr);
  use(cr, clf__rgb_frame, 1);
  cairo_rectangle(cr, p->x, p->y, p->w, p->h);
  cairo_stroke(cr);
  x_axis(p, l);
  y_axis(p, l);
  double used = 0;
  if (l->title)
    used = clf__text(cr, p->x, p->y - 10, l->title,
                     (clf__text_style){.size = 12.5, .max = p->w, .color = clf__rgb_text});
  if (l->note)
    clf__text(cr, p->x + p->w, p->y - 10, l->note,
              (clf__text_style){
                  .size = 10.5, .align = 1, .max = p->w - used - 12, .color = clf__rgb_soft});
}
