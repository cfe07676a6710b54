/* SPDX-License-Identifier: MIT */
/* test_op_gradients.c: gradients of single operations against differences, in double.
 *
 * An operation and its backward pass are paired by the names of their tensors in ops.def.  With a
 * forward pass f(x, w, y, logdet), of the backward pass
 *   x, w, y         are what the forward pass read and wrote;
 *   dy (read)       is the weight of y in the loss, random;
 *   dlogdet, dl     weigh the log-det: dlogdet dl[n], or dlogdet;
 *   dx, dw (given)  are compared with differences of the loss by x and w.  Those that are updated
 *                   start at random values, and their change is compared. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "backend.h"
#include "suite.h"

#define WORKS(call) ck_assert_msg(!(call), "%s", clf_errmsg())

/* "a b bias c " of each operation, and where its parameter dlogdet lies behind the tensors. */
static const char *const names[CLF_OP_COUNT] = {
#define CLF_T(mode, name) #name " "
#define CLF_OP(file, name, tensors, params, rules, ...) [CLF_OP_##name] = tensors,
#include "clflow/ops.def"
#undef CLF_OP
#undef CLF_T
};

/* ---- Pairs -------------------------------------------------------------------------------- */

typedef struct pair {
  const char *label;
  clf_op forward, backward;
  const void *forward_args, *backward_args; /* tensors carry dim only */
  float dlogdet;                            /* as backward_args has it */
  float lo, hi;                             /* inputs are uniform here; 0, 0 means -1..1 */
  double how[4];                            /* rows of the tensor `how` */
} pair;

#define DIM(...)                                                                                   \
  {                                                                                                \
    .dim = { __VA_ARGS__ }                                                                         \
  }
#define FORWARD(op, ...)                                                                           \
  .forward = CLF_OP_##op, .forward_args = &(const clf_##op##_args) { __VA_ARGS__ }
#define BACKWARD(op, ...)                                                                          \
  .backward = CLF_OP_##op, .backward_args = &(const clf_##op##_args) { __VA_ARGS__ }

enum { D = 5, T = D * (D - 1) / 2, K = 3, M = 2 };
#define LU(k)                                                                                      \
  FORWARD(lu_compose, .lower = DIM(T), .upper = DIM(T), .diagonal = DIM(D), .w = DIM(D, D),        \
          .logdet = DIM(1), .kind = k),                                                            \
      BACKWARD(lu_bwd, .lower = DIM(T), .upper = DIM(T), .diagonal = DIM(D), .dw = DIM(D, D),      \
               .dl = DIM(1), .dlower = DIM(T), .dupper = DIM(T), .ddiagonal = DIM(D), .kind = k,   \
               .dlogdet = 1.75f),                                                                  \
      .dlogdet = 1.75f
#define REFLECTIONS(k)                                                                             \
  FORWARD(reflections_compose, .left = DIM(K, D), .upper = DIM(T), .diagonal = DIM(D),             \
          .right = DIM(M, D), .w = DIM(D, D), .logdet = DIM(1), .kind = k),                        \
      BACKWARD(reflections_bwd, .left = DIM(K, D), .upper = DIM(T), .diagonal = DIM(D),            \
               .right = DIM(M, D), .dw = DIM(D, D), .dl = DIM(1), .dleft = DIM(K, D),              \
               .dupper = DIM(T), .ddiagonal = DIM(D), .dright = DIM(M, D), .kind = k,              \
               .dlogdet = -0.5f),                                                                  \
      .dlogdet = -0.5f

enum { N = 3 };
#define SCALE(k, shape, ...)                                                                       \
  FORWARD(scale_shift_fwd, .x = shape, .u = DIM(D), .shift = DIM(D), .y = shape, .logdet = DIM(N), \
          .kind = k, .eps = 0.125f),                                                               \
      BACKWARD(scale_shift_bwd, .x = shape, .u = DIM(D), .dy = shape, .dx = shape, .du = DIM(D),   \
               .dshift = DIM(D), .kind = k, .eps = 0.125f, .dlogdet = 0.75f, __VA_ARGS__),         \
      .dlogdet = 0.75f
#define SCALE_INVERSE(k, shape, ...)                                                               \
  FORWARD(scale_shift_inv, .y = shape, .u = DIM(D), .shift = DIM(D), .x = shape, .logdet = DIM(N), \
          .kind = k, .eps = 0.125f),                                                               \
      BACKWARD(scale_shift_inv_bwd, .x = shape, .u = DIM(D), .dx = shape, .dy = shape,             \
               .du = DIM(D), .dshift = DIM(D), .kind = k, .eps = 0.125f, .dlogdet = 0.75f,         \
               __VA_ARGS__),                                                                       \
      .dlogdet = 0.75f
#define TABLE DIM(N, D)
#define IMAGE DIM(N, D, 2, 3)

#define BOUNDS                                                                                     \
  FORWARD(bounds_fwd, .x = TABLE, .how = DIM(D, 4), .y = TABLE, .logdet = DIM(N)),                 \
      BACKWARD(bounds_bwd, .x = TABLE, .how = DIM(D, 4), .dy = TABLE, .dl = DIM(N), .dx = TABLE,   \
               .dlogdet = 0.75f),                                                                  \
      .dlogdet = 0.75f
#define BOUNDS_INVERSE                                                                             \
  FORWARD(bounds_inv, .y = TABLE, .how = DIM(D, 4), .x = TABLE, .logdet = DIM(N)),                 \
      BACKWARD(bounds_inv_bwd, .x = TABLE, .how = DIM(D, 4), .dx = TABLE, .dl = DIM(N),            \
               .dy = TABLE, .dlogdet = 0.75f),                                                     \
      .dlogdet = 0.75f

static const pair pairs[] = {
    {"broadcast", FORWARD(broadcast_fwd, .x = TABLE, .y = IMAGE),
     BACKWARD(broadcast_bwd, .dy = IMAGE, .dx = TABLE, .beta = 1)},
    {"identity", BOUNDS, .how = {0}},
    {"logit", BOUNDS, .how = {1, -1.5, 3}},
    {"logit, clamped at neither end", BOUNDS, .how = {1, -1.5, 3, 0.01}},
    {"logit, clamped at both", BOUNDS, .lo = -2, .hi = -1.5f, .how = {1, -2, 3, 0.2}},
    {"log above", BOUNDS, .how = {2, -2}},
    {"log below", BOUNDS, .how = {3, 0, 2}},
    {"softplus", BOUNDS, .how = {4, -1.5}},
    {"softclip", BOUNDS, .how = {5, 0.75}, .lo = 0.25f, .hi = 2},
    {"wrap", BOUNDS, .how = {6, 3, 0.5}},
    {"asinh", BOUNDS, .lo = -2, .hi = 2, .how = {7, 0.25f, 0.5f}},
    {"softlog, as a log", BOUNDS, .how = {8, -2, 0.5f}},
    {"softlog, turned", BOUNDS, .lo = -3, .hi = -2, .how = {8, -2, 0.5f}},
    {"softlogit, as a logit", BOUNDS, .how = {9, -1.5, 3, 0.01f}},
    {"softlogit, beyond", BOUNDS, .lo = -2, .hi = -1, .how = {9, -1, 3, 0.01f}},
    {"inverse of logit", BOUNDS_INVERSE, .lo = -3, .hi = 3, .how = {1, -1.5, 3}},
    {"inverse of log above", BOUNDS_INVERSE, .how = {2, -2}},
    {"inverse of log below", BOUNDS_INVERSE, .how = {3, 0, 2}},
    {"inverse of softplus", BOUNDS_INVERSE, .lo = -3, .hi = 3, .how = {4, -1.5}},
    {"inverse of softclip", BOUNDS_INVERSE, .how = {5, 2}, .lo = -1.5f, .hi = -0.25f},
    {"inverse of asinh", BOUNDS_INVERSE, .lo = -3, .hi = 3, .how = {7, 0.25f, 0.5f}},
    {"inverse of softlog, as a log", BOUNDS_INVERSE, .lo = -0.5f, .hi = 3, .how = {8, -2, 0.5f}},
    {"inverse of softlog, turned", BOUNDS_INVERSE, .lo = -3, .hi = -1, .how = {8, -2, 0.5f}},
    {"inverse of softlogit, as a logit", BOUNDS_INVERSE, .lo = -3, .hi = 3,
     .how = {9, -1.5, 3, 0.01f}},
    {"inverse of softlogit, beyond", BOUNDS_INVERSE, .lo = 5, .hi = 7, .how = {9, -1.5, 3, 0.01f}},
    {"inverse of wrap", BOUNDS_INVERSE, .how = {6, 3, 0.5}},
    {"scale, exp", SCALE(0, TABLE, .dl = DIM(N))},
    {"scale, plain", SCALE(1, TABLE, .dl = DIM(N)), .lo = -2, .hi = -0.5f},
    {"scale, softplus", SCALE(2, IMAGE, .dl = DIM(N))},
    {"scale, FrEIA's softplus", SCALE(3, TABLE, .dl = DIM(N))},
    {"scale, sigmoid", SCALE(4, IMAGE, .dl = {0})},
    {"inverse of scale, exp", SCALE_INVERSE(0, IMAGE, .dl = {0})},
    {"inverse of scale, plain", SCALE_INVERSE(1, TABLE, .dl = DIM(N)), .lo = -2, .hi = -0.5f},
    {"inverse of scale, softplus", SCALE_INVERSE(2, TABLE, .dl = DIM(N))},
    {"inverse of scale, FrEIA's softplus", SCALE_INVERSE(3, IMAGE, .dl = DIM(N)), .lo = 0.5f,
     .hi = 2},
    {"inverse of scale, sigmoid", SCALE_INVERSE(4, TABLE, .dl = DIM(N))},
    {"LU, softplus", LU(0)},
    {"LU, exp", LU(1)},
    {"LU, plain", LU(2), .lo = -1.5f, .hi = -0.5f},
    {"LU, one", FORWARD(lu_compose, .diagonal = DIM(1), .w = DIM(1, 1), .logdet = DIM(1)),
     BACKWARD(lu_bwd, .diagonal = DIM(1), .dw = DIM(1, 1), .ddiagonal = DIM(1), .dlogdet = 2),
     .dlogdet = 2},
    {"reflections, softplus", REFLECTIONS(0)},
    {"reflections, exp", REFLECTIONS(1)},
    {"QR",
     FORWARD(reflections_compose, .left = DIM(K, D), .upper = DIM(T), .diagonal = DIM(D),
             .w = DIM(D, D), .logdet = DIM(1), .kind = 1),
     BACKWARD(reflections_bwd, .left = DIM(K, D), .upper = DIM(T), .diagonal = DIM(D),
              .dw = DIM(D, D), .dleft = DIM(K, D), .dupper = DIM(T), .ddiagonal = DIM(D), .kind = 1,
              .dlogdet = 3),
     .dlogdet = 3},
    {"Householder", FORWARD(reflections_compose, .left = DIM(K, D), .w = DIM(D, D)),
     BACKWARD(reflections_bwd, .left = DIM(K, D), .dw = DIM(D, D), .dleft = DIM(K, D))},
    {"rotation", FORWARD(rotation_compose, .generator = DIM(D, D), .w = DIM(D, D)),
     BACKWARD(rotation_bwd, .generator = DIM(D, D), .dw = DIM(D, D), .dgenerator = DIM(D, D))},
    {"rotation by several turns", FORWARD(rotation_compose, .generator = DIM(D, D), .w = DIM(D, D)),
     BACKWARD(rotation_bwd, .generator = DIM(D, D), .dw = DIM(D, D), .dgenerator = DIM(D, D)),
     .lo = -4, .hi = 4},
};
enum { PAIRS = sizeof pairs / sizeof *pairs };

/* ---- A call's tensors and numbers ------------------------------------------------------------ */

typedef struct call {
  clf_op op;
  clf_arena arena;
  _Alignas(16) char args[CLF_MAX_ARGS];
} call;

static clf_device *dev;

static clf_tensor *tensor(call *c, int i) { return (clf_tensor *)(void *)c->args + i; }

/* The index of the tensor with this name, with `prefix` before it; -1: none, or not in this
 * call. */
static int find(call *c, const char *prefix, const char *name, size_t length) {
  const char *at = names[c->op];
  const size_t before = strlen(prefix);
  for (int i = 0; *at; i++) {
    const size_t n = strcspn(at, " ");
    if (n == before + length && strncmp(at, prefix, before) == 0 &&
        strncmp(at + before, name, length) == 0)
      return tensor(c, i)->buf ? i : -1;
    at += n + 1;
  }
  return -1;
}

static void begin(call *c, clf_op op, const void *args) {
  *c = (call){.op = op};
  memcpy(c->args, args, clf_ops[op].args_size);
  size_t size = 0;
  for (int pass = 0; pass < 2; pass++) {
    if (pass) WORKS(clf_arena_init(&c->arena, dev, size));
    for (int i = 0; clf_ops[op].modes[i]; i++) {
      int32_t dim[4];
      if (!tensor(c, i)->dim[0]) continue;
      for (int d = 0; d < 4; d++) dim[d] = tensor(c, i)->dim[d] ? tensor(c, i)->dim[d] : 1;
      if (pass)
        WORKS(clf_new(&c->arena, dim, tensor(c, i)));
      else
        size += (size_t)dim[0] * (size_t)dim[1] * (size_t)dim[2] * (size_t)dim[3] + 64;
    }
  }
}

static double random_number(uint64_t *s, const pair *p) {
  const double lo = p->lo != p->hi ? p->lo : -1, hi = p->lo != p->hi ? p->hi : 1;
  *s = *s * 6364136223846793005ull + 1442695040888963407ull;
  return lo + (hi - lo) * (double)(*s >> 11) * 0x1p-53;
}

static double *numbers_of(clf_tensor t) {
  double *x = malloc(clf__count(&t) * sizeof *x);
  ck_assert_ptr_nonnull(x);
  WORKS(clf_read64(dev, t, x));
  return x;
}

/* All tensors random, except what the forward pass adds to: 0. */
static void fill(call *c, const pair *p, uint64_t *seed) {
  for (int i = 0; clf_ops[c->op].modes[i]; i++) {
    const clf_tensor t = *tensor(c, i);
    if (!t.buf) continue;
    double *x = malloc(clf__count(&t) * sizeof *x);
    ck_assert_ptr_nonnull(x);
    const int zero = c->op == p->forward && clf__updates(clf_ops[c->op].modes[i]);
    for (size_t k = 0; k < clf__count(&t); k++) x[k] = zero ? 0 : random_number(seed, p);
    if (i == find(c, "", "how", 3))
      for (size_t k = 0; k < clf__count(&t); k++) x[k] = p->how[k % 4];
    WORKS(clf_write64(dev, t, x));
    free(x);
  }
}

/* Copies what the backward pass reads from the forward pass. */
static void share(call *from, call *to) {
  const char *at = names[from->op];
  for (int i = 0; *at; i++, at += strcspn(at, " ") + 1) {
    const int k = find(to, "", at, strcspn(at, " "));
    if (!tensor(from, i)->buf || k < 0) continue;
    double *x = numbers_of(*tensor(from, i));
    WORKS(clf_write64(dev, *tensor(to, k), x));
    free(x);
  }
}

/* ---- The loss, and its differences ----------------------------------------------------------- */

/* Weight in the loss of element k of an output of the forward pass, tensor i with name `at`. */
static double weight(const pair *p, call *back, const char *at, size_t length, size_t k) {
  const int logdet = length == 6 && strncmp(at, "logdet", 6) == 0;
  const int d = logdet ? find(back, "", "dl", 2) : find(back, "d", at, length);
  double w = logdet ? p->dlogdet : 0;
  if (d >= 0) {
    double *x = numbers_of(*tensor(back, d));
    w = logdet ? w * x[k] : x[k];
    free(x);
  }
  return w;
}

static double loss(const pair *p, call *forward, call *back) {
  double sum = 0;
  const char *at = names[p->forward];
  for (int i = 0; *at; i++, at += strcspn(at, " ") + 1) {
    const clf_tensor t = *tensor(forward, i);
    if (!t.buf || !clf__writes(clf_ops[p->forward].modes[i])) continue;
    double *zero = calloc(clf__count(&t), sizeof *zero);
    ck_assert_ptr_nonnull(zero);
    WORKS(clf_write64(dev, t, zero));
    free(zero);
  }
  WORKS(clf_dispatch(dev, p->forward, forward->args));
  at = names[p->forward];
  for (int i = 0; *at; i++, at += strcspn(at, " ") + 1) {
    const clf_tensor t = *tensor(forward, i);
    if (!t.buf || !clf__writes(clf_ops[p->forward].modes[i])) continue;
    double *y = numbers_of(t);
    for (size_t k = 0; k < clf__count(&t); k++)
      sum += y[k] * weight(p, back, at, strcspn(at, " "), k);
    free(y);
  }
  return sum;
}

/* dL/dx[k], to fourth order. */
static double difference(const pair *p, call *forward, call *back, int i, double *x, size_t k) {
  static const double step = 1e-3, steps[4] = {-2, -1, 1, 2}, factors[4] = {1, -8, 8, -1};
  const double before = x[k];
  double sum = 0;
  for (int s = 0; s < 4; s++) {
    x[k] = before + steps[s] * step;
    WORKS(clf_write64(dev, *tensor(forward, i), x));
    sum += factors[s] * loss(p, forward, back);
  }
  x[k] = before;
  WORKS(clf_write64(dev, *tensor(forward, i), x));
  return sum / (12 * step);
}

START_TEST(gradients_are_differences) {
  const pair *p = &pairs[_i];
  uint64_t seed = 2024;
  int compared = 0;
  call forward, back;
  begin(&forward, p->forward, p->forward_args);
  begin(&back, p->backward, p->backward_args);
  fill(&forward, p, &seed);
  fill(&back, p, &seed);
  WORKS(clf_dispatch(dev, p->forward, forward.args));
  share(&forward, &back);
  double *start[CLF_MAX_TENSORS] = {0};
  for (int i = 0; clf_ops[p->backward].modes[i]; i++)
    if (tensor(&back, i)->buf) start[i] = numbers_of(*tensor(&back, i));
  WORKS(clf_dispatch(dev, p->backward, back.args));

  const char *at = names[p->forward];
  for (int i = 0; *at; i++, at += strcspn(at, " ") + 1) {
    const int length = (int)strcspn(at, " "), d = find(&back, "d", at, (size_t)length);
    if (!tensor(&forward, i)->buf || d < 0 || !clf__writes(clf_ops[p->backward].modes[d])) continue;
    double *x = numbers_of(*tensor(&forward, i)), *got = numbers_of(*tensor(&back, d));
    for (size_t k = 0; k < clf__count(tensor(&forward, i)); k++, compared++) {
      const double own =
          clf__updates(clf_ops[p->backward].modes[d]) ? got[k] - start[d][k] : got[k];
      const double want = difference(p, &forward, &back, i, x, k);
      ck_assert_msg(fabs(own - want) <= 1e-8 * (1 + fabs(want)),
                    "%s: d%.*s[%zu] is %.12g, by differences %.12g", p->label, length, at, k, own,
                    want);
    }
    free(x);
    free(got);
  }
  ck_assert_int_gt(compared, 0);
  for (int i = 0; i < CLF_MAX_TENSORS; i++) free(start[i]);
  clf_arena_free(&back.arena);
  clf_arena_free(&forward.arena);
}
END_TEST

/* ---- Matrices: V is the inverse of W, and their log-det that of elimination --------------------
 */

/* Composes W and V by an operation of `linear`, and compares. */
static void expect_inverse(clf_op op, const void *args, const pair *p) {
  uint64_t seed = 7;
  call c, dense;
  begin(&c, op, args);
  fill(&c, p, &seed);
  WORKS(clf_dispatch(dev, op, c.args));
  begin(&dense, CLF_OP_dense_compose,
        &(const clf_dense_compose_args){.w = DIM(D, D), .v = DIM(D, D), .logdet = DIM(1)});
  double *w = numbers_of(*tensor(&c, find(&c, "", "w", 1))), own = 0, logdet;
  WORKS(clf_write64(dev, *tensor(&dense, 0), w));
  WORKS(clf_dispatch(dev, CLF_OP_dense_compose, dense.args));
  const int v_at = find(&c, "", "v", 1), logdet_at = find(&c, "", "logdet", 6);
  double *want = numbers_of(*tensor(&dense, 1)),
         *v = v_at >= 0 ? numbers_of(*tensor(&c, v_at)) : NULL;
  for (int i = 0; i < D; i++)
    for (int j = 0; j < D; j++) {
      double product = 0;
      for (int k = 0; k < D; k++) product += w[i * D + k] * want[k * D + j];
      ck_assert_double_eq_tol(product, i == j, 1e-12);
      ck_assert_double_eq_tol(v ? v[i * D + j] : w[j * D + i], want[i * D + j], 1e-12);
    }
  WORKS(clf_read64(dev, *tensor(&dense, 2), &logdet));
  if (logdet_at >= 0) WORKS(clf_read64(dev, *tensor(&c, logdet_at), &own));
  ck_assert_double_eq_tol(own, logdet, 1e-12);
  free(w);
  free(v);
  free(want);
  clf_arena_free(&dense.arena);
  clf_arena_free(&c.arena);
}

START_TEST(inverses_and_log_dets) {
  static const pair usual = {.label = "usual"}, negative = {.lo = -1.5f, .hi = -0.5f};
  for (int kind = 0; kind < 3; kind++)
    expect_inverse(CLF_OP_lu_compose,
                   &(const clf_lu_compose_args){.lower = DIM(T),
                                                .upper = DIM(T),
                                                .diagonal = DIM(D),
                                                .w = DIM(D, D),
                                                .v = DIM(D, D),
                                                .logdet = DIM(1),
                                                .kind = kind},
                   kind == 2 ? &negative : &usual);
  expect_inverse(CLF_OP_reflections_compose,
                 &(const clf_reflections_compose_args){.left = DIM(K, D),
                                                       .upper = DIM(T),
                                                       .diagonal = DIM(D),
                                                       .right = DIM(M, D),
                                                       .w = DIM(D, D),
                                                       .v = DIM(D, D),
                                                       .logdet = DIM(1),
                                                       .kind = 1},
                 &usual);
  expect_inverse(CLF_OP_reflections_compose,
                 &(const clf_reflections_compose_args){
                     .left = DIM(K, D), .w = DIM(D, D), .v = DIM(D, D), .logdet = DIM(1)},
                 &usual);
  expect_inverse(CLF_OP_rotation_compose,
                 &(const clf_rotation_compose_args){.generator = DIM(D, D), .w = DIM(D, D)},
                 &usual);
}
END_TEST

/* A rotation in the plane by an angle of several turns, and one beyond the limit. */
START_TEST(rotations) {
  clf_rotation_compose_args p = {.generator = DIM(2, 2), .w = DIM(2, 2)};
  call c;
  begin(&c, CLF_OP_rotation_compose, &p);
  for (int i = 0; i < 2; i++) {
    const double angle = i ? 1001 : 20, a[4] = {0, -angle, 0, 0};
    WORKS(clf_write64(dev, *tensor(&c, 0), a));
    WORKS(clf_dispatch(dev, CLF_OP_rotation_compose, c.args));
    double *w = numbers_of(*tensor(&c, 1));
    const double want[4] = {cos(angle), -sin(angle), sin(angle), cos(angle)};
    for (int k = 0; k < 4; k++) {
      if (i)
        ck_assert(isnan(w[k]));
      else
        ck_assert_double_eq_tol(w[k], want[k], 1e-13);
    }
    free(w);
  }
  clf_arena_free(&c.arena);
}
END_TEST

static void open_device(void) { WORKS(clf_open("cpu64", &dev)); }
static void close_device(void) { clf_close(dev); }

int main(void) {
  Suite *suite = suite_create("op_gradients");
  TCase *tc = tcase_create("all");
  tcase_add_unchecked_fixture(tc, open_device, close_device);
  tcase_add_loop_test(tc, gradients_are_differences, 0, PAIRS);
  tcase_add_test(tc, inverses_and_log_dets);
  tcase_add_test(tc, rotations);
  suite_add_tcase(suite, tc);
  return suite_run(suite);
}
