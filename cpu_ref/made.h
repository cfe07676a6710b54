/* SPDX-License-Identifier: MIT */
/* made.h: the inverse of masked autoregressive layers, shared by made.c and its maps.
 *
 * A block has MADE_LANES samples: row r of its values is MADE_LANES numbers. */
#ifndef CLF_REF_MADE_H
#define CLF_REF_MADE_H
#include "ref.h"

enum { MADE_BYTES = 2 * VECTOR_BYTES };
enum { MADE_LANES = MADE_BYTES / sizeof(real) };

/* x of dimension j from y and its parameters, rows of u; logdet -= the log-derivatives. */
typedef void made_solver(const void *args, int j, const real *u, const real *y, real *x,
                         real *logdet);

/* The description of the net in a call. */
typedef struct made {
  const clf_tensor *y, *at, *w, *c, *x, *logdet;
  int hidden, layers, residual, period, from, each, numbers, pitch;
  int act[4], join[3], skip[3]; /* first, odd, even; last */
  made_solver *solve;
  const void *args;
} made;

#define MADE_OF(p, solver)                                                                         \
  {                                                                                                \
    .y = &(p)->y, .at = &(p)->at, .w = &(p)->w, .c = &(p)->c, .x = &(p)->x,                        \
    .logdet = &(p)->logdet, .hidden = (p)->hidden, .layers = (p)->layers,                          \
    .residual = (p)->residual, .period = (p)->period, .from = (p)->from, .each = (p)->each,        \
    .numbers = (p)->numbers, .pitch = (p)->pitch,                                                  \
    .act = {(p)->act_first, (p)->act_odd, (p)->act_even, (p)->act_last},                           \
    .join = {(p)->join_first, (p)->join_odd, (p)->join_even},                                      \
    .skip = {(p)->skip_first, (p)->skip_odd, (p)->skip_even}, .solve = solver, .args = p           \
  }

clf_status CLF_REAL(clf__made)(const made *q, clf_scratch *scratch);
made_solver CLF_REAL(clf__made_affine), CLF_REAL(clf__made_rqs);

#endif
