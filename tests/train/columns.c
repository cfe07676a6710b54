/* SPDX-License-Identifier: MIT */
/* columns.c: names of columns in a flow, in its file and in a training. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "flow_private.h"
#include "safetensors.h"
#include "training.h"

static char *const ab[] = {"a", "b \"\xc3\xa4\""}, *const ba[] = {"b \"\xc3\xa4\"", "a"};

static void expect_columns(const clf_flow *f, char *const *names) {
  char *const *const have = clf_flow_columns(f);
  ck_assert_int_eq(have == NULL, names == NULL);
  for (int32_t d = 0; names && d < clf_flow_get_spec(f)->dim; d++)
    ck_assert_str_eq(have[d], names[d]);
}

START_TEST(names_are_set_and_saved) {
  clf_flow *f = make_flow(CLF_NVP, 2), *g = NULL;
  expect_columns(f, NULL);
  WORKS(clf_flow_save(f, path_of("columns")));
  WORKS(clf_flow_load(dev, path_of("columns"), NULL, &g));
  expect_columns(g, NULL);
  clf_flow_free(g);
  WORKS(clf_flow_set_columns(f, ba));
  WORKS(clf_flow_set_columns(f, ab));
  WORKS(clf_flow_set_columns(f, clf_flow_columns(f))); /* its own */
  WORKS(clf_flow_save(f, path_of("columns")));
  WORKS(clf_flow_load(dev, path_of("columns"), NULL, &g));
  expect_columns(g, ab);
  WORKS(clf_flow_set_columns(f, NULL));
  expect_columns(f, NULL);
  clf_flow_free(g);
  clf_flow_free(f);
}
END_TEST

static char long_name[1026];
static const struct {
  char *names[2];
  const char *message;
} bad[] = {
    {{"a", NULL}, "column 2 has no name"},
    {{"", "b"}, "column 1 has no name"},
    {{"a", "a"}, "columns 1 and 2 are both named \"a\""},
    {{"a", "b\nc"}, "the name of column 2, \"b?c\", holds a control character"},
    {{"a\x7f", "b"}, "the name of column 1, \"a?\", holds a control character"},
    {{"\xc2\x9b", "b"}, "the name of column 1, \"?\", holds a control character"},
    {{"\xff\xc3", "b"}, "the name of column 1, \"?\?\", holds bytes that are not UTF-8"},
    {{"a", long_name},
     "the name of column 2, \"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn...\", has 1025 bytes; at "
     "most 1024 are allowed"},
};

START_TEST(names_that_are_refused) {
  clf_flow *f = make_flow(CLF_NVP, 2);
  memset(long_name, 'n', 1025);
  WORKS(clf_flow_set_columns(f, ab));
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    REFUSED(clf_flow_set_columns(f, bad[i].names), CLF_EINVAL, bad[i].message);
  expect_columns(f, ab);
  long_name[1024] = 0;
  WORKS(clf_flow_set_columns(f, (char *[]){"a", long_name}));
  clf_flow_free(f);
}
END_TEST

/* A file of the flow whose metadata `key` is `value`; NULL: unchanged. */
static void write_model(clf_flow *f, const char *key, const char *value) {
  clf__st_writer *w;
  WORKS(clf__st_writer_new(&w));
  WORKS(clf__put_flow(w, f));
  if (value) WORKS(clf__st_put_meta(w, key, "%s", value));
  WORKS(clf__st_write(w, path_of("claims"), 0));
  clf__st_writer_free(w);
}

/* Names in a file are checked like those that a caller sets. */
START_TEST(names_in_hostile_files) {
  static const struct {
    const char *key, *value, *message;
  } list[] = {
      {"clflow.column.0", "a\x1b[2J", "the name of column 1, \"a?[2J\", holds a control character"},
      {"clflow.column.1", "a", "columns 1 and 2 are both named \"a\""},
      {"clflow.column.1", "", "column 2 has no name"},
  };
  char text[256];
  clf_flow *f = make_flow(CLF_NVP, 2), *g = NULL;
  WORKS(clf_flow_set_columns(f, ab));
  for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
    write_model(f, list[i].key, list[i].value);
    snprintf(text, sizeof text, "%s: %s", path_of("claims"), list[i].message);
    REFUSED(clf_flow_load(dev, path_of("claims"), NULL, &g), CLF_EFORMAT, text);
  }
  WORKS(clf_flow_set_columns(f, NULL));
  write_model(f, "clflow.column.0", "a");
  snprintf(text, sizeof text, "%s: it names column 1, but not column 2", path_of("claims"));
  REFUSED(clf_flow_load(dev, path_of("claims"), NULL, &g), CLF_EFORMAT, text);
  write_model(f, "clflow.column.1", "b"); /* without a first, there are none */
  WORKS(clf_flow_load(dev, path_of("claims"), NULL, &g));
  expect_columns(g, NULL);
  clf_flow_free(g);
  clf_flow_free(f);
}
END_TEST

static void name(clf_table *t, char *const *names) {
  for (int32_t c = 0; t->names && c < t->cols; c++) free(t->names[c]);
  free(t->names);
  t->names = calloc(2, sizeof *t->names);
  for (int32_t c = 0; c < 2; c++) t->names[c] = strdup(names[c]);
}

/* A training gives the flow the names of its data, and the flow has them from then on. */
START_TEST(names_of_a_training) {
  clf_table data = make_data(20, 2);
  clf_train_options o = options_of(1, 10);
  clf_flow *f = make_flow(CLF_NVP, 2), *g = NULL;
  name(&data, ab);
  clf_trainer *t = make_trainer(f, &data, &o), *u = NULL;
  expect_columns(f, ab);
  WORKS(clf_trainer_run(t, NULL, NULL));
  WORKS(clf_trainer_save(t, path_of("named")));
  clf_trainer_free(t);
  WORKS(clf_flow_load(dev, path_of("named"), NULL, &g));
  expect_columns(g, ab);
  u = make_trainer(g, &data, &o);
  WORKS(clf_trainer_resume(u, path_of("named")));
  expect_columns(g, ab);
  clf_trainer_free(u);
  name(&data, ba);
  REFUSED(clf_trainer_create(f, &data, &o, &u), CLF_EINVAL,
          "column 1 of the data is named \"b \"\xc3\xa4\"\"; the flow's column 1 is \"a\": "
          "clf_table_match() puts columns in the flow's order");
  expect_columns(f, ab);
  clf_flow_free(g);
  done(NULL, f, &data);
}
END_TEST

/* Refused names leave the flow without names; data without names do not change the flow. */
START_TEST(names_of_no_training) {
  clf_table data = make_data(20, 2), plain = make_data(20, 2);
  clf_train_options o = options_of(1, 10), nothing = options_of(0, 10);
  clf_flow *f = make_flow(CLF_NVP, 2);
  clf_trainer *t = NULL;
  name(&data, ab);
  ck_assert_int_ne(clf_trainer_create(f, &data, &nothing, &t), CLF_OK);
  expect_columns(f, NULL);
  name(&data, (char *[]){"a", "a"});
  REFUSED(clf_trainer_create(f, &data, &o, &t), CLF_EINVAL, "columns 1 and 2 are both named \"a\"");
  WORKS(clf_flow_set_columns(f, ab));
  t = make_trainer(f, &plain, &o);
  expect_columns(f, ab);
  clf_table_free(&plain);
  done(t, f, &data);
}
END_TEST

void tests_of_columns(TCase *tc) {
  tcase_add_test(tc, names_are_set_and_saved);
  tcase_add_test(tc, names_that_are_refused);
  tcase_add_test(tc, names_in_hostile_files);
  tcase_add_test(tc, names_of_a_training);
  tcase_add_test(tc, names_of_no_training);
}
