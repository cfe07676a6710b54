/* SPDX-License-Identifier: MIT */
/* training.c: train and tune: results, continuing, interruption, errors. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include "cli/values.h"
#include "program.h"

/* The log of 4 epochs of 3 steps, with validation rows. */
static void check_log(char *log) {
  int epochs = 0, losses = 0;
  char *save = NULL;
  for (char *line = strtok_r(log, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
    json_t *object = json_loads(line, 0, NULL);
    ck_assert_msg(object != NULL, "no JSON: %s", line);
    const json_t *list = json_object_get(object, "losses");
    if (list) {
      ck_assert_int_eq(integer_at(object, "first_step"), losses);
      losses += (int)json_array_size(list);
    } else {
      ck_assert_int_eq(integer_at(object, "epoch"), ++epochs);
      ck_assert_int_eq(integer_at(object, "step"), 3 * epochs);
      ck_assert(json_is_real(json_object_get(object, "valid")));
    }
    json_decref(object);
  }
  ck_assert_int_eq(epochs, 4);
  ck_assert_int_eq(losses, 12);
}

START_TEST(test_train) {
  const char *command = "train --data moons:n=200 --out t.safetensors --epochs 4 --batch 50 "
                        "--valid-split 0.25 --standardize --log t.jsonl --plot t.png "
                        "--plot-curve c.png";
  result r = run(command);
  expect_code(command, &r, 0);
  expect_text(command, "stdout", r.out, "device               cpu");
  expect_text(command, "stdout", r.out, "\nheld-out rows        ");
  expect_text(command, "stdout", r.out, " steps of ");
  expect_text(command, "stdout", r.out, "model                t.safetensors\n");
  expect_text(command, "stderr", r.err, "epoch 1/4  train ");
  expect_text(command, "stderr", r.err, "epoch 4/4  train ");
  release(r);
  is_png("t.png");
  is_png("c.png");
  char *log = read_file("t.jsonl", NULL);
  check_log(log);
  free(log);
  json_t *info = json_of("info t.safetensors --json");
  ck_assert_uint_eq(json_array_size(json_object_get(json_object_get(info, "scaling"), "mean")), 2);
  ck_assert_int_ge(integer_at(json_object_get(info, "history"), "best_epoch"), 1);
  json_decref(info);
}
END_TEST

START_TEST(test_piecewise) {
  char text[4096] = "x\n";
  for (int i = 0; i < 200; i++)
    snprintf(text + strlen(text), sizeof text - strlen(text), "%d\n", i * i % 97);
  write_text("one.csv", text);
  succeeds("train --data one.csv --discrete none --out p.safetensors --epochs 2 --bins 8",
           "8 bins from -");
  succeeds("info p.safetensors", "\ntails     none\n");
  json_t *info = json_of("info p.safetensors --json");
  ck_assert_double_eq_tol(real_at(json_object_get(info, "spec"), "xmin"), 0, 1e-4);
  ck_assert_double_lt(real_at(json_object_get(info, "spec"), "xmin"), 0);
  ck_assert_double_eq_tol(real_at(json_object_get(info, "spec"), "xmax"), 96, 1e-4);
  ck_assert_double_gt(real_at(json_object_get(info, "spec"), "xmax"), 96);
  json_decref(info);
  succeeds(
      "train --data one.csv --out q.safetensors --epochs 1 --xmin -1 --xmax 100 --tails linear",
      "100 bins from -1 to 100");
  succeeds("info q.safetensors", "interval  -1 to 100\ntails     linear\n");
  succeeds("eval p.safetensors --data one.csv", "samples              200\n");
  refuses(2, "train --data one.csv --out never.safetensors --hidden 3",
          "--hidden has no meaning for the preset piecewise");
  refuses(2, "eval p.safetensors --data one.csv --xmin 0", "--xmin and --xmax go together");
  refuses(2, "eval p.safetensors --data one.csv --xmin 3 --xmax 1",
          "--xmin 3 must be below --xmax 1");
}
END_TEST

START_TEST(test_init) {
  succeeds(
      "train --data moons:n=200 --init m.safetensors --out i.safetensors --epochs 1 --lr 0.001",
      "flow                 nvp, 2 columns, hidden 4, depth 2; ");
  refuses(2, "train --data moons --init m.safetensors --hidden 8 --out never.safetensors",
          "--hidden 8 does not agree with m.safetensors, which has 4; leave it out");
  refuses(2, "train --data moons --init m.safetensors --flow nice --out never.safetensors",
          "--flow nice does not agree with m.safetensors, which has nvp; leave it out");
  refuses(2, "train --data moons --init m.safetensors --resume --out i.safetensors",
          "--init and --resume exclude each other");
}
END_TEST

START_TEST(test_resume_refusals) {
  succeeds("train --data moons:n=200 --out w.safetensors --epochs 1 --weights-only", "");
  succeeds("info w.safetensors", "resume    no: the file holds weights only\n");
#define RESUME "train --resume --data moons:n=200 "
  refuses(1, RESUME "--out never.safetensors", "there is no never.safetensors to resume");
  refuses(1, RESUME "--out w.safetensors", "clflow: train: w.safetensors: ");
  refuses(2, RESUME "--out m.safetensors --batch 10",
          "--batch 10 does not agree with m.safetensors, which has 50; leave it out");
  refuses(2, RESUME "--out m.safetensors --no-shuffle", "--no-shuffle does not agree with");
  refuses(2, RESUME "--out m.safetensors --depth 9", "--depth 9 does not agree with");
  refuses(2, RESUME "--out m.safetensors --epochs 2",
          "--epochs 2 is less than the 3 of the training in m.safetensors");
#undef RESUME
}
END_TEST

START_TEST(test_extend) {
#define SMALL                                                                                      \
  "train --data moons:n=200 --seed 5 --batch 30 --valid-split 0.2 --schedule constant --warmup 0 "
  succeeds(SMALL "--epochs 6 --out whole.safetensors", "");
  succeeds(SMALL "--epochs 2 --out parts.safetensors", "");
  succeeds("train --data moons:n=200 --resume --epochs 6 --out parts.safetensors", "");
  succeeds(SMALL "--epochs 6 --save-every 1e-9 --out often.safetensors", "");
  succeeds("sample whole.safetensors -n 50 --out whole.csv", "");
  succeeds("sample parts.safetensors -n 50 --out parts.csv", "");
  same_files("whole.csv", "parts.csv");
  same_files("whole.safetensors", "parts.safetensors");
  same_files("whole.safetensors", "often.safetensors");
#undef SMALL
}
END_TEST

static int is_empty(const char *path) {
  struct stat at;
  return stat(path, &at) != 0 || at.st_size == 0;
}

START_TEST(test_interrupt) {
  POSIX_ONLY;
#define LONG "train --data moons:n=500 --batch 20 --hidden 16 --epochs 400 --seed 9 "
  succeeds(LONG "--out straight.safetensors", "");
  write_text("cut.jsonl", "");
  const pid_t pid = start(LONG "--out cut.safetensors --log cut.jsonl");
  for (int tries = 0; is_empty("cut.jsonl") && tries < 60000; tries++)
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  suite_kill(pid, SIGINT);
  result r = finish(pid);
  expect_code("train, interrupted", &r, 1);
  expect_text("train, interrupted", "stderr", r.err, "clflow: train: stopped in epoch ");
  expect_text("train, interrupted", "stderr", r.err,
              "to continue: clflow train --data moons:n=500 --out cut.safetensors --resume\n");
  release(r);
  succeeds("info cut.safetensors", "resume    yes: --epochs 400 --batch 20 ");
  succeeds("train --data moons:n=500 --out cut.safetensors --resume", "");
  succeeds("sample straight.safetensors -n 100 --out straight.csv", "");
  succeeds("sample cut.safetensors -n 100 --out cut.csv", "");
  same_files("straight.csv", "cut.csv");
  same_files("straight.safetensors", "cut.safetensors");
#undef LONG
}
END_TEST

START_TEST(test_not_finite) {
  const char *command =
      "train --data moons:n=200 --out nan.safetensors --lr 1000 --clip 0 --s-max 0";
  result r = run(command);
  expect_code(command, &r, 1);
  expect_text(command, "stderr", r.err, "clflow: train: nan.safetensors is not written: no step");
  release(r);
  refuses(1, "info nan.safetensors", "nan.safetensors: cannot be read: No such file or directory");
}
END_TEST

/* Choices go to a folder that no other test reads. */
START_TEST(test_tune) {
  char *before = suite_setenv("CLFLOW_CACHE_DIR", "tuned");
  write_text("shapes", "# of a flow\ngemm\t70 40 30 ta\nconv 2 4 5 3 8 3\n\n");
  succeeds("tune --shapes shapes", "gemm(r[30,70,1,1] r[30,40,1,1] - u[70,40,1,1]), 1 call\n");
  succeeds("tune --flow realnvp --preset tiny --size 8x8 --batch 4",
           " shapes run faster with another algorithm");
  succeeds("tune --flow nvp --dim 9 --hidden 600 --depth 2 --batch 20",
           "nothing to choose: none of these operations has several algorithms on this device");
  succeeds("tune --flow 4:(coupling(add,mlp(300x2)),lu)*2->normal --batch 64", "");
  succeeds("tune --flow 4x4x2:pixels,squeeze,glowstep(width=8)->normal --batch 8", "");
  succeeds("tune --flow maf(hidden=200) --dim 3 --batch 64", "");
  refuses(2, "tune --flow maf(hidden=200 --dim 3", "the parenthesis is not closed");
  refuses(2, "tune --flow tiny", "tiny is one of realnvp's presets: --flow realnvp --preset tiny");
  refuses(2, "tune --flow noves", "there is no preset");
  refuses(2, "tune --flow 4:lou->normal", "lou");
  succeeds("tune --flow piecewise --dim 1 --batch 20",
           "nothing to choose: none of these operations has several algorithms on this device");
  /* The rest of a long line is not a separate line. */
  char text[1024];
  snprintf(text, sizeof text, "# %600d\ngemm 3 4 5 %400s\n", 1, "");
  write_text("shapes", text);
  refuses(1, "tune --shapes shapes", "shapes, line 2: \"gemm 3 4 5 ");
  write_text("shapes", "gemm 70 40\n");
  refuses(1, "tune --shapes shapes",
          "shapes, line 1: \"gemm 70 40\" is neither \"gemm M N K [ta] [tb]\" nor \"conv N H W "
          "CIN COUT K\"");
  write_text("shapes", "gemm 70 40 30 tc\n");
  refuses(1, "tune --shapes shapes", "shapes, line 1: \"gemm 70 40 30 tc\" is neither");
  write_text("shapes", "gemm 70 40 4294967297\n"); /* not taken for 1 */
  refuses(1, "tune --shapes shapes", "shapes, line 1: \"gemm 70 40 4294967297\" is neither");
  write_text("shapes", "conv 1 8 8 4 4 3 3\n");
  refuses(1, "tune --shapes shapes", "shapes, line 1: \"conv 1 8 8 4 4 3 3\" is neither");
  write_bytes("shapes", "gemm 1 2 3\n\0", 12);
  refuses(1, "tune --shapes shapes", "shapes, line 2 holds a NUL byte");
  refuses(1, "tune --shapes /", "/ cannot be read");
  refuses(1, "tune --shapes /dev/zero", "/dev/zero, line 1 holds a NUL byte");
  refuses(1, "tune --shapes none", "none cannot be opened");
  refuses(2, "tune model --shapes none", "--shapes and a model exclude each other");
  refuses(1, "tune --device cpu64", "cpu64 has no choice of algorithms");
  suite_putenv_back("CLFLOW_CACHE_DIR", before);
}
END_TEST

void tests_of_training(TCase *tc) {
  tcase_add_test(tc, test_train);
  tcase_add_test(tc, test_tune);
  tcase_add_test(tc, test_piecewise);
  tcase_add_test(tc, test_init);
  tcase_add_test(tc, test_resume_refusals);
  tcase_add_test(tc, test_extend);
  tcase_add_test(tc, test_interrupt);
  tcase_add_test(tc, test_not_finite);
}
