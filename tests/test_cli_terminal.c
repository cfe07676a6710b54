/* SPDX-License-Identifier: MIT */
/* test_cli_terminal.c: what the program `clflow` shows on a terminal while it works: lines that
 * are redrawn in place, and what remains. */
#define _GNU_SOURCE
#include "terminal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REDRAWN "\033[K"

static result shown(const char *command, int columns) {
  result r = run_on_terminal(command, columns, NULL);
  expect_code(command, &r, 0);
  return r;
}

/* Each of `texts` appears on the terminal. */
static void shows(const char *command, const char *text) {
  result r = shown(command, 200);
  expect_text(command, "the terminal", r.err, text);
  release(r);
}

/* The line of a training: redrawn, cut to the terminal's width, and removed at the end. */
START_TEST(training) {
  static const char command[] =
      "train --data moons:n=2000 --epochs 40 --batch 20 --valid-split 0.1 --out t.safetensors";
  result wide = shown(command, 200), narrow = shown(command, 20);
  expect_text(command, "the terminal", wide.err, "\repoch 1/40  train -");
  expect_text(command, "the terminal", wide.err, " samples/s");
  expect_text(command, "the terminal", wide.err, "clflow: auto takes cpu");
  ck_assert_str_eq(strrchr(wide.err, '\r'), "\r" REDRAWN);
  ck_assert_ptr_null(strstr(narrow.err, " samples/s"));
  expect_text(command, "the terminal", narrow.err, "\repoch 1/40  train -");
  const char *line = strstr(narrow.err, "\repoch ");
  ck_assert_int_eq(strcspn(line + 1, "\033"), 19);
  release(wide);
  release(narrow);
}
END_TEST

/* The remaining time of a long training, in hours. */
START_TEST(a_long_training) {
  static const char command[] = "train --data moons:n=100 --epochs 2000000000 --batch 20 --out "
                                "l.safetensors";
  result r = run_on_terminal(command, 200, " left");
  expect_code(command, &r, 1);
  const char *left = strstr(r.err, " left");
  int hours = 0, minutes = -1, seconds = -1;
  while (left[-1] != ' ') left--;
  ck_assert_msg(sscanf(left, "%d:%2d:%2d left", &hours, &minutes, &seconds) == 3, "%.60s", left);
  ck_assert_int_gt(hours, 1);
  ck_assert_int_lt(minutes, 60);
  ck_assert_int_lt(seconds, 60);
  expect_text(command, "the terminal", r.err, "clflow: train: stopped in epoch ");
  release(r);
}
END_TEST

/* How images were read is not saved, and printed again; weights alone cannot be resumed. */
START_TEST(how_to_go_on) {
#define LONG                                                                                       \
  "train --data glyphs:n=64,size=12 --preset tiny --size 8 --crop center --width 2 --blocks 1 "    \
  "--channels 1 --strict --epochs 1000000 --out cut.safetensors "
  result r = run_on_terminal(LONG, 200, "epoch ");
  expect_code(LONG, &r, 1);
  expect_text(LONG, "stderr", r.err,
              "to continue: clflow train --data glyphs:n=64,size=12 --crop center --channels 1 "
              "--strict --out cut.safetensors --resume\r\n");
  release(r);
  r = run_on_terminal(LONG "--weights-only --log cut.jsonl", 200, "epoch ");
  expect_code(LONG, &r, 1);
  expect_text(LONG, "stderr", r.err, "; cut.safetensors is saved\r\n");
  ck_assert_ptr_null(strstr(r.err, "to go on"));
  release(r);
#undef LONG
}
END_TEST

START_TEST(images) {
  shows("sample i.safetensors -n 70 --out s.npy", "\rsampling: 64 of 70 images" REDRAWN);
  shows("interpolate i.safetensors --data glyphs:n=9,size=8 --index 0,1,2,3 --grid 9 --out g.npy",
        "\rdecoding: 64 of 81 images" REDRAWN);
  shows("eval i.safetensors --data glyphs:n=1500,size=96 --crop center", "\rdecoding image ");
}
END_TEST

START_TEST(tuning) {
  write_text("shapes", "gemm 7 4 3\n");
  setenv("CLFLOW_CACHE_DIR", "tuned", 1);
  shows("tune --shapes shapes", "\rtuning 1 of 1: gemm(");
  result r = run("eval m.safetensors --data moons:n=9 --verbose");
  expect_code("eval", &r, 0);
  release(r);
}
END_TEST

START_TEST(benchmark) {
  static const char command[] =
      "bench --quick --time 0.001 --device cpu --ops gemm/256*,coupling/fwd/2-2-4*";
  result r = shown(command, 200);
  expect_text(command, "the terminal", r.err, "\r  1 of 2  what the devices do at best" REDRAWN);
  expect_text(command, "the terminal", r.err, "\r  2 of 2  ");
  expect_text(command, "the terminal", r.err, ", about ");
  release(r);
}
END_TEST

/* In a file an epoch that takes minutes, by a fast clock, has a line for each half minute. */
START_TEST(a_long_epoch) {
  static const char command[] =
      "train --data moons:n=20000 --epochs 1 --batch 20 --device cpu --out e.safetensors";
  setenv("LD_PRELOAD", CLF_FAST_CLOCK, 1);
  setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 1);
  result r = run(command);
  unsetenv("LD_PRELOAD");
  unsetenv("ASAN_OPTIONS");
  expect_code(command, &r, 0);
  int lines = 0, step, before = 0;
  double loss;
  for (const char *at = r.err; (at = strstr(at, "epoch 1/1, step ")); at++, lines++) {
    ck_assert_int_eq(sscanf(at, "epoch 1/1, step %d/900  train %lf", &step, &loss), 2);
    ck_assert_int_gt(step, before);
    before = step;
  }
  ck_assert_int_ge(lines, 1);
  ck_assert_int_le(lines, 300);
  expect_text(command, "standard error", r.err, "epoch 1/1  train -");
  release(r);
}
END_TEST

static void set_up(void) {
  unsetenv("CLFLOW_DEVICE");
  succeeds("train --data moons:n=100 --epochs 1 --out m.safetensors", "");
  succeeds("train --preset tiny --width 2 --blocks 1 --data glyphs:n=16,size=8 --epochs 1 --out "
           "i.safetensors",
           "");
}

int main(int argc, char **argv) {
  const TTest *const tests[] = {training, a_long_training, how_to_go_on, images,
                                tuning,   benchmark,       a_long_epoch};
  return program_main(argc, argv, "cli terminal", set_up, tests, sizeof tests / sizeof *tests);
}
