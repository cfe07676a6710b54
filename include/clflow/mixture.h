/* SPDX-License-Identifier: MIT */
/* mixture.h: Gaussian mixtures by expectation maximisation (Dempster, Laird and Rubin 1977).
 *
 * The mixture is the base of a flow, so it is sampled, evaluated and saved as any flow:
 *   clf_arch_parse("7: standardize -> mixture(16, cov=full)", &arch);
 *   clf_flow_create_arch(dev, arch, seed, &flow);
 *   clf_mixture_options o = clf_mixture_options_default();
 *   clf_mixture_fit(flow, &(clf_train_data){.x = &table}, &o, &result); */
#ifndef CLFLOW_MIXTURE_H
#define CLFLOW_MIXTURE_H
#include "clflow/train.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Begin with clf_mixture_options_default(). */
typedef struct clf_mixture_options {
  uint64_t seed;      /* of the starts */
  int32_t starts;     /* k-means++ starts; the best one after 100 iterations continues; 1 to 1000,
                         default 1 */
  int32_t iterations; /* maximum number of EM iterations; 1 to 1e6, default 300 */
  double
      tol; /* EM ends when the mean log p of an iteration increases by less, nats; default 1e-4 */
  double reg;   /* added to the variance of each column, relative to the column's variance over all
                   rows; above 0, default 1e-6 */
  double prior; /* shrinks each covariance towards the mean of all, with the weight of this many
                   rows; default 0 */
  int tied;     /* 1: one covariance for all components; only for full covariances */
  /* Called before each iteration; a result other than 0 ends the fit, and the flow gets the
   * parameters so far.  NULL: never. */
  int (*stop)(void *context);
  void *context;    /* passed to stop */
  clf_more more[8]; /* further options, by name; 0 */
} clf_mixture_options;
/* The defaults that the members name; seed 1. */
CLF_API clf_mixture_options clf_mixture_options_default(void);
/* Sets an option by its name, the member's, from text; stop and context are set in the struct.
 * EINVAL: there is no such option (names the nearest), or the value is of another type; the options
 * are then unchanged.  clf_mixture_fit() checks ranges. */
CLF_API clf_status clf_mixture_options_set(clf_mixture_options *options, const char *name,
                                           const char *value);

/* What a fit of a mixture came to. */
typedef struct clf_mixture_result {
  double mean;        /* log p of a row given its context, mean over the (weighted) rows, nats */
  int32_t iterations; /* of EM over all rows, from the chosen start */
  int converged;      /* 1: mean log p increased by less than tol */
  int stopped;        /* 1: `stop` ended the fit */
  int32_t reseeded;   /* components that lost their rows and were restarted elsewhere */
} clf_mixture_result;

/* Fits the base of a flow to the latents of the data by EM; its layers are not changed.  The
 * base is mixture(K, cov=...) or normal(trained, cov=full), whose fit is exact.  A flow that
 * standardises its data or context and has no scaling yet takes the scaling of the data, as in
 * training; discrete columns get the same noise.  Each start begins with k-means++ (Arthur and
 * Vassilvitskii 2007) on at most 16384 rows, where EM runs to convergence; the best start
 * continues with all rows.  The same seed on the same device gives the same bits.  `result` may
 * be NULL.
 * Errors: EINVAL (another base, an option out of range, fewer than 2 rows per component),
 * ESHAPE, ENUM (as clf_trainer_create_with()), ESTOPPED (before the first iteration), ENOMEM.
 * The base is then unchanged. */
CLF_API clf_status clf_mixture_fit(clf_flow *flow, const clf_train_data *data,
                                   const clf_mixture_options *options, clf_mixture_result *result);

/* Copies the base of a flow, with its parameters, to another flow with the same base, together
 * with the scaling of data and context.  If the layers of the other flow start as the identity,
 * it then starts as a copy of `from`: layers such as lu, and couplings or autoregressive layers
 * whose map is the identity at zero and whose net has zero=1, as in
 *   7: standardize, (coupling(rq(identity=1), mlp(64x2, zero=1)), lu)*6 -> mixture(16, cov=full)
 * Errors: EINVAL (another base, or one of another size), ENOMEM. */
CLF_API clf_status clf_flow_set_base_of(clf_flow *flow, const clf_flow *from);

#ifdef __cplusplus
}
#endif
#endif
