/* SPDX-License-Identifier: MIT */
/* keys.c: the parameters of a synthetic set, as in "moons:n=100,seed=2". */
#define _GNU_SOURCE
#include "keys.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"

int clf__keys_name(const char *source, const char *name) {
  const size_t n = strcspn(source, ":");
  return strlen(name) == n && !memcmp(name, source, n);
}

static int read_whole(const clf__key *key, const char *text, size_t n) {
  char *end;
  if (n == 0 || strspn(text, "0123456789") < n) return 0;
  errno = 0;
  const unsigned long long x = strtoull(text, &end, 10);
  if (errno || x < key->min || x > key->max) return 0;
  *key->whole = x;
  return 1;
}

/* Letters are excluded because strtod() accepts "nan" and hexadecimals. */
static int read_real(const clf__key *key, const char *text, size_t n) {
  char *end;
  if (n == 0 || strspn(text, "0123456789.eE+-") < n) return 0;
  const locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  if (!c) return 0;
  const double x = strtod_l(text, &end, c);
  freelocale(c);
  if (end != text + n || !(x >= 0 && x <= key->real_max)) return 0;
  *key->real = x;
  return 1;
}

static clf_status no_key(const char *source, const char *pair, size_t k, const clf__key *keys,
                         int count) {
  char list[256];
  size_t n = 0;
  list[0] = 0;
  for (int i = 0; i < count && n < sizeof list; i++)
    n += (size_t)snprintf(list + n, sizeof list - n, "%s%s",
                          i == 0          ? ""
                          : i + 1 < count ? ", "
                                          : " and ",
                          keys[i].name);
  return clf__fail(CLF_EINVAL, "%s: there is no key \"%.*s\"; there are %s", source, (int)k, pair,
                   list);
}

/* Reads one key=value of n characters; `given` has one bit per key. */
static clf_status read_pair(const char *source, const char *pair, size_t n, const clf__key *keys,
                            int count, uint32_t *given) {
  const char *const equals = memchr(pair, '=', n);
  const size_t k = equals ? (size_t)(equals - pair) : n;
  int i = 0;
  while (i < count && (strlen(keys[i].name) != k || memcmp(keys[i].name, pair, k) != 0)) i++;
  if (i == count) return no_key(source, pair, k, keys, count);
  const clf__key *const key = &keys[i];
  if (!equals)
    return clf__fail(CLF_EINVAL, "%s: %s has no value; it takes %s, as in %s=1", source, key->name,
                     key->range, key->name);
  if (*given >> i & 1) return clf__fail(CLF_EINVAL, "%s: %s is given twice", source, key->name);
  *given |= UINT32_C(1) << i;
  const char *const text = equals + 1;
  const size_t left = n - k - 1;
  if (!(key->whole ? read_whole(key, text, left) : read_real(key, text, left)))
    return clf__fail(CLF_EINVAL, "%s: %s must be %s, not \"%.*s\"", source, key->name, key->range,
                     (int)left, text);
  return CLF_OK;
}

clf_status clf__keys_read(const char *source, const clf__key *keys, int count) {
  const char *p = source + strcspn(source, ":");
  uint32_t given = 0;
  while (*p) {
    const size_t n = strcspn(++p, ",");
    CLF_TRY(read_pair(source, p, n, keys, count, &given));
    p += n;
  }
  return CLF_OK;
}
