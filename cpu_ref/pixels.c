/* SPDX-License-Identifier: MIT */
/* pixels.c: makes bytes continuous (Theis et al. 2016), and the logit of the result. */
#include "philox.h"
#include "ref.h"
#include "run.h"

CLF_REF_LOOP(dequantize, 20.0 * (double)clf__count(&p->x), p->x.dim[0], n) {
  clf__words k = {{0}};
  int e = 0;
  EACH_OF(&p->x) {
    if (e % 4 == 0) k = CLF_WORDS(p, e / 4, n);
    const real x = *at(&p->x, n, c, h, w), y = x + (real)clf__uniform(k.v[e % 4]);
    *at(&p->y, n, c, h, w) = y < x + 1 ? y : (real)nextafterf((float)x + 1, 0);
    e++;
  }
}

/* p = alpha + slope x and q = 1 - p = omega + slope (levels - x), which both keep their
 * precision near 0. */
typedef struct range {
  real alpha, omega, levels, slope;
} range;
#define RANGE(p)                                                                                   \
  {                                                                                                \
    (p)->alpha, (p)->omega, (p)->levels,                                                           \
        (1 - (real)(p)->alpha - (real)(p)->omega) / (real)(p)->levels                              \
  }
static inline real p_of(const range *r, real x) { return r->alpha + r->slope * x; }
static inline real q_of(const range *r, real x) { return r->omega + r->slope * (r->levels - x); }

static double count_of(const clf_tensor *t) {
  return (double)t->dim[1] * (double)t->dim[2] * (double)t->dim[3];
}

CLF_REF_LOOP(logit_fwd, 40.0 * (double)clf__count(&p->x), p->x.dim[0], n) {
  const range a = RANGE(p);
  double logdet = count_of(&p->x) * log((double)a.slope);
  for (int h = 0; h < p->x.dim[2]; h++) EACH_RUN(r, &p->x, n, h, 0) {
      real x[RUN];
      run_get(&r, &p->x, 0, x);
      for (int i = 0; i < r.count; i++) {
        const real log_p = real_log(p_of(&a, x[i])), log_q = real_log(q_of(&a, x[i]));
        x[i] = log_p - log_q;
        logdet -= (double)log_p + (double)log_q;
      }
      run_put(&r, &p->y, 0, x);
    }
  *at(&p->logdet, n, 0, 0, 0) += (real)logdet;
}

CLF_REF_LOOP(logit_inv, 40.0 * (double)clf__count(&p->y), p->y.dim[0], n) {
  const range a = RANGE(p);
  double logdet = count_of(&p->y) * log((double)a.slope);
  for (int h = 0; h < p->y.dim[2]; h++) EACH_RUN(r, &p->y, n, h, 0) {
      real y[RUN], far;
      run_get(&r, &p->y, 0, y);
      for (int i = 0; i < r.count; i++) {
        far = real_abs(y[i]);
        logdet += (double)far + 2 * (double)real_log(1 + real_exp(-far));
      }
      for (int i = 0; i < r.count; i++) y[i] = (1 / (1 + real_exp(-y[i])) - a.alpha) / a.slope;
      run_put(&r, &p->x, 0, y);
    }
  *at(&p->logdet, n, 0, 0, 0) -= (real)logdet;
}

CLF_REF_LOOP(logit_bwd, 10.0 * (double)clf__count(&p->x), p->x.dim[0], n) {
  const range a = RANGE(p);
  const real dlogdet = p->dlogdet;
  for (int h = 0; h < p->x.dim[2]; h++) EACH_RUN(r, &p->x, n, h, 0) {
      real x[RUN], dy[RUN];
      run_get(&r, &p->x, 0, x);
      run_get(&r, &p->dy, 0, dy);
      for (int i = 0; i < r.count; i++) {
        const real one = p_of(&a, x[i]), other = q_of(&a, x[i]);
        dy[i] = (dy[i] + dlogdet * (one - other)) * a.slope / (one * other);
      }
      run_put(&r, &p->dx, 0, dy);
    }
}
