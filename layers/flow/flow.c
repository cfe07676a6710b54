/* SPDX-License-Identifier: MIT */
/* flow.c: a flow as a stack of layers: making one, its memory, both passes. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "flow_private.h"
#include "names.h"

/* ---- For layers --------------------------------------------------------------------- */

clf_param clf__param(clf_tensor at, int rank, int trainable, const char *fmt, ...) {
  clf_param p = {.rank = rank, .trainable = trainable, .at = at};
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(p.name, sizeof p.name, fmt, ap);
  va_end(ap);
  return p;
}

clf_status clf__is_finite(clf_device *dev, clf_tensor t, int *finite) {
  const size_t n = clf__count(&t);
  double *host = malloc(n * sizeof *host);
  if (!host) return clf__fail(CLF_ENOMEM, "no memory to look at %zu numbers", n);
  const clf_status s = clf_read64(dev, t, host);
  *finite = 1;
  for (size_t i = 0; i < n && !s; i++) *finite &= isfinite(host[i]) != 0;
  free(host);
  return s;
}

/* ---- Making ---------------------------------------------------------------------------- */

static void stack_up(clf_flow *f) {
  static const clf__layer_ops *const stacks[][CLF_MAX_LAYERS] = {
      [CLF_NVP] = {&clf__couplings},
      [CLF_NICE] = {&clf__couplings, &clf__scaling},
      [CLF_PIECEWISE] = {&clf__piecewise},
      [CLF_REALNVP] = {&clf__logit, &clf__realnvp_layer}};
  for (; f->layers < CLF_MAX_LAYERS && stacks[f->spec.kind][f->layers]; f->layers++)
    f->layer[f->layers] = (clf__layer){.ops = stacks[f->spec.kind][f->layers],
                                       .dev = f->dev,
                                       .spec = f->spec,
                                       .fused = clf__couplings_fused(f->dev, &f->spec)};
}

static clf_status make_layers(clf_flow *f) {
  stack_up(f);
  for (int i = 0; i < f->layers; i++)
    if (f->layer[i].ops->make) CLF_TRY(f->layer[i].ops->make(&f->layer[i]));
  return CLF_OK;
}

/* The part of layer l, whose weights begin at `first`, that L2 regularisation applies to. */
static void find_decayed(clf_flow *f, const clf__layer *l, int64_t first) {
  int64_t at, count;
  if (!l->ops->decayed) return;
  l->ops->decayed(l, &at, &count);
  if (!count) return;
  f->decayed = clf__vector(f->w, first + at, (int32_t)count, 1);
  if (f->g.buf) f->decayed_g = clf__vector(f->g, first + at, (int32_t)count, 1);
}

/* Gives each layer its parts of the weights, the gradient (if there is one) and the constants. */
static void share_out(clf_flow *f) {
  int64_t w = 0, c = 0;
  for (int i = 0; i < f->layers; i++) {
    clf__layer *l = &f->layer[i];
    const int64_t nw = l->ops->weights(l), nc = l->ops->constants(l);
    l->w = clf__vector(f->w, w, (int32_t)nw, 1);
    if (f->g.buf) l->g = clf__vector(f->g, w, (int32_t)nw, 1);
    if (nc) l->c = clf__vector(f->c, c, (int32_t)nc, 1);
    find_decayed(f, l, w);
    w += nw;
    c += nc;
  }
}

static clf_status totals(const clf_flow *f, int32_t *weights, int32_t *constants) {
  int64_t w = 0, c = 0;
  for (int i = 0; i < f->layers; i++) {
    w += f->layer[i].ops->weights(&f->layer[i]);
    c += f->layer[i].ops->constants(&f->layer[i]);
  }
  if (w + c > INT32_MAX)
    return clf__fail(CLF_EINVAL, "a flow of %lld weights; at most %d are possible", (long long)w,
                     INT32_MAX);
  *weights = (int32_t)w;
  *constants = (int32_t)c;
  return CLF_OK;
}

static clf_status lay_out(clf_flow *f) {
  int32_t w = 0, c = 0;
  CLF_TRY(totals(f, &w, &c));
  CLF_TRY(clf_new(&f->arena, (int32_t[4]){w}, &f->w));
  return clf_new(&f->arena, (int32_t[4]){c ? c : 1}, &f->c);
}

static clf_status initialise(clf_flow *f) {
  const size_t nw = clf__count(&f->w), nc = clf__count(&f->c);
  double *host = calloc(nw + nc, sizeof *host);
  if (!host) return clf__fail(CLF_ENOMEM, "no memory for %zu initial weights", nw);
  clf__host_random r = {f->spec.seed};
  double *w = host, *c = host + nw;
  for (int i = 0; i < f->layers; i++) {
    const clf__layer *l = &f->layer[i];
    l->ops->init(l, &r, w, c);
    w += l->ops->weights(l);
    c += l->ops->constants(l);
  }
  clf_status s = clf_write64(f->dev, f->w, host);
  if (!s) s = clf_write64(f->dev, f->c, host + nw);
  free(host);
  return s;
}

static clf_status name_params(clf_flow *f) {
  for (int i = 0; i < f->layers; i++) f->param_count += f->layer[i].ops->params(&f->layer[i], NULL);
  f->params = calloc((size_t)f->param_count, sizeof *f->params);
  if (!f->params) return clf__fail(CLF_ENOMEM, "no memory for %d parameters", f->param_count);
  clf_param *p = f->params;
  for (int i = 0; i < f->layers; i++) p += f->layer[i].ops->params(&f->layer[i], p);
  return CLF_OK;
}

static clf_status build(clf_flow *f) {
  CLF_TRY(make_layers(f));
  f->arena.dev = f->dev;
  CLF_TRY(lay_out(f)); /* measures */
  CLF_TRY(clf_arena_init(&f->arena, f->dev, f->arena.used));
  CLF_TRY(lay_out(f));
  share_out(f);
  CLF_TRY(name_params(f));
  return initialise(f);
}

clf_status clf_flow_create(clf_device *dev, const clf_flow_spec *spec, clf_flow **out) {
  CLF_GIVEN("dev, spec, flow", dev, spec, out);
  CLF_TRY(clf__spec_check(spec));
  clf_flow *f = calloc(1, sizeof *f);
  if (!f) return clf__fail(CLF_ENOMEM, "no memory for a flow");
  f->dev = dev;
  f->spec = *spec;
  f->history.train = f->history.valid = f->history.best_train = NAN;
  const clf_status s = build(f);
  if (s)
    clf_flow_free(f);
  else
    *out = f;
  return s;
}

static void free_workspace(clf__workspace *ws) {
  clf_arena_free(&ws->arena);
  for (int i = 0; i < CLF_MAX_LAYERS; i++) free(ws->kept[i].own);
  *ws = (clf__workspace){0};
}

void clf_flow_free(clf_flow *f) {
  if (!f) return;
  for (int i = 0; i < f->layers; i++)
    if (f->layer[i].ops->unmake) f->layer[i].ops->unmake(&f->layer[i]);
  free_workspace(&f->ws);
  clf_arena_free(&f->grad_arena);
  clf_arena_free(&f->arena);
  free(f->params);
  free(f->mean);
  free(f->std);
  free(f->grid);
  clf__names_free(f->columns, f->spec.dim);
  free(f);
}

/* ---- What it is -------------------------------------------------------------------------- */

const clf_flow_spec *clf_flow_get_spec(const clf_flow *f) { return f ? &f->spec : NULL; }
clf_device *clf_flow_device(const clf_flow *f) { return f ? f->dev : NULL; }
void clf_flow_set_first_row(clf_flow *f, int64_t first) {
  if (f) f->first_row = first;
}
clf_history clf_flow_history(const clf_flow *f) {
  return f ? f->history : (clf_history){.train = NAN, .valid = NAN};
}
int clf_flow_param_count(const clf_flow *f) { return f ? f->param_count : 0; }

/* Layers know their sizes without a device. */
clf_status clf__flow_outline(const clf_flow_spec *spec, clf_flow *f) {
  static clf_device nowhere = {.bits = 32};
  *f = (clf_flow){.dev = &nowhere, .spec = *spec};
  int32_t w, c;
  CLF_TRY(clf__spec_check(spec));
  CLF_TRY(make_layers(f));
  CLF_TRY(totals(f, &w, &c));
  share_out(f);
  return name_params(f);
}

void clf__flow_outline_free(clf_flow *f) {
  for (int i = 0; i < f->layers; i++)
    if (f->layer[i].ops->unmake) f->layer[i].ops->unmake(&f->layer[i]);
  free(f->params);
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

clf_status clf_flow_set_scaling(clf_flow *f, const double *mean, const double *std) {
  CLF_GIVEN("flow, mean, std", f, mean, std);
  const size_t D = (size_t)f->spec.dim;
  for (size_t d = 0; d < D; d++)
    if (!isfinite(mean[d]) || !isfinite(std[d]) || std[d] <= 0)
      return clf__fail(CLF_EINVAL,
                       "column %zu has mean %g and standard deviation %g: it cannot be "
                       "standardised",
                       d + 1, mean[d], std[d]);
  double *m = malloc(D * sizeof *m), *s = malloc(D * sizeof *s);
  if (!m || !s) {
    free(m);
    free(s);
    return clf__fail(CLF_ENOMEM, "no memory for the scaling of %zu columns", D);
  }
  free(f->mean);
  free(f->std);
  f->mean = memcpy(m, mean, D * sizeof *m);
  f->std = memcpy(s, std, D * sizeof *s);
  return CLF_OK;
}

double clf__flow_scaling_logdet(const clf_flow *f) {
  double sum = 0;
  for (int32_t d = 0; f->std && d < f->spec.dim; d++) sum -= log(f->std[d]);
  return sum;
}

/* ---- Memory ------------------------------------------------------------------------------- */

static clf_status lay_out_workspace(const clf_flow *f, clf__workspace *ws) {
  const int32_t shape[4] = {ws->rows, f->spec.dim}, column[4] = {ws->rows};
  for (int i = 0; i <= f->layers; i++) CLF_TRY(clf_new(&ws->arena, shape, &ws->x[i]));
  for (int i = 0; i < 2 && ws->train; i++) CLF_TRY(clf_new(&ws->arena, shape, &ws->dx[i]));
  CLF_TRY(clf_new(&ws->arena, column, &ws->logdet));
  CLF_TRY(clf_new(&ws->arena, column, &ws->logp));
  CLF_TRY(clf_new(&ws->arena, column, &ws->train_logdet));
  for (int i = 0; i < f->layers; i++) {
    const clf__layer *l = &f->layer[i];
    CLF_TRY(l->ops->plan(l, ws->rows, ws->train, &ws->arena, &ws->kept[i]));
  }
  return CLF_OK;
}

clf_status clf__flow_measure(const clf_flow *f, int32_t rows, int train, size_t *elements) {
  clf__workspace ws = {.arena = {.dev = f->dev}, .rows = rows, .train = train};
  const clf_status s = lay_out_workspace(f, &ws);
  *elements = ws.arena.used;
  free_workspace(&ws);
  return s;
}

/* Lays `ws` out, first to measure, then in memory. */
static clf_status make_workspace(clf_flow *f, clf__workspace *ws) {
  CLF_TRY(lay_out_workspace(f, ws));
  free_workspace(&f->ws); /* only now: what cannot be made changes nothing */
  CLF_TRY(clf_arena_init(&ws->arena, f->dev, ws->arena.used));
  CLF_TRY(lay_out_workspace(f, ws));
  return clf_do(f->dev, fill, .y = ws->train_logdet, .value = 0);
}

clf_status clf__flow_reserve(clf_flow *f, int32_t rows, int train) {
  if (rows <= f->ws.rows && (!train || train == f->ws.train)) return CLF_OK;
  clf__workspace ws = {.arena = {.dev = f->dev},
                       .rows = rows > f->ws.rows ? rows : f->ws.rows,
                       .train = train ? train : f->ws.train};
  const clf_status s = make_workspace(f, &ws);
  if (s)
    free_workspace(&ws);
  else
    f->ws = ws;
  return s;
}

void clf__flow_drop_workspace(clf_flow *f) { free_workspace(&f->ws); }

clf_status clf__flow_need_gradient(clf_flow *f) {
  if (f->g.buf) return CLF_OK;
  f->grad_arena = (clf_arena){.dev = f->dev};
  CLF_TRY(clf_new(&f->grad_arena, f->w.dim, &f->g));
  CLF_TRY(clf_arena_init(&f->grad_arena, f->dev, f->grad_arena.used));
  CLF_TRY(clf_new(&f->grad_arena, f->w.dim, &f->g));
  share_out(f);
  return clf_do(f->dev, fill, .y = f->g, .value = 0);
}

void clf__flow_set_momentum(clf_flow *f, double momentum) {
  for (int i = 0; i < f->layers; i++) f->layer[i].momentum = momentum;
}

/* ---- Passes ------------------------------------------------------------------------------- */

clf_status clf__flow_forward(clf_flow *f, clf_tensor x, clf_tensor logdet, clf__mode mode,
                             clf_tensor *z) {
  for (int i = 0; i < f->layers; i++) {
    const clf__layer *l = &f->layer[i];
    const clf_tensor y = clf__rows(f->ws.x[i + 1], x.dim[0]);
    CLF_TRY(l->ops->forward(l, &f->ws.kept[i], x, y, logdet, mode));
    x = y;
  }
  *z = x;
  return CLF_OK;
}

clf_status clf__flow_inverse(clf_flow *f, clf_tensor z, clf_tensor logdet, clf_tensor *x) {
  for (int i = f->layers - 1; i >= 0; i--) {
    const clf__layer *l = &f->layer[i];
    const clf_tensor y = clf__rows(f->ws.x[i], z.dim[0]);
    CLF_TRY(l->ops->inverse(l, &f->ws.kept[i], z, y, logdet));
    z = y;
  }
  *x = z;
  return CLF_OK;
}

clf_status clf__flow_backward(clf_flow *f, clf_tensor x, clf_tensor dz, float dlogdet,
                              clf_tensor *dx) {
  const int32_t n = x.dim[0];
  for (int i = f->layers - 1; i >= 0; i--) {
    const clf__layer *l = &f->layer[i];
    const clf_tensor in = i ? clf__rows(f->ws.x[i], n) : x, out = clf__rows(f->ws.x[i + 1], n);
    const clf_tensor to = clf__rows(f->ws.dx[dz.offset == f->ws.dx[0].offset], n);
    CLF_TRY(l->ops->backward(l, &f->ws.kept[i], in, out, dz, dlogdet, to));
    dz = to;
  }
  *dx = dz;
  return CLF_OK;
}

clf_tensor clf__flow_rebuilt(const clf_flow *f, int32_t n) {
  const clf_tensor t = f->ws.kept[0].rebuilt;
  return t.buf ? clf__rows(t, n) : t;
}

clf_status clf__flow_find_bad(clf_flow *f, clf_tensor x, char *name, size_t size) {
  *name = 0;
  for (int i = 0; i < f->layers && !*name; i++) {
    const clf__layer *l = &f->layer[i];
    const clf_tensor y = clf__rows(f->ws.x[i + 1], x.dim[0]);
    int finite;
    if (l->ops->find_bad) CLF_TRY(l->ops->find_bad(l, &f->ws.kept[i], x, y, name, size));
    CLF_TRY(clf__is_finite(f->dev, y, &finite));
    if (!finite && !*name) snprintf(name, size, "%s", l->ops->output);
    x = y;
  }
  return CLF_OK;
}
