/* SPDX-License-Identifier: MIT */
/* report_sections.c: the verdict, log-likelihoods, columns and tests. */
#include "report.h"

#include <inttypes.h>
#include <math.h>

/* "training ", "validation ", or the name of the judged rows. */
static const char *set_name(const clf__facts *f, int set) {
  return set == CLF__TRAIN ? "training " : set == CLF__VALID ? "validation " : clf__judged_rows(f);
}

static void cell(clf__page *p, double v, int digits) {
  char text[40];
  clf__page_number(text, sizeof text, v, digits);
  clf__page_addf(p, "<td class=\"n\">%s</td>", text);
}

/* ---- The verdict --------------------------------------------------------------------------- */

clf_status clf__report_verdict(clf__page *p, const clf__facts *f, const clf__verdict *v) {
  static const char *const signs[] = {"✓", "~", "✗"};
  static const char *const remarks[] = {
      [CLF_JUDGED_VALID] =
          "Training was judged by the validation rows: new rows look a little worse.",
      [CLF_JUDGED_TRAIN] =
          "The model was trained on these rows: new rows look worse. <code>clflow train "
          "--valid-split 0.1</code> keeps some rows apart.",
      [CLF_JUDGED_ANY] =
          "Nothing is known of how these rows were used: if the model was trained on "
          "them, it looks better here than on new rows."};
  char n[40];
  clf__page_add(p, "<p class=\"soft\">");
  for (int i = 0; i < CLF__SETS; i++) {
    if (!f->set[i].n) continue;
    clf__count(n, sizeof n, f->set[i].n);
    clf__page_addf(p, "%s %srows, ", n, set_name(f, i));
  }
  clf__page_addf(p, "%" PRId32 " column%s", f->dim, f->dim == 1 ? "" : "s");
  if (f->context)
    clf__page_addf(p, ", given %" PRId32 " column%s", f->context, f->context == 1 ? "" : "s");
  if (f->source->model) {
    clf__page_add(p, "; model <code>");
    clf__page_text(p, f->source->model, 200);
    clf__page_add(p, "</code>");
  }
  clf__page_addf(p, "</p>\n<div class=\"verdict l%d\"><p>%s</p>\n<ul>\n", (int)v->level,
                 v->sentence);
  for (int i = 0; i < v->count; i++) {
    clf__page_addf(p, "<li class=\"l%d\"><i>%s</i>", v->bad[i], signs[v->bad[i]]);
    clf__page_text(p, v->detail[i], 0);
    clf__page_add(p, "</li>\n");
  }
  clf__page_add(p, "</ul></div>\n");
  if (remarks[f->source->judged])
    clf__page_addf(p, "<p class=\"soft small\">%s</p>\n", remarks[f->source->judged]);
  if (f->record.refit)
    clf__page_add(p, "<p class=\"soft small\">The model was trained again on all rows, the test "
                     "rows included, after it was chosen: the tests here look better than on new "
                     "rows. The table of candidates has the figures from before.</p>\n");
  return CLF_OK;
}

/* ---- Log-likelihoods ----------------------------------------------------------------- */

static void set_table(clf__page *p, const clf__facts *f) {
  char n[40];
  clf__page_add(p, "<div class=\"scroll\"><table><tr><th>log p, nats a row</th><th class=\"n\">rows"
                   "</th><th class=\"n\">mean</th><th class=\"n\">zero density</th></tr>\n");
  for (int i = 0; i < CLF__SETS; i++) {
    const clf__scored *const set = &f->set[i];
    if (!set->n) continue;
    clf__count(n, sizeof n, set->n);
    clf__page_addf(p, "<tr><td>this model, %srows</td><td class=\"n\">%s</td>", set_name(f, i), n);
    clf__report_nats(p, set->mean, set->error);
    cell(p, (double)set->zeros, 3);
    clf__page_add(p, "</tr>\n");
  }
  if (!isnan(f->gaussian)) {
    clf__page_addf(p, "<tr><td>a Gaussian (%s), %srows</td><td></td>",
                   f->set[CLF__TRAIN].n ? "fitted to the training rows" : "of the other rows",
                   clf__judged_rows(f));
    clf__report_nats(p, f->gaussian, f->gaussian_error);
    clf__page_add(p,
                  "<td></td></tr>\n<tr><td>this model over the Gaussian, row by row</td><td></td>");
    clf__report_nats(p, f->gain, f->gain_error);
    clf__page_add(p, "<td></td></tr>\n");
  }
  clf__page_add(p, "</table></div>\n");
}

clf_status clf__report_likelihood(clf__page *p, const clf__facts *f) {
  clf__page_add(p,
                "<section id=\"likelihood\">\n<h2>Log-likelihood</h2>\n<p>Mean log p of a row in "
                "nats, in the data's own units; higher is better. Errors are standard errors of "
                "the mean.</p>\n");
  set_table(p, f);
  if (f->record.count) CLF_TRY(clf__report_candidates(p, f));
  clf__page_add(p, "</section>\n");
  return CLF_OK;
}

/* ---- Columns ------------------------------------------------------------------------- */

/* Of many panels the first ones are shown, the others on a click, up to PANELS_MOST. */
enum { PANELS_MOST = 100 };
static clf_status panels_folded(clf__page *p, const clf__facts *f, clf_report_picture which,
                                int count, int open) {
  const int first = count < open ? count : open;
  CLF_TRY(clf__report_panels(p, f, which, 0, first));
  if (first == count) return CLF_OK;
  const int last = count < PANELS_MOST ? count : PANELS_MOST, more = last - first;
  clf__page_addf(p, "<details><summary>the %s %d column%s</summary>\n",
                 last < count ? "next" : "other", more, more == 1 ? "" : "s");
  CLF_TRY(clf__report_panels(p, f, which, first, last));
  clf__page_add(p, "</details>\n");
  return CLF_OK;
}

clf_status clf__report_columns(clf__page *p, const clf__facts *f) {
  char rows[40];
  clf__count(rows, sizeof rows, f->shown);
  clf__page_addf(
      p,
      "<section id=\"columns\">\n<h2>Data and samples</h2>\n<p>%s %srows over samples of "
      "the model%s; columns that fit worst come first. Where the two colours differ, the "
      "model does.</p>\n",
      rows, f->shows_all ? "" : clf__judged_rows(f), f->context ? " for the same contexts" : "");
  clf__report_keys(p, &clf__picture_marginals);
  CLF_TRY(panels_folded(p, f, CLF_PICTURE_MARGINALS, f->dim, 12));
  const int pairs = clf__picture_pairs.panels(f);
  if (pairs) {
    clf__page_add(p, "<h3>Pairs of columns</h3>\n");
    CLF_TRY(clf__report_panels(p, f, CLF_PICTURE_PAIRS, 0, pairs));
  }
  clf__page_add(p, "</section>\n");
  return CLF_OK;
}

/* ---- Tests --------------------------------------------------------------------------- */

static void test_row(clf__page *p, const clf__test *t, const char *words) {
  char distance[40], band[40];
  clf__decimal(distance, sizeof distance, t->distance, 3);
  clf__decimal(band, sizeof band, t->band, 3);
  clf__page_addf(p, "<td class=\"n\">%s</td><td class=\"n\">%s</td>", distance, band);
  if (t->probability < 1e-6)
    clf__page_add(p, "<td class=\"n\">&lt; 10<sup>−6</sup></td>");
  else
    cell(p, t->probability, 2);
  clf__page_addf(p, "<td class=\"w\">%s</td></tr>\n", words);
}

static void pit_table(clf__page *p, const clf__facts *f) {
  clf__page_add(p, "<div class=\"scroll\"><table class=\"tests\"><tr><th>column</th><th "
                   "class=\"n\">KS distance</th>"
                   "<th class=\"n\">band</th><th class=\"n\">p</th><th>the rows are</th></tr>\n");
  for (int32_t k = 0; k < f->dim; k++) {
    const clf__test *const t = &f->column[f->worst[k]];
    clf__page_add(p, "<tr><td class=\"w\">");
    clf__report_name(p, f, f->worst[k]);
    clf__page_add(p, "</td>");
    test_row(p, t, t->level == CLF__FITS ? "as the samples" : clf__column_verdict(t));
  }
  clf__page_add(p, "</table></div>\n");
}

static void rank_table(clf__page *p, const clf__facts *f) {
  clf__page_add(p, "<div class=\"scroll\"><table class=\"tests\"><tr><th>test</th><th "
                   "class=\"n\">KS distance</th>"
                   "<th class=\"n\">band</th><th class=\"n\">p</th><th>the rows are</th></tr>\n"
                   "<tr><td>rank of log p</td>");
  test_row(p, &f->rank, clf__rank_verdict(&f->rank));
  if (f->chi.u) {
    clf__page_add(p, "<tr><td>|z|² under chi-square</td>");
    test_row(p, &f->chi,
             f->chi.level == CLF__FITS ? "as far out as expected"
             : f->chi.mean > 0.5       ? "further out in the latent space than expected"
                                       : "closer to the middle of the latent space than expected");
  }
  clf__page_add(p, "</table></div>\n");
}

clf_status clf__report_tests(clf__page *p, const clf__facts *f) {
  char pool[40];
  clf__count(pool, sizeof pool, f->draws ? f->draws : f->samples);
  clf__page_addf(
      p,
      "<section id=\"tests\">\n<h2>Calibration</h2>\n<h3>Each column among samples (PIT)</h3>\n"
      "<p>For each %srow, the share of %s samples%s whose value is lower. If the model is right, "
      "these shares are uniform and the line stays inside the band, which a right model leaves in "
      "1 of 100 reports.</p>\n",
      clf__judged_rows(f), pool, f->draws ? " with the row's context" : "");
  CLF_TRY(clf__report_panels(p, f, CLF_PICTURE_PIT, 0, f->dim < 8 ? f->dim : 8));
  if (f->dim > 8)
    clf__page_addf(p, "<details><summary>all %" PRId32 " columns</summary>\n", f->dim);
  pit_table(p, f);
  if (f->dim > 8) clf__page_add(p, "</details>\n");
  clf__page_addf(
      p,
      "<h3>log p among that of samples</h3>\n<p>For each row, the share of %s samples%s that are "
      "less probable. Uniform if the model is right; too many low ranks mean that the model is too "
      "sure of itself (it overfits, or lacks a tail), too many high ones that it is too "
      "wide.</p>\n",
      pool, f->draws ? " with the row's context" : "");
  clf__report_keys(p, &clf__picture_rank);
  CLF_TRY(clf__report_panels(p, f, CLF_PICTURE_RANK, 0, clf__picture_rank.panels(f)));
  rank_table(p, f);
  clf__page_add(p, "</section>\n");
  return CLF_OK;
}
