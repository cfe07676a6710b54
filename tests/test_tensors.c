/* SPDX-License-Identifier: MIT */
/* test_tensors.c: what clf_dispatch() refuses, arenas, and transfers. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "backend.h"
#include "machine.h"
#include "suite.h"

/* ---- Refusals of clf_dispatch() ------------------------------------------------------------- */

static clf_device *dev;
static clf_arena arena;
enum { ARENA = 1024 };

static void open_cpu(void) {
  dev = opened("cpu/baseline");
  WORKS(clf_arena_init(&arena, dev, ARENA));
}
static void close_cpu(void) {
  clf_arena_free(&arena);
  clf_close(dev);
}
static clf_tensor tensor(int32_t n, int32_t c) {
  clf_tensor t;
  WORKS(clf_new(&arena, (int32_t[4]){n, c}, &t));
  return t;
}

START_TEST(shapes_that_do_not_agree) {
  const clf_tensor a = tensor(4, 3), b = tensor(3, 5), c = tensor(5, 5), d = tensor(4, 5);
  REFUSED(clf_do(dev, gemm, .a = a, .b = b, .c = c, .alpha = 1), CLF_ESHAPE,
          "gemm: p->c.dim[0] is 5, but p->a.dim[p->ta != 0] is 4");
  REFUSED(clf_do(dev, gemm, .a = a, .b = a, .c = d, .alpha = 1), CLF_ESHAPE,
          "gemm: p->c.dim[1] is 5, but p->b.dim[p->tb == 0] is 3");
  REFUSED(clf_do(dev, gemm, .a = c, .b = b, .c = tensor(5, 5), .alpha = 1), CLF_ESHAPE,
          "gemm: p->a.dim[p->ta == 0] is 5, but p->b.dim[p->tb != 0] is 3");
  REFUSED(clf_do(dev, gemm, .a = a, .b = b, .c = d, .bias = tensor(4, 1), .alpha = 1), CLF_ESHAPE,
          "gemm: p->bias.buf ? p->bias.dim[0] : p->c.dim[1] is 4, but p->c.dim[1] is 5");
  REFUSED(clf_do(dev, copy, .x = a, .y = d), CLF_ESHAPE, "copy: dimension 1 of x and y is 3 and 5");
  REFUSED(
      clf_do(dev, piecewise_knots, .alpha = tensor(1, 1), .xi = tensor(1, 1), .v = tensor(1, 1)),
      CLF_ESHAPE, "piecewise_knots: p->xi.dim[0] is 1, below 2 = 2");
  REFUSED(clf_do(dev, shuffle_rows, .x = a, .y = tensor(3, 3), .first = 2), CLF_ESHAPE,
          "shuffle_rows: p->x.dim[0] - p->y.dim[0] is 1, below p->first = 2");
  clf_tensor image = tensor(2, 12);
  image.dim[1] = 3, image.dim[2] = 4, image.stride[1] = 4, image.stride[2] = 1;
  REFUSED(clf_do(dev, scaling_fwd, .x = image, .log_s = tensor(3, 1), .y = image,
                 .logdet = tensor(2, 1)),
          CLF_EINVAL, "scaling_fwd: argument 2, which is written, overlaps argument 0");
  clf_tensor other = tensor(2, 12);
  memcpy(other.dim, image.dim, sizeof other.dim);
  memcpy(other.stride, image.stride, sizeof other.stride);
  REFUSED(clf_do(dev, scaling_fwd, .x = image, .log_s = tensor(3, 1), .y = other,
                 .logdet = tensor(2, 1)),
          CLF_ESHAPE, "scaling_fwd: dimension 2 of x is 4; x has 2 dimensions");
  REFUSED(clf_do(dev, adam_step, .g = tensor(2, 3), .w = tensor(2, 3), .m = tensor(2, 3),
                 .v = tensor(2, 3)),
          CLF_ESHAPE, "adam_step: dimension 1 of w is 3; w has 1 dimension");
  REFUSED(clf_do(dev, gemm, .a = a, .b = b, .c = d, .alpha = 1, .act = CLF_ACT_COUNT), CLF_ESHAPE,
          "gemm: p->act is 9, above 8");
  REFUSED(clf_do(dev, mlp_coupling_inv, .y = a, .b = tensor(1, 3), .w = tensor(1, 34),
                 .x = tensor(4, 3), .logdet = tensor(4, 1), .hidden = INT32_MAX),
          CLF_ESHAPE,
          "mlp_coupling_inv: p->w.dim[1] / ((p->add ? 1 : 2) * (2 * p->y.dim[1] + 1)) is 2, below "
          "p->hidden = 2147483647");
  REFUSED(clf_do(dev, random_bits, .y = tensor(2, 3)), CLF_ESHAPE,
          "random_bits: p->y.dim[1] % 2 is 1, but 0 is 0");
}
END_TEST

START_TEST(tensors_that_are_not_there) {
  const clf_tensor x = tensor(4, 3), y = tensor(4, 3);
  clf_device *other = opened("cpu64");
  clf_arena there;
  clf_tensor foreign, measured;
  WORKS(clf_arena_init(&there, other, 64));
  WORKS(clf_new(&there, (int32_t[4]){4, 3}, &foreign));
  WORKS(clf_new(&(clf_arena){.dev = dev}, (int32_t[4]){4, 3}, &measured));
  REFUSED(clf_do(dev, copy, .x = x), CLF_EINVAL, "copy: argument 1 is missing on cpu (baseline)");
  REFUSED(clf_do(dev, copy, .x = measured, .y = y), CLF_EINVAL,
          "copy: argument 0 is missing on cpu (baseline)");
  REFUSED(clf_do(dev, copy, .x = foreign, .y = y), CLF_EINVAL,
          "copy: argument 0 is not on cpu (baseline)");
  REFUSED(clf_do(other, copy, .x = foreign, .y = y), CLF_EINVAL,
          "copy: argument 1 is not on cpu64");
  REFUSED(clf_do(dev, gemm, .a = x, .b = tensor(3, 3), .c = y, .bias = foreign), CLF_EINVAL,
          "gemm: argument 2 is not on cpu (baseline)");
  float v[12];
  REFUSED(clf_read(dev, foreign, v), CLF_EINVAL, "clf_read: the tensor is not on cpu (baseline)");
  REFUSED(clf_write(dev, measured, v), CLF_EINVAL,
          "clf_write: the tensor is not on cpu (baseline)");
  REFUSED(clf_dispatch(dev, (clf_op)9999, NULL), CLF_EINVAL, "there is no operation 9999");
  ck_assert_int_eq(clf_dispatch(dev, CLF_OP_COUNT, NULL), CLF_EINVAL);
  clf_arena_free(&there);
  clf_close(other);
}
END_TEST

START_TEST(views_beyond_their_buffer) {
  const clf_tensor x = tensor(4, 3), y = tensor(4, 3);
  clf_tensor far = x, before = x, empty = clf_slice(x, 0, 2, 2), back = x;
  far.offset = ARENA - 11;
  before.offset = -1;
  back.stride[0] = -3;
  float v[12] = {0};
  double w[12] = {0};
  REFUSED(clf_do(dev, copy, .x = far, .y = y), CLF_ESHAPE,
          "copy: argument 0 reaches to element 1025 of a buffer of 1024");
  ck_assert_int_eq(clf_do(dev, copy, .x = before, .y = y), CLF_ESHAPE);
  REFUSED(clf_do(dev, copy, .x = x, .y = empty), CLF_ESHAPE,
          "copy: dimension 0 of argument 1 is 0, its stride 3");
  REFUSED(clf_do(dev, copy, .x = back, .y = y), CLF_ESHAPE,
          "copy: dimension 0 of argument 0 is 4, its stride -3");
  REFUSED(clf_read(dev, far, v), CLF_ESHAPE,
          "clf_read: argument 0 reaches to element 1025 of a buffer of 1024");
  REFUSED(clf_write64(dev, empty, w), CLF_ESHAPE,
          "clf_write64: dimension 0 of argument 0 is 0, its stride 3");
  ck_assert_int_eq(clf_write(dev, far, v), CLF_ESHAPE);
  ck_assert_int_eq(clf_read64(dev, back, w), CLF_ESHAPE);
}
END_TEST

START_TEST(overlaps) {
  const clf_tensor x = tensor(8, 4), t = tensor(8, 4);
  float v[32], got[32];
  for (int i = 0; i < 32; i++) v[i] = (float)i;
  WORKS(clf_write(dev, x, v));
  REFUSED(clf_do(dev, copy, .x = x, .y = x), CLF_EINVAL,
          "copy: argument 1, which is written, overlaps argument 0");
  REFUSED(clf_do(dev, copy, .x = clf_slice(x, 0, 0, 4), .y = clf_slice(x, 0, 3, 7)), CLF_EINVAL,
          "copy: argument 1, which is written, overlaps argument 0");
  REFUSED(clf_do(dev, copy, .x = clf_slice(x, 1, 0, 2), .y = clf_slice(x, 1, 1, 3)), CLF_EINVAL,
          "copy: argument 1, which is written, overlaps argument 0");
  REFUSED(clf_do(dev, adam_step, .g = clf_flat(x), .w = clf_flat(t), .m = clf_flat(tensor(8, 4)),
                 .v = clf_flat(t)),
          CLF_EINVAL, "adam_step: argument 1, which is written, overlaps argument 3");
  /* tensors that are only read may be equal */
  WORKS(clf_do(dev, act_bwd, .y = x, .dy = x, .dx = t, .act = CLF_ACT_tanh));
  WORKS(clf_do(dev, copy, .x = clf_slice(x, 0, 0, 4), .y = clf_slice(x, 0, 4, 8)));
  /* columns 0 and 1 to columns 2 and 3 of the same rows, and one column to the next */
  WORKS(clf_do(dev, copy, .x = clf_slice(x, 1, 0, 2), .y = clf_slice(x, 1, 2, 4)));
  WORKS(clf_do(dev, copy, .x = clf_slice(x, 1, 1, 2), .y = clf_slice(x, 1, 0, 1)));
  /* halves of the channels, channels last, are recognised as disjoint; other parts are not */
  clf_tensor image = tensor(2, 36);
  image = (clf_tensor){image.buf, image.offset, {2, 4, 3, 3}, {36, 1, 12, 4}};
  WORKS(clf_do(dev, copy, .x = clf_slice(image, 1, 0, 2), .y = clf_slice(image, 1, 2, 4)));
  WORKS(clf_do(dev, copy, .x = clf_slice(image, 3, 0, 1), .y = clf_slice(image, 3, 1, 2)));
  REFUSED(clf_do(dev, copy, .x = clf_slice(image, 1, 0, 2), .y = clf_slice(image, 1, 1, 3)),
          CLF_EINVAL, "copy: argument 1, which is written, overlaps argument 0");
  WORKS(clf_read(dev, x, got));
  for (int i = 0; i < 32; i++) {
    const int row = i / 4 % 4, col = i % 4;
    ck_assert_float_eq(got[i], (float)(4 * row + (col == 2 ? 0 : 1)));
  }
}
END_TEST

/* ---- Arenas and transfers ------------------------------------------------------------------- */

static clf_status two_tensors(clf_arena *a, clf_tensor *x, clf_tensor *y) {
  CLF_TRY(clf_new(a, (int32_t[4]){5, 7}, x));
  return clf_new(a, (int32_t[4]){2, 3, 4, 5}, y);
}

START_TEST(arenas) {
  clf_arena a;
  clf_tensor x, y;
  WORKS(clf_arena_init(&a, dev, 0));
  WORKS(two_tensors(&a, &x, &y));
  ck_assert_uint_eq(a.used, 48 + 128); /* each begins at a multiple of 16 */
  ck_assert_ptr_null(x.buf);
  const size_t need = a.used;
  WORKS(clf_arena_init(&a, dev, need));
  ck_assert_uint_eq(a.used, 0);
  WORKS(two_tensors(&a, &x, &y));
  ck_assert_ptr_nonnull(x.buf);
  ck_assert_int_eq(x.offset, 0);
  ck_assert_int_eq(y.offset, 48);
  const int32_t dim[] = {2, 3, 4, 5}, stride[] = {60, 20, 5, 1};
  for (int i = 0; i < 4; i++) ck_assert_int_eq(y.dim[i], dim[i]);
  for (int i = 0; i < 4; i++) ck_assert_int_eq(y.stride[i], stride[i]);
  const clf_tensor kept = x;
  REFUSED(clf_new(&a, (int32_t[4]){1}, &x), CLF_ENOMEM, "an arena of 176 elements is full at 192");
  ck_assert_int_eq(x.dim[0], kept.dim[0]); /* results are written on success only */
  ck_assert_uint_eq(a.used, need);
  clf_arena_free(&a);
  ck_assert_ptr_null(a.buf);
  clf_arena_free(&a);
}
END_TEST

START_TEST(arenas_that_are_too_large) {
  clf_arena a;
  clf_tensor t;
  REFUSED(clf_arena_init(&a, dev, (size_t)1 << 31), CLF_ENOTSUP,
          "an arena of 2147483648 elements: one holds at most 2147483647");
  ck_assert_ptr_null(a.buf);
  WORKS(clf_arena_init(&a, dev, 0));
  REFUSED(clf_new(&a, (int32_t[4]){1 << 16, 1 << 15}, &t), CLF_ENOTSUP,
          "a tensor of [65536,32768,0,0]: one holds at most 2147483647 elements");
  REFUSED(clf_new(&a, (int32_t[4]){INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX}, &t), CLF_ENOTSUP,
          "a tensor of [2147483647,2147483647,2147483647,2147483647]: one holds at most 2147483647 "
          "elements");
  REFUSED(clf_new(&a, (int32_t[4]){3, -1}, &t), CLF_ESHAPE, "a tensor's dimension 1 is -1");
  WORKS(clf_new(&a, (int32_t[4]){INT32_MAX}, &t));
  ck_assert_int_ne(clf_new(&a, (int32_t[4]){1}, &t), CLF_OK); /* its offset would not fit */
}
END_TEST

START_TEST(strided_transfers) {
  clf_device *d = open_ith(_i);
  if (!d) return;
  clf_arena a;
  clf_tensor t;
  float all[60], part[12], got[60];
  WORKS(clf_arena_init(&a, d, 256));
  WORKS(clf_new(&a, (int32_t[4]){3, 4, 5}, &t));
  for (int i = 0; i < 60; i++) all[i] = (float)i;
  for (int i = 0; i < 12; i++) part[i] = (float)(100 + i);
  WORKS(clf_write(d, t, all));
  /* columns 1 and 2 of rows 1 .. 3, of the last two planes */
  const clf_tensor v = clf_slice(clf_slice(clf_slice(t, 0, 1, 3), 1, 1, 4), 2, 1, 3);
  ck_assert_int_eq(clf__dense(&v), 0);
  WORKS(clf_read(d, v, got));
  for (int i = 0; i < 12; i++)
    ck_assert_float_eq(got[i], all[(1 + i / 6) * 20 + (1 + i / 2 % 3) * 5 + 1 + i % 2]);
  WORKS(clf_write(d, v, part));
  for (int i = 0; i < 12; i++) all[(1 + i / 6) * 20 + (1 + i / 2 % 3) * 5 + 1 + i % 2] = part[i];
  WORKS(clf_read(d, t, got));
  for (int i = 0; i < 60; i++) ck_assert_float_eq(got[i], all[i]);
  WORKS(clf_read(d, clf_slice(clf_flat(t), 0, 7, 9), got));
  ck_assert_float_eq(got[0], all[7]);
  ck_assert_float_eq(got[1], all[8]);
  clf_arena_free(&a);
  clf_close(d);
}
END_TEST

/* Each is read long after it arrived, while the next ones arrive: none may be too early. */
START_TEST(uploads_in_turn) {
  enum { N = 1 << 16, TURNS = 40, SLOW = 4 };
  clf_device *d = open_ith(_i);
  if (!d) return;
  clf_arena a;
  clf_tensor x[2], busy, sum;
  float *v = malloc(N * sizeof *v);
  WORKS(clf_arena_init(&a, d, 4 * N));
  WORKS(clf_new(&a, (int32_t[4]){N}, &x[0]));
  WORKS(clf_new(&a, (int32_t[4]){N}, &x[1]));
  WORKS(clf_new(&a, (int32_t[4]){N}, &busy));
  WORKS(clf_new(&a, (int32_t[4]){N}, &sum));
  WORKS(clf_do(d, fill, .y = busy, .value = 0.5f));
  WORKS(clf_do(d, fill, .y = sum, .value = 0));
  for (int k = 0; k < TURNS; k++) {
    for (int i = 0; i < N; i++) v[i] = (float)(k + i % 7);
    WORKS(clf_upload(d, x[k % 2], v));
    for (int i = 0; i < SLOW; i++)
      WORKS(clf_do(d, axpby, .x = sum, .y = busy, .a = 0.5f, .b = 0.5f));
    WORKS(clf_do(d, axpby, .x = x[k % 2], .y = sum, .a = 1, .b = 1));
  }
  WORKS(clf_read(d, sum, v));
  for (int i = 0; i < N; i++)
    ck_assert_float_eq(v[i], (float)(TURNS * (TURNS - 1) / 2 + TURNS * (i % 7)));
  /* Gaps are preserved. */
  const clf_tensor odd = clf_slice(clf_flat(sum), 0, 1, 3);
  clf_tensor apart = odd;
  apart.stride[0] = 2;
  WORKS(clf_upload(d, apart, (float[]){-1, -2}));
  WORKS(clf_read(d, clf_slice(clf_flat(sum), 0, 0, 5), v));
  ck_assert_float_eq(v[1], -1);
  ck_assert_float_eq(v[3], -2);
  ck_assert_float_eq(v[2], (float)(TURNS * (TURNS - 1) / 2 + TURNS * 2));
  free(v);
  clf_arena_free(&a);
  clf_close(d);
}
END_TEST

START_TEST(precisions) {
  clf_device *d = open_ith(_i);
  if (!d) return;
  const double in[6] = {0.1, -1.0 / 3, 1e-300, 16777217, 0, -2};
  const float in32[3] = {0.1f, -3.5f, 1e30f};
  double out[6];
  float out32[3];
  clf_arena a;
  clf_tensor t;
  WORKS(clf_arena_init(&a, d, 64));
  WORKS(clf_new(&a, (int32_t[4]){3, 2}, &t));
  WORKS(clf_write64(d, t, in));
  WORKS(clf_read64(d, t, out));
  for (int i = 0; i < 6; i++)
    ck_assert_double_eq(out[i], d->bits == 64 ? in[i] : (double)(float)in[i]);
  const clf_tensor column = clf_slice(t, 1, 1, 2);
  WORKS(clf_write(d, column, in32));
  WORKS(clf_read(d, column, out32));
  for (int i = 0; i < 3; i++) ck_assert_float_eq(out32[i], in32[i]);
  WORKS(clf_read64(d, column, out));
  for (int i = 0; i < 3; i++) ck_assert_double_eq(out[i], (double)in32[i]);
  clf_arena_free(&a);
  clf_close(d);
}
END_TEST

/* How messages, trace: and the tuner write a call. */
START_TEST(text_of_a_call) {
  clf_conv_fwd_args args = {0};
  char text[128], first[12];
  args.x = args.w = tensor(1, 1);
  for (int i = 0; i < 4; i++) args.x.dim[i] = 2 + i, args.w.dim[i] = 6 + i;
  clf__call_str(CLF_OP_conv_fwd, &args, text, sizeof text);
  ck_assert_str_eq(text, "conv_fwd(r[2,3,4,5] r[6,7,8,9] - - - - -)");
  clf__call_str(CLF_OP_conv_fwd, &args, first, sizeof first);
  ck_assert_str_eq(first, "conv_fwd(r[");
}
END_TEST

static TCase *tests(void) {
  TCase *tc = tcase_create("tensors");
  tcase_set_timeout(tc, 300); /* a first build on a slow device takes its time */
  tcase_add_checked_fixture(tc, open_cpu, close_cpu);
  tcase_add_test(tc, shapes_that_do_not_agree);
  tcase_add_test(tc, tensors_that_are_not_there);
  tcase_add_test(tc, views_beyond_their_buffer);
  tcase_add_test(tc, overlaps);
  tcase_add_test(tc, arenas);
  tcase_add_test(tc, arenas_that_are_too_large);
  tcase_add_test(tc, text_of_a_call);
  return tc;
}

static TCase *transfers(void) {
  TCase *tc = tcase_create("transfers");
  tcase_add_unchecked_fixture(tc, list_devices, free_list);
  tcase_add_loop_test(tc, strided_transfers, 0, EVERYWHERE);
  tcase_add_loop_test(tc, uploads_in_turn, 0, EVERYWHERE);
  tcase_add_loop_test(tc, precisions, 0, EVERYWHERE);
  return tc;
}

int main(void) {
  Suite *suite = suite_create("tensors");
  suite_add_tcase(suite, tests());
  suite_add_tcase(suite, transfers());
  return suite_run(suite);
}
