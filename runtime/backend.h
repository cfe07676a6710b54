/* SPDX-License-Identifier: MIT */
/* backend.h: what a backend promises the runtime.  Private. */
#ifndef CLF_BACKEND_H
#define CLF_BACKEND_H
#include "clflow/core.h"
#include "status.h"

enum { CLF_MAX_TENSORS = 9, CLF_MAX_ARGS = 640 }; /* of one operation; bytes of its arguments */

struct clf_buffer {
  clf_device *dev;
  size_t size;  /* elements */
  void *handle; /* cpu: real *; opencl: cl_mem; check, trace: the inner device's buffer */
};

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
  /* args were validated by clf_dispatch.  May return before the work is done. */
  clf_status (*run)(clf_device *dev, clf_op op, const void *args);
  clf_status (*sync)(clf_device *dev);
} clf_backend;

struct clf_device {
  const clf_backend *backend;
  void *impl;
  int bits;                   /* of an element: 32, or 64 on cpu64 */
  uint64_t memory, max_alloc; /* bytes in all, and of one buffer; 0: not known */
  int wide_cores;    /* 1 where one work-item fills a core's vectors; layers choose by it */
  double lone_work;  /* rows x couplings x hidden x dim of a training step that one work-item or
                        group still takes sooner than all of them together by several calls */
  clf_device *inner; /* of a wrapper: check:, trace: */
  char name[192];
  char note[2048];  /* how `auto` came to it */
  void *stage;      /* host memory for transfers that must be gathered or converted */
  size_t staged;    /* its bytes */
  clf_memory taken; /* by arenas and scratch memory */
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

/* A checker around a device that is already open; closing it leaves `inner` open. */
clf_status clf__check_wrap(clf_device *inner, clf_device **dev);

/* Runs every kind of operation on small inputs against cpu64: CLF_EMISMATCH tells
 * what went wrong. */
clf_status clf__selftest(clf_device *dev);

/* What wrappers pass on unchanged (wrapper.c): a buffer's handle is the inner one's. */
clf_status clf__wrapper_alloc(clf_device *dev, clf_buffer *b);
void clf__wrapper_release(clf_device *dev, clf_buffer *b);
clf_status clf__wrapper_write(clf_device *dev, clf_buffer *b, size_t at, const void *src, size_t n);
clf_status clf__wrapper_read(clf_device *dev, clf_buffer *b, size_t at, void *dst, size_t n);
clf_status clf__wrapper_sync(clf_device *dev);
/* The call `args` with the inner device's buffers, into `out`. */
void clf__wrapper_args(clf_op op, const void *args, void *out);
/* Takes over what a device tells of itself; the name becomes "PREFIX:inner's". */
void clf__wrapper_adopt(clf_device *dev, const char *prefix, clf_device *inner);

/* What the modes of ops.def say. */
static inline int clf__may_lack(char mode) { return mode == 'o' || mode == 'k' || mode == 'a'; }
static inline int clf__updates(char mode) { return mode == 'u' || mode == 'a'; }
static inline int clf__writes(char mode) {
  return mode == 'w' || mode == 'k' || clf__updates(mode);
}

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
/* ESHAPE unless t, argument i of `op`, lies within its buffer. */
clf_status clf__check_view(const char *op, int i, const clf_tensor *t);

#endif
