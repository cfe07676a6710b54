/* SPDX-License-Identifier: MIT */
/* pickle.h: reads a Python pickle as a tree of values.  Private.
 *
 * The unpickler is inert: a stack machine that builds values and never imports or calls anything.
 * A class or function is represented by its name, an object by its class with the arguments and the
 * state that Python would have passed.  Memory is at most a constant times the bytes read.  Values
 * can be shared, and through BUILD and SETITEMS even contain themselves: code that walks the tree
 * must limit its depth. */
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
  CLF_PK_PERSISTENT /* at[0]: an id, such as that of a storage in the file */
} clf__pk_kind;

typedef struct clf__pk clf__pk;
struct clf__pk {
  clf__pk_kind kind;
  int64_t number; /* of BOOL and INT */
  double real;
  const char *text; /* of TEXT, BYTES and GLOBAL; a NUL follows */
  size_t length;    /* bytes of text */
  clf__pk **at;     /* of TUPLE, LIST and PERSISTENT; keys and values of DICT alternate */
  int64_t count, room;
  clf__pk *cls, *args, *state; /* of OBJECT; state NULL: none */
  clf__pk *items;              /* of OBJECT: its items as a DICT or LIST; NULL: none */
};

typedef struct clf__pickle clf__pickle;

/* Reads one pickle; *end, unless NULL, becomes the position after it.  A value takes up to 112
 * bytes for an opcode of one byte, so all values together are limited by `file`, the size of the
 * file: the pickle may have been compressed.  Errors: EFORMAT names the byte and what is wrong;
 * ENOMEM. */
clf_status clf__unpickle(const char *bytes, size_t size, size_t file, clf__pickle **out,
                         clf__pk **root, size_t *end);
void clf__pickle_free(clf__pickle *p); /* NULL is a no-op */

/* ---- Looking into the tree (pickle_tree.c) --------------------------------------------------- */

/* The value of a key in a dictionary, in the items of an object, or in its state; NULL: none. `v`
 * may be NULL. */
clf__pk *clf__pk_get(const clf__pk *v, const char *key);
/* The attributes of an object as a dictionary; NULL: none. */
const clf__pk *clf__pk_attributes(const clf__pk *v);
/* "module.Class" of an object, the name of a global, otherwise "". */
const char *clf__pk_class(const clf__pk *v);
/* Whether the value is an object of this class or the result of this function. */
int clf__pk_is(const clf__pk *v, const char *name);
/* Reads a whole number, or a real one (also from an INT or BOOL); 0: the value is another kind. */
int clf__pk_int(const clf__pk *v, int64_t *out);
int clf__pk_real(const clf__pk *v, double *out);
/* The text of a TEXT, otherwise NULL. */
const char *clf__pk_text(const clf__pk *v);
/* The number of entries of a LIST, TUPLE or torch.Size; -1: neither. */
int64_t clf__pk_length(const clf__pk *v, clf__pk *const **at);

#endif
