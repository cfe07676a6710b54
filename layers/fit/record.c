/* SPDX-License-Identifier: MIT */
/* record.c: the record of a search, as JSON in the model's metadata.  docs/fit.md describes it. */
#define _POSIX_C_SOURCE 200809L
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "clflow/version.h"
#include "fit_private.h"
#include "json_text.h"

static json_t *real(double v) { return isfinite(v) ? json_real(v) : json_null(); }

/* ---- Candidates ---------------------------------------------------------------------------- */

/* The curve of the first split: step, mean log p of training rows, and of validation rows. */
static json_t *curve_of(const clf__fit_candidate *c) {
  json_t *curve = json_array();
  for (int i = 0; i < c->points; i++)
    json_array_append_new(curve, json_pack("[I,o,o]", (json_int_t)c->curve[i].step,
                                           real(c->curve[i].train), real(c->curve[i].valid)));
  return curve;
}

static json_t *scores_of(const clf__fit_score *train, const clf__fit_score *valid,
                         const clf__fit_score *test) {
  return json_pack("{s:o, s:o, s:o, s:o, s:o}", "train", real(train->mean), "valid",
                   real(valid->mean), "valid_se", real(valid->error), "test", real(test->mean),
                   "test_se", real(test->error));
}

static json_t *candidate_of(const clf__fit_candidate *c) {
  json_t *all = json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", c->title, "arch", c->arch, "layers",
                          c->layers, "base", c->base, "options", c->options);
  json_t *trained = json_pack("{s:s, s:I, s:I, s:I, s:f, s:o}", "start", c->start, "seed",
                              (json_int_t)c->seed, "steps", (json_int_t)c->steps, "best_step",
                              (json_int_t)c->best, "seconds", c->seconds, "curve", curve_of(c));
  json_t *scores = scores_of(&c->train, &c->valid, &c->test);
  json_t *choice = json_pack("{s:f, s:b, s:o, s:o}", "weight", c->weight, "chosen", c->weight > 0,
                             "gain", real(c->gain.mean), "gain_se", real(c->gain.error));
  json_object_update(all, trained);
  json_object_update(all, scores);
  json_object_update(all, choice);
  json_decref(trained);
  json_decref(scores);
  json_decref(choice);
  return all;
}

/* The name of the result: the candidate, or the blend of several. */
static const char *chosen(const clf__fit *f, const clf__fit_candidate **runner_up) {
  const char *name = NULL;
  int parts = 0;
  *runner_up = NULL;
  for (int i = 0; i < f->candidates; i++) {
    const clf__fit_candidate *c = &f->candidate[i];
    parts += c->weight > 0;
    if (c->weight > 0) name = c->title;
  }
  for (int i = 0; i < f->candidates; i++) {
    const clf__fit_candidate *c = &f->candidate[i];
    if ((parts == 1 && c->weight > 0) ||
        (*runner_up && !(c->valid.mean > (*runner_up)->valid.mean)))
      continue;
    *runner_up = c;
  }
  return parts > 1 ? "blend" : name;
}

static json_t *candidates_of(const clf__fit *f) {
  json_t *list = json_array();
  for (int i = 0; i < f->candidates; i++)
    json_array_append_new(list, candidate_of(&f->candidate[i]));
  return list;
}

/* ---- The whole record ------------------------------------------------------------------------ */

static json_t *rows_of(const clf__fit *f) {
  const int folds = f->splits > 1 ? f->splits : 0;
  const int64_t judges = folds ? 0 : f->judges;
  return json_pack("{s:I, s:I, s:I, s:I, s:i, s:b}", "read", (json_int_t)f->data->x->rows, "train",
                   (json_int_t)(f->learn.x.rows - judges), "valid", (json_int_t)judges, "test",
                   (json_int_t)f->test.x.rows, "folds", folds, "refit", f->o.refit);
}

static json_t *given_of(const clf__fit *f) {
  json_t *names = json_array();
  const clf_table *g = f->data->given;
  for (int32_t c = 0; g && g->names && c < g->cols; c++)
    json_array_append_new(names, clf__json_text(g->names[c]));
  return names;
}

clf_status clf__fit_write_record(clf__fit *f, char **record) {
  const clf__fit_candidate *next;
  const char *name = chosen(f, &next);
  const clf__fit_score by =
      next ? clf__fit_difference(f->blended, next->logp, f->judge_weights, f->judges)
           : (clf__fit_score){NAN, NAN};
  json_t *root = json_pack(
      "{s:i, s:s, s:o, s:I, s:I, s:f, s:f, s:f, s:f, s:b, s:o, s:o, s:s, s:O, s:O, s:o, s:o, s:s, "
      "s:s?, s:o, s:o}",
      "version", 1, "program", clf_version(), "data",
      clf__json_text(f->data->name ? f->data->name : ""), "checksum",
      (json_int_t)clf_table_checksum(f->data->x, f->data->given), "seed", (json_int_t)f->o.seed,
      "budget", f->o.seconds, "seconds", clf__fit_seconds(f), "valid_share", f->o.valid,
      "test_share", f->o.test, "stopped", f->stopped, "rows", rows_of(f), "given", given_of(f),
      "head", f->head.layers, "columns", f->columns, "notes", f->notes, "candidates",
      candidates_of(f), "result", scores_of(&f->train, &f->valid, &f->tested), "chosen", name,
      "next", next ? next->title : NULL, "by", real(by.mean), "by_se", real(by.error));
  *record =
      root ? json_dumps(root, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(17)) : NULL;
  json_decref(root);
  return *record ? CLF_OK : clf__fail(CLF_ENOMEM, "no memory for the record of a fit");
}
