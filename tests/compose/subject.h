/* SPDX-License-Identifier: MIT */
/* subject.h: shared by the tests of random flows: one flow, and the checks that hold for each. */
#ifndef CLF_SUBJECT_H
#define CLF_SUBJECT_H
#include "clflow/clflow.h"
#include "draw.h"
#include "flows.h"

enum { ROWS = 6, TRAINED = 24, DIMS = DRAW_DIMS };

extern clf_device *exact_dev; /* cpu64 */
extern char folder[];         /* of the test; removed at its end */

/* One architecture; its flow in double and on the device, with the same weights and rows. */
typedef struct subject {
  uint64_t number;
  draw_flow drawn;
  draw_random random;
  clf_arch *arch;
  clf_flow *exact, *flow;
  double *x, *c; /* ROWS; c NULL without a context */
  int has_latents, has_gradient;
  flows_values want, got;
} subject;

/* Makes the flow of s->drawn.  0: the architecture is refused with a message. */
int make(subject *s, uint64_t number);
void unmake(subject *s);

/* ---- Checks ---------------------------------------------------------------------------------- */

void within(const subject *s, const char *what, double error, double bound);
/* A random direction of one parameter, 0 where it is masked; the caller frees it. */
double *direction(subject *s, const clf_param *p, double size);
void check_inverse(subject *s);
void check_logdet(const subject *s);
void check_gradients(subject *s);
void check_files(subject *s);
void check_resume(subject *s);

#endif
