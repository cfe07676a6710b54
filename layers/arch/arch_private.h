/* SPDX-License-Identifier: MIT */
/* arch_private.h: the tree of an architecture.  Private.
 *
 * Every node of arch.def is a struct clf__arch_<id>, whose first member is the clf__node.  A caller
 * that knows a node's type casts:
 *
 *   if (node->type->id == CLF__ARCH_coupling) {
 *     const clf__arch_coupling *c = (const clf__arch_coupling *)node;
 *
 * Nodes belong to their architecture and do not change after it is created.  Those of a
 * clf__arch_list have no variables and belong to the list. */
#ifndef CLF_ARCH_PRIVATE_H
#define CLF_ARCH_PRIVATE_H
#include <stdatomic.h>
#include <stddef.h>
#include "clflow/arch.h"

enum {
  CLF_ARCH_DEPTH = 32,       /* of nested parentheses or JSON objects */
  CLF_ARCH_LAYERS = 65536,   /* of a flow, with repetitions */
  CLF_ARCH_TEXT = 1 << 20,   /* bytes of text or JSON */
  CLF_ARCH_DIM = 1 << 20,    /* of the data, and of the context */
  CLF_ARCH_MEMBERS_MAX = 16, /* of a node */
  CLF_ARCH_LABEL = 32,       /* bytes of a layer's label, including the zero */
  CLF_ARCH_JSON_VERSION = 1
};

#define CLF_PI 3.14159265358979323846

typedef enum clf__node_group {
  CLF__GROUP_LAYER,
  CLF__GROUP_MAP,
  CLF__GROUP_NET,
  CLF__GROUP_BASE,
  CLF__GROUP_CONTEXT,
  CLF__GROUP_FLOW,
  CLF__GROUPS
} clf__node_group;

/* The words of each choice: CLF__ACT_RELU. */
#define CLF_WORDSET(SET) enum {
#define CLF_WORD(SET, ID, ...) CLF__##SET##_##ID,
#define CLF_WORDSET_END(SET)                                                                       \
  CLF__##SET##_COUNT                                                                               \
  }                                                                                                \
  ;
#include "clflow/arch.def"

/* The types of nodes: CLF__ARCH_coupling. */
typedef enum clf__node_id {
#define CLF_NODE(GROUP, id, ...) CLF__ARCH_##id,
#include "clflow/arch.def"
  CLF__NODE_TYPES
} clf__node_id;

struct clf__node_type;
struct clf__member;

/* A variable, in place of a number until the list is expanded. */
typedef enum clf__variable {
  CLF__VARIABLE_NONE,
  CLF__VARIABLE_I,  /* $i: index of the repetition, from 0 */
  CLF__VARIABLE_ALT /* $alt: alternates between 0 and 1 */
} clf__variable;

typedef struct clf__node {
  const struct clf__node_type *type;
  char label[CLF_ARCH_LABEL];                   /* "" if there is none; only layers have labels */
  int inverted;                                 /* 1: the layer's inverse */
  unsigned char variable[CLF_ARCH_MEMBERS_MAX]; /* clf__variable of each member */
} clf__node;

/* Values of members. */
typedef struct clf__ints {
  int32_t *at;
  int32_t n;
} clf__ints;
typedef struct clf__reals {
  double *at;
  int32_t n;
} clf__reals;
typedef struct clf__range {
  int32_t first, last; /* inclusive; last -1: to the end */
} clf__range;
typedef struct clf__ranges {
  clf__range *at;
  int32_t n;
} clf__ranges;
typedef enum clf__tail_kind { CLF__TAIL_LINEAR, CLF__TAIL_NONE, CLF__TAIL_CIRCULAR } clf__tail_kind;
typedef struct clf__tail {
  clf__tail_kind kind;
  double bound; /* for linear tails */
} clf__tail;
typedef struct clf__tails {
  clf__tail *at;
  int32_t n;
} clf__tails;
typedef struct clf__nodes {
  clf__node **at;
  int32_t n;
} clf__nodes;
typedef struct clf__piece {
  clf__ranges columns;
  double weight; /* for flows */
  clf__node *node;
} clf__piece;
typedef struct clf__pieces {
  clf__piece *at;
  int32_t n;
} clf__pieces;

/* One struct for each type of node: clf__arch_coupling. */
#define CLF__FIELD_INT int32_t
#define CLF__FIELD_REAL double
#define CLF__FIELD_FLAG int
#define CLF__FIELD_CHOICE int
#define CLF__FIELD_INTS clf__ints
#define CLF__FIELD_REALS clf__reals
#define CLF__FIELD_RANGES clf__ranges
#define CLF__FIELD_TAILS clf__tails
#define CLF__FIELD_NODE clf__node *
#define CLF__FIELD_LIST clf__nodes
#define CLF__FIELD_PARTS clf__pieces
#define CLF_NODE(GROUP, id, ...)                                                                   \
  typedef struct clf__arch_##id {                                                                  \
    clf__node node;
#define CLF_MEMBER(id, TYPE, name, ...) CLF__FIELD_##TYPE name;
#define CLF_NODE_END(id)                                                                           \
  }                                                                                                \
  clf__arch_##id;
#include "clflow/arch.def"

struct clf_arch {
  struct clf__arch_block *blocks; /* memory of everything below */
  int32_t dim;                    /* D */
  int32_t image[3];               /* height, width, channels; all 0: not images */
  int32_t context;                /* C; 0: none */
  clf__arch_flow *flow;
  clf__nodes items; /* of the context, group CONTEXT */
  int32_t layers;   /* expanded */
  char *text, *json;
  atomic_int more_owners; /* in addition to the first one */
};
/* Another owner of an architecture, which does not change once it is finished; each frees it. */
clf_arch *clf__arch_reference(const clf_arch *arch);

/* ---- The expanded list of layers ------------------------------------------------------------- */

/* A layer of the expanded flow. */
typedef struct clf__arch_layer {
  const clf__node *node; /* without variables; never a `repeat` */
  int32_t index;         /* index in the expanded list */
  int32_t i;             /* index of the innermost repetition, from 0 */
  int32_t place; /* index among the layers of the same type, from 0; couplings alternate by it */
} clf__arch_layer;

typedef struct clf__arch_list {
  clf__arch_layer *at;
  int32_t n;
  struct clf__arch_block *blocks;
} clf__arch_list;

/* The layers of a flow (arch->flow, or one of a blend) in density direction, with repetitions
 * expanded.  `even` of a coupling is its index among couplings unless the architecture sets it.
 * Errors: ENOMEM. */
clf_status clf__arch_expand(const clf__arch_flow *flow, clf__arch_list *list);
void clf__arch_list_free(clf__arch_list *list);

/* ---- The table ------------------------------------------------------------------------------- */

typedef enum clf__member_type {
  CLF__TYPE_INT,
  CLF__TYPE_REAL,
  CLF__TYPE_FLAG,
  CLF__TYPE_CHOICE,
  CLF__TYPE_INTS,
  CLF__TYPE_REALS,
  CLF__TYPE_RANGES,
  CLF__TYPE_TAILS,
  CLF__TYPE_NODE,
  CLF__TYPE_LIST,
  CLF__TYPE_PARTS
} clf__member_type;

enum { CLF__BARE = 1, CLF__SIZE = 2, CLF__DASHED = 4 };

typedef struct clf__word {
  const char *text, *help;
} clf__word;

typedef struct clf__member { /* without gaps: a small library has 15 KB of them */
  const char *name;
  const clf__word *words; /* for a choice; ends with a NULL */
  const char *zero;       /* for an int: the word for low - 1, or NULL */
  const char *value;      /* the default as text; NULL: required */
  const char *help;
  double low, high; /* of each number */
  clf__member_type type;
  clf__node_group group; /* for nodes, lists and parts */
  uint32_t offset;       /* in the struct of the node */
  int flags;
} clf__member;

typedef struct clf__node_type {
  clf__node_id id;
  clf__node_group group;
  const char *name, *help;
  size_t size; /* of the struct */
  const clf__member *members;
  int count;
} clf__node_type;

typedef struct clf__macro {
  clf__node_group group;
  const char *name, *parameters, *text, *help;
} clf__macro;

extern const clf__node_type clf__node_types[CLF__NODE_TYPES];
extern const clf__macro clf__macros[];
extern const int clf__macro_count;

/* Whether the net is one of autoregressive layers. */
int clf__net_is_masked(const clf__node *net);
/* Fails: EINVAL, the node is of another group, or the build does not have it. */
clf_status clf__node_misplaced(const clf__node *node);
/* "layer", "map", ... */
const char *clf__group_name(clf__node_group group);
/* Finds a type by group and name; NULL: there is none. */
const clf__node_type *clf__node_type_find(clf__node_group group, const char *name, size_t n);
const clf__macro *clf__macro_find(clf__node_group group, const char *name, size_t n);
/* The index of a member, or -1. */
int clf__member_find(const clf__node_type *type, const char *name, size_t n);
/* The index of a word, or -1. */
int clf__word_find(const clf__word *words, const char *name, size_t n);

static inline void *clf__member_of(const clf__node *node, const clf__member *m) {
  return (char *)(uintptr_t)node + m->offset;
}

/* ---- Memory ---------------------------------------------------------------------------------- */

/* `size` zero bytes, freed together with the blocks.  NULL if memory runs out, with a message. */
void *clf__arch_alloc(struct clf__arch_block **blocks, size_t size);
void clf__arch_free_blocks(struct clf__arch_block *blocks);

/* ---- Creating and checking (arch_tree.c) ----------------------------------------------------- */

/* Creates a node whose members have their defaults. */
clf_status clf__node_new(clf_arch *arch, const clf__node_type *type, clf__node **node);
/* Checks that involve several members, such as list= without mask=list; messages begin with the
 * name of the node. */
clf_status clf__node_check(const clf__node *node);
/* The last step of both readers: checks the whole tree, counts layers, writes text and JSON. */
clf_status clf__arch_finish(clf_arch *arch);

/* ---- Reading and writing values (arch_parse.c, arch_text.c) ---------------------------------- */

/* Length of a name at p: letters, digits, '_', and '-' before a letter: "shift-scale". */
size_t clf__name_length(const char *p);

/* A growing text. */
typedef struct clf__out {
  char *s;
  size_t n, room;
  int failed; /* memory ran out */
} clf__out;
void clf__out_text(clf__out *o, const char *text);
void clf__out_bytes(clf__out *o, const char *text, size_t n);
void clf__out_int(clf__out *o, int64_t v);
/* The shortest decimal that reads as v, "pi" for pi; independent of the locale. */
void clf__out_real(clf__out *o, double v);
/* A member's value as text, without its name. */
void clf__out_member(clf__out *o, const clf__node *node, int member);
void clf__out_node(clf__out *o, const clf__node *node);
void clf__out_ranges(clf__out *o, clf__ranges r);
void clf__out_arch(clf__out *o, const clf_arch *arch);
void clf__out_json(clf__out *o, const clf_arch *arch);
/* A node as an object of jansson; NULL: memory ran out. */
struct json_t;
struct json_t *clf__node_json(const clf__node *node);

/* Names with values, as "bins=8, tail=3", which replace $bins or ${bins} in another text. */
typedef struct clf__parameter {
  const char *name, *value; /* point into the caller's text */
  size_t name_n, value_n;
  int given;
} clf__parameter;
/* Length of a value: up to a comma or parenthesis that is not nested in it. */
size_t clf__argument_length(const char *p);
/* Reads at most `room` of them; returns their number, or -1 if the text is not such a list. */
int clf__parameters_read(const char *text, clf__parameter *to, int room);
clf__parameter *clf__parameters_find(clf__parameter *all, int n, const char *name, size_t length);
void clf__parameters_fill(clf__out *o, const char *text, clf__parameter *all, int n);

/* Reads a member's value; the text contains nothing else. */
clf_status clf__member_read(clf_arch *arch, clf__node *node, int member, const char *text);
clf_status clf__ranges_read(clf_arch *arch, const char *text, clf__ranges *ranges);
/* Whether text is a valid label. */
int clf__is_label(const char *text);
/* EINVAL unless v is in the member's range. */
clf_status clf__member_in_range(const clf__node_type *type, const clf__member *m, double v);

#endif
