/* SPDX-License-Identifier: MIT */
/* density.h: unnormalised log-densities that are given: targets to train a flow against
 * (clf_trainer_create_density() in train.h), and importance sampling of them by a flow.
 *
 *   clf_density d;
 *   clf_density_open("funnel:dim=10", &d);
 *   clf_importance(flow, &d, 1, 0, 100000, &result, NULL, NULL);
 *   printf("log Z = %g +- %g\n", result.log_z, result.log_z_error);
 *   clf_density_free(&d); */
#ifndef CLFLOW_DENSITY_H
#define CLFLOW_DENSITY_H
#include "clflow/flow.h"

#ifdef __cplusplus
extern "C" {
#endif

/* log p~ of n points x (n, dim) into logp (n), up to a constant that is the same for all points;
 * and, unless gradient is NULL, its gradient by x into gradient (n, dim).  -inf where p~ is 0; NaN
 * is refused.  It must give the same numbers for the same points, since steps of a training may be
 * repeated.  Anything but CLF_OK ends the call that needed the numbers, with that status;
 * clf_fail() says why. */
typedef clf_status (*clf_density_fn)(const double *x, int64_t n, double *logp, double *gradient,
                                     void *context);

/* A density of the caller's: {dim, function, context}. */
typedef struct clf_density {
  int32_t dim;
  clf_density_fn log_density;
  void *context;
  uint64_t id; /* tells densities apart when a training resumes; 0 of the caller's is fine */
  void *own;   /* of clf_density_open() */
} clf_density;

/* ---- Built-in targets (clflow/targets.def) ------------------------------------------------ */

/* A target by name, with parameters: "funnel", "funnel:dim=10,scale=3".  EINVAL lists the names, or
 * the parameters of the target. */
CLF_API clf_status clf_density_open(const char *text, clf_density *density);
CLF_API void clf_density_free(clf_density *density); /* NULL is a no-op */
/* log of the integral of p~ over all x; NaN where it is not known in closed form. */
CLF_API double clf_density_log_z(const clf_density *density);

typedef struct clf_target {
  const char *name;       /* NULL beyond the last */
  const char *parameters; /* "dim=10,scale=3": with their defaults */
  const char *help;       /* a phrase */
} clf_target;
CLF_API int clf_target_count(void);
CLF_API clf_target clf_target_at(int i);

/* ---- Importance sampling ------------------------------------------------------------------ */

/* Of n samples x ~ q of a flow with weights w = p~(x) / q(x). */
typedef struct clf_importance_score {
  int64_t count, zeros;      /* samples; those with weight 0 */
  double log_z, log_z_error; /* log of the mean weight, and its standard error (delta method) */
  double ess;                /* effective sample size over n: (sum w)^2 / (n sum w^2), 0 to 1 */
  double top;                /* share of the largest weight in their sum */
  double bound, bound_error; /* mean of log w, a lower bound of log Z, and its standard error;
                                -inf and NaN if a weight is 0 */
} clf_importance_score;

/* Samples first .. first + n - 1 of the stream `seed` (as clf_sample()) and their weights; x (n,
 * dim) and log_weights (n) receive them unless NULL.
 * Errors: EINVAL, ESHAPE (the density has another dimension than the flow), ENUM (the log-density
 * of a sample is NaN or infinite: names the sample). */
CLF_API clf_status clf_importance(clf_flow *flow, const clf_density *density, uint64_t seed,
                                  int64_t first, int64_t n, clf_importance_score *score, double *x,
                                  double *log_weights);
/* The same of log-weights that are at hand.  ENUM: one is NaN or infinite. */
CLF_API clf_status clf_importance_score_of(const double *log_weights, int64_t n,
                                           clf_importance_score *score);

#ifdef __cplusplus
}
#endif
#endif
