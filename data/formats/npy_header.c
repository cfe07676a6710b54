/* SPDX-License-Identifier: MIT */
/* npy_header.c: reads and writes the header of a file of numpy.save(). */
#define _POSIX_C_SOURCE 200809L
#include "npy.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "status.h"

/* ---- The header ------------------------------------------------------------------------------ */

enum { DESCR, FORTRAN, SHAPE };

static clf_status bad_header(const clf__npy *h, const char *what) {
  return clf__fail(CLF_EFORMAT, "%s: the NPY header is damaged: %s", h->path, what);
}

static void skip_blanks(clf__npy *h) {
  while (h->p < h->end && *h->p == ' ') h->p++;
}

static int accept(clf__npy *h, char ch) {
  skip_blanks(h);
  if (h->p == h->end || *h->p != ch) return 0;
  h->p++;
  return 1;
}

static int accept_word(clf__npy *h, const char *word) {
  const size_t n = strlen(word);
  if ((size_t)(h->end - h->p) < n || memcmp(h->p, word, n) != 0) return 0;
  h->p += n;
  return 1;
}

/* An ASCII string in single or double quotes, truncated if it does not fit. */
static int accept_string(clf__npy *h, char *s, size_t room) {
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

static clf_status parse_descr(clf__npy *h) {
  skip_blanks(h);
  h->list = h->p < h->end && *h->p == '[';
  /* The type is refused whatever else the list contains. */
  if (h->list) return CLF_OK;
  return accept_string(h, h->descr, sizeof h->descr) ? CLF_OK
                                                     : bad_header(h, "\"descr\" is not a string");
}

static clf_status parse_fortran(clf__npy *h) {
  skip_blanks(h);
  h->fortran = accept_word(h, "True");
  if (h->fortran || accept_word(h, "False")) return CLF_OK;
  return bad_header(h, "\"fortran_order\" is neither True nor False");
}

/* One dimension; Python 2 wrote an L after it. */
static clf_status parse_dim(clf__npy *h) {
  uint64_t v = 0;
  if (h->p == h->end || *h->p < '0' || *h->p > '9')
    return bad_header(h, "\"shape\" is not a tuple of numbers");
  for (; h->p < h->end && *h->p >= '0' && *h->p <= '9'; h->p++) {
    if (v > (INT64_MAX - 9) / 10) return bad_header(h, "a number in \"shape\" is too large");
    v = 10 * v + (uint64_t)(*h->p - '0');
  }
  if (h->p < h->end && *h->p == 'L') h->p++;
  if (h->dims < CLF_NPY_DIMS) h->dim[h->dims] = v;
  if (h->dims <= CLF_NPY_DIMS) h->dims++;
  return CLF_OK;
}

static clf_status parse_shape(clf__npy *h) {
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

static clf_status parse_entry(clf__npy *h) {
  static const char *const keys[] = {"descr", "fortran_order", "shape"};
  static clf_status (*const parse[])(clf__npy *) = {parse_descr, parse_fortran, parse_shape};
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

static clf_status parse_header(clf__npy *h) {
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

/* Finds the header at the start of a file, and where the numbers begin. */
static clf_status find_header(const char *bytes, size_t size, clf__npy *h) {
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
  h->data = begin + n;
  return CLF_OK;
}

clf_status clf__npy_open(const char *path, const char *bytes, size_t size, clf__npy *h) {
  *h = (clf__npy){.path = path};
  CLF_TRY(find_header(bytes, size, h));
  CLF_TRY(parse_header(h));
  h->have = size - h->data;
  return CLF_OK;
}

/* ---- Types ---------------------------------------------------------------- */

static const char *foreign_kind(const clf__npy *h) {
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

clf_status clf__npy_type_of(const clf__npy *h, clf__npy_type *d) {
  static const char *const known[] = {"b1", "i1", "i2", "i4", "i8", "u1",
                                      "u2", "u4", "u8", "f2", "f4", "f8"};
  for (size_t i = 0; !h->list && i < sizeof known / sizeof *known; i++) {
    if (!h->descr[0] || strcmp(h->descr + 1, known[i]) != 0) continue;
    *d = (clf__npy_type){known[i][0], known[i][1] - '0', h->descr[0] == '>'};
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

double clf__npy_number(clf__npy_type d, const unsigned char *p) {
  uint64_t u = 0;
  for (int i = 0; i < d.size; i++) u |= (uint64_t)p[d.big ? d.size - 1 - i : i] << (8 * i);
  if (d.kind == 'f') return floating(d.size, u);
  if (d.kind == 'u') return (double)u;
  if (d.kind == 'b') return u != 0;
  const uint64_t sign = UINT64_C(1) << (8 * d.size - 1);
  return u & sign ? -(double)(sign - (u & (sign - 1))) : (double)u;
}

/* ---- Shapes --------------------------------------------------------------- */

clf_status clf__npy_fits(const clf__npy *h, clf__npy_type d) {
  uint64_t want = (uint64_t)d.size;
  int beyond = 0;
  /* a zero would hide an overflow before it, but callers refuse zeros first */
  for (int k = 0; k < h->dims; k++) beyond |= __builtin_mul_overflow(want, h->dim[k], &want);
  if (beyond)
    return clf__fail(CLF_EFORMAT, "%s: the shape %s is beyond what a file can hold", h->path,
                     h->shape);
  if (want != h->have)
    return clf__fail(CLF_EFORMAT,
                     "%s: shape %s of dtype %s takes %" PRIu64 " bytes, the file has %zu", h->path,
                     h->shape, h->descr, want, h->have);
  return CLF_OK;
}

size_t clf__npy_offset(const clf__npy *h, size_t k) {
  if (!h->fortran) return k;
  size_t stride = 1, offset = 0;
  for (int i = 0; i < h->dims; i++) stride *= (size_t)h->dim[i];
  for (int i = h->dims - 1; i >= 0; i--) {
    stride /= (size_t)h->dim[i];
    offset += k % (size_t)h->dim[i] * stride;
    k /= (size_t)h->dim[i];
  }
  return offset;
}

/* ---- Writing -------------------------------------------------------------- */

clf_status clf__npy_put_header(clf__file *f, const char *descr, int rank, const int64_t *dim) {
  enum { LENGTH = 128, FRONT = 10 };
  char h[LENGTH + 1], shape[96];
  int n = 0;
  for (int k = 0; k < rank; k++)
    n += snprintf(shape + n, sizeof shape - (size_t)n, "%s%" PRId64, k ? ", " : "", dim[k]);
  memcpy(h, "\x93NUMPY\x01\x00\x76\x00", FRONT);
  n = snprintf(h + FRONT, sizeof h - FRONT,
               "{'descr': '%s', 'fortran_order': False, 'shape': (%s%s), }", descr, shape,
               rank == 1 ? "," : "");
  memset(h + FRONT + n, ' ', (size_t)(LENGTH - FRONT - n));
  h[LENGTH - 1] = '\n';
  return clf__file_put(f, h, LENGTH);
}
