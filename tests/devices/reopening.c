/* SPDX-License-Identifier: MIT */
/* reopening.c: devices that failed and are opened again. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include "backend.h"
#include "machine.h"
#include "devices/devices.h"

/* A device that cannot be reopened: every call on it fails with the same message, and its memory
 * can be freed. Opened by another name it works again, without its contents. */
START_TEST(a_device_that_is_gone) {
  static const char message[] = "cpu (baseline) failed, and could not be reopened";
  clf_device *d = opened(_i ? "trace:cpu/baseline" : "cpu/baseline"), *bare = d;
  clf_arena a = {0}, b = {0};
  clf_tensor t;
  float v = 1;
  while (bare->inner) bare = bare->inner;
  WORKS(clf_arena_init(&a, bare, 16));
  WORKS(clf_new(&a, (int32_t[4]){1}, &t));
  ck_assert_int_eq(clf__revive(d, "nonsense"), CLF_ENODEV);
  REFUSED(clf_arena_init(&b, bare, 16), CLF_EDEVICE, message);
  REFUSED(clf_write(bare, t, &v), CLF_EDEVICE,
          "clf_write: argument 0 was lost with its device, which failed");
  clf__set_lost(&a, 0); /* as one who writes all of it again does */
  REFUSED(clf_write(bare, t, &v), CLF_EDEVICE, message);
  REFUSED(clf_read(bare, t, &v), CLF_EDEVICE, message);
  REFUSED(bare->backend->run(bare, CLF_OP_fill, NULL), CLF_EDEVICE, message);
  REFUSED(clf_sync(bare), CLF_EDEVICE, message);
  ck_assert_int_eq(clf__revivable(d), 1);
  if (_i) { /* and is closed as it is */
    clf_arena_free(&a);
    clf_close(d);
    return;
  }
  WORKS(clf__revive(d, "cpu/baseline"));
  clf__set_lost(&a, 0);
  WORKS(clf_write(d, t, &v));
  clf_arena_free(&a);
  clf_close(d);
}
END_TEST

/* Another device has the name of the one that failed: it is refused. */
START_TEST(a_device_that_is_another) {
  clf_device *d = opened("cpu64");
  free(d->asked);
  d->asked = strdup("cpu/baseline");
  REFUSED(clf__revive(d, NULL), CLF_ENODEV,
          "cpu64 is no longer available; its name now opens cpu (baseline)");
  REFUSED(clf_sync(d), CLF_EDEVICE, "cpu64 failed, and could not be reopened");
  clf_close(d);
}
END_TEST

void tests_of_reopening(TCase *tc) {
  tcase_add_loop_test(tc, a_device_that_is_gone, 0, 2);
  tcase_add_test(tc, a_device_that_is_another);
}
