/* SPDX-License-Identifier: MIT */
/* discrete.c: discrete columns: training adds noise, and samples are rounded to the grid. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "philox.h"
#include "training.h"

enum { ROWS = 60 };

/* Two moons, whose second column is a count from -1 to 4 in units of 0.25. */
static clf_table counts(void) {
  clf_table t = make_data(ROWS, 2);
  for (int64_t i = 0; i < ROWS; i++) t.at[2 * i + 1] = -0.25 + 0.25 * (double)(i * i % 6);
  return t;
}
static const clf_column_grid grid[2] = {{0, 0, 0}, {0.25, -0.25, 1}};

static clf_flow *discrete_flow(clf_kind kind) {
  clf_flow *f = make_flow(kind, 2);
  WORKS(clf_flow_set_grid(f, grid));
  return f;
}

/* Stream -2 of the random words of samples: a function of seed, row and column. */
static double noisy(const clf_table *data, int64_t row, uint64_t seed) {
  const clf__words w = clf__philox_at(0, (uint64_t)row, UINT32_MAX - 1, seed);
  return data->at[2 * row + 1] + 0.25 * ((w.v[1] >> 8) * 0x1p-24 - 0.5);
}

/* ---- Training ------------------------------------------------------------------------------- */

START_TEST(noise_within_the_step) {
  clf_table data = counts();
  clf_train_options o = options_of(1, 8);
  o.seed = 0xFEDCBA9876543210u;
  clf_flow *f = discrete_flow(CLF_NVP);
  clf_trainer *t = make_trainer(f, &data, &o);
  double x[2 * ROWS], sum = 0;
  WORKS(clf_read64(dev, table_of(t)->train, x));
  for (int64_t i = 0; i < ROWS; i++) {
    const double want = noisy(&data, i, o.seed), off = want - data.at[2 * i + 1];
    ck_assert_double_eq((double)(float)x[2 * i], (double)(float)data.at[2 * i]);
    ck_assert_double_eq((double)(float)x[2 * i + 1], (double)(float)want);
    ck_assert_double_le(fabs(off), 0.125);
    sum += off;
  }
  ck_assert_double_le(fabs(sum / ROWS), 0.03); /* centred on the value */
  ck_assert_double_eq(data.at[1], -0.25);      /* the table is the caller's */
  done(t, f, &data);
}
END_TEST

/* Noise is in the units of the data, and the scaling is that of the rows with noise. */
START_TEST(noise_comes_before_the_scaling) {
  clf_table data = counts();
  clf_train_options o = options_of(1, 8);
  o.standardize = 1;
  o.valid_split = 0.25;
  clf_flow *f = discrete_flow(CLF_NVP);
  clf_trainer *t = make_trainer(f, &data, &o);
  const double *mean, *std;
  double x[2 * ROWS], m = 0, square = 0;
  const clf__source *s = &table_of(t)->base;
  const int64_t *index = s->index + s->held_out;
  ck_assert_int_eq(clf_flow_scaling(f, &mean, &std), 1);
  for (int64_t i = 0; i < s->rows; i++) m += noisy(&data, index[i], o.seed) / (double)s->rows;
  for (int64_t i = 0; i < s->rows; i++) square += pow(noisy(&data, index[i], o.seed) - m, 2);
  ck_assert_double_eq_tol(mean[1], m, 1e-14);
  ck_assert_double_eq_tol(std[1], sqrt(square / (double)s->rows), 1e-14);
  WORKS(clf_read64(dev, table_of(t)->train, x));
  for (int64_t i = 0; i < s->rows; i++) {
    const double want = (noisy(&data, index[i], o.seed) - mean[1]) / std[1];
    ck_assert_double_eq_tol(x[2 * i + 1], want, 1e-6);
  }
  done(t, f, &data);
}
END_TEST

static void train(const char *name, int64_t stop_at) {
  static diary d;
  clf_table data = counts();
  clf_train_options o = options_of(6, 8);
  o.standardize = 1;
  o.valid_split = 0.2;
  clf_flow *f = discrete_flow(CLF_NVP);
  clf_trainer *t = make_trainer(f, &data, &o);
  begin(&d, t);
  d.stop_at = stop_at;
  if (!stop_at) {
    WORKS(clf_trainer_run(t, watch, &d));
  } else {
    ck_assert_int_eq(clf_trainer_run(t, watch, &d), CLF_ESTOPPED);
    WORKS(clf_trainer_save(t, path_of("half")));
    clf_trainer_free(t);
    clf_flow_free(f);
    WORKS(clf_flow_load(dev, path_of("half"), NULL, &f));
    ck_assert_int_eq(memcmp(clf_flow_grid(f), grid, sizeof grid), 0);
    t = make_trainer(f, &data, &o);
    WORKS(clf_trainer_resume(t, path_of("half")));
    d.stop_at = 0;
    WORKS(clf_trainer_run(t, watch, &d));
  }
  WORKS(clf_trainer_save(t, path_of(name)));
  done(t, f, &data);
}

/* The file holds the grid, and the noise follows from the seed. */
START_TEST(resumes_with_the_same_bits) {
  train("straight", 0);
  train("parts", 3);
  ck_assert(same_files("straight", "parts"));
  clf_flow *f;
  WORKS(clf_flow_load(dev, path_of("straight"), NULL, &f));
  ck_assert_int_eq(memcmp(clf_flow_grid(f), grid, sizeof grid), 0);
  clf_flow_free(f);
}
END_TEST

START_TEST(values_off_the_grid) {
  clf_table data = counts();
  const clf_train_options o = options_of(1, 8);
  char *names[] = {"x", "count"};
  clf_flow *f = discrete_flow(CLF_NVP);
  clf_trainer *t = NULL;
  data.names = names;
  data.at[2 * 17 + 1] = 0.3;
  REFUSED(clf_trainer_create(f, &data, &o, &t), CLF_ENUM,
          "row 18, column 2 (\"count\") of the data is 0.3, which is not on its grid: -0.25 and "
          "multiples of 0.25 from there");
  data.at[2 * 17 + 1] = 7; /* beyond the grid's end, but on it */
  WORKS(clf_trainer_create(f, &data, &o, &t));
  data.names = NULL;
  done(t, f, &data);
}
END_TEST

/* ---- Use ------------------------------------------------------------------------------------ */

/* A flow that only scales x. */
static clf_flow *identity(void) {
  clf_flow *f = discrete_flow(CLF_NICE);
  const size_t n = (size_t)clf_flow_weight_count(f);
  double *zero = calloc(n, sizeof *zero);
  ck_assert_ptr_nonnull(zero);
  WORKS(clf_write64(dev, f->w, zero));
  WORKS(clf_flow_set_scaling(f, (double[]){0.5, 0.25}, (double[]){2, 0.5}));
  free(zero);
  return f;
}

START_TEST(rounds_what_comes_out) {
  clf_flow *f = identity();
  const double z[12] = {0, 0, 1, 0.2, 0, 0.3, 0, -0.9, 0, -40, 0, 40};
  const double want[12] = {0.5, 0.25, 2.5, 0.25, 0.5, 0.5, 0.5, -0.25, 0.5, -0.25, 0.5, 1};
  double x[12], logp[2], centre[2];
  WORKS(clf_invert(f, z, 6, x, NULL));
  for (int i = 0; i < 12; i++)
    ck_assert_msg(x[i] == want[i] || (i % 2 == 0 && fabs(x[i] - want[i]) < 1e-6),
                  "number %d is %.17g, not %.17g", i, x[i], want[i]);
  double *samples = malloc(2000 * sizeof *samples);
  ck_assert_ptr_nonnull(samples);
  WORKS(clf_sample(f, 5, 0, 1000, samples));
  for (int i = 0; i < 1000; i++) {
    const double k = (samples[2 * i + 1] + 0.25) / 0.25;
    ck_assert_msg(k == round(k) && k >= 0 && k <= 5, "sample %d is %g", i, samples[2 * i + 1]);
    ck_assert_msg(samples[2 * i] != round(samples[2 * i]), "column 1 is rounded");
  }
  free(samples);
  /* Densities are evaluated at the values without noise, as without a grid. */
  WORKS(clf_log_prob(f, want, 1, logp));
  WORKS(clf_flow_set_grid(f, NULL));
  ck_assert_ptr_null(clf_flow_grid(f));
  WORKS(clf_log_prob(f, want, 1, centre));
  ck_assert_double_eq(*logp, *centre);
  clf_flow_free(f);
}
END_TEST

/* Beyond a limit numbers are reflected, between two limits as often as it takes. */
START_TEST(stays_within_limits) {
  static const clf_column_grid limits[2] = {{0, 0, DBL_MAX}, {0, 0, 1}},
                               other[2] = {{0, -DBL_MAX, 0}, {0, 0, 0}};
  static const double z[] = {0, 0.25, -1, -0.25, 3, 1.25, -2, 2.125, 0.5, -7.75, 1, 40.125};
  static const double want[] = {0.5, 0.375,  1.5, 0.125, 6.5, 0.875,
                                3.5, 0.6875, 1.5, 0.375, 2.5, 0.3125};
  double x[12];
  clf_flow *f = identity();
  WORKS(clf_flow_set_grid(f, limits));
  WORKS(clf_invert(f, z, 6, x, NULL));
  for (int i = 0; i < 12; i++)
    ck_assert_msg(fabs(x[i] - want[i]) < 1e-5, "number %d is %.17g, not %.17g", i, x[i], want[i]);
  WORKS(clf_flow_save(f, path_of("limits")));
  clf_flow_free(f);
  WORKS(clf_flow_load(dev, path_of("limits"), NULL, &f));
  ck_assert_int_eq(memcmp(clf_flow_grid(f), limits, sizeof limits), 0);
  WORKS(clf_flow_set_grid(f, other));
  WORKS(clf_invert(f, z, 6, x, NULL));
  for (int i = 0; i < 6; i++) ck_assert_double_eq_tol(x[2 * i], -fabs(0.5 + 2 * z[2 * i]), 1e-5);
  ck_assert_double_eq_tol(x[11], 0.25 + 0.5 * 40.125, 1e-5);
  clf_flow_free(f);
}
END_TEST

/* Limits are no reason for noise. */
START_TEST(limits_do_not_change_the_training) {
  clf_table data = make_data(ROWS, 2);
  const clf_train_options o = options_of(1, 8);
  clf_flow *f = make_flow(CLF_NVP, 2);
  double x[2 * ROWS];
  WORKS(clf_flow_set_grid(f, (const clf_column_grid[2]){{0, 0, DBL_MAX}, {0, 0, 1}}));
  clf_trainer *t = make_trainer(f, &data, &o);
  WORKS(clf_read64(dev, table_of(t)->train, x));
  for (int64_t i = 0; i < 2 * ROWS; i++) ck_assert_double_eq((float)x[i], (float)data.at[i]);
  done(t, f, &data);
}
END_TEST

START_TEST(grids_that_are_refused) {
  static const struct {
    clf_column_grid grid;
    const char *message;
  } bad[] = {
      {{-1, 0, 4}, "column 2 has no grid from 0 to 4 in steps of -1"},
      {{NAN, 0, 4}, "column 2 has no grid from 0 to 4 in steps of nan"},
      {{INFINITY, 0, 4}, "column 2 has no grid from 0 to 4 in steps of inf"},
      {{1, 4, 0}, "column 2 has no grid from 4 to 0 in steps of 1"},
      {{1, 0, 4.5}, "column 2 has no grid from 0 to 4.5 in steps of 1"},
      {{1, -INFINITY, 0}, "column 2 has no grid from -inf to 0 in steps of 1"},
      {{1e-300, 0, 1e300}, "column 2 has no grid from 0 to 1e+300 in steps of 1e-300"},
      {{0, 1, 0}, "column 2 has no limits 1 and 0"},
      {{0, 0, INFINITY}, "column 2 has no limits 0 and inf"},
      {{0, NAN, 0}, "column 2 has no limits nan and 0"},
  };
  clf_flow *f = discrete_flow(CLF_NVP);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    const clf_column_grid two[2] = {{0, 0, 0}, bad[i].grid};
    REFUSED(clf_flow_set_grid(f, two), CLF_EINVAL, bad[i].message);
    ck_assert_int_eq(memcmp(clf_flow_grid(f), grid, sizeof grid), 0); /* unchanged */
  }
  WORKS(clf_flow_set_grid(f, (const clf_column_grid[2]){{0, 0, 0}, {0, 0, 0}}));
  ck_assert_ptr_null(clf_flow_grid(f));
  clf_flow_free(f);
}
END_TEST

void tests_of_discrete(TCase *tc) {
  tcase_add_test(tc, noise_within_the_step);
  tcase_add_test(tc, noise_comes_before_the_scaling);
  tcase_add_test(tc, resumes_with_the_same_bits);
  tcase_add_test(tc, values_off_the_grid);
  tcase_add_test(tc, rounds_what_comes_out);
  tcase_add_test(tc, stays_within_limits);
  tcase_add_test(tc, limits_do_not_change_the_training);
  tcase_add_test(tc, grids_that_are_refused);
}
