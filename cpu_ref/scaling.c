/* SPDX-License-Identifier: MIT */
/* scaling.c: NICE's diagonal scaling (Dinh et al. 2015, section 3.3). */
#include "ref.h"

static real sum_of(const clf_tensor *log_s) {
  double sum = 0;
  for (int d = 0; d < log_s->dim[0]; d++) sum += *at(log_s, d, 0, 0, 0);
  return (real)sum;
}

CLF_REF(scaling_fwd) {
  (void)scratch;
  const real logdet = sum_of(&p->log_s);
  for (int n = 0; n < p->x.dim[0]; n++) {
    for (int d = 0; d < p->x.dim[1]; d++)
      *at(&p->y, n, d, 0, 0) = *at(&p->x, n, d, 0, 0) * real_exp(*at(&p->log_s, d, 0, 0, 0));
    *at(&p->logdet, n, 0, 0, 0) += logdet;
  }
  return CLF_OK;
}

CLF_REF(scaling_inv) {
  (void)scratch;
  const real logdet = sum_of(&p->log_s);
  for (int n = 0; n < p->y.dim[0]; n++) {
    for (int d = 0; d < p->y.dim[1]; d++)
      *at(&p->x, n, d, 0, 0) = *at(&p->y, n, d, 0, 0) * real_exp(-*at(&p->log_s, d, 0, 0, 0));
    *at(&p->logdet, n, 0, 0, 0) -= logdet;
  }
  return CLF_OK;
}

CLF_REF(scaling_bwd) {
  (void)scratch;
  const int N = p->x.dim[0];
  for (int d = 0; d < p->x.dim[1]; d++) {
    const real e = real_exp(*at(&p->log_s, d, 0, 0, 0));
    double sum = 0, dl = p->dl.buf ? 0 : N * (double)p->dlogdet;
    for (int n = 0; n < N; n++) {
      if (p->dl.buf) dl += (double)dlogdet_of(&p->dl, p->dlogdet, n);
      const real dx = *at(&p->dy, n, d, 0, 0) * e;
      *at(&p->dx, n, d, 0, 0) = dx;
      sum += (double)dx * (double)*at(&p->x, n, d, 0, 0);
    }
    *at(&p->dlog_s, d, 0, 0, 0) += (real)(sum + dl);
  }
  return CLF_OK;
}
