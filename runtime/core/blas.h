/* SPDX-License-Identifier: MIT */
/* blas.h: the process-wide state of the CBLAS that cpu_ref/ calls: the library, its name and its
 * number of threads.  Every device and every variant of cpu_ref/ uses these functions. */
#ifndef CLF_BLAS_H
#define CLF_BLAS_H
#ifdef CLF_CBLAS
#include <cblas.h>
typedef __typeof__(cblas_sgemm) clf__sgemm;

/* The matrix product of the CBLAS of this process; NULL without one.  The first call loads
 * OpenBLAS. */
clf__sgemm *clf__blas_sgemm(void);
#endif

/* The library, its release and the cores it was tuned for; "" without one.  Valid for ever. */
const char *clf__blas_name(void);

/* Between these two calls a product runs on the calling thread only: the caller distributes the
 * work. */
void clf__blas_hold_to_one_thread(void);
void clf__blas_let_go(void);

#endif
