/* SPDX-License-Identifier: MIT */
/* mapped.h: what layers share that transform dimensions by a map, whose parameters a net computes
 * or training finds.  A net with ops NULL does not exist: the parameters are then those of the
 * slot `trained`, the same for all samples.  Private. */
#ifndef CLF_MAPPED_H
#define CLF_MAPPED_H
#include "map.h"
#include "net.h"

/* Traits of layer.h that a layer has because of its map. */
unsigned clf__mapped_traits(const clf__map *m);
/* The first column of sample x that is outside of the map's domain, and the interval it must be
 * in; -1: none.  columns (d): indices of the transformed ones; NULL: all. */
int32_t clf__mapped_outside(const clf__map *m, const int32_t *columns, const double *x,
                            double interval[2]);
/* Sets the indices of the transformed columns, `all` (d), and the map's own constants, for a map
 * that transforms every column.  ENOMEM. */
clf_status clf__mapped_derive_all(const clf__map *m, const clf__slot *all, double *c);

/* draw, net and finish of clf__layer_ops. */
void clf__mapped_draw(const clf__net *n, clf__host_random *r, double *c);
const clf__net *clf__mapped_net(const clf__net *n);
clf_status clf__mapped_finish(const clf__net *n, const clf__pass *p);

/* The map's parameters for `rows` samples: those that the net left in u, or the trained ones. */
clf_tensor clf__mapped_parameters(const clf__net *n, const clf__slot *trained, const clf__pass *p,
                                  clf_tensor u, int32_t rows);
/* Runs the net, if there is one, for samples x, its output to u; *parameters as above. */
clf_status clf__mapped_compute(const clf__net *n, const clf__slot *trained, const clf__pass *p,
                               clf__net_memory *k, clf_tensor x, clf_tensor u, int32_t rows,
                               clf_tensor *parameters);

#endif
