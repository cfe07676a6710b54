/* SPDX-License-Identifier: MIT */
/* net.c: the table of nets, making the net of a node, and its memory. */
#include "net.h"
#include <stdlib.h>
#include <string.h>
#include "map.h"

#define CLF_NET_ROW(id) extern const clf__net_ops clf__net_##id;
#include "arch_rows.h"

#ifdef CLF_NO_IMAGES /* no code for nets of images alone: they cannot stand anywhere */
#define clf__net_conv (*(const clf__net_ops *)NULL)
#define clf__net_convresnet (*(const clf__net_ops *)NULL)
#endif

#define CLF_NET_ROW(id) [CLF__ARCH_##id] = &clf__net_##id,
static const clf__net_ops *const nets[CLF__NODE_TYPES] = {
#include "arch_rows.h"
};

clf_status clf__net_make(clf__net *n, const clf__node *node, clf__slots *slots, const char *path) {
  n->node = node;
  n->ops = nets[node->type->id];
  if (!n->ops) return clf__node_misplaced(node);
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

void clf__net_init_for(const clf__net *n, const clf__map *m, clf__host_random *r, double *w) {
  enum { MOST = 256 };
  clf__map one = *m;
  double u[MOST];
  one.dims = 1;
  if (n->ops->init) n->ops->init(n, r, w);
  if (!m->ops->starts_nets || !n->ops->shift || m->numbers > MOST) return;
  m->ops->start(&one, r, u);
  n->ops->shift(n, u, m->numbers, w);
}

/* ---- Memory ---------------------------------------------------------------------------------- */

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
