/* SPDX-License-Identifier: MIT */
/* repeat.c: repeats the candidates of an earlier record, with the same numbers of steps. */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include "fit_private.h"

static clf_status no_record(const char *why) {
  return clf__fail(CLF_EINVAL, "the record to repeat is not one of clf_fit(): %s", why);
}

static const char *text_of(const json_t *at, const char *key) {
  return json_string_value(json_object_get(at, key));
}

/* The seed and the shares determine which rows are for training. */
static clf_status take_options(clf__fit *f) {
  json_t *seed = json_object_get(f->plan, "seed"), *sum = json_object_get(f->plan, "checksum");
  json_t *valid = json_object_get(f->plan, "valid_share");
  json_t *test = json_object_get(f->plan, "test_share");
  if (!json_is_integer(seed) || !json_is_integer(sum))
    return no_record("it has no seed or checksum");
  if (!json_is_real(valid) || !json_is_real(test)) return no_record("it has no shares of rows");
  if ((uint64_t)json_integer_value(sum) != clf_table_checksum(f->data->x, f->data->given))
    return clf__fail(CLF_EINVAL, "the record to repeat is of other data: %s has other values",
                     f->data->name ? f->data->name : "the table");
  f->o.seed = (uint64_t)json_integer_value(seed);
  f->o.valid = json_real_value(valid);
  f->o.test = json_real_value(test);
  return CLF_OK;
}

clf_status clf__fit_open_record(clf__fit *f) {
  json_error_t why;
  f->plan = json_loads(f->o.repeat, 0, &why);
  if (!f->plan) return no_record(why.text);
  if (!json_is_array(json_object_get(f->plan, "candidates")))
    return no_record("it has no candidates");
  return take_options(f);
}

static clf_status repeat_one(clf__fit *f, const json_t *row) {
  const char *title = text_of(row, "name"), *layers = text_of(row, "layers");
  const char *base = text_of(row, "base"), *options = text_of(row, "options");
  const char *start = text_of(row, "start");
  json_t *const steps = json_object_get(row, "steps"), *const seed = json_object_get(row, "seed");
  clf__fit_candidate c;
  if (!title || !layers || !base || !options || !start || !json_is_integer(steps) ||
      !json_is_integer(seed))
    return no_record("a candidate lacks its name, layers, base, options, start, seed or steps");
  CLF_TRY(clf__fit_begin(f, title, layers, base, options, &c));
  snprintf(c.start, sizeof c.start, "%s", start);
  c.steps = json_integer_value(steps);
  c.seed = (uint64_t)json_integer_value(seed);
  clf_status s = c.steps < 0 ? no_record("a number of steps is negative")
                 : c.steps   ? clf__fit_train(f, &c)
                             : clf__fit_em(f, &c);
  if (!s) s = clf__fit_score_candidate(f, &c);
  if (!s) return clf__fit_end(f, &c);
  clf__fit_candidate_free(&c);
  return s == CLF_ESTOPPED && f->stopped ? CLF_OK : s;
}

/* Records without a head are of versions that always treated. */
int clf__fit_plan_treats(const clf__fit *f) {
  const char *const head = text_of(f->plan, "head");
  return !head || strcmp(head, "standardize") != 0;
}

clf_status clf__fit_repeat(clf__fit *f) {
  const int treated = clf__fit_plan_treats(f);
  CLF_TRY(clf__fit_set_head(f, treated));
  if (treated) CLF_TRY(clf__fit_say_treatments(f));
  const json_t *const list = json_object_get(f->plan, "candidates");
  for (size_t i = 0; i < json_array_size(list) && !f->stopped; i++)
    CLF_TRY(repeat_one(f, json_array_get(list, i)));
  return CLF_OK;
}
