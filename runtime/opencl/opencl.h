/* SPDX-License-Identifier: MIT */
/* opencl.h: one open OpenCL device, for the files of this folder.  Private. */
#ifndef CLF_OPENCL_H
#define CLF_OPENCL_H
#include "platform.h"
#include "launch.h"

enum {
  CLF_MAX_KERNELS = 8,
  CLF_BLAS_CLASSES = 64
}; /* kernels of one operation; verdicts of clblast.c */

typedef struct clf__kernel {
  char name[64];
  cl_kernel k;
  int extra; /* arguments behind the struct: 1 scratch memory, 2 and a plan */
} clf__kernel;

/* How the kernels of single operations are built; key is NULL if all kernels were built when the
 * device was opened. */
typedef struct clf__on_demand {
  char *key; /* everything that the binary of an operation depends on, but for its name */
  char options[128], device[128];
  int no_binaries; /* the driver has a cache of its own */
  int said;        /* whether the user was told that compiling takes time */
} clf__on_demand;

typedef struct clf__cl {
  cl_device_id id;
  cl_context context;
  cl_command_queue queue;   /* in order */
  cl_command_queue uploads; /* NULL until there is one */
  cl_event marked;          /* all that was enqueued before the last upload */
  const clf_traits *traits;
  clf__kernel kernel[CLF_OP_COUNT][CLF_MAX_KERNELS]; /* of the operations that are built */
  clf__on_demand on_demand;
  cl_mem scratch;      /* of the call that runs now: calls run one after the other */
  size_t scratch_size; /* floats */
  struct {
    uint32_t key;
    int trusted;
  } blas[CLF_BLAS_CLASSES]; /* clblast.c: shape classes, verified or refused */
  int blas_count;
  unsigned long program; /* CRC-32 of everything that the kernels depend on */
} clf__cl;

#define CL_TRY(call)                                                                               \
  do {                                                                                             \
    const cl_int e_ = (call);                                                                      \
    if (e_) return clf__fail(clf__cl_status(e_), "%s: %s", #call, clf__cl_error(e_));              \
  } while (0)

/* kernel_text.c.  clf__cl_program(): the kernels of an operation with what their files need, or
 * with op = -1 all kernel files, as one string, malloc'ed; NULL without memory.  clf__cl_owner():
 * the operation of a kernel whose name has that length, the one with the longest name that the
 * kernel's begins with, or -1. */
char *clf__cl_program(int op);
int clf__cl_owner(const char *kernel, size_t length);

/* program.c: the build options of a family; whether the kernels of an operation are built at its
 * first use, or all at once; whether a driver caches compiled kernels itself, so that it is not
 * asked for binaries. */
void clf__cl_options(const clf_traits *traits, char *out, size_t size);
int clf__cl_builds_on_demand(const clf_device_info *info);
int clf__cl_no_binaries(const clf_device_info *info);

/* Checks that all kernels compile, or builds them and fills cl->kernel.
 * Errors: EBUILD with the compiler's log, EDEVICE, ENOMEM. */
clf_status clf__cl_build(clf__cl *cl, const clf_device_info *info);
/* Builds the kernels of an operation, unless they are built.  Errors: the same. */
clf_status clf__cl_need(clf__cl *cl, clf_op op);
void clf__cl_release(clf__cl *cl);

/* opencl.c: makes a device of cl->id, context and queue: its kernels of a family, "" for the best.
 */
clf_status clf__cl_begin(clf_device *dev, clf__cl *cl, const clf_device_info *info,
                         const char *family);

/* clblast.c: see clf_call.blas. */
clf_status clf__cl_blas(clf_call *call, int *done);

#endif
