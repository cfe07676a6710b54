/* SPDX-License-Identifier: MIT */
/* snapshot.c: snapshots of weights and moments on the device. */
#include "trainer.h"

clf_status clf__trainer_restore(clf_trainer *t, const clf__snapshot *s) {
  t->step = s->step; /* even if the device fails: members of a group go on to the same messages */
  t->group.apart = 0;
  CLF_TRY(clf__vector_copy(t->dev, s->w, t->f->w));
  CLF_TRY(clf__vector_copy(t->dev, s->m, t->m));
  CLF_TRY(clf__vector_copy(t->dev, s->v, t->v));
  if (s->mean.buf) CLF_TRY(clf__vector_copy(t->dev, s->mean, t->mean));
  CLF_TRY(clf__flow_clear_gradient(t->f));
  return clf_do(t->dev, fill, .y = t->f->ws.train_logdet, .value = 0);
}

clf_status clf__trainer_snapshot(clf_trainer *t) {
  if (t->snapshot[0].step == t->step) return CLF_OK;
  CLF_TRY(clf__trainer_join_moments(t));
  const clf__snapshot oldest = t->snapshot[CLF_SNAPSHOTS - 1];
  for (int i = CLF_SNAPSHOTS - 1; i > 0; i--) t->snapshot[i] = t->snapshot[i - 1];
  t->snapshot[0] = oldest;
  t->snapshot[0].step = t->step;
  CLF_TRY(clf__vector_copy(t->dev, t->f->w, t->snapshot[0].w));
  CLF_TRY(clf__vector_copy(t->dev, t->m, t->snapshot[0].m));
  if (t->mean.buf) CLF_TRY(clf__vector_copy(t->dev, t->mean, t->snapshot[0].mean));
  return clf__vector_copy(t->dev, t->v, t->snapshot[0].v);
}

const clf__snapshot *clf__trainer_snapshot_before(const clf_trainer *t, int64_t to) {
  for (int i = 0; i < CLF_SNAPSHOTS; i++)
    if (t->snapshot[i].step >= 0 && t->snapshot[i].step <= to) return &t->snapshot[i];
  return NULL;
}
