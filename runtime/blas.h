/* SPDX-License-Identifier: MIT */
/* blas.h: what of the CBLAS that cpu_ref/ calls belongs to the whole process: its name and its
 * number of threads.  Every device and every variant of cpu_ref/ goes through here. */
#ifndef CLF_BLAS_H
#define CLF_BLAS_H

/* Which one the build found, its release and the cores it chose; "" without one.  The text stays.
 */
const char *clf__blas_name(void);

/* Between the two, products are the calling thread's alone: who shares them out is the caller. */
void clf__blas_hold_to_one_thread(void);
void clf__blas_let_go(void);

#endif
