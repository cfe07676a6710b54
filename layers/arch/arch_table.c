/* SPDX-License-Identifier: MIT */
/* arch_table.c: arch.def as tables, and lookups by name. */
#include <string.h>
#include "arch_private.h"
#include "status.h"

#ifdef CLF_SMALL /* no program prints it */
#define HELP(text) ""
#else
#define HELP(text) text
#endif

/* ---- Words ----------------------------------------------------------------------------------- */

#define CLF_WORDSET(SET) static const clf__word words_##SET[] = {
#define CLF_WORD(SET, ID, text, help) {text, HELP(help)},
#define CLF_WORDSET_END(SET)                                                                       \
  { NULL, NULL }                                                                                   \
  }                                                                                                \
  ;
#include "clflow/arch.def"

/* ---- Members --------------------------------------------------------------------------------- */

#define REQUIRED NULL
#define BARE CLF__BARE
#define SIZE CLF__SIZE
#define DASHED CLF__DASHED
#define OF_INT(word) .zero = word
#define OF_REAL(of) .zero = NULL
#define OF_FLAG OF_REAL
#define OF_INTS OF_REAL
#define OF_REALS OF_REAL
#define OF_RANGES OF_REAL
#define OF_TAILS OF_REAL
#define OF_CHOICE(SET) .words = words_##SET
#define OF_NODE(GROUP) .group = CLF__GROUP_##GROUP
#define OF_LIST OF_NODE
#define OF_PARTS OF_NODE

/* Ends with a row of zeros: C has no empty arrays. */
#define CLF_NODE(GROUP, id, ...) static const clf__member members_##id[] = {
#define CLF_MEMBER(id, TYPE, member, of, default, min, max, bits, text)                            \
  {.name = #member,                                                                                \
   .type = CLF__TYPE_##TYPE,                                                                       \
   .offset = offsetof(clf__arch_##id, member),                                                     \
   OF_##TYPE(of),                                                                                  \
   .value = default,                                                                               \
   .low = min,                                                                                     \
   .high = max,                                                                                    \
   .flags = bits,                                                                                  \
   .help = HELP(text)},
#define CLF_NODE_END(id)                                                                           \
  { .name = NULL }                                                                                 \
  }                                                                                                \
  ;
#include "clflow/arch.def"

const clf__node_type clf__node_types[CLF__NODE_TYPES] = {
#define CLF_NODE(GROUP, ID, text, sentence)                                                        \
  {.id = CLF__ARCH_##ID,                                                                           \
   .group = CLF__GROUP_##GROUP,                                                                    \
   .name = text,                                                                                   \
   .help = HELP(sentence),                                                                         \
   .size = sizeof(clf__arch_##ID),                                                                 \
   .members = members_##ID,                                                                        \
   .count = sizeof members_##ID / sizeof *members_##ID - 1},
#include "clflow/arch.def"
};

#define CLF_NODE(GROUP, id, ...)                                                                   \
  _Static_assert(sizeof members_##id / sizeof *members_##id - 1 <= CLF_ARCH_MEMBERS_MAX,           \
                 #id " has too many members");
#include "clflow/arch.def"

static const char masked[CLF__NODE_TYPES] = {
#define CLF_MASKED(id) [CLF__ARCH_##id] = 1,
#include "clflow/arch.def"
};
int clf__net_is_masked(const clf__node *net) { return masked[net->type->id]; }

const clf__macro clf__macros[] = {
#define CLF_MACRO(GROUP, name, parameters, text, help)                                             \
  {CLF__GROUP_##GROUP, name, parameters, text, HELP(help)},
#include "clflow/arch.def"
};
const int clf__macro_count = sizeof clf__macros / sizeof *clf__macros;

/* ---- Names ----------------------------------------------------------------------------------- */

const char *clf__group_name(clf__node_group group) {
  static const char *const names[CLF__GROUPS] = {[CLF__GROUP_LAYER] = "layer",
                                                 [CLF__GROUP_MAP] = "map",
                                                 [CLF__GROUP_NET] = "net",
                                                 [CLF__GROUP_BASE] = "base",
                                                 [CLF__GROUP_CONTEXT] = "item of the context",
                                                 [CLF__GROUP_FLOW] = "flow"};
  return names[group];
}

clf_status clf__node_misplaced(const clf__node *node) {
  return clf__fail(CLF_EINVAL, "%s cannot stand here", node->type->name);
}

static int same(const char *known, const char *name, size_t n) {
  return strncmp(known, name, n) == 0 && known[n] == '\0';
}

const clf__node_type *clf__node_type_find(clf__node_group group, const char *name, size_t n) {
  for (int i = 0; i < CLF__NODE_TYPES; i++)
    if (clf__node_types[i].group == group && same(clf__node_types[i].name, name, n))
      return &clf__node_types[i];
  return NULL;
}

const clf__macro *clf__macro_find(clf__node_group group, const char *name, size_t n) {
  for (int i = 0; i < clf__macro_count; i++)
    if (clf__macros[i].group == group && same(clf__macros[i].name, name, n)) return &clf__macros[i];
  return NULL;
}

int clf__member_find(const clf__node_type *type, const char *name, size_t n) {
  for (int i = 0; i < type->count; i++)
    if (same(type->members[i].name, name, n)) return i;
  return -1;
}

int clf__word_find(const clf__word *words, const char *name, size_t n) {
  for (int i = 0; words[i].text; i++)
    if (same(words[i].text, name, n)) return i;
  return -1;
}
