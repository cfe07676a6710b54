/* SPDX-License-Identifier: MIT */
/* opencl.h: one opened OpenCL device, as its three files share it.  Private. */
#ifndef CLF_OPENCL_H
#define CLF_OPENCL_H
#include "platform.h"
#include "launch.h"

enum { CLF_MAX_KERNELS = 8, CLF_BLAS_CLASSES = 64 }; /* of one operation; remembered verdicts */

typedef struct clf__kernel {
  char name[64];
  cl_kernel k;
  int pool; /* takes CLF_POOL */
} clf__kernel;

typedef struct clf__cl {
  cl_device_id id;
  cl_context context;
  cl_command_queue queue;   /* in order */
  cl_command_queue uploads; /* NULL until there is one */
  cl_event marked;          /* all that was enqueued before the last upload */
  const clf_traits *traits;
  clf__kernel kernel[CLF_OP_COUNT][CLF_MAX_KERNELS];
  cl_mem pool;      /* scratch of whatever runs now: calls take turns on the queue */
  size_t pool_size; /* floats */
  struct {
    uint32_t key;
    int trusted;
  } blas[CLF_BLAS_CLASSES]; /* clblast.c: shape classes, verified or refused */
  int blas_count;
  unsigned long program; /* CRC-32 of all that the kernels depend on */
} clf__cl;

#define CL_TRY(call)                                                                               \
  do {                                                                                             \
    const cl_int e_ = (call);                                                                      \
    if (e_) return clf__fail(clf__cl_status(e_), "%s: %s", #call, clf__cl_error(e_));              \
  } while (0)

/* program.c: clflow.clh and ops.def, then the kernel files, as one string, malloc'ed; a family's
 * build options; whether a driver is asked for no binary; and all kernels, from the cache or from
 * source, which fills cl->kernel. */
char *clf__cl_program(void);
void clf__cl_options(const clf_traits *traits, char *out, size_t size);
int clf__compiles_at_launch(const clf_device_info *info, double seconds /* of its build */);
clf_status clf__cl_build(clf__cl *cl, const clf_device_info *info);

/* clblast.c: see clf_call.blas. */
clf_status clf__cl_blas(clf_call *call, int *done);

#endif
