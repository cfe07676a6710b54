/* SPDX-License-Identifier: MIT */
/* scores.c: scores and maps, of sets, folders and single files. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "clflow/clflow.h"
#include "cli_images/images.h"
#include "program.h"

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

void tests_of_scores(TCase *tc) {
  tcase_add_test(tc, test_eval);
  tcase_add_test(tc, test_round_trip);
  tcase_add_test(tc, test_state_dict);
  tcase_add_test(tc, test_folder);
  tcase_add_test(tc, test_files);
}
