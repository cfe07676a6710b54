/* SPDX-License-Identifier: MIT */
/* raw.c: IDX and CIFAR-10, files of raw bytes. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include "sets.h"

/* ---- IDX ------------------------------------------------------------------ */

#define IDX3 "\0\0\x08\x03"
#define IDX_2_1_3 IDX3 "\0\0\0\2\0\0\0\1\0\0\0\3"
static const char idx[] = IDX_2_1_3 "\1\2\3\4\5\372";
enum { IDX_BYTES = sizeof idx - 1 };

START_TEST(idx_values) {
  write_bytes("a.idx", idx, IDX_BYTES);
  write_bytes("a-images-idx3-ubyte", idx, IDX_BYTES);
  put_gz("a-images-idx3-ubyte.gz", idx, IDX_BYTES);
  set_is("a.idx", NULL, 2, 1, 3, 1, six);
  set_is("a-images-idx3-ubyte", NULL, 2, 1, 3, 1, six);
  set_is("a-images-idx3-ubyte.gz", NULL, 2, 1, 3, 1, six);
  write_bytes("c.idx", "\0\0\x08\x04\0\0\0\1\0\0\0\1\0\0\0\2\0\0\0\3\1\2\3\4\5\372", 26);
  set_is("c.idx", NULL, 1, 1, 2, 3, six);
  write_bytes("one.idx", IDX3 "\0\0\0\1\0\0\0\1\0\0\0\1\372", 17);
  set_is("one.idx", NULL, 1, 1, 1, 1, six + 5);
}
END_TEST

#define IDX_FAILS(bytes, message)                                                                  \
  do {                                                                                             \
    write_bytes("b.idx", bytes, sizeof(bytes) - 1);                                                \
    fails("b.idx", NULL, CLF_EFORMAT, "b.idx: " message);                                          \
  } while (0)

START_TEST(idx_refusals) {
  IDX_FAILS("", "0 bytes are too few for an IDX file");
  IDX_FAILS(
      "\0\0\x08\x01\0\0\0\2\1\2",
      "holds labels (IDX magic 0x00000801), not images; these are in the file of the same set "
      "with \"images\" in its name");
  IDX_FAILS("a,b\n1,2\n", "this is not an IDX file of images: it begins with 0x612c620a, not with "
                          "0x00000803 or 0x00000804");
  IDX_FAILS(IDX3 "\0\0\0\2\0\0", "ends within its header, after 10 of 16 bytes");
  IDX_FAILS(IDX_2_1_3 "\1\2\3\4\5",
            "2 x 1 x 3 pixels take 22 bytes with the header, the file has 21");
  IDX_FAILS(IDX_2_1_3 "\1\2\3\4\5\6\7",
            "2 x 1 x 3 pixels take 22 bytes with the header, the file has 23");
  IDX_FAILS(IDX3 "\0\0\0\0\0\0\0\1\0\0\0\1", "holds no pixels: 0 x 1 x 1");
  IDX_FAILS(IDX3 "\0\0\0\1\0\1\0\1\0\0\0\1",
            "images of 1 x 65537 x 1 pixels are beyond 65536 a side or 2^28 in all");
  IDX_FAILS(IDX3 "\xff\xff\xff\xff\0\0\x40\0\0\0\x40\0",
            "4294967295 x 16384 x 16384 pixels take 1152921504338411536 bytes with the header, the "
            "file has 16");
  IDX_FAILS("\0\0\x08\x04\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\2\1\2",
            "the shape is 1 x 1 x 1 x 2; the last must be 1 or 3 channels");
  fails("none.idx", NULL, CLF_EIO, "none.idx: cannot be read: No such file or directory");
}
END_TEST

START_TEST(idx_compressed_refusals) {
  uint8_t b[256];
  put_gz("a.idx.gz", idx, IDX_BYTES);
  const size_t n = take("a.idx.gz", b, sizeof b);
  char message[128];
  for (size_t cut = 10; cut < n; cut += cut < 12 ? 1 : n - 13) {
    write_bytes("b.idx.gz", b, cut);
    snprintf(message, sizeof message,
             "b.idx.gz: the gzip data are cut short: they end after %zu bytes", cut);
    fails("b.idx.gz", NULL, CLF_EFORMAT, message);
  }
  write_bytes("b.idx.gz", b, n + 2);
  fails("b.idx.gz", NULL, CLF_EFORMAT, "b.idx.gz: 2 bytes follow the gzip data");
  b[n - 6] ^= 1; /* in the checksum */
  write_bytes("b.idx.gz", b, n);
  fails("b.idx.gz", NULL, CLF_EFORMAT,
        "b.idx.gz: the gzip data are damaged after 22 bytes: incorrect data check");
  put_gz("b.idx.gz", idx, IDX_BYTES - 1);
  fails("b.idx.gz", NULL, CLF_EFORMAT,
        "b.idx.gz: 2 x 1 x 3 pixels take 22 bytes with the header, decompressed it has 21");
  put_gz("b.idx.gz", IDX_2_1_3 "\1\2\3\4\5\6\7\1\1\1", IDX_BYTES + 4);
  fails(
      "b.idx.gz", NULL, CLF_EFORMAT,
      "b.idx.gz: 2 x 1 x 3 pixels take 22 bytes with the header, decompressed it has at least 23");
  put_gz("b.idx.gz", IDX3 "\xff\0\0\0\0\0\1\0\0\0\1\0", 16);
  fails("b.idx.gz", NULL, CLF_EFORMAT,
        "b.idx.gz: 4278190080 x 256 x 256 pixels take 280375465082896 bytes with the header, more "
        "than can be made of the file's 30");
}
END_TEST

/* A megabyte of zeros for a header of six bytes: no more than six are decompressed. */
START_TEST(idx_bomb) {
  char *const b = calloc(1, 1 << 20);
  memcpy(b, idx, IDX_BYTES);
  put_gz("b.idx.gz", b, 1 << 20);
  free(b);
  fails(
      "b.idx.gz", NULL, CLF_EFORMAT,
      "b.idx.gz: 2 x 1 x 3 pixels take 22 bytes with the header, decompressed it has at least 23");
}
END_TEST

/* ---- CIFAR-10 ------------------------------------------------------------- */

static void put_cifar(const char *path, int records, int first) {
  uint8_t b[3 * 3073];
  for (int i = 0; i < records; i++)
    for (int k = 0; k < 3073; k++) {
      const int plane = (k - 1) / 1024, x = (k - 1) % 32, y = (k - 1) % 1024 / 32;
      b[i * 3073 + k] = (uint8_t)(k == 0 ? 9 : 80 * plane + first + i + x + y);
    }
  write_bytes(path, b, (size_t)(records * 3073));
}

static void cifar_is(const char *source, int64_t n) {
  uint8_t got[3072];
  clf_images *const m = load(source, NULL);
  shape_is(m, n, 32, 32, 3);
  for (int64_t i = 0; i < n; i++) {
    ck_assert_int_eq(clf_images_get(m, &i, 0, 1, NULL, got), CLF_OK);
    for (int k = 0; k < 3072; k++) {
      const int c = k % 3, x = k / 3 % 32, y = k / 96;
      ck_assert_int_eq(got[k], (uint8_t)(80 * c + i + x + y));
    }
  }
  clf_images_free(m);
}

START_TEST(cifar_values) {
  fresh("d");
  put_cifar("d/data_batch_2.bin", 2, 1);
  put_cifar("d/data_batch_1.bin", 1, 0);
  put_cifar("d/test_batch.bin", 1, 7);
  write_bytes("d/readme.png", "no image", 8);
  cifar_is("d", 3);
  put_cifar("t.bin", 3, 0);
  cifar_is("t.bin", 3);
}
END_TEST

START_TEST(cifar_refusals) {
  uint8_t b[3 * 3073 + 1];
  put_cifar("t.bin", 3, 0);
  ck_assert_uint_eq(take("t.bin", b, sizeof b), 3 * 3073);
  write_bytes("t.bin", b, 3 * 3073 - 1);
  fails("t.bin", NULL, CLF_EFORMAT,
        "t.bin: 9218 bytes are not a whole number of CIFAR-10's records of 3073: 2 records and "
        "3072 bytes");
  write_bytes("t.bin", b, 0);
  fails("t.bin", NULL, CLF_EFORMAT, "t.bin: the file is empty");
  fresh("d");
  write_bytes("d/data_batch_1.bin", b, 3073);
  write_bytes("d/data_batch_2.bin", b, 3074);
  fails("d", NULL, CLF_EFORMAT,
        "d/data_batch_2.bin: 3074 bytes are not a whole number of CIFAR-10's records of 3073: 1 "
        "records and 1 bytes");
}
END_TEST

void tests_of_raw(Suite *s) {
  TCase *c = tcase_create("raw");
  tcase_set_timeout(c, 60);
  tcase_add_test(c, idx_values);
  tcase_add_test(c, idx_refusals);
  tcase_add_test(c, idx_compressed_refusals);
  tcase_add_test(c, idx_bomb);
  tcase_add_test(c, cifar_values);
  tcase_add_test(c, cifar_refusals);
  suite_add_tcase(s, c);
}
