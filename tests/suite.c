/* SPDX-License-Identifier: MIT */
/* suite.c: see suite.h. */
#define _XOPEN_SOURCE 700
#include "suite.h"
#include <dirent.h>
#include <ftw.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int suite_run(Suite *suite) {
  SRunner *runner = srunner_create(suite);
  srunner_set_fork_status(runner, CK_NOFORK);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}

char *read_file(const char *path, size_t *size) {
  FILE *f = fopen(path, "rb");
  ck_assert_msg(f != NULL, "%s is not there", path);
  char *bytes = NULL;
  size_t n = 0, got;
  do {
    bytes = realloc(bytes, n + 65536 + 1);
    ck_assert_ptr_nonnull(bytes);
    got = fread(bytes + n, 1, 65536, f);
    n += got;
  } while (got > 0);
  fclose(f);
  bytes[n] = '\0';
  if (size) *size = n;
  return bytes;
}

void write_bytes(const char *path, const void *bytes, size_t size) {
  FILE *f = fopen(path, "wb");
  ck_assert_ptr_nonnull(f);
  ck_assert_uint_eq(fwrite(bytes, 1, size, f), size);
  ck_assert_int_eq(fclose(f), 0);
}

int equal_files(const char *a, const char *b) {
  size_t n, m;
  char *x = read_file(a, &n), *y = read_file(b, &m);
  const int equal = n == m && memcmp(x, y, n) == 0;
  free(x);
  free(y);
  return equal;
}

int suite_entries(const char *folder) {
  DIR *d = opendir(folder);
  int n = 0;
  ck_assert_ptr_nonnull(d);
  while (readdir(d)) n++;
  closedir(d);
  return n - 2; /* itself and the one above */
}

#ifdef _WIN32
void *memmem(const void *in, size_t n, const void *what, size_t m) {
  const char *at = in;
  for (; n >= m; at++, n--)
    if (memcmp(at, what, m) == 0) return (void *)(uintptr_t)at;
  return NULL;
}
#endif

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at) {
  (void)st, (void)type, (void)at;
  return remove(path);
}
void suite_remove(const char *path) { nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS); }

static void set_or_unset(const char *name, const char *value) {
  if (value)
    setenv(name, value, 1);
  else
    unsetenv(name);
}

char *suite_setenv(const char *name, const char *value) {
  const char *before = getenv(name);
  char *copy = before ? strdup(before) : NULL;
  set_or_unset(name, value);
  return copy;
}

void suite_putenv_back(const char *name, char *before) {
  set_or_unset(name, before);
  free(before);
}

#ifndef _WIN32
pid_t suite_fork(void) {
  fflush(NULL);
  const pid_t pid = fork();
  ck_assert_int_ge(pid, 0);
  if (pid == 0) {
    static const int handled[] = {SIGALRM, SIGINT, SIGTERM};
    for (size_t i = 0; i < sizeof handled / sizeof *handled; i++) signal(handled[i], SIG_DFL);
  }
  return pid;
}
#endif

int suite_kill(pid_t pid, int number) {
  ck_assert_int_gt(pid, 1);
  return kill(pid, number);
}
