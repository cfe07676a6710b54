/* SPDX-License-Identifier: MIT */
/* test_check.c: the tolerances of check:.  The device below check: computes in double as the
 * reference does, and then adds a known error. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "backend.h"
#include "suite.h"

enum { ROWS = 400, COLS = 4 };
static clf_device *dev; /* check:cpu64 */
static const clf_backend *usual;
static clf_backend wrong;

static double error; /* added to element `place` of the result */
static int place;

static clf_status run_wrong(clf_device *d, clf_op op, const void *args) {
  const clf_tensor *t = args;
  const clf_tensor to = t[strlen(clf_ops[op].modes) - 1]; /* of copy and sum_rows: the last */
  double v[ROWS * COLS];
  CLF_TRY(usual->run(d, op, args));
  CLF_TRY(clf_read64(d, to, v));
  v[place] += error;
  return clf_write64(d, to, v);
}

static void open_device(void) {
  WORKS(clf_open("check:cpu64", &dev));
  usual = dev->inner->backend;
  wrong = *usual;
  wrong.run = run_wrong;
}
static void close_device(void) { clf_close(dev); }

/* The operation on x with `rows` rows, and this error at that index. */
static clf_status checked(clf_op op, const double *x, int32_t rows, int at, double by) {
  clf_arena arena;
  clf_tensor in, out;
  const int32_t to = op == CLF_OP_copy ? rows : COLS;
  WORKS(clf_arena_init(&arena, dev, 2 * ROWS * COLS + 128));
  WORKS(clf_new(&arena, (int32_t[4]){rows, COLS}, &in));
  WORKS(clf_new(&arena, op == CLF_OP_copy ? (int32_t[4]){rows, COLS} : (int32_t[4]){to}, &out));
  WORKS(clf_write64(dev, in, x));
  place = at, error = by;
  dev->inner->backend = &wrong;
  const clf_status s = op == CLF_OP_copy ? clf_do(dev, copy, .x = in, .y = out)
                                         : clf_do(dev, sum_rows, .x = in, .y = out);
  dev->inner->backend = usual;
  clf_arena_free(&arena);
  return s;
}

/* An error of `tolerance` is the limit, in both directions. */
static void border(clf_op op, const double *x, int32_t rows, int at, double tolerance) {
  for (int sign = -1; sign <= 1; sign += 2) {
    const clf_status below = checked(op, x, rows, at, sign * 0.99 * tolerance);
    ck_assert_msg(!below, "%s, element %d, %g: %s", clf_ops[op].name, at, sign * 0.99 * tolerance,
                  clf_errmsg());
    ck_assert_msg(checked(op, x, rows, at, sign * 1.01 * tolerance) == CLF_EMISMATCH,
                  "%s, element %d: an error of %g is taken", clf_ops[op].name, at,
                  sign * 1.01 * tolerance);
  }
}

/* A thousandth of the number, 2e-5 of the largest that is written, 2e-7 of the largest that is
 * read, and 1e-6. */
START_TEST(tolerances) {
  const double x[2 * COLS] = {1, -100, 0, 3, 0.5, 2, -0.25, 10}, small[COLS] = {0, 0, 0, 1e-9};
  const double all = 2e-5 * 100 + 2e-7 * 100 + 1e-6;
  border(CLF_OP_copy, x, 2, 0, 1e-3 * 1 + all);
  border(CLF_OP_copy, x, 2, 1, 1e-3 * 100 + all);
  border(CLF_OP_copy, x, 2, 2, all);
  border(CLF_OP_copy, x, 2, 2 * COLS - 1, 1e-3 * 10 + all);
  border(CLF_OP_copy, small, 1, 0, 1e-6);
}
END_TEST

/* Sums with cancellation: the tolerance grows with the root of the number of terms. */
START_TEST(tolerance_of_sums) {
  double x[ROWS * COLS];
  for (int i = 0; i < ROWS * COLS; i++) x[i] = i / COLS % 2 ? 1000 : -1000;
  border(CLF_OP_sum_rows, x, ROWS, 2, 2e-7 * 1000 * sqrt(ROWS) + 1e-6);
}
END_TEST

/* Non-finite numbers must be so on both devices, and do not widen the tolerance of others. */
START_TEST(not_finite) {
  const double x[COLS] = {NAN, INFINITY, -INFINITY, 1};
  ck_assert_msg(!checked(CLF_OP_copy, x, 1, 0, 1), "%s", clf_errmsg()); /* NaN + 1 */
  ck_assert_int_eq(checked(CLF_OP_copy, x, 1, 1, -INFINITY), CLF_EMISMATCH);
  ck_assert_int_eq(checked(CLF_OP_copy, x, 1, 3, NAN), CLF_EMISMATCH);
  border(CLF_OP_copy, x, 1, 3, 1e-3 + 2e-5 + 2e-7 + 1e-6);
}
END_TEST

START_TEST(what_it_says) {
  const double x[COLS] = {1, 2, 3, 4};
  ck_assert_int_eq(checked(CLF_OP_copy, x, 1, 2, 0.5), CLF_EMISMATCH);
  ck_assert_msg(strstr(clf_errmsg(), "argument 1, element 2 is 3.5, the reference has 3") != NULL,
                "%s", clf_errmsg());
}
END_TEST

int main(void) {
  Suite *suite = suite_create("check");
  TCase *c = tcase_create("check");
  tcase_add_checked_fixture(c, open_device, close_device);
  tcase_add_test(c, tolerances);
  tcase_add_test(c, tolerance_of_sums);
  tcase_add_test(c, not_finite);
  tcase_add_test(c, what_it_says);
  suite_add_tcase(suite, c);
  return suite_run(suite);
}
