/* SPDX-License-Identifier: MIT */
/* normal.c: normal distributions: N(0, I), which has no weights; with a trained diagonal, or one
 * from a net of the context; with full covariance. */
#include "column.h"
#include "gaussians.h"

static clf_status logp(const clf__base *b, const clf__pass *p, clf__base_memory *k, clf_tensor z,
                       clf_tensor logdet, clf_tensor out) {
  (void)b, (void)k;
  return clf_do(p->dev, normal_logp, .z = z, .logdet = logdet, .logp = out);
}

/* d log N(z) / dz = -z */
static clf_status backward(const clf__base *b, const clf__pass *p, clf__base_memory *k,
                           clf_tensor z, clf_tensor dz) {
  (void)b, (void)k;
  CLF_TRY(clf_do(p->dev, axpby, .x = z, .y = dz, .a = -p->dlogdet));
  return p->each.buf ? clf_do(p->dev, scale_rows, .a = p->each, .y = dz) : CLF_OK;
}

static clf_status sample(const clf__base *b, const clf__pass *p, clf__base_memory *k, uint64_t seed,
                         int64_t first, clf_tensor z) {
  (void)b, (void)k;
  return clf__base_noise(p, 0, seed, first, z);
}

/* ---- With parameters ------------------------------------------------------------------------- */

static clf_status make_diagonal(clf__base *b, clf__slots *slots, const char *path) {
  const clf__arch_normal *a = (const clf__arch_normal *)b->node;
  const clf__column_setup s = {.kind = CLF_COLUMN_normal,
                               .source = a->net ? CLF_COLUMN_OF_NET : CLF_COLUMN_TRAINED,
                               .loc = "mean",
                               .log_scale = "log_std",
                               .net = a->net};
  return clf__column_make(b, slots, path, &s);
}
static const clf__base_ops diagonal = {.name = "normal", .make = make_diagonal, CLF_COLUMN_BASE};

static clf_status make_full(clf__base *b, clf__slots *slots, const char *path) {
  const clf__arch_normal *a = (const clf__arch_normal *)b->node;
  return clf__gaussians_make(b, slots, path, b->dim, 0, a->cov);
}
static const clf__base_ops full = {.name = "normal", .make = make_full, CLF_GAUSSIANS_BASE};

/* Flows of the presets with a kind have no node. */
static clf_status make(clf__base *b, clf__slots *slots, const char *path) {
  const clf__arch_normal *a = (const clf__arch_normal *)b->node;
  if (!a || (!a->trained && !a->net)) return CLF_OK;
  b->ops = a->cov == CLF__COV_DIAG ? &diagonal : &full;
  return b->ops->make(b, slots, path);
}

const clf__base_ops clf__base_normal = {.name = "normal",
                                        .make = make,
                                        .logp = logp,
                                        .backward = CLF_TRAINS(backward),
                                        .sample = sample,
                                        .standard = 1};
