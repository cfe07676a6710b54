/* SPDX-License-Identifier: MIT */
/* train_many.c: many steps of a small flow in one launch (mlp_steps).  A step of five separate
 * operations would mostly consist of launches; so would a step of a hundred samples that uses a
 * second core. */
#include "mlp_coupling.h"
#include "trainer.h"

/* Depends only on sizes and options, and not on how many steps are requested at once, because
 * the bits of a training depend on it.  A checking device compares single operations. */
int clf__trainer_takes_many(const clf_trainer *t) {
  if (!clf__flow_has_steps(t->f)) return 0;
  const clf__layer *l = t->f->stage[0].l;
  const double work = (double)t->take * l->count * l->spec.hidden * l->spec.dim;
  return !t->grains.count && clf__trainer_is_plain(t) && !clf__trainer_averages(t) &&
         !clf__source_is_density(t->source) && !clf__source_is_weighted(t->source) &&
         !t->dev->inner && !clf__trainer_inverts(t, 0) && t->plan.part == t->take &&
         work <= t->dev->lone_work;
}

int32_t clf__trainer_free_steps(const clf_trainer *t, int64_t to) {
  int32_t count = 0;
  while (t->step + count < to && count < CLF_RING && !clf__trainer_is_dropped(t, t->step + count))
    count++;
  return count;
}

clf_status clf__trainer_launch(clf_trainer *t, int32_t count) {
  enum { SETTLED = 1 << 30 }; /* Adam's corrections reach 1 long before */
  const clf_flow *f = t->f;
  const clf_flow_spec *s = &f->stage[0].l->spec;
  const clf_tensor masks = clf__mlp_masks(f->stage[0].l, &(clf__vectors){.c = f->c});
  const int64_t S = clf__steps_per_epoch(t);
  CLF_TRY(clf_do(t->dev, mlp_steps, .x = clf__source_table(t->source), .b = masks, .w = f->w,
                 .m = t->m, .v = t->v, .loss = clf_slice(t->ring, 0, 0, CLF_RING),
                 .square = clf_slice(t->ring, 0, CLF_RING_NORMS, CLF_RING_NORMS + CLF_RING),
                 .hidden = s->hidden, .add = clf__mlp_adds(f->stage[0].l),
                 .scaling = f->stages == 2, .s_max = (float)s->s_max, .batch = t->take,
                 .shuffle = t->o.shuffle, .seed_lo = (int)(uint32_t)t->o.seed,
                 .seed_hi = (int)(uint32_t)(t->o.seed >> 32), .epoch = (int)(t->step / S),
                 .at = (int)(t->step % S), .count = count, .slot = (int)(t->step % CLF_RING),
                 .done = t->step < SETTLED ? (int)t->step : SETTLED, .lr = (float)t->o.lr,
                 .beta1 = (float)t->o.beta1, .beta2 = (float)t->o.beta2, .eps = (float)t->o.eps,
                 .eps_hat = t->o.eps_hat, .clip = (float)t->o.clip));
  t->step += count;
  return CLF_OK;
}
