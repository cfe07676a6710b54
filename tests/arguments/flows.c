/* SPDX-License-Identifier: MIT */
/* flows.c: flows, what they compute, and their architectures. */
#include <math.h>
#include <string.h>
#include "arguments/calls.h"

START_TEST(flows) {
  clf_flow *made;
  const double *mean = NULL, *std = NULL;
  QUIET(clf_flow_spec_default, clf_flow_spec_default((clf_kind)77, -3).kind == (clf_kind)77);
  QUIET(clf_flow_spec_weights, clf_flow_spec_weights(NULL) == 0);
  ck_assert_int_eq(clf_flow_spec_weights(&(clf_flow_spec){.kind = (clf_kind)99}), 0);
  QUIET(clf_kind_name, strcmp(clf_kind_name((clf_kind)77), "unknown") == 0);
  NO(clf_flow_create, "dev", NULL, &spec, &made);
  NO(clf_flow_create, "spec", dev, NULL, &made);
  NO(clf_flow_create, "flow", dev, &spec, NULL);
  ck_assert_int_eq(clf_flow_create(dev, &(clf_flow_spec){.kind = (clf_kind)99}, &made), CLF_EINVAL);
  QUIET(clf_flow_free, (clf_flow_free(NULL), 1));
  QUIET(clf_flow_get_spec, clf_flow_get_spec(NULL) == NULL);
  QUIET(clf_flow_device, clf_flow_device(NULL) == NULL);
  NO(clf_flow_set_scaling, "flow", NULL, x, x);
  NO(clf_flow_set_scaling, "mean", flow, NULL, x);
  NO(clf_flow_set_scaling, "std", flow, x, NULL);
  QUIET(clf_flow_scaling, clf_flow_scaling(NULL, &mean, &std) == 0);
  ck_assert_int_eq(clf_flow_scaling(flow, NULL, NULL), 0);
  QUIET(clf_flow_is_scaled, clf_flow_is_scaled(NULL) == 0);
  NO(clf_flow_set_grid, "flow", NULL, NULL);
  NO(clf_flow_remove_limits, "flow", NULL);
  QUIET(clf_flow_grid, clf_flow_grid(NULL) == NULL && clf_flow_grid(flow) == NULL);
  NO(clf_flow_set_columns, "flow", NULL, NULL);
  QUIET(clf_flow_columns, clf_flow_columns(NULL) == NULL);
  NO(clf_flow_set_observation, "flow", NULL, x);
  QUIET(clf_flow_observation, clf_flow_observation(NULL) == NULL);
  NO(clf_flow_set_image_order, "flow", NULL, CLF_ORDER_NCHW);
  REFUSES(clf_flow_set_image_order(flow, CLF_ORDER_NCHW),
          "the flow takes rows of numbers, which have no order of images");
  REFUSES(clf_flow_set_image_order(flow, (clf_image_order)3), "there is no order 3 of images");
  QUIET(clf_flow_image_order, clf_flow_image_order(NULL) == CLF_ORDER_AUTO);
  QUIET(clf_flow_set_first_row, (clf_flow_set_first_row(NULL, 3), 1));
  QUIET(clf_flow_param_count, clf_flow_param_count(NULL) == 0);
  QUIET(clf_flow_param, clf_flow_param(NULL, 0).rank == 0);
  ck_assert_int_eq(clf_flow_param(flow, -1).rank, 0);
  ck_assert_int_eq(clf_flow_param(flow, INT32_MAX).rank, 0);
  QUIET(clf_flow_weight_count, clf_flow_weight_count(NULL) == 0);
  QUIET(clf_flow_history, clf_flow_history(NULL).steps == 0 && isnan(clf_flow_history(NULL).train));
  NO(clf_flow_save, "flow", NULL, "never.safetensors");
  NO(clf_flow_save, "path", flow, NULL);
  ck_assert_int_ne(clf_flow_save(flow, ""), CLF_OK);
  NO(clf_flow_load, "dev", NULL, "m", NULL, &made);
  NO(clf_flow_load, "path", dev, NULL, NULL, &made);
  NO(clf_flow_load, "flow", dev, "m", NULL, NULL);
  ck_assert_int_ne(clf_flow_load(dev, "", NULL, &made), CLF_OK);
  QUIET(clf_latent_scale, clf_latent_scale(NULL, 0, 0) == 0);
  QUIET(clf_flow_interval, clf_flow_interval(NULL, (double[2]){0}) == 0);
  ck_assert(!clf_flow_interval(flow, NULL) && !clf_flow_interval(flow, (double[2]){0}));
  const clf_flow_spec image = {.kind = CLF_REALNVP, .scales = INT32_MAX};
  ck_assert_int_ge(clf_latent_scale(&image, INT32_MAX, INT32_MIN), 0);
  int32_t scales[2] = {7, 7}, count = 7;
  NO(clf_flow_latent_scales, "flow", NULL, scales, &count);
  NO(clf_flow_latent_scales, "scales", flow, NULL, &count);
  NO(clf_flow_latent_scales, "count", flow, scales, NULL);
}
END_TEST

START_TEST(use) {
  clf_score score;
  NO(clf_log_prob, "flow", NULL, x, 1, y);
  NO(clf_log_prob, "x", flow, NULL, 1, y);
  NO(clf_log_prob, "logp", flow, x, 1, NULL);
  NO(clf_require_density, "flow", NULL, x, 1, y);
  NO(clf_require_density, "x", flow, NULL, 1, y);
  NO(clf_require_density, "logp", flow, x, 1, NULL);
  NO(clf_transform, "flow", NULL, x, 1, y, y);
  NO(clf_transform, "x", flow, NULL, 1, y, y);
  NO(clf_transform, "z", flow, x, 1, NULL, y);
  NO(clf_invert, "flow", NULL, x, 1, y, y);
  NO(clf_invert, "z", flow, NULL, 1, y, y);
  NO(clf_invert, "x", flow, x, 1, NULL, y);
  NO(clf_sample, "flow", NULL, 1, 0, 1, y);
  NO(clf_sample, "x", flow, 1, 0, 1, NULL);
  NO(clf_sample_latents, "flow", NULL, 1, 0, 1, 1, y);
  NO(clf_sample_latents, "z", flow, 1, 0, 1, 1, NULL);
  NO(clf_jacobian, "flow", NULL, x, y, y, y);
  NO(clf_jacobian, "x", flow, NULL, y, y, y);
  NO(clf_jacobian, "J", flow, x, NULL, y, y);
  NO(clf_jacobian, "logabsdet", flow, x, y, NULL, y);
  NO(clf_jacobian, "logdet", flow, x, y, y, NULL);
  NO(clf_evaluate, "flow", NULL, x, 1, &score);
  NO(clf_evaluate, "x", flow, NULL, 1, &score);
  NO(clf_evaluate, "score", flow, x, 1, NULL);
  QUIET(clf_score_of, clf_score_of(NULL, 3, 1).count == 0);
  ck_assert_msg(isnan(clf_score_of(x, -3, 1).mean), "the mean of -3 numbers");
  QUIET(clf_dequantize, (clf_dequantize(NULL, 1, 2, 1, 0, y), 1));
  clf_dequantize(bytes, 1, 2, 1, 0, NULL);
  clf_dequantize(bytes, -1, 2, 1, 0, y);
  clf_dequantize(bytes, 2, 2, 1, INT64_MAX, y);
  NO(clf_check_levels, "flow", NULL, bytes, 1, 0);
  NO(clf_check_levels, "bytes", flow, NULL, 1, 0);
  REFUSES(clf_check_levels(flow, bytes, INT64_MAX, 0),
          "9223372036854775807 rows of 2 numbers are more than memory can hold");
  NO(clf_evaluate_images, "flow", NULL, images, NULL, 0, 1, 1, &score);
  NO(clf_evaluate_images, "images", flow, NULL, NULL, 0, 1, 1, &score);
  NO(clf_evaluate_images, "score", flow, images, NULL, 0, 1, 1, NULL);
  NO(clf_evaluate_images_given, "flow", NULL, images, NULL, NULL, 0, 1, 1, &score);
  NO(clf_evaluate_images_given, "images", flow, NULL, NULL, NULL, 0, 1, 1, &score);
  NO(clf_evaluate_images_given, "score", flow, images, NULL, NULL, 0, 1, 1, NULL);
}
END_TEST

START_TEST(large_counts) {
  clf_score score;
  REFUSES(clf_log_prob(flow, x, huge, y), TOO_MANY);
  REFUSES(clf_transform(flow, x, huge, y, NULL), TOO_MANY);
  REFUSES(clf_invert(flow, x, huge, y, NULL), TOO_MANY);
  REFUSES(clf_sample(flow, 1, 0, huge, y), TOO_MANY);
  REFUSES(clf_sample_latents(flow, 1, 0, huge, 1, y), TOO_MANY);
  REFUSES(clf_evaluate(flow, x, huge, &score), TOO_MANY);
  REFUSES(clf_evaluate(flow, x, huge + 1, &score),
          "2305843009213693953 rows of 2 numbers are more than memory can hold");
  REFUSES(clf_log_prob(flow, x, INT64_MIN, y),
          "-9223372036854775808 samples: there must be at least 1");
  REFUSES(clf_sample(flow, 1, INT64_MAX - 1, 2, y),
          "2 samples from sample 9223372036854775806 on: they count to 2^63 - 1");
  WORKS(clf_sample(flow, 1, INT64_MAX - 2, 2, y));
  clf_flow_set_first_row(flow, INT64_MAX);
  x[3] = NAN;
  ck_assert_int_eq(clf_log_prob(flow, x, 2, y), CLF_ENUM);
  x[3] = 0;
  clf_flow_set_first_row(flow, 0);

  clf_flow_spec wide = clf_preset_spec(clf_preset_at(0), 8, 8, 1);
  clf_flow *pixels;
  WORKS(clf_flow_create(dev, &wide, &pixels));
  REFUSES(clf_evaluate_images(pixels, images, NULL, 0, huge, 1, &score),
          "2305843009213693952 rows of 1 numbers are more than memory can hold");
  REFUSES(clf_evaluate_images(pixels, images, NULL, INT64_MAX, 2, 1, &score),
          "the first image is 9223372036854775807; they count from 0");
  ck_assert_int_ne(clf_evaluate_images(pixels, images, NULL, 2, 2, 1, &score), CLF_OK);
  clf_flow_free(pixels);
}
END_TEST

START_TEST(architectures) {
  clf_arch *a = NULL;
  int32_t h = -1, w = -1, c = -1;
  NO(clf_flow_blend, "flows", NULL, NULL, 0, NULL);
  NO(clf_flow_create_arch, "dev", NULL, NULL, 0, NULL);
  QUIET(clf_flow_arch, !clf_flow_arch(NULL) && !clf_flow_arch(flow));
  QUIET(clf_flow_context, clf_flow_context(NULL) == 0 && clf_flow_context(flow) == 0);
  NO(clf_arch_parse, "text", NULL, &a);
  NO(clf_arch_parse, "arch", "3: -> normal", NULL);
  NO(clf_arch_from_json, "json", NULL, &a);
  NO(clf_arch_from_json, "arch", "{}", NULL);
  QUIET(clf_arch_free, (clf_arch_free(NULL), 1));
  QUIET(clf_arch_text, clf_arch_text(NULL) == NULL);
  QUIET(clf_arch_json, clf_arch_json(NULL) == NULL);
  QUIET(clf_arch_dim, clf_arch_dim(NULL) == 0);
  QUIET(clf_arch_context, clf_arch_context(NULL) == 0);
  QUIET(clf_arch_layers, clf_arch_layers(NULL) == 0);
  QUIET(clf_arch_shape, clf_arch_shape(NULL, &h, &w, &c) == 0 && h == -1 && w == -1 && c == -1);
  NO(clf_arch_of_spec, "spec", NULL, &a);
  NO(clf_arch_of_spec, "arch", &spec, NULL);
  NO(clf_preset_arch, "preset", NULL, "dim=2", &a);
  NO(clf_preset_arch, "values", clf_preset_at(0), NULL, &a);
  NO(clf_preset_options, "preset", NULL, &options);
  NO(clf_preset_options, "options", clf_preset_at(0), NULL);
  NO(clf_preset_arch, "arch", clf_preset_at(0), "dim=2", NULL);
  WORKS(clf_arch_parse("2x2x1: -> normal", &a));
  QUIET(clf_arch_shape, clf_arch_shape(a, NULL, NULL, NULL) == 1);
  clf_arch_free(a);
}
END_TEST

START_TEST(given) {
  const clf_tensor none = {0};
  clf_score score;
  float v[8];
  NO(clf_log_prob_given, "c", flow, x, NULL, 1, y);
  NO(clf_transform_given, "c", flow, x, NULL, 1, y, NULL);
  NO(clf_invert_given, "c", flow, x, NULL, 1, y, NULL);
  NO(clf_sample_given, "c", flow, NULL, 1, 1, 1, y);
  NO(clf_sample_given_part, "c", flow, NULL, 1, 1, 1, 0, 1, y);
  NO(clf_sample_latents_given, "z", flow, x, 1, 1, 1, 0, 1, 1, NULL);
  NO(clf_sample_latents_given, "c", flow, NULL, 1, 1, 1, 0, 1, 1, y);
  NO(clf_evaluate_given, "c", flow, x, NULL, 1, &score);
  NO(clf_jacobian_given, "c", flow, x, NULL, y, y, y);
  NO(clf_strange_columns, "x", flow, NULL, NULL, 1, 1, y, NULL);
  NO(clf_strange_columns, "gain", flow, x, NULL, 1, 1, NULL, NULL);
  NO(clf_log_prob_gradient, "dx", flow, x, NULL, 1, y, NULL, NULL);
  NO(clf_log_prob_tensor, "x", flow, none, none, none);
  NO(clf_log_prob_device, "x", flow, none, none, none);
  NO(clf_transform_device, "x", flow, none, none, none, none);
  NO(clf_invert_device, "z", flow, none, none, none, none);
  NO(clf_sample_device, "x", flow, none, 1, 0, none);
  NO(clf_export_c, "flow", NULL, "never.c", "x", 0, 0);
  NO(clf_export_c, "path", flow, NULL, "x", 0, 0);
  NO(clf_export_c, "name", flow, "never.c", NULL, 0, 0);
  NO(clf_export_pytorch, "flow", NULL, "never");
  NO(clf_export_pytorch, "name", flow, NULL);
  static const char *const no_modules[] = {
      "", "1x", "a-b", "never/", "../a b", "a.b", "a\nb", "x\"\"\"; import os; \"\"\"", "\xc3\xa9"};
  for (size_t i = 0; i < sizeof no_modules / sizeof *no_modules; i++)
    ck_assert_int_eq(clf_export_pytorch(flow, no_modules[i]), CLF_EINVAL);
  REFUSES(
      clf_export_pytorch(flow, "never/1x"),
      "\"1x\" is not a name for a Python module: use letters, digits and _, and no digit first");
  NO(clf_open_cl, "context", NULL, x, &(clf_device *){NULL});
  NO(clf_open_cl, "queue", x, NULL, &(clf_device *){NULL});
  NO(clf_open_cl, "dev", x, x, NULL);
  NO(clf_wrap_cl, "dev", NULL, x, &(clf_arena){0});
  NO(clf_wrap_cl, "mem", dev, NULL, &(clf_arena){0});
  NO(clf_wrap_cl, "arena", dev, x, NULL);
  NO(clf_log_prob_float, "logp", flow, v, NULL, 1, NULL);
  NO(clf_sample_float, "x", flow, NULL, 1, 1, 1, NULL);
  NO(clf_flow_set_context_columns, "flow", NULL, NULL);
  NO(clf_flow_set_record, "flow", NULL, "{}");
  QUIET(clf_flow_record, clf_flow_record(NULL) == NULL);
  char *record;
  int32_t shape[3];
  clf_image_order order;
  NO(clf_model_images, "path", NULL, shape, &order);
  NO(clf_model_images, "shape", "m", NULL, &order);
  NO(clf_model_images, "order", "m", shape, NULL);
  NO(clf_model_record, "path", NULL, &record);
  NO(clf_model_record, "record", "m", NULL);
  QUIET(clf_flow_context_columns,
        !clf_flow_context_columns(NULL) && !clf_flow_context_columns(flow));
  REFUSES(clf_flow_set_context_columns(flow, (char *[]){(char[]){"a"}}),
          "the flow takes no context");
  NO(clf_flow_load_memory, "bytes", dev, NULL, 8, NULL, &flow);
  NO(clf_flow_save_memory, "bytes", flow, NULL, NULL);
  NO(clf_trainer_create_with, "data", flow, NULL, &options, &trainer);
  REFUSES(clf_log_prob_given(flow, x, x, 1, y), "the flow takes no context");
  REFUSES(clf_sample_given(flow, x, 1, 1, 0, y),
          "0 samples for each of 1 contexts: both must be at least 1");
  REFUSES(clf_sample_given_part(flow, x, 2, 1, 3, 4, 3, y),
          "3 samples from number 4 on: there are 6, which count from 0");
  REFUSES(clf_sample_given_part(flow, x, 2, 1, 3, -1, 1, y),
          "1 samples from number -1 on: there are 6, which count from 0");
  REFUSES(clf_sample_latents_given(flow, x, 2, 1, 3, 4, 3, 1, y),
          "3 samples from number 4 on: there are 6, which count from 0");
  REFUSES(clf_sample_latents_given(flow, x, 2, 1, 3, 0, 6, -1, y),
          "the temperature is -1; it must be 0 or above");
}
END_TEST

void tests_of_flows(TCase *tc) {
  tcase_add_test(tc, flows);
  tcase_add_test(tc, use);
  tcase_add_test(tc, large_counts);
  tcase_add_test(tc, architectures);
  tcase_add_test(tc, given);
}
