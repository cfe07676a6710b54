/* SPDX-License-Identifier: MIT */
/* test_cache.c: the cache of built programs, and builds that fail.  Only the cache's own files are
 * tested where there is no OpenCL device.  The tests are in cache/. */
#define _GNU_SOURCE
#include <stdlib.h>
#include "cache/folder.h"
#include "machine.h"

static TCase *tests(void) {
  TCase *tc = tcase_create("programs");
  tcase_set_timeout(tc, 300); /* a first build on a slow device takes its time */
  tcase_add_unchecked_fixture(tc, list_devices, free_list);
  tests_of_entries(tc);
  tests_of_programs(tc);
  tests_of_sources(tc);
  tests_of_others(tc);
  return tc;
}

int main(void) {
  if (!mkdtemp(folder)) return 1;
  Suite *suite = suite_create("cache");
  suite_add_tcase(suite, tests());
  const int failed = suite_run(suite);
  suite_remove(folder);
  return failed;
}
