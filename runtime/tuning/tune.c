/* SPDX-License-Identifier: MIT */
/* tune.c: times the algorithms of each operation on the calls of a workload, and saves the
 * fastest one that is correct.
 *
 * The workload runs on a wrapper of the device to be tuned, which records each call that has a
 * choice of algorithms (as trace.c prints it).  Afterwards each call is repeated on new tensors
 * of the same shapes and strides. */
#define _POSIX_C_SOURCE 200809L
#include "clflow/tune.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "backend.h"
#include "clock.h"

/* ---- Recording ------------------------------------------------------------------------ */

typedef struct record {
  clf_op op;
  int64_t calls;
  uint64_t key;
  _Alignas(16) char args[CLF_MAX_ARGS]; /* the first call with this tuning key */
} record;

typedef struct recorder {
  record *at;
  int count, room;
} recorder;

static clf_status note(recorder *r, clf_op op, const void *args) {
  const uint64_t key = clf__tuning_key(op, args);
  for (int i = 0; i < r->count; i++)
    if (r->at[i].op == op && r->at[i].key == key) {
      r->at[i].calls++;
      return CLF_OK;
    }
  if (r->count == r->room) {
    const int room = r->room ? 2 * r->room : 64;
    record *at = realloc(r->at, (size_t)room * sizeof *at);
    if (!at) return clf__fail(CLF_ENOMEM, "no memory to record %d calls", room);
    r->at = at;
    r->room = room;
  }
  record *new = &r->at[r->count++];
  *new = (record){.op = op, .calls = 1, .key = key};
  memcpy(new->args, args, clf_ops[op].args_size);
  return CLF_OK;
}

static clf_status record_run(clf_device *dev, clf_op op, const void *args) {
  _Alignas(16) char in[CLF_MAX_ARGS];
  clf__wrapper_args(op, args, in);
  if (clf__algorithm_count(dev->inner, op) > 1) CLF_TRY(note(dev->impl, op, in));
  return clf_dispatch(dev->inner, op, in);
}

static void record_close(clf_device *dev) { (void)dev; }

static const clf_backend recording = {
    .name = "record",
    .close = record_close,
    .alloc = clf__wrapper_alloc,
    .release = clf__wrapper_release,
    .write = clf__wrapper_write,
    .read = clf__wrapper_read,
    .run = record_run,
    .sync = clf__wrapper_sync,
};

static clf_status record_work(clf_device *dev, clf_work_fn work, void *context, recorder *r) {
  clf_device *around = calloc(1, sizeof *around);
  if (!around) return clf__fail(CLF_ENOMEM, "no memory for a device");
  around->backend = &recording;
  around->impl = r;
  clf__wrapper_adopt(around, "record", dev);
  const clf_status s = work(around, context);
  clf_close(around);
  return s;
}

/* ---- One call, repeated ---------------------------------------------------------------------- */

typedef struct trial {
  clf_device *dev, *checker;            /* checker wraps dev */
  clf_arena arena;                      /* on the checker */
  clf_tensor whole[CLF_MAX_TENSORS];    /* the memory spanned by tensor i */
  _Alignas(16) char args[CLF_MAX_ARGS]; /* with tensors of the checker */
  _Alignas(16) char in[CLF_MAX_ARGS];   /* with tensors of dev */
  const record *of;
  int algorithm[CLF_MAX_WAYS]; /* index of each algorithm of the report */
} trial;

/* Keeps the strides and the alignment of the offset: both matter for speed. */
static clf_status lay_out(trial *q) {
  const clf_op_info *info = &clf_ops[q->of->op];
  clf_tensor *t = (clf_tensor *)(void *)q->args;
  memcpy(q->args, q->of->args, info->args_size);
  for (int i = 0; info->modes[i]; i++) {
    if (!t[i].buf) continue;
    const int32_t rest = t[i].offset % 16;
    const size_t span = clf__span(&t[i]) + (size_t)rest;
    if (span > INT32_MAX) return clf__fail(CLF_ENOTSUP, "a tensor spans %zu elements", span);
    CLF_TRY(clf_new(&q->arena, (int32_t[4]){(int32_t)span}, &q->whole[i]));
    t[i].buf = q->whole[i].buf;
    t[i].offset = q->whole[i].offset + rest;
  }
  return CLF_OK;
}

/* Random values in -1 .. 1.  Tensors that are updated or optional may be second moments or
 * variances, so they get positive values. */
static clf_status fill(trial *q) {
  const char *modes = clf_ops[q->of->op].modes;
  const clf_tensor *t = (const clf_tensor *)(const void *)q->args;
  uint32_t state = 12345;
  for (int i = 0; modes[i]; i++) {
    if (!t[i].buf) continue;
    const int32_t n = q->whole[i].dim[0];
    float *host = malloc((size_t)n * sizeof *host);
    if (!host) return clf__fail(CLF_ENOMEM, "no memory for %d numbers", (int)n);
    for (int32_t k = 0; k < n; k++) {
      state = state * 1664525u + 1013904223u;
      const float v = (float)(int32_t)state * 0x1p-31f;
      host[k] = modes[i] == 'b'                             ? (float)(v > 0)
                : modes[i] == 'i'                           ? clf__test_index((size_t)k, (size_t)n)
                : clf__updates(modes[i]) || modes[i] == 'o' ? 1 + v
                                                            : v;
    }
    const clf_status s = clf_write(q->checker, q->whole[i], host);
    free(host);
    CLF_TRY(s);
  }
  return CLF_OK;
}

static clf_status prepare(trial *q) {
  q->arena = (clf_arena){.dev = q->checker};
  CLF_TRY(lay_out(q));
  CLF_TRY(clf_arena_init(&q->arena, q->checker, q->arena.used));
  CLF_TRY(lay_out(q));
  clf__wrapper_args(q->of->op, q->args, q->in);
  return fill(q);
}

/* ---- Measuring ------------------------------------------------------------------------------ */

static clf_status run(trial *q, int algorithm, int calls, double *each) {
  q->dev->forced = algorithm + 1;
  const double begin = clf__now();
  clf_status s = CLF_OK;
  for (int i = 0; i < calls && !s; i++) s = clf_dispatch(q->dev, q->of->op, q->in);
  if (!s) s = clf_sync(q->dev);
  q->dev->forced = 0;
  *each = (clf__now() - begin) / calls;
  return s;
}

enum { ROUNDS = 9, MOST_CALLS = 256 };
static const double
    round_length = 8e-3,
    hopeless = 4; /* seconds; algorithms this many times slower than the fastest are dropped */

static void fails(clf_tuned *t, int i, clf_verdict verdict) {
  t->way[i].verdict = verdict;
  snprintf(t->way[i].why, sizeof t->way[i].why, "%s", clf_errmsg());
}

/* Two runs of each: the first one compiles, or reads what is not in the cache. */
static void try_each(trial *q, clf_tuned *t) {
  for (int i = 0; i < t->count; i++)
    if (run(q, q->algorithm[i], 1, &t->way[i].seconds) ||
        run(q, q->algorithm[i], 1, &t->way[i].seconds)) {
      fails(t, i, CLF_WAY_FAILED);
      t->way[i].seconds = 0;
    }
}

static int calls_of(double seconds) {
  const double calls = round_length / seconds;
  return calls < 1 ? 1 : calls > MOST_CALLS ? MOST_CALLS : (int)calls;
}

static double fastest(const clf_tuned *t) {
  double minimum = 0;
  for (int i = 0; i < t->count; i++)
    if (t->way[i].verdict != CLF_WAY_FAILED && (minimum == 0 || t->way[i].seconds < minimum))
      minimum = t->way[i].seconds;
  return minimum;
}

/* Runs the algorithms alternately and takes the fastest round of each: other programs can only
 * make a run slower. */
static void measure(trial *q, clf_tuned *t) {
  try_each(q, t);
  const double bound = hopeless * fastest(t);
  for (int round = 0; round < ROUNDS; round++)
    for (int i = 0; i < t->count; i++) {
      double each;
      if (t->way[i].verdict == CLF_WAY_FAILED || t->way[i].seconds > bound) continue;
      if (run(q, q->algorithm[i], calls_of(t->way[i].seconds), &each))
        fails(t, i, CLF_WAY_FAILED);
      else if (each < t->way[i].seconds)
        t->way[i].seconds = each;
    }
}

/* ---- Choosing -------------------------------------------------------------------------------- */

static const double clearly =
    0.97; /* of the default algorithm's time; smaller differences may be noise */

/* The fastest algorithm that is clearly faster than the default and not yet judged, or -1. */
static int candidate(const clf_tuned *t, int usual) {
  int best = -1;
  for (int i = 0; i < t->count; i++)
    if (t->way[i].verdict == CLF_WAY_SLOWER &&
        (t->way[usual].verdict == CLF_WAY_FAILED ||
         t->way[i].seconds < clearly * t->way[usual].seconds) &&
        (best < 0 || t->way[i].seconds < t->way[best].seconds))
      best = i;
  return best;
}

static clf_status check(trial *q, int algorithm) {
  CLF_TRY(fill(q));
  q->dev->forced = algorithm + 1;
  const clf_status s = clf_dispatch(q->checker, q->of->op, q->args);
  q->dev->forced = 0;
  return s;
}

static void choose(trial *q, clf_tuned *t, int usual) {
  for (int i; (i = candidate(t, usual)) >= 0;) {
    if (!check(q, q->algorithm[i])) {
      t->way[i].verdict = CLF_WAY_FASTER;
      t->best = i;
      return;
    }
    fails(t, i, CLF_WAY_WRONG);
  }
}

static double flops_of(clf_op op, const void *args) {
  const clf_tensor *t = args;
  if (op == CLF_OP_gemm) {
    const clf_gemm_args *p = args;
    return 2.0 * p->c.dim[0] * p->c.dim[1] * p->a.dim[!p->ta];
  }
  if (op == CLF_OP_conv_fwd || op == CLF_OP_conv_bwd_data) /* images, weights, and others */
    return 2.0 * t->dim[0] * t->dim[2] * t->dim[3] * (double)clf__count(&t[1]);
  if (op == CLF_OP_conv_bwd_weights)
    return 2.0 * t->dim[0] * t->dim[2] * t->dim[3] *
           (double)clf__count(&((const clf_conv_bwd_weights_args *)args)->dw);
  return 0;
}

/* Lists the algorithms that take the call; returns the index of the default one. */
static int list_algorithms(trial *q, clf_tuned *t) {
  const struct clf_traits *traits;
  const clf_algorithm *all = q->dev->backend->algorithms(q->dev, q->of->op, &traits);
  const int usual = (int)(clf__algorithm(q->dev, q->of->op, q->in) - all);
  for (int i = 0; all[i].name && t->count < CLF_MAX_WAYS; i++) {
    if (!clf__algorithm_takes(q->dev, q->of->op, i, q->in)) continue;
    if (i == usual) t->best = t->count;
    t->way[t->count].name = all[i].name;
    t->way[t->count].verdict = i == usual ? CLF_WAY_USUAL : CLF_WAY_SLOWER;
    q->algorithm[t->count++] = i;
  }
  return t->best;
}

static void tune_shape(trial *q, clf_tuned *t) {
  if (prepare(q)) {
    t->count = 1;
    t->way[0].name = "any";
    fails(t, 0, CLF_WAY_FAILED);
    q->algorithm[0] = -1;
    return;
  }
  const int usual = list_algorithms(q, t);
  measure(q, t);
  choose(q, t, usual);
}

/* ---- Keeping --------------------------------------------------------------------------------- */

static clf_status keep(clf_device *dev, const record *of, int algorithm, int usual) {
  int at = 0;
  while (at < dev->tuned_count && (dev->tuned[at].op != of->op || dev->tuned[at].key != of->key))
    at++;
  if (usual) { /* there is no choice */
    if (at < dev->tuned_count) dev->tuned[at] = dev->tuned[--dev->tuned_count];
    return CLF_OK;
  }
  if (at == dev->tuned_count) {
    clf_choice *more = realloc(dev->tuned, (size_t)(at + 1) * sizeof *more);
    if (!more) return clf__fail(CLF_ENOMEM, "no memory for %d choices", at + 1);
    dev->tuned = more;
    dev->tuned_count++;
  }
  dev->tuned[at] = (clf_choice){of->op, algorithm, of->key};
  return CLF_OK;
}

static clf_status tune_records(clf_device *dev, clf_device *checker, const recorder *r,
                               clf_tuned_fn report, void *context) {
  clf_status s = CLF_OK;
  for (int i = 0; i < r->count && !s; i++) {
    char call[384];
    trial q = {.dev = dev, .checker = checker, .of = &r->at[i]};
    clf_tuned t = {.index = i + 1, .total = r->count, .call = call, .calls = r->at[i].calls};
    clf__call_str(r->at[i].op, r->at[i].args, call, sizeof call);
    t.flops = flops_of(r->at[i].op, r->at[i].args);
    if (report) report(&t, context);
    const int choices = dev->tuned_count;
    dev->tuned_count = 0; /* the default is chosen by the rules alone */
    tune_shape(&q, &t);
    dev->tuned_count = choices;
    clf_arena_free(&q.arena);
    if (report) report(&t, context);
    if (q.algorithm[t.best] >= 0)
      s = keep(dev, &r->at[i], q.algorithm[t.best], t.way[t.best].verdict != CLF_WAY_FASTER);
  }
  return s;
}

clf_status clf__tune(clf_device *dev, clf_work_fn work, void *work_context, clf_tuned_fn report,
                     void *report_context, int *kept) {
  recorder r = {0};
  clf_device *checker = NULL;
  clf_status s = record_work(dev, work, work_context, &r);
  if (!s) s = clf__check_wrap(dev, &checker);
  if (!s) s = tune_records(dev, checker, &r, report, report_context);
  const int stored = !s && clf__tuned_save(dev);
  if (kept) *kept = stored;
  clf_close(checker);
  free(r.at);
  return s;
}

clf_status clf_tune(const char *device, clf_work_fn work, void *work_context, clf_tuned_fn report,
                    void *report_context, int *kept) {
  clf_device *dev;
  if (!work) return clf__fail(CLF_EINVAL, "%s: work is NULL", __func__);
  CLF_TRY(clf_open(device, &dev));
  const clf_status s = dev->inner || dev->bits == 64
                           ? clf__fail(CLF_ENOTSUP, "%s has no choice of algorithms", dev->name)
                           : clf__tune(dev, work, work_context, report, report_context, kept);
  clf_close(dev);
  return s;
}

int clf_device_tuned(const clf_device *dev) {
  if (!dev) return 0;
  return dev->inner ? clf_device_tuned(dev->inner) : dev->tuned_count;
}
