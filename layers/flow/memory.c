/* SPDX-License-Identifier: MIT */
/* memory.c: device memory for passes: the workspace, and gradients. */
#include <stdlib.h>
#include "blocks.h"

/* ---- The workspace --------------------------------------------------------------------------- */

void clf__workspace_free(const clf_flow *f, clf__workspace *ws) {
  clf_arena_free(&ws->arena);
  for (int i = 0; i < f->stages && ws->memory; i++)
    clf__layer_release(f->stage[i].l, &ws->memory[i]);
  if (f->base.ops && f->base.ops->release) f->base.ops->release(&f->base, &ws->base);
  free(ws->base.own);
  free(ws->embedding);
  free(ws->memory);
  free(ws->x);
  *ws = (clf__workspace){0};
}

static clf_status new_rows(clf__workspace *ws, int32_t cols, clf_tensor *t) {
  return clf_new(&ws->arena, (int32_t[4]){ws->rows, cols}, t);
}

/* Whether no later call uses what a stage stores: because only values are computed, or because
 * it is recomputed before backward. */
static int leaves_nothing(const clf__workspace *ws, const clf__layer *l) {
  return ws->train == CLF_VALUES ||
         (ws->train == CLF_REBUILT && !(l->traits & CLF_REBUILDS_BY_INVERSE));
}

/* Each stage has its own memory for what later calls use.  All stages share the memory for the
 * rest. */
static clf_status plan_stages(const clf_flow *f, clf__workspace *ws) {
  for (int i = 0; i < f->stages; i++) {
    const clf__layer *l = f->stage[i].l;
    CLF_TRY(clf__layer_keep(l, ws->rows, ws->train, &ws->arena, &ws->memory[i]));
    if (!leaves_nothing(ws, l))
      CLF_TRY(clf__layer_plan(l, ws->rows, ws->train, &ws->arena, &ws->memory[i]));
  }
  const size_t begin = ws->arena.used;
  size_t maximum = begin;
  for (int i = 0; i < f->stages; i++) {
    const clf__layer *l = f->stage[i].l;
    ws->arena.used = begin;
    if (leaves_nothing(ws, l))
      CLF_TRY(clf__layer_plan(l, ws->rows, ws->train, &ws->arena, &ws->memory[i]));
    CLF_TRY(clf__layer_scratch(l, ws->rows, ws->train, &ws->arena, &ws->memory[i]));
    if (ws->arena.used > maximum) maximum = ws->arena.used;
  }
  ws->arena.used = maximum;
  return CLF_OK;
}

static clf_status plan_context(const clf_flow *f, clf__workspace *ws) {
  CLF_TRY(new_rows(ws, f->context, &ws->c));
  const int32_t given = f->embedding.ops ? f->embedding.out : f->context;
  if (ws->train) CLF_TRY(new_rows(ws, given, &ws->de));
  if (!f->embedding.ops) return CLF_OK;
  CLF_TRY(new_rows(ws, given, &ws->e));
  if (ws->train) CLF_TRY(new_rows(ws, f->context, &ws->dc));
  return clf__net_plan_all(&f->embedding, ws->rows, ws->train, &ws->arena, &ws->embedding);
}

/* The input and each stage's output; without a backward pass those in between alternate between
 * two tensors. */
static clf_status plan_values(const clf_flow *f, clf__workspace *ws) {
  clf_tensor turns[2];
  int32_t widest = 0;
  for (int i = 1; i < f->stages; i++)
    if (f->stage[i].l->in.dim > widest) widest = f->stage[i].l->in.dim;
  for (int i = 0; i < 2 && !ws->train && widest; i++) CLF_TRY(new_rows(ws, widest, &turns[i]));
  for (int i = 0; i < f->stages; i++) {
    const int32_t cols = f->stage[i].l->in.dim;
    if (ws->train || !i)
      CLF_TRY(new_rows(ws, cols, &ws->x[i]));
    else
      ws->x[i] = ws->arena.by_column ? clf_slice(turns[i % 2], 1, 0, cols)
                                     : clf__matrix(turns[i % 2], 0, ws->rows, cols, cols);
  }
  return new_rows(ws, f->base.dim, &ws->x[f->stages]);
}

static clf_status lay_out_workspace(const clf_flow *f, clf__workspace *ws) {
  CLF_TRY(plan_values(f, ws));
  for (int i = 0; i < 2 && ws->train; i++) CLF_TRY(new_rows(ws, f->spec.dim, &ws->dx[i]));
  CLF_TRY(new_rows(ws, 1, &ws->logdet));
  CLF_TRY(new_rows(ws, 1, &ws->logp));
  CLF_TRY(new_rows(ws, 1, &ws->train_logdet));
  CLF_TRY(clf_new(&ws->arena, (int32_t[4]){1}, &ws->sum));
  if (ws->train == CLF_REBUILT) CLF_TRY(new_rows(ws, 1, &ws->unused));
  if (f->context) CLF_TRY(plan_context(f, ws));
  if (f->sends) CLF_TRY(new_rows(ws, f->spec.dim, &ws->z));
  if (f->sends) CLF_TRY(new_rows(ws, 1, &ws->between));
  if (f->place_to.rank) CLF_TRY(new_rows(ws, f->spec.dim, &ws->placed));
  if (f->sends && ws->train) CLF_TRY(new_rows(ws, f->spec.dim, &ws->dz));
  if (f->base.ops->plan)
    CLF_TRY(f->base.ops->plan(&f->base, ws->rows, ws->train, &ws->arena, &ws->base));
  return plan_stages(f, ws);
}

static clf_status new_arrays(const clf_flow *f, clf__workspace *ws) {
  ws->x = calloc((size_t)f->stages + 1, sizeof *ws->x);
  ws->memory = calloc((size_t)f->stages + 1, sizeof *ws->memory);
  if (!ws->x || !ws->memory)
    return clf__fail(CLF_ENOMEM, "no memory for the workspace of %d layers", f->layers);
  return CLF_OK;
}

static clf_status measure(const clf_flow *f, clf__workspace *ws) {
  CLF_TRY(new_arrays(f, ws));
  return lay_out_workspace(f, ws);
}

clf_status clf__flow_measure(const clf_flow *f, int32_t rows, int train, int by_column,
                             size_t *elements) {
  clf__workspace ws = {
      .arena = {.dev = f->dev, .by_column = by_column ? rows : 0}, .rows = rows, .train = train};
  const clf_status s = measure(f, &ws);
  *elements = ws.arena.used;
  clf__workspace_free(f, &ws);
  return s;
}

/* Lays `ws` out, first to measure, then in memory.  `old`, unless NULL, is freed to make room,
 * but only after measuring, so that an impossible size changes nothing. */
static clf_status make_workspace(const clf_flow *f, clf__workspace *ws, clf__workspace *old) {
  const int32_t by_column = ws->arena.by_column;
  CLF_TRY(measure(f, ws));
  if (old) clf__workspace_free(f, old);
  CLF_TRY(clf_arena_init(&ws->arena, f->dev, ws->arena.used));
  ws->arena.by_column = by_column;
  CLF_TRY(lay_out_workspace(f, ws));
  return clf_do(f->dev, fill, .y = ws->train_logdet, .value = 0);
}

clf_status clf__workspace_make(const clf_flow *f, int32_t rows, int train, clf__workspace *to) {
  clf__workspace ws = {.arena = {.dev = f->dev, .by_column = rows}, .rows = rows, .train = train};
  const clf_status s = make_workspace(f, &ws, NULL);
  if (s)
    clf__workspace_free(f, &ws);
  else
    *to = ws;
  return s;
}

clf_status clf__flow_reserve(clf_flow *f, int32_t rows, int train) {
  if (rows <= f->ws.rows && (!train || train == f->ws.train)) return CLF_OK;
  clf__workspace ws = {.arena = {.dev = f->dev},
                       .rows = rows > f->ws.rows ? rows : f->ws.rows,
                       .train = train ? train : f->ws.train};
  const clf_status s = make_workspace(f, &ws, &f->ws);
  if (s)
    clf__workspace_free(f, &ws);
  else
    f->ws = ws;
  return s;
}

void clf__flow_drop_workspace(clf_flow *f) {
  clf__flow_drop_blocks(f);
  clf__workspace_free(f, &f->ws);
}

/* ---- Gradients ------------------------------------------------------------------------------- */

void clf__flow_place_gradient(clf_flow *f, clf_tensor message) {
  f->message = message;
  f->g = clf__vector(message, 0, f->w.dim[0], 1);
  if (f->decayed.buf)
    f->decayed_g = clf__vector(f->g, f->slots.size[CLF_PLAIN], f->decayed.dim[0], 1);
}

static clf_status lay_out_gradient(clf_flow *f) {
  const int32_t more = (int32_t)f->slots.size[CLF_STATE] + CLF_MESSAGE;
  clf_tensor message;
  CLF_TRY(clf_new(&f->grad_arena, (int32_t[4]){f->w.dim[0] + more}, &message));
  clf__flow_place_gradient(f, message);
  return f->d.buf ? clf_new(&f->grad_arena, f->d.dim, &f->dg) : CLF_OK;
}

clf_status clf__flow_need_gradient(clf_flow *f) {
  if (f->g.buf) return CLF_OK;
  f->grad_arena = (clf_arena){.dev = f->dev};
  CLF_TRY(lay_out_gradient(f)); /* measures */
  CLF_TRY(clf_arena_init(&f->grad_arena, f->dev, f->grad_arena.used));
  CLF_TRY(lay_out_gradient(f));
  CLF_TRY(clf__flow_sort(f, f->g, 0));
  return clf__flow_clear_gradient(f);
}

clf_status clf__flow_clear_gradient(clf_flow *f) {
  if (f->dg.buf) CLF_TRY(clf_do(f->dev, fill, .y = f->dg, .value = 0));
  return clf_do(f->dev, fill, .y = f->g, .value = 0);
}
