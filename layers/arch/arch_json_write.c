/* SPDX-License-Identifier: MIT */
/* arch_json_write.c: writes the tree of an architecture as JSON, by the table of arch.def.
 *
 * A node is an object with "layer" or, if it is not a layer, "kind"; the label of a layer is
 * "name", and an inverted layer has "inverse".  Repetitions are {"repeat": n, "layers":
 * [...]}.  Variables are strings: "$i". */
#include <jansson.h>
#include <stdlib.h>
#include "arch_private.h"

/* All of these return NULL if memory runs out; jansson then refuses to add it to anything. */
static json_t *text_json(const clf__node *node, int m) {
  clf__out o = {0};
  clf__out_member(&o, node, m);
  json_t *const j = o.failed || !o.s ? NULL : json_string(o.s);
  free(o.s);
  return j;
}

static json_t *ranges_json(clf__ranges r) {
  clf__out o = {0};
  clf__out_ranges(&o, r);
  json_t *const j = o.failed || !o.s ? NULL : json_string(o.s);
  free(o.s);
  return j;
}

/* Adds to an array.  Without memory, frees the array and returns NULL. */
static json_t *append(json_t *array, json_t *value) {
  if (!array || json_array_append_new(array, value) == 0) return array;
  json_decref(array);
  return NULL;
}

static json_t *set(json_t *object, const char *key, json_t *value) {
  if (!object) {
    json_decref(value);
    return NULL;
  }
  if (json_object_set_new(object, key, value) == 0) return object;
  json_decref(object);
  return NULL;
}

static json_t *nodes_json(const clf__nodes *l) {
  json_t *array = json_array();
  for (int32_t i = 0; i < l->n && array; i++) array = append(array, clf__node_json(l->at[i]));
  return array;
}

static json_t *pieces_json(const clf__pieces *pieces) {
  json_t *array = json_array();
  for (int32_t i = 0; i < pieces->n && array; i++) {
    const clf__piece *const p = &pieces->at[i];
    const int flow = p->node->type->group == CLF__GROUP_FLOW;
    json_t *piece = set(json_object(), flow ? "weight" : "columns",
                        flow ? json_real(p->weight) : ranges_json(p->columns));
    piece = set(piece, flow ? "flow" : "node", clf__node_json(p->node));
    array = append(array, piece);
  }
  return array;
}

static json_t *list_json(const clf__member *m, const void *at) {
  json_t *array = json_array();
  if (m->type == CLF__TYPE_INTS)
    for (int32_t i = 0; i < ((const clf__ints *)at)->n && array; i++)
      array = append(array, json_integer(((const clf__ints *)at)->at[i]));
  if (m->type == CLF__TYPE_REALS)
    for (int32_t i = 0; i < ((const clf__reals *)at)->n && array; i++)
      array = append(array, json_real(((const clf__reals *)at)->at[i]));
  if (m->type == CLF__TYPE_TAILS)
    for (int32_t i = 0; i < ((const clf__tails *)at)->n && array; i++) {
      const clf__tail t = ((const clf__tails *)at)->at[i];
      array = append(array, t.kind == CLF__TAIL_LINEAR ? json_real(t.bound)
                            : t.kind == CLF__TAIL_NONE ? json_string("none")
                                                       : json_string("circular"));
    }
  return array;
}

/* Whether a member is left out: a missing node, an empty list. */
static int is_empty(const clf__member *m, const void *at) {
  switch (m->type) {
  case CLF__TYPE_NODE: return *(clf__node *const *)at == NULL;
  case CLF__TYPE_INTS: return ((const clf__ints *)at)->n == 0;
  case CLF__TYPE_REALS: return ((const clf__reals *)at)->n == 0;
  case CLF__TYPE_RANGES: return ((const clf__ranges *)at)->n == 0;
  default: return 0;
  }
}

static json_t *member_json(const clf__node *node, int index) {
  const clf__member *const m = &node->type->members[index];
  const void *const at = clf__member_of(node, m);
  if (node->variable[index]) return text_json(node, index);
  switch (m->type) {
  case CLF__TYPE_INT: {
    const int32_t v = *(const int32_t *)at;
    return m->zero && v < m->low ? json_string(m->zero) : json_integer(v);
  }
  case CLF__TYPE_REAL: return json_real(*(const double *)at);
  case CLF__TYPE_FLAG: return json_boolean(*(const int *)at);
  case CLF__TYPE_CHOICE: return json_string(m->words[*(const int *)at].text);
  case CLF__TYPE_INTS:
  case CLF__TYPE_REALS:
  case CLF__TYPE_TAILS: return list_json(m, at);
  case CLF__TYPE_RANGES: return ranges_json(*(const clf__ranges *)at);
  case CLF__TYPE_NODE: return clf__node_json(*(clf__node *const *)at);
  case CLF__TYPE_LIST: return nodes_json(at);
  case CLF__TYPE_PARTS: return pieces_json(at);
  }
  return NULL;
}

json_t *clf__node_json(const clf__node *node) {
  const clf__node_type *const type = node->type;
  json_t *o = json_object();
  if (type->id == CLF__ARCH_repeat) {
    const clf__arch_repeat *const r = (const clf__arch_repeat *)node;
    return set(set(o, "repeat", json_integer(r->count)), "layers", nodes_json(&r->layers));
  }
  if (type->id != CLF__ARCH_flow)
    o = set(o, type->group == CLF__GROUP_LAYER ? "layer" : "kind", json_string(type->name));
  if (node->label[0]) o = set(o, "name", json_string(node->label));
  if (node->inverted) o = set(o, "inverse", json_true());
  for (int m = 0; m < type->count && o; m++)
    if (!is_empty(&type->members[m], clf__member_of(node, &type->members[m])))
      o = set(o, type->members[m].name, member_json(node, m));
  return o;
}

static json_t *arch_json(const clf_arch *a) {
  json_t *o = set(json_object(), "version", json_integer(CLF_ARCH_JSON_VERSION));
  if (a->image[0]) {
    json_t *shape = json_array();
    for (int i = 0; i < 3; i++) shape = append(shape, json_integer(a->image[i]));
    o = set(o, "shape", shape);
  } else {
    o = set(o, "dim", json_integer(a->dim));
  }
  if (a->context) o = set(o, "context_dim", json_integer(a->context));
  o = set(o, "layers", nodes_json(&a->flow->layers));
  o = set(o, "base", clf__node_json(a->flow->base));
  return a->items.n ? set(o, "context", nodes_json(&a->items)) : o;
}

void clf__out_json(clf__out *o, const clf_arch *arch) {
  const size_t how = JSON_COMPACT | JSON_REAL_PRECISION(17);
  json_t *const j = arch_json(arch);
  const size_t n = j ? json_dumpb(j, NULL, 0, how) : 0;
  char *const text = n ? malloc(n) : NULL; /* json_dumps() may drop characters if memory runs out */
  if (!text || json_dumpb(j, text, n, how) != n) o->failed = 1;
  if (text) clf__out_bytes(o, text, n);
  free(text);
  json_decref(j);
}

/* A small library has this file only if a program calls this function (arch_tree.c). */
const char *clf_arch_json(const clf_arch *arch) { return arch ? arch->json : NULL; }
