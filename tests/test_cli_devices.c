/* SPDX-License-Identifier: MIT */
/* test_cli_devices.c: `clflow train --devices`: the model file is that of one device with the same
 * --grains, also with checkpoints on the way and after a resume on another number of devices; what
 * is refused. */
#define _POSIX_C_SOURCE 200809L
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "program.h"

#define TRAIN "train --data moons:n=300 --preset nsf(hidden=8,depth=2) --batch 50 --seed 4 "
#define IMAGES                                                                                     \
  "train --data glyphs:n=30,size=8 --preset tiny --scales 2 --width 4 --blocks 1 --batch 12 "      \
  "--grains 4 --valid-split 0.2 "

static void files(void) {}

static void trains(const char *command) {
  const result r = run(command);
  ck_assert_msg(r.code == 0, "%s: %s", command, r.err);
  release(r);
}

static void says(const char *command, const char *text) {
  const result r = run(command);
  ck_assert_msg(r.code == 0, "%s: %s", command, r.err);
  ck_assert_msg(strstr(r.err, text) != NULL, "%s: %s", command, r.err);
  release(r);
}

START_TEST(same_file) {
  trains(TRAIN "--steps 60 --device cpu --grains 8 --out one.st");
  says(TRAIN "--steps 60 --devices cpu,cpu --grains 8 --out two.st",
       "cpu is in --devices twice: its members share it\n");
  same_files("one.st", "two.st");
  says(TRAIN "--steps 60 --devices cpu,cpu,cpu --share 3:0:1 --out three.st",
       "3 devices share 8 grains of each batch; for the same bits on one device: clflow train "
       "--data "
       "moons:n=300 --out three.st --preset 'nsf(hidden=8,depth=2)' --steps 60 --batch 50 --seed 4 "
       "--device cpu --grains 8\n");
  same_files("one.st", "three.st");
  trains(TRAIN "--steps 60 --device cpu --grains 2 --out one.st --force");
  says(TRAIN "--steps 60 --devices cpu,cpu --out two.st --force",
       "2 devices share 2 grains of each batch; ");
  same_files("one.st", "two.st");
  trains(IMAGES "--epochs 2 --device cpu --out image.st");
  trains(IMAGES "--epochs 2 --devices cpu,cpu,cpu --out images.st");
  same_files("image.st", "images.st");
}
END_TEST

/* A checkpoint at every report, and then more steps on two devices, and on one. */
START_TEST(checkpoints) {
  trains(TRAIN
         "--steps 150 --schedule constant --warmup 10 --device cpu --grains 8 --out whole.st");
  trains(TRAIN "--steps 50 --schedule constant --warmup 10 --devices cpu,cpu,cpu --save-every 1e-9 "
               "--out part.st");
  trains("train --data moons:n=300 --out part.st --resume --steps 100 --devices cpu,cpu");
  trains("train --data moons:n=300 --out part.st --resume --steps 150 --device cpu");
  same_files("whole.st", "part.st");
  trains(TRAIN
         "--steps 90 --schedule constant --warmup 10 --device cpu --grains 2 --out two.st --force");
  trains(TRAIN
         "--steps 50 --schedule constant --warmup 10 --devices cpu,cpu --out part.st --force");
  says("train --data moons:n=300 --out part.st --resume --steps 90 --devices cpu,cpu,cpu",
       "devices without work: 1 of 3, since the training began with 2 grains\n");
  same_files("two.st", "part.st");
}
END_TEST

/* A signal stops all members at the same step; what was saved goes on to the same end. */
START_TEST(interrupted) {
  trains(TRAIN "--steps 4000 --schedule constant --warmup 10 --device cpu --grains 8 --out end.st");
  const pid_t pid = start(
      TRAIN
      "--steps 4000 --schedule constant --warmup 10 --devices cpu,cpu --grains 8 --out stopped.st");
  nanosleep(&(struct timespec){.tv_nsec = 400000000}, NULL);
  suite_kill(pid, SIGINT);
  const result r = finish(pid);
  if (r.code != 0) { /* else it was done before */
    ck_assert_int_eq(r.code, 1);
    ck_assert_msg(strstr(r.err, "clflow: train: stopped ") &&
                      strstr(r.err, " --devices cpu,cpu --out stopped.st --resume\n"),
                  "%s", r.err);
    trains("train --data moons:n=300 --out stopped.st --resume --steps 4000 --devices cpu,cpu,cpu");
  }
  release(r);
  same_files("end.st", "stopped.st");
}
END_TEST

/* 7 contexts, and samples of each that no chunk ends with. */
static void given_rows(void) {
  trains("train --data moons:n=300 --given 2 --flow nsf(hidden=8,depth=1) --steps 20 --device cpu "
         "--out given.st");
  write_text("given.csv", "y\n-0.5\n0\n0.1\n0.25\n0.5\n0.75\n1\n");
  trains("sample given.st -n 3000 --given given.csv --device cpu --out one.npy");
  trains("sample given.st -n 3000 --given given.csv --devices cpu,cpu,cpu --out two.npy");
  same_files("one.npy", "two.npy");
}

/* Rows that several devices divide: 20000 are more than two chunks. */
START_TEST(divided_rows) {
  trains(TRAIN "--steps 20 --device cpu --out rows.st");
  const result one = run("eval rows.st --data moons:n=20000 --device cpu");
  const result two = run("eval rows.st --data moons:n=20000 --devices cpu,cpu");
  ck_assert_msg(one.code == 0 && two.code == 0, "%s%s", one.err, two.err);
  ck_assert_str_eq(one.out, two.out);
  release(one);
  release(two);
  trains("log-prob rows.st --data moons:n=20000 --device cpu --out one.npy");
  trains("log-prob rows.st --data moons:n=20000 --devices cpu,cpu,cpu,cpu --out two.npy");
  same_files("one.npy", "two.npy");
  trains("sample rows.st -n 20000 --first 5 --device cpu --out one.npy");
  trains("sample rows.st -n 20000 --first 5 --devices cpu,cpu --out two.npy");
  same_files("one.npy", "two.npy");
  given_rows();
  refuses(1, "sample rows.st -n 10 --devices cpu,nothing --out x.npy",
          "clflow: sample: rank 1 on this machine: no device is called \"nothing\"");
  refuses(2, "eval rows.st --data moons:n=10 --device cpu --devices cpu,cpu",
          "clflow: eval: --device and --devices exclude each other\n");
}
END_TEST

/* Grains of 31 rows and of 32, for which blocks of rows differ: also the loss is the same. */
START_TEST(uneven_grains) {
#define UNEVEN                                                                                     \
  "train --data moons:n=300 --preset nsf(hidden=8,depth=2) --batch 250 --epochs 3 --grains 8 "
  trains(UNEVEN "--device cpu --out uneven.st");
  trains(UNEVEN "--devices cpu,cpu --share 5:3 --out shared.st");
  same_files("uneven.st", "shared.st");
}
END_TEST

#define T "clflow: train: "
START_TEST(refused) {
  refuses(2, TRAIN "--devices cpu,cpu --share 3 --out x.st",
          T "--share \"3\" must have a number from 0 to 1e6 for each of 2 members, as \"3:1\"\n");
  refuses(2, TRAIN "--device cpu --share 3:1 --out x.st",
          T "--share needs --devices or several ranks\n");
  refuses(2, TRAIN "--device cpu --devices cpu,cpu --out x.st",
          T "--device and --devices exclude each other\n");
  refuses(2, TRAIN "--devices cpu,cpu --folds 3 --out x.st",
          T "--folds and --devices exclude each other\n");
  refuses(
      1, TRAIN "--devices cpu,cpu --grains 1 --out x.st",
      T
      "2 members need as many grains, and there are 1: set grains to 2 when the training begins\n");
  refuses(1, TRAIN "--devices cpu,nothing --out x.st",
          T "rank 1 on this machine: no device is called \"nothing\"");
  const result r = run(TRAIN "--devices cpu,cpu64 --out x.st");
  ck_assert_int_eq(r.code, 1);
  ck_assert_msg(strstr(r.err, T "rank 1 on this machine differs from rank 0 on this machine: it "
                                "computes on cpu64, not on cpu") != NULL,
                "%s", r.err);
  ck_assert_int_ne(access("x.st", F_OK), 0);
  release(r);
}
END_TEST

int main(int argc, char **argv) {
  const TTest *const tests[] = {same_file,    checkpoints,   interrupted,
                                divided_rows, uneven_grains, refused};
  return program_main(argc, argv, "cli_devices", files, tests, sizeof tests / sizeof *tests);
}
