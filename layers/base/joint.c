/* SPDX-License-Identifier: MIT */
/* joint.c: a mixture of K normals over context and latent jointly, conditioned on the context:
 * p(z given c) = p(c, z) / p(c).
 *
 * The context comes first, so the leading block of a factor L is that of the context's
 * normal.  With t = L^-1 ((c, z) - mean) and its first C elements t_c,
 *   log p(z given c) = log of the sum over k of g_k(c) N(z; k, c),
 *   log N(z; k, c) = -|t_z|^2 / 2 - D / 2 log 2 pi - log det L_zz,
 *   g(c) = the softmax over k of logits_k + log N(c; k): the gates.
 * This avoids differences of large numbers, even for very unlikely contexts. */
#include <stdlib.h>
#include "column.h"
#include "gaussians.h"

/* Tensors of clf__base_memory; those from D_LOGPS on are only for backward. */
enum {
  BOTH,     /* (n, E): context and latent */
  WHITENED, /* (n, K, E) and (n, K, C): t, and that of the context */
  OF_CONTEXT,
  LOGPS, /* (n, K) */
  GATES, /* (n, K): logits of the gates */
  RESP,  /* (n, K) */
  INDEX, /* (n) */
  NOISE, /* (n, E) */
  CDF,   /* (n, K) */
  D_LOGPS,
  D_GATES,
  D_WHITENED,
  D_OF_CONTEXT,
  D_BOTH,
  D_CONTEXT, /* (n, C) */
  MOMENTS,   /* (K, S) */
  TENSORS
};
enum { PICKS = 1 }; /* the stream that selects components */
_Static_assert((int)TENSORS <= (int)CLF_BASE_KEPT, "tensors of a base");

static const clf__gaussians_form *form_of(const clf__base *b) {
  const clf__slot *row;
  return clf__gaussians_form_of(b, &row);
}

/* The form of the normals of the context. */
static clf__gaussians_form form_of_context(const clf__base *b) {
  clf__gaussians_form o = *form_of(b);
  const int32_t C = b->context;
  o.alone = 1;
  o.dim = C;
  if (o.diagonal > 1) o.diagonal = C;
  if (o.below) o.below = C * (C - 1) / 2;
  return o;
}

/* The parameters of the context's normals, as views of all; empty ones have no buffer. */
static clf__gaussians_numbers leading(const clf__base *b, clf__gaussians_numbers v) {
  const clf__gaussians_form c = form_of_context(b);
  v.mean = clf_slice(v.mean, 2, 0, c.dim);
  v.log_std = clf_slice(v.log_std, 2, 0, c.diagonal);
  v.lower = c.below ? clf_slice(v.lower, 2, 0, c.below) : (clf_tensor){0};
  return v;
}

static clf__gaussians_numbers numbers_of(const clf__base *b, const clf__pass *p, int32_t n) {
  const clf__slot *row;
  const clf__gaussians_form *o = clf__gaussians_form_of(b, &row);
  return clf__gaussians_in(o, clf__same_for_all(clf__weight(p, row), n));
}

static clf_status plan(const clf__base *b, int32_t rows, int train, clf_arena *a,
                       clf__base_memory *k) {
  const clf__gaussians_form *o = form_of(b), c = form_of_context(b);
  const int32_t each[4] = {rows, o->K}, both[4] = {rows, o->dim};
  CLF_TRY(clf_new(a, both, &k->t[BOTH]));
  CLF_TRY(clf__gaussians_room(a, rows, o->K, o->dim, &k->t[WHITENED]));
  CLF_TRY(clf__gaussians_room(a, rows, o->K, c.dim, &k->t[OF_CONTEXT]));
  CLF_TRY(clf__gaussians_room(a, rows, o->K, 0, &k->t[LOGPS]));
  CLF_TRY(clf__gaussians_room(a, rows, o->K, 0, &k->t[GATES]));
  CLF_TRY(clf__gaussians_room(a, rows, o->K, 0, &k->t[RESP]));
  CLF_TRY(clf_new(a, (int32_t[4]){rows}, &k->t[INDEX]));
  CLF_TRY(clf_new(a, both, &k->t[NOISE]));
  CLF_TRY(clf_new(a, each, &k->t[CDF]));
  if (!train) return CLF_OK;
  CLF_TRY(clf__gaussians_room(a, rows, o->K, 0, &k->t[D_LOGPS]));
  CLF_TRY(clf__gaussians_room(a, rows, o->K, 0, &k->t[D_GATES]));
  CLF_TRY(clf__gaussians_room(a, rows, o->K, o->dim, &k->t[D_WHITENED]));
  CLF_TRY(clf__gaussians_room(a, rows, o->K, c.dim, &k->t[D_OF_CONTEXT]));
  CLF_TRY(clf_new(a, (int32_t[4]){o->K, clf__gaussians_sums(o)}, &k->t[MOMENTS]));
  CLF_TRY(clf_new(a, both, &k->t[D_BOTH]));
  return clf_new(a, (int32_t[4]){rows, c.dim}, &k->t[D_CONTEXT]);
}

/* The first C columns, or the others. */
static clf_tensor context_of(const clf__base *b, clf_tensor both) {
  return clf_slice(both, 1, 0, b->context);
}
static clf_tensor latent_of(const clf__base *b, clf_tensor both) {
  return clf_slice(both, 1, b->context, b->context + b->dim);
}

static clf_status put(const clf__pass *p, clf_tensor x, clf_tensor y) {
  return clf_do(p->dev, axpby, .x = x, .y = y, .a = 1);
}
static clf_status add(const clf__pass *p, clf_tensor x, clf_tensor y) {
  return clf_do(p->dev, axpby, .x = x, .y = y, .a = 1, .b = 1);
}

/* The logits of the gates, and t of the context. */
static clf_status find_gates(const clf__base *b, const clf__pass *p, clf__base_memory *k,
                             clf__gaussians_numbers v, int32_t n) {
  const clf__gaussians_numbers c = leading(b, v);
  const clf_tensor gates = clf__rows(k->t[GATES], n);
  CLF_TRY(clf_do(p->dev, gaussians_logp, .z = p->c, .loc = c.mean, .log_std = c.log_std,
                 .lower = c.lower, .t = clf__rows(k->t[OF_CONTEXT], n), .logps = gates));
  return add(p, v.logits, gates);
}

static clf_status logp(const clf__base *b, const clf__pass *p, clf__base_memory *k, clf_tensor z,
                       clf_tensor logdet, clf_tensor out) {
  const int32_t n = z.dim[0];
  const clf__gaussians_numbers v = numbers_of(b, p, n);
  const clf_tensor both = clf__rows(k->t[BOTH], n), logps = clf__rows(k->t[LOGPS], n);
  CLF_TRY(find_gates(b, p, k, v, n));
  CLF_TRY(put(p, p->c, context_of(b, both)));
  CLF_TRY(put(p, z, latent_of(b, both)));
  CLF_TRY(clf_do(p->dev, gaussians_logp, .z = both, .loc = v.mean, .log_std = v.log_std,
                 .lower = v.lower, .t = clf__rows(k->t[WHITENED], n), .logps = logps,
                 .first = b->context));
  return clf_do(p->dev, mixture_combine, .logps = logps, .weights = clf__rows(k->t[GATES], n),
                .logdet = logdet, .logp = out, .resp = clf__rows(k->t[RESP], n));
}

/* Gradients by the parameters; the context's normals are leading blocks. */
static clf_status gradients(const clf__base *b, const clf__pass *p, clf__base_memory *k,
                            clf__gaussians_numbers v, int32_t n) {
  const clf__slot *row;
  const clf__gaussians_form *o = clf__gaussians_form_of(b, &row), of_context = form_of_context(b);
  const clf_tensor g = clf__gradient_row(p, row), dgates = clf__rows(k->t[D_GATES], n);
  if (!g.buf) return CLF_OK;
  const clf__gaussians_numbers d = clf__gaussians_in(o, g);
  CLF_TRY(clf_do(p->dev, sum_rows, .x = dgates, .y = clf__vector(g, 0, o->K, 1), .beta = 1));
  CLF_TRY(clf__gaussians_gradients(p, d, v, clf__rows(k->t[WHITENED], n),
                                   clf__rows(k->t[D_LOGPS], n), k->t[MOMENTS], b->context));
  const clf_tensor moments = clf_slice(k->t[MOMENTS], 1, 0, clf__gaussians_sums(&of_context));
  return clf__gaussians_gradients(p, leading(b, d), leading(b, v), clf__rows(k->t[OF_CONTEXT], n),
                                  dgates, moments, 0);
}

static clf_status backward(const clf__base *b, const clf__pass *p, clf__base_memory *k,
                           clf_tensor z, clf_tensor dz) {
  const int32_t n = z.dim[0];
  const clf__gaussians_numbers v = numbers_of(b, p, n), c = leading(b, v);
  const clf_tensor dlogps = clf__rows(k->t[D_LOGPS], n), dgates = clf__rows(k->t[D_GATES], n);
  const clf_tensor both = clf__rows(k->t[D_BOTH], n), context = clf__rows(k->t[D_CONTEXT], n);
  CLF_TRY(clf_do(p->dev, mixture_bwd, .resp = clf__rows(k->t[RESP], n),
                 .weights = clf__rows(k->t[GATES], n), .dl = p->each, .dlogps = dlogps,
                 .dweights = dgates, .dlogdet = p->dlogdet));
  CLF_TRY(clf_do(p->dev, gaussians_bwd, .t = clf__rows(k->t[WHITENED], n), .log_std = v.log_std,
                 .lower = v.lower, .dlogps = dlogps, .dz = both,
                 .dloc = clf__rows(k->t[D_WHITENED], n), .first = b->context));
  CLF_TRY(clf_do(p->dev, gaussians_bwd, .t = clf__rows(k->t[OF_CONTEXT], n), .log_std = c.log_std,
                 .lower = c.lower, .dlogps = dgates, .dz = context,
                 .dloc = clf__rows(k->t[D_OF_CONTEXT], n)));
  CLF_TRY(put(p, latent_of(b, both), dz));
  if (p->dc.buf) {
    CLF_TRY(add(p, context_of(b, both), p->dc));
    CLF_TRY(add(p, context, p->dc));
  }
  return gradients(b, p, k, v, n);
}

/* Selects a component by its gate; then (c, z) = mean + L (t_c, e), whose first part is c
 * itself. */
static clf_status sample(const clf__base *b, const clf__pass *p, clf__base_memory *k, uint64_t seed,
                         int64_t first, clf_tensor z) {
  const int32_t n = z.dim[0];
  const clf__gaussians_numbers v = numbers_of(b, p, n);
  const clf_tensor index = clf__rows(k->t[INDEX], n), e = clf__rows(k->t[NOISE], n);
  const clf_tensor cdf = clf__rows(k->t[CDF], n), both = clf__rows(k->t[BOTH], n);
  CLF_TRY(find_gates(b, p, k, v, n));
  CLF_TRY(clf_do(p->dev, mixture_cdf, .weights = clf__rows(k->t[GATES], n), .cdf = cdf));
  CLF_TRY(clf_do(p->dev, mixture_pick, .cdf = cdf, .index = index, .stream = PICKS,
                 CLF_STREAM(seed, first)));
  CLF_TRY(clf_do(p->dev, mixture_select, .x = clf__rows(k->t[OF_CONTEXT], n), .index = index,
                 .y = context_of(b, e)));
  CLF_TRY(clf__base_noise(p, 0, seed, first, latent_of(b, e)));
  CLF_TRY(clf_do(p->dev, gaussians_place, .e = e, .index = index, .loc = v.mean,
                 .log_std = v.log_std, .lower = v.lower, .z = both));
  return put(p, latent_of(b, both), z);
}

const clf__base_ops clf__base_joint = {.name = "mixture",
                                       .unmake = clf__gaussians_unmake,
                                       .init = clf__gaussians_init,
                                       .plan = plan,
                                       .logp = logp,
                                       .backward = CLF_TRAINS(backward),
                                       .sample = sample};
