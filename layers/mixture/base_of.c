/* SPDX-License-Identifier: MIT */
/* base_of.c: copies the base of one flow to another. */
#include <stdlib.h>
#include <string.h>
#include "copies.h"
#include "given.h"

/* The parameter with this name and the shape of `like`; NULL if there is none. */
static const clf_param *find(const clf_flow *f, const char *name, const clf_param *like) {
  for (int i = 0; i < f->param_count; i++) {
    const clf_param *p = &f->params[i];
    if (strcmp(p->name, name) == 0 && p->rank == like->rank &&
        memcmp(p->at.dim, like->at.dim, sizeof p->at.dim) == 0)
      return p;
  }
  return NULL;
}

static clf_status copy(const clf_flow *from, const clf_param *a, clf_flow *to, const clf_param *b) {
  double *v = malloc((size_t)clf__count(&a->at) * sizeof *v);
  if (!v) return clf__fail(CLF_ENOMEM, "no memory for %s", a->name);
  clf_status s = clf_read64(from->dev, a->at, v);
  if (!s) s = clf_write64(to->dev, b->at, v);
  if (!s) s = clf_sync(to->dev);
  free(v);
  return s;
}

clf_status clf__copy_params(const clf_flow *from, const char *prefix, clf_flow *to,
                            const char *instead, int dry) {
  const size_t length = strlen(prefix);
  for (int i = 0; i < from->param_count; i++) {
    const clf_param *p = &from->params[i];
    char name[2 * sizeof p->name];
    if (strncmp(p->name, prefix, length) != 0) continue;
    snprintf(name, sizeof name, "%s%s", instead, p->name + length);
    const clf_param *q = find(to, name, p);
    if (!q) return clf__fail(CLF_EINVAL, "the flow has no %s of the same shape to copy to", name);
    if (!dry) CLF_TRY(copy(from, p, to, q));
  }
  return dry ? CLF_OK : clf__flow_derive_again(to);
}

clf_status clf__copy_scaling(const clf_flow *from, clf_flow *to) {
  if (from->mean) CLF_TRY(clf_flow_set_scaling(to, from->mean, from->std));
  return from->c_mean ? clf__flow_set_context_scaling(to, from->c_mean, from->c_std) : CLF_OK;
}

clf_status clf_flow_set_base_of(clf_flow *f, const clf_flow *from) {
  CLF_GIVEN("flow, from", f, from);
  if (f->base.ops != from->base.ops || f->spec.dim != from->spec.dim || f->context != from->context)
    return clf__fail(CLF_EINVAL,
                     "the base of the flow is %s of %d columns and %d of context; that to copy is "
                     "%s of %d columns and %d of context",
                     f->base.ops->name, (int)f->spec.dim, (int)f->context, from->base.ops->name,
                     (int)from->spec.dim, (int)from->context);
  CLF_TRY(clf__copy_params(from, "base.", f, "base.", 1));
  CLF_TRY(clf__copy_params(from, "base.", f, "base.", 0));
  return clf__copy_scaling(from, f);
}
