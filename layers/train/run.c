/* SPDX-License-Identifier: MIT */
/* run.c: clf_trainer_run() as a state machine: step, read, validate, snapshot, and so on to the
 * end.
 *
 * Each state is one request to the device that can be repeated after a failure of the device
 * (recover.c).  Between two states only the host's state changes. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "clock.h"
#include "trainer.h"

#define READ_EVERY 0.2 /* seconds */

typedef enum state {
  BEGIN,    /* gives the flow the weights that training continues from */
  COPY,     /* copies them to the host */
  STEP,     /* takes steps, at most up to the next reading */
  READ,     /* reads losses */
  MEND,     /* handles one that is not finite */
  VALIDATE, /* at the end of a round */
  SNAPSHOT, /* saves weights and moments to go back to */
  FINISH,   /* gives the flow the result */
  DONE
} state;

typedef struct run {
  clf_trainer *t;
  clf_progress_fn report;
  void *context;
  state state;
  int64_t steps;         /* in total */
  int64_t first_step;    /* of this run */
  double began, read_at; /* seconds */
  int64_t pace;          /* steps from one reading to the next */
  int stop;              /* 1: the caller requested it */
  /* The current reading. */
  clf_progress progress;
  int64_t read_before; /* t->read at its start */
  float ring[CLF_RING_ALL], losses[CLF_RING];
  double norm;    /* of the last step's gradient; NaN: not computed */
  char said[512]; /* about steps that were skipped; empty: none */
  /* The trainer's notices, for the report. */
  char stored[256], unbounded[CLF_SENTENCE], recovered[1024], ended[128];
} run;

/* ---- Reports ------------------------------------------------------------------------------ */

/* After `count` more losses were read. */
static clf_progress report_of(const run *r, int64_t count) {
  const clf_trainer *t = r->t;
  const int64_t S = clf__steps_per_epoch(t), steps = clf__trainer_total(t);
  const double seconds = clf__now() - r->began, done = (double)(t->read - r->first_step);
  return (clf_progress){.epoch = t->read ? clf__trainer_epoch_of(t, t->read) : 1,
                        .epochs = clf__trainer_epoch_of(t, steps),
                        .step = t->read,
                        .steps = steps,
                        .losses = r->losses,
                        .first = t->read - count,
                        .count = count,
                        .valid = NAN,
                        .lr = clf__trainer_rate(t, t->read ? t->read - 1 : 0),
                        .seconds = seconds,
                        .grad_norm = r->norm,
                        .dropped = *r->said ? r->said : NULL,
                        .train = clf__trainer_round_mean(t),
                        .rate =
                            seconds > 0 ? done * (double)t->source->rows / (double)S / seconds : 0,
                        .left = done > 0 ? seconds / done * (double)(steps - t->read) : 0};
}

/* Moves the trainer's notices to the report, so that each is reported once. */
static void add_notices(run *r) {
  clf_trainer *t = r->t;
  memcpy(r->stored, t->notice, sizeof r->stored);
  memcpy(r->unbounded, t->unbounded, sizeof r->unbounded);
  memcpy(r->recovered, t->recovered, sizeof r->recovered);
  r->progress.stored = *r->stored ? r->stored : NULL;
  r->progress.unbounded = *r->unbounded ? r->unbounded : NULL;
  r->progress.recovered = *r->recovered ? r->recovered : NULL;
  if (clf__trainer_ended_early(t) && t->step < r->steps) {
    snprintf(r->ended, sizeof r->ended,
             "training ends early, after step %lld of %lld: no validation was better in the last "
             "%lld",
             (long long)t->step, (long long)r->steps, (long long)t->since_best);
    r->progress.ended = r->ended;
  }
  *t->notice = *t->unbounded = *t->recovered = 0;
}

/* Sets the number of steps to the next reading to what takes about READ_EVERY.  Launches return
 * immediately, and what was enqueued cannot be stopped.  It starts at 1, because the time of a
 * step is unknown. */
static void set_pace(run *r, int64_t steps) {
  const double now = clf__now(), maximum = 4 * (double)r->pace;
  const double fit = (double)steps * READ_EVERY / (now - r->read_at + 1e-9);
  r->pace = fit < 1 ? 1 : fit < maximum ? (int64_t)fit : (int64_t)maximum;
  if (r->pace > CLF_RING) r->pace = CLF_RING;
  r->read_at = now;
}

/* Everything is read and checked: the trainer is at the step that the report names. */
static void send_report(run *r) {
  add_notices(r);
  if (r->report && r->report(&r->progress, r->context)) r->stop = 1;
  set_pace(r, r->t->read - r->read_before);
  /* If the others cannot be reached, the next step says so. */
  clf__trainer_decide(r->t, &r->stop, &r->pace);
}

/* ---- The states ------------------------------------------------------------------------------ */

/* Every round ends with a reading: only then are the weights that its mean belongs to available,
 * to be copied if it is the best; and the caller may save or stop at exactly this step. */
static int must_read(const run *r) {
  const clf_trainer *t = r->t;
  if (t->step - t->read >= r->pace || clf__trainer_ends_round(t, t->step) ||
      clf__trainer_guarded(t, t->step))
    return 1;
  return !clf__trainer_is_member(t) && clf__now() - r->read_at > READ_EVERY;
}

/* The step of the next reading, unless something else requires one. */
static int64_t next_reading(const clf_trainer *t) {
  const int64_t R = clf__trainer_round(t), total = clf__trainer_total(t);
  const int64_t ring = t->read + CLF_RING, round = (t->step / R + 1) * R;
  const int64_t next = round < ring ? round : ring;
  return next < total ? next : total;
}

/* No snapshot after a skipped step: two states must precede the cause of the next bad step.  Nor
 * after each reading if single steps take longer than that: repeating a few steps is cheaper. */
static clf_status take_snapshot(clf_trainer *t) {
  if (clf__trainer_is_dropped(t, t->step - 1)) return CLF_OK;
  if (t->step - t->snapshot[0].step >= CLF_APART) CLF_TRY(clf__trainer_snapshot(t));
  const int due = clf__trainer_is_member(t) ? t->group.copy_is_due : clf__trainer_copy_is_due(t);
  return due ? clf__trainer_prepare_copy(t) : CLF_OK;
}

static int is_done(const run *r) {
  return r->t->step >= r->steps || clf__trainer_ended_early(r->t);
}

static clf_status act(run *r) {
  clf_trainer *t = r->t;
  switch (r->state) {
  case BEGIN: return is_done(r) ? CLF_OK : clf__trainer_show_last(t);
  case COPY: return clf__trainer_prepare_copy(t);
  case STEP: return clf__trainer_steps(t, t->many ? next_reading(t) : t->step + 1);
  case READ: return clf__trainer_read(t, r->ring);
  case MEND: return clf__trainer_mend(t, r->ring, r->said, sizeof r->said);
  case VALIDATE: return clf__trainer_validate(t, &r->progress);
  case SNAPSHOT: return take_snapshot(t);
  case FINISH: CLF_TRY(clf__trainer_join_moments(t)); return clf__trainer_show_result(t);
  case DONE: break;
  }
  return CLF_OK;
}

static state begin_reading(run *r) {
  r->read_before = r->t->read;
  *r->said = 0;
  return READ;
}

static state go_on(const run *r) { return !is_done(r) && !r->stop ? STEP : FINISH; }

/* Takes over the losses.  Only the last one may end a round. */
static state end_reading(run *r) {
  clf_trainer *t = r->t;
  int64_t count = 0;
  while (t->read < t->step) r->losses[count++] = clf__trainer_take_loss(t, r->ring, &r->norm);
  r->progress = report_of(r, count);
  const int ended = count > 0 && clf__trainer_ends_round(t, t->read);
  if (ended || clf__trainer_at_round_end(t)) return VALIDATE;
  clf__trainer_note_step(t);
  return SNAPSHOT;
}

static state end_round(run *r) {
  clf__trainer_end_round(r->t, &r->progress);
  return SNAPSHOT;
}

static state after(run *r) {
  switch (r->state) {
  case BEGIN: return COPY;
  /* An earlier run may have failed between reading the losses of a round and its end. */
  case COPY: return clf__trainer_at_round_end(r->t) ? begin_reading(r) : go_on(r);
  case STEP: return must_read(r) ? begin_reading(r) : go_on(r);
  case READ: return clf__trainer_is_finite(r->t, r->ring) ? end_reading(r) : MEND;
  case MEND: return READ;
  case VALIDATE: return end_round(r);
  case SNAPSHOT: send_report(r); return go_on(r);
  case FINISH:
  case DONE: break;
  }
  return DONE;
}

/* What all members of a group must have equal after this state. */
static uint64_t sum_of(const run *r) {
  const clf_trainer *t = r->t;
  const int copied = r->state == SNAPSHOT && clf__trainer_newest_copy(t)->step == t->step;
  return clf__trainer_is_member(t) && copied ? clf__trainer_copy_sum(t) : 0;
}

/* Executes the state, and repeats it after each device failure that could be handled.  Recovery
 * takes steps, after which losses have to be read before they are handled. */
static clf_status pass(run *r) {
  clf__attempt a = {0};
  while (clf__trainer_attempt(r->t, &a)) {
    if (a.tries > 1 && r->state == MEND) r->state = READ;
    a.status = act(r);
    if (r->state != STEP) a.status = clf__trainer_agree(r->t, (int)r->state, a.status, sum_of(r));
  }
  if (!a.status) clf__trainer_confirm_copy(r->t);
  return a.status;
}

/* However training ends, the flow gets its result.  There are two exceptions: a device that
 * failed for good has none, and after a non-finite loss the watchdog has already done so, unless
 * this member's device failed meanwhile. */
static clf_status finish(run *r, clf_status s) {
  clf_trainer *t = r->t;
  char why[1024];
  if (s == CLF_ENUM && r->state == MEND) {
    if (clf__device_failed(t->group.failed)) clf__set_lost(&t->f->arena, 1);
    return s;
  }
  if (t->owed) return s;
  snprintf(why, sizeof why, "%s", clf_errmsg());
  if (s && r->state == STEP)
    CLF_TRY(clf__flow_clear_gradient(t->f));                     /* that of an incomplete step */
  const int torn = t->group.apart && clf__trainer_is_cut_off(t); /* moments are with others */
  if (t->read < t->step || torn) CLF_TRY(clf__trainer_go_back(t));
  r->state = FINISH;
  CLF_TRY(pass(r));
  return s ? clf__fail(s, "%s", why) : CLF_OK;
}

static clf_status go_through(run *r) {
  clf_status s = CLF_OK;
  while (r->state != FINISH) {
    s = pass(r);
    if (s) break;
    r->state = after(r);
  }
  return finish(r, s);
}

clf_status clf_trainer_run(clf_trainer *t, clf_progress_fn report, void *context) {
  CLF_GIVEN("trainer", t);
  run r = {.t = t,
           .report = report,
           .context = context,
           .steps = clf__trainer_total(t),
           .first_step = t->step,
           .began = clf__now(),
           .pace = 1,
           .norm = NAN};
  clf_status s = clf__trainer_shake_hands(t);
  if (!s) s = clf__trainer_decide(t, &r.stop, &r.pace); /* and where it was saved */
  if (s) return s;
  t->group.failed = CLF_OK;
  t->group.running = 1;
  r.read_at = r.began;
  s = go_through(&r);
  t->group.running = 0;
  if (s) return s;
  if (!is_done(&r))
    return clf__fail(CLF_ESTOPPED, "stopped after step %lld of %lld", (long long)t->step,
                     (long long)r.steps);
  clf__trainer_say_rest(t);
  return CLF_OK;
}
