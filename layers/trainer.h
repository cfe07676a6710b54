/* SPDX-License-Identifier: MIT */
/* trainer.h: a trainer's insides, as the files of this folder share them. */
#ifndef CLF_TRAINER_H
#define CLF_TRAINER_H
#include "clflow/train.h"
#include "flow_private.h"

enum { CLF_RING = 256, CLF_SNAPSHOTS = 2 };

/* The state after `step` steps. */
typedef struct clf__snapshot {
  int64_t step; /* -1: none */
  clf_tensor w, m, v;
} clf__snapshot;

struct clf_trainer {
  clf_flow *f;
  clf_device *dev;
  clf_train_options o;
  clf_arena arena;
  clf_tensor train, valid;               /* (rows, D), in the flow's units; valid.buf NULL: none */
  clf_tensor batch;                      /* (batch, D): the rows of a shuffled batch */
  clf_tensor m, v;                       /* Adam's moments, flat as the weights */
  clf_tensor best;                       /* the weights of the best epoch, with valid */
  clf_tensor ring;                       /* losses of the last steps, then the sums of w and of v */
  clf__snapshot snapshot[CLF_SNAPSHOTS]; /* newest first */
  int64_t rows, held_out;
  int32_t take;      /* rows of a full batch: options.batch, at most all */
  uint64_t data_sum; /* of the table: tells whether a resume has the same data */
  int64_t step;      /* done */
  int64_t read;      /* steps whose losses were read */
  double epoch_sum;  /* of losses times batch sizes, this epoch */
  int64_t epoch_rows;
  double best_valid; /* NaN: none yet */
  int64_t best_epoch;
  int finished; /* the flow has the best weights; snapshot[0] the last ones */
};

int64_t clf__steps_per_epoch(const clf_trainer *t);
/* The samples of step number `step`, counted from 0; gathered if shuffled. */
clf_status clf__trainer_batch(clf_trainer *t, int64_t step, clf_tensor *x);
/* One step, enqueued; its loss goes to the ring. */
clf_status clf__trainer_step(clf_trainer *t);

/* watchdog.c: remembers the state now, the newest before it kept too; and after a
 * loss that is not finite at step `bad`: puts the flow back to the last weights whose
 * loss was finite, and reports the step and the layer (always returns an error). */
clf_status clf__trainer_remember(clf_trainer *t);
clf_status clf__trainer_diagnose(clf_trainer *t, int64_t bad, double loss);

/* After weights or moments that are not finite though the losses were: back to the
 * newest state that was remembered (always returns an error). */
clf_status clf__trainer_undo(clf_trainer *t, const char *what);

clf_status clf__vector_copy(clf_device *dev, clf_tensor from, clf_tensor to);

#endif
