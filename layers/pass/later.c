/* SPDX-License-Identifier: MIT */
/* later.c: products that blocks of rows leave to the end of a step. */
#include "later.h"
#include <stdlib.h>

enum { UNITS = 256 }; /* of a piece */

clf_status clf__later_add(clf__later *l, clf__product p) {
  if (l->count == l->room) {
    const int room = l->room ? 2 * l->room : 64;
    clf__product *at = realloc(l->at, (size_t)room * sizeof *at);
    if (!at) return clf__fail(CLF_ENOMEM, "no memory for the list of %d gradients", room);
    l->at = at;
    l->room = room;
  }
  l->at[l->count++] = p;
  return CLF_OK;
}

void clf__later_free(clf__later *l) {
  free(l->at);
  *l = (clf__later){0};
}

static int pieces_of(const clf__product *p) { return (p->dy.dim[1] - 1) / UNITS + 1; }

int clf__later_pieces(const clf__later *l) {
  int count = 0;
  for (int i = 0; i < l->count; i++) count += pieces_of(&l->at[i]);
  return count;
}

static clf_tensor units_of(clf_tensor t, int axis, int32_t first, int32_t end) {
  return t.buf ? clf_slice(t, axis, first, end) : t;
}

/* dy and x of one task, to the gradient of `to`, for units first .. end - 1. */
static clf_status add_product(clf_device *dev, const clf__product *to, const clf__product *p,
                              int32_t first, int32_t end) {
  const clf_tensor dy = clf_slice(p->dy, 1, first, end), dw = units_of(to->dw, 0, first, end);
  const clf_tensor db = units_of(to->db, 0, first, end), row = units_of(to->row, 0, first, end);
  if (db.buf) CLF_TRY(clf_do(dev, sum_rows, .x = dy, .y = db, .beta = 1));
  if (!dw.buf) return CLF_OK;
  if (row.buf)
    return clf_do(dev, weights_bwd, .dy = dy, .x = p->x, .row = row, .column = to->column,
                  .dw = dw);
  return clf_do(dev, gemm, .a = dy, .b = p->x, .c = dw, .ta = 1, .alpha = 1, .beta = 1);
}

clf_status clf__later_compute(clf_device *dev, const clf__later *to, const clf__later *tasks,
                              int count, int piece) {
  int i = 0;
  for (; piece >= pieces_of(&to->at[i]); i++) piece -= pieces_of(&to->at[i]);
  const int32_t units = to->at[i].dy.dim[1], first = piece * UNITS;
  const int32_t end = units - first < UNITS ? units : first + UNITS;
  for (int t = 0; t < count; t++)
    CLF_TRY(add_product(dev, &to->at[i], &tasks[t].at[i], first, end));
  return CLF_OK;
}

/* ---- What is not left ------------------------------------------------------------------------ */

/* The elements of a gradient from the first to the last of t; none without a buffer. */
typedef struct range {
  int32_t begin, end;
} range;
static range range_of(const clf_tensor *t, const clf_tensor *gradient) {
  if (!t->buf) return (range){0, 0};
  const int32_t begin = t->offset - gradient->offset;
  return (range){begin,
                 begin + (t->dim[0] - 1) * t->stride[0] + (t->dim[1] - 1) * t->stride[1] + 1};
}
static range range_at(const clf__later *l, const clf_tensor *gradient, int i) {
  return range_of(i % 2 ? &l->at[i / 2].db : &l->at[i / 2].dw, gradient);
}

/* The end of the ranges that hold `at`; `at` if none does. */
static int32_t after(const clf__later *l, const clf_tensor *gradient, int32_t at) {
  int32_t end = at, before;
  do {
    before = end;
    for (int i = 0; i < 2 * l->count; i++) {
      const range r = range_at(l, gradient, i);
      if (r.begin <= end && end < r.end) end = r.end;
    }
  } while (end != before);
  return end;
}

int clf__later_gap(const clf__later *l, const clf_tensor *gradient, int32_t *begin, int32_t *end) {
  *begin = after(l, gradient, *end);
  *end = gradient->dim[0];
  for (int i = 0; i < 2 * l->count; i++) {
    const range r = range_at(l, gradient, i);
    if (r.begin > *begin && r.begin < r.end && r.begin < *end) *end = r.begin;
  }
  return *begin < gradient->dim[0];
}
