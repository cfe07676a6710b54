/* SPDX-License-Identifier: MIT */
/* labels.c: the labels of images. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "clflow/data.h"
#include "sets.h"

/* The labels of a source, in order, separated by blanks: "cat dog dog". */
static void labels_are(const char *source, const char *want) {
  char got[512] = "";
  clf_table t;
  clf_images *const m = load(source, NULL);
  ck_assert_msg(clf_images_labels(m, &t) == CLF_OK, "%s", clf_errmsg());
  ck_assert_int_eq(t.rows, clf_images_count(m));
  ck_assert_int_eq(t.cols, 1);
  ck_assert_str_eq(t.names[0], "class");
  ck_assert_int_eq(t.columns[0].kind, CLF_COLUMN_CATEGORY);
  ck_assert_msg(clf_column_check(&t.columns[0]) == CLF_OK, "%s", clf_errmsg());
  for (int64_t i = 0; i < t.rows; i++) {
    const size_t n = strlen(got);
    snprintf(got + n, sizeof got - n, "%s%s", i ? " " : "", t.columns[0].categories[(int)t.at[i]]);
  }
  ck_assert_str_eq(got, want);
  clf_table_free(&t);
  clf_images_free(m);
}

static void has_none(const char *source, const char *message) {
  clf_table t;
  clf_images *const m = load(source, NULL);
  said(clf_images_labels(m, &t), CLF_EINVAL, message);
  clf_images_free(m);
}

#define NONE                                                                                       \
  ": its images have no labels; these sources have: a folder of subfolders, CIFAR-10, glyphs, "    \
  "and IDX images with the IDX labels in the same folder"

START_TEST(of_glyphs) {
  labels_are("glyphs:n=9,size=4", "pair disc pair pair triangle pair box letter letter");
  labels_are("glyphs:n=3,size=8,channels=3", "pair disc pair");
  clf_table t;
  clf_images *const m = load("glyphs:n=300,size=4", NULL);
  ck_assert_int_eq(clf_images_labels(m, &t), CLF_OK);
  ck_assert_int_eq(t.columns[0].category_count, 10);
  ck_assert_str_eq(t.columns[0].categories[0], "arc");
  ck_assert_str_eq(t.columns[0].categories[9], "triangle");
  clf_table_free(&t);
  clf_images_free(m);
}
END_TEST

/* The first folder below; damaged files are left out with their labels. */
START_TEST(of_folders) {
  fresh("d");
  ck_assert_int_eq(mkdir("d/cat", 0777) + mkdir("d/dog", 0777) + mkdir("d/dog/x", 0777), 0);
  put_png("d/dog/1.png", 1, 1, 1, nine);
  put_png("d/dog/x/2.png", 1, 1, 1, nine);
  put_png("d/cat/2.png", 1, 1, 1, nine);
  write_bytes("d/cat/1.png", "\x89PNG\r\n\x1a\nno", 10);
  labels_are("d", "cat dog dog");
  labels_are("d/", "cat dog dog");
  ck_assert_int_eq(mkdir("d/\xff", 0777), 0);
  put_png("d/\xff/1.png", 1, 1, 1, nine);
  has_none("d", "d: the subfolder of d/\\xff/1.png, which names the label of its images, has bytes "
                "that are not UTF-8 in its name; rename it");
  suite_remove("d/\xff");
  put_png("d/z.png", 1, 1, 1, nine);
  has_none("d", "d: d/z.png is not in a subfolder; put each image into the subfolder named after "
                "its label");
  has_none("d/z.png", "d/z.png" NONE);
}
END_TEST

START_TEST(of_many_folders) {
  char name[32];
  clf_table t;
  fresh("d");
  for (int i = 0; i <= CLF_CATEGORIES_MAX; i++) {
    snprintf(name, sizeof name, "d/%d", i);
    ck_assert_int_eq(mkdir(name, 0777), 0);
    snprintf(name, sizeof name, "d/%d/1.png", i);
    put_png(name, 1, 1, 1, nine);
  }
  has_none("d", "d: its images have more than 256 labels");
  unlink("d/99/1.png");
  clf_images *const m = load("d", NULL);
  ck_assert_int_eq(clf_images_labels(m, &t), CLF_OK);
  ck_assert_int_eq(t.columns[0].category_count, CLF_CATEGORIES_MAX);
  ck_assert_str_eq(t.columns[0].categories[2], "10"); /* in byte order */
  clf_table_free(&t);
  clf_images_free(m);
}
END_TEST

static void put_records(const char *path, int first, int second) {
  enum { RECORD = 3073 };
  char *const bytes = calloc(2, RECORD);
  bytes[0] = (char)first;
  bytes[RECORD] = (char)second;
  write_bytes(path, bytes, (size_t)2 * RECORD);
  free(bytes);
}

START_TEST(of_cifar) {
  fresh("d");
  put_records("d/data_batch_1.bin", 9, 3);
  put_records("d/data_batch_2.bin", 0, 9);
  labels_are("d/data_batch_1.bin", "truck cat");
  labels_are("d", "truck cat airplane truck");
  put_records("d/other.bin", 1, 10);
  has_none("d/other.bin", "d/other.bin" NONE);
}
END_TEST

START_TEST(of_idx) {
  static const char images[] = "\0\0\x08\x03\0\0\0\2\0\0\0\1\0\0\0\1\5\6";
  static const char labels[] = "\0\0\x08\x01\0\0\0\2\12\2", other[] = "\0\0\x08\x01\0\0\0\1\2";
  fresh("d");
  write_bytes("d/t10k-images-idx3-ubyte", images, sizeof images - 1);
  has_none("d/t10k-images-idx3-ubyte", "d/t10k-images-idx3-ubyte" NONE);
  write_bytes("d/t10k-labels-idx1-ubyte", labels, sizeof labels - 1);
  labels_are("d/t10k-images-idx3-ubyte", "10 2");
  put_gz("d/t10k-images-idx3-ubyte.gz", images, sizeof images - 1);
  put_gz("d/t10k-labels-idx1-ubyte.gz", labels, sizeof labels - 1);
  labels_are("d/t10k-images-idx3-ubyte.gz", "10 2");
  /* A file of labels that is damaged, or of other images, is none. */
  write_bytes("d/t10k-labels-idx1-ubyte", other, sizeof other - 1);
  has_none("d/t10k-images-idx3-ubyte", "d/t10k-images-idx3-ubyte" NONE);
  write_bytes("d/t10k-labels-idx1-ubyte", images, sizeof images - 1);
  has_none("d/t10k-images-idx3-ubyte", "d/t10k-images-idx3-ubyte" NONE);
}
END_TEST

START_TEST(of_arrays) {
  put_npy("a.npy", "|u1", 0, "2, 1, 3", six, 6);
  has_none("a.npy", "a.npy" NONE);
}
END_TEST

void tests_of_labels(Suite *s) {
  TCase *const c = tcase_create("labels");
  tcase_add_test(c, of_glyphs);
  tcase_add_test(c, of_folders);
  tcase_add_test(c, of_many_folders);
  tcase_add_test(c, of_cifar);
  tcase_add_test(c, of_idx);
  tcase_add_test(c, of_arrays);
  suite_add_tcase(s, c);
}
