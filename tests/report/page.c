/* SPDX-License-Identifier: MIT */
/* page.c: the page for tables of all kinds: names, extreme values, contexts, dates. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "canvas.h"
#include "report/sources.h"

START_TEST(names_and_ids_are_escaped) {
  char *names[2] = {"<script>alert(1)</script>", "a & \"b\" 'c'"};
  char *ids[40], verdict[512];
  clf_flow *flow = flow_of("2: -> normal");
  WORKS(clf_flow_set_columns(flow, names));
  clf_table t = own_rows(flow, 40, 5);
  for (int i = 0; i < 40; i++) ids[i] = i % 2 ? "</td>\x1b[31m<b>" : "\xff\xfe long";
  const clf_report_source source = {.flow = flow,
                                    .test = {.x = &t, .ids = ids},
                                    .data = "a/<data>.csv",
                                    .model = "<model>",
                                    .command = "clflow report '<model>' & more",
                                    .seed = 1};
  char *html = page_of(&source, verdict);
  contains(html, "&lt;script&gt;alert(1)&lt;/script&gt;");
  contains(html, "a &amp; &quot;b&quot; &#39;c&#39;");
  contains(html, "&lt;/td&gt; [31m&lt;b&gt;");
  contains(html, "?? long");
  contains(html, "Density of &lt;data&gt;.csv");
  contains(html, "clflow report &#39;&lt;model&gt;&#39; &amp; more");
  free(html);
  clf_table_free(&t);
  clf_flow_free(flow);
}
END_TEST

/* Very small, wide and long tables: the page is complete and says what was left out. */
START_TEST(odd_tables) {
  static const struct {
    const char *arch;
    int64_t rows;
    const char *text;
  } cases[] = {{"1: -> normal", 20, "The model fits the 20 test rows. There are so few"},
               {"1: -> normal", 1, "the 1 test row"},
               {"64: -> normal", 600, "the other 52 columns"},
               {"2: -> normal", 30000, "10\u2009000 test rows over samples"},
               {"3: -> student(df=2)", 400, "400 rows over samples"}};
  char verdict[512];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    clf_flow *flow = flow_of(cases[i].arch);
    clf_table t = own_rows(flow, cases[i].rows, 5);
    const clf_report_source source = {.flow = flow, .test = {.x = &t}, .seed = 1};
    char *html = page_of(&source, verdict);
    contains(html, cases[i].text);
    ck_assert_ptr_nonnull(strstr(html, verdict));
    free(html);
    clf_table_free(&t);
    clf_flow_free(flow);
  }
}
END_TEST

START_TEST(constant_columns_and_huge_values) {
  char verdict[512];
  clf_flow *flow = flow_of("3: -> normal");
  clf_table t = own_rows(flow, 300, 5);
  for (int64_t i = 0; i < t.rows; i++) {
    t.at[3 * i] = 2;
    t.at[3 * i + 1] *= 1e300;
  }
  const clf_report_source source = {.flow = flow, .test = {.x = &t}, .seed = 1};
  char *html = page_of(&source, verdict);
  ck_assert_str_eq(verdict, "The model does not fit the 300 test rows.");
  free(html);
  clf_table_free(&t);
  clf_flow_free(flow);
}
END_TEST

/* With a standard deviation of 1e308, samples overflow where |z| is above 1.797. */
START_TEST(samples_that_overflow) {
  const double mean = 0, std = 1e308;
  clf_flow *flow = flow_of("1: -> normal");
  clf_table t;
  WORKS(clf_flow_set_scaling(flow, &mean, &std));
  WORKS(clf_table_new(50, 1, &t));
  for (int i = 0; i < 50; i++) t.at[i] = 1e306 * (i - 25);
  const clf_report_source source = {.flow = flow, .test = {.x = &t}, .seed = 1};
  clf__facts f = judged(&source);
  ck_assert_int_eq(f.samples + f.lost, 10000);
  ck_assert_double_eq_tol((double)f.lost / 10000, erfc(1.797693 / sqrt(2)), 0.01);
  clf__judge_free(&f);
  char verdict[512];
  char *html = page_of(&source, verdict);
  contains(html, " of 10\u2009000 samples of the model overflow and are left out.");
  free(html);
  clf_table_free(&t);
  clf_flow_free(flow);
}
END_TEST

/* Each row is compared with samples that have its context, which is their mean here. */
START_TEST(conditional_models) {
  char verdict[512];
  clf_flow *flow = flow_of("2|1: coupling(affine, mlp(8x1)), perm, coupling(affine, mlp(8x1)) "
                           "-> normal");
  clf_table t, c;
  WORKS(clf_table_new(400, 2, &t));
  WORKS(clf_table_new(400, 1, &c));
  for (int64_t i = 0; i < c.rows; i++) c.at[i] = 4 * (double)i / 400 - 2;
  WORKS(clf_sample_given(flow, c.at, c.rows, 9, 1, t.at));
  clf_report_source source = {.flow = flow, .test = {.x = &t, .given = &c}, .seed = 1};
  char *html = page_of(&source, verdict);
  ck_assert_str_eq(verdict, "The model fits the 400 test rows.");
  contains(html, "given 1 column");
  contains(html, "100 samples with the row");
  free(html);
  source.test.given = NULL;
  REFUSED(clf_report_write(&source, "page.html", NULL, 0), CLF_ESHAPE,
          "the flow takes a context of 1 columns with each of the 400 test rows");
  clf_table_free(&t);
  clf_table_free(&c);
  clf_flow_free(flow);
}
END_TEST

START_TEST(discrete_columns) {
  char verdict[512];
  clf_flow *flow = flow_of("2: -> normal");
  const clf_column_grid grid[2] = {{1, -4, 4}, {0, 0, 0}};
  WORKS(clf_flow_set_grid(flow, grid));
  clf_table t = own_rows(flow, 1000, 7);
  const clf_report_source source = {.flow = flow, .test = {.x = &t}, .seed = 1};
  char *html = page_of(&source, verdict);
  ck_assert_str_eq(verdict, "The model fits the 1000 test rows.");
  contains(html, "x0 (−4 to 4).");
  ck_assert_ptr_null(strstr(html, "chi-square"));
  free(html);
  clf_table_free(&t);
  clf_flow_free(flow);
}
END_TEST

/* Axes and the list of unusual rows show labels, dates and times as the table writes them. */
START_TEST(kinds_of_columns) {
  char *names[4] = {"kind", "day", "hour", "left"}, *labels[2] = {"<ham>", "eggs & spam"};
  char *words[2] = {"no", "yes"}, *ids[200], id[200][8], verdict[512];
  const clf_column kinds[4] = {
      {.kind = CLF_COLUMN_CATEGORY, .category_count = 2, .categories = labels},
      {.kind = CLF_COLUMN_DATE, .form = "%Y-%m-%d", .unit = "days since 1970-01-01"},
      {.kind = CLF_COLUMN_TIME, .form = "%H:%M", .unit = "seconds since 00:00"},
      {.kind = CLF_COLUMN_BOOLEAN, .category_count = 2, .categories = words}};
  const clf_column_grid grid[4] = {{1, 0, 1}, {1, 0, 40000}, {0, 0, 0}, {1, 0, 1}};
  const double mean[4] = {0.5, 18000, 43200, 0.5}, std[4] = {0.5, 300, 7000, 0.5};
  clf_flow *flow = flow_of("4: -> normal");
  WORKS(clf_flow_set_scaling(flow, mean, std));
  WORKS(clf_flow_set_columns(flow, names));
  WORKS(clf_flow_set_grid(flow, grid));
  WORKS(clf_flow_set_kinds(flow, kinds));
  clf_table t = own_rows(flow, 200, 5);
  for (int i = 0; i < 200; i++) {
    snprintf(id[i], sizeof id[i], "no %d", i);
    ids[i] = id[i];
  }
  t.at[4 * 17 + 1] = 15706; /* 2013-01-01, 7.6 standard deviations early */
  const clf_report_source source = {.flow = flow, .test = {.x = &t, .ids = ids}, .seed = 1};
  char *html = page_of(&source, verdict);
  contains(html, ">&lt;ham&gt;</text>");
  contains(html, ">eggs &amp; spam</text>");
  contains(html, ">2020</text>");
  contains(html, ">12:00</text>");
  contains(html, ">yes</text>");
  contains(html, "<td class=\"w\">no 17 <span");
  contains(html, "kind (2 labels), day (1970-01-01 to 2079-07-08), left (no to yes).");
  contains(html, "day = <b>2013-01-01</b> <span class=\"soft\">(2019-04-");
  free(html);
  clf_table_free(&t);
  clf_flow_free(flow);
}
END_TEST

START_TEST(ticks_at_dates) {
  static const struct {
    double lo, hi, unit;
    const char *labels;
  } cases[] = {{18000, 18700, 86400, "2019-07 2020-01 2020-07 2021-01 "},
               {0, 20000, 86400, "1970 1980 1990 2000 2010 2020 "},
               {-100000, 20000, 86400, "1700 1800 1900 2000 "},
               {18321, 18324, 86400, "02-29 03-01 03-02 03-03 "},
               {18443, 18447, 86400, "06-30 07-01 07-02 07-03 07-04 "},
               {0, 86400, 1, "00:00 06:00 12:00 18:00 00:00 "},
               {1582934400, 1582934430, 1,
                "00:00:00 00:00:05 00:00:10 00:00:15 00:00:20 00:00:25 00:00:30 "}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char all[400] = "";
    clf__ticks t = {0};
    clf__date_ticks(&t, (clf__range){cases[i].lo, cases[i].hi}, cases[i].unit, 5);
    for (int k = 0; k < t.count; k++) {
      strcat(all, t.label[k]);
      strcat(all, " ");
      ck_assert(t.at[k] >= cases[i].lo && t.at[k] <= cases[i].hi);
    }
    ck_assert_str_eq(all, cases[i].labels);
  }
}
END_TEST

void tests_of_page(TCase *tc) {
  tcase_add_test(tc, names_and_ids_are_escaped);
  tcase_add_test(tc, odd_tables);
  tcase_add_test(tc, constant_columns_and_huge_values);
  tcase_add_test(tc, samples_that_overflow);
  tcase_add_test(tc, conditional_models);
  tcase_add_test(tc, discrete_columns);
  tcase_add_test(tc, kinds_of_columns);
  tcase_add_test(tc, ticks_at_dates);
}
