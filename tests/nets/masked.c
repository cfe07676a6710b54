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

/* ---- Units in the order of their degrees ---------------------------------------------------- */

static const setting wide[] = {NET("made(131x2, tanh, residual=0)", 5, 0, 2),
                               NET("made(67x2, elu)", 4, 2, 3),
                               NET("made(90x2, silu, context=nsf, bn=1)", 5, 2, 2),
                               NET("made(75x2, relu, residual=0, random=1)", 5, 0, 2),
                               ORDERED("made(50x1)", 5, 2, 2, 3, 2, 0, 3, 1, 4),
                               NET("masked(90x2, relu)", 5, 3, 2),
                               NET("masked(33x2, elu, residual=1)", 5, 0, 3),
                               NET("masked(2x2)", 5, 0, 2)};
enum { WIDE = sizeof wide / sizeof *wide };

/* The elements of a dense tensor as they are stored. */
static double *stored(clf_tensor t) {
  const size_t n = clf__count(&t);
  double *v = flows_array(n);
  float *narrow = calloc(n, sizeof *narrow);
  void *to = flows_dev->bits == 64 ? (void *)v : narrow;
  ck_assert_ptr_nonnull(narrow);
  WORKS(flows_dev->backend->read(flows_dev, t.buf, (size_t)t.offset, to, n));
  for (size_t i = 0; i < n && flows_dev->bits == 32; i++) v[i] = (double)narrow[i];
  free(narrow);
  return v;
}

/* The masks between hidden layers are stored as stairs: what a unit sees comes first, and each unit
 * sees at least what the one before it does. */
static void expect_stairs(const rig *r, const char *text) {
  const clf__chain *c = clf__chain_of(&r->net);
  for (int l = 1; l + 1 < c->count && c->period; l++) {
    const clf_tensor mask = clf__slot_tensor(&r->w, &c->layer[l].mask);
    const int rows = mask.dim[0], columns = mask.dim[1];
    double *v = stored(mask);
    for (int i = 0; i < rows; i++)
      for (int j = 0; j < columns; j++) {
        const double here = v[i * columns + j];
        ck_assert_msg(!j || here <= v[i * columns + j - 1], "%s: row %d has a gap", text, i);
        ck_assert_msg(!i || here >= v[(i - 1) * columns + j], "%s: row %d sees less", text, i);
      }
    free(v);
  }
}

/* Callers see units in their own order, in views too, whatever order they are stored in. */
START_TEST(test_order) {
  rig r;
  make(&r, &wide[_i], 6);
  randomise(&r, 7);
  expect_stairs(&r, wide[_i].text);
  for (int i = 0; i < r.slots.count; i++) {
    const clf__slot_entry *e = &r.slots.list[i];
    const clf_tensor all = tensor_of(&r.w, e);
    const double *host = (e->slot->group == CLF_CONSTANT ? r.host_c : r.host_w) + e->slot->at;
    const int32_t row = all.dim[0] / 2, column = all.dim[1] - 1;
    double *v = elements(all), *of_row = elements(clf_slice(all, 0, row, row + 1)), one = 7;
    for (size_t k = 0; k < clf__count(&all); k++)
      ck_assert_msg(v[k] == (flows_exact ? host[k] : (double)(float)host[k]),
                    "%s: element %zu of %s is %g, not %g", wide[_i].text, k, e->name, v[k],
                    host[k]);
    ck_assert_mem_eq(of_row, v + row * all.dim[1], (size_t)all.dim[1] * sizeof *v);
    WORKS(clf_write64(flows_dev, clf_slice(clf_slice(all, 0, row, row + 1), 1, column, column + 1),
                      &one));
    v[row * all.dim[1] + column] = one;
    double *again = elements(all);
    ck_assert_mem_eq(again, v, clf__count(&all) * sizeof *v);
    free(again);
    free(of_row);
    free(v);
  }
  drop(&r);
}
END_TEST

/* Gradients by degrees are what the masks leave of all gradients. */
START_TEST(test_by_degrees) {
  rig r;
  batch b;
  make(&r, &wide[_i], 6);
  randomise(&r, 7);
  random_batch(&r, &b, 45, 8);
  plan(&r, 45, CLF_STORED);
  forward(&r, &b, CLF_KEEP);
  ck_assert_int_eq(clf__chain_of(&r.net)->follows, 1);
  backward(&r, &b, CLF_KEEP);
  double *got = elements(r.g.w);
  clf__chain_of(&r.net)->follows = 0;
  backward(&r, &b, CLF_KEEP);
  double *want = elements(r.g.w);
  const size_t n = clf__count(&r.g.w);
  flows_expect(flows_error_of_largest(got, want, n), flows_exact ? 1e-13 : 1e-5, "%s",
               wide[_i].text);
  for (size_t k = 0; k < n; k++)
    ck_assert_msg((got[k] == 0) == (want[k] == 0), "%s: gradient %zu is %g, not %g", wide[_i].text,
                  k, got[k], want[k]);
  free(got);
  free(want);
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
  tcase_add_loop_test(tc, test_order, 0, WIDE);
  tcase_add_loop_test(tc, test_by_degrees, 0, WIDE);
  tcase_add_loop_test(tc, test_sweep, 0, SWEPT * MAPS);
}
