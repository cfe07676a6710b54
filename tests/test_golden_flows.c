/* SPDX-License-Identifier: MIT */
/* test_golden_flows.c: flows that are lists of layers, held to what the Python libraries compute
 * from the same parameters, in double, on one device:
 *   test_golden_flows DEVICE
 * tests/golden/README.md says what the files hold. */
#include "clflow/arch.h"
#include "golden.h"
#include <stdio.h>
#include <string.h>

/* Files of tests/golden/flows, and what a case is there to show where its name does not say it. */
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

/* Text that stands in people's files keeps its meaning: it reads, and what is written reads as the
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

static void add(TCase *tc) { tcase_add_loop_test(tc, test_text, 0, CASES); }

int main(int argc, char **argv) { return flows_main(argc, argv, add); }
