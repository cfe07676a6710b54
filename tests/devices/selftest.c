/* SPDX-License-Identifier: MIT */
/* selftest.c: the self-test, and a device that computes wrongly. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "backend.h"
#include "launch.h"
#include "machine.h"
#include "devices/devices.h"

START_TEST(selftest_passes) {
  clf_device *dev = open_ith(_i);
  if (!dev) return;
  WORKS(clf__selftest(dev, NULL));
  clf_close(dev);
}
END_TEST

static int passed;
static void count_passed(clf_op op, int algorithm) {
  (void)op, (void)algorithm;
  passed++;
}

/* Each algorithm of an operation is tested before it first runs, so the table must have a call that
 * it applies to. cpu64, which the others are compared with, has fewer algorithms. */
START_TEST(selftest_knows_every_algorithm) {
  clf_device *dev = open_ith(_i);
  const struct clf_traits *traits;
  if (!dev) return;
  for (int op = 0; op < CLF_OP_COUNT && dev->bits == 32; op++) {
    const clf_algorithm *algorithm = dev->backend->algorithms(dev, (clf_op)op, &traits);
    for (int i = 0; algorithm[i].name; i++) {
      const int other =
          traits && traits->lanes > 1 && /* of families with one lane */
          (strcmp(algorithm[i].name, "blas") == 0 || strcmp(algorithm[i].name, "tiles") == 0);
      passed = 0;
      WORKS(clf__selftest_of(dev, (clf_op)op, i, count_passed));
      ck_assert_msg(passed || other, "%s: %s by %s", clf_device_name(dev), clf_ops[op].name,
                    algorithm[i].name);
    }
  }
  clf_close(dev);
}
END_TEST

static clf_op victim; /* whose first result is wrong, by `wrong` plus as much again */
static double wrong;
static int victim_ran, ran[CLF_OP_COUNT];

static clf_status sabotaged_run(clf_device *dev, clf_op op, const void *args) {
  const clf_tensor *t = args;
  CLF_TRY(clf__cpu.run(dev, op, args));
  ran[op] = 1;
  if (op != victim) return CLF_OK;
  victim_ran = 1;
  for (int i = 0; clf_ops[op].modes[i]; i++) {
    if (!t[i].buf || !clf__writes(clf_ops[op].modes[i])) continue;
    float *first = (float *)t[i].buf->handle + t[i].offset;
    *first += (float)wrong * (1 + fabsf(*first));
    return CLF_OK;
  }
  return CLF_OK;
}

clf_device *sabotaged(clf_op op, double by) {
  static clf_backend backend;
  backend = clf__cpu;
  backend.run = sabotaged_run;
  victim = op;
  wrong = by;
  victim_ran = 0;
  clf_device *dev = opened("cpu/baseline");
  dev->backend = &backend;
  return dev;
}

/* The message names the operation, its shapes and both numbers. */
START_TEST(selftest_finds_every_wrong_operation) {
  const clf_op op = (clf_op)_i;
  char begins[64];
  snprintf(begins, sizeof begins, "%s(", clf_ops[op].name);
  const double by[] = {1, -0.01, NAN};
  for (int i = 0; i < 3; i++) {
    clf_device *dev = sabotaged(op, by[i]);
    const clf_status s = clf__selftest(dev, NULL);
    clf_close(dev);
    ck_assert_msg(victim_ran, "the self-test does not run %s", clf_ops[op].name);
    ck_assert_msg(s == CLF_EMISMATCH, "%s wrong by %g is not found", clf_ops[op].name, by[i]);
    ck_assert_msg(strncmp(clf_errmsg(), begins, strlen(begins)) == 0 &&
                      strstr(clf_errmsg(), "element 0 is ") &&
                      strstr(clf_errmsg(), "the reference has "),
                  "%s", clf_errmsg());
  }
}
END_TEST

void tests_of_selftest(TCase *tc) {
  tcase_add_loop_test(tc, selftest_passes, 0, EVERYWHERE);
  tcase_add_loop_test(tc, selftest_knows_every_algorithm, 0, EVERYWHERE);
  tcase_add_loop_test(tc, selftest_finds_every_wrong_operation, 0, CLF_OP_COUNT);
}
