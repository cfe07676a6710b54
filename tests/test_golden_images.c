/* SPDX-License-Identifier: MIT */
/* test_golden_images.c: comparison with a PyTorch model of the convolutional Real NVP, which
 * computed the files in double from the same weights and the same pixels, on one device:
 *   test_golden_images DEVICE
 * tests/golden/README.md describes the files. */
#define _POSIX_C_SOURCE 200809L
#include "chunk.h"
#include "golden.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "trainer.h"

/* What a state_dict does not contain. */
typedef struct golden {
  const char *name;
  int32_t height, width;
  clf_realnvp_variant variant;
} golden;

static const golden sets[] = {
    {"realnvp_full", 8, 8, {0}},
    {"realnvp_grey", 8, 8, {0}},
    {"realnvp_rect", 4, 12, {.scale_first = 1, .odd_first = 1, .paper_logit = 1, .bn_rho = 0.5}},
    {"realnvp_nonorm", 8, 8, {0}}}; /* this follows from its tensors */
enum { SETS = sizeof sets / sizeof *sets };
static const golden training = {"realnvp_train", 8, 8, {0}};

/* ---- Files ------------------------------------------------------------------------------ */

static clf_flow *load(const golden *g, const char *suffix) {
  const clf_flow_spec hint = {.height = g->height, .width = g->width, .variant = g->variant};
  clf_flow *f;
  WORKS(clf_flow_load(flows_dev, golden_path(g->name, suffix), &hint, &f));
  return f;
}

/* alpha = 0.05, eps and batch norm's momentum are floats in the operations. */
static double tolerance(double in_float, double in_double) {
  return flows_exact ? in_double : in_float;
}

static void expect_array(const golden *g, const char *part, const double *got, double in_float) {
  clf_table want = golden_array(g->name, part);
  flows_expect(flows_error(got, want.at, (size_t)(want.rows * want.cols)),
               tolerance(in_float, 2e-7), "%s: %s", g->name, part);
  clf_table_free(&want);
}

/* ---- Evaluation ------------------------------------------------------------------------- */

/* A pixel has width 1, so the error of the inverse is in pixels. */
static void expect_pixels(const golden *g, const double *got, const clf_table *x) {
  double worst = 0;
  for (int64_t i = 0; i < x->rows * x->cols; i++) worst = fmax(worst, fabs(got[i] - x->at[i]));
  flows_expect(worst, tolerance(1e-3, 1e-5), "%s: pixels of the inverse", g->name);
}

START_TEST(test_values) {
  const golden *g = &sets[_i];
  clf_flow *f = load(g, ".safetensors");
  clf_table x = golden_array(g->name, ".x.npy"), z = golden_array(g->name, ".z.npy");
  double *out = flows_array((size_t)(x.rows * x.cols)), *column = flows_array((size_t)x.rows);
  WORKS(clf_log_prob(f, x.at, x.rows, column));
  expect_array(g, ".logp.npy", column, 2e-6);
  WORKS(clf_transform(f, x.at, x.rows, out, column));
  expect_array(g, ".z.npy", out, 2e-5);
  expect_array(g, ".logdet.npy", column, 2e-6);
  WORKS(clf_invert(f, z.at, z.rows, out, column));
  expect_pixels(g, out, &x);
  for (int64_t i = 0; i < x.rows; i++) column[i] = -column[i];
  expect_array(g, ".logdet.npy", column, 2e-6);
  free(column);
  free(out);
  clf_table_free(&z);
  clf_table_free(&x);
  clf_flow_free(f);
}
END_TEST

/* ---- Training mode ------------------------------------------------------------------------ */

/* Biases before a batch norm have no gradient except rounding. */
static void expect_gradient(const golden *s, const clf_flow *f, const clf_param *p, const double *g,
                            const clf__st *st) {
  size_t count;
  double *want = golden_tensor(st, p->name, &count), largest = 0;
  const double *got = g + (p->at.offset - f->w.offset);
  ck_assert_uint_eq(count, clf__count(&p->at));
  for (size_t i = 0; i < count; i++) largest = fmax(largest, fabs(want[i]));
  if (largest < 1e-9)
    for (size_t i = 0; i < count; i++)
      flows_expect(fabs(got[i] - want[i]), tolerance(2e-5, 1e-9),
                   "%s: the gradient by %s, which is 0", s->name, p->name);
  else
    flows_expect(flows_error_of_largest(got, want, count), tolerance(2e-4, 1e-6),
                 "%s: the gradient by %s", s->name, p->name);
  free(want);
}

static void expect_statistics(const golden *s, const clf_flow *f) {
  clf__st *st;
  if (s == &sets[SETS - 1]) return; /* it has none */
  WORKS(clf__st_open(golden_path(s->name, ".stats.safetensors"), &st));
  int found = 0;
  for (int i = 0; i < clf_flow_param_count(f); i++) {
    const clf_param p = clf_flow_param(f, i);
    if (p.trainable) continue;
    size_t count;
    double *want = golden_tensor(st, p.name, &count), *got = flows_array(count);
    WORKS(clf_read64(flows_dev, p.at, got));
    flows_expect(flows_error(got, want, count), tolerance(1e-5, 1e-7), "%s: %s after a step",
                 s->name, p.name);
    free(got);
    free(want);
    found++;
  }
  ck_assert_int_eq(found, clf__st_count(st));
  clf__st_close(st);
}

static void expect_training_values(const golden *s, const clf_flow *f, int64_t n) {
  const int32_t D = f->spec.dim;
  double *z = flows_array((size_t)(n * D));
  WORKS(clf_read64(flows_dev, clf__latents(f, (int32_t)n), z));
  expect_array(s, ".train_z.npy", z, 2e-5);
  free(z);
}

START_TEST(test_gradients) {
  const golden *s = &sets[_i];
  clf_flow *f = load(s, ".safetensors");
  clf_table x = golden_array(s->name, ".x.npy"), z = golden_array(s->name, ".train_z.npy");
  clf_table logdet = golden_array(s->name, ".train_logdet.npy");
  double loss, want = 0, *g = flows_array(clf__count(&f->w));
  double *dx = flows_array((size_t)(x.rows * x.cols));
  clf__st *st;
  WORKS(clf__st_open(golden_path(s->name, ".grad.safetensors"), &st));

  flows_gradient(f, x.at, (int32_t)x.rows, &loss, g, dx);
  expect_training_values(s, f, x.rows);
  for (int64_t i = 0; i < x.rows * x.cols; i++)
    want += z.at[i] * z.at[i] / 2 + 0.918938533204672742;
  for (int64_t i = 0; i < x.rows; i++) want -= logdet.at[i];
  want /= (double)x.rows;
  flows_expect(fabs(loss - want) / fabs(want), tolerance(2e-6, 1e-7), "%s: the loss", s->name);
  int trainable = 0;
  for (int i = 0; i < clf_flow_param_count(f); i++) {
    const clf_param p = clf_flow_param(f, i);
    if (!p.trainable) continue;
    expect_gradient(s, f, &p, g, st);
    trainable++;
  }
  ck_assert_int_eq(trainable + 1, clf__st_count(st));
  size_t count;
  double *want_x = golden_tensor(st, "x", &count);
  flows_expect(flows_error_of_largest(dx, want_x, count), tolerance(2e-4, 1e-6),
               "%s: the gradient by x", s->name);
  expect_statistics(s, f);

  free(want_x);
  clf__st_close(st);
  free(dx);
  free(g);
  clf_table_free(&logdet);
  clf_table_free(&z);
  clf_table_free(&x);
  clf_flow_free(f);
}
END_TEST

/* ---- Training ----------------------------------------------------------------------------- */

typedef struct diary {
  double losses[12], norms[12];
  int64_t count;
} diary;

static int write_down(const clf_progress *p, void *context) {
  diary *d = context;
  for (int64_t i = 0; i < p->count; i++) d->losses[d->count++] = (double)p->losses[i];
  return 0;
}

/* Weights with a gradient; the others follow rounding errors. */
static void expect_end(const clf_flow *f, const clf__st *st) {
  for (int i = 0; i < clf_flow_param_count(f); i++) {
    const clf_param p = clf_flow_param(f, i);
    const size_t end = strlen(p.name);
    if (!p.trainable ||
        (end > 5 && strcmp(p.name + end - 5, ".bias") == 0 && !strstr(p.name, "net.out")))
      continue;
    size_t count;
    double *want = golden_tensor(st, p.name, &count), *got = flows_array(count);
    WORKS(clf_read64(flows_dev, p.at, got));
    flows_expect(flows_error(got, want, count), tolerance(2e-5, 1e-7), "after training: %s",
                 p.name);
    free(got);
    free(want);
  }
}

START_TEST(test_training) {
  clf_flow *f = load(&training, ".start.safetensors");
  clf_table x = golden_array(training.name, ".x.npy");
  clf_table losses = golden_array(training.name, ".losses.npy");
  clf_table norms = golden_array(training.name, ".norms.npy");
  clf_train_options o = clf_train_options_images();
  o.epochs = 3;
  o.batch = 16;
  o.shuffle = 0;
  o.clip = 40;
  clf_trainer *t;
  WORKS(clf_trainer_create(f, &x, &o, &t));
  diary d = {.count = 0};
  WORKS(clf_trainer_run(t, write_down, &d));
  ck_assert_int_eq(d.count, 12);
  float ring[CLF_RING_ALL];
  WORKS(clf_read(flows_dev, t->ring, ring));
  for (int i = 0; i < 12; i++) d.norms[i] = sqrt((double)ring[CLF_RING_NORMS + i]);
  flows_expect(flows_error(d.losses, losses.at, 12), tolerance(1e-6, 1e-6), "losses of 12 steps");
  flows_expect(flows_error(d.norms, norms.at, 12), tolerance(5e-5, 1e-6), "norms of 12 steps");
  clf__st *st;
  WORKS(clf__st_open(golden_path(training.name, ".end.safetensors"), &st));
  expect_end(f, st);
  clf__st_close(st);
  clf_trainer_free(t);
  clf_table_free(&norms);
  clf_table_free(&losses);
  clf_table_free(&x);
  clf_flow_free(f);
}
END_TEST

/* ---- Files -------------------------------------------------------------------------------- */

START_TEST(test_hints) {
  clf_flow *f = NULL;
  char want[768];
  snprintf(want, sizeof want,
           "%s: it is the state_dict of an image flow, which does not contain the images' size: "
           "give data, or height and width",
           golden_path("realnvp_grey", ".safetensors"));
  REFUSED(clf_flow_load(flows_dev, golden_path("realnvp_grey", ".safetensors"), NULL, &f),
          CLF_EFORMAT, want);
  f = load(&sets[0], ".safetensors");
  const clf_flow_spec *s = clf_flow_get_spec(f);
  ck_assert_int_eq(s->kind, CLF_REALNVP);
  ck_assert_int_eq(s->dim, 192);
  ck_assert_int_eq(s->channels, 3);
  ck_assert_int_eq(s->scales, 3);
  ck_assert_int_eq(s->hidden, 2);
  ck_assert_int_eq(s->blocks, 2);
  ck_assert_int_eq(s->levels, 256);
  ck_assert_int_eq(clf_flow_weight_count(f), 40851);
  clf_flow_free(f);
}
END_TEST

static void add(TCase *tc) {
  tcase_add_loop_test(tc, test_values, 0, SETS);
  tcase_add_loop_test(tc, test_gradients, 0, SETS);
  tcase_add_test(tc, test_training);
  tcase_add_test(tc, test_hints);
}

int main(int argc, char **argv) { return flows_main(argc, argv, add); }
