/* SPDX-License-Identifier: MIT */
/* table.h: the kinds of source that clf_table_read() tells apart.  Private. */
#ifndef CLF_DATA_TABLE_H
#define CLF_DATA_TABLE_H
#include "clflow/data.h"

/* Text and arrays whose bytes are in memory; those of text are followed by a NUL, and are
 * changed. */
clf_status clf__csv_read(const char *path, char *bytes, size_t size, const clf_table_options *o,
                         clf_table *t);
clf_status clf__csv_write(const char *path, const clf_table *t);

clf_status clf__npy_read(const char *path, const char *bytes, size_t size,
                         const clf_table_options *o, clf_table *t);
clf_status clf__npy_write(const char *path, const clf_table *t);

/* Of a table that was an array: leaves out rows with NaN or counts them, and describes the columns,
 * as the options say.  Errors: EFORMAT, ENOMEM; the table is to be freed then. */
clf_status clf__array_describe(const char *path, const clf_table_options *o, clf_table *t);

/* Adds a line to the table's notes.  Errors: ENOMEM. */
clf_status clf__table_note(clf_table *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Keeps columns from[0], from[1], ... of the table, in this order and no others.
 * Errors: ENOMEM; the table is then as it was. */
clf_status clf__table_pick(clf_table *t, const int32_t *from, int32_t count);

/* Whether the name before the ':' of `source` is that of a synthetic set. */
int clf__is_synthetic(const char *source);
/* Draws the set that `source` describes.  Errors: EINVAL, ENOMEM. */
clf_status clf__synthetic_read(const char *source, clf_table *t);

#endif
