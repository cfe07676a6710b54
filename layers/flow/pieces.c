/* SPDX-License-Identifier: MIT */
/* pieces.c: what runs each node of arch.def. */
#include "pieces.h"
#include <stdlib.h>
#include <string.h>

/* The rows of arch.def that have operations; repeat is expanded before anything is made. */
#define MIXING(X) X(perm) X(lu) X(qr) X(svd) X(householder) X(rotation) X(dense) X(conv1x1)
#define NORMS(X) X(actnorm) X(batchnorm) X(standardize) X(shift_scale)
#define BOUNDS(X) X(logit) X(log) X(softplus) X(softclip) X(wrap) X(columns)
#define LAYERS(X)                                                                                  \
  X(coupling)                                                                                      \
  X(ar)                                                                                            \
  X(elementwise)                                                                                   \
  X(allinone) X(piecewise) X(scale) X(pixels) X(squeeze) X(split) MIXING(X) NORMS(X) BOUNDS(X)
#define MAPS(X) X(add) X(affine) X(rq)
#define NETS(X) X(mlp) X(resnet) X(made) X(masked) X(conv) X(convresnet) X(zero)
#define BASES(X)                                                                                   \
  X(normal) X(classes) X(box) X(mixture) X(student) X(logistic) X(laplace) X(base_columns) X(blend)

#define DECLARE_LAYER(id) extern const clf__layer_ops clf__layer_##id;
#define DECLARE_MAP(id) extern const clf__map_ops clf__map_##id;
#define DECLARE_NET(id) extern const clf__net_ops clf__net_##id;
#define DECLARE_BASE(id) extern const clf__base_ops clf__base_##id;
LAYERS(DECLARE_LAYER)
MAPS(DECLARE_MAP)
NETS(DECLARE_NET)
BASES(DECLARE_BASE)

#define LAYER(id) [CLF__ARCH_##id] = &clf__layer_##id,
#define MAP(id) [CLF__ARCH_##id] = &clf__map_##id,
#define NET(id) [CLF__ARCH_##id] = &clf__net_##id,
#define BASE(id) [CLF__ARCH_##id] = &clf__base_##id,
static const clf__layer_ops *const layers[CLF__NODE_TYPES] = {[CLF__ARCH_repeat] = NULL,
                                                              LAYERS(LAYER)};
static const clf__map_ops *const maps[CLF__NODE_TYPES] = {[CLF__ARCH_repeat] = NULL, MAPS(MAP)};
static const clf__net_ops *const nets[CLF__NODE_TYPES] = {[CLF__ARCH_repeat] = NULL, NETS(NET)};
static const clf__base_ops *const bases[CLF__NODE_TYPES] = {[CLF__ARCH_repeat] = NULL, BASES(BASE)};

static clf_status missing(const clf__node *node) {
  return clf__fail(CLF_EINVAL, "%s cannot stand here", node->type->name);
}

clf_status clf__layer_of(const clf__node *node, const clf__layer_ops **ops) {
  *ops = layers[node->type->id];
  return *ops ? CLF_OK : missing(node);
}
clf_status clf__map_of(const clf__node *node, const clf__map_ops **ops) {
  *ops = maps[node->type->id];
  return *ops ? CLF_OK : missing(node);
}
clf_status clf__net_of(const clf__node *node, const clf__net_ops **ops) {
  *ops = nets[node->type->id];
  return *ops ? CLF_OK : missing(node);
}
clf_status clf__base_of(const clf__node *node, const clf__base_ops **ops) {
  *ops = bases[node->type->id];
  return *ops ? CLF_OK : missing(node);
}

/* ---- Making maps and nets ------------------------------------------------------------------- */

clf_status clf__map_make(clf__map *m, const clf__node *node, clf__parts *parts, const char *path) {
  m->node = node;
  CLF_TRY(clf__map_of(node, &m->ops));
  return m->ops->make(m, parts, path);
}
void clf__map_unmake(clf__map *m) {
  if (m->ops && m->ops->unmake) m->ops->unmake(m);
  m->ops = NULL;
}

clf_status clf__net_make(clf__net *n, const clf__node *node, clf__parts *parts, const char *path) {
  n->node = node;
  CLF_TRY(clf__net_of(node, &n->ops));
  return n->ops->make(n, parts, path);
}
void clf__net_unmake(clf__net *n) {
  if (n->ops && n->ops->unmake) n->ops->unmake(n);
  n->ops = NULL;
}

int32_t clf__net_hidden(const clf__node *node) {
  const int at = clf__member_find(node->type, "hidden", strlen("hidden"));
  return at < 0 ? 0 : *(const int32_t *)clf__member_of(node, &node->type->members[at]);
}
int clf__net_is_residual(const clf__node *node) {
  return node->type->id == CLF__ARCH_resnet || node->type->id == CLF__ARCH_convresnet;
}

clf_status clf__net_keep(const clf__net *n, void **kept) {
  if (!*kept) *kept = calloc((size_t)n->tensors + 1, sizeof(clf_tensor));
  return *kept ? CLF_OK : clf__fail(CLF_ENOMEM, "no memory for the plan of a net");
}
