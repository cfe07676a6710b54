/* SPDX-License-Identifier: MIT */
/* flows.h: shared by tests of whole flows: the device from the command line, the mode of
 * couplings, gradients, and comparisons that report the size of an error. */
#ifndef CLF_FLOWS_H
#define CLF_FLOWS_H
#include "flow_private.h"
#include "suite.h"

extern clf_device *flows_dev;
extern int flows_exact; /* the device computes in double */
extern int flows_mode;  /* of flows_gradient(): CLF_STORED by default */

/* Whether the device is check:, which compares every operation with double: too slow for whole
 * trainings, and not suitable for numbers that overflow only in float. */
int flows_checking(void);

/* Opens argv[1] (default cpu), runs the tests that `add` adds, returns what main() returns. */
int flows_main(int argc, char **argv, void (*add)(TCase *tc));

/* How couplings run from now on: "always" and "never" fused, NULL: the default choice.  It must
 * not change during a flow's life. */
void flows_fuse(const char *how);

/* The flow of an architecture as text. */
clf_flow *flows_of(clf_device *dev, const char *text, uint64_t seed);

/* n doubles; the caller frees them with free(). */
double *flows_array(size_t n);

/* ---- Random flows ------------------------------------------------------------------------ */

/* One of each kind, without and with its options, in 1, 2, 5 and 6 dimensions, on data with and
 * without standardisation, with couplings fused and not. */
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

/* The permitted difference of a row between calls: 0, unless couplings run unfused with a BLAS,
 * whose sums depend on the number of rows. */
double flows_slack(const flows_case *c);

/* n random points in data units, inside the domain and away from the knots of a piecewise flow. */
void flows_points(const flows_case *c, uint64_t seed, int64_t n, double *x);

/* ---- Gradients ----------------------------------------------------------------------------- */

/* The loss -mean log p (without the part of the scaling), its gradient by all weights, in the
 * layout of f->w, and by x, in the flow's own units; the steps of training. */
void flows_gradient(clf_flow *f, const double *x, int32_t n, double *loss, double *g, double *dx);

/* Results of a flow of any architecture for n rows with their contexts (NULL: none): z with
 * log-determinants, log p, and the gradients of each row's log p by x and c.  NULL arrays are
 * not computed. */
typedef struct flows_values {
  double *z, *logdet, *logp, *dx, *dc;
} flows_values;
void flows_evaluate(clf_flow *f, const double *x, const double *c, int32_t n, flows_values out);
/* The inverse of n rows z. */
void flows_invert(clf_flow *f, const double *z, const double *c, int32_t n, double *x,
                  double *logdet);
/* The gradient of the sum of log p by all weights, in eval mode: in f->g until the flow is used. */
void flows_weigh(clf_flow *f, const double *x, const double *c, int32_t n);
/* The gradient by one trainable parameter, in the parameter's order. */
void flows_param_gradient(clf_flow *f, const clf_param *p, double *g);

/* Index of element (i, j) of a trainable parameter in f->w, and in g. */
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
