/* SPDX-License-Identifier: MIT */
/* map.h: the interface of maps, which couplings, autoregressive and elementwise layers use.
 * Private.
 *
 * A map is invertible in one number, with m parameters for each dimension, which are trained or
 * computed from other dimensions by a net.  Its functions take x (n, D), the columns `at` (d) to
 * transform, and the raw parameters u (n, d m), whose layout the map defines; stride 0 in the first
 * dimension means the same parameters for all samples. */
#ifndef CLF_MAP_H
#define CLF_MAP_H
#include "arch_private.h"
#include "pass.h"

struct clf__sweep;
typedef struct clf__map clf__map;

typedef struct clf__map_ops {
  const char *name; /* as in arch.def */
  /* Reads m->node and m->dims; sets m->numbers; adds constants (bounds of columns).
   * Errors: EINVAL names what does not fit. */
  clf_status (*make)(clf__map *m, clf__slots *slots, const char *path);
  void (*unmake)(clf__map *m); /* (optional) */
  /* Writes transformed columns of y and copies the others; logdet += the sum of log-derivatives. */
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
  /* (optional) The inverse of an autoregressive layer with this map, whose masked net is
   * described by s. */
  clf_status (*sweep)(const clf__map *m, const clf__pass *p, const struct clf__sweep *s,
                      clf_tensor y, clf_tensor x, clf_tensor logdet);
  /* (optional) Sets constants that depend on the transformed columns, on the host. */
  void (*derive)(const clf__map *m, const int32_t *columns, double *c);
  /* Initial values of the d m trained parameters without a net. */
  void (*start)(const clf__map *m, clf__host_random *r, double *u);
  int starts_nets; /* 1: parameters from a net start around these, too, so that the map starts near
                      the identity */
  /* (optional) Whether x, in transformed dimension j, is in the map's domain; and its interval. */
  int (*inside)(const clf__map *m, int32_t j, double x, double interval[2]);
  unsigned traits; /* of pass.h: CLF_KEEPS_VOLUME, CLF_IS_BOUNDED */
} clf__map_ops;

struct clf__map {
  const clf__map_ops *ops;
  const clf__node *node;
  int32_t whole;   /* D: all dimensions of the layer */
  int32_t dims;    /* d: transformed dimensions */
  int32_t numbers; /* m, set by make */
  int masked; /* 1: parameters come from a masked net, dimension by dimension; layout=auto is then
                 pairs, else blocks */
  int32_t hidden;  /* units of the net's hidden layers; 0: no net */
  int board;       /* 1: transforms the pixels of one colour of a checkerboard */
  int channels;    /* 1: transforms half of the channels of an image */
  int normalised;  /* 1: the net has batch normalisation */
  int residual;    /* 1: a coupling with a residual net, for which nflows divides raw widths and
                      heights by sqrt(hidden) */
  unsigned traits; /* in addition to those of its type, set by make */
  void *own;
};

/* Creates the map of a node by the functions in clf__map_<id>, where <id> is that of its row in
 * arch.def, with m->whole, m->dims, m->hidden, m->residual and m->masked set. */
clf_status clf__map_make(clf__map *m, const clf__node *node, clf__slots *slots, const char *path);
void clf__map_unmake(clf__map *m);

/* The arrays of affine(scale=realnvp): the trained factor g, and g0, unless the net has batch
 * normalisation, which makes a constant factor redundant.  As in the reference implementation, g
 * starts at 0 in checkerboard couplings, so that they initially only shift, and elsewhere at 1;
 * L2 does not apply to it in channel couplings. */
void clf__affine_add_trained(clf__slots *slots, clf__slot *g, clf__slot *g0, int board,
                             int channels, int normalised, const char *path);

/* Arguments of an operation: a constant as three floats that sum to the double. */
#define CLF__EXACT(name, v)                                                                        \
  .name = (float)(v), .name##_rest = clf__exact(v, 1), .name##_last = clf__exact(v, 2)
/* One of the three, from 0. */
float clf__exact(double v, int part);

#endif
