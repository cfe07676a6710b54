/* SPDX-License-Identifier: MIT */
/* cpu.h: the compiled variants of this folder, among which runtime/core/cpu.c chooses. */
#ifndef CLF_CPU_H
#define CLF_CPU_H
#include "backend.h"

typedef struct clf__cpu_variant {
  const char *name; /* "f64", "f32_baseline", "f32_avx2", "f32_avx512" */
  int bits;
  const clf_algorithm *const *algorithms; /* of each operation */
} clf__cpu_variant;

#endif
