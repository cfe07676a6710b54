/* SPDX-License-Identifier: MIT */
/* freia.c: chains of FrEIA's AllInOneBlock (SequenceINN). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "import_private.h"

/* The permutation matrix times learned reflections: w_0 (I - 2 v v' / v.v) ... */
static clf_status reflected(clf__im *im, clf__im_module *m, int64_t D, double **out) {
  double *v, *W;
  clf__im_tensor *t;
  CLF_TRY(clf__im_read(im, m, "w_0", &W, &t));
  clf_status s = t->count == D * D ? clf__im_read(im, m, "vk_householder", &v, &t)
                                   : clf__im_refuse(m, "has a permutation of another size");
  for (int64_t k = 0; !s && k < t->count / D; k++) {
    const double *a = v + k * D;
    double norm = 0;
    for (int64_t j = 0; j < D; j++) norm += a[j] * a[j];
    for (int64_t i = 0; i < D; i++) {
      double dot = 0;
      for (int64_t j = 0; j < D; j++) dot += W[i * D + j] * a[j];
      for (int64_t j = 0; j < D; j++) W[i * D + j] -= 2 * dot * a[j] / norm;
    }
  }
  if (!s) free(v);
  if (s) {
    free(W);
    W = NULL;
  }
  *out = W;
  return s;
}

static clf_status put_rotation(clf__im *im, clf__im_module *m, int64_t D, int i) {
  double *W;
  clf__im_skip(m, "w_perm_inv");
  if (clf__im_find(m, "w_perm")) return clf__im_put(im, m, "w_perm", "layers.%d.rotation", i);
  CLF_TRY(reflected(im, m, D, &W));
  return clf__im_put_values(im, W, D * D, NULL, "layers.%d.rotation", i);
}

/* The net computes scales, then shifts. FrEIA up to version 0.2 uses clamp tanh(u), clflow clamp
 * tanh(u / clamp). */
static clf_status put_net(clf__im *im, clf__im_module *m, int64_t D, const char *clamp,
                          clf__im_text *node) {
  const char *form;
  char path[32];
  const int64_t moving = D / 2, kept = D - moving;
  int64_t in, out;
  double *scale = malloc((size_t)(2 * moving) * sizeof *scale);
  clf_status s = scale ? clf__im_choose(im, CLF_IM_HINT_clamping, NULL, "", &form)
                       : clf__fail(CLF_ENOMEM, "no memory for a net");
  for (int64_t k = 0; k < 2 * moving && !s; k++)
    scale[k] = k < moving && !strcmp(form, "old") ? strtod(clamp, NULL) : 1;
  snprintf(path, sizeof path, "layers.%d.net", im->layers);
  clf__im_module *net = clf__im_child(m, "subnet");
  const int64_t rows = clf__im_outputs(net);
  if (!s && rows != 2 * moving)
    s = clf__im_refuse(m, "has a net of %lld outputs for %lld dimensions", (long long)rows,
                       (long long)moving);
  if (!s)
    s = clf__im_sequential(im, net, path, &(clf__im_net_options){.scale_last = scale}, node, &in,
                           &out);
  if (!s && in < kept) s = clf__im_refuse(m, "has a net of %lld inputs", (long long)in);
  if (!s) s = clf__im_set_context(im, m, in - kept);
  free(scale);
  return s;
}

static clf_status block(clf__im *im, clf__im_module *m) {
  const clf__im_tensor *t = clf__im_find(m, "global_scale");
  clf__im_text net = {0};
  const char *clamp, *gain;
  char number[32];
  const int i = im->layers;
  if (!t || !clf__im_child(m, "subnet"))
    return clf__im_refuse(m, "is not supported; of FrEIA, chains of AllInOneBlock of vectors are");
  if (t->rank != 2)
    return clf__im_refuse(m, "is a block of images; those of vectors are supported");
  if (t->count < 2) return clf__im_refuse(m, "has one dimension");
  CLF_TRY(clf__im_set_dim(im, m, t->count));
  CLF_TRY(clf__im_choose(im, CLF_IM_HINT_clamp, clf__im_number(m, "clamp", number), "", &clamp));
  CLF_TRY(clf__im_choose(im, CLF_IM_HINT_gain, NULL, "", &gain));
  CLF_TRY(clf__im_put(im, m, "global_scale", "layers.%d.scale", i));
  CLF_TRY(clf__im_put(im, m, "global_offset", "layers.%d.offset", i));
  CLF_TRY(put_rotation(im, m, t->count, i));
  clf_status s = put_net(im, m, t->count, clamp, &net);
  if (!s)
    s = clf__im_layer(im, "allinone(affine(scale=tanh, clamp=%s, layout=halves), %s, gain=%s)",
                      clamp, net.s, gain);
  free(net.s);
  return s;
}

clf_status clf__im_freia(clf__im *im, clf__im_module *m) {
  clf__im_module *list = clf__im_child(m, "module_list");
  for (int i = 0; i < list->children; i++) {
    clf__im_module *c = clf__im_at(list, i);
    if (!c)
      return clf__fail(CLF_EINVAL, "%s.%d has no tensors, so that the file does not say what it is",
                       clf__im_path(list).s, i);
    CLF_TRY(block(im, c));
  }
  return CLF_OK;
}
