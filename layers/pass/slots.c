/* SPDX-License-Identifier: MIT */
/* slots.c: the layout of a flow's named arrays. */
#include "slots.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t size_of(const clf__slot *slot) {
  int64_t n = 1;
  for (int i = 0; i < slot->rank; i++) n *= slot->dim[i];
  return n;
}

static clf__slot_entry *append(clf__slots *p) {
  if (p->count == p->room) {
    const int room = p->room ? 2 * p->room : 64;
    clf__slot_entry *list = realloc(p->list, (size_t)room * sizeof *list);
    if (!list) {
      p->no_memory = 1;
      return NULL;
    }
    p->list = list;
    p->room = room;
  }
  return &p->list[p->count++];
}

static void set_name(clf__slot_entry *e, const char *fmt, va_list ap) {
  if (fmt) vsnprintf(e->name, sizeof e->name, fmt, ap);
}

void clf__slots_add(clf__slots *p, clf__slot *slot, clf__group group, double value, double spread,
                    int rank, const int32_t *dim, const char *fmt, ...) {
  clf__slot_entry *e = append(p);
  if (!e) return;
  *slot =
      (clf__slot){.group = group, .at = p->size[group], .dim = {1, 1, 1, 1}, .rank = (int16_t)rank};
  memcpy(slot->dim, dim, (size_t)rank * sizeof *dim);
  for (int i = 3, stride = 1; i >= 0; stride *= slot->dim[i--]) slot->stride[i] = stride;
  *e = (clf__slot_entry){.slot = slot, .value = value, .spread = spread};
  va_list ap;
  va_start(ap, fmt);
  set_name(e, fmt, ap);
  va_end(ap);
  p->size[group] += size_of(slot);
}

void clf__slots_view(clf__slots *p, clf__slot *slot, const clf__slot *whole, int64_t within,
                     int rank, const int32_t *dim, const int32_t *stride, const char *fmt, ...) {
  clf__slot_entry *e = append(p);
  if (!e) return;
  *slot = (clf__slot){
      .group = whole->group, .dim = {1, 1, 1, 1}, .stride = {1, 1, 1, 1}, .rank = (int16_t)rank};
  memcpy(slot->dim, dim, (size_t)rank * sizeof *dim);
  memcpy(slot->stride, stride, (size_t)rank * sizeof *stride);
  *e = (clf__slot_entry){.slot = slot, .whole = whole, .within = within};
  va_list ap;
  va_start(ap, fmt);
  set_name(e, fmt, ap);
  va_end(ap);
}

clf_status clf__slots_lay_out(clf__slots *p) {
  if (p->no_memory) return clf__fail(CLF_ENOMEM, "no memory for the names of %d arrays", p->count);
  const int64_t begin[CLF_GROUPS] = {
      [CLF_DECAYED] = p->size[CLF_PLAIN], [CLF_STATE] = p->size[CLF_PLAIN] + p->size[CLF_DECAYED]};
  for (int i = 0; i < p->count; i++) {
    clf__slot_entry *e = &p->list[i];
    e->slot->at = e->whole ? e->whole->at + e->within : e->slot->at + begin[e->slot->group];
  }
  return CLF_OK;
}

void clf__slots_free(clf__slots *p) {
  free(p->list);
  *p = (clf__slots){0};
}

int64_t clf__slots_weights(const clf__slots *p) {
  return p->size[CLF_PLAIN] + p->size[CLF_DECAYED] + p->size[CLF_STATE];
}

void clf__slots_init(const clf__slots *p, clf__host_random *r, double *w, double *c) {
  for (int i = 0; i < p->count; i++) {
    const clf__slot_entry *e = &p->list[i];
    double *const flat = e->slot->group == CLF_CONSTANT ? c : w;
    if (e->whole || e->slot->group == CLF_DERIVED || !flat) continue;
    double *const at = flat + e->slot->at;
    for (int64_t k = 0; k < size_of(e->slot); k++)
      at[k] = e->spread > 0 ? e->value + e->spread * (2 * clf__host_uniform(r) - 1) : e->value;
  }
}

int clf__slots_sorted(const clf__slots *p, int constants, clf__sorted *out) {
  int count = 0;
  for (int i = 0; i < p->count; i++) {
    const clf__slot *s = p->list[i].slot;
    if ((s->group == CLF_CONSTANT) != constants || !(s->period[0] || s->period[1])) continue;
    if (out)
      out[count] = (clf__sorted){.begin = s->at,
                                 .rows = s->dim[0],
                                 .columns = s->dim[1],
                                 .row_period = s->period[0],
                                 .column_period = s->period[1]};
    count++;
  }
  return count;
}

int clf__slots_params(const clf__slots *p, const clf__vectors *v, clf_param *out) {
  int count = 0;
  for (int i = 0; i < p->count; i++) {
    const clf__slot_entry *e = &p->list[i];
    if (!*e->name) continue;
    count++;
    if (!out) continue;
    *out = (clf_param){.rank = e->slot->rank,
                       .trainable = e->slot->group < CLF_STATE,
                       .decays = e->slot->group == CLF_DECAYED,
                       .at = clf__slot_tensor(v, e->slot)};
    memcpy((out++)->name, e->name, sizeof e->name);
  }
  return count;
}

clf_tensor clf__slot_tensor(const clf__vectors *v, const clf__slot *slot) {
  if (!slot->rank) return (clf_tensor){0};
  const clf_tensor *flat = slot->group == CLF_DERIVED    ? &v->d
                           : slot->group == CLF_CONSTANT ? &v->c
                                                         : &v->w;
  clf_tensor t = {.buf = flat->buf, .offset = flat->offset + (int32_t)slot->at};
  memcpy(t.dim, slot->dim, sizeof t.dim);
  memcpy(t.stride, slot->stride, sizeof t.stride);
  return t;
}
