/* SPDX-License-Identifier: MIT */
/* random.c: architectures drawn from arch.def: reading their text or JSON gives the same one. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "arch/arch.h"

enum { TREES = 2000, DEEPEST = 4 };

static uint32_t state;
static uint32_t draw(uint32_t below) {
  state = state * 1664525 + 1013904223;
  return (uint32_t)((uint64_t)(state >> 8) * below >> 24);
}

static clf__node *draw_node(clf_arch *a, clf__node_group group, int depth);

static void *room(clf_arch *a, size_t n, size_t size) {
  void *const at = clf__arch_alloc(&a->blocks, (n + 1) * size);
  ck_assert_ptr_nonnull(at);
  return at;
}

/* ---- Values ------------------------------------------------------------------------------- */

static int32_t draw_int(const clf__member *m) {
  const uint32_t span = m->high - m->low < 1000 ? (uint32_t)(m->high - m->low) + 1 : 1000;
  return m->zero && draw(4) == 0 ? (int32_t)m->low - 1 : (int32_t)m->low + (int32_t)draw(span);
}

/* A number of any size, with few digits or many. */
static double draw_real(const clf__member *m) {
  static const double plain[] = {CLF_PI, -CLF_PI, 0, 1, 0.5, -3, 1e-3, 2.5e10};
  double v = draw(2) ? plain[draw(8)]
                     : ldexp((double)draw(1 << 24) / (1 << 23) - 1, (int)draw(60) - 40) / 3;
  if (v < m->low || v > m->high) v = m->low + (fmin(m->high, m->low + 10) - m->low) * draw(8) / 7;
  return v;
}

static clf__ints draw_ints(clf_arch *a, const clf__member *m) {
  clf__ints l = {.n = 1 + (int32_t)draw(5)};
  l.at = room(a, (size_t)l.n, sizeof *l.at);
  for (int32_t i = 0; i < l.n; i++) l.at[i] = m->flags & CLF__DASHED ? 1 + 2 * (int32_t)draw(4) : i;
  for (int32_t i = l.n - 1; i > 0; i--) { /* a permutation, where it must be one */
    const uint32_t k = draw((uint32_t)i + 1);
    const int32_t swap = l.at[i];
    l.at[i] = l.at[k];
    l.at[k] = swap;
  }
  return l;
}

static clf__reals draw_reals(clf_arch *a, const clf__member *m) {
  clf__reals l = {.n = 1 + (int32_t)draw(3)};
  l.at = room(a, (size_t)l.n, sizeof *l.at);
  for (int32_t i = 0; i < l.n; i++) l.at[i] = draw_real(m);
  return l;
}

/* From `first` on; returns the next one. */
static clf__ranges draw_ranges(clf_arch *a, int32_t *first) {
  clf__ranges r = {.n = 1 + (int32_t)draw(3)};
  r.at = room(a, (size_t)r.n, sizeof *r.at);
  for (int32_t i = 0; i < r.n; i++) {
    r.at[i].first = *first + (int32_t)draw(3);
    r.at[i].last = r.at[i].first + (int32_t)draw(3);
    *first = r.at[i].last + 1;
  }
  return r;
}

static clf__tails draw_tails(clf_arch *a, const clf__member *m) {
  clf__tails l = {.n = 1 + (int32_t)draw(3)};
  l.at = room(a, (size_t)l.n, sizeof *l.at);
  for (int32_t i = 0; i < l.n; i++) {
    l.at[i].kind = (clf__tail_kind)draw(3);
    if (l.at[i].kind == CLF__TAIL_LINEAR) l.at[i].bound = draw_real(m);
  }
  return l;
}

static clf__nodes draw_list(clf_arch *a, clf__node_group group, uint32_t least, int depth) {
  clf__nodes l = {.n = (int32_t)(least + draw(3))};
  l.at = room(a, (size_t)l.n, sizeof *l.at);
  for (int32_t i = 0; i < l.n; i++) l.at[i] = draw_node(a, group, depth);
  return l;
}

static clf__pieces draw_parts(clf_arch *a, const clf__member *m, int depth) {
  clf__pieces p = {.n = 1 + (int32_t)draw(3)};
  int32_t first = 0;
  p.at = room(a, (size_t)p.n, sizeof *p.at);
  for (int32_t i = 0; i < p.n; i++) {
    p.at[i].weight = m->group == CLF__GROUP_FLOW ? 0.1 * (1 + draw(30)) : 0;
    if (m->group != CLF__GROUP_FLOW) p.at[i].columns = draw_ranges(a, &first);
    p.at[i].node = draw_node(a, m->group, depth);
  }
  return p;
}

/* ---- Nodes -------------------------------------------------------------------------------- */

static int may_vary(const clf__member *m) {
  return (m->type == CLF__TYPE_INT && m->low <= 0) || m->type == CLF__TYPE_FLAG ||
         m->type == CLF__TYPE_CHOICE;
}

static void draw_member(clf_arch *a, clf__node *node, int index, int depth) {
  const clf__member *const m = &node->type->members[index];
  void *const to = clf__member_of(node, m);
  int32_t first = (int32_t)draw(5);
  if (m->value && draw(2)) return; /* the default */
  if (may_vary(m) && node->type->group == CLF__GROUP_LAYER && node->type->id != CLF__ARCH_repeat &&
      draw(8) == 0) {
    node->variable[index] = (unsigned char)(CLF__VARIABLE_I + draw(2));
    *(int32_t *)to = 0;
    return;
  }
  switch (m->type) {
  case CLF__TYPE_INT: *(int32_t *)to = draw_int(m); break;
  case CLF__TYPE_REAL: *(double *)to = draw_real(m); break;
  case CLF__TYPE_FLAG: *(int *)to = (int)draw(2); break;
  case CLF__TYPE_CHOICE: {
    uint32_t words = 0;
    while (m->words[words].text) words++;
    *(int *)to = (int)draw(words);
    break;
  }
  case CLF__TYPE_INTS: *(clf__ints *)to = draw_ints(a, m); break;
  case CLF__TYPE_REALS: *(clf__reals *)to = draw_reals(a, m); break;
  case CLF__TYPE_RANGES: *(clf__ranges *)to = draw_ranges(a, &first); break;
  case CLF__TYPE_TAILS: *(clf__tails *)to = draw_tails(a, m); break;
  case CLF__TYPE_NODE: *(clf__node **)to = draw_node(a, m->group, depth + 1); break;
  case CLF__TYPE_LIST:
    *(clf__nodes *)to = draw_list(a, m->group, m->value ? 0 : 1, depth + 1);
    break;
  case CLF__TYPE_PARTS: *(clf__pieces *)to = draw_parts(a, m, depth + 1); break;
  }
}

static const clf__node_type *draw_type(clf__node_group group, int depth) {
  const clf__node_type *type;
  do type = &clf__node_types[draw(CLF__NODE_TYPES)];
  while (type->group != group ||
         (depth > DEEPEST && type->count &&
          (type->members[0].type == CLF__TYPE_LIST || type->members[0].type == CLF__TYPE_PARTS) &&
          group != CLF__GROUP_FLOW));
  return type;
}

/* Drawn until the parser accepts it. */
static clf__node *draw_node(clf_arch *a, clf__node_group group, int depth) {
  for (;;) {
    const clf__node_type *const type = draw_type(group, depth);
    clf__node *node;
    WORKS(clf__node_new(a, type, &node));
    for (int m = 0; m < type->count; m++) draw_member(a, node, m, depth);
    if (type->id == CLF__ARCH_repeat) ((clf__arch_repeat *)node)->count = 1 + (int32_t)draw(3);
    if (clf__node_check(node)) continue;
    if (group != CLF__GROUP_LAYER || type->id == CLF__ARCH_repeat) return node;
    if (draw(8) == 0) strcpy(node->label, draw(2) ? "a" : "first_2-b");
    node->inverted = draw(8) == 0;
    return node;
  }
}

static clf_arch *draw_arch(void) {
  clf_arch *const a = calloc(1, sizeof *a);
  ck_assert_ptr_nonnull(a);
  a->dim = 1 + (int32_t)draw(100);
  if (draw(4) == 0) {
    for (int i = 0; i < 3; i++) a->image[i] = 1 + (int32_t)draw(40);
    a->dim = a->image[0] * a->image[1] * a->image[2];
  }
  a->context = draw(2) ? (int32_t)draw(9) : 0;
  a->flow = (clf__arch_flow *)draw_node(a, CLF__GROUP_FLOW, 0);
  if (a->context && draw(2)) a->items = draw_list(a, CLF__GROUP_CONTEXT, 1, 0);
  return a;
}

START_TEST(random_trees_turn_around) {
  unsigned char seen[CLF__NODE_TYPES] = {0};
  state = 1;
  for (int i = 0; i < TREES; i++) {
    clf_arch *const a = draw_arch();
    WORKS(clf__arch_finish(a));
    turns_around(a);
    clf__arch_list l;
    WORKS(clf__arch_expand(a->flow, &l));
    for (int32_t k = 0; k < l.n; k++) {
      const clf__node *const node = l.at[k].node;
      seen[node->type->id] = 1;
      for (int m = 0; m < node->type->count; m++) ck_assert_int_eq(node->variable[m], 0);
    }
    clf__arch_list_free(&l);
    clf_arch_free(a);
  }
  for (int t = 0; t < CLF__NODE_TYPES; t++)
    if (clf__node_types[t].group == CLF__GROUP_LAYER && t != CLF__ARCH_repeat)
      ck_assert_msg(seen[t], "%s was never drawn", clf__node_types[t].name);
}
END_TEST

void tests_of_random(Suite *s) {
  TCase *const c = tcase_create("random");
  tcase_set_timeout(c, 60);
  tcase_add_test(c, random_trees_turn_around);
  suite_add_tcase(s, c);
}
