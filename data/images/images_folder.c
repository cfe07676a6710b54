/* SPDX-License-Identifier: MIT */
/* images_folder.c: the PNG and JPEG files of a folder, or a single one. */
#define _POSIX_C_SOURCE 200809L
#include <ctype.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "images.h"
#include "images_others.h"
#include "file.h"
#include "signature.h"
#include "path.h"
#include "status.h"

/* What several decoding threads find. */
typedef struct found {
  atomic_llong turned, deep; /* files that EXIF turns, and files with 16 bits */
  atomic_int deepest;        /* the largest sample of the latter */
} found;

typedef struct folder {
  char **path;
  int64_t count;
  int bits;
  size_t root; /* length of the path of the folder, with its slash */
  clf__others others;
  found *found; /* after this struct */
} folder;

/* ---- Selecting files ------------------------------------------------------------------------- */

/* Names that promise an image: errors in such files are reported. */
static int is_named_so(const char *path) {
  static const char *const suffix[] = {".png", ".jpg", ".jpeg", ".jpe", ".jfif"};
  const char *const dot = strrchr(clf__file_name(path), '.');
  for (size_t i = 0; dot && i < sizeof suffix / sizeof *suffix; i++)
    if (!strcasecmp(dot, suffix[i])) return 1;
  return 0;
}

int clf__is_picture(const char *path) {
  char head[8];
  size_t size;
  if (is_named_so(path)) return 1;
  return clf__file_head(path, head, sizeof head, &size) == CLF_OK &&
         (clf__is_png(head, size) || clf__is_jpeg(head, size));
}

static int wanted(void *context, const char *path) {
  if (clf__is_picture(path)) return 1;
  clf__others_add(context, path);
  return 0;
}

/* ---- As a source ----------------------------------------------------------------------------- */

static const char *folder_name(const void *state, int64_t i) {
  return ((const folder *)state)->path[i];
}

static void note_depth(found *f, int32_t deepest) {
  int had = atomic_load(&f->deepest);
  atomic_fetch_add(&f->deep, 1);
  while (deepest > had && !atomic_compare_exchange_weak(&f->deepest, &had, deepest)) continue;
}

static clf_status folder_picture(const void *state, int64_t i, clf__picture *p) {
  const folder *const f = state;
  clf__decoding how = {.bits = f->bits};
  CLF_TRY(clf__decode(f->path[i], &how, p));
  if (how.orientation > 1) atomic_fetch_add(&f->found->turned, 1);
  if (how.deepest >= 0) note_depth(f->found, how.deepest);
  return CLF_OK;
}

/* The subfolder that holds it. */
static int folder_label(const void *state, int64_t i, char text[CLF_LABEL]) {
  const folder *const f = state;
  const char *const at = f->path[i] + f->root;
  size_t n = 0;
  while (at[n] && !clf__is_slash(at[n])) n++;
  snprintf(text, CLF_LABEL, "%.*s", (int)n, at);
  return at[n] != 0;
}

static void folder_free(void *state) {
  folder *const f = state;
  clf__list_free(f->path, f->count);
  free(f);
}

/* ---- Remarks --------------------------------------------------------------------------------- */

/* A copy of a sentence, or NULL. */
static char *copy(const char *text) {
  char *const at = malloc(strlen(text) + 1);
  return at ? strcpy(at, text) : NULL;
}

/* 16-bit images that use less than a sixteenth of their range would become almost black. */
static int say_depth(const folder *f, const char *set, char *text, size_t size) {
  const int top = (1 << f->bits) - 1, largest = atomic_load(&f->found->deepest);
  int bits = 8;
  if (!atomic_load(&f->found->deep) || largest < 1 || largest > top / 16) return 0;
  while (bits < f->bits && largest >= 1 << bits) bits++;
  const long long deep = atomic_load(&f->found->deep);
  snprintf(text, size,
           "%s: %lld image%s of 16 bits %s no sample above %d and %s read as 0 to %d of 255; give "
           "bits = %d (--bits %d), and %d is read as 255",
           set, deep, deep == 1 ? "" : "s", deep == 1 ? "has" : "have", largest,
           deep == 1 ? "is" : "are", (largest * 255 + top / 2) / top, bits, bits, (1 << bits) - 1);
  return 1;
}

static int say_turned(const folder *f, const char *set, char *text, size_t size) {
  const long long turned = atomic_load(&f->found->turned);
  if (!turned) return 0;
  snprintf(text, size, "%s: %lld image%s turned upright, as the EXIF orientation says", set, turned,
           turned == 1 ? " was" : "s were");
  return 1;
}

static clf_status folder_notes(const void *state, const char *set, char *note[CLF_NOTES]) {
  const folder *const f = state;
  char text[1024];
  int n = 0, lacks = 0;
  if (clf__others_say(&f->others, set, text, sizeof text)) lacks |= !(note[n++] = copy(text));
  if (say_turned(f, set, text, sizeof text)) lacks |= !(note[n++] = copy(text));
  if (say_depth(f, set, text, sizeof text)) lacks |= !(note[n++] = copy(text));
  return lacks ? clf__fail(CLF_ENOMEM, "%s: no memory for what to say about it", set) : CLF_OK;
}

/* ---- What the options leave open ------------------------------------------------------------- */

static clf_status mixed(const char *a, const clf__picture *p, const char *b,
                        const clf__picture *q) {
  return clf__fail(CLF_ESHAPE,
                   "%s is %" PRId32 " x %" PRId32 " pixels (height x width) and %s %" PRId32
                   " x %" PRId32 ": give a size and a crop to bring all to one size",
                   a, p->height, p->width, b, q->height, q->width);
}

/* Call while the message about the last file is current. */
static clf_status none_readable(const char *path, int64_t count) {
  return clf__fail(CLF_EFORMAT,
                   "%s: none of its %" PRId64 " image files can be read; of the last: %s", path,
                   count, clf_errmsg());
}

/* Reads the header of file after file: of all if sizes must agree, else until one has colour.
 * Damaged files are skipped; decoding reports them. */
static clf_status look(const folder *f, const char *path, const clf_image_options *o,
                       clf__picture *shape) {
  const int sizes = o->crop == CLF_CROP_NONE && (!o->height || !o->width);
  int64_t first = -1;
  for (int64_t i = 0; i < f->count && (sizes || shape->channels < 3); i++) {
    clf__picture p;
    clf__decoding how = {.header = 1, .bits = 16};
    const clf_status s = clf__decode(f->path[i], &how, &p);
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

static clf_status no_files(const folder *f, const char *path) {
  char others[1024];
  if (!clf__others_say(&f->others, path, others, sizeof others))
    return clf__fail(CLF_EFORMAT, "%s: the folder holds no PNG or JPEG file", path);
  return clf__fail(CLF_EFORMAT, "%s; no PNG or JPEG file is there: convert images to PNG", others);
}

static clf_status open_listed(folder *f, const char *path, const clf_image_options *o,
                              clf__source *s) {
  clf__picture shape = {0};
  if (f->count == 0) return no_files(f, path);
  const int sizes = o->crop == CLF_CROP_NONE && (!o->height || !o->width);
  if (sizes || !o->channels) CLF_TRY(look(f, path, o, &shape));
  if (!sizes) shape.height = shape.width = 0;
  *s = (clf__source){.count = f->count,
                     .shape = shape,
                     .state = f,
                     .picture = folder_picture,
                     .name = folder_name,
                     .notes = folder_notes,
                     .label = f->root ? folder_label : NULL,
                     .free = folder_free};
  return CLF_OK;
}

/* ---- Opening -------------------------------------------------------------- */

typedef clf_status find_files(folder *f, const char *path);

static clf_status list_all(folder *f, const char *path) {
  const size_t n = strlen(path);
  f->root = n + !(n && clf__is_slash(path[n - 1]));
  return clf__list_files(path, 1, wanted, &f->others, &f->path, &f->count);
}

static clf_status list_one(folder *f, const char *path) {
  char **const list = malloc(sizeof *list), *const name = copy(path);
  if (!list || !name) {
    free(list);
    free(name);
    return clf__fail(CLF_ENOMEM, "%s: no memory for its name", path);
  }
  *list = name;
  f->path = list;
  f->count = 1;
  return CLF_OK;
}

static clf_status open_files(find_files *find, const char *path, const clf_image_options *o,
                             clf__source *s) {
  folder *const f = calloc(1, sizeof *f + sizeof *f->found);
  if (!f) return clf__fail(CLF_ENOMEM, "%s: no memory for its files", path);
  f->bits = o->bits;
  f->found = (found *)(void *)(f + 1);
  clf_status code = find(f, path);
  if (code == CLF_OK) code = open_listed(f, path, o, s);
  if (code != CLF_OK) folder_free(f);
  return code;
}

clf_status clf__folder_open(const char *path, const clf_image_options *o, clf__source *s) {
  return open_files(list_all, path, o, s);
}

/* For a single file, an unreadable image is an error of the set. */
clf_status clf__picture_open(const char *path, const clf_image_options *o, clf__source *s) {
  clf_image_options strict = *o;
  strict.strict = 1;
  return open_files(list_one, path, &strict, s);
}
