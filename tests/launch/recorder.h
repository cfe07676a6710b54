/* SPDX-License-Identifier: MIT */
/* recorder.h: shared by the tests of launches: a recorder in place of the OpenCL queue, and the
 * kernels that the sources define. */
#ifndef CLF_RECORDER_H
#define CLF_RECORDER_H
#include "backend.h"
#include "cases.h"
#include "launch.h"

/* The attribute of a kernel that gives its work-group, and the work-items in x and y. */
typedef struct group_size {
  const char *attribute;
  size_t (*x)(const clf_traits *t), (*y)(const clf_traits *t);
} group_size;

typedef struct kernel {
  char name[64];
  const struct group_size *size;
  int lanes; /* defined for one lane only (1), for more only (2), for both (3) */
  int launched;
} kernel;
extern kernel kernels[];
extern int kernel_count;
/* Reads the kernels from all .cl files. */
void read_sources(void);

extern const clf_algorithm *const algorithms[CLF_OP_COUNT];

typedef struct recorder {
  char text[1024]; /* "[floats reserved] kernel 1x2x3/1x1x1 (the plan), ..." */
  size_t scratch;  /* floats */
  int launches;
  int reserves;
  int refuse;         /* index of the launch that fails, from 1; 0: none */
  int refuse_reserve; /* the same for scratch memory */
  int blas_does;      /* the value that the BLAS sets *done to */
  int blas_calls;
  int forced; /* as for a device: the algorithm, counted from 1 */
} recorder;

/* The family of this name, to be changed at will. */
clf_traits *family(const char *name);
/* Runs the host code of an operation; tensors of `args` have dimensions alone. */
clf_status run(recorder *r, clf_traits *traits, clf_op op, const void *args);
clf_status run_case(recorder *r, clf_traits *traits, clf_op op, const clf_case *c);

#endif
