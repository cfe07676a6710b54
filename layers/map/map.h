/* SPDX-License-Identifier: MIT */
/* map.h: what a map promises couplings, autoregressive and elementwise layers.  Private.
 *
 * A map is invertible in one number and has m numbers of its own for each dimension, which a net
 * computes from other dimensions or which are trained.  Its operations take x (n, D), the columns
 * `at` (d) that it transforms, and the raw numbers u (n, d m), whose layout the map knows; stride 0
 * in the first dimension means the same numbers for all samples. */
#ifndef CLF_MAP_H
#define CLF_MAP_H
#include "pass.h"

struct clf__node;
struct clf__sweep;
typedef struct clf__map clf__map;

typedef struct clf__map_ops {
  const char *name; /* as in arch.def */
  /* Reads m->node and m->dims; sets m->numbers; adds constants (bounds of columns).
   * Errors: EINVAL says what does not fit. */
  clf_status (*make)(clf__map *m, clf__slots *slots, const char *path);
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
  /* (optional) The inverse of an autoregressive layer with this map, whose masked net s describes.
   */
  clf_status (*sweep)(const clf__map *m, const clf__pass *p, const struct clf__sweep *s,
                      clf_tensor y, clf_tensor x, clf_tensor logdet);
  /* (optional) Sets constants that depend on which columns are transformed, on the host. */
  void (*derive)(const clf__map *m, const int32_t *columns, double *c);
  /* The d m numbers from which trained numbers without a net start. */
  void (*start)(const clf__map *m, clf__host_random *r, double *u);
  int starts_nets; /* 1: numbers of a net start around these too, so that the map starts near the
                      identity */
  /* (optional) Whether a number of transformed dimension j lies in the map's domain; and that. */
  int (*inside)(const clf__map *m, int32_t j, double x, double interval[2]);
  unsigned traits; /* of layer.h: CLF_KEEPS_VOLUME, CLF_IS_BOUNDED */
} clf__map_ops;

struct clf__map {
  const clf__map_ops *ops;
  const struct clf__node *node;
  int32_t whole;   /* D: all dimensions of the layer */
  int32_t dims;    /* d: transformed dimensions */
  int32_t numbers; /* m, once it is made */
  int masked;      /* 1: numbers come from a masked net, dimension by dimension; layout=auto is then
                      pairs, else blocks */
  int32_t hidden;  /* units of the net's hidden layers; 0: there is no net */
  int board;       /* 1: transforms the pixels of one colour of a checkerboard */
  int channels;    /* 1: transforms half of the channels of an image */
  int normalised;  /* 1: the net normalises over the batch */
  int residual;    /* 1: a coupling with a residual net, whose raw widths and heights nflows divides
                      by sqrt(hidden) */
  unsigned traits; /* beside those of its operations, set by make */
  void *own;
};

/* Makes a map of a node of arch.def, with m->whole, m->dims, m->hidden, m->residual and m->masked
 * set. */
clf_status clf__map_make(clf__map *m, const struct clf__node *node, clf__slots *slots,
                         const char *path);
void clf__map_unmake(clf__map *m);

/* Draws the first weights of a net that gives the map's numbers; those of a map that starts nets
 * are then around start(). */
struct clf__net;
void clf__map_init_net(const clf__map *m, const struct clf__net *n, clf__host_random *r, double *w);

/* Parts of affine(scale=realnvp): the trained factor g, and g0, unless the net has batch
 * normalisation, which makes a constant factor needless.  As in the released code, in couplings of
 * a checkerboard g starts at 0, so that they only shift at first, elsewhere at 1; and in couplings
 * by channels L2 does not apply to it. */
void clf__affine_add_trained(clf__slots *slots, clf__slot *g, clf__slot *g0, int board,
                             int channels, int normalised, const char *path);

/* Members of an operation's arguments: a constant as three floats whose sum is the double. */
#define CLF__EXACT(name, v)                                                                        \
  .name = (float)(v), .name##_rest = clf__exact(v, 1), .name##_last = clf__exact(v, 2)
/* One of the three, from 0. */
float clf__exact(double v, int part);

#endif
