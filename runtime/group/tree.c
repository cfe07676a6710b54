/* SPDX-License-Identifier: MIT */
/* tree.c: the order in which sums of grains are added, which does not depend on how grains are
 * divided. */
#include "members.h"

int64_t clf__grain_begin(const clf__split *s, int32_t grain) {
  return (int64_t)grain * s->rows / s->grains;
}

static int is_empty(const clf__split *s, clf__subtree node) {
  const int32_t first = node.index << node.level, end = (node.index + 1) << node.level;
  return clf__grain_begin(s, first) == clf__grain_begin(s, end);
}

static clf__subtree parent_of(clf__subtree node) {
  return (clf__subtree){node.level + 1, node.index >> 1};
}

int clf__tree_joins(const clf__split *s, clf__stack *stack, clf__subtree *node) {
  while (1 << node->level < s->grains) {
    const clf__subtree other = {node->level, node->index ^ 1};
    const clf__subtree *top = stack->count ? &stack->node[stack->count - 1] : NULL;
    const int found = top && top->level == other.level && top->index == other.index;
    if (!found && !is_empty(s, other)) return 0;
    *node = parent_of(*node);
    if (!found) continue;
    stack->count--;
    return 1;
  }
  return 0;
}

static void push(const clf__split *s, clf__stack *stack, clf__subtree node) {
  while (clf__tree_joins(s, stack, &node)) {}
  stack->node[stack->count++] = node;
}

void clf__tree_roots(const clf__split *s, int32_t first, int32_t end, clf__stack *stack) {
  stack->count = 0;
  for (int32_t i = first; i < end; i++)
    if (!is_empty(s, (clf__subtree){0, i})) push(s, stack, (clf__subtree){0, i});
}
