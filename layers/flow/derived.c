/* SPDX-License-Identifier: MIT */
/* derived.c: what follows from the weights of a flow, and is computed again only after they were
 * written: derived arrays, and transposed matrices for single rows.  The runtime counts the writes
 * to their buffer, whoever makes them. */
#include "flow_private.h"

enum { LARGEST = 1 << 18 }; /* weights; more do not stay in a cache, from which copies would help */

static uint32_t writes_of(const clf_flow *f) { return f->arena.buf->writes; }

int clf__flow_is_prepared(const clf_flow *f) {
  return f->in_pass || (f->derived.computed && f->derived.writes == writes_of(f));
}

clf_status clf__flow_prepare(clf_flow *f) {
  const clf__pass p = {.dev = f->dev, .mode = CLF_EVAL, .weights = {f->w, f->c, f->d}};
  if (clf__flow_is_prepared(f)) return CLF_OK;
  f->derived.computed = f->derived.transposed = 0;
  for (int i = 0; i < f->layers && f->d.buf; i++) {
    const clf__layer *l = &f->layer[i];
    if (l->ops->prepare) CLF_TRY(l->ops->prepare(l, &p));
  }
  if (f->base.ops->prepare) CLF_TRY(f->base.ops->prepare(&f->base, &p));
  f->derived.computed = 1;
  f->derived.writes = writes_of(f);
  return CLF_OK;
}

/* ---- Transposed matrices --------------------------------------------------------------------- */

static clf_status lay_out(const clf_flow *f, clf__derived *d) {
  CLF_TRY(clf_new(&d->arena, (int32_t[4]){f->w.dim[0]}, &d->columns.w));
  return f->d.buf ? clf_new(&d->arena, (int32_t[4]){f->d.dim[0]}, &d->columns.d) : CLF_OK;
}

static clf_status allocate(const clf_flow *f, clf__derived *d) {
  if (d->arena.buf) return CLF_OK;
  d->arena = (clf_arena){.dev = f->dev};
  CLF_TRY(lay_out(f, d)); /* measures */
  CLF_TRY(clf_arena_init(&d->arena, f->dev, d->arena.used));
  return lay_out(f, d);
}

clf_status clf__flow_transpose(clf_flow *f) {
  clf__derived *d = &f->derived;
  const clf__vectors weights = {f->w, f->c, f->d};
  if (d->transposed || !f->dev->many_callers || clf__count(&f->w) > LARGEST) return CLF_OK;
  if (allocate(f, d)) return CLF_OK; /* without memory, matrices are used as they are */
  for (int i = 0; i < f->slots.count; i++) {
    const clf__slot *s = f->slots.list[i].slot;
    clf_tensor to = clf__slot_tensor(&d->columns, s);
    if (!s->is_factor) continue;
    to.stride[0] = 1;
    to.stride[1] = s->dim[0];
    CLF_TRY(clf_do(f->dev, copy, .x = clf__slot_tensor(&weights, s), .y = to));
  }
  d->transposed = 1;
  return CLF_OK;
}

void clf__flow_drop_transposed(clf_flow *f) {
  clf_arena_free(&f->derived.arena);
  f->derived = (clf__derived){0};
}
