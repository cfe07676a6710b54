/* SPDX-License-Identifier: MIT */
/* images_fit.c: brings images to the requested size and channels. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "images.h"
#include "status.h"

/* Real NVP's crop of CelebA: 148 x 148 pixels of 218 x 178. */
enum { CELEBA_TOP = 40, CELEBA_LEFT = 15, CELEBA_SIDE = 148 };

clf_status clf__fit_check(const char *name, const clf_image_options *o, const clf__picture *p) {
  if (o->crop == CLF_CROP_NONE && (p->height != o->height || p->width != o->width))
    return clf__fail(CLF_ESHAPE,
                     "%s: is %" PRId32 " x %" PRId32 " pixels (height x width), not %" PRId32
                     " x %" PRId32 "; a crop would bring it to that size",
                     name, p->height, p->width, o->height, o->width);
  if (o->crop == CLF_CROP_CELEBA &&
      (p->height < CELEBA_TOP + CELEBA_SIDE || p->width < CELEBA_LEFT + CELEBA_SIDE))
    return clf__fail(CLF_EFORMAT,
                     "%s: is %" PRId32 " x %" PRId32
                     " pixels (height x width); CelebA's crop needs at least %d x %d",
                     name, p->height, p->width, CELEBA_TOP + CELEBA_SIDE,
                     CELEBA_LEFT + CELEBA_SIDE);
  const int64_t h = p->height, w = p->width;
  if (o->crop == CLF_CROP_LSUN && (h > CLF_IMAGE_LONG * w || w > CLF_IMAGE_LONG * h))
    return clf__fail(CLF_EFORMAT,
                     "%s: is %" PRId32 " x %" PRId32
                     " pixels (height x width); LSUN's crop takes images whose longer side is at "
                     "most %d times the shorter",
                     name, p->height, p->width, CLF_IMAGE_LONG);
  return CLF_OK;
}

/* ---- Channels ------------------------------------------------------------- */

/* Rec. 601, in 65536ths. */
static uint8_t luma(const uint8_t *rgb) {
  return (uint8_t)((19595u * rgb[0] + 38470u * rgb[1] + 7471u * rgb[2] + 32768u) >> 16);
}

static clf_status set_channels(const char *name, int32_t channels, clf__picture *p) {
  if (p->channels == channels) return CLF_OK;
  if (p->channels + channels != 1 + 3)
    return clf__fail(CLF_EFORMAT,
                     "%s: it has %" PRId32 " channels, not %" PRId32
                     "; only grey and colour can be converted to each other",
                     name, p->channels, channels);
  clf__picture q = {p->height, p->width, channels, NULL};
  CLF_TRY(clf__picture_new(name, &q));
  const size_t n = (size_t)p->height * (size_t)p->width;
  for (size_t i = 0; i < n; i++)
    if (channels == 1)
      q.at[i] = luma(p->at + 3 * i);
    else
      memset(q.at + 3 * i, p->at[i], 3);
  free(p->at);
  *p = q;
  return CLF_OK;
}

/* ---- Size ----------------------------------------------------------------- */

/* The largest centred rectangle with the requested aspect ratio. */
static clf__window centre(const clf_image_options *o, const clf__picture *p) {
  int64_t h = p->height, w = h * o->width / o->height;
  if (w > p->width) {
    w = p->width;
    h = w * o->height / o->width;
  }
  if (h < 1) h = 1;
  if (w < 1) w = 1;
  return (clf__window){(int32_t)((p->height - h) / 2), (int32_t)((p->width - w) / 2), (int32_t)h,
                       (int32_t)w};
}

/* Sides such that the shorter one is 96. */
clf__picture clf__lsun_shape(const clf__picture *p) {
  const int64_t shorter = p->height < p->width ? p->height : p->width;
  const int64_t h = (2 * CLF_IMAGE_LSUN * (int64_t)p->height + shorter) / (2 * shorter);
  const int64_t w = (2 * CLF_IMAGE_LSUN * (int64_t)p->width + shorter) / (2 * shorter);
  return (clf__picture){(int32_t)h, (int32_t)w, p->channels, NULL};
}

static clf_status set_size(const char *name, const clf_image_options *o, clf__picture *p) {
  clf__picture q = {o->height, o->width, p->channels, NULL};
  clf__window window = {0, 0, p->height, p->width};
  clf__resize how = CLF__RESIZE_MEAN;
  if (o->crop == CLF_CROP_CENTER) {
    window = centre(o, p);
  } else if (o->crop == CLF_CROP_CELEBA) {
    window = (clf__window){CELEBA_TOP, CELEBA_LEFT, CELEBA_SIDE, CELEBA_SIDE};
    how = CLF__RESIZE_TENSORFLOW;
  } else if (o->crop == CLF_CROP_LSUN) {
    q = clf__lsun_shape(p);
  }
  if (q.height == p->height && q.width == p->width && window.height == p->height &&
      window.width == p->width)
    return CLF_OK;
  CLF_TRY(clf__picture_resize(name, p, window, how, &q));
  free(p->at);
  *p = q;
  return CLF_OK;
}

clf_status clf__fit(const char *name, const clf_image_options *o, clf__picture *p) {
  CLF_TRY(clf__fit_check(name, o, p));
  CLF_TRY(set_channels(name, o->channels, p));
  return set_size(name, o, p);
}
