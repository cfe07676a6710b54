/* SPDX-License-Identifier: MIT */
/* suite.h: shared by all test programs: the run, folders, and checks of status. */
#ifndef CLF_SUITE_H
#define CLF_SUITE_H
#include <check.h>
#include <stddef.h>
#include <sys/types.h>
#include "posix_only.h"

/* Runs all tests in this process, because drivers do not survive a fork, and frees the suite.
 * Returns the result of main(). */
int suite_run(Suite *suite);

/* The contents of a file followed by a zero; the caller frees it; its size unless NULL. */
char *read_file(const char *path, size_t *size);
void write_bytes(const char *path, const void *bytes, size_t size);
/* Whether two files hold the same bytes. */
int equal_files(const char *a, const char *b);

/* Number of files and folders in `folder`. */
int suite_entries(const char *folder);
/* Removes a file, or a folder with its contents. */
void suite_remove(const char *path);

/* Sets a variable, or unsets it if value is NULL; returns the previous value for
 * suite_putenv_back(). */
char *suite_setenv(const char *name, const char *value);
void suite_putenv_back(const char *name, char *before);

/* fork() that the test cannot survive as -1, which kill() would take for every process.  In the
 * child, signals have their usual effect: Check's handlers would end the whole process group,
 * scripts/test included. */
pid_t suite_fork(void);
/* kill() for one process: refuses the numbers that stand for several. */
int suite_kill(pid_t pid, int number);

#define WORKS(call) ck_assert_msg(!(call), "%s", clf_errmsg())
#define REFUSED(call, status, message)                                                             \
  do {                                                                                             \
    ck_assert_int_eq((call), (status));                                                            \
    ck_assert_str_eq(clf_errmsg(), (message));                                                     \
  } while (0)

#endif
