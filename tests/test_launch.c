/* SPDX-License-Identifier: MIT */
/* test_launch.c: the host code of OpenCL operations, without OpenCL: a recorder replaces the
 * queue, for every case of every operation and every kernel family. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "launch/recorder.h"
#include "platform.h"
#include "suite.h"

/* ---- The recorded launches ------------------------------------------------------------------- */

static const char *renew; /* the file to write instead of reading */
static const char *const recorded_families[] = {"simd16",
                                                "simt"}; /* other families only differ in sizes */

/* Prints a line for each case and algorithm: FAMILY OPERATION "CASE" [ALGORITHM]: launches. */
static void print_launches(FILE *to) {
  for (size_t f = 0; f < sizeof recorded_families / sizeof *recorded_families; f++) {
    clf_traits *traits = family(recorded_families[f]);
    for (int op = 0; op < CLF_OP_COUNT; op++)
      for (int i = 0; i < clf__case_tables[op]->count; i++) {
        const clf_case *c = &clf__case_tables[op]->at[i];
        char before[sizeof(recorder){0}.text] = "";
        for (int algorithm = 0; algorithm == 0 || algorithms[op][algorithm - 1].name; algorithm++) {
          recorder r = {.forced = algorithm};
          WORKS(run_case(&r, traits, (clf_op)op, c));
          if (algorithm && strcmp(r.text, before) == 0)
            continue; /* the default, or it does not apply */
          fprintf(to, "%s %s \"%s\"", recorded_families[f], clf_ops[op].name, c->label);
          if (algorithm) fprintf(to, " %s", algorithms[op][algorithm - 1].name);
          fprintf(to, ": %s\n", r.text);
          if (!algorithm) strcpy(before, r.text);
        }
      }
  }
}

/* Sizes and numbers of work-groups, and scratch memory: other tests do not notice when these, or
 * the choice of the algorithm, become slower.  After an intended change run `test_launch --renew
 * tests/golden/launches.txt`. */
START_TEST(launches_are_as_recorded) {
  FILE *f = tmpfile();
  ck_assert_ptr_nonnull(f);
  print_launches(f);
  const size_t size = (size_t)ftell(f);
  char *now = calloc(size + 1, 1), *a, *b;
  ck_assert_ptr_nonnull(now);
  rewind(f);
  ck_assert_uint_eq(fread(now, 1, size, f), size);
  fclose(f);
  if (renew) write_bytes(renew, now, size);
  char *wanted = read_file(renew ? renew : CLF_GOLDEN "/launches.txt", NULL);
  for (a = wanted, b = now; *a || *b;
       a += strcspn(a, "\n") + (*a != 0), b += strcspn(b, "\n") + (*b != 0)) {
    const int n = (int)strcspn(a, "\n"), m = (int)strcspn(b, "\n");
    ck_assert_msg(n == m && strncmp(a, b, (size_t)n) == 0,
                  "launches.txt has\n%.*s\nand this is\n%.*s", n, a, m, b);
  }
  free(wanted);
  free(now);
}
END_TEST

START_TEST(every_case) {
  clf_traits *traits = family(clf__families[_i].family);
  for (int op = 0; op < CLF_OP_COUNT; op++)
    for (int i = 0; i < clf__case_tables[op]->count; i++)
      for (int algorithm = 0; algorithm == 0 || algorithms[op][algorithm - 1].name; algorithm++) {
        const clf_case *c = &clf__case_tables[op]->at[i];
        recorder r = {.blas_does = i % 2, .forced = algorithm};
        ck_assert_msg(!run_case(&r, traits, (clf_op)op, c), "%s", clf_errmsg());
        ck_assert_msg(r.launches > 0 || (r.blas_calls && r.blas_does), "%s \"%s\" launches nothing",
                      clf_ops[op].name, c->label);
      }
}
END_TEST

/* Runs after every_case: a kernel that no case launches is not tested on any device. */
START_TEST(every_kernel) {
  for (int i = 0; i < kernel_count; i++) {
    if (strcmp(CLF_GPU_FAMILY, "clblast") != 0 && strcmp(kernels[i].name, "gemm_finish") == 0)
      continue;
    ck_assert_msg(kernels[i].launched, "no case launches %s (lanes %d)", kernels[i].name,
                  kernels[i].lanes);
  }
}
END_TEST

/* When a launch or a request for scratch memory fails, the host code stops and returns the error.
 */
static void fail_each(clf_traits *traits, clf_op op, const clf_case *c, int algorithm) {
  recorder all = {.forced = algorithm};
  ck_assert_int_eq(run_case(&all, traits, op, c), CLF_OK);
  for (int bad = 1; bad <= all.launches; bad++) {
    recorder r = {.forced = algorithm, .refuse = bad};
    ck_assert_int_eq(run_case(&r, traits, op, c), CLF_EDEVICE);
    ck_assert_int_eq(r.launches, bad);
  }
  for (int bad = 1; bad <= all.reserves; bad++) {
    recorder r = {.forced = algorithm, .refuse_reserve = bad};
    ck_assert_int_eq(run_case(&r, traits, op, c), CLF_ENOMEM);
    ck_assert_int_eq(r.reserves, bad);
    ck_assert_int_le(r.launches, bad - 1); /* none of those that need the memory */
  }
}

START_TEST(every_failure) {
  clf_traits *traits = family(clf__families[_i].family);
  for (int op = 0; op < CLF_OP_COUNT; op++)
    for (int i = 0; i < clf__case_tables[op]->count; i++)
      for (int algorithm = 0; algorithm == 0 || algorithms[op][algorithm - 1].name; algorithm++)
        fail_each(traits, (clf_op)op, &clf__case_tables[op]->at[i], algorithm);
}
END_TEST

#define GEMM(M, N, K, ...)                                                                         \
  CLF_OP_gemm, &(const clf_gemm_args) {                                                            \
    .a = DIM(M, K), .b = DIM(K, N), .c = DIM(M, N), .alpha = 1, __VA_ARGS__                        \
  }
#define WIDTH(D, H) (2 * ((H) * (2 * (D) + 1) + (D)))
#define FWD(N, D, H, L)                                                                            \
  CLF_OP_mlp_coupling_fwd, &(const clf_mlp_coupling_fwd_args) {                                    \
    .x = DIM(N, D), .y = DIM(N, D), .logdet = DIM(N), .b = DIM(L, D), .w = DIM(L, WIDTH(D, H)),    \
    .hidden = H                                                                                    \
  }
#define BWD(N, D, H, L)                                                                            \
  CLF_OP_mlp_coupling_bwd, &(const clf_mlp_coupling_bwd_args) {                                    \
    .y = DIM(N, D), .dy = DIM(N, D), .dx = DIM(N, D), .b = DIM(L, D), .w = DIM(L, WIDTH(D, H)),    \
    .dw = DIM(L, WIDTH(D, H)), .hidden = H                                                         \
  }
#define NLL(N, D)                                                                                  \
  CLF_OP_normal_nll, &(const clf_normal_nll_args) {                                                \
    .z = DIM(N, D), .logdet = DIM(N), .dz = DIM(N, D), .loss = DIM(1), .weight = 1                 \
  }
#define PIECES(N, Q)                                                                               \
  CLF_OP_piecewise_bwd, &(const clf_piecewise_bwd_args) {                                          \
    .x = DIM(N), .xi = DIM(Q + 1), .dy = DIM(N), .dx = DIM(N), .dalpha = DIM(1),                   \
    .dxi = DIM(Q + 1), .rate = 1                                                                   \
  }
#define SUM(N, D)                                                                                  \
  CLF_OP_sum_rows, &(const clf_sum_rows_args) { .x = DIM(N, D), .y = DIM(D) }

static const struct {
  clf_op op;
  const void *args;
  const char *simd16, *simt;
} geometry[] = {
    {GEMM(70, 65, 90, .beta = 1), "[8640] gemm_pack 2x3x1/1x1x1 (64), gemm 9x3x1/1x1x1 (1)",
     "gemm_small 24x24x1/8x8x1"},
    {GEMM(1, 1, 1, .beta = 1), "[32] gemm_pack 1x1x1/1x1x1 (64), gemm 1x1x1/1x1x1 (1)",
     "gemm_small 8x8x1/8x8x1"},
    {GEMM(8, 32, 64, .act = CLF_ACT_tanh),
     "[2048] gemm_pack 1x1x1/1x1x1 (64), gemm 1x1x1/1x1x1 (1)", "gemm_small 8x8x1/8x8x1"},
    /* few products: each work-item packs its panel; columns of a are not contiguous: its rows,
     * too */
    {GEMM(100, 130, 6, .bias = DIM(130)), "[6720] gemm_alone 7x5x1/1x1x1 (2)",
     "gemm_small 32x40x1/8x8x1"},
    {CLF_OP_gemm,
     &(const clf_gemm_args){
         .a = DIM(600, 128), .b = DIM(600, 64), .c = DIM(128, 64), .ta = 1, .alpha = 1},
     "[79360] gemm_pack 10x2x1/1x1x1 (64), gemm_blocks 16x1x1/1x1x1 (256,1,2560,38400)",
     "gemm_small 32x16x1/8x8x1"},
    {GEMM(1000, 500, 64, .beta = 1), "[32768] gemm_pack 1x16x1/1x1x1 (64), gemm 4x16x1/1x1x1 (33)",
     "gemm 128x128x1/16x16x1"},
    /* too few large tiles; enough, but half of each would be empty */
    {GEMM(1000, 190, 64, .beta = 1), "[12288] gemm_pack 1x6x1/1x1x1 (64), gemm 6x6x1/1x1x1 (21)",
     "gemm_small 256x48x1/8x8x1"},
    {GEMM(9000, 32, 64, .beta = 1), "[2048] gemm_pack 1x1x1/1x1x1 (64), gemm 35x1x1/1x1x1 (33)",
     "gemm_small 2256x8x1/8x8x1"},
    /* few samples times weights: one work-item takes all blocks */
    {FWD(100, 2, 2, 4), "[8672] mlp_coupling_fwd 1x1x1/1x1x1 (484,2,2,1)",
     "[1200] mlp_coupling_fwd 128x1x1/64x1x1 (100,0,0)"},
    {FWD(300, 4, 33, 3),
     "[45450] mlp_coupling_fwd_pack 3x1x1/1x1x1 (516,5,1,1), "
     "mlp_coupling_fwd 5x1x1/1x1x1 (516,5,1,1)",
     "[15300] mlp_coupling_fwd 320x1x1/64x1x1 (300,0,0)"},
    {BWD(100, 2, 2, 4), "[11504] mlp_coupling_bwd 1x1x1/1x1x1 (624,2,2,1)",
     "[7400] mlp_coupling_bwd 128x1x1/64x1x1 (100,0,4), "
     "mlp_coupling_bwd_sum 64x4x1/64x1x1 (100,0,4)"},
    {BWD(300, 4, 33, 3),
     "[90450] mlp_coupling_bwd_pack 3x1x1/1x1x1 (912,5,1,1), "
     "mlp_coupling_bwd 5x1x1/1x1x1 (912,5,1,1), mlp_coupling_bwd_add 1x6x1/1x1x1 (912,5,1,1)",
     "[135900] mlp_coupling_bwd 320x1x1/64x1x1 (300,0,3), "
     "mlp_coupling_bwd_sum 64x3x1/64x1x1 (300,0,3)"},
    /* few work-items sum many blocks; with one lane, scratch memory holds the rows of one
     * coupling */
    {BWD(10000, 6, 128, 3),
     "[2307796] mlp_coupling_bwd_pack 3x1x1/1x1x1 (13696,157,16,8), "
     "mlp_coupling_bwd 10x1x1/1x1x1 (13696,157,16,8), "
     "mlp_coupling_bwd_add 2x6x1/1x1x1 (13696,157,16,8)",
     "[5510000] mlp_coupling_bwd 10048x1x1/64x1x1 (10000,2,3), "
     "mlp_coupling_bwd_sum 128x1x1/64x1x1 (10000,2,3), "
     "mlp_coupling_bwd 10048x1x1/64x1x1 (10000,1,2), "
     "mlp_coupling_bwd_sum 128x1x1/64x1x1 (10000,1,2), "
     "mlp_coupling_bwd 10048x1x1/64x1x1 (10000,0,1), "
     "mlp_coupling_bwd_sum 128x1x1/64x1x1 (10000,0,1)"},
    {NLL(100, 2), "[1] normal_nll 1x1x1/1x1x1 (2048,1)", "[1] normal_nll 64x1x1/64x1x1 (2048,1)"},
    {NLL(3001, 7), "[6] normal_nll 6x1x1/1x1x1 (586,6), normal_nll_add 1x1x1/1x1x1 (586,6)",
     "[6] normal_nll 384x1x1/64x1x1 (586,6), normal_nll_add 1x1x1/1x1x1 (586,6)"},
    {NLL(3, 5000), "[3] normal_nll 3x1x1/1x1x1 (1,3), normal_nll_add 1x1x1/1x1x1 (1,3)",
     "[3] normal_nll 192x1x1/64x1x1 (1,3), normal_nll_add 1x1x1/1x1x1 (1,3)"},
    {PIECES(1, 1), "[4] piecewise_bwd 64x1x1/64x1x1 (64,1), piecewise_bwd_add 1x1x1/1x1x1 (64,1)",
     "[4] piecewise_bwd 64x1x1/64x1x1 (64,1), piecewise_bwd_add 1x1x1/1x1x1 (64,1)"},
    {PIECES(301, 16),
     "[170] piecewise_bwd 64x1x1/64x1x1 (64,5), piecewise_bwd_add 1x1x1/1x1x1 (64,5)",
     "[170] piecewise_bwd 64x1x1/64x1x1 (64,5), piecewise_bwd_add 1x1x1/1x1x1 (64,5)"},
    {PIECES(20000, 100),
     "[25856] piecewise_bwd 128x1x1/64x1x1 (157,128), "
     "piecewise_bwd_add 1x1x1/1x1x1 (157,128)",
     "[25856] piecewise_bwd 128x1x1/64x1x1 (157,128), "
     "piecewise_bwd_add 1x1x1/1x1x1 (157,128)"},
    {SUM(1, 1), "[1] sum_rows 1x1x1/1x1x1 (16384,1), sum_rows_add 64x1x1/64x1x1 (16384,1)",
     "[1] sum_rows 64x1x1/64x1x1 (256,1), sum_rows_add 64x1x1/64x1x1 (256,1)"},
    {SUM(40000, 1), "[3] sum_rows 1x3x1/1x1x1 (16384,3), sum_rows_add 64x1x1/64x1x1 (16384,3)",
     "[157] sum_rows 64x157x1/64x1x1 (256,157), sum_rows_add 64x1x1/64x1x1 (256,157)"},
    {SUM(1000, 99), "[396] sum_rows 7x4x1/1x1x1 (256,4), sum_rows_add 128x1x1/64x1x1 (256,4)",
     "[396] sum_rows 128x4x1/64x1x1 (256,4), sum_rows_add 128x1x1/64x1x1 (256,4)"},
};

START_TEST(exact_geometry) {
  recorder wide = {.text = ""}, narrow = {.text = ""};
  ck_assert_int_eq(run(&wide, family("simd16"), geometry[_i].op, geometry[_i].args), CLF_OK);
  ck_assert_str_eq(wide.text, geometry[_i].simd16);
  ck_assert_int_eq(run(&narrow, family("simt"), geometry[_i].op, geometry[_i].args), CLF_OK);
  ck_assert_str_eq(narrow.text, geometry[_i].simt);
}
END_TEST

/* Products above 2^18 multiplications are offered to the BLAS; clflow's kernels do what it leaves:
 * bias and activation, or the whole product. */
START_TEST(products_by_blas) {
  clf_traits traits = {"clblast", 1, 128, 64, 64, 64, 1};
  recorder small = {.blas_does = 1};
  ck_assert_int_eq(run(&small, &traits, GEMM(64, 64, 64, .beta = 1)), CLF_OK);
  ck_assert_int_eq(small.blas_calls, 0);
  ck_assert_str_eq(small.text, "gemm_small 16x16x1/8x8x1");
  recorder done = {.blas_does = 1};
  ck_assert_int_eq(run(&done, &traits, GEMM(65, 64, 64, .beta = 1)), CLF_OK);
  ck_assert_int_eq(done.blas_calls, 1);
  ck_assert_str_eq(done.text, "");
  recorder biased = {.blas_does = 1};
  ck_assert_int_eq(run(&biased, &traits, GEMM(65, 64, 64, .bias = DIM(64))), CLF_OK);
  ck_assert_str_eq(biased.text, "gemm_finish 4160x1x1/64x1x1");
  recorder activated = {.blas_does = 1};
  ck_assert_int_eq(run(&activated, &traits, GEMM(65, 64, 64, .act = CLF_ACT_relu)), CLF_OK);
  ck_assert_str_eq(activated.text, "gemm_finish 4160x1x1/64x1x1");
  recorder refused = {.blas_does = 0};
  ck_assert_int_eq(run(&refused, &traits, GEMM(65, 64, 64, .bias = DIM(64))), CLF_OK);
  ck_assert_int_eq(refused.blas_calls, 1);
  ck_assert_str_eq(refused.text, "gemm_small 24x16x1/8x8x1");
}
END_TEST

/* A GPU gets the family that its work-groups allow; requesting another one is refused with a
 * sentence. */
START_TEST(families_of_gpus) {
  ck_assert_str_eq(clf__families[clf__gpu_family(1024, 49152)].family, CLF_GPU_FAMILY);
  ck_assert_str_eq(clf__families[clf__gpu_family(256, 14336)].family, CLF_GPU_FAMILY);
  ck_assert_str_eq(clf__families[clf__gpu_family(255, 32768)].family, "simt64");
  ck_assert_str_eq(clf__families[clf__gpu_family(256, 14335)].family, "simt64");
  ck_assert_int_eq(clf__family_fits(family("simt64"), 64, 4096), CLF_OK);
  ck_assert_int_eq(clf__family_fits(family("simd8"), 64, 0), CLF_OK);
  ck_assert_int_eq(clf__family_fits(family("simt64"), 32, 16384), CLF_ENOTSUP);
  ck_assert_str_eq(clf_errmsg(),
                   "the kernels of the family simt64 need work-groups of 64 and 4096 bytes of "
                   "local memory; this device allows work-groups of 32 and 16384 bytes");
}
END_TEST

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "--renew") == 0) renew = argv[2];
  Suite *suite = suite_create("launch");
  TCase *tc = tcase_create("launch");
  tcase_add_unchecked_fixture(tc, read_sources, NULL);
  tcase_add_loop_test(tc, every_case, 0, clf__family_count);
  tcase_add_test(tc, every_kernel);
  tcase_add_test(tc, launches_are_as_recorded);
  tcase_add_loop_test(tc, every_failure, 0, clf__family_count);
  tcase_add_loop_test(tc, exact_geometry, 0, (int)(sizeof geometry / sizeof *geometry));
  tcase_add_test(tc, products_by_blas);
  tcase_add_test(tc, families_of_gpus);
  suite_add_tcase(suite, tc);
  return suite_run(suite);
}
