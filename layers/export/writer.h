/* SPDX-License-Identifier: MIT */
/* writer.h: writing C text, shared by the files of this folder.  Private. */
#ifndef CLF_WRITER_H
#define CLF_WRITER_H
#include "arch_private.h"
#include "recorder.h"

typedef struct clf__table { /* of constants; equal ones are written once */
  int ints;
  int64_t n;
  double *at;
} clf__table;

typedef struct clf__writer {
  int single; /* 1: float */
  clf__recorded *trace;
  clf__out body;      /* of the function that is being written */
  clf__out constants; /* tables and structs of splines */
  clf__table *table;
  int tables, table_room;
  clf__out structs; /* one per line, so that equal ones are found */
  int struct_count;
  int64_t room; /* elements of scratch memory: the maximum of all calls */
  clf_status status;
} clf__writer;

/* tables.c.  A number as decimal digits that C and C++ read as the same number. */
void clf__write_number(const clf__writer *w, clf__out *to, double v);
/* The index of a table of n constants, which is written unless an equal one exists. */
clf_status clf__write_table(clf__writer *w, const double *v, int64_t n, int ints, int *index);
/* The index of a constant struct of a type, with that text between its braces. */
clf_status clf__write_struct(clf__writer *w, const char *type, const char *text, int *index);
void clf__writer_free(clf__writer *w);

/* call.c: the call of a step.  ENOTSUP names an operation that has no C text. */
clf_status clf__write_step(clf__writer *w, const clf__step *s);
/* 1 if calls.def has a row for the operation; 2 if the row says that no flow of rows runs it. */
int clf__export_knows(clf_op op);

/* call_special.c: writes the text for a word in capitals. */
clf_status clf__write_special(clf__writer *w, const clf__step *s, const char *word,
                              const char *argument);
/* Elements of scratch memory that a call needs. */
int64_t clf__room_of(const clf__step *s);

/* Members of a call by their names: the index of a tensor, or -1; a parameter. */
int clf__tensor_named(const clf__step *s, const char *name, size_t n);
int clf__param_named(const clf__step *s, const char *name, size_t n, double *v, int *is_int);
double clf__param_of(const clf__step *s, const char *name);
/* A pointer to the numbers of an operand. */
clf_status clf__write_pointer(clf__writer *w, const clf__operand *o);

/* c_texts.c: adds the functions and types that `code` uses, each after those that it uses itself.
 */
clf_status clf__write_used(clf__out *to, const char *code);

/* Appends formatted text of at most 511 bytes. */
__attribute__((format(printf, 2, 3))) void clf__out_format(clf__out *to, const char *fmt, ...);

#endif
