/* SPDX-License-Identifier: MIT */
/* coupling.cl: affine and additive couplings whose nets are computed elsewhere.  A work-group has
 * the elements of one sample, and sums its log-det in a fixed order. */
#include "math.clh"
#include "samples.clh"

/* Whether element q of a sample is an identity dimension, by the mask b. */
#define IDENTITY(b, q) (AT(b, 0, q.c, q.h, q.w) != 0)

kernel BY_SAMPLE void mask_apply(CLF_IN(x), CLF_IN(b), CLF_OUT(y), const mask_apply_args p) {
  const int n = get_group_id(0);
  FOR_ELEMENTS(p.x, q) {
    const float x = IDENTITY(b, q) ? AT(x, n, q.c, q.h, q.w) : 0;
    AT(y, n, q.c, q.h, q.w) = p.beta != 0 ? x + p.beta * AT(y, n, q.c, q.h, q.w) : x;
  }
}

/* A sample of an affine coupling with shifts t and scales exp(s), where s are the numbers h,
 * bounded by s_max; `inverse` is a constant. */
INLINE void affine_sample(clf_in x, clf_in h, clf_in t, clf_in b, float s_max, clf_out y,
                          clf_out logdet, int inverse, local float *memory) {
  const int n = get_group_id(0);
  float sum = 0;
  FOR_ELEMENTS(x.v, q) {
    const int identity = in_at(b, 0, q.c, q.h, q.w) != 0;
    const float v = in_at(x, n, q.c, q.h, q.w), s = bounded(in_at(h, n, q.c, q.h, q.w), s_max);
    const float shift = in_at(t, n, q.c, q.h, q.w);
    if (inverse)
      *out_at(y, n, q.c, q.h, q.w) = identity ? v : (v - shift) * exp(-s);
    else
      *out_at(y, n, q.c, q.h, q.w) = identity ? v : v * exp(s) + shift;
    sum += identity ? 0 : s;
  }
  sum = GROUP_SUM(memory, sum);
  if (get_local_id(0) == 0) *out_at(logdet, n, 0, 0, 0) += inverse ? -sum : sum;
}
kernel BY_SAMPLE void affine_fwd(CLF_IN(x), CLF_IN(h), CLF_IN(t), CLF_IN(b), CLF_OUT(y),
                                 CLF_OUT(logdet), const affine_fwd_args p) {
  GROUP_MEMORY(memory);
  affine_sample(IN(x), IN(h), IN(t), IN(b), p.s_max, OUT(y), OUT(logdet), 0, memory);
}
kernel BY_SAMPLE void affine_inv(CLF_IN(y), CLF_IN(h), CLF_IN(t), CLF_IN(b), CLF_OUT(x),
                                 CLF_OUT(logdet), const affine_inv_args p) {
  GROUP_MEMORY(memory);
  affine_sample(IN(y), IN(h), IN(t), IN(b), p.s_max, OUT(x), OUT(logdet), 1, memory);
}

kernel BY_SAMPLE void affine_bwd(CLF_IN(x), CLF_IN(h), CLF_IN(b), CLF_IN(dy), CLF_IN(dl),
                                 CLF_OUT(dx), CLF_OUT(dh), CLF_OUT(dt), const affine_bwd_args p) {
  const int n = get_group_id(0);
  const float weight = logdet_weight(p.dlogdet, dl_, p.dl, n);
  FOR_ELEMENTS(p.x, q) {
    const int identity = IDENTITY(b, q);
    const float dy = AT(dy, n, q.c, q.h, q.w), out = AT(h, n, q.c, q.h, q.w);
    const float s = identity ? 0 : bounded(out, p.s_max), dx = dy * exp(s);
    const float ds = dx * AT(x, n, q.c, q.h, q.w) + weight;
    AT(dx, n, q.c, q.h, q.w) = dx;
    AT(dt, n, q.c, q.h, q.w) = identity ? 0 : dy;
    AT(dh, n, q.c, q.h, q.w) = identity ? 0 : ds * bounded_slope(out, p.s_max);
  }
}

kernel BY_SAMPLE void additive(CLF_IN(x), CLF_IN(t), CLF_IN(b), CLF_OUT(y), const additive_args p) {
  const int n = get_group_id(0);
  FOR_ELEMENTS(p.x, q) {
    AT(y, n, q.c, q.h, q.w) =
        AT(x, n, q.c, q.h, q.w) + (IDENTITY(b, q) ? 0 : p.sign * AT(t, n, q.c, q.h, q.w));
  }
}

kernel BY_SAMPLE void additive_bwd(CLF_IN(b), CLF_IN(dy), CLF_OUT(dt), const additive_bwd_args p) {
  const int n = get_group_id(0);
  FOR_ELEMENTS(p.dy, q) {
    AT(dt, n, q.c, q.h, q.w) = IDENTITY(b, q) ? 0 : p.sign * AT(dy, n, q.c, q.h, q.w);
  }
}
