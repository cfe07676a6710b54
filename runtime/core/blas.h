/* SPDX-License-Identifier: MIT */
/* blas.h: what of the CBLAS that cpu_ref/ calls belongs to the whole process: the library itself,
 * its name and its number of threads.  Every device and every variant of cpu_ref/ goes through
 * here. */
#ifndef CLF_BLAS_H
#define CLF_BLAS_H
#ifdef CLF_CBLAS
#include <cblas.h>
typedef __typeof__(cblas_sgemm) clf__sgemm;

/* The product, by the library that this process uses; NULL without one.  The first call loads
 * OpenBLAS. */
clf__sgemm *clf__blas_sgemm(void);
#endif

/* Which one it is, its release and the cores it chose; "" without one.  The text stays. */
const char *clf__blas_name(void);

/* Between the two, products are the calling thread's alone: who shares them out is the caller. */
void clf__blas_hold_to_one_thread(void);
void clf__blas_let_go(void);

#endif
