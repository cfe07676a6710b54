/* SPDX-License-Identifier: MIT */
/* writing.c: images and arrays, written. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "sets.h"

START_TEST(written) {
  static const uint8_t grey[] = {0, 255, 1, 254, 7, 8};
  fresh("d");
  put_png("d/a.png", 3, 2, 1, grey);
  set_is("d", NULL, 1, 3, 2, 1, grey);
  put_png("d/a.png", 1, 2, 3, grey);
  set_is("d", NULL, 1, 1, 2, 3, grey);
  ck_assert_int_eq(clf_images_write_npy("a.npy", grey, 1, 1, 2, 3), CLF_OK);
  set_is("a.npy", NULL, 1, 1, 2, 3, grey);
  ck_assert_int_eq(clf_images_write_npy("a.npy", grey, 3, 1, 2, 1), CLF_OK);
  set_is("a.npy", NULL, 3, 1, 2, 1, grey);
}
END_TEST

START_TEST(written_arrays) {
  static const double at[] = {0.5, -1, 2, 3};
  uint8_t b[256];
  clf_table t;
  ck_assert_int_eq(clf_array_write_npy("a.npy", at, 1, (const int64_t[]){4}), CLF_OK);
  ck_assert_int_eq(clf_table_read("a.npy", &t), CLF_OK);
  ck_assert_int_eq(t.rows, 4);
  for (int i = 0; i < 4; i++) ck_assert(t.at[i] == at[i]);
  clf_table_free(&t);
  ck_assert_int_eq(clf_array_write_npy("a.npy", at, 3, (const int64_t[]){2, 1, 2}), CLF_OK);
  ck_assert_uint_eq(take("a.npy", b, sizeof b), 128 + sizeof at);
  ck_assert_ptr_nonnull(memmem(b, 128, "'shape': (2, 1, 2), }", 21));
}
END_TEST

START_TEST(write_refusals) {
  static const double one = 1;
  said(clf_image_write_png("none/a.png", six, 1, 1, 1), CLF_EIO,
       "none/a.png: cannot be written: the folder \"none\" does not exist");
  said(clf_image_write_png("a.png", six, 0, 1, 1), CLF_EINVAL,
       "a.png: cannot be written: this is no image: 0 x 1 pixels in 1 channels");
  said(clf_image_write_png("a.png", six, 1, 1, 2), CLF_EINVAL,
       "a.png: cannot be written: this is no image: 1 x 1 pixels in 2 channels");
  said(clf_image_write_png(NULL, six, 1, 1, 1), CLF_EINVAL, "clf_image_write_png: path is NULL");
  said(clf_images_write_npy("a.npy", six, 0, 1, 1, 1), CLF_EINVAL,
       "a.npy: cannot be written: these are no images: 0 of 1 x 1 pixels in 1 channels");
  said(clf_array_write_npy("a.npy", &one, 5, (const int64_t[]){1, 1, 1, 1, 1}), CLF_EINVAL,
       "a.npy: cannot be written: an array has 1 to 4 dimensions, not 5");
  said(clf_array_write_npy("a.npy", &one, 2, (const int64_t[]){1, 0}), CLF_EINVAL,
       "a.npy: cannot be written: dimension 2 of the array is 0");
  fresh("d");
  ck_assert_int_eq(mkdir("d/a.png", 0777), 0);
  said(clf_image_write_png("d/a.png", six, 1, 1, 1), CLF_EIO,
       "d/a.png: cannot be written: it is a folder");
}
END_TEST

/* A full disk, simulated by a limit on the size of files. */
START_TEST(disk_full) {
  POSIX_ONLY;
  static uint8_t at[100 * 100 * 3];
  struct rlimit before, little = {.rlim_cur = 1000};
  for (size_t i = 0; i < sizeof at; i++) at[i] = (uint8_t)(i * i >> 3);
  fresh("d");
  signal(SIGXFSZ, SIG_IGN);
  ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
  little.rlim_max = before.rlim_max;
  ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &little), 0);
  const clf_status png = clf_image_write_png("d/a.png", at, 100, 100, 3);
  const clf_status npy = clf_images_write_npy("d/a.npy", at, 3, 100, 100, 1);
  ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
  said(npy, CLF_EIO, "d/a.npy: write failed: File too large");
  ck_assert_int_eq(png, CLF_EIO);
  ck_assert_int_eq(rmdir("d"), 0); /* no unfinished file is left */
}
END_TEST

void tests_of_writing(Suite *s) {
  TCase *c = tcase_create("writing");
  tcase_set_timeout(c, 60);
  tcase_add_test(c, written);
  tcase_add_test(c, written_arrays);
  tcase_add_test(c, write_refusals);
  tcase_add_test(c, disk_full);
  suite_add_tcase(s, c);
}
