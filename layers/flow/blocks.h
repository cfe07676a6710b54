/* SPDX-License-Identifier: MIT */
/* blocks.h: passes in blocks of rows.  Private. */
#ifndef CLF_BLOCKS_H
#define CLF_BLOCKS_H
#include "flow_private.h"

/* A pass over rows first .. first + n - 1 of a call, on `v`: the flow itself, or a view of it
 * with its own workspace and, in training, its own gradients.  Log-dets, log p and context are
 * the first n rows of that workspace, which are rows of the call's. */
typedef clf_status (*clf__block_fn)(clf_flow *v, int32_t first, int32_t n, void *context);

/* Which rows of the workspace of `f` a call reads or writes: its input or samples; its latents.
 * For the others, views have their own memory, in a layout that suits the processor. */
enum { CLF_CALLS_X = 1, CLF_CALLS_Z = 2 };

/* Runs `pass` for all of n rows, for which f->ws was reserved: in blocks if that is faster,
 * where one thread takes a block through all layers, so that operations neither wait for threads
 * nor leave the cache.  The division into blocks depends only on n and the sizes of the flow. */
clf_status clf__flow_in_blocks(clf_flow *f, int32_t n, int shows, clf__block_fn pass,
                               void *context);

/* Rows x of a call as input for passes over `v`: a copy in its workspace if that is faster. */
clf_status clf__block_rows(clf_flow *v, clf_tensor x, clf_tensor *to);

/* Writes log-dets of rows x to ws.logdet, and log p to `logp`; if that has no buffer, writes
 * latents to clf__latents() instead. */
clf_status clf__flow_evaluate(clf_flow *f, clf_tensor x, clf_tensor logp);

/* The same for a pass that adds to gradients and writes its loss to v->ws.loss; `loss` receives
 * the sum over all blocks.  Gradients and losses of blocks are summed in a fixed order. */
clf_status clf__flow_train_in_blocks(clf_flow *f, int32_t n, clf__block_fn pass, void *context,
                                     clf_tensor loss);

/* Elements that training in blocks needs in addition to the flow's own workspace for calls of n
 * rows, for any number of threads; 0 if it does not use blocks. */
clf_status clf__flow_measure_blocks(const clf_flow *f, int32_t n, int train, size_t *elements);

/* Frees their memory. */
void clf__flow_drop_blocks(clf_flow *f);

#endif
