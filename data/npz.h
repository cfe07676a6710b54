/* SPDX-License-Identifier: MIT */
/* npz.h: arrays in an archive, as numpy.savez() writes them.  Private. */
#ifndef CLF_DATA_NPZ_H
#define CLF_DATA_NPZ_H
#include "table.h"

/* An archive's length in a source FILE.npz or FILE.npz:ARRAY, and the array, NULL if it is not
 * named; 0 for other sources. */
size_t clf__npz_name(const char *source, const char **array);

/* Reads the array of that name, or the only one.  Errors: EFORMAT, EINVAL (no such array, or
 * several and none is named: the message lists them), ENOMEM. */
clf_status clf__npz_read(const char *path, const char *bytes, size_t size, const char *array,
                         const clf_table_options *o, clf_table *t);

#endif
