/* SPDX-License-Identifier: MIT */
/* reflections.c: linear layers whose orthogonal factors are products of Householder reflections:
 * qr (y = Q R x + b), svd (y = Q1 D Q2 x + b) and householder (y = Q x); nflows' QRLinear,
 * SVDLinear and HouseholderSequence. */
#include "arch_private.h"
#include "linear.h"

enum { LEFT, UPPER, DIAGONAL, RIGHT };

/* How the diagonal depends on its parameters: the `kind` of operation reflections_compose. */
static int kind_of(const clf__layer *l) { return l->ops == &clf__layer_qr ? 1 : 0; }

static void add_reflections(clf__linear *m, clf__slots *slots, int which, int32_t count, int32_t D,
                            const char *name, const char *path) {
  const int32_t dim[2] = {count, D};
  clf__slots_add(slots, &m->slot[which], CLF_PLAIN, 0, 0, 2, dim, "%s.%s", path, name);
}

static void init(const clf__layer *l, clf__host_random *r, double *w) {
  const clf__linear *m = l->own;
  (void)r;
  clf__linear_init_reflections(&m->slot[LEFT], w);
  if (m->slot[RIGHT].rank) clf__linear_init_reflections(&m->slot[RIGHT], w);
}

static clf_status make_qr(clf__layer *l, clf__slots *slots, const char *path) {
  const clf__arch_qr *node = (const clf__arch_qr *)l->node;
  clf__linear *m;
  CLF_TRY(clf__linear_new(l, slots, CLF_LINEAR_W | CLF_LINEAR_V | CLF_LINEAR_LOGDET, &m));
  const int32_t D = m->w.dim[0], entries = D * (D - 1) / 2;
  const double spread = 1 / sqrt(D);
  if (entries)
    clf__slots_add(slots, &m->slot[UPPER], CLF_PLAIN, 0, spread, 1, &entries, "%s.upper", path);
  clf__slots_add(slots, &m->slot[DIAGONAL], CLF_PLAIN, 0, spread, 1, &D, "%s.log_diagonal", path);
  add_reflections(m, slots, LEFT, node->reflections, D, "reflections", path);
  clf__linear_add_bias(l, slots, path);
  return CLF_OK;
}

static clf_status make_svd(clf__layer *l, clf__slots *slots, const char *path) {
  const clf__arch_svd *node = (const clf__arch_svd *)l->node;
  clf__linear *m;
  CLF_TRY(clf__linear_new(l, slots, CLF_LINEAR_W | CLF_LINEAR_V | CLF_LINEAR_LOGDET, &m));
  const int32_t D = m->w.dim[0];
  const double one = log(exp(1 - 1e-3) - 1); /* softplus of it plus 1e-3 is 1 */
  add_reflections(m, slots, LEFT, node->reflections, D, "reflections1", path);
  clf__slots_add(slots, &m->slot[DIAGONAL], CLF_PLAIN, one, 0, 1, &D, "%s.diagonal", path);
  add_reflections(m, slots, RIGHT, node->reflections, D, "reflections2", path);
  clf__linear_add_bias(l, slots, path);
  return CLF_OK;
}

static clf_status make_householder(clf__layer *l, clf__slots *slots, const char *path) {
  const clf__arch_householder *node = (const clf__arch_householder *)l->node;
  clf__linear *m;
  CLF_TRY(clf__linear_new(l, slots, CLF_LINEAR_W, &m));
  clf__linear_transpose(m, slots);
  add_reflections(m, slots, LEFT, node->reflections, m->w.dim[0], "reflections", path);
  return CLF_OK;
}

static clf_status prepare(const clf__layer *l, const clf__pass *p) {
  const clf__linear *m = l->own;
  /* the inverse of a product of reflections is the transpose of W, a view */
  const clf_tensor none = {0};
  const clf_tensor v = l->ops == &clf__layer_householder ? none : clf__weight(p, &m->v);
  CLF_TRY(clf_do(p->dev, reflections_compose, .left = clf__weight(p, &m->slot[LEFT]),
                 .upper = clf__weight(p, &m->slot[UPPER]),
                 .diagonal = clf__weight(p, &m->slot[DIAGONAL]),
                 .right = clf__weight(p, &m->slot[RIGHT]), .w = clf__weight(p, &m->w), .v = v,
                 .logdet = clf__weight(p, &m->logdet), .kind = kind_of(l)));
  return clf__linear_prepare_bias(m, p);
}

static clf_status finish(const clf__layer *l, const clf__pass *p) {
  const clf__linear *m = l->own;
  return clf_do(p->dev, reflections_bwd, .left = clf__weight(p, &m->slot[LEFT]),
                .upper = clf__weight(p, &m->slot[UPPER]),
                .diagonal = clf__weight(p, &m->slot[DIAGONAL]),
                .right = clf__weight(p, &m->slot[RIGHT]), .dw = clf__gradient(p, &m->w),
                .dl = clf__gradient(p, &m->logdet), .dleft = clf__gradient(p, &m->slot[LEFT]),
                .dupper = clf__gradient(p, &m->slot[UPPER]),
                .ddiagonal = clf__gradient(p, &m->slot[DIAGONAL]),
                .dright = clf__gradient(p, &m->slot[RIGHT]), .kind = kind_of(l), .dlogdet = 1);
}

#define SHARED .init = init, .prepare = prepare, .finish = CLF_TRAINS(finish), CLF_LINEAR_PASSES
const clf__layer_ops clf__layer_qr = {
    .name = "qr", .make = make_qr, .traits = CLF_FIXED_VOLUME, SHARED};
const clf__layer_ops clf__layer_svd = {
    .name = "svd", .make = make_svd, .traits = CLF_FIXED_VOLUME, SHARED};
const clf__layer_ops clf__layer_householder = {.name = "householder",
                                               .make = make_householder,
                                               .traits = CLF_FIXED_VOLUME | CLF_KEEPS_VOLUME,
                                               SHARED};
