/* SPDX-License-Identifier: MIT */
/* flows.c: flows whose files use every function of layers/export/text/. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include "export/compiled.h"

const struct flow flows[FLOWS] = {
    {"4: (perm, lu, coupling(rq(bins=6, tail=3), resnet(12x2, silu, bn=1)))*2, qr, svd -> "
     "normal(trained=1, cov=full)",
     "c -std=c99", 0, SCALED | NAMED},
    {"4: (perm, lu, coupling(rq(bins=6, tail=3), resnet(12x2, leaky)))*2 -> normal(cov=spherical, "
     "trained=1)",
     "c -std=c99", 1, SCALED},
    {"3|2: (ar(affine(scale=softplus), made(10x2, tanh)), perm(reverse))*2 -> normal(mlp(8x1)); "
     "context: mlp(6x1)->4",
     "c++ -std=c++11", 0, SCALED},
    {"3: (ar(rq(tail=circular, like=zuko), masked(12x2, gelu), order=$alt))*2 -> box(-pi, pi)",
     "c -std=c99", 0, 0},
    {"3: ~ar(affine(scale=exp, clamp=3), made(9x1, elu, residual=0)), (coupling(affine(scale=tanh, "
     "clamp=2), mlp(8x1, tanh, separate=1), mask=random, inputs=masked))*4, scale -> student(3, "
     "trained=1)",
     "c -std=c99", 0, ON_GRID},
    {"3: (coupling(affine(scale=tanh, clamp=2), mlp(8x1, tanh, separate=1), mask=random, "
     "inputs=masked))*4, scale -> student(3)",
     "c -std=c99", 1, 0},
    {"1: piecewise(bins=8, tails=1) -> logistic(trained=1)", "c -std=c99", 0, 0},
    {"4: columns(0: logit(0, 1), 1: log(-2), 2: asinh, 3: softplus(1)), columns(0: softlogit(-5, "
     "5), "
     "1: softlog(-3), 2: softclip(9), 3: circular(50)), coupling(affine(scale=sigmoid2), mlp(6x1, "
     "relu, norm=1)) -> logistic",
     "c++ -std=c++11", 0, NAMED},
    {"2: -> blend(0.3: coupling(affine(scale=realnvp), mlp(6x1)) -> normal; 0.7: lu -> mixture(3, "
     "full))",
     "c -std=c99", 0, SCALED | LIMITED},
    {"3: coupling(quadratic(bins=4, tail=3), mlp(8x1, softplus)), actnorm, batchnorm, "
     "allinone(mlp(8x1, sigmoid)), elementwise(linear(bins=5, box=-3, 3)) -> columns(0-1: laplace, "
     "2: normal(trained=1))",
     "c -std=c99", 0, 0},
    {"2|1: lu -> classes(3)", "c -std=c99", 0, 0},
    {"3|2: coupling(add, resnet(5x1, context=glu)), coupling(add, mlp(5x1, context=add)) -> "
     "mixture(2, "
     "full, joint=1)",
     "c -std=c99", 0, 0},
    {"4: split, coupling(affine(scale=zuko), resnet(6x1, angles=0)), rotation, householder, dense "
     "-> "
     "student(2)",
     "c -std=c99", 0, 0},
    {"2|2: ar(rq(bins=4), made(8x1, context=nsf, bn=1)), ar(affine(scale=atan), made(8x2, "
     "context=nsf)) -> laplace(trained=1)",
     "c++ -std=c++11", 0, 0},
    {"3: (coupling(affine(scale=tanh, clamp=2), mlp(8x1, tanh, separate=1), mask=random, "
     "inputs=masked))*2, coupling(add, mlp(5x1, tanh), mask=random, inputs=masked) -> normal",
     "c -std=c99", 0, UNFUSED},
    {"2: within(-1, 2), coupling(affine, mlp(4x1)) -> normal", "c -std=c99", 0, 0},
    {"4: coupling(affine(scale=general), mlp(5x1)), batchnorm(transformed=1), "
     "coupling(affine(scale=sigmoid), resnet(5x1), uncond=1) -> normal",
     "c -std=c99", 0, 0},
};

void dress(clf_flow *f, int also) {
  const int D = f->spec.dim;
  double mean[8], std[8];
  clf_column_grid grid[8] = {{0}};
  static char *names[] = {"mass", "\"\\?\303\251", "x", "y"};
  for (int d = 0; d < D; d++) {
    mean[d] = 100 + d;
    std[d] = 0.5 + d;
  }
  if (also & ON_GRID) grid[D - 1] = (clf_column_grid){.first = -2, .last = 3, .step = 0.5};
  if (also & ON_GRID) grid[0] = (clf_column_grid){.first = -1, .last = 0.5};
  if (also & LIMITED) grid[0] = (clf_column_grid){.first = -DBL_MAX, .last = 100};
  if (also & LIMITED) grid[1] = (clf_column_grid){.first = 101, .last = DBL_MAX};
  if (also & SCALED) WORKS(clf_flow_set_scaling(f, mean, std));
  if (also & SCALED && f->context) WORKS(clf__flow_set_context_scaling(f, mean, std));
  if (also & NAMED) WORKS(clf_flow_set_columns(f, names));
  if (also & (ON_GRID | LIMITED)) WORKS(clf_flow_set_grid(f, grid));
}

clf_flow *flow_of(const char *text, uint64_t seed) {
  draw_random r = {seed};
  clf_arch *arch;
  clf_flow *f;
  const clf_status s = clf_arch_parse(text, &arch);
  ck_assert_msg(s == CLF_OK, "%s", clf_errmsg());
  WORKS(clf_flow_create_arch(dev, arch, seed, &f));
  clf_arch_free(arch);
  disturb(f, &r);
  return f;
}

/* Samples of the flow; the last two are moved to where it may have no density. */
void find_rows(clf_flow *f, rows *q) {
  q->x = calloc((size_t)(ROWS * q->dim), sizeof *q->x);
  q->c = q->context ? calloc((size_t)(ROWS * q->context), sizeof *q->c) : NULL;
  for (int i = 0; i < ROWS * q->context; i++)
    q->c[i] = strstr(q->text, "classes")
                  ? i % 3
                  : 0.3 * i - 1 + (f->c_mean ? f->c_mean[i % q->context] : 0);
  WORKS(q->c ? clf_sample_given(f, q->c, ROWS, 5, 1, q->x) : clf_sample(f, 5, 0, ROWS, q->x));
  for (int i = (ROWS - 2) * q->dim; i < ROWS * q->dim; i++) q->x[i] = 3 * q->x[i] - 1;
}
