/* SPDX-License-Identifier: MIT */
/* names.c: text from outside: whether it is UTF-8, excerpts for messages, names of columns. */
#define _POSIX_C_SOURCE 200809L
#include "names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Text --------------------------------------------------------------------------- */

/* The length of the UTF-8 sequence at p, or 0 if there is none. */
static int utf8_length(const unsigned char *p, size_t left) {
  if (p[0] < 0x80) return 1;
  const int n = p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : 4;
  if (p[0] < 0xc2 || p[0] > 0xf4 || (size_t)n > left) return 0;
  for (int i = 1; i < n; i++)
    if ((p[i] & 0xc0) != 0x80) return 0;
  const int low = p[1] < 0x90, mid = p[1] < 0xa0;
  if ((p[0] == 0xe0 && mid) || (p[0] == 0xed && !mid) || (p[0] == 0xf0 && low) ||
      (p[0] == 0xf4 && !low))
    return 0;
  return n;
}

/* Terminals obey U+0080 to U+009F, as well as those of ASCII. */
static int is_control(const unsigned char *p, int length) {
  return length == 1 ? p[0] < ' ' || p[0] == 0x7f : length == 2 && p[0] == 0xc2 && p[1] < 0xa0;
}

const char *clf__not_text(const char *s, size_t n, int tabs) {
  const unsigned char *const p = (const unsigned char *)s;
  for (size_t i = 0; i < n;) {
    const int length = utf8_length(p + i, n - i);
    if (p[i] == 0) return "a NUL byte";
    if (!length) return "bytes that are not UTF-8";
    if (is_control(p + i, length) && !(tabs && p[i] == '\t')) return "a control character";
    i += (size_t)length;
  }
  return NULL;
}

clf__excerpt clf__excerpt_of(const char *s, size_t n) {
  enum { MOST = 40 };
  clf__excerpt e;
  const unsigned char *const p = (const unsigned char *)s;
  size_t i = 0, k = 0;
  while (i < n) {
    const int length = utf8_length(p + i, n - i), bad = !length || is_control(p + i, length);
    const size_t take = length ? (size_t)length : 1;
    if (k + (bad ? 1 : take) > MOST) break;
    if (bad)
      e.s[k++] = '?';
    else
      for (size_t j = 0; j < take; j++) e.s[k++] = s[i + j];
    i += take;
  }
  memcpy(e.s + k, i < n ? "..." : "", i < n ? 4 : 1);
  return e;
}

/* ---- Names -------------------------------------------------------------------------- */

static clf_status check_name(const char *name, int32_t c) {
  if (!name || !*name) return clf__fail(CLF_EINVAL, "column %d has no name", (int)c + 1);
  const size_t n = strlen(name);
  const char *const why = clf__not_text(name, n, 0);
  if (why)
    return clf__fail(CLF_EINVAL, "the name of column %d, \"%s\", holds %s", (int)c + 1,
                     clf__excerpt_of(name, n).s, why);
  if (n > CLF_NAME_LONGEST)
    return clf__fail(CLF_EINVAL,
                     "the name of column %d, \"%s\", has %zu bytes; at most %d are "
                     "allowed",
                     (int)c + 1, clf__excerpt_of(name, n).s, n, CLF_NAME_LONGEST);
  return CLF_OK;
}

static int by_name(const void *a, const void *b) {
  const char *const *const *x = a, *const *const *y = b;
  const int order = strcmp(**x, **y);
  return order ? order : (*x > *y) - (*x < *y);
}

static clf_status check_twice(char *const *names, int32_t n) {
  char *const **sorted = malloc((size_t)n * sizeof *sorted);
  if (!sorted) return clf__fail(CLF_ENOMEM, "no memory for the names of %d columns", (int)n);
  for (int32_t c = 0; c < n; c++) sorted[c] = &names[c];
  qsort(sorted, (size_t)n, sizeof *sorted, by_name);
  clf_status s = CLF_OK;
  for (int32_t c = 1; c < n && !s; c++)
    if (strcmp(*sorted[c - 1], *sorted[c]) == 0)
      s = clf__fail(CLF_EINVAL, "columns %d and %d are both named \"%s\"",
                    (int)(sorted[c - 1] - names) + 1, (int)(sorted[c] - names) + 1,
                    clf__excerpt_of(*sorted[c], strlen(*sorted[c])).s);
  free(sorted);
  return s;
}

clf__label clf__column_label(char *const *names, int32_t d) {
  clf__label l;
  if (names && names[d])
    snprintf(l.s, sizeof l.s, "column %d (\"%s\")", (int)d + 1,
             clf__excerpt_of(names[d], strlen(names[d])).s);
  else
    snprintf(l.s, sizeof l.s, "column %d", (int)d + 1);
  return l;
}

clf_status clf__names_check(char *const *names, int32_t n) {
  for (int32_t c = 0; c < n; c++) CLF_TRY(check_name(names[c], c));
  return check_twice(names, n);
}

char **clf__names_copy(char *const *names, int32_t n) {
  char **const copy = calloc((size_t)n, sizeof *copy);
  for (int32_t c = 0; copy && c < n; c++) {
    copy[c] = strdup(names[c]);
    if (copy[c]) continue;
    clf__names_free(copy, n);
    return NULL;
  }
  return copy;
}

void clf__names_free(char **names, int32_t n) {
  for (int32_t c = 0; names && c < n; c++) free(names[c]);
  free(names);
}
