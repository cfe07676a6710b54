/* SPDX-License-Identifier: MIT */
/* report_details.c: the most unusual rows, columns that were treated, the model and how to
 * reproduce it. */
#include "report.h"

#include <inttypes.h>
#include "clflow/version.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- The most unusual rows ------------------------------------------------------------------- */

static void number(clf__page *p, double v, int digits) {
  char text[40];
  clf__number(text, sizeof text, v, digits);
  clf__page_add(p, text);
}

/* A value of column d: a label, a date, or a number with this many digits. */
static void value(clf__page *p, const clf__facts *f, int32_t d, double v, int digits) {
  char text[1100];
  const clf_column *const kind = clf__description_of(f, d);
  if (!kind || kind->kind == CLF_COLUMN_NUMBER) {
    number(p, v, digits);
    return;
  }
  clf_column_text(kind, v, text, sizeof text);
  clf__page_text(p, text, 60);
}

/* The columns with the largest gains, above one nat. */
static void reasons(clf__page *p, const clf__facts *f, const clf__strange *s) {
  enum { NAMED = 3 };
  const double *const x = f->set[s->set].rows->x->at + s->row * f->dim;
  int32_t done[NAMED] = {0};
  int n = 0;
  for (; n < NAMED; n++) {
    int32_t best = -1;
    for (int32_t d = 0; d < f->dim; d++) {
      int used = 0;
      for (int k = 0; k < n; k++) used |= done[k] == d;
      if (!used && s->gain[d] > 1 && (best < 0 || s->gain[d] > s->gain[best])) best = d;
    }
    if (best < 0) break;
    char gain[40];
    done[n] = best;
    clf__page_add(p, n ? "<br>" : "");
    clf__report_name(p, f, best);
    clf__page_add(p, " = <b>");
    value(p, f, best, x[best], 7);
    clf__page_add(p, "</b> <span class=\"soft\">(");
    value(p, f, best, s->instead[best], 3);
    clf__page_nats(gain, sizeof gain, s->gain[best], 5);
    clf__page_addf(p, " would gain %s nats)</span>", gain);
  }
  if (!n) clf__page_add(p, "<span class=\"soft\">no single column</span>");
}

static void strange_row(clf__page *p, const clf__facts *f, const clf__strange *s) {
  static const char *const words[] = {"training ", "validation "};
  const clf_report_rows *const r = f->set[s->set].rows;
  char number[40];
  clf__page_add(p, "<tr><td class=\"w\">");
  if (r->ids)
    clf__page_text(p, r->ids[s->row], 60);
  else {
    clf__count(number, sizeof number, r->row ? r->row[s->row] : s->row + 1);
    clf__page_addf(p, "row %s", number);
  }
  const char *const word = s->set == CLF__TEST ? clf__judged_rows(f) : words[s->set];
  if (*word) clf__page_addf(p, " <span class=\"soft\">(%srow)</span>", word);
  clf__page_add(p, "</td>");
  clf__page_nats(number, sizeof number, s->logp, NAN);
  clf__page_addf(p, "<td class=\"n\" data-l=\"log p\">%s</td>", number);
  if (!f->draws) {
    clf__count(number, sizeof number, (int64_t)llround(s->share * (double)f->samples));
    clf__page_addf(p, "<td class=\"n\" data-l=\"less probable samples\">%s</td>", number);
  }
  clf__page_add(p, "<td class=\"w\">");
  reasons(p, f, s);
  clf__page_add(p, "</td></tr>\n");
}

clf_status clf__report_strange(clf__page *p, const clf__facts *f) {
  char samples[40];
  clf__count(samples, sizeof samples, f->samples);
  clf__page_add(
      p, "<section id=\"strange\">\n<h2>The strangest rows</h2>\n<p>Rows of lowest log p, "
         "and the columns that make them so: how many nats log p of the row gains if that "
         "column alone took the value that fits the others best.</p>\n"
         "<div class=\"scroll\"><table class=\"stack\"><tr><th>row</th><th class=\"n\">log p</th>");
  if (!f->draws) clf__page_addf(p, "<th class=\"n\">less probable, of %s samples</th>", samples);
  clf__page_add(p, "<th>columns</th></tr>\n");
  for (int i = 0; i < f->strange_count; i++) strange_row(p, f, &f->strange[i]);
  clf__page_add(p, "</table></div>\n</section>\n");
  return CLF_OK;
}

/* ---- The model ----------------------------------------------------------------------- */

static void sentences(clf__page *p, const json_t *list, const char *member) {
  clf__page_add(p, "<ul>\n");
  for (size_t i = 0; i < json_array_size(list); i++) {
    const json_t *const item = json_array_get(list, i);
    const char *const text = json_string_value(member ? json_object_get(item, member) : item);
    if (!text || !*text) continue;
    clf__page_add(p, "<li>");
    clf__page_text(p, text, 1000);
    clf__page_add(p, "</li>\n");
  }
  clf__page_add(p, "</ul>\n");
}

/* "shop (3 labels)", "day (2023-01-18 to 2024-05-13)", "mass (2700 to 6300 in steps of 25)" */
static void discrete_column(clf__page *p, const clf__facts *f, int32_t d, clf_column_grid grid) {
  const clf_column *const kind = clf__description_of(f, d);
  clf__report_name(p, f, d);
  if (kind && kind->kind == CLF_COLUMN_CATEGORY) {
    clf__page_addf(p, " (%" PRId32 " labels)", kind->category_count);
    return;
  }
  clf__page_add(p, " (");
  value(p, f, d, grid.first, 7);
  clf__page_add(p, " to ");
  value(p, f, d, grid.last, 7);
  if (grid.step != 1) clf__page_add(p, " in steps of ");
  if (grid.step != 1) number(p, grid.step, 7);
  clf__page_add(p, ")");
}

static void discrete_columns(clf__page *p, const clf__facts *f, const clf_column_grid *grid) {
  clf__page_add(p, "<p>Discrete columns, modelled with noise of one step and rounded in samples: ");
  for (int32_t d = 0, n = 0; d < f->dim; d++) {
    if (grid[d].step == 0) continue;
    clf__page_add(p, n++ ? ", " : "");
    discrete_column(p, f, d, grid[d]);
  }
  clf__page_add(p, ".</p>\n");
}

static void treated(clf__page *p, const clf__facts *f) {
  const json_t *const columns = json_object_get(f->record.json, "columns");
  const json_t *const notes = json_object_get(f->record.json, "notes");
  const clf_column_grid *const grid = clf_flow_grid(f->flow);
  int discrete = 0;
  for (int32_t d = 0; grid && d < f->dim; d++) discrete += grid[d].step > 0;
  if (!json_array_size(columns) && !json_array_size(notes) && !discrete) return;
  clf__page_add(p, "<section id=\"treated\">\n<h2>Columns that were treated specially</h2>\n");
  if (json_array_size(columns)) sentences(p, columns, "sentence");
  if (json_array_size(notes)) sentences(p, notes, NULL);
  if (discrete) discrete_columns(p, f, grid);
  clf__page_add(p, "</section>\n");
}

static clf_status architecture(clf__page *p, const clf__facts *f) {
  const clf_arch *arch = clf_flow_arch(f->flow);
  clf_arch *own = NULL;
  if (!arch) {
    CLF_TRY(clf_arch_of_spec(clf_flow_get_spec(f->flow), &own));
    arch = own;
  }
  clf__page_add(p, "<pre>");
  clf__page_text(p, clf_arch_text(arch), 4000);
  clf__page_add(p, "</pre>\n");
  clf_arch_free(own);
  return CLF_OK;
}

static void history(clf__page *p, const clf__facts *f) {
  const clf_history h = clf_flow_history(f->flow);
  const clf__candidate *const chosen = clf__record_chosen(&f->record);
  char steps[40], epochs[40], weights[40];
  clf__count(weights, sizeof weights, clf_flow_weight_count(f->flow));
  clf__count(steps, sizeof steps, h.steps);
  clf__count(epochs, sizeof epochs, h.epochs);
  clf__page_addf(p, "<p>%s trained numbers", weights);
  if (h.steps) clf__page_addf(p, "; %s steps in %s epochs", steps, epochs);
  clf__page_add(p, ".</p>\n");
  if (!chosen || !chosen->options) return;
  clf__page_add(p, "<p>Training options: <code>");
  clf__page_text(p, chosen->options, 1000);
  clf__page_add(p, "</code></p>\n");
}

/* One line each. */
static void commands(clf__page *p, const char *text) {
  char line[4096];
  if (!text) return;
  clf__page_add(p, "<pre>");
  while (*text) {
    const size_t n = strcspn(text, "\n");
    snprintf(line, sizeof line, "%.*s", (int)n, text);
    clf__page_text(p, line, 0);
    text += n + (text[n] == '\n');
    if (*text) clf__page_add(p, "\n");
  }
  clf__page_add(p, "</pre>\n");
}

clf_status clf__report_model(clf__page *p, const clf__facts *f) {
  char seed[40];
  treated(p, f);
  clf__page_add(p, "<section id=\"model\">\n<h2>The model</h2>\n");
  CLF_TRY(architecture(p, f));
  history(p, f);
  clf__page_add(p, "</section>\n<section id=\"repeat\">\n<h2>How to repeat it</h2>\n");
  commands(p, f->source->command);
  snprintf(seed, sizeof seed, "%" PRIu64, f->source->seed);
  clf__page_addf(p,
                 "<p class=\"soft small\">Written by clflow %s; samples drawn with seed %s.</p>\n",
                 clf_version(), seed);
  clf__page_add(p, "</section>\n");
  return CLF_OK;
}
