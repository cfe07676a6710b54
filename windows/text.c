/* SPDX-License-Identifier: MIT */
/* text.c: text functions that MinGW-w64 lacks, and numbers in C's locale. */
#include <fnmatch.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

char *strndup(const char *text, size_t n) {
  const size_t size = strnlen(text, n);
  char *copy = malloc(size + 1);
  if (copy) memcpy(copy, text, size), copy[size] = 0;
  return copy;
}

char *strsep(char **text, const char *ends) {
  char *begin = *text;
  if (!begin) return NULL;
  char *end = begin + strcspn(begin, ends);
  *text = *end ? end + 1 : NULL;
  *end = 0;
  return begin;
}

int fnmatch(const char *pattern, const char *name, int flags) {
  for (; *pattern && *pattern != '*'; pattern++, name++)
    if (*pattern != *name) return 1;
  if (!*pattern) return *name != 0;
  while (fnmatch(pattern + 1, name, flags) != 0)
    if (!*name++) return 1;
  return 0;
}

/* ---- C's locale ------------------------------------------------------------------------- */

struct clf__locale {
  int unused;
};
const struct clf__locale clf__c_locale, clf__global_locale;
static _Thread_local locale_t current = &clf__global_locale;
static _Thread_local char *before; /* the thread's previous locale, if it had one */
static _Thread_local int own;

locale_t uselocale(locale_t l) {
  const locale_t was = current;
  if (!l || l == was) return was;
  if (l == &clf__c_locale) {
    own = _configthreadlocale(_ENABLE_PER_THREAD_LOCALE);
    before = _strdup(setlocale(LC_ALL, NULL));
    setlocale(LC_ALL, "C");
  } else {
    if (before) setlocale(LC_ALL, before);
    free(before);
    _configthreadlocale(own);
  }
  current = l;
  return was;
}

double strtod_l(const char *text, char **end, locale_t l) {
  if (strcmp(localeconv()->decimal_point, ".") == 0) return strtod(text, end);
  const locale_t was = uselocale(l);
  const double x = strtod(text, end);
  uselocale(was);
  return x;
}
