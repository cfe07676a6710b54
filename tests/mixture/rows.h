/* SPDX-License-Identifier: MIT */
/* rows.h: shared by the tests of mixtures: rows of a known mixture, and the parameters of a base.
 */
#ifndef CLF_MIXTURE_ROWS_H
#define CLF_MIXTURE_ROWS_H
#include "em.h"
#include "flows.h"

/* The form of the flow's base; `row` is the tensor of its parameters. */
const clf__gaussians_form *form_of(const clf_flow *f, clf_tensor *row);
/* n rows of a mixture of three normals in two columns, weights 0.5, 0.3 and 0.2, one of them narrow
 * and tilted; in units far from 1.  mean_logp: under the mixture itself. */
double *three(clf__host_random *r, int n, double *mean_logp);
clf_table table_of(double *x, int64_t rows, int32_t cols);

void tests_of_golden(TCase *tc);

#endif
