/* SPDX-License-Identifier: MIT */
/* test_compose.c: properties that hold for every flow, with random architectures from arch.def:
 *   test_compose DEVICE
 * Draws CLF_COMPOSE_COUNT flows (default 32), starting with number CLF_COMPOSE_FIRST (default
 * 0).  Each is computed in double and on the device: inverses, log-determinants against Jacobians
 * by differences, gradients against differences, files, interrupted trainings, and the device
 * against double.  The checks are in compose/. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "coverage.h"
#include "compose/subject.h"

/* Errors relative to the values: rounding grows with the slopes of random splines. */
static void check_device(subject *s) {
  const size_t n = ROWS * (size_t)s->drawn.dim;
  const double bound = flows_exact ? 1e-9 : 2e-3;
  within(s, "log p on the device", flows_error(s->got.logp, s->want.logp, ROWS), bound);
  if (!s->has_latents) return;
  within(s, "z on the device", flows_error(s->got.z, s->want.z, n), bound);
  within(s, "log-determinants on the device", flows_error(s->got.logdet, s->want.logdet, ROWS),
         bound);
}

static void check(subject *s) {
  flows_evaluate(s->flow, s->x, s->c, ROWS, s->got);
  flows_evaluate(s->exact, s->x, s->c, ROWS, s->want);
  if (s->has_gradient) check_gradients(s);
  if (s->has_latents) check_logdet(s);
  if (s->has_latents) check_inverse(s);
  check_device(s);
  check_files(s);
  if (s->has_gradient) check_resume(s);
}

static int made;

START_TEST(test_flow) {
  subject s = {0};
  draw_architecture((uint64_t)_i, &s.drawn);
  if (!make(&s, (uint64_t)_i)) return;
  made++;
  coverage_add(s.arch);
  check(&s);
  unmake(&s);
}
END_TEST

/* Flows that are checked in every run. */
static const draw_flow given[] = {
    /* layers in columns with nets, and inverted */
    {.text = "3|2: columns(0: elementwise(affine, mlp(4x1, tanh)), 2: ~elementwise(rq(bins=4), "
             "resnet(4x1, tanh))) -> normal",
     .dim = 3,
     .context = 2},
    {.text = "4: columns(0: ~log(-1), 1+3: ~elementwise(affine(scale=exp)), 2: ~softplus), "
             "~batchnorm, ~scale, split(prior=normal(trained)) -> laplace(trained)",
     .dim = 4},
    /* convolutional nets with a context: added, as further channels, as a gate */
    {.text = "2x3x2|2: actnorm, coupling(affine(scale=exp), conv(3, 3-1, tanh, zero=0), mask=mid), "
             "coupling(add, conv(3, 3-3, silu, norm=0, zero=0, context=concat), mask=mid, even=1) "
             "-> normal",
     .dim = 12,
     .context = 2},
    {.text =
         "2x2x4|3: coupling(affine, convresnet(3x2, tanh, bn=1), mask=mid), ~coupling(rq(bins=3)"
         ", convresnet(3x1, tanh, dropout=0.1, context=concat), mask=mid, even=1), coupling(add, "
         "convresnet(4x1, tanh, context=add), mask=channel) -> normal",
     .dim = 16,
     .context = 3},
    {.text = "2x4x1|2: coupling(affine(scale=realnvp), convresnet(3x2, bn=1, like=realnvp, "
             "context=add), mask=checker), batchnorm(transformed=1), squeeze, split(prior=conv), "
             "split(prior=normal(convresnet(3x1, tanh))) -> normal(mlp(4x1, tanh)); context: "
             "standardize, mlp(4x1, tanh)->3",
     .dim = 8,
     .context = 2},
    {.text = "2x2x2|1: allinone(affine(scale=tanh, clamp=2), conv(c, kernels=3, zero=0)), "
             "coupling(affine, "
             "conv(2, alone=1)), glowstep(3) -> classes(3)",
     .dim = 8,
     .context = 1,
     .classes = 3},
    /* Found by draws; each comment says what was wrong: */
    /* a matrix derived from constants that were not rounded yet */
    {.text = "5: ~allinone(zero, perm=soft) -> logistic", .dim = 5},
    {.text = "2: ~allinone(linear(bins=4, tail=4.29), zero, perm=soft), qr -> logistic", .dim = 2},
    /* two tensors of one name, so that the flow could not be saved */
    {.text = "4: allinone(affine(scale=realnvp), mlp(6x1)) -> normal", .dim = 4},
    /* scratch memory as wide as the widest layer, taken for rows side by side */
    {.text = "2x2x4: coupling(affine, convresnet(3x1, bn=1), mask=mid) -> normal", .dim = 16},
};

START_TEST(test_given) {
  subject s = {.drawn = given[_i]};
  ck_assert(make(&s, (uint64_t)_i));
  check(&s);
  unmake(&s);
}
END_TEST

/* Ten splines in a row are inverted to 1e-4 of the standard deviation of the data, which is 1; far
 * out in the tails to 1e-4 of x. */
static const draw_flow deep[] = {
    {.text = "6: (perm, lu, coupling(rq, resnet(16x1)))*10, perm, lu -> normal", .dim = 6},
    {.text = "6: (perm, lu, coupling(rq(like=zuko, tail=5), mlp(16x2, silu)))*10 -> normal",
     .dim = 6},
    {.text = "6: (perm, coupling(quadratic(bins=8, tail=3), resnet(16x1)))*10 -> normal", .dim = 6},
    {.text = "6: (perm, coupling(linear(bins=8, tail=3), resnet(16x1)))*10 -> normal", .dim = 6},
    {.text = "4: (ar(rq(bins=8, tail=3), made(16x1)), perm(reverse))*10 -> normal", .dim = 4},
    {.text = "4: (~ar(rq(bins=8, tail=3), made(16x1)), perm(reverse))*10 -> normal", .dim = 4},
};

START_TEST(test_deep_splines) {
  static const double far[ROWS] = {0, 0, 0, 0, 20, 1e4};
  subject s = {.drawn = deep[_i]};
  const int D = s.drawn.dim;
  double back[ROWS * DIMS];
  clf_flow *f = NULL;
  WORKS(clf_arch_parse(s.drawn.text, &s.arch));
  WORKS(clf_flow_create_arch(flows_dev, s.arch, 5, &f));
  s.x = flows_array((size_t)(ROWS * D));
  s.got = (flows_values){.z = flows_array((size_t)(ROWS * D))};
  draw_rows(&(draw_random){77}, &s.drawn, ROWS, s.x);
  for (int i = 0; i < ROWS * D; i++) s.x[i] += copysign(far[i / D], s.x[i]);
  flows_evaluate(f, s.x, NULL, ROWS, s.got);
  flows_invert(f, s.got.z, NULL, ROWS, back, NULL);
  for (int i = 0; i < ROWS; i++)
    within(&s, "a row and back", flows_error(back + i * D, s.x + i * D, (size_t)D),
           flows_exact ? 1e-10 : 1e-4);
  free(s.got.z);
  free(s.x);
  clf_flow_free(f);
  clf_arch_free(s.arch);
}
END_TEST

static int number_of(const char *variable, int otherwise) {
  const char *text = getenv(variable);
  return text ? (int)strtol(text, NULL, 10) : otherwise;
}

static int count(void) { return number_of("CLF_COMPOSE_COUNT", 32); }

/* A generator whose flows are refused tests nothing. */
START_TEST(test_most_were_made) {
  ck_assert_msg(10 * made >= 8 * count(), "only %d of %d flows were made", made, count());
}
END_TEST

/* 3000 flows have every row and member of arch.def. */
START_TEST(test_all_was_drawn) {
  if (count() < 3000) return;
  coverage_print();
  ck_assert_msg(!coverage_missing()[0], "never drawn:\n%s", coverage_missing());
}
END_TEST

static void open_all(void) {
  WORKS(clf_open("cpu64", &exact_dev));
  ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void close_all(void) {
  clf_close(exact_dev);
  suite_remove(folder);
}

static void add(TCase *tc) {
  const int first = number_of("CLF_COMPOSE_FIRST", 0);
  tcase_add_unchecked_fixture(tc, open_all, close_all);
  tcase_set_timeout(tc, 0);
  tcase_add_loop_test(tc, test_flow, first, first + count());
  tcase_add_loop_test(tc, test_given, 0, sizeof given / sizeof *given);
  tcase_add_loop_test(tc, test_deep_splines, 0, sizeof deep / sizeof *deep);
  tcase_add_test(tc, test_most_were_made);
  tcase_add_test(tc, test_all_was_drawn);
}

int main(int argc, char **argv) { return flows_main(argc, argv, add); }
