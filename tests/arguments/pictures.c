/* SPDX-License-Identifier: MIT */
/* pictures.c: pictures and reports. */
#include "clflow/plot.h"
#include "clflow/report.h"
#include "arguments/calls.h"

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

void tests_of_pictures(TCase *tc) { tcase_add_test(tc, pictures); }
