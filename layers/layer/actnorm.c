/* SPDX-License-Identifier: MIT */
/* actnorm.c: y = exp(log_scale) x + shift for each dimension, or channel of an image;
 * initialised from the first batch so that its output has mean 0 and variance 1 (Kingma and
 * Dhariwal 2018, section 3.1; nflows' ActNorm). */
#include <stdlib.h>
#include "channel_affine.h"

typedef struct actnorm {
  clf__channel_affine affine; /* first: see clf__affine_layer_forward() */
  clf__slot fitted;           /* 1 after initialisation by a batch */
  clf__slot mean, var;        /* memory for the statistics of the first batch */
} actnorm;

static clf_status make(clf__layer *l, clf__slots *slots, const char *path) {
  const int32_t C = clf__channels(l), one = 1;
  actnorm *a = l->own = calloc(1, sizeof *a);
  if (!a) return clf__fail(CLF_ENOMEM, "no memory for %s", l->label);
  clf__slots_add(slots, &a->affine.scale, CLF_PLAIN, 0, 0, 1, &C, "%s.log_scale", path);
  clf__slots_add(slots, &a->affine.shift, CLF_PLAIN, 0, 0, 1, &C, "%s.shift", path);
  clf__slots_add(slots, &a->fitted, CLF_STATE, 0, 0, 1, &one, "%s.fitted", path);
  clf__slots_add(slots, &a->mean, CLF_DERIVED, 0, 0, 1, &C, NULL);
  clf__slots_add(slots, &a->var, CLF_DERIVED, 0, 0, 1, &C, NULL);
  return CLF_OK;
}

/* log_scale = -log of the unbiased standard deviation, or 0 if a channel is constant to
 * rounding; shift = -mean exp(log_scale).  `mean` and `var` are those of bn_stats. */
static void decide(int32_t C, double count, double *mean, double *var) {
  const double unbiased = count > 1 ? count / (count - 1) : 1;
  for (int32_t c = 0; c < C; c++) {
    const double std = sqrt(var[c] * unbiased);
    const int varies = std > 1e-6 * (1 + fabs(mean[c]));
    var[c] = varies ? -log(std) : 0;
    mean[c] *= -exp(var[c]);
  }
}

static clf_status fit(const clf__layer *l, const clf__pass *p, clf__layer_memory *k, clf_tensor x) {
  const actnorm *a = l->own;
  const int32_t C = clf__channels(l);
  const double count = (double)x.dim[0] * clf__pixels(l), one = 1;
  double fitted;
  (void)k;
  CLF_TRY(clf_read64(p->dev, clf__weight(p, &a->fitted), &fitted));
  if (fitted != 0) return CLF_OK;
  CLF_TRY(clf_do(p->dev, bn_stats, .x = clf__by_channel(l, x), .mean = clf__weight(p, &a->mean),
                 .var = clf__weight(p, &a->var)));
  double *mean = malloc(2 * (size_t)C * sizeof *mean);
  if (!mean) return clf__fail(CLF_ENOMEM, "no memory for the statistics of %d channels", (int)C);
  double *const var = mean + C;
  clf_status s = clf_read64(p->dev, clf__weight(p, &a->mean), mean);
  if (!s) s = clf_read64(p->dev, clf__weight(p, &a->var), var);
  if (!s) decide(C, count, mean, var);
  if (!s) s = clf_write64(p->dev, clf__weight(p, &a->affine.scale), var);
  if (!s) s = clf_write64(p->dev, clf__weight(p, &a->affine.shift), mean);
  if (!s) s = clf_write64(p->dev, clf__weight(p, &a->fitted), &one);
  free(mean);
  return s;
}

const clf__layer_ops clf__layer_actnorm = {
    .name = "actnorm",
    .make = make,
    .unmake = clf__layer_free_own,
    .fit = CLF_TRAINS(fit),
    .forward = clf__affine_layer_forward,
    .inverse = clf__affine_layer_inverse,
    .backward = CLF_TRAINS(clf__affine_layer_backward),
    .backward_inverse = CLF_TRAINS(clf__affine_layer_backward_inverse),
    .traits = CLF_FIXED_VOLUME,
};
