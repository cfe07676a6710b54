/* SPDX-License-Identifier: MIT */
/* test_train.c: training on one device; the tests are in train/.
 *   test_train DEVICE               (default cpu) */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "train/training.h"

/* 480 steps; from 2.2 nats below to the bound, on any device. */
START_TEST(learns_two_moons) {
  clf_table data = make_data(600, 2);
  clf_train_options o = options_of(40, 50);
  clf_flow_spec spec = clf_flow_spec_default(CLF_NVP, 2);
  clf_flow *f = NULL;
  spec.hidden = 16;
  spec.depth = 6;
  spec.seed = 1;
  WORKS(clf_flow_create(dev, &spec, &f));
  const double before = mean_logp(f, data.at, 600);
  clf_trainer *t = make_trainer(f, &data, &o);
  WORKS(clf_trainer_run(t, NULL, NULL));
  const double after = mean_logp(f, data.at, 600);
  if (getenv("CLF_VERBOSE")) printf("two moons: %.3f before, %.3f after\n", before, after);
  ck_assert_msg(after - before > 1, "%g nats before, %g after", before, after);
  done(t, f, &data);
}
END_TEST

static TCase *tests(void) {
  TCase *tc = tcase_create("train");
  tcase_add_unchecked_fixture(tc, open_device, close_device);
  tcase_set_timeout(tc, 300);
  tests_of_bits(tc);
  tests_of_memory(tc);
  tests_of_grains(tc);
  tests_of_rows(tc);
  tests_of_columns(tc);
  tests_of_kinds(tc);
  tests_of_composed(tc);
  tests_of_discrete(tc);
  tests_of_files(tc);
  tests_of_watchdog(tc);
  tests_of_density(tc);
  tests_of_lengths(tc);
  tests_of_rates(tc);
  tests_of_averages(tc);
  tests_of_weights(tc);
  tests_of_validation(tc);
  tests_of_whitening(tc);
  tests_of_refusals(tc);
  tests_of_result(tc);
  tests_of_judge(tc);
  tcase_add_test(tc, learns_two_moons);
  if (!strcmp(where, "cpu") || !strcmp(where, "opencl")) tests_of_learning(tc);
  if (!strcmp(where, "cpu")) tests_of_tails(tc);
  return tc;
}

int main(int argc, char **argv) {
  where = argc > 1 ? argv[1] : "cpu";
  if (!mkdtemp(folder)) return 1;
  Suite *suite = suite_create(where);
  suite_add_tcase(suite, tests());
  const int failed = suite_run(suite);
  suite_remove(folder);
  return failed;
}
