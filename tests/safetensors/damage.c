/* SPDX-License-Identifier: MIT */
/* damage.c: files with a changed bit, or without their end. */
#include <stdlib.h>
#include <string.h>
#include "files.h"

START_TEST(every_flipped_bit_is_detected) {
  size_t n;
  write_small();
  char *bytes = read_file(path, &n);
  for (size_t bit = 0; bit < 8 * n; bit++) {
    clf__st *st = NULL;
    bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    write_bytes(path, bytes, n);
    ck_assert_msg(clf__st_open(path, &st) == CLF_EFORMAT, "bit %zu", bit);
    bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
  }
  free(bytes);
}
END_TEST

START_TEST(every_truncation_is_refused) {
  size_t n;
  write_small();
  char *bytes = read_file(path, &n);
  for (size_t length = 0; length < n; length++) {
    clf__st *st = NULL;
    write_bytes(path, bytes, length);
    ck_assert_msg(clf__st_open(path, &st) == CLF_EFORMAT, "%zu bytes", length);
  }
  free(bytes);
}
END_TEST

START_TEST(damage_is_told_with_both_checksums) {
  size_t n;
  write_small();
  char *bytes = read_file(path, &n);
  bytes[n - 1] ^= 1;
  write_bytes(path, bytes, n);
  free(bytes);
  refused(
      "checksum is 211128ee, the file says 56161878: the file is damaged, or was rewritten by a "
      "program that must drop the metadata \"clflow.crc32\"");
}
END_TEST

#define META(text) "{\"__metadata__\":{" text "}}"
#define NO_CRC(text)                                                                               \
  "metadata \"clflow.crc32\" is \"" text "\", which is not a checksum of 8 hexadecimal digits"

static const struct checksum {
  const char *header, *message; /* NULL: it is read */
} checksums[] = {
    {META("\"clflow.crc32\":\"123\""), NO_CRC("123")},
    {META("\"clflow.crc32\":\"\\u0031234567\""), NO_CRC("1234567")},
    {META("\"clflow.crc32\":\"\\u00312345678\""), NO_CRC("12345678")},
    {META("\"clflow.crc3\\u0032\":\"12345678\""), NO_CRC("12345678")},
    {META("\"clflow.Crc32\":\"12345678\""),
     "metadata \"clflow.Crc32\" must be \"clflow.crc32\": the file is damaged"},
    {META("\"clflow.seeds\":\"12345678\""), NULL},
    {META("\"x\":\"\\\"clflow.crc32\\\":\\\"12345678\\\"\""), NULL},
    /* The checksum is found with blanks around the colon, and not confused by its key as a value or
       a tensor. */
    {"{\"clflow.crc32\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]},"
     "\"__metadata__\":{\"x\":\"clflow.crc32\", \"clflow.crc32\" : \"f403739c\"}}",
     NULL},
};

START_TEST(finds_the_checksum) {
  const struct checksum *c = &checksums[_i];
  write_parts(c->header, strlen(c->header), NULL, 0);
  if (c->message != NULL)
    refused(c->message);
  else
    clf__st_close(open_file());
}
END_TEST

/* The checksum is only searched in the header, whatever a tensor contains. */
START_TEST(finds_no_checksum_in_the_data) {
  static const char header[] = "{\"__metadata__\":{\"clflow.crc3\\u0032\":\"12345678\"},"
                               "\"w\":{\"dtype\":\"U8\",\"shape\":[25],\"data_offsets\":[0,25]}}";
  static const char data[] = "\"clflow.crc32\":\"12345678\"";
  write_parts(header, sizeof header - 1, data, sizeof data - 1);
  refused(NO_CRC("12345678"));
}
END_TEST

void tests_of_damage(Suite *s) {
  TCase *c = tcase_create("damage");
  tcase_add_test(c, every_flipped_bit_is_detected);
  tcase_add_test(c, every_truncation_is_refused);
  tcase_add_test(c, damage_is_told_with_both_checksums);
  LOOP(finds_the_checksum, checksums);
  tcase_add_test(c, finds_no_checksum_in_the_data);
  suite_add_tcase(s, c);
}
