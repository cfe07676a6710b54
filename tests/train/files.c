/* SPDX-License-Identifier: MIT */
/* files.c: contents of the file of a training, and files that are refused. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <string.h>
#include "training.h"

START_TEST(options_in_the_file) {
  clf_table data = make_data(10, 2);
  const clf_train_options o = {.epochs = 3,
                               .batch = 1000,
                               .lr = 0.1 / 3,
                               .beta1 = 0.8,
                               .beta2 = 0.95,
                               .eps = 1e-7,
                               .shuffle = 2,
                               .valid_split = 0.3,
                               .standardize = 1,
                               .activations = CLF_ACTIVATIONS_AUTO,
                               .seed = 0xFEDCBA9876543210u};
  clf_train_options got;
  clf_flow *f = make_flow(CLF_NVP, 2);
  clf_trainer *t = make_trainer(f, &data, &o);
  WORKS(clf_trainer_save(t, path_of("options")));
  WORKS(clf_train_options_load(path_of("options"), &got));
  ck_assert_int_eq(got.epochs, 3);
  ck_assert_int_eq(got.batch, 1000);
  ck_assert_int_eq(got.shuffle, 1);
  ck_assert_int_eq(got.activations, CLF_ACTIVATIONS_STORE); /* what auto chose */
  ck_assert_int_eq(got.standardize, 1);
  ck_assert_uint_eq(got.seed, o.seed);
  ck_assert_double_eq(got.lr, o.lr);
  ck_assert_double_eq(got.beta1, o.beta1);
  ck_assert_double_eq(got.beta2, o.beta2);
  ck_assert_double_eq(got.eps, o.eps);
  ck_assert_double_eq(got.valid_split, o.valid_split);
  WORKS(clf_trainer_resume(t, path_of("options"))); /* any non-zero `shuffle` */
  WORKS(clf_trainer_run(t, NULL, NULL));
  done(t, f, &data);
}
END_TEST

static void resume_refused(const clf_table *data, const clf_train_options *o, const char *what) {
  clf_flow *f = NULL;
  char text[256];
  WORKS(clf_flow_load(dev, path_of("training"), NULL, &f));
  clf_trainer *t = make_trainer(f, data, o);
  snprintf(text, sizeof text, "%s: its training began with another value of %s",
           path_of("training"), what);
  REFUSED(clf_trainer_resume(t, path_of("training")), CLF_EFORMAT, text);
  WORKS(clf_trainer_run(t, NULL, NULL)); /* from the beginning, as without a resume */
  clf_trainer_free(t);
  clf_flow_free(f);
}

START_TEST(resumes_that_are_refused) {
  static diary d;
  setting s = settings[1];
  s.epochs = 2;
  clf_table data = make_data(s.rows, 2);
  whole(&s, &data, "training", &d);
  const clf_train_options o = options_for(&s);
  clf_train_options other[9] = {o, o, o, o, o, o, o, o, o};
  static const char *const names[] = {"batch", "shuffle", "standardize", "seed",       "lr",
                                      "beta1", "beta2",   "eps",         "valid_split"};
  other[0].batch++;
  other[1].shuffle = 0;
  other[2].standardize = 1;
  other[3].seed++;
  other[4].lr *= 1.0000001;
  other[5].beta1 = 0.5;
  other[6].beta2 = 0.5;
  other[7].eps *= 2;
  other[8].valid_split = 0.1;
  for (int i = 0; i < 9; i++) resume_refused(&data, &other[i], names[i]);
  data.at[77] += 1e-9;
  resume_refused(&data, &o, "the data");
  clf_table_free(&data);
}
END_TEST

/* A file that is refused after the end of a training changes neither the best nor the last weights.
 */
START_TEST(refused_after_the_end) {
  static diary d;
  setting s = settings[3];
  s.epochs = 12;
  clf_table data = make_data(s.rows, 2);
  const clf_train_options o = options_for(&s);
  whole(&settings[1], &data, "training", &d);
  clf_flow *f = make_flow(CLF_NVP, 2);
  clf_trainer *t = make_trainer(f, &data, &o);
  WORKS(clf_trainer_run(t, NULL, NULL));
  WORKS(clf_trainer_save(t, path_of("before")));
  ck_assert_int_eq(clf_trainer_resume(t, path_of("training")), CLF_EFORMAT);
  WORKS(clf_trainer_save(t, path_of("after")));
  ck_assert_msg(same_files("before", "after"), "a refused resume changes the training");
  done(t, f, &data);
}
END_TEST

START_TEST(files_that_hold_no_such_training) {
  static diary d;
  setting s = settings[1];
  s.epochs = 1;
  clf_table data = make_data(s.rows, 2);
  char text[256];
  clf_flow_spec spec = clf_flow_spec_default(CLF_NVP, 2);
  clf_flow *f = make_flow(CLF_NVP, 2), *larger = NULL;
  clf_train_options o = options_for(&s), got;
  spec.hidden = 5;
  WORKS(clf_flow_create(dev, &spec, &larger));
  whole(&s, &data, "training", &d);
  WORKS(clf_flow_save(f, path_of("flow")));
  clf_trainer *t = make_trainer(f, &data, &o), *u = make_trainer(larger, &data, &o);
  snprintf(text, sizeof text, "%s: it holds no training", path_of("flow"));
  REFUSED(clf_trainer_resume(t, path_of("flow")), CLF_EFORMAT, text);
  REFUSED(clf_train_options_load(path_of("flow"), &got), CLF_EFORMAT, text);
  snprintf(text, sizeof text, "%s: its tensor clflow.adam.m has %lld elements; the flow needs %lld",
           path_of("training"), (long long)clf_flow_weight_count(f),
           (long long)clf_flow_weight_count(larger));
  WORKS(clf_trainer_save(u, path_of("before")));
  REFUSED(clf_trainer_resume(u, path_of("training")), CLF_EFORMAT, text);
  WORKS(clf_trainer_save(u, path_of("after")));
  ck_assert_msg(same_files("before", "after"), "a refused file changes the training");
  ck_assert_int_eq(clf_trainer_resume(t, path_of("none")), CLF_EIO);
  ck_assert_ptr_nonnull(strstr(clf_errmsg(), path_of("none")));
  ck_assert_int_eq(clf_trainer_save(t, "/proc/no/such/folder"), CLF_EIO);
  clf_trainer_free(t);
  clf_trainer_free(u);
  clf_flow_free(f);
  clf_flow_free(larger);
  clf_table_free(&data);
}
END_TEST

void tests_of_files(TCase *tc) {
  tcase_add_test(tc, options_in_the_file);
  tcase_add_test(tc, resumes_that_are_refused);
  tcase_add_test(tc, refused_after_the_end);
  tcase_add_test(tc, files_that_hold_no_such_training);
}
