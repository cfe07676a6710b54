/* SPDX-License-Identifier: MIT */
/* names.h: text from outside: whether it is UTF-8, excerpts for messages, names of columns.
 * Private. */
#ifndef CLF_NAMES_H
#define CLF_NAMES_H
#include <stddef.h>
#include "status.h"

enum { CLF_NAME_LONGEST = 1024 /* bytes of a column's name */ };

/* What keeps n bytes from being one line of printable UTF-8 text ("a control character"), or
 * NULL.  Tabs are allowed if `tabs` is not 0. */
const char *clf__not_text(const char *s, size_t n, int tabs);

/* The first 40 bytes of a text, cut between characters; what is not printable UTF-8 becomes '?',
 * so that it may stand in a message. */
typedef struct clf__excerpt {
  char s[48];
} clf__excerpt;
clf__excerpt clf__excerpt_of(const char *s, size_t n);

/* Names for a message: "a, b, c and 4 more"; all zero: none yet. */
typedef struct clf__name_list {
  char text[256];
  size_t used;
  int64_t more; /* that there was no room for */
} clf__name_list;
void clf__name_list_add(clf__name_list *l, const char *name, size_t n);
const char *clf__name_list_text(clf__name_list *l);

/* What messages call column d, from 0: "column 3", or with names "column 3 (\"age\")". */
typedef struct clf__label {
  char s[80];
} clf__label;
clf__label clf__column_label(char *const *names, int32_t d);

/* Whether n names can tell columns apart: none of them NULL, empty, too long, not text or given
 * twice.  Errors: EINVAL, with a sentence that names the columns, counted from 1; ENOMEM. */
clf_status clf__names_check(char *const *names, int32_t n);

/* Names in order, to find one among many.  `at` is freed by the caller. */
typedef struct clf__name_index {
  char *const *names;
  int32_t *at, n; /* places of the n names, sorted by name */
} clf__name_index;
/* Errors: EINVAL if a name occurs twice, ENOMEM. */
clf_status clf__names_index(char *const *names, int32_t n, clf__name_index *index);
/* Where `name` is, or -1. */
int32_t clf__names_find(const clf__name_index *index, const char *name);

/* Letters to insert, delete or replace to make one of the other; their first 63 bytes count. */
int clf__name_distance(const char *a, const char *b);

/* A copy of n names, or NULL without memory; freed by clf__names_free(), which takes NULL. */
char **clf__names_copy(char *const *names, int32_t n);
void clf__names_free(char **names, int32_t n);

#endif
