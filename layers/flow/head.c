/* SPDX-License-Identifier: MIT */
/* head.c: the head of the list, which the host computes in double: bounds, then the scaling of
 * standardised data.  Columns may be far from zero, where float has too few digits. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "flow_private.h"
#include "grid.h"

double clf__head_bounds(const clf_flow *f, double *x) {
  double logdet = 0;
  for (int i = 0; i < f->head; i++) {
    const clf__layer *l = &f->layer[i];
    if (l->ops->host_forward) logdet += l->ops->host_forward(l, x);
  }
  return logdet;
}

double clf__head_forward(const clf_flow *f, const double *x, double *u) {
  const int32_t D = f->spec.dim;
  memcpy(u, x, (size_t)D * sizeof *u);
  const double logdet = clf__head_bounds(f, u);
  for (int32_t d = 0; d < D; d++) u[d] = clf__flow_scaled(f, d, u[d]);
  return logdet + clf__flow_scaling_logdet(f);
}

double clf__head_inverse(const clf_flow *f, double *u) {
  const int32_t D = f->spec.dim;
  double logdet = -clf__flow_scaling_logdet(f);
  for (int32_t d = 0; d < D; d++) u[d] = clf__flow_unscaled(f, d, u[d]);
  for (int i = f->head - 1; i >= 0; i--) {
    const clf__layer *l = &f->layer[i];
    if (l->ops->host_inverse) logdet += l->ops->host_inverse(l, u);
  }
  for (int32_t d = 0; d < D && f->grid; d++) u[d] = clf__grid_value(&f->grid[d], u[d]);
  return logdet;
}

clf_status clf__head_backward(const clf_flow *f, const double *x, double dlogdet, double *du) {
  const size_t bytes = (size_t)f->spec.dim * sizeof *du;
  double *in = malloc(bytes);
  if (!in) return clf__fail(CLF_ENOMEM, "no memory for a gradient of %d columns", (int)f->spec.dim);
  for (int32_t d = 0; d < f->spec.dim; d++) du[d] = f->std ? du[d] / f->std[d] : du[d];
  for (int i = f->head - 1; i >= 0; i--) {
    const clf__layer *l = &f->layer[i];
    memcpy(in, x, bytes);
    for (int j = 0; j < i; j++)
      if (f->layer[j].ops->host_forward) f->layer[j].ops->host_forward(&f->layer[j], in);
    if (l->ops->host_backward) l->ops->host_backward(l, in, dlogdet, du);
  }
  free(in);
  return CLF_OK;
}

/* ---- The domain ------------------------------------------------------------------------------ */

static int32_t outside_head(const clf_flow *f, double *x, double interval[2], unsigned *traits) {
  for (int i = 0; i < f->head; i++) {
    const clf__layer *l = &f->layer[i];
    const int32_t d = l->ops->outside ? l->ops->outside(l, x, interval) : -1;
    *traits = l->traits;
    if (d >= 0) return d;
    if (l->ops->host_forward) l->ops->host_forward(l, x);
  }
  return -1;
}

static int32_t unscaled(const clf_flow *f, int32_t d, double interval[2]) {
  for (int i = 0; i < 2 && d >= 0; i++) interval[i] = clf__flow_unscaled(f, d, interval[i]);
  return d;
}

/* Checks the first layer on the device, in the units of the data if only the scaling precedes
 * it. */
static int32_t outside_first(const clf_flow *f, double *x, double interval[2]) {
  const clf__layer *l = &f->layer[f->head];
  if (!l->ops->outside || l->inverted) return -1;
  for (int32_t d = 0; d < f->spec.dim; d++) x[d] = clf__flow_scaled(f, d, x[d]);
  return unscaled(f, l->ops->outside(l, x, interval), interval);
}

/* Checks a base that reads the flow's units. */
static int32_t outside_base(const clf_flow *f, double *x, double interval[2]) {
  if (!f->base.ops->outside) return -1;
  for (int32_t d = 0; d < f->spec.dim; d++) x[d] = clf__flow_scaled(f, d, x[d]);
  return unscaled(f, f->base.ops->outside(&f->base, x, interval), interval);
}

int32_t clf__flow_outside(const clf_flow *f, const double *x, double interval[2],
                          unsigned *traits) {
  double *copy = malloc((size_t)f->spec.dim * sizeof *copy);
  if (!copy) return -1;
  memcpy(copy, x, (size_t)f->spec.dim * sizeof *copy);
  int32_t d = outside_head(f, copy, interval, traits);
  if (d < 0) {
    const int on_device = f->head < f->layers;
    *traits = on_device ? f->layer[f->head].traits : f->base.traits;
    d = on_device ? outside_first(f, copy, interval) : outside_base(f, copy, interval);
  }
  free(copy);
  return d;
}

int clf_flow_interval(const clf_flow *f, double interval[2]) {
  if (!f || !interval || f->head == f->layers) return 0;
  const clf__layer *l = &f->layer[f->head];
  if (!l->ops->interval || l->inverted) return 0;
  l->ops->interval(l, interval);
  unscaled(f, 0, interval);
  for (int i = f->head - 1; i >= 0; i--)
    for (int k = 0; k < 2 && f->layer[i].ops->host_inverse; k++)
      f->layer[i].ops->host_inverse(&f->layer[i], &interval[k]);
  return 1;
}
