/* SPDX-License-Identifier: MIT */
/* differences.c: inverses, log-determinants and gradients of a flow, compared with differences. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "compose/subject.h"

void check_inverse(subject *s) {
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

/* How far the log-determinant of a Jacobian moves if row j of the matrix has an error of noise[j].
 */
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

/* Errors of log-determinants against differences of step h, minus what the rounding of z allows. */
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

void check_logdet(const subject *s) {
  double error[MOVES][ROWS];
  for (int k = 0; k < MOVES; k++) logdet_errors(s, moves[k], error[k]);
  for (int i = 0; i < ROWS; i++) {
    double smallest = INFINITY;
    for (int k = 0; k < MOVES; k++) smallest = fmin(smallest, error[k][i]);
    within(s, "the log-determinant against differences", smallest, 1e-4);
  }
}

static double sum_logp(const subject *s, const double *x, const double *c) {
  double logp[ROWS], sum = 0;
  flows_evaluate(s->exact, x, c, ROWS, (flows_values){.logp = logp});
  for (int i = 0; i < ROWS; i++) sum += logp[i];
  return sum;
}

/* Compares slopes of sums of terms of this size: by the gradient, and by differences with each
 * step. Differences magnify the rounding of log p itself, which is allowed for. */
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

void check_gradients(subject *s) {
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
