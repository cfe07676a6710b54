/* SPDX-License-Identifier: MIT */
/* test_around.c: wrapping devices: check:, trace:, the self-test and the tuner, when the n-th
 * call of the inner device or the n-th allocation fails.  Each time the message of that call is
 * returned, or the right result, and nothing leaks. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "clflow/clflow.h"
#include "clflow/tune.h"
#include "faults/device.h"
#include "faults/hooks.h"
#include "suite.h"

/* ---- Work -------------------------------------------------------------------------------------
 */

/* A product and a sum of its rows, some of which are not finite. */
static clf_status multiply(clf_device *dev, void *sum) {
  clf_arena arena = {0};
  clf_tensor a, b, c;
  float x[12], y[2] = {0};
  for (int i = 0; i < 12; i++) x[i] = (float)(i + 1);
  x[11] = 1.0f / 0.0f;
  clf_status s = clf_arena_init(&arena, dev, 64);
  if (!s) s = clf_new(&arena, (int32_t[4]){4, 3}, &a);
  if (!s) s = clf_new(&arena, (int32_t[4]){3, 1}, &b);
  if (!s) s = clf_new(&arena, (int32_t[4]){4, 1}, &c);
  if (!s) s = clf_write(dev, a, x);
  if (!s) s = clf_write(dev, b, x);
  if (!s) s = clf_do(dev, gemm, .a = a, .b = b, .c = c, .alpha = 1);
  if (!s) s = clf_do(dev, sum_rows, .x = clf_slice(c, 0, 0, 3), .y = clf_slice(b, 0, 0, 1));
  if (!s) s = clf_read(dev, clf_slice(b, 0, 0, 1), y);
  if (!s) s = clf_sync(dev);
  if (!s) *(float *)sum = y[0];
  clf_arena_free(&arena);
  return s;
}
static const float right = 14 + 32 + 50;

static clf_device *around(const clf_backend *backend, const char *prefix, clf_device *inner) {
  clf_device *dev = calloc(1, sizeof *dev);
  ck_assert_ptr_nonnull(dev);
  dev->backend = backend;
  clf__wrapper_adopt(dev, prefix, inner);
  return dev;
}

static clf_status checked(clf_device *inner, float *sum) {
  clf_device *dev = NULL;
  CLF_TRY(clf__check_wrap(inner, &dev));
  const clf_status s = multiply(dev, sum);
  clf_close(dev);
  return s;
}
static clf_status traced(clf_device *inner, float *sum) {
  clf_device *dev = around(&clf__trace, "trace", inner);
  const clf_status s = multiply(dev, sum);
  dev->backend = &clf__check; /* owns nothing; the inner device stays open */
  free(dev);
  return s;
}
static clf_status tested(clf_device *inner, float *sum) {
  *sum = right;
  return clf__selftest(inner, NULL);
}

/* ---- Calls ------------------------------------------------------------------------------------
 */

static const struct {
  const char *name;
  clf_status (*run)(clf_device *inner, float *sum);
} kinds[] = {{"check", checked}, {"trace", traced}, {"self-test", tested}};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* The output of the tracing device is not shown. */
static int silence(void) {
  const int before = dup(2), null = open("/dev/null", O_WRONLY);
  fflush(stderr);
  dup2(null, 2);
  close(null);
  return before;
}
static void speak(int before) {
  fflush(stderr);
  dup2(before, 2);
  close(before);
}

START_TEST(any_call) {
  clf_device *dev = open_faulty("cpu");
  float sum = 0;
  char sentence[64];
  const int before = silence();
  faulty.n = 0;
  faulty.calls = 0;
  const clf_status first = kinds[_i].run(dev, &sum);
  const long calls = faulty.calls;
  const uint64_t base = clf_memory_taken(dev, 0).now;
  long bad = 0;
  for (long n = 1; n <= calls && !bad; n += 1 + n / 40) {
    snprintf(sentence, sizeof sentence, "call %ld, ", n);
    faulty.n = n;
    faulty.calls = 0;
    const clf_status s = kinds[_i].run(dev, &sum);
    faulty.n = 0;
    if (s != CLF_EDEVICE || !strstr(clf_errmsg(), sentence)) bad = n;
    if (clf_memory_taken(dev, 0).now != base) bad = n;
  }
  speak(before);
  ck_assert_int_eq(first, CLF_OK);
  ck_assert(sum == right);
  ck_assert_int_gt(calls, 8);
  ck_assert_msg(!bad, "%s, call %ld: %s", kinds[_i].name, bad, clf_errmsg());
  clf_close(dev);
}
END_TEST

/* ---- Allocations ------------------------------------------------------------------------------
 */

static clf_status opened(const char *name, float *sum) {
  clf_device *dev = NULL;
  CLF_TRY(clf_open(name, &dev));
  const clf_status s = multiply(dev, sum);
  clf_close(dev);
  return s;
}
static clf_status check_opened(float *sum) { return opened("check:cpu", sum); }
static clf_status trace_opened(float *sum) { return opened("trace:cpu", sum); }
static clf_status cpu_tested(float *sum) {
  clf_device *dev = NULL;
  CLF_TRY(clf_open("cpu", &dev));
  const clf_status s = tested(dev, sum);
  clf_close(dev);
  return s;
}
static int failed, silent;
static void note_failure(const clf_tuned *t, void *context) {
  (void)context;
  for (int i = 0; i < t->count; i++)
    if (t->way[i].verdict == CLF_WAY_FAILED) {
      failed++;
      silent += !strstr(t->way[i].why, "memory");
    }
}
/* A shape without memory is reported, and the others are tuned. */
static clf_status cpu_tuned(float *sum) {
  int kept = 0;
  failed = silent = 0;
  CLF_TRY(clf_tune("cpu", multiply, sum, note_failure, NULL, &kept));
  if (silent) return clf_fail(CLF_EINVAL, "a shape failed for another reason");
  return failed || !kept ? clf_fail(CLF_ENOMEM, "it was told") : CLF_OK;
}

static const struct {
  const char *name;
  clf_status (*run)(float *sum);
} opens[] = {{"check:cpu", check_opened},
             {"trace:cpu", trace_opened},
             {"self-test", cpu_tested},
             {"tune", cpu_tuned}};
enum { OPENS = sizeof opens / sizeof *opens };

START_TEST(any_allocation) {
  float sum = 0;
  long bad = 0;
  const int before = silence();
  fault_memory = (fault_hook){0};
  const clf_status first = opens[_i].run(&sum);
  const long calls = fault_memory.calls;
  for (long n = 1; n <= calls && !bad; n += 1 + n / 20) {
    fault_memory = (fault_hook){.n = n};
    sum = right;
    const clf_status s = opens[_i].run(&sum);
    fault_memory = (fault_hook){0};
    if (s ? s != CLF_ENOMEM || strlen(clf_errmsg()) < 10 : sum != right) bad = n;
  }
  speak(before);
  ck_assert_int_eq(first, CLF_OK);
  ck_assert_msg(!bad, "%s, allocation %ld: %s", opens[_i].name, bad, clf_errmsg());
  ck_assert_int_gt(calls, 8);
}
END_TEST

int main(void) {
  char folder[] = "/tmp/clflow-around-XXXXXX";
  if (!mkdtemp(folder)) return 1;
  setenv("CLFLOW_CACHE_DIR", folder, 1);
  Suite *suite = suite_create("around");
  TCase *c = tcase_create("around");
  tcase_set_timeout(c, 300);
  tcase_add_loop_test(c, any_call, 0, KINDS);
  tcase_add_loop_test(c, any_allocation, 0, OPENS);
  suite_add_tcase(suite, c);
  const int bad = suite_run(suite);
  suite_remove(folder);
  return bad;
}
