/* SPDX-License-Identifier: MIT */
/* blocks.h: passes in blocks of rows.  Private. */
#ifndef CLF_BLOCKS_H
#define CLF_BLOCKS_H
#include "flow_private.h"

/* A pass over rows first .. first + n - 1 of a call, on `v`: the flow itself, or a view of it that
 * has a workspace, and in training gradients, of its own.  Log-dets, log p and context are the
 * first n rows of the workspace there, as they are of the call's. */
typedef clf_status (*clf__block_fn)(clf_flow *v, int32_t first, int32_t n, void *context);

/* Which rows of the workspace of `f` a call reads or leaves: its input, or samples; its latents.
 * Where it does not, views have their own, in memory that suits the processor. */
enum { CLF_CALLS_X = 1, CLF_CALLS_Z = 2 };

/* Runs `pass` for all of n rows, for which f->ws was reserved: in blocks where that pays, each from
 * the first layer to the last on one thread, so that operations neither wait for threads nor leave
 * its cache.  Blocks are cut by n and the sizes of the flow alone. */
clf_status clf__flow_in_blocks(clf_flow *f, int32_t n, int shows, clf__block_fn pass,
                               void *context);

/* Rows x of a call as passes over `v` take them: a copy in its workspace, where that pays. */
clf_status clf__block_rows(clf_flow *v, clf_tensor x, clf_tensor *to);

/* Log-dets of rows x go to ws.logdet.  log p goes to `logp`; without a buffer the latents go to
 * where clf__latents() says instead. */
clf_status clf__flow_evaluate(clf_flow *f, clf_tensor x, clf_tensor logp);

/* The same for a pass that adds to gradients, and writes its loss to v->ws.loss: the sum over all
 * blocks goes to `loss`.  Gradients and losses of blocks are added in their order. */
clf_status clf__flow_train_in_blocks(clf_flow *f, int32_t n, clf__block_fn pass, void *context,
                                     clf_tensor loss);

/* Elements that training in blocks takes besides the flow's own workspace for calls of n rows, for
 * any number of threads; 0 where it does without. */
clf_status clf__flow_measure_blocks(const clf_flow *f, int32_t n, int train, size_t *elements);

/* Frees what they keep. */
void clf__flow_drop_blocks(clf_flow *f);

#endif
