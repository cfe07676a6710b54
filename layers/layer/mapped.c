/* SPDX-License-Identifier: MIT */
/* mapped.c: see mapped.h. */
#include "mapped.h"
#include <stdlib.h>
#include "layer.h"

unsigned clf__mapped_traits(const clf__map *m) {
  return (m->ops->traits | m->traits) & (CLF_IS_BOUNDED | CLF_KEEPS_VOLUME);
}

int32_t clf__mapped_outside(const clf__map *m, const int32_t *columns, const double *x,
                            double interval[2]) {
  for (int32_t j = 0; m->ops->inside && j < m->dims; j++) {
    const int32_t column = columns ? columns[j] : j;
    if (!m->ops->inside(m, j, x[column], interval)) return column;
  }
  return -1;
}

clf_status clf__mapped_derive_all(const clf__map *m, const clf__slot *all, double *c) {
  int32_t *columns = calloc((size_t)m->dims, sizeof *columns);
  if (!columns) return clf__fail(CLF_ENOMEM, "no memory for %d columns", (int)m->dims);
  for (int32_t d = 0; d < m->dims; d++) c[all->at + d] = columns[d] = d;
  if (m->ops->derive) m->ops->derive(m, columns, c);
  free(columns);
  return CLF_OK;
}

void clf__mapped_draw(const clf__net *n, clf__host_random *r, double *c) {
  if (n->ops && n->ops->draw) n->ops->draw(n, r, c);
}
const clf__net *clf__mapped_net(const clf__net *n) { return n->ops ? n : NULL; }
clf_status clf__mapped_finish(const clf__net *n, const clf__pass *p) {
  return n->ops && n->ops->finish ? n->ops->finish(n, p) : CLF_OK;
}

clf_tensor clf__mapped_parameters(const clf__net *n, const clf__slot *trained, const clf__pass *p,
                                  clf_tensor u, int32_t rows) {
  return n->ops ? clf__rows(u, rows) : clf__same_for_all(clf__weight(p, trained), rows);
}

clf_status clf__mapped_compute(const clf__net *n, const clf__slot *trained, const clf__pass *p,
                               clf__net_memory *k, clf_tensor x, clf_tensor u, int32_t rows,
                               clf_tensor *parameters) {
  *parameters = clf__mapped_parameters(n, trained, p, u, rows);
  return n->ops ? n->ops->forward(n, p, k, x, *parameters) : CLF_OK;
}
