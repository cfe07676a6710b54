/* SPDX-License-Identifier: MIT */
/* images.c: sets of images: opened, waited for, freed. */
#define _POSIX_C_SOURCE 200809L
#include "images.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "keys.h"
#include "status.h"
#include "table.h"

/* ---- Which kind of source ------------------------------------------------- */

typedef enum kind { NOTHING, GLYPHS, FOLDER, CIFAR, IDX, NPY } kind;

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
  return NOTHING;
}

int clf_is_image_source(const char *source) {
  const kind k = source ? kind_of(source) : NOTHING;
  return k == NPY ? clf__images_npy_is(source) : k != NOTHING;
}

static clf_status unknown(const char *source) {
  if (ends_in(source, ".png") || ends_in(source, ".jpg") || ends_in(source, ".jpeg"))
    return clf__fail(CLF_EINVAL, "%s: a single image is no set; give the folder that it lies in",
                     source);
  return clf__fail(CLF_EINVAL,
                   "%s: is no set of images; there are glyphs, folders of PNG and JPEG files, and "
                   "files ending in .idx, -ubyte, .idx.gz, -ubyte.gz, .bin or .npy",
                   source);
}

static clf_status open_folder(const char *source, const clf_image_options *o, clf__source *s) {
  char **list;
  int64_t count;
  CLF_TRY(clf__list_files(source, 0, clf__cifar_batch, &list, &count));
  clf__list_free(list, count);
  return count ? clf__cifar_open(source, s) : clf__folder_open(source, o, s);
}

static clf_status open_source(const char *source, const clf_image_options *o, clf__source *s) {
  switch (kind_of(source)) {
  case GLYPHS: return clf__glyphs_open(source, s);
  case FOLDER: return open_folder(source, o, s);
  case CIFAR: return clf__cifar_open(source, s);
  case IDX: return clf__idx_open(source, s);
  case NPY: return clf__images_npy_open(source, s);
  case NOTHING: break;
  }
  return unknown(source);
}

/* ---- What is wanted ------------------------------------------------------- */

static clf_status check_options(const char *source, clf_image_options *o) {
  if (o->height < 0 || o->width < 0 || o->height > CLF_IMAGE_SIDE || o->width > CLF_IMAGE_SIDE ||
      (int64_t)o->height * o->width > CLF_IMAGE_PIXELS)
    return clf__fail(CLF_EINVAL,
                     "%s: no image is %" PRId32 " x %" PRId32
                     " pixels; up to %d a side and 2^28 in all can be",
                     source, o->height, o->width, CLF_IMAGE_SIDE);
  if (o->channels != 0 && o->channels != 1 && o->channels != 3)
    return clf__fail(CLF_EINVAL, "%s: images have 1 or 3 channels, not %" PRId32, source,
                     o->channels);
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
                     "%s: of images whose shorter side is %d no %" PRId32 " x %" PRId32
                     " pixels can be cut",
                     source, CLF_IMAGE_LSUN, o->height, o->width);
  return CLF_OK;
}

/* What is not asked for is as the source has it. */
static clf_status settle(clf_images *m) {
  const clf__picture *const shape = &m->source.shape;
  clf_image_options *const o = &m->want;
  if (!o->height) o->height = shape->height;
  if (!o->width) o->width = shape->width;
  if (!o->channels) o->channels = shape->channels;
  m->total = m->count = m->source.count;
  if (shape->height && shape->width) CLF_TRY(clf__fit_check(m->name, o, shape));
  if ((uint64_t)m->total <= SIZE_MAX / sizeof *m->at) {
    m->at = calloc((size_t)m->total, sizeof *m->at);
    m->fault = calloc((size_t)m->total, sizeof *m->fault);
  }
  if (m->at && m->fault) return CLF_OK;
  return clf__fail(CLF_ENOMEM, "%s: no memory for %" PRId64 " images", m->name, m->total);
}

/* ---- The set -------------------------------------------------------------- */

clf_status clf__images_open(const char *source, const clf_image_options *options, int threads,
                            clf_images **images) {
  if (!source) return clf__fail(CLF_EINVAL, "a set of images to read has no name");
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
  if (s == CLF_OK) s = clf__pool_start(m, threads);
  if (s == CLF_OK)
    *images = m;
  else
    clf_images_free(m);
  return s;
}

clf_status clf_images_open(const char *source, const clf_image_options *options,
                           clf_images **images) {
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
  for (int64_t i = 0; m->fault && i < m->total; i++) free(m->fault[i]);
  free(m->at);
  free(m->fault);
  free(m->sentence);
  free(m->name);
  free(m);
}

void clf_images_progress(const clf_images *m, int64_t *done, int64_t *total) {
  *done = m->pool ? clf__pool_done(m->pool) : m->total;
  *total = m->total;
}

/* Moves images and sentences to the front of their lists. */
static void close_gaps(clf_images *m) {
  m->count = m->skipped = 0;
  for (int64_t i = 0; i < m->total; i++) {
    const clf__picture p = m->at[i];
    char *const fault = m->fault[i];
    m->at[i].at = NULL;
    m->fault[i] = NULL;
    if (fault)
      m->fault[m->skipped++] = fault;
    else
      m->at[m->count++] = p;
  }
}

clf_status clf_images_wait(clf_images *m) {
  if (m->pool) {
    clf__pool_finish(m, 0);
    free_source(m);
    if (m->status == CLF_OK) {
      close_gaps(m);
      m->ready = m->count > 0;
    }
  }
  if (m->status != CLF_OK)
    return clf__fail(m->status, "%s", m->sentence ? m->sentence : "no memory for images");
  if (m->count == 0)
    return clf__fail(CLF_EFORMAT,
                     "%s: none of its %" PRId64 " image files can be read; of the first: %s",
                     m->name, m->total, m->fault[0]);
  return CLF_OK;
}

int64_t clf_images_count(const clf_images *m) { return m->count; }

void clf_images_shape(const clf_images *m, int32_t *height, int32_t *width, int32_t *channels) {
  *height = m->want.height;
  *width = m->want.width;
  *channels = m->want.channels;
}

int64_t clf_images_skipped(const clf_images *m, const char *const **sentences) {
  if (sentences) *sentences = (const char *const *)m->fault;
  return m->skipped;
}
