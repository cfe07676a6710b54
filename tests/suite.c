/* SPDX-License-Identifier: MIT */
/* suite.c: see suite.h. */
#define _XOPEN_SOURCE 700
#include "suite.h"
#include <dirent.h>
#include <ftw.h>
#include <stdio.h>

int suite_run(Suite *suite) {
  SRunner *runner = srunner_create(suite);
  srunner_set_fork_status(runner, CK_NOFORK);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}

int suite_entries(const char *folder) {
  DIR *d = opendir(folder);
  int n = 0;
  ck_assert_ptr_nonnull(d);
  while (readdir(d)) n++;
  closedir(d);
  return n - 2; /* itself and the one above */
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at) {
  (void)st, (void)type, (void)at;
  return remove(path);
}
void suite_remove(const char *path) { nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS); }
