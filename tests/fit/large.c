/* SPDX-License-Identifier: MIT */
/* large.c: tables of many rows, of which mixtures and validation use only some. */
#include <string.h>
#include "fit.h"

#define SPLINES "autoregressive splines"

static const char *options_of(const json_t *record, const char *name) {
  return json_string_value(json_object_get(candidate(record, name), "options"));
}

/* Mixtures are fitted to 16,384 of the 17,000 training rows, and then improved by all.  8192 of the
 * 9,000 validation rows validate during training: in 50 steps only once. */
START_TEST(parts_of_a_large_table_suffice) {
  clf_table x = drawn("moons:n=26000");
  const clf_fit_data data = {.x = &x};
  clf_fit_options o = brief(0.8);
  o.valid = 9000.0 / 26000;
  o.test = 0;
  o.quick = 1;
  clf_flow *flow = fit(&data, &o);
  json_t *record = record_of(flow);
  ck_assert_ptr_nonnull(strstr(options_of(record, "mixture"), ", rows=16384, all="));
  ck_assert_str_eq(options_of(record, "gaussian"), "");
  ck_assert_ptr_null(find_candidate(record, "kernels")); /* at most 4096 of 17,000 rows */
  ck_assert_uint_eq(json_array_size(json_object_get(candidate(record, SPLINES), "curve")), 1);
  check_repeat(flow, &data);
  json_decref(record);
  clf_flow_free(flow);
  clf_table_free(&x);
}
END_TEST

void tests_of_large_tables(TCase *tc) { tcase_add_test(tc, parts_of_a_large_table_suffice); }
