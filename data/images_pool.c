/* SPDX-License-Identifier: MIT */
/* images_pool.c: threads that decode the images of a set. */
#define _XOPEN_SOURCE 700
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "images.h"
#include "status.h"

enum { THREADS_MAX = 64 };

struct clf__pool {
  clf_images *m;
  pthread_t thread[THREADS_MAX];
  int threads;
  atomic_llong next, done;
  atomic_int stop;
  /* The first image, by number, for which the whole set is refused.  Images are taken in
   * order, and one that is begun is finished, so it is the same for any number of threads. */
  pthread_mutex_t lock;
  int64_t worst;
  clf_status status;
  char *sentence;
};

static char *copy_sentence(void) {
  const char *const text = clf_errmsg();
  char *const copy = malloc(strlen(text) + 1);
  return copy ? strcpy(copy, text) : NULL;
}

static void refuse(clf__pool *q, int64_t i, clf_status s) {
  char *const sentence = copy_sentence();
  atomic_store(&q->stop, 1);
  pthread_mutex_lock(&q->lock);
  if (q->worst < 0 || i < q->worst) {
    free(q->sentence);
    q->worst = i;
    q->status = s;
    q->sentence = sentence;
  } else {
    free(sentence);
  }
  pthread_mutex_unlock(&q->lock);
}

static void decode(clf__pool *q, int64_t i) {
  clf_images *const m = q->m;
  clf__picture p = {0};
  clf_status s = m->source.picture(m->source.state, i, &p);
  if (s == CLF_OK) s = clf__fit(m->source.name(m->source.state, i), &m->want, &p);
  if (s == CLF_OK) {
    m->at[i] = p;
    return;
  }
  free(p.at);
  /* A file that is damaged, or of a kind that is not read, is left out; anything else is
   * for the whole set to answer. */
  const int damaged = s == CLF_EFORMAT || s == CLF_EIO;
  if (!damaged || m->want.strict) {
    refuse(q, i, s);
    return;
  }
  m->fault[i] = copy_sentence();
  if (!m->fault[i]) refuse(q, i, CLF_ENOMEM);
}

static void *work(void *pool) {
  clf__pool *const q = pool;
  while (!atomic_load(&q->stop)) {
    const int64_t i = atomic_fetch_add(&q->next, 1);
    if (i >= q->m->total) break;
    decode(q, i);
    atomic_fetch_add(&q->done, 1);
  }
  return NULL;
}

/* Signals are for the program's own threads: these take none. */
static void start_threads(clf__pool *q, int threads) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  while (q->threads < threads && !pthread_create(&q->thread[q->threads], NULL, work, q))
    q->threads++;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}

clf_status clf__pool_start(clf_images *m, int threads) {
  clf__pool *const q = calloc(1, sizeof *q);
  if (!q || pthread_mutex_init(&q->lock, NULL)) {
    free(q);
    return clf__fail(CLF_ENOMEM, "%s: no memory for the threads that decode it", m->name);
  }
  q->m = m;
  q->worst = -1;
  m->pool = q;
  long n = threads > 0 ? threads : sysconf(_SC_NPROCESSORS_ONLN);
  if (n > m->total) n = (long)m->total;
  start_threads(q, n < 1 ? 1 : n > THREADS_MAX ? THREADS_MAX : (int)n);
  return CLF_OK;
}

void clf__pool_finish(clf_images *m, int stop) {
  clf__pool *const q = m->pool;
  if (stop) atomic_store(&q->stop, 1);
  work(q);
  for (int k = 0; k < q->threads; k++) pthread_join(q->thread[k], NULL);
  m->status = q->status;
  m->sentence = q->sentence;
  pthread_mutex_destroy(&q->lock);
  free(q);
  m->pool = NULL;
}

int64_t clf__pool_done(const clf__pool *pool) { return atomic_load(&pool->done); }
