/* SPDX-License-Identifier: MIT */
/* test_arch.c: architectures: text and JSON, checks, presets, and the expanded list of layers.
 * The tests are in arch/. */
#include "arch/arch.h"

clf_arch *parsed(const char *text) {
  clf_arch *a = NULL;
  ck_assert_msg(!clf_arch_parse(text, &a), "%s: %s", text, clf_errmsg());
  return a;
}

void turns_around(const clf_arch *a) {
  clf_arch *b = parsed(clf_arch_text(a)), *c = NULL;
  ck_assert_str_eq(clf_arch_text(b), clf_arch_text(a));
  ck_assert_str_eq(clf_arch_json(b), clf_arch_json(a));
  ck_assert_msg(!clf_arch_from_json(clf_arch_json(a), &c), "%s: %s", clf_arch_json(a),
                clf_errmsg());
  ck_assert_str_eq(clf_arch_text(c), clf_arch_text(a));
  ck_assert_str_eq(clf_arch_json(c), clf_arch_json(a));
  ck_assert_int_eq(clf_arch_layers(c), clf_arch_layers(a));
  ck_assert_int_eq(clf_arch_dim(c), clf_arch_dim(a));
  ck_assert_int_eq(clf_arch_context(c), clf_arch_context(a));
  clf_arch_free(b);
  clf_arch_free(c);
}

int main(void) {
  Suite *const s = suite_create("arch");
  tests_of_text(s);
  tests_of_random(s);
  tests_of_refusals(s);
  tests_of_lists(s);
  tests_of_presets(s);
  return suite_run(s);
}
