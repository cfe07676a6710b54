/* SPDX-License-Identifier: MIT */
/* files.c: the record of a fit on the page, the files that are written, and what is refused. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "report/sources.h"

const char record[] =
    "{\"version\": 1, \"rows\": {\"read\": 100, \"refit\": true}, \"chosen\": \"blend\", \"by\": "
    "0.12, \"by_se\": 0.03, \"next\": \"mixture\", \"columns\": [{\"name\": \"x0\", \"sentence\": "
    "\"x0 < 5 is modelled by its logarithm.\"}], \"notes\": [\"Two rows were left out.\"], "
    "\"result\": {\"valid\": -2.5, \"valid_se\": 0.02, \"test\": -2.61, \"test_se\": 0.03}, "
    "\"candidates\": [{\"name\": \"gaussian\", \"valid\": -3.2, \"valid_se\": 0.05, \"test\": "
    "-3.1, "
    "\"test_se\": null}, {\"name\": \"mixture\", \"valid\": -2.7, \"valid_se\": 0.05, \"test\": "
    "-2.75, \"test_se\": 0.05, \"weight\": 0.25, \"gain\": 0.14, \"gain_se\": 0.02}, {\"name\": "
    "\"a <flow>\", \"arch\": \"-> "
    "normal\", "
    "\"options\": \"--lr 0.001\", \"valid\": -900, \"valid_se\": 50, \"test\": null, \"weight\": "
    "0.75, \"curve\": [[0, -4, -4.1], [10, -3, null], [20, -2.5, -2.6]]}]}";

START_TEST(what_a_record_says) {
  char verdict[512];
  clf_flow *flow = flow_of("2: -> normal");
  clf_table t = own_rows(flow, 100, 5);
  const clf_report_source source = {.flow = flow, .test = {.x = &t}, .seed = 1};
  WORKS(clf_flow_set_record(flow, record));
  char *html = page_of(&source, verdict);
  contains(html, "<tr class=\"chosen\"><td>blend (chosen)</td><td class=\"n\">−2.50 ± 0.02</td>"
                 "<td class=\"n\">−2.61 ± 0.03</td>");
  contains(html, "<td>gaussian</td><td class=\"n\">−3.20 ± 0.05</td><td class=\"n\">−3.10</td>");
  contains(html, "weight 0.25 in the blend");
  contains(html, ">a &lt;flow&gt;</text>");
  contains(html, "Chosen by validation rows: blend, by 0.12 ± 0.03 nats a row over mixture.");
  contains(html, "models the columns after their <a href=\"#treated\">special treatment</a>");
  contains(html, "<section id=\"treated\">");
  contains(html, "x0 &lt; 5 is modelled by its logarithm.");
  contains(html, "Two rows were left out.");
  contains(html, "trained again on all rows");
  contains(html, "better than the Gaussian mixture by 0.14 ± 0.02 nats a row");
  free(html);
  WORKS(clf_flow_set_record(flow, "[1]"));
  REFUSED(clf_report_write(&source, "never.html", NULL, 0), CLF_EFORMAT,
          "the model's record is not a JSON object");
  clf_table_free(&t);
  clf_flow_free(flow);
}
END_TEST

START_TEST(the_same_source_gives_the_same_bytes) {
  clf_flow *flow = flow_of("3: lu, coupling(affine, mlp(8x1)) -> normal");
  clf_table t = own_rows(flow, 300, 5);
  clf_report_source source = {.flow = flow, .test = {.x = &t}, .seed = 1};
  WORKS(clf_report_write(&source, "a.html", NULL, 0));
  WORKS(clf_report_write(&source, "b.html", NULL, 0));
  ck_assert(equal_files("a.html", "b.html"));
  source.seed = 2;
  WORKS(clf_report_write(&source, "b.html", NULL, 0));
  ck_assert(!equal_files("a.html", "b.html"));
  clf_table_free(&t);
  clf_flow_free(flow);
}
END_TEST

START_TEST(what_is_refused) {
  clf_flow *flow = flow_of("2: -> normal");
  clf_table t = own_rows(flow, 30, 5), three;
  WORKS(clf_table_new(30, 3, &three));
  clf_report_source source = {.flow = flow, .seed = 1};
  write_bytes("kept.html", "old", 3);
  REFUSED(clf_report_write(&source, "kept.html", NULL, 0), CLF_EINVAL,
          "there are no test rows to judge the flow by");
  source.test.x = &t;
  REFUSED(clf_report_write(&source, "page.htm", NULL, 0), CLF_EINVAL,
          "page.htm: reports are HTML; give a name that ends in .html");
  ck_assert_int_eq(clf_report_write(&source, "nowhere/page.html", NULL, 0), CLF_EIO);
  source.pairs = (const int32_t[]){0, 2};
  source.pair_count = 2;
  REFUSED(clf_report_write(&source, "kept.html", NULL, 0), CLF_EINVAL,
          "there is no column 2 to draw, counted from 0");
  source.pair_count = 0;
  source.train.x = &three;
  REFUSED(clf_report_write(&source, "kept.html", NULL, 0), CLF_ESHAPE,
          "the training rows have 3 columns, but the flow has 2 dimensions");
  source.train.x = NULL;
  t.at[7] = NAN;
  REFUSED(clf_report_write(&source, "kept.html", NULL, 0), CLF_ENUM,
          "row 4, column 2 of the table is not a finite number");
  size_t size;
  char *kept = read_file("kept.html", &size);
  ck_assert_str_eq(kept, "old");
  free(kept);
  clf_table_free(&t);
  clf_table_free(&three);
  clf_flow_free(flow);
}
END_TEST

START_TEST(pictures) {
  clf_flow *flow = flow_of("3: -> normal");
  clf_table t = own_rows(flow, 200, 5);
  const clf_report_source source = {.flow = flow, .test = {.x = &t}, .seed = 1};
  REFUSED(clf_report_plot(&source, CLF_PICTURE_CURVES, "never.png"), CLF_ENOTSUP,
          "there is nothing to draw: the model's record holds no training curve; `clflow fit` "
          "writes one");
  ck_assert_int_ne(access("never.png", F_OK), 0);
  WORKS(clf_flow_set_record(flow, record));
  for (int i = 0; i < CLF_PICTURES; i++) {
    size_t size;
    suite_remove("picture.png");
    WORKS(clf_report_plot(&source, (clf_report_picture)i, "picture.png"));
    char *png = read_file("picture.png", &size);
    ck_assert_uint_gt(size, 5000);
    ck_assert_int_eq(memcmp(png, "\x89PNG", 4), 0);
    free(png);
  }
  clf_table_free(&t);
  clf_flow_free(flow);
}
END_TEST

void tests_of_files(TCase *tc) {
  tcase_add_test(tc, what_a_record_says);
  tcase_add_test(tc, the_same_source_gives_the_same_bytes);
  tcase_add_test(tc, what_is_refused);
  tcase_add_test(tc, pictures);
}
