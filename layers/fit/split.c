/* SPDX-License-Identifier: MIT */
/* split.c: divides the rows of a table into training, validation and test rows. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include "clflow/fit.h"
#include "random.h"
#include "status.h"

/* Fisher-Yates shuffle (Durstenfeld 1964). */
static void shuffle(int64_t *at, int64_t n, uint64_t seed) {
  for (int64_t i = 0; i < n; i++) at[i] = i;
  for (int64_t i = n - 1; i > 0; i--) {
    const int64_t j = (int64_t)(clf__uniform(seed, (uint64_t)i) * (double)(i + 1));
    const int64_t kept = at[i];
    at[i] = at[j];
    at[j] = kept;
  }
}

clf_status clf_split_rows(int64_t rows, double valid, double test, uint64_t seed, uint8_t *role) {
  CLF_GIVEN("role", role);
  if (rows < 1) return clf__fail(CLF_EINVAL, "there are no rows to divide");
  if (!(valid >= 0 && test >= 0 && valid + test < 1))
    return clf__fail(CLF_EINVAL,
                     "shares of %g for validation and %g for the test leave no rows to train on",
                     valid, test);
  const int64_t validates = llround(valid * (double)rows), tests = llround(test * (double)rows);
  if (validates + tests >= rows)
    return clf__fail(CLF_EINVAL, "%lld row%s cannot be divided: none is left to train on",
                     (long long)rows, rows == 1 ? "" : "s");
  int64_t *at = malloc((size_t)rows * sizeof *at);
  if (!at) return clf__fail(CLF_ENOMEM, "no memory to divide %lld rows", (long long)rows);
  shuffle(at, rows, seed);
  for (int64_t i = 0; i < rows; i++)
    role[at[i]] = (uint8_t)(i < validates           ? CLF_ROW_VALID
                            : i < validates + tests ? CLF_ROW_TEST
                                                    : CLF_ROW_TRAIN);
  free(at);
  return CLF_OK;
}
