/* SPDX-License-Identifier: MIT */
/* names.c: devices by name. */
#define _GNU_SOURCE
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "backend.h"
#include "machine.h"
#include "launch.h"
#include "devices/devices.h"

static void opens(const char *name, const char *begins, const char *ends) {
  clf_device *dev = opened(name);
  const char *got = clf_device_name(dev);
  const size_t n = strlen(got), e = strlen(ends);
  ck_assert_msg(strncmp(got, begins, strlen(begins)) == 0 && n >= e &&
                    strcmp(got + n - e, ends) == 0,
                "%s opens \"%s\", not \"%s...%s\"", name ? name : "NULL", got, begins, ends);
  ck_assert_str_eq(clf_device_note(dev), "");
  clf_close(dev);
}

static void does_not_open(const char *name, clf_status status, const char *message) {
  clf_device *dev = NULL;
  const clf_status s = clf_open(name, &dev);
  ck_assert_msg(s == status, "%s: status %d: %s", name, (int)s, clf_errmsg());
  ck_assert_str_eq(clf_errmsg(), message);
  ck_assert_ptr_null(dev);
}

START_TEST(names_of_cpu) {
  opens("cpu", "cpu (", ")");
  opens("cpu/baseline", "cpu (baseline)", "");
  opens("cpu64", "cpu64", "");
  opens("check:cpu", "check:cpu (", ")");
  opens("trace:cpu64", "trace:cpu64", "");
  opens("check:trace:cpu/baseline", "check:trace:cpu (baseline)", "");
}
END_TEST

START_TEST(wrong_names) {
  static const char unknown[] = "no device is called \"%s\"; there are auto, cpu, cpu64, opencl, "
                                "opencl:N, opencl:gpu, opencl:NAME, check:DEVICE and trace:DEVICE";
  static const char *const no_device[] = {"nonsense", "cp",     "cpu6",     "cpu640",
                                          "CPU",      " cpu",   "autox",    "auto:x",
                                          ":",        "/simd4", "opencl64", "opencl0"};
  char text[256];
  for (size_t i = 0; i < sizeof no_device / sizeof *no_device; i++) {
    snprintf(text, sizeof text, unknown, no_device[i]);
    does_not_open(no_device[i], CLF_ENODEV, text);
  }
  snprintf(text, sizeof text, unknown, "nonsense");
  does_not_open("check:nonsense", CLF_ENODEV, text);
  does_not_open("trace:check:nonsense", CLF_ENODEV, text);
  does_not_open("cpu:x", CLF_ENODEV, "cpu takes no device name, got \"x\"");
  does_not_open("cpu64:0", CLF_ENODEV, "cpu64 takes no device name, got \"0\"");
  does_not_open("cpu64/avx2", CLF_ENODEV, "cpu64 takes no device name, got \"/avx2\"");
  does_not_open("check:", CLF_ENODEV, "check needs the device to check, such as check:opencl");
  does_not_open("trace", CLF_ENODEV, "trace needs the device to trace, such as trace:opencl");
  clf_device *dev = NULL;
  ck_assert_int_eq(clf_open("cpu/sse9", &dev), CLF_ENODEV);
  ck_assert_ptr_nonnull(strstr(clf_errmsg(), "cpu has no instruction set \"sse9\"; there are"));
}
END_TEST

START_TEST(wrappers_in_wrappers) {
  char name[512] = "";
  clf_device *dev;
  WORKS(clf_open("check:trace:check:trace:cpu", &dev));
  clf_close(dev);
  for (int i = 0; i < 80; i++) strcat(name, "check:");
  strcat(name, "cpu");
  ck_assert_int_eq(clf_open(name, &dev), CLF_ENODEV);
  ck_assert_str_eq(clf_errmsg(),
                   "the device \"check:check:check:check:check:check:chec...\" has more "
                   "than 4 of check: and trace:");
}
END_TEST

START_TEST(names_of_opencl) {
  if (!opencl_count()) return;
  char own[32], middle[64], name[80];
  snprintf(own, sizeof own, "(%s)", found[0].family);
  opens("opencl", "opencl:0 ", own);
  opens("opencl:0", "opencl:0 ", own);
  opens("opencl:", "opencl:0 ", own);
  opens("opencl:/simd8", "opencl:0 ", "(simd8)");
  opens("opencl/simd4", "opencl:0 ", "(simd4)");
  opens("opencl:0/simt", "opencl:0 ", "(simt)");
  opens("check:opencl", "check:opencl:0 ", own);
  opens("trace:opencl:0", "trace:opencl:0 ", own);
  /* the middle of the name of the device, or of its platform, in the other case */
  const char *texts[] = {found[0].device, found[0].platform};
  for (int i = 0; i < 2; i++) {
    snprintf(middle, sizeof middle, "%.12s", texts[i] + (strlen(texts[i]) > 14 ? 2 : 0));
    middle[strcspn(middle, "/")] = 0;
    for (char *p = middle; *p; p++)
      *p = (char)(isupper((unsigned char)*p) ? tolower((unsigned char)*p)
                                             : toupper((unsigned char)*p));
    snprintf(name, sizeof name, "opencl:%s", middle);
    opens(name, "opencl:0 ", own);
  }
}
END_TEST

START_TEST(types_of_opencl) {
  static const char *const types[] = {"gpu", "cpu", "accelerator"};
  for (int i = 0; i < 3 && opencl_count(); i++) {
    char name[32], begins[32], text[128];
    const int at = first_of_type(types[i]);
    snprintf(name, sizeof name, "opencl:%s", types[i]);
    snprintf(begins, sizeof begins, "opencl:%d ", at);
    snprintf(text, sizeof text,
             "no OpenCL device matches \"%s\" among the %d found; `clflow devices` lists them",
             types[i], opencl_count());
    if (at >= 0)
      opens(name, begins, ")");
    else
      does_not_open(name, CLF_ENODEV, text);
  }
}
END_TEST

START_TEST(wrong_names_of_opencl) {
  if (!opencl_count()) return;
  char text[256];
  static const char *const none[] = {"99", "18446744073709551616", "no such name", "-1x"};
  for (int i = 0; i < 4; i++) {
    char name[64];
    snprintf(name, sizeof name, "opencl:%s", none[i]);
    snprintf(text, sizeof text,
             "no OpenCL device matches \"%s\" among the %d found; `clflow devices` lists them",
             none[i], opencl_count());
    does_not_open(name, CLF_ENODEV, text);
  }
  snprintf(text, sizeof text,
           "no family of kernels is called \"simd5\"; there are simd16 simd8 "
           "simd4 simt simt64%s",
           strcmp(CLF_GPU_FAMILY, "simt") == 0 ? "" : " clblast");
  does_not_open("opencl:0/simd5", CLF_ENODEV, text);
}
END_TEST

START_TEST(name_from_environment) {
  setenv("CLFLOW_DEVICE", "cpu64", 1);
  opens(NULL, "cpu64", "");
  opens("", "cpu64", "");
  opens("cpu/baseline", "cpu (baseline)", "");
  setenv("CLFLOW_DEVICE", "check", 1); /* must not open itself endlessly */
  does_not_open(NULL, CLF_ENODEV, "check needs the device to check, such as check:opencl");
  setenv("CLFLOW_DEVICE", "nonsense", 1);
  ck_assert_int_eq(clf_open(NULL, &(clf_device *){NULL}), CLF_ENODEV);
  static const char *const automatic[] = {"", NULL};
  for (int i = 0; i < 2; i++) { /* set but empty, and not set: auto */
    if (automatic[i])
      setenv("CLFLOW_DEVICE", automatic[i], 1);
    else
      unsetenv("CLFLOW_DEVICE");
    clf_device *dev = opened(NULL);
    char want[256];
    snprintf(want, sizeof want, "auto takes %s\n", clf_device_name(dev));
    ck_assert_ptr_nonnull(strstr(clf_device_note(dev), want));
    clf_close(dev);
  }
}
END_TEST

void tests_of_names(TCase *tc) {
  tcase_add_test(tc, names_of_cpu);
  tcase_add_test(tc, wrong_names);
  tcase_add_test(tc, names_of_opencl);
  tcase_add_test(tc, types_of_opencl);
  tcase_add_test(tc, wrong_names_of_opencl);
  tcase_add_test(tc, name_from_environment);
  tcase_add_test(tc, wrappers_in_wrappers);
}
