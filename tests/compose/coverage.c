/* SPDX-License-Identifier: MIT */
/* coverage.c: see coverage.h. */
#include "coverage.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { WORDS = 16 }; /* of a choice, at most */

typedef struct counts {
  int drawn, inverted, given; /* given: in flows with a context */
  int word[CLF_ARCH_MEMBERS_MAX][WORDS];
} counts;
static counts all[CLF__NODE_TYPES];

/* ---- Counting -------------------------------------------------------------------------------- */

static void add_node(const clf__node *node, int context);

static void add_tails(counts *c, int member, const clf__tails *t) {
  for (int32_t i = 0; i < t->n; i++) c->word[member][t->at[i].kind]++;
}

static void add_member(const clf__node *node, int i, int context) {
  const clf__member *m = &node->type->members[i];
  const void *at = clf__member_of(node, m);
  counts *c = &all[node->type->id];
  if (node->variable[i]) return;
  switch (m->type) {
  case CLF__TYPE_FLAG:
  case CLF__TYPE_CHOICE: c->word[i][*(const int *)at]++; return;
  case CLF__TYPE_TAILS: add_tails(c, i, at); return;
  case CLF__TYPE_NODE:
    if (*(clf__node *const *)at) add_node(*(clf__node *const *)at, context);
    return;
  case CLF__TYPE_LIST: {
    const clf__nodes *l = at;
    for (int32_t k = 0; k < l->n; k++) add_node(l->at[k], context);
    return;
  }
  case CLF__TYPE_PARTS: {
    const clf__pieces *p = at;
    for (int32_t k = 0; k < p->n; k++) add_node(p->at[k].node, context);
    return;
  }
  default: return;
  }
}

static void add_node(const clf__node *node, int context) {
  counts *c = &all[node->type->id];
  c->drawn++;
  c->inverted += node->inverted;
  c->given += context;
  for (int i = 0; i < node->type->count; i++) add_member(node, i, context);
}

void coverage_add(const clf_arch *arch) {
  add_node(&arch->flow->node, arch->context > 0);
  for (int32_t i = 0; i < arch->items.n; i++) add_node(arch->items.at[i], 1);
}

/* ---- What must be there ---------------------------------------------------------------------- */

/* Layers that are not inverted: their inverse is limited to a domain, or they must come first. */
static int is_inverted(const clf__node_type *type) {
  switch (type->id) {
  case CLF__ARCH_repeat:
  case CLF__ARCH_piecewise:
  case CLF__ARCH_standardize:
  case CLF__ARCH_logit:
  case CLF__ARCH_within:
  case CLF__ARCH_log:
  case CLF__ARCH_softplus:
  case CLF__ARCH_softclip:
  case CLF__ARCH_asinh:
  case CLF__ARCH_softlog:
  case CLF__ARCH_softlogit:
  case CLF__ARCH_pixels:
  case CLF__ARCH_squeeze:
  case CLF__ARCH_split: return 0;
  default: return type->group == CLF__GROUP_LAYER;
  }
}

/* Not those of other nets. */
static int is_word(const clf__node_type *type, const clf__member *m, int k) {
  return (type->id != CLF__ARCH_mlp && type->id != CLF__ARCH_conv) || m->type != CLF__TYPE_CHOICE ||
         strcmp(m->words[k].text, "glu") != 0;
}

/* Values of a member that are counted. */
static int words_of(const clf__node_type *type, const clf__member *m) {
  int n = 0;
  if (m->type == CLF__TYPE_FLAG) return 2;
  if (m->type == CLF__TYPE_TAILS) return type->id == CLF__ARCH_rq ? 3 : 2; /* circular: rq alone */
  while (m->type == CLF__TYPE_CHOICE && m->words[n].text) n++;
  return n;
}

static const char *word_of(const clf__member *m, int k) {
  static const char *const flags[] = {"0", "1"}, *const tails[] = {"B", "none", "circular"};
  if (m->type == CLF__TYPE_CHOICE) return m->words[k].text;
  return m->type == CLF__TYPE_FLAG ? flags[k] : tails[k];
}

static char missing[8192];

static void miss(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void miss(const char *format, ...) {
  const size_t used = strlen(missing);
  va_list args;
  va_start(args, format);
  vsnprintf(missing + used, sizeof missing - used, format, args);
  va_end(args);
}

static void find_missing(const clf__node_type *type) {
  const counts *c = &all[type->id];
  const char *group = clf__group_name(type->group);
  if (!c->drawn) miss("%s %s\n", group, type->name);
  if (is_inverted(type) && !c->inverted) miss("~%s\n", type->name);
  if (!c->given) miss("%s %s with a context\n", group, type->name);
  for (int i = 0; i < type->count; i++)
    for (int k = 0; k < words_of(type, &type->members[i]); k++)
      if (is_word(type, &type->members[i], k) && !c->word[i][k])
        miss("%s(%s=%s)\n", type->name, type->members[i].name, word_of(&type->members[i], k));
}

const char *coverage_missing(void) {
  missing[0] = 0;
  for (int i = 0; i < CLF__NODE_TYPES; i++) find_missing(&clf__node_types[i]);
  return missing;
}

void coverage_print(void) {
  printf("%-24s %8s %8s %8s\n", "node", "drawn", "inverted", "context");
  for (int i = 0; i < CLF__NODE_TYPES; i++)
    printf("%-8s%-16s %8d %8d %8d\n", clf__group_name(clf__node_types[i].group),
           clf__node_types[i].name, all[i].drawn, all[i].inverted, all[i].given);
}
