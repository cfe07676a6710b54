/* SPDX-License-Identifier: MIT */
/* disturb.c: flows with weights away from the initial ones. */
#include "disturb.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "flow_private.h"
#include "suite.h"

/* Calls change(values, n, parameter, own) for each parameter, and derives what depends on them. */
static void each_param(clf_flow *f, void (*change)(double *, size_t, const clf_param *, void *),
                       void *own) {
  for (int i = 0; i < clf_flow_param_count(f); i++) {
    const clf_param p = clf_flow_param(f, i);
    const size_t n = clf__count(&p.at);
    double *v = calloc(n, sizeof *v);
    WORKS(clf_read64(f->dev, p.at, v));
    change(v, n, &p, own);
    WORKS(clf_write64(f->dev, p.at, v));
    free(v);
  }
  WORKS(clf__flow_derive_again(f));
}

static void add_noise(double *v, size_t n, const clf_param *p, void *random) {
  const double fan_in = p->at.dim[p->rank > 0 ? p->rank - 1 : 0];
  for (size_t k = 0; k < n && p->trainable; k++)
    if (v[k] != 0 || !strstr(p->name, ".weight")) /* masked weights stay 0 */
      v[k] += fmin(0.25, 0.6 / sqrt(fan_in)) * draw_normal(random);
}

static void round_values(double *v, size_t n, const clf_param *p, void *own) {
  (void)p, (void)own;
  for (size_t k = 0; k < n; k++) v[k] = (double)(float)v[k];
}

void disturb(clf_flow *f, draw_random *r) { each_param(f, add_noise, r); }

void round_to_float(clf_flow *f) { each_param(f, round_values, NULL); }
