/* SPDX-License-Identifier: MIT */
/* record.h: reads a flow's record of how it was chosen.  Private. */
#ifndef CLF_PLOT_RECORD_H
#define CLF_PLOT_RECORD_H
#include "clflow/flow.h"

#include <jansson.h>

/* A candidate of the search; NaN, NULL and 0 for what is unknown. */
typedef struct clf__candidate {
  const char *name, *arch, *options, *note;
  double steps, seconds, train, valid, valid_se, test, test_se;
  double weight;        /* in a blend */
  double gain, gain_se; /* of the model over it on test rows, paired by row */
  int chosen;
  const json_t *curve; /* of [step, train, valid] */
} clf__candidate;

typedef struct clf__record {
  json_t *json;     /* NULL: the flow has no record */
  int count, front; /* number of candidates; how many of the first ones to show at once */
  clf__candidate
      *candidate; /* the chosen one, components of a blend, baselines, then by validation */
  int refit;
  double by, by_se; /* the chosen one over the next by validation, whose name is `next` */
  const char *next;
} clf__record;

/* Errors: EFORMAT, ENOMEM. */
clf_status clf__record_read(clf__record *r, const clf_flow *flow);
void clf__record_free(clf__record *r);

/* The candidate with that name, the chosen one; or NULL. */
const clf__candidate *clf__record_named(const clf__record *r, const char *name);
const clf__candidate *clf__record_chosen(const clf__record *r);

/* Its mean log p of validation rows, -inf if there is none. */
double clf__valid_of(const clf__candidate *c);

#endif
