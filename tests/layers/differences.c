/* SPDX-License-Identifier: MIT */
/* differences.c: gradients of a list of layers, compared with differences. */
#include <math.h>
#include "layers/lists.h"

typedef struct problem {
  list *s;
  clf__mode mode;
  int inverted;
  const double *dz, *each;
  float dlogdet;
} problem;

static double loss(const problem *q, const double *x) {
  const size_t n = GRADIENT_ROWS * (size_t)q->s->dim;
  double *z = flows_array(n), logdet[GRADIENT_ROWS], sum = 0;
  if (q->inverted)
    inverse(q->s, q->mode, x, GRADIENT_ROWS, z, logdet);
  else
    forward(q->s, q->mode, x, GRADIENT_ROWS, z, logdet);
  for (size_t i = 0; i < n; i++) sum += q->dz[i] * z[i];
  for (int i = 0; i < GRADIENT_ROWS; i++)
    sum += q->dlogdet * (q->each ? q->each[i] : 1) * logdet[i];
  free(z);
  return sum;
}

/* The slope of the loss along one number of `to`, to fourth order; to.buf NULL: of x. */
static double slope(const problem *q, double *x, clf_tensor to, double *numbers, int64_t k) {
  static const double h = 1e-4, steps[4] = {-2, -1, 1, 2}, factors[4] = {1, -8, 8, -1};
  const double before = numbers[k];
  double sum = 0;
  for (int i = 0; i < 4; i++) {
    numbers[k] = before + h * steps[i];
    if (to.buf) WORKS(clf_write64(flows_dev, to, numbers));
    sum += factors[i] * loss(q, x);
  }
  numbers[k] = before;
  if (to.buf) WORKS(clf_write64(flows_dev, to, numbers));
  return sum / (12 * h);
}

void expect_differences(list *s, const char *text, clf__mode mode, int inverted,
                        const double *each) {
  const size_t n = GRADIENT_ROWS * (size_t)s->dim, W = (size_t)clf__slots_weights(&s->slots);
  double *x = normals(3, n), *dz = normals(4, n), *dx = flows_array(n), *g = flows_array(W + 1),
         *w = flows_array(W + 1);
  const problem q = {s, mode, inverted, dz, each, 0.7f};
  loss(&q, x);
  backward(s, mode, inverted, dz, GRADIENT_ROWS, q.dlogdet, each, dx, g);
  for (size_t k = 0; k < n; k++) {
    const double want = slope(&q, x, (clf_tensor){0}, x, (int64_t)k);
    ck_assert_msg(fabs(dx[k] - want) <= 1e-8 * (1 + fabs(want)),
                  "%s%s: dx[%zu] is %.10g, not %.10g", text, inverted ? ", inverse" : "", k, dx[k],
                  want);
  }
  if (W) WORKS(clf_read64(flows_dev, s->weights.w, w));
  for (int i = 0; i < s->slots.count; i++) {
    const clf__slot *slot = s->slots.list[i].slot;
    if (slot->group >= CLF_STATE) continue;
    for (int64_t k = 0; k < (int64_t)slot->dim[0] * slot->dim[1]; k++) {
      const double want = slope(&q, x, s->weights.w, w, slot->at + k), got = g[slot->at + k];
      ck_assert_msg(fabs(got - want) <= 1e-8 * (1 + fabs(want)),
                    "%s%s: the gradient of %s[%d] is %.10g, not %.10g", text,
                    inverted ? ", inverse" : "", s->slots.list[i].name, (int)k, got, want);
    }
  }
  free(w), free(g), free(dx), free(dz), free(x);
}
