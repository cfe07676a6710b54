/* SPDX-License-Identifier: MIT */
/* pass.h: one pass of samples through a flow: what layers, maps, nets and bases are given besides
 * their own tensors.  Private. */
#ifndef CLF_PASS_H
#define CLF_PASS_H
#include "backend.h"
#include "parts.h"

/* The shape of a sample: `dim` numbers, or an image whose channels are the fastest. */
typedef struct clf__shape {
  int32_t dim;
  int32_t height, width, channels; /* 0: not an image */
} clf__shape;

/* Which pixels an operation applies to, by the parity of h + w: a checkerboard. */
enum { CLF_ALL, CLF_EVEN, CLF_ODD };

/* Rows of samples as images (n, C, H, W) whose channels are the fastest. */
static inline clf_tensor clf__images(clf_tensor rows, int32_t C, int32_t H, int32_t W) {
  return (clf_tensor){.buf = rows.buf,
                      .offset = rows.offset,
                      .dim = {rows.dim[0], C, H, W},
                      .stride = {rows.stride[0], 1, W * C, C}};
}
static inline clf_tensor clf__images_of(clf_tensor rows, clf__shape s) {
  return clf__images(rows, s.channels, s.height, s.width);
}
/* The first or the second half of the channels. */
static inline clf_tensor clf__half(clf_tensor x, int second) {
  const int32_t C = x.dim[1] / 2;
  return clf_slice(x, 1, second ? C : 0, second ? 2 * C : C);
}

/* What a pass is for. */
typedef enum clf__mode {
  CLF_EVAL, /* values alone */
  CLF_KEEP, /* backward follows */
  CLF_TRAIN /* backward follows; batches are normalised by themselves, running statistics move, and
               dropout drops */
} clf__mode;

typedef struct clf__pass {
  clf_device *dev;
  clf__mode mode;
  int again; /* 1: forward runs again for values that it did not keep, and backward right after it:
                statistics stay as they are */
  clf__vectors weights;   /* with constants and derived numbers */
  clf__vectors gradients; /* w.buf NULL: gradients of weights are not wanted */
  clf_tensor c;           /* (n, C) the context of each sample, embedded; buf NULL: none */
  clf_tensor dc;          /* (n, C) dL/dc, added to; buf NULL: not wanted */
  /* dL/dlogdet of sample n is dlogdet times each[n]; each.buf NULL: 1 for all. */
  float dlogdet;
  clf_tensor each; /* (n) */
  double
      momentum; /* share of a batch in the running statistics that it moves; 0: each layer's own */
  /* What dropout's masks depend on, besides a net's own place: the number of the first sample, and
   * a key that differs from step to step. */
  int64_t first;
  uint64_t key;
} clf__pass;

static inline clf_tensor clf__weight(const clf__pass *p, const clf__part *part) {
  return clf__part_of(&p->weights, part);
}
/* Without a buffer where gradients of weights are not wanted. */
static inline clf_tensor clf__gradient(const clf__pass *p, const clf__part *part) {
  return clf__part_of(&p->gradients, part);
}

/* The first n rows. */
static inline clf_tensor clf__rows(clf_tensor t, int32_t n) { return clf_slice(t, 0, 0, n); }

/* Elements begin .. of a flat vector as a matrix with `pitch` from row to row. */
static inline clf_tensor clf__matrix(clf_tensor flat, int64_t begin, int32_t rows, int32_t cols,
                                     int32_t pitch) {
  return (clf_tensor){.buf = flat.buf,
                      .offset = flat.offset + (int32_t)begin,
                      .dim = {rows, cols, 1, 1},
                      .stride = {pitch, 1, 1, 1}};
}
static inline clf_tensor clf__vector(clf_tensor flat, int64_t begin, int32_t n, int32_t pitch) {
  return (clf_tensor){.buf = flat.buf,
                      .offset = flat.offset + (int32_t)begin,
                      .dim = {n, 1, 1, 1},
                      .stride = {pitch, 1, 1, 1}};
}

/* A part of weights as the same row for n samples. */
static inline clf_tensor clf__same_for_all(clf_tensor t, int32_t n) {
  if (!t.buf) return t;
  return (clf_tensor){.buf = t.buf,
                      .offset = t.offset,
                      .dim = {n, (int32_t)clf__count(&t), 1, 1},
                      .stride = {0, 1, 1, 1}};
}
/* Adds the gradients d (n, cols) of such a row to that of the part. */
static inline clf_status clf__sum_for_all(const clf__pass *p, clf_tensor d, const clf__part *part) {
  const clf_tensor g = clf__gradient(p, part);
  if (!g.buf) return CLF_OK;
  return clf_do(p->dev, sum_rows, .x = d, .y = clf__vector(g, 0, d.dim[1], 1), .beta = 1);
}

/* What a workspace provides for beside values: backward by what forward kept of every layer, or by
 * what is computed again, layer by layer, in memory that all layers share. */
enum { CLF_VALUES, CLF_STORED, CLF_REBUILT };

#endif
