/* SPDX-License-Identifier: MIT */
/* clblast.c: matrix products by CLBlast, for each class of shapes only after one result agreed with
 * our own kernel.
 *
 * Releases up to 1.6.2 give wrong results on some devices for some shapes, and releases up to 1.6.0
 * are not thread-safe: hence the verdicts, and the lock. */
#include "clblast.h"
#include "opencl.h"
#ifdef CLF_CLBLAST
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

static int log2_of(int n) {
  int k = 0;
  while (n >>= 1) k++;
  return k;
}

/* Shapes whose sizes have the same magnitude and raggedness run the same code. */
static uint32_t class_of(const clf_gemm_args *p) {
  const int M = p->c.dim[0], N = p->c.dim[1], K = p->a.dim[!p->ta];
  const int ragged = (M % 32 != 0) | (N % 32 != 0) << 1 | (K % 32 != 0) << 2;
  return (uint32_t)((p->ta != 0) | (p->tb != 0) << 1 | (p->beta != 0) << 2 | ragged << 3 |
                    log2_of(M) << 6 | log2_of(N) << 11 | log2_of(K) << 16);
}

/* CLBlast takes rows whose elements are contiguous and that do not overlap. */
static int takes(const clf_tensor *t) { return t->stride[1] == 1 && t->stride[0] >= t->dim[1]; }

/* Not 0, a success, where there is no CLBlast. */
static cl_int sgemm(clf__cl *cl, const clf_gemm_args *p, cl_mem c, size_t c_offset, size_t ldc) {
  const size_t M = (size_t)p->c.dim[0], N = (size_t)p->c.dim[1], K = (size_t)p->a.dim[!p->ta];
  clf__clblast_sgemm_fn *const compute = clf__clblast_sgemm();
  if (!compute) return CLBlastNotImplemented;
  pthread_mutex_lock(&one_at_a_time);
  const CLBlastStatusCode s =
      compute(CLBlastLayoutRowMajor, p->ta ? CLBlastTransposeYes : CLBlastTransposeNo,
              p->tb ? CLBlastTransposeYes : CLBlastTransposeNo, M, N, K, p->alpha, p->a.buf->handle,
              (size_t)p->a.offset, (size_t)p->a.stride[0], p->b.buf->handle, (size_t)p->b.offset,
              (size_t)p->b.stride[0], p->beta, c, c_offset, ldc, &cl->queue, NULL);
  pthread_mutex_unlock(&one_at_a_time);
  return (cl_int)s;
}

/* Our own kernel, as a value of clf_device.forced. */
static int tiles(const clf_device *dev) { return clf__algorithm_count(dev, CLF_OP_gemm); }

/* Computes the call by CLBlast and by our own kernel.  c is restored, unless the device fails. */
static clf_status run_both(clf_device *dev, const clf_gemm_args *p, float *got, float *want,
                           float *before) {
  const size_t span = clf__span(&p->c), at = (size_t)p->c.offset;
  const clf_backend *b = dev->backend;
  clf_gemm_args own = *p;
  own.bias = (clf_tensor){0};
  own.act = 0;
  CLF_TRY(b->read(dev, p->c.buf, at, before, span));
  if (sgemm(dev->impl, p, p->c.buf->handle, at, (size_t)p->c.stride[0])) return CLF_ENOTSUP;
  CLF_TRY(b->read(dev, p->c.buf, at, got, span));
  CLF_TRY(b->write(dev, p->c.buf, at, before, span));
  const int forced = dev->forced;
  dev->forced = tiles(dev);
  const clf_status s = b->run(dev, CLF_OP_gemm, &own);
  dev->forced = forced;
  CLF_TRY(s);
  CLF_TRY(b->read(dev, p->c.buf, at, want, span));
  return b->write(dev, p->c.buf, at, before, span);
}

/* Gaps between rows may hold NaN. */
static int are_close(const float *got, const float *want, size_t n) {
  double largest = 0;
  int close = 1;
  for (size_t i = 0; i < n; i++)
    if (isfinite(want[i])) largest = fmax(largest, fabs((double)want[i]));
  for (size_t i = 0; i < n; i++)
    close &= fabs((double)got[i] - (double)want[i]) <= 1e-4 * largest ||
             (isnan(got[i]) && isnan(want[i]));
  return close;
}

/* Compares both results: 1 if CLBlast may be used for calls of this class. */
static int agrees(clf_device *dev, const clf_gemm_args *p) {
  const size_t span = clf__span(&p->c);
  float *got = malloc(3 * span * sizeof *got);
  if (!got) return 0;
  const int ok =
      !run_both(dev, p, got, got + span, got + 2 * span) && are_close(got, got + span, span);
  free(got);
  return ok;
}

static int trusted(clf_device *dev, const clf_gemm_args *p) {
  clf__cl *cl = dev->impl;
  const uint32_t key = class_of(p);
  for (int i = 0; i < cl->blas_count; i++)
    if (cl->blas[i].key == key) return cl->blas[i].trusted;
  if (cl->blas_count == CLF_BLAS_CLASSES) return 0;
  const int verdict = agrees(dev, p);
  cl->blas[cl->blas_count].key = key;
  cl->blas[cl->blas_count++].trusted = verdict;
  return verdict;
}

clf_status clf__cl_blas(clf_call *call, int *done) {
  clf_device *dev = call->impl;
  clf__cl *cl = dev->impl;
  const clf_gemm_args *p = call->args;
  *done = 0;
  if (call->op != CLF_OP_gemm || !takes(&p->a) || !takes(&p->b) || !takes(&p->c)) return CLF_OK;
  if (!trusted(dev, p)) return CLF_OK;
  *done = !sgemm(cl, p, p->c.buf->handle, (size_t)p->c.offset, (size_t)p->c.stride[0]);
  return CLF_OK;
}

#else
clf_status clf__cl_blas(clf_call *call, int *done) {
  (void)call;
  *done = 0;
  return CLF_OK;
}
#endif
