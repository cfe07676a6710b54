/* SPDX-License-Identifier: MIT */
/* ref.h: the framework of reference functions.
 *
 * The folder is compiled several times: with real = double it is the device "cpu64", the
 * reference of the tests; with real = float, once for each useful instruction set, it is the
 * device "cpu", which selects one at run time. */
#ifndef CLF_REF_H
#define CLF_REF_H
#include <math.h>
#include <stdlib.h>
#include "backend.h"
#include "cpu.h"
#include "threads.h"

#ifdef CLF_REAL64
typedef double real;
#else
typedef float real;
#endif

/* Bytes of a vector of the processor. */
#if defined __AVX512F__
enum { VECTOR_BYTES = 64 };
#elif defined __AVX__
enum { VECTOR_BYTES = 32 };
#else
enum { VECTOR_BYTES = 16 };
#endif

#define CLF_JOIN_(a, b) a##_##b
#define CLF_JOIN(a, b) CLF_JOIN_(a, b)
#define CLF_REAL(name) CLF_JOIN(name, CLF_VARIANT) /* name_f64, name_f32_avx2, ... */
#include "real.h"

/* Scratch memory of the device, reused by later calls because fresh memory is slow to touch.
 * NULL if memory runs out. */
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

/* CLF_REF(gemm) { ... p->a ... return CLF_OK; } or, for several algorithms with the
 * specification last,
 *   CLF_REF_ALGORITHM(gemm, by_blas) { ... }
 *   CLF_REFS(gemm, {.name = "blas", .takes = a_blas_takes, .compute = by_blas},
 *            {.name = "plain", .compute = plain})
 * with rules CLF_REF_RULE(gemm, a_blas_takes) { return ... p ...; }. */
#define CLF_OP(file, name, tensors, params, rules, ...)                                            \
  extern const clf_algorithm CLF_REAL(clf__refs_##name)[];
#include "clflow/ops.def"
#undef CLF_OP
#define CLF_REF_ALGORITHM(op, algorithm)                                                           \
  static clf_status algorithm##_(const clf_##op##_args *p, clf_scratch *scratch);                  \
  static clf_status algorithm(const void *args, clf_scratch *scratch) {                            \
    return algorithm##_(args, scratch);                                                            \
  }                                                                                                \
  static clf_status algorithm##_(const clf_##op##_args *p, clf_scratch *scratch)
#define CLF_REFS(op, ...) const clf_algorithm CLF_REAL(clf__refs_##op)[] = {__VA_ARGS__, {0}};
#define CLF_REF(op)                                                                                \
  static clf_status op(const void *args, clf_scratch *scratch);                                    \
  CLF_REFS(op, {.name = "only", .compute = op})                                                    \
  CLF_REF_ALGORITHM(op, op)
/* The same for an elementwise operation, all of whose tensors have one shape: if the samples of
 * [N,D] tensors are contiguous, it sees [D,N], so that its loops run along them. */
#define CLF_TURNED(op)                                                                             \
  clf_##op##_args turned = *p;                                                                     \
  turn_all((clf_tensor *)&turned, clf_ops[CLF_OP_##op].modes);                                     \
  p = &turned
#define CLF_REF_ELEMENTS(op, work, count, i)                                                       \
  static void op##_loop(const void *context, int first, int end);                                  \
  CLF_REF(op) {                                                                                    \
    CLF_TURNED(op);                                                                                \
    (void)scratch;                                                                                 \
    in_threads(work, count, op##_loop, p);                                                         \
    return CLF_OK;                                                                                 \
  }                                                                                                \
  CLF_LOOP(op##_loop, clf_##op##_args, p, i)
#define CLF_REF_RULE(op, rule)                                                                     \
  static int rule##_(const clf_##op##_args *p);                                                    \
  static int rule(const void *args, const struct clf_traits *none) {                               \
    (void)none;                                                                                    \
    return rule##_(args);                                                                          \
  }                                                                                                \
  static int rule##_(const clf_##op##_args *p)

/* A loop that threads may share has its body in a separate function, which receives the index and a
 * constant context:
 *   CLF_LOOP(add_row, struct sums, c, i) { ... c->rows ... i ... }   defines the body;
 *   in_threads(work, count, add_row, &sums);                        runs it for 0 .. count - 1.
 * Loops over single elements are functions of a range, see clf__loop.  Bodies for different
 * indices may run concurrently, in any order.  Sums go to memory of their index, and are added
 * after the loop, in order: so results have the same bits for any number of threads. */
#define CLF_LOOP(name, type, c, i)                                                                 \
  static inline void name##_at(const type *c, int i);                                              \
  static void name(const void *context, int first, int end) {                                      \
    const type *c = context;                                                                       \
    for (int i = first; i < end; i++) name##_at(c, i);                                             \
  }                                                                                                \
  static inline void name##_at(const type *c, int i)

/* An operation that is one such loop, over its arguments p, without scratch memory:
 *   CLF_REF_LOOP(copy, work, count, n) { ... p ... n ... } */
#define CLF_REF_LOOP(op, work, count, i)                                                           \
  static void op##_loop(const void *context, int first, int end);                                  \
  CLF_REF(op) {                                                                                    \
    (void)scratch;                                                                                 \
    in_threads(work, count, op##_loop, p);                                                         \
    return CLF_OK;                                                                                 \
  }                                                                                                \
  CLF_LOOP(op##_loop, clf_##op##_args, p, i)

/* The work, roughly in flops, from which on a second thread is worth waking, which takes 50 us
 * on a shared host; each further one needs half as much.  scripts/tsan uses threads everywhere
 * to find races, and so do small tests in the sanitizer build of scripts/test.  With 2e5 or 1e6,
 * samples of small image flows took 1.4 to 2 times as long, and no workload was faster. */
#ifndef CLF_PARALLEL_FROM
#define CLF_PARALLEL_FROM 4e6
#endif
static inline void in_threads(double work, int count, clf__loop loop, const void *context) {
  const double from = CLF_PARALLEL_FROM;
  const int few = from > 0 && 2 * work < from * CLF_THREADS_MAX;
  if (work > from && count > 1)
    clf__threads_run(count, few ? (int)(2 * work / from) : CLF_THREADS_MAX, loop, context);
  else
    loop(context, 0, count);
}

/* Vectorises loops that compilers would not vectorise by themselves: iterations are independent,
 * or sums may have any order.  (Pragmas only for the compiler; no library is needed.) */
#define CLF_PRAGMA(text) _Pragma(#text)
#define VECTOR_LOOP CLF_PRAGMA(omp simd)
#define VECTOR_SUM(sum) CLF_PRAGMA(omp simd reduction(+ : sum))

static inline real *at(const clf_tensor *t, int n, int c, int h, int w) {
  return (real *)t->buf->handle + t->offset + (ptrdiff_t)n * t->stride[0] +
         (ptrdiff_t)c * t->stride[1] + (ptrdiff_t)h * t->stride[2] + (ptrdiff_t)w * t->stride[3];
}

/* Whether the samples of a tensor [N,D] are contiguous, and its columns are not. */
static inline int by_column(const clf_tensor *t) {
  return t->stride[0] == 1 && t->stride[1] != 1 && t->dim[2] * t->dim[3] == 1;
}
static inline clf_tensor turned_round(clf_tensor t) {
  const clf_tensor from = t;
  for (int i = 0; i < 2; i++) t.dim[i] = from.dim[1 - i], t.stride[i] = from.stride[1 - i];
  return t;
}
/* Transposes all tensors of a call if all have that layout; there is one for each of `modes`. */
static inline void turn_all(clf_tensor *t, const char *modes) {
  for (int i = 0; modes[i]; i++)
    if (t[i].buf && !by_column(&t[i])) return;
  for (int i = 0; modes[i]; i++) t[i] = turned_round(t[i]);
}

/* Pixels of an image: 0 all, 1 those with even h + w, 2 the others; and their number. */
static inline int on_pixels(int pixels, int h, int w) { return !pixels || (h + w + pixels) % 2; }
static inline int count_pixels(int pixels, int H, int W) {
  return pixels ? (H * W + (pixels == 1)) / 2 : H * W;
}

/* Whether the elements of a sample are contiguous: 1 in the order c h w, 2 in h w c, else 0. */
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

/* Iterates over the elements of one sample in c h w order. */
#define EACH_OF(t)                                                                                 \
  for (int c = 0; c < (t)->dim[1]; c++)                                                            \
    for (int h = 0; h < (t)->dim[2]; h++)                                                          \
      for (int w = 0; w < (t)->dim[3]; w++)
/* dL/dlogdet of sample n. */
static inline real dlogdet_of(const clf_tensor *dl, float dlogdet, int n) {
  return dl->buf ? dlogdet * *at(dl, n, 0, 0, 0) : (real)dlogdet;
}

#endif
