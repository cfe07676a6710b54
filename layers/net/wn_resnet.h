/* SPDX-License-Identifier: MIT */
/* wn_resnet.h: convresnet(like=realnvp): the residual net with skip connections of the reference
 * implementation of Dinh et al. 2017.  Private.
 *
 *   u = bn(x);  a = relu(u), relu(-u), and for a checkerboard which pixels are visible
 *   h = conv3(a), + J c + j with a context;  out = conv1(h)
 *   per block:  h = h + conv3(relu(bn(conv3(relu(bn(h))))));  out = out + conv1(h)
 *   result = conv1(relu(bn(out)))
 *
 * Convolutions have normalised weights W = g V / |V|; the first ones of input and blocks have no g,
 * and the first ones of blocks no bias unless there is no batch normalisation. */
#ifndef CLF_WN_RESNET_H
#define CLF_WN_RESNET_H
#include "net.h"

extern const clf__net_ops clf__net_wn_resnet;

/* make() in two steps, for a coupling that adds its own arrays in between: the normalisation of
 * the input, then everything else. */
clf_status clf__wn_resnet_make_input(clf__net *n, clf__slots *slots, const char *path);
void clf__wn_resnet_make_rest(clf__net *n, clf__slots *slots, const char *path);

/* Forward and backward for images as views with any strides: x (n, C, H, W), u (n, out, H, W).
 * Backward writes dx = add dx + dL/dx; dx without a buffer: not needed. */
clf_status clf__wn_resnet_forward(const clf__net *n, const clf__pass *p, const clf__net_memory *k,
                                  clf_tensor x, clf_tensor u);
clf_status clf__wn_resnet_backward(const clf__net *n, const clf__pass *p, const clf__net_memory *k,
                                   clf_tensor x, clf_tensor du, float add, clf_tensor dx);

#endif
