/* SPDX-License-Identifier: MIT */
/* test_golden_flows.c: comparison of composed flows with Python libraries, which computed the
 * files in double from the same parameters, on one device:
 *   test_golden_flows DEVICE
 * tests/golden/README.md describes the files. */
#include "clflow/arch.h"
#include "golden.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Files of tests/golden/flows, and what a case shows if its name does not say it. */
static const char *const cases[] = {
    "sbi_nsf",
    "sbi_nsf_context",
    "sbi_nsf_embedding",
    "sbi_maf",
    "sbi_maf_context",
    "nflows_nsf_uci",
    "nflows_ar_rq", /* raw widths are not divided by sqrt(H), as they are in couplings */
    "nflows_ar_quadratic",
    "nflows_made_context", /* an activation after the context's first layer; added inside blocks */
    "normflows_ar_rq",     /* none there; a gate on each block */
    "nflows_iaf",
    "normflows_iaf",
    "nflows_maf_batchnorm",
    "nflows_affine_sigmoid2",
    "nflows_add",
    "nflows_linear",
    "nflows_linear_box",
    "nflows_quadratic",
    "nflows_quadratic_box",
    "nflows_rq", /* raw widths are divided by sqrt(H) */
    "nflows_rq_box",
    "nflows_rq_mlp", /* not with this net */
    "nflows_elementwise_rq",
    "nflows_mlp_relu",
    "nflows_mlp_leaky",
    "nflows_mlp_tanh",
    "nflows_mlp_elu",
    "nflows_mlp_silu",
    "nflows_mlp_gelu",
    "nflows_mlp_sigmoid",
    "nflows_mlp_softplus",
    "nflows_resnet_bn",
    "nflows_lu",
    "nflows_qr",
    "nflows_svd",
    "nflows_householder",
    "nflows_dense",
    "nflows_actnorm",
    "nflows_normal_trained",
    "nflows_normal_given",
    "nflows_conv1x1",
    "nflows_convresnet_context", /* as further channels, and a gate on each block */
    "torch_conv_context",        /* added before the actnorm; as further channels, with edges */
    "glasflow_affine_general",
    "zuko_maf", /* numbers are (shift, scale); the order alternates */
    "zuko_maf_residual",
    "zuko_nsf",
    "zuko_nsf_slope",
    "zuko_ncsf",
    "zuko_order",
    "zuko_passes",
    "zuko_realnvp",
    "zuko_nice",
    "zuko_affine_slope",
    "zuko_rotation",
    "zuko_softclip",
    "torch_logit",
    "torch_log",
    "torch_softplus",
    "torch_base_student",
    "torch_base_student_trained", /* degrees of freedom are log(1 + exp raw_df) */
    "torch_base_logistic",
    "torch_base_logistic_trained",
    "torch_base_laplace",
    "torch_base_laplace_trained",
    "torch_base_normal_full",
    "torch_base_normal_spherical",
    "torch_base_classes",
    "torch_base_box",
    "torch_columns",
    "zuko_mixture_full",
    "zuko_mixture_diag",
    "zuko_mixture_spherical",
    "normflows_nsf",
    "normflows_circular",
    "normflows_affine",
    "normflows_mixture",
    "normflows_normal",
    "freia_allinone",
    "freia_allinone_soft",
    "freia_allinone_exp",
    "freia_allinone_sigmoid",
    "freia_glow_atan",
    "freia_glow_tanh",
    "freia_glow_sigmoid",
};
enum { CASES = sizeof cases / sizeof *cases };

/* The file of a case and its architecture. */
static clf__st *open_case(const char *name, clf_arch **arch) {
  char path[96];
  clf__st *st;
  snprintf(path, sizeof path, "flows/%s", name);
  WORKS(clf__st_open(golden_path(path, ".safetensors"), &st));
  const char *text = clf__st_meta(st, "arch");
  ck_assert_msg(text != NULL, "%s has no architecture", name);
  ck_assert_msg(!clf_arch_parse(text, arch), "%s: %s", name, clf_errmsg());
  return st;
}

/* Text in existing files keeps its meaning: it can be read, and what is written reads as the
 * same. */
START_TEST(test_text) {
  clf_arch *arch, *again;
  clf__st *st = open_case(cases[_i], &arch);
  WORKS(clf_arch_parse(clf_arch_text(arch), &again));
  ck_assert_str_eq(clf_arch_json(again), clf_arch_json(arch));
  const clf__st_entry *x = clf__st_find(st, "x"), *c = clf__st_find(st, "c");
  ck_assert_int_eq(clf_arch_dim(arch), x->dim[1]);
  ck_assert_int_eq(clf_arch_context(arch), c ? c->dim[1] : 0);
  clf_arch_free(again);
  clf_arch_free(arch);
  clf__st_close(st);
}
END_TEST

/* ---- Flows ---------------------------------------------------------------------------------- */

typedef struct golden {
  const char *name;
  clf__st *st;
  clf_flow *flow;
  int32_t dim;
} golden;

static double *tensor_if(const golden *g, const char *key) {
  size_t count;
  return clf__st_find(g->st, key) ? golden_tensor(g->st, key, &count) : NULL;
}

/* Standardisation of data and context is not a parameter: the host computes it. */
static void set_scalings(const golden *g) {
  double *mean = tensor_if(g, "param.layers.0.mean"), *std = tensor_if(g, "param.layers.0.std");
  if (mean) WORKS(clf_flow_set_scaling(g->flow, mean, std));
  free(std);
  free(mean);
  mean = tensor_if(g, "param.context.mean"), std = tensor_if(g, "param.context.std");
  if (mean) WORKS(clf__flow_set_context_scaling(g->flow, mean, std));
  free(std);
  free(mean);
}

/* Sets every parameter of the flow from the file. */
static void set_params(const golden *g) {
  for (int i = 0; i < clf_flow_param_count(g->flow); i++) {
    const clf_param p = clf_flow_param(g->flow, i);
    char key[96];
    size_t count;
    snprintf(key, sizeof key, "param.%s", p.name);
    ck_assert_msg(clf__st_find(g->st, key) != NULL, "%s: the file has no %s", g->name, p.name);
    double *v = golden_tensor(g->st, key, &count);
    ck_assert_msg(count == clf__count(&p.at), "%s: %s has %d numbers, the file %d", g->name, p.name,
                  (int)clf__count(&p.at), (int)count);
    WORKS(clf_write64(flows_dev, p.at, v));
    free(v);
  }
  WORKS(clf__flow_derive_again(g->flow));
}

static golden begin(const char *name) {
  golden g = {.name = name};
  clf_arch *arch;
  g.st = open_case(name, &arch);
  ck_assert_msg(!clf_flow_create_arch(flows_dev, arch, 1, &g.flow), "%s: %s", name, clf_errmsg());
  g.dim = clf_arch_dim(arch);
  clf_arch_free(arch);
  set_scalings(&g);
  set_params(&g);
  return g;
}

static void end(golden *g) {
  clf_flow_free(g->flow);
  clf__st_close(g->st);
}

static void expect(const golden *g, const char *key, const double *got) {
  size_t count;
  double *want = golden_tensor(g->st, key, &count);
  flows_expect(flows_error(got, want, count), flows_exact ? 1e-10 : 1e-5, "%s: %s", g->name, key);
  free(want);
}

/* Of the sum over rows, if the file has that of the mean.  The error is relative to the largest
 * entry, because small ones are differences of large ones. */
static void expect_gradient(const golden *g, const char *key, const double *got) {
  size_t count;
  double *want = golden_tensor(g->st, key, &count);
  const double rows = (double)clf__st_find(g->st, "x")->dim[0];
  for (size_t i = 0; i < count; i++) want[i] *= rows;
  flows_expect(flows_error_of_largest(got, want, count), flows_exact ? 1e-10 : 1e-4, "%s: %s",
               g->name, key);
  free(want);
}

static flows_values room_for(int64_t rows, int64_t dim, int64_t context) {
  return (flows_values){.z = flows_array((size_t)(rows * dim)),
                        .logdet = flows_array((size_t)rows),
                        .logp = flows_array((size_t)rows),
                        .dx = flows_array((size_t)(rows * dim)),
                        .dc = context ? flows_array((size_t)(rows * context)) : NULL};
}

static void release(flows_values v) {
  free(v.z);
  free(v.logdet);
  free(v.logp);
  free(v.dx);
  free(v.dc);
}

/* ---- Values --------------------------------------------------------------------------------- */

START_TEST(test_values) {
  golden g = begin(cases[_i]);
  double *x = tensor_if(&g, "x"), *c = tensor_if(&g, "c");
  const int32_t rows = (int32_t)clf__st_find(g.st, "x")->dim[0];
  flows_values got = room_for(rows, g.dim, clf_flow_context(g.flow));
  flows_evaluate(g.flow, x, c, rows, got);
  expect(&g, "z", got.z);
  expect(&g, "logdet", got.logdet);
  expect(&g, "logp", got.logp);
  expect_gradient(&g, "grad.x", got.dx);
  if (c) expect_gradient(&g, "grad.c", got.dc);
  flows_weigh(g.flow, x, c, rows);
  for (int i = 0; i < clf_flow_param_count(g.flow); i++) {
    const clf_param p = clf_flow_param(g.flow, i);
    char key[96];
    double *v = flows_array(clf__count(&p.at));
    if (p.trainable) {
      snprintf(key, sizeof key, "grad.%s", p.name);
      flows_param_gradient(g.flow, &p, v);
      expect_gradient(&g, key, v);
    }
    free(v);
  }
  release(got);
  free(c);
  free(x);
  end(&g);
}
END_TEST

/* One element of each row is exactly at a bound. */
START_TEST(test_edges) {
  golden g = begin(cases[_i]);
  double *x = tensor_if(&g, "edges.x"), *c = tensor_if(&g, "edges.c");
  if (x) {
    const int32_t rows = (int32_t)clf__st_find(g.st, "edges.x")->dim[0];
    flows_values got = room_for(rows, g.dim, clf_flow_context(g.flow));
    flows_evaluate(g.flow, x, c, rows,
                   (flows_values){.z = got.z, .logdet = got.logdet, .logp = got.logp});
    expect(&g, "edges.z", got.z);
    expect(&g, "edges.logdet", got.logdet);
    expect(&g, "edges.logp", got.logp);
    release(got);
  }
  free(c);
  free(x);
  end(&g);
}
END_TEST

START_TEST(test_inverse) {
  golden g = begin(cases[_i]);
  double *z = tensor_if(&g, "latents"), *c = tensor_if(&g, "latents.c");
  const int32_t rows = (int32_t)clf__st_find(g.st, "latents")->dim[0];
  double *x = flows_array((size_t)(rows * g.dim)), *logdet = flows_array((size_t)rows);
  flows_invert(g.flow, z, c, rows, x, logdet);
  expect(&g, "inverse", x);
  free(logdet);
  free(x);
  free(c);
  free(z);
  end(&g);
}
END_TEST

static void add(TCase *tc) {
  tcase_add_loop_test(tc, test_text, 0, CASES);
  tcase_add_loop_test(tc, test_values, 0, CASES);
  tcase_add_loop_test(tc, test_edges, 0, CASES);
  tcase_add_loop_test(tc, test_inverse, 0, CASES);
}

int main(int argc, char **argv) { return flows_main(argc, argv, add); }
