/* SPDX-License-Identifier: MIT */
/* test_report.c: reports on models whose fit is known: the numbers, the verdict, the page. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "clflow/clflow.h"
#include "clflow/report.h"
#include "canvas.h"
#include "judge.h"
#include "page.h"
#include "statistics.h"
#include "suite.h"

static clf_device *dev;

static void set_up(void) { WORKS(clf_open("cpu", &dev)); }
static void tear_down(void) { clf_close(dev); }

static clf_flow *flow_of(const char *text) {
  clf_arch *arch;
  clf_flow *flow;
  WORKS(clf_arch_parse(text, &arch));
  WORKS(clf_flow_create_arch(dev, arch, 1, &flow));
  clf_arch_free(arch);
  return flow;
}

/* Rows drawn from the flow itself. */
static clf_table own_rows(clf_flow *flow, int64_t n, uint64_t seed) {
  clf_table t;
  WORKS(clf_table_new(n, clf_flow_get_spec(flow)->dim, &t));
  WORKS(clf_sample(flow, seed, 0, n, t.at));
  return t;
}

static void stretch(clf_table *t, int32_t column, double shift, double scale) {
  for (int64_t i = 0; i < t->rows; i++)
    t->at[i * t->cols + column] = shift + scale * t->at[i * t->cols + column];
}

/* ---- Statistics ---------------------------------------------------------------------------- */

START_TEST(distances_from_uniform_numbers) {
  double even[8];
  for (int i = 0; i < 8; i++) even[i] = (i + 0.5) / 8;
  ck_assert_double_eq_tol(clf__ks_distance(even, 8), 1.0 / 16, 1e-15);
  ck_assert_double_eq_tol(clf__ks_distance((double[]){0.1, 0.2, 0.9}, 3), 2.0 / 3 - 0.2, 1e-15);
  ck_assert_double_eq_tol(clf__ks_distance((double[]){0.7}, 1), 0.7, 1e-15);
  /* Kolmogorov's distribution: scipy.special.kolmogorov(1) and (1.3581). */
  ck_assert_double_eq_tol(clf__ks_probability(1e-6, 1e12), 0.26999967167735456, 1e-6);
  ck_assert_double_eq_tol(clf__ks_probability(1.3581e-6, 1e12), 0.05, 1e-5);
  ck_assert_double_eq(clf__ks_probability(0, 10), 1);
  /* scipy.stats.kstwo.isf(0.01, 100) is 0.16081. */
  ck_assert_double_eq_tol(clf__ks_band(0.01, 100), 0.1608, 5e-4);
  ck_assert_double_eq_tol(clf__ks_probability(clf__ks_band(0.03, 50), 50), 0.03, 1e-9);
}
END_TEST

START_TEST(incomplete_gamma) {
  for (double x = 0.1; x < 12; x += 0.7) {
    ck_assert_double_eq_tol(clf__gamma_p(1, x), 1 - exp(-x), 1e-14);
    ck_assert_double_eq_tol(clf__gamma_p(0.5, x), erf(sqrt(x)), 1e-14);
  }
  ck_assert_double_eq_tol(clf__gamma_p(32, 30), 0.381357010191515, 1e-12);
  ck_assert_double_eq(clf__gamma_p(3, 0), 0);
  ck_assert_double_eq(clf__gamma_p(3, INFINITY), 1);
}
END_TEST

START_TEST(numbers_below) {
  const double sorted[] = {-INFINITY, 1, 2, 2, 2, 5};
  int64_t below, equal;
  clf__count_below(sorted, 6, 2, &below, &equal);
  ck_assert_int_eq(below, 2);
  ck_assert_int_eq(equal, 3);
  clf__count_below(sorted, 6, 3, &below, &equal);
  ck_assert_int_eq(below, 5);
  ck_assert_int_eq(equal, 0);
  clf__count_below(sorted, 6, -INFINITY, &below, &equal);
  ck_assert_int_eq(below, 0);
  ck_assert_int_eq(equal, 1);
}
END_TEST

START_TEST(numbers_for_people) {
  static const struct {
    double v;
    int digits;
    const char *text;
  } cases[] = {{0, 3, "0"},           {-0.5234, 2, "−0.52"}, {12345, 3, "12\u2009345"},
               {1.2e-7, 2, "1.2e−7"}, {INFINITY, 3, "∞"},    {NAN, 3, "–"},
               {162.04, 4, "162.0"},  {-INFINITY, 2, "−∞"}};
  char text[40];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    clf__page_number(text, sizeof text, cases[i].v, cases[i].digits);
    ck_assert_str_eq(text, cases[i].text);
  }
  clf__page_nats(text, sizeof text, -1.23456, 0.004);
  ck_assert_str_eq(text, "−1.235");
  clf__page_nats(text, sizeof text, -123.456, 4);
  ck_assert_str_eq(text, "−123.5");
}
END_TEST

/* ---- What is found ------------------------------------------------------------------- */

static clf__facts judged(const clf_report_source *source) {
  clf__facts f;
  WORKS(clf__judge(&f, source));
  return f;
}

START_TEST(a_model_fits_its_own_rows) {
  clf_flow *flow = flow_of("3: lu, (coupling(affine, mlp(8x1)), perm)*2 -> normal");
  clf_table t = own_rows(flow, 2000, 77), train = own_rows(flow, 3000, 78);
  const clf_report_source source = {
      .flow = flow, .seed = 1, .test = {.x = &t}, .train = {.x = &train}};
  clf__facts f;
  clf__verdict v;
  WORKS(clf__judge(&f, &source));
  clf__verdict_of(&f, &v);
  ck_assert_str_eq(v.sentence, "The model fits the 2000 test rows.");
  for (int i = 0; i < v.count; i++) ck_assert_msg(v.bad[i] == CLF__FITS, "%s", v.detail[i]);
  ck_assert_int_eq(f.samples, 10000);
  ck_assert_double_eq_tol(f.rank.rows, 2000.0 * 10000 / 12000, 1e-9);
  ck_assert_double_eq_tol(f.rank.band, clf__ks_band(0.01 / 4, f.rank.rows), 1e-12);
  ck_assert_double_eq_tol(f.column[0].band, clf__ks_band(0.01 / 4, f.rank.rows), 1e-12);
  ck_assert_ptr_nonnull(f.chi.u);
  ck_assert_int_eq(f.chi.level, CLF__FITS);
  ck_assert_double_eq_tol(f.gap, 0, 3 * f.gap_error);
  clf__judge_free(&f);
  clf_table_free(&t);
  clf_table_free(&train);
  clf_flow_free(flow);
}
END_TEST

/* Columns of a standard normal model that are shifted, stretched and squeezed; KS distances are
 * those of normal distribution functions: Phi(0.25) - Phi(-0.25) etc. */
START_TEST(columns_that_do_not_fit) {
  clf_flow *flow = flow_of("4: -> normal");
  clf_table t = own_rows(flow, 4000, 5);
  stretch(&t, 0, 0.5, 1);
  stretch(&t, 1, 0, 2);
  stretch(&t, 2, 0, 0.5);
  clf_report_source source = {.flow = flow, .seed = 1, .test = {.x = &t}};
  clf__facts f = judged(&source);
  const double shifted = erf(0.25 / sqrt(2));
  ck_assert_double_eq_tol(f.column[0].distance, shifted, 0.02);
  const double x = sqrt(2 * log(2) / (1 - 0.25)); /* where N(0, 1) and N(0, 4) have equal density */
  ck_assert_double_eq_tol(f.column[1].distance, (erf(x / sqrt(2)) - erf(x / sqrt(8))) / 2, 0.02);
  ck_assert_int_eq(f.column[3].level, CLF__FITS);
  ck_assert_int_eq(f.worst[3], 3);
  ck_assert_int_eq(f.worst[0], 0);
  ck_assert_str_eq(clf__column_verdict(&f.column[0]), "higher than the samples");
  ck_assert_str_eq(clf__column_verdict(&f.column[1]), "wider than the samples");
  ck_assert_str_eq(clf__column_verdict(&f.column[2]), "narrower than the samples");
  ck_assert_str_eq(clf__rank_verdict(&f.rank), "less probable than the model's own samples");
  clf__judge_free(&f);
  clf_table_free(&t);
  clf_flow_free(flow);
}
END_TEST

/* The gain over a Gaussian of the training rows, and of each row over a Gaussian of the others. */
START_TEST(the_gaussian_baseline) {
  enum { N = 60 };
  clf_flow *flow = flow_of("2: -> normal");
  clf_table t = own_rows(flow, N, 5);
  stretch(&t, 0, 3, 2);
  for (int64_t i = 0; i < N; i++) t.at[2 * i + 1] += 0.5 * t.at[2 * i];
  double want = 0;
  for (int64_t i = 0; i < N; i++) { /* by definition: moments of the others */
    double m[2] = {0}, c[3] = {0};
    for (int64_t j = 0; j < N; j++)
      for (int d = 0; d < 2 && j != i; d++) m[d] += t.at[2 * j + d] / (N - 1);
    for (int64_t j = 0; j < N; j++) {
      const double a = t.at[2 * j] - m[0], b = t.at[2 * j + 1] - m[1];
      if (j == i) continue;
      c[0] += a * a / (N - 1);
      c[1] += a * b / (N - 1);
      c[2] += b * b / (N - 1);
    }
    const double a = t.at[2 * i] - m[0], b = t.at[2 * i + 1] - m[1];
    const double det = c[0] * c[2] - c[1] * c[1];
    const double q = (c[2] * a * a - 2 * c[1] * a * b + c[0] * b * b) / det;
    want -= (log(4 * acos(-1) * acos(-1) * det) + q) / 2 / N;
  }
  clf__facts f = judged(&(clf_report_source){.flow = flow, .seed = 1, .test = {.x = &t}});
  ck_assert_double_eq_tol(f.gaussian, want, 1e-9);
  ck_assert_double_eq_tol(f.gain, f.part[CLF__TEST].mean - want, 1e-9);
  clf__judge_free(&f);
  clf_table_free(&t);
  clf_flow_free(flow);
}
END_TEST

START_TEST(rows_far_out_and_rows_of_zero_density) {
  clf_flow_spec spec = clf_flow_spec_default(CLF_PIECEWISE, 1);
  clf_flow *flow, *normal = flow_of("2: -> normal");
  spec.xmin = -3;
  spec.xmax = 3;
  WORKS(clf_flow_create(dev, &spec, &flow));
  clf_table t = own_rows(flow, 500, 5), u = own_rows(normal, 1000, 5);
  t.at[17] = 50;
  for (int i = 0; i < 5; i++) u.at[2 * i] = 30 + i;
  clf__facts f = judged(&(clf_report_source){.flow = flow, .seed = 1, .test = {.x = &t}});
  ck_assert_int_eq(f.part[CLF__TEST].zeros, 1);
  ck_assert(isfinite(f.part[CLF__TEST].mean) && isfinite(f.gain));
  ck_assert_int_eq(f.strange[0].row, 17);
  ck_assert(isinf(f.strange[0].gain[0]));
  clf__judge_free(&f);
  f = judged(&(clf_report_source){.flow = normal, .seed = 1, .test = {.x = &u}});
  ck_assert_int_eq(f.beyond, 5);
  ck_assert_double_eq_tol(f.beyond_expected, 1000.0 / 10001, 1e-9);
  ck_assert_int_eq(f.beyond_level, CLF__SLIGHT);
  ck_assert_int_eq(f.strange[0].row, 4);
  ck_assert_double_eq_tol(f.strange[0].gain[0], 34 * 34 / 2.0, 0.1);
  ck_assert_int_eq(f.strange_count, CLF__STRANGE_ROWS);
  clf__judge_free(&f);
  clf_table_free(&t);
  clf_table_free(&u);
  clf_flow_free(flow);
  clf_flow_free(normal);
}
END_TEST

/* Overfitting is a gap between training and test rows, and low ranks. */
START_TEST(training_rows_that_are_more_probable) {
  clf_flow *flow = flow_of("2: -> normal");
  clf_table t = own_rows(flow, 1000, 5), train = own_rows(flow, 1000, 6);
  stretch(&train, 0, 0, 0.1);
  const clf_report_source source = {
      .flow = flow, .seed = 1, .test = {.x = &t}, .train = {.x = &train}};
  clf__facts f = judged(&source);
  clf__verdict v;
  ck_assert_double_eq_tol(f.gap, 0.495, 0.1);
  clf__verdict_of(&f, &v);
  ck_assert_str_eq(v.sentence, "The model fits the 1000 test rows.");
  const char *const last = v.detail[v.count - 1];
  ck_assert_msg(strstr(last, "It overfits: training rows are 0.5"), "%s", last);
  ck_assert_int_eq(v.bad[v.count - 1], CLF__SLIGHT);
  clf__judge_free(&f);
  clf_table_free(&t);
  clf_table_free(&train);
  clf_flow_free(flow);
}
END_TEST

/* ---- The page ------------------------------------------------------------------------ */

/* Whether tags are closed in order, and text has no stray bracket. */
static void well_formed(const char *html) {
  static char open[64][16];
  int depth = 0;
  for (const char *at = strchr(html, '<'); at; at = strchr(at, '<')) {
    char name[16] = "";
    const int closes = at[1] == '/';
    const char *const end = strchr(at, '>');
    ck_assert_ptr_nonnull(end);
    ck_assert_msg(!memchr(at + 1, '<', (size_t)(end - at - 1)), "%.60s", at);
    sscanf(at + 1 + closes, "%15[a-z0-9!]", name);
    ck_assert_msg(*name, "%.60s", at);
    const int alone =
        end[-1] == '/' || strcmp(name, "meta") == 0 || strcmp(name, "br") == 0 || *name == '!';
    if (closes) {
      ck_assert_int_gt(depth, 0);
      ck_assert_msg(strcmp(open[--depth], name) == 0, "%s closes %s: %.80s", name, open[depth], at);
    } else if (!alone) {
      ck_assert_int_lt(depth, 64);
      strcpy(open[depth++], name);
    }
    at = end;
  }
  ck_assert_int_eq(depth, 0);
}

/* The page of a source, after checks; the caller frees it. */
static char *page_of(const clf_report_source *source, char verdict[512]) {
  size_t size;
  WORKS(clf_report_write(source, "page.html", verdict, 512));
  char *html = read_file("page.html", &size);
  ck_assert_uint_eq(strlen(html), size);
  well_formed(html);
  ck_assert_ptr_null(strstr(html, "nan"));
  ck_assert_ptr_null(strstr(html, "http:"));
  ck_assert_ptr_null(strstr(html, "https:"));
  ck_assert_ptr_null(strstr(html, "<script"));
  return html;
}

static void contains(const char *html, const char *text) {
  ck_assert_msg(strstr(html, text), "the page lacks: %s", text);
}

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

/* Extreme tables: what is drawn, and that the page is complete. */
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

/* A standard deviation of 1e308: where |z| is above 1.797, samples overflow. */
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

/* Each row among samples with its own context, here its mean. */
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

/* Labels, dates and times of day appear at axes and in the list of unusual rows as in the table. */
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

/* ---- The record ---------------------------------------------------------------------- */

static const char record[] =
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

/* ---- Files --------------------------------------------------------------------------- */

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

static void add_all(TCase *tc) {
  tcase_add_test(tc, distances_from_uniform_numbers);
  tcase_add_test(tc, incomplete_gamma);
  tcase_add_test(tc, numbers_below);
  tcase_add_test(tc, numbers_for_people);
  tcase_add_test(tc, a_model_fits_its_own_rows);
  tcase_add_test(tc, columns_that_do_not_fit);
  tcase_add_test(tc, the_gaussian_baseline);
  tcase_add_test(tc, rows_far_out_and_rows_of_zero_density);
  tcase_add_test(tc, training_rows_that_are_more_probable);
  tcase_add_test(tc, names_and_ids_are_escaped);
  tcase_add_test(tc, odd_tables);
  tcase_add_test(tc, constant_columns_and_huge_values);
  tcase_add_test(tc, samples_that_overflow);
  tcase_add_test(tc, conditional_models);
  tcase_add_test(tc, discrete_columns);
  tcase_add_test(tc, kinds_of_columns);
  tcase_add_test(tc, ticks_at_dates);
  tcase_add_test(tc, what_a_record_says);
  tcase_add_test(tc, the_same_source_gives_the_same_bytes);
  tcase_add_test(tc, what_is_refused);
  tcase_add_test(tc, pictures);
}

int main(void) {
  char folder[] = "/tmp/clf_report_XXXXXX";
  if (!mkdtemp(folder) || chdir(folder) != 0) return 1;
  Suite *suite = suite_create("report");
  TCase *tc = tcase_create("report");
  tcase_add_unchecked_fixture(tc, set_up, tear_down);
  add_all(tc);
  suite_add_tcase(suite, tc);
  const int failed = suite_run(suite);
  if (chdir("/") != 0) return 1;
  suite_remove(folder);
  return failed;
}
