/* SPDX-License-Identifier: MIT */
/* test_cli_images.c: the program `clflow` with images: training, scores, maps, refusals. */
#define _POSIX_C_SOURCE 200809L
#include "program.h"
#include "clflow/clflow.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DATA "glyphs:n=64,size=8"
#define SMALL "train --preset tiny --width 4 --blocks 1 --data " DATA " --epochs 2 --seed 3 "
enum { N = 64, D = 64 };

/* ---- Numbers -------------------------------------------------------------------- */

/* The number after `label` in the output of a command. */
static double number_of(const char *command, const char *label) {
  result r = run(command);
  expect_code(command, &r, 0);
  expect_text(command, "stdout", r.out, label);
  const double number = strtod(strstr(r.out, label) + strlen(label), NULL);
  release(r);
  return number;
}

static double bits_of(const char *command) { return number_of(command, "bits/dim             "); }

static clf_table table_of(const char *path) {
  clf_table t;
  ck_assert_msg(clf_table_read(path, &t) == CLF_OK, "%s", clf_errmsg());
  return t;
}

static void has_text(const char *path, const char *wanted) {
  char *text = read_file(path, NULL);
  expect_text(path, "the file", text, wanted);
  free(text);
}

/* Noise u of n images in the shape (n, 8, 8, 1). */
static void write_noise(const char *path, int64_t n, double u) {
  double *at = malloc((size_t)n * D * sizeof *at);
  ck_assert_ptr_nonnull(at);
  for (int64_t i = 0; i < n * D; i++) at[i] = u;
  ck_assert_int_eq(clf_array_write_npy(path, at, 4, (const int64_t[]){n, 8, 8, 1}), CLF_OK);
  free(at);
}

static void has_shape(const char *path, const char *shape) {
  char *file = read_file(path, NULL);
  expect_text(path, "the header", file + 10, shape);
  free(file);
}

/* ---- Training -------------------------------------------------------------------- */

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

/* ---- Scores and maps ---------------------------------------------------------------- */

START_TEST(test_eval) {
  write_noise("u.npy", N, 0.25);
  write_noise("v.npy", N, 0.75);
#define EVAL "eval m.safetensors --data " DATA
  const double bits = bits_of(EVAL " --noise u.npy");
  ck_assert_double_eq(bits, bits_of(EVAL " --noise u.npy"));
  ck_assert_double_ne(bits, bits_of(EVAL " --noise v.npy"));
  ck_assert_double_eq(bits_of(EVAL), bits_of(EVAL " --seed 1"));
  ck_assert_double_ne(bits_of(EVAL), bits_of(EVAL " --seed 2"));
  succeeds("log-prob m.safetensors --data " DATA " --noise u.npy --out lp.npy", "");
  clf_table logp = table_of("lp.npy");
  ck_assert_int_eq(logp.rows, N);
  double sum = 0, square = 0;
  for (int i = 0; i < N; i++) sum += logp.at[i];
  for (int i = 0; i < N; i++) square += (logp.at[i] - sum / N) * (logp.at[i] - sum / N);
  ck_assert_double_eq_tol(bits, -sum / N / (D * log(2)), 1e-6);
  const double error = sqrt(square / (N - 1) / N) / (D * log(2));
  result r = run(EVAL " --noise u.npy");
  ck_assert_double_eq_tol(strtod(strstr(strstr(r.out, "bits/dim"), "error") + 5, NULL), error,
                          1e-6);
  release(r);
  clf_table_free(&logp);
  succeeds(EVAL " --json", "\"bits_per_dim_std_error\": 0.");
  /* The score printed by training is what evaluation with its seed gives. */
  ck_assert_double_eq(bits_of(SMALL "--out w.safetensors"), bits_of(EVAL " --seed 3"));
#undef EVAL
}
END_TEST

START_TEST(test_round_trip) {
  write_noise("u.npy", N, 0.25);
  succeeds("transform m.safetensors --data " DATA " --noise u.npy --out z.npy --logdet ld.npy", "");
  succeeds("invert m.safetensors --data z.npy --out x.npy --logdet back.npy", "");
  clf_table x = table_of("x.npy"), z = table_of("z.npy");
  clf_table there = table_of("ld.npy"), back = table_of("back.npy");
  ck_assert_int_eq(z.cols, D);
  clf_images *images;
  ck_assert_int_eq(clf_images_open(DATA, NULL, &images), CLF_OK);
  ck_assert_int_eq(clf_images_wait(images), CLF_OK);
  uint8_t bytes[N * D];
  ck_assert_int_eq(clf_images_get(images, NULL, 0, N, NULL, bytes), CLF_OK);
  for (int i = 0; i < N * D; i++) ck_assert_double_eq_tol(x.at[i], bytes[i] + 0.25, 2e-2);
  for (int i = 0; i < N; i++) ck_assert_double_eq_tol(there.at[i], -back.at[i], 1e-2);
  clf_images_free(images);
  clf_table *all[] = {&x, &z, &there, &back};
  for (int i = 0; i < 4; i++) clf_table_free(all[i]);
  /* An array of images, by its header; CSV has the same rows */
  char *file = read_file("z.npy", NULL);
  expect_text("transform", "z.npy", file + 10, "'shape': (64, 8, 8, 1)");
  free(file);
  succeeds("transform m.safetensors --data " DATA " --noise u.npy --out z.csv", "");
  succeeds("invert m.safetensors --data z.csv --out y.npy", "");
  same_files("x.npy", "y.npy");
  succeeds("jacobian m.safetensors --data " DATA " --index 63", "\ndifference                   ");
}
END_TEST

#define GREY CLF_GOLDEN "/realnvp_grey"
START_TEST(test_state_dict) {
  const double bits = bits_of("eval " GREY ".safetensors --data " GREY ".x.npy --size 8x8");
  ck_assert_double_eq_tol(bits, 8.064011572143597, 1e-5);
  succeeds("eval " GREY ".safetensors --data " DATA, "images               64\n");
  succeeds("eval " GREY ".safetensors --data " DATA " --affine scale-first", "bits/dim  ");
  succeeds("info " GREY ".safetensors --size 8", "images    8 x 8 x 1, 256 levels\n");
  refuses(1, "info " GREY ".safetensors", "which does not contain the images' size");
}
END_TEST

START_TEST(test_folder) {
  uint8_t pixels[D];
  char name[32];
  ck_assert_int_eq(mkdir("folder", 0700), 0);
  for (int i = 0; i < 3; i++) {
    for (int e = 0; e < D; e++) pixels[e] = (uint8_t)(e * (i + 1));
    snprintf(name, sizeof name, "folder/%d.png", i);
    ck_assert_int_eq(clf_image_write_png(name, pixels, 8, 8, 1), CLF_OK);
  }
  size_t size;
  char *bytes = read_file("folder/1.png", &size);
  write_bytes("folder/1.png", bytes, size - 20);
  free(bytes);
  const char *command = "eval m.safetensors --data folder";
  result r = run(command);
  expect_code(command, &r, 0);
  expect_text(command, "stdout", r.out, "images               2\n");
  expect_text(command, "stderr", r.err, "clflow: eval: left out: folder/1.png: ");
  release(r);
  refuses(1, "eval m.safetensors --data folder --strict", "folder/1.png: ");
  refuses(1, "train --data folder --preset tiny --strict --out never.safetensors",
          "folder/1.png: ");
  for (int i = 0; i < 3; i++) {
    snprintf(name, sizeof name, "folder/%d.png", i);
    unlink(name);
  }
  rmdir("folder");
}
END_TEST

/* One file is a set of one image, and what is left out of a folder is said. */
START_TEST(test_files) {
  uint8_t pixels[D] = {7};
  ck_assert_int_eq(mkdir("mixed", 0700), 0);
  ck_assert_int_eq(clf_image_write_png("mixed/a.png", pixels, 8, 8, 1), CLF_OK);
  ck_assert_int_eq(clf_image_write_png("mixed/b.jfif", pixels, 8, 8, 1), CLF_OK);
  write_bytes("mixed/c.webp", "RIFF....WEBP", 12);
  write_bytes("mixed/d.bmp", "BM", 2);
  succeeds("eval m.safetensors --data mixed/a.png", "images               1\n");
  const char *command = "eval m.safetensors --data mixed --bits 12";
  result r = run(command);
  expect_code(command, &r, 0);
  expect_text(command, "stdout", r.out, "images               2\n");
  expect_text(command, "stderr", r.err,
              "clflow: eval: mixed: 2 files of other kinds were left out (1 .bmp, 1 .webp)\n");
  release(r);
  refuses(1, "eval m.safetensors --data mixed/c.webp",
          "mixed/c.webp: cannot be read as a table: it is a WebP image: images are read as PNG and "
          "JPEG: convert it to PNG\n");
  refuses(1, "eval m.safetensors --data mixed --bits 17",
          "mixed: samples of 16-bit images have 8 to 16 bits, not 17\n");
  refuses(1, "eval m.safetensors --data m.safetensors",
          "m.safetensors: cannot be read as a table: it is a safetensors file: it is a model; pass "
          "it as the model, not as data\n");
  refuses(1, "eval mixed/a.png --data mixed",
          "mixed/a.png: not a safetensors file, but a PNG image: it is data; pass it as data, not "
          "as the model\n");
  refuses(2, "eval m.safetensors --data moons --bits 12",
          "--bits is for images, moons is a table; leave it out\n");
  refuses(2, "train --data moons --bits 12 --out never.safetensors",
          "--bits is for images, moons is a table; leave it out\n");
}
END_TEST

/* ---- Refusals -------------------------------------------------------------------- */

START_TEST(test_words) {
#define TRAIN "train --out never.safetensors --data "
  refuses(2, TRAIN DATA " --preset tony",
          "there is no preset \"tony\"; there are tiny lecture mnist");
  refuses(2, TRAIN DATA " --size 8by8",
          "--size takes a size in pixels, HEIGHTxWIDTH or one number for both, got \"8by8\"\n");
  refuses(2, TRAIN DATA " --size 8x", "--size takes a size in pixels, ");
  refuses(2, TRAIN DATA " --size 0", "--size takes a size in pixels, ");
  refuses(2, TRAIN DATA " --channels 2", "--channels takes 1 or 3, got \"2\"\n");
  refuses(2, TRAIN DATA " --affine glow", "--affine takes one of shift-first|scale-first, got");
  refuses(2, TRAIN DATA " --hidden 8", "--hidden has no meaning for the preset realnvp\n");
  refuses(2, TRAIN DATA " --standardize", "--standardize has no meaning for the preset realnvp");
  refuses(2, TRAIN "moons --width 8", "--width has no meaning for the preset nvp\n");
  refuses(2, TRAIN "moons --flip", "--flip has no meaning for the preset nvp\n");
  refuses(2, TRAIN "moons --crop center", "--crop is for images, moons is a table; leave it out\n");
  refuses(2, TRAIN DATA " --flow nvp", "--flow nvp takes rows of numbers, " DATA " holds images");
  refuses(2, TRAIN "moons --preset tiny", "moons is a table of 2 columns; pass --size HxW");
  refuses(2, TRAIN DATA " --crop center", "--crop center needs a size to bring images to");
  refuses(2, TRAIN DATA " --norm none --recalibrate", "--recalibrate has no meaning");
  refuses(2, TRAIN DATA " --init m.safetensors --preset tiny",
          "--preset is for a new flow, m.safetensors has its own settings; leave it out\n");
  refuses(2, TRAIN DATA " --init m.safetensors --scales 3",
          "--scales 3 does not agree with m.safetensors, which has 2; leave it out\n");
  refuses(2, TRAIN DATA " --init m.safetensors --size 8x9",
          "--size 8x9 does not agree with m.safetensors, which has 8x8; leave it out\n");
  refuses(2, "train --resume --out m.safetensors --data " DATA " --clip 3",
          "--clip 3 does not agree with m.safetensors, which has 100; leave it out\n");
  refuses(2, "train --out never.safetensors", "--data is missing; usage: ");
  refuses(2, "train --preset tiny", "--out is missing; usage: ");
#undef TRAIN
}
END_TEST

START_TEST(test_shapes) {
#define TRAIN "train --out never.safetensors --data "
  refuses(1, TRAIN "glyphs:n=5,size=9", "images of 9 x 9 cannot be halved 1 time, as 2 scales do");
  refuses(1, TRAIN DATA " --scales 5", "images of 8 x 8 cannot be halved 4 times, as 5 scales do");
  refuses(1, TRAIN DATA " --preset mnist",
          "the images of " DATA " are 8 x 8, the preset mnist is for 28 x 28; --crop center brings "
          "them to it, --size 8x8 keeps them\n");
  refuses(1, TRAIN DATA " --size 16",
          "the images of " DATA
          " are 8 x 8, --size wants 16 x 16; --crop center brings them to it");
  refuses(1, TRAIN DATA " --preset tiny --levels 16", "has a pixel of ");
  refuses(1, TRAIN DATA " --preset tiny --memory-limit 1", "; there are 1 MiB");
  refuses(1, "train --resume --out m.safetensors --data glyphs:n=65,size=8",
          "its training began with another value of the data");
#undef TRAIN
#define EVAL "eval m.safetensors --data "
  refuses(1, EVAL "glyphs:n=5",
          "the images of glyphs:n=5 are 16 x 16 x 1, the model m.safetensors "
          "takes 8 x 8 x 1; --crop center brings them to it\n");
  refuses(1, EVAL "glyphs:n=5,size=8,channels=3",
          "8 x 8 x 3, the model m.safetensors takes 8 x 8 x "
          "1; --channels converts them\n");
  succeeds(EVAL "glyphs:n=5 --crop center", "images               5\n");
  succeeds(EVAL "glyphs:n=5,size=8,channels=3 --channels 1", "images               5\n");
  refuses(1, EVAL "moons", "moons has 2 columns, the model m.safetensors takes 64");
  refuses(2, EVAL "moons --noise u.npy", "--noise is for images, moons is a table; leave it out");
  write_noise("few.npy", 3, 0.5);
  write_noise("one.npy", N, 1);
  refuses(1, EVAL DATA " --noise few.npy",
          "few.npy: the shape is (3, 8, 8, 1); noise for these images is (64, 8, 8, 1)");
  refuses(1, EVAL DATA " --noise one.npy", "number 1 of image 1 is 1; noise is at least");
  refuses(2, "invert m.safetensors --data " DATA " --out never.npy",
          DATA " holds images; invert takes latent variables");
#undef EVAL
  succeeds("train --data moons:n=50 --epochs 1 --out rows.safetensors", "");
  refuses(1, "eval rows.safetensors --data " DATA,
          DATA " holds images, the model rows.safetensors takes rows of numbers; ");
}
END_TEST

/* ---- Given their labels -------------------------------------------------------------- */

#define LABELLED "train --data glyphs:n=200,size=8 --epochs 1 --batch 50 "
#define GIVEN                                                                                      \
  LABELLED "--flow 8x8x1:pixels,squeeze,coupling(affine(scale=exp),conv(4),mask=mid)->normal "

/* The labels of a set as a file, with a row for each image. */
static void write_labels(const char *source, const char *path) {
  clf_images *images;
  clf_table labels;
  ck_assert_int_eq(clf_images_open(source, NULL, &images), CLF_OK);
  ck_assert_int_eq(clf_images_wait(images), CLF_OK);
  ck_assert_int_eq(clf_images_labels(images, &labels), CLF_OK);
  ck_assert_int_eq(clf_table_write(path, &labels), CLF_OK);
  clf_table_free(&labels);
  clf_images_free(images);
}

START_TEST(test_labels) {
  succeeds(GIVEN "--given class --out g.safetensors --valid-split 0.1", "held-out images ");
  succeeds("info g.safetensors", "given     class (category: arc, box, cross, disc, frame, letter, "
                                 "pair, ring, stroke, triangle)\n");
  succeeds("info g.safetensors --arch", "8x8x1|10: pixels, squeeze, coupling(affine(scale=exp), "
                                        "conv(4), mask=mid) -> normal; context: standardize\n");
  write_labels("glyphs:n=40,size=8,seed=2", "labels.csv");
  /* Labels are found in the data, named, or given as a file; the right ones are likelier. */
#define EVAL "eval g.safetensors --data glyphs:n=40,size=8,seed=2"
  const double bits = bits_of(EVAL);
  ck_assert_double_eq(bits, bits_of(EVAL " --given class"));
  ck_assert_double_eq(bits, bits_of(EVAL " --given labels.csv"));
  ck_assert_double_ne(bits, bits_of(EVAL " --given class=ring"));
  succeeds("transform g.safetensors --data glyphs:n=40,size=8,seed=2 --out z.npy", "");
  succeeds("invert g.safetensors --data z.npy --given labels.csv --out x.npy", "");
  refuses(1, EVAL " --given labels.csv --data glyphs:n=39,size=8",
          "labels.csv has 40 rows, glyphs:n=39,size=8 has 39 images\n");
  refuses(2, EVAL " --given class=wheel", "\"wheel\" is not one of arc, box, cross");
#undef EVAL
  /* A training continues with the labels of its data, and is scored on others. */
  succeeds(LABELLED "--epochs 2 --resume --out g.safetensors", "best in epoch 2");
  succeeds(GIVEN "--given class --valid glyphs:n=30,size=8,seed=3 --test glyphs:n=30,size=8,seed=4 "
                 "--out v.safetensors",
           "test images ");
  write_labels("glyphs:n=200,size=8", "all.csv");
  succeeds(GIVEN "--given all.csv --out f.safetensors", "over all 200 images");
  /* Labels with another name are asked for by it. */
  char *const shapes = read_file("all.csv", NULL);
  ck_assert_mem_eq(shapes, "class\n", 6);
  memcpy(shapes, "shape", 5);
  write_text("shapes.csv", shapes);
  free(shapes);
  succeeds(GIVEN "--given shapes.csv --out h.safetensors", "over all 200 images");
  refuses(2, "eval h.safetensors --data glyphs:n=40,size=8",
          "the model h.safetensors takes a context: give it by --given shape=VALUE, or by --given "
          "FILE\n");
  refuses(2, "sample h.safetensors --given class=ring --out never.png",
          "--given class=ring: the context of h.safetensors has no such column");
  refuses(2, GIVEN "--given all.csv --valid glyphs:n=30,size=8 --out never.safetensors",
          "--given all.csv only has the context of the rows of --data: with --valid, give names of "
          "columns, or of images class");
  refuses(2, GIVEN "--given shape --out never.safetensors",
          "--given shape: images have no such column; it takes class, the label of each image");
  refuses(2, "train --preset tiny --data " DATA " --given class --out never.safetensors",
          "the presets nvp, nice, piecewise and realnvp take no context");
}
END_TEST

/* A row of the picture for each context; sample j of context i is number i n + j. */
START_TEST(test_samples_of_labels) {
  int32_t h, w, c;
  clf_images *picture;
  write_text("two.csv", "class\nring\nbox\n");
  succeeds("sample g.safetensors --given class=ring -n 6 --out ring.npy", "");
  succeeds("sample g.safetensors --given two.csv -n 3 --out two.npy", "");
  size_t size, all;
  char *const ring = read_file("ring.npy", &size), *const two = read_file("two.npy", &all);
  ck_assert_uint_eq(size, all);
  ck_assert_mem_eq(ring + size - 6 * D, two + size - 6 * D, 3 * D);
  ck_assert_mem_ne(ring + size - 3 * D, two + size - 3 * D, 3 * D);
  free(ring), free(two);
  succeeds("sample g.safetensors --given two.csv -n 5 --out two.png", "");
  ck_assert_int_eq(clf_images_open("two.png", NULL, &picture), CLF_OK);
  clf_images_shape(picture, &h, &w, &c);
  ck_assert_msg(5 * h < 3 * w && 2 * w < 6 * h, "2 x 5 samples are %d x %d pixels", h, w);
  clf_images_free(picture);
  succeeds("sample g.safetensors --given class=ring --out ring.png", "");
  refuses(2, "sample g.safetensors --given two.csv -n 3 --grid 2x2 --out never.png",
          "6 samples are more than the 4 cells of --grid 2x2");
  refuses(2, "sample g.safetensors --out never.png",
          "the model g.safetensors takes the label of each image: give it by --given class=LABEL");
  refuses(2, "sample g.safetensors --given class=ring -n 2 --first 1 --out never.npy",
          "--first has no meaning with a context; leave it out");
  refuses(1, "export g.safetensors --c never.c",
          "the flow is one of images; only flows of vectors are exported");
}
END_TEST

#define SPLIT                                                                                      \
  "train --data glyphs:n=60,size=8 --given class --epochs 4 --batch 20 --lr 0.02 --device cpu "    \
  "--out p.safetensors --flow 8x8x1:pixels,squeeze,coupling(affine(scale=exp),conv(4),mask=mid),"  \
  "split(prior=conv),squeeze,coupling(affine(scale=exp),conv(4),mask=mid)->normal"
#define TWENTY "glyphs:n=20,size=8"

/* The images and labels of TWENTY as a flow takes them: x (20, D), c (20, 10). */
static void read_twenty(double *x, double *c) {
  clf_images *images;
  clf_table labels;
  uint8_t bytes[20 * D];
  ck_assert_int_eq(clf_images_open(TWENTY, NULL, &images), CLF_OK);
  ck_assert_int_eq(clf_images_wait(images), CLF_OK);
  ck_assert_int_eq(clf_images_get(images, NULL, 0, 20, NULL, bytes), CLF_OK);
  clf_dequantize(bytes, 20, D, 1, 0, x);
  ck_assert_int_eq(clf_images_labels(images, &labels), CLF_OK);
  ck_assert_int_eq(clf_table_one_hot(&labels), CLF_OK);
  memcpy(c, labels.at, 200 * sizeof *c);
  clf_table_free(&labels);
  clf_images_free(images);
}

/* The image in the middle of a quarter of four examples: half the sum of their latents, given a
 * quarter of the sum of their contexts. */
static void expect_middle(const int rows[4], uint8_t middle[D]) {
  clf_device *dev;
  clf_flow *flow;
  double x[20 * D], c[200], z[20 * D], half[D] = {0}, quarter[10] = {0};
  read_twenty(x, c);
  ck_assert_int_eq(clf_open("cpu", &dev), CLF_OK);
  ck_assert_int_eq(clf_flow_load(dev, "p.safetensors", NULL, &flow), CLF_OK);
  ck_assert_int_eq(clf_transform_given(flow, x, c, 20, z, NULL), CLF_OK);
  for (int i = 0; i < 4; i++) {
    for (int e = 0; e < D; e++) half[e] += z[(rows[i] - 1) * D + e] / 2;
    for (int k = 0; k < 10; k++) quarter[k] += c[(rows[i] - 1) * 10 + k] / 4;
  }
  ck_assert_int_eq(clf_invert_given(flow, half, quarter, 1, x, NULL), CLF_OK);
  for (int e = 0; e < D; e++) middle[e] = (uint8_t)fmin(fmax(floor(x[e]), 0), 255);
  clf_flow_free(flow);
  clf_close(dev);
}

/* The images of a .npy of 9, which are the end of the file. */
static void read_nine(const char *path, uint8_t at[9 * D]) {
  size_t size;
  char *const file = read_file(path, &size);
  memcpy(at, file + size - 9 * D, 9 * D);
  free(file);
}

static int distance_of(const uint8_t *a, const uint8_t *b) {
  int most = 0;
  for (int e = 0; e < D; e++)
    if (abs(a[e] - b[e]) > most) most = abs(a[e] - b[e]);
  return most;
}

/* Examples keep their contexts, and what is between them has contexts between theirs. */
START_TEST(test_interpolate_labels) {
  static const int rows[4] = {4, 1, 8, 20}, corner[4] = {0, 2, 6, 8};
  uint8_t span[9 * D], ring[9 * D], middle[D], example[D];
  double x[20 * D], c[200];
  succeeds(SPLIT, "over all 60 images");
  write_labels(TWENTY, "twenty.csv");
#define SPAN                                                                                       \
  "interpolate p.safetensors --data " TWENTY                                                       \
  " --device cpu --rows 4,1,8,20 --grid 3x3 --angle 90 --out "
  succeeds(SPAN "span.npy", "");
  succeeds(SPAN "file.npy --given twenty.csv", "");
  succeeds(SPAN "ring.npy --given class=ring", "");
  same_files("span.npy", "file.npy");
  read_nine("span.npy", span);
  read_nine("ring.npy", ring);
  read_twenty(x, c);
  expect_middle(rows, middle);
  for (int i = 0; i < 4; i++) {
    for (int e = 0; e < D; e++) example[e] = (uint8_t)x[(rows[i] - 1) * D + e];
    ck_assert_int_le(distance_of(span + corner[i] * D, example), 1);
    ck_assert_int_le(distance_of(ring + corner[i] * D, example), 1);
  }
  ck_assert_int_le(distance_of(span + 4 * D, middle), 1);
  ck_assert_int_gt(distance_of(ring + 4 * D, middle), 1);
#undef SPAN
  refuses(2,
          "interpolate m.safetensors --data " DATA
          " --rows 1,2,3,4 --given class=ring --out never.npy",
          "--given: the model m.safetensors takes no context");
  refuses(2, "complete p.safetensors --data " TWENTY " --given class=wheel --out never.png",
          "\"wheel\" is not one of arc, box, cross");
}
END_TEST

START_TEST(test_jacobian_labels) {
#define JACOBIAN "jacobian p.safetensors --data " TWENTY " --device cpu --row 2"
  succeeds("transform p.safetensors --data " TWENTY " --device cpu --out z.npy --logdet ld.npy",
           "");
  clf_table logdet = table_of("ld.npy");
  const char *const label = "log |det J|, by elimination  ";
  ck_assert_double_eq_tol(number_of(JACOBIAN, label), logdet.at[1], 1e-3);
  ck_assert_double_eq_tol(number_of(JACOBIAN " --given twenty.csv", label), logdet.at[1], 1e-3);
  const double box = number_of(JACOBIAN " --given class=box", label),
               ring = number_of(JACOBIAN " --given class=ring", label);
  ck_assert_double_gt(fabs(box - ring), 1e-2);
  clf_table_free(&logdet);
#undef JACOBIAN
}
END_TEST

/* At temperature 0 the samples of a label are one image. */
START_TEST(test_temperature_of_labels) {
  size_t size;
  succeeds("sample p.safetensors --given two.csv -n 3 --temperature 0 --out cold.npy", "");
  char *const cold = read_file("cold.npy", &size), *const at = cold + size - 6 * D;
  for (int i = 1; i < 3; i++) {
    ck_assert_mem_eq(at, at + i * D, D);
    ck_assert_mem_eq(at + 3 * D, at + (3 + i) * D, D);
  }
  ck_assert_mem_ne(at, at + 3 * D, D);
  free(cold);
  succeeds("sample p.safetensors --given two.csv -n 3 --temperature 0.5 --out warm.npy", "");
  char *const warm = read_file("warm.npy", &size);
  ck_assert_mem_ne(warm + size - 6 * D, warm + size - 5 * D, D);
  free(warm);
}
END_TEST

/* ---- All of them ------------------------------------------------------------------- */

static void make_model(void) { succeeds(SMALL "--out m.safetensors", "over all 64 images\n"); }

int main(int argc, char **argv) {
  const TTest *const tests[] = {
      test_presets,
      test_bits,
      test_dry_run,
      test_log,
      test_variants,
      test_continuous,
      test_orders,
      test_eval,
      test_round_trip,
      test_state_dict,
      test_folder,
      test_words,
      test_shapes,
      test_files,
      test_labels,
      test_samples_of_labels,
      test_interpolate_labels,
      test_jacobian_labels,
      test_temperature_of_labels,
  };
  return program_main(argc, argv, "cli_images", make_model, tests, sizeof tests / sizeof *tests);
}
