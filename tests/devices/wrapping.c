/* SPDX-License-Identifier: MIT */
/* wrapping.c: check: and trace:, what they report. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "backend.h"
#include "machine.h"
#include "devices/devices.h"

START_TEST(checking_device_names_the_call) {
  clf_device *inner = sabotaged(CLF_OP_fill, 1), *dev = NULL;
  clf_arena a;
  clf_tensor t;
  WORKS(clf__check_wrap(inner, &dev));
  ck_assert_str_eq(clf_device_name(dev), "check:cpu (baseline)");
  WORKS(clf_arena_init(&a, dev, 64));
  WORKS(clf_new(&a, (int32_t[4]){3, 2}, &t));
  REFUSED(clf_do(dev, fill, .y = t, .value = 4), CLF_EMISMATCH,
          "fill(w[3,2,1,1]): argument 0, element 0 is 9, the reference has 4");
  /* 5 beyond 1e-3 and 2e-5 of 4, and 1e-6 */
  ck_assert_ptr_nonnull(strstr(clf_device_report(dev), "    1    1.23e+03  fill(w[3,2,1,1])\n"));
  ck_assert_ptr_nonnull(strstr(clf_device_report(dev), "check: 1 of 1 calls of 1 operations do not "
                                                       "agree with cpu64\n"));
  clf_arena_free(&a);
  clf_close(dev); /* leaves the inner device open */
  WORKS(clf_sync(inner));
  clf_close(inner);
}
END_TEST

/* The report lists each operation once, the largest difference first, with the call that had it. */
START_TEST(checking_device_reports) {
  clf_device *dev = opened("check:cpu/baseline"), *plain = opened("cpu");
  clf_arena a;
  clf_tensor x, y;
  WORKS(clf_arena_init(&a, dev, 64));
  WORKS(clf_new(&a, (int32_t[4]){3, 2}, &x));
  WORKS(clf_new(&a, (int32_t[4]){3, 2}, &y));
  ck_assert_str_eq(clf_device_report(dev), "");
  ck_assert_str_eq(clf_device_report(plain), "");
  WORKS(clf_do(dev, fill, .y = x, .value = 0.1f));
  WORKS(clf_do(dev, fill, .y = clf_slice(x, 0, 0, 1), .value = INFINITY));
  WORKS(clf_do(dev, axpby, .x = x, .y = y, .a = 1.0f / 3));
  const char *text = clf_device_report(dev);
  ck_assert_ptr_eq(strstr(text, "check: operation                    calls  difference"), text);
  const char *sum = strstr(text, "check: axpby                            1"),
             *fill = strstr(text, "check: fill                             2           0  "
                                  "fill(w[3,2,1,1])\n");
  ck_assert_msg(sum && fill && sum < fill, "%s", text);
  const double difference = strtod(sum + 42, NULL);
  ck_assert_msg(difference > 0 && difference < 0.01, "%s", text);
  ck_assert_ptr_nonnull(strstr(sum, "  axpby(r[3,2,1,1] u[3,2,1,1])\n"));
  ck_assert_ptr_nonnull(strstr(text, "check: all 3 calls of 2 operations agree with cpu64\n"));
  clf_arena_free(&a);
  clf_close(dev);
  clf_close(plain);
}
END_TEST

static void traced(void) {
  clf_device *dev = opened("trace:cpu");
  clf_arena a;
  clf_tensor x, y;
  float v[6] = {1, 2, 3, 4, 5, 6};
  WORKS(clf_arena_init(&a, dev, 64));
  WORKS(clf_new(&a, (int32_t[4]){3, 2}, &x));
  WORKS(clf_new(&a, (int32_t[4]){3, 2}, &y));
  WORKS(clf_write(dev, x, v));
  WORKS(clf_do(dev, copy, .x = x, .y = y));
  WORKS(clf_read(dev, y, v));
  ck_assert_float_eq(v[5], 6);
  ck_assert_str_eq(clf_device_report(dev), "");
  clf_arena_free(&a);
  clf_close(dev);
}
/* Only writes. */
static void written(void) {
  clf_device *dev = opened("trace:cpu");
  clf_arena a;
  clf_tensor x;
  WORKS(clf_arena_init(&a, dev, 64));
  WORKS(clf_new(&a, (int32_t[4]){1}, &x));
  WORKS(clf_write(dev, x, &(float){1}));
  clf_arena_free(&a);
  clf_close(dev);
}
START_TEST(tracing_device_tells) {
  char text[2048];
  captured(written, text, sizeof text);
  ck_assert_msg(strstr(text, "trace: writes to the device             1 ") &&
                    strstr(text, "trace: in all                           1 "),
                "%s", text);
  captured(traced, text, sizeof text);
  ck_assert_ptr_eq(strstr(text, "trace: allocates 64 elements\ntrace: writes 6 elements\ntrace: "),
                   text);
  ck_assert_ptr_nonnull(
      strstr(text, " us  copy(r[3,2,1,1] w[3,2,1,1])\ntrace: reads 6 elements\n"));
  /* The rows of the table add up to the total. */
  const char *table =
      strstr(text, "trace: operation                    calls            ms   share\n");
  ck_assert_msg(table != NULL, "%s", text);
  static const char *const rows[] = {"copy", "writes to the device", "reads from it"};
  double ms = 0, percent = 0;
  for (int i = 0; i < 3; i++) {
    char begins[64];
    snprintf(begins, sizeof begins, "trace: %-24s         1 ", rows[i]);
    const char *row = strstr(table, begins);
    ck_assert_msg(row != NULL, "%s", table);
    char *end;
    ms += strtod(row + strlen(begins), &end);
    percent += strtod(end, &end);
    ck_assert_int_eq(*end, '%');
  }
  const char *all = strstr(table, "trace: in all                           3 ");
  ck_assert_msg(all && fabs(strtod(all + 42, NULL) - ms) < 0.002 && fabs(percent - 100) < 0.2, "%s",
                table);
}
END_TEST

void tests_of_wrapping(TCase *tc) {
  tcase_add_test(tc, checking_device_names_the_call);
  tcase_add_test(tc, checking_device_reports);
  tcase_add_test(tc, tracing_device_tells);
}
