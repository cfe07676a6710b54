/* SPDX-License-Identifier: MIT */
/* harness.c: gives a case memory and data, runs it, compares.  Tensors lie apart
 * with guards between them; what must be written starts as NaN. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "backend.h"
#include "cases.h"
#include "opencl.h"

enum { PAD = 1024 }; /* guard elements on either side: more than a tile can stray */

#define CLF_OP(file, name, tensors, params, rules, ...)                                            \
  extern const clf_case_table clf_cases_##name;
#include "clflow/ops.def"
#undef CLF_OP
const clf_case_table *const clf__case_tables[CLF_OP_COUNT] = {
#define CLF_OP(file, name, tensors, params, rules, ...) [CLF_OP_##name] = &clf_cases_##name,
#include "clflow/ops.def"
#undef CLF_OP
};

/* ---- Placing a case ------------------------------------------------------------- */

typedef struct setup {
  clf_arena arena;
  _Alignas(16) char args[CLF_MAX_ARGS];
  clf_tensor whole[CLF_MAX_TENSORS]; /* tensor i with its guards */
} setup;

/* Contents of the tensors with guards, before the call and after that of the reference. */
typedef struct numbers {
  float *start[CLF_MAX_TENSORS], *want[CLF_MAX_TENSORS];
} numbers;

static void forget(numbers *v) {
  for (int i = 0; i < CLF_MAX_TENSORS; i++) {
    free(v->start[i]);
    free(v->want[i]);
  }
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

/* Dimensions of argument i from the one with the widest stride to the narrowest. */
static const int *order_of(const clf_case *c, int i, const clf_tensor *t) {
  static const int nchw[4] = {0, 1, 2, 3}, nhwc[4] = {0, 2, 3, 1}, by_column[4] = {1, 2, 3, 0};
  if (c->by_column >> i & 1) return by_column;
  return c->nhwc && !(c->planes >> i & 1) && t->dim[2] * t->dim[3] > 1 ? nhwc : nchw;
}

/* The row pitch is one more than dense, and with channels last that of a pixel too, so that kernels
 * which ignore strides fail. */
static clf_status lay_out(const clf_op_info *info, const clf_case *c, setup *s) {
  clf_tensor *t = (clf_tensor *)(void *)s->args;
  const clf_tensor *shape = c->args;
  for (int i = 0; info->modes[i]; i++) {
    if (absent(info, t, i)) continue;
    for (int d = 0; d < 4; d++)
      if (!t[i].dim[d]) t[i].dim[d] = 1;
    const int *order = order_of(c, i, &t[i]), padded = !order[3] ? 0 : c->cropped ? 3 : 1;
    int32_t n = 1;
    for (int k = 3; k >= 0; k--) {
      const int d = order[k];
      t[i].stride[d] = n;
      if (d == 0 && shape[i].offset == CLF_SHARED) {
        t[i].stride[d] = 0;
        continue;
      }
      n *= t[i].dim[d];
      if (d == padded && n > 1 && t[i].dim[0] > 1) n++;
    }
    CLF_TRY(clf_new(&s->arena, (int32_t[4]){n + 2 * PAD, 1, 1, 1}, &s->whole[i]));
    t[i].buf = s->whole[i].buf;
    t[i].offset = s->whole[i].offset + PAD;
  }
  return CLF_OK;
}

static float *new_floats(int n) {
  float *p = malloc((size_t)n * sizeof *p);
  if (!p) clf__fail(CLF_ENOMEM, "the harness has no memory for %d floats", n);
  return p;
}

/* Replaces the random numbers of argument i, at `to`, by indices or by what the case gives. */
static void give_values(char mode, int i, const clf_case *c, const clf_tensor *t, float *to) {
  const int count = t->dim[0] * t->dim[1];
  for (int k = 0; k < count && mode == 'i'; k++) to[k] = clf__test_index((size_t)k, (size_t)count);
  for (int g = 0; g < CLF_CASE_GIVEN && c->given[g].count; g++)
    for (int k = 0; k < count && c->given[g].tensor == i; k++)
      to[k / t->dim[1] * t->stride[0] + k % t->dim[1] * t->stride[1]] =
          c->given[g].values[k % c->given[g].count];
}

static clf_status make_data(const clf_op_info *info, const clf_case *c, const setup *s,
                            numbers *v) {
  uint64_t seed = 88172645463325252ull;
  const int ranged = c->lo != 0 || c->hi != 0;
  const float lo = ranged ? c->lo : -1, hi = ranged ? c->hi : 1;
  for (int i = 0; info->modes[i]; i++) {
    const int n = s->whole[i].dim[0];
    if (!n) continue; /* left out */
    v->start[i] = new_floats(n);
    if (!v->start[i]) return CLF_ENOMEM;
    for (int k = 0; k < n; k++)
      v->start[i][k] = start_value(info->modes[i], c->fresh, &seed, lo, hi);
    give_values(info->modes[i], i, c, (const clf_tensor *)(const void *)s->args + i,
                v->start[i] + PAD);
  }
  return CLF_OK;
}

static clf_status give_data(clf_device *dev, const setup *s, const numbers *v) {
  for (int i = 0; i < CLF_MAX_TENSORS; i++)
    if (v->start[i]) CLF_TRY(clf_write(dev, s->whole[i], v->start[i]));
  return CLF_OK;
}

/* The caller always frees the arena. */
static clf_status place(clf_device *dev, clf_op op, const clf_case *c, setup *s) {
  const clf_op_info *info = &clf_ops[op];
  *s = (setup){.arena = {.dev = dev}};
  memcpy(s->args, c->args, info->args_size);
  CLF_TRY(lay_out(info, c, s));
  CLF_TRY(clf_arena_init(&s->arena, dev, s->arena.used));
  return lay_out(info, c, s);
}

/* ---- Comparing --------------------------------------------------------------------- */

static int inside(const int *order, const clf_tensor *t, int at) { /* is `at` of the span in t? */
  for (int k = 0; k < 4; k++) {
    const int d = order[k];
    if (t->dim[d] == 1 || t->stride[d] == 0) continue;
    const int q = at / t->stride[d];
    if (q >= t->dim[d]) return 0;
    at -= q * t->stride[d];
  }
  return at == 0;
}

static int bits_differ(float a, float b) { return memcmp(&a, &b, sizeof a) != 0; }

static clf_status compare_tensor(clf_op op, const clf_case *c, const setup *s, int i,
                                 const numbers *v, const float *got) {
  const char mode = clf_ops[op].modes[i];
  const float tol = c->tol > 0 ? c->tol : 1e-5f, *start = v->start[i], *want = v->want[i];
  const clf_tensor *t = (const clf_tensor *)(const void *)s->args + i;
  const int written = clf__writes(mode), *order = order_of(c, i, t);
  for (int k = 0; k < s->whole[i].dim[0]; k++) {
    const int at = k - PAD, in = at >= 0 && inside(order, t, at);
    if (!(in && written) && bits_differ(got[k], start[k]))
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

static clf_status read_new(clf_device *dev, clf_tensor t, float **to) {
  *to = new_floats(t.dim[0]);
  return *to ? clf_read(dev, t, *to) : CLF_ENOMEM;
}

/* ---- Scratch memory of OpenCL ---------------------------------------------------------------- */

static size_t scratch_size(const clf_device *dev) {
  return dev->backend == &clf__opencl ? ((const clf__cl *)dev->impl)->scratch_size : 0;
}

/* Fills it with NaN, as it may hold anything when a call begins. */
static clf_status spoil_scratch(clf_device *dev) {
  const size_t n = scratch_size(dev);
  if (!n) return CLF_OK;
  clf_buffer b = {.dev = dev, .size = n, .handle = ((clf__cl *)dev->impl)->scratch};
  float *nan = new_floats((int)n);
  if (!nan) return CLF_ENOMEM;
  for (size_t i = 0; i < n; i++) nan[i] = NAN;
  const clf_status s = dev->backend->write(dev, &b, 0, nan, n);
  free(nan);
  return s;
}

/* ---- Running --------------------------------------------------------------------------- */

static clf_status run_reference(clf_device *ref, clf_op op, const clf_case *c, setup *s,
                                numbers *v) {
  CLF_TRY(place(ref, op, c, s));
  CLF_TRY(make_data(&clf_ops[op], c, s, v));
  CLF_TRY(give_data(ref, s, v));
  CLF_TRY(clf_dispatch(ref, op, s->args));
  for (int i = 0; clf_ops[op].modes[i]; i++)
    if (v->start[i]) CLF_TRY(read_new(ref, s->whole[i], &v->want[i]));
  return CLF_OK;
}

/* A call that needs more scratch memory than there was runs again, since new memory often holds
 * zeros. */
static clf_status run_spoiled(clf_device *dev, clf_op op, const setup *s, const numbers *v) {
  clf_device *const inner = dev->inner ? dev->inner : dev;
  size_t size;
  do {
    size = scratch_size(inner);
    CLF_TRY(give_data(dev, s, v));
    CLF_TRY(spoil_scratch(inner));
    CLF_TRY(clf_dispatch(dev, op, s->args));
  } while (scratch_size(inner) > size);
  return CLF_OK;
}

static clf_status run_algorithm(clf_device *dev, clf_op op, const clf_case *c, const setup *s,
                                const numbers *v) {
  clf_status code = CLF_OK;
  CLF_TRY(run_spoiled(dev, op, s, v));
  for (int i = 0; clf_ops[op].modes[i] && !code; i++) {
    float *got = NULL;
    if (!v->start[i]) continue;
    code = read_new(dev, s->whole[i], &got);
    if (!code) code = compare_tensor(op, c, s, i, v, got);
    free(got);
  }
  return code;
}

/* 0: as the rules choose. */
static clf_status run_algorithms(clf_device *dev, clf_op op, const clf_case *c, const numbers *v) {
  clf_device *inner = dev->inner ? dev->inner : dev;
  const int count = clf__algorithm_count(inner, op);
  setup s;
  clf_status code = place(dev, op, c, &s);
  for (int algorithm = 0; !code && algorithm <= (count > 1 ? count : 0); algorithm++) {
    if (algorithm && !clf__algorithm_takes(inner, op, algorithm - 1, s.args)) continue;
    inner->forced = algorithm;
    code = run_algorithm(dev, op, c, &s, v);
    if (code) clf__fail(code, "%s (algorithm %d)", clf_errmsg(), algorithm);
  }
  inner->forced = 0;
  clf_arena_free(&s.arena);
  return code;
}

clf_status clf__run_case(clf_device *dev, clf_op op, const clf_case *c, int algorithm,
                         clf_status (*call)(clf_device *dev, clf_op op, const void *args)) {
  setup s;
  numbers v = {{0}, {0}};
  clf_status code = place(dev, op, c, &s);
  if (!code) code = make_data(&clf_ops[op], c, &s, &v);
  if (!code) code = give_data(dev, &s, &v);
  if (!code && (!algorithm || clf__algorithm_takes(dev, op, algorithm - 1, s.args))) {
    dev->forced = algorithm;
    code = call(dev, op, s.args);
    dev->forced = 0;
  }
  clf_arena_free(&s.arena);
  forget(&v);
  return code;
}

static clf_status check_layout(clf_device *ref, clf_device *dev, clf_op op, const clf_case *c) {
  setup s;
  numbers v = {{0}, {0}};
  clf_status code = run_reference(ref, op, c, &s, &v);
  if (!code) code = run_algorithms(dev, op, c, &v);
  clf_arena_free(&s.arena);
  forget(&v);
  return code;
}

static int has_images(clf_op op, const clf_case *c) {
  const clf_tensor *t = c->args;
  for (int i = 0; clf_ops[op].modes[i]; i++)
    if (t[i].dim[3] > 1) return 1;
  return 0;
}

/* Weights of fused operations must be dense, and their rules say so. */
static int takes_layout(clf_op op, const clf_case *c) {
  setup s = {.arena = {0}};
  memcpy(s.args, c->args, clf_ops[op].args_size);
  return !lay_out(&clf_ops[op], c, &s) && !clf_ops[op].rules(s.args);
}

clf_status clf__check_case(clf_device *ref, clf_device *dev, clf_op op, const clf_case *c) {
  clf_case turned = *c;
  CLF_TRY(check_layout(ref, dev, op, c));
  if (c->nhwc || c->by_column || has_images(op, c) || getenv("CLF_QUICK")) return CLF_OK;
  turned.by_column = ~0u;
  return takes_layout(op, &turned) ? check_layout(ref, dev, op, &turned) : CLF_OK;
}
