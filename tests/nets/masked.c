/* SPDX-License-Identifier: MIT */
/* masked.c: masked nets: which output depends on which input, and the inverse of an autoregressive
 * layer. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "nets/rig.h"

/* Parameters of a dimension depend on the dimensions of the groups before it, and on no others. */
START_TEST(test_triangular) {
  const setting *s = &nets[_i];
  rig r;
  batch b;
  if (!is_masked(s)) return;
  make(&r, s, 6);
  randomise(&r, 7);
  random_batch(&r, &b, 3, 8);
  plan(&r, 3, CLF_VALUES);
  forward(&r, &b, CLF_EVAL);
  double *x = elements(b.x), *u = elements(b.u);
  const int each = s->passes ? (s->in - 1) / s->passes + 1 : 1, out = s->numbers * s->in;
  for (int j = 0; j < s->in; j++) {
    x[j] += 0.5;
    WORKS(clf_write64(flows_dev, b.x, x));
    forward(&r, &b, CLF_EVAL);
    x[j] -= 0.5;
    double *moved = elements(b.u);
    for (int i = 0; i < s->in; i++) {
      const int sees = r.order[i] / each > r.order[j] / each;
      const int same =
          !memcmp(moved + i * s->numbers, u + i * s->numbers, (size_t)s->numbers * sizeof *u);
      ck_assert_msg(same != sees, "%s: dimension %d %s dimension %d", s->text, i,
                    same ? "does not see" : "sees", j);
    }
    ck_assert_mem_eq(moved + out, u + out, (size_t)(2 * out) * sizeof *u);
    free(moved);
  }
  free(x);
  free(u);
  clf_arena_free(&b.arena);
  drop(&r);
}
END_TEST

/* ---- The inverse of an autoregressive layer -------------------------------------------------- */

/* x and logdet as usual: the whole net is evaluated once for each dimension. */
static void by_dimensions(rig *r, batch *b, clf_tensor y, clf_tensor at, clf_tensor x,
                          clf_tensor logdet) {
  const clf__pass p = pass_of(r, b, CLF_EVAL);
  WORKS(clf_do(flows_dev, fill, .y = b->x, .value = 0));
  for (int32_t i = 0; i < r->net.in; i++) {
    WORKS(r->net.ops->forward(&r->net, &p, r->memory, b->x, b->u));
    WORKS(clf_do(flows_dev, fill, .y = logdet, .value = 0));
    WORKS(r->map.ops->inverse(&r->map, &p, y, at, b->u, x, logdet));
    WORKS(clf_do(flows_dev, copy, .x = x, .y = b->x));
  }
}

typedef struct solution {
  clf_arena arena;
  clf_tensor y, at, x, logdet;
} solution;

static void lay_out_solution(solution *s, int32_t n, int32_t D) {
  WORKS(clf_new(&s->arena, (int32_t[4]){n, D}, &s->y));
  WORKS(clf_new(&s->arena, (int32_t[4]){n, D}, &s->x));
  WORKS(clf_new(&s->arena, (int32_t[4]){n}, &s->logdet));
  WORKS(clf_new(&s->arena, (int32_t[4]){D}, &s->at));
}

static const setting swept[] = {NET("made(19x2, tanh, residual=0)", 5, 0, 0),
                                NET("made(7x3, silu, residual=0, dropout=0.2)", 5, 2, 0),
                                NET("made(9x2, tanh, residual=0, context=nsf)", 5, 2, 0),
                                ORDERED("made(19x2, elu)", 5, 2, 0, 0, 2, 0, 3, 1, 4),
                                ORDERED("made(19x1, relu, context=nsf)", 5, 2, 0, 0, 4, 3, 2, 1, 0),
                                ORDERED("made(3x2)", 5, 0, 0, 3, 2, 0, 3, 1, 4),
                                NET("made(8x0, tanh, residual=0)", 3, 2, 0),
                                NET("made(8x2)", 1, 2, 0),
                                NET("masked(21x2, relu)", 5, 0, 0),
                                ORDERED("masked(21x2, elu)", 5, 3, 0, 0, 1, 3, 0, 2, 4),
                                ORDERED("masked(6x3, silu, residual=1)", 5, 2, 0, 2, 1, 3, 0, 2, 4),
                                NET("masked(2x1)", 5, 0, 0)};
static const char *const maps[] = {"rq(bins=5)",
                                   "rq(bins=3, tail=none)",
                                   "rq(bins=4, tail=circular)",
                                   "rq(bins=4, tail=4, like=zuko)",
                                   "affine(scale=softplus)",
                                   "affine(scale=zuko)",
                                   "affine(scale=tanh, clamp=1.5, first=1)",
                                   "affine(scale=realnvp)",
                                   "affine(scale=realnvp, layout=blocks, first=1)",
                                   "add"};
enum { SWEPT = sizeof swept / sizeof *swept, MAPS = sizeof maps / sizeof *maps };

/* sweep(), which computes each unit once, gives the same x and logdet. */
START_TEST(test_sweep) {
  const setting *s = &swept[_i / MAPS];
  const char *map = maps[_i % MAPS];
  rig r;
  batch b;
  solution t = {.arena = {.dev = flows_dev}};
  make_with_map(&r, s, map, 20);
  random_batch(&r, &b, 37, 21);
  plan(&r, 40, CLF_VALUES);
  lay_out_solution(&t, 37, s->in);
  WORKS(clf_arena_init(&t.arena, flows_dev, t.arena.used));
  lay_out_solution(&t, 37, s->in);
  put_random(t.y, 22);
  double columns[8];
  for (int i = 0; i < s->in; i++) columns[i] = i;
  WORKS(clf_write64(flows_dev, t.at, columns));
  by_dimensions(&r, &b, t.y, t.at, t.x, t.logdet);
  double *x = elements(t.x), *logdet = elements(t.logdet), *got;
  const clf__pass p = pass_of(&r, &b, CLF_EVAL);
  WORKS(clf_do(flows_dev, fill, .y = t.x, .value = 0));
  WORKS(clf_do(flows_dev, fill, .y = t.logdet, .value = 0.5f));
  WORKS(r.net.ops->sweep(&r.net, &p, r.memory, &r.map, t.y, t.x, t.logdet));
  got = elements(t.x);
  flows_expect(flows_error(got, x, clf__count(&t.x)), flows_exact ? 1e-11 : 2e-5, "%s, %s: x",
               s->text, map);
  free(got);
  got = elements(t.logdet);
  for (int i = 0; i < 37; i++) got[i] -= 0.5;
  if (isfinite(logdet[0]))
    flows_expect(flows_error(got, logdet, 37), flows_exact ? 1e-11 : 2e-5, "%s, %s: logdet",
                 s->text, map);
  free(got);
  free(x);
  free(logdet);
  clf_arena_free(&t.arena);
  clf_arena_free(&b.arena);
  drop(&r);
}
END_TEST

void tests_of_masked(TCase *tc) {
  tcase_add_loop_test(tc, test_triangular, 0, NETS);
  tcase_add_loop_test(tc, test_sweep, 0, SWEPT * MAPS);
}
