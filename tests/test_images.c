/* SPDX-License-Identifier: MIT */
/* test_images.c: sets of images, of files and built in.  The tests are in images/. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <unistd.h>
#include "images/sets.h"

int main(void) {
  char folder[] = "/tmp/clflow-images-XXXXXX";
  if (!mkdtemp(folder) || chdir(folder)) return 1;
  Suite *s = suite_create("images");
  tests_of_raw(s);
  tests_of_arrays(s);
  tests_of_folders(s);
  tests_of_found(s);
  tests_of_exif(s);
  tests_of_damage(s);
  tests_of_crops(s);
  tests_of_draws(s);
  tests_of_writing(s);
  tests_of_labels(s);
  const int failed = suite_run(s);
  suite_remove(folder);
  return failed;
}
