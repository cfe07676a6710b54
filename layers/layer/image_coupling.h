/* SPDX-License-Identifier: MIT */
/* image_coupling.h: the coupling of RealNVP image flows as one fused layer.  Private. */
#ifndef CLF_IMAGE_COUPLING_H
#define CLF_IMAGE_COUPLING_H
#include "layer.h"

#ifdef CLF_NO_IMAGES
#define clf__image_coupling_takes(l) ((void)(l), 0)
#define clf__image_coupling_joins(l, next) ((void)(l), (void)(next), 0)
#else
/* Whether coupling l is coupling(affine(scale=realnvp), convresnet(like=realnvp)) of an image,
 * with a mask of channels or a checkerboard. */
int clf__image_coupling_takes(const clf__layer *l);
/* Whether it is fused with `next`, the normalisation of what it transformed. */
int clf__image_coupling_joins(const clf__layer *l, const clf__layer *next);
#endif

extern const clf__layer_ops clf__image_coupling;

#endif
