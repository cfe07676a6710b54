/* SPDX-License-Identifier: MIT */
/* status.h: how functions of the library report errors.  Private. */
#ifndef CLF_STATUS_H
#define CLF_STATUS_H
#include "clflow/core.h"
#include "given.h"

/* Sets the sentence that clf_errmsg() returns, and returns `s`:
 *   return clf__fail(CLF_ESHAPE, "gemm: c has %d rows, a gives %d", rows, want); */
clf_status clf__fail(clf_status s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#ifdef __clang_analyzer__ /* analyses one file at a time and does not know that s is returned */
#define clf__fail(s, ...) (clf__fail(s, __VA_ARGS__), (s))
#endif

/* Whether an error is of the device, against which another attempt may help. */
static inline int clf__device_failed(clf_status s) { return s == CLF_EDEVICE || s == CLF_ENOMEM; }

/* Sends a sentence to the listener, if there is one, about an operation that takes long. */
void clf__say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
