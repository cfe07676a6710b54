/* SPDX-License-Identifier: MIT */
/* images_resize.c: resizes a part of an image.
 *
 * Both methods of resizing are separable sums over the axes, so an axis is a table of which pixels
 * contribute to a pixel of the result, and with what weights. */
#include <math.h>
#include <stdlib.h>

#include "images.h"
#include "status.h"

typedef struct axis {
  int32_t out, taps; /* pixels of the result; maximum number of contributing pixels */
  int32_t *first;    /* (out) */
  double *weight;    /* (out, taps), 0 if fewer contribute */
} axis;

static void axis_free(axis *a) {
  free(a->first);
  free(a->weight);
}

static clf_status axis_new(const char *name, int32_t out, int32_t taps, axis *a) {
  *a = (axis){out, taps, calloc((size_t)out, sizeof *a->first),
              calloc((size_t)out * (size_t)taps, sizeof *a->weight)};
  if (a->first && a->weight) return CLF_OK;
  axis_free(a);
  return clf__fail(CLF_ENOMEM, "%s: no memory to resize it", name);
}

/* Pixel i of the result is the mean over in/out pixels starting at i * in/out. */
static void mean(axis *a, int32_t in) {
  const double scale = (double)in / a->out;
  for (int32_t i = 0; i < a->out; i++) {
    /* integers are divided once, so that coinciding edges are exactly equal */
    const double begin = (double)((int64_t)i * in) / a->out;
    const double end = (double)((int64_t)(i + 1) * in) / a->out;
    double *const w = a->weight + (size_t)i * (size_t)a->taps;
    a->first[i] = (int32_t)begin;
    for (int32_t k = 0; k < a->taps; k++) {
      const double lo = fmax(begin, a->first[i] + k), hi = fmin(end, a->first[i] + k + 1);
      w[k] = hi > lo ? (hi - lo) / scale : 0;
    }
  }
}

/* Pixel i of the result is interpolated at i * in/out or, with aligned pixel centres, at (i +
 * 1/2) * in/out - 1/2; at the border the last pixel is repeated. */
static void between(axis *a, int32_t in, double centre) {
  for (int32_t i = 0; i < a->out; i++) {
    const double at = fmax((i + centre) * in / a->out - centre, 0);
    const int32_t lo = at < in - 1 ? (int32_t)at : in - 1;
    double *const w = a->weight + (size_t)i * 2;
    const double part = lo < in - 1 ? at - lo : 0;
    a->first[i] = lo;
    w[0] = 1 - part;
    w[1] = part;
  }
}

static clf_status axis_make(const char *name, int32_t in, int32_t out, clf__resize how, axis *a) {
  const int shrinks = how == CLF__RESIZE_MEAN && in > out;
  CLF_TRY(axis_new(name, out, shrinks ? in / out + 2 : 2, a));
  if (shrinks)
    mean(a, in);
  else
    between(a, in, how == CLF__RESIZE_MEAN ? 0.5 : 0);
  return CLF_OK;
}

/* One pixel of the result; pixels with weight 0 are not read, since they may not exist. */
static double sum(const uint8_t *from, size_t stride, const double *weight, int32_t taps) {
  double v = 0;
  for (int32_t k = 0; k < taps; k++)
    if (weight[k] != 0) v += weight[k] * from[(size_t)k * stride];
  return v;
}

/* One row of the source, resized along x. */
static void resize_row(const axis *a, const uint8_t *from, int32_t channels, double *to) {
  for (int32_t x = 0; x < a->out; x++)
    for (int32_t c = 0; c < channels; c++)
      *to++ = sum(from + (size_t)a->first[x] * (size_t)channels + c, (size_t)channels,
                  a->weight + (size_t)x * (size_t)a->taps, a->taps);
}

/* Row by row: adds the rows of the source that contribute to one of the result in `total`; a row
 * that contributes to two is resized along x twice. */
static void resize(const clf__picture *p, clf__window w, const axis *ay, const axis *ax,
                   double *total, const clf__picture *q) {
  const size_t c = (size_t)p->channels, n = (size_t)q->width * c;
  double *const row = total + n;
  for (int32_t y = 0; y < q->height; y++) {
    for (size_t k = 0; k < n; k++) total[k] = 0;
    for (int32_t t = 0; t < ay->taps; t++) {
      const double weight = ay->weight[(size_t)y * (size_t)ay->taps + (size_t)t];
      if (weight == 0) continue;
      const size_t from = (size_t)(w.y + ay->first[y] + t) * (size_t)p->width + (size_t)w.x;
      resize_row(ax, p->at + from * c, p->channels, row);
      for (size_t k = 0; k < n; k++) total[k] += weight * row[k];
    }
    for (size_t k = 0; k < n; k++) q->at[(size_t)y * n + k] = (uint8_t)(total[k] + 0.5);
  }
}

static clf_status resize_into(const char *name, const clf__picture *p, clf__window w,
                              clf__resize how, const clf__picture *q) {
  axis ay, ax;
  CLF_TRY(axis_make(name, w.height, q->height, how, &ay));
  clf_status s = axis_make(name, w.width, q->width, how, &ax);
  if (s == CLF_OK) {
    double *const total = malloc(2 * (size_t)q->width * (size_t)q->channels * sizeof *total);
    if (total)
      resize(p, w, &ay, &ax, total, q);
    else
      s = clf__fail(CLF_ENOMEM, "%s: no memory to resize it", name);
    free(total);
    axis_free(&ax);
  }
  axis_free(&ay);
  return s;
}

clf_status clf__picture_resize(const char *name, const clf__picture *p, clf__window window,
                               clf__resize how, clf__picture *q) {
  q->channels = p->channels;
  CLF_TRY(clf__picture_new(name, q));
  const clf_status s = resize_into(name, p, window, how, q);
  if (s != CLF_OK) free(q->at);
  return s;
}
