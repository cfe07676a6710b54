/* SPDX-License-Identifier: MIT */
/* flow.c: creates a flow; its description and scaling. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "device_head.h"
#include "names.h"

/* ---- Making ---------------------------------------------------------------------------------- */

static clf_status totals(const clf_flow *f, int32_t *weights, int32_t *constants,
                         int32_t *derived) {
  const int64_t w = clf__slots_weights(&f->slots), c = f->slots.size[CLF_CONSTANT];
  const int64_t d = f->slots.size[CLF_DERIVED];
  if (w + c + d > INT32_MAX)
    return clf__fail(CLF_EINVAL,
                     "a flow of %lld numbers, those that it computes from its weights included; at "
                     "most %d are possible",
                     (long long)(w + c + d), INT32_MAX);
  *weights = (int32_t)w;
  *constants = (int32_t)c;
  *derived = (int32_t)d;
  return CLF_OK;
}

/* An empty vector has one element, which is not used. */
static clf_status new_vector(clf_arena *a, int32_t n, clf_tensor *t) {
  return clf_new(a, (int32_t[4]){n ? n : 1}, t);
}

static clf_status lay_out(clf_flow *f) {
  int32_t w = 0, c = 0, d = 0;
  CLF_TRY(totals(f, &w, &c, &d));
  CLF_TRY(new_vector(&f->arena, w, &f->w));
  CLF_TRY(new_vector(&f->arena, c, &f->c));
  return d ? new_vector(&f->arena, d, &f->d) : CLF_OK;
}

static void find_decayed(clf_flow *f) {
  const int64_t first = f->slots.size[CLF_PLAIN], count = f->slots.size[CLF_DECAYED];
  if (!count) return;
  f->decayed = clf__vector(f->w, first, (int32_t)count, 1);
  if (f->g.buf) f->decayed_g = clf__vector(f->g, first, (int32_t)count, 1);
}

static clf_status initialise(clf_flow *f) {
  const size_t nw = clf__count(&f->w), nc = clf__count(&f->c);
  double *host = calloc(nw + nc, sizeof *host);
  if (!host) return clf__fail(CLF_ENOMEM, "no memory for %zu initial weights", nw);
  clf__flow_draw(f, host, host + nw);
  /* Rounded as in files, so that values derived from them do not change after loading. */
  for (size_t i = nw; i < nw + nc && f->dev->bits == 32; i++) host[i] = (double)(float)host[i];
  clf_status s = clf__flow_derive(f, host + nw);
  if (!s) s = clf_write64(f->dev, f->w, host);
  if (!s) s = clf_write64(f->dev, f->c, host + nw);
  free(host);
  return s;
}

clf_status clf__flow_sort(const clf_flow *f, clf_tensor v, int constants) {
  const int count = clf__slots_sorted(&f->slots, constants, NULL);
  if (!count) return CLF_OK;
  clf__sorted *const list = malloc((size_t)count * sizeof *list);
  if (!list) return clf__fail(CLF_ENOMEM, "no memory for the order of %d arrays", count);
  clf__slots_sorted(&f->slots, constants, list);
  const clf_status s = clf__buffer_sort(v.buf, v.offset, list, count);
  free(list);
  return s;
}

static clf_status name_params(clf_flow *f) {
  const clf__vectors v = {f->w, f->c, f->d};
  f->param_count = clf__slots_params(&f->slots, &v, NULL);
  f->params = calloc((size_t)f->param_count + 1, sizeof *f->params);
  if (!f->params) return clf__fail(CLF_ENOMEM, "no memory for %d parameters", f->param_count);
  clf__slots_params(&f->slots, &v, f->params);
  return CLF_OK;
}

static clf_status build(clf_flow *f) {
  CLF_TRY(clf__flow_build(f));
  f->arena.dev = f->dev;
  CLF_TRY(lay_out(f)); /* measures */
  CLF_TRY(clf_arena_init(&f->arena, f->dev, f->arena.used));
  CLF_TRY(lay_out(f));
  f->arena.buf->counts = 1;
  CLF_TRY(clf__flow_sort(f, f->w, 0));
  CLF_TRY(clf__flow_sort(f, f->c, 1));
  find_decayed(f);
  CLF_TRY(name_params(f));
  return initialise(f);
}

static clf_status create(clf_flow *f, clf_flow **out) {
  f->history.train = f->history.valid = f->history.best_train = NAN;
  const clf_status s = build(f);
  if (s)
    clf_flow_free(f);
  else
    *out = f;
  return s;
}

clf_status clf_flow_create(clf_device *dev, const clf_flow_spec *spec, clf_flow **out) {
  CLF_GIVEN("dev, spec, flow", dev, spec, out);
  CLF_TRY(clf__spec_check(spec));
  clf_flow *f = calloc(1, sizeof *f);
  if (!f) return clf__fail(CLF_ENOMEM, "no memory for a flow");
  f->dev = dev;
  f->spec = clf__spec_own(spec);
  return create(f, out);
}

clf_status clf_flow_create_arch(clf_device *dev, const clf_arch *arch, uint64_t seed,
                                clf_flow **out) {
  CLF_GIVEN("dev, arch, flow", dev, arch, out);
  clf_flow *f = calloc(1, sizeof *f);
  if (!f) return clf__fail(CLF_ENOMEM, "no memory for a flow");
  f->dev = dev;
  f->spec = clf__spec_of_arch(arch, seed);
  f->arch = clf__arch_reference(arch);
  return create(f, out);
}

static void free_layers(clf_flow *f) {
  for (int i = 0; i < f->layers; i++)
    if (f->layer[i].ops->unmake) f->layer[i].ops->unmake(&f->layer[i]);
  if (f->base.ops && f->base.ops->unmake) f->base.ops->unmake(&f->base);
  clf__net_unmake(&f->embedding);
  clf__slots_free(&f->slots);
  clf__arch_list_free(&f->list);
  clf_arch_free(f->arch);
  free(f->layer);
  free(f->stage);
  free(f->params);
}

void clf_flow_free(clf_flow *f) {
  if (!f) return;
  clf__flow_drop_workspace(f);
  clf__flow_drop_transposed(f);
  clf__device_head_free(f);
  free_layers(f);
  clf_arena_free(&f->grad_arena);
  clf_arena_free(&f->arena);
  free(f->mean);
  free(f->std);
  free(f->c_mean);
  free(f->c_std);
  free(f->grid);
  clf__names_free(f->columns, f->spec.dim);
  clf__names_free(f->c_columns, f->context);
  clf__flow_free_kinds(f);
  free(f->record);
  free(f->observation);
  free(f);
}

/* ---- Description ----------------------------------------------------------------------------- */

const clf_flow_spec *clf_flow_get_spec(const clf_flow *f) { return f ? &f->spec : NULL; }
const clf_arch *clf_flow_arch(const clf_flow *f) {
  return f && !clf__spec_has_kind(&f->spec) ? f->arch : NULL;
}
int32_t clf_flow_context(const clf_flow *f) { return f ? f->context : 0; }
clf_device *clf_flow_device(const clf_flow *f) { return f ? f->dev : NULL; }
void clf_flow_set_first_row(clf_flow *f, int64_t first) {
  if (f) f->first_row = first;
}
clf_history clf_flow_history(const clf_flow *f) {
  return f ? f->history : (clf_history){.train = NAN, .valid = NAN};
}
int clf_flow_param_count(const clf_flow *f) { return f ? f->param_count : 0; }

/* Layers know their sizes without a device. */
static clf_status outline(clf_flow *f) {
  int32_t w = 0, c = 0, d = 0;
  f->dev = calloc(1, sizeof *f->dev);
  if (!f->dev) return clf__fail(CLF_ENOMEM, "no memory for a flow");
  f->dev->bits = 32;
  CLF_TRY(clf__flow_build(f));
  CLF_TRY(totals(f, &w, &c, &d));
  return name_params(f);
}

clf_status clf__flow_outline(const clf_flow_spec *spec, clf_flow *f) {
  *f = (clf_flow){.spec = clf__spec_own(spec)};
  CLF_TRY(clf__spec_check(spec));
  return outline(f);
}

clf_status clf__flow_outline_arch(const clf_arch *arch, clf_flow *f) {
  *f = (clf_flow){.spec = clf__spec_of_arch(arch, 0), .arch = clf__arch_reference(arch)};
  return outline(f);
}

void clf__flow_outline_free(clf_flow *f) {
  free_layers(f);
  free(f->dev);
}

int64_t clf_flow_spec_weights(const clf_flow_spec *spec) {
  clf_flow f;
  if (!spec) return 0;
  const int64_t count = clf__flow_outline(spec, &f) ? 0 : clf_flow_weight_count(&f);
  clf__flow_outline_free(&f);
  return count;
}

int64_t clf_flow_weight_count(const clf_flow *f) {
  int64_t count = 0;
  for (int i = 0; f && i < f->param_count; i++)
    if (f->params[i].trainable) count += (int64_t)clf__count(&f->params[i].at);
  return count;
}

clf_param clf_flow_param(const clf_flow *f, int i) {
  return f && i >= 0 && i < f->param_count ? f->params[i] : (clf_param){.name = ""};
}

int clf_flow_scaling(const clf_flow *f, const double **mean, const double **std) {
  if (!f || !f->mean || !mean || !std) return 0;
  *mean = f->mean;
  *std = f->std;
  return 1;
}

int clf_flow_is_scaled(const clf_flow *f) {
  if (!f) return 0;
  int bounds = 0;
  for (int i = 0; i < f->head; i++) bounds |= f->layer[i].ops->host_forward != NULL;
  return bounds || f->mean || f->standardizes & CLF_THE_DATA;
}

/* Replaces *m and *s by copies of n means and deviations. */
static clf_status set_pair(const char *what, size_t n, const double *mean, const double *std,
                           double **m, double **s) {
  for (size_t d = 0; d < n; d++)
    if (!isfinite(mean[d]) || !isfinite(std[d]) || std[d] <= 0)
      return clf__fail(CLF_EINVAL,
                       "%scolumn %zu has mean %g and standard deviation %g: it cannot be "
                       "standardised",
                       what, d + 1, mean[d], std[d]);
  double *a = malloc(n * sizeof *a), *b = malloc(n * sizeof *b);
  if (!a || !b) {
    free(a);
    free(b);
    return clf__fail(CLF_ENOMEM, "no memory for the scaling of %zu columns", n);
  }
  memcpy(a, mean, n * sizeof *a); /* before free(): it may be the flow's own scaling */
  memcpy(b, std, n * sizeof *b);
  free(*m);
  free(*s);
  *m = a;
  *s = b;
  return CLF_OK;
}

clf_status clf_flow_set_scaling(clf_flow *f, const double *mean, const double *std) {
  CLF_GIVEN("flow, mean, std", f, mean, std);
  clf__device_head_free(f);
  return set_pair("", (size_t)f->spec.dim, mean, std, &f->mean, &f->std);
}

clf_status clf__flow_set_context_scaling(clf_flow *f, const double *mean, const double *std) {
  clf__device_head_free(f);
  return set_pair("the context's ", (size_t)f->context, mean, std, &f->c_mean, &f->c_std);
}

double clf__flow_scaling_logdet(const clf_flow *f) {
  double sum = 0;
  for (int32_t d = 0; f->std && d < f->spec.dim; d++) sum -= log(f->std[d]);
  return sum;
}

clf_status clf__in_file(clf_status s, const char *path) {
  if (!s || strncmp(clf_errmsg(), path, strlen(path)) == 0) return s;
  return clf__fail(s == CLF_EINVAL ? CLF_EFORMAT : s, "%s: %s", path, clf_errmsg());
}
