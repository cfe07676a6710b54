/* SPDX-License-Identifier: MIT */
/* train_group.c: a trainer as a member of a group: each member computes some of a batch's grains,
 * and one message a step brings everybody the sum.
 *
 * Weights and moments are the same on all members, and so is all that is decided by them and by
 * losses: each member decides for itself.  What depends on a clock or on a caller (when losses are
 * read and copies are taken, whether to stop) rank 0 decides.  A failure of one member's device
 * goes with its message, so that all go back to the same step. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clock.h"
#include "hash.h"
#include "options.h"
#include "trainer.h"

static clf__membership *of(clf_trainer *t) { return &t->group; }

int clf__trainer_is_member(const clf_trainer *t) { return t->group.g != NULL; }

/* ---- Joining --------------------------------------------------------------------------------- */

static clf_status check_shares(const double *shares, int32_t size) {
  double sum = 0;
  for (int32_t r = 0; r < size && shares; r++) {
    if (!(shares[r] >= 0) || !isfinite(shares[r]))
      return clf__fail(CLF_EINVAL, "share %d is %g; it must be a number from 0 on", (int)r + 1,
                       shares[r]);
    sum += shares[r];
  }
  return !shares || sum > 0 ? CLF_OK : clf__fail(CLF_EINVAL, "all shares are 0");
}

/* Divides the grains in proportion, by cumulated shares; equal ones where there are none. */
static void divide(int32_t grains, int32_t size, const double *shares, int32_t *first) {
  double sum = 0, before = 0;
  for (int32_t r = 0; r < size; r++) sum += shares ? shares[r] : 1;
  for (int32_t r = 0; r < size; r++) {
    first[r] =
        shares ? (int32_t)lround(grains * before / sum) : (int32_t)((int64_t)r * grains / size);
    before += shares ? shares[r] : 1;
  }
  first[size] = grains;
}

static clf_status check_group(const clf_trainer *t, const clf_group *g, const double *shares) {
  const int32_t size = clf_group_size(g), K = t->grains.count;
  if (!K)
    return clf__fail(CLF_EINVAL,
                     "a training in a group cuts batches into grains: set the option grains, to "
                     "%d for example",
                     (int)clf_train_grains_for(size));
  if (size > t->take)
    return clf__fail(CLF_EINVAL, "%d members are more than a batch of %d rows has work for",
                     (int)size, (int)t->take);
  if (size > K && t->step == 0) /* a training that continues has the grains that it began with */
    return clf__fail(CLF_EINVAL,
                     "%d members need as many grains, and there are %d: set grains to %d when the "
                     "training begins",
                     (int)size, (int)K, (int)clf_train_grains_for(size));
  return check_shares(shares, size);
}

/* The member with the most grains has at most a quarter more than its share; each grain costs time
 * (docs/scale.md).  Not fewer than 2, so that a training that continues on two members has work for
 * both. */
int32_t clf_train_grains_for(int32_t members) {
  const int64_t P = members < 1 ? 1 : members;
  int32_t grains = 2;
  while (grains < CLF_GRAINS_MOST && (grains < P || 4 * P * ((grains - 1) / P + 1) > 5 * grains))
    grains *= 2;
  return grains;
}

clf_status clf_trainer_set_group(clf_trainer *t, clf_group *g, const double *shares) {
  CLF_GIVEN("trainer, group", t, g);
  CLF_TRY(check_group(t, g, shares));
  const int32_t size = clf_group_size(g);
  int32_t *first = malloc(((size_t)size + 1) * sizeof *first);
  if (!first) return clf__fail(CLF_ENOMEM, "no memory for the shares of %d members", (int)size);
  free(of(t)->first);
  *of(t) = (clf__membership){
      .g = g, .first = first, .given = shares || size > t->grains.count, .saved = -1};
  divide(t->grains.count, size, shares, first);
  t->grains.first = first;
  t->grains.rank = clf_group_rank(g);
  return clf__grains_reserve(t);
}

void clf__membership_free(clf_trainer *t) {
  clf__membership *m = of(t);
  for (int i = 0; i < CLF_ROOTS; i++) free(m->host[i]);
  free(m->first);
}

/* ---- The message of a step ------------------------------------------------------------------- */

/* Behind the loss: how many members failed, the sums of their ranks and statuses; how many grains
 * were off; and as a check the step and how many sent it. */
enum { LOSS, FAILED, RANKS, STATUSES, OFF, STEPS, SENDERS };
enum { STEPS_COUNTED = 4096 }; /* so that sums are exact in float */
_Static_assert((int)SENDERS < (int)CLF_MESSAGE, "the message has room for all of them");

static size_t length_of(const clf_trainer *t) { return (size_t)t->f->message.dim[0]; }

static void put(const clf_trainer *t, void *message, int which, double value) {
  const size_t at = length_of(t) - CLF_MESSAGE + (size_t)which;
  if (t->dev->bits == 64)
    ((double *)message)[at] = value;
  else
    ((float *)message)[at] = (float)value;
}
static double get(const clf_trainer *t, const void *message, int which) {
  const size_t at = length_of(t) - CLF_MESSAGE + (size_t)which;
  return t->dev->bits == 64 ? ((const double *)message)[at] : (double)((const float *)message)[at];
}

/* The numbers of a device tensor on the host, in place on the devices that are the host itself. */
int clf__trainer_is_on_host(const clf_trainer *t) {
  return t->dev->backend == &clf__cpu || t->dev->backend == &clf__cpu64;
}
clf_status clf__trainer_on_host(clf_trainer *t, int i, clf_tensor v, void **at) {
  clf__membership *m = of(t);
  const size_t size = (size_t)t->dev->bits / 8;
  if (clf__trainer_is_on_host(t)) {
    *at = (char *)v.buf->handle + (size_t)v.offset * size;
    clf__count_write(v.buf);
    return CLF_OK;
  }
  if (!m->host[i]) CLF_TRY(clf__group_memory(m->g, length_of(t) * size, &m->host[i]));
  *at = m->host[i];
  return CLF_OK;
}

/* Root i of `count`: the last one is in the flow's message. */
static clf_tensor root_of(const clf_trainer *t, int i, int count) {
  return i + 1 < count ? t->grains.sum[i] : t->f->message;
}

/* Where the roots of this member are on the host; their numbers too, unless it failed. */
static clf_status gather_roots(clf_trainer *t, int count, int read, void *root[CLF_ROOTS]) {
  for (int i = 0; i < count; i++)
    CLF_TRY(clf__trainer_on_host(t, i, root_of(t, i, count), &root[i]));
  for (int i = 0; i < count && read && !clf__trainer_is_on_host(t); i++) {
    const clf_tensor v = root_of(t, i, count);
    CLF_TRY(t->dev->backend->read(t->dev, v.buf, (size_t)v.offset, root[i], length_of(t)));
  }
  return CLF_OK;
}

/* The control numbers go with the first root, and are 0 in the others. */
static void put_control(const clf_trainer *t, int count, void *const root[], clf_status s) {
  for (int i = 0; i < count; i++)
    for (int k = FAILED; k < CLF_MESSAGE; k++) put(t, root[i], k, 0);
  if (!count) return;
  put(t, root[0], FAILED, s != CLF_OK);
  put(t, root[0], RANKS, s ? t->grains.rank : 0);
  put(t, root[0], STATUSES, s ? (double)s : 0);
  put(t, root[0], OFF, t->grains.off);
  put(t, root[0], STEPS, (double)(t->step % STEPS_COUNTED));
  put(t, root[0], SENDERS, 1);
}

/* What the sum says about all members. */
static clf_status check_control(clf_trainer *t, const void *total) {
  clf__membership *m = of(t);
  const double failed = get(t, total, FAILED);
  if (get(t, total, STEPS) != get(t, total, SENDERS) * (double)(t->step % STEPS_COUNTED))
    return clf__fail(CLF_EMISMATCH, "members of the group are at different steps than %lld",
                     (long long)t->step + 1);
  t->grains.off = (int)get(t, total, OFF);
  if (!(failed > 0)) return CLF_OK;
  if (m->failed) return clf__fail(m->failed, "%s", m->why);
  if (failed > 1)
    return clf__fail(CLF_EDEVICE, "%g members failed at step %lld", failed, (long long)t->step + 1);
  return clf__trainer_member_failed(t, (int32_t)get(t, total, RANKS),
                                    (clf_status)(int)get(t, total, STATUSES));
}

clf_status clf__trainer_member_failed(const clf_trainer *t, int32_t rank, clf_status s) {
  return clf__fail(s, "%s failed at step %lld (%s)", clf_group_member(t->group.g, rank),
                   (long long)t->step + 1, clf_strerror(s));
}

void clf__trainer_note_failure(clf_trainer *t, clf_status s) {
  clf__membership *m = of(t);
  m->failed = s;
  snprintf(m->why, sizeof m->why, "%s", clf_errmsg());
}

clf_status clf__trainer_tell_later(clf_trainer *t, clf_status s) {
  if (!clf__device_failed(s) || !clf__trainer_is_member(t) || clf__trainer_is_cut_off(t)) return s;
  if (!of(t)->failed) clf__trainer_note_failure(t, s);
  return CLF_OK;
}

static clf_status add_up_all(clf_trainer *t, const clf__split *s, void *const root[], void *total) {
  CLF_TRY(clf__group_sum(t->group.g, s, length_of(t), t->dev->bits, root, total));
  return check_control(t, total);
}

/* What is behind the gradient goes to all members, and of the gradient each gets its slice. */
static clf_status add_up_slice(clf_trainer *t, const clf__split *s, void *const root[],
                               void *total) {
  clf_group *g = t->group.g;
  const size_t n = (size_t)t->f->w.dim[0], size = (size_t)t->dev->bits / 8;
  void *behind[CLF_ROOTS] = {NULL};
  for (int i = 0; i < CLF_ROOTS && root[i]; i++) behind[i] = (char *)root[i] + n * size;
  CLF_TRY(clf__group_sum(g, s, length_of(t) - n, t->dev->bits, behind, (char *)total + n * size));
  CLF_TRY(check_control(t, total));
  return clf__group_scatter_sum(g, s, n, t->dev->bits, root, total);
}

static clf_status write_back(const clf_trainer *t, size_t begin, size_t end, const void *total) {
  const clf_tensor v = t->f->message;
  return clf__write_elements(t->dev, v.buf, (size_t)v.offset + begin,
                             (const char *)total + begin * (size_t)t->dev->bits / 8, end - begin);
}

/* The sum that came back, to the device. */
static clf_status write_total(const clf_trainer *t, const void *total) {
  if (clf__trainer_is_on_host(t)) return CLF_OK;
  if (!clf__trainer_divides(t)) return write_back(t, 0, length_of(t), total);
  const clf__elements own = clf__trainer_slice(t);
  CLF_TRY(write_back(t, own.begin, own.end, total));
  return write_back(t, (size_t)t->f->w.dim[0], length_of(t), total);
}

/* The roots to everybody, the total back. */
static clf_status add_up(clf_trainer *t, double busy) {
  clf__membership *m = of(t);
  const clf__split s = clf__grains_split(t, t->step);
  clf__stack own;
  void *root[CLF_ROOTS] = {NULL}, *total = NULL;
  clf__tree_roots(&s, s.first[t->grains.rank], s.first[t->grains.rank + 1], &own);
  clf_status failed = gather_roots(t, own.count, !m->failed, root);
  if (clf__trainer_is_cut_off(t)) return failed;
  if (failed && !m->failed) clf__trainer_note_failure(t, failed);
  put_control(t, own.count, root, m->failed);
  if (own.count)
    total = root[own.count - 1];
  else
    CLF_TRY(clf__trainer_on_host(t, 0, t->f->message, &total));
  clf__group_doing(m->g, "step %lld", (long long)t->step + 1);
  CLF_TRY(clf__trainer_divides(t) ? add_up_slice(t, &s, root, total)
                                  : add_up_all(t, &s, root, total));
  clf__group_took(m->g, busy);
  m->behind = 1;
  return write_total(t, total);
}

/* ---- Shares by measurement ------------------------------------------------------------------- */

enum { WARM = 3, MEASURED = 20 }; /* steps */
#define WORTH 1.1 /* how much faster other shares must be, since equal ones send less */

/* Seconds that the slowest member takes for its grains. */
static double slowest(const int32_t *first, const double *grain, int32_t size) {
  double maximum = 0;
  for (int32_t r = 0; r < size; r++) maximum = fmax(maximum, (first[r + 1] - first[r]) * grain[r]);
  return maximum;
}

/* After some steps everybody hears how long a grain takes everybody; shares follow, equally
 * decided by all, once. They count from the next step on, which reserves memory for them. */
static clf_status divide_by_speed(clf_trainer *t) {
  clf__membership *m = of(t);
  const int32_t size = clf_group_size(m->g), K = t->grains.count;
  const double mine = m->busy / fmax(1, m->computed);
  const size_t numbers = (size_t)size * 2 * sizeof(double);
  void *memory = NULL;
  clf__group_doing(m->g, "the measurement of speeds");
  CLF_TRY(clf__group_memory(m->g, numbers + ((size_t)size + 1) * sizeof(int32_t), &memory));
  double *grain = memory;
  int32_t *first = (int32_t *)(void *)((char *)memory + numbers);
  const clf_status s = clf_group_gather(m->g, &mine, sizeof mine, grain);
  if (!s) {
    for (int32_t r = 0; r < size; r++) grain[size + r] = 1 / fmax(grain[r], 1e-9);
    divide(K, size, grain + size, first);
    if (slowest(first, grain, size) * WORTH < slowest(m->first, grain, size))
      memcpy(m->first, first, ((size_t)size + 1) * sizeof *first);
  }
  free(memory);
  return s;
}

static clf_status note_speed(clf_trainer *t, double busy) {
  clf__membership *m = of(t);
  const int32_t own = m->first[t->grains.rank + 1] - m->first[t->grains.rank];
  if (m->given || m->steps > MEASURED) return CLF_OK;
  if (m->steps++ < WARM) return CLF_OK;
  m->busy += busy;
  m->computed += own;
  return m->steps > MEASURED ? divide_by_speed(t) : CLF_OK;
}

/* ---- A step --------------------------------------------------------------------------------- */

clf_status clf__trainer_sum_members(clf_trainer *t, clf_status computed, double began) {
  clf__membership *m = of(t);
  if (!m->failed && computed) clf__trainer_note_failure(t, computed);
  const double busy = clf__now() - began;
  const clf_status s = add_up(t, busy);
  if (!m->behind) return s;
  const clf_status noted = note_speed(t, busy);
  return s ? s : noted;
}

/* ---- Between steps -------------------------------------------------------------------------- */

/* What members tell each other at each reading and at what goes with it. */
typedef struct report {
  int32_t status, copy;
  int64_t step, state;
  uint64_t sum;
  char why[256];
} report;

int clf__trainer_is_cut_off(const clf_trainer *t) {
  return clf__trainer_is_member(t) && t->group.g->broken;
}

/* The first member that reports something else than rank 0. */
static clf_status compare(const clf_trainer *t, const report *all) {
  const clf_group *g = t->group.g;
  for (int32_t r = 1; r < clf_group_size(g); r++) {
    if (all[r].step != all[0].step || all[r].state != all[0].state)
      return clf__fail(CLF_EMISMATCH, "%s is at step %lld, %s at %lld", clf_group_member(g, r),
                       (long long)all[r].step, clf_group_member(g, 0), (long long)all[0].step);
    if (all[r].sum != all[0].sum)
      return clf__fail(CLF_EMISMATCH,
                       "%s has other weights than %s after step %lld: one of the two computes "
                       "wrongly, or they are not of the same kind",
                       clf_group_member(g, r), clf_group_member(g, 0), (long long)all[0].step);
  }
  return CLF_OK;
}

static clf_status worst_of(clf_trainer *t, const report *all) {
  const clf_group *g = t->group.g;
  const int32_t own = t->grains.rank;
  for (int pass = 0; pass < 2; pass++) /* errors that end the training before those of devices */
    for (int32_t r = 0; r < clf_group_size(g); r++) {
      const clf_status s = (clf_status)all[r].status;
      if (!s || clf__device_failed(s) != pass) continue;
      return r == own ? clf__fail(s, "%s", t->group.why)
                      : clf__fail(s, "%s: %s", clf_group_member(g, r), all[r].why);
    }
  return compare(t, all);
}

clf_status clf__trainer_agree(clf_trainer *t, int state, clf_status s, uint64_t sum) {
  clf__membership *m = of(t);
  if (!m->g || m->g->broken) return s;
  if (s && !m->failed) clf__trainer_note_failure(t, s);
  report mine = {.status = (int32_t)m->failed,
                 .copy = clf__trainer_copy_is_due(t),
                 .step = t->step,
                 .state = state,
                 .sum = sum};
  if (m->failed) snprintf(mine.why, sizeof mine.why, "%.255s", m->why);
  void *memory = NULL;
  clf__group_doing(m->g, "step %lld", (long long)t->step);
  CLF_TRY(clf__group_memory(m->g, (size_t)clf_group_size(m->g) * sizeof(report), &memory));
  const report *all = memory;
  s = clf_group_gather(m->g, &mine, sizeof mine, memory);
  if (!s) {
    m->copy_is_due = all[0].copy;
    s = worst_of(t, all);
  }
  free(memory);
  return s;
}

/* FNV over words of the newest copy on the host, in the device's precision. */
uint64_t clf__trainer_copy_sum(const clf_trainer *t) {
  const size_t words = 3 * clf__count(&t->m) * (size_t)t->dev->bits / 32;
  const uint32_t *at = clf__trainer_newest_copy(t)->at;
  uint64_t h = CLF_HASH_BEGIN;
  for (size_t i = 0; i < words; i++) h = clf__hash(h, at[i]);
  return h;
}

/* What rank 0 decides after a report. */
typedef struct decision {
  int64_t stop, pace, saved;
  char path[256];
} decision;

static void note_checkpoint(const clf__membership *m) {
  if (m->g && m->saved >= 0)
    clf__group_note(m->g, "; the last checkpoint, %s, is of step %lld", m->path,
                    (long long)m->saved);
}

clf_status clf__trainer_decide(clf_trainer *t, int *stop, int64_t *pace) {
  clf__membership *m = of(t);
  decision d = {.stop = *stop, .pace = *pace, .saved = m->saved};
  if (!m->g) return CLF_OK;
  snprintf(d.path, sizeof d.path, "%s", m->path);
  CLF_TRY(clf_group_broadcast(m->g, 0, &d, sizeof d));
  *stop = (int)d.stop;
  *pace = d.pace;
  m->saved = d.saved;
  d.path[sizeof d.path - 1] = 0;
  snprintf(m->path, sizeof m->path, "%s", d.path);
  note_checkpoint(m);
  return CLF_OK;
}

void clf__trainer_note_saved(clf_trainer *t, const char *path) {
  clf__membership *m = of(t);
  m->saved = t->step;
  snprintf(m->path, sizeof m->path, "%s", path);
  note_checkpoint(m);
}
