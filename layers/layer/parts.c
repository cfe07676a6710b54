/* SPDX-License-Identifier: MIT */
/* parts.c: the named parts of a flow's weights. */
#include "parts.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t size_of(const clf__part *part) {
  int64_t n = 1;
  for (int i = 0; i < part->rank; i++) n *= part->dim[i];
  return n;
}

static clf__part_entry *append(clf__parts *p) {
  if (p->count == p->room) {
    const int room = p->room ? 2 * p->room : 64;
    clf__part_entry *list = realloc(p->list, (size_t)room * sizeof *list);
    if (!list) {
      p->no_memory = 1;
      return NULL;
    }
    p->list = list;
    p->room = room;
  }
  return &p->list[p->count++];
}

static void set_name(clf__part_entry *e, const char *fmt, va_list ap) {
  if (fmt) vsnprintf(e->name, sizeof e->name, fmt, ap);
}

void clf__parts_add(clf__parts *p, clf__part *part, clf__group group, double value, double spread,
                    int rank, const int32_t *dim, const char *fmt, ...) {
  clf__part_entry *e = append(p);
  if (!e) return;
  *part = (clf__part){.group = group, .at = p->size[group], .dim = {1, 1, 1, 1}, .rank = rank};
  memcpy(part->dim, dim, (size_t)rank * sizeof *dim);
  for (int i = 3, stride = 1; i >= 0; stride *= part->dim[i--]) part->stride[i] = stride;
  *e = (clf__part_entry){.part = part, .value = value, .spread = spread};
  va_list ap;
  va_start(ap, fmt);
  set_name(e, fmt, ap);
  va_end(ap);
  p->size[group] += size_of(part);
}

void clf__parts_view(clf__parts *p, clf__part *part, const clf__part *whole, int64_t within,
                     int rank, const int32_t *dim, const int32_t *stride, const char *fmt, ...) {
  clf__part_entry *e = append(p);
  if (!e) return;
  *part =
      (clf__part){.group = whole->group, .dim = {1, 1, 1, 1}, .stride = {1, 1, 1, 1}, .rank = rank};
  memcpy(part->dim, dim, (size_t)rank * sizeof *dim);
  memcpy(part->stride, stride, (size_t)rank * sizeof *stride);
  *e = (clf__part_entry){.part = part, .whole = whole, .within = within};
  va_list ap;
  va_start(ap, fmt);
  set_name(e, fmt, ap);
  va_end(ap);
}

clf_status clf__parts_place(clf__parts *p) {
  if (p->no_memory) return clf__fail(CLF_ENOMEM, "no memory for the names of %d parts", p->count);
  const int64_t begin[CLF_GROUPS] = {
      [CLF_DECAYED] = p->size[CLF_PLAIN], [CLF_STATE] = p->size[CLF_PLAIN] + p->size[CLF_DECAYED]};
  for (int i = 0; i < p->count; i++) {
    clf__part_entry *e = &p->list[i];
    e->part->at = e->whole ? e->whole->at + e->within : e->part->at + begin[e->part->group];
  }
  return CLF_OK;
}

void clf__parts_free(clf__parts *p) {
  free(p->list);
  *p = (clf__parts){0};
}

int64_t clf__parts_weights(const clf__parts *p) {
  return p->size[CLF_PLAIN] + p->size[CLF_DECAYED] + p->size[CLF_STATE];
}

void clf__parts_init(const clf__parts *p, clf__host_random *r, double *w, double *c) {
  for (int i = 0; i < p->count; i++) {
    const clf__part_entry *e = &p->list[i];
    double *const flat = e->part->group == CLF_CONSTANT ? c : w;
    if (e->whole || e->part->group == CLF_DERIVED || !flat) continue;
    double *const at = flat + e->part->at;
    for (int64_t k = 0; k < size_of(e->part); k++)
      at[k] = e->spread > 0 ? e->value + e->spread * (2 * clf__host_uniform(r) - 1) : e->value;
  }
}

int clf__parts_params(const clf__parts *p, const clf__vectors *v, clf_param *out) {
  int count = 0;
  for (int i = 0; i < p->count; i++) {
    const clf__part_entry *e = &p->list[i];
    if (!*e->name) continue;
    count++;
    if (!out) continue;
    *out = (clf_param){.rank = e->part->rank,
                       .trainable = e->part->group < CLF_STATE,
                       .decays = e->part->group == CLF_DECAYED,
                       .at = clf__part_of(v, e->part)};
    memcpy((out++)->name, e->name, sizeof e->name);
  }
  return count;
}

clf_tensor clf__part_of(const clf__vectors *v, const clf__part *part) {
  if (!part->rank) return (clf_tensor){0};
  const clf_tensor *flat = part->group == CLF_DERIVED    ? &v->d
                           : part->group == CLF_CONSTANT ? &v->c
                                                         : &v->w;
  clf_tensor t = {.buf = flat->buf, .offset = flat->offset + (int32_t)part->at};
  memcpy(t.dim, part->dim, sizeof t.dim);
  memcpy(t.stride, part->stride, sizeof t.stride);
  return t;
}
