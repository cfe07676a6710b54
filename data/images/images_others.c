/* SPDX-License-Identifier: MIT */
/* images_others.c: counts files of a folder with other formats, by suffix. */
#include "images_others.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "path.h"

enum { SUFFIX = sizeof((struct clf__other *)0)->suffix, SHOWN = 5 };

/* Only short words of letters and digits are suffixes. */
static void suffix_of(const char *path, char suffix[SUFFIX]) {
  const char *const dot = strrchr(clf__file_name(path), '.');
  *suffix = 0;
  if (!dot || strlen(dot) >= SUFFIX || !dot[1]) return;
  for (const char *p = dot + 1; *p; p++)
    if (!isalnum((unsigned char)*p) || (unsigned char)*p > 127) return;
  size_t n = 0;
  for (; dot[n]; n++) suffix[n] = (char)tolower((unsigned char)dot[n]);
  suffix[n] = 0;
}

void clf__others_add(clf__others *o, const char *path) {
  char suffix[SUFFIX];
  int i = 0;
  suffix_of(path, suffix);
  o->total++;
  while (i < o->kinds && strcmp(o->kind[i].suffix, suffix) != 0) i++;
  if (i == CLF_OTHERS) return;
  if (i == o->kinds) {
    strcpy(o->kind[i].suffix, suffix);
    o->kinds++;
  }
  o->kind[i].count++;
}

/* The most frequent one first. */
static int by_count(const void *pa, const void *pb) {
  const struct clf__other *const a = pa, *const b = pb;
  if (a->count != b->count) return a->count > b->count ? -1 : 1;
  return strcmp(a->suffix, b->suffix);
}

/* Appends "12 .webp, 5 .bmp" to n characters of text. */
static void list(clf__others o, char *text, size_t size, size_t n) {
  int64_t left = o.total;
  qsort(o.kind, (size_t)o.kinds, sizeof *o.kind, by_count);
  for (int i = 0; i < o.kinds && i < SHOWN && n < size; i++) {
    const struct clf__other *const k = &o.kind[i];
    n += (size_t)snprintf(text + n, size - n, "%s%" PRId64 " %s", i ? ", " : "", k->count,
                          *k->suffix ? k->suffix : "without a suffix");
    left -= k->count;
  }
  if (left && n < size) n += (size_t)snprintf(text + n, size - n, ", %" PRId64 " others", left);
  if (n < size) snprintf(text + n, size - n, ")");
}

int clf__others_say(const clf__others *o, const char *folder, char *text, size_t size) {
  if (!o->total) return 0;
  const int n = snprintf(text, size, "%s: %" PRId64 " %s left out (", folder, o->total,
                         o->total == 1 ? "file of another kind was" : "files of other kinds were");
  if (n > 0 && (size_t)n < size) list(*o, text, size, (size_t)n);
  return 1;
}
