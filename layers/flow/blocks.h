/* SPDX-License-Identifier: MIT */
/* blocks.h: passes in blocks of rows.  Private. */
#ifndef CLF_BLOCKS_H
#define CLF_BLOCKS_H
#include "flow_private.h"

/* A pass over rows first .. first + n - 1 of a call, on `v`: the flow itself, or a view of it that
 * has a workspace, and in training gradients, of its own.  Rows of the call that lie in the
 * workspace of `f` (input, latents, log-dets, log p, context) are the first n rows there too. */
typedef clf_status (*clf__block_fn)(clf_flow *v, int32_t first, int32_t n, void *context);

/* Runs `pass` for all of n rows, for which f->ws was reserved: in blocks where that pays, each from
 * the first layer to the last on one thread, so that operations neither wait for threads nor leave
 * its cache.  Blocks are cut by n and the sizes of the flow alone. */
clf_status clf__flow_in_blocks(clf_flow *f, int32_t n, clf__block_fn pass, void *context);

/* Log-dets of rows x go to ws.logdet, latents to where clf__latents() says and, unless it has no
 * buffer, log p to logp. */
clf_status clf__flow_evaluate(clf_flow *f, clf_tensor x, clf_tensor logp);

/* The same for a pass that adds to gradients, and writes its loss to v->ws.loss: the sum over all
 * blocks goes to `loss`.  Gradients and losses of blocks are added in their order. */
clf_status clf__flow_train_in_blocks(clf_flow *f, int32_t n, clf__block_fn pass, void *context,
                                     clf_tensor loss);

/* Frees what they keep. */
void clf__flow_drop_blocks(clf_flow *f);

#endif
