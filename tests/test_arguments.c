/* SPDX-License-Identifier: MIT */
/* test_arguments.c: every public function with NULL for each required pointer, and with counts
 * that cannot fit into memory.  Functions that can fail refuse them with a sentence, others do
 * nothing or return nothing.  The last test reads the headers and checks that no function is
 * missing here. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clflow/clflow.h"
#include "clflow/plot.h"
#include "clflow/report.h"
#include "suite.h"

enum { MOST = 256 };
static const int64_t huge = (int64_t)1 << 61;

static const char *called[MOST];
static int calls;

static void visit(const char *function) {
  for (int i = 0; i < calls; i++)
    if (strcmp(called[i], function) == 0) return;
  ck_assert_int_lt(calls, MOST);
  called[calls++] = function;
}

static void refused(const char *function, const char *argument, clf_status s) {
  char want[128];
  snprintf(want, sizeof want, "%s: %s is NULL", function, argument);
  ck_assert_msg(s == CLF_EINVAL, "%s without %s returns %d (%s)", function, argument, (int)s,
                clf_errmsg());
  ck_assert_str_eq(clf_errmsg(), want);
}

/* The call with the last arguments refuses `argument`, which is NULL. */
#define NO(function, argument, ...)                                                                \
  (visit(#function), refused(#function, argument, function(__VA_ARGS__)))
/* A call of a function that cannot fail, and what holds afterwards. */
#define QUIET(function, holds) (visit(#function), ck_assert_msg((holds), "%s", #holds))
#define REFUSES(call, message) REFUSED(call, CLF_EINVAL, message)

/* ---- The objects ----------------------------------------------------------------------------- */

static clf_device *dev;
static clf_flow *flow;
static clf_flow_spec spec;
static clf_table table;
static clf_trainer *trainer;
static clf_images *images;
static clf_train_options options;
static double x[8], y[8];
static uint8_t bytes[64];

static void set_up(void) {
  spec = clf_flow_spec_default(CLF_NVP, 2);
  options = clf_train_options_default();
  WORKS(clf_open("cpu", &dev));
  WORKS(clf_flow_create(dev, &spec, &flow));
  WORKS(clf_table_read("moons:n=50", &table));
  WORKS(clf_trainer_create(flow, &table, &options, &trainer));
  WORKS(clf_images_open("glyphs:n=3,size=8", NULL, &images));
}

static void tear_down(void) {
  clf_trainer_free(trainer);
  clf_images_free(images);
  clf_table_free(&table);
  clf_flow_free(flow);
  clf_close(dev);
}

/* ---- Devices and tensors -------------------------------------------------------------------- */

START_TEST(core) {
  int count;
  clf_device_info *list;
  QUIET(clf_strerror, strcmp(clf_strerror((clf_status)-5), "unknown status") == 0);
  QUIET(clf_errmsg, clf_errmsg() != NULL);
  QUIET(clf_fail, clf_fail(CLF_ENOMEM, NULL) == CLF_ENOMEM);
  ck_assert_str_eq(clf_errmsg(), "out of memory");
  QUIET(clf_set_listener, (clf_set_listener(NULL, dev), 1));
  QUIET(clf_set_threads, clf_set_threads(INT32_MIN) == CLF_EINVAL);
  QUIET(clf_threads, clf_threads() >= 1 && clf_threads() <= 256);
  QUIET(clf_version, clf_version() != NULL);
  QUIET(clf_abi, clf_abi("clf_table.cols") == offsetof(clf_table, cols) && clf_abi(NULL) == -1);
  NO(clf_open, "dev", "cpu", NULL);
  QUIET(clf_close, (clf_close(NULL), 1));
  QUIET(clf_device_name, clf_device_name(NULL) == NULL);
  QUIET(clf_device_note, clf_device_note(NULL) == NULL);
  QUIET(clf_device_report, !*clf_device_report(NULL) && !*clf_device_report(dev));
  QUIET(clf_device_tuned, clf_device_tuned(NULL) == 0);
  QUIET(clf_memory_taken, clf_memory_taken(NULL, 1).most == 0);
  NO(clf_sync, "dev", NULL);
  NO(clf_devices, "list", 0, NULL, &count);
  NO(clf_devices, "count", 0, &list, NULL);
  NO(clf_tune, "work", "cpu", NULL, NULL, NULL, NULL, NULL);
}
END_TEST

START_TEST(tensors) {
  static const int32_t shape[4] = {2, 3}, wild[4] = {INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX};
  float f[6] = {0};
  clf_arena a = {0};
  clf_tensor t = {0};
  NO(clf_arena_init, "a", NULL, dev, 16);
  NO(clf_arena_init, "dev", &a, NULL, 16);
  ck_assert_int_eq(clf_arena_init(&a, dev, (size_t)-1), CLF_ENOTSUP);
  QUIET(clf_arena_free, (clf_arena_free(NULL), clf_arena_free(&(clf_arena){0}), 1));
  WORKS(clf_arena_init(&a, dev, 32));
  NO(clf_new, "a", NULL, shape, &t);
  NO(clf_new, "dim", &a, NULL, &t);
  NO(clf_new, "t", &a, shape, NULL);
  ck_assert_int_eq(clf_new(&a, wild, &t), CLF_ENOTSUP);
  ck_assert_int_eq(clf_new(&a, (int32_t[4]){-1, 1, 1, 1}, &t), CLF_ESHAPE);
  WORKS(clf_new(&a, shape, &t));
#define TRANSFER(function, host)                                                                   \
  NO(function, "dev", NULL, t, (void *)x);                                                         \
  NO(function, host, dev, t, NULL);                                                                \
  ck_assert_int_eq(function(dev, (clf_tensor){0}, (void *)x), CLF_EINVAL)
  TRANSFER(clf_write, "src");
  TRANSFER(clf_upload, "src");
  TRANSFER(clf_read, "dst");
  TRANSFER(clf_write64, "src");
  TRANSFER(clf_read64, "dst");
#undef TRANSFER
  QUIET(clf_slice, !clf_slice(t, -1, 0, 1).buf && !clf_slice(t, 4, 0, 1).buf);
  ck_assert_ptr_null(clf_slice(t, 0, INT32_MAX, INT32_MIN).buf);
  ck_assert_ptr_null(clf_slice(t, 0, -5, 1).buf);
  ck_assert_int_eq(clf_slice(t, 0, 1, 2).offset, t.offset + 3);
  ck_assert_int_eq(clf_read(dev, clf_slice(t, 0, 0, INT32_MAX), f), CLF_ESHAPE);
  QUIET(clf_flat, clf_flat(t).dim[0] == 6);
  NO(clf_dispatch, "dev", NULL, CLF_OP_fill, &(clf_fill_args){.y = t});
  NO(clf_dispatch, "args", dev, CLF_OP_fill, NULL);
  REFUSES(clf_dispatch(dev, (clf_op)-1, NULL), "there is no operation -1");
  clf_arena_free(&a);
}
END_TEST

/* ---- Data ------------------------------------------------------------------------------------ */

START_TEST(tables) {
  clf_table t = {0};
  NO(clf_table_new, "t", 1, 1, NULL);
  ck_assert_int_eq(clf_table_new(INT64_MAX, 2, &t), CLF_ENOMEM);
  ck_assert_int_eq(clf_table_new(huge, 16, &t), CLF_ENOMEM);
  ck_assert_int_eq(clf_table_new(0, 1, &t), CLF_EINVAL);
  QUIET(clf_table_free, (clf_table_free(NULL), clf_table_free(&t), 1));
  NO(clf_table_read, "source", NULL, &t);
  NO(clf_table_read, "t", "moons", NULL);
  const clf_table_options usual = {.skip = 0};
  NO(clf_table_read_with, "source", NULL, &usual, &t);
  NO(clf_table_read_with, "options", "moons", NULL, &t);
  NO(clf_table_read_with, "t", "moons", &usual, NULL);
  NO(clf_table_write, "path", NULL, &table);
  NO(clf_table_write, "t", "never.csv", NULL);
  ck_assert_int_eq(clf_table_write("never.npy", &(clf_table){.rows = 1, .cols = 1}), CLF_EINVAL);
  visit("clf_path_writable");
  REFUSES(clf_path_writable(NULL), "the name of a file to write is empty");
  NO(clf_file_write, "path", NULL, x, 1);
  NO(clf_file_write, "bytes", "never.bin", NULL, 1);
  NO(clf_table_match, "t", NULL, NULL, 1);
  QUIET(clf_discard_unfinished, (clf_discard_unfinished(), 1));
  QUIET(clf_table_moments, (clf_table_moments(NULL, NULL, 0, x, y), 1));
  clf_table_moments(&table, NULL, 0, NULL, y);
  clf_table_moments(&table, NULL, 0, x, NULL);
  clf_table_moments(&(clf_table){.rows = 1, .cols = 1}, NULL, 0, x, y);
  clf_column_grid grid = {0, 0, 0};
  clf_advice *advice;
  clf_treatments treatments;
  int count;
  NO(clf_table_grid, "t", NULL, 0, &grid);
  NO(clf_table_grid, "grid", &table, 0, NULL);
  ck_assert_int_eq(clf_table_grid(&table, INT32_MIN, &grid), CLF_EINVAL);
  NO(clf_table_discrete, "t", NULL, 0, &grid);
  NO(clf_table_discrete, "grid", &table, 0, NULL);
  ck_assert_int_eq(clf_table_discrete(&table, INT32_MAX, &grid), CLF_EINVAL);
  QUIET(clf_table_checksum, clf_table_checksum(NULL, NULL) == 0);
  QUIET(clf_source_is_stream, clf_source_is_stream(NULL) == 0);
  NO(clf_table_advise, "t", NULL, 0, NULL, &advice, &count);
  NO(clf_table_advise, "advice", &table, 0, NULL, NULL, &count);
  NO(clf_table_advise, "count", &table, 0, NULL, &advice, NULL);
  NO(clf_table_treat, "table", NULL, NULL, 0, NULL, &treatments);
  NO(clf_table_treat, "treatments", &table, NULL, 0, NULL, NULL);
  const clf_table empty = {.rows = 3, .cols = 1}, wide = {.rows = huge, .cols = 2, .at = x};
  REFUSES(clf_table_advise(&empty, 0, NULL, &advice, &count), "the table has no rows");
  REFUSES(clf_table_treat(&empty, NULL, 0, NULL, &treatments), "the table has no rows");
  REFUSES(clf_table_advise(&wide, 0, NULL, &advice, &count),
          "2305843009213693952 rows of 2 numbers are more than memory can hold");
  REFUSES(clf_table_grid(&empty, 0, &grid), "the table has no rows");
  REFUSES(clf_table_discrete(&empty, 0, &grid), "the table has no rows");
  QUIET(clf_synthetic, clf_synthetic() != NULL);
}
END_TEST

START_TEST(image_sets) {
  int64_t done = 7, total = 7;
  int32_t h = 7, w = 7, c = 7;
  clf_images *made;
  clf_table noise;
  NO(clf_images_open, "source", NULL, NULL, &made);
  NO(clf_images_open, "images", "glyphs", NULL, NULL);
  QUIET(clf_images_free, (clf_images_free(NULL), 1));
  QUIET(clf_is_image_source, !clf_is_image_source(NULL) && !clf_is_image_source(""));
  QUIET(clf_is_model_file, !clf_is_model_file(NULL) && !clf_is_model_file(""));
  QUIET(clf_images_progress, (clf_images_progress(NULL, &done, &total), done == 7));
  clf_images_progress(images, NULL, &total);
  clf_images_progress(images, &done, NULL);
  NO(clf_images_wait, "images", NULL);
  QUIET(clf_images_count, clf_images_count(NULL) == 0);
  QUIET(clf_images_shape, (clf_images_shape(NULL, &h, &w, &c), h == 7));
  clf_images_shape(images, &h, NULL, &c);
  QUIET(clf_images_skipped, clf_images_skipped(NULL, NULL) == 0);
  QUIET(clf_images_note, clf_images_note(NULL, 0) == NULL && clf_images_note(images, -1) == NULL);
  QUIET(clf_images_checksum, clf_images_checksum(NULL) == 0);
  WORKS(clf_images_wait(images));
  NO(clf_images_get, "images", NULL, NULL, 0, 1, NULL, bytes);
  NO(clf_images_get, "out", images, NULL, 0, 1, NULL, NULL);
  ck_assert_int_eq(clf_images_get(images, NULL, INT64_MAX, 1, NULL, bytes), CLF_EINVAL);
  ck_assert_int_eq(clf_images_get(images, NULL, 0, -1, NULL, bytes), CLF_EINVAL);
  NO(clf_image_write_png, "path", NULL, bytes, 1, 1, 1);
  NO(clf_image_write_png, "pixels", "never.png", NULL, 1, 1, 1);
  ck_assert_int_eq(clf_image_write_png("never.png", bytes, -1, 1, 1), CLF_EINVAL);
  NO(clf_images_write_npy, "path", NULL, bytes, 1, 1, 1, 1);
  NO(clf_images_write_npy, "pixels", "never.npy", NULL, 1, 1, 1, 1);
  ck_assert_int_eq(clf_images_write_npy("never.npy", bytes, huge, 1 << 16, 1 << 16, 3), CLF_EINVAL);
  NO(clf_array_write_npy, "path", NULL, x, 1, &huge);
  NO(clf_array_write_npy, "at", "never.npy", NULL, 1, &huge);
  NO(clf_array_write_npy, "dim", "never.npy", x, 1, NULL);
  ck_assert_int_eq(clf_array_write_npy("never.npy", x, 1, &huge), CLF_EINVAL);
  NO(clf_noise_read, "path", NULL, 1, 1, 1, 1, &noise);
  NO(clf_noise_read, "noise", "never.npy", 1, 1, 1, 1, NULL);
}
END_TEST

/* ---- Flows ----------------------------------------------------------------------------------- */

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
  QUIET(clf_flow_grid, clf_flow_grid(NULL) == NULL && clf_flow_grid(flow) == NULL);
  NO(clf_flow_set_columns, "flow", NULL, NULL);
  QUIET(clf_flow_columns, clf_flow_columns(NULL) == NULL);
  NO(clf_flow_set_observation, "flow", NULL, x);
  QUIET(clf_flow_observation, clf_flow_observation(NULL) == NULL);
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
}
END_TEST

#define TOO_MANY "2305843009213693952 rows of 2 numbers are more than memory can hold"
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

/* ---- Kinds of columns ---------------------------------------------------------------------- */

START_TEST(kinds) {
  const clf_column plain = {.decimals = -1};
  clf_column copy;
  clf_columns columns = {0};
  char *text = NULL, word[8] = "x";
  NO(clf_table_match_kinds, "t", NULL, NULL);
  NO(clf_table_one_hot, "t", NULL);
  NO(clf_table_line, "t", NULL, 0, &text);
  NO(clf_table_line, "line", &table, 0, NULL);
  REFUSES(clf_table_line(&table, 50, &text), "there is no row 50; the table has 50");
  REFUSES(clf_table_line(&table, -1, &text), "the columns of the table have no names");
  NO(clf_column_value, "column", NULL, "1", y);
  NO(clf_column_value, "text", &plain, NULL, y);
  NO(clf_column_value, "value", &plain, "1", NULL);
  NO(clf_column_check, "column", NULL);
  NO(clf_column_copy, "column", NULL, &copy);
  NO(clf_column_copy, "copy", &plain, NULL);
  NO(clf_columns_copy, "columns", NULL, &columns);
  NO(clf_columns_copy, "copy", &columns, NULL);
  NO(clf_columns_one_hot, "columns", NULL, &columns);
  NO(clf_columns_one_hot, "expanded", &columns, NULL);
  QUIET(clf_column_free, (clf_column_free(NULL), 1));
  QUIET(clf_columns_free, (clf_columns_free(NULL), 1));
  QUIET(clf_column_text, clf_column_text(NULL, 1, word, sizeof word) == 0 && !*word);
  QUIET(clf_column_kind_name, !*clf_column_kind_name(CLF_COLUMN_KINDS));
  QUIET(clf_columns_one_hot_count, clf_columns_one_hot_count(NULL, 3) == 3);
  NO(clf_flow_set_kinds, "flow", NULL, NULL);
  QUIET(clf_flow_kinds, clf_flow_kinds(NULL) == NULL);
  NO(clf_flow_set_context_table, "flow", NULL, &columns);
  NO(clf_flow_set_context_table, "columns", flow, NULL);
  REFUSES(clf_flow_set_context_table(flow, &columns),
          "a table of 0 columns without names makes 0 numbers of context; the flow takes 0");
  QUIET(clf_flow_context_table, !clf_flow_context_table(NULL) && !clf_flow_context_table(flow));
  NO(clf_flow_table_columns, "flow", NULL, 0, &columns);
  NO(clf_flow_table_columns, "columns", flow, 0, NULL);
}
END_TEST

/* ---- Groups -------------------------------------------------------------------------------- */

START_TEST(groups) {
  clf_group *g;
  NO(clf_group_threads, "members", 1, NULL);
  NO(clf_group_mpi, "group", NULL);
  QUIET(clf_group_launched, clf_group_launched() == 1);
  QUIET(clf_group_abort, (clf_group_abort(NULL), 1));
  QUIET(clf_group_free, (clf_group_free(NULL), 1));
  QUIET(clf_group_exit, (clf_group_exit(NULL, 0), 1));
  QUIET(clf_group_rank, clf_group_rank(NULL) == 0);
  QUIET(clf_group_size, clf_group_size(NULL) == 0);
  QUIET(clf_group_local_rank, clf_group_local_rank(NULL) == 0);
  QUIET(clf_group_member, clf_group_member(NULL, 0) == NULL);
  NO(clf_group_barrier, "group", NULL);
  NO(clf_group_gather, "group", NULL, x, 1, y);
  NO(clf_group_broadcast, "group", NULL, 0, x, 1);
  NO(clf_group_gather_parts, "group", NULL, x, NULL);
  QUIET(clf_flow_chunk, clf_flow_chunk(NULL) == 0 && clf_flow_chunk(flow) == 8192);
  NO(clf_group_agree, "group", NULL, CLF_OK);
  WORKS(clf_group_threads(1, &g));
  NO(clf_group_gather, "in", g, NULL, 1, y);
  NO(clf_group_gather, "out", g, x, 1, NULL);
  NO(clf_group_broadcast, "data", g, 0, NULL, 1);
  NO(clf_group_gather_parts, "all", g, NULL, &(int64_t){0});
  NO(clf_group_gather_parts, "first", g, x, NULL);
  NO(clf_trainer_set_group, "trainer", NULL, g, NULL);
  NO(clf_trainer_set_group, "group", trainer, NULL, NULL);
  QUIET(clf_trainer_grains, clf_trainer_grains(NULL) == 0 && clf_trainer_grains(trainer) == 0);
  QUIET(clf_train_grains_for, clf_train_grains_for(3) == 8 && clf_train_grains_for(9) == 16);
  clf_group_free(g);
}
END_TEST

/* ---- Architectures ------------------------------------------------------------------------- */

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

/* ---- Context, gradients, floats ------------------------------------------------------------- */

START_TEST(given) {
  const clf_tensor none = {0};
  clf_score score;
  float v[8];
  NO(clf_log_prob_given, "c", flow, x, NULL, 1, y);
  NO(clf_transform_given, "c", flow, x, NULL, 1, y, NULL);
  NO(clf_invert_given, "c", flow, x, NULL, 1, y, NULL);
  NO(clf_sample_given, "c", flow, NULL, 1, 1, 1, y);
  NO(clf_sample_given_part, "c", flow, NULL, 1, 1, 1, 0, 1, y);
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
}
END_TEST

/* ---- Training -------------------------------------------------------------------------------- */

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
  NO(clf_train_parts, "part", "m", &table, NULL, NULL, &same);
  NO(clf_train_parts, "same", "m", &table, NULL, bytes, NULL);
  NO(clf_train_options_load, "path", NULL, &options);
  NO(clf_train_options_load, "options", "never.safetensors", NULL);
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
  clf_deviation deviation;
  int64_t rank[1];
  QUIET(clf_compare, clf_compare(NULL, x, 9).rows == 0 && clf_compare(x, NULL, 9).rows == 0);
  NO(clf_percentiles, "values", NULL, 1, x, 1, y);
  NO(clf_percentiles, "others", x, 1, NULL, 1, y);
  NO(clf_percentiles, "percent", x, 1, x, 1, NULL);
  NO(clf_ranks, "values", NULL, 1, rank);
  NO(clf_ranks, "rank", x, 1, NULL);
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

/* ---- Pictures -------------------------------------------------------------------------------- */

START_TEST(pictures) {
  const clf_report_source report = {0};
  NO(clf_report_write, "source", NULL, "never.html", NULL, 0);
  NO(clf_report_write, "path", &report, NULL, NULL, 0);
  NO(clf_report_plot, "source", NULL, CLF_PICTURE_PIT, "never.png");
  NO(clf_report_plot, "path", &report, CLF_PICTURE_PIT, NULL);
  NO(clf_plot_flow, "flow", NULL, NULL, 1, "never.png");
  NO(clf_plot_flow, "path", flow, NULL, 1, NULL);
  ck_assert_int_eq(
      clf_plot_flow(flow, &(clf_table){.rows = huge, .cols = 2, .at = x}, 1, "never.png"),
      CLF_EINVAL);
  NO(clf_plot_table, "t", NULL, "", "never.png");
  NO(clf_plot_table, "path", &table, "", NULL);
  REFUSES(clf_plot_table(&(clf_table){.rows = huge, .cols = 2, .at = x}, "", "never.png"),
          TOO_MANY);
  NO(clf_plot_training, "train", NULL, NULL, 3, "never.png");
  NO(clf_plot_training, "path", x, NULL, 3, NULL);
  ck_assert_int_eq(clf_plot_training(x, NULL, -3, "never.png"), CLF_EINVAL);
  ck_assert_int_eq(clf_plot_training(x, NULL, huge, "never.png"), CLF_EINVAL);
  NO(clf_plot_bits, "train", NULL, NULL, 3, "never.png");
  NO(clf_plot_bits, "path", x, NULL, 3, NULL);
}
END_TEST

/* ---- All of them ------------------------------------------------------------------------------
 */

static int is_called(const char *name, size_t length) {
  for (int i = 0; i < calls; i++)
    if (strlen(called[i]) == length && strncmp(called[i], name, length) == 0) return 1;
  return 0;
}

START_TEST(fits) {
  const clf_fit_data data = {.x = &table};
  const clf_fit_options o = clf_fit_options_default();
  const clf_mixture_options m = clf_mixture_options_default();
  const clf_train_data rows = {.x = &table};
  clf_flow *made;
  clf_mixture_result result;
  QUIET(clf_fit_options_default, o.seconds > 0);
  QUIET(clf_mixture_options_default, m.iterations > 0);
  NO(clf_split_rows, "part", 3, 0.1, 0.1, 1, NULL);
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

/* The names before the first parenthesis of each declaration, except constants. */
START_TEST(no_function_is_missing) {
  static const char *const headers[] = {
      "arch",  "core",    "data",   "density", "export", "fit",   "flow",  "group", "images",
      "judge", "mixture", "opencl", "plot",    "report", "train", "treat", "tune",  "version"};
  int found = 0;
  for (size_t h = 0; h < sizeof headers / sizeof *headers; h++) {
    char path[4096];
    snprintf(path, sizeof path, "%s/clflow/%s.h", CLF_INCLUDE, headers[h]);
    char *text = read_file(path, NULL);
    for (const char *at = text; (at = strstr(at, "\nCLF_API ")) != NULL; at++) {
      const char *end = at + strcspn(at, "(;[");
      if (*end != '(') continue;
      const char *name = end;
      while (name[-1] == '_' || (name[-1] >= 'a' && name[-1] <= 'z') ||
             (name[-1] >= '0' && name[-1] <= '9'))
        name--;
      ck_assert_msg(is_called(name, (size_t)(end - name)), "no test here calls %.*s() of %s.h",
                    (int)(end - name), name, headers[h]);
      found++;
    }
    free(text);
  }
  ck_assert_int_ge(found, 80);
  ck_assert_int_eq(found, calls);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("arguments");
  TCase *tc = tcase_create("arguments");
  tcase_add_unchecked_fixture(tc, set_up, tear_down);
  tcase_add_test(tc, core);
  tcase_add_test(tc, tensors);
  tcase_add_test(tc, tables);
  tcase_add_test(tc, kinds);
  tcase_add_test(tc, groups);
  tcase_add_test(tc, image_sets);
  tcase_add_test(tc, flows);
  tcase_add_test(tc, use);
  tcase_add_test(tc, large_counts);
  tcase_add_test(tc, architectures);
  tcase_add_test(tc, fits);
  tcase_add_test(tc, given);
  tcase_add_test(tc, training);
  tcase_add_test(tc, pictures);
  tcase_add_test(tc, no_function_is_missing);
  suite_add_tcase(suite, tc);
  return suite_run(suite);
}
