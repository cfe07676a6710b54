/* SPDX-License-Identifier: MIT */
/* suite.h: what every test program needs: the run, folders, and what a status should be. */
#ifndef CLF_SUITE_H
#define CLF_SUITE_H
#include <check.h>
#include <stddef.h>
#include "posix_only.h"

/* Runs all in this process, for drivers do not survive a fork, and frees it.  What main() returns.
 */
int suite_run(Suite *suite);

/* All of a file and a zero behind it, to be freed; its size unless NULL. */
char *read_file(const char *path, size_t *size);
void write_bytes(const char *path, const void *bytes, size_t size);
/* Whether two files hold the same bytes. */
int equal_files(const char *a, const char *b);

/* How many files and folders are in `folder`. */
int suite_entries(const char *folder);
/* Removes a file, or a folder and all that is in it. */
void suite_remove(const char *path);

/* Sets a variable, or unsets it where value is NULL; what it was, for suite_putenv_back(). */
char *suite_setenv(const char *name, const char *value);
void suite_putenv_back(const char *name, char *before);

#define WORKS(call) ck_assert_msg(!(call), "%s", clf_errmsg())
#define REFUSED(call, status, message)                                                             \
  do {                                                                                             \
    ck_assert_int_eq((call), (status));                                                            \
    ck_assert_str_eq(clf_errmsg(), (message));                                                     \
  } while (0)

#endif
