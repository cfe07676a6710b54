/* SPDX-License-Identifier: MIT */
/* arrays.c: NumPy's arrays as images, and noise from them. */
#define _GNU_SOURCE
#include <math.h>
#include <stdlib.h>
#include "sets.h"

/* ---- NPY ------------------------------------------------------------------ */

static void npy_fails(const char *descr, const char *shape, const char *message) {
  put_npy("b.npy", descr, 0, shape, nine, 6);
  fails("b.npy", NULL, CLF_EFORMAT, message);
}

START_TEST(npy_images) {
  static const uint8_t turned[] = {1, 3, 5, 2, 4, 250};
  put_npy("a.npy", "|u1", 0, "2, 1, 3", six, 6);
  set_is("a.npy", NULL, 2, 1, 3, 1, six);
  put_npy("a.npy", "|u1", 0, "1, 2, 1, 3", six, 6);
  set_is("a.npy", NULL, 1, 2, 1, 3, six);
  put_npy("a.npy", "|u1", 1, "2, 1, 3", six, 6);
  set_is("a.npy", NULL, 2, 1, 3, 1, turned);
  npy_fails("<f4", "2, 1, 3", "b.npy: holds numbers of dtype <f4; images are bytes, dtype uint8");
  npy_fails("|i1", "2, 1, 3", "b.npy: holds numbers of dtype |i1; images are bytes, dtype uint8");
  npy_fails("|u1", "2, 3",
            "b.npy: the shape is (2, 3); images are (N, H, W), (N, H, W, C) or (N, C, H, W)");
  npy_fails(
      "|u1", "1, 1, 1, 2, 3",
      "b.npy: the shape is (1, 1, 1, 2, 3); images are (N, H, W), (N, H, W, C) or (N, C, H, W)");
  put_npy("a.npy", "|u1", 0, "1, 1, 3, 2", six, 6);
  set_is("a.npy", NULL, 1, 1, 3, 2, six);
  npy_fails("|u1", "1, 2, 1, 1025",
            "b.npy: the shape is (1, 2, 1, 1025): 1025 channels; images have at most 1024");
  npy_fails("|u1", "2, 0, 3", "b.npy: the shape is (2, 0, 3): there are no pixels");
  npy_fails("|u1", "2, 1, 4", "b.npy: shape (2, 1, 4) of dtype |u1 takes 8 bytes, the file has 6");
  npy_fails("|u1", "99999999999, 65536, 4096",
            "b.npy: the shape (99999999999, 65536, 4096) is beyond what a file can hold");
  npy_fails("|u1", "2, 65537, 4",
            "b.npy: the shape (2, 65537, 4) is beyond 65536 pixels a side or 2^28 in all");
}
END_TEST

/* (N, C, H, W): by the shape where C is 1 or 3 and the last is no number of channels; by choice. */
START_TEST(npy_orders) {
  static const uint8_t colours[30] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14,
                                      15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29};
  uint8_t want[30];
  const clf_image_options last = {.order = CLF_ORDER_NHWC}, first = {.order = CLF_ORDER_NCHW};
  for (int p = 0; p < 10; p++)
    for (int c = 0; c < 3; c++) want[3 * p + c] = (uint8_t)(10 * c + p);
  put_npy("o.npy", "|u1", 0, "1, 3, 2, 5", colours, 30);
  set_is("o.npy", NULL, 1, 2, 5, 3, want);
  set_is("o.npy", &first, 1, 2, 5, 3, want);
  set_is("o.npy", &last, 1, 3, 2, 5, colours);
  put_npy("o.npy", "|u1", 0, "2, 1, 3, 5", colours, 30);
  set_is("o.npy", NULL, 2, 3, 5, 1, colours);
  put_npy("o.npy", "|u1", 0, "5, 2, 1, 3", colours, 30);
  set_is("o.npy", NULL, 5, 2, 1, 3, colours);
  put_npy("o.npy", "|u1", 0, "1, 2, 1, 3", six, 6);
  for (int k = 0; k < 6; k++) want[k] = six[k % 2 * 3 + k / 2];
  set_is("o.npy", &first, 1, 1, 3, 2, want);
  put_npy("o.npy", "|u1", 1, "1, 2, 1, 3", six, 6); /* column-major: the first axis is fastest */
  set_is("o.npy", &first, 1, 1, 3, 2, six);
  ck_assert_int_eq(clf_images_write_npy_in("w.npy", want, 1, 1, 3, 2, CLF_ORDER_NCHW), CLF_OK);
  set_is("w.npy", &first, 1, 1, 3, 2, want);
  ck_assert_int_eq(clf_images_write_npy_in("w.npy", six, 6, 1, 1, 1, CLF_ORDER_NCHW), CLF_OK);
  set_is("w.npy", NULL, 6, 1, 1, 1, six);
  said(clf_images_write_npy_in("w.npy", six, 6, 1, 1, 1, (clf_image_order)3), CLF_EINVAL,
       "w.npy: cannot be written: these are no images: 6 of 1 x 1 pixels in 1 channels");
}
END_TEST

/* Headers that are damaged. */
START_TEST(npy_headers) {
#define TEXT(text) text, sizeof text - 1
  static const struct {
    const char *bytes;
    size_t n;
    const char *message;
  } headers[] = {
      {TEXT("some text"), "b.npy: this is not an NPY file"},
      {TEXT("\x93NUMPY\x04\0\x02\0{}"),
       "b.npy: NPY version 4.0 is unknown; 1.0, 2.0 and 3.0 are read"},
      {TEXT("\x93NUMPY\x01\x01\x02\0{}"),
       "b.npy: NPY version 1.1 is unknown; 1.0, 2.0 and 3.0 are read"},
      {TEXT("\x93NUMPY\x01\0\x03\0{}"),
       "b.npy: the NPY header is damaged: the file ends within it"},
      {TEXT("\x93NUMPY\x02\0\x02\0\0{}"),
       "b.npy: the NPY header is damaged: the file ends within it"},
      {TEXT("\x93NUMPY\x02\0\x02\0\0\x01{}"),
       "b.npy: the NPY header is damaged: the file ends within it"},
  };
#undef TEXT
  for (size_t i = 0; i < SIZE(headers); i++) {
    write_bytes("b.npy", headers[i].bytes, headers[i].n);
    fails("b.npy", NULL, CLF_EFORMAT, headers[i].message);
  }
}
END_TEST

/* ---- Noise ---------------------------------------------------------------- */

/* The byte order of this machine, in which these tests write numbers. */
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define HOST ">"
#else
#define HOST "<"
#endif

START_TEST(noise) {
  static const double at[] = {0, 0.25, 0.5, 0.75, 0.125, 0.9999999999999999};
  static const float single[] = {0, 0.25f, 0.5f, 0.75f, 0.125f, 0.5f};
  static const char *const shapes[] = {"2, 1, 3", "2, 1, 3, 1", "2, 3"};
  clf_table t;
  for (size_t i = 0; i < SIZE(shapes); i++) {
    put_npy("n.npy", HOST "f8", 0, shapes[i], at, sizeof at);
    ck_assert_int_eq(clf_noise_read("n.npy", 2, 1, 3, 1, &t), CLF_OK);
    ck_assert_int_eq(t.rows, 2);
    ck_assert_int_eq(t.cols, 3);
    for (int k = 0; k < 6; k++) ck_assert(t.at[k] == at[k]);
    clf_table_free(&t);
  }
  put_npy("n.npy", HOST "f4", 1, "1, 1, 2, 3", single, sizeof single);
  ck_assert_int_eq(clf_noise_read("n.npy", 1, 1, 2, 3, &t), CLF_OK);
  for (int k = 0; k < 6; k++) ck_assert(t.at[k] == (double)single[k / 3 + 2 * (k % 3)]);
  clf_table_free(&t);
  put_npy("n.npy", HOST "f8", 0, "1, 3, 1, 2", at, sizeof at); /* channels first */
  ck_assert_int_eq(clf_noise_read("n.npy", 1, 1, 2, 3, &t), CLF_OK);
  for (int k = 0; k < 6; k++) ck_assert(t.at[k] == at[k % 3 * 2 + k / 3]);
  clf_table_free(&t);
}
END_TEST

static void noise_fails(const char *descr, const char *shape, const void *data, size_t n,
                        clf_status want, const char *message) {
  clf_table t;
  put_npy("n.npy", descr, 0, shape, data, n);
  said(clf_noise_read("n.npy", 1, 1, 2, 3, &t), want, message);
}

START_TEST(noise_refusals) {
  static const double one[] = {0, 0, 0, 0, 0, 1}, less[] = {0, -0.5, 0, 0, 0, 0};
  const double nan_at[] = {0, 0, 0, (double)NAN, 0, 0};
  clf_table t;
  noise_fails(HOST "f8", "1, 1, 2, 3", one, 48, CLF_ENUM,
              "n.npy: number 6 of image 1 is 1; noise is at least 0 and below 1");
  noise_fails(HOST "f8", "1, 6", less, 48, CLF_ENUM,
              "n.npy: number 2 of image 1 is -0.5; noise is at least 0 and below 1");
  noise_fails(HOST "f8", "1, 6", nan_at, 48, CLF_ENUM,
              "n.npy: number 4 of image 1 is nan; noise is at least 0 and below 1");
  noise_fails(HOST "f8", "1, 2, 3", one, 48, CLF_ESHAPE,
              "n.npy: the shape is (1, 2, 3); noise for these images is (1, 1, 2, 3)");
  noise_fails(HOST "f8", "2, 1, 2, 3", one, 48, CLF_ESHAPE,
              "n.npy: the shape is (2, 1, 2, 3); noise for these images is (1, 1, 2, 3)");
  noise_fails("|u1", "1, 1, 2, 3", six, 6, CLF_EFORMAT,
              "n.npy: holds numbers of dtype |u1; noise is of dtype float32 or float64");
  noise_fails(HOST "f8", "1, 6", one, 47, CLF_EFORMAT,
              "n.npy: shape (1, 6) of dtype " HOST "f8 takes 48 bytes, the file has 47");
  said(clf_noise_read("n.npy", 1, 65536, 65536, 1, &t), CLF_EINVAL,
       "there is no noise for 1 images of 65536 x 65536 pixels in 1 channels");
}
END_TEST

void tests_of_arrays(Suite *s) {
  TCase *c = tcase_create("arrays");
  tcase_set_timeout(c, 60);
  tcase_add_test(c, npy_images);
  tcase_add_test(c, npy_orders);
  tcase_add_test(c, npy_headers);
  tcase_add_test(c, noise);
  tcase_add_test(c, noise_refusals);
  suite_add_tcase(s, c);
}
