/* SPDX-License-Identifier: MIT */
/* parts.c: named parts of a layer's weights. */
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
    if (!list) return NULL;
    p->list = list;
    p->room = room;
  }
  return &p->list[p->count++];
}

void clf__parts_add(clf__parts *p, clf__part *part, clf__group group, double value, double spread,
                    int rank, const int32_t *dim, const char *fmt, ...) {
  clf__part_entry *e = append(p);
  if (!e) {
    p->no_memory = 1;
    return;
  }
  *part = (clf__part){.at = p->size[group], .dim = {1, 1, 1, 1}, .rank = rank};
  memcpy(part->dim, dim, (size_t)rank * sizeof *dim);
  *e = (clf__part_entry){.part = part, .group = group, .value = value, .spread = spread};
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(e->name, sizeof e->name, fmt, ap);
  va_end(ap);
  p->size[group] += size_of(part);
}

clf_status clf__parts_place(clf__parts *p) {
  if (p->no_memory) return clf__fail(CLF_ENOMEM, "no memory for the names of %d parts", p->count);
  const int64_t begin[CLF_GROUPS] = {0, p->size[CLF_PLAIN],
                                     p->size[CLF_PLAIN] + p->size[CLF_DECAYED]};
  for (int i = 0; i < p->count; i++) p->list[i].part->at += begin[p->list[i].group];
  return CLF_OK;
}

void clf__parts_free(clf__parts *p) {
  free(p->list);
  *p = (clf__parts){0};
}

int64_t clf__parts_total(const clf__parts *p) {
  return p->size[CLF_PLAIN] + p->size[CLF_DECAYED] + p->size[CLF_STATE];
}

void clf__parts_init(const clf__parts *p, clf__host_random *r, double *w) {
  for (int i = 0; i < p->count; i++) {
    const clf__part_entry *e = &p->list[i];
    double *at = w + e->part->at;
    for (int64_t k = 0; k < size_of(e->part); k++)
      at[k] = e->spread > 0 ? e->value + e->spread * (2 * clf__host_uniform(r) - 1) : e->value;
  }
}

int clf__parts_params(const clf__parts *p, clf_tensor w, clf_param *out) {
  for (int i = 0; i < p->count && out; i++) {
    const clf__part_entry *e = &p->list[i];
    *out++ =
        clf__param(clf__part_of(w, e->part), e->part->rank, e->group != CLF_STATE, "%s", e->name);
  }
  return p->count;
}

clf_tensor clf__part_of(clf_tensor flat, const clf__part *part) {
  if (!part->rank) return (clf_tensor){0};
  const int32_t *d = part->dim;
  return (clf_tensor){.buf = flat.buf,
                      .offset = flat.offset + (int32_t)part->at,
                      .dim = {d[0], d[1], d[2], d[3]},
                      .stride = {d[1] * d[2] * d[3], d[2] * d[3], d[3], 1}};
}
