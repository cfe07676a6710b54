/* SPDX-License-Identifier: MIT */
/* math.h: MinGW-w64's version distinguishes types with conversions, about which compilers warn
 * in this program's code. */
#pragma GCC system_header
#include_next <math.h>
#undef isfinite
#undef isinf
#undef isnan
#undef signbit
#define isfinite(x) __builtin_isfinite(x)
#define isinf(x) __builtin_isinf(x)
#define isnan(x) __builtin_isnan(x)
#define signbit(x) __builtin_signbit(x)
