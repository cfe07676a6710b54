/* SPDX-License-Identifier: MIT */
/* test_devices.c: devices by name, the list of them, the self-test, and what wraps others.
 * OpenCL's part is left out where there is no OpenCL device. */
#define _GNU_SOURCE
#include <ctype.h>
#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "backend.h"
#include "machine.h"
#include "launch.h"
#include "opencl.h"
#include "suite.h"

extern char **environ;

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

/* ---- Names --------------------------------------------------------------------------------- */

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
  char own[32], part[64], name[80];
  snprintf(own, sizeof own, "(%s)", found[0].family);
  opens("opencl", "opencl:0 ", own);
  opens("opencl:0", "opencl:0 ", own);
  opens("opencl:", "opencl:0 ", own);
  opens("opencl:/simd8", "opencl:0 ", "(simd8)");
  opens("opencl/simd4", "opencl:0 ", "(simd4)");
  opens("opencl:0/simt", "opencl:0 ", "(simt)");
  opens("check:opencl", "check:opencl:0 ", own);
  opens("trace:opencl:0", "trace:opencl:0 ", own);
  /* the middle of the device's name, and of its platform's, in the other case */
  const char *texts[] = {found[0].device, found[0].platform};
  for (int i = 0; i < 2; i++) {
    snprintf(part, sizeof part, "%.12s", texts[i] + (strlen(texts[i]) > 14 ? 2 : 0));
    part[strcspn(part, "/")] = 0;
    for (char *p = part; *p; p++)
      *p = (char)(isupper((unsigned char)*p) ? tolower((unsigned char)*p)
                                             : toupper((unsigned char)*p));
    snprintf(name, sizeof name, "opencl:%s", part);
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
  setenv("CLFLOW_DEVICE", "check", 1); /* must not open itself for ever */
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

/* auto takes cpu and says why there is no OpenCL, with a sentence that begins like this. */
static int without_opencl(const char *why) {
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

/* Runs that in a process of its own, with a variable set. */
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
/* OpenCL's library is missing, is no library, and is too old. */
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

/* ---- The self-test, and a device that computes wrongly ------------------------------------- */

START_TEST(selftest_passes) {
  clf_device *dev = open_ith(_i);
  if (!dev) return;
  WORKS(clf__selftest(dev, NULL));
  clf_close(dev);
}
END_TEST

static int passed;
static void count_passed(clf_op op, int algorithm) {
  (void)op, (void)algorithm;
  passed++;
}

/* Each algorithm of an operation is tested before it first runs, so that some call of the table
 * must be one that it takes.  cpu64, the judge, has fewer. */
START_TEST(selftest_knows_every_algorithm) {
  clf_device *dev = open_ith(_i);
  const struct clf_traits *traits;
  if (!dev) return;
  for (int op = 0; op < CLF_OP_COUNT && dev->bits == 32; op++) {
    const clf_algorithm *algorithm = dev->backend->algorithms(dev, (clf_op)op, &traits);
    for (int i = 0; algorithm[i].name; i++) {
      const int other =
          traits && traits->lanes > 1 && /* of families with one lane */
          (strcmp(algorithm[i].name, "blas") == 0 || strcmp(algorithm[i].name, "tiles") == 0);
      passed = 0;
      WORKS(clf__selftest_of(dev, (clf_op)op, i, count_passed));
      ck_assert_msg(passed || other, "%s: %s by %s", clf_device_name(dev), clf_ops[op].name,
                    algorithm[i].name);
    }
  }
  clf_close(dev);
}
END_TEST

static clf_op victim; /* whose first result is wrong, by `wrong` plus as much again */
static double wrong;
static int victim_ran, ran[CLF_OP_COUNT];

static clf_status sabotaged_run(clf_device *dev, clf_op op, const void *args) {
  const clf_tensor *t = args;
  CLF_TRY(clf__cpu.run(dev, op, args));
  ran[op] = 1;
  if (op != victim) return CLF_OK;
  victim_ran = 1;
  for (int i = 0; clf_ops[op].modes[i]; i++) {
    if (!t[i].buf || !clf__writes(clf_ops[op].modes[i])) continue;
    float *first = (float *)t[i].buf->handle + t[i].offset;
    *first += (float)wrong * (1 + fabsf(*first));
    return CLF_OK;
  }
  return CLF_OK;
}

static clf_device *sabotaged(clf_op op, double by) {
  static clf_backend backend;
  backend = clf__cpu;
  backend.run = sabotaged_run;
  victim = op;
  wrong = by;
  victim_ran = 0;
  clf_device *dev = opened("cpu/baseline");
  dev->backend = &backend;
  return dev;
}

/* The judge names the operation, its shapes and both numbers. */
START_TEST(selftest_finds_every_wrong_operation) {
  const clf_op op = (clf_op)_i;
  char begins[64];
  snprintf(begins, sizeof begins, "%s(", clf_ops[op].name);
  const double by[] = {1, -0.01, NAN};
  for (int i = 0; i < 3; i++) {
    clf_device *dev = sabotaged(op, by[i]);
    const clf_status s = clf__selftest(dev, NULL);
    clf_close(dev);
    ck_assert_msg(victim_ran, "the self-test does not run %s", clf_ops[op].name);
    ck_assert_msg(s == CLF_EMISMATCH, "%s wrong by %g is not found", clf_ops[op].name, by[i]);
    ck_assert_msg(strncmp(clf_errmsg(), begins, strlen(begins)) == 0 &&
                      strstr(clf_errmsg(), "element 0 is ") &&
                      strstr(clf_errmsg(), "the reference has "),
                  "%s", clf_errmsg());
  }
}
END_TEST

START_TEST(checking_device_names_the_call) {
  clf_device *inner = sabotaged(CLF_OP_fill, 1), *dev = NULL;
  clf_arena a;
  clf_tensor t;
  WORKS(clf__check_wrap(inner, &dev));
  ck_assert_str_eq(clf_device_name(dev), "check:cpu (baseline)");
  WORKS(clf_arena_init(&a, dev, 64));
  WORKS(clf_new(&a, (int32_t[4]){3, 2}, &t));
  REFUSED(clf_do(dev, fill, .y = t, .value = 4), CLF_EMISMATCH,
          "fill(w[3,2,1,1]): argument 0, element 0 is 9, the reference has 4");
  /* 5 beyond 1e-3 and 2e-5 of 4, and 1e-6 */
  ck_assert_ptr_nonnull(strstr(clf_device_report(dev), "    1    1.23e+03  fill(w[3,2,1,1])\n"));
  ck_assert_ptr_nonnull(strstr(clf_device_report(dev), "check: 1 of 1 calls of 1 operations do not "
                                                       "agree with cpu64\n"));
  clf_arena_free(&a);
  clf_close(dev); /* leaves the inner device open */
  WORKS(clf_sync(inner));
  clf_close(inner);
}
END_TEST

/* Each operation once, the largest difference first, with the call that had it. */
START_TEST(checking_device_reports) {
  clf_device *dev = opened("check:cpu/baseline"), *plain = opened("cpu");
  clf_arena a;
  clf_tensor x, y;
  WORKS(clf_arena_init(&a, dev, 64));
  WORKS(clf_new(&a, (int32_t[4]){3, 2}, &x));
  WORKS(clf_new(&a, (int32_t[4]){3, 2}, &y));
  ck_assert_str_eq(clf_device_report(dev), "");
  ck_assert_str_eq(clf_device_report(plain), "");
  WORKS(clf_do(dev, fill, .y = x, .value = 0.1f));
  WORKS(clf_do(dev, fill, .y = clf_slice(x, 0, 0, 1), .value = INFINITY));
  WORKS(clf_do(dev, axpby, .x = x, .y = y, .a = 1.0f / 3));
  const char *text = clf_device_report(dev);
  ck_assert_ptr_eq(strstr(text, "check: operation                    calls  difference"), text);
  const char *sum = strstr(text, "check: axpby                            1"),
             *fill = strstr(text, "check: fill                             2           0  "
                                  "fill(w[3,2,1,1])\n");
  ck_assert_msg(sum && fill && sum < fill, "%s", text);
  const double part = strtod(sum + 42, NULL);
  ck_assert_msg(part > 0 && part < 0.01, "%s", text);
  ck_assert_ptr_nonnull(strstr(sum, "  axpby(r[3,2,1,1] u[3,2,1,1])\n"));
  ck_assert_ptr_nonnull(strstr(text, "check: all 3 calls of 2 operations agree with cpu64\n"));
  clf_arena_free(&a);
  clf_close(dev);
  clf_close(plain);
}
END_TEST

static void traced(void) {
  clf_device *dev = opened("trace:cpu");
  clf_arena a;
  clf_tensor x, y;
  float v[6] = {1, 2, 3, 4, 5, 6};
  WORKS(clf_arena_init(&a, dev, 64));
  WORKS(clf_new(&a, (int32_t[4]){3, 2}, &x));
  WORKS(clf_new(&a, (int32_t[4]){3, 2}, &y));
  WORKS(clf_write(dev, x, v));
  WORKS(clf_do(dev, copy, .x = x, .y = y));
  WORKS(clf_read(dev, y, v));
  ck_assert_float_eq(v[5], 6);
  ck_assert_str_eq(clf_device_report(dev), "");
  clf_arena_free(&a);
  clf_close(dev);
}
/* A single kind of work. */
static void written(void) {
  clf_device *dev = opened("trace:cpu");
  clf_arena a;
  clf_tensor x;
  WORKS(clf_arena_init(&a, dev, 64));
  WORKS(clf_new(&a, (int32_t[4]){1}, &x));
  WORKS(clf_write(dev, x, &(float){1}));
  clf_arena_free(&a);
  clf_close(dev);
}
START_TEST(tracing_device_tells) {
  char text[2048];
  captured(written, text, sizeof text);
  ck_assert_msg(strstr(text, "trace: writes to the device             1 ") &&
                    strstr(text, "trace: in all                           1 "),
                "%s", text);
  captured(traced, text, sizeof text);
  ck_assert_ptr_eq(strstr(text, "trace: allocates 64 elements\ntrace: writes 6 elements\ntrace: "),
                   text);
  ck_assert_ptr_nonnull(
      strstr(text, " us  copy(r[3,2,1,1] w[3,2,1,1])\ntrace: reads 6 elements\n"));
  /* The table: the parts make up the whole. */
  const char *table =
      strstr(text, "trace: operation                    calls            ms   share\n");
  ck_assert_msg(table != NULL, "%s", text);
  static const char *const rows[] = {"copy", "writes to the device", "reads from it"};
  double ms = 0, share = 0;
  for (int i = 0; i < 3; i++) {
    char begins[64];
    snprintf(begins, sizeof begins, "trace: %-24s         1 ", rows[i]);
    const char *row = strstr(table, begins);
    ck_assert_msg(row != NULL, "%s", table);
    char *end;
    ms += strtod(row + strlen(begins), &end);
    share += strtod(end, &end);
    ck_assert_int_eq(*end, '%');
  }
  const char *all = strstr(table, "trace: in all                           3 ");
  ck_assert_msg(all && fabs(strtod(all + 42, NULL) - ms) < 0.002 && fabs(share - 100) < 0.2, "%s",
                table);
}
END_TEST

/* ---- Reopening ------------------------------------------------------------------------------ */

/* A device that cannot be: everything on it is told so, and all can be given back; by another name
 * it is one again, without what lay on it. */
START_TEST(a_device_that_is_gone) {
  static const char message[] = "cpu (baseline) failed, and could not be reopened";
  clf_device *d = opened(_i ? "trace:cpu/baseline" : "cpu/baseline"), *bare = d;
  clf_arena a = {0}, b = {0};
  clf_tensor t;
  float v = 1;
  while (bare->inner) bare = bare->inner;
  WORKS(clf_arena_init(&a, bare, 16));
  WORKS(clf_new(&a, (int32_t[4]){1}, &t));
  ck_assert_int_eq(clf__revive(d, "nonsense"), CLF_ENODEV);
  REFUSED(clf_arena_init(&b, bare, 16), CLF_EDEVICE, message);
  REFUSED(clf_write(bare, t, &v), CLF_EDEVICE,
          "clf_write: argument 0 was lost with its device, which failed");
  clf__set_lost(&a, 0); /* as one who writes all of it again does */
  REFUSED(clf_write(bare, t, &v), CLF_EDEVICE, message);
  REFUSED(clf_read(bare, t, &v), CLF_EDEVICE, message);
  REFUSED(bare->backend->run(bare, CLF_OP_fill, NULL), CLF_EDEVICE, message);
  REFUSED(clf_sync(bare), CLF_EDEVICE, message);
  ck_assert_int_eq(clf__revivable(d), 1);
  if (_i) { /* and is closed as it is */
    clf_arena_free(&a);
    clf_close(d);
    return;
  }
  WORKS(clf__revive(d, "cpu/baseline"));
  clf__set_lost(&a, 0);
  WORKS(clf_write(d, t, &v));
  clf_arena_free(&a);
  clf_close(d);
}
END_TEST

/* In the place of a device there is another: it is not taken without a word. */
START_TEST(a_device_that_is_another) {
  clf_device *d = opened("cpu64");
  free(d->asked);
  d->asked = strdup("cpu/baseline");
  REFUSED(clf__revive(d, NULL), CLF_ENODEV,
          "cpu64 is there no more; in its place is cpu (baseline)");
  REFUSED(clf_sync(d), CLF_EDEVICE, "cpu64 failed, and could not be reopened");
  clf_close(d);
}
END_TEST

/* ---- Status --------------------------------------------------------------------------------- */

START_TEST(status_texts) {
  ck_assert_str_eq(clf_strerror(CLF_OK), "success");
  ck_assert_str_eq(clf_strerror(CLF_ESTOPPED), "stopped on request");
  ck_assert_str_eq(clf_strerror((clf_status)99), "unknown status");
  ck_assert_str_eq(clf_strerror((clf_status)-1), "unknown status");
  REFUSED(clf_fail(CLF_EIO, "100% of it"), CLF_EIO, "100% of it");
  REFUSED(clf__fail(CLF_EIO, "and so: %s", clf_errmsg()), CLF_EIO, "and so: 100% of it");
  clf_close(NULL);
}
END_TEST

static TCase *tests(void) {
  TCase *tc = tcase_create("names");
  tcase_set_timeout(tc, 300); /* a first build on a slow device takes its time */
  tcase_add_unchecked_fixture(tc, list_devices, free_list);
  tcase_add_test(tc, names_of_cpu);
  tcase_add_test(tc, wrong_names);
  tcase_add_test(tc, names_of_opencl);
  tcase_add_test(tc, types_of_opencl);
  tcase_add_test(tc, wrong_names_of_opencl);
  tcase_add_test(tc, name_from_environment);
  tcase_add_test(tc, wrappers_in_wrappers);
  tcase_add_test(tc, automatic);
  tcase_add_test(tc, the_list);
  tcase_add_test(tc, the_list_tested);
  tcase_add_test(tc, auto_without_drivers);
#ifdef CLF_OLD_OPENCL
  tcase_add_test(tc, auto_without_opencl);
#endif
  tcase_add_loop_test(tc, selftest_passes, 0, EVERYWHERE);
  tcase_add_loop_test(tc, selftest_knows_every_algorithm, 0, EVERYWHERE);
  tcase_add_loop_test(tc, selftest_finds_every_wrong_operation, 0, CLF_OP_COUNT);
  tcase_add_test(tc, checking_device_names_the_call);
  tcase_add_test(tc, checking_device_reports);
  tcase_add_test(tc, tracing_device_tells);
  tcase_add_loop_test(tc, a_device_that_is_gone, 0, 2);
  tcase_add_test(tc, a_device_that_is_another);
  tcase_add_test(tc, status_texts);
  return tc;
}

int main(int argc, char **argv) {
  if (argc > 2 && strcmp(argv[1], "--without-opencl") == 0) return without_opencl(argv[2]);
  Suite *suite = suite_create("devices");
  suite_add_tcase(suite, tests());
  return suite_run(suite);
}
