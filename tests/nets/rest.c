/* SPDX-License-Identifier: MIT */
/* rest.c: memory, dropout and initial values of nets, and settings that are refused. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "nets/rig.h"

/* Evaluation takes less memory, with the same values. */
START_TEST(test_memory) {
  rig r;
  batch b;
  make(&r, &nets[_i], 9);
  randomise(&r, 10);
  random_batch(&r, &b, 20, 11);
  plan(&r, 20, CLF_STORED);
  const size_t stored = r.work.used;
  forward(&r, &b, CLF_KEEP);
  double *u = elements(b.u), *again;
  memset(r.memory, 0, (size_t)r.net.tensors * sizeof *r.memory->t);
  plan(&r, 20, CLF_VALUES);
  ck_assert_msg(r.work.used < stored, "%s: %zu elements for values, %zu for all", nets[_i].text,
                r.work.used, stored);
  WORKS(clf_do(flows_dev, fill, .y = b.u, .value = 0));
  forward(&r, &b, CLF_EVAL);
  again = elements(b.u);
  ck_assert_mem_eq(u, again, clf__count(&b.u) * sizeof *u);
  free(u);
  free(again);
  clf_arena_free(&b.arena);
  drop(&r);
}
END_TEST

/* Masks depend on the index of a row and on the key of the step, not on how a batch is divided. */
START_TEST(test_dropout) {
  const setting s = NET("mlp(40x2, relu, dropout=0.25)", 3, 0, 4);
  rig r;
  batch b;
  make(&r, &s, 12);
  random_batch(&r, &b, 30, 13);
  plan(&r, 30, CLF_STORED);
  forward(&r, &b, CLF_TRAIN);
  double *whole = elements(b.u), *slot;
  clf__pass p = pass_of(&r, &b, CLF_TRAIN);
  p.first += 10;
  WORKS(r.net.ops->forward(&r.net, &p, r.memory, clf_slice(b.x, 0, 10, 30),
                           clf_slice(b.u, 0, 10, 30)));
  slot = elements(b.u);
  flows_expect(flows_error(slot, whole, clf__count(&b.u)), flows_exact ? 1e-14 : 2e-6,
               "rows 10 on");
  free(slot);
  p.key++;
  WORKS(r.net.ops->forward(&r.net, &p, r.memory, b.x, b.u));
  slot = elements(b.u);
  ck_assert_msg(flows_error(slot, whole, clf__count(&b.u)) > 0.01,
                "another key drops the same units");
  free(slot);
  free(whole);
  clf_arena_free(&b.arena);
  drop(&r);
}
END_TEST

/* Initial values of a weight are within +-bound, and some of them near it. */
static void expect_range(const rig *r, const char *name, double bound) {
  for (int i = 0; i < r->slots.count; i++) {
    const clf__slot_entry *e = &r->slots.list[i];
    double low = 0, high = 0;
    int64_t n = 1;
    if (strcmp(e->name, name)) continue;
    for (int d = 0; d < e->slot->rank; d++) n *= e->slot->dim[d];
    for (int64_t k = 0; k < n; k++) {
      low = fmin(low, r->host_w[e->slot->at + k]);
      high = fmax(high, r->host_w[e->slot->at + k]);
    }
    ck_assert_msg(low >= -bound && high <= bound &&
                      (bound == 0 || (low < -0.8 * bound && high > 0.8 * bound)),
                  "%s starts in %g .. %g, not in +-%g", name, low, high, bound);
    return;
  }
  ck_abort_msg("no weight %s", name);
}

START_TEST(test_starts) {
  const setting mlp = NET("mlp(40x2, zero=1)", 4, 5, 6), made = NET("made(40x1)", 4, 16, 3);
  rig r;
  make(&r, &mlp, 14);
  expect_range(&r, "net.0.weight", 1 / 3.0);
  expect_range(&r, "net.0.bias", 1 / 3.0);
  expect_range(&r, "net.1.weight", 1 / sqrt(40));
  expect_range(&r, "net.2.weight", 0);
  expect_range(&r, "net.2.bias", 0);
  drop(&r);
  make(&r, &made, 15);
  expect_range(&r, "net.initial.weight", 0.5);
  expect_range(&r, "net.context.weight", 0.25);
  expect_range(&r, "net.blocks.0.linear0.weight", 1 / sqrt(40));
  expect_range(&r, "net.blocks.0.linear1.weight", 1e-3);
  expect_range(&r, "net.blocks.0.linear1.bias", 1e-3);
  expect_range(&r, "net.blocks.0.context.weight", 0.25);
  drop(&r);
}
END_TEST

/* zero=1: outputs of zero, for nets whose other layers are initialised as usual. */
START_TEST(test_zero_starts) {
  static const struct {
    setting s;
    const char *last;
  } zeros[] = {{NET("resnet(40x1, zero=1)", 4, 5, 6), "net.final"},
               {NET("made(40x1, zero=1)", 4, 5, 3), "net.final"},
               {NET("made(40x1, residual=0, zero=1)", 4, 5, 3), "net.final"},
               {NET("masked(40x2, zero=1)", 4, 5, 3), "net.2"},
               {NET("masked(40x2, residual=1, zero=1)", 4, 5, 3), "net.5"}};
  for (size_t i = 0; i < sizeof zeros / sizeof *zeros; i++) {
    char name[64];
    rig r;
    make(&r, &zeros[i].s, 16);
    snprintf(name, sizeof name, "%s.weight", zeros[i].last);
    expect_range(&r, name, 0);
    snprintf(name, sizeof name, "%s.bias", zeros[i].last);
    expect_range(&r, name, 0);
    drop(&r);
  }
}
END_TEST

START_TEST(test_refusals) {
  static const struct refusal {
    setting s;
    const char *why;
  } refusals[] = {
      {NET("mlp(8x2, context=glu)", 3, 2, 4),
       "mlp: context=glu gates residual blocks; use resnet, or context=concat"},
      {NET("mlp(1x2, norm=1)", 3, 2, 4), "mlp: norm=1 needs hidden layers of 2 units or more"},
      {NET("mlp(8x2, separate=1)", 3, 0, 5),
       "mlp: separate=1 is for the nets of couplings, with at most 256 parameters per dimension"},
      {NET("mlp(8x2, angles=1+3)", 3, 0, 4), "angles=3: the net reads 3 inputs, counted from 0"},
      {NET("mlp(8x2)", 0, 0, 4), "mlp: it has no inputs"},
      {NET("resnet(8x2)", 0, 0, 4), "resnet: it has no inputs"}};
  for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
    rig r;
    describe(&r, &refusals[i].s);
    REFUSED(r.net.ops->make(&r.net, &r.slots, "net"), CLF_EINVAL, refusals[i].why);
    drop(&r);
  }
  rig r;
  const setting s = NET("made(8x2)", 3, 0, 2);
  describe(&r, &s);
  r.net.order = NULL;
  REFUSED(r.net.ops->make(&r.net, &r.slots, "net"), CLF_EINVAL,
          "made: masked nets are for autoregressive layers; use mlp or resnet");
  drop(&r);
}
END_TEST

void tests_of_rest(TCase *tc) {
  tcase_add_loop_test(tc, test_memory, 0, NETS);
  tcase_add_test(tc, test_dropout);
  tcase_add_test(tc, test_starts);
  tcase_add_test(tc, test_zero_starts);
  tcase_add_test(tc, test_refusals);
}
