/* SPDX-License-Identifier: MIT */
/* tune.h: which way of computing an operation is the fastest on a device.
 *
 * Some operations may be computed in several ways, between which shapes decide by rules.
 * Tuning measures them on the shapes of some work instead, and keeps what won in the cache folder
 * (clf_open()), for this device, driver and version of the library: every device that is opened
 * later takes the same ways for calls that are alike.  Ways agree to rounding, not to the bit. */
#ifndef CLFLOW_TUNE_H
#define CLFLOW_TUNE_H
#include "clflow/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Something that is typical, such as a step of training: its calls are what is tuned.  What it
 * puts on `dev` it must free. */
typedef clf_status (*clf_work_fn)(clf_device *dev, void *context);

typedef enum clf_verdict {
  CLF_WAY_USUAL,  /* what the rules choose */
  CLF_WAY_SLOWER, /* not clearly faster than that; its results were not looked at */
  CLF_WAY_FASTER, /* and as cpu64 has it: the fastest such wins */
  CLF_WAY_WRONG,  /* it is not as cpu64 has it */
  CLF_WAY_FAILED
} clf_verdict;

enum { CLF_MAX_WAYS = 8 };
typedef struct clf_tuned {
  int index, total; /* of the shapes, from 1, and how many there are */
  const char *call; /* "gemm(r[512,64,1,1] ...)" */
  int64_t calls;    /* of it, and calls alike, in the work */
  double flops;     /* floating-point operations of a call; 0: not known */
  int count;        /* ways that take it; 0 in the report before they are measured */
  int best;         /* which of them will be taken */
  struct {
    const char *name;
    double seconds; /* of a call, queued as in training: the fastest of some rounds; 0: it failed */
    clf_verdict verdict;
    char why[256]; /* WRONG, FAILED: a sentence */
  } way[CLF_MAX_WAYS];
} clf_tuned;
typedef void (*clf_tuned_fn)(const clf_tuned *shape, void *context);

/* Runs `work` once on a device that records its calls, then measures every way that there is for
 * each, and calls `report` (may be NULL) before and after each shape.  A way that fails or is
 * wrong is reported, and the next best taken.  *kept (may be NULL) becomes 1 if the choices were
 * stored, 0 if there is no cache folder to write to.
 * Errors: those of clf_open() and of `work`; ENOTSUP for check:, trace: and cpu64. */
CLF_API clf_status clf_tune(const char *device, clf_work_fn work, void *work_context,
                            clf_tuned_fn report, void *report_context, int *kept);

/* Choices by tuning that were loaded as the device was opened. */
CLF_API int clf_device_tuned(const clf_device *dev);

#ifdef __cplusplus
}
#endif
#endif
