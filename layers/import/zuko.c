/* SPDX-License-Identifier: MIT */
/* zuko.c: flows of zuko.
 *
 * Their list is in density direction.  Orders replace permutations; masks are tensors in the file.
 * The number of parameters per dimension tells the map: 1 is a shift, 2 shift and scale, 3 K - 1 a
 * spline. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "import_private.h"

/* ---- Univariate maps ----------------------------------------------------------------------- */

/* The constructor of the map: a class, or functools.partial(class, slope=...). */
static const char *constructor(const clf__im_module *m, const clf__pk **keywords) {
  const clf__pk *u = clf__im_attribute(m, "univariate");
  *keywords = NULL;
  if (!clf__pk_is(u, "functools.partial")) return clf__pk_class(u);
  const clf__pk *state = u->state; /* function, arguments, keywords, attributes */
  if (state && state->kind == CLF_PK_TUPLE && state->count >= 3) *keywords = state->at[2];
  return u->args->kind == CLF_PK_TUPLE && u->args->count ? clf__pk_class(u->args->at[0]) : "";
}
static const char *keyword(const clf__pk *keywords, const char *name, char text[32]) {
  double v;
  if (!clf__pk_real(clf__pk_get(keywords, name), &v)) return NULL;
  return clf__im_short(v, text);
}

enum { ADD, AFFINE, SPLINE, CIRCULAR, OTHER };
static int map_of(const clf__im *im, const char *name, int64_t n) {
  static const struct {
    const char *name;
    int map;
  } table[] = {{"AdditiveTransform", ADD},
               {"MonotonicAffineTransform", AFFINE},
               {"MonotonicRQSTransform", SPLINE},
               {"CircularRQSTransform", CIRCULAR}};
  const char *dot = strrchr(name, '.');
  for (size_t i = 0; *name && i < sizeof table / sizeof *table; i++)
    if (!strcmp(dot ? dot + 1 : name, table[i].name)) return table[i].map;
  if (*name) return OTHER;
  if (n <= 2) return n == 1 ? ADD : AFFINE;
  return n % 3 == 2 ? (im->circular ? CIRCULAR : SPLINE) : OTHER;
}

static clf_status spline(clf__im *im, int map, int64_t n, const char *slope, const char *bound,
                         clf__im_text *node) {
  const char *tail;
  if (n % 3 != 2) return clf__fail(CLF_EFORMAT, "a spline has %lld numbers", (long long)n);
  CLF_TRY(clf__im_print(node, "rq(bins=%lld, ", (long long)(n + 1) / 3));
  if (map == SPLINE) {
    CLF_TRY(clf__im_choose(im, CLF_IM_HINT_tail, bound, "zuko", &tail));
    CLF_TRY(clf__im_print(node, "tail=%s, like=zuko", tail));
  } else {
    CLF_TRY(clf__im_print(node, "tail=circular, like=zuko"));
  }
  return strtod(slope, NULL) == 1e-3 ? clf__im_print(node, ")")
                                     : clf__im_print(node, ", slope=%s)", slope);
}

#define MAPS                                                                                       \
  "of zuko's maps MonotonicAffineTransform, MonotonicRQSTransform, CircularRQSTransform and "      \
  "AdditiveTransform are"

static clf_status print_map(clf__im *im, const clf__im_module *m, int64_t n, clf__im_text *node) {
  const clf__pk *keywords;
  char s[32], b[32];
  const char *name = constructor(m, &keywords), *slope, *bound = keyword(keywords, "bound", b);
  const int map = map_of(im, name, n);
  if (map == OTHER && *name)
    return clf__im_refuse(m, "has the map %s, which is not supported; " MAPS, name);
  if (map == OTHER)
    return clf__im_refuse(m,
                          "has %lld numbers for each dimension, as GF and SOSPF have, and no map "
                          "that is supported; " MAPS,
                          (long long)n);
  if (!*name && map > AFFINE) CLF_TRY(clf__im_assume(im, CLF_IM_HINT_map, "rq", &slope));
  if (map == ADD) return clf__im_print(node, "add");
  CLF_TRY(clf__im_choose(im, CLF_IM_HINT_slope, keyword(keywords, "slope", s), "", &slope));
  if (map != AFFINE) return spline(im, map, n, slope, bound ? bound : *name ? "5" : NULL, node);
  return strtod(slope, NULL) == 1e-3 ? clf__im_print(node, "affine(scale=zuko)")
                                     : clf__im_print(node, "affine(scale=zuko, slope=%s)", slope);
}

/* ---- Transforms ---------------------------------------------------------------------------- */

/* The order of the dimensions; zuko divides it by the size of a group if there are fewer passes
 * than dimensions. */
static clf_status read_order(clf__im *im, clf__im_module *m, clf__im_text *text) {
  double *order, *position, maximum = 0;
  clf__im_tensor *t;
  CLF_TRY(clf__im_read(im, m, "order", &order, &t));
  const int64_t D = t->count;
  clf_status s = (position = calloc((size_t)D, sizeof *position))
                     ? CLF_OK
                     : clf__fail(CLF_ENOMEM, "no memory for an order");
  for (int64_t d = 0; d < D && !s; d++) {
    if (!(order[d] >= 0 && order[d] < (double)D))
      s = clf__im_refuse(m, "has an order that is not a permutation");
    maximum = order[d] > maximum ? order[d] : maximum;
    for (int64_t e = 0; e < D; e++)
      position[d] += order[e] < order[d] || (e < d && order[e] == order[d]);
  }
  if (!s) s = clf__im_order(position, D, text);
  if (!s && maximum + 1 < (double)D) s = clf__im_print(text, ", passes=%d", (int)maximum + 1);
  free(order);
  free(position);
  return s;
}

/* The net of an autoregressive layer (masked), of a coupling, or of the context alone; `inputs`:
 * those from the sample. */
static clf_status read_net(clf__im *im, clf__im_module *m, int64_t inputs, int masked,
                           clf__im_text *node, int64_t *outputs) {
  char path[32];
  int64_t in;
  snprintf(path, sizeof path, "layers.%d.net", im->layers);
  CLF_TRY(clf__im_sequential(im, clf__im_child(m, "hyper"), path,
                             &(clf__im_net_options){.masked = masked}, node, &in, outputs));
  if (in < inputs) return clf__im_refuse(m, "has a net of %lld inputs", (long long)in);
  return clf__im_set_context(im, m, in - inputs);
}

static clf_status finish(clf__im *im, const clf__im_module *m, const char *layer, int64_t outputs,
                         int64_t dims, const clf__im_text *net, const clf__im_text *more) {
  clf__im_text map = {0};
  if (!dims || outputs % dims)
    return clf__im_refuse(m, "has a net of %lld outputs for %lld dimensions", (long long)outputs,
                          (long long)dims);
  clf_status s = print_map(im, m, outputs / dims, &map);
  if (!s)
    s = clf__im_layer(im, "%s(%s%s%s%s)", layer, map.s, net->s ? ", " : "", net->s ? net->s : "",
                      more && more->s ? more->s : "");
  free(map.s);
  return s;
}

static clf_status autoregressive(clf__im *im, clf__im_module *m) {
  clf__im_text net = {0}, order = {0};
  const clf__im_tensor *t = clf__im_find(m, "order");
  int64_t outputs = 0;
  if (!t)
    return clf__im_refuse(m,
                          "has an adjacency matrix in place of an order, which is not supported");
  CLF_TRY(clf__im_set_dim(im, m, t->count));
  clf_status s = read_net(im, m, t->count, 1, &net, &outputs);
  if (!s) s = read_order(im, m, &order);
  if (!s) s = finish(im, m, "ar", outputs, im->dim, &net, &order);
  free(net.s);
  free(order.s);
  return s;
}

/* The mask is true for identity dimensions. */
static clf_status coupling(clf__im *im, clf__im_module *m) {
  clf__im_text net = {0}, mask = {0};
  double *flags;
  clf__im_tensor *t;
  int64_t kept = 0, outputs = 0;
  CLF_TRY(clf__im_read(im, m, "mask", &flags, &t));
  clf_status s = clf__im_set_dim(im, m, t->count);
  for (int64_t d = 0; d < t->count; d++) {
    kept += flags[d] != 0;
    flags[d] = flags[d] == 0;
  }
  if (!s) s = read_net(im, m, kept, 0, &net, &outputs);
  if (!s) s = clf__im_mask(im, flags, t->count, &mask);
  if (!s) s = finish(im, m, "coupling", outputs, t->count - kept, &net, &mask);
  free(net.s);
  free(mask.s);
  free(flags);
  return s;
}

/* Trained parameters per dimension, in one tensor each for shift, scale and so on; or a net of the
 * context. */
static clf_status elementwise(clf__im *im, clf__im_module *m) {
  clf__im_module *phi = clf__im_child(m, "phi");
  clf__im_text net = {0};
  int64_t total = 0, done = 0, D = im->dim;
  if (!phi) {
    clf_status s = read_net(im, m, 0, 0, &net, &total);
    if (!s && !im->dim) s = clf__im_set_dim(im, m, 1);
    if (!s) s = finish(im, m, "elementwise", total, im->dim, &net, NULL);
    free(net.s);
    return s;
  }
  for (clf__im_tensor *t = phi->tensor; t; t = t->next) {
    if (!D) D = clf__im_dim(t, 0);
    total += t->count;
  }
  CLF_TRY(clf__im_set_dim(im, m, D));
  if (!total || total % D || total > 1 << 24)
    return clf__im_refuse(m, "has parts of different sizes");
  double *all = malloc((size_t)total * sizeof *all);
  clf_status s = all ? CLF_OK : clf__fail(CLF_ENOMEM, "no memory for a map");
  for (clf__im_tensor *t = phi->tensor; t && !s; t = t->next) {
    double *v;
    const int64_t n = t->count / D;
    s = clf__im_read(im, phi, t->name, &v, NULL);
    for (int64_t d = 0; d < D && !s; d++)
      memcpy(all + d * (total / D) + done, v + d * n, (size_t)n * sizeof *all);
    done += n;
    if (!s) free(v);
  }
  if (s) {
    free(all);
    return s;
  }
  CLF_TRY(clf__im_put_values(im, all, total, phi->tensor, "layers.%d.numbers", im->layers));
  return finish(im, m, "elementwise", total, D, &net, NULL);
}

/* A transform of torch or zuko with fixed or trained tensors. */
static clf_status unconditional(clf__im *im, clf__im_module *m) {
  const char *f = clf__pk_class(clf__im_attribute(m, "f"));
  if (!*f) f = clf__pk_class(clf__im_attribute(m, "meta"));
  if (clf__im_find(m, "loc") && clf__im_find(m, "scale"))
    return clf__im_shift_scale(im, m, "loc", "scale");
  const char *A = clf__im_find(m, "A")                             ? "A"
                  : clf__im_find(m, "_0") && strstr(f, "Rotation") ? "_0"
                                                                   : NULL;
  if (A) {
    CLF_TRY(clf__im_set_dim(im, m, clf__im_dim(clf__im_find(m, A), 0)));
    CLF_TRY(clf__im_layer(im, "rotation"));
    return clf__im_put(im, m, A, "layers.%d.generator", im->layers - 1);
  }
  return clf__im_refuse(
      m, "holds %s, which is not supported; AffineTransform and RotationTransform are",
      *f ? f : "a transform that the file does not name");
}

static clf_status transform(clf__im *im, clf__im_module *m) {
  if (clf__im_child(m, "univariate"))
    return clf__im_refuse(m,
                          "has a monotonic network as its map, that of %s, which is not "
                          "supported; " MAPS,
                          clf__im_child(m, "univariate.integrand") ? "UNAF" : "NAF");
  if (clf__im_child(m, "ode"))
    return clf__im_refuse(m, "is a differential equation, that of CNF, which is not supported; of "
                             "zuko's flows MAF, NSF, NICE, RealNVP and NCSF are");
  if (clf__im_find(m, "order") && clf__im_child(m, "hyper")) return autoregressive(im, m);
  if (clf__im_find(m, "mask")) return coupling(im, m);
  if (clf__im_child(m, "phi") || (clf__im_child(m, "hyper") && !clf__im_find(m, "hyper.0.mask")))
    return elementwise(im, m);
  if (clf__im_child(m, "hyper")) return autoregressive(im, m);
  if (!m->child && (m->tensor || *m->cls)) return unconditional(im, m);
  return clf__im_refuse(
      m, "is not supported; of zuko's flows MAF, NSF, NICE, RealNVP and NCSF are, and "
         "layers MaskedAutoregressiveTransform, GeneralCouplingTransform, "
         "ElementWiseTransform and UnconditionalTransform");
}

/* ---- Base ---------------------------------------------------------------------------------- */

static clf_status first_of_all(clf__im *im, const clf__im_module *m, const char *path,
                               double *value) {
  double *v;
  clf__im_tensor *t;
  CLF_TRY(clf__im_read(im, m, path, &v, &t));
  *value = v[0];
  int same = t->count > 0;
  for (int64_t i = 1; i < t->count; i++) same &= v[i] == v[0];
  free(v);
  return same ? CLF_OK : clf__im_refuse(m, "has bounds that differ by dimension");
}

/* N(loc, scale), which is N(0, I) unless trained. */
static clf_status normal(clf__im *im, const clf__im_module *m, const char *loc, const char *scale) {
  double *mean, *std = NULL;
  clf__im_tensor *a, *b;
  int standard = 1;
  CLF_TRY(clf__im_read(im, m, loc, &mean, &a));
  clf_status s = clf__im_read(im, m, scale, &std, &b);
  for (int64_t i = 0; i < a->count && !s; i++) standard &= mean[i] == 0;
  for (int64_t i = 0; i < b->count && !s; i++) {
    standard &= std[i] == 1;
    if (std[i] <= 0) s = clf__im_refuse(m, "has a scale that is not above 0");
    std[i] = log(std[i]);
  }
  if (s || standard) {
    free(mean);
    free(std);
    return s;
  }
  s = clf__im_put_values(im, mean, a->count, a, "base.mean");
  if (s) free(std);
  if (!s) s = clf__im_put_values(im, std, b->count, b, "base.log_std");
  return s ? s : clf__im_print(&im->base, "normal(trained)");
}

static int is_box(const clf__im_module *m) {
  const clf__pk *f = clf__im_attribute(m, "f");
  return clf__im_find(m, "lower") ||
         strstr(clf__pk_class(f ? f : clf__im_attribute(m, "meta")), "BoxUniform") != NULL;
}

static clf_status base(clf__im *im, clf__im_module *m) {
  double low, high;
  if (!m) return CLF_OK;
  const int old = clf__im_find(m, "_0") != NULL; /* zuko before 1.6 */
  if (is_box(m)) {
    CLF_TRY(first_of_all(im, m, old ? "_0" : "lower", &low));
    CLF_TRY(first_of_all(im, m, old ? "_1" : "upper", &high));
    return clf__im_print(&im->base, "box(%.17g, %.17g)", low, high);
  }
  if (clf__im_find(m, "loc") || old) return normal(im, m, old ? "_0" : "loc", old ? "_1" : "scale");
  return clf__im_refuse(m, "is a base that is not supported; DiagNormal and BoxUniform are");
}

clf_status clf__im_zuko(clf__im *im, clf__im_module *m) {
  clf__im_module *t = clf__im_child(m, "transform"), *list = clf__im_child(t, "transforms");
  clf__im_module *b = clf__im_child(m, "base");
  im->circular = b && is_box(b);
  if (!list) CLF_TRY(transform(im, t));
  for (int i = 0; list && i < list->children; i++) {
    clf__im_module *c = clf__im_at(list, i);
    if (!c)
      return clf__fail(CLF_EINVAL,
                       "%s.%d has no tensors, so that the file does not say what it is; "
                       "save the whole module",
                       clf__im_path(list).s, i);
    CLF_TRY(transform(im, c));
  }
  return base(im, b);
}
