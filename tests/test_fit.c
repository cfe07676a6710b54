/* SPDX-License-Identifier: MIT */
/* test_fit.c: the search for a density, and its record. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "../layers/arch/arch_private.h"
#include "../layers/fit/fit_private.h"
#include "fit/fit.h"

clf_device *dev;
static void open_device(void) { WORKS(clf_open("cpu", &dev)); }
static void close_device(void) { clf_close(dev); }

clf_table drawn(const char *set) {
  clf_table t;
  WORKS(clf_table_read(set, &t));
  return t;
}

/* Moves column `c` of *t to a separate table. */
static clf_table take_column(clf_table *t, int32_t c) {
  clf_table one, rest;
  WORKS(clf_table_new(t->rows, 1, &one));
  WORKS(clf_table_new(t->rows, t->cols - 1, &rest));
  for (int64_t i = 0; i < t->rows; i++)
    for (int32_t d = 0, to = 0; d < t->cols; d++) {
      const double v = t->at[i * t->cols + d];
      if (d == c) one.at[i] = v;
      if (d != c) rest.at[i * rest.cols + to++] = v;
    }
  clf_table_free(t);
  *t = rest;
  return one;
}

clf_flow *fit(const clf_fit_data *data, const clf_fit_options *o) {
  clf_flow *flow;
  WORKS(clf_fit(dev, data, o, NULL, NULL, &flow));
  return flow;
}

clf_fit_options brief(double seconds) {
  clf_fit_options o = clf_fit_options_default();
  o.seconds = seconds;
  return o;
}

json_t *record_of(const clf_flow *flow) {
  json_t *record = json_loads(clf_flow_record(flow), 0, NULL);
  ck_assert_ptr_nonnull(record);
  return record;
}

static double number(const json_t *at, const char *of, const char *name) {
  const json_t *v = json_object_get(of ? json_object_get(at, of) : at, name);
  ck_assert_msg(json_is_number(v), "%s of the record is no number", name);
  return json_number_value(v);
}

const json_t *find_candidate(const json_t *record, const char *name) {
  size_t i;
  json_t *c;
  json_array_foreach(json_object_get(record, "candidates"), i,
                     c) if (strcmp(json_string_value(json_object_get(c, "name")), name) ==
                            0) return c;
  return NULL;
}

const json_t *candidate(const json_t *record, const char *name) {
  const json_t *const c = find_candidate(record, name);
  ck_assert_msg(c != NULL, "no candidate %s", name);
  return c;
}

/* log p of the test rows according to the record's seed and shares. */
static double mean_test(clf_flow *flow, const clf_table *x, const clf_table *given,
                        const json_t *record) {
  uint8_t *part = malloc((size_t)x->rows);
  double *logp = malloc((size_t)x->rows * sizeof *logp), sum = 0;
  int64_t n = 0;
  const double few = number(record, "rows", "folds") > 0 ? 0 : number(record, NULL, "valid_share");
  WORKS(clf_split_rows(x->rows, few, number(record, NULL, "test_share"),
                       (uint64_t)number(record, NULL, "seed"), part));
  WORKS(given ? clf_log_prob_given(flow, x->at, given->at, x->rows, logp)
              : clf_log_prob(flow, x->at, x->rows, logp));
  for (int64_t i = 0; i < x->rows; i++)
    if (part[i] == CLF_ROW_TEST) sum += logp[i], n++;
  free(part);
  free(logp);
  return sum / (double)n;
}

/* Steps between the first two validations of a candidate. */
static int steps_between(const json_t *c) {
  const json_t *curve = json_object_get(c, "curve");
  const json_t *first = json_array_get(curve, 0), *second = json_array_get(curve, 1);
  return (int)(json_integer_value(json_array_get(second, 0)) -
               json_integer_value(json_array_get(first, 0)));
}

/* Moons have bends that a Gaussian cannot represent: about -0.32 nats remain (truth -0.30),
 * compared with -1.9 for the Gaussian. */
START_TEST(moons_are_fitted) {
  clf_table x = drawn("moons:n=3000");
  const clf_fit_options o = brief(2.5);
  clf_flow *flow = fit(&(clf_fit_data){.x = &x, .name = "moons"}, &o);
  json_t *record = record_of(flow);
  ck_assert_double_gt(number(record, "result", "test"), -0.6);
  ck_assert_double_lt(number(candidate(record, "gaussian"), NULL, "test"), -1.6);
  ck_assert_double_gt(number(candidate(record, "mixture"), NULL, "test"), -0.8);
  ck_assert_double_eq_tol(mean_test(flow, &x, NULL, record), number(record, "result", "test"),
                          1e-6);
  const double gain = number(candidate(record, "gaussian"), NULL, "gain");
  ck_assert_double_eq_tol(
      gain, number(record, "result", "test") - number(candidate(record, "gaussian"), NULL, "test"),
      1e-9);
  ck_assert_double_lt(number(candidate(record, "gaussian"), NULL, "gain_se"), 0.1);
  /* Batches of 256 rows: two of them for the 300 rows of a validation, twice. */
  ck_assert_int_eq(steps_between(candidate(record, "splines")), 2);
  ck_assert_int_eq((int)number(record, "rows", "train"), 2400);
  ck_assert_int_eq((int)number(record, "rows", "valid"), 300);
  ck_assert_int_eq((int)number(record, "rows", "test"), 300);
  json_decref(record);
  clf_flow_free(flow);
  clf_table_free(&x);
}
END_TEST

/* Few validation rows leave small weights to candidates that are worse on every row.  Such a blend
 * is worse than its best component by far more than chance. */
START_TEST(a_single_candidate_that_is_better_is_chosen) {
  enum { ROWS = 12, CANDIDATES = 5 };
  static clf__fit f;
  static double logp[CANDIDATES][ROWS];
  f = (clf__fit){.candidates = CANDIDATES, .judges = ROWS};
  for (int k = 0; k < CANDIDATES; k++) {
    for (int i = 0; i < ROWS; i++) logp[k][i] = 0.01 * i - (k != 2) * (0.5 + 0.001 * i);
    f.candidate[k] = (clf__fit_candidate){.logp = logp[k]};
    f.candidate[k].valid = clf__fit_score_of(logp[k], NULL, ROWS);
  }
  WORKS(clf__fit_choose(&f));
  for (int k = 0; k < CANDIDATES; k++) ck_assert_double_eq(f.candidate[k].weight, k == 2);
  ck_assert_double_eq_tol(f.valid.mean, 0.055, 1e-12);
  free(f.blended);
  for (int i = 0; i < ROWS; i++) logp[1][i] = 0.01 * (ROWS - i); /* as good, on other rows */
  f.candidate[1].valid = clf__fit_score_of(logp[1], NULL, ROWS);
  WORKS(clf__fit_choose(&f));
  ck_assert(f.candidate[1].weight > 0.3 && f.candidate[2].weight > 0.3);
  free(f.blended);
}
END_TEST

/* The result averages the models of five folds; a blend of one component must equal the mean of
 * their densities, which is computed separately. */
START_TEST(few_rows_choose_by_folds) {
  clf_table x = drawn("circles:n=120");
  const clf_fit_options o = brief(1);
  clf_flow *flow = fit(&(clf_fit_data){.x = &x}, &o);
  json_t *record = record_of(flow);
  ck_assert_int_eq((int)number(record, "rows", "folds"), 5);
  ck_assert_int_eq((int)number(record, "rows", "train"), 108);
  ck_assert_int_eq((int)number(record, "rows", "valid"), 0);
  ck_assert_int_eq((int)number(record, "rows", "test"), 12);
  ck_assert_double_eq_tol(mean_test(flow, &x, NULL, record), number(record, "result", "test"),
                          1e-6);
  size_t i;
  json_t *c;
  json_array_foreach(json_object_get(record, "candidates"), i,
                     c) if (number(c, NULL, "weight") == 1)
      ck_assert_double_eq_tol(number(c, NULL, "test"), number(record, "result", "test"), 1e-5);
  json_decref(record);
  clf_flow_free(flow);
  clf_table_free(&x);
}
END_TEST

void check_repeat(clf_flow *flow, const clf_fit_data *data) {
  void *bytes[2];
  size_t size[2];
  clf_fit_options again = brief(1e6);
  again.repeat = clf_flow_record(flow);
  clf_flow *same = fit(data, &again);
  WORKS(clf_flow_set_record(same, again.repeat)); /* seconds differ */
  WORKS(clf_flow_save_memory(flow, &bytes[0], &size[0]));
  WORKS(clf_flow_save_memory(same, &bytes[1], &size[1]));
  ck_assert_uint_eq(size[0], size[1]);
  ck_assert_mem_eq(bytes[0], bytes[1], size[0]);
  data->x->at[0] += 1;
  clf_flow *none;
  REFUSED(clf_fit(dev, data, &again, NULL, NULL, &none), CLF_EINVAL,
          "the record to repeat is of other data: the table has other values");
  data->x->at[0] -= 1;
  for (int k = 0; k < 2; k++) free(bytes[k]);
  clf_flow_free(same);
}

START_TEST(repeats_have_the_same_bits) {
  static const int rows[] = {900, 150}; /* with a split, and with folds */
  for (int i = 0; i < 2; i++) {
    char set[32];
    snprintf(set, sizeof set, "pinwheel:n=%d", rows[i]);
    clf_table x = drawn(set);
    clf_fit_options o = brief(0.6);
    o.seed = 7;
    clf_flow *flow = fit(&(clf_fit_data){.x = &x}, &o);
    check_repeat(flow, &(clf_fit_data){.x = &x});
    clf_flow_free(flow);
    clf_table_free(&x);
  }
}
END_TEST

static clf_flow *flow_of(int dims, const char *layers) {
  char text[512];
  clf_arch *arch;
  clf_flow *flow;
  snprintf(text, sizeof text, "%d: %s -> mixture(3)", dims, layers);
  WORKS(clf_arch_parse(text, &arch));
  WORKS(clf_flow_create_arch(dev, arch, 1, &flow));
  clf_arch_free(arch);
  return flow;
}

/* Over the same mixture, layers with these sizes give the same log p as no layers, in x's rows of
 * `dims` columns. */
static void check_start(int dims, const char *layers, const char *sizes, const clf_table *x) {
  enum { ROWS = 50 };
  clf__parameter values[8];
  clf__out text = {0};
  double a[ROWS], b[ROWS];
  clf__parameters_fill(&text, layers, values, clf__parameters_read(sizes, values, 8));
  clf_flow *with = flow_of(dims, text.s), *without = flow_of(dims, "");
  WORKS(clf_flow_set_base_of(with, without));
  WORKS(clf_log_prob(with, x->at, ROWS, a));
  WORKS(clf_log_prob(without, x->at, ROWS, b));
  for (int i = 0; i < ROWS; i++) ck_assert_double_eq_tol(a[i], b[i], 1e-4);
  free(text.s);
  clf_flow_free(with);
  clf_flow_free(without);
}

/* The rows of fit.def over the mixture start as the mixture: otherwise it would not suit their
 * layers. */
START_TEST(layers_over_the_mixture_start_as_it) {
  static const struct {
    const char *base, *layers;
    int from;
  } rows[] = {
#define ANY 0
#define MIXTURE NULL
#define CLF_FIT_FLOW(title, from, to, share, layers, base, options) {base, layers, from},
#include "../layers/fit/fit.def"
#undef CLF_FIT_FLOW
#undef MIXTURE
#undef ANY
  };
  const char *const sizes = "hidden=8, bins=6, act=relu, tail=3";
  clf_table x = drawn("moons:n=50");
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (!rows[i].base) check_start(rows[i].from, rows[i].layers, sizes, &x);
  }
  clf_table_free(&x);
}
END_TEST

static int stop_at_an_end(const clf_fit_progress *p, void *context) {
  int *ends = context;
  *ends += p->ended != NULL;
  return *ends == 2;
}

START_TEST(a_search_that_is_stopped_gives_the_best_so_far) {
  clf_table x = drawn("moons:n=1000");
  const clf_fit_options o = brief(1000);
  clf_flow *flow;
  int ends = 0;
  ck_assert_int_eq(clf_fit(dev, &(clf_fit_data){.x = &x}, &o, stop_at_an_end, &ends, &flow),
                   CLF_ESTOPPED);
  ck_assert_ptr_nonnull(flow);
  json_t *record = record_of(flow);
  ck_assert(json_is_true(json_object_get(record, "stopped")));
  ck_assert_uint_eq(json_array_size(json_object_get(record, "candidates")), 4); /* mixtures too */
  ck_assert_double_gt(number(record, "result", "test"), -0.8);
  json_decref(record);
  clf_flow_free(flow);
  clf_table_free(&x);
}
END_TEST

/* The result trained on all rows scores the test rows, which it has seen, no worse than by
 * chance; the record keeps the earlier scores. */
START_TEST(refits_train_on_all_rows) {
  clf_table x = drawn("moons:n=1000");
  clf_fit_options o = brief(1);
  clf_flow *flow = fit(&(clf_fit_data){.x = &x}, &o);
  clf_fit_options again = o;
  again.repeat = clf_flow_record(flow);
  again.refit = 1;
  clf_flow *all = fit(&(clf_fit_data){.x = &x}, &again);
  json_t *one = record_of(flow), *two = record_of(all);
  ck_assert(json_is_true(json_object_get(json_object_get(two, "rows"), "refit")));
  ck_assert_double_eq(number(one, "result", "test"), number(two, "result", "test"));
  ck_assert_double_gt(mean_test(all, &x, NULL, two), number(two, "result", "test") - 0.2);
  ck_assert_double_ne(mean_test(all, &x, NULL, two), number(two, "result", "test"));
  json_decref(one);
  json_decref(two);
  clf_flow_free(flow);
  clf_flow_free(all);
  clf_table_free(&x);
}
END_TEST

/* y given x of the moons: sharper than the conditional Gaussian of both. */
START_TEST(columns_are_modelled_given_others) {
  clf_table x = drawn("moons:n=2000");
  clf_table given = take_column(&x, 0);
  const clf_fit_options o = brief(2);
  clf_flow *flow = fit(&(clf_fit_data){.x = &x, .given = &given}, &o);
  json_t *record = record_of(flow);
  ck_assert_int_eq(clf_flow_context(flow), 1);
  ck_assert_double_gt(number(record, "result", "test"),
                      number(candidate(record, "gaussian"), NULL, "test") + 0.5);
  ck_assert_double_eq_tol(mean_test(flow, &x, &given, record), number(record, "result", "test"),
                          1e-6);
  json_decref(record);
  clf_flow_free(flow);
  clf_table_free(&x);
  clf_table_free(&given);
}
END_TEST

/* Rows without weight may have any values. */
START_TEST(rows_of_weight_0_do_not_count) {
  clf_table x = drawn("gaussians:n=1000");
  double *weights = malloc((size_t)x.rows * sizeof *weights);
  for (int64_t i = 0; i < x.rows; i++) {
    weights[i] = i % 4 != 0;
    if (weights[i] == 0) x.at[2 * i] = 6; /* a line next to the data */
  }
  const clf_fit_options o = brief(1);
  clf_flow *flow = fit(&(clf_fit_data){.x = &x, .weights = weights}, &o);
  double on_line, logp[2];
  WORKS(clf_log_prob(flow, x.at, 1, &on_line));
  WORKS(clf_log_prob(flow, x.at + 2, 1, logp));
  ck_assert_double_lt(on_line, logp[0] - 3);
  free(weights);
  clf_flow_free(flow);
  clf_table_free(&x);
}
END_TEST

static int notes_about(const json_t *record, const char *what) {
  size_t i;
  json_t *note;
  json_array_foreach(json_object_get(record, "notes"), i,
                     note) if (strstr(json_string_value(note), what)) return 1;
  return 0;
}

/* The sum of 12 uniform numbers, which is close to normal. */
static double nearly_normal(uint32_t *state) {
  double sum = -6;
  for (int k = 0; k < 12; k++) sum += (*state = *state * 1664525u + 1013904223u) / 4294967296.0;
  return sum;
}

/* With 48 training rows of 40 columns a covariance is close to singular: without shrinkage log p
 * of new rows is about -300 nats.  The truth has -56.8. */
START_TEST(few_rows_of_many_columns) {
  enum { ROWS = 60, COLUMNS = 40 };
  clf_table x;
  uint32_t s = 7;
  WORKS(clf_table_new(ROWS, COLUMNS, &x));
  for (int i = 0; i < ROWS * COLUMNS; i++) x.at[i] = nearly_normal(&s);
  clf_fit_options o = brief(1);
  o.quick = 1;
  clf_flow *flow = fit(&(clf_fit_data){.x = &x, .name = "wide"}, &o);
  json_t *record = record_of(flow);
  ck_assert_double_gt(number(candidate(record, "gaussian"), NULL, "test"), -65);
  json_decref(record);
  clf_flow_free(flow);
  clf_table_free(&x);
}
END_TEST

/* Eight clusters with a standard deviation of 0.3, whose centres have skewed columns. */
static clf_table skewed_clusters(int64_t rows) {
  enum { CLUSTERS = 8, COLUMNS = 3 };
  clf_table x;
  uint32_t s = 11;
  double centre[CLUSTERS * COLUMNS];
  WORKS(clf_table_new(rows, COLUMNS, &x));
  for (int i = 0; i < CLUSTERS * COLUMNS; i++) centre[i] = 3 + 3 * exp(1.2 * nearly_normal(&s));
  for (int64_t i = 0; i < rows * COLUMNS; i++)
    x.at[i] = centre[i / COLUMNS % CLUSTERS * COLUMNS + i % COLUMNS] + 0.3 * nearly_normal(&s);
  return x;
}

/* The first layers of all candidates, and the number of columns that the record calls treated. */
static const char *head_of(const json_t *record, size_t *columns) {
  *columns = json_array_size(json_object_get(record, "columns"));
  return json_string_value(json_object_get(record, "head"));
}

/* By itself each column suggests a logarithm or asinh, after which the clusters are not normal.
 * The density has -log(8) - 3 (log(0.3) + log(2 pi e) / 2) = -2.72 nats. */
START_TEST(columns_are_treated_only_if_that_is_better_together) {
  clf_table x = skewed_clusters(1000);
  clf_treatments each;
  WORKS(clf_table_treat(&x, NULL, 0, NULL, &each));
  ck_assert_str_ne(each.head, "standardize");
  clf_fit_options o = brief(5);
  o.quick = 1;
  clf_flow *flow = fit(&(clf_fit_data){.x = &x}, &o);
  json_t *record = record_of(flow);
  size_t columns;
  ck_assert_str_eq(head_of(record, &columns), "standardize");
  ck_assert_uint_eq(columns, 0);
  ck_assert(notes_about(record, "columns are not rescaled: a mixture of the columns as they are"));
  ck_assert_double_gt(number(candidate(record, "mixture"), NULL, "test"), -3.0);
  json_decref(record);
  check_repeat(flow, &(clf_fit_data){.x = &x});
  clf_flow_free(flow);
  uint32_t s = 3;
  for (int64_t i = 0; i < x.rows * x.cols; i++) x.at[i] = exp(nearly_normal(&s));
  flow = fit(&(clf_fit_data){.x = &x}, &o);
  record = record_of(flow);
  ck_assert_ptr_nonnull(strstr(head_of(record, &columns), "softlog("));
  ck_assert_uint_eq(columns, 3);
  json_decref(record);
  clf_flow_free(flow);
  clf_treatments_free(&each);
  clf_table_free(&x);
}
END_TEST

/* The layers of a row of fit.def, with nets of 32 units. */
static const char *layers_of(const char *title) {
  static const char *const rows[][2] = {
#define CLF_FIT_FLOW(title, from, to, share, layers, base, options) {title, layers},
#define MIXTURE NULL
#define ANY 0
#include "../layers/fit/fit.def"
#undef CLF_FIT_FLOW
#undef MIXTURE
#undef ANY
  };
  static char text[512];
  size_t i = 0;
  while (i < sizeof rows / sizeof *rows && strcmp(rows[i][0], title) != 0) i++;
  ck_assert_msg(i < sizeof rows / sizeof *rows, "fit.def has no %s", title);
  const char *const hidden = strstr(rows[i][1], "${hidden}");
  ck_assert_ptr_nonnull(hidden);
  snprintf(text, sizeof text, "%.*s32%s", (int)(hidden - rows[i][1]), rows[i][1],
           hidden + strlen("${hidden}"));
  return text;
}

/* Neal's funnel: a column v with a standard deviation of 3, and three of exp(v / 2).  Its density
 * has -log(3) - 2 log(2 pi e) = -6.77 nats.  Scales below 1 reach -11 in these steps. */
START_TEST(scales_that_depend_on_a_column) {
  enum { ROWS = 1200 };
  static const char title[] = "affine autoregressive in order";
  clf_table x;
  uint32_t s = 9;
  WORKS(clf_table_new(ROWS, 4, &x));
  for (int i = 0; i < 4 * ROWS; i++)
    x.at[i] = i % 4 ? exp(x.at[i / 4 * 4] / 2) * nearly_normal(&s) : 3 * nearly_normal(&s);
  clf_fit_options o = brief(1), again = brief(1e6);
  o.quick = 1;
  clf_flow *flow = fit(&(clf_fit_data){.x = &x}, &o);
  json_t *plan = record_of(flow);
  json_object_set_new(plan, "head", json_string("standardize"));
  json_object_set_new(plan, "candidates",
                      json_pack("[{s:s, s:s, s:s, s:s, s:s, s:i, s:i}]", "name", title, "layers",
                                layers_of(title), "base", "normal", "options",
                                "batch=256, lr=0.003, ema=0.99, schedule=cosine, clip=5", "start",
                                "", "seed", 1, "steps", 400));
  char *const text = json_dumps(plan, JSON_COMPACT);
  again.repeat = text;
  clf_flow *trained = fit(&(clf_fit_data){.x = &x}, &again);
  json_t *record = record_of(trained);
  ck_assert_double_gt(number(candidate(record, title), NULL, "test"), -7.6);
  free(text);
  json_decref(plan);
  json_decref(record);
  clf_flow_free(flow);
  clf_flow_free(trained);
  clf_table_free(&x);
}
END_TEST

/* Two columns of four equally likely whole numbers: no density gives rows with noise more than
 * -2 log(4) = -2.77 nats, but narrow components give the values themselves more. */
START_TEST(discrete_columns_are_scored_with_noise) {
  enum { ROWS = 600 };
  clf_table x;
  uint32_t s = 1;
  WORKS(clf_table_new(ROWS, 2, &x));
  for (int i = 0; i < 2 * ROWS; i++) x.at[i] = (s = s * 1664525u + 1013904223u) >> 30;
  clf_fit_options o = brief(2);
  o.quick = 1;
  clf_flow *flow = fit(&(clf_fit_data){.x = &x}, &o);
  json_t *record = record_of(flow);
  static const char *const of[] = {"train", "valid", "test"};
  for (int i = 0; i < 3; i++) {
    ck_assert_double_lt(number(candidate(record, "mixture"), NULL, of[i]), -2.6);
    ck_assert_double_gt(number(record, "result", of[i]), -3.1);
    ck_assert_double_lt(number(record, "result", of[i]), -2.6);
  }
  ck_assert_double_gt(mean_test(flow, &x, NULL, record), number(record, "result", "test"));
  json_decref(record);
  clf_flow_free(flow);
  clf_table_free(&x);
}
END_TEST

/* Rows that are near copies of 100 rows: no mixture has as many components, but kernels do.  With a
 * spread of 0.01 the copies have about -log(100) - 2 (log(0.01) + log(2 pi e) / 2) = 1.8 nats. */
START_TEST(near_copies_are_found_by_kernels) {
  enum { ROWS = 600, ORIGINALS = 100 };
  clf_table x;
  uint32_t s = 5;
  double original[2 * ORIGINALS];
  WORKS(clf_table_new(ROWS, 2, &x));
  for (int i = 0; i < 2 * ORIGINALS; i++) original[i] = nearly_normal(&s);
  for (int i = 0; i < 2 * ROWS; i++)
    x.at[i] = original[i % (2 * ORIGINALS)] + 0.01 * nearly_normal(&s);
  clf_fit_options o = brief(4);
  o.quick = 1;
  clf_flow *flow = fit(&(clf_fit_data){.x = &x}, &o);
  json_t *record = record_of(flow);
  ck_assert_double_gt(number(candidate(record, "kernels"), NULL, "test"), 0.4);
  ck_assert_double_gt(number(candidate(record, "kernels"), NULL, "weight"), 0.1);
  ck_assert(notes_about(record, "the model contains rows of the table"));
  json_decref(record);
  check_repeat(flow, &(clf_fit_data){.x = &x});
  clf_flow_free(flow);
  clf_table_free(&x);
}
END_TEST

/* With one column there are no couplings, and one kind of covariance. */
START_TEST(one_column) {
  clf_table x;
  WORKS(clf_table_new(1000, 1, &x));
  clf_table normal = drawn("gaussians:n=1000,seed=4");
  for (int64_t i = 0; i < x.rows; i++) x.at[i] = sinh(normal.at[2 * i]);
  const clf_fit_options o = brief(1);
  clf_flow *flow = fit(&(clf_fit_data){.x = &x}, &o);
  json_t *record = record_of(flow);
  ck_assert_double_gt(number(record, "result", "test"),
                      number(candidate(record, "gaussian"), NULL, "test"));
  json_decref(record);
  clf_flow_free(flow);
  clf_table_free(&x);
  clf_table_free(&normal);
}
END_TEST

/* A table without a density is fitted, and the record says what is wrong. */
START_TEST(tables_without_a_density) {
  clf_table x = drawn("moons:n=400"), more;
  WORKS(clf_table_new(400, 3, &more));
  for (int64_t i = 0; i < 400; i++) {
    more.at[3 * i] = x.at[2 * i];
    more.at[3 * i + 1] = i % 3 ? 0 : x.at[2 * i + 1];
    more.at[3 * i + 2] = 2 * x.at[2 * i] - more.at[3 * i + 1];
  }
  const clf_fit_options o = brief(0.5);
  clf_flow *flow = fit(&(clf_fit_data){.x = &more}, &o);
  json_t *record = record_of(flow);
  ck_assert(notes_about(record, "is a linear combination of"));
  ck_assert(notes_about(record, "a point mass without a density"));
  ck_assert(isfinite(number(record, "result", "test")));
  json_decref(record);
  clf_flow_free(flow);
  clf_table_free(&x);
  clf_table_free(&more);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("fit");
  TCase *tc = tcase_create("fit");
  tcase_set_timeout(tc, 300);
  tcase_add_unchecked_fixture(tc, open_device, close_device);
  tests_of_splits(tc);
  tests_of_large_tables(tc);
  tests_of_refusals(tc);
  tcase_add_test(tc, moons_are_fitted);
  tcase_add_test(tc, a_single_candidate_that_is_better_is_chosen);
  tcase_add_test(tc, few_rows_choose_by_folds);
  tcase_add_test(tc, repeats_have_the_same_bits);
  tcase_add_test(tc, layers_over_the_mixture_start_as_it);
  tcase_add_test(tc, a_search_that_is_stopped_gives_the_best_so_far);
  tcase_add_test(tc, refits_train_on_all_rows);
  tcase_add_test(tc, columns_are_modelled_given_others);
  tcase_add_test(tc, rows_of_weight_0_do_not_count);
  tcase_add_test(tc, few_rows_of_many_columns);
  tcase_add_test(tc, columns_are_treated_only_if_that_is_better_together);
  tcase_add_test(tc, discrete_columns_are_scored_with_noise);
  tcase_add_test(tc, near_copies_are_found_by_kernels);
  tcase_add_test(tc, scales_that_depend_on_a_column);
  tcase_add_test(tc, one_column);
  tcase_add_test(tc, tables_without_a_density);
  suite_add_tcase(suite, tc);
  return suite_run(suite);
}
