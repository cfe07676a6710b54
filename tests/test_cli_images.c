/* SPDX-License-Identifier: MIT */
/* test_cli_images.c: the program `clflow` with images.  The tests are in cli_images/. */
#include <stdlib.h>
#include <string.h>
#include "cli_images/images.h"
#include "program.h"

double number_of(const char *command, const char *label) {
  result r = run(command);
  expect_code(command, &r, 0);
  expect_text(command, "stdout", r.out, label);
  const double number = strtod(strstr(r.out, label) + strlen(label), NULL);
  release(r);
  return number;
}

double bits_of(const char *command) { return number_of(command, "bits/dim             "); }

clf_table table_of(const char *path) {
  clf_table t;
  ck_assert_msg(clf_table_read(path, &t) == CLF_OK, "%s", clf_errmsg());
  return t;
}

void write_noise(const char *path, int64_t n, double u) {
  double *at = malloc((size_t)n * D * sizeof *at);
  ck_assert_ptr_nonnull(at);
  for (int64_t i = 0; i < n * D; i++) at[i] = u;
  ck_assert_int_eq(clf_array_write_npy(path, at, 4, (const int64_t[]){n, 8, 8, 1}), CLF_OK);
  free(at);
}

static void make_model(void) { succeeds(SMALL "--out m.safetensors", "over all 64 images\n"); }

static void add(TCase *tc) {
  tests_of_training(tc);
  tests_of_scores(tc);
  tests_of_refusals(tc);
  tests_of_labels(tc);
}

int main(int argc, char **argv) {
  return program_main_with(argc, argv, "cli_images", make_model, add);
}
