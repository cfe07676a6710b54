/* SPDX-License-Identifier: MIT */
/* golden.c: nets with the weights of other libraries give their values and gradients. */
#include <stdio.h>
#include <stdlib.h>
#include "golden.h"
#include "nets/rig.h"

typedef struct golden_net {
  const char *name;
  setting s;
} golden_net;

static const golden_net goldens[] = {
    {"mlp_relu", NET("mlp(6x2, relu)", 3, 2, 4)},
    {"mlp_leaky", NET("mlp(6x2, leaky)", 3, 2, 4)},
    {"mlp_tanh", NET("mlp(6x2, tanh)", 3, 2, 4)},
    {"mlp_elu", NET("mlp(6x2, elu)", 3, 2, 4)},
    {"mlp_silu", NET("mlp(6x2, silu)", 3, 2, 4)},
    {"mlp_gelu", NET("mlp(6x2, gelu)", 3, 2, 4)},
    {"mlp_sigmoid", NET("mlp(6x2, sigmoid)", 3, 2, 4)},
    {"mlp_softplus", NET("mlp(6x2, softplus)", 3, 2, 4)},
    {"mlp_norm", NET("mlp(6x2, elu, norm=1)", 3, 0, 4)},
    {"mlp_linear", NET("mlp(6x0)", 3, 0, 4)},
    {"resnet", NET("resnet(8x2)", 3, 0, 5)},
    {"resnet_context", NET("resnet(8x2, silu)", 3, 2, 5)},
    {"resnet_bn", NET("resnet(8x2, elu, bn=1)", 3, 2, 5)},
    {"made", NET("made(11x2)", 4, 0, 3)},
    {"made_context", NET("made(11x2, tanh)", 4, 2, 3)},
    {"made_bn", NET("made(11x2, elu, bn=1)", 4, 2, 3)},
    {"made_forward", NET("made(11x2, tanh, residual=0)", 4, 2, 3)},
    {"made_forward_bn", NET("made(11x3, silu, residual=0, bn=1)", 4, 0, 3)},
    {"made_narrow", NET("made(2x2)", 4, 0, 3)},
    {"made_one", NET("made(5x2)", 1, 2, 2)},
    {"made_nsf", NET("made(11x2, context=nsf)", 4, 2, 3)},
    {"made_nsf_forward", NET("made(11x2, tanh, residual=0, context=nsf)", 4, 0, 3)},
    {"masked", NET("masked(7x2)", 4, 0, 2)},
    {"masked_order", ORDERED("masked(7x2, elu)", 5, 2, 3, 0, 2, 0, 3, 1, 4)},
    {"masked_passes", ORDERED("masked(7x2, silu)", 5, 0, 2, 2, 3, 0, 2, 4, 1)},
    {"masked_residual", ORDERED("masked(7x2, tanh, residual=1)", 4, 2, 2, 0, 3, 2, 1, 0)},
    {"masked_narrow", ORDERED("masked(3x2)", 5, 0, 2, 0, 2, 0, 3, 1, 4)},
    {"masked_one", NET("masked(7x2)", 1, 3, 2)}};
enum { GOLDENS = sizeof goldens / sizeof *goldens };

static int has(const clf__st *st, const char *name) { return clf__st_find(st, name) != NULL; }

/* Compares `got` with the tensor of the file; errors are relative to its largest element.  Batch
 * norm's eps and momentum are floats in the operations. */
static void expect_tensor(const clf__st *st, const char *set, const char *name, clf_tensor got) {
  const double exact = has(st, "eval.u") ? 1e-7 : 1e-10;
  size_t count;
  double *want = golden_tensor(st, name, &count), *have = elements(got);
  ck_assert_msg(count == clf__count(&got), "%s: %s has %zu elements, not %zu", set, name, count,
                clf__count(&got));
  flows_expect(flows_error(have, want, count), flows_exact ? exact : 1e-5, "%s: %s", set, name);
  free(want);
  free(have);
}

static void put_tensor(const clf__st *st, const char *name, clf_tensor t) {
  size_t count;
  double *v = golden_tensor(st, name, &count);
  ck_assert_uint_eq(count, clf__count(&t));
  WORKS(clf_write64(flows_dev, t, v));
  free(v);
}

/* Masks must equal those of the library exactly; everything else comes from the file. */
static void load(rig *r, const clf__st *st, const char *set) {
  for (int i = 0; i < r->slots.count; i++) {
    const clf__slot_entry *e = &r->slots.list[i];
    if (!*e->name) continue;
    size_t count;
    double *v = golden_tensor(st, e->name, &count);
    if (e->slot->group == CLF_CONSTANT)
      for (size_t k = 0; k < count; k++)
        ck_assert_msg(v[k] == r->host_c[e->slot->at + (int64_t)k],
                      "%s: element %zu of %s is %g, not %g", set, k, e->name,
                      r->host_c[e->slot->at + (int64_t)k], v[k]);
    else
      WORKS(clf_write64(flows_dev, tensor_of(&r->w, e), v));
    free(v);
  }
}

static void expect_slots(const rig *r, const clf__st *st, const char *set, const clf__vectors *v,
                         const char *prefix, int states) {
  for (int i = 0; i < r->slots.count; i++) {
    const clf__slot_entry *e = &r->slots.list[i];
    char name[96];
    if (!*e->name || e->slot->group == CLF_CONSTANT) continue;
    if ((e->slot->group == CLF_STATE) != states) continue;
    snprintf(name, sizeof name, "%s%s", prefix, e->name);
    expect_tensor(st, set, name, tensor_of(v, e));
  }
}

START_TEST(test_golden) {
  const golden_net *g = &goldens[_i];
  char file[64];
  rig r;
  batch b;
  clf__st *st;
  snprintf(file, sizeof file, "nets/%s", g->name);
  WORKS(clf__st_open(golden_path(file, ".safetensors"), &st));
  make(&r, &g->s, 1);
  load(&r, st, g->name);
  new_batch(&r, &b, 7);
  put_tensor(st, "x", b.x);
  put_tensor(st, "du", b.du);
  if (b.c.buf) put_tensor(st, "c", b.c);
  const int norms = has(st, "eval.u");
  plan(&r, 7, CLF_VALUES);
  forward(&r, &b, CLF_EVAL);
  expect_tensor(st, g->name, norms ? "eval.u" : "u", b.u);
  plan(&r, 9, CLF_STORED);
  forward(&r, &b, CLF_TRAIN);
  expect_tensor(st, g->name, "u", b.u);
  backward(&r, &b, CLF_TRAIN);
  expect_tensor(st, g->name, "dx", b.dx);
  if (b.dc.buf) expect_tensor(st, g->name, "dc", b.dc);
  expect_slots(&r, st, g->name, &r.g, "grad.", 0);
  if (norms) expect_slots(&r, st, g->name, &r.w, "after.", 1);
  clf_arena_free(&b.arena);
  clf__st_close(st);
  drop(&r);
}
END_TEST

void tests_of_golden(TCase *tc) { tcase_add_loop_test(tc, test_golden, 0, GOLDENS); }
