/* SPDX-License-Identifier: MIT */
/* keys.h: the parameters of a synthetic set, as in "moons:n=100,seed=2".  Private. */
#ifndef CLF_DATA_KEYS_H
#define CLF_DATA_KEYS_H
#include "clflow/core.h"

typedef struct clf__key {
  const char *name;
  const char *range; /* its values, in words */
  uint64_t *whole;   /* target of a whole number from min to max */
  uint64_t min, max;
  double *real; /* otherwise the target of a number from 0 to real_max */
  double real_max;
} clf__key;

/* Whether `source` up to a ':' is `name`. */
int clf__keys_name(const char *source, const char *name);

/* Reads the pairs after the ':' of `source`, if there is one, into the targets of the keys;
 * those that are not given keep their values.  At most 32 keys.  Errors: EINVAL. */
clf_status clf__keys_read(const char *source, const clf__key *keys, int count);

#endif
