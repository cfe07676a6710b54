/* SPDX-License-Identifier: MIT */
/* key.c: what a saved verdict depends on. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utime.h>
#include "verdicts/folder.h"

static char *key(void) {
  char *k = clf__verdicts_key("/simt");
  ck_assert_ptr_nonnull(k);
  return k;
}

/* Whether `change` makes earlier verdicts invalid. */
static int invalidates(void (*change)(void)) {
  char *before = key();
  change();
  char *after = key();
  const int differ = strcmp(before, after) != 0;
  free(before);
  free(after);
  return differ;
}

static void nothing(void) {}
static void new_driver(void) {
  char line[512], here[256];
  ck_assert_ptr_nonnull(getcwd(here, sizeof here));
  snprintf(line, sizeof line, "%s/library\n", here);
  write_bytes("vendors/a.icd", line, strlen(line));
}
static void new_library(void) { write_bytes("library", "1", 1); }
static void newer_library(void) {
  ck_assert_int_eq(utime("library", &(struct utimbuf){12345, 12345}), 0);
}
static void by_name(void) { write_bytes("vendors/b.icd", "libother.so\n", 12); }
static void empty(void) { write_bytes("vendors/c.icd", "", 0); }
static void hidden(void) { write_bytes("vendors/.d.icd", "libhidden.so\n", 13); }
static void a_folder(void) { ck_assert_int_eq(mkdir("vendors/e", 0700), 0); }
static void a_dangling_link(void) { ck_assert_int_eq(symlink("none", "vendors/f.icd"), 0); }
static void one_file(void) { setenv("OCL_ICD_VENDORS", "vendors/b.icd", 1); }
static void no_file(void) { setenv("OCL_ICD_VENDORS", "vendors/none", 1); }
static void no_setting(void) { unsetenv("OCL_ICD_VENDORS"); }
static void empty_setting(void) { setenv("OCL_ICD_VENDORS", "", 1); }
/* Drivers abort or build nothing where they cannot store kernels. */
static void other_cache(void) { setenv("POCL_CACHE_DIR", "/dev/null", 1); }

START_TEST(what_a_verdict_depends_on) {
  static void (*const changes[])(void) = {new_driver, new_library,   newer_library, by_name,
                                          empty,      a_folder,      one_file,      no_file,
                                          no_setting, empty_setting, other_cache};
  const char *had = getenv("OCL_ICD_VENDORS");
  char *cache = suite_setenv("POCL_CACHE_DIR", NULL);
  char *before = had ? strdup(had) : NULL;
  ck_assert_int_eq(mkdir("vendors", 0700), 0);
  setenv("OCL_ICD_VENDORS", "vendors", 1);
  ck_assert_int_eq(invalidates(nothing), 0);
  ck_assert_int_eq(invalidates(hidden), 0);
  ck_assert_int_eq(invalidates(a_dangling_link), 0);
  for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
    ck_assert_msg(invalidates(changes[i]), "change %zu", i);
  suite_putenv_back("POCL_CACHE_DIR", cache);
  no_setting();
  if (before) setenv("OCL_ICD_VENDORS", before, 1);
  free(before);
}
END_TEST

/* Very long settings are cut. */
START_TEST(a_long_setting) {
  enum { LONG = 100000 };
  char *path = strdup(getenv("PATH")), *text = malloc(LONG + 1);
  ck_assert(path && text);
  memset(text, 'x', LONG);
  text[LONG] = 0;
  setenv("PATH", text, 1);
  char *k = key();
  setenv("PATH", path, 1);
  ck_assert_uint_eq(strlen(k), 65535);
  free(k);
  free(path);
  free(text);
}
END_TEST

void tests_of_key(TCase *c) {
  tcase_add_test(c, what_a_verdict_depends_on);
  tcase_add_test(c, a_long_setting);
}
