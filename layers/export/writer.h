/* SPDX-License-Identifier: MIT */
/* writer.h: C text of recorded programs, as the files of this folder share it.  Private. */
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
  clf__out constants; /* tables, and structs of splines */
  clf__table *table;
  int tables, table_room;
  clf__out structs; /* each on a line, by which equal ones are found */
  int struct_count;
  int64_t room; /* numbers of memory that calls want, the most of all */
  clf_status status;
} clf__writer;

/* tables.c.  A number as decimal digits that C and C++ read as the same number. */
void clf__write_number(const clf__writer *w, clf__out *to, double v);
/* The number of a table of n constants, which is written unless there is an equal one. */
clf_status clf__write_table(clf__writer *w, const double *v, int64_t n, int ints, int *index);
/* The number of a constant struct of a type, with that text between its braces. */
clf_status clf__write_struct(clf__writer *w, const char *type, const char *text, int *index);
void clf__writer_free(clf__writer *w);

/* call.c: the call of a step.  ENOTSUP names an operation that has no C text. */
clf_status clf__write_step(clf__writer *w, const clf__step *s);
/* 1 if calls.def has a row for the operation; 2 if that says that no flow of vectors runs it. */
int clf__export_knows(clf_op op);

/* call_special.c: what a word in capitals stands for. */
clf_status clf__write_special(clf__writer *w, const clf__step *s, const char *word,
                              const char *argument);
/* Numbers of memory that a call wants. */
int64_t clf__room_of(const clf__step *s);

/* Members of a call by their names: the index of a tensor, or -1; a parameter. */
int clf__tensor_named(const clf__step *s, const char *name, size_t n);
int clf__param_named(const clf__step *s, const char *name, size_t n, double *v, int *is_int);
double clf__param_of(const clf__step *s, const char *name);
/* A pointer to the numbers of an operand. */
clf_status clf__write_pointer(clf__writer *w, const clf__operand *o);

/* c_texts.c: adds the functions and types that `code` uses, each behind what it uses itself. */
clf_status clf__write_used(clf__out *to, const char *code);

/* Appends formatted text of at most 511 bytes. */
__attribute__((format(printf, 2, 3))) void clf__out_format(clf__out *to, const char *fmt, ...);

#endif
