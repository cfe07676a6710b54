/* SPDX-License-Identifier: MIT */
/* columns.h: which columns of a file a caller wants.  Private. */
#ifndef CLF_DATA_COLUMNS_H
#define CLF_DATA_COLUMNS_H
#include "table.h"

/* The columns that o->columns or o->drop leave, or all: from[0], from[1], ... of the file, in the
 * order of the table; to be freed.  Names without which a file comes are NULL.
 * Errors: EINVAL names the option and the word; ENOMEM. */
clf_status clf__columns_choose(const char *path, const clf_table_options *o, char *const *names,
                               int32_t cols, int32_t **from, int32_t *count);

/* The column of a name, or where none has it of a number from 1.  Errors: EINVAL names the option.
 */
clf_status clf__columns_find(const char *path, const char *option, const char *word,
                             char *const *names, int32_t cols, int32_t *column);

/* Whether the options are possible, and whether they hold for a source that is no text.
 * Errors: EINVAL. */
clf_status clf__options_check(const char *path, const clf_table_options *o);
clf_status clf__options_check_no_text(const char *path, const clf_table_options *o,
                                      const char *what);

/* Refuses the name of a column that a list of names lacks, with the nearest ones; `path` may be
 * NULL.  Returns EINVAL. */
clf_status clf__column_missing(const char *path, const char *name, char *const *names, int32_t n);

#endif
