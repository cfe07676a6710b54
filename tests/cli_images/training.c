/* SPDX-License-Identifier: MIT */
/* training.c: training: presets, the same bits, dry runs, logs, arrays of floats. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "clflow/clflow.h"
#include "cli_images/images.h"
#include "program.h"

static void has_text(const char *path, const char *wanted) {
  char *text = read_file(path, NULL);
  expect_text(path, "the file", text, wanted);
  free(text);
}

static void has_shape(const char *path, const char *shape) {
  char *file = read_file(path, NULL);
  expect_text(path, "the header", file + 10, shape);
  free(file);
}

START_TEST(test_presets) {
  result r = run("help presets");
  for (int i = 0; i < clf_preset_count(); i++) {
    char line[32];
    snprintf(line, sizeof line, "\n  %-20s", clf_preset_at(i)->name);
    expect_text("help presets", "stdout", r.out, line);
  }
  expect_text("help presets", "stdout", r.out,
              "\n  mnist                 28 x 28 grey (3 scales, width 32, 4 blocks, batch 64)\n");
  release(r);
  succeeds("train --data glyphs --dry-run",
           "images of 16 x 16 x 1, preset lecture, 3 scales, width "
           "32, 4 blocks; ");
  succeeds("train --data glyphs:size=10 --dry-run", "preset tiny, 2 scales, width 16, 2 blocks; ");
  succeeds("train --flow realnvp --width 2 --dry-run",
           "\ndata                 10000 images of glyphs\n");
  succeeds("train --preset mnist --width 2 --dry-run", " images of glyphs:size=28,channels=1\n");
  succeeds("train --preset celeba --data glyphs:n=9,size=200 --width 2 --dry-run",
           "images of 64 x 64 x 3, preset celeba, 5 scales, width 2, 2 blocks; ");
}
END_TEST

START_TEST(test_bits) {
  succeeds(SMALL "--out again.safetensors --plot again.png",
           "model                again.safetensors\n");
  same_files("m.safetensors", "again.safetensors");
  succeeds(SMALL "--out often.safetensors --save-every 1e-9", "");
  same_files("m.safetensors", "often.safetensors");
  succeeds("train --preset tiny --width 4 --blocks 1 --data " DATA
           " --epochs 1 --seed 3 --out half.safetensors",
           "");
  succeeds("train --data " DATA " --resume --epochs 2 --out half.safetensors", "");
  same_files("m.safetensors", "half.safetensors");
  ck_assert_int_eq(access("again.png", F_OK) + access("again-curve.png", F_OK), 0);
}
END_TEST

START_TEST(test_dry_run) {
  const char *command =
      SMALL "--out never.safetensors --log never.jsonl --plot never.png --dry-run";
  result r = run(command);
  expect_code(command, &r, 0);
  expect_text(command, "stdout", r.out, "flow                 realnvp, images of 8 x 8 x 1, ");
  expect_text(command, "stdout", r.out, "\nactivations          ");
  expect_text(command, "stdout", r.out, ", batches of 64\ndry run              nothing was ");
  release(r);
  ck_assert_int_ne(access("never.safetensors", F_OK), 0);
  ck_assert_int_ne(access("never.jsonl", F_OK), 0);
  ck_assert_int_ne(access("never.png", F_OK), 0);
  succeeds("train --data moons --dry-run",
           "flow                 nvp, 2 columns, hidden 64, depth 8; ");
  succeeds("train --data " DATA " --preset tiny --part 16 --dry-run",
           " in parts of 16; batch normalisation has the statistics of each part\n");
  succeeds("train --data " DATA " --preset tiny --part 16 --norm none --dry-run",
           " in parts of 16\n");
}
END_TEST

START_TEST(test_log) {
  const char *command = SMALL "--valid-split 0.25 --recalibrate --out v.safetensors --log v.jsonl "
                              "--plot-curve v.png";
  result r = run(command);
  expect_code(command, &r, 0);
  expect_text(command, "stderr", r.err, " bits/dim  gradient ");
  expect_text(command, "stdout", r.out, ", over all 64 images, before recalibration\nbits/dim  ");
  expect_text(command, "stdout", r.out, " bits/dim, best in epoch ");
  release(r);
  has_text("v.jsonl", "{\"first_step\":0,\"bits_per_dim\":[8.");
  has_text("v.jsonl", "{\"epoch\":1,\"step\":1,\"train_bits_per_dim\":8.");
  has_text("v.jsonl", "\"valid_bits_per_dim\":8.");
  has_text("v.jsonl", "\"grad_norm\":");
  ck_assert_int_eq(access("v.png", F_OK), 0);
  succeeds("info v.safetensors", "\nbest      epoch ");
}
END_TEST

START_TEST(test_variants) {
  succeeds(SMALL "--compat paper --mask even --norm none --levels 256 --alpha 0.01 --clip 0 --flip "
                 "--eps-form textbook --out p.safetensors",
           "");
  succeeds("info p.safetensors",
           "alpha     0.01\naffine    scale-first\nlogit     paper\nmask      "
           "even\nnorm      none\n");
  succeeds("info p.safetensors", " --lr 0.001 --seed 3 --l2 5e-05 --drops 3 --flip\n");
  succeeds("info m.safetensors",
           "images    8 x 8 x 1, 256 levels\nscales    2\nwidth     4\nblocks  "
           "  1\nalpha     0.05\naffine    shift-first\nlogit     code\n");
  succeeds("info m.safetensors --batch 32", " to train by batches of 32: parameters ");
  succeeds("info m.safetensors --batch 32 --json", "\"bn_rho\": 0.0");
  succeeds("train --init m.safetensors --data " DATA " --epochs 1 --out i.safetensors",
           "images of 8 x 8 x 1, 2 scales, width 4, 1 block; ");
  succeeds("train --init m.safetensors --data glyphs:n=64,size=20 --crop center --epochs 1 --out "
           "j.safetensors",
           "over all 64 images\n");
}
END_TEST

/* A table of (N, H, W, C) floats is x itself. */
START_TEST(test_continuous) {
  write_noise("flat.npy", N, 0.5);
  succeeds("train --preset tiny --width 2 --data flat.npy --size 8 --epochs 1 --out c.safetensors",
           "over all 64 samples\n");
  succeeds("eval c.safetensors --data flat.npy", "images               64\n");
}
END_TEST

/* Arrays of floats, (N, H, W, C) and (N, C, H, W). */
START_TEST(test_orders) {
  enum { H = 4, W = 2, C = 3, CUBE = 3 };
  double at[N * H * W * C];
  for (int i = 0; i < N * H * W * C; i++) at[i] = sin(i) * (1 + i % C);
#define MAKE "train --flow 4x2x3:(actnorm,conv1x1)*2->normal --device cpu --steps 20 --data "
  ck_assert(!clf_array_write_npy("last.npy", at, 4, (const int64_t[]){N, H, W, C}));
  ck_assert(!clf_image_reorder(at, N, H, W, C, CLF_ORDER_NCHW));
  ck_assert(!clf_array_write_npy("first.npy", at, 4, (const int64_t[]){N, C, H, W}));
  succeeds(MAKE "last.npy --out last.safetensors", "");
  succeeds(MAKE "first.npy --out first.safetensors", "");
  same_files("last.safetensors", "first.safetensors");
#define MORE "train --init first.safetensors --device cpu --steps 5 --data "
  succeeds(MORE "last.npy --test first.npy --out more.safetensors", "\ntest images          ");
  succeeds(MORE "first.npy --valid last.npy --out again.safetensors", "");
  succeeds(MORE "first.npy --out again.safetensors", "");
  same_files("more.safetensors", "again.safetensors");
  ck_assert_double_eq(
      number_of("eval first.safetensors --data last.npy", "mean log-likelihood  "),
      number_of("eval first.safetensors --data first.npy", "mean log-likelihood  "));
  succeeds("transform first.safetensors --data first.npy --out z.npy", "");
  has_shape("z.npy", "(64, 4, 2, 3)");
  succeeds("transform first.safetensors --data first.npy --order NCHW --out z.npy", "");
  has_shape("z.npy", "(64, 3, 4, 2)");
  succeeds("sample first.safetensors -n 5 --order NCHW --out s.npy", "");
  has_shape("s.npy", "(5, 3, 4, 2)");
  /* The shape fits both: as --order says */
  for (int i = 0; i < CUBE * CUBE * CUBE; i++) at[i] = i;
  ck_assert(!clf_array_write_npy("cube.npy", at, 4, (const int64_t[]){1, CUBE, CUBE, CUBE}));
  ck_assert(!clf_image_reorder(at, 1, CUBE, CUBE, CUBE, CLF_ORDER_NHWC));
  ck_assert(!clf_array_write_npy("turned.npy", at, 4, (const int64_t[]){1, CUBE, CUBE, CUBE}));
  succeeds("train --flow 3x3x3:conv1x1->normal --steps 1 --data cube.npy --out c.safetensors", "");
  succeeds("log-prob c.safetensors --data turned.npy --out a.npy", "");
  succeeds("log-prob c.safetensors --data cube.npy --order NCHW --out b.npy", "");
  same_files("a.npy", "b.npy");
  refuses(1, "eval first.safetensors --data cube.npy",
          "cube.npy: the shape is (1, 3, 3, 3); images are (N, 4, 2, 3) or (N, 3, 4, 2), or rows "
          "(N, D)");
  refuses(2, "train --data moons --order NCHW --steps 1 --out never.safetensors",
          "--order is for images, and the model takes rows of numbers; leave it out");
#undef MAKE
#undef MORE
}
END_TEST

void tests_of_training(TCase *tc) {
  tcase_add_test(tc, test_presets);
  tcase_add_test(tc, test_bits);
  tcase_add_test(tc, test_dry_run);
  tcase_add_test(tc, test_log);
  tcase_add_test(tc, test_variants);
  tcase_add_test(tc, test_continuous);
  tcase_add_test(tc, test_orders);
}
