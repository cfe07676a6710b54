/* SPDX-License-Identifier: MIT */
/* core.h: status, devices, tensors and operations.
 *
 * A device runs operations on tensors in its memory.  The same calls run in C ("cpu") and on
 * OpenCL ("opencl"); tests compare both with a double-precision reference.  Flows
 * (clflow/flow.h) are built on this; most programs need only clf_open(), clf_close() and
 * clf_errmsg().
 *
 * Five rules hold for every function of clflow:
 *   - Functions that can fail return clf_status.  Results are written through the last
 *     pointers and are defined on success only.
 *   - A NULL pointer where one is needed is refused (EINVAL, which names the argument).
 *     Functions that cannot fail do nothing in that case, or return NULL, 0 or an empty
 *     struct.  Counts that cannot fit into memory are refused too.
 *   - clf_errmsg() says why the last failing call on this thread failed.
 *   - Operations are enqueued.  Reads and clf_sync() wait for the device; writes return as
 *     soon as their source may be reused.
 *   - A device and everything on it is used by one thread at a time; different devices may
 *     be used by different threads. */
#ifndef CLFLOW_CORE_H
#define CLFLOW_CORE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the library exports. */
#if defined _WIN32 && defined CLF_BUILDING
#define CLF_API __declspec(dllexport)
#elif defined _WIN32 || defined CLF_STATIC
#define CLF_API
#else
#define CLF_API __attribute__((visibility("default")))
#endif

/* ---- Status ------------------------------------------------------------ */

/* Every status, once: X(name, what it means). */
#define CLF_STATUS_MAP(X)                                                                          \
  X(OK, "success")                                                                                 \
  X(EINVAL, "invalid argument")                                                                    \
  X(ESHAPE, "shapes do not agree")                                                                 \
  X(ENOMEM, "out of memory")                                                                       \
  X(ENODEV, "no such device")                                                                      \
  X(EBUILD, "a kernel failed to build")                                                            \
  X(ENOTSUP, "not supported")                                                                      \
  X(EDEVICE, "the driver reported an error")                                                       \
  X(EMISMATCH, "device and reference disagree")                                                    \
  X(EIO, "a file could not be read or written")                                                    \
  X(EFORMAT, "a file's contents are not what they should be")                                      \
  X(ENUM, "a number is not finite")                                                                \
  X(ESTOPPED, "stopped on request")

/* What a function that can fail returns; CLF_OK is 0. */
typedef enum clf_status {
#define CLF_X(name, text) CLF_##name,
  CLF_STATUS_MAP(CLF_X)
#undef CLF_X
} clf_status;

/* The fixed text of a status. */
CLF_API const char *clf_strerror(clf_status status);

/* One sentence that says why the last failing call of this thread failed, with names and
 * numbers; valid until the next failure on this thread.  It is valid UTF-8 and safe for a
 * terminal: control characters and invalid bytes in names are shown as "\x1b".  Only the logs of
 * compilers have several lines. */
CLF_API const char *clf_errmsg(void);

/* Sets a function that is called with one sentence for each operation that takes seconds, such
 * as "compiling kernels for ...".  There is one listener per process; NULL (the default): none.
 * It is called by the thread that waits.  Set it before opening devices. */
CLF_API void clf_set_listener(void (*listener)(const char *sentence, void *context), void *context);

/* Records `text` for clf_errmsg() and returns s; for libraries built on clflow. */
CLF_API clf_status clf_fail(clf_status s, const char *text);

/* Returns from the function around it if the call fails. */
#define CLF_TRY(call)                                                                              \
  do {                                                                                             \
    const clf_status clf_s_ = (call);                                                              \
    if (clf_s_ != CLF_OK) return clf_s_;                                                           \
  } while (0)

/* ---- Devices ----------------------------------------------------------- */

/* What computes; made by clf_open(). */
typedef struct clf_device clf_device;

/* Opens a device by name.  NULL or "" takes the environment variable CLFLOW_DEVICE, and
 * "auto" if that is not set.
 *
 *   auto             the best OpenCL device that passes a self-test, else cpu
 *   cpu              C in float, with threads (clf_set_threads()), vectors, and a CBLAS if found
 *   cpu64            the same sources in double: the reference of the tests
 *   opencl           the best OpenCL device
 *   opencl:N         the N-th device that clf_devices() lists
 *   opencl:gpu       the best device of a type: gpu, cpu or accelerator
 *   opencl:TEXT      the first device whose name or platform contains TEXT
 *   DEVICE/FAMILY    with another kernel family than the default: simd16, simd8, simd4, simt,
 *                    clblast; for cpu another instruction set: baseline, avx2, avx512
 *   check:DEVICE     repeats every operation on cpu64 and fails at the first mismatch;
 *                    clf_device_report() lists what was compared
 *   trace:DEVICE     prints every operation with its shapes and time to stderr, and a summary
 *                    when the device is closed
 *
 * Kernels are compiled here, or loaded from the cache, so that compile errors appear here and
 * not later.  The cache folder is CLFLOW_CACHE_DIR (empty: no cache), else clflow in
 * XDG_CACHE_HOME, else in ~/.cache; a folder that belongs to another user than this one or root
 * is not used.  On a CPU only the front end of the compiler runs here: the machine code of an
 * operation is generated at its first use, which can take seconds; later processes load it from
 * the cache.  The listener (clf_set_listener()) is called.
 *
 * Operations that are compiled later are tested later: on a CPU that `auto` took, each operation
 * is tested before its first use, once per driver and build of clflow.  If it fails, `auto`
 * moves on: the device becomes the next one that passes, or cpu, with everything on it;
 * clf_device_note() and the listener say so.  After the first clf_read() from the device it can
 * no longer be replaced: then the call returns EDEVICE, and the message says to open another
 * device.  Devices opened by name are not tested.
 *
 * `auto` and clf_devices() test drivers in a separate process, the program clflow-probe, so that
 * drivers that crash or hang cannot harm this process.  CLFLOW_PROBE gives its absolute path
 * (empty: no probe); otherwise it is looked for next to the library or the program that contains
 * it, as in a build folder, and in libexec/clflow of the same installation, but never in the
 * current folder or in PATH.  It is not started if everybody may write to it, or if it belongs
 * to another user than root, this user and the owner of the library.  A driver that does not
 * answer for CLFLOW_PROBE_SECONDS (180) counts as hanging.  Without the program, drivers are
 * tested in this process.
 *
 * The OpenCL library is loaded when a device is first opened or listed: CLFLOW_OPENCL_LIBRARY if
 * that is set, else libOpenCL.so.1, libOpenCL.so, the framework of macOS or OpenCL.dll.  If there
 * is none, `auto` takes cpu.
 *
 * Several threads may open devices at the same time.
 * Errors: ENODEV, EBUILD (names the .cl file and line), ENOMEM, EDEVICE. */
CLF_API clf_status clf_open(const char *name, clf_device **dev);

/* Closes a device.  Everything on it must have been freed.  NULL is a no-op. */
CLF_API void clf_close(clf_device *dev);

/* The name of the device, "opencl:0 NVIDIA H100 (clblast)"; it changes if `auto` moves on to
 * another device. */
CLF_API const char *clf_device_name(const clf_device *dev);

/* Why `auto` took this device, and which ones it passed over and why, one line each; empty for a
 * device opened by name. */
CLF_API const char *clf_device_note(const clf_device *dev);

/* For a check: device the table of comparisons: for each operation the number of calls, the
 * largest difference in units of its tolerance, and the call that had it; then whether all
 * agree.  "" for other devices and before the first call.  Valid until the next call or until
 * the device is closed.  (trace: prints its table, with calls, time and share of time of each
 * operation, when it is closed.) */
CLF_API const char *clf_device_report(clf_device *dev);

/* Waits until all enqueued work is done. */
CLF_API clf_status clf_sync(clf_device *dev);

/* Bytes of device memory in arenas and in scratch memory of kernels: `now`, and the maximum
 * `most` since the last call with `anew` = 1.  Memory that the driver uses itself is not
 * included. */
typedef struct clf_memory {
  uint64_t now, most; /* bytes at this moment, and at most so far */
} clf_memory;
CLF_API clf_memory clf_memory_taken(clf_device *dev, int anew);

/* Sets the maximum number of threads that cpu and cpu64 use for one operation (including the
 * calling thread), and that decode images: 1 to 256, or 0 for the default.  The default is the
 * environment variable CLFLOW_THREADS, else the number of cores available to this process
 * (affinity mask, control groups).  It applies to the whole process from the next operation on.
 * Results have the same bits for any number of threads.  Threads are started at the first
 * operation that needs them, sleep while they wait, and are shared by all devices and callers; a
 * forked child starts its own.  Errors: EINVAL. */
CLF_API clf_status clf_set_threads(int32_t n);

/* The current number. */
CLF_API int32_t clf_threads(void);

/* A device, as clf_devices() lists it. */
typedef struct clf_device_info {
  char name[64];      /* the name for clf_open(): "cpu", "opencl:0" */
  char platform[128]; /* "Portable Computing Language" */
  char device[128];   /* "pthread-skylake-avx512-AMD EPYC" */
  char driver[64];    /* version of the driver */
  char type[16];      /* "cpu", "gpu", "accelerator", "other" */
  char family[16];    /* its default kernel family */
  int32_t units;      /* compute units, or threads */
  int32_t clock_mhz;  /* 0: unknown */
  uint64_t memory;    /* bytes */
  uint64_t max_alloc; /* maximum bytes in one buffer */
  int passes;         /* self-test: 1 passed, 0 failed, -1 not run */
  int chosen;         /* 1 for the device that `auto` takes */
  char why[256];      /* what failed, why it was chosen, or (cpu) why there is no OpenCL device */
} clf_device_info;

/* Lists cpu and all OpenCL devices, the best OpenCL device first.  With `test` each device is
 * opened, all of its operations are tested even if they passed before, and the device that
 * `auto` takes is marked; this may take a minute.  The caller frees the array with free(). */
CLF_API clf_status clf_devices(int test, clf_device_info **list, int *count);

/* ---- Tensors ----------------------------------------------------------- */

typedef struct clf_buffer clf_buffer; /* device memory; created by an arena */

/* A view of a buffer: copied freely, owns nothing. */
typedef struct clf_tensor {
  clf_buffer *buf;   /* where the elements are; NULL: left out of a call */
  int32_t offset;    /* index of element 0 in buf; offset and strides count elements */
  int32_t dim[4];    /* N, C, H, W; unused trailing dimensions are 1 */
  int32_t stride[4]; /* elements from one index to the next, for each dimension */
} clf_tensor;

/* Elements begin .. end - 1 along one axis. */
CLF_API clf_tensor clf_slice(clf_tensor t, int axis, int32_t begin, int32_t end);

/* The same elements in one dimension; t must be dense. */
CLF_API clf_tensor clf_flat(clf_tensor t);

/* Transfers between a view and a dense, row-major host array of float or double.  Elements are
 * float on all devices except cpu64, so doubles are rounded. */
CLF_API clf_status clf_write(clf_device *dev, clf_tensor dst, const float *src);
CLF_API clf_status clf_read(clf_device *dev, clf_tensor src, float *dst);
/* As clf_write(), but if the device can, the copy runs concurrently with enqueued work: it waits
 * only for what was dispatched before the last clf_upload() to this device.  This allows writing
 * the samples of one step to one of two tensors while the previous step still reads the other. */
CLF_API clf_status clf_upload(clf_device *dev, clf_tensor dst, const float *src);
CLF_API clf_status clf_write64(clf_device *dev, clf_tensor dst, const double *src);
CLF_API clf_status clf_read64(clf_device *dev, clf_tensor src, double *dst);

/* One allocation that holds many tensors.  An arena without a buffer only measures: run the
 * allocating code once to find `used`, then again to allocate. */
typedef struct clf_arena {
  clf_device *dev;  /* where its buffer is */
  clf_buffer *buf;  /* NULL while measuring */
  size_t used, cap; /* elements */
  /* Tensors [N, D] with at least this many rows N store the elements of a column consecutively,
   * so that vector registers hold samples; 0: never. */
  int32_t by_column;
} clf_arena;

/* cap = 0 creates an arena that only measures.  The initial contents are undefined.
 * Errors: ENOMEM; ENOTSUP above 2^31 - 1 elements. */
CLF_API clf_status clf_arena_init(clf_arena *a, clf_device *dev, size_t cap);
CLF_API void clf_arena_free(clf_arena *a);

/* Allocates a dense tensor, row-major unless by_column applies; dimensions given as 0 become 1. */
CLF_API clf_status clf_new(clf_arena *a, const int32_t dim[4], clf_tensor *t);

/* ---- Operations -------------------------------------------------------- */

/* clflow/ops.def lists all operations.  Each has a struct of arguments, whose members are named
 * at the call, in any order; the others are zero:
 *   clf_do(dev, gemm, .a = x, .b = w, .c = y, .alpha = 1)
 * Arguments are checked first: ESHAPE if shapes do not agree; EINVAL if tensors are on another
 * device or overlap what is written. */
#include "clflow/ops.h"
/* Runs an operation whose arguments are in its struct. */
CLF_API clf_status clf_dispatch(clf_device *dev, clf_op op, const void *args);
/* The same with the members of the struct named at the call. */
#define clf_do(dev, op, ...) clf_dispatch((dev), CLF_OP_##op, &(clf_##op##_args){__VA_ARGS__})

#ifdef __cplusplus
}
#endif
#endif
