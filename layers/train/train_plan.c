/* SPDX-License-Identifier: MIT */
/* train_plan.c: device memory for training, and the size of micro-batches. */
#include "blocks.h"
#include "options.h"
#include "trainer.h"

/* Bytes of elements of the device's type. */
static uint64_t bytes_of(const clf_flow *f, uint64_t elements) {
  return elements * (uint64_t)(f->dev->bits / 8);
}

/* For a pass and its backward pass over this many samples; huge if no arena can hold it. */
static clf_status activations_of(const clf_flow *f, int32_t part, int train, uint64_t *bytes) {
  size_t elements = SIZE_MAX, blocks = 0;
  clf_status s = clf__flow_measure(f, part, train, 0, &elements);
  if (!s) s = clf__flow_measure_blocks(f, part, train, &blocks);
  *bytes = s || elements > INT32_MAX ? UINT64_MAX / 2 : bytes_of(f, elements + blocks);
  return s == CLF_ENOTSUP ? CLF_OK : s;
}

static clf_status set_micro(const clf_flow *f, int64_t rows, int32_t part, int activations,
                            clf_train_plan *p) {
  const uint64_t D = (uint64_t)f->spec.dim;
  p->part = part;
  p->way = activations;
  CLF_TRY(activations_of(f, part, CLF_STORED, &p->stored));
  CLF_TRY(activations_of(f, part, CLF_REBUILT, &p->rebuilt));
  p->activations = activations == CLF_ACTIVATIONS_REVERSE ? p->rebuilt : p->stored;
  /* A micro-batch: rows gathered from a table; or images as bytes, twice for alternating use,
   * and their continuous values. */
  p->data = bytes_of(f, ((uint64_t)rows + (rows ? 1 : 3) * (uint64_t)part) * D);
  p->total = p->parameters + p->optimiser + p->activations + p->data;
  return CLF_OK;
}

static int fits(const clf_flow *f, const clf_train_plan *p) {
  const uint64_t one = f->dev->max_alloc;
  return p->total <= p->limit && (!one || p->activations <= one);
}

static clf_status too_large(const clf_flow *f, const clf_train_plan *p, const char *remedy) {
  const uint64_t one = f->dev->max_alloc;
  if (p->total <= p->limit)
    return clf__fail(CLF_ENOMEM,
                     "%d sample%s at a time take%s %llu MiB of activations; the device allocates "
                     "at most %llu MiB at once%s",
                     (int)p->part, p->part == 1 ? "" : "s", p->part == 1 ? "s" : "",
                     (unsigned long long)p->activations >> 20, (unsigned long long)one >> 20,
                     remedy);
  return clf__fail(CLF_ENOMEM,
                   "training with %d sample%s at a time takes %llu MiB; there are %llu MiB%s",
                   (int)p->part, p->part == 1 ? "" : "s", (unsigned long long)p->total >> 20,
                   (unsigned long long)p->limit >> 20, remedy);
}

/* The largest micro-batch that the options allow: a grain, where batches are cut into them. */
static int32_t first_micro(const clf_train_options *o) {
  const int64_t grains = clf__option_whole(o, CLF_OPTION_grains);
  if (grains) return (int32_t)((o->batch + grains - 1) / grains);
  return o->part > 0 && o->part < o->batch ? o->part : o->batch;
}

clf_status clf_train_plan_of(const clf_flow *f, const clf_train_options *o, int64_t rows,
                             clf_train_plan *plan) {
  CLF_GIVEN("flow, options, plan", f, o, plan);
  CLF_TRY(clf__check_train_options(o));
  CLF_TRY(clf__grains_check(o));
  if (rows < 0 || rows > INT32_MAX / f->spec.dim)
    return clf__fail(CLF_ENOTSUP, "%lld rows of %d columns are more than one device buffer holds",
                     (long long)rows, (int)f->spec.dim);
  const uint64_t P = (uint64_t)f->w.dim[0], C = (uint64_t)f->c.dim[0];
  /* The gradient, moments, best weights, snapshots; the average, also in snapshots, and one
   * spare vector. */
  const int averages = clf__option_real(o, CLF_OPTION_ema) > 0;
  const int32_t grains = (int32_t)clf__option_whole(o, CLF_OPTION_grains);
  const uint64_t waiting = grains ? (uint64_t)clf__grains_waiting(grains, 0, grains) : 0;
  const uint64_t vectors = 4 + waiting + 3 * CLF_SNAPSHOTS + (averages ? 2 + CLF_SNAPSHOTS : 0);
  const uint64_t all = f->dev->memory ? f->dev->memory : UINT64_MAX;
  clf_train_plan p = {.parameters = bytes_of(f, P + C),
                      .optimiser = bytes_of(f, vectors * P),
                      .limit = o->memory && o->memory < all ? o->memory : all,
                      .batch = o->batch,
                      .batch_statistics = (f->traits & CLF_HAS_BATCH_STATISTICS) != 0};
  const int first =
      o->activations == CLF_ACTIVATIONS_REVERSE ? CLF_ACTIVATIONS_REVERSE : CLF_ACTIVATIONS_STORE;
  const int last =
      o->activations == CLF_ACTIVATIONS_STORE ? CLF_ACTIVATIONS_STORE : CLF_ACTIVATIONS_REVERSE;
  CLF_TRY(set_micro(f, rows, first_micro(o), first, &p));
  if (!fits(f, &p) && first != last) CLF_TRY(set_micro(f, rows, p.part, last, &p));
  while (o->part == 0 && !grains && !fits(f, &p) && p.part > 1)
    CLF_TRY(set_micro(f, rows, p.part - p.part / 2, last, &p));
  if (!fits(f, &p)) return too_large(f, &p, grains && p.part > 1 ? "; more grains need less" : "");
  *plan = p;
  return CLF_OK;
}

/* ---- A smaller plan -------------------------------------------------------------------------- */

/* Against a log-density running statistics are used, and samples are independent. */
static int has_batch_norm(const clf_trainer *t) {
  return (t->f->traits & CLF_HAS_BATCH_STATISTICS) && !clf__source_is_density(t->source);
}

/* A batch must keep its statistics: with batch normalisation only the memory of the backward
 * pass can be reduced. */
int clf__trainer_can_shrink(const clf_trainer *t) {
  if (clf__flow_chunk(t->f) > t->plan.part) return 1;
  if (t->many) return 0;         /* stores nothing per batch */
  if (t->grains.count) return 0; /* the bits would change */
  return has_batch_norm(t) ? t->plan.way != CLF_ACTIVATIONS_REVERSE : t->plan.part > 1;
}

int clf__trainer_shrink(clf_trainer *t) {
  clf_train_plan p = t->plan;
  clf_train_options o = t->o;
  if (!clf__trainer_can_shrink(t)) return 0;
  const int chunks = clf__flow_chunk(t->f) > p.part, norm = has_batch_norm(t);
  o.batch = p.batch;
  o.part = chunks || norm ? p.part : (p.part + 1) / 2;
  o.activations = !chunks && norm ? CLF_ACTIVATIONS_REVERSE : p.way;
  if (clf_train_plan_of(t->f, &o, t->source->resident, &p)) return 0;
  t->plan = p;
  t->f->most_rows = p.part;
  if (t->stored_part > p.part) t->stored_part = p.part;
  clf__flow_drop_workspace(t->f);
  return 1;
}
