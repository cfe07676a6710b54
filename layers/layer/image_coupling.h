/* SPDX-License-Identifier: MIT */
/* image_coupling.h: one coupling of an image flow: from the part it keeps, a network
 * computes shift and log-scale of the part it changes, which is then normalised.
 * Dinh et al. 2017, sections 3.4 and 3.7.  Private.
 *
 * A checkerboard coupling keeps the pixels of one colour and changes those of the other;
 * a channel coupling keeps one half of the channels and changes the other. */
#ifndef CLF_IMAGE_COUPLING_H
#define CLF_IMAGE_COUPLING_H
#include "resnet.h"

typedef struct clf__image_coupling {
  int scale, index;                /* as in the names of its parts */
  int channelwise;                 /* 0: checkerboard */
  int kept, changed;               /* checkerboard: CLF_EVEN and CLF_ODD, else CLF_ALL */
  int32_t channels, height, width; /* of what is changed, and of what is kept */
  clf__norm bn_in, bn_out;
  clf__part g, g0; /* log-scale s = g tanh(h) + g0 */
  clf__resnet net;
} clf__image_coupling;

typedef struct clf__image_coupling_kept {
  clf_tensor u0, a0, th, res; /* the network's input, normalised and doubled by concat-ReLU;
                                 its output; the changed part before its normalisation */
  clf__norm_kept bn_in, bn_out;
  clf__resnet_kept net; /* where not stored, only normalisations' statistics are a coupling's own */
} clf__image_coupling_kept;

/* Sets the rest of c from its first members down to the sizes, and adds its parts. */
clf_status clf__image_coupling_build(clf__parts *p, clf__image_coupling *c,
                                     const clf_flow_spec *spec);
clf_status clf__image_coupling_plan(const clf__layer *l, const clf__image_coupling *c,
                                    const clf__image_scratch *s, int32_t rows, int train,
                                    clf_arena *a, clf__image_coupling_kept *k);

/* `keep` conditions, `x` is changed to `y`; of a checkerboard coupling keep and x are one
 * tensor, whose kept pixels y takes over. */
clf_status clf__image_coupling_forward(const clf__image_pass *p, const clf__image_coupling *c,
                                       const clf__image_coupling_kept *k, clf_tensor keep,
                                       clf_tensor x, clf_tensor y, clf_tensor logdet);
clf_status clf__image_coupling_inverse(const clf__image_pass *p, const clf__image_coupling *c,
                                       const clf__image_coupling_kept *k, clf_tensor keep,
                                       clf_tensor y, clf_tensor x, clf_tensor logdet);
/* After a forward that kept: whether all that the coupling computed is finite. */
clf_status clf__image_coupling_finite(const clf__image_pass *p, const clf__image_coupling *c,
                                      const clf__image_coupling_kept *k, int *finite);
/* Writes dx, having evaluated the network again if the pass says so, then adds to dkeep what comes
 * through the network; of a checkerboard coupling the two are one tensor. */
clf_status clf__image_coupling_backward(const clf__image_pass *p, const clf__image_coupling *c,
                                        const clf__image_coupling_kept *k, clf_tensor keep,
                                        clf_tensor x, clf_tensor dy, float dlogdet, clf_tensor dx,
                                        clf_tensor dkeep);

#endif
