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

json_t *cli_info_names(const clf_flow *flow) {
  char *const *const names = clf_flow_columns(flow);
  json_t *array = names ? json_array() : json_null();
  for (int32_t i = 0; names && i < clf_flow_get_spec(flow)->dim; i++)
    json_array_append_new(array, json_string(names[i]));
  return array;
}

static json_t *kind_json(const char *name, const clf_column *k) {
  json_t *j = json_object();
  if (name) json_object_set_new(j, "name", json_string(name));
  if (!k) return j;
  json_object_set_new(j, "kind", json_string(clf_column_kind_name(k->kind)));
  if (k->category_count) {
    json_t *labels = json_array();
    for (int32_t i = 0; i < k->category_count; i++)
      json_array_append_new(labels, json_string(k->categories[i]));
    json_object_set_new(j, "labels", labels);
  }
  if (k->unit) json_object_set_new(j, "unit", json_string(k->unit));
  if (k->form) json_object_set_new(j, "form", json_string(k->form));
  json_object_set_new(j, "smallest", cli_json_number(k->smallest));
  json_object_set_new(j, "largest", cli_json_number(k->largest));
  return j;
}

json_t *cli_info_kinds(const clf_flow *flow) {
  const clf_column *const kinds = clf_flow_kinds(flow);
  json_t *array = kinds ? json_array() : json_null();
  for (int32_t i = 0; kinds && i < clf_flow_get_spec(flow)->dim; i++)
    json_array_append_new(array, kind_json(NULL, &kinds[i]));
  return array;
}

json_t *cli_info_context(const clf_flow *flow) {
  char *const *const names = clf_flow_context_columns(flow);
  const clf_columns *const table = clf_flow_context_table(flow);
  json_t *array = table || names ? json_array() : json_null();
  for (int32_t c = 0; table && c < table->count; c++)
    json_array_append_new(array, kind_json(table->names[c], table->at ? &table->at[c] : NULL));
  for (int32_t c = 0; !table && names && c < clf_flow_context(flow); c++)
    json_array_append_new(array, kind_json(names[c], NULL));
  return array;
}
