/* SPDX-License-Identifier: MIT */
/* step.c: one step of Adam.  A step is a few launches and waits for nothing: its loss goes to a
 * ring buffer on the device, which read.c reads. */
#include <math.h>
#include "blocks.h"
#include "trainer.h"

/* loss = -weight * sum of log p, with sample weights ws.each, and dz; leaves logdet zero. */
static clf_status base_loss(clf_flow *f, clf_tensor z, clf_tensor logdet, clf_tensor loss,
                            float weight, clf_tensor dz) {
  const int32_t n = z.dim[0];
  const clf_tensor logp = clf__rows(f->ws.logp, n), column = clf__matrix(logp, 0, n, 1, 1);
  if (f->base.ops->standard && !f->ws.each.buf)
    return clf_do(f->dev, normal_nll, .z = z, .logdet = logdet, .dz = dz, .loss = loss,
                  .weight = weight);
  CLF_TRY(clf__flow_logp(f, z, logdet, CLF_TRAIN, logp));
  CLF_TRY(clf__flow_base_backward(f, z, -weight, dz));
  if (f->ws.each.buf) CLF_TRY(clf_do(f->dev, scale_rows, .a = f->ws.each, .y = column));
  CLF_TRY(clf_do(f->dev, sum_rows, .x = column, .y = f->ws.sum));
  CLF_TRY(clf_do(f->dev, axpby, .x = f->ws.sum, .y = loss, .a = -weight));
  return clf_do(f->dev, fill, .y = logdet, .value = 0);
}

typedef struct batch {
  clf_tensor x;
  float weight;
} batch;

static clf_status nll_block(clf_flow *f, int32_t first, int32_t n, void *context) {
  const batch *b = context;
  const clf_tensor logdet = clf__rows(f->ws.train_logdet, n), dx0 = clf__rows(f->ws.dx[0], n);
  clf_tensor x, z, dx;
  CLF_TRY(clf__block_rows(f, clf_slice(b->x, 0, first, first + n), &x));
  CLF_TRY(clf__flow_forward(f, x, logdet, CLF_TRAIN, &z));
  const clf_tensor dz = clf_slice(dx0, 1, 0, z.dim[1]);
  CLF_TRY(base_loss(f, z, logdet, f->ws.loss, b->weight, dz));
  return clf__flow_backward(f, x, dz, -b->weight, &dx);
}

/* The loss of samples with weight `weight` each, whose gradient is added to the flow's; fits:
 * they are the first samples, to which layers may be fitted. */
static clf_status nll(clf_flow *f, int mode, clf_tensor x, clf_tensor loss, float weight,
                      int fits) {
  const int32_t n = x.dim[0];
  batch b = {x, weight};
  if (mode == CLF_STORED && clf__flow_has_nll(f)) return clf__flow_nll(f, x, loss, weight);
  if (f->context) CLF_TRY(clf_do(f->dev, fill, .y = clf__rows(f->ws.de, n), .value = 0));
  CLF_TRY(clf__flow_embed(f, n, CLF_TRAIN));
  if (fits) CLF_TRY(clf__flow_fit(f, x));
  CLF_TRY(clf__flow_train_in_blocks(f, n, nll_block, &b, loss));
  return clf__flow_embed_backward(f, n);
}

/* Dropout depends on the seed, the step and the index of the sample in its batch, however that
 * is divided into micro-batches. */
static void set_dropout(const clf_trainer *t, int32_t at) {
  t->f->drop_first = at;
  t->f->drop_key = t->o.seed * 0x9E3779B97F4A7C15u + (uint64_t)t->step;
}

clf_status clf__trainer_pass(clf_trainer *t, int32_t at, int mode, clf_tensor x, clf_tensor loss,
                             int fits) {
  const float weight = 1 / (float)clf__trainer_batch_size(t, t->step);
  set_dropout(t, at);
  if (clf__source_is_density(t->source))
    return clf__density_step(t->source, at, x, loss, weight, at == 0);
  return nll(t->f, mode, x, loss, weight, fits);
}

/* Adds the gradient and the loss of a micro-batch; off: see guard.c. */
static clf_status micro_step(clf_trainer *t, int32_t at, int32_t *n, clf_tensor loss, int *off) {
  const int mode = clf__trainer_mode(t, t->step);
  clf_tensor x;
  CLF_TRY(clf__trainer_micro_batch(t, t->step, at, &x));
  *n = x.dim[0];
  CLF_TRY(clf__trainer_pass(t, at, mode, x, at ? t->micro_loss : loss, t->step == 0 && at == 0));
  if (at) CLF_TRY(clf_do(t->dev, axpby, .x = t->micro_loss, .y = loss, .a = 1, .b = 1));
  return clf__trainer_guarded(t, t->step) ? clf__trainer_check_trip(t, x, loss, off) : CLF_OK;
}

/* The gradient of a step, repeated with stored activations if rebuilt ones are inaccurate. */
static clf_status batch_step(clf_trainer *t) {
  const int32_t n = clf__trainer_batch_size(t, t->step);
  const clf_tensor loss = clf__trainer_slot(t, (int32_t)(t->step % CLF_RING));
  int off = 0;
  if (t->grains.count) return clf__grains_step(t);
  CLF_TRY(
      clf__flow_reserve(t->f, clf__trainer_micro_size(t, t->step), clf__trainer_mode(t, t->step)));
  for (int32_t at = 0, took; at < n && !off; at += took)
    CLF_TRY(micro_step(t, at, &took, loss, &off));
  if (!off) return clf__flow_finish(t->f);
  CLF_TRY(clf__flow_clear_gradient(t->f));
  return batch_step(t);
}

/* Of the weights that this trainer updates (divided.c). */
static clf_status add_l2(const clf_trainer *t) {
  const clf_flow *f = t->f;
  if (!(t->o.l2 > 0) || !f->decayed.buf) return CLF_OK;
  const size_t begin = (size_t)f->slots.size[CLF_PLAIN];
  const size_t end = begin + (size_t)f->decayed.dim[0];
  const clf_tensor w = clf__trainer_slice_part(t, f->w, begin, end);
  if (!w.dim[0]) return CLF_OK;
  return clf_do(t->dev, axpby, .x = w, .y = clf__trainer_slice_part(t, f->g, begin, end),
                .a = (float)(2 * t->o.l2), .b = 1);
}

/* Computes the gradient's norm from its squares, and clips. */
static clf_status bound_gradient(clf_trainer *t) {
  const clf_tensor square = clf__trainer_slot(t, CLF_RING_NORMS + (int32_t)(t->step % CLF_RING));
  if (t->norms) CLF_TRY(clf__trainer_square(t, square));
  if (t->o.clip == 0) return CLF_OK;
  return clf_do(t->dev, clip_norm, .square = square, .g = clf__trainer_slice_of(t, t->f->g),
                .most = (float)t->o.clip);
}

static clf_status adam(clf_trainer *t, double rate) {
  const double steps = (double)(t->step + 1);
  /* The corrections use the betas as the device has them, in float. */
  const float beta1 = (float)t->o.beta1, beta2 = (float)t->o.beta2;
  const double c1 = 1 - pow((double)beta1, steps), c2 = 1 - pow((double)beta2, steps);
  return clf_do(t->dev, adam_step, .g = clf__trainer_slice_of(t, t->f->g),
                .w = clf__trainer_slice_of(t, t->f->w), .m = clf__trainer_slice_of(t, t->m),
                .v = clf__trainer_slice_of(t, t->v), .lr = (float)rate, .beta1 = beta1,
                .beta2 = beta2, .eps = (float)(t->o.eps_hat ? t->o.eps / sqrt(c2) : t->o.eps),
                .c1 = (float)c1, .c2 = (float)c2);
}

static clf_status update(clf_trainer *t) {
  const double rate = clf__trainer_rate(t, t->step);
  CLF_TRY(bound_gradient(t));
  CLF_TRY(clf__trainer_decay(t, rate));
  return adam(t, rate);
}

static clf_status take_step(clf_trainer *t) {
  if (clf__trainer_is_dropped(t, t->step)) {
    t->step++;
    return clf__trainer_tell_later(t, clf__trainer_average(t)); /* no message precedes it */
  }
  clf_status s = batch_step(t);
  /* Members that divide the update wait for this one. */
  if (s && !(clf__trainer_divides(t) && t->group.behind)) return s;
  if (!s) s = add_l2(t);
  CLF_TRY(clf__trainer_squares(t, s));
  CLF_TRY(clf__trainer_join_weights(t, update(t)));
  t->step++;
  return clf__trainer_average(t);
}

clf_status clf__trainer_steps(clf_trainer *t, int64_t to) {
  while (t->step < to) {
    const int64_t next = t->step + 1;
    const int32_t count = t->many ? clf__trainer_free_steps(t, to) : 0;
    const clf_status s = count ? clf__trainer_launch(t, count) : take_step(t);
    if (s && !t->group.behind) return s;
    if (s) { /* all others go on: they hear of it with the next message */
      clf__trainer_note_failure(t, s);
      t->step = next;
    }
  }
  return CLF_OK;
}
