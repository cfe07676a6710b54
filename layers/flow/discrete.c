/* SPDX-License-Identifier: MIT */
/* discrete.c: grids of discrete columns and limits of others: noise for training, results, files.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "device_head.h"
#include "flow_private.h"
#include "grid.h"
#include "names.h"
#include "philox.h"
#include "safetensors.h"

/* ---- Grids ----------------------------------------------------------------------------------- */

static clf_status check_limits(const clf_flow *f, int32_t d, const clf_column_grid *g) {
  if (isfinite(g->first) && isfinite(g->last) && g->first <= g->last) return CLF_OK;
  return clf__fail(CLF_EINVAL, "%s has no limits %g and %g", clf__column_label(f->columns, d).s,
                   g->first, g->last);
}

static clf_status check_grid(const clf_flow *f, int32_t d, const clf_column_grid *g) {
  if (g->step == 0) return check_limits(f, d, g);
  if (isfinite(g->first) && isfinite(g->last) && g->first <= g->last && g->step > 0 &&
      isfinite(g->step) && isfinite((g->last - g->first) / g->step) && clf__on_grid(g, g->last))
    return CLF_OK;
  return clf__fail(CLF_EINVAL, "%s has no grid from %g to %g in steps of %g",
                   clf__column_label(f->columns, d).s, g->first, g->last, g->step);
}

clf_status clf_flow_set_grid(clf_flow *f, const clf_column_grid *grid) {
  CLF_GIVEN("flow", f);
  const int32_t D = f->spec.dim;
  clf_column_grid *copy = NULL;
  int some = 0;
  for (int32_t d = 0; grid && d < D; d++) {
    CLF_TRY(check_grid(f, d, &grid[d]));
    some |= grid[d].step != 0 || clf__has_limits(&grid[d]);
  }
  if (some) {
    copy = malloc((size_t)D * sizeof *copy);
    if (!copy) return clf__fail(CLF_ENOMEM, "no memory for the grids of %d columns", (int)D);
    memcpy(copy, grid, (size_t)D * sizeof *copy);
  }
  clf__device_head_free(f); /* it has a copy */
  free(f->grid);
  f->grid = copy;
  return CLF_OK;
}

const clf_column_grid *clf_flow_grid(const clf_flow *f) { return f ? f->grid : NULL; }

int clf__flow_is_discrete(const clf_flow *f) {
  for (int32_t d = 0; f->grid && d < f->spec.dim; d++)
    if (f->grid[d].step > 0) return 1;
  return 0;
}

clf_status clf_flow_remove_limits(clf_flow *f) {
  int some = 0;
  CLF_GIVEN("flow", f);
  for (int32_t d = 0; f->grid && d < f->spec.dim; d++) {
    if (!clf__has_limits(&f->grid[d])) continue;
    f->grid[d] = (clf_column_grid){0};
    some = 1;
  }
  return some ? clf_flow_set_grid(f, f->grid) : CLF_OK;
}

/* ---- Noise ----------------------------------------------------------------------------------- */

/* Stream -2 of random_uniform(); images use -1. */
static double noise_of(uint64_t seed, int64_t row, int32_t d) {
  const clf__words w = clf__philox_at((uint32_t)d / 4, (uint64_t)row, UINT32_MAX - 1, seed);
  return clf__uniform(w.v[d % 4]) - 0.5;
}

static clf_status add_noise(const clf_flow *f, const clf_table *t, int32_t d, uint64_t seed,
                            double *out) {
  const clf_column_grid *g = &f->grid[d];
  for (int64_t i = 0; i < t->rows; i++) {
    const double x = t->at[i * t->cols + d];
    if (!clf__on_grid(g, x))
      return clf__fail(CLF_ENUM,
                       "row %lld, %s of the data is %.9g, which is not on its grid: %.9g and "
                       "multiples of %.9g from there",
                       (long long)i + 1, clf__column_label(t->names, d).s, x, g->first, g->step);
    out[i * t->cols + d] = x + g->step * noise_of(seed, i, d);
  }
  return CLF_OK;
}

clf_status clf__add_noise(const clf_flow *f, const clf_table *data, uint64_t seed, double *out) {
  memcpy(out, data->at, (size_t)data->rows * (size_t)data->cols * sizeof *out);
  for (int32_t d = 0; d < f->spec.dim; d++)
    if (f->grid[d].step != 0) CLF_TRY(add_noise(f, data, d, seed, out));
  return CLF_OK;
}

/* ---- Files ----------------------------------------------------------------------------------- */

typedef char grid_key[40];
static const char *key_of(const char *what, int32_t d, grid_key key) {
  snprintf(key, sizeof(grid_key), "clflow.grid.%s.%d", what, (int)d);
  return key;
}

clf_status clf__put_grid(clf__st_writer *w, const clf_flow *f) {
  grid_key key;
  for (int32_t d = 0; f->grid && d < f->spec.dim; d++) {
    const clf_column_grid *g = &f->grid[d];
    if (g->step == 0 && !clf__has_limits(g)) continue;
    CLF_TRY(clf__st_put_meta_real(w, key_of("step", d, key), g->step));
    CLF_TRY(clf__st_put_meta_real(w, key_of("first", d, key), g->first));
    CLF_TRY(clf__st_put_meta_real(w, key_of("last", d, key), g->last));
  }
  return CLF_OK;
}

static clf_status get_grid(const clf__st *st, int32_t D, clf_column_grid *grid) {
  grid_key key;
  for (int32_t d = 0; d < D; d++) {
    if (!clf__st_meta(st, key_of("step", d, key))) continue;
    CLF_TRY(clf__st_meta_real(st, key, &grid[d].step));
    CLF_TRY(clf__st_meta_real(st, key_of("first", d, key), &grid[d].first));
    CLF_TRY(clf__st_meta_real(st, key_of("last", d, key), &grid[d].last));
  }
  return CLF_OK;
}

clf_status clf__get_grid(const clf__st *st, clf_flow *f) {
  clf_column_grid *grid = calloc((size_t)f->spec.dim, sizeof *grid);
  if (!grid)
    return clf__fail(CLF_ENOMEM, "no memory for the grids of %d columns", (int)f->spec.dim);
  clf_status s = get_grid(st, f->spec.dim, grid);
  if (!s) s = clf_flow_set_grid(f, grid);
  free(grid);
  return s;
}
