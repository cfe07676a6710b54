/* SPDX-License-Identifier: MIT */
/* arch_parse.c: text as the tree of an architecture: a reader by recursive descent, which knows of
 * nodes and members what arch.def says. */
#define _GNU_SOURCE /* strtod_l() */
#include <ctype.h>
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "arch_private.h"
#include "names.h"
#include "status.h"

typedef struct reader {
  clf_arch *arch;
  const char *text, *p; /* all of it, and what is left */
  int depth;            /* open parentheses and macros */
} reader;

static clf_status read_node(reader *r, clf__node_group group, clf__node **out);
static clf_status read_layers(reader *r, clf__nodes *out);
static clf_status read_flow(reader *r, clf__node **out);

/* ---- Messages ----------------------------------------------------------------------------- */

static int is_letter(char c) { return isalpha((unsigned char)c) || c == '_'; }
static int is_digit(char c) { return c >= '0' && c <= '9'; }

/* "character 12", or "line 3, character 5" of text that has several. */
static const char *place(const reader *r, const char *at, char *to, size_t size) {
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

/* What stands at `at`: a name, a number or a single character. */
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

static clf_status expected(const reader *r, const char *at, const char *what) {
  char where[64], what_is[64];
  return clf__fail(CLF_EINVAL, "flow text, %s: expected %s, found %s",
                   place(r, at, where, sizeof where), what, found(at, what_is, sizeof what_is));
}

/* EINVAL: a message that another file made, of what stands at `at`. */
static clf_status refuse(const reader *r, const char *at, clf_status s) {
  char where[64], why[512];
  if (s != CLF_EINVAL) return s;
  snprintf(why, sizeof why, "%s", clf_errmsg());
  return clf__fail(s, "flow text, %s: %s", place(r, at, where, sizeof where), why);
}

/* Of several names the one that is nearest to what was typed. */
typedef struct nearest {
  char typed[64];
  const char *name;
  int distance;
} nearest;

static nearest nearest_to(const char *typed, size_t n) {
  nearest x = {.name = NULL};
  snprintf(x.typed, sizeof x.typed, "%.*s", (int)(n < 63 ? n : 63), typed);
  return x;
}

static void offer(nearest *x, const char *name) {
  const int d = clf__name_distance(x->typed, name);
  if (x->name && d >= x->distance) return;
  x->name = name;
  x->distance = d;
}

static void offer_group(nearest *x, clf__node_group group) {
  for (int i = 0; i < CLF__NODE_TYPES; i++)
    if (clf__node_types[i].group == group && clf__node_types[i].id != CLF__ARCH_repeat)
      offer(x, clf__node_types[i].name);
  for (int i = 0; i < clf__macro_count; i++)
    if (clf__macros[i].group == group) offer(x, clf__macros[i].name);
}

static clf_status unknown(const reader *r, const char *at, const char *what, const nearest *x) {
  char where[64];
  return clf__fail(CLF_EINVAL, "flow text, %s: there is no %s \"%s\"; did you mean \"%s\"?",
                   place(r, at, where, sizeof where), what,
                   clf__excerpt_of(x->typed, strlen(x->typed)).s, x->name);
}

/* ---- Tokens ------------------------------------------------------------------------------- */

/* Blanks, line ends, and comments from '#' to the end of the line. */
static void skip(reader *r) {
  for (;;) {
    r->p += strspn(r->p, " \t\r\n");
    if (*r->p != '#') return;
    r->p += strcspn(r->p, "\n");
  }
}

static int accept(reader *r, const char *token) {
  skip(r);
  const size_t n = strlen(token);
  if (strncmp(r->p, token, n) != 0) return 0;
  r->p += n;
  return 1;
}

static clf_status expect(reader *r, const char *token) {
  char what[16];
  if (accept(r, token)) return CLF_OK;
  snprintf(what, sizeof what, "\"%s\"", token);
  return expected(r, r->p, what);
}

static clf_status enter(reader *r) {
  char where[64];
  if (++r->depth <= CLF_ARCH_DEPTH) return CLF_OK;
  return clf__fail(CLF_EINVAL, "flow text, %s: parentheses are nested more than %d deep",
                   place(r, r->p, where, sizeof where), CLF_ARCH_DEPTH);
}
static void leave(reader *r) { r->depth--; }

static int is_word(const char *p, const char *word) {
  return clf__name_length(p) == strlen(word) && strncmp(p, word, strlen(word)) == 0;
}

/* Length of a decimal number at p, 0 where there is none. */
static size_t number_length(const char *p) {
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

static int is_pi(const char *p) { return is_word(p + (*p == '-' || *p == '+'), "pi"); }

static clf_status read_real(reader *r, double *v) {
  skip(r);
  const char *const at = r->p;
  if (is_pi(at)) {
    *v = *at == '-' ? -CLF_PI : CLF_PI;
    r->p += (*at == '-' || *at == '+') + 2;
    return CLF_OK;
  }
  const size_t n = number_length(at);
  if (!n) return expected(r, at, "a number");
  const locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  if (!c) return clf__fail(CLF_ENOMEM, "no memory for an architecture");
  *v = strtod_l(at, NULL, c);
  freelocale(c);
  if (!isfinite(*v)) return expected(r, at, "a finite number");
  r->p += n;
  return CLF_OK;
}

/* A whole number from low to high, which `what` says in words. */
static clf_status read_whole(reader *r, int32_t low, int32_t high, const char *what, int32_t *v) {
  skip(r);
  const char *const at = r->p;
  int64_t x = 0;
  if (!is_digit(*at)) return expected(r, at, what);
  while (is_digit(*r->p)) {
    if (x <= INT32_MAX) x = 10 * x + (*r->p - '0');
    r->p++;
  }
  if (x < low || x > high) return expected(r, at, what);
  *v = (int32_t)x;
  return CLF_OK;
}

/* ---- Lists -------------------------------------------------------------------------------- */

/* A list that grows in the architecture's memory. */
typedef struct list {
  void *at;
  int32_t n, room;
} list;

static void *append(reader *r, list *l, size_t size) {
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

/* Whether after a comma the list of numbers goes on: "min=1e-3,1e-3", not "min=1e-3, 50x2". */
static int goes_on(reader *r, int tails) {
  const char *const before = r->p;
  if (accept(r, ",")) {
    skip(r);
    const size_t n = number_length(r->p);
    const char after = r->p[n];
    if (n && !is_letter(after) && after != '-' && after != '=') return 1;
    if (is_pi(r->p)) return 1;
    if (tails && (is_word(r->p, "none") || is_word(r->p, "circular"))) return 1;
  }
  r->p = before;
  return 0;
}

static clf_status in_range(reader *r, const char *at, const clf__node *node, const clf__member *m,
                           double v) {
  return refuse(r, at, clf__member_in_range(node->type, m, v));
}

static clf_status read_ints(reader *r, const clf__node *node, const clf__member *m,
                            clf__ints *out) {
  list l = {0};
  do {
    skip(r);
    const char *const at = r->p;
    int32_t *const v = append(r, &l, sizeof *v);
    if (!v) return CLF_ENOMEM;
    CLF_TRY(read_whole(r, 0, INT32_MAX, "a whole number", v));
    CLF_TRY(in_range(r, at, node, m, *v));
  } while (m->flags & CLF__DASHED ? accept(r, "-") : goes_on(r, 0));
  *out = (clf__ints){l.at, l.n};
  return CLF_OK;
}

static clf_status read_reals(reader *r, const clf__node *node, const clf__member *m,
                             clf__reals *out) {
  list l = {0};
  do {
    skip(r);
    const char *const at = r->p;
    double *const v = append(r, &l, sizeof *v);
    if (!v) return CLF_ENOMEM;
    CLF_TRY(read_real(r, v));
    CLF_TRY(in_range(r, at, node, m, *v));
  } while (goes_on(r, 0));
  *out = (clf__reals){l.at, l.n};
  return CLF_OK;
}

static clf_status read_tails(reader *r, const clf__node *node, const clf__member *m,
                             clf__tails *out) {
  list l = {0};
  do {
    skip(r);
    const char *const at = r->p;
    clf__tail *const t = append(r, &l, sizeof *t);
    if (!t) return CLF_ENOMEM;
    t->kind = is_word(at, "none")       ? CLF__TAIL_NONE
              : is_word(at, "circular") ? CLF__TAIL_CIRCULAR
                                        : CLF__TAIL_LINEAR;
    if (t->kind != CLF__TAIL_LINEAR) {
      r->p += clf__name_length(at);
      continue;
    }
    if (!number_length(at) && !is_pi(at))
      return expected(r, at, "a bound, \"none\" or \"circular\"");
    CLF_TRY(read_real(r, &t->bound));
    CLF_TRY(in_range(r, at, node, m, t->bound));
  } while (goes_on(r, 1));
  *out = (clf__tails){l.at, l.n};
  return CLF_OK;
}

/* "0-2+5+7-": ascending, so that no dimension stands twice. */
static clf_status read_ranges(reader *r, clf__ranges *out) {
  static const char what[] = "a range of dimensions, as 0-2";
  list l = {0};
  int32_t low = 0;
  do {
    clf__range *const x = append(r, &l, sizeof *x);
    if (!x) return CLF_ENOMEM;
    skip(r);
    const char *const at = r->p;
    if (low > CLF_ARCH_DIM) return expected(r, at, "no range after one without an end");
    CLF_TRY(read_whole(r, 0, CLF_ARCH_DIM, what, &x->first));
    if (x->first < low) return expected(r, at, "ranges in ascending order that do not overlap");
    x->last = x->first;
    if (*r->p == '-') {
      r->p++;
      x->last = -1;
      const char *const end = r->p;
      if (is_digit(*end)) {
        CLF_TRY(read_whole(r, 0, CLF_ARCH_DIM, what, &x->last));
        if (x->last < x->first) return expected(r, end, "the end of a range after its beginning");
      }
    }
    low = x->last < 0 ? CLF_ARCH_DIM + 1 : x->last + 1;
  } while (accept(r, "+"));
  *out = (clf__ranges){l.at, l.n};
  return CLF_OK;
}

/* ---- Values of members -------------------------------------------------------------------- */

/* $i or $alt, for members that are whole numbers, flags or choices. */
static clf_status read_variable(reader *r, clf__node *node, int index) {
  const clf__member_type type = node->type->members[index].type;
  static const char what[] = "a value; $i and $alt stand for whole numbers only";
  if (type != CLF__TYPE_INT && type != CLF__TYPE_FLAG && type != CLF__TYPE_CHOICE)
    return expected(r, r->p, what);
  const int is_i = is_word(r->p + 1, "i");
  if (!is_i && !is_word(r->p + 1, "alt")) return expected(r, r->p, "$i or $alt");
  node->variable[index] = is_i ? CLF__VARIABLE_I : CLF__VARIABLE_ALT;
  r->p += 1 + clf__name_length(r->p + 1);
  return CLF_OK;
}

static clf_status read_int(reader *r, const clf__node *node, const clf__member *m, int32_t *to) {
  char what[96];
  const char *const at = r->p;
  if (m->zero && is_word(at, m->zero)) {
    *to = (int32_t)m->low - 1;
    r->p += clf__name_length(at);
    return CLF_OK;
  }
  snprintf(what, sizeof what, "a whole number%s%s for %s", m->zero ? " or " : "",
           m->zero ? m->zero : "", m->name);
  if (!is_digit(*at)) return expected(r, at, what);
  const size_t digits = strspn(at, "0123456789");
  if (number_length(at) != digits) return expected(r, at, what);
  CLF_TRY(read_whole(r, 0, INT32_MAX, what, to));
  return in_range(r, at, node, m, *to);
}

/* A word, of letters or digits. */
static size_t word_length(const char *p) {
  const size_t n = clf__name_length(p);
  return n ? n : strspn(p, "0123456789");
}

static clf_status read_choice(reader *r, const clf__member *m, int *to) {
  char what[96];
  const char *const at = r->p;
  const size_t n = word_length(at);
  const int word = clf__word_find(m->words, at, n);
  snprintf(what, sizeof what, "a word for %s", m->name);
  if (!n) return expected(r, at, what);
  if (word < 0) {
    nearest x = nearest_to(at, n);
    for (int i = 0; m->words[i].text; i++) offer(&x, m->words[i].text);
    return unknown(r, at, m->name, &x);
  }
  *to = word;
  r->p += n;
  return CLF_OK;
}

static clf_status read_flag(reader *r, const clf__member *m, int *to) {
  char what[96];
  snprintf(what, sizeof what, "0 or 1 for %s", m->name);
  if ((*r->p != '0' && *r->p != '1') || number_length(r->p) != 1) return expected(r, r->p, what);
  *to = *r->p++ == '1';
  return CLF_OK;
}

static clf_status read_value(reader *r, clf__node *node, int index) {
  const clf__member *const m = &node->type->members[index];
  void *const to = clf__member_of(node, m);
  skip(r);
  node->variable[index] = CLF__VARIABLE_NONE;
  if (*r->p == '$') return read_variable(r, node, index);
  switch (m->type) {
  case CLF__TYPE_INT: return read_int(r, node, m, to);
  case CLF__TYPE_REAL: {
    const char *const at = r->p;
    CLF_TRY(read_real(r, to));
    return in_range(r, at, node, m, *(double *)to);
  }
  case CLF__TYPE_FLAG: return read_flag(r, m, to);
  case CLF__TYPE_CHOICE: return read_choice(r, m, to);
  case CLF__TYPE_INTS: return read_ints(r, node, m, to);
  case CLF__TYPE_REALS: return read_reals(r, node, m, to);
  case CLF__TYPE_RANGES: return read_ranges(r, to);
  case CLF__TYPE_TAILS: return read_tails(r, node, m, to);
  case CLF__TYPE_NODE: return read_node(r, m->group, to);
  case CLF__TYPE_LIST:
  case CLF__TYPE_PARTS: break;
  }
  return expected(r, r->p, "no list by name"); /* they have forms of their own */
}

clf_status clf__member_read(clf_arch *arch, clf__node *node, int member, const char *text) {
  reader r = {.arch = arch, .text = text, .p = text};
  CLF_TRY(read_value(&r, node, member));
  skip(&r);
  return *r.p ? expected(&r, r.p, "the end of the value") : CLF_OK;
}

clf_status clf__ranges_read(clf_arch *arch, const char *text, clf__ranges *ranges) {
  reader r = {.arch = arch, .text = text, .p = text};
  CLF_TRY(read_ranges(&r, ranges));
  skip(&r);
  return *r.p ? expected(&r, r.p, "the end of the ranges") : CLF_OK;
}

int clf__is_label(const char *text) {
  const size_t n = clf__name_length(text);
  return n > 0 && n < CLF_ARCH_LABEL && text[n] == '\0';
}

/* ---- Arguments ---------------------------------------------------------------------------- */

static void list_members(const clf__node_type *type, char *to, size_t size) {
  clf__name_list names = {0};
  for (int m = 0; m < type->count; m++)
    clf__name_list_add(&names, type->members[m].name, strlen(type->members[m].name));
  snprintf(to, size, "%s", clf__name_list_text(&names));
}

static clf_status once(const reader *r, const char *at, const clf__member *m, unsigned *given,
                       int index) {
  char where[64];
  if (*given >> index & 1)
    return clf__fail(CLF_EINVAL, "flow text, %s: %s is given twice",
                     place(r, at, where, sizeof where), m->name);
  *given |= 1u << index;
  return CLF_OK;
}

/* name=value */
static clf_status read_named(reader *r, clf__node *node, size_t n, unsigned *given) {
  const char *const at = r->p;
  const int m = clf__member_find(node->type, at, n);
  if (m < 0) {
    char what[80];
    snprintf(what, sizeof what, "member of %s", node->type->name);
    nearest x = nearest_to(at, n);
    for (int i = 0; i < node->type->count; i++) offer(&x, node->type->members[i].name);
    if (x.name) return unknown(r, at, what, &x);
    snprintf(what, sizeof what, "\")\": %s has no members", node->type->name);
    return expected(r, at, what);
  }
  CLF_TRY(once(r, at, &node->type->members[m], given, m));
  r->p += n;
  CLF_TRY(expect(r, "="));
  return read_value(r, node, m);
}

/* "50x2": the member with SIZE and the next. */
static int is_size(const char *p) {
  const size_t n = strspn(p, "0123456789");
  return n && p[n] == 'x' && is_digit(p[n + 1]);
}

static clf_status read_size(reader *r, clf__node *node, unsigned *given) {
  for (int m = 0; m < node->type->count; m++) {
    if (!(node->type->members[m].flags & CLF__SIZE)) continue;
    for (int k = m; k < m + 2; k++) {
      const clf__member *const member = &node->type->members[k];
      const char *const at = r->p;
      CLF_TRY(once(r, at, member, given, k));
      int32_t *const to = clf__member_of(node, member);
      CLF_TRY(read_whole(r, 0, INT32_MAX, "a whole number", to));
      CLF_TRY(in_range(r, at, node, member, *to));
      r->p += k == m;
    }
    return CLF_OK;
  }
  return expected(r, r->p, "an argument that is no size");
}

/* Whether a value without a name can be this member's. */
static int takes(const clf__member *m, const char *p) {
  const size_t n = clf__name_length(p);
  const int bare = m->flags & CLF__BARE;
  switch (m->type) {
  case CLF__TYPE_FLAG: return n == strlen(m->name) && strncmp(p, m->name, n) == 0;
  case CLF__TYPE_CHOICE: return n && clf__word_find(m->words, p, n) >= 0;
  case CLF__TYPE_INT:
    if (bare && m->zero && is_word(p, m->zero)) return 1;
    return bare && is_digit(*p) && p[strspn(p, "0123456789")] != '-';
  case CLF__TYPE_REAL: return bare && (number_length(p) || is_pi(p));
  case CLF__TYPE_INTS: {
    const size_t digits = strspn(p, "0123456789");
    return bare && digits && p[digits] == '-';
  }
  case CLF__TYPE_NODE:
    return n && (clf__node_type_find(m->group, p, n) || clf__macro_find(m->group, p, n));
  default: return 0;
  }
}

/* A word or name that no member takes: the nearest of all that they do. */
static clf_status no_such_argument(const reader *r, const clf__node *node, size_t n) {
  char what[320], members[256];
  nearest x = nearest_to(r->p, n);
  for (int i = 0; i < node->type->count && n; i++) {
    const clf__member *const m = &node->type->members[i];
    if (m->type == CLF__TYPE_CHOICE)
      for (int w = 0; m->words[w].text; w++) offer(&x, m->words[w].text);
    if (m->type == CLF__TYPE_NODE) offer_group(&x, m->group);
  }
  for (int i = 0; i < node->type->count && n; i++) offer(&x, node->type->members[i].name);
  snprintf(what, sizeof what, "argument of %s", node->type->name);
  if (x.name) return unknown(r, r->p, what, &x);
  list_members(node->type, members, sizeof members);
  if (node->type->count)
    snprintf(what, sizeof what, "an argument of %s (%s)", node->type->name, members);
  else
    snprintf(what, sizeof what, "\")\": %s has no members", node->type->name);
  return expected(r, r->p, what);
}

static clf_status read_bare(reader *r, clf__node *node, unsigned *given) {
  if (is_size(r->p)) return read_size(r, node, given);
  int taken = -1;
  for (int i = 0; i < node->type->count; i++) {
    const clf__member *const m = &node->type->members[i];
    if (!takes(m, r->p)) continue;
    if (!(*given >> i & 1)) {
      *given |= 1u << i;
      if (m->type != CLF__TYPE_FLAG) return read_value(r, node, i);
      *(int *)clf__member_of(node, m) = 1;
      r->p += strlen(m->name);
      return CLF_OK;
    }
    taken = i;
  }
  if (taken >= 0) return once(r, r->p, &node->type->members[taken], given, taken);
  return no_such_argument(r, node, clf__name_length(r->p));
}

static clf_status read_argument(reader *r, clf__node *node, unsigned *given) {
  skip(r);
  const size_t n = clf__name_length(r->p);
  const char *after = r->p + n;
  after += strspn(after, " \t\r\n");
  return n && *after == '=' ? read_named(r, node, n, given) : read_bare(r, node, given);
}

/* Of a layer perhaps its inverse. */
static clf_status read_part(reader *r, clf__node_group group, clf__node **out) {
  const int inverted = group == CLF__GROUP_LAYER && accept(r, "~");
  CLF_TRY(read_node(r, group, out));
  if (inverted) (*out)->inverted = 1;
  return CLF_OK;
}

/* "0-2: logit(0, 1), 3: ~log" or "0.3: flow; 0.7: flow". */
static clf_status read_parts(reader *r, clf__node *node) {
  const clf__member *const m = &node->type->members[0];
  const int flows = m->group == CLF__GROUP_FLOW;
  list l = {0};
  do {
    clf__piece *const part = append(r, &l, sizeof *part);
    if (!part) return CLF_ENOMEM;
    skip(r);
    const char *const at = r->p;
    if (flows) {
      CLF_TRY(read_real(r, &part->weight));
      CLF_TRY(in_range(r, at, node, m, part->weight));
    } else {
      CLF_TRY(read_ranges(r, &part->columns));
    }
    CLF_TRY(expect(r, ":"));
    CLF_TRY(flows ? read_flow(r, &part->node) : read_part(r, m->group, &part->node));
  } while (accept(r, flows ? ";" : ","));
  *(clf__pieces *)clf__member_of(node, m) = (clf__pieces){l.at, l.n};
  return CLF_OK;
}

static int has_parts(const clf__node_type *type) {
  return type->count && type->members[0].type == CLF__TYPE_PARTS;
}

static clf_status read_arguments(reader *r, clf__node *node, unsigned *given) {
  CLF_TRY(enter(r));
  if (has_parts(node->type)) {
    *given = 1;
    CLF_TRY(read_parts(r, node));
  } else if (!accept(r, ")")) {
    do CLF_TRY(read_argument(r, node, given));
    while (accept(r, ","));
  } else {
    leave(r);
    return CLF_OK;
  }
  leave(r);
  return accept(r, ")")
             ? CLF_OK
             : expected(r, r->p,
                        has_parts(node->type) ? "\")\" or another part" : "\",\" or \")\"");
}

static clf_status missing(const reader *r, const char *at, const clf__node *node,
                          const clf__member *m) {
  char where[64];
  clf__name_list names = {0};
  const int is_node = m->type == CLF__TYPE_NODE;
  for (int i = 0; i < CLF__NODE_TYPES && is_node; i++)
    if (clf__node_types[i].group == m->group)
      clf__name_list_add(&names, clf__node_types[i].name, strlen(clf__node_types[i].name));
  return clf__fail(CLF_EINVAL, "flow text, %s: %s needs %s: %s", place(r, at, where, sizeof where),
                   node->type->name, m->name, is_node ? clf__name_list_text(&names) : m->help);
}

/* ---- Macros ------------------------------------------------------------------------------- */

enum { PARAMETERS = 4 };

static clf_status bind(reader *r, const clf__macro *macro, clf__parameter *all, int n) {
  const size_t length = clf__name_length(r->p);
  const int named = length && r->p[length + strspn(r->p + length, " ")] == '=';
  int k = 0;
  if (named)
    while (k < n && !(all[k].name_n == length && strncmp(all[k].name, r->p, length) == 0)) k++;
  else
    while (k < n && all[k].given) k++;
  if (k == n || all[k].given) {
    char what[320];
    snprintf(what, sizeof what, "an argument of %s (%s)", macro->name, macro->parameters);
    return expected(r, r->p, what);
  }
  if (named) {
    r->p += length;
    CLF_TRY(expect(r, "="));
  }
  skip(r);
  all[k].value = r->p;
  all[k].value_n = clf__argument_length(r->p);
  all[k].given = 1;
  if (!all[k].value_n) return expected(r, r->p, "a value");
  r->p += all[k].value_n;
  return CLF_OK;
}

static clf_status read_item(reader *r, clf__node **out);

/* The text that the macro stands for is read as if it stood here; the place of its errors is the
 * macro's. */
static clf_status read_macro(reader *r, const clf__macro *macro, clf__node **out) {
  clf__parameter all[PARAMETERS] = {0};
  const int n = clf__parameters_read(macro->parameters, all, PARAMETERS);
  const char *const at = r->p;
  r->p += strlen(macro->name);
  CLF_TRY(enter(r));
  if (accept(r, "(") && !accept(r, ")")) {
    do {
      skip(r);
      CLF_TRY(bind(r, macro, all, n));
    } while (accept(r, ","));
    CLF_TRY(expect(r, ")"));
  }
  clf__out text = {0};
  clf__parameters_fill(&text, macro->text, all, n);
  if (text.failed) {
    free(text.s);
    return clf__fail(CLF_ENOMEM, "no memory for an architecture");
  }
  reader inner = {.arch = r->arch, .text = text.s, .p = text.s, .depth = r->depth};
  clf_status s = macro->group == CLF__GROUP_LAYER ? read_item(&inner, out)
                                                  : read_node(&inner, macro->group, out);
  skip(&inner);
  if (!s && *inner.p) s = expected(&inner, inner.p, "the end of an argument");
  if (s && s != CLF_ENOMEM) {
    char why[512];
    snprintf(why, sizeof why, "in %s: %s", text.s, clf_errmsg());
    clf__fail(s, "%s", why);
  }
  free(text.s);
  leave(r);
  return s ? refuse(r, at, s) : CLF_OK;
}

/* ---- Nodes -------------------------------------------------------------------------------- */

static clf_status read_label(reader *r, clf__node *node) {
  if (*r->p != '.') return CLF_OK;
  const size_t n = clf__name_length(++r->p);
  if (!n) return expected(r, r->p, "the layer's own name");
  if (n >= sizeof node->label) return expected(r, r->p, "a name of at most 31 letters");
  memcpy(node->label, r->p, n);
  r->p += n;
  return CLF_OK;
}

static clf_status read_typed(reader *r, const clf__node_type *type, clf__node **out) {
  const char *const at = r->p;
  unsigned given = 0;
  clf__node *node;
  CLF_TRY(clf__node_new(r->arch, type, &node));
  r->p += strlen(type->name);
  if (type->group == CLF__GROUP_LAYER) CLF_TRY(read_label(r, node));
  if (accept(r, "(")) CLF_TRY(read_arguments(r, node, &given));
  for (int m = 0; m < type->count; m++)
    if (!type->members[m].value && !(given >> m & 1))
      return missing(r, at, node, &type->members[m]);
  *out = node;
  return refuse(r, at, clf__node_check(node));
}

static clf_status read_node(reader *r, clf__node_group group, clf__node **out) {
  char what[64];
  skip(r);
  const char *const at = r->p;
  const size_t n = clf__name_length(at);
  snprintf(what, sizeof what, "%s %s", group == CLF__GROUP_CONTEXT ? "an" : "a",
           clf__group_name(group));
  if (!n) return expected(r, at, what);
  const clf__node_type *const type = clf__node_type_find(group, at, n);
  if (type && type->id != CLF__ARCH_repeat) return read_typed(r, type, out);
  const clf__macro *const macro = clf__macro_find(group, at, n);
  if (macro) return read_macro(r, macro, out);
  nearest x = nearest_to(at, n);
  offer_group(&x, group);
  return unknown(r, at, clf__group_name(group), &x);
}

/* ---- Layers ------------------------------------------------------------------------------- */

static clf_status new_repeat(reader *r, clf__nodes layers, clf__node **out) {
  const clf__node_type *const type = &clf__node_types[CLF__ARCH_repeat];
  CLF_TRY(clf__node_new(r->arch, type, out));
  ((clf__arch_repeat *)*out)->layers = layers;
  return CLF_OK;
}

/* "*10" after an item: parentheses take the number, any other layer is put in some. */
static clf_status read_count(reader *r, clf__node **item) {
  if (!accept(r, "*")) return CLF_OK;
  if ((*item)->type->id != CLF__ARCH_repeat) {
    clf__node **const one = clf__arch_alloc(&r->arch->blocks, sizeof *one);
    if (!one) return CLF_ENOMEM;
    *one = *item;
    CLF_TRY(new_repeat(r, (clf__nodes){one, 1}, item));
  }
  return read_whole(r, 1, CLF_ARCH_LAYERS, "a number of repetitions, 1 to 65536",
                    &((clf__arch_repeat *)*item)->count);
}

static clf_status read_item(reader *r, clf__node **out) {
  if (accept(r, "(")) {
    clf__nodes layers = {0};
    CLF_TRY(enter(r));
    CLF_TRY(read_layers(r, &layers));
    CLF_TRY(accept(r, ")") ? CLF_OK : expected(r, r->p, "\",\" or \")\""));
    leave(r);
    CLF_TRY(new_repeat(r, layers, out));
    return read_count(r, out);
  }
  const int inverted = accept(r, "~");
  skip(r);
  const char *const at = r->p;
  if (inverted && *at == '(') return expected(r, at, "a single layer after \"~\"");
  CLF_TRY(read_node(r, CLF__GROUP_LAYER, out));
  if (inverted && (*out)->type->id == CLF__ARCH_repeat)
    return expected(r, at, "a single layer after \"~\"");
  (*out)->inverted = inverted;
  return read_count(r, out);
}

static clf_status read_layers(reader *r, clf__nodes *out) {
  list l = {0};
  do {
    clf__node **const to = append(r, &l, sizeof *to);
    if (!to) return CLF_ENOMEM;
    CLF_TRY(read_item(r, to));
  } while (accept(r, ","));
  *out = (clf__nodes){l.at, l.n};
  return CLF_OK;
}

/* ---- Flows -------------------------------------------------------------------------------- */

static clf_status read_flow(reader *r, clf__node **out) {
  skip(r);
  const char *const at = r->p;
  CLF_TRY(enter(r));
  CLF_TRY(clf__node_new(r->arch, &clf__node_types[CLF__ARCH_flow], out));
  clf__arch_flow *const flow = (clf__arch_flow *)*out;
  if (!accept(r, "->")) {
    CLF_TRY(read_layers(r, &flow->layers));
    if (!accept(r, "->")) return expected(r, r->p, "\",\" or \"->\"");
  }
  CLF_TRY(read_node(r, CLF__GROUP_BASE, &flow->base));
  leave(r);
  return refuse(r, at, clf__node_check(*out));
}

/* An item of the context: one of its own, or a net with its outputs: mlp(64x2)->16. */
static clf_status read_context_item(reader *r, clf__node **out) {
  skip(r);
  const char *const at = r->p;
  const size_t n = clf__name_length(at);
  const int is_net = n && clf__node_type_find(CLF__GROUP_NET, at, n);
  if (!is_net && n) {
    const clf__node_type *const type = clf__node_type_find(CLF__GROUP_CONTEXT, at, n);
    if (type && type->id != CLF__ARCH_embed) return read_typed(r, type, out);
    nearest x = nearest_to(at, n);
    offer(&x, clf__node_types[CLF__ARCH_context_standardize].name);
    offer_group(&x, CLF__GROUP_NET);
    return unknown(r, at, clf__group_name(CLF__GROUP_CONTEXT), &x);
  }
  CLF_TRY(clf__node_new(r->arch, &clf__node_types[CLF__ARCH_embed], out));
  clf__arch_embed *const e = (clf__arch_embed *)*out;
  CLF_TRY(read_node(r, CLF__GROUP_NET, &e->net));
  CLF_TRY(accept(r, "->") ? CLF_OK : expected(r, r->p, "\"->\" and the net's outputs, as ->16"));
  CLF_TRY(read_whole(r, 1, CLF_ARCH_DIM, "outputs of the net, 1 to 1048576", &e->out));
  return refuse(r, at, clf__node_check(*out));
}

static clf_status read_context(reader *r) {
  list l = {0};
  skip(r);
  if (!is_word(r->p, "context")) return expected(r, r->p, "\"context:\"");
  if (!r->arch->context)
    return expected(r, r->p,
                    "nothing after the base: the flow has no context, as 6|3: would give it");
  r->p += strlen("context");
  CLF_TRY(expect(r, ":"));
  do {
    clf__node **const to = append(r, &l, sizeof *to);
    if (!to) return CLF_ENOMEM;
    CLF_TRY(read_context_item(r, to));
  } while (accept(r, ","));
  r->arch->items = (clf__nodes){l.at, l.n};
  return CLF_OK;
}

/* "6", "32x32x3", and "|10" behind them. */
static clf_status read_head(reader *r) {
  static const char dim[] = "the dimension of the data, 1 to 1048576, as 6:",
                    side[] = "a side or number of channels, as 32x32x3:";
  clf_arch *const a = r->arch;
  skip(r);
  const char *const at = r->p;
  if (is_size(at)) {
    for (int i = 0; i < 3; i++) {
      if (i && !accept(r, "x")) return expected(r, r->p, "\"x\" and the channels, as 32x32x3:");
      CLF_TRY(read_whole(r, 1, 1 << 16, side, &a->image[i]));
    }
    const double all = (double)a->image[0] * a->image[1] * a->image[2];
    if (all > CLF_ARCH_DIM) return expected(r, at, "images of at most 1048576 numbers");
    a->dim = (int32_t)all;
  } else {
    CLF_TRY(read_whole(r, 1, CLF_ARCH_DIM, dim, &a->dim));
  }
  if (accept(r, "|"))
    CLF_TRY(read_whole(r, 1, CLF_ARCH_DIM, "the dimension of the context, as 6|10:", &a->context));
  return expect(r, ":");
}

static clf_status read_arch(reader *r) {
  clf__node *flow;
  CLF_TRY(read_head(r));
  CLF_TRY(read_flow(r, &flow));
  r->arch->flow = (clf__arch_flow *)flow;
  if (accept(r, ";")) CLF_TRY(read_context(r));
  skip(r);
  if (*r->p) return expected(r, r->p, "the end of the text or \"; context:\"");
  return refuse(r, r->text, clf__arch_finish(r->arch));
}

clf_status clf_arch_parse(const char *text, clf_arch **arch) {
  CLF_GIVEN("text, arch", text, arch);
  if (strnlen(text, CLF_ARCH_TEXT + 1) > CLF_ARCH_TEXT)
    return clf__fail(CLF_EINVAL, "flow text: it has more than %d bytes", CLF_ARCH_TEXT);
  clf_arch *const a = calloc(1, sizeof *a);
  if (!a) return clf__fail(CLF_ENOMEM, "no memory for an architecture");
  reader r = {.arch = a, .text = text, .p = text};
  const clf_status s = read_arch(&r);
  if (s)
    clf_arch_free(a);
  else
    *arch = a;
  return s;
}
