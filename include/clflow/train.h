/* SPDX-License-Identifier: MIT */
/* train.h: maximum likelihood by Adam: minimises -mean log p over batches.
 *
 * The data lie on the device, each epoch visits them in an order drawn from
 * (seed, epoch), and the losses of many steps are read back at once.  The same
 * seed on the same device gives the same bits, interrupted or not. */
#ifndef CLFLOW_TRAIN_H
#define CLFLOW_TRAIN_H
#include "clflow/data.h"
#include "clflow/flow.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct clf_train_options {
  int64_t epochs;               /* in all, those before a resume included */
  int32_t batch;                /* samples a step; the last, shorter batch is kept */
  double lr, beta1, beta2, eps; /* Adam; Kingma and Ba 2015, algorithm 1 */
  int shuffle;                  /* 0: rows in their own order */
  double valid_split;           /* part of the rows held out, 0 <= p < 1; 0: none */
  int standardize;              /* 1: fit the flow's scaling to the training rows first */
  uint64_t seed;                /* of the order and of the rows held out */
} clf_train_options;

/* As the lecture: 100 epochs, batch 100, Adam 1e-2, shuffled, nothing held out. */
CLF_API clf_train_options clf_train_options_default(void);

typedef struct clf_trainer clf_trainer;

/* Checks the options and the data, places both on the flow's device.  The flow
 * and the table must outlive the trainer; the table is not changed.
 * Errors: EINVAL (names the option), ESHAPE (columns do not fit the flow), ENUM
 * (data not finite, or outside a piecewise interval without tails; a constant
 * column with standardize), ENOTSUP (more numbers than one buffer holds), ENOMEM.
 * The flow is then as it was. */
CLF_API clf_status clf_trainer_create(clf_flow *flow, const clf_table *data,
                                      const clf_train_options *options, clf_trainer **trainer);
CLF_API void clf_trainer_free(clf_trainer *trainer); /* NULL is a no-op; the flow stays */

typedef struct clf_progress {
  int64_t epoch, epochs; /* the one under way or just ended, from 1; in all */
  int64_t step, steps;   /* done, in all */
  int epoch_done;        /* 1 when this report ends an epoch */
  const float *losses;   /* of the steps since the last report, -mean log p a batch, nats */
  int64_t first, count;  /* index of the first of them, from 0, and how many */
  double train;          /* mean log p over this epoch so far */
  double valid;          /* of the held-out rows after this epoch; NaN: none or not yet */
  int best;              /* 1 when `valid` is the best so far */
  double rate;           /* samples a second since clf_trainer_run() began */
  double seconds, left;  /* spent, and estimated to go, of this run */
} clf_progress;

/* Called a few times a second and at the end of each epoch; return non-zero to stop. */
typedef int (*clf_progress_fn)(const clf_progress *progress, void *context);

/* Trains until options.epochs are done, or `report` (may be NULL) asks to stop:
 * ESTOPPED then, and a later call goes on.  When done and rows were held out,
 * the flow has the weights of the best epoch.
 * A loss that is not finite ends it with ENUM: the message names the step and
 * the layer, and the flow has the last weights whose loss was finite. */
CLF_API clf_status clf_trainer_run(clf_trainer *trainer, clf_progress_fn report, void *context);

/* As clf_flow_save(), and with it all that is needed to go on: Adam's moments,
 * the step, the options, the best weights so far. */
CLF_API clf_status clf_trainer_save(clf_trainer *trainer, const char *path);

/* Takes up where the file left off.  The flow must be one that was loaded from it;
 * options and data must be those that the training began with (a larger `epochs`
 * is how to go on).  EFORMAT if the file holds no training or another one. */
CLF_API clf_status clf_trainer_resume(clf_trainer *trainer, const char *path);

/* The options that a saved training began with.  EFORMAT if it holds none. */
CLF_API clf_status clf_train_options_load(const char *path, clf_train_options *options);

#ifdef __cplusplus
}
#endif
#endif
