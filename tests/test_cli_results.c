/* SPDX-License-Identifier: MIT */
/* test_cli_results.c: what `clflow train` says about a training that went wrong, and which
 * weights it saves. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "program.h"

/* ---- Data ------------------------------------------------------------------------------------ */

/* Approximately N(0, 1): the sum of twelve uniform numbers, minus six. */
static double normal(void) {
  static uint64_t state = 1;
  double sum = -6;
  for (int i = 0; i < 12; i++) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    sum += (double)(state >> 11) / 9007199254740992.0;
  }
  return sum;
}

/* `rows` lines of two columns: a (normal, or 0 and 1 alternately) and b = mean + std * normal. */
static void write_rows(const char *path, int rows, int discrete, double mean, double std) {
  FILE *f = fopen(path, "w");
  ck_assert_ptr_nonnull(f);
  fputs("a,b\n", f);
  for (int i = 0; i < rows; i++)
    fprintf(f, "%.9g,%.9g\n", discrete ? i % 2 : normal(), mean + std * normal());
  fclose(f);
}

static void says(const result *r, const char *command, const char *what) {
  expect_text(command, "stderr", r->err, what);
}
static void is_silent_on(const result *r, const char *what) {
  ck_assert_msg(!strstr(r->err, what), "%s", r->err);
}

/* ---- Results -----------------------------------------------------------------------------------
 */

START_TEST(natural_units) {
  const char *command = "train --preset lecture --clip 10 --s-max 3 --data kelvin.csv --epochs 20 "
                        "--out k.safetensors";
  write_rows("kelvin.csv", 300, 0, 293, 5);
  result r = run(command);
  expect_code(command, &r, 0);
  says(&r, command,
       "the flow fits these rows worse than a Gaussian with independent columns, which has mean "
       "log p -4.3");
  says(&r, command, " nats: --standardize may help");
  release(r);
  r = run("train --preset lecture --clip 10 --s-max 3 --data kelvin.csv --epochs 20 --standardize "
          "--out k.safetensors");
  ck_assert_int_eq(r.code, 0);
  is_silent_on(&r, "Gaussian");
  release(r);
}
END_TEST

/* The number after `key` in the output of the program. */
static double number_after(const char *text, const char *key) {
  const char *at = strstr(text, key);
  ck_assert_msg(at != NULL, "%s lacks %s", text, key);
  return strtod(at + strlen(key), NULL);
}

START_TEST(diverged) {
  char want[128];
  const char *command = "train --preset lecture --clip 10 --s-max 3 --data moons:n=200 --lr 1000 "
                        "--epochs 50 --out d.safetensors";
  result r = run(command);
  expect_code(command, &r, 0);
  says(&r, command, "clflow: train: training diverged: mean log p -");
  says(&r, command,
       ": a smaller --lr, --clip or --s-max may help, or validation rows (--valid-split)");
  const int best = (int)number_after(r.err, "the model has the weights of epoch ");
  release(r);
  ck_assert_int_lt(best, 50);
  snprintf(want, sizeof want, "best      epoch %d, whose weights these are\n          -", best);
  succeeds("info d.safetensors", want);
  succeeds("info d.safetensors", " nats, its training loss; the last epoch's was much worse\n");
  r = run("info d.safetensors --json");
  ck_assert_int_eq((int)number_after(r.out, "\"best_epoch\": "), best);
  ck_assert_double_gt(number_after(r.out, "\"best_train\": "),
                      number_after(r.out, "\"train\": ") + 1);
  ck_assert_ptr_nonnull(strstr(r.out, "\"valid\": null"));
  release(r);
}
END_TEST

/* If validation was best at the end, more steps are suggested, but not if the step size fell to
 * 0, nor after a long training. */
START_TEST(validation_still_falling) {
  const char *command = "train --preset lecture --clip 10 --s-max 3 --data moons:n=200 --epochs 20 "
                        "--lr 0.001 --valid-split 0.2 "
                        "--standardize --out u.safetensors";
  const char *told =
      "the validation loss was still falling at the end; --resume --epochs 40 continues";
  char text[256];
  result r = run(command);
  expect_code(command, &r, 0);
  says(&r, command, told);
  release(r);
  snprintf(text, sizeof text, "%s --schedule cosine", command);
  r = run(text);
  expect_code(text, &r, 0);
  is_silent_on(&r, "still falling");
  release(r);
  command = "train --preset lecture --clip 10 --s-max 3 --data moons:n=30 --epochs 500 --lr 0.01 "
            "--hidden 128 --depth 6 --valid-split "
            "0.2 --standardize --out u.safetensors";
  r = run(command);
  expect_code(command, &r, 0);
  is_silent_on(&r, "still falling");
  release(r);
}
END_TEST

/* The first step is good, because its weights are, but not many more. */
START_TEST(not_finite_after_the_best_epoch) {
  char want[128];
  const char *command = "train --data moons:n=40 --hidden 8 --lr 3 --epochs 50 --clip 0 --s-max 0 "
                        "--valid-split 0.25 --out n.safetensors";
  result r = run(command);
  expect_code(command, &r, 1);
  const int best = (int)number_after(r.err, "; the flow has the weights of epoch ");
  says(&r, command,
       ", the best by its validation; a smaller lr, a clip or a bound s_max may keep them");
  snprintf(want, sizeof want, "clflow: train: n.safetensors holds the weights of epoch %d\n", best);
  says(&r, command, want);
  release(r);
  snprintf(want, sizeof want, "best      epoch %d, whose weights these are\n", best);
  succeeds("info n.safetensors", want);
  r = run("info n.safetensors --json");
  ck_assert_int_ge((int)number_after(r.out, "\"epochs\": "), best);
  release(r);
}
END_TEST

/* Nothing was learnt: an existing file is not replaced. */
START_TEST(not_finite_at_once) {
  const char *command =
      "train --preset lecture --clip 10 --s-max 3 --data huge.csv --out kept.safetensors";
  write_rows("huge.csv", 100, 0, 0, 1e30);
  succeeds("train --data moons:n=40 --epochs 1 --out kept.safetensors", "");
  succeeds("train --data moons:n=40 --epochs 1 --out same.safetensors", "");
  result r = run(command);
  expect_code(command, &r, 1);
  says(&r, command, "step 1 (epoch 1): the loss is ");
  says(&r, command,
       "; the flow has the weights it began with, before step 1; column 2 (b) has values "
       "as large as ");
  says(&r, command, "standardised data (--standardize) may keep them finite\n");
  says(&r, command,
       "clflow: train: kept.safetensors is not written: no step of this training was ");
  release(r);
  same_files("kept.safetensors", "same.safetensors");
}
END_TEST

/* A column with two values: the flow puts its mass on two lines. */
START_TEST(density_without_bound) {
  const char *command = "train --preset lecture --clip 10 --s-max 3 --data binary.csv --discrete "
                        "none --hidden 16 --depth 8 --lr 0.01 --epochs 250 --log "
                        "b.jsonl --out b.safetensors";
  write_rows("binary.csv", 1000, 1, 0, 1);
  result r = run(command);
  expect_code(command, &r, 0);
  says(&r, command, ": the density grows without bound: mean log p is ");
  says(&r, command,
       "; column 1 (a) has only 2 distinct values in 1000 rows, so it has no density: add "
       "noise of one step, 1, to it (--discrete 1)\n");
  release(r);
  char *log = read_file("b.jsonl", NULL);
  ck_assert_ptr_nonnull(strstr(log, ",\"unbounded\":\"epoch "));
  free(log);
}
END_TEST

/* The last occurrence of `what` in text. */
static const char *last_of(const char *text, const char *what) {
  const char *last = NULL;
  for (const char *at = text; (at = strstr(at, what)) != NULL; at++) last = at;
  ck_assert_msg(last != NULL, "%s lacks %s", text, what);
  return last;
}

/* After a signal, a file of weights only has those of the best epoch so far. */
START_TEST(stopped_by_a_signal) {
  POSIX_ONLY;
  const char *command = "train --data moons:n=200 --epochs 1000000 --lr 0.05 --valid-split 0.2 "
                        "--weights-only --log s.jsonl --out s.safetensors";
  char want[128], *log;
  const pid_t pid = start(command);
  nanosleep(&(struct timespec){.tv_nsec = 500000000}, NULL);
  suite_kill(pid, SIGTERM);
  result r = finish(pid);
  expect_code(command, &r, 1);
  says(&r, command, "; s.safetensors is saved\n");
  release(r);
  log = read_file("s.jsonl", NULL);
  const char *best = last_of(log, "\"best\":true"), *line = best;
  while (line > log && line[-1] != '\n') line--;
  snprintf(want, sizeof want, "\nbest      epoch %d, whose weights these are\n",
           (int)number_after(line, "{\"epoch\":"));
  succeeds("info s.safetensors", want);
  ck_assert_int_gt(strtol(last_of(log, "{\"epoch\":") + 9, NULL, 10), 1);
  free(log);
}
END_TEST

/* ---- Defaults that keep trainings from diverging -----------------------------------------------
 */

static void info_says(const char *model, int s_max, int clip) {
  char command[64];
  snprintf(command, sizeof command, "info %s", model);
  result r = run(command);
  ck_assert_msg(!strstr(r.out, "\ns-max ") == !s_max, "%s", r.out);
  ck_assert_msg(!strstr(r.out, "\ns-max     3\n") == !s_max, "%s", r.out);
  ck_assert_msg(!strstr(r.out, " --clip ") == !clip, "%s", r.out);
  ck_assert_msg(!strstr(r.out, " --clip 10") == !clip, "%s", r.out);
  release(r);
}

START_TEST(bounds) {
  write_text("one.csv", "1\n2\n4\n3\n");
  succeeds("train --data moons:n=40 --epochs 1 --out m.safetensors", "");
  info_says("m.safetensors", 1, 1);
  succeeds("train --data moons:n=40 --flow nice --epochs 1 --out m.safetensors", "");
  info_says("m.safetensors", 0, 1);
  succeeds("train --data one.csv --epochs 1 --out m.safetensors", "");
  info_says("m.safetensors", 0, 1);
  succeeds("train --preset lecture --data moons:n=40 --epochs 1 --out m.safetensors", "");
  info_says("m.safetensors", 0, 0);
  succeeds("train --data moons:n=40 --epochs 1 --s-max 0 --clip 0 --schedule constant "
           "--out off.safetensors",
           "");
  info_says("off.safetensors", 0, 0);
  succeeds("train --data moons:n=40 --epochs 1 --init off.safetensors --out m.safetensors", "");
  info_says("m.safetensors", 0, 1); /* the model's bound, and a separate training */
  succeeds("train --data moons:n=40 --epochs 2 --resume --out off.safetensors", "");
  info_says("off.safetensors", 0, 0);
}
END_TEST

int main(int argc, char **argv) {
  const TTest *const tests[] = {natural_units,
                                diverged,
                                validation_still_falling,
                                not_finite_after_the_best_epoch,
                                not_finite_at_once,
                                density_without_bound,
                                stopped_by_a_signal,
                                bounds};
  return program_main(argc, argv, "cli results", NULL, tests, sizeof tests / sizeof *tests);
}
