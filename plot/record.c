/* SPDX-License-Identifier: MIT */
/* record.c: reads a flow's record of how it was chosen. */
#include "record.h"
#include "fail.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double number(const json_t *of, const char *name) {
  const json_t *const v = json_object_get(of, name);
  return json_is_number(v) ? json_number_value(v) : NAN;
}

static const char *text(const json_t *of, const char *name) {
  const char *const t = json_string_value(json_object_get(of, name));
  return t && *t ? t : NULL;
}

static clf__candidate candidate(const json_t *c) {
  return (clf__candidate){.name = text(c, "name"),
                          .arch = text(c, "arch"),
                          .options = text(c, "options"),
                          .note = text(c, "note"),
                          .steps = number(c, "steps"),
                          .seconds = number(c, "seconds"),
                          .train = number(c, "train"),
                          .valid = number(c, "valid"),
                          .valid_se = number(c, "valid_se"),
                          .test = number(c, "test"),
                          .test_se = number(c, "test_se"),
                          .weight = number(c, "weight"),
                          .gain = number(c, "gain"),
                          .gain_se = number(c, "gain_se"),
                          .chosen = json_is_true(json_object_get(c, "chosen")),
                          .curve = json_object_get(c, "curve")};
}

/* A blend is not a candidate: its figures are the record's result, its components the candidates
 * with a weight. */
static void add_blend(clf__record *r) {
  clf__candidate blend = candidate(json_object_get(r->json, "result"));
  blend.name = text(r->json, "chosen");
  blend.chosen = 1;
  if (!blend.name || !json_object_get(r->json, "result")) return;
  if (clf__record_named(r, blend.name)) return;
  for (int i = 0; i < r->count; i++) r->candidate[i].chosen = 0;
  r->candidate[r->count++] = blend;
}

double clf__valid_of(const clf__candidate *c) { return isnan(c->valid) ? -INFINITY : c->valid; }

/* The order of candidates. */
static int importance(const clf__candidate *c) {
  const int is_baseline = strcmp(c->name, "gaussian") == 0 || strcmp(c->name, "mixture") == 0;
  return c->chosen ? 3 : c->weight > 0 ? 2 : is_baseline;
}

static int stands_before(const clf__candidate *a, const clf__candidate *b) {
  const int x = importance(a), y = importance(b);
  return x != y ? x > y : clf__valid_of(a) > clf__valid_of(b);
}

/* Insertion sort keeps equal ones in the record's order. */
static void sort(clf__record *r) {
  enum { ENOUGH = 7 };
  for (int i = 1; i < r->count; i++) {
    const clf__candidate c = r->candidate[i];
    int at = i;
    for (; at > 0 && stands_before(&c, &r->candidate[at - 1]); at--)
      r->candidate[at] = r->candidate[at - 1];
    r->candidate[at] = c;
  }
  while (r->front < r->count && (r->front < ENOUGH || importance(&r->candidate[r->front])))
    r->front++;
}

static void read_rest(clf__record *r) {
  r->refit = json_is_true(json_object_get(json_object_get(r->json, "rows"), "refit"));
  r->by = number(r->json, "by");
  r->by_se = number(r->json, "by_se");
  r->next = text(r->json, "next");
}

clf_status clf__record_read(clf__record *r, const clf_flow *flow) {
  *r = (clf__record){.by = NAN, .by_se = NAN};
  json_error_t error;
  const char *const record = clf_flow_record(flow);
  if (!record) return CLF_OK;
  r->json = json_loads(record, 0, &error);
  if (!json_is_object(r->json)) {
    clf__record_free(r);
    return clf__plot_fail(CLF_EFORMAT, "the model's record is not a JSON object%s%s",
                          *error.text ? ": " : "", error.text);
  }
  const json_t *const list = json_object_get(r->json, "candidates");
  const size_t count = json_array_size(list);
  r->candidate = calloc(count + 1, sizeof *r->candidate);
  if (!r->candidate) {
    clf__record_free(r);
    return clf__plot_fail(CLF_ENOMEM, "no memory for a record of %zu candidates", count);
  }
  for (size_t i = 0; i < count; i++) {
    const clf__candidate c = candidate(json_array_get(list, i));
    if (c.name) r->candidate[r->count++] = c;
  }
  add_blend(r);
  sort(r);
  read_rest(r);
  return CLF_OK;
}

void clf__record_free(clf__record *r) {
  free(r->candidate);
  json_decref(r->json);
  *r = (clf__record){0};
}

const clf__candidate *clf__record_named(const clf__record *r, const char *name) {
  for (int i = 0; i < r->count; i++)
    if (strcmp(r->candidate[i].name, name) == 0) return &r->candidate[i];
  return NULL;
}

const clf__candidate *clf__record_chosen(const clf__record *r) {
  for (int i = 0; i < r->count; i++)
    if (r->candidate[i].chosen) return &r->candidate[i];
  const char *const name = text(r->json, "chosen");
  return name ? clf__record_named(r, name) : NULL;
}
