/* SPDX-License-Identifier: MIT */
/* backend.h: what a backend promises the runtime.  Private. */
#ifndef CLF_BACKEND_H
#define CLF_BACKEND_H
#include "clflow/core.h"
#include "status.h"

enum {
  CLF_MAX_TENSORS = 11,
  CLF_MAX_ARGS = 640
}; /* the most tensors of one operation, and the bytes of its arguments */

struct clf_buffer {
  clf_device *dev;
  size_t size;  /* elements */
  void *handle; /* cpu: real *; opencl: cl_mem; check, trace: the inner device's buffer */
  int adopted;  /* 1: the memory was allocated by the program (clf_wrap_cl()) */
  int lost;     /* 1: the contents were lost when its device was reopened (revive.c) */
  struct clf__sorted *sorted; /* matrices in another order than callers see (sorted.h) */
  int sorted_count;
  clf_buffer *next, *before; /* of the device's buffers */
  int counts;                /* 1: `writes` counts; set by the owner of the buffer */
  uint32_t writes;           /* calls that wrote to it, and losses of its contents */
};

/* One of several algorithms for an operation.  Tables of them end with a NULL name.  The first
 * one that takes a call and suits it runs, unless tuning chose another one that takes it; for
 * any call at least one must do both.  `takes` says whether the algorithm can compute the call,
 * `suits` whether it is a good choice.  Both see the arguments of the call and the traits of the
 * kernels (launch.h; NULL on cpu). */
struct clf_traits;
struct clf_call;
struct clf_scratch;
typedef int (*clf_rule)(const void *args, const struct clf_traits *traits);
typedef struct clf_algorithm {
  const char *name;
  clf_rule takes;                                                       /* NULL: every call */
  clf_rule suits;                                                       /* NULL: every call */
  clf_status (*launch)(struct clf_call *call);                          /* OpenCL */
  clf_status (*compute)(const void *args, struct clf_scratch *scratch); /* cpu */
} clf_algorithm;

typedef struct clf_choice { /* chosen by tuning, for calls with the same tuning key */
  clf_op op;
  int algorithm;
  uint64_t key;
} clf_choice;

typedef struct clf_backend {
  const char *name; /* the part of a device string before the colon */
  clf_status (*open)(clf_device *dev, const char *which);
  void (*close)(clf_device *dev);
  clf_status (*alloc)(clf_device *dev, clf_buffer *buf);
  void (*release)(clf_device *dev, clf_buffer *buf);
  /* Dense transfers of n elements of the device's own type, starting at element
   * `at`; read waits. */
  clf_status (*write)(clf_device *dev, clf_buffer *buf, size_t at, const void *src, size_t n);
  clf_status (*read)(clf_device *dev, clf_buffer *buf, size_t at, void *dst, size_t n);
  /* (optional) As write, which serves where there is none; see clf_upload(). */
  clf_status (*upload)(clf_device *dev, clf_buffer *buf, size_t at, const void *src, size_t n);
  /* args were validated by clf_dispatch.  May return before the work is done. */
  clf_status (*run)(clf_device *dev, clf_op op, const void *args);
  clf_status (*sync)(clf_device *dev);
  /* (not of a wrapper) The algorithms of an operation, and the traits that their rules look at. */
  const clf_algorithm *(*algorithms)(const clf_device *dev, clf_op op,
                                     const struct clf_traits **traits);
} clf_backend;

struct clf_device {
  const clf_backend *backend;
  void *impl;
  int bits;                   /* of an element: 32, or 64 on cpu64 */
  uint64_t memory, max_alloc; /* bytes in all, and of one buffer; 0: not known */
  int many_callers;           /* 1: several threads may run operations at the same time */
  int wide_cores;             /* 1 if one work-item fills a core's vectors; layers choose by it */
  double lone_work;  /* rows x couplings x hidden x dim of a training step up to which one work-item
                        or work-group is faster than several calls that use all of them */
  clf_device *inner; /* of a wrapper: check:, trace: */
  struct clf__tally *tally; /* of a wrapper: what it has counted; NULL: nothing */
  int forced;        /* the algorithm that runs every call it takes, counted from 1; 0: none */
  clf_choice *tuned; /* algorithm.c: what tuning chose, loaded when the device was opened */
  int tuned_count;
  char *tuned_key; /* everything that the choices depend on; NULL for a wrapper */
  char name[192];
  char *asked;         /* the name it was opened by, without `auto` */
  clf_buffer *buffers; /* all buffers of the device */
  struct clf__late
      *late;       /* set if `auto` took the device: its operations are tested at their first use */
  char note[2048]; /* how `auto` chose it */
  void *stage;     /* host memory for transfers that must be gathered or converted */
  size_t staged;   /* bytes of `stage` */
  clf_memory taken; /* by arenas and scratch memory */
};

/* Counts `more` bytes of the device's memory as taken and `fewer` as released. */
static inline void clf__take(clf_device *dev, size_t more, size_t fewer) {
  dev->taken.now += more;
  dev->taken.now -= fewer;
  if (dev->taken.now > dev->taken.most) dev->taken.most = dev->taken.now;
}

/* Is called before every write to a buffer of the device. */
static inline void clf__count_write(clf_buffer *b) {
  if (b->counts) b->writes++;
}
/* backend->write() for layers, which have the elements of a vector in host memory. */
static inline clf_status clf__write_elements(clf_device *dev, clf_buffer *b, size_t at,
                                             const void *src, size_t n) {
  clf__count_write(b);
  return dev->backend->write(dev, b, at, src, n);
}

extern const clf_backend clf__cpu, clf__cpu64, clf__opencl, clf__check, clf__trace;

/* Opens a device by its exact name, without `auto` and the environment. */
clf_status clf__open(const char *name, clf_device **dev);

/* tensor.c: an arena on memory that is there already, which clf_arena_free() releases. */
clf_status clf__arena_adopt(clf_arena *a, clf_device *dev, size_t cap, void *handle);

/* revive.c: reopens a device in place, or the device inside its wrappers: by the name it was
 * opened with or, if `name` is not NULL, by that one.  Buffers and views stay valid but their
 * contents are lost: operations and transfers refuse them until clf__set_lost().  After an error
 * everything on the device fails; it can still be freed, closed, or revived by another name.
 * Errors: as clf_open(); ENODEV if another device is in its place now. */
clf_status clf__revive(clf_device *dev, const char *name);
/* Whether clf__revive() can help: with the same name, and with "cpu". */
int clf__revivable(const clf_device *dev);
/* dev becomes `fresh`, which is freed, and takes over the contents of its buffers.  After an
 * error both are unchanged. */
clf_status clf__replace(clf_device *dev, clf_device *fresh);
/* lost = 0: the caller is about to write the contents of this arena, or does not need them. */
void clf__set_lost(const clf_arena *a, int lost);

/* A checker around a device that is already open; closing it leaves `inner` open. */
clf_status clf__check_wrap(clf_device *inner, clf_device **dev);

/* algorithm.c: the number of algorithms of an operation (1: no choice), whether algorithm i
 * takes a call, and the algorithm that a call runs with. */
int clf__algorithm_count(const clf_device *dev, clf_op op);
int clf__algorithm_takes(const clf_device *dev, clf_op op, int i, const void *args);
const clf_algorithm *clf__algorithm(const clf_device *dev, clf_op op, const void *args);
int clf__algorithm_index(const clf_device *dev, clf_op op,
                         const void *args); /* index of that algorithm */
/* The tuning key of a call: sizes to a factor of 1.5, layout, small parameters.  Calls with the
 * same key share one choice. */
uint64_t clf__tuning_key(clf_op op, const void *args);
/* Sets what tuned choices depend on (the strings `parts`, joined by newlines) and loads the
 * saved choices.  Damaged or foreign files count as missing. */
clf_status clf__tuned_load(clf_device *dev, const char *const parts[], int count);
/* Saves the choices of dev; 0 if that failed. */
int clf__tuned_save(const clf_device *dev);

/* tune.c: clf_tune() on an open device. */
struct clf_tuned;
clf_status clf__tune(clf_device *dev, clf_status (*work)(clf_device *dev, void *context),
                     void *work_context,
                     void (*report)(const struct clf_tuned *shape, void *context),
                     void *report_context, int *kept);

/* selftest.c: runs every kind of operation on small inputs and compares with cpu64, or one
 * operation with one algorithm.  Calls `passed` (may be NULL) for each algorithm that agreed.
 * EMISMATCH says what differed. */
typedef void (*clf__passed_fn)(clf_op op, int algorithm);
clf_status clf__selftest(clf_device *dev, clf__passed_fn passed);
clf_status clf__selftest_of(clf_device *dev, clf_op op, int algorithm, clf__passed_fn passed);

/* late.c: tests of a device that `auto` took before all of its kernels were compiled.  Each
 * algorithm of an operation is tested before its first use, in the program clflow-probe if it
 * was found. */
struct clf__late;
struct clf__probe;
/* Whether the driver compiles kernels at their first use instead of when the device is opened. */
int clf__late_kernels(const clf_device *dev);
/* From now on operations of dev are tested before their first use.  Takes over the process of
 * `probe` if that has the device `name` open. */
clf_status clf__late_begin(clf_device *dev, const char *name, const char *family,
                           struct clf__probe *probe);
/* Tests an algorithm that is about to run, unless it already passed with this driver.  EDEVICE:
 * it failed. */
clf_status clf__late_test(clf_device *dev, clf_op op, int algorithm);
/* After a failed call: 1 if dev has become another device, on which the call must be repeated. */
int clf__late_moves_on(clf_device *dev);
/* The caller has read from the device: from now on `auto` does not replace it. */
void clf__late_answered(clf_device *dev);
void clf__late_end(struct clf__late *late);
/* One thread at a time tests drivers; the others wait and use its findings. */
void clf__late_lock(void);
void clf__late_unlock(void);
/* device.c: opens the first device that passes, from the N-th on of those that `auto` considers;
 * describes the ones it passed over in `note`, which has `size` bytes. */
clf_status clf__open_from(int first, const char *family, char *note, size_t size, clf_device **out);

/* What wrappers pass on unchanged (wrapper.c): the handle of a buffer is the inner device's
 * buffer. */
clf_status clf__wrapper_alloc(clf_device *dev, clf_buffer *b);
void clf__wrapper_release(clf_device *dev, clf_buffer *b);
clf_status clf__wrapper_write(clf_device *dev, clf_buffer *b, size_t at, const void *src, size_t n);
clf_status clf__wrapper_read(clf_device *dev, clf_buffer *b, size_t at, void *dst, size_t n);
clf_status clf__wrapper_sync(clf_device *dev);
/* Copies the call `args` to `out`, with the buffers of the inner device. */
void clf__wrapper_args(clf_op op, const void *args, void *out);
/* Copies how a device describes itself; the name becomes "PREFIX:" and the inner name. */
void clf__wrapper_adopt(clf_device *dev, const char *prefix, clf_device *inner);

/* The modes of ops.def. */
static inline int clf__may_lack(char mode) { return mode == 'o' || mode == 'k' || mode == 'a'; }
static inline int clf__updates(char mode) { return mode == 'u' || mode == 'a'; }
static inline int clf__writes(char mode) {
  return mode == 'w' || mode == 'k' || clf__updates(mode);
}

/* Element k of n that a test writes to a tensor of mode i: the indices 0 .. n-1, in reverse
 * order. */
static inline float clf__test_index(size_t k, size_t n) { return (float)(n - 1 - k); }

/* "gemm(r[2,3,1,1] ...)" */
void clf__call_str(clf_op op, const void *args, char *out, size_t size);

static inline size_t clf__count(const clf_tensor *t) {
  return (size_t)t->dim[0] * (size_t)t->dim[1] * (size_t)t->dim[2] * (size_t)t->dim[3];
}
/* Elements from the first to the last of a view, both included. */
static inline size_t clf__span(const clf_tensor *t) {
  size_t n = 1;
  for (int i = 0; i < 4; i++) n += (size_t)(t->dim[i] - 1) * (size_t)t->stride[i];
  return n;
}
int clf__dense(const clf_tensor *t);
/* ESHAPE unless t, argument i of `op`, is within its buffer; EDEVICE if that was lost. */
clf_status clf__check_view(const char *op, int i, const clf_tensor *t);

#endif
