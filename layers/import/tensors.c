/* SPDX-License-Identifier: MIT */
/* tensors.c: reads the elements of a checkpoint's tensors, by type and strides, and names tensors
 * in messages. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "modules.h"
#include "status.h"

clf_status clf__im_get(const clf__im_tensor *t, double *out) {
  int64_t index[CLF_IM_RANK] = {0}, at = t->offset;
  for (int64_t i = 0; i < t->count; i++) {
    out[i] = t->dtype->load(t->bytes + at * t->dtype->width);
    if (!isfinite(out[i]))
      return clf__fail(CLF_ENUM, "element %lld of the tensor %s is %g", (long long)i,
                       clf__im_tensor_path(t).s, out[i]);
    for (int k = t->rank; k--;) {
      at += t->stride[k];
      if (++index[k] < t->dim[k]) break;
      at -= t->dim[k] * t->stride[k];
      index[k] = 0;
    }
  }
  return CLF_OK;
}

/* ---- Names --------------------------------------------------------------------------------- */

static void append(clf__im_name *n, const char *word) {
  const size_t used = strlen(n->s);
  snprintf(n->s + used, sizeof n->s - used, "%s%s", used ? "." : "", word);
}
static void append_path(clf__im_name *n, const clf__im_module *m, int depth) {
  if (!m || !m->parent || depth > 64) return;
  append_path(n, m->parent, depth + 1);
  append(n, m->name);
}
clf__im_name clf__im_path(const clf__im_module *m) {
  clf__im_name n = {{0}};
  append_path(&n, m, 0);
  if (!*n.s) append(&n, "the model");
  return n;
}
clf__im_name clf__im_tensor_path(const clf__im_tensor *t) {
  clf__im_name n = {{0}};
  append_path(&n, t->in, 0);
  append(&n, t->name);
  return n;
}

/* ---- Looking up ---------------------------------------------------------------------------- */

/* The child whose name is the first n letters of `name`. */
static clf__im_module *child_of(const clf__im_module *m, const char *name, size_t n) {
  for (clf__im_module *c = m ? m->child : NULL; c; c = c->next)
    if (!strncmp(c->name, name, n) && !c->name[n]) return c;
  return NULL;
}
clf__im_module *clf__im_child(const clf__im_module *m, const char *path) {
  const char *dot;
  for (; (dot = strchr(path, '.')); path = dot + 1) m = child_of(m, path, (size_t)(dot - path));
  return child_of(m, path, strlen(path));
}
clf__im_module *clf__im_at(const clf__im_module *m, int i) {
  char name[16];
  snprintf(name, sizeof name, "%d", i);
  return clf__im_child(m, name);
}
clf__im_tensor *clf__im_find(const clf__im_module *m, const char *path) {
  const char *dot;
  for (; (dot = strchr(path, '.')); path = dot + 1) m = child_of(m, path, (size_t)(dot - path));
  for (clf__im_tensor *t = m ? m->tensor : NULL; t; t = t->next)
    if (!strcmp(t->name, path)) return t;
  return NULL;
}
const char *clf__im_kind(const clf__im_module *m) {
  const char *dot = strrchr(m->cls, '.');
  return dot ? dot + 1 : m->cls;
}
const clf__pk *clf__im_attribute(const clf__im_module *m, const char *name) {
  return m && m->self ? clf__pk_get(m->self, name) : NULL;
}
