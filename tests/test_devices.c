/* SPDX-License-Identifier: MIT */
/* test_devices.c: devices by name, the list of them, the self-test, and devices that wrap others.
 * What needs an OpenCL device is left out where there is none.  The tests are in devices/. */
#include <string.h>
#include "backend.h"
#include "devices/devices.h"
#include "machine.h"

START_TEST(status_texts) {
  ck_assert_str_eq(clf_strerror(CLF_OK), "success");
  ck_assert_str_eq(clf_strerror(CLF_ESTOPPED), "stopped on request");
  ck_assert_str_eq(clf_strerror((clf_status)99), "unknown status");
  ck_assert_str_eq(clf_strerror((clf_status)-1), "unknown status");
  REFUSED(clf_fail(CLF_EIO, "100% of it"), CLF_EIO, "100% of it");
  REFUSED(clf__fail(CLF_EIO, "and so: %s", clf_errmsg()), CLF_EIO, "and so: 100% of it");
  clf_close(NULL);
}
END_TEST

static TCase *tests(void) {
  TCase *tc = tcase_create("names");
  tcase_set_timeout(tc, 300); /* a first build on a slow device takes its time */
  tcase_add_unchecked_fixture(tc, list_devices, free_list);
  tests_of_names(tc);
  tests_of_listed(tc);
  tests_of_selftest(tc);
  tests_of_wrapping(tc);
  tests_of_reopening(tc);
  tcase_add_test(tc, status_texts);
  return tc;
}

int main(int argc, char **argv) {
  if (argc > 2 && strcmp(argv[1], "--without-opencl") == 0) return without_opencl(argv[2]);
  Suite *suite = suite_create("devices");
  suite_add_tcase(suite, tests());
  return suite_run(suite);
}
