/* SPDX-License-Identifier: MIT */
/* test_load.c: checkpoints with a single defect.  Each number and each tensor of a training's
 * file is removed, damaged or put out of range, with a correct checksum: the error names it, and
 * the file once.  The tests are in load/. */
#define _XOPEN_SOURCE 700
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "load/load.h"

static void open_device(void) { WORKS(clf_open("cpu", &dev)); }
static void close_device(void) { clf_close(dev); }

int main(void) {
  if (!mkdtemp(folder)) return 1;
  snprintf(good, sizeof good, "%s/good.safetensors", folder);
  snprintf(bad, sizeof bad, "%s/bad.safetensors", folder);
  Suite *suite = suite_create("load");
  TCase *c = tcase_create("load");
  tcase_set_timeout(c, 300);
  tcase_add_unchecked_fixture(c, open_device, close_device);
  tests_of_numbers(c);
  tests_of_tensors(c);
  tests_of_state_dicts(c);
  tests_of_saving(c);
  suite_add_tcase(suite, c);
  const int failed = suite_run(suite);
  rmdir(folder);
  return failed;
}
