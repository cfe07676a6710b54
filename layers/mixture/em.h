/* SPDX-License-Identifier: MIT */
/* em.h: expectation maximisation of a mixture of normals.  Private.
 *
 * A mixture is a row of parameters in double, in the layout of gaussians.h: logits, means,
 * logarithms of the diagonals of Cholesky factors L, and their elements below the diagonal.  The
 * E step computes moments in each component's own coordinates t = L^-1 (u - mean): there all
 * numbers are of size 1 however narrow a component is, so single precision suffices. */
#ifndef CLF_EM_H
#define CLF_EM_H
#include "clflow/mixture.h"
#include "flow_private.h"
#include "gaussians.h"
#include "mixture_private.h"

/* Rows to fit, on the host: u (rows, dim); weights (rows), of mean 1, or NULL. */
typedef struct clf__em_rows {
  const double *u, *weights;
  int64_t rows;
  int32_t dim;
} clf__em_rows;

/* ---- components.c: the M step, on the host ------------------------------------------------- */

/* How covariances are estimated. */
typedef struct clf__em_rules {
  clf__gaussians_form form;
  int tied;
  double prior;
  double shrink;   /* elements of a full covariance off its diagonal are multiplied by 1 - shrink */
  int32_t factors; /* of full covariances; 0: any covariance */
  const double *reg; /* (dim) added to variances */
} clf__em_rules;

/* A component with fewer rows than this has collapsed. */
#define CLF_EM_FEW 1.0

/* The parameters from the sums (K, S), which are in the coordinates of `row`.  A component
 * without rows keeps its mean and covariance.  Errors: ENOMEM. */
clf_status clf__em_update(const clf__em_rules *r, const double *sums, double *row);
/* Makes every component N(0, I), so that t equals u. */
void clf__em_reset(const clf__gaussians_form *o, double *row);
/* Moves component k to `at`, with the mean covariance of all. */
clf_status clf__em_move(const clf__em_rules *r, double *row, int32_t k, const double *at);

/* ---- factors.c ----------------------------------------------------------------------------- */

/* Replaces a packed covariance (D, D) by the most likely one of Q factors.  Errors: ENOMEM. */
clf_status clf__em_factors(int32_t D, int32_t Q, double *cov);

/* ---- starts.c ------------------------------------------------------------------------------ */

/* Parameters from k-means++ and, with `refine`, Lloyd's iterations after it. */
clf_status clf__em_start(const clf__em_rules *r, const clf__em_rows *data, int refine,
                         clf__host_random *random, double *row);

/* ---- kernels.c ----------------------------------------------------------------------------- */

/* Parameters of a kernel density estimate. */
clf_status clf__em_kernels(const clf__em_rules *r, const clf__em_rows *data,
                           const clf__mixture_form *form, double *row);

/* ---- step.c: the E step, on the device ----------------------------------------------------- */

typedef struct clf__em {
  clf_device *dev;
  clf__gaussians_form form;
  int64_t rows;
  int32_t chunk;
  double total; /* of the weights */
  clf_arena arena;
  clf_tensor u, weights;                       /* (rows, D), (rows) or no buffer */
  clf_tensor numbers, t, logps, resp, logp, s; /* of a chunk */
  double *host;                                /* what is read back of a chunk */
  const double *host_weights;
} clf__em;

/* Copies the rows to the device.  Must be freed also after an error; `data` must outlive it. */
clf_status clf__em_open(clf__em *em, clf_device *dev, const clf__gaussians_form *form,
                        const clf__em_rows *data);
void clf__em_close(clf__em *em);
/* Sums of all rows under a mixture, (K, S), and the mean of log p over them. */
clf_status clf__em_step(clf__em *em, const double *row, double *sums, double *mean);

#endif
