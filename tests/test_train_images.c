/* SPDX-License-Identifier: MIT */
/* test_train_images.c: training image flows on one device: the contents of batches, reproducible
 * bits, micro-batches, skipped steps, running statistics, memory.  The tests are in
 * train_images/.
 *   test_train_images DEVICE */
#define _GNU_SOURCE
#include <stdlib.h>
#include <unistd.h>
#include "train_images/images.h"

static void add(TCase *tc) {
  tcase_set_timeout(tc, 120);
  tests_of_training(tc);
  tests_of_memory(tc);
  tests_of_drops(tc);
  tests_of_sizes(tc);
  tests_of_results(tc);
  tests_of_given(tc);
}

int main(int argc, char **argv) {
  if (!mkdtemp(folder)) return 1;
  const int code = flows_main(argc, argv, add);
  rmdir(folder);
  return code;
}
