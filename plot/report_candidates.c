/* SPDX-License-Identifier: MIT */
/* report_candidates.c: what `clflow fit` tried, from the model's record. */
#include "report.h"

#include <math.h>

static void whole(clf__page *p, double v) {
  char text[40] = "–";
  if (v >= 0 && v < 1e15) clf__count(text, sizeof text, (int64_t)v);
  clf__page_addf(p, "<td class=\"n\">%s</td>", text);
}

static void seconds(clf__page *p, double v) {
  char text[40] = "–";
  if (isfinite(v)) clf__decimal(text, sizeof text, v, v < 10);
  clf__page_addf(p, "<td class=\"n\">%s</td>", text);
}

static void candidate_row(clf__page *p, const clf__candidate *c, int chosen) {
  char weight[40];
  clf__page_add(p, chosen ? "<tr class=\"chosen\"><td>" : "<tr><td>");
  clf__page_text(p, c->name, 60);
  clf__page_add(p, chosen ? " (chosen)</td>" : "</td>");
  clf__report_nats(p, c->valid, c->valid_se);
  clf__report_nats(p, c->test, c->test_se);
  clf__report_nats(p, c->train, NAN);
  whole(p, c->steps);
  seconds(p, c->seconds);
  clf__page_add(p, "<td class=\"w\">");
  if (c->weight > 0 && c->weight < 1) {
    clf__decimal(weight, sizeof weight, c->weight, 2);
    clf__page_addf(p, "weight %s in the blend%s", weight, c->note ? "; " : "");
  }
  if (c->note) clf__page_text(p, c->note, 200);
  clf__page_add(p, "</td></tr>\n");
}

/* Details of each candidate. */
static void candidate_list(clf__page *p, const clf__facts *f) {
  clf__page_add(p, "<details><summary>architectures and training options</summary>\n");
  for (int i = 0; i < f->record.count; i++) {
    const clf__candidate *const c = &f->record.candidate[i];
    if (!c->arch) continue;
    clf__page_add(p, "<h3>");
    clf__page_text(p, c->name, 60);
    clf__page_add(p, "</h3>\n<pre>");
    clf__page_text(p, c->arch, 3000);
    if (c->options) clf__page_add(p, "\n");
    if (c->options) clf__page_text(p, c->options, 1000);
    clf__page_add(p, "</pre>\n");
  }
  clf__page_add(p, "</details>\n");
}

static void choice(clf__page *p, const clf__facts *f) {
  const clf__candidate *const chosen = clf__record_chosen(&f->record);
  const char *const next = f->record.next ? f->record.next : "the next";
  char by[40], error[40];
  if (!chosen || isnan(f->record.by)) return;
  clf__page_nats(by, sizeof by, fabs(f->record.by), f->record.by_se);
  clf__page_nats(error, sizeof error, f->record.by_se, f->record.by_se);
  clf__page_add(p, "<p>Chosen by validation rows: ");
  clf__page_text(p, chosen->name, 60);
  if (f->record.by >= 0) {
    clf__page_addf(p, ", by %s ± %s nats a row over ", by, error);
    clf__page_text(p, next, 60);
    clf__page_add(p, ".</p>\n");
  } else {
    clf__page_add(p, "; there ");
    clf__page_text(p, next, 60);
    clf__page_addf(p, " alone is better by %s ± %s nats a row, no more than chance.</p>\n", by,
                   error);
  }
}

/* That this Gaussian is not the one of the table of log-likelihoods. */
static void treatment(clf__page *p, const clf__facts *f) {
  if (!json_array_size(json_object_get(f->record.json, "columns"))) return;
  clf__page_add(p, "<p>Here the Gaussian, like all candidates, models the columns after their "
                   "<a href=\"#treated\">special treatment</a>.</p>\n");
}

static void candidate_table(clf__page *p, const clf__facts *f, int first, int last) {
  const clf__candidate *const best = clf__record_chosen(&f->record);
  clf__page_add(p, "<div class=\"scroll\"><table><tr><th>candidate</th><th class=\"n\">validation"
                   "</th><th class=\"n\">test</th><th class=\"n\">training</th><th class=\"n\">"
                   "steps</th><th class=\"n\">seconds</th><th></th></tr>\n");
  for (int i = first; i < last; i++)
    candidate_row(p, &f->record.candidate[i], &f->record.candidate[i] == best);
  clf__page_add(p, "</table></div>\n");
}

static clf_status curves(clf__page *p, const clf__facts *f) {
  enum { OPEN = 3 };
  const int count = clf__picture_curves.panels(f), open = count < OPEN ? count : OPEN;
  if (!count) return CLF_OK;
  clf__page_add(p, "<h3>Training curves</h3>\n");
  clf__report_keys(p, &clf__picture_curves);
  CLF_TRY(clf__report_panels(p, f, CLF_PICTURE_CURVES, 0, open));
  if (open == count) return CLF_OK;
  clf__page_add(p, "<details><summary>more curves</summary>\n");
  CLF_TRY(clf__report_panels(p, f, CLF_PICTURE_CURVES, open, count));
  clf__page_add(p, "</details>\n");
  return CLF_OK;
}

clf_status clf__report_candidates(clf__page *p, const clf__facts *f) {
  const int front = f->record.front, rest = f->record.count - front;
  clf__page_add(p, "<h3>Candidates</h3>\n");
  choice(p, f);
  treatment(p, f);
  candidate_table(p, f, 0, front);
  if (rest) {
    clf__page_addf(p, "<details><summary>%d more candidate%s</summary>\n", rest,
                   rest == 1 ? "" : "s");
    candidate_table(p, f, front, f->record.count);
    clf__page_add(p, "</details>\n");
  }
  candidate_list(p, f);
  clf__report_keys(p, &clf__picture_candidates);
  CLF_TRY(clf__report_panels(p, f, CLF_PICTURE_CANDIDATES, 0, clf__picture_candidates.panels(f)));
  return curves(p, f);
}
