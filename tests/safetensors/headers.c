/* SPDX-License-Identifier: MIT */
/* headers.c: headers, and whole files, that are refused. */
#define _XOPEN_SOURCE 700
#include <stdio.h>
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
#define BYTE(n) "byte " n " of its header is invalid: "

static const struct bad_header {
  int size; /* of the data */
  const char *header, *message;
} bad_headers[] = {
    /* Offsets. */
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
     "dimension 1 of tensor \"w\" is not an integer from 0 to 2^63 - 1"},
    {4, W "[1.0],\"data_offsets\":[0,4]}}",
     "dimension 0 of tensor \"w\" is not an integer from 0 to 2^63 - 1"},
    {4, W "[\"1\"],\"data_offsets\":[0,4]}}",
     "dimension 0 of tensor \"w\" is not an integer from 0 to 2^63 - 1"},
    {4, W "1,\"data_offsets\":[0,4]}}", "the shape of tensor \"w\" is not an array"},
    {4, W "[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}",
     "tensor \"w\" has more than 8 dimensions"},
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
     "tensor \"a\" is duplicate"},
    {0, "{\"__metadata__\":{\"k\":\"1\",\"j\":\"\",\"k\":\"2\"}}", "metadata \"k\" is duplicate"},
    {0, "{\"__metadata__\":{},\"__metadata__\":{}}", BYTE("35") "__metadata__ is duplicate"},
    {0, "{\"a\":}", "tensor \"a\" must have dtype, shape and data_offsets and nothing else"},
    {0, W "[0],\"shape\":[0]}}", FIELDS},
    {0, W "[0],\"data_offsets\":[0,0],}}", BYTE("54") "'\"' is missing"},
    {0, W "[0,],\"data_offsets\":[0,0]}}",
     "dimension 1 of tensor \"w\" is not an integer from 0 to 2^63 - 1"},
    {0, W "[01],\"data_offsets\":[0,0]}}",
     "dimension 0 of tensor \"w\" is not an integer from 0 to 2^63 - 1"},
    {0, W "[0}],\"data_offsets\":[0,0]}}", BYTE("31") "']' is missing"},
    {0, "{\"a\" 1}", BYTE("6") "':' is missing"},
    {0, "{} {}", BYTE("4") "something follows it"},
    {0, "{", BYTE("2") "'\"' is missing"},
    {0, "{\"a", BYTE("4") "it ends within a string"},
    {0, "{\"a\\x\":1}", BYTE("5") "an unknown escape"},
    {0, "{\"a\\u12g4\":1}", BYTE("6") "\\u without four hexadecimal digits"},
    {0, "{\"a\\ud800b\":1}", BYTE("6") "half a character"},
    {0, "{\"a\\ud800\\u0041\":1}", BYTE("6") "half a character"},
    {0, "{\"a\\udc00\":1}", BYTE("6") "half a character"},
    {0, "{\"a\\u0000b\":1}", BYTE("6") "a string with a zero in it"},
    {0, W "[0],\"data_offsets\":[0,9223372036854775808]}}", OFFSETS},
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
  refused(BYTE("4") "a control character in a string");
  write_parts("{}\0\0", 4, NULL, 0);
  refused(BYTE("3") "something follows it");
}
END_TEST

START_TEST(refuses_text_that_is_not_utf8) {
  static const char *const bad[] = {"\xff",
                                    "\x80",
                                    "\xc0\x80",
                                    "\xc3",
                                    "\xe0\x80\x80",
                                    "\xe2\x82",
                                    "\xed\xa0\x80",
                                    "\xf0\x80\x80\x80",
                                    "\xf4\x90\x80\x80"};
  char header[32];
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    const int n = snprintf(header, sizeof header, "{\"%s\":1}", bad[i]);
    write_parts(header, (size_t)n, NULL, 0);
    refused(BYTE("3") "a string that is not UTF-8");
  }
}
END_TEST

START_TEST(refuses_deep_nesting) {
  static char header[100000];
  memset(header, '[', sizeof header);
  memcpy(header, "{\"a\":", 5);
  write_parts(header, sizeof header, NULL, 0);
  refused("tensor \"a\" must have dtype, shape and data_offsets and nothing else");
  memcpy(header, "{\"w\":{\"shape\":[[[", 17);
  write_parts(header, sizeof header, NULL, 0);
  refused("dimension 0 of tensor \"w\" is not an integer from 0 to 2^63 - 1");
}
END_TEST

/* ---- Files that are something else ------------------------------------- */

#define NOT "not a safetensors file, but "
#define OTHER "load it where it was made, and write its weights with a safetensors library"
#define PICKLE "a pickle of Python, as torch.save wrote before version 1.6: "

static const struct foreign {
  size_t size;
  const char *bytes, *message;
} foreign[] = {
    {0, "", "not a safetensors file: it has 0 bytes, fewer than the 8 of a header length"},
    {7, "\2\0\0\0\0\0\0",
     "not a safetensors file: it has 7 bytes, fewer than the 8 of a header length"},
    {10, "\3\0\0\0\0\0\0\0{}",
     "not a safetensors file, or cut short: it starts with a header length of 3 bytes, but has 10 "
     "bytes"},
    {10, "\xff\xff\xff\xff\xff\xff\xff\xff{}",
     "not a safetensors file, or cut short: it starts with a header length of "
     "18446744073709551615 bytes, but has 10 bytes"},
#define BYTES(text) sizeof(text) - 1, text
#define SAVE "load it in Python and write its state_dict with safetensors.torch.save_file"
#define ZIP "PK\3\4\24\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define DATA "it is data; pass it as data, not as the model"
    {BYTES(ZIP "\20\0\0\0archive/data.pkl\0"), NOT "a file of torch.save: " SAVE},
    {BYTES(ZIP "\12\0\0\0weight.npy......"), NOT "an NPZ file of NumPy: " DATA},
    {BYTES(ZIP "\23\0\0\0[Content_Types].xml\0\0"), NOT "an Excel workbook: " DATA},
    {BYTES(ZIP "\13\0\0\0config.json....."), NOT "a Keras model: " OTHER},
    {BYTES(ZIP "\5\0\0\0a.txt/data.pkl.."), NOT "a ZIP archive: unpack it first"},
    {BYTES(ZIP), NOT "a ZIP archive: unpack it first"},
    {BYTES("\x80\2\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19.\x80"), NOT PICKLE SAVE},
    {BYTES("\x80\4\x95\x0a\0\0\0\0\0\0\0}\x94.\0\0"), NOT PICKLE SAVE},
    {BYTES("ccollections\nOrderedDict"), NOT PICKLE SAVE},
    {BYTES("\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), NOT "a PNG image: " DATA},
    {BYTES("\x89HDF\r\n\x1a\n\0\0\0\0\0\0\0\0"), NOT "an HDF5 file: " OTHER},
    {BYTES("\x08\x07\x12\x07pytorch\x1a\x05"
           "1.13"),
     NOT "an ONNX model: " OTHER},
    {BYTES("\x93NUMPY\1\0v\0{'desc"), NOT "an NPY file of NumPy: " DATA},
    {BYTES("PAR1\x15\4\x15\x10\x15\x14L\x15\2\x15\0\x12"), NOT "a Parquet file: " DATA},
    {BYTES("x,y\n1,2\n3,4\n5,6\n"), NOT "a text file: " DATA},
    {BYTES("{\"rows\": [1,2,3]}"), NOT "a JSON file: " DATA},
    {BYTES("\x1f\x8b\x08\0\0\0\0\0\0\3\xcb\xc8\4\0\0\0"), NOT "a gzip file: unpack it first"},
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
