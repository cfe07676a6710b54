/* SPDX-License-Identifier: MIT */
/* angles.c: normflows' PeriodicFeaturesElementwise before a net, where input x becomes w0 sin(s x)
 * + w1 cos(s x). clflow's nets read cosine and sine of an angle as separate inputs, so the weights
 * w become factors of columns of the first layer. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "import_private.h"

void clf__im_angles_free(clf__im_angles *a) {
  free(a->at);
  free(a->weight);
  free(a->rate);
  *a = (clf__im_angles){0};
}

/* s: an attribute, or a tensor with one number for each angle. */
static clf_status read_rates(clf__im *im, clf__im_module *m, clf__im_angles *a) {
  clf__im_tensor *t;
  if (clf__im_find(m, "scale")) {
    CLF_TRY(clf__im_read(im, m, "scale", &a->rate, &t));
    return t->count == a->count ? CLF_OK : clf__im_refuse(m, "has a scale of another size");
  }
  a->rate = malloc((size_t)(a->count + 1) * sizeof *a->rate);
  if (!a->rate) return clf__fail(CLF_ENOMEM, "no memory for an import");
  /* A state_dict does not contain it; it follows from the bound of the splines. */
  const char *tail;
  double rate = clf__im_real(m, "scale", 0);
  if (!*m->cls) {
    CLF_TRY(clf__im_choose(im, CLF_IM_HINT_tail, NULL, "", &tail));
    rate = 3.14159265358979323846 / strtod(tail, NULL);
  }
  if (!(rate != 0 && isfinite(rate))) return clf__im_refuse(m, "has no scale");
  for (int64_t i = 0; i < a->count; i++) a->rate[i] = rate;
  return CLF_OK;
}

static int by_place(const void *x, const void *y) {
  const double *a = x, *b = y;
  return (*a > *b) - (*a < *b);
}

/* Sorts the angles by their inputs, as clflow lists them. */
static clf_status sort(const clf__im_module *m, clf__im_angles *a, int64_t inputs) {
  double *row = malloc((size_t)(a->count + 1) * 4 * sizeof *row);
  if (!row) return clf__fail(CLF_ENOMEM, "no memory for an import");
  for (int64_t i = 0; i < a->count; i++) {
    row[4 * i] = a->at[i];
    row[4 * i + 1] = a->weight[2 * i];
    row[4 * i + 2] = a->weight[2 * i + 1];
    row[4 * i + 3] = a->rate[i];
  }
  qsort(row, (size_t)a->count, 4 * sizeof *row, by_place);
  clf_status s = CLF_OK;
  for (int64_t i = 0; i < a->count && !s; i++) {
    a->at[i] = row[4 * i];
    a->weight[2 * i] = row[4 * i + 1];
    a->weight[2 * i + 1] = row[4 * i + 2];
    a->rate[i] = row[4 * i + 3];
    if (!(a->at[i] >= 0 && a->at[i] < (double)inputs) || (i && a->at[i] == a->at[i - 1]))
      s = clf__im_refuse(m, "names an input that there is not, or one twice");
  }
  free(row);
  return s;
}

clf_status clf__im_angles_read(clf__im *im, clf__im_module *net, int64_t inputs,
                               clf__im_angles *a) {
  clf__im_module *m = clf__im_child(net, "preprocessing");
  clf__im_tensor *at, *w;
  *a = (clf__im_angles){.inputs = inputs};
  if (!m || !m->tensor) return CLF_OK;
  if (!clf__im_find(m, "ind") || !clf__im_find(m, "weights") || clf__im_find(m, "bias"))
    return clf__im_refuse(m, "is no preprocessing that is read: PeriodicFeaturesElementwise is, "
                             "without a bias");
  if (clf__im_child(m, "activation") &&
      strcmp(clf__im_kind(clf__im_child(m, "activation")), "Identity"))
    return clf__im_refuse(m, "has an activation");
  CLF_TRY(clf__im_read(im, m, "ind", &a->at, &at));
  CLF_TRY(clf__im_read(im, m, "weights", &a->weight, &w));
  a->count = at->count;
  clf__im_skip(m, "ind_");
  clf__im_skip(m, "inv_perm");
  if (w->count != 2 * a->count) return clf__im_refuse(m, "has weights of another size");
  CLF_TRY(read_rates(im, m, a));
  return sort(m, a, inputs);
}

clf_status clf__im_angles_print(const clf__im_angles *a, clf__im_text *node) {
  int same = 1;
  if (!a->count) return CLF_OK;
  CLF_TRY(clf__im_print(node, ", angles="));
  for (int64_t i = 0; i < a->count; i++) {
    CLF_TRY(clf__im_print(node, "%s%d", i ? "+" : "", (int)a->at[i]));
    same &= a->rate[i] == a->rate[0];
  }
  if (same && a->rate[0] == 1) return CLF_OK;
  CLF_TRY(clf__im_print(node, ", rate="));
  for (int64_t i = 0; i < (same ? 1 : a->count); i++)
    CLF_TRY(clf__im_print(node, "%s%.17g", i ? ", " : "", a->rate[i]));
  return CLF_OK;
}

clf_status clf__im_angles_spread(const clf__im_angles *a, int weighted, int64_t rows,
                                 double **matrix) {
  const int64_t A = a->count, wide = a->width + A;
  double *to = a->count ? calloc((size_t)(rows * wide), sizeof *to) : NULL;
  if (!A) return CLF_OK;
  if (!to) return clf__fail(CLF_ENOMEM, "no memory for an import");
  for (int64_t i = 0; i < rows; i++) {
    const double *from = *matrix + i * a->width;
    double *row = to + i * wide;
    int64_t angle = 0, rest = 2 * A;
    for (int64_t j = 0; j < a->width; j++) {
      const int is = angle < A && a->at[angle] == (double)j;
      if (!is) row[rest++] = from[j];
      if (!is) continue;
      row[angle] = from[j] * (weighted ? a->weight[2 * angle + 1] : 1);
      row[A + angle] = from[j] * (weighted ? a->weight[2 * angle] : 1);
      angle++;
    }
  }
  free(*matrix);
  *matrix = to;
  return CLF_OK;
}
