/* SPDX-License-Identifier: MIT */
/* use_images.c: makes images of bytes continuous, and scores them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "clflow/images.h"
#include "flow_private.h"
#include "philox.h"

clf_status clf__check_images(const clf_flow *f, const clf_images *images) {
  const clf_flow_spec *s = &f->spec;
  int32_t h, w, c;
  if (!s->height) return clf__fail(CLF_EINVAL, "the flow takes rows of numbers, not images");
  clf_images_shape(images, &h, &w, &c);
  if (h == s->height && w == s->width && c == s->channels) return CLF_OK;
  return clf__fail(CLF_ESHAPE, "the images are %d x %d x %d, the flow takes %d x %d x %d", (int)h,
                   (int)w, (int)c, (int)s->height, (int)s->width, (int)s->channels);
}

/* Stream -1 of random_uniform(); training uses the others. */
void clf_dequantize(const uint8_t *bytes, int64_t n, int32_t dim, uint64_t seed, int64_t first,
                    double *x) {
  if (!bytes || !x) return;
  for (int64_t i = 0; i < n; i++)
    for (int32_t e = 0; e < dim; e++) {
      const clf__words k =
          clf__philox_at((uint32_t)e / 4, (uint64_t)first + (uint64_t)i, UINT32_MAX, seed);
      const float next = (float)bytes[i * dim + e] + 1;
      x[i * dim + e] = fmin(bytes[i * dim + e] + clf__uniform(k.v[e % 4]),
                            (double)nextafterf(next, 0)); /* as a float stores it */
    }
}

clf_status clf_check_levels(const clf_flow *f, const uint8_t *bytes, int64_t n, int64_t first) {
  CLF_GIVEN("flow, bytes", f, bytes);
  CLF_TRY(clf__rows_fit(n, f->spec.dim, 1));
  const int32_t D = f->spec.dim;
  for (int64_t i = 0; i < n * D; i++)
    if (bytes[i] >= f->spec.levels)
      return clf__fail(CLF_ENUM, "image %lld has a pixel of %d; the flow takes values below %d",
                       (long long)(first + i / D) + 1, bytes[i], (int)f->spec.levels);
  return CLF_OK;
}

typedef struct scoring {
  clf_flow *f;
  const clf_images *images;
  const clf_table *given; /* NULL: no context */
  const int64_t *index;
  uint64_t seed;
  uint8_t *bytes; /* bytes of a chunk, their continuous values, and their context */
  double *x, *c;
} scoring;

static void take_context(const scoring *s, const int64_t *index, int64_t first, int64_t n) {
  const size_t C = s->given ? (size_t)s->given->cols : 0;
  for (int64_t i = 0; i < n && C; i++)
    memcpy(s->c + (size_t)i * C, s->given->at + (size_t)(index ? index[i] : first + i) * C,
           C * sizeof *s->c);
}

/* Images first .. first + n - 1 of the index, or of all; the noise depends on their position. */
static clf_status score_chunk(scoring *c, int64_t first, int64_t n, double *logp) {
  const int64_t *index = c->index ? c->index + first : NULL;
  CLF_TRY(clf_images_get(c->images, index, first, n, NULL, c->bytes));
  CLF_TRY(clf_check_levels(c->f, c->bytes, n, first));
  clf_dequantize(c->bytes, n, c->f->spec.dim, c->seed, first, c->x);
  take_context(c, index, first, n);
  return c->given ? clf_log_prob_given(c->f, c->x, c->c, n, logp)
                  : clf_log_prob(c->f, c->x, n, logp);
}

static clf_status check_context(const scoring *c) {
  const clf_table *t = c->given;
  if (!t) return CLF_OK;
  if (t->cols != c->f->context)
    return clf__fail(CLF_ESHAPE, "the context has %d columns, the flow takes %d", (int)t->cols,
                     (int)c->f->context);
  if (t->at && t->rows == clf_images_count(c->images)) return CLF_OK;
  return clf__fail(CLF_ESHAPE, "the context has %lld rows, there are %lld images",
                   (long long)t->rows, (long long)clf_images_count(c->images));
}

static clf_status score_images(scoring *c, int64_t first, int64_t n, clf_score *score) {
  CLF_TRY(clf__check_images(c->f, c->images));
  CLF_TRY(check_context(c));
  if (n < 1) return clf__fail(CLF_EINVAL, "%lld images: there must be at least 1", (long long)n);
  CLF_TRY(clf__rows_fit(n, 1, sizeof(double)));
  if (first < 0 || first > INT64_MAX - n)
    return clf__fail(CLF_EINVAL, "the first image is %lld; they count from 0", (long long)first);
  const int64_t maximum = clf__flow_chunk(c->f), D = c->f->spec.dim;
  c->bytes = malloc((size_t)(maximum * D));
  c->x = malloc((size_t)(maximum * D) * sizeof *c->x);
  c->c = malloc((size_t)(maximum * (c->f->context + 1)) * sizeof *c->c);
  double *logp = malloc((size_t)n * sizeof *logp);
  clf_status status = c->bytes && c->x && c->c && logp
                          ? CLF_OK
                          : clf__fail(CLF_ENOMEM, "no memory for %lld images", (long long)n);
  int64_t begin, end;
  clf__flow_own_rows(c->f, n, &begin, &end);
  for (int64_t at = begin; at < end && !status; at += maximum)
    status = score_chunk(c, first + at, end - at < maximum ? end - at : maximum, logp + at);
  status = clf__flow_gather_rows(c->f, n, status, logp);
  if (!status) *score = clf_score_of(logp, n, c->f->spec.dim);
  free(c->bytes);
  free(c->x);
  free(c->c);
  free(logp);
  return status;
}

clf_status clf_evaluate_images_given(clf_flow *f, const clf_images *images, const clf_table *given,
                                     const int64_t *index, int64_t first, int64_t n, uint64_t seed,
                                     clf_score *score) {
  CLF_GIVEN("flow, images, score", f, images, score);
  scoring c = {.f = f, .images = images, .given = given, .index = index, .seed = seed};
  return score_images(&c, first, n, score);
}

clf_status clf_evaluate_images(clf_flow *f, const clf_images *images, const int64_t *index,
                               int64_t first, int64_t n, uint64_t seed, clf_score *score) {
  CLF_GIVEN("flow, images, score", f, images, score);
  scoring c = {.f = f, .images = images, .index = index, .seed = seed};
  return score_images(&c, first, n, score);
}

clf_status clf__images_mean_logp(clf_flow *f, const clf_images *images, const clf_table *given,
                                 const int64_t *index, int64_t n, uint64_t seed, double *mean) {
  scoring c = {.f = f, .images = images, .given = given, .index = index, .seed = seed};
  clf_score score;
  CLF_TRY(score_images(&c, 0, n, &score));
  *mean = score.mean;
  return CLF_OK;
}
