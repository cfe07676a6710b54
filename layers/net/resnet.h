/* SPDX-License-Identifier: MIT */
/* resnet.h: the network of an image coupling, which computes its shift and log-scale:
 * the residual network with skip connections of the released code of Dinh et al. 2017.
 *
 *   h = conv3(a);  out = conv1(h)
 *   per block:  h = h + conv3(relu(bn(conv3(relu(bn(h))))));  out = out + conv1(h)
 *   result = conv1(relu(bn(out)))
 *
 * Convolutions have normalised weights W = g V / |V|; the first ones of input and blocks
 * have no g, the first ones of blocks no bias unless there is no normalisation.  Private. */
#ifndef CLF_RESNET_H
#define CLF_RESNET_H
#include "image.h"

typedef struct clf__conv {
  clf__part v, g, bias;
  int64_t at; /* of the normalised weights in the scratch memory of a network */
} clf__conv;

typedef struct clf__resnet {
  int32_t in, features, out, height, width, blocks;
  clf__conv *conv; /* input, its skip, three a block, output */
  clf__norm *norm; /* two a block, and one before the output */
  int64_t weights; /* of all convolutions */
  int64_t largest; /* of one */
} clf__resnet;

/* What a network keeps of a pass. */
typedef struct clf__resnet_kept {
  clf_tensor out, *h, *r; /* h: blocks + 1, r: blocks */
  clf__norm_kept *norm;
} clf__resnet_kept;

/* Sets the sizes from in, features, out, height, width, blocks, and adds the parts. */
clf_status clf__resnet_build(clf__parts *p, clf__resnet *net, int with_norm, const char *name);
void clf__resnet_free(clf__resnet *net);

/* Tensors and norms that a kept pass has. */
static inline int clf__resnet_tensors(const clf__resnet *net) { return 2 * net->blocks + 1; }
static inline int clf__resnet_norms(const clf__resnet *net) { return 2 * net->blocks + 1; }
/* Lays k out, whose arrays are there; in the scratch memory unless it is to be stored. */
clf_status clf__resnet_plan(const clf__layer *l, const clf__resnet *net,
                            const clf__image_scratch *s, int32_t rows, int train, clf_arena *a,
                            clf__resnet_kept *k);

/* th = net(a0): a0 (n, in, H, W), th (n, out, H, W). */
clf_status clf__resnet_forward(const clf__image_pass *p, const clf__resnet *net,
                               const clf__resnet_kept *k, clf_tensor a0, clf_tensor th);
/* Adds to the gradient, and writes da0. */
clf_status clf__resnet_backward(const clf__image_pass *p, const clf__resnet *net,
                                const clf__resnet_kept *k, clf_tensor a0, clf_tensor dth,
                                clf_tensor da0);

#endif
