/* SPDX-License-Identifier: MIT */
/* canvas.c: draws lines, areas, dots and text, as SVG and with cairo. */
#include "canvas.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define RGB(r, g, b)                                                                               \
  { (r) / 255.0, (g) / 255.0, (b) / 255.0 }
const clf__tone clf__tones[CLF__INKS] = {
    [CLF__INK_TEXT] = {"text", RGB(29, 33, 38), RGB(232, 234, 237)},
    [CLF__INK_SOFT] = {"soft", RGB(87, 94, 102), RGB(164, 171, 179)},
    [CLF__INK_FRAME] = {"frame", RGB(178, 184, 191), RGB(92, 99, 107)},
    [CLF__INK_FAINT] = {"faint", RGB(232, 235, 238), RGB(48, 53, 59)},
    [CLF__INK_DATA] = {"data", RGB(0, 114, 178), RGB(86, 180, 233)},
    [CLF__INK_MODEL] = {"model", RGB(213, 94, 0), RGB(240, 150, 40)},
    [CLF__INK_BAD] = {"bad", RGB(179, 38, 107), RGB(226, 138, 186)},
    [CLF__INK_BAND] = {"band", RGB(0, 158, 115), RGB(0, 158, 115)},
};

/* ---- SVG ------------------------------------------------------------------------- */

static void svg_number(clf__canvas *c, const char *name, double v) {
  clf__page_addf(c->page, " %s=\"", name);
  clf__page_length(c->page, v);
  clf__page_add(c->page, "\"");
}

static void svg_alpha(clf__canvas *c, double alpha) {
  if (alpha > 0 && alpha < 1) svg_number(c, "opacity", alpha);
}

static void svg_path(clf__canvas *c, const double *xy, int n, const char *between) {
  clf__page_add(c->page, "<path d=\"");
  for (int i = 0; i < n; i++) {
    clf__page_add(c->page, i ? between : "M");
    clf__page_length(c->page, xy[2 * i] - c->x);
    clf__page_add(c->page, " ");
    clf__page_length(c->page, xy[2 * i + 1] - c->y);
  }
}

static void svg_text(clf__canvas *c, double x, double y, const char *text, const clf__write *how) {
  static const char *const anchors[3] = {"", " text-anchor=\"middle\"", " text-anchor=\"end\""};
  clf__page_addf(c->page, "<text class=\"f%d%s\"%s", (int)how->ink, how->bold ? " b" : "",
                 anchors[(int)lround(how->align * 2)]);
  svg_number(c, "x", x - c->x);
  svg_number(c, "y", y - c->y);
  svg_number(c, "font-size", how->size);
  clf__page_add(c->page, ">");
  const double letters = how->max / (0.62 * how->size);
  const int cut = how->max > 0 && clf__canvas_width_of(text, how->size) > how->max;
  clf__page_text(c->page, text, cut ? (int)fmax(letters, 2) : 0);
  clf__page_add(c->page, "</text>");
}

void clf__canvas_begin(clf__canvas *c, double width, double height, clf__page *page,
                       const char *label) {
  *c = (clf__canvas){.width = width, .height = height, .page = page};
  clf__page_add(page, "<svg role=\"img\"");
  svg_number(c, "width", width);
  svg_number(c, "height", height);
  clf__page_add(page, " viewBox=\"0 0 ");
  clf__page_length(page, width);
  clf__page_add(page, " ");
  clf__page_length(page, height);
  clf__page_add(page, "\" aria-label=\"");
  clf__page_text(page, label, 0);
  clf__page_add(page, "\">");
}

void clf__canvas_end(clf__canvas *c) {
  if (c->page) clf__page_add(c->page, "</svg>\n");
}

/* ---- Cairo ------------------------------------------------------------------------ */

static void cairo_ink(const clf__canvas *c, clf__ink ink, double alpha) {
  const clf__rgb rgb = clf__tones[ink].light;
  cairo_set_source_rgba(c->cr, rgb.r, rgb.g, rgb.b, alpha > 0 ? alpha : 1);
}

static void cairo_path(const clf__canvas *c, const double *xy, int n) {
  cairo_new_path(c->cr);
  for (int i = 0; i < n; i++) cairo_line_to(c->cr, xy[2 * i], xy[2 * i + 1]);
}

/* ---- Both ------------------------------------------------------------------------- */

void clf__canvas_clip(clf__canvas *c, double x, double y, double w, double h) {
  if (c->cr) {
    cairo_save(c->cr);
    cairo_rectangle(c->cr, x, y, w, h);
    cairo_clip(c->cr);
    return;
  }
  clf__page_add(c->page, "<svg");
  svg_number(c, "x", x);
  svg_number(c, "y", y);
  svg_number(c, "width", w);
  svg_number(c, "height", h);
  clf__page_add(c->page, ">");
  c->x = x;
  c->y = y;
}

void clf__canvas_unclip(clf__canvas *c) {
  c->x = c->y = 0;
  if (c->cr)
    cairo_restore(c->cr);
  else
    clf__page_add(c->page, "</svg>");
}

void clf__canvas_line(clf__canvas *c, const double *xy, int n, clf__stroke s) {
  if (n < 2) return;
  if (c->cr) {
    cairo_path(c, xy, n);
    cairo_ink(c, s.ink, s.alpha);
    cairo_set_line_width(c->cr, s.width);
    cairo_set_line_join(c->cr, CAIRO_LINE_JOIN_ROUND);
    cairo_set_dash(c->cr, (const double[]){4, 3}, s.dashed ? 2 : 0, 0);
    cairo_stroke(c->cr);
    cairo_set_dash(c->cr, NULL, 0, 0);
    return;
  }
  svg_path(c, xy, n, "L");
  clf__page_addf(c->page, "\" class=\"s%d\"", (int)s.ink);
  svg_number(c, "stroke-width", s.width);
  svg_alpha(c, s.alpha);
  clf__page_add(c->page, s.dashed ? " stroke-dasharray=\"4 3\"/>" : "/>");
}

void clf__canvas_area(clf__canvas *c, const double *xy, int n, clf__ink ink, double alpha) {
  if (n < 3) return;
  if (c->cr) {
    cairo_path(c, xy, n);
    cairo_ink(c, ink, alpha);
    cairo_fill(c->cr);
    return;
  }
  svg_path(c, xy, n, "L");
  clf__page_addf(c->page, "Z\" class=\"f%d\"", (int)ink);
  svg_alpha(c, alpha);
  clf__page_add(c->page, "/>");
}

void clf__canvas_rect(clf__canvas *c, double x, double y, double w, double h, clf__ink ink,
                      double alpha) {
  if (!(w > 0 && h > 0)) return;
  clf__canvas_area(c, (const double[]){x, y, x + w, y, x + w, y + h, x, y + h}, 4, ink, alpha);
}

void clf__canvas_dots(clf__canvas *c, const double *xy, int n, double radius, clf__ink ink,
                      double alpha) {
  if (n < 1) return;
  if (c->cr) {
    cairo_ink(c, ink, alpha);
    for (int i = 0; i < n; i++) {
      cairo_new_path(c->cr);
      cairo_arc(c->cr, xy[2 * i], xy[2 * i + 1], radius, 0, 6.283185307179586);
      cairo_fill(c->cr);
    }
    return;
  }
  clf__page_add(c->page, "<path d=\"");
  for (int i = 0; i < n; i++) { /* strokes of length 0 with round caps; one decimal suffices */
    clf__page_add(c->page, "M");
    clf__page_length(c->page, round((xy[2 * i] - c->x) * 10) / 10);
    clf__page_add(c->page, " ");
    clf__page_length(c->page, round((xy[2 * i + 1] - c->y) * 10) / 10);
    clf__page_add(c->page, "h0");
  }
  clf__page_addf(c->page, "\" class=\"s%d\" stroke-linecap=\"round\"", (int)ink);
  svg_number(c, "stroke-width", 2 * radius);
  svg_number(c, "stroke-opacity", alpha > 0 ? alpha : 1);
  clf__page_add(c->page, "/>");
}

void clf__canvas_text(clf__canvas *c, double x, double y, const char *text, clf__write how) {
  if (!c->cr) {
    svg_text(c, x, y, text, &how);
    return;
  }
  clf__text(c->cr, x, y, text,
            (clf__text_style){.size = how.size,
                              .align = how.align,
                              .max = how.max,
                              .bold = how.bold,
                              .color = clf__tones[how.ink].light});
}

/* A letter of a wide sans-serif font is about 0.62 of its size wide, an ideograph 1. */
double clf__canvas_width_of(const char *text, double size) {
  double width = 0;
  for (const unsigned char *s = (const unsigned char *)text; *s; s++)
    width += (*s & 0xC0) == 0x80 ? 0 : *s >= 0xE3 ? 1 : strchr(".,:;il|'! ", *s) ? 0.3 : 0.62;
  return width * size;
}
