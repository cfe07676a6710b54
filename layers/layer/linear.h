/* SPDX-License-Identifier: MIT */
/* linear.h: layers y = W x + b.  Each composes W, its inverse and its log-det from parameters of
 * its own before a pass, and takes W's gradient back to them after it; the passes are the same.
 * Private. */
#ifndef CLF_LINEAR_H
#define CLF_LINEAR_H
#include "channels.h"

typedef struct clf__linear {
  clf__part w, v;    /* (D, D) W and its inverse */
  clf__part logdet;  /* (1) log |det W|; rank 0: 0 */
  clf__part bias;    /* (D); rank 0: none */
  clf__part back;    /* (D) -V b */
  clf__part part[4]; /* the layer's own */
} clf__linear;

/* Makes l->own.  D is what W mixes: the channels of images where `by_channel`, else all of a
 * sample.  Adds the derived parts that are asked for; a W that is a weight, or a V that is a view,
 * is the layer's own to add. */
enum { CLF_LINEAR_W = 1, CLF_LINEAR_V = 2, CLF_LINEAR_LOGDET = 4 };
clf_status clf__linear_new(clf__layer *l, clf__parts *parts, int derived, clf__linear **m);
void clf__linear_free(clf__layer *l);
/* Adds the bias, behind the layer's other parts. */
void clf__linear_add_bias(clf__layer *l, clf__parts *parts, const char *path);
/* The last step of prepare(): -V b. */
clf_status clf__linear_prepare_bias(const clf__linear *m, const clf__pass *p);
/* V = W^T, where W is orthogonal: a view. */
void clf__linear_transpose(clf__linear *m, clf__parts *parts);

clf_status clf__linear_forward(const clf__layer *l, const clf__pass *p, clf__kept *k, clf_tensor x,
                               clf_tensor y, clf_tensor logdet);
clf_status clf__linear_inverse(const clf__layer *l, const clf__pass *p, clf__kept *k, clf_tensor y,
                               clf_tensor x, clf_tensor logdet);
clf_status clf__linear_backward(const clf__layer *l, const clf__pass *p, clf__kept *k, clf_tensor x,
                                clf_tensor y, clf_tensor dy, clf_tensor dx);
clf_status clf__linear_backward_inverse(const clf__layer *l, const clf__pass *p, clf__kept *k,
                                        clf_tensor y, clf_tensor x, clf_tensor dx, clf_tensor dy);

/* Reflections that multiply to the identity, as nflows begins: pairs of equal unit vectors, and a
 * last one alone where K is odd. */
void clf__linear_init_reflections(const clf__part *q, double *w);
/* A random orthogonal matrix: Gram and Schmidt on normal numbers. */
void clf__linear_init_orthogonal(const clf__part *q, clf__host_random *r, double *w);

/* Whether the log-det that prepare() computed is -inf. */
clf_status clf__linear_is_singular(const clf__linear *m, const clf__pass *p, int *singular);

/* The passes, which all layers of this kind share. */
#define CLF_LINEAR_PASSES                                                                          \
  .unmake = clf__linear_free, .forward = clf__linear_forward, .inverse = clf__linear_inverse,      \
  .backward = clf__linear_backward, .backward_inverse = clf__linear_backward_inverse

extern const clf__layer_ops clf__layer_conv1x1, clf__layer_qr, clf__layer_householder;

#endif
