/* SPDX-License-Identifier: MIT */
/* build.c: builds a flow from the text of its architecture and tensors under clflow's names, which
 * the readers of each library provide. It is loaded from memory like a model file, so that all
 * checks of files apply. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "flow_private.h"
#include "import_private.h"
#include "safetensors.h"

static clf_status no_memory(void) { return clf__fail(CLF_ENOMEM, "no memory for an import"); }

/* ---- Text ---------------------------------------------------------------------------------- */

static clf_status vprint(clf__im_text *t, const char *fmt, va_list args) {
  va_list again;
  va_copy(again, args);
  const int n = vsnprintf(NULL, 0, fmt, again);
  va_end(again);
  if (n < 0) return no_memory();
  if (t->used + (size_t)n + 1 > t->room) {
    const size_t room = 2 * (t->used + (size_t)n + 1);
    char *bigger = realloc(t->s, room);
    if (!bigger) return no_memory();
    t->s = bigger;
    t->room = room;
  }
  vsnprintf(t->s + t->used, (size_t)n + 1, fmt, args);
  t->used += (size_t)n;
  return CLF_OK;
}
clf_status clf__im_print(clf__im_text *t, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  const clf_status s = vprint(t, fmt, args);
  va_end(args);
  return s;
}

clf_status clf__im_layer(clf__im *im, const char *fmt, ...) {
  if (im->layers == im->room) {
    const int room = im->room ? 2 * im->room : 32;
    clf__im_text *bigger = realloc(im->item, (size_t)room * sizeof *bigger);
    if (!bigger) return no_memory();
    im->item = bigger;
    im->room = room;
  }
  clf__im_text *t = &im->item[im->layers++];
  *t = (clf__im_text){0};
  if (im->inverted) CLF_TRY(clf__im_print(t, "~"));
  va_list args;
  va_start(args, fmt);
  const clf_status s = vprint(t, fmt, args);
  va_end(args);
  return s;
}

clf_status clf__im_note(clf__im *im, const char *fmt, ...) {
  clf__im_text line = {0};
  va_list args;
  va_start(args, fmt);
  clf_status s = vprint(&line, fmt, args);
  va_end(args);
  if (!s) s = clf__im_print(&line, "\n");
  if (!s && !(im->notes.s && strstr(im->notes.s, line.s)))
    s = clf__im_print(&im->notes, "%s", line.s);
  free(line.s);
  return s;
}

clf_status clf__im_refuse(const clf__im_module *m, const char *fmt, ...) {
  clf__im_text why = {0};
  va_list args;
  va_start(args, fmt);
  clf_status s = vprint(&why, fmt, args);
  va_end(args);
  if (!s)
    s = clf__fail(CLF_ENOTSUP, "%s%s%s%s %s", clf__im_path(m).s, *m->cls ? " (" : "",
                  *m->cls ? clf__im_kind(m) : "", *m->cls ? ")" : "", why.s);
  free(why.s);
  return s;
}

/* ---- Numbers ------------------------------------------------------------------------------- */

int64_t clf__im_dim(const clf__im_tensor *t, int axis) {
  return t && axis < t->rank ? t->dim[axis] : 0;
}

clf_status clf__im_read(clf__im *im, const clf__im_module *m, const char *path, double **values,
                        clf__im_tensor **tensor) {
  clf__im_tensor *t = clf__im_find(m, path);
  /* The tensors of a small file can refer to one storage many times. */
  const int64_t maximum =
      (int64_t)(im->size < INT64_MAX / 8 ? 4 * im->size : INT64_MAX / 2) + (1 << 22);
  *values = NULL;
  if (tensor) *tensor = t;
  if (!t) return clf__fail(CLF_EFORMAT, "%s has no tensor %s", clf__im_path(m).s, path);
  im->elements += t->count;
  if (im->elements > maximum)
    return clf__fail(CLF_EFORMAT, "its tensors have more elements than such a file can hold");
  *values = malloc((size_t)(t->count ? t->count : 1) * sizeof **values);
  if (!*values) return no_memory();
  const clf_status s = clf__im_get(t, *values);
  t->used = 1;
  if (s) {
    free(*values);
    *values = NULL;
  }
  return s;
}

static clf_status add_value(clf__im *im, const char *name, double *at, int64_t count,
                            const clf__im_tensor *from) {
  if (im->values == im->value_room) {
    const int room = im->value_room ? 2 * im->value_room : 64;
    clf__im_value *bigger = realloc(im->value, (size_t)room * sizeof *bigger);
    if (!bigger) return no_memory();
    im->value = bigger;
    im->value_room = room;
  }
  clf__im_value *v = &im->value[im->values];
  *v = (clf__im_value){.count = count, .at = at};
  if (strlen(name) >= sizeof v->name)
    return clf__fail(CLF_EFORMAT, "the name %s is too long", name);
  strcpy(v->name, name);
  if (from) v->from = clf__im_tensor_path(from);
  im->values++;
  return CLF_OK;
}
static clf_status put_values(clf__im *im, double *values, int64_t count, const clf__im_tensor *from,
                             const char *fmt, va_list args) {
  clf__im_text name = {0};
  clf_status s = values ? vprint(&name, fmt, args) : no_memory();
  if (!s) s = add_value(im, name.s, values, count, from);
  if (s) free(values);
  free(name.s);
  return s;
}
clf_status clf__im_put_values(clf__im *im, double *values, int64_t count,
                              const clf__im_tensor *from, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  const clf_status s = put_values(im, values, count, from, fmt, args);
  va_end(args);
  return s;
}
/* A masked linear layer multiplies its weights by the mask at each use, so the file may have any
 * weights outside the mask; they become zero. */
static clf_status apply_mask(clf__im *im, const clf__im_module *m, double *weights, int64_t count) {
  double *mask;
  clf__im_tensor *t = clf__im_find(m, "mask");
  if (!t || t->count != count) return CLF_OK;
  CLF_TRY(clf__im_read(im, m, "mask", &mask, NULL));
  for (int64_t i = 0; i < count; i++) weights[i] *= mask[i];
  free(mask);
  return CLF_OK;
}
clf_status clf__im_put(clf__im *im, const clf__im_module *m, const char *path, const char *fmt,
                       ...) {
  double *values;
  clf__im_tensor *t;
  CLF_TRY(clf__im_read(im, m, path, &values, &t));
  const clf_status masked =
      strcmp(path, "weight") == 0 ? apply_mask(im, m, values, t->count) : CLF_OK;
  if (masked) {
    free(values);
    return masked;
  }
  va_list args;
  va_start(args, fmt);
  const clf_status s = put_values(im, values, t->count, t, fmt, args);
  va_end(args);
  return s;
}

/* `angles` NULL: none. */
static clf_status put_matrix(clf__im *im, const clf__im_module *m, const char *to, int masked,
                             clf__im_angles *angles) {
  double *weight, *mask = NULL;
  clf__im_tensor *t, *u = NULL;
  CLF_TRY(clf__im_read(im, m, "weight", &weight, &t));
  const int64_t rows = clf__im_dim(t, 0), more = angles ? rows * angles->count : 0;
  clf_status s = masked ? clf__im_read(im, m, "mask", &mask, &u) : CLF_OK;
  if (!s && masked && t->count != u->count)
    s = clf__im_refuse(m, "has a mask of another size than its weights");
  for (int64_t i = 0; i < t->count && !s && masked; i++) weight[i] = mask[i] != 0 ? weight[i] : 0;
  if (angles) angles->width = clf__im_dim(t, 1);
  if (!s && more) s = clf__im_angles_spread(angles, 1, rows, &weight);
  if (!s && more && masked) s = clf__im_angles_spread(angles, 0, rows, &mask);
  if (s) {
    free(weight);
    free(mask);
    return s;
  }
  s = clf__im_put_values(im, weight, t->count + more, t, "%s.weight", to);
  if (s) free(mask);
  return s || !masked ? s : clf__im_put_values(im, mask, u->count + more, u, "%s.mask", to);
}
clf_status clf__im_put_masked(clf__im *im, const clf__im_module *m, const char *to) {
  return put_matrix(im, m, to, 1, NULL);
}
clf_status clf__im_put_first(clf__im *im, const clf__im_module *m, const char *to, int masked,
                             clf__im_angles *angles) {
  CLF_TRY(put_matrix(im, m, to, masked, angles));
  return clf__im_put(im, m, "bias", "%s.bias", to);
}

void clf__im_skip(clf__im_module *m, const char *path) {
  clf__im_tensor *t = clf__im_find(m, path);
  if (t) t->used = 1;
}
void clf__im_skip_all(clf__im_module *m) {
  for (clf__im_tensor *t = m ? m->tensor : NULL; t; t = t->next) t->used = 1;
  for (clf__im_module *c = m ? m->child : NULL; c; c = c->next) clf__im_skip_all(c);
}

static clf_status set_size(int32_t *size, const char *what, const clf__im_module *m, int64_t n) {
  if (n < 1 || n > 1 << 20)
    return clf__fail(CLF_EFORMAT, "%s has %lld %s", clf__im_path(m).s, (long long)n, what);
  if (*size && *size != n)
    return clf__fail(CLF_EFORMAT, "%s has %lld %s, and the modules before it %d", clf__im_path(m).s,
                     (long long)n, what, (int)*size);
  *size = (int32_t)n;
  return CLF_OK;
}
clf_status clf__im_set_dim(clf__im *im, const clf__im_module *m, int64_t dim) {
  return set_size(&im->dim, "dimensions", m, dim);
}
clf_status clf__im_set_context(clf__im *im, const clf__im_module *m, int64_t context) {
  return context ? set_size(&im->context, "numbers of context", m, context) : CLF_OK;
}

/* ---- The text of the whole ----------------------------------------------------------------- */

/* How many times layers i .. i + period - 1 repeat, beginning at i. */
static int times(const clf__im *im, int i, int period) {
  int n = 1;
  for (;; n++)
    for (int k = 0; k < period; k++) {
      const int j = i + n * period + k;
      if (j >= im->layers || strcmp(im->item[j].s, im->item[i + k].s) != 0) return n;
    }
}

/* Writes the layers separated by commas, with repetitions as (...)*n, the longest one first. */
static clf_status print_layers(const clf__im *im, clf__im_text *t) {
  for (int i = 0; i < im->layers;) {
    int period = 1, n = 1;
    for (int p = 1; p <= 8 && i + 2 * p <= im->layers; p++) {
      const int k = times(im, i, p);
      if (k > 1 && k * p > n * period) period = p, n = k;
    }
    CLF_TRY(clf__im_print(t, "%s%s", i ? ", " : "", n > 1 ? "(" : ""));
    for (int k = 0; k < period; k++)
      CLF_TRY(clf__im_print(t, "%s%s", k ? ", " : "", im->item[i + k].s));
    if (n > 1) CLF_TRY(clf__im_print(t, ")*%d", n));
    i += n * period;
  }
  return CLF_OK;
}

static clf_status print_arch(const clf__im *im, clf__im_text *t) {
  const int32_t context = im->given ? im->given : im->context;
  if (!im->dim) return clf__fail(CLF_EFORMAT, "the file has no layers that clflow recognises");
  if (im->shape[0])
    CLF_TRY(clf__im_print(t, "%dx%dx%d", (int)im->shape[0], (int)im->shape[1], (int)im->shape[2]));
  else
    CLF_TRY(clf__im_print(t, "%d", (int)im->dim));
  if (context) CLF_TRY(clf__im_print(t, "|%d", (int)context));
  CLF_TRY(clf__im_print(t, ": "));
  CLF_TRY(print_layers(im, t));
  CLF_TRY(clf__im_print(t, " -> %s", im->base.s ? im->base.s : "normal"));
  return context && im->embedding.s ? clf__im_print(t, "; context: %s", im->embedding.s) : CLF_OK;
}

/* ---- The flow ------------------------------------------------------------------------------ */

static clf__im_value *find_value(const clf__im *im, const char *name) {
  for (int i = 0; i < im->values; i++)
    if (!im->value[i].taken && !strcmp(im->value[i].name, name)) return &im->value[i];
  return NULL;
}

/* Fills a parameter of the architecture, in the architecture's shape. */
static clf_status put_param(const clf__im *im, const clf_param *p, clf__st_writer *w) {
  const int64_t dim[4] = {p->at.dim[0], p->at.dim[1], p->at.dim[2], p->at.dim[3]};
  int64_t count = 1;
  for (int k = 0; k < p->rank; k++) count *= dim[k];
  clf__im_value *v = find_value(im, p->name);
  if (!v) return clf__fail(CLF_EFORMAT, "the file has no numbers for %s", p->name);
  if (v->count != count)
    return clf__fail(CLF_EFORMAT, "%s has %lld elements; the architecture needs %lld",
                     *v->from.s ? v->from.s : v->name, (long long)v->count, (long long)count);
  v->taken = 1;
  return clf__st_put_f64(w, p->name, p->rank, dim, v->at);
}

static clf_status put_params(const clf__im *im, const clf_arch *arch, clf__st_writer *w) {
  clf_flow outline = {0};
  clf_status s = clf__flow_outline_arch(arch, &outline);
  for (int i = 0; i < outline.param_count && !s; i++) s = put_param(im, &outline.params[i], w);
  clf__flow_outline_free(&outline);
  for (int i = 0; i < im->values && !s; i++)
    if (!im->value[i].taken)
      s = clf__fail(CLF_EFORMAT, "the architecture has no place for %s (%s)",
                    *im->value[i].from.s ? im->value[i].from.s : im->value[i].name,
                    im->value[i].name);
  return s;
}

static clf_status put_numbers(clf__st_writer *w, const char *key, const double *v, int32_t n) {
  char name[64];
  for (int32_t i = 0; v && i < n; i++) {
    snprintf(name, sizeof name, "clflow.%s.%d", key, (int)i);
    CLF_TRY(clf__st_put_meta_real(w, name, v[i]));
  }
  return CLF_OK;
}
static clf_status put_meta(const clf__im *im, const clf_arch *arch, clf__st_writer *w) {
  const int32_t context = clf_arch_context(arch);
  CLF_TRY(clf__st_put_meta(w, "clflow.format", "1"));
  CLF_TRY(clf__st_put_meta(w, "clflow.kind", "%s", clf_kind_name(CLF_COMPOSED)));
  CLF_TRY(clf__st_put_meta(w, "clflow.seed", "0"));
  CLF_TRY(clf__st_put_meta(w, "clflow.arch", "%s", clf_arch_json(arch)));
  CLF_TRY(put_numbers(w, "scaling.mean", im->mean, im->dim));
  CLF_TRY(put_numbers(w, "scaling.std", im->std, im->dim));
  CLF_TRY(put_numbers(w, "context.mean", im->c_mean, context));
  CLF_TRY(put_numbers(w, "context.std", im->c_std, context));
  return put_numbers(w, "observation", im->x, context);
}

static clf_status open_flow(const clf__im *im, clf_device *dev, const clf_arch *arch,
                            clf_flow **flow) {
  clf__st_writer *w;
  void *bytes = NULL;
  size_t size;
  CLF_TRY(clf__st_writer_new(&w));
  clf_status s = put_params(im, arch, w);
  if (!s) s = put_meta(im, arch, w);
  if (!s) s = clf__st_write_memory(w, &bytes, &size);
  clf__st_writer_free(w);
  if (!s) s = clf_flow_load_memory(dev, bytes, size, NULL, flow);
  free(bytes);
  return s;
}

/* Refuses a model of which some tensors were not used, and names the first ones. */
static clf_status check_unused(const clf__im_module *m, clf__im_text *list, int *count, int depth) {
  for (const clf__im_tensor *t = m->tensor; t; t = t->next) {
    if (t->used) continue;
    if ((*count)++ < 3)
      CLF_TRY(clf__im_print(list, "%s%s", list->used ? ", " : "", clf__im_tensor_path(t).s));
  }
  for (const clf__im_module *c = m->child; c && depth < 64; c = c->next)
    CLF_TRY(check_unused(c, list, count, depth + 1));
  return CLF_OK;
}
clf_status clf__im_check_unused(const clf__im_module *m) {
  clf__im_text list = {0};
  int count = 0;
  clf_status s = check_unused(m, &list, &count, 0);
  if (!s && count)
    s = clf__fail(CLF_ENOTSUP, "only a part of the file was recognised: %d tensor%s no place, %s%s",
                  count, count == 1 ? " has" : "s have", list.s, count > 3 ? ", ..." : "");
  free(list.s);
  return s;
}

clf_status clf__im_make(clf__im *im, clf_device *dev, clf_flow **flow) {
  clf__im_text text = {0};
  clf_arch *arch = NULL;
  const char *given = im->hint[CLF_IM_HINT_arch];
  clf_status s = given ? CLF_OK : print_arch(im, &text);
  if (!s) s = clf_arch_parse(given ? given : text.s, &arch);
  if (!s) s = open_flow(im, dev, arch, flow);
  if (!s && clf_flow_get_spec(*flow)->height) /* arrays of torch */
    s = clf_flow_set_image_order(*flow, CLF_ORDER_NCHW);
  clf_arch_free(arch);
  free(text.s);
  return s;
}

void clf__im_free(clf__im *im) {
  for (int i = 0; i < im->layers; i++) free(im->item[i].s);
  for (int i = 0; i < im->values; i++) free(im->value[i].at);
  for (int i = 0; i < CLF_IM_HINTS; i++) free(im->hint[i]);
  free(im->item);
  free(im->value);
  free(im->base.s);
  free(im->embedding.s);
  free(im->circular_text.s);
  free(im->notes.s);
  free(im->mean);
  free(im->std);
  free(im->c_mean);
  free(im->c_std);
  free(im->x);
  clf__im_close(im->file);
}
