/* SPDX-License-Identifier: MIT */
/* tables.c: the worst tables. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include "limits.h"

enum { MILLION = 1000000 };

static clf_status read_table(const char *path) {
  clf_table t;
  CLF_TRY(clf_table_read(path, &t));
  clf_table_free(&t);
  return CLF_OK;
}

/* ---- CSV -------------------------------------------------------------------- */

static clf_status read_csv(void) { return read_table("a.csv"); }

static void csv_of(const char *line, size_t times) {
  limit_bytes b = {0};
  limit_repeat(&b, line, times);
  limit_write(&b, "a.csv");
}
static void one_column(void) { csv_of("1\n", MILLION / 2); }
static void two_columns(void) { csv_of("1,2\n", MILLION / 4); }
static void long_line(void) { csv_of("1,", MILLION / 2); }
static void blank_lines(void) {
  limit_bytes b = {0};
  limit_repeat(&b, "\n", MILLION);
  limit_repeat(&b, "1\n", 1);
  limit_write(&b, "a.csv");
}
static void comments(void) {
  limit_bytes b = {0};
  limit_repeat(&b, "#\n", MILLION / 2);
  limit_repeat(&b, "1\n", 1);
  limit_write(&b, "a.csv");
}
static void names(void) {
  limit_bytes b = {0};
  char name[16];
  for (int i = 0; i < MILLION / 7; i++) {
    snprintf(name, sizeof name, "%sx%05x", i ? "," : "", (unsigned)i);
    limit_repeat(&b, name, 1);
  }
  limit_repeat(&b, "\n", 1);
  for (int i = 0; i < MILLION / 7; i++) limit_repeat(&b, i ? ",1" : "1", 1);
  limit_repeat(&b, "\n", 1);
  limit_write(&b, "a.csv");
}
static void long_digits(void) { csv_of("1", MILLION); }
static void quotes(void) { csv_of("\"", MILLION); }
static void line_ends(void) { csv_of("\"1\n\"\n", MILLION / 5); }
/* A field is open at the end of every line; the last one stays open. */
static void open_fields(void) {
  limit_bytes b = {0};
  limit_repeat(&b, "\"", 1);
  limit_repeat(&b, "\n\",\"", MILLION / 4);
  limit_write(&b, "a.csv");
}
/* Quotes that text follows. */
static void stray_quotes(void) { csv_of("\"a\n", MILLION / 3); }
/* One that nothing closes before many lines. */
static void first_quote(void) {
  limit_bytes b = {0};
  limit_repeat(&b, "\"a\n", 1);
  limit_repeat(&b, "\"\"\n", MILLION / 3);
  limit_write(&b, "a.csv");
}

/* As the program reads them, which looks for labels, dates and missing values. */
static clf_status read_with(clf_table_options o) {
  clf_table t;
  o.kinds = 1;
  CLF_TRY(clf_table_read_with("a.csv", &o, &t));
  clf_table_free(&t);
  return CLF_OK;
}
static clf_status read_kinds(void) {
  return read_with((clf_table_options){.missing = CLF_MISSING_KEEP, .header = CLF_HEADER_NO});
}
static clf_status read_complete(void) {
  return read_with((clf_table_options){.missing = CLF_MISSING_DROP});
}
static void letters(void) { csv_of("x,", MILLION / 2); }
static void nothing(void) { csv_of(",", MILLION); }
/* A line of n numbered fields. */
static void add_fields(limit_bytes *b, const char *format, int n) {
  char field[32];
  for (int i = 0; i < n; i++) {
    if (i) limit_repeat(b, ",", 1);
    snprintf(field, sizeof field, format, (unsigned)i);
    limit_repeat(b, field, 1);
  }
  limit_repeat(b, "\n", 1);
}
/* Every column has the name of a counter and counts its row. */
static void counters(void) {
  enum { COLUMNS = MILLION / 10 };
  limit_bytes b = {0};
  add_fields(&b, "id%05x", COLUMNS);
  add_fields(&b, "1", COLUMNS);
  limit_write(&b, "a.csv");
}
/* Every column but the first has another text in every row. */
static void texts_that_differ(void) {
  enum { ROWS = 300, COLUMNS = MILLION / ROWS / 4 };
  limit_bytes b = {0};
  for (int i = 0; i < ROWS; i++) {
    char row[16];
    snprintf(row, sizeof row, "%d,", i);
    limit_repeat(&b, row, 1);
    snprintf(row, sizeof row, "%c%c", 'a' + i / 26, 'a' + i % 26);
    add_fields(&b, row, COLUMNS);
  }
  limit_write(&b, "a.csv");
}
/* The later a column, the more values are missing. */
static void more_and_more_lacks(void) {
  enum { COLUMNS = MILLION / 6 };
  limit_bytes b = {0};
  add_fields(&b, "1", COLUMNS);
  limit_repeat(&b, "1,", COLUMNS / 2);
  add_fields(&b, "", COLUMNS - COLUMNS / 2);
  add_fields(&b, "1", COLUMNS);
  limit_write(&b, "a.csv");
}
static clf_status read_like_itself(void) {
  clf_table model, t;
  CLF_TRY(clf_table_read_with("a.csv", &(clf_table_options){.kinds = 1}, &model));
  const clf_columns like = {.names = model.names, .at = model.columns, .count = model.cols};
  const clf_table_options o = {.kinds = 1, .like = &like};
  const clf_status s = clf_table_read_with("a.csv", &o, &t);
  clf_table_free(&model);
  if (!s) clf_table_free(&t);
  return s;
}
static void many_columns(void) { csv_of(",", 1100000); }

/* ---- NPY -------------------------------------------------------------------- */

static clf_status read_npy(void) { return read_table("a.npy"); }

static void npy_of(const char *path, const char *descr, const char *fortran, const char *shape,
                   size_t bytes) {
  limit_bytes b = {0};
  char head[128];
  const int n = snprintf(head, sizeof head, "{'descr': '%s', 'fortran_order': %s, 'shape': (%s), }",
                         descr, fortran, shape);
  limit_add(&b, "\x93NUMPY\1", 8);
  limit_add(&b, (uint8_t[]){(uint8_t)n, 0}, 2);
  limit_add(&b, head, (size_t)n);
  limit_add(&b, NULL, bytes);
  limit_write(&b, path);
}
static void booleans(void) { npy_of("a.npy", "|b1", "False", "1000000,", MILLION); }
static void turned(void) { npy_of("a.npy", "|b1", "True", "1000, 1000", MILLION); }
static void npy_claims(void) { npy_of("a.npy", "<f8", "False", "1152921504606846975, 1", 64); }
static void npy_header(void) {
  limit_bytes b = {0};
  limit_add(&b, "\x93NUMPY\2\0\x40\x42\x0f\0", 12);
  limit_repeat(&b, "{'shape': (", 1);
  limit_repeat(&b, "1,", (MILLION - 11) / 2 + 1);
  limit_write(&b, "a.npy");
}

/* ---- Packed ------------------------------------------------------------------- */

static clf_status read_csv_gz(void) { return read_table("a.csv.gz"); }
static clf_status read_npz(void) { return read_table("a.npz"); }

/* The data that compress best, up to the limit and beyond it. */
static void packed_digits(size_t bytes) {
  static uint8_t z[MILLION];
  limit_bytes b = {0}, out = {0};
  limit_repeat(&b, "1\n", bytes / 2);
  limit_add(&out, z, limit_pack(&b, 16 + MAX_WBITS, z, sizeof z));
  free(b.at);
  limit_write(&out, "a.csv.gz");
}
static void packed_within(void) { packed_digits((16 << 20) - 2); }
static void packed_beyond(void) { packed_digits(100 << 20); }

/* An archive of one array of booleans. */
static void archive_of(size_t bytes, uint32_t claim) {
  limit_bytes b = {0};
  char head[128];
  const int n = snprintf(head, sizeof head,
                         "{'descr': '|b1', 'fortran_order': False, 'shape': (%zu,), }", bytes);
  limit_add(&b, "\x93NUMPY\1", 8);
  limit_add(&b, (uint8_t[]){(uint8_t)n, 0}, 2);
  limit_add(&b, head, (size_t)n);
  limit_add(&b, NULL, bytes);
  limit_zip(&b, "x.npy", claim, "a.npz");
}
static void archive_within(void) { archive_of((16 << 20) - 1000, 0); }
static void archive_beyond(void) { archive_of(100 << 20, 0); }
static void archive_claims(void) { archive_of(1000, 4294967280U); }

#define CSV(what, build, refused)                                                                  \
  { "CSV", what, build, "a.csv", read_csv, refused }
#define NPY(what, build, refused)                                                                  \
  { "NPY", what, build, "a.npy", read_npy, refused }
static const limit_case cases[] = {
    CSV("a number of one digit a line", one_column, NULL),
    CSV("two numbers of one digit a line", two_columns, NULL),
    CSV("one line", long_line, ""),
    CSV("blank lines", blank_lines, ""),
    {"CSV, kinds of columns", "one letter a column", letters, "a.csv", read_kinds, ""},
    {"CSV, kinds of columns", "empty fields", nothing, "a.csv", read_kinds, ""},
    {"CSV, kinds of columns", "too many columns", many_columns, "a.csv", read_kinds,
     "fields; at most 1048576 are possible"},
    {"CSV, kinds of columns", "counters of the rows", counters, "a.csv", read_complete, NULL},
    {"CSV, kinds of columns", "texts that differ", texts_that_differ, "a.csv", read_complete, NULL},
    {"CSV, kinds of columns", "more and more missing values", more_and_more_lacks, "a.csv",
     read_complete, NULL},
    {"CSV, kinds of columns", "columns of a model", names, "a.csv", read_like_itself, NULL},
    CSV("comments", comments, ""),
    CSV("names of columns", names, NULL),
    CSV("one number of a million digits", long_digits, ""),
    CSV("quotes", quotes, ""),
    CSV("line ends in quotes", line_ends, NULL),
    {"CSV, kinds of columns", "open fields", open_fields, "a.csv", read_kinds,
     "the field is empty"},
    {"CSV, kinds of columns", "stray quotes", stray_quotes, "a.csv", read_kinds, "is not closed"},
    {"CSV, kinds of columns", "a first quote", first_quote, "a.csv", read_kinds, "is not closed"},
    NPY("booleans", booleans, NULL),
    NPY("booleans, the other order", turned, NULL),
    NPY("a shape that is not there", npy_claims, "takes"),
    NPY("a header of dimensions", npy_header, "a.npy: "),
    {"CSV, gzip", "one digit a line, up to the limit", packed_within, "a.csv.gz", read_csv_gz,
     NULL},
    {"CSV, gzip", "beyond it", packed_beyond, "a.csv.gz", read_csv_gz, "decompresses to more than"},
    {"NPZ", "booleans, up to the limit", archive_within, "a.npz", read_npz, NULL},
    {"NPZ", "beyond it", archive_beyond, "a.npz", read_npz, "decompresses to more than"},
    {"NPZ", "a length that is not there", archive_claims, "a.npz", read_npz,
     "decompresses to more than"},
};
const limit_list limits_of_tables = {cases, sizeof cases / sizeof *cases};
