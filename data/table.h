/* SPDX-License-Identifier: MIT */
/* table.h: the kinds of source that clf_table_read() tells apart.  Private. */
#ifndef CLF_DATA_TABLE_H
#define CLF_DATA_TABLE_H
#include "clflow/data.h"

clf_status clf__csv_read(const char *path, clf_table *t);
clf_status clf__csv_write(const char *path, const clf_table *t);

clf_status clf__npy_read(const char *path, clf_table *t);
clf_status clf__npy_write(const char *path, const clf_table *t);

/* Whether the name before the ':' of `source` is that of a synthetic set. */
int clf__is_synthetic(const char *source);
/* Draws the set that `source` describes.  Errors: EINVAL, ENOMEM. */
clf_status clf__synthetic_read(const char *source, clf_table *t);

#endif
