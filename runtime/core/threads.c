/* SPDX-License-Identifier: MIT */
/* threads.c: a pool of threads for the loops of cpu_ref/, started when a loop first needs them.
 *
 * A caller takes idle workers, wakes them, and starts on the loop itself.  It does not wait for a
 * worker that has not woken up when the loop is done: on a busy machine the caller simply does more
 * of the work.  No thread spins: 0.1 ms of it made a training step of a small flow 6 % faster, but
 * takes time from other programs. */
#define _POSIX_C_SOURCE 200809L
#include "threads.h"
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include "memory_limit.h"
#include "status.h"

enum {
  PIECES = 8,           /* per share: the granularity in which other threads take over work */
  STACK_BYTES = 1 << 20 /* of a worker */
};

/* The range of indices of a thread, of which it takes pieces from the front, as do threads that
 * have finished their own range.  One cache line each. */
typedef struct share {
  _Alignas(64) atomic_llong next;
  int end;
} share;

typedef struct worker worker;
typedef struct job { /* one loop, on its caller's stack */
  clf__loop loop;
  const void *context;
  int piece;
  int members; /* the caller is member 0, helper[m] member m */
  int running; /* helpers that have begun and not finished; protected by the pool's lock */
  worker *helper[CLF_THREADS_MAX];
  share share[CLF_THREADS_MAX];
} job;

struct worker {
  pthread_t thread;
  pthread_cond_t wake;
  job *job; /* NULL: idle */
  int member, begun;
};

static worker workers[CLF_THREADS_MAX]; /* zeros: not in a program's file, as the pool is */

static struct {
  pthread_mutex_t lock;
  pthread_cond_t done; /* a job has no running helpers any more */
  int workers;
  int most;       /* maximum number of workers; smaller than requested if starting one failed */
  int stopping;   /* workers without a job end */
  int told;       /* clf_set_threads(); 0: the default */
  int by_default; /* default number of threads; 0: not yet determined */
} pool = {
    .lock = PTHREAD_MUTEX_INITIALIZER, .done = PTHREAD_COND_INITIALIZER, .most = CLF_THREADS_MAX};

/* ---- Number of threads ----------------------------------------------------------------------- */

/* The number in CLFLOW_THREADS; 0 if it is not set, -1 if it is invalid. */
static int threads_of_environment(void) {
  const char *text = getenv("CLFLOW_THREADS");
  char *end;
  if (!text || !*text) return 0;
  const long n = strtol(text, &end, 10);
  return *end == 0 && n >= 1 && n <= CLF_THREADS_MAX ? (int)n : -1;
}

/* If memory is limited, stacks take at most a sixteenth of it. */
static int threads_by_default(void) {
  const int asked = threads_of_environment(), cores = clf__cores();
  const uint64_t stacks = clf__memory_limit().bytes / 16 / STACK_BYTES;
  if (asked > 0) return asked;
  return stacks < (uint64_t)cores ? (int)stacks + 1 : cores;
}

static void prepare_for_fork(void);

static void lock_pool(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, prepare_for_fork);
  pthread_mutex_lock(&pool.lock);
}

/* Call with the lock held. */
static int threads_now(void) {
  if (pool.told) return pool.told;
  if (!pool.by_default) pool.by_default = threads_by_default();
  return pool.by_default;
}

int32_t clf_threads(void) {
  lock_pool();
  const int n = threads_now();
  pthread_mutex_unlock(&pool.lock);
  return n;
}

clf_status clf_set_threads(int32_t n) {
  if (n < 0 || n > CLF_THREADS_MAX)
    return clf__fail(CLF_EINVAL,
                     "%d threads; the number must be from 1 to %d, or 0 for the default", (int)n,
                     CLF_THREADS_MAX);
  lock_pool();
  pool.told = n;
  pool.by_default = 0;
  pool.most = CLF_THREADS_MAX;
  pthread_mutex_unlock(&pool.lock);
  return CLF_OK;
}

clf_status clf__threads_check(void) {
  if (threads_of_environment() >= 0) return CLF_OK;
  return clf__fail(CLF_EINVAL, "CLFLOW_THREADS is \"%s\"; it must be a number from 1 to %d",
                   getenv("CLFLOW_THREADS"), CLF_THREADS_MAX);
}

/* ---- Distributing a loop --------------------------------------------------------------------- */

static void divide_loop(job *j, int count) {
  for (int m = 0; m < j->members; m++) {
    atomic_init(&j->share[m].next, (long long)count * m / j->members);
    j->share[m].end = (int)((long long)count * (m + 1) / j->members);
  }
  const int pieces = j->members * PIECES;
  j->piece = count / pieces + (count % pieces != 0);
}

/* Runs pieces until none is left: first those of member `me`, so that a thread works on the same
 * rows in loop after loop, then those of others. */
static void take_pieces(job *j, int me) {
  for (int k = 0; k < j->members; k++) {
    share *s = &j->share[(me + k) % j->members];
    for (;;) {
      const long long first = atomic_fetch_add_explicit(&s->next, j->piece, memory_order_relaxed);
      if (first >= s->end) break;
      const long long end = first + j->piece;
      j->loop(j->context, (int)first, end < s->end ? (int)end : s->end);
    }
  }
}

static void *work(void *one) {
  worker *w = one;
  pthread_mutex_lock(&pool.lock);
  for (;;) {
    while (!w->job && !pool.stopping) pthread_cond_wait(&w->wake, &pool.lock);
    if (!w->job) break;
    job *j = w->job;
    w->begun = 1;
    j->running++;
    pthread_mutex_unlock(&pool.lock);
    take_pieces(j, w->member);
    pthread_mutex_lock(&pool.lock);
    w->job = NULL;
    w->begun = 0;
    if (--j->running == 0) pthread_cond_broadcast(&pool.done);
  }
  pthread_mutex_unlock(&pool.lock);
  return NULL;
}

/* Starts workers until there are `wanted`, or no more can be started.  Signals are for the
 * program's own threads: workers block them. */
static void start_workers(int wanted) {
  sigset_t all, before;
  pthread_attr_t attr;
  if (pthread_attr_init(&attr)) return;
  pthread_attr_setstacksize(&attr, STACK_BYTES);
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  while (pool.workers < wanted && pool.workers < pool.most) {
    worker *w = &workers[pool.workers];
    *w = (worker){0};
    if (pthread_cond_init(&w->wake, NULL)) break;
    if (pthread_create(&w->thread, &attr, work, w)) {
      pthread_cond_destroy(&w->wake);
      pool.most = pool.workers; /* until clf_set_threads() */
    } else {
      pool.workers++;
    }
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attr);
}

/* Takes idle workers as helpers, for at most `wanted` members. */
static void gather(job *j, int wanted) {
  const int threads = threads_now();
  if (wanted > threads) wanted = threads;
  if (pool.workers < wanted - 1) start_workers(wanted - 1);
  for (int i = 0; i < pool.workers && i < threads - 1 && j->members < wanted; i++) {
    worker *w = &workers[i];
    if (w->job) continue;
    w->job = j;
    w->member = j->members;
    j->helper[j->members++] = w;
  }
}

/* Helpers that have not begun become idle; the others are about to finish.  The caller must not
 * be cancelled while it waits, because helpers use its stack. */
static void dismiss(job *j) {
  int state;
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
  pthread_mutex_lock(&pool.lock);
  for (int m = 1; m < j->members; m++)
    if (j->helper[m]->job == j && !j->helper[m]->begun) j->helper[m]->job = NULL;
  while (j->running > 0) pthread_cond_wait(&pool.done, &pool.lock);
  pthread_mutex_unlock(&pool.lock);
  pthread_setcancelstate(state, NULL);
}

static _Thread_local int is_alone;

int clf__threads_alone(int alone) {
  const int before = is_alone;
  is_alone = alone;
  return before;
}
int clf__threads_are_alone(void) { return is_alone; }

void clf__threads_run(int count, int wanted, clf__loop loop, const void *context) {
  job j;
  if (is_alone) {
    loop(context, 0, count);
    return;
  }
  j.loop = loop;
  j.context = context;
  j.members = 1;
  j.running = 0;
  lock_pool();
  gather(&j, wanted < count ? wanted : count);
  divide_loop(&j, count);
  pthread_mutex_unlock(&pool.lock);
  if (j.members == 1) {
    loop(context, 0, count);
    return;
  }
  for (int m = 1; m < j.members; m++) pthread_cond_signal(&j.helper[m]->wake);
  take_pieces(&j, 0);
  dismiss(&j);
}

/* ---- Fork and exit --------------------------------------------------------------------------- */

#ifdef _WIN32
static void prepare_for_fork(void) {}
#else
/* A forked child has no workers: its pool is empty.  The lock is free while the process is
 * copied. */
static void before_fork(void) { pthread_mutex_lock(&pool.lock); }
static void after_fork(void) { pthread_mutex_unlock(&pool.lock); }
static void in_child(void) {
  pool.workers = 0;
  pool.most = CLF_THREADS_MAX;
  pool.by_default = 0;
  pthread_cond_init(&pool.done, NULL);
  pthread_mutex_unlock(&pool.lock);
}
static void prepare_for_fork(void) { pthread_atfork(before_fork, after_fork, in_child); }

/* The library may be unloaded afterwards, so no worker may still run its code.  If a thread is
 * still computing when the process ends, nothing is stopped. */
__attribute__((destructor)) static void stop_workers(void) {
  int busy = 0;
  if (pthread_mutex_trylock(&pool.lock)) return;
  for (int i = 0; i < pool.workers; i++) busy |= workers[i].job != NULL;
  const int count = busy ? 0 : pool.workers;
  pool.stopping = count > 0;
  for (int i = 0; i < count; i++) pthread_cond_signal(&workers[i].wake);
  pthread_mutex_unlock(&pool.lock);
  for (int i = 0; i < count; i++) pthread_join(workers[i].thread, NULL);
  if (!count) return;
  pthread_mutex_lock(&pool.lock);
  pool.workers = 0;
  pool.stopping = 0;
  pthread_mutex_unlock(&pool.lock);
}
#endif
