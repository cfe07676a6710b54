/* SPDX-License-Identifier: MIT */
/* table.h: the types of sources of clf_table_read().  Private. */
#ifndef CLF_DATA_TABLE_H
#define CLF_DATA_TABLE_H
#include "clflow/data.h"

/* Text and arrays in memory; text is followed by a NUL, and is modified. */
clf_status clf__csv_read(const char *path, char *bytes, size_t size, const clf_table_options *o,
                         clf_table *t);
clf_status clf__csv_write(const char *path, const clf_table *t);

clf_status clf__npy_read(const char *path, const char *bytes, size_t size,
                         const clf_table_options *o, clf_table *t);
clf_status clf__npy_write(const char *path, const clf_table *t);

/* For a table from an array: leaves out or counts rows with NaN, and describes the columns,
 * according to the options.  Errors: EFORMAT, ENOMEM; the table must then be freed. */
clf_status clf__array_describe(const char *path, const clf_table_options *o, clf_table *t);

/* Adds a line to the table's notes.  Errors: ENOMEM. */
clf_status clf__table_note(clf_table *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Refuses a table of a caller that has no numbers, or more than memory can hold. */
clf_status clf__table_has_rows(const clf_table *t);

/* Whether a column has the same value in every row. */
int clf__table_is_constant(const clf_table *t, int32_t c);

/* Keeps only columns from[0], from[1], ... of the table, in this order.  Errors: ENOMEM; the
 * table is then unchanged. */
clf_status clf__table_pick(clf_table *t, const int32_t *from, int32_t count);

/* Whether the name before the ':' of `source` is that of a synthetic data set. */
int clf__is_synthetic(const char *source);
/* Generates the data set that `source` describes.  Errors: EINVAL, ENOMEM. */
clf_status clf__synthetic_read(const char *source, clf_table *t);

#endif
