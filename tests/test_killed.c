/* SPDX-License-Identifier: MIT */
/* test_killed.c: the program `clflow` killed with SIGKILL at random moments of a training, and
 * two of them on one file: files on disk are complete, and --resume ends with the bits of an
 * uninterrupted training.  CLF_KILLS is the number of kills (default 25). */
#define _GNU_SOURCE
#include "program.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TRAIN                                                                                      \
  "train --data moons:n=3000 --hidden 8 --depth 4 --epochs 60 --batch 20 --valid-split 0.1 "       \
  "--schedule constant --warmup 0 --save-every "                                                   \
  "0.004 --out "

static uint32_t state = 1;
static long roll(long below) {
  state = state * 1664525u + 1013904223u;
  return (long)(state >> 8) % below;
}

static void wait_a_while(long most_ms) {
  const long us = roll(most_ms * 1000);
  nanosleep(&(struct timespec){us / 1000000, us % 1000000 * 1000}, NULL);
}

static void is_whole(const char *path) {
  char command[128];
  if (access(path, F_OK)) return;
  snprintf(command, sizeof command, "info %s", path);
  succeeds(command, "nvp");
}

/* Kills `pid` after a while; 1 if it had ended before. */
static int killed_or_done(pid_t pid, long most_ms) {
  int status = 0;
  wait_a_while(most_ms);
  suite_kill(pid, SIGKILL);
  ck_assert_int_eq(waitpid(pid, &status, 0), pid);
  if (WIFEXITED(status)) ck_assert_int_eq(WEXITSTATUS(status), 0);
  return WIFEXITED(status);
}

/* The duration of the whole training, in ms. */
static long time_of(const char *command) {
  struct timespec begin, end;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  succeeds(command, "");
  clock_gettime(CLOCK_MONOTONIC, &end);
  return (end.tv_sec - begin.tv_sec) * 1000 + (end.tv_nsec - begin.tv_nsec) / 1000000 + 1;
}

START_TEST(at_random_moments) {
  const char *wanted = getenv("CLF_KILLS");
  const long kills = wanted ? atol(wanted) : 25, whole = time_of(TRAIN "straight");
  int done = 0, resumed = 0;
  for (long i = 0; i < kills; i++) {
    if (done) unlink("m");
    resumed += !access("m", F_OK);
    done = killed_or_done(start(access("m", F_OK) ? TRAIN "m" : TRAIN "m --resume"), whole);
    is_whole("m");
    is_whole("m.previous");
  }
  ck_assert_msg(resumed > kills / 4, "only %d of %ld resumed", resumed, kills);
  succeeds(access("m", F_OK) ? TRAIN "m" : TRAIN "m --resume", "");
  same_files("straight", "m");
}
END_TEST

START_TEST(two_on_one_file) {
  const pid_t one = start(TRAIN "m"), two = start(TRAIN "m --seed 2");
  int status;
  for (int i = 0; i < 5; i++) {
    wait_a_while(20);
    is_whole("m");
    is_whole("m.previous");
  }
  ck_assert_int_eq(waitpid(one, &status, 0), one);
  ck_assert_int_eq(waitpid(two, &status, 0), two);
  is_whole("m");
  is_whole("m.previous");
}
END_TEST

int main(int argc, char **argv) {
  const TTest *const tests[] = {at_random_moments, two_on_one_file};
  return program_main(argc, argv, "killed", NULL, tests, sizeof tests / sizeof *tests);
}
