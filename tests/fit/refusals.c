/* SPDX-License-Identifier: MIT */
/* refusals.c: what clf_fit() refuses. */
#include <math.h>
#include <string.h>
#include "fit.h"

static void refused(const clf_fit_data *data, const clf_fit_options *o, clf_status status,
                    const char *message) {
  clf_flow *flow;
  REFUSED(clf_fit(dev, data, o, NULL, NULL, &flow), status, message);
  ck_assert_ptr_null(flow);
}

START_TEST(bad_input_is_refused) {
  clf_table x = drawn("moons:n=50"), few = drawn("moons:n=9");
  double weights[50] = {0};
  uint8_t part[50] = {0};
  clf_fit_options o = brief(1);
  o.seconds = 0;
  refused(&(clf_fit_data){.x = &x}, &o, CLF_EINVAL,
          "the budget is 0 s; it must be above 0 and at most 1e7");
  o = brief(1);
  o.test = 0.95;
  refused(
      &(clf_fit_data){.x = &x}, &o, CLF_EINVAL,
      "shares of 0.1 for validation and 0.95 for the test: the first must be above 0, the second "
      "0 or above, and their sum below 1");
  o = brief(1);
  refused(&(clf_fit_data){.x = &few}, &o, CLF_EINVAL,
          "there are 8 rows to train and validate on; at least 10 are needed");
  refused(&(clf_fit_data){.x = &x, .weights = weights}, &o, CLF_ENUM,
          "the weights of all rows are 0");
  static const char *const of_part[] = {"the weights of all training rows are 0",
                                        "the weights of all validation rows are 0",
                                        "the weights of all test rows are 0"};
  for (int k = 0; k < 3; k++) {
    for (int i = 0; i < 50; i++) part[i] = (uint8_t)(i % 3), weights[i] = i % 3 != k;
    refused(&(clf_fit_data){.x = &x, .weights = weights, .part = part}, &o, CLF_ENUM, of_part[k]);
  }
  memset(part, 0, sizeof part);
  for (int i = 0; i < 50; i++) weights[i] = 1e308;
  refused(&(clf_fit_data){.x = &x, .weights = weights}, &o, CLF_ENUM,
          "the sum of the weights is too large; divide them by a constant");
  weights[3] = -1;
  refused(&(clf_fit_data){.x = &x, .weights = weights}, &o, CLF_ENUM,
          "the weight of row 4 is -1; it must be 0 or above");
  part[2] = 3;
  refused(&(clf_fit_data){.x = &x, .part = part}, &o, CLF_EINVAL,
          "part 3 of row 3 is unknown; 0 is for training, 1 for validation, 2 for testing");
  refused(&(clf_fit_data){.x = &x, .given = &few}, &o, CLF_ESHAPE,
          "the context has 9 rows, the data have 50");
  o.repeat = "{}";
  refused(&(clf_fit_data){.x = &x}, &o, CLF_EINVAL,
          "the record to repeat is not one of clf_fit(): it has no candidates");
  o = brief(1);
  for (int64_t i = 0; i < x.rows; i++) x.at[2 * i + 1] = 4;
  refused(&(clf_fit_data){.x = &x}, &o, CLF_ENUM,
          "column 2: the same in every row to learn from, so that there is no density: leave the "
          "column out (--drop)");
  clf_table same = drawn("moons:n=50");
  for (int64_t i = 0; i < same.rows * 2; i++) same.at[i] = 1;
  refused(&(clf_fit_data){.x = &same}, &o, CLF_ENUM,
          "all rows are equal: there is no density to fit");
  clf_table_free(&same);
  x.at[5] = NAN;
  refused(&(clf_fit_data){.x = &x}, &o, CLF_ENUM, "row 3, column 2 is nan");
  clf_table_free(&x);
  clf_table_free(&few);
}
END_TEST

void tests_of_refusals(TCase *tc) { tcase_add_test(tc, bad_input_is_refused); }
