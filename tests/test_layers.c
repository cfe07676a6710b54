/* SPDX-License-Identifier: MIT */
/* test_layers.c: layers, in lists given by an architecture's text, on one device:
 *   test_layers DEVICE
 * They are compared with golden files of Python libraries, and in double with identities: inverses,
 * Jacobians and gradients by differences, in both directions.  The tests are in layers/. */
#include "layers/lists.h"

static void add(TCase *tc) {
  tests_of_golden(tc);
  tests_of_identities(tc);
  tests_of_elementwise(tc);
  tests_of_statistics(tc);
  tests_of_refusals(tc);
  tests_of_derived(tc);
}

int main(int argc, char **argv) { return flows_main(argc, argv, add); }
