/* SPDX-License-Identifier: MIT */
/* rotation.c: y = exp(A - A^T) x; zuko's RotationTransform. */
#include "linear.h"

enum { GENERATOR };

static clf_status make(clf__layer *l, clf__slots *slots, const char *path) {
  clf__linear *m;
  CLF_TRY(clf__linear_new(l, slots, CLF_LINEAR_W, &m));
  clf__linear_transpose(m, slots);
  clf__slots_add(slots, &m->slot[GENERATOR], CLF_PLAIN, 0, 0, 2, m->w.dim, "%s.generator", path);
  return CLF_OK;
}

/* Standard normal, as in zuko's Gaussianization. */
static void init(const clf__layer *l, clf__host_random *r, double *w) {
  const clf__slot *A = &((const clf__linear *)l->own)->slot[GENERATOR];
  for (int64_t i = 0; i < (int64_t)A->dim[0] * A->dim[1]; i++) w[A->at + i] = clf__host_normal(r);
}

static clf_status prepare(const clf__layer *l, const clf__pass *p) {
  const clf__linear *m = l->own;
  return clf_do(p->dev, rotation_compose, .generator = clf__weight(p, &m->slot[GENERATOR]),
                .w = clf__weight(p, &m->w));
}

static clf_status finish(const clf__layer *l, const clf__pass *p) {
  const clf__linear *m = l->own;
  return clf_do(p->dev, rotation_bwd, .generator = clf__weight(p, &m->slot[GENERATOR]),
                .dw = clf__gradient(p, &m->w), .dgenerator = clf__gradient(p, &m->slot[GENERATOR]));
}

const clf__layer_ops clf__layer_rotation = {
    .name = "rotation",
    .make = make,
    .init = init,
    .prepare = prepare,
    .finish = CLF_TRAINS(finish),
    .traits = CLF_FIXED_VOLUME | CLF_KEEPS_VOLUME,
    CLF_LINEAR_PASSES,
};
