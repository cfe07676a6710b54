/* SPDX-License-Identifier: MIT */
/* opencl.h: flows in a program that has an OpenCL context of its own: on its queue, and on its
 * buffers, without copies to the host.  No header of OpenCL is needed: its handles are passed as
 * void pointers.
 *
 *   cl_context context = ...;                  // of the program
 *   cl_command_queue queue = ...;              // in order
 *   cl_mem particles = ..., weights = ...;     // n rows of 3 floats; n floats
 *   clf_device *dev; clf_arena x, w; clf_tensor rows, logp;
 *   clf_open_cl(context, queue, &dev);
 *   clf_flow_load(dev, "flow.safetensors", NULL, &flow);
 *   clf_wrap_cl(dev, particles, &x);
 *   clf_wrap_cl(dev, weights, &w);
 *   clf_new(&x, (int32_t[4]){n, 3}, &rows);
 *   clf_new(&w, (int32_t[4]){n}, &logp);
 *   clf_log_prob_device(flow, rows, (clf_tensor){0}, logp);   // flow.h
 *
 * Work is enqueued on the program's queue, behind what the program has enqueued and before what it
 * enqueues next; nobody has to wait.  Numbers are float. */
#ifndef CLFLOW_OPENCL_H
#define CLFLOW_OPENCL_H
#include "clflow/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A device that runs on a cl_command_queue in its cl_context; both are retained until clf_close().
 * The device is not tested, and not opened again if it fails: CLF_EDEVICE is final.
 * Errors: EINVAL if they are not a context and a queue of it, or if the queue runs commands out of
 * order; ENODEV; as clf_open(); ENOTSUP if clflow was built without OpenCL. */
CLF_API clf_status clf_open_cl(void *context, void *queue, clf_device **dev);

/* An arena whose memory is a cl_mem of the queue's context, which is retained until
 * clf_arena_free().  clf_new() gives out its floats from the front; a tensor may also be made by
 * hand, with `buf` of the arena.  What a const buffer holds must not be written.
 * Errors: EINVAL if `mem` is no buffer of the device's context or is smaller than a float; ENOTSUP
 * for another device than one of OpenCL, and above 2^31 - 1 floats. */
CLF_API clf_status clf_wrap_cl(clf_device *dev, void *mem, clf_arena *arena);

#ifdef __cplusplus
}
#endif
#endif
