/* SPDX-License-Identifier: MIT */
/* layer.c: memory and traits of a layer and of its net. */
#include "layer.h"
#include "net.h"

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
