/* SPDX-License-Identifier: MIT */
/* density.h: unnormalised log-densities: targets that a flow is trained against
 * (clf_trainer_create_density() in train.h), and importance sampling of them with a flow.
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

/* Computes log p~ of n points x (n, dim) into logp (n), up to a constant that is the same for
 * all points; and, unless gradient is NULL, its gradient by x into gradient (n, dim).  -inf
 * where p~ is 0; NaN is refused.  The same points must give the same numbers, since training may
 * repeat steps.  A status other than CLF_OK ends the call that needed the numbers, with that
 * status; clf_fail() sets its message. */
typedef clf_status (*clf_density_fn)(const double *x, int64_t n, double *logp, double *gradient,
                                     void *context);

/* A user-defined density: {dim, function, context}. */
typedef struct clf_density {
  int32_t dim;                /* D, coordinates of a point */
  clf_density_fn log_density; /* computes it */
  void *context;              /* passed to log_density */
  uint64_t
      id;    /* distinguishes densities when a training resumes; 0 is fine for user-defined ones */
  void *own; /* set by clf_density_open() */
} clf_density;

/* ---- Built-in targets (clflow/targets.def) ------------------------------------------------ */

/* Opens a built-in target by name, with parameters: "funnel", "funnel:dim=10,scale=3".  EINVAL
 * lists the names, or the parameters of the target. */
CLF_API clf_status clf_density_open(const char *text, clf_density *density);
CLF_API void clf_density_free(clf_density *density); /* NULL is a no-op */
/* log of the integral of p~ over all x; NaN if it is not known in closed form. */
CLF_API double clf_density_log_z(const clf_density *density);

/* A built-in log-density. */
typedef struct clf_target {
  const char *name;       /* NULL after the last one */
  const char *parameters; /* with their defaults: "dim=10,scale=3" */
  const char *help;       /* a phrase */
} clf_target;
/* The built-in ones, targets.def: how many, and the i-th. */
CLF_API int clf_target_count(void);
CLF_API clf_target clf_target_at(int i);

/* ---- Importance sampling ------------------------------------------------------------------ */

/* Statistics of n samples x ~ q of a flow, with weights w = p~(x) / q(x). */
typedef struct clf_importance_score {
  int64_t count, zeros;      /* number of samples; number of those with weight 0 */
  double log_z, log_z_error; /* log of the mean weight, and its standard error (delta method) */
  double ess; /* effective sample size divided by n: (sum w)^2 / (n sum w^2), 0 to 1 */
  double top; /* the largest weight divided by the sum of weights */
  double bound, bound_error; /* mean of log w, a lower bound of log Z, and its standard error;
                                -inf and NaN if a weight is 0 */
} clf_importance_score;

/* Draws samples first .. first + n - 1 of the stream `seed` (as clf_sample(), but
 * beyond the limits of columns, see clf_flow_remove_limits()) and computes their
 * weights, which are written to x (n, dim) and log_weights (n) unless NULL.
 * Errors: EINVAL, ESHAPE (density and flow have different dimensions), ENUM (the log-density of
 * a sample is NaN or infinite; names the sample). */
CLF_API clf_status clf_importance(clf_flow *flow, const clf_density *density, uint64_t seed,
                                  int64_t first, int64_t n, clf_importance_score *score, double *x,
                                  double *log_weights);
/* The same score for given log-weights.  ENUM: one is NaN or infinite. */
CLF_API clf_status clf_importance_score_of(const double *log_weights, int64_t n,
                                           clf_importance_score *score);

#ifdef __cplusplus
}
#endif
#endif
