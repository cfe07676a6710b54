/* SPDX-License-Identifier: MIT */
/* test_faults.c: the n-th allocation, system call on a file or OpenCL call fails, once and from
 * then on, for every n until all succeed.  Each time the library says what went wrong, frees
 * everything, leaves only complete files on disk, and works again afterwards.
 *   test_faults [STRIDE]   tries every STRIDE-th n if there are thousands (default 311) */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "faults/hooks.h"
#include "faults/control.h"
#include "faults/scenario.h"
#include "suite.h"

extern char **environ;

static long stride = 311;
static const char file[] = "m.safetensors", kept[] = "m.safetensors.previous";
static const char *const kinds[] = {"vectors", "interval", "images"};

static void no_faults(void) {
  const fault_hook none = {0};
  fault_memory = fault_files = none;
}

/* Opens a separate device, with everything on it. */
static clf_status from_nothing(const char *where, what kind, double *sum) {
  clf_device *dev = NULL;
  CLF_TRY(clf_open(where, &dev));
  const clf_status s = scenario(dev, kind, file, sum);
  clf_close(dev);
  return s;
}

static double expected(const char *where, what kind) {
  double sum = 0;
  no_faults();
  WORKS(from_nothing(where, kind, &sum));
  return sum;
}

/* An existing file must be readable. */
static void is_whole(const char *path, const char *when) {
  clf_device *dev = NULL;
  clf_flow *flow = NULL;
  if (access(path, F_OK)) return;
  WORKS(clf_open("cpu", &dev));
  ck_assert_msg(!clf_flow_load(dev, path, NULL, &flow), "%s: %s", when, clf_errmsg());
  clf_flow_free(flow);
  clf_close(dev);
}

static void remove_files(void) {
  unlink(file);
  unlink(kept);
}

/* After a run with a failure: it was reported, or had no effect; up to rounding, unless `slack`
 * is 0. */
static void judge(const char *when, clf_status s, double sum, double want, double slack) {
  no_faults();
  if (s)
    ck_assert_msg(strlen(clf_errmsg()) > 10, "%s: %s, without a sentence", when, clf_strerror(s));
  else
    ck_assert_msg(fabs(sum - want) <= slack, "%s: %.17g, not %.17g", when, sum, want);
  is_whole(file, when);
  is_whole(kept, when);
  ck_assert_msg(suite_entries(".") == !access(file, F_OK) + !access(kept, F_OK),
                "%s: files are left", when);
  remove_files();
}

/* ---- Memory and files -------------------------------------------------------------------- */

/* All n of one hook, on cpu. */
static void series(fault_hook *hook, what kind, int what_, int from_then_on, const char *name) {
  const double want = expected("cpu", kind);
  const long step = kind == IMAGES ? stride : 1;
  remove_files();
  for (long n = 1;; n += step) {
    char when[128];
    double sum = 0;
    snprintf(when, sizeof when, "%s: %s %ld%s", kinds[kind], name, n, from_then_on ? "+" : "");
    *hook = (fault_hook){.n = n, .from_then_on = from_then_on, .what = what_};
    const clf_status s = from_nothing("cpu", kind, &sum);
    const long calls = hook->calls;
    judge(when, s, sum, want, 0);
    if (calls < n) break;
  }
}

/* A training without memory from its n-th allocation on ends, and another call continues it,
 * with the same result; so does a save. */
static int starved(clf_device *dev, long n, double *train) {
  clf_flow_spec spec = clf_flow_spec_default(CLF_NVP, 2);
  clf_train_options o = clf_train_options_default();
  clf_table table;
  clf_flow *flow;
  clf_trainer *trainer;
  o.epochs = 3;
  o.clip = 10;
  o.valid_split = 0.25;
  WORKS(clf_table_read("moons:n=64", &table));
  WORKS(clf_flow_create(dev, &spec, &flow));
  WORKS(clf_trainer_create(flow, &table, &o, &trainer));
  fault_memory = (fault_hook){.n = n, .from_then_on = 1};
  const clf_status s = clf_trainer_run(trainer, NULL, NULL);
  no_faults();
  if (s) {
    ck_assert_msg(strstr(clf_errmsg(), "recovery failed"), "%s", clf_errmsg());
    ck_assert_int_eq(clf_flow_save(flow, file), CLF_EDEVICE); /* the weights are of no step */
    if (n % 2) WORKS(clf_trainer_save(trainer, file));
    WORKS(clf_trainer_run(trainer, NULL, NULL));
  }
  *train = clf_flow_history(flow).train;
  clf_trainer_free(trainer);
  clf_flow_free(flow);
  clf_table_free(&table);
  remove_files();
  return s != CLF_OK;
}

START_TEST(owed) {
  clf_device *dev = NULL;
  double want, got;
  int n = 0;
  no_faults();
  WORKS(clf_open("cpu", &dev));
  starved(dev, 0, &want);
  while (starved(dev, ++n, &got)) ck_assert_msg(got == want, "%d: %.17g, not %.17g", n, got, want);
  ck_assert_int_gt(n, 3);
  clf_close(dev);
}
END_TEST

START_TEST(memory) { series(&fault_memory, (what)(_i / 2), 0, _i % 2, "allocation"); }
END_TEST

static const struct {
  const char *name;
  int what;
} faults[] = {{"EIO at call", EIO},
              {"ENOSPC at call", ENOSPC},
              {"EINTR at call", EINTR},
              {"EACCES at call", EACCES},
              {"half a transfer at call", FAULT_SHORT}};
enum { FAULTS = sizeof faults / sizeof *faults };

START_TEST(files) {
  const int i = _i / 2;
  if (faults[i].what == EINTR && _i % 2) return; /* interrupted for ever */
  series(&fault_files, VECTORS, faults[i].what, _i % 2, faults[i].name);
}
END_TEST

/* Signals interrupt every transfer, without an effect on the results. */
START_TEST(signals) {
  double sum = 0;
  const double want = expected("cpu", VECTORS);
  remove_files();
  fault_files = (fault_hook){.what = FAULT_SIGNALS};
  const clf_status s = from_nothing("cpu", VECTORS, &sum);
  ck_assert_int_gt(fault_files.calls, 20);
  ck_assert_msg(!s, "%s", clf_errmsg());
  judge("signals", s, sum, want, 0);
}
END_TEST

/* What was saved survives a failure of the machine, and child processes inherit no file. */
START_TEST(synced) {
  const double at[] = {1, 2, 3, 4};
  const clf_table t = {.rows = 2, .cols = 2, .at = (double *)at};
  double sum = 0;
  fault_watch();
  no_faults();
  WORKS(from_nothing("cpu", _i ? IMAGES : VECTORS, &sum));
  WORKS(clf_table_write("t.csv", &t));
  WORKS(clf_table_write("t.npy", &t));
  WORKS(clf_array_write_npy("t.npy", at, 2, (const int64_t[]){2, 2}));
  ck_assert_msg(!fault_unsafe(), "%s", fault_unsafe());
  unlink("t.csv");
  unlink("t.npy");
  remove_files();
}
END_TEST

/* ---- Killed at every system call ---------------------------------------------------------------
 */

/* The child: killed at call n on files, or after it. */
static int be_killed(const char *n, const char *what_) {
  double sum;
  fault_files = (fault_hook){.n = atol(n), .what = atoi(what_)};
  return from_nothing("cpu", VECTORS, &sum) != CLF_OK;
}

/* 1 if it was killed, 0 if it ended before. */
static int run_to_be_killed(long n, int what_) {
  char self[] = "/proc/self/exe", mode[] = "--killed", number[24], code[16];
  snprintf(number, sizeof number, "%ld", n);
  snprintf(code, sizeof code, "%d", what_);
  char *argv[] = {self, mode, number, code, NULL};
  pid_t pid;
  int status = 0;
  ck_assert_int_eq(posix_spawn(&pid, self, NULL, NULL, argv, environ), 0);
  ck_assert_int_eq(waitpid(pid, &status, 0), pid);
  if (WIFSIGNALED(status)) ck_assert_int_eq(WTERMSIG(status), SIGKILL);
  if (WIFEXITED(status)) ck_assert_int_eq(WEXITSTATUS(status), 0);
  return WIFSIGNALED(status);
}

static void remove_temporary(void) {
  DIR *d = opendir(".");
  ck_assert_ptr_nonnull(d);
  for (struct dirent *e = readdir(d); e; e = readdir(d))
    if (strncmp(e->d_name, ".clflow-", 8) == 0) unlink(e->d_name);
  closedir(d);
}

START_TEST(killed) {
  const int what_ = _i ? FAULT_KILL_AFTER : FAULT_KILL;
  const double want = expected("cpu", VECTORS);
  int old = 0, fresh = 0;
  remove_files();
  for (long n = 1; run_to_be_killed(n, what_); n++) {
    char when[64];
    double sum = 0;
    snprintf(when, sizeof when, "killed %s call %ld", _i ? "after" : "at", n);
    is_whole(file, when);
    is_whole(kept, when);
    *(access(file, F_OK) ? &old : &fresh) += 1;
    remove_temporary();
    WORKS(from_nothing("cpu", VECTORS, &sum)); /* over the remains */
    ck_assert_msg(sum == want, "%s: %.17g, not %.17g", when, sum, want);
    remove_files();
  }
  ck_assert_msg(old > 3 && fresh > 10, "%d kills before the first save, %d after", old, fresh);
  remove_files();
}
END_TEST

/* ---- OpenCL -------------------------------------------------------------------------------- */

static const int codes[] = {-5 /* out of resources */,
                            -6 /* out of host memory */,
                            -4 /* no memory for an object */,
                            -36 /* invalid queue: lost */,
                            -14 /* a command before it failed */,
                            -61 /* argument of a buffer */};

static long disarmed(void) { /* calls since it was armed */
  long calls, failed;
  disarm(&calls, &failed);
  return calls;
}

/* From one n to the next where each opens a device: a failure may mean that the driver compiles. */
static long slow_step(void) { return stride > 1 ? 96 : 1; }

START_TEST(opening) {
  clf_device *dev = NULL;
  find_layer();
  for (long n = 1;; n += _i ? stride : slow_step()) {
    arm("*", n, _i, codes[n % 6]);
    const clf_status s = clf_open("opencl", &dev);
    const long calls = disarmed();
    if (s)
      ck_assert_msg(strlen(clf_errmsg()) > 10, "opening, call %ld: no sentence", n);
    else
      clf_close(dev);
    ck_assert_msg(alive() == 0, "opening, call %ld: %ld objects are left", n, alive());
    if (calls < n) break;
    if (_i == 0 && n > 40) n += stride - 1; /* one kernel after the other */
  }
}
END_TEST

/* The driver has memory, the library has not: when a device is opened, and when all are listed. */
START_TEST(opening_without_memory) {
  find_layer();
  for (long n = 1 + _i;; n += slow_step()) {
    clf_device *dev = NULL;
    clf_device_info *list = NULL;
    int count = 0;
    fault_memory = (fault_hook){.n = n, .from_then_on = _i};
    const clf_status opened = clf_open("opencl", &dev);
    const long calls = fault_memory.calls;
    fault_memory = (fault_hook){.n = n, .from_then_on = _i};
    const clf_status listed = clf_devices(0, &list, &count);
    no_faults();
    if (opened || listed)
      ck_assert_msg(strlen(clf_errmsg()) > 10, "allocation %ld: no sentence", n);
    ck_assert_msg(!opened || (!dev && opened == CLF_ENOMEM) || opened == CLF_ENODEV,
                  "allocation %ld: %s", n, clf_errmsg());
    if (!opened) clf_close(dev);
    ck_assert_msg(alive() == 0, "allocation %ld: %ld objects are left", n, alive());
    if (!listed) ck_assert_str_eq(list[count - 1].name, "cpu");
    free(list);
    if (calls < n) break;
  }
}
END_TEST

/* A device with enough scratch memory, and its objects. */
static long ready(clf_device **dev, what kind, double *want) {
  WORKS(clf_open("opencl", dev));
  WORKS(scenario(*dev, kind, file, want));
  remove_files();
  return alive();
}

static int is_cpu(const clf_device *dev) { return strncmp(clf_device_name(dev), "cpu", 3) == 0; }

/* On a device that stays open, which works again when the driver does; a training may have
 * continued on cpu, with other roundings. */
START_TEST(using) {
  const what kind = (what)(_i / 2);
  const int from_then_on = _i % 2;
  clf_device *dev = NULL;
  double want = 0, again = 0;
  find_layer();
  const long base = ready(&dev, kind, &want);
  const long step = kind == IMAGES ? 8 * stride + 1 : stride == 1 ? 1 : 4 * stride;
  for (long n = 1;; n += step) {
    char when[128];
    double sum = 0;
    snprintf(when, sizeof when, "%s: call %ld%s", kinds[kind], n, from_then_on ? "+" : "");
    arm("*", n, from_then_on, codes[n / step % 6]);
    const clf_status s = scenario(dev, kind, file, &sum);
    const long calls = disarmed();
    judge(when, s, sum, want, is_cpu(dev) ? 1e-3 * (1 + fabs(want)) : 0);
    ck_assert_msg(alive() <= (is_cpu(dev) ? 0 : base), "%s: %ld objects, not %ld", when, alive(),
                  base);
    if (calls < n) break;
    if (!is_cpu(dev)) continue;
    clf_close(dev);
    ck_assert_int_eq(alive(), 0);
    ready(&dev, kind, &again);
    ck_assert_msg(again == want, "%s: %.17g afterwards, not %.17g", when, again, want);
  }
  WORKS(scenario(dev, kind, file, &want));
  clf_close(dev);
  ck_assert_int_eq(alive(), 0);
  remove_files();
}
END_TEST

/* ---- All ----------------------------------------------------------------------------------- */

static void add(Suite *suite, const char *name, const TTest *test, int count) {
  TCase *c = tcase_create(name); /* CK_RUN_CASE=NAME runs only this one */
  tcase_set_timeout(c, 3600);
  tcase_add_loop_test(c, test, 0, count);
  suite_add_tcase(suite, c);
}

static int run_all(void) {
  Suite *suite = suite_create("faults");
  add(suite, "memory", memory, 6);
  add(suite, "owed", owed, 1);
  add(suite, "files", files, 2 * FAULTS);
  add(suite, "signals", signals, 1);
  add(suite, "synced", synced, 2);
  add(suite, "killed", killed, 2);
  add(suite, "opening", opening, 2);
  add(suite, "opening_without_memory", opening_without_memory, 2);
  add(suite, "using", using, 6);
  return suite_run(suite);
}

int main(int argc, char **argv) {
  char folder[] = "/tmp/clflow-faults-XXXXXX";
  if (argc == 4 && strcmp(argv[1], "--killed") == 0) return be_killed(argv[2], argv[3]);
  if (argc > 1) stride = atol(argv[1]);
  if (stride < 1 || !mkdtemp(folder) || chdir(folder)) return 1;
  setenv("OPENCL_LAYERS", CLF_FAULT_LAYER, 1);
  const int failed = run_all();
  if (chdir("/") || rmdir(folder)) return 1;
  return failed;
}
