/* SPDX-License-Identifier: MIT */
/* tune.h: finds the fastest algorithms for operations on a device.
 *
 * Some operations have several algorithms, and rules choose one by the shapes of the call.  Tuning
 * times them instead, on the shapes of a given workload, and saves the fastest in the cache folder
 * (clf_open()), for this device, driver and library version.  Devices that are opened later use the
 * same algorithms for calls with the same tuning key (similar shapes and strides).  Results of
 * different algorithms agree to rounding, not to the bit. */
#ifndef CLFLOW_TUNE_H
#define CLFLOW_TUNE_H
#include "clflow/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A typical workload, such as one training step, whose calls are tuned.  It must free everything
 * it allocates on `dev`. */
typedef clf_status (*clf_work_fn)(clf_device *dev, void *context);

/* What came of measuring an algorithm. */
typedef enum clf_verdict {
  CLF_WAY_USUAL,  /* the default, chosen by the rules */
  CLF_WAY_SLOWER, /* not clearly faster than the default; its results were not checked */
  CLF_WAY_FASTER, /* clearly faster, and agrees with cpu64: the fastest such algorithm wins */
  CLF_WAY_WRONG,  /* does not agree with cpu64 */
  CLF_WAY_FAILED
} clf_verdict;

enum { CLF_MAX_WAYS = 8 };
/* A call whose algorithms are measured. */
typedef struct clf_tuned {
  int index, total; /* index of the shape, from 1; number of shapes */
  const char *call; /* "gemm(r[512,64,1,1] ...)" */
  int64_t calls;    /* calls in the workload with this tuning key */
  double flops;     /* floating-point operations of a call; 0: unknown */
  int count;        /* algorithms that take the call; 0 in the report before they are timed */
  int best;         /* index of the one that will be used */
  struct {
    const char *name;
    double
        seconds; /* per call, queued as in training: the fastest of several rounds; 0: it failed */
    clf_verdict verdict;
    char why[256];     /* WRONG, FAILED: a sentence */
  } way[CLF_MAX_WAYS]; /* the algorithms */
} clf_tuned;
/* Called before a shape is measured, with count 0, and afterwards. */
typedef void (*clf_tuned_fn)(const clf_tuned *shape, void *context);

/* Runs `work` once on a device that records its calls, then times every algorithm of each, and
 * calls `report` (may be NULL) before and after each shape.  Algorithms that fail or give wrong
 * results are reported and not used.  *kept (may be NULL) becomes 1 if the choices were saved, 0
 * if there is no cache folder to write to.
 * Errors: those of clf_open() and of `work`; ENOTSUP for check:, trace: and cpu64. */
CLF_API clf_status clf_tune(const char *device, clf_work_fn work, void *work_context,
                            clf_tuned_fn report, void *report_context, int *kept);

/* Number of tuned choices that were loaded when the device was opened. */
CLF_API int clf_device_tuned(const clf_device *dev);

#ifdef __cplusplus
}
#endif
#endif
