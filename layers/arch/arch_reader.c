/* SPDX-License-Identifier: MIT */
/* arch_reader.c: position, tokens and messages of the reader of architectures. */
#define _GNU_SOURCE /* for strtod_l() */
#include "arch_reader.h"
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "names.h"
#include "status.h"

/* ---- Messages -------------------------------------------------------------------------------- */

/* "character 12", or "line 3, character 5" in text with several lines. */
const char *clf__text_position(const clf__reader *r, const char *at, char *to, size_t size) {
  int line = 1;
  const char *start = r->text;
  for (const char *p = r->text; p < at; p++)
    if (*p == '\n') {
      line++;
      start = p + 1;
    }
  if (strchr(r->text, '\n'))
    snprintf(to, size, "line %d, character %td", line, at - start + 1);
  else
    snprintf(to, size, "character %td", at - start + 1);
  return to;
}

/* What is found at `at`: a name, a number or a single character. */
static const char *found(const char *at, char *to, size_t size) {
  size_t n = clf__name_length(at);
  if (!*at) return "the end of the text";
  if (!n && *at == '$') n = 1 + clf__name_length(at + 1);
  if (!n) n = strspn(at, "0123456789.");
  if (!n) n = strncmp(at, "->", 2) == 0 ? 2 : 1;
  while (((unsigned char)at[n] & 0xc0) == 0x80) n++; /* the rest of a character in UTF-8 */
  snprintf(to, size, "\"%s\"", clf__excerpt_of(at, n).s);
  return to;
}

clf_status clf__text_expected(const clf__reader *r, const char *at, const char *what) {
  char where[64], what_is[64];
  return clf__fail(CLF_EINVAL, "flow text, %s: expected %s, found %s",
                   clf__text_position(r, at, where, sizeof where), what,
                   found(at, what_is, sizeof what_is));
}

/* EINVAL: adds the position `at` to a message of another file. */
clf_status clf__text_refuse(const clf__reader *r, const char *at, clf_status s) {
  char where[64], why[512];
  if (s != CLF_EINVAL) return s;
  snprintf(why, sizeof why, "%s", clf_errmsg());
  return clf__fail(s, "flow text, %s: %s", clf__text_position(r, at, where, sizeof where), why);
}

clf__nearest clf__nearest_to(const char *typed, size_t n) {
  clf__nearest x = {.name = NULL};
  snprintf(x.typed, sizeof x.typed, "%.*s", (int)(n < 63 ? n : 63), typed);
  return x;
}

void clf__nearest_offer(clf__nearest *x, const char *name) {
  const int d = clf__name_distance(x->typed, name);
  if (x->name && d >= x->distance) return;
  x->name = name;
  x->distance = d;
}

void clf__nearest_offer_group(clf__nearest *x, clf__node_group group) {
  for (int i = 0; i < CLF__NODE_TYPES; i++)
    if (clf__node_types[i].group == group && clf__node_types[i].id != CLF__ARCH_repeat)
      clf__nearest_offer(x, clf__node_types[i].name);
  for (int i = 0; i < clf__macro_count; i++)
    if (clf__macros[i].group == group) clf__nearest_offer(x, clf__macros[i].name);
}

clf_status clf__text_unknown(const clf__reader *r, const char *at, const char *what,
                             const clf__nearest *x) {
  char where[64];
  return clf__fail(CLF_EINVAL, "flow text, %s: there is no %s \"%s\"; did you mean \"%s\"?",
                   clf__text_position(r, at, where, sizeof where), what,
                   clf__excerpt_of(x->typed, strlen(x->typed)).s, x->name);
}

/* ---- Tokens ---------------------------------------------------------------------------------- */

/* Blanks, line ends, and comments from '#' to the end of the line. */
void clf__text_skip(clf__reader *r) {
  for (;;) {
    r->p += strspn(r->p, " \t\r\n");
    if (*r->p != '#') return;
    r->p += strcspn(r->p, "\n");
  }
}

int clf__text_accept(clf__reader *r, const char *token) {
  clf__text_skip(r);
  const size_t n = strlen(token);
  if (strncmp(r->p, token, n) != 0) return 0;
  r->p += n;
  return 1;
}

clf_status clf__text_expect(clf__reader *r, const char *token) {
  char what[16];
  if (clf__text_accept(r, token)) return CLF_OK;
  snprintf(what, sizeof what, "\"%s\"", token);
  return clf__text_expected(r, r->p, what);
}

clf_status clf__text_enter(clf__reader *r) {
  char where[64];
  if (++r->depth <= CLF_ARCH_DEPTH) return CLF_OK;
  return clf__fail(CLF_EINVAL, "flow text, %s: parentheses are nested more than %d deep",
                   clf__text_position(r, r->p, where, sizeof where), CLF_ARCH_DEPTH);
}
void clf__text_leave(clf__reader *r) { r->depth--; }

int clf__text_is_word(const char *p, const char *word) {
  return clf__name_length(p) == strlen(word) && strncmp(p, word, strlen(word)) == 0;
}

/* Length of a decimal number at p, 0 if there is none. */
size_t clf__text_number_length(const char *p) {
  static const char digits[] = "0123456789";
  const char *q = p + (*p == '-' || *p == '+');
  const size_t whole = strspn(q, digits);
  q += whole;
  const size_t part = *q == '.' ? strspn(q + 1, digits) : 0;
  if (!whole && !part) return 0;
  if (*q == '.') q += 1 + part;
  if (*q == 'e' || *q == 'E') {
    const char *const e = q + 1 + (q[1] == '-' || q[1] == '+');
    const size_t n = strspn(e, digits);
    if (n) q = e + n;
  }
  return (size_t)(q - p);
}

int clf__text_is_pi(const char *p) { return clf__text_is_word(p + (*p == '-' || *p == '+'), "pi"); }

clf_status clf__text_real(clf__reader *r, double *v) {
  clf__text_skip(r);
  const char *const at = r->p;
  if (clf__text_is_pi(at)) {
    *v = *at == '-' ? -CLF_PI : CLF_PI;
    r->p += (*at == '-' || *at == '+') + 2;
    return CLF_OK;
  }
  const size_t n = clf__text_number_length(at);
  if (!n) return clf__text_expected(r, at, "a number");
  const locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  if (!c) return clf__fail(CLF_ENOMEM, "no memory for an architecture");
  *v = strtod_l(at, NULL, c);
  freelocale(c);
  if (!isfinite(*v)) return clf__text_expected(r, at, "a finite number");
  r->p += n;
  return CLF_OK;
}

/* A whole number from low to high; `what` describes it. */
clf_status clf__text_whole(clf__reader *r, int32_t low, int32_t high, const char *what,
                           int32_t *v) {
  clf__text_skip(r);
  const char *const at = r->p;
  int64_t x = 0;
  if (!clf__is_digit(*at)) return clf__text_expected(r, at, what);
  while (clf__is_digit(*r->p)) {
    if (x <= INT32_MAX) x = 10 * x + (*r->p - '0');
    r->p++;
  }
  if (x < low || x > high) return clf__text_expected(r, at, what);
  *v = (int32_t)x;
  return CLF_OK;
}

/* ---- Lists ----------------------------------------------------------------------------------- */

void *clf__text_append(clf__reader *r, clf__text_list *l, size_t size) {
  if (l->n == l->room) {
    const int32_t room = l->room ? 2 * l->room : 4;
    void *const at = clf__arch_alloc(&r->arch->blocks, (size_t)room * size);
    if (!at) return NULL;
    if (l->n) memcpy(at, l->at, (size_t)l->n * size);
    l->at = at;
    l->room = room;
  }
  return (char *)l->at + (size_t)l->n++ * size;
}
