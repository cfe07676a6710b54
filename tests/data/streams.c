/* SPDX-License-Identifier: MIT */
/* streams.c: tables from pipes and standard input, compressed tables, and archives. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include "tables.h"

static const double four[] = {1, 2, 3, 4};

static void is_four(const char *source) {
  clf_table t;
  const clf_status s = clf_table_read(source, &t);
  ck_assert_msg(s == CLF_OK, "%s: %s", source, s ? clf_errmsg() : "");
  expect_table(&t, 2, 2, four);
  clf_table_free(&t);
}

static void fails(const char *source, clf_status status, const char *message) {
  clf_table t;
  expect(clf_table_read(source, &t), status, message);
}

/* ---- What the formats look like -------------------------------------------------------------- */

static size_t npy_of_four(char *npy) {
  static const char dict[] = "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2), }";
  memset(npy, ' ', 128);
  memcpy(npy, "\x93NUMPY\x01\x00\x76\x00", 10);
  memcpy(npy + 10, dict, sizeof dict - 1);
  npy[127] = '\n';
  memcpy(npy + 128, four, sizeof four);
  return 128 + sizeof four;
}

/* bits: 16 + MAX_WBITS for gzip, -MAX_WBITS for a member of an archive. */
static size_t packed(const void *bytes, size_t n, int bits, unsigned char *out, size_t room) {
  z_stream z = {.next_in = (z_const Bytef *)(uintptr_t)bytes, .avail_in = (uInt)n};
  ck_assert_int_eq(deflateInit2(&z, 9, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
  z.next_out = out;
  z.avail_out = (uInt)room;
  ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
  deflateEnd(&z);
  return z.total_out;
}

static size_t gzip(const void *bytes, size_t n, unsigned char *out, size_t room) {
  return packed(bytes, n, 16 + MAX_WBITS, out, room);
}

/* ---- Compressed by gzip
 * -------------------------------------------------------------------------- */

START_TEST(packed_tables) {
  static const char csv[] = "1,2\n3,4\n", tsv[] = "1\t2\n3\t4\n";
  unsigned char z[512], twice[1024];
  char npy[256];
  size_t n = gzip(csv, sizeof csv - 1, z, sizeof z);
  write_bytes("d.csv.gz", z, n);
  is_four("d.csv.gz");
  rename("d.csv.gz", "d.TXT.GZ");
  is_four("d.TXT.GZ");
  unlink("d.TXT.GZ");
  n = gzip(tsv, sizeof tsv - 1, z, sizeof z);
  write_bytes("d.tsv.gz", z, n);
  is_four("d.tsv.gz");
  unlink("d.tsv.gz");
  n = gzip(npy, npy_of_four(npy), z, sizeof z);
  write_bytes("d.npy.gz", z, n);
  is_four("d.npy.gz");
  unlink("d.npy.gz");
  n = gzip("1,2\n", 4, twice, sizeof twice); /* two members, followed by zeros */
  n += gzip("3,4\n", 4, twice + n, sizeof twice - n);
  memset(twice + n, 0, 100);
  write_bytes("d.csv.gz", twice, n + 100);
  is_four("d.csv.gz");
  unlink("d.csv.gz");
}
END_TEST

START_TEST(packed_tables_that_are_refused) {
  unsigned char z[512];
  const size_t n = gzip("1,2\n3,4\n", 8, z, sizeof z - 1);
  write_bytes("d.csv.gz", z, n - 9);
  fails("d.csv.gz", CLF_EFORMAT, "d.csv.gz: the compressed data are cut short");
  write_bytes("d.csv.gz", z, 2);
  fails("d.csv.gz", CLF_EFORMAT, "d.csv.gz: the compressed data are cut short");
  z[n] = 'x';
  write_bytes("d.csv.gz", z, n + 1);
  fails("d.csv.gz", CLF_EFORMAT, "d.csv.gz: other bytes follow the compressed data");
  z[n - 8] ^= 1; /* in the checksum */
  write_bytes("d.csv.gz", z, n);
  fails("d.csv.gz", CLF_EFORMAT,
        "d.csv.gz: the compressed data are damaged after 8 bytes: incorrect data check");
  write_bytes("d.csv.gz", "1,2\n", 4);
  fails("d.csv.gz", CLF_EFORMAT,
        "d.csv.gz: is not compressed with gzip, though its name says so; rename it");
  unlink("d.csv.gz");
  const clf_table t = {.rows = 1, .cols = 1, .at = (double[]){1}};
  expect(clf_table_write("d.csv.gz", &t), CLF_EINVAL,
         "d.csv.gz: cannot be written: the name of a table to write ends in .npy or .csv");
}
END_TEST

/* The output of a small compressed file is limited. */
START_TEST(bombs) {
  enum { MUCH = 24 << 20, ROOM = 1 << 20 };
  char *const zeros = malloc(MUCH);
  unsigned char *const z = malloc(ROOM);
  ck_assert(zeros && z);
  for (size_t i = 0; i < MUCH; i += 2) memcpy(zeros + i, "0\n", 2);
  size_t n = gzip(zeros, MUCH, z, ROOM);
  write_bytes("d.csv.gz", z, n);
  fails("d.csv.gz", CLF_EFORMAT,
        "d.csv.gz: decompresses to more than 16 MiB, over 100 times its size; decompress it first");
  n = gzip(zeros, 1 << 20, z, ROOM); /* the same ratio, but small */
  write_bytes("d.csv.gz", z, n);
  clf_table t;
  ck_assert_int_eq(clf_table_read("d.csv.gz", &t), CLF_OK);
  ck_assert_int_eq(t.rows, 1 << 19);
  clf_table_free(&t);
  unlink("d.csv.gz");
  free(zeros);
  free(z);
}
END_TEST

/* ---- Archives -----------------------------------------------------------------------------------
 */

typedef struct zip {
  unsigned char at[4096], list[1024];
  size_t n, listed, members;
} zip;

static void number(unsigned char *p, int bytes, uint64_t v) {
  for (int i = 0; i < bytes; i++) p[i] = (unsigned char)(v >> (8 * i));
}

/* As numpy writes it: sizes in the entry, and a field for 64-bit sizes before the data. */
static void add(zip *z, const char *name, const void *bytes, size_t size, int deflated) {
  unsigned char *const local = z->at + z->n, *const entry = z->list + z->listed;
  const size_t length = strlen(name), extra = 20;
  memset(local, 0, 30 + length + extra);
  memcpy(local, "PK\x03\x04", 4);
  number(local + 8, 2, deflated ? 8 : 0);
  number(local + 26, 2, length);
  number(local + 28, 2, extra);
  memcpy(local + 30, name, length);
  const size_t head = 30 + length + extra;
  size_t n = size;
  if (deflated)
    n = packed(bytes, size, -MAX_WBITS, local + head, 1024);
  else
    memcpy(local + head, bytes, size);
  memset(entry, 0, 46);
  memcpy(entry, "PK\x01\x02", 4);
  number(entry + 10, 2, deflated ? 8 : 0);
  number(entry + 16, 4, crc32_z(crc32_z(0, NULL, 0), bytes, size));
  number(entry + 20, 4, n);
  number(entry + 24, 4, size);
  number(entry + 28, 2, length);
  number(entry + 42, 4, z->n);
  memcpy(entry + 46, name, length);
  z->listed += 46 + length;
  z->n += head + n;
  z->members++;
}

static void finish(zip *z, const char *path) {
  unsigned char *const end = z->at + z->n + z->listed;
  memcpy(z->at + z->n, z->list, z->listed);
  memset(end, 0, 22);
  memcpy(end, "PK\x05\x06", 4);
  number(end + 8, 2, z->members);
  number(end + 10, 2, z->members);
  number(end + 12, 4, z->listed);
  number(end + 16, 4, z->n);
  write_bytes(path, z->at, z->n + z->listed + 22);
}

START_TEST(archives) {
  char npy[256], one[256];
  const size_t n = npy_of_four(npy);
  for (int deflated = 0; deflated < 2; deflated++) {
    zip z = {.n = 0};
    add(&z, "x.npy", npy, n, deflated);
    finish(&z, "d.npz");
    is_four("d.npz");
    is_four("d.npz:x");
    fails("d.npz:y", CLF_EINVAL, "d.npz:y: holds no array \"y\"; there is x");
  }
  npy_of_four(one);
  one[128] = 9;
  zip z = {.n = 0};
  add(&z, "a b.npy", one, n, 1);
  add(&z, "notes.txt", "hello", 5, 0);
  add(&z, "x.npy", npy, n, 1);
  finish(&z, "D.NPZ");
  fails("D.NPZ", CLF_EINVAL, "D.NPZ: holds 2 arrays, a b, x; name one: FILE.npz:ARRAY");
  is_four("D.NPZ:x");
  fails("D.NPZ:notes", CLF_EINVAL, "D.NPZ:notes: holds no array \"notes\"; there are a b, x");
  clf_table t;
  ck_assert_int_eq(
      clf_table_read_with("D.NPZ:x", &(clf_table_options){.drop = (char *[]){"1"}, .drop_count = 1},
                          &t),
      CLF_OK);
  expect_table(&t, 2, 1, (double[]){2, 4});
  clf_table_free(&t);
  expect(clf_table_read_with("D.NPZ:x", &(clf_table_options){.skip = 1}, &t), CLF_EINVAL,
         "D.NPZ:x: --skip is for text; this is an NPZ file");
  unlink("D.NPZ");
  unlink("d.npz");
}
END_TEST

/* The position of the list has 64 bits, in a record of its own, as in archives above 4 GiB. */
START_TEST(archives_with_large_positions) {
  enum { RECORD = 56, LOCATOR = 20, END = 22 };
  char npy[256];
  zip z = {.n = 0};
  add(&z, "x.npy", npy, npy_of_four(npy), 0);
  finish(&z, "d.npz");
  const size_t record = z.n + z.listed, size = record + RECORD + LOCATOR + END;
  unsigned char *const locator = z.at + record + RECORD, *const end = locator + LOCATOR;
  memmove(end, z.at + record, END);
  memset(z.at + record, 0, RECORD + LOCATOR);
  memcpy(z.at + record, "PK\x06\x06", 4);
  number(z.at + record + 48, 8, z.n);
  memcpy(locator, "PK\x06\x07", 4);
  number(locator + 8, 8, record);
  number(end + 16, 4, UINT32_MAX);
  write_bytes("d.npz", z.at, size);
  is_four("d.npz");
  number(locator + 8, 8, record + 1);
  write_bytes("d.npz", z.at, size);
  fails("d.npz", CLF_EFORMAT, "d.npz: the archive is damaged: its end is not where it says");
  unlink("d.npz");
}
END_TEST

/* Each byte of an archive is set to 0, to 255 and one higher: the array is read, or an error is
 * reported. */
START_TEST(damaged_archives) {
  char npy[256];
  const size_t n = npy_of_four(npy);
  int refused = 0;
  for (int deflated = 0; deflated < 2; deflated++) {
    zip z = {.n = 0};
    add(&z, "x.npy", npy, n, deflated);
    finish(&z, "d.npz");
    const size_t size = z.n + z.listed + 22;
    for (size_t i = 0; i < size; i++)
      for (int k = 0; k < 3; k++) {
        clf_table t;
        const unsigned char before = z.at[i];
        z.at[i] = k == 0 ? 0 : k == 1 ? 255 : (unsigned char)(before + 1);
        write_bytes("d.npz", z.at, size);
        z.at[i] = before;
        if (clf_table_read("d.npz", &t) == CLF_OK) {
          expect_table(&t, 2, 2, four);
          clf_table_free(&t);
          continue;
        }
        ck_assert_msg(!strncmp(clf_errmsg(), "d.npz: ", 7), "%s", clf_errmsg());
        refused++;
      }
    for (size_t i = 0; i < size; i += 7) {
      clf_table t;
      write_bytes("d.npz", z.at, i);
      ck_assert_int_eq(clf_table_read("d.npz", &t), CLF_EFORMAT);
    }
  }
  ck_assert_int_gt(refused, 500);
  zip empty = {.n = 0};
  add(&empty, "a.txt", "x", 1, 0);
  finish(&empty, "d.npz");
  fails("d.npz", CLF_EFORMAT, "d.npz: the archive holds no array");
  write_bytes("d.npz", "x", 1);
  fails("d.npz", CLF_EFORMAT, "d.npz: this is not an NPZ file, or it is cut short");
  unlink("d.npz");
}
END_TEST

/* ---- Streams
 * ---------------------------------------------------------------------------------------- */

/* Reads `what` while standard input is a pipe with these bytes. */
static void piped(const void *bytes, size_t n, const char *what, const char *message) {
  int fd[2];
  ck_assert_int_eq(pipe(fd), 0);
  ck_assert_int_eq(write(fd[1], bytes, n), (ssize_t)n); /* few enough for the buffer of the pipe */
  close(fd[1]);
  const int before = dup(STDIN_FILENO);
  dup2(fd[0], STDIN_FILENO);
  close(fd[0]);
  if (message)
    fails(what, CLF_EFORMAT, message);
  else
    is_four(what);
  dup2(before, STDIN_FILENO);
  close(before);
}

START_TEST(pipes) {
  static const char csv[] = "1;2\n3;4\n";
  char npy[256];
  unsigned char z[512];
  const size_t n = npy_of_four(npy);
  piped(csv, sizeof csv - 1, "-", NULL);
  piped(npy, n, "-", NULL);
  piped(z, gzip(csv, sizeof csv - 1, z, sizeof z), "-", NULL);
  piped(z, gzip(npy, n, z, sizeof z), "-", NULL);
  piped("", 0, "-", "-: the file is empty");
  piped(
      "1,x\n3,4\n", 8, "-",
      "-: line 1, column 2: \"x\" is not a number; if line 1 names the columns, say --header yes");
  POSIX_ONLY;
  piped(csv, sizeof csv - 1, "/dev/stdin", NULL);
  zip archive = {.n = 0};
  add(&archive, "x.npy", npy, n, 1);
  finish(&archive, "d.npz");
  piped(archive.at, archive.n + archive.listed + 22, "-", NULL);
  unlink("d.npz");
}
END_TEST

START_TEST(pipes_with_names) {
  POSIX_ONLY;
  mkfifo("pipe.csv", 0666);
  const pid_t child = suite_fork();
  if (child == 0) {
    const int fd = open("pipe.csv", O_WRONLY);
    _exit(write(fd, "1,2\n", 4) != 4 || write(fd, "3,4\n", 4) != 4);
  }
  is_four("pipe.csv");
  unlink("pipe.csv");
  clf_table t;
  expect(clf_table_read("/dev/null", &t), CLF_EFORMAT, "/dev/null: the file is empty");
  ck_assert_int_eq(clf_table_read("/dev/zero", &t), CLF_EFORMAT); /* and ends */
  fails("/dev/fd/77", CLF_EIO, "/dev/fd/77: cannot be read: No such file or directory");
}
END_TEST

void tests_of_streams(Suite *s) {
  TCase *c = tcase_create("streams");
  tcase_add_test(c, packed_tables);
  tcase_add_test(c, packed_tables_that_are_refused);
  tcase_add_test(c, bombs);
  tcase_add_test(c, archives);
  tcase_add_test(c, archives_with_large_positions);
  tcase_add_test(c, damaged_archives);
  tcase_add_test(c, pipes);
  tcase_add_test(c, pipes_with_names);
  suite_add_tcase(s, c);
}
