/* SPDX-License-Identifier: MIT */
/* test_named_options.c: options that are set by name, and room for those of later versions. */
#include <stddef.h>
#include <string.h>
#include "clflow/clflow.h"
#include "clflow/report.h"
#include "suite.h"

static const clf_more nothing[8];

START_TEST(options_of_a_fit) {
  clf_fit_options o = clf_fit_options_default();
  WORKS(clf_fit_options_set(&o, "seconds", "2.5"));
  WORKS(clf_fit_options_set(&o, "seed", "18446744073709551615"));
  WORKS(clf_fit_options_set(&o, "valid", "0.2"));
  WORKS(clf_fit_options_set(&o, "test", "1e-1"));
  WORKS(clf_fit_options_set(&o, "refit", "1"));
  WORKS(clf_fit_options_set(&o, "quick", "1"));
  WORKS(clf_fit_options_set(&o, "repeat", "{}"));
  ck_assert(o.seconds == 2.5 && o.seed == UINT64_MAX && o.valid == 0.2 && o.test == 0.1);
  ck_assert(o.refit == 1 && o.quick == 1);
  ck_assert_str_eq(o.repeat, "{}");
  WORKS(clf_fit_options_set(&o, "repeat", ""));
  ck_assert_ptr_null(o.repeat);
  const clf_fit_options before = o;
  REFUSED(clf_fit_options_set(&o, "secnds", "1"), CLF_EINVAL,
          "there is no fit option \"secnds\" (did you mean \"seconds\"?)");
  REFUSED(clf_fit_options_set(&o, "budget for the whole search", "1"), CLF_EINVAL,
          "there is no fit option \"budget for the whole search\"");
  REFUSED(clf_fit_options_set(&o, "more", "1"), CLF_EINVAL, "there is no fit option \"more\"");
  REFUSED(clf_fit_options_set(&o, "seconds", "2,5"), CLF_EINVAL,
          "seconds is \"2,5\"; it must be a number");
  REFUSED(clf_fit_options_set(&o, "seconds", "1e999"), CLF_EINVAL,
          "seconds is \"1e999\"; it must be a number");
  REFUSED(clf_fit_options_set(&o, "seconds", ""), CLF_EINVAL,
          "seconds is \"\"; it must be a number");
  REFUSED(clf_fit_options_set(&o, "seed", "-1"), CLF_EINVAL,
          "seed is \"-1\"; it must be a whole number from 0 to 2^64 - 1");
  REFUSED(clf_fit_options_set(&o, "seed", "18446744073709551616"), CLF_EINVAL,
          "seed is \"18446744073709551616\"; it must be a whole number from 0 to 2^64 - 1");
  REFUSED(clf_fit_options_set(&o, "quick", "2"), CLF_EINVAL, "quick is \"2\"; it must be 0 or 1");
  ck_assert_mem_eq(&o, &before, sizeof o);
}
END_TEST

START_TEST(options_of_a_table) {
  clf_table_options o = {0};
  clf_table t;
  WORKS(clf_table_options_set(&o, "header", "yes"));
  WORKS(clf_table_options_set(&o, "delimiter", ";"));
  WORKS(clf_table_options_set(&o, "decimal", ","));
  WORKS(clf_table_options_set(&o, "comment", "!"));
  WORKS(clf_table_options_set(&o, "skip", "1"));
  WORKS(clf_table_options_set(&o, "kinds", "1"));
  WORKS(clf_table_options_set(&o, "id", "name"));
  WORKS(clf_table_options_set(&o, "missing", "drop"));
  WORKS(clf_table_options_set(&o, "height", "4"));
  WORKS(clf_table_options_set(&o, "width", "5"));
  WORKS(clf_table_options_set(&o, "channels", "3"));
  WORKS(clf_table_options_set(&o, "order", "NCHW"));
  ck_assert(o.height == 4 && o.width == 5 && o.channels == 3 && o.order == CLF_ORDER_NCHW);
  ck_assert(o.header == CLF_HEADER_YES && o.delimiter == ';' && o.decimal == ',');
  ck_assert(o.comment == '!' && o.skip == 1 && o.kinds == 1 && o.missing == CLF_MISSING_DROP);
  const char text[] = "not of the table\nname;a;colour\nx;1,5;red!said\ny;;red\nz;2,5;blue\n";
  write_bytes("named_options.csv", text, sizeof text - 1);
  WORKS(clf_table_read_with("named_options.csv", &o, &t));
  ck_assert(t.rows == 2 && t.cols == 2 && t.at[0] == 1.5 && t.at[1] == 1 && t.at[2] == 2.5);
  ck_assert_str_eq(t.ids[1], "z");
  clf_table_free(&t);
  suite_remove("named_options.csv");
  WORKS(clf_table_options_set(&o, "delimiter", ""));
  ck_assert_int_eq(o.delimiter, 0);
  REFUSED(clf_table_options_set(&o, "delimiter", ";;"), CLF_EINVAL,
          "delimiter is \";;\"; it must be one character");
  REFUSED(clf_table_options_set(&o, "missing", "skip"), CLF_EINVAL,
          "missing is \"skip\"; it must be one of refuse|keep|drop");
  REFUSED(clf_table_options_set(&o, "missing", "keep|drop"), CLF_EINVAL,
          "missing is \"keep|drop\"; it must be one of refuse|keep|drop");
  REFUSED(clf_table_options_set(&o, "skip", "1.5"), CLF_EINVAL,
          "skip is \"1.5\"; it must be a whole number");
}
END_TEST

START_TEST(options_of_images) {
  clf_image_options o = {0};
  WORKS(clf_image_options_set(&o, "height", "32"));
  WORKS(clf_image_options_set(&o, "width", "24"));
  WORKS(clf_image_options_set(&o, "channels", "3"));
  WORKS(clf_image_options_set(&o, "crop", "lsun"));
  WORKS(clf_image_options_set(&o, "strict", "1"));
  WORKS(clf_image_options_set(&o, "bits", "12"));
  WORKS(clf_image_options_set(&o, "order", "NHWC"));
  ck_assert_int_eq(o.order, CLF_ORDER_NHWC);
  ck_assert(o.height == 32 && o.width == 24 && o.channels == 3 && o.crop == CLF_CROP_LSUN);
  ck_assert(o.strict == 1 && o.bits == 12);
  WORKS(clf_image_options_set(&o, "crop", "none"));
  ck_assert_int_eq(o.crop, CLF_CROP_NONE);
  REFUSED(clf_image_options_set(&o, "height", "2147483648"), CLF_EINVAL,
          "height is \"2147483648\"; it must be a whole number");
  REFUSED(clf_image_options_set(&o, "crop", "square"), CLF_EINVAL,
          "crop is \"square\"; it must be one of none|center|celeba|lsun");
}
END_TEST

START_TEST(options_of_a_mixture) {
  clf_mixture_options o = clf_mixture_options_default();
  WORKS(clf_mixture_options_set(&o, "seed", "7"));
  WORKS(clf_mixture_options_set(&o, "starts", "3"));
  WORKS(clf_mixture_options_set(&o, "iterations", "50"));
  WORKS(clf_mixture_options_set(&o, "tol", "0.001"));
  WORKS(clf_mixture_options_set(&o, "reg", "1e-3"));
  WORKS(clf_mixture_options_set(&o, "prior", "2"));
  WORKS(clf_mixture_options_set(&o, "tied", "1"));
  ck_assert(o.seed == 7 && o.starts == 3 && o.iterations == 50 && o.tol == 0.001 && o.reg == 1e-3);
  ck_assert(o.prior == 2 && o.tied == 1);
  REFUSED(clf_mixture_options_set(&o, "start", "1"), CLF_EINVAL,
          "there is no mixture option \"start\" (did you mean \"starts\"?)");
}
END_TEST

/* The room is at the end, of a size that all processors agree on, and zero by default. */
#define ROOM(type, count)                                                                          \
  do {                                                                                             \
    ck_assert_uint_eq(sizeof((type){0}.more), (count) * sizeof(uint64_t));                         \
    ck_assert_uint_eq(offsetof(type, more) + sizeof((type){0}.more), sizeof(type));                \
    ck_assert_int_eq(clf_abi(#type ".more"), (int64_t)offsetof(type, more));                       \
  } while (0)

START_TEST(room_to_grow) {
  ROOM(clf_train_options, 16u);
  ROOM(clf_fit_options, 8u);
  ROOM(clf_table_options, 6u);
  ROOM(clf_image_options, 7u);
  ROOM(clf_mixture_options, 8u);
  ROOM(clf_train_data, 4u);
  ROOM(clf_fit_data, 4u);
  ck_assert_uint_eq(offsetof(clf_report_source, more) + 32, sizeof(clf_report_source));
  const clf_fit_options fit = clf_fit_options_default();
  const clf_mixture_options mixture = clf_mixture_options_default();
  ck_assert_mem_eq(fit.more, nothing, sizeof fit.more);
  ck_assert_mem_eq(mixture.more, nothing, sizeof mixture.more);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("named options");
  TCase *tests = tcase_create("named options");
  const TTest *const all[] = {options_of_a_fit, options_of_a_table, options_of_images,
                              options_of_a_mixture, room_to_grow};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) tcase_add_test(tests, all[i]);
  suite_add_tcase(suite, tests);
  return suite_run(suite);
}
