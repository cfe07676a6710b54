/* SPDX-License-Identifier: MIT */
/* embedding.c: layers between the context and the nets that read it: sbi's z-score, and an
 * embedding net. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "import_private.h"

static clf_status no_memory(void) { return clf__fail(CLF_ENOMEM, "no memory for a context"); }

/* Copies n elements of a vector, or repeats a single one n times. */
static clf_status spread(const double *from, int64_t count, int32_t n, double **to) {
  *to = malloc((size_t)n * sizeof **to);
  for (int32_t i = 0; *to && i < n; i++) (*to)[i] = from[count == n ? i : 0];
  return *to ? CLF_OK : no_memory();
}

static clf_status standardize(clf__im *im, const clf__im_module *m, int32_t n) {
  double *mean = NULL, *std = NULL;
  clf__im_tensor *a = NULL, *b = NULL;
  clf_status s = clf__im_read(im, m, "_mean", &mean, &a);
  if (!s) s = clf__im_read(im, m, "_std", &std, &b);
  if (!s && ((a->count != n && a->count != 1) || (b->count != n && b->count != 1)))
    s = clf__im_refuse(m, "standardises %lld numbers of a context of %d", (long long)a->count,
                       (int)n);
  if (!s) s = spread(mean, a->count, n, &im->c_mean);
  if (!s) s = spread(std, b->count, n, &im->c_std);
  free(mean);
  free(std);
  return s ? s : clf__im_print(&im->embedding, "standardize");
}

static int has_tensors(const clf__im_module *m, int depth) {
  if (m->tensor) return 1;
  for (const clf__im_module *c = m->child; c && depth < 32; c = c->next)
    if (has_tensors(c, depth + 1)) return 1;
  return 0;
}

static clf_status net(clf__im *im, clf__im_module *m, int64_t *inputs) {
  clf__im_text node = {0};
  int64_t outputs;
  clf_status s =
      clf__im_is_sequential(m)
          ? clf__im_sequential(im, m, "context.net", NULL, &node, inputs, &outputs)
          : clf__im_refuse(m, "is an embedding net that clflow does not read: those of linear "
                              "layers with an activation between them are supported");
  if (!s) s = clf__im_set_context(im, m, outputs);
  if (!s)
    s = clf__im_print(&im->embedding, "%s%s->%lld", im->embedding.s ? ", " : "", node.s,
                      (long long)outputs);
  free(node.s);
  return s;
}

clf_status clf__im_embedding(clf__im *im, clf__im_module *m) {
  if (!m || !has_tensors(m, 0)) return CLF_OK;
  clf__im_module *first = clf__im_at(m, 0), *rest = clf__im_at(m, 1);
  const int scaled = first && clf__im_find(first, "_mean");
  clf__im_module *embed = scaled ? rest : m;
  clf__im_text before = {0};
  if (embed && !has_tensors(embed, 0)) embed = NULL;
  if (!embed) return scaled ? standardize(im, first, im->context) : CLF_OK;
  int64_t inputs;
  CLF_TRY(net(im, embed, &inputs));
  if (inputs < 1 || inputs > 1 << 20) return clf__im_refuse(embed, "has no inputs");
  im->given = (int32_t)inputs;
  if (!scaled) return CLF_OK;
  before = im->embedding; /* the z-score comes first */
  im->embedding = (clf__im_text){0};
  clf_status s = standardize(im, first, im->given);
  if (!s) s = clf__im_print(&im->embedding, ", %s", before.s);
  free(before.s);
  return s;
}
