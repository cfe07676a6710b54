/* SPDX-License-Identifier: MIT */
/* layer.h: an OpenCL layer that makes the n-th call of the API fail, and counts the objects
 * that live.  The loader puts it between the library and the driver:
 *
 *   OPENCL_LAYERS=.../libclf_fault_layer.so CLF_CL_FAULT=clBuildProgram:1:abort clflow devices
 *
 * CLF_CL_FAULT is FUNCTION:N:WHAT or FUNCTION:N+:WHAT, behind PROGRAM@ for that program alone.
 * FUNCTION is a name or *, for all that the layer knows; N counts its calls from 1, + means that
 * one and all after it; WHAT is a code such as -5, or abort, hang (for ever), or wrong (reads give
 * other numbers). */
#ifndef CLF_FAULT_LAYER_H
#define CLF_FAULT_LAYER_H

#include <stddef.h>

/* For a program that loads the layer itself, by dlsym() on the same library.  Counting begins
 * anew; n = 0 never fails.  from_then_on: 0, 1, or CLF_FAULT_LOST: from then on all but what finds
 * devices and makes a context, until one is made. */
enum { CLF_FAULT_LOST = 2 };
typedef void clf_fault_arm_fn(const char *function, long n, int from_then_on, int code);
/* After that: clCreateBuffer counts, and fails, above this size only. */
typedef void clf_fault_above_fn(size_t bytes);
/* clGetDeviceInfo(what) gives these bytes, all others what the driver does; size 0: all do. */
typedef void clf_fault_answer_fn(unsigned what, const void *value, size_t size);
/* Calls since then, and of them those made to fail. */
typedef void clf_fault_count_fn(long *calls, long *failed);
/* Contexts, queues, buffers, programs and kernels that were made and not released. */
typedef long clf_fault_alive_fn(void);
#endif
