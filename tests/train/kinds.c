/* SPDX-License-Identifier: MIT */
/* kinds.c: descriptions of columns in a flow, in its file and in a training. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "flow_private.h"
#include "safetensors.h"
#include "training.h"

static char *const words[] = {"caf\xc3\xa9", "tea \"\xe2\x80\x9c\""};

static clf_column category(void) {
  return (clf_column){.kind = CLF_COLUMN_CATEGORY,
                      .category_count = 2,
                      .categories = (char **)(uintptr_t)words,
                      .smallest = 0,
                      .largest = 1};
}

static clf_column date(void) {
  static char form[] = "%Y-%m-%d", unit[] = "days since 1970-01-01";
  return (clf_column){.kind = CLF_COLUMN_DATE,
                      .form = form,
                      .unit = unit,
                      .smallest = 19844.0 / 3,
                      .largest = NAN,
                      .decimals = -1};
}

static void expect_column(const clf_column *k, const clf_column *want) {
  ck_assert_int_eq(k->kind, want->kind);
  ck_assert_int_eq(k->category_count, want->category_count);
  for (int32_t i = 0; i < want->category_count; i++)
    ck_assert_str_eq(k->categories[i], want->categories[i]);
  ck_assert_str_eq(k->form ? k->form : "", want->form ? want->form : "");
  ck_assert_str_eq(k->unit ? k->unit : "", want->unit ? want->unit : "");
  ck_assert(k->smallest == want->smallest || (isnan(k->smallest) && isnan(want->smallest)));
  ck_assert(k->largest == want->largest || (isnan(k->largest) && isnan(want->largest)));
  ck_assert_int_eq(k->decimals, want->decimals);
}

static clf_flow *save_and_load(clf_flow *f) {
  clf_flow *g = NULL;
  WORKS(clf_flow_save(f, path_of("kinds")));
  WORKS(clf_flow_load(dev, path_of("kinds"), NULL, &g));
  return g;
}

START_TEST(kinds_are_set_and_saved) {
  const clf_column want[] = {category(), date()};
  clf_flow *f = make_flow(CLF_NVP, 2), *g = save_and_load(f);
  ck_assert_ptr_null(clf_flow_kinds(g));
  clf_flow_free(g);
  WORKS(clf_flow_set_kinds(f, want));
  WORKS(clf_flow_set_kinds(f, clf_flow_kinds(f))); /* its own */
  g = save_and_load(f);
  for (int d = 0; d < 2; d++) expect_column(&clf_flow_kinds(g)[d], &want[d]);
  clf_column bad[] = {category(), date()};
  bad[1].form = NULL;
  REFUSED(clf_flow_set_kinds(g, bad), CLF_EINVAL, "\"\" is not a format of a date");
  expect_column(&clf_flow_kinds(g)[1], &want[1]);
  WORKS(clf_flow_set_kinds(g, NULL));
  ck_assert_ptr_null(clf_flow_kinds(g));
  clf_flow_free(g);
  clf_flow_free(f);
}
END_TEST

static clf_flow *conditional(void) {
  clf_arch *a = NULL;
  clf_flow *f = NULL;
  WORKS(clf_arch_parse("2|4: coupling(affine, mlp(hidden=4)) -> normal", &a));
  WORKS(clf_flow_create_arch(dev, a, 1, &f));
  clf_arch_free(a);
  return f;
}

START_TEST(the_table_of_a_context) {
  char *const names[] = {"drink", "day", "n"};
  const clf_column k[] = {category(), date(), {.kind = CLF_COLUMN_INTEGER, .decimals = 0}};
  const clf_columns table = {3, (char **)(uintptr_t)names, (clf_column *)(uintptr_t)k};
  clf_flow *f = conditional();
  WORKS(clf_flow_set_context_table(f, &table));
  clf_flow *g = save_and_load(f);
  static const char *const want[] = {"drink=caf\xc3\xa9", "drink=tea \"\xe2\x80\x9c\"", "day", "n"};
  for (int c = 0; c < 4; c++) ck_assert_str_eq(clf_flow_context_columns(g)[c], want[c]);
  const clf_columns *have = clf_flow_context_table(g);
  ck_assert_int_eq(have->count, 3);
  for (int c = 0; c < 3; c++) ck_assert_str_eq(have->names[c], names[c]);
  for (int c = 0; c < 2; c++) expect_column(&have->at[c], &k[c]);
  REFUSED(clf_flow_set_context_table(g, &(clf_columns){2, table.names, table.at}), CLF_EINVAL,
          "a table of 2 columns makes 3 numbers of context; the flow takes 4");
  clf_columns all;
  WORKS(clf_flow_table_columns(g, 1, &all));
  ck_assert_int_eq(all.count, 5);
  ck_assert_ptr_null(all.names); /* the data's columns have none */
  expect_column(&all.at[2], &k[0]);
  clf_columns_free(&all);
  WORKS(clf_flow_set_columns(g, (char *[]){"x", "y"}));
  WORKS(clf_flow_table_columns(g, 1, &all));
  ck_assert_str_eq(all.names[1], "y");
  ck_assert_str_eq(all.names[4], "n");
  ck_assert_int_eq(all.at[1].kind, CLF_COLUMN_NUMBER);
  clf_columns_free(&all);
  WORKS(clf_flow_table_columns(g, 0, &all));
  ck_assert_int_eq(all.count, 2);
  clf_columns_free(&all);
  WORKS(clf_flow_set_context_columns(g, NULL));
  ck_assert_ptr_null(clf_flow_context_table(g));
  clf_flow_free(g);
  clf_flow_free(f);
}
END_TEST

/* Descriptions in a file are checked like those that a caller sets. */
START_TEST(kinds_in_hostile_files) {
  static const char *const list[][2] = {
      {"[]", "its metadata clflow.kinds has no JSON object"},
      {"{", "its metadata clflow.kinds has no JSON object"},
      {"{\"columns\": [{\"kind\": \"number\"}]}",
       "its metadata clflow.kinds has another number of columns than the flow"},
      {"{\"columns\": [{\"kind\": \"number\"}, {\"kind\": \"colour\"}]}",
       "its metadata clflow.kinds has a column of a kind that this clflow does not know"},
      {"{\"columns\": [{\"kind\": \"number\"}, 1]}",
       "its metadata clflow.kinds has a column of a kind that this clflow does not know"},
      {"{\"columns\": [{\"kind\": \"number\"}, {\"kind\": \"category\", \"labels\": [1]}]}",
       "its metadata clflow.kinds has a label that is not text"},
      {"{\"columns\": [{\"kind\": \"number\"}, {\"kind\": \"category\", \"labels\": [\"b\", "
       "\"a\"]}]}",
       "the labels of a category are not in byte order: \"a\""},
      {"{\"columns\": [{\"kind\": \"number\"}, {\"kind\": \"category\", \"labels\": "
       "[\"a\\u001b\"]}]}",
       "label 1 has a control character"},
      {"{\"columns\": [{\"kind\": \"number\"}, {\"kind\": \"date\", \"form\": \"%n\"}]}",
       "\"%n\" is not a format of a date"},
      {"{\"context\": [{\"kind\": \"number\"}]}",
       "its metadata clflow.kinds has a column of the context without a name"},
      {"{\"context\": [{\"name\": \"a\", \"kind\": \"number\"}]}",
       "a table of 1 column makes 1 numbers of context; the flow takes 0"}};
  char text[256];
  clf_flow *f = make_flow(CLF_NVP, 2), *g = NULL;
  for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
    clf__st_writer *w;
    WORKS(clf__st_writer_new(&w));
    WORKS(clf__put_flow(w, f));
    WORKS(clf__st_put_meta(w, "clflow.kinds", "%s", list[i][0]));
    WORKS(clf__st_write(w, path_of("claims"), 0));
    clf__st_writer_free(w);
    snprintf(text, sizeof text, "%s: %s", path_of("claims"), list[i][1]);
    REFUSED(clf_flow_load(dev, path_of("claims"), NULL, &g), CLF_EFORMAT, text);
  }
  clf_flow_free(f);
}
END_TEST

/* A training gives the flow the descriptions of its data; those that it has already stay. */
START_TEST(kinds_of_a_training) {
  clf_table data = make_data(20, 2);
  clf_train_options o = options_of(1, 10);
  clf_flow *f = make_flow(CLF_NVP, 2);
  const clf_columns want = {2, NULL, (clf_column[]){category(), date()}};
  clf_columns copy;
  WORKS(clf_columns_copy(&want, &copy));
  data.columns = copy.at;
  clf_trainer *t = make_trainer(f, &data, &o);
  expect_column(&clf_flow_kinds(f)[0], &want.at[0]);
  WORKS(clf_trainer_run(t, NULL, NULL));
  WORKS(clf_trainer_save(t, path_of("kinds")));
  clf_trainer_free(t);
  clf_flow *g = NULL;
  WORKS(clf_flow_load(dev, path_of("kinds"), NULL, &g));
  expect_column(&clf_flow_kinds(g)[1], &want.at[1]);
  clf_flow_free(g);
  done(NULL, f, &data);
}
END_TEST

void tests_of_kinds(TCase *tc) {
  tcase_add_test(tc, kinds_are_set_and_saved);
  tcase_add_test(tc, the_table_of_a_context);
  tcase_add_test(tc, kinds_in_hostile_files);
  tcase_add_test(tc, kinds_of_a_training);
}
