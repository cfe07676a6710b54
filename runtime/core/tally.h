/* SPDX-License-Identifier: MIT */
/* tally.h: what a wrapping device has seen, a row for each operation: the tables of check: and
 * trace:.  Private. */
#ifndef CLF_TALLY_H
#define CLF_TALLY_H
#include "backend.h"

typedef struct clf__tally_row {
  long calls;
  double amount; /* the largest that was noted, or the sum */
  char at[256];  /* the call that had the largest */
} clf__tally_row;

enum { CLF_TALLY_WRITES = CLF_OP_COUNT, CLF_TALLY_READS, CLF_TALLY_ROWS };

struct clf__tally {
  clf__tally_row row[CLF_TALLY_ROWS]; /* by clf_op, then transfers */
  long disagree;                      /* calls of check: that were beyond their tolerance */
  char *text;                         /* of the last report */
};

/* One more call whose largest difference, in tolerances, is `part`; args are of either device. */
void clf__tally_check(struct clf__tally *t, clf_op op, const void *args, double part);
/* One more call or transfer that took so long. */
void clf__tally_trace(struct clf__tally *t, int row, double seconds);

/* The tables as text, a line each, "" where nothing was called; NULL without memory.  The tally's.
 */
const char *clf__tally_checked(struct clf__tally *t);
const char *clf__tally_traced(struct clf__tally *t);

void clf__tally_free(struct clf__tally *t); /* NULL is a no-op */

#endif
