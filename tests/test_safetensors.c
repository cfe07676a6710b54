/* SPDX-License-Identifier: MIT */
/* test_safetensors.c: writing and reading safetensors files, and errors for invalid ones.  The
 * tests are in safetensors/. */
#define _XOPEN_SOURCE 700
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "safetensors/files.h"

int main(void) {
  if (mkdtemp(folder) == NULL) return EXIT_FAILURE;
  snprintf(path, sizeof path, "%s/m.safetensors", folder);
  Suite *s = suite_create("safetensors");
  tests_of_reading(s);
  tests_of_headers(s);
  tests_of_writing(s);
  tests_of_metadata(s);
  tests_of_damage(s);
  tests_of_json(s);
  const int failed = suite_run(s);
  suite_remove(folder);
  return failed;
}
