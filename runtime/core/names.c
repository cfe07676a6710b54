/* SPDX-License-Identifier: MIT */
/* names.c: text from outside: UTF-8 validation, excerpts for messages, names of columns. */
#define _POSIX_C_SOURCE 200809L
#include "names.h"
#include "distance.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Text ------------------------------------------------------------------------------------ */

const char *clf__not_text(const char *s, size_t n, int tabs) {
  const unsigned char *const p = (const unsigned char *)s;
  for (size_t i = 0; i < n;) {
    const int length = clf__utf8_length(p + i, n - i);
    if (p[i] == 0) return "a NUL byte";
    if (!length) return "bytes that are not UTF-8";
    if (clf__is_control(p + i, length) && !(tabs && p[i] == '\t')) return "a control character";
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
    const int length = clf__utf8_length(p + i, n - i),
              bad = !length || clf__is_control(p + i, length);
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

void clf__name_list_add(clf__name_list *l, const char *name, size_t n) {
  enum { AND_MORE = 32 };
  const clf__excerpt e = clf__excerpt_of(name, n);
  const char *const between = l->used ? ", " : "";
  if (l->more || l->used + strlen(between) + strlen(e.s) + AND_MORE > sizeof l->text)
    l->more++;
  else
    l->used += (size_t)snprintf(l->text + l->used, sizeof l->text - l->used, "%s%s", between, e.s);
}

void clf__name_list_add_column(clf__name_list *l, char *const *names, int32_t d) {
  const clf__label label = clf__column_label(names, d);
  const char *const name = names && names[d] ? names[d] : label.s;
  clf__name_list_add(l, name, strlen(name));
}

const char *clf__name_list_text(clf__name_list *l) {
  if (l->more)
    snprintf(l->text + l->used, sizeof l->text - l->used, " and %lld more", (long long)l->more);
  return l->text;
}

/* ---- Names ----------------------------------------------------------------------------------- */

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

/* Equal names keep the order of their columns, so that messages name the first two. */
static int by_name(const void *a, const void *b) {
  const char *const *const *x = a, *const *const *y = b;
  const int order = strcmp(**x, **y);
  return order ? order : (*x > *y) - (*x < *y);
}

clf_status clf__names_index(char *const *names, int32_t n, clf__name_index *index) {
  char *const **sorted = malloc((size_t)n * sizeof *sorted);
  int32_t *const at = malloc((size_t)n * sizeof *at);
  clf_status s = CLF_OK;
  if (!sorted || !at) s = clf__fail(CLF_ENOMEM, "no memory for the names of %d columns", (int)n);
  for (int32_t c = 0; c < n && !s; c++) sorted[c] = &names[c];
  if (!s) qsort(sorted, (size_t)n, sizeof *sorted, by_name);
  for (int32_t c = 0; c < n && !s; c++) {
    at[c] = (int32_t)(sorted[c] - names);
    if (c && strcmp(*sorted[c - 1], *sorted[c]) == 0)
      s = clf__fail(CLF_EINVAL, "columns %d and %d are both named \"%s\"", (int)at[c - 1] + 1,
                    (int)at[c] + 1, clf__excerpt_of(*sorted[c], strlen(*sorted[c])).s);
  }
  free(sorted);
  if (s)
    free(at);
  else
    *index = (clf__name_index){names, at, n};
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

int32_t clf__names_find(const clf__name_index *index, const char *name) {
  int32_t low = 0, high = index->n;
  while (low < high) {
    const int32_t mid = low + (high - low) / 2;
    const int order = strcmp(name, index->names[index->at[mid]]);
    if (order == 0) return index->at[mid];
    if (order < 0)
      high = mid;
    else
      low = mid + 1;
  }
  return -1;
}

int clf__name_distance(const char *a, const char *b) {
  return clf__distance(a, strnlen(a, CLF_DISTANCE_MOST), b, strnlen(b, CLF_DISTANCE_MOST));
}

clf_status clf__names_check(char *const *names, int32_t n) {
  for (int32_t c = 0; c < n; c++) CLF_TRY(check_name(names[c], c));
  clf__name_index index;
  CLF_TRY(clf__names_index(names, n, &index));
  free(index.at);
  return CLF_OK;
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
