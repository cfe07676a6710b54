/* SPDX-License-Identifier: MIT */
/* normflows.h: shared by the readers of normflows' flows of rows and of images.  Private. */
#ifndef CLF_IMPORT_NORMFLOWS_H
#define CLF_IMPORT_NORMFLOWS_H
#include "import_private.h"

/* split_mode of an AffineCouplingBlock: channel or channel_inv. */
clf_status clf__im_split_mode(clf__im *im, const clf__im_module *m, const char **mode);
/* Prints the map of an AffineCouplingBlock, and tells whether it is inverted. of: "coupling", or
 * "glowblock" for images; scaled: it has scales; negate: the sign of the net's shifts changes. */
clf_status clf__im_block_map(clf__im *im, const clf__im_module *m, const char *of, int scaled,
                             const char **map, int *inverted, int *negate);
/* W = P L U of InvertibleAffine and Invertible1x1Conv, (D, D). */
clf_status clf__im_assemble(clf__im *im, clf__im_module *m, int64_t D, double **W);
/* A MultiscaleFlow. */
clf_status clf__im_normflows_images(clf__im *im, clf__im_module *m);

#endif
