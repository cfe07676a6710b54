/* SPDX-License-Identifier: MIT */
/* keys.c: legends and colour bars, on the line of the panel's title, where they hide nothing. */
#include "chart.h"

static const clf__text_style style = {.size = 10.5, .align = 1, .color = {0.40, 0.43, 0.47}};

static void swatch(cairo_t *cr, double x, double y, const clf__key *key) {
  cairo_new_path(cr);
  cairo_set_source_rgb(cr, key->color.r, key->color.g, key->color.b);
  cairo_set_line_width(cr, 2);
  cairo_set_line_cap(cr, CAIRO_LINE_CAP_BUTT);
  if (key->shape == CLF__KEY_BAR) {
    cairo_rectangle(cr, x + 4, y - 5, 10, 10);
    cairo_fill(cr);
  } else if (key->shape == CLF__KEY_RING) {
    cairo_arc(cr, x + 10, y, 4, 0, 6.283185307179586);
    cairo_stroke(cr);
  } else {
    cairo_move_to(cr, x, y);
    cairo_line_to(cr, x + 16, y);
    cairo_stroke(cr);
  }
}

void clf__panel_legend(const clf__panel *p, const clf__key *keys, int n) {
  cairo_t *cr = p->chart->cr;
  double x = p->x + p->w;
  for (int i = n - 1; i >= 0; i--) {
    x -= clf__text(cr, x, p->y - 10, keys[i].text, style) + 21;
    swatch(cr, x, p->y - 13.5, &keys[i]);
    x -= 16;
  }
}

void clf__panel_colorbar(const clf__panel *p, const char *lo, const char *hi) {
  cairo_t *cr = p->chart->cr;
  const double wide = 90;
  double x = p->x + p->w;
  x -= clf__text(cr, x, p->y - 10, hi, style) + 6 + wide;
  cairo_pattern_t *ramp = cairo_pattern_create_linear(x, 0, x + wide, 0);
  for (int i = 0; i <= 32; i++) {
    const clf__rgb c = clf__magma(i / 32.0);
    cairo_pattern_add_color_stop_rgb(ramp, i / 32.0, c.r, c.g, c.b);
  }
  cairo_rectangle(cr, x, p->y - 17.5, wide, 8);
  cairo_set_source(cr, ramp);
  cairo_fill(cr);
  cairo_pattern_destroy(ramp);
  clf__text(cr, x - 6, p->y - 10, lo, style);
}
