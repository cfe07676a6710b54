/* SPDX-License-Identifier: MIT */
/* test_identities.c: identities that hold for every flow with any weights, on one device:
 *   test_identities DEVICE
 * Those of densities are in identities/. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "identities/densities.h"

/* ---- Both directions -------------------------------------------------------------------- */

/* Latents that the flow reaches: any, except for a piecewise flow. */
static void latents(const flows_case *c, clf_flow *f, int64_t n, double *z) {
  clf__host_random r = {77};
  if (c->spec.kind == CLF_PIECEWISE) {
    flows_points(c, 77, n, z);
    WORKS(clf_transform(f, z, n, z, NULL));
  } else {
    for (int64_t i = 0; i < n * c->spec.dim; i++) z[i] = clf__host_normal(&r);
  }
}

START_TEST(test_inverse) {
  enum { N = 100 };
  const flows_case c = flows_case_at(_i);
  const size_t size = N * (size_t)c.spec.dim;
  const double bound = flows_exact ? 1e-12 : 1e-5;
  clf_flow *f = flows_random(&c);
  double *in = flows_array(size), *out = flows_array(size), *back = flows_array(size);
  double there[N], again[N];

  flows_points(&c, 1, N, in);
  WORKS(clf_transform(f, in, N, out, there));
  WORKS(clf_invert(f, out, N, back, again));
  flows_expect(flows_error(back, in, size), bound, "%s: inverse(forward(x))", c.label);
  for (int i = 0; i < N; i++) again[i] = -again[i];
  flows_expect(flows_error(again, there, N), bound, "%s: log-dets of x", c.label);

  latents(&c, f, N, in);
  WORKS(clf_invert(f, in, N, out, there));
  WORKS(clf_transform(f, out, N, back, again));
  flows_expect(flows_error(back, in, size), bound, "%s: forward(inverse(z))", c.label);
  for (int i = 0; i < N; i++) again[i] = -again[i];
  flows_expect(flows_error(again, there, N), bound, "%s: log-dets of z", c.label);

  free(back);
  free(out);
  free(in);
  clf_flow_free(f);
}
END_TEST

/* ---- The log-determinant ---------------------------------------------------------------- */

/* J[i][k] = dz_i / dx_k by central differences. */
static void numerical_jacobian(clf_flow *f, const double *x, double *J) {
  const int D = f->spec.dim;
  const double h = 1e-5;
  double near[6], up[6], down[6];
  for (int k = 0; k < D; k++) {
    memcpy(near, x, (size_t)D * sizeof *near);
    near[k] = x[k] + h;
    WORKS(clf_transform(f, near, 1, up, NULL));
    near[k] = x[k] - h;
    WORKS(clf_transform(f, near, 1, down, NULL));
    for (int i = 0; i < D; i++) J[i * D + k] = (up[i] - down[i]) / (2 * h);
  }
}

/* Differences need double; on other devices the backward pass replaces them. */
START_TEST(test_logdet) {
  enum { N = 4 };
  const flows_case c = flows_case_at(_i);
  const int D = c.spec.dim;
  clf_flow *f = flows_random(&c);
  double x[N * 6], z[N * 6], logdet[N], J[36], numerical[36], logabsdet, own;
  flows_points(&c, 2, N, x);
  WORKS(clf_transform(f, x, N, z, logdet));
  for (int n = 0; n < N; n++) {
    WORKS(clf_jacobian(f, x + n * D, J, &logabsdet, &own));
    flows_expect(fabs(own - logdet[n]), flows_exact ? 1e-12 : 1e-5, "%s: log-det reported",
                 c.label);
    flows_expect(fabs(logabsdet - logdet[n]), flows_exact ? 1e-12 : 1e-4,
                 "%s: log-det against clf_jacobian", c.label);
    if (!flows_exact) continue;
    numerical_jacobian(f, x + n * D, numerical);
    flows_expect(flows_error_of_largest(J, numerical, (size_t)(D * D)), 1e-6,
                 "%s: clf_jacobian against differences", c.label);
    flows_expect(fabs(flows_log_det(numerical, D) - logdet[n]), 1e-6,
                 "%s: log-det against differences", c.label);
  }
  clf_flow_free(f);
}
END_TEST

/* ---- Gradients -------------------------------------------------------------------------- */

enum { TAYLOR_ROWS = 32 }; /* 1 / 32 is a float */

static double loss_at(clf_flow *f, const double *x, const double *w, const double *v, double h) {
  const int64_t P = clf_flow_weight_count(f);
  double *moved = flows_array((size_t)P), logp[TAYLOR_ROWS], sum = 0;
  for (int64_t i = 0; i < P; i++) moved[i] = w[i] + h * v[i];
  WORKS(clf_write64(f->dev, f->w, moved));
  WORKS(clf_log_prob(f, x, TAYLOR_ROWS, logp));
  for (int i = 0; i < TAYLOR_ROWS; i++) sum -= logp[i];
  free(moved);
  return sum / TAYLOR_ROWS;
}

/* A random direction in which only p changes; returns the slope of the loss along it. */
static double direction(const clf_flow *f, const clf_param *p, const double *g, double *v) {
  clf__host_random r = {f->spec.seed + 5};
  double slope = 0;
  memset(v, 0, (size_t)clf_flow_weight_count(f) * sizeof *v);
  for (int32_t i = 0; i < p->at.dim[0]; i++)
    for (int32_t j = 0; j < p->at.dim[1]; j++) {
      const size_t k = flows_index(f, p, i, j);
      v[k] = clf__host_normal(&r);
      slope += g[k] * v[k];
    }
  return slope;
}

/* L(w + hv) - L(w - hv) - 2h g.v is of third order in h, so that half of h leaves an eighth; the
 * smallest error in g would leave half.  It vanishes if L is quadratic or constant. */
START_TEST(test_gradient) {
  if (!flows_exact) return;
  const flows_case c = flows_case_at(_i);
  clf_flow *f = flows_random(&c);
  const size_t P = (size_t)clf_flow_weight_count(f);
  double *w = flows_array(P), *g = flows_array(P), *v = flows_array(P);
  double x[TAYLOR_ROWS * 6], own[TAYLOR_ROWS * 6], dx[TAYLOR_ROWS * 6], loss;
  flows_points(&c, 3, TAYLOR_ROWS, x);
  for (int i = 0; i < TAYLOR_ROWS * c.spec.dim; i++) {
    const int d = i % c.spec.dim;
    own[i] = f->mean ? (x[i] - f->mean[d]) / f->std[d] : x[i];
  }
  flows_gradient(f, own, TAYLOR_ROWS, &loss, g, dx);
  WORKS(clf_read64(f->dev, f->w, w));
  for (int i = 0; i < clf_flow_param_count(f); i++) {
    const clf_param p = clf_flow_param(f, i);
    if (!p.trainable) continue;
    const double slope = direction(f, &p, g, v);
    double left[2];
    for (int k = 0; k < 2; k++) {
      const double h = k ? 1e-3 : 2e-3;
      left[k] = fabs(loss_at(f, x, w, v, h) - loss_at(f, x, w, v, -h) - 2 * h * slope);
    }
    if (left[0] > 1e-12)
      flows_expect(fabs(left[0] / left[1] - 8), 0.5, "%s: by %s, h 2e-3 leaves %.3g, h 1e-3 %.3g",
                   c.label, p.name, left[0], left[1]);
  }
  free(v);
  free(g);
  free(w);
  clf_flow_free(f);
}
END_TEST

/* ---- Equal results --------------------------------------------------------------------------- */

START_TEST(test_division_of_rows) {
  enum { N = 37 };
  const flows_case c = flows_case_at(_i);
  clf_flow *f = flows_random(&c);
  double x[N * 6], whole[N], again[N], single[N];
  flows_points(&c, 4, N, x);
  WORKS(clf_log_prob(f, x, N, whole));
  WORKS(clf_log_prob(f, x, N, again));
  ck_assert_msg(same_bits(whole, again, N), "%s: log p differs from call to call", c.label);
  for (int i = 0; i < N; i++) WORKS(clf_log_prob(f, x + i * c.spec.dim, 1, single + i));
  flows_expect(flows_error(single, whole, N), flows_slack(&c), "%s: log p row by row", c.label);
  clf_flow_free(f);
}
END_TEST

START_TEST(test_gradient_again) {
  enum { N = 300 };
  const flows_case c = flows_case_at(_i);
  clf_flow *f = flows_random(&c);
  const size_t P = (size_t)clf_flow_weight_count(f);
  double *g = flows_array(2 * P), *dx = flows_array(3 * N * 6), *x = dx + 2 * N * 6, loss[2];
  flows_case unscaled = c;
  unscaled.scaled = 0;
  flows_points(&unscaled, 5, N, x);
  for (int k = 0; k < 2; k++)
    flows_gradient(f, x, N, &loss[k], g + (size_t)k * P, dx + (size_t)k * N * 6);
  ck_assert_msg(same_bits(g, g + P, (int64_t)P) && same_bits(dx, dx + N * 6, N * 6) &&
                    same_bits(loss, loss + 1, 1),
                "%s: gradients differ from call to call", c.label);
  free(dx);
  free(g);
  clf_flow_free(f);
}
END_TEST

/* Inputs that are recomputed from outputs, instead of stored. */
START_TEST(test_gradient_recomputed) {
  enum { N = 100 };
  static const int modes[2] = {CLF_STORED, CLF_REBUILT};
  const flows_case c = flows_case_at(_i);
  clf_flow *f = flows_random(&c);
  const size_t P = (size_t)clf_flow_weight_count(f), D = (size_t)c.spec.dim;
  double *g[2] = {flows_array(P), flows_array(P)}, dx[2][N * 6], x[N * 6], loss[2];
  flows_case unscaled = c;
  unscaled.scaled = 0;
  flows_points(&unscaled, 5, N, x);
  for (int k = 0; k < 2; k++) {
    flows_mode = modes[k];
    flows_gradient(f, x, N, &loss[k], g[k], dx[k]);
    ck_assert_int_eq(f->ws.train, modes[k]);
  }
  flows_mode = CLF_STORED;
  const double bound = flows_exact ? 1e-9 : 1e-4;
  ck_assert_double_eq(loss[0], loss[1]);
  flows_expect(flows_error_of_largest(g[1], g[0], P), bound, "%s: by weights", c.label);
  flows_expect(flows_error_of_largest(dx[1], dx[0], N * D), bound, "%s: by x", c.label);
  for (int k = 0; k < 2; k++) free(g[k]);
  clf_flow_free(f);
}
END_TEST

/* The division of rows changes no bit, except that a BLAS may round differently for another
 * number of rows, and unfused couplings on cpu use one. */
static int same_divided(const flows_case *c, const double *a, const double *b, int64_t n) {
  const int blas =
      strcmp(c->how, "never") == 0 && strncmp(clf_device_name(flows_dev), "cpu (", 5) == 0;
  if (!blas) return same_bits(a, b, n);
  for (int64_t i = 0; i < n; i++)
    if (!(fabs(a[i] - b[i]) <= 1e-5 * (1 + fabs(b[i])))) return 0;
  return 1;
}

/* The stream around `first`, in one call and in pieces. */
static void expect_stream(const flows_case *c, clf_flow *f, int64_t first) {
  static const int64_t pieces[] = {1, 6, 50, 43};
  double whole[600], again[600], in_pieces[600], *next = in_pieces;
  const int64_t size = 100 * c->spec.dim;
  WORKS(clf_sample(f, 9, first, 100, whole));
  WORKS(clf_sample(f, 9, first, 100, again));
  for (int i = 0; i < 4; i++) {
    WORKS(clf_sample(f, 9, first, pieces[i], next));
    first += pieces[i];
    next += pieces[i] * c->spec.dim;
  }
  ck_assert_msg(same_bits(whole, again, size), "%s: samples differ from call to call", c->label);
  ck_assert_msg(same_divided(c, whole, in_pieces, size), "%s: samples differ in pieces", c->label);
  WORKS(clf_sample(f, 10, first, 100, again));
  ck_assert_msg(!same_bits(whole, again, size), "%s: another seed, the same samples", c->label);
}

START_TEST(test_sample_stream) {
  const flows_case c = flows_case_at(_i);
  clf_flow *f = flows_random(&c);
  expect_stream(&c, f, 0);
  expect_stream(&c, f, 4294967296 - 40);
  clf_flow_free(f);
}
END_TEST

/* Errors about row `bad`, which is beyond the first chunk, use the numbers of the caller's rows. */
static void expect_numbers_beyond_a_chunk(clf_flow *f, double *x, int64_t n, int64_t bad) {
  const int D = f->spec.dim;
  double *out = flows_array((size_t)(n * D)), *logp = flows_array((size_t)n);
  char data[160], latents[160], later[160];
  const char *const there = "column 2 is -1e+200: the";
  snprintf(data, sizeof data, "the data: row %lld, %s flow overflows there", (long long)bad + 1,
           there);
  snprintf(latents, sizeof latents, "the latents: row %lld, %s inverse overflows there",
           (long long)bad + 1, there);
  snprintf(later, sizeof later, "the data: row %lld, %s flow overflows there",
           (long long)bad + 5000000001, there);
  x[bad * D + 1] = -1e200;
  if (!flows_exact) REFUSED(clf_transform(f, x, n, out, NULL), CLF_ENUM, data);
  if (!flows_exact) REFUSED(clf_invert(f, x, n, out, NULL), CLF_ENUM, latents);
  WORKS(clf_log_prob(f, x, n, logp));
  for (int64_t i = 0; i < n; i++)
    ck_assert_msg(isfinite(logp[i]) ? i != bad : i == bad, "log p of row %lld is %g", (long long)i,
                  logp[i]);
  REFUSED(clf_require_density(f, x, n, logp), CLF_ENUM, data);
  WORKS(clf_require_density(f, x, bad, logp));
  clf_flow_set_first_row(f, 5000000000);
  REFUSED(clf_require_density(f, x, n, logp), CLF_ENUM, later);
  if (!flows_exact) REFUSED(clf_transform(f, x, n, out, NULL), CLF_ENUM, later);
  free(logp);
  free(out);
}

/* More rows than a chunk holds. */
START_TEST(test_chunks) {
  const flows_case c = flows_case_at(_i);
  clf_flow *f = flows_random(&c);
  const int64_t chunk = clf__flow_chunk(f), n = 2 * chunk + 5;
  double *x = flows_array((size_t)(n * c.spec.dim)),
         *pieces = flows_array((size_t)(n * c.spec.dim));
  WORKS(clf_sample(f, 3, 0, n, x));
  double *whole = flows_array((size_t)n), *logp = flows_array((size_t)n);
  WORKS(clf_log_prob(f, x, n, whole));
  for (int64_t at = 0, m; at < n; at += m) {
    m = n - at < 3000 ? n - at : 3000;
    WORKS(clf_sample(f, 3, at, m, pieces + at * c.spec.dim));
    WORKS(clf_log_prob(f, x + at * c.spec.dim, m, logp + at));
  }
  ck_assert_msg(same_divided(&c, x, pieces, n * c.spec.dim), "%s: chunks of samples", c.label);
  ck_assert_msg(same_divided(&c, whole, logp, n), "%s: chunks of log p", c.label);
  char want[96];
  snprintf(want, sizeof want, "the data: row %lld, column 2 is nan", (long long)chunk + 4);
  x[(chunk + 3) * c.spec.dim + 1] = NAN;
  REFUSED(clf_log_prob(f, x, n, whole), CLF_ENUM, want);
  x[(chunk + 3) * c.spec.dim + 1] = 0;
  if (!flows_checking()) expect_numbers_beyond_a_chunk(f, x, n, chunk + 3);
  free(logp);
  free(whole);
  free(pieces);
  free(x);
  clf_flow_free(f);
}
END_TEST

static void add(TCase *tc) {
  tcase_add_loop_test(tc, test_inverse, 0, FLOWS_CASES);
  tcase_add_loop_test(tc, test_logdet, 0, FLOWS_CASES);
  tcase_add_loop_test(tc, test_gradient, 0, FLOWS_CASES);
  tcase_add_loop_test(tc, test_division_of_rows, 0, FLOWS_CASES);
  tcase_add_loop_test(tc, test_gradient_again, 0, FLOWS_CASES);
  tcase_add_loop_test(tc, test_gradient_recomputed, 0, FLOWS_CASES);
  tcase_add_loop_test(tc, test_sample_stream, 0, FLOWS_CASES);
  tcase_add_loop_test(tc, test_chunks, 4, 6);
  tests_of_densities(tc);
}

int main(int argc, char **argv) { return flows_main(argc, argv, add); }
