/* SPDX-License-Identifier: MIT */
/* mlp_coupling.c: the couplings of the lecture's NVPNet, and NICE's additive couplings, each with
 * separate nets for shift and scale, Linear(D, H), tanh, Linear(H, D), which read the masked input.
 *
 * The weights of a coupling form a row in the layout of the operation mlp_coupling: the bias is the
 * last column of its matrix.  Consecutive couplings are one launch, or several launches of matrix
 * products if that is faster. */
#include "mlp_coupling.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "layer.h"

int clf__mlp_adds(const clf__layer *l) {
  return ((const clf__arch_coupling *)l->node)->map->type->id == CLF__ARCH_add;
}
static int nets(const clf__layer *l) { return clf__mlp_adds(l) ? 1 : 2; }
static int32_t row_size(const clf__layer *l) {
  const clf_flow_spec *s = &l->spec;
  return (int32_t)(nets(l) * ((int64_t)s->hidden * (2 * (int64_t)s->dim + 1) + s->dim));
}

static const clf__mlp_own *own_of(const clf__layer *l) { return l->own; }

/* The rows of l and of the layers fused with it, in weights or in gradients. */
static clf_tensor rows_of(const clf__layer *l, const clf__vectors *v) {
  const int32_t P = row_size(l);
  return clf__matrix(v->w, own_of(l)->row.at, l->count, P, P);
}
clf_tensor clf__mlp_masks(const clf__layer *l, const clf__vectors *v) {
  return clf__matrix(v->c, own_of(l)->b.at, l->count, l->spec.dim, l->spec.dim);
}
static clf_tensor masks(const clf__layer *l, const clf__pass *p) {
  return clf__mlp_masks(l, &p->weights);
}

/* ---- Parts ----------------------------------------------------------------------------------- */

/* Fused couplings keep small nets in cache or registers.  Larger nets are fused only if a
 * work-item, or a thread of cpu, has a core's vectors; elsewhere matrix products are faster from
 * about this size on.  CLFLOW_FUSE=always|never overrides this for comparisons; `layers` leaves
 * the choice but fuses at most one training step per launch. */
static int pays_fused(const clf__layer *l) {
  const clf_device *dev = l->dev;
  const clf_flow_spec *spec = &l->spec;
  const char *say = getenv("CLFLOW_FUSE");
  if (say && strcmp(say, "always") == 0) return 1;
  if (say && strcmp(say, "never") == 0) return 0;
  return dev->wide_cores || (int64_t)spec->dim * spec->hidden <= 4096;
}

/* A matrix [rows, cols] whose bias is its last column; both are named views of the row. */
static int64_t add_linear(clf__slots *p, clf__mlp_own *o, clf__slot *matrix, clf__slot *bias,
                          int64_t at, int32_t rows, int32_t cols, const char *path,
                          const char *name) {
  const int32_t shape[2] = {rows, cols}, pitch[2] = {cols + 1, 1};
  clf__slots_view(p, matrix, &o->row, at, 2, shape, pitch, "%s.%s.weight", path, name);
  clf__slots_view(p, bias, &o->row, at + cols, 1, shape, pitch, "%s.%s.bias", path, name);
  return at + (int64_t)rows * (cols + 1);
}

static clf_status make(clf__layer *l, clf__slots *p, const char *path) {
  clf__mlp_own *o = l->own = calloc(1, sizeof *o);
  if (!o) return clf__fail(CLF_ENOMEM, "no memory for a coupling");
  const int32_t D = l->spec.dim, H = l->spec.hidden, P = row_size(l);
  int64_t at = 0;
  o->fused = pays_fused(l);
  clf__slots_add(p, &o->b, CLF_CONSTANT, 0, 0, 2, (int32_t[2]){1, D}, "%s.b", path);
  clf__slots_add(p, &o->row, CLF_PLAIN, 0, 0, 1, &P, NULL);
  if (!clf__mlp_adds(l)) {
    at = add_linear(p, o, &o->S1, &o->s1, at, H, D, path, "map_s.0");
    at = add_linear(p, o, &o->S2, &o->s2, at, D, H, path, "map_s.2");
  } else {
    l->traits |= CLF_KEEPS_VOLUME;
  }
  at = add_linear(p, o, &o->T1, &o->t1, at, H, D, path, "map_t.0");
  add_linear(p, o, &o->T2, &o->t2, at, D, H, path, "map_t.2");
  return CLF_OK;
}

/* ---- Initial values -------------------------------------------------------------------------- */

/* A random half of the dimensions is transformed; the next coupling transforms the other half. */
static void draw(const clf__layer *l, clf__host_random *r, double *c) {
  const int32_t D = l->spec.dim;
  double *b = c + own_of(l)->b.at;
  const clf__layer *pair = l->turn % 2 ? l->before : NULL;
  if (pair && pair->ops == l->ops && pair->spec.dim == l->spec.dim) {
    const double *before = c + own_of(pair)->b.at;
    for (int32_t i = 0; i < D; i++) b[i] = 1 - before[i];
    return;
  }
  for (int32_t i = 0; i < D; i++) b[i] = i < D / 2;
  for (int32_t i = D - 1; i > 0; i--) {
    const int64_t k = clf__host_below(r, i + 1);
    const double swap = b[i];
    b[i] = b[k];
    b[k] = swap;
  }
}

/* torch.nn.Linear draws weights and biases from U(-a, a), a = 1 / sqrt(inputs). */
static void init(const clf__layer *l, clf__host_random *r, double *flat) {
  const clf_flow_spec *s = &l->spec;
  double *w = flat + own_of(l)->row.at;
  for (int k = 0; k < nets(l); k++) {
    for (int64_t i = 0; i < (int64_t)s->hidden * (s->dim + 1); i++)
      *w++ = (2 * clf__host_uniform(r) - 1) / sqrt(s->dim);
    for (int64_t i = 0; i < (int64_t)s->dim * (s->hidden + 1); i++)
      *w++ = (2 * clf__host_uniform(r) - 1) / sqrt(s->hidden);
  }
}

/* ---- Running --------------------------------------------------------------------------------- */

int clf__mlp_in_steps(void) {
  const char *say = getenv("CLFLOW_FUSE");
  return !say || !*say || strcmp(say, "always") == 0;
}

enum {
  ACTS
}; /* tensors of clf__layer_memory, if fused: the inputs of all couplings (L, D, rows) */

static clf_status plan(const clf__layer *l, int32_t rows, int train, clf_arena *a,
                       clf__layer_memory *k) {
  if (train == CLF_REBUILT) {
    CLF_TRY(clf_new(a, (int32_t[4]){rows, l->spec.dim}, &k->rebuilt));
    CLF_TRY(clf_new(a, (int32_t[4]){rows}, &k->unused));
  }
  if (!own_of(l)->fused) return clf__unfused_plan(l, rows, train, a, k);
  if (train != CLF_STORED) return CLF_OK;
  return clf_new(a, (int32_t[4]){l->count, l->spec.dim, rows}, &k->t[ACTS]);
}

/* Without a buffer if inputs are rebuilt. */
static clf_tensor acts(const clf__layer_memory *k, int32_t n) {
  return k->t[ACTS].buf ? clf_slice(k->t[ACTS], 2, 0, n) : (clf_tensor){0};
}
static clf_tensor rebuilt(const clf__layer_memory *k, int32_t n) {
  return k->rebuilt.buf ? clf__rows(k->rebuilt, n) : (clf_tensor){0};
}

static clf_status forward(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                          clf_tensor x, clf_tensor y, clf_tensor logdet) {
  if (!own_of(l)->fused) return clf__unfused_forward(l, p, k, x, y, logdet);
  return clf_do(p->dev, mlp_coupling_fwd, .x = x, .b = masks(l, p), .w = rows_of(l, &p->weights),
                .acts = p->mode ? acts(k, x.dim[0]) : (clf_tensor){0}, .y = y, .logdet = logdet,
                .hidden = l->spec.hidden, .add = clf__mlp_adds(l), .s_max = (float)l->spec.s_max);
}

static clf_status inverse(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                          clf_tensor y, clf_tensor x, clf_tensor logdet) {
  if (!own_of(l)->fused) return clf__unfused_inverse(l, p, k, y, x, logdet);
  return clf_do(p->dev, mlp_coupling_inv, .y = y, .b = masks(l, p), .w = rows_of(l, &p->weights),
                .x = x, .logdet = logdet, .hidden = l->spec.hidden, .add = clf__mlp_adds(l),
                .s_max = (float)l->spec.s_max);
}

static clf_status backward(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                           clf_tensor x, clf_tensor y, clf_tensor dy, clf_tensor dx) {
  if (!own_of(l)->fused) return clf__unfused_backward(l, p, k, y, dy, dx);
  return clf_do(p->dev, mlp_coupling_bwd, .y = y, .dy = dy, .b = masks(l, p),
                .w = rows_of(l, &p->weights), .acts = acts(k, x.dim[0]), .x = rebuilt(k, x.dim[0]),
                .dx = dx, .dw = rows_of(l, &p->gradients), .hidden = l->spec.hidden,
                .add = clf__mlp_adds(l), .s_max = (float)l->spec.s_max, .dlogdet = p->dlogdet);
}

static clf_status backward_inverse(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                                   clf_tensor y, clf_tensor x, clf_tensor dx, clf_tensor dy) {
  (void)y;
  if (own_of(l)->fused || k->rebuilt.buf)
    return clf__fail(CLF_ENOTSUP, "%s: a gradient through the inverse needs stored activations",
                     l->label);
  return clf__unfused_backward_inverse(l, p, k, x, dx, dy);
}

void clf__mlp_unfuse(clf__layer *l, int unfuse) {
  if (l->ops == &clf__mlp_coupling) ((clf__mlp_own *)l->own)->fused = !unfuse && pays_fused(l);
}

/* The memory of a work-item grows with hidden units and depth: at least 4 MiB at KEPT. */
int clf__mlp_has_nll(const clf__layer *l) {
  enum { KEPT = 1 << 15 };
  return l->ops == &clf__mlp_coupling && own_of(l)->fused && l->dev->wide_cores &&
         clf__mlp_in_steps() && nets(l) * (int64_t)l->spec.hidden * l->count <= KEPT;
}

clf_status clf__mlp_nll(const clf__layer *l, const clf__pass *p, clf_tensor x, clf_tensor loss,
                        float weight) {
  return clf_do(p->dev, mlp_coupling_nll, .x = x, .b = masks(l, p), .w = rows_of(l, &p->weights),
                .loss = loss, .dw = rows_of(l, &p->gradients), .hidden = l->spec.hidden,
                .add = clf__mlp_adds(l), .s_max = (float)l->spec.s_max, .weight = weight);
}

/* Whether one operation takes both: their weights must be adjacent. */
static int joins(const clf__layer *l, const clf__layer *next) {
  return next->ops == &clf__mlp_coupling && next->in.dim == l->in.dim &&
         clf__mlp_adds(next) == clf__mlp_adds(l) && next->spec.hidden == l->spec.hidden &&
         next->spec.s_max == l->spec.s_max;
}

/* Coupling i, not fused. */
static clf_status forward_of(const clf__layer *l, const clf__pass *p, clf__layer_memory *k, int i,
                             clf_tensor x, clf_tensor y) {
  clf__layer one = l[i];
  clf__pass values = *p;
  const clf_tensor logdet = clf__rows(k->unused, x.dim[0]);
  one.count = 1;
  values.mode = CLF_EVAL;
  CLF_TRY(clf_do(p->dev, fill, .y = logdet, .value = 0));
  return forward(&one, &values, k, x, y, logdet);
}

/* Recomputes the output of coupling i, which was not stored, alternately into one of two
 * tensors, the last one into y. */
static clf_status recompute(const clf__layer *l, const clf__pass *p, clf__layer_memory *k, int i,
                            clf_tensor *x, clf_tensor y, int *finite) {
  const clf_tensor out = (l->count - 1 - i) % 2 ? rebuilt(k, x->dim[0]) : y;
  CLF_TRY(forward_of(l, p, k, i, *x, out));
  *x = out;
  return clf__is_finite(l->dev, out, finite);
}

/* The output of coupling i, which is the input of coupling i + 1; both the fused and the unfused
 * version store the inputs, one coupling after the other. */
static clf_status stored(const clf__layer *l, const clf__layer_memory *k, int i, clf_tensor y,
                         int *finite) {
  const clf_tensor all = clf_slice(k->t[ACTS], own_of(l)->fused ? 2 : 1, 0, y.dim[0]);
  return clf__is_finite(l->dev, i == l->count - 1 ? y : clf_slice(all, 0, i + 1, i + 2), finite);
}

static clf_status find_bad(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                           clf_tensor x, clf_tensor y, char *name, size_t size) {
  for (int i = 0, finite = 1; i < l->count && finite; i++) {
    CLF_TRY(k->rebuilt.buf ? recompute(l, p, k, i, &x, y, &finite) : stored(l, k, i, y, &finite));
    if (!finite) snprintf(name, size, "%s", l[i].label);
  }
  return CLF_OK;
}

const clf__layer_ops clf__mlp_coupling = {
    .name = "coupling",
    .make = make,
    .unmake = clf__layer_free_own,
    .draw = draw,
    .init = init,
    .plan = plan,
    .forward = forward,
    .inverse = inverse,
    .backward = CLF_TRAINS(backward),
    .backward_inverse = CLF_TRAINS(backward_inverse),
    .find_bad = CLF_TRAINS(find_bad),
    .joins = joins,
    .output = "the couplings",
    .alternates = 1,
    .traits = CLF_REBUILDS_BY_INVERSE | CLF_SHARES_ROWS,
};
