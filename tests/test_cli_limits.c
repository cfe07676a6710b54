/* SPDX-License-Identifier: MIT */
/* test_cli_limits.c: the program with limited memory, as on login nodes and in batch systems: it
 * works, or ends with a message; it neither aborts nor runs for ever. */
#define _XOPEN_SOURCE 700
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "clflow/core.h"
#include "program.h"

typedef struct limit {
  int resource;
  rlim_t kib;
  const char *name;
} limit;

static const limit limits[] = {
    {RLIMIT_AS, 60000, "address space (ulimit -v)"},
    {RLIMIT_AS, 100000, "address space (ulimit -v)"},
    {RLIMIT_AS, 150000, "address space (ulimit -v)"},
    {RLIMIT_AS, 200000, "address space (ulimit -v)"},
    {RLIMIT_AS, 260000, "address space (ulimit -v)"},
    {RLIMIT_AS, 320000, "address space (ulimit -v)"},
    {RLIMIT_AS, 400000, "address space (ulimit -v)"},
    {RLIMIT_AS, 1000000, "address space (ulimit -v)"},
    {RLIMIT_DATA, 60000, "data (ulimit -d)"},
    {RLIMIT_DATA, 200000, "data (ulimit -d)"},
};
enum { LIMITS = sizeof limits / sizeof *limits };

/* In the child: the limit, and a minute of computing time, so that endless loops are killed. */
static void set_limits(const limit *l) {
  const struct rlimit memory = {l->kib << 10, l->kib << 10}, minute = {60, 60};
  setrlimit(RLIMIT_CPU, &minute);
  setrlimit(l->resource, &memory);
}

static result run_limited(const limit *l, const char *command) {
  char text[512], *argv[32] = {CLF_PROGRAM}, *save = NULL;
  int argc = 1, status;
  snprintf(text, sizeof text, "%s", command);
  for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save))
    argv[argc++] = word;
  const pid_t pid = suite_fork();
  if (!pid) {
    if (!freopen("/dev/null", "r", stdin) || !freopen("out.txt", "w", stdout) ||
        !freopen("err.txt", "w", stderr))
      _exit(99);
    set_limits(l);
    execv(CLF_PROGRAM, argv);
    _exit(98);
  }
  ck_assert_int_eq(waitpid(pid, &status, 0), pid);
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return (result){code, read_file("out.txt", NULL), read_file("err.txt", NULL)};
}

static void limited(const limit *l, const char *command, int code, const char *out,
                    const char *err) {
  char label[256];
  snprintf(label, sizeof label, "%s of %llu KiB: %s", l->name, (unsigned long long)l->kib, command);
  const result r = run_limited(l, command);
  expect_code(label, &r, code);
  expect_text(label, "stdout", r.out, out);
  expect_text(label, "messages", r.err, err);
  release(r);
}

static void works_on_cpu(const limit *l) {
  limited(l, "--version", 0, "clflow 0.", "");
  limited(l, "train --data moons:n=500 --epochs 3 --device cpu --out cpu.safetensors", 0, "", "");
  limited(l, "eval cpu.safetensors --data moons:n=500 --device cpu", 0, "log-likelihood", "");
  limited(l, "eval cpu.safetensors --data moons:n=500 --device cpu/baseline", 0, "log-likelihood",
          "");
  ck_assert_int_eq(unlink("cpu.safetensors"), 0);
}

/* OpenCL drivers abort when an allocation fails, so they are not loaded. */
static void opencl_is_refused(const limit *l) {
  char why[256];
  snprintf(why, sizeof why,
           "the limit on %s is %llu KiB, and OpenCL drivers are loaded from 1048576 KiB on; raise "
           "the limit or use the device cpu",
           l->name, (unsigned long long)l->kib);
  limited(l, "train --data moons:n=500 --epochs 3 --device opencl --out cl.safetensors", 1, "",
          why);
  limited(l, "train --data moons:n=500 --epochs 3 --device auto --out auto.safetensors --verbose",
          0, "", why);
  limited(l, "eval auto.safetensors --data moons:n=500 --device auto", 0, "log-likelihood", "");
  limited(l, "devices", 0, "cpu", "");
  ck_assert_int_eq(access("cl.safetensors", F_OK), -1);
  ck_assert_int_eq(unlink("auto.safetensors"), 0);
}

START_TEST(little_memory) {
  for (int i = 0; i < LIMITS; i++) {
    works_on_cpu(&limits[i]);
    opencl_is_refused(&limits[i]);
  }
}
END_TEST

/* What was found under a limit is not assumed without it. */
START_TEST(without_a_limit_again) {
  setenv("CLFLOW_CACHE_DIR", "limited", 1);
  limited(&limits[5], "train --data moons:n=500 --epochs 1 --device auto --out a.safetensors", 0,
          "", "");
  const result r = run("devices");
  expect_code("devices", &r, 0);
  ck_assert_ptr_null(strstr(r.out, "KiB"));
  release(r);
  unsetenv("CLFLOW_CACHE_DIR");
}
END_TEST

/* The threads by default while data are limited to a number of bytes. */
static int threads_within(rlim_t bytes) {
  struct rlimit before;
  ck_assert_int_eq(getrlimit(RLIMIT_DATA, &before), 0);
  const struct rlimit little = {bytes, before.rlim_max};
  ck_assert_int_eq(setrlimit(RLIMIT_DATA, &little), 0);
  const clf_status s = clf_set_threads(0);
  const int n = clf_threads();
  ck_assert_int_eq(setrlimit(RLIMIT_DATA, &before), 0);
  ck_assert_int_eq(s, CLF_OK);
  return n;
}

/* Their stacks of 1 MiB use at most a sixteenth of a limited memory. */
START_TEST(few_threads) {
  char *asked = suite_setenv("CLFLOW_THREADS", NULL);
  ck_assert_int_eq(clf_set_threads(0), CLF_OK);
  const int all = clf_threads();
  ck_assert_int_eq(threads_within(15 << 20), 1);
  ck_assert_int_eq(threads_within(16 << 20), all < 2 ? all : 2);
  ck_assert_int_eq(threads_within(47 << 20), all < 3 ? all : 3);
  suite_putenv_back("CLFLOW_THREADS", asked);
  ck_assert_int_eq(clf_set_threads(0), CLF_OK);
}
END_TEST

int main(int argc, char **argv) {
  const TTest *const tests[] = {little_memory, without_a_limit_again, few_threads};
  return program_main(argc, argv, "cli limits", NULL, tests, sizeof tests / sizeof *tests);
}
