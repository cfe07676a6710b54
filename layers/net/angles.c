/* SPDX-License-Identifier: MIT */
/* angles.c: replaces angles by cosines and sines before a net. */
#include "angles.h"
#include <stdlib.h>

static clf_status mark(clf__angles *a, clf__ranges ranges) {
  for (int32_t i = 0; i < ranges.n; i++) {
    const int32_t first = ranges.at[i].first, end = ranges.at[i].last;
    const int32_t last = end < 0 ? a->in - 1 : end;
    if (first >= a->in || last >= a->in)
      return clf__fail(CLF_EINVAL, "angles=%d: the net reads %d inputs, counted from 0",
                       (int)(first >= a->in ? first : last), (int)a->in);
    for (int32_t j = first; j <= last; j++) a->count += !a->is[j], a->is[j] = 1;
  }
  return CLF_OK;
}

clf_status clf__angles_make(clf__ranges ranges, const clf__reals *rates, int32_t in,
                            clf__slots *slots, clf__angles **made) {
  if (!ranges.n) return CLF_OK;
  clf__angles *a = *made = calloc(1, sizeof *a);
  if (a) a->is = calloc((size_t)in, 1);
  if (!a || !a->is) return clf__fail(CLF_ENOMEM, "no memory for %d inputs of a net", (int)in);
  a->in = in;
  a->rates = rates;
  CLF_TRY(mark(a, ranges));
  if (rates->n > 1 && rates->n != a->count)
    return clf__fail(CLF_EINVAL,
                     "rate= has %d numbers for %d angles; there is one, or one for each",
                     (int)rates->n, (int)a->count);
  const int32_t rest = in - a->count;
  clf__slots_add(slots, &a->at, CLF_CONSTANT, 0, 0, 1, &a->count, NULL);
  clf__slots_add(slots, &a->rate, CLF_CONSTANT, 1, 0, 1, &a->count, NULL);
  if (rest) clf__slots_add(slots, &a->rest, CLF_CONSTANT, 0, 0, 1, &rest, NULL);
  return CLF_OK;
}

void clf__angles_free(clf__angles *a) {
  if (a) free(a->is);
  free(a);
}

void clf__angles_draw(const clf__angles *a, double *c) {
  int64_t at = a->at.at, rest = a->rest.at;
  for (int32_t j = 0; j < a->in; j++) c[a->is[j] ? at++ : rest++] = j;
  for (int32_t i = 0; i < a->count; i++)
    c[a->rate.at + i] = a->rates->n ? a->rates->at[a->rates->n > 1 ? i : 0] : 1;
}

int32_t clf__angles_source(const clf__angles *a, int32_t feature) {
  const int angle = feature < 2 * a->count;
  int32_t left = angle ? feature % a->count : feature - 2 * a->count;
  for (int32_t j = 0; j < a->in; j++)
    if (a->is[j] == angle && left-- == 0) return j;
  return 0;
}

static clf_tensor periodic_of(const clf__angles *a, clf_tensor t) {
  return clf_slice(t, 1, 0, 2 * a->count);
}
static clf_tensor rest_of(const clf__angles *a, clf_tensor t) {
  return clf_slice(t, 1, 2 * a->count, clf__angles_features(a));
}
/* After the features: the angles themselves. */
static clf_tensor compact_of(const clf__angles *a, clf_tensor t) {
  return clf_slice(t, 1, clf__angles_features(a), clf__angles_features(a) + a->count);
}

clf_status clf__angles_plan(const clf__angles *a, int32_t rows, int train, clf_arena *arena,
                            clf_tensor *features, clf_tensor *dfeatures) {
  const int32_t dim[4] = {rows, clf__angles_features(a) + a->count};
  CLF_TRY(clf_new(arena, dim, features));
  return train ? clf_new(arena, dim, dfeatures) : CLF_OK;
}

clf_status clf__angles_forward(const clf__angles *a, const clf__pass *p, clf_tensor x,
                               clf_tensor whole) {
  const clf_tensor compact = compact_of(a, whole);
  CLF_TRY(clf_do(p->dev, columns_take, .x = x, .at = clf__weight(p, &a->at), .y = compact));
  CLF_TRY(clf_do(p->dev, angles_fwd, .x = compact, .scale = clf__weight(p, &a->rate),
                 .y = periodic_of(a, whole)));
  if (a->count == a->in) return CLF_OK;
  return clf_do(p->dev, columns_take, .x = x, .at = clf__weight(p, &a->rest),
                .y = rest_of(a, whole));
}

clf_status clf__angles_backward(const clf__angles *a, const clf__pass *p, clf_tensor whole,
                                clf_tensor dwhole, float beta, clf_tensor dx) {
  const clf_tensor compact = compact_of(a, dwhole);
  CLF_TRY(clf_do(p->dev, angles_bwd, .y = periodic_of(a, whole), .scale = clf__weight(p, &a->rate),
                 .dy = periodic_of(a, dwhole), .dx = compact));
  if (beta == 0) CLF_TRY(clf_do(p->dev, fill, .y = dx, .value = 0));
  CLF_TRY(clf_do(p->dev, columns_add, .x = compact, .at = clf__weight(p, &a->at), .y = dx));
  if (a->count == a->in) return CLF_OK;
  return clf_do(p->dev, columns_add, .x = rest_of(a, dwhole), .at = clf__weight(p, &a->rest),
                .y = dx);
}
