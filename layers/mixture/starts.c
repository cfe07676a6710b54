/* SPDX-License-Identifier: MIT */
/* starts.c: initial parameters of EM: k-means++ (Arthur and Vassilvitskii 2007), taking each
 * centre as the best of several candidates, then Lloyd's iterations. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "em.h"

enum { ITERATIONS = 10 }; /* Lloyd's */

typedef struct clusters {
  const clf__em_rows *data;
  int32_t K;
  double *centre;   /* (K, D) */
  double *distance; /* (rows) squared, to the nearest centre */
  double *trial;    /* (rows): the same with one more centre */
  int32_t *nearest; /* (rows) */
} clusters;

static double weight(const clf__em_rows *d, int64_t i) { return d->weights ? d->weights[i] : 1; }

static double apart(const double *a, const double *b, int32_t D) {
  double sum = 0;
  for (int32_t d = 0; d < D; d++) sum += (a[d] - b[d]) * (a[d] - b[d]);
  return sum;
}

/* A random row with probability proportional to weight times distance, or, without distances, to
 * weight. */
static int64_t draw(const clf__em_rows *d, const double *distance, clf__host_random *random) {
  double total = 0, sum = 0;
  int64_t last = 0;
  for (int64_t i = 0; i < d->rows; i++) total += weight(d, i) * (distance ? distance[i] : 1);
  const double at = clf__host_uniform(random) * total;
  for (int64_t i = 0; i < d->rows; i++) {
    const double share = weight(d, i) * (distance ? distance[i] : 1);
    sum += share;
    if (share > 0) last = i;
    if (share > 0 && sum > at) return i;
  }
  return last;
}

/* The sum of all rows' distances to the nearest of the centres and one more. */
static double try_centre(const clusters *c, const double *at, double *distance) {
  const clf__em_rows *d = c->data;
  double sum = 0;
  for (int64_t i = 0; i < d->rows; i++) {
    distance[i] = fmin(c->distance[i], apart(d->u + i * d->dim, at, d->dim));
    sum += weight(d, i) * distance[i];
  }
  return sum;
}

static void add_centre(clusters *c, int32_t k, clf__host_random *random) {
  const clf__em_rows *d = c->data;
  const size_t D = (size_t)d->dim;
  const int trials = k ? 2 + (int)log(c->K) : 1;
  double best = INFINITY;
  for (int t = 0; t < trials; t++) {
    const double *at = d->u + (size_t)draw(d, k ? c->distance : NULL, random) * D;
    const double sum = try_centre(c, at, c->trial);
    if (!(sum < best)) continue;
    best = sum;
    memcpy(c->centre + (size_t)k * D, at, D * sizeof *at);
  }
  try_centre(c, c->centre + (size_t)k * D, c->trial);
  memcpy(c->distance, c->trial, (size_t)d->rows * sizeof *c->trial);
}

/* Returns the number of rows that change to another cluster. */
static int64_t assign(clusters *c) {
  const clf__em_rows *d = c->data;
  int64_t changed = 0;
  for (int64_t i = 0; i < d->rows; i++) {
    int32_t best = 0;
    double minimum = INFINITY;
    for (int32_t k = 0; k < c->K; k++) {
      const double here = apart(d->u + i * d->dim, c->centre + (size_t)k * (size_t)d->dim, d->dim);
      if (here < minimum) minimum = here, best = k;
    }
    changed += best != c->nearest[i];
    c->nearest[i] = best;
  }
  return changed;
}

/* Centres without rows do not move. */
static void move_centres(clusters *c, double *count) {
  const clf__em_rows *d = c->data;
  const size_t D = (size_t)d->dim;
  memset(count, 0, (size_t)c->K * sizeof *count);
  for (int64_t i = 0; i < d->rows; i++) count[c->nearest[i]] += weight(d, i);
  for (size_t k = 0; k < (size_t)c->K; k++)
    if (count[k] > 0) memset(c->centre + k * D, 0, D * sizeof *c->centre);
  for (int64_t i = 0; i < d->rows; i++) {
    const size_t k = (size_t)c->nearest[i];
    const double share = count[k] > 0 ? weight(d, i) / count[k] : 0;
    for (size_t j = 0; j < D; j++) c->centre[k * D + j] += share * d->u[(size_t)i * D + j];
  }
}

/* Sums of the clusters in coordinates of the data. */
static void add_row(const clf__gaussians_form *o, const double *u, double w, double *s) {
  const int32_t D = o->dim;
  double *square = s + 1 + D;
  s[0] += w;
  for (int32_t i = 0; i < D; i++) {
    s[1 + i] += w * u[i];
    for (int32_t j = o->below ? 0 : i; j <= i; j++) *square++ += w * u[i] * u[j];
  }
}

static void cluster(clusters *c, double *count, int refine, clf__host_random *random) {
  for (int64_t i = 0; i < c->data->rows; i++) c->distance[i] = INFINITY, c->nearest[i] = -1;
  for (int32_t k = 0; k < c->K; k++) add_centre(c, k, random);
  for (int i = 0; refine && i < ITERATIONS && assign(c); i++) move_centres(c, count);
  assign(c);
}

/* A cluster with few rows would start as a spike, so initial covariances are shrunk, with as
 * much weight as there are columns. */
static clf_status put_clusters(const clf__em_rules *r, const clusters *c, double *sums,
                               double *row) {
  const clf__em_rows *d = c->data;
  const size_t S = (size_t)clf__gaussians_sums(&r->form);
  clf__em_rules wide = *r;
  wide.prior = fmax(r->prior, d->dim + 1);
  for (int64_t i = 0; i < d->rows; i++)
    add_row(&r->form, d->u + i * d->dim, weight(d, i), sums + (size_t)c->nearest[i] * S);
  clf__em_reset(&r->form, row);
  return clf__em_update(&wide, sums, row);
}

clf_status clf__em_start(const clf__em_rules *r, const clf__em_rows *data, int refine,
                         clf__host_random *random, double *row) {
  const size_t n = (size_t)data->rows, K = (size_t)r->form.K, D = (size_t)data->dim;
  const size_t sums = K * (size_t)clf__gaussians_sums(&r->form);
  double *memory = calloc(K * D + 2 * n + K + sums, sizeof *memory);
  int32_t *nearest = malloc(n * sizeof *nearest);
  clf_status s = memory && nearest ? CLF_OK : clf__fail(CLF_ENOMEM, "no memory for %zu rows", n);
  if (!s) {
    double *count = memory + K * D + 2 * n;
    clusters c = {data, r->form.K, memory, memory + K * D, memory + K * D + n, nearest};
    cluster(&c, count, refine, random);
    s = put_clusters(r, &c, count + K, row);
  }
  free(memory);
  free(nearest);
  return s;
}
