/* SPDX-License-Identifier: MIT */
/* data.c: tables, kinds of columns, and images. */
#include "arguments/calls.h"

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
  NO(clf_table_drop_constant, "t", NULL);
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

/* Tables that a caller filled in. */
START_TEST(tables_without_rows) {
  const clf_table wrong[] = {{.rows = -5, .cols = 2, .at = x},
                             {.rows = INT64_MIN, .cols = 2, .at = x},
                             {.rows = 4, .cols = -1, .at = x},
                             {.rows = 4, .cols = 2},
                             {.rows = INT64_MAX / 2, .cols = 2, .at = x},
                             {.rows = huge, .cols = 8, .at = x}};
  const clf_fit_options o = clf_fit_options_default();
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    const clf_table *const t = &wrong[i];
    clf_flow *made = NULL;
    char *text = NULL;
    int same;
    double mean[8] = {42}, std[8] = {42};
    ck_assert_int_eq(clf_fit(dev, &(clf_fit_data){.x = t}, &o, NULL, NULL, &made), CLF_EINVAL);
    ck_assert_int_eq(clf_fit(dev, &(clf_fit_data){.x = &table, .given = t}, &o, NULL, NULL, &made),
                     CLF_EINVAL);
    ck_assert_ptr_null(made);
    ck_assert_int_eq(clf_table_line(t, 0, &text), CLF_EINVAL);
    ck_assert_int_eq(clf_table_write("never.csv", t), CLF_EINVAL);
    ck_assert_int_eq(clf_table_write("never.npy", t), CLF_EINVAL);
    ck_assert_int_eq(clf_train_parts("never", t, NULL, bytes, &same), CLF_EINVAL);
    ck_assert_int_eq(clf_train_parts("never", &table, t, bytes, &same), CLF_EINVAL);
    ck_assert_uint_eq(clf_table_checksum(t, NULL), clf_table_checksum(NULL, NULL));
    clf_table_moments(t, NULL, 0, mean, std);
  }
}
END_TEST

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
  NO(clf_images_labels, "images", NULL, &noise);
  NO(clf_images_labels, "labels", images, NULL);
  REFUSES(clf_images_labels(images, &noise),
          "glyphs:n=3,size=8: labels are asked for before all images are decoded");
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
  NO(clf_images_write_npy_in, "path", NULL, bytes, 1, 1, 1, 1, CLF_ORDER_NCHW);
  NO(clf_images_write_npy_in, "pixels", "never.npy", NULL, 1, 1, 1, 1, CLF_ORDER_NCHW);
  NO(clf_image_order_find, "what", NULL, 1, &huge, 1, 1, 1, CLF_ORDER_AUTO, &(clf_image_order){0});
  NO(clf_image_order_find, "dim", "x", 1, NULL, 1, 1, 1, CLF_ORDER_AUTO, &(clf_image_order){0});
  NO(clf_image_order_find, "found", "x", 1, &huge, 1, 1, 1, CLF_ORDER_AUTO, NULL);
  NO(clf_image_reorder, "at", NULL, 1, 1, 1, 1, CLF_ORDER_NCHW);
  NO(clf_array_write_npy, "path", NULL, x, 1, &huge);
  NO(clf_array_write_npy, "at", "never.npy", NULL, 1, &huge);
  NO(clf_array_write_npy, "dim", "never.npy", x, 1, NULL);
  ck_assert_int_eq(clf_array_write_npy("never.npy", x, 1, &huge), CLF_EINVAL);
  NO(clf_noise_read, "path", NULL, 1, 1, 1, 1, &noise);
  NO(clf_noise_read, "noise", "never.npy", 1, 1, 1, 1, NULL);
}
END_TEST

void tests_of_data(TCase *tc) {
  tcase_add_test(tc, tables);
  tcase_add_test(tc, tables_without_rows);
  tcase_add_test(tc, kinds);
  tcase_add_test(tc, image_sets);
}
