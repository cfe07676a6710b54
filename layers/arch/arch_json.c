/* SPDX-License-Identifier: MIT */
/* arch_json.c: reads the tree of an architecture from JSON, by the table of arch.def.  The form is
 * that of arch_json_write.c. */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "arch_private.h"
#include "names.h"
#include "status.h"

/* ---- Messages -------------------------------------------------------------------------------- */

/* The path of the reader's current position, as "layers[0].map". */
typedef struct reader {
  clf_arch *arch;
  char path[256];
  int depth;
} reader;

static const char *path_of(const reader *r) { return r->path[0] ? r->path : "its top"; }

/* Descends to a member or into an array; up() reverses the step. */
static size_t down(reader *r, const char *key) {
  const size_t n = strlen(r->path);
  snprintf(r->path + n, sizeof r->path - n, "%s%s", n ? "." : "",
           clf__excerpt_of(key, strlen(key)).s);
  return n;
}
static size_t down_to(reader *r, size_t i) {
  const size_t n = strlen(r->path);
  snprintf(r->path + n, sizeof r->path - n, "[%zu]", i);
  return n;
}
static void up(reader *r, size_t n) { r->path[n] = '\0'; }

static const char *type_of(const json_t *j) {
  switch (json_typeof(j)) {
  case JSON_OBJECT: return "an object";
  case JSON_ARRAY: return "an array";
  case JSON_STRING: return "a string";
  case JSON_INTEGER: return "a whole number";
  case JSON_REAL: return "a number";
  case JSON_TRUE:
  case JSON_FALSE: return "true or false";
  case JSON_NULL: break;
  }
  return "null";
}

static clf_status expected(const reader *r, const char *what, const json_t *j) {
  if (json_is_string(j)) {
    const char *const s = json_string_value(j);
    return clf__fail(CLF_EINVAL, "flow JSON, %s: expected %s, found \"%s\"", path_of(r), what,
                     clf__excerpt_of(s, strlen(s)).s);
  }
  return clf__fail(CLF_EINVAL, "flow JSON, %s: expected %s, found %s", path_of(r), what,
                   j ? type_of(j) : "nothing");
}

static clf_status refuse(const reader *r, clf_status s) {
  char why[512];
  if (s != CLF_EINVAL) return s;
  snprintf(why, sizeof why, "%s", clf_errmsg());
  return clf__fail(s, "flow JSON, %s: %s", path_of(r), why);
}

static clf_status unknown(const reader *r, const char *what, const char *name,
                          const char *nearest) {
  return clf__fail(CLF_EINVAL, "flow JSON, %s: there is no %s \"%s\"; did you mean \"%s\"?",
                   path_of(r), what, clf__excerpt_of(name, strlen(name)).s, nearest);
}

static void nearer(const char *name, const char **nearest, const char *candidate) {
  if (!*nearest || clf__name_distance(name, candidate) < clf__name_distance(name, *nearest))
    *nearest = candidate;
}

/* ---- Values ---------------------------------------------------------------------------------- */

static clf_status read_node(reader *r, clf__node_group group, const json_t *j, clf__node **out);

static clf_status read_nodes(reader *r, clf__node_group group, const json_t *j, clf__nodes *out) {
  const size_t n = json_array_size(j);
  if (!json_is_array(j)) return expected(r, "an array", j);
  clf__node **const at = clf__arch_alloc(&r->arch->blocks, (n + 1) * sizeof *at);
  if (!at) return CLF_ENOMEM;
  for (size_t i = 0; i < n; i++) {
    const size_t before = down_to(r, i);
    CLF_TRY(read_node(r, group, json_array_get(j, i), &at[i]));
    up(r, before);
  }
  *out = (clf__nodes){at, (int32_t)n};
  return CLF_OK;
}

static clf_status read_whole(reader *r, const json_t *j, int64_t low, int64_t high, int32_t *to) {
  const json_int_t v = json_integer_value(j);
  char what[64];
  snprintf(what, sizeof what, "a whole number, %" PRId64 " to %" PRId64, low, high);
  if (!json_is_integer(j)) return expected(r, what, j);
  if (v < low || v > high)
    return clf__fail(CLF_EINVAL, "flow JSON, %s: expected %s, found %" PRId64, path_of(r), what,
                     (int64_t)v);
  *to = (int32_t)v;
  return CLF_OK;
}

static clf_status read_number(reader *r, const clf__node *node, const clf__member *m,
                              const json_t *j, double *to) {
  if (!json_is_number(j)) return expected(r, "a number", j);
  *to = json_number_value(j);
  return refuse(r, clf__member_in_range(node->type, m, *to));
}

static clf_status read_tail(reader *r, const clf__node *node, const clf__member *m, const json_t *j,
                            clf__tail *to) {
  const char *const word = json_string_value(j);
  if (json_is_number(j)) return read_number(r, node, m, j, &to->bound);
  to->kind = word && strcmp(word, "circular") == 0 ? CLF__TAIL_CIRCULAR : CLF__TAIL_NONE;
  if (to->kind == CLF__TAIL_CIRCULAR || (word && strcmp(word, "none") == 0)) return CLF_OK;
  return expected(r, "a bound, \"none\" or \"circular\"", j);
}

/* An array of numbers, or a single one. */
static clf_status read_list(reader *r, const clf__node *node, const clf__member *m, const json_t *j,
                            void *to) {
  const int array = json_is_array(j);
  const size_t n = array ? json_array_size(j) : 1;
  const size_t size = m->type == CLF__TYPE_INTS    ? sizeof(int32_t)
                      : m->type == CLF__TYPE_REALS ? sizeof(double)
                                                   : sizeof(clf__tail);
  char *const at = clf__arch_alloc(&r->arch->blocks, (n + 1) * size);
  if (!at) return CLF_ENOMEM;
  for (size_t i = 0; i < n; i++) {
    const json_t *const item = array ? json_array_get(j, i) : j;
    void *const v = at + i * size;
    const size_t before = array ? down_to(r, i) : strlen(r->path);
    if (m->type == CLF__TYPE_INTS)
      CLF_TRY(read_whole(r, item, (int64_t)m->low, (int64_t)m->high, v));
    else if (m->type == CLF__TYPE_REALS)
      CLF_TRY(read_number(r, node, m, item, v));
    else
      CLF_TRY(read_tail(r, node, m, item, v));
    up(r, before);
  }
  if (m->type == CLF__TYPE_INTS)
    *(clf__ints *)to = (clf__ints){(void *)at, (int32_t)n};
  else if (m->type == CLF__TYPE_REALS)
    *(clf__reals *)to = (clf__reals){(void *)at, (int32_t)n};
  else if (n)
    *(clf__tails *)to = (clf__tails){(void *)at, (int32_t)n};
  else
    return expected(r, "at least one tail", NULL);
  return CLF_OK;
}

/* Ranges, words for whole numbers, and variables are text. */
static clf_status read_text(reader *r, clf__node *node, int m, const json_t *j) {
  if (!json_is_string(j)) return expected(r, "a string", j);
  return refuse(r, clf__member_read(r->arch, node, m, json_string_value(j)));
}

/* {"columns": "0-2", "node": {...}}, or of flows {"weight": 0.3, "flow": {...}}. */
static clf_status read_piece(reader *r, const clf__node *node, const clf__member *m, json_t *piece,
                             clf__piece *to) {
  const int flow = m->group == CLF__GROUP_FLOW;
  const char *key, *const first = flow ? "weight" : "columns",
                          *const second = flow ? "flow" : "node";
  json_t *value;
  if (!json_is_object(piece)) return expected(r, "an object", piece);
  json_object_foreach(piece, key, value) {
    const size_t before = down(r, key);
    const char *nearest = first;
    nearer(key, &nearest, second);
    const int is_first = strcmp(key, first) == 0;
    if (!is_first && strcmp(key, second) != 0) return unknown(r, "member of a part", key, nearest);
    if (!is_first)
      CLF_TRY(read_node(r, m->group, value, &to->node));
    else if (flow)
      CLF_TRY(read_number(r, node, m, value, &to->weight));
    else if (json_is_string(value))
      CLF_TRY(refuse(r, clf__ranges_read(r->arch, json_string_value(value), &to->columns)));
    else
      return expected(r, "a string, as \"0-2\"", value);
    up(r, before);
  }
  if (!to->node) return expected(r, second, NULL);
  return flow || to->columns.n ? CLF_OK : expected(r, first, NULL);
}

static clf_status read_pieces(reader *r, const clf__node *node, const clf__member *m,
                              const json_t *j, clf__pieces *out) {
  const size_t n = json_array_size(j);
  if (!json_is_array(j) || n == 0) return expected(r, "an array of parts", j);
  clf__piece *const at = clf__arch_alloc(&r->arch->blocks, n * sizeof *at);
  if (!at) return CLF_ENOMEM;
  for (size_t i = 0; i < n; i++) {
    const size_t before = down_to(r, i);
    CLF_TRY(read_piece(r, node, m, json_array_get(j, i), &at[i]));
    up(r, before);
  }
  *out = (clf__pieces){at, (int32_t)n};
  return CLF_OK;
}

static clf_status read_member(reader *r, clf__node *node, int index, const json_t *j) {
  const clf__member *const m = &node->type->members[index];
  void *const to = clf__member_of(node, m);
  const char *const word = json_string_value(j);
  if (word && *word == '$') return read_text(r, node, index, j);
  switch (m->type) {
  case CLF__TYPE_INT:
    if (word && m->zero) return read_text(r, node, index, j);
    return read_whole(r, j, (int64_t)m->low, (int64_t)m->high, to);
  case CLF__TYPE_REAL: return read_number(r, node, m, j, to);
  case CLF__TYPE_FLAG:
    if (!json_is_boolean(j)) return expected(r, "true or false", j);
    *(int *)to = json_is_true(j);
    return CLF_OK;
  case CLF__TYPE_CHOICE: {
    const char *nearest = NULL;
    if (!word) return expected(r, "a word", j);
    *(int *)to = clf__word_find(m->words, word, strlen(word));
    if (*(int *)to >= 0) return CLF_OK;
    *(int *)to = 0;
    for (int i = 0; m->words[i].text; i++) nearer(word, &nearest, m->words[i].text);
    return unknown(r, m->name, word, nearest);
  }
  case CLF__TYPE_INTS:
  case CLF__TYPE_REALS:
  case CLF__TYPE_TAILS: return read_list(r, node, m, j, to);
  case CLF__TYPE_RANGES: return read_text(r, node, index, j);
  case CLF__TYPE_NODE: return read_node(r, m->group, j, to);
  case CLF__TYPE_LIST: return read_nodes(r, m->group, j, to);
  case CLF__TYPE_PARTS: return read_pieces(r, node, m, j, to);
  }
  return CLF_OK;
}

/* ---- Nodes ----------------------------------------------------------------------------------- */

static clf_status read_label(reader *r, clf__node *node, const json_t *j) {
  const char *const s = json_string_value(j);
  if (!s || !clf__is_label(s)) return expected(r, "a name of at most 31 letters", j);
  snprintf(node->label, sizeof node->label, "%s", s);
  return CLF_OK;
}

/* Keys that are not in the table: "layer" or "kind", "name", "inverse"; 1 if the key is one of
 * them. */
static clf_status read_own(reader *r, clf__node *node, const char *key, const json_t *j,
                           int *is_own) {
  const int layer = node->type->group == CLF__GROUP_LAYER && node->type->id != CLF__ARCH_repeat;
  *is_own = 1;
  if (layer && strcmp(key, "name") == 0) return read_label(r, node, j);
  if (layer && strcmp(key, "inverse") == 0) {
    node->inverted = json_is_true(j);
    return json_is_boolean(j) ? CLF_OK : expected(r, "true or false", j);
  }
  *is_own = strcmp(key, node->type->group == CLF__GROUP_LAYER ? "layer" : "kind") == 0 &&
            node->type->id != CLF__ARCH_repeat && node->type->id != CLF__ARCH_flow;
  return CLF_OK;
}

/* The JSON key of a member: the number of repetitions comes under "repeat". */
static const char *key_of(const clf__node_type *type, int m) {
  return type->id == CLF__ARCH_repeat && m == 1 ? "repeat" : type->members[m].name;
}

static clf_status read_members(reader *r, clf__node *node, const json_t *j) {
  const clf__node_type *const type = node->type;
  const char *key;
  json_t *value;
  unsigned given = 0;
  json_object_foreach((json_t *)(uintptr_t)j, key, value) {
    int own, m = 0;
    const size_t before = down(r, key);
    CLF_TRY(read_own(r, node, key, value, &own));
    while (m < type->count && strcmp(key_of(type, m), key) != 0) m++;
    if (!own && m == type->count) {
      const char *nearest = type->group == CLF__GROUP_LAYER ? "name" : "kind";
      char what[80];
      up(r, before);
      for (int i = 0; i < type->count; i++) nearer(key, &nearest, key_of(type, i));
      snprintf(what, sizeof what, "member of %s", type->name);
      return unknown(r, what, key, nearest);
    }
    if (!own) CLF_TRY(read_member(r, node, m, value));
    given |= own ? 0 : 1u << m;
    up(r, before);
  }
  for (int m = 0; m < type->count; m++)
    if (!type->members[m].value && !(given >> m & 1))
      return clf__fail(CLF_EINVAL, "flow JSON, %s: %s needs \"%s\": %s", path_of(r), type->name,
                       key_of(type, m), type->members[m].help);
  return refuse(r, clf__node_check(node));
}

static clf_status find_type(reader *r, clf__node_group group, const json_t *j,
                            const clf__node_type **type) {
  const char *const key = group == CLF__GROUP_LAYER ? "layer" : "kind", *nearest = NULL;
  if (!json_is_object(j)) return expected(r, "an object", j);
  *type = group == CLF__GROUP_FLOW ? &clf__node_types[CLF__ARCH_flow]
                                   : &clf__node_types[CLF__ARCH_repeat];
  if (group == CLF__GROUP_FLOW) return CLF_OK;
  if (group == CLF__GROUP_LAYER && json_object_get(j, "repeat")) return CLF_OK;
  const char *const name = json_string_value(json_object_get(j, key));
  if (!name) {
    char what[32];
    snprintf(what, sizeof what, "\"%s\" and its name", key);
    return expected(r, what, json_object_get(j, key));
  }
  *type = clf__node_type_find(group, name, strlen(name));
  if (*type && (*type)->id != CLF__ARCH_repeat) return CLF_OK;
  for (int i = 0; i < CLF__NODE_TYPES; i++)
    if (clf__node_types[i].group == group && clf__node_types[i].id != CLF__ARCH_repeat)
      nearer(name, &nearest, clf__node_types[i].name);
  return unknown(r, clf__group_name(group), name, nearest);
}

static clf_status read_node(reader *r, clf__node_group group, const json_t *j, clf__node **out) {
  const clf__node_type *type = NULL;
  if (++r->depth > CLF_ARCH_DEPTH)
    return clf__fail(CLF_EINVAL, "flow JSON, %s: objects are nested more than %d deep", path_of(r),
                     CLF_ARCH_DEPTH);
  CLF_TRY(find_type(r, group, j, &type));
  CLF_TRY(clf__node_new(r->arch, type, out));
  CLF_TRY(read_members(r, *out, j));
  r->depth--;
  return CLF_OK;
}

/* ---- The whole ------------------------------------------------------------------------------- */

static clf_status read_shape(reader *r, const json_t *j) {
  double dim = 1;
  if (!json_is_array(j) || json_array_size(j) != 3)
    return expected(r, "height, width and channels", j);
  for (size_t i = 0; i < 3; i++) {
    CLF_TRY(read_whole(r, json_array_get(j, i), 1, 1 << 16, &r->arch->image[i]));
    dim *= r->arch->image[i];
  }
  if (dim > CLF_ARCH_DIM) return expected(r, "images of at most 1048576 numbers", j);
  r->arch->dim = (int32_t)dim;
  return CLF_OK;
}

static clf_status read_version(reader *r, const json_t *j) {
  int32_t version = 0;
  CLF_TRY(read_whole(r, j, 1, INT32_MAX, &version));
  if (version == CLF_ARCH_JSON_VERSION) return CLF_OK;
  return clf__fail(CLF_EINVAL, "flow JSON, version: it is %d; this clflow reads version %d",
                   (int)version, CLF_ARCH_JSON_VERSION);
}

static clf_status read_top(reader *r, const char *key, const json_t *j) {
  static const char *const keys[] = {"version", "dim",  "shape",  "context_dim",
                                     "layers",  "base", "context"};
  clf_arch *const a = r->arch;
  const char *nearest = NULL;
  if (strcmp(key, "version") == 0) return read_version(r, j);
  if (strcmp(key, "dim") == 0) return read_whole(r, j, 1, CLF_ARCH_DIM, &a->dim);
  if (strcmp(key, "shape") == 0) return read_shape(r, j);
  if (strcmp(key, "context_dim") == 0) return read_whole(r, j, 0, CLF_ARCH_DIM, &a->context);
  if (strcmp(key, "layers") == 0) return read_nodes(r, CLF__GROUP_LAYER, j, &a->flow->layers);
  if (strcmp(key, "base") == 0) return read_node(r, CLF__GROUP_BASE, j, &a->flow->base);
  if (strcmp(key, "context") == 0) return read_nodes(r, CLF__GROUP_CONTEXT, j, &a->items);
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) nearer(key, &nearest, keys[i]);
  r->path[0] = '\0';
  return unknown(r, "member", key, nearest);
}

static clf_status read_arch(reader *r, json_t *root) {
  const char *key;
  json_t *value;
  clf__node *flow;
  CLF_TRY(clf__node_new(r->arch, &clf__node_types[CLF__ARCH_flow], &flow));
  r->arch->flow = (clf__arch_flow *)flow;
  if (!json_is_object(root)) return expected(r, "an object", root);
  if (!json_object_get(root, "version")) return expected(r, "\"version\"", NULL);
  json_object_foreach(root, key, value) {
    const size_t before = down(r, key);
    CLF_TRY(read_top(r, key, value));
    up(r, before);
  }
  if (!r->arch->dim) return expected(r, "\"dim\" or \"shape\"", NULL);
  if (json_object_get(root, "dim") && r->arch->image[0])
    return expected(r, "either \"dim\" or \"shape\"", NULL);
  if (!json_object_get(root, "layers")) return expected(r, "\"layers\"", NULL);
  if (!r->arch->flow->base) return expected(r, "\"base\"", NULL);
  if (r->arch->items.n && !r->arch->context) return expected(r, "\"context_dim\"", NULL);
  CLF_TRY(refuse(r, clf__node_check(flow)));
  return refuse(r, clf__arch_finish(r->arch));
}

clf_status clf_arch_from_json(const char *json, clf_arch **arch) {
  CLF_GIVEN("json, arch", json, arch);
  if (strnlen(json, CLF_ARCH_TEXT + 1) > CLF_ARCH_TEXT)
    return clf__fail(CLF_EINVAL, "flow JSON: it has more than %d bytes", CLF_ARCH_TEXT);
  json_error_t error;
  json_t *const root = json_loads(json, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
  if (!root) {
    /* Without memory for its reader jansson reports no position. */
    if (json_error_code(&error) == json_error_out_of_memory || error.line < 0)
      return clf__fail(CLF_ENOMEM, "no memory for an architecture");
    return clf__fail(CLF_EINVAL, "flow JSON, line %d, column %d: %s", error.line, error.column,
                     clf__excerpt_of(error.text, strlen(error.text)).s);
  }
  clf_arch *const a = calloc(1, sizeof *a);
  reader r = {.arch = a};
  const clf_status s =
      a ? read_arch(&r, root) : clf__fail(CLF_ENOMEM, "no memory for an architecture");
  json_decref(root);
  if (s)
    clf_arch_free(a);
  else
    *arch = a;
  return s;
}
