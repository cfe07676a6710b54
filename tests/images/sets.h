/* SPDX-License-Identifier: MIT */
/* sets.h: shared by the tests of sets of images, which run in an empty folder. */
#ifndef CLF_IMAGES_SETS_H
#define CLF_IMAGES_SETS_H
#include <stdint.h>
#include <stdio.h>
#include <jpeglib.h>
#include "clflow/images.h"
#include "suite.h"

#define SIZE(array) (sizeof(array) / sizeof *(array))

/* The tests of a file. */
void tests_of_raw(Suite *s);
void tests_of_arrays(Suite *s);
void tests_of_folders(Suite *s);
void tests_of_found(Suite *s);
void tests_of_exif(Suite *s);
void tests_of_damage(Suite *s);
void tests_of_crops(Suite *s);
void tests_of_draws(Suite *s);
void tests_of_writing(Suite *s);
void tests_of_labels(Suite *s);

size_t take(const char *path, uint8_t *bytes, size_t room);
void put_gz(const char *path, const void *bytes, unsigned n);
void fresh(const char *folder);
clf_images *load_by(const char *source, const clf_image_options *o, int threads);
clf_images *load(const char *source, const clf_image_options *o);
void fails(const char *source, const clf_image_options *o, clf_status want, const char *message);
void shape_is(const clf_images *m, int64_t n, int32_t h, int32_t w, int32_t c);
void bytes_are(const uint8_t *got, const uint8_t *want, size_t n);
void set_is(const char *source, const clf_image_options *o, int64_t n, int32_t h, int32_t w,
            int32_t c, const uint8_t *want);
void put_png(const char *path, int32_t h, int32_t w, int32_t c, const uint8_t *at);
void put_png_kind(const char *path, int32_t h, int32_t w, int depth, int kind, int interlace,
                  const uint8_t *at, size_t stride);
void put_jpeg(const char *path, int h, int w, J_COLOR_SPACE space, int channels, const uint8_t *at);
void put_npy(const char *path, const char *descr, int fortran, const char *shape, const void *data,
             size_t n);
/* The notes about a set are these two sentences; NULL: none. */
void notes_are(const char *source, const clf_image_options *o, const char *first,
               const char *second);
clf_image_options sized(clf_crop crop, int32_t h, int32_t w);
void said(clf_status got, clf_status want, const char *message);

extern const uint8_t six[6], nine[9];

#endif
