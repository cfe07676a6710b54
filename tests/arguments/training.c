/* SPDX-License-Identifier: MIT */
/* training.c: training, fits, and how a flow is judged. */
#include <math.h>
#include "arguments/calls.h"

START_TEST(training) {
  const clf_preset *preset;
  clf_trainer *t;
  clf_train_plan plan;
  QUIET(clf_train_options_default, clf_train_options_default().batch > 0);
  QUIET(clf_train_options_images, clf_train_options_images().batch > 0);
  QUIET(clf_train_options_tables, clf_train_options_tables().batch > 0);
  QUIET(clf_preset_count, clf_preset_count() > 0);
  QUIET(clf_preset_at, !clf_preset_at(-1) && !clf_preset_at(INT32_MAX));
  NO(clf_preset_find, "name", NULL, &preset);
  NO(clf_preset_find, "preset", "tiny", NULL);
  QUIET(clf_preset_spec, clf_preset_spec(NULL, 8, 8, 1).dim == 0);
  ck_assert_int_eq(clf_preset_spec(clf_preset_at(0), INT32_MAX, INT32_MAX, INT32_MAX).dim, 0);
  NO(clf_trainer_create_density, "flow", NULL, &(clf_density){0}, &options, &t);
  NO(clf_trainer_create_density, "density", flow, NULL, &options, &t);
  NO(clf_trainer_create_density, "options", flow, &(clf_density){0}, NULL, &t);
  NO(clf_trainer_create_density, "trainer", flow, &(clf_density){0}, &options, NULL);
  NO(clf_trainer_create, "flow", NULL, &table, &options, &t);
  NO(clf_trainer_create, "data", flow, NULL, &options, &t);
  NO(clf_trainer_create, "options", flow, &table, NULL, &t);
  NO(clf_trainer_create, "trainer", flow, &table, &options, NULL);
  static const clf_table none[] = {{.cols = 2}, {.rows = -1, .cols = 2}, {.rows = 9, .cols = 2}};
  for (int i = 0; i < 3; i++)
    REFUSES(clf_trainer_create(flow, &none[i], &options, &t), "the data have no rows");
  ck_assert_int_eq(
      clf_trainer_create(flow, &(clf_table){.rows = huge, .cols = 2, .at = x}, &options, &t),
      CLF_ENOTSUP);
  QUIET(clf_trainer_free, (clf_trainer_free(NULL), 1));
  NO(clf_trainer_create_images, "flow", NULL, images, NULL, &options, &t);
  NO(clf_trainer_create_images, "images", flow, NULL, NULL, &options, &t);
  NO(clf_trainer_create_images, "options", flow, images, NULL, NULL, &t);
  NO(clf_trainer_create_images, "trainer", flow, images, NULL, &options, NULL);
  NO(clf_trainer_create_images_with, "flow", NULL, &(clf_image_data){0}, &options, &t);
  NO(clf_trainer_create_images_with, "data", flow, NULL, &options, &t);
  NO(clf_trainer_create_images_with, "options", flow, &(clf_image_data){0}, NULL, &t);
  NO(clf_trainer_create_images_with, "trainer", flow, &(clf_image_data){0}, &options, NULL);
  REFUSES(clf_trainer_create_images_with(flow, &(clf_image_data){0}, &options, &t),
          "the training data have no images: images is NULL");
  NO(clf_train_plan_of, "flow", NULL, &options, 1, &plan);
  NO(clf_train_plan_of, "options", flow, NULL, 1, &plan);
  NO(clf_train_plan_of, "plan", flow, &options, 1, NULL);
  ck_assert_int_eq(clf_train_plan_of(flow, &options, INT64_MAX, &plan), CLF_ENOTSUP);
  ck_assert_int_eq(clf_train_plan_of(flow, &options, -1, &plan), CLF_ENOTSUP);
  options.batch = 0;
  ck_assert_int_eq(clf_train_plan_of(flow, &options, 1, &plan), CLF_EINVAL);
  options.batch = 100;
  QUIET(clf_trainer_plan, clf_trainer_plan(NULL).batch == 0);
  NO(clf_trainer_run, "trainer", NULL, NULL, NULL);
  NO(clf_trainer_recalibrate, "trainer", NULL);
  NO(clf_trainer_save, "trainer", NULL, "never.safetensors");
  NO(clf_trainer_save, "path", trainer, NULL);
  NO(clf_trainer_resume, "trainer", NULL, "never.safetensors");
  NO(clf_trainer_resume, "path", trainer, NULL);
  int same;
  NO(clf_train_parts, "path", NULL, &table, NULL, bytes, &same);
  NO(clf_train_parts, "x", "m", NULL, NULL, bytes, &same);
  NO(clf_train_parts, "role", "m", &table, NULL, NULL, &same);
  NO(clf_train_parts, "same", "m", &table, NULL, bytes, NULL);
  NO(clf_train_options_load, "path", NULL, &options);
  NO(clf_train_options_load, "options", "never.safetensors", NULL);
}
END_TEST

START_TEST(train_options) {
  NO(clf_train_options_set, "options", NULL, "lr", "1");
  NO(clf_train_options_set, "name", &options, NULL, "1");
  NO(clf_train_options_set, "value", &options, "lr", NULL);
  char value[64];
  NO(clf_train_options_get, "options", NULL, "lr", value, sizeof value);
  NO(clf_train_options_get, "name", &options, NULL, value, sizeof value);
  NO(clf_train_options_get, "value", &options, "lr", NULL, 8);
  QUIET(clf_train_option_count, clf_train_option_count() > 20);
  QUIET(clf_train_option_at, !clf_train_option_at(-1).name && !clf_train_option_at(9999).name);
  char text[8] = "x";
  QUIET(clf_train_options_text, (clf_train_options_text(NULL, text, sizeof text), !*text));
  clf_train_options_text(&options, NULL, 8);
}
END_TEST

START_TEST(named_options) {
  clf_fit_options of_fit = clf_fit_options_default();
  clf_mixture_options of_mixture = clf_mixture_options_default();
  clf_table_options of_table = {0};
  clf_image_options of_images = {0};
  NO(clf_fit_options_set, "options", NULL, "quick", "1");
  NO(clf_fit_options_set, "name", &of_fit, NULL, "1");
  NO(clf_fit_options_set, "value", &of_fit, "quick", NULL);
  NO(clf_mixture_options_set, "options", NULL, "tied", "1");
  NO(clf_mixture_options_set, "name", &of_mixture, NULL, "1");
  NO(clf_mixture_options_set, "value", &of_mixture, "tied", NULL);
  NO(clf_table_options_set, "options", NULL, "kinds", "1");
  NO(clf_table_options_set, "name", &of_table, NULL, "1");
  NO(clf_table_options_set, "value", &of_table, "kinds", NULL);
  NO(clf_image_options_set, "options", NULL, "strict", "1");
  NO(clf_image_options_set, "name", &of_images, NULL, "1");
  NO(clf_image_options_set, "value", &of_images, "strict", NULL);
}
END_TEST

START_TEST(fits) {
  const clf_fit_data data = {.x = &table};
  const clf_fit_options o = clf_fit_options_default();
  const clf_mixture_options m = clf_mixture_options_default();
  const clf_train_data rows = {.x = &table};
  clf_flow *made;
  clf_mixture_result result;
  QUIET(clf_fit_options_default, o.seconds > 0);
  QUIET(clf_mixture_options_default, m.iterations > 0);
  NO(clf_split_rows, "role", 3, 0.1, 0.1, 1, NULL);
  NO(clf_fit, "dev", NULL, &data, &o, NULL, NULL, &made);
  NO(clf_fit, "data", dev, NULL, &o, NULL, NULL, &made);
  NO(clf_fit, "options", dev, &data, NULL, NULL, NULL, &made);
  NO(clf_fit, "flow", dev, &data, &o, NULL, NULL, NULL);
  NO(clf_mixture_fit, "flow", NULL, &rows, &m, &result);
  NO(clf_mixture_fit, "data", flow, NULL, &m, &result);
  NO(clf_mixture_fit, "options", flow, &rows, NULL, &result);
  NO(clf_flow_set_base_of, "flow", NULL, flow);
  NO(clf_flow_set_base_of, "from", flow, NULL);
  QUIET(clf_treatments_free, (clf_treatments_free(NULL), 1));
}
END_TEST

START_TEST(imports) {
  clf_flow *made;
  clf_import_hint_info hint;
  NO(clf_import, "dev", NULL, "never", NULL, &made, NULL);
  NO(clf_import, "path", dev, NULL, NULL, &made, NULL);
  NO(clf_import, "flow", dev, "never", NULL, NULL, NULL);
  NO(clf_import_memory, "dev", NULL, bytes, 1, NULL, &made, NULL);
  NO(clf_import_memory, "bytes", dev, NULL, 1, NULL, &made, NULL);
  NO(clf_import_memory, "flow", dev, bytes, 1, NULL, NULL, NULL);
  QUIET(clf_import_hint, !clf_import_hint(0, NULL) && !clf_import_hint(-1, &hint));
}
END_TEST

START_TEST(densities) {
  clf_density density = {0};
  clf_importance_score weights;
  NO(clf_density_open, "text", NULL, &density);
  NO(clf_density_open, "density", "normal", NULL);
  QUIET(clf_density_free, (clf_density_free(NULL), 1));
  QUIET(clf_density_log_z, isnan(clf_density_log_z(NULL)));
  QUIET(clf_target_count, clf_target_count() > 0);
  QUIET(clf_target_at, !clf_target_at(-1).name);
  NO(clf_importance, "flow", NULL, &density, 1, 0, 9, &weights, NULL, NULL);
  NO(clf_importance, "density", flow, NULL, 1, 0, 9, &weights, NULL, NULL);
  NO(clf_importance, "score", flow, &density, 1, 0, 9, NULL, NULL, NULL);
  NO(clf_importance_score_of, "log_weights", NULL, 9, &weights);
  NO(clf_importance_score_of, "score", (double[]){0}, 1, NULL);
}
END_TEST

START_TEST(judging) {
  clf_deviation deviation;
  int64_t rank[1];
  QUIET(clf_compare, clf_compare(NULL, x, 9).rows == 0 && clf_compare(x, NULL, 9).rows == 0);
  NO(clf_percentiles, "values", NULL, 1, x, 1, y);
  NO(clf_percentiles, "others", x, 1, NULL, 1, y);
  NO(clf_percentiles, "percent", x, 1, x, 1, NULL);
  NO(clf_ranks, "values", NULL, 1, rank);
  NO(clf_ranks, "rank", x, 1, NULL);
  REFUSES(clf_percentiles(x, -1, x, 1, y), "there cannot be -1 numbers");
  REFUSES(clf_percentiles(x, 1, x, -7, y), "there cannot be -7 numbers");
  REFUSES(clf_ranks(x, -1, rank), "there cannot be -1 numbers");
  REFUSES(clf_deviation_of(x, -1, x, 1, &deviation), "there cannot be -1 numbers");
  NO(clf_model_percentiles, "flow", NULL, NULL, x, 1, 1, 9, y);
  NO(clf_model_percentiles, "logp", flow, NULL, NULL, 1, 1, 9, y);
  NO(clf_model_percentiles, "percent", flow, NULL, x, 1, 1, 9, NULL);
  NO(clf_deviation_of, "a", NULL, 1, x, 1, &deviation);
  NO(clf_deviation_of, "b", x, 1, NULL, 1, &deviation);
  NO(clf_deviation_of, "deviation", x, 1, x, 1, NULL);
  NO(clf_calibrate, "flow", NULL, x, NULL, 1, 1, 1, &deviation, NULL);
  NO(clf_calibrate, "x", flow, NULL, NULL, 1, 1, 1, &deviation, NULL);
  NO(clf_calibrate, "logp", flow, x, NULL, 1, 1, 1, NULL, NULL);
  QUIET(clf_calibration_verdict, clf_calibration_verdict(NULL, NULL, 1, NULL) == CLF_FITS);
}
END_TEST

void tests_of_training(TCase *tc) {
  tcase_add_test(tc, named_options);
  tcase_add_test(tc, fits);
  tcase_add_test(tc, training);
  tcase_add_test(tc, imports);
  tcase_add_test(tc, densities);
  tcase_add_test(tc, judging);
  tcase_add_test(tc, train_options);
}
