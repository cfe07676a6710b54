/* SPDX-License-Identifier: MIT */
/* divided.c: in a group, the update of a long vector of weights is divided among the members.
 *
 * A member has the sum of the gradients for its slice of the weights only. It moves these weights
 * by Adam and receives the others' (stage 1 of ZeRO, Rajbhandari et al. 2020). That sends as many
 * bytes as the sum of all gradients to all members, and no weight is moved twice. The moments of a
 * slice stay with its member until all of them are needed: for a snapshot, a copy on the host, or
 * the end of a run.
 *
 * The norm of the gradient is a sum over the pieces of the vector, which no slice cuts. A device
 * that trains alone with grains adds it up in the same way, so the bits do not depend on the number
 * of members. */
#include <string.h>
#include "trainer.h"

/* No piece is empty. */
_Static_assert((int)CLF_LONG >= (int)CLF_PIECES * (CLF_PIECES + 1) * CLF_PIECE_OF, "pieces");

int clf__trainer_has_pieces(const clf_trainer *t) {
  return t->grains.count && t->f->w.dim[0] >= CLF_LONG;
}

int clf__trainer_divides(const clf_trainer *t) {
  const int32_t size = clf__trainer_is_member(t) ? clf_group_size(t->group.g) : 1;
  return size > 1 && size <= CLF_PIECES && clf__trainer_has_pieces(t);
}

clf__elements clf__trainer_slice(const clf_trainer *t) {
  const size_t n = (size_t)t->f->w.dim[0];
  if (!clf__trainer_divides(t)) return (clf__elements){0, n};
  return clf__group_slice_of(t->group.g, n, t->grains.rank);
}

clf_tensor clf__trainer_slice_of(const clf_trainer *t, clf_tensor v) {
  const clf__elements own = clf__trainer_slice(t);
  return clf__vector(v, (int64_t)own.begin, (int32_t)(own.end - own.begin), 1);
}

clf_tensor clf__trainer_slice_part(const clf_trainer *t, clf_tensor v, size_t begin, size_t end) {
  clf__elements own = clf__trainer_slice(t);
  if (own.begin < begin) own.begin = begin;
  if (own.end > end) own.end = end;
  if (own.end < own.begin) own.end = own.begin;
  return clf__vector(v, (int64_t)own.begin, (int32_t)(own.end - own.begin), 1);
}

/* ---- What members tell each other within a step ---------------------------------------------- */

typedef struct said {
  int32_t status;
  char squares[CLF_PIECES * sizeof(double)]; /* in the precision of the device */
} said;

/* s: this member's status. An error of one member is an error of all. */
static clf_status tell_all(clf_trainer *t, clf_status s, said *mine, said all[CLF_PIECES]) {
  clf__membership *m = &t->group;
  if (s && !m->failed) clf__trainer_note_failure(t, s);
  mine->status = (int32_t)m->failed;
  s = clf_group_gather(m->g, mine, sizeof *mine, all);
  if (!s && m->failed) s = clf__fail(m->failed, "%s", m->why);
  for (int32_t r = 0; r < clf_group_size(m->g) && !s; r++)
    if (all[r].status) s = clf__trainer_member_failed(t, r, (clf_status)all[r].status);
  if (s) m->behind = 0;
  return s;
}

/* Every member's slices of vectors to all. s: this member's status. */
static clf_status collect(clf_trainer *t, int count, const clf_tensor v[], clf_status s) {
  const clf__elements own = clf__trainer_slice(t);
  const size_t n = (size_t)t->f->w.dim[0], size = (size_t)t->dev->bits / 8;
  const clf_backend *const backend = t->dev->backend;
  char *at[2] = {NULL};
  said mine = {0}, all[CLF_PIECES];
  for (int i = 0; i < count && !s; i++) s = clf__trainer_on_host(t, i, v[i], (void **)&at[i]);
  const int here = clf__trainer_is_on_host(t);
  for (int i = 0; i < count && !s && !here; i++)
    s = backend->read(t->dev, v[i].buf, (size_t)v[i].offset + own.begin, at[i] + own.begin * size,
                      own.end - own.begin);
  CLF_TRY(tell_all(t, s, &mine, all));
  for (int i = 0; i < count; i++) CLF_TRY(clf__group_collect(t->group.g, n, t->dev->bits, at[i]));
  for (int i = 0; i < count && !here; i++) {
    const size_t begin = (size_t)v[i].offset;
    if (own.begin) CLF_TRY(clf__write_elements(t->dev, v[i].buf, begin, at[i], own.begin));
    if (own.end < n)
      CLF_TRY(clf__write_elements(t->dev, v[i].buf, begin + own.end, at[i] + own.end * size,
                                  n - own.end));
  }
  return CLF_OK;
}

/* ---- The norm of the gradient ---------------------------------------------------------------- */

/* Calls for the pieces in this member's slice. */
static clf_status own_squares(const clf_trainer *t) {
  const size_t n = (size_t)t->f->w.dim[0];
  const clf__elements own = clf__trainer_slice(t);
  for (int32_t i = 0; i < CLF_PIECES; i++) {
    const size_t begin = clf__group_piece(n, i), end = clf__group_piece(n, i + 1);
    if (begin < own.begin || begin >= own.end) continue;
    CLF_TRY(clf_do(t->dev, sum_squares,
                   .x = clf__vector(t->f->g, (int64_t)begin, (int32_t)(end - begin), 1),
                   .y = clf__vector(t->squares, i, 1, 1)));
  }
  return CLF_OK;
}

/* The squares of all pieces, in t->group.squares. */
static clf_status gather_squares(clf_trainer *t, clf_status s) {
  const size_t n = (size_t)t->f->w.dim[0], size = (size_t)t->dev->bits / 8;
  said mine = {0}, all[CLF_PIECES];
  if (!s)
    s = t->dev->backend->read(t->dev, t->squares.buf, (size_t)t->squares.offset, mine.squares,
                              CLF_PIECES);
  CLF_TRY(tell_all(t, s, &mine, all));
  for (int32_t i = 0; i < CLF_PIECES; i++)
    for (int32_t r = 0; r < clf_group_size(t->group.g); r++) {
      const clf__elements slice = clf__group_slice_of(t->group.g, n, r);
      const size_t begin = clf__group_piece(n, i), at = (size_t)i * size;
      if (begin >= slice.begin && begin < slice.end)
        memcpy(t->group.squares + at, all[r].squares + at, size);
    }
  return CLF_OK;
}

clf_status clf__trainer_squares(clf_trainer *t, clf_status s) {
  if (!s && clf__trainer_has_pieces(t)) s = own_squares(t);
  return clf__trainer_divides(t) ? gather_squares(t, s) : s;
}

clf_status clf__trainer_square(clf_trainer *t, clf_tensor square) {
  if (!clf__trainer_has_pieces(t)) return clf_do(t->dev, sum_squares, .x = t->f->g, .y = square);
  if (clf__trainer_divides(t))
    CLF_TRY(clf__write_elements(t->dev, t->squares.buf, (size_t)t->squares.offset, t->group.squares,
                                CLF_PIECES));
  return clf_do(t->dev, sum_rows, .x = clf__matrix(t->squares, 0, CLF_PIECES, 1, 1), .y = square);
}

/* ---- Weights and moments --------------------------------------------------------------------- */

clf_status clf__trainer_join_weights(clf_trainer *t, clf_status s) {
  if (!clf__trainer_divides(t)) return s;
  const clf__elements own = clf__trainer_slice(t);
  const int32_t n = t->f->w.dim[0];
  t->group.apart = 1;
  CLF_TRY(collect(t, 1, &t->f->w, s));
  /* Adam has cleared the gradient of its slice only. */
  if (own.begin)
    CLF_TRY(clf_do(t->dev, fill, .y = clf__vector(t->f->g, 0, (int32_t)own.begin, 1), .value = 0));
  if (own.end == (size_t)n) return CLF_OK;
  return clf_do(t->dev, fill, .y = clf__vector(t->f->g, (int64_t)own.end, n - (int32_t)own.end, 1),
                .value = 0);
}

clf_status clf__trainer_join_moments(clf_trainer *t) {
  if (!t->group.apart) return CLF_OK;
  CLF_TRY(collect(t, 2, (clf_tensor[2]){t->m, t->v}, CLF_OK));
  t->group.apart = 0;
  return CLF_OK;
}
