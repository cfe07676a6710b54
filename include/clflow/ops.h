/* SPDX-License-Identifier: MIT */
/* ops.h: what ops.def and activations.def expand to in C.  This file names no operation.
 * Included by clflow/core.h. */
#ifndef CLFLOW_OPS_H
#define CLFLOW_OPS_H
#include "clflow/columns.def"
#include "clflow/choices.def"
#include "clflow/scales.def"
#include "clflow/splines.def"

#include "clflow/activations.def"

/* An operation's `act`: CLF_ACT_none, CLF_ACT_tanh, ... */
typedef enum clf_act { /* CLF_ACT_none, CLF_ACT_tanh, ...: the argument `act` of operations */
#define CLF_ACT_ROW(name, from, flops, value, through) CLF_ACT_##name,
                       CLF_ACTIVATIONS(CLF_ACT_ROW)
#undef CLF_ACT_ROW
                           CLF_ACT_COUNT
} clf_act;

/* Whether act_bwd needs the activation's input, not its output. */
static inline int clf_act_wants_input(int act) {
  enum { OUTPUT, INPUT };
#define CLF_ACT_ROW(name, from, flops, value, through) act == CLF_ACT_##name ? from:
  return CLF_ACTIVATIONS(CLF_ACT_ROW) OUTPUT;
#undef CLF_ACT_ROW
}

/* The operations: CLF_OP_gemm, CLF_OP_adam_step, ... */
typedef enum clf_op {
#define CLF_OP(file, name, tensors, params, rules, ...) CLF_OP_##name,
#include "clflow/ops.def"
#undef CLF_OP
  CLF_OP_COUNT
} clf_op;

/* typedef struct { clf_tensor a; ... int ta; ... } clf_gemm_args;
 * Tensors come first, so that generic code can treat them as an array. */
#define CLF_T(mode, name) clf_tensor name;
#define CLF_P(type, name) type name;
#define CLF_OP(file, name, tensors, params, rules, ...)                                            \
  typedef struct clf_##name##_args {                                                               \
    tensors params                                                                                 \
  } clf_##name##_args;
#include "clflow/ops.def"
#undef CLF_OP
#undef CLF_P
#undef CLF_T

/* An operation, as generic code sees it. */
typedef struct clf_op_info {
  const char *name;                             /* "gemm": also the prefix of its kernels */
  const char *file;                             /* "gemm": cl/gemm.cl */
  const char *modes;                            /* "rrou": one letter per tensor */
  size_t args_size, params_offset, params_size; /* bytes of the argument struct */
  clf_status (*rules)(const void *args);        /* ESHAPE names the violated rule */
} clf_op_info;

/* All operations, indexed by clf_op. */
extern CLF_API const clf_op_info clf_ops[CLF_OP_COUNT];

#endif
