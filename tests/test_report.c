/* SPDX-License-Identifier: MIT */
/* test_report.c: reports on models whose fit is known: the numbers, the verdict, the page.  The
 * tests are in report/. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <unistd.h>
#include "report/sources.h"

int main(void) {
  char folder[] = "/tmp/clf_report_XXXXXX";
  if (!mkdtemp(folder) || chdir(folder) != 0) return 1;
  Suite *suite = suite_create("report");
  TCase *tc = tcase_create("report");
  tcase_add_unchecked_fixture(tc, set_up, tear_down);
  tests_of_numbers(tc);
  tests_of_judge(tc);
  tests_of_page(tc);
  tests_of_files(tc);
  suite_add_tcase(suite, tc);
  const int failed = suite_run(suite);
  if (chdir("/") != 0) return 1;
  suite_remove(folder);
  return failed;
}
