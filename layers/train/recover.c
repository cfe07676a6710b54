/* SPDX-License-Identifier: MIT */
/* recover.c: recovery from device failures during training.
 *
 * A lost device takes its memory along, so weights, moments and the best weights are copied to
 * the host every few seconds.  Steps are deterministic: after a failure they are repeated from
 * the last copy, with the same bits.  Recovery is attempted on the same device first, then with
 * smaller micro-batches if memory was short, then on the reopened device, and finally on cpu. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clock.h"
#include "trainer.h"

enum { AGAIN, SMALLER, REOPENED, ON_CPU, STAGES };
static const int maximum[STAGES] = {2, 32, 2,
                                    2}; /* attempts of each kind, until there is a new copy */
enum { VECTORS = 5, RARE = 200 };       /* copying takes at most 1 / RARE of the time */

/* ---- The copy on the host -------------------------------------------------------------------- */

/* What is copied; the best weights come last, since there may be none. */
static int vectors(const clf_trainer *t, clf_tensor v[VECTORS]) {
  v[0] = t->f->w; /* the last weights */
  v[1] = t->m;
  v[2] = t->v;
  int n = 3;
  if (t->mean.buf) v[n++] = t->mean;
  if (t->best_step) v[n++] = t->best;
  return n;
}

static size_t bytes_of(const clf_trainer *t, clf_tensor v) {
  return clf__count(&v) * (size_t)t->dev->bits / 8;
}

static clf_status read_out(const clf_trainer *t, clf_tensor v, void *to) {
  return t->dev->backend->read(t->dev, v.buf, (size_t)v.offset, to, clf__count(&v));
}
static clf_status write_in(const clf_trainer *t, clf_tensor v, const void *from) {
  return clf__write_elements(t->dev, v.buf, (size_t)v.offset, from, clf__count(&v));
}

static const clf__host_state *valid(const clf_trainer *t) { return &t->copy.state[t->copy.now]; }

const clf__host_state *clf__trainer_newest_copy(const clf_trainer *t) {
  const clf__host_copy *k = &t->copy;
  return &k->state[k->prepared ? !k->now : k->now];
}

clf_status clf__trainer_prepare_copy(clf_trainer *t) {
  clf__host_copy *k = &t->copy;
  clf__host_state *const other = &k->state[!k->now];
  const double begin = clf__now();
  clf_tensor v[VECTORS];
  const int n = vectors(t, v);
  k->prepared = 0;
  CLF_TRY(clf__trainer_join_moments(t));
  if (t->shows != CLF_SHOWS_LAST) v[0] = t->snapshot[0].w;
  for (int i = 0; i < n; i++)
    CLF_TRY(read_out(t, v[i], (char *)other->at + (size_t)i * bytes_of(t, t->m)));
  other->plan = t->plan;
  other->most_rows = t->f->most_rows;
  other->step = t->step;
  other->cuts = t->cuts;
  k->prepared = 1;
  k->taken = clf__now();
  k->cost = k->taken - begin;
  return CLF_OK;
}

void clf__trainer_confirm_copy(clf_trainer *t) {
  clf__host_copy *k = &t->copy;
  const int64_t before = valid(t)->step;
  if (!k->prepared) return;
  k->prepared = 0;
  k->now = !k->now;
  if (valid(t)->step > before) k->stage = k->tried = 0;
}

clf_status clf__trainer_copy(clf_trainer *t) {
  CLF_TRY(clf__trainer_prepare_copy(t));
  clf__trainer_confirm_copy(t);
  return CLF_OK;
}

clf_status clf__trainer_copy_first(clf_trainer *t) {
  clf__host_copy *k = &t->copy;
  const size_t size = VECTORS * bytes_of(t, t->m);
  k->state[0].at = malloc(size);
  k->state[1].at = malloc(size);
  k->constants = malloc(bytes_of(t, t->f->c));
  if (!k->state[0].at || !k->state[1].at || !k->constants)
    return clf__fail(CLF_ENOMEM, "no memory for a copy of %zu MiB on the host", 2 * size >> 20);
  CLF_TRY(read_out(t, t->f->c, k->constants));
  return clf__trainer_copy(t);
}

void clf__trainer_drop_copies(clf_trainer *t) {
  t->copy.state[0].step = t->copy.state[1].step = -1;
  t->copy.prepared = 0;
}

void clf__trainer_copy_free(clf_trainer *t) {
  free(t->copy.state[0].at);
  free(t->copy.state[1].at);
  free(t->copy.constants);
}

int clf__trainer_copy_is_due(const clf_trainer *t) {
  const double since = clf__now() - t->copy.taken;
  if (t->cuts - valid(t)->cuts >= CLF_CUTS / 2)
    return 1; /* otherwise the steps could not be repeated */
  return since >= t->copy.every && since >= RARE * t->copy.cost;
}

/* ---- Restoring, and repeating steps ---------------------------------------------------------- */

/* Restores everything on the device from the copy. */
static clf_status put_back(clf_trainer *t) {
  clf_flow *f = t->f;
  clf_tensor v[VECTORS];
  const int n = vectors(t, v);
  const clf_arena *const all[] = {&t->arena, &t->grains.arena, &f->arena, &f->grad_arena,
                                  &f->ws.arena};
  for (int i = 0; i < 5; i++) clf__set_lost(all[i], 0);
  t->copy.prepared = 0;
  t->step = valid(t)->step;
  t->group.apart = 0;
  for (int i = 0; i < n; i++)
    CLF_TRY(write_in(t, v[i], (const char *)valid(t)->at + (size_t)i * bytes_of(t, t->m)));
  CLF_TRY(write_in(t, f->c, t->copy.constants));
  if (t->source->ops->fill) CLF_TRY(t->source->ops->fill(t->source));
  CLF_TRY(clf_do(t->dev, fill, .y = t->ring, .value = 0));
  CLF_TRY(clf__flow_clear_gradient(t->f));
  if (f->ws.rows) CLF_TRY(clf_do(t->dev, fill, .y = f->ws.train_logdet, .value = 0));
  CLF_TRY(clf__flow_reserve(f, clf__trainer_micro_size(t, t->step), clf__trainer_mode(t, t->step)));
  for (int i = 0; i < CLF_SNAPSHOTS; i++) t->snapshot[i].step = -1;
  return clf__trainer_snapshot(t);
}

/* The current weights, or their average, become the best ones. */
static clf_status take_best(clf_trainer *t) {
  CLF_TRY(clf__vector_copy(t->dev, t->f->w, t->best));
  if (!t->best_averaged) return CLF_OK;
  CLF_TRY(clf__vector_copy(t->dev, t->f->w, t->aside));
  CLF_TRY(clf__trainer_use_average(t));
  CLF_TRY(clf__vector_copy(t->dev, t->f->w, t->best));
  return clf__vector_copy(t->dev, t->aside, t->f->w);
}

/* Repeats the steps up to `to`, and restores the other state of the trainer there. */
static clf_status go_on(clf_trainer *t, int64_t to) {
  const int64_t best = t->best_step;
  if (best > t->step && best <= to) {
    CLF_TRY(clf__trainer_steps(t, best));
    CLF_TRY(clf__trainer_tell_later(t, take_best(t)));
  }
  CLF_TRY(clf__trainer_steps(t, to));
  /* What follows sends no message, since a member whose device failed may show other weights. */
  CLF_TRY(clf__trainer_join_moments(t));
  CLF_TRY(clf__trainer_show(t, t->shows));
  return clf_sync(t->dev);
}

/* ---- Recovery attempts ----------------------------------------------------------------------- */

static int applies(const clf_trainer *t, int stage, clf_status s) {
  if (stage == ON_CPU && clf__trainer_is_member(t)) return 0; /* it rounds differently */
  if (stage == SMALLER) return s == CLF_ENOMEM && clf__trainer_can_shrink(t);
  return stage == AGAIN || clf__revivable(t->dev);
}

/* Moves on to the next recovery attempt; 0: there is none. */
static int next(clf_trainer *t, clf_status s) {
  clf__host_copy *k = &t->copy;
  for (; k->stage < STAGES; k->stage++, k->tried = 0)
    if (applies(t, k->stage, s) && k->tried++ < maximum[k->stage]) return 1;
  return 0;
}

static clf_status restore(clf_trainer *t) {
  if (t->copy.stage == SMALLER && !clf__trainer_shrink(t))
    return clf__fail(CLF_ENOMEM, "smaller micro-batches do not fit either");
  if (t->copy.stage == REOPENED) CLF_TRY(clf__revive(t->dev, NULL));
  if (t->copy.stage == ON_CPU) CLF_TRY(clf__revive(t->dev, "cpu"));
  return put_back(t);
}

static clf_status attempt(clf_trainer *t, int64_t to) {
  CLF_TRY(restore(t));
  return go_on(t, to);
}

/* "the device failed at step 7 (clFinish: ...): steps are repeated from 3 on; then ..." */
static void tell(clf_trainer *t, int64_t to, const char *why) {
  char *said = t->recovered, what[320], cause[640] = "";
  const size_t n = strlen(said);
  if (!strstr(said, why))
    snprintf(cause, sizeof cause, "the device failed at step %lld (%s): ", (long long)to + 1, why);
  const long long from = (long long)valid(t)->step + 1;
  if (t->copy.stage == AGAIN)
    snprintf(what, sizeof what, "steps are repeated from %lld on", from);
  else if (t->copy.stage == SMALLER)
    snprintf(what, sizeof what, "from %lld on %d samples are on the device at once%s", from,
             (int)t->plan.part,
             t->plan.way == CLF_ACTIVATIONS_REVERSE ? ", activations recomputed" : "");
  else
    snprintf(what, sizeof what, "training continues from %lld, on %s%s", from,
             clf_device_name(t->dev), t->copy.stage == REOPENED ? " reopened" : "");
  snprintf(said + n, sizeof t->recovered - n, "%s%s%s", n ? "; then " : "", cause, what);
}

static clf_status give_up(clf_trainer *t, int64_t to, clf_status s, const char *why) {
  char last[512];
  snprintf(last, sizeof last, "%s", clf_errmsg());
  t->step = to;
  t->owed = 1;
  clf__set_lost(&t->f->arena, 1); /* they are not those of any step */
  t->plan = valid(t)->plan;       /* smaller micro-batches did not help */
  t->f->most_rows = valid(t)->most_rows;
  t->copy.stage = t->copy.tried = 0;
  return clf__fail(
      s,
      "the device failed at step %lld (%s), and recovery failed (%s); %sfiles are as they were "
      "saved last: the training can be resumed from there, on %s",
      (long long)to + 1, why, last,
      clf__trainer_is_member(t)
          ? "a group does not replace a device by cpu, whose results have other bits; "
          : "",
      clf__trainer_is_member(t) ? "any number of devices of one kind" : "another device too");
}

/* ---- In a group ----------------------------------------------------------------------------- */

enum { RESTORED = 100, CAUGHT_UP }; /* what members agree on, in addition to the states of run.c */

/* This member's device as it was when the copy was taken, which all others have of the same step:
 * at once where it did not fail. */
static clf_status restore_member(clf_trainer *t) {
  clf_status s = t->group.failed;
  if (!s) {
    s = put_back(t);
    if (s) clf__trainer_note_failure(t, s);
  }
  while (s) {
    if (!clf__device_failed(s) || !next(t, s)) return s;
    s = restore(t);
  }
  t->group.failed = CLF_OK;
  return CLF_OK;
}

/* All members take the steps again; one that cannot be mended ends the training for all. */
static clf_status recover_together(clf_trainer *t, int64_t to, clf_status first, const char *why) {
  clf_status s;
  do {
    s = clf__trainer_agree(t, RESTORED, restore_member(t), 0);
    if (s && clf__trainer_is_cut_off(t)) return s;
    if (s) return give_up(t, to, first, why);
    s = go_on(t, to);
    if (!clf__trainer_is_cut_off(t)) s = clf__trainer_agree(t, CAUGHT_UP, s, 0);
  } while (clf__device_failed(s) && !clf__trainer_is_cut_off(t));
  if (s) return s;
  t->owed = 0;
  tell(t, to, why);
  return CLF_OK;
}

/* Restores the state before the step after `to`, after a call that failed. */
static clf_status recover(clf_trainer *t, int64_t to, clf_status s) {
  char why[512];
  const clf_status first = s;
  if (valid(t)->step < 0 || valid(t)->step > to) return s;
  snprintf(why, sizeof why, "%.*s", (int)strcspn(clf_errmsg(), "\n"), clf_errmsg());
  if (clf__trainer_is_member(t)) return recover_together(t, to, first, why);
  do {
    if (!next(t, s)) return give_up(t, to, first, why);
    s = attempt(t, to);
  } while (s);
  t->owed = 0;
  tell(t, to, why);
  return CLF_OK;
}

void clf__trainer_say_rest(clf_trainer *t) {
  if (*t->recovered) clf__say("%s", t->recovered);
  *t->recovered = 0;
}

int clf__trainer_attempt(clf_trainer *t, clf__attempt *a) {
  if (!a->tries++) {
    a->step = t->step;
    a->status = t->owed ? clf__fail(CLF_EDEVICE, "it failed before") : CLF_OK;
    if (!a->status) return 1;
  }
  if (!clf__device_failed(a->status) || clf__trainer_is_cut_off(t)) return 0;
  if (clf__trainer_is_member(t) && !t->group.running) return 0; /* others could not follow */
  a->status = recover(t, a->step, a->status);
  return a->status == CLF_OK;
}
