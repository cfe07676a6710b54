/* SPDX-License-Identifier: MIT */
/* labels.c: flows of images given their labels. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clflow/clflow.h"
#include "cli_images/images.h"
#include "program.h"

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

void tests_of_labels(TCase *tc) {
  tcase_add_test(tc, test_labels);
  tcase_add_test(tc, test_samples_of_labels);
  tcase_add_test(tc, test_interpolate_labels);
  tcase_add_test(tc, test_jacobian_labels);
  tcase_add_test(tc, test_temperature_of_labels);
}
