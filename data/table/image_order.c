/* SPDX-License-Identifier: MIT */
/* image_order.c: the orders of the numbers of images in arrays: (N, H, W, C) and (N, C, H, W). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clflow/data.h"
#include "status.h"

/* Whether dim[1 .. 3] are `a`, `b` and `c`, of which 0 stands for any number. */
static int fits(const int64_t *dim, int64_t a, int64_t b, int64_t c) {
  return (!a || dim[1] == a) && (!b || dim[2] == b) && (!c || dim[3] == c);
}

/* "(5, 3, 8, 8)" */
static void print_shape(int rank, const int64_t *dim, char *text, size_t size) {
  int used = snprintf(text, size, "(");
  for (int k = 0; k < rank && used < (int)size - 24; k++)
    used += snprintf(text + used, size - (size_t)used, "%s%" PRId64, k ? ", " : "", dim[k]);
  snprintf(text + used, size - (size_t)used, rank == 1 ? ",)" : ")");
}

static clf_status refuse(const char *what, int rank, const int64_t *dim, int32_t h, int32_t w,
                         int32_t channels) {
  char shape[160], c[16] = "C", grey[48] = "";
  print_shape(rank, dim, shape, sizeof shape);
  if (channels) snprintf(c, sizeof c, "%" PRId32, channels);
  if (channels <= 1) snprintf(grey, sizeof grey, "(N, %" PRId32 ", %" PRId32 "), ", h, w);
  return clf__fail(CLF_ESHAPE,
                   "%s: the shape is %s; images are %s(N, %" PRId32 ", %" PRId32 ", %s) or "
                   "(N, %s, %" PRId32 ", %" PRId32 "), or rows (N, D)",
                   what, shape, grey, h, w, c, c, h, w);
}

clf_status clf_image_order_find(const char *what, int rank, const int64_t *dim, int32_t height,
                                int32_t width, int32_t channels, clf_image_order usual,
                                clf_image_order *found) {
  CLF_GIVEN("what, dim, found", what, dim, found);
  if (height < 1 || width < 1 || channels < 0)
    return clf__fail(CLF_EINVAL, "%s: there are no images of %" PRId32 " x %" PRId32 " x %" PRId32,
                     what, height, width, channels);
  const int grey = rank == 3 && channels <= 1 && dim[1] == height && dim[2] == width;
  const int last = grey || (rank == 4 && fits(dim, height, width, channels));
  const int first = rank == 4 && fits(dim, channels, height, width);
  if (!last && !first) return refuse(what, rank, dim, height, width, channels);
  *found = !first || (last && usual != CLF_ORDER_NCHW) ? CLF_ORDER_NHWC : CLF_ORDER_NCHW;
  return CLF_OK;
}

clf_status clf_image_reorder(double *at, int64_t n, int32_t height, int32_t width, int32_t channels,
                             clf_image_order to) {
  CLF_GIVEN("at", at);
  if (height < 1 || width < 1 || channels < 1 || (to != CLF_ORDER_NHWC && to != CLF_ORDER_NCHW))
    return clf__fail(CLF_EINVAL,
                     "images of %" PRId32 " x %" PRId32 " x %" PRId32
                     " cannot be brought into the order %d",
                     height, width, channels, (int)to);
  const size_t pixels = (size_t)height * (size_t)width, C = (size_t)channels, D = pixels * C;
  if (C == 1 || pixels == 1) return CLF_OK;
  double *const image = malloc(D * sizeof *image);
  if (!image) return clf__fail(CLF_ENOMEM, "no memory for an image of %zu numbers", D);
  for (int64_t i = 0; i < n; i++) {
    double *const x = at + (size_t)i * D;
    memcpy(image, x, D * sizeof *image);
    for (size_t p = 0; p < pixels; p++)
      for (size_t c = 0; c < C; c++) {
        if (to == CLF_ORDER_NHWC)
          x[p * C + c] = image[c * pixels + p];
        else
          x[c * pixels + p] = image[p * C + c];
      }
  }
  free(image);
  return CLF_OK;
}
