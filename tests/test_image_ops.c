/* SPDX-License-Identifier: MIT */
/* test_image_ops.c: the values of squeeze, rescaled and pixels, convolutions of normalised
 * inputs, and the positions of latents: tables written by hand, identities, and gradients
 * against differences.  The tests are in image_ops/. */
#include "image_ops/ops.h"

int main(void) {
  Suite *suite = suite_create("image operations");
  TCase *tc = tcase_create("image operations");
  tcase_set_timeout(tc, 0);
  tests_of_latents(tc);
  tests_of_couplings(tc);
  tests_of_pixels(tc);
  suite_add_tcase(suite, tc);
  return suite_run(suite);
}
