/* SPDX-License-Identifier: MIT */
/* images.h: sets of images from files and folders, and a synthetic set.
 *
 * A set is N images of one shape, height x width x channels, in bytes, on the host.  The channel is
 * the fastest index (one for grey, or red, green and blue).  Sizes are in pixels, height first.  No
 * device is needed.  Errors name the file and the numbers in it. */
#ifndef CLFLOW_IMAGES_H
#define CLFLOW_IMAGES_H
#include "clflow/core.h"
#include "clflow/data.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How images are brought to the requested size:
 *   NONE    not at all: they must have that size
 *   CENTER  cut out the largest centred rectangle of the requested shape and resize it, by the
 *           mean over areas where it shrinks and linearly where it grows
 *   CELEBA  cut out rows 40 to 187 and columns 15 to 162 and resize linearly to the requested size
 *           (default 64 x 64), with pixel y of the result at y * 148 / height; images that lack
 *           these rows and columns are refused
 *   LSUN    resize so that the shorter side is 96, then cut to the requested size (default 64 x 64,
 *           at most 96 x 96) at a random position in each draw
 * CELEBA and LSUN are the preprocessing of Dinh et al. 2017 for Real NVP. */
typedef enum clf_crop { CLF_CROP_NONE, CLF_CROP_CENTER, CLF_CROP_CELEBA, CLF_CROP_LSUN } clf_crop;

/* How a set of images is read; zero takes them as they are. */
typedef struct clf_image_options {
  int32_t height, width; /* requested size; 0: as the images are */
  int32_t channels;      /* 1 or 3; 0: as the images are; in a folder 3 if any file is in colour */
  clf_crop crop;         /* how images are cut to that size */
  int strict;   /* 1: a damaged file in a folder is an error; 0: it is skipped and counted */
  int32_t bits; /* bits per sample of 16-bit PNG files, 8 to 16: 2^bits - 1 becomes 255, and a file
                   with larger samples is damaged; 0: 16 */
  clf_image_order order; /* of a .npy of four dimensions */
  clf_more more[7];      /* further options, by name; 0 */
} clf_image_options;

/* Sets an option by its name, the member's, from text: "32" of `height`, "center" of `crop`.
 * EINVAL: there is no such option (names the nearest), or the value is of another type; the options
 * are then unchanged.  clf_images_open() checks ranges. */
CLF_API clf_status clf_image_options_set(clf_image_options *options, const char *name,
                                         const char *value);

/* A set of images, decoded by threads of its own. */
typedef struct clf_images clf_images;

/* Opens a set and decodes it in the background with one thread per core. options NULL: the
 * defaults.
 *
 *   glyphs[:key=value,...]  synthetic: small marks (strokes, rings, boxes, letters) on a soft
 *                 background.  Keys n (default 10000, at most 10000000), size (side in pixels, 4 to
 *                 256, default 16), channels (1 or 3, default 1), seed (default 1).  Image i
 *                 depends on size, channels, seed and i, not on n.
 *   *.idx, *-ubyte, also with .gz  the IDX format of MNIST: bytes, (N, H, W) or (N, H, W, C)
 *   *.bin         the binary version of CIFAR-10: records of a label and 3 x 32 x 32 bytes
 *   *.npy         bytes (uint8), (N, H, W), (N, H, W, C) or (N, C, H, W): the last where C is 1
 *                 or 3 and W above 4, unless the options say the order
 *   a folder      if it has data_batch_*.bin: these, in order, as CIFAR-10.  Else all PNG and JPEG
 *                 files in it and its subfolders, ordered by path: those ending in .png, .jpg,
 *                 .jpeg, .jpe or .jfif, and files of any other name that begin as PNG or JPEG do.
 *                 Names that begin with '.' are skipped; clf_images_note() counts files of other
 *                 types.  Each folder is read once, whatever links lead to it, and at most 64
 *                 levels deep.
 *   a PNG or JPEG file  a set of one image
 *
 * All kinds of PNG are read: an alpha channel is dropped (the colours are taken without a
 * background), and 16-bit samples are rounded to 8 bits, as `bits` says.  JPEG may be grey, YCbCr
 * or RGB, but not CMYK.  Images with an EXIF orientation (in JPEG, or the eXIf chunk of PNG) are
 * turned upright, as viewers show them; heights and widths are those of the turned image.  Grey
 * becomes colour by repetition, colour becomes grey as 0.299 R + 0.587 G + 0.114 B.
 *
 * A file is damaged if its decoder warns that data are missing or corrupt, or if it declares more
 * than its bytes can hold.  Limits: 65536 pixels per side and 2^28 in total; above 2^24 pixels,
 * 128 pixels for each byte of the file; 2 GiB per file; 100 scans of a JPEG.  The whole set must
 * fit into the machine's memory.
 *
 * Afterwards the shape is known; the images are available after clf_images_wait().
 * Errors: EIO, EFORMAT, EINVAL (options, keys, an unknown name), ESHAPE (sizes that differ from
 * each other or from the requested size, without crop), ENOMEM (also for a set larger than the
 * machine's memory). */
CLF_API clf_status clf_images_open(const char *source, const clf_image_options *options,
                                   clf_images **images);

/* Stops decoding and frees the set.  NULL is a no-op. */
CLF_API void clf_images_free(clf_images *images);

/* Whether clf_images_open() takes this name.  Folders and files with one of the suffixes above
 * are images by name; only a .npy is opened (bytes of three or four dimensions).  Any other file
 * is an image if its name or its first bytes are those of a PNG or JPEG.  The names of
 * clf_synthetic() are tables, even if folders of that name exist. */
CLF_API int clf_is_image_source(const char *source);

/* How many images are decoded so far, including damaged ones, and how many there are; call it
 * before clf_images_wait(), from the same thread. */
CLF_API void clf_images_progress(const clf_images *images, int64_t *done, int64_t *total);

/* Waits until all images are decoded, and helps to decode.  Errors: as clf_images_open(); also
 * EFORMAT if no image is left. */
CLF_API clf_status clf_images_wait(clf_images *images);

/* The number of images; before clf_images_wait() this includes damaged ones. */
CLF_API int64_t clf_images_count(const clf_images *images);

/* The shape of images from clf_images_get(). */
CLF_API void clf_images_shape(const clf_images *images, int32_t *height, int32_t *width,
                              int32_t *channels);

/* The number of damaged files that were skipped, and in *sentences (may be NULL) one sentence
 * for each, valid as long as the set; 0 before clf_images_wait(). */
CLF_API int64_t clf_images_skipped(const clf_images *images, const char *const **sentences);

/* Remarks on the set, counted from 0, NULL after the last one; valid as long as the set.  They
 * mention files of other types in a folder, the number of images turned by their EXIF data, and
 * 16-bit files that use little of their range.  NULL before clf_images_wait(). */
CLF_API const char *clf_images_note(const clf_images *images, int i);

/* The labels of the images as a table of one column, "class", of labels (CLF_COLUMN_CATEGORY), with
 * a row for each image; free it with clf_table_free().  A label is, by source: the class in a
 * CIFAR-10 record; the number in the IDX file of labels, which is in the folder of the IDX file of
 * images and has its name with "labels" in place of "images" and idx1 in place of idx3; the name of
 * the subfolder that holds the image; the shape of a glyph.  Errors: EINVAL (another source; an
 * image that is not in a subfolder; more than CLF_CATEGORIES_MAX labels; before
 * clf_images_wait()), ENOMEM. */
CLF_API clf_status clf_images_labels(const clf_images *images, clf_table *labels);

/* CRC-32 of the number of images, their shape and all their bytes, in order; for LSUN, of the
 * images before the random cut.  0 before clf_images_wait(). */
CLF_API uint32_t clf_images_checksum(const clf_images *images);

/* Random choices for the images of an epoch. */
typedef struct clf_image_draw {
  int flip;       /* 1: half of the images are flipped horizontally */
  uint64_t seed;  /* of flips and crops */
  uint32_t epoch; /* the choices differ from epoch to epoch */
} clf_image_draw;

/* Images index[0 .. n), or first .. first + n if index is NULL, as (n, H, W, C) bytes.  Whether
 * an image is flipped, and where LSUN cuts it, depends only on the seed and epoch of the draw
 * and on its index in the set.  draw NULL: not flipped, cut as with seed 0 in epoch 0.  May be
 * called by several threads.  Errors: EINVAL (no such row; before clf_images_wait()). */
CLF_API clf_status clf_images_get(const clf_images *images, const int64_t *index, int64_t first,
                                  int64_t n, const clf_image_draw *draw, uint8_t *out);

/* ---- Writing ----------------------------------------------------------- */

/* Files are replaced atomically.  Errors: EIO, EINVAL (shape, no name), ENOMEM. */

/* An image (H, W, C) of 1 or 3 channels, at most 65536 pixels per side. */
CLF_API clf_status clf_image_write_png(const char *path, const uint8_t *pixels, int32_t height,
                                       int32_t width, int32_t channels);
/* Images as uint8 (N, H, W, C), or (N, H, W) if C is 1. */
CLF_API clf_status clf_images_write_npy(const char *path, const uint8_t *pixels, int64_t n,
                                        int32_t height, int32_t width, int32_t channels);
/* The same, or as (N, C, H, W), by the order; AUTO: (N, H, W, C). */
CLF_API clf_status clf_images_write_npy_in(const char *path, const uint8_t *pixels, int64_t n,
                                           int32_t height, int32_t width, int32_t channels,
                                           clf_image_order order);
/* Numbers as float64, row-major, with 1 to 4 dimensions. */
CLF_API clf_status clf_array_write_npy(const char *path, const double *at, int rank,
                                       const int64_t *dim);

/* ---- Noise ------------------------------------------------------------- */

/* Reads the noise that is added to bytes to make them continuous: a .npy of float32 or float64
 * in [0, 1), of shape (N, H, W, C), (N, C, H, W), (N, H*W*C), or (N, H, W) if C is 1, with N =
 * `count`.  The table is (N, H*W*C); free it with clf_table_free().
 * Errors: EIO, EFORMAT (another type of file), ESHAPE (another shape), ENUM (a number out of
 * range), ENOMEM. */
CLF_API clf_status clf_noise_read(const char *path, int64_t count, int32_t height, int32_t width,
                                  int32_t channels, clf_table *noise);

#ifdef __cplusplus
}
#endif
#endif
