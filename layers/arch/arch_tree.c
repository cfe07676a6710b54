/* SPDX-License-Identifier: MIT */
/* arch_tree.c: the memory of an architecture, checks of the whole, and its list of layers. */
#include <stdlib.h>
#include <string.h>
#include "arch_private.h"
#include "status.h"

/* ---- Memory ---------------------------------------------------------------------------------- */

typedef struct clf__arch_block {
  struct clf__arch_block *next;
  size_t used, room;
  max_align_t bytes[];
} clf__arch_block;

enum { BLOCK = 4096 };

void *clf__arch_alloc(clf__arch_block **blocks, size_t size) {
  const size_t unit = sizeof(max_align_t), need = (size + unit - 1) / unit * unit;
  clf__arch_block *b = *blocks;
  if (!b || b->room - b->used < need) {
    const size_t room = need > BLOCK ? need : BLOCK;
    b = calloc(1, sizeof *b + room);
    if (!b) {
      clf__fail(CLF_ENOMEM, "no memory for an architecture");
      return NULL;
    }
    b->room = room;
    b->next = *blocks;
    *blocks = b;
  }
  void *const at = (char *)b->bytes + b->used;
  b->used += need;
  return at;
}

void clf__arch_free_blocks(clf__arch_block *b) {
  while (b) {
    clf__arch_block *const next = b->next;
    free(b);
    b = next;
  }
}

clf_arch *clf__arch_reference(const clf_arch *arch) {
  clf_arch *const shared = (clf_arch *)(uintptr_t)arch;
  atomic_fetch_add(&shared->more_owners, 1);
  return shared;
}

void clf_arch_free(clf_arch *arch) {
  if (!arch || atomic_fetch_sub(&arch->more_owners, 1) > 0) return;
  clf__arch_free_blocks(arch->blocks);
  free(arch->text);
  free(arch->json);
  free(arch);
}

clf_status clf__node_new(clf_arch *arch, const clf__node_type *type, clf__node **out) {
  clf__node *const node = clf__arch_alloc(&arch->blocks, type->size);
  if (!node) return CLF_ENOMEM;
  node->type = type;
  for (int m = 0; m < type->count; m++)
    if (type->members[m].value && *type->members[m].value)
      CLF_TRY(clf__member_read(arch, node, m, type->members[m].value));
  *out = node;
  return CLF_OK;
}

/* ---- The whole architecture ------------------------------------------------------------------ */

/* Layers including repetitions, at most CLF_ARCH_LAYERS + 1. */
static int64_t count_layers(const clf__nodes *layers) {
  int64_t n = 0;
  for (int32_t i = 0; i < layers->n && n <= CLF_ARCH_LAYERS; i++) {
    const clf__arch_repeat *const r = (const clf__arch_repeat *)layers->at[i];
    n += r->node.type->id == CLF__ARCH_repeat ? r->count * count_layers(&r->layers) : 1;
  }
  return n <= CLF_ARCH_LAYERS ? n : CLF_ARCH_LAYERS + 1;
}

/* The layers of a flow and of those that its base blends. */
static int64_t count_all(const clf__arch_flow *flow) {
  int64_t n = count_layers(&flow->layers);
  if (flow->base->type->id != CLF__ARCH_blend) return n;
  const clf__pieces *const pieces = &((const clf__arch_blend *)flow->base)->parts;
  for (int32_t i = 0; i < pieces->n && n <= CLF_ARCH_LAYERS; i++)
    n += count_all((const clf__arch_flow *)pieces->at[i].node);
  return n;
}

static clf_status check_variables(const clf__node *node, int32_t count);

static clf_status check_list(const clf__nodes *l, int32_t count) {
  for (int32_t i = 0; i < l->n; i++) CLF_TRY(check_variables(l->at[i], count));
  return CLF_OK;
}

/* $i and $alt begin at 0; in `count` repetitions $i reaches count - 1. */
static clf_status check_member(const clf__node *node, int m, int32_t count) {
  const clf__member *const member = &node->type->members[m];
  const int last = node->variable[m] == CLF__VARIABLE_I ? (int)count - 1 : 1;
  if (!node->variable[m] || member->type != CLF__TYPE_INT) return CLF_OK;
  CLF_TRY(clf__member_in_range(node->type, member, 0));
  return clf__member_in_range(node->type, member, last);
}

/* Whether variables stay in the ranges of their members in `count` repetitions of the node. */
static clf_status check_variables(const clf__node *node, int32_t count) {
  if (node->type->id == CLF__ARCH_repeat) {
    const clf__arch_repeat *const r = (const clf__arch_repeat *)node;
    return check_list(&r->layers, r->count);
  }
  for (int m = 0; m < node->type->count; m++) {
    const void *const at = clf__member_of(node, &node->type->members[m]);
    clf__node *const *const child = at;
    const clf__pieces *const pieces = at;
    CLF_TRY(check_member(node, m, count));
    if (node->type->members[m].type == CLF__TYPE_LIST) CLF_TRY(check_list(at, count));
    if (node->type->members[m].type == CLF__TYPE_NODE && *child)
      CLF_TRY(check_variables(*child, count));
    if (node->type->members[m].type != CLF__TYPE_PARTS) continue;
    for (int32_t i = 0; i < pieces->n; i++) CLF_TRY(check_variables(pieces->at[i].node, count));
  }
  return CLF_OK;
}

/* In a small library the writers are linked only into programs that call clf_arch_text() or
 * clf_arch_json(); in others these weak symbols are NULL, and there are no texts. */
#if defined CLF_SMALL && defined __ELF__
#pragma weak clf__out_arch
#pragma weak clf__out_json
#define IS_LINKED(writer) ((writer) != NULL)
#else
#define IS_LINKED(writer) 1
#endif

clf_status clf__arch_finish(clf_arch *arch) {
  CLF_TRY(check_variables(&arch->flow->node, 1));
  CLF_TRY(check_list(&arch->items, 1));
  const int64_t n = count_all(arch->flow);
  if (n > CLF_ARCH_LAYERS)
    return clf__fail(CLF_EINVAL, "the flow has more than %d layers, counting repetitions",
                     CLF_ARCH_LAYERS);
  arch->layers = (int32_t)n;
  clf__out text = {0}, json = {0};
  if (IS_LINKED(clf__out_arch)) clf__out_arch(&text, arch);
  if (IS_LINKED(clf__out_json)) clf__out_json(&json, arch);
  arch->text = text.s;
  arch->json = json.s;
  return text.failed || json.failed ? clf__fail(CLF_ENOMEM, "no memory for an architecture")
                                    : CLF_OK;
}

int32_t clf_arch_dim(const clf_arch *arch) { return arch ? arch->dim : 0; }
int32_t clf_arch_context(const clf_arch *arch) { return arch ? arch->context : 0; }
int32_t clf_arch_layers(const clf_arch *arch) { return arch ? arch->layers : 0; }

int clf_arch_shape(const clf_arch *arch, int32_t *height, int32_t *width, int32_t *channels) {
  if (!arch || !arch->image[0]) return 0;
  if (height) *height = arch->image[0];
  if (width) *width = arch->image[1];
  if (channels) *channels = arch->image[2];
  return 1;
}

/* ---- The list of layers ---------------------------------------------------------------------- */

typedef struct expander {
  clf__arch_list *list;
  int32_t places[CLF__NODE_TYPES]; /* layers so far, per type */
} expander;

/* The value of a variable in a member: modulo the number of words for flags and choices. */
static int32_t value_of(const clf__member *m, clf__variable v, const clf__arch_layer *layer) {
  const int32_t value = v == CLF__VARIABLE_I ? layer->i : layer->place % 2;
  if (m->type == CLF__TYPE_INT) return value;
  return value % 2;
}

static void resolve(clf__node *node, const clf__arch_layer *layer) {
  for (int m = 0; m < node->type->count; m++) {
    const clf__member *const member = &node->type->members[m];
    const clf__variable v = (clf__variable)node->variable[m];
    if (v == CLF__VARIABLE_NONE) continue;
    const int32_t value = value_of(member, v, layer);
    if (member->type == CLF__TYPE_INT)
      *(int32_t *)clf__member_of(node, member) = value;
    else
      *(int *)clf__member_of(node, member) = value;
    node->variable[m] = CLF__VARIABLE_NONE;
  }
  if (node->type->id == CLF__ARCH_coupling) {
    clf__arch_coupling *const c = (clf__arch_coupling *)node;
    if (c->even < 0) c->even = layer->place;
  }
}

static clf__node *copy_node(clf__arch_list *list, const clf__node *from,
                            const clf__arch_layer *layer);

static int copy_pieces(clf__arch_list *list, clf__pieces *pieces, const clf__arch_layer *layer) {
  clf__piece *const at = clf__arch_alloc(&list->blocks, (size_t)pieces->n * sizeof *at);
  if (!at) return 0;
  memcpy(at, pieces->at, (size_t)pieces->n * sizeof *at);
  pieces->at = at;
  for (int32_t i = 0; i < pieces->n; i++)
    if (!(at[i].node = copy_node(list, at[i].node, layer))) return 0;
  return 1;
}

/* A copy of a layer's node, including its map and net, with numbers in place of variables. */
static clf__node *copy_node(clf__arch_list *list, const clf__node *from,
                            const clf__arch_layer *layer) {
  clf__node *const node = clf__arch_alloc(&list->blocks, from->type->size);
  if (!node) return NULL;
  memcpy(node, from, from->type->size);
  resolve(node, layer);
  for (int m = 0; m < node->type->count; m++) {
    void *const value = clf__member_of(node, &node->type->members[m]);
    if (node->type->members[m].type == CLF__TYPE_PARTS && !copy_pieces(list, value, layer))
      return NULL;
    if (node->type->members[m].type != CLF__TYPE_NODE) continue;
    clf__node **const child = value;
    if (*child && !(*child = copy_node(list, *child, layer))) return NULL;
  }
  return node;
}

static clf_status expand(expander *e, const clf__nodes *layers, int32_t i) {
  for (int32_t k = 0; k < layers->n; k++) {
    const clf__node *const node = layers->at[k];
    if (node->type->id == CLF__ARCH_repeat) {
      const clf__arch_repeat *const r = (const clf__arch_repeat *)node;
      for (int32_t j = 0; j < r->count; j++) CLF_TRY(expand(e, &r->layers, j));
      continue;
    }
    clf__arch_layer *const layer = &e->list->at[e->list->n];
    *layer = (clf__arch_layer){.index = e->list->n, .i = i, .place = e->places[node->type->id]++};
    layer->node = copy_node(e->list, node, layer);
    if (!layer->node) return CLF_ENOMEM;
    e->list->n++;
  }
  return CLF_OK;
}

clf_status clf__arch_expand(const clf__arch_flow *flow, clf__arch_list *list) {
  *list = (clf__arch_list){0};
  expander e = {.list = list};
  const int64_t n = count_layers(&flow->layers);
  list->at = clf__arch_alloc(&list->blocks, (size_t)(n ? n : 1) * sizeof *list->at);
  const clf_status s = list->at ? expand(&e, &flow->layers, 0) : CLF_ENOMEM;
  if (s) clf__arch_list_free(list);
  return s;
}

void clf__arch_list_free(clf__arch_list *list) {
  if (!list) return;
  clf__arch_free_blocks(list->blocks);
  *list = (clf__arch_list){0};
}
