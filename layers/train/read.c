/* SPDX-License-Identifier: MIT */
/* read.c: reads the losses of the last steps from the device, and finds non-finite ones. */
#include <math.h>
#include "trainer.h"

/* Sums of the weights and of Adam's second moments, which are not finite if one term is not;
 * both are stored after the losses and read together with them.  Where members divide the update,
 * the gradient's norm is known; while it is finite, so are the moments of the others. */
static clf_status sum_up(clf_trainer *t) {
  const clf_tensor all[2] = {t->f->w, clf__trainer_slice_of(t, t->v)};
  for (int i = 0; i < 2; i++) {
    CLF_TRY(clf_do(t->dev, sum_rows, .x = clf__matrix(all[i], 0, all[i].dim[0], 1, 1),
                   .y = clf__trainer_slot(t, CLF_RING_SUMS + i)));
  }
  return CLF_OK;
}

/* The first step since the last reading with a non-finite loss or gradient; -1: none. */
static int64_t first_bad(const clf_trainer *t, const float *ring) {
  for (int64_t i = t->read; i < t->step; i++) {
    const int64_t slot = i % CLF_RING;
    if (clf__trainer_is_dropped(t, i)) continue;
    if (!isfinite(ring[slot]) || (t->norms && !isfinite(ring[CLF_RING_NORMS + slot]))) return i;
  }
  return -1;
}

clf_status clf__trainer_read(clf_trainer *t, float ring[CLF_RING_ALL]) {
  CLF_TRY(sum_up(t));
  return clf_read(t->dev, t->ring, ring);
}

static int sums_are_finite(const float *ring) {
  return isfinite(ring[CLF_RING_SUMS]) && isfinite(ring[CLF_RING_SUMS + 1]);
}

int clf__trainer_is_finite(const clf_trainer *t, const float *ring) {
  return first_bad(t, ring) < 0 && sums_are_finite(ring);
}

clf_status clf__trainer_mend(clf_trainer *t, const float *ring, char *said, size_t size) {
  const int64_t bad = first_bad(t, ring), slot = bad % CLF_RING;
  if (bad >= 0)
    return clf__trainer_skip(t, bad, (double)ring[slot], (double)ring[CLF_RING_NORMS + slot], said,
                             size);
  return clf__trainer_undo(t,
                           isfinite(ring[CLF_RING_SUMS]) ? "Adam's second moments" : "the weights");
}

float clf__trainer_take_loss(clf_trainer *t, const float *ring, double *norm) {
  const int64_t step = t->read++, slot = step % CLF_RING;
  if (clf__trainer_is_dropped(t, step)) return NAN;
  const double loss = (double)ring[slot];
  t->round_sum += loss * clf__trainer_batch_size(t, step);
  t->round_rows += clf__trainer_batch_size(t, step);
  if (t->norms) *norm = sqrt((double)ring[CLF_RING_NORMS + slot]);
  return (float)(loss - clf__trainer_shift(t));
}
