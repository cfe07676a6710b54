/* SPDX-License-Identifier: MIT */
/* ref.h: what a reference function may use.
 *
 * The folder is compiled several times: with real = double it is the device
 * "cpu64", the oracle of the tests; with real = float, once for each instruction
 * set that is worth it, it is the device "cpu", which picks one at run time. */
#ifndef CLF_REF_H
#define CLF_REF_H
#include <math.h>
#include <stdlib.h>
#include "backend.h"
#include "cpu.h"

#ifdef CLF_REAL64
typedef double real;
#else
typedef float real;
#endif
#define CLF_JOIN_(a, b) a##_##b
#define CLF_JOIN(a, b) CLF_JOIN_(a, b)
#define CLF_REAL(name) CLF_JOIN(name, CLF_VARIANT) /* name_f64, name_f32_avx2, ... */
#include "real.h"

/* Scratch memory of the device, kept from call to call: fresh memory is slow to
 * touch.  NULL when there is none. */
typedef struct clf_scratch {
  void *at;
  size_t size;
} clf_scratch;
static inline real *clf_scratch_get(clf_scratch *s, size_t reals) {
  if (reals * sizeof(real) > s->size) {
    free(s->at);
    s->size = 0;
    s->at = malloc(reals * sizeof(real));
    if (s->at) s->size = reals * sizeof(real);
  }
  return s->at;
}
#define CLF_NEED(memory, reals)                                                                    \
  if (!(memory))                                                                                   \
  return clf__fail(CLF_ENOMEM, "%s: no scratch memory for %zu numbers", __func__, (size_t)(reals))

/* CLF_REF(gemm) { ... p->a ... return CLF_OK; }, or where there are several ways, the
 * specification last,
 *   CLF_REF_WAY(gemm, by_blas) { ... }
 *   CLF_REFS(gemm, {.name = "blas", .takes = a_blas_takes, .compute = by_blas},
 *            {.name = "plain", .compute = plain})
 * with rules CLF_REF_RULE(gemm, a_blas_takes) { return ... p ...; }. */
#define CLF_OP(file, name, tensors, params, rules)                                                 \
  extern const clf_way CLF_REAL(clf__refs_##name)[];
#include "clflow/ops.def"
#undef CLF_OP
#define CLF_REF_WAY(op, way)                                                                       \
  static clf_status way##_(const clf_##op##_args *p, clf_scratch *scratch);                        \
  static clf_status way(const void *args, clf_scratch *scratch) { return way##_(args, scratch); }  \
  static clf_status way##_(const clf_##op##_args *p, clf_scratch *scratch)
#define CLF_REFS(op, ...) const clf_way CLF_REAL(clf__refs_##op)[] = {__VA_ARGS__, {0}};
#define CLF_REF(op)                                                                                \
  static clf_status op(const void *args, clf_scratch *scratch);                                    \
  CLF_REFS(op, {.name = "only", .compute = op})                                                    \
  CLF_REF_WAY(op, op)
#define CLF_REF_RULE(op, rule)                                                                     \
  static int rule##_(const clf_##op##_args *p);                                                    \
  static int rule(const void *args, const struct clf_traits *none) {                               \
    (void)none;                                                                                    \
    return rule##_(args);                                                                          \
  }                                                                                                \
  static int rule##_(const clf_##op##_args *p)

/* PARALLEL_FOR(work, int n = 0; n < N; n++) { }: a loop for threads, where `work`
 * (roughly its flops) pays for waking them, 50 us where they sleep and a core's host is shared.
 * Without OpenMP it is a loop like any other.  scripts/tsan, which looks for races, has threads
 * everywhere, and the sanitizers' build in scripts/test in small tests too. */
#ifndef CLF_PARALLEL_FROM
#define CLF_PARALLEL_FROM 4e6
#endif
#define CLF_PRAGMA(text) _Pragma(#text)
#ifdef _OPENMP
#define PARALLEL_FOR(work, ...)                                                                    \
  CLF_PRAGMA(omp parallel for if ((double)(work) > CLF_PARALLEL_FROM)) for (__VA_ARGS__)
#else
#define PARALLEL_FOR(work, ...)                                                                    \
  for (int once_ = (double)(work) >= 0; once_; once_ = 0)                                          \
    for (__VA_ARGS__)
#endif

/* PARALLEL_EACH(work, i, count, call(i)): the same for operations of a few microseconds, where
 * libgomp's region of one thread, a system call each, would show. */
#define PARALLEL_EACH(work, i, count, call)                                                        \
  if ((double)(work) > CLF_PARALLEL_FROM)                                                          \
    PARALLEL_FOR(work, int i = 0; i < (count); i++) call;                                          \
  else                                                                                             \
    for (int i = 0; i < (count); i++) call

static inline real *at(const clf_tensor *t, int n, int c, int h, int w) {
  return (real *)t->buf->handle + t->offset + (ptrdiff_t)n * t->stride[0] +
         (ptrdiff_t)c * t->stride[1] + (ptrdiff_t)h * t->stride[2] + (ptrdiff_t)w * t->stride[3];
}

/* Positions of an image: 0 all, 1 those with even h + w, 2 the others; how many. */
static inline int on_pixels(int pixels, int h, int w) { return !pixels || (h + w + pixels) % 2; }
static inline int count_pixels(int pixels, int H, int W) {
  return pixels ? (H * W + (pixels == 1)) / 2 : H * W;
}

/* Whether the elements of a sample lie side by side: 1 in the order c h w, 2 in h w c, else 0. */
static inline int dense_order(const clf_tensor *t) {
  const int C = t->dim[1], H = t->dim[2], W = t->dim[3];
  if ((W == 1 || t->stride[3] == 1) && (H == 1 || t->stride[2] == W) &&
      (C == 1 || t->stride[1] == H * W))
    return 1;
  return (C == 1 || t->stride[1] == 1) && (W == 1 || t->stride[3] == C) &&
                 (H == 1 || t->stride[2] == C * W)
             ? 2
             : 0;
}

/* Every element of one sample, c h w in order. */
#define EACH_OF(t)                                                                                 \
  for (int c = 0; c < (t)->dim[1]; c++)                                                            \
    for (int h = 0; h < (t)->dim[2]; h++)                                                          \
      for (int w = 0; w < (t)->dim[3]; w++)
#endif
