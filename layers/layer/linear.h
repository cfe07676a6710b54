/* SPDX-License-Identifier: MIT */
/* linear.h: layers y = W x + b.  Each type composes W, its inverse and its log-det from its own
 * parameters before a pass, and afterwards turns the gradient of W into theirs.  The passes are
 * shared.  Private. */
#ifndef CLF_LINEAR_H
#define CLF_LINEAR_H
#include "channels.h"

typedef struct clf__linear {
  clf__slot w, v;    /* (D, D) W and its inverse */
  clf__slot logdet;  /* (1) log |det W|; rank 0: 0 */
  clf__slot bias;    /* (D); rank 0: none */
  clf__slot back;    /* (D) -V b */
  clf__slot slot[4]; /* of the layer type */
} clf__linear;

/* Creates l->own.  W mixes the channels of images if `by_channel`, else all D columns.  Adds the
 * derived arrays in `derived`; the layer itself adds a W that is a weight, or a V that is a
 * view. */
enum { CLF_LINEAR_W = 1, CLF_LINEAR_V = 2, CLF_LINEAR_LOGDET = 4 };
clf_status clf__linear_new(clf__layer *l, clf__slots *slots, int derived, clf__linear **m);
void clf__linear_free(clf__layer *l);
/* Adds the bias, after the layer's other slots. */
void clf__linear_add_bias(clf__layer *l, clf__slots *slots, const char *path);
/* The last step of prepare(): -V b. */
clf_status clf__linear_prepare_bias(const clf__linear *m, const clf__pass *p);
/* For orthogonal W: V = W^T, a view. */
void clf__linear_transpose(clf__linear *m, clf__slots *slots);

clf_status clf__linear_forward(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                               clf_tensor x, clf_tensor y, clf_tensor logdet);
clf_status clf__linear_inverse(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                               clf_tensor y, clf_tensor x, clf_tensor logdet);
clf_status clf__linear_backward(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                                clf_tensor x, clf_tensor y, clf_tensor dy, clf_tensor dx);
clf_status clf__linear_backward_inverse(const clf__layer *l, const clf__pass *p,
                                        clf__layer_memory *k, clf_tensor y, clf_tensor x,
                                        clf_tensor dx, clf_tensor dy);

/* Reflections whose product is the identity, as nflows initialises them: pairs of equal unit
 * vectors, and one more if K is odd. */
void clf__linear_init_reflections(const clf__slot *q, double *w);
/* A random orthogonal matrix: Gram-Schmidt on normal numbers. */
void clf__linear_init_orthogonal(const clf__slot *q, clf__host_random *r, double *w);

/* Whether the log-det that prepare() computed is -inf. */
clf_status clf__linear_is_singular(const clf__linear *m, const clf__pass *p, int *singular);

/* The passes shared by all linear layers. */
#define CLF_LINEAR_PASSES                                                                          \
  .unmake = clf__linear_free, .forward = clf__linear_forward, .inverse = clf__linear_inverse,      \
  .backward = CLF_TRAINS(clf__linear_backward),                                                    \
  .backward_inverse = CLF_TRAINS(clf__linear_backward_inverse)

extern const clf__layer_ops clf__layer_conv1x1, clf__layer_qr, clf__layer_householder;

#endif
