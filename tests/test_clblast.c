/* SPDX-License-Identifier: MIT */
/* test_clblast.c: which products CLBlast computes: those with a suitable layout, in a class of
 * shapes for which it agreed with our own kernel.  test_ops checks the results. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "backend.h"
#include "opencl.h"
#include "clblast.h"
#include "suite.h"

enum { M = 96, N = 64, K = 80, ROOM = 4 * M * N }; /* above the 2^18 multiplications of cl/gemm.c */
static clf_device *dev;
static clf_arena arena;

static void open_device(void) {
  WORKS(clf_open("opencl:/clblast", &dev));
  WORKS(clf_arena_init(&arena, dev, 8 * ROOM));
}
static void close_device(void) {
  clf_arena_free(&arena);
  clf_close(dev);
}

static clf__cl *cl(void) { return dev->impl; }

/* A matrix of ones in rows at distance `pitch`, with elements of a row at distance `step`; NaN
 * in between. */
static clf_tensor ones(int32_t rows, int32_t cols, int32_t pitch, int32_t step) {
  clf_tensor t, all;
  const int32_t n = rows * pitch * step;
  float *v = malloc((size_t)n * sizeof *v);
  ck_assert_ptr_nonnull(v);
  WORKS(clf_new(&arena, (int32_t[4]){n}, &all));
  for (int32_t i = 0; i < n; i++) v[i] = NAN;
  for (int32_t r = 0; r < rows; r++)
    for (int32_t c = 0; c < cols; c++) v[r * pitch * step + c * step] = 1;
  WORKS(clf_write(dev, all, v));
  free(v);
  t = all;
  t.dim[0] = rows, t.dim[1] = cols;
  t.stride[0] = pitch * step, t.stride[1] = step;
  return t;
}

typedef struct layout {
  int32_t more, step; /* elements between rows; distance of elements of a row */
} layout;

static const layout dense = {0, 1};

static void multiply_ones(clf_gemm_args *p) {
  const int count = p->c.dim[0] * p->c.dim[1];
  float got[ROOM];
  p->alpha = 1;
  WORKS(clf_dispatch(dev, CLF_OP_gemm, p));
  WORKS(clf_read(dev, p->c, got));
  for (int i = 0; i < count; i++) ck_assert_float_eq(got[i], (float)p->a.dim[1] + p->beta);
}

/* c = a b of ones, each in this layout; every element of c is K + beta. */
static void product(layout a, layout b, layout c, float beta) {
  multiply_ones(&(clf_gemm_args){.a = ones(M, K, K + a.more, a.step),
                                 .b = ones(K, N, N + b.more, b.step),
                                 .c = ones(M, N, N + c.more, c.step),
                                 .beta = beta});
}

static void product_of_sizes(int32_t m, int32_t n, int32_t k) {
  multiply_ones(
      &(clf_gemm_args){.a = ones(m, k, k, 1), .b = ones(k, n, n, 1), .c = ones(m, n, n, 1)});
}

static void count_is(int count) {
  ck_assert_int_eq(cl()->blas_count, count);
  for (int i = 0; i < count; i++) ck_assert_int_eq(cl()->blas[i].trusted, 1);
}

/* A class is checked once; rows with gaps belong to the same class. */
START_TEST(rows_it_takes) {
  count_is(0);
  product(dense, dense, dense, 0);
  count_is(1);
  product(dense, dense, dense, 0);
  product((layout){3, 1}, (layout){5, 1}, (layout){7, 1}, 0);
  count_is(1);
  product(dense, dense, dense, 2);
  count_is(2);
  product(dense, dense, (layout){7, 1}, 2);
  count_is(2);
}
END_TEST

/* A size that is no multiple of 32 makes another class, whichever of the three it is. */
START_TEST(sizes_of_a_class) {
  product_of_sizes(64, 96, 64);
  product_of_sizes(96, 64, 96);
  count_is(1);
  product_of_sizes(65, 96, 64);
  count_is(2);
  product_of_sizes(64, 97, 64);
  count_is(3);
  product_of_sizes(64, 96, 65);
  count_is(4);
}
END_TEST

/* If elements of a row are not contiguous in one of the three, our own kernel computes. */
START_TEST(rows_it_does_not_take) {
  const layout apart = {0, 2};
  product(apart, dense, dense, 0);
  product(dense, apart, dense, 0);
  product(dense, dense, apart, 0);
  count_is(0);
}
END_TEST

/* Our own kernel computes in classes where CLBlast disagreed, and in further classes when the
 * table is full. */
START_TEST(classes_it_is_not_trusted_in) {
  product(dense, dense, dense, 0);
  count_is(1);
  cl()->blas[0].trusted = 0;
  product(dense, dense, dense, 0);
  ck_assert_int_eq(cl()->blas[0].trusted, 0);
  for (int i = 0; i < CLF_BLAS_CLASSES; i++) cl()->blas[i].key = UINT32_MAX - (uint32_t)i;
  cl()->blas_count = CLF_BLAS_CLASSES;
  product(dense, dense, dense, 0);
  ck_assert_int_eq(cl()->blas_count, CLF_BLAS_CLASSES);
}
END_TEST

/* ---- Threads --------------------------------------------------------------------------------- */

static atomic_int inside, most; /* current calls of CLBlast, and the maximum at one time */
static atomic_int slowly;

#define SGEMM_PARAMETERS                                                                           \
  CLBlastLayout order, CLBlastTranspose ta, CLBlastTranspose tb, size_t m, size_t n, size_t k,     \
      float alpha, cl_mem a, size_t a_at, size_t a_ld, cl_mem b, size_t b_at, size_t b_ld,         \
      float beta, cl_mem to, size_t to_at, size_t to_ld, cl_command_queue *queue, cl_event *event
clf__clblast_sgemm_fn *__real_clf__clblast_sgemm(void);
clf__clblast_sgemm_fn *__wrap_clf__clblast_sgemm(void);

static CLBlastStatusCode counted_sgemm(SGEMM_PARAMETERS) {
  const int now = atomic_fetch_add(&inside, 1) + 1;
  if (now > atomic_load(&most)) atomic_store(&most, now);
  if (atomic_load(&slowly)) nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
  const CLBlastStatusCode s =
      __real_clf__clblast_sgemm()(order, ta, tb, m, n, k, alpha, a, a_at, a_ld, b, b_at, b_ld, beta,
                                  to, to_at, to_ld, queue, event);
  atomic_fetch_sub(&inside, 1);
  return s;
}

/* Replaces the library's function (--wrap of the linker). */
static atomic_int absent;
clf__clblast_sgemm_fn *__wrap_clf__clblast_sgemm(void) {
  ck_assert(__real_clf__clblast_sgemm() != NULL);
  return atomic_load(&absent) ? NULL : counted_sgemm;
}

/* If CLBlast is not installed, our own kernel computes. */
START_TEST(it_is_absent) {
  atomic_store(&absent, 1);
  product(dense, dense, dense, 0);
  product(dense, dense, dense, 2);
  for (int i = 0; i < 2; i++) ck_assert_int_eq(cl()->blas[i].trusted, 0);
  ck_assert_int_eq(cl()->blas_count, 2);
  atomic_store(&absent, 0);
}
END_TEST

typedef struct job {
  clf_device *dev;
  clf_gemm_args p;
} job;

static void *multiply(void *one) {
  job *j = one;
  return clf_dispatch(j->dev, CLF_OP_gemm, &j->p) ? one : NULL;
}

/* CLBlast up to 1.6.0 is not thread-safe, not even on two devices. */
START_TEST(one_call_at_a_time) {
  clf_device *const first = dev;
  clf_arena of_first = arena;
  pthread_t thread[2];
  job jobs[2];
  for (int i = 0; i < 2; i++) {
    if (i) open_device();
    jobs[i] = (job){
        dev, {.a = ones(M, K, K, 1), .b = ones(K, N, N, 1), .c = ones(M, N, N, 1), .alpha = 1}};
    ck_assert_ptr_null(multiply(&jobs[i])); /* the class is trusted from now on */
  }
  atomic_store(&most, 0);
  atomic_store(&slowly, 1);
  for (int i = 0; i < 2; i++)
    ck_assert_int_eq(pthread_create(&thread[i], NULL, multiply, &jobs[i]), 0);
  for (int i = 0; i < 2; i++) {
    void *failed;
    ck_assert_int_eq(pthread_join(thread[i], &failed), 0);
    ck_assert_ptr_null(failed);
  }
  atomic_store(&slowly, 0);
  ck_assert_int_eq(atomic_load(&most), 1);
  close_device();
  dev = first;
  arena = of_first;
}
END_TEST

int main(void) {
  Suite *suite = suite_create("clblast");
  TCase *c = tcase_create("clblast");
  tcase_set_timeout(c, 300);
  tcase_add_checked_fixture(c, open_device, close_device);
  tcase_add_test(c, rows_it_takes);
  tcase_add_test(c, sizes_of_a_class);
  tcase_add_test(c, rows_it_does_not_take);
  tcase_add_test(c, classes_it_is_not_trusted_in);
  tcase_add_test(c, it_is_absent);
  tcase_add_test(c, one_call_at_a_time);
  suite_add_tcase(suite, c);
  return suite_run(suite);
}
