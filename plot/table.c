/* SPDX-License-Identifier: MIT */
/* table.c: plots of tables. */
#include "clflow/plot.h"
#include "fail.h"
#include "flows.h"

#include <inttypes.h>
#include <stdio.h>

static clf_status histogram(const clf_table *t, clf__chart *c) {
  const double share = 1;
  clf__range view;
  clf__hist hist;
  CLF_TRY(clf__view(t->at, t->rows, 1, &view));
  CLF_TRY(clf__histogram(t->at, t->rows, view, &hist));
  CLF_TRY(clf__chart_begin(c, 800, 560, 1, 1, &share));
  const clf__panel p =
      clf__panel_begin(c, 0, 0, view, (clf__range){0, hist.top > 0 ? 1.1 * hist.top : 1});
  clf__panel_rules(&p);
  clf__panel_bars(&p, hist.over, hist.height, hist.bins, clf__rgb_data);
  clf__panel_end(&p, &(clf__labels){.x = clf__column(t, 0, "x"), .y = "density"});
  return CLF_OK;
}

static clf_status scatter(const clf_table *t, clf__chart *c) {
  const double share = 1, width = 800;
  clf__range x, y;
  CLF_TRY(clf__view(t->at, t->rows, 2, &x));
  CLF_TRY(clf__view(t->at + 1, t->rows, 2, &y));
  clf__view_equal(&x, &y, 1, 1);
  CLF_TRY(clf__chart_begin(c, width, clf__chart_square(width, 1, 1), 1, 1, &share));
  const clf__panel p = clf__panel_begin(c, 0, 0, x, y);
  clf__panel_dots(&p, t->at, t->rows, clf__rgb_data, 1);
  clf__panel_end(&p, &(clf__labels){.x = clf__column(t, 0, "x₁"), .y = clf__column(t, 1, "x₂")});
  return CLF_OK;
}

clf_status clf_plot_table(const clf_table *t, const char *title, const char *path) {
  char rows[40], some[40], note[120];
  clf__chart c;
  CLF_GIVEN("t, path", t, path);
  if (t->cols != 1 && t->cols != 2)
    return clf__plot_fail(CLF_ESHAPE, "a table of %" PRId32 " columns cannot be drawn; 1 and 2 can",
                          t->cols);
  CLF_TRY(clf__table_check(t));
  CLF_TRY(clf__chart_writable(path));
  CLF_TRY(t->cols == 1 ? histogram(t, &c) : scatter(t, &c));
  clf__count(rows, sizeof rows, t->rows);
  clf__count(some, sizeof some, CLF__DOTS);
  if (t->cols == 2 && t->rows > CLF__DOTS)
    snprintf(note, sizeof note, "%s of %s rows", some, rows);
  else
    snprintf(note, sizeof note, "%s row%s", rows, t->rows == 1 ? "" : "s");
  clf__chart_title(&c, title ? title : "", note);
  const clf_status s = clf__chart_save(&c, path);
  clf__chart_end(&c);
  return s;
}
