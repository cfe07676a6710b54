/* SPDX-License-Identifier: MIT */
/* test_cli_pictures.c: the program `clflow` with image models: samples, manifolds and
 * completions, compared pixel by pixel. */
#define _GNU_SOURCE
#include "program.h"
#include "clflow/clflow.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "suite.h"

/* ---- Reading pictures ------------------------------------------------------------------------ */

typedef struct picture {
  int32_t h, w, c;
  uint8_t *at;
} picture;

/* A set's images, one below the other. */
static picture images_of(const char *source) {
  clf_images *images;
  picture p;
  WORKS(clf_images_open(source, NULL, &images));
  WORKS(clf_images_wait(images));
  clf_images_shape(images, &p.h, &p.w, &p.c);
  const int64_t n = clf_images_count(images);
  p.at = malloc((size_t)n * (size_t)(p.h * p.w * p.c));
  ck_assert_ptr_nonnull(p.at);
  WORKS(clf_images_get(images, NULL, 0, n, NULL, p.at));
  p.h *= (int32_t)n;
  clf_images_free(images);
  return p;
}

/* A PNG, through a folder that contains nothing else. */
static picture open_png(const char *path) {
  ck_assert_int_eq(mkdir("alone", 0700), 0);
  ck_assert_int_eq(rename(path, "alone/a.png"), 0);
  const picture p = images_of("alone");
  ck_assert_int_eq(rename("alone/a.png", path), 0);
  ck_assert_int_eq(rmdir("alone"), 0);
  return p;
}

/* Of images of SIDE x SIDE, in cells of `step` pixels magnified by `times`: channel c of pixel
 * (y, x) of the image that begins at row `top` and column `left`. */
enum { SIDE = 8, GAP = 2 };
static uint8_t pixel(const picture *p, int top, int left, int times, int y, int x, int c) {
  const uint8_t *first = p->at + ((top + y * times) * p->w + left + x * times) * p->c + c;
  for (int i = 0; i < times; i++)
    for (int k = 0; k < times; k++) ck_assert_uint_eq(first[(i * p->w + k) * p->c], *first);
  return *first;
}

/* The largest difference of two images. */
static int distance(const picture *p, int ta, int la, const picture *q, int tb, int lb, int times_p,
                    int times_q) {
  int most = 0;
  for (int i = 0; i < SIDE * SIDE * p->c; i++) {
    const int y = i / p->c / SIDE, x = i / p->c % SIDE, c = i % p->c;
    const int d = pixel(p, ta, la, times_p, y, x, c) - pixel(q, tb, lb, times_q, y, x, c);
    if (abs(d) > most) most = abs(d);
  }
  return most;
}

/* ---- Samples -------------------------------------------------------------------- */

/* The default: 8 x 8 cells, magnified by 8, the smallest factor that gives 512 pixels; the same
 * bytes as .npy. */
START_TEST(test_sample_grid) {
  succeeds("sample grey.safetensors --out grid.png", "");
  succeeds("sample grey.safetensors -n 64 --out grid.npy", "");
  picture png = open_png("grid.png"), npy = images_of("grid.npy");
  ck_assert_int_eq(png.w, GAP + 8 * (8 * SIDE + GAP));
  ck_assert_int_eq(png.h, png.w);
  ck_assert_int_eq(png.c, 1);
  ck_assert_int_eq(npy.h, 64 * SIDE);
  for (int i = 0; i < 64; i++)
    ck_assert_int_eq(distance(&png, GAP + i / 8 * (8 * SIDE + GAP), GAP + i % 8 * (8 * SIDE + GAP),
                              &npy, i * SIDE, 0, 8, 1),
                     0);
  ck_assert_uint_eq(png.at[0], png.at[GAP + 8 * SIDE]);
  free(png.at);
  free(npy.at);
}
END_TEST

START_TEST(test_sample_shapes) {
  succeeds("sample colour.safetensors -n 5 --out five.png", "");
  succeeds("sample colour.safetensors --grid 1x70 --out wide.png", "");
  succeeds("sample colour.safetensors --grid 2x3 -n 4 --out four.png", "");
  picture five = open_png("five.png"), wide = open_png("wide.png");
  picture four = open_png("four.png");
  ck_assert_int_eq(five.c, 3);
  ck_assert_int_eq(five.w, GAP + 3 * (21 * SIDE + GAP)); /* 3 columns, 2 rows */
  ck_assert_int_eq(five.h, GAP + 2 * (21 * SIDE + GAP));
  ck_assert_int_eq(wide.w, GAP + 70 * (SIDE + GAP));
  ck_assert_int_eq(wide.h, GAP + SIDE + GAP);
  ck_assert_int_eq(distance(&five, GAP, GAP, &wide, GAP, GAP, 21, 1), 0);
  const uint8_t *last = four.at + (size_t)four.h * (size_t)four.w * 3 - 3;
  const uint8_t *empty = last - 3 * (10 + 10 * four.w); /* unused cells show the background */
  ck_assert_mem_eq(last, empty, 3);
  free(five.at);
  free(wide.at);
  free(four.at);
}
END_TEST

START_TEST(test_sample_parts) {
  succeeds("sample grey.safetensors -n 90 --temperature 0.8 --out whole.npy", "");
  succeeds("sample grey.safetensors -n 7 --temperature 0.8 --out part.npy", "");
  succeeds("sample grey.safetensors -n 83 --first 7 --temperature 0.8 --out rest.npy", "");
  picture whole = images_of("whole.npy"), part = images_of("part.npy");
  picture rest = images_of("rest.npy");
  ck_assert_mem_eq(whole.at, part.at, 7 * SIDE * SIDE);
  ck_assert_mem_eq(whole.at + 7 * SIDE * SIDE, rest.at, 83 * SIDE * SIDE);
  succeeds("sample grey.safetensors -n 70 --out whole.csv", "");
  succeeds("sample grey.safetensors -n 70 --temperature 1.0 --out again.csv", "");
  same_files("whole.csv", "again.csv");
  succeeds("sample m.safetensors -n 5 --temperature 0 --out zero.csv", "");
  char *csv = read_file("zero.csv", NULL), *rows = strchr(csv, '\n') + 1;
  const size_t row = (size_t)(strchr(rows, '\n') - rows) + 1;
  for (int i = 1; i < 5; i++) ck_assert_mem_eq(rows, rows + (size_t)i * row, row);
  free(csv);
  free(whole.at);
  free(part.at);
  free(rest.at);
}
END_TEST

START_TEST(test_temperature_0) {
  succeeds("sample colour.safetensors --temperature 0 --grid 2x2 --out cold.png", "");
  picture p = open_png("cold.png");
  const int times = 32, step = times * SIDE + GAP;
  ck_assert_int_eq(p.w, GAP + 2 * step);
  for (int i = 1; i < 4; i++)
    ck_assert_int_eq(
        distance(&p, GAP, GAP, &p, GAP + i / 2 * step, GAP + i % 2 * step, times, times), 0);
  free(p.at);
}
END_TEST

START_TEST(test_sample_levels) {
  succeeds("sample four.safetensors --grid 4x4 --out levels.png", "");
  succeeds("sample four.safetensors -n 16 --out levels.npy", "");
  picture png = open_png("levels.png"), npy = images_of("levels.npy");
  int seen = 0;
  for (int i = 0; i < 16 * SIDE * SIDE; i++) {
    ck_assert_uint_lt(npy.at[i], 4);
    seen |= 1 << npy.at[i];
  }
  ck_assert_int_eq(seen, 15);
  for (int x = 0; x < SIDE; x++)
    ck_assert_uint_eq(pixel(&png, GAP, GAP, 16, 0, x, 0), npy.at[x] * 85);
  refuses(1, "complete four.safetensors --data glyphs:size=8,n=9 --out never.png",
          "glyphs:size=8,n=9: image 1 has a pixel of 220; the flow takes values below 4\n");
  free(png.at);
  free(npy.at);
}
END_TEST

/* ---- Manifolds ------------------------------------------------------------------- */

#define GLYPHS " --data glyphs:size=8,n=20 "

/* A full circle begins with the first example and crosses the second after a quarter turn; a
 * quarter has all four in its corners. */
START_TEST(test_interpolate) {
  succeeds("interpolate grey.safetensors" GLYPHS "--rows 4,1,8,20 --grid 4x8 --out circle.npy", "");
  succeeds("interpolate grey.safetensors" GLYPHS
           "--rows 4,1,8,20 --grid 3x3 --angle 90 --out quarter.npy",
           "");
  succeeds("interpolate grey.safetensors" GLYPHS "--rows 4,1,8,20 --grid 4x8 --out circle.png", "");
  const picture set = images_of("glyphs:size=8,n=20"), circle = images_of("circle.npy");
  const picture quarter = images_of("quarter.npy"), png = open_png("circle.png");
  ck_assert_int_le(distance(&circle, 0, 0, &set, 3 * SIDE, 0, 1, 1), 1);
  ck_assert_int_le(distance(&circle, 2 * SIDE, 0, &set, 0, 0, 1, 1), 1);
  ck_assert_int_le(distance(&circle, 8 * SIDE, 0, &set, 7 * SIDE, 0, 1, 1), 1);
  static const int corner[4] = {0, 2, 6, 8}, index[4] = {3, 0, 7, 19};
  for (int i = 0; i < 4; i++)
    ck_assert_int_le(distance(&quarter, corner[i] * SIDE, 0, &set, index[i] * SIDE, 0, 1, 1), 1);
  ck_assert_int_eq(png.h, GAP + 4 * (8 * SIDE + GAP));
  ck_assert_int_eq(distance(&png, GAP, GAP, &circle, 0, 0, 8, 1), 0);
  free(set.at);
  free(circle.at);
  free(quarter.at);
  free(png.at);
}
END_TEST

START_TEST(test_interpolate_columns) {
  write_text("points.csv", "0,1\n1,0\n0.5,0.25\n-1,0.5\n");
  succeeds("interpolate m.safetensors --data points.csv --rows 4,2,1,3 --grid 2x2 --angle 90 --out "
           "span.csv",
           "");
  char *csv = read_file("span.csv", NULL);
  double x[8];
  ck_assert_int_eq(sscanf(csv, "x0,x1 %lf,%lf %lf,%lf %lf,%lf %lf,%lf", &x[0], &x[1], &x[2], &x[3],
                          &x[4], &x[5], &x[6], &x[7]),
                   8);
  static const double want[8] = {-1, 0.5, 1, 0, 0, 1, 0.5, 0.25};
  for (int i = 0; i < 8; i++) ck_assert_double_eq_tol(x[i], want[i], 1e-5);
  free(csv);
}
END_TEST

START_TEST(test_interpolate_refuses) {
#define SPAN "interpolate grey.safetensors" GLYPHS "--out never.png "
  refuses(2, SPAN, "--rows is missing; usage: clflow interpolate MODEL --data DATA --rows A,B,C");
  refuses(2, SPAN "--rows 2,3,4", "--rows takes four rows A,B,C,D, got 3: 2,3,4\n");
  refuses(2, SPAN "--rows 2,3,4,5,6", "--rows takes four rows A,B,C,D, got 5: 2,3,4,5,6\n");
  refuses(2, SPAN "--rows 1,2,,4", "--rows takes whole numbers from 1, separated by commas; got ");
  refuses(2, SPAN "--rows 0,1,2,3", "--rows takes whole numbers from 1, separated by commas; got ");
  refuses(2, SPAN "--index 1,2,,4",
          "--index takes whole numbers from 0, separated by commas; got ");
  refuses(2, SPAN "--index 1,2,3,4 --rows 1,2,3,4", "--rows and --index exclude each other");
  refuses(2, SPAN "--index 1,2,3,-4", "got \"1,2,3,-4\"\n");
  refuses(2, SPAN "--rows 1,2,3,4 --grid 8x", "--grid takes rows and columns, ROWSxCOLUMNS or ");
  refuses(2, SPAN "--rows 1,2,3,4 --grid 0x8", "got \"0x8\"\n");
  refuses(2, SPAN "--rows 1,2,3,4 --angle 361", "--angle takes degrees to 360, got 361\n");
  refuses(1, SPAN "--rows 1,2,3,21",
          "there is no row 21 in glyphs:size=8,n=20, which has 20 rows\n");
  refuses(1, SPAN "--rows 1,2,3,4 --grid 9999x1",
          "a grid of 9999 x 1 images of 8 x 8 is 99992 pixels high and 12 wide; a picture has at "
          "most 65536 a side: ask for fewer, or write .npy\n");
#undef SPAN
  refuses(1, "interpolate m.safetensors --data moons --rows 1,2,3,4 --out never.png",
          "a picture shows images, the model m.safetensors makes columns; write .csv or .npy\n");
  refuses(1, "interpolate m.safetensors" GLYPHS "--rows 1,2,3,4 --out never.csv",
          "holds images, the model m.safetensors takes rows of numbers; ");
  refuses(1, "interpolate grey.safetensors --data glyphs:size=12 --rows 1,2,3,4 --out never.png",
          "12 x 12");
}
END_TEST

/* ---- Completions ------------------------------------------------------------------ */

/* Columns: the image of `source`, then its latents decoded from scale 0, 1 and so on. */
static void check_columns(const char *path, const char *source, int rows, int cells, int times) {
  const picture p = open_png(path), set = images_of(source);
  const int step = times * SIDE + GAP, apart = 4 * GAP;
  ck_assert_int_eq(p.w, GAP + apart + cells * step);
  ck_assert_int_eq(p.h, GAP + rows * step);
  for (int i = 0; i < rows; i++) {
    const int top = GAP + i * step;
    ck_assert_int_eq(distance(&p, top, GAP, &set, i * SIDE, 0, times, 1), 0);
    ck_assert_int_le(distance(&p, top, GAP + apart + step, &set, i * SIDE, 0, times, 1), 1);
    ck_assert_int_gt(distance(&p, top, GAP + apart + 2 * step, &set, i * SIDE, 0, times, 1), 1);
  }
  free(p.at);
  free(set.at);
}

#define COLOUR "glyphs:size=8,n=20,channels=3"
#define COLOURS " --data " COLOUR " "

START_TEST(test_complete) {
  succeeds("complete colour.safetensors" COLOURS "--out all.png",
           "columns  original, kept 192 of 192 latents, 96 of 192 latents, 48 of 192 latents\n");
  check_columns("all.png", COLOUR, 8, 4, 16);
  succeeds("compress colour.safetensors" COLOURS "--rows 1,2 --out less.png",
           "columns  original, kept 192 of 192 latents, 96 of 192 latents, 48 of 192 latents\n");
  check_columns("less.png", COLOUR, 2, 4, 16);
  succeeds("complete colour.safetensors" COLOURS "--keep 2 --rows 5 --out six.png",
           "columns  original, kept 48 of 192 latents (6 images)\n");
  succeeds("complete colour.safetensors" COLOURS "--keep 2 --rows 5,6 --samples 3 --out three.png",
           "columns  original, kept 48 of 192 latents (3 images)\n");
  const picture p = open_png("three.png");
  const int step = 16 * SIDE + GAP, first = GAP + 4 * GAP + step;
  ck_assert_int_eq(p.w, first + 3 * step);
  ck_assert_int_gt(distance(&p, GAP, first, &p, GAP, first + step, 16, 16), 1);
  free(p.at);
}
END_TEST

/* Every image flow has one more scale than splits. */
START_TEST(test_complete_of_any_flow) {
  succeeds("train --data glyphs:size=8,n=40 --epochs 1 --batch 20 --out glow.safetensors --flow "
           "8x8x1:pixels,squeeze,glowstep(width=4),split,squeeze,glowstep(width=4),"
           "split(prior=conv),glowstep(width=4)->normal",
           "");
  succeeds("complete glow.safetensors --data glyphs:size=8,n=9 --rows 1,2 --out glow.png",
           "columns  original, kept 64 of 64 latents, 32 of 64 latents, 16 of 64 latents\n");
  succeeds("compress glow.safetensors --data glyphs:size=8,n=9 --rows 1,2 --keep 2 --out less.png",
           "columns  original, kept 16 of 64 latents\n");
  refuses(1, "complete glow.safetensors --data glyphs:size=8,n=9 --out never.png --keep 3",
          "--keep 3 is beyond the model glow.safetensors, which has scales 0 to 2\n");
}
END_TEST

/* Images keep their labels, also where the latents are decoded. */
START_TEST(test_complete_given) {
  succeeds("train --data glyphs:size=8,n=60 --given class --epochs 4 --batch 20 --lr 0.02 --out "
           "marks.safetensors --device cpu --flow 8x8x1:pixels,squeeze,coupling(affine(scale=exp),"
           "conv(4),mask=mid),split(prior=conv),squeeze,coupling(affine(scale=exp),conv(4),"
           "mask=mid)->normal",
           "over all 60 images");
#define MARKS " marks.safetensors" GLYPHS "--device cpu --out "
  succeeds("complete" MARKS "marks.png",
           "columns  original, kept 64 of 64 latents, 32 of 64 latents\n");
  check_columns("marks.png", "glyphs:size=8,n=20", 8, 3, 16);
  succeeds("complete" MARKS "ring.png --given class=ring", "");
  check_columns("ring.png", "glyphs:size=8,n=20", 8, 3, 16);
  succeeds("compress" MARKS "less.png --keep 1", "columns  original, kept 32 of 64 latents\n");
  succeeds("complete" MARKS "cold.png --keep 1 --samples 1 --temperature 0 --seed 9", "");
  same_files("less.png", "cold.png");
  succeeds("compress" MARKS "box.png --keep 1 --given class=box", "");
  picture own = open_png("less.png"), box = open_png("box.png");
  ck_assert_mem_ne(own.at, box.at, (size_t)own.h * (size_t)own.w);
  free(own.at);
  free(box.at);
#undef MARKS
}
END_TEST

/* Zeros, as drawn at temperature 0. */
START_TEST(test_compress) {
  succeeds("compress colour.safetensors" COLOURS "--keep 1 --out zero.png",
           "columns  original, kept 96 of 192 latents\n");
  succeeds("complete colour.safetensors" COLOURS
           "--keep 1 --samples 1 --temperature 0 --seed 9 --out cold.png",
           "");
  same_files("zero.png", "cold.png");
}
END_TEST

START_TEST(test_complete_refuses) {
  refuses(1, "complete colour.safetensors" COLOURS "--out never.png --keep 3",
          "--keep 3 is beyond the model colour.safetensors, which has scales 0 to 2\n");
  refuses(1, "complete colour.safetensors" COLOURS "--out never.png --rows 21",
          "there is no row 21 in glyphs:size=8,n=20,channels=3, which has 20 rows\n");
  refuses(1, "complete m.safetensors --data moons --out never.png",
          "the model m.safetensors makes rows of numbers and has no scales; this is for models of "
          "images\n");
  refuses(2, "complete colour.safetensors" COLOURS "--out never.png --samples 3",
          "--samples 3 is for one --keep K");
  refuses(2, "complete colour.safetensors" COLOURS "--out never.npy", "ends in .png");
  refuses(2, "compress colour.safetensors" COLOURS "--out never.png --samples 3",
          "there is no option --samples");
}
END_TEST

START_TEST(test_sample_refuses) {
  refuses(2, "sample grey.safetensors --out never.npy",
          "-n is missing: the number of samples to write");
  refuses(2, "sample m.safetensors --out never.png",
          "-n is missing: the number of samples to draw from");
  refuses(2, "sample grey.safetensors -n 9 --grid 3x3 --out never.csv",
          "--grid is for a picture, --out FILE.png, not never.csv");
  refuses(2, "sample grey.safetensors -n 10 --grid 3x3 --out never.png",
          "-n 10 is more than the 9 cells of --grid 3x3");
  refuses(1, "sample m.safetensors -n 9 --grid 3x3 --out never.png",
          "--grid arranges images; the model m.safetensors makes columns");
  refuses(1, "sample grey.safetensors --grid 8x9999 --out never.png", "99992 wide; a picture has");
  refuses(2, "sample grey.safetensors --temperature -1 --out never.png",
          "--temperature takes a number from 0, got \"-1\"");
}
END_TEST

/* ---- All of them ------------------------------------------------------------------- */

/* An untrained flow, which suffices for everything except nice pictures. */
static void make_model(const char *path, clf_flow_spec spec) {
  clf_device *dev;
  clf_flow *flow;
  spec.seed = 5;
  WORKS(clf_open("cpu", &dev));
  WORKS(clf_flow_create(dev, &spec, &flow));
  WORKS(clf_flow_save(flow, path));
  clf_flow_free(flow);
  clf_close(dev);
}

static void make_models(void) {
  clf_flow_spec spec = clf_flow_spec_default(CLF_REALNVP, 0);
  spec.dim = SIDE * SIDE;
  spec.height = spec.width = SIDE;
  spec.scales = 2;
  spec.hidden = 4;
  spec.blocks = 1;
  make_model("grey.safetensors", spec);
  spec.levels = 4;
  make_model("four.safetensors", spec);
  spec.levels = 256;
  spec.channels = 3;
  spec.dim *= 3;
  spec.scales = 3;
  make_model("colour.safetensors", spec);
  make_model("m.safetensors", clf_flow_spec_default(CLF_NVP, 2));
}

int main(int argc, char **argv) {
  const TTest *const tests[] = {
      test_sample_grid,      test_sample_shapes,        test_sample_parts,
      test_temperature_0,    test_sample_levels,        test_sample_refuses,
      test_interpolate,      test_interpolate_columns,  test_interpolate_refuses,
      test_complete,         test_complete_of_any_flow, test_compress,
      test_complete_refuses, test_complete_given,
  };
  return program_main(argc, argv, "cli pictures", make_models, tests, sizeof tests / sizeof *tests);
}
