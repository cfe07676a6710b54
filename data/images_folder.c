/* SPDX-License-Identifier: MIT */
/* images_folder.c: the PNG and JPEG files of a folder. */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "images.h"
#include "status.h"

typedef struct folder {
  char **path;
  int64_t count;
} folder;

static int is_picture(const char *name) {
  static const char *const suffix[] = {".png", ".jpg", ".jpeg"};
  const char *const dot = strrchr(name, '.');
  for (size_t i = 0; dot && i < sizeof suffix / sizeof *suffix; i++)
    if (!strcasecmp(dot, suffix[i])) return 1;
  return 0;
}

static const char *folder_name(const void *state, int64_t i) {
  return ((const folder *)state)->path[i];
}

static clf_status folder_picture(const void *state, int64_t i, clf__picture *p) {
  return clf__decode(folder_name(state, i), p);
}

static void folder_free(void *state) {
  folder *const f = state;
  clf__list_free(f->path, f->count);
  free(f);
}

/* ---- What the options leave open ------------------------------------------ */

static clf_status mixed(const char *a, const clf__picture *p, const char *b,
                        const clf__picture *q) {
  return clf__fail(CLF_ESHAPE,
                   "%s is %" PRId32 " x %" PRId32 " pixels (height x width) and %s %" PRId32
                   " x %" PRId32 ": give a size and a crop to bring all to one size",
                   a, p->height, p->width, b, q->height, q->width);
}

/* To be called while the sentence on the last file stands. */
static clf_status none_readable(const char *path, int64_t count) {
  return clf__fail(CLF_EFORMAT,
                   "%s: none of its %" PRId64 " image files can be read; of the last: %s", path,
                   count, clf_errmsg());
}

/* Looks at the front of file after file: at all where they must agree in size, else until one
 * has colour.  Damaged ones are passed over; decoding comes to them. */
static clf_status look(const folder *f, const char *path, const clf_image_options *o,
                       clf__picture *shape) {
  const int sizes = o->crop == CLF_CROP_NONE && (!o->height || !o->width);
  int64_t first = -1;
  for (int64_t i = 0; i < f->count && (sizes || shape->channels < 3); i++) {
    clf__picture p;
    const clf_status s = clf__decode_shape(f->path[i], &p);
    if (s == CLF_ENOMEM || (s != CLF_OK && o->strict)) return s;
    if (s != CLF_OK) continue;
    if (first < 0) {
      first = i;
      *shape = p;
    }
    if (p.channels > shape->channels) shape->channels = p.channels;
    if (sizes && (p.height != shape->height || p.width != shape->width))
      return mixed(f->path[first], shape, f->path[i], &p);
  }
  return first < 0 ? none_readable(path, f->count) : CLF_OK;
}

static clf_status open_listed(folder *f, const char *path, const clf_image_options *o,
                              clf__source *s) {
  clf__picture shape = {0};
  if (f->count == 0)
    return clf__fail(CLF_EFORMAT, "%s: the folder holds no .png, .jpg or .jpeg", path);
  const int sizes = o->crop == CLF_CROP_NONE && (!o->height || !o->width);
  if (sizes || !o->channels) CLF_TRY(look(f, path, o, &shape));
  if (!sizes) shape.height = shape.width = 0;
  *s = (clf__source){.count = f->count,
                     .shape = shape,
                     .state = f,
                     .picture = folder_picture,
                     .name = folder_name,
                     .free = folder_free};
  return CLF_OK;
}

clf_status clf__folder_open(const char *path, const clf_image_options *o, clf__source *s) {
  folder *const f = calloc(1, sizeof *f);
  if (!f) return clf__fail(CLF_ENOMEM, "%s: no memory for its files", path);
  clf_status code = clf__list_files(path, 1, is_picture, &f->path, &f->count);
  if (code != CLF_OK) {
    free(f);
    return code;
  }
  code = open_listed(f, path, o, s);
  if (code != CLF_OK) folder_free(f);
  return code;
}
