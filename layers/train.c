/* SPDX-License-Identifier: MIT */
/* train.c: the loop.  A step is a handful of launches and waits for nothing: losses
 * gather in a ring on the device, and are read when it is full, when validation is
 * due, or a few times a second. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>
#include "trainer.h"

clf_train_options clf_train_options_default(void) {
  return (clf_train_options){.epochs = 100,
                             .batch = 100,
                             .lr = 1e-2,
                             .beta1 = 0.9,
                             .beta2 = 0.999,
                             .eps = 1e-8,
                             .shuffle = 1};
}

static clf_status check_options(const clf_train_options *o) {
  if (o->epochs < 1 || o->epochs > INT32_MAX)
    return clf__fail(CLF_EINVAL, "epochs is %lld; it must be 1 to %d", (long long)o->epochs,
                     INT32_MAX);
  if (o->batch < 1)
    return clf__fail(CLF_EINVAL, "batch is %d; it must be at least 1", (int)o->batch);
  /* Devices have these in float: what is in range here must be so there. */
  if (!((float)o->lr > 0 && o->lr < 1e6))
    return clf__fail(CLF_EINVAL, "lr is %g; it must be above 0 and below 1e6", o->lr);
  if (!(o->beta1 >= 0 && (float)o->beta1 < 1) || !(o->beta2 >= 0 && (float)o->beta2 < 1))
    return clf__fail(CLF_EINVAL, "beta1 and beta2 are %g and %g; they must be 0 to below 1",
                     o->beta1, o->beta2);
  if (!((float)o->eps > 0)) return clf__fail(CLF_EINVAL, "eps is %g; it must be above 0", o->eps);
  if (!(o->valid_split >= 0 && o->valid_split < 1))
    return clf__fail(CLF_EINVAL, "valid_split is %g; it must be 0 to below 1", o->valid_split);
  return CLF_OK;
}

/* ---- Data --------------------------------------------------------------------------------- */

/* All rows, those held out first, each part in the table's order; a random choice
 * that depends on the seed alone. */
static int64_t *split_rows(const clf_trainer *t, int64_t rows) {
  int64_t *index = malloc((size_t)rows * 2 * sizeof *index), *order = index + rows;
  if (!index) return NULL;
  clf__host_random r = {t->o.seed ^ 0x76616C6964u};
  for (int64_t i = 0; i < rows; i++) order[i] = i;
  for (int64_t i = 0; i < t->held_out; i++) { /* the first held_out of a shuffle */
    const int64_t k = i + clf__host_below(&r, rows - i), swap = order[i];
    order[i] = order[k];
    order[k] = swap;
  }
  for (int64_t i = 0; i < rows; i++) index[i] = 0;
  for (int64_t i = 0; i < t->held_out; i++) index[order[i]] = 1; /* marks */
  int64_t held = 0, kept = t->held_out;
  for (int64_t i = 0; i < rows; i++) order[index[i] ? held++ : kept++] = i;
  memcpy(index, order, (size_t)rows * sizeof *index);
  return index;
}

static clf_status check_table(const clf_flow *f, const clf_table *data) {
  if (data->cols != f->spec.dim)
    return clf__fail(CLF_ESHAPE, "the data have %d columns, the flow has %d dimensions",
                     (int)data->cols, (int)f->spec.dim);
  for (int64_t i = 0; i < data->rows * data->cols; i++)
    if (!isfinite(data->at[i]))
      return clf__fail(CLF_ENUM, "row %lld, column %lld of the data is %g",
                       (long long)(i / data->cols), (long long)(i % data->cols + 1), data->at[i]);
  if (data->rows > INT32_MAX / data->cols)
    return clf__fail(CLF_ENOTSUP, "%lld rows of %d columns are more than one device buffer holds",
                     (long long)data->rows, (int)data->cols);
  return CLF_OK;
}

static clf_status fit_scaling(clf_trainer *t, const clf_table *data, const int64_t *index) {
  const size_t D = (size_t)data->cols;
  double *v = malloc(2 * D * sizeof *v);
  if (!v) return clf__fail(CLF_ENOMEM, "no memory for the scaling of %zu columns", D);
  clf_table_moments(data, index + t->held_out, t->rows, v, v + D);
  clf_status s = CLF_OK;
  for (size_t d = 0; d < D && !s; d++)
    if (v[D + d] == 0)
      s = clf__fail(CLF_ENUM,
                    "column %zu is %g in every row used for training: it cannot be "
                    "standardised; leave it out",
                    d + 1, v[d]);
  if (!s) s = clf_flow_set_scaling(t->f, v, v + D);
  free(v);
  return s;
}

/* In float as the device computes it, so that what passes here passes there. */
static clf_status check_interval(const clf_flow *f, int64_t row, double x) {
  const clf_flow_spec *s = &f->spec;
  if (s->kind != CLF_PIECEWISE || s->tails) return CLF_OK;
  const float u = ((float)x - (float)s->xmin) * (float)(s->bins / (s->xmax - s->xmin));
  const float Q = (float)s->bins, hair = 1e-6f * Q;
  if (u >= -hair && u <= Q + hair) return CLF_OK;
  return clf__fail(CLF_ENUM,
                   "row %lld of the data is %g, outside the interval %g to %g; widen it, "
                   "or continue the flow by linear tails",
                   (long long)row, clf__flow_unscaled(f, 0, x), clf__flow_unscaled(f, 0, s->xmin),
                   clf__flow_unscaled(f, 0, s->xmax));
}

/* Rows `index` of the table, scaled, onto the device. */
static clf_status upload(const clf_trainer *t, const clf_table *data, const int64_t *index,
                         clf_tensor to) {
  const clf_flow *f = t->f;
  const int32_t n = to.dim[0], D = data->cols;
  double *host = malloc((size_t)n * (size_t)D * sizeof *host);
  if (!host) return clf__fail(CLF_ENOMEM, "no memory for %d rows of data", (int)n);
  clf_status s = CLF_OK;
  for (int64_t i = 0; i < n && !s; i++)
    for (int64_t d = 0; d < D && !s; d++) {
      const double x = data->at[index[i] * D + d];
      host[i * D + d] = f->mean ? (x - f->mean[d]) / f->std[d] : x;
      if (t->dev->bits == 32 && !isfinite((float)host[i * D + d]))
        s = clf__fail(CLF_ENUM, "row %lld, column %lld of the data is %g: more than a float holds",
                      (long long)index[i], (long long)d + 1, x);
      else
        s = check_interval(f, index[i], host[i * D + d]);
    }
  if (!s) s = clf_write64(t->dev, to, host);
  free(host);
  return s;
}

/* ---- Making -------------------------------------------------------------------------------- */

static clf_status lay_out(clf_trainer *t) {
  clf_arena *a = &t->arena;
  const int32_t D = t->f->spec.dim, *P = t->f->w.dim;
  CLF_TRY(clf_new(a, (int32_t[4]){(int32_t)t->rows, D}, &t->train));
  if (t->held_out) CLF_TRY(clf_new(a, (int32_t[4]){(int32_t)t->held_out, D}, &t->valid));
  if (t->held_out) CLF_TRY(clf_new(a, P, &t->best));
  CLF_TRY(clf_new(a, (int32_t[4]){t->take, D}, &t->batch));
  CLF_TRY(clf_new(a, (int32_t[4]){CLF_RING + 2}, &t->ring));
  CLF_TRY(clf_new(a, P, &t->m));
  CLF_TRY(clf_new(a, P, &t->v));
  for (int i = 0; i < CLF_SNAPSHOTS; i++) {
    CLF_TRY(clf_new(a, P, &t->snapshot[i].w));
    CLF_TRY(clf_new(a, P, &t->snapshot[i].m));
    CLF_TRY(clf_new(a, P, &t->snapshot[i].v));
  }
  return CLF_OK;
}

static clf_status place(clf_trainer *t, const clf_table *data, const int64_t *index) {
  if (t->o.standardize) CLF_TRY(fit_scaling(t, data, index));
  t->arena.dev = t->dev;
  CLF_TRY(lay_out(t)); /* measures */
  CLF_TRY(clf_arena_init(&t->arena, t->dev, t->arena.used));
  CLF_TRY(lay_out(t));
  CLF_TRY(upload(t, data, index + t->held_out, t->train));
  if (t->held_out) CLF_TRY(upload(t, data, index, t->valid));
  CLF_TRY(clf_do(t->dev, fill, .y = t->m, .value = 0));
  CLF_TRY(clf_do(t->dev, fill, .y = t->v, .value = 0));
  CLF_TRY(clf__flow_need_gradient(t->f));
  CLF_TRY(clf__flow_reserve(t->f, t->take, 1));
  return clf__trainer_remember(t);
}

static clf_status set_up(clf_trainer *t, const clf_table *data) {
  t->held_out = (int64_t)llround(t->o.valid_split * (double)data->rows);
  t->rows = data->rows - t->held_out;
  if (t->rows < 1 || (t->o.valid_split > 0 && t->held_out < 1))
    return clf__fail(CLF_EINVAL,
                     "valid_split %g of %lld rows leaves %lld to train on and %lld held "
                     "out; both need at least 1",
                     t->o.valid_split, (long long)data->rows, (long long)t->rows,
                     (long long)t->held_out);
  t->take = t->o.batch < t->rows ? t->o.batch : (int32_t)t->rows;
  t->data_sum = crc32_z(crc32_z(0, NULL, 0), (const unsigned char *)data->at,
                        (size_t)(data->rows * data->cols) * sizeof *data->at);
  int64_t *index = split_rows(t, data->rows);
  if (!index) return clf__fail(CLF_ENOMEM, "no memory for %lld row numbers", (long long)data->rows);
  const clf_status s = place(t, data, index);
  free(index);
  return s;
}

/* The flow's scaling is replaced by that of the data, and comes back if all fails. */
static clf_status set_up_or_undo(clf_trainer *t, const clf_table *data) {
  clf_flow *f = t->f;
  if (!t->o.standardize) return set_up(t, data);
  double *old[2] = {f->mean, f->std};
  f->mean = f->std = NULL;
  const clf_status s = set_up(t, data);
  double *unused[2] = {s ? f->mean : old[0], s ? f->std : old[1]};
  if (s) {
    f->mean = old[0];
    f->std = old[1];
  }
  free(unused[0]);
  free(unused[1]);
  return s;
}

clf_status clf_trainer_create(clf_flow *f, const clf_table *data, const clf_train_options *options,
                              clf_trainer **out) {
  CLF_TRY(check_options(options));
  CLF_TRY(check_table(f, data));
  clf_trainer *t = calloc(1, sizeof *t);
  if (!t) return clf__fail(CLF_ENOMEM, "no memory for a trainer");
  t->f = f;
  t->dev = f->dev;
  t->o = *options;
  t->o.shuffle = options->shuffle != 0; /* as a file has it */
  t->o.standardize = options->standardize != 0;
  t->best_valid = NAN;
  t->snapshot[0].step = t->snapshot[1].step = -1;
  const clf_status s = set_up_or_undo(t, data);
  if (s)
    clf_trainer_free(t);
  else
    *out = t;
  return s;
}

void clf_trainer_free(clf_trainer *t) {
  if (!t) return;
  clf_arena_free(&t->arena);
  free(t);
}

/* ---- A step --------------------------------------------------------------------------------- */

clf_status clf__vector_copy(clf_device *dev, clf_tensor from, clf_tensor to) {
  return clf_do(dev, copy, .x = from, .y = to);
}

int64_t clf__steps_per_epoch(const clf_trainer *t) { return (t->rows - 1) / t->take + 1; }

clf_status clf__trainer_batch(clf_trainer *t, int64_t step, clf_tensor *x) {
  const int64_t S = clf__steps_per_epoch(t), epoch = step / S, first = step % S * t->take;
  const int32_t n = (int32_t)(t->rows - first < t->take ? t->rows - first : t->take);
  if (!t->o.shuffle) {
    *x = clf_slice(t->train, 0, (int32_t)first, (int32_t)first + n);
    return CLF_OK;
  }
  *x = clf__rows(t->batch, n);
  return clf_do(t->dev, shuffle_rows, .x = t->train, .y = *x, .seed_lo = (int)(uint32_t)t->o.seed,
                .seed_hi = (int)(uint32_t)(t->o.seed >> 32), .epoch = (int)epoch,
                .first = (int)first);
}

clf_status clf__trainer_step(clf_trainer *t) {
  clf_flow *f = t->f;
  clf_tensor x, z, dx;
  CLF_TRY(clf__trainer_batch(t, t->step, &x));
  const int32_t n = x.dim[0], slot = (int32_t)(t->step % CLF_RING);
  const float weight = 1 / (float)n;
  const clf_tensor logdet = clf__rows(f->ws.train_logdet, n), dz = clf__rows(f->ws.dx[0], n);
  CLF_TRY(clf__flow_forward(f, x, logdet, 1, &z));
  CLF_TRY(clf_do(t->dev, normal_nll, .z = z, .logdet = logdet, .dz = dz,
                 .loss = clf_slice(t->ring, 0, slot, slot + 1), .weight = weight));
  CLF_TRY(clf__flow_backward(f, x, dz, -weight, &dx));
  t->step++;
  /* The corrections are those of the betas that the device has, in float. */
  const float beta1 = (float)t->o.beta1, beta2 = (float)t->o.beta2;
  return clf_do(t->dev, adam_step, .g = f->g, .w = f->w, .m = t->m, .v = t->v, .lr = (float)t->o.lr,
                .beta1 = beta1, .beta2 = beta2, .eps = (float)t->o.eps,
                .c1 = (float)(1 - pow((double)beta1, (double)t->step)),
                .c2 = (float)(1 - pow((double)beta2, (double)t->step)));
}

/* ---- The loop ------------------------------------------------------------------------------- */

typedef struct run {
  clf_trainer *t;
  clf_progress_fn report;
  void *context;
  double began, read_at; /* seconds */
  int64_t first_step;    /* of this run */
  int stop;
  clf_progress reports[CLF_RING + 1]; /* one an epoch that ended, and one for the rest */
  int count;
} run;

static double now(void) {
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (double)ts.tv_sec + 1e-9 * (double)ts.tv_nsec;
}

static int64_t batch_size(const clf_trainer *t, int64_t step) {
  const int64_t S = clf__steps_per_epoch(t), first = step % S * t->take;
  return t->rows - first < t->take ? t->rows - first : t->take;
}

static void add_report(run *r, const float *losses, int64_t count, int epoch_done, double valid,
                       int best) {
  const clf_trainer *t = r->t;
  const int64_t S = clf__steps_per_epoch(t), steps = t->o.epochs * S;
  const double seconds = now() - r->began, done = (double)(t->read - r->first_step);
  r->reports[r->count++] =
      (clf_progress){.epoch = t->read ? (t->read - 1) / S + 1 : 1,
                     .epochs = t->o.epochs,
                     .step = t->read,
                     .steps = steps,
                     .epoch_done = epoch_done,
                     .losses = losses,
                     .first = t->read - count,
                     .count = count,
                     .valid = valid,
                     .best = best,
                     .seconds = seconds,
                     .train = clf__flow_scaling_logdet(t->f) - t->epoch_sum / (double)t->epoch_rows,
                     .rate = seconds > 0 ? done * (double)t->rows / (double)S / seconds : 0,
                     .left = done > 0 ? seconds / done * (double)(steps - t->read) : 0};
}

/* After the last step of an epoch, once its losses are read. */
static clf_status end_epoch(run *r, const float *losses, int64_t count) {
  clf_trainer *t = r->t;
  clf_history *h = &t->f->history;
  double valid = NAN;
  int best = 0;
  h->epochs = t->read / clf__steps_per_epoch(t);
  if (t->held_out) {
    CLF_TRY(clf__flow_mean_logp(t->f, t->valid, &valid));
    best = isfinite(valid) && !(valid <= t->best_valid);
  }
  if (best) {
    t->best_valid = valid;
    t->best_epoch = h->epochs;
    CLF_TRY(clf__vector_copy(t->dev, t->f->w, t->best));
  }
  add_report(r, losses, count, 1, valid, best);
  h->train = r->reports[r->count - 1].train;
  h->valid = t->held_out ? t->best_valid : NAN;
  h->best_epoch = t->best_epoch;
  t->epoch_sum = 0;
  t->epoch_rows = 0;
  return CLF_OK;
}

/* Sums of the weights and of Adam's second moments, behind the losses: not finite if
 * one of the terms is not, and read together with them. */
static clf_status sum_up(clf_trainer *t) {
  const clf_tensor all[2] = {t->f->w, t->v};
  for (int i = 0; i < 2; i++) {
    const int32_t slot = CLF_RING + i;
    CLF_TRY(clf_do(t->dev, sum_rows, .x = clf__matrix(all[i], 0, all[i].dim[0], 1, 1),
                   .y = clf_slice(t->ring, 0, slot, slot + 1)));
  }
  return CLF_OK;
}

/* Reads the losses since the last time and checks them.  Reports go out only when
 * all is read, so that one may save: the state is then of one moment. */
static clf_status read_losses(run *r) {
  clf_trainer *t = r->t;
  const int64_t S = clf__steps_per_epoch(t);
  float ring[CLF_RING + 2], losses[CLF_RING], *next = losses;
  int64_t count = 0;
  CLF_TRY(sum_up(t));
  CLF_TRY(clf_read(t->dev, t->ring, ring));
  const double scaled = clf__flow_scaling_logdet(t->f);
  for (int64_t i = t->read; i < t->step; i++)
    if (!isfinite(ring[i % CLF_RING]))
      return clf__trainer_diagnose(t, i, (double)ring[i % CLF_RING]);
  if (!isfinite(ring[CLF_RING]) || !isfinite(ring[CLF_RING + 1]))
    return clf__trainer_undo(t, isfinite(ring[CLF_RING]) ? "Adam's second moments" : "the weights");
  r->count = 0;
  while (t->read < t->step) {
    const float loss = ring[t->read % CLF_RING];
    const int64_t n = batch_size(t, t->read++);
    next[count++] = (float)((double)loss - scaled);
    t->epoch_sum += (double)loss * (double)n;
    t->epoch_rows += n;
    if (t->read % S) continue;
    CLF_TRY(end_epoch(r, next, count));
    next += count;
    count = 0;
  }
  if (count) add_report(r, next, count, 0, NAN, 0);
  t->f->history.steps = t->step;
  CLF_TRY(clf__trainer_remember(t));
  for (int i = 0; i < r->count && r->report; i++)
    if (r->report(&r->reports[i], r->context)) r->stop = 1;
  r->read_at = now();
  return CLF_OK;
}

static int must_read(const run *r) {
  const clf_trainer *t = r->t;
  const int64_t S = clf__steps_per_epoch(t);
  return t->step - t->read == CLF_RING || t->step == t->o.epochs * S ||
         (t->held_out && t->step % S == 0) || now() - r->read_at > 0.2;
}

/* The last weights stay in the newest snapshot, for those who go on later. */
static clf_status finish(clf_trainer *t) {
  if (t->best_epoch) CLF_TRY(clf__vector_copy(t->dev, t->best, t->f->w));
  t->finished = 1;
  return clf_sync(t->dev);
}

clf_status clf_trainer_run(clf_trainer *t, clf_progress_fn report, void *context) {
  const int64_t steps = t->o.epochs * clf__steps_per_epoch(t);
  run r = {.t = t, .report = report, .context = context, .began = now(), .first_step = t->step};
  r.read_at = r.began;
  while (t->step < steps && !r.stop) {
    CLF_TRY(clf__trainer_step(t));
    if (must_read(&r)) CLF_TRY(read_losses(&r));
  }
  if (t->step < steps)
    return clf__fail(CLF_ESTOPPED, "stopped after step %lld of %lld", (long long)t->step,
                     (long long)steps);
  return t->finished ? CLF_OK : finish(t);
}
