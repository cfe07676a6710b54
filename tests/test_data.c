/* SPDX-License-Identifier: MIT */
/* test_data.c: tables, their files and the synthetic sets.  The tests are in data/. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <unistd.h>
#include "data/tables.h"

int main(void) {
  char folder[] = "/tmp/clflow-data-XXXXXX";
  if (!mkdtemp(folder) || chdir(folder)) return 1;
  Suite *s = suite_create("data");
  tests_of_csv(s);
  tests_of_lines(s);
  tests_of_match(s);
  tests_of_streams(s);
  tests_of_headers(s);
  tests_of_dialect(s);
  tests_of_writing(s);
  tests_of_npy(s);
  tests_of_synthetic(s);
  tests_of_tables(s);
  tests_of_advice(s);
  tests_of_treatments(s);
  tests_of_files(s);
  tests_of_text(s);
  tests_of_kinds(s);
  tests_of_missing(s);
  tests_of_model_columns(s);
  tests_of_raw(s);
  const int failed = suite_run(s);
  if (chdir("/") || rmdir(folder)) return 1;
  return failed;
}
