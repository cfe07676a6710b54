/* SPDX-License-Identifier: MIT */
/* step.c: the E step: log-densities, responsibilities and moments of all rows, by operations of
 * the device, in chunks that are summed in double. */
#include <stdlib.h>
#include <string.h>
#include "em.h"

enum { ELEMENTS = 1 << 19, FEWEST = 512 }; /* elements of t in a chunk; minimum rows of one */

/* Few enough rows that a chunk stays in caches, but enough that reading its sums costs little. */
static int32_t good_chunk(const clf__gaussians_form *o, int64_t rows) {
  const int64_t good = ELEMENTS / ((int64_t)o->K * o->dim);
  const int64_t chunk = good < FEWEST ? FEWEST : good;
  return (int32_t)(chunk < rows ? chunk : rows);
}

static clf_status lay_out(clf__em *em, int weighted) {
  const clf__gaussians_form *o = &em->form;
  const int32_t rows = (int32_t)em->rows;
  clf_arena *a = &em->arena;
  CLF_TRY(clf__gaussians_room(a, rows, o->dim, 0, &em->u));
  if (weighted) CLF_TRY(clf_new(a, (int32_t[4]){rows}, &em->weights));
  CLF_TRY(clf_new(a, (int32_t[4]){1, (int32_t)clf__gaussians_size(o)}, &em->numbers));
  CLF_TRY(clf__gaussians_room(a, em->chunk, o->K, o->dim, &em->t));
  CLF_TRY(clf__gaussians_room(a, em->chunk, o->K, 0, &em->logps));
  CLF_TRY(clf__gaussians_room(a, em->chunk, o->K, 0, &em->resp));
  CLF_TRY(clf_new(a, (int32_t[4]){em->chunk}, &em->logp));
  return clf_new(a, (int32_t[4]){o->K, clf__gaussians_sums(o)}, &em->s);
}

/* Column by column, as on the device. */
static clf_status put_rows(clf__em *em, const clf__em_rows *data) {
  const size_t D = (size_t)data->dim, n = (size_t)data->rows;
  double *turned = malloc(n * D * sizeof *turned);
  if (!turned) return clf__fail(CLF_ENOMEM, "no memory for %zu rows", n);
  for (size_t i = 0; i < n; i++)
    for (size_t d = 0; d < D; d++) turned[d * n + i] = data->u[i * D + d];
  clf_tensor dense = {.buf = em->u.buf,
                      .offset = em->u.offset,
                      .dim = {(int32_t)D, (int32_t)n, 1, 1},
                      .stride = {(int32_t)n, 1, 1, 1}};
  clf_status s = clf_write64(em->dev, dense, turned);
  if (!s && data->weights) s = clf_write64(em->dev, em->weights, data->weights);
  if (!s) s = clf_sync(em->dev);
  free(turned);
  return s;
}

clf_status clf__em_open(clf__em *em, clf_device *dev, const clf__gaussians_form *form,
                        const clf__em_rows *data) {
  const size_t sums = (size_t)form->K * (size_t)clf__gaussians_sums(form);
  *em = (clf__em){.dev = dev, .form = *form, .rows = data->rows, .host_weights = data->weights};
  if (data->rows > INT32_MAX / data->dim)
    return clf__fail(CLF_ENOTSUP, "EM of %lld rows in %d dimensions: at most %d numbers fit",
                     (long long)data->rows, (int)data->dim, INT32_MAX);
  em->chunk = good_chunk(form, data->rows);
  for (int64_t i = 0; i < data->rows; i++) em->total += data->weights ? data->weights[i] : 1;
  CLF_TRY(clf_arena_init(&em->arena, dev, 0));
  CLF_TRY(lay_out(em, data->weights != NULL));
  const size_t used = em->arena.used;
  clf_arena_free(&em->arena);
  CLF_TRY(clf_arena_init(&em->arena, dev, used));
  CLF_TRY(lay_out(em, data->weights != NULL));
  em->host = malloc((sums > (size_t)em->chunk ? sums : (size_t)em->chunk) * sizeof *em->host);
  if (!em->host) return clf__fail(CLF_ENOMEM, "no memory for EM");
  return put_rows(em, data);
}

void clf__em_close(clf__em *em) {
  clf_arena_free(&em->arena);
  free(em->host);
  em->host = NULL;
}

static clf_tensor rows_of(clf_tensor t, int32_t first, int32_t n) {
  return t.buf ? clf_slice(t, 0, first, first + n) : t;
}

static clf_status step_of_chunk(clf__em *em, int32_t first, int32_t n) {
  const clf__gaussians_numbers v = clf__gaussians_in(&em->form, clf__same_for_all(em->numbers, n));
  const clf_tensor t = clf__rows(em->t, n), logps = clf__rows(em->logps, n);
  const clf_tensor resp = clf__rows(em->resp, n);
  CLF_TRY(clf_do(em->dev, gaussians_logp, .z = rows_of(em->u, first, n), .loc = v.mean,
                 .log_std = v.log_std, .lower = v.lower, .t = t, .logps = logps));
  CLF_TRY(clf_do(em->dev, mixture_combine, .logps = logps, .weights = v.logits,
                 .logp = clf__rows(em->logp, n), .resp = resp));
  return clf_do(em->dev, gaussians_moments, .t = t, .resp = resp,
                .weights = rows_of(em->weights, first, n), .s = em->s);
}

static clf_status add_chunk(clf__em *em, int64_t first, int32_t n, double *sums, double *mean) {
  const size_t count = clf__count(&em->s);
  CLF_TRY(clf_read64(em->dev, em->s, em->host));
  for (size_t i = 0; i < count; i++) sums[i] += em->host[i];
  CLF_TRY(clf_read64(em->dev, clf__rows(em->logp, n), em->host));
  for (int32_t i = 0; i < n; i++)
    *mean += em->host[i] * (em->host_weights ? em->host_weights[first + i] : 1) / em->total;
  return CLF_OK;
}

clf_status clf__em_step(clf__em *em, const double *row, double *sums, double *mean) {
  memset(sums, 0, clf__count(&em->s) * sizeof *sums);
  *mean = 0;
  CLF_TRY(clf_write64(em->dev, em->numbers, row));
  for (int64_t first = 0; first < em->rows; first += em->chunk) {
    const int32_t n = (int32_t)(em->rows - first < em->chunk ? em->rows - first : em->chunk);
    CLF_TRY(step_of_chunk(em, (int32_t)first, n));
    CLF_TRY(add_chunk(em, first, n, sums, mean));
  }
  return CLF_OK;
}
