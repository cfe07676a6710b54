/* SPDX-License-Identifier: MIT */
/* npz.h: arrays in an archive of numpy.savez().  Private. */
#ifndef CLF_DATA_NPZ_H
#define CLF_DATA_NPZ_H
#include "table.h"

/* The length of the archive's name in a source FILE.npz or FILE.npz:ARRAY, and the array, NULL
 * if it is not named; 0 for other sources. */
size_t clf__npz_name(const char *source, const char **array);

/* Reads the array with that name, or the only one.  Errors: EFORMAT, EINVAL (no such array, or
 * several and no name: the message lists them), ENOMEM. */
clf_status clf__npz_read(const char *path, const char *bytes, size_t size, const char *array,
                         const clf_table_options *o, clf_table *t);

#endif
