/* SPDX-License-Identifier: MIT */
/* test_compose.c: properties that hold for every flow, with random architectures from arch.def:
 *   test_compose DEVICE
 * Draws CLF_COMPOSE_COUNT flows (default 32), starting with number CLF_COMPOSE_FIRST (default
 * 0).  Each is computed in double and on the device: inverses, log-determinants against Jacobians
 * by differences, gradients against differences, files, interrupted trainings, and the device
 * against double. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "clflow/clflow.h"
#include "coverage.h"
#include "draw.h"
#include "flows.h"

enum { ROWS = 6, TRAINED = 24, DIMS = DRAW_DIMS };

static clf_device *exact_dev;

/* One architecture; its flow in double and on the device, with the same weights and rows. */
typedef struct subject {
  uint64_t number;
  draw_flow drawn;
  draw_random random;
  clf_arch *arch;
  clf_flow *exact, *flow;
  double *x, *c; /* ROWS; c NULL without a context */
  int has_latents, has_gradient;
  flows_values want, got;
} subject;

/* Blends have no latents; some layers have no gradient through their inverse. */
static flows_values values_of(const subject *s, const clf_flow *f) {
  const size_t dim = (size_t)f->spec.dim;
  return (flows_values){.z = s->has_latents ? flows_array(ROWS * dim) : NULL,
                        .logdet = s->has_latents ? flows_array(ROWS) : NULL,
                        .logp = flows_array(ROWS),
                        .dx = s->has_gradient ? flows_array(ROWS * dim) : NULL,
                        .dc = s->has_gradient && f->context ? flows_array(ROWS * (size_t)f->context)
                                                            : NULL};
}

static void release(flows_values v) {
  free(v.z);
  free(v.logdet);
  free(v.logp);
  free(v.dx);
  free(v.dc);
}

static void within(const subject *s, const char *what, double error, double bound) {
  if (getenv("CLF_VERBOSE"))
    printf("%llu: %s: %.2g of %.2g\n", (unsigned long long)s->number, what, error, bound);
  ck_assert_msg(error <= bound, "flow %llu: %s: the error is %.3g, above %g:\n%s",
                (unsigned long long)s->number, what, error, bound, clf_arch_text(s->arch));
}

/* ---- Weights -------------------------------------------------------------------------------- */

/* The mask of a weight, whose masked entries stay 0; NULL where it has none. */
static double *mask_of(const clf_flow *f, const clf_param *p) {
  const char *end = strrchr(p->name, '.');
  char name[sizeof p->name];
  if (!end || strcmp(end, ".weight")) return NULL;
  snprintf(name, sizeof name, "%.*s.mask", (int)(end - p->name), p->name);
  for (int i = 0; i < clf_flow_param_count(f); i++) {
    const clf_param mask = clf_flow_param(f, i);
    if (strcmp(mask.name, name)) continue;
    double *v = flows_array(clf__count(&mask.at));
    WORKS(clf_read64(f->dev, mask.at, v));
    return v;
  }
  return NULL;
}

/* A random direction of one parameter, 0 where it is masked. */
static double *direction(subject *s, const clf_param *p, double size) {
  const size_t n = clf__count(&p->at);
  double *v = flows_array(n), *mask = mask_of(s->exact, p);
  for (size_t i = 0; i < n; i++) v[i] = size * draw_normal(&s->random) * (mask ? mask[i] : 1);
  free(mask);
  return v;
}

/* Moves weights away from the initial ones, to numbers that a float holds, the same on both
 * devices.
 */
static void set_weights(subject *s) {
  for (int i = 0; i < clf_flow_param_count(s->exact); i++) {
    const clf_param p = clf_flow_param(s->exact, i), q = clf_flow_param(s->flow, i);
    const size_t n = clf__count(&p.at);
    const double fan_in = p.at.dim[p.rank > 0 ? p.rank - 1 : 0];
    double *v = flows_array(n),
           *step = direction(s, &p, p.trainable ? fmin(0.25, 0.6 / sqrt(fan_in)) : 0);
    ck_assert_str_eq(p.name, q.name);
    WORKS(clf_read64(s->exact->dev, p.at, v));
    for (size_t k = 0; k < n && p.trainable; k++) v[k] = (double)(float)(v[k] + step[k]);
    WORKS(clf_write64(s->exact->dev, p.at, v));
    WORKS(clf_write64(s->flow->dev, q.at, v));
    free(step);
    free(v);
  }
  WORKS(clf__flow_derive_again(s->exact));
  WORKS(clf__flow_derive_again(s->flow));
}

/* ---- Making ---------------------------------------------------------------------------------- */

static int has_gradient(const subject *s) {
  double dx[ROWS * DIMS];
  const clf_status status = clf_log_prob_gradient(s->exact, s->x, s->c, ROWS, NULL, dx, NULL);
  if (status == CLF_ENOTSUP && strstr(clf_errmsg(), "there is no gradient through the inverse"))
    return 0;
  WORKS(status);
  return 1;
}

static void make_rows(subject *s) {
  s->x = flows_array(ROWS * (size_t)s->drawn.dim);
  s->c = s->drawn.context ? flows_array(ROWS * (size_t)s->drawn.context) : NULL;
  draw_rows(&s->random, &s->drawn, ROWS, s->x);
  if (s->c) draw_contexts(&s->random, &s->drawn, ROWS, s->c);
}

/* Of s->drawn.  0: the architecture is refused, in a sentence. */
static int make(subject *s, uint64_t number) {
  s->number = number;
  s->random = (draw_random){number * 2 + 12345};
  if (getenv("CLF_VERBOSE")) printf("%llu: %s\n", (unsigned long long)number, s->drawn.text);
  clf_status status = clf_arch_parse(s->drawn.text, &s->arch);
  if (!status) status = clf_flow_create_arch(exact_dev, s->arch, number, &s->exact);
  if (status) {
    ck_assert_msg(status == CLF_EINVAL, "flow %llu: %s\n%s", (unsigned long long)number,
                  clf_errmsg(), s->drawn.text);
    if (getenv("CLF_VERBOSE"))
      printf("%llu: refused: %s\n", (unsigned long long)number, clf_errmsg());
    clf_arch_free(s->arch);
    return 0;
  }
  WORKS(clf_flow_create_arch(flows_dev, s->arch, number, &s->flow));
  make_rows(s);
  set_weights(s);
  s->has_latents = s->arch->flow->base->type->id != CLF__ARCH_blend;
  s->has_gradient = has_gradient(s);
  s->want = values_of(s, s->exact);
  s->got = values_of(s, s->flow);
  return 1;
}

static void unmake(subject *s) {
  release(s->got);
  release(s->want);
  free(s->c);
  free(s->x);
  clf_flow_free(s->flow);
  clf_flow_free(s->exact);
  clf_arch_free(s->arch);
}

/* ---- Checks ---------------------------------------------------------------------------------- */

static void check_inverse(subject *s) {
  const size_t n = ROWS * (size_t)s->drawn.dim;
  double *back = flows_array(n), *logdet = flows_array(ROWS);
  flows_invert(s->exact, s->want.z, s->c, ROWS, back, logdet);
  within(s, "the inverse of f(x)", flows_error(back, s->x, n), 1e-7);
  for (int i = 0; i < ROWS; i++) logdet[i] = -logdet[i];
  within(s, "the inverse's log-determinant", flows_error(logdet, s->want.logdet, ROWS), 1e-6);
  free(logdet);
  free(back);
}

/* Steps of differences.  Where a relu switches within the longer ones, or slopes change fast, the
 * shorter ones decide. */
static const double moves[] = {1e-6, 3e-8, 1e-9};
enum { MOVES = sizeof moves / sizeof *moves };

/* z with column k of every row moved by h. */
static void moved(const subject *s, int k, double h, double *z) {
  const int D = s->drawn.dim;
  double *x = flows_array(ROWS * (size_t)D);
  memcpy(x, s->x, ROWS * (size_t)D * sizeof *x);
  for (int i = 0; i < ROWS; i++) x[i * D + k] += h;
  flows_evaluate(s->exact, x, s->c, ROWS, (flows_values){.z = z});
  free(x);
}

/* How far the log-determinant of a Jacobian moves where row j of the matrix is off by noise[j]. */
static double noise_of(const double *jacobian, const double *noise, int D) {
  double sum = 0, a[DIMS * DIMS];
  memcpy(a, jacobian, sizeof a);
  const double at = flows_log_det(a, D);
  for (int k = 0; k < D * D; k++) {
    memcpy(a, jacobian, sizeof a);
    a[k] += noise[k / D];
    sum += fabs(flows_log_det(a, D) - at);
  }
  return sum;
}

/* Errors of log-determinants against differences of step h, less what rounding of z allows. */
static void logdet_errors(const subject *s, double h, double error[ROWS]) {
  const int D = s->drawn.dim;
  double jacobian[ROWS][DIMS * DIMS], up[ROWS * DIMS], down[ROWS * DIMS];
  for (int k = 0; k < D; k++) {
    moved(s, k, h, up);
    moved(s, k, -h, down);
    for (int i = 0; i < ROWS; i++)
      for (int j = 0; j < D; j++)
        jacobian[i][j * D + k] = (up[i * D + j] - down[i * D + j]) / (2 * h);
  }
  for (int i = 0; i < ROWS; i++) {
    double noise[DIMS];
    for (int j = 0; j < D; j++) noise[j] = 4e-16 * fabs(up[i * D + j]) / h;
    const double allowed = noise_of(jacobian[i], noise, D), found = flows_log_det(jacobian[i], D);
    error[i] = fmax(fabs(s->want.logdet[i] - found) - allowed, 0) / fmax(1, fabs(found));
  }
}

static void check_logdet(const subject *s) {
  double error[MOVES][ROWS];
  for (int k = 0; k < MOVES; k++) logdet_errors(s, moves[k], error[k]);
  for (int i = 0; i < ROWS; i++) {
    double least = INFINITY;
    for (int k = 0; k < MOVES; k++) least = fmin(least, error[k][i]);
    within(s, "the log-determinant against differences", least, 1e-4);
  }
}

static double sum_logp(const subject *s, const double *x, const double *c) {
  double logp[ROWS], sum = 0;
  flows_evaluate(s->exact, x, c, ROWS, (flows_values){.logp = logp});
  for (int i = 0; i < ROWS; i++) sum += logp[i];
  return sum;
}

/* The slope by the gradient, and by differences with each step, of sums of terms of that size.  The
 * rounding of log p itself is magnified by differences, and allowed for. */
static void check_slope(const subject *s, const char *what, double by_gradient,
                        const double *by_difference, double size) {
  const double level = fabs(sum_logp(s, s->x, s->c));
  double error = INFINITY;
  for (int i = 0; i < MOVES; i++) {
    const double off = fabs(by_gradient - by_difference[i]) - 4e-16 * level / moves[i];
    error = fmin(error, fmax(off, 0) / fmax(size, 1));
  }
  within(s, what, error, 2e-5);
}

/* by_difference[i] of f(h) = sum of log p with x or c moved by h v. */
static void check_input_gradient(subject *s, const char *what, const double *at, const double *g,
                                 size_t n) {
  double *v = flows_array(n), *x = flows_array(n), slope = 0, size = 0, difference[MOVES] = {0};
  for (size_t i = 0; i < n; i++) {
    v[i] = draw_normal(&s->random);
    slope += g[i] * v[i];
    size += fabs(g[i] * v[i]);
  }
  for (int k = 0; k < 2 * MOVES; k++) {
    const double h = k % 2 ? -moves[k / 2] : moves[k / 2];
    for (size_t i = 0; i < n; i++) x[i] = at[i] + h * v[i];
    difference[k / 2] += sum_logp(s, at == s->x ? x : s->x, at == s->c ? x : s->c) / (2 * h);
  }
  check_slope(s, what, slope, difference, size);
  free(x);
  free(v);
}

static void move_param(const subject *s, const clf_param *p, const double *from, const double *v,
                       double h) {
  const size_t n = clf__count(&p->at);
  double *w = flows_array(n);
  for (size_t i = 0; i < n; i++) w[i] = from[i] + h * v[i];
  WORKS(clf_write64(s->exact->dev, p->at, w));
  free(w);
}

static void check_param_gradient(subject *s, const clf_param *p, const double *g) {
  const size_t n = clf__count(&p->at);
  double *v = direction(s, p, 1), *w = flows_array(n), slope = 0, size = 0, difference[MOVES] = {0};
  char what[128];
  WORKS(clf_read64(s->exact->dev, p->at, w));
  for (size_t i = 0; i < n; i++) {
    slope += g[i] * v[i];
    size += fabs(g[i] * v[i]);
  }
  for (int k = 0; k < 2 * MOVES; k++) {
    const double h = k % 2 ? -moves[k / 2] : moves[k / 2];
    move_param(s, p, w, v, h);
    difference[k / 2] += sum_logp(s, s->x, s->c) / (2 * h);
  }
  move_param(s, p, w, v, 0);
  snprintf(what, sizeof what, "the gradient by %s", p->name);
  check_slope(s, what, slope, difference, size);
  free(w);
  free(v);
}

static void check_gradients(subject *s) {
  const int count = clf_flow_param_count(s->exact);
  flows_weigh(s->exact, s->x, s->c, ROWS);
  double **g = calloc((size_t)count + 1, sizeof *g);
  ck_assert_ptr_nonnull(g);
  for (int i = 0; i < count; i++) {
    const clf_param p = clf_flow_param(s->exact, i);
    g[i] = flows_array(clf__count(&p.at));
    if (p.trainable) flows_param_gradient(s->exact, &p, g[i]);
  }
  check_input_gradient(s, "the gradient by x", s->x, s->want.dx, ROWS * (size_t)s->drawn.dim);
  if (s->c && !s->drawn.classes)
    check_input_gradient(s, "the gradient by c", s->c, s->want.dc, ROWS * (size_t)s->drawn.context);
  for (int i = 0; i < count; i++) {
    const clf_param p = clf_flow_param(s->exact, i);
    if (p.trainable) check_param_gradient(s, &p, g[i]);
    free(g[i]);
  }
  free(g);
}

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

/* ---- Files ------------------------------------------------------------------------------------
 */

static char folder[] = "/tmp/test_compose.XXXXXX";

static const char *path_of(const char *name) {
  static char paths[4][64];
  static int turn;
  char *path = paths[turn++ % 4];
  snprintf(path, sizeof paths[0], "%s/%s.safetensors", folder, name);
  return path;
}

/* log p of f and of what its file holds, bit for bit. */
static void check_file(subject *s, clf_flow *f, const char *when) {
  clf_flow *loaded = NULL;
  double before[ROWS] = {0}, after[ROWS] = {0};
  WORKS(clf_flow_save(f, path_of("flow")));
  WORKS(clf_flow_load(flows_dev, path_of("flow"), NULL, &loaded));
  flows_evaluate(f, s->x, s->c, ROWS, (flows_values){.logp = before});
  flows_evaluate(loaded, s->x, s->c, ROWS, (flows_values){.logp = after});
  ck_assert_msg(!memcmp(before, after, sizeof before),
                "flow %llu: another log p after loading %s:\n%s", (unsigned long long)s->number,
                when, clf_arch_text(s->arch));
  clf_flow_free(loaded);
}

/* As it is created, when what is derived from its weights was never read back, and with weights
 * that were set. */
static void check_files(subject *s) {
  clf_flow *fresh = NULL;
  WORKS(clf_flow_create_arch(flows_dev, s->arch, s->number, &fresh));
  check_file(s, fresh, "initial weights");
  check_file(s, s->flow, "other weights");
  clf_flow_free(fresh);
}

static int stop_after(const clf_progress *p, void *context) {
  return p->first + p->count >= *(int64_t *)context;
}

static clf_trainer *trainer(clf_flow *f, const clf_train_data *data) {
  clf_train_options o = clf_train_options_default();
  clf_trainer *t;
  o.epochs = 3;
  o.batch = 10;
  WORKS(clf_trainer_create_with(f, data, &o, &t));
  return t;
}

/* Trains to the end without a stop, or stops after `steps` and resumes from the file. */
static void train(subject *s, const clf_train_data *data, int64_t steps, const char *end) {
  clf_flow *f = NULL;
  WORKS(clf_flow_create_arch(flows_dev, s->arch, s->number, &f));
  clf_trainer *t = trainer(f, data);
  if (steps) {
    ck_assert_int_eq(clf_trainer_run(t, stop_after, &steps), CLF_ESTOPPED);
    WORKS(clf_trainer_save(t, path_of("half")));
    clf_trainer_free(t);
    clf_flow_free(f);
    WORKS(clf_flow_load(flows_dev, path_of("half"), NULL, &f));
    t = trainer(f, data);
    WORKS(clf_trainer_resume(t, path_of("half")));
  }
  WORKS(clf_trainer_run(t, NULL, NULL));
  WORKS(clf_trainer_save(t, path_of(end)));
  clf_trainer_free(t);
  clf_flow_free(f);
}

static void check_resume(subject *s) {
  clf_table x, c = {0};
  WORKS(clf_table_new(TRAINED, s->drawn.dim, &x));
  draw_rows(&s->random, &s->drawn, TRAINED, x.at);
  if (s->c) {
    WORKS(clf_table_new(TRAINED, s->drawn.context, &c));
    draw_contexts(&s->random, &s->drawn, TRAINED, c.at);
  }
  const clf_train_data data = {.x = &x, .given = s->c ? &c : NULL};
  train(s, &data, 0, "whole");
  train(s, &data, 4, "parts");
  ck_assert_msg(equal_files(path_of("whole"), path_of("parts")), "flow %llu: a resume shows:\n%s",
                (unsigned long long)s->number, clf_arch_text(s->arch));
  clf_table_free(&c);
  clf_table_free(&x);
}

/* ---- Runs -------------------------------------------------------------------------------------
 */

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
    /* Found by draws, with what was wrong: */
    /* a matrix derived from constants that were not rounded yet */
    {.text = "5: ~allinone(zero, perm=soft) -> logistic", .dim = 5},
    {.text = "2: ~allinone(linear(bins=4, tail=4.29), zero, perm=soft), qr -> logistic", .dim = 2},
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

/* Ten splines in a row, and back: to 1e-4 of a standard deviation of the data, which is 1; with all
 * numbers far out in the tails to 1e-4 of x. */
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

/* So many flows have everything that the table has. */
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
