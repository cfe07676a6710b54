/* SPDX-License-Identifier: MIT */
/* gaussians.c: mixtures of K normals with trained weights, means and factors of covariances.
 *
 * All parameters form one row: K logits, K D means, K S logarithms of the diagonals of the factors
 * (S = 1 for spherical ones), and K D (D - 1) / 2 numbers below the diagonals, for full
 * covariances. */
#include "gaussians.h"
#include <stdlib.h>
#include "column.h"

/* Tensors of clf__base_memory; those from D_LOGPS on are only for backward. */
enum {
  WHITENED,
  LOGPS,
  RESP,
  INDEX,
  NOISE,
  CDF,
  D_LOGPS,
  D_LOGITS,
  MOMENTS,
  D_WHITENED,
  D_NUMBERS
};
enum { PICKS = 1 }; /* the stream that selects components */

typedef struct gaussians {
  clf__gaussians_form form;
  clf__slot numbers; /* (1, P) */
  clf__slot logits, mean, log_std, lower;
} gaussians;

static gaussians *own_of(const clf__base *b) { return b->own; }

const clf__gaussians_form *clf__gaussians_form_of(const clf__base *b, const clf__slot **row) {
  if (b->ops->unmake != clf__gaussians_unmake) return NULL;
  *row = &own_of(b)->numbers;
  return &own_of(b)->form;
}

/* A single normal has no component axis. */
static void add_view(gaussians *o, clf__slots *slots, clf__slot *part, int64_t at, int32_t size,
                     const char *path, const char *name) {
  const int32_t dim[2] = {o->form.K, size}, stride[2] = {size, 1};
  const int alone = o->form.alone;
  clf__slots_view(slots, part, &o->numbers, at, 2 - alone, dim + alone, stride + alone, "%s.%s",
                  path, name);
}

static clf_status check_size(const clf__base *b, int32_t dim, int64_t K, int64_t below) {
  const int64_t all = K * (2 * (int64_t)dim + 1 + below);
  if (all <= INT32_MAX) return CLF_OK;
  return clf__fail(CLF_EINVAL, "%s: %lld numbers in %d dimensions; at most %d are possible",
                   b->ops->name, (long long)all, (int)dim, INT32_MAX);
}

clf_status clf__gaussians_make(clf__base *b, clf__slots *slots, const char *path, int32_t dim,
                               int32_t count, int cov) {
  const int64_t D = dim, below = cov == CLF__COV_FULL ? D * (D - 1) / 2 : 0;
  const int32_t K = count ? count : 1;
  CLF_TRY(check_size(b, dim, K, below));
  gaussians *o = b->own = calloc(1, sizeof *o);
  if (!o) return clf__fail(CLF_ENOMEM, "no memory for a base");
  const clf__gaussians_form *form = &o->form;
  o->form = (clf__gaussians_form){.alone = !count,
                                  .K = K,
                                  .dim = dim,
                                  .diagonal = cov == CLF__COV_SPHERICAL ? 1 : dim,
                                  .below = (int32_t)below};
  const int32_t shape[2] = {1, (int32_t)clf__gaussians_size(form)};
  clf__slots_add(slots, &o->numbers, CLF_PLAIN, 0, 0, 2, shape, NULL);
  if (count)
    clf__slots_view(slots, &o->logits, &o->numbers, 0, 1, &K, (int32_t[1]){1}, "%s.logits", path);
  if (count) b->traits |= CLF_NO_SAMPLE_GRADIENT; /* selecting a component is not differentiable */
  add_view(o, slots, &o->mean, clf__gaussians_means(form), dim, path, "mean");
  add_view(o, slots, &o->log_std, clf__gaussians_stds(form), form->diagonal, path, "log_std");
  if (below) add_view(o, slots, &o->lower, clf__gaussians_lower(form), form->below, path, "lower");
  return CLF_OK;
}

void clf__gaussians_unmake(clf__base *b) {
  free(b->own);
  b->own = NULL;
}

/* Means start at random, from N(0, I) as in normflows: equal components would remain equal. */
void clf__gaussians_init(const clf__base *b, clf__host_random *r, double *w) {
  const gaussians *o = own_of(b);
  for (int64_t i = 0; !o->form.alone && i < (int64_t)o->form.K * o->form.dim; i++)
    w[o->mean.at + i] = clf__host_normal(r);
}

clf_status clf__gaussians_plan(const clf__base *b, int32_t rows, int train, clf_arena *a,
                               clf__base_memory *k) {
  const gaussians *o = own_of(b);
  const int32_t K = o->form.K;
  CLF_TRY(clf__gaussians_room(a, rows, K, b->dim, &k->t[WHITENED]));
  CLF_TRY(clf__gaussians_room(a, rows, K, 0, &k->t[LOGPS]));
  CLF_TRY(clf__gaussians_room(a, rows, K, 0, &k->t[RESP]));
  CLF_TRY(clf_new(a, (int32_t[4]){rows}, &k->t[INDEX]));
  CLF_TRY(clf_new(a, (int32_t[4]){rows, b->dim}, &k->t[NOISE]));
  CLF_TRY(clf_new(a, (int32_t[4]){1, K}, &k->t[CDF]));
  if (!train) return CLF_OK;
  CLF_TRY(clf__gaussians_room(a, rows, K, 0, &k->t[D_LOGPS]));
  CLF_TRY(clf__gaussians_room(a, rows, K, 0, &k->t[D_LOGITS]));
  CLF_TRY(clf__gaussians_room(a, rows, K, b->dim, &k->t[D_WHITENED]));
  CLF_TRY(clf_new(a, (int32_t[4]){K, clf__gaussians_sums(&o->form)}, &k->t[MOMENTS]));
  return o->form.alone ? clf_new(a, (int32_t[4]){rows, o->numbers.dim[1]}, &k->t[D_NUMBERS])
                       : CLF_OK;
}

clf_status clf__gaussians_room(clf_arena *a, int32_t rows, int32_t K, int32_t D, clf_tensor *t) {
  const int32_t each = D ? D : 1;
  clf_tensor m;
  CLF_TRY(clf_new(a, (int32_t[4]){K, each, rows}, &m));
  *t = (clf_tensor){.buf = m.buf,
                    .offset = m.offset,
                    .dim = {rows, K, each, 1},
                    .stride = {1, each * rows, rows, 1}};
  return CLF_OK;
}

/* ---- Rows of parameters ---------------------------------------------------------------------- */

/* K vectors of `size` elements in each row of u, from `at` on; without a buffer if size is 0. */
static clf_tensor view(clf_tensor u, int64_t at, int32_t K, int32_t size) {
  if (!u.buf || !size) return (clf_tensor){0};
  return (clf_tensor){.buf = u.buf,
                      .offset = u.offset + (int32_t)at * u.stride[1],
                      .dim = {u.dim[0], K, size, 1},
                      .stride = {u.stride[0], size * u.stride[1], u.stride[1], 1}};
}

clf__gaussians_numbers clf__gaussians_in(const clf__gaussians_form *o, clf_tensor rows) {
  clf__gaussians_numbers v = {{0},
                              view(rows, clf__gaussians_means(o), o->K, o->dim),
                              view(rows, clf__gaussians_stds(o), o->K, o->diagonal),
                              view(rows, clf__gaussians_lower(o), o->K, o->below)};
  if (!o->alone) v.logits = clf_slice(rows, 1, 0, o->K);
  return v;
}
static clf__gaussians_numbers numbers_in(const clf__base *b, clf_tensor u) {
  return clf__gaussians_in(&own_of(b)->form, u);
}
static clf__gaussians_numbers numbers_of(const clf__base *b, const clf__pass *p, int32_t n) {
  return numbers_in(b, clf__same_for_all(clf__weight(p, &own_of(b)->numbers), n));
}

/* ---- Passes ---------------------------------------------------------------------------------- */

clf_status clf__gaussians_logp(const clf__base *b, const clf__pass *p, clf__base_memory *k,
                               clf_tensor z, clf_tensor logdet, clf_tensor logp) {
  const int32_t n = z.dim[0];
  const clf__gaussians_numbers v = numbers_of(b, p, n);
  const clf_tensor logps = clf__rows(k->t[LOGPS], n);
  CLF_TRY(clf_do(p->dev, gaussians_logp, .z = z, .loc = v.mean, .log_std = v.log_std,
                 .lower = v.lower, .t = clf__rows(k->t[WHITENED], n), .logps = logps));
  return clf_do(p->dev, mixture_combine, .logps = logps, .weights = v.logits, .logdet = logdet,
                .logp = logp, .resp = clf__rows(k->t[RESP], n));
}

clf_status clf__gaussians_backward(const clf__base *b, const clf__pass *p, clf__base_memory *k,
                                   clf_tensor z, clf_tensor dz) {
  const int32_t n = z.dim[0];
  const gaussians *o = own_of(b);
  const clf__gaussians_numbers v = numbers_of(b, p, n);
  const clf_tensor t = clf__rows(k->t[WHITENED], n), dlogps = clf__rows(k->t[D_LOGPS], n);
  const clf_tensor dlogits = clf__rows(k->t[D_LOGITS], n);
  CLF_TRY(clf_do(p->dev, mixture_bwd, .resp = clf__rows(k->t[RESP], n), .weights = v.logits,
                 .dl = p->each, .dlogps = dlogps, .dweights = dlogits, .dlogdet = p->dlogdet));
  CLF_TRY(clf_do(p->dev, gaussians_bwd, .t = t, .log_std = v.log_std, .lower = v.lower,
                 .dlogps = dlogps, .dz = dz, .dloc = clf__rows(k->t[D_WHITENED], n)));
  if (!o->form.alone) CLF_TRY(clf__sum_for_all(p, dlogits, &o->logits));
  return clf__gaussians_gradients(p, numbers_in(b, clf__gradient_row(p, &o->numbers)), v, t, dlogps,
                                  k->t[MOMENTS], 0);
}

clf_tensor clf__gradient_row(const clf__pass *p, const clf__slot *row) {
  return clf__same_for_all(clf__gradient(p, row), 1);
}

clf_status clf__gaussians_gradients(const clf__pass *p, clf__gaussians_numbers d,
                                    clf__gaussians_numbers v, clf_tensor t, clf_tensor dlogps,
                                    clf_tensor moments, int32_t first) {
  if (!d.mean.buf) return CLF_OK;
  CLF_TRY(clf_do(p->dev, gaussians_moments, .t = t, .resp = dlogps, .s = moments));
  const clf_tensor lower = v.lower.buf ? clf__rows(v.lower, 1) : v.lower;
  return clf_do(p->dev, gaussians_gradients, .s = moments, .log_std = clf__rows(v.log_std, 1),
                .lower = lower, .dloc = d.mean, .dlog_std = d.log_std, .dlower = d.lower,
                .first = first);
}

/* Selects components by a uniform number, then draws from the normal of the component. */
clf_status clf__gaussians_sample(const clf__base *b, const clf__pass *p, clf__base_memory *k,
                                 uint64_t seed, int64_t first, clf_tensor z) {
  const int32_t n = z.dim[0];
  const clf__gaussians_numbers v = numbers_of(b, p, n);
  clf_tensor index = {0};
  if (v.logits.buf) {
    index = clf__rows(k->t[INDEX], n);
    CLF_TRY(clf_do(p->dev, mixture_cdf, .weights = clf__rows(v.logits, 1), .cdf = k->t[CDF]));
    CLF_TRY(clf_do(p->dev, mixture_pick, .cdf = clf__same_for_all(k->t[CDF], n), .index = index,
                   .stream = PICKS, CLF_STREAM(seed, first)));
  }
  const clf_tensor e = clf__rows(k->t[NOISE], n);
  CLF_TRY(clf__base_noise(p, 0, seed, first, e));
  return clf_do(p->dev, gaussians_place, .e = e, .index = index, .loc = v.mean,
                .log_std = v.log_std, .lower = v.lower, .z = z);
}

/* z = mean + L e, for a single normal. */
clf_status clf__gaussians_sample_backward(const clf__base *b, const clf__pass *p,
                                          clf__base_memory *k, uint64_t seed, int64_t first,
                                          clf_tensor z, clf_tensor dz) {
  const int32_t n = z.dim[0];
  const clf__gaussians_numbers v = numbers_of(b, p, n),
                               d = numbers_in(b, clf__rows(k->t[D_NUMBERS], n));
  const clf_tensor e = clf__rows(k->t[NOISE], n);
  CLF_TRY(clf_do(p->dev, random_normal, .y = e, CLF_STREAM(seed, first)));
  CLF_TRY(clf_do(p->dev, gaussians_place_bwd, .e = e, .log_std = v.log_std, .dz = dz,
                 .dloc = d.mean, .dlog_std = d.log_std, .dlower = d.lower));
  return clf__sum_for_all(p, clf__rows(k->t[D_NUMBERS], n), &own_of(b)->numbers);
}
