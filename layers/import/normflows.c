/* SPDX-License-Identifier: MIT */
/* normflows.c: flows of normflows.
 *
 * Their list goes from latents to data, so it is read from its end, and layers whose formula is for
 * samples are inverted.  Splines and LU layers are defined in density direction. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "normflows.h"

static clf_status no_memory(void) { return clf__fail(CLF_ENOMEM, "no memory for an import"); }

/* ---- Masked affine flows ------------------------------------------------------------------- */

/* The transformed dimensions, where b is 0, and the identity dimensions, where it is 1. */
typedef struct halves {
  int64_t *moving, *still;
  int64_t n, m;
  double *flags; /* 1: transformed */
} halves;

static void free_halves(halves *h) {
  free(h->moving);
  free(h->still);
  free(h->flags);
}
static clf_status make_halves(int64_t D, halves *h) {
  h->moving = calloc((size_t)D, sizeof *h->moving);
  h->still = calloc((size_t)D, sizeof *h->still);
  h->flags = calloc((size_t)D, sizeof *h->flags);
  return h->moving && h->still && h->flags ? CLF_OK : no_memory();
}
static void add_dimension(halves *h, int64_t d, int moves) {
  h->flags[d] = moves;
  if (moves)
    h->moving[h->n++] = d;
  else
    h->still[h->m++] = d;
}

/* Both nets read b z and compute a number for every dimension: only the outputs of transformed
 * dimensions and the inputs of identity dimensions are used. */
static clf_status masked_net(clf__im *im, clf__im_module *net, const char *path, const halves *h,
                             int64_t width, clf__im_text *node) {
  const clf__im_pick rows = {h->moving, h->n}, cols = {h->still, h->m};
  const clf__im_net_options o = {.rows = &rows, .cols = &cols, .width = width};
  int64_t in, out;
  CLF_TRY(clf__im_sequential(im, net, path, &o, node, &in, &out));
  if (in != im->dim || out != im->dim)
    return clf__im_refuse(net, "has %lld inputs and %lld outputs for %d dimensions", (long long)in,
                          (long long)out, (int)im->dim);
  return CLF_OK;
}

static clf_status masked_nets(clf__im *im, clf__im_module *m, const halves *h, clf__im_text *node) {
  clf__im_module *s = clf__im_child(m, "s"), *t = clf__im_child(m, "t");
  clf__im_text second = {0};
  char path[32];
  const int64_t a = clf__im_width(t), b = s ? clf__im_width(s) : 0, width = a > b ? a : b;
  if (!s) {
    snprintf(path, sizeof path, "layers.%d.net", im->layers);
    return masked_net(im, t, path, h, width, node);
  }
  snprintf(path, sizeof path, "layers.%d.net.0", im->layers);
  CLF_TRY(masked_net(im, t, path, h, width, node));
  snprintf(path, sizeof path, "layers.%d.net.1", im->layers);
  clf_status status = masked_net(im, s, path, h, width, &second);
  if (!status && strcmp(second.s, node->s) != 0)
    status = clf__im_refuse(m, "has nets of different forms for scale and shift");
  free(second.s);
  node->used--; /* the closing parenthesis */
  return status ? status : clf__im_print(node, ", separate=1)");
}

static clf_status masked_affine(clf__im *im, clf__im_module *m) {
  clf__im_text net = {0}, mask = {0};
  double *b;
  clf__im_tensor *t;
  halves h = {0};
  CLF_TRY(clf__im_read(im, m, "b", &b, &t));
  clf_status s = clf__im_set_dim(im, m, t->count);
  if (!s) s = make_halves(t->count, &h);
  for (int64_t d = 0; d < t->count && !s; d++) add_dimension(&h, d, b[d] == 0);
  if (!s && (!h.n || !h.m)) s = clf__im_refuse(m, "has a mask that moves all dimensions, or none");
  if (!s) s = masked_nets(im, m, &h, &net);
  if (!s) s = clf__im_mask(im, h.flags, t->count, &mask);
  if (!s)
    s = clf__im_layer(im, "~coupling(%s, %s%s)",
                      clf__im_child(m, "s") ? "affine(scale=exp)" : "add", net.s,
                      mask.s ? mask.s : "");
  free(net.s);
  free(mask.s);
  free(b);
  free_halves(&h);
  return s;
}

/* ---- Affine coupling blocks ------------------------------------------------------------------ */

static const char *said_mode(const clf__im_module *m) {
  return clf__pk_text(clf__im_attribute(clf__im_at(clf__im_child(m, "flows"), 0), "mode"));
}
clf_status clf__im_split_mode(clf__im *im, const clf__im_module *m, const char **mode) {
  CLF_TRY(clf__im_choose(im, CLF_IM_HINT_split, said_mode(m), "", mode));
  if (!strcmp(*mode, "channel") || !strcmp(*mode, "channel_inv")) return CLF_OK;
  return clf__im_refuse(m, "splits by %s, which is not supported; channel and channel_inv are",
                        *mode);
}

/* Which half is transformed: the net has as many inputs as the other half has dimensions. */
static clf_status split_halves(clf__im *im, clf__im_module *m, int64_t inputs, halves *h) {
  const int64_t D = im->dim, first = (D + 1) / 2;
  const char *mode = inputs == first ? "channel" : "channel_inv";
  if (D % 2 == 0 || said_mode(m)) CLF_TRY(clf__im_split_mode(im, m, &mode));
  const int inv = !strcmp(mode, "channel_inv");
  CLF_TRY(make_halves(D, h));
  for (int64_t d = 0; d < D; d++) add_dimension(h, d, (d < first) == inv);
  return h->m == inputs ? CLF_OK
                        : clf__im_refuse(m, "has a net of %lld inputs for %lld of %lld dimensions",
                                         (long long)inputs, (long long)h->m, (long long)D);
}

clf_status clf__im_block_map(clf__im *im, const clf__im_module *m, const char *of, int scaled,
                             const char **map, int *inverted, int *negate) {
  const char *scale;
  const char *kind =
      clf__pk_text(clf__im_attribute(clf__im_at(clf__im_child(m, "flows"), 1), "scale_map"));
  if (kind) kind = !strcmp(kind, "exp") ? "exp" : !strcmp(kind, "sigmoid") ? "glow" : "sigmoid_inv";
  *inverted = 1;
  *map = "add";
  if (!scaled) return CLF_OK;
  CLF_TRY(clf__im_choose(im, CLF_IM_HINT_scale, kind, of, &scale));
  *negate = !strcmp(scale, "glow"); /* z / s + t, whose inverse is (x - t) s */
  *inverted = !*negate;
  *map = *negate                         ? "affine(scale=glow, layout=interleaved, first=1)"
         : !strcmp(scale, "sigmoid_inv") ? "affine(scale=glow, layout=interleaved)"
                                         : "affine(scale=exp, layout=interleaved)";
  return CLF_OK;
}

static clf_status coupling_block(clf__im *im, clf__im_module *m) {
  clf__im_module *net = clf__im_child(m, "flows.1.param_map");
  clf__im_text node = {0}, mask = {0};
  char path[32];
  int64_t in, out;
  int inverted, negate = 0;
  const char *map;
  double sign[2] = {1, 1}, *scale = NULL;
  halves h = {0};
  const clf__im_tensor *first = clf__im_find(net, "net.0.weight");
  if (!im->dim) return clf__im_refuse(m, "comes before any module that says the dimension");
  if (!first || first->rank != 2)
    return clf__im_refuse(net ? net : m,
                          "is no net of linear layers, which couplings of vectors have");
  clf_status s = split_halves(im, m, first->dim[1], &h);
  snprintf(path, sizeof path, "layers.%d.net", im->layers);
  const int64_t rows = clf__im_outputs(net);
  if (!s) s = clf__im_block_map(im, m, "coupling", rows == 2 * h.n, &map, &inverted, &negate);
  if (!s && rows != h.n && rows != 2 * h.n)
    s = clf__im_refuse(net, "has %lld outputs for %lld dimensions", (long long)rows,
                       (long long)h.n);
  if (!s && !(scale = malloc((size_t)rows * sizeof *scale))) s = no_memory();
  sign[0] = negate ? -1 : 1;
  for (int64_t i = 0; i < rows && !s; i++) scale[i] = sign[i % 2];
  if (!s)
    s = clf__im_sequential(im, net, path, &(clf__im_net_options){.scale_last = scale}, &node, &in,
                           &out);
  if (!s) s = clf__im_mask(im, h.flags, im->dim, &mask);
  if (!s)
    s = clf__im_layer(im, "%scoupling(%s, %s%s)", inverted ? "~" : "", map, node.s,
                      mask.s ? mask.s : "");
  free(node.s);
  free(mask.s);
  free(scale);
  free_halves(&h);
  return s;
}

/* ---- Splines --------------------------------------------------------------------------------- */

static clf_status spline_coupling(clf__im *im, clf__im_module *m) {
  return clf__im_nflows_coupling(im, clf__im_child(m, "prqct"));
}
static clf_status spline_ar(clf__im *im, clf__im_module *m) {
  clf__im_module *a = clf__im_child(m, "mprqat");
  return clf__im_nflows_ar(im, a, clf__im_child(a, "autoregressive_net"));
}
static clf_status affine_ar(clf__im *im, clf__im_module *m) {
  im->inverted = 1; /* it samples in one pass */
  const clf_status s = clf__im_nflows_ar(im, m, clf__im_child(m, "autoregressive_net"));
  im->inverted = 0;
  return s;
}

/* ---- Linear layers --------------------------------------------------------------------------- */

static clf_status lu_permute(clf__im *im, clf__im_module *m) {
  clf__im_module *linear = clf__im_child(m, "linear");
  CLF_TRY(clf__im_nflows_layer(im, clf__im_child(m, "permutation")));
  return clf__im_nflows_layer(im, linear);
}

static clf_status permute(clf__im *im, clf__im_module *m) {
  const clf__im_tensor *t = clf__im_find(m, "inv_perm");
  CLF_TRY(clf__im_set_dim(im, m, t->count));
  clf__im_skip(m, "perm");
  CLF_TRY(clf__im_put(im, m, "inv_perm", "layers.%d.perm", im->layers));
  return clf__im_layer(im, "perm");
}
/* Exchanges the halves; it has no tensors. */
static clf_status swap(clf__im *im) {
  const int32_t D = im->dim, first = (D + 1) / 2;
  double *perm = malloc((size_t)D * sizeof *perm);
  if (!D) {
    free(perm);
    return clf__fail(CLF_EFORMAT, "a permutation comes before any module that says the dimension");
  }
  for (int32_t d = 0; perm && d < D; d++) perm[d] = (d + first) % D;
  CLF_TRY(clf__im_put_values(im, perm, D, NULL, "layers.%d.perm", im->layers));
  return clf__im_layer(im, "perm");
}

/* InvertibleAffine: in density direction, rows are multiplied from the right, x W. */
static clf_status product(const double *a, const double *b, int64_t D, double **out) {
  *out = calloc((size_t)(D * D), sizeof **out);
  for (int64_t i = 0; *out && i < D; i++)
    for (int64_t k = 0; k < D; k++)
      for (int64_t j = 0; j < D; j++) (*out)[i * D + j] += a[i * D + k] * b[k * D + j];
  return *out ? CLF_OK : no_memory();
}
clf_status clf__im_assemble(clf__im *im, clf__im_module *m, int64_t D, double **W) {
  static const char *const names[] = {"P", "L", "U", "sign_S", "log_S"};
  double *v[5] = {NULL}, *LU = NULL;
  clf_status s = CLF_OK;
  for (int k = 0; k < 5 && !s; k++) {
    clf__im_tensor *t;
    s = clf__im_read(im, m, names[k], &v[k], &t);
    if (!s && t->count != (k < 3 ? D * D : D))
      s = clf__im_refuse(m, "has parts of different sizes");
  }
  for (int64_t i = 0; i < D && !s; i++)
    for (int64_t j = 0; j < D; j++) {
      double *l = &v[1][i * D + j], *u = &v[2][i * D + j];
      *l = i > j ? *l : i == j;
      *u = i < j ? *u : i == j ? v[3][i] * exp(v[4][i]) : 0;
    }
  if (!s) s = product(v[1], v[2], D, &LU);
  if (!s) s = product(v[0], LU, D, W);
  for (int k = 0; k < 5; k++) free(v[k]);
  free(LU);
  clf__im_skip(m, "eye");
  return s;
}
static clf_status dense(clf__im *im, clf__im_module *m) {
  const clf__im_tensor *t = clf__im_find(m, clf__im_find(m, "W") ? "W" : "P");
  const int64_t D = clf__im_dim(t, 0);
  double *W = NULL, *turned;
  CLF_TRY(clf__im_set_dim(im, m, D));
  if (clf__im_dim(t, 1) != D || D > 4096)
    return clf__im_refuse(m, "has no square matrix of at most 4096 rows");
  CLF_TRY(clf__im_find(m, "W") ? clf__im_read(im, m, "W", &W, NULL)
                               : clf__im_assemble(im, m, D, &W));
  turned = malloc((size_t)(D * D) * sizeof *turned);
  for (int64_t i = 0; turned && i < D * D; i++) turned[i] = W[i % D * D + i / D];
  free(W);
  const int layer = im->layers;
  CLF_TRY(clf__im_put_values(im, turned, D * D, t, "layers.%d.weight", layer));
  CLF_TRY(
      clf__im_put_values(im, calloc((size_t)D, sizeof(double)), D, NULL, "layers.%d.bias", layer));
  return clf__im_layer(im, "dense");
}

/* ActNorm and AffineConstFlow: x = z e^s + t. */
static clf_status constant(clf__im *im, clf__im_module *m) {
  const clf__im_tensor *t = clf__im_find(m, "s");
  double *flag = malloc(sizeof *flag);
  const int i = im->layers;
  if (!flag) return no_memory();
  *flag = 1;
  if (t->rank != 2) {
    free(flag);
    return clf__im_refuse(
        m, "is a layer of images outside of a MultiscaleFlow, which is not supported");
  }
  clf_status s = CLF_OK;
  if (clf__im_find(m, "data_dep_init_done")) {
    free(flag);
    s = clf__im_read(im, m, "data_dep_init_done", &flag, NULL);
  }
  if (!s) s = clf__im_put_values(im, flag, 1, NULL, "layers.%d.fitted", i);
  if (!s) s = clf__im_set_dim(im, m, t->count);
  if (!s) s = clf__im_put(im, m, "s", "layers.%d.log_scale", i);
  if (!s) s = clf__im_put(im, m, "t", "layers.%d.shift", i);
  return s ? s : clf__im_layer(im, "~actnorm");
}

/* ---- Any ------------------------------------------------------------------------------------- */

static const struct {
  const char *child, *tensor;
  clf_status (*read)(clf__im *, clf__im_module *);
} readers[] = {
    {"prqct", NULL, spline_coupling},
    {"mprqat", NULL, spline_ar},
    {"autoregressive_net", NULL, affine_ar},
    {"t", "b", masked_affine},
    {"flows.1.param_map", NULL, coupling_block},
    {"linear", NULL, lu_permute},
    {NULL, "inv_perm", permute},
    {NULL, "s", constant},
    {NULL, "log_S", dense},
    {NULL, "W", dense},
};

static clf_status flow(clf__im *im, clf__im_module *m) {
  for (size_t i = 0; i < sizeof readers / sizeof *readers; i++)
    if ((!readers[i].child || clf__im_child(m, readers[i].child)) &&
        (!readers[i].tensor || clf__im_find(m, readers[i].tensor)))
      return readers[i].read(im, m);
  const char *mode = clf__pk_text(clf__im_attribute(m, "mode"));
  if (mode && !strcmp(mode, "swap")) return swap(im);
  return clf__im_refuse(
      m,
      "is not supported; of normflows' flows these are: MaskedAffineFlow, AffineCouplingBlock, "
      "CoupledRationalQuadraticSpline, AutoregressiveRationalQuadraticSpline, "
      "MaskedAffineAutoregressive, circular splines, LULinearPermute, Permute, InvertibleAffine, "
      "ActNorm and AffineConstFlow; and of images MultiscaleFlow of GlowBlocks");
}

/* In a state_dict, an index without tensors: Permute(mode="swap"), or the next word of `gaps`. */
static clf_status gap(clf__im *im) {
  if (im->gaps && *im->gaps) return clf__im_gap(im, NULL, 0);
  if (im->hint[CLF_IM_HINT_strict])
    return clf__fail(CLF_EINVAL, "the file does not say what a flow without tensors is; give gaps");
  CLF_TRY(clf__im_note(im, "a flow without tensors is taken for Permute(mode=\"swap\")"));
  return swap(im);
}

/* ---- Bases ----------------------------------------------------------------------------------- */

static clf_status mixture(clf__im *im, clf__im_module *m) {
  const clf__im_tensor *t = clf__im_find(m, "loc");
  CLF_TRY(clf__im_set_dim(im, m, clf__im_dim(t, 2)));
  CLF_TRY(clf__im_put(im, m, "loc", "base.mean"));
  CLF_TRY(clf__im_put(im, m, "log_scale", "base.log_std"));
  CLF_TRY(clf__im_put(im, m, "weight_scores", "base.logits"));
  return clf__im_print(&im->base, "mixture(%lld, cov=diag)", (long long)clf__im_dim(t, 1));
}
static clf_status normal(clf__im *im, clf__im_module *m) {
  double *mean, *log_std = NULL;
  clf__im_tensor *a, *b;
  int standard = 1;
  CLF_TRY(clf__im_read(im, m, "loc", &mean, &a));
  clf_status s = clf__im_read(im, m, "log_scale", &log_std, &b);
  if (!s) s = clf__im_set_dim(im, m, a->count);
  for (int64_t i = 0; i < a->count && !s; i++) standard &= mean[i] == 0;
  for (int64_t i = 0; !s && i < b->count; i++) standard &= log_std[i] == 0;
  if (s || standard) {
    free(mean);
    free(log_std);
    return s;
  }
  s = clf__im_put_values(im, mean, a->count, a, "base.mean");
  if (s) free(log_std);
  if (!s) s = clf__im_put_values(im, log_std, b->count, b, "base.log_std");
  return s ? s : clf__im_print(&im->base, "normal(trained)");
}
static clf_status box(clf__im *im, const clf__im_module *m) {
  double bounds[2];
  static const char *const names[] = {"low", "high"};
  for (int k = 0; k < 2; k++) {
    const clf__pk *v = clf__im_attribute(m, names[k]);
    clf__im_tensor t;
    if (!clf__im_is_tensor(v)) return clf__im_refuse(m, "has no bounds");
    CLF_TRY(clf__im_tensor_of(im->file, v, &t));
    if (t.count != 1) return clf__im_refuse(m, "has bounds that differ by dimension");
    CLF_TRY(clf__im_get(&t, &bounds[k]));
  }
  return clf__im_print(&im->base, "box(%.17g, %.17g)", bounds[0], bounds[1]);
}

static clf_status base(clf__im *im, clf__im_module *m) {
  if (!m) return CLF_OK;
  if (!strcmp(clf__im_kind(m), "Uniform")) return box(im, m);
  if (clf__im_find(m, "weight_scores")) return mixture(im, m);
  if (clf__im_find(m, "loc") && clf__im_dim(clf__im_find(m, "loc"), 0) == 1 &&
      !clf__im_find(m, "loc_logs"))
    return normal(im, m);
  return clf__im_refuse(
      m, "is not supported; of normflows' distributions DiagGaussian, GaussianMixture and "
         "Uniform are");
}

clf_status clf__im_normflows(clf__im *im, clf__im_module *m) {
  clf__im_module *list = clf__im_child(m, "flows"), *q0 = clf__im_child(m, "q0");
  int last = -1;
  if (clf__im_child(m, "q0.0")) return clf__im_normflows_images(im, m);
  CLF_TRY(base(im, q0));
  for (const clf__im_module *c = list->child; c; c = c->next)
    if (atoi(c->name) > last) last = atoi(c->name);
  if (last >= 1 << 16) return clf__im_refuse(m, "has too many flows");
  CLF_TRY(clf__im_find_circular(im, list));
  for (int i = last; i >= 0; i--) {
    clf__im_module *c = clf__im_at(list, i);
    CLF_TRY(c ? flow(im, c) : gap(im));
  }
  return CLF_OK;
}
