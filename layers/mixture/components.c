/* SPDX-License-Identifier: MIT */
/* components.c: the M step: parameters from moments. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "em.h"

/* The parameters of a component in a row. */
typedef struct component {
  double *mean, *log_std, *lower;
} component;

static component component_of(const clf__gaussians_form *o, double *row, int32_t k) {
  return (component){row + clf__gaussians_means(o) + (size_t)k * (size_t)o->dim,
                     row + clf__gaussians_stds(o) + (size_t)k * (size_t)o->diagonal,
                     row + clf__gaussians_lower(o) + (size_t)k * (size_t)o->below};
}

static double log_std(const clf__gaussians_form *o, const component *c, int32_t i) {
  return c->log_std[o->diagonal == 1 ? 0 : i];
}
/* L[i][j], j <= i. */
static double factor(const clf__gaussians_form *o, const component *c, int32_t i, int32_t j) {
  if (i == j) return exp(log_std(o, c, i));
  return o->below ? c->lower[(size_t)i * (size_t)(i - 1) / 2 + (size_t)j] : 0;
}

/* Symmetric matrices are packed: row i has its first i + 1 elements.  Unless covariances are
 * full they are vectors of D variances. */
static size_t packed(int32_t i, int32_t j) { return (size_t)i * (size_t)(i + 1) / 2 + (size_t)j; }
static size_t area(const clf__gaussians_form *o) {
  return o->below ? packed(o->dim, 0) : (size_t)o->dim;
}

/* The centred second moment in a component's own coordinates, into w: S2 / N - m m^T. */
static void centre(const clf__gaussians_form *o, const double *s, double n, double *w) {
  const double *m = s + 1, *square = s + 1 + o->dim;
  for (int32_t i = 0; i < o->dim; i++) {
    const int32_t j0 = o->below ? 0 : i;
    for (int32_t j = j0; j <= i; j++) {
      const size_t at = o->below ? packed(i, j) : (size_t)i;
      w[at] = square[at] / n - m[i] / n * (m[j] / n);
    }
  }
}

/* cov += share L w L^T; `half` is scratch memory (D, D). */
static void add_outside(const clf__gaussians_form *o, const component *c, const double *w,
                        double share, double *half, double *cov) {
  const int32_t D = o->dim;
  for (int32_t i = 0; i < D && !o->below; i++) cov[i] += share * exp(2 * log_std(o, c, i)) * w[i];
  for (int32_t i = 0; i < D && o->below; i++)
    for (int32_t j = 0; j < D; j++) {
      double sum = 0;
      for (int32_t l = 0; l <= i; l++)
        sum += factor(o, c, i, l) * w[l > j ? packed(l, j) : packed(j, l)];
      half[i * D + j] = sum;
    }
  for (int32_t i = 0; i < D && o->below; i++)
    for (int32_t j = 0; j <= i; j++) {
      double sum = 0;
      for (int32_t l = 0; l <= j; l++) sum += half[i * D + l] * factor(o, c, j, l);
      cov[packed(i, j)] += share * sum;
    }
}

/* Replaces a packed covariance by its factor; 0 if it is not positive definite. */
static int cholesky(int32_t D, double *a) {
  for (int32_t i = 0; i < D; i++)
    for (int32_t j = 0; j <= i; j++) {
      double sum = a[packed(i, j)];
      for (int32_t l = 0; l < j; l++) sum -= a[packed(i, l)] * a[packed(j, l)];
      if (i == j && !(sum > 0)) return 0;
      a[packed(i, j)] = i == j ? sqrt(sum) : sum / a[packed(j, j)];
    }
  return 1;
}

/* cov, with its elements off the diagonal shrunk, and `more` times reg on the diagonal. */
static void regularise(const clf__em_rules *r, const double *cov, double more, double *to) {
  for (int32_t i = 0; i < r->form.dim; i++) {
    for (int32_t j = 0; j < i; j++) to[packed(i, j)] = (1 - r->shrink) * cov[packed(i, j)];
    to[packed(i, i)] = cov[packed(i, i)] + more * r->reg[i];
  }
}

/* A component's factor from its covariance plus a term for the variances, which is increased if
 * rounding requires it.  `room` holds a packed matrix. */
static void put_factor(const clf__em_rules *r, const double *cov, double *room, component *c) {
  const clf__gaussians_form *o = &r->form;
  const double *reg = r->reg;
  const int32_t D = o->dim;
  double mean = 0;
  for (int32_t i = 0; i < D; i++) mean += (cov[o->below ? packed(i, i) : (size_t)i] + reg[i]) / D;
  for (int32_t i = 0; i < o->diagonal && !o->below; i++)
    c->log_std[i] = 0.5 * log(o->diagonal == 1 ? fmax(mean, reg[0]) : fmax(cov[i], 0) + reg[i]);
  if (!o->below) return;
  for (double more = 1; more < 1e12; more *= 10) {
    regularise(r, cov, more, room);
    if (cholesky(D, room)) break;
  }
  for (int32_t i = 0; i < D; i++) {
    c->log_std[i] = log(room[packed(i, i)]);
    for (int32_t j = 0; j < i; j++) c->lower[packed(i - 1, j)] = room[packed(i, j)];
  }
}

/* The mean of a component moves by L m. */
static void move_mean(const clf__gaussians_form *o, component *c, const double *m, double n) {
  for (int32_t i = o->dim - 1; i >= 0; i--)
    for (int32_t j = 0; j <= i; j++) c->mean[i] += factor(o, c, i, j) * m[j] / n;
}

/* Covariances (K, area) of all components that have rows, and their mean weighted by rows. */
static void covariances(const clf__em_rules *r, const double *sums, double *row, double *room,
                        double *each, double *pooled) {
  const clf__gaussians_form *o = &r->form;
  const size_t A = area(o), S = (size_t)clf__gaussians_sums(o);
  double *w = room, *half = room + A, total = 0;
  memset(pooled, 0, A * sizeof *pooled);
  memset(each, 0, (size_t)o->K * A * sizeof *each);
  for (int32_t k = 0; k < o->K; k++) {
    const double *s = sums + (size_t)k * S;
    component c = component_of(o, row, k);
    if (s[0] < CLF_EM_FEW) continue;
    centre(o, s, s[0], w);
    add_outside(o, &c, w, 1, half, each + (size_t)k * A);
    for (size_t i = 0; i < A; i++) pooled[i] += s[0] * each[(size_t)k * A + i];
    total += s[0];
  }
  for (size_t i = 0; i < A && total > 0; i++) pooled[i] /= total;
}

static clf_status put_components(const clf__em_rules *r, const double *sums, double *row,
                                 double *room, double *each, const double *pooled) {
  const clf__gaussians_form *o = &r->form;
  const size_t A = area(o), S = (size_t)clf__gaussians_sums(o);
  double total = 0;
  for (int32_t k = 0; k < o->K; k++) total += sums[(size_t)k * S];
  for (int32_t k = 0; k < o->K; k++) {
    const double *s = sums + (size_t)k * S;
    double *cov = each + (size_t)k * A;
    component c = component_of(o, row, k);
    if (!o->alone) row[k] = log(fmax(s[0] / total, 1e-12));
    if (s[0] < CLF_EM_FEW) continue;
    move_mean(o, &c, s + 1, s[0]);
    const double keep = r->tied ? 0 : s[0] / (s[0] + r->prior);
    for (size_t i = 0; i < A; i++) cov[i] = keep * cov[i] + (1 - keep) * pooled[i];
    if (r->factors && o->below) CLF_TRY(clf__em_factors(o->dim, r->factors, cov));
    put_factor(r, cov, room, &c);
  }
  return CLF_OK;
}

clf_status clf__em_update(const clf__em_rules *r, const double *sums, double *row) {
  const clf__gaussians_form *o = &r->form;
  const size_t A = area(o), D = (size_t)o->dim, room = A + (o->below ? D * D : 0);
  double *memory = malloc((room + A * ((size_t)o->K + 1)) * sizeof *memory);
  if (!memory) return clf__fail(CLF_ENOMEM, "no memory for %d covariances", (int)o->K);
  double *pooled = memory + room, *each = pooled + A;
  covariances(r, sums, row, memory, each, pooled);
  const clf_status s = put_components(r, sums, row, memory, each, pooled);
  free(memory);
  return s;
}

void clf__em_reset(const clf__gaussians_form *o, double *row) {
  memset(row, 0, (size_t)clf__gaussians_size(o) * sizeof *row);
}

clf_status clf__em_move(const clf__em_rules *r, double *row, int32_t k, const double *at) {
  const clf__gaussians_form *o = &r->form;
  const size_t A = area(o), D = (size_t)o->dim;
  double *memory = calloc(3 * A + D * D, sizeof *memory);
  if (!memory) return clf__fail(CLF_ENOMEM, "no memory for a covariance");
  double *one = memory, *cov = one + A, *room = cov + A, *half = room + A;
  for (int32_t i = 0; i < o->dim; i++) one[o->below ? packed(i, i) : (size_t)i] = 1;
  for (int32_t q = 0; q < o->K; q++) {
    component c = component_of(o, row, q);
    if (q != k) add_outside(o, &c, one, 1.0 / (o->K - 1), half, cov);
  }
  component c = component_of(o, row, k);
  memcpy(c.mean, at, D * sizeof *at);
  put_factor(r, cov, room, &c);
  row[k] = -log(o->K);
  free(memory);
  return CLF_OK;
}
