/* SPDX-License-Identifier: MIT */
/* given.h: how public functions refuse arguments that are never valid.  Private. */
#ifndef CLF_GIVEN_H
#define CLF_GIVEN_H
#include <stdio.h>
#include <string.h>
#include "clflow/core.h"

/* EINVAL: names the first NULL among n pointers; `names` is a list of their names. */
static inline clf_status clf__given(const char *function, const char *names, const void *const *at,
                                    size_t n) {
  char text[160];
  for (size_t i = 0; i < n; i++) {
    const size_t length = strcspn(names, ",");
    if (!at[i]) {
      snprintf(text, sizeof text, "%s: %.*s is NULL", function, (int)length, names);
      return clf_fail(CLF_EINVAL, text);
    }
    names += names[length] ? length + 2 : length;
  }
  return CLF_OK;
}

/* Refuses NULL for required pointers.  `names` has their names in the header:
 *   CLF_GIVEN("flow, x, logp", f, x, logp); */
#define CLF_GIVEN(names, ...)                                                                      \
  CLF_TRY(clf__given(__func__, names, (const void *const[]){__VA_ARGS__},                          \
                     sizeof((const void *const[]){__VA_ARGS__}) / sizeof(const void *)))

/* EINVAL if no array can hold n rows of `width` elements of `size` bytes.  Counts from callers
 * are checked here before they are multiplied; counts below 1 have their own messages. */
static inline clf_status clf__rows_fit(int64_t n, int64_t width, size_t size) {
  char text[160];
  if (n < 1 || width < 1 || (uint64_t)n <= PTRDIFF_MAX / size / (uint64_t)width) return CLF_OK;
  snprintf(text, sizeof text, "%lld rows of %lld numbers are more than memory can hold",
           (long long)n, (long long)width);
  return clf_fail(CLF_EINVAL, text);
}

#endif
