/* SPDX-License-Identifier: MIT */
/* kinds.h: shared by the tests of kinds of columns: tables that are read from a text. */
#ifndef CLF_DATA_KINDS_H
#define CLF_DATA_KINDS_H
#include "data/tables.h"

/* Kinds are detected; with drop and keep, rows with missing values are left out or kept. */
extern const clf_table_options judge, drop, keep;

void succeeds(clf_status s);
/* Reads a CSV file of this text. */
clf_table read_as(const char *text, const clf_table_options *o);
/* Reading it fails. */
void fails(const char *text, const clf_table_options *o, clf_status want, const char *message);
void lines_are(const clf_table *t, const char *want);
/* The kind of a column, and its labels separated by commas. */
void is_column(const clf_table *t, int32_t c, clf_column_kind kind, const char *labels);

#endif
