/* SPDX-License-Identifier: MIT */
/* flows.h: what tests of whole flows share: the device from the command line, the way
 * couplings run, gradients, and comparisons that say how far off a number is. */
#ifndef CLF_FLOWS_H
#define CLF_FLOWS_H
#include "flow_private.h"
#include "suite.h"

extern clf_device *flows_dev;
extern int flows_exact; /* the device computes in double */
extern int flows_mode;  /* of flows_gradient(): CLF_STORED, until it is set otherwise */

/* Whether the device is check:, which compares every operation with double: too slow for whole
 * trainings, and not for numbers that overflow in float alone. */
int flows_checking(void);

/* Opens argv[1] (default cpu), runs the tests that `add` adds, returns what main() returns. */
int flows_main(int argc, char **argv, void (*add)(TCase *tc));

/* How couplings run from here on: "always" and "never" fused, NULL as the engine
 * chooses.  It must not change during a flow's life. */
void flows_fuse(const char *how);

/* The flow of an architecture as text. */
clf_flow *flows_of(clf_device *dev, const char *text, uint64_t seed);

/* n doubles, which are the caller's to free(). */
double *flows_array(size_t n);

/* ---- Random flows ------------------------------------------------------------------------ */

/* One of each kind, without and with its options, of 1, 2, 5 and 6 dimensions, on data
 * as it is and standardised, with couplings fused and not. */
typedef struct flows_case {
  clf_flow_spec spec;
  int scaled;
  const char *how; /* for flows_fuse() */
  char label[96];
} flows_case;
enum { FLOWS_KINDS = 3, FLOWS_DIMS = 4, FLOWS_CASES = 4 * FLOWS_KINDS * FLOWS_DIMS + 4 };
flows_case flows_case_at(int i);

/* The flow of a case, with weights away from the initial ones. */
clf_flow *flows_random(const flows_case *c);

/* How far a row may lie from the same row of another call: not at all, but where
 * couplings run unfused and a BLAS has a say, whose sums depend on the number of rows. */
double flows_slack(const flows_case *c);

/* n random points in data units, off the knots of a piecewise flow and inside what it
 * takes. */
void flows_points(const flows_case *c, uint64_t seed, int64_t n, double *x);

/* ---- Gradients ----------------------------------------------------------------------------- */

/* The loss -mean log p (without the scaling's part), its gradient by all weights, laid
 * out as f->w is, and by x, which is in the flow's own units; the steps of train.c. */
void flows_gradient(clf_flow *f, const double *x, int32_t n, double *loss, double *g, double *dx);

/* What a flow of any architecture makes of n rows with their contexts (NULL: none): z with
 * log-determinants, log p, and the gradients of each row's log p by x and c.  Arrays that are NULL
 * are not wanted. */
typedef struct flows_values {
  double *z, *logdet, *logp, *dx, *dc;
} flows_values;
void flows_evaluate(clf_flow *f, const double *x, const double *c, int32_t n, flows_values out);
/* The inverse of n rows z. */
void flows_invert(clf_flow *f, const double *z, const double *c, int32_t n, double *x,
                  double *logdet);
/* The gradient of the sum of log p by all weights, in eval mode: in f->g until the flow is used. */
void flows_weigh(clf_flow *f, const double *x, const double *c, int32_t n);
/* That by one trainable parameter, as the parameter's own numbers come. */
void flows_param_gradient(clf_flow *f, const clf_param *p, double *g);

/* Where element (i, j) of a trainable parameter lies in f->w, and so in g. */
static inline size_t flows_index(const clf_flow *f, const clf_param *p, int32_t i, int32_t j) {
  return (size_t)(p->at.offset - f->w.offset + i * p->at.stride[0] + j * p->at.stride[1]);
}

/* ---- Comparisons --------------------------------------------------------------------------- */

/* The largest |got - want|, in units of |want| where that is above 1; or of the largest
 * |want|.  Infinite if any number is not finite. */
double flows_error(const double *got, const double *want, size_t n);
double flows_error_of_largest(const double *got, const double *want, size_t n);

/* log |det A| of a (D, D) matrix by Gauss's elimination; A is destroyed. */
double flows_log_det(double *A, int D);

/* Fails unless error <= bound.  With CLF_VERBOSE set, prints every error. */
void flows_expect(double error, double bound, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
