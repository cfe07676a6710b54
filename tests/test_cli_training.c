/* SPDX-License-Identifier: MIT */
/* test_cli_training.c: defaults of `clflow train`, --valid, --test and --folds. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "clflow/clflow.h"
#include "program.h"

#define CPU "--device cpu "
enum { ROWS = 90, APART = 30, FOLDS = 3 };

/* ---- Files ---------------------------------------------------------------------------------- */

typedef struct row {
  double a, b, c, w;
} row;

/* A row by its number: b depends on the context c; w is its weight. */
static row row_of(int i) {
  const double u = (i * 37 % 101 + 0.5) / 101, v = (i * 53 % 97 + 0.5) / 97;
  return (row){log(u / (1 - u)), log(v / (1 - v)) + i % 3, i % 3, 1 + i % 2};
}

/* Rows first .. last - 1 in part k (or not in it, with `in` 0; NULL: all). */
static int write_rows(const char *path, const char *columns, int first, int last, const int *part,
                      int k, int in) {
  FILE *f = fopen(path, "w");
  int n = 0;
  ck_assert_ptr_nonnull(f);
  for (const char *p = columns; *p; p++) fprintf(f, "%s%c", p == columns ? "" : ",", *p);
  fputc('\n', f);
  for (int i = first; i < last; i++) {
    const row r = row_of(i);
    if (part && (part[i] == k) != in) continue;
    n++;
    for (const char *p = columns; *p; p++)
      fprintf(f, "%s%.17g", p == columns ? "" : ",",
              *p == 'a'   ? r.a
              : *p == 'b' ? r.b
              : *p == 'c' ? r.c
              : *p == 'w' ? r.w
                          : 7);
    fputc('\n', f);
  }
  fclose(f);
  return n;
}

static void files(void) {
  write_rows("all.csv", "abcw", 0, ROWS, NULL, 0, 0);
  write_rows("more.csv", "abcw", ROWS, ROWS + APART, NULL, 0, 0);
  write_rows("mixed.csv", "wxcba", ROWS, ROWS + APART, NULL, 0, 0);
  write_rows("lacks.csv", "abw", ROWS, ROWS + APART, NULL, 0, 0);
}

static double number_after(const char *text, const char *key) {
  const char *at = strstr(text, key);
  ck_assert_msg(at != NULL, "%s lacks %s", text, key);
  return strtod(at + strlen(key), NULL);
}

/* ---- Rows of their own -----------------------------------------------------------------------
 */

#define FLOW                                                                                       \
  "--flow 2:(coupling(affine,mlp(8x1,tanh,separate=1)))*2->normal --given c --weights w " CPU      \
  "--steps 40 --valid-every 10 --batch 20 "

/* Scores of validation and test rows are the weighted mean of log-prob's output; columns are
 * matched by name, and unknown ones ignored. */
START_TEST(valid_and_test) {
  static const char *const names[] = {"more.csv", "mixed.csv"};
  double valid[2], test[2];
  for (int k = 0; k < 2; k++) {
    char command[400];
    snprintf(command, sizeof command,
             "train --data all.csv " FLOW "--valid %s --test %s --log t%d.jsonl --out t%d",
             names[k], names[k], k, k);
    result r = run(command);
    expect_code(command, &r, 0);
    valid[k] = number_after(r.out, "\nheld-out rows        ");
    test[k] = number_after(r.out, "\ntest rows            ");
    expect_text(command, "stdout", r.out, " nats, best at step ");
    expect_text(command, "stdout", r.out, ", over all 30\n");
    release(r);
  }
  ck_assert_double_eq(valid[0], valid[1]);
  ck_assert_double_eq(test[0], test[1]);
  ck_assert_double_eq_tol(valid[0], test[0], 2e-6); /* the same rows, under the best weights */
  result r = run("log-prob t0 --data more.csv --drop w " CPU "--out -");
  ck_assert_int_eq(r.code, 0);
  double sum = 0, all = 0, square = 0, logp[APART];
  const char *at = strchr(r.out, '\n');
  for (int i = 0; i < APART; i++, at = strchr(at + 1, '\n')) {
    const double w = row_of(ROWS + i).w;
    logp[i] = strtod(at + 1, NULL);
    sum += w * logp[i];
    all += w;
  }
  ck_assert_double_eq_tol(sum / all, test[0], 2e-6);
  for (int i = 0; i < APART; i++) square += pow(row_of(ROWS + i).w * (logp[i] - sum / all), 2);
  release(r);
  char *log = read_file("t0.jsonl", NULL);
  ck_assert_double_eq_tol(number_after(log, "\"test\":"), test[0], 1e-6);
  ck_assert_double_eq_tol(number_after(log, "\"test_se\":"), sqrt(square) / all, 1e-5);
  ck_assert_ptr_nonnull(strstr(log, "\"rows\":30"));
  free(log);
}
END_TEST

START_TEST(rows_that_are_refused) {
  refuses(1, "train --data all.csv " FLOW "--valid lacks.csv --out never",
          "clflow: train: lacks.csv: no column is named \"c\"");
  refuses(1, "train --data all.csv " FLOW "--test lacks.csv --out never",
          "clflow: train: lacks.csv: no column is named \"c\"");
  refuses(1, "train --data all.csv --valid none.csv --out never", "none.csv");
  succeeds("train --data all.csv " FLOW "--out c", "");
  refuses(1, "train --data lacks.csv --weights w --init c --out never",
          "lacks.csv has no column \"c\", which is part of the context of the model c; --given");
  refuses(2,
          "train --data lacks.csv --drop w --flow 2:lu->normal --given more.csv --valid all.csv "
          "--out never",
          "--given more.csv only has the context of the rows of --data: with --valid, give "
          "names of columns");
}
END_TEST

/* ---- Folds ------------------------------------------------------------------------------------
 */

/* The parts as the program draws them. */
static void draw(int part[ROWS]) {
  uint8_t of[ROWS];
  int64_t left = ROWS;
  for (int i = 0; i < ROWS; i++) part[i] = FOLDS - 1;
  for (int k = 0; k + 1 < FOLDS; k++) {
    const int64_t wanted = left / (FOLDS - k);
    WORKS(clf_split_rows(left, (double)wanted / (double)left, 0, 3 + (uint64_t)k, of));
    for (int i = 0, at = 0; i < ROWS; i++)
      if (part[i] == FOLDS - 1 && of[at++] == CLF_ROW_VALID) part[i] = k;
    left -= wanted;
  }
}

static int by_size(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

/* Each fold is a training on the other rows, and the last training has all rows. */
START_TEST(folds_are_trainings) {
  int part[ROWS], steps[FOLDS];
  double sum = 0;
  const char *command = "train --data all.csv --drop w --seed 3 " CPU
                        "--flow 2:(coupling(affine,mlp(8x1,tanh)))*2->normal --given c --lr 0.05 "
                        "--steps 60 --valid-every 5 --batch 20 --folds 3 --log f.jsonl --out f";
  result r = run(command);
  expect_code(command, &r, 0);
  const double mean = number_after(r.out, "folds                3: held-out log-likelihood ");
  const int wanted = (int)number_after(r.out, "\nsteps                ");
  ck_assert_double_gt(number_after(r.out, " nats, standard error "), 0);
  release(r);
  draw(part);
  for (int k = 0; k < FOLDS; k++) {
    char line[400];
    write_rows("rest.csv", "abc", 0, ROWS, part, k, 0);
    const int n = write_rows("fold.csv", "abc", 0, ROWS, part, k, 1);
    ck_assert_int_eq(n, ROWS / FOLDS);
    snprintf(line, sizeof line,
             "train --data rest.csv --seed 3 " CPU
             "--flow 2:(coupling(affine,mlp(8x1,tanh)))*2->normal --given c --lr 0.05 "
             "--steps 60 --valid-every 5 --batch 20 --valid fold.csv --out one");
    r = run(line);
    expect_code(line, &r, 0);
    sum += number_after(r.out, "\nheld-out rows        ") * n;
    steps[k] = (int)number_after(r.out, ", best at step ");
    release(r);
  }
  qsort(steps, FOLDS, sizeof *steps, by_size);
  ck_assert_int_eq(wanted, steps[FOLDS / 2]);
  ck_assert_double_eq_tol(mean, sum / ROWS, 2e-6);
  char line[400];
  snprintf(line, sizeof line,
           "train --data all.csv --drop w --seed 3 " CPU
           "--flow 2:(coupling(affine,mlp(8x1,tanh)))*2->normal --given c --lr 0.05 "
           "--steps %d --valid-every 5 --batch 20 --valid-split 0 --warmup 6 --out whole",
           wanted);
  succeeds(line, "mean log-likelihood ");
  same_files("f", "whole");
  char *log = read_file("f.jsonl", NULL);
  ck_assert_ptr_nonnull(strstr(log, "{\"fold\":3,\"rows\":30,\"valid\":"));
  ck_assert_double_eq_tol(number_after(log, "{\"folds\":3,\"valid\":"), mean, 1e-6);
  free(log);
}
END_TEST

/* ---- Defaults ---------------------------------------------------------------------------------
 */

static void resumes(const char *train, const char *options) {
  char command[300], line[400];
  snprintf(command, sizeof command, "train --data %s " CPU "--out d --force", train);
  result r = run(command);
  expect_code(command, &r, 0);
  release(r);
  snprintf(line, sizeof line, "\nresume    yes: %s\n", options);
  succeeds("info d", line);
}

START_TEST(defaults) {
  resumes("moons:n=300 --steps 20 --valid-every 10",
          "--steps 20 --batch 256 --lr 0.005 --schedule cosine --valid-split 0.1 --seed 1 "
          "--standardize --valid-every 10 --clip 10 --warmup 2");
  resumes("moons:n=300 --epochs 2", "--epochs 2 --batch 256 --lr 0.005 --schedule cosine "
                                    "--valid-split 0.1 --seed 1 --standardize --clip 10");
  resumes("moons:n=300 --epochs 2 --preset lecture", "--epochs 2 --batch 100 --lr 0.01 --seed 1");
  resumes("moons:n=4 --steps 10", "--steps 10 --batch 256 --lr 0.005 --schedule cosine --seed 1 "
                                  "--standardize --valid-every 50 --clip 10 --warmup 1 --part 4");
  resumes("moons:n=300 --steps 10 --flow 2:lu->normal",
          "--steps 10 --batch 256 --lr 0.002 --schedule cosine --valid-split 0.1 --seed 1 "
          "--valid-every 50 --clip 10 --warmup 1");
  resumes("moons:n=300 --steps 10 --preset maf",
          "--steps 10 --batch 200 --lr 0.0005 --schedule cosine --valid-split 0.1 --seed 1 "
          "--valid-every 50 --clip 5 --warmup 1");
  const char *command = "train --dry-run --data moons:n=50 " CPU;
  succeeds(command, "flow                 nvp, 2 columns, hidden 64, depth 8; ");
  command = "train --dry-run --preset lecture --data moons:n=50 " CPU;
  succeeds(command, "flow                 nvp, 2 columns, hidden 2, depth 4; ");
}
END_TEST

/* The lecture's options give the library's training with the same options. */
START_TEST(the_lecture) {
  clf_device *dev = NULL;
  clf_flow *flow = NULL;
  clf_trainer *trainer = NULL;
  clf_table data;
  clf_train_options o = clf_train_options_default();
  clf_flow_spec spec = clf_flow_spec_default(CLF_NVP, 2);
  succeeds("train --preset lecture --epochs 3 --data moons:n=300 " CPU "--out program", "");
  o.epochs = 3;
  spec.seed = o.seed = 1;
  WORKS(clf_open("cpu", &dev));
  WORKS(clf_table_read("moons:n=300", &data));
  WORKS(clf_flow_create(dev, &spec, &flow));
  WORKS(clf_trainer_create(flow, &data, &o, &trainer));
  WORKS(clf_trainer_run(trainer, NULL, NULL));
  WORKS(clf_trainer_save(trainer, "library"));
  clf_trainer_free(trainer);
  clf_flow_free(flow);
  clf_table_free(&data);
  clf_close(dev);
  same_files("program", "library");
}
END_TEST

/* The reason is printed, logged and saved. */
START_TEST(an_early_end) {
  const char *command = "train --data moons:n=100 " CPU
                        "--steps 500 --valid-every 5 --patience 4 --lr 0.1 --log e.jsonl --out e";
  result r = run(command);
  expect_code(command, &r, 0);
  expect_text(command, "stderr", r.err, "clflow: train: training ends early, after step ");
  expect_text(command, "stderr", r.err, " of 500: no validation was better in the last 4\n");
  release(r);
  command = "train --data moons:n=100 " CPU "--resume --out e";
  r = run(command);
  expect_code(command, &r, 0);
  expect_text(command, "stderr", r.err,
              "clflow: train: e ended early, since 4 validations in a row were no better; --init e "
              "starts a new training from its weights\n");
  release(r);
  succeeds("info e", "\nended     early, as 4 validations in a row were no better\n");
  succeeds("info e --json", "\"early\": 4");
  char *log = read_file("e.jsonl", NULL);
  ck_assert_ptr_nonnull(strstr(log, "\"ended\":\"training ends early, after step "));
  ck_assert_ptr_nonnull(strstr(log, "\"lr\":"));
  free(log);
  succeeds("train --data moons:n=100 " CPU "--steps 30 --valid-split 0 --ema 0.9 --out a", "");
  succeeds("info a", "\nweights   averaged over steps (--ema)\n");
}
END_TEST

/* Test rows outside the support are counted, and the others scored. */
START_TEST(test_rows_of_zero_density) {
  static const char wanted[] = "test rows            -inf nats, 1 of zero density; without them "
                               "-1.386294 nats, standard error 0.000000, over all 3\n";
  char text[256] = "a,b\n";
  for (int i = 0; i < 9; i++)
    snprintf(text + strlen(text), sizeof text - strlen(text), "0.%d,-0.%d\n", i, i * 7 % 9);
  write_text("inside.csv", text);
  write_text("three.csv", "a,b\n0,0\n0.5,-0.5\n3,0\n");
  write_text("box.txt", "2: lu -> box(-1,1)\n");
#define BOX                                                                                        \
  "--data inside.csv --flow @box.txt --steps 1 --lr 1e-12 --no-standardize --test three.csv "
  succeeds("train " BOX "--out box", wanted);
  succeeds("sweep " BOX "--seeds 1 --out swept", wanted);
}
END_TEST

int main(int argc, char **argv) {
  const TTest *const tests[] = {
      valid_and_test, rows_that_are_refused, folds_are_trainings,      defaults,
      the_lecture,    an_early_end,          test_rows_of_zero_density};
  return program_main(argc, argv, "cli training", files, tests, sizeof tests / sizeof *tests);
}
