/* SPDX-License-Identifier: MIT */
/* unit_norm.c: normalisations of the units inside a net.
 *
 * Training normalises a batch by its own mean and variance (divisor n) and updates the running
 * ones, the variance with the divisor n - 1; otherwise the running ones are used: PyTorch's
 * BatchNorm1d with the eps of nflows.  Layer normalisation is that of zuko, with the divisor D -
 * 1. */
#include "unit_norm.h"

static const float batch_eps = 1e-3f, layer_eps = 1e-5f;
static const double usual_share =
    0.1; /* weight of a batch in the running statistics: PyTorch's default */

void clf__unit_norm_add(clf__slots *slots, clf__unit_norm *norm, int32_t units, const char *name) {
  clf__slots_add(slots, &norm->weight, CLF_PLAIN, 1, 0, 1, &units, "%s.weight", name);
  clf__slots_add(slots, &norm->bias, CLF_PLAIN, 0, 0, 1, &units, "%s.bias", name);
  clf__slots_add(slots, &norm->mean, CLF_STATE, 0, 0, 1, &units, "%s.running_mean", name);
  clf__slots_add(slots, &norm->var, CLF_STATE, 1, 0, 1, &units, "%s.running_var", name);
}

static clf_status move(const clf__pass *p, clf_tensor batch, double scale, clf_tensor running) {
  const double share = p->momentum > 0 ? p->momentum : usual_share;
  return clf_do(p->dev, axpby, .x = batch, .y = running, .a = (float)(share * scale),
                .b = (float)(1 - share));
}

/* Mean and variance that this pass uses. */
typedef struct statistics {
  clf_tensor mean, var;
  int batch; /* 1: the batch's own */
} statistics;

static statistics statistics_of(const clf__pass *p, const clf__unit_norm *norm,
                                const clf__unit_norm_memory *k) {
  if (p->mode != CLF_TRAIN)
    return (statistics){clf__weight(p, &norm->mean), clf__weight(p, &norm->var), 0};
  const int32_t units = norm->mean.dim[0];
  return (statistics){clf_slice(k->stats, 0, 0, units), clf_slice(k->stats, 0, units, 2 * units),
                      1};
}

static clf_status measure(const clf__pass *p, const clf__unit_norm *norm, statistics s,
                          clf_tensor x) {
  const double n = x.dim[0];
  CLF_TRY(clf_do(p->dev, bn_stats, .x = x, .mean = s.mean, .var = s.var));
  CLF_TRY(move(p, s.mean, 1, clf__weight(p, &norm->mean)));
  return move(p, s.var, n > 1 ? n / (n - 1) : 1, clf__weight(p, &norm->var));
}

clf_status clf__unit_norm_forward(const clf__pass *p, const clf__unit_norm *norm,
                                  clf__norm_kind kind, const clf__unit_norm_memory *k, clf_tensor x,
                                  clf_tensor *y) {
  const clf_tensor h = clf__rows(k->h, x.dim[0]);
  *y = h;
  if (kind == CLF_LAYER_NORM)
    return clf_do(p->dev, layernorm_fwd, .x = x, .y = h, .eps = layer_eps, .ddof = 1);
  const statistics s = statistics_of(p, norm, k);
  *y = clf__rows(k->y, x.dim[0]);
  if (s.batch && !p->recompute) CLF_TRY(measure(p, norm, s, x));
  CLF_TRY(clf_do(p->dev, bn_fwd, .x = x, .mean = s.mean, .var = s.var, .y = h, .eps = batch_eps));
  return clf_do(p->dev, gain_fwd, .x = h, .gain = clf__weight(p, &norm->weight),
                .bias = clf__weight(p, &norm->bias), .y = *y);
}

clf_status clf__unit_norm_backward(const clf__pass *p, const clf__unit_norm *norm,
                                   clf__norm_kind kind, const clf__unit_norm_memory *k,
                                   clf_tensor x, clf_tensor dy, clf_tensor spare, float add,
                                   clf_tensor dx) {
  if (kind == CLF_LAYER_NORM)
    return clf_do(p->dev, layernorm_bwd, .x = x, .dy = dy, .dx = dx, .eps = layer_eps, .ddof = 1);
  const statistics s = statistics_of(p, norm, k);
  CLF_TRY(clf_do(p->dev, gain_bwd, .x = clf__rows(k->h, x.dim[0]),
                 .gain = clf__weight(p, &norm->weight), .dy = dy, .dx = spare,
                 .dgain = clf__gradient(p, &norm->weight), .dbias = clf__gradient(p, &norm->bias)));
  return clf_do(p->dev, bn_bwd, .x = x, .mean = s.mean, .var = s.var, .dy = spare, .dx = dx,
                .eps = batch_eps, .batch = (float)s.batch, .add = add);
}
