/* SPDX-License-Identifier: MIT */
/* images.c: opens sets of images, waits for them, and frees them. */
#define _POSIX_C_SOURCE 200809L
#include "images.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "keys.h"
#include "signature.h"
#include "named_options.h"
#include "status.h"
#include "table.h"

/* ---- Types of sources ------------------------------------------------------------------------ */

typedef enum kind { NOTHING, GLYPHS, FOLDER, PICTURE, CIFAR, IDX, NPY } kind;

static int ends_in(const char *name, const char *suffix) {
  const size_t n = strlen(name), m = strlen(suffix);
  return n >= m && !strcasecmp(name + n - m, suffix);
}

static kind kind_of(const char *source) {
  static const struct {
    const char *suffix;
    kind k;
  } files[] = {{".idx", IDX},      {"-ubyte", IDX}, {".idx.gz", IDX},
               {"-ubyte.gz", IDX}, {".bin", CIFAR}, {".npy", NPY}};
  struct stat st;
  if (clf__keys_name(source, "glyphs")) return GLYPHS;
  if (clf__is_synthetic(source)) return NOTHING;
  if (!stat(source, &st) && S_ISDIR(st.st_mode)) return FOLDER;
  for (size_t i = 0; i < sizeof files / sizeof *files; i++)
    if (ends_in(source, files[i].suffix)) return files[i].k;
  return clf__is_picture(source) ? PICTURE : NOTHING;
}

int clf_is_image_source(const char *source) {
  const kind k = source ? kind_of(source) : NOTHING;
  return k == NPY ? clf__images_npy_is(source) : k != NOTHING;
}

static clf_status unknown(const char *source) {
  const clf__kind k = clf__kind_of_file(source);
  if (k.group == CLF_IMAGE)
    return clf__fail(CLF_EINVAL, "%s: is %s; PNG and JPEG are read: convert it to PNG", source,
                     k.name);
  return clf__fail(
      CLF_EINVAL,
      "%s: is not a set of images; there are glyphs, folders of PNG and JPEG files, single ones, "
      "and files ending in .idx, -ubyte, .idx.gz, -ubyte.gz, .bin or .npy",
      source);
}

static clf_status open_folder(const char *source, const clf_image_options *o, clf__source *s) {
  char **list;
  int64_t count;
  CLF_TRY(clf__list_files(source, 0, clf__cifar_batch, NULL, &list, &count));
  clf__list_free(list, count);
  return count ? clf__cifar_open(source, s) : clf__folder_open(source, o, s);
}

static clf_status open_source(const char *source, const clf_image_options *o, clf__source *s) {
  switch (kind_of(source)) {
  case GLYPHS: return clf__glyphs_open(source, s);
  case FOLDER: return open_folder(source, o, s);
  case PICTURE: return clf__picture_open(source, o, s);
  case CIFAR: return clf__cifar_open(source, s);
  case IDX: return clf__idx_open(source, s);
  case NPY: return clf__images_npy_open(source, o->order, s);
  case NOTHING: break;
  }
  return unknown(source);
}

/* ---- Requested size and channels ------------------------------------------------------------- */

static const clf__named members[] = {
    CLF_NAMED(clf_image_options, height, INT32, NULL),
    CLF_NAMED(clf_image_options, width, INT32, NULL),
    CLF_NAMED(clf_image_options, channels, INT32, NULL),
    CLF_NAMED(clf_image_options, crop, CHOICE, "none|center|celeba|lsun"),
    CLF_NAMED(clf_image_options, strict, FLAG, NULL),
    CLF_NAMED(clf_image_options, bits, INT32, NULL),
    CLF_NAMED(clf_image_options, order, CHOICE, "auto|NHWC|NCHW"),
};

clf_status clf_image_options_set(clf_image_options *options, const char *name, const char *value) {
  CLF_GIVEN("options, name, value", options, name, value);
  return clf__named_set("image", members, sizeof members / sizeof *members, options, name, value);
}

static clf_status check_options(const char *source, clf_image_options *o) {
  if (o->height < 0 || o->width < 0 || o->height > CLF_IMAGE_SIDE || o->width > CLF_IMAGE_SIDE ||
      (int64_t)o->height * o->width > CLF_IMAGE_PIXELS)
    return clf__fail(CLF_EINVAL,
                     "%s: images of %" PRId32 " x %" PRId32
                     " pixels are not possible; up to %d per side and 2^28 in total are",
                     source, o->height, o->width, CLF_IMAGE_SIDE);
  if (o->bits != 0 && (o->bits < 8 || o->bits > 16))
    return clf__fail(CLF_EINVAL, "%s: samples of 16-bit images have 8 to 16 bits, not %" PRId32,
                     source, o->bits);
  if (!o->bits) o->bits = 16;
  if (o->channels < 0 || o->channels > CLF_IMAGE_CHANNELS)
    return clf__fail(CLF_EINVAL, "%s: images have 1 to %d channels, not %" PRId32, source,
                     CLF_IMAGE_CHANNELS, o->channels);
  if ((unsigned)o->crop > CLF_CROP_LSUN)
    return clf__fail(CLF_EINVAL, "%s: there is no crop %d", source, (int)o->crop);
  if (o->crop == CLF_CROP_CENTER && (!o->height || !o->width))
    return clf__fail(CLF_EINVAL, "%s: the centred crop needs a height and a width", source);
  if (o->crop == CLF_CROP_CELEBA || o->crop == CLF_CROP_LSUN) {
    if (!o->height) o->height = 64;
    if (!o->width) o->width = 64;
  }
  if (o->crop == CLF_CROP_LSUN && (o->height > CLF_IMAGE_LSUN || o->width > CLF_IMAGE_LSUN))
    return clf__fail(CLF_EINVAL,
                     "%s: no %" PRId32 " x %" PRId32
                     " pixels can be cut from images whose shorter side is %d",
                     source, CLF_IMAGE_LSUN, o->height, o->width);
  return CLF_OK;
}

/* Whether the source holds all images exactly as requested. */
static int is_wanted(const clf_images *m) {
  const clf__picture *const shape = &m->source.shape;
  return m->source.whole && m->want.crop != CLF_CROP_LSUN && shape->height == m->want.height &&
         shape->width == m->want.width && shape->channels == m->want.channels;
}

/* Memory for all images; for LSUN, whose images have different sizes, for their pointers. */
static clf_status make_room(clf_images *m) {
  const int lsun = m->want.crop == CLF_CROP_LSUN;
  char what[64];
  size_t each = clf__image_bytes(m), all;
  if (is_wanted(m)) {
    m->pixels = m->source.whole;
    return CLF_OK;
  }
  if (lsun && m->source.shape.height) {
    const clf__picture kept = clf__lsun_shape(&m->source.shape);
    each = (size_t)kept.height * (size_t)kept.width * (size_t)m->want.channels;
  }
  if (__builtin_mul_overflow(each, (uint64_t)m->total, &all)) all = SIZE_MAX;
  snprintf(what, sizeof what, "its %" PRId64 " images", m->total);
  CLF_TRY(clf__memory_fits(m->name, what, all));
  if (lsun)
    m->at = calloc((size_t)m->total, sizeof *m->at);
  else
    m->pixels = m->block = malloc(all);
  if (m->at || m->block) return CLF_OK;
  return clf__fail(CLF_ENOMEM, "%s: no memory for %" PRId64 " images", m->name, m->total);
}

/* Takes from the source what was not requested. */
static clf_status settle(clf_images *m) {
  const clf__picture *const shape = &m->source.shape;
  clf_image_options *const o = &m->want;
  if (!o->height) o->height = shape->height;
  if (!o->width) o->width = shape->width;
  if (!o->channels) o->channels = shape->channels;
  m->total = m->count = m->source.count;
  if (shape->height && shape->width) CLF_TRY(clf__fit_check(m->name, o, shape));
  return make_room(m);
}

/* ---- The set --------------------------------------------------------------------------------- */

clf_status clf__images_open(const char *source, const clf_image_options *options, int threads,
                            clf_images **images) {
  clf_images *const m = calloc(1, sizeof *m);
  if (m) m->name = strdup(source);
  if (!m || !m->name) {
    free(m);
    return clf__fail(CLF_ENOMEM, "%s: no memory for its name", source);
  }
  if (options) m->want = *options;
  clf_status s = check_options(source, &m->want);
  if (s == CLF_OK) s = open_source(source, &m->want, &m->source);
  if (s == CLF_OK) s = settle(m);
  if (s == CLF_OK && (m->block || m->at)) s = clf__pool_start(m, threads);
  if (s == CLF_OK)
    *images = m;
  else
    clf_images_free(m);
  return s;
}

clf_status clf_images_open(const char *source, const clf_image_options *options,
                           clf_images **images) {
  CLF_GIVEN("source, images", source, images);
  return clf__images_open(source, options, 0, images);
}

static void free_source(clf_images *m) {
  if (m->source.free) m->source.free(m->source.state);
  m->source = (clf__source){0};
}

void clf_images_free(clf_images *m) {
  if (!m) return;
  if (m->pool) clf__pool_finish(m, 1);
  free_source(m);
  for (int64_t i = 0; m->at && i < m->total; i++) free(m->at[i].at);
  for (int64_t i = 0; i < m->skipped; i++) free(m->fault[i].sentence);
  for (int i = 0; i < CLF_NOTES; i++) free(m->note[i]);
  free(m->at);
  free(m->block);
  free(m->fault);
  free(m->sentence_of);
  free(m->sentence);
  free(m->name);
  free(m);
}

void clf_images_progress(const clf_images *m, int64_t *done, int64_t *total) {
  if (!m || !done || !total) return;
  *done = m->pool ? clf__pool_done(m->pool) : m->total;
  *total = m->total;
}

static void move(clf_images *m, int64_t to, int64_t from) {
  const size_t size = clf__image_bytes(m);
  if (to == from) return;
  if (m->at) {
    m->at[to] = m->at[from];
    m->at[from].at = NULL;
  } else {
    memcpy(m->block + (size_t)to * size, m->block + (size_t)from * size, size);
  }
}

static int by_number(const void *pa, const void *pb) {
  const clf__fault *const a = pa, *const b = pb;
  return a->at < b->at ? -1 : a->at > b->at;
}

/* Sorts the sentences on skipped images, and moves the other images to the front. */
static clf_status close_gaps(clf_images *m) {
  m->count = m->total - m->skipped;
  if (!m->skipped) return CLF_OK;
  qsort(m->fault, (size_t)m->skipped, sizeof *m->fault, by_number);
  m->sentence_of = malloc((size_t)m->skipped * sizeof *m->sentence_of);
  if (!m->sentence_of) return clf__fail(CLF_ENOMEM, "%s: no memory for what was left out", m->name);
  for (int64_t k = 0; k < m->skipped; k++) m->sentence_of[k] = m->fault[k].sentence;
  for (int64_t i = 0, k = 0, to = 0; i < m->total; i++)
    if (k < m->skipped && m->fault[k].at == i)
      k++;
    else
      move(m, to++, i);
  return CLF_OK;
}

/* Whether the pixels are those of the source. */
static int holds_pixels(const clf_images *m) {
  return m->source.whole && m->pixels == m->source.whole;
}

static clf_status finish(clf_images *m) {
  CLF_TRY(close_gaps(m));
  if (m->count == 0)
    return clf__fail(CLF_EFORMAT,
                     "%s: none of its %" PRId64 " image files can be read; of the first: %s",
                     m->name, m->total, m->fault[0].sentence);
  if (m->source.release && !holds_pixels(m)) m->source.release(m->source.state);
  if (m->source.notes) CLF_TRY(m->source.notes(m->source.state, m->name, m->note));
  m->ready = 1;
  return CLF_OK;
}

/* Stores the message of an error, which every later call repeats. */
static void keep_failure(clf_images *m, clf_status s) {
  m->status = s;
  m->sentence = strdup(clf_errmsg());
}

clf_status clf_images_wait(clf_images *m) {
  CLF_GIVEN("images", m);
  if (m->ready) return CLF_OK;
  if (m->pool) clf__pool_finish(m, 0);
  if (m->status == CLF_OK) {
    const clf_status s = finish(m);
    if (s != CLF_OK) keep_failure(m, s);
  }
  if (m->status || (!holds_pixels(m) && !m->source.label)) free_source(m);
  if (m->status != CLF_OK)
    return clf__fail(m->status, "%s", m->sentence ? m->sentence : "no memory for images");
  return CLF_OK;
}

int64_t clf_images_count(const clf_images *m) { return m ? m->count : 0; }

void clf_images_shape(const clf_images *m, int32_t *height, int32_t *width, int32_t *channels) {
  if (!m || !height || !width || !channels) return;
  *height = m->want.height;
  *width = m->want.width;
  *channels = m->want.channels;
}

int64_t clf_images_skipped(const clf_images *m, const char *const **sentences) {
  if (!m) return 0;
  if (sentences) *sentences = m->sentence_of;
  return m->ready ? m->skipped : 0;
}

const char *clf_images_note(const clf_images *m, int i) {
  return m && i >= 0 && i < CLF_NOTES ? m->note[i] : NULL;
}
