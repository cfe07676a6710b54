/* SPDX-License-Identifier: MIT */
/* images.h: shared by the readers of image sets.  Private. */
#ifndef CLF_DATA_IMAGES_H
#define CLF_DATA_IMAGES_H
#include "clflow/images.h"

#define CLF_IMAGE_SIDE 65536                /* maximum per image */
#define CLF_IMAGE_PIXELS (INT64_C(1) << 28) /* maximum per image */
#define CLF_IMAGE_BLANK (INT64_C(1) << 24)  /* independent of the file's size */
#define CLF_IMAGE_DENSE 128                 /* above that, maximum pixels per byte of the file */
#define CLF_IMAGE_FILE (INT64_C(1) << 31)   /* maximum bytes of a PNG or JPEG file */
#define CLF_IMAGE_LSUN 96                   /* the shorter side after LSUN's resizing */
#define CLF_IMAGE_LONG 32                   /* LSUN: maximum ratio of the sides */

enum { CLF_NOTES = 3, CLF_LABEL = 1025 };

enum { CLF_IMAGE_CHANNELS = 1024 }; /* maximum for arrays; other files have 1 or 3 */

/* One image, (height, width, channels); `at` is malloc'ed, or NULL if only the shape is needed. */
typedef struct clf__picture {
  int32_t height, width, channels;
  uint8_t *at;
} clf__picture;

/* Allocates the pixels for p's shape, which is checked against the limits above.
 * Errors: EFORMAT (`name` exceeds the limits), ENOMEM. */
clf_status clf__picture_new(const char *name, clf__picture *p);

/* ---- Sources ----------------------------------------------------------- */

/* An open source: it returns images one by one, to several threads at the same time. */
typedef struct clf__source {
  int64_t count;
  clf__picture shape; /* of all its images; 0 if they differ or it was not requested */
  void *state;
  /* Image i.  EFORMAT and EIO: this image is damaged; other errors concern the whole set. */
  clf_status (*picture)(const void *state, int64_t i, clf__picture *p);
  /* The name of image i. */
  const char *(*name)(const void *state, int64_t i);
  /* (optional) Remarks about the set `name` once all images are decoded: up to CLF_NOTES
   * sentences, malloc'ed.  Errors: ENOMEM. */
  clf_status (*notes)(const void *state, const char *name, char *note[CLF_NOTES]);
  /* (optional) All images, (count, H, W, C), valid as long as the source. */
  const uint8_t *whole;
  /* (optional) Writes the label of image i, also after release(); 0: it has none. */
  int (*label)(const void *state, int64_t i, char text[CLF_LABEL]);
  /* (optional) Frees what only picture() needs. */
  void (*release)(void *state);
  void (*free)(void *state);
} clf__source;

clf_status clf__glyphs_open(const char *source, clf__source *s);
clf_status clf__idx_open(const char *path, clf__source *s);
clf_status clf__cifar_open(const char *path, clf__source *s); /* a file or a folder */
/* A single PNG or JPEG file as a set of one image; like clf__folder_open(). */
clf_status clf__picture_open(const char *path, const clf_image_options *o, clf__source *s);
/* Whether a file, not a folder, is one. */
int clf__is_picture(const char *path);
clf_status clf__images_npy_open(const char *path, clf_image_order order, clf__source *s);
/* Determines what the options leave open: sizes, and whether any file has colour. */
clf_status clf__folder_open(const char *path, const clf_image_options *o, clf__source *s);

/* Whether a file with this name makes its folder a CIFAR-10 set: a clf__wanted. */
int clf__cifar_batch(void *context, const char *path);

/* Whether a .npy file has bytes in three or four dimensions. */
int clf__images_npy_is(const char *path);

/* Images in memory as bytes: pixel (y, x), channel c of image i is at first + i * record + y *
 * stride[0] + x * stride[1] + c * stride[2]. */
typedef struct clf__raw {
  uint8_t *bytes; /* malloc'ed */
  size_t first, record, stride[3];
  uint8_t *label;                /* (count) malloc'ed; NULL: the images have no labels */
  const char *const *label_name; /* the text of each label; NULL: the number */
} clf__raw;

/* Takes ownership of r->bytes and r->label, also after an error.  Errors: ENOMEM. */
clf_status clf__raw_open(const char *path, const clf__raw *r, int64_t count, clf__picture shape,
                         clf__source *s);

/* Whether a file is wanted; called once per file, in no particular order. */
typedef int clf__wanted(void *context, const char *path);

/* The sorted paths of the wanted files in a folder; with `deep` also of those in its subfolders,
 * each of which is read once, through whatever links, and at most 64 levels deep.  Names that
 * begin with '.' are skipped.  Free each path and the list.
 * Errors: EIO, ENOMEM. */
clf_status clf__list_files(const char *folder, int deep, clf__wanted *wanted, void *context,
                           char ***path, int64_t *count);
void clf__list_free(char **path, int64_t count); /* NULL is a no-op */

/* ---- Decoding and fitting -------------------------------------------------------------------- */

/* How a file is decoded, and what was found. */
typedef struct clf__decoding {
  int header;      /* only the shape is needed */
  int bits;        /* number of bits that are used in samples of a 16-bit PNG, 8 to 16 */
  int orientation; /* found: that of EXIF, 1 to 8; 1 is upright */
  int32_t deepest; /* found: the largest sample of a 16-bit PNG; -1 for other files */
} clf__decoding;

/* The image in a PNG or JPEG file, with 1 or 3 channels, turned upright; or only its shape.
 * Errors: EIO, EFORMAT, ENOMEM. */
clf_status clf__decode(const char *path, clf__decoding *how, clf__picture *p);

/* The two formats, from memory, as stored. */
clf_status clf__decode_png(const char *path, const uint8_t *bytes, size_t size, clf__decoding *how,
                           clf__picture *p);
clf_status clf__decode_jpeg(const char *path, const uint8_t *bytes, size_t size, clf__decoding *how,
                            clf__picture *p);

/* The EXIF orientation of a file; 1 if it has none, or a damaged one. */
int clf__png_orientation(const uint8_t *bytes, size_t size);
int clf__jpeg_orientation(const uint8_t *bytes, size_t size);
/* Turns an image upright, or only its shape.  Errors: ENOMEM; p must then still be freed. */
clf_status clf__turn(const char *name, int orientation, clf__picture *p);
void clf__turned_shape(int orientation, clf__picture *p);

/* EFORMAT if a file of `bytes` bytes that declares this shape exceeds the limits or must be
 * damaged: no PNG or JPEG has more than 8256 pixels per byte. */
clf_status clf__decode_limits(const char *path, int64_t height, int64_t width, size_t size);

/* ENOMEM if `what` ("its 3 images") needs more memory than the machine has, so that a name or a
 * tiny file cannot exhaust the memory of the system. */
clf_status clf__memory_fits(const char *name, const char *what, uint64_t bytes);

/* How a part of an image is resized: see clf_crop. */
typedef enum clf__resize { CLF__RESIZE_MEAN, CLF__RESIZE_TENSORFLOW } clf__resize;

typedef struct clf__window {
  int32_t y, x, height, width;
} clf__window;

/* Cuts the window out of p and resizes it to the height and width of q, whose pixels it
 * allocates; the channels are those of p.  Errors: EFORMAT, ENOMEM. */
clf_status clf__picture_resize(const char *name, const clf__picture *p, clf__window window,
                               clf__resize how, clf__picture *q);

/* Whether an image of p's size can be brought to the size `o`, in which no size is 0 any more.
 * Errors: ESHAPE (no crop, and another size), EFORMAT (too small for the crop). */
clf_status clf__fit_check(const char *name, const clf_image_options *o, const clf__picture *p);

/* The shape of an image after LSUN's resizing: its shorter side is 96. */
clf__picture clf__lsun_shape(const clf__picture *p);

/* Brings an image to the channels and size of `o`; for LSUN, cutting comes later.  Errors: as
 * above, ENOMEM; p must then still be freed. */
clf_status clf__fit(const char *name, const clf_image_options *o, clf__picture *p);

/* ---- The set ----------------------------------------------------------- */

typedef struct clf__pool clf__pool;

/* What is wrong with a skipped image. */
typedef struct clf__fault {
  int64_t at; /* its index in the source */
  char *sentence;
} clf__fault;

struct clf_images {
  char *name;             /* its name in the source */
  clf_image_options want; /* complete: no size and no channels are 0 */
  clf__source source;     /* freed when all are decoded, unless it holds the pixels or labels */
  int64_t total;          /* images in the source */
  int64_t count;          /* images without the skipped ones */
  const uint8_t
      *pixels;       /* (total, H, W, C), of which the first `count` are valid; NULL with LSUN */
  uint8_t *block;    /* the memory to free, or NULL */
  clf__picture *at;  /* (total), with LSUN, whose images differ in size; else NULL */
  clf__fault *fault; /* (skipped), sorted when all is decoded */
  int64_t skipped, fault_room;
  const char **sentence_of; /* (skipped), in the same order; when all is decoded */
  char *note[CLF_NOTES];    /* remarks on the set; NULL after the last one */
  clf__pool *pool;          /* NULL when all is decoded */
  clf_status status;        /* of decoding; `sentence` has the message */
  char *sentence;
  int ready;
};

/* Bytes of an image of the requested shape. */
static inline size_t clf__image_bytes(const clf_images *m) {
  return (size_t)m->want.height * (size_t)m->want.width * (size_t)m->want.channels;
}
/* Image `row` as stored: with LSUN larger than requested. */
static inline clf__picture clf__image_at(const clf_images *m, int64_t row) {
  if (m->at) return m->at[row];
  /* never written to */
  uint8_t *const at = (uint8_t *)(uintptr_t)m->pixels + (size_t)row * clf__image_bytes(m);
  return (clf__picture){m->want.height, m->want.width, m->want.channels, at};
}

/* clf_images_open() with a number of threads, 0 for one per core. */
clf_status clf__images_open(const char *source, const clf_image_options *options, int threads,
                            clf_images **images);

/* Starts threads that decode all images.  If a thread cannot be started that is not an error:
 * clf__pool_finish() decodes the rest.  Errors: ENOMEM. */
clf_status clf__pool_start(clf_images *m, int threads);
/* Helps until all are decoded or, with `stop`, as soon as possible; frees the pool and leaves
 * its result in m->status and m->sentence. */
void clf__pool_finish(clf_images *m, int stop);
int64_t clf__pool_done(const clf__pool *pool);

#endif
