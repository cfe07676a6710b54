/* SPDX-License-Identifier: MIT */
/* use_images.c: images of bytes made continuous, and scored. */
#include <math.h>
#include <stdlib.h>
#include "clflow/images.h"
#include "flow_private.h"
#include "philox.h"

clf_status clf__check_images(const clf_flow *f, const clf_images *images) {
  const clf_flow_spec *s = &f->spec;
  int32_t h, w, c;
  if (s->kind != CLF_REALNVP)
    return clf__fail(CLF_EINVAL, "a flow of kind %s takes rows of numbers, not images",
                     clf_kind_name(s->kind));
  clf_images_shape(images, &h, &w, &c);
  if (h == s->height && w == s->width && c == s->channels) return CLF_OK;
  return clf__fail(CLF_ESHAPE, "the images are %d x %d x %d, the flow takes %d x %d x %d", (int)h,
                   (int)w, (int)c, (int)s->height, (int)s->width, (int)s->channels);
}

/* Stream -1 of random_uniform(): training has the others. */
void clf_dequantize(const uint8_t *bytes, int64_t n, int32_t dim, uint64_t seed, int64_t first,
                    double *x) {
  for (int64_t i = 0; i < n; i++)
    for (int32_t e = 0; e < dim; e++) {
      const clf__words k = clf__philox_at((uint32_t)e / 4, (uint64_t)(first + i), UINT32_MAX, seed);
      const float next = (float)bytes[i * dim + e] + 1;
      x[i * dim + e] = fmin(bytes[i * dim + e] + clf__uniform(k.v[e % 4]),
                            (double)nextafterf(next, 0)); /* as a float holds it */
    }
}

clf_status clf__check_levels(const clf_flow *f, const uint8_t *bytes, int64_t n, int64_t first) {
  const int32_t D = f->spec.dim;
  for (int64_t i = 0; i < n * D; i++)
    if (bytes[i] >= f->spec.levels)
      return clf__fail(CLF_ENUM, "image %lld has a pixel of %d; the flow takes values below %d",
                       (long long)(first + i / D), bytes[i], (int)f->spec.levels);
  return CLF_OK;
}

/* Sums for the mean and its standard error, by differences to the first number. */
typedef struct sums {
  double first, sum, square;
  int64_t count;
} sums;

static void add(sums *s, const double *v, int64_t n) {
  if (!s->count && n) s->first = v[0];
  for (int64_t i = 0; i < n; i++) {
    const double d = v[i] - s->first;
    s->sum += d;
    s->square += d * d;
  }
  s->count += n;
}

static clf_score score_of(const sums *s, int32_t dim) {
  const double n = (double)s->count, d = s->sum / n, mean = s->first + d;
  const double variance = n > 1 ? fmax(0, (s->square - n * d * d) / (n - 1)) : 0;
  return (clf_score){.count = s->count,
                     .mean = mean,
                     .std_error = sqrt(variance / n),
                     .bits_per_dim = -mean / (dim * log(2))};
}

typedef struct scoring {
  clf_flow *f;
  const clf_images *images;
  const int64_t *index;
  uint64_t seed;
  uint8_t *bytes;
  double *x, *logp;
} scoring;

/* Images first .. first + n - 1 of the index, or of all; noise is that of their place. */
static clf_status score_chunk(const scoring *c, int64_t first, int64_t n, sums *s) {
  const int64_t *index = c->index ? c->index + first : NULL;
  CLF_TRY(clf_images_get(c->images, index, first, n, NULL, c->bytes));
  CLF_TRY(clf__check_levels(c->f, c->bytes, n, first));
  clf_dequantize(c->bytes, n, c->f->spec.dim, c->seed, first, c->x);
  CLF_TRY(clf_log_prob(c->f, c->x, n, c->logp));
  add(s, c->logp, n);
  return CLF_OK;
}

clf_status clf_evaluate_images(clf_flow *f, const clf_images *images, const int64_t *index,
                               int64_t first, int64_t n, uint64_t seed, clf_score *score) {
  CLF_TRY(clf__check_images(f, images));
  if (n < 1) return clf__fail(CLF_EINVAL, "%lld images: there must be at least 1", (long long)n);
  const int64_t most = clf__flow_chunk(f), D = f->spec.dim;
  scoring c = {.f = f, .images = images, .index = index, .seed = seed};
  c.bytes = malloc((size_t)(most * D));
  c.x = malloc((size_t)(most * D) * sizeof *c.x);
  c.logp = malloc((size_t)most * sizeof *c.logp);
  sums s = {0};
  clf_status status = c.bytes && c.x && c.logp
                          ? CLF_OK
                          : clf__fail(CLF_ENOMEM, "no memory for %lld images", (long long)most);
  for (int64_t at = 0; at < n && !status; at += most)
    status = score_chunk(&c, first + at, n - at < most ? n - at : most, &s);
  free(c.bytes);
  free(c.x);
  free(c.logp);
  if (!status) *score = score_of(&s, f->spec.dim);
  return status;
}
