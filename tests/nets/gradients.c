/* SPDX-License-Identifier: MIT */
/* gradients.c: gradients of nets compared with differences, and passes that need only some of them.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "nets/rig.h"

const setting nets[NETS] = {
    NET("mlp(5x2, tanh)", 3, 0, 4),
    NET("mlp(5x1, silu, context=add)", 3, 2, 4),
    NET("mlp(5x2, elu, dropout=0.3, norm=1)", 3, 2, 4),
    NET("mlp(5x2, gelu, separate=1, angles=0+2)", 3, 2, 4),
    NET("mlp(5x2, softplus, angles=0-)", 3, 0, 4),
    NET("mlp(5x0)", 3, 2, 4),
    NET("resnet(6x2, tanh, dropout=0.2)", 3, 2, 5),
    NET("resnet(6x2, silu, bn=1, context=concat)", 3, 2, 5),
    NET("resnet(6x1, elu, context=add, angles=1)", 3, 2, 5),
    NET("resnet(6x0)", 3, 2, 5),
    ORDERED("made(9x2, elu, dropout=0.2)", 4, 2, 3, 0, 2, 0, 3, 1),
    NET("made(9x2, silu, context=nsf, bn=1)", 4, 2, 3),
    NET("made(9x2, sigmoid, residual=0, dropout=0.2, bn=1)", 4, 2, 3),
    ORDERED("made(9x2, gelu, residual=0, random=1)", 4, 2, 3, 0, 3, 1, 0, 2),
    NET("made(9x0, tanh, residual=0)", 4, 0, 3),
    ORDERED("made(9x2, softplus, residual=0, context=nsf)", 5, 2, 2, 2, 4, 1, 0, 3, 2),
    ORDERED("masked(9x2, silu, dropout=0.2)", 4, 2, 3, 0, 1, 3, 0, 2),
    NET("masked(9x2, elu, residual=1)", 4, 0, 3),
    NET("masked(9x0)", 4, 2, 3)};

/* The sum of du * u over all rows and outputs. */
static double loss_of(rig *r, batch *b, clf__mode mode) {
  const size_t n = clf__count(&b->u);
  double sum = 0;
  forward(r, b, mode);
  double *u = elements(b->u), *du = elements(b->du);
  for (size_t i = 0; i < n; i++) sum += u[i] * du[i];
  free(u);
  free(du);
  return sum;
}

/* Compares `gradient` with central differences at a few elements of t. */
static void expect_slopes(rig *r, batch *b, clf__mode mode, const char *text, const char *name,
                          clf_tensor t, clf_tensor gradient) {
  const size_t n = clf__count(&t);
  const double h = 1e-5;
  double *v = elements(t), *g = elements(gradient);
  for (size_t i = 0; i < n; i += 1 + n / 17) {
    const double was = v[i];
    double at[2];
    for (int side = 0; side < 2; side++) {
      v[i] = was + (side ? h : -h);
      WORKS(clf_write64(flows_dev, t, v));
      at[side] = loss_of(r, b, mode);
    }
    v[i] = was;
    WORKS(clf_write64(flows_dev, t, v));
    const double want = (at[1] - at[0]) / (2 * h);
    ck_assert_msg(fabs(want - g[i]) <= 2e-7 * (1 + fabs(want)),
                  "%s: d/d %s[%zu] is %.10g, by differences %.10g", text, name, i, g[i], want);
  }
  free(v);
  free(g);
}

START_TEST(test_gradients) {
  if (!flows_exact) return; /* other devices are compared with double elsewhere */
  for (int mode = CLF_KEEP; mode <= CLF_TRAIN; mode++) {
    rig r;
    batch b;
    make(&r, &nets[_i], 3);
    randomise(&r, 4);
    random_batch(&r, &b, 6, 5);
    plan(&r, 6, CLF_STORED);
    forward(&r, &b, (clf__mode)mode);
    backward(&r, &b, (clf__mode)mode);
    expect_slopes(&r, &b, (clf__mode)mode, nets[_i].text, "x", b.x, b.dx);
    if (b.c.buf) expect_slopes(&r, &b, (clf__mode)mode, nets[_i].text, "c", b.c, b.dc);
    for (int i = 0; i < r.slots.count; i++) {
      const clf__slot_entry *e = &r.slots.list[i];
      if (e->slot->group > CLF_DECAYED || strstr(e->name, "weight")) continue;
      expect_slopes(&r, &b, (clf__mode)mode, nets[_i].text, e->name, tensor_of(&r.w, e),
                    tensor_of(&r.g, e));
    }
    for (int i = 0; i < r.slots.count; i++) {
      const clf__slot_entry *e = &r.slots.list[i];
      if (e->slot->group > CLF_DECAYED || clf__net_is_masked(r.net.node) ||
          !strstr(e->name, "weight"))
        continue;
      expect_slopes(&r, &b, (clf__mode)mode, nets[_i].text, e->name, tensor_of(&r.w, e),
                    tensor_of(&r.g, e));
    }
    clf_arena_free(&b.arena);
    drop(&r);
  }
}
END_TEST

/* Passes that do not compute some gradients leave the others unchanged. */
START_TEST(test_unwanted) {
  rig r;
  batch b;
  make(&r, &nets[_i], 3);
  randomise(&r, 4);
  random_batch(&r, &b, 6, 5);
  plan(&r, 6, CLF_STORED);
  forward(&r, &b, CLF_KEEP);
  backward(&r, &b, CLF_KEEP);
  double *dx = elements(b.dx), *g = elements(r.g.w), *again;
  clf__pass p = pass_of(&r, &b, CLF_KEEP);
  p.gradients = (clf__vectors){0};
  p.dc = (clf_tensor){0};
  WORKS(r.net.ops->backward(&r.net, &p, r.memory, b.x, b.du, b.dx));
  again = elements(b.dx);
  ck_assert_mem_eq(dx, again, clf__count(&b.dx) * sizeof *dx);
  free(again);
  again = elements(r.g.w);
  ck_assert_mem_eq(g, again, clf__count(&r.g.w) * sizeof *g);
  free(again);
  p = pass_of(&r, &b, CLF_KEEP);
  WORKS(clf_do(flows_dev, fill, .y = r.g.w, .value = 0));
  WORKS(r.net.ops->backward(&r.net, &p, r.memory, b.x, b.du, (clf_tensor){0}));
  if (r.net.ops->finish) WORKS(r.net.ops->finish(&r.net, &p));
  again = elements(r.g.w);
  ck_assert_mem_eq(g, again, clf__count(&r.g.w) * sizeof *g);
  free(again);
  free(dx);
  free(g);
  clf_arena_free(&b.arena);
  drop(&r);
}
END_TEST

void tests_of_gradients(TCase *tc) {
  tcase_add_loop_test(tc, test_gradients, 0, NETS);
  tcase_add_loop_test(tc, test_unwanted, 0, NETS);
}
