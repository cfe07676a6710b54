/* SPDX-License-Identifier: MIT */
/* info_columns.c: the columns that a model takes, and those of its context. */
#include "info.h"
#include <math.h>
#include <string.h>

/* ---- Text -------------------------------------------------------------------------- */

static void print_labels(const clf_column *k) {
  for (int32_t i = 0; i < k->category_count; i++)
    printf("%s%s", i ? ", " : ": ", cli_clean(k->categories[i]));
}

static void print_range(const clf_column *k) {
  char from[64], to[64];
  if (!isfinite(k->smallest) || !isfinite(k->largest)) return;
  clf_column_text(k, k->smallest, from, sizeof from);
  clf_column_text(k, k->largest, to, sizeof to);
  printf(", %s to %s", from, to);
}

static void print_kind(const clf_column *k) {
  printf(" (%s", clf_column_kind_name(k->kind));
  if (k->category_count)
    print_labels(k);
  else
    print_range(k);
  puts(")");
}

static void print_column(const char *title, int32_t i, const char *prefix, const char *name,
                         const clf_column *k) {
  printf("%-9s ", i ? "" : title);
  if (prefix) printf("%s%d%s", prefix, i, name ? ": " : "");
  if (name) printf("%s", cli_clean(name));
  if (k)
    print_kind(k);
  else
    putchar('\n');
}

void cli_info_columns(const clf_flow *flow) {
  char *const *const names = clf_flow_columns(flow), *const *const given =
                                                         clf_flow_context_columns(flow);
  const clf_column *const kinds = clf_flow_kinds(flow);
  const clf_columns *const table = clf_flow_context_table(flow);
  for (int32_t d = 0; (names || kinds) && d < clf_flow_get_spec(flow)->dim; d++)
    print_column("columns", d, "x", names ? names[d] : NULL, kinds ? &kinds[d] : NULL);
  for (int32_t c = 0; table && c < table->count; c++)
    print_column("given", c, NULL, table->names[c], table->at ? &table->at[c] : NULL);
  for (int32_t c = 0; !table && given && c < clf_flow_context(flow); c++)
    print_column("given", c, NULL, given[c], NULL);
}

/* ---- JSON -------------------------------------------------------------------------- */

/* Returns the object or array, or NULL if it is incomplete. */
static json_t *whole(json_t *j, int bad) {
  if (!bad) return j;
  json_decref(j);
  return NULL;
}

static json_t *texts_json(char *const *texts, int32_t count) {
  json_t *const array = json_array();
  int bad = 0;
  for (int32_t i = 0; i < count; i++) bad |= json_array_append_new(array, json_string(texts[i]));
  return whole(array, bad);
}

json_t *cli_info_names(const clf_flow *flow) {
  char *const *const names = clf_flow_columns(flow);
  return names ? texts_json(names, clf_flow_get_spec(flow)->dim) : json_null();
}

/* Describes a column. name or k is NULL where only the other one is known. */
static json_t *kind_json(const char *name, const clf_column *k) {
  json_t *const j = json_object();
  int bad = name ? json_object_set_new(j, "name", json_string(name)) : 0;
  if (!k) return whole(j, bad);
  bad |= json_object_set_new(j, "kind", json_string(clf_column_kind_name(k->kind)));
  if (k->category_count)
    bad |= json_object_set_new(j, "labels", texts_json(k->categories, k->category_count));
  if (k->unit) bad |= json_object_set_new(j, "unit", json_string(k->unit));
  if (k->form) bad |= json_object_set_new(j, "form", json_string(k->form));
  bad |= json_object_set_new(j, "smallest", cli_json_number(k->smallest));
  bad |= json_object_set_new(j, "largest", cli_json_number(k->largest));
  return whole(j, bad);
}

static json_t *kinds_json(char *const *names, const clf_column *kinds, int32_t count) {
  json_t *const array = json_array();
  int bad = 0;
  for (int32_t i = 0; i < count; i++)
    bad |=
        json_array_append_new(array, kind_json(names ? names[i] : NULL, kinds ? &kinds[i] : NULL));
  return whole(array, bad);
}

json_t *cli_info_kinds(const clf_flow *flow) {
  const clf_column *const kinds = clf_flow_kinds(flow);
  return kinds ? kinds_json(NULL, kinds, clf_flow_get_spec(flow)->dim) : json_null();
}

json_t *cli_info_context(const clf_flow *flow) {
  char *const *const names = clf_flow_context_columns(flow);
  const clf_columns *const table = clf_flow_context_table(flow);
  if (table) return kinds_json(table->names, table->at, table->count);
  return names ? kinds_json(names, NULL, clf_flow_context(flow)) : json_null();
}
