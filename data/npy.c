/* SPDX-License-Identifier: MIT */
/* npy.c: arrays as numpy.save() writes them. */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "table.h"
#include "status.h"

/* ---- The header ----------------------------------------------------------- */

/* The header is a Python dictionary:
 *   {'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), } */
typedef struct header {
  const char *path;
  const char *p, *end; /* what is left of it */
  char descr[16];      /* cut if longer: no type that is read is */
  int list;            /* descr is a list: rows of named fields */
  int fortran;
  char shape[64];  /* as it stands, for messages */
  int dims;        /* 3 for any more than two */
  uint64_t dim[2]; /* the first two */
  int seen[3];     /* by key */
} header;

enum { DESCR, FORTRAN, SHAPE };

static clf_status bad_header(const header *h, const char *what) {
  return clf__fail(CLF_EFORMAT, "%s: the NPY header is damaged: %s", h->path, what);
}

static void skip_blanks(header *h) {
  while (h->p < h->end && *h->p == ' ') h->p++;
}

static int accept(header *h, char ch) {
  skip_blanks(h);
  if (h->p == h->end || *h->p != ch) return 0;
  h->p++;
  return 1;
}

static int accept_word(header *h, const char *word) {
  const size_t n = strlen(word);
  if ((size_t)(h->end - h->p) < n || memcmp(h->p, word, n) != 0) return 0;
  h->p += n;
  return 1;
}

/* A string of ASCII in single or double quotes; what does not fit is dropped. */
static int accept_string(header *h, char *s, size_t room) {
  skip_blanks(h);
  if (h->p == h->end || (*h->p != '\'' && *h->p != '"')) return 0;
  const char quote = *h->p++;
  const char *const close = memchr(h->p, quote, (size_t)(h->end - h->p));
  if (!close) return 0;
  size_t n = 0;
  for (; h->p < close; h->p++) {
    if (*h->p < ' ' || *h->p > '~') return 0;
    if (n + 1 < room) s[n++] = *h->p;
  }
  s[n] = 0;
  h->p++;
  return 1;
}

static clf_status parse_descr(header *h) {
  skip_blanks(h);
  h->list = h->p < h->end && *h->p == '[';
  /* The type is refused whatever else the list holds. */
  if (h->list) return CLF_OK;
  return accept_string(h, h->descr, sizeof h->descr) ? CLF_OK
                                                     : bad_header(h, "\"descr\" is not a string");
}

static clf_status parse_fortran(header *h) {
  skip_blanks(h);
  h->fortran = accept_word(h, "True");
  if (h->fortran || accept_word(h, "False")) return CLF_OK;
  return bad_header(h, "\"fortran_order\" is neither True nor False");
}

/* One dimension; Python 2 wrote an L after it. */
static clf_status parse_dim(header *h) {
  uint64_t v = 0;
  if (h->p == h->end || *h->p < '0' || *h->p > '9')
    return bad_header(h, "\"shape\" is not a tuple of numbers");
  for (; h->p < h->end && *h->p >= '0' && *h->p <= '9'; h->p++) {
    if (v > (INT64_MAX - 9) / 10) return bad_header(h, "a number in \"shape\" is too large");
    v = 10 * v + (uint64_t)(*h->p - '0');
  }
  if (h->p < h->end && *h->p == 'L') h->p++;
  if (h->dims < 2) h->dim[h->dims] = v;
  if (h->dims < 3) h->dims++;
  return CLF_OK;
}

static clf_status parse_shape(header *h) {
  skip_blanks(h);
  const char *const begin = h->p;
  if (!accept(h, '(')) return bad_header(h, "\"shape\" is not a tuple of numbers");
  while (!accept(h, ')')) {
    CLF_TRY(parse_dim(h));
    if (accept(h, ',')) continue;
    if (!accept(h, ')') || h->dims == 1)
      return bad_header(h, "\"shape\" is not a tuple of numbers");
    break;
  }
  snprintf(h->shape, sizeof h->shape, "%.*s", (int)(h->p - begin), begin);
  return CLF_OK;
}

static clf_status parse_entry(header *h) {
  static const char *const keys[] = {"descr", "fortran_order", "shape"};
  static clf_status (*const parse[])(header *) = {parse_descr, parse_fortran, parse_shape};
  char key[16];
  if (!accept_string(h, key, sizeof key) || !accept(h, ':'))
    return bad_header(h, "it is not a dictionary");
  for (int k = DESCR; k <= SHAPE; k++) {
    if (strcmp(key, keys[k]) != 0) continue;
    if (h->seen[k]++) return bad_header(h, "a key is given twice");
    return parse[k](h);
  }
  return bad_header(h, "it has a key other than descr, fortran_order and shape");
}

static clf_status parse_header(header *h) {
  if (!accept(h, '{')) return bad_header(h, "it is not a dictionary");
  while (!accept(h, '}')) {
    CLF_TRY(parse_entry(h));
    if (h->list) return CLF_OK;
    if (accept(h, ',')) continue;
    if (!accept(h, '}')) return bad_header(h, "it is not a dictionary");
    break;
  }
  while (h->p < h->end && (*h->p == ' ' || *h->p == '\n')) h->p++;
  if (h->p < h->end) return bad_header(h, "text follows the dictionary");
  for (int k = DESCR; k <= SHAPE; k++)
    if (!h->seen[k]) return bad_header(h, "one of descr, fortran_order and shape is missing");
  return CLF_OK;
}

/* Finds the header in front of a file, and where the numbers begin. */
static clf_status find_header(const char *bytes, size_t size, header *h, size_t *data) {
  const unsigned char *const b = (const unsigned char *)bytes;
  if (size < 10 || memcmp(bytes, "\x93NUMPY", 6) != 0)
    return clf__fail(CLF_EFORMAT, "%s: this is not an NPY file", h->path);
  if (b[6] < 1 || b[6] > 3 || b[7] != 0)
    return clf__fail(CLF_EFORMAT, "%s: NPY version %d.%d is unknown; 1.0, 2.0 and 3.0 are read",
                     h->path, b[6], b[7]);
  const size_t begin = b[6] == 1 ? 10 : 12;
  if (size < begin) return bad_header(h, "the file ends within it");
  size_t n = b[8] | (size_t)b[9] << 8;
  if (b[6] > 1) n |= (size_t)b[10] << 16 | (size_t)b[11] << 24;
  if (n > size - begin) return bad_header(h, "the file ends within it");
  h->p = bytes + begin;
  h->end = h->p + n;
  *data = begin + n;
  return CLF_OK;
}

/* ---- Types ---------------------------------------------------------------- */

typedef struct dtype {
  char kind; /* b, i, u or f */
  int size;
  int big;
} dtype;

static const char *foreign_kind(const header *h) {
  static const struct {
    char kind;
    const char *name;
  } list[] = {{'c', "complex numbers"}, {'O', "Python objects"}, {'S', "strings"},
              {'a', "strings"},         {'U', "strings"},        {'V', "raw records"},
              {'M', "dates"},           {'m', "time spans"}};
  if (h->list) return "records with named fields";
  for (size_t i = 0; i < sizeof list / sizeof *list; i++)
    if (h->descr[0] && h->descr[1] == list[i].kind) return list[i].name;
  return "numbers of an unknown type";
}

static clf_status parse_type(const header *h, dtype *d) {
  static const char *const known[] = {"b1", "i1", "i2", "i4", "i8", "u1",
                                      "u2", "u4", "u8", "f2", "f4", "f8"};
  for (size_t i = 0; !h->list && i < sizeof known / sizeof *known; i++) {
    if (!h->descr[0] || strcmp(h->descr + 1, known[i]) != 0) continue;
    *d = (dtype){known[i][0], known[i][1] - '0', h->descr[0] == '>'};
    if (strchr(d->size == 1 ? "|<>" : "<>", h->descr[0])) return CLF_OK;
  }
  return clf__fail(CLF_EFORMAT,
                   "%s: holds %s (%s%s); numbers to read are float16 to float64, integers or "
                   "booleans",
                   h->path, foreign_kind(h), h->list ? "" : "dtype ",
                   h->list ? "a structured dtype" : h->descr);
}

static double half(uint64_t u) {
  const int exponent = u >> 10 & 31, mantissa = u & 1023;
  const double sign = u >> 15 ? -1 : 1;
  if (exponent == 31) return mantissa ? (double)NAN : sign * (double)INFINITY;
  return sign * (exponent ? ldexp(1024 + mantissa, exponent - 25) : ldexp(mantissa, -24));
}

static double floating(int size, uint64_t u) {
  if (size == 2) return half(u);
  if (size == 4) {
    const uint32_t bits = (uint32_t)u;
    float f;
    memcpy(&f, &bits, sizeof f);
    return (double)f;
  }
  double v;
  memcpy(&v, &u, sizeof v);
  return v;
}

static double decode(dtype d, const unsigned char *p) {
  uint64_t u = 0;
  for (int i = 0; i < d.size; i++) u |= (uint64_t)p[d.big ? d.size - 1 - i : i] << (8 * i);
  if (d.kind == 'f') return floating(d.size, u);
  if (d.kind == 'u') return (double)u;
  if (d.kind == 'b') return u != 0;
  const uint64_t sign = UINT64_C(1) << (8 * d.size - 1);
  return u & sign ? -(double)(sign - (u & (sign - 1))) : (double)u;
}

/* ---- Reading -------------------------------------------------------------- */

/* Checks the shape against the bytes there are, before any memory is asked for. */
static clf_status check_shape(const header *h, dtype d, size_t have) {
  const uint64_t rows = h->dim[0], cols = h->dims == 2 ? h->dim[1] : 1;
  uint64_t want;
  if (h->dims < 1 || h->dims > 2)
    return clf__fail(CLF_EFORMAT, "%s: the shape is %s; a table is (N, D) or (N,)", h->path,
                     h->shape);
  if (rows == 0 || cols == 0)
    return clf__fail(CLF_EFORMAT, "%s: the shape is %s: there are no %s", h->path, h->shape,
                     rows == 0 ? "rows" : "columns");
  if (cols > INT32_MAX || __builtin_mul_overflow(rows, cols, &want) ||
      __builtin_mul_overflow(want, (uint64_t)d.size, &want))
    return clf__fail(CLF_EFORMAT, "%s: the shape %s is beyond what a file can hold", h->path,
                     h->shape);
  if (want != have)
    return clf__fail(CLF_EFORMAT,
                     "%s: shape %s of dtype %s takes %" PRIu64 " bytes, the file has %zu", h->path,
                     h->shape, h->descr, want, have);
  return CLF_OK;
}

static clf_status decode_all(const header *h, dtype d, const char *data, clf_table *t) {
  const unsigned char *const b = (const unsigned char *)data;
  for (int64_t i = 0; i < t->rows; i++)
    for (int32_t c = 0; c < t->cols; c++) {
      const size_t k = h->fortran ? (size_t)c * (size_t)t->rows + (size_t)i
                                  : (size_t)i * (size_t)t->cols + (size_t)c;
      const double v = decode(d, b + k * (size_t)d.size);
      if (!isfinite(v))
        return clf__fail(CLF_EFORMAT,
                         "%s: row %" PRId64 ", column %" PRId32 " (from 1): %s is not a finite "
                         "number",
                         h->path, i + 1, c + 1,
                         isnan(v) ? "nan"
                         : v > 0  ? "inf"
                                  : "-inf");
      t->at[(size_t)i * (size_t)t->cols + (size_t)c] = v;
    }
  return CLF_OK;
}

static clf_status read_bytes(const char *path, const char *bytes, size_t size, clf_table *t) {
  header h = {.path = path};
  dtype d = {0};
  size_t data = 0;
  clf_table n;
  CLF_TRY(find_header(bytes, size, &h, &data));
  CLF_TRY(parse_header(&h));
  CLF_TRY(parse_type(&h, &d));
  CLF_TRY(check_shape(&h, d, size - data));
  CLF_TRY(clf_table_new((int64_t)h.dim[0], h.dims == 2 ? (int32_t)h.dim[1] : 1, &n));
  const clf_status s = decode_all(&h, d, bytes + data, &n);
  if (s == CLF_OK)
    *t = n;
  else
    clf_table_free(&n);
  return s;
}

clf_status clf__npy_read(const char *path, clf_table *t) {
  char *bytes;
  size_t size;
  CLF_TRY(clf__file_read(path, &bytes, &size));
  const clf_status s = read_bytes(path, bytes, size, t);
  free(bytes);
  return s;
}

/* ---- Writing -------------------------------------------------------------- */

/* Version 1.0; the numbers begin at byte 128, which blanks fill up to. */
static clf_status put_header(clf__file *f, const clf_table *t) {
  enum { LENGTH = 128, FRONT = 10 };
  char h[LENGTH + 1];
  memcpy(h, "\x93NUMPY\x01\x00\x76\x00", FRONT);
  const int n =
      snprintf(h + FRONT, sizeof h - FRONT,
               "{'descr': '<f8', 'fortran_order': False, 'shape': (%" PRId64 ", %" PRId32 "), }",
               t->rows, t->cols);
  memset(h + FRONT + n, ' ', (size_t)(LENGTH - FRONT - n));
  h[LENGTH - 1] = '\n';
  return clf__file_put(f, h, LENGTH);
}

static clf_status put_numbers(clf__file *f, const clf_table *t) {
  unsigned char chunk[1 << 14];
  const size_t count = (size_t)t->rows * (size_t)t->cols;
  for (size_t i = 0, n = 0; i < count; i++) {
    uint64_t u;
    memcpy(&u, &t->at[i], sizeof u);
    for (int k = 0; k < 8; k++) chunk[n++] = (unsigned char)(u >> (8 * k));
    if (n < sizeof chunk && i + 1 < count) continue;
    CLF_TRY(clf__file_put(f, chunk, n));
    n = 0;
  }
  return CLF_OK;
}

clf_status clf__npy_write(const char *path, const clf_table *t) {
  clf__file *f;
  CLF_TRY(clf__file_begin(path, &f));
  clf_status s = put_header(f, t);
  if (s == CLF_OK) s = put_numbers(f, t);
  if (s == CLF_OK) return clf__file_commit(f);
  clf__file_abort(f);
  return s;
}
