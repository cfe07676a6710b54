/* SPDX-License-Identifier: MIT */
/* grains.c: the gradient of a batch that is cut into grains (option grains).
 *
 * Each grain is computed by itself, with zeroed gradients, by the same calls wherever it runs, and
 * what the grains give is added in one fixed tree (runtime/group/tree.c).  So the sum depends on
 * the batch and on the number of grains alone: not on which device computes which grain, nor on how
 * many devices there are.
 *
 * What a grain gives is one vector, the flow's `message`: its gradient; by how much it moves the
 * states (running statistics), times its share of the batch's rows; and its loss.  Every grain
 * begins with the states that the step began with, and they move once a step, by the mean of the
 * grains' moves weighted by rows. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <string.h>
#include "clock.h"
#include "options.h"
#include "trainer.h"

/* ---- The message ---------------------------------------------------------------------------- */

static int32_t states_count(const clf_flow *f) { return (int32_t)f->slots.size[CLF_STATE]; }

static clf_tensor states_of(const clf_flow *f) {
  return clf__vector(f->w, f->w.dim[0] - states_count(f), states_count(f), 1);
}
/* Behind the gradient. */
static clf_tensor moves_of(const clf_flow *f) {
  return clf__vector(f->message, f->w.dim[0], states_count(f), 1);
}
static clf_tensor loss_of(const clf_flow *f) {
  return clf__vector(f->message, f->w.dim[0] + states_count(f), 1, 1);
}

/* ---- Memory -------------------------------------------------------------------------------- */

/* The most sums that wait while these grains are computed; the last one stays in the message. */
static int sums_waiting(const clf__split *s, int32_t first, int32_t end) {
  clf__stack stack = {.count = 0};
  int maximum = 0;
  for (int32_t i = first; i < end - 1; i++) {
    clf__subtree node = {0, i};
    while (clf__tree_joins(s, &stack, &node)) {}
    stack.node[stack.count++] = node;
    if (stack.count > maximum) maximum = stack.count;
  }
  return maximum;
}

int clf__grains_waiting(int32_t grains, int32_t first, int32_t end) {
  return sums_waiting(&(clf__split){INT32_MAX, grains, NULL}, first, end);
}

static clf_status lay_out(clf_trainer *t, int count) {
  clf__grains *g = &t->grains;
  for (int i = 0; i < count; i++) CLF_TRY(clf_new(&g->arena, t->f->message.dim, &g->memory[i]));
  if (!states_count(t->f)) return CLF_OK;
  return clf_new(&g->arena, (int32_t[4]){states_count(t->f)}, &g->states);
}

clf_status clf__grains_reserve(clf_trainer *t) {
  clf__grains *g = &t->grains;
  const int count = clf__grains_waiting(g->count, g->first[g->rank], g->first[g->rank + 1]);
  if (g->room == count) return CLF_OK;
  clf_arena_free(&g->arena);
  g->arena = (clf_arena){.dev = t->dev};
  g->room = -1;
  CLF_TRY(lay_out(t, count)); /* measures */
  CLF_TRY(clf_arena_init(&g->arena, t->dev, g->arena.used));
  CLF_TRY(lay_out(t, count));
  g->room = count;
  return CLF_OK;
}

/* ---- Which rows ------------------------------------------------------------------------------ */

clf__split clf__grains_split(const clf_trainer *t, int64_t step) {
  return (clf__split){clf__trainer_batch_size(t, step), t->grains.count, t->grains.first};
}

int32_t clf__grains_rows(const clf_trainer *t, int64_t step, int32_t at) {
  const clf__split s = clf__grains_split(t, step);
  int32_t i = (int32_t)((int64_t)at * s.grains / s.rows);
  while (clf__grain_begin(&s, i + 1) <= at) i++;
  return (int32_t)clf__grain_begin(&s, i + 1) - at;
}

int32_t clf__grains_begin(const clf_trainer *t, int64_t step) {
  const clf__split s = clf__grains_split(t, step);
  return (int32_t)clf__grain_begin(&s, s.first[t->grains.rank]);
}

int32_t clf__grains_end(const clf_trainer *t, int64_t step) {
  const clf__split s = clf__grains_split(t, step);
  return (int32_t)clf__grain_begin(&s, s.first[t->grains.rank + 1]);
}

/* ---- One grain ------------------------------------------------------------------------------- */

/* moves = rows / batch (states - those before); where a state has not moved, exactly 0. */
static clf_status note_moves(const clf_trainer *t, int32_t rows, int32_t batch) {
  const clf_tensor moves = moves_of(t->f);
  const float share = (float)rows / (float)batch;
  if (!states_count(t->f)) return CLF_OK;
  CLF_TRY(clf_do(t->dev, axpby, .x = states_of(t->f), .y = moves, .a = 1, .b = 0));
  CLF_TRY(clf_do(t->dev, axpby, .x = t->grains.states, .y = moves, .a = -1, .b = 1));
  return clf_do(t->dev, axpby, .x = t->grains.states, .y = moves, .a = 0, .b = share);
}

static clf_status restore_states(const clf_trainer *t) {
  if (!states_count(t->f)) return CLF_OK;
  return clf__vector_copy(t->dev, t->grains.states, states_of(t->f));
}

static clf_status clear(const clf_trainer *t) {
  return clf_do(t->dev, fill, .y = t->f->message, .value = 0);
}

/* The pass over the rows of one grain from row `at` of the batch on; off: see guard.c. */
static clf_status pass(clf_trainer *t, int32_t at, int mode, int *off) {
  clf_tensor x;
  *off = 0;
  CLF_TRY(clf__trainer_micro_batch(t, t->step, at, &x));
  CLF_TRY(clf__trainer_pass(t, at, mode, x, loss_of(t->f), 0));
  if (mode == CLF_REBUILT && clf__trainer_guarded(t, t->step)) {
    double error;
    CLF_TRY(clf__trainer_trip(t, x, loss_of(t->f), &error, off));
  }
  return CLF_OK;
}

/* A grain that is rebuilt too inexactly is taken again with stored activations: it alone, so that
 * this depends on no other grain. */
static clf_status grain(clf_trainer *t, int32_t at) {
  const int32_t rows = clf__grains_rows(t, t->step, at);
  int off;
  CLF_TRY(pass(t, at, clf__trainer_mode(t, t->step), &off));
  if (off) {
    t->grains.off++;
    CLF_TRY(clf__flow_clear_gradient(t->f));
    CLF_TRY(restore_states(t));
    CLF_TRY(clf__flow_reserve(t->f, t->plan.part, CLF_STORED));
    CLF_TRY(pass(t, at, CLF_STORED, &off));
    CLF_TRY(clf__flow_reserve(t->f, t->plan.part, CLF_REBUILT));
  }
  CLF_TRY(clf__flow_finish(t->f));
  return note_moves(t, rows, clf__trainer_batch_size(t, t->step));
}

/* ---- Sums that wait ----------------------------------------------------------------------------
 *
 * They are not copied: the message and the memory for a sum change places. */

static void swap(clf_trainer *t, int which) {
  const clf_tensor message = t->f->message;
  clf__flow_place_gradient(t->f, t->grains.sum[which]);
  t->grains.sum[which] = message;
}

static void swap_none(clf_trainer *t) {
  clf__grains *g = &t->grains;
  clf__flow_place_gradient(t->f, g->own);
  memcpy(g->sum, g->memory, sizeof g->sum);
}

/* Which memory holds the message at the end of a step, numbered by where it was at the beginning: 0
 * the message's, i + 1 that of sum i. */
static int last_place(const clf__split *s, int32_t rank) {
  int place[CLF_ROOTS + 1], stacked;
  clf__stack stack = {.count = 0};
  int32_t left = 0;
  for (int i = 0; i <= CLF_ROOTS; i++) place[i] = i;
  for (int32_t i = s->first[rank]; i < s->first[rank + 1]; i++)
    left += clf__grain_begin(s, i) < clf__grain_begin(s, i + 1);
  for (int32_t i = s->first[rank]; left > 1; i++) {
    clf__subtree node = {0, i};
    if (clf__grain_begin(s, i) == clf__grain_begin(s, i + 1)) continue;
    while (clf__tree_joins(s, &stack, &node)) {}
    stacked = place[stack.count + 1];
    place[stack.count + 1] = place[0];
    place[0] = stacked;
    stack.node[stack.count++] = node;
    left--;
  }
  return place[0];
}

/* The message is 0, in memory that is the flow's own at the end of the step.  Its gradient is 0
 * between steps. */
static clf_status begin(clf_trainer *t) {
  const clf__split s = clf__grains_split(t, t->step);
  const int64_t P = t->f->w.dim[0];
  const int last = last_place(&s, t->grains.rank);
  swap_none(t);
  if (last) swap(t, last - 1);
  if (last) return clear(t);
  return clf_do(t->dev, fill,
                .y = clf__vector(t->f->message, P, t->f->message.dim[0] - (int32_t)P, 1),
                .value = 0);
}

/* ---- A step ---------------------------------------------------------------------------------- */

/* Layers that are fitted to the first batch see all of it. */
static clf_status fit(clf_trainer *t) {
  clf_flow *f = t->f;
  const int32_t n = clf__trainer_batch_size(t, t->step);
  clf_tensor x;
  if (t->step || !clf__flow_fits(f) || clf__source_is_density(t->source)) return CLF_OK;
  clf__flow_drop_workspace(f);
  CLF_TRY(clf__flow_reserve(f, n, CLF_VALUES));
  CLF_TRY(clf__trainer_rows(t, t->step, 0, n, &x));
  CLF_TRY(clf__flow_embed(f, n, CLF_EVAL));
  CLF_TRY(clf__flow_fit(f, x));
  clf__flow_drop_workspace(f); /* it is larger than that of a grain */
  return CLF_OK;
}

/* Adds the sum that waits last to the message. */
static clf_status join(const clf_trainer *t, int which) {
  return clf_do(t->dev, axpby, .x = t->grains.sum[which], .y = t->f->message, .a = 1, .b = 1);
}

/* The message is put aside, and is 0 for the next grain. */
static clf_status put_aside(clf_trainer *t, int which) {
  swap(t, which);
  CLF_TRY(restore_states(t));
  return clear(t);
}

clf_status clf__grains_compute(clf_trainer *t, clf__stack *stack) {
  const clf__split s = clf__grains_split(t, t->step);
  const int32_t end = s.first[t->grains.rank + 1], last = clf__grains_end(t, t->step);
  stack->count = 0;
  CLF_TRY(begin(t));
  for (int32_t i = s.first[t->grains.rank]; i < end; i++) {
    const int32_t at = (int32_t)clf__grain_begin(&s, i);
    const int32_t next = (int32_t)clf__grain_begin(&s, i + 1);
    clf__subtree node = {0, i};
    if (at == next) continue;
    CLF_TRY(grain(t, at));
    while (clf__tree_joins(&s, stack, &node)) CLF_TRY(join(t, stack->count));
    if (next < last) CLF_TRY(put_aside(t, stack->count));
    stack->node[stack->count++] = node;
  }
  return CLF_OK;
}

/* The states move, and the loss goes to the ring. */
static clf_status take_over(clf_trainer *t) {
  const clf_tensor slot = clf__trainer_slot(t, (int32_t)(t->step % CLF_RING));
  CLF_TRY(clf__vector_copy(t->dev, loss_of(t->f), slot));
  if (!states_count(t->f)) return CLF_OK;
  CLF_TRY(restore_states(t));
  return clf_do(t->dev, axpby, .x = moves_of(t->f), .y = states_of(t->f), .a = 1, .b = 1);
}

/* The decision counts from the next step on: a repetition of this one takes it as it was. */
static clf_status note_off(clf_trainer *t) {
  char why[160];
  if (!t->grains.off) return CLF_OK;
  snprintf(why, sizeof why,
           "step %lld: the input rebuilt from the output is too inexact in %d of %d grains",
           (long long)t->step + 1, t->grains.off, (int)t->grains.count);
  return clf__trainer_store_from(t, t->step + 1, why);
}

/* This member's grains. */
static clf_status compute(clf_trainer *t) {
  clf__stack stack;
  if (t->group.failed) return clf__fail(t->group.failed, "%s", t->group.why);
  CLF_TRY(fit(t));
  CLF_TRY(clf__grains_reserve(t));
  CLF_TRY(clf__flow_reserve(t->f, t->plan.part, clf__trainer_mode(t, t->step)));
  if (states_count(t->f)) CLF_TRY(clf__vector_copy(t->dev, states_of(t->f), t->grains.states));
  t->grains.off = 0;
  const clf_status s = clf__grains_compute(t, &stack);
  if (s) swap_none(t);
  return s;
}

clf_status clf__grains_step(clf_trainer *t) {
  const double began = clf__now();
  t->group.behind = 0;
  clf_status s = compute(t);
  if (clf__trainer_is_member(t)) s = clf__trainer_sum_members(t, s, began);
  if (s) return s;
  CLF_TRY(take_over(t));
  return note_off(t);
}

/* ---- Making ---------------------------------------------------------------------------------- */

clf_status clf__grains_check(const clf_train_options *o) {
  const int64_t K = clf__option_whole(o, CLF_OPTION_grains);
  const int64_t part = K ? (o->batch + K - 1) / K : 0;
  if (K & (K - 1))
    return clf__fail(CLF_EINVAL, "grains is %lld; it must be a power of two, or 0", (long long)K);
  if (!K || !o->part || o->part == part) return CLF_OK;
  return clf__fail(CLF_EINVAL,
                   "part is %d, but %lld grains cut a batch of %d into pieces of %lld: leave part "
                   "at 0, or choose other grains",
                   (int)o->part, (long long)K, (int)o->batch, (long long)part);
}

clf_status clf__grains_make(clf_trainer *t) {
  clf__grains *g = &t->grains;
  if (!g->count) return CLF_OK;
  g->room = -1;
  g->alone[1] = g->count;
  g->first = g->alone;
  g->own = t->f->message;
  return clf__grains_reserve(t);
}

int32_t clf_trainer_grains(const clf_trainer *t) { return t ? t->grains.count : 0; }

void clf__grains_free(clf_trainer *t) { clf_arena_free(&t->grains.arena); }
