/* SPDX-License-Identifier: MIT */
/* test_open_cl.c: flows on a program's own OpenCL queue and buffers, and rows in device memory on
 * every backend. */
#define _POSIX_C_SOURCE 200809L
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "clflow/clflow.h"
#include "flow_private.h"
#include "opencl.h"
#include "suite.h"

enum { N = 300 };

static const char text[] = "3|2: standardize, columns(0: logit(0, 1), 2: asinh), "
                           "coupling(rq(bins=4), mlp(8x1)), lu -> normal; context: standardize";
static const char plain[] =
    "3: columns(0: logit(0, 1), 2: asinh), standardize, (coupling(rq(bins=4), "
    "mlp(8x1)), lu)*2 -> normal(trained=1)";

/* ---- What a program has -------------------------------------------------------------------------
 */

typedef struct program {
  cl_context context;
  cl_command_queue queue;
} program;

static program open_program(cl_command_queue_properties how) {
  clf__cl_device *list;
  program p;
  int count;
  WORKS(clf__cl_list(&list, &count));
  p.context = clCreateContext(NULL, 1, &list[0].id, NULL, NULL, NULL);
  p.queue = clCreateCommandQueue(p.context, list[0].id, how, NULL);
  free(list);
  return p;
}
static void close_program(program p) {
  if (p.queue) clReleaseCommandQueue(p.queue);
  clReleaseContext(p.context);
}

static cl_mem buffer_of(program p, const float *v, size_t n) {
  cl_int e;
  const cl_mem mem = clCreateBuffer(p.context, CL_MEM_READ_WRITE, n * sizeof *v, NULL, &e);
  ck_assert_int_eq(e, CL_SUCCESS);
  if (v) clEnqueueWriteBuffer(p.queue, mem, CL_TRUE, 0, n * sizeof *v, v, 0, NULL, NULL);
  return mem;
}

static clf_tensor tensor_on(clf_device *dev, clf_arena *a, cl_mem mem, int32_t rows, int32_t cols) {
  clf_tensor t;
  WORKS(clf_wrap_cl(dev, mem, a));
  WORKS(clf_new(a, (int32_t[4]){rows, cols}, &t));
  return t;
}

static clf_flow *flow_on(clf_device *dev, const char *of) {
  const double mean[3] = {0.3, -2, 1}, std[3] = {0.7, 2, 0.5}, c_mean[2] = {1, 2},
               c_std[2] = {2, 3};
  clf_arch *arch;
  clf_flow *f;
  WORKS(clf_arch_parse(of, &arch));
  WORKS(clf_flow_create_arch(dev, arch, 5, &f));
  clf_arch_free(arch);
  WORKS(clf_flow_set_scaling(f, mean, std));
  if (f->context) WORKS(clf__flow_set_context_scaling(f, c_mean, c_std));
  return f;
}

/* ---- A program's buffers ------------------------------------------------------------------------
 */

/* Samples, densities and latents on buffers are those of the calls for the host; what the program
 * holds is given back. */
START_TEST(on_buffers) {
  static double want[3 * N], logp[N];
  static float got[3 * N], got_logp[N], z[3 * N], logdet[N];
  const program p = open_program(0);
  clf_device *dev, *own;
  clf_arena a[4];
  WORKS(clf_open_cl(p.context, p.queue, &dev));
  WORKS(clf_open("opencl:0", &own));
  ck_assert_str_eq(clf_device_name(dev), clf_device_name(own));
  ck_assert_int_eq(clf__revivable(dev), 0);
  clf_flow *f = flow_on(dev, plain), *g = flow_on(own, plain);
  const cl_mem mem[4] = {buffer_of(p, NULL, 3 * N), buffer_of(p, NULL, N),
                         buffer_of(p, NULL, 3 * N), buffer_of(p, NULL, N)};
  const size_t before = clf_memory_taken(dev, 0).now;
  const clf_tensor x = tensor_on(dev, &a[0], mem[0], N, 3), l = tensor_on(dev, &a[1], mem[1], N, 1);
  const clf_tensor lat = tensor_on(dev, &a[2], mem[2], N, 3),
                   ld = tensor_on(dev, &a[3], mem[3], N, 1);
  ck_assert_uint_eq(clf_memory_taken(dev, 0).now, before); /* the memory is the program's */
  WORKS(clf_sample_device(f, (clf_tensor){0}, 7, 11, x));
  WORKS(clf_log_prob_device(f, x, (clf_tensor){0}, l));
  WORKS(clf_transform_device(f, x, (clf_tensor){0}, lat, ld));
  clEnqueueReadBuffer(p.queue, mem[0], CL_TRUE, 0, sizeof got, got, 0, NULL, NULL);
  clEnqueueReadBuffer(p.queue, mem[1], CL_TRUE, 0, sizeof got_logp, got_logp, 0, NULL, NULL);
  clEnqueueReadBuffer(p.queue, mem[2], CL_TRUE, 0, sizeof z, z, 0, NULL, NULL);
  clEnqueueReadBuffer(p.queue, mem[3], CL_TRUE, 0, sizeof logdet, logdet, 0, NULL, NULL);
  WORKS(clf_sample(g, 7, 11, N, want));
  for (int i = 0; i < 3 * N; i++)
    ck_assert_double_eq_tol(got[i], want[i], 1e-4 * fmax(1, fabs(want[i])));
  for (int i = 0; i < 3 * N; i++) want[i] = (double)got[i];
  WORKS(clf_log_prob(g, want, N, logp));
  for (int i = 0; i < N; i++)
    ck_assert_double_eq_tol(got_logp[i], logp[i], 2e-3 * fmax(1, fabs(logp[i])));
  for (int i = 0; i < N; i++) { /* and they agree among each other */
    const double *zi = (double[3]){z[3 * i], z[3 * i + 1], z[3 * i + 2]};
    ck_assert(isfinite(zi[0] + zi[1] + zi[2]) && isfinite(logdet[i]));
  }
  /* Back: x of these latents. */
  WORKS(clf_invert_device(f, lat, (clf_tensor){0}, x, (clf_tensor){0}));
  clEnqueueReadBuffer(p.queue, mem[0], CL_TRUE, 0, sizeof z, z, 0, NULL, NULL);
  for (int i = 0; i < 3 * N; i++)
    ck_assert_double_eq_tol(z[i], got[i], 2e-3 * fmax(1, fabs((double)got[i])));
  for (int i = 0; i < 4; i++) {
    clf_arena_free(&a[i]);
    clReleaseMemObject(mem[i]);
  }
  clf_flow_free(f);
  clf_flow_free(g);
  clf_close(dev);
  clf_close(own);
  close_program(p);
}
END_TEST

START_TEST(what_is_no_queue) {
  clf_device *dev = NULL, *cpu;
  clf_arena a;
  program p = open_program(CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE), q = open_program(0);
  if (p.queue)
    REFUSED(clf_open_cl(p.context, p.queue, &dev), CLF_EINVAL,
            "the queue runs commands out of order; clflow needs one in order");
  REFUSED(clf_open_cl(p.context, q.queue, &dev), CLF_EINVAL,
          "the queue belongs to another context");
  REFUSED(clf_open_cl(NULL, q.queue, &dev), CLF_EINVAL, "clf_open_cl: context is NULL");
  ck_assert_ptr_null(dev);
  WORKS(clf_open_cl(q.context, q.queue, &dev));
  const cl_mem foreign = clCreateBuffer(p.context, CL_MEM_READ_WRITE, 64, NULL, NULL);
  const cl_mem tiny = clCreateBuffer(q.context, CL_MEM_READ_WRITE, 3, NULL, NULL);
  REFUSED(clf_wrap_cl(dev, foreign, &a), CLF_EINVAL, "the buffer belongs to another context");
  REFUSED(clf_wrap_cl(dev, tiny, &a), CLF_EINVAL, "the buffer has 3 bytes, less than a float");
  WORKS(clf_open("cpu/baseline", &cpu));
  REFUSED(clf_wrap_cl(cpu, tiny, &a), CLF_ENOTSUP,
          "cpu (baseline) is not an OpenCL device, and takes no cl_mem");
  clReleaseMemObject(foreign);
  clReleaseMemObject(tiny);
  clf_close(dev);
  clf_close(cpu);
  close_program(p);
  close_program(q);
}
END_TEST

/* A tensor does not reach beyond its buffer. */
START_TEST(small_buffers) {
  const program p = open_program(0);
  clf_device *dev;
  clf_arena a;
  clf_tensor t;
  WORKS(clf_open_cl(p.context, p.queue, &dev));
  const cl_mem mem = buffer_of(p, NULL, 10);
  WORKS(clf_wrap_cl(dev, mem, &a));
  WORKS(clf_new(&a, (int32_t[4]){5, 2}, &t));
  ck_assert_int_eq(clf_new(&a, (int32_t[4]){1}, &t), CLF_ENOMEM);
  t.dim[0] = 6;
  t.buf = a.buf;
  t.offset = 0;
  t.dim[1] = 2, t.dim[2] = t.dim[3] = 1;
  t.stride[0] = 2, t.stride[1] = t.stride[2] = t.stride[3] = 1;
  ck_assert_int_eq(clf_do(dev, fill, .y = t, .value = 1), CLF_ESHAPE);
  clf_arena_free(&a);
  clReleaseMemObject(mem);
  clf_close(dev);
  close_program(p);
}
END_TEST

/* ---- Every backend ------------------------------------------------------------------------------
 */

static const char *const devices[] = {"cpu64", "cpu", "opencl"};

/* With a context, in more than one chunk, against the calls for the host. */
START_TEST(rows_on_a_device) {
  enum { ROWS = 9000 };
  double *x = calloc(3 * ROWS, sizeof *x), *c = calloc(2 * ROWS, sizeof *c);
  double *got = calloc(3 * ROWS, sizeof *got), *logp = calloc(ROWS, sizeof *logp);
  clf_device *dev;
  clf_arena a;
  clf_tensor tx, tc, tl;
  WORKS(clf_open(devices[_i], &dev));
  clf_flow *f = flow_on(dev, text);
  const double bound = _i ? 2e-3 : 1e-11;
  for (int i = 0; i < 2 * ROWS; i++) c[i] = sin(i) * 2 + 1;
  WORKS(clf_sample_given(f, c, ROWS, 3, 1, x));
  WORKS(clf_log_prob_given(f, x, c, ROWS, logp));
  WORKS(clf_arena_init(&a, dev, 8 * ROWS));
  WORKS(clf_new(&a, (int32_t[4]){ROWS, 3}, &tx));
  WORKS(clf_new(&a, (int32_t[4]){ROWS, 2}, &tc));
  WORKS(clf_new(&a, (int32_t[4]){ROWS}, &tl));
  WORKS(clf_write64(dev, tx, x));
  WORKS(clf_write64(dev, tc, c));
  WORKS(clf_log_prob_device(f, tx, tc, tl));
  WORKS(clf_read64(dev, tl, got));
  for (int i = 0; i < ROWS; i++)
    ck_assert_double_eq_tol(got[i], logp[i], bound * fmax(1, fabs(logp[i])));
  WORKS(clf_sample_device(f, tc, 3, 0, tx));
  WORKS(clf_read64(dev, tx, got));
  for (int i = 0; i < 3 * ROWS; i++)
    ck_assert_double_eq_tol(got[i], x[i], bound * fmax(1, fabs(x[i])));
  REFUSED(clf_log_prob_device(f, tx, (clf_tensor){0}, tl), CLF_EINVAL,
          "the flow takes a context, and none is given");
  REFUSED(clf_log_prob_device(f, tc, tc, tl), CLF_ESHAPE,
          "x is (9000, 2, 1, 1), not (9000, 3) as the flow has it");
  clf_arena_free(&a);
  clf_flow_free(f);
  clf_close(dev);
  free(x);
  free(c);
  free(got);
  free(logp);
}
END_TEST

/* Samples on a grid, and between limits, are those of the host; float rounds a few of them the
 * other way. */
START_TEST(grids_on_a_device) {
  enum { ROWS = 3000 };
  static const clf_column_grid grid[3] = {{.first = 0, .last = 1, .step = 0.5},
                                          {.first = 0.5, .last = DBL_MAX},
                                          {.first = -1, .last = 1}};
  static double x[3 * ROWS], c[2 * ROWS], got[3 * ROWS];
  clf_device *dev;
  clf_arena a;
  clf_tensor tx, tc;
  WORKS(clf_open(devices[_i], &dev));
  clf_flow *f = flow_on(dev, text);
  WORKS(clf_flow_set_grid(f, grid));
  for (int i = 0; i < 2 * ROWS; i++) c[i] = sin(i) * 2 + 1;
  WORKS(clf_sample_given(f, c, ROWS, 3, 1, x));
  WORKS(clf_arena_init(&a, dev, 6 * ROWS));
  WORKS(clf_new(&a, (int32_t[4]){ROWS, 3}, &tx));
  WORKS(clf_new(&a, (int32_t[4]){ROWS, 2}, &tc));
  WORKS(clf_write64(dev, tc, c));
  WORKS(clf_sample_device(f, tc, 3, 0, tx));
  WORKS(clf_read64(dev, tx, got));
  int differ = 0, moved = 0;
  for (int i = 0; i < ROWS; i++) {
    ck_assert(got[3 * i] == 0 || got[3 * i] == 0.5 || got[3 * i] == 1);
    differ += got[3 * i] != x[3 * i];
    for (int d = 1; d < 3; d++)
      ck_assert_double_eq_tol(got[3 * i + d], x[3 * i + d],
                              (_i ? 2e-3 : 1e-11) * fmax(1, fabs(x[3 * i + d])));
    ck_assert(got[3 * i + 1] >= 0.5 && fabs(got[3 * i + 2]) <= 1);
  }
  ck_assert_int_le(differ, _i ? ROWS / 500 : 0);
  WORKS(clf_flow_set_grid(f, NULL));
  WORKS(clf_sample_device(f, tc, 3, 0, tx));
  WORKS(clf_read64(dev, tx, got));
  for (int i = 0; i < ROWS; i++) moved += got[3 * i + 1] < 0.5 || fabs(got[3 * i + 2]) > 1;
  ck_assert_int_gt(moved, ROWS / 10);
  clf_arena_free(&a);
  clf_flow_free(f);
  clf_close(dev);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("open_cl");
  TCase *tc = tcase_create("open_cl");
  tcase_set_timeout(tc, 300);
  tcase_add_test(tc, on_buffers);
  tcase_add_test(tc, what_is_no_queue);
  tcase_add_test(tc, small_buffers);
  tcase_add_loop_test(tc, rows_on_a_device, 0, 3);
  tcase_add_loop_test(tc, grids_on_a_device, 0, 3);
  suite_add_tcase(suite, tc);
  return suite_run(suite);
}
