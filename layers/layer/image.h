/* SPDX-License-Identifier: MIT */
/* image.h: what the parts of image flows share: passes, views, normalisation.  Private.
 *
 * Images are (N, C, H, W) with the channels last in memory, so that a row of a flow's
 * (N, D) matrix is an image as files hold it, and half of the channels is a view. */
#ifndef CLF_IMAGE_H
#define CLF_IMAGE_H
#include "layer.h"

/* Which positions an operation applies to, by the parity of h + w: a checkerboard. */
enum { CLF_ALL, CLF_EVEN, CLF_ODD };

/* Memory that the networks of all couplings use in turn: vectors for `rows` samples of
 * the largest of them. */
typedef struct clf__image_scratch {
  clf_tensor dact, dh, dout, dr;         /* gradients inside a network */
  clf_tensor da0, du0, dth, dres;        /* gradients at either end of a network */
  clf_tensor weights, dweights;          /* normalised weights of one network; their gradient */
  clf_tensor u0, a0, h, r, out, th, res; /* unless stored: what else is kept per coupling */
  clf_tensor unused;                     /* (rows): log-dets of what is computed again */
} clf__image_scratch;

/* One pass of one layer over n samples. */
typedef struct clf__image_pass {
  clf_device *dev;
  const clf__pass *pass;
  const clf__layer *l;
  const clf__part *constants; /* that stand for statistics where there is no normalisation */
  const clf__image_scratch *s;
  int32_t n;
  clf__mode mode;
  int again; /* 1: couplings are evaluated again, by the statistics that they kept */
  int *bad;  /* not NULL: becomes the first coupling that is not finite, if it is -1 */
} clf__image_pass;

/* The first n of the images that lie one behind the other in a vector. */
static inline clf_tensor clf__image(clf_tensor flat, int32_t n, int32_t C, int32_t H, int32_t W) {
  return (clf_tensor){.buf = flat.buf,
                      .offset = flat.offset,
                      .dim = {n, C, H, W},
                      .stride = {C * H * W, 1, W * C, C}};
}
static inline clf_tensor clf__half(clf_tensor x, int second) {
  const int32_t C = x.dim[1] / 2;
  return clf_slice(x, 1, second ? C : 0, second ? 2 * C : C);
}

/* A vector of rows * size numbers. */
clf_status clf__image_vector(clf_arena *a, int32_t rows, int64_t size, clf_tensor *t);

/* ---- Batch normalisation (norm.c) ------------------------------------------------------ */

typedef struct clf__norm {
  clf__part beta, mean, var; /* beta: in networks only */
} clf__norm;

/* Of one normalisation in one pass: the batch's statistics, and those applied where they
 * are a mixture with the running ones. */
typedef struct clf__norm_kept {
  clf_tensor bmean, bvar, mean, var;
} clf__norm_kept;

void clf__norm_build(clf__parts *p, clf__norm *n, int32_t channels, int with_beta,
                     const char *name);
clf_status clf__norm_plan(const clf__layer *l, int32_t channels, clf_arena *a, clf__norm_kept *k);
/* Before values: in training measures the batch and moves the running statistics. */
clf_status clf__norm_measure(const clf__image_pass *p, const clf__norm *n, const clf__norm_kept *k,
                             clf_tensor x, int pixels);

/* What a pass normalises by.  bmean: only where it is not mean; batch: the share of the batch's
 * own statistics. */
typedef struct clf__statistics {
  clf_tensor mean, var, bmean, beta;
  float eps, batch;
} clf__statistics;
clf__statistics clf__norm_statistics(const clf__image_pass *p, const clf__norm *n,
                                     const clf__norm_kept *k, int32_t channels);

/* y = (x - mean) / sqrt(var + eps) + beta; x counts as 0 off `pixels`. */
clf_status clf__norm_forward(const clf__image_pass *p, const clf__norm *n, const clf__norm_kept *k,
                             clf_tensor x, int pixels, clf_tensor y);
/* dx = add dx + dL/dx, and adds to beta's gradient; act is what followed, as the operations have
 * it. */
clf_status clf__norm_backward(const clf__image_pass *p, const clf__norm *n, const clf__norm_kept *k,
                              clf_tensor x, int pixels, int act, clf_tensor dy, float add,
                              clf_tensor dx);

/* The same as a layer of the flow, without beta, on `pixels` alone. */
clf_status clf__norm_flow_forward(const clf__image_pass *p, const clf__norm *n,
                                  const clf__norm_kept *k, clf_tensor x, int pixels, clf_tensor y,
                                  clf_tensor logdet);
clf_status clf__norm_flow_inverse(const clf__image_pass *p, const clf__norm *n, clf_tensor y,
                                  int pixels, clf_tensor x, clf_tensor logdet);
clf_status clf__norm_flow_backward(const clf__image_pass *p, const clf__norm *n,
                                   const clf__norm_kept *k, clf_tensor x, int pixels, clf_tensor dy,
                                   float dlogdet, clf_tensor dx);

/* Constants that stand for statistics where there is no normalisation: 0 and 1. */
void clf__norm_add_constants(clf__parts *p, clf__part *constants, int32_t most_channels);
void clf__norm_init_constants(const clf__part *constants, double *c);

#endif
