/* SPDX-License-Identifier: MIT */
/* pieces.c: tables of the implementations of the nodes of arch.def. */
#include "pieces.h"
#include <stdlib.h>
#include <string.h>

/* Every row of arch.def, once per group: each table has the rows of one group. */
#define CLF_NODE(GROUP, id, ...) DECLARE_##GROUP(id)
#define DECLARE_LAYER(id) extern const clf__layer_ops clf__layer_##id;
#define DECLARE_MAP(id) extern const clf__map_ops clf__map_##id;
#define DECLARE_NET(id) extern const clf__net_ops clf__net_##id;
#define DECLARE_BASE(id) extern const clf__base_ops clf__base_##id;
#define DECLARE_CONTEXT(id)
#define DECLARE_FLOW(id)
#include "clflow/arch.def"

#ifdef CLF_NO_IMAGES /* no code for nodes of images alone: they cannot stand anywhere */
#define clf__layer_squeeze (*(const clf__layer_ops *)NULL)
#define clf__layer_pixels (*(const clf__layer_ops *)NULL)
#define clf__net_conv (*(const clf__net_ops *)NULL)
#define clf__net_convresnet (*(const clf__net_ops *)NULL)
#endif

#define CLF_NODE(GROUP, id, ...) LAYERS_##GROUP(id)
#define LAYERS_LAYER(id) [CLF__ARCH_##id] = &clf__layer_##id,
#define LAYERS_MAP(id)
#define LAYERS_NET(id)
#define LAYERS_BASE(id)
#define LAYERS_CONTEXT(id)
#define LAYERS_FLOW(id)
static const clf__layer_ops *const layers[CLF__NODE_TYPES] = {
#include "clflow/arch.def"
};

#define CLF_NODE(GROUP, id, ...) MAPS_##GROUP(id)
#define MAPS_LAYER(id)
#define MAPS_MAP(id) [CLF__ARCH_##id] = &clf__map_##id,
#define MAPS_NET(id)
#define MAPS_BASE(id)
#define MAPS_CONTEXT(id)
#define MAPS_FLOW(id)
static const clf__map_ops *const maps[CLF__NODE_TYPES] = {
#include "clflow/arch.def"
};

#define CLF_NODE(GROUP, id, ...) NETS_##GROUP(id)
#define NETS_LAYER(id)
#define NETS_MAP(id)
#define NETS_NET(id) [CLF__ARCH_##id] = &clf__net_##id,
#define NETS_BASE(id)
#define NETS_CONTEXT(id)
#define NETS_FLOW(id)
static const clf__net_ops *const nets[CLF__NODE_TYPES] = {
#include "clflow/arch.def"
};

#define CLF_NODE(GROUP, id, ...) BASES_##GROUP(id)
#define BASES_LAYER(id)
#define BASES_MAP(id)
#define BASES_NET(id)
#define BASES_BASE(id) [CLF__ARCH_##id] = &clf__base_##id,
#define BASES_CONTEXT(id)
#define BASES_FLOW(id)
static const clf__base_ops *const bases[CLF__NODE_TYPES] = {
#include "clflow/arch.def"
};

/* ---- Rows without an implementation ---------------------------------------------------------- */

/* Expanded before layers are made. */
const clf__layer_ops clf__layer_repeat = {.name = "repeat"};

static clf_status refuse_conv(clf__base *b, clf__slots *slots, const char *path) {
  (void)b, (void)slots, (void)path;
  return clf__fail(CLF_EINVAL, "conv is the prior of a split; a flow ends in another base");
}
const clf__base_ops clf__base_base_conv = {.name = "conv", .make = refuse_conv};

/* ---- Lookup ---------------------------------------------------------------------------------- */

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

/* ---- Making maps and nets -------------------------------------------------------------------- */

clf_status clf__map_make(clf__map *m, const clf__node *node, clf__slots *slots, const char *path) {
  m->node = node;
  CLF_TRY(clf__map_of(node, &m->ops));
  return m->ops->make(m, slots, path);
}
void clf__map_unmake(clf__map *m) {
  if (m->ops && m->ops->unmake) m->ops->unmake(m);
  m->ops = NULL;
}

clf_status clf__net_make(clf__net *n, const clf__node *node, clf__slots *slots, const char *path) {
  n->node = node;
  CLF_TRY(clf__net_of(node, &n->ops));
  if (clf__net_normalises(node)) n->traits |= CLF_HAS_BATCH_STATISTICS;
  return n->ops->make(n, slots, path);
}
void clf__net_unmake(clf__net *n) {
  if (n->ops && n->ops->unmake) n->ops->unmake(n);
  n->ops = NULL;
}

/* A whole number or flag by name; 0 if the net does not have it. */
static int32_t member(const clf__node *node, const char *name) {
  const int at = clf__member_find(node->type, name, strlen(name));
  return at < 0 ? 0 : *(const int32_t *)clf__member_of(node, &node->type->members[at]);
}
int32_t clf__net_hidden(const clf__node *node) { return member(node, "hidden"); }
int clf__net_normalises(const clf__node *node) { return member(node, "bn") != 0; }
int clf__net_is_residual(const clf__node *node) {
  return node->type->id == CLF__ARCH_resnet || node->type->id == CLF__ARCH_convresnet;
}

void clf__map_init_net(const clf__map *m, const clf__net *n, clf__host_random *r, double *w) {
  enum { MOST = 256 };
  clf__map one = *m;
  double u[MOST];
  one.dims = 1;
  if (n->ops->init) n->ops->init(n, r, w);
  if (!m->ops->starts_nets || !n->ops->shift || m->numbers > MOST) return;
  m->ops->start(&one, r, u);
  n->ops->shift(n, u, m->numbers, w);
}

static clf_status need(const clf__net *n, void **memory) {
  if (!*memory) *memory = calloc((size_t)n->tensors + 1, sizeof(clf_tensor));
  return *memory ? CLF_OK : clf__fail(CLF_ENOMEM, "no memory for the plan of a net");
}
clf_status clf__net_plan(const clf__net *n, int32_t rows, int train, clf_arena *a, void **memory) {
  CLF_TRY(need(n, memory));
  return n->ops->plan(n, rows, train, a, *memory);
}
clf_status clf__net_keep(const clf__net *n, int32_t rows, int train, clf_arena *a, void **memory) {
  CLF_TRY(need(n, memory));
  return n->ops->keep ? n->ops->keep(n, rows, train, a, *memory) : CLF_OK;
}
clf_status clf__net_scratch(const clf__net *n, int32_t rows, int train, clf_arena *a,
                            void **memory) {
  CLF_TRY(need(n, memory));
  return n->ops->scratch ? n->ops->scratch(n, rows, train, a, *memory) : CLF_OK;
}
clf_status clf__net_plan_all(const clf__net *n, int32_t rows, int train, clf_arena *a,
                             void **memory) {
  CLF_TRY(clf__net_plan(n, rows, train, a, memory));
  CLF_TRY(clf__net_keep(n, rows, train, a, memory));
  return clf__net_scratch(n, rows, train, a, memory);
}
