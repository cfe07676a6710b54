/* SPDX-License-Identifier: MIT */
/* angles.h: inputs of a net that are angles: the net reads their cosines and sines.  Private.
 *
 * Features are (cosines, sines, the other inputs in their order), as in bgflow; angles are in
 * radians. */
#ifndef CLF_ANGLES_H
#define CLF_ANGLES_H
#include "arch_private.h"
#include "pass.h"

typedef struct clf__angles {
  int32_t in, count;        /* inputs; angles among them */
  clf__slot at, rest, rate; /* their indices; those of the others; factors of the angles */
  const clf__reals *rates;  /* none (1), one for all angles, or one for each */
  unsigned char *is;        /* (in) 1: an angle */
} clf__angles;

/* The inputs `ranges` of `in`, which must stay, with their factors; *a stays NULL if there are
 * none. EINVAL: an input does not exist, or the factors are of another number. */
clf_status clf__angles_make(clf__ranges ranges, const clf__reals *rates, int32_t in,
                            clf__slots *slots, clf__angles **a);
void clf__angles_free(clf__angles *a);
void clf__angles_draw(const clf__angles *a, double *c);
/* The input that feature i comes from. */
int32_t clf__angles_source(const clf__angles *a, int32_t feature);
static inline int32_t clf__angles_features(const clf__angles *a) { return a->in + a->count; }

/* Memory of features and, in training, of their gradient, each followed by the angles. */
clf_status clf__angles_plan(const clf__angles *a, int32_t rows, int train, clf_arena *arena,
                            clf_tensor *whole, clf_tensor *dwhole);
static inline clf_tensor clf__angles_of(const clf__angles *a, clf_tensor whole) {
  return clf_slice(whole, 1, 0, clf__angles_features(a));
}
clf_status clf__angles_forward(const clf__angles *a, const clf__pass *p, clf_tensor x,
                               clf_tensor whole);
/* dx = beta dx + dL/dx; beta is 0 or 1. */
clf_status clf__angles_backward(const clf__angles *a, const clf__pass *p, clf_tensor whole,
                                clf_tensor dwhole, float beta, clf_tensor dx);

#endif
