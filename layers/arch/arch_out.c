/* SPDX-License-Identifier: MIT */
/* arch_out.c: a growing text, and numbers in it. */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "arch_private.h"

void clf__out_bytes(clf__out *o, const char *text, size_t n) {
  if (o->failed) return;
  if (o->n + n + 1 > o->room) {
    const size_t room = 2 * (o->n + n + 64);
    char *const s = realloc(o->s, room);
    if (!s) {
      o->failed = 1;
      return;
    }
    o->s = s;
    o->room = room;
  }
  memcpy(o->s + o->n, text, n);
  o->n += n;
  o->s[o->n] = '\0';
}

void clf__out_text(clf__out *o, const char *text) { clf__out_bytes(o, text, strlen(text)); }

void clf__out_int(clf__out *o, int64_t v) {
  char text[24];
  snprintf(text, sizeof text, "%" PRId64, v);
  clf__out_text(o, text);
}

/* 1e-05 becomes 1e-5, 1e+20 becomes 1e20, and the decimal mark a point in every locale. */
static void tidy(char *text) {
  const char *const point = localeconv()->decimal_point;
  const size_t n = strlen(point);
  char *const comma = n && strcmp(point, ".") != 0 ? strstr(text, point) : NULL;
  if (comma) {
    *comma = '.';
    memmove(comma + 1, comma + n, strlen(comma + n) + 1);
  }
  char *const e = strchr(text, 'e');
  if (!e) return;
  char *const digits = e + (e[1] == '-' ? 2 : 1);
  const size_t skip = strspn(digits, "+0");
  memmove(digits, digits + skip, strlen(digits + skip) + 1);
}

void clf__out_real(clf__out *o, double v) {
  char text[40] = "";
  if (v == CLF_PI || v == -CLF_PI) {
    clf__out_text(o, v > 0 ? "pi" : "-pi");
    return;
  }
  for (int digits = 1; digits <= 17; digits++) {
    snprintf(text, sizeof text, "%.*g", digits, v);
    if (strtod(text, NULL) == v) break; /* in the locale that wrote it */
  }
  tidy(text);
  clf__out_text(o, text);
}
