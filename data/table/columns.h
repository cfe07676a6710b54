/* SPDX-License-Identifier: MIT */
/* columns.h: selects columns of a file.  Private. */
#ifndef CLF_DATA_COLUMNS_H
#define CLF_DATA_COLUMNS_H
#include "table.h"

/* The columns selected by o->columns or o->drop, or all: columns from[0], from[1], ... of the
 * file, in the order of the table; the caller frees it.  A file without names has NULL names.
 * Errors: EINVAL names the option and the word; ENOMEM. */
clf_status clf__columns_choose(const char *path, const clf_table_options *o, char *const *names,
                               int32_t cols, int32_t **from, int32_t *count);

/* The index of a name or, if no column has it, of a number from 1.  EINVAL names the option. */
clf_status clf__columns_find(const char *path, const char *option, const char *word,
                             char *const *names, int32_t cols, int32_t *column);

/* Option "log_densities", 1: -inf is a number too, the logarithm of 0. */
static inline int clf__takes_log_of_0(const clf_table_options *o) { return o->more[0].whole != 0; }

/* Checks the options; some are invalid for sources that are not text.  Errors: EINVAL. */
clf_status clf__options_check(const char *path, const clf_table_options *o);
clf_status clf__options_check_no_text(const char *path, const clf_table_options *o,
                                      const char *what);

/* EINVAL for a column name that is not in a list of names, with the nearest ones; `path` may be
 * NULL. */
clf_status clf__column_missing(const char *path, const char *name, char *const *names, int32_t n);

#endif
