/* SPDX-License-Identifier: MIT */
/* trainer.h: the internals of a trainer, shared by the files of this folder. */
#ifndef CLF_TRAINER_H
#define CLF_TRAINER_H
#include "members.h"
#include "source.h"

/* CLF_APART: minimum number of steps between two snapshots. */
enum {
  CLF_RING = 256,
  CLF_SNAPSHOTS = 2,
  CLF_APART = 8,
  CLF_DROPS = 64,
  CLF_CUTS = 64,
  CLF_SENTENCE = 512
};

/* Values that are read together: losses of the last steps, the sums of w and of v, and the
 * squared norms of gradients. */
enum { CLF_RING_SUMS = CLF_RING, CLF_RING_NORMS = CLF_RING + 2, CLF_RING_ALL = 2 * CLF_RING + 2 };

/* The state after `step` steps. */
typedef struct clf__snapshot {
  int64_t step; /* -1: none */
  clf_tensor w, m, v, mean;
} clf__snapshot;

/* The state after `step` steps on the host, in the precision of the device (recover.c). */
typedef struct clf__host_state {
  int64_t step;        /* -1: none */
  void *at;            /* w, m, v and others */
  int64_t cuts;        /* t->cuts at that step */
  clf_train_plan plan; /* before micro-batches became smaller; and the flow's most_rows */
  int32_t most_rows;
} clf__host_state;

/* Copies on the host: one is valid, and the other is written.  Members of a group must all have
 * valid copies of the same step, so a copy is valid only once all have taken it. */
typedef struct clf__host_copy {
  clf__host_state state[2];
  int now;            /* index of the valid one */
  int prepared;       /* 1: the other one is complete, too */
  void *constants;    /* of the flow, which never change */
  double taken, cost; /* when it was taken, and the seconds it took */
  double every;       /* minimum seconds between two copies */
  int stage, tried;   /* the recovery attempt since the valid copy, and how often it was made */
} clf__host_copy;

/* A batch in grains (grains.c). */
typedef struct clf__grains {
  int32_t count;          /* 0: batches are not cut */
  int32_t rank, alone[2]; /* which member of a group this is; and `first` of one alone */
  const int32_t *first;   /* the grains of each member, as clf__split has them */
  clf_arena arena;
  int room;                     /* how many sums `memory` is for; -1: there is none */
  clf_tensor own;               /* the flow's message, where every step ends */
  clf_tensor memory[CLF_ROOTS]; /* for sums that wait, as the flow's message */
  clf_tensor sum[CLF_ROOTS];    /* where they are: in one of these two */
  clf_tensor states;            /* as the step began with them */
  int off;                      /* of the last step: grains whose rebuilt input was off */
} clf__grains;

/* What a member of a group has (train_group.c). */
typedef struct clf__membership {
  clf_group *g;          /* NULL: the trainer is alone */
  int32_t *first;        /* the grains of each member, and where they end (size + 1) */
  int given;             /* 1: shares were given, and are not measured */
  int steps;             /* counted up to those that are measured */
  double busy, computed; /* seconds, and grains, of these */
  void *host[CLF_ROOTS]; /* messages, where the device is not the host */
  clf_status failed;     /* of this member, which the others have not heard of yet; and why */
  char why[512];
  int behind; /* 1: the sum of the step under way is known to all */
  int apart;  /* 1: each member has the moments of its slice only (divided.c) */
  char squares[CLF_PIECES * sizeof(double)]; /* of all pieces, in the device's precision */
  int copy_is_due;                           /* rank 0 says so */
  int running;    /* 1: within clf_trainer_run(), where all members recover together */
  int64_t saved;  /* step of the last checkpoint; -1: none */
  char path[256]; /* its file */
} clf__membership;

typedef enum clf__shown { CLF_SHOWS_LAST, CLF_SHOWS_BEST, CLF_SHOWS_AVERAGE } clf__shown;

struct clf_trainer {
  clf_flow *f;
  clf_device *dev;
  clf_train_options o;
  clf_train_plan plan;
  clf__source *source;
  clf_arena arena;
  clf_tensor m, v;             /* Adam's moments, in the layout of the weights */
  clf_tensor best;             /* the weights of the best round so far */
  clf_tensor mean, aside;      /* with ema: the averaged weights; memory to exchange them */
  clf_tensor ring, micro_loss; /* (CLF_RING_ALL) see above; the loss of a micro-batch */
  clf_tensor squares;          /* of the pieces of the gradient (divided.c); or buf NULL */
  clf__snapshot snapshot[CLF_SNAPSHOTS]; /* newest first */
  int norms;                             /* 1: norms of gradients are computed */
  int many;                              /* 1: many steps are one launch (mlp_steps) */
  clf__grains grains;
  clf__membership group;
  int32_t take;     /* rows of a full batch: options.batch, at most all */
  int64_t step;     /* done */
  int64_t read;     /* number of steps whose losses were read */
  double round_sum; /* of losses times batch sizes, in this round */
  int64_t round_rows;
  double best_mean;  /* mean log p of the best round: over the validation rows, or without them over
                        its own batches; NaN: none yet */
  int64_t best_step; /* the step after which the weights `best` were taken; 0: none yet */
  int best_averaged; /* 1: they are averaged weights */
  int64_t since_best, since_cut;  /* rounds since the best one; since that or the last cut */
  int64_t cuts, cut_at[CLF_CUTS]; /* number of cuts of the step size on plateaus; their steps, by
                                     number mod CLF_CUTS */
  double last_mean; /* mean log p of the last round's batches; or, after going back, of the next
                       batch with the weights at that point */
  clf__shown shows; /* which weights the flow has; if not the last ones, these are in snapshot[0] */
  double ceiling;   /* judge.c: the largest plausible mean log p; NaN: unknown yet */
  int ceiling_told; /* 1: it was reported that this was exceeded */
  int64_t dropped[CLF_DROPS]; /* skipped steps, the newest last */
  int drops;
  int64_t stored_from; /* with CLF_ACTIVATIONS_REVERSE: the step from which on they are stored */
  int32_t stored_part; /* samples at once from there on */
  clf_tensor trip;     /* squares of the last round trip's error, and of its input */
  char notice[256];    /* why they are stored, until it is reported; empty: none */
  char unbounded[CLF_SENTENCE]; /* that the density grows without bound, until it is reported */
  clf__host_copy copy;
  int owed;             /* 1: the device failed for good, its contents are not those of `step` */
  int recalibrated;     /* 1: the running statistics belong to the weights in the flow */
  char recovered[1024]; /* how failures were handled, until it is reported */
};

/* ---- options.c ---------------------------------------------------------------------------- */

/* EINVAL names the option that is out of range. */
clf_status clf__check_train_options(const clf_train_options *o);

/* ---- Step size ------------------------------------------------------------------------------- */

/* Whether it depends on the total number of steps. */
int clf__trainer_is_scheduled(const clf_trainer *t);
/* With schedule plateau: reduces it from here on if it is time to. */
void clf__trainer_note_plateau(clf_trainer *t);
/* Whether it is constant, without weight decay. */
int clf__trainer_is_plain(const clf_trainer *t);
/* The step size of step `step`, from 0. */
double clf__trainer_rate(const clf_trainer *t, int64_t step);
/* Weight decay of a step: w -= rate * decay * w for all trainable weights. */
clf_status clf__trainer_decay(clf_trainer *t, double rate);

/* ---- average.c: the average of the weights ------------------------------------------------- */

/* Whether weights are averaged. */
int clf__trainer_averages(const clf_trainer *t);
/* Adds the current weights, after `step` steps, to the average. */
clf_status clf__trainer_average(clf_trainer *t);
/* Replaces the last weights in the flow by the averaged ones; states are unchanged. */
clf_status clf__trainer_use_average(clf_trainer *t);
/* Mean log p of the validation rows with the averaged weights, which become the best ones if
 * they are. s: the status of this member so far; members of a group all call it, and an error of
 * one of them is an error of all. */
clf_status clf__trainer_validate_average(clf_trainer *t, clf_status s, double *mean);

/* ---- train_plan.c: memory, and the size of micro-batches ---------------------------------- */

/* Makes micro-batches smaller, with the same results up to rounding; 0: not possible. */
int clf__trainer_shrink(clf_trainer *t);
int clf__trainer_can_shrink(const clf_trainer *t);

/* ---- batch.c: which samples a step takes, and where its loss is stored --------------------- */

/* What the host adds to log p: the mean log-det of the head over the training rows. */
static inline double clf__trainer_shift(const clf_trainer *t) {
  return clf__flow_scaling_logdet(t->f) + t->source->shift;
}

int64_t clf__steps_per_epoch(const clf_trainer *t);
/* Total number of steps. */
int64_t clf__trainer_total(const clf_trainer *t);
/* A round ends with a report and a validation.  Number of its steps, those of an epoch or
 * `valid_every`; and whether one ends with step number `step`, counted from 1.  The last one may
 * be shorter. */
int64_t clf__trainer_round(const clf_trainer *t);
int clf__trainer_ends_round(const clf_trainer *t, int64_t step);
/* The epoch, from 1, of step number `step`, counted from 1; 0 for 0. */
int64_t clf__trainer_epoch_of(const clf_trainer *t, int64_t step);
/* Samples of step `step`, from 0. */
int32_t clf__trainer_batch_size(const clf_trainer *t, int64_t step);
/* The size of the micro-batch, or grain, that begins at sample `at`; and its samples, on the
 * device. */
int32_t clf__trainer_micro_rows(const clf_trainer *t, int64_t step, int32_t at);
clf_status clf__trainer_micro_batch(clf_trainer *t, int64_t step, int32_t at, clf_tensor *x);
/* n samples from `at` on. */
clf_status clf__trainer_rows(clf_trainer *t, int64_t step, int32_t at, int32_t n, clf_tensor *x);
/* Whether the watchdog skips this step. */
int clf__trainer_is_dropped(const clf_trainer *t, int64_t step);
/* An element of the ring buffer. */
clf_tensor clf__trainer_slot(const clf_trainer *t, int32_t slot);
/* Mean log p of the batch of step `step`, one of the last CLF_RING, as it was computed. */
clf_status clf__trainer_mean_of(clf_trainer *t, int64_t step, double *mean);
clf_status clf__vector_copy(clf_device *dev, clf_tensor from, clf_tensor to);

/* ---- guard.c: whether activations are stored or rebuilt, and whether rebuilt ones are right -- */

/* The mode of step `step`: CLF_STORED or CLF_REBUILT, and the size of its micro-batches. */
int clf__trainer_mode(const clf_trainer *t, int64_t step);
int32_t clf__trainer_micro_size(const clf_trainer *t, int64_t step);
/* Whether a step's inputs are rebuilt by inverses, and may be inaccurate; and whether they are
 * checked at step `step`. */
int clf__trainer_inverts(const clf_trainer *t, int64_t step);
int clf__trainer_guarded(const clf_trainer *t, int64_t step);
/* After backward over the samples x of a guarded step: whether the rebuilt input is too
 * inaccurate; then activations are stored from this step on, which must be repeated. */
clf_status clf__trainer_check_trip(clf_trainer *t, clf_tensor x, clf_tensor loss, int *off);
/* Only the error relative to the input's size, and whether it is too large. */
clf_status clf__trainer_trip(clf_trainer *t, clf_tensor x, clf_tensor loss, double *error,
                             int *off);
/* Stores activations from step `step` on; why: the beginning of a sentence. */
clf_status clf__trainer_store_from(clf_trainer *t, int64_t step, const char *why);

/* ---- train_many.c: many steps as one launch ------------------------------------------------ */

int clf__trainer_takes_many(const clf_trainer *t);
/* How many steps one launch may take now, up to step `to`; 0 if the next one is skipped. */
int32_t clf__trainer_free_steps(const clf_trainer *t, int64_t to);
clf_status clf__trainer_launch(clf_trainer *t, int32_t count);

/* ---- step.c -------------------------------------------------------------------------------- */

/* The loss of samples x, the first of which has index `at` in its batch, and its gradient added
 * to the flow's; mode: CLF_STORED or CLF_REBUILT; fits: layers may be fitted to them. */
clf_status clf__trainer_pass(clf_trainer *t, int32_t at, int mode, clf_tensor x, clf_tensor loss,
                             int fits);
/* Enqueues the steps up to `to`; their losses go to the ring buffer.  A skipped step is only
 * counted. */
clf_status clf__trainer_steps(clf_trainer *t, int64_t to);

/* ---- grains.c: batches that are cut into grains ---------------------------------------------- */

/* EINVAL: grains that are no power of two, or a part that is not one of them. */
clf_status clf__grains_check(const clf_train_options *o);
/* Memory for the grains of options.grains; and for those that are this member's now, unless there
 * is: to be called between steps, because it does not keep the states of one. */
clf_status clf__grains_make(clf_trainer *t);
clf_status clf__grains_reserve(clf_trainer *t);
void clf__grains_free(clf_trainer *t);
/* How many vectors wait at most while the grains first .. end - 1 are computed. */
int clf__grains_waiting(int32_t grains, int32_t first, int32_t end);
clf__split clf__grains_split(const clf_trainer *t, int64_t step);
/* Rows of the grain that begins at row `at` of a batch; and where this member's rows begin and end.
 */
int32_t clf__grains_rows(const clf_trainer *t, int64_t step, int32_t at);
int32_t clf__grains_begin(const clf_trainer *t, int64_t step);
int32_t clf__grains_end(const clf_trainer *t, int64_t step);
/* What this member's grains give: the last of the stack's sums in the flow's message, the others in
 * grains.sum. */
clf_status clf__grains_compute(clf_trainer *t, clf__stack *stack);
/* The gradient of the next step, its loss, and the states behind it. */
clf_status clf__grains_step(clf_trainer *t);

/* ---- train_group.c: a trainer as a member of a group ----------------------------------------- */

int clf__trainer_is_member(const clf_trainer *t);
/* Whether the others cannot be reached any more. */
int clf__trainer_is_cut_off(const clf_trainer *t);
void clf__membership_free(clf_trainer *t);
/* Keeps a failure of this member, with its message, until the others hear of it. */
void clf__trainer_note_failure(clf_trainer *t, clf_status s);
/* After a call of the device between two messages: a failure is noted, for the next message, to
 * which this member must go on, since the others wait for it there. Returns s where there is no
 * group, and for errors that are not of the device. */
clf_status clf__trainer_tell_later(clf_trainer *t, clf_status s);
/* After this member has computed its grains (or failed): the flow's message becomes the sum of all.
 * If any member failed, all get an error.  began: when this member began to compute. */
clf_status clf__trainer_sum_members(clf_trainer *t, clf_status computed, double began);
/* Everybody's status: OK where all are; else the same kind of error on all members.  state: what
 * they did; sum: of what must be equal.  Alone it returns s. */
clf_status clf__trainer_agree(clf_trainer *t, int state, clf_status s, uint64_t sum);
uint64_t clf__trainer_copy_sum(const clf_trainer *t);
/* What rank 0 decides about them replaces both; alone they stay. */
clf_status clf__trainer_decide(clf_trainer *t, int *stop, int64_t *pace);
void clf__trainer_note_saved(clf_trainer *t, const char *path);
/* Where the whole of a vector as long as the weights, or the message, is on the host: the tensor
 * itself on devices that are the host, else memory number i. */
int clf__trainer_is_on_host(const clf_trainer *t);
clf_status clf__trainer_on_host(clf_trainer *t, int i, clf_tensor v, void **at);
/* Fails with the message that member `rank` failed at this step. */
clf_status clf__trainer_member_failed(const clf_trainer *t, int32_t rank, clf_status s);

/* ---- divided.c: updates of long vectors of weights, which members of a group share ----------- */

/* Whether the gradient's norm is a sum over pieces; and whether members divide the update. */
int clf__trainer_has_pieces(const clf_trainer *t);
int clf__trainer_divides(const clf_trainer *t);
/* The elements of the weights that this trainer updates, all of them if it does not divide; and
 * these elements of a vector as long. */
clf__elements clf__trainer_slice(const clf_trainer *t);
clf_tensor clf__trainer_slice_of(const clf_trainer *t, clf_tensor v);
/* Those of them from `begin` to `end` - 1; there may be none. */
clf_tensor clf__trainer_slice_part(const clf_trainer *t, clf_tensor v, size_t begin, size_t end);
/* After the sum of the gradients, in this order; s: the status of this member so far.
 * clf__trainer_squares: the squares of the pieces. clf__trainer_square: their sum.
 * clf__trainer_join_weights: after Adam, the weights of all slices. If the update is divided, all
 * members must call the first and the last one, and an error of one of them is an error of all. */
clf_status clf__trainer_squares(clf_trainer *t, clf_status s);
clf_status clf__trainer_square(clf_trainer *t, clf_tensor square);
clf_status clf__trainer_join_weights(clf_trainer *t, clf_status s);
/* Gives every member the moments of all slices; all members call it. */
clf_status clf__trainer_join_moments(clf_trainer *t);

/* handshake.c: EMISMATCH names the first member that is about to do another training than rank 0,
 * and the difference. */
clf_status clf__trainer_shake_hands(clf_trainer *t);

/* ---- statistics.c -------------------------------------------------------------------------- */

/* Computes the flow's running statistics over all batches. */
clf_status clf__trainer_measure_batches(clf_trainer *t);

/* ---- snapshot.c ---------------------------------------------------------------------------- */

/* Takes a snapshot of the current state; the newest one before it is kept, too. */
clf_status clf__trainer_snapshot(clf_trainer *t);
clf_status clf__trainer_restore(clf_trainer *t, const clf__snapshot *s);
/* The newest snapshot from which step `to` can be reached; NULL: none. */
const clf__snapshot *clf__trainer_snapshot_before(const clf_trainer *t, int64_t to);

/* ---- result.c: whether the last or the best round's weights are the result ------------------ */

/* Whether the result has the weights of the best round. */
int clf__trainer_prefers_best(const clf_trainer *t);
/* Replaces the last weights in the flow by others; the last ones go to snapshot[0]. */
clf_status clf__trainer_show(clf_trainer *t, clf__shown which);
/* Gives the flow the result of the training, or the weights it continues from; sets the flow's
 * history accordingly. */
clf_status clf__trainer_show_result(clf_trainer *t);
clf_status clf__trainer_show_last(clf_trainer *t);

/* ---- judge.c: possible causes in the data */

/* At the end of a round: detects a density that grows without bound, and describes it in
 * `unbounded`, once. */
void clf__trainer_note_growth(clf_trainer *t, int64_t epoch);
/* What may help against a non-finite loss, gradient or moment: the end of a sentence. */
void clf__trainer_remedy(const clf_trainer *t, char *text, size_t size);

/* ---- watchdog.c: non-finite losses */

/* After a non-finite loss or gradient at step `bad`: goes back, repeats the steps without that
 * one, and says so.  If this happened too often, restores the last weights with a finite loss
 * and names step and layer (ENUM). */
clf_status clf__trainer_skip(clf_trainer *t, int64_t bad, double loss, double norm, char *said,
                             size_t size);
/* Goes back to the newest snapshot. */
clf_status clf__trainer_go_back(clf_trainer *t);
/* The same for weights or moments that are not finite although the losses were (always returns
 * an error). */
clf_status clf__trainer_undo(clf_trainer *t, const char *what);

/* ---- read.c ---------------------------------------------------------------------------------- */

/* Reads the ring buffer; whether all numbers in it are finite; and otherwise handles the first one
 * that is not, after which it must be read again.  `said` receives a sentence about a step that is
 * skipped.  Members of a group must all have read the buffer before one of them handles it. */
clf_status clf__trainer_read(clf_trainer *t, float ring[CLF_RING_ALL]);
int clf__trainer_is_finite(const clf_trainer *t, const float *ring);
clf_status clf__trainer_mend(clf_trainer *t, const float *ring, char *said, size_t size);
/* Advances by one step whose loss was read: -mean log p of its batch, NaN if the step was
 * skipped.  *norm: of its gradient, if it is computed. */
float clf__trainer_take_loss(clf_trainer *t, const float *ring, double *norm);

/* ---- round.c --------------------------------------------------------------------------------- */

/* Mean log p of the current round, over the batches so far; and whether these are half of a
 * round, enough to judge by. */
double clf__trainer_round_mean(const clf_trainer *t);
int clf__trainer_round_counts(const clf_trainer *t);
/* Whether all losses of a round are summed, but its end is not processed yet. */
int clf__trainer_at_round_end(const clf_trainer *t);
/* Mean log p of the validation rows, if any, and the best weights.  Then the end of the round on
 * the host: history, report and sums. */
clf_status clf__trainer_validate(clf_trainer *t, clf_progress *report);
/* Copies the flow's weights if their mean log p is the best. */
clf_status clf__trainer_note_best(clf_trainer *t, double mean, int averaged);
/* Whether options.patience has run out. */
int clf__trainer_ended_early(const clf_trainer *t);
void clf__trainer_end_round(clf_trainer *t, clf_progress *report);
/* Sets the step in the history to that of the losses read so far. */
void clf__trainer_note_step(clf_trainer *t);

/* ---- recover.c: device failures */

/* Copies the current state to the host, first (once per trainer) and later. */
clf_status clf__trainer_copy_first(clf_trainer *t);
clf_status clf__trainer_copy(clf_trainer *t);
/* The same in two stages: recovery uses a prepared copy only after it is confirmed. Without a
 * prepared copy, confirming does nothing. */
clf_status clf__trainer_prepare_copy(clf_trainer *t);
void clf__trainer_confirm_copy(clf_trainer *t);
/* The newest copy, confirmed or not. */
const clf__host_state *clf__trainer_newest_copy(const clf_trainer *t);
int clf__trainer_copy_is_due(const clf_trainer *t);
/* Makes all copies invalid. */
void clf__trainer_drop_copies(clf_trainer *t);
void clf__trainer_copy_free(clf_trainer *t);

/* Something that is asked of the device, in the state of t->step:
 *
 *   clf__attempt a = {0};
 *   while (clf__trainer_attempt(t, &a)) a.status = do_it(t);
 *   return a.status;
 *
 * If the device fails, one recovery attempt after the other restores that state, and the loop runs
 * again: so the action must be repeatable. */
typedef struct clf__attempt {
  clf_status status;
  int64_t step;
  int tries;
} clf__attempt;
int clf__trainer_attempt(clf_trainer *t, clf__attempt *a);
/* Tells the listener about recoveries that no report mentions. */
void clf__trainer_say_rest(clf_trainer *t);

#endif
