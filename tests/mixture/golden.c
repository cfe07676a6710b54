/* SPDX-License-Identifier: MIT */
/* golden.c: densities and iterations compared with scikit-learn. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "golden.h"
#include "mixture/rows.h"

/* ---- Parameters ------------------------------------------------------------------------------ */

/* The row of parameters of K components with these weights, means and covariances. */
static double *row_of(const clf__gaussians_form *o, const double *weights, const double *means,
                      const double *covs) {
  const int D = o->dim;
  double *row = flows_array((size_t)clf__gaussians_size(o)), *L = flows_array((size_t)(D * D));
  for (int k = 0; k < o->K; k++) {
    if (!o->alone) row[k] = log(weights[k]);
    memcpy(row + clf__gaussians_means(o) + k * D, means + k * D, (size_t)D * sizeof *row);
    for (int i = 0; i < D; i++)
      for (int j = 0; j <= i; j++) {
        double sum = covs[(k * D + i) * D + j];
        for (int l = 0; l < j; l++) sum -= L[i * D + l] * L[j * D + l];
        L[i * D + j] = i == j ? sqrt(sum) : sum / L[j * D + j];
        if (i == j && i < o->diagonal)
          row[clf__gaussians_stds(o) + k * o->diagonal + i] = log(L[i * D + i]);
        if (j < i && o->below)
          row[clf__gaussians_lower(o) + k * o->below + i * (i - 1) / 2 + j] = L[i * D + j];
      }
  }
  free(L);
  return row;
}

/* A flow whose base has the parameters of the set NAME in a file. */
static clf_flow *flow_of_set(const clf__st *st, const char *name, const char *arch, double **row) {
  const char *const names[3] = {"weights", "means", "covs"};
  double *v[3];
  clf_tensor at;
  clf_flow *f = flows_of(flows_dev, arch, 1);
  for (int i = 0; i < 3; i++) {
    char tensor[64];
    size_t count;
    snprintf(tensor, sizeof tensor, "%s.%s", name, names[i]);
    v[i] = golden_tensor(st, tensor, &count);
  }
  const clf__gaussians_form *o = form_of(f, &at);
  double *numbers = row_of(o, v[0], v[1], v[2]);
  WORKS(clf_write64(flows_dev, at, numbers));
  for (int i = 0; i < 3; i++) free(v[i]);
  if (row)
    *row = numbers;
  else
    free(numbers);
  return f;
}

static double *tensor_of(const clf__st *st, const char *set, const char *name, size_t *count) {
  char tensor[64];
  snprintf(tensor, sizeof tensor, "%s.%s", set, name);
  return golden_tensor(st, tensor, count);
}

static const struct {
  const char *name, *arch;
  int tied;
} sets[] = {{"full", "4: -> mixture(3, cov=full)", 0},
            {"tied", "4: -> mixture(3, cov=full)", 1},
            {"diag", "4: -> mixture(3)", 0},
            {"spherical", "4: -> mixture(3, cov=spherical)", 0}};
enum { SETS = sizeof sets / sizeof *sets };

/* ---- Comparisons ----------------------------------------------------------------------------- */

START_TEST(densities_are_scikit_learns) {
  clf__st *st;
  size_t count, n;
  WORKS(clf__st_open(golden_path("mixtures", ".safetensors"), &st));
  clf_flow *f = flow_of_set(st, sets[_i].name, sets[_i].arch, NULL);
  double *x = tensor_of(st, sets[_i].name, "x", &count);
  double *want = tensor_of(st, sets[_i].name, "logp", &n), *logp = flows_array(n);
  WORKS(clf_log_prob(f, x, (int64_t)n, logp));
  flows_expect(flows_error(logp, want, n), flows_exact ? 1e-10 : 1e-5, "%s", sets[_i].name);
  clf_flow_free(f);
  free(x);
  free(want);
  free(logp);
  clf__st_close(st);
}
END_TEST

/* Conditioned on two columns: their joint density minus that of the two. */
START_TEST(conditioned_densities_are_scikit_learns) {
  clf__st *st;
  size_t count, n;
  WORKS(clf__st_open(golden_path("mixtures", ".safetensors"), &st));
  clf_flow *f = flow_of_set(st, "joint", "3|2: -> mixture(3, cov=full, joint=1)", NULL);
  double *x = tensor_of(st, "joint", "x", &count), *c = tensor_of(st, "joint", "c", &count);
  double *want = tensor_of(st, "joint", "logp", &n), *logp = flows_array(n);
  WORKS(clf_log_prob_given(f, x, c, (int64_t)n, logp));
  flows_expect(flows_error(logp, want, n), flows_exact ? 1e-10 : 1e-5, "joint");
  clf_flow_free(f);
  free(x);
  free(c);
  free(want);
  free(logp);
  clf__st_close(st);
}
END_TEST

/* One iteration: moments are summed on the device, and parameters follow from them. */
START_TEST(iterations_are_scikit_learns) {
  static const double reg[4] = {1e-6, 1e-6, 1e-6, 1e-6};
  const char *name = sets[_i].name;
  char next[32];
  clf__st *st;
  size_t count;
  double *row, *want, mean;
  clf_tensor at;
  snprintf(next, sizeof next, "%s.next", name);
  WORKS(clf__st_open(golden_path("mixtures", ".safetensors"), &st));
  clf_flow *f = flow_of_set(st, name, sets[_i].arch, &row);
  clf_flow *after = flow_of_set(st, next, sets[_i].arch, &want);
  double *x = tensor_of(st, name, "x", &count);
  const clf__em_rules rules = {.form = *form_of(f, &at), .tied = sets[_i].tied, .reg = reg};
  const clf__em_rows rows = {x, NULL, (int64_t)count / 4, 4};
  double *sums = flows_array((size_t)(rules.form.K * clf__gaussians_sums(&rules.form)));
  clf__em em;
  WORKS(clf__em_open(&em, flows_dev, &rules.form, &rows));
  WORKS(clf__em_step(&em, row, sums, &mean));
  WORKS(clf__em_update(&rules, sums, row));
  clf__em_close(&em);
  flows_expect(flows_error(row, want, (size_t)clf__gaussians_size(&rules.form)),
               flows_exact ? 1e-10 : 2e-5, "%s", name);
  clf_flow_free(f);
  clf_flow_free(after);
  free(x);
  free(row);
  free(want);
  free(sums);
  clf__st_close(st);
}
END_TEST

void tests_of_golden(TCase *tc) {
  tcase_add_loop_test(tc, densities_are_scikit_learns, 0, SETS);
  tcase_add_test(tc, conditioned_densities_are_scikit_learns);
  tcase_add_loop_test(tc, iterations_are_scikit_learns, 0, SETS);
}
