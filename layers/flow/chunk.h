/* SPDX-License-Identifier: MIT */
/* chunk.h: host arrays in chunks of rows, on their way to the device and back.  Private. */
#ifndef CLF_CHUNK_H
#define CLF_CHUNK_H
#include "flow_private.h"

/* The caller's arrays. */
typedef struct clf__arrays {
  const double *in; /* (n, D) rows; NULL for samples */
  const double *c;  /* (rows, C) the context; NULL: none */
  int64_t repeat;   /* samples that share a row of the context; 0: one each */
  double *out;      /* (n, D), or (n) log-densities */
  double *logdet;   /* (n), or NULL */
  double *dx, *dc;  /* gradients; NULL: not wanted */
  uint64_t seed;    /* of samples, and the number of the first */
  int64_t first;
  double temperature;
} clf__arrays;

typedef struct clf__chunk {
  clf_flow *f;
  const clf__arrays *a;
  double *host;  /* (rows, D or C) */
  double *head;  /* (rows) log-dets of what the host computes */
  int64_t first; /* row of the whole array */
  int32_t n;
} clf__chunk;

typedef clf_status (*clf__chunk_fn)(clf__chunk *c);

/* Runs `each` over chunks of n rows: once more where the device failed, and over smaller ones where
 * memory is short.  train: what the workspace is to provide for.
 * Errors: EINVAL unless there is a context exactly where the flow takes one. */
clf_status clf__in_chunks(clf_flow *f, int64_t n, const clf__arrays *a, int train,
                          clf__chunk_fn each);
/* What the caller calls row i of the call. */
int64_t clf__row_number(const clf_flow *f, int64_t i);
/* The context of the chunk onto the device, embedded. */
clf_status clf__put_context(clf__chunk *c, clf__mode mode);
/* The rows of the chunk, in what the device is given, into ws.x[0]; log-dets into c->head. */
clf_status clf__put_rows(clf__chunk *c, clf_tensor *x);
/* A zeroed log-det of n samples. */
clf_status clf__zeroed(clf_flow *f, int32_t n, clf_tensor *logdet);
/* z and log-dets of the chunk's rows. */
clf_status clf__forward_rows(clf__chunk *c, clf__mode mode, clf_tensor *x, clf_tensor *z,
                             clf_tensor *logdet);
/* The first row of the chunk in which one of `width` numbers at `v` is not finite; c->n: none. */
int32_t clf__first_bad(const clf__chunk *c, const double *v, int32_t width);
/* Where latents of n samples lie. */
clf_tensor clf__latents(const clf_flow *f, int32_t n);

#endif
