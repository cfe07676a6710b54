/* SPDX-License-Identifier: MIT */
/* chart.h: the drawing layer: a figure, its panels, and the marks on them.  Private.
 *
 * Lengths are in points of CLF__CHART_SCALE pixels.  Cairo keeps the first error of a context and
 * ignores later calls, so drawing functions return nothing and clf__chart_save() reports the
 * error. */
#ifndef CLF_PLOT_CHART_H
#define CLF_PLOT_CHART_H
#include "clflow/core.h"

#include <cairo.h>

#define CLF__CHART_SCALE 2
#define CLF__CHART_ROWS 3

typedef struct clf__range {
  double lo, hi;
} clf__range;

typedef struct clf__rgb {
  double r, g, b;
} clf__rgb;

/* The same colours in every plot. */
extern const clf__rgb clf__rgb_data, clf__rgb_model, clf__rgb_second, clf__rgb_bars;
extern const clf__rgb clf__rgb_text, clf__rgb_soft, clf__rgb_frame, clf__rgb_faint;

/* Magma at t in [0, 1], clamped; light grey for NaN. */
clf__rgb clf__magma(double t);

/* ---- Text -------------------------------------------------------------- */

/* Copies src as UTF-8 for cairo: invalid bytes become '?', controls become blanks, and text that
 * does not fit is cut between characters. */
void clf__text_clean(char *dst, size_t size, const char *src);

typedef struct clf__text_style {
  double size, align; /* align: fraction of the text to the left of x: 0, 0.5 or 1 */
  double max;         /* longer text is set smaller, then cut with an ellipsis; 0: unlimited */
  int bold;
  clf__rgb color;
} clf__text_style;

/* Draws a line of text with its baseline at y and returns its width. */
double clf__text(cairo_t *cr, double x, double y, const char *text, clf__text_style style);

/* Numbers for people: with a true minus, and a decimal point in every locale. */
void clf__number(char *dst, size_t size, double v, int digits);  /* significant digits */
void clf__decimal(char *dst, size_t size, double v, int places); /* decimal places */
void clf__count(char *dst, size_t size, int64_t n);              /* with thousands separators */

/* ---- Ticks ------------------------------------------------------------- */

typedef struct clf__ticks {
  int count;
  double base; /* an offset that labels leave out and the axis shows, because they would have too
                  many digits */
  double at[16];
  char label[16][48];
} clf__ticks;

/* About `want` round numbers in r, at least `least` apart. */
void clf__ticks_find(clf__ticks *t, clf__range r, double want, double least);

/* ---- Figure ------------------------------------------------------------ */

typedef struct clf__chart {
  cairo_surface_t *surface;
  cairo_t *cr;
  double width, height;
  int rows, cols;                /* of the grid of panels */
  double share[CLF__CHART_ROWS]; /* height of each row relative to all */
} clf__chart;

/* Creates a white figure of rows x cols panels; `share` gives the relative heights of rows.
 * Errors: ENOMEM. */
clf_status clf__chart_begin(clf__chart *c, double width, double height, int rows, int cols,
                            const double *share);

/* The subtitle may be NULL. */
void clf__chart_title(clf__chart *c, const char *title, const char *subtitle);
void clf__chart_end(clf__chart *c);

/* The height at which panels of `cols` columns and `rows` equal rows are square. */
double clf__chart_square(double width, int rows, int cols);

/* Writes the figure as PNG; the file is replaced atomically.  Errors: EIO, ENOMEM. */
clf_status clf__chart_save(clf__chart *c, const char *path);

/* EINVAL unless path ends in .png, EIO unless a file can be created there; call it before long
 * work begins. */
clf_status clf__chart_writable(const char *path);

/* ---- Panels ------------------------------------------------------------ */

/* Panels of a column share their x axis and those of a row their y axis: only the left and
 * bottom ones have numbers and names. */
typedef struct clf__panel {
  clf__chart *chart;
  int row, col;
  double x, y, w, h;
  clf__range rx, ry;
} clf__panel;

typedef struct clf__labels {
  const char *title, *note; /* above the panel, left and right; may be NULL */
  const char *x, *y;        /* of the axes; may be NULL */
  double least_x;           /* minimum distance of x ticks */
} clf__labels;

/* Clips drawing to the panel until clf__panel_end(). */
clf__panel clf__panel_begin(clf__chart *c, int row, int col, clf__range rx, clf__range ry);
void clf__panel_end(const clf__panel *p, const clf__labels *l);

/* The position of a value in the figure. */
double clf__panel_x(const clf__panel *p, double v);
double clf__panel_y(const clf__panel *p, double v);

/* Faint lines at the y ticks; draw them first. */
void clf__panel_rules(const clf__panel *p);

/* ---- Marks ------------------------------------------------------------- */

typedef struct clf__pen {
  clf__rgb color;
  double alpha, width;
} clf__pen;

/* A line through n points; it breaks at non-finite ones, and a point between two such is drawn
 * as a dot. */
void clf__panel_line(const clf__panel *p, const double *x, const double *y, int64_t n,
                     clf__pen pen);

/* Points xy (n, 2), at most CLF__DOTS of them, evenly selected; the more, the smaller and
 * fainter the dots.  `strength` scales their opacity. */
#define CLF__DOTS 20000
void clf__panel_dots(const clf__panel *p, const double *xy, int64_t n, clf__rgb color,
                     double strength);

/* A ring around one point. */
void clf__panel_ring(const clf__panel *p, double x, double y, clf__rgb color);

/* Bars of equal width over the range `over`, from 0 to height[i]. */
void clf__panel_bars(const clf__panel *p, clf__range over, const double *height, int n,
                     clf__rgb color);

/* v (ny, nx) over the whole panel, row 0 at the bottom; `scale` is mapped to the ends of the
 * colour map. */
void clf__panel_heat(const clf__panel *p, const float *v, int nx, int ny, clf__range scale);

/* ---- Keys: drawn above the panel at its right, after clf__panel_end() ------------------------ */

typedef enum clf__key_shape { CLF__KEY_LINE, CLF__KEY_BAR, CLF__KEY_RING } clf__key_shape;
typedef struct clf__key {
  const char *text;
  clf__rgb color;
  clf__key_shape shape;
} clf__key;

void clf__panel_legend(const clf__panel *p, const clf__key *keys, int n);
void clf__panel_colorbar(const clf__panel *p, const char *lo, const char *hi);

#endif
