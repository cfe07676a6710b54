/* SPDX-License-Identifier: MIT */
/* derived.c: what a flow derives from its weights follows every write to them. */
#include <stdlib.h>
#include <string.h>
#include "lists.h"

enum { DIM = 3, COUNT = 2 };

static const char text[] = "3|1: lu, coupling(affine, resnet(20x1)), ~dense, householder -> normal";
static const double x[COUNT * DIM] = {0.3, -1.2, 0.7, 1.1, 0.2, -0.4}, given[COUNT] = {0.5, -1};

typedef struct results {
  double logp[COUNT], sample[COUNT * DIM], both[COUNT];
} results;

/* Rows alone, more often than once, since later passes use what earlier ones left; and together. */
static results results_of(clf_flow *f) {
  results r = {.logp = {0}};
  for (int i = 0; i < 3 * COUNT; i++) {
    const int row = i % COUNT;
    WORKS(clf_log_prob_given(f, x + row * DIM, given + row, 1, r.logp + row));
    WORKS(clf_invert_given(f, x + row * DIM, given + row, 1, r.sample + row * DIM, NULL));
  }
  WORKS(clf_log_prob_given(f, x, given, COUNT, r.both));
  return r;
}

/* ---- Ways to write weights --------------------------------------------------------------------
 */

static void by_write(clf_flow *f, const float *w) { WORKS(clf_write(f->dev, f->w, w)); }
static void by_upload(clf_flow *f, const float *w) { WORKS(clf_upload(f->dev, f->w, w)); }
static void by_write64(clf_flow *f, const float *w) {
  double *v = flows_array(clf__count(&f->w));
  for (size_t i = 0; i < clf__count(&f->w); i++) v[i] = (double)w[i];
  WORKS(clf_write64(f->dev, f->w, v));
  free(v);
}
static void by_parameter(clf_flow *f, const float *w) {
  for (int i = 0; i < clf_flow_param_count(f); i++) {
    const clf_param p = clf_flow_param(f, i);
    const int64_t from = (int64_t)(p.at.offset - f->w.offset);
    if (from >= 0 && from < (int64_t)clf__count(&f->w)) /* no constant, which has its own vector */
      WORKS(clf_write(f->dev, p.at, w + from));
  }
}
static void by_operation(clf_flow *f, const float *w) {
  clf_arena a;
  clf_tensor v;
  WORKS(clf_arena_init(&a, f->dev, clf__count(&f->w) + 16));
  WORKS(clf_new(&a, f->w.dim, &v));
  WORKS(clf_write(f->dev, v, w));
  WORKS(clf_do(f->dev, copy, .x = v, .y = f->w));
  clf_arena_free(&a);
}
/* In the device's own type, as training does. */
static void by_elements(clf_flow *f, const float *w) {
  double *v = flows_array(clf__count(&f->w));
  by_write(f, w);
  WORKS(clf_read64(f->dev, f->w, v));
  const results before = results_of(f);
  WORKS(clf_do(f->dev, fill, .y = clf_slice(f->w, 0, 0, 1), .value = 2));
  const results between = results_of(f);
  ck_assert_mem_ne(&before, &between, sizeof before);
  for (size_t i = 0; i < clf__count(&f->w) && f->dev->bits == 32; i++) ((float *)v)[i] = w[i];
  WORKS(clf__write_elements(f->dev, f->w.buf, (size_t)f->w.offset, v, clf__count(&f->w)));
  free(v);
}
static void by_loss(clf_flow *f, const float *w) {
  clf__set_lost(&f->arena, 1);
  clf__set_lost(&f->arena, 0);
  ck_assert(!clf__flow_is_prepared(f));
  by_write(f, w);
}

static void (*const ways[])(clf_flow *f, const float *w) = {
    by_write, by_upload, by_write64, by_parameter, by_operation, by_elements, by_loss};
enum { WAYS = sizeof ways / sizeof *ways };

START_TEST(written) {
  clf_flow *f = flows_of(flows_dev, text, 1), *g = flows_of(flows_dev, text, 2);
  float *w = malloc(clf__count(&f->w) * sizeof *w);
  ck_assert_ptr_nonnull(w);
  const results before = results_of(f);
  WORKS(clf_read(flows_dev, g->w, w));
  WORKS(clf_write(flows_dev, g->w, w)); /* rounded to float */
  ways[_i](f, w);
  const results is = results_of(f), wanted = results_of(g);
  ck_assert_mem_eq(&is, &wanted, sizeof is);
  ck_assert_mem_ne(&is, &before, sizeof is);
  free(w);
  clf_flow_free(f);
  clf_flow_free(g);
}
END_TEST

/* Derived arrays are not computed again for the same weights. */
START_TEST(kept) {
  clf_flow *f = flows_of(flows_dev, text, 1);
  const double other = 100;
  ck_assert(!clf__flow_is_prepared(f));
  const results first = results_of(f);
  ck_assert(clf__flow_is_prepared(f));
  const results second = results_of(f);
  ck_assert_mem_eq(&first, &second, sizeof first);
  WORKS(clf_write64(flows_dev, clf_slice(f->w, 0, 0, 1), &other));
  ck_assert(!clf__flow_is_prepared(f));
  clf_flow_free(f);
}
END_TEST

void tests_of_derived(TCase *tc) {
  tcase_add_loop_test(tc, written, 0, WAYS);
  tcase_add_test(tc, kept);
}
