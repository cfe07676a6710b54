/* SPDX-License-Identifier: MIT */
/* entries.c: files of the cache: contents, damage, where they are, and where they cannot be. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "cache.h"
#include "probe.h"
#include "cache/folder.h"

START_TEST(cache_entries) {
  char path[512];
  size_t size;
  use_cache("a/b/entries"); /* folders above are made too */
  ck_assert_int_eq(hits("key", ""), 0);
  clf__cache_put("key", "payload", 7);
  ck_assert_int_eq(cache_files(path, sizeof path), 1);
  ck_assert_int_eq(hits("key", "payload"), 1);
  ck_assert_int_eq(hits("other", "payload"), 0);
  clf__cache_put(" \n key", "blank", 5);
  ck_assert_int_eq(hits(" \n key", "blank"), 1); /* what a key begins with is its own */
  clf__cache_put("key of nothing", "", 0);
  ck_assert_int_eq(hits("key of nothing", ""), 0);
  use_cache("a/b/more");
  clf__cache_put("key", "new", 3);
  ck_assert_int_eq(cache_files(path, sizeof path), 1);
  ck_assert_int_eq(hits("key", "new"), 1);
  char *bytes = read_file(path, &size);
  for (size_t n = 0; n < size; n++) { /* every truncation is a miss */
    write_bytes(path, bytes, n);
    ck_assert_msg(!hits("key", "new"), "%zu of %zu bytes are taken for the whole", n, size);
  }
  for (size_t i = 0; i < size; i++) /* a damaged file is a miss or still tells the truth */
    for (int bit = 0; bit < 8; bit++) {
      bytes[i] = (char)(bytes[i] ^ 1 << bit);
      write_bytes(path, bytes, size);
      const int hit = hits("key", "new");
      if (i >= size - 6) ck_assert_msg(!hit, "byte %zu of %zu may flip unseen", i, size);
      bytes[i] = (char)(bytes[i] ^ 1 << bit);
    }
  bytes[size] = 'x';
  write_bytes(path, bytes, size + 1);
  ck_assert_int_eq(hits("key", "new"), 0);
  free(bytes);
  clear_cache();
  snprintf(cache, sizeof cache, "%s/a/b", folder);
  rmdir(cache);
  snprintf(cache, sizeof cache, "%s/a", folder);
  rmdir(cache);
}
END_TEST

/* Without CLFLOW_CACHE_DIR the file of `key` is in the folder `there`. */
static void is_written_to(const char *there) {
  char path[512];
  ck_assert_int_eq(clf__cache_put("key", "payload", 7), 1);
  ck_assert_int_eq(hits("key", "payload"), 1);
  snprintf(cache, sizeof cache, "%s/%s", folder, there);
  ck_assert_int_eq(cache_files(path, sizeof path), 1);
  ck_assert_int_eq(clf__cache_usable(), 1);
  ck_assert_int_eq(remove(path), 0);
}

START_TEST(folders_by_environment) {
  char home[4096], xdg[4096];
  static const char *const names[] = {"HOME", "XDG_CACHE_HOME", "LOCALAPPDATA"};
  char *before[3];
  for (int i = 0; i < 3; i++) before[i] = getenv(names[i]) ? strdup(getenv(names[i])) : NULL;
  snprintf(home, sizeof home, "%s/home", folder);
  snprintf(xdg, sizeof xdg, "%s/xdg", folder);
  unsetenv("CLFLOW_CACHE_DIR");
  setenv("HOME", home, 1);
  setenv("XDG_CACHE_HOME", xdg, 1);
  is_written_to("xdg/clflow");
  setenv("XDG_CACHE_HOME", "", 1);
  is_written_to("home/.cache/clflow");
  unsetenv("XDG_CACHE_HOME");
  is_written_to("home/.cache/clflow");
  unsetenv("LOCALAPPDATA"); /* also used on Windows */
  for (int i = 0; i < 2; i++) {
    if (i) setenv("HOME", "", 1);
    if (!i) unsetenv("HOME");
    ck_assert_int_eq(clf__cache_usable(), 0);
    ck_assert_int_eq(clf__cache_put("key", "payload", 7), 0);
    ck_assert_int_eq(hits("key", "payload"), 0);
  }
  for (int i = 0; i < 3; i++) {
    unsetenv(names[i]);
    if (before[i]) setenv(names[i], before[i], 1);
    free(before[i]);
  }
}
END_TEST

/* The disk is full while a file is written, or a folder has its name: the file that was there
 * before stays, and no unfinished one is left. */
START_TEST(files_that_cannot_be_written) {
  POSIX_ONLY;
  static char big[20000];
  char path[512];
  struct rlimit limit, small;
  use_cache("full");
  ck_assert_int_eq(clf__cache_put("key", "payload", 7), 1);
  ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
  small = limit;
  small.rlim_cur = 10000;
  signal(SIGXFSZ, SIG_IGN);
  ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
  const int written = clf__cache_put("key", big, sizeof big);
  ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
  signal(SIGXFSZ, SIG_DFL);
  ck_assert_int_eq(written, 0);
  ck_assert_int_eq(cache_files(path, sizeof path), 1);
  ck_assert_int_eq(hits("key", "payload"), 1);
  ck_assert_int_eq(remove(path), 0);
  ck_assert_int_eq(mkdir(path, 0700), 0);
  ck_assert_int_eq(clf__cache_put("key", "payload", 7), 0);
  ck_assert_int_eq(hits("key", "payload"), 0);
  ck_assert_int_eq(cache_files(path, sizeof path), 1);
  clear_cache();
}
END_TEST

/* A list is read as it was written; an incomplete one is not read at all. */
START_TEST(verdicts_are_whole) {
  static const clf__verdicts nothing;
  static const char *const broken[] = {"opencl:0\t\nopencl:1\twhy\n", "\t\nopencl:0\t", "\n"};
  clf__verdicts v = {.count = 2}, got = {0};
  use_cache("verdicts");
  snprintf(v.at[0].name, sizeof v.at[0].name, "opencl:0");
  snprintf(v.at[1].name, sizeof v.at[1].name, "opencl:1/simt");
  snprintf(v.at[1].why, sizeof v.at[1].why, "signal 11\tor so");
  clf__verdicts_remember("devices", &v);
  clf__verdicts_recall("devices", &got);
  ck_assert_int_eq(got.known && got.recalled, 1);
  ck_assert_int_eq(got.count, 2);
  ck_assert_str_eq(clf__verdicts_of(&got, "opencl:0"), "");
  ck_assert_str_eq(clf__verdicts_of(&got, "opencl:1/simt"), "signal 11\tor so");
  ck_assert_ptr_null(clf__verdicts_of(&got, "opencl:2"));
  clf__verdicts_set(&got, "opencl:0", "late");
  ck_assert_int_eq(got.count, 2);
  ck_assert_str_eq(clf__verdicts_of(&got, "opencl:0"), "late");
  for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
    clf__verdicts from = {0};
    clf__cache_put("devices", broken[i], strlen(broken[i]));
    clf__verdicts_recall("devices", &from);
    ck_assert_msg(!memcmp(&from, &nothing, sizeof from), "%s", broken[i]);
  }
  clear_cache();
}
END_TEST

void tests_of_entries(TCase *tc) {
  tcase_add_test(tc, cache_entries);
  tcase_add_test(tc, folders_by_environment);
  tcase_add_test(tc, files_that_cannot_be_written);
  tcase_add_test(tc, verdicts_are_whole);
}
