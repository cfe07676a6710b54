/* SPDX-License-Identifier: MIT */
/* input.h: standard input, pipes and devices, which have no length and no name that says what they
 * hold.  Private. */
#ifndef CLF_DATA_INPUT_H
#define CLF_DATA_INPUT_H
#include <stddef.h>
#include "clflow/core.h"

/* Reads a stream to its end, as clf__file_read() reads a file; at most CLF_STREAM_MIB.  What begins
 * with NUL bytes and is none of the formats that have them is not read further.
 * Errors: EIO; EFORMAT (it is longer); ENOMEM. */
enum { CLF_STREAM_MIB = 1024 };
clf_status clf__stream_read(const char *source, char **bytes, size_t *size);

#endif
