/* SPDX-License-Identifier: MIT */
/* safetensors_meta.c: the metadata of a safetensors file, and its checksum. */
#define _GNU_SOURCE /* for strtod_l() */
#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crc.h"
#include "safetensors_format.h"
#include "status.h"

/* ---- Numbers ----------------------------------------------------------- */

static clf_status required(const clf__st *st, const char *key, const char **text) {
  *text = clf__st_meta(st, key);
  if (*text != NULL) return CLF_OK;
  return clf__fail(CLF_EFORMAT, "%s: metadata \"%s\" is missing", st->path, key);
}

static clf_status not_a(const clf__st *st, const char *key, const char *text, const char *kind) {
  return clf__fail(CLF_EFORMAT, "%s: metadata \"%s\" is \"%.60s\", which is not %s", st->path, key,
                   text, kind);
}

/* strtoll() and strtoull() also accept blanks, signs and an empty string. */
static int all_digits(const char *s) { return *s != '\0' && s[strspn(s, "0123456789")] == '\0'; }

clf_status clf__st_meta_int(const clf__st *st, const char *key, int64_t *value) {
  const char *text;
  CLF_TRY(required(st, key, &text));
  errno = 0;
  const long long v = strtoll(text, NULL, 10);
  if (!all_digits(text + (*text == '-')) || errno != 0)
    return not_a(st, key, text, "an integer of 64 bits");
  *value = v;
  return CLF_OK;
}

clf_status clf__st_meta_uint(const clf__st *st, const char *key, uint64_t *value) {
  const char *text;
  CLF_TRY(required(st, key, &text));
  errno = 0;
  const unsigned long long v = strtoull(text, NULL, 10);
  if (!all_digits(text) || errno != 0)
    return not_a(st, key, text, "an integer of 64 bits from 0 up");
  *value = v;
  return CLF_OK;
}

/* Whether a text is a number in JSON's syntax: strtod() accepts much more. */
static int is_number(const char *s) {
  static const char digits[] = "0123456789";
  s += *s == '-';
  size_t n = strspn(s, digits);
  if (n == 0 || (n > 1 && *s == '0')) return 0;
  s += n;
  if (*s == '.') {
    n = strspn(++s, digits);
    if (n == 0) return 0;
    s += n;
  }
  if (*s == 'e' || *s == 'E') {
    s++;
    s += *s == '-' || *s == '+';
    n = strspn(s, digits);
    if (n == 0) return 0;
    s += n;
  }
  return *s == '\0';
}

/* With a '.' in every locale. */
clf_status clf__st_meta_real(const clf__st *st, const char *key, double *value) {
  const char *text;
  CLF_TRY(required(st, key, &text));
  if (!is_number(text)) return not_a(st, key, text, "a finite number");
  const locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  if (!c) return clf__fail(CLF_ENOMEM, "%s: no memory for metadata \"%s\"", st->path, key);
  const double v = strtod_l(text, NULL, c);
  freelocale(c);
  if (!isfinite(v)) return not_a(st, key, text, "a finite number");
  *value = v;
  return CLF_OK;
}

/* ---- Checksum ---------------------------------------------------------- */

/* Where the digits are in the file.  A quoted key before a colon and a string can only be in the
 * metadata: elsewhere in the header it would be escaped, or followed by an object or array. */
static const char *find_digits(const clf__st *st, const char *value) {
  const char *key = "\"" CLF_ST_CRC "\"", *const header_end = st->bytes + 8 + st->header;
  for (const char *p = st->bytes + 8; (p = strstr(p, key)) != NULL && p < header_end; p++) {
    const char *v = p + strlen(key);
    v += strspn(v, " \t\r\n");
    if (*v++ != ':') continue;
    v += strspn(v, " \t\r\n");
    if (*v++ != '"') continue;
    return strncmp(v, value, CLF_ST_CRC_DIGITS) == 0 ? v : NULL;
  }
  return NULL;
}

/* Damage to the checksum's own key must not disable the check. */
static clf_status check_keys(const clf__st *st) {
  for (int k = 0; k < st->metas; k++) {
    const char *key = st->meta[k].key;
    int wrong = strlen(key) != strlen(CLF_ST_CRC) ? 2 : 0;
    for (size_t i = 0; wrong < 2 && key[i] != '\0'; i++) wrong += key[i] != CLF_ST_CRC[i];
    if (wrong == 1)
      return clf__fail(CLF_EFORMAT,
                       "%s: metadata \"%s\" must be \"" CLF_ST_CRC "\": the file is damaged",
                       st->path, key);
  }
  return CLF_OK;
}

clf_status clf__st_check_crc(const clf__st *st) {
  CLF_TRY(check_keys(st));
  const char *want = clf__st_meta(st, CLF_ST_CRC);
  if (want == NULL) return CLF_OK;
  const char *at = strlen(want) == CLF_ST_CRC_DIGITS ? find_digits(st, want) : NULL;
  if (at == NULL) return not_a(st, CLF_ST_CRC, want, "a checksum of 8 hexadecimal digits");
  const size_t before = (size_t)(at - st->bytes), done = before + CLF_ST_CRC_DIGITS;
  uint32_t crc = clf__crc32(0, st->bytes, before);
  crc = clf__crc32(crc, CLF_ST_CRC_ZERO, CLF_ST_CRC_DIGITS);
  crc = clf__crc32(crc, (const char *)st->bytes + done, st->size - done);
  char have[CLF_ST_CRC_DIGITS + 1];
  snprintf(have, sizeof have, "%08" PRIx32, crc);
  if (strcmp(have, want) == 0) return CLF_OK;
  return clf__fail(CLF_EFORMAT,
                   "%s: checksum is %s, the file says %s: the file is damaged, or was rewritten by "
                   "a program that must drop the metadata \"" CLF_ST_CRC "\"",
                   st->path, have, want);
}
