/* SPDX-License-Identifier: MIT */
/* marks.c: marks inside of a panel, and its keys. */
#include "chart.h"

#include <math.h>
#include <stdint.h>

static const double turn = 6.283185307179586;

static int inside(clf__range r, double v) { return v >= r.lo && v <= r.hi; }

void clf__panel_line(const clf__panel *p, const double *x, const double *y, int64_t n,
                     clf__pen pen) {
  cairo_t *cr = p->chart->cr;
  cairo_set_source_rgba(cr, pen.color.r, pen.color.g, pen.color.b, pen.alpha);
  cairo_set_line_width(cr, pen.width);
  cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
  cairo_set_line_cap(cr, CAIRO_LINE_CAP_ROUND);
  int64_t run = 0; /* points since the last gap */
  for (int64_t i = 0; i < n; i++) {
    const int here = isfinite(x[i]) && isfinite(y[i]);
    if (here && run == 0) cairo_move_to(cr, clf__panel_x(p, x[i]), clf__panel_y(p, y[i]));
    if (here && run > 0) cairo_line_to(cr, clf__panel_x(p, x[i]), clf__panel_y(p, y[i]));
    const int next = i + 1 < n && isfinite(x[i + 1]) && isfinite(y[i + 1]);
    if (here && run == 0 && !next) {
      cairo_new_sub_path(cr);
      cairo_arc(cr, clf__panel_x(p, x[i]), clf__panel_y(p, y[i]), pen.width / 2, 0, turn);
    }
    run = here ? run + 1 : 0;
  }
  cairo_stroke(cr);
}

void clf__panel_dots(const clf__panel *p, const double *xy, int64_t n, clf__rgb color,
                     double strength) {
  cairo_t *cr = p->chart->cr;
  const int64_t shown = n < CLF__DOTS ? n : CLF__DOTS;
  const double root = sqrt((double)shown / (p->w * p->h)) * 340;
  const double alpha = strength * fmin(fmax(24 / root, 0.2), 0.75);
  const double radius = fmin(fmax(60 / root, 0.8), 2.4);
  cairo_set_source_rgba(cr, color.r, color.g, color.b, alpha);
  for (int64_t k = 0; k < shown; k++) {
    const int64_t i = (int64_t)((double)k * (double)n / (double)shown);
    if (!inside(p->rx, xy[2 * i]) || !inside(p->ry, xy[2 * i + 1])) continue;
    cairo_arc(cr, clf__panel_x(p, xy[2 * i]), clf__panel_y(p, xy[2 * i + 1]), radius, 0, turn);
    cairo_fill(cr);
  }
}

void clf__panel_ring(const clf__panel *p, double x, double y, clf__rgb color) {
  cairo_t *cr = p->chart->cr;
  cairo_new_path(cr);
  cairo_arc(cr, clf__panel_x(p, x), clf__panel_y(p, y), 4.5, 0, turn);
  cairo_set_source_rgb(cr, 1, 1, 1);
  cairo_fill_preserve(cr);
  cairo_set_source_rgb(cr, color.r, color.g, color.b);
  cairo_set_line_width(cr, 1.8);
  cairo_stroke(cr);
}

void clf__panel_bars(const clf__panel *p, clf__range over, const double *height, int n,
                     clf__rgb color) {
  cairo_t *cr = p->chart->cr;
  const double wide = (over.hi - over.lo) / n, hair = n < 200 ? 0.5 : 0;
  const double zero = clf__panel_y(p, 0);
  cairo_set_source_rgb(cr, color.r, color.g, color.b);
  for (int i = 0; i < n; i++) {
    const double x0 = clf__panel_x(p, over.lo + i * wide),
                 x1 = clf__panel_x(p, over.lo + (i + 1) * wide);
    cairo_rectangle(cr, x0, clf__panel_y(p, height[i]), x1 - x0 - hair,
                    zero - clf__panel_y(p, height[i]));
  }
  cairo_fill(cr);
}

static uint32_t pixel(clf__rgb c) {
  return (uint32_t)lround(c.r * 255) << 16 | (uint32_t)lround(c.g * 255) << 8 |
         (uint32_t)lround(c.b * 255);
}

void clf__panel_heat(const clf__panel *p, const float *v, int nx, int ny, clf__range scale) {
  cairo_t *cr = p->chart->cr;
  cairo_surface_t *image = cairo_image_surface_create(CAIRO_FORMAT_RGB24, nx, ny);
  unsigned char *bytes = cairo_image_surface_get_data(image);
  const int stride = cairo_image_surface_get_stride(image);
  for (int y = 0; bytes && y < ny; y++) {
    uint32_t *row = (uint32_t *)(void *)(bytes + (size_t)(ny - 1 - y) * (size_t)stride);
    for (int x = 0; x < nx; x++) {
      const double t = (v[(size_t)y * (size_t)nx + (size_t)x] - scale.lo) / (scale.hi - scale.lo);
      row[x] = pixel(clf__magma(t));
    }
  }
  cairo_surface_mark_dirty(image);
  cairo_save(cr);
  cairo_translate(cr, p->x, p->y);
  cairo_scale(cr, p->w / nx, p->h / ny);
  cairo_set_source_surface(cr, image, 0, 0);
  cairo_pattern_set_extend(cairo_get_source(cr), CAIRO_EXTEND_PAD);
  cairo_pattern_set_filter(cairo_get_source(cr), CAIRO_FILTER_BILINEAR);
  cairo_paint(cr);
  cairo_restore(cr);
  cairo_surface_destroy(image);
}
