/* SPDX-License-Identifier: MIT */
/* core.h: status, devices, tensors and operations.
 *
 * A device runs operations on tensors that lie in its memory.  The same calls
 * run in C ("cpu") and on OpenCL ("opencl"); tests hold the two to the same
 * answers.  Flows (clflow/flow.h) are built on this; most programs need of it
 * no more than clf_open(), clf_close() and clf_errmsg().
 *
 * Five rules hold for every function of clflow:
 *   - What can fail returns clf_status; results leave through the last
 *     pointers, which mean something on success only.
 *   - A pointer that a function needs and that is NULL is refused (EINVAL) by
 *     its name; a function that cannot fail then does nothing, or returns NULL,
 *     0 or an empty struct.  Counts that no memory holds are refused too.
 *   - clf_errmsg() tells, in words, why the last call on this thread failed.
 *   - Operations enqueue.  Reads and clf_sync() wait for the device; writes
 *     return once their source may be reused.
 *   - A device, and all that lives on it, is used by one thread at a time;
 *     different devices may be used by different threads.
 */
#ifndef CLFLOW_CORE_H
#define CLFLOW_CORE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined _WIN32 && defined CLF_BUILDING
#define CLF_API __declspec(dllexport)
#elif defined _WIN32 || defined CLF_STATIC
#define CLF_API
#else
#define CLF_API __attribute__((visibility("default")))
#endif

/* ---- Status ------------------------------------------------------------ */

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

typedef enum clf_status {
#define CLF_X(name, text) CLF_##name,
  CLF_STATUS_MAP(CLF_X)
#undef CLF_X
} clf_status;

/* The fixed text of a status. */
CLF_API const char *clf_strerror(clf_status status);

/* One sentence on why the last failing call of this thread failed, with the
 * names and numbers in it; lives until the next failure on this thread.  It is valid UTF-8 and
 * safe for a terminal: of names, control characters and bytes that are not UTF-8 are shown as
 * "\x1b".  Only a compiler's log has several lines. */
CLF_API const char *clf_errmsg(void);

/* Tells `listener` (NULL: nobody, as at first) of what takes seconds, in a sentence each:
 * "compiling kernels for ...".  One for the process, called by the thread that waits; set it before
 * opening devices. */
CLF_API void clf_set_listener(void (*listener)(const char *sentence, void *context), void *context);

/* Records `text` for clf_errmsg() and returns s: for libraries built on clflow. */
CLF_API clf_status clf_fail(clf_status s, const char *text);

#define CLF_TRY(call)                                                                              \
  do {                                                                                             \
    const clf_status clf_s_ = (call);                                                              \
    if (clf_s_ != CLF_OK) return clf_s_;                                                           \
  } while (0)

/* ---- Devices ----------------------------------------------------------- */

typedef struct clf_device clf_device;

/* Opens a device by name.  NULL or "" takes the environment variable
 * CLFLOW_DEVICE, and without one "auto".
 *
 *   auto             the best OpenCL device that passes a self-test, else cpu
 *   cpu              C in float: threads (clf_set_threads()), vectors, a CBLAS where one was found
 *   cpu64            the same sources in double: what the tests measure against
 *   opencl           the best OpenCL device
 *   opencl:N         the N-th that clf_devices() lists
 *   opencl:gpu       the best of this type: gpu, cpu or accelerator
 *   opencl:TEXT      the first whose name or platform contains TEXT
 *   DEVICE/FAMILY    with another family of kernels than its own: simd16, simd8,
 *                    simd4, simt, clblast; for cpu another instruction set:
 *                    baseline, avx2, avx512
 *   check:DEVICE     runs every operation on cpu64 too; fails at the first mismatch;
 *                    clf_device_report() says what agreed
 *   trace:DEVICE     prints every operation, its shapes and its time to stderr, and as it
 *                    is closed a table of them
 *
 * OpenCL's library is loaded when a device is first opened or listed: CLFLOW_OPENCL_LIBRARY where
 * that is set, otherwise libOpenCL.so.1, libOpenCL.so, macOS's framework or OpenCL.dll.  Where
 * there is none, `auto` takes cpu.
 *
 * Kernels are compiled here, or loaded from the cache (CLFLOW_CACHE_DIR, where empty
 * means none, else clflow below XDG_CACHE_HOME, else below ~/.cache), so that a kernel which
 * does not compile fails here and nowhere later.  On a CPU only the compiler's front end runs here:
 * the machine code of an operation is made at its first use, which then takes up to seconds; later
 * starts find it in the cache.  clf_set_listener() is told.  A cache folder that belongs to another
 * user than this one or root is not used.
 *
 * What is compiled late is tested late: on a CPU that `auto` took, each operation is tested before
 * it first runs, once for a driver and a build of clflow.  If it fails, `auto` goes on: the device
 * becomes the next one that passes, or cpu, with everything on it, and clf_device_note() and the
 * listener say so.  That is so until the first clf_read() from the device; after that the call
 * returns EDEVICE and names the remedy, to open another device.  Devices opened by name are not
 * tested.
 *
 * `auto` and clf_devices() try drivers out in a process of their own, the program clflow-probe, so
 * that a driver that crashes or hangs does no harm here.  It is CLFLOW_PROBE, an absolute path
 * (empty: none), or else lies beside the library or the program that contains it, as in a build
 * folder, or in libexec/clflow of the same installation.  It is never looked for in the current
 * folder or along PATH, and not started if everybody may write it, or if it belongs to another user
 * than root, this one and the owner of the library.  A driver that is silent for
 * CLFLOW_PROBE_SECONDS (180) counts as hanging.  Without the program drivers are tried out here.
 *
 * Several threads may open devices at the same time.
 * Errors: ENODEV, EBUILD (names the .cl file and line), ENOMEM, EDEVICE. */
CLF_API clf_status clf_open(const char *name, clf_device **dev);

/* Everything on the device must have been freed.  NULL is a no-op. */
CLF_API void clf_close(clf_device *dev);

/* What was opened, "opencl:0 NVIDIA H100 (clblast)", or what `auto` has gone on with since. */
CLF_API const char *clf_device_name(const clf_device *dev);

/* Why `auto` took this device, what it passed over or left and why, a line each;
 * empty for a device opened by its own name. */
CLF_API const char *clf_device_note(const clf_device *dev);

/* Of a check: device the table of what it has compared: for each operation the calls, the largest
 * difference in units of its tolerance, and the call that had it; then whether all agree.  "" for
 * other devices, and before the first call.  Lives until the next call or the device is closed.
 * (trace: prints its table, calls, time and share of each operation, as it is closed.) */
CLF_API const char *clf_device_report(clf_device *dev);

/* Waits until everything enqueued is done. */
CLF_API clf_status clf_sync(clf_device *dev);

/* Bytes of the device's memory in arenas and in the scratch memory of kernels: now, and at most
 * since the last call with `anew`.  What the driver takes besides is not known. */
typedef struct clf_memory {
  uint64_t now, most;
} clf_memory;
CLF_API clf_memory clf_memory_taken(clf_device *dev, int anew);

/* Sets how many threads cpu and cpu64 use at most for one operation, the calling one included, and
 * sets of images while they are decoded: from 1 to 256, or 0 for the default.  The default is the
 * environment variable CLFLOW_THREADS, or as many as there are cores which this process may use
 * (affinity mask, control groups).  It holds for the whole process, from the next operation on.
 * Results have the same bits for any number. Threads are started when an operation first has work
 * for them, sleep while they wait, and are shared by all devices and callers; a forked child starts
 * its own. Errors: EINVAL. */
CLF_API clf_status clf_set_threads(int32_t n);

/* How many that is now. */
CLF_API int32_t clf_threads(void);

typedef struct clf_device_info {
  char name[64];      /* what to give clf_open(): "cpu", "opencl:0" */
  char platform[128]; /* "Portable Computing Language" */
  char device[128];   /* "pthread-skylake-avx512-AMD EPYC" */
  char driver[64];
  char type[16];   /* "cpu", "gpu", "accelerator", "other" */
  char family[16]; /* the family of kernels it would use */
  int32_t units;   /* compute units, or threads */
  int32_t clock_mhz;
  uint64_t memory;    /* bytes */
  uint64_t max_alloc; /* bytes in one buffer */
  int passes;         /* self-test: 1 passed, 0 failed, -1 not run */
  int chosen;         /* 1 for the one that `auto` takes */
  char why[256];      /* what failed, why it was chosen, or (cpu) why there is no OpenCL device */
} clf_device_info;

/* Lists cpu and every OpenCL device, best first among the latter.  With `test`
 * each one is opened, all of its operations are tested, whatever is known of it, and the choice of
 * `auto` is marked; that may take a minute.  The array is the caller's to free(). */
CLF_API clf_status clf_devices(int test, clf_device_info **list, int *count);

/* ---- Tensors ----------------------------------------------------------- */

typedef struct clf_buffer clf_buffer; /* device memory; made by an arena */

/* A view of a buffer: copied freely, owns nothing. */
typedef struct clf_tensor {
  clf_buffer *buf;
  int32_t offset;    /* of element 0 in buf; offset and strides count elements */
  int32_t dim[4];    /* N, C, H, W; unused trailing dimensions are 1 */
  int32_t stride[4]; /* of each dimension */
} clf_tensor;

/* Elements begin .. end - 1 along one axis. */
CLF_API clf_tensor clf_slice(clf_tensor t, int axis, int32_t begin, int32_t end);

/* The same elements in one dimension; t must be dense. */
CLF_API clf_tensor clf_flat(clf_tensor t);

/* Transfers between a view and a dense host array, row-major, in float or in
 * double; on all devices but cpu64 elements are float, so doubles are rounded. */
CLF_API clf_status clf_write(clf_device *dev, clf_tensor dst, const float *src);
CLF_API clf_status clf_read(clf_device *dev, clf_tensor src, float *dst);
/* As clf_write(), but a copy goes beside the work under way where the device can: it waits only for
 * what was dispatched before the last clf_upload() to this device.  So the samples of one step
 * reach one of two tensors while the step before still reads the other. */
CLF_API clf_status clf_upload(clf_device *dev, clf_tensor dst, const float *src);
CLF_API clf_status clf_write64(clf_device *dev, clf_tensor dst, const double *src);
CLF_API clf_status clf_read64(clf_device *dev, clf_tensor src, double *dst);

/* One allocation, many tensors.  An arena without a buffer only measures: run
 * the allocating code once to learn `used`, then again for real. */
typedef struct clf_arena {
  clf_device *dev;
  clf_buffer *buf;  /* NULL while measuring */
  size_t used, cap; /* elements */
  /* Tensors [N, D] of this many rows N or more have the elements of a column side by side, so that
   * vectors of a processor hold samples; 0: none have. */
  int32_t by_column;
} clf_arena;

/* cap = 0 gives an arena that measures.  Contents start undefined.
 * Errors: ENOMEM; ENOTSUP beyond 2^31 - 1 elements. */
CLF_API clf_status clf_arena_init(clf_arena *a, clf_device *dev, size_t cap);
CLF_API void clf_arena_free(clf_arena *a);

/* A dense tensor, row-major unless the arena says otherwise; dimensions given as 0 become 1. */
CLF_API clf_status clf_new(clf_arena *a, const int32_t dim[4], clf_tensor *t);

/* ---- Operations -------------------------------------------------------- */

/* clflow/ops.def lists them all; each row becomes an argument struct whose
 * members are named at the call, in any order, the rest zero:
 *   clf_do(dev, gemm, .a = x, .b = w, .c = y, .alpha = 1)
 * Arguments are checked first: shapes that do not agree are ESHAPE, tensors of
 * another device or that overlap what is written EINVAL. */
#include "clflow/ops.h"
CLF_API clf_status clf_dispatch(clf_device *dev, clf_op op, const void *args);
#define clf_do(dev, op, ...) clf_dispatch((dev), CLF_OP_##op, &(clf_##op##_args){__VA_ARGS__})

#ifdef __cplusplus
}
#endif
#endif
