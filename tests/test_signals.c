/* SPDX-License-Identifier: MIT */
/* test_signals.c: effects of signals on the program `clflow`: a training is saved, any other
 * work leaves no file, and a limit on files gives an error message. */
#define _GNU_SOURCE
#include "program.h"
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TRAIN "train --data moons:n=2000 --epochs 100000 --save-every 0 --log l --out t"

static void nap(int ms) { nanosleep(&(struct timespec){.tv_nsec = ms * 1000000L}, NULL); }

/* The number of temporary files, and the length of the last one. */
static int temporaries(long *size) {
  int count = 0;
  struct stat st;
  DIR *d = opendir(".");
  for (const struct dirent *e; (e = readdir(d));) {
    if (strncmp(e->d_name, ".clflow-", 8) != 0) continue;
    count++;
    if (size && stat(e->d_name, &st) == 0) *size = st.st_size;
  }
  closedir(d);
  return count;
}

/* Sends the signal as soon as the command has written part of its file. */
static void interrupt(const char *command, int number) {
  long size = 0;
  const pid_t pid = start(command);
  for (int i = 0; i < 60000 && (temporaries(&size) == 0 || size == 0); i++) nap(1);
  ck_assert_int_eq(suite_kill(pid, number), 0);
  result r = finish(pid);
  expect_code(command, &r, 128 + number);
  release(r);
}

#define MANY "2000000"
static const char *const writers[] = {
    "sample m -n " MANY " --out out.csv", "log-prob m --data moons:n=" MANY " --out out.csv",
    "transform m --data moons:n=" MANY " --out out.csv --logdet out.l.csv",
    "invert m --data moons:n=" MANY " --out out.csv"};

static void make_model(void) {
  succeeds("train --data moons:n=50 --epochs 1 --batch 50 --depth 1 --out m", "");
}

START_TEST(leaves_nothing) {
  static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
  for (size_t i = 0; i < sizeof writers / sizeof *writers; i++) {
    interrupt(writers[i], signals[i]);
    ck_assert_int_eq(temporaries(NULL), 0);
    ck_assert_int_eq(access("out.csv", F_OK), -1);
  }
  interrupt(writers[0], SIGPROF);
  ck_assert_int_eq(temporaries(NULL), 0);
}
END_TEST

/* A killed process leaves one file, until something is written to its folder. */
START_TEST(killed_while_writing) {
  long size = 0;
  const pid_t pid = start(writers[0]); /* nobody waits for its end */
  for (int i = 0; i < 60000 && (temporaries(&size) == 0 || size == 0); i++) nap(1);
  suite_kill(pid, SIGKILL);
  siginfo_t info;
  ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
  ck_assert_int_eq(temporaries(NULL), 1);
  succeeds("sample m -n 3 --out other.npy", "");
  ck_assert_int_eq(temporaries(NULL), 0);
  ck_assert_int_eq(waitpid(pid, NULL, 0), pid);

  interrupt(writers[0], SIGKILL);
  ck_assert_int_eq(temporaries(NULL), 1);
  interrupt(writers[0], SIGKILL);
  ck_assert_int_eq(temporaries(NULL), 1);
  succeeds("sample m -n 3 --out small.npy", "");
  ck_assert_int_eq(temporaries(NULL), 0);
}
END_TEST

/* ---- Trainings --------------------------------------------------------------------------- */

/* Steps in the log were trained. */
static void wait_for_steps(void) {
  struct stat st;
  for (int i = 0; i < 60000 && (stat("l", &st) != 0 || st.st_size == 0); i++) nap(1);
}

static void is_saved_after(int number, int times) {
  unlink("t");
  unlink("l");
  const pid_t pid = start(TRAIN);
  wait_for_steps();
  for (int i = 0; i < times; i++) suite_kill(pid, number);
  result r = finish(pid);
  expect_code(TRAIN, &r, 1);
  expect_text(TRAIN, "stderr", r.err, "t is saved");
  release(r);
  succeeds("info t", "resume    yes");
  ck_assert_int_eq(temporaries(NULL), 0);
}

/* Two signals at once, as `timeout` and a closing terminal send them, count as one. */
START_TEST(trainings_are_saved) {
  static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGXCPU};
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
    is_saved_after(signals[i], 1);
    is_saved_after(signals[i], 2);
  }
}
END_TEST

START_TEST(ignored_signals_stay_ignored) {
  unlink("l");
  signal(SIGHUP, SIG_IGN); /* as nohup does */
  const pid_t pid = start(TRAIN);
  signal(SIGHUP, SIG_DFL);
  wait_for_steps();
  suite_kill(pid, SIGHUP);
  nap(300);
  ck_assert_int_eq(suite_kill(pid, 0), 0);
  suite_kill(pid, SIGINT);
  result r = finish(pid);
  expect_code(TRAIN, &r, 1);
  release(r);
}
END_TEST

/* ---- Limits ------------------------------------------------------------------------------- */

static void limited(const char *command, const char *err) {
  struct rlimit limit, small;
  ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
  small = limit;
  small.rlim_cur = 2000;
  setrlimit(RLIMIT_FSIZE, &small);
  const pid_t pid = start(command);
  setrlimit(RLIMIT_FSIZE, &limit);
  result r = finish(pid);
  expect_code(command, &r, 1);
  expect_text(command, "stderr", r.err, err);
  release(r);
  ck_assert_int_eq(temporaries(NULL), 0);
}

START_TEST(limit_on_files) {
  const int before = suite_entries(".");
  limited("sample m -n 1000 --out big.csv", "big.csv: write failed: File too large");
  limited("sample m -n 1000 --out big.png", "big.png: write failed: File too large");
  limited("sample m -n 1000 --out -", "standard output: ");
  limited("train --data moons:n=50 --epochs 1 --hidden 64 --out big",
          "big: write failed: File too large");
  ck_assert_int_eq(suite_entries("."), before);
}
END_TEST

int main(int argc, char **argv) {
  const TTest *const tests[] = {leaves_nothing, killed_while_writing, trainings_are_saved,
                                ignored_signals_stay_ignored, limit_on_files};
  return program_main(argc, argv, "signals", make_model, tests, sizeof tests / sizeof *tests);
}
