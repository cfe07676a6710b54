/* SPDX-License-Identifier: MIT */
/* headers.c: headers, and whole files, that are refused. */
#define _XOPEN_SOURCE 700
#include <string.h>
#include <unistd.h>
#include "files.h"

#define W "{\"w\":{\"dtype\":\"F32\",\"shape\":"
#define ENTRY(name, n, begin, end)                                                                 \
  "\"" name "\":{\"dtype\":\"F32\",\"shape\":[" n "],\"data_offsets\":[" begin "," end "]}"
#define OFFSETS                                                                                    \
  "the data_offsets of tensor \"w\" are not two integers from 0 up, the second not below the "     \
  "first"
#define FIELDS "tensor \"w\" must have dtype, shape and data_offsets and nothing else"
#define BYTE(n) "byte " n " of its header is not as it should be: "

static const struct bad_header {
  int size; /* of the data */
  const char *header, *message;
} bad_headers[] = {
    /* Places. */
    {8, W "[3],\"data_offsets\":[0,8]}}",
     "tensor \"w\" has 3 elements of F32 by its shape, but 8 bytes by its data_offsets"},
    {7, W "[2],\"data_offsets\":[0,7]}}",
     "tensor \"w\" has 2 elements of F32 by its shape, but 7 bytes by its data_offsets"},
    {8, W "[2,0],\"data_offsets\":[0,8]}}",
     "tensor \"w\" has 0 elements of F32 by its shape, but 8 bytes by its data_offsets"},
    {12, "{" ENTRY("a", "1", "0", "4") "," ENTRY("b", "1", "8", "12") "}",
     "4 bytes of the data before tensor \"b\" belong to no tensor"},
    {8, W "[1],\"data_offsets\":[4,8]}}",
     "4 bytes of the data before tensor \"w\" belong to no tensor"},
    {12, "{" ENTRY("b", "2", "4", "12") "," ENTRY("a", "2", "0", "8") "}",
     "tensors \"a\" and \"b\" overlap: one ends at byte 8 of the data, the other begins at byte 4"},
    {4, "{" ENTRY("b", "1", "0", "4") "," ENTRY("a", "1", "0", "4") "}",
     "tensors \"a\" and \"b\" overlap: one ends at byte 4 of the data, the other begins at byte 0"},
    {7, W "[2],\"data_offsets\":[0,8]}}",
     "cut short: tensor \"w\" ends at byte 8 of the data, which has 7 bytes"},
    {4, W "[2],\"data_offsets\":[0,9223372036854775807]}}",
     "cut short: tensor \"w\" ends at byte 9223372036854775807 of the data, which has 4 bytes"},
    {9, W "[2],\"data_offsets\":[0,8]}}", "1 bytes of the data belong to no tensor"},
    {5, "{}", "5 bytes of the data belong to no tensor"},
    {8, W "[2],\"data_offsets\":[8,0]}}", OFFSETS},
    {8, W "[2],\"data_offsets\":[-8,0]}}", OFFSETS},
    {8, W "[2],\"data_offsets\":[0,8.0]}}", OFFSETS},
    {8, W "[2],\"data_offsets\":[0]}}", OFFSETS},
    {8, W "[2],\"data_offsets\":[0,8,8]}}", OFFSETS},
    {8, W "[2],\"data_offsets\":8}}", OFFSETS},
    /* Shapes. */
    {4, W "[4194305,4194305,211106198978564],\"data_offsets\":[0,4]}}",
     "tensor \"w\" has more than 2^63 - 1 elements"},
    {4, W "[4611686018427387905],\"data_offsets\":[0,4]}}",
     "tensor \"w\" has 4611686018427387905 elements of F32 by its shape, but 4 bytes by its "
     "data_offsets"},
    {4, W "[1,-1],\"data_offsets\":[0,4]}}",
     "dimension 1 of tensor \"w\" is not an integer from 0 up"},
    {4, W "[1.0],\"data_offsets\":[0,4]}}",
     "dimension 0 of tensor \"w\" is not an integer from 0 up"},
    {4, W "[\"1\"],\"data_offsets\":[0,4]}}",
     "dimension 0 of tensor \"w\" is not an integer from 0 up"},
    {4, W "1,\"data_offsets\":[0,4]}}", "the shape of tensor \"w\" is not an array"},
    {4, W "[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}",
     "tensor \"w\" has 9 dimensions, more than 8"},
    /* Fields. */
    {0, "{\"w\":[]}", FIELDS},
    {0, "{\"w\":{}}", FIELDS},
    {0, "{\"w\":{\"dtype\":\"F32\",\"shape\":[0]}}", FIELDS},
    {0, W "[0],\"data_offsets\":[0,0],\"x\":1}}", FIELDS},
    {0, "{\"w\":{\"dtype\":32,\"shape\":[0],\"data_offsets\":[0,0]}}",
     "the dtype of tensor \"w\" is not a string"},
    {0, "{\"__metadata__\":{\"n\":1}}", "metadata \"n\" is not a string"},
    {0, "{\"__metadata__\":[]}", "its __metadata__ is not an object"},
    {0, "{\"__metadata__\":null}", "its __metadata__ is not an object"},
    /* JSON. */
    {0, "{" ENTRY("a", "0", "0", "0") "," ENTRY("a", "0", "0", "0") "}",
     BYTE("57") "duplicate object key near '\"a\"'"},
    {0, "{\"a\":}", BYTE("6") "unexpected token near '}'"},
    {0, "{} {}", BYTE("4") "end of file expected near '{'"},
    {0, "{", BYTE("1") "string or '}' expected near end of file"},
    {0, "{\"a\\u0000b\":1}",
     BYTE("11") "NUL byte in object key not supported near '\"a\\u0000b\"'"},
    {0, W "[0],\"data_offsets\":[0,9223372036854775808]}}",
     BYTE("69") "too big integer near '9223372036854775808'"},
    /* The header as a whole. */
    {0, "", "not a safetensors file: its header does not begin with '{'"},
    {0, " {}", "not a safetensors file: its header does not begin with '{'"},
    {0, "[]", "not a safetensors file: its header does not begin with '{'"},
};

START_TEST(refuses_headers) {
  static const char zeros[16];
  const struct bad_header *b = &bad_headers[_i];
  write_parts(b->header, strlen(b->header), zeros, (size_t)b->size);
  refused(b->message);
}
END_TEST

START_TEST(refuses_nul_in_the_header) {
  write_parts("{\"a\0b\":1}", 9, NULL, 0);
  refused(BYTE("3") "control character 0x0 near '\"a'");
  write_parts("{}\0\0", 4, NULL, 0);
  refused(BYTE("3") "end of file expected near end of file");
}
END_TEST

START_TEST(refuses_text_that_is_not_utf8) {
  write_parts("{\"\xff\":1}", 7, NULL, 0);
  refused(BYTE("2") "unable to decode byte 0xff near '\"'");
}
END_TEST

START_TEST(refuses_deep_nesting) {
  static char header[100000];
  memset(header, '[', sizeof header);
  memcpy(header, "{\"a\":", 5);
  write_parts(header, sizeof header, NULL, 0);
  refused(BYTE("2053") "maximum parsing depth reached near '['");
}
END_TEST

/* ---- Files that are something else ------------------------------------- */

static const struct foreign {
  size_t size;
  const char *bytes, *message;
} foreign[] = {
    {0, "", "not a safetensors file: it has 0 bytes, fewer than the 8 of a header length"},
    {7, "\2\0\0\0\0\0\0",
     "not a safetensors file: it has 7 bytes, fewer than the 8 of a header length"},
    {16, "\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
     "not a safetensors file, or cut short: it starts with a header length of "
     "727905341920923785 bytes, but has 16 bytes"},
    {16, "PK\3\4\0\0\b\b\0\0\0\0\0\0\0\0",
     "not a safetensors file: it looks like one of torch.save; load it in Python and write its "
     "state_dict with safetensors.torch.save_file"},
    {16, "\x80\2\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19.\x80",
     "not a safetensors file: it looks like one of torch.save; load it in Python and write its "
     "state_dict with safetensors.torch.save_file"},
    {10, "\3\0\0\0\0\0\0\0{}",
     "not a safetensors file, or cut short: it starts with a header length of 3 bytes, but has 10 "
     "bytes"},
    {10, "\xff\xff\xff\xff\xff\xff\xff\xff{}",
     "not a safetensors file, or cut short: it starts with a header length of "
     "18446744073709551615 bytes, but has 10 bytes"},
};

START_TEST(refuses_foreign_files) {
  write_bytes(path, foreign[_i].bytes, foreign[_i].size);
  refused(foreign[_i].message);
}
END_TEST

START_TEST(refuses_a_header_above_the_limit) {
  write_bytes(path, "\1\xe1\xf5\5\0\0\0\0{", 9);
  ck_assert_int_eq(truncate(path, 100000100), 0);
  refused("its header has 100000001 bytes, more than 100000000");
  write_bytes(path, "{}", 2);
}
END_TEST

START_TEST(refuses_a_file_that_is_not_there) {
  clf__st *st = NULL;
  unlink(path);
  ck_assert_int_eq(clf__st_open(path, &st), CLF_EIO);
  ck_assert_ptr_null(st);
}
END_TEST

void tests_of_headers(Suite *s) {
  TCase *c = tcase_create("headers");
  LOOP(refuses_headers, bad_headers);
  tcase_add_test(c, refuses_nul_in_the_header);
  tcase_add_test(c, refuses_text_that_is_not_utf8);
  tcase_add_test(c, refuses_deep_nesting);
  LOOP(refuses_foreign_files, foreign);
  tcase_add_test(c, refuses_a_header_above_the_limit);
  tcase_add_test(c, refuses_a_file_that_is_not_there);
  suite_add_tcase(s, c);
}
