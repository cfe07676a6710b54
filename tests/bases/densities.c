/* SPDX-License-Identifier: MIT */
/* densities.c: densities integrate to 1, gradients agree with differences; rows outside or far
 * away. */
#include <math.h>
#include <stdlib.h>
#include "bases.h"

/* ---- Integrals ------------------------------------------------------------------------------ */

/* x = tan(t), integrated by the midpoint rule over t, so that tails count to infinity. If a density
 * has kinks, or tails that are not smooth in t, the error is of the order of the square of the
 * step, else far smaller. */
typedef struct integral {
  const char *text;
  double deviation, bound;
  int both; /* 1: in two dimensions */
} integral;

static const integral integrals[] = {
    {"1: -> normal", 0, 1e-12, 0},
    {"1: -> normal(trained)", 0.5, 1e-12, 0},
    {"1: -> logistic(trained)", 0.5, 1e-12, 0},
    {"1: -> laplace(trained)", 0.3, 1e-5, 0},
    {"1: -> student(1)", 0, 1e-12, 0},
    {"1: -> student(2.5)", 0, 1e-6, 0},
    {"1: -> student(40, trained)", 0.5, 1e-12, 0},
    {"1: -> mixture(5, cov=full)", 0.5, 1e-12, 0},
    {"2: -> normal(trained, cov=full)", 0.5, 1e-10, 1},
    {"2: -> normal(trained, cov=spherical)", 0.5, 1e-10, 1},
    {"2: -> mixture(3, cov=full)", 0.5, 1e-8, 1},
    {"2: -> mixture(3, cov=diag)", 0.3, 1e-8, 1},
    {"2: -> mixture(3, cov=spherical)", 0.3, 1e-8, 1},
    {"2|3: -> mixture(3, cov=full, joint=1)", 0.3, 1e-8, 1},
    {"1|2: -> mixture(4, joint=1)", 0.3, 1e-10, 0},
    {"2: -> columns(1: logistic(trained), 0: normal(trained))", 0.3, 1e-8, 1},
    {"2: -> columns(0: student(3), 1: normal)", 0, 1e-8, 1},
    {"1: -> blend(1: -> normal(trained); 3: -> logistic)", 0.5, 1e-10, 0},
    {"2: -> blend(1: lu, split(prior=normal(trained)) -> logistic; 3: standardize, split -> "
     "normal)",
     0.3, 1e-8, 1},
    {"2: -> blend(1: lu, coupling(rq(bins=4), mlp(6x1, tanh)) -> normal; 3: -> normal)", 0.3, 1e-4,
     1},
    {"2: -> blend(1: -> normal(trained); 3: -> mixture(2, cov=full))", 0.3, 1e-8, 1},
    {"1: -> box(-1, 2)", 0, 1e-3, 0},
    /* each map and kind of layer before a base */
    {"1: elementwise(affine(scale=exp)) -> logistic", 0.3, 1e-10, 0},
    {"1: elementwise(add), ~elementwise(affine) -> normal", 0.3, 1e-10, 0},
    {"1: elementwise(rq(bins=5)) -> normal", 0.5, 1e-5, 0},
    {"1: ~elementwise(rq(bins=5, like=zuko)) -> normal", 0.5, 1e-5, 0},
    {"1: elementwise(linear(bins=4, tail=2)) -> normal", 0.5, 1e-3, 0},
    {"1: elementwise(quadratic(bins=4, tail=2)) -> student(3)", 0.5, 1e-4, 0},
    {"1: log(-30), logit(-10, 30) -> normal", 0, 1e-3, 0},
    {"2: lu, ar(rq(bins=4), made(5x1, tanh)) -> normal", 0, 1e-4, 1},
    {"2: rotation, ~ar(affine, masked(5x1, tanh)) -> logistic", 0, 1e-6, 1},
    {"2: coupling(quadratic(bins=3, tail=3), mlp(5x1, silu), uncond=1), svd -> normal", 0.3, 1e-4,
     1},
    {"2: allinone(mlp(5x1, tanh)), ~qr, actnorm, scale -> normal", 0.3, 1e-6, 1},
};
enum { INTEGRALS = sizeof integrals / sizeof *integrals };

/* The sum of weight[i] exp(logp[i]), with the same context for all rows if the flow takes one. */
static double total(clf_flow *f, const double *x, const double *weight, int32_t n) {
  const int32_t C = f->context;
  double *logp = flows_array((size_t)n), *c = flows_array((size_t)(n * C + 1)), sum = 0;
  for (int32_t i = 0; i < n * C; i++) c[i] = 0.5 - i % C;
  bases_logp(f, x, C ? c : NULL, n, logp);
  for (int32_t i = 0; i < n; i++) sum += weight[i] * exp(logp[i]);
  free(c);
  free(logp);
  return sum;
}

static double over_plane(clf_flow *f, int steps, int both) {
  const int n = steps, rows = both ? n * n : n, D = both ? 2 : 1;
  double *x = flows_array((size_t)(rows * D)), *weight = flows_array((size_t)rows);
  const double step = acos(-1) / steps;
  for (int i = 0; i < rows; i++) {
    weight[i] = 1;
    for (int d = 0; d < D; d++) {
      const double t = step * ((d ? i / n : i % n) + 0.5 - steps / 2.0), v = tan(t);
      x[i * D + d] = v;
      weight[i] *= step * (1 + v * v);
    }
  }
  const double sum = total(f, x, weight, rows);
  free(weight);
  free(x);
  return sum;
}

START_TEST(integrates_to_one) {
  const integral *t = &integrals[_i];
  clf_flow *f = bases_flow(t->text, t->deviation);
  const double sum = over_plane(f, t->both ? 400 : 4000, t->both);
  flows_expect(fabs(sum - 1), flows_exact ? t->bound : fmax(t->bound, 2e-5), "%s: integral - 1",
               t->text);
  clf_flow_free(f);
}
END_TEST

/* ---- Gradients by differences ------------------------------------------------------------------
 */

static const char *const gradients[] = {
    "3: -> normal",
    "3: -> normal(trained)",
    "3: -> normal(trained, cov=full)",
    "3: -> normal(trained, cov=spherical)",
    "3|4: -> classes(4)",
    "3: -> mixture(4, cov=full)",
    "3: -> mixture(4, cov=diag)",
    "3: -> mixture(4, cov=spherical)",
    "3: -> mixture(1, cov=full)",
    "3|2: -> mixture(3, cov=full, joint=1)",
    "2|3: -> mixture(3, joint=1)",
    "2|1: -> mixture(3, cov=spherical, joint=1)",
    "1|1: -> mixture(2, cov=full, joint=1)",
    "3|2: -> columns(0+2: mixture(2, cov=full, joint=1), 1: student(2, trained))",
    "3|2: -> blend(1: -> normal(trained); 2: -> mixture(2, cov=full, joint=1))",
    "3: -> student(3, trained)",
    "3: -> student(0.4, trained)",
    "3: -> logistic(trained)",
    "3: -> laplace(trained)",
    "3: -> columns(0+2: mixture(2, cov=full), 1: student(2, trained))",
    "3|2: -> normal(mlp(5x1, tanh))",
    "3|2: -> columns(0+2: normal(mlp(5x1, tanh)), 1: box(-9, 9))",
    "3: -> blend(1: -> normal(trained); 3: -> student(3, trained))",
    "3|3: -> blend(1: -> normal(mlp(4x1, tanh)); 0.3: -> classes(3); 2: -> box(-1, 9))",
    "3: -> blend(1: -> blend(1: -> normal; 2: -> laplace(trained)); 3: -> mixture(2, cov=full))",
    "3: -> blend(1: coupling(rq(bins=4), mlp(6x1, tanh)), lu -> normal; 2: ~lu -> student(3, "
    "trained))",
    "3|2: -> blend(1: coupling(rq(bins=4), mlp(6x1, tanh)) -> normal; 2: -> normal(mlp(4x1, "
    "tanh)))",
    "4: -> blend(1: lu, split(prior=normal(trained)), lu -> student(3, trained); 2: "
    "split(prior=normal(mlp(4x1, tanh)), keep=second), split -> normal(trained))",
};
enum { GRADIENTS = sizeof gradients / sizeof *gradients, ROWS = 7 };

typedef struct problem {
  clf_flow *f;
  double *x, *c, each[ROWS];
  size_t weights;
} problem;

static double objective(const problem *q) {
  double logp[ROWS], sum = 0;
  bases_logp(q->f, q->x, q->c, ROWS, logp);
  for (int i = 0; i < ROWS; i++) sum += q->each[i] * logp[i];
  return sum;
}

/* d objective / d *v; `upload` copies a change to the device. */
static double difference(const problem *q, double *v, double *w) {
  const double before = *v, h = 1e-5;
  double sides[2];
  for (int k = 0; k < 2; k++) {
    *v = before + (k ? -h : h);
    if (w) WORKS(clf_write64(q->f->dev, q->f->w, w));
    sides[k] = objective(q);
  }
  *v = before;
  if (w) WORKS(clf_write64(q->f->dev, q->f->w, w));
  return (sides[0] - sides[1]) / (2 * h);
}

static void compare(const problem *q, const char *text, const char *by, double *v, double *w,
                    const double *got, size_t n) {
  for (size_t i = 0; i < n; i++) {
    const double want = difference(q, v + i, w);
    flows_expect(fabs(got[i] - want) / fmax(1, fabs(want)), 1e-7, "%s: by %s %zu: %g", text, by, i,
                 got[i]);
  }
}

START_TEST(gradients_are_differences) {
  const char *text = gradients[_i];
  if (!flows_exact) return; /* differences need double */
  problem q = {.f = bases_flow(text, 0.4)};
  const size_t nx = (size_t)(ROWS * q.f->spec.dim), nc = (size_t)(ROWS * q.f->context);
  q.weights = clf__count(&q.f->w);
  q.x = flows_array(nx);
  bases_uniform(3, -2, 2, nx, q.x);
  bases_uniform(5, -1, 1, ROWS, q.each);
  if (nc) {
    q.c = flows_array(nc);
    bases_uniform(4, -1, 1, nc, q.c);
  }
  double *w = flows_array(q.weights + 1), *g = flows_array(q.weights + 1), *dx = flows_array(nx);
  double *dc = flows_array(nc + 1), logp[ROWS];
  if (q.weights) WORKS(clf_read64(q.f->dev, q.f->w, w));
  bases_gradient(q.f, q.x, q.c, q.each, ROWS, logp, g, dx, nc ? dc : NULL);
  compare(&q, text, "x", q.x, NULL, dx, nx);
  if (q.f->param_count) compare(&q, text, "weight", w, w, g, q.weights);
  if (nc) compare(&q, text, "c", q.c, NULL, dc, nc);
  free(dc);
  free(dx);
  free(g);
  free(w);
  free(q.c);
  free(q.x);
  clf_flow_free(q.f);
}
END_TEST

/* ---- Outside, and far away
 * ------------------------------------------------------------------------ */

START_TEST(outside_of_a_box) {
  clf_flow *f = bases_flow("2: -> box(-2, 3)", 0);
  const double x[] = {0, 0, -2, 3, 3, -2, 3.0000003f, 0, 0, -2.0000003f, 1e30, 0};
  double logp[6], dx[12], interval[2];
  bases_gradient(f, x, NULL, NULL, 6, logp, NULL, dx, NULL);
  for (int i = 0; i < 3; i++) flows_expect(fabs(logp[i] + 2 * log(5)), 1e-6, "inside");
  for (int i = 3; i < 6; i++) ck_assert_msg(logp[i] == -INFINITY, "row %d: %g", i, logp[i]);
  for (int i = 0; i < 12; i++) ck_assert(dx[i] == 0);
  ck_assert_int_eq(f->base.ops->outside(&f->base, x + 2, interval), -1);
  ck_assert_int_eq(f->base.ops->outside(&f->base, x + 8, interval), 1);
  ck_assert(interval[0] == -2 && interval[1] == 3);
  clf_flow_free(f);
}
END_TEST

START_TEST(outside_of_columns) {
  clf_flow *f = bases_flow("4: -> columns(0+3: normal, 1-2: box(0, 1))", 0);
  const double in[] = {9, 0.5, 1, -9}, out[] = {9, 0.5, 1.5, -9};
  double interval[2];
  ck_assert_int_eq(f->base.ops->outside(&f->base, in, interval), -1);
  ck_assert_int_eq(f->base.ops->outside(&f->base, out, interval), 2);
  ck_assert(interval[0] == 0 && interval[1] == 1);
  clf_flow_free(f);
}
END_TEST

/* log p and gradients of rows far out, where the formulas of the tails hold. */
START_TEST(tails) {
  static const struct {
    const char *text;
    double x, logp, dx;
  } far[] = {
      {"1: -> laplace", 1e4, -1e4 - 0.69314718056, -1},
      {"1: -> logistic", -1e4, -1e4, 1},
      {"1: -> student(1)", 1e4, -1.14472988585 - 2 * 9.21034037198, -2e-4},
      {"1: -> student(1)", -1e25, -1.14472988585 - 2 * 57.5646273248, 2e-25},
      {"1: -> student(3)", 1e4, 1.19633572 - 4 * 9.21034037198, -4e-4},
  };
  for (size_t i = 0; i < sizeof far / sizeof *far; i++) {
    clf_flow *f = bases_flow(far[i].text, 0);
    double logp, dx;
    bases_gradient(f, &far[i].x, NULL, NULL, 1, &logp, NULL, &dx, NULL);
    flows_expect(fabs(logp - far[i].logp) / fabs(far[i].logp), 1e-6, "%s: log p(%g) = %.9g",
                 far[i].text, far[i].x, logp);
    flows_expect(fabs(dx - far[i].dx) / fabs(far[i].dx), 1e-5, "%s: gradient %.9g", far[i].text,
                 dx);
    clf_flow_free(f);
  }
}
END_TEST

/* In a mixture the nearest component counts, at any distance. */
START_TEST(far_from_all_components) {
  clf_flow *f = bases_flow("2: -> mixture(3, cov=diag)", 0.3);
  const double x[] = {3000, -2000};
  double logp, dx[2], *g = flows_array(clf__count(&f->w));
  bases_gradient(f, x, NULL, NULL, 1, &logp, g, dx, NULL);
  ck_assert_msg(isfinite(logp) && logp < -1e6, "log p is %g", logp);
  ck_assert(dx[0] < -1000 && dx[1] > 700 && isfinite(dx[0]) && isfinite(dx[1]));
  for (size_t i = 0; i < clf__count(&f->w); i++) ck_assert(isfinite(g[i]));
  free(g);
  clf_flow_free(f);
}
END_TEST

/* ---- Refused
 * -------------------------------------------------------------------------------------- */

START_TEST(refusals) {
  static const struct {
    const char *text, *message;
  } bad[] = {
      {"2: -> classes(3)",
       "classes: the context has 0 numbers; it has to be the class, 1 number, or "
       "its one-hot vector, 3"},
      {"2|2: -> classes(3)",
       "classes: the context has 2 numbers; it has to be the class, 1 number, "
       "or its one-hot vector, 3"},
      {"3: -> columns(0: normal, 2: normal)", "columns: dimension 1 of 3 has no base"},
      {"3: -> columns(0-2: normal, 4: normal)",
       "columns: there is no dimension 4; the latent has 3, from 0 on"},
      {"2: -> normal(mlp(4x1))", "normal: its net reads the context, and the flow has none; write "
                                 "the architecture as D|C: ..., "
                                 "or take normal(trained)"},
      {"2: -> blend(1: -> blend(2: -> blend(1: -> normal)))",
       "blend: names of 38 letters are too long; write blends of blends as one blend"},
      {"2: -> mixture(2, joint=1)",
       "mixture: joint=1 conditions on the context, and the flow has none; write the architecture "
       "as D|C: ..., or leave joint out"},
      {"1000000: -> mixture(2, cov=full)",
       "mixture: 1000003000002 numbers in 1000000 dimensions; at most 2147483647 are possible"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    clf_arch *arch;
    clf_flow *f = NULL;
    WORKS(clf_arch_parse(bad[i].text, &arch));
    REFUSED(clf_flow_create_arch(flows_dev, arch, 7, &f), CLF_EINVAL, bad[i].message);
    clf_arch_free(arch);
  }
}
END_TEST

/* ---- Blends
 * -------------------------------------------------------------------------------------- */

/* Weights start with the values of the architecture; a flow without density at a row does not
 * contribute. */
START_TEST(weights_of_a_blend) {
  clf_flow *f = bases_flow("1: -> blend(1: -> box(0, 1); 3: -> box(0, 2); 4: -> box(5, 6))", 0);
  const double x[] = {0.5, 1.5, 5.5, 3}, want[] = {0.125 + 0.1875, 0.1875, 0.5};
  double logp[4], dx[4], g[3];
  const double one_by_one[][4] = {{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}};
  const double gradient[][3] = {
      {0.4 - 0.125, 0.6 - 0.375, -0.5}, {-0.125, 0.625, -0.5}, {-0.125, -0.375, 0.5}, {0, 0, 0}};
  for (int row = 0; row < 4; row++) {
    bases_gradient(f, x, NULL, one_by_one[row], 4, logp, g, dx, NULL);
    flows_expect(flows_error(g, gradient[row], 3), 1e-6, "row %d", row);
  }
  for (int i = 0; i < 3; i++) flows_expect(fabs(logp[i] - log(want[i])), 1e-6, "log p %d", i);
  ck_assert(logp[3] == -INFINITY);
  clf_flow_free(f);
}
END_TEST

/* A row in the domain of no component, or with NaN: the error names the column of the first
 * component, and the interval that components allow there. */
START_TEST(rows_outside_of_a_blend) {
  clf_flow *f =
      bases_flow("2: -> blend(1: -> box(0, 1); 3: -> box(0, 2); 2: logit(-1, 0.5) -> normal)", 0);
  const double inside[] = {-0.5, 0.25, 1.5, 2}, outside[] = {0.5, 7};
  double logp[2];
  bases_logp(f, inside, NULL, 2, logp);
  ck_assert(isfinite(logp[0]) && isfinite(logp[1]));
  bases_logp(f, outside, NULL, 1, logp);
  REFUSED(clf_require_density(f, outside, 1, logp), CLF_ENUM,
          "the data: row 1, column 2 is 7, outside the interval 0 to 2");
  clf_flow_free(f);
  f = bases_flow("2: -> box(0, 1)", 0);
  bases_logp(f, outside, NULL, 1, logp);
  REFUSED(clf_require_density(f, outside, 1, logp), CLF_ENUM,
          "the data: row 1, column 2 is 7, outside the interval 0 to 1");
  clf_flow_free(f);
}
END_TEST

START_TEST(a_blend_has_no_latents) {
  static const char message[] = "the flow ends in a blend of flows, which has no latents; it has "
                                "densities and samples";
  clf_flow *f = bases_flow("1: -> blend(1: -> normal; 1: -> laplace)", 0);
  double x[] = {0.5}, z[1], logdet[1], logp[1];
  REFUSED(clf_transform(f, x, 1, z, NULL), CLF_ENOTSUP, message);
  REFUSED(clf_invert(f, x, 1, z, NULL), CLF_ENOTSUP, message);
  REFUSED(clf_jacobian(f, x, z, logp, logdet), CLF_ENOTSUP, message);
  REFUSED(clf_sample_latents(f, 1, 0, 1, 1, z), CLF_ENOTSUP, message);
  WORKS(clf_log_prob(f, x, 1, logp));
  flows_expect(fabs(logp[0] - log(0.5 * exp(-0.125) / sqrt(2 * acos(-1)) + 0.25 * exp(-0.5))), 1e-6,
               "log p");
  WORKS(clf_sample(f, 1, 0, 1, z));
  clf_flow_free(f);
}
END_TEST

void tests_of_densities(TCase *tc) {
  tcase_add_loop_test(tc, integrates_to_one, 0, INTEGRALS);
  tcase_add_loop_test(tc, gradients_are_differences, 0, GRADIENTS);
  tcase_add_test(tc, outside_of_a_box);
  tcase_add_test(tc, outside_of_columns);
  tcase_add_test(tc, tails);
  tcase_add_test(tc, far_from_all_components);
  tcase_add_test(tc, refusals);
  tcase_add_test(tc, weights_of_a_blend);
  tcase_add_test(tc, rows_outside_of_a_blend);
  tcase_add_test(tc, a_blend_has_no_latents);
}
