/* SPDX-License-Identifier: MIT */
/* pickle.h: what a Python pickle describes, as a tree.  Private.
 *
 * The unpickler is inert: a stack machine that builds values and never looks anything up or calls
 * anything.  A class or function stays its name, an object its class with the arguments and the
 * state that Python would have given it.  Memory is at most a constant times the bytes read.
 * Values can be shared, and through BUILD and SETITEMS even contain themselves: whatever walks the
 * tree must limit its depth. */
#ifndef CLF_PICKLE_H
#define CLF_PICKLE_H
#include "clflow/core.h"

typedef enum clf__pk_kind {
  CLF_PK_NONE,
  CLF_PK_BOOL,
  CLF_PK_INT,
  CLF_PK_REAL,
  CLF_PK_TEXT,
  CLF_PK_BYTES,
  CLF_PK_TUPLE,
  CLF_PK_LIST, /* also sets */
  CLF_PK_DICT,
  CLF_PK_GLOBAL,    /* text: "torch._utils._rebuild_tensor_v2" */
  CLF_PK_OBJECT,    /* of a class or the result of a function, which was not called */
  CLF_PK_PERSISTENT /* at[0]: an id that the file's own storage gives a meaning */
} clf__pk_kind;

typedef struct clf__pk clf__pk;
struct clf__pk {
  clf__pk_kind kind;
  int64_t number; /* of BOOL and INT */
  double real;
  const char *text; /* of TEXT, BYTES and GLOBAL; a NUL follows */
  size_t length;    /* of it */
  clf__pk **at;     /* of TUPLE, LIST and PERSISTENT; of DICT keys and values in turn */
  int64_t count, room;
  clf__pk *cls, *args, *state; /* of OBJECT; state NULL: none */
  clf__pk *items;              /* of OBJECT: a DICT or LIST that was filled later; NULL: none */
};

typedef struct clf__pickle clf__pickle;

/* Reads one pickle, which ends before `size`: *end, unless NULL, becomes where.
 * A value takes up to 112 bytes for an opcode of one, so all together may take only what a file of
 * `file` bytes may cost: the pickle may have been compressed.
 * Errors: EFORMAT says at which byte and what; ENOMEM. */
clf_status clf__unpickle(const char *bytes, size_t size, size_t file, clf__pickle **out,
                         clf__pk **root, size_t *end);
void clf__pickle_free(clf__pickle *p); /* NULL is a no-op */

/* ---- Looking into the tree (pickle_tree.c) --------------------------------------------------- */

/* What is under a key in a dictionary, in the items of an object made of one, or in the state of an
 * object; NULL: nothing.  `v` may be NULL. */
clf__pk *clf__pk_get(const clf__pk *v, const char *key);
/* The attributes of an object as a dictionary; NULL: none. */
const clf__pk *clf__pk_attributes(const clf__pk *v);
/* "module.Class" of an object, the name of a global, otherwise "". */
const char *clf__pk_class(const clf__pk *v);
/* Whether the value is an object of this class or the result of this function. */
int clf__pk_is(const clf__pk *v, const char *name);
/* A whole number, a real one (also an INT or BOOL), and whether the value is one. */
int clf__pk_int(const clf__pk *v, int64_t *out);
int clf__pk_real(const clf__pk *v, double *out);
/* TEXT, otherwise NULL. */
const char *clf__pk_text(const clf__pk *v);
/* Entries of a LIST or TUPLE, also of torch.Size; -1: neither. */
int64_t clf__pk_length(const clf__pk *v, clf__pk *const **at);

#endif
