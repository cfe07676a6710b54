/* SPDX-License-Identifier: MIT */
/* bounds64.h: the scalar maps of bounds.def in double, on the host.  Private. */
#ifndef CLF_BOUNDS64_H
#define CLF_BOUNDS64_H
#include <math.h>
#define BOUNDS_REAL double
#define BOUNDS_EXP exp
#define BOUNDS_LOG log
#define BOUNDS_LOG1P log1p
#define BOUNDS_EXPM1 expm1
#define BOUNDS_FLOOR floor
#define BOUNDS_ABS fabs
#define BOUNDS_SQRT sqrt
#define BOUNDS_MAX fmax
#define BOUNDS_MIN fmin
#include "bounds.def"
#endif
