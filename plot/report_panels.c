/* SPDX-License-Identifier: MIT */
/* report_panels.c: what all sections of the page are made of: panels, legends, numbers, names. */
#include "report.h"

#include <math.h>

const clf__picture *clf__report_picture(clf_report_picture which) {
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

void clf__report_panel_size(const clf__facts *f, const clf__picture *of, double *width,
                            double *height) {
  *width = of->width;
  *height = of->height;
  if (of->size) of->size(f, width, height);
}

clf_status clf__report_panels(clf__page *p, const clf__facts *f, clf_report_picture which,
                              int first, int last) {
  const clf__picture *const of = clf__report_picture(which);
  int32_t column[CLF__PAIRS_MOST];
  double width, height;
  char label[400];
  clf__report_panel_size(f, of, &width, &height);
  if (of->place && last - first > 1) /* small panels form two columns in a narrow window */
    clf__page_addf(p, "<div class=\"grid pairs\" style=\"--k:%d;--m:%dpx\">\n",
                   clf__pair_columns(f, column) - 1, width < 250 ? 168 : 260);
  else
    clf__page_addf(p, "<div class=\"grid%s\">\n",
                   width < 300        ? ""
                   : last - first > 1 ? " wide"
                                      : " one");
  for (int i = first; i < last; i++) {
    int row = 0, col = 0;
    clf__canvas c;
    if (of->place) {
      of->place(f, i, &row, &col);
      clf__page_addf(p, "<div class=\"at\" style=\"--r:%d;--c:%d\">", row + 1, col + 1);
    }
    of->describe(f, i, label, sizeof label);
    clf__canvas_begin(&c, width, height, p, label);
    CLF_TRY(of->draw(f, i, &c));
    clf__canvas_end(&c);
    if (of->place) clf__page_add(p, "</div>");
  }
  clf__page_add(p, "</div>\n");
  return CLF_OK;
}

void clf__report_keys(clf__page *p, const clf__picture *of) {
  clf__page_addf(p,
                 "<p class=\"key\"><b style=\"background:var(--data)\"></b>%s"
                 "<b style=\"background:var(--model)\"></b>%s</p>\n",
                 of->keys[0], of->keys[1]);
}

void clf__report_name(clf__page *p, const clf__facts *f, int32_t d) {
  char name[32];
  clf__page_text(p, clf__name_of(f, d, name), 60);
}

void clf__report_nats(clf__page *p, double v, double error) {
  char text[40], spread[40];
  clf__page_nats(text, sizeof text, v, error);
  clf__page_nats(spread, sizeof spread, error, error);
  clf__page_addf(p, "<td class=\"n\">%s", text);
  if (isfinite(v) && isfinite(error)) clf__page_addf(p, " ± %s", spread);
  clf__page_add(p, "</td>");
}
