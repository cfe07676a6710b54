/* SPDX-License-Identifier: MIT */
/* clblast.h: the one function of CLBlast that clflow calls.  Private. */
#ifndef CLF_CLBLAST_H
#define CLF_CLBLAST_H
#ifdef CLF_CLBLAST
#include "load.h"
#include <clblast_c.h>

typedef __typeof__(CLBlastSgemm) clf__clblast_sgemm_fn;

/* CLBlastSgemm, or NULL where CLBlast is not installed.  It is loaded when it is first asked for,
 * with CLF_OPENCL=load, since it is linked with OpenCL's library itself. */
clf__clblast_sgemm_fn *clf__clblast_sgemm(void);
#endif
#endif
