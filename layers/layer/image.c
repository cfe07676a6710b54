/* SPDX-License-Identifier: MIT */
/* image.c: memory for images. */
#include "image.h"

clf_status clf__image_vector(clf_arena *a, int32_t rows, int64_t size, clf_tensor *t) {
  if (size > INT32_MAX)
    return clf__fail(CLF_ENOTSUP, "an image of %lld numbers; a tensor holds at most %d",
                     (long long)size, INT32_MAX);
  return clf_new(a, (int32_t[4]){rows, (int32_t)size}, t);
}
