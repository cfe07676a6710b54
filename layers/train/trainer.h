/* SPDX-License-Identifier: MIT */
/* trainer.h: a trainer's insides, as the files of this folder share them. */
#ifndef CLF_TRAINER_H
#define CLF_TRAINER_H
#include "source.h"

/* CLF_APART: steps between two snapshots, at least. */
enum { CLF_RING = 256, CLF_SNAPSHOTS = 2, CLF_APART = 8, CLF_DROPS = 64, CLF_SENTENCE = 512 };

/* What is read back together: losses of the last steps, the sums of w and of v, and the
 * squares of the gradients' norms. */
enum { CLF_RING_SUMS = CLF_RING, CLF_RING_NORMS = CLF_RING + 2, CLF_RING_ALL = 2 * CLF_RING + 2 };

/* The state after `step` steps. */
typedef struct clf__snapshot {
  int64_t step; /* -1: none */
  clf_tensor w, m, v;
} clf__snapshot;

/* The same on the host, in the device's own numbers: recover.c. */
typedef struct clf__kept_state {
  int64_t step;        /* -1: nothing is kept */
  void *at[2];         /* w, m, v, the best weights; one is written while the other holds */
  int now;             /* the one that holds */
  void *constants;     /* of the flow, which never change */
  double taken, cost;  /* when, and the seconds that it took */
  double every;        /* seconds between two, at least */
  clf_train_plan plan; /* of then, before parts were made smaller; and the flow's most_rows */
  int32_t most_rows;
  int stage, tried; /* what was done about failures since, and how often */
} clf__kept_state;

struct clf_trainer {
  clf_flow *f;
  clf_device *dev;
  clf_train_options o;
  clf_train_plan plan;
  clf__source *source;
  clf_arena arena;
  clf_tensor m, v;                       /* Adam's moments, flat as the weights */
  clf_tensor best;                       /* the weights of the best epoch so far */
  clf_tensor ring, part_loss;            /* CLF_RING_ALL; the loss of a part of a batch */
  clf__snapshot snapshot[CLF_SNAPSHOTS]; /* newest first */
  int norms;                             /* 1: gradients' norms are computed */
  int many;                              /* 1: many steps are one launch (mlp_steps) */
  int32_t take;                          /* rows of a full batch: options.batch, at most all */
  int64_t step;                          /* done */
  int64_t read;                          /* steps whose losses were read */
  double epoch_sum;                      /* of losses times batch sizes, this epoch */
  int64_t epoch_rows;
  double best_mean; /* mean log p of the best epoch: of the validation rows, or without them of its
                       own batches; NaN: none yet */
  int64_t best_epoch; /* 0: none yet */
  double last_mean;   /* mean log p of the last epoch's batches; or, after going back, of the next
                         batch under the weights then */
  int shows_best;     /* 1: the flow has the best weights, and snapshot[0] the last ones */
  double ceiling;     /* judge.c: mean log p that the data leave room for; NaN: not known yet */
  int ceiling_told;   /* 1: that it was passed was said */
  int64_t dropped[CLF_DROPS]; /* steps that are left out, the newest last */
  int drops;
  int64_t stored_from; /* with CLF_ACTIVATIONS_REVERSE: the step from which on they are stored */
  int32_t stored_part; /* samples at once from there on */
  clf_tensor trip;     /* squares of the last round trip's error, and of its input */
  char notice[256];    /* why they are stored, until it is reported; empty: nothing to say */
  char unbounded[CLF_SENTENCE]; /* that the density grows without bound, until it is reported */
  clf__kept_state kept;
  int owed;             /* 1: the device failed for good, what lies on it is not of `step` */
  int recalibrated;     /* the running statistics of the weights that are shown were measured */
  char recovered[1024]; /* what was done about failures, until it is reported */
};

int64_t clf__steps_per_epoch(const clf_trainer *t);
/* Samples of step number `step`, counted from 0. */
int32_t clf__trainer_batch_size(const clf_trainer *t, int64_t step);
/* Those of its places at .. at + part - 1, on the device. */
clf_status clf__trainer_part(clf_trainer *t, int64_t step, int32_t at, clf_tensor *x);
/* Steps up to `to`, enqueued; their losses go to the ring.  A dropped one only counts. */
clf_status clf__trainer_steps(clf_trainer *t, int64_t to);

/* train_many.c: whether many steps are one launch; how many may be one now, `to` not passed, 0
 * when the next is left out; and so many. */
/* EINVAL names the option that is out of range. */
clf_status clf__check_train_options(const clf_train_options *o);
int clf__trainer_takes_many(const clf_trainer *t);
int32_t clf__trainer_free_steps(const clf_trainer *t, int64_t to);
clf_status clf__trainer_launch(clf_trainer *t, int32_t count);

/* guard.c: how step `step` goes: CLF_STORED or CLF_REBUILT, and in parts of so many. */
int clf__trainer_way(const clf_trainer *t, int64_t step);
int32_t clf__trainer_part_size(const clf_trainer *t, int64_t step);
/* Whether a step's inputs are rebuilt by inverses, so that they may be wrong; and whether step
 * `step` is one at which that is looked at. */
int clf__trainer_inverts(const clf_trainer *t, int64_t step);
int clf__trainer_guarded(const clf_trainer *t, int64_t step);
/* After backward over the part x of a guarded step: whether its rebuilt input is too far off;
 * activations are then stored from this step on, which is to be taken again. */
clf_status clf__trainer_check_trip(clf_trainer *t, clf_tensor x, clf_tensor loss, int *off);
/* From step `step` on, and why: a sentence's beginning. */
clf_status clf__trainer_store_from(clf_trainer *t, int64_t step, const char *why);

/* watchdog.c: remembers the state now, the newest before it kept too. */
clf_status clf__trainer_remember(clf_trainer *t);
int clf__trainer_is_dropped(const clf_trainer *t, int64_t step);
/* After a loss or a gradient that is not finite at step `bad`: leaves that step out, goes back
 * and on to where it was, and says so; or, when it happened too often, puts the flow back to
 * the last weights whose loss was finite and reports step and layer (ENUM). */
clf_status clf__trainer_mend(clf_trainer *t, int64_t bad, double loss, double norm, char *said,
                             size_t size);
/* Back to the newest state that was remembered. */
clf_status clf__trainer_go_back(clf_trainer *t);
/* The same after weights or moments that are not finite though the losses were (always returns an
 * error). */
clf_status clf__trainer_undo(clf_trainer *t, const char *what);

/* recover.c: copies the state now to the host, for the first time (once for a trainer) and
 * later; whether that is due; and frees the copies. */
clf_status clf__trainer_keep_first(clf_trainer *t);
clf_status clf__trainer_keep(clf_trainer *t);
int clf__trainer_keep_is_due(const clf_trainer *t);
void clf__trainer_keep_none(clf_trainer *t);
/* Calls `what` with the state of t->step; when its device fails, brings the device back to that
 * state, in one way after the other, and calls it again.  So `what` must be a thing that can be
 * done twice. */
clf_status clf__trainer_insist(clf_trainer *t, clf_status (*what)(void *context), void *context);
/* Tells the listener what was done where no report will. */
void clf__trainer_say_rest(clf_trainer *t);
/* Makes passes smaller, with results that are the same but for rounding; 0: not possible. */
int clf__trainer_shrink(clf_trainer *t);

/* result.c: notes an epoch that ended with this mean log p; copies its weights if it is the best.
 */
clf_status clf__trainer_note_epoch(clf_trainer *t, int64_t epoch, double mean);
/* Whether the best epoch's weights are the result, not the last ones. */
int clf__trainer_prefers_best(const clf_trainer *t);
/* Gives the flow, which has the last weights, the best ones; the last go to snapshot[0]. */
clf_status clf__trainer_show_best(clf_trainer *t);
/* Gives the flow the weights that training has come to, or those from which it goes on; the
 * flow's history says whose they are. */
clf_status clf__trainer_show_result(clf_trainer *t);
clf_status clf__trainer_show_last(clf_trainer *t);

/* judge.c: notices a density that grows without bound at the end of an epoch, and says so in
 * `unbounded`, once. */
void clf__trainer_note_growth(clf_trainer *t, int64_t epoch);
/* What may help where a loss, a gradient or a moment is not finite: the end of a sentence. */
void clf__trainer_remedy(const clf_trainer *t, char *text, size_t size);

/* train.c: mean log p of the epoch under way, over the batches so far. */
double clf__trainer_epoch_mean(const clf_trainer *t);
/* Mean log p of the batch of step `step`, one of the last CLF_RING, as it was computed. */
clf_status clf__trainer_mean_of(clf_trainer *t, int64_t step, double *mean);
/* Measures the flow's running statistics over all batches. */
clf_status clf__trainer_measure_batches(clf_trainer *t);
clf_status clf__vector_copy(clf_device *dev, clf_tensor from, clf_tensor to);

#endif
