/* SPDX-License-Identifier: MIT */
/* names.h: text from outside: UTF-8 validation, excerpts for messages, names of columns.
 * Private. */
#ifndef CLF_NAMES_H
#define CLF_NAMES_H
#include <stddef.h>
#include "status.h"

enum { CLF_NAME_LONGEST = 1024 /* maximum bytes of a column name */ };

/* Why n bytes are not one line of printable UTF-8 text ("a control character"), or NULL if they
 * are.  Tabs are allowed if `tabs` is not 0. */
const char *clf__not_text(const char *s, size_t n, int tabs);

/* The first 40 bytes of a text for messages, cut between characters, with '?' for anything that
 * is not printable UTF-8. */
typedef struct clf__excerpt {
  char s[48];
} clf__excerpt;
clf__excerpt clf__excerpt_of(const char *s, size_t n);

/* A list of names in a message: "a, b, c and 4 more"; all zero: empty. */
typedef struct clf__name_list {
  char text[256];
  size_t used;
  int64_t more; /* names that did not fit */
} clf__name_list;
void clf__name_list_add(clf__name_list *l, const char *name, size_t n);
/* Adds the name of column d, or "column N" where columns have no names. */
void clf__name_list_add_column(clf__name_list *l, char *const *names, int32_t d);
const char *clf__name_list_text(clf__name_list *l);

/* The name of column d (from 0) in messages: "column 3", or with names "column 3 (\"age\")". */
typedef struct clf__label {
  char s[80];
} clf__label;
clf__label clf__column_label(char *const *names, int32_t d);

/* Checks that n names identify columns: none is NULL, empty, too long, not text, or a duplicate.
 * Errors: EINVAL names the columns, counted from 1; ENOMEM. */
clf_status clf__names_check(char *const *names, int32_t n);

/* A sorted index of names, for searching.  The caller frees `at`. */
typedef struct clf__name_index {
  char *const *names;
  int32_t *at, n; /* indices of the n names, sorted by name */
} clf__name_index;
/* Errors: EINVAL (duplicate name), ENOMEM. */
clf_status clf__names_index(char *const *names, int32_t n, clf__name_index *index);
/* The index of `name`, or -1. */
int32_t clf__names_find(const clf__name_index *index, const char *name);

/* Levenshtein's distance of two names, by their first 63 bytes. */
int clf__name_distance(const char *a, const char *b);

/* A copy of n names, or NULL if memory runs out; free it with clf__names_free(), which accepts
 * NULL. */
char **clf__names_copy(char *const *names, int32_t n);
void clf__names_free(char **names, int32_t n);

#endif
