/* SPDX-License-Identifier: MIT */
/* cpu.c: the table of this variant's functions. */
#include "ref.h"

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

static const clf_algorithm *const algorithms[CLF_OP_COUNT] = {
#define CLF_OP(file, name, tensors, params, rules, ...)                                            \
  [CLF_OP_##name] = CLF_REAL(clf__refs_##name),
#include "clflow/ops.def"
#undef CLF_OP
};

extern const clf__cpu_variant CLF_REAL(clf__cpu);
const clf__cpu_variant CLF_REAL(clf__cpu) = {TEXT(CLF_VARIANT), 8 * sizeof(real), algorithms};
