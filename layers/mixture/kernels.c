/* SPDX-License-Identifier: MIT */
/* kernels.c: a kernel density estimate as a mixture, whose components are rows. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "em.h"

/* Equal rows have no distance, and a row without weight no logarithm of it. */
#define SMALLEST 1e-3
#define NO_WEIGHT 1e-12

enum { MOST_NEIGHBOURS = 64 };

static double apart(const double *a, const double *b, int32_t D) {
  double sum = 0;
  for (int32_t d = 0; d < D; d++) sum += (a[d] - b[d]) * (a[d] - b[d]);
  return sum;
}

/* The distance of centre i to its nearest centre by number n, 1 to MOST_NEIGHBOURS. */
static double distance_to(const double *centre, int32_t K, int32_t D, int32_t i, int n) {
  double nearest[MOST_NEIGHBOURS];
  for (int j = 0; j < MOST_NEIGHBOURS; j++) nearest[j] = INFINITY;
  for (int32_t k = 0; k < K; k++) {
    const double here = apart(centre + (size_t)i * (size_t)D, centre + (size_t)k * (size_t)D, D);
    if (k == i || here >= nearest[n - 1]) continue;
    int at = n - 1;
    for (; at > 0 && nearest[at - 1] > here; at--) nearest[at] = nearest[at - 1];
    nearest[at] = here;
  }
  return sqrt(nearest[n - 1]);
}

static double std_of(const clf__mixture_form *form, const double *centre, int32_t K, int32_t D,
                     int32_t i) {
  const int others = K - 1 < MOST_NEIGHBOURS ? K - 1 : MOST_NEIGHBOURS;
  const int n = form->neighbour < others ? form->neighbour : others;
  const double unit = n ? fmax(distance_to(centre, K, D, i, n) / sqrt(D), SMALLEST) : 1;
  return form->width * unit;
}

clf_status clf__em_kernels(const clf__em_rules *r, const clf__em_rows *data,
                           const clf__mixture_form *form, double *row) {
  const clf__gaussians_form *o = &r->form;
  const size_t D = (size_t)o->dim, K = (size_t)o->K;
  if (data->rows < o->K)
    return clf__fail(CLF_EINVAL, "%lld rows are too few for %d kernels", (long long)data->rows,
                     (int)o->K);
  double *const centre = row + clf__gaussians_means(o);
  memset(row, 0, (size_t)clf__gaussians_size(o) * sizeof *row);
  for (size_t k = 0; k < K; k++) {
    const size_t i = k * (size_t)data->rows / K;
    memcpy(centre + k * D, data->u + i * D, D * sizeof *centre);
    if (!o->alone) row[k] = log(fmax(data->weights ? data->weights[i] : 1, NO_WEIGHT));
  }
  for (int32_t k = 0; k < o->K; k++) {
    double *const diagonal = row + clf__gaussians_stds(o) + (int64_t)k * o->diagonal;
    const double std = log(std_of(form, centre, o->K, o->dim, k));
    for (int32_t d = 0; d < o->diagonal; d++) diagonal[d] = std;
  }
  return CLF_OK;
}
