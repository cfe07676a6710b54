/* SPDX-License-Identifier: MIT */
/* test_arguments.c: every public function with NULL for each required pointer, and with counts
 * that cannot fit into memory.  Functions that can fail refuse them with a sentence, others do
 * nothing or return nothing.  The tests are in arguments/; the last one, here, reads the headers
 * and checks that they call every function. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "arguments/calls.h"

/* The names before the first parenthesis of each declaration, except constants. */
START_TEST(no_function_is_missing) {
  static const char *const headers[] = {"arch",  "core",    "data",   "density", "export",
                                        "fit",   "flow",    "group",  "images",  "import",
                                        "judge", "mixture", "opencl", "plot",    "report",
                                        "train", "treat",   "tune",   "version"};
  int found = 0;
  for (size_t h = 0; h < sizeof headers / sizeof *headers; h++) {
    char path[4096];
    snprintf(path, sizeof path, "%s/clflow/%s.h", CLF_INCLUDE, headers[h]);
    char *text = read_file(path, NULL);
    for (const char *at = text; (at = strstr(at, "\nCLF_API ")) != NULL; at++) {
      const char *end = at + strcspn(at, "(;[");
      if (*end != '(') continue;
      const char *name = end;
      while (name[-1] == '_' || (name[-1] >= 'a' && name[-1] <= 'z') ||
             (name[-1] >= '0' && name[-1] <= '9'))
        name--;
      ck_assert_msg(is_called(name, (size_t)(end - name)), "no test here calls %.*s() of %s.h",
                    (int)(end - name), name, headers[h]);
      found++;
    }
    free(text);
  }
  ck_assert_int_ge(found, 80);
  ck_assert_int_eq(found, calls);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("arguments");
  TCase *tc = tcase_create("arguments");
  tcase_add_unchecked_fixture(tc, set_up, tear_down);
  tests_of_devices(tc);
  tests_of_data(tc);
  tests_of_flows(tc);
  tests_of_training(tc);
  tests_of_pictures(tc);
  tcase_add_test(tc, no_function_is_missing);
  suite_add_tcase(suite, tc);
  return suite_run(suite);
}
