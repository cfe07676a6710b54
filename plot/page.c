/* SPDX-License-Identifier: MIT */
/* page.c: a growing text, and text and numbers as HTML. */
#include "page.h"
#include "chart.h"
#include "fail.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add(clf__page *p, const char *text, size_t n) {
  if (p->failed) return;
  if (p->cap - p->used <= n) {
    const size_t cap = 2 * p->cap + n + 4096;
    char *const at = realloc(p->at, cap);
    if (!at) {
      p->failed = 1;
      return;
    }
    p->at = at;
    p->cap = cap;
  }
  memcpy(p->at + p->used, text, n);
  p->used += n;
  p->at[p->used] = 0;
}

void clf__page_add(clf__page *p, const char *text) { add(p, text, strlen(text)); }

void clf__page_addf(clf__page *p, const char *fmt, ...) {
  char text[1024];
  va_list args;
  va_start(args, fmt);
  const int n = vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  if (n < 0 || (size_t)n >= sizeof text)
    p->failed = 1;
  else
    add(p, text, (size_t)n);
}

static const char *escape_of(char c) {
  switch (c) {
  case '&': return "&amp;";
  case '<': return "&lt;";
  case '>': return "&gt;";
  case '"': return "&quot;";
  case '\'': return "&#39;";
  default: return NULL;
  }
}

void clf__page_text(clf__page *p, const char *text, int maximum) {
  const size_t size = strlen(text) + 1;
  char *const clean = malloc(size);
  if (!clean) {
    p->failed = 1;
    return;
  }
  clf__text_clean(clean, size, text);
  int letters = 0, all = 0;
  for (const char *s = clean; *s; s++) all += ((unsigned char)*s & 0xC0) != 0x80;
  for (const char *s = clean; *s; s++) {
    if (((unsigned char)*s & 0xC0) != 0x80 && maximum && ++letters >= maximum && all > maximum) {
      add(p, "…", strlen("…"));
      break;
    }
    const char *const escape = escape_of(*s);
    if (escape)
      clf__page_add(p, escape);
    else
      add(p, s, 1);
  }
  free(clean);
}

void clf__page_length(clf__page *p, double v) {
  char text[40];
  const long hundredths = lround(fmin(fmax(v, -1e6), 1e6) * 100), part = labs(hundredths) % 100;
  int n = snprintf(text, sizeof text, "%s%ld", hundredths < 0 ? "-" : "", labs(hundredths) / 100);
  if (part)
    n += snprintf(text + n, sizeof text - (size_t)n, part % 10 ? ".%02ld" : ".%ld",
                  part % 10 ? part : part / 10);
  add(p, text, (size_t)n);
}

clf_status clf__page_end(clf__page *p) {
  if (!p->failed) return CLF_OK;
  clf__page_free(p);
  return clf__plot_fail(CLF_ENOMEM, "no memory for the report");
}

void clf__page_free(clf__page *p) {
  free(p->at);
  *p = (clf__page){0};
}

/* ---- Numbers ------------------------------------------------------------------- */

void clf__page_number(char *dst, size_t size, double v, int digits) {
  if (isnan(v) || isinf(v)) {
    snprintf(dst, size, "%s", isnan(v) ? "–" : v > 0 ? "∞" : "−∞");
    return;
  }
  const double far = fabs(v);
  if (far >= 1e4 && far < 1e9 && v == floor(v))
    clf__count(dst, size, (int64_t)v);
  else if (far != 0 && (far < 1e-4 || far >= 1e7))
    clf__number(dst, size, v, digits);
  else
    clf__decimal(dst, size, v, far == 0 ? 0 : (int)fmax(0, digits - 1 - floor(log10(far) + 1e-12)));
}

void clf__page_nats(char *dst, size_t size, double v, double error) {
  if (!isfinite(v)) {
    clf__page_number(dst, size, v, 3);
    return;
  }
  const int places = !isfinite(error) || error <= 0 ? 2 : error < 0.01 ? 3 : error < 2 ? 2 : 1;
  clf__decimal(dst, size, v, fabs(v) >= 1e4 ? 0 : places);
}
