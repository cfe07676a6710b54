/* SPDX-License-Identifier: MIT */
/* named_options.c: options structs whose members are set by name, from text. */
#define _GNU_SOURCE /* for strtod_l() */
#include "named_options.h"
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "distance.h"
#include "status.h"

/* ---- Values ------------------------------------------------------------------------------- */

int clf__read_whole(const char *text, int64_t *whole) {
  char *end;
  errno = 0;
  *whole = strtoll(text, &end, 10);
  return !errno && *end == '\0' && text[0] && strspn(text, "0123456789-") == strlen(text);
}

int clf__read_unsigned(const char *text, uint64_t *whole) {
  char *end;
  errno = 0;
  *whole = strtoull(text, &end, 10);
  return !errno && *end == '\0' && text[0] && strspn(text, "0123456789") == strlen(text);
}

int clf__read_real(const char *text, double *real) {
  char *end;
  if (!text[0] || text[strspn(text, "0123456789.eE+-")] != '\0') return 0;
  const locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  if (!c) return 0;
  *real = strtod_l(text, &end, c);
  freelocale(c);
  return *end == '\0';
}

int clf__word_index(const char *words, const char *word) {
  const size_t n = strlen(word);
  for (int i = 0; words; i++) {
    const size_t length = strcspn(words, "|");
    if (length == n && memcmp(words, word, n) == 0) return i;
    words = words[length] ? words + length + 1 : NULL;
  }
  return -1;
}

/* ---- Members ------------------------------------------------------------------------------ */

clf_status clf__unknown_option(const char *kind, const void *rows, size_t row, int count,
                               const char *name) {
  const char *near = NULL;
  int minimum = 0;
  for (int i = 0; i < count; i++) {
    const char *known;
    memcpy(&known, (const char *)rows + (size_t)i * row, sizeof known);
    const int distance = clf__distance(name, strlen(name), known, strlen(known));
    if (near && distance >= minimum) continue;
    near = known;
    minimum = distance;
  }
  if (near && minimum <= (int)strlen(near) / 2)
    return clf__fail(CLF_EINVAL, "there is no %s option \"%s\" (did you mean \"%s\"?)", kind, name,
                     near);
  return clf__fail(CLF_EINVAL, "there is no %s option \"%s\"", kind, name);
}

static int read_int32(const char *text, int64_t minimum, int64_t maximum, int32_t *to) {
  int64_t whole = 0;
  if (!clf__read_whole(text, &whole) || whole < minimum || whole > maximum) return 0;
  *to = (int32_t)whole;
  return 1;
}

/* Writes the value that a text has as a member of this type; returns 0 if it has none. */
static int read_value(const clf__named *m, const char *text, void *to) {
  int32_t small = 0;
  double real = 0;
  switch (m->type) {
  case CLF_NAMED_FLAG: return read_int32(text, 0, 1, to);
  case CLF_NAMED_INT32: return read_int32(text, INT32_MIN, INT32_MAX, to);
  case CLF_NAMED_INT64: return clf__read_whole(text, to);
  case CLF_NAMED_SEED: return clf__read_unsigned(text, to);
  case CLF_NAMED_REAL:
    if (!clf__read_real(text, &real) || !isfinite(real)) return 0;
    memcpy(to, &real, sizeof real);
    return 1;
  case CLF_NAMED_LETTER:
    if (text[0] && text[1]) return 0;
    *(char *)to = text[0];
    return 1;
  case CLF_NAMED_TEXT:
    text = text[0] ? text : NULL;
    memcpy(to, &text, sizeof text);
    return 1;
  case CLF_NAMED_CHOICE: break;
  }
  small = clf__word_index(m->words, text);
  if (small < 0) return 0;
  memcpy(to, &small, sizeof small);
  return 1;
}

static const char *wanted(clf__named_type type) {
  switch (type) {
  case CLF_NAMED_FLAG: return "0 or 1";
  case CLF_NAMED_INT32:
  case CLF_NAMED_INT64: return "a whole number";
  case CLF_NAMED_SEED: return "a whole number from 0 to 2^64 - 1";
  case CLF_NAMED_REAL: return "a number";
  case CLF_NAMED_LETTER: return "one character";
  case CLF_NAMED_TEXT:
  case CLF_NAMED_CHOICE: break;
  }
  return "one of";
}

static size_t size_of(clf__named_type type) {
  switch (type) {
  case CLF_NAMED_INT64:
  case CLF_NAMED_SEED: return sizeof(int64_t);
  case CLF_NAMED_REAL: return sizeof(double);
  case CLF_NAMED_LETTER: return sizeof(char);
  case CLF_NAMED_TEXT: return sizeof(const char *);
  case CLF_NAMED_FLAG:
  case CLF_NAMED_INT32:
  case CLF_NAMED_CHOICE: break;
  }
  return sizeof(int32_t);
}

clf_status clf__named_set(const char *kind, const clf__named *members, int count, void *options,
                          const char *name, const char *value) {
  union {
    int64_t whole;
    double real;
    const char *text;
  } read = {0};
  for (int i = 0; i < count; i++) {
    const clf__named *m = &members[i];
    if (strcmp(m->name, name) != 0) continue;
    if (!read_value(m, value, &read))
      return clf__fail(CLF_EINVAL, "%s is \"%s\"; it must be %s%s%s", name, value, wanted(m->type),
                       m->words ? " " : "", m->words ? m->words : "");
    memcpy((char *)options + m->place, &read, size_of(m->type));
    return CLF_OK;
  }
  return clf__unknown_option(kind, members, sizeof *members, count, name);
}
