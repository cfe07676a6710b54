/* SPDX-License-Identifier: MIT */
/* metadata.c: numbers in the metadata, in any locale. */
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "files.h"

static const double reals[] = {0.1,   -0.0,       1,       1e20,
                               1e300, -0x1p-1074, 1.0 / 3, 0x1.fffffffffffffp1023};
#define REALS ((int)(sizeof reals / sizeof *reals))

static void real_metadata_survives(void) {
  char key[8];
  clf__st_writer *w = new_writer();
  for (int i = 0; i < REALS; i++) {
    snprintf(key, sizeof key, "%d", i);
    ck_assert_int_eq(clf__st_put_meta_real(w, key, reals[i]), CLF_OK);
  }
  ck_assert_int_eq(clf__st_write(w, path, 0), CLF_OK);
  clf__st_writer_free(w);
  clf__st *st = open_file();
  for (int i = 0; i < REALS; i++) {
    double x = NAN;
    snprintf(key, sizeof key, "%d", i);
    ck_assert_int_eq(clf__st_meta_real(st, key, &x), CLF_OK);
    ck_assert_mem_eq(&x, &reals[i], sizeof x);
    ck_assert_ptr_null(strchr(clf__st_meta(st, key), ','));
  }
  clf__st_close(st);
}

START_TEST(real_metadata_survives_in_any_locale) {
  real_metadata_survives();
  const char *const with_comma[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE"};
  for (int i = 0; i < 3; i++)
    if (setlocale(LC_ALL, with_comma[i]) != NULL) real_metadata_survives();
  setlocale(LC_ALL, "C");
}
END_TEST

START_TEST(integer_metadata_survives) {
  clf__st_writer *w = new_writer();
  ck_assert_int_eq(clf__st_put_meta(w, "min", "%" PRId64, INT64_MIN), CLF_OK);
  ck_assert_int_eq(clf__st_put_meta(w, "max", "%" PRIu64, UINT64_MAX), CLF_OK);
  ck_assert_int_eq(clf__st_put_meta(w, "twice", "%d", 1), CLF_OK);
  ck_assert_int_eq(clf__st_put_meta(w, "twice", "%d", 2), CLF_OK);
  ck_assert_int_eq(clf__st_write(w, path, 0), CLF_OK);
  clf__st_writer_free(w);
  clf__st *st = open_file();
  int64_t i = 0;
  uint64_t u = 0;
  double x = 0;
  ck_assert_int_eq(clf__st_meta_int(st, "min", &i), CLF_OK);
  ck_assert_int_eq(i, INT64_MIN);
  ck_assert_int_eq(clf__st_meta_uint(st, "max", &u), CLF_OK);
  ck_assert_uint_eq(u, UINT64_MAX);
  ck_assert_int_eq(clf__st_meta_int(st, "twice", &i), CLF_OK);
  ck_assert_int_eq(i, 2);
  ck_assert_int_eq(clf__st_meta_real(st, "max", &x), CLF_OK);
  ck_assert_double_eq(x, 0x1p64);
  clf__st_close(st);
}
END_TEST

static const char *const not_integers[] = {
    "", "-", " 1", "1 ", "+1", "1x", "0x10", "1.0", "9223372036854775808"};
static const char *const not_counts[] = {"", "-1", " 1", "18446744073709551616"};
static const char *const not_reals[] = {"", "nan", "inf", "1,5", "1.5x", "1e999", "\"1\"", "[1]"};

static clf__st *with_metadata(const char *text) {
  clf__st_writer *w = new_writer();
  ck_assert_int_eq(clf__st_put_meta(w, "n", "%s", text), CLF_OK);
  ck_assert_int_eq(clf__st_write(w, path, 0), CLF_OK);
  clf__st_writer_free(w);
  return open_file();
}

static void not_a_number(clf_status s, const char *text, const char *kind) {
  char message[128];
  snprintf(message, sizeof message, "metadata \"n\" is \"%s\", which is not %s", text, kind);
  ck_assert_int_eq(s, CLF_EFORMAT);
  ck_assert_str_eq(why(), message);
}

START_TEST(refuses_metadata_that_is_no_number) {
  int64_t i = 77;
  uint64_t u = 77;
  double x = 77;
  for (size_t k = 0; k < sizeof not_integers / sizeof *not_integers; k++) {
    clf__st *st = with_metadata(not_integers[k]);
    not_a_number(clf__st_meta_int(st, "n", &i), not_integers[k], "an integer of 64 bits");
    clf__st_close(st);
  }
  for (size_t k = 0; k < sizeof not_counts / sizeof *not_counts; k++) {
    clf__st *st = with_metadata(not_counts[k]);
    not_a_number(clf__st_meta_uint(st, "n", &u), not_counts[k], "an integer of 64 bits from 0 up");
    clf__st_close(st);
  }
  for (size_t k = 0; k < sizeof not_reals / sizeof *not_reals; k++) {
    clf__st *st = with_metadata(not_reals[k]);
    not_a_number(clf__st_meta_real(st, "n", &x), not_reals[k], "a finite number");
    ck_assert_int_eq(clf__st_meta_real(st, "m", &x), CLF_EFORMAT);
    ck_assert_str_eq(why(), "metadata \"m\" is missing");
    clf__st_close(st);
  }
  ck_assert_int_eq(i, 77);
  ck_assert_uint_eq(u, 77);
  ck_assert_double_eq(x, 77);
}
END_TEST

void tests_of_metadata(Suite *s) {
  TCase *c = tcase_create("metadata");
  tcase_add_test(c, real_metadata_survives_in_any_locale);
  tcase_add_test(c, integer_metadata_survives);
  tcase_add_test(c, refuses_metadata_that_is_no_number);
  suite_add_tcase(s, c);
}
