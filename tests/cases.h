/* SPDX-License-Identifier: MIT */
/* cases.h: one table of cases per operation, for the tests.
 *
 * A case is the call itself with shapes in place of tensors; the harness supplies memory, data and
 * devices. */
#ifndef CLF_CASES_H
#define CLF_CASES_H
#include "clflow/core.h"

enum { CLF_CASE_GIVEN = 3 };
/* The values of one tensor of one or two dimensions, repeated until it is full. */
typedef struct clf_case_values {
  int tensor, count;
  const float *values;
} clf_case_values;

typedef struct clf_case {
  const char *label;
  const void *args; /* tensors carry dim only */
  float lo, hi;     /* inputs are uniform here; 0,0 means -1..1 */
  float tol;        /* |got - want| <= tol * (1 + |want|); 0 means 1e-5 */
  int fresh;        /* updated tensors start as NaN, too: this call must not read them */
  int nhwc;         /* images are channels-last */
  unsigned planes;  /* the arguments that are not, one bit each: a model's weights are plain */
  int cropped;      /* images are views of wider ones: gaps follow their rows of pixels */
  /* The arguments with contiguous samples, one bit each; 0: a second run has all of them in that
   * layout, unless there are images. */
  unsigned by_column;
  int bench;                             /* of realistic size: not in the quick run */
  clf_case_values given[CLF_CASE_GIVEN]; /* in place of random numbers */
} clf_case;

typedef struct clf_case_table {
  const clf_case *at;
  int count;
} clf_case_table;

extern const clf_case_table *const clf__case_tables[CLF_OP_COUNT];

#define DIM(...)                                                                                   \
  {                                                                                                \
    .dim = { __VA_ARGS__ }                                                                         \
  }
/* The same row for every sample: a view with stride[0] 0. */
enum { CLF_SHARED = 1 };
#define SHARED(...)                                                                                \
  { .dim = {__VA_ARGS__}, .offset = CLF_SHARED }
#define CASE(name, ...)                                                                            \
  { .label = name, .args = __VA_ARGS__ } /* args, then .tol = ... */
#define CLF_CASES(op, ...)                                                                         \
  static const clf_case op##_cases[] = {__VA_ARGS__};                                              \
  extern const clf_case_table clf_cases_##op;                                                      \
  const clf_case_table clf_cases_##op = {op##_cases, sizeof op##_cases / sizeof *op##_cases}

/* Runs one case on the reference, and on dev with every algorithm that takes it, row by row and
 * column by column; EMISMATCH says where they differ. */
clf_status clf__check_case(clf_device *ref, clf_device *dev, clf_op op, const clf_case *c);
/* Gives a case memory and data on dev, and has `call` run it there, if this algorithm takes it:
 * counted from 1; 0: as the rules choose. */
clf_status clf__run_case(clf_device *dev, clf_op op, const clf_case *c, int algorithm,
                         clf_status (*call)(clf_device *dev, clf_op op, const void *args));
#endif
