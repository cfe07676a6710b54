/* SPDX-License-Identifier: MIT */
/* nflows.c: transforms and distributions of nflows, and of glasflow's and sbi's copies of them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "import_private.h"

static clf_status transform(clf__im *im, clf__im_module *m, int depth);

/* ---- Lists --------------------------------------------------------------------------------- */

/* In a state_dict, an entry of a list without tensors: the next word of the hint `gaps`. */
clf_status clf__im_gap(clf__im *im, const clf__im_module *list, int i) {
  const char *g = im->gaps;
  if (!g || !*g)
    return clf__fail(
        CLF_EINVAL,
        "%s.%d has no tensors, so that the file does not say what it is; give gaps, as "
        "gaps=logit, or save the whole module",
        clf__im_path(list).s, i);
  int depth = 0;
  size_t n = 0;
  for (; g[n] && (depth || g[n] != ','); n++) depth += (g[n] == '(') - (g[n] == ')');
  im->gaps = g[n] ? g + n + 1 : "";
  im->gaps += strspn(im->gaps, " ");
  return n == 8 && !strncmp(g, "identity", 8) ? CLF_OK : clf__im_layer(im, "%.*s", (int)n, g);
}

static int last_number(const clf__im_module *list) {
  int last = -1;
  for (const clf__im_module *c = list->child; c; c = c->next)
    if (atoi(c->name) > last) last = atoi(c->name);
  return last;
}

static clf_status composite(clf__im *im, clf__im_module *m, int depth) {
  clf__im_module *list = clf__im_child(m, "_transforms");
  const int last = last_number(list), back = im->inverted;
  if (last >= 1 << 16) return clf__im_refuse(m, "has too many transforms");
  for (int k = 0; k <= last; k++) {
    const int i = back ? last - k : k;
    clf__im_module *c = clf__im_at(list, i);
    CLF_TRY(c ? transform(im, c, depth + 1) : clf__im_gap(im, list, i));
  }
  return CLF_OK;
}

static clf_status inverse(clf__im *im, clf__im_module *m, int depth) {
  im->inverted ^= 1;
  const clf_status s = transform(im, clf__im_child(m, "_transform"), depth + 1);
  im->inverted ^= 1;
  return s;
}

/* ---- Layers whose tensors keep their form -------------------------------------------------- */

/* Layers by class, or by a tensor that no other layer has: the layer's text (%lld: the first
 * dimension of that tensor), the tensor with an axis of the data's dimension, and tensors under
 * clflow's names. */
static const struct simple {
  const char *kind, *has, *text, *dim;
  int axis;
  const char *names[6][2];
} simple[] = {
    {"LULinear",
     "unconstrained_upper_diag",
     "lu",
     "bias",
     0,
     {{"lower_entries", "lower"},
      {"upper_entries", "upper"},
      {"unconstrained_upper_diag", "diagonal"},
      {"bias", "bias"}}},
    {"QRLinear",
     "log_upper_diag",
     NULL,
     "bias",
     0,
     {{"upper_entries", "upper"},
      {"log_upper_diag", "log_diagonal"},
      {"orthogonal.q_vectors", "reflections"},
      {"bias", "bias"}}},
    {"SVDLinear",
     "unconstrained_diagonal",
     NULL,
     "bias",
     0,
     {{"orthogonal_1.q_vectors", "reflections1"},
      {"unconstrained_diagonal", "diagonal"},
      {"orthogonal_2.q_vectors", "reflections2"},
      {"bias", "bias"}}},
    {"NaiveLinear", "_weight", "dense", "bias", 0, {{"_weight", "weight"}, {"bias", "bias"}}},
    {"HouseholderSequence",
     "q_vectors",
     "householder(%lld)",
     "q_vectors",
     1,
     {{"q_vectors", "reflections"}}},
    {"Permutation", "_permutation", "perm", "_permutation", 0, {{"_permutation", "perm"}}},
    {"BatchNorm",
     "unconstrained_weight",
     NULL,
     "bias",
     0,
     {{"unconstrained_weight", "weight"},
      {"bias", "bias"},
      {"running_mean", "running_mean"},
      {"running_var", "running_var"}}},
};

static clf_status print_simple(clf__im *im, const struct simple *r, const clf__im_module *m) {
  char eps[32];
  const char *e = clf__im_number(m, "eps", eps);
  if (!strcmp(r->kind, "QRLinear"))
    return clf__im_layer(im, "qr(%lld)",
                         (long long)clf__im_dim(clf__im_find(m, "orthogonal.q_vectors"), 0));
  if (!strcmp(r->kind, "SVDLinear"))
    return clf__im_layer(im, "svd(%lld)",
                         (long long)clf__im_dim(clf__im_find(m, "orthogonal_1.q_vectors"), 0));
  if (!strcmp(r->kind, "HouseholderSequence"))
    return clf__im_layer(im, "householder(%lld)",
                         (long long)clf__im_dim(clf__im_find(m, r->has), 0));
  if (strcmp(r->kind, "BatchNorm") != 0) return clf__im_layer(im, "%s", r->text);
  return e && strtod(e, NULL) != 1e-5 ? clf__im_layer(im, "batchnorm(eps=%s)", e)
                                      : clf__im_layer(im, "batchnorm");
}

static clf_status read_simple(clf__im *im, const struct simple *r, clf__im_module *m) {
  const int i = im->layers;
  if (clf__im_real(m, "eps", 1e-3) != 1e-3 && !strcmp(r->kind, "LULinear"))
    return clf__im_refuse(m, "has an eps other than 0.001");
  CLF_TRY(clf__im_set_dim(im, m, clf__im_dim(clf__im_find(m, r->dim), r->axis)));
  CLF_TRY(print_simple(im, r, m));
  for (int k = 0; k < 6 && r->names[k][0]; k++)
    CLF_TRY(clf__im_put(im, m, r->names[k][0], "layers.%d.%s", i, r->names[k][1]));
  return CLF_OK;
}

/* ActNorm; files of old versions have no flag, and count as fitted. */
static clf_status actnorm(clf__im *im, clf__im_module *m) {
  const int i = im->layers;
  double *flag = NULL;
  CLF_TRY(clf__im_set_dim(im, m, clf__im_dim(clf__im_find(m, "shift"), 0)));
  CLF_TRY(clf__im_layer(im, "actnorm"));
  CLF_TRY(clf__im_put(im, m, "log_scale", "layers.%d.log_scale", i));
  CLF_TRY(clf__im_put(im, m, "shift", "layers.%d.shift", i));
  if (clf__im_find(m, "initialized")) {
    CLF_TRY(clf__im_read(im, m, "initialized", &flag, NULL));
  } else {
    flag = malloc(sizeof *flag);
    if (flag) *flag = 1;
  }
  return clf__im_put_values(im, flag, 1, NULL, "layers.%d.fitted", i);
}

/* ---- Layers without weights ---------------------------------------------------------------- */

/* Sigmoid and its inverse, Logit; the argument is divided by a temperature, which may be trained.
 */
static clf_status sigmoid(clf__im *im, clf__im_module *m) {
  char eps[32];
  const char *e = clf__im_number(m, "eps", eps);
  clf__im_tensor t = {.count = 1};
  double temperature = 1;
  const clf__pk *plain = clf__im_attribute(m, "temperature");
  if (clf__im_find(m, "temperature")) {
    double *v;
    CLF_TRY(clf__im_read(im, m, "temperature", &v, NULL));
    temperature = *v;
    free(v);
  } else if (plain && clf__im_is_tensor(plain)) {
    CLF_TRY(clf__im_tensor_of(im->file, plain, &t));
    if (t.count == 1) CLF_TRY(clf__im_get(&t, &temperature));
  }
  if (temperature != 1) return clf__im_refuse(m, "has a temperature other than 1");
  im->inverted ^= 1; /* clflow's layer is the logit */
  const clf_status s = clf__im_layer(im, "logit(eps=%s)", e ? e : "1e-06");
  im->inverted ^= 1;
  return s;
}

/* ---- Couplings and autoregressive layers --------------------------------------------------- */

/* The unconditional spline's parameters, which are one tensor (features, m) in clflow. */
static clf_status put_numbers(clf__im *im, clf__im_module *u, const char *to) {
  static const char *const parts[] = {"unnormalized_pdf", "unnormalized_widths",
                                      "unnormalized_heights", "unnormalized_derivatives"};
  double *all = NULL;
  int64_t m = 0, rows = 0, done = 0;
  for (int k = 0; k < 4; k++) {
    const clf__im_tensor *t = clf__im_find(u, parts[k]);
    if (!t) continue;
    if (t->rank < 1 || (rows && t->count / t->dim[t->rank - 1] != rows))
      return clf__im_refuse(u, "has parts of different shapes");
    m += t->dim[t->rank - 1];
    rows = t->count / (t->dim[t->rank - 1] ? t->dim[t->rank - 1] : 1);
  }
  if (!m || rows < 1 || m > 4096 || rows > 1 << 20) return clf__im_refuse(u, "has no numbers");
  all = malloc((size_t)(rows * m) * sizeof *all);
  clf_status s = all ? CLF_OK : clf__fail(CLF_ENOMEM, "no memory for a spline");
  for (int k = 0; k < 4 && !s; k++) {
    clf__im_tensor *t = clf__im_find(u, parts[k]);
    double *v;
    if (!t) continue;
    s = clf__im_read(im, u, parts[k], &v, NULL);
    const int64_t n = t->dim[t->rank - 1];
    for (int64_t i = 0; i < rows && !s; i++)
      memcpy(all + i * m + done, v + i * n, (size_t)n * sizeof *all);
    done += n;
    if (!s) free(v);
  }
  if (s) {
    free(all);
    return s;
  }
  return clf__im_put_values(im, all, rows * m, u->tensor, "%s", to);
}

/* The flags of the transformed dimensions. */
static clf_status read_mask(clf__im *im, clf__im_module *m, double **flags, int64_t *moving,
                            int64_t *still) {
  double *at;
  clf__im_tensor *t;
  CLF_TRY(clf__im_read(im, m, "transform_features", &at, &t));
  *moving = t->count;
  *still = clf__im_find(m, "identity_features") ? clf__im_find(m, "identity_features")->count : 0;
  clf__im_skip(m, "identity_features");
  clf_status s = clf__im_set_dim(im, m, *moving + *still);
  *flags = s ? NULL : calloc((size_t)im->dim, sizeof **flags);
  if (!s && !*flags) s = clf__fail(CLF_ENOMEM, "no memory for a mask");
  for (int64_t i = 0; i < *moving && !s; i++) {
    if (!(at[i] >= 0 && at[i] < im->dim && at[i] == floor(at[i])))
      s = clf__im_refuse(m, "transforms a dimension that there is not");
    else
      (*flags)[(int64_t)at[i]] = 1;
  }
  free(at);
  if (s) {
    free(*flags);
    *flags = NULL;
  }
  return s;
}

static clf_status finish_coupling(clf__im *im, clf__im_module *m, const double *flags,
                                  const char *map, const char *net) {
  clf__im_text mask = {0};
  char name[32];
  clf__im_module *u = clf__im_child(m, "unconditional_transform");
  const int i = im->layers;
  clf_status s = clf__im_mask(im, flags, im->dim, &mask);
  if (!s && u && !u->tensor) u = NULL;
  snprintf(name, sizeof name, "layers.%d.uncond.numbers", i);
  if (!s && u) s = put_numbers(im, u, name);
  if (!s)
    s = clf__im_layer(im, "coupling(%s, %s%s%s)", map, net, mask.s ? mask.s : "",
                      u ? ", uncond=1" : "");
  free(mask.s);
  return s;
}

/* sbi's one-dimensional spline: a net of the context alone, whose outputs are divided by sqrt(H).
 */
static clf_status of_context(clf__im *im, clf__im_module *m, clf__im_module *net) {
  char path[32];
  clf__im_text node = {0}, map = {0};
  int64_t in, out;
  snprintf(path, sizeof path, "layers.%d.net", im->layers);
  clf__im_skip(m, "transform_features");
  clf__im_skip(m, "identity_features");
  clf_status s = clf__im_set_dim(im, m, 1);
  if (!s)
    s = clf__im_sequential(im, clf__im_child(net, "spline_predictor"), path, NULL, &node, &in,
                           &out);
  if (!s) s = clf__im_set_context(im, m, in);
  if (!s) s = clf__im_map(im, m, out, "coupling", &map);
  if (!s)
    s = clf__im_layer(im, "elementwise(%.*s, scaled=1), %s)", (int)map.used - 1, map.s, node.s);
  free(node.s);
  free(map.s);
  return s;
}

clf_status clf__im_nflows_coupling(clf__im *im, clf__im_module *m) {
  char path[32];
  clf__im_text net = {0}, map = {0};
  clf__im_module *n = clf__im_child(m, "transform_net");
  double *flags;
  int64_t moving, still, outputs;
  if (clf__im_child(n, "spline_predictor")) return of_context(im, m, n);
  CLF_TRY(read_mask(im, m, &flags, &moving, &still));
  snprintf(path, sizeof path, "layers.%d.net", im->layers);
  clf_status s = clf__im_net(im, n, path, still, &net, &outputs);
  if (!s && (!moving || outputs % moving))
    s = clf__im_refuse(m, "has a net with %lld outputs for %lld dimensions", (long long)outputs,
                       (long long)moving);
  im->moving = flags;
  if (!s) s = clf__im_map(im, m, outputs / moving, "coupling", &map);
  im->moving = NULL;
  if (!s) s = finish_coupling(im, m, flags, map.s, net.s);
  free(net.s);
  free(map.s);
  free(flags);
  return s;
}

static clf_status coupling(clf__im *im, clf__im_module *m, int depth) {
  (void)depth;
  return clf__im_nflows_coupling(im, m);
}

/* The order of the dimensions, from the degrees of the outputs; NULL if the file has none. */
static clf_status read_order(clf__im *im, clf__im_module *m, int64_t each, clf__im_text *order) {
  clf__im_module *final = clf__im_child(m, "final_layer");
  double *degree;
  clf__im_tensor *t;
  if (!clf__im_find(final, "degrees")) return CLF_OK;
  CLF_TRY(clf__im_read(im, final, "degrees", &degree, &t));
  const int64_t D = each ? t->count / each : 0;
  for (int64_t d = 0; d < D; d++) degree[d] = degree[d * each] - 1;
  const clf_status s = clf__im_order(degree, D, order);
  free(degree);
  return s;
}

/* `net`: a MADE; the map is that of module m. */
clf_status clf__im_nflows_ar(clf__im *im, clf__im_module *m, clf__im_module *net) {
  char path[32];
  clf__im_text node = {0}, map = {0}, order = {0};
  int64_t outputs;
  const clf__im_tensor *first = clf__im_find(net, "initial_layer.weight");
  CLF_TRY(clf__im_set_dim(im, m, clf__im_dim(first, 1)));
  snprintf(path, sizeof path, "layers.%d.net", im->layers);
  clf_status s = clf__im_made(im, net, path, &node, &outputs);
  if (!s && outputs % im->dim)
    s = clf__im_refuse(m, "has a net with %lld outputs for %d dimensions", (long long)outputs,
                       (int)im->dim);
  if (!s) s = clf__im_map(im, m, outputs / im->dim, "ar", &map);
  if (!s) s = read_order(im, net, outputs / im->dim, &order);
  if (!s) s = clf__im_layer(im, "ar(%s, %s%s)", map.s, node.s, order.s ? order.s : "");
  free(node.s);
  free(map.s);
  free(order.s);
  return s;
}
static clf_status ar(clf__im *im, clf__im_module *m, int depth) {
  (void)depth;
  return clf__im_nflows_ar(im, m, clf__im_child(m, "autoregressive_net"));
}

static clf_status elementwise(clf__im *im, clf__im_module *m, int depth) {
  char name[32];
  clf__im_text map = {0};
  const clf__im_tensor *w = clf__im_find(m, "unnormalized_widths"),
                       *p = clf__im_find(m, "unnormalized_pdf");
  int64_t each = 0;
  (void)depth;
  for (const clf__im_tensor *t = m->tensor; t; t = t->next) each += clf__im_dim(t, t->rank - 1);
  CLF_TRY(clf__im_set_dim(im, m, clf__im_dim(w ? w : p, 0)));
  snprintf(name, sizeof name, "layers.%d.numbers", im->layers);
  clf_status s = clf__im_map(im, m, each, "", &map);
  if (!s) s = put_numbers(im, m, name);
  if (!s) s = clf__im_layer(im, "elementwise(%s)", map.s);
  free(map.s);
  return s;
}

/* OneByOneConvolution: a permutation of channels, then an LU layer. */
static clf_status conv1x1(clf__im *im, clf__im_module *m, int depth) {
  (void)im, (void)depth;
  return clf__im_refuse(m, "is a layer of images; of nflows, flows of vectors are supported");
}

/* ---- Any transform ------------------------------------------------------------------------- */

static clf_status nothing(clf__im *im, clf__im_module *m, int depth) {
  (void)im, (void)m, (void)depth;
  return CLF_OK;
}
static clf_status read_actnorm(clf__im *im, clf__im_module *m, int depth) {
  (void)depth;
  return actnorm(im, m);
}
static clf_status read_pointwise(clf__im *im, clf__im_module *m, int depth) {
  (void)depth;
  return clf__im_shift_scale(im, m, "_shift", "_scale");
}
static clf_status read_sigmoid(clf__im *im, clf__im_module *m, int depth) {
  (void)depth;
  return sigmoid(im, m);
}

/* Recognises a transform by a tensor or child that it has, otherwise by its class. */
static const struct {
  const char *child, *tensor, *kind;
  clf_status (*read)(clf__im *, clf__im_module *, int);
} readers[] = {
    {"transform_net", NULL, NULL, coupling},
    {"autoregressive_net", NULL, NULL, ar},
    {"_transforms", NULL, NULL, composite},
    {"_transform", NULL, NULL, inverse},
    {"permutation", "lower_entries", NULL, conv1x1},
    {NULL, "log_scale", NULL, read_actnorm},
    {NULL, "_shift", NULL, read_pointwise},
    {NULL, "unnormalized_widths", NULL, elementwise},
    {NULL, "unnormalized_pdf", NULL, elementwise},
    {NULL, "temperature", NULL, read_sigmoid},
    {NULL, NULL, "Sigmoid", read_sigmoid},
    {NULL, NULL, "IdentityTransform", nothing},
};

static clf_status transform(clf__im *im, clf__im_module *m, int depth) {
  if (!m || depth > 32) return clf__fail(CLF_EFORMAT, "its transforms nest too deep");
  if (!strcmp(clf__im_kind(m), "MultiscaleCompositeTransform")) return conv1x1(im, m, depth);
  for (size_t i = 0; i < sizeof readers / sizeof *readers; i++)
    if ((!readers[i].child || clf__im_child(m, readers[i].child)) &&
        (!readers[i].tensor || clf__im_find(m, readers[i].tensor)) &&
        (!readers[i].kind || !strcmp(clf__im_kind(m), readers[i].kind)))
      return readers[i].read(im, m, depth);
  for (size_t i = 0; i < sizeof simple / sizeof *simple; i++)
    if (clf__im_find(m, simple[i].has)) return read_simple(im, &simple[i], m);
  return clf__im_refuse(
      m,
      "is not supported; of nflows' transforms these are: couplings and masked autoregressive ones "
      "(affine, additive, rational-quadratic, quadratic, linear), PiecewiseCDF, LULinear, "
      "QRLinear, "
      "SVDLinear, NaiveLinear, HouseholderSequence, permutations, ActNorm, BatchNorm, "
      "PointwiseAffineTransform, Sigmoid, Logit, InverseTransform and CompositeTransform");
}

clf_status clf__im_nflows_layer(clf__im *im, clf__im_module *m) { return transform(im, m, 0); }

/* ---- Bases and context --------------------------------------------------------------------- */

static clf_status base(clf__im *im, clf__im_module *m) {
  if (!m) return CLF_OK;
  clf__im_module *encoder = clf__im_child(m, "_context_encoder");
  clf__im_skip(m, "_log_z");
  if (clf__im_find(m, "mean_")) {
    CLF_TRY(clf__im_put(im, m, "mean_", "base.mean"));
    CLF_TRY(clf__im_put(im, m, "log_std_", "base.log_std"));
    return clf__im_print(&im->base, "normal(trained)");
  }
  if (encoder && clf__im_is_sequential(encoder)) {
    clf__im_text net = {0};
    int64_t in, out;
    clf_status s = clf__im_sequential(im, encoder, "base.net", NULL, &net, &in, &out);
    if (!s) s = clf__im_set_context(im, m, in);
    if (!s) s = clf__im_print(&im->base, "normal(%s)", net.s);
    free(net.s);
    return s;
  }
  if (*m->cls && !strcmp(clf__im_kind(m), "BoxUniform"))
    return clf__im_refuse(m, "is no base that is read");
  if (*m->cls && !strcmp(clf__im_kind(m), "MultivariateUniform"))
    return clf__im_print(&im->base, "box(0, 1)");
  if (m->child || (*m->cls && strcmp(clf__im_kind(m), "StandardNormal") != 0))
    return clf__im_refuse(
        m, "is not supported; of nflows' distributions StandardNormal, DiagonalNormal "
           "and ConditionalDiagonalNormal are");
  return CLF_OK;
}

clf_status clf__im_nflows(clf__im *im, clf__im_module *m) {
  CLF_TRY(transform(im, clf__im_child(m, "_transform"), 0));
  CLF_TRY(base(im, clf__im_child(m, "_distribution")));
  return clf__im_embedding(im, clf__im_child(m, "_embedding_net"));
}
