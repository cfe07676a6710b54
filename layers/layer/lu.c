/* SPDX-License-Identifier: MIT */
/* lu.c: y = L U x + b, L unit lower triangular, U upper triangular with a positive diagonal;
 * nflows' LULinear. */
#include "lu.h"
#include <math.h>
#include "arch_private.h"
#include "whitening.h"

enum { LOWER, UPPER, DIAGONAL, FITTED };

clf_status clf__lu_make(clf__layer *l, clf__slots *slots, const char *path, int identity) {
  clf__linear *m;
  CLF_TRY(clf__linear_new(l, slots, CLF_LINEAR_W | CLF_LINEAR_V | CLF_LINEAR_LOGDET, &m));
  const int32_t D = m->w.dim[0], entries = D * (D - 1) / 2;
  const double spread = identity ? 0 : 1 / sqrt(D);
  const double one = identity ? log(exp(1 - 1e-3) - 1) : 0; /* softplus of it plus 1e-3 is 1 */
  if (entries) {                                            /* for D = 1 there are none */
    clf__slots_add(slots, &m->slot[LOWER], CLF_PLAIN, 0, spread, 1, &entries, "%s.lower", path);
    clf__slots_add(slots, &m->slot[UPPER], CLF_PLAIN, 0, spread, 1, &entries, "%s.upper", path);
  }
  clf__slots_add(slots, &m->slot[DIAGONAL], CLF_PLAIN, one, spread, 1, &D, "%s.diagonal", path);
  clf__linear_add_bias(l, slots, path);
  return CLF_OK;
}

clf_status clf__lu_prepare(const clf__layer *l, const clf__pass *p) {
  const clf__linear *m = l->own;
  CLF_TRY(clf_do(p->dev, lu_compose, .lower = clf__weight(p, &m->slot[LOWER]),
                 .upper = clf__weight(p, &m->slot[UPPER]),
                 .diagonal = clf__weight(p, &m->slot[DIAGONAL]), .w = clf__weight(p, &m->w),
                 .v = clf__weight(p, &m->v), .logdet = clf__weight(p, &m->logdet)));
  return clf__linear_prepare_bias(m, p);
}

clf_status clf__lu_finish(const clf__layer *l, const clf__pass *p) {
  const clf__linear *m = l->own;
  return clf_do(p->dev, lu_bwd, .lower = clf__weight(p, &m->slot[LOWER]),
                .upper = clf__weight(p, &m->slot[UPPER]),
                .diagonal = clf__weight(p, &m->slot[DIAGONAL]), .dw = clf__gradient(p, &m->w),
                .dl = clf__gradient(p, &m->logdet), .dlower = clf__gradient(p, &m->slot[LOWER]),
                .dupper = clf__gradient(p, &m->slot[UPPER]),
                .ddiagonal = clf__gradient(p, &m->slot[DIAGONAL]), .dlogdet = 1);
}

static clf_status make(clf__layer *l, clf__slots *slots, const char *path) {
  const clf__arch_lu *node = (const clf__arch_lu *)l->node;
  const int32_t one = 1;
  CLF_TRY(clf__lu_make(l, slots, path, node->identity));
  if (!node->whiten) return CLF_OK;
  if (l->inverted)
    return clf__fail(CLF_EINVAL, "%s: whiten=1 is not for an inverted layer; leave out its ~",
                     l->label);
  l->traits |= CLF_FITS_ROWS;
  clf__slots_add(slots, &((clf__linear *)l->own)->slot[FITTED], CLF_STATE, 0, 0, 1, &one,
                 "%s.fitted", path);
  return CLF_OK;
}

/* Writes the triangles and the bias of a whitening matrix. */
static clf_status write_whitening(const clf__layer *l, const clf__pass *p, clf__whitening *w) {
  const clf__linear *m = l->own;
  const double one = 1;
  double minimum = INFINITY;
  for (int32_t i = 0; i < w->dim; i++) minimum = fmin(minimum, w->diagonal[i]);
  if (minimum <= 1e-3)
    return clf__fail(CLF_ENUM,
                     "%s: whitening would multiply a column by %g, and lu cannot go below 0.001; "
                     "put standardize before it",
                     l->label, minimum);
  for (int32_t i = 0; i < w->dim; i++) { /* the inverse of softplus(u) + 0.001 */
    const double d = w->diagonal[i] - 1e-3;
    w->diagonal[i] = d + log(-expm1(-d));
  }
  if (w->dim > 1) {
    CLF_TRY(clf_write64(p->dev, clf__weight(p, &m->slot[LOWER]), w->lower));
    CLF_TRY(clf_do(p->dev, fill, .y = clf__weight(p, &m->slot[UPPER]), .value = 0));
  }
  CLF_TRY(clf_write64(p->dev, clf__weight(p, &m->slot[DIAGONAL]), w->diagonal));
  CLF_TRY(clf_write64(p->dev, clf__weight(p, &m->bias), w->bias));
  return clf_write64(p->dev, clf__weight(p, &m->slot[FITTED]), &one);
}

/* Sets W = L U such that x W^T + b has mean 0 and covariance I, once. */
static clf_status fit(const clf__layer *l, const clf__pass *p, clf__layer_memory *k, clf_tensor x) {
  const clf__linear *m = l->own;
  clf__whitening w;
  double fitted;
  (void)k;
  if (!((const clf__arch_lu *)l->node)->whiten) return CLF_OK;
  CLF_TRY(clf_read64(p->dev, clf__weight(p, &m->slot[FITTED]), &fitted));
  if (fitted != 0) return CLF_OK;
  CLF_TRY(clf__whitening_of(p, x, &w));
  const clf_status s = write_whitening(l, p, &w);
  clf__whitening_free(&w);
  return s;
}

const clf__layer_ops clf__layer_lu = {
    .name = "lu",
    .make = make,
    .prepare = clf__lu_prepare,
    .finish = CLF_TRAINS(clf__lu_finish),
    .fit = CLF_TRAINS(fit),
    .traits = CLF_FIXED_VOLUME,
    CLF_LINEAR_PASSES,
};
