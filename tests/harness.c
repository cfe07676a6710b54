/* SPDX-License-Identifier: MIT */
/* harness.c: gives a case memory and data, runs it, compares.  Tensors lie apart
 * with guards between them; what must be written starts as NaN. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "backend.h"
#include "cases.h"

enum { PAD = 1024 }; /* guard elements on either side: more than a tile can stray */

#define CLF_OP(file, name, tensors, params, rules) extern const clf_case_table clf_cases_##name;
#include "clflow/ops.def"
#undef CLF_OP
const clf_case_table *const clf__case_tables[CLF_OP_COUNT] = {
#define CLF_OP(file, name, tensors, params, rules) [CLF_OP_##name] = &clf_cases_##name,
#include "clflow/ops.def"
#undef CLF_OP
};

/* ---- Placing a case ------------------------------------------------------------- */

typedef struct setup {
  clf_arena arena;
  _Alignas(16) char args[CLF_MAX_ARGS];
  clf_tensor whole[CLF_MAX_TENSORS]; /* tensor i with its guards */
  float *start[CLF_MAX_TENSORS];     /* what was written there */
} setup;

static void unset(setup *s) {
  clf_arena_free(&s->arena);
  for (int i = 0; i < CLF_MAX_TENSORS; i++) free(s->start[i]);
}

static float uniform(uint64_t *s, float lo, float hi) { /* xorshift64* */
  *s ^= *s >> 12;
  *s ^= *s << 25;
  *s ^= *s >> 27;
  return lo + (hi - lo) * (float)((*s * 0x2545F4914F6CDD1Dull) >> 40) / 16777216.0f;
}

/* What must not be read starts as NaN. */
static float start_value(char mode, int fresh, uint64_t *seed, float lo, float hi) {
  const float v = uniform(seed, lo, hi);
  if (clf__writes(mode) && (fresh || !clf__updates(mode))) return NAN;
  return mode == 'b' ? (float)(v > (lo + hi) / 2) : v;
}

static int absent(const clf_op_info *info, const clf_tensor *t, int i) {
  return clf__may_lack(info->modes[i]) && !t[i].dim[0];
}

/* Dimensions from the one with the widest stride to the narrowest. */
static const int *order_of(int nhwc, const clf_tensor *t) {
  static const int nchw_order[4] = {0, 1, 2, 3}, nhwc_order[4] = {0, 2, 3, 1};
  return nhwc && t->dim[2] * t->dim[3] > 1 ? nhwc_order : nchw_order;
}

/* Row pitch is one more than dense, and with channels last a pixel's too, so that
 * kernels which ignore strides fail. */
static clf_status lay_out(const clf_op_info *info, int nhwc, setup *s) {
  clf_tensor *t = (clf_tensor *)(void *)s->args;
  for (int i = 0; info->modes[i]; i++) {
    if (absent(info, t, i)) continue;
    for (int d = 0; d < 4; d++)
      if (!t[i].dim[d]) t[i].dim[d] = 1;
    const int *order = order_of(nhwc, &t[i]);
    int32_t n = 1;
    for (int k = 3; k >= 0; k--) {
      const int d = order[k];
      t[i].stride[d] = n;
      n *= t[i].dim[d];
      if (d == 1 && n > 1 && t[i].dim[0] > 1) n++;
    }
    CLF_TRY(clf_new(&s->arena, (int32_t[4]){n + 2 * PAD, 1, 1, 1}, &s->whole[i]));
    t[i].buf = s->whole[i].buf;
    t[i].offset = s->whole[i].offset + PAD;
  }
  return CLF_OK;
}

static clf_status give_data(clf_device *dev, const clf_op_info *info, const clf_case *c, setup *s) {
  uint64_t seed = 88172645463325252ull;
  const int ranged = c->lo != 0 || c->hi != 0;
  const float lo = ranged ? c->lo : -1, hi = ranged ? c->hi : 1;
  for (int i = 0; info->modes[i]; i++) {
    const int n = s->whole[i].dim[0];
    if (!n) continue;
    s->start[i] = malloc((size_t)n * sizeof(float));
    if (!s->start[i]) return clf__fail(CLF_ENOMEM, "the harness has no memory for %d floats", n);
    for (int k = 0; k < n; k++)
      s->start[i][k] = start_value(info->modes[i], c->fresh, &seed, lo, hi);
    CLF_TRY(clf_write(dev, s->whole[i], s->start[i]));
  }
  return CLF_OK;
}

/* The caller calls unset() whatever comes back. */
static clf_status place(clf_device *dev, clf_op op, const clf_case *c, setup *s) {
  const clf_op_info *info = &clf_ops[op];
  *s = (setup){.arena = {.dev = dev}};
  memcpy(s->args, c->args, info->args_size);
  CLF_TRY(lay_out(info, c->nhwc, s));
  CLF_TRY(clf_arena_init(&s->arena, dev, s->arena.used));
  CLF_TRY(lay_out(info, c->nhwc, s));
  return give_data(dev, info, c, s);
}

/* ---- Comparing --------------------------------------------------------------------- */

static int inside(const int *order, const clf_tensor *t, int at) { /* is `at` of the span in t? */
  for (int k = 0; k < 4; k++) {
    const int d = order[k];
    if (t->dim[d] == 1) continue;
    const int q = at / t->stride[d];
    if (q >= t->dim[d]) return 0;
    at -= q * t->stride[d];
  }
  return at == 0;
}

static int bits_differ(float a, float b) { return memcmp(&a, &b, sizeof a) != 0; }

static clf_status compare_tensor(clf_op op, const clf_case *c, const setup *got_in, int i,
                                 const float *got, const float *want) {
  const char mode = clf_ops[op].modes[i];
  const float tol = c->tol > 0 ? c->tol : 1e-5f;
  const clf_tensor *t = (const clf_tensor *)(const void *)got_in->args + i;
  const int written = clf__writes(mode), *order = order_of(c->nhwc, t);
  for (int k = 0; k < got_in->whole[i].dim[0]; k++) {
    const int at = k - PAD, in = at >= 0 && inside(order, t, at);
    if (!(in && written) && bits_differ(got[k], got_in->start[i][k]))
      return clf__fail(CLF_EMISMATCH, "%s \"%s\": argument %d: wrote %g %s", clf_ops[op].name,
                       c->label, i, (double)got[k], in ? "to an input" : "outside the tensor");
    if (in && written && !(fabsf(got[k] - want[k]) <= tol * (1 + fabsf(want[k]))) &&
        !(isinf(want[k]) && got[k] == want[k]))
      return clf__fail(
          CLF_EMISMATCH, "%s \"%s\": argument %d, element %d: got %.9g, want %.9g (tol %g)",
          clf_ops[op].name, c->label, i, at, (double)got[k], (double)want[k], (double)tol);
  }
  return CLF_OK;
}

static clf_status compare(clf_op op, const clf_case *c, const setup *want, const setup *got) {
  clf_status s = CLF_OK;
  for (int i = 0; clf_ops[op].modes[i] && !s; i++) {
    if (!want->start[i]) continue; /* left out */
    const size_t n = (size_t)want->whole[i].dim[0];
    float *w = malloc(2 * n * sizeof *w), *g = w + n;
    s = w ? clf_read(want->arena.dev, want->whole[i], w) : clf__fail(CLF_ENOMEM, "no memory");
    if (!s) s = clf_read(got->arena.dev, got->whole[i], g);
    if (!s) s = compare_tensor(op, c, got, i, g, w);
    free(w);
  }
  return s;
}

clf_status clf__check_case(clf_device *ref, clf_device *dev, clf_op op, const clf_case *c) {
  setup want, got = {.arena = {.dev = dev}};
  clf_status s = place(ref, op, c, &want);
  if (!s) s = place(dev, op, c, &got);
  const clf_device *inner = dev->inner ? dev->inner : dev;
  const int takes = s || !inner->forced || clf__way_takes(inner, op, inner->forced - 1, got.args);
  if (!s && takes) s = clf_dispatch(ref, op, want.args);
  if (!s && takes) s = clf_dispatch(dev, op, got.args);
  if (!s && takes) s = compare(op, c, &want, &got);
  unset(&want);
  unset(&got);
  return s;
}
