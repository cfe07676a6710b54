/* SPDX-License-Identifier: MIT */
/* images_pool.c: threads that decode the images of a set. */
#define _XOPEN_SOURCE 700
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "images.h"
#include "status.h"

enum { THREADS_MAX = 64 };

struct clf__pool {
  clf_images *m;
  pid_t process; /* process of the threads */
  pthread_t thread[THREADS_MAX];
  int threads;
  atomic_llong next, done;
  atomic_ullong held; /* bytes of images that differ in size */
  atomic_int stop;
  /* The first image, by index, for which the whole set is refused.  Images are taken in order
   * and always finished, so it is the same for any number of threads. */
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

/* Takes ownership of the pixels.  ENOMEM if images that differ in size exceed the memory of the
 * machine. */
static clf_status store(clf__pool *q, int64_t i, const clf__picture *p) {
  clf_images *const m = q->m;
  if (m->at) {
    const size_t own = (size_t)p->height * (size_t)p->width * (size_t)p->channels;
    CLF_TRY(
        clf__memory_fits(m->name, "images decoded so far", atomic_fetch_add(&q->held, own) + own));
    m->at[i] = *p;
    return CLF_OK;
  }
  const size_t size = clf__image_bytes(m);
  memcpy(m->block + (size_t)i * size, p->at, size);
  free(p->at);
  return CLF_OK;
}

/* Records that image i is skipped.  Errors: ENOMEM. */
static clf_status leave_out(clf__pool *q, int64_t i) {
  clf_images *const m = q->m;
  char *const sentence = copy_sentence();
  clf_status s = sentence ? CLF_OK : CLF_ENOMEM;
  pthread_mutex_lock(&q->lock);
  if (s == CLF_OK && m->skipped == m->fault_room) {
    const int64_t room = m->fault_room ? 2 * m->fault_room : 16;
    clf__fault *const more = realloc(m->fault, (size_t)room * sizeof *more);
    if (more) {
      m->fault = more;
      m->fault_room = room;
    } else {
      s = CLF_ENOMEM;
    }
  }
  if (s == CLF_OK) m->fault[m->skipped++] = (clf__fault){i, sentence};
  pthread_mutex_unlock(&q->lock);
  if (s != CLF_OK) free(sentence);
  return s;
}

static void decode(clf__pool *q, int64_t i) {
  clf_images *const m = q->m;
  clf__picture p = {0};
  clf_status s = m->source.picture(m->source.state, i, &p);
  if (s == CLF_OK) s = clf__fit(m->source.name(m->source.state, i), &m->want, &p);
  if (s == CLF_OK) s = store(q, i, &p);
  if (s == CLF_OK) return;
  free(p.at);
  /* Damaged files and other formats are skipped; other errors concern the whole set. */
  const int damaged = s == CLF_EFORMAT || s == CLF_EIO;
  if (damaged && !m->want.strict) s = leave_out(q, i);
  if (s != CLF_OK) refuse(q, i, s);
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

/* Signals are for the program's own threads: these threads block them. */
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
  q->process = getpid();
  q->worst = -1;
  m->pool = q;
  long n = threads > 0 ? threads : clf_threads();
  if (n > m->total) n = (long)m->total;
  start_threads(q, n < 1 ? 1 : n > THREADS_MAX ? THREADS_MAX : (int)n);
  return CLF_OK;
}

/* In a forked child, which has none of the threads, and whose images may be incomplete. */
static void give_up(clf_images *m) {
  m->status = clf__fail(CLF_EINVAL,
                        "%s: the process was forked while the images were being decoded; open the "
                        "set again",
                        m->name);
  m->sentence = copy_sentence();
  free(m->pool->sentence);
  free(m->pool);
  m->pool = NULL;
}

void clf__pool_finish(clf_images *m, int stop) {
  clf__pool *const q = m->pool;
  if (q->process != getpid()) {
    give_up(m);
    return;
  }
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
