/* SPDX-License-Identifier: MIT */
/* golden.c: log p and gradients of torch.distributions, nflows, normflows and zuko at the same
 * parameters. */
#include <string.h>
#include "bases.h"
#include "golden.h"

static const char *const names[] = {
    "torch_base_student",     "torch_base_student_trained",
    "torch_base_logistic",    "torch_base_logistic_trained",
    "torch_base_laplace",     "torch_base_laplace_trained",
    "torch_base_normal_full", "torch_base_normal_spherical",
    "torch_base_classes",     "torch_base_box",
    "torch_columns",          "normflows_normal",
    "normflows_mixture",      "zuko_mixture_diag",
    "zuko_mixture_full",      "zuko_mixture_spherical",
};
enum { NAMES = sizeof names / sizeof *names };

/* Sets each parameter of the flow from the file. */
static void load(clf_flow *f, const clf__st *st) {
  for (int i = 0; i < f->param_count; i++) {
    char name[96];
    size_t count;
    snprintf(name, sizeof name, "param.%s", f->params[i].name);
    double *v = golden_tensor(st, name, &count);
    ck_assert_msg(count == clf__count(&f->params[i].at), "%s has %zu numbers", name, count);
    WORKS(clf_write64(f->dev, f->params[i].at, v));
    free(v);
  }
}

/* The file has the gradient of the mean: that of the sum divided by the number of rows. */
static void check_gradients(const clf_flow *f, const clf__st *st, const double *g, int32_t n,
                            const char *of, double bound) {
  for (int i = 0; i < f->param_count; i++) {
    const clf_param *p = &f->params[i];
    char name[96];
    size_t count;
    snprintf(name, sizeof name, "grad.%s", p->name);
    double *want = golden_tensor(st, name, &count), *got = flows_array(count);
    for (size_t k = 0; k < count; k++) {
      const int32_t cols = p->rank == 2 ? p->at.dim[1] : 1;
      got[k] = g[flows_index(f, p, (int32_t)k / cols, (int32_t)k % cols)] / n;
    }
    flows_expect(flows_error(got, want, count), bound, "%s: %s", of, name);
    free(got);
    free(want);
  }
}

static void check_by(const clf__st *st, const char *name, const double *got, size_t n, double scale,
                     const char *of, double bound) {
  size_t count;
  double *want = golden_tensor(st, name, &count), *mine = flows_array(n);
  ck_assert_uint_eq(count, n);
  for (size_t i = 0; i < n; i++) mine[i] = got[i] * scale;
  flows_expect(flows_error(mine, want, n), bound, "%s: %s", of, name);
  free(mine);
  free(want);
}

START_TEST(values_and_gradients) {
  const char *name = names[_i];
  const double bound = flows_exact ? 1e-10 : 1e-5;
  char path[128];
  clf__st *st;
  snprintf(path, sizeof path, "flows/%s", name);
  WORKS(clf__st_open(golden_path(path, ".safetensors"), &st));
  clf_flow *f = bases_flow(clf__st_meta(st, "arch"), 0);
  load(f, st);
  size_t count, cs = 0;
  double *x = golden_tensor(st, "x", &count), *c = NULL;
  const int32_t D = f->spec.dim, n = (int32_t)(count / (size_t)D);
  if (f->context) c = golden_tensor(st, "c", &cs);
  double *logp = flows_array((size_t)n), *dx = flows_array(count), *dc = flows_array(cs + 1);
  double *g = flows_array(clf__count(&f->w) + 1);
  bases_gradient(f, x, c, NULL, n, logp, g, dx, c ? dc : NULL);
  check_by(st, "logp", logp, (size_t)n, 1, name, bound);
  check_by(st, "grad.x", dx, count, 1 / (double)n, name, bound);
  if (c) check_by(st, "grad.c", dc, cs, 1 / (double)n, name, bound);
  check_gradients(f, st, g, n, name, bound);
  free(g);
  free(dc);
  free(dx);
  free(logp);
  free(c);
  free(x);
  clf_flow_free(f);
  clf__st_close(st);
}
END_TEST

void tests_of_golden(TCase *tc) { tcase_add_loop_test(tc, values_and_gradients, 0, NAMES); }
