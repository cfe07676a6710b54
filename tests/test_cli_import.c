/* SPDX-License-Identifier: MIT */
/* test_cli_import.c: `clflow import`, as a user would use it, on checkpoints of the repository. */
#include "program.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clflow/clflow.h"

#define FILES CLF_FIXTURES "/"
#define POSTERIOR "import " FILES "sbi_posterior.whole.pt --device cpu64 --out p.safetensors"

static void files(void) { release(run(POSTERIOR)); }

/* The number behind `word` in a text. */
static double number_behind(const char *text, const char *word) {
  const char *at = strstr(text, word);
  ck_assert_msg(at != NULL, "\"%s\" is not in: %s", word, text);
  return strtod(at + strlen(word), NULL);
}

/* ---- --check ----------------------------------------------------------------------------------
 */

START_TEST(a_default_that_is_wrong) {
  const char *const rows = "--device cpu64 --check " FILES "nflows_nsf.npz --out n.safetensors";
  char command[1024];
  snprintf(command, sizeof command, "import " FILES "nflows_nsf.state.pt %s", rows);
  result r = run(command);
  expect_code(command, &r, 1);
  expect_text(command, "stderr", r.err, "tail=1, the default of nflows: the file does not say");
  expect_text(command, "stderr", r.err, "more than 0.0001 (--tolerance)");
  ck_assert(number_behind(r.out, "largest difference ") > 0.01);
  release(r);
  ck_assert_ptr_null(fopen("n.safetensors", "rb")); /* nothing was written */
  snprintf(command, sizeof command, "import " FILES "nflows_nsf.state.pt --tail 3 %s", rows);
  r = run(command);
  expect_code(command, &r, 0);
  expect_text(command, "stdout", r.out, "rq(bins=4, tail=3)");
  ck_assert(number_behind(r.out, "largest difference ") < 1e-9);
  release(r);
  snprintf(command, sizeof command, "import " FILES "nflows_nsf.state.pt --strict %s", rows);
  r = run(command);
  expect_code(command, &r, 1);
  expect_text(command, "stderr", r.err, "the file does not say act; give it, as act=relu");
  release(r);
}
END_TEST

static void check_is(const char *rows) {
  char command[512];
  snprintf(command, sizeof command,
           "import " FILES "normflows_glow.whole.pt --device cpu64 --check %s --out g.safetensors",
           rows);
  const result r = run(command);
  expect_code(command, &r, 0);
  expect_text(command, "stdout", r.out, "flow      4x4x2: squeeze, ~actnorm, conv1x1(dense), ");
  ck_assert(number_behind(r.out, "largest difference ") < 1e-9);
  release(r);
}

/* The fixture has torch's arrays, (N, C, H, W); rows have the channel as the fastest index. */
START_TEST(images_in_both_orders) {
  enum { C = 2, PIXELS = 16, D = C * PIXELS };
  clf_table x, logp, got, want;
  WORKS(clf_table_read(FILES "normflows_glow.npz:x", &x));
  WORKS(clf_table_read(FILES "normflows_glow.npz:logp", &logp));
  ck_assert_int_eq(x.cols, D);
  check_is(FILES "normflows_glow.npz");
  FILE *to = fopen("images.csv", "w");
  for (int64_t i = 0; i < x.rows; i++) {
    for (int k = 0; k < D; k++) fprintf(to, "%.17g,", x.at[i * D + k % C * PIXELS + k / C]);
    fprintf(to, "%.17g\n", logp.at[i]);
  }
  fclose(to);
  check_is("images.csv");
  WORKS(clf_array_write_npy("x.npy", x.at, 4, (const int64_t[]){x.rows, C, 4, 4}));
  /* The model has that order: of the program's arrays too, in and out. */
  succeeds("log-prob g.safetensors --device cpu64 --data x.npy --out p.npy", "");
  WORKS(clf_table_read("p.npy", &got));
  for (int64_t i = 0; i < x.rows; i++) ck_assert_double_eq_tol(got.at[i], logp.at[i], 1e-9);
  clf_table_free(&got);
  succeeds("transform g.safetensors --device cpu64 --data x.npy --out z.npy", "");
  succeeds("invert g.safetensors --device cpu64 --data z.npy --out back.npy", "");
  char *header = read_file("back.npy", NULL);
  expect_text("invert", "back.npy", header + 10, "(8, 2, 4, 4)");
  free(header);
  WORKS(clf_table_read("back.npy", &got));
  for (int64_t i = 0; i < x.rows * x.cols; i++) ck_assert_double_eq_tol(got.at[i], x.at[i], 1e-6);
  clf_table_free(&got);
  succeeds("sample g.safetensors --device cpu64 -n 3 --out a.npy", "");
  succeeds("sample g.safetensors --device cpu64 -n 3 --order NHWC --out b.npy", "");
  WORKS(clf_table_read("a.npy", &got));
  WORKS(clf_table_read("b.npy", &want));
  WORKS(clf_image_reorder(got.at, 3, 4, 4, C, CLF_ORDER_NHWC));
  ck_assert_mem_eq(got.at, want.at, 3 * 16 * C * sizeof *got.at);
  clf_table *const all[] = {&x, &logp, &got, &want};
  for (int k = 0; k < 4; k++) clf_table_free(all[k]);
}
END_TEST

START_TEST(sizes_of_images) {
  refuses(1, "import " FILES "normflows_glow.state.pt --device cpu64 --out never.safetensors",
          "the file does not say size, and normflows has no default for it");
  refuses(1,
          "import " FILES "normflows_glow.state.pt --device cpu64 --size 4 --out never.safetensors",
          "the hint size is \"4\"; it is height and width, as 32x32");
}
END_TEST

/* ---- A posterior ------------------------------------------------------------------------------
 */

enum { GRID = 400, SAMPLES = 20000 };
static const double low[2] = {-2, -1}, high[2] = {1, 3}; /* of the prior */

/* The share of the estimator within the prior, by a sum over a grid of midpoints. */
static double share_by_quadrature(void) {
  clf_device *dev;
  clf_flow *flow;
  double sum = 0, *x = malloc(2 * GRID * GRID * sizeof *x),
         *logp = malloc(GRID * GRID * sizeof *logp);
  ck_assert(x && logp);
  for (int i = 0; i < GRID * GRID; i++)
    for (int d = 0; d < 2; d++)
      x[2 * i + d] = low[d] + (high[d] - low[d]) * ((d ? i % GRID : i / GRID) + 0.5) / GRID;
  WORKS(clf_open("cpu64", &dev));
  WORKS(clf_flow_load(dev, "p.safetensors", NULL, &flow));
  WORKS(clf_log_prob(flow, x, GRID * GRID, logp));
  for (int i = 0; i < GRID * GRID; i++) sum += exp(logp[i]);
  clf_flow_free(flow);
  clf_close(dev);
  free(x);
  free(logp);
  return sum * (high[0] - low[0]) * (high[1] - low[1]) / GRID / GRID;
}

/* The share of samples within the prior, its error, and log p with and without it. */
START_TEST(leakage) {
  const double share = share_by_quadrature();
  const double error = sqrt((1 - share) / (share * SAMPLES)); /* of log(share) */
  clf_table plain, normalized;
  ck_assert_msg(share > 0.05 && share < 0.99, "the fixture leaks %g", 1 - share);
  write_text("theta.csv", "a,b\n0,0\n-1.5,2.5\n0.9,-0.9\n");
  succeeds("log-prob p.safetensors --device cpu64 --data theta.csv --out plain.csv", "");
  const char *const command =
      "log-prob p.safetensors --device cpu64 --data theta.csv --out n.csv --normalize 20000";
  const result r = run(command);
  expect_code(command, &r, 0);
  const double larger = number_behind(r.err, "log p is ");
  ck_assert_double_eq_tol(number_behind(r.err, "log-prob: ") / 100, exp(-larger), 1e-4);
  ck_assert_double_eq_tol(number_behind(r.err, "standard error of "), error, 0.1 * error);
  ck_assert_msg(fabs(larger + log(share)) < 4 * error, "log p is %.6g larger, not %.6g", larger,
                -log(share));
  release(r);
  WORKS(clf_table_read("plain.csv", &plain));
  WORKS(clf_table_read("n.csv", &normalized));
  for (int i = 0; i < 3; i++)
    ck_assert_double_eq_tol(normalized.at[i] - plain.at[i], larger, 1e-5 * larger);
  clf_table_free(&plain);
  clf_table_free(&normalized);
}
END_TEST

/* With another x it is the leakage of that one; rows of x have no common share. */
START_TEST(leakage_given) {
  write_text("theta.csv", "a,b\n0,0\n0.5,1\n");
  succeeds("log-prob p.safetensors --device cpu64 --data theta.csv --given 0.3,-0.2,0.8 "
           "--normalize 1000 "
           "--out g.csv",
           "");
  write_text("x.csv", "x,y,z\n0.3,-0.2,0.8\n0,0,0\n");
  refuses(
      2,
      "log-prob p.safetensors --device cpu64 --data theta.csv --given x.csv --normalize 1000 --out "
      "never.csv",
      "--normalize is for one context; x.csv has a row for each sample");
}
END_TEST

/* The rows and their context are two arrays of one file. */
START_TEST(context_in_an_archive) {
  clf_table got, want;
  succeeds("import " FILES "nflows_maf.state.pt --device cpu64 --out maf.safetensors", "weights");
  succeeds("info maf.safetensors", "trained   not by `clflow train`\n");
  succeeds("log-prob maf.safetensors --device cpu64 --data " FILES "nflows_maf.npz:x --given " FILES
           "nflows_maf.npz:context --out maf.csv",
           "");
  WORKS(clf_table_read("maf.csv", &got));
  WORKS(clf_table_read(FILES "nflows_maf.npz:logp", &want));
  ck_assert_int_eq(got.rows, want.rows);
  for (int64_t i = 0; i < got.rows; i++)
    ck_assert_double_eq_tol(got.at[i], want.at[i], 1e-4 * fmax(1, fabs(want.at[i])));
  clf_table_free(&got);
  clf_table_free(&want);
  refuses(1, "sample maf.safetensors -n 1 --given " FILES "nflows_maf.npz --out never.csv",
          "name one: FILE.npz:ARRAY");
}
END_TEST

int main(int argc, char **argv) {
  const TTest *const tests[] = {a_default_that_is_wrong, images_in_both_orders,
                                sizes_of_images,         leakage,
                                leakage_given,           context_in_an_archive};
  return program_main(argc, argv, "cli_import", files, tests, sizeof tests / sizeof *tests);
}
