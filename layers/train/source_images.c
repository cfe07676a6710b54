/* SPDX-License-Identifier: MIT */
/* source_images.c: samples of a set of images, which stays on the host in bytes.
 *
 * A thread gathers, flips and widens the next micro-batch while the device works on the current
 * one, and the copy to the device overlaps with that work, too.  If other positions are
 * requested, what it has prepared is discarded. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>
#include "philox.h"
#include "source.h"

/* A micro-batch on the host. */
typedef struct prepared {
  clf__positions at; /* n = 0: empty */
  float *pixels;     /* (n, D + C): pixels and the context */
  clf_status status;
  char why[512];
} prepared;

typedef struct image_source {
  clf__source base;
  clf_image_data data; /* valid: separate validation images, or NULL */
  int32_t part;
  clf_tensor bytes[2]; /* (part, D + C): bytes and the context, used alternately */
  clf_tensor x;        /* (part, D): the continuous values */
  int turn;
  /* Shared by the thread and the trainer, protected by the lock. */
  pthread_mutex_t lock;
  pthread_cond_t changed;
  pthread_t thread;
  pid_t process; /* the process of the thread */
  int started, stop;
  clf__positions wanted; /* n = 0: nothing */
  prepared ready;
  /* Used by one side only. */
  prepared mine; /* of the trainer, if it cannot wait for the thread */
  int64_t *rows; /* the rows of positions, for the side that prepares; call with the lock held */
  uint8_t *raw;
} image_source;

static int same_positions(const clf__positions *a, const clf__positions *b) {
  return a->epoch == b->epoch && a->first == b->first && a->n == b->n;
}

/* ---- Preparing ---------------------------------------------------------------------------- */

/* Numbers of a sample on the device. */
static int32_t width(const image_source *s) { return s->base.f->spec.dim + s->base.f->context; }

/* Bytes as numbers, and the context of their rows. */
static void widen(const image_source *s, int32_t n, float *to) {
  const clf_flow *f = s->base.f;
  const int32_t D = f->spec.dim, C = f->context;
  for (int32_t i = 0; i < n; i++, to += D + C) {
    for (int32_t e = 0; e < D; e++) to[e] = s->raw[(int64_t)i * D + e];
    for (int32_t j = 0; j < C; j++)
      to[D + j] = (float)clf__given_scaled(f, s->data.given, s->rows[i], j);
  }
}

static clf_status gather(const image_source *s, const clf__positions *at, float *pixels) {
  const clf__source *b = &s->base;
  const clf_image_draw draw = {b->o.flip, b->o.seed, (uint32_t)at->epoch};
  const clf__order order = clf__order_of(b->o.seed, (uint32_t)at->epoch, (uint32_t)b->rows);
  for (int32_t i = 0; i < at->n; i++) {
    const uint32_t place = (uint32_t)(at->first + i);
    const int64_t row = b->o.shuffle ? clf__order_at(&order, place) : place;
    s->rows[i] = s->data.valid ? row : b->index[b->held_out + row];
  }
  CLF_TRY(clf_images_get(s->data.images, s->rows, 0, at->n, &draw, s->raw));
  CLF_TRY(clf_check_levels(b->f, s->raw, at->n, s->rows[0]));
  widen(s, at->n, pixels);
  return CLF_OK;
}

static void prepare(const image_source *s, const clf__positions *at, prepared *p) {
  p->at = *at;
  p->status = gather(s, at, p->pixels);
  if (p->status)
    snprintf(p->why, sizeof p->why, "%s", clf_errmsg()); /* messages belong to a thread */
}

static void *work(void *context) {
  image_source *s = context;
  pthread_mutex_lock(&s->lock);
  while (!s->stop) {
    if (!s->wanted.n) {
      pthread_cond_wait(&s->changed, &s->lock);
      continue;
    }
    const clf__positions at = s->wanted;
    s->wanted.n = 0;
    prepare(s, &at, &s->ready);
    pthread_cond_broadcast(&s->changed);
  }
  pthread_mutex_unlock(&s->lock);
  return NULL;
}

/* A forked child does not have the thread, and has the lock in an unknown state: it prepares
 * everything itself. */
static void begin_in_child(image_source *s) {
  if (s->process == getpid()) return;
  s->process = getpid();
  s->started = 0;
  s->ready.at.n = 0;
  pthread_mutex_init(&s->lock, NULL);
  pthread_cond_init(&s->changed, NULL);
}

/* Prepares what is requested now, by the thread or, if that is busy with something else, here;
 * and then requests the next. */
static const prepared *take(image_source *s, const clf__positions *at, const clf__positions *next) {
  begin_in_child(s);
  pthread_mutex_lock(&s->lock);
  if (same_positions(&s->wanted, at)) s->wanted.n = 0; /* not started */
  if (same_positions(&s->ready.at, at)) {
    const prepared swap = s->mine;
    s->mine = s->ready;
    s->ready = swap;
  } else {
    prepare(s, at, &s->mine);
  }
  s->ready.at.n = 0;
  s->wanted = *next;
  pthread_cond_broadcast(&s->changed);
  pthread_mutex_unlock(&s->lock);
  return &s->mine;
}

/* ---- As a source ----------------------------------------------------------------------------- */

static clf_status lay_out(clf__source *base, clf_arena *a, int32_t part) {
  image_source *s = (image_source *)(void *)base;
  s->part = part;
  CLF_TRY(clf_new(a, (int32_t[4]){part, width(s)}, &s->bytes[0]));
  CLF_TRY(clf_new(a, (int32_t[4]){part, width(s)}, &s->bytes[1]));
  return clf_new(a, (int32_t[4]){part, base->f->spec.dim}, &s->x);
}

/* Signals are for the program's own threads: this thread blocks them. */
static void start_thread(image_source *s) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  s->started = pthread_create(&s->thread, NULL, work, s) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Host memory for micro-batches of this size, and the thread. */
static clf_status start(clf__source *base) {
  image_source *s = (image_source *)(void *)base;
  const size_t size = (size_t)s->part * (size_t)width(s);
  s->ready.pixels = malloc(size * sizeof(float));
  s->mine.pixels = malloc(size * sizeof(float));
  s->rows = malloc((size_t)s->part * sizeof *s->rows);
  s->raw = malloc((size_t)s->part * (size_t)base->f->spec.dim);
  if (!s->ready.pixels || !s->mine.pixels || !s->rows || !s->raw)
    return clf__fail(CLF_ENOMEM, "no memory for %d images", (int)s->part);
  start_thread(s);
  return CLF_OK; /* without a thread everything is prepared when it is requested */
}

/* The noise of training is stream 1 + epoch; stream 0 is that of samples. */
static clf_status batch(clf__source *base, const clf__positions *at, const clf__positions *next,
                        clf_tensor *x) {
  image_source *s = (image_source *)(void *)base;
  const prepared *p = take(s, at, next);
  const clf_tensor all = clf__rows(s->bytes[s->turn = !s->turn], at->n);
  const int32_t D = base->f->spec.dim;
  if (p->status) return clf__fail(p->status, "%s", p->why);
  CLF_TRY(clf_upload(base->f->dev, all, p->pixels));
  *x = clf__rows(s->x, at->n);
  if (base->f->context) base->c = clf_slice(all, 1, D, all.dim[1]);
  return clf_do(base->f->dev, dequantize, .x = clf_slice(all, 1, 0, D), .y = *x,
                .seed_lo = (int)(uint32_t)base->o.seed,
                .seed_hi = (int)(uint32_t)(base->o.seed >> 32), .stream = 1 + (int)at->epoch,
                .first_lo = (int)(uint32_t)at->first, .first_hi = (int)(uint32_t)(at->first >> 32));
}

static clf_status validate(clf__source *base, double *mean) {
  const image_source *s = (const image_source *)(const void *)base;
  const clf_image_data *d = &s->data;
  if (d->valid)
    return clf__images_mean_logp(base->f, d->valid, d->valid_given, NULL, base->held_out,
                                 base->o.seed, mean);
  return clf__images_mean_logp(base->f, d->images, d->given, base->index, base->held_out,
                               base->o.seed, mean);
}

static void free_source(clf__source *base) {
  image_source *s = (image_source *)(void *)base;
  begin_in_child(s);
  pthread_mutex_lock(&s->lock);
  s->stop = 1;
  pthread_cond_broadcast(&s->changed);
  pthread_mutex_unlock(&s->lock);
  if (s->started) pthread_join(s->thread, NULL);
  pthread_cond_destroy(&s->changed);
  pthread_mutex_destroy(&s->lock);
  free(s->ready.pixels);
  free(s->mine.pixels);
  free(s->rows);
  free(s->raw);
  free(s);
}

static const clf__source_ops image_ops = {
    .lay_out = lay_out, .start = start, .batch = batch, .validate = validate, .free = free_source};

static clf_status check_set(const clf_flow *f, const clf_images *images, const clf_table *given,
                            const char *what) {
  CLF_TRY(clf__check_images(f, images));
  return clf__check_given_rows(f, given, clf_images_count(images), what, "image");
}

/* Positions in an epoch have 32 bits. */
static clf_status check_sets(const clf_flow *f, const clf_image_data *d) {
  CLF_TRY(check_set(f, d->images, d->given, ""));
  if (d->valid) CLF_TRY(check_set(f, d->valid, d->valid_given, "validation "));
  if (!d->valid && d->valid_given)
    return clf__fail(CLF_EINVAL, "a context of validation images is given, but no such images");
  const int64_t count = clf_images_count(d->images);
  if (count < 1) return clf__fail(CLF_EINVAL, "there are no training images");
  if (count <= INT32_MAX) return CLF_OK;
  return clf__fail(CLF_ENOTSUP, "%lld images; one training takes at most %d", (long long)count,
                   INT32_MAX);
}

/* A checksum of images and their context, of 32 bits. */
static uint32_t sum_of(const clf_images *images, const clf_table *given) {
  const uint32_t sum = clf_images_checksum(images);
  return given ? 31 * sum + clf_table_checksum(given, NULL) : sum;
}

static clf_status hold_out(image_source *s) {
  const clf_image_data *d = &s->data;
  s->base.sum = sum_of(d->images, d->given);
  if (!d->valid) return clf__source_split(&s->base, clf_images_count(d->images));
  s->base.rows = clf_images_count(d->images);
  s->base.held_out = clf_images_count(d->valid);
  s->base.sum = s->base.sum << 32 | sum_of(d->valid, d->valid_given);
  return s->base.held_out ? CLF_OK : clf__fail(CLF_EINVAL, "there are no validation images");
}

clf_status clf__source_of_images(clf_flow *f, const clf_image_data *data,
                                 const clf_train_options *o, clf__source **out) {
  CLF_TRY(check_sets(f, data));
  image_source *s = calloc(1, sizeof *s);
  if (!s) return clf__fail(CLF_ENOMEM, "no memory for a source of images");
  s->base = (clf__source){.ops = &image_ops, .f = f, .o = *o};
  s->data = *data;
  s->process = getpid();
  pthread_mutex_init(&s->lock, NULL);
  pthread_cond_init(&s->changed, NULL);
  clf_status status = hold_out(s);
  if (!status) status = clf__source_fit_context(&s->base, data->given);
  if (status)
    clf__source_free(&s->base);
  else
    *out = &s->base;
  return status;
}
