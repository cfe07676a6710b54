/* SPDX-License-Identifier: MIT */
/* couplings.c: the lecture's NVPNet, and NICE's additive couplings: `depth`
 * couplings, each with networks Linear(D, H), tanh, Linear(H, D).
 *
 * The weights of coupling l are row l of [depth, P], as the operation mlp_coupling
 * wants them: the bias is the last column of its matrix.  All couplings are one
 * launch, fused; where matrix products pay for their launches, they are several. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "layer.h"

static int nets(const clf_flow_spec *s) { return s->kind == CLF_NICE ? 1 : 2; }
static int64_t row_size(const clf_flow_spec *s) {
  return nets(s) * ((int64_t)s->hidden * (2 * (int64_t)s->dim + 1) + s->dim);
}

static int64_t weights(const clf__layer *l) { return l->spec.depth * row_size(&l->spec); }
static int64_t constants(const clf__layer *l) { return (int64_t)l->spec.depth * l->spec.dim; }

static clf_tensor masks(const clf__layer *l) {
  return clf__matrix(l->c, 0, l->spec.depth, l->spec.dim, l->spec.dim);
}
clf_tensor clf__coupling_masks(const clf__layer *l) { return masks(l); }
static clf_tensor rows_of(const clf__layer *l, clf_tensor flat) {
  const int32_t P = (int32_t)row_size(&l->spec);
  return clf__matrix(flat, 0, l->spec.depth, P, P);
}

clf__coupling_nets clf__nets_of(const clf_flow_spec *s, clf_tensor flat, int l) {
  const int32_t D = s->dim, H = s->hidden;
  const int64_t one = (int64_t)H * (D + 1), two = (int64_t)D * (H + 1);
  const int64_t S1 = l * row_size(s), S2 = S1 + one;
  const int64_t T1 = s->kind == CLF_NICE ? S1 : S2 + two, T2 = T1 + one;
  return (clf__coupling_nets){.S1 = clf__matrix(flat, S1, H, D, D + 1),
                              .s1 = clf__vector(flat, S1 + D, H, D + 1),
                              .S2 = clf__matrix(flat, S2, D, H, H + 1),
                              .s2 = clf__vector(flat, S2 + H, D, H + 1),
                              .T1 = clf__matrix(flat, T1, H, D, D + 1),
                              .t1 = clf__vector(flat, T1 + D, H, D + 1),
                              .T2 = clf__matrix(flat, T2, D, H, H + 1),
                              .t2 = clf__vector(flat, T2 + H, D, H + 1)};
}

/* ---- Initial values and names ------------------------------------------------------ */

/* A random half of the dimensions, then the other half, and so on. */
static void draw_masks(const clf_flow_spec *s, clf__host_random *r, double *b) {
  for (int32_t l = 0; l < s->depth; l++, b += s->dim)
    if (l % 2) {
      for (int32_t i = 0; i < s->dim; i++) b[i] = 1 - b[i - s->dim];
    } else {
      for (int32_t i = 0; i < s->dim; i++) b[i] = i < s->dim / 2;
      for (int32_t i = s->dim - 1; i > 0; i--) {
        const int64_t k = clf__host_below(r, i + 1);
        const double swap = b[i];
        b[i] = b[k];
        b[k] = swap;
      }
    }
}

/* torch.nn.Linear draws weights and biases from U(-a, a), a = 1 / sqrt(inputs). */
static void init(const clf__layer *l, clf__host_random *r, double *w, double *b) {
  const clf_flow_spec *s = &l->spec;
  draw_masks(s, r, b);
  for (int32_t k = 0; k < s->depth * nets(s); k++) {
    for (int64_t i = 0; i < (int64_t)s->hidden * (s->dim + 1); i++)
      *w++ = (2 * clf__host_uniform(r) - 1) / sqrt(s->dim);
    for (int64_t i = 0; i < (int64_t)s->dim * (s->hidden + 1); i++)
      *w++ = (2 * clf__host_uniform(r) - 1) / sqrt(s->hidden);
  }
}

static int params(const clf__layer *l, clf_param *out) {
  const int each = 1 + 4 * nets(&l->spec), count = each * l->spec.depth;
  for (int i = 0; i < l->spec.depth && out; i++) {
    const clf__coupling_nets A = clf__nets_of(&l->spec, l->w, i);
    *out++ = clf__param(clf_slice(masks(l), 0, i, i + 1), 2, 0, "layers.%d.b", i);
    if (l->spec.kind == CLF_NVP) {
      *out++ = clf__param(A.S1, 2, 1, "layers.%d.map_s.0.weight", i);
      *out++ = clf__param(A.s1, 1, 1, "layers.%d.map_s.0.bias", i);
      *out++ = clf__param(A.S2, 2, 1, "layers.%d.map_s.2.weight", i);
      *out++ = clf__param(A.s2, 1, 1, "layers.%d.map_s.2.bias", i);
    }
    *out++ = clf__param(A.T1, 2, 1, "layers.%d.map_t.0.weight", i);
    *out++ = clf__param(A.t1, 1, 1, "layers.%d.map_t.0.bias", i);
    *out++ = clf__param(A.T2, 2, 1, "layers.%d.map_t.2.weight", i);
    *out++ = clf__param(A.t2, 1, 1, "layers.%d.map_t.2.bias", i);
  }
  return count;
}

/* ---- Running ------------------------------------------------------------------------ */

/* One launch keeps small networks in cache or registers.  Larger ones are fused
 * only where a work-item, or a thread of cpu, has a core's vectors; elsewhere the matrix
 * products win from about here.  CLFLOW_FUSE=always|never decides otherwise, for comparisons;
 * `layers` leaves the choice but takes one training step a launch at most. */
int clf__couplings_fused(const clf_device *dev, const clf_flow_spec *spec) {
  const char *say = getenv("CLFLOW_FUSE");
  if (say && strcmp(say, "always") == 0) return 1;
  if (say && strcmp(say, "never") == 0) return 0;
  return dev->wide_cores || (int64_t)spec->dim * spec->hidden <= 4096;
}

int clf__couplings_in_steps(void) {
  const char *say = getenv("CLFLOW_FUSE");
  return !say || !*say || strcmp(say, "always") == 0;
}

enum { ACTS }; /* of clf__kept, fused: the inputs of all couplings (L, D, rows) */

static clf_status plan(const clf__layer *l, int32_t rows, int train, clf_arena *a, clf__kept *k) {
  if (train == CLF_REBUILT) {
    CLF_TRY(clf_new(a, (int32_t[4]){rows, l->spec.dim}, &k->rebuilt));
    CLF_TRY(clf_new(a, (int32_t[4]){rows}, &k->unused));
  }
  if (!l->fused) return clf__unfused_plan(l, rows, train, a, k);
  if (train != CLF_STORED) return CLF_OK;
  return clf_new(a, (int32_t[4]){l->spec.depth, l->spec.dim, rows}, &k->t[ACTS]);
}

/* Without a buffer where inputs are rebuilt. */
static clf_tensor acts(const clf__kept *k, int32_t n) {
  return k->t[ACTS].buf ? clf_slice(k->t[ACTS], 2, 0, n) : (clf_tensor){0};
}
static clf_tensor rebuilt(const clf__kept *k, int32_t n) {
  return k->rebuilt.buf ? clf__rows(k->rebuilt, n) : (clf_tensor){0};
}

static clf_status forward(const clf__layer *l, const clf__kept *k, clf_tensor x, clf_tensor y,
                          clf_tensor logdet, clf__mode mode) {
  if (!l->fused) return clf__unfused_forward(l, k, x, y, logdet, mode);
  return clf_do(l->dev, mlp_coupling_fwd, .x = x, .b = masks(l), .w = rows_of(l, l->w),
                .acts = mode ? acts(k, x.dim[0]) : (clf_tensor){0}, .y = y, .logdet = logdet,
                .hidden = l->spec.hidden, .add = l->spec.kind == CLF_NICE,
                .s_max = (float)l->spec.s_max);
}

static clf_status inverse(const clf__layer *l, const clf__kept *k, clf_tensor y, clf_tensor x,
                          clf_tensor logdet) {
  if (!l->fused) return clf__unfused_inverse(l, k, y, x, logdet);
  return clf_do(l->dev, mlp_coupling_inv, .y = y, .b = masks(l), .w = rows_of(l, l->w), .x = x,
                .logdet = logdet, .hidden = l->spec.hidden, .add = l->spec.kind == CLF_NICE,
                .s_max = (float)l->spec.s_max);
}

static clf_status backward(const clf__layer *l, const clf__kept *k, clf_tensor x, clf_tensor y,
                           clf_tensor dy, float dlogdet, clf_tensor dx) {
  if (!l->fused) return clf__unfused_backward(l, k, y, dy, dlogdet, dx);
  return clf_do(l->dev, mlp_coupling_bwd, .y = y, .dy = dy, .b = masks(l), .w = rows_of(l, l->w),
                .acts = acts(k, x.dim[0]), .x = rebuilt(k, x.dim[0]), .dx = dx,
                .dw = rows_of(l, l->g), .hidden = l->spec.hidden, .add = l->spec.kind == CLF_NICE,
                .s_max = (float)l->spec.s_max, .dlogdet = dlogdet);
}

/* What one of its items keeps grows with hidden units and depth: 4 MiB at least at KEPT. */
int clf__couplings_have_nll(const clf__layer *l) {
  enum { KEPT = 1 << 15 };
  return l->ops == &clf__couplings && l->fused && l->dev->wide_cores && clf__couplings_in_steps() &&
         nets(&l->spec) * (int64_t)l->spec.hidden * l->spec.depth <= KEPT;
}

clf_status clf__couplings_nll(const clf__layer *l, clf_tensor x, clf_tensor loss, float weight) {
  return clf_do(l->dev, mlp_coupling_nll, .x = x, .b = masks(l), .w = rows_of(l, l->w),
                .loss = loss, .dw = rows_of(l, l->g), .hidden = l->spec.hidden,
                .add = l->spec.kind == CLF_NICE, .s_max = (float)l->spec.s_max, .weight = weight);
}

/* Coupling i alone. */
static clf_status forward_of(const clf__layer *l, const clf__kept *k, int i, clf_tensor x,
                             clf_tensor y) {
  clf__layer one = *l;
  const int64_t P = row_size(&l->spec), D = l->spec.dim;
  const clf_tensor logdet = clf__rows(k->unused, x.dim[0]);
  one.spec.depth = 1;
  one.w = clf__vector(l->w, i * P, (int32_t)P, 1);
  one.c = clf__vector(l->c, i * D, (int32_t)D, 1);
  CLF_TRY(clf_do(l->dev, fill, .y = logdet, .value = 0));
  return forward(&one, k, x, y, logdet, CLF_EVAL);
}

/* The output of coupling i, which was not stored, in one of two places in turns, the last in y. */
static clf_status again(const clf__layer *l, const clf__kept *k, int i, clf_tensor *x, clf_tensor y,
                        int *finite) {
  const clf_tensor out = (l->spec.depth - 1 - i) % 2 ? rebuilt(k, x->dim[0]) : y;
  CLF_TRY(forward_of(l, k, i, *x, out));
  *x = out;
  return clf__is_finite(l->dev, out, finite);
}

/* The input of coupling i + 1 is the output of coupling i; either way of running
 * keeps the inputs first, one coupling after the other. */
static clf_status stored(const clf__layer *l, const clf__kept *k, int i, clf_tensor y,
                         int *finite) {
  const clf_tensor all = clf_slice(k->t[ACTS], l->fused ? 2 : 1, 0, y.dim[0]);
  return clf__is_finite(l->dev, i == l->spec.depth - 1 ? y : clf_slice(all, 0, i + 1, i + 2),
                        finite);
}

static clf_status find_bad(const clf__layer *l, const clf__kept *k, clf_tensor x, clf_tensor y,
                           char *name, size_t size) {
  for (int i = 0, finite = 1; i < l->spec.depth && finite; i++) {
    CLF_TRY(k->rebuilt.buf ? again(l, k, i, &x, y, &finite) : stored(l, k, i, y, &finite));
    if (!finite) snprintf(name, size, "layers.%d", i);
  }
  return CLF_OK;
}

const clf__layer_ops clf__couplings = {
    .name = "couplings",
    .weights = weights,
    .constants = constants,
    .init = init,
    .params = params,
    .plan = plan,
    .forward = forward,
    .inverse = inverse,
    .backward = backward,
    .find_bad = find_bad,
    .output = "the couplings",
};
