/* SPDX-License-Identifier: MIT */
/* test_probe.c: drivers that crash, hang or compute wrongly, simulated by the layer in faults/:
 * the program takes another device and says why. */
#define _GNU_SOURCE
#include "clflow/clflow.h"
#include "program.h"
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char train[] =
    "train --preset lecture --data moons:n=40 --epochs 1 --out m.safetensors --verbose";

/* The driver's fault, and an empty cache, so that nothing is known about it. */
static void driver_with(const char *fault) {
  static char cache[64];
  static int count;
  snprintf(cache, sizeof cache, "cache%d", count++);
  setenv("CLFLOW_CACHE_DIR", cache, 1);
  unlink("m.safetensors");
  unlink("m.safetensors.previous");
  setenv("OPENCL_LAYERS", CLF_FAULT_LAYER, 1);
  setenv("CLFLOW_PROBE_SECONDS", "120", 1);
  unsetenv("CLFLOW_PROBE");
  if (fault)
    setenv("CLF_CL_FAULT", fault, 1);
  else
    unsetenv("CLF_CL_FAULT");
}

static void no_faults(void) { unsetenv("CLF_CL_FAULT"); }

/* `command` succeeds and prints `what`. */
static void tells(const char *command, const char *what) {
  const result r = run(command);
  expect_code(command, &r, 0);
  expect_text(command, "messages", r.err, what);
  release(r);
}

/* Before anything runs, both verbs report a driver with this fault. */
static void is_passed_over(const char *fault, const char *why) {
  char text[512];
  driver_with(fault);
  snprintf(text, sizeof text, "opencl:0: %s", why);
  succeeds("devices", text);
  driver_with(fault);
  snprintf(text, sizeof text, ") is passed over: %s", why);
  tells(train, text);
}

/* At the first use of an operation `auto` moves on to cpu; the next process does not try the
 * device. */
static void is_left(const char *fault, const char *why) {
  char text[512];
  driver_with(fault);
  const result r = run(train);
  expect_code(train, &r, 0);
  snprintf(text, sizeof text, "fails its self-test (%s", why);
  expect_text(train, "messages", r.err, text);
  expect_text(train, "messages", r.err, "): `auto` continues with cpu (");
  release(r);
  no_faults();
  snprintf(text, sizeof text, ") is passed over: %s", why);
  tells(train, text);
  tells(train, "(`clflow devices` tries it again)\n");
  unlink("m.safetensors.previous");
}

START_TEST(crashes_as_it_compiles) {
  is_passed_over("clCompileProgram:1:abort",
                 "the driver crashed in its self-test: signal 6 (Aborted)");
}
END_TEST

START_TEST(crashes_as_it_builds) {
  is_left("clBuildProgram:1:abort", "the driver crashed in the self-test of ");
  driver_with("clBuildProgram:1:abort");
  succeeds("devices", "opencl:0: the driver crashed in its self-test: signal 6 (Aborted)");
}
END_TEST

/* Some operations have run by then. */
START_TEST(crashes_at_a_launch) {
  is_left("clflow-probe@clEnqueueNDRangeKernel:4:abort", "the driver crashed in the self-test of ");
  driver_with("clEnqueueNDRangeKernel:20:abort");
  succeeds("devices", "opencl:0: the driver crashed in its self-test: signal 6 (Aborted)");
}
END_TEST

START_TEST(hangs) {
  struct timespec begin, end;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  driver_with("clCompileProgram:1:hang");
  setenv("CLFLOW_PROBE_SECONDS", "1", 1);
  tells(train, ") is passed over: the driver did not finish its self-test within 1 s");
  clock_gettime(CLOCK_MONOTONIC, &end);
  ck_assert_int_ge(end.tv_sec - begin.tv_sec, 1);
}
END_TEST

START_TEST(hangs_at_a_launch) {
  driver_with("clflow-probe@clEnqueueNDRangeKernel:1:hang");
  setenv("CLFLOW_PROBE_SECONDS", "20", 1); /* it compiles before, on a busy machine */
  tells(train, "fails its self-test (the driver did not finish the self-test of ");
}
END_TEST

START_TEST(is_wrong) {
  is_left("clflow-probe@clEnqueueReadBuffer:3:wrong", "");
  driver_with("clEnqueueReadBuffer:5:wrong");
  succeeds("devices", "opencl:0: gemm(");
}
END_TEST

START_TEST(fails) {
  is_passed_over("clCompileProgram:1+:-6", "the kernels do not build with -cl-std=CL1.2");
  is_left("clBuildProgram:1+:-6", "the kernels do not build with -cl-std=CL1.2");
}
END_TEST

/* Nothing ran on the device before: the file is the one that cpu writes. */
START_TEST(goes_on_as_cpu) {
  driver_with("clflow-probe@clEnqueueNDRangeKernel:1:abort");
  tells(train, "`auto` continues with cpu (");
  ck_assert_int_eq(rename("m.safetensors", "moved.safetensors"), 0);
  driver_with(NULL);
  setenv("CLFLOW_DEVICE", "cpu", 1);
  tells(train, "");
  unsetenv("CLFLOW_DEVICE");
  same_files("m.safetensors", "moved.safetensors");
}
END_TEST

/* In a script, waiting is announced once, too. */
START_TEST(says_what_it_waits_for) {
  static const char command[] = "sample m.safetensors -n 3 --out s.csv";
  driver_with(NULL);
  tells(train, "compiling and testing kernels for ");
  const result again = run(train), fresh = run(command);
  expect_code(train, &again, 0);
  expect_code(command, &fresh, 0);
  ck_assert_ptr_null(strstr(again.err, "compiling"));
  const char *said = strstr(fresh.err, "compiling"); /* what sampling alone needs */
  ck_assert_msg(said && !strstr(said + 1, "compiling"), "%s", fresh.err);
  release(again);
  release(fresh);
}
END_TEST

/* What a driver's compiler says of kernels that it has not seen yet is not for users. */
START_TEST(prints_no_warnings) {
  static const char command[] =
      "train --preset lecture --data moons:n=40 --epochs 1 --dry-run --device opencl";
  driver_with(NULL);
  char *own = suite_setenv("POCL_CACHE_DIR", "kernels");
  const result r = run(command);
  suite_putenv_back("POCL_CACHE_DIR", own);
  expect_code(command, &r, 0);
  expect_text(command, "stderr", r.err, "compiling kernels for ");
  ck_assert_msg(!strstr(r.err, "warning"), "%s", r.err);
  release(r);
}
END_TEST

/* A device that fails during training, once or for ever: the program says so, and succeeds. */
START_TEST(fails_while_it_trains) {
  static const char command[] =
      "train --preset lecture --data moons:n=200 --epochs 3 --out m.safetensors --device opencl";
  setenv("CLFLOW_FUSE", "layers", 1); /* one launch an operation */
  driver_with("clEnqueueNDRangeKernel:40:-36");
  tells(command, "CL_INVALID_COMMAND_QUEUE (-36)): steps are repeated from");
  driver_with("clEnqueueNDRangeKernel:40+:-36");
  tells(command, ", on cpu (");
  unlink("m.safetensors.previous");
}
END_TEST

START_TEST(crashes_as_it_is_listed) {
  driver_with("clGetPlatformIDs:1+:abort");
  succeeds("devices", "* auto takes cpu: the driver crashed in listing the devices: signal 6");
  succeeds("devices --no-test", "cpu ");
  tells(train, "no OpenCL: the driver crashed in listing the devices: signal 6 (Aborted)");
}
END_TEST

/* A driver that needs a folder for its kernels and has none, as on a system without homes. */
START_TEST(has_nowhere_to_write) {
  char why[256];
  char *home = suite_setenv("HOME", "/proc"), *own = suite_setenv("POCL_CACHE_DIR", NULL);
  driver_with(NULL);
  unsetenv("XDG_CACHE_HOME");
  setenv("CLFLOW_DEVICE", "cpu", 1);
  const result r = run(train);
  expect_code(train, &r, 0);
  release(r);
  snprintf(why, sizeof why,
           "HOME is \"/proc\", which cannot be written: set XDG_CACHE_HOME to a "
           "folder that can");
  refuses(1, "sample m.safetensors -n 1 --out s.csv --device opencl", why);
  refuses(1, "sample m.safetensors -n 1 --out s.csv --device opencl:gpu",
          "no OpenCL driver offers");
  unsetenv("CLFLOW_DEVICE");
  tells(train, why); /* auto continues with cpu */
  unlink("m.safetensors.previous");
  suite_putenv_back("HOME", home);
  suite_putenv_back("POCL_CACHE_DIR", own);
}
END_TEST

/* pocl aborts the process where its variable is empty, and its compiler fails without a folder, as
 * where that is deleted after the driver has made it. */
START_TEST(has_no_folder) {
  static const char command[] =
      "train --preset lecture --data moons:n=40 --epochs 1 --out m.safetensors --device opencl";
  driver_with(NULL);
  char *own = suite_setenv("POCL_CACHE_DIR", "");
  refuses(1, command, "POCL_CACHE_DIR is set but empty: unset it, or name a folder");
  setenv("POCL_CACHE_DIR", "/dev/null", 1);
  refuses(
      1, command,
      "the driver stores them in /dev/null, which cannot be written or was deleted: start again "
      "once it can be written (CL_");
  suite_putenv_back("POCL_CACHE_DIR", own);
}
END_TEST

/* Two devices of one driver, the one with more cores first; pocl names them so. */
START_TEST(several_devices) {
  driver_with(NULL);
  setenv("POCL_DEVICES", "basic pthread", 1);
  const result r = run("devices --no-test");
  expect_code("devices", &r, 0);
  const char *second = strstr(r.out, "\n  opencl:1 ");
  if (second) {
    expect_text("devices", "the list", second, "basic");
    ck_assert_msg(strstr(r.out, "pthread") < second, "%s", r.out);
  }
  release(r);
  unsetenv("POCL_DEVICES");
}
END_TEST

/* Findings remain until `clflow devices` finds otherwise. */
START_TEST(is_remembered) {
  driver_with("clCompileProgram:1:abort");
  tells(train, "signal 6 (Aborted)\n");
  no_faults();
  tells(train, "signal 6 (Aborted) (`clflow devices` tries it again)\n");
  succeeds("devices", "* auto takes opencl:0");
  const result r = run(train);
  expect_code(train, &r, 0);
  ck_assert_ptr_null(strstr(r.err, "passed over"));
  release(r);
}
END_TEST

/* The child then runs at each start. */
START_TEST(works_without_a_cache) {
  driver_with(NULL);
  setenv("CLFLOW_CACHE_DIR", "", 1);
  succeeds("devices", "* auto takes opencl:0");
  tells(train, "");
}
END_TEST

/* Without the probe program, this process tests drivers. */
START_TEST(works_without_a_child) {
  driver_with("clCreateContext:1+:-6");
  setenv("CLFLOW_PROBE", "", 1);
  tells(train, ") is passed over: ");
  setenv("CLFLOW_PROBE", "not/there", 1);
  tells(train, ") is passed over: ");
  unsetenv("CLFLOW_PROBE");
}
END_TEST

/* clflow-probe itself: it knows every operation, and rejects unknown ones. */
START_TEST(answers) {
  char program[] = CLF_PROGRAM, command[sizeof program + 256], said[256] = "";
  snprintf(
      command, sizeof command,
      "printf 'open cpu64\\ntest %s 0\\ntest nothing 0\\n' | %s/clflow-probe | grep -v ^passed",
      clf_ops[CLF_OP_COUNT - 1].name, dirname(program));
  FILE *f = popen(command, "r");
  ck_assert_ptr_nonnull(f);
  ck_assert_uint_gt(fread(said, 1, sizeof said - 1, f), 0);
  ck_assert_int_eq(pclose(f), 0);
  ck_assert_str_eq(said, "done\ndone\nwhy there is no operation nothing\ndone\n");
}
END_TEST

/* The drivers that the tests were started with, which other tests of the program do not use. */
static char drivers[4096];
static void use_drivers(void) {
  setenv("OCL_ICD_VENDORS", drivers, 1);
  unsetenv("CLFLOW_DEVICE");
}

int main(int argc, char **argv) {
  const char *given = getenv("OCL_ICD_VENDORS");
  snprintf(drivers, sizeof drivers, "%s", given ? given : "/etc/OpenCL/vendors");
  const TTest *const tests[] = {
      crashes_as_it_compiles,
      crashes_as_it_builds,
      crashes_at_a_launch,
      hangs,
      hangs_at_a_launch,
      is_wrong,
      fails,
      goes_on_as_cpu,
      says_what_it_waits_for,
      fails_while_it_trains,
      crashes_as_it_is_listed,
      has_nowhere_to_write,
      has_no_folder,
      prints_no_warnings,
      several_devices,
      is_remembered,
      works_without_a_cache,
      works_without_a_child,
      answers,
  };
  return program_main(argc, argv, "probe", use_drivers, tests, sizeof tests / sizeof *tests);
}
