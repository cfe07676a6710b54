/* SPDX-License-Identifier: MIT */
/* adam.c: one Adam step (Kingma and Ba 2015, algorithm 1); clipping by the global norm. */
#include "ref.h"

/* Prefetch distance for weights: other threads have just read them, and each line would
 * otherwise wait for their caches. */
enum { AHEAD = 1024, LINE = 16 };

/* Elements i of vectors with strides sg, sw, sm and sv; loops with unit stride are vectorised. */
static inline void adam_range(const clf_adam_step_args *p, int first, int end, ptrdiff_t sg,
                              ptrdiff_t sw, ptrdiff_t sm, ptrdiff_t sv) {
  real *restrict const g = at(&p->g, 0, 0, 0, 0), *restrict const w = at(&p->w, 0, 0, 0, 0);
  real *restrict const m = at(&p->m, 0, 0, 0, 0), *restrict const v = at(&p->v, 0, 0, 0, 0);
  const real b1 = p->beta1, b2 = p->beta2, lr = p->lr, c1 = p->c1, c2 = p->c2, eps = p->eps;
  for (int i = first; i < end; i++) {
    const real d = g[i * sg];
    m[i * sm] = b1 * m[i * sm] + (1 - b1) * d;
    v[i * sv] = b2 * v[i * sv] + (1 - b2) * d * d;
    w[i * sw] -= lr * (m[i * sm] / c1) / (real_sqrt(v[i * sv] / c2) + eps);
    g[i * sg] = 0;
  }
}

/* Masked weights, and others that the loss does not depend on, have gradients and moments of 0: a
 * step leaves them as they are, and reading half of the memory shows it. */
enum { PIECE = 64 };
static int all_zero(const real *v, int n) {
  int some = 0;
  for (int i = 0; i < n; i++) some |= v[i] != 0;
  return !some;
}
static int stays(const clf_adam_step_args *p, int i, int n) {
  return *at(&p->g, i, 0, 0, 0) == 0 && all_zero(at(&p->g, i, 0, 0, 0), n) &&
         all_zero(at(&p->m, i, 0, 0, 0), n) && all_zero(at(&p->v, i, 0, 0, 0), n) && p->eps > 0;
}

static void adam_elements(const void *args, int first, int end) {
  const clf_adam_step_args *p = args;
  const int sg = p->g.stride[0], sw = p->w.stride[0], sm = p->m.stride[0], sv = p->v.stride[0];
  if (sg == 1 && sw == 1 && sm == 1 && sv == 1)
    for (int k = first, n; k < end; k += n) {
      n = end - k < PIECE ? end - k : PIECE;
      if (stays(p, k, n)) continue;
      for (int ahead = k + AHEAD; ahead < end && ahead < k + AHEAD + n; ahead += LINE)
        __builtin_prefetch(at(&p->w, ahead, 0, 0, 0), 1);
      adam_range(p, k, k + n, 1, 1, 1, 1);
    }
  else
    adam_range(p, first, end, sg, sw, sm, sv);
}

CLF_REF(adam_step) {
  (void)scratch;
  in_threads(12.0 * p->w.dim[0], p->w.dim[0], adam_elements, p);
  return CLF_OK;
}

typedef struct scaled {
  real *g, scale;
  ptrdiff_t stride;
} scaled;
static void scale_elements(const void *context, int first, int end) {
  const scaled *c = context;
  const ptrdiff_t stride = c->stride;
  const real scale = c->scale;
  real *g = c->g;
  if (stride == 1)
    for (int i = first; i < end; i++) g[i] *= scale;
  else
    for (int i = first; i < end; i++) g[i * stride] *= scale;
}

CLF_REF(clip_norm) {
  (void)scratch;
  const real square = *at(&p->square, 0, 0, 0, 0), norm = real_sqrt(square);
  const real scale = !isfinite(square) ? NAN : norm > p->most ? p->most / norm : 1;
  const scaled c = {at(&p->g, 0, 0, 0, 0), scale, p->g.stride[0]};
  if (scale == 1) return CLF_OK;
  in_threads(p->g.dim[0], p->g.dim[0], scale_elements, &c);
  return CLF_OK;
}
