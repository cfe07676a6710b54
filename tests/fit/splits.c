/* SPDX-License-Identifier: MIT */
/* splits.c: division of rows into training, validation and test rows; records in model files. */
#include <stdlib.h>
#include <string.h>
#include "../layers/fit/fit_private.h"
#include "fit.h"

static void count(const uint8_t *part, int64_t rows, int64_t of[3]) {
  of[0] = of[1] = of[2] = 0;
  for (int64_t i = 0; i < rows; i++) {
    ck_assert_int_le(part[i], CLF_ROW_TEST);
    of[part[i]]++;
  }
}

START_TEST(splits_have_the_shares_that_were_asked_for) {
  static const struct {
    int64_t rows;
    double valid, test;
    int64_t train, validates, tests;
  } cases[] = {
      {10, 0.1, 0.1, 8, 1, 1}, {178, 0.1, 0.1, 142, 18, 18}, {54000, 0.1, 0.1, 43200, 5400, 5400},
      {7, 0, 0, 7, 0, 0},      {1, 0.1, 0.1, 1, 0, 0},       {3, 0.5, 0, 1, 2, 0}};
  static uint8_t part[54000];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int64_t of[3];
    WORKS(clf_split_rows(cases[i].rows, cases[i].valid, cases[i].test, 3, part));
    count(part, cases[i].rows, of);
    ck_assert_int_eq(of[CLF_ROW_TRAIN], cases[i].train);
    ck_assert_int_eq(of[CLF_ROW_VALID], cases[i].validates);
    ck_assert_int_eq(of[CLF_ROW_TEST], cases[i].tests);
  }
}
END_TEST

/* Files identify their test rows only by the seed, so the drawing must never change. */
START_TEST(splits_are_a_function_of_the_seed) {
  static const uint8_t expected[12] = {1, 0, 0, 2, 0, 1, 0, 2, 0, 1, 2, 0};
  uint8_t part[12], other[12];
  WORKS(clf_split_rows(12, 0.25, 0.25, 1, part));
  ck_assert_mem_eq(part, expected, sizeof part);
  WORKS(clf_split_rows(12, 0.25, 0.25, 2, other));
  ck_assert_mem_ne(part, other, sizeof part);
}
END_TEST

/* Each row is equally likely to be a test row: 100 +- 4 sqrt(90) of 1000 seeds. */
START_TEST(splits_favour_no_row) {
  int tests[50] = {0};
  uint8_t part[50];
  for (uint64_t seed = 0; seed < 1000; seed++) {
    WORKS(clf_split_rows(50, 0.1, 0.1, seed, part));
    for (int i = 0; i < 50; i++) tests[i] += part[i] == CLF_ROW_TEST;
  }
  for (int i = 0; i < 50; i++) {
    ck_assert_int_ge(tests[i], 62);
    ck_assert_int_le(tests[i], 138);
  }
}
END_TEST

START_TEST(splits_that_leave_nothing_are_refused) {
  uint8_t part[4];
  REFUSED(clf_split_rows(0, 0.1, 0.1, 1, part), CLF_EINVAL, "there are no rows to divide");
  REFUSED(clf_split_rows(4, 0.5, 0.5, 1, part), CLF_EINVAL,
          "shares of 0.5 for validation and 0.5 for the test leave no rows to train on");
  REFUSED(clf_split_rows(4, -0.5, 0.5, 1, part), CLF_EINVAL,
          "shares of -0.5 for validation and 0.5 for the test leave no rows to train on");
  REFUSED(clf_split_rows(1, 0.6, 0, 1, part), CLF_EINVAL,
          "1 row cannot be divided: none is left to train on");
  ck_assert_int_eq(clf_split_rows(4, 0.1, 0.1, 1, NULL), CLF_EINVAL);
}
END_TEST

START_TEST(records_are_saved_with_the_flow) {
  static const char record[] = "{\"version\": 1, \"data\": \"caf\xc3\xa9.csv\"}";
  clf_arch *arch;
  clf_flow *flow, *again;
  void *bytes;
  size_t size;
  WORKS(clf_arch_parse("2: -> normal", &arch));
  WORKS(clf_flow_create_arch(dev, arch, 1, &flow));
  ck_assert_ptr_null(clf_flow_record(flow));
  WORKS(clf_flow_set_record(flow, record));
  WORKS(clf_flow_save_memory(flow, &bytes, &size));
  WORKS(clf_flow_load_memory(dev, bytes, size, NULL, &again));
  ck_assert_str_eq(clf_flow_record(again), record);
  REFUSED(clf_flow_set_record(again, "two\nlines"), CLF_EINVAL,
          "the record of a flow must be one line of UTF-8 text");
  REFUSED(clf_flow_set_record(again, "\xff"), CLF_EINVAL,
          "the record of a flow must be one line of UTF-8 text");
  ck_assert_str_eq(clf_flow_record(again), record);
  WORKS(clf_flow_set_record(again, NULL));
  ck_assert_ptr_null(clf_flow_record(again));
  free(bytes);
  clf_flow_free(flow);
  clf_flow_free(again);
  clf_arch_free(arch);
}
END_TEST

void tests_of_splits(TCase *tc) {
  tcase_add_test(tc, splits_have_the_shares_that_were_asked_for);
  tcase_add_test(tc, splits_are_a_function_of_the_seed);
  tcase_add_test(tc, splits_favour_no_row);
  tcase_add_test(tc, splits_that_leave_nothing_are_refused);
  tcase_add_test(tc, records_are_saved_with_the_flow);
}
