/* SPDX-License-Identifier: MIT */
/* scaling.c: fixed shifts and scales of the data: z-scores. */
#include <stdlib.h>
#include "import_private.h"

static clf_status print_numbers(clf__im_text *t, const double *v, int64_t n) {
  for (int64_t i = 0; i < n; i++) CLF_TRY(clf__im_print(t, "%s%.17g", i ? ", " : "", v[i]));
  return CLF_OK;
}
static clf_status as_text(clf__im *im, const double *shift, int64_t n, const double *scale,
                          int64_t m) {
  clf__im_text t = {0};
  clf_status s = clf__im_print(&t, "shift-scale(shift=");
  if (!s) s = print_numbers(&t, shift, n);
  if (!s) s = clf__im_print(&t, ", scale=");
  if (!s) s = print_numbers(&t, scale, m);
  if (!s) s = clf__im_layer(im, "%s)", t.s);
  free(t.s);
  return s;
}

/* scale x + shift = (x - mean) / std */
static clf_status as_scaling(clf__im *im, double *shift, double *scale, int64_t n) {
  for (int64_t d = 0; d < n; d++) {
    const double std = 1 / scale[d];
    shift[d] = -shift[d] * std;
    scale[d] = std;
  }
  im->mean = shift;
  im->std = scale;
  return clf__im_layer(im, "standardize");
}

clf_status clf__im_shift_scale(clf__im *im, clf__im_module *m, const char *shift_name,
                               const char *scale_name) {
  double *shift, *scale = NULL;
  clf__im_tensor *a, *b;
  CLF_TRY(clf__im_read(im, m, shift_name, &shift, &a));
  clf_status s = clf__im_read(im, m, scale_name, &scale, &b);
  const int64_t n = a->count;
  if (!s && n > 1) s = clf__im_set_dim(im, m, n);
  for (int64_t i = 0; !s && i < b->count; i++)
    if (scale[i] == 0) s = clf__im_refuse(m, "has a scale of 0");
  int whole =
      !s && im->layers == im->bounds && !im->inverted && !im->mean && n > 1 && b->count == n;
  for (int64_t i = 0; whole && i < n; i++) whole = scale[i] > 0;
  if (whole) return as_scaling(im, shift, scale, n);
  if (!s) s = as_text(im, shift, n, scale, b->count);
  free(shift);
  free(scale);
  return s;
}
