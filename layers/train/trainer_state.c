/* SPDX-License-Identifier: MIT */
/* trainer_state.c: saves a training to a file, and loads it: in addition to the flow, which has
 * the result so far, Adam's moments, the last weights, the best ones if they differ from the
 * flow's, the options and counters. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "options.h"
#include "safetensors.h"
#include "trainer.h"

#define M "clflow.adam.m"
#define V "clflow.adam.v"
#define LATEST "clflow.latest"
#define AVERAGE "clflow.average"
#define BEST "clflow.best"
#define KEY(name) "clflow.train." name

/* ---- Saving ------------------------------------------------------------------------------ */

/* The options for a file, including how memory was planned, since bits depend on it. */
static clf_train_options options_of(const clf_trainer *t) {
  clf_train_options o = t->o;
  o.part = t->plan.part;
  o.activations = t->plan.way;
  return o;
}

/* The key for the mean log p of the best round. */
static const char *best_key(const clf_trainer *t) {
  return t->source->held_out ? KEY("best_valid") : KEY("best_train");
}

/* `best_step` is only written if it is not the end of its epoch, as without options.valid_every. */
static clf_status put_best(clf__st_writer *w, const clf_trainer *t) {
  const int64_t epoch = clf__trainer_epoch_of(t, t->best_step);
  CLF_TRY(clf__st_put_meta(w, KEY("best_epoch"), "%lld", (long long)epoch));
  if (t->best_step == epoch * clf__steps_per_epoch(t)) return CLF_OK;
  return clf__st_put_meta(w, KEY("best_step"), "%lld", (long long)t->best_step);
}

/* The counters of plateaus and patience, unless they are 0. */
static clf_status put_rounds(clf__st_writer *w, const clf_trainer *t) {
  if (t->best_averaged) CLF_TRY(clf__st_put_meta(w, KEY("best_averaged"), "1"));
  if (t->since_best)
    CLF_TRY(clf__st_put_meta(w, KEY("since_best"), "%lld", (long long)t->since_best));
  if (t->since_cut) CLF_TRY(clf__st_put_meta(w, KEY("since_cut"), "%lld", (long long)t->since_cut));
  if (!t->cuts) return CLF_OK;
  return clf__st_put_meta(w, KEY("cuts"), "%lld", (long long)t->cuts);
}

static clf_status put_counters(clf__st_writer *w, const clf_trainer *t) {
  CLF_TRY(clf__st_put_meta(w, KEY("step"), "%lld", (long long)t->step));
  CLF_TRY(clf__st_put_meta(w, KEY("data"), "%llu", (unsigned long long)t->source->sum));
  CLF_TRY(clf__st_put_meta(w, KEY("epoch_rows"), "%lld", (long long)t->round_rows));
  CLF_TRY(clf__st_put_meta_real(w, KEY("epoch_sum"), t->round_sum));
  CLF_TRY(put_best(w, t));
  CLF_TRY(put_rounds(w, t));
  if (t->stored_from < INT64_MAX) {
    CLF_TRY(clf__st_put_meta(w, KEY("stored_from"), "%lld", (long long)t->stored_from));
    CLF_TRY(clf__st_put_meta(w, KEY("stored_part"), "%d", (int)t->stored_part));
  }
  if (!isfinite(t->best_mean)) return CLF_OK;
  return clf__st_put_meta_real(w, best_key(t), t->best_mean);
}

/* Whether the best weights are the last ones. */
static int best_is_last(const clf_trainer *t) {
  return t->best_step == t->step && !t->best_averaged;
}

/* The flow, and those of the last and the best weights that it does not have. */
static clf_status put_weights(clf__st_writer *w, clf_trainer *t) {
  CLF_TRY(clf__put_flow(w, t->f));
  if (t->shows != CLF_SHOWS_LAST) CLF_TRY(clf__put_vector(w, t->f, LATEST, t->snapshot[0].w));
  if (t->shows == CLF_SHOWS_BEST || !t->best_step || best_is_last(t)) return CLF_OK;
  return clf__put_vector(w, t->f, BEST, t->best);
}

/* The flow in the file has the result so far; this one is not changed. */
static clf_status put_result(clf__st_writer *w, clf_trainer *t) {
  const int shown = t->shows != CLF_SHOWS_LAST;
  const clf_history history = t->f->history;
  clf_status s = clf__trainer_show_result(t);
  if (!s) s = put_weights(w, t);
  const clf_status back = shown ? CLF_OK : clf__trainer_show_last(t);
  t->f->history = history;
  return s ? s : back;
}

static clf_status put_all(clf__st_writer *w, clf_trainer *t) {
  CLF_TRY(put_result(w, t));
  CLF_TRY(clf__put_vector(w, t->f, M, t->m));
  CLF_TRY(clf__put_vector(w, t->f, V, t->v));
  if (t->mean.buf) CLF_TRY(clf__put_vector(w, t->f, AVERAGE, t->mean));
  const clf_train_options o = options_of(t);
  CLF_TRY(clf__put_options(w, &o));
  return put_counters(w, t);
}

/* Fills *w from the start. */
static clf_status gather(clf_trainer *t, clf__st_writer **w) {
  clf__st_writer_free(*w);
  *w = NULL;
  CLF_TRY(clf__st_writer_new(w));
  return put_all(*w, t);
}

clf_status clf_trainer_save(clf_trainer *t, const char *path) {
  CLF_GIVEN("trainer, path", t, path);
  clf__st_writer *w = NULL;
  clf__attempt a = {0};
  if (clf__trainer_is_member(t) && clf_group_rank(t->group.g)) return CLF_OK;
  if (clf__trainer_is_member(t) && t->group.running)
    return clf__fail(CLF_EINVAL, "a training in a group is saved between two runs: let the report "
                                 "ask to stop, save, and run it again");
  while (clf__trainer_attempt(t, &a)) a.status = gather(t, &w);
  if (!a.status) a.status = clf__st_write(w, path, 1);
  if (!a.status) clf__trainer_note_saved(t, path);
  clf__trainer_say_rest(t);
  clf__st_writer_free(w);
  return a.status;
}

/* ---- Loading ------------------------------------------------------------------------------ */

/* A number that files of earlier versions lack; its value was 0. */
static clf_status get_later(const clf__st *st, const char *key, int64_t maximum, int64_t *out) {
  *out = 0;
  if (!clf__st_meta(st, key)) return CLF_OK;
  CLF_TRY(clf__st_meta_int(st, key, out));
  if (*out >= 0 && *out <= maximum) return CLF_OK;
  return clf__fail(CLF_EFORMAT, "its %s is %lld: out of range", key, (long long)*out);
}

clf_status clf_train_options_load(const char *path, clf_train_options *options) {
  clf__st *st;
  clf_train_options o = {0};
  CLF_GIVEN("path, options", path, options);
  CLF_TRY(clf__st_open(path, &st));
  const clf_status s = clf__get_options(st, &o);
  clf__st_close(st);
  if (s) return clf__in_file(s, path);
  *options = o;
  return CLF_OK;
}

/* Total number of steps with other options. */
static int64_t total_of(const clf_trainer *t, const clf_train_options *o) {
  const int64_t steps = clf__option_whole(o, CLF_OPTION_steps);
  return steps ? steps : o->epochs * clf__steps_per_epoch(t);
}

/* The name of the first option that differs from the file's; NULL: none.  Files of earlier
 * versions may have a `part` of 0, which means nothing.  With a cosine the step size depends on
 * the total number of steps. */
static const char *differs(const clf_train_options *file, const clf_trainer *t) {
  const clf_train_options o = options_of(t);
  for (int i = 0; i < CLF_OPTIONS; i++) {
    const clf__option *d = &clf__options[i];
    if (d->resume == RESUME_FREE || clf__option_equal(d, file, &o)) continue;
    if (d->resume == RESUME_PLAN && d->type == OPTION_INDEX32 && !file->part) continue;
    return d->name;
  }
  if (!clf__trainer_is_scheduled(t) || total_of(t, file) == clf__trainer_total(t)) return NULL;
  return clf__option_whole(file, CLF_OPTION_steps) || clf__option_whole(&o, CLF_OPTION_steps)
             ? "steps, on which its schedule depends"
             : "epochs, on which its schedule depends";
}

/* Options and data must be unchanged, or bits would differ unnoticed. */
static clf_status same_training(const clf__st *st, const clf_trainer *t) {
  clf_train_options o;
  uint64_t data;
  CLF_TRY(clf__get_options(st, &o));
  CLF_TRY(clf__st_meta_uint(st, KEY("data"), &data));
  const char *other = differs(&o, t);
  if (!other && data != t->source->sum) other = "the data";
  if (!other) return CLF_OK;
  return clf__fail(CLF_EFORMAT, "its training began with another value of %s", other);
}

/* The state of a training, except its vectors. */
typedef struct counters {
  int64_t step, round_rows, best_step, stored_from, stored_part;
  int64_t best_averaged, since_best, since_cut, cuts;
  double round_sum, best_mean;
} counters;

static clf_status get_best(const clf__st *st, const clf_trainer *t, counters *c) {
  int64_t epoch, step;
  CLF_TRY(clf__st_meta_int(st, KEY("best_epoch"), &epoch));
  CLF_TRY(get_later(st, KEY("best_step"), c->step, &step));
  c->best_mean = NAN;
  if (epoch < 0 || epoch > INT32_MAX)
    return clf__fail(CLF_EFORMAT, "its " KEY("best_epoch") " is %lld: out of range",
                     (long long)epoch);
  c->best_step = step ? step : epoch * clf__steps_per_epoch(t);
  if (!c->best_step) return CLF_OK;
  if (!clf__st_meta(st, best_key(t)))
    return clf__fail(CLF_EFORMAT, "its " KEY("best_epoch") " is %lld, but it has no %s",
                     (long long)epoch, best_key(t));
  return clf__st_meta_real(st, best_key(t), &c->best_mean);
}

static clf_status get_counters(const clf__st *st, const clf_trainer *t, counters *c) {
  CLF_TRY(clf__st_meta_int(st, KEY("step"), &c->step));
  CLF_TRY(clf__st_meta_int(st, KEY("epoch_rows"), &c->round_rows));
  CLF_TRY(clf__st_meta_real(st, KEY("epoch_sum"), &c->round_sum));
  CLF_TRY(get_later(st, KEY("stored_from"), INT64_MAX, &c->stored_from));
  CLF_TRY(get_later(st, KEY("stored_part"), t->plan.part, &c->stored_part));
  if (c->stored_part < 1) c->stored_from = INT64_MAX;
  CLF_TRY(get_later(st, KEY("best_averaged"), 1, &c->best_averaged));
  CLF_TRY(get_later(st, KEY("since_best"), INT64_MAX, &c->since_best));
  CLF_TRY(get_later(st, KEY("since_cut"), INT64_MAX, &c->since_cut));
  CLF_TRY(get_later(st, KEY("cuts"), INT64_MAX, &c->cuts));
  CLF_TRY(get_best(st, t, c));
  if (c->step >= 0 && c->step <= clf__steps_per_epoch(t) * INT32_MAX && c->round_rows >= 0)
    return CLF_OK;
  return clf__fail(CLF_EFORMAT, "its step %lld is out of range", (long long)c->step);
}

/* Where the file has the last and the best weights. */
typedef struct weights {
  const char *last, *best; /* names of vectors; NULL: the flow's parameters are these weights */
  int two;                 /* 0: there are no best weights */
} weights;

static weights weights_in(const clf__st *st, const clf_trainer *t, const counters *c) {
  if (!c->best_step) return (weights){.last = clf__st_find(st, LATEST) ? LATEST : NULL};
  if (!clf__st_find(st, LATEST) && !t->source->held_out)
    return (weights){NULL, c->best_step == c->step ? NULL : BEST, 1};
  if (clf__st_find(st, BEST)) return (weights){LATEST, BEST, 1};
  return (weights){LATEST, c->best_step == c->step && !c->best_averaged ? LATEST : NULL, 1};
}

/* Reads the vectors of a file, or only checks that they exist with their shapes. */
static clf_status get_vectors(const clf__st *st, clf_trainer *t, weights p) {
  const clf_tensor w = t->f->w;
  CLF_TRY(clf__get_vector(st, t->f, M, t->m));
  CLF_TRY(clf__get_vector(st, t->f, V, t->v));
  if (t->mean.buf) CLF_TRY(clf__get_vector(st, t->f, AVERAGE, t->mean));
  CLF_TRY(clf__get_params(st, t->f));
  if (p.best) CLF_TRY(clf__get_vector(st, t->f, p.best, t->best));
  if (!p.best && p.two) CLF_TRY(clf__vector_copy(t->dev, w, t->best));
  return p.last ? clf__get_vector(st, t->f, p.last, w) : CLF_OK;
}
static clf_status check_vectors(const clf__st *st, const clf_trainer *t, weights p) {
  CLF_TRY(clf__check_vector(st, M, t->m));
  CLF_TRY(clf__check_vector(st, V, t->v));
  if (t->mean.buf) CLF_TRY(clf__check_vector(st, AVERAGE, t->mean));
  CLF_TRY(clf__check_params(st, t->f));
  if (p.best) CLF_TRY(clf__check_vector(st, p.best, t->best));
  return p.last ? clf__check_vector(st, p.last, t->f->w) : CLF_OK;
}

static void take_counters(clf_trainer *t, const counters *c, const clf_history *h) {
  t->step = t->read = c->step;
  t->round_rows = c->round_rows;
  t->best_step = c->best_step;
  t->round_sum = c->round_sum;
  t->best_mean = c->best_mean;
  t->last_mean = h->train;
  t->f->history = *h;
  t->stored_from = c->stored_from;
  t->stored_part = (int32_t)c->stored_part;
  t->shows = CLF_SHOWS_LAST;
  t->recalibrated = t->owed = t->ceiling_told = 0;
  t->best_averaged = (int)c->best_averaged;
  t->since_best = c->since_best;
  t->since_cut = c->since_cut;
  t->cuts = c->cuts;
  memset(t->cut_at, 0, sizeof t->cut_at); /* all of them before this step */
  t->drops = 0; /* they are in the past, and there is nothing before them to go back to */
  clf__trainer_drop_copies(t);
  for (int i = 0; i < CLF_SNAPSHOTS; i++) t->snapshot[i].step = -1;
}

/* A file that is refused changes nothing.  If one cannot be read to its end, the contents of the
 * device belong to no step, and the next call restores the last copy on the host. */
static clf_status get_state(const clf__st *st, clf_trainer *t) {
  counters c;
  clf_history h;
  CLF_TRY(same_training(st, t));
  CLF_TRY(get_counters(st, t, &c));
  CLF_TRY(clf__get_history(st, &h));
  const weights p = weights_in(st, t, &c);
  CLF_TRY(check_vectors(st, t, p));
  t->owed = 1;
  CLF_TRY(get_vectors(st, t, p));
  take_counters(t, &c, &h);
  CLF_TRY(clf__trainer_snapshot(t));
  CLF_TRY(clf__trainer_copy(t));
  if (!p.last) return CLF_OK;
  const clf__shown shown = h.averaged && !h.best_step ? CLF_SHOWS_AVERAGE : CLF_SHOWS_BEST;
  CLF_TRY(clf__trainer_show(t, shown));
  t->shows = shown;
  return CLF_OK;
}

clf_status clf_trainer_resume(clf_trainer *t, const char *path) {
  clf__st *st;
  CLF_GIVEN("trainer, path", t, path);
  CLF_TRY(clf__st_open(path, &st));
  const clf_status s = get_state(st, t);
  clf__st_close(st);
  return clf__in_file(s, path);
}
