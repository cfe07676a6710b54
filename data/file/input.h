/* SPDX-License-Identifier: MIT */
/* input.h: reads standard input, pipes and devices, which have neither a length nor a name with
 * a suffix.  Private. */
#ifndef CLF_DATA_INPUT_H
#define CLF_DATA_INPUT_H
#include <stddef.h>
#include "clflow/core.h"

/* Reads a stream to its end, at most CLF_STREAM_MIB, as clf__file_read() reads a file.  If it
 * begins with NUL bytes and is not in a format that has them, reading stops.
 * Errors: EIO; EFORMAT (it is longer); ENOMEM. */
enum { CLF_STREAM_MIB = 1024 };
clf_status clf__stream_read(const char *source, char **bytes, size_t *size);

#endif
