/* SPDX-License-Identifier: MIT */
/* record.h: records what a flow computes for one row in the units of the data.  Private. */
#ifndef CLF_EXPORT_RECORD_H
#define CLF_EXPORT_RECORD_H
#include "flow_private.h"
#include "recorder.h"

typedef enum clf__program_kind {
  CLF_PROGRAM_LOG_PROB,
  CLF_PROGRAM_TRANSFORM,
  CLF_PROGRAM_INVERSE,
  CLF_PROGRAM_SAMPLE,
  CLF_PROGRAMS
} clf__program_kind;

/* A program, and the first value of each input and output row. */
typedef struct clf__program {
  clf__recorded trace;
  int32_t in, context; /* -1: it has none */
  int32_t out, scalar; /* a row, and the log-density or log-det; -1: none */
} clf__program;

/* A copy of a flow that is recorded. */
typedef struct clf__recording clf__recording;
clf_status clf__recording_begin(clf_flow *flow, clf__recording **r);
void clf__recording_end(clf__recording *r);

/* Free the result with clf__recorded_free(), also after an error. */
clf_status clf__record(clf__recording *r, clf__program_kind kind, clf__program *p);

#endif
