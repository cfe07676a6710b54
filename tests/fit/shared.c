/* SPDX-License-Identifier: MIT */
/* shared.c: fits, their records, and rows to fit. */
#include "fit.h"
#include <stdlib.h>
#include <string.h>

clf_table drawn(const char *set) {
  clf_table t;
  WORKS(clf_table_read(set, &t));
  return t;
}

clf_flow *fit(const clf_fit_data *data, const clf_fit_options *o) {
  clf_flow *flow;
  WORKS(clf_fit(dev, data, o, NULL, NULL, &flow));
  return flow;
}

clf_fit_options brief(double seconds) {
  clf_fit_options o = clf_fit_options_default();
  o.seconds = seconds;
  return o;
}

json_t *record_of(const clf_flow *flow) {
  json_t *record = json_loads(clf_flow_record(flow), 0, NULL);
  ck_assert_ptr_nonnull(record);
  return record;
}

double number(const json_t *at, const char *of, const char *name) {
  const json_t *v = json_object_get(of ? json_object_get(at, of) : at, name);
  ck_assert_msg(json_is_number(v), "%s of the record is no number", name);
  return json_number_value(v);
}

const json_t *find_candidate(const json_t *record, const char *name) {
  size_t i;
  json_t *c;
  json_array_foreach(json_object_get(record, "candidates"), i, c)
    if (strcmp(json_string_value(json_object_get(c, "name")), name) == 0) return c;
  return NULL;
}

const json_t *candidate(const json_t *record, const char *name) {
  const json_t *const c = find_candidate(record, name);
  ck_assert_msg(c != NULL, "no candidate %s", name);
  return c;
}

double mean_test(clf_flow *flow, const clf_table *x, const clf_table *given, const json_t *record) {
  uint8_t *part = malloc((size_t)x->rows);
  double *logp = malloc((size_t)x->rows * sizeof *logp), sum = 0;
  int64_t n = 0;
  const double few = number(record, "rows", "folds") > 0 ? 0 : number(record, NULL, "valid_share");
  WORKS(clf_split_rows(x->rows, few, number(record, NULL, "test_share"),
                       (uint64_t)number(record, NULL, "seed"), part));
  WORKS(given ? clf_log_prob_given(flow, x->at, given->at, x->rows, logp)
              : clf_log_prob(flow, x->at, x->rows, logp));
  for (int64_t i = 0; i < x->rows; i++)
    if (part[i] == CLF_ROW_TEST) sum += logp[i], n++;
  free(part);
  free(logp);
  return sum / (double)n;
}

int notes_about(const json_t *record, const char *what) {
  size_t i;
  json_t *note;
  json_array_foreach(json_object_get(record, "notes"), i, note)
    if (strstr(json_string_value(note), what)) return 1;
  return 0;
}

double nearly_normal(uint32_t *state) {
  double sum = -6;
  for (int k = 0; k < 12; k++) sum += (*state = *state * 1664525u + 1013904223u) / 4294967296.0;
  return sum;
}

void check_repeat(clf_flow *flow, const clf_fit_data *data) {
  void *bytes[2];
  size_t size[2];
  clf_fit_options again = brief(1e6);
  again.repeat = clf_flow_record(flow);
  clf_flow *same = fit(data, &again);
  WORKS(clf_flow_set_record(same, again.repeat)); /* seconds differ */
  WORKS(clf_flow_save_memory(flow, &bytes[0], &size[0]));
  WORKS(clf_flow_save_memory(same, &bytes[1], &size[1]));
  ck_assert_uint_eq(size[0], size[1]);
  ck_assert_mem_eq(bytes[0], bytes[1], size[0]);
  data->x->at[0] += 1;
  clf_flow *none;
  REFUSED(clf_fit(dev, data, &again, NULL, NULL, &none), CLF_EINVAL,
          "the record to repeat is of other data: the table has other values");
  data->x->at[0] -= 1;
  for (int k = 0; k < 2; k++) free(bytes[k]);
  clf_flow_free(same);
}
