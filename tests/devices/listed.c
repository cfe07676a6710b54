/* SPDX-License-Identifier: MIT */
/* listed.c: the list of devices, the one that auto takes, and machines without OpenCL. */
#define _GNU_SOURCE
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "backend.h"
#include "machine.h"
#include "devices/devices.h"

extern char **environ;

START_TEST(automatic) {
  clf_device *dev = opened("auto");
  ck_assert_ptr_nonnull(strstr(clf_device_note(dev), "auto takes "));
  if (!opencl_count()) ck_assert_str_eq(dev->backend->name, "cpu");
  clf_close(dev);
  dev = opened("auto/simd5"); /* no device has this family, so that cpu is left */
  ck_assert_str_eq(dev->backend->name, "cpu");
  if (opencl_count())
    ck_assert_ptr_nonnull(strstr(clf_device_note(dev), "is passed over: no family of kernels is "
                                                       "called \"simd5\""));
  clf_close(dev);
}
END_TEST

START_TEST(the_list) {
  const clf_device_info *cpu = &found[opencl_count()];
  ck_assert_str_eq(cpu->name, "cpu");
  ck_assert_str_eq(cpu->type, "cpu");
  ck_assert_int_ge(cpu->units, 1);
  ck_assert_uint_gt(cpu->memory, 1 << 20);
  for (int i = 0; i <= opencl_count(); i++) {
    char name[32];
    snprintf(name, sizeof name, "opencl:%d", i);
    if (i < opencl_count()) ck_assert_str_eq(found[i].name, name);
    ck_assert_int_eq(found[i].passes, -1);
    ck_assert_int_eq(found[i].chosen, 0);
    ck_assert_str_eq(found[i].why, "");
    ck_assert_int_ge(found[i].units, 1);
    ck_assert_msg(*found[i].device && *found[i].platform && *found[i].family, "%s", found[i].name);
    ck_assert_msg(found[i].max_alloc > 0 && found[i].memory >= found[i].max_alloc, "%s",
                  found[i].name);
  }
}
END_TEST

START_TEST(the_list_tested) {
  clf_device_info *list;
  int count, chosen = 0;
  WORKS(clf_devices(1, &list, &count));
  ck_assert_int_eq(count, opencl_count() + 1);
  clf_device *dev = opened("auto");
  for (int i = 0; i < count; i++) {
    ck_assert_str_eq(list[i].name, found[i].name);
    ck_assert_msg(list[i].passes == 1 || (list[i].passes == 0 && *list[i].why), "%s", list[i].name);
    if (!list[i].chosen) continue;
    chosen++;
    ck_assert_int_eq(list[i].passes, 1);
    ck_assert_str_ne(list[i].why, "");
    ck_assert_ptr_eq(strstr(clf_device_name(dev), list[i].name), clf_device_name(dev));
    for (int before = 0; before < i; before++) ck_assert_int_eq(list[before].passes, 0);
  }
  ck_assert_int_eq(chosen, 1);
  clf_close(dev);
  free(list);
}
END_TEST

/* ---- Without OpenCL: a process of its own, since a library is loaded once -------------------- */

/* auto takes cpu and says why there is no OpenCL, in a sentence that begins with `why`. Returns the
 * exit status of the process. */
int without_opencl(const char *why) {
  clf_device *dev = NULL;
  clf_device_info *list = NULL;
  int count = 0;
  char begins[600];
  snprintf(begins, sizeof begins, "no OpenCL: %s", why);
  if (clf_open("auto", &dev) || strncmp(clf_device_name(dev), "cpu (", 5) != 0) return 10;
  const char *note = clf_device_note(dev);
  if (strncmp(note, begins, strlen(begins)) != 0) {
    fprintf(stderr, "%s", note);
    return 11;
  }
  if (!strstr(note, "\nauto takes cpu (")) return 12;
  clf_close(dev);
  for (int again = 0; again < 2; again++)
    if (clf_open("opencl", &dev) != CLF_ENODEV || strncmp(clf_errmsg(), why, strlen(why)) != 0)
      return 13;
  for (int test = 0; test < 2; test++) {
    if (clf_devices(test, &list, &count) || count != 1 || strcmp(list->name, "cpu") != 0) return 15;
    if (list->chosen != test || list->passes != (test ? 1 : -1)) return 16;
    if (strncmp(list->why, why, strlen(why)) != 0) return 17;
    free(list);
  }
  return 0;
}

/* Runs without_opencl() in a process of its own, with a variable set. */
static void is_without_opencl(const char *variable, const char *value, const char *why) {
  char *before = suite_setenv(variable, value);
  pid_t pid;
  int status = -1;
  char self[] = "/proc/self/exe", argument[] = "--without-opencl", *says = strdup(why);
  ck_assert_int_eq(
      posix_spawn(&pid, self, NULL, NULL, (char *[]){self, argument, says, NULL}, environ), 0);
  ck_assert_int_eq(waitpid(pid, &status, 0), pid);
  suite_putenv_back(variable, before);
  free(says);
  ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s=%s: the child ends with %d",
                variable, value, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

START_TEST(auto_without_drivers) {
  POSIX_ONLY; /* where drivers are is in the registry */
  char empty[] = "/tmp/clflow-vendors-XXXXXX";
  ck_assert_ptr_nonnull(mkdtemp(empty));
  is_without_opencl("OCL_ICD_VENDORS", empty,
                    "the OpenCL loader finds no platform: install a driver (");
  rmdir(empty);
}
END_TEST

#ifdef CLF_OLD_OPENCL
/* The OpenCL library is missing, is no library, or is too old. */
START_TEST(auto_without_opencl) {
  char broken[] = "/tmp/clflow-opencl-XXXXXX", says[512];
  const int fd = mkstemp(broken);
  ck_assert_int_ge(fd, 0);
  ck_assert_int_eq(write(fd, "\177ELF, or not\n", 13), 13);
  close(fd);
  is_without_opencl("CLFLOW_OPENCL_LIBRARY", "/nonexistent/libOpenCL.so.1",
                    "CLFLOW_OPENCL_LIBRARY is /nonexistent/libOpenCL.so.1, which cannot be loaded: "
                    "cannot open shared object file");
  snprintf(says, sizeof says, "CLFLOW_OPENCL_LIBRARY is %s, which cannot be loaded: ", broken);
  is_without_opencl("CLFLOW_OPENCL_LIBRARY", broken, says);
  unlink(broken);
  snprintf(says, sizeof says,
           "%.120s is too old: it has no clCompileProgram, and clflow needs OpenCL 1.2",
           CLF_OLD_OPENCL);
  is_without_opencl("CLFLOW_OPENCL_LIBRARY", CLF_OLD_OPENCL, says);
}
END_TEST
#endif

void tests_of_listed(TCase *tc) {
  tcase_add_test(tc, automatic);
  tcase_add_test(tc, the_list);
  tcase_add_test(tc, the_list_tested);
  tcase_add_test(tc, auto_without_drivers);
#ifdef CLF_OLD_OPENCL
  tcase_add_test(tc, auto_without_opencl);
#endif
}
