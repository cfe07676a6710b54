/* SPDX-License-Identifier: MIT */
/* kinds.c: descriptions of columns in a model's file: JSON in the metadata clflow.kinds,
 *   {"columns": [{"kind": "category", "labels": ["a", "b"]}, ...],
 *    "context": [{"name": "class", "kind": "integer", "smallest": 0, "largest": 2}, ...]} */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "flow_private.h"
#include "safetensors.h"

#define KINDS_KEY "clflow.kinds"

/* ---- Writing ---------------------------------------------------------------------------- */

static json_t *labels_json(const clf_column *k) {
  json_t *list = json_array();
  for (int32_t i = 0; list && i < k->category_count; i++)
    if (json_array_append_new(list, json_string(k->categories[i]))) {
      json_decref(list);
      return NULL;
    }
  return list;
}

/* Unknown numbers are left out. */
static int fill(json_t *j, const char *name, const clf_column *k) {
  int bad = 0;
  if (name) bad |= json_object_set_new(j, "name", json_string(name));
  bad |= json_object_set_new(j, "kind", json_string(clf_column_kind_name(k->kind)));
  if (k->categories) bad |= json_object_set_new(j, "labels", labels_json(k));
  if (k->form) bad |= json_object_set_new(j, "form", json_string(k->form));
  if (k->unit) bad |= json_object_set_new(j, "unit", json_string(k->unit));
  if (isfinite(k->smallest)) bad |= json_object_set_new(j, "smallest", json_real(k->smallest));
  if (isfinite(k->largest)) bad |= json_object_set_new(j, "largest", json_real(k->largest));
  if (k->decimals >= 0) bad |= json_object_set_new(j, "decimals", json_integer(k->decimals));
  return bad;
}

static json_t *column_json(const char *name, const clf_column *k) {
  json_t *j = json_object();
  if (!j || !fill(j, name, k)) return j;
  json_decref(j);
  return NULL;
}

static json_t *columns_json(const clf_columns *columns) {
  json_t *list = json_array();
  for (int32_t c = 0; list && c < columns->count; c++) {
    const clf_column unknown = {.smallest = NAN, .largest = NAN, .decimals = -1};
    json_t *const j = column_json(columns->names ? columns->names[c] : NULL,
                                  columns->at ? &columns->at[c] : &unknown);
    if (!json_array_append_new(list, j)) continue;
    json_decref(list);
    return NULL;
  }
  return list;
}

static char *text_of(const clf_flow *f) {
  json_t *all = json_object();
  int bad = !all;
  if (!bad && f->kinds)
    bad = json_object_set_new(all, "columns",
                              columns_json(&(clf_columns){f->spec.dim, NULL, f->kinds}));
  if (!bad && f->c_table.count)
    bad = json_object_set_new(all, "context", columns_json(&f->c_table));
  char *text = bad ? NULL : json_dumps(all, JSON_COMPACT | JSON_REAL_PRECISION(17));
  json_decref(all);
  return text;
}

clf_status clf__put_kinds(clf__st_writer *w, const clf_flow *f) {
  if (!f->kinds && !f->c_table.count) return CLF_OK;
  char *text = text_of(f);
  if (!text) return clf__fail(CLF_ENOMEM, "no memory for the descriptions of columns");
  const clf_status s = clf__st_put_meta(w, KINDS_KEY, "%s", text);
  free(text);
  return s;
}

/* ---- Reading ---------------------------------------------------------------------------- */

static clf_status no_memory(void) {
  return clf__fail(CLF_ENOMEM, "no memory for the descriptions of columns");
}

static clf_status wrong(const char *what) {
  return clf__fail(CLF_EFORMAT, "its metadata " KINDS_KEY " has %s", what);
}

static clf_status get_kind(const json_t *j, clf_column_kind *kind) {
  const char *name = json_string_value(json_object_get(j, "kind"));
  for (int i = 0; name && i < CLF_COLUMN_KINDS; i++)
    if (strcmp(name, clf_column_kind_name((clf_column_kind)i)) == 0)
      return *kind = (clf_column_kind)i, CLF_OK;
  return wrong("a column of a kind that this clflow does not know");
}

static clf_status get_text(const json_t *j, const char *key, char **to) {
  const char *text = json_string_value(json_object_get(j, key));
  if (!text) return CLF_OK;
  *to = malloc(strlen(text) + 1);
  if (!*to) return no_memory();
  strcpy(*to, text);
  return CLF_OK;
}

static clf_status get_labels(const json_t *j, clf_column *k) {
  const json_t *list = json_object_get(j, "labels");
  const size_t n = json_array_size(list);
  if (n == 0) return CLF_OK;
  if (n > CLF_CATEGORIES_MAX) return wrong("a category of too many labels");
  k->categories = calloc(n, sizeof *k->categories);
  if (!k->categories) return no_memory();
  for (size_t i = 0; i < n; i++) {
    const char *label = json_string_value(json_array_get(list, i));
    if (!label) return wrong("a label that is not text");
    k->categories[i] = malloc(strlen(label) + 1);
    if (!k->categories[i]) return no_memory();
    strcpy(k->categories[i], label);
    k->category_count++;
  }
  return CLF_OK;
}

static double number_of(const json_t *j, const char *key) {
  const json_t *v = json_object_get(j, key);
  return json_is_number(v) ? json_number_value(v) : NAN;
}

static clf_status get_column(const json_t *j, clf_column *k) {
  const double decimals = number_of(j, "decimals");
  *k = (clf_column){.decimals = decimals >= 0 && decimals <= 1100 ? (int32_t)decimals : -1};
  k->smallest = number_of(j, "smallest");
  k->largest = number_of(j, "largest");
  CLF_TRY(get_kind(j, &k->kind));
  CLF_TRY(get_labels(j, k));
  CLF_TRY(get_text(j, "form", &k->form));
  return get_text(j, "unit", &k->unit);
}

/* An array of the file, of `count` columns unless that is 0; must be freed in any case. */
static clf_status get_columns(const json_t *list, int32_t count, int named, clf_columns *to) {
  const size_t n = json_array_size(list);
  if (n == 0 || n > INT32_MAX || (count && n != (size_t)count))
    return wrong("another number of columns than the flow");
  to->at = calloc(n, sizeof *to->at);
  to->names = named ? calloc(n, sizeof *to->names) : NULL;
  if (!to->at || (named && !to->names)) return no_memory();
  to->count = (int32_t)n;
  for (size_t c = 0; c < n; c++) {
    CLF_TRY(get_column(json_array_get(list, c), &to->at[c]));
    if (named) CLF_TRY(get_text(json_array_get(list, c), "name", &to->names[c]));
    if (named && !to->names[c]) return wrong("a column of the context without a name");
  }
  return CLF_OK;
}

static clf_status set_columns(const json_t *all, clf_flow *f) {
  const json_t *list = json_object_get(all, "columns");
  clf_columns columns = {0};
  if (!list) return CLF_OK;
  clf_status s = get_columns(list, f->spec.dim, 0, &columns);
  if (!s) s = clf_flow_set_kinds(f, columns.at);
  clf_columns_free(&columns);
  return s;
}

static clf_status set_context(const json_t *all, clf_flow *f) {
  const json_t *list = json_object_get(all, "context");
  clf_columns columns = {0};
  if (!list) return CLF_OK;
  clf_status s = get_columns(list, 0, 1, &columns);
  if (!s) s = clf_flow_set_context_table(f, &columns);
  clf_columns_free(&columns);
  return s;
}

clf_status clf__get_kinds(const clf__st *st, clf_flow *f) {
  const char *text = clf__st_meta(st, KINDS_KEY);
  if (!text) return CLF_OK;
  json_t *all = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
  if (!json_is_object(all)) {
    json_decref(all);
    return wrong("no JSON object");
  }
  clf_status s = set_columns(all, f);
  if (!s) s = set_context(all, f);
  json_decref(all);
  return s;
}
