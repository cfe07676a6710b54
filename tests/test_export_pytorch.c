/* SPDX-License-Identifier: MIT */
/* test_export_pytorch.c: flows as modules of PyTorch, without PyTorch:
 *   test_export_pytorch                      flows of every kind are written
 *   test_export_pytorch FOLDER FIRST COUNT   also COUNT random architectures, with what cpu64 makes
 *                                            of rows: tests/export/compare_pytorch.py compares
 * For number i of them FOLDER has f<i>.pt, f<i>.py and f<i>.csv, whose lines are x, the context,
 * log p, z, log |det| and the row that z leads back to; NaN: there is none. */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "clflow/clflow.h"
#include "clflow/export.h"
#include "compose/coverage.h"
#include "export/disturb.h"
#include "flow_private.h"
#include "suite.h"

enum { ROWS = 8, NUMBERS = ROWS * DRAW_DIMS, SIZE = 512 };

static clf_device *dev;
static const char *folder;
static char own_folder[] = "/tmp/clflow-pytorch-XXXXXX";
static uint64_t first;
static int count = 40;

/* ---- Rows and what the flow makes of them -----------------------------------------------------
 */

typedef struct rows {
  int dim, context;
  double x[NUMBERS], c[NUMBERS];
} rows;

static void put(FILE *to, const double *v, int n, int exist) {
  for (int d = 0; d < n; d++)
    if (exist && v[d] == v[d])
      fprintf(to, "%.17g,", v[d]);
    else
      fputs("nan,", to);
}

static void put_row(FILE *to, clf_flow *f, const rows *r, int i) {
  const int D = r->dim;
  const double *x = r->x + i * D, *c = r->context ? r->c + i * r->context : NULL;
  double logp = NAN, z[DRAW_DIMS], back[DRAW_DIMS], logdet = NAN;
  put(to, x, D, 1);
  put(to, c, r->context, 1);
  const int dense = !(c ? clf_log_prob_given(f, x, c, 1, &logp) : clf_log_prob(f, x, 1, &logp));
  const int latent =
      !(c ? clf_transform_given(f, x, c, 1, z, &logdet) : clf_transform(f, x, 1, z, &logdet));
  const int inverts =
      latent && !(c ? clf_invert_given(f, z, c, 1, back, NULL) : clf_invert(f, z, 1, back, NULL));
  put(to, &logp, 1, dense);
  put(to, z, D, latent);
  put(to, &logdet, 1, latent);
  put(to, back, D, inverts);
  fputs("0\n", to);
}

/* ---- Writing ----------------------------------------------------------------------------------
 */

/* Exports the flow as number `number`. */
static void export(clf_flow *f, const rows *r, const char *text, int number) {
  char name[SIZE], path[SIZE + 8];
  size_t size;
  snprintf(name, sizeof name, "%s/f%d", folder, number);
  const clf_status s = clf_export_pytorch(f, name);
  ck_assert_msg(s == CLF_OK, "%s:\n%s", clf_errmsg(), text);
  snprintf(path, sizeof path, "%s.py", name);
  char *module = read_file(path, &size), *arch = strstr(module, "ARCH = r'''");
  ck_assert_ptr_nonnull(arch);
  arch[strcspn(arch, "\n")] = 0;
  ck_assert_msg(!strstr(arch, "\"repeat\"") && !strchr(arch, '$'), "%s:\n%s", text, arch);
  free(module);
  snprintf(path, sizeof path, "%s.csv", name);
  FILE *to = fopen(path, "w");
  ck_assert_ptr_nonnull(to);
  for (int i = 0; i < ROWS; i++) put_row(to, f, r, i);
  fclose(to);
}

/* ---- Random architectures ---------------------------------------------------------------------
 */

START_TEST(random_flow) {
  const uint64_t number = first + (uint64_t)_i;
  draw_random r = {number * 2 + 999};
  draw_flow drawn;
  clf_arch *arch = NULL;
  clf_flow *f = NULL;
  draw_architecture(number, &drawn);
  if (!clf_arch_parse(drawn.text, &arch) && !clf_arch_shape(arch, NULL, NULL, NULL) &&
      !clf_flow_create_arch(dev, arch, number, &f)) {
    rows q = {.dim = drawn.dim, .context = drawn.context};
    coverage_add(arch);
    disturb(f, &r);
    round_to_float(f);
    draw_rows(&r, &drawn, ROWS, q.x);
    draw_contexts(&r, &drawn, ROWS, q.c);
    export(f, &q, drawn.text, (int)number);
  }
  clf_flow_free(f);
  clf_arch_free(arch);
}
END_TEST

/* Lines of what was never drawn, but for what images alone have. */
START_TEST(every_node) {
  static const char *const of_images[] = {"squeeze", "conv",    "pixels", "glow",
                                          "checker", "channel", "rho=",   "repeat"};
  char text[8192] = "", lines[8192];
  if (count < 2000) return;
  snprintf(lines, sizeof lines, "%s", coverage_missing());
  for (char *line = strtok(lines, "\n"); line; line = strtok(NULL, "\n")) {
    int image = 0;
    for (size_t i = 0; i < sizeof of_images / sizeof *of_images; i++)
      image |= !!strstr(line, of_images[i]);
    if (!image) strcat(strcat(text, line), "\n");
  }
  ck_assert_msg(!*text, "never exported:\n%s", text);
}
END_TEST

/* ---- Listed flows ------------------------------------------------------------------------------
 */

/* What is never drawn: tails of several kinds, fused couplings, splits in place, and more. */
static const char *const texts[] = {
    "5: coupling(rq(bins=4, tail=3, circular, none, 2, circular), resnet(6x1), uncond=1) -> normal",
    "5: ar(rq(bins=4, tail=circular, none, 3, circular, 4, identity=1), made(8x1)) -> normal",
    "4: elementwise(rq(bins=3, tail=none, 2, circular, 3, like=zuko)), lu -> normal",
    "3: coupling(quadratic(bins=4, tail=2, 3, 4), mlp(5x1)), elementwise(linear(bins=4, tail=2, 4, "
    "3)) -> normal",
    "3: coupling(rq(bins=4, tail=3, identity=1), resnet(6x1)), coupling(rq(tail=2), resnet(6x1)) "
    "-> normal",
    "4: (coupling(affine(scale=tanh, clamp=2), mlp(8x1, tanh, separate=1), mask=random, "
    "inputs=masked))*3 -> normal",
    "4: (coupling(add, mlp(8x1, tanh, separate=1), mask=random, inputs=masked))*3, scale -> normal",
    "4: coupling(add, mlp(8x1, tanh), mask=random, inputs=masked), batchnorm(transformed=1) -> "
    "normal",
    "6: split(place=1), coupling(affine, mlp(6x1)), split(keep=second, place=1) -> normal",
    "6: lu, split(prior=normal(mlp(5x1))), lu, split(keep=second, prior=normal(trained)), lu -> "
    "normal",
    "4: coupling(affine(scale=realnvp), mlp(6x1), mask=checker), coupling(affine, resnet(6x1, "
    "bn=1), "
    "mask=checker) -> normal",
    "3|2: -> blend(0.5: split, (lu)*2 -> normal(mlp(4x1)); 1: perm -> blend(1: coupling(affine, "
    "mlp(4x1)) -> normal; 2: -> student(3)))",
    "3: logit(-9, 9), standardize, lu -> normal",
    "3|2: (coupling(affine(scale=exp), mlp(6x1)))*2, perm -> normal; context: standardize, "
    "mlp(4x1)->3",
    "1: piecewise(bins=9, xmin=-3, xmax=3) -> normal",
};
enum { TEXTS = sizeof texts / sizeof *texts };

static void dress(clf_flow *f) {
  double mean[DRAW_DIMS], std[DRAW_DIMS];
  for (int d = 0; d < DRAW_DIMS; d++) mean[d] = 0.1 + 0.1 * d, std[d] = 0.5 + d % 3;
  WORKS(clf_flow_set_scaling(f, mean, std));
  if (f->context) WORKS(clf__flow_set_context_scaling(f, mean, std));
}

static void export_listed(clf_flow *f, const char *text, int number) {
  draw_random r = {(uint64_t)number};
  draw_flow drawn = {.dim = f->spec.dim,
                     .context = f->context,
                     .low = strstr(text, "none") ? 0.02 : 0,
                     .high = strstr(text, "none") ? 0.98 : 0};
  rows q = {.dim = drawn.dim, .context = drawn.context};
  disturb(f, &r);
  round_to_float(f);
  draw_rows(&r, &drawn, ROWS, q.x);
  draw_contexts(&r, &drawn, ROWS, q.c);
  q.x[0] = 4; /* outside of some intervals */
  export(f, &q, text, number);
}

START_TEST(listed_flow) {
  clf_arch *arch;
  clf_flow *f;
  WORKS(clf_arch_parse(texts[_i], &arch));
  WORKS(clf_flow_create_arch(dev, arch, 7, &f));
  if (_i % 2 || strstr(texts[_i], "standardize")) dress(f);
  export_listed(f, texts[_i], 1000000 + _i);
  clf_flow_free(f);
  clf_arch_free(arch);
}
END_TEST

/* The lecture's flows, which a spec makes. */
START_TEST(flow_of_a_kind) {
  static const clf_kind kinds[] = {CLF_NVP, CLF_NICE, CLF_PIECEWISE};
  clf_flow_spec spec = clf_flow_spec_default(kinds[_i], kinds[_i] == CLF_PIECEWISE ? 1 : 3);
  clf_flow *f;
  spec.hidden = 5;
  spec.depth = 3;
  spec.bins = 9;
  WORKS(clf_flow_create(dev, &spec, &f));
  dress(f);
  export_listed(f, clf_kind_name(kinds[_i]), 2000000 + _i);
  clf_flow_free(f);
}
END_TEST

int main(int argc, char **argv) {
  Suite *suite = suite_create("export_pytorch");
  TCase *tc = tcase_create("export_pytorch");
  if (argc != 1 && argc != 4)
    return fprintf(stderr, "usage: test_export_pytorch [FOLDER FIRST COUNT]\n"), 2;
  folder = argc == 4 ? argv[1] : mkdtemp(own_folder);
  if (argc == 4) first = strtoull(argv[2], NULL, 10), count = atoi(argv[3]);
  if (!folder || clf_open("cpu64", &dev)) return 1;
  tcase_add_loop_test(tc, random_flow, 0, count);
  tcase_add_loop_test(tc, listed_flow, 0, TEXTS);
  tcase_add_loop_test(tc, flow_of_a_kind, 0, 3);
  tcase_add_test(tc, every_node);
  tcase_set_timeout(tc, 600);
  suite_add_tcase(suite, tc);
  const int code = suite_run(suite);
  if (argc == 1) suite_remove(folder);
  clf_close(dev);
  return code;
}
