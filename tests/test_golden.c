/* SPDX-License-Identifier: MIT */
/* test_golden.c: comparison with PyTorch, which computed the files in double from the same
 * weights and the same data, on one device:
 *   test_golden DEVICE
 * tests/golden/README.md describes the files. */
#define _POSIX_C_SOURCE 200809L
#include "golden.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a state_dict does not contain. */
typedef struct golden {
  const char *name;
  double s_max, xmin, xmax;
} golden;

static const golden sets[] = {
    {.name = "nvp_2x2x4"},  {.name = "nvp_6x16x10"},
    {.name = "nvp_5x33x3"}, {.name = "nvp_smax", .s_max = 1.5},
    {.name = "nice_4x9x4"}, {.name = "piecewise_16", .xmin = -3, .xmax = 3}};
static const golden trainings[] = {{.name = "train_moons"},
                                   {.name = "train_6d"},
                                   {.name = "train_piecewise", .xmin = -4, .xmax = 4}};

/* Couplings run in each of three modes; a piecewise flow, the last of its list, has none. */
static const char *const fuse[] = {NULL, "always", "never"};
enum {
  WAYS = 3,
  SET_RUNS = WAYS * (sizeof sets / sizeof *sets - 1) + 1,
  TRAINING_RUNS = WAYS * (sizeof trainings / sizeof *trainings - 1) + 1
};

/* ---- Files ------------------------------------------------------------------------------ */

static clf_flow *load(const golden *g, const char *suffix) {
  const clf_flow_spec hint = {.s_max = g->s_max, .xmin = g->xmin, .xmax = g->xmax};
  clf_flow *f;
  WORKS(clf_flow_load(flows_dev, golden_path(g->name, suffix), &hint, &f));
  return f;
}

/* In double a piecewise flow is inaccurate because operations take its interval and bin width as
 * floats: 16 bins over 6 are 8/3. */
static double tolerance(const golden *g, double in_float) {
  return !flows_exact ? in_float : g->xmin < g->xmax ? 1e-6 : 1e-9;
}

static const char *begin_run(int i) {
  const char *how = fuse[i % WAYS];
  flows_fuse(how);
  return how ? how : "by itself";
}

/* ---- Values ----------------------------------------------------------------------------- */

static void expect_array(const golden *g, const char *how, const char *part, const double *got) {
  clf_table want = golden_array(g->name, part);
  flows_expect(flows_error(got, want.at, (size_t)(want.rows * want.cols)), tolerance(g, 1e-5),
               "%s, fused %s: %s", g->name, how, part);
  clf_table_free(&want);
}

START_TEST(test_values) {
  const golden *g = &sets[_i / WAYS];
  const char *how = begin_run(_i);
  clf_flow *f = load(g, ".safetensors");
  clf_table x = golden_array(g->name, ".x.npy"), z = golden_array(g->name, ".z.npy");
  double *out = flows_array((size_t)(x.rows * x.cols)), *column = flows_array((size_t)x.rows);

  WORKS(clf_log_prob(f, x.at, x.rows, column));
  expect_array(g, how, ".logp.npy", column);
  WORKS(clf_transform(f, x.at, x.rows, out, column));
  expect_array(g, how, ".z.npy", out);
  expect_array(g, how, ".logdet.npy", column);
  WORKS(clf_invert(f, z.at, z.rows, out, column));
  expect_array(g, how, ".x.npy", out);
  for (int64_t i = 0; i < x.rows; i++) column[i] = -column[i];
  expect_array(g, how, ".logdet.npy", column);

  free(column);
  free(out);
  clf_table_free(&z);
  clf_table_free(&x);
  clf_flow_free(f);
}
END_TEST

/* ---- Gradients -------------------------------------------------------------------------- */

static void expect_param_gradient(const golden *s, const char *how, const clf_flow *f,
                                  const clf_param *p, const double *g, const clf__st *st) {
  size_t count;
  double *want = golden_tensor(st, p->name, &count), *got = flows_array(count);
  ck_assert_uint_eq(count, (size_t)p->at.dim[0] * (size_t)p->at.dim[1]);
  for (int32_t i = 0; i < p->at.dim[0]; i++)
    for (int32_t j = 0; j < p->at.dim[1]; j++)
      got[i * p->at.dim[1] + j] = g[flows_index(f, p, i, j)];
  flows_expect(flows_error_of_largest(got, want, count), tolerance(s, 1e-4),
               "%s, fused %s: the gradient by %s", s->name, how, p->name);
  free(got);
  free(want);
}

START_TEST(test_gradients) {
  const golden *s = &sets[_i / WAYS];
  const char *how = begin_run(_i);
  clf_flow *f = load(s, ".safetensors");
  clf_table x = golden_array(s->name, ".x.npy"), logp = golden_array(s->name, ".logp.npy");
  double loss, mean = 0, *g = flows_array((size_t)clf_flow_weight_count(f));
  double *dx = flows_array((size_t)(x.rows * x.cols));
  clf__st *st;
  WORKS(clf__st_open(golden_path(s->name, ".grad.safetensors"), &st));

  flows_gradient(f, x.at, (int32_t)x.rows, &loss, g, dx);
  for (int64_t i = 0; i < logp.rows; i++) mean -= logp.at[i] / (double)logp.rows;
  flows_expect(fabs(loss - mean) / fabs(mean), tolerance(s, 1e-5), "%s, fused %s: the loss",
               s->name, how);
  int trainable = 0;
  for (int i = 0; i < clf_flow_param_count(f); i++) {
    const clf_param p = clf_flow_param(f, i);
    if (!p.trainable) continue;
    expect_param_gradient(s, how, f, &p, g, st);
    trainable++;
  }
  ck_assert_int_eq(trainable + 1, clf__st_count(st));
  size_t count;
  double *want = golden_tensor(st, "x", &count);
  flows_expect(flows_error_of_largest(dx, want, count), tolerance(s, 1e-4),
               "%s, fused %s: the gradient by x", s->name, how);

  free(want);
  clf__st_close(st);
  free(dx);
  free(g);
  clf_table_free(&logp);
  clf_table_free(&x);
  clf_flow_free(f);
}
END_TEST

START_TEST(test_jacobian) {
  const golden *g = &sets[1];
  const char *how = begin_run(_i);
  clf_flow *f = load(g, ".safetensors");
  clf_table x = golden_array(g->name, ".x.npy"), logdet = golden_array(g->name, ".logdet.npy");
  clf_table want = golden_array(g->name, ".jacobian.npy");
  double J[36], logabsdet, own;
  ck_assert_int_eq(want.rows * want.cols, 36);
  WORKS(clf_jacobian(f, x.at, J, &logabsdet, &own));
  flows_expect(flows_error_of_largest(J, want.at, 36), tolerance(g, 1e-5),
               "%s, fused %s: the Jacobian", g->name, how);
  flows_expect(fabs(logabsdet - logdet.at[0]), tolerance(g, 1e-4), "%s, fused %s: its log |det|",
               g->name, how);
  flows_expect(fabs(own - logdet.at[0]), tolerance(g, 1e-5), "%s, fused %s: the flow's log |det|",
               g->name, how);
  clf_table_free(&want);
  clf_table_free(&logdet);
  clf_table_free(&x);
  clf_flow_free(f);
}
END_TEST

/* ---- Training --------------------------------------------------------------------------- */

typedef struct losses {
  double at[256];
  int64_t count;
} losses;

static int collect(const clf_progress *p, void *context) {
  losses *l = context;
  ck_assert_int_eq(p->first, l->count);
  ck_assert_int_le(p->first + p->count, (int64_t)(sizeof l->at / sizeof *l->at));
  for (int64_t i = 0; i < p->count; i++) l->at[l->count++] = (double)p->losses[i];
  return 0;
}

static void expect_end_weights(const golden *g, const char *how, const clf_flow *f) {
  clf__st *st;
  WORKS(clf__st_open(golden_path(g->name, ".end.safetensors"), &st));
  ck_assert_int_eq(clf__st_count(st), clf_flow_param_count(f));
  for (int i = 0; i < clf_flow_param_count(f); i++) {
    const clf_param p = clf_flow_param(f, i);
    size_t count;
    double *want = golden_tensor(st, p.name, &count), *got = flows_array(count);
    WORKS(clf_read64(flows_dev, p.at, got));
    flows_expect(flows_error(got, want, count), p.trainable ? 5e-5 : 0,
                 "%s, fused %s: %s at the end", g->name, how, p.name);
    free(got);
    free(want);
  }
  clf__st_close(st);
}

/* PyTorch trained in float, so double is no closer to it than float. */
START_TEST(test_training) {
  const golden *g = &trainings[_i / WAYS];
  const char *how = begin_run(_i);
  clf_flow *f = load(g, ".start.safetensors");
  clf_table x = golden_array(g->name, ".x.npy"), want = golden_array(g->name, ".losses.npy");
  clf_table logp = golden_array(g->name, ".logp.npy");
  clf_train_options o = clf_train_options_default();
  o.epochs = 10;
  o.shuffle = 0;
  clf_trainer *t;
  losses got = {.count = 0};
  WORKS(clf_trainer_create(f, &x, &o, &t));
  WORKS(clf_trainer_run(t, collect, &got));
  clf_trainer_free(t);

  ck_assert_int_eq(got.count, want.rows);
  flows_expect(flows_error(got.at, want.at, (size_t)want.rows), 1e-5, "%s, fused %s: the losses",
               g->name, how);
  double mean = 0;
  for (int64_t i = 0; i < logp.rows; i++) mean += logp.at[i] / (double)logp.rows;
  clf_score score;
  WORKS(clf_evaluate(f, x.at, x.rows, &score));
  flows_expect(fabs(score.mean - mean), 2e-5, "%s, fused %s: mean log p", g->name, how);
  expect_end_weights(g, how, f);

  clf_table_free(&logp);
  clf_table_free(&want);
  clf_table_free(&x);
  clf_flow_free(f);
}
END_TEST

/* ---- Saving ----------------------------------------------------------------------------- */

static void expect_same_tensor(const clf__st *ours, const clf__st *theirs, const clf__st_entry *e) {
  const clf__st_entry *own = clf__st_find(ours, e->name);
  ck_assert_msg(own != NULL, "%s is not saved", e->name);
  ck_assert_str_eq(own->dtype, flows_exact ? "F64" : "F32");
  ck_assert_int_eq(own->rank, e->rank);
  for (int d = 0; d < e->rank; d++) ck_assert_int_eq(own->dim[d], e->dim[d]);
  size_t count;
  double *got = golden_tensor(ours, e->name, &count),
         *want = golden_tensor(theirs, e->name, &count);
  ck_assert_msg(!memcmp(got, want, count * sizeof *got), "%s is saved with other values", e->name);
  free(want);
  free(got);
}

static void expect_same_log_prob(const golden *g, clf_flow *f, const char *saved) {
  clf_table x = golden_array(g->name, ".x.npy");
  double *before = flows_array((size_t)x.rows), *after = flows_array((size_t)x.rows);
  clf_flow *again;
  WORKS(clf_flow_load(flows_dev, saved, NULL, &again));
  WORKS(clf_log_prob(f, x.at, x.rows, before));
  WORKS(clf_log_prob(again, x.at, x.rows, after));
  ck_assert_msg(!memcmp(before, after, (size_t)x.rows * sizeof *before),
                "%s has another log p once saved and loaded", g->name);
  clf_flow_free(again);
  free(after);
  free(before);
  clf_table_free(&x);
}

START_TEST(test_saved_is_a_state_dict) {
  const golden *g = &sets[_i];
  flows_fuse(NULL);
  clf_flow *f = load(g, ".safetensors");
  char folder[] = "/tmp/test_golden.XXXXXX", path[64];
  ck_assert_ptr_nonnull(mkdtemp(folder));
  snprintf(path, sizeof path, "%s/f.safetensors", folder);
  WORKS(clf_flow_save(f, path));
  clf__st *ours, *theirs;
  WORKS(clf__st_open(path, &ours));
  WORKS(clf__st_open(golden_path(g->name, ".safetensors"), &theirs));
  ck_assert_int_eq(clf__st_count(ours), clf__st_count(theirs));
  for (int i = 0; i < clf__st_count(theirs); i++)
    expect_same_tensor(ours, theirs, clf__st_at(theirs, i));
  clf__st_close(theirs);
  clf__st_close(ours);
  expect_same_log_prob(g, f, path);
  unlink(path);
  rmdir(folder);
  clf_flow_free(f);
}
END_TEST

/* ---- Hints ------------------------------------------------------------------------------ */

static void refused_hint(const char *name, const clf_flow_spec *hint, const char *why) {
  char path[512], want[1024];
  clf_flow *f = NULL;
  snprintf(path, sizeof path, "%s", golden_path(name, ".safetensors"));
  snprintf(want, sizeof want, "%s: %s", path, why);
  REFUSED(clf_flow_load(flows_dev, path, hint, &f), CLF_EFORMAT, want);
  ck_assert_ptr_null(f);
}

START_TEST(test_hints) {
  const char *const interval =
      "it is a piecewise state_dict, which does not contain the interval: give xmin and xmax";
  refused_hint("piecewise_16", NULL, interval);
  refused_hint("piecewise_16", &(clf_flow_spec){.xmin = 3, .xmax = 3}, interval);
  refused_hint("piecewise_16", &(clf_flow_spec){.xmin = NAN, .xmax = 3}, interval);
  refused_hint("piecewise_16", &(clf_flow_spec){.xmin = -INFINITY, .xmax = 3},
               "a piecewise flow's xmin -inf must be below its xmax 3");
  refused_hint("nvp_smax", &(clf_flow_spec){.s_max = -1},
               "a flow's s_max is -1; it must be 0 (no bound) to 80");
  clf_flow *f;
  WORKS(clf_flow_load(flows_dev, golden_path("nice_4x9x4", ".safetensors"),
                      &(clf_flow_spec){.kind = CLF_NVP, .dim = 9, .s_max = 1.5}, &f));
  ck_assert_int_eq(clf_flow_get_spec(f)->kind, CLF_NICE); /* the kind follows from the tensors */
  ck_assert_int_eq(clf_flow_get_spec(f)->dim, 4);
  ck_assert_double_eq(clf_flow_get_spec(f)->s_max, 0);
  clf_flow_free(f);
}
END_TEST

static void add(TCase *tc) {
  tcase_add_loop_test(tc, test_values, 0, SET_RUNS);
  tcase_add_loop_test(tc, test_gradients, 0, SET_RUNS);
  tcase_add_loop_test(tc, test_jacobian, 0, WAYS);
  tcase_add_loop_test(tc, test_training, 0, TRAINING_RUNS);
  tcase_add_loop_test(tc, test_saved_is_a_state_dict, 0, (int)(sizeof sets / sizeof *sets));
  tcase_add_test(tc, test_hints);
}

int main(int argc, char **argv) { return flows_main(argc, argv, add); }
