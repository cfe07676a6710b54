/* SPDX-License-Identifier: MIT */
/* test_nets.c: the nets of couplings, autoregressive layers and bases, on one device:
 *   test_nets DEVICE
 * The tests are in nets/: comparison with the libraries that the nets come from, gradients against
 * differences, dependencies of masked nets, initial values, dropout, memory, errors. */
#include "nets/rig.h"

static void add(TCase *tc) {
  tcase_set_timeout(tc, 120);
  tests_of_golden(tc);
  tests_of_gradients(tc);
  tests_of_masked(tc);
  tests_of_rest(tc);
}

int main(int argc, char **argv) { return flows_main(argc, argv, add); }
