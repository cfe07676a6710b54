/* SPDX-License-Identifier: MIT */
/* thread_group.c: a group of threads in one process. A sender publishes the address of its bytes,
 * and waits until the receiver has copied them. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "clock.h"
#include "stopped.h"
#include "transport.h"

typedef enum state { EMPTY, FULL, COPYING } state;

/* Bytes that one member offers another. */
typedef struct box {
  state state;
  const void *at;
  size_t size;
} box;

/* State of all members; the last one that leaves frees it. */
typedef struct room {
  pthread_mutex_t lock;
  pthread_cond_t *changed; /* of each member: signalled when one of its boxes changes */
  int32_t size, there;     /* members, and those that have not left */
  int32_t ready;           /* number of initialised conditions */
  char *left;              /* of each member: 1 once it has left */
  char cause[512];         /* why the first one gave up, or empty */
  box *box;                /* (size, size): to, from */
} room;

typedef struct member {
  clf_transport base;
  room *room;
} member;

static box *box_of(room *m, int32_t to, int32_t from) { return &m->box[to * m->size + from]; }

/* ---- Waiting, with the lock held ------------------------------------------------------------- */

#define WAITS 0.5 /* seconds at a time, to notice that the process was stopped */

/* Waits for a change, but not for long. 0: the deadline has passed. */
static int wait_until(room *m, int32_t rank, double *deadline) {
  const double now = clf__now(), left = *deadline - now, pause = left < WAITS ? left : WAITS;
  struct timespec t;
  if (left <= 0) return 0;
  clock_gettime(CLOCK_MONOTONIC, &t);
  const double end = (double)t.tv_nsec * 1e-9 + pause;
  t.tv_sec += (time_t)end;
  t.tv_nsec = (long)((end - (double)(time_t)end) * 1e9);
  pthread_cond_timedwait(&m->changed[rank], &m->lock, &t);
  clf__move_deadline(now, clf__now(), pause, deadline);
  return 1;
}

static clf_status silent(const room *m, int32_t peer, double seconds) {
  if (m->left[peer] && *m->cause)
    return clf__fail(CLF_EDEVICE, "rank %d has left the group (%s)", (int)peer, m->cause);
  if (m->left[peer]) return clf__fail(CLF_EDEVICE, "rank %d has left the group", (int)peer);
  return clf__fail(CLF_EDEVICE, "rank %d was silent for %.3g seconds", (int)peer, seconds);
}

/* Takes a peer's bytes; they stay valid if it has left since. */
static clf_status receive(room *m, int32_t rank, int32_t from, void *in, size_t n, double begin,
                          double deadline) {
  box *b = box_of(m, rank, from);
  while (b->state != FULL)
    if (m->left[from] || !wait_until(m, rank, &deadline))
      return silent(m, from, clf__now() - begin);
  if (b->size != n)
    return clf__fail(CLF_EDEVICE, "rank %d sent %zu bytes, not %zu: it is at another call",
                     (int)from, b->size, n);
  const void *at = b->at;
  b->state = COPYING;
  pthread_mutex_unlock(&m->lock);
  if (n) memcpy(in, at, n);
  pthread_mutex_lock(&m->lock);
  b->state = EMPTY;
  pthread_cond_signal(&m->changed[from]);
  return CLF_OK;
}

/* Waits until the offered bytes are copied, or withdraws them. */
static clf_status finish_sending(room *m, int32_t rank, int32_t to, int failed, double begin,
                                 double deadline) {
  box *b = box_of(m, to, rank);
  clf_status s = CLF_OK;
  while (b->state == FULL && !failed && !s)
    if (m->left[to] || !wait_until(m, rank, &deadline)) s = silent(m, to, clf__now() - begin);
  while (b->state == COPYING) pthread_cond_wait(&m->changed[rank], &m->lock);
  b->state = EMPTY;
  return s;
}

/* Wakes members that wait for this one, so that they do not wait for the deadline. */
static void mark_left(room *m, int32_t rank) {
  m->left[rank] = 1;
  for (int32_t r = 0; r < m->size; r++) pthread_cond_signal(&m->changed[r]);
}

/* ---- As a transport -------------------------------------------------------------------------- */

static clf_status exchange(clf_transport *t, int32_t to, const void *out, size_t n_out,
                           int32_t from, void *in, size_t n_in, double deadline) {
  room *m = ((member *)(void *)t)->room;
  const double begin = clf__now();
  clf_status s = CLF_OK, sent = CLF_OK;
  pthread_mutex_lock(&m->lock);
  if (to >= 0) {
    *box_of(m, to, t->rank) = (box){FULL, out, n_out};
    pthread_cond_signal(&m->changed[to]);
  }
  if (from >= 0) s = receive(m, t->rank, from, in, n_in, begin, deadline);
  if (to >= 0) sent = finish_sending(m, t->rank, to, s != CLF_OK, begin, deadline);
  pthread_mutex_unlock(&m->lock);
  return s ? s : sent;
}

static void give_up(clf_transport *t, const char *why) {
  room *m = ((member *)(void *)t)->room;
  pthread_mutex_lock(&m->lock);
  if (!*m->cause) snprintf(m->cause, sizeof m->cause, "%s", why);
  mark_left(m, t->rank);
  pthread_mutex_unlock(&m->lock);
}

static void free_room(room *m) {
  pthread_mutex_destroy(&m->lock);
  for (int32_t r = 0; r < m->ready; r++) pthread_cond_destroy(&m->changed[r]);
  free(m->changed);
  free(m->left);
  free(m->box);
  free(m);
}

static void leave(clf_transport *t) {
  room *m = ((member *)(void *)t)->room;
  pthread_mutex_lock(&m->lock);
  mark_left(m, t->rank);
  const int last = --m->there == 0;
  pthread_mutex_unlock(&m->lock);
  if (last) free_room(m);
  free(t);
}

/* ---- Making ---------------------------------------------------------------------------------- */

static void make_conditions(room *m) {
  pthread_condattr_t forward; /* deadlines use a clock that is never set */
  pthread_condattr_init(&forward);
  pthread_condattr_setclock(&forward, CLOCK_MONOTONIC);
  for (; m->ready < m->size; m->ready++) pthread_cond_init(&m->changed[m->ready], &forward);
  pthread_condattr_destroy(&forward);
}

static room *new_room(int32_t n) {
  room *m = calloc(1, sizeof *m);
  if (!m) return NULL;
  m->size = n;
  m->left = calloc((size_t)n, 1);
  m->box = calloc((size_t)n * (size_t)n, sizeof *m->box);
  m->changed = calloc((size_t)n, sizeof *m->changed);
  pthread_mutex_init(&m->lock, NULL);
  if (m->left && m->box && m->changed) {
    make_conditions(m);
    return m;
  }
  free_room(m);
  return NULL;
}

static clf_transport *new_member(room *m, int32_t rank) {
  member *one = calloc(1, sizeof *one);
  if (!one) return NULL;
  one->room = m;
  one->base = (clf_transport){.rank = rank,
                              .size = m->size,
                              .local_rank = rank,
                              .host = "this machine",
                              .exchange = exchange,
                              .give_up = give_up,
                              .free = leave};
  m->there++;
  return &one->base;
}

static clf_status fill(room *m, clf_group **members) {
  for (int32_t r = 0; r < m->size; r++) {
    clf_transport *t = new_member(m, r);
    if (!t) return clf__fail(CLF_ENOMEM, "no memory for a group of %d", (int)m->size);
    CLF_TRY(clf_group_wrap(t, &members[r]));
  }
  return CLF_OK;
}

clf_status clf_group_threads(int32_t n, clf_group **members) {
  CLF_GIVEN("members", members);
  if (n < 1 || n > CLF_GROUP_THREADS)
    return clf__fail(CLF_EINVAL, "a group of %d threads: it must have 1 to %d", (int)n,
                     CLF_GROUP_THREADS);
  room *m = new_room(n);
  if (!m) return clf__fail(CLF_ENOMEM, "no memory for a group of %d", (int)n);
  m->there = 1; /* this function, so that the memory stays until all are in it */
  for (int32_t r = 0; r < n; r++) members[r] = NULL;
  const clf_status s = fill(m, members);
  for (int32_t r = 0; r < n && s; r++) {
    clf_group_free(members[r]);
    members[r] = NULL;
  }
  if (--m->there == 0) free_room(m);
  return s;
}
