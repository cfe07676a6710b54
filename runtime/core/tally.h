/* SPDX-License-Identifier: MIT */
/* tally.h: statistics of a wrapping device, one row per operation, for the tables of check: and
 * trace:.  Private. */
#ifndef CLF_TALLY_H
#define CLF_TALLY_H
#include "backend.h"

typedef struct clf__tally_row {
  long calls;
  double amount; /* the maximum, or the sum */
  char at[256];  /* the call with the maximum */
} clf__tally_row;

enum { CLF_TALLY_WRITES = CLF_OP_COUNT, CLF_TALLY_READS, CLF_TALLY_ROWS };

struct clf__tally {
  clf__tally_row row[CLF_TALLY_ROWS]; /* indexed by clf_op; then transfers */
  long disagree;                      /* calls of check: outside of their tolerance */
  char *text;                         /* the last report */
};

/* Records a call whose largest difference is `part` tolerances; args may be of either device. */
void clf__tally_check(struct clf__tally *t, clf_op op, const void *args, double part);
/* Records the seconds of a call or transfer. */
void clf__tally_trace(struct clf__tally *t, int row, double seconds);

/* The tables as text, one line per row; "" if nothing was called; NULL if memory runs out.
 * Owned by the tally. */
const char *clf__tally_checked(struct clf__tally *t);
const char *clf__tally_traced(struct clf__tally *t);

void clf__tally_free(struct clf__tally *t); /* NULL is a no-op */

#endif
