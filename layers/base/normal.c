/* SPDX-License-Identifier: MIT */
/* normal.c: the standard normal N(0, I), which has no weights. */
#include "base.h"

static clf_status logp(const clf__base *b, const clf__pass *p, clf__base_kept *k, clf_tensor z,
                       clf_tensor logdet, clf_tensor out) {
  (void)b, (void)k;
  return clf_do(p->dev, normal_logp, .z = z, .logdet = logdet, .logp = out);
}

/* d log N(z) / dz = -z */
static clf_status backward(const clf__base *b, const clf__pass *p, clf__base_kept *k, clf_tensor z,
                           clf_tensor dz) {
  (void)b, (void)k;
  CLF_TRY(clf_do(p->dev, axpby, .x = z, .y = dz, .a = -p->dlogdet));
  return p->each.buf ? clf_do(p->dev, scale_rows, .a = p->each, .y = dz) : CLF_OK;
}

static clf_status sample(const clf__base *b, const clf__pass *p, clf__base_kept *k, uint64_t seed,
                         int64_t first, clf_tensor z) {
  (void)b, (void)k;
  return clf_do(p->dev, random_normal, .y = z, .seed_lo = (int)(uint32_t)seed,
                .seed_hi = (int)(uint32_t)(seed >> 32), .first_lo = (int)(uint32_t)first,
                .first_hi = (int)(uint32_t)((uint64_t)first >> 32));
}

const clf__base_ops clf__base_normal = {
    .name = "normal", .logp = logp, .backward = backward, .sample = sample, .standard = 1};
