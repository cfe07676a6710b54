/* SPDX-License-Identifier: MIT */
/* elementwise.c: maps of single numbers: on the host, at the ends of their domains, with bounds per
 * column. */
#include <math.h>
#include <string.h>
#include "layers/lists.h"

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

/* Outside of the domain a layer names the first column and its interval; the log-det is -inf and
 * the value is finite. */
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

/* Values are compared with libm, and the log-det of one column with differences. These maps accept
 * all numbers. */
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
    perturb(&s);
    for (int inverted = 0; inverted < 2; inverted++) {
      (inverted ? inverse : forward)(&s, CLF_EVAL, x, 1, z, &logdet);
      ck_assert_msg(z[0] == 2 && fabs(z[1] - 2) > 1e-3, "%s: %g and %g", texts[k], z[0], z[1]);
    }
    end(&s);
  }
}
END_TEST

void tests_of_elementwise(TCase *tc) {
  tcase_add_test(tc, on_the_host);
  tcase_add_test(tc, domains);
  tcase_add_test(tc, soft_maps);
  tcase_add_test(tc, bounds_by_column);
}
