/* SPDX-License-Identifier: MIT */
/* backend.h: what a backend promises the runtime.  Private. */
#ifndef CLF_BACKEND_H
#define CLF_BACKEND_H
#include "clflow/core.h"
#include "status.h"

enum { CLF_MAX_TENSORS = 11, CLF_MAX_ARGS = 640 }; /* of one operation; bytes of its arguments */

struct clf_buffer {
  clf_device *dev;
  size_t size;  /* elements */
  void *handle; /* cpu: real *; opencl: cl_mem; check, trace: the inner device's buffer */
  int lost;     /* 1: its contents went with a device that was opened anew (revive.c) */
  clf_buffer *next, *before; /* of the device's buffers */
};

/* One of several ways to compute an operation; a table of them ends with a NULL name.  The
 * first that takes a call and suits it runs, of which there must be one for any call, unless
 * tuning chose another that takes it.  `takes` is about what it can do, `suits` about what it is
 * good for; both see the call and the traits of the kernels (launch.h; NULL on cpu). */
struct clf_traits;
struct clf_call;
struct clf_scratch;
typedef int (*clf_rule)(const void *args, const struct clf_traits *traits);
typedef struct clf_way {
  const char *name;
  clf_rule takes;                                                       /* NULL: every call */
  clf_rule suits;                                                       /* NULL: every call */
  clf_status (*launch)(struct clf_call *call);                          /* of OpenCL */
  clf_status (*compute)(const void *args, struct clf_scratch *scratch); /* of cpu */
} clf_way;

typedef struct clf_choice { /* by tuning, for calls that are alike */
  clf_op op;
  int way;
  uint64_t alike;
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
  /* (not of a wrapper) The ways there are to compute an operation, and what their rules look at. */
  const clf_way *(*ways)(const clf_device *dev, clf_op op, const struct clf_traits **traits);
} clf_backend;

struct clf_device {
  const clf_backend *backend;
  void *impl;
  int bits;                   /* of an element: 32, or 64 on cpu64 */
  uint64_t memory, max_alloc; /* bytes in all, and of one buffer; 0: not known */
  int many_callers;           /* 1: several threads may run operations at the same time */
  int wide_cores;    /* 1 where one work-item fills a core's vectors; layers choose by it */
  double lone_work;  /* rows x couplings x hidden x dim of a training step that one work-item or
                        group still takes sooner than all of them together by several calls */
  clf_device *inner; /* of a wrapper: check:, trace: */
  struct clf__tally *tally; /* of a wrapper: what it has seen; NULL: nothing is counted */
  int forced;               /* the way that runs what it takes, counted from 1; 0: none */
  clf_choice *tuned;        /* way.c: what tuning chose, as the device was opened */
  int tuned_count;
  char *tuned_key; /* all that the choices depend on; NULL: of a wrapper */
  char name[192];
  char *asked;            /* what it was opened by, without `auto` */
  clf_buffer *buffers;    /* all there are */
  struct clf__late *late; /* of a device that `auto` took and that is tested as it is used */
  char note[2048];        /* how `auto` came to it */
  void *stage;            /* host memory for transfers that must be gathered or converted */
  size_t staged;          /* its bytes */
  clf_memory taken;       /* by arenas and scratch memory */
};

/* Counts bytes that the device's memory has `more` of in use, or fewer. */
static inline void clf__take(clf_device *dev, size_t more, size_t fewer) {
  dev->taken.now += more;
  dev->taken.now -= fewer;
  if (dev->taken.now > dev->taken.most) dev->taken.most = dev->taken.now;
}

extern const clf_backend clf__cpu, clf__cpu64, clf__opencl, clf__check, clf__trace;

/* Opens by an exact name, without `auto` and environment. */
clf_status clf__open(const char *name, clf_device **dev);

/* revive.c: the device that dev is, or that lies in its wrappers, anew and in place: as it was
 * opened or, where `name` is not NULL, by another name.  Buffers stay with their views, their
 * contents are lost: until clf__set_lost(), operations and transfers refuse them.  After an error
 * everything on it fails, but it can be freed, closed, or revived by another name.
 * Errors: as clf_open(); ENODEV if another device is in its place now. */
clf_status clf__revive(clf_device *dev, const char *name);
/* Whether clf__revive() could be of use: as it was opened, and as "cpu". */
int clf__revivable(const clf_device *dev);
/* dev becomes `fresh`, which is freed, with the contents of its buffers.  After an error both are
 * what they were. */
clf_status clf__replace(clf_device *dev, clf_device *fresh);
/* 0: the caller is about to write what lies in this arena, or has no use for it. */
void clf__set_lost(const clf_arena *a, int lost);

/* A checker around a device that is already open; closing it leaves `inner` open. */
clf_status clf__check_wrap(clf_device *inner, clf_device **dev);

/* way.c: the ways of an operation, 1 where there is no choice; whether way i takes a call; and
 * the one by which it runs. */
int clf__way_count(const clf_device *dev, clf_op op);
int clf__way_takes(const clf_device *dev, clf_op op, int i, const void *args);
const clf_way *clf__way(const clf_device *dev, clf_op op, const void *args);
int clf__way_index(const clf_device *dev, clf_op op, const void *args); /* of that one */
/* A number for calls that are alike: sizes to a factor of 1.5, layout, small parameters. */
uint64_t clf__alike(clf_op op, const void *args);
/* Sets what tuned choices depend on, the parts joined by line ends, and loads those that there
 * are; whatever is wrong with them, they are not there. */
clf_status clf__tuned_load(clf_device *dev, const char *const parts[], int count);
/* Keeps the choices of dev; 0 if they could not be kept. */
int clf__tuned_save(const clf_device *dev);

/* tune.c: clf_tune() on a device that is open. */
struct clf_tuned;
clf_status clf__tune(clf_device *dev, clf_status (*work)(clf_device *dev, void *context),
                     void *work_context,
                     void (*report)(const struct clf_tuned *shape, void *context),
                     void *report_context, int *kept);

/* selftest.c: runs every kind of operation on small inputs against cpu64, and tells `passed` (NULL:
 * nobody) of each that went well and by which algorithm; or one operation by one algorithm.
 * CLF_EMISMATCH says what went wrong. */
typedef void (*clf__passed_fn)(clf_op op, int way);
clf_status clf__selftest(clf_device *dev, clf__passed_fn passed);
clf_status clf__selftest_of(clf_device *dev, clf_op op, int way, clf__passed_fn passed);

/* late.c: a device that `auto` took before all of its kernels were compiled.  Each algorithm of an
 * operation is tested as it is first used, in the program clflow-probe where there is one. */
struct clf__late;
struct clf__probe;
/* Whether the driver compiles kernels later than as it is opened. */
int clf__late_kernels(const clf_device *dev);
/* From here on what dev runs is tested; takes the program from `probe` if it has `name` open. */
clf_status clf__late_begin(clf_device *dev, const char *name, const char *family,
                           struct clf__probe *probe);
/* Tests the algorithm that is about to run, unless it was tested before on this driver.  EDEVICE:
 * it failed. */
clf_status clf__late_test(clf_device *dev, clf_op op, int way);
/* After a call that failed: 1 if dev has become another device, on which it is to be repeated. */
int clf__late_moves_on(clf_device *dev);
/* The caller has read from the device: it stays this one. */
void clf__late_answered(clf_device *dev);
void clf__late_end(struct clf__late *late);
/* One thread at a time has drivers tried out, and others find what it found out. */
void clf__late_lock(void);
void clf__late_unlock(void);
/* device.c: opens the first device of those that `auto` considers, from the N-th on, that passes;
 * what it passes over goes to *note of that size. */
clf_status clf__open_from(int first, const char *family, char *note, size_t size, clf_device **out);

/* What wrappers pass on unchanged (wrapper.c): a buffer's handle is the inner one's. */
clf_status clf__wrapper_alloc(clf_device *dev, clf_buffer *b);
void clf__wrapper_release(clf_device *dev, clf_buffer *b);
clf_status clf__wrapper_write(clf_device *dev, clf_buffer *b, size_t at, const void *src, size_t n);
clf_status clf__wrapper_read(clf_device *dev, clf_buffer *b, size_t at, void *dst, size_t n);
clf_status clf__wrapper_sync(clf_device *dev);
/* The call `args` with the inner device's buffers, into `out`. */
void clf__wrapper_args(clf_op op, const void *args, void *out);
/* Takes over how a device describes itself; the name becomes "PREFIX:inner's". */
void clf__wrapper_adopt(clf_device *dev, const char *prefix, clf_device *inner);

/* What the modes of ops.def say. */
static inline int clf__may_lack(char mode) { return mode == 'o' || mode == 'k' || mode == 'a'; }
static inline int clf__updates(char mode) { return mode == 'u' || mode == 'a'; }
static inline int clf__writes(char mode) {
  return mode == 'w' || mode == 'k' || clf__updates(mode);
}

/* Element k of n that a test puts into a tensor of mode i: the indices 0 .. n-1, the last one
 * first. */
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
/* ESHAPE unless t, argument i of `op`, lies within its buffer; EDEVICE if that was lost. */
clf_status clf__check_view(const char *op, int i, const clf_tensor *t);

#endif
