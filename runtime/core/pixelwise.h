/* SPDX-License-Identifier: MIT */
/* pixelwise.h: a 1x1 convolution as a matrix product whose rows are pixels and whose columns are
 * channels, for the implementations in cl/ and in cpu_ref/. */
#ifndef CLF_PIXELWISE_H
#define CLF_PIXELWISE_H
#include "backend.h"

/* The stride of neighbouring pixels in the order n h w, along the innermost axis of size 2 or
 * more. */
static inline int32_t clf_pixel_step(const clf_tensor *t) {
  return t->dim[3] > 1 ? t->stride[3] : t->dim[2] > 1 ? t->stride[2] : t->stride[0];
}

/* Whether all pixels are evenly spaced. */
static inline int clf_pixels_even(const clf_tensor *t) {
  const int64_t step = clf_pixel_step(t), row = step * t->dim[3];
  return (t->dim[2] == 1 || t->stride[2] == row) &&
         (t->dim[0] == 1 || t->stride[0] == row * t->dim[2]);
}

/* An image whose pixels are evenly spaced as [N H W, C]. */
static inline clf_tensor clf_pixel_rows(const clf_tensor *t) {
  return (clf_tensor){t->buf,
                      t->offset,
                      {t->dim[0] * t->dim[2] * t->dim[3], t->dim[1], 1, 1},
                      {clf_pixel_step(t), t->stride[1], 1, 1}};
}

/* y = x w' + bias + beta y, and dx = dy w + beta dx; weights are [Co, Ci, 1, 1]. */
static inline clf_gemm_args clf_pixelwise_fwd(const clf_conv_fwd_args *p) {
  return (clf_gemm_args){.a = clf_pixel_rows(&p->x),
                         .b = p->w,
                         .bias = p->bias,
                         .c = clf_pixel_rows(&p->y),
                         .tb = 1,
                         .alpha = 1,
                         .beta = p->beta};
}
static inline clf_gemm_args clf_pixelwise_bwd_data(const clf_conv_bwd_data_args *p) {
  return (clf_gemm_args){.a = clf_pixel_rows(&p->dy),
                         .b = p->w,
                         .c = clf_pixel_rows(&p->dx),
                         .alpha = 1,
                         .beta = p->beta};
}
#endif
