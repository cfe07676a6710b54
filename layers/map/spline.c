/* SPDX-License-Identifier: MIT */
/* spline.c: shared by all splines. */
#include "spline.h"
#include <stdlib.h>

/* The name in splines.def of the ends for a tail. */
static int ends_of(const clf__tail *t) {
  return t->kind == CLF__TAIL_NONE       ? CLF_FREE_ENDS
         : t->kind == CLF__TAIL_CIRCULAR ? CLF_CIRCULAR_ENDS
                                         : CLF_LINEAR_ENDS;
}
static void interval_of(const clf__spline *s, const clf__tail *t, double *left, double *right) {
  const int circular = t->kind == CLF__TAIL_CIRCULAR;
  *right = circular ? CLF_PI : 1;
  *left = circular ? -CLF_PI : 0;
  if (s->box->n) {
    *left = s->box->at[0];
    *right = s->box->at[1];
  }
  if (t->kind != CLF__TAIL_LINEAR) return;
  *right = t->bound;
  *left = -t->bound;
}

static const clf__tail *tail_of(const clf__spline *s, int32_t column) {
  return &s->tails->at[s->tails->n > 1 ? column : 0];
}

static clf_status make_columns(clf__spline *s, const clf__map *m, clf__slots *slots) {
  const int32_t d = m->dims;
  if (s->tails->n != m->whole)
    return clf__fail(CLF_EINVAL, "%s: %d tails for %d dimensions; give one, or one for each",
                     s->name, (int)s->tails->n, (int)m->whole);
  s->ends = CLF_FREE_ENDS;
  s->by_column = 1;
  s->own = calloc((size_t)d + 1, sizeof *s->own);
  s->refused = calloc((size_t)d + 1, 1);
  if (!s->own || !s->refused)
    return clf__fail(CLF_ENOMEM, "no memory for the intervals of %d dimensions", (int)d);
  const int32_t table[2] = {d, 4};
  clf__slots_add(slots, &s->intervals, CLF_CONSTANT, 0, 0, 2, table, NULL);
  clf__slots_add(slots, &s->kinds, CLF_CONSTANT, 0, 0, 1, &d, NULL);
  return CLF_OK;
}

clf_status clf__spline_make(clf__spline *s, clf__map *m, clf__slots *slots) {
  for (int32_t i = 0; i < s->tails->n; i++)
    if (s->tails->at[i].kind == CLF__TAIL_NONE) m->traits |= CLF_IS_BOUNDED;
  if (s->tails->n > 1) return make_columns(s, m, slots);
  s->ends = ends_of(&s->tails->at[0]);
  interval_of(s, &s->tails->at[0], &s->left, &s->right);
  return CLF_OK;
}

void clf__spline_free(clf__spline *s) {
  free(s->own);
  free(s->refused);
}

void clf__spline_derive(const clf__spline *s, const clf__map *m, const int32_t *columns,
                        double *c) {
  for (int32_t j = 0; s->by_column && j < m->dims; j++) {
    const clf__tail *t = tail_of(s, columns[j]);
    double *row = c + s->intervals.at + 4 * (int64_t)j;
    interval_of(s, t, &row[0], &row[1]);
    row[2] = s->own[j][0] = row[0];
    row[3] = s->own[j][1] = row[1];
    s->refused[j] = t->kind == CLF__TAIL_NONE;
    c[s->kinds.at + j] = ends_of(t);
  }
}

int clf__spline_inside(const clf__spline *s, int32_t j, double x, double interval[2]) {
  const int refused = s->by_column ? s->refused[j] : s->ends == CLF_FREE_ENDS;
  interval[0] = s->by_column ? s->own[j][0] : s->left;
  interval[1] = s->by_column ? s->own[j][1] : s->right;
  return !refused || (x >= interval[0] && x <= interval[1]);
}

double clf__spline_factor(const clf__map *m, int scaled) {
  const int divides = scaled == CLF__SCALED_ON || (scaled == CLF__SCALED_AUTO && m->residual);
  return divides && m->hidden ? 1 / sqrt((double)m->hidden) : 1;
}
