/* SPDX-License-Identifier: MIT */
/* normflows_images.c: normflows' MultiscaleFlow of images: GlowBlocks and the layers inside.
 *
 * Levels, and the flows of a level, go from latents to data, so they are read from their ends.
 * normflows' arrays are (N, C, H, W); clflow's rows are (H, W, C), so tensors with a number for
 * each element are reordered. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "normflows.h"

typedef struct image {
  int64_t h, w, c;
} image;

static clf_status no_memory(void) { return clf__fail(CLF_ENOMEM, "no memory for an import"); }

/* ---- Shapes ---------------------------------------------------------------------------------- */

/* The number of channels that a flow states; 0: none. */
static int64_t channels_of(const clf__im_module *m, int depth) {
  const clf__im_tensor *s = clf__im_find(m, "s");
  const clf__im_tensor *w = clf__im_find(m, clf__im_find(m, "W") ? "W" : "P");
  if (s || w) return s ? s->count : clf__im_dim(w, 0);
  int64_t found = 0;
  for (const clf__im_module *c = m->child; c && !found && depth < 3; c = c->next)
    if (strcmp(c->name, "param_map") != 0) found = channels_of(c, depth + 1);
  return found;
}

static int last_number(const clf__im_module *list) {
  int last = -1;
  for (const clf__im_module *c = list ? list->child : NULL; c; c = c->next)
    if (atoi(c->name) > last) last = atoi(c->name);
  return last;
}

static int is_squeeze(const clf__im_module *m) { return !strcmp(clf__im_kind(m), "Squeeze"); }

/* The squeezes of a level. A state_dict does not show them: one is assumed. */
static int squeezes_of(const clf__im_module *level) {
  int n = 0;
  if (!*level->cls) return 1;
  for (const clf__im_module *c = level->child; c; c = c->next) n += is_squeeze(c);
  return n;
}

/* Height and width of a level's latents, from the shape of its base; 0: the file does not have it.
 */
static void base_size(const clf__im_module *q, image *at) {
  const clf__im_tensor *loc = clf__im_find(q, "loc");
  clf__pk *const *dims;
  if (clf__pk_length(clf__im_attribute(q, "shape"), &dims) == 3) {
    if (!clf__pk_int(dims[1], &at->h) || !clf__pk_int(dims[2], &at->w)) at->h = at->w = 0;
  } else if (loc && loc->rank == 4 && !clf__im_find(q, "loc_logs")) {
    const int first = loc->dim[0] == 1; /* (1, C, H, W), or (C, H, W, classes) */
    at->h = loc->dim[1 + first];
    at->w = loc->dim[2 + first];
  }
}

/* The shape of the data: that after the squeezes of the last level, undone. */
static clf_status data_shape(clf__im *im, const clf__im_module *m, int levels, image *at) {
  char name[32], size[64];
  snprintf(name, sizeof name, "flows.%d", levels - 1);
  const clf__im_module *level = clf__im_child(m, name);
  snprintf(name, sizeof name, "q0.%d", levels - 1);
  const int squeezes = level ? squeezes_of(level) : 0;
  const char *text = NULL;
  int h = 0, w = 0, end = 0;
  *at = (image){0};
  if (!level || squeezes > 16) return clf__im_refuse(m, "has no flows at its last level");
  base_size(clf__im_child(m, name), at);
  if (at->h > 0 && at->w > 0 && at->h < 1 << 14 && at->w < 1 << 14)
    text = size, snprintf(size, sizeof size, "%lldx%lld", (long long)at->h << squeezes,
                          (long long)at->w << squeezes);
  CLF_TRY(clf__im_choose(im, CLF_IM_HINT_size, text, "", &text));
  if (sscanf(text, "%dx%d%n", &h, &w, &end) != 2 || text[end] || h < 1 || w < 1)
    return clf__fail(CLF_EINVAL, "the hint size is \"%s\"; it is height and width, as 32x32", text);
  const int64_t C = channels_of(level, 0) >> (2 * squeezes);
  if (C < 1 || C << (2 * squeezes) != channels_of(level, 0))
    return clf__im_refuse(level, "has %lld channels, which no squeeze leaves",
                          (long long)channels_of(level, 0));
  if ((int64_t)h * w > 1 << 20 || C > 1 << 20)
    return clf__im_refuse(m, "is a flow of images of %d x %d x %lld, which are too large", h, w,
                          (long long)C);
  *at = (image){h, w, C};
  im->shape[0] = h;
  im->shape[1] = w;
  im->shape[2] = (int32_t)C;
  return clf__im_set_dim(im, m, (int64_t)h * w * C);
}

/* ---- Layers without a net -------------------------------------------------------------------- */

static clf_status squeeze(clf__im *im, const clf__im_module *m, image *at) {
  if (at->h % 2 || at->w % 2)
    return clf__im_refuse(m, "squeezes images of %lld x %lld pixels", (long long)at->h,
                          (long long)at->w);
  *at = (image){at->h / 2, at->w / 2, 4 * at->c};
  return clf__im_layer(im, "squeeze");
}

static clf_status put_ones(clf__im *im, int64_t n, const char *name) {
  double *v = malloc((size_t)n * sizeof *v);
  for (int64_t i = 0; v && i < n; i++) v[i] = 1;
  return clf__im_put_values(im, v, n, NULL, "%s", name);
}

/* Puts s, t and the flag of an ActNorm as log_scale, shift and fitted of TO. */
static clf_status put_norm(clf__im *im, clf__im_module *m, int64_t channels, const char *to) {
  char name[112];
  double *flag = NULL;
  if (clf__im_find(m, "s")->count != channels)
    return clf__im_refuse(m, "has %lld channels, not %lld", (long long)clf__im_find(m, "s")->count,
                          (long long)channels);
  CLF_TRY(clf__im_put(im, m, "s", "%s.log_scale", to));
  CLF_TRY(clf__im_put(im, m, "t", "%s.shift", to));
  snprintf(name, sizeof name, "%s.fitted", to);
  if (!clf__im_find(m, "data_dep_init_done")) return put_ones(im, 1, name);
  CLF_TRY(clf__im_read(im, m, "data_dep_init_done", &flag, NULL));
  return clf__im_put_values(im, flag, 1, NULL, "%s", name);
}

static clf_status actnorm(clf__im *im, clf__im_module *m, const image *at) {
  char to[32];
  snprintf(to, sizeof to, "layers.%d", im->layers);
  CLF_TRY(put_norm(im, m, at->c, to));
  return clf__im_layer(im, "~actnorm");
}

static clf_status conv1x1(clf__im *im, clf__im_module *m, const image *at) {
  const clf__im_tensor *t = clf__im_find(m, clf__im_find(m, "W") ? "W" : "P");
  const int layer = im->layers;
  double *W = NULL;
  if (clf__im_dim(t, 0) != at->c || clf__im_dim(t, 1) != at->c || at->c > 4096)
    return clf__im_refuse(m, "has no matrix of the %lld channels", (long long)at->c);
  CLF_TRY(clf__im_find(m, "W") ? clf__im_read(im, m, "W", &W, NULL)
                               : clf__im_assemble(im, m, at->c, &W));
  CLF_TRY(clf__im_put_values(im, W, at->c * at->c, t, "layers.%d.weight", layer));
  CLF_TRY(clf__im_put_values(im, calloc((size_t)at->c, sizeof(double)), at->c, NULL,
                             "layers.%d.bias", layer));
  return clf__im_layer(im, "conv1x1(dense)");
}

/* ---- Couplings ------------------------------------------------------------------------------- */

/* A ConvNet2d: its convolutions, each followed by a norm, or none. */
typedef struct conv_net {
  clf__im_module *conv[8], *norm[8];
  int count;
  const char *act;
} conv_net;

static clf_status gather(const clf__im_module *list, conv_net *n) {
  for (clf__im_module *c = list->child; c; c = c->next) {
    const clf__im_tensor *w = clf__im_find(c, "weight");
    const char *act = NULL;
    if (w && w->rank == 4 && w->count && w->dim[2] == w->dim[3] && w->dim[2] % 2 && n->count < 8)
      n->conv[n->count++] = c;
    else if (clf__im_find(c, "actNorm.s") && n->count)
      n->norm[n->count - 1] = clf__im_child(c, "actNorm");
    else if (c->tensor || c->child)
      return clf__im_refuse(c, "is no convolution with a square kernel of an odd side, ActNorm or "
                               "activation");
    else
      CLF_TRY(clf__im_activation(c->self, &act));
    if (act && n->act && strcmp(act, n->act) != 0)
      return clf__im_refuse(c, "is another activation than the one before");
    if (act) n->act = act;
  }
  return CLF_OK;
}

/* Convolution l; its even outputs are multiplied by `even`. */
static clf_status put_conv(clf__im *im, const conv_net *n, int l, double even, const char *path) {
  char to[64];
  double *w, *b = NULL;
  clf__im_tensor *t;
  const int last = l == n->count - 1;
  snprintf(to, sizeof to, "%s.%d", path, l);
  CLF_TRY(clf__im_read(im, n->conv[l], "weight", &w, &t));
  const int64_t out = t->dim[0], each = t->count / out;
  for (int64_t i = 0; last && i < t->count; i++)
    if (i / each % 2 == 0) w[i] *= even;
  CLF_TRY(clf__im_put_values(im, w, t->count, t, "%s.weight", to));
  if (clf__im_find(n->conv[l], "bias"))
    CLF_TRY(clf__im_read(im, n->conv[l], "bias", &b, NULL));
  else
    b = calloc((size_t)out, sizeof *b);
  for (int64_t i = 0; last && b && i < out; i += 2) b[i] *= even;
  CLF_TRY(clf__im_put_values(im, b, out, NULL, "%s.bias", to));
  if (!n->norm[l]) return CLF_OK;
  snprintf(to, sizeof to, "%s.%d.norm", path, l);
  return put_norm(im, n->norm[l], out, to);
}

/* Writes the net as text; hidden layers have one width. */
static clf_status print_net(clf__im *im, const clf__im_module *m, const conv_net *n,
                            clf__im_text *node) {
  const int64_t width = clf__im_dim(clf__im_find(n->conv[0], "weight"), 0);
  const char *act = n->act;
  const int normed = n->norm[0] != NULL;
  for (int l = 0; l + 1 < n->count; l++)
    if (clf__im_dim(clf__im_find(n->conv[l], "weight"), 0) != width ||
        (n->norm[l] != NULL) != normed)
      return clf__im_refuse(m, "has hidden layers of several forms");
  if (n->count > 1) CLF_TRY(clf__im_choose(im, CLF_IM_HINT_act, act, "conv", &act));
  CLF_TRY(clf__im_print(node, "conv(%lld, ", (long long)width));
  for (int l = 0; l < n->count; l++)
    CLF_TRY(clf__im_print(node, "%s%lld", l ? "-" : "",
                          (long long)clf__im_dim(clf__im_find(n->conv[l], "weight"), 2)));
  return clf__im_print(node, ", %s%s%s)", act ? act : "relu", normed ? "" : ", norm=0",
                       im->given ? ", alone=1" : "");
}

/* The mask of the channels from `first` on, or before it. */
static clf_status put_mask(clf__im *im, const image *at, int64_t first, int before) {
  const int64_t n = at->h * at->w * at->c;
  double *mask = malloc((size_t)n * sizeof *mask);
  for (int64_t i = 0; mask && i < n; i++) mask[i] = (i % at->c < first) == before;
  im->couplings++;
  return clf__im_put_values(im, mask, n, NULL, "layers.%d.mask", im->layers);
}

static clf_status finish_coupling(clf__im *im, clf__im_module *m, const image *at,
                                  const conv_net *n) {
  const int64_t first = (at->c + 1) / 2;
  const char *mode, *map;
  char path[32];
  clf__im_text node = {0};
  int inverted, negate = 0;
  CLF_TRY(clf__im_split_mode(im, m, &mode));
  const int inv = !strcmp(mode, "channel_inv");
  const int64_t moving = inv ? first : at->c - first;
  const int64_t in = clf__im_dim(clf__im_find(n->conv[0], "weight"), 1);
  const int64_t out = clf__im_dim(clf__im_find(n->conv[n->count - 1], "weight"), 0);
  if (in != at->c - moving || (out != moving && out != 2 * moving))
    return clf__im_refuse(m, "has a net of %lld inputs and %lld outputs for %lld channels",
                          (long long)in, (long long)out, (long long)at->c);
  CLF_TRY(clf__im_block_map(im, m, "glowblock", out == 2 * moving, &map, &inverted, &negate));
  snprintf(path, sizeof path, "layers.%d.net", im->layers);
  for (int l = 0; l < n->count; l++) CLF_TRY(put_conv(im, n, l, negate ? -1 : 1, path));
  CLF_TRY(put_mask(im, at, first, inv));
  clf_status s = print_net(im, m, n, &node);
  if (!s)
    s = clf__im_layer(im, "%scoupling(%s, %s, mask=mid, even=%d)", inverted ? "~" : "", map, node.s,
                      !inv);
  free(node.s);
  return s;
}

static clf_status coupling(clf__im *im, clf__im_module *m, const image *at) {
  const clf__im_module *net = clf__im_child(m, "flows.1.param_map");
  conv_net n = {.count = 0};
  if (!clf__im_child(net, "net"))
    return clf__im_refuse(net, "is no net that couplings of images have; ConvNet2d is supported");
  CLF_TRY(gather(clf__im_child(net, "net"), &n));
  if (!n.count) return clf__im_refuse(net, "has no convolutions");
  return finish_coupling(im, m, at, &n);
}

/* ---- Any flow -------------------------------------------------------------------------------- */

static clf_status flow(clf__im *im, clf__im_module *m, image *at, int depth) {
  if (is_squeeze(m)) return squeeze(im, m, at);
  if (clf__im_child(m, "flows.1.param_map")) return coupling(im, m, at);
  if (clf__im_child(m, "flows") && depth < 4) { /* a GlowBlock */
    const clf__im_module *list = clf__im_child(m, "flows");
    for (int i = last_number(list); i >= 0; i--)
      if (clf__im_at(list, i)) CLF_TRY(flow(im, clf__im_at(list, i), at, depth + 1));
    return CLF_OK;
  }
  if (clf__im_find(m, "s")) return actnorm(im, m, at);
  if (clf__im_find(m, "W") || clf__im_find(m, "P")) return conv1x1(im, m, at);
  return clf__im_refuse(m,
                        "is not supported; of normflows' flows of images these are: GlowBlock, "
                        "AffineCouplingBlock with ConvNet2d, Invertible1x1Conv, ActNorm, Squeeze "
                        "and Merge");
}

/* In a state_dict, there is a squeeze where the number of channels is four times larger. */
static clf_status squeeze_if_hidden(clf__im *im, const clf__im_module *m, image *at) {
  const int64_t channels = channels_of(m, 0);
  if (*m->cls || !channels || channels == at->c) return CLF_OK;
  if (channels != 4 * at->c)
    return clf__im_refuse(m, "has %lld channels; the flow before it leaves %lld",
                          (long long)channels, (long long)at->c);
  return squeeze(im, m, at);
}

/* MultiscaleFlow(transform=...), the last step to the data. */
static clf_status transform(clf__im *im, clf__im_module *m) {
  const char *kind = clf__im_kind(m);
  if (!strcmp(kind, "Shift"))
    return clf__im_layer(im, "shift-scale(shift=%.17g)", clf__im_real(m, "shift", -0.5));
  if (strcmp(kind, "Logit") != 0)
    return clf__im_refuse(m,
                          "is not supported as the transform of a MultiscaleFlow; Shift and Logit "
                          "are");
  const double alpha = clf__im_real(m, "alpha", 0.05), beta = 1 - 2 * alpha;
  return clf__im_layer(im, "logit(%.17g, %.17g)", -alpha / beta, (1 - alpha) / beta);
}

static clf_status level(clf__im *im, const clf__im_module *list, image *at) {
  const int last = last_number(list);
  if (last >= 1 << 16) return clf__im_refuse(list, "has too many flows");
  for (int i = last; i >= 0; i--) {
    clf__im_module *m = clf__im_at(list, i);
    if (!m) continue; /* a squeeze in a file of tensors alone */
    CLF_TRY(squeeze_if_hidden(im, m, at));
    CLF_TRY(flow(im, m, at, 0));
  }
  return CLF_OK;
}

/* ---- Bases ----------------------------------------------------------------------------------- */

/* Mean and log standard deviation of each element, in clflow's order, for each class. */
typedef struct moments {
  double *mean, *log_std;
  int64_t classes; /* 0: the same for all classes */
  int standard;
} moments;

static void free_moments(moments *v) {
  free(v->mean);
  free(v->log_std);
}

/* GlowBase: for each channel, value exp(factor logs), plus an offset of the class. */
static clf_status of_channels(clf__im *im, clf__im_module *m, const image *at, const char *name,
                              int64_t classes, double *to) {
  char logs[32], given[32];
  double *v = NULL, *k = NULL, *cc = NULL;
  clf__im_tensor *t = NULL, *u = NULL, *c = NULL;
  const double factor = clf__im_real(m, "logscale_factor", 3);
  const int64_t D = at->h * at->w * at->c;
  snprintf(logs, sizeof logs, "%s_logs", name);
  snprintf(given, sizeof given, "%s_cc", name);
  clf_status s = clf__im_read(im, m, name, &v, &t);
  if (!s) s = clf__im_read(im, m, logs, &k, &u);
  if (!s && classes) s = clf__im_read(im, m, given, &cc, &c);
  if (!s && (t->count != at->c || u->count != at->c || (c && c->count != classes * at->c)))
    s = clf__im_refuse(m, "is not for %lld channels", (long long)at->c);
  for (int64_t i = 0; !s && i < (classes ? classes : 1) * D; i++) {
    const int64_t channel = i % at->c;
    to[i] = v[channel] * exp(factor * k[channel]) + (cc ? cc[i / D * at->c + channel] : 0);
  }
  free(v);
  free(k);
  free(cc);
  return s;
}

/* DiagGaussian (1, C, H, W) and ClassCondDiagGaussian (C, H, W, classes). */
static clf_status of_elements(clf__im *im, clf__im_module *m, const image *at, const char *name,
                              int64_t classes, double *to) {
  double *v;
  clf__im_tensor *t;
  const int64_t K = classes ? classes : 1, D = at->h * at->w * at->c;
  CLF_TRY(clf__im_read(im, m, name, &v, &t));
  const clf_status s = t->count == K * D
                           ? CLF_OK
                           : clf__im_refuse(m, "is not for images of %lld x %lld x %lld",
                                            (long long)at->h, (long long)at->w, (long long)at->c);
  for (int64_t k = 0; k < K && !s; k++)
    for (int64_t i = 0; i < D; i++) {
      const int64_t pixel = i / at->c, channel = i % at->c;
      to[k * D + i] = v[(channel * at->h * at->w + pixel) * K + k];
    }
  free(v);
  return s;
}

static clf_status read_moments(clf__im *im, clf__im_module *m, const image *at, moments *v) {
  const clf__im_tensor *loc = clf__im_find(m, "loc"), *cc = clf__im_find(m, "loc_cc");
  const int by_channel = clf__im_find(m, "loc_logs") != NULL;
  *v = (moments){.standard = 1};
  if (!loc || loc->rank != 4 || !clf__im_find(m, "log_scale"))
    return clf__im_refuse(m, "is not supported; of normflows' distributions of images GlowBase, "
                             "DiagGaussian and ClassCondDiagGaussian are");
  v->classes = cc ? clf__im_dim(cc, 0) : !by_channel && loc->dim[0] != 1 ? loc->dim[3] : 0;
  const int64_t n = (v->classes ? v->classes : 1) * at->h * at->w * at->c;
  if (v->classes > 4096 || n > 1 << 28) return clf__im_refuse(m, "is too large");
  v->mean = calloc((size_t)n, sizeof *v->mean);
  v->log_std = calloc((size_t)n, sizeof *v->log_std);
  if (!v->mean || !v->log_std) return no_memory();
  clf_status (*read)(clf__im *, clf__im_module *, const image *, const char *, int64_t, double *) =
      by_channel ? of_channels : of_elements;
  CLF_TRY(read(im, m, at, "loc", v->classes, v->mean));
  CLF_TRY(read(im, m, at, "log_scale", v->classes, v->log_std));
  for (int64_t i = 0; i < n; i++) v->standard &= v->mean[i] == 0 && v->log_std[i] == 0;
  v->standard &= !v->classes;
  return CLF_OK;
}

/* The number of classes of the first base with classes; 0: none. */
static int64_t classes_of(const clf__im_module *bases) {
  for (const clf__im_module *q = bases->child; q; q = q->next) {
    const clf__im_tensor *loc = clf__im_find(q, "loc"), *cc = clf__im_find(q, "loc_cc");
    if (cc) return clf__im_dim(cc, 0);
    if (loc && loc->rank == 4 && loc->dim[0] != 1 && !clf__im_find(q, "loc_logs"))
      return loc->dim[3];
  }
  return 0;
}

/* The class becomes the context, as its index c, which a net converts to a one-hot vector: element
 * k is r(c - k + 1) - 2 r(c - k) + r(c - k - 1) with r(x) = max(x, 0). */
static clf_status set_classes(clf__im *im, const clf__im_module *m, int64_t K) {
  CLF_TRY(clf__im_set_context(im, m, K));
  double *bias = calloc((size_t)K + 2, sizeof *bias);
  double *out = calloc((size_t)(K * (K + 2)), sizeof *out);
  for (int64_t k = 0; bias && k < K + 2; k++) bias[k] = 1 - (double)k;
  for (int64_t k = 0; out && k < K; k++) {
    out[k * (K + 2) + k] = out[k * (K + 2) + k + 2] = 1;
    out[k * (K + 2) + k + 1] = -2;
  }
  clf_status s = put_ones(im, K + 2, "context.net.0.weight");
  if (s) free(bias);
  if (!s) s = clf__im_put_values(im, bias, K + 2, NULL, "context.net.0.bias");
  if (s) free(out);
  CLF_TRY(s);
  CLF_TRY(clf__im_put_values(im, out, K * (K + 2), NULL, "context.net.1.weight"));
  CLF_TRY(clf__im_put_values(im, calloc((size_t)K, sizeof(double)), K, NULL, "context.net.1.bias"));
  im->given = 1; /* the class */
  return clf__im_print(&im->embedding, "mlp(%lldx1, relu)->%lld", (long long)K + 2, (long long)K);
}

static clf_status check_classes(const clf__im *im, const clf__im_module *m, int64_t K) {
  return K == im->context ? CLF_OK
                          : clf__im_refuse(m, "has %lld classes, and another base %d", (long long)K,
                                           (int)im->context);
}

/* The base of the last level. */
static clf_status base(clf__im *im, const clf__im_module *m, const image *at, moments *v) {
  const int64_t n = (v->classes ? v->classes : 1) * at->h * at->w * at->c;
  double *const mean = v->mean, *const log_std = v->log_std;
  if (v->standard) return CLF_OK;
  v->mean = v->log_std = NULL;
  clf_status s = clf__im_put_values(im, mean, n, clf__im_find(m, "loc"), "base.mean");
  if (s)
    free(log_std);
  else
    s = clf__im_put_values(im, log_std, n, clf__im_find(m, "log_scale"), "base.log_std");
  if (s) return s;
  return v->classes ? clf__im_print(&im->base, "classes(%lld)", (long long)v->classes)
                    : clf__im_print(&im->base, "normal(trained)");
}

/* Mean and log standard deviation of each element that a split sends to the latent. */
static double *pairs_of(const moments *v, int64_t n, int64_t k) {
  double *to = malloc((size_t)(2 * n) * sizeof *to);
  for (int64_t i = 0; to && i < n; i++) {
    to[2 * i] = v->mean[k * n + i];
    to[2 * i + 1] = v->log_std[k * n + i];
  }
  return to;
}

/* A net that reads the class alone: hidden unit k is element k of the one-hot vector. */
static clf_status put_prior_net(clf__im *im, const moments *v, int64_t sent, int64_t remaining) {
  const int64_t K = v->classes, in = remaining + K;
  double *first = calloc((size_t)(K * in), sizeof *first);
  double *table = malloc((size_t)(2 * sent * K) * sizeof *table);
  for (int64_t k = 0; k < K && first; k++) first[k * in + remaining + k] = 1;
  for (int64_t k = 0; k < K && table; k++) {
    double *own = pairs_of(v, sent, k);
    for (int64_t i = 0; own && i < 2 * sent; i++) table[i * K + k] = own[i];
    if (!own) free(table), table = NULL;
    free(own);
  }
  clf_status s =
      clf__im_put_values(im, first, K * in, NULL, "layers.%d.prior.0.weight", im->layers);
  if (s) free(table);
  CLF_TRY(s);
  CLF_TRY(
      clf__im_put_values(im, table, 2 * sent * K, NULL, "layers.%d.prior.1.weight", im->layers));
  CLF_TRY(clf__im_put_values(im, calloc((size_t)K, sizeof(double)), K, NULL,
                             "layers.%d.prior.0.bias", im->layers));
  return clf__im_put_values(im, calloc((size_t)(2 * sent), sizeof(double)), 2 * sent, NULL,
                            "layers.%d.prior.1.bias", im->layers);
}

/* A Merge; in density direction it sends half of the channels to a base. */
static clf_status split(clf__im *im, const clf__im_module *merge, clf__im_module *q, image *at) {
  const char *mode = merge ? clf__pk_text(clf__im_attribute(merge, "mode")) : NULL;
  const int inv = mode && !strcmp(mode, "channel_inv");
  const int64_t half = at->c / 2, pixels = at->h * at->w;
  const image sent = {at->h, at->w, inv ? at->c - half : half};
  moments v;
  if (mode && !inv && strcmp(mode, "channel") != 0)
    return clf__im_refuse(merge, "merges by %s; channel and channel_inv are supported", mode);
  if (at->c < 2) return clf__im_refuse(q, "leaves no channel to the next level");
  clf_status s = read_moments(im, q, &sent, &v);
  const int64_t n = sent.c * pixels;
  at->c -= sent.c;
  if (!s && v.classes) s = check_classes(im, q, v.classes);
  if (!s && v.classes) s = put_prior_net(im, &v, n, at->c * pixels);
  if (!s && !v.classes && !v.standard)
    s = clf__im_put_values(im, pairs_of(&v, n, 0), 2 * n, NULL, "layers.%d.prior.numbers",
                           im->layers);
  if (!s)
    s = clf__im_layer(im,
                      v.classes    ? "split(%sprior=normal(mlp(%lldx1, relu)))"
                      : v.standard ? "split%s"
                                   : "split(%sprior=normal(trained))",
                      inv ? "keep=second, " : "", (long long)v.classes);
  free_moments(&v);
  return s;
}

clf_status clf__im_normflows_images(clf__im *im, clf__im_module *m) {
  const int levels = last_number(clf__im_child(m, "q0")) + 1;
  image at;
  moments v;
  if (levels < 1 || levels > 16) return clf__im_refuse(m, "has %d levels", levels);
  CLF_TRY(data_shape(im, m, levels, &at));
  const int64_t classes = classes_of(clf__im_child(m, "q0"));
  if (classes > 4096) return clf__im_refuse(m, "has %lld classes", (long long)classes);
  if (classes) CLF_TRY(set_classes(im, m, classes));
  if (clf__im_child(m, "transform")) CLF_TRY(transform(im, clf__im_child(m, "transform")));
  for (int i = levels - 1; i >= 0; i--) {
    char name[32], merge[32];
    snprintf(name, sizeof name, "flows.%d", i);
    snprintf(merge, sizeof merge, "merges.%d", i - 1);
    const clf__im_module *list = clf__im_child(m, name);
    if (list) CLF_TRY(level(im, list, &at));
    snprintf(name, sizeof name, "q0.%d", i);
    clf__im_module *q = clf__im_child(m, name);
    if (!q) return clf__im_refuse(m, "has no base at level %d", i);
    if (i) CLF_TRY(split(im, clf__im_child(m, merge), q, &at));
    if (i) continue;
    clf_status s = read_moments(im, q, &at, &v);
    if (!s && v.classes) s = check_classes(im, q, v.classes);
    if (!s) s = base(im, q, &at, &v);
    free_moments(&v);
    CLF_TRY(s);
  }
  return CLF_OK;
}
