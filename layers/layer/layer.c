/* SPDX-License-Identifier: MIT */
/* layer.c: the table of layers; memory and traits of a layer and of its net. */
#include "layer.h"
#include <math.h>
#include "net.h"

#define CLF_LAYER_ROW(id) extern const clf__layer_ops clf__layer_##id;
#include "arch_rows.h"

#ifdef CLF_NO_IMAGES /* no code for layers of images alone: they cannot stand anywhere */
#define clf__layer_squeeze (*(const clf__layer_ops *)NULL)
#define clf__layer_pixels (*(const clf__layer_ops *)NULL)
#endif

#define CLF_LAYER_ROW(id) [CLF__ARCH_##id] = &clf__layer_##id,
static const clf__layer_ops *const layers[CLF__NODE_TYPES] = {
#include "arch_rows.h"
};

/* Expanded before layers are made. */
const clf__layer_ops clf__layer_repeat = {.name = "repeat"};

clf_status clf__layer_of(const clf__node *node, const clf__layer_ops **ops) {
  *ops = layers[node->type->id];
  return *ops ? CLF_OK : clf__node_misplaced(node);
}

/* ---- Memory and traits ----------------------------------------------------------------------- */

static const clf__net *net_of(const clf__layer *l) { return l->ops->net ? l->ops->net(l) : NULL; }

void clf__layer_free_own(clf__layer *l) {
  free(l->own);
  l->own = NULL;
}

clf_status clf__layer_plan(const clf__layer *l, int32_t rows, int train, clf_arena *a,
                           clf__layer_memory *k) {
  return l->ops->plan ? l->ops->plan(l, rows, train, a, k) : CLF_OK;
}

clf_status clf__layer_keep(const clf__layer *l, int32_t rows, int train, clf_arena *a,
                           clf__layer_memory *k) {
  const clf__net *n = net_of(l);
  if (l->ops->keep) CLF_TRY(l->ops->keep(l, rows, train, a, k));
  return n ? clf__net_keep(n, rows, train, a, &k->own) : CLF_OK;
}

clf_status clf__layer_scratch(const clf__layer *l, int32_t rows, int train, clf_arena *a,
                              clf__layer_memory *k) {
  const clf__net *n = net_of(l);
  if (l->ops->scratch) CLF_TRY(l->ops->scratch(l, rows, train, a, k));
  return n ? clf__net_scratch(n, rows, train, a, &k->own) : CLF_OK;
}

unsigned clf__layer_traits(const clf__layer *l) {
  const clf__net *n = net_of(l);
  return l->traits | (n ? n->traits : 0);
}

void clf__layer_place(const clf__layer *l, clf__layer_memory *k, clf_tensor z, clf_tensor dz,
                      int32_t *at) {
  const int32_t first = *at, end = *at += l->to_z;
  if (!l->to_z) return;
  k->z = clf_slice(z, 1, first, end);
  if (dz.buf) k->dz = clf_slice(dz, 1, first, end);
}

clf_status clf__is_finite(clf_device *dev, clf_tensor t, int *finite) {
  const size_t n = clf__count(&t);
  double *host = malloc(n * sizeof *host);
  if (!host) return clf__fail(CLF_ENOMEM, "no memory to look at %zu numbers", n);
  const clf_status s = clf_read64(dev, t, host);
  *finite = 1;
  for (size_t i = 0; i < n && !s; i++) *finite &= isfinite(host[i]) != 0;
  free(host);
  return s;
}
