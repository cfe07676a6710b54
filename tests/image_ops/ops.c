/* SPDX-License-Identifier: MIT */
/* ops.c: the device of a test, and tensors on it. */
#include <math.h>
#include <string.h>
#include "image_ops/ops.h"

const char *const devices[DEVICES] = {"cpu64",         "cpu",           "cpu/baseline", "opencl",
                                      "opencl:/simd4", "opencl:/simd8", "opencl:/simt"};

clf_device *dev;
clf_arena arena;
int exact;

/* OpenCL devices are skipped if there are none. */
int begin(const char *where) {
  const clf_status s = clf_open(where, &dev);
  if (s == CLF_ENODEV && strncmp(where, "opencl", 6) == 0) return 0;
  ck_assert_msg(!s, "%s", clf_errmsg());
  exact = strcmp(where, "cpu64") == 0;
  WORKS(clf_arena_init(&arena, dev, 1 << 16));
  return 1;
}
void end(void) {
  clf_arena_free(&arena);
  clf_close(dev);
}

clf_tensor put(int n, int c, int h, int w, const double *at) {
  clf_tensor t;
  WORKS(clf_new(&arena, (int32_t[4]){n, c, h, w}, &t));
  if (at) WORKS(clf_write64(dev, t, at));
  return t;
}
clf_tensor zeros(int n) {
  clf_tensor t = put(n, 1, 1, 1, NULL);
  WORKS(clf_do(dev, fill, .y = t));
  return t;
}
double first(clf_tensor t) {
  double v;
  WORKS(clf_read64(dev, clf_slice(t, 0, 0, 1), &v));
  return v;
}

void expect(const char *what, clf_tensor t, const double *want, double tol) {
  double got[512];
  const int n = (int)clf__count(&t);
  ck_assert_int_le(n, SIZE(got));
  WORKS(clf_read64(dev, t, got));
  for (int i = 0; i < n; i++)
    ck_assert_msg(fabs(got[i] - want[i]) <= tol, "%s on %s: number %d is %.9g, not %.9g", what,
                  clf_device_name(dev), i, got[i], want[i]);
}

double noise(void) { /* -1 .. 1 */
  static uint32_t state = 12345;
  state = state * 1664525u + 1013904223u;
  return (double)(int32_t)state * 0x1p-31;
}
void fill_noise(double *v, int n) {
  for (int i = 0; i < n; i++) v[i] = noise();
}
