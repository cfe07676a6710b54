/* SPDX-License-Identifier: MIT */
/* sweep.h: the inverse of an autoregressive layer in about one evaluation of its masked net.
 * Private.
 *
 * A hidden unit of degree r depends only on the groups of dimensions before r.  The operations of
 * the file `made` compute the units of all layers in the order of their degrees, each once, as
 * soon as these dimensions are known; then the parameters of the next dimensions and, by the
 * inverse of the map, the dimensions themselves.  The Python libraries evaluate the whole net
 * once per dimension. */
#ifndef CLF_SWEEP_H
#define CLF_SWEEP_H
#include "pass.h"

/* The arguments of such an operation that describe the net. */
typedef struct clf__sweep {
  clf_tensor at, w, c;
  int32_t hidden, layers, residual, period, from, each, numbers, pitch;
  int32_t act_first, act_odd, act_even, act_last, join_first, join_odd, join_even;
  int32_t skip_first, skip_odd, skip_even;
} clf__sweep;
#define CLF_SWEEP(s)                                                                               \
  .at = (s)->at, .w = (s)->w, .c = (s)->c, .hidden = (s)->hidden, .layers = (s)->layers,           \
  .residual = (s)->residual, .period = (s)->period, .from = (s)->from, .each = (s)->each,          \
  .numbers = (s)->numbers, .pitch = (s)->pitch, .act_first = (s)->act_first,                       \
  .act_odd = (s)->act_odd, .act_even = (s)->act_even, .act_last = (s)->act_last,                   \
  .join_first = (s)->join_first, .join_odd = (s)->join_odd, .join_even = (s)->join_even,           \
  .skip_first = (s)->skip_first, .skip_odd = (s)->skip_odd, .skip_even = (s)->skip_even

#endif
