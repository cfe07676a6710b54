/* SPDX-License-Identifier: MIT */
/* images.h: sets of images: files, folders, a set that is drawn.
 *
 * A set is N images of one shape, height x width x channels, in bytes, on the host; a
 * pixel's channels lie side by side (one of grey, or red, green and blue).  Sizes are in
 * pixels and named height first.  Nothing here needs a device.  What cannot be taken is
 * refused with a sentence that names the file and the numbers in it. */
#ifndef CLFLOW_IMAGES_H
#define CLFLOW_IMAGES_H
#include "clflow/core.h"
#include "clflow/data.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How images are brought to the size that is wanted:
 *   NONE    not at all: they have that size, or the set is refused
 *   CENTER  the largest centred rectangle of the wanted shape is cut out and resized,
 *           by the mean over areas where it shrinks, linearly where it grows
 *   CELEBA  rows 40 to 187 and columns 15 to 162 are cut out and resized to the wanted
 *           size (default 64 x 64), linearly, pixel y of the result lying at y * 148 / height;
 *           of an image without these rows and columns nothing can be cut
 *   LSUN    resized so that the shorter side is 96, then cut to the wanted size (default
 *           64 x 64, at most 96 x 96) at a place that each draw chooses
 * CELEBA and LSUN are what Dinh et al. did to these sets for Real NVP. */
typedef enum clf_crop { CLF_CROP_NONE, CLF_CROP_CENTER, CLF_CROP_CELEBA, CLF_CROP_LSUN } clf_crop;

typedef struct clf_image_options {
  int32_t height, width; /* wanted; 0: as the images are */
  int32_t channels;      /* 1 or 3; 0: as the images are, in a folder 3 if any file has colour */
  clf_crop crop;
  int strict;   /* 1: a damaged file of a folder is an error; 0: it is left out, and counted */
  int32_t bits; /* of the samples of 16-bit PNG files, 8 to 16: 2^bits - 1 becomes 255, and a
                   file with more is damaged; 0: 16 */
} clf_image_options;

typedef struct clf_images clf_images;

/* Opens a set, and decodes it in the background by as many threads as there are cores;
 * options NULL: as it is.
 *
 *   glyphs[:key=value,...]  drawn: small marks (strokes, rings, boxes, letters) on a soft
 *                 ground.  Keys n (default 10000, at most 10000000), size (side in pixels, 4 to
 *                 256, default 16), channels (1 or 3, default 1), seed (default 1).  Image i
 *                 depends on size, channels, seed and i, not on n.
 *   *.idx, *-ubyte, also with .gz  IDX as MNIST has it: bytes, (N, H, W) or (N, H, W, C)
 *   *.bin         CIFAR-10's binary version: records of a label and 3 x 32 x 32 bytes
 *   *.npy         bytes (uint8), (N, H, W) or (N, H, W, C) with C = 1 or 3
 *   a folder      holding data_batch_*.bin: these, in order, as CIFAR-10.  Else all PNG and JPEG
 *                 files in it and the folders below it, ordered by path: those ending in .png,
 *                 .jpg, .jpeg, .jpe or .jfif, and files of any other name that begin as PNG or
 *                 JPEG do.  Names that begin with '.' are passed over; clf_images_note() counts
 *                 files of other kinds.  Each folder is read once, whatever links lead to it, and
 *                 at most 64 deep.
 *   a PNG or JPEG file  a set of one image
 *
 * PNG may be of any kind: an alpha channel is dropped (what lies under is taken as it is, over no
 * ground), and samples of 16 bits are rounded to 8, as `bits` says.  JPEG may be grey or YCbCr or
 * RGB, not CMYK.  Images with an EXIF orientation (in JPEG, or the eXIf chunk of PNG) are turned
 * upright, as viewers show them; heights and widths are those of the turned image.  Grey becomes
 * colour by repetition, colour grey as 0.299 R + 0.587 G + 0.114 B.
 *
 * A file is damaged if its decoder so much as warns that data are missing or corrupt, or if it
 * declares more than its bytes can hold.  Limits: 65536 pixels a side and 2^28 in all; above 2^24
 * pixels, 128 more for each byte of the file; 2 GiB a file; 100 scans of a JPEG.  The set as a
 * whole must fit into the machine's memory.
 *
 * After this the shape is known; images are not before clf_images_wait().
 * Errors: EIO, EFORMAT, EINVAL (options, keys, a name of no such kind), ESHAPE (sizes that differ
 * from each other or from what is wanted, and no crop), ENOMEM (also for a set larger than the
 * machine's memory). */
CLF_API clf_status clf_images_open(const char *source, const clf_image_options *options,
                                   clf_images **images);

/* Stops decoding where it is under way.  NULL is a no-op. */
CLF_API void clf_images_free(clf_images *images);

/* Whether clf_images_open() takes this name for one of images.  Of a folder, or a file of one
 * of the suffixes above, only a .npy is looked into: bytes of three or four dimensions.  Any other
 * file is an image if its name or its first bytes are those of a PNG or JPEG.  The names of
 * clf_synthetic() are those of points, whatever folders there are. */
CLF_API int clf_is_image_source(const char *source);

/* How many images are decoded so far, damaged ones included, of how many; to be asked by the thread
 * that waits, before it does. */
CLF_API void clf_images_progress(const clf_images *images, int64_t *done, int64_t *total);

/* Until all are decoded, in which it helps.  Errors: what a file was refused for, as in
 * clf_images_open(); EFORMAT also if no image was left. */
CLF_API clf_status clf_images_wait(clf_images *images);

/* The number of images; before clf_images_wait() damaged ones are not yet taken off. */
CLF_API int64_t clf_images_count(const clf_images *images);

/* What clf_images_get() gives. */
CLF_API void clf_images_shape(const clf_images *images, int32_t *height, int32_t *width,
                              int32_t *channels);

/* How many damaged files were left out, and in *sentences (which may be NULL) one for each,
 * living as long as the set; 0 before clf_images_wait(). */
CLF_API int64_t clf_images_skipped(const clf_images *images, const char *const **sentences);

/* Sentences on a set that hold nothing up but are worth knowing, counted from 0, NULL behind the
 * last; they live as long as the set: files of other kinds in a folder, how many images were turned
 * by their EXIF data, 16-bit files that use little of their range.  NULL before
 * clf_images_wait(). */
CLF_API const char *clf_images_note(const clf_images *images, int i);

/* CRC-32 of the number of images, of their shape and of all their bytes, in order; of LSUN these
 * are the images before the draw.  0 before clf_images_wait(). */
CLF_API uint32_t clf_images_checksum(const clf_images *images);

typedef struct clf_image_draw {
  int flip; /* half of the images are mirrored, left to right */
  uint64_t seed;
  uint32_t epoch;
} clf_image_draw;

/* Images index[0 .. n), or first .. first + n if index is NULL, as (n, H, W, C) bytes.
 * Whether an image is mirrored, and for LSUN where it is cut, depends on the draw's seed and epoch
 * and on its number in the set, on nothing else; draw NULL: not mirrored, cut as by seed 0 in epoch
 * 0. May be called by several threads.  Errors: EINVAL (no such row; before clf_images_wait()). */
CLF_API clf_status clf_images_get(const clf_images *images, const int64_t *index, int64_t first,
                                  int64_t n, const clf_image_draw *draw, uint8_t *out);

/* ---- Writing ----------------------------------------------------------- */

/* Files appear whole or not at all.  Errors: EIO, EINVAL (shape, no name), ENOMEM. */

/* An image (H, W, C) of 1 or 3 channels and at most 65536 a side. */
CLF_API clf_status clf_image_write_png(const char *path, const uint8_t *pixels, int32_t height,
                                       int32_t width, int32_t channels);
/* Images as uint8 (N, H, W, C), or (N, H, W) where C is 1. */
CLF_API clf_status clf_images_write_npy(const char *path, const uint8_t *pixels, int64_t n,
                                        int32_t height, int32_t width, int32_t channels);
/* Numbers as float64, row-major, of 1 to 4 dimensions. */
CLF_API clf_status clf_array_write_npy(const char *path, const double *at, int rank,
                                       const int64_t *dim);

/* ---- Noise ------------------------------------------------------------- */

/* Reads what is added to bytes to make them continuous: a .npy of float32 or float64, each number
 * in [0, 1), of shape (N, H, W, C), (N, H*W*C), or where C is 1 (N, H, W), where N is `count`.
 * The table is (N, H*W*C), to be freed by clf_table_free().
 * Errors: EIO, EFORMAT (not such a file), ESHAPE (another shape), ENUM (another number), ENOMEM. */
CLF_API clf_status clf_noise_read(const char *path, int64_t count, int32_t height, int32_t width,
                                  int32_t channels, clf_table *noise);

#ifdef __cplusplus
}
#endif
#endif
