/* SPDX-License-Identifier: MIT */
/* test_plot.c: reads plots back and counts their pixels; errors. */
#define _XOPEN_SOURCE 700
#include "clflow/plot.h"

#include <cairo.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "suite.h"

static clf_device *dev;

/* A box of a plot, in pixels. */
typedef struct box {
  int x0, y0, x1, y1;
} box;

/* The four panels of the plot of a two-dimensional flow, without frames. */
static const box density = {152, 196, 824, 868}, data_box = {880, 196, 1552, 868};
static const box samples = {152, 960, 824, 1632}, grid = {880, 960, 1552, 1632};

static void ok(clf_status s) { ck_assert_msg(s == CLF_OK, "status %d: %s", s, clf_errmsg()); }

static void refused(clf_status got, clf_status want, const char *sentence) {
  ck_assert_int_eq(got, want);
  ck_assert_str_eq(clf_errmsg(), sentence);
}

static cairo_surface_t *picture(const char *path, int width, int height) {
  cairo_surface_t *s = cairo_image_surface_create_from_png(path);
  ck_assert_int_eq(cairo_surface_status(s), CAIRO_STATUS_SUCCESS);
  ck_assert_int_eq(cairo_image_surface_get_width(s), width);
  ck_assert_int_eq(cairo_image_surface_get_height(s), height);
  return s;
}

static uint32_t pixel(cairo_surface_t *s, int x, int y) {
  uint32_t p;
  memcpy(&p, cairo_image_surface_get_data(s) + y * cairo_image_surface_get_stride(s) + 4 * x, 4);
  return p & 0xFFFFFF;
}

static int luma(uint32_t p) { return (int)((p >> 16) + 2 * (p >> 8 & 255) + (p & 255)) / 4; }

/* Libraries differ in how they round colours to bytes. */
static int near(uint32_t p, uint32_t q) {
  int far = 0;
  for (int shift = 0; shift < 24; shift += 8)
    far |= abs((int)(p >> shift & 255) - (int)(q >> shift & 255)) > 2;
  return !far;
}

/* The share of pixels with brightness in lo .. hi. */
static double share(cairo_surface_t *s, box b, int lo, int hi) {
  int count = 0;
  for (int y = b.y0; y < b.y1; y++)
    for (int x = b.x0; x < b.x1; x++) {
      const int l = luma(pixel(s, x, y));
      count += l >= lo && l <= hi;
    }
  return (double)count / ((b.x1 - b.x0) * (b.y1 - b.y0));
}

static void ink(cairo_surface_t *s, box b, double least, double most) {
  const double part = share(s, b, 0, 235);
  ck_assert_msg(part >= least && part <= most, "ink %g is not in %g .. %g", part, least, most);
}

/* Points on two rings, the same on every machine to the last relevant bit. */
static clf_table rings(int64_t rows) {
  clf_table t;
  ok(clf_table_new(rows, 2, &t));
  for (int64_t i = 0; i < rows; i++) {
    const double angle = 2.399963229728653 * (double)i, radius = i % 2 ? 1 : 2;
    t.at[2 * i] = radius * cos(angle);
    t.at[2 * i + 1] = radius * sin(angle);
  }
  return t;
}

static clf_flow *flow_of(clf_kind kind, int32_t dim) {
  clf_flow_spec spec = clf_flow_spec_default(kind, dim);
  clf_flow *flow;
  if (kind == CLF_PIECEWISE) {
    spec.bins = 20;
    spec.xmin = -3;
    spec.xmax = 3;
  }
  spec.seed = 7;
  ok(clf_flow_create(dev, &spec, &flow));
  return flow;
}

START_TEST(two_dimensions_with_data) {
  clf_flow *flow = flow_of(CLF_NVP, 2);
  clf_table t = rings(1000);
  ok(clf_plot_flow(flow, &t, 3, "two.png"));
  cairo_surface_t *s = picture("two.png", 1600, 1744);
  ck_assert_double_gt(share(s, density, 0, 100), 0.1);
  ck_assert_double_gt(share(s, density, 150, 255), 0.002);
  ink(s, data_box, 0.01, 0.3);
  ink(s, samples, 0.005, 0.3);
  ink(s, grid, 0.01, 0.7);
  /* The rings are concentric: their centre and the corners are empty. */
  ink(s, (box){1196, 512, 1236, 552}, 0, 0);
  ink(s, (box){880, 196, 930, 246}, 0, 0);
  cairo_surface_destroy(s);
  clf_table_free(&t);
  clf_flow_free(flow);
}
END_TEST

/* Without data the log-density takes their place. */
START_TEST(two_dimensions_without_data) {
  clf_flow *flow = flow_of(CLF_NICE, 2);
  ok(clf_plot_flow(flow, NULL, 3, "alone.png"));
  cairo_surface_t *s = picture("alone.png", 1600, 1744);
  ck_assert_double_gt(share(s, density, 0, 100), 0.1);
  ck_assert_double_gt(share(s, data_box, 0, 254), 0.9);
  ck_assert_double_gt(share(s, data_box, 100, 255), share(s, density, 100, 255));
  ink(s, samples, 0.01, 0.5);
  cairo_surface_destroy(s);
  clf_flow_free(flow);
}
END_TEST

/* Data extend beyond the interval, where this flow's density is zero: its map ends there, the
 * bars continue. */
START_TEST(one_dimension) {
  clf_flow *flow = flow_of(CLF_PIECEWISE, 1);
  clf_table t;
  ok(clf_table_new(2000, 1, &t));
  for (int64_t i = 0; i < t.rows; i++) t.at[i] = 8.0 * ((double)i + 0.5) / 2000 - 4;
  ok(clf_plot_flow(flow, &t, 1, "one.png"));
  cairo_surface_t *s = picture("one.png", 1600, 1720);
  ink(s, (box){152, 196, 1552, 770}, 0.01, 0.95);
  /* The view is -5.148 .. 5.148: 3.5 is at 1331, 4.5 at 1467. */
  ck_assert(near(pixel(s, 1331, 774), 0xCCD4DE) || near(pixel(s, 1335, 774), 0xCCD4DE));
  ck_assert(!near(pixel(s, 1467, 774), 0xCCD4DE) && !near(pixel(s, 1471, 774), 0xCCD4DE));
  ink(s, (box){152, 870, 1552, 1220}, 0.002, 0.1);
  ink(s, (box){152, 1322, 1552, 1600}, 0.002, 0.1);
  ink(s, (box){152, 1322, 280, 1600}, 0, 0);
  cairo_surface_destroy(s);
  ok(clf_plot_flow(flow, NULL, 1, "one.png"));
  cairo_surface_destroy(picture("one.png", 1600, 1720));
  clf_table_free(&t);
  clf_flow_free(flow);
}
END_TEST

/* Pixels in the bars' colour in the panel's column of pixels at x; the gap between two bars
 * takes at most one of three columns. */
static int bar_at(cairo_surface_t *s, double x) {
  int most = 0;
  for (int k = -2; k <= 2; k += 2) {
    int count = 0;
    for (int y = 168; y < 1010; y++) count += near(pixel(s, (int)x + k, y), 0x424D5C);
    most = count > most ? count : most;
  }
  return most;
}

/* Three quarters of the numbers fill 0 .. 1 and one quarter 1 .. 2: densities 0.75
 * and 0.25.  The 0.5 % quantiles are 0.02/3 and 1.98. */
START_TEST(histogram_has_its_bars_where_the_numbers_are) {
  const double a = 0.02 / 3, b = 1.98, lo = a - 0.15 * (b - a), hi = b + 0.15 * (b - a);
  const double left = 148, wide = 1408, high = 848;
  clf_table t;
  ok(clf_table_new(4000, 1, &t));
  for (int i = 0; i < 3000; i++) t.at[i] = i / 3000.0;
  for (int i = 0; i < 1000; i++) t.at[3000 + i] = 1 + i / 1000.0;
  ok(clf_plot_table(&t, "three to one", "bars.png"));
  cairo_surface_t *s = picture("bars.png", 1600, 1120);
  const double px = wide / (hi - lo);
  ck_assert_int_eq(bar_at(s, left + (-0.15 - lo) * px), 0);
  ck_assert_int_eq(bar_at(s, left + (2.15 - lo) * px), 0);
  ck_assert_double_eq_tol(bar_at(s, left + (0.5 - lo) * px), high / 1.1, 15);
  ck_assert_double_eq_tol(bar_at(s, left + (0.1 - lo) * px), high / 1.1, 15);
  ck_assert_double_eq_tol(bar_at(s, left + (1.5 - lo) * px), high / 3.3, 15);
  cairo_surface_destroy(s);
  clf_table_free(&t);
}
END_TEST

START_TEST(points_lie_where_their_numbers_say) {
  double at[6] = {0, 0, 1, 0, 0, 1};
  const clf_table t = {.rows = 3, .cols = 2, .at = at};
  ok(clf_plot_table(&t, NULL, "points.png"));
  cairo_surface_t *s = picture("points.png", 1600, 1680);
  /* The view is -0.1385 .. 1.1385 nearly, the panel 148 .. 1556 by 164 .. 1572. */
  const double px = 1408 / 1.287, left = 148 + 0.1435 * px, low = 1572 - 0.1435 * px;
  for (int i = 0; i < 3; i++) {
    const int x = (int)(left + at[2 * i] * px), y = (int)(low - at[2 * i + 1] * px);
    ck_assert_double_gt(share(s, (box){x - 8, y - 8, x + 8, y + 8}, 0, 200), 0.05);
  }
  ink(s,
      (box){(int)(left + px) - 50, (int)(low - px) - 50, (int)(left + px) + 50,
            (int)(low - px) + 50},
      0, 0);
  cairo_surface_destroy(s);
}
END_TEST

START_TEST(odd_tables_are_drawn) {
  double at[4] = {5, 5, 5, 5}, huge[4] = {-1e308, 1e308, 0, 1e-300};
  char *names[2] = {"caf\xE9 \xF0\x9F", "second\nline"};
  clf_table t = {.rows = 2, .cols = 2, .at = at, .names = names};
  ok(clf_plot_table(&t, "\xC3", "odd.png"));
  t = (clf_table){.rows = 4, .cols = 1, .at = at};
  ok(clf_plot_table(&t, "", "odd.png"));
  t = (clf_table){.rows = 1, .cols = 1, .at = at};
  ok(clf_plot_table(&t, "one row", "odd.png"));
  t = (clf_table){.rows = 2, .cols = 2, .at = huge};
  ok(clf_plot_table(&t, "huge", "odd.png"));
  t = (clf_table){.rows = 4, .cols = 1, .at = huge};
  ok(clf_plot_table(&t, "huge", "odd.png"));
}
END_TEST

START_TEST(training) {
  double train[50], valid[50];
  for (int i = 0; i < 50; i++) {
    train[i] = -2 - 3 * exp(-i / 10.0);
    valid[i] = train[i] - 0.001 * i * i;
  }
  valid[7] = NAN;
  const box panel = {152, 168, 1552, 928};
  ok(clf_plot_training(train, NULL, 50, "train.png"));
  cairo_surface_t *s = picture("train.png", 1600, 1040);
  const double one = share(s, panel, 0, 200);
  ck_assert_double_gt(one, 0.003);
  ck_assert_double_lt(one, 0.03);
  cairo_surface_destroy(s);
  ok(clf_plot_training(train, valid, 50, "train.png"));
  s = picture("train.png", 1600, 1040);
  ck_assert_double_gt(share(s, panel, 0, 200), 1.4 * one);
  cairo_surface_destroy(s);
  ok(clf_plot_training(train, valid, 1, "train.png"));
  train[0] = NAN;
  refused(clf_plot_training(train, valid, 1, "train.png"), CLF_ENUM,
          "none of the 1 epochs has a finite mean");
  refused(clf_plot_training(train, valid, 0, "train.png"), CLF_EINVAL,
          "there is no epoch of training to draw (n = 0)");
}
END_TEST

START_TEST(the_same_input_gives_the_same_bytes) {
  clf_flow *flow = flow_of(CLF_NVP, 2);
  clf_table t = rings(500);
  ok(clf_plot_flow(flow, &t, 1, "a.png"));
  ok(clf_plot_flow(flow, &t, 1, "b.png"));
  ok(clf_plot_flow(flow, &t, 2, "c.png"));
  ck_assert_int_eq(equal_files("a.png", "b.png"), 1);
  ck_assert_int_eq(equal_files("a.png", "c.png"), 0);
  clf_table_free(&t);
  clf_flow_free(flow);
}
END_TEST

START_TEST(flows_that_cannot_be_drawn) {
  clf_flow *six = flow_of(CLF_NVP, 6), *two = flow_of(CLF_NVP, 2);
  double at[6] = {1, 2, 3, 4, 5, 6};
  clf_table t = {.rows = 2, .cols = 3, .at = at};
  refused(clf_plot_flow(six, NULL, 1, "p.png"), CLF_ENOTSUP,
          "a flow of 6 dimensions cannot be drawn; 1 and 2 can");
  refused(clf_plot_flow(two, &t, 1, "p.png"), CLF_ESHAPE,
          "the data have 3 columns, but the flow has 2 dimensions; give data of as many columns");
  refused(clf_plot_flow(NULL, NULL, 1, "p.png"), CLF_EINVAL, "clf_plot_flow: flow is NULL");
  t.rows = 3;
  t.cols = 2;
  at[3] = INFINITY;
  refused(clf_plot_flow(two, &t, 1, "p.png"), CLF_ENUM,
          "row 2, column 2 of the table is not a finite number");
  ck_assert_int_ne(access("p.png", F_OK), 0);
  clf_flow_free(six);
  clf_flow_free(two);
}
END_TEST

START_TEST(tables_and_paths_that_are_refused) {
  double at[3] = {1, 2, 3};
  clf_table t = {.rows = 1, .cols = 3, .at = at};
  refused(clf_plot_table(&t, "", "p.png"), CLF_ESHAPE,
          "a table of 3 columns cannot be drawn; 1 and 2 can");
  refused(clf_plot_table(NULL, "", "p.png"), CLF_EINVAL, "clf_plot_table: t is NULL");
  t = (clf_table){.rows = 0, .cols = 1, .at = at};
  refused(clf_plot_table(&t, "", "p.png"), CLF_ESHAPE, "the table has no rows to draw");
  t.rows = 3;
  refused(clf_plot_table(&t, "", "out/p.png"), CLF_EIO,
          "out/p.png: cannot be written: the folder \"out\" does not exist");
  refused(clf_plot_table(&t, "", "p.jpg"), CLF_EINVAL,
          "p.jpg: pictures are PNG; give a name that ends in .png");
  refused(clf_plot_table(&t, "", NULL), CLF_EINVAL, "clf_plot_table: path is NULL");
  ck_assert_int_eq(mkdir("folder.png", 0777), 0);
  refused(clf_plot_table(&t, "", "folder.png"), CLF_EIO,
          "folder.png: cannot be written: it is a folder");
}
END_TEST

/* A replaced file keeps its permissions, and no other file is left. */
START_TEST(files_are_replaced_whole) {
  double at[3] = {1, 2, 3};
  const clf_table t = {.rows = 3, .cols = 1, .at = at};
  struct stat st;
  FILE *f = fopen("old.PNG", "w");
  ck_assert_ptr_nonnull(f);
  fputs("not a picture", f);
  fclose(f);
  ck_assert_int_eq(chmod("old.PNG", 0640), 0);
  ok(clf_plot_table(&t, "", "old.PNG"));
  cairo_surface_destroy(picture("old.PNG", 1600, 1120));
  DIR *d = opendir(".");
  ck_assert_ptr_nonnull(d);
  for (const struct dirent *e; (e = readdir(d));) ck_assert_ptr_null(strstr(e->d_name, ".tmp"));
  closedir(d);
  POSIX_ONLY;
  ck_assert_int_eq(stat("old.PNG", &st), 0);
  ck_assert_int_eq(st.st_mode & 0777, 0640);
}
END_TEST

static void add(TCase *c) {
  tcase_set_timeout(c, 120);
  tcase_add_test(c, two_dimensions_with_data);
  tcase_add_test(c, two_dimensions_without_data);
  tcase_add_test(c, one_dimension);
  tcase_add_test(c, histogram_has_its_bars_where_the_numbers_are);
  tcase_add_test(c, points_lie_where_their_numbers_say);
  tcase_add_test(c, odd_tables_are_drawn);
  tcase_add_test(c, training);
  tcase_add_test(c, the_same_input_gives_the_same_bytes);
  tcase_add_test(c, flows_that_cannot_be_drawn);
  tcase_add_test(c, tables_and_paths_that_are_refused);
  tcase_add_test(c, files_are_replaced_whole);
}

int main(void) {
  char folder[] = "/tmp/clflow-test-plot-XXXXXX";
  if (!mkdtemp(folder) || chdir(folder) != 0 || clf_open("cpu", &dev) != CLF_OK) return 1;
  Suite *suite = suite_create("plot");
  TCase *c = tcase_create("plot");
  add(c);
  suite_add_tcase(suite, c);
  const int failed = suite_run(suite);
  clf_close(dev);
  suite_remove(folder);
  return failed;
}
