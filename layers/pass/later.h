/* SPDX-License-Identifier: MIT */
/* later.h: gradients of weights that blocks of rows leave to the end of a step.  Private.
 *
 * Blocks of rows run on several threads (layers/flow/blocks.c), so that each needs a gradient of
 * its own to add to.  If the weights are many, clearing and adding these gradients takes longer
 * than the products.  So large nets leave their products dy^T x until all blocks are done; then the
 * threads divide the weights, and each element of the flow's gradient is written by one of them. */
#ifndef CLF_LATER_H
#define CLF_LATER_H
#include "backend.h"

/* dw += dy^T x, if dw has a buffer; without degrees (`row`, `column`), of all weights.  db += the
 * sum of dy's rows, if db has a buffer.  Both are in the gradient of the task that left them. */
typedef struct clf__product {
  clf_tensor dy, x, row, column, dw, db;
} clf__product;

/* The products of one task, in the order in which its pass left them: the same for all tasks. */
typedef struct clf__later {
  clf__product *at;
  int count, room;
} clf__later;

clf_status clf__later_add(clf__later *l, clf__product p);
void clf__later_free(clf__later *l);

/* Pieces into which the products are divided, which may be computed at the same time: some units of
 * one product, of `count` tasks in order.  Adds to the gradients that `to` names. */
int clf__later_pieces(const clf__later *l);
clf_status clf__later_compute(clf_device *dev, const clf__later *to, const clf__later *tasks,
                              int count, int piece);

/* The next elements of a gradient, from *end on, that no product adds to; 0: there are none. */
int clf__later_gap(const clf__later *l, const clf_tensor *gradient, int32_t *begin, int32_t *end);

#endif
