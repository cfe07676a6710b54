/* SPDX-License-Identifier: MIT */
/* chunk.h: transfers host arrays to the device and back in chunks of rows.  Private. */
#ifndef CLF_CHUNK_H
#define CLF_CHUNK_H
#include "flow_private.h"

/* The caller's arrays. */
typedef struct clf__arrays {
  const double *in; /* (n, D) rows; NULL for samples */
  const double *c;  /* (rows, C) the context; NULL: none */
  int64_t repeat;   /* consecutive samples that use the same row of the context; 0: one each */
  double *out;      /* (n, D), or (n) log-densities */
  double *logdet;   /* (n), or NULL */
  double *dx, *dc;  /* gradients; NULL: not computed */
  uint64_t seed;    /* of samples */
  int64_t first;    /* the number of the first sample, also among those that `repeat` counts */
  double temperature;
} clf__arrays;

typedef struct clf__chunk {
  clf_flow *f;
  const clf__arrays *a;
  double *host;  /* (rows, D or C) */
  double *head;  /* (rows) log-dets of layers on the host */
  int64_t first; /* row in the whole array */
  int32_t n;
} clf__chunk;

typedef clf_status (*clf__chunk_fn)(clf__chunk *c);

/* Runs `each` over chunks of n rows.  Repeats a chunk once if the device failed, and uses
 * smaller chunks if memory is short.  train: what the workspace must provide.
 * Errors: EINVAL if a context is missing or not expected. */
clf_status clf__in_chunks(clf_flow *f, int64_t n, const clf__arrays *a, int train,
                          clf__chunk_fn each);
/* The caller's number for row i of the call. */
int64_t clf__row_number(const clf_flow *f, int64_t i);
/* Writes the context of the chunk to the device, and embeds it. */
clf_status clf__put_context(clf__chunk *c, clf__mode mode);
/* Writes the rows of the chunk, in the units of the device, to ws.x[0], and their log-dets to
 * c->head. */
clf_status clf__put_rows(clf__chunk *c, clf_tensor *x);
/* A zeroed log-det of n samples. */
clf_status clf__zeroed(clf_flow *f, int32_t n, clf_tensor *logdet);
/* z and log-dets of the chunk's rows. */
clf_status clf__forward_rows(clf__chunk *c, clf__mode mode, clf_tensor *x, clf_tensor *z,
                             clf_tensor *logdet);
/* The first row of the chunk in which one of `width` numbers at `v` is not finite; c->n: none. */
int32_t clf__first_bad(const clf__chunk *c, const double *v, int32_t width);
/* The memory for latents of n samples. */
clf_tensor clf__latents(const clf_flow *f, int32_t n);

#endif
