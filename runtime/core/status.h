/* SPDX-License-Identifier: MIT */
/* status.h: how a function of the library fails.  Private. */
#ifndef CLF_STATUS_H
#define CLF_STATUS_H
#include "clflow/core.h"
#include "given.h"

/* Records the sentence that clf_errmsg() returns, and returns `s`:
 *   return clf__fail(CLF_ESHAPE, "gemm: c has %d rows, a gives %d", rows, want); */
clf_status clf__fail(clf_status s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#ifdef __clang_analyzer__ /* which sees one file at a time, and not that s comes back */
#define clf__fail(s, ...) (clf__fail(s, __VA_ARGS__), (s))
#endif

/* Tells the listener, if there is one, of what takes long. */
void clf__say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
