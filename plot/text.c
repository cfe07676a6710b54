/* SPDX-License-Identifier: MIT */
/* text.c: lines of text, and numbers as text. */
#include "chart.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of the UTF-8 character at s, 0 if there is none. */
static size_t utf8_length(const unsigned char *s) {
  const size_t n = s[0] < 0x80 ? 1 : s[0] < 0xC2 ? 0 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;
  if (s[0] > 0xF4) return 0;
  for (size_t i = 1; i < n; i++)
    if ((s[i] & 0xC0) != 0x80) return 0;
  if (n == 3 && ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F))) return 0;
  if (n == 4 && ((s[0] == 0xF0 && s[1] < 0x90) || (s[0] == 0xF4 && s[1] > 0x8F))) return 0;
  return n;
}

void clf__text_clean(char *dst, size_t size, const char *src) {
  size_t used = 0;
  while (*src) {
    const size_t n = utf8_length((const unsigned char *)src);
    if (used + (n ? n : 1) + 1 > size) break;
    if (n > 1)
      memcpy(dst + used, src, n);
    else
      dst[used] = n == 0 ? '?' : ((unsigned char)*src < ' ' || *src == 127) ? ' ' : *src;
    used += n ? n : 1;
    src += n ? n : 1;
  }
  dst[used] = 0;
}

static double width_of(cairo_t *cr, const char *text) {
  cairo_text_extents_t e;
  cairo_text_extents(cr, text, &e);
  return e.x_advance;
}

/* Removes characters from the end until the text and an ellipsis fit. */
static void cut(cairo_t *cr, char *text, size_t size, double max) {
  size_t n = strlen(text);
  if (n + 4 > size) n = size - 4;
  while (n > 0) {
    do n--;
    while (n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80);
    memcpy(text + n, "…", sizeof "…");
    if (width_of(cr, text) <= max) return;
  }
}

double clf__text(cairo_t *cr, double x, double y, const char *text, clf__text_style style) {
  char line[512];
  clf__text_clean(line, sizeof line, text);
  cairo_select_font_face(cr, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL,
                         style.bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size(cr, style.size);
  double width = width_of(cr, line);
  if (style.max > 0 && width > style.max) {
    cairo_set_font_size(cr, fmax(style.size * style.max / width, style.size * 0.8));
    if (width_of(cr, line) > style.max * 1.001) cut(cr, line, sizeof line, style.max);
    width = width_of(cr, line);
  }
  cairo_set_source_rgb(cr, style.color.r, style.color.g, style.color.b);
  cairo_move_to(cr, x - style.align * width, y);
  cairo_show_text(cr, line);
  return width;
}

/* printf() writes the locale's decimal mark and "e+06"; this makes it a point and "e6". */
static void tidy(char *dst, size_t size, const char *raw) {
  size_t used = 0;
  int exponent = 0;
  for (const char *s = raw; *s && used + 4 < size; s++) {
    if (*s == '-') {
      memcpy(dst + used, "−", 3);
      used += 3;
    } else if (exponent == 1 && (*s == '+' || (*s == '0' && s[1]))) {
      continue;
    } else {
      dst[used++] = *s == ',' ? '.' : *s;
      exponent = *s == 'e' ? 1 : exponent == 1 ? 2 : exponent;
    }
  }
  dst[used] = 0;
}

void clf__number(char *dst, size_t size, double v, int digits) {
  char raw[64];
  snprintf(raw, sizeof raw, "%.*g", digits, v);
  tidy(dst, size, raw);
}

void clf__decimal(char *dst, size_t size, double v, int places) {
  char raw[64];
  snprintf(raw, sizeof raw, "%.*f", places, v);
  if (strtod(raw, NULL) == 0 && raw[0] == '-') memmove(raw, raw + 1, strlen(raw));
  tidy(dst, size, raw);
}

void clf__count(char *dst, size_t size, int64_t n) {
  char digits[32];
  const int len = snprintf(digits, sizeof digits, "%" PRId64, n);
  size_t used = 0;
  for (int i = 0; i < len && used + 5 < size; i++) {
    if (i > 0 && (len - i) % 3 == 0 && len > 4) {
      memcpy(dst + used, "\u2009", 3);
      used += 3;
    }
    dst[used++] = digits[i];
  }
  dst[used] = 0;
}
