/* SPDX-License-Identifier: MIT */
/* keys.h: what follows the name of a drawn set, as in "moons:n=100,seed=2".  Private. */
#ifndef CLF_DATA_KEYS_H
#define CLF_DATA_KEYS_H
#include "clflow/core.h"

typedef struct clf__key {
  const char *name;
  const char *range; /* what it takes, in words */
  uint64_t *whole;   /* where a whole number goes, from min to max */
  uint64_t min, max;
  double *real; /* else where a number goes, from 0 to real_max */
  double real_max;
} clf__key;

/* Whether the part of `source` before a ':' is `name`. */
int clf__keys_name(const char *source, const char *name);

/* Reads the pairs behind the ':' of `source`, if there is one, into what the keys point
 * to; a key that is not given leaves its number as it is.  There are at most 32 keys.
 * Errors: EINVAL. */
clf_status clf__keys_read(const char *source, const clf__key *keys, int count);

#endif
