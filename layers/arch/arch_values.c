/* SPDX-License-Identifier: MIT */
/* arch_values.c: the values of members in an architecture's text. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "arch_reader.h"
#include "names.h"
#include "status.h"

/* ---- Lists ----------------------------------------------------------------------------------- */

static int is_letter(char c) { return isalpha((unsigned char)c) || c == '_'; }

/* Whether the list of numbers continues after a comma: yes in "min=1e-3,1e-3", no in "min=1e-3,
 * 50x2". */
static int goes_on(clf__reader *r, int tails) {
  const char *const before = r->p;
  if (clf__text_accept(r, ",")) {
    clf__text_skip(r);
    const size_t n = clf__text_number_length(r->p);
    const char after = r->p[n];
    if (n && !is_letter(after) && after != '-' && after != '=') return 1;
    if (clf__text_is_pi(r->p)) return 1;
    if (tails && (clf__text_is_word(r->p, "none") || clf__text_is_word(r->p, "circular"))) return 1;
  }
  r->p = before;
  return 0;
}

clf_status clf__text_in_range(clf__reader *r, const char *at, const clf__node *node,
                              const clf__member *m, double v) {
  return clf__text_refuse(r, at, clf__member_in_range(node->type, m, v));
}

static clf_status read_ints(clf__reader *r, const clf__node *node, const clf__member *m,
                            clf__ints *out) {
  clf__text_list l = {0};
  do {
    clf__text_skip(r);
    const char *const at = r->p;
    int32_t *const v = clf__text_append(r, &l, sizeof *v);
    if (!v) return CLF_ENOMEM;
    CLF_TRY(clf__text_whole(r, 0, INT32_MAX, "a whole number", v));
    CLF_TRY(clf__text_in_range(r, at, node, m, *v));
  } while (m->flags & CLF__DASHED ? clf__text_accept(r, "-") : goes_on(r, 0));
  *out = (clf__ints){l.at, l.n};
  return CLF_OK;
}

static clf_status read_reals(clf__reader *r, const clf__node *node, const clf__member *m,
                             clf__reals *out) {
  clf__text_list l = {0};
  do {
    clf__text_skip(r);
    const char *const at = r->p;
    double *const v = clf__text_append(r, &l, sizeof *v);
    if (!v) return CLF_ENOMEM;
    CLF_TRY(clf__text_real(r, v));
    CLF_TRY(clf__text_in_range(r, at, node, m, *v));
  } while (goes_on(r, 0));
  *out = (clf__reals){l.at, l.n};
  return CLF_OK;
}

static clf_status read_tails(clf__reader *r, const clf__node *node, const clf__member *m,
                             clf__tails *out) {
  clf__text_list l = {0};
  do {
    clf__text_skip(r);
    const char *const at = r->p;
    clf__tail *const t = clf__text_append(r, &l, sizeof *t);
    if (!t) return CLF_ENOMEM;
    t->kind = clf__text_is_word(at, "none")       ? CLF__TAIL_NONE
              : clf__text_is_word(at, "circular") ? CLF__TAIL_CIRCULAR
                                                  : CLF__TAIL_LINEAR;
    if (t->kind != CLF__TAIL_LINEAR) {
      r->p += clf__name_length(at);
      continue;
    }
    if (!clf__text_number_length(at) && !clf__text_is_pi(at))
      return clf__text_expected(r, at, "a bound, \"none\" or \"circular\"");
    CLF_TRY(clf__text_real(r, &t->bound));
    CLF_TRY(clf__text_in_range(r, at, node, m, t->bound));
  } while (goes_on(r, 1));
  *out = (clf__tails){l.at, l.n};
  return CLF_OK;
}

/* "0-2+5+7-": ascending, so that no dimension occurs twice. */
clf_status clf__text_ranges(clf__reader *r, clf__ranges *out) {
  static const char what[] = "a range of dimensions, as 0-2";
  clf__text_list l = {0};
  int32_t low = 0;
  do {
    clf__range *const x = clf__text_append(r, &l, sizeof *x);
    if (!x) return CLF_ENOMEM;
    clf__text_skip(r);
    const char *const at = r->p;
    if (low > CLF_ARCH_DIM) return clf__text_expected(r, at, "no range after one without an end");
    CLF_TRY(clf__text_whole(r, 0, CLF_ARCH_DIM, what, &x->first));
    if (x->first < low)
      return clf__text_expected(r, at, "ranges in ascending order that do not overlap");
    x->last = x->first;
    if (*r->p == '-') {
      r->p++;
      x->last = -1;
      const char *const end = r->p;
      if (clf__is_digit(*end)) {
        CLF_TRY(clf__text_whole(r, 0, CLF_ARCH_DIM, what, &x->last));
        if (x->last < x->first)
          return clf__text_expected(r, end, "the end of a range after its beginning");
      }
    }
    low = x->last < 0 ? CLF_ARCH_DIM + 1 : x->last + 1;
  } while (clf__text_accept(r, "+"));
  *out = (clf__ranges){l.at, l.n};
  return CLF_OK;
}

/* ---- Values of members ----------------------------------------------------------------------- */

/* $i or $alt, for members that are whole numbers, flags or choices. */
static clf_status read_variable(clf__reader *r, clf__node *node, int index) {
  const clf__member_type type = node->type->members[index].type;
  static const char what[] = "a value; $i and $alt stand for whole numbers only";
  if (type != CLF__TYPE_INT && type != CLF__TYPE_FLAG && type != CLF__TYPE_CHOICE)
    return clf__text_expected(r, r->p, what);
  const int is_i = clf__text_is_word(r->p + 1, "i");
  if (!is_i && !clf__text_is_word(r->p + 1, "alt"))
    return clf__text_expected(r, r->p, "$i or $alt");
  node->variable[index] = is_i ? CLF__VARIABLE_I : CLF__VARIABLE_ALT;
  r->p += 1 + clf__name_length(r->p + 1);
  return CLF_OK;
}

static clf_status read_int(clf__reader *r, const clf__node *node, const clf__member *m,
                           int32_t *to) {
  char what[96];
  const char *const at = r->p;
  if (m->zero && clf__text_is_word(at, m->zero)) {
    *to = (int32_t)m->low - 1;
    r->p += clf__name_length(at);
    return CLF_OK;
  }
  snprintf(what, sizeof what, "a whole number%s%s for %s", m->zero ? " or " : "",
           m->zero ? m->zero : "", m->name);
  if (!clf__is_digit(*at)) return clf__text_expected(r, at, what);
  const size_t digits = strspn(at, "0123456789");
  if (clf__text_number_length(at) != digits) return clf__text_expected(r, at, what);
  CLF_TRY(clf__text_whole(r, 0, INT32_MAX, what, to));
  return clf__text_in_range(r, at, node, m, *to);
}

/* A word of letters or digits. */
static size_t word_length(const char *p) {
  const size_t n = clf__name_length(p);
  return n ? n : strspn(p, "0123456789");
}

static clf_status read_choice(clf__reader *r, const clf__member *m, int *to) {
  char what[96];
  const char *const at = r->p;
  const size_t n = word_length(at);
  const int word = clf__word_find(m->words, at, n);
  snprintf(what, sizeof what, "a word for %s", m->name);
  if (!n) return clf__text_expected(r, at, what);
  if (word < 0) {
    clf__nearest x = clf__nearest_to(at, n);
    for (int i = 0; m->words[i].text; i++) clf__nearest_offer(&x, m->words[i].text);
    return clf__text_unknown(r, at, m->name, &x);
  }
  *to = word;
  r->p += n;
  return CLF_OK;
}

static clf_status read_flag(clf__reader *r, const clf__member *m, int *to) {
  char what[96];
  snprintf(what, sizeof what, "0 or 1 for %s", m->name);
  if ((*r->p != '0' && *r->p != '1') || clf__text_number_length(r->p) != 1)
    return clf__text_expected(r, r->p, what);
  *to = *r->p++ == '1';
  return CLF_OK;
}

clf_status clf__text_value(clf__reader *r, clf__node *node, int index) {
  const clf__member *const m = &node->type->members[index];
  void *const to = clf__member_of(node, m);
  clf__text_skip(r);
  node->variable[index] = CLF__VARIABLE_NONE;
  if (*r->p == '$') return read_variable(r, node, index);
  switch (m->type) {
  case CLF__TYPE_INT: return read_int(r, node, m, to);
  case CLF__TYPE_REAL: {
    const char *const at = r->p;
    CLF_TRY(clf__text_real(r, to));
    return clf__text_in_range(r, at, node, m, *(double *)to);
  }
  case CLF__TYPE_FLAG: return read_flag(r, m, to);
  case CLF__TYPE_CHOICE: return read_choice(r, m, to);
  case CLF__TYPE_INTS: return read_ints(r, node, m, to);
  case CLF__TYPE_REALS: return read_reals(r, node, m, to);
  case CLF__TYPE_RANGES: return clf__text_ranges(r, to);
  case CLF__TYPE_TAILS: return read_tails(r, node, m, to);
  case CLF__TYPE_NODE: return clf__text_node(r, m->group, to);
  case CLF__TYPE_LIST:
  case CLF__TYPE_PARTS: break;
  }
  return clf__text_expected(r, r->p, "no list by name"); /* they have their own syntax */
}

clf_status clf__member_read(clf_arch *arch, clf__node *node, int member, const char *text) {
  clf__reader r = {.arch = arch, .text = text, .p = text};
  CLF_TRY(clf__text_value(&r, node, member));
  clf__text_skip(&r);
  return *r.p ? clf__text_expected(&r, r.p, "the end of the value") : CLF_OK;
}

clf_status clf__ranges_read(clf_arch *arch, const char *text, clf__ranges *ranges) {
  clf__reader r = {.arch = arch, .text = text, .p = text};
  CLF_TRY(clf__text_ranges(&r, ranges));
  clf__text_skip(&r);
  return *r.p ? clf__text_expected(&r, r.p, "the end of the ranges") : CLF_OK;
}

int clf__is_label(const char *text) {
  const size_t n = clf__name_length(text);
  return n > 0 && n < CLF_ARCH_LABEL && text[n] == '\0';
}
