/* SPDX-License-Identifier: MIT */
/* picture_tests.c: PIT of columns, and the rank of log p. */
#include "pictures.h"
#include "view.h"

#include <math.h>
#include <stdio.h>

/* ---- PIT ---------------------------------------------------------------------------------- */

static int pit_panels(const clf__facts *f) { return f->dim; }

/* For each row the share of samples with a lower value, along the x axis. */
static clf_status draw_pit(const clf__facts *f, int panel, clf__canvas *c) {
  char name[32], clean[160];
  const int32_t d = f->worst[panel];
  clf__text_clean(clean, sizeof clean, clf__name_of(f, d, name));
  return clf__draw_uniformity(c, &f->column[d], clean);
}

static void describe_pit(const clf__facts *f, int panel, char *text, size_t size) {
  char name[32], clean[160];
  const int32_t d = f->worst[panel];
  clf__text_clean(clean, sizeof clean, clf__name_of(f, d, name));
  snprintf(text, size, "PIT of %s among samples: KS distance %.3f", clean, f->column[d].distance);
}

const clf__picture clf__picture_pit = {.title = "Columns of the test rows among samples (PIT)",
                                       .panels = pit_panels,
                                       .width = 264,
                                       .height = 190,
                                       .draw = draw_pit,
                                       .describe = describe_pit};

/* ---- Rank of log p ------------------------------------------------------------------- */

enum { RANKS, RANK_TEST, LOG_P, CHI };

/* Panels with data, in the order above. */
static int rank_panels(const clf__facts *f) { return f->chi.u ? 4 : 3; }

static clf_status draw_ranks(const clf__facts *f, clf__canvas *c) {
  const clf__test *const t = &f->rank;
  clf__bins bins = {.over = {0, 1}, .count = t->n < 100 ? 5 : t->n < 400 ? 10 : 20};
  clf__bins_fill(&bins, t->u, t->n, 1);
  const double even = 1.0 / bins.count;
  const double band = 2.576 * sqrt(even * (1 - even) / t->rows);
  double top = even + 2 * band;
  for (int k = 0; k < bins.count; k++) top = fmax(top, bins.share[k]);
  const clf__axis ax = {.range = {0, 1}, .name = "share of less probable samples"};
  const clf__axis ay = {.range = {0, 1.1 * top}, .name = "share of rows"};
  clf__frame frame = clf__frame_begin(c, 0, 0, c->width, c->height, &ax, &ay);
  const double high = clf__frame_y(&frame, even + band);
  const double low = clf__frame_y(&frame, fmax(even - band, 0));
  clf__canvas_rect(c, frame.x, high, frame.w, low - high, CLF__INK_BAND, 0.2);
  clf__draw_bins(&frame, &bins, t->level == CLF__FITS ? CLF__INK_DATA : CLF__INK_BAD, 1);
  clf__frame_end(&frame);
  return CLF_OK;
}

static clf_status draw_log_p(const clf__facts *f, clf__canvas *c) {
  clf__range rows, samples;
  CLF_TRY(clf__view(f->sample_logp, f->samples, 1, &samples));
  const clf__scored *const test = &f->set[CLF__TEST];
  if (test->zeros == test->n)
    rows = samples;
  else
    CLF_TRY(clf__view(test->logp, test->n, 1, &rows));
  const double span = samples.hi - samples.lo;
  const clf__axis ax = {.range = {fmin(samples.lo, fmax(rows.lo, samples.lo - 1.5 * span)),
                                  fmax(samples.hi, fmin(rows.hi, samples.hi + 1.5 * span))},
                        .name = "log p (nats)"};
  clf__bins data = {.over = ax.range, .count = (int)fmin(fmax(2.2 * cbrt((double)test->n), 8), 40)};
  clf__bins model = data;
  clf__bins_fill(&data, test->logp, test->n, 1);
  clf__bins_fill(&model, f->sample_logp, f->samples, 1);
  double top = 0;
  for (int k = 0; k < data.count; k++) top = fmax(top, fmax(data.share[k], model.share[k]));
  const clf__axis ay = {.range = {0, top > 0 ? 1.08 * top : 1}, .name = "share"};
  clf__frame frame = clf__frame_begin(c, 0, 0, c->width, c->height, &ax, &ay);
  clf__draw_bins(&frame, &data, CLF__INK_DATA, 1);
  clf__draw_bins(&frame, &model, CLF__INK_MODEL, 0);
  clf__frame_end(&frame);
  return CLF_OK;
}

static clf_status draw_rank(const clf__facts *f, int panel, clf__canvas *c) {
  switch (panel) {
  case RANKS: return draw_ranks(f, c);
  case RANK_TEST: return clf__draw_uniformity(c, &f->rank, "share of less probable samples");
  case LOG_P: return draw_log_p(f, c);
  default: return clf__draw_uniformity(c, &f->chi, "chi-square distribution of |z|²");
  }
}

static void describe_rank(const clf__facts *f, int panel, char *text, size_t size) {
  static const char *const what[] = {"Histogram of the rank of log p among samples",
                                     "Distribution of the rank of log p, less the uniform one",
                                     "Histograms of log p: test rows and samples",
                                     "Distribution of squared latents under chi-square"};
  (void)f;
  snprintf(text, size, "%s", what[panel]);
}

const clf__picture clf__picture_rank = {.title = "log p of the test rows among samples",
                                        .panels = rank_panels,
                                        .width = 264,
                                        .height = 190,
                                        .draw = draw_rank,
                                        .describe = describe_rank,
                                        .keys = {"data", "samples of the model"}};
