/* SPDX-License-Identifier: MIT */
/* source_density.c: latents to train on against a log-density, and the gradient of a step.
 *
 * The loss is the reverse Kullback-Leibler divergence, up to log Z: the mean of log q(x) - log
 * p~(x) over x = f^-1(z), z from the base.  Its gradient is the path gradient (Roeder et al. 2017,
 * "Sticking the Landing"; Vaitl et al. 2022): that of log q(x) - log p~(x) by x, with the weights
 * of q held fixed, through the inverse to the weights, those of the base through its samples.  It
 * is 0 for each sample where q is p~ / Z.  Layers that normalise batches do so by their running
 * statistics, which stay.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "density.h"
#include "mlp_coupling.h"
#include "options.h"
#include "source.h"

typedef struct density_source {
  clf__source base;
  clf_density density;
  clf_tensor z, dx;                       /* (part, D): latents; the loss by samples */
  int64_t drawn;                          /* index of the first of these latents */
  clf_tensor g, dg;                       /* gradients of weights that are discarded */
  double *x, *logp, *logq, *dlogp, *head; /* on the host, for a micro-batch */
} density_source;

/* The stream of latents; not that of samples with the same seed, which would not be independent
 * of the training. */
static const uint64_t stream = 0x72657665727365;

static density_source *of(clf__source *s) { return (density_source *)(void *)s; }

static clf_status lay_out(clf__source *s, clf_arena *a, int32_t part) {
  density_source *d = of(s);
  const clf_flow *f = s->f;
  CLF_TRY(clf_new(a, (int32_t[4]){part, f->spec.dim}, &d->z));
  CLF_TRY(clf_new(a, (int32_t[4]){part, f->spec.dim}, &d->dx));
  CLF_TRY(clf_new(a, f->w.dim, &d->g));
  return f->d.buf ? clf_new(a, f->d.dim, &d->dg) : CLF_OK;
}

static clf_status start(clf__source *s) {
  density_source *d = of(s);
  const size_t rows = (size_t)d->z.dim[0], D = (size_t)s->f->spec.dim;
  d->x = malloc((rows * (2 * D + 2) + 2 * D) * sizeof *d->x);
  if (!d->x) return clf__fail(CLF_ENOMEM, "no memory for %zu samples", rows);
  d->dlogp = d->x + rows * D;
  d->logp = d->dlogp + rows * D;
  d->logq = d->logp + rows;
  d->head = d->logq + rows;
  return CLF_OK;
}

/* Latents are numbered over all epochs, so that each is used in one step only. */
static clf_status batch(clf__source *s, const clf__positions *at, const clf__positions *next,
                        clf_tensor *x) {
  (void)next;
  *x = clf__rows(of(s)->z, at->n);
  of(s)->drawn = at->epoch * s->rows + at->first;
  return clf__flow_draw_latents(s->f, s->o.seed ^ stream, of(s)->drawn, *x);
}

static clf_status validate(clf__source *s, double *mean) {
  (void)s;
  *mean = NAN;
  return CLF_OK;
}

static void free_source(clf__source *s) {
  for (int i = 0; i < s->f->layers; i++) clf__mlp_unfuse(&s->f->layer[i], 0);
  clf__flow_drop_workspace(s->f);
  free(of(s)->x);
  free(s);
}

static const clf__source_ops density_ops = {
    .lay_out = lay_out, .start = start, .batch = batch, .validate = validate, .free = free_source};

int clf__source_is_density(const clf__source *s) { return s->ops == &density_ops; }

/* ---- A step ---------------------------------------------------------------------------------- */

static clf_status zeroed(const clf_flow *f, int32_t n, clf_tensor *logdet) {
  *logdet = clf__rows(f->ws.logdet, n);
  return clf_do(f->dev, fill, .y = *logdet, .value = 0);
}

/* d->dx = weight d log q / dx at x, and log q on the host. */
static clf_status by_density(density_source *d, clf_tensor x, float weight) {
  clf_flow *f = d->base.f;
  const int32_t n = x.dim[0];
  const clf_tensor logp = clf__rows(f->ws.logp, n), dx = clf__rows(d->dx, n);
  clf_tensor z, logdet, by_x;
  CLF_TRY(zeroed(f, n, &logdet));
  CLF_TRY(clf__flow_forward(f, x, logdet, CLF_KEEP, &z));
  CLF_TRY(clf__flow_logp(f, z, logdet, CLF_KEEP, logp));
  CLF_TRY(clf_read64(f->dev, logp, d->logq));
  const clf_tensor dz = clf_slice(clf__rows(f->ws.dx[0], n), 1, 0, z.dim[1]);
  CLF_TRY(clf__flow_base_backward(f, z, weight, dz));
  CLF_TRY(clf__flow_backward(f, x, dz, weight, &by_x));
  return clf_do(f->dev, copy, .x = by_x, .y = dx);
}

/* The same, discarding gradients of weights. */
static clf_status by_fixed_density(density_source *d, clf_tensor x, float weight) {
  clf_flow *f = d->base.f;
  const clf_tensor g = f->g, dg = f->dg;
  CLF_TRY(clf_do(f->dev, fill, .y = d->g, .value = 0));
  if (d->dg.buf) CLF_TRY(clf_do(f->dev, fill, .y = d->dg, .value = 0));
  f->g = d->g;
  f->dg = d->dg;
  const clf_status s = by_density(d, x, weight);
  f->g = g;
  f->dg = dg;
  return s;
}

static int all_finite(const double *v, int64_t n) {
  int finite = 1;
  for (int64_t i = 0; i < n; i++) finite &= isfinite(v[i]) != 0;
  return finite;
}

/* From the units of the flow to those of the data, with log q. */
static void to_data(const density_source *d, int32_t n) {
  const clf_flow *f = d->base.f;
  for (int64_t i = 0; i < n; i++) d->logq[i] -= clf__head_inverse(f, d->x + i * f->spec.dim);
}

/* And back: the gradient of log p~ in the flow's units, minus that of the head's log-det.  The
 * head treats each column separately, so its derivatives are the gradients of the sum of its
 * values. */
static clf_status to_flow(const density_source *d, int64_t i) {
  const clf_flow *f = d->base.f;
  const int32_t D = f->spec.dim;
  double *slope = d->head, *logdet = d->head + D, *g = d->dlogp + i * D;
  const double *x = d->x + i * D;
  for (int32_t k = 0; k < D; k++) slope[k] = 1, logdet[k] = 0;
  CLF_TRY(clf__head_backward(f, x, 0, slope));
  CLF_TRY(clf__head_backward(f, x, 1, logdet));
  for (int32_t k = 0; k < D; k++) g[k] = (g[k] - logdet[k]) / slope[k];
  return CLF_OK;
}

/* Subtracts weight times the gradient of log p~, in the flow's units, from d->dx; the sum of log q
 * - log p~, NaN if a sample or its log q is not finite, which is the watchdog's. */
static clf_status by_target(density_source *d, int64_t first, clf_tensor x, float weight,
                            double *sum) {
  const clf_flow *f = d->base.f;
  const int32_t n = x.dim[0], D = d->density.dim;
  const clf_tensor to = clf__rows(f->ws.dx[0], n);
  CLF_TRY(clf_read64(f->dev, x, d->x));
  *sum = NAN;
  if (!all_finite(d->x, (int64_t)n * D) || !all_finite(d->logq, n)) return CLF_OK;
  to_data(d, n);
  CLF_TRY(clf__density_at(&d->density, d->x, first, n, 1, d->logp, d->dlogp));
  *sum = 0;
  for (int64_t i = 0; i < n; i++) *sum += d->logq[i] - d->logp[i];
  for (int64_t i = 0; i < n; i++) CLF_TRY(to_flow(d, i));
  for (int64_t i = 0; i < (int64_t)n * D; i++) d->dlogp[i] *= (double)weight;
  CLF_TRY(clf_write64(f->dev, to, d->dlogp));
  return clf_do(f->dev, axpby, .x = to, .y = clf__rows(d->dx, n), .a = -1, .b = 1);
}

clf_status clf__density_step(clf__source *s, int64_t first, clf_tensor z, clf_tensor loss,
                             float weight, int begins) {
  density_source *d = of(s);
  clf_flow *f = s->f;
  clf_tensor x, logdet, dz;
  double sum;
  CLF_TRY(zeroed(f, z.dim[0], &logdet));
  CLF_TRY(clf__flow_inverse(f, z, logdet, CLF_EVAL, &x));
  CLF_TRY(by_fixed_density(d, x, weight));
  CLF_TRY(by_target(d, first, x, weight, &sum));
  /* Readers of losses subtract them from the scaling's log-det, which log q includes already. */
  const double value = (double)weight * sum + (begins ? clf__flow_scaling_logdet(f) : 0);
  CLF_TRY(clf_write64(f->dev, loss, &value));
  if (isnan(sum)) return CLF_OK;
  CLF_TRY(clf__flow_inverse(f, z, logdet, CLF_KEEP, &x));
  CLF_TRY(clf__flow_backward_inverse(f, z, clf__rows(d->dx, z.dim[0]), 0, &dz));
  return clf__flow_draw_backward(f, s->o.seed ^ stream, d->drawn, z, dz);
}

/* ---- Making ---------------------------------------------------------------------------------- */

/* Whether the base has trained weights, so that samples depend on them, too. */
static int base_is_trained(const clf_flow *f) {
  for (int i = 0; i < f->slots.count; i++) {
    const clf__slot_entry *e = &f->slots.list[i];
    if (strncmp(e->name, "base.", 5) == 0 && e->slot->group <= CLF_DECAYED) return 1;
  }
  return 0;
}

static clf_status check_base(const clf_flow *f) {
  const clf__base *b = &f->base;
  if (!base_is_trained(f)) return CLF_OK;
  if (b->ops->sample_backward && !(b->traits & CLF_NO_SAMPLE_GRADIENT)) return CLF_OK;
  return clf__fail(
      CLF_ENOTSUP,
      "training against a log-density needs gradients through the base's samples, and "
      "%s has none for its weights; normal(trained) has, and elementwise layers change "
      "the shape of a base without weights",
      b->ops->name);
}

static clf_status check_layers(const clf_flow *f) {
  for (int i = f->head; i < f->layers; i++) {
    const clf__layer *l = &f->layer[i];
    if (!l->inverted && (!l->ops->backward_inverse || l->traits & CLF_NO_INVERSE_GRADIENT))
      return clf__fail(CLF_ENOTSUP,
                       "%s: there is no gradient through the inverse of %s, which training against "
                       "a log-density needs",
                       l->label, l->ops->name);
  }
  return CLF_OK;
}

static clf_status check(const clf_flow *f, const clf_density *d, const clf_train_options *o) {
  if (!d->log_density) return clf__fail(CLF_EINVAL, "the density has no function");
  if (d->dim != f->spec.dim)
    return clf__fail(CLF_ESHAPE, "the density has %d dimensions, the flow has %d", (int)d->dim,
                     (int)f->spec.dim);
  if (f->context)
    return clf__fail(CLF_ENOTSUP, "a flow with a context cannot be trained against a log-density");
  if (clf__flow_is_discrete(f))
    return clf__fail(CLF_ENOTSUP, "a flow with discrete columns cannot be trained against a "
                                  "log-density");
  CLF_TRY(check_base(f));
  if (o->valid_split > 0 || o->standardize)
    return clf__fail(CLF_EINVAL, "%s is for data; a log-density has none",
                     o->standardize ? "standardize" : "valid_split");
  if (o->activations == CLF_ACTIVATIONS_REVERSE)
    return clf__fail(CLF_EINVAL,
                     "activations is 1 (reverse); training against a log-density stores "
                     "them");
  return check_layers(f);
}

clf_status clf__source_of_density(clf_flow *f, const clf_density *density,
                                  const clf_train_options *o, clf__source **out) {
  CLF_TRY(check(f, density, o));
  density_source *d = calloc(1, sizeof *d);
  if (!d) return clf__fail(CLF_ENOMEM, "no memory for a source of samples");
  const int64_t rows = clf__option_whole(o, CLF_OPTION_samples);
  d->base = (clf__source){.ops = &density_ops, .f = f, .o = *o};
  d->base.rows = rows ? rows : 100 * (int64_t)o->batch;
  d->base.sum = density->id ^ (uint64_t)density->dim << 32;
  d->density = *density;
  for (int i = 0; i < f->layers; i++) clf__mlp_unfuse(&f->layer[i], 1);
  clf__flow_drop_workspace(f);
  *out = &d->base;
  return CLF_OK;
}
