/* SPDX-License-Identifier: MIT */
/* identities.c: inverses, log-determinants and gradients of many lists, compared with identities in
 * double. */
#include <math.h>
#include "layers/lists.h"
#include "linear.h"

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

enum { LISTS = sizeof lists / sizeof *lists };

START_TEST(inverses) {
  enum { N = 7 };
  list s;
  begin(&s, lists[_i]);
  perturb(&s);
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
  perturb(&s);
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

START_TEST(gradients) {
  const double each[GRADIENT_ROWS] = {0.5, -1, 2, 0.25};
  list s;
  if (!flows_exact) return;
  begin(&s, lists[_i]);
  perturb(&s);
  expect_differences(&s, lists[_i], CLF_KEEP, 0, NULL);
  expect_differences(&s, lists[_i], CLF_KEEP, 0, each);
  expect_differences(&s, lists[_i], CLF_KEEP, 1, NULL);
  expect_differences(&s, lists[_i], CLF_KEEP, 1, each);
  end(&s);
}
END_TEST

/* The element after the matrix is left alone. */
START_TEST(random_matrices_are_orthogonal) {
  enum { D = 4, AFTER = 7 };
  double w[D * D + 1];
  clf__host_random r = {3};
  w[D * D] = AFTER;
  clf__linear_init_orthogonal(&(clf__slot){.dim = {D, D}}, &r, w);
  for (int i = 0; i < D; i++)
    for (int j = 0; j < D; j++) {
      double product = 0;
      for (int k = 0; k < D; k++) product += w[i * D + k] * w[j * D + k];
      ck_assert_double_eq_tol(product, i == j, 1e-14);
    }
  ck_assert_double_eq(w[D * D], AFTER);
}
END_TEST

void tests_of_identities(TCase *tc) {
  tcase_add_test(tc, random_matrices_are_orthogonal);
  tcase_add_loop_test(tc, inverses, 0, LISTS);
  tcase_add_loop_test(tc, log_dets, 0, LISTS);
  tcase_add_loop_test(tc, gradients, 0, LISTS);
}
