/* SPDX-License-Identifier: MIT */
/* suite.h: what every test program needs: the run, folders, and what a status should be. */
#ifndef CLF_SUITE_H
#define CLF_SUITE_H
#include <check.h>

/* Runs all in this process, for drivers do not survive a fork, and frees it.  What main() returns.
 */
int suite_run(Suite *suite);

/* How many files and folders are in `folder`. */
int suite_entries(const char *folder);
/* Removes a file, or a folder and all that is in it. */
void suite_remove(const char *path);

#define WORKS(call) ck_assert_msg(!(call), "%s", clf_errmsg())
#define REFUSED(call, status, message)                                                             \
  do {                                                                                             \
    ck_assert_int_eq((call), (status));                                                            \
    ck_assert_str_eq(clf_errmsg(), (message));                                                     \
  } while (0)

#endif
