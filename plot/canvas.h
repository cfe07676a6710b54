/* SPDX-License-Identifier: MIT */
/* canvas.h: the canvas of a report's plots: SVG in a page, or a chart that becomes a PNG.  Private.
 *
 * A colour is a role (clf__ink), which the page's style sheet and the PNG's palette map to one that
 * suits their background.  Lengths are CSS pixels. */
#ifndef CLF_PLOT_CANVAS_H
#define CLF_PLOT_CANVAS_H
#include "chart.h"
#include "page.h"

/* The style sheet has one class for each, in this order: k0, k1, ... */
typedef enum clf__ink {
  CLF__INK_TEXT,
  CLF__INK_SOFT,  /* numbers at axes */
  CLF__INK_FRAME, /* axes */
  CLF__INK_FAINT, /* grid lines */
  CLF__INK_DATA,
  CLF__INK_MODEL, /* the model's samples */
  CLF__INK_BAD,   /* misfits */
  CLF__INK_BAND,  /* expected range */
  CLF__INKS
} clf__ink;

/* Okabe and Ito (2008), for a white page; and lighter ones of the same hues for a dark one. */
typedef struct clf__tone {
  const char *name; /* of the custom property: --NAME */
  clf__rgb light, dark;
} clf__tone;
extern const clf__tone clf__tones[CLF__INKS];

typedef struct clf__canvas {
  double width, height;
  clf__page *page; /* SVG, or NULL */
  cairo_t *cr;     /* or NULL */
  double x, y;     /* subtracted from coordinates: the corner of the clipping box */
} clf__canvas;

typedef struct clf__stroke {
  clf__ink ink;
  double width, alpha; /* alpha 0: opaque */
  int dashed;
} clf__stroke;

typedef struct clf__write {
  double size, align; /* align: fraction of the text to the left of x: 0, 0.5 or 1 */
  double max;         /* longer text is cut with an ellipsis; 0: unlimited */
  clf__ink ink;
  int bold;
} clf__write;

/* Begins an SVG element; `label` describes it for screen readers. */
void clf__canvas_begin(clf__canvas *c, double width, double height, clf__page *page,
                       const char *label);
void clf__canvas_end(clf__canvas *c);

/* Clips drawing to the box until clf__canvas_unclip(). */
void clf__canvas_clip(clf__canvas *c, double x, double y, double w, double h);
void clf__canvas_unclip(clf__canvas *c);

/* A line through n points xy (n, 2), and the area it encloses. */
void clf__canvas_line(clf__canvas *c, const double *xy, int n, clf__stroke stroke);
void clf__canvas_area(clf__canvas *c, const double *xy, int n, clf__ink ink, double alpha);
void clf__canvas_rect(clf__canvas *c, double x, double y, double w, double h, clf__ink ink,
                      double alpha);
void clf__canvas_dots(clf__canvas *c, const double *xy, int n, double radius, clf__ink ink,
                      double alpha);
void clf__canvas_text(clf__canvas *c, double x, double y, const char *text, clf__write how);

/* Approximate width of a text at this size; the page's font is up to the reader. */
double clf__canvas_width_of(const char *text, double size);

/* ---- Frames: a panel with its axes ------------------------------------------------ */

typedef struct clf__axis {
  clf__range range;
  const char *name;          /* or NULL */
  const char *const *labels; /* names of the values first, first + step, ...: categories; or NULL */
  int label_count;
  double first, step;
  double unit; /* for dates and times: seconds per unit, since 1970; 0: plain numbers */
  int hidden;  /* no numbers */
} clf__axis;

typedef struct clf__frame {
  clf__canvas *canvas;
  double x, y, w, h; /* the inside of the frame */
  clf__axis ax, ay;
} clf__frame;

/* Draws grid lines, numbers and names, and clips to the inside until clf__frame_end().  The
 * frame fills the box (x, y, w, h) of the canvas. */
clf__frame clf__frame_begin(clf__canvas *c, double x, double y, double w, double h,
                            const clf__axis *ax, const clf__axis *ay);
void clf__frame_end(clf__frame *f);
double clf__frame_x(const clf__frame *f, double v);
double clf__frame_y(const clf__frame *f, double v);

/* Round dates or times of day along an axis whose unit is `unit` seconds. */
void clf__date_ticks(clf__ticks *t, clf__range r, double unit, double want);

#endif
