/* SPDX-License-Identifier: MIT */
/* load.c: loads a flow from a file: one of ours, or a state_dict of the lecture's modules, whose
 * kind and shapes follow from its tensors. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "flow_private.h"
#include "safetensors.h"

/* ---- Which flow it is ------------------------------------------------------------------------ */

static clf_status meta_int32(const clf__st *st, const char *key, int32_t *out) {
  int64_t v;
  CLF_TRY(clf__st_meta_int(st, key, &v));
  if (v < INT32_MIN || v > INT32_MAX)
    return clf__fail(CLF_EFORMAT, "the metadata %s is %lld: out of range", key, (long long)v);
  *out = (int32_t)v;
  return CLF_OK;
}

static clf_status image_spec_from_meta(const clf__st *st, clf_flow_spec *s) {
  clf_realnvp_variant *v = &s->variant;
  const struct {
    const char *key;
    int32_t *to;
  } list[] = {{"clflow.height", &s->height},
              {"clflow.width", &s->width},
              {"clflow.channels", &s->channels},
              {"clflow.scales", &s->scales},
              {"clflow.hidden", &s->hidden},
              {"clflow.blocks", &s->blocks},
              {"clflow.levels", &s->levels},
              {"clflow.variant.scale_first", &v->scale_first},
              {"clflow.variant.odd_first", &v->odd_first},
              {"clflow.variant.paper_logit", &v->paper_logit},
              {"clflow.variant.no_norm", &v->no_norm}};
  for (size_t i = 0; i < sizeof list / sizeof *list; i++)
    CLF_TRY(meta_int32(st, list[i].key, list[i].to));
  CLF_TRY(clf__st_meta_real(st, "clflow.variant.bn_rho", &v->bn_rho));
  return clf__st_meta_real(st, "clflow.alpha", &s->alpha);
}

static clf_status spec_from_meta(const clf__st *st, clf_flow_spec *s) {
  const char *kind = clf__st_meta(st, "clflow.kind"), *format = clf__st_meta(st, "clflow.format");
  if (strcmp(format, "1") != 0)
    return clf__fail(CLF_EFORMAT, "its format is \"%s\"; this clflow reads format 1", format);
  int k = CLF_NVP;
  while (k <= CLF_REALNVP && (!kind || strcmp(kind, clf_kind_name((clf_kind)k)) != 0)) k++;
  if (k > CLF_REALNVP)
    return clf__fail(CLF_EFORMAT,
                     "its kind is \"%s\"; this clflow knows nvp, nice, piecewise and realnvp",
                     kind ? kind : "");
  *s = clf_flow_spec_default((clf_kind)k, 1);
  CLF_TRY(meta_int32(st, "clflow.dim", &s->dim));
  CLF_TRY(clf__st_meta_uint(st, "clflow.seed", &s->seed));
  if (s->kind == CLF_PIECEWISE) {
    CLF_TRY(meta_int32(st, "clflow.bins", &s->bins));
    CLF_TRY(meta_int32(st, "clflow.tails", &s->tails));
    CLF_TRY(clf__st_meta_real(st, "clflow.xmin", &s->xmin));
    return clf__st_meta_real(st, "clflow.xmax", &s->xmax);
  }
  if (s->kind == CLF_REALNVP) return image_spec_from_meta(st, s);
  CLF_TRY(meta_int32(st, "clflow.hidden", &s->hidden));
  CLF_TRY(meta_int32(st, "clflow.depth", &s->depth));
  return clf__st_meta_real(st, "clflow.s_max", &s->s_max);
}

/* The number of consecutive tensors BEFORE 0 AFTER, BEFORE 1 AFTER, ... */
static int32_t count_tensors(const clf__st *st, const char *before, const char *after) {
  char name[96];
  int32_t n = 0;
  do snprintf(name, sizeof name, "%s%d%s", before, (int)n++, after);
  while (clf__st_find(st, name));
  return n - 1;
}
static int32_t count_layers(const clf__st *st) { return count_tensors(st, "layers.", ".b"); }

static int32_t dimension(const clf__st_entry *e, int axis) {
  return axis < e->rank && e->dim[axis] <= INT32_MAX ? (int32_t)e->dim[axis] : 0;
}

/* The first convolution of an image flow; NULL in other files. */
static const clf__st_entry *first_conv(const clf__st *st) {
  return clf__st_find(st, "scale0.coupling0.net.h_in.V");
}

static clf_status image_spec_from_tensors(const clf__st *st, const clf_flow_spec *hint,
                                          clf_flow_spec *s) {
  const clf__st_entry *V = first_conv(st);
  if (!hint || !hint->height || !hint->width)
    return clf__fail(CLF_EFORMAT, "it is the state_dict of an image flow, which does not contain "
                                  "the images' size: give data, or height and width");
  *s = clf_flow_spec_default(CLF_REALNVP, 1);
  s->hidden = dimension(V, 0);
  s->channels = (dimension(V, 1) - 1) / 2;
  s->scales = count_tensors(st, "scale", ".coupling0.net.h_in.V");
  s->blocks = count_tensors(st, "scale0.coupling0.net.block", ".h_0.V");
  s->height = hint->height;
  s->width = hint->width;
  const double dim = (double)s->height * s->width * s->channels; /* each up to 2^31 */
  s->dim = dim > 0 && dim <= INT32_MAX ? (int32_t)dim : 0;
  if (hint->levels) s->levels = hint->levels;
  if (hint->alpha > 0) s->alpha = hint->alpha;
  s->variant = hint->variant;
  s->variant.no_norm = !clf__st_find(st, "scale0.coupling0.bn_in.mean");
  return CLF_OK;
}

/* Shapes that do not fit are reported when the tensors are read. */
static clf_status spec_from_tensors(const clf__st *st, const clf_flow_spec *hint,
                                    clf_flow_spec *s) {
  const clf__st_entry *xi = clf__st_find(st, "xi"), *b = clf__st_find(st, "layers.0.b");
  const clf__st_entry *net = clf__st_find(st, "layers.0.map_t.0.weight");
  if (first_conv(st)) return image_spec_from_tensors(st, hint, s);
  if (xi && clf__st_find(st, "alpha")) {
    if (!hint || !(hint->xmin < hint->xmax))
      return clf__fail(
          CLF_EFORMAT,
          "it is a piecewise state_dict, which does not contain the interval: give xmin and xmax");
    *s = clf_flow_spec_default(CLF_PIECEWISE, 1);
    s->bins = dimension(xi, 0) - 1;
    s->xmin = hint->xmin;
    s->xmax = hint->xmax;
    s->tails = hint->tails;
    return CLF_OK;
  }
  if (!b || !net)
    return clf__fail(CLF_EFORMAT,
                     "it has neither metadata of clflow nor the tensors of a flow "
                     "(layers.0.b, layers.0.map_t.0.weight, ...; scale0.coupling0.net.h_in.V, "
                     "...)");
  const int nvp = clf__st_find(st, "layers.0.map_s.0.weight") != NULL;
  *s = clf_flow_spec_default(nvp ? CLF_NVP : CLF_NICE, dimension(net, 1));
  s->hidden = dimension(net, 0);
  s->depth = count_layers(st);
  s->s_max = hint && nvp ? hint->s_max : 0;
  return CLF_OK;
}

/* ---- Tensors ---------------------------------------------------------------------------- */

static clf_status get(const clf__st *st, clf_device *dev, const clf__st_entry *e, clf_tensor t) {
  double *host = malloc((size_t)e->count * sizeof *host);
  if (!host) return clf__fail(CLF_ENOMEM, "no memory for the tensor %s", e->name);
  clf_status s = clf__st_get(st, e, host);
  if (!s) s = clf_write64(dev, t, host);
  free(host);
  return s;
}

clf_status clf__check_vector(const clf__st *st, const char *name, clf_tensor t) {
  const clf__st_entry *e = clf__st_find(st, name);
  if (!e) return clf__fail(CLF_EFORMAT, "it has no tensor %s", name);
  if (e->rank == 1 && e->dim[0] == t.dim[0]) return clf__st_check_dtype(st, e);
  return clf__fail(CLF_EFORMAT, "its tensor %s has %lld elements; the flow needs %d", name,
                   (long long)e->count, (int)t.dim[0]);
}

clf_status clf__get_vector(const clf__st *st, clf_flow *f, const char *name, clf_tensor t) {
  return get(st, f->dev, clf__st_find(st, name), t);
}

/* "[2, 6]" */
typedef char shape[24 * CLF_ST_MAX_RANK];
static const char *shape_text(int rank, const int64_t *dim, shape out) {
  int n = sprintf(out, "[");
  for (int i = 0; i < rank; i++) n += sprintf(out + n, "%s%lld", i ? ", " : "", (long long)dim[i]);
  sprintf(out + n, "]");
  return out;
}

static clf_status check_shape(const clf__st_entry *e, const clf_param *p) {
  const int64_t want[4] = {p->at.dim[0], p->at.dim[1], p->at.dim[2], p->at.dim[3]};
  shape has, needs;
  if (e->rank == 0 && p->rank == 1 && want[0] == 1) return CLF_OK; /* a scalar */
  if (e->rank == p->rank && memcmp(e->dim, want, (size_t)p->rank * sizeof *want) == 0)
    return CLF_OK;
  return clf__fail(CLF_EFORMAT, "its tensor %s has the shape %s; the flow needs %s", e->name,
                   shape_text(e->rank, e->dim, has), shape_text(p->rank, want, needs));
}

clf_status clf__check_params(const clf__st *st, const clf_flow *f) {
  for (int i = 0; i < f->param_count; i++) {
    const clf_param *p = &f->params[i];
    const clf__st_entry *e = clf__st_find(st, p->name);
    if (!e) return clf__fail(CLF_EFORMAT, "it has no tensor %s", p->name);
    CLF_TRY(check_shape(e, p));
    CLF_TRY(clf__st_check_dtype(st, e));
  }
  return CLF_OK;
}

clf_status clf__get_params(const clf__st *st, clf_flow *f) {
  CLF_TRY(clf__check_params(st, f));
  for (int i = 0; i < f->param_count; i++)
    CLF_TRY(get(st, f->dev, clf__st_find(st, f->params[i].name), f->params[i].at));
  return CLF_OK;
}

/* A mask contains 0 and 1, whatever wrote the file. */
static clf_status check_masks(clf_flow *f, const char *path) {
  if (!clf__spec_has_kind(&f->spec)) return clf__flow_derive_again(f);
  const size_t n = clf__count(&f->c);
  double *c = malloc(n * sizeof *c);
  if (!c) return clf__fail(CLF_ENOMEM, "no memory for %zu mask entries", n);
  clf_status s = clf_read64(f->dev, f->c, c);
  for (size_t i = 0; i < n && !s && f->spec.kind < CLF_PIECEWISE; i++)
    if (c[i] != 0 && c[i] != 1)
      s = clf__fail(CLF_EFORMAT, "%s: the mask of layers.%zu holds %g; a mask is 0 or 1", path,
                    i / (size_t)f->spec.dim, c[i]);
  free(c);
  return s;
}

/* ---- Everything else ------------------------------------------------------------------------- */

static clf_status get_moments(const clf__st *st, const char *of, clf_flow *f, size_t n,
                              clf_status (*set)(clf_flow *, const double *, const double *)) {
  char key[64];
  snprintf(key, sizeof key, "clflow.%s.mean.0", of);
  if (!n || !clf__st_meta(st, key)) return CLF_OK;
  double *v = malloc(2 * n * sizeof *v);
  if (!v) return clf__fail(CLF_ENOMEM, "no memory for the scaling of %zu columns", n);
  clf_status s = CLF_OK;
  for (size_t d = 0; d < n && !s; d++) {
    snprintf(key, sizeof key, "clflow.%s.mean.%zu", of, d);
    s = clf__st_meta_real(st, key, &v[d]);
    snprintf(key, sizeof key, "clflow.%s.std.%zu", of, d);
    if (!s) s = clf__st_meta_real(st, key, &v[n + d]);
  }
  if (!s) s = set(f, v, v + n);
  free(v);
  return s;
}

static clf_status get_scaling(const clf__st *st, clf_flow *f) {
  CLF_TRY(get_moments(st, "scaling", f, (size_t)f->spec.dim, clf_flow_set_scaling));
  return get_moments(st, "context", f, (size_t)f->context, clf__flow_set_context_scaling);
}

clf_status clf__get_history(const clf__st *st, clf_history *h) {
  *h = (clf_history){.train = NAN, .valid = NAN, .best_train = NAN};
  if (!clf__st_meta(st, "clflow.history.epochs")) return CLF_OK;
  CLF_TRY(clf__st_meta_int(st, "clflow.history.epochs", &h->epochs));
  CLF_TRY(clf__st_meta_int(st, "clflow.history.steps", &h->steps));
  CLF_TRY(clf__st_meta_int(st, "clflow.history.best_epoch", &h->best_epoch));
  if (clf__st_meta(st, "clflow.history.best_step"))
    CLF_TRY(clf__st_meta_int(st, "clflow.history.best_step", &h->best_step));
  h->averaged = clf__st_meta(st, "clflow.history.averaged") != NULL;
  if (clf__st_meta(st, "clflow.history.early"))
    CLF_TRY(clf__st_meta_int(st, "clflow.history.early", &h->early));
  if (clf__st_meta(st, "clflow.history.train"))
    CLF_TRY(clf__st_meta_real(st, "clflow.history.train", &h->train));
  if (clf__st_meta(st, "clflow.history.valid"))
    CLF_TRY(clf__st_meta_real(st, "clflow.history.valid", &h->valid));
  if (clf__st_meta(st, "clflow.history.best_train"))
    CLF_TRY(clf__st_meta_real(st, "clflow.history.best_train", &h->best_train));
  h->reverse = clf__st_meta(st, "clflow.history.reverse") != NULL;
  return CLF_OK;
}

/* The minimum number of tensors of a flow with this spec. */
static int64_t least_tensors(const clf_flow_spec *s) {
  if (s->kind == CLF_PIECEWISE) return 1;
  if (s->kind != CLF_REALNVP) return s->depth;
  return (6 * ((int64_t)s->scales - 1) + 4) * s->blocks * 4; /* two convolutions per block */
}

static clf_status other_tensors(const clf_flow_spec *s, clf_status why) {
  char text[128];
  if (s->kind == CLF_REALNVP)
    snprintf(text, sizeof text, "%d channels, %d scales, hidden %d, %d blocks", (int)s->channels,
             (int)s->scales, (int)s->hidden, (int)s->blocks);
  else
    snprintf(text, sizeof text, "dim %d, hidden %d, depth %d, bins %d", (int)s->dim, (int)s->hidden,
             (int)s->depth, (int)s->bins);
  return clf__fail(why, "its tensors are not those of a %s flow with %s: %s",
                   clf_kind_name(s->kind), text, clf_errmsg());
}

/* Compares the metadata with the file before anything is allocated for them: each parameter must
 * be present with its shape, which the reader has compared with the file's size. */
static clf_status check_claims(const clf__st *st, const clf_flow_spec *spec) {
  const int64_t minimum = least_tensors(spec);
  clf_flow outline = {0};
  clf_status s;
  if (minimum > clf__st_count(st)) {
    s = clf__fail(CLF_EFORMAT, "there are %d of them, and such a flow has at least %lld",
                  clf__st_count(st), (long long)minimum);
  } else {
    s = clf__flow_outline(spec, &outline);
    if (!s) s = clf__check_params(st, &outline);
    clf__flow_outline_free(&outline);
  }
  return s == CLF_EFORMAT ? other_tensors(spec, s) : s;
}

/* A flow with the weights and all else that a file holds. */
static clf_status fill_flow(const clf__st *st, const char *path, clf_flow *f, clf_flow **out) {
  clf_status s = clf__get_params(st, f);
  if (!s) s = check_masks(f, path);
  if (!s) s = get_scaling(st, f);
  if (!s) s = clf__get_grid(st, f);
  if (!s) s = clf__get_columns(st, f);
  if (!s) s = clf__get_kinds(st, f);
  if (!s) s = clf__get_observation(st, f);
  if (!s) s = clf__get_image_order(st, f);
  if (!s) s = clf__get_record(st, f);
  if (!s) s = clf__get_history(st, &f->history);
  if (s)
    clf_flow_free(f);
  else
    *out = f;
  return clf__in_file(s, path);
}

static clf_status load_kind(clf_device *dev, const char *path, const clf__st *st,
                            const clf_flow_spec *hint, clf_flow **out) {
  clf_flow_spec spec;
  const int ours = clf__st_meta(st, "clflow.format") != NULL;
  clf_status s = ours ? spec_from_meta(st, &spec) : spec_from_tensors(st, hint, &spec);
  clf_flow *f = NULL;
  if (!s) s = clf__spec_check(&spec);
  if (s) return clf__in_file(s, path);
  s = check_claims(st, &spec);
  if (s) return clf__in_file(s, path);
  CLF_TRY(clf_flow_create(dev, &spec, &f));
  return fill_flow(st, path, f, out);
}

/* The tensors that an architecture asks for must be there before anything is made for them. */
static clf_status check_arch(const clf__st *st, const clf_arch *arch) {
  clf_flow outline = {0};
  clf_status s;
  if (clf_arch_layers(arch) > 2 * clf__st_count(st) + 1024)
    return clf__fail(CLF_EFORMAT, "its architecture has %d layers, and there are %d tensors",
                     (int)clf_arch_layers(arch), clf__st_count(st));
  s = clf__flow_outline_arch(arch, &outline);
  if (!s) s = clf__check_params(st, &outline);
  clf__flow_outline_free(&outline);
  return s;
}

static clf_status load_arch(clf_device *dev, const char *path, const clf__st *st, clf_flow **out) {
  clf_arch *arch = NULL;
  clf_flow *f = NULL;
  uint64_t seed = 0;
  clf_status s = clf_arch_from_json(clf__st_meta(st, "clflow.arch"), &arch);
  if (!s) s = clf__st_meta_uint(st, "clflow.seed", &seed);
  if (!s) s = check_arch(st, arch);
  s = clf__in_file(s, path);
  if (!s) s = clf_flow_create_arch(dev, arch, seed, &f);
  clf_arch_free(arch);
  return s ? s : fill_flow(st, path, f, out);
}

static clf_status load(clf_device *dev, const char *path, const clf__st *st,
                       const clf_flow_spec *hint, clf_flow **out) {
  return clf__st_meta(st, "clflow.arch") ? load_arch(dev, path, st, out)
                                         : load_kind(dev, path, st, hint, out);
}

clf_status clf_flow_load(clf_device *dev, const char *path, const clf_flow_spec *hint,
                         clf_flow **flow) {
  clf__st *st;
  CLF_GIVEN("dev, path, flow", dev, path, flow);
  CLF_TRY(clf__st_open(path, &st));
  const clf_status s = load(dev, path, st, hint, flow);
  clf__st_close(st);
  return s;
}

clf_status clf_flow_load_memory(clf_device *dev, const void *bytes, size_t size,
                                const clf_flow_spec *hint, clf_flow **flow) {
  clf__st *st;
  CLF_GIVEN("dev, bytes, flow", dev, bytes, flow);
  CLF_TRY(clf__st_open_memory(bytes, size, &st));
  const clf_status s = load(dev, "the model in memory", st, hint, flow);
  clf__st_close(st);
  return s;
}
