/* SPDX-License-Identifier: MIT */
/* safetensors_get.c: converts the values of tensors of any dtype to numbers.
 *
 * Bytes are assembled one by one: tensors need not be aligned in the file, and the machine need
 * not be little-endian. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "safetensors_format.h"
#include "status.h"

static uint64_t bits(const unsigned char *p, int width) {
  uint64_t u = 0;
  for (int i = width - 1; i >= 0; i--) u = u << 8 | p[i];
  return u;
}

static double load_f64(const unsigned char *p) {
  const uint64_t u = bits(p, 8);
  double x;
  memcpy(&x, &u, sizeof x);
  return x;
}

static double f32_of(uint32_t u) {
  float x;
  memcpy(&x, &u, sizeof x);
  return x;
}

static double load_f32(const unsigned char *p) { return f32_of((uint32_t)bits(p, 4)); }
static double load_bf16(const unsigned char *p) { return f32_of((uint32_t)bits(p, 2) << 16); }

static double load_f16(const unsigned char *p) {
  const int u = (int)bits(p, 2), exponent = u >> 10 & 31, fraction = u & 1023;
  double x;
  if (exponent == 31)
    x = fraction != 0 ? (double)NAN : (double)INFINITY;
  else if (exponent == 0)
    x = ldexp(fraction, -24);
  else
    x = ldexp(1024 + fraction, exponent - 25);
  return u & 0x8000 ? -x : x;
}

/* with gcc and clang, casts to signed types are modulo 2^N */
static double load_i64(const unsigned char *p) { return (double)(int64_t)bits(p, 8); }
static double load_i32(const unsigned char *p) { return (int32_t)bits(p, 4); }
static double load_i16(const unsigned char *p) { return (int16_t)bits(p, 2); }
static double load_i8(const unsigned char *p) { return (int8_t)*p; }
static double load_u64(const unsigned char *p) { return (double)bits(p, 8); }
static double load_u32(const unsigned char *p) { return (double)bits(p, 4); }
static double load_u16(const unsigned char *p) { return (double)bits(p, 2); }
static double load_u8(const unsigned char *p) { return *p; }
static double load_bool(const unsigned char *p) { return *p != 0; }

typedef double load_fn(const unsigned char *p);

static const struct dtype {
  const char *name;
  int width; /* bytes */
  load_fn *load;
} dtypes[] = {
    {"F64", 8, load_f64},   {"F32", 4, load_f32}, {"F16", 2, load_f16}, {"BF16", 2, load_bf16},
    {"I64", 8, load_i64},   {"I32", 4, load_i32}, {"I16", 2, load_i16}, {"I8", 1, load_i8},
    {"U64", 8, load_u64},   {"U32", 4, load_u32}, {"U16", 2, load_u16}, {"U8", 1, load_u8},
    {"BOOL", 1, load_bool},
};

static const struct dtype *find_dtype(const char *name) {
  for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
    if (strcmp(dtypes[i].name, name) == 0) return &dtypes[i];
  return NULL;
}

int clf__st_width(const char *dtype) {
  const struct dtype *t = find_dtype(dtype);
  return t != NULL ? t->width : 0;
}

static clf_status not_finite(const clf__st *st, const clf__st_entry *e, int64_t i, double x) {
  const char *what = isnan(x) ? "nan" : x > 0 ? "inf" : "-inf";
  return clf__fail(CLF_ENUM, "%s: tensor \"%s\" has %s at element %" PRId64, st->path, e->name,
                   what, i);
}

clf_status clf__st_check_dtype(const clf__st *st, const clf__st_entry *e) {
  if (find_dtype(e->dtype) != NULL) return CLF_OK;
  return clf__fail(CLF_ENOTSUP,
                   "%s: tensor \"%s\" has dtype %s, which is not supported: write it as F32",
                   st->path, e->name, e->dtype);
}

static clf_status loader(const clf__st *st, const clf__st_entry *e, const struct dtype **t,
                         const unsigned char **p) {
  CLF_TRY(clf__st_check_dtype(st, e));
  *t = find_dtype(e->dtype);
  *p = (const unsigned char *)st->bytes + 8 + st->header + e->begin;
  return CLF_OK;
}

clf_status clf__st_get(const clf__st *st, const clf__st_entry *e, double *out) {
  const struct dtype *t = NULL;
  const unsigned char *p = NULL;
  CLF_TRY(loader(st, e, &t, &p));
  for (int64_t i = 0; i < e->count; i++, p += t->width) {
    out[i] = t->load(p);
    if (!isfinite(out[i])) return not_finite(st, e, i, out[i]);
  }
  return CLF_OK;
}

clf_status clf__st_get_f32(const clf__st *st, const clf__st_entry *e, float *out) {
  const struct dtype *t = NULL;
  const unsigned char *p = NULL;
  CLF_TRY(loader(st, e, &t, &p));
  for (int64_t i = 0; i < e->count; i++, p += t->width) {
    const double x = t->load(p);
    if (!isfinite(x)) return not_finite(st, e, i, x);
    out[i] = (float)x;
    if (!isfinite(out[i]))
      return clf__fail(CLF_ENUM,
                       "%s: tensor \"%s\" has a number too large for float at element %" PRId64,
                       st->path, e->name, i);
  }
  return CLF_OK;
}
