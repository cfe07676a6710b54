/* SPDX-License-Identifier: MIT */
/* numbers.c: statistics of a report, and how numbers are written. */
#include <math.h>
#include "page.h"
#include "statistics.h"
#include "report/sources.h"

START_TEST(distances_from_uniform_numbers) {
  double even[8];
  for (int i = 0; i < 8; i++) even[i] = (i + 0.5) / 8;
  ck_assert_double_eq_tol(clf__ks_distance(even, 8), 1.0 / 16, 1e-15);
  ck_assert_double_eq_tol(clf__ks_distance((double[]){0.1, 0.2, 0.9}, 3), 2.0 / 3 - 0.2, 1e-15);
  ck_assert_double_eq_tol(clf__ks_distance((double[]){0.7}, 1), 0.7, 1e-15);
  /* Kolmogorov's distribution: scipy.special.kolmogorov(1) and (1.3581). */
  ck_assert_double_eq_tol(clf__ks_probability(1e-6, 1e12), 0.26999967167735456, 1e-6);
  ck_assert_double_eq_tol(clf__ks_probability(1.3581e-6, 1e12), 0.05, 1e-5);
  ck_assert_double_eq(clf__ks_probability(0, 10), 1);
  /* scipy.stats.kstwo.isf(0.01, 100) is 0.16081. */
  ck_assert_double_eq_tol(clf__ks_band(0.01, 100), 0.1608, 5e-4);
  ck_assert_double_eq_tol(clf__ks_probability(clf__ks_band(0.03, 50), 50), 0.03, 1e-9);
}
END_TEST

START_TEST(incomplete_gamma) {
  for (double x = 0.1; x < 12; x += 0.7) {
    ck_assert_double_eq_tol(clf__gamma_p(1, x), 1 - exp(-x), 1e-14);
    ck_assert_double_eq_tol(clf__gamma_p(0.5, x), erf(sqrt(x)), 1e-14);
  }
  ck_assert_double_eq_tol(clf__gamma_p(32, 30), 0.381357010191515, 1e-12);
  ck_assert_double_eq(clf__gamma_p(3, 0), 0);
  ck_assert_double_eq(clf__gamma_p(3, INFINITY), 1);
}
END_TEST

START_TEST(numbers_below) {
  const double sorted[] = {-INFINITY, 1, 2, 2, 2, 5};
  int64_t below, equal;
  clf__count_below(sorted, 6, 2, &below, &equal);
  ck_assert_int_eq(below, 2);
  ck_assert_int_eq(equal, 3);
  clf__count_below(sorted, 6, 3, &below, &equal);
  ck_assert_int_eq(below, 5);
  ck_assert_int_eq(equal, 0);
  clf__count_below(sorted, 6, -INFINITY, &below, &equal);
  ck_assert_int_eq(below, 0);
  ck_assert_int_eq(equal, 1);
}
END_TEST

START_TEST(numbers_for_people) {
  static const struct {
    double v;
    int digits;
    const char *text;
  } cases[] = {{0, 3, "0"},           {-0.5234, 2, "−0.52"}, {12345, 3, "12\u2009345"},
               {1.2e-7, 2, "1.2e−7"}, {INFINITY, 3, "∞"},    {NAN, 3, "–"},
               {162.04, 4, "162.0"},  {-INFINITY, 2, "−∞"}};
  char text[40];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    clf__page_number(text, sizeof text, cases[i].v, cases[i].digits);
    ck_assert_str_eq(text, cases[i].text);
  }
  clf__page_nats(text, sizeof text, -1.23456, 0.004);
  ck_assert_str_eq(text, "−1.235");
  clf__page_nats(text, sizeof text, -123.456, 4);
  ck_assert_str_eq(text, "−123.5");
}
END_TEST

void tests_of_numbers(TCase *tc) {
  tcase_add_test(tc, distances_from_uniform_numbers);
  tcase_add_test(tc, incomplete_gamma);
  tcase_add_test(tc, numbers_below);
  tcase_add_test(tc, numbers_for_people);
}
