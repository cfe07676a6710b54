/* SPDX-License-Identifier: MIT */
/* train.c: the loop.  A step is a handful of launches and waits for nothing: losses
 * gather in a ring on the device, and are read when it is full, at the end of an epoch,
 * or a few times a second. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clock.h"
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

clf_train_options clf_train_options_images(void) {
  clf_train_options o = clf_train_options_default();
  o.batch = 64;
  o.lr = 1e-3;
  o.eps_hat = 1;
  o.l2 = 5e-5;
  o.clip = 100;
  o.drops = 3;
  return o;
}

clf_status clf__check_train_options(const clf_train_options *o) {
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
  if (!(o->l2 >= 0 && isfinite((float)o->l2)))
    return clf__fail(CLF_EINVAL, "l2 is %g; it must be 0 or above", o->l2);
  if (!(o->clip >= 0 && isfinite((float)o->clip)))
    return clf__fail(CLF_EINVAL, "clip is %g; it must be 0 (none) or above", o->clip);
  if (o->activations < CLF_ACTIVATIONS_STORE || o->activations > CLF_ACTIVATIONS_AUTO)
    return clf__fail(CLF_EINVAL, "activations is %d; it must be 0 (store), 1 (reverse) or 2 (auto)",
                     o->activations);
  if (o->part < 0) return clf__fail(CLF_EINVAL, "part is %d; it must be 0 or above", (int)o->part);
  if (o->drops < 0 || o->drops > CLF_DROPS / 2)
    return clf__fail(CLF_EINVAL, "drops is %d; it must be 0 to %d", (int)o->drops, CLF_DROPS / 2);
  if (!(o->valid_split >= 0 && o->valid_split < 1))
    return clf__fail(CLF_EINVAL, "valid_split is %g; it must be 0 to below 1", o->valid_split);
  return CLF_OK;
}

/* ---- Making ------------------------------------------------------------------------------- */

static clf_status lay_out(clf_trainer *t) {
  clf_arena *a = &t->arena;
  const int32_t *P = t->f->w.dim;
  CLF_TRY(t->source->ops->lay_out(t->source, a, t->plan.part));
  CLF_TRY(clf_new(a, P, &t->best));
  CLF_TRY(clf_new(a, (int32_t[4]){CLF_RING_ALL}, &t->ring));
  CLF_TRY(clf_new(a, (int32_t[4]){1}, &t->part_loss));
  CLF_TRY(clf_new(a, (int32_t[4]){2}, &t->trip));
  CLF_TRY(clf_new(a, P, &t->m));
  CLF_TRY(clf_new(a, P, &t->v));
  for (int i = 0; i < CLF_SNAPSHOTS; i++) {
    CLF_TRY(clf_new(a, P, &t->snapshot[i].w));
    CLF_TRY(clf_new(a, P, &t->snapshot[i].m));
    CLF_TRY(clf_new(a, P, &t->snapshot[i].v));
  }
  return CLF_OK;
}

/* The plan knows what the device has, not what others take of it. */
static clf_status reserve(clf_trainer *t) {
  clf_status s;
  do s = clf__flow_reserve(t->f, t->plan.part, clf__trainer_way(t, 0));
  while (s == CLF_ENOMEM && clf__trainer_shrink(t));
  return s;
}

static clf_status place(clf_trainer *t) {
  t->arena.dev = t->dev;
  CLF_TRY(lay_out(t)); /* measures */
  CLF_TRY(clf_arena_init(&t->arena, t->dev, t->arena.used));
  CLF_TRY(lay_out(t));
  if (t->source->ops->start) CLF_TRY(t->source->ops->start(t->source));
  if (t->source->ops->fill) CLF_TRY(t->source->ops->fill(t->source));
  CLF_TRY(clf_do(t->dev, fill, .y = t->ring, .value = 0));
  CLF_TRY(clf_do(t->dev, fill, .y = t->m, .value = 0));
  CLF_TRY(clf_do(t->dev, fill, .y = t->v, .value = 0));
  CLF_TRY(clf__flow_need_gradient(t->f));
  CLF_TRY(reserve(t));
  CLF_TRY(clf__trainer_remember(t));
  return clf__trainer_keep_first(t);
}

/* What a trainer learns from: a table, or images and perhaps others held out. */
typedef struct samples {
  const clf_table *table;
  const clf_images *images, *valid;
} samples;

static clf_status set_up(clf_trainer *t, const samples *data) {
  char *const *const names = data->table ? data->table->names : NULL;
  CLF_TRY(data->table ? clf__source_of_table(t->f, data->table, &t->o, &t->source)
                      : clf__source_of_images(t->f, data->images, data->valid, &t->o, &t->source));
  t->take = t->o.batch < t->source->rows ? t->o.batch : (int32_t)t->source->rows;
  clf_train_options o = t->o;
  o.batch = t->take;
  CLF_TRY(clf_train_plan_of(t->f, &o, t->source->resident, &t->plan));
  t->norms = t->o.clip > 0 || t->f->spec.kind == CLF_REALNVP || clf__trainer_inverts(t, 0);
  t->many = clf__trainer_takes_many(t);
  CLF_TRY(place(t));
  return names && !t->f->columns ? clf_flow_set_columns(t->f, names) : CLF_OK;
}

/* The flow's scaling is replaced by that of the data, and comes back if all fails. */
static clf_status set_up_or_undo(clf_trainer *t, const samples *data) {
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

static clf_status create(clf_flow *f, const samples *data, const clf_train_options *options,
                         clf_trainer **out) {
  CLF_TRY(clf__check_train_options(options));
  clf_trainer *t = calloc(1, sizeof *t);
  if (!t) return clf__fail(CLF_ENOMEM, "no memory for a trainer");
  t->f = f;
  t->dev = f->dev;
  t->o = *options;
  t->o.shuffle = options->shuffle != 0; /* as a file has it */
  t->o.standardize = options->standardize != 0;
  t->o.eps_hat = options->eps_hat != 0;
  t->o.flip = options->flip != 0;
  t->stored_from = INT64_MAX;
  t->best_mean = t->last_mean = t->ceiling = NAN;
  t->snapshot[0].step = t->snapshot[1].step = t->kept.step = -1;
  t->kept.every = 2;
  const clf_status s = set_up_or_undo(t, data);
  if (s)
    clf_trainer_free(t);
  else
    *out = t;
  return s;
}

clf_status clf_trainer_create(clf_flow *f, const clf_table *data, const clf_train_options *options,
                              clf_trainer **out) {
  CLF_GIVEN("flow, data, options, trainer", f, data, options, out);
  return create(f, &(samples){.table = data}, options, out);
}

clf_status clf_trainer_create_images(clf_flow *f, const clf_images *images, const clf_images *valid,
                                     const clf_train_options *options, clf_trainer **out) {
  CLF_GIVEN("flow, images, options, trainer", f, images, options, out);
  if (f->spec.kind != CLF_REALNVP)
    return clf__fail(CLF_EINVAL, "a flow of kind %s learns from a table, not from images",
                     clf_kind_name(f->spec.kind));
  if (options->standardize)
    return clf__fail(CLF_EINVAL, "standardize is for tables; pixels have their own scale");
  if (valid && options->valid_split > 0)
    return clf__fail(CLF_EINVAL,
                     "valid_split is %g, but images to hold out are given; it must be 0",
                     options->valid_split);
  return create(f, &(samples){.images = images, .valid = valid}, options, out);
}

clf_train_plan clf_trainer_plan(const clf_trainer *t) { return t ? t->plan : (clf_train_plan){0}; }

void clf_trainer_free(clf_trainer *t) {
  if (!t) return;
  clf__source_free(t->source);
  clf__trainer_keep_none(t);
  clf_arena_free(&t->arena);
  free(t);
}

/* ---- A step ------------------------------------------------------------------------------- */

clf_status clf__vector_copy(clf_device *dev, clf_tensor from, clf_tensor to) {
  return clf_do(dev, copy, .x = from, .y = to);
}

int64_t clf__steps_per_epoch(const clf_trainer *t) { return (t->source->rows - 1) / t->take + 1; }

int32_t clf__trainer_batch_size(const clf_trainer *t, int64_t step) {
  const int64_t first = step % clf__steps_per_epoch(t) * t->take, left = t->source->rows - first;
  return left < t->take ? (int32_t)left : t->take;
}

static clf__places places_of(const clf_trainer *t, int64_t step, int32_t at) {
  const int64_t S = clf__steps_per_epoch(t);
  const int32_t left = clf__trainer_batch_size(t, step) - at;
  const int32_t part = clf__trainer_part_size(t, step);
  return (clf__places){
      .epoch = step / S, .first = step % S * t->take + at, .n = left < part ? left : part};
}

clf_status clf__trainer_part(clf_trainer *t, int64_t step, int32_t at, clf_tensor *x) {
  const clf__places here = places_of(t, step, at);
  const int ends = at + here.n == clf__trainer_batch_size(t, step);
  const clf__places next = places_of(t, step + ends, ends ? 0 : at + here.n);
  return t->source->ops->batch(t->source, &here, &next, x);
}

static clf_tensor in_ring(const clf_trainer *t, int32_t slot) {
  return clf_slice(t->ring, 0, slot, slot + 1);
}

clf_status clf__trainer_mean_of(clf_trainer *t, int64_t step, double *mean) {
  float loss;
  CLF_TRY(clf_read(t->dev, in_ring(t, (int32_t)(step % CLF_RING)), &loss));
  *mean = clf__flow_scaling_logdet(t->f) - (double)loss;
  return CLF_OK;
}

/* The loss of samples that count `weight` each, and its gradient added to the flow's. */
static clf_status nll(clf_flow *f, int way, clf_tensor x, clf_tensor loss, float weight) {
  const clf_tensor logdet = clf__rows(f->ws.train_logdet, x.dim[0]);
  const clf_tensor dz = clf__rows(f->ws.dx[0], x.dim[0]);
  clf_tensor z, dx;
  if (f->layers == 1 && way == CLF_STORED && clf__couplings_have_nll(&f->layer[0]))
    return clf__couplings_nll(&f->layer[0], x, loss, weight);
  CLF_TRY(clf__flow_forward(f, x, logdet, CLF_TRAIN, &z));
  CLF_TRY(clf_do(f->dev, normal_nll, .z = z, .logdet = logdet, .dz = dz, .loss = loss,
                 .weight = weight));
  return clf__flow_backward(f, x, dz, -weight, &dx);
}

/* Adds the gradient of a part of a batch, and its share of the loss; off: see guard.c. */
static clf_status part_step(clf_trainer *t, int32_t at, int32_t *n, clf_tensor loss, int *off) {
  clf_tensor x;
  CLF_TRY(clf__trainer_part(t, t->step, at, &x));
  *n = x.dim[0];
  CLF_TRY(nll(t->f, clf__trainer_way(t, t->step), x, at ? t->part_loss : loss,
              1 / (float)clf__trainer_batch_size(t, t->step)));
  if (at) CLF_TRY(clf_do(t->dev, axpby, .x = t->part_loss, .y = loss, .a = 1, .b = 1));
  return clf__trainer_guarded(t, t->step) ? clf__trainer_check_trip(t, x, loss, off) : CLF_OK;
}

/* The gradient of a step, taken again with stored activations where rebuilt ones are off. */
static clf_status batch_step(clf_trainer *t) {
  const int32_t n = clf__trainer_batch_size(t, t->step);
  const clf_tensor loss = in_ring(t, (int32_t)(t->step % CLF_RING));
  int off = 0;
  CLF_TRY(
      clf__flow_reserve(t->f, clf__trainer_part_size(t, t->step), clf__trainer_way(t, t->step)));
  for (int32_t at = 0, took; at < n && !off; at += took)
    CLF_TRY(part_step(t, at, &took, loss, &off));
  if (!off) return CLF_OK;
  CLF_TRY(clf_do(t->dev, fill, .y = t->f->g, .value = 0));
  return batch_step(t);
}

/* L2, the gradient's norm with it, and the clip. */
static clf_status bound_gradient(clf_trainer *t) {
  const clf_flow *f = t->f;
  const clf_tensor square = in_ring(t, CLF_RING_NORMS + (int32_t)(t->step % CLF_RING));
  if (t->o.l2 > 0 && f->decayed.buf)
    CLF_TRY(clf_do(t->dev, axpby, .x = f->decayed, .y = f->decayed_g, .a = (float)(2 * t->o.l2),
                   .b = 1));
  if (t->norms) CLF_TRY(clf_do(t->dev, sum_squares, .x = f->g, .y = square));
  if (t->o.clip == 0) return CLF_OK;
  return clf_do(t->dev, clip_norm, .square = square, .g = f->g, .most = (float)t->o.clip);
}

static clf_status take_step(clf_trainer *t) {
  const clf_flow *f = t->f;
  if (clf__trainer_is_dropped(t, t->step)) {
    t->step++;
    return CLF_OK;
  }
  CLF_TRY(batch_step(t));
  CLF_TRY(bound_gradient(t));
  t->step++;
  /* The corrections are those of the betas that the device has, in float. */
  const float beta1 = (float)t->o.beta1, beta2 = (float)t->o.beta2;
  const double c1 = 1 - pow((double)beta1, (double)t->step);
  const double c2 = 1 - pow((double)beta2, (double)t->step);
  return clf_do(t->dev, adam_step, .g = f->g, .w = f->w, .m = t->m, .v = t->v, .lr = (float)t->o.lr,
                .beta1 = beta1, .beta2 = beta2,
                .eps = (float)(t->o.eps_hat ? t->o.eps / sqrt(c2) : t->o.eps), .c1 = (float)c1,
                .c2 = (float)c2);
}

clf_status clf__trainer_steps(clf_trainer *t, int64_t to) {
  while (t->step < to) {
    const int32_t count = t->many ? clf__trainer_free_steps(t, to) : 0;
    CLF_TRY(count ? clf__trainer_launch(t, count) : take_step(t));
  }
  return CLF_OK;
}

/* ---- The loop ----------------------------------------------------------------------------- */

#define READ_EVERY 0.2 /* seconds */

typedef struct run {
  clf_trainer *t;
  clf_progress_fn report;
  void *context;
  double began, read_at; /* seconds */
  int64_t first_step;    /* of this run */
  int64_t pace;          /* steps from one reading to the next */
  int stop;
  float ring[CLF_RING_ALL]; /* as it was read last */
  double norm;              /* of the last step's gradient; NaN: not computed */
  char said[512];           /* of steps that were dropped; empty: none */
  char stored[256];         /* the trainer's notices */
  char unbounded[CLF_SENTENCE];
  char recovered[1024];
} run;

double clf__trainer_epoch_mean(const clf_trainer *t) {
  return clf__flow_scaling_logdet(t->f) - t->epoch_sum / (double)t->epoch_rows;
}

/* After `count` more losses were read. */
static clf_progress report_of(const run *r, const float *losses, int64_t count) {
  const clf_trainer *t = r->t;
  const int64_t S = clf__steps_per_epoch(t), steps = t->o.epochs * S;
  const double seconds = clf__now() - r->began, done = (double)(t->read - r->first_step);
  return (clf_progress){.epoch = t->read ? (t->read - 1) / S + 1 : 1,
                        .epochs = t->o.epochs,
                        .step = t->read,
                        .steps = steps,
                        .losses = losses,
                        .first = t->read - count,
                        .count = count,
                        .valid = NAN,
                        .seconds = seconds,
                        .grad_norm = r->norm,
                        .dropped = *r->said ? r->said : NULL,
                        .train = clf__trainer_epoch_mean(t),
                        .rate =
                            seconds > 0 ? done * (double)t->source->rows / (double)S / seconds : 0,
                        .left = done > 0 ? seconds / done * (double)(steps - t->read) : 0};
}

typedef struct epoch_end {
  clf_trainer *t;
  int64_t epoch;
  double train, valid; /* mean log p; valid: NaN without validation rows */
} epoch_end;

static clf_status look_at_epoch(void *context) {
  epoch_end *e = context;
  const int validates = e->t->source->held_out > 0;
  if (validates) CLF_TRY(e->t->source->ops->validate(e->t->source, &e->valid));
  return clf__trainer_note_epoch(e->t, e->epoch, validates ? e->valid : e->train);
}

/* After the last step of an epoch, once its losses are read. */
static clf_status end_epoch(clf_trainer *t, clf_progress *report) {
  epoch_end e = {t, report->epoch, report->train, NAN};
  clf_history *h = &t->f->history;
  CLF_TRY(clf__trainer_insist(t, look_at_epoch, &e));
  report->epoch_done = 1;
  report->valid = h->valid = e.valid;
  report->best = t->source->held_out && t->best_epoch == e.epoch;
  h->epochs = e.epoch;
  h->train = e.train;
  if (!isnan(e.train)) t->last_mean = e.train; /* of an epoch whose steps were all left out */
  clf__trainer_note_growth(t, e.epoch);
  t->epoch_sum = 0;
  t->epoch_rows = 0;
  return CLF_OK;
}

/* Sums of the weights and of Adam's second moments, behind the losses: not finite if
 * one of the terms is not, and read together with them. */
static clf_status sum_up(clf_trainer *t) {
  const clf_tensor all[2] = {t->f->w, t->v};
  for (int i = 0; i < 2; i++) {
    CLF_TRY(clf_do(t->dev, sum_rows, .x = clf__matrix(all[i], 0, all[i].dim[0], 1, 1),
                   .y = in_ring(t, CLF_RING_SUMS + i)));
  }
  return CLF_OK;
}

/* The first step since the last reading whose loss or gradient is not finite; -1: none. */
static int64_t first_bad(const clf_trainer *t, const float *ring) {
  for (int64_t i = t->read; i < t->step; i++) {
    const int64_t slot = i % CLF_RING;
    if (clf__trainer_is_dropped(t, i)) continue;
    if (!isfinite(ring[slot]) || (t->norms && !isfinite(ring[CLF_RING_NORMS + slot]))) return i;
  }
  return -1;
}

/* Reads the ring, and mends what is bad in it until all is well, or is beyond mending. */
static clf_status read_ring(void *context) {
  run *r = context;
  clf_trainer *t = r->t;
  float *ring = r->ring;
  for (;;) {
    CLF_TRY(sum_up(t));
    CLF_TRY(clf_read(t->dev, t->ring, ring));
    const int64_t bad = first_bad(t, ring);
    if (bad < 0) break;
    CLF_TRY(clf__trainer_mend(t, bad, (double)ring[bad % CLF_RING],
                              (double)ring[CLF_RING_NORMS + bad % CLF_RING], r->said,
                              sizeof r->said));
  }
  if (isfinite(ring[CLF_RING_SUMS]) && isfinite(ring[CLF_RING_SUMS + 1])) return CLF_OK;
  return clf__trainer_undo(t,
                           isfinite(ring[CLF_RING_SUMS]) ? "Adam's second moments" : "the weights");
}

/* Goes on by one step whose loss was read; dropped ones have none. */
static float take_loss(run *r) {
  clf_trainer *t = r->t;
  const float *ring = r->ring;
  const int64_t step = t->read++, slot = step % CLF_RING;
  if (clf__trainer_is_dropped(t, step)) return NAN;
  const double loss = (double)ring[slot];
  t->epoch_sum += loss * clf__trainer_batch_size(t, step);
  t->epoch_rows += clf__trainer_batch_size(t, step);
  if (t->norms) r->norm = sqrt((double)ring[CLF_RING_NORMS + slot]);
  return (float)(loss - clf__flow_scaling_logdet(t->f));
}

/* Moves what the trainer has to say to the report: it is said once. */
static void tell_notices(run *r, clf_progress *report) {
  clf_trainer *t = r->t;
  memcpy(r->stored, t->notice, sizeof r->stored);
  memcpy(r->unbounded, t->unbounded, sizeof r->unbounded);
  memcpy(r->recovered, t->recovered, sizeof r->recovered);
  report->stored = *r->stored ? r->stored : NULL;
  report->unbounded = *r->unbounded ? r->unbounded : NULL;
  report->recovered = *r->recovered ? r->recovered : NULL;
  *t->notice = *t->unbounded = *t->recovered = 0;
}

/* Not behind a step that was left out: two states must lie before the next bad one's cause.  Nor
 * at each reading of steps that take longer than one: to go a few steps back costs less. */
static clf_status remember(void *context) {
  clf_trainer *t = context;
  if (clf__trainer_is_dropped(t, t->step - 1)) return CLF_OK;
  if (t->step - t->snapshot[0].step >= CLF_APART) CLF_TRY(clf__trainer_remember(t));
  return clf__trainer_keep_is_due(t) ? clf__trainer_keep(t) : CLF_OK;
}

/* All losses of an epoch are summed up, but a failure came before its end was made of them. */
static int owes_epoch_end(const clf_trainer *t) {
  return t->epoch_rows && t->read % clf__steps_per_epoch(t) == 0;
}

/* So many steps to the next reading as take about READ_EVERY: launches return at once, and what
 * was enqueued cannot be stopped.  Few at first, for nobody knows what they take. */
static void set_pace(run *r, int64_t steps) {
  const double now = clf__now(), most = 4 * (double)r->pace;
  const double fit = (double)steps * READ_EVERY / (now - r->read_at + 1e-9);
  r->pace = fit < 1 ? 1 : fit < most ? (int64_t)fit : (int64_t)most;
  if (r->pace > CLF_RING) r->pace = CLF_RING;
  r->read_at = now;
}

/* Reads the losses since the last time and checks them.  No epoch ends within them, and the report
 * goes out when everything is read and checked: the trainer is at the step that it names. */
static clf_status read_losses(run *r) {
  clf_trainer *t = r->t;
  const int64_t before = t->read;
  float losses[CLF_RING];
  int64_t count = 0;
  *r->said = 0;
  CLF_TRY(clf__trainer_insist(t, read_ring, r));
  while (t->read < t->step) losses[count++] = take_loss(r);
  clf_progress report = report_of(r, losses, count);
  const int ended = count > 0 && t->read % clf__steps_per_epoch(t) == 0;
  if (ended || owes_epoch_end(t)) CLF_TRY(end_epoch(t, &report));
  t->f->history.steps = t->step;
  CLF_TRY(clf__trainer_insist(t, remember, t));
  tell_notices(r, &report);
  if (r->report && r->report(&report, r->context)) r->stop = 1;
  set_pace(r, t->read - before);
  return CLF_OK;
}

/* At the end of every epoch: only then are the weights there that its mean speaks of, to be kept if
 * it is the best; and whoever is told of it may save or stop at that very step. */
static int must_read(const run *r) {
  const clf_trainer *t = r->t;
  return t->step - t->read >= r->pace || t->step % clf__steps_per_epoch(t) == 0 ||
         clf__trainer_guarded(t, t->step) || clf__now() - r->read_at > READ_EVERY;
}

/* Where the next reading is due, if nothing else asks for one. */
static int64_t next_reading(const clf_trainer *t) {
  const int64_t S = clf__steps_per_epoch(t);
  const int64_t ring = t->read + CLF_RING, epoch = (t->step / S + 1) * S;
  return epoch < ring ? epoch : ring;
}

typedef struct stretch {
  clf_trainer *t;
  int64_t to;
} stretch;

static clf_status take_steps(void *context) {
  const stretch *s = context;
  return clf__trainer_steps(s->t, s->to);
}
static clf_status keep(void *context) { return clf__trainer_keep(context); }
static clf_status show_last(void *context) { return clf__trainer_show_last(context); }
static clf_status show_result(void *context) { return clf__trainer_show_result(context); }

static clf_status take_all_steps(run *r, int64_t steps) {
  clf_trainer *t = r->t;
  if (t->step < steps) CLF_TRY(clf__trainer_insist(t, show_last, t));
  CLF_TRY(clf__trainer_insist(t, keep, t));
  if (owes_epoch_end(t)) CLF_TRY(read_losses(r));
  while (t->step < steps && !r->stop) {
    stretch next = {t, t->many ? next_reading(t) : t->step + 1};
    CLF_TRY(clf__trainer_insist(t, take_steps, &next));
    if (must_read(r)) CLF_TRY(read_losses(r));
  }
  return CLF_OK;
}

/* However training ended, the flow gets its result; but not from a device that failed for good, and
 * the watchdog has seen to it where a loss was not finite. */
static clf_status leave_result(clf_trainer *t, clf_status s) {
  char why[1024];
  if (t->owed || s == CLF_ENUM) return s;
  snprintf(why, sizeof why, "%s", clf_errmsg());
  if (t->read < t->step) CLF_TRY(clf__trainer_go_back(t));
  CLF_TRY(clf__trainer_insist(t, show_result, t));
  return s ? clf__fail(s, "%s", why) : CLF_OK;
}

clf_status clf_trainer_run(clf_trainer *t, clf_progress_fn report, void *context) {
  CLF_GIVEN("trainer", t);
  const int64_t steps = t->o.epochs * clf__steps_per_epoch(t);
  run r = {.t = t,
           .report = report,
           .context = context,
           .began = clf__now(),
           .first_step = t->step,
           .pace = 1,
           .norm = NAN};
  r.read_at = r.began;
  CLF_TRY(leave_result(t, take_all_steps(&r, steps)));
  if (t->step < steps)
    return clf__fail(CLF_ESTOPPED, "stopped after step %lld of %lld", (long long)t->step,
                     (long long)steps);
  clf__trainer_say_rest(t);
  return CLF_OK;
}

/* ---- Running statistics ------------------------------------------------------------------- */

static clf_status take_batches(clf_trainer *t) {
  const int64_t S = clf__steps_per_epoch(t), begin = t->o.epochs * S; /* an epoch of its own */
  int64_t parts = 0;
  CLF_TRY(clf__flow_reserve(t->f, t->plan.part, clf__trainer_way(t, begin)));
  for (int64_t step = begin; step < begin + S; step++)
    for (int32_t at = 0; at < clf__trainer_batch_size(t, step); at += t->plan.part) {
      clf_tensor x, z;
      CLF_TRY(clf__trainer_part(t, step, at, &x));
      const clf_tensor logdet = clf__rows(t->f->ws.logdet, x.dim[0]);
      CLF_TRY(clf_do(t->dev, fill, .y = logdet, .value = 0));
      clf__flow_set_momentum(t->f, 1 / (double)++parts);
      CLF_TRY(clf__flow_forward(t->f, x, logdet, CLF_TRAIN, &z));
    }
  return clf_sync(t->dev);
}

clf_status clf__trainer_measure_batches(clf_trainer *t) {
  const double before = t->f->layer[t->f->layers - 1].momentum;
  const clf_status s = take_batches(t);
  clf__flow_set_momentum(t->f, before);
  return s;
}

static clf_status measure_batches(void *context) { return clf__trainer_measure_batches(context); }

clf_status clf_trainer_recalibrate(clf_trainer *t) {
  CLF_GIVEN("trainer", t);
  CLF_TRY(clf__trainer_insist(t, measure_batches, t));
  clf__trainer_say_rest(t);
  if (!t->shows_best) return clf__trainer_keep(t);
  t->recalibrated = 1;
  return CLF_OK;
}
