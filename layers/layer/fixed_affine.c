/* SPDX-License-Identifier: MIT */
/* fixed_affine.c: affine layers without trained parameters: standardize, y = (x - mean) / std,
 * and shift-scale, y = scale x + shift, whose numbers are in the architecture. */
#include <stdlib.h>
#include "arch_private.h"
#include "channel_affine.h"

static clf__channel_affine *new_affine(clf__layer *l) {
  clf__channel_affine *a = l->own = calloc(1, sizeof *a);
  if (!a) {
    clf__fail(CLF_ENOMEM, "no memory for %s", l->label);
    return NULL;
  }
  a->kind = CLF_FACTOR_PARAMETER;
  a->fixed = 1;
  return a;
}

/* ---- shift-scale ----------------------------------------------------------------------------- */

static const clf__arch_shift_scale *shift_scale_of(const clf__layer *l) {
  return (const clf__arch_shift_scale *)l->node;
}

/* A single number, or one for each channel. */
static clf_status check_count(const clf__layer *l, const char *name, clf__reals r) {
  if (r.n == 1 || r.n == clf__channels(l)) return CLF_OK;
  return clf__fail(CLF_EINVAL, "%s: %s has %d numbers; it takes 1 or %d", l->label, name, (int)r.n,
                   (int)clf__channels(l));
}
static double number(clf__reals r, int32_t c) { return r.at[r.n == 1 ? 0 : c]; }

static clf_status make_shift_scale(clf__layer *l, clf__slots *slots, const char *path) {
  const clf__arch_shift_scale *node = shift_scale_of(l);
  const int32_t C = clf__channels(l);
  (void)path; /* the numbers are in the architecture */
  CLF_TRY(check_count(l, "shift", node->shift));
  CLF_TRY(check_count(l, "scale", node->scale));
  clf__channel_affine *a = new_affine(l);
  if (!a) return CLF_ENOMEM;
  clf__slots_add(slots, &a->shift, CLF_CONSTANT, 0, 0, 1, &C, NULL);
  clf__slots_add(slots, &a->scale, CLF_CONSTANT, 1, 0, 1, &C, NULL);
  return CLF_OK;
}
static clf_status derive_shift_scale(const clf__layer *l, double *c) {
  const clf__channel_affine *a = l->own;
  for (int32_t i = 0; i < clf__channels(l); i++) {
    c[a->shift.at + i] = number(shift_scale_of(l)->shift, i);
    c[a->scale.at + i] = number(shift_scale_of(l)->scale, i);
  }
  return CLF_OK;
}

const clf__layer_ops clf__layer_shift_scale = {
    .name = "shift-scale",
    .make = make_shift_scale,
    .unmake = clf__layer_free_own,
    .derive = derive_shift_scale,
    .forward = clf__affine_layer_forward,
    .inverse = clf__affine_layer_inverse,
    .backward = CLF_TRAINS(clf__affine_layer_backward),
    .backward_inverse = CLF_TRAINS(clf__affine_layer_backward_inverse),
    .traits = CLF_FIXED_VOLUME,
};

/* ---- standardize ----------------------------------------------------------------------------- */

static clf_status make_standardize(clf__layer *l, clf__slots *slots, const char *path) {
  const int32_t C = clf__channels(l);
  clf__channel_affine *a = new_affine(l);
  if (!a) return CLF_ENOMEM;
  if (l->at_head && !l->inverted) return CLF_OK; /* the flow's scaling of its data replaces it */
  clf__slots_add(slots, &a->shift, CLF_STATE, 0, 0, 1, &C, "%s.mean", path);
  clf__slots_add(slots, &a->scale, CLF_STATE, 1, 0, 1, &C, "%s.std", path);
  return CLF_OK;
}

/* Uses the statistics of x if mean and std are still 0 and 1 for all channels, the initial
 * values.  A channel that is constant to rounding keeps std = 1. */
static clf_status fit_numbers(const clf__pass *p, const clf__channel_affine *a, clf_tensor x,
                              int32_t C, double *mean, double *std) {
  int begun = 0;
  CLF_TRY(clf_read64(p->dev, clf__weight(p, &a->shift), mean));
  CLF_TRY(clf_read64(p->dev, clf__weight(p, &a->scale), std));
  for (int32_t c = 0; c < C; c++) begun |= mean[c] != 0 || std[c] != 1;
  if (begun) return CLF_OK;
  CLF_TRY(clf_do(p->dev, bn_stats, .x = x, .mean = clf__weight(p, &a->shift),
                 .var = clf__weight(p, &a->scale)));
  CLF_TRY(clf_read64(p->dev, clf__weight(p, &a->scale), std));
  CLF_TRY(clf_read64(p->dev, clf__weight(p, &a->shift), mean));
  for (int32_t c = 0; c < C; c++)
    std[c] = sqrt(std[c]) > 1e-6 * (1 + fabs(mean[c])) ? sqrt(std[c]) : 1;
  return clf_write64(p->dev, clf__weight(p, &a->scale), std);
}
static clf_status fit(const clf__layer *l, const clf__pass *p, clf__layer_memory *k, clf_tensor x) {
  const int32_t C = clf__channels(l);
  double *host = malloc(2 * (size_t)C * sizeof *host);
  (void)k;
  if (!host) return clf__fail(CLF_ENOMEM, "no memory for the statistics of %d columns", (int)C);
  const clf_status s = fit_numbers(p, l->own, clf__by_channel(l, x), C, host, host + C);
  free(host);
  return s;
}

/* The inverse of shift-scale. */
const clf__layer_ops clf__layer_standardize = {
    .name = "standardize",
    .make = make_standardize,
    .unmake = clf__layer_free_own,
    .fit = CLF_TRAINS(fit),
    .forward = clf__affine_layer_inverse,
    .inverse = clf__affine_layer_forward,
    .backward = CLF_TRAINS(clf__affine_layer_backward_inverse),
    .backward_inverse = CLF_TRAINS(clf__affine_layer_backward),
    .traits = CLF_FIXED_VOLUME | CLF_IS_STANDARDIZE,
};
