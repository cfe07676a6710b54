/* SPDX-License-Identifier: MIT */
/* pass.h: one pass of samples through a flow: what layers, maps, nets and bases receive in
 * addition to their own tensors.  Private. */
#ifndef CLF_PASS_H
#define CLF_PASS_H
#include "backend.h"
#include "slots.h"

/* A function that training alone calls, in a table of functions: a build without training does not
 * have it. */
#ifdef CLF_NO_TRAIN
#define CLF_TRAINS(function) NULL
#else
#define CLF_TRAINS(function) function
#endif

/* The shape of a sample: `dim` elements, or an image with the channel as the fastest index. */
typedef struct clf__shape {
  int32_t dim;
  int32_t height, width, channels; /* 0: not an image */
} clf__shape;

/* Rows of samples as images (n, C, H, W) with the channel as the fastest index. */
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

/* The purpose of a pass. */
typedef enum clf__mode {
  CLF_EVAL, /* values only */
  CLF_KEEP, /* backward follows */
  CLF_TRAIN /* backward follows; batch statistics are used, running statistics are updated, and
               dropout is active */
} clf__mode;

struct clf__later;

typedef struct clf__pass {
  clf_device *dev;
  clf__mode mode;
  int recompute; /* 1: forward runs a second time for values that were not stored, and backward
                    follows: statistics are not updated */
  clf__vectors weights;     /* with constants and derived arrays */
  clf__vectors columns;     /* the matrices among them, transposed; buf NULL: not there */
  clf__vectors gradients;   /* w.buf NULL: no gradients of weights are computed */
  struct clf__later *later; /* where large nets leave gradients of weights (later.h); NULL: they
                               compute them */
  clf_tensor c;             /* (n, C) embedded context of each sample; buf NULL: none */
  clf_tensor dc;            /* (n, C) dL/dc, which is added to; buf NULL: not computed */
  /* dL/dlogdet of sample n is dlogdet times each[n]; each.buf NULL: 1 for all samples. */
  float dlogdet;
  clf_tensor each; /* (n) */
  double momentum; /* weight of a batch in the running statistics; 0: each layer's own */
  int at_centre;   /* 1: a base draws the centre of each sample, without noise around it */
  /* The inputs of dropout's random masks, together with the index of the net: the index of the
   * first sample, and a key that changes with each step. */
  int64_t first;
  uint64_t key;
} clf__pass;

static inline clf_tensor clf__weight(const clf__pass *p, const clf__slot *slot) {
  return clf__slot_tensor(&p->weights, slot);
}
/* A matrix (N, K) by which rows are multiplied, for gemm: as it is, with tb = 1; or its columns as
 * rows (K, N), with tb = 0. */
typedef struct clf__factor {
  clf_tensor b;
  int tb;
} clf__factor;
static inline clf__factor clf__factor_of(const clf__pass *p, const clf__slot *slot) {
  if (!p->columns.w.buf || !slot->is_factor) return (clf__factor){clf__weight(p, slot), 1};
  clf__factor f = {.b = clf__slot_tensor(&p->columns, slot)};
  f.b.dim[0] = slot->dim[1];
  f.b.dim[1] = f.b.stride[0] = slot->dim[0];
  return f;
}
/* The matrix (N, K) itself. */
static inline clf_tensor clf__factor_matrix(clf__factor f) {
  if (f.tb) return f.b;
  return (clf_tensor){.buf = f.b.buf,
                      .offset = f.b.offset,
                      .dim = {f.b.dim[1], f.b.dim[0], 1, 1},
                      .stride = {f.b.stride[1], f.b.stride[0], 1, 1}};
}
/* What remains of it for elements begin .. end - 1 of a row. */
static inline clf__factor clf__factor_slice(clf__factor f, int32_t begin, int32_t end) {
  f.b = clf_slice(f.b, f.tb, begin, end);
  return f;
}
/* Without a buffer if gradients of weights are not computed. */
static inline clf_tensor clf__gradient(const clf__pass *p, const clf__slot *slot) {
  return clf__slot_tensor(&p->gradients, slot);
}

/* The first n rows. */
static inline clf_tensor clf__rows(clf_tensor t, int32_t n) {
  t.dim[0] = n;
  return t;
}

/* Elements `begin` and following of a flat vector, as a matrix with row stride `pitch`. */
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

/* One row of weights repeated for n samples (stride 0). */
static inline clf_tensor clf__same_for_all(clf_tensor t, int32_t n) {
  if (!t.buf) return t;
  return (clf_tensor){.buf = t.buf,
                      .offset = t.offset,
                      .dim = {n, (int32_t)clf__count(&t), 1, 1},
                      .stride = {0, 1, 1, 1}};
}
/* Sums the gradients d (n, cols) of such a repeated row and adds them to the gradient of `slot`. */
static inline clf_status clf__sum_for_all(const clf__pass *p, clf_tensor d, const clf__slot *slot) {
  const clf_tensor g = clf__gradient(p, slot);
  if (!g.buf) return CLF_OK;
  return clf_do(p->dev, sum_rows, .x = d, .y = clf__vector(g, 0, d.dim[1], 1), .beta = 1);
}

/* Properties of layers, maps, nets and bases that the flow and its training depend on. */
enum {
  CLF_HAS_BATCH_STATISTICS = 1, /* in training, the values of a sample depend on its batch */
  CLF_KEEPS_VOLUME = 2,         /* its log-det is 0 */
  CLF_FIXED_VOLUME = 4,         /* its log-det does not depend on x */
  CLF_REBUILDS_BY_INVERSE = 8,  /* backward rebuilds inputs from outputs, with rounding errors */
  CLF_SHARES_ROWS = 16, /* its operations distribute rows over threads: a flow of such layers alone
                           runs without blocks of rows */
  CLF_NO_INVERSE_GRADIENT = 32, /* training through its inverse is not possible */
  CLF_IS_BOUNDED = 64,          /* its domain is bounded */
  CLF_TAKES_PIXELS = 128,       /* first layer of an image flow: takes pixels in 0 .. levels */
  CLF_IS_STANDARDIZE =
      256,               /* standardises: at the head of the list it replaces the flow's scaling */
  CLF_NOT_ON_HOST = 512, /* runs on the device even at the head of the list */
  CLF_PLACES_LATENTS = 1024,     /* what it sends to the latent stays in its place */
  CLF_NO_SAMPLE_GRADIENT = 2048, /* (bases) samples have no gradient by the base's parameters */
  CLF_FITS_ROWS = 4096, /* `fit` needs many training rows before the first step, not a batch */
  CLF_COULD_HAVE_TAILS = 8192 /* an option for linear tails would extend its domain to all x */
};

/* What a workspace holds: values only; or for the backward pass either everything that forward
 * stored, or recomputed values, layer by layer, in memory that all layers share. */
enum { CLF_VALUES, CLF_STORED, CLF_REBUILT };

#endif
