/* SPDX-License-Identifier: MIT */
/* device_head.c: what the host computes at the head of a flow (head.c), as operations. */
#include "device_head.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>

struct clf__device_head {
  int32_t rows;
  clf_arena arena;
  clf_tensor row[2];         /* (rows, D): between layers */
  clf_tensor mean, std;      /* (D) */
  clf_tensor c_mean, c_std;  /* (C) */
  clf_tensor grid;           /* (3, D): steps, first and last values; no buffer without grids */
  clf_tensor unused;         /* (rows) */
  clf__layer_memory *memory; /* of each layer at the head */
};

void clf__device_head_free(clf_flow *f) {
  struct clf__device_head *h = f->device_head;
  if (!h) return;
  for (int i = 0; i < f->head && h->memory; i++) clf__layer_release(&f->layer[i], &h->memory[i]);
  free(h->memory);
  clf_arena_free(&h->arena);
  free(h);
  f->device_head = NULL;
}

static clf_status lay_out(const clf_flow *f, struct clf__device_head *h) {
  const int32_t D = f->spec.dim, C = f->context;
  clf_arena *a = &h->arena;
  for (int i = 0; i < 2; i++) CLF_TRY(clf_new(a, (int32_t[4]){h->rows, D}, &h->row[i]));
  CLF_TRY(clf_new(a, (int32_t[4]){h->rows}, &h->unused));
  CLF_TRY(clf_new(a, (int32_t[4]){D}, &h->mean));
  CLF_TRY(clf_new(a, (int32_t[4]){D}, &h->std));
  if (f->grid) CLF_TRY(clf_new(a, (int32_t[4]){3, D}, &h->grid));
  if (C) CLF_TRY(clf_new(a, (int32_t[4]){C}, &h->c_mean));
  if (C) CLF_TRY(clf_new(a, (int32_t[4]){C}, &h->c_std));
  for (int i = 0; i < f->head; i++)
    CLF_TRY(clf__layer_plan(&f->layer[i], h->rows, CLF_VALUES, a, &h->memory[i]));
  return CLF_OK;
}

/* The largest double, which stands for no limit, becomes inf. */
static clf_status write_grid(clf_flow *f, clf_tensor to) {
  const int32_t D = f->spec.dim;
  double *rows = malloc(3 * (size_t)D * sizeof *rows);
  if (!rows) return clf__fail(CLF_ENOMEM, "no memory for the grids of %d columns", (int)D);
  for (int32_t d = 0; d < D; d++) {
    const clf_column_grid *g = &f->grid[d];
    rows[d] = g->step;
    rows[D + d] = g->first == -DBL_MAX ? -INFINITY : g->first;
    rows[2 * D + d] = g->last == DBL_MAX ? INFINITY : g->last;
  }
  const clf_status s = clf_write64(f->dev, to, rows);
  free(rows);
  return s;
}

static clf_status make(clf_flow *f, struct clf__device_head *h) {
  h->memory = calloc((size_t)f->head + 1, sizeof *h->memory);
  if (!h->memory) return clf__fail(CLF_ENOMEM, "no memory for the head of a flow");
  h->arena.dev = f->dev;
  CLF_TRY(lay_out(f, h)); /* measures */
  CLF_TRY(clf_arena_init(&h->arena, f->dev, h->arena.used));
  CLF_TRY(lay_out(f, h));
  if (f->mean) CLF_TRY(clf_write64(f->dev, h->mean, f->mean));
  if (f->mean) CLF_TRY(clf_write64(f->dev, h->std, f->std));
  if (f->grid) CLF_TRY(write_grid(f, h->grid));
  if (f->c_mean) CLF_TRY(clf_write64(f->dev, h->c_mean, f->c_mean));
  return f->c_mean ? clf_write64(f->dev, h->c_std, f->c_std) : CLF_OK;
}

clf_status clf__device_head_reserve(clf_flow *f, int32_t rows) {
  if (f->device_head && f->device_head->rows >= rows) return CLF_OK;
  clf__device_head_free(f);
  f->device_head = calloc(1, sizeof *f->device_head);
  if (!f->device_head) return clf__fail(CLF_ENOMEM, "no memory for the head of a flow");
  f->device_head->rows = rows;
  const clf_status s = make(f, f->device_head);
  if (s) clf__device_head_free(f);
  return s;
}

/* ---- Passes ---------------------------------------------------------------------------------- */

/* y = (x - mean) / std; logdet follows. */
static clf_status scale(clf_flow *f, clf_tensor x, clf_tensor mean, clf_tensor std, clf_tensor y,
                        clf_tensor logdet) {
  return clf_do(f->dev, scale_shift_inv, .y = x, .u = std, .shift = mean, .x = y, .logdet = logdet,
                .kind = CLF_FACTOR_PARAMETER);
}

clf_status clf__device_head_context(clf_flow *f, clf_tensor c) {
  const struct clf__device_head *h = f->device_head;
  if (!f->context) return CLF_OK;
  const int32_t n = c.dim[0];
  const clf_tensor to = clf__rows(f->ws.c, n), unused = clf__rows(h->unused, n);
  CLF_TRY(clf_do(f->dev, fill, .y = unused, .value = 0));
  CLF_TRY(f->c_mean ? scale(f, c, h->c_mean, h->c_std, to, unused)
                    : clf_do(f->dev, copy, .x = c, .y = to));
  return clf__flow_embed(f, n, CLF_EVAL);
}

/* A layer that standardises at the head is what the flow's scaling stands for. */
static int runs(const clf__layer *l) { return !(l->traits & CLF_IS_STANDARDIZE); }

clf_status clf__device_head_forward(clf_flow *f, clf_tensor x, clf_tensor y, clf_tensor logdet) {
  const struct clf__device_head *h = f->device_head;
  const int32_t n = x.dim[0];
  const clf__pass p = clf__flow_pass(f, CLF_EVAL, n);
  for (int i = 0; i < f->head; i++) {
    if (!runs(&f->layer[i])) continue;
    const clf_tensor to = clf__rows(h->row[i % 2], n);
    CLF_TRY(clf__layer_forward(&f->layer[i], &p, &h->memory[i], x, to, logdet));
    x = to;
  }
  return f->mean ? scale(f, x, h->mean, h->std, y, logdet) : clf_do(f->dev, copy, .x = x, .y = y);
}

clf_status clf__device_head_inverse(clf_flow *f, clf_tensor y, clf_tensor x, clf_tensor logdet) {
  const struct clf__device_head *h = f->device_head;
  const int32_t n = y.dim[0];
  const clf__pass p = clf__flow_pass(f, CLF_EVAL, n);
  if (f->mean) {
    const clf_tensor to = clf__rows(h->row[f->head % 2], n);
    CLF_TRY(clf_do(f->dev, scale_shift_fwd, .x = y, .u = h->std, .shift = h->mean, .y = to,
                   .logdet = logdet, .kind = CLF_FACTOR_PARAMETER));
    y = to;
  }
  for (int i = f->head - 1; i >= 0; i--) {
    if (!runs(&f->layer[i])) continue;
    const clf_tensor to = clf__rows(h->row[i % 2], n);
    CLF_TRY(clf__layer_inverse(&f->layer[i], &p, &h->memory[i], y, to, logdet));
    y = to;
  }
  return clf_do(f->dev, copy, .x = y, .y = x);
}

clf_status clf__device_head_grid(clf_flow *f, clf_tensor x) {
  const struct clf__device_head *h = f->device_head;
  if (!f->grid) return CLF_OK;
  const clf_tensor free_rows = clf__rows(h->row[0], x.dim[0]);
  CLF_TRY(clf_do(f->dev, copy, .x = x, .y = free_rows));
  return clf_do(f->dev, on_grid, .x = free_rows, .grid = h->grid, .y = x);
}
