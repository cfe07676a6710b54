/* SPDX-License-Identifier: MIT */
/* arch_text.c: writes the tree of an architecture as text. */
#include <stdlib.h>
#include <string.h>
#include "arch_private.h"

/* ---- Values ---------------------------------------------------------------------------------- */

void clf__out_ranges(clf__out *o, clf__ranges r) {
  for (int32_t i = 0; i < r.n; i++) {
    if (i) clf__out_text(o, "+");
    clf__out_int(o, r.at[i].first);
    if (r.at[i].last != r.at[i].first) clf__out_text(o, "-");
    if (r.at[i].last > r.at[i].first) clf__out_int(o, r.at[i].last);
  }
}

static void out_tail(clf__out *o, clf__tail t) {
  if (t.kind == CLF__TAIL_LINEAR)
    clf__out_real(o, t.bound);
  else
    clf__out_text(o, t.kind == CLF__TAIL_NONE ? "none" : "circular");
}

static void out_layers(clf__out *o, const clf__nodes *layers) {
  for (int32_t i = 0; i < layers->n; i++) {
    if (i) clf__out_text(o, ", ");
    clf__out_node(o, layers->at[i]);
  }
}

static void out_parts(clf__out *o, const clf__pieces *parts) {
  for (int32_t i = 0; i < parts->n; i++) {
    const clf__piece *const p = &parts->at[i];
    const int flow = p->node->type->group == CLF__GROUP_FLOW;
    if (i) clf__out_text(o, flow ? "; " : ", ");
    if (flow)
      clf__out_real(o, p->weight);
    else
      clf__out_ranges(o, p->columns);
    clf__out_text(o, ": ");
    clf__out_node(o, p->node);
  }
}

static void out_int(clf__out *o, const clf__member *m, int32_t v) {
  if (m->zero && v == (int32_t)m->low - 1)
    clf__out_text(o, m->zero);
  else
    clf__out_int(o, v);
}

void clf__out_member(clf__out *o, const clf__node *node, int index) {
  const clf__member *const m = &node->type->members[index];
  const void *const at = clf__member_of(node, m);
  if (node->variable[index]) {
    clf__out_text(o, node->variable[index] == CLF__VARIABLE_I ? "$i" : "$alt");
    return;
  }
  switch (m->type) {
  case CLF__TYPE_INT: out_int(o, m, *(const int32_t *)at); break;
  case CLF__TYPE_REAL: clf__out_real(o, *(const double *)at); break;
  case CLF__TYPE_FLAG: clf__out_text(o, *(const int *)at ? "1" : "0"); break;
  case CLF__TYPE_CHOICE: clf__out_text(o, m->words[*(const int *)at].text); break;
  case CLF__TYPE_INTS: {
    const clf__ints *const l = at;
    for (int32_t i = 0; i < l->n; i++) {
      if (i) clf__out_text(o, m->flags & CLF__DASHED ? "-" : ", ");
      clf__out_int(o, l->at[i]);
    }
    break;
  }
  case CLF__TYPE_REALS: {
    const clf__reals *const l = at;
    for (int32_t i = 0; i < l->n; i++) {
      if (i) clf__out_text(o, ", ");
      clf__out_real(o, l->at[i]);
    }
    break;
  }
  case CLF__TYPE_TAILS: {
    const clf__tails *const l = at;
    for (int32_t i = 0; i < l->n; i++) {
      if (i) clf__out_text(o, ", ");
      out_tail(o, l->at[i]);
    }
    break;
  }
  case CLF__TYPE_RANGES: clf__out_ranges(o, *(const clf__ranges *)at); break;
  case CLF__TYPE_NODE:
    if (*(clf__node *const *)at) clf__out_node(o, *(clf__node *const *)at);
    break;
  case CLF__TYPE_LIST: out_layers(o, at); break;
  case CLF__TYPE_PARTS: out_parts(o, at); break;
  }
}

/* ---- Nodes ----------------------------------------------------------------------------------- */

/* Whether a member differs from its default, which arch.def writes in the same form. */
static int is_given(clf__out *to, const clf__node *node, int m) {
  const char *const value = node->type->members[m].value;
  clf__out o = {0};
  if (!value) return 1;
  clf__out_member(&o, node, m);
  const int given = strcmp(o.s ? o.s : "", value) != 0;
  to->failed |= o.failed;
  free(o.s);
  return given;
}

static int is_number(const clf__member *m) {
  return m->type == CLF__TYPE_INT || m->type == CLF__TYPE_REAL;
}

/* Which members to write.  Numbers without names are identified by their order: those before one
 * that is written are written too. */
static unsigned written(clf__out *o, const clf__node *node) {
  unsigned bits = 0;
  int number = 0;
  for (int m = node->type->count - 1; m >= 0; m--) {
    const clf__member *const member = &node->type->members[m];
    const int bare = (member->flags & CLF__BARE) && is_number(member);
    int given = is_given(o, node, m);
    if (member->flags & CLF__SIZE) given |= bits >> (m + 1) & 1;
    if (bare) given |= number;
    if (bare) number = given;
    if (given) bits |= 1u << m;
  }
  return bits;
}

static void out_size(clf__out *o, const clf__node *node, int m) {
  if (!node->variable[m] && !node->variable[m + 1]) {
    clf__out_member(o, node, m);
    clf__out_text(o, "x");
    clf__out_member(o, node, m + 1);
    return;
  }
  for (int k = 0; k < 2; k++) {
    clf__out_text(o, k ? ", " : "");
    clf__out_text(o, node->type->members[m + k].name);
    clf__out_text(o, "=");
    clf__out_member(o, node, m + k);
  }
}

/* Whether a member is written without its name.  Variables are not, nor are lists of one number,
 * which would read as a number. */
static int is_bare(const clf__node *node, int m) {
  const clf__member *const member = &node->type->members[m];
  const clf__ints *const list = clf__member_of(node, member);
  if (member->type == CLF__TYPE_INTS && list->n < 2) return 0;
  return (member->flags & CLF__BARE) && !node->variable[m];
}

static void out_arguments(clf__out *o, const clf__node *node) {
  const unsigned bits = written(o, node);
  const char *between = "(";
  for (int m = 0; m < node->type->count; m++) {
    const clf__member *const member = &node->type->members[m];
    if (!(bits >> m & 1)) continue;
    clf__out_text(o, between);
    between = ", ";
    if (member->flags & CLF__SIZE) {
      out_size(o, node, m++);
      continue;
    }
    if (member->type == CLF__TYPE_PARTS) {
      clf__out_member(o, node, m);
      continue;
    }
    const int bare = is_bare(node, m);
    const int set = member->type == CLF__TYPE_FLAG && *(int *)clf__member_of(node, member);
    if (bare && (member->type != CLF__TYPE_FLAG || set)) {
      if (set)
        clf__out_text(o, member->name);
      else
        clf__out_member(o, node, m);
      continue;
    }
    clf__out_text(o, member->name);
    clf__out_text(o, "=");
    clf__out_member(o, node, m);
  }
  if (*between == ',') clf__out_text(o, ")");
}

static void out_flow(clf__out *o, const clf__arch_flow *flow) {
  out_layers(o, &flow->layers);
  clf__out_text(o, flow->layers.n ? " -> " : "-> ");
  clf__out_node(o, flow->base);
}

void clf__out_node(clf__out *o, const clf__node *node) {
  if (node->type->id == CLF__ARCH_repeat) {
    const clf__arch_repeat *const r = (const clf__arch_repeat *)node;
    clf__out_text(o, "(");
    out_layers(o, &r->layers);
    clf__out_text(o, ")*");
    clf__out_int(o, r->count);
  } else if (node->type->id == CLF__ARCH_flow) {
    out_flow(o, (const clf__arch_flow *)node);
  } else if (node->type->id == CLF__ARCH_embed) {
    const clf__arch_embed *const e = (const clf__arch_embed *)node;
    clf__out_node(o, e->net);
    clf__out_text(o, "->");
    clf__out_int(o, e->out);
  } else {
    if (node->inverted) clf__out_text(o, "~");
    clf__out_text(o, node->type->name);
    if (node->label[0]) clf__out_text(o, ".");
    clf__out_text(o, node->label);
    out_arguments(o, node);
  }
}

void clf__out_arch(clf__out *o, const clf_arch *arch) {
  if (arch->image[0])
    for (int i = 0; i < 3; i++) {
      if (i) clf__out_text(o, "x");
      clf__out_int(o, arch->image[i]);
    }
  else
    clf__out_int(o, arch->dim);
  if (arch->context) clf__out_text(o, "|");
  if (arch->context) clf__out_int(o, arch->context);
  clf__out_text(o, ": ");
  out_flow(o, arch->flow);
  for (int32_t i = 0; i < arch->items.n; i++) {
    clf__out_text(o, i ? ", " : "; context: ");
    clf__out_node(o, arch->items.at[i]);
  }
}

/* A small library has this file only if a program calls this function (arch_tree.c). */
const char *clf_arch_text(const clf_arch *arch) { return arch ? arch->text : NULL; }
