/* SPDX-License-Identifier: MIT */
/* cpu.c: the table of this variant's functions. */
#include "ref.h"

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

/* A small build leaves out what training or images alone run (layers/export/calls.def), so that a
 * linker drops these functions. */
#if defined CLF_NO_TRAIN || defined CLF_NO_IMAGES
static clf_status left_out_of_it(const void *args, clf_scratch *scratch) {
  (void)args, (void)scratch;
  return clf__fail(CLF_ENOTSUP, "this clflow was built without training or images");
}
static const clf_algorithm left_out[] = {{.name = "left out", .compute = left_out_of_it},
                                         {.name = NULL}};
#pragma GCC diagnostic ignored "-Woverride-init" /* of the table below */
#endif
#ifdef CLF_NO_TRAIN
#define LEAVE_BACKWARD(name) [CLF_OP_##name] = left_out,
#define LEAVE_TRAINING(name) [CLF_OP_##name] = left_out,
#else
#define LEAVE_BACKWARD(name)
#define LEAVE_TRAINING(name)
#endif
#ifdef CLF_NO_IMAGES
#define LEAVE_IMAGES(name) [CLF_OP_##name] = left_out,
#else
#define LEAVE_IMAGES(name)
#endif
#define LEAVE_WEIGHTS(name)
#define LEAVE_NOWHERE(name)

static const clf_algorithm *const algorithms[CLF_OP_COUNT] = {
#define CLF_OP(file, name, tensors, params, rules, ...)                                            \
  [CLF_OP_##name] = CLF_REAL(clf__refs_##name),
#include "clflow/ops.def"
#undef CLF_OP
#define CLF_CALL(name, when, text)
#define CLF_NO_CALL(name, why) LEAVE_##why(name)
#include "../layers/export/calls.def"
};

extern const clf__cpu_variant CLF_REAL(clf__cpu);
const clf__cpu_variant CLF_REAL(clf__cpu) = {TEXT(CLF_VARIANT), 8 * sizeof(real), algorithms};
