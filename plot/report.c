/* SPDX-License-Identifier: MIT */
/* report.c: assembles the page, and writes single plots as PNG. */
#include "report.h"
#include "../runtime/core/given.h"
#include "clflow/version.h"
#include "fail.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- The page -------------------------------------------------------------------------------- */

/* Without its folders. */
static const char *name_of(const char *data) {
  const char *const slash = data ? strrchr(data, '/') : NULL;
  return slash && slash[1] ? slash + 1 : data && *data ? data : "a table";
}

static void begin(clf__page *p, const clf__facts *f) {
  const clf_report_source *const s = f->source;
  clf__page_add(p, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                   "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                   "<meta name=\"generator\" content=\"clflow ");
  clf__page_add(p, clf_version());
  clf__page_add(p, "\">\n<title>");
  clf__page_text(p, name_of(s->data), 200);
  clf__page_add(p, ": fit of a density</title>\n");
  clf__report_style(p);
  clf__page_add(p, "</head>\n<body>\n<main>\n<h1>Density of ");
  clf__page_text(p, name_of(s->data), 200);
  clf__page_add(p, "</h1>\n");
}

static clf_status fill(clf__page *p, const clf__facts *f, const clf__verdict *v) {
  begin(p, f);
  CLF_TRY(clf__report_verdict(p, f, v));
  CLF_TRY(clf__report_likelihood(p, f));
  CLF_TRY(clf__report_columns(p, f));
  CLF_TRY(clf__report_tests(p, f));
  CLF_TRY(clf__report_strange(p, f));
  CLF_TRY(clf__report_model(p, f));
  clf__page_add(p, "</main>\n</body>\n</html>\n");
  return clf__page_end(p);
}

static clf_status check_path(const char *path) {
  const size_t n = strlen(path);
  if (n < 5 || strcasecmp(path + n - 5, ".html") != 0)
    return clf__plot_fail(CLF_EINVAL, "%s: reports are HTML; give a name that ends in .html", path);
  return clf_path_writable(path);
}

clf_status clf_report_write(const clf_report_source *source, const char *path, char *verdict,
                            size_t size) {
  CLF_GIVEN("source, path", source, path);
  CLF_GIVEN("source->flow", source->flow);
  clf__facts f;
  clf__verdict v;
  clf__page page = {0};
  CLF_TRY(check_path(path));
  CLF_TRY(clf__judge(&f, source));
  clf__verdict_of(&f, &v);
  clf_status s = fill(&page, &f, &v);
  if (!s) s = clf_file_write(path, page.at, page.used);
  if (!s && verdict) snprintf(verdict, size, "%s", v.sentence);
  clf__page_free(&page);
  clf__judge_free(&f);
  return s;
}

/* ---- A plot as PNG --------------------------------------------------------------------------- */

static void draw_keys(clf__canvas *c, const char *const keys[2], double x) {
  static const clf__ink inks[2] = {CLF__INK_DATA, CLF__INK_MODEL};
  for (int i = 0; i < 2; i++) {
    clf__canvas_rect(c, x, 34, 10, 10, inks[i], 1);
    clf__canvas_text(c, x + 15, 43, keys[i], (clf__write){.size = 11.5, .ink = CLF__INK_SOFT});
    x += 30 + clf__canvas_width_of(keys[i], 11.5) * 1.15;
  }
}

/* The positions of the panels of a PNG: given, or in a grid near 4 to 3. */
typedef struct layout {
  const clf__picture *of;
  int across, rows, cols;
  double width, height; /* of a panel */
} layout;

static void place(const clf__facts *f, const layout *l, int panel, int *row, int *col) {
  *row = panel / l->across;
  *col = panel % l->across;
  if (l->of->place) l->of->place(f, panel, row, col);
}

static layout lay_out(const clf__facts *f, const clf__picture *of, int panels) {
  layout l = {.of = of, .across = (int)fmin(ceil(sqrt(panels * 1.2)), 8), .rows = 1, .cols = 1};
  clf__report_panel_size(f, of, &l.width, &l.height);
  for (int i = 0; i < panels; i++) {
    int row, col;
    place(f, &l, i, &row, &col);
    l.rows = row + 1 > l.rows ? row + 1 : l.rows;
    l.cols = col + 1 > l.cols ? col + 1 : l.cols;
  }
  return l;
}

static const double png_margin = 14, png_head = 56;

static clf_status draw_panels(const clf__facts *f, const layout *l, int panels, cairo_t *cr) {
  clf_status s = CLF_OK;
  for (int i = 0; i < panels && !s; i++) {
    int row, col;
    clf__canvas c = {.width = l->width, .height = l->height, .cr = cr};
    place(f, l, i, &row, &col);
    cairo_save(cr);
    cairo_translate(cr, png_margin + col * (l->width + png_margin),
                    png_head + row * (l->height + png_margin));
    s = l->of->draw(f, i, &c);
    cairo_restore(cr);
  }
  return s;
}

static clf_status draw_png(const clf__facts *f, const clf__picture *of, int panels,
                           const char *path) {
  const double share = 1;
  const layout l = lay_out(f, of, panels);
  const double width = fmax(l.cols * (l.width + png_margin) + png_margin, 420);
  const double height = l.rows * (l.height + png_margin) + png_margin + png_head;
  clf__chart chart;
  CLF_TRY(clf__chart_begin(&chart, width, height, 1, 1, &share));
  clf__canvas all = {.width = width, .height = height, .cr = chart.cr};
  clf__canvas_text(
      &all, png_margin, 26, of->title,
      (clf__write){.size = 16, .ink = CLF__INK_TEXT, .bold = 1, .max = width - 2 * png_margin});
  if (of->keys[0]) draw_keys(&all, of->keys, png_margin);
  clf_status s = draw_panels(f, &l, panels, chart.cr);
  if (!s) s = clf__chart_save(&chart, path);
  clf__chart_end(&chart);
  return s;
}

clf_status clf_report_plot(const clf_report_source *source, clf_report_picture picture,
                           const char *path) {
  CLF_GIVEN("source, path", source, path);
  CLF_GIVEN("source->flow", source->flow);
  clf__facts f;
  if ((int)picture < 0 || picture >= CLF_PICTURES)
    return clf__plot_fail(CLF_EINVAL, "there is no picture %d", (int)picture);
  CLF_TRY(clf__chart_writable(path));
  const clf__picture *const of = clf__report_picture(picture);
  CLF_TRY(clf__judge(&f, source));
  const int panels = of->panels(&f);
  const clf_status s =
      panels > 0 ? draw_png(&f, of, panels, path)
                 : clf__plot_fail(CLF_ENOTSUP, "there is nothing to draw: %s", of->absent);
  clf__judge_free(&f);
  return s;
}
