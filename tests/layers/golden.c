/* SPDX-License-Identifier: MIT */
/* golden.c: layers with the weights of other libraries give their values. */
#include <math.h>
#include <string.h>
#include "golden.h"
#include "layers/lists.h"

/* Flows with a normal base; test_golden_flows.c has those with other bases. */
static const char *const golden_files[] = {
    "nflows_lu",    "nflows_qr",      "nflows_svd",     "nflows_householder",
    "nflows_dense", "nflows_actnorm", "nflows_conv1x1", "torch_logit",
    "torch_log",    "torch_softplus", "zuko_softclip",
};

static double bound(void) { return flows_exact ? 1e-10 : 1e-5; }

static void expect_close(const double *got, const double *want, size_t n, const char *file,
                         const char *what) {
  for (size_t i = 0; i < n; i++)
    ck_assert_msg(fabs(got[i] - want[i]) <= bound() * (1 + fabs(want[i])),
                  "%s: %s[%zu] is %.12g, in the file %.12g", file, what, i, got[i], want[i]);
}

/* Writes the parameters of the file to the slots with these names. */
static void load(list *s, const clf__st *st, const char *file) {
  int loaded = 0, named = 0;
  for (int i = 0; i < clf__st_count(st); i++) {
    const clf__st_entry *e = clf__st_at(st, i);
    if (strncmp(e->name, "param.", 6) != 0) continue;
    const clf__slot_entry *slot = slot_of(s, e->name + 6);
    size_t n;
    double *v = golden_tensor(st, e->name, &n);
    ck_assert_msg(slot != NULL, "%s: no layer has a weight %s", file, e->name + 6);
    const clf_tensor t = clf__slot_tensor(&s->weights, slot->slot);
    ck_assert_uint_eq(n, clf__count(&t));
    WORKS(clf_write64(flows_dev, t, v));
    free(v);
    loaded++;
  }
  for (int i = 0; i < s->slots.count; i++) named += *s->slots.list[i].name != 0;
  ck_assert_int_eq(loaded, named);
  WORKS(derive(s));
}

/* In floats an error is relative to the terms of the sums, which are as large as x squared. */
static void expect_gradients(list *s, const clf__st *st, const char *file, const double *x,
                             size_t rows, const double *g) {
  double square = 0;
  for (size_t i = 0; i < rows * (size_t)s->dim; i++) square += x[i] * x[i] / (double)rows;
  for (int i = 0; i < clf__st_count(st); i++) {
    const clf__st_entry *e = clf__st_at(st, i);
    if (strncmp(e->name, "grad.layers.", 12) != 0) continue;
    const clf__slot_entry *slot = slot_of(s, e->name + 5);
    size_t n;
    double *want = golden_tensor(st, e->name, &n);
    ck_assert_ptr_nonnull(slot);
    for (size_t k = 0; k < n; k++) {
      const double got = g[slot->slot->at + (int64_t)k];
      const double tol = flows_exact ? 1e-10 * (1 + fabs(want[k])) : 1e-6 * (1 + square);
      ck_assert_msg(fabs(got - want[k]) <= tol, "%s: %s[%zu] is %.12g, in the file %.12g", file,
                    e->name, k, got, want[k]);
    }
    free(want);
  }
}

START_TEST(values_of_libraries) {
  const char *file = golden_files[_i];
  char path[64];
  list s;
  clf__st *st;
  size_t n, rows;
  snprintf(path, sizeof path, "flows/%s", file);
  WORKS(clf__st_open(golden_path(path, ".safetensors"), &st));
  begin(&s, clf__st_meta(st, "arch"));
  load(&s, st, file);
  double *x = golden_tensor(st, "x", &n), *z = golden_tensor(st, "z", &n),
         *logdet = golden_tensor(st, "logdet", &rows), *dx_want = golden_tensor(st, "grad.x", &n);
  double *got = flows_array(n), *got_logdet = flows_array(rows), *dz = flows_array(n),
         *g = flows_array((size_t)clf__slots_weights(&s.slots) + 1), *dx = flows_array(n);
  forward(&s, CLF_KEEP, x, (int32_t)rows, got, got_logdet);
  expect_close(got, z, n, file, "z");
  expect_close(got_logdet, logdet, rows, file, "logdet");
  for (size_t i = 0; i < n; i++) dz[i] = -got[i] / (double)rows; /* of the mean of log p */
  backward(&s, CLF_KEEP, 0, dz, (int32_t)rows, 1 / (float)rows, NULL, dx, g);
  expect_close(dx, dx_want, n, file, "grad.x");
  expect_gradients(&s, st, file, x, rows, g);

  double *latents = golden_tensor(st, "latents", &n), *want = golden_tensor(st, "inverse", &n);
  inverse(&s, CLF_EVAL, latents, (int32_t)(n / (size_t)s.dim), got, got_logdet);
  expect_close(got, want, n, file, "inverse");
  free(want), free(latents), free(dx), free(g), free(dz), free(got_logdet), free(got);
  free(dx_want), free(logdet), free(z), free(x);
  clf__st_close(st);
  end(&s);
}
END_TEST

void tests_of_golden(TCase *tc) {
  tcase_add_loop_test(tc, values_of_libraries, 0, sizeof golden_files / sizeof *golden_files);
}
