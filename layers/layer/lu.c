/* SPDX-License-Identifier: MIT */
/* lu.c: y = L U x + b, L unit lower triangular, U upper triangular with a positive diagonal;
 * nflows' LULinear. */
#include "lu.h"
#include "arch_private.h"

enum { LOWER, UPPER, DIAGONAL };

clf_status clf__lu_make(clf__layer *l, clf__parts *parts, const char *path, int identity) {
  clf__linear *m;
  CLF_TRY(clf__linear_new(l, parts, CLF_LINEAR_W | CLF_LINEAR_V | CLF_LINEAR_LOGDET, &m));
  const int32_t D = m->w.dim[0], entries = D * (D - 1) / 2;
  const double spread = identity ? 0 : 1 / sqrt(D);
  const double one = identity ? log(exp(1 - 1e-3) - 1) : 0; /* whose softplus plus 1e-3 is 1 */
  if (entries) {                                            /* for D = 1 there are none */
    clf__parts_add(parts, &m->part[LOWER], CLF_PLAIN, 0, spread, 1, &entries, "%s.lower", path);
    clf__parts_add(parts, &m->part[UPPER], CLF_PLAIN, 0, spread, 1, &entries, "%s.upper", path);
  }
  clf__parts_add(parts, &m->part[DIAGONAL], CLF_PLAIN, one, spread, 1, &D, "%s.diagonal", path);
  clf__linear_add_bias(l, parts, path);
  return CLF_OK;
}

clf_status clf__lu_prepare(const clf__layer *l, const clf__pass *p) {
  const clf__linear *m = l->own;
  CLF_TRY(clf_do(p->dev, lu_compose, .lower = clf__weight(p, &m->part[LOWER]),
                 .upper = clf__weight(p, &m->part[UPPER]),
                 .diagonal = clf__weight(p, &m->part[DIAGONAL]), .w = clf__weight(p, &m->w),
                 .v = clf__weight(p, &m->v), .logdet = clf__weight(p, &m->logdet)));
  return clf__linear_prepare_bias(m, p);
}

clf_status clf__lu_finish(const clf__layer *l, const clf__pass *p) {
  const clf__linear *m = l->own;
  return clf_do(p->dev, lu_bwd, .lower = clf__weight(p, &m->part[LOWER]),
                .upper = clf__weight(p, &m->part[UPPER]),
                .diagonal = clf__weight(p, &m->part[DIAGONAL]), .dw = clf__gradient(p, &m->w),
                .dl = clf__gradient(p, &m->logdet), .dlower = clf__gradient(p, &m->part[LOWER]),
                .dupper = clf__gradient(p, &m->part[UPPER]),
                .ddiagonal = clf__gradient(p, &m->part[DIAGONAL]), .dlogdet = 1);
}

static clf_status make(clf__layer *l, clf__parts *parts, const char *path) {
  return clf__lu_make(l, parts, path, ((const clf__arch_lu *)l->node)->identity);
}

const clf__layer_ops clf__layer_lu = {
    .name = "lu",
    .make = make,
    .prepare = clf__lu_prepare,
    .finish = clf__lu_finish,
    .traits = CLF_FIXED_VOLUME,
    CLF_LINEAR_PASSES,
};
