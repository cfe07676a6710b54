/* SPDX-License-Identifier: MIT */
/* arch_parse.c: a recursive-descent parser of architectures as text; nodes and members come from
 * arch.def. */
#define _POSIX_C_SOURCE 200809L /* strnlen() */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "arch_reader.h"
#include "names.h"
#include "status.h"

static clf_status read_layers(clf__reader *r, clf__nodes *out);
static clf_status read_flow(clf__reader *r, clf__node **out);

/* ---- Arguments ------------------------------------------------------------------------------- */

static void list_members(const clf__node_type *type, char *to, size_t size) {
  clf__name_list names = {0};
  for (int m = 0; m < type->count; m++)
    clf__name_list_add(&names, type->members[m].name, strlen(type->members[m].name));
  snprintf(to, size, "%s", clf__name_list_text(&names));
}

static clf_status once(const clf__reader *r, const char *at, const clf__member *m, unsigned *given,
                       int index) {
  char where[64];
  if (*given >> index & 1)
    return clf__fail(CLF_EINVAL, "flow text, %s: %s is given twice",
                     clf__text_position(r, at, where, sizeof where), m->name);
  *given |= 1u << index;
  return CLF_OK;
}

/* name=value */
static clf_status read_named(clf__reader *r, clf__node *node, size_t n, unsigned *given) {
  const char *const at = r->p;
  const int m = clf__member_find(node->type, at, n);
  if (m < 0) {
    char what[80];
    snprintf(what, sizeof what, "member of %s", node->type->name);
    clf__nearest x = clf__nearest_to(at, n);
    for (int i = 0; i < node->type->count; i++) clf__nearest_offer(&x, node->type->members[i].name);
    if (x.name) return clf__text_unknown(r, at, what, &x);
    snprintf(what, sizeof what, "\")\": %s has no members", node->type->name);
    return clf__text_expected(r, at, what);
  }
  CLF_TRY(once(r, at, &node->type->members[m], given, m));
  r->p += n;
  CLF_TRY(clf__text_expect(r, "="));
  return clf__text_value(r, node, m);
}

/* "50x2": the member with SIZE and the next one. */
static int is_size(const char *p) {
  const size_t n = strspn(p, "0123456789");
  return n && p[n] == 'x' && clf__is_digit(p[n + 1]);
}

static clf_status read_size(clf__reader *r, clf__node *node, unsigned *given) {
  for (int m = 0; m < node->type->count; m++) {
    if (!(node->type->members[m].flags & CLF__SIZE)) continue;
    for (int k = m; k < m + 2; k++) {
      const clf__member *const member = &node->type->members[k];
      const char *const at = r->p;
      CLF_TRY(once(r, at, member, given, k));
      int32_t *const to = clf__member_of(node, member);
      CLF_TRY(clf__text_whole(r, 0, INT32_MAX, "a whole number", to));
      CLF_TRY(clf__text_in_range(r, at, node, member, *to));
      r->p += k == m;
    }
    return CLF_OK;
  }
  return clf__text_expected(r, r->p, "an argument that is no size");
}

/* Whether a value without a name may belong to this member. */
static int takes(const clf__member *m, const char *p) {
  const size_t n = clf__name_length(p);
  const int bare = m->flags & CLF__BARE;
  switch (m->type) {
  case CLF__TYPE_FLAG: return n == strlen(m->name) && strncmp(p, m->name, n) == 0;
  case CLF__TYPE_CHOICE: return n && clf__word_find(m->words, p, n) >= 0;
  case CLF__TYPE_INT:
    if (bare && m->zero && clf__text_is_word(p, m->zero)) return 1;
    return bare && clf__is_digit(*p) && p[strspn(p, "0123456789")] != '-';
  case CLF__TYPE_REAL: return bare && (clf__text_number_length(p) || clf__text_is_pi(p));
  case CLF__TYPE_INTS: {
    const size_t digits = strspn(p, "0123456789");
    return bare && digits && p[digits] == '-';
  }
  case CLF__TYPE_NODE:
    return n && (clf__node_type_find(m->group, p, n) || clf__macro_find(m->group, p, n));
  default: return 0;
  }
}

/* A word or name that no member takes: suggests the nearest of all that exist. */
static clf_status no_such_argument(const clf__reader *r, const clf__node *node, size_t n) {
  char what[320], members[256];
  clf__nearest x = clf__nearest_to(r->p, n);
  for (int i = 0; i < node->type->count && n; i++) {
    const clf__member *const m = &node->type->members[i];
    if (m->type == CLF__TYPE_CHOICE)
      for (int w = 0; m->words[w].text; w++) clf__nearest_offer(&x, m->words[w].text);
    if (m->type == CLF__TYPE_NODE) clf__nearest_offer_group(&x, m->group);
  }
  for (int i = 0; i < node->type->count && n; i++)
    clf__nearest_offer(&x, node->type->members[i].name);
  snprintf(what, sizeof what, "argument of %s", node->type->name);
  if (x.name) return clf__text_unknown(r, r->p, what, &x);
  list_members(node->type, members, sizeof members);
  if (node->type->count)
    snprintf(what, sizeof what, "an argument of %s (%s)", node->type->name, members);
  else
    snprintf(what, sizeof what, "\")\": %s has no members", node->type->name);
  return clf__text_expected(r, r->p, what);
}

static clf_status read_bare(clf__reader *r, clf__node *node, unsigned *given) {
  if (is_size(r->p)) return read_size(r, node, given);
  int taken = -1;
  for (int i = 0; i < node->type->count; i++) {
    const clf__member *const m = &node->type->members[i];
    if (!takes(m, r->p)) continue;
    if (!(*given >> i & 1)) {
      *given |= 1u << i;
      if (m->type != CLF__TYPE_FLAG) return clf__text_value(r, node, i);
      *(int *)clf__member_of(node, m) = 1;
      r->p += strlen(m->name);
      return CLF_OK;
    }
    taken = i;
  }
  if (taken >= 0) return once(r, r->p, &node->type->members[taken], given, taken);
  return no_such_argument(r, node, clf__name_length(r->p));
}

static clf_status read_argument(clf__reader *r, clf__node *node, unsigned *given) {
  clf__text_skip(r);
  const size_t n = clf__name_length(r->p);
  const char *after = r->p + n;
  after += strspn(after, " \t\r\n");
  return n && *after == '=' ? read_named(r, node, n, given) : read_bare(r, node, given);
}

/* A node; a layer may be inverted. */
static clf_status read_piece(clf__reader *r, clf__node_group group, clf__node **out) {
  const int inverted = group == CLF__GROUP_LAYER && clf__text_accept(r, "~");
  CLF_TRY(clf__text_node(r, group, out));
  if (inverted) (*out)->inverted = 1;
  return CLF_OK;
}

/* "0-2: logit(0, 1), 3: ~log" or "0.3: flow; 0.7: flow". */
static clf_status read_parts(clf__reader *r, clf__node *node) {
  const clf__member *const m = &node->type->members[0];
  const int flows = m->group == CLF__GROUP_FLOW;
  clf__text_list l = {0};
  do {
    clf__piece *const piece = clf__text_append(r, &l, sizeof *piece);
    if (!piece) return CLF_ENOMEM;
    clf__text_skip(r);
    const char *const at = r->p;
    if (flows) {
      CLF_TRY(clf__text_real(r, &piece->weight));
      CLF_TRY(clf__text_in_range(r, at, node, m, piece->weight));
    } else {
      CLF_TRY(clf__text_ranges(r, &piece->columns));
    }
    CLF_TRY(clf__text_expect(r, ":"));
    CLF_TRY(flows ? read_flow(r, &piece->node) : read_piece(r, m->group, &piece->node));
  } while (clf__text_accept(r, flows ? ";" : ","));
  *(clf__pieces *)clf__member_of(node, m) = (clf__pieces){l.at, l.n};
  return CLF_OK;
}

static int has_parts(const clf__node_type *type) {
  return type->count && type->members[0].type == CLF__TYPE_PARTS;
}

static clf_status read_arguments(clf__reader *r, clf__node *node, unsigned *given) {
  CLF_TRY(clf__text_enter(r));
  if (has_parts(node->type)) {
    *given = 1;
    CLF_TRY(read_parts(r, node));
  } else if (!clf__text_accept(r, ")")) {
    do CLF_TRY(read_argument(r, node, given));
    while (clf__text_accept(r, ","));
  } else {
    clf__text_leave(r);
    return CLF_OK;
  }
  clf__text_leave(r);
  return clf__text_accept(r, ")")
             ? CLF_OK
             : clf__text_expected(
                   r, r->p, has_parts(node->type) ? "\")\" or another part" : "\",\" or \")\"");
}

static clf_status missing(const clf__reader *r, const char *at, const clf__node *node,
                          const clf__member *m) {
  char where[64];
  clf__name_list names = {0};
  const int is_node = m->type == CLF__TYPE_NODE;
  for (int i = 0; i < CLF__NODE_TYPES && is_node; i++)
    if (clf__node_types[i].group == m->group)
      clf__name_list_add(&names, clf__node_types[i].name, strlen(clf__node_types[i].name));
  return clf__fail(CLF_EINVAL, "flow text, %s: %s needs %s: %s",
                   clf__text_position(r, at, where, sizeof where), node->type->name, m->name,
                   is_node ? clf__name_list_text(&names) : m->help);
}

/* ---- Macros ---------------------------------------------------------------------------------- */

enum { PARAMETERS = 4 };

static clf_status bind(clf__reader *r, const clf__macro *macro, clf__parameter *all, int n) {
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
    return clf__text_expected(r, r->p, what);
  }
  if (named) {
    r->p += length;
    CLF_TRY(clf__text_expect(r, "="));
  }
  clf__text_skip(r);
  all[k].value = r->p;
  all[k].value_n = clf__argument_length(r->p);
  all[k].given = 1;
  if (!all[k].value_n) return clf__text_expected(r, r->p, "a value");
  r->p += all[k].value_n;
  return CLF_OK;
}

static clf_status read_item(clf__reader *r, clf__node **out);

/* Reads the text of the macro in place of its name; errors are reported at the macro. */
static clf_status read_macro(clf__reader *r, const clf__macro *macro, clf__node **out) {
  clf__parameter all[PARAMETERS] = {0};
  const int n = clf__parameters_read(macro->parameters, all, PARAMETERS);
  const char *const at = r->p;
  r->p += strlen(macro->name);
  CLF_TRY(clf__text_enter(r));
  if (clf__text_accept(r, "(") && !clf__text_accept(r, ")")) {
    do {
      clf__text_skip(r);
      CLF_TRY(bind(r, macro, all, n));
    } while (clf__text_accept(r, ","));
    CLF_TRY(clf__text_expect(r, ")"));
  }
  clf__out text = {0};
  clf__parameters_fill(&text, macro->text, all, n);
  if (text.failed) {
    free(text.s);
    return clf__fail(CLF_ENOMEM, "no memory for an architecture");
  }
  clf__reader inner = {.arch = r->arch, .text = text.s, .p = text.s, .depth = r->depth};
  clf_status s = macro->group == CLF__GROUP_LAYER ? read_item(&inner, out)
                                                  : clf__text_node(&inner, macro->group, out);
  clf__text_skip(&inner);
  if (!s && *inner.p) s = clf__text_expected(&inner, inner.p, "the end of an argument");
  if (s && s != CLF_ENOMEM) {
    char why[512];
    snprintf(why, sizeof why, "in %s: %s", text.s, clf_errmsg());
    clf__fail(s, "%s", why);
  }
  free(text.s);
  clf__text_leave(r);
  return s ? clf__text_refuse(r, at, s) : CLF_OK;
}

/* ---- Nodes ----------------------------------------------------------------------------------- */

static clf_status read_label(clf__reader *r, clf__node *node) {
  if (*r->p != '.') return CLF_OK;
  const size_t n = clf__name_length(++r->p);
  if (!n) return clf__text_expected(r, r->p, "the layer's own name");
  if (n >= sizeof node->label) return clf__text_expected(r, r->p, "a name of at most 31 letters");
  memcpy(node->label, r->p, n);
  r->p += n;
  return CLF_OK;
}

static clf_status read_typed(clf__reader *r, const clf__node_type *type, clf__node **out) {
  const char *const at = r->p;
  unsigned given = 0;
  clf__node *node;
  CLF_TRY(clf__node_new(r->arch, type, &node));
  r->p += strlen(type->name);
  if (type->group == CLF__GROUP_LAYER) CLF_TRY(read_label(r, node));
  if (clf__text_accept(r, "(")) CLF_TRY(read_arguments(r, node, &given));
  for (int m = 0; m < type->count; m++)
    if (!type->members[m].value && !(given >> m & 1))
      return missing(r, at, node, &type->members[m]);
  *out = node;
  return clf__text_refuse(r, at, clf__node_check(node));
}

clf_status clf__text_node(clf__reader *r, clf__node_group group, clf__node **out) {
  char what[64];
  clf__text_skip(r);
  const char *const at = r->p;
  const size_t n = clf__name_length(at);
  snprintf(what, sizeof what, "%s %s", group == CLF__GROUP_CONTEXT ? "an" : "a",
           clf__group_name(group));
  if (!n) return clf__text_expected(r, at, what);
  const clf__node_type *const type = clf__node_type_find(group, at, n);
  if (type && type->id != CLF__ARCH_repeat) return read_typed(r, type, out);
  const clf__macro *const macro = clf__macro_find(group, at, n);
  if (macro) return read_macro(r, macro, out);
  clf__nearest x = clf__nearest_to(at, n);
  clf__nearest_offer_group(&x, group);
  return clf__text_unknown(r, at, clf__group_name(group), &x);
}

/* ---- Layers ---------------------------------------------------------------------------------- */

static clf_status new_repeat(clf__reader *r, clf__nodes layers, clf__node **out) {
  const clf__node_type *const type = &clf__node_types[CLF__ARCH_repeat];
  CLF_TRY(clf__node_new(r->arch, type, out));
  ((clf__arch_repeat *)*out)->layers = layers;
  return CLF_OK;
}

/* "*10" after an item: parentheses take the count, any other layer is wrapped in a repetition. */
static clf_status read_count(clf__reader *r, clf__node **item) {
  if (!clf__text_accept(r, "*")) return CLF_OK;
  if ((*item)->type->id != CLF__ARCH_repeat) {
    clf__node **const one = clf__arch_alloc(&r->arch->blocks, sizeof *one);
    if (!one) return CLF_ENOMEM;
    *one = *item;
    CLF_TRY(new_repeat(r, (clf__nodes){one, 1}, item));
  }
  return clf__text_whole(r, 1, CLF_ARCH_LAYERS, "a number of repetitions, 1 to 65536",
                         &((clf__arch_repeat *)*item)->count);
}

static clf_status read_item(clf__reader *r, clf__node **out) {
  if (clf__text_accept(r, "(")) {
    clf__nodes layers = {0};
    CLF_TRY(clf__text_enter(r));
    CLF_TRY(read_layers(r, &layers));
    CLF_TRY(clf__text_accept(r, ")") ? CLF_OK : clf__text_expected(r, r->p, "\",\" or \")\""));
    clf__text_leave(r);
    CLF_TRY(new_repeat(r, layers, out));
    return read_count(r, out);
  }
  const int inverted = clf__text_accept(r, "~");
  clf__text_skip(r);
  const char *const at = r->p;
  if (inverted && *at == '(') return clf__text_expected(r, at, "a single layer after \"~\"");
  CLF_TRY(clf__text_node(r, CLF__GROUP_LAYER, out));
  if (inverted && (*out)->type->id == CLF__ARCH_repeat)
    return clf__text_expected(r, at, "a single layer after \"~\"");
  (*out)->inverted = inverted;
  return read_count(r, out);
}

static clf_status read_layers(clf__reader *r, clf__nodes *out) {
  clf__text_list l = {0};
  do {
    clf__node **const to = clf__text_append(r, &l, sizeof *to);
    if (!to) return CLF_ENOMEM;
    CLF_TRY(read_item(r, to));
  } while (clf__text_accept(r, ","));
  *out = (clf__nodes){l.at, l.n};
  return CLF_OK;
}

/* ---- Flows ----------------------------------------------------------------------------------- */

static clf_status read_flow(clf__reader *r, clf__node **out) {
  clf__text_skip(r);
  const char *const at = r->p;
  CLF_TRY(clf__text_enter(r));
  CLF_TRY(clf__node_new(r->arch, &clf__node_types[CLF__ARCH_flow], out));
  clf__arch_flow *const flow = (clf__arch_flow *)*out;
  if (!clf__text_accept(r, "->")) {
    CLF_TRY(read_layers(r, &flow->layers));
    if (!clf__text_accept(r, "->")) return clf__text_expected(r, r->p, "\",\" or \"->\"");
  }
  CLF_TRY(clf__text_node(r, CLF__GROUP_BASE, &flow->base));
  clf__text_leave(r);
  return clf__text_refuse(r, at, clf__node_check(*out));
}

/* An item of the context: a context node, or a net with its outputs: mlp(64x2)->16. */
static clf_status read_context_item(clf__reader *r, clf__node **out) {
  clf__text_skip(r);
  const char *const at = r->p;
  const size_t n = clf__name_length(at);
  const int is_net = n && clf__node_type_find(CLF__GROUP_NET, at, n);
  if (!is_net && n) {
    const clf__node_type *const type = clf__node_type_find(CLF__GROUP_CONTEXT, at, n);
    if (type && type->id != CLF__ARCH_embed) return read_typed(r, type, out);
    clf__nearest x = clf__nearest_to(at, n);
    clf__nearest_offer(&x, clf__node_types[CLF__ARCH_context_standardize].name);
    clf__nearest_offer_group(&x, CLF__GROUP_NET);
    return clf__text_unknown(r, at, clf__group_name(CLF__GROUP_CONTEXT), &x);
  }
  CLF_TRY(clf__node_new(r->arch, &clf__node_types[CLF__ARCH_embed], out));
  clf__arch_embed *const e = (clf__arch_embed *)*out;
  CLF_TRY(clf__text_node(r, CLF__GROUP_NET, &e->net));
  CLF_TRY(clf__text_accept(r, "->")
              ? CLF_OK
              : clf__text_expected(r, r->p, "\"->\" and the net's outputs, as ->16"));
  CLF_TRY(clf__text_whole(r, 1, CLF_ARCH_DIM, "outputs of the net, 1 to 1048576", &e->out));
  return clf__text_refuse(r, at, clf__node_check(*out));
}

static clf_status read_context(clf__reader *r) {
  clf__text_list l = {0};
  clf__text_skip(r);
  if (!clf__text_is_word(r->p, "context")) return clf__text_expected(r, r->p, "\"context:\"");
  if (!r->arch->context)
    return clf__text_expected(
        r, r->p, "nothing after the base: the flow has no context, as 6|3: would give it");
  r->p += strlen("context");
  CLF_TRY(clf__text_expect(r, ":"));
  do {
    clf__node **const to = clf__text_append(r, &l, sizeof *to);
    if (!to) return CLF_ENOMEM;
    CLF_TRY(read_context_item(r, to));
  } while (clf__text_accept(r, ","));
  r->arch->items = (clf__nodes){l.at, l.n};
  return CLF_OK;
}

/* "6" or "32x32x3", optionally followed by "|10". */
static clf_status read_head(clf__reader *r) {
  static const char dim[] = "the dimension of the data, 1 to 1048576, as 6:",
                    side[] = "a side or number of channels, as 32x32x3:";
  clf_arch *const a = r->arch;
  clf__text_skip(r);
  const char *const at = r->p;
  if (is_size(at)) {
    for (int i = 0; i < 3; i++) {
      if (i && !clf__text_accept(r, "x"))
        return clf__text_expected(r, r->p, "\"x\" and the channels, as 32x32x3:");
      CLF_TRY(clf__text_whole(r, 1, 1 << 16, side, &a->image[i]));
    }
    const double all = (double)a->image[0] * a->image[1] * a->image[2];
    if (all > CLF_ARCH_DIM) return clf__text_expected(r, at, "images of at most 1048576 numbers");
    a->dim = (int32_t)all;
  } else {
    CLF_TRY(clf__text_whole(r, 1, CLF_ARCH_DIM, dim, &a->dim));
  }
  if (clf__text_accept(r, "|"))
    CLF_TRY(
        clf__text_whole(r, 1, CLF_ARCH_DIM, "the dimension of the context, as 6|10:", &a->context));
  return clf__text_expect(r, ":");
}

static clf_status read_arch(clf__reader *r) {
  clf__node *flow;
  CLF_TRY(read_head(r));
  CLF_TRY(read_flow(r, &flow));
  r->arch->flow = (clf__arch_flow *)flow;
  if (clf__text_accept(r, ";")) CLF_TRY(read_context(r));
  clf__text_skip(r);
  if (*r->p) return clf__text_expected(r, r->p, "the end of the text or \"; context:\"");
  return clf__text_refuse(r, r->text, clf__arch_finish(r->arch));
}

clf_status clf_arch_parse(const char *text, clf_arch **arch) {
  CLF_GIVEN("text, arch", text, arch);
  if (strnlen(text, CLF_ARCH_TEXT + 1) > CLF_ARCH_TEXT)
    return clf__fail(CLF_EINVAL, "flow text: it has more than %d bytes", CLF_ARCH_TEXT);
  clf_arch *const a = calloc(1, sizeof *a);
  if (!a) return clf__fail(CLF_ENOMEM, "no memory for an architecture");
  clf__reader r = {.arch = a, .text = text, .p = text};
  const clf_status s = read_arch(&r);
  if (s)
    clf_arch_free(a);
  else
    *arch = a;
  return s;
}
