/* SPDX-License-Identifier: MIT */
/* place.c: lays out the memory of a recorded program: finds the steps that its outputs need, and
 * gives each cell memory while it is in use. */
#include <stdlib.h>
#include "recorder.h"

static clf__cell *cell_of(clf__recorded *t, int32_t value) {
  return &t->cell[t->cell_of[clf__recorded_root(t, value)]];
}

static clf_status make_cells(clf__recorded *t) {
  const size_t n = (size_t)t->values + 1;
  t->cell = calloc(n, sizeof *t->cell);
  t->cell_of = calloc(n, sizeof *t->cell_of);
  if (!t->cell || !t->cell_of) return clf__fail(CLF_ENOMEM, "no memory to place %zu values", n);
  for (int32_t v = 0; v < t->values; v++) {
    const int32_t root = clf__recorded_root(t, v);
    const int64_t e = t->value[v].element;
    if (root == v) { /* the smallest value of its cell, which comes first */
      t->cell_of[v] = t->cells;
      t->cell[t->cells++] = (clf__cell){.first = INT32_MAX, .last = -1, .low = e, .high = e};
    }
    clf__cell *c = cell_of(t, v);
    if (e < c->low) c->low = e;
    if (e > c->high) c->high = e;
  }
  return CLF_OK;
}

static void use(clf__cell *c, int32_t step) {
  if (step < c->first) c->first = step;
  if (step > c->last) c->last = step;
}

static int is_value(const clf__operand *o) { return o->kind == CLF_OPERAND_VALUE; }

/* Goes back from the last step: a step is needed if it writes a value that is read later. */
static void find_needed(clf__recorded *t) {
  for (int32_t i = t->steps - 1; i >= 0; i--) {
    clf__step *s = &t->step[i];
    for (int k = 0; k < CLF_MAX_TENSORS; k++) {
      const clf__operand *o = &s->operand[k];
      if (is_value(o) && o->writes) s->needed |= cell_of(t, o->value)->needed;
    }
    for (int k = 0; k < CLF_MAX_TENSORS && s->needed; k++) {
      const clf__operand *o = &s->operand[k];
      if (!is_value(o)) continue;
      if (o->reads) cell_of(t, o->value)->needed = 1;
      use(cell_of(t, o->value), i);
    }
  }
}

/* ---- Memory: the lowest gap that is free while the cell is in use ---------------------------- */

static int by_first_step(const void *a, const void *b) {
  const clf__cell *x = *(clf__cell *const *)a, *y = *(clf__cell *const *)b;
  return x->first != y->first ? (x->first > y->first) - (x->first < y->first) : (x > y) - (x < y);
}

/* Inserts a cell among those in use, which are sorted by offset. */
static void insert(clf__cell **active, int *n, clf__cell *c) {
  const int64_t size = c->high - c->low + 1;
  int left = 0, at = 0;
  for (int i = 0; i < *n; i++)
    if (active[i]->last >= c->first) active[left++] = active[i];
  *n = left;
  c->at = 0;
  while (at < *n && active[at]->at - c->at < size) {
    const clf__cell *o = active[at++];
    c->at = o->at + o->high - o->low + 1;
  }
  for (int i = (*n)++; i > at; i--) active[i] = active[i - 1];
  active[at] = c;
}

static clf_status place_cells(clf__recorded *t) {
  clf__cell **order = calloc((size_t)t->cells + 1, sizeof *order);
  clf__cell **active = calloc((size_t)t->cells + 1, sizeof *active);
  int n = 0, in_use = 0;
  if (!order || !active) {
    free(order);
    free(active);
    return clf__fail(CLF_ENOMEM, "no memory to place %d cells", (int)t->cells);
  }
  for (int32_t i = 0; i < t->cells; i++)
    if (t->cell[i].last >= t->cell[i].first) order[n++] = &t->cell[i];
  qsort(order, (size_t)n, sizeof *order, by_first_step);
  t->size = 0;
  for (int i = 0; i < n; i++) {
    insert(active, &in_use, order[i]);
    const int64_t end = order[i]->at + order[i]->high - order[i]->low + 1;
    if (end > t->size) t->size = end;
  }
  free(order);
  free(active);
  return CLF_OK;
}

clf_status clf__recorded_place(clf__recorded *t, const int32_t *inputs, int n_inputs,
                               const int32_t *outputs, int n_outputs) {
  CLF_TRY(make_cells(t));
  for (int i = 0; i < n_outputs; i++) {
    cell_of(t, outputs[i])->needed = 1;
    use(cell_of(t, outputs[i]), t->steps);
  }
  find_needed(t);
  for (int i = 0; i < n_inputs; i++) use(cell_of(t, inputs[i]), -1);
  for (int i = 0; i < n_inputs; i++) use(cell_of(t, inputs[i]), 0);
  return place_cells(t);
}

int64_t clf__recorded_at(clf__recorded *t, int32_t value) {
  const clf__cell *c = cell_of(t, value);
  return c->at + t->value[value].element - c->low;
}
