/* SPDX-License-Identifier: MIT */
/* dtype.c: converts the elements of tensors of any dtype to numbers.
 *
 * Bytes are assembled one by one: tensors need not be aligned in the file, and the machine need
 * not be little-endian. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "dtype.h"

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

static const clf__dtype dtypes[] = {
    {"F64", 8, load_f64},   {"F32", 4, load_f32}, {"F16", 2, load_f16}, {"BF16", 2, load_bf16},
    {"I64", 8, load_i64},   {"I32", 4, load_i32}, {"I16", 2, load_i16}, {"I8", 1, load_i8},
    {"U64", 8, load_u64},   {"U32", 4, load_u32}, {"U16", 2, load_u16}, {"U8", 1, load_u8},
    {"BOOL", 1, load_bool},
};

const clf__dtype *clf__dtype_find(const char *name) {
  for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
    if (strcmp(dtypes[i].name, name) == 0) return &dtypes[i];
  return NULL;
}
