/* SPDX-License-Identifier: MIT */
/* map.h: what a map promises couplings, autoregressive and elementwise layers.  Private.
 *
 * A map is invertible in one number and has m numbers of its own for each dimension, which a net
 * computes from other dimensions or which are trained.  Its operations take x (n, D), the columns
 * `at` (d) that it transforms, and the numbers u (n, d, m) as a view: stride 0 in the first
 * dimension means the same numbers for all samples. */
#ifndef CLF_MAP_H
#define CLF_MAP_H
#include "pass.h"

struct clf__node;
typedef struct clf__map clf__map;

typedef struct clf__map_ops {
  const char *name; /* as in arch.def */
  /* Reads m->node and m->dims; sets m->numbers; adds constants (bounds of columns).
   * Errors: EINVAL says what does not fit. */
  clf_status (*make)(clf__map *m, clf__parts *parts, const char *path);
  void (*unmake)(clf__map *m); /* (optional) */
  /* y: transformed columns written, the others copied; logdet += the sum of log-derivatives. */
  clf_status (*forward)(const clf__map *m, const clf__pass *p, clf_tensor x, clf_tensor at,
                        clf_tensor u, clf_tensor y, clf_tensor logdet);
  /* The inverse; logdet -= the same sum. */
  clf_status (*inverse)(const clf__map *m, const clf__pass *p, clf_tensor y, clf_tensor at,
                        clf_tensor u, clf_tensor x, clf_tensor logdet);
  /* Writes dx (other columns: dx = dy) and du, given dy and, in the pass, dL/dlogdet. */
  clf_status (*backward)(const clf__map *m, const clf__pass *p, clf_tensor x, clf_tensor at,
                         clf_tensor u, clf_tensor dy, clf_tensor dx, clf_tensor du);
  /* The gradient through the inverse, at its solution x: writes dy and du, given dx. */
  clf_status (*backward_inverse)(const clf__map *m, const clf__pass *p, clf_tensor x, clf_tensor at,
                                 clf_tensor u, clf_tensor dx, clf_tensor dy, clf_tensor du);
  /* The m numbers from which trained numbers without a net start: the identity or near it. */
  void (*start)(const clf__map *m, clf__host_random *r, double *u);
  /* (optional) Whether a number of transformed dimension j lies in the map's domain; and that. */
  int (*inside)(const clf__map *m, int32_t j, double x, double interval[2]);
  unsigned traits; /* of layer.h: CLF_KEEPS_VOLUME, CLF_IS_BOUNDED */
} clf__map_ops;

struct clf__map {
  const clf__map_ops *ops;
  const struct clf__node *node;
  int32_t dims;    /* d: transformed dimensions */
  int32_t numbers; /* m */
  /* Hidden units of the net where raw numbers are divided by their square root, as nflows does in
   * couplings with residual nets; 0: they are not. */
  int32_t hidden;
  void *own;
};

#endif
