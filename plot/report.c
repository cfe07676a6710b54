/* SPDX-License-Identifier: MIT */
/* report.c: the page from its parts, and a picture alone as PNG. */
#include "report.h"
#include "../runtime/core/given.h"
#include "clflow/version.h"
#include "fail.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const clf__picture *picture_of(clf_report_picture which) {
  static const clf__picture *const pictures[CLF_PICTURES] = {
      [CLF_PICTURE_MARGINALS] = &clf__picture_marginals,
      [CLF_PICTURE_PAIRS] = &clf__picture_pairs,
      [CLF_PICTURE_PIT] = &clf__picture_pit,
      [CLF_PICTURE_RANK] = &clf__picture_rank,
      [CLF_PICTURE_CURVES] = &clf__picture_curves,
      [CLF_PICTURE_CANDIDATES] = &clf__picture_candidates,
  };
  return pictures[which];
}

/* ---- Panels in the page ------------------------------------------------------------------ */

clf_status clf__report_panels(clf__page *p, const clf__facts *f, clf_report_picture which,
                              int first, int last) {
  const clf__picture *const of = picture_of(which);
  int32_t column[CLF__PAIRS_MOST];
  char label[400];
  if (of->place)
    clf__page_addf(p, "<div class=\"grid pairs\" style=\"--k:%d\">\n",
                   clf__pair_columns(f, column) - 1);
  else
    clf__page_add(p, of->width > 300 ? "<div class=\"grid wide\">\n" : "<div class=\"grid\">\n");
  for (int i = first; i < last; i++) {
    int row = 0, col = 0;
    clf__canvas c;
    if (of->place) {
      of->place(f, i, &row, &col);
      clf__page_addf(p, "<div class=\"at\" style=\"--r:%d;--c:%d\">", row + 1, col + 1);
    }
    of->describe(f, i, label, sizeof label);
    clf__canvas_begin(&c, of->width, of->height, p, label);
    CLF_TRY(of->draw(f, i, &c));
    clf__canvas_end(&c);
    if (of->place) clf__page_add(p, "</div>");
  }
  clf__page_add(p, "</div>\n");
  return CLF_OK;
}

/* ---- The page -------------------------------------------------------------------------------- */

static void begin(clf__page *p, const clf__facts *f) {
  const clf_report_source *const s = f->source;
  clf__page_add(p, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                   "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                   "<meta name=\"generator\" content=\"clflow ");
  clf__page_add(p, clf_version());
  clf__page_add(p, "\">\n<title>");
  clf__page_text(p, s->data ? s->data : "a table", 200);
  clf__page_add(p, ": fit of a density</title>\n");
  clf__report_style(p);
  clf__page_add(p, "</head>\n<body>\n<main>\n<h1>Density of ");
  clf__page_text(p, s->data ? s->data : "a table", 200);
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

/* ---- A picture as PNG
 * ---------------------------------------------------------------------------- */

static void draw_keys(clf__canvas *c, double x) {
  static const struct {
    const char *text;
    clf__ink ink;
  } keys[] = {{"data", CLF__INK_DATA}, {"samples of the model", CLF__INK_MODEL}};
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    clf__canvas_rect(c, x, 34, 10, 10, keys[i].ink, 1);
    clf__canvas_text(c, x + 15, 43, keys[i].text, (clf__write){.size = 11.5, .ink = CLF__INK_SOFT});
    x += 30 + clf__canvas_width_of(keys[i].text, 11.5) * 1.15;
  }
}

/* Panels of one PNG: a grid near 4 to 3, or where each has its place. */
static clf_status draw_png(const clf__facts *f, const clf__picture *of, int panels,
                           const char *path) {
  const double margin = 14, head = 56, share = 1;
  const int across = (int)fmin(ceil(sqrt(panels * 1.2)), 8);
  int rows = 1, cols = 1;
  for (int i = 0; i < panels; i++) {
    int row = i / across, col = i % across;
    if (of->place) of->place(f, i, &row, &col);
    rows = row + 1 > rows ? row + 1 : rows;
    cols = col + 1 > cols ? col + 1 : cols;
  }
  const double width = fmax(cols * (of->width + margin) + margin, 420);
  const double height = rows * (of->height + margin) + margin + head;
  clf__chart chart;
  CLF_TRY(clf__chart_begin(&chart, width, height, 1, 1, &share));
  clf__canvas all = {.width = width, .height = height, .cr = chart.cr};
  clf__canvas_text(
      &all, margin, 26, of->title,
      (clf__write){.size = 16, .ink = CLF__INK_TEXT, .bold = 1, .max = width - 2 * margin});
  if (of->keys) draw_keys(&all, margin);
  clf_status s = CLF_OK;
  for (int i = 0; i < panels && !s; i++) {
    int row = i / across, col = i % across;
    if (of->place) of->place(f, i, &row, &col);
    clf__canvas c = {.width = of->width, .height = of->height, .cr = chart.cr};
    cairo_save(chart.cr);
    cairo_translate(chart.cr, margin + col * (of->width + margin),
                    head + row * (of->height + margin));
    s = of->draw(f, i, &c);
    cairo_restore(chart.cr);
  }
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
  const clf__picture *const of = picture_of(picture);
  CLF_TRY(clf__judge(&f, source));
  const int panels = of->panels(&f);
  const clf_status s =
      panels > 0 ? draw_png(&f, of, panels, path)
                 : clf__plot_fail(CLF_ENOTSUP, "there is nothing to draw: %s", of->absent);
  clf__judge_free(&f);
  return s;
}
