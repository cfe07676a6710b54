/* SPDX-License-Identifier: MIT */
/* test_fit.c: the search for a density, and its record. */
#include "fit/fit.h"

clf_device *dev;
static void open_device(void) { WORKS(clf_open("cpu", &dev)); }
static void close_device(void) { clf_close(dev); }

int main(void) {
  Suite *suite = suite_create("fit");
  TCase *tc = tcase_create("fit");
  tcase_set_timeout(tc, 300);
  tcase_add_unchecked_fixture(tc, open_device, close_device);
  tests_of_splits(tc);
  tests_of_large_tables(tc);
  tests_of_refusals(tc);
  tests_of_searches(tc);
  tests_of_flows(tc);
  tests_of_tables(tc);
  suite_add_tcase(suite, tc);
  return suite_run(suite);
}
