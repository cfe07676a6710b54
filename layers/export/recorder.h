/* SPDX-License-Identifier: MIT */
/* recorder.h: records the operations that a flow runs for one row as steps of a program.
 * Private.
 *
 * What a flow computes for a row is a fixed list of operations: layers, maps, nets and bases decide
 * what to run by their architecture alone, never by numbers.  So the recorded list is the flow, and
 * a new layer can be exported once its operations have a C text (calls.def).
 *
 * While recording, every element of memory has a state: it is a constant (a weight, or a number
 * computed from weights alone, once, now), or a value, which depends on the row.  Each write
 * makes new values; values that one operation sees as one tensor belong to one `cell`, which keeps
 * its layout when place.c gives it memory. */
#ifndef CLF_RECORDER_H
#define CLF_RECORDER_H
#include "backend.h"

enum { CLF_STEP_SET = CLF_OP_COUNT }; /* a step that writes constants to its one operand */

typedef enum clf__operand_kind {
  CLF_OPERAND_NONE,     /* left out */
  CLF_OPERAND_CONSTANT, /* `constant`: its numbers, dense and row-major */
  CLF_OPERAND_VALUE     /* `value`: that of its first element */
} clf__operand_kind;

typedef struct clf__operand {
  clf__operand_kind kind;
  int reads, writes;
  clf_tensor t; /* of a constant with dense strides */
  double *constant;
  int32_t value;
} clf__operand;

typedef struct clf__step {
  int op;
  int needed; /* by place.c */
  char *args; /* as of clf_dispatch() */
  clf__operand operand[CLF_MAX_TENSORS];
} clf__step;

typedef struct clf__value {
  int32_t parent; /* of the union-find forest that makes cells */
  int32_t buffer; /* where it was recorded: the index of a buffer, and the element there */
  int64_t element;
} clf__value;

/* Memory of a program: s[at ..] holds elements low .. of the cell. */
typedef struct clf__cell {
  int32_t root;
  int32_t first, last; /* the steps between which it is in use */
  int64_t low, high;   /* elements */
  int64_t at;
  int needed;
} clf__cell;

typedef struct clf__recorded {
  clf__step *step;
  int32_t steps, step_room;
  clf__value *value;
  int32_t values, value_room;
  clf__cell *cell;  /* by place.c */
  int32_t *cell_of; /* of each root value */
  int32_t cells;
  int64_t size; /* elements of memory that the cells take */
} clf__recorded;

/* A device that runs operations on cpu64 and, between begin and end, records them. */
clf_status clf__recorder_open(clf_device **dev);
void clf__recorder_begin(clf_device *dev, clf__recorded *to);
void clf__recorder_end(clf_device *dev);
/* Makes the elements of t inputs: values that no step writes.  Returns the first. */
clf_status clf__recorder_input(clf_device *dev, clf_tensor t, int32_t *value);
/* The first of the values that t holds now; constants become values. */
clf_status clf__recorder_output(clf_device *dev, clf_tensor t, int32_t *value);

void clf__recorded_free(clf__recorded *t);
int32_t clf__recorded_root(clf__recorded *t, int32_t value);

/* place.c: leaves out steps that the outputs do not need, and gives every cell its offset.  Outputs
 * and inputs are values; inputs are kept from the start, outputs to the end. */
clf_status clf__recorded_place(clf__recorded *t, const int32_t *inputs, int n_inputs,
                               const int32_t *outputs, int n_outputs);
/* The offset of a value in s. */
int64_t clf__recorded_at(clf__recorded *t, int32_t value);

#endif
