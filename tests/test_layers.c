/* SPDX-License-Identifier: MIT */
/* test_layers.c: layers, in lists given by an architecture's text, on one device:
 *   test_layers DEVICE
 * They are compared with golden files of Python libraries, and in double with identities: inverses,
 * Jacobians and gradients by differences, in both directions. */
#include <math.h>
#include "golden.h"
#include "pieces.h"

/* ---- Lists ---------------------------------------------------------------------------------- */

enum { MOST_LAYERS = 8, ROWS = 40 };

typedef struct list {
  clf_arch *arch;
  clf__arch_list nodes;
  clf__layer layer[MOST_LAYERS];
  clf__layer_memory memory[MOST_LAYERS];
  clf__slots slots;
  clf_arena arena;
  clf__vectors weights, gradients;
  clf_tensor x[MOST_LAYERS + 1], dx[MOST_LAYERS + 1], logdet, each;
  int count;
  int32_t dim;
} list;

static clf_status make_layers(list *s) {
  clf__shape shape = {.dim = s->arch->dim,
                      .height = s->arch->image[0],
                      .width = s->arch->image[1],
                      .channels = s->arch->image[2]};
  for (int i = 0; i < s->count; i++) {
    clf__layer *l = &s->layer[i];
    const clf__layer_ops *ops;
    CLF_TRY(clf__layer_of(s->nodes.at[i].node, &ops));
    *l = (clf__layer){.ops = ops,
                      .node = s->nodes.at[i].node,
                      .dev = flows_dev,
                      .index = i,
                      .count = 1,
                      .inverted = s->nodes.at[i].node->inverted,
                      .prev = i ? l - 1 : NULL,
                      .in = shape,
                      .out = shape};
    l->traits = l->ops->traits;
    snprintf(l->label, sizeof l->label, "layers.%d", i);
    CLF_TRY(l->ops->make(l, &s->slots, l->label));
    shape = l->out;
  }
  return clf__slots_place(&s->slots);
}

/* A vector of n numbers, all 0. */
static clf_tensor vector(list *s, int64_t n) {
  clf_tensor t;
  WORKS(clf_new(&s->arena, (int32_t[4]){n > 0 ? (int32_t)n : 1, 1, 1, 1}, &t));
  WORKS(clf_do(flows_dev, fill, .y = t, .value = 0));
  return t;
}

static void draw(list *s, uint64_t seed) {
  const size_t W = (size_t)clf__slots_weights(&s->slots), C = (size_t)s->slots.size[CLF_CONSTANT];
  double *w = flows_array(W + 1), *c = flows_array(C + 1);
  clf__host_random r = {seed};
  clf__slots_init(&s->slots, &r, w, c);
  for (int i = 0; i < s->count; i++) {
    const clf__layer *l = &s->layer[i];
    if (l->ops->draw) l->ops->draw(l, &r, c);
    if (l->ops->init) l->ops->init(l, &r, w);
  }
  if (W) WORKS(clf_write64(flows_dev, s->weights.w, w));
  if (C) WORKS(clf_write64(flows_dev, s->weights.c, c));
  free(c);
  free(w);
}

/* Constants that follow from others. */
static clf_status derive(list *s) {
  clf_status status = CLF_OK;
  double *c = flows_array((size_t)s->slots.size[CLF_CONSTANT] + 1);
  if (!s->slots.size[CLF_CONSTANT]) return free(c), CLF_OK;
  WORKS(clf_read64(flows_dev, s->weights.c, c));
  for (int i = 0; i < s->count && !status; i++)
    if (s->layer[i].ops->derive) status = s->layer[i].ops->derive(&s->layer[i], c);
  WORKS(clf_write64(flows_dev, s->weights.c, c));
  free(c);
  return status;
}

static void begin(list *s, const char *text) {
  *s = (list){0};
  WORKS(clf_arch_parse(text, &s->arch));
  WORKS(clf__arch_expand(s->arch->flow, &s->nodes));
  s->count = s->nodes.n;
  s->dim = s->arch->dim;
  ck_assert_int_le(s->count, MOST_LAYERS);
  WORKS(make_layers(s));
  const int64_t W = clf__slots_weights(&s->slots), C = s->slots.size[CLF_CONSTANT],
                Dd = s->slots.size[CLF_DERIVED];
  WORKS(clf_arena_init(
      &s->arena, flows_dev,
      (size_t)(2 * W + C + 2 * Dd + 8 * (MOST_LAYERS + 2) * ROWS * s->dim + 100000)));
  s->weights = (clf__vectors){vector(s, W), vector(s, C), vector(s, Dd)};
  s->gradients = (clf__vectors){.w = vector(s, W), .d = vector(s, Dd)};
  for (int i = 0; i <= s->count; i++) {
    WORKS(clf_new(&s->arena, (int32_t[4]){ROWS, s->dim, 1, 1}, &s->x[i]));
    WORKS(clf_new(&s->arena, (int32_t[4]){ROWS, s->dim, 1, 1}, &s->dx[i]));
  }
  for (int i = 0; i < s->count; i++) {
    WORKS(clf__layer_plan(&s->layer[i], ROWS, CLF_STORED, &s->arena, &s->memory[i]));
    WORKS(clf__layer_keep(&s->layer[i], ROWS, CLF_STORED, &s->arena, &s->memory[i]));
    WORKS(clf__layer_scratch(&s->layer[i], ROWS, CLF_STORED, &s->arena, &s->memory[i]));
  }
  s->logdet = vector(s, ROWS);
  s->each = vector(s, ROWS);
  draw(s, 7);
  WORKS(derive(s));
}

static void end(list *s) {
  for (int i = 0; i < s->count; i++) clf__layer_release(&s->layer[i], &s->memory[i]);
  for (int i = 0; i < s->count; i++)
    if (s->layer[i].ops->unmake) s->layer[i].ops->unmake(&s->layer[i]);
  clf_arena_free(&s->arena);
  clf__slots_free(&s->slots);
  clf__arch_list_free(&s->nodes);
  clf_arch_free(s->arch);
}

static clf__slot_entry *part_of(list *s, const char *name) {
  for (int i = 0; i < s->slots.count; i++)
    if (strcmp(s->slots.list[i].name, name) == 0) return &s->slots.list[i];
  return NULL;
}

/* ---- Passes ---------------------------------------------------------------------------------- */

static clf__pass new_pass(const list *s, clf__mode mode) {
  return (clf__pass){.dev = flows_dev, .mode = mode, .weights = s->weights};
}

static clf_status prepare(const list *s, const clf__pass *p) {
  for (int i = 0; i < s->count; i++)
    if (s->layer[i].ops->prepare) CLF_TRY(s->layer[i].ops->prepare(&s->layer[i], p));
  return CLF_OK;
}

static void forward(list *s, clf__mode mode, const double *x, int32_t n, double *z,
                    double *logdet) {
  const clf__pass p = new_pass(s, mode);
  WORKS(clf_write64(flows_dev, clf__rows(s->x[0], n), x));
  WORKS(clf_do(flows_dev, fill, .y = s->logdet, .value = 0));
  WORKS(prepare(s, &p));
  for (int i = 0; i < s->count; i++)
    WORKS(clf__layer_forward(&s->layer[i], &p, &s->memory[i], clf__rows(s->x[i], n),
                             clf__rows(s->x[i + 1], n), clf__rows(s->logdet, n)));
  WORKS(clf_read64(flows_dev, clf__rows(s->x[s->count], n), z));
  WORKS(clf_read64(flows_dev, clf__rows(s->logdet, n), logdet));
}

static void inverse(list *s, clf__mode mode, const double *z, int32_t n, double *x,
                    double *logdet) {
  const clf__pass p = new_pass(s, mode);
  WORKS(clf_write64(flows_dev, clf__rows(s->x[s->count], n), z));
  WORKS(clf_do(flows_dev, fill, .y = s->logdet, .value = 0));
  WORKS(prepare(s, &p));
  for (int i = s->count - 1; i >= 0; i--)
    WORKS(clf__layer_inverse(&s->layer[i], &p, &s->memory[i], clf__rows(s->x[i + 1], n),
                             clf__rows(s->x[i], n), clf__rows(s->logdet, n)));
  WORKS(clf_read64(flows_dev, clf__rows(s->x[0], n), x));
  WORKS(clf_read64(flows_dev, clf__rows(s->logdet, n), logdet));
}

/* The gradient of sum over n of dz[n] . z[n] + dlogdet each[n] logdet[n], after a forward pass
 * with stored values; each NULL: 1.  With `inverted` the same for x after an inverse pass. */
static void backward(list *s, clf__mode mode, int inverted, const double *dz, int32_t n,
                     float dlogdet, const double *each, double *dx, double *g) {
  clf__pass p = new_pass(s, mode);
  const int from = inverted ? 0 : s->count;
  p.gradients = s->gradients;
  p.dlogdet = dlogdet;
  if (each) {
    p.each = clf__rows(s->each, n);
    WORKS(clf_write64(flows_dev, p.each, each));
  }
  WORKS(clf_do(flows_dev, fill, .y = s->gradients.w, .value = 0));
  WORKS(clf_do(flows_dev, fill, .y = s->gradients.d, .value = 0));
  WORKS(clf_write64(flows_dev, clf__rows(s->dx[from], n), dz));
  for (int k = 0; k < s->count; k++) {
    const int i = inverted ? k : s->count - 1 - k;
    const clf__layer *l = &s->layer[i];
    const clf_tensor in = clf__rows(s->x[i], n), out = clf__rows(s->x[i + 1], n);
    const clf_tensor din = clf__rows(s->dx[i], n), dout = clf__rows(s->dx[i + 1], n);
    WORKS(inverted ? clf__layer_backward_inverse(l, &p, &s->memory[i], out, in, din, dout)
                   : clf__layer_backward(l, &p, &s->memory[i], in, out, dout, din));
  }
  for (int i = 0; i < s->count; i++)
    if (s->layer[i].ops->finish) WORKS(s->layer[i].ops->finish(&s->layer[i], &p));
  WORKS(clf_read64(flows_dev, clf__rows(s->dx[s->count - from], n), dx));
  WORKS(clf_read64(flows_dev, s->gradients.w, g));
}

/* ---- Golden files ----------------------------------------------------------------------- */

/* With a normal base; the others are only in test_golden_flows.c. */
static const char *const golden_files[] = {
    "nflows_lu",    "nflows_qr",      "nflows_svd",     "nflows_householder",
    "nflows_dense", "nflows_actnorm", "nflows_conv1x1", "torch_logit",
    "torch_log",    "torch_softplus", "zuko_softclip",
};

static double bound(void) { return flows_exact ? 1e-10 : 1e-5; }

static void expect_close(const double *got, const double *want, size_t n, const char *file,
                         const char *what) {
  for (size_t i = 0; i < n; i++)
    ck_assert_msg(fabs(got[i] - want[i]) <= bound() * (1 + fabs(want[i])),
                  "%s: %s[%zu] is %.12g, in the file %.12g", file, what, i, got[i], want[i]);
}

/* Writes the file's parameters to the arrays with these names. */
static void load(list *s, const clf__st *st, const char *file) {
  int loaded = 0, named = 0;
  for (int i = 0; i < clf__st_count(st); i++) {
    const clf__st_entry *e = clf__st_at(st, i);
    if (strncmp(e->name, "param.", 6) != 0) continue;
    const clf__slot_entry *slot = part_of(s, e->name + 6);
    size_t n;
    double *v = golden_tensor(st, e->name, &n);
    ck_assert_msg(slot != NULL, "%s: no layer has the part %s", file, e->name + 6);
    const clf_tensor t = clf__slot_tensor(&s->weights, slot->slot);
    ck_assert_uint_eq(n, clf__count(&t));
    WORKS(clf_write64(flows_dev, t, v));
    free(v);
    loaded++;
  }
  for (int i = 0; i < s->slots.count; i++) named += *s->slots.list[i].name != 0;
  ck_assert_int_eq(loaded, named);
  WORKS(derive(s));
}

/* In floats an error is relative to the terms of the sums, which are as large as x squared. */
static void expect_gradients(list *s, const clf__st *st, const char *file, const double *x,
                             size_t rows, const double *g) {
  double square = 0;
  for (size_t i = 0; i < rows * (size_t)s->dim; i++) square += x[i] * x[i] / (double)rows;
  for (int i = 0; i < clf__st_count(st); i++) {
    const clf__st_entry *e = clf__st_at(st, i);
    if (strncmp(e->name, "grad.layers.", 12) != 0) continue;
    const clf__slot_entry *slot = part_of(s, e->name + 5);
    size_t n;
    double *want = golden_tensor(st, e->name, &n);
    ck_assert_ptr_nonnull(slot);
    for (size_t k = 0; k < n; k++) {
      const double got = g[slot->slot->at + (int64_t)k];
      const double tol = flows_exact ? 1e-10 * (1 + fabs(want[k])) : 1e-6 * (1 + square);
      ck_assert_msg(fabs(got - want[k]) <= tol, "%s: %s[%zu] is %.12g, in the file %.12g", file,
                    e->name, k, got, want[k]);
    }
    free(want);
  }
}

START_TEST(values_of_libraries) {
  const char *file = golden_files[_i];
  char path[64];
  list s;
  clf__st *st;
  size_t n, rows;
  snprintf(path, sizeof path, "flows/%s", file);
  WORKS(clf__st_open(golden_path(path, ".safetensors"), &st));
  begin(&s, clf__st_meta(st, "arch"));
  load(&s, st, file);
  double *x = golden_tensor(st, "x", &n), *z = golden_tensor(st, "z", &n),
         *logdet = golden_tensor(st, "logdet", &rows), *dx_want = golden_tensor(st, "grad.x", &n);
  double *got = flows_array(n), *got_logdet = flows_array(rows), *dz = flows_array(n),
         *g = flows_array((size_t)clf__slots_weights(&s.slots) + 1), *dx = flows_array(n);
  forward(&s, CLF_KEEP, x, (int32_t)rows, got, got_logdet);
  expect_close(got, z, n, file, "z");
  expect_close(got_logdet, logdet, rows, file, "logdet");
  for (size_t i = 0; i < n; i++) dz[i] = -got[i] / (double)rows; /* of the mean of log p */
  backward(&s, CLF_KEEP, 0, dz, (int32_t)rows, 1 / (float)rows, NULL, dx, g);
  expect_close(dx, dx_want, n, file, "grad.x");
  expect_gradients(&s, st, file, x, rows, g);

  double *latents = golden_tensor(st, "latents", &n), *want = golden_tensor(st, "inverse", &n);
  inverse(&s, CLF_EVAL, latents, (int32_t)(n / (size_t)s.dim), got, got_logdet);
  expect_close(got, want, n, file, "inverse");
  free(want), free(latents), free(dx), free(g), free(dz), free(got_logdet), free(got);
  free(dx_want), free(logdet), free(z), free(x);
  clf__st_close(st);
  end(&s);
}
END_TEST

/* ---- Identities, in double -------------------------------------------------------------- */

static const char *const lists[] = {
    "5: perm(random) -> normal",
    "5: coupling(affine(scale=realnvp), mlp(6x1, tanh)) -> normal",
    "5: coupling(affine(scale=realnvp, first=1), resnet(4x1, tanh, bn=1), mask=mid), "
    "coupling(affine(scale=realnvp, layout=pairs), mlp(6x1, tanh), mask=random, inputs=masked) -> "
    "normal",
    "3: elementwise(affine(scale=realnvp)), lu, elementwise(affine(scale=realnvp, first=1)) -> "
    "normal",
    "5: coupling(add, mlp(4x1, tanh), mask=random), batchnorm(transformed=1, eps=0.1) -> normal",
    "5: ~coupling(add, mlp(4x1, tanh)), batchnorm(transformed=1) -> normal",
    "2x2x3: coupling(affine(scale=realnvp), mlp(4x1, tanh), mask=list, list=0-4), "
    "batchnorm(transformed=1) -> normal",
    "2x3x2: coupling(add, mlp(4x1, tanh), mask=checker, even=1), batchnorm(transformed=1) -> "
    "normal",
    "2x2x3: coupling(add, mlp(4x1, tanh), mask=channel), batchnorm(transformed=1) -> normal",
    "2x4x1: coupling(affine(scale=realnvp, first=1), convresnet(3x1, bn=1, like=realnvp), "
    "mask=checker), batchnorm(eps=0.0001, transformed=1) -> normal",
    "2x4x1: coupling(affine(scale=realnvp), convresnet(3x2, like=realnvp), mask=checker, even=1) "
    "-> "
    "normal",
    "2x2x3: coupling(affine(scale=realnvp), convresnet(3x1, like=realnvp), mask=channel), "
    "batchnorm(transformed=1) -> normal",
    "2x4x1: coupling(affine(scale=exp), convresnet(3x1, bn=1, like=realnvp), mask=checker), "
    "coupling(affine(scale=realnvp), conv(3, 1-1, tanh, norm=0, zero=0), mask=checker) -> normal",
    "2x4x2: squeeze(order=checker), ~squeeze(order=space), squeeze -> normal",
    "5: perm(reverse), perm(list, list=2, 0, 1, 4, 3) -> normal",
    "5: lu(identity=0) -> normal",
    "1: lu, qr, svd, dense, rotation, householder -> normal",
    "5: qr(3) -> normal",
    "5: svd(4) -> normal",
    "5: dense -> normal",
    "5: householder(3) -> normal",
    "5: rotation -> normal",
    "2x3x4: conv1x1(lu) -> normal",
    "2x3x4: conv1x1(dense), perm(random) -> normal",
    "5: actnorm -> normal",
    "2x3x4: actnorm -> normal",
    "5: batchnorm -> normal",
    "2x3x4: batchnorm(eps=0.1) -> normal",
    "5: standardize -> normal",
    "5: scale -> normal",
    "5: shift-scale(shift=1, scale=-2), shift-scale(shift=0.5, 1, 2, 3, 4, scale=2, -1, 0.5, 1, 3) "
    "-> normal",
    "4: lu, perm(random), qr(2), actnorm, svd(2), batchnorm -> normal",
    "5: logit(-10, 11) -> normal",
    "5: logit(-10, 11, eps=1e-3) -> normal",
    "5: asinh(1, 0.25) -> normal",
    "5: softlog(-1, 0.5) -> normal",
    "5: softlogit(-1, 1, tail=0.1) -> normal",
    "5: log(-9) -> normal",
    "5: softplus(-8) -> normal",
    "5: softclip(3) -> normal",
    "5: wrap(9, shift=0.5) -> normal",
    "5: wrap(9, trained=1) -> normal",
    "5: columns(0: logit(-9, 9), 2+4: log(-7)) -> normal",
    "5: columns(1-2: softplus(-5), 3: wrap(9, trained=1), 0: shift-scale(scale=3), 4: softclip) -> "
    "normal",
    "5: columns(0: ~softplus(-5), 1+4: ~shift-scale(scale=3), 2: ~softclip(2), 3: ~wrap(9, "
    "trained=1)) -> normal",
    "3: elementwise(quadratic(bins=4, tail=2, 9, 3)), elementwise(linear(bins=3, tail=4, 2, 9)) -> "
    "normal",
    "5: allinone(mlp(6x1, tanh), rq(bins=4, tail=3)) -> normal",
    "4: allinone(mlp(6x1, tanh), rq(bins=4, tail=3), perm=soft, gain=exp, init=2) -> normal",
    "4: allinone(mlp(6x1, tanh), rq(bins=4, tail=3), perm=householder, reflections=3, "
    "gain=sigmoid) -> normal",
    "1x3x4: allinone(mlp(6x1, tanh), rq(bins=4, tail=3), perm=householder) -> normal",
};

/* Weights away from their initial values; variances stay positive, other states unchanged. */
static void shake(list *s) {
  const size_t W = (size_t)clf__slots_weights(&s->slots);
  double *w = flows_array(W + 1);
  clf__host_random r = {99};
  if (W) WORKS(clf_read64(flows_dev, s->weights.w, w));
  for (int i = 0; i < s->slots.count; i++) {
    const clf__slot_entry *e = &s->slots.list[i];
    if (e->slot->group > CLF_STATE || e->whole) continue;
    const int64_t n = (int64_t)e->slot->dim[0] * e->slot->dim[1];
    for (int64_t k = 0; k < n; k++)
      w[e->slot->at + k] +=
          e->slot->group == CLF_STATE ? clf__host_uniform(&r) : 0.3 * clf__host_normal(&r);
  }
  if (W) WORKS(clf_write64(flows_dev, s->weights.w, w));
  free(w);
}

static double *normals(uint64_t seed, size_t n) {
  clf__host_random r = {seed};
  double *x = flows_array(n);
  for (size_t i = 0; i < n; i++) x[i] = clf__host_normal(&r);
  return x;
}

START_TEST(inverses) {
  enum { N = 7 };
  list s;
  begin(&s, lists[_i]);
  shake(&s);
  const size_t n = N * (size_t)s.dim;
  double *x = normals(1, n), *z = flows_array(n), *back = flows_array(n), there[N], again[N];
  forward(&s, CLF_EVAL, x, N, z, there);
  inverse(&s, CLF_EVAL, z, N, back, again);
  for (size_t i = 0; i < n; i++)
    ck_assert_msg(fabs(back[i] - x[i]) <= (flows_exact ? 1e-11 : 2e-5) * (1 + fabs(x[i])),
                  "%s: inverse(forward(x))[%zu] is %.12g, x %.12g", lists[_i], i, back[i], x[i]);
  for (int i = 0; i < N; i++)
    ck_assert_double_eq_tol(again[i], -there[i], flows_exact ? 1e-11 : 1e-5);
  free(back), free(z), free(x);
  end(&s);
}
END_TEST

/* log |det J| of one row by differences. */
START_TEST(log_dets) {
  list s;
  if (!flows_exact) return;
  begin(&s, lists[_i]);
  shake(&s);
  const size_t D = (size_t)s.dim;
  const double h = 1e-4;
  double *x = normals(2, D), *J = flows_array(D * D), *up = flows_array(D), *down = flows_array(D);
  double logdet, unused;
  for (size_t k = 0; k < D; k++) {
    const double before = x[k];
    x[k] = before + h;
    forward(&s, CLF_EVAL, x, 1, up, &unused);
    x[k] = before - h;
    forward(&s, CLF_EVAL, x, 1, down, &unused);
    x[k] = before;
    for (size_t i = 0; i < D; i++) J[i * D + k] = (up[i] - down[i]) / (2 * h);
  }
  forward(&s, CLF_EVAL, x, 1, up, &logdet);
  ck_assert_msg(fabs(flows_log_det(J, s.dim) - logdet) < 1e-7,
                "%s: the log-det is %.10g, of J %.10g", lists[_i], logdet, flows_log_det(J, s.dim));
  free(down), free(up), free(J), free(x);
  end(&s);
}
END_TEST

/* ---- Gradients
 * ------------------------------------------------------------------------------------- */

enum { GRADIENT_ROWS = 4 };

typedef struct problem {
  list *s;
  clf__mode mode;
  int inverted;
  const double *dz, *each;
  float dlogdet;
} problem;

static double loss(const problem *q, const double *x) {
  const size_t n = GRADIENT_ROWS * (size_t)q->s->dim;
  double *z = flows_array(n), logdet[GRADIENT_ROWS], sum = 0;
  if (q->inverted)
    inverse(q->s, q->mode, x, GRADIENT_ROWS, z, logdet);
  else
    forward(q->s, q->mode, x, GRADIENT_ROWS, z, logdet);
  for (size_t i = 0; i < n; i++) sum += q->dz[i] * z[i];
  for (int i = 0; i < GRADIENT_ROWS; i++)
    sum += q->dlogdet * (q->each ? q->each[i] : 1) * logdet[i];
  free(z);
  return sum;
}

/* The slope of the loss along one number of `to`, to fourth order; to.buf NULL: of x. */
static double slope(const problem *q, double *x, clf_tensor to, double *numbers, int64_t k) {
  static const double h = 1e-4, steps[4] = {-2, -1, 1, 2}, factors[4] = {1, -8, 8, -1};
  const double before = numbers[k];
  double sum = 0;
  for (int i = 0; i < 4; i++) {
    numbers[k] = before + h * steps[i];
    if (to.buf) WORKS(clf_write64(flows_dev, to, numbers));
    sum += factors[i] * loss(q, x);
  }
  numbers[k] = before;
  if (to.buf) WORKS(clf_write64(flows_dev, to, numbers));
  return sum / (12 * h);
}

static void expect_differences(list *s, const char *text, clf__mode mode, int inverted,
                               const double *each) {
  const size_t n = GRADIENT_ROWS * (size_t)s->dim, W = (size_t)clf__slots_weights(&s->slots);
  double *x = normals(3, n), *dz = normals(4, n), *dx = flows_array(n), *g = flows_array(W + 1),
         *w = flows_array(W + 1);
  const problem q = {s, mode, inverted, dz, each, 0.7f};
  loss(&q, x);
  backward(s, mode, inverted, dz, GRADIENT_ROWS, q.dlogdet, each, dx, g);
  for (size_t k = 0; k < n; k++) {
    const double want = slope(&q, x, (clf_tensor){0}, x, (int64_t)k);
    ck_assert_msg(fabs(dx[k] - want) <= 1e-8 * (1 + fabs(want)),
                  "%s%s: dx[%zu] is %.10g, not %.10g", text, inverted ? ", inverse" : "", k, dx[k],
                  want);
  }
  if (W) WORKS(clf_read64(flows_dev, s->weights.w, w));
  for (int i = 0; i < s->slots.count; i++) {
    const clf__slot *slot = s->slots.list[i].slot;
    if (slot->group >= CLF_STATE) continue;
    for (int64_t k = 0; k < (int64_t)slot->dim[0] * slot->dim[1]; k++) {
      const double want = slope(&q, x, s->weights.w, w, slot->at + k), got = g[slot->at + k];
      ck_assert_msg(fabs(got - want) <= 1e-8 * (1 + fabs(want)),
                    "%s%s: the gradient of %s[%d] is %.10g, not %.10g", text,
                    inverted ? ", inverse" : "", s->slots.list[i].name, (int)k, got, want);
    }
  }
  free(w), free(g), free(dx), free(dz), free(x);
}

START_TEST(gradients) {
  const double each[GRADIENT_ROWS] = {0.5, -1, 2, 0.25};
  list s;
  if (!flows_exact) return;
  begin(&s, lists[_i]);
  shake(&s);
  expect_differences(&s, lists[_i], CLF_KEEP, 0, NULL);
  expect_differences(&s, lists[_i], CLF_KEEP, 0, each);
  expect_differences(&s, lists[_i], CLF_KEEP, 1, NULL);
  expect_differences(&s, lists[_i], CLF_KEEP, 1, each);
  end(&s);
}
END_TEST

/* ---- On the host
 * ----------------------------------------------------------------------------------- */

/* Layers on the host give the same results as on the device. */
START_TEST(on_the_host) {
  static const char *const texts[] = {"3: logit(-4, 5) -> normal",
                                      "3: log(-4) -> normal",
                                      "3: logit(-1, 1, eps=0.25) -> normal",
                                      "3: softplus(-4) -> normal",
                                      "3: asinh(0.25, 0.5) -> normal",
                                      "3: softlog(-1, 1) -> normal",
                                      "3: softlogit(-0.7, 5, tail=0.1) -> normal",
                                      "3: columns(2: logit(-4, 5), 0: log(-4)) -> normal"};
  for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) {
    double x[3] = {0.5, -0.75, 0.9}, z[3], host[3], logdet, dz[3] = {1, -2, 0.5}, dx[3], g[8];
    list s;
    begin(&s, texts[k]);
    const clf__layer *l = &s.layer[0];
    const double slack = flows_exact ? 1e-14 : 1e-5;
    ck_assert(!(l->traits & CLF_NOT_ON_HOST));
    forward(&s, CLF_KEEP, x, 1, z, &logdet);
    memcpy(host, x, sizeof host);
    ck_assert_double_eq_tol(l->ops->host_forward(l, host), logdet, 4 * slack);
    for (int i = 0; i < 3; i++) ck_assert_double_eq_tol(host[i], z[i], slack);
    backward(&s, CLF_KEEP, 0, dz, 1, 0.5f, NULL, dx, g);
    l->ops->host_backward(l, x, 0.5, dz);
    for (int i = 0; i < 3; i++) ck_assert_double_eq_tol(dz[i], dx[i], 4 * slack);
    inverse(&s, CLF_EVAL, z, 1, dx, &logdet);
    ck_assert_double_eq_tol(l->ops->host_inverse(l, host), logdet, 4 * slack);
    for (int i = 0; i < 3; i++) ck_assert_double_eq_tol(host[i], dx[i], 4 * slack);
    end(&s);
  }
}
END_TEST

/* Outside of the domain: the first column, its interval, a log-det of -inf and a finite value. */
START_TEST(domains) {
  static const struct {
    const char *text;
    double x[3];
    int32_t column;
    double low, high;
  } cases[] = {{"3: logit(-1, 2) -> normal", {0, 1, 1.5}, -1, 0, 0},
               {"3: logit(-1, 2) -> normal", {0, 2, 1.5}, 1, -1, 2},
               {"3: logit(-1, 2) -> normal", {0, 1, NAN}, 2, -1, 2},
               {"3: logit(-1, 2, eps=0.01) -> normal", {-1, 2, 1.5}, -1, 0, 0},
               {"3: logit(-1, 2, eps=0.01) -> normal", {-1.01, 2, 1.5}, 0, -1, 2},
               {"3: log(3) -> normal", {4, 3, 4}, 1, 3, INFINITY},
               {"3: softplus(3) -> normal", {4, 5, -4}, 2, 3, INFINITY},
               {"3: columns(0: log, 2: logit) -> normal", {1, -5, 7}, 2, 0, 1},
               {"3: columns(0: log, 2: logit) -> normal", {-1, -5, 7}, 0, 0, INFINITY}};
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    double interval[2] = {0, 0}, z[3], logdet;
    list s;
    begin(&s, cases[k].text);
    const clf__layer *l = &s.layer[0];
    ck_assert(l->traits & CLF_IS_BOUNDED);
    ck_assert_int_eq(l->ops->outside(l, cases[k].x, interval), cases[k].column);
    forward(&s, CLF_EVAL, cases[k].x, 1, z, &logdet);
    if (cases[k].column < 0) {
      ck_assert(isfinite(logdet));
    } else {
      ck_assert_double_eq(interval[0], cases[k].low);
      ck_assert(interval[1] == cases[k].high);
      ck_assert(logdet == -INFINITY);
    }
    for (int i = 0; i < 3; i++) ck_assert(isfinite(z[i]) || isnan(cases[k].x[i]));
    end(&s);
  }
}
END_TEST

/* Compared with libm, and the log-det of one column with differences; these maps accept all
 * numbers. */
START_TEST(soft_maps) {
  static const struct {
    const char *text;
    double x[3], want[3];
  } cases[] = {
      {"1: asinh(2, 0.5) -> normal", {2, -1, 1e12}, {0, -2.491779852644912, 29.017315477046438}},
      {"1: softlog(1, 0.5) -> normal",
       {3, 1.5, -2},
       {0.6931471805599453, -0.6931471805599453, -2.772588722239781}},
      {"1: softlogit(0, 2, tail=0.1) -> normal",
       {0.5, 0.2, 2.2},
       {-1.0986122886681098, -2.1972245773362196, 3.3672958299864737}}};
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
    for (int i = 0; i < 3; i++) {
      const double x = cases[k].x[i], step = 1e-5 * (1 + fabs(x)),
                   slack = flows_exact ? 1e-12 : 3e-6;
      double z, low, high, logdet, unused, interval[2];
      list s;
      begin(&s, cases[k].text);
      ck_assert_int_eq(s.layer[0].ops->outside(&s.layer[0], &x, interval), -1);
      ck_assert(!(s.layer[0].traits & CLF_IS_BOUNDED));
      forward(&s, CLF_EVAL, &x, 1, &z, &logdet);
      ck_assert_double_eq_tol(z, cases[k].want[i], slack * (1 + fabs(z)));
      if (flows_exact) { /* a kink of the slope equals its mean */
        forward(&s, CLF_EVAL, &(double){x + step}, 1, &high, &unused);
        forward(&s, CLF_EVAL, &(double){x - step}, 1, &low, &unused);
        ck_assert_double_eq_tol(log((high - low) / (2 * step)), logdet, 1e-4);
      }
      end(&s);
    }
}
END_TEST

/* A value beyond its own column's bound is unchanged, in both directions; one within another's
 * is not. */
START_TEST(bounds_by_column) {
  static const char *const texts[] = {"2: elementwise(quadratic(bins=4, tail=1, 4)) -> normal",
                                      "2: elementwise(linear(bins=4, tail=1, 4)) -> normal",
                                      "2: elementwise(rq(bins=4, tail=1, 4)) -> normal"};
  for (int k = 0; k < 3; k++) {
    const double x[2] = {2, 2};
    double z[2], logdet;
    list s;
    begin(&s, texts[k]);
    shake(&s);
    for (int inverted = 0; inverted < 2; inverted++) {
      (inverted ? inverse : forward)(&s, CLF_EVAL, x, 1, z, &logdet);
      ck_assert_msg(z[0] == 2 && fabs(z[1] - 2) > 1e-3, "%s: %g and %g", texts[k], z[0], z[1]);
    }
    end(&s);
  }
}
END_TEST

/* ---- Values set by batches ------------------------------------------------------------------- */

/* Mean and variance (divisor `less` below the count) of column c of n rows. */
static void statistics(const double *x, int n, int D, int c, int less, double *mean, double *var) {
  *mean = *var = 0;
  for (int i = 0; i < n; i++) *mean += x[i * D + c] / n;
  for (int i = 0; i < n; i++) *var += pow(x[i * D + c] - *mean, 2) / (n - less);
}

/* x as rows of dimensions, or of an image's pixels. */
static void expect_normalised(list *s, const double *x, int n, int columns, int less) {
  double *z = flows_array((size_t)(n * s->dim)), logdet[ROWS], mean, var;
  const clf__pass p = new_pass(s, CLF_TRAIN);
  WORKS(clf_write64(flows_dev, clf__rows(s->x[0], n), x));
  WORKS(s->layer[0].ops->fit(&s->layer[0], &p, &s->memory[0], clf__rows(s->x[0], n)));
  forward(s, CLF_EVAL, x, n, z, logdet);
  for (int c = 0; c < columns; c++) {
    statistics(z, n * s->dim / columns, columns, c, less, &mean, &var);
    ck_assert_double_eq_tol(mean, 0, flows_exact ? 1e-13 : 1e-6);
    ck_assert_double_eq_tol(var, 1, flows_exact ? 1e-13 : 1e-5);
  }
  free(z);
}

/* The output of the first batch has mean 0 and variance 1; the second changes nothing. */
START_TEST(first_batches) {
  static const struct {
    const char *text;
    int columns, less; /* what is summed; the divisor of the variance, less than the count */
  } cases[] = {{"3: actnorm -> normal", 3, 1},
               {"2x2x3: actnorm -> normal", 3, 1},
               {"3: standardize -> normal", 3, 0}};
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    list s;
    begin(&s, cases[k].text);
    const size_t n = 20 * (size_t)s.dim;
    double *x = normals(5, n), *first = flows_array(n), *second = flows_array(n), logdet[ROWS];
    for (size_t i = 0; i < n; i++) x[i] = 3 + (double)(i % 3 + 1) * x[i];
    expect_normalised(&s, x, 20, cases[k].columns, cases[k].less);
    forward(&s, CLF_EVAL, x, 20, first, logdet);
    const clf__pass p = new_pass(&s, CLF_TRAIN);
    WORKS(s.layer[0].ops->fit(&s.layer[0], &p, &s.memory[0], clf__rows(s.x[0], 5)));
    forward(&s, CLF_EVAL, x, 20, second, logdet);
    ck_assert_mem_eq(first, second, n * sizeof *first);
    free(second), free(first), free(x);
    end(&s);
  }
}
END_TEST

/* A constant column: the scale stays finite. */
START_TEST(constant_columns) {
  const char *const texts[] = {"2: actnorm -> normal", "2: standardize -> normal"};
  for (int k = 0; k < 2; k++) {
    const double x[6] = {1, 5, 2, 5, 4, 5};
    double z[6], logdet[3];
    list s;
    begin(&s, texts[k]);
    const clf__pass p = new_pass(&s, CLF_TRAIN);
    WORKS(clf_write64(flows_dev, clf__rows(s.x[0], 3), x));
    WORKS(s.layer[0].ops->fit(&s.layer[0], &p, &s.memory[0], clf__rows(s.x[0], 3)));
    forward(&s, CLF_EVAL, x, 3, z, logdet);
    for (int i = 0; i < 3; i++) {
      ck_assert(isfinite(logdet[i]));
      ck_assert_double_eq_tol(z[2 * i + 1], 0, 1e-6);
    }
    end(&s);
  }
}
END_TEST

/* In training: the batch's mean and unbiased variance, gradients through both, and running
 * statistics updated with the layer's momentum or that of the pass. */
START_TEST(batch_statistics) {
  const double each[GRADIENT_ROWS] = {0.5, -1, 2, 0.25};
  double running[3], z[60], logdet[20], mean, var;
  double *x = normals(8, 60);
  list s;
  begin(&s, "3: batchnorm(momentum=0.25, eps=0.001) -> normal");
  forward(&s, CLF_TRAIN, x, 20, z, logdet);
  statistics(x, 20, 3, 1, 1, &mean, &var);
  const double slack = flows_exact ? 1e-7 : 1e-5; /* eps is a float */
  ck_assert_double_eq_tol(z[4], (x[4] - mean) / sqrt(var + 0.001), slack);
  WORKS(clf_read64(flows_dev,
                   clf__slot_tensor(&s.weights, part_of(&s, "layers.0.running_mean")->slot),
                   running));
  ck_assert_double_eq_tol(running[1], 0.25 * mean, slack);
  WORKS(clf_read64(
      flows_dev, clf__slot_tensor(&s.weights, part_of(&s, "layers.0.running_var")->slot), running));
  ck_assert_double_eq_tol(running[1], 0.75 + 0.25 * var, slack);
  shake(&s);
  if (flows_exact) {
    expect_differences(&s, "batchnorm in training", CLF_TRAIN, 0, NULL);
    expect_differences(&s, "batchnorm in training", CLF_TRAIN, 0, each);
  }
  free(x);
  end(&s);
}
END_TEST

static double state(list *s, const char *name, int at) {
  double v[8];
  WORKS(clf_read64(flows_dev, clf__slot_tensor(&s->weights, part_of(s, name)->slot), v));
  return v[at];
}

/* Of the transformed part only; other pixels of an image count as zeros. */
START_TEST(statistics_of_a_part) {
  const double each[GRADIENT_ROWS] = {0.5, -1, 2, 0.25}, slack = flows_exact ? 1e-7 : 1e-5;
  double z[80], logdet[20], mean[2], var[2], sum = 0, square = 0;
  double *x = normals(9, 80);
  list s;
  begin(&s, "4: coupling(add, zero), batchnorm(momentum=0.25, eps=0.001, transformed=1) -> normal");
  forward(&s, CLF_TRAIN, x, 20, z, logdet);
  for (int c = 0; c < 2; c++) statistics(x, 20, 4, 2 * c, 0, &mean[c], &var[c]);
  ck_assert_double_eq_tol(z[6], (x[6] - mean[1]) / sqrt(var[1] + 0.001), slack);
  ck_assert(z[5] == x[5] || (!flows_exact && z[5] == (float)x[5]));
  ck_assert_double_eq_tol(logdet[3], -log((var[0] + 0.001) * (var[1] + 0.001)) / 2, slack);
  ck_assert_double_eq_tol(state(&s, "layers.1.running_mean", 1), 0.25 * mean[1], slack);
  ck_assert_double_eq_tol(state(&s, "layers.1.running_var", 1), 0.75 + 0.25 * var[1], slack);
  if (flows_exact) expect_differences(&s, "a part of columns", CLF_TRAIN, 0, each);
  end(&s);

  begin(&s,
        "2x2x1: coupling(add, zero, mask=checker), batchnorm(eps=0.001, transformed=1) -> normal");
  forward(&s, CLF_TRAIN, x, 20, z, logdet);
  for (int i = 0; i < 20; i++)
    for (int d = 1; d < 3; d++) sum += x[4 * i + d], square += pow(x[4 * i + d], 2);
  const double m = sum / 80, v = square / 80 - m * m;
  ck_assert_double_eq_tol(z[6], (x[6] - m) / sqrt(v + 0.001), slack);
  ck_assert(z[7] == x[7] || (!flows_exact && z[7] == (float)x[7]));
  ck_assert_double_eq_tol(logdet[3], -log(v + 0.001), slack);
  ck_assert_double_eq_tol(state(&s, "layers.1.running_mean", 0), 0.1 * m, slack);
  if (flows_exact) expect_differences(&s, "a part of pixels", CLF_TRAIN, 0, each);
  end(&s);
  free(x);
}
END_TEST

/* rho of the running statistics, and the rest of the batch's. */
START_TEST(mixed_statistics) {
  double z[60], logdet[20], mean, var;
  double *x = normals(8, 60);
  list s;
  begin(&s, "3: batchnorm(momentum=0, rho=0.25, eps=0.001) -> normal");
  forward(&s, CLF_TRAIN, x, 20, z, logdet);
  statistics(x, 20, 3, 1, 1, &mean, &var);
  ck_assert_double_eq_tol(z[4], (x[4] - 0.75 * mean) / sqrt(0.25 + 0.75 * var + 0.001),
                          flows_exact ? 1e-7 : 1e-5);
  shake(&s);
  if (flows_exact) expect_differences(&s, "mixed statistics", CLF_TRAIN, 0, NULL);
  free(x);
  end(&s);
}
END_TEST

/* Gradients through the statistics of a net, and of the coupling after it. */
START_TEST(nets_in_training) {
  static const char *const texts[] = {
      "2x4x1: coupling(affine(scale=realnvp), convresnet(3x1, bn=1, like=realnvp), mask=checker), "
      "batchnorm(eps=0.0001, transformed=1) -> normal",
      "2x2x2: coupling(rq(bins=3), convresnet(3x1, bn=1, like=realnvp), mask=channel) -> normal"};
  const double each[GRADIENT_ROWS] = {0.5, -1, 2, 0.25};
  list s;
  if (!flows_exact) return;
  for (int k = 0; k < 2; k++) {
    begin(&s, texts[k]);
    shake(&s);
    expect_differences(&s, texts[k], CLF_TRAIN, 0, each);
    end(&s);
  }
}
END_TEST

/* ---- Refusals
 * -------------------------------------------------------------------------------------- */

START_TEST(singular_matrices) {
  const double ones[4] = {1, 1, 1, 1}, x[4] = {1, 2, 3, 4};
  char name[64] = "";
  list s;
  begin(&s, "2: dense -> normal");
  const clf__pass eval = new_pass(&s, CLF_EVAL), train = new_pass(&s, CLF_TRAIN);
  WORKS(clf_write64(flows_dev, clf__slot_tensor(&s.weights, part_of(&s, "layers.0.weight")->slot),
                    ones));
  WORKS(prepare(&s, &eval));
  for (int inverted = 0; inverted < 2; inverted++) {
    const clf__layer *l = &s.layer[0];
    ck_assert_int_eq((inverted ? l->ops->inverse : l->ops->forward)(l, &eval, &s.memory[0], s.x[0],
                                                                    s.x[1], s.logdet),
                     CLF_EINVAL);
    ck_assert_str_eq(clf_errmsg(), "layers.0: its matrix is singular, so that it has no inverse");
  }
  WORKS(clf_write64(flows_dev, clf__rows(s.x[0], 2), x));
  WORKS(prepare(&s, &train));
  WORKS(s.layer[0].ops->find_bad(&s.layer[0], &train, &s.memory[0], clf__rows(s.x[0], 2),
                                 clf__rows(s.x[1], 2), name, sizeof name));
  ck_assert_str_eq(name, "layers.0, whose matrix is singular,");
  end(&s);
}
END_TEST

START_TEST(refusals) {
  static const struct {
    const char *text, *message;
  } cases[] = {
      {"3: lu, batchnorm(transformed=1) -> normal",
       "layers.1: transformed=1 normalises what the coupling before it transformed; before it "
       "there "
       "is lu"},
      {"3: batchnorm(transformed=1) -> normal", "layers.0: transformed=1 normalises what the "
                                                "coupling before it transformed; before it there "
                                                "is no layer"},
      {"4: coupling(add, convresnet(3x1, like=realnvp)) -> normal",
       "convresnet: convolutions need images, and the input is not an image"},
      {"2x2x2: coupling(add, convresnet(3x1, tanh, like=realnvp), mask=channel) -> normal",
       "convresnet: like=realnvp has relu and no dropout"},
      {"2x2x3: ~squeeze -> normal",
       "layers.0: 3 channels are not those of squares of 2 x 2 pixels"},
      {"3: perm(list, list=0, 1) -> normal",
       "layers.0: its list has 2 numbers; there are 3 dimensions to permute"},
      {"1x2x3: perm(list, list=0, 1) -> normal",
       "layers.0: its list has 2 numbers; there are 3 channels to permute"},
      {"3: conv1x1 -> normal", "layers.0: conv1x1 mixes the channels of images, and its input is 3 "
                               "numbers; lu and dense mix these"},
      {"3: shift-scale(shift=1, 2) -> normal", "layers.0: shift has 2 numbers; it takes 1 or 3"},
      {"3: columns(2-3: log) -> normal", "layers.0: there is no column 3; the last of 3 is 2"},
      {"2: elementwise(quadratic(tail=2, none)) -> normal",
       "quadratic: has bounds for all dimensions or for none; rq mixes them"},
      {"1: allinone(mlp, rq) -> normal", "layers.0: allinone reads one half and transforms the "
                                         "other: it needs at least 2 dimensions"},
      {"3: allinone(mlp, rq, gain=sigmoid, init=10) -> normal",
       "layers.0: gain=sigmoid gives scales below 10, and init is 10"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    list s = {0};
    clf_status code = clf_arch_parse(cases[i].text, &s.arch);
    if (!code) {
      WORKS(clf__arch_expand(s.arch->flow, &s.nodes));
      s.count = s.nodes.n;
      s.dim = s.arch->dim;
      code = make_layers(&s);
    }
    ck_assert_int_eq(code, CLF_EINVAL);
    ck_assert_msg(strstr(clf_errmsg(), cases[i].message) != NULL, "%s: \"%s\", not \"%s\"",
                  cases[i].text, clf_errmsg(), cases[i].message);
    end(&s);
  }
}
END_TEST

/* A file with an invalid permutation. */
START_TEST(permutations_of_files) {
  const double bad[3][3] = {{0, 1, 1}, {0, 3, 1}, {0, 0.5, 1}};
  const char *const messages[3] = {
      "layers.0.perm has 1 at 2; a permutation has each of 0 .. 2 once",
      "layers.0.perm has 3 at 1; a permutation has each of 0 .. 2 once",
      "layers.0.perm has 0.5 at 1; a permutation has each of 0 .. 2 once"};
  list s;
  begin(&s, "3: perm -> normal");
  for (int i = 0; i < 3; i++) {
    WORKS(clf_write64(flows_dev, clf__slot_tensor(&s.weights, part_of(&s, "layers.0.perm")->slot),
                      bad[i]));
    ck_assert_int_eq(derive(&s), CLF_EFORMAT);
    ck_assert_str_eq(clf_errmsg(), messages[i]);
  }
  end(&s);
}
END_TEST

static void add(TCase *tc) {
  enum { LISTS = sizeof lists / sizeof *lists };
  tcase_add_loop_test(tc, values_of_libraries, 0, sizeof golden_files / sizeof *golden_files);
  tcase_add_loop_test(tc, inverses, 0, LISTS);
  tcase_add_loop_test(tc, log_dets, 0, LISTS);
  tcase_add_loop_test(tc, gradients, 0, LISTS);
  tcase_add_test(tc, on_the_host);
  tcase_add_test(tc, domains);
  tcase_add_test(tc, soft_maps);
  tcase_add_test(tc, bounds_by_column);
  tcase_add_test(tc, first_batches);
  tcase_add_test(tc, constant_columns);
  tcase_add_test(tc, batch_statistics);
  tcase_add_test(tc, statistics_of_a_part);
  tcase_add_test(tc, mixed_statistics);
  tcase_add_test(tc, nets_in_training);
  tcase_add_test(tc, singular_matrices);
  tcase_add_test(tc, refusals);
  tcase_add_test(tc, permutations_of_files);
}

int main(int argc, char **argv) { return flows_main(argc, argv, add); }
